"""レセプトの区切り (receipts): which lines of a stretch of a claims file belong to which receipt, what is wrong with it, and whose it is.

A file is framed by IR (or YK) and GO; a receipt runs from its RE to the next RE or frame. Lines outside of both are a record of their own, which
is none of the format. All by arrays; what is walked one by one is frames and damaged records, of which there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries.cells import Cells, Places, numbers
from kiban_processing.deliveries.uke import layouts
from kiban_processing.formats import dates, findings

COMMA = b","[0]


def code_of(text: str) -> int:
    """The two letters of a line's code as one number."""
    return (ord(text[0]) << 8) | ord(text[1])


RE, HO, KO, BU = (code_of(text) for text in ("RE", "HO", "KO", "BU"))
FRAMES = tuple(code_of(text) for text in (layouts.OPENS, layouts.DISPENSING_OPENS, layouts.CLOSES))
GO = code_of(layouts.CLOSES)


@dataclass
class Volume:
    """What the last opening record said, and the receipts read since; carried from stretch to stretch. `aside`: number in `layouts.ASIDE`, or 0."""

    number: int = 0
    month: int = 0
    name: str = ""
    aside: int = 0
    receipts: int = 0
    points: int = 0
    is_open: bool = False


class Receipts:
    """The records of one stretch: lines by record, first lines by code, and the values the layouts ask for by name."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        first, second, third = (cells.letters(place).astype(np.int64) for place in range(3))
        shaped = (third == COMMA) | (cells.ends - cells.starts == 2)
        known = shaped & _is_capital(first) & (_is_capital(second) | _is_digit(second))
        self.codes: Places = np.where(known, (first << 8) | second, 0)
        self.is_frame = np.isin(self.codes, FRAMES)
        after_frame = np.concatenate([np.ones(min(len(cells), 1), bool), self.is_frame[:-1]])
        starts = ~self.is_frame & ((self.codes == RE) | after_frame)
        self.heads: Places = np.flatnonzero(starts)  # the first line of each record
        self.record: Places = np.where(self.is_frame, -1, np.cumsum(starts) - 1)  # of each line; -1: a frame
        frames = np.flatnonzero(self.is_frame)
        next_frame = np.append(frames, len(cells))[np.searchsorted(frames, self.heads)]
        self.tails: Places = np.minimum(np.append(self.heads[1:], len(cells))[: len(self.heads)], next_frame) - 1
        self.turn: Places = (
            np.arange(len(cells)) - self.heads[np.maximum(self.record, 0)] if len(self.heads) else np.zeros(len(cells), np.int64)
        )

    def __len__(self) -> int:
        return len(self.heads)

    @cached_property
    def is_receipt(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.codes[self.heads] == RE
        return found

    def first(self, code: int) -> Places:
        """For each record the number of its first line with that code; -1 where there is none."""
        lines = np.flatnonzero(self.codes == code)
        lines = lines[self.record[lines] >= 0]
        records, at = np.unique(self.record[lines], return_index=True)
        found = np.full(len(self), -1, np.int64)
        found[records] = lines[at]
        if code == KO:
            found[self.first(HO) >= 0] = -1
        return found

    def has(self, codes: list[int]) -> npt.NDArray[np.bool_]:
        """Which records hold a line with one of the codes."""
        found = np.zeros(len(self), bool)
        records = self.record[np.isin(self.codes, codes)]
        found[records[records >= 0]] = True
        return found

    def head_cell(self, place: int) -> pa.Array:
        return self.cells.column(self.heads, place)

    def points(self) -> Places:
        """Points of each receipt: of its insurance, else of its first public fund."""
        insurance, fund = self.cells.column(self.first(HO), 5), self.cells.column(self.first(KO), 5)
        return np.maximum(numbers(pc.fill_null(pc.coalesce(insurance, fund), "")), 0)

    def named(self, volume_names: pa.Array) -> dict[str, pa.Array]:
        """What the layouts ask for by name, for each record. Days are texts, as the file's own are."""
        month = pc.fill_null(self.head_cell(3), "")
        months = month.dictionary_encode()
        spans = [_span(text) for text in months.dictionary.to_pylist()]
        first_day = pa.array([span[0] for span in spans], pa.string()).take(months.indices)
        last_day = pa.array([span[1] for span in spans], pa.string()).take(months.indices)
        kind = pc.fill_null(self.head_cell(2), "")
        is_typed = pc.match_substring_regex(kind, "^[0-9]{4}$")
        is_stay = pc.match_substring_regex(kind, "^[0-9]{3}[13579]$")
        nothing = pa.scalar(None, pa.string())
        dpc = pa.array(np.where(self.first(BU) >= 0, "D", "M"), pa.string())
        return {
            "patient": self.head_cell(13),
            "encounter": pc.binary_join_element_wise(volume_names, month, pc.fill_null(self.head_cell(1), ""), dpc, "-"),
            "class": pc.if_else(is_typed, pc.if_else(is_stay, "inpatient", "outpatient"), nothing),
            "admitted": pc.if_else(is_stay, self.head_cell(8), nothing),
            "first_day": first_day,
            "last_day": pc.if_else(is_stay, nothing, last_day),
            "month": month,
        }


def _span(month: str) -> tuple[str, str | None]:
    """First and last day of a month written YYYYMM or GYYMM; what is neither is given on, to be told as no date."""
    first = dates.parse_date(month + "01") if month.isdigit() and len(month) in (5, 6) else None
    if first is None:
        return month or "-", None
    for day in (31, 30, 29, 28):
        last = dates.parse_date(f"{month}{day}")
        if last is not None:
            return first.isoformat(), last.isoformat()
    return first.isoformat(), None


def month_number(text: str | None) -> int:
    """A month written YYYYMM or GYYMM as YYYYMM; 0 where it is neither."""
    first = dates.parse_date(f"{text}01") if text and text.isdigit() and len(text) in (5, 6) else None
    return first.year * 100 + first.month if first else 0


def judge(
    receipts: Receipts, lines: dict[str, layouts.Line], damaged: dict[int, str], is_aside: npt.NDArray[np.bool_]
) -> tuple[dict[int, str], Places]:
    """Record → the first rule it breaks by its shape; and the lines of unknown kinds in sound shape. Of records kept aside no cells are counted."""
    cells = receipts.cells
    rules: dict[int, str] = {}
    for line, rule in sorted(damaged.items()):
        if receipts.record[line] >= 0:
            rules.setdefault(int(receipts.record[line]), rule)
    misshapen = np.flatnonzero((receipts.codes == 0) & (receipts.record >= 0))
    stray = np.flatnonzero(~receipts.is_receipt)
    for record in np.concatenate([stray, receipts.record[misshapen]]).tolist():
        rules.setdefault(record, findings.NOT_OF_FORMAT.code)
    least, most = np.zeros(1 << 16, np.int64), np.full(1 << 16, 1 << 30, np.int64)
    is_known = np.zeros(1 << 16, bool)
    is_known[list(FRAMES)] = True
    for code in (*lines, *layouts.SET_ASIDE_LINES):
        is_known[code_of(code)] = True
    for line_kind in lines.values():
        least[code_of(line_kind.code)], most[code_of(line_kind.code)] = line_kind.least, line_kind.most
    short = cells.counts < least[receipts.codes]
    over = np.zeros(len(cells), bool)
    longer = np.flatnonzero(cells.counts > most[receipts.codes])
    if len(longer):
        found, places, _ = cells.filled()
        over[found[places >= most[receipts.codes[found]]]] = True
    is_judged = receipts.record >= 0
    is_judged[is_judged] = ~is_aside[receipts.record[is_judged]]
    for record in receipts.record[(short | over) & is_judged].tolist():
        rules.setdefault(record, findings.COLUMN_COUNT.code)
    return rules, np.flatnonzero((receipts.codes > 0) & ~is_known[receipts.codes] & is_judged)


def _is_capital(letters: Places) -> npt.NDArray[np.bool_]:
    return (letters >= ord("A")) & (letters <= ord("Z"))


def _is_digit(letters: Places) -> npt.NDArray[np.bool_]:
    return (letters >= ord("0")) & (letters <= ord("9"))
