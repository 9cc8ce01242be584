"""利用者における消去 (destruction): every copy of a release declared destroyed, reconciled, accepted by a second person; then a contract ends.

A contract cannot end with a copy unaccounted for. Source: Act Art. 20, Reg 6(v).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_applications import contracts
from kiban_applications.contract_state import CONTRACT, COPIES_UNACCOUNTED, Contract
from kiban_applications.delivery import NOT_CUSTODIAN
from kiban_operator import cases, declarations, machine, people, release_state
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.declarations import Purpose
from kiban_operator.ledger import shapes
from kiban_operator.machine import NEW, rows
from kiban_operator.release_state import REASON_MISSING, Release
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20

COPIES_MISSING = Ground(
    "copies-missing",
    Family.INPUT,
    ACT_20,
    Text("消去した写しの一覧に誤りがあります（{copy}）。", "The list of copies destroyed is wrong at {copy}."),
    Text(
        "写しごとに place（場所）、method（方法）、date（日付）、witness（立会人の番号）を記入してください。",
        "Give place, method, date and witness (ID) for each copy.",
    ),
)
SAME_RECONCILER = Ground(
    "same-reconciler",
    Family.PERMISSION,
    ACT_20,
    Text("照合した人が、消去を確認することはできません。", "Whoever reconciled the copies does not accept the destruction."),
    Text("別の人が確認してください。", "Another person has to accept it."),
)
ALREADY_DESTROYED = Ground(
    "destruction-declared",
    Family.STATE,
    ACT_20,
    Text("この提供物の消去はすでに申告されています。", "The destruction of this release is declared already."),
    Text("申告済みのものを続けてください。", "Continue with the one declared."),
)

DECLARED, RECONCILED, ACCEPTED, DISPUTED = "DECLARED", "RECONCILED", "ACCEPTED", "DISPUTED"

DESTRUCTION = machine.Table(
    "destruction",
    Text("利用者における消去", "destruction"),
    {
        DECLARED: Text("申告", "declared"),
        RECONCILED: Text("照合済み", "reconciled"),
        ACCEPTED: Text("確認済み", "accepted"),
        DISPUTED: Text("疑義", "disputed"),
    },
    {
        "declare": Text("申告", "declare"),
        "reconcile": Text("照合", "reconcile"),
        "dispute": Text("疑義の提起", "dispute"),
        "accept": Text("確認", "accept"),
    },
    (
        *rows(
            NEW, "declare", Role.CU, DECLARED, "own-organisation", "is-custodian", "copies-listed", "undeclared", "signature-valid",
            entry="case.moved",
        ),
        *rows(DISPUTED, "declare", Role.CU, DECLARED, "own-organisation", "is-custodian", "copies-listed", "signature-valid", entry="case.moved"),
        *rows(DECLARED, "reconcile", Role.SE, RECONCILED, "outside-organisation", entry="case.moved"),
        *rows((DECLARED, RECONCILED), "dispute", (Role.SE, Role.SO), DISPUTED, "outside-organisation", "reason-given", entry="case.moved"),
        *rows(RECONCILED, "accept", (Role.SO, Role.SE), ACCEPTED, "outside-organisation", "not-reconciler", entry="case.moved"),
    ),
    frozenset({ACCEPTED}),
)  # fmt: skip


class Destruction(cases.Case, Base):
    """消去の申告: every copy of one release, with place, method, day and witness."""

    __tablename__ = "destructions"
    release_id: Mapped[str] = mapped_column(sa.ForeignKey("releases.id"), unique=True)
    organisation_id: Mapped[str] = mapped_column(sa.String(40))
    copies: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON)
    declared_at: Mapped[datetime | None] = mapped_column(Moment)
    reconciled_by: Mapped[str | None] = mapped_column(sa.String(40))


def declare(
    session: Session, circumstances: Circumstances, release_id: str, copies: Sequence[dict[str, str]], private_key: bytes
) -> Destruction:
    """A custodian declares, signed, that each copy is destroyed: rows of place, method, date, witness.

    Refuses: move-not-allowed, own-organisation-only, not-custodian, copies-missing, destruction-declared, signature-invalid.
    """
    release = release_state.load(session, release_id)
    present = session.scalar(sa.select(Destruction).where(Destruction.release_id == release_id))
    case = present or Destruction(id=circumstances.token("X"), state=NEW, version=0, release_id=release_id)
    if present is not None and present.state != DISPUTED:
        raise ALREADY_DESTROYED.refuse()
    step = people.begin(session, circumstances, DESTRUCTION, case, "declare")
    step.judge("undeclared", present is None, ALREADY_DESTROYED)
    step.judge_organisation(release.recipient_id)
    contract = contracts.load(session, release.contract_id)
    named = {each.person for each in contracts.terms_of(session, contract).custodians}
    step.judge("is-custodian", step.actor.id in named and release.delivered_on is not None, NOT_CUSTODIAN)
    faulty = _faulty(copies)
    step.judge("copies-listed", faulty is None, COPIES_MISSING, copy=faulty)
    person = people.person(session, step.actor.id)
    listed = [dict(copy) for copy in copies]
    about = f"release/{release_id}"
    value = declarations.declaration(Purpose.DESTRUCTION, about, cases.digest(listed), person.id, circumstances.now())
    signature = declarations.signed(private_key, person.approval_key, value)
    step.judge("signature-valid", True, declarations.SIGNATURE_INVALID)  # `signed` has refused otherwise
    step.finish(
        change={"copies": listed, "organisation_id": release.recipient_id, "declared_at": circumstances.now(), "reconciled_by": None},
        content={"copies": listed, "declaration": value, "signature": signature},
    )
    return case


def reconcile(session: Session, circumstances: Circumstances, destruction_id: str) -> Destruction:
    """The secretariat compares the copies declared with those delivered. Refuses: move-not-allowed, own-case."""
    case = cases.load(session, Destruction, DESTRUCTION, destruction_id)
    step = people.begin(session, circumstances, DESTRUCTION, case, "reconcile")
    step.judge_organisation(case.organisation_id)
    step.finish(change={"reconciled_by": step.actor.id})
    return case


def dispute(session: Session, circumstances: Circumstances, destruction_id: str, reason: str) -> Destruction:
    """Copies do not add up. Refuses: move-not-allowed, own-case, reason-missing."""
    case = cases.load(session, Destruction, DESTRUCTION, destruction_id)
    step = people.begin(session, circumstances, DESTRUCTION, case, "dispute")
    step.judge_organisation(case.organisation_id)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason})
    return case


def accept(session: Session, circumstances: Circumstances, destruction_id: str) -> Destruction:
    """A second person accepts the destruction. Refuses: move-not-allowed, own-case, same-reconciler."""
    case = cases.load(session, Destruction, DESTRUCTION, destruction_id)
    step = people.begin(session, circumstances, DESTRUCTION, case, "accept")
    step.judge_organisation(case.organisation_id)
    step.judge("not-reconciler", step.actor.id != case.reconciled_by, SAME_RECONCILER)
    step.finish()
    return case


def unaccounted(session: Session, contract_id: str) -> tuple[str, ...]:
    """The delivered releases of a contract whose destruction nobody has accepted."""
    accepted = sa.select(Destruction.release_id).where(Destruction.state == ACCEPTED)
    query = sa.select(Release.id).where(Release.contract_id == contract_id, Release.delivered_on.is_not(None), Release.id.not_in(accepted))
    return tuple(session.scalars(query.order_by(Release.id)))


def end_contract(session: Session, circumstances: Circumstances, contract_id: str) -> Contract:
    """The contract ends with every copy accounted for. Refuses: move-not-allowed, own-case, copies-unaccounted."""
    contract = contracts.load(session, contract_id, lock=True)
    step = people.begin(session, circumstances, CONTRACT, contract, "end")
    step.judge_organisation(contract.organisation_id)
    open_copies = unaccounted(session, contract_id)
    step.judge("copies-accounted", not open_copies, COPIES_UNACCOUNTED, count=len(open_copies))
    step.finish()
    return contract


def _faulty(copies: Sequence[dict[str, str]]) -> int | None:
    """The number of the first copy whose row is incomplete, 0 if none is listed at all; None if all is well."""
    if not copies:
        return 0
    for place, copy in enumerate(copies, 1):
        if (
            set(copy) != {"place", "method", "date", "witness"}
            or not all(map(str.strip, copy.values()))
            or not shapes.DATE.fits(copy["date"])
        ):
            return place
    return None
