"""提供の枠組み (programme): how far one hospital is under one regime, from contract to filing, publication, start and end (Act 52, 57).

The state is derived from the dates of the steps and never stored, so that no state can be set that the steps do not support.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import hospitals
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, ACT_52_3, ACT_57_1, REG_48_2


class Regime(StrEnum):
    """Under which law data are received; what is received under one cannot be used under the other (Act 18, 34)."""

    ANONYMISED = "A"  # 匿名加工医療情報, Act 52
    PSEUDONYMISED = "P"  # 仮名加工医療情報, Act 57


class Step(StrEnum):
    """手順: what happens to a programme, in the order the law prescribes."""

    CONTRACT = "contract"
    FILED = "filed"
    MINISTERS_PUBLISHED = "ministers-published"
    OWN_PUBLISHED = "own-published"
    STARTS = "starts"
    ENDED = "ended"


class State(StrEnum):
    """状態 of a programme on a day."""

    DRAFT = "draft"
    CONTRACTED = "contracted"
    FILED = "filed"
    MINISTER_PUBLISHED = "minister-published"
    INSTITUTION_PUBLISHED = "institution-published"
    PROVIDING = "providing"
    ENDED = "ended"


REGIME_UNKNOWN = Ground(
    "regime-unknown",
    Family.INPUT,
    ACT_57_1,
    Text("「{regime}」という区分はありません。", "There is no regime “{regime}”."),
    Text("A(匿名加工)又は P(仮名加工)を指定してください。", "Give A (anonymised) or P (pseudonymised)."),
)
STEP_UNKNOWN = Ground(
    "programme-step-unknown",
    Family.INPUT,
    ACT_52_1,
    Text("「{step}」という手順はありません。", "There is no step “{step}”."),
    Text(
        "contract, filed, ministers-published, own-published, starts, ended のいずれかを指定してください。",
        "Give contract, filed, ministers-published, own-published, starts or ended.",
    ),
)
STEP_TOO_EARLY = Ground(
    "programme-step-out-of-order",
    Family.LAW,
    ACT_52_3,
    Text(
        "手順「{step}」は「{before}」の後でなければ記録できません。",
        "The step “{step}” can be recorded only after “{before}”, and not with an earlier date.",
    ),
    Text("先に「{before}」を記録し、日付の前後を確かめてください。", "Record “{before}” first, and check the order of the dates."),
)
STEP_RECORDED = Ground(
    "programme-step-recorded",
    Family.STATE,
    ACT_52_1,
    Text(
        "手順「{step}」は別の日付又は番号ですでに記録されています。", "The step “{step}” is recorded already, with another date or number."
    ),
    Text(
        "記録を確かめてください。予定の変更は新しい通知と届出を要します。",
        "Check the record; a changed plan needs a new notice and filing.",
    ),
)
STEP_IN_FUTURE = Ground(
    "programme-step-in-future",
    Family.INPUT,
    ACT_52_1,
    Text("手順「{step}」の日付が未来です。", "The date of the step “{step}” lies in the future."),
    Text(
        "済んだことだけを記録してください(開始日・終了日は予定でもかまいません)。",
        "Record what has happened; only start and end may be planned.",
    ),
)
FILING_NUMBER_MISSING = Ground(
    "filing-number-missing",
    Family.INPUT,
    REG_48_2,
    Text("届出番号がありません。", "The filing number is missing."),
    Text("様式第四十三の届出の受付番号を添えてください。", "Give the number under which Form 43 was received."),
)
PROGRAMME_UNKNOWN = Ground(
    "programme-unknown",
    Family.STATE,
    ACT_52_1,
    Text("{hospital} には区分 {regime} の枠組みがありません。", "{hospital} has no programme under regime {regime}."),
    Text("先に契約を記録してください。", "Record the contract first."),
)


class Programme(Base):
    """One hospital under one regime. Dates are those of the acts themselves, not of their entry here."""

    __tablename__ = "programmes"
    hospital: Mapped[str] = mapped_column(sa.ForeignKey("hospitals.id"), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(1), sa.CheckConstraint("regime IN ('A', 'P')", name="regime"), primary_key=True)
    contract_on: Mapped[date | None]
    form43_filed_on: Mapped[date | None]
    filing_number: Mapped[str | None] = mapped_column(sa.String(100))
    ministers_published_on: Mapped[date | None]
    own_published_on: Mapped[date | None]
    starts_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    changed_at: Mapped[datetime] = mapped_column(Moment)
    changed_by: Mapped[str] = mapped_column(sa.String(100))


COLUMNS: dict[Step, str] = {
    Step.CONTRACT: "contract_on",
    Step.FILED: "form43_filed_on",
    Step.MINISTERS_PUBLISHED: "ministers_published_on",
    Step.OWN_PUBLISHED: "own_published_on",
    Step.STARTS: "starts_on",
    Step.ENDED: "ended_on",
}
REACHES: dict[Step, State] = {
    Step.CONTRACT: State.CONTRACTED,
    Step.FILED: State.FILED,
    Step.MINISTERS_PUBLISHED: State.MINISTER_PUBLISHED,
    Step.OWN_PUBLISHED: State.INSTITUTION_PUBLISHED,
    Step.STARTS: State.PROVIDING,
    Step.ENDED: State.ENDED,
}
_AFTER: dict[Step, Step] = {
    Step.FILED: Step.CONTRACT,
    Step.MINISTERS_PUBLISHED: Step.FILED,
    Step.OWN_PUBLISHED: Step.MINISTERS_PUBLISHED,
    Step.STARTS: Step.OWN_PUBLISHED,
    Step.ENDED: Step.CONTRACT,  # a hospital may leave before it ever began to provide
}
_MAY_BE_PLANNED = frozenset({Step.STARTS, Step.ENDED})


def regime_named(name: str) -> Regime:
    """The regime A or P. Refuses: regime-unknown."""
    try:
        return Regime(name)
    except ValueError:
        raise REGIME_UNKNOWN.refuse(regime=name) from None


def step_named(name: str) -> Step:
    """The step of that name. Refuses: programme-step-unknown."""
    try:
        return Step(name)
    except ValueError:
        raise STEP_UNKNOWN.refuse(step=name) from None


def record(
    session: Session,
    circumstances: Circumstances,
    hospital: str,
    regime: Regime | str,
    step: Step | str,
    on: date,
    filing_number: str | None = None,
) -> Programme:
    """Record that a step was taken; the same step with the same date again changes nothing.

    `filing_number` belongs to the step `filed` alone. Each regime has its own programme: a filing under A is none under P.
    Refuses: hospital-unknown, regime-unknown, programme-step-unknown, programme-step-out-of-order, programme-step-recorded,
    programme-step-in-future, filing-number-missing. Source: Act 52(1)(3), 57; Reg 48(2), 49, 50.
    """
    regime, step = regime_named(regime), step_named(step)
    hospitals.get(session, hospital)
    number = (filing_number or "").strip() or None if step is Step.FILED else None
    if step is Step.FILED and number is None:
        raise FILING_NUMBER_MISSING.refuse()
    if step not in _MAY_BE_PLANNED and on > circumstances.today():
        raise STEP_IN_FUTURE.refuse(step=step)
    programme = session.get(Programme, (hospital, regime.value))
    recorded: date | None = getattr(programme, COLUMNS[step]) if programme else None
    if programme is not None and recorded is not None:
        if recorded != on or (number is not None and number != programme.filing_number):
            raise STEP_RECORDED.refuse(step=step)
        return programme
    before = _AFTER.get(step)
    if before is not None:
        earlier: date | None = getattr(programme, COLUMNS[before]) if programme else None
        if earlier is None or on < earlier:
            raise STEP_TOO_EARLY.refuse(step=step, before=before)
    was = state(programme, circumstances.today()) if programme else State.DRAFT
    if programme is None:
        programme = Programme(hospital=hospital, regime=regime.value)
        session.add(programme)
    setattr(programme, COLUMNS[step], on)
    if number is not None:
        programme.filing_number = number
    programme.changed_at, programme.changed_by = circumstances.now(), circumstances.actor
    session.flush()
    facts = {"hospital": hospital, "regime": regime.value, "from": was.value, "to": REACHES[step].value, "effective_on": on.isoformat()}
    book.append(session, circumstances, kinds.PROGRAMME_CHANGED, f"hospital/{hospital}", facts)
    return programme


def find(session: Session, hospital: str, regime: Regime | str) -> Programme | None:
    return session.get(Programme, (hospital, regime_named(regime).value))


def get(session: Session, hospital: str, regime: Regime | str) -> Programme:
    """The programme. Refuses: programme-unknown."""
    programme = find(session, hospital, regime)
    if programme is None:
        raise PROGRAMME_UNKNOWN.refuse(hospital=hospital, regime=str(regime))
    return programme


def list_all(session: Session) -> list[Programme]:
    """All programmes, by hospital and regime."""
    return list(session.scalars(sa.select(Programme).order_by(Programme.hospital, Programme.regime)))


def state(programme: Programme, today: date) -> State:
    """How far the programme is on a day: the furthest step reached without a gap; an end, once reached, ends it.

    A start or an end that lies ahead has not been reached.
    """

    def reached(step: Step) -> bool:
        on: date | None = getattr(programme, COLUMNS[step])
        return on is not None and on <= today

    if reached(Step.ENDED):
        return State.ENDED
    furthest = State.DRAFT
    for step, then in REACHES.items():
        if not reached(step):
            break
        furthest = then
    return furthest
