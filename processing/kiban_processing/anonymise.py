"""一表の匿名化 (anonymise): the engine as a tool on its own, one table in, one table and a report out; needs nothing else of kiban.

Counts persons where a column names them, rows otherwise. The released table is read back and its classes are counted again from the
written values; only that count is reported as k. The table lies in clear where the user put it; the engine's spill files, inside the output
folder while it runs, are encrypted.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from kiban_processing import anjana_method, anonymity, dialect, event_tables, spill, table_plan
from kiban_processing.anonymity import Quasi
from kiban_processing.language import Text
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding import demands, lattice, losses
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity
from kiban_processing.recoding.demands import Ground as Distance
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V
from kiban_processing.table_plan import Method, OneTablePlan, Use
from kiban_processing.transforms import keys

TABLE_UNREADABLE = Ground(
    "table-unreadable",
    Family.INPUT,
    None,
    Text("表「{file}」を読めません({why})。", "The table “{file}” cannot be read ({why})."),
    Text(
        "見出し行のあるUTF-8のCSV、又はParquetを指定してください。",
        "Give a CSV in UTF-8 with a header, or a Parquet file.",
    ),
)
PERSON_VARIES = Ground(
    "table-person-varies",
    Family.INPUT,
    REG_18_V,
    Text(
        "{persons}人の準識別子が行によって異なります(列「{person}」で本人を数えています)。",
        "The quasi-identifiers of {persons} persons differ between their rows (persons are counted by column “{person}”).",
    ),
    Text("準識別子を本人ごとに一つの値にしてください。", "Give each person one value of every quasi-identifier."),
)
RECOUNT_FAILED = Ground(
    "table-recount-failed",
    Family.INTEGRITY,
    REG_18_V,
    Text("書き出した表を数え直すと k={k} でした。", "Counted again, the written table has k={k}."),
    Text("出力は削除しました。開発者に報告してください。", "The output was removed. Report this as a defect."),
)

_ROWS, _PEOPLE, _OUT, _POPULATION = "table_rows", "table_people", "table_out", "table_population"


def anonymise_table(
    table_path: Path,
    plan_path: Path,
    out_dir: Path,
    secrets: ReleaseSecrets,
    memory_limit: str = "4GB",
    clock: Callable[[], float] | None = None,
) -> dict[str, object]:
    """Write `data.csv`, `data.parquet` and `report.json` into `out_dir`; gives the report. An empty cell of a CSV is a missing value.

    `clock` (seconds, monotonic) fills `seconds` per stage. Rows are written in the order of their values, never in that of the source.
    Refuses: what `table_plan.read` refuses, table-unreadable, table-column-unplanned, table-column-absent, table-person-varies,
    hierarchy-gap, anonymity-unattainable, table-recount-failed.
    """
    return anonymise(table_path, table_plan.read(plan_path), out_dir, secrets, memory_limit, clock)


def anonymise(
    table_path: Path,
    plan: OneTablePlan,
    out_dir: Path,
    secrets: ReleaseSecrets,
    memory_limit: str = "4GB",
    clock: Callable[[], float] | None = None,
) -> dict[str, object]:
    """The same with a plan at hand."""
    now = clock or (lambda: 0.0)
    out_dir.mkdir(parents=True, exist_ok=True)
    spilled = out_dir / ".spill"
    con = duckdb.connect(config={**spill.CONFIGURATION, "memory_limit": memory_limit})
    try:
        spill.encrypt(con, spilled)
        marks = [now()]
        _load(con, table_path, plan)
        marks.append(now())
        quasi = [Quasi(column.name, column.hierarchy) for column in plan.quasi if column.hierarchy]
        persons = _people(con, plan)
        tuples = anonymity.encode(con, _PEOPLE, quasi, plan.asked, _population(con, plan))
        marks.append(now())
        recoding = _choose(tuples, plan)
        figures = anonymity.figures(tuples, recoding, persons)
        marks.append(now())
        anonymity.keep(con, tuples, recoding)
        _apply(con, plan, quasi, secrets)
        rows, released = _count(con, _ROWS), _count(con, _OUT)
        _write(con, out_dir)
        marks.append(now())
        k = _recount(con, plan, out_dir)
        marks.append(now())
        if released and k < plan.k:
            for name in ("data.csv", "data.parquet"):
                (out_dir / name).unlink()
            raise RECOUNT_FAILED.refuse(k=k)
    finally:
        con.close()
        shutil.rmtree(spilled, ignore_errors=True)
    stages = ("read", "aggregate", "search", "apply", "verify")
    report: dict[str, object] = {
        "method": plan.method.value,
        "k": k,
        "k_asked": plan.k,
        "counted": "persons" if plan.person else "rows",
        "classes": sum(figures.class_sizes.values()),
        "class_sizes": {str(size): number for size, number in sorted(figures.class_sizes.items())},
        "records": rows,
        "released_records": released,
        "suppressed_records": rows - released,
        "suppressed_persons": figures.suppressed if plan.person else None,
        "suppression_limit": plan.suppression_limit,
        "loss_geometric": figures.loss_geometric,
        "loss_arithmetic": figures.loss_arithmetic,
        "node": {one.column: level for one, level in zip(quasi, recoding.node or (), strict=True)},
        "levels": {one.column: one.hierarchy.levels for one in quasi},
        "sensitive": [
            {
                "column": one.column,
                "l_asked": max((model.l for model in one.models if isinstance(model, DistinctDiversity)), default=None),
                "l": distinct,
                "t_asked": min(
                    (model.t for model in one.models if isinstance(model, Closeness) and model.ground is Distance.EQUAL), default=None
                ),
                "t": distance,
                "models": [
                    {"model": demands.called(model), "asked": demands.bound(model), "reached": each if math.isfinite(each) else None}
                    for model, each in zip(one.models, reached, strict=True)
                ],
            }
            for one, (distinct, distance), reached in zip(plan.asked, figures.reached, figures.of_models, strict=True)
        ],
        "seconds": {stage: after - before for stage, before, after in zip(stages, marks, marks[1:], strict=False)} if clock else {},
    }
    (out_dir / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return report


def _load(con: duckdb.DuckDBPyConnection, path: Path, plan: OneTablePlan) -> None:
    source = _read(con, path, plan.separator)
    plan.matched(source.columns)
    try:
        source.create(_ROWS)
    except duckdb.Error as error:
        raise TABLE_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from None


def _population(con: duckdb.DuckDBPyConnection, plan: OneTablePlan) -> str | None:
    """The relation of the population, where the plan brings one. Refuses: table-unreadable, table-column-absent."""
    if plan.population is None:
        return None
    path = plan.population.path
    source = _read(con, path, plan.separator)
    for column in plan.quasi:
        if column.name not in source.columns:
            raise table_plan.COLUMN_ABSENT.refuse(column=column.name)
    try:
        source.create(_POPULATION)
    except duckdb.Error as error:
        raise TABLE_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from None
    return _POPULATION


def _read(con: duckdb.DuckDBPyConnection, path: Path, separator: str | None) -> duckdb.DuckDBPyRelation:
    try:
        if path.suffix.lower() == ".parquet":
            return con.read_parquet(str(path))
        with path.open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = separator or max(";,\t", key=head.count)
        return con.read_csv(str(path), header=True, sep=mark, all_varchar=True, quotechar='"')
    except (OSError, UnicodeDecodeError, duckdb.Error) as error:
        raise TABLE_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from None


def _people(con: duckdb.DuckDBPyConnection, plan: OneTablePlan) -> int:
    """Leave one row per person (or per row) with quasi-identifiers and sensitive values; gives their number. Refuses: table-person-varies."""
    quasi = "".join(f", CAST({dialect.quoted(column.name)} AS VARCHAR) AS {dialect.quoted(column.name)}" for column in plan.quasi)
    if plan.person is None:
        values = "".join(f", CAST({dialect.quoted(one.column)} AS VARCHAR) AS {dialect.quoted(one.column)}" for one in plan.asked)
        con.execute(f"CREATE TABLE {_PEOPLE} AS SELECT rowid AS person{quasi}{values} FROM {_ROWS}")
        return _count(con, _PEOPLE)
    person = f"CAST({dialect.quoted(plan.person)} AS VARCHAR)"
    con.execute(
        f"CREATE TABLE table_tuples AS SELECT DISTINCT {person} AS person{quasi} FROM {_ROWS} WHERE {dialect.quoted(plan.person)} IS NOT NULL"
    )
    varying = con.execute("SELECT count(*) FROM (SELECT person FROM table_tuples GROUP BY person HAVING count(*) > 1)").fetchone()
    if varying and varying[0]:
        raise PERSON_VARIES.refuse(persons=varying[0], person=plan.person)
    selected, joins = "", ""
    for number, one in enumerate(plan.asked):
        value = dialect.quoted(one.column)
        relation = f"(SELECT {person} AS person, CAST({value} AS VARCHAR) AS {value} FROM {_ROWS})"
        joins += f" LEFT JOIN ({event_tables.principal_sql(relation, value)}) a{number} ON a{number}.person = t.person"
        selected += f", a{number}.value AS {value}"
    con.execute(f"CREATE TABLE {_PEOPLE} AS SELECT t.*{selected} FROM table_tuples t{joins}")
    return _count(con, _PEOPLE)


def _choose(tuples: Tuples, plan: OneTablePlan) -> Recoding:
    demand = Demand(plan.k, plan.population.models if plan.population else ())
    if plan.method is Method.GLOBAL:
        return anonymity.choose(tuples, demand, plan.suppression_limit)
    allowed = anonymity.permitted(tuples.total, plan.suppression_limit)
    node = anjana_method.choose(tuples, plan.k, allowed)
    classes = lattice.classify(tuples, node, demand) if node is not None else None
    if node is None or classes is None or classes.suppressed > allowed:
        raise anonymity.UNATTAINABLE.refuse(persons=tuples.total, allowed=allowed, k=plan.k)
    return grouping.of_node(tuples, node, classes, losses.of_node(tuples, node, classes.kept, tuples.total), 1)


def _apply(con: duckdb.DuckDBPyConnection, plan: OneTablePlan, quasi: list[Quasi], secrets: ReleaseSecrets) -> None:
    """Leave the released rows; those of persons who stay, without order."""
    parts, joined = anonymity.released_values(quasi, "c")
    selected, hashed = [], False
    for column in plan.columns:
        name = dialect.quoted(column.name)
        match column.use:
            case Use.QUASI:
                selected.append(f"{parts[column.name]} AS {name}")
            case Use.HASH:
                hashed = True
                value = f"CAST(r.{name} AS VARCHAR)"
                selected.append(f"{keys.rekeyed_sql(column.name, dialect.literal(''), dialect.literal(''), value)} AS {name}")
            case Use.KEEP | Use.SENSITIVE:
                selected.append(f"r.{name} AS {name}")
            case Use.REMOVE:
                pass
    person = f"CAST(r.{dialect.quoted(plan.person)} AS VARCHAR)" if plan.person else "r.rowid"
    counted = f"{person} AS counted_person, " if plan.person else ""
    con.execute(
        f"CREATE TABLE {_OUT} AS SELECT {counted}{', '.join(selected)} FROM {_ROWS} r "
        f"JOIN ({anonymity.kept_sql(len(quasi), len(plan.asked))}) c ON c.person = {person} {joined}",
        keys.pads("pseudonym", secrets.pseudonym) if hashed else {},
    )


def _write(con: duckdb.DuckDBPyConnection, out_dir: Path) -> None:
    columns = [row[0] for row in con.execute(f"DESCRIBE {_OUT}").fetchall() if row[0] != "counted_person"]
    listed = ", ".join(dialect.quoted(name) for name in columns)
    con.execute(f"CREATE TABLE table_sorted AS SELECT {listed} FROM {_OUT} ORDER BY ALL")
    con.execute(f"COPY table_sorted TO {dialect.literal(str(out_dir / 'data.csv'))} (HEADER, DELIMITER ',')")
    con.execute(f"COPY table_sorted TO {dialect.literal(str(out_dir / 'data.parquet'))} (FORMAT parquet, COMPRESSION zstd)")


def _recount(con: duckdb.DuckDBPyConnection, plan: OneTablePlan, out_dir: Path) -> int:
    """Persons (rows) of the smallest class, by the released values: of the file as written, or, where persons count, of its rows."""
    counted = "count(DISTINCT counted_person)" if plan.person else "count(*)"
    relation = _OUT if plan.person else f"read_parquet({dialect.literal(str(out_dir / 'data.parquet'))})"
    by = ", ".join(dialect.quoted(column.name) for column in plan.quasi)
    group = f"GROUP BY {by}" if by else "HAVING count(*) > 0"
    smallest = con.execute(f"SELECT coalesce(min(n), 0) FROM (SELECT {counted} AS n FROM {relation} {group})").fetchone()
    return int(smallest[0]) if smallest else 0


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    counted = con.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(counted[0]) if counted else 0
