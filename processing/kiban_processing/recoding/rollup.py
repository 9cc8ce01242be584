"""巻き上げ (roll-up): the classes of a node counted from the smallest table of a finer node that is at hand.

Right because a class of a coarser node is a union of classes of any finer one. Tables of complete counts are kept while there is room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kiban_processing.recoding import coding, counting
from kiban_processing.recoding.classes import Node, numbered
from kiban_processing.recoding.coding import Attribute, Narrow, Table
from kiban_processing.recoding.counting import Counted, Work
from kiban_processing.recoding.tuples import Integers
from kiban_processing.recoding.waypoints import Waypoints

SORTED = 1 << 15  # tables with fewer rows are counted in one go, in any order
_COPIES = ((8_000_000, 3), (16_000_000, 2))  # up to so many rows, so many sorted copies of a table; one beyond: memory
_ROOM = ((2_000_000, 4), (8_000_000, 2))  # up to so many tuples, so many times their rows are kept in rolled-up tables; as many beyond
_ROOM_FIXED = 1 << 18
_MOST = 100  # tables
_NONE = np.iinfo(np.int64).max
_NOTHING: Integers = np.zeros(1, dtype=np.int64)
_WORTH = 0.7  # a rolled-up table is kept if it has at most so many times the rows it was counted from


@dataclass
class Found:
    """One count. `counted`; `values(attribute, classes)`: the values of some classes at the node; `source`: rows it was counted from."""

    counted: Counted
    table: Table | None
    own: tuple[Attribute, ...]
    layout: coding.Packs
    by: int
    of_group: Integers
    rows: Integers | None
    origin: Table
    node: Node

    def values(self, place: int, classes: Integers) -> Narrow:
        """The numbers of one attribute, at the node's level."""
        width = self.own[place].widths[self.node[place]]
        if self.rows is not None:
            low = coding.values(self.origin, self.own, place)[self.rows[self.counted.keys[classes]]]
            return np.asarray(self.own[place].up[self.origin.node[place]][self.node[place]][low])
        if place == self.by:
            return np.asarray(self.of_group[self.counted.groups[classes]])
        stride = 1
        for pack in self.layout[::-1]:
            for other in pack[::-1]:
                if other == place:
                    return np.asarray(self.counted.keys[classes] // stride % width)
                stride *= self.own[other].widths[self.node[other]] if other != self.by else 1
        return np.zeros(len(classes), dtype=np.int64)


@dataclass
class Rolled:
    """Tables at hand. `tables[0]`: all tuples."""

    own: tuple[Attribute, ...]
    count: counting.Counter
    k: int
    allowed: int
    total: int
    tables: dict[int, Table]
    waypoints: Waypoints | None = None
    copies: dict[tuple[int, int], Table] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)
    clock: int = 0

    def __post_init__(self) -> None:
        self.nodes = np.zeros((_MOST, len(self.own)), dtype=np.int8)
        self.lengths: Integers = np.full(_MOST, _NONE)
        self.lengths[0] = len(self.tables[0])

    def counted(self, node: Node) -> Found:
        """Persons of the node's classes."""
        self.clock += 1
        found = self._count(node, self.allowed)
        if self.waypoints is not None and len(found.origin) > SORTED:
            if found.counted.complete:
                self.waypoints.learn(node, len(found.counted.keys))
            way = self.waypoints.book(node, found.counted.seen / max(self.total, 1), len(found.origin))
            if way is not None and self._count(way, self.total).table is None:
                self.waypoints.disappointing(way)
        return found

    def _count(self, node: Node, allowed: int) -> Found:
        finer = (self.nodes <= np.asarray(node, dtype=np.int8)).all(axis=1)
        number = int(np.where(finer, self.lengths, _NONE).argmin())
        if number:
            self.used[number] = self.clock
        source, by = self._arranged(number, node)
        starts, stops, of_group = self._groups(source, node, by)
        layout = coding.packed([one.widths[level] for one, level in zip(self.own, node, strict=True)], by)
        columns, luts, space = self._keys(source, node, layout, by)
        rows = None
        codes = source.codes
        if space >= counting.LARGEST_KEY:
            codes, rows = self._numbered(source, node)
            columns, luts, space = [0], [np.arange(len(rows))], len(rows)
        counted = self.count(codes, source.persons, Work(columns, luts, space, starts, stops), self.k, allowed, self.total)
        found = Found(counted, None, self.own, layout, by, of_group, rows, source, node)
        if counted.complete and len(counted.keys) <= _WORTH * len(source):
            found.table = self._table(found)
            self._keep(found.table)
        return found

    def _keys(self, source: Table, node: Node, layout: coding.Packs, by: int) -> tuple[list[int], list[Integers], int]:
        """What each column of a table adds to a key laid out as the columns of the node's own table are."""
        strides: dict[int, int] = {}
        space = 1
        for pack in layout[::-1]:
            for place in pack[::-1]:
                if place != by:
                    strides[place] = space
                    space *= self.own[place].widths[node[place]]
        columns: list[int] = []
        luts: list[Integers] = []
        if space >= counting.LARGEST_KEY:
            return columns, luts, space
        for column, pack in enumerate(source.packs):
            if not any(place in strides for place in pack):
                continue
            lut: Integers = _NOTHING
            for place in pack:
                part = self.own[place].up[source.node[place]][node[place]] * strides.get(place, 0)
                lut = (lut[:, None] + part).ravel() if lut is not _NOTHING else part
            columns.append(column)
            luts.append(lut)
        return columns, luts, space

    def _table(self, found: Found) -> Table:
        """The classes as a table: each of its columns is one digit of the key."""
        keys, node = found.counted.keys, found.node
        widths = [one.widths[level] for one, level in zip(self.own, node, strict=True)]
        codes = np.empty((len(found.layout), len(keys)), dtype=coding.narrow(widths))
        everything = np.arange(len(keys))
        stride = 1
        for column in range(len(found.layout) - 1, -1, -1):
            pack = found.layout[column]
            if found.rows is not None:
                wide: Integers = np.zeros(len(keys), dtype=np.int64)
                for place in pack:
                    wide = wide * widths[place] + found.values(place, everything)
                codes[column] = wide
            elif pack == (found.by,):
                codes[column] = found.of_group[found.counted.groups]
            else:
                space = int(np.prod([widths[place] for place in pack]))
                codes[column] = keys // stride % space
                stride *= space
        return Table(node, found.layout, codes, found.counted.sizes.astype(found.origin.persons.dtype))

    def _keep(self, table: Table) -> None:
        length = len(self.tables[0])
        room = length * next((times for rows, times in _ROOM if length <= rows), 1) + _ROOM_FIXED
        held = sum(len(one) for one in self.tables.values()) - length + len(table)
        for number in sorted(self.used, key=self.used.__getitem__):  # the longest unused first
            if held <= room and len(self.tables) < _MOST:
                break
            held -= len(self.tables.pop(number))
            del self.used[number]
            self.lengths[number] = _NONE
            self.copies = {key: copy for key, copy in self.copies.items() if key[0] != number}
        number = next(number for number in range(_MOST) if number not in self.tables)
        self.tables[number], self.used[number] = table, self.clock
        self.nodes[number], self.lengths[number] = table.node, len(table)

    def _arranged(self, number: int, node: Node) -> tuple[Table, int]:
        """The table sorted by the attribute that has most values at the node, if sorting is worth it; else as it is, and -1."""
        source = self.tables[number]
        if len(source) <= SORTED:
            return source, -1
        most = next((copies for rows, copies in _COPIES if len(source) <= rows), 1)
        widest = sorted(range(len(node)), key=lambda place: (-self.own[place].widths[source.node[place]], place))[:most]
        best = max(widest, key=lambda place: (self.own[place].widths[node[place]], -place), default=-1)
        if best < 0 or self.own[best].widths[node[best]] == 1:
            return source, -1
        if (number, best) not in self.copies:
            self.copies[number, best] = coding.arranged(source, self.own, best)
        return self.copies[number, best], best

    def _groups(self, source: Table, node: Node, by: int) -> tuple[Integers, Integers, Integers]:
        """The rows of each value of the attribute sorted by, the fewest first: small groups hold most of those to be suppressed."""
        if by < 0 or source.starts is None:
            return np.zeros(1, np.int64), np.array([len(source)], dtype=np.int64), np.zeros(1, np.int64)
        up = self.own[by].up[source.node[by]][node[by]]
        first = np.flatnonzero(np.concatenate(([True], up[1:] != up[:-1])))
        starts = source.starts[first]
        stops = np.concatenate((starts[1:], [len(source)]))
        order = np.argsort(stops - starts, kind="stable")
        return starts[order], stops[order], order

    def _numbered(self, source: Table, node: Node) -> tuple[Narrow, Integers]:
        """Where no key holds all values: the classes' numbers as the only column, and a row of each."""
        values = []
        for place, (one, low, high) in enumerate(zip(self.own, source.node, node, strict=True)):
            values.append(one.up[low][high].astype(np.int32)[coding.values(source, self.own, place)])
        number = numbered(values, [one.widths[high] for one, high in zip(self.own, node, strict=True)], len(source))
        rows: Integers = np.zeros(int(number.max(initial=-1)) + 1, dtype=np.int64)
        rows[number] = np.arange(len(source))
        return number.astype(np.int32)[None], rows
