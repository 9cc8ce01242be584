"""巻き上げ (roll-up): the classes of a node counted from the smallest table of a finer node that is at hand.

Right because a class of a coarser node is a union of classes of any finer one. Tables of complete counts are kept while there is room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kiban_processing.recoding import coding, counting
from kiban_processing.recoding.classes import Node, numbered
from kiban_processing.recoding.coding import Attribute, Table
from kiban_processing.recoding.counting import Counted, Work
from kiban_processing.recoding.tuples import Integers

_SORTED = 1 << 15  # tables with fewer rows are counted in one go, in any order
_COPIES = ((8_000_000, 3), (16_000_000, 2))  # up to so many rows, so many sorted copies of a table; one beyond: memory
_ROOM = 2.0  # rows kept in rolled-up tables, as a multiple of the tuples; and the fixed part
_ROOM_FIXED = 1 << 18
_WORTH = 0.7  # a rolled-up table is kept if it has at most so many times the rows it was counted from


@dataclass
class Rolled:
    """Tables at hand. `tables[0]`: all tuples."""

    own: tuple[Attribute, ...]
    count: counting.Counter
    k: int
    allowed: int
    total: int
    tables: list[Table]
    copies: list[dict[int, Table]] = field(default_factory=lambda: [{}])
    used: list[int] = field(default_factory=lambda: [0])
    clock: int = 0

    def counted(self, node: Node) -> tuple[Counted, Table]:
        """Persons of the node's classes, and the classes themselves as a table (without rows where the count was given up)."""
        self.clock += 1
        number = self._smallest(node)
        self.used[number] = self.clock
        source, work = self._work(number, node)
        found = self.count(source.codes, source.persons, work, self.k, self.allowed, self.total)
        rows = found.rows
        codes = np.empty((len(node), len(rows)), dtype=source.codes.dtype)
        for place, (low, high) in enumerate(zip(source.node, node, strict=True)):
            values = source.codes[place][rows]
            codes[place] = values if low == high else self.own[place].up(low, high).astype(codes.dtype)[values]
        table = Table(node, codes, found.sizes.astype(source.persons.dtype))
        if found.complete and len(table) <= _WORTH * len(source):
            self._keep(table)
        return found, table

    def _smallest(self, node: Node) -> int:
        finer = [
            number
            for number, table in enumerate(self.tables)
            if all(low <= high for low, high in zip(table.node, node, strict=True))
        ]
        return min(finer, key=lambda number: (len(self.tables[number]), number))

    def _keep(self, table: Table) -> None:
        self.tables.append(table)
        self.copies.append({})
        self.used.append(self.clock)
        room = int(_ROOM * len(self.tables[0])) + _ROOM_FIXED
        while sum(len(one) * (1 + len(copies)) for one, copies in zip(self.tables[1:], self.copies[1:], strict=True)) > room:
            oldest = min(range(1, len(self.tables)), key=lambda number: self.used[number])
            for listed in (self.tables, self.copies, self.used):
                del listed[oldest]

    def _work(self, number: int, node: Node) -> tuple[Table, Work]:
        source = self.tables[number]
        by = self._sorted_by(number, node)
        if by >= 0:
            if by not in self.copies[number]:
                self.copies[number][by] = coding.arranged(source, by, self.own[by].widths[source.node[by]])
            source = self.copies[number][by]
        starts, stops = self._groups(source, node, by)
        columns, luts, space = [], [], 1
        for place, (one, low, high) in enumerate(zip(self.own, source.node, node, strict=True)):
            if one.widths[high] > 1 and place != by:
                columns.append(place)
                luts.append(one.up(low, high) * space)
                space *= one.widths[high]
        if space >= counting.LARGEST_KEY:
            return self._numbered(source, node, starts, stops)
        return source, Work(columns, luts, space, starts, stops)

    def _sorted_by(self, number: int, node: Node) -> int:
        source = self.tables[number]
        if len(source) <= _SORTED:
            return -1
        most = next((copies for rows, copies in _COPIES if len(source) <= rows), 1)
        widest = sorted(range(len(node)), key=lambda place: (-self.own[place].widths[source.node[place]], place))[:most]
        best = max(widest, key=lambda place: (self.own[place].widths[node[place]], -place), default=-1)
        return best if best >= 0 and self.own[best].widths[node[best]] > 1 else -1

    def _groups(self, source: Table, node: Node, by: int) -> tuple[Integers, Integers]:
        """The rows of each value of the attribute sorted by, the fewest first: small groups hold most of those to be suppressed."""
        if by < 0 or source.starts is None:
            return np.zeros(1, np.int64), np.array([len(source)], dtype=np.int64)
        up = self.own[by].up(source.node[by], node[by])
        first = np.flatnonzero(np.concatenate(([True], up[1:] != up[:-1])))
        starts = source.starts[first]
        stops = np.concatenate((starts[1:], [len(source)]))
        order = np.argsort(stops - starts, kind="stable")
        return starts[order], stops[order]

    def _numbered(self, source: Table, node: Node, starts: Integers, stops: Integers) -> tuple[Table, Work]:
        """Where no key holds all values: classes are numbered first. The table's columns come back as they were, the number last."""
        values = [one.up(low, high).astype(np.int32)[codes] for one, low, high, codes in zip(self.own, source.node, node, source.codes, strict=True)]
        number = numbered(values, [one.widths[high] for one, high in zip(self.own, node, strict=True)], len(source))
        space = int(number.max(initial=0)) + 1
        codes = np.concatenate([source.codes.astype(np.int32), number[None].astype(np.int32)])
        work = Work([len(node)], [np.arange(space)], space, starts, stops)
        return Table(source.node, codes, source.persons, source.sorted_by, source.starts), work
