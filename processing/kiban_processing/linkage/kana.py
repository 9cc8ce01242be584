"""カナ氏名 (kana): one spelling of a reading, whatever the hospital's system can print."""

from __future__ import annotations

import re

import jaconv

from kiban_processing.linkage import glyphs

_FOREIGN = (("ヴァ", "バ"), ("ヴィ", "ビ"), ("ヴェ", "ベ"), ("ヴォ", "ボ"), ("ヴ", "ブ"))
# Many systems print no small kana; ヅ/ズ and ヂ/ジ sound alike and are mixed.
_SPELLINGS = str.maketrans("ァィゥェォッャュョヮヵヶヅヂヲヱヰ", "アイウエオツヤユヨワカケズジオエイ")
_DASHES = re.compile("[-‐‑‒–—―−ｰ─~〜]")
_O_ROW = "オコソトノホモヨロゴゾドボポ"
_U_ROW = "ウクスツヌフムユルグズブプ"
# オウ, オオ and オー are one long vowel, and so are ウウ and ウー; 大野 (オオノ) must stay apart from 小野 (オノ).
_LONG_VOWEL = re.compile(f"(?<=[{_O_ROW}])[ウオー]|(?<=[{_U_ROW}])[ウー]")
_DROPPED = re.compile("[^ァ-ヺーA-Z0-9]")


def spelled(text: str) -> str:
    """Full-width katakana in big letters with spaces kept; long vowels as written.

    >>> spelled("ﾀｶﾊｼ ｼﾞｭﾝ"), spelled("きむら　みづき")
    ('タカハシ ジユン', 'キムラ ミズキ')
    """
    katakana = str(jaconv.hira2kata(glyphs.plain(text).upper()))
    for foreign, plain in _FOREIGN:
        katakana = katakana.replace(foreign, plain)
    return _DASHES.sub("ー", katakana).translate(_SPELLINGS)


def strict(text: str) -> str:
    """The reading without spaces, long vowels in one spelling; empty if nothing readable is left.

    >>> strict("サイトウ"), strict("ｻｲﾄｰ"), strict("さいとう")
    ('サイトー', 'サイトー', 'サイトー')
    >>> strict("オオノ") == strict("オーノ"), strict("オオノ") == strict("オノ")
    (True, False)
    """
    return _LONG_VOWEL.sub("ー", _DROPPED.sub("", spelled(text)))


def wide(text: str) -> str:
    """The reading without any long vowel; for candidates only (passports write ユウコ as YUKO, clerks as ユコ).

    >>> wide("ユウコ"), wide("ユコ")
    ('ユコ', 'ユコ')
    """
    return strict(text).replace("ー", "")
