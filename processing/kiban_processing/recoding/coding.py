"""符号 (coding): quasi-identifiers as narrow numbers in depth-first order, so that every value of every level is one range of numbers.

Only leaves that occur are numbered. `Table` holds the combinations at one node with their persons; a coarser node is counted from any
table of a finer one, since a class of the coarser node is a union of classes of the finer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.tuples import Integers, Tuples

Narrow = npt.NDArray[np.integer]

_NARROW = 1 << 16  # values up to so many fit uint16
_PERSONS = 1 << 31  # totals below fit int32


@dataclass(frozen=True)
class Attribute:
    """One quasi-identifier. `codes[level][rank]`: number of the value of the leaf with this rank, in the same order at every level.

    `widths[level]`: values that occur; `covers[level][code]`: leaves that the value covers in the hierarchy; `leaves`: leaves in the
    hierarchy; `rank[leaf]`: the place of each leaf that occurs, in depth-first order.
    """

    codes: tuple[Integers, ...]
    widths: tuple[int, ...]
    covers: tuple[Integers, ...]
    leaves: int
    rank: Integers

    @property
    def levels(self) -> int:
        return len(self.codes)

    def up(self, low: int, high: int) -> Integers:
        """From the numbers at one level to those at a higher one."""
        found: Integers = np.zeros(self.widths[low], dtype=np.int64)
        found[self.codes[low]] = self.codes[high]
        return found


@dataclass(frozen=True)
class Table:
    """The combinations of one node. `codes[attribute, row]` at the node's levels, `persons[row]`; rows need not be distinct.

    `groups[attribute]`: where the rows are sorted by an attribute, the first row of each of its values and the end; else empty.
    """

    node: Node
    codes: Narrow
    persons: Narrow
    sorted_by: int = -1
    starts: Integers | None = None

    def __len__(self) -> int:
        return len(self.persons)


def attributes(tuples: Tuples) -> tuple[Attribute, ...]:
    """The numbering of every quasi-identifier over the leaves that occur."""
    return tuple(_attribute(one, leaves) for one, leaves in zip(tuples.hierarchies, tuples.leaves, strict=True))


def table(tuples: Tuples, own: tuple[Attribute, ...]) -> Table:
    """All tuples at the lowest node."""
    width = max((one.widths[0] for one in own), default=1)
    codes = np.empty((len(own), len(tuples)), dtype=np.uint16 if width <= _NARROW else np.int32)
    for place, (one, leaves) in enumerate(zip(own, tuples.leaves, strict=True)):
        codes[place] = one.rank.astype(codes.dtype)[leaves]
    persons = np.ascontiguousarray(tuples.persons, dtype=np.int32 if tuples.total < _PERSONS else np.int64)
    return Table((0,) * len(own), codes, persons)


def arranged(table: Table, attribute: int, width: int) -> Table:
    """The same rows sorted by one attribute; rows of equal value keep their order."""
    order = np.argsort(table.codes[attribute], kind="stable")
    codes = np.empty_like(table.codes)
    for place in range(len(codes)):
        np.take(table.codes[place], order, out=codes[place])
    starts = np.zeros(width + 1, dtype=np.int64)
    np.cumsum(np.bincount(table.codes[attribute], minlength=width), out=starts[1:])
    return Table(table.node, codes, table.persons[order], attribute, starts)


def _attribute(hierarchy: Hierarchy, leaves: Integers) -> Attribute:
    present = np.zeros(hierarchy.size + 1, dtype=bool)
    present[leaves] = True
    there = np.flatnonzero(present)
    order = there[np.lexsort([hierarchy.codes[level][there] for level in range(hierarchy.levels)])]
    rank = np.zeros(hierarchy.size + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    codes, widths, covers = [], [], []
    for level in range(hierarchy.levels):
        values = hierarchy.codes[level][order]
        first = np.ones(len(values), dtype=bool)
        first[1:] = values[1:] != values[:-1]
        codes.append(np.cumsum(first, dtype=np.int64) - 1)
        widths.append(int(first.sum()))
        covers.append(np.rint(hierarchy.shares[level][values[first]] * hierarchy.size).astype(np.int64))
    return Attribute(tuple(codes), tuple(widths), tuple(covers), hierarchy.size, rank)
