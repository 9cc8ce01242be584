"""判定待ちの列 (queue): after each run, the doubts that stand between today's clusters: new ones raised, answered ones kept, idle ones closed.

A run raises and closes in bulk, as the system; the run's own ledger entry counts them. What two people settled is not asked again: a pair
held to be two persons never, one that could not be told only when either side has gained or lost a registration.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import cases, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.machine import NEW
from kiban_operator.persons.doubts import CLOSED, DOUBT, OPEN, STANDING, WAITING, Answer, Doubt, DoubtReason, Kind, Raised
from kiban_operator.programmes import Regime
from kiban_operator.roles import SYSTEM, Role

_STORED = pa.schema(
    [("id", pa.string()), ("kind", pa.string()), ("state", pa.string()), ("version", pa.int64()), ("outcome", pa.string()), ("evidence", pa.string()),
     ("registrations", pa.list_(pa.string()))]
)  # fmt: skip
_DOUBTS: sa.Table = Doubt.__table__  # type: ignore[assignment]
_EVENTS: sa.Table = cases.Event.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class Queued:
    """What a run made of the queue: numbers waiting now, raised anew, and closed."""

    waiting: int
    raised: int
    closed: int


def renew(session: Session, circumstances: Circumstances, con: duckdb.DuckDBPyConnection, linkage: str) -> Queued:
    """Bring the queue in step with the tables `assigned` (registration, person) and `linkage_pairs` (as `links.PAIRS`) of the engine."""
    _lay_stored(session, con)
    _lay_found(con)
    found = {(left, right): _raised(value) for left, right, value in con.execute("SELECT * FROM doubt_found ORDER BY ALL").fetchall()}
    closing: list[tuple[str, str, int, str]] = []
    renewed: list[dict[str, Any]] = []
    taken: set[tuple[str, str]] = set()
    for doubt, kind, state, version, because, left, right in con.execute(_STILL).fetchall():
        between = (left, right)
        if because is None and kind == Kind.MERGE and (between not in found or between in taken):
            because = "no-doubt"
        if because is not None:
            closing.append((doubt, state, version, because))
            continue
        if kind == Kind.MERGE:
            taken.add(between)
        unseen = state == OPEN and kind == Kind.MERGE  # what somebody has answered already stays as they saw it
        changed = found[between].as_columns() if unseen else {"left_person": left, "right_person": right}
        renewed.append({"id": doubt, **changed})
    for rows in (each for each in (_alike(renewed, True), _alike(renewed, False)) if each):
        session.execute(sa.update(Doubt), rows)
    _close(session, circumstances, closing)
    fresh = [raised for between, raised in found.items() if between not in taken]
    _raise(session, circumstances, fresh, linkage)
    number = session.scalar(sa.select(sa.func.count()).select_from(Doubt).where(Doubt.state.in_(WAITING))) or 0
    return Queued(number, len(fresh), len(closing))


def _alike(rows: list[dict[str, Any]], whole: bool) -> list[dict[str, Any]]:
    return [row for row in rows if ("weight" in row) == whole]


def _lay_stored(session: Session, con: duckdb.DuckDBPyConnection) -> None:
    """doubt_stored: what waits or stands, one row per doubt; doubt_members: its registrations with their persons now, None where gone."""
    query = sa.select(Doubt.id, Doubt.kind, Doubt.state, Doubt.version, Doubt.outcome, Doubt.evidence, Doubt.registrations)
    stored = session.execute(query.where(Doubt.state.in_((*WAITING, *STANDING))).order_by(Doubt.id)).all()
    columns = list(zip(*stored, strict=True)) if stored else [()] * len(_STORED)
    con.register("doubts_kept", pa.table([list(column) for column in columns], schema=_STORED))
    con.execute("CREATE OR REPLACE TEMP TABLE doubt_stored AS SELECT * FROM doubts_kept")
    con.unregister("doubts_kept")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE doubt_members AS
        SELECT m.id, m.registration, a.person FROM (SELECT id, unnest(registrations) AS registration FROM doubt_stored) m
        LEFT JOIN assigned a USING (registration)
    """)


def _lay_found(con: duckdb.DuckDBPyConnection) -> None:
    """doubt_found (person_left, person_right, raised): one row per pair of clusters that the run doubts and nobody has settled.

    The harm of leaving two clusters apart: the chance that they are one person times the pairs of registrations that stay unlinked.
    """
    # Each step is a table of the engine's own, whose size it knows; of Arrow data, or of a query within a query, it guesses badly.
    con.execute("""
        CREATE OR REPLACE TEMP TABLE doubt_pairs AS
        SELECT "left", "right", weight, reasons, weights FROM linkage_pairs WHERE decision = 'review';
        CREATE OR REPLACE TEMP TABLE doubt_strongest AS
        WITH sided AS (
            SELECT CASE WHEN l.person < r.person THEN p."left" ELSE p."right" END AS one,
                   CASE WHEN l.person < r.person THEN p."right" ELSE p."left" END AS other,
                   least(l.person, r.person) AS person_left, greatest(l.person, r.person) AS person_right, p.weight, p.reasons, p.weights
            FROM doubt_pairs p JOIN assigned l ON l.registration = p."left" JOIN assigned r ON r.registration = p."right"
            WHERE l.person <> r.person)
        SELECT * FROM sided QUALIFY row_number() OVER (PARTITION BY person_left, person_right ORDER BY weight DESC, one, other) = 1;
        CREATE OR REPLACE TEMP TABLE doubt_persons AS SELECT person_left AS person FROM doubt_strongest UNION SELECT person_right FROM doubt_strongest;
        CREATE OR REPLACE TEMP TABLE doubt_clusters AS
        SELECT person, count(*) AS size, string_agg(registration, ',' ORDER BY registration) AS members
        FROM assigned SEMI JOIN doubt_persons USING (person) GROUP BY person;
        CREATE OR REPLACE TEMP TABLE doubt_between AS
        SELECT s.*, l.size * r.size / (1 + pow(2, -s.weight)) AS harm, sha256(l.members || '/' || r.members) AS evidence
        FROM doubt_strongest s JOIN doubt_clusters l ON l.person = s.person_left JOIN doubt_clusters r ON r.person = s.person_right;
    """)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE doubt_settled AS
        SELECT d.outcome, d.evidence, min(m.person) AS person_left, max(m.person) AS person_right
        FROM doubt_stored d JOIN doubt_members m USING (id)
        WHERE d.state IN ('{"', '".join(STANDING)}') AND d.kind <> '{Kind.SPLIT}' AND d.outcome <> '{Answer.SAME}'
        GROUP BY d.id, d.outcome, d.evidence HAVING count(m.person) = 2;
        CREATE OR REPLACE TEMP TABLE doubt_found AS
        SELECT person_left, person_right,
               to_json(struct_pack(one, other, person_left, person_right, evidence, weight, reasons, weights, harm)) AS raised
        FROM doubt_between
        ANTI JOIN (SELECT person_left, person_right FROM doubt_settled WHERE outcome = '{Answer.DIFFERENT}') d USING (person_left, person_right)
        ANTI JOIN (SELECT person_left, person_right, evidence FROM doubt_settled) s USING (person_left, person_right, evidence);
    """)


# A doubt of which a registration has left is closed; so is a pair that is one person by now, and a reported person who is no longer one.
_STILL = f"""
    SELECT d.id, d.kind, d.state, d.version,
           CASE WHEN count(m.person) < count(*) THEN 'gone'
                WHEN d.kind = '{Kind.MERGE}' AND min(m.person) = max(m.person) THEN 'linked'
                WHEN d.kind = '{Kind.SPLIT}' AND min(m.person) <> max(m.person) THEN 'parted' END AS because,
           min(m.person) AS person_left, max(m.person) AS person_right
    FROM doubt_stored d JOIN doubt_members m USING (id)
    WHERE d.state IN ('{"', '".join(WAITING)}')
    GROUP BY d.id, d.kind, d.state, d.version ORDER BY d.state = '{OPEN}', d.id
"""


def _raised(value: str) -> Raised:
    read: dict[str, Any] = json.loads(value)
    return Raised(
        (read["one"], read["other"]), (read["person_left"], read["person_right"]), read["evidence"], read["weight"], read["reasons"],
        read["weights"], read["harm"],
    )  # fmt: skip


def _raise(session: Session, circumstances: Circumstances, fresh: Sequence[Raised], linkage: str) -> None:
    if not fresh:
        return
    now = circumstances.now()
    same = {
        "kind": Kind.MERGE.value, "state": OPEN, "version": 1, "round": 1, "raised_by": SYSTEM.id, "raised_at": now, "linkage": linkage,
        "apart": [], "sample": None, "stratum": None, "outcome": None, "settled_at": None, "questioned_by": None, "closed_because": None,
    }  # fmt: skip
    rows = [{"id": circumstances.token("D"), **same, **each.as_columns()} for each in fresh]
    session.execute(sa.insert(_DOUBTS), rows)
    session.execute(sa.insert(_EVENTS), [_event(circumstances, row["id"], 1, "raise", NEW, OPEN, {"linkage": linkage}) for row in rows])


def _close(session: Session, circumstances: Circumstances, closing: Sequence[tuple[str, str, int, str]]) -> None:
    if not closing:
        return
    rows = [{"id": doubt, "state": CLOSED, "version": version + 1, "closed_because": why} for doubt, _, version, why in closing]
    session.execute(sa.update(Doubt), rows)
    session.execute(
        sa.insert(_EVENTS),
        [_event(circumstances, doubt, version + 1, "close", state, CLOSED, {"because": why}) for doubt, state, version, why in closing],
    )


def _event(
    circumstances: Circumstances, doubt: str, version: int, command: str, before: str, after: str, content: dict[str, str]
) -> dict[str, Any]:  # fmt: skip
    return {
        "aggregate": f"{DOUBT.name}/{doubt}", "version": version, "command": command, "role": Role.SYS.value, "state_before": before,
        "state_after": after, "actor": SYSTEM.id, "at": circumstances.now(), "content": content,
    }  # fmt: skip


def forget_reasons(session: Session, circumstances: Circumstances, left: frozenset[str]) -> int:
    """Erase what people wrote about registrations that left because of a request to stop; their keys stay. Returns the number of doubts."""
    if not left:
        return 0
    stopped = {key for regime in Regime for key in optouts.standing_keys(session, circumstances.today(), regime)}
    concerned = [
        doubt_id
        for doubt_id, registrations in session.execute(sa.select(Doubt.id, Doubt.registrations))
        if left & stopped & set(registrations)
    ]
    if concerned:
        session.execute(sa.delete(DoubtReason).where(DoubtReason.doubt.in_(concerned)))
    return len(concerned)
