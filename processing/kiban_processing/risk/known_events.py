"""既知の事象による特定 (known events): how many persons a few known events single out, before and after the processing (Reg 18(v)).

The attacker knows m events of a person who is in the release: of each its kind (a visit, or a diagnosis at a stated level) and its date within
± d days. Before the processing a person of the source fits who has, for each known event, one of that kind within ± d days. After it he must
allow for a shift he does not know: a person of the release fits if some one shift of whole weeks within the window brings every known event
within ± d days of one of theirs. Where dates stand for periods of several days, he allows for the whole period. Whoever alone fits is singled out.

A sample of persons and of their events, drawn from a seed; the same seed gives the same sample. Two known events may fit one event of another
person. Not measured: events whose date was taken out (they fit nothing here), and knowledge that something did not happen.

Source: El Emam et al. 2012 (adversary power on longitudinal claims); Loukides et al. 2010 (codes known of a visit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.risk import fitting, intervals
from kiban_processing.risk.events import Population, mixed
from kiban_processing.risk.fitting import Known

SAMPLE = 2_000  # persons


@dataclass(frozen=True)
class Singled:
    """Of the persons sampled: how many are alone in fitting, and how many fit with fewer than k others' company. `mistaken`: somebody
    else alone fits. Shares from 0 to 1, intervals of 95 %."""

    singled_out: int
    share: float
    interval: tuple[float, float]
    below_k: int
    below_k_share: float
    mistaken: int


@dataclass(frozen=True)
class KnownEventsRisk:
    """What knowing `events` events within ± `days` days does. `persons`: sampled persons who have so many events in the source."""

    events: int
    days: int
    k: int
    window_weeks: int
    persons: int
    before: Singled
    after: Singled

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    source: Population,
    release: Population,
    released: npt.NDArray[np.bool_],
    asked: Sequence[tuple[int, int]],
    k: int,
    window: int,
    seed: int,
    sample: int = SAMPLE,
    gap_days: int = 1,
) -> tuple[KnownEventsRisk, ...]:
    """One result per pair (events, days) asked for.

    `source`: true days; `release`: days as released, kinds as far as the attacker can tell them; persons are numbered alike in both.
    `released`: per person, whether they are in the release; only such are sampled. `window`: weeks either way; `gap_days`: 1 where days are exact.
    """
    most = max((events for events, _ in asked), default=0)
    known = draw(source, released, most, sample, seed)
    found = {}
    for days in sorted({days for _, days in asked}):
        upto = max(events for events, own in asked if own == days)
        before = fitting.fitting(source, known, upto, days, days, 0, k)
        after = fitting.fitting(release, known, upto, days + gap_days - 1, days, window, k)
        for events in range(1, upto + 1):
            able = known.number >= events
            found[events, days] = KnownEventsRisk(
                events, days, k, window, int(able.sum()), _singled(before, events, able, k), _singled(after, events, able, k)
            )
    return tuple(found[pair] for pair in asked)


def _singled(fits: fitting.Fits, events: int, able: npt.NDArray[np.bool_], k: int) -> Singled:
    count, own = fits.count[able, events - 1], fits.own[able, events - 1]
    singled, below = int((own & (count == 1)).sum()), int((own & (count < k)).sum())
    persons = int(able.sum())
    alone = int((~own & (count == 1)).sum())
    return Singled(singled, singled / max(persons, 1), intervals.wilson(singled, persons), below, below / max(persons, 1), alone)


def draw(source: Population, released: npt.NDArray[np.bool_], events: int, persons: int, seed: int) -> Known:
    """Sampled persons and, of each, up to `events` of their source events in a drawn order, so that m known events begin every longer list."""
    possible = np.flatnonzero(released & source.active())
    chosen = np.sort(possible[np.argsort(mixed(seed, possible), kind="stable")][:persons])
    own = source.only(chosen)
    owner = np.searchsorted(chosen, own.person)
    length = np.bincount(owner, minlength=len(chosen))
    order = np.lexsort((mixed(seed + 1, own.person * 1_000_003 + own.kind * 100_003 + own.day), owner))
    turn = _within(length)
    first = turn < events
    kind, day = np.zeros((len(chosen), max(events, 1)), np.int64), np.zeros((len(chosen), max(events, 1)), np.int64)
    kind[owner[first], turn[first]] = own.kind[order][first]
    day[owner[first], turn[first]] = own.day[order][first]
    return Known(chosen, np.minimum(length, events), kind, day)


def _within(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
