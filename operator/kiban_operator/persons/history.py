"""本人の来歴 (history): of which registrations a person consisted at any run, and what happened to them before and since (requirement 16)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import people, roles
from kiban_operator.circumstances import Circumstances
from kiban_operator.persons import events, register
from kiban_operator.persons.register import LinkageRun, Membership, Registration
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

UNKNOWN = Ground(
    "person-unknown", Family.INPUT, ACT_18,
    Text("本人ID {person} は名寄せ台帳にありません。", "No person {person} is or was in the register."),
    Text("IDを確かめてください。", "Check the ID."),
)  # fmt: skip
RUN_UNKNOWN = Ground(
    "linkage-run-unknown", Family.INPUT, ACT_18,
    Text("名寄せの実行 {run} はありません。", "There is no linkage run {run}."),
    Text("`kiban person runs` で番号を確かめてください。", "See the runs with `kiban person runs`."),
)  # fmt: skip


@dataclass(frozen=True)
class Stay:
    """在籍: a registration was of the person from one run up to another (None: still); runs by ID."""

    registration: str
    since: str
    until: str | None


@dataclass(frozen=True)
class History:
    """来歴. `consists`: the registrations at the run asked about, else now; `stays`: all there ever were; `events`: in order."""

    person: str
    run: str | None
    consists: tuple[str, ...]
    stays: tuple[Stay, ...]
    events: tuple[events.PersonEvent, ...]


def of(session: Session, circumstances: Circumstances, person: str, run: str | None = None) -> History:
    """A person's history; `run`: as they were once that run was done. Refuses: act-not-allowed, person-unknown, linkage-run-unknown."""
    people.require(session, circumstances, roles.Act.READ_IDENTITY)
    memberships = list(
        session.scalars(sa.select(Membership).where(Membership.person == person).order_by(Membership.since, Membership.patient_key))
    )
    if not memberships:
        raise UNKNOWN.refuse(person=person)
    names = {each.entry: each.id for each in runs(session)}
    stays = tuple(Stay(each.patient_key, names[each.since], names[each.until] if each.until is not None else None) for each in memberships)
    if run is None:
        now = tuple(sorted(each.patient_key for each in memberships if each.until is None))
        return History(person, None, now, stays, tuple(events.of_person(session, person)))
    at = session.get(LinkageRun, run)
    if at is None:
        raise RUN_UNKNOWN.refuse(run=run)
    return History(person, run, tuple(register.as_of(session, person, at.entry)), stays, tuple(events.of_person(session, person)))


def runs(session: Session) -> list[LinkageRun]:
    """All runs in order."""
    return list(session.scalars(sa.select(LinkageRun).order_by(LinkageRun.entry)))


def now(session: Session, registrations: Iterable[str]) -> dict[str, str | None]:
    """The person each registration belongs to now; None for those that have left."""
    wanted = list(registrations)
    rows = session.execute(sa.select(Registration.patient_key, Registration.person).where(Registration.patient_key.in_(wanted)))
    return {**dict.fromkeys(wanted), **dict(rows.tuples().all())}
