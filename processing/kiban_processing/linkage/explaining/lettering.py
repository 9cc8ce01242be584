"""文字の幅 (lettering): how wide Japanese and Latin text is, in columns of a terminal and in units of a drawing."""

from __future__ import annotations

import unicodedata

_SEPARATOR = "\x1f"
_NARROW = 0.58  # of the height of a letter; wide enough for the widest common sans serif


def columns(text: str) -> int:
    """Columns on a terminal; a full-width character takes two.

    >>> columns("氏名 ab")
    7
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WFA" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    return text + " " * max(width - columns(text), 0)


def drawn(text: str, height: float) -> float:
    """Upper bound of the width of text in a drawing whose letters are `height` high."""
    return sum(height if unicodedata.east_asian_width(letter) in "WFA" else _NARROW * height for letter in text)


def wrapped(text: str, height: float, most: float) -> list[str]:
    """Lines no wider than `most`; broken at the last space or after the last 、 of a line, and between any letters where there is none.

    >>> wrapped("names are equal", 10, 70)
    ['names are', 'equal']
    >>> wrapped("氏名が異なります", 10, 45), wrapped("氏名、住所が異なります", 10, 90)
    (['氏名が異', 'なります'], ['氏名、', '住所が異なります'])
    """
    lines, line = [], ""
    for letter in text:
        if line and drawn(line + letter, height) > most and letter not in "、。）":
            stop = max(line.rfind(" "), line.rfind("、"), line.rfind("（") - 1)
            if stop <= 0 or letter == " ":
                stop = len(line) - 1
            lines.append(line[: stop + 1].rstrip())
            line = (line[stop + 1 :] + letter).lstrip()
        else:
            line += letter
    return [*lines, line] if line else lines


def signed(weight: float, minus: str = "-") -> str:
    """A weight with its sign and two places.

    >>> signed(3.14159), signed(-2.0), signed(-0.001)
    ('+3.14', '-2.00', '±0.00')
    """
    written = f"{weight:+.2f}"
    return "±0.00" if written in ("+0.00", "-0.00") else written.replace("-", minus)


def named(registration: str) -> str:
    """A registration as people read it: hospital and its local number.

    >>> named("H1" + chr(31) + "0007")
    'H1 0007'
    """
    return registration.replace(_SEPARATOR, " ")
