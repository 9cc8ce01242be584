"""符号 (coding): quasi-identifiers as narrow numbers in depth-first order, so that every value of every level is one range of numbers.

Only leaves that occur are numbered. `Table` holds the combinations at one node with their persons; a coarser node is counted from any
table of a finer one, since a class of the coarser node is a union of classes of the finer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.tuples import Integers, Tuples

Narrow = npt.NDArray[np.integer[Any]]
Packs = tuple[tuple[int, ...], ...]

_PACK = 1 << 12  # combinations in one column at most: what each adds to a key stays in the first cache
_NARROW = 1 << 16  # values up to so many fit uint16
PERSONS = 1 << 31  # totals below fit int32


@dataclass(frozen=True)
class Attribute:
    """One quasi-identifier. `codes[level][rank]`: number of the value of the leaf with this rank, in the same order at every level.

    `widths[level]`: values that occur; `covers[level][code]`: leaves that the value covers in the hierarchy; `leaves`: leaves in the
    hierarchy; `rank[leaf]`: the place of each leaf that occurs, in depth-first order; `persons[rank]`: persons who have the leaf;
    `up[low][high][code]`: from the numbers at one level to those at a higher one.
    """

    codes: tuple[Integers, ...]
    widths: tuple[int, ...]
    covers: tuple[Integers, ...]
    leaves: int
    rank: Integers
    persons: Integers
    up: tuple[dict[int, Integers], ...]

    @property
    def levels(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class Table:
    """The combinations of one node with their persons; rows need not be distinct.

    `packs`: attributes that share a column, those with one value left out; `codes[column, row]`: their numbers at the node's levels as one,
    the last attribute counting single steps. `starts`: where the rows are sorted by an attribute, the first row of each value, and the end.
    """

    node: Node
    packs: Packs
    codes: Narrow
    persons: Narrow
    starts: Integers | None = None

    def __len__(self) -> int:
        return len(self.persons)


def attributes(tuples: Tuples) -> tuple[Attribute, ...]:
    """The numbering of every quasi-identifier over the leaves that occur."""
    return tuple(_attribute(one, leaves, tuples.persons) for one, leaves in zip(tuples.hierarchies, tuples.leaves, strict=True))


def packed(widths: Sequence[int], alone: int = -1) -> Packs:
    """Which attributes share a column: the widest first, each where there is room. `alone`: one that gets the last column to itself."""
    packs: list[list[int]] = []
    spaces: list[int] = []
    for place in sorted(range(len(widths)), key=lambda place: (-widths[place], place)):
        if widths[place] == 1 or place == alone:
            continue
        room = next((number for number, space in enumerate(spaces) if space * widths[place] <= _PACK), None)
        if room is None:
            packs.append([place])
            spaces.append(widths[place])
        else:
            packs[room].append(place)
            spaces[room] *= widths[place]
    return tuple(tuple(pack) for pack in packs) + (((alone,),) if alone >= 0 else ())


def table(tuples: Tuples, own: tuple[Attribute, ...]) -> Table:
    """All tuples at the lowest node."""
    packs = packed([one.widths[0] for one in own])
    codes: Narrow = np.empty((len(packs), len(tuples)), dtype=narrow([one.widths[0] for one in own]))
    for column, pack in enumerate(packs):
        wide: npt.NDArray[np.int32] = np.zeros(len(tuples), dtype=np.int32)
        for place in pack:
            wide *= own[place].widths[0]
            wide += own[place].rank.astype(np.int32)[tuples.leaves[place]]
        codes[column] = wide
    persons: Narrow = np.ascontiguousarray(tuples.persons, dtype=np.int32 if tuples.total < PERSONS else np.int64)
    return Table((0,) * len(own), packs, codes, persons)


def narrow(widths: Sequence[int]) -> np.dtype[Any]:
    """The narrowest type of numbers for columns of such attributes."""
    return np.dtype(np.uint16 if max(widths, default=1) <= _NARROW else np.int32)


def values(table: Table, own: tuple[Attribute, ...], place: int) -> Narrow:
    """The numbers of one attribute at the table's node."""
    for column, pack in enumerate(table.packs):
        if place in pack:
            codes = table.codes[column]
            digits = [np.asarray(own[other].widths[table.node[other]], dtype=codes.dtype) for other in pack[pack.index(place) :]]
            for digit in digits[:0:-1]:
                codes = codes // digit
            return np.asarray(codes % digits[0] if place != pack[0] else codes)
    return np.zeros(len(table), dtype=table.codes.dtype)


def arranged(table: Table, own: tuple[Attribute, ...], place: int) -> Table:
    """The same rows sorted by one attribute; rows of equal value keep their order."""
    by = values(table, own, place)
    order = np.argsort(by, kind="stable")
    codes = np.empty_like(table.codes)
    for column in range(len(codes)):
        np.take(table.codes[column], order, out=codes[column])
    width = own[place].widths[table.node[place]]
    starts: Integers = np.zeros(width + 1, dtype=np.int64)
    np.cumsum(np.bincount(by, minlength=width), out=starts[1:])
    return Table(table.node, table.packs, codes, table.persons[order], starts)


def _attribute(hierarchy: Hierarchy, leaves: Integers, persons: Integers) -> Attribute:
    present = np.zeros(hierarchy.size + 1, dtype=bool)
    present[leaves] = True
    there = np.flatnonzero(present)
    order = there[np.lexsort([hierarchy.codes[level][there] for level in range(hierarchy.levels)])]
    rank = np.zeros(hierarchy.size + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    counts = np.bincount(leaves, weights=persons, minlength=hierarchy.size + 1)[order].astype(np.int64)
    codes, widths, covers = [], [], []
    for level in range(hierarchy.levels):
        values = hierarchy.codes[level][order]
        first = np.ones(len(values), dtype=bool)
        first[1:] = values[1:] != values[:-1]
        codes.append(np.cumsum(first, dtype=np.int64) - 1)
        widths.append(int(first.sum()))
        covers.append(np.rint(hierarchy.shares[level][values[first]] * hierarchy.size).astype(np.int64))
    up = tuple(
        {high: _up(codes[low], codes[high], widths[low]) for high in range(low, hierarchy.levels)} for low in range(hierarchy.levels)
    )
    return Attribute(tuple(codes), tuple(widths), tuple(covers), hierarchy.size, rank, counts, up)


def _up(low: Integers, high: Integers, width: int) -> Integers:
    found: Integers = np.zeros(width, dtype=np.int64)
    found[low] = high
    return found
