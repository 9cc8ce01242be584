"""適合する人の数 (fitting): how many persons have events that fit a few known ones under one common shift; counted up to a cap.

Two ways of counting the same, chosen by how common the known kinds are. Where one of them is rare, its events are the candidates, and the
others are looked up by binary search. Where all are common, every kind has a table of bits, one row per day and one bit per person, set where
the person has an event near that day; the rows of all shifts of the known events are laid over each other with AND, and the shifts with OR.
Persons are taken in pieces, so that memory does not grow with them; whoever already has company enough is not counted on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.risk.events import Events, Numbers, Population

PIECE = 65_536  # persons at a time
_COMMON = 3_000  # events of a kind in a piece from which bits are cheaper than candidates
_BITS = 640_000_000  # bytes of bits at a time
_CANDIDATES = 4_000_000
_FAR = 1 << 21  # more days than any history has


@dataclass(frozen=True)
class Known:
    """What the attacker knows: one row per person: `person`, `number` of known events, their `kind` and `day` (one column per event)."""

    person: Numbers
    number: Numbers
    kind: Numbers
    day: Numbers


@dataclass(frozen=True)
class Fits:
    """One row per known person, column m - 1 for m known events. `count`: persons who fit, up to the cap; `own`: whether the person does."""

    count: Numbers
    own: npt.NDArray[np.bool_]


def fitting(population: Population, known: Known, events: int, before: int, after: int, window: int, cap: int) -> Fits:
    """Who fits. An event of day u fits one known for day t under a shift of s weeks if t + 7s - `before` <= u <= t + 7s + `after`.

    Rows that know fewer than m events are not counted for m.
    """
    count = np.zeros((len(known.person), events), np.int64)
    own = np.zeros((len(known.person), events), bool)
    for first, piece in population.pieces(PIECE):
        index = _Index(piece, known, before, after, window)
        mine = np.flatnonzero((known.person >= first) & (known.person < first + piece.persons))
        for m in range(1, events + 1):
            able = mine[known.number[mine] >= m]
            own[able, m - 1] = index.fits(able, known.person[able] - first, m)
        open_ = (count < cap) & (known.number[:, None] >= np.arange(1, events + 1))
        index.count(count, open_)
    return Fits(np.minimum(count, cap), own)


class _Index:
    """One piece of the population, ready to be asked."""

    def __init__(self, piece: Events, known: Known, before: int, after: int, window: int) -> None:
        self.piece, self.known, self.before, self.after, self.window = piece, known, before, after, window
        wanted = np.unique(known.kind)
        place = np.searchsorted(wanted, piece.kind)
        there = (place < len(wanted)) & (wanted[np.minimum(place, len(wanted) - 1)] == piece.kind) if len(wanted) else np.zeros(0, bool)
        person, kind, day = piece.person[there], place[there], piece.day[there]
        self.kinds, self.kind = len(wanted), np.searchsorted(wanted, known.kind)
        # Sorted by person, kind, day: one whole number finds the first event of a person and kind from a day on.
        self.low = int(day.min()) if len(day) else 0
        self.span = int(day.max()) - self.low + 1 if len(day) else 1
        self.keys = (person * self.kinds + kind) * _FAR + (day - self.low)
        order = np.lexsort((person, day, kind))
        self.by_kind = (kind * _FAR + (day - self.low))[order]
        self.of_kind, self.day_of_kind = person[order], day[order]
        self.events = np.bincount(kind, minlength=self.kinds)
        self.words = -(-piece.persons // 64)
        self.margin = 7 * window + before + after  # rows of bits before the first day
        self.rows = self.margin + self.span + 7 * window + before
        common = np.argsort(-self.events, kind="stable")[: max(1, _BITS // max(1, self.rows * self.words * 8))]
        self.common = {int(one) for one in common if self.events[one] >= _COMMON}
        self.bits: dict[int, npt.NDArray[np.uint64]] = {}

    def holds(self, person: Numbers, row: Numbers, column: int, weeks: Numbers) -> npt.NDArray[np.bool_]:
        """Whether each person has an event that fits known event `column` of a row under a shift."""
        middle = self.known.day[row, column] + 7 * weeks - self.low
        base = (person * self.kinds + self.kind[row, column]) * _FAR
        begin, end = np.clip(middle - self.before, 0, _FAR - 1), middle + self.after
        found = np.searchsorted(self.keys, base + begin)
        inside = found < len(self.keys)
        reached = self.keys[np.minimum(found, max(len(self.keys) - 1, 0))] if len(self.keys) else np.zeros(len(found), np.int64)
        holds: npt.NDArray[np.bool_] = inside & (end >= 0) & (reached <= base + end)
        return holds

    def fits(self, rows: Numbers, person: Numbers, m: int) -> npt.NDArray[np.bool_]:
        """Whether one person each fits a row's first m events under any shift."""
        weeks = np.arange(-self.window, self.window + 1)
        row, who, by = np.repeat(rows, len(weeks)), np.repeat(person, len(weeks)), np.tile(weeks, len(rows))
        holds = np.ones(len(row), bool)
        for column in range(m):
            holds[holds] = self.holds(who[holds], row[holds], column, by[holds])
        any_shift: npt.NDArray[np.bool_] = holds.reshape(len(rows), len(weeks)).any(axis=1)
        return any_shift

    def count(self, count: Numbers, open_: npt.NDArray[np.bool_]) -> None:
        """Add the persons of this piece who fit, for each row and m that is still open."""
        common = np.isin(self.kind, sorted(self.common))
        for m in range(1, open_.shape[1] + 1):
            rare = ~common[:, :m].all(axis=1)
            self._by_candidates(count, np.flatnonzero(open_[:, m - 1] & rare), m)
        wholly = open_ & np.logical_and.accumulate(common[:, : open_.shape[1]], axis=1)
        for row in np.flatnonzero(wholly.any(axis=1)):
            self._by_bits(count, int(row), wholly[row])

    def _by_candidates(self, count: Numbers, rows: Numbers, m: int) -> None:
        if not len(rows) or not len(self.keys):
            return
        anchor = np.argmin(self.events[self.kind[rows, :m]], axis=1)
        middle = self.known.day[rows, anchor] - self.low
        base = self.kind[rows, anchor] * _FAR
        begin = np.searchsorted(self.by_kind, base + np.clip(middle - 7 * self.window - self.before, 0, _FAR - 1))
        end = np.searchsorted(self.by_kind, base + np.clip(middle + 7 * self.window + self.after, -1, _FAR - 1), side="right")
        number = np.maximum(end - begin, 0)
        until = np.cumsum(number)
        start = 0
        while start < len(rows):
            stop = max(start + 1, int(np.searchsorted(until, (until[start - 1] if start else 0) + _CANDIDATES, side="right")))
            self._candidates(count, rows[start:stop], anchor[start:stop], begin[start:stop], number[start:stop], m)
            start = stop

    def _candidates(self, count: Numbers, rows: Numbers, anchor: Numbers, begin: Numbers, number: Numbers, m: int) -> None:
        turn = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number)
        entry, row, known = np.repeat(begin, number) + turn, np.repeat(rows, number), np.repeat(anchor, number)
        apart = self.day_of_kind[entry] - self.known.day[row, known]
        # The event lies within [7s - before, 7s + after] of the known day: these are the shifts s that bring it there.
        lowest = np.maximum(-((self.after - apart) // 7), -self.window)
        highest = np.minimum((apart + self.before) // 7, self.window)
        found = []
        for step in range((self.before + self.after) // 7 + 1):
            weeks = lowest + step
            ok = np.flatnonzero(weeks <= highest)
            for column in range(m):
                other = known[ok] != column
                holds = np.ones(len(ok), bool)
                holds[other] = self.holds(self.of_kind[entry[ok[other]]], row[ok[other]], column, weeks[ok[other]])
                ok = ok[holds]
            found.append(np.unique(row[ok] * self.piece.persons + self.of_kind[entry[ok]]))
        both = np.unique(np.concatenate(found))
        count[:, m - 1] += np.bincount(both // self.piece.persons, minlength=len(count))

    def _by_bits(self, count: Numbers, row: int, open_: npt.NDArray[np.bool_]) -> None:
        laid: npt.NDArray[np.uint64] | None = None
        for column in range(int(np.flatnonzero(open_)[-1]) + 1):
            rows = self._rows(int(self.kind[row, column]), int(self.known.day[row, column]))
            if rows is None:
                return
            laid = rows if laid is None else laid & rows
            if open_[column]:
                count[row, column] += int(np.bitwise_count(np.bitwise_or.reduce(laid, axis=0)).sum())

    def _rows(self, kind: int, day: int) -> npt.NDArray[np.uint64] | None:
        """The bits of one known event, a row per shift; None where no shift can fit anybody."""
        if kind not in self.bits:
            self.bits[kind] = self._bits_of(kind)
        bits, margin = self.bits[kind], self.margin
        # Row r of the bits stands for day low - margin + r; a known day outside the rows of the middle is never fitted by any shift.
        first, last = day - 7 * self.window - self.low + margin, day + 7 * self.window - self.low + margin
        if first >= 0 and last < len(bits):
            return bits[first : last + 1 : 7]
        if last < 0 or first >= len(bits):
            return None
        places = np.arange(first, last + 1, 7)
        within = (places >= 0) & (places < len(bits))
        rows = np.zeros((len(places), self.words), np.uint64)
        rows[within] = bits[places[within]]
        return rows

    def _bits_of(self, kind: int) -> npt.NDArray[np.uint64]:
        begin, end = np.searchsorted(self.by_kind, [kind * _FAR, (kind + 1) * _FAR])
        person, day = self.of_kind[begin:end], self.day_of_kind[begin:end] - self.low
        rows = np.zeros((self.rows, self.words), np.uint64)
        if not len(person):
            return rows
        place = (day + self.margin) * self.words + person // 64
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])
        bit = np.left_shift(np.uint64(1), (person[order] % 64).astype(np.uint64))
        rows.reshape(-1)[place[order][starts]] = np.bitwise_or.reduceat(bit, starts)
        return _near(rows, self.before, self.after)


def _near(rows: npt.NDArray[np.uint64], before: int, after: int) -> npt.NDArray[np.uint64]:
    """Row t of the result: the OR of rows t - before to t + after."""
    width, near, reach = before + after + 1, rows, 1
    while reach < width:  # row t covers t .. t + reach - 1
        step = min(reach, width - reach)
        wider = near.copy()
        wider[:-step] |= near[step:]
        near, reach = wider, reach + step
    moved = np.zeros_like(near)
    if before:
        moved[before:] = near[:-before]
        return moved
    return near
