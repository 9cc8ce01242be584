"""数え上げ (counting): persons per class of one node, group by group, given up as soon as too many would be suppressed.

Two ways with the same result: compiled by numba where it is installed, and NumPy. Rows come in groups that no class crosses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kiban_processing.recoding.coding import PERSONS, Narrow
from kiban_processing.recoding.tuples import Integers

_BLOCK = 1024  # keys made at once: they stay in the first cache
_SPARSE = 4  # possible keys per row up to which counting is by position rather than by hash or sort
_BATCH = 1 << 15  # NumPy counts at least so many rows at once
_SHORT = 1 << 31  # keys below fit int32
LARGEST_KEY = 1 << 62
COMPILED_FROM = 1 << 17  # tuples: below, loading the compiled count costs more than it saves


@dataclass(frozen=True)
class Counted:
    """`suppressed`: persons in classes below k, at least so many where not `complete`; `seen`: persons looked at.

    Per class, empty where not `complete`: `keys`, `groups` (place in the order counted), `sizes` in persons; in no order.
    """

    suppressed: int
    complete: bool
    seen: int
    keys: Narrow
    groups: Narrow
    sizes: Narrow


@dataclass(frozen=True)
class Work:
    """One count. `columns`: those of the table that tell classes apart; `luts[i][code]`: what column i adds to the key of a row.

    `space`: keys are below; `starts`, `stops`: the rows of each group, in the order to be counted.
    """

    columns: list[int]
    luts: list[Integers]
    space: int
    starts: Integers
    stops: Integers


Counter = Callable[[Narrow, Narrow, Work, int, int, int], Counted]


def counter(tuples: int, wanted: bool | None = None) -> Counter:
    """The count to use: as wanted, else compiled from COMPILED_FROM tuples on; NumPy's where numba is not installed."""
    if wanted is False or (wanted is None and tuples < COMPILED_FROM):
        return by_numpy
    try:
        from kiban_processing.recoding import kernels  # an optional engine: the extra `speed`
    except ImportError:
        return by_numpy

    def by_numba(codes: Narrow, persons: Narrow, work: Work, k: int, allowed: int, total: int) -> Counted:
        number: np.dtype[Any] = np.dtype(np.int32 if work.space < _SHORT and total < PERSONS else np.int64)
        lengths = work.stops - work.starts
        by_position = lengths >= work.space // _SPARSE
        hashed = int(lengths[~by_position].max(initial=0))
        slots = 2 << max(int(2 * hashed - 1).bit_length(), 4)
        most = min(int(lengths.sum()), work.space * len(lengths))
        keys, groups, sizes = np.empty(most, number), np.empty(most, np.int32), np.empty(most, number)
        suppressed, seen, classes, complete = kernels.count(
            codes,
            persons,
            np.asarray(work.columns, dtype=np.int64),
            np.concatenate([*work.luts, np.zeros(1, np.int64)]).astype(number),
            np.array([0, *itertools.accumulate(len(lut) for lut in work.luts)]),
            work.starts,
            work.stops,
            k,
            allowed,
            total,
            work.space,
            _SPARSE,
            np.zeros(work.space if by_position.any() else 0, number),
            np.empty(slots, number),
            np.empty(_BLOCK, number),
            keys,
            groups,
            sizes,
        )
        if not complete:
            return Counted(int(suppressed), False, int(seen), *_nothing())
        return Counted(int(suppressed), True, int(seen), keys[:classes], groups[:classes], sizes[:classes])

    return by_numba


def by_numpy(codes: Narrow, persons: Narrow, work: Work, k: int, allowed: int, total: int) -> Counted:
    """Count with NumPy alone. `allowed`: give up beyond, unless half of all persons have been seen by then."""
    suppressed = seen = 0
    parts: list[tuple[Integers, Integers, Integers]] = []
    for first, last in _batches(work.starts, work.stops):
        lengths = work.stops[first:last] - work.starts[first:last]
        rows = _rows(work.starts[first:last], lengths)
        key = np.repeat(np.arange(len(lengths)) * work.space, lengths)
        for column, lut in zip(work.columns, work.luts, strict=True):
            key += lut[codes[column][rows]]
        there = persons[rows]
        if work.space * len(lengths) <= _SPARSE * len(key):
            counts = np.bincount(key, weights=there).astype(np.int64)
            found = np.flatnonzero(counts)
            sizes = counts[found]
        else:
            order = np.argsort(key, kind="stable")
            ordered = key[order]
            edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
            sizes = np.add.reduceat(there[order], edges, dtype=np.int64)
            found, sizes = ordered[edges][sizes > 0], sizes[sizes > 0]
        suppressed += int(sizes[sizes < k].sum())
        seen += int(there.sum())
        group, own = np.divmod(found, work.space) if len(lengths) > 1 else (np.zeros_like(found), found)
        parts.append((own, group + first, sizes))
        if suppressed > allowed and 2 * seen < total:
            return Counted(suppressed, False, seen, *_nothing())
    return Counted(suppressed, True, seen, *(np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _nothing())


def _nothing() -> tuple[Integers, Integers, Integers]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)


def _rows(starts: Integers, lengths: Integers) -> slice | Integers:
    if len(starts) == 1:
        return slice(int(starts[0]), int(starts[0] + lengths[0]))
    ends = np.cumsum(lengths)
    return np.asarray(np.arange(int(ends[-1])) + np.repeat(starts - ends + lengths, lengths), dtype=np.int64)


def _batches(starts: Integers, stops: Integers) -> list[tuple[int, int]]:
    """Whole groups together until they hold enough rows, as ranges of groups; none without a row."""
    upto = np.cumsum(stops - starts)
    if not len(upto) or not upto[-1]:
        return []
    number = np.maximum(upto - 1, 0) // _BATCH
    edges = [0, *(np.flatnonzero(number[1:] != number[:-1]) + 1).tolist(), len(starts)]
    return [(first, last) for first, last in zip(edges[:-1], edges[1:], strict=True) if stops[first:last].sum() > starts[first:last].sum()]
