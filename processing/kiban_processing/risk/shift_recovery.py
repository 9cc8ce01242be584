"""シフトの復元 (shift recovery): how often an attacker who sees a person's released dates tells the weeks they were moved by (Reg 18(v)).

The attacker knows how the release was made and wants one person's shift. He undoes each possible shift in turn and asks how likely visits on
the days that come out are; the likeliest shift is his guess (maximum likelihood; every shift was as likely before). Two attackers are tried,
and the better one counts:

- *calendar*: knows the law of holidays and the year end, and how busy hospitals are on such days, by weekday;
- *activity*: knows how many visits the whole source has on each single day, all but those of the person himself. That is the best that can be
  known of days: closures, seasons, epidemics and the edges of the collection are all in it.

Weekdays tell him nothing more, for whole weeks leave them as they are. What is not measured: what the codes of an event say of its date.
Evidence is counted in whole 1024ths of a bit, so that every machine finds the same.

Source: the design is ours; on finding organisations from weekday and season, TriNetX 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing import holidays
from kiban_processing.risk import intervals

Integers = npt.NDArray[np.int64]

_STEPS = 1024
_LEAST = -20 * _STEPS
_PRIOR = 1.0  # visits' worth of the calendar's rule beside the days counted: a day without visits need not be impossible
_OUTSIDE = 0.002  # of a visit, outside the collection
_BLOCK = 6_000_000  # released days x shifts held at a time


@dataclass(frozen=True)
class ShiftRecovery:
    """`recovered`: persons whose exact week the better attacker tells (ties count by their chance); shares from 0 to 1; `interval`: 95 %.

    `guessing`: the same without looking at dates. `median_rank`: of the true shift among all, 1 is the attacker's first choice.
    """

    attacker: str
    persons: int
    days: int
    shifts: int
    recovered: float
    success: float
    interval: tuple[float, float]
    guessing: float
    median_rank: float

    @property
    def advantage(self) -> float:
        """Success beyond guessing, in shares of 1."""
        return self.success - self.guessing

    @property
    def proven(self) -> float:
        """The advantage that chance does not explain: the lower end of the interval beyond guessing, at least 0."""
        return max(0.0, self.interval[0] - self.guessing)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "interval": list(self.interval), "advantage": self.advantage}


def recover(
    person: Integers,
    day: Integers,
    weeks: Integers,
    counts: Mapping[int, int],
    window: int,
    gap_days: int = 1,
) -> ShiftRecovery:
    """The better of the two attackers on all persons.

    `person`: index into `weeks` (the true shift of each person), ascending; `day`: a released day of that person as day number since
    1970-01-01, each once; `counts`: day number → visits in the source, one per person and day. Persons without days are guessed.
    With `gap_days` above 1 each released day but the person's first stands for so many days.
    """
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    found = [_attack(name, person, day, weeks, counts, window, gap_days) for name in ("calendar", "activity")]
    return max(found, key=lambda one: one.success)


def recover_by(
    attacker: str, person: Integers, day: Integers, weeks: Integers, counts: Mapping[int, int], window: int, gap_days: int = 1
) -> ShiftRecovery:
    """One attacker alone, `calendar` or `activity`."""
    order = np.lexsort((day, person))
    return _attack(attacker, person[order], day[order], weeks, counts, window, gap_days)


@dataclass(frozen=True)
class _Knowledge:
    """`exact`, `period`: bits (in steps) of each day; `alone`: the same where the person's own visit is taken out of the count."""

    first: int
    exact: Integers
    period: Integers
    exact_alone: Integers
    period_alone: Integers


def _knowledge(attacker: str, counts: Mapping[int, int], low: int, high: int, gap: int) -> _Knowledge:
    collected = np.array(sorted(counts))
    first, length = low, high - low + 1
    counted, inside = np.zeros(length), np.zeros(length, bool)
    counted[collected - low] = [counts[int(one)] for one in collected]
    inside[collected[0] - low : collected[-1] - low + 1] = True
    group = holidays.kinds(low, high).astype(np.int64) * 7 + np.arange(low, high + 1) % 7
    mean = np.bincount(group[inside], counted[inside], minlength=28) / np.maximum(np.bincount(group[inside], minlength=28), 1)
    rule = np.where(inside, mean[group], 0.0) / max(counted[inside].mean(), 1e-12)
    if attacker == "calendar":
        likely = alone = rule + _OUTSIDE
    else:
        likely = counted + _PRIOR * rule + _OUTSIDE
        alone = np.maximum(counted - 1, 0) + _PRIOR * rule + _OUTSIDE
    covered = np.convolve(likely, np.ones(gap))[gap - 1 :]
    covered_alone = np.maximum(covered - (likely - alone), _OUTSIDE)
    top, top_period = likely.max(), covered.max()
    return _Knowledge(
        first, *(_bits(one, of) for one, of in ((likely, top), (covered, top_period), (alone, top), (covered_alone, top_period)))
    )


def _bits(likely: npt.NDArray[np.float64], of: float) -> Integers:
    bits = np.round(_STEPS * np.log2(likely / of)).astype(np.int64)
    least: Integers = np.maximum(bits, _LEAST)
    return least


def _attack(
    attacker: str, person: Integers, day: Integers, weeks: Integers, counts: Mapping[int, int], window: int, gap: int
) -> ShiftRecovery:
    shifts, persons = 2 * window + 1, len(weeks)
    if not len(day) or not counts:
        return _result(attacker, persons, 0, shifts, persons / shifts, np.full(persons, (shifts + 1) / 2))
    low = min(int(day.min()), min(counts)) - 7 * window - gap
    high = max(int(day.max()), max(counts)) + 7 * window + gap
    known = _knowledge(attacker, counts, low, high, gap)
    tables = tuple(_shifted(bits, shifts) for bits in ((known.exact, known.period) if gap > 1 else (known.exact,)))
    starts = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    ends = np.r_[starts[1:], len(day)]
    chance, rank = np.full(persons, 1 / shifts), np.full(persons, (shifts + 1) / 2)
    begin = 0
    while begin < len(starts):
        # As many whole persons as fit the block; a person alone always does.
        end = max(begin + 1, int(np.searchsorted(ends, starts[begin] + _BLOCK // shifts, side="right")))
        piece = slice(int(starts[begin]), int(ends[end - 1]))
        here = starts[begin:end] - piece.start
        evidence = _evidence(
            tables, known, day[piece], here, np.diff(np.r_[here, piece.stop - piece.start]), weeks[person[starts[begin:end]]], window, gap
        )
        own = person[starts[begin:end]]
        true = evidence[np.arange(len(own)), weeks[own] + window][:, None]
        better, equal = (evidence > true).sum(axis=1), (evidence == true).sum(axis=1)
        chance[own] = np.where(better == 0, 1 / equal, 0.0)
        rank[own] = 1 + better + (equal - 1) / 2
        begin = end
    return _result(attacker, persons, len(day), shifts, float(chance.sum()), rank)


def _shifted(bits: Integers, shifts: int) -> npt.NDArray[np.int32]:
    """Row r, column s: the bits of the day that the released day at place r + 7 x window was, had the shift been s - window."""
    lanes = np.lib.stride_tricks.sliding_window_view(bits.astype(np.int32), 7 * (shifts - 1) + 1)[:, ::7]
    return np.ascontiguousarray(lanes[:, ::-1])


def _evidence(
    tables: tuple[npt.NDArray[np.int32], ...], known: _Knowledge, day: Integers, starts: Integers, lengths: Integers,
    weeks: Integers, window: int, gap: int,
) -> npt.NDArray[np.int32]:  # fmt: skip
    """Bits of evidence, one row per person and one column per shift, the person's own visits taken out of what the attacker knows."""
    row = day - known.first - 7 * window
    bits = tables[0][row]
    first = np.zeros(len(day), bool)
    first[starts] = True
    if gap > 1:
        bits[~first] = tables[1][row[~first]]
    evidence = np.add.reduceat(bits, starts, axis=0)
    owner, true = np.repeat(np.arange(len(starts)), lengths), day - 7 * np.repeat(weeks, lengths) - known.first
    alone = known.exact_alone[true] - known.exact[true]
    if gap > 1:
        alone = np.where(first, alone, known.period_alone[true] - known.period[true])
    shifts = 2 * window + 1
    column = np.repeat(weeks, lengths) + window
    places, amounts = [owner * shifts + column], [alone]
    # Undone by a wrong shift, one of his days may fall on another of his own: that visit, too, is not the attacker's to know.
    left = np.arange(len(day))
    ends = np.repeat(starts + lengths, lengths)
    for lag in range(1, int(lengths.max())):
        left = left[left + lag < ends[left]]
        apart = day[left + lag] - day[left]
        near = apart <= 14 * window
        left, apart = left[near], apart[near]
        if not len(left):
            break
        meet = apart % 7 == 0
        one, by = left[meet], apart[meet] // 7
        for source, sign in ((one, 1), (one + lag, -1)):
            at = column[one] + sign * by
            within = (at >= 0) & (at < shifts)
            places.append(owner[one][within] * shifts + at[within])
            amounts.append(alone[source][within])
    taken = np.bincount(np.concatenate(places), np.concatenate(amounts), minlength=evidence.size)
    without: npt.NDArray[np.int32] = evidence + np.round(taken).astype(np.int32).reshape(evidence.shape)
    return without


def _result(attacker: str, persons: int, days: int, shifts: int, recovered: float, rank: npt.NDArray[np.float64]) -> ShiftRecovery:
    recovered = round(recovered, 9)  # a sum of fractions: its last digits are no finding
    success = recovered / persons if persons else 0.0
    median = float(np.median(rank)) if persons else 0.0
    return ShiftRecovery(attacker, persons, days, shifts, recovered, success, intervals.wilson(recovered, persons), 1 / shifts, median)
