"""申請の保管 (store): applications as events; what the applicant and the secretariat do; who may open a dossier (Reg 5(vii))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_applications.review import form, rules
from kiban_applications.review.dossier import Dossier, fold
from kiban_applications.review.rules import APPLICATION
from kiban_operator import cases, people
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.machine import NEW
from kiban_operator.people import OrganisationKind
from kiban_operator.release_state import REASON_MISSING
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_VII, REG_6_V

ORGANISATION_UNVERIFIED = Ground(
    "organisation-unverified",
    Family.STATE,
    REG_5_VII,
    Text(
        "申請者の組織がまだ確認されていないか、利用者として登録されていません。",
        "The applicant's organisation is not a verified recipient.",
    ),
    Text("事務局による確認を待ってください。", "Wait until the secretariat has verified it."),
)
CUSTODIAN_UNREGISTERED = Ground(
    "custodian-unregistered",
    Family.INPUT,
    REG_6_V,
    Text(
        "取扱者「{person}」は、申請者の組織の取扱者として登録されていません。",
        "{person} is not registered as a custodian of the applicant's organisation.",
    ),
    Text("取扱者の役割（CU）で登録された人を指定してください。", "Name persons who hold the role CU there."),
)
DOSSIER_CLOSED = Ground(
    "dossier-closed",
    Family.PERMISSION,
    REG_5_VII,
    Text("{aggregate}の申請書類を開くことはできません。", "The dossier of {aggregate} is not open to you."),
    Text(
        "割り当てられた委員は、先に利益相反の有無を申告してください。相反のある人は開けません。",
        "Assigned members declare their conflict or its absence first; who has one cannot open it.",
    ),
)


class Application(cases.Case, Base):
    """申請の見出し: where the events have led; everything else is folded from them."""

    __tablename__ = "applications"
    organisation_id: Mapped[str] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    document: Mapped[str | None] = mapped_column(sa.String(71))
    submitted_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)


def load(session: Session, application_id: str, lock: bool = False) -> Application:
    """Refuses: unknown-case."""
    return cases.load(session, Application, APPLICATION, application_id, lock)


def read(session: Session, application_id: str) -> Dossier:
    """The application folded from its events, all of it: for rules and conductors, not for pages (those use `open_dossier`).

    Refuses: unknown-case.
    """
    found = fold(cases.history(session, f"{APPLICATION.name}/{application_id}"))
    if found is None:
        raise cases.UNKNOWN_CASE.refuse(aggregate=f"{APPLICATION.name}/{application_id}")
    return found


def create(session: Session, circumstances: Circumstances, answers: Mapping[str, Any] | None = None) -> Application:
    """A draft of the acting applicant's organisation. Refuses: move-not-allowed, organisation-unverified, unknown-question."""
    application = Application(id=circumstances.token("A"), state=NEW, version=0)
    step = people.begin(session, circumstances, APPLICATION, application, "create")
    of = people.organisation(session, str(step.actor.organisation))
    verified = of.verified_at is not None and of.kind == OrganisationKind.RECIPIENT
    step.judge("organisation-verified", verified, ORGANISATION_UNVERIFIED)
    content = {"organisation": of.id, "answers": form.draft(answers or {})}
    step.finish(change={"organisation_id": of.id}, content=content)
    return application


def save(
    session: Session, circumstances: Circumstances, application_id: str, answers: Mapping[str, Any], version: int | None = None
) -> Application:
    """The answers as they are now, in place of the earlier ones. Refuses: move-not-allowed, own-organisation-only, unknown-question, case-changed."""
    application = load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, "save", version)
    step.judge_organisation(application.organisation_id)
    step.finish(content={"answers": form.draft(answers)})
    return application


def submit(session: Session, circumstances: Circumstances, application_id: str, version: int | None = None) -> Application:
    """The form goes to the secretariat, complete. Refuses: move-not-allowed, own-organisation-only, custodian-unregistered and what
    `form.complete` refuses."""
    application = load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, "submit", version)
    step.judge_organisation(application.organisation_id)
    answers = dict(read(session, application_id).answers)
    complete = form.complete(answers)
    step.judge("form-complete", True, form.FORM_INCOMPLETE)  # `complete` has refused otherwise, naming the field
    unregistered = [each.person for each in complete.custodians if not is_custodian(session, each.person, application.organisation_id)]
    step.judge("custodians-registered", not unregistered, CUSTODIAN_UNREGISTERED, person=unregistered[0] if unregistered else "")
    of = people.organisation(session, application.organisation_id)
    document = cases.digest(answers)
    step.finish(
        change={"document": document, "submitted_at": circumstances.now()},
        content={"document": document},
        facts={"document": document, "items": sorted(complete.approved_items), "organisation": of.id},
        sealed={"applicant_name": of.name, "applicant_address": of.address},
    )
    return application


def accept(session: Session, circumstances: Circumstances, application_id: str) -> Application:
    """The secretariat finds the form in order: review begins, anew after a return. Refuses: move-not-allowed, own-case."""
    application = load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, "accept")
    step.judge_organisation(application.organisation_id)
    step.finish()
    return application


def send_back(session: Session, circumstances: Circumstances, application_id: str, reason: str) -> Application:
    """The secretariat returns the form for correction. Refuses: move-not-allowed, own-case, reason-missing."""
    application = load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, "return")
    step.judge_organisation(application.organisation_id)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason})
    return application


def withdraw(session: Session, circumstances: Circumstances, application_id: str) -> Application:
    """The applicant withdraws before a decision; the case stays on record. Refuses: move-not-allowed, own-organisation-only."""
    application = load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, "withdraw")
    step.judge_organisation(application.organisation_id)
    step.finish()
    return application


def is_custodian(session: Session, person_id: str, organisation_id: str) -> bool:
    """Whether the person is registered there, has not left, and holds the role of custodian now."""
    found = session.get(people.Person, person_id)
    return (
        found is not None
        and found.left_at is None
        and found.organisation_id == organisation_id
        and Role.CU in people.held(session, person_id)
    )


def open_dossier(session: Session, circumstances: Circumstances, application_id: str) -> Dossier:
    """The application as the acting person may see it.

    Members open it after declaring no conflict (P5) and see only their own opinion until the deliberation is opened; applicants see their
    own organisation's case without opinions and votes; secretariat and auditor see the case, opinions only once deliberation is open.
    Refuses: dossier-closed.
    """
    dossier = read(session, application_id)
    acting = people.actor(session, circumstances.actor)
    aggregate = f"{APPLICATION.name}/{application_id}"
    if acting.organisation == dossier.organisation:
        if acting.roles & {Role.AP, Role.AS, Role.CU}:
            return replace(dossier, members={}, opinions={}, votes={}, drafter=None)
        raise DOSSIER_CLOSED.refuse(aggregate=aggregate)
    member = dossier.members.get(acting.id)
    if member is not None and member.conflict is not False:
        raise DOSSIER_CLOSED.refuse(aggregate=aggregate)
    if member is None and not acting.roles & {Role.SE, Role.CO, Role.AU}:
        raise DOSSIER_CLOSED.refuse(aggregate=aggregate)
    independent = dossier.state in {rules.SUBMITTED, rules.UNDER_REVIEW} or (
        dossier.state != rules.DELIBERATION and dossier.decision is None
    )
    if independent:
        own = {person: opinion for person, opinion in dossier.opinions.items() if person == acting.id}
        return replace(dossier, opinions=own)
    return dossier
