"""受診の生成 (hospital visits): invented visits with the calendar of hospitals, for the attacks of this folder; seeded, made by rule alone.

Five years of collection. Hospitals work from Monday to Friday and on Saturday mornings, rest on national holidays and at the year end, keep a
few emergencies on those days, are busier in winter, and grow slowly. A person has 1 to 40 visits (or as asked), some at regular intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from kiban_processing import holidays

FIRST, LAST = date(2019, 4, 1), date(2024, 3, 31)
EMERGENCIES = 0.05  # visits of a day off, against a working day
CODES = 400


@dataclass(frozen=True)
class Visits:
    """One entry per visit, sorted by person and day, a person's days all different. `day`: days since 1970-01-01; `code`: 0 to CODES - 1."""

    persons: int
    person: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]


def activity() -> tuple[int, npt.NDArray[np.float64]]:
    """The first day number, and how busy each day is."""
    first, last = ((day - holidays.EPOCH).days for day in (FIRST, LAST))
    kinds, number = holidays.kinds(first, last), np.arange(first, last + 1)
    busy = np.where(kinds == holidays.WORKING, 1.0, EMERGENCIES)
    busy[(kinds == holidays.WEEKEND) & ((number + 3) % 7 == 5)] = 0.3
    season = 1 + 0.12 * np.cos(2 * np.pi * (number - first - 300) / 365.25)
    return first, busy * season * (1 + 0.03 * (number - first) / 365.25)


def generate(persons: int, seed: int, fewest: int = 1, most: int = 40) -> Visits:
    generator = np.random.default_rng(seed)
    first, busy = activity()
    numbers = generator.integers(fewest, most + 1, persons)
    person = np.repeat(np.arange(persons), numbers)
    cumulated = np.cumsum(busy) / busy.sum()
    day = np.minimum(np.searchsorted(cumulated, generator.random(len(person))), len(busy) - 1)
    # Every third person comes in a rhythm of four weeks from the first visit on, put off a day or so where the hospital rests.
    rhythmic = person % 3 == 0
    start = np.repeat(day[np.r_[0, np.cumsum(numbers)[:-1]]], numbers)
    turn = np.arange(len(person)) - np.repeat(np.r_[0, np.cumsum(numbers)[:-1]], numbers)
    planned = (start + 28 * turn) % len(busy)
    open_ = np.flatnonzero(busy > 0.5)
    day[rhythmic] = open_[np.minimum(np.searchsorted(open_, planned[rhythmic]), len(open_) - 1)]
    once = np.unique(person * 10_000 + day)
    person, day = once // 10_000, once % 10_000
    weight = 1 / np.arange(1, CODES + 1)
    code = generator.choice(CODES, len(person), p=weight / weight.sum())
    return Visits(persons, person, day + first, code)


def counted(visits: Visits) -> dict[int, int]:
    """Day number → visits."""
    day, number = np.unique(visits.day, return_counts=True)
    return dict(zip(day.tolist(), number.tolist(), strict=True))
