"""What persons' events tell together, their days, earlier releases and attackers: Spark leaves and judges what DuckDB does, to the byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kiban_processing import engine, gate, plan
from kiban_processing.evidence import Eligibility
from kiban_processing.outcome import JUDGED_PERSONS, SECRET_PERSONS, released
from kiban_processing.risk import intersection
from kiban_processing.risk.intersection import Earlier

from ..release.test_gate_on_longitudinal import ROWS
from ..transforms.conftest import REFERENCE, SECRETS, make_plan

__all__ = ["make_plan"]  # a fixture

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark's, where it hands rows to the JVM

ASKED = Eligibility(datetime(2026, 11, 21, tzinfo=UTC), 400, 0, "0" * 64)
# All of it in one plan, for each statement costs Spark a tenth of a second however few the rows.
ASKED_OF_CLASSES = """
method = "local"
suppress = "cell"
l = [{ column = "encounters.encounter_class", value = 1.01, kind = "entropy" }, { column = "encounters.encounter_class", value = 2, kind = "recursive", c = 40 }]
t = [{ column = "encounters.encounter_class", value = 0.9, ground = "ordered" }]
beta = [{ column = "encounters.encounter_class", value = 30 }]
"""
SHIFT = """
period = { from = 2018-07-01, to = 2023-12-31 }
advantage = 0.3
[visits]
gap_days = 7
most = 6
lost = "row"
[risk]
population = 9000
known_events = [{ events = 2, days = 7, share = 0.9 }]
inference = [{ column = "diagnoses.icd10", advantage = 0.9 }]
[derived.stays]
kind = "count"
table = "encounters"
where = { encounter_class = ["inpatient"] }
at_most = 6
[derived.conditions]
kind = "code_set"
table = "diagnoses"
column = "icd10"
codes = ["I10", "J45"]
[derived.hospitals]
kind = "sites"
table = "encounters"
at_most = 3
release = true
[code_sets]
columns = ["diagnoses.icd10"]
m = 2
k = 5
top = 2
"""
TABLES = """
[tables.encounters.columns]
encounter_id = { treatment = "rekey" }
encounter_class = { treatment = "keep" }
started_on = { treatment = "shift" }
ended_on = { treatment = "shift_year" }
[tables.diagnoses.columns]
encounter_id = { treatment = "rekey" }
icd10 = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
"""
PATIENTS = """
sex = { treatment = "keep", quasi = true }
birth_date = { treatment = "birth_year", quasi = true }
death_date = { treatment = "shift" }
"""


def sources(the_plan: plan.Plan) -> dict[str, pa.Table]:
    """400 persons with stays, conditions and drugs, once."""
    con = duckdb.connect()
    con.execute(ROWS)
    con.execute("ALTER TABLE patients ADD COLUMN death_date DATE")
    return {table.name: con.execute(f"SELECT * FROM {table.name}").to_arrow_table() for table in the_plan.tables}


def left(con: Any, the_plan: plan.Plan, tables: Mapping[str, pa.Table], earlier: tuple[Earlier, ...] = ()) -> dict[str, Any]:
    """The outcome, every table in order, the classes as they would be kept, and the gate's evidence."""
    relations = {name: f"source_{name}" for name in tables}
    for name, relation in relations.items():
        con.register(relation, tables[name])
    joint = intersection.lay_out(con, relations["patients"], earlier)
    outcome = engine.carry_out(con, the_plan, relations, SECRETS, REFERENCE, earlier=joint)
    made: dict[str, Any] = {"outcome": outcome}
    quasi = [column.released_as for column in the_plan.quasi]
    for relation in (
        *(released(name) for name in tables),
        SECRET_PERSONS,
        JUDGED_PERSONS,
        intersection.number_classes(con, quasi, "classes"),
    ):
        made[relation] = con.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall()
    made["evidence"] = gate.judge(con, the_plan, outcome, relations, ASKED, None, earlier).as_document()
    return made


def agree(spark: dict[str, Any], duck: dict[str, Any]) -> None:
    for name, expected in duck.items():
        assert spark[name] == expected, name


def test_the_same_to_the_byte(make_plan: Callable[..., plan.Plan], connect: Callable[..., Any]) -> None:
    the_plan = make_plan(k=3, limit=0.97, rare=5, models=ASKED_OF_CLASSES, extra=SHIFT, patients=PATIENTS, tables=TABLES)
    tables, then, duck, spark = sources(the_plan), earlier_releases(), duckdb.connect(), connect()
    for con in (duck, spark):
        for name, content in then.items():
            con.register(name, content)
    held = (Earlier("R-1", True, True, "then_1"), Earlier("R-2", False, True, "then_2"))
    expected = left(duck, the_plan, tables, held)
    outcome, days = expected["outcome"], expected["outcome"].days
    assert days.days > days.days_inside > days.days_kept > 0, "each part has something to do, or this shows nothing"
    assert outcome.tables["encounters"].rows_limited and outcome.code_sets.cells_suppressed and outcome.persons_suppressed
    assert len({row[1] for row in expected["classes"]}) > 3
    agree(left(spark, the_plan, tables, held), expected)


def earlier_releases() -> dict[str, pa.Table]:
    """Two earlier releases of some of the persons: two classes in the first, three in the second; somebody was two persons then."""
    con = duckdb.connect()
    con.execute(ROWS)
    return {
        f"then_{classes}": con.execute(
            f"SELECT person, person || '-' || n AS person_then, CAST(1 + (i + n) % {classes} AS BIGINT) AS class, "
            f"sha256(person || '{classes}' || n) AS pseudonym_then, CAST((i * 31) % 53 - 26 AS INTEGER) AS shift_then "
            f"FROM people, range(2) t(n) WHERE i % {classes + 3} > 0 AND (n = 0 OR i < 3)"
        ).to_arrow_table()
        for classes in (1, 2)
    }
