"""通知前の死亡 (deaths before notice): who was told to have died before the notice, so that nothing of them enters later (Act 52(1)).

The row that told it is not kept, because it may not be received; but the fact must outlive it, or rows that were held, and those that
come in a later submission without the date, would be let in. Kept is the registration's name in control data and nothing else: neither
the day nor the person. A mistake of the hospital's is put right by the operator, not by sending again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.guard import rules

TABLE = "died_before"
EARLIEST = date(1868, 1, 1)  # stands for the day in the guard: before every notice there can be
_SCHEMA = pa.schema([("patient_key", pa.string()), ("death_date", pa.date32())])
_BATCH = 20_000


class DeathBeforeNotice(Base):
    """One registration that can never be eligible under its notices; `told_at`: when a submission said so."""

    __tablename__ = "deaths_before_notice"
    hospital: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    patient_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    told_at: Mapped[datetime] = mapped_column(Moment)


def lay_out(con: duckdb.DuckDBPyConnection, session: Session, hospital: str | None = None) -> None:
    """Make `died_before` (patient_key, death_date) of a hospital, or of all, readable in the engine; the date is one before every notice."""
    query = sa.select(DeathBeforeNotice.patient_key)
    keys = list(session.scalars(query if hospital is None else query.where(DeathBeforeNotice.hospital == hospital)))
    con.register("died_part", pa.table([keys, [EARLIEST] * len(keys)], schema=_SCHEMA))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT * FROM died_part")
    con.unregister("died_part")


def ruled(con: duckdb.DuckDBPyConnection, rulings: str) -> list[str]:
    """Registrations that the guard has just found to have died before their notice."""
    found = con.execute(
        f"SELECT DISTINCT patient_key FROM {rulings} WHERE ground = ? ORDER BY patient_key", [rules.DIED_BEFORE_NOTICE.code]
    )
    return [str(row[0]) for row in found.fetchall()]


def remember(session: Session, circumstances: Circumstances, hospital: str, patient_keys: Sequence[str]) -> None:
    """Keep the fact, in the transaction that leaves the telling rows out; what is known already stays as it was."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    now = circumstances.now()
    for start in range(0, len(patient_keys), _BATCH):
        rows = [{"hospital": hospital, "patient_key": key, "told_at": now} for key in patient_keys[start : start + _BATCH]]
        session.execute(insert(DeathBeforeNotice).on_conflict_do_nothing(), rows)


def every(session: Session) -> Iterable[tuple[str, str, datetime]]:
    """hospital, patient_key, told_at of all."""
    query = sa.select(DeathBeforeNotice.hospital, DeathBeforeNotice.patient_key, DeathBeforeNotice.told_at)
    return [(hospital, key, at) for hospital, key, at in session.execute(query)]


def count(session: Session, *, keys: Iterable[str] | None = None, hospital: str | None = None) -> int:
    """How many are remembered: of some registrations, of a hospital, or of all."""
    return sum(
        session.scalar(sa.select(sa.func.count()).select_from(DeathBeforeNotice).where(where)) or 0 for where in _where(keys, hospital)
    )


def forget(session: Session, *, keys: Iterable[str] | None = None, hospital: str | None = None) -> int:
    """Erase what is remembered of some registrations, of a hospital, or of all; returns their number."""
    return sum(session.execute(sa.delete(DeathBeforeNotice).where(where)).rowcount for where in _where(keys, hospital))  # type: ignore[attr-defined]


def _where(keys: Iterable[str] | None, hospital: str | None) -> list[sa.ColumnElement[bool]]:
    if keys is None:
        return [sa.true() if hospital is None else DeathBeforeNotice.hospital == hospital]
    ordered = sorted(keys)
    return [DeathBeforeNotice.patient_key.in_(ordered[start : start + 500]) for start in range(0, len(ordered), 500)]
