"""カナ氏名 (kana): one spelling of a reading, whatever the hospital's system can print.

`spelled` → `strict` → `wide` are layers: what is equal in one is equal in the next. All are line-safe (see `columns`) in the
`_lines` forms, which expect the layer before.
"""

from __future__ import annotations

import re

from kiban_processing.linkage import glyphs

# Many systems print no small kana; ヅ/ズ and ヂ/ジ sound alike and are mixed; hiragana is the same sound.
SPELLINGS = str.maketrans(
    {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}
    | dict(zip("ァィゥェォッャュョヮヵヶヅヂヲヱヰ", "アイウエオツヤユヨワカケズジオエイ", strict=True))
    | dict(zip("ぁぃぅぇぉっゃゅょゎゕゖづぢをゑゐ", "アイウエオツヤユヨワカケズジオエイ", strict=True))
    | dict.fromkeys("-‐‑‒–—―−ｰ─~〜", "ー")
)
_FOREIGN = (("ヴア", "バ"), ("ヴイ", "ビ"), ("ヴエ", "ベ"), ("ヴオ", "ボ"), ("ヴ", "ブ"))
_O_ROW = "オコソトノホモヨロゴゾドボポ"
_U_ROW = "ウクスツヌフムユルグズブプ"
# オウ, オオ and オー are one long vowel, and so are ウウ and ウー; 大野 (オオノ) must stay apart from 小野 (オノ).
_LONG_VOWEL = re.compile(f"([{_O_ROW}])[ウオー]|([{_U_ROW}])[ウー]")
_ANY_LENGTH = re.compile(f"([{_O_ROW}])[ウオー]+|([{_U_ROW}])[ウー]+|ー+")
_DROPPED = re.compile("[^ァ-ヺーA-Z0-9 \\n]")
# ティ and チ, ディ and ジ are written for one sound of a foreign name.
_DENTALS = (("テイ", "チ"), ("デイ", "ジ"))
# A foreign name's doubled consonant is written or not (フィリップ, フィリプ); big and small ツ look alike.
_DOUBLED = re.compile("ツ(?=[カキクケコサシスセソタチツテトハヒフヘホガギグゲゴザジズゼゾダドバビブベボパピプペポ ]|$)", re.MULTILINE)


def spelled(text: str) -> str:
    """Full-width katakana in big letters with spaces kept; long vowels as written.

    >>> spelled("ﾀｶﾊｼ ｼﾞｭﾝ"), spelled("きむら　みづき")
    ('タカハシ ジユン', 'キムラ ミズキ')
    """
    return spelled_lines(glyphs.plain(text).upper())


def strict(text: str) -> str:
    """The reading without spaces, long vowels in one spelling; empty if nothing readable is left.

    >>> strict("サイトウ"), strict("ｻｲﾄｰ"), strict("さいとう")
    ('サイトー', 'サイトー', 'サイトー')
    >>> strict("オオノ") == strict("オーノ"), strict("オオノ") == strict("オノ")
    (True, False)
    """
    return strict_lines(spelled(text).replace(" ", ""))


def wide(text: str) -> str:
    """The reading without any long vowel; for candidates only (passports write ユウコ as YUKO, clerks as ユコ).

    >>> wide("ユウコ"), wide("ユコ"), wide("マルティン") == wide("マルチン")
    ('ユコ', 'ユコ', True)
    """
    return wide_lines(spelled(text).replace(" ", ""))


def foreign(text: str) -> str:
    """A key for one part of a transliterated name: as `wide`, and doubled consonants single. Not for Japanese names: マツシタ becomes マシタ.

    >>> foreign("フィリップ") == foreign("フイリプ")
    True
    """
    return foreign_lines(wide(text))


def spelled_lines(text: str) -> str:
    """`spelled` of every line of a plain text in capitals."""
    return foreign_sounds(text.translate(SPELLINGS))


def foreign_sounds(text: str) -> str:
    """ヴ in big katakana as the sound it stands for."""
    if "ヴ" in text:
        for sound, plain in _FOREIGN:
            text = text.replace(sound, plain)
    return text


def strict_lines(text: str) -> str:
    """`strict` of every line of a spelled text; spaces, where there are some, stay and end a sound."""
    return _LONG_VOWEL.sub(r"\1\2ー", _DROPPED.sub("", text))


def wide_lines(text: str) -> str:
    """`wide` of every line of a spelled text; spaces, where there are some, stay and end a sound."""
    folded = _ANY_LENGTH.sub(r"\1\2", _DROPPED.sub("", text))
    for dental, plain in _DENTALS:
        folded = folded.replace(dental, plain)
    return folded


def foreign_lines(text: str) -> str:
    """`foreign` of every line of a wide text; spaces, where there are some, stay and end a sound."""
    return _DOUBLED.sub("", text)
