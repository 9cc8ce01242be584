"""数え上げ (counting): persons per class of one node, group by group, given up as soon as too many would be suppressed.

Two ways with the same result: compiled by numba where it is installed, and NumPy. Rows come in groups that no class crosses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kiban_processing.recoding.coding import Narrow
from kiban_processing.recoding.tuples import Integers

_BLOCK = 1024  # keys made at once: they stay in the first cache
_SPARSE = 4  # possible keys per row up to which counting is by position rather than by hash or sort
_BATCH = 1 << 15  # NumPy counts at least so many rows at once
LARGEST_KEY = 1 << 62


@dataclass(frozen=True)
class Counted:
    """`suppressed`: persons in classes below k, at least so many where not `complete`. `rows`: a row of each class; `sizes`: its persons.

    `seen`: persons looked at. Classes in the order of their groups; empty where not `complete`.
    """

    suppressed: int
    complete: bool
    rows: Integers
    sizes: Integers
    seen: int


@dataclass(frozen=True)
class Work:
    """One count. `columns`: places of the attributes that tell classes apart; `luts[i][code]`: what column i adds to the key of a row.

    `space`: keys are below; `starts`, `stops`: the rows of each group, in the order to be counted.
    """

    columns: list[int]
    luts: list[Integers]
    space: int
    starts: Integers
    stops: Integers


Counter = Callable[[Narrow, Narrow, Work, int, int, int], Counted]


def by_numpy(codes: Narrow, persons: Narrow, work: Work, k: int, allowed: int, total: int) -> Counted:
    """Count with NumPy alone. `allowed`: give up beyond, unless half of all persons have been seen by then."""
    suppressed = seen = 0
    rows: list[Integers] = []
    sizes: list[Integers] = []
    for batch in _batches(work.starts, work.stops):
        own = _rows(batch)
        lengths = batch[1] - batch[0]
        key = np.repeat(np.arange(len(lengths)) * work.space, lengths)
        space = work.space * len(lengths)
        for column, lut in zip(work.columns, work.luts, strict=True):
            key += lut[codes[column][own]]
        there = persons[own]
        if space <= _SPARSE * len(key):
            counts = np.bincount(key, weights=there, minlength=space).astype(np.int64)
            last = np.zeros(space, dtype=np.int64)
            last[key] = np.arange(len(key))
            found = np.flatnonzero(counts)
            counts, last = counts[found], last[found]
        else:
            order = np.argsort(key, kind="stable")
            ordered = key[order]
            first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(key) else np.zeros(0, np.int64)
            counts = np.add.reduceat(there[order], first, dtype=np.int64) if len(key) else np.zeros(0, np.int64)
            last = order[first]
            found = np.flatnonzero(counts)
            counts, last = counts[found], last[found]
        suppressed += int(counts[counts < k].sum())
        seen += int(there.sum())
        rows.append((own.start + last) if isinstance(own, slice) else own[last])
        sizes.append(counts)
        if suppressed > allowed and 2 * seen < total:
            return Counted(suppressed, False, np.zeros(0, np.int64), np.zeros(0, np.int64), seen)
    joined = (np.concatenate(rows), np.concatenate(sizes)) if rows else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Counted(suppressed, True, *joined, seen)


def by_numba(codes: Narrow, persons: Narrow, work: Work, k: int, allowed: int, total: int) -> Counted:
    """The same, compiled."""
    sizes = work.stops - work.starts
    by_position = sizes >= work.space // _SPARSE
    hashed = int(sizes[~by_position].max(initial=0))
    slots = max(work.space if by_position.any() else 0, 1 << max(int(2 * hashed - 1).bit_length(), 4))
    most = min(int(sizes.sum()), work.space * len(sizes))
    rows, counts = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = np.cumsum([0, *(len(lut) for lut in work.luts)])[:-1].astype(np.int64)
    suppressed, seen, classes, complete = compiled()(
        codes,
        persons,
        np.asarray(work.columns, dtype=np.int64),
        np.concatenate([*work.luts, np.zeros(1, np.int64)]),
        offsets,
        work.starts,
        work.stops,
        k,
        allowed,
        total,
        work.space,
        _SPARSE,
        np.empty(slots, np.int64),
        np.zeros(slots, np.int64),
        np.empty(slots, np.int64),
        np.empty(_BLOCK, np.int64),
        rows,
        counts,
    )
    if not complete:
        return Counted(int(suppressed), False, np.zeros(0, np.int64), np.zeros(0, np.int64), int(seen))
    return Counted(int(suppressed), True, rows[:classes].copy(), counts[:classes].copy(), int(seen))


def _rows(batch: tuple[Integers, Integers]) -> slice | Integers:
    starts, stops = batch
    if len(starts) == 1:
        return slice(int(starts[0]), int(stops[0]))
    return np.concatenate([np.arange(start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)])


def _batches(starts: Integers, stops: Integers) -> list[tuple[Integers, Integers]]:
    """Whole groups together until they hold enough rows."""
    upto = np.cumsum(stops - starts)
    number = (upto - 1) // _BATCH if len(upto) else upto
    edges = np.concatenate((np.flatnonzero(np.concatenate(([True], number[1:] != number[:-1]))), [len(starts)])) if len(upto) else []
    return [(starts[a:b], stops[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]


@lru_cache(maxsize=1)
def compiled() -> Any:
    """The compiled count; ImportError without numba."""
    import numba

    @numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
    def count(  # type: ignore[no-untyped-def] # pragma: no cover - compiled
        codes, persons, columns, lut, offsets, starts, stops, k, allowed, total, space, sparse, keys, counts, last, block, rows, sizes
    ):
        suppressed = 0
        seen = 0
        classes = 0
        for group in range(len(starts)):
            begin, end = starts[group], stops[group]
            dense = end - begin >= space // sparse
            mask = space - 1
            shift = 0
            if not dense:
                size = 16
                while size < 2 * (end - begin):
                    size *= 2
                mask = size - 1
                shift = 64
                while size > 1:
                    size //= 2
                    shift -= 1
                keys[: mask + 1] = -1
            at = begin
            while at < end:
                length = min(len(block), end - at)
                for place in range(length):
                    block[place] = 0
                for number in range(len(columns)):
                    column, offset = columns[number], offsets[number]
                    for place in range(length):
                        block[place] += lut[offset + codes[column, at + place]]
                if dense:
                    for place in range(length):
                        key = block[place]
                        counts[key] += persons[at + place]
                        last[key] = at + place
                else:
                    for place in range(length):
                        key = block[place]
                        slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(shift))
                        while keys[slot] != key and keys[slot] != -1:
                            slot = (slot + 1) & mask
                        keys[slot] = key
                        counts[slot] += persons[at + place]
                        last[slot] = at + place
                for place in range(length):
                    seen += persons[at + place]
                at += length
            for slot in range(mask + 1):
                if counts[slot] > 0:
                    if counts[slot] < k:
                        suppressed += counts[slot]
                    rows[classes] = last[slot]
                    sizes[classes] = counts[slot]
                    classes += 1
                    counts[slot] = 0
            if suppressed > allowed and 2 * seen < total:
                return suppressed, seen, classes, False
        return suppressed, seen, classes, True

    return count


COMPILED_FROM = 1 << 14  # tuples: below, loading the compiled count costs more than it saves


def counter(tuples: int, wanted: bool | None = None) -> Counter:
    """The count to use: as wanted, else compiled from COMPILED_FROM tuples on where numba is installed."""
    if wanted is False or (wanted is None and tuples < COMPILED_FROM):
        return by_numpy
    try:
        compiled()
    except ImportError:
        return by_numpy
    return by_numba
