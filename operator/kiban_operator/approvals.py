"""提供の承認 (approvals): two different persons sign exactly the manifest that leaves; then the release is committed (Reg 5(vii), 6(v)).

An approval binds the digest of the manifest: producing again changes it and voids both. Neither approver is the preparer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases, orders, people, release_state
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.declarations import SIGNATURE_INVALID
from kiban_operator.ledger import statements
from kiban_operator.release_state import RELEASE, Release
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_56_1_II, REG_5_VII, REG_6_V

PREPARER_APPROVES = Ground(
    "preparer-approves",
    Family.PERMISSION,
    REG_5_VII,
    Text("{aggregate}を作成した人は、承認も提供もできません。", "The preparer of {aggregate} can neither approve nor deliver it."),
    Text("作成に加わっていない人が行ってください。", "A person who did not prepare it has to do it."),
)
SAME_APPROVER = Ground(
    "same-approver",
    Family.PERMISSION,
    REG_5_VII,
    Text(
        "{aggregate}の一人目と二人目の承認者は別の人でなければなりません。", "The two approvers of {aggregate} must be different persons."
    ),
    Text("もう一人の承認者に依頼してください。", "Ask a second approver."),
)
MANIFEST_CHANGED = Ground(
    "manifest-changed",
    Family.INTEGRITY,
    REG_5_VII,
    Text("確認した目録と、現在の{aggregate}の目録が一致しません。", "The manifest you read is not the present manifest of {aggregate}."),
    Text("現在の目録を確認してから承認してください。", "Read the present manifest, then approve that."),
)
APPROVALS_MISSING = Ground(
    "approvals-missing",
    Family.INTEGRITY,
    REG_5_VII,
    Text("{aggregate}の現在の目録に対する有効な承認が二つありません。", "{aggregate} lacks two valid approvals of its present manifest."),
    Text("別々の承認者二人が現在の目録を承認してください。", "Two different approvers have to approve the present manifest."),
)
ORDER_CHANGED = Ground(
    "order-changed",
    Family.STATE,
    REG_6_V,
    Text("{aggregate}の作成後に契約の内容が変わりました。", "The contract's terms changed after {aggregate} was started."),
    Text("現在の契約の内容で新たに作成してください。", "Start a new release under the present terms."),
)
GATE_STALE = Ground(
    "gate-stale",
    Family.LAW,
    ACT_56_1_II,
    Text(
        "{aggregate}の停止の求めの確認から{hours}時間を超えています。",
        "Stop requests were read for {aggregate} more than {hours} hours ago.",
    ),
    Text("作成をやり直して、最新の求めで確認してください。", "Produce again, so that the newest requests count."),
)
LATE_STOP = Ground(
    "late-stop",
    Family.LAW,
    ACT_56_1_II,
    Text(
        "{aggregate}の作成後に提供停止の求めが{count}件届いています。", "{count} requests to stop arrived after {aggregate} was produced."
    ),
    Text("作成をやり直し、停止の求めのあった人を除いてください。", "Produce again without the persons who asked."),
)

FRESH = timedelta(hours=24)
"""How old the reading of stop requests may be when a release is committed (policy; the Act says: none after a request)."""


class Approval(Base):
    """一人の承認: statement and signature, as booked; `manifest` tells which version of the release it is for."""

    __tablename__ = "release_approvals"
    release_id: Mapped[str] = mapped_column(sa.ForeignKey("releases.id"), primary_key=True)
    manifest: Mapped[str] = mapped_column(sa.String(71), primary_key=True)
    release_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[str] = mapped_column(sa.ForeignKey("persons_registered.id"))
    statement: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    signature: Mapped[str] = mapped_column(sa.String(120))
    approved_at: Mapped[datetime] = mapped_column(Moment)


def approve(session: Session, circumstances: Circumstances, release_id: str, private_key: bytes, manifest: str | None = None) -> Release:
    """The acting person approves with their own key; `manifest`: the digest they read, if the door knows it.

    Refuses: move-not-allowed, preparer-approves, same-approver, own-case, manifest-changed, signature-invalid, case-changed.
    """
    release = release_state.load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "approve")
    current = str(release.manifest_digest)
    standing = _standing(session, release)
    step.judge("not-preparer", step.actor.id != release.preparer, PREPARER_APPROVES)
    step.judge("not-first-approver", step.actor.id not in {each.person_id for each in standing}, SAME_APPROVER)
    step.judge_organisation(release.recipient_id)
    step.judge("manifest-unchanged", manifest in (None, current), MANIFEST_CHANGED)
    person = people.person(session, step.actor.id)
    value = statements.statement(release.id, current, "approve", person.id, circumstances.now())
    signature = statements.sign_statement(private_key, value)
    valid = statements.verify_statement(statements.public_key_text(person.approval_key), value, signature)
    step.judge("signature-valid", valid, SIGNATURE_INVALID)
    step.finish(
        content={"manifest": current, "by": person.id},
        facts={"manifest": current, "by": person.id, "statement": value, "signature": signature},
    )
    session.add(
        Approval(
            release_id=release.id,
            manifest=current,
            release_version=release.version,
            person_id=person.id,
            statement=value,
            signature=signature,
            approved_at=circumstances.now(),
        )
    )
    session.flush()
    return release


def commit(session: Session, circumstances: Circumstances, release_id: str, order: orders.Order, *, late_stops: int) -> Release:
    """The last look before a release may leave, by the system: approvals verified again, contract's terms as they are now, stops re-read.

    `order`: asked anew from the contract (which refuses unless ACTIVE); `late_stops`: persons of this release who asked to stop since it
    was judged. The actor must be the system. Refuses: move-not-allowed, approvals-missing, order-changed, order-expired, gate-stale, late-stop.
    """
    release = release_state.load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "commit")
    approvers = {each.person_id for each in valid_approvals(session, release)}
    step.judge("two-valid-approvals", len(approvers - {release.preparer}) >= 2, APPROVALS_MISSING)
    step.judge("order-unchanged", order.digest == release.order_digest, ORDER_CHANGED)
    release_state.judge_term(step, order, circumstances.today())
    fresh = release.judged_at is not None and circumstances.now() - release.judged_at <= FRESH
    step.judge("gate-fresh", fresh, GATE_STALE, hours=int(FRESH.total_seconds() // 3600))
    step.judge("no-late-stop", late_stops == 0, LATE_STOP, count=late_stops)
    facts = {"contract": release.contract_id, "manifest": release.manifest_digest, "order": release.order_digest}
    step.finish(content={"approvers": sorted(approvers)}, facts=facts)
    return release


def valid_approvals(session: Session, release: Release) -> tuple[Approval, ...]:
    """The approvals of the present manifest whose signatures verify now against the registered keys."""
    return tuple(each for each in _standing(session, release) if _verifies(session, release, each))


def approvers_ever(session: Session, release: Release) -> frozenset[str]:
    """Everyone who approved any version of the release, void or not: none of them may deliver it."""
    return frozenset(session.scalars(sa.select(Approval.person_id).where(Approval.release_id == release.id)))


def _verifies(session: Session, release: Release, approval: Approval) -> bool:
    signer = session.get(people.Person, approval.person_id)
    said = approval.statement
    return (
        signer is not None
        and said.get("release") == release.id
        and said.get("manifest") == release.manifest_digest
        and said.get("by") == signer.id
        and statements.verify_statement(statements.public_key_text(signer.approval_key), said, approval.signature)
    )


def _standing(session: Session, release: Release) -> tuple[Approval, ...]:
    """Approvals given since the release was last produced: an earlier one is void, even if the manifest is the same again."""
    produced = session.scalar(
        sa.select(sa.func.max(cases.Event.version)).where(
            cases.Event.aggregate == f"{RELEASE.name}/{release.id}", cases.Event.command == "produce"
        )
    )
    query = sa.select(Approval).where(
        Approval.release_id == release.id, Approval.manifest == release.manifest_digest, Approval.release_version > (produced or 0)
    )
    return tuple(session.scalars(query.order_by(Approval.release_version)))
