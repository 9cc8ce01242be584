"""JISコード(ISO-2022-JP)の読取り (iso2022jp): bytes become text as Windows' CP50221 reads them, vendor characters and half-width kana included.

Python's own codecs know neither NEC row 13 (①, Ⅲ, ㎎) nor the IBM extensions (髙, 﨑) in ESC $ B, nor half-width kana. The bytes of kanji
are those of ASCII marks, so text must be decoded before it is cut at any mark.

Sources: RFC 1468 (escapes; every line starts in ASCII), JIS X 0208, JIS X 0201, CP932.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache

LOST = "\ufffd"
"""Stands for a pair that CP932 gives no character (外字, a character of the hospital's own)."""

_ESCAPE = b"\x1b"
_TO_KANA = bytes((byte | 0x80) if 0x21 <= byte <= 0x5F else byte for byte in range(256))
_KANA = bytes(range(0x21, 0x60))
_PRINTED = range(0x21, 0x7F)
_LONGEST_REMEMBERED = 256  # bytes of one run; longer ones are texts that do not come again


class Undecodable(ValueError):
    """Bytes that are no ISO-2022-JP: an unknown escape, a byte of eight bits, half a character."""


def decode(data: bytes) -> str:
    """The text; pairs without a character become `LOST`, everything else that is not understood raises `Undecodable`.

    ESC ( J (JIS X 0201 Roman) is read as ASCII, as CP50221 does. A line end inside kanji returns to ASCII (RFC 1468).

    >>> decode(b"\\x1b$B-!|b\\x1b(B^\\x1b(I6]\\x1b(B")
    '①髙^ｶﾝ'
    """
    if b"\x0e" in data or b"\x0f" in data:
        raise Undecodable("shift out or in")
    runs = data.split(_ESCAPE)
    try:
        if len(runs) == 1:
            return data.decode("ascii")
        texts = [runs[0].decode("ascii")]
        for run in runs[1:]:
            if run.startswith(b"(B"):
                texts.append(run[2:].decode("ascii"))
            else:
                texts.append(_remembered(run) if len(run) <= _LONGEST_REMEMBERED else _read(run))
    except UnicodeDecodeError:
        raise Undecodable("a byte of eight bits") from None
    return "".join(texts)


def _read(run: bytes) -> str:
    """What follows one escape (its first byte, ESC, taken away)."""
    if run.startswith((b"$B", b"$@")):
        return _kanji(run[2:])
    if run.startswith(b"(J"):
        return run[2:].decode("ascii")
    if run.startswith(b"(I"):
        return _half_width(run[2:])
    if run.startswith(b"$(D"):
        return _supplement(run[3:])
    raise Undecodable("an escape that is not of ISO-2022-JP")


_remembered = lru_cache(maxsize=1 << 16)(_read)  # names of drugs, tests, wards and of the patient at hand come again and again


def _kanji(run: bytes) -> str:
    try:
        return "".join(map(_PAIRS.__getitem__, memoryview(run).cast("H")))
    except (KeyError, TypeError):  # a pair without a character, an odd byte, or a line end inside
        kanji, rest = _line(run)
        if len(kanji) % 2:
            raise Undecodable("half a character") from None
        return "".join(_PAIRS.get(pair, LOST) for pair in memoryview(kanji).cast("H")) + rest


def _half_width(run: bytes) -> str:
    kana, rest = _line(run)
    if kana.translate(None, _KANA):
        raise Undecodable("no half-width kana")
    return kana.translate(_TO_KANA).decode("cp932") + rest


def _supplement(run: bytes) -> str:
    """JIS X 0212, as some systems send it after ESC $ ( D."""
    kanji, rest = _line(run)
    try:
        return (b"\x1b$(D" + kanji + b"\x1b(B").decode("iso2022_jp_1") + rest
    except UnicodeDecodeError:
        raise Undecodable("no character of JIS X 0212") from None


def _line(run: bytes) -> tuple[bytes, str]:
    """The characters up to a line end, and the rest, which is ASCII again."""
    end = next((place for place, byte in enumerate(run) if byte not in _PRINTED), len(run))
    if end < len(run) and run[end] not in b"\r\n":
        raise Undecodable("a control byte inside kanji")
    return run[:end], run[end:].decode("ascii")


def _pairs() -> Iterator[tuple[int, str]]:
    """Every pair of seven-bit bytes to which CP932 gives a character, as the number in which this machine reads two bytes."""
    for lead in _PRINTED:
        for trail in _PRINTED:
            row, cell = lead - 0x21, trail - 0x21
            first = row // 2 + (0x81 if row < 62 else 0xC1)
            second = cell + (0x9F if row % 2 else 0x40 + (cell >= 0x3F))
            try:
                yield int.from_bytes((lead, trail), sys.byteorder), bytes((first, second)).decode("cp932")
            except UnicodeDecodeError:
                continue


_PAIRS = dict(_pairs())
