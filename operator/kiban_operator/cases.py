"""案件 (cases): one step of any aggregate: permission, guards, compare-and-set, event and ledger entry in one transaction.

The order is fixed: who may (state table), then whether it may be (guards), then the change. A step whose row names a guard that was
not judged does not finish: that is a bug, and it fails closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import rfc8785
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import machine
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_operator.roles import Actor
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_6_I

C = TypeVar("C")
Json = Any  # JSON as the database column takes it: the border to the file format

CASE_CHANGED = Ground(
    "case-changed",
    Family.STATE,
    None,
    Text("{aggregate}は、ほかの操作によってすでに変更されています。", "{aggregate} was changed by somebody else in the meantime."),
    Text(
        "最新の状態を見てから、必要であればもう一度行ってください。",
        "Look at its present state, then repeat the step if it is still needed.",
    ),
)
UNKNOWN_CASE = Ground(
    "unknown-case",
    Family.INPUT,
    None,
    Text("{aggregate}はありません。", "There is no {aggregate}."),
    Text("番号を確かめてください。", "Check the number."),
)
OWN_ORGANISATION_ONLY = Ground(
    "own-organisation-only",
    Family.PERMISSION,
    REG_6_I,
    Text("{aggregate}は、ほかの組織の案件です。", "{aggregate} belongs to another organisation."),
    Text("当該組織の人が行ってください。", "A person of that organisation has to do it."),
)
OWN_CASE = Ground(
    "own-case",
    Family.PERMISSION,
    REG_6_I,
    Text("自らの所属する組織の案件 {aggregate} を扱うことはできません。", "Nobody acts on a case of their own organisation: {aggregate}."),
    Text("所属の異なる人に交代してください。", "Hand over to a person of another organisation."),
)


class Case:
    """The columns every aggregate has; `version` counts its steps and is what a step compares before it sets."""

    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(24), index=True)
    version: Mapped[int]


class Event(Base):
    """経過: one step of one case, never changed afterwards; the key makes a second event of the same version impossible."""

    __tablename__ = "case_events"
    aggregate: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    command: Mapped[str] = mapped_column(sa.String(40))
    role: Mapped[str] = mapped_column(sa.String(4))
    state_before: Mapped[str] = mapped_column(sa.String(24))
    state_after: Mapped[str] = mapped_column(sa.String(24))
    actor: Mapped[str] = mapped_column(sa.String(40))
    at: Mapped[datetime] = mapped_column(Moment)
    content: Mapped[dict[str, Json]] = mapped_column(sa.JSON)


class Step:
    """One command on one case, permitted but not yet judged."""

    def __init__(
        self, session: Session, circumstances: Circumstances, actor: Actor, table: machine.Table, case: Any, transition: machine.Transition
    ) -> None:
        self.session = session
        self.circumstances = circumstances
        self.actor = actor
        self.table = table
        self.case = case
        self.transition = transition
        self._judged: set[str] = set()

    @property
    def aggregate(self) -> str:
        return f"{self.table.name}/{self.case.id}"

    def judge(self, guard: str, holds: bool, ground: Ground, **particulars: object) -> None:
        """Judge one guard if this row of the table asks for it; `ground` is the refusal when it does not hold."""
        if guard not in self.transition.guards:
            return
        self._judged.add(guard)
        if not holds:
            raise ground.refuse(**{"aggregate": self.aggregate, **particulars})

    def judge_organisation(self, organisation: str) -> None:
        """The two guards on whose case it is: recipients act on their own cases only, everybody else never does (P1)."""
        own = self.actor.organisation == organisation
        self.judge("own-organisation", own, OWN_ORGANISATION_ONLY)
        self.judge("outside-organisation", not own, OWN_CASE)

    def finish(
        self,
        change: Mapping[str, object] | None = None,
        content: Mapping[str, Json] | None = None,
        facts: Mapping[str, Json] | None = None,
        sealed: Mapping[str, str] | None = None,
        about: str | None = None,
    ) -> None:
        """Set the new state if nobody moved the case since it was read, keep the event, book the entry. Refuses: case-changed.

        `change`: columns of the case's row; `content`: what the event keeps; `facts` and `sealed`: for the ledger (no personal data in
        `facts`), which books it under this case unless `about` names another aggregate. An entry `case.moved` says what moved and carries
        the digest of the event, so that conflicts, opinions and votes cannot be altered afterwards without a trace.
        """
        missing = set(self.transition.guards) - self._judged
        if missing:
            raise RuntimeError(f"{self.table.name} {self.transition.command}: guards not judged: {sorted(missing)}")
        before = self.case.version
        book.lock(self.session)
        self._set(dict(change or {}))
        event = Event(
            aggregate=self.aggregate,
            version=before + 1,
            command=self.transition.command,
            role=self.transition.role.value,
            state_before=self.transition.state,
            state_after=self.transition.to,
            actor=self.actor.id,
            at=self.circumstances.now(),
            content=dict(content or {}),
        )
        self.session.add(event)
        self._flush()
        if self.transition.entry is None:
            return
        kind = kinds.named(self.transition.entry)
        if kind is kinds.CASE_MOVED:
            moved = {"command": event.command, "from": event.state_before, "to": event.state_after, "event": fingerprint(event)}
            book.append(self.session, self.circumstances, kind, self.aggregate, moved)
        else:
            book.append(self.session, self.circumstances, kind, about or self.aggregate, dict(facts or {}), sealed)

    def _set(self, change: dict[str, object]) -> None:
        if self.case.version == 0:
            for name, value in change.items():
                setattr(self.case, name, value)
            self.case.state, self.case.version = self.transition.to, 1
            self.session.add(self.case)
            self._flush()
            return
        row = type(self.case)
        self.session.flush()
        done = self.session.execute(
            sa.update(row)
            .where(row.id == self.case.id, row.version == self.case.version, row.state == self.transition.state)
            .values(state=self.transition.to, version=self.case.version + 1, **change)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]
            raise CASE_CHANGED.refuse(aggregate=self.aggregate)
        self.session.refresh(self.case)

    def _flush(self) -> None:
        try:
            self.session.flush()
        except IntegrityError as error:
            raise CASE_CHANGED.refuse(aggregate=self.aggregate) from error


def fingerprint(event: Event) -> str:
    """The digest of an event as the ledger holds it: canonical JSON of all its columns."""
    body = {
        "aggregate": event.aggregate,
        "version": event.version,
        "command": event.command,
        "role": event.role,
        "from": event.state_before,
        "to": event.state_after,
        "actor": event.actor,
        "at": event.at.astimezone(UTC).isoformat(),
        "content": event.content,
    }
    return digest(body)


def digest(document: Json) -> str:
    """`sha256:` and the digest of the document's canonical JSON (RFC 8785)."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(document)).hexdigest()


def begin(
    session: Session,
    circumstances: Circumstances,
    actor: Actor,
    table: machine.Table,
    case: Any,
    command: str,
    version: int | None = None,
) -> Step:
    """Permission first: a step exists only if the table opens `command` in this state to a role of the actor.

    `version`: what the person saw, if a page or file said so. Refuses: move-not-allowed, case-changed.
    """
    if version is not None and version != case.version:
        raise CASE_CHANGED.refuse(aggregate=f"{table.name}/{case.id}")
    return Step(session, circumstances, actor, table, case, machine.choose(table, case.state, command, actor.roles))


def load(session: Session, row: type[C], table: machine.Table, case_id: str, lock: bool = False) -> C:
    """The case as it stands; `lock` holds it until the transaction ends, for steps of another case that depend on it. Refuses: unknown-case."""
    if lock:
        book.lock(session)  # always before a row's lock, so that two transactions never wait for each other
    case = session.get(row, case_id, with_for_update=True if lock else None, populate_existing=True)
    if case is None:
        raise UNKNOWN_CASE.refuse(aggregate=f"{table.name}/{case_id}")
    return case


def history(session: Session, aggregate: str) -> tuple[Event, ...]:
    """All events of one case in order."""
    return tuple(session.scalars(sa.select(Event).where(Event.aggregate == aggregate).order_by(Event.version)))
