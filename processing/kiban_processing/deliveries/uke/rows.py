"""レセプトの行 (rows): the lines of sound receipts become rows of the catalogue as the layout says, one selection for each item."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries import fee_codes
from kiban_processing.deliveries.cells import Cells, Places
from kiban_processing.deliveries.gathering import Gathering
from kiban_processing.deliveries.uke.layouts import By, Give, Line, Route
from kiban_processing.deliveries.uke.receipts import Receipts, code_of

BY_MOUTH = "21"  # 診療識別 of drugs taken by mouth, whose count is days
DAYS = 31
_SECTIONED = ("SI", "IY", "TO", "CO")
_NOTHING = pa.scalar(None, pa.string())
_SUSPECTED = f"^([0-9]{{4}})*{fee_codes.SUSPECTED}"


class Rows:
    """Makes the rows of one stretch; `sound`: which records give any; `undated` counts acts without a day."""

    def __init__(self, receipts: Receipts, sound: npt.NDArray[np.bool_], named: dict[str, pa.Array], base: int) -> None:
        self._receipts = receipts
        self._cells: Cells = receipts.cells
        self._sound = sound
        self._named = named
        self._base = base
        self._firsts: dict[str, Places] = {}
        self._filled: tuple[Places, Places, Places] | None = None
        self._sections: pa.Array | None = None
        self.undated = 0

    def gather(self, kinds: dict[str, Line], into: Gathering) -> None:
        """All rows that are wanted."""
        for kind in kinds.values():
            routes = [route for route in kind.routes if into.wants(route.table)]
            if not routes:
                continue
            lines = np.flatnonzero(self._receipts.codes == code_of(kind.code))
            lines = lines[self._sound[self._receipts.record[lines]]]
            for route in routes:
                chosen = self._chosen(route, lines)
                if len(chosen):
                    self._route(kind, route, chosen, into)

    def _chosen(self, route: Route, lines: Places) -> Places:
        if not route.kind or not len(lines):
            return lines
        code = self._cells.column(lines, route.code_place)
        is_kind = pc.fill_null(pc.starts_with(code, route.kind), False)
        chosen: Places = lines[is_kind.to_numpy(zero_copy_only=False)]
        return chosen

    def _route(self, kind: Line, route: Route, lines: Places, into: Gathering) -> None:
        days: pa.Array | None = None
        counts: pa.Array | None = None
        if kind.days_from is not None:
            lines, days, counts = self._by_day(kind, lines)
        columns: dict[str, pa.Array] = {}
        for give in route.gives:
            value = self._value(give, lines, days, counts)
            columns[give.item] = pc.coalesce(columns[give.item], value) if give.item in columns else value
            if len(route.gives) > 1:
                columns[give.item] = _without_empty(columns[give.item])
        into.rows(route.table, self._receipts.record[lines] + self._base, columns)

    def _by_day(self, kind: Line, lines: Places) -> tuple[Places, pa.Array, pa.Array]:
        """Each act once for each of its days, and how often on that day; an act without days once, with day 0."""
        assert kind.days_from is not None
        if self._filled is None:
            self._filled = self._cells.filled()
        found, places, cells = self._filled
        is_chosen = np.zeros(len(self._cells), bool)
        is_chosen[lines] = True
        is_day = is_chosen[found] & (places >= kind.days_from) & (places < kind.days_from + DAYS)
        dated, day, at = found[is_day], places[is_day] - kind.days_from + 1, cells[is_day]
        has_days = np.zeros(len(self._cells), bool)
        has_days[dated] = True
        undated = lines[~has_days[lines]]
        self.undated += len(undated)
        every = np.concatenate([dated, undated])
        order = np.argsort(every, kind="stable")
        days = np.concatenate([day, np.zeros(len(undated), np.int64)])[order]
        where = np.concatenate([at, np.full(len(undated), -1, np.int64)])[order]
        return every[order], pa.array(days), self._cells.values.take(pa.array(np.maximum(where, 0), mask=where < 0))

    def _value(self, give: Give, lines: Places, days: pa.Array | None, counts: pa.Array | None) -> pa.Array:
        records = self._receipts.record[lines]
        if give.by is By.CELL:
            return self._cells.column(lines, give.place)
        if give.by is By.FIRST:
            return self._cells.column(self._first(give.text)[records], give.place)
        if give.by is By.RECEIPT:
            return self._named[give.text].take(pa.array(records))
        if give.by is By.FIXED:
            return pa.repeat(give.text, len(lines))
        if give.by is By.NUMBER:
            number = pa.array(self._receipts.turn[lines]).cast(pa.string())
            parts = [self._named["encounter"].take(pa.array(records)), number]
            if days is not None:
                parts.append(days.cast(pa.string()))
            return pc.binary_join_element_wise(*parts, "-")
        if give.by is By.DAY:
            assert days is not None
            return self._day(records, days)
        if give.by is By.SUPPLY:
            return pc.if_else(self._by_mouth(lines), counts, _NOTHING)
        cell = self._cells.column(lines, give.place)
        if give.by is By.SUSPICION:
            is_suspected = pc.fill_null(pc.match_substring_regex(cell, _SUSPECTED), False)
            return pc.if_else(is_suspected, "suspected", "confirmed")
        return pc.if_else(pc.fill_null(pc.greater(pc.binary_length(cell), 0), False), give.text, _NOTHING)

    def _day(self, records: Places, days: pa.Array) -> pa.Array:
        """The month as sent with the day behind it; the first of the month where no day was given."""
        month = self._named["month"].take(pa.array(records))
        day = pc.utf8_lpad(pc.if_else(pc.equal(days, 0), 1, days).cast(pa.string()), 2, "0")
        return pc.binary_join_element_wise(month, day, "")

    def _by_mouth(self, lines: Places) -> pa.Array:
        """The section of drugs is written on the first line of a group only."""
        if self._sections is None:
            receipts = self._receipts
            is_line = np.isin(receipts.codes, [code_of(code) for code in _SECTIONED])
            every = np.flatnonzero(is_line)
            said = self._cells.column(every, 1)
            has = pc.fill_null(pc.greater(pc.binary_length(said), 0), False).to_numpy(zero_copy_only=False)
            last = np.maximum.accumulate(np.where(has, np.arange(len(every)), -1))
            source = np.full(len(self._cells), -1, np.int64)
            source[every] = np.where(last >= 0, every[np.maximum(last, 0)], -1)
            source = np.where((source >= 0) & (receipts.record[source] == receipts.record), source, -1)
            self._sections = pc.fill_null(pc.equal(self._cells.column(source, 1), BY_MOUTH), False)
        return self._sections.take(pa.array(lines))

    def _first(self, code: str) -> Places:
        if code not in self._firsts:
            self._firsts[code] = self._receipts.first(code_of(code))
        return self._firsts[code]


def _without_empty(column: pa.Array) -> pa.Array:
    """Empty cells as nothing, so that another giver of the item may step in."""
    return pc.if_else(pc.equal(column, ""), _NOTHING, column)
