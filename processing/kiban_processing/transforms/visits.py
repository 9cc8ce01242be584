"""受診日の間引き (visits): which of a person's dated days may stay, so that the calendar does not give the person's shift away (Reg 18(v)).

What gives a shift away. A whole-week shift keeps intervals exact. Whoever undoes it by a wrong number of weeks finds days on which no hospital
works: the year end, holidays, days before the collection began. Each exact day rules out some shifts, and together the days of a long
history leave one. No window helps, for the intervals alone do it; giving one shift to a group of persons makes it worse, since the
group's days add up. What bounds the leak is the evidence in the days that are released, so the days are chosen by it:

- a person's days are taken in an order drawn from the release's secret, and a day stays while the likeliest shift, given the days that stay,
  is no likelier than guessing plus the plan's margin. The rule looks at released days and at the public calendar, never at the true
  shift, so that what is left out says nothing about it. Holds for each person, not on average.
- `most` keeps so many days at most, whatever they tell.
- `gap_days` moves a day back to the beginning of its period of so many days, counted from the person's first day.

Days, not rows, and over all tables, since an attacker lays the tables side by side. What it does not protect: what the codes tell of the
calendar (an epidemic, a drug that was not yet sold), and days without the rhythm of work, such as deaths, which are not chosen.

All evidence is in whole numbers, so that every machine keeps the same days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing import holidays

STEPS = 64  # evidence is counted in 64ths of a bit
_LEAST = -16 * STEPS  # one day never tells more than 16 bits
_PRIOR = 4.0  # visits' worth of belief in the calendar's rule, beside the days counted
_OUTSIDE = 0.01  # of a visit: what is believed of days on which nothing can have been collected
_UNIT = 1 << 20
_LIKELIHOOD = tuple(round(_UNIT * 2 ** (-steps / STEPS)) for steps in range(32 * STEPS)) + (0,)
_BLOCK = 4_000_000  # persons x shifts held at a time

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calendar:
    """暦の重み: how likely a visit is on each day, in 64ths of a bit below the busiest; `first`: day number of the first weight.

    `exact`: for a day as it is; `period`: for a day that stands for `gap_days` days from it on.
    """

    first: int
    exact: Integers
    period: Integers
    window: int

    @property
    def shifts(self) -> int:
        return 2 * self.window + 1

    def rows(self, which: Integers) -> Integers:
        """Row d, column s of a matrix: the weight of the day that a released day first + 7 x window + d was, had the shift been s - window."""
        lanes = np.lib.stride_tricks.sliding_window_view(which, 7 * (self.shifts - 1) + 1)[:, ::7]
        return np.ascontiguousarray(lanes[:, ::-1])


def calendar(counts: Mapping[int, int], window: int, gap_days: int = 1) -> Calendar:
    """The weights from what was collected: `counts`: day number (since 1970-01-01) → visits of all persons, source dates.

    A day's weight is its own count and the calendar's rule: the mean of working days, weekends, holidays and year ends by weekday.
    Before the first and after the last day nothing can have been collected.
    """
    low, high = min(counts), max(counts)
    margin = 14 * window + gap_days
    counted = np.zeros(high - low + 1 + 2 * margin)
    for day, number in counts.items():
        counted[day - low + margin] = number
    inside = np.zeros(len(counted), bool)
    inside[margin : margin + high - low + 1] = True
    groups = holidays.kinds(low - margin, high + margin).astype(np.int64) * 7 + np.arange(low - margin, high + margin + 1) % 7
    total = np.bincount(groups[inside], counted[inside], minlength=28)
    mean = total / np.maximum(np.bincount(groups[inside], minlength=28), 1)
    expected = np.where(inside, mean[groups] / max(counted[inside].mean(), 1e-9), 0.0)
    likely = counted + _PRIOR * expected + _OUTSIDE
    covered = np.convolve(likely, np.ones(gap_days))[gap_days - 1 :] if gap_days > 1 else likely
    return Calendar(low - margin, _weights(likely), _weights(covered), window)


def _weights(likely: npt.NDArray[np.float64]) -> Integers:
    bits = np.round(STEPS * np.log2(likely / likely.max())).astype(np.int64)
    least: Integers = np.maximum(bits, _LEAST)
    return least


def rank(seed: int, day: int) -> int:
    """The place of a day in the order drawn from a person's secret number: a mixture of 64 bits (splitmix64's finaliser).

    >>> rank(1, 19000) == rank(1, 19000), rank(1, 19000) == rank(2, 19000)
    (True, False)
    """
    mixed = (seed ^ (day * 0x9E3779B97F4A7C15)) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


_MASK = (1 << 64) - 1


def needed(shifts: int, advantage: float) -> int:
    """What the likelihoods of all shifts must add up to, the likeliest being 1, so that it is no likelier than guessing plus `advantage`.

    >>> needed(53, 0.02) / _UNIT
    25.72815...
    """
    return math.ceil(_UNIT / (1 / shifts + advantage))


def chosen_slowly(seed: int, days: Sequence[tuple[int, bool]], known: Calendar | None, advantage: float, most: int | None) -> set[int]:
    """Which released days of one person stay. `days`: day number as released, and whether it stands for a whole period."""
    order = sorted(days, key=lambda one: (rank(seed, one[0]), one[0]))[:most]
    if known is None:
        return {day for day, _ in order}
    kept: set[int] = set()
    evidence = [0] * known.shifts
    for day, period in order:
        weights = known.period if period else known.exact
        after = [total + int(weights[day - 7 * (number - known.window) - known.first]) for number, total in enumerate(evidence)]
        best = max(after)
        if sum(_LIKELIHOOD[min(best - one, len(_LIKELIHOOD) - 1)] for one in after) >= needed(known.shifts, advantage):
            kept.add(day)
            evidence = after
    return kept


def chosen(
    person: Integers,
    seed: npt.NDArray[np.uint64],
    day: Integers,
    period: npt.NDArray[np.bool_],
    known: Calendar | None,
    advantage: float,
    most: int | None,
) -> npt.NDArray[np.bool_]:
    """The same for many persons: one entry per person and day, persons in one piece each; `seed` per entry. Gives what stays, per entry."""
    keyed = _ranks(seed, day)
    order = np.lexsort((day, keyed, person))
    starts = np.flatnonzero(np.r_[True, person[order][1:] != person[order][:-1]]) if len(order) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(order)])
    place = np.arange(len(order)) - np.repeat(starts, lengths)
    kept = np.zeros(len(order), bool)
    if known is None:
        kept[order] = True if most is None else place < most
        return kept
    lowest = known.first + 7 * known.window
    matrices = (known.rows(known.exact).astype(np.int32), known.rows(known.period).astype(np.int32))
    likelihood, enough = np.array(_LIKELIHOOD), needed(known.shifts, advantage)
    step = max(1, _BLOCK // known.shifts)
    for begin in range(0, len(starts), step):
        first, number = starts[begin : begin + step], lengths[begin : begin + step]
        evidence = np.zeros((len(first), known.shifts), np.int32)
        for turn in range(min(int(number.max()), most or len(order))):
            here = np.flatnonzero(number > turn)
            entry = order[first[here] + turn]
            row = day[entry] - lowest
            weights = np.where(period[entry][:, None], matrices[1][row], matrices[0][row]) if period.any() else matrices[0][row]
            after = evidence[here] + weights
            below = np.minimum(after.max(axis=1, keepdims=True) - after, len(_LIKELIHOOD) - 1)
            stays = likelihood[below].sum(axis=1) >= enough
            kept[entry[stays]] = True
            evidence[here[stays]] = after[stays]
    return kept


def _ranks(seed: npt.NDArray[np.uint64], day: Integers) -> npt.NDArray[np.uint64]:
    mixed = seed ^ (day.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    ranks: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return ranks
