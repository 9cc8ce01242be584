"""住所 (addresses): the place down to the town and the first three numbers, without the ways of writing them.

Not resolved here: municipalities that were merged or renamed (the postal code bridges them in the model) and building names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kiban_processing.linkage import glyphs

_PREFECTURE = re.compile(r"^(?:北海道|東京都|(?:京都|大阪)府|(?:神奈川|和歌山|鹿児島|[^都道府県市区町村]{2})県)(?=.)")
_COUNTY = re.compile(r"^[^市区町村\d]{1,5}郡(?=[^\d]+[町村])")
_NUMERAL = "〇一二三四五六七八九十百千"
# Only after a number: ー is also the long vowel of ニュータウン.
_DASH = re.compile(f"(?<=[0-9{_NUMERAL}目番地号])[‐‑‒–—―−ｰ─ー~〜]")
# Numerals count only where they number something: 二丁目 is 2, 二ノ宮, 一番町 and 八王子 are names.
_KANJI_NUMBER = re.compile(
    f"([{_NUMERAL}]+)(?=丁目|番地|番(?!町)|号|(?:の|ノ|-)[{_NUMERAL}0-9]+(?:$|[番号のノ\\s-]))|(?<=[丁目番地のノ-])([{_NUMERAL}]+)(?=$|[番号のノ\\s-])"
)
_SAPPORO = re.compile(f"([東西南北])([{_NUMERAL}]+)(?=条|丁目)")
_NUMBERS = re.compile(r"\d+(?:\s*(?:丁目|番地の|番地|番|号|の|ノ|-)\s*\d+)*")
_FILLER = re.compile(r"大字|小字|(?<=[市区町村])字|[\s、,・]")
_KE = str.maketrans("ヶヵがガ之のノ", "ケケケケノノノ")
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")}


@dataclass(frozen=True)
class Address:
    """`town`: municipality and town without prefecture and 郡, wide key; `numbers`: at most three, joined by hyphens, or None."""

    town: str
    numbers: str | None


def read(text: str) -> Address | None:
    """The comparable form of one written address; None if no place is left.

    >>> read("神奈川県横浜市西区みなとみらい二丁目３番１号 海ビル５０１")
    Address(town='横浜市西区みなとみらい', numbers='2-3-1')
    >>> read("横浜市西区みなとみらい2-3-1-501") == read("神奈川県横浜市西区みなとみらい２－３－１")
    True
    >>> read("埼玉県比企郡小川町大字大塚五十五番地") == read("小川町大塚55")
    True
    """
    shown = _DASH.sub("-", glyphs.strict(text))
    shown = _SAPPORO.sub(lambda found: found.group(1) + str(number(found.group(2))), shown)
    shown = _KANJI_NUMBER.sub(lambda found: str(number(found.group(1) or found.group(2))), shown)
    shown = _COUNTY.sub("", _PREFECTURE.sub("", shown).lstrip())
    first = _NUMBERS.search(shown)
    town = glyphs.wide(_FILLER.sub("", shown[: first.start()] if first else shown)).translate(_KE).rstrip("-")
    if not town:
        return None
    found = re.findall(r"\d+", first.group()) if first else []
    return Address(town, "-".join(str(int(digits)) for digits in found[:3]) or None)


def postal_code(text: str) -> str | None:
    """Seven digits, or None.

    >>> postal_code("〒220-0012"), postal_code("２２０００１２"), postal_code("220")
    ('2200012', '2200012', None)
    """
    digits = re.sub(r"\D", "", glyphs.plain(text))
    return digits if len(digits) == 7 and digits != "0000000" else None


def number(numeral: str) -> int:
    """The value of a kanji numeral, in either style.

    >>> number("二十三"), number("百五"), number("一〇三"), number("十")
    (23, 105, 103, 10)
    """
    if not any(unit in numeral for unit in "十百千"):
        return int("".join(str(_DIGITS[character]) for character in numeral))
    total, digit = 0, 0
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
    return total + digit
