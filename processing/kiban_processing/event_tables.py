"""事象の表 (event tables): rows of one table for the persons of the release: keys, shifted dates, settled codes, clipped numbers.

Set-based throughout; only distinct codes ever reach Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.connection import Connection
from kiban_processing.hierarchies import codes
from kiban_processing.outcome import CodeOutcome, MeasurementOutcome, ReleasedColumn, ReleaseSecrets, TableOutcome, released
from kiban_processing.permitted import Treatment
from kiban_processing.plan import ColumnPlan, Plan, TablePlan
from kiban_processing.principal import principal_sql as principal_sql
from kiban_processing.transforms import dates, identifiers, keys, measurements, rarity

HOSPITAL = "hospital"  # where a source has this column, linking codes of two hospitals never meet


@dataclass(frozen=True)
class Settled:
    """The labels of one code column, as engine table `name` (code, label), with what became of the codes."""

    name: str
    outcome: CodeOutcome


def settle(con: Connection, plan: Plan, column: ColumnPlan, source: str, persons: str) -> Settled:
    """The released label of every code of a column, counted over the persons of the relation `persons` (column `person`).

    Source: Reg 18(iv).
    """
    value = dialect.quoted(column.name)
    joined = f"{source} s JOIN {persons} p ON p.person = s.person"
    rows = con.execute(
        f"SELECT s.{value}, count(DISTINCT s.person), count(*) FROM {joined} WHERE s.{value} IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    system = tables.named(column.qualified).code_system
    paths = {code: codes.path(system, code) for code, _, _ in rows}
    own = {code: persons_of for code, persons_of, _ in rows}
    counted: dict[str, int] = {}

    def holders(members: Mapping[str, Sequence[str]]) -> dict[str, int]:
        found = {label: max(own[code] for code in under) for label, under in members.items()}  # never more than the truth
        unsure = {label: under for label, under in members.items() if len(under) > 1 and found[label] < plan.rare_persons}
        if unsure:
            pairs = [(code, label) for label, under in unsure.items() for code in under]
            con.register("settling", pa.table({"code": [code for code, _ in pairs], "label": [label for _, label in pairs]}))
            found.update(
                con.execute(
                    f"SELECT m.label, count(DISTINCT s.person) FROM {joined} JOIN settling m ON m.code = s.{value} GROUP BY m.label"
                ).fetchall()
            )
            con.unregister("settling")
        counted.update(found)
        return found

    settled = rarity.settle(paths, holders, plan.rare_persons)
    name = f"settled_{column.table}_{column.name}"
    con.register("settled_rows", pa.table({"code": list(settled), "label": pa.array(list(settled.values()), pa.string())}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT CAST(code AS VARCHAR) AS code, label FROM settled_rows")
    con.unregister("settled_rows")
    gone = {code for code, label in settled.items() if label is None}
    wider = {code for code, label in settled.items() if label is not None and label != paths[code][0]}
    outcome = CodeOutcome(
        column.table,
        column.name,
        plan.rare_persons,
        len(settled),
        len(wider),
        len(gone),
        sum(number for code, _, number in rows if code in wider),
        sum(number for code, _, number in rows if code in gone),
        min((counted[label] for label in settled.values() if label is not None), default=0),
    )
    return Settled(name, outcome)


def decisive(table: TablePlan) -> tuple[ColumnPlan, ...]:
    """The code columns that decide whether a row has lost all it said; a unit or a department says nothing by itself."""
    return tuple(
        column
        for column in table.released
        if column.treatment is Treatment.GENERALISE_RARE and tables.named(column.qualified).kind is Kind.SENSITIVE_VALUE
    )


def remaining(table: TablePlan, source: str, settled: Mapping[str, Settled]) -> str:
    """The relation of the rows that stay: all but those that had a code, lost it, and have none left.

    Needs the labels of the decisive columns; what is counted of the other columns is counted over these rows.
    """
    columns = [column for column in decisive(table) if column.name in settled]
    if not columns:
        return source
    joins, lost, left = "", [], []
    for number, column in enumerate(columns):
        value = f"s.{dialect.quoted(column.name)}"
        joins += f" LEFT JOIN {settled[column.name].name} d{number} ON d{number}.code = {value}"
        lost.append(f"({value} IS NOT NULL AND d{number}.label IS NULL)")
        left.append(f"d{number}.label IS NULL")
    return f"(SELECT s.* FROM {source} s{joins} WHERE NOT (({' OR '.join(lost)}) AND {' AND '.join(left)}))"


def release(
    con: Connection,
    plan: Plan,
    table: TablePlan,
    source: str,
    persons: str,
    everyone: str,
    settled: Mapping[str, Settled],
    secrets: ReleaseSecrets,
) -> tuple[TableOutcome, tuple[MeasurementOutcome, ...]]:
    """Leave `released_<table>`. `persons`: person, pseudonym, shift_weeks of those who stay; `everyone`: person of all who were judged;
    `settled`: column → its labels."""
    columns = {column.name: column for column in table.released if column.name in identifiers.surviving(table)}
    has_hospital = HOSPITAL in {row[0] for row in con.execute(f"DESCRIBE {source}").fetchall()}
    selected = ["p.pseudonym AS person"]
    joins: list[str] = []
    for name, column in columns.items():
        value = f"s.{dialect.quoted(name)}"
        expression = value
        match column.treatment:
            case Treatment.REKEY:
                hospital = f"coalesce(s.{HOSPITAL}, '')" if has_hospital else "''"
                expression = keys.rekeyed_sql(name, hospital, "s.person", value)
            case Treatment.SHIFT:
                expression = dates.shifted_sql(value, "p.shift_weeks")
            case Treatment.SHIFT_YEAR:
                expression = dates.shifted_year_sql(value, "p.shift_weeks")
            case Treatment.GENERALISE_RARE:
                alias = f"g{len(joins)}"
                joins.append(f"LEFT JOIN {settled[name].name} {alias} ON {alias}.code = {value}")
                expression = f"{alias}.label"
        selected.append(f"{expression} AS {dialect.quoted(name)}")
    work = f"work_{table.name}"
    parameters = keys.pads("pseudonym", secrets.pseudonym) if any(c.treatment is Treatment.REKEY for c in columns.values()) else {}
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {work} AS SELECT {', '.join(selected)} FROM {remaining(table, source, settled)} s JOIN {persons} p ON p.person = s.person "
        f"{' '.join(joins)}",
        parameters,
    )
    measured = tuple(_clip(con, plan, column, table, work) for column in columns.values() if column.treatment is Treatment.CLIP)
    _write(con, plan, table, columns, work)
    con.execute(f"DROP TABLE {work}")
    return _counted(con, table, columns, source, persons, everyone), measured


def _bounds_name(column: ColumnPlan) -> str:
    return f"bounds_{column.table}_{column.name}"


def _clip(con: Connection, plan: Plan, column: ColumnPlan, table: TablePlan, work: str) -> MeasurementOutcome:
    by = measurements.grouping(column, table)
    name, value = _bounds_name(column), dialect.quoted(column.name)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {measurements.bounds_sql(work, value, by, plan.clip, plan.rare_persons)}")
    listed = ", ".join(["1", *(dialect.quoted(one) for one in by)])
    counts = con.execute(
        f"SELECT count(*), count(*) FILTER (WHERE b.low IS NULL), count(*) FILTER (WHERE {value} < b.low OR {value} > b.high) "
        f"FROM {work} w LEFT JOIN {name} b ON {_agree(by)} WHERE {value} IS NOT NULL"
    ).fetchone() or (0, 0, 0)
    groups = con.execute(f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {work} WHERE {value} IS NOT NULL)").fetchone() or (0,)
    enough = con.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,)
    return MeasurementOutcome(
        column.table, column.name, by, plan.rare_persons, groups[0], groups[0] - enough[0], counts[0], counts[2], counts[1]
    )


def _agree(by: Sequence[str], bounds: str = "b") -> str:
    return " AND ".join(dialect.same(f"w.{dialect.quoted(one)}", f"{bounds}.group_{number}") for number, one in enumerate(by)) or "TRUE"


def _write(con: Connection, plan: Plan, table: TablePlan, columns: Mapping[str, ColumnPlan], work: str) -> None:
    selected = ["w.person"]
    joins: list[str] = []
    for name, column in columns.items():
        value = f"w.{dialect.quoted(name)}"
        if column.treatment is Treatment.CLIP:
            alias = f"b{len(joins)}"
            joins.append(f"LEFT JOIN {_bounds_name(column)} {alias} ON {_agree(measurements.grouping(column, table), alias)}")
            value = (
                f"CASE WHEN {alias}.low IS NULL OR {value} IS NULL THEN NULL ELSE least(greatest({value}, {alias}.low), {alias}.high) END"
            )
        selected.append(f"{value} AS {dialect.quoted(name)}")
    con.execute(f"CREATE OR REPLACE TABLE {released(table.name)} AS SELECT {', '.join(selected)} FROM {work} w {' '.join(joins)}")
    for column in columns.values():
        con.execute(f"DROP TABLE IF EXISTS {_bounds_name(column)}")


def _counted(
    con: Connection, table: TablePlan, columns: Mapping[str, ColumnPlan], source: str, persons: str, everyone: str
) -> TableOutcome:
    before, known, staying = con.execute(
        f"SELECT count(*), count(e.person), count(p.person) FROM {source} s LEFT JOIN {everyone} e ON e.person = s.person "
        f"LEFT JOIN {persons} p ON p.person = s.person"
    ).fetchone() or (0, 0, 0)
    after = (con.execute(f"SELECT count(*) FROM {released(table.name)}").fetchone() or (0,))[0]
    types = {row[0]: row[1] for row in con.execute(f"DESCRIBE {released(table.name)}").fetchall()}
    described = tuple(
        ReleasedColumn(
            name,
            types[name],
            (column.qualified,),
            column.treatment,
            sensitive=tables.named(column.qualified).kind is Kind.SENSITIVE_VALUE,
        )
        for name, column in columns.items()
    )
    return TableOutcome(table.name, described, before, after, 0, known - staying, before - known, staying - after)
