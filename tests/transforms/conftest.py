"""Small tables, plans and a locked engine for the tests of treatments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

from kiban_processing import engine, plan
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import ValueType
from kiban_processing.outcome import Outcome, ReleaseSecrets, released

settings.register_profile("kiban", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
settings.load_profile("kiban")

SECRETS = ReleaseSecrets(b"p" * 32, b"s" * 32)
REFERENCE = date(2025, 3, 31)
TYPES = {
    ValueType.TEXT: pa.string(),
    ValueType.CODE: pa.string(),
    ValueType.INTEGER: pa.int64(),
    ValueType.DECIMAL: pa.float64(),
    ValueType.DATE: pa.date32(),
}
Rows = Mapping[str, Sequence[Mapping[str, object]]]


def arrow(table: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows as the engine gets them: every column of the catalogue, missing ones empty."""
    fields = [("person", pa.string()), *((item.name, TYPES[item.type]) for item in tables.TABLES[table].items)]
    if any("hospital" in row for row in rows):
        fields.append(("hospital", pa.string()))
    return pa.table({name: pa.array([row.get(name) for row in rows], type_) for name, type_ in fields})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"enable_external_access": False, "threads": 1, "lock_configuration": True})
    yield connection
    connection.close()


@pytest.fixture
def carry_out(con: duckdb.DuckDBPyConnection) -> Callable[..., tuple[Outcome, dict[str, list[dict[str, object]]]]]:
    """Run the engine on small rows; gives the outcome and the released rows in the order they are written."""

    def run(
        the_plan: plan.Plan, rows: Rows, secrets: ReleaseSecrets = SECRETS, earlier: Mapping[str, str] | None = None
    ) -> tuple[Outcome, dict[str, list[dict[str, object]]]]:
        if earlier is not None:
            con.register("earlier", pa.table({"person": list(earlier), "joint": pa.array(earlier.values(), pa.string())}))
        sources = {}
        for table in the_plan.tables:
            sources[table.name] = f"source_{table.name}"
            con.register(sources[table.name], arrow(table.name, rows[table.name]))
        outcome = engine.carry_out(con, the_plan, sources, secrets, REFERENCE, earlier=None if earlier is None else "earlier")
        return outcome, {table.name: fetch(con, released(table.name)) for table in the_plan.tables}

    return run


def fetch(con: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, object]]:
    cursor = con.execute(f"SELECT * FROM {relation} ORDER BY ALL")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def in_order(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows as `ORDER BY ALL` puts them, missing values last."""
    return sorted((dict(row) for row in rows), key=lambda row: [(value is None, "" if value is None else value) for value in row.values()])  # type: ignore[arg-type,return-value]


PLAN = """
[plan]
name = "small"
version = 1
recipient_class = "academia"
delivery_form = "visiting"
k_reason = "test"
[anonymity]
k = {k}
suppression_limit = {limit}
{models}
[rare]
persons = {rare}
[shift]
window_weeks = 26
{extra}
[tables.patients.columns]
{patients}
{tables}
"""

PATIENTS = """
sex = { treatment = "keep", quasi = true }
birth_date = { treatment = "birth_year", quasi = true }
postal_code = { treatment = "place", quasi = true }
address = { treatment = "place", quasi = true }
death_date = { treatment = "shift" }
registered_on = { treatment = "shift_year" }
"""

EVENTS = """
[tables.encounters.columns]
encounter_id = { treatment = "rekey" }
encounter_class = { treatment = "keep" }
started_on = { treatment = "shift" }
ended_on = { treatment = "shift" }
department = { treatment = "generalise_rare" }
[tables.diagnoses.columns]
encounter_id = { treatment = "rekey" }
icd10 = { treatment = "generalise_rare" }
disease_code = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
ended_on = { treatment = "shift_year" }
[tables.laboratory_results.columns]
jlac10 = { treatment = "generalise_rare" }
value = { treatment = "clip" }
unit = { treatment = "generalise_rare" }
sampled_on = { treatment = "shift" }
"""


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., plan.Plan]:
    def make(
        k: int = 2, limit: float = 0.5, rare: int = 2, models: str = "", extra: str = "", patients: str = PATIENTS, tables: str = EVENTS
    ) -> plan.Plan:
        path = tmp_path / "plan.toml"
        path.write_text(
            PLAN.replace("{k}", str(k))
            .replace("{limit}", str(limit))
            .replace("{rare}", str(rare))
            .replace("{models}", models)
            .replace("{extra}", extra)
            .replace("{patients}", patients)
            .replace("{tables}", tables),
            encoding="utf-8",
        )
        return plan.read(path)

    return make
