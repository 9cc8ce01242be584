"""事象の表 (event tables): rows of one table for the persons of the release: keys, shifted dates, settled codes, clipped numbers.

Set-based throughout; only distinct codes ever reach Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.connection import Connection
from kiban_processing.hierarchies import codes
from kiban_processing.outcome import CodeOutcome, MeasurementOutcome, ReleasedColumn, ReleaseSecrets, TableOutcome, released
from kiban_processing.permitted import Treatment
from kiban_processing.plan import ColumnPlan, Plan, TablePlan
from kiban_processing.transforms import dates, identifiers, keys, measurements, rarity

HOSPITAL = "hospital"  # where a source has this column, linking codes of two hospitals never meet


@dataclass(frozen=True)
class Settled:
    """The labels of one code column, as engine table `name` (code, label), with what became of the codes.

    `gone`: engine table person, code of the cells that were suppressed for one person only.
    """

    name: str
    outcome: CodeOutcome
    gone: str | None = None

    def label(self, value: str, alias: str) -> tuple[str, str]:
        """The expression of a code's label, and the joins it needs beside the alias `s` of the rows."""
        joins = f" LEFT JOIN {self.name} {alias} ON {alias}.code = {value}"
        if self.gone is None:
            return f"{alias}.label", joins
        joins += f" LEFT JOIN {self.gone} {alias}_gone ON {alias}_gone.person = s.person AND {alias}_gone.code = {value}"
        return f"CASE WHEN {alias}_gone.code IS NULL THEN {alias}.label END", joins


def settle(con: Connection, plan: Plan, column: ColumnPlan, source: str, persons: str) -> Settled:
    """The released label of every code of a column, counted over the persons of the relation `persons` (column `person`).

    Source: Reg 18(iv).
    """
    value = dialect.quoted(column.name)
    joined = f"{source} s JOIN {persons} p ON p.person = s.person"
    rows = counted(con, column, source, persons)
    system = tables.named(column.qualified).code_system
    paths = {code: codes.path(system, code) for code, _, _ in rows}
    own = {code: persons_of for code, persons_of, _ in rows}
    held: dict[str, int] = {}

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
        held.update(found)
        return found

    settled = rarity.settle(paths, holders, plan.rare_persons)
    fewest = min((held[label] for label in settled.values() if label is not None), default=0)
    return store(con, plan, column, rows, paths, settled, fewest)


def counted(con: Connection, column: ColumnPlan, source: str, persons: str) -> list[tuple[str, int, int]]:
    """Code, persons, rows of every code of a column, in order."""
    value = f"s.{dialect.quoted(column.name)}"
    query = f"SELECT {value}, count(DISTINCT s.person), count(*) FROM {source} s JOIN {persons} p ON p.person = s.person"
    return con.execute(f"{query} WHERE {value} IS NOT NULL GROUP BY {value} ORDER BY {value}").fetchall()


def store(
    con: Connection,
    plan: Plan,
    column: ColumnPlan,
    rows: Sequence[tuple[str, int, int]],
    paths: Mapping[str, Sequence[str]],
    settled: Mapping[str, str | None],
    fewest: int,
) -> Settled:
    """Leave the labels as an engine table. `rows`: as `counted` gives them; `fewest`: persons who hold the rarest label."""
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
        fewest,
    )
    return Settled(name, outcome)


def remaining(table: TablePlan, source: str, settled: Mapping[str, Settled]) -> str:
    """The relation of the rows that stay: all but those that had a code, lost it, and have none left.

    Needs the labels of the decisive columns; what is counted of the other columns is counted over these rows.
    """
    stay, joins, _ = _labelled(table, settled)
    return f"(SELECT s.* FROM {source} s{joins} WHERE {stay})" if joins else source


def told(table: TablePlan, source: str, settled: Mapping[str, Settled], columns: Sequence[str]) -> str:
    """The same rows with `person` and `columns` only, codes of the decisive columns as labelled."""
    stay, joins, labels = _labelled(table, settled)
    listed = "".join(f", {labels.get(name, f's.{dialect.quoted(name)}')} AS {dialect.quoted(name)}" for name in columns)
    return f"(SELECT s.person{listed} FROM {source} s{joins} WHERE {stay})"


def _labelled(table: TablePlan, settled: Mapping[str, Settled]) -> tuple[str, str, dict[str, str]]:
    """The condition of the rows that stay, the joins it needs, and the labels of the decisive columns."""
    joins, lost, labels = "", [], {}
    for number, column in enumerate(one for one in table.decisive if one.name in settled):
        value = f"s.{dialect.quoted(column.name)}"
        labels[column.name], joined = settled[column.name].label(value, f"d{number}")
        joins += joined
        lost.append(f"({value} IS NOT NULL AND {labels[column.name]} IS NULL)")
    if not labels:
        return "TRUE", "", {}
    left = " AND ".join(f"{label} IS NULL" for label in labels.values())
    return f"NOT (({' OR '.join(lost)}) AND {left})", joins, labels


@dataclass(frozen=True)
class Kept:
    """The rows of a table that are left after limits on derived quasi-identifiers, and the references that still lead somewhere.

    `relation`: the rows (the source itself where nothing is limited); `references`: linking column → relation person, hospital, value of
    the rows it may lead to; any other reference is emptied, since a number of references tells the number of rows they led to.
    """

    relation: str
    references: Mapping[str, str] = field(default_factory=dict)


def release(
    con: Connection,
    plan: Plan,
    table: TablePlan,
    source: str,
    persons: str,
    everyone: str,
    settled: Mapping[str, Settled],
    secrets: ReleaseSecrets,
    kept: Kept,
) -> tuple[TableOutcome, tuple[MeasurementOutcome, ...]]:
    """Leave `released_<table>`. `persons`: person, pseudonym, shift_weeks of those who stay; `everyone`: person of all who were judged;
    `settled`: column → its labels; `source`: all rows; `kept`: those of persons who stay that are left."""
    columns = {column.name: column for column in table.released if column.name in identifiers.surviving(table)}
    has_hospital = HOSPITAL in {row[0] for row in con.execute(f"DESCRIBE {kept.relation}").fetchall()}
    selected = ["p.pseudonym AS person"]
    joins: list[str] = []
    for name, column in columns.items():
        value = f"s.{dialect.quoted(name)}"
        expression = value
        match column.treatment:
            case Treatment.REKEY:
                hospital = f"coalesce(s.{HOSPITAL}, '')" if has_hospital else "''"
                expression = keys.rekeyed_sql(name, hospital, "s.person", value)
                if name in kept.references:
                    alias = f"r{len(joins)}"
                    joins.append(
                        f"LEFT JOIN {kept.references[name]} {alias} ON {alias}.person = s.person AND {alias}.hospital = {hospital} "
                        f"AND {alias}.value = {value}"
                    )
                    expression = f"CASE WHEN {alias}.value IS NOT NULL THEN {expression} END"
            case Treatment.SHIFT:
                expression = dates.shifted_sql(value, "p.shift_weeks")
            case Treatment.SHIFT_YEAR:
                expression = dates.shifted_year_sql(value, "p.shift_weeks")
            case Treatment.GENERALISE_RARE:
                expression, joined = settled[name].label(value, f"g{len(joins)}")
                joins.append(joined)
        selected.append(f"{expression} AS {dialect.quoted(name)}")
    work = f"work_{table.name}"
    parameters = keys.pads("pseudonym", secrets.pseudonym) if any(c.treatment is Treatment.REKEY for c in columns.values()) else {}
    rows = f"{remaining(table, kept.relation, settled)} s JOIN {persons} p ON p.person = s.person"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {work} AS SELECT {', '.join(selected)} FROM {rows} {' '.join(joins)}", parameters)
    emptied = [name for name in columns if name in kept.references or (name in settled and settled[name].gone is not None)]
    cells = _emptied(con, rows, work, emptied, {name: settled[name].name for name in emptied if name in settled})
    measured = tuple(_clip(con, plan, column, table, work) for column in columns.values() if column.treatment is Treatment.CLIP)
    _write(con, plan, table, columns, work)
    con.execute(f"DROP TABLE {work}")
    limited = 0
    if kept.relation != source:
        limited = _number(con, f"SELECT count(*) FROM {source} s JOIN {persons} p ON p.person = s.person") - _number(
            con, f"SELECT count(*) FROM {kept.relation} s JOIN {persons} p ON p.person = s.person"
        )
    return _counted(con, table, columns, source, persons, everyone, limited, cells), measured


def _emptied(con: Connection, rows: str, work: str, columns: Sequence[str], labels: Mapping[str, str]) -> int:
    """Cells of the rows that stay which had something to say before they were emptied; a code that went for everybody is not counted."""
    cells = 0
    for name in columns:
        value = f"s.{dialect.quoted(name)}"
        had = f"JOIN {labels[name]} had ON had.code = {value} AND had.label IS NOT NULL" if name in labels else ""
        before = _number(con, f"SELECT count({value}) FROM {rows} {had}")
        cells += before - _number(con, f"SELECT count({dialect.quoted(name)}) FROM {work}")
    return cells


def _number(con: Connection, query: str) -> int:
    return int((con.execute(query).fetchone() or (0,))[0])


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
    con: Connection,
    table: TablePlan,
    columns: Mapping[str, ColumnPlan],
    source: str,
    persons: str,
    everyone: str,
    limited: int,
    cells: int,
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
    return TableOutcome(
        table.name,
        described,
        before,
        after,
        0,
        known - staying,
        before - known,
        staying - limited - after,
        rows_limited=limited,
        cells_suppressed=cells,
    )
