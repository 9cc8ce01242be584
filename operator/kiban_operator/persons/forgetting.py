"""来歴の消去 (forgetting): the history of who was whom, and every doubt that people settled, stop naming registrations that are erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import cases
from kiban_operator.circumstances import Circumstances
from kiban_operator.persons.doubts import CLOSED, DOUBT, Doubt, DoubtAnswer, DoubtReason
from kiban_operator.persons.register import Membership, Registration
from kiban_operator.roles import SYSTEM, Role

_AT_ONCE = 500


def forget(session: Session, circumstances: Circumstances, gone: frozenset[str] | None) -> int:
    """Empty the history of registrations (None: of all) and every doubt about one of them, and close it; returns rows removed or emptied.

    What was settled, by whom and when, stays as state, events and digests in the ledger; it names nobody any more and acts no more.
    """
    removed = 0
    for part in [None] if gone is None else parts(gone):
        where = sa.true() if part is None else Membership.patient_key.in_(part)
        removed += session.execute(sa.delete(Membership).where(where)).rowcount  # type: ignore[attr-defined]
    concerned = [
        doubt
        for doubt, registrations, apart in session.execute(sa.select(Doubt.id, Doubt.registrations, Doubt.apart).order_by(Doubt.id))
        if registrations and (gone is None or gone & {*registrations, *apart})
    ]
    for doubt in concerned:
        _empty(session, circumstances, session.get_one(Doubt, doubt))
    return removed + len(concerned)


def traces(session: Session, gone: frozenset[str] | None) -> int:
    """Rows of the register, the history and the doubts that still name registrations (None: anybody)."""
    doubts = session.execute(sa.select(Doubt.registrations, Doubt.apart)).all()
    found = sum(1 for registrations, apart in doubts if ({*registrations, *apart} if gone is None else gone & {*registrations, *apart}))
    for row in (Registration, Membership):
        for part in [None] if gone is None else parts(gone):
            where = sa.true() if part is None else row.patient_key.in_(part)
            found += session.scalar(sa.select(sa.func.count()).select_from(row).where(where)) or 0
    return found


def _empty(session: Session, circumstances: Circumstances, doubt: Doubt) -> None:
    before, version = doubt.state, doubt.version
    session.execute(sa.delete(DoubtReason).where(DoubtReason.doubt == doubt.id))
    session.execute(sa.update(DoubtAnswer).where(DoubtAnswer.doubt == doubt.id).values(apart=[]))
    doubt.registrations, doubt.apart, doubt.reasons, doubt.weights = [], [], [], []
    doubt.evidence, doubt.weight = None, None
    if before == CLOSED:
        return
    doubt.state, doubt.version, doubt.closed_because = CLOSED, version + 1, "erased"
    content: dict[str, Any] = {"because": "erased"}
    session.add(
        cases.Event(
            aggregate=f"{DOUBT.name}/{doubt.id}", version=version + 1, command="close", role=Role.SYS.value, state_before=before,
            state_after=CLOSED, actor=SYSTEM.id, at=circumstances.now(), content=content,
        )
    )  # fmt: skip


def parts(keys: Iterable[str]) -> list[list[str]]:
    """Keys in order, as many at once as a statement takes."""
    ordered = sorted(keys)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
