"""通知台帳 (notice register): who was notified with which version, when and by what means, under the patient key only (Act 52, Reg 48).

One row per registration × version × day: a notice given again is a notice of its own and takes nothing from the first. What a newer file
says of a registration and version replaces what was known of it, so that a hospital can correct a date.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import hospitals, programmes, registers, vault
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_operator.notices import NoticeVersion
from kiban_operator.programmes import Regime
from kiban_operator.registers import ImportReport


class Means(StrEnum):
    """通知の方法: an appropriate and reasonable way by which the person can recognise the items (Reg 48(1)(i))."""

    PAPER = "paper"
    POST = "post"
    ELECTRONIC = "electronic"
    OTHER = "other"


class Notice(Base):
    """One individual notice. `guardian_given_on`: when the guardian was notified too; `lacks_capacity`: the person lacks capacity."""

    __tablename__ = "notices"
    hospital: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    regime: Mapped[str] = mapped_column(sa.String(1), primary_key=True)
    patient_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    version: Mapped[str] = mapped_column(sa.String(50), primary_key=True)
    given_on: Mapped[date] = mapped_column(primary_key=True)
    means: Mapped[str] = mapped_column(sa.String(10))
    guardian_given_on: Mapped[date | None]
    lacks_capacity: Mapped[bool]
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    recorded_by: Mapped[str] = mapped_column(sa.String(100))
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["hospital", "regime", "version"],
            ["notice_versions.hospital", "notice_versions.regime", "notice_versions.version"],
        ),
        # A local patient ID in clear would not pass here.
        sa.CheckConstraint("length(patient_key) = 32", name="patient_key"),
    )


REQUIRED = ("local_patient_id", "notice_version", "given_on", "means")
OPTIONAL = ("guardian_given_on", "lacks_capacity")


def import_register(
    session: Session,
    circumstances: Circumstances,
    hospital: str,
    regime: Regime | str,
    path: Path,
    secret: bytes,
    encoding: str | None = None,
    con: duckdb.DuckDBPyConnection | None = None,
) -> ImportReport:
    """Take over a hospital's notice register (CSV); the same file again changes nothing. Rows with a finding are not taken.

    `secret`: the 32 bytes behind the hospital's patient keys. `con`: an engine to work in; by default one in memory alone.
    A notice of the same patient and version that the newer file no longer states is struck. Whether a version is filed is not asked here, but by the guard every day.
    Refuses: hospital-unknown, regime-unknown, register-missing, register-encoding, register-header, register-unreadable.
    Source: Act 52(1)(2), Reg 48(1).
    """
    regime = programmes.regime_named(regime)
    hospitals.get(session, hospital)
    with registers.engine(con) as con:
        registers.load(con, path, REQUIRED, OPTIONAL, encoding)
        registers.read_dates(con, "given_on", "guardian_given_on")
        versions = list(
            session.scalars(
                sa.select(NoticeVersion.version).where(NoticeVersion.hospital == hospital, NoticeVersion.regime == regime.value)
            )
        )
        _inspect(con, circumstances.today(), versions)
        _choose(con, hospital, secret)
        _compare(con, session, hospital, regime)
        counts = dict(con.execute("SELECT fate, count(*) FROM register_notices GROUP BY fate").fetchall())
        found = registers.findings(con)
        (rows,) = con.execute(
            "SELECT (SELECT count(*) FROM register_lines) + (SELECT count(*) FROM register_findings WHERE rule = $rule)",
            {"rule": registers.ROW_WIDTH.code},
        ).fetchall()[0]
        _write(con, session, circumstances, hospital, regime)
        struck = _strike(con, session, hospital, regime)
        registers.forget(con, "register_notices", "register_known", "register_struck")
    added, changed, repeated = (counts.get(fate, 0) for fate in ("added", "changed", "repeated"))
    report = ImportReport(rows, added, changed, repeated, rows - added - changed - repeated, found)
    if added or changed or struck:
        facts: dict[str, object] = {
            "hospital": hospital,
            "regime": regime.value,
            "count": added + changed,
            "changed": changed + struck,
            "repeated": repeated,
        }
        book.append(session, circumstances, kinds.NOTICES_REGISTERED, f"hospital/{hospital}", facts)
    return report


def _inspect(con: duckdb.DuckDBPyConnection, today: date, versions: list[str]) -> None:
    registers.find(con, "local_patient_id", registers.ID_MISSING, "l.local_patient_id IS NULL")
    unknown = "l.notice_version IS NULL OR NOT list_contains($versions::VARCHAR[], l.notice_version)"
    registers.find(con, "notice_version", registers.VERSION_UNKNOWN, unknown, {"versions": versions})
    registers.find_date(con, "given_on", today, needed=True)
    registers.find_date(con, "guardian_given_on", today, needed=False)
    means = ", ".join(f"'{value}'" for value in Means)
    registers.find(con, "means", registers.VALUE_UNKNOWN, f"l.means IS NULL OR l.means NOT IN ({means})")
    registers.find(con, "lacks_capacity", registers.VALUE_UNKNOWN, "l.lacks_capacity NOT IN ('0', '1')")


def _choose(con: duckdb.DuckDBPyConnection, hospital: str, secret: bytes) -> None:
    """One row per patient, version and day: of several, the one that asks for more."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE register_notices AS
        SELECT l.row, {vault.patient_key_sql("$hospital", "l.local_patient_id")} AS patient_key, l.notice_version AS version,
            g.day AS given_on, l.means, b.day AS guardian_given_on, coalesce(l.lacks_capacity = '1', false) AS lacks_capacity,
            'added' AS fate
        FROM register_lines l
        JOIN register_dates g ON g.raw = l.given_on
        LEFT JOIN register_dates b ON b.raw = l.guardian_given_on
        WHERE NOT EXISTS (SELECT 1 FROM register_findings f WHERE f.row = l.row)""",
        {"hospital": hospital, **vault.patient_key_parameters(secret)},
    )
    order = "lacks_capacity DESC, guardian_given_on DESC NULLS FIRST, row"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE register_known AS
        SELECT row FROM register_notices QUALIFY row_number() OVER (PARTITION BY patient_key, version, given_on ORDER BY {order}) > 1""")
    con.execute(
        "INSERT INTO register_findings SELECT row, 'local_patient_id', $rule FROM register_known", {"rule": registers.DUPLICATE.code}
    )
    con.execute("DELETE FROM register_notices WHERE row IN (SELECT row FROM register_known)")


_FACTS = ("means", "guardian_given_on", "lacks_capacity")
_KNOWN = pa.schema(
    [
        ("patient_key", pa.string()),
        ("version", pa.string()),
        ("given_on", pa.date32()),
        ("means", pa.string()),
        ("guardian_given_on", pa.date32()),
        ("lacks_capacity", pa.bool_()),
    ]
)


def _compare(con: duckdb.DuckDBPyConnection, session: Session, hospital: str, regime: Regime) -> None:
    con.register("register_incoming", _KNOWN.empty_table())
    con.execute("CREATE OR REPLACE TEMP TABLE register_known AS SELECT * FROM register_incoming")
    query = sa.select(*(getattr(Notice, field.name) for field in _KNOWN)).where(Notice.hospital == hospital, Notice.regime == regime.value)
    for rows in session.execute(query.execution_options(yield_per=registers.BATCH)).partitions(registers.BATCH):
        columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), _KNOWN, strict=True)]
        con.register("register_incoming", pa.table(columns, schema=_KNOWN))
        con.execute("INSERT INTO register_known SELECT * FROM register_incoming")
    con.unregister("register_incoming")
    same = " AND ".join(f"k.{fact} IS NOT DISTINCT FROM n.{fact}" for fact in ("given_on", *_FACTS))
    con.execute("""UPDATE register_notices n SET fate = 'changed'
        FROM (SELECT DISTINCT patient_key, version FROM register_known) k WHERE k.patient_key = n.patient_key AND k.version = n.version""")
    con.execute(f"""UPDATE register_notices n SET fate = 'repeated'
        FROM register_known k WHERE k.patient_key = n.patient_key AND k.version = n.version AND {same}""")
    con.execute("""CREATE OR REPLACE TEMP TABLE register_struck AS
        SELECT patient_key, version, given_on FROM register_known k
        SEMI JOIN register_notices n USING (patient_key, version)
        ANTI JOIN register_notices m USING (patient_key, version, given_on)""")


def _strike(con: duckdb.DuckDBPyConnection, session: Session, hospital: str, regime: Regime) -> int:
    """Remove the notices that the newer file no longer states of a patient and version it names; returns how many."""
    statement = sa.delete(Notice).where(
        Notice.hospital == hospital,
        Notice.regime == regime.value,
        Notice.patient_key == sa.bindparam("key"),
        Notice.version == sa.bindparam("named"),
        Notice.given_on == sa.bindparam("day"),
    )
    struck = 0
    result = con.execute("SELECT patient_key, version, given_on FROM register_struck ORDER BY ALL")
    while rows := result.fetchmany(registers.BATCH):
        session.connection().execute(statement, [{"key": key, "named": version, "day": day} for key, version, day in rows])
        struck += len(rows)
    return struck


def _write(con: duckdb.DuckDBPyConnection, session: Session, circumstances: Circumstances, hospital: str, regime: Regime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Notice)
    now, actor = circumstances.now(), circumstances.actor
    upsert = statement.on_conflict_do_update(
        index_elements=["hospital", "regime", "patient_key", "version", "given_on"],
        set_={name: statement.excluded[name] for name in (*_FACTS, "recorded_at", "recorded_by")},
    )
    constant = {"hospital": hospital, "regime": regime.value, "recorded_at": now, "recorded_by": actor}
    names = [field.name for field in _KNOWN]
    result = con.execute(f"SELECT {', '.join(names)} FROM register_notices WHERE fate <> 'repeated' ORDER BY patient_key, version")
    while rows := result.fetchmany(registers.BATCH):
        session.connection().execute(upsert, [dict(zip(names, row, strict=True), **constant) for row in rows])
