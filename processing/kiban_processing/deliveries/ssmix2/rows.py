"""行への展開 (rows): one message becomes rows of catalogue tables, as the segment table says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries.ssmix2 import takes
from kiban_processing.deliveries.ssmix2.segment_table import KINDS, DataKind, Rows
from kiban_processing.deliveries.ssmix2.takes import Segments, Take

Row = list[str]
"""The texts of a row in the order of `columns(table)`; "" where nothing was sent."""


@cache
def columns(table: str) -> tuple[str, ...]:
    """The items of a table that SS-MIX2 gives, in the order of the catalogue."""
    given = {field.item for kind in KINDS.values() for rows in kind.rows if rows.table == table for field in rows.fields}
    return tuple(name for name in TABLES[table].columns if name in given)


@cache
def items() -> dict[str, tuple[str, ...]]:
    """Table → the items that SS-MIX2 may give."""
    return {table: columns(table) for table in dict.fromkeys(rows.table for kind in KINDS.values() for rows in kind.rows)}


@dataclass(frozen=True)
class _Compiled:
    """`shared`: items that are the same for all rows of a group; `own`: those that stand in the row's own segment or number it."""

    table: str
    per: str
    unless: str | None
    only: tuple[tuple[Take, frozenset[str] | None], ...]
    shared: tuple[tuple[int, Take], ...]
    own: tuple[tuple[int, Take], ...]
    width: int

    def holds(self, segments: Segments) -> bool:
        return all(bool(take(segments)) if texts is None else take(segments) in texts for take, texts in self.only)

    def begun(self, segments: Segments) -> Row:
        row = [""] * self.width
        for place, take in self.shared:
            row[place] = take(segments)
        return row

    def row(self, begun: Row, segments: Segments) -> Row:
        row = begun.copy()
        for place, take in self.own:
            row[place] = take(segments)
        return row


@cache
def _compiled(name: str) -> tuple[_Compiled, ...]:
    return tuple(_compile(rows) for rows in KINDS[name].rows)


def _compile(rows: Rows) -> _Compiled:
    names = columns(rows.table)
    only = tuple((takes.component(source), texts) for source, texts in rows.only)
    own = tuple(field for field in rows.fields if any(source.startswith((rows.per, "@row")) for source in field.sources))
    shared = tuple(field for field in rows.fields if field not in own)
    placed = [tuple((names.index(field.item), takes.compiled(field)) for field in fields) for fields in (shared, own)]
    return _Compiled(rows.table, rows.per, rows.unless, only, placed[0], placed[1], len(names))


@cache
def _day_take(source: str) -> Take:
    return takes.component(source)


def day_inside(kind: DataKind, segments: Sequence[list[str]]) -> str:
    """The day of care (YYYYMMDD…) that a message says first, or ""."""
    if kind.day is None:
        return ""
    take, name = _day_take(kind.day), kind.day[:3]
    return next((day[:8] for segment in segments if segment[0] == name and (day := take({name: segment}))), "")


def read(kind: DataKind, segments: Sequence[list[str]], place: list[str], key: str) -> list[tuple[str, Row]]:
    """(table, row) for each row of a message, in order.

    `place`: what the place of the file says (`takes.PLACE`); its row is numbered here, `key` and the number of its segment in the message.
    Of segments that stand once in a group by the standard (TQ1, RXR), the first is taken.
    """
    group = _Group(place, key, _compiled(kind.name), len(kind.groups))
    for segment in segments:
        name = segment[0]
        if name in kind.groups:
            group.begin(kind.groups.index(name) + 1)
        group.take(name, segment)
    group.end()
    return group.found


_ROW = takes.PLACE.index("row")


class _Group:
    """The segments that a message's next rows see: by level (the whole message, then the groups of its kind), and those that give the rows."""

    def __init__(self, place: list[str], key: str, compiled: tuple[_Compiled, ...], depth: int) -> None:
        self.found: list[tuple[str, Row]] = []
        self._place, self._key, self._compiled = place, key, compiled
        self._levels: list[dict[str, list[str]]] = [{} for _ in range(depth + 1)]
        self._level = 0
        self._waiting: dict[str, list[tuple[int, list[str]]]] = {}
        self._numbers = dict.fromkeys((one.per for one in compiled), 0)

    def begin(self, level: int) -> None:
        self.end()
        self._level = level
        for one in self._levels[level:]:
            one.clear()

    def take(self, name: str, segment: list[str]) -> None:
        if name in self._numbers:
            self._numbers[name] += 1
            self._waiting.setdefault(name, []).append((self._numbers[name], segment))
        else:
            self._levels[self._level].setdefault(name, segment)

    def end(self) -> None:
        """Give the rows of the group that ends."""
        if not self._waiting:
            return
        seen = {"@": self._place}
        for level in self._levels:
            seen.update(level)
        seen.update({name: waiting[0][1] for name, waiting in self._waiting.items()})
        for one in self._compiled:
            waiting = self._waiting.get(one.per)
            if waiting is None or one.unless in self._waiting:
                continue
            begun = one.begun(seen)
            for number, segment in waiting:
                seen[one.per] = segment
                if one.holds(seen):
                    self._place[_ROW] = f"{self._key}-{one.per}{number}"
                    self.found.append((one.table, one.row(begun, seen)))
        self._waiting.clear()
