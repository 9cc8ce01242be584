"""公表値の形成 (forming): what the classes of a recoding release: their values in one order, which is that of the released table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.tuples import Integers, Tuples

_SPACE = 1 << 62


@dataclass(frozen=True)
class ReleasedValues:
    """One quasi-identifier: `labels` in the order of their code points, only those that are released; `rank[class]`, one past the last: missing."""

    labels: tuple[str, ...]
    rank: npt.NDArray[np.int32]

    @property
    def missing(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Formed:
    """The classes in the order of their released values. `of[tuple]`: its class, -1 where suppressed; `persons[class]`."""

    values: tuple[ReleasedValues, ...]
    persons: Integers
    of: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.persons)


def form(tuples: Tuples, recoding: Recoding) -> Formed:
    """The released classes; classes that would read alike become one."""
    members = _members(recoding)
    there = np.flatnonzero(members >= 0)
    columns = []
    for attribute, hierarchy in enumerate(tuples.hierarchies):
        leaves, levels = tuples.leaves[attribute][members[there]], recoding.levels[there, attribute]
        columns.append(_released(hierarchy, leaves, levels))
    number = _ordered(columns, len(there))
    first = np.full(int(number.max(initial=-1)) + 1, -1, np.int64)
    first[number[::-1]] = np.arange(len(there))[::-1]
    renumbered = np.full(len(members) + 1, -1, np.int32)  # the last place answers for class -1
    renumbered[there] = number
    persons = np.bincount(number, weights=recoding.sizes[there], minlength=len(first)).astype(np.int64)
    values = tuple(ReleasedValues(one.labels, one.rank[first]) for one in columns)
    return Formed(values, persons, renumbered[recoding.of])


def _ordered(columns: list[ReleasedValues], classes: int) -> Integers:
    """The place of each class in the order of the released values; classes that read alike share one."""
    key, space = np.zeros(classes, np.int64), 1
    for one in columns:
        width = one.missing + 1
        if space * width >= _SPACE:
            key, space = np.unique(key, return_inverse=True)[1].astype(np.int64), classes
        key = key * width + one.rank
        space *= width
    return np.asarray(np.unique(key, return_inverse=True)[1], dtype=np.int64)


def _members(recoding: Recoding) -> Integers:
    """One tuple of every class, -1 for a class that lost all of them."""
    found = np.full(len(recoding.sizes), -1, np.int64)
    stay = np.flatnonzero(recoding.of >= 0)
    found[recoding.of[stay][::-1]] = stay[::-1]
    found[recoding.sizes == 0] = -1
    return found


def _released(hierarchy: Hierarchy, leaves: Integers, levels: npt.NDArray[np.int8]) -> ReleasedValues:
    offsets = np.cumsum([0, *(len(labels) for labels in hierarchy.labels)])
    every = [label for labels in hierarchy.labels for label in labels]
    code = np.stack(hierarchy.codes)[levels, leaves] + offsets[levels]
    used = np.unique(code)
    labels = tuple(sorted({label for label in (every[one] for one in used) if label is not None}))
    place = {label: rank for rank, label in enumerate(labels)}
    rank = np.zeros(len(every), np.int32)
    rank[used] = [len(labels) if label is None else place[label] for label in (every[one] for one in used)]
    return ReleasedValues(labels, rank[code])
