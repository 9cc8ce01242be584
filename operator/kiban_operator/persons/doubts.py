"""疑わしい組 (doubts): what the model may not decide and two people must: whether two clusters are one person, whether one person is two.

An item is a pair of clusters (本人の組), shown through its strongest pair of registrations; or a person reported as over-merged; or a link
drawn as a sample. It is ranked by the harm to be expected from leaving it as it is. Source: law.md, requirement 16; Reg 5(vii).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases, machine
from kiban_operator.database import Base, Moment
from kiban_operator.machine import NEW, rows
from kiban_operator.roles import Role
from kiban_processing.language import Text

OPEN, ANSWERED, DISPUTED, SETTLED, QUESTIONED, CLOSED = "OPEN", "ANSWERED", "DISPUTED", "SETTLED", "QUESTIONED", "CLOSED"
WAITING = (OPEN, ANSWERED, DISPUTED)
STANDING = (SETTLED, QUESTIONED)
"""States in which the outcome acts: a decision that is questioned stands until it is revoked."""

_ANSWER = ("own-answer-only-once", "not-reporter", "still-registered", "answer-complete")

DOUBT = machine.Table(
    "doubt",
    Text("疑わしい組の判定", "settling of a doubt"),
    {
        OPEN: Text("未判定", "open"),
        ANSWERED: Text("一人目の判定済み", "one person has answered"),
        DISPUTED: Text("不一致(三人目を待つ)", "two disagree; a third is awaited"),
        SETTLED: Text("確定", "settled"),
        QUESTIONED: Text("見直し中", "revocation asked for"),
        CLOSED: Text("終了", "closed without a decision"),
    },
    {
        "raise": Text("登載", "raise"),
        "report": Text("誤統合の報告", "report a person as over-merged"),
        "draw": Text("標本の抽出", "draw as a sample"),
        "answer": Text("一人目の判定", "first answer"),
        "agree": Text("二人目の判定(一致)", "second answer, which agrees"),
        "disagree": Text("二人目の判定(不一致)", "second answer, which disagrees"),
        "resolve": Text("三人目の判定", "third answer"),
        "question": Text("確定の見直しの求め", "ask for the decision's revocation"),
        "uphold": Text("確定の維持", "uphold the decision"),
        "revoke": Text("確定の取消し", "revoke the decision"),
        "close": Text("終了", "close"),
    },
    (
        *rows(NEW, "raise", Role.SYS, OPEN),
        *rows(NEW, "report", Role.PR, OPEN, "reason-fit", entry="case.moved"),
        *rows(NEW, "draw", Role.PR, OPEN, entry="case.moved"),
        *rows(OPEN, "answer", Role.PR, ANSWERED, *_ANSWER, "reason-fit", entry="case.moved"),
        *rows(ANSWERED, "agree", Role.PR, SETTLED, *_ANSWER, "reason-fit", "no-contradiction", entry="doubt.settled"),
        *rows(ANSWERED, "disagree", Role.PR, DISPUTED, *_ANSWER, "reason-fit", entry="case.moved"),
        *rows(DISPUTED, "resolve", Role.PR, SETTLED, *_ANSWER, "reason-fit", "no-contradiction", entry="doubt.settled"),
        *rows(SETTLED, "question", Role.PR, QUESTIONED, "reason-fit", entry="case.moved"),
        *rows(QUESTIONED, "uphold", Role.PR, SETTLED, "not-questioner", "reason-fit", entry="case.moved"),
        *rows(QUESTIONED, "revoke", Role.PR, OPEN, "not-questioner", "reason-fit", entry="doubt.revoked"),
        *rows((*WAITING, *STANDING), "close", Role.SYS, CLOSED),  # a settled one when a registration of it is erased
    ),
    frozenset({CLOSED}),
)


class Kind(StrEnum):
    """Two clusters that may be one person; one person who may be several; a link of the model, drawn for review."""

    MERGE = "merge"
    SPLIT = "split"
    SAMPLE = "sample"


class Answer(StrEnum):
    """判定: one person, several persons, or not to be told."""

    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot-tell"


class Doubt(cases.Case, Base):
    """疑わしい組. `registrations`: the pair shown, or all of a person reported; `apart`: of a settled split, those who are somebody else.

    `left_person`, `right_person`: the persons it stands between at the last run (equal for a split or a sample); `evidence`: digest of
    the registrations of both; `round`: how often it was opened; `weight`, `reasons`, `weights`: as the model saw it, None for a report.
    """

    __tablename__ = "doubts"
    kind: Mapped[str] = mapped_column(sa.String(8))
    registrations: Mapped[list[str]] = mapped_column(sa.JSON)
    left_person: Mapped[str] = mapped_column(sa.String(40), index=True)
    right_person: Mapped[str] = mapped_column(sa.String(40), index=True)
    evidence: Mapped[str | None] = mapped_column(sa.String(64))
    weight: Mapped[float | None]
    reasons: Mapped[list[str]] = mapped_column(sa.JSON)
    weights: Mapped[list[float]] = mapped_column(sa.JSON)
    harm: Mapped[float]
    sample: Mapped[str | None] = mapped_column(sa.String(40), index=True)
    stratum: Mapped[str | None] = mapped_column(sa.String(20))
    raised_by: Mapped[str] = mapped_column(sa.String(40))
    raised_at: Mapped[datetime] = mapped_column(Moment)
    linkage: Mapped[str | None] = mapped_column(sa.String(40))
    round: Mapped[int]
    outcome: Mapped[str | None] = mapped_column(sa.String(12))
    apart: Mapped[list[str]] = mapped_column(sa.JSON)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    questioned_by: Mapped[str | None] = mapped_column(sa.String(40))
    closed_because: Mapped[str | None] = mapped_column(sa.String(12))
    __table_args__ = (sa.CheckConstraint("state NOT IN ('SETTLED', 'QUESTIONED') OR outcome IS NOT NULL", name="settled_with_outcome"),)


class DoubtAnswer(Base):
    """一人の判定: who answered what, in which round and at which place; the keys let nobody answer twice. `salt`: of its digest in the event."""

    __tablename__ = "doubt_answers"
    doubt: Mapped[str] = mapped_column(sa.ForeignKey("doubts.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
    person: Mapped[str] = mapped_column(sa.String(40))
    answer: Mapped[str] = mapped_column(sa.String(12))
    apart: Mapped[list[str]] = mapped_column(sa.JSON)
    salt: Mapped[str] = mapped_column(sa.String(32))
    at: Mapped[datetime] = mapped_column(Moment)
    __table_args__ = (sa.UniqueConstraint("doubt", "round", "person"),)


class DoubtReason(Base):
    """理由: what somebody wrote beside a step (`version`) of a doubt; the event holds its digest, so that the words can be erased alone."""

    __tablename__ = "doubt_reasons"
    doubt: Mapped[str] = mapped_column(sa.ForeignKey("doubts.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(sa.Text)
    salt: Mapped[str] = mapped_column(sa.String(32))


def load(session: Session, doubt_id: str, lock: bool = False) -> Doubt:
    """The doubt as it stands. Refuses: unknown-case."""
    return cases.load(session, Doubt, DOUBT, doubt_id, lock)


def waiting(session: Session) -> list[Doubt]:
    """What people have still to settle, the greatest harm first."""
    return list(session.scalars(sa.select(Doubt).where(Doubt.state.in_(WAITING)).order_by(Doubt.harm.desc(), Doubt.id)))


def every(session: Session) -> list[Doubt]:
    return list(session.scalars(sa.select(Doubt).order_by(Doubt.harm.desc(), Doubt.id)))


def answers(session: Session, doubt: Doubt) -> list[DoubtAnswer]:
    """The answers of the present round, in order."""
    query = sa.select(DoubtAnswer).where(DoubtAnswer.doubt == doubt.id, DoubtAnswer.round == doubt.round)
    return list(session.scalars(query.order_by(DoubtAnswer.place)))


def reasons_of(session: Session, doubt: Doubt) -> dict[int, str]:
    """Version of each step → what was written beside it, as far as it is not erased."""
    query = sa.select(DoubtReason.version, DoubtReason.reason).where(DoubtReason.doubt == doubt.id)
    return {version: reason for version, reason in session.execute(query.order_by(DoubtReason.version))}


def may_see(given: list[DoubtAnswer], doubt: Doubt, person: str) -> bool:
    """Whether a person may see others' answers and the model's weight: not before they have given their own (目隠し)."""
    return doubt.state not in WAITING or any(answer.person == person for answer in given)


def outcome(given: list[tuple[Answer, frozenset[str]]]) -> tuple[Answer, frozenset[str]] | None:
    """What answers settle: two equal ones; after a third without any two equal, that it cannot be told. None: not settled yet.

    >>> same, other = (Answer.SAME, frozenset[str]()), (Answer.DIFFERENT, frozenset[str]())
    >>> outcome([same]), outcome([same, other]), outcome([same, other, other])
    (None, None, (<Answer.DIFFERENT: 'different'>, frozenset()))
    """
    for answer in given:
        if given.count(answer) >= 2:
            return answer
    return (Answer.CANNOT_TELL, frozenset()) if len(given) >= 3 else None


@dataclass(frozen=True)
class Raised:
    """A doubt as a run finds it, before it has a number."""

    registrations: tuple[str, str]
    persons: tuple[str, str]
    evidence: str
    weight: float
    reasons: list[str]
    weights: list[float]
    harm: float

    def as_columns(self) -> Mapping[str, Any]:
        return {
            "registrations": list(self.registrations), "left_person": self.persons[0], "right_person": self.persons[1],
            "evidence": self.evidence, "weight": self.weight, "reasons": self.reasons, "weights": self.weights, "harm": self.harm,
        }  # fmt: skip
