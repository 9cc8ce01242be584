"""消去の指示 (erasure orders): who ordered what to be erased on which ground, and who else approved it; the state table of an erasure.

The registrations concerned stand in the order only sealed, under a key of the order's own. Nobody approves their own order; the security
officer (安全管理責任者) approves and carries out. Source: Act 20, 56(1)(ii); Reg 6(i), 12(1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases, machine, optouts, people, programmes, submissions
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_operator.machine import NEW, rows
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20, ACT_56_1_II, REG_6_I

ORDERED, APPROVED, RUNNING, DONE, REJECTED = "ORDERED", "APPROVED", "RUNNING", "DONE", "REJECTED"
_ORDERING = (Role.OD, Role.HL, Role.SO)

ERASURE = machine.Table(
    "erasure",
    Text("消去", "erasure"),
    {
        ORDERED: Text("起案", "ordered"),
        APPROVED: Text("承認済み", "approved"),
        RUNNING: Text("実行中", "under way"),
        DONE: Text("消去済み", "done"),
        REJECTED: Text("却下", "rejected"),
    },
    {
        "order": Text("起案", "order"),
        "approve": Text("承認", "approve"),
        "reject": Text("却下", "reject"),
        "begin": Text("着手", "begin"),
        "finish": Text("完了", "finish"),
    },
    (
        *rows(NEW, "order", _ORDERING, ORDERED, "ground-fits", "stop-stands", entry="case.moved"),
        *rows(ORDERED, "approve", Role.SO, APPROVED, "not-orderer", "stop-stands", entry="case.moved"),
        *rows((ORDERED, APPROVED), "reject", Role.SO, REJECTED, entry="case.moved"),
        *rows(APPROVED, "begin", Role.SO, RUNNING, entry="erasure.begun"),
        *rows(RUNNING, "finish", Role.SO, DONE, "absence-proved", entry="deletion.done"),
    ),
    frozenset({DONE, REJECTED}),
)


class Scope(StrEnum):
    """範囲: all registrations of a person as the linkage knows them, one registration, a submission, a hospital, or all there is."""

    PERSON = "person"
    REGISTRATION = "registration"
    SUBMISSION = "submission"
    HOSPITAL = "hospital"
    EVERYTHING = "everything"


class Cause(StrEnum):
    """事由: why it is erased; the value is stored and booked."""

    STOP = "stop"
    HOSPITAL_REQUEST = "hospital-request"
    UNLAWFUL = "received-unlawfully"
    UNNEEDED = "unneeded"
    PROGRAMME_ENDED = "programme-ended"
    CERTIFICATION_ENDED = "certification-ended"


CAUSE_NAMES: dict[Cause, Text] = {
    Cause.STOP: Text("停止の求めと消去の要請", "stop request with a demand to erase"),
    Cause.HOSPITAL_REQUEST: Text("医療機関の申出", "the hospital's request"),
    Cause.UNLAWFUL: Text("受領できなかったもの", "should not have been received"),
    Cause.UNNEEDED: Text("不要になったもの", "no longer needed"),
    Cause.PROGRAMME_ENDED: Text("提供事業の終了", "the hospital's programme has ended"),
    Cause.CERTIFICATION_ENDED: Text("認定の失効・取消し・廃止", "end of the certification"),
}
_OF_ROWS = frozenset({Cause.HOSPITAL_REQUEST, Cause.UNLAWFUL, Cause.UNNEEDED})
FITTING: dict[Scope, frozenset[Cause]] = {
    Scope.PERSON: _OF_ROWS | {Cause.STOP},
    Scope.REGISTRATION: _OF_ROWS | {Cause.STOP},
    Scope.SUBMISSION: _OF_ROWS,
    Scope.HOSPITAL: frozenset({Cause.PROGRAMME_ENDED, Cause.UNLAWFUL}),
    Scope.EVERYTHING: frozenset({Cause.CERTIFICATION_ENDED}),
}
OF_PERSONS = frozenset({Scope.PERSON, Scope.REGISTRATION})

CAUSE_UNFIT = Ground(
    "erasure-ground-unfit", Family.LAW, ACT_20,
    Text("範囲「{scope}」を事由「{cause}」では消去できません。", "The scope “{scope}” cannot be erased on the ground “{cause}”."),
    Text("使える事由: {fitting}。医療機関全体は提供事業の終了を登録してから、すべては認定の終了によってのみ消去できます。",
         "Grounds that fit: {fitting}. A whole hospital needs the end of its programme on record; everything, the end of the certification."),
)  # fmt: skip
STOP_MISSING = Ground(
    "erasure-stop-missing", Family.LAW, ACT_56_1_II,
    Text("{aggregate}: 消去する登録のうち {missing} 件に、効力のある停止の求めがありません。再び送られると受け入れることになります。",
         "{aggregate}: {missing} of the registrations to erase have no stop request in force; sent again, they would be let in."),
    Text("先に各医療機関の登録について停止の求めを受け付けるか(`kiban optout register`)、その登録だけを指示してください(--scope registration)。",
         "Take the stop for each hospital's registration first (`kiban optout register`), or order that registration alone (--scope registration)."),
)  # fmt: skip
ORDERER_APPROVES = Ground(
    "erasure-orderer-approves", Family.PERMISSION, REG_6_I,
    Text("{aggregate} を起案した人は承認できません。", "Whoever ordered {aggregate} does not approve it."),
    Text("ほかの安全管理責任者が承認してください。", "Another security officer has to approve it."),
)  # fmt: skip


class Erasure(cases.Case, Base):
    """消去の指示. `subject`: the registrations, sealed; `registrations`: their number; `document`: digest of the paper it rests on.

    `counted`: files, rows, bytes and keys by shelf so far; `outcome`: what the result said of releases, and the scan that proved absence.
    """

    __tablename__ = "erasures"
    scope: Mapped[str] = mapped_column(sa.String(12))
    cause: Mapped[str] = mapped_column(sa.String(20))
    hospital: Mapped[str | None] = mapped_column(sa.String(40))
    submission: Mapped[str | None] = mapped_column(sa.String(40))
    document: Mapped[str | None] = mapped_column(sa.String(71))
    registrations: Mapped[int]
    subject: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    ordered_by: Mapped[str] = mapped_column(sa.String(40))
    ordered_at: Mapped[datetime] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(sa.String(40))
    counted: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    outcome: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    def as_json(self) -> dict[str, Any]:
        return {
            "order": self.id, "state": self.state, "scope": self.scope, "ground": self.cause, "hospital": self.hospital,
            "submission": self.submission, "registrations": self.registrations, "ordered_at": self.ordered_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None, "counted": self.counted, "outcome": self.outcome,
        }  # fmt: skip


@dataclass(frozen=True)
class Registration:
    """One registration to erase, with the local IDs under which its hospital's files may name it."""

    hospital: str
    patient_key: str
    local_ids: tuple[str, ...] = ()


def order(
    session: Session, home: Home, scope: Scope, cause: Cause, *, registrations: Sequence[Registration] = (), hospital: str | None = None,
    submission: str | None = None, document: str | None = None,
) -> Erasure:  # fmt: skip
    """Order an erasure; nothing is erased before somebody else approves it.

    Refuses: move-not-allowed, erasure-ground-unfit, erasure-stop-missing, submission-unknown.
    """
    circumstances = home.circumstances
    if submission is not None:
        hospital = submissions.find(session, submission).hospital
    made = Erasure(
        id=circumstances.token("E"), state=NEW, version=0, scope=scope.value, cause=cause.value, hospital=hospital, submission=submission,
        document=document, registrations=len(registrations), subject=None, counted={}, outcome={}, approved_by=None, finished_at=None,
    )  # fmt: skip
    step = people.begin(session, circumstances, ERASURE, made, "order")
    fits = cause in FITTING[scope] and (cause is not Cause.PROGRAMME_ENDED or _ended(session, circumstances, hospital))
    step.judge("ground-fits", fits, CAUSE_UNFIT, scope=scope.value, cause=cause.value, fitting=", ".join(sorted(FITTING[scope])))
    _judge_stops(step, cause, registrations)
    sealed = _seal(session, home, made.id, registrations) if registrations else None
    step.finish(
        change={"ordered_by": step.actor.id, "ordered_at": circumstances.now(), "subject": sealed},
        content={"scope": scope.value, "ground": cause.value, "registrations": len(registrations), "document": document},
    )
    return made


def approve(session: Session, home: Home, order_id: str) -> Erasure:
    """A second person lets it happen. Refuses: unknown-case, move-not-allowed, erasure-orderer-approves, erasure-stop-missing."""
    found = load(session, order_id)
    step = people.begin(session, home.circumstances, ERASURE, found, "approve")
    step.judge("not-orderer", step.actor.id != found.ordered_by, ORDERER_APPROVES)
    _judge_stops(step, Cause(found.cause), subject(session, home, found))
    step.finish(change={"approved_by": step.actor.id})
    return found


def reject(session: Session, home: Home, order_id: str) -> Erasure:
    """Nothing is erased, and the sealed subject's key is destroyed. Refuses: unknown-case, move-not-allowed."""
    found = load(session, order_id)
    step = people.begin(session, home.circumstances, ERASURE, found, "reject")
    if found.subject is not None:
        home.keyring.destroy(session, _key(found.id), home.circumstances.now())
    step.finish(change={"subject": None})
    return found


def load(session: Session, order_id: str) -> Erasure:
    """Refuses: unknown-case."""
    return cases.load(session, Erasure, ERASURE, order_id)


def every(session: Session) -> list[Erasure]:
    """All orders, oldest first."""
    return list(session.scalars(sa.select(Erasure).order_by(Erasure.ordered_at, Erasure.id)))


def subject(session: Session, home: Home, found: Erasure) -> tuple[Registration, ...]:
    """The registrations an order names; none where its scope says all. Refuses: key-missing (rejected, or its retention is over)."""
    if found.subject is None:
        return ()
    key = home.keyring.open(session, _key(found.id))
    told = json.loads(AESGCM(key).decrypt(found.subject[:12], found.subject[12:], found.id.encode()))
    return tuple(Registration(hospital, patient_key, tuple(local_ids)) for hospital, patient_key, local_ids in told)


def _seal(session: Session, home: Home, order_id: str, registrations: Sequence[Registration]) -> bytes:
    circumstances = home.circumstances
    key = home.keyring.make(session, _key(order_id), circumstances.entropy, circumstances.now())
    told = [[each.hospital, each.patient_key, list(each.local_ids)] for each in registrations]
    nonce = circumstances.entropy(12)
    return nonce + AESGCM(key).encrypt(nonce, json.dumps(told).encode(), order_id.encode())


def _key(order_id: str) -> str:
    return f"erasure/{order_id}"


def _ended(session: Session, circumstances: Circumstances, hospital: str | None) -> bool:
    found = session.scalars(sa.select(programmes.Programme).where(programmes.Programme.hospital == hospital)).all()
    return bool(found) and all(programmes.state(each, circumstances.today()) is programmes.State.ENDED for each in found)


def _judge_stops(step: cases.Step, cause: Cause, registrations: Sequence[Registration]) -> None:
    missing = 0
    if cause is Cause.STOP:
        keys = [each.patient_key for each in registrations]
        stands = sa.or_(optouts.Stop.withdrawn_on.is_(None), optouts.Stop.withdrawn_on > step.circumstances.today())
        query = sa.select(optouts.Stop.patient_key).where(optouts.Stop.patient_key.in_(keys), stands, optouts.Stop.regimes == "both")
        missing = len(set(keys) - set(step.session.scalars(query)))
    step.judge("stop-stands", missing == 0, STOP_MISSING, missing=missing)


def ledger_facts(found: Erasure) -> Mapping[str, Any]:
    """What every entry about an erasure says of it; nobody is named."""
    place = {name: value for name, value in (("hospital", found.hospital), ("submission", found.submission)) if value is not None}
    return {"scope": found.scope, "ground": found.cause, **place}
