"""リスクの上限 (risk thresholds): how far an attacker may get with a release before the gate refuses it (Reg 18(v), Reg 6(v)).

The form (TOML, all of it optional):

    [risk]
    prosecutor = 0.1            # highest risk of a person whom the attacker knows to be in the release; never above 1/k
    marketer = 0.02             # mean risk over all persons: share re-identified when everybody is tried
    journalist = 0.05           # highest risk of a person not known to be in it; needs `population`
    population = 120000         # persons of the population from which the cohort is drawn
    known_events = [{ events = 2, days = 7, share = 0.05 }]  # share of persons singled out by so many events known within ± days
    shift_advantage = 0.02      # how much better than by guessing a person's date shift may be told
    inference = [{ column = "diagnoses.icd10", advantage = 0.3 }]  # how much better than by the base rate a value may be told
    intersection = "all"        # earlier releases an attacker holds: of every recipient, or only of the "recipient"
    margin = 2                  # persons that the search asks for beyond k, so that a release is not the minimal one
    reason = ""                 # why a bound is weaker than its default

What stands without a section: prosecutor at most 1/k, shift recovery at most two points above guessing, and joint classes of k persons with
all earlier releases of everybody. The rest is measured and stands in the evidence, but refuses only where the plan sets a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kiban_processing.plan_fields import Fields

SHIFT_ADVANTAGE = 0.02  # two points above guessing


class Intersection(StrEnum):
    """突合の想定 (who joins releases): everybody who ever received one, or only who receives this one."""

    ALL = "all"
    RECIPIENT = "recipient"


@dataclass(frozen=True)
class KnownEvents:
    """既知の受診 (known events): the attacker knows `events` of a person's events within ± `days`; `share`: persons singled out at most.

    `share` None: measured, not bounded.
    """

    events: int
    days: int
    share: float | None = None


@dataclass(frozen=True)
class Inference:
    """属性推定 (attribute inference): `advantage` over the base rate of a sensitive column (`table.column`, as released), in shares of 1."""

    column: str
    advantage: float


@dataclass(frozen=True)
class Risk:
    """リスクの上限. A bound of None does not refuse; the figure stands in the evidence all the same. Risks are probabilities from 0 to 1."""

    prosecutor: float | None = None
    marketer: float | None = None
    journalist: float | None = None
    population: int | None = None
    known_events: tuple[KnownEvents, ...] = ()
    shift_advantage: float = SHIFT_ADVANTAGE
    inference: tuple[Inference, ...] = ()
    intersection: Intersection = Intersection.ALL
    margin: int = 0
    reason: str = ""

    def highest(self, k: int) -> float:
        """The prosecutor risk that no person may exceed: k implies one, the plan may only lower it.

        >>> Risk().highest(10), Risk(prosecutor=0.05).highest(10), Risk(prosecutor=0.5).highest(10)
        (0.1, 0.05, 0.1)
        """
        return 1 / k if self.prosecutor is None else min(self.prosecutor, 1 / k)

    @property
    def weakened(self) -> tuple[str, ...]:
        """The fields whose bound is weaker than its default, so that the plan must say why."""
        return tuple(
            name
            for name, weaker in (
                ("shift_advantage", self.shift_advantage > SHIFT_ADVANTAGE),
                ("intersection", self.intersection is not Intersection.ALL),
            )
            if weaker
        )


def read(fields: Fields) -> Risk:
    """The section `[risk]`; an empty one gives the defaults. Refuses: plan-field."""
    population = fields.integer("population", 1, 10**10, None) if fields.has("population") else None
    risk = Risk(
        prosecutor=_share(fields, "prosecutor"),
        marketer=_share(fields, "marketer"),
        journalist=_share(fields, "journalist"),
        population=population,
        known_events=_known_events(fields),
        shift_advantage=fields.number("shift_advantage", 0.0, 1.0, SHIFT_ADVANTAGE),
        inference=_inference(fields),
        intersection=Intersection(fields.choice("intersection", tuple(Intersection), Intersection.ALL.value)),
        margin=fields.integer("margin", 0, 10**6, 0),
        reason=fields.text("reason", ""),
    )
    if risk.journalist is not None and risk.population is None:
        raise fields.refuse("population", "the number of persons, beside journalist")
    fields.close()
    return risk


def _share(fields: Fields, name: str) -> float | None:
    return fields.number(name, 0.0, 1.0) if fields.has(name) else None


def _known_events(fields: Fields) -> tuple[KnownEvents, ...]:
    known = []
    for one in fields.tables("known_events"):
        known.append(KnownEvents(one.integer("events", 1, 4), one.integer("days", 0, 366), _share(one, "share")))
        one.close()
    if len({(one.events, one.days) for one in known}) < len(known):
        raise fields.refuse("known_events", "each pair of events and days once")
    return tuple(known)


def _inference(fields: Fields) -> tuple[Inference, ...]:
    bounds = []
    for one in fields.tables("inference"):
        bounds.append(Inference(one.text("column"), one.number("advantage", 0.0, 1.0)))
        one.close()
    if len({one.column for one in bounds}) < len(bounds):
        raise fields.refuse("inference", "each column once")
    return tuple(bounds)
