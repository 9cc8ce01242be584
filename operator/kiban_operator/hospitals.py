"""医療情報取扱事業者 (hospital): who provides, by name, address and representative as confirmed on receipt (Act 55(1), Reg 56)."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_55_1, REG_56

HOSPITAL_UNKNOWN = Ground(
    "hospital-unknown",
    Family.STATE,
    ACT_55_1,
    Text("医療情報取扱事業者「{hospital}」は登録されていません。", "There is no hospital “{hospital}” in the register."),
    Text(
        "`kiban hospital list` で番号を確かめるか、`kiban hospital register` で登録してください。",
        "Look the ID up with `kiban hospital list`, or register it with `kiban hospital register`.",
    ),
)
HOSPITAL_DIFFERS = Ground(
    "hospital-differs",
    Family.STATE,
    REG_56,
    Text(
        "「{hospital}」は別の名称・住所・代表者ですでに確認されています。",
        "“{hospital}” was confirmed before with another name, address or representative.",
    ),
    Text(
        "変更であれば、法52条2項の通知と届出を済ませてから `amend` で改めてください。",
        "If it changed, complete the changed notice and filing (Act 52(2)), then amend the entry.",
    ),
)
HOSPITAL_INCOMPLETE = Ground(
    "hospital-incomplete",
    Family.INPUT,
    ACT_55_1,
    Text(
        "医療情報取扱事業者の確認事項「{missing}」が空か、使えない文字を含みます。",
        "“{missing}” of the hospital is empty or has unusable characters.",
    ),
    Text(
        "番号(英数字と - _ 、20字以内)、名称、住所、代表者をすべて記入してください。",
        "Give the ID (letters, digits, - and _, at most 20), name, address and representative, all of them.",
    ),
)

_ID = re.compile(r"[A-Za-z0-9_-]{1,20}")


class Hospital(Base):
    """One institution as confirmed; the ID is what submissions and the ledger call it."""

    __tablename__ = "hospitals"
    id: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    address: Mapped[str] = mapped_column(sa.String(400))
    representative: Mapped[str] = mapped_column(sa.String(200))
    registered_at: Mapped[datetime] = mapped_column(Moment)
    registered_by: Mapped[str] = mapped_column(sa.String(100))


def register(session: Session, circumstances: Circumstances, id: str, name: str, address: str, representative: str) -> Hospital:
    """Enter a hospital as confirmed; the same particulars again change nothing (Reg 56(2)).

    Refuses: hospital-incomplete, hospital-differs. Source: Act 55(1), Reg 56.
    """
    given = _particulars(id, name, address, representative)
    known = session.get(Hospital, id)
    if known is not None:
        if given != {field: getattr(known, field) for field in given}:
            raise HOSPITAL_DIFFERS.refuse(hospital=id)
        return known
    hospital = Hospital(id=id, **given, registered_at=circumstances.now(), registered_by=circumstances.actor)
    session.add(hospital)
    session.flush()
    _book(session, circumstances, hospital)
    return hospital


def amend(session: Session, circumstances: Circumstances, id: str, name: str, address: str, representative: str) -> Hospital:
    """Enter changed particulars, once they were notified and filed (Act 52(2)); booked like a registration.

    Refuses: hospital-unknown, hospital-incomplete. Source: Act 52(2), 55(1); Reg 56(2).
    """
    hospital = get(session, id)
    given = _particulars(id, name, address, representative)
    for field, value in given.items():
        setattr(hospital, field, value)
    hospital.registered_at, hospital.registered_by = circumstances.now(), circumstances.actor
    session.flush()
    _book(session, circumstances, hospital)
    return hospital


def get(session: Session, id: str) -> Hospital:
    """The hospital with this ID. Refuses: hospital-unknown."""
    hospital = session.get(Hospital, id)
    if hospital is None:
        raise HOSPITAL_UNKNOWN.refuse(hospital=id)
    return hospital


def list_all(session: Session) -> list[Hospital]:
    """All hospitals, by ID."""
    return list(session.scalars(sa.select(Hospital).order_by(Hospital.id)))


def _particulars(id: str, name: str, address: str, representative: str) -> dict[str, str]:
    given = {"name": name.strip(), "address": address.strip(), "representative": representative.strip()}
    missing = [field for field, value in given.items() if not value]
    if missing or not _ID.fullmatch(id):
        raise HOSPITAL_INCOMPLETE.refuse(missing=", ".join(missing or ["id"]))
    return given


def _book(session: Session, circumstances: Circumstances, hospital: Hospital) -> None:
    # The representative is a natural person: the book holds a digest of the particulars, which the ministers' publication lets anyone check.
    particulars = "\x1f".join((hospital.id, hospital.name, hospital.address, hospital.representative))
    digest = "sha256:" + hashlib.sha256(particulars.encode()).hexdigest()
    facts = {"hospital": hospital.id, "registration": digest}
    book.append(session, circumstances, kinds.HOSPITAL_REGISTERED, f"hospital/{hospital.id}", facts)
