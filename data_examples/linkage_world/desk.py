"""受付 (desk): one hospital writing down a batch of registrations: its habits, its chance, and a tag for every error it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from data_examples.linkage_world.histories import Bools, Ints
from data_examples.linkage_world.hospitals import Habits

Texts = np.ndarray[Any, np.dtype[np.object_]]

# Error: share of the rows on which it can happen, at noise 1 in a hospital of average care. What a hospital always does (character set, kana and
# date style) is no error, and how often it leaves a field out is its own (hospitals.py).
RATES = {
    # names
    "swapped": 0.0020,  # surname and given name in each other's place
    "misread": 0.025,  # another reading of the same kanji, where there is one
    "glyph": 0.04,  # another shape of the same character (邊 for 辺), where there is one
    "kanji_typo": 0.006,  # other kanji read alike (祐子 for 裕子), where there are some
    "kana_typo": 0.005,  # a sign left out, doubled or in the wrong place
    "kana_for_kanji": 0.002,
    "old_surname": 0.03,  # the surname before the last wedding or divorce
    "maiden": 0.06,  # the surname of birth in brackets behind the present one
    # birth dates
    "birth_digit": 0.0040,
    "birth_month_day": 0.0025,  # month and day exchanged, where that gives a date
    "birth_year": 0.0012,  # one year off: a slip between eras or in counting from an age
    "birth_filler": 0.0006,  # 1900-01-01
    # homes and telephones
    "old_address": 0.04,
    "address_cut": 0.03,  # town only
    "house_typo": 0.007,
    "former_city": 0.01,  # the name before a merger, although it is over
    "phone_typo": 0.006,
    "phone_filler": 0.003,
    "phone_parent": 0.04,  # an adult under the mobile number of the mother
    # insurance
    "insurance_typo": 0.005,
    "insurance_old": 0.02,
    # the rest
    "sex_wrong": 0.0012,
    # foreign residents
    "alias_only": 0.25,
    "alias_bracket": 0.25,
    "latin_order": 0.25,
    "translit": 0.20,  # the sound of the name written in another way
}


def texts(values: list[str]) -> Texts:
    """An array of Python strings."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def figures(numbers: Ints, width: int = 0) -> Texts:
    """Whole numbers as text, with zeros in front up to `width` (at most 8) digits."""
    if not width:
        return np.asarray(pa.array(numbers).cast(pa.string()).to_numpy(zero_copy_only=False))
    high, low = (texts([f"{number:0{size}d}" for number in range(10**size)]) for size in (max(width - 4, 0), min(width, 4)))
    return np.asarray(low[numbers] if width <= 4 else high[numbers // 10_000] + low[numbers % 10_000])


def mapped(column: Texts, change: Callable[[str], str]) -> Texts:
    """Each text changed; every distinct one once."""
    distinct, inverse = np.unique(np.asarray(column).astype(str), return_inverse=True)
    return texts([change(text) for text in distinct.tolist()])[inverse]


def scattered(*parts: Ints | int) -> Ints:
    """A fixed figure for a combination of figures, the same in every run."""
    mixed = np.asarray(np.uint64(0x9E3779B97F4A7C15))
    with np.errstate(over="ignore"):
        for part in parts:
            mixed = (mixed ^ np.asarray(part).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = mixed ^ (mixed >> np.uint64(29))
    return (mixed >> np.uint64(2)).astype(np.int64)


@dataclass
class Desk:
    """The rows of one hospital, and what went wrong with them (`tags`)."""

    habit: Habits
    chance: np.random.Generator
    noise: float
    person: Ints
    day: Ints
    sex: Ints
    abroad: Bools
    baby: Bools
    tags: dict[str, Bools] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.person)

    def err(self, name: str, where: Bools | None = None) -> Bools:
        """The rows on which the error happens, of those `where` it can."""
        hit = self.chance.random(len(self)) < min(0.9, RATES[name] * self.noise * self.habit.care)
        self.tags[name] = hit if where is None else hit & where
        return self.tags[name]

    def leave_out(self, name: str, share: float) -> Ints:
        """The rows without this field; noise weighs half on what a hospital does not ask for."""
        self.tags[f"no_{name}"] = self.chance.random(len(self)) < min(0.8, share * (0.5 + 0.5 * self.noise))
        return np.flatnonzero(self.tags[f"no_{name}"])

    def told(self) -> Texts:
        """The tags of each row in one text, `;` between."""
        mask = np.zeros(len(self), np.int64)
        for bit, hit in enumerate(self.tags.values()):
            mask |= hit.astype(np.int64) << bit
        masks, inverse = np.unique(mask, return_inverse=True)
        return texts([";".join(name for bit, name in enumerate(self.tags) if value >> bit & 1) for value in masks.tolist()])[inverse]
