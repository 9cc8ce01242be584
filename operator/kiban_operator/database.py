"""管理データベース (control data): one SQLAlchemy base, SQLite (WAL) by default, PostgreSQL in production.

Tables live in the file of their noun; this file knows none of them. A transaction is serialised where it must be: SQLite takes
its write lock at BEGIN, so a reader never upgrades into a deadlock; on PostgreSQL the ledger takes an advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session


class Moment(sa.TypeDecorator[datetime]):
    """A point in time, stored and returned in UTC; a time without zone is a bug and raises ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All control tables; constraint names are fixed so that migrations can name them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def connect(url: str) -> sa.Engine:
    """An engine whose transactions are durable when they return (SQLite: WAL, synchronous FULL)."""
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": 60})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
        return engine
    return sa.create_engine(url, pool_pre_ping=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READING) else "BEGIN IMMEDIATE")


_READING = "kiban_reading"


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """One consistent view for long reading, which keeps no writer waiting; it is rolled back at the end, whatever was done in it."""
    with Session(engine.execution_options(**{_READING: True}), expire_on_commit=False) as session:
        yield session
        session.expunge_all()  # what was read stays readable: a rollback forgets everything the session still holds
        session.rollback()


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[Session]:
    """One transaction: commits when the block ends, rolls back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def settle(engine: sa.Engine) -> None:
    """Let what was overwritten be nowhere in the database's own files: SQLite folds its log into the file (which overwrites what it frees),
    PostgreSQL sweeps the rows of destroyed keys. Backups and archived logs are the administrator's."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        else:
            connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            cursor.execute("VACUUM wrapped_keys, vault_files, registrations, person_memberships")
            connection.driver_connection.autocommit = False  # type: ignore[union-attr]
        cursor.close()
    finally:
        connection.close()
