"""本人の異動 (events): persons merged, split or gone, each with the run and, where people or a departure caused it, with that cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.database import Base, Moment
from kiban_processing.linkage.persons import Event


class Cause(StrEnum):
    """What brought the change about: the evidence of the data, a decision of people, or registrations that left."""

    LINKAGE = "linkage"
    DECISION = "decision"
    DEPARTURE = "departure"


class PersonEvent(Base):
    """A person's identity changed: `other` merged into `person`, registrations split from `person` to `other`, or `person` gone."""

    __tablename__ = "person_events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    linkage: Mapped[str] = mapped_column(sa.String(40), index=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    person: Mapped[str] = mapped_column(sa.String(40), index=True)
    other: Mapped[str | None] = mapped_column(sa.String(40), index=True)
    cause: Mapped[str] = mapped_column(sa.String(10))
    doubt: Mapped[str | None] = mapped_column(sa.String(40))
    at: Mapped[datetime] = mapped_column(Moment)


def note(
    session: Session, linkage: str, at: datetime, changes: Iterable[Event], decided: Mapping[frozenset[str], str], left: frozenset[str]
) -> None:
    """Keep the merges, splits and ends of one run.

    `decided`: pair of persons → the doubt whose decision joined or parted them; `left`: persons of whom a registration left in this run.
    """
    kept: list[dict[str, object]] = []
    for change in changes:
        if change.kind == "new":
            continue
        doubt = decided.get(frozenset({change.person, change.other or ""}))
        cause = Cause.DECISION if doubt else Cause.DEPARTURE if change.person in left else Cause.LINKAGE
        kept.append(
            {"linkage": linkage, "kind": change.kind, "person": change.person, "other": change.other, "cause": cause.value, "doubt": doubt, "at": at}
        )  # fmt: skip
    if kept:
        session.execute(sa.insert(PersonEvent), kept)


def of_person(session: Session, person: str) -> list[PersonEvent]:
    """Every event that names the person, in order."""
    query = sa.select(PersonEvent).where(sa.or_(PersonEvent.person == person, PersonEvent.other == person))
    return list(session.scalars(query.order_by(PersonEvent.id)))
