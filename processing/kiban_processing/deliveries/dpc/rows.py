"""DPCの行 (rows): the sound rows of one stretch become rows of the catalogue as the layouts say, one selection for each item."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.deliveries.cells import Cells, Places
from kiban_processing.deliveries.dpc import form_one_codes
from kiban_processing.deliveries.dpc.layouts import By, Give, Kind, Route
from kiban_processing.deliveries.gathering import Gathering

Hashes = npt.NDArray[np.uint64]
BY_MOUTH = "21"
MODIFIERS = 4  # payloads of a diagnosis that hold one modifier each
_NOTHING = pa.scalar(None, pa.string())
_DATE_LIKE = "^ *(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9] *$"


def joined(cells: Cells, lines: Places, places: tuple[int, ...], separator: str = "-") -> pa.Array:
    """Several columns as one text."""
    columns = [pc.fill_null(cells.column(lines, place), "") for place in places]
    return pc.binary_join_element_wise(*columns, separator)


def hashed(texts: pa.Array) -> Hashes:
    """A 64-bit hash of each text, the same in every process."""
    found: Hashes = pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
    return found


class Seen:
    """What has been seen in a file, by hash: eight bytes each; among ten million the chance that two share one is about 3 in a million."""

    def __init__(self) -> None:
        self._known: Hashes = np.zeros(0, np.uint64)

    def fresh(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Which are seen for the first time; all are known afterwards."""
        distinct, at = np.unique(hashes, return_index=True)
        found = np.zeros(len(hashes), bool)
        found[at[~np.isin(distinct, self._known, assume_unique=True)]] = True
        self._known = np.union1d(self._known, distinct)
        return found


class Rows:
    """Makes the rows of the sound `lines` of a stretch. `patients`: the patient of each line of `cells`; `month`: whose layout of form 1 holds."""

    def __init__(self, kind: Kind, cells: Cells, lines: Places, patients: pa.Array, numbers: Places, month: int) -> None:
        self._kind = kind
        self._cells = cells
        self._lines = lines
        self._patients = patients
        self._numbers = numbers
        self._month = month
        self._stay_codes: tuple[npt.NDArray[np.int64], int] | None = None
        self.used = np.zeros(len(cells), bool)

    def gather(self, stays: Seen, into: Gathering) -> None:
        """All rows that are wanted; `stays`: the stays and visits of the file so far."""
        for route in self._kind.routes:
            chosen = self._chosen(route)
            self.used[chosen] = True
            if len(chosen) and into.wants(route.table):
                self._route(route, chosen, into)
        if self._kind.encounter is not None and len(self._lines):
            names = pc.binary_join_element_wise(self._encounter(self._lines), self._end(self._lines), " ")
            first = self._lines[stays.fresh(hashed(names))]
            self.used[first] = True
            if into.wants("encounters"):
                self._route(self._kind.encounter, first, into)

    def _end(self, lines: Places) -> pa.Array:
        """The day of discharge of an inpatient row: a stay that ends in a later month is told again with its end."""
        return pc.fill_null(self._cells.column(lines, 2), "") if self._kind.name == "EFn" else pa.repeat("", len(lines))

    def _chosen(self, route: Route) -> Places:
        lines = self._lines
        for place, pattern in route.where:
            if len(lines):
                matches = pc.fill_null(pc.match_substring_regex(self._cells.column(lines, place), pattern), False)
                lines = lines[matches.to_numpy(zero_copy_only=False)]
        return lines

    def _route(self, route: Route, lines: Places, into: Gathering) -> None:
        payloads: tuple[Places, Places] | None = None
        if any(give.by is By.PAYLOAD for give in route.gives):
            lines, *payloads = self._by_payload(lines)  # type: ignore[assignment]
        columns: dict[str, pa.Array] = {}
        for give in route.gives:
            value = self._value(give, lines, payloads)
            columns[give.item] = pc.coalesce(columns[give.item], value) if give.item in columns else value
            columns[give.item] = pc.if_else(pc.is_in(columns[give.item], value_set=_EMPTY), _NOTHING, columns[give.item])
        into.rows(route.table, self._numbers[lines], columns)

    def _by_payload(self, lines: Places) -> tuple[Places, Places, Places]:
        """Each line once for each payload with content that the layout knows and that is no date: line, number of the payload, its cell."""
        assert self._kind.payloads is not None and self._kind.code is not None
        start, number = self._kind.payloads
        found, places, cells = self._cells.filled()
        is_chosen = np.zeros(len(self._cells), bool)
        is_chosen[lines] = True
        kept = is_chosen[found] & (places >= start) & (places < start + number)
        found, payload, cells = found[kept], places[kept] - start + 1, cells[kept]
        is_date = pc.match_substring_regex(self._cells.values.take(pa.array(cells)), _DATE_LIKE).to_numpy(zero_copy_only=False)
        readable = ~is_date
        if self._kind.name == "FF1":
            readable &= is_known(self._cells.column(found, self._kind.code), payload, self._month, with_dates=False)
        return found[readable], payload[readable], cells[readable]

    def _value(self, give: Give, lines: Places, payloads: tuple[Places, Places] | None) -> pa.Array:
        cells = self._cells
        if give.by is By.CELL:
            return pc.utf8_trim_whitespace(cells.column(lines, give.place))
        if give.by is By.FIXED:
            return pa.repeat(give.text, len(lines))
        if give.by is By.PATIENT:
            return self._patients.take(pa.array(lines))
        if give.by is By.ENCOUNTER:
            return self._encounter(lines)
        if give.by is By.NUMBER:
            key = joined(cells, lines, self._kind.key[1:])
            parts = [pa.repeat(self._kind.name, len(lines)), key]
            if self._kind.name == "EFn":
                parts.append(pc.fill_null(cells.column(lines, self._kind.day), ""))
            if payloads is not None:
                parts.append(pa.array(payloads[0]).cast(pa.string()))
            return pc.binary_join_element_wise(*parts, "-")
        if give.by is By.IF_K_CODE:
            text = cells.column(lines, give.place)
            return pc.if_else(pc.fill_null(pc.match_substring_regex(text, "^K[0-9]{3}"), False), text, _NOTHING)
        if give.by is By.IF_BY_MOUTH:
            return pc.if_else(pc.fill_null(pc.equal(cells.column(lines, 4), BY_MOUTH), False), cells.column(lines, give.place), _NOTHING)
        if give.by is By.OF_CODE:
            return self._of_code(lines, give)
        if give.by is By.PAYLOAD_CODE:
            assert payloads is not None
            return pc.binary_join_element_wise(cells.column(lines, give.place), pa.array(payloads[0]).cast(pa.string()), "-")
        if give.by is By.PAYLOAD:
            assert payloads is not None
            return pc.utf8_trim_whitespace(cells.values.take(pa.array(payloads[1])))
        modifiers = joined(cells, lines, tuple(range(give.place, give.place + MODIFIERS)), "")
        return modifiers if give.by is By.MODIFIERS else pc.if_else(pc.equal(modifiers, ""), _NOTHING, give.text)

    def _encounter(self, lines: Places) -> pa.Array:
        """Data ID and day of admission; a child form of form 1 adds its own numbers, so that the stay as a whole keeps the name."""
        names = joined(self._cells, lines, self._kind.stay)
        if self._kind.name != "FF1":
            return names
        child = joined(self._cells, lines, (3, 4))
        is_whole = pc.match_substring_regex(child, "^0*-0*$")
        return pc.if_else(is_whole, names, pc.binary_join_element_wise(names, child, "-"))

    def _of_code(self, lines: Places, give: Give) -> pa.Array:
        """A column of the first row with a code in the same form."""
        assert self._kind.code is not None
        every = self._lines
        forms = joined(self._cells, every, (0, 1, 2, 3, 4)).dictionary_encode()
        form = np.full(len(self._cells), -1, np.int64)
        form[every] = forms.indices.to_numpy(zero_copy_only=False)
        is_code = pc.fill_null(pc.equal(self._cells.column(every, self._kind.code), give.text), False).to_numpy(zero_copy_only=False)
        coded = every[is_code]
        first = np.full(len(forms.dictionary), -1, np.int64)
        distinct, at = np.unique(form[coded], return_index=True)
        first[distinct] = coded[at]
        return pc.utf8_trim_whitespace(self._cells.column(first[form[lines]], give.place))


def is_known(codes: pa.Array, payloads: Places, month: int, with_dates: bool) -> npt.NDArray[np.bool_]:
    """Which payloads of form 1 the layout of a month knows; dates only where asked for."""
    known = form_one_codes.in_force(month)
    names = list(known)
    allowed = np.zeros((len(names) + 1, 10), bool)
    for row, name in enumerate(names):
        for payload in known[name]:
            allowed[row, payload.number] = with_dates or not payload.is_date
    rows = pc.fill_null(pc.index_in(codes, value_set=pa.array(names, pa.string())), len(names)).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.bool_] = allowed[rows, np.minimum(payloads, 9)]
    return found


_EMPTY = pa.array([""], pa.string())
