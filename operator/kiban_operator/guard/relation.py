"""判定表 (relation): the transfer guard over many registrations at once, in DuckDB: the same clauses, fresh facts from the registers.

Facts come in as Arrow batches; the connection needs no access to files or addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import programmes
from kiban_operator.guard import coverage, judgement, rules
from kiban_operator.notice_register import Notice
from kiban_operator.notices import NoticeVersion
from kiban_operator.optouts import Stop
from kiban_operator.programmes import Programme, Regime

BATCH = 50_000
_NOTICES = pa.schema(
    [
        ("patient_key", pa.string()),
        ("version", pa.string()),
        ("given_on", pa.date32()),
        ("guardian_given_on", pa.date32()),
        ("lacks_capacity", pa.bool_()),
    ]
)
_STOPS = pa.schema([("patient_key", pa.string()), ("stopped", pa.bool_()), ("withdrawn_on", pa.date32())])
_VERSIONS = pa.schema([("version", pa.string()), ("filed_on", pa.date32()), ("wait_days", pa.int64()), ("covers", pa.list_(pa.string()))])
_STEPS = tuple(programmes.COLUMNS.values())
_PROGRAMME = pa.schema([("today", pa.date32()), *((column, pa.date32()) for column in _STEPS)])


def register_facts(con: duckdb.DuckDBPyConnection, session: Session, hospital: str, regime: Regime | str, today: date) -> None:
    """Lay out what the registers say of one hospital under one regime on a day: `guard_programme` (one row, with `today`),
    `guard_versions`, `guard_notices`, `guard_stops`. Earlier facts on the connection are replaced.

    Refuses: regime-unknown. A hospital without programme gets one without any date, hence nobody is eligible.
    """
    regime = programmes.regime_named(regime)
    programme = session.get(Programme, (hospital, regime.value))
    steps = tuple(getattr(programme, column) if programme else None for column in _STEPS)
    _put(con, "guard_programme", _PROGRAMME, iter([[(today, *steps)]]))
    versions = session.execute(
        sa.select(NoticeVersion.version, NoticeVersion.filed_on, NoticeVersion.wait_days, NoticeVersion.covers).where(
            NoticeVersion.hospital == hospital, NoticeVersion.regime == regime.value
        )
    ).all()
    _put(con, "guard_versions", _VERSIONS, iter([[tuple(row) for row in versions]]))
    notices = sa.select(Notice.patient_key, Notice.version, Notice.given_on, Notice.guardian_given_on, Notice.lacks_capacity).where(
        Notice.hospital == hospital, Notice.regime == regime.value
    )
    _put(con, "guard_notices", _NOTICES, _stream(session, notices))
    stands = sa.or_(Stop.withdrawn_on.is_(None), Stop.withdrawn_on > today)
    stops = (
        sa.select(Stop.patient_key, sa.func.max(sa.case((stands, 1), else_=0)), sa.func.max(Stop.withdrawn_on))
        .where(Stop.hospital == hospital, Stop.regimes.in_((regime.value, "both")), Stop.voided.is_(False))
        .group_by(Stop.patient_key)
    )
    _put(con, "guard_stops", _STOPS, ([(key, bool(flag), on) for key, flag, on in rows] for rows in _stream(session, stops)))


def rule(
    con: duckdb.DuckDBPyConnection,
    patients_relation: str,
    table_items: Mapping[str, Sequence[str]],
    also: str | None = None,
    stored: bool = False,
    name: str = "guard_verdicts",
) -> str:
    """Rule on every registration and table; returns the name of a relation with one row per `patient_key, table_name`:
    `ground` (code, null when eligible), `curable`, `eligible_on`, `notice_version`.

    `patients_relation`: patient_key, birth_date DATE, death_date DATE; where a key has several rows that differ, the latest birth and the
    earliest death of those stated count: whichever asks for more. `also`: a relation whose `patient_key`s are ruled on too; those without
    a patient row are `not-registered`. `table_items`: columns present in each table's rows. `stored`: the question is about using what is
    held, so clauses on receipt alone are left out. `register_facts` comes before, on the same connection.
    Refuses: undeclared-item.
    """
    shapes = {table: coverage.qualified(table, columns) for table, columns in table_items.items()}
    return rule_shapes(con, patients_relation, shapes, also, stored, name)


def rule_shapes(
    con: duckdb.DuckDBPyConnection,
    patients_relation: str,
    shapes: Mapping[str, frozenset[str]],
    also: str | None = None,
    stored: bool = False,
    name: str = "guard_verdicts",
) -> str:
    """As `rule`, for sets of qualified items under any label; the label stands in `table_name`."""
    _lay_out_scopes(con, shapes, name)
    keys = f"SELECT patient_key FROM {patients_relation}" + (f" UNION SELECT patient_key FROM {also}" if also else "")
    clauses = list(enumerate(rules.RULES))
    step = " ".join(
        f"WHEN coalesce(({clause.sql}), true) THEN {number}" for number, clause in clauses if not (stored and clause.on_receipt)
    )
    codes = ", ".join(f"'{clause.ground.code}'" for clause in rules.RULES)
    curable = ", ".join("true" if clause.curable else "false" for clause in rules.RULES)
    waiting, eligible = judgement.WAITING, judgement.ELIGIBLE
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_rulings AS
        WITH keys AS (SELECT DISTINCT patient_key FROM ({keys})),
        registrations AS (
            SELECT patient_key, min(death_date) AS death_date, max(birth_date) AS birth_date
            FROM {patients_relation} GROUP BY patient_key),
        given AS (
            SELECT n.*, v.filed_on, v.wait_days, c.scope, c.covered
            FROM guard_notices n JOIN guard_versions v USING (version) JOIN {name}_coverage c USING (version)),
        facts AS (
            SELECT k.patient_key, e.scope, p.*, r.patient_key IS NOT NULL AS registered, r.birth_date, r.death_date,
                coalesce(s.stopped, false) AS stopped, s.withdrawn_on,
                g.version, g.given_on, g.guardian_given_on, g.lacks_capacity, g.filed_on, g.wait_days, g.covered
            FROM keys k
            CROSS JOIN (SELECT DISTINCT scope FROM {name}_scopes) e
            CROSS JOIN guard_programme p
            LEFT JOIN registrations r ON r.patient_key = k.patient_key
            LEFT JOIN guard_stops s ON s.patient_key = k.patient_key
            LEFT JOIN given g ON g.patient_key = k.patient_key AND g.scope = e.scope),
        guarded AS (SELECT *, {rules.NEEDS_GUARDIAN_SQL} AS needs_guardian FROM facts),
        cases AS (SELECT *, {rules.COMPLETE_ON_SQL} AS complete_on FROM guarded),
        placed AS (
            SELECT patient_key, scope, version, filed_on, CASE {step} ELSE {eligible} END AS step,
                least(complete_on + wait_days::INTEGER, DATE '9999-12-31') AS elapses
            FROM cases),
        best AS (
            SELECT * FROM placed QUALIFY row_number() OVER (
                PARTITION BY patient_key, scope
                ORDER BY step DESC,
                    CASE step WHEN {eligible} THEN -epoch_ms(filed_on) WHEN {waiting} THEN epoch_ms(elapses) ELSE 0 END,
                    version DESC, elapses) = 1)
        SELECT patient_key, scope, ([{codes}])[step + 1] AS ground, coalesce(([{curable}])[step + 1], true) AS curable,
            CASE WHEN step >= {waiting} THEN elapses END AS eligible_on,
            CASE WHEN step >= {waiting} THEN version END AS notice_version
        FROM best""")
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW {name} AS
        SELECT patient_key, table_name, ground, curable, eligible_on, notice_version
        FROM {name}_rulings JOIN {name}_scopes USING (scope)""")
    return name


def _lay_out_scopes(con: duckdb.DuckDBPyConnection, shapes: Mapping[str, frozenset[str]], name: str) -> None:
    """Tables that the same versions cover are ruled on once: they share a scope."""
    versions = con.execute("SELECT version, covers FROM guard_versions ORDER BY version").fetchall()
    covering = {label: tuple(coverage.covers(set(covered), items) for _, covered in versions) for label, items in sorted(shapes.items())}
    scopes = {pattern: number for number, pattern in enumerate(sorted(set(covering.values())))}
    scope_rows = [(label, scopes[pattern]) for label, pattern in covering.items()]
    coverage_rows = [
        (version, number, covered) for pattern, number in scopes.items() for (version, _), covered in zip(versions, pattern, strict=True)
    ]
    _put(con, f"{name}_scopes", pa.schema([("table_name", pa.string()), ("scope", pa.int64())]), iter([scope_rows]))
    schema = pa.schema([("version", pa.string()), ("scope", pa.int64()), ("covered", pa.bool_())])
    _put(con, f"{name}_coverage", schema, iter([coverage_rows]))


def _stream(session: Session, query: sa.Select[*tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    result = session.execute(query.execution_options(yield_per=BATCH))
    for rows in result.partitions(BATCH):
        yield [tuple(row) for row in rows]


def _put(con: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, batches: Iterator[Sequence[tuple[object, ...]]]) -> None:
    con.register("guard_incoming", schema.empty_table())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM guard_incoming")
    for rows in batches:
        if not rows:
            continue
        columns = [pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
        con.register("guard_incoming", pa.table(columns, schema=schema))
        con.execute(f"INSERT INTO {name} SELECT * FROM guard_incoming")
    con.unregister("guard_incoming")
