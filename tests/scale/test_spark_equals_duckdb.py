"""Spark makes of generated rows what DuckDB makes of them, bit for bit: released tables, secrets, figures and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kiban_processing import engine, measures, plan
from kiban_processing.outcome import JUDGED_PERSONS, SECRET_PERSONS, released
from kiban_processing.refusals import Refusal
from kiban_processing.scale.translation import Untranslatable

from ..transforms.conftest import PATIENTS, REFERENCE, SECRETS, arrow, make_plan
from .cases import rows
from .conftest import PRODUCTION

__all__ = ["make_plan"]  # a fixture

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark's, where it hands rows to the JVM

MODELS = {
    "k alone": "",
    "l and t": 'l = [{ column = "diagnoses.icd10", value = 2 }]\nt = [{ column = "encounters.encounter_class", value = 0.6 }]',
}
PLACES = '[place]\nlevel = "municipality"\npopulation_floor = 70000\npopulations = "populations.csv"\n'
POPULATIONS = "municipality,population\n13101,66680\n茨城県龍ケ崎市,76420\n神奈川県横浜市西区,104935\n"


def carried_out(con: Any, the_plan: plan.Plan, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> dict[str, Any]:
    """All that a plan leaves on an engine: the outcome, every table in order, and the figures that the gate measures."""
    sources = {table.name: f"source_{table.name}" for table in the_plan.tables}
    for name, relation in sources.items():
        con.register(relation, arrow(name, tables[name]))
    try:
        left: dict[str, Any] = {"outcome": engine.carry_out(con, the_plan, sources, SECRETS, REFERENCE)}
    except Refusal as refusal:
        return {"refused": refusal.code, "particulars": refusal.particulars}
    for relation in (*(released(name) for name in sources), SECRET_PERSONS, JUDGED_PERSONS):
        left[relation] = con.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall()
        left[f"{relation} columns"] = [row[:2] for row in con.execute(f"DESCRIBE {relation}").fetchall()]
    quasi = list(dict.fromkeys(column.released_as for column in the_plan.quasi))
    sensitive = [one.column for one in engine.asked_of(the_plan)]
    figures = measures.measure(con, JUDGED_PERSONS, quasi, sensitive, with_t=True)
    left["figures"] = (figures.persons, figures.classes, figures.k, figures.l, {name: round(t, 9) for name, t in figures.t.items()})
    return left


@pytest.mark.parametrize(("seed", "models"), [(1, "k alone"), (2, "l and t")])
def test_a_whole_plan(seed: int, models: str, make_plan: Callable[..., plan.Plan], connect: Callable[..., Any]) -> None:
    the_plan = make_plan(k=2, limit=0.6, rare=3, models=MODELS[models])
    tables = rows(seed)
    expected = carried_out(duckdb.connect(), the_plan, tables)
    assert "refused" not in expected and expected["released_diagnoses"] and expected["outcome"].persons_suppressed
    assert carried_out(connect(), the_plan, tables) == expected


def test_municipalities_and_ages_planned_as_in_production(
    make_plan: Callable[..., plan.Plan], connect: Callable[..., Any], tmp_path: Any
) -> None:
    """Spark's own way of planning anew while it runs, and its compiled code, change nothing."""
    (tmp_path / "populations.csv").write_text(POPULATIONS, "utf-8")
    the_plan = make_plan(k=2, limit=0.9, patients=PATIENTS.replace("birth_year", "age_band"), tables="", extra=PLACES)
    tables = rows(4)
    expected = carried_out(duckdb.connect(), the_plan, tables)
    assert len({row[2] for row in expected["released_patients"]}) > 1
    assert carried_out(connect(**PRODUCTION), the_plan, tables) == expected


def test_the_same_refusal(make_plan: Callable[..., plan.Plan], connect: Callable[..., Any]) -> None:
    the_plan = make_plan(k=40, limit=0.0, tables="")
    refused = carried_out(connect(), the_plan, rows(5))
    assert refused == carried_out(duckdb.connect(), the_plan, rows(5))
    assert refused["refused"] == "anonymity-unattainable"


def test_the_order_of_rows_and_their_division_change_nothing(make_plan: Callable[..., plan.Plan], connect: Callable[..., Any]) -> None:
    the_plan = make_plan(k=2, limit=0.6, patients='sex = { treatment = "keep", quasi = true }', tables="")
    tables = rows(6)
    turned = {name: list(reversed(table)) for name, table in tables.items()}
    divided = connect(**{"spark.sql.shuffle.partitions": "7"})
    assert carried_out(divided, the_plan, turned) == carried_out(duckdb.connect(), the_plan, tables)


def test_missing_values_keep_their_places(connect: Callable[..., Any]) -> None:
    """What the protocol promises beyond plans: masks, order of missing values, parameters by place, rows one by one."""
    content = pa.table(
        {"name": ["b", None, "a", "a"], "day": pa.array([3, 1, None, 2], pa.int32()).cast(pa.date32()), "n": [1, 2, None, 4]}
    )
    statements = (
        "SELECT * FROM given ORDER BY ALL",
        "SELECT name, first(n ORDER BY day DESC NULLS LAST, n) AS one, list(n ORDER BY n) AS every FROM given GROUP BY name ORDER BY name",
        "SELECT first(n ORDER BY n) FILTER (WHERE n > 9) AS none, list(n ORDER BY n) FILTER (WHERE n > 9) AS nothing FROM given",
        "SELECT arg_max(name, (n, name)) AS most, count(DISTINCT name) AS names, (7 + max(n)) // 2 AS half FROM given",
        "SELECT sum(n)::HUGEINT AS total, max(n) AS most FROM given GROUP BY () HAVING count(*) > 0",
        "SELECT name, unnest([{'what': 'x', 'm': n}, {'what': 'y', 'm': -n}], recursive := true) FROM given ORDER BY ALL",
        "SELECT regexp_extract(name, '^(a)?(b)?$', 2) AS second, regexp_replace(name, '[ab]', '\\\\', 'g') AS slash FROM given ORDER BY ALL",
        "SELECT a.n FROM given a SEMI JOIN given b ON a.name IS NOT DISTINCT FROM b.name AND b.n = 2",
    )
    spark, duck = connect(), duckdb.connect()
    for con in (spark, duck):
        con.register("given", content)
    for statement in statements:
        assert spark.execute(statement).fetchall() == duck.execute(statement).fetchall(), statement
    ours, theirs = (con.execute("SELECT n FROM given ORDER BY n").fetchnumpy()["n"] for con in (spark, duck))
    assert ours.tolist() == theirs.tolist() and list(ours.mask) == list(theirs.mask)
    for con in (spark, duck):
        con.execute("CREATE OR REPLACE TEMP TABLE kept (id INTEGER, place VARCHAR)")
        con.execute("INSERT INTO kept SELECT (SELECT count(*) FROM kept) + row_number() OVER (ORDER BY n), ? FROM given", ["here"])
        con.execute(
            "INSERT INTO kept SELECT (SELECT count(*) FROM kept) + row_number() OVER (ORDER BY n), $place FROM given", {"place": "there"}
        )
        con.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM kept WHERE id > 2")
    statement = "SELECT * FROM kept ORDER BY id"
    assert spark.execute(statement).fetchall() == duck.execute(statement).fetchall()
    assert spark.execute("DESCRIBE kept").fetchall() == [row[:2] for row in duck.execute("DESCRIBE kept").fetchall()]
    one = spark.execute(statement)
    assert (one.fetchone(), len(one.fetchall()), one.fetchone()) == ((3, "here"), 5, None)


def test_replaced_columns_and_deleted_rows(connect: Callable[..., Any]) -> None:
    """A replaced column may stand at another place, so it is only asked for by name; a name in its expression is the old column."""
    content = pa.table({"n": [1, 2, None, 4], "half": [0.5, 1.0, None, 2.0], "name": ["a", None, "b", "c"]})
    spark, duck = connect(), duckdb.connect()
    for con in (spark, duck):
        con.register("given", content)
        con.execute("CREATE TEMP TABLE made AS SELECT g.* REPLACE (n + 1 AS n, n + half AS half), n AS before FROM given g")
        con.execute("CREATE OR REPLACE TEMP TABLE made AS SELECT * FROM made")
        con.execute("UPDATE made SET half = half + 1, name = CASE WHEN half > 2 THEN name ELSE 'z' END WHERE n < 5")
        con.execute("UPDATE made SET before = n")
        con.execute("DELETE FROM made WHERE n > 4")
    statement = "SELECT n, half, name, before, n / 2.3 AS third FROM made ORDER BY ALL"
    rows = duck.execute(statement).fetchall()
    assert len(rows) == 3 and spark.execute(statement).fetchall() == rows
    for statement in ("INSERT INTO made SELECT 1, 0.5, 'a', 1", "SELECT * FROM made UNION ALL SELECT * FROM made"):
        with pytest.raises(Untranslatable):
            spark.execute(statement)
