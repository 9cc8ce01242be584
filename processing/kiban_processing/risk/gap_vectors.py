"""間隔による特定 (gap vectors): how many persons the gaps between their dates single out, alone and with the quasi-identifiers (Reg 18(v)).

A constant shift keeps every gap on purpose. An attacker who knows all dates of a person needs no shift: he looks for the same gaps. Cut to
periods of 7 or 28 days the gaps say less. Weekdays are the same matter: a shift of whole weeks gives them away at once but nothing more, while
a shift in days would hide them only for persons with few visits.

Source: measured for this project; sets of codes in the same way, Loukides et al. 2010.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.risk.events import mixed

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GapVectors:
    """Persons with at least `fewest` dates; `unique`: nobody else of them has the same gaps (and the same class); `below_k`: fewer than k."""

    gap_days: int
    fewest: int
    with_quasi: bool
    persons: int
    unique: int
    below_k: int
    k: int

    @property
    def share(self) -> float:
        return self.unique / self.persons if self.persons else 0.0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "share": self.share}


def unique(person: Numbers, day: Numbers, k: int, gap_days: int = 1, of_class: Numbers | None = None, fewest: int = 2) -> GapVectors:
    """Uniqueness by the gaps from the first date, cut to `gap_days`. `person`, `day`: one entry per date, each once, in any order;
    `of_class`: per person number, the class of the released quasi-identifiers. Persons with fewer dates have no gaps to be told by."""
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    starts = np.flatnonzero(np.r_[len(person) > 0, person[1:] != person[:-1]]) if len(person) else np.zeros(0, np.int64)
    length = np.diff(np.r_[starts, len(person)])
    gap = (day - np.repeat(day[starts], length)) // gap_days
    # A set of gaps becomes the sum of 64-bit numbers, one per gap: two sets agree by chance once in 2^64. Repeated gaps are one period.
    new = np.r_[np.ones(min(1, len(gap)), bool), (person[1:] != person[:-1]) | (gap[1:] != gap[:-1])] if len(gap) else np.zeros(0, bool)
    numbers = np.where(new, mixed(11, gap), np.uint64(0))
    vector = np.add.reduceat(numbers, starts) if len(starts) else numbers
    able = length >= fewest
    vector = vector[able]
    if of_class is not None:
        vector = vector ^ mixed(12, of_class[person[starts]][able])
    _, number = np.unique(vector, return_counts=True)
    return GapVectors(gap_days, fewest, of_class is not None, int(able.sum()), int((number == 1).sum()), int(number[number < k].sum()), k)


def weekdays_told(person: Numbers, day: Numbers, working: tuple[int, ...] = (0, 1, 2, 3, 4)) -> float:
    """The share of persons whose shift, had it been in days, would be known modulo 7 from the weekdays alone: one way only of turning the week
    puts all their dates on working days. `working`: 0 is Monday; dates of true days off are left out before, as an attacker would.

    >>> weekdays_told(np.zeros(5, int), np.arange(19_723, 19_728))  # Monday to Friday
    1.0
    """
    weekday = (day + 3) % 7
    people, owner = np.unique(person, return_inverse=True)
    seen = np.zeros((len(people), 7), bool)
    seen[owner, weekday] = True
    rest = np.ones(7, bool)
    rest[list(working)] = False
    ways = sum((~(seen & np.roll(rest, turn)).any(axis=1)).astype(int) for turn in range(7))
    return float((np.asarray(ways) == 1).mean()) if len(people) else 0.0
