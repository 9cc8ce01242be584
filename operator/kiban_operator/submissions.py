"""提供の受領 (submissions): what was received from whom, the counts, and the receipt record of Act 55(3) and Reg 57."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.database import Base, Moment
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_55_3

SUBMISSION_UNKNOWN = Ground(
    "submission-unknown", Family.INPUT, ACT_55_3,
    Text("受領番号「{submission}」はありません。", "There is no submission “{submission}”."),
    Text("`kiban submissions list` で確かめてください。", "See `kiban submissions list`."),
)  # fmt: skip
COUNTS_DISAGREE = Ground(
    "counts-disagree", Family.INTEGRITY, ACT_55_3,
    Text("表 {table} の件数が一致しません(受信 {sent}、区分の合計 {sorted})。", "Counts of {table} disagree: {sent} sent, {sorted} sorted."),
    Text("受領は取り消されました。この表示とともに開発者へ知らせてください。", "Nothing was kept. Please report this as a defect."),
)  # fmt: skip

RETENTION_YEARS = 3  # Reg 58: three years; for repeated provision, from the last one


@dataclass
class TableCount:
    """Rows of one table: sent = accepted + held + quarantined, always. `values_dropped` counts single values set to null."""

    sent: int = 0
    accepted: int = 0
    held: int = 0
    quarantined: int = 0
    values_dropped: int = 0
    held_for: dict[str, int] = field(default_factory=dict)
    quarantined_for: dict[str, int] = field(default_factory=dict)

    def check(self, table: str) -> None:
        """Refuses: counts-disagree."""
        total = self.accepted + self.held + self.quarantined
        if total != self.sent:
            raise COUNTS_DISAGREE.refuse(table=table, sent=self.sent, sorted=total)


class Submission(Base):
    """One received submission; its row appears in the transaction that keeps all of it, never before."""

    __tablename__ = "submissions"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    hospital: Mapped[str] = mapped_column(sa.String(40), index=True)
    regime: Mapped[str] = mapped_column(sa.String(1))
    period_from: Mapped[date]
    period_to: Mapped[date]
    sent_by: Mapped[str] = mapped_column(sa.String(200))
    received_at: Mapped[datetime] = mapped_column(Moment)
    received_by: Mapped[str] = mapped_column(sa.String(40))
    counts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    damaged_files: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON)
    confirmed: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    items: Mapped[list[str]] = mapped_column(sa.JSON)
    deliveries: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)


@dataclass(frozen=True)
class Receipt:
    """受領記録: what the hospital gets back and Reg 57(1) asks to keep; the persons' names stand in the sealed `receipt` file.

    `counts` are rows by table; `deliveries` are records by file of each delivery in a standard format (`delivered.DeliveryCount`).
    """

    submission: str
    hospital: str
    regime: str
    received_at: datetime
    digest: str
    counts: dict[str, TableCount]
    damaged_files: list[dict[str, str]]
    confirmed: dict[str, Any]
    items: list[str]
    deliveries: list[dict[str, Any]]
    repeated: bool = False

    @property
    def totals(self) -> TableCount:
        total = TableCount()
        for count in self.counts.values():
            total.sent += count.sent
            total.accepted += count.accepted
            total.held += count.held
            total.quarantined += count.quarantined
            total.values_dropped += count.values_dropped
        return total

    def as_json(self) -> dict[str, Any]:
        tables = {name: asdict(count) for name, count in self.counts.items()}
        total = self.totals
        return {
            "submission": self.submission, "hospital": self.hospital, "regime": self.regime, "digest": self.digest,
            "received_at": self.received_at.isoformat(), "repeated": self.repeated,
            "sent": total.sent, "accepted": total.accepted, "held": total.held, "quarantined": total.quarantined,
            "tables": tables, "damaged_files": self.damaged_files, "confirmed": self.confirmed, "items": self.items,
            "deliveries": self.deliveries,
        }  # fmt: skip


def receipt_of(row: Submission, repeated: bool = False) -> Receipt:
    counts = {name: TableCount(**values) for name, values in row.counts.items()}
    return Receipt(
        row.id,
        row.hospital,
        row.regime,
        row.received_at,
        row.digest,
        counts,
        row.damaged_files,
        row.confirmed,
        row.items,
        row.deliveries,
        repeated,
    )


def find(session: Session, submission: str) -> Submission:
    """Refuses: submission-unknown."""
    row = session.get(Submission, submission)
    if row is None:
        raise SUBMISSION_UNKNOWN.refuse(submission=submission)
    return row


def every(session: Session) -> list[Submission]:
    return list(session.scalars(sa.select(Submission).order_by(Submission.received_at, Submission.id)))


def items_brought(session: Session, hospital: str | None = None, regime: str | None = None) -> dict[tuple[str, str], set[str]]:
    """(submission, table) → columns that the submission brought for the table, as its receipt says."""
    brought: dict[tuple[str, str], set[str]] = {}
    for row in every(session):
        if hospital in (None, row.hospital) and regime in (None, row.regime):
            for name in row.items:
                table, _, column = name.partition(".")
                brought.setdefault((row.id, table), set()).add(column)
    return brought
