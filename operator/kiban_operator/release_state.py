"""作成物の状態 (release): the state table of a release and its row: planned, produced, approved twice, committed, delivered, receipted.

The conductor that makes the data is `release`; it calls `plan`, then `produce` or `refuse`. Approving is in `approvals`; handing over
belongs to the applications part. Preparer, both approvers and the delivery officer are four different persons (P2).
Source: Act Art. 14, Reg 5(vii), 6(v), 12. Compliance must read every change of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases, machine, orders, people
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.machine import NEW, rows
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_20, REG_6_V, REG_18

ORDER_EXPIRED = Ground(
    "order-expired",
    Family.LAW,
    REG_6_V,
    Text("利用契約の利用期間（{term_to}まで）を過ぎています。", "The contract's term of use ended on {term_to}."),
    Text("新たに申請するか、契約の変更を申し出てください。", "Apply anew, or ask for an amendment of the contract."),
)
REASON_MISSING = Ground(
    "reason-missing",
    Family.INPUT,
    None,
    Text("{aggregate}: 理由がありません。", "{aggregate}: no reason is given."),
    Text("理由を記入してください。", "State the reason."),
)
NOT_PREPARER = Ground(
    "not-preparer",
    Family.PERMISSION,
    REG_18,
    Text("{aggregate}の作成を始めた人だけが作成を続けられます。", "Only the person who started {aggregate} produces it."),
    Text("着手した本人が行うか、新たに着手してください。", "The preparer does it, or a new release is started."),
)

PLANNED, PRODUCED, APPROVED_1, APPROVED_2 = "PLANNED", "PRODUCED", "APPROVED_1", "APPROVED_2"
COMMITTED, DELIVERED, RECEIPTED, REFUSED, RECALLED = "COMMITTED", "DELIVERED", "RECEIPTED", "REFUSED", "RECALLED"

_APPROVABLE = ("not-preparer", "outside-organisation", "manifest-unchanged", "signature-valid")

RELEASE = machine.Table(
    "release",
    Text("作成物", "release"),
    {
        PLANNED: Text("着手", "planned"),
        PRODUCED: Text("作成済み", "produced"),
        APPROVED_1: Text("一人目承認", "approved by one"),
        APPROVED_2: Text("二人目承認", "approved by two"),
        COMMITTED: Text("確定", "committed"),
        DELIVERED: Text("提供済み", "delivered"),
        RECEIPTED: Text("受領確認済み", "receipted"),
        REFUSED: Text("拒否", "refused"),
        RECALLED: Text("回収", "recalled"),
    },
    {
        "plan": Text("着手", "plan"),
        "produce": Text("作成", "produce"),
        "approve": Text("承認", "approve"),
        "refuse": Text("拒否", "refuse"),
        "commit": Text("確定", "commit"),
        "deliver": Text("提供", "deliver"),
        "receipt": Text("受領確認", "receipt"),
        "recall": Text("回収", "recall"),
    },
    (
        *rows(NEW, "plan", Role.PR, PLANNED, "outside-organisation", "within-term", entry="release.intended"),
        *rows(PLANNED, "produce", Role.PR, PRODUCED, "is-preparer", "within-term", entry="release.made"),
        # a new manifest voids the approvals given to the old one
        *rows((PRODUCED, APPROVED_1, APPROVED_2), "produce", Role.PR, PRODUCED, "is-preparer", "within-term", entry="release.made"),
        *rows(PRODUCED, "approve", Role.CK, APPROVED_1, *_APPROVABLE, entry="release.approved"),
        *rows(APPROVED_1, "approve", Role.CK, APPROVED_2, "not-first-approver", *_APPROVABLE, entry="release.approved"),
        *rows((PLANNED, PRODUCED), "refuse", Role.PR, REFUSED, "is-preparer", entry="release.refused"),
        *rows(
            (PRODUCED, APPROVED_1, APPROVED_2),
            "refuse",
            Role.CK,
            REFUSED,
            "outside-organisation",
            "reason-given",
            entry="release.refused",
        ),
        *rows((PLANNED, PRODUCED, APPROVED_1, APPROVED_2), "refuse", Role.SYS, REFUSED, "reason-given", entry="release.refused"),
        *rows(
            APPROVED_2,
            "commit",
            Role.SYS,
            COMMITTED,
            "two-valid-approvals",
            "order-unchanged",
            "within-term",
            "gate-fresh",
            "no-late-stop",
            entry="release.committed",
        ),
        *rows(
            COMMITTED,
            "deliver",
            Role.DL,
            DELIVERED,
            "outside-organisation",
            "not-preparer",
            "not-approver",
            "contract-active",
            "order-unchanged",
            "within-term",
            "no-late-stop",
            "package-intact",
            entry="release.delivered",
        ),
        *rows(DELIVERED, "receipt", Role.CU, RECEIPTED, "own-organisation", "is-custodian", "signature-valid", entry="release.receipted"),
        # committed but not delivered: the system recalls it when a stop came after all
        *rows(COMMITTED, "recall", Role.SYS, RECALLED, "reason-given", entry="case.moved"),
        *rows((COMMITTED, DELIVERED, RECEIPTED), "recall", Role.SO, RECALLED, "outside-organisation", "reason-given", entry="case.moved"),
    ),
    frozenset({REFUSED, RECALLED}),
)


class Release(cases.Case, Base):
    """作成物: one row per release. `snapshot`: the order as it was; `plan_text`/`plan_digest`: the processing plan; the rest from producing."""

    __tablename__ = "releases"
    contract_id: Mapped[str] = mapped_column(sa.String(40), index=True)
    application_id: Mapped[str] = mapped_column(sa.String(40))
    recipient_id: Mapped[str] = mapped_column(sa.String(40))
    snapshot: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    order_digest: Mapped[str] = mapped_column(sa.String(71))
    plan_text: Mapped[str] = mapped_column(sa.Text)
    plan_digest: Mapped[str] = mapped_column(sa.String(71))
    preparer: Mapped[str] = mapped_column(sa.String(40))
    planned_at: Mapped[datetime] = mapped_column(Moment)
    manifest_digest: Mapped[str | None] = mapped_column(sa.String(71))
    evidence_digest: Mapped[str | None] = mapped_column(sa.String(71))
    package_path: Mapped[str | None] = mapped_column(sa.Text)
    package_digest: Mapped[str | None] = mapped_column(sa.String(71))
    produced_at: Mapped[datetime | None] = mapped_column(Moment)
    judged_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_on: Mapped[date | None] = mapped_column(sa.Date)
    delivered_by: Mapped[str | None] = mapped_column(sa.String(40))
    received_on: Mapped[date | None] = mapped_column(sa.Date)
    received_by: Mapped[str | None] = mapped_column(sa.String(40))

    @property
    def order(self) -> orders.Order:
        return orders.read(self.snapshot)


@dataclass(frozen=True)
class Product:
    """作成の結果: what the conductor hands in. Digests begin with `sha256:`; `persons` and `tables` are counts, `judged_at` is when the
    eligibility and the stop requests were read for the last time."""

    manifest_digest: str
    evidence_digest: str
    package_path: str
    package_digest: str
    judged_at: datetime
    persons: int
    tables: dict[str, int]
    k: int | None = None


def load(session: Session, release_id: str) -> Release:
    """Refuses: unknown-case."""
    return cases.load(session, Release, RELEASE, release_id)


def every(session: Session) -> list[Release]:
    """All releases, in the order in which they were started."""
    return list(session.scalars(sa.select(Release).order_by(Release.planned_at, Release.id)))


def plan(session: Session, circumstances: Circumstances, order: orders.Order, plan_text: str, plan_digest: str) -> Release:
    """The intention, committed before the act. The plan must be checked against `order.approved_items` by the caller.

    Refuses: move-not-allowed, own-case, order-expired.
    """
    release = Release(id=circumstances.token("R"), state=NEW, version=0)
    step = people.begin(session, circumstances, RELEASE, release, "plan")
    step.judge_organisation(order.recipient)
    judge_term(step, order, circumstances.today())
    step.finish(
        change={
            "contract_id": order.contract,
            "application_id": order.application,
            "recipient_id": order.recipient,
            "snapshot": order.as_json(),
            "order_digest": order.digest,
            "plan_text": plan_text,
            "plan_digest": plan_digest,
            "preparer": step.actor.id,
            "planned_at": circumstances.now(),
        },
        content={"contract": order.contract, "plan": plan_digest, "order": order.digest},
        facts={
            "contract": order.contract,
            "application": order.application,
            "plan": plan_digest,
            "order": order.digest,
            "items": sorted(order.approved_items),
        },
    )
    return release


def produce(session: Session, circumstances: Circumstances, release_id: str, product: Product) -> Release:
    """The data are made and have passed the gate; a later call with another manifest voids every approval given before.

    Refuses: move-not-allowed, not-preparer, order-expired.
    """
    release = load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "produce")
    step.judge("is-preparer", step.actor.id == release.preparer, NOT_PREPARER)
    judge_term(step, release.order, circumstances.today())
    facts: dict[str, object] = {
        "contract": release.contract_id,
        "application": release.application_id,
        "plan": release.plan_digest,
        "manifest": product.manifest_digest,
        "evidence": product.evidence_digest,
        "persons": product.persons,
        "tables": product.tables,
    }
    if product.k is not None:
        facts["k"] = product.k
    step.finish(
        change={
            "manifest_digest": product.manifest_digest,
            "evidence_digest": product.evidence_digest,
            "package_path": product.package_path,
            "package_digest": product.package_digest,
            "produced_at": circumstances.now(),
            "judged_at": product.judged_at,
        },
        content={"manifest": product.manifest_digest, "evidence": product.evidence_digest, "package": product.package_digest},
        facts=facts,
    )
    return release


def refuse(session: Session, circumstances: Circumstances, release_id: str, reason: str, refusal: Refusal | None = None) -> Release:
    """The release ends here: the gate said no, an approver rejects, or a stop came too late for it. `refusal`: the ground, if there was one.

    `reason` holds no personal data. Refuses: move-not-allowed, not-preparer, reason-missing, own-case.
    """
    release = load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "refuse")
    step.judge_organisation(release.recipient_id)
    step.judge("is-preparer", step.actor.id == release.preparer, NOT_PREPARER)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    facts: dict[str, object] = {
        "code": refusal.code if refusal else "rejected",
        "contract": release.contract_id,
        "application": release.application_id,
        "plan": release.plan_digest,
        "stage": step.transition.state,
        "reason": (reason.strip() or "-")[:1000],
    }
    if refusal is not None and refusal.ground.article is not None:
        facts["article"] = refusal.ground.article.citation
    step.finish(content={"reason": reason}, facts=facts)
    return release


def recall(session: Session, circumstances: Circumstances, release_id: str, reason: str) -> Release:
    """The security officer calls a release back, or the system one that was committed and not delivered. Refuses: move-not-allowed, own-case, reason-missing."""
    release = load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "recall")
    step.judge_organisation(release.recipient_id)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason, "article": ACT_20.citation})
    return release


def judge_term(step: cases.Step, order: orders.Order, today: date) -> None:
    """The guard `within-term`: nothing is made or handed over after the last day of use."""
    step.judge("within-term", today <= order.term_to, ORDER_EXPIRED, term_to=order.term_to.isoformat())
