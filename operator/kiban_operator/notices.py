"""通知の版 (notice): what one notice says, the nine entries of Act 52(1) and Reg 48(4), and which data items it covers.

Eligibility is per person × version × item: adding one data item means a new version, a new individual notice and a new wait
(Act 52(2)). Who was given which version is `notice_register`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import hospitals, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_operator.programmes import Regime
from kiban_processing.catalogue import tables
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, ACT_52_2, REG_48_1

WAIT_DAYS = 30  # Basic Policy: thirty days as a guide

VERSION_UNKNOWN = Ground(
    "notice-version-unknown",
    Family.STATE,
    ACT_52_1,
    Text(
        "{hospital} の区分 {regime} に通知の版「{version}」はありません。",
        "{hospital} has no notice version “{version}” under regime {regime}.",
    ),
    Text("版の名を確かめるか、先に版を作ってください。", "Check the name of the version, or draft it first."),
)
VERSION_FIXED = Ground(
    "notice-version-fixed",
    Family.STATE,
    ACT_52_2,
    Text("通知の版「{version}」は届出済みで、変更できません。", "The notice version “{version}” is filed and can no longer be changed."),
    Text(
        "変更は新しい版として作り、改めて通知し届け出てください。",
        "Make a new version of the change, notify each person of it and file it.",
    ),
)
NOTICE_INCOMPLETE = Ground(
    "notice-incomplete",
    Family.LAW,
    ACT_52_1,
    Text("通知の版「{version}」に欠けている事項があります: {missing}。", "The notice version “{version}” lacks entries: {missing}."),
    Text("九つの事項と対象のデータ項目をすべて記入してください。", "Fill in all nine entries and the data items covered."),
)
WAIT_TOO_SHORT = Ground(
    "notice-wait-unreasoned",
    Family.LAW,
    REG_48_1,
    Text(
        "待機期間 {days} 日は目安の30日より短いのに、理由が記録されていません。",
        "A wait of {days} days is below the guide of 30 and no reason is recorded.",
    ),
    Text(
        "理由を記録するか、30日以上としてください。0日以下にはできません。", "Record the reason, or set 30 days or more; never less than 1."
    ),
)
FILED_IN_FUTURE = Ground(
    "notice-filed-in-future",
    Family.INPUT,
    ACT_52_1,
    Text("通知の版「{version}」の届出日が未来です。", "The filing date of the notice version “{version}” lies in the future."),
    Text("届け出た後に記録してください。", "Record the filing after it was made."),
)
VERSION_UNNAMED = Ground(
    "notice-version-unnamed",
    Family.INPUT,
    ACT_52_1,
    Text("版の名が空か、空白を含むか、長すぎます。", "The name of the version is empty, has blanks or is too long."),
    Text("空白のない50字以内の名を付けてください(例: 2026-1)。", "Give a name without blanks of at most 50 characters, such as 2026-1."),
)


UNCHANGEABLE = ("purpose", "stopping")
"""Entries that no later version may change: that data go to an operator, and that provision stops on request (Act 52(2) names neither)."""

ITEM_UNCHANGEABLE = Ground(
    "notice-item-unchangeable",
    Family.LAW,
    ACT_52_2,
    Text(
        "通知の版「{version}」は、変更できない事項を変えています: {items}。",
        "The notice version “{version}” changes what cannot be changed: {items}.",
    ),
    Text(
        "前に届け出た版と同じ文言とするか、新たな提供事業として届け出てください。",
        "Keep the wording of the version filed before, or file it as another programme.",
    ),
)


@dataclass(frozen=True)
class Entries:
    """通知事項: the nine entries as the person reads them; under regime P the second names pseudonymised information (Act 57(1), Reg 59)."""

    institution: str = ""  # 名称・住所・代表者
    purpose: str = ""  # 認定事業者に提供し加工医療情報の作成に用いられる旨
    items: str = ""  # 提供する医療情報の項目
    acquisition: str = ""  # 取得の方法
    provision: str = ""  # 提供の方法
    stopping: str = ""  # 本人又は遺族の求めに応じて提供を停止する旨
    receiving: str = ""  # 求めを受け付ける方法と連絡先
    updating: str = ""  # 更新の方法 (Reg 48(4))
    starting: str = ""  # 提供を開始する予定日 (Reg 48(4))


ENTRY_NAMES: dict[str, Text] = {
    "institution": Text("名称・住所・代表者", "name, address, representative"),
    "purpose": Text("認定事業者への提供の旨", "provision to the operator and its purpose"),
    "items": Text("提供する項目", "items provided"),
    "acquisition": Text("取得の方法", "how they were acquired"),
    "provision": Text("提供の方法", "how they are provided"),
    "stopping": Text("求めにより停止する旨", "that provision stops on request"),
    "receiving": Text("求めの受付方法", "how a request is received"),
    "updating": Text("更新の方法", "how the data are updated"),
    "starting": Text("提供開始予定日", "planned start"),
}


class NoticeVersion(Base):
    """One version for one hospital and regime. `covers`: qualified item names, or `table.*`. `filed_on` empty: a draft, which nobody can be
    counted as notified by."""

    __tablename__ = "notice_versions"
    hospital: Mapped[str] = mapped_column(sa.ForeignKey("hospitals.id"), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(1), sa.CheckConstraint("regime IN ('A', 'P')", name="regime"), primary_key=True)
    version: Mapped[str] = mapped_column(sa.String(50), primary_key=True)
    entries: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    covers: Mapped[list[str]] = mapped_column(sa.JSON)
    wait_days: Mapped[int] = mapped_column(sa.CheckConstraint("wait_days >= 1", name="wait"))
    wait_reason: Mapped[str | None] = mapped_column(sa.Text)
    filed_on: Mapped[date | None]
    changed_at: Mapped[datetime] = mapped_column(Moment)
    changed_by: Mapped[str] = mapped_column(sa.String(100))


def draft(
    session: Session,
    circumstances: Circumstances,
    hospital: str,
    regime: Regime | str,
    version: str,
    entries: Entries,
    covers: Iterable[str],
    wait_days: int = WAIT_DAYS,
    wait_reason: str | None = None,
) -> NoticeVersion:
    """Write a version, or rewrite one that is not yet filed. It may still be incomplete.

    `covers`: qualified items such as `diagnoses.icd10`, or a whole table as `diagnoses.*`; `wait_days`: days from the individual notice.
    Refuses: hospital-unknown, regime-unknown, notice-version-unnamed, notice-version-fixed, undeclared-item, notice-wait-unreasoned.
    Source: Act 52(1), Reg 48(1)(4), Basic Policy.
    """
    regime = programmes.regime_named(regime)
    hospitals.get(session, hospital)
    if not version or len(version) > 50 or any(character.isspace() or not character.isprintable() for character in version):
        raise VERSION_UNNAMED.refuse()
    covered = sorted(set(covers))
    for name in covered:
        _declared(name)
    reason = (wait_reason or "").strip() or None
    if wait_days < 1 or (wait_days < WAIT_DAYS and reason is None):
        raise WAIT_TOO_SHORT.refuse(days=wait_days)
    row = session.get(NoticeVersion, (hospital, regime.value, version))
    if row is not None and row.filed_on is not None:
        raise VERSION_FIXED.refuse(version=version)
    if row is None:
        row = NoticeVersion(hospital=hospital, regime=regime.value, version=version)
        session.add(row)
    row.entries = {name: text.strip() for name, text in asdict(entries).items()}
    row.covers, row.wait_days, row.wait_reason = covered, wait_days, reason
    row.changed_at, row.changed_by = circumstances.now(), circumstances.actor
    session.flush()
    return row


def missing(row: NoticeVersion) -> list[str]:
    """The names of what a version still lacks: entries of the nine, or `covers` when it names no data item."""
    absent = [field.name for field in fields(Entries) if not row.entries.get(field.name, "").strip()]
    return absent + ([] if row.covers else ["covers"])


def activate(
    session: Session, circumstances: Circumstances, hospital: str, regime: Regime | str, version: str, filed_on: date
) -> NoticeVersion:
    """Put a version into force as filed with the ministers; from now on it is fixed. The same again changes nothing.

    Refuses: notice-version-unknown, notice-version-fixed, notice-incomplete, notice-filed-in-future, notice-item-unchangeable.
    Source: Act 52(1)(2), Reg 48.
    """
    row = get(session, hospital, regime, version)
    if row.filed_on is not None:
        if row.filed_on != filed_on:
            raise VERSION_FIXED.refuse(version=version)
        return row
    absent = missing(row)
    if absent:
        names = [ENTRY_NAMES.get(name, Text("対象のデータ項目", "data items covered")) for name in absent]
        raise NOTICE_INCOMPLETE.refuse(version=version, missing=", ".join(f"{name.ja} ({name.en})" for name in names))
    if filed_on > circumstances.today():
        raise FILED_IN_FUTURE.refuse(version=version)
    _require_unchanged(session, row)
    row.filed_on = filed_on
    row.changed_at, row.changed_by = circumstances.now(), circumstances.actor
    session.flush()
    facts: dict[str, object] = {
        "hospital": hospital,
        "regime": row.regime,
        "version": version,
        "filed_on": filed_on.isoformat(),
        "items": row.covers,
        "waiting_days": row.wait_days,
    }
    if row.wait_reason is not None and row.wait_days < WAIT_DAYS:
        facts["reason"] = row.wait_reason[:1000]
    book.append(session, circumstances, kinds.NOTICE_VERSION_FILED, f"hospital/{hospital}", facts)
    return row


def _require_unchanged(session: Session, row: NoticeVersion) -> None:
    filed = [one for one in list_all(session, row.hospital, row.regime) if one.filed_on is not None]
    changed = [name for name in UNCHANGEABLE if filed and filed[-1].entries.get(name, "") != row.entries.get(name, "")]
    if changed:
        items = ", ".join(f"{ENTRY_NAMES[name].ja} ({ENTRY_NAMES[name].en})" for name in changed)
        raise ITEM_UNCHANGEABLE.refuse(version=row.version, items=items)


def get(session: Session, hospital: str, regime: Regime | str, version: str) -> NoticeVersion:
    """One version. Refuses: notice-version-unknown, regime-unknown."""
    row = session.get(NoticeVersion, (hospital, programmes.regime_named(regime).value, version))
    if row is None:
        raise VERSION_UNKNOWN.refuse(hospital=hospital, regime=str(regime), version=version)
    return row


def list_all(session: Session, hospital: str, regime: Regime | str) -> list[NoticeVersion]:
    """All versions of a hospital under a regime, by filing and name, drafts last."""
    found = session.scalars(
        sa.select(NoticeVersion).where(NoticeVersion.hospital == hospital, NoticeVersion.regime == programmes.regime_named(regime).value)
    )
    return sorted(found, key=lambda row: (row.filed_on or date.max, row.version))


def _declared(name: str) -> None:
    table, _, column = name.partition(".")
    if column != "*":
        tables.named(name)
    elif table not in tables.TABLES:
        raise tables.UNDECLARED_ITEM.refuse(item=name)
