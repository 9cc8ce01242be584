"""提供停止の求め (stop request): a person, guardian or bereaved relative asks that provision stop; it bites at once (Act 53, 56(1)(ii)).

A stop stands until it is withdrawn; after a withdrawal only a later notice with a new wait makes eligible again (see `guard`).
Who asked is kept here as a relation, never by name: the name goes into the document alone (`acknowledgements`).
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import hospitals, registers, vault
from kiban_operator.circumstances import JAPAN, Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_operator.programmes import Regime
from kiban_operator.registers import ImportReport
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_53_1, ACT_53_2, ORDER_11, REG_47

# The Act says "without delay" and no number: the desk's own limit.
ACKNOWLEDGE_WITHIN_DAYS = 7
# A request taken by the operator is forwarded to the hospital, whose act it remains (Reg 47; law.md 1.5): no number in the law either.
INFORM_WITHIN_DAYS = 3


class Requester(StrEnum):
    """求める者: the person, the guardian, or the bereaved relatives of Order 11 (spouse includes a de facto one)."""

    PERSON = "person"
    GUARDIAN = "guardian"
    SPOUSE = "spouse"
    CHILD = "child"
    PARENT = "parent"
    GRANDCHILD = "grandchild"
    GRANDPARENT = "grandparent"
    SIBLING = "sibling"


BEREAVED = frozenset({Requester.SPOUSE, Requester.CHILD, Requester.PARENT, Requester.GRANDCHILD, Requester.GRANDPARENT, Requester.SIBLING})
REQUESTER_NAMES: dict[Requester, Text] = {
    Requester.PERSON: Text("本人", "the person"),
    Requester.GUARDIAN: Text("保護者等", "guardian"),
    Requester.SPOUSE: Text("配偶者", "spouse"),
    Requester.CHILD: Text("子", "child"),
    Requester.PARENT: Text("父母", "parent"),
    Requester.GRANDCHILD: Text("孫", "grandchild"),
    Requester.GRANDPARENT: Text("祖父母", "grandparent"),
    Requester.SIBLING: Text("兄弟姉妹", "sibling"),
}


class Channel(StrEnum):
    """求めの方法: in writing, orally or otherwise (Reg 47)."""

    WINDOW = "window"
    POST = "post"
    TELEPHONE = "telephone"
    ELECTRONIC = "electronic"
    OTHER = "other"


class Scope(StrEnum):
    """Which regimes a request stops. What is not said to be narrower stops both."""

    BOTH = "both"
    ANONYMISED = "A"
    PSEUDONYMISED = "P"

    def includes(self, regime: Regime) -> bool:
        return self is Scope.BOTH or self.value == regime.value


class IdentityCheck(StrEnum):
    """本人確認: how the desk made sure who asks. A request bites without it; no document is delivered without it."""

    DOCUMENT = "document"
    WINDOW = "window"
    CALL_BACK = "call-back"
    RELATION = "relation"


IDENTITY_CHECK_NAMES: dict[IdentityCheck, Text] = {
    IdentityCheck.DOCUMENT: Text("本人確認書類", "identity document"),
    IdentityCheck.WINDOW: Text("医療機関の窓口で面前の確認", "in person at the hospital's window"),
    IdentityCheck.CALL_BACK: Text("登録済みの電話への折返し", "call back to the telephone on record"),
    IdentityCheck.RELATION: Text("続柄を示す書類", "document that shows the relation"),
}


class Form(StrEnum):
    """The form of the acknowledgement: paper, or electronic with prior consent (Act 53(2))."""

    PAPER = "paper"
    ELECTRONIC = "electronic"


REQUESTER_UNKNOWN = Ground(
    "stop-requester-unknown",
    Family.LAW,
    ORDER_11,
    Text("求めることができる者に当たりません。", "The requester is none of those who may ask."),
    Text(
        "本人、保護者等、又は遺族(配偶者・子・父母・孫・祖父母・兄弟姉妹)を指定してください。",
        "Give the person, the guardian or a bereaved relative: spouse, child, parent, grandchild, grandparent, sibling.",
    ),
)
CHANNEL_UNKNOWN = Ground(
    "stop-channel-unknown",
    Family.INPUT,
    REG_47,
    Text("求めの方法が定められた値ではありません。", "The channel is not one of those laid down."),
    Text("window, post, telephone, electronic, other のいずれかとしてください。", "Give window, post, telephone, electronic or other."),
)
SCOPE_UNKNOWN = Ground(
    "stop-scope-unknown",
    Family.INPUT,
    ACT_53_1,
    Text("停止の範囲が定められた値ではありません。", "The scope of the stop is not one of those laid down."),
    Text("both, A, P のいずれかとしてください。", "Give both, A or P."),
)
KEY_MALFORMED = Ground(
    "patient-key-malformed",
    Family.INPUT,
    ACT_53_1,
    Text("患者キーの形ではありません。", "This is not a patient key."),
    Text("患者IDではなく、鍵から作った患者キーを渡してください。", "Hand in the patient key made with the secret, not the patient ID."),
)
REQUEST_IN_FUTURE = Ground(
    "stop-date-future",
    Family.INPUT,
    REG_47,
    Text("日付が未来です。", "The date lies in the future."),
    Text("実際の日付に直してください。", "Give the date on which it happened."),
)
STOP_UNKNOWN = Ground(
    "stop-unknown",
    Family.STATE,
    ACT_53_1,
    Text("求め「{stop}」はありません。", "There is no request “{stop}”."),
    Text("番号を確かめてください。", "Check its ID."),
)
STOP_WITHDRAWN = Ground(
    "stop-already-withdrawn",
    Family.STATE,
    ACT_53_1,
    Text("求め「{stop}」は別の日にすでに撤回されています。", "The request “{stop}” was withdrawn already, on another day."),
    Text("記録を確かめてください。", "Check the record."),
)
WITHDRAWN_TOO_EARLY = Ground(
    "stop-withdrawn-before-request",
    Family.INPUT,
    ACT_53_1,
    Text("撤回の日が求めの日より前です。", "The withdrawal is dated before the request."),
    Text("日付を確かめてください。", "Check the dates."),
)
NO_CONSENT = Ground(
    "acknowledgement-without-consent",
    Family.LAW,
    ACT_53_2,
    Text("電磁的記録による提供に、あらかじめの承諾が記録されていません。", "No prior consent to an electromagnetic record is on record."),
    Text("書面で交付するか、先に承諾を得て記録してください。", "Deliver on paper, or obtain and record the consent first."),
)
ACKNOWLEDGED = Ground(
    "acknowledgement-recorded",
    Family.STATE,
    ACT_53_1,
    Text("求め「{stop}」の書面はすでに交付されています。", "The document for “{stop}” was delivered already."),
    Text("写しを確かめてください。", "See its copy."),
)


class Stop(Base):
    """One request. `requested_on`, `channel` and `requester` may be unreadable in a hospital's file; the request bites all the same.

    `informed_on`: when the hospital was told of it, for a request that the operator took. `voided`: the request was never this person's; it was
    put on the registration while it was doubtful whose it was (`stop_matches`), and is as if it had not been.
    """

    __tablename__ = "stops"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    hospital: Mapped[str] = mapped_column(sa.ForeignKey("hospitals.id"))
    patient_key: Mapped[str] = mapped_column(sa.String(32))
    regimes: Mapped[str] = mapped_column(sa.String(4))
    requested_on: Mapped[date | None]
    channel: Mapped[str | None] = mapped_column(sa.String(10))
    requester: Mapped[str | None] = mapped_column(sa.String(11))
    received_at: Mapped[datetime] = mapped_column(Moment)
    received_by: Mapped[str] = mapped_column(sa.String(100))
    acknowledge_by: Mapped[date]
    acknowledged_on: Mapped[date | None]
    acknowledgement_form: Mapped[str | None] = mapped_column(sa.String(10))
    consented_on: Mapped[date | None]
    withdrawn_on: Mapped[date | None]
    identity_check: Mapped[str | None] = mapped_column(sa.String(10))
    identity_checked_by: Mapped[str | None] = mapped_column(sa.String(100))
    inform_by: Mapped[date]
    informed_on: Mapped[date | None]
    voided: Mapped[bool]
    void_reason: Mapped[str | None] = mapped_column(sa.Text)
    __table_args__ = (
        sa.Index(None, "hospital", "patient_key"),
        sa.CheckConstraint("length(patient_key) = 32", name="patient_key"),
        sa.CheckConstraint("regimes IN ('both', 'A', 'P')", name="regimes"),
    )


def register(
    session: Session,
    circumstances: Circumstances,
    hospital: str,
    patient_key: str,
    requested_on: date,
    channel: Channel | str,
    requester: Requester | str,
    regimes: Scope | str = Scope.BOTH,
    by_hospital: bool = False,
    match: str = "",
) -> Stop:
    """Take a request; it stops provision from this moment. The same request again changes nothing.

    The identity of the requester is the desk's to check (`check_identity`). `by_hospital`: the hospital took it itself and need not be told.
    `match`: the match that put it on this registration, so that voiding it never touches a request the person made beside it. Refuses: hospital-unknown, patient-key-malformed, stop-requester-unknown,
    stop-channel-unknown, stop-scope-unknown, stop-date-future. Source: Act 53(1), 56(1)(ii); Reg 47; Order 11.
    """
    hospitals.get(session, hospital)
    if requester not in list(Requester):
        raise REQUESTER_UNKNOWN.refuse()
    if channel not in list(Channel):
        raise CHANNEL_UNKNOWN.refuse()
    scope = _scope(regimes)
    if not re.fullmatch(r"[0-9a-f]{32}", patient_key):
        raise KEY_MALFORMED.refuse()
    if requested_on > circumstances.today():
        raise REQUEST_IN_FUTURE.refuse()
    again = 0
    while (known := session.get(Stop, id := _id(hospital, patient_key, scope, requested_on, f"{requester}{match}", again))) is not None:
        if known.withdrawn_on is None or requested_on < known.withdrawn_on:
            return known
        again += 1  # asked again after the withdrawal: a request of its own
    stop = Stop(
        id=id,
        patient_key=patient_key,
        requested_on=requested_on,
        channel=str(channel),
        requester=str(requester),
        **_reception(circumstances, hospital, scope, by_hospital),
    )
    session.add(stop)
    session.flush()
    _book(session, circumstances, hospital, scope, count=1)
    return stop


REQUIRED = ("local_patient_id",)
OPTIONAL = ("requested_on", "channel", "requester")


def import_stops(
    session: Session,
    circumstances: Circumstances,
    hospital: str,
    path: Path,
    secret: bytes,
    regimes: Scope | str = Scope.BOTH,
    encoding: str | None = None,
    con: duckdb.DuckDBPyConnection | None = None,
) -> ImportReport:
    """Take over a hospital's list of requests (CSV); the same list again changes nothing.

    A request is never lost for a formal fault: an unreadable date, channel or requester is a finding, and the request bites all the same.
    Only a row without patient ID or of another width than the header is rejected. Refuses: hospital-unknown, stop-scope-unknown,
    register-missing, register-encoding, register-header, register-unreadable. Source: Act 53(1), 56(1)(ii); Reg 47.
    """
    hospitals.get(session, hospital)
    scope = _scope(regimes)
    today = circumstances.today()
    with registers.engine(con) as con:
        registers.load(con, path, REQUIRED, OPTIONAL, encoding)
        registers.read_dates(con, "requested_on")
        registers.find(con, "local_patient_id", registers.ID_MISSING, "l.local_patient_id IS NULL")
        registers.find_date(con, "requested_on", today, needed=True)
        channels, requesters = (", ".join(f"'{value}'" for value in values) for values in (Channel, Requester))
        registers.find(con, "channel", registers.VALUE_UNKNOWN, f"l.channel IS NULL OR l.channel NOT IN ({channels})")
        registers.find(con, "requester", registers.VALUE_UNKNOWN, f"l.requester IS NULL OR l.requester NOT IN ({requesters})")
        requests = con.execute(
            f"""SELECT min(l.row), {vault.patient_key_sql("$hospital", "l.local_patient_id")} AS patient_key,
                CASE WHEN d.day <= $today THEN d.day END AS requested_on,
                CASE WHEN l.requester IN ({requesters}) THEN l.requester END AS requester,
                min(CASE WHEN l.channel IN ({channels}) THEN l.channel END), count(*)
            FROM register_lines l LEFT JOIN register_dates d ON d.raw = l.requested_on
            WHERE l.local_patient_id IS NOT NULL GROUP BY ALL ORDER BY patient_key, requested_on, requester""",
            {"hospital": hospital, "today": today, **vault.patient_key_parameters(secret)},
        )
        reception = _reception(circumstances, hospital, scope, by_hospital=True)
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(Stop).on_conflict_do_nothing(index_elements=["id"])
        before = _count(session, hospital)
        taken = distinct = 0
        while rows := requests.fetchmany(registers.BATCH):
            taken += sum(row[5] for row in rows)
            distinct += len(rows)
            # Without a date the request counts as made on the day it arrived: an old withdrawal never covers it.
            values = [
                {
                    "id": _id(hospital, key, scope, on or today, requester or ""),
                    "patient_key": key,
                    "requested_on": on,
                    "requester": requester,
                    "channel": channel,
                    **reception,
                }
                for _, key, on, requester, channel, _ in rows
            ]
            session.connection().execute(statement, values)
        found = registers.findings(con)
        registers.forget(con)
    added = _count(session, hospital) - before
    # A rejected row has one of these two findings, and one only.
    rejected = sum(1 for rule in found.column("rule").to_pylist() if rule in (registers.ROW_WIDTH.code, registers.ID_MISSING.code))
    report = ImportReport(taken + rejected, added, 0, taken - added, rejected, found)
    if added:
        _book(session, circumstances, hospital, scope, count=added, repeated=taken - added)
    return report


def withdraw(session: Session, circumstances: Circumstances, id: str, withdrawn_on: date) -> Stop:
    """Record that a request was withdrawn. Nobody becomes eligible by it: a later notice and a new wait are needed.

    Refuses: stop-unknown, stop-already-withdrawn, stop-withdrawn-before-request, stop-date-future.
    """
    stop = get(session, id)
    if stop.withdrawn_on is not None:
        if stop.withdrawn_on != withdrawn_on:
            raise STOP_WITHDRAWN.refuse(stop=id)
        return stop
    if withdrawn_on > circumstances.today():
        raise REQUEST_IN_FUTURE.refuse()
    if withdrawn_on < received_on(stop):
        raise WITHDRAWN_TOO_EARLY.refuse()
    stop.withdrawn_on = withdrawn_on
    session.flush()
    _book(session, circumstances, stop.hospital, Scope(stop.regimes), count=0, withdrawn=1)
    return stop


def check_identity(session: Session, circumstances: Circumstances, id: str, how: IdentityCheck) -> Stop:
    """Record how the desk made sure who asks; the first record stands. Refuses: stop-unknown."""
    stop = get(session, id)
    if stop.identity_check is None:
        stop.identity_check, stop.identity_checked_by = how.value, circumstances.actor
        session.flush()
    return stop


def consent(session: Session, circumstances: Circumstances, id: str, consented_on: date) -> Stop:
    """Record that the requester agreed to an electromagnetic record in place of the document, before it is delivered (Act 53(2)).

    Refuses: stop-unknown, acknowledgement-recorded, stop-date-future.
    """
    stop = get(session, id)
    if stop.acknowledged_on is not None:
        raise ACKNOWLEDGED.refuse(stop=id)
    if consented_on > circumstances.today():
        raise REQUEST_IN_FUTURE.refuse()
    stop.consented_on = consented_on
    session.flush()
    return stop


def inform(session: Session, circumstances: Circumstances, id: str, informed_on: date) -> Stop:
    """Record that the hospital was told of a request that the operator took; the first record stands. Refuses: stop-unknown, stop-date-future."""
    stop = get(session, id)
    if informed_on > circumstances.today():
        raise REQUEST_IN_FUTURE.refuse()
    if stop.informed_on is None:
        stop.informed_on = informed_on
        session.flush()
    return stop


def acknowledge(session: Session, circumstances: Circumstances, id: str, delivered_on: date, form: Form) -> Stop:
    """Record that the document was delivered; electronically only with consent that was recorded before.

    Refuses: stop-unknown, acknowledgement-recorded, acknowledgement-without-consent, stop-date-future. Source: Act 53(1)(2), Reg 51.
    """
    stop = get(session, id)
    if stop.acknowledged_on is not None:
        raise ACKNOWLEDGED.refuse(stop=id)
    if delivered_on > circumstances.today():
        raise REQUEST_IN_FUTURE.refuse()
    if form is Form.ELECTRONIC and (stop.consented_on is None or stop.consented_on > delivered_on):
        raise NO_CONSENT.refuse()
    stop.acknowledged_on, stop.acknowledgement_form = delivered_on, form.value
    session.flush()
    _book(session, circumstances, stop.hospital, Scope(stop.regimes), count=0, acknowledged=1)
    return stop


def void(session: Session, circumstances: Circumstances, id: str, reason: str) -> Stop:
    """The request turned out to be another person's: it is as if it had not been put on this registration. Only `stop_matches` decides that.

    Refuses: stop-unknown.
    """
    stop = get(session, id)
    if not stop.voided:
        stop.voided, stop.void_reason = True, reason
        session.flush()
        _book(session, circumstances, stop.hospital, Scope(stop.regimes), count=0, voided=1)
    return stop


def get(session: Session, id: str) -> Stop:
    """One request. Refuses: stop-unknown."""
    stop = session.get(Stop, id)
    if stop is None:
        raise STOP_UNKNOWN.refuse(stop=id)
    return stop


def unacknowledged(session: Session) -> list[Stop]:
    """Requests whose document has not been delivered, the most pressing first."""
    return list(
        session.scalars(
            sa.select(Stop).where(Stop.acknowledged_on.is_(None), Stop.voided.is_(False)).order_by(Stop.acknowledge_by, Stop.id)
        )
    )


def uninformed(session: Session) -> list[Stop]:
    """Requests of which the hospital has not been told, the most pressing first."""
    return list(
        session.scalars(sa.select(Stop).where(Stop.informed_on.is_(None), Stop.voided.is_(False)).order_by(Stop.inform_by, Stop.id))
    )


def standing_keys(session: Session, today: date, regime: Regime | str = Regime.ANONYMISED, hospital: str | None = None) -> list[str]:
    """Names of all registrations with a request in force under a regime on that day, read from the register alone."""
    stands = sa.or_(Stop.withdrawn_on.is_(None), Stop.withdrawn_on > today)
    query = sa.select(Stop.patient_key).where(stands, Stop.voided.is_(False), Stop.regimes.in_((str(regime), Scope.BOTH.value))).distinct()
    return list(session.scalars(query if hospital is None else query.where(Stop.hospital == hospital)))


def received_on(stop: Stop) -> date:
    """The day the request was received: as the hospital states it, else the day it reached the operator."""
    return stop.requested_on or stop.received_at.astimezone(JAPAN).date()


def _scope(name: Scope | str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        raise SCOPE_UNKNOWN.refuse() from None


def _id(hospital: str, patient_key: str, scope: Scope, on: date, requester: str, again: int = 0) -> str:
    """The same request has the same ID, so that a list sent twice does not count twice."""
    told = (hospital, patient_key, scope.value, on.isoformat(), requester, *([str(again)] if again else []))
    return "stop-" + hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:32]


def _reception(circumstances: Circumstances, hospital: str, scope: Scope, by_hospital: bool) -> dict[str, object]:
    today = circumstances.today()
    return {
        "voided": False,
        "inform_by": today + timedelta(days=INFORM_WITHIN_DAYS),
        "informed_on": today if by_hospital else None,
        "hospital": hospital,
        "regimes": scope.value,
        "received_at": circumstances.now(),
        "received_by": circumstances.actor,
        "acknowledge_by": today + timedelta(days=ACKNOWLEDGE_WITHIN_DAYS),
    }


def _count(session: Session, hospital: str) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Stop).where(Stop.hospital == hospital)) or 0


def _book(session: Session, circumstances: Circumstances, hospital: str, scope: Scope, **counts: int) -> None:
    facts: dict[str, object] = {"hospital": hospital, **counts}
    if scope is not Scope.BOTH:
        facts["regime"] = scope.value
    book.append(session, circumstances, kinds.STOPS_REGISTERED, f"hospital/{hospital}", facts)
