"""登録と本人 (register): which registrations are of one person now, and of whom they were at any earlier run (law.md, requirement 16).

Control data know a registration by its `patient_key` alone. A run changes only what changed: the rows of everybody else stay as they
are, so that the cost follows the delta. A run's number is that of its entry in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.database import Base, Moment

BATCH = 20_000
PREVIOUS = pa.schema([("registration", pa.string()), ("person", pa.string())])
LINKED = pa.schema([("hospital", pa.string()), ("patient_key", pa.string()), ("person", pa.string())])

_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class LinkageRun(Base):
    """名寄せの実行: one run; `entry` is the number of its entry in the ledger, and orders runs."""

    __tablename__ = "linkage_runs"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    entry: Mapped[int] = mapped_column(_Number, unique=True)
    at: Mapped[datetime] = mapped_column(Moment)
    report: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Registration(Base):
    """One registration and the person it belongs to now; `linkage`: the run that made it so."""

    __tablename__ = "registrations"
    patient_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    hospital: Mapped[str] = mapped_column(sa.String(40), index=True)
    person: Mapped[str] = mapped_column(sa.String(40), index=True)
    linkage: Mapped[str] = mapped_column(sa.String(40))


class Membership(Base):
    """在籍: a registration was of a person from the run `since` up to, and not with, the run `until` (None: still); never changed after."""

    __tablename__ = "person_memberships"
    patient_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    since: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=False)
    person: Mapped[str] = mapped_column(sa.String(40), index=True)
    until: Mapped[int | None] = mapped_column(_Number)


_MEMBERSHIPS: sa.Table = Membership.__table__  # type: ignore[assignment]
_REGISTRATIONS: sa.Table = Registration.__table__  # type: ignore[assignment]


def known(session: Session) -> pa.Table:
    """Registration and person as they are now, in the order of seniority that `linkage.persons.assign` asks for: the oldest person first.

    A person is as old as the first registration they ever had, also if that one has left since.
    """
    born = sa.select(Membership.person, sa.func.min(Membership.since).label("born")).group_by(Membership.person).subquery()
    query = (
        sa.select(Membership.patient_key, Membership.person)
        .join(born, born.c.person == Membership.person)
        .where(Membership.until.is_(None))
        .order_by(born.c.born, Membership.since, Membership.patient_key)
    )
    parts = session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH)
    return pa.Table.from_batches(
        (pa.record_batch([list(column) for column in zip(*rows, strict=True)], schema=PREVIOUS) for rows in parts), schema=PREVIOUS
    )


@dataclass(frozen=True)
class Change:
    """What a run changed: numbers of registrations that came, left, and went to another person."""

    arrived: int
    left: int
    moved: int


def lay_changes(con: duckdb.DuckDBPyConnection) -> Change:
    """Make `linkage_changes` (registration, site_id, person_before, person) of `assigned`, `places` and `previous`: one row per change."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE linkage_changes AS
        SELECT coalesce(a.registration, p.registration) AS registration, s.site_id, p.person AS person_before, a.person AS person
        FROM assigned a FULL JOIN previous p ON p.registration = a.registration LEFT JOIN places s ON s.registration = a.registration
        WHERE a.person IS DISTINCT FROM p.person ORDER BY 1
    """)
    ((arrived, left, moved),) = con.execute("""
        SELECT count(*) FILTER (person_before IS NULL), count(*) FILTER (person IS NULL),
               count(*) FILTER (person IS NOT NULL AND person_before IS NOT NULL) FROM linkage_changes
    """).fetchall()
    return Change(arrived, left, moved)


def write(session: Session, con: duckdb.DuckDBPyConnection, linkage: str, entry: int) -> None:
    """Carry `linkage_changes` into the register, in batches; an ended membership keeps its row."""
    member, row = _MEMBERSHIPS.c, _REGISTRATIONS.c
    end = sa.update(_MEMBERSHIPS).where(member.patient_key == sa.bindparam("key"), member.until.is_(None)).values(until=entry)
    remove = sa.delete(_REGISTRATIONS).where(row.patient_key == sa.bindparam("key"))
    move = sa.update(_REGISTRATIONS).where(row.patient_key == sa.bindparam("key")).values(person=sa.bindparam("to"), linkage=linkage)
    enter, begin = sa.insert(_REGISTRATIONS), sa.insert(_MEMBERSHIPS)
    connection = session.connection()
    for changes in _batches(con, "SELECT registration, site_id, person_before, person FROM linkage_changes ORDER BY registration"):
        ended = [{"key": registration} for registration, _, before, _ in changes if before is not None]
        gone = [{"key": registration} for registration, _, _, now in changes if now is None]
        moved = [{"key": registration, "to": now} for registration, _, before, now in changes if before is not None and now is not None]
        begun = [{"patient_key": each[0], "since": entry, "person": each[3], "until": None} for each in changes if each[3] is not None]
        new = [
            {"patient_key": registration, "hospital": hospital, "person": now, "linkage": linkage}
            for registration, hospital, before, now in changes
            if before is None
        ]
        for statement, rows in ((end, ended), (remove, gone), (move, moved), (begin, begun), (enter, new)):
            if rows:
                connection.execute(statement, rows)


def _batches(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[tuple[Any, ...]]]:
    rows = con.execute(query)
    while batch := rows.fetchmany(BATCH):
        yield batch


def lay_out(con: duckdb.DuckDBPyConnection, session: Session, name: str) -> None:
    """Make the register readable in the engine as a table `name` (hospital, patient_key, person)."""
    con.register("linked_part", LINKED.empty_table())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM linked_part")
    query = sa.select(Registration.hospital, Registration.patient_key, Registration.person).order_by(Registration.patient_key)
    for rows in session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH):
        con.register("linked_part", pa.table([list(values) for values in zip(*rows, strict=True)], schema=LINKED))
        con.execute(f"INSERT INTO {name} SELECT * FROM linked_part")
    con.unregister("linked_part")


def as_of(session: Session, person: str, entry: int) -> list[str]:
    """The registrations a person consisted of once the run of that entry was done."""
    query = sa.select(Membership.patient_key).where(
        Membership.person == person, Membership.since <= entry, sa.or_(Membership.until.is_(None), Membership.until > entry)
    )
    return sorted(session.scalars(query))


def last_run(session: Session, by: datetime | None = None) -> LinkageRun | None:
    """The newest run, or the newest one done by a moment."""
    query = sa.select(LinkageRun).order_by(LinkageRun.entry.desc()).limit(1)
    return session.scalar(query if by is None else query.where(LinkageRun.at <= by))
