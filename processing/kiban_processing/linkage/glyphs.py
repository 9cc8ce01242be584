"""字形 (glyphs): one shape for each character of a name or an address, in a strict layer and in a wide one.

Strict: another shape of the same character (髙 = 高, 﨑 = 崎, 齋 = 斎); safe for equality. Wide: characters that clerks mix
(斎 = 斉, 嶋 = 島); for finding candidates only. 崎 and 埼 are different characters in either layer.
The tables are those of the installed libraries joyokanji and jntajis; ours is only `MIXED_BY_CLERKS`.
Source: 戸籍法関連通達・通知 as given by the MJ shrink map (jntajis, scheme 8); NFKC of Unicode Annex 15.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import joyokanji
from jntajis import MJShrinkSchemeCombo, mj_shrink_candidates

# Variation selectors (IVS) say which shape of the same character was meant; the others are not seen at all.
_INVISIBLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u200b-\u200f\u2060\ufeff\u00ad]")
# Voicing marks written as characters of their own; NFKC would put a space before them.
_MARKS = str.maketrans({"゛": "\u3099", "゜": "\u309a"})
_STRAY_MARKS = re.compile("[\u3099\u309a]")
_BLANKS = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]")
_OUTER_BLANKS = re.compile(r"^ +| +$", re.MULTILINE)
# What systems print for a character they cannot: geta, boxes, question marks.
UNREADABLE = "〓?■□●○◆◇▲△※*\ufffd"
_FAMILY_REGISTER = MJShrinkSchemeCombo.MOJ_FAMILY_REGISTER_ACT_RELATED_NOTICE

# Different characters by the dictionary, one surname at the reception desk. Wide layer only.
MIXED_BY_CLERKS = str.maketrans({"斉": "斎", "籐": "藤", "籔": "藪", "巖": "巌", "凜": "凛"})


def plain(text: str) -> str:
    """NFKC without variation selectors and invisible characters, every blank a space, trimmed.

    >>> plain("ｻｲﾄｳ\u3000Ａ"), plain("ミツキ゛")
    ('サイトウ A', 'ミツギ')
    >>> plain("辻\U000e0100本")
    '辻本'
    """
    return plain_lines(text.replace("\n", " "))


def strict(text: str) -> str:
    """Every character in its current standard shape.

    >>> strict("髙橋"), strict("山﨑"), strict("濵田"), strict("齋藤")
    ('高橋', '山崎', '浜田', '斎藤')
    >>> strict("大埼") == strict("大崎"), strict("玉井")
    (False, '玉井')
    """
    return plain(text).translate(_STRICT)


def wide(text: str) -> str:
    """Characters that clerks mix become one; never use it as proof of equality.

    >>> len({wide(name) for name in ("斎藤", "齋藤", "斉藤", "齊藤")})
    1
    >>> wide("中嶋") == wide("中島"), wide("渡邉") == wide("渡辺"), wide("大埼") == wide("大崎")
    (True, True, False)
    """
    return strict(text).translate(_WIDE)


def plain_lines(text: str) -> str:
    """`plain` of every line of a text."""
    shown = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_MARKS))
    return trimmed_lines(_BLANKS.sub(" ", _STRAY_MARKS.sub("", shown)))


def trimmed_lines(text: str) -> str:
    """Every line without spaces around it."""
    return _OUTER_BLANKS.sub("", text) if text[:1] == " " or text[-1:] == " " or "\n " in text or " \n" in text else text


def strict_lines(text: str) -> str:
    """`strict` of every line of a text."""
    return plain_lines(text).translate(_STRICT)


def widened(text: str) -> str:
    """The wide layer over a text that is strict already, line by line too."""
    return text.translate(_WIDE)


class _Characters(dict[int, str]):
    """A table for `str.translate` that learns a character when it first meets it."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        super().__init__()
        self._fold = fold

    def __missing__(self, code: int) -> str:
        self[code] = found = self._fold(chr(code))
        return found


@lru_cache(maxsize=30_000)
def _strict_character(character: str) -> str:
    if ord(character) < 0x3000:
        return character
    if not _in_jis_x_0208(character):
        # The map lists candidates in code-point order with the character itself, so only an unambiguous one is taken,
        # and only for characters that ordinary hospital systems cannot hold (taking the first maps 玉 to 王).
        candidates = _candidates(character)
        if len(candidates) == 1:
            character = candidates[0]
    # Current forms of old characters, and the few compatibility shapes that NFKC leaves alone.
    return str(joyokanji.convert(character, variants=True))


@lru_cache(maxsize=30_000)
def _wide_character(character: str) -> str:
    """Follows the family-register map to its end; where it runs in a circle (渕 ⇄ 淵) the lowest code point stands for all."""
    trail = [character]
    while True:
        # 邉 may become 辺 or its old shape 邊: one candidate, once both are strict.
        candidates = sorted({_strict_character(candidate) for candidate in _candidates(trail[-1])} - {trail[-1]})
        if len(candidates) != 1:
            return trail[-1]
        if candidates[0] in trail:
            return min(trail[trail.index(candidates[0]) :])
        trail.append(candidates[0])


def _candidates(character: str) -> list[str]:
    if ord(character) < 0x3000:
        return []
    found = mj_shrink_candidates(character, _FAMILY_REGISTER)
    return [candidate for candidate in found if candidate != character and _in_jis_x_0208(candidate)]


def _in_jis_x_0208(character: str) -> bool:
    try:
        character.encode("iso2022_jp")
    except UnicodeError:
        return False
    return True


_STRICT = _Characters(_strict_character)
_WIDE = _Characters(lambda character: _wide_character(character).translate(MIXED_BY_CLERKS))
