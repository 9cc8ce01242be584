"""利用状況の監督 (oversight): obligations that fall due from a contract's conditions, handed in by the recipient and judged by the checker.

Obligations are generated from the contract's condition rows when a release is received; what is due is read from dates, not remembered.
Source: Reg 6(v). Periods are counted from delivery, and from the end of the term.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_applications import contracts
from kiban_applications.conditions import Condition, Due
from kiban_operator import cases, machine, people, release_state
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base
from kiban_operator.ledger import shapes
from kiban_operator.machine import NEW, rows
from kiban_operator.release_state import REASON_MISSING, Release
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_6_V

EVIDENCE_MISSING = Ground(
    "evidence-missing",
    Family.INPUT,
    REG_6_V,
    Text("証拠書類のダイジェスト（sha256:…）がありません。", "The digest of the evidence (sha256:…) is missing."),
    Text("書類を作成し、そのダイジェストを指定してください。", "Write the document and give its digest."),
)
CHECKER_ONLY = Ground(
    "checker-only",
    Family.PERMISSION,
    REG_6_V,
    Text("この条件を確認するのは役割「{role}」です。", "This condition is checked by the role {role}."),
    Text("定められた役割の人が確認してください。", "A person of that role has to check it."),
)
SCHEDULED, SUBMITTED, RETURNED, ACCEPTED = "SCHEDULED", "SUBMITTED", "RETURNED", "ACCEPTED"

OBLIGATION = machine.Table(
    "obligation",
    Text("義務", "obligation"),
    {
        SCHEDULED: Text("予定", "scheduled"),
        SUBMITTED: Text("提出済み", "submitted"),
        RETURNED: Text("差戻し", "returned"),
        ACCEPTED: Text("確認済み", "accepted"),
    },
    {
        "schedule": Text("予定", "schedule"),
        "submit": Text("提出", "submit"),
        "accept": Text("確認", "accept"),
        "return": Text("差戻し", "return"),
    },
    (
        *rows(NEW, "schedule", Role.SYS, SCHEDULED, entry="case.moved"),
        *rows((SCHEDULED, RETURNED), "submit", (Role.AP, Role.CU), SUBMITTED, "own-organisation", "evidence-given", entry="case.moved"),
        *rows(
            SUBMITTED,
            "accept",
            (Role.SE, Role.SO, Role.CO),
            ACCEPTED,
            "outside-organisation",
            "is-checker",
            entry="case.moved",
        ),
        *rows(
            SUBMITTED,
            "return",
            (Role.SE, Role.SO, Role.CO),
            RETURNED,
            "outside-organisation",
            "is-checker",
            "reason-given",
            entry="case.moved",
        ),
    ),
    frozenset({ACCEPTED}),
)


class Obligation(cases.Case, Base):
    """義務: one thing that falls due once; `due_on` is the last day."""

    __tablename__ = "obligations"
    contract_id: Mapped[str] = mapped_column(sa.ForeignKey("contracts.id"), index=True)
    release_id: Mapped[str] = mapped_column(sa.ForeignKey("releases.id"))
    organisation_id: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(40))
    due_on: Mapped[date] = mapped_column(sa.Date, index=True)
    checker: Mapped[str] = mapped_column(sa.String(4))
    evidence: Mapped[str | None] = mapped_column(sa.String(71))
    __table_args__ = (sa.UniqueConstraint("release_id", "kind", "due_on"),)


def dues(condition: Condition, delivered_on: date, term_to: date) -> Iterator[date]:
    """The days on which a condition falls due; nothing for those that bind throughout or on an event.

    >>> [day.isoformat() for day in dues(Condition("use-report", 6), date(2026, 8, 31), date(2027, 9, 30))]
    ['2027-02-28', '2027-08-31']
    """
    match condition.declared.due:
        case Due.EVERY_MONTHS:
            count = 1
            while (day := _months_after(delivered_on, condition.parameter * count)) <= term_to:
                yield day
                count += 1
        case Due.DAYS_AFTER_DELIVERY:
            yield delivered_on + timedelta(days=condition.parameter)
        case Due.DAYS_AFTER_TERM:
            yield term_to + timedelta(days=condition.parameter)
        case Due.ALWAYS | Due.ON_EVENT:
            return


def schedule(session: Session, circumstances: Circumstances, release_id: str) -> tuple[Obligation, ...]:
    """Enter all obligations of a delivered release, by the system; a second call adds nothing. Refuses: move-not-allowed, unknown-case."""
    release = release_state.load(session, release_id)
    contract = contracts.load(session, release.contract_id, lock=True)
    terms = contracts.terms_of(session, contract)
    if release.delivered_on is None:
        return ()
    entered = []
    for condition in terms.conditions:
        for day in dues(condition, release.delivered_on, terms.term_to):
            present = sa.select(Obligation.id).where(
                Obligation.release_id == release_id, Obligation.kind == condition.kind, Obligation.due_on == day
            )
            if session.scalar(present) is None:
                entered.append(_scheduled(session, circumstances, release, condition, day))
    return tuple(entered)


def due(session: Session, until: date, organisation_id: str | None = None) -> tuple[Obligation, ...]:
    """What has to be handed in by that day and is not accepted yet, earliest first; overdue ones included."""
    query = sa.select(Obligation).where(Obligation.due_on <= until, Obligation.state != ACCEPTED)
    if organisation_id is not None:
        query = query.where(Obligation.organisation_id == organisation_id)
    return tuple(session.scalars(query.order_by(Obligation.due_on, Obligation.id)))


def submit(session: Session, circumstances: Circumstances, obligation_id: str, evidence: str) -> Obligation:
    """The recipient hands in the evidence (its digest). Refuses: move-not-allowed, own-organisation-only, evidence-missing."""
    obligation, step = _begin(session, circumstances, obligation_id, "submit")
    step.judge("evidence-given", shapes.DIGEST.fits(evidence), EVIDENCE_MISSING)
    step.finish(change={"evidence": evidence}, content={"evidence": evidence})
    return obligation


def accept(session: Session, circumstances: Circumstances, obligation_id: str) -> Obligation:
    """The checker the condition names finds it fulfilled. Refuses: move-not-allowed, own-case, checker-only."""
    obligation, step = _begin(session, circumstances, obligation_id, "accept")
    step.finish()
    return obligation


def send_back(session: Session, circumstances: Circumstances, obligation_id: str, reason: str) -> Obligation:
    """The checker wants more. Refuses: move-not-allowed, own-case, checker-only, reason-missing."""
    obligation, step = _begin(session, circumstances, obligation_id, "return")
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason})
    return obligation


def _scheduled(session: Session, circumstances: Circumstances, release: Release, condition: Condition, day: date) -> Obligation:
    obligation = Obligation(id=circumstances.token("B"), state=NEW, version=0, release_id=release.id, due_on=day)
    step = people.begin(session, circumstances, OBLIGATION, obligation, "schedule")
    change: dict[str, Any] = {
        "contract_id": release.contract_id,
        "organisation_id": release.recipient_id,
        "kind": condition.kind,
        "checker": condition.checker.value,
    }
    step.finish(change=change, content={"kind": condition.kind, "due_on": day.isoformat(), "release": release.id})
    return obligation


def _begin(session: Session, circumstances: Circumstances, obligation_id: str, command: str) -> tuple[Obligation, cases.Step]:
    obligation = cases.load(session, Obligation, OBLIGATION, obligation_id)
    step = people.begin(session, circumstances, OBLIGATION, obligation, command)
    step.judge_organisation(obligation.organisation_id)
    step.judge("is-checker", Role(obligation.checker) in step.actor.roles, CHECKER_ONLY, role=obligation.checker)
    return obligation, step


def _months_after(day: date, months: int) -> date:
    """The same day of a later month, or the month's last day."""
    year, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + year, month + 1)[1]
    return date(day.year + year, month + 1, min(day.day, last))
