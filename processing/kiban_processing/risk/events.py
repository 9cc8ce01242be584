"""事象の列 (events): who, what and when of a source or a release, as three columns of numbers, for the attacks that match events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


class Population(Protocol):
    """Events of many persons, wherever they are kept."""

    @property
    def persons(self) -> int: ...

    def active(self) -> npt.NDArray[np.bool_]:
        """Per person, whether there is any event."""

    def only(self, chosen: Numbers) -> Events:
        """The events of some persons (ascending), who keep their numbers."""

    def pieces(self, persons: int) -> Iterator[tuple[int, Events]]:
        """The events of so many persons at a time, numbered anew; beside each piece the number of its first person."""


@dataclass(frozen=True)
class Events:
    """`person`: 0 to `persons` - 1; `kind`: any whole number from 0, the same in source and release; `day`: days since 1970-01-01.

    One entry per event, sorted by person, kind and day; equal entries once.
    """

    persons: int
    person: Numbers
    kind: Numbers
    day: Numbers

    def active(self) -> npt.NDArray[np.bool_]:
        return np.bincount(self.person, minlength=self.persons) > 0

    def only(self, chosen: Numbers) -> Events:
        there = np.isin(self.person, chosen)
        return Events(self.persons, self.person[there], self.kind[there], self.day[there])

    def pieces(self, persons: int) -> Iterator[tuple[int, Events]]:
        for first in range(0, self.persons, persons):
            begin, end = np.searchsorted(self.person, [first, first + persons])
            yield (
                first,
                Events(min(persons, self.persons - first), self.person[begin:end] - first, self.kind[begin:end], self.day[begin:end]),
            )


def of(persons: int, person: Numbers, kind: Numbers, day: Numbers) -> Events:
    """Events in any order, made ready.

    >>> of(2, np.array([1, 0, 1]), np.array([0, 0, 0]), np.array([9, 8, 9])).day.tolist()
    [8, 9]
    """
    order = np.lexsort((day, kind, person))
    person, kind, day = (np.asarray(column, np.int64)[order] for column in (person, kind, day))
    new = np.ones(len(person), bool)
    new[1:] = (person[1:] != person[:-1]) | (kind[1:] != kind[:-1]) | (day[1:] != day[:-1])
    return Events(persons, person[new], kind[new], day[new])


def mixed(seed: int, numbers: Numbers) -> npt.NDArray[np.uint64]:
    """A number of 64 bits for each number, drawn from a seed (splitmix64): a sample is whatever comes first in their order."""
    mix = (numbers.astype(np.uint64) + np.uint64(seed % 2**64)) * np.uint64(0x9E3779B97F4A7C15)
    mix = (mix ^ (mix >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mix = (mix ^ (mix >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mix ^ (mix >> np.uint64(31))
