"""立場 (standing): the facts about one registration on which the transfer guard rules, and the ruling it gives (Act 52, 56, 57)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from kiban_processing.refusals import Ground


@dataclass(frozen=True)
class ProgrammeDates:
    """How far the hospital is under the regime in question; a date that is missing has not been reached."""

    contract_on: date | None = None
    form43_filed_on: date | None = None
    ministers_published_on: date | None = None
    own_published_on: date | None = None
    starts_on: date | None = None
    ended_on: date | None = None


@dataclass(frozen=True)
class NoticeGiven:
    """One notice as given to one person, with what its version says. `filed_on` is the filing of the version, `given_on` the day the person
    was notified, `guardian_given_on` the day the guardian was; `covers` are qualified item names or `table.*`."""

    version: str
    given_on: date
    filed_on: date | None
    wait_days: int
    covers: frozenset[str] = field(default_factory=frozenset)
    guardian_given_on: date | None = None
    lacks_capacity: bool = False


@dataclass(frozen=True)
class Standing:
    """One registration at one hospital under one regime. `registered` is false where rows name a patient of whom no patient row is known;
    `stopped`: a stop stands; `withdrawn_on`: the last day on which a stop was withdrawn."""

    programme: ProgrammeDates
    registered: bool = True
    birth_date: date | None = None
    death_date: date | None = None
    stopped: bool = False
    withdrawn_on: date | None = None
    notices: tuple[NoticeGiven, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """Whether the items of this registration may be received or used today; the ground if not.

    `eligible_on`: the day since which, or from which, they may; only known where eligible or merely waiting. `version`: the notice that
    makes it so. A ground that is not `curable` cannot fall away by waiting or by a later step of the same programme.
    """

    eligible: bool
    ground: Ground | None = None
    eligible_on: date | None = None
    version: str | None = None
    curable: bool = True


@dataclass(frozen=True)
class Case:
    """事案: one standing seen through one of its notices (or through none), for some items on a day; what a rule looks at."""

    standing: Standing
    notice: NoticeGiven | None
    items: frozenset[str]
    today: date
