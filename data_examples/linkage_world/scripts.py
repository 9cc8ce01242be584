"""字の形と表記 (scripts): what a hospital's system does to kanji and kana; every function works on one text, and callers use it on distinct ones."""

from __future__ import annotations

import re
import unicodedata

from data_examples.linkage_world.names import OLD_SHAPES

_PLAIN = {shape[0]: plain for plain, shapes in OLD_SHAPES.items() for shape in shapes}
_JIS_FOLDED = {
    "髙": "高",
    "﨑": "崎",
    "濵": "浜",
    "德": "徳",
    "瀨": "瀬",
    "𠮷": "吉",
    "神": "神",
    "福": "福",
    "塚": "塚",
    "隆": "隆",
    "祐": "祐",
}
_HALF: dict[str, str] = {}
for _code in range(0xFF66, 0xFF9E):
    _full = unicodedata.normalize("NFKC", chr(_code))
    _HALF.setdefault(_full, chr(_code))
for _base, _voiced in zip("カキクケコサシスセソタチツテトハヒフヘホウ", "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴ", strict=True):
    _HALF[_voiced] = _HALF[_base] + "ﾞ"
for _base, _voiced in zip("ハヒフヘホ", "パピプペポ", strict=True):
    _HALF[_voiced] = _HALF[_base] + "ﾟ"
_SMALL = str.maketrans("ャュョッァィゥェォ", "ヤユヨツアイウエオ")
_LONG = re.compile("(?<=[オコソトノホモヨロゴゾドボポョ])ウ|(?<=[ウクスツヌフムユルグズブプュ])ウ|(?<=[オコトホ])オ")


def _encodable(character: str, codec: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def kanji_for(text: str, charset: str) -> str:
    """The text as a system with this character set stores it; what it cannot hold becomes the common shape or 〓 (geta)."""
    if charset == "unicode":
        return text
    text = "".join(c for c in text if not "\U000e0100" <= c <= "\U000e01ef")
    codec = "cp932" if charset == "cp932" else "shift_jis"
    done = []
    for position, character in enumerate(text):
        if _encodable(character, codec):
            done.append(character)
        elif character in _JIS_FOLDED and _encodable(_JIS_FOLDED[character], codec):
            done.append(_JIS_FOLDED[character])
        elif character in _PLAIN and position % 2 == 1:
            done.append(_PLAIN[character])
        else:
            done.append("〓")
    return "".join(done)


def kana_for(text: str, style: str) -> str:
    """A reading in full-width katakana as the hospital writes readings."""
    if style == "half":
        return "".join(_HALF.get(c, c) for c in text)
    if style == "hira":
        return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in text)
    if style == "big":
        return text.translate(_SMALL).replace("ヅ", "ズ").replace("ヂ", "ジ")
    if style == "long":
        return _LONG.sub("ー", text).replace("ヅ", "ズ")
    return text


def full_width(text: str) -> str:
    """ASCII letters, digits and signs in full width."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def kanji_number(number: int) -> str:
    """1 to 99 in kanji (二十三)."""
    digits = "〇一二三四五六七八九"
    ten, one = divmod(number, 10)
    return (("" if ten == 1 else digits[ten]) + "十" if ten else "") + (digits[one] if one else "")


_ERAS = (
    (43586, "令和", "R", 5, 2018),
    (32516, "平成", "H", 4, 1988),
    (9855, "昭和", "S", 3, 1925),
    (4595, "大正", "T", 2, 1911),
    (0, "明治", "M", 1, 1867),
)


def date_for(iso: str, days_since_1900: int, style: str) -> str:
    """A day in the hospital's way. `iso`: year-month-day; `days_since_1900` decides the era."""
    year, month, day = iso.split("-")
    if style == "iso":
        return iso
    if style == "compact":
        return year + month + day
    if style == "slash":
        return f"{year}/{month}/{day}"
    start, kanji, letter, figure, before = next(era for era in _ERAS if days_since_1900 >= era[0])
    number = int(year) - before
    if style == "letter":
        return f"{letter}{number:02d}.{month}.{day}"
    if style == "number":
        return f"{figure}{number:02d}{month}{day}"
    return f"{kanji}{'元' if number == 1 else number}年{int(month)}月{int(day)}日"
