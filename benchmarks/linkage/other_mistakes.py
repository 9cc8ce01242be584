"""書き間違い (mistakes): what fingers, old machines and hasty ears make of one text; and the tags by which they are booked.

Each function takes one text and a random number in [0, 1) and returns another text; they are called for the few registrations that are hit.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from other_names import SHAPED

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TAGS = (
    "renamed", "former-name-kept", "former-name-in-brackets", "shape-changed", "shape-plain", "gaiji", "variation-selector", "conversion", "misread", "voicing", "kana-typo",
    "long-vowel", "zu-du", "big-kana", "half-width", "hiragana", "no-space", "order-swapped", "fields-swapped", "title", "no-kana", "no-kanji", "surname-only",
    "cut-at-10", "newborn-name", "kana-for-name", "middle-dropped", "latin-order", "alias", "alias-in-brackets", "other-reading", "no-birth", "birth-digit", "birth-transposed",
    "birth-year-off", "birth-era", "birth-month-day", "birth-default", "sex-wrong", "no-sex", "address-old", "address-kin", "no-address", "address-cut", "address-number",
    "address-kanji-number", "address-typo", "no-building", "city-old-name", "care-home", "no-postal", "postal-wrong", "no-phone", "phone-kin", "phone-filler", "phone-digit",
    "phone-no-area", "phone-two", "no-insurance", "card-old", "insurance-digit", "insurer-digit",
)  # fmt: skip
MORE = (
    "joined-symbol",
    "zero-dropped",
    "no-branch",
    "no-symbol",
    "welfare",
    "second-card",
    "before-merger",
    "address-ke",
    "era-lag",
)  # a second word of 64 bits

KEYPAD = {"0": "12", "1": "24", "2": "135", "3": "26", "4": "157", "5": "2468", "6": "359", "7": "48", "8": "579", "9": "68"}
BIG = str.maketrans("ァィゥェォャュョッヮ", "アイウエオヤユヨツワ")
_HALF = {unicodedata.normalize("NFKC", chr(c)): chr(c) for c in range(0xFF66, 0xFF9E)}
_HALF |= {
    unicodedata.normalize("NFKC", chr(c) + mark): chr(c) + mark
    for c in range(0xFF66, 0xFF9E)
    for mark in "ﾞﾟ"
    if len(unicodedata.normalize("NFKC", chr(c) + mark)) == 1
}
HALF = str.maketrans(_HALF | {"　": " ", "・": "･"})
HIRAGANA = str.maketrans({chr(c): chr(c - 96) for c in range(ord("ァ"), ord("ヶ") + 1)})
FULL_DIGITS = str.maketrans("0123456789-", "０１２３４５６７８９－")
NEAR_KANA = [
    "アイウエオ",
    "カキクケコ",
    "サシスセソ",
    "タチツテト",
    "ナニヌネノ",
    "ハヒフヘホ",
    "マミムメモ",
    "ヤユヨ",
    "ラリルレロ",
    "ガギグゲゴ",
    "シツ",
    "ソン",
    "クワ",
    "ヌス",
]
VOICED = {a: b for a, b in zip("カキクケコサシスセソタチツテトハヒフヘホ", "ガギグゲゴザジズゼゾダヂヅデドバビブベボ", strict=True)}
VOICED |= {b: a for a, b in VOICED.items()}
NUMERALS = "〇一二三四五六七八九"


def _at(places: list[int], draw: float) -> int:
    return places[int(draw * len(places))]


def keypad(text: str, draw: float) -> str:
    """One digit becomes its neighbour on the numeric keypad."""
    places = [i for i, c in enumerate(text) if c in KEYPAD]
    if not places:
        return text
    i = _at(places, draw)
    near = KEYPAD[text[i]]
    return text[:i] + near[int(draw * 997) % len(near)] + text[i + 1 :]


def voicing(text: str, draw: float) -> str:
    """ナカシマ for ナカジマ, タカタ for タカダ: never on the first sound."""
    places = [i for i, c in enumerate(text) if i and c in VOICED]
    if not places:
        return text
    i = _at(places, draw)
    return text[:i] + VOICED[text[i]] + text[i + 1 :]


def kana_typo(text: str, draw: float) -> str:
    """A sound of the same row, one left out, or two exchanged."""
    if len(text) < 2:
        return text
    i = int(draw * len(text))
    way = int(draw * 7919) % 4
    if way == 0 and len(text) > 2:
        return text[:i] + text[i + 1 :]
    if way == 1 and i:
        return text[: i - 1] + text[i] + text[i - 1] + text[i + 1 :]
    row = next((row for row in NEAR_KANA if text[i] in row), None)
    if row is None:
        return text
    others = row.replace(text[i], "")
    return text[:i] + others[int(draw * 613) % len(others)] + text[i + 1 :]


def long_vowel(text: str, draw: float) -> str:
    """オオノ as オーノ or オウノ, ユウコ as ユーコ or ユコ."""
    for found, ways in (
        ("オオ", ("オー", "オウ")),
        ("ョウ", ("ョー", "ョ")),
        ("ユウ", ("ユー", "ユ")),
        ("コウ", ("コー", "コオ")),
        ("トウ", ("トー", "トオ")),
        ("ー", ("", "ウ")),
    ):
        if found in text:
            return text.replace(found, ways[int(draw * 2)], 1)
    return text


def zu_du(text: str, draw: float) -> str:
    """ヅ and ズ, ヂ and ジ, which sound alike."""
    return text.translate(str.maketrans("ヅズヂジ", "ズヅジヂ")) if ("ヅ" in text or "ズ" in text) else text


def gaiji(text: str, draw: float) -> str:
    """Characters the machine does not have; of a glyph picked by a selector it keeps the character and shows the selector as unknown."""
    mark = "〓" if draw < 0.7 else "?"
    return "".join(mark if c in SHAPED or c == "\U000e0100" else c for c in text)


def selector(text: str, draw: float) -> str:
    """A variation selector behind a character: another glyph of the same code point."""
    i = int(draw * len(text)) + 1
    return text[:i] + "\U000e0101" + text[i:]


def typed_address(text: str, draw: float) -> str:
    """One character of the town left out or doubled."""
    i = int(draw * len(text))
    return text[:i] + text[i + 1 :] if draw * 10 % 1 < 0.6 else text[:i] + text[i : i + 1] + text[i:]


def other_ke(text: str, draw: float) -> str:
    """千里ケ丘, 千里ヶ丘, 千里が丘; 四ツ谷, 四ッ谷."""
    for found, ways in (("ケ", "ヶが"), ("ヶ", "ケが"), ("ツ", "ッッ"), ("ノ", "のの")):
        if found in text:
            return text.replace(found, ways[int(draw * 2)], 1)
    return text


def in_kanji(number: int) -> str:
    """1 to 9999 as 二十三."""
    if number <= 0:
        return ""
    out, left = "", number
    for unit, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        times, left = divmod(left, unit)
        if times:
            out += ("" if times == 1 and sign else NUMERALS[times]) + sign
    return out


class Errors:
    """Draws who is hit by which error, and books it."""

    def __init__(self, count: int, noise: float, random: np.random.Generator) -> None:
        self.count, self.noise, self.random = count, noise, random
        self.bits = np.zeros((2, count), dtype=np.int64)

    def book(self, tag: str, where: Ints | Flags) -> None:
        word, names = (0, TAGS) if tag in TAGS else (1, MORE)
        self.bits[word][where] |= np.int64(1) << names.index(tag)

    def hit(self, tag: str, rate: float | npt.NDArray[np.float64], among: Flags | None = None) -> Ints:
        """The registrations hit, in order; at most six of ten, however noisy the world."""
        struck = self.random.random(self.count) < np.minimum(np.asarray(rate) * self.noise, 0.6)
        at = np.flatnonzero(struck if among is None else struck & among)
        self.book(tag, at)
        return at

    def edit(
        self, column: npt.NDArray[np.object_], tag: str, rate: float, how: Callable[[str, float], str], among: Flags | None = None
    ) -> None:
        """Edits one column where hit."""
        struck = self.random.random(self.count) < min(rate * self.noise, 0.6)
        self.habit(column, tag, how, struck if among is None else struck & among)

    def habit(self, column: npt.NDArray[np.object_], tag: str, how: Callable[[str, float], str], among: Flags) -> None:
        """Edits one column wherever a house does so, however careful its clerks; booked only where the text changed."""
        at = np.flatnonzero(among)
        draws = self.random.random(len(at))
        changed = []
        for i, draw in zip(at, draws, strict=True):
            new = how(column[i], float(draw)) if column[i] else column[i]
            if new != column[i]:
                column[i] = new
                changed.append(i)
        self.book(tag, np.array(changed, dtype=np.int64))

    def tags(self) -> npt.NDArray[np.object_]:
        words, back = np.unique(self.bits, axis=1, return_inverse=True)
        texts = [
            ";".join([name for k, name in enumerate(TAGS) if int(a) >> k & 1] + [name for k, name in enumerate(MORE) if int(b) >> k & 1])
            for a, b in words.T
        ]
        return np.asarray(np.array(texts, dtype=object)[back.reshape(-1)])
