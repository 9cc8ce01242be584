"""The example plan with derived quasi-identifiers, code sets and local recoding: the gate counts again what the released rows tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kiban_processing import engine, plan, utility
from kiban_processing.outcome import JUDGED_PERSONS
from kiban_processing.package import contents

from .conftest import SECRETS, Release

PLAN = Path(__file__).parents[2] / "data_examples" / "plans" / "longitudinal-cohort.toml"
# 400 persons: from 0 to 9 stays, of which few have many; three conditions in every combination, one of them rare; one or two hospitals.
ROWS = """
CREATE TABLE people AS SELECT i::INTEGER AS i, 'N' || printf('%06d', (i * 7919) % 1000003) AS person, 'L' || printf('%05d', i + 31000) AS local_patient_id
  FROM range(400) r(i);
CREATE TABLE patients AS SELECT person, 'H001' AS hospital, local_patient_id, DATE '2015-04-01' + i AS registered_on, '佐藤' || chr(20000 + i) AS name_kanji,
  DATE '1950-01-01' + (i % 30) * 700 AS birth_date, CASE WHEN i % 2 = 0 THEN 'male' ELSE 'female' END AS sex,
  CASE WHEN i % 3 = 0 THEN '1000001' ELSE '5300001' END AS postal_code, NULL::VARCHAR AS address FROM people;
CREATE TABLE encounters AS SELECT person, CASE WHEN i % 4 = 0 AND n > 0 THEN 'H002' ELSE 'H001' END AS hospital, local_patient_id,
  'E' || (i * 20 + n) AS encounter_id, CASE WHEN n < 3 THEN 'outpatient' ELSE 'inpatient' END AS encounter_class,
  DATE '2019-01-07' + (i * 3 + n * 90)::INTEGER AS started_on, DATE '2019-01-09' + (i * 3 + n * 90)::INTEGER AS ended_on
  FROM people, range(13) t(n) WHERE n < 3 + i % 4 OR (n < 3 + i % 10 AND i % 7 = 0);
CREATE TABLE diagnoses AS SELECT p.person, 'H001' AS hospital, p.local_patient_id, 'E' || (p.i * 20 + n) AS encounter_id, code AS icd10,
  DATE '2019-01-07' + (p.i * 3 + n * 90)::INTEGER AS diagnosed_on
  FROM people p, (VALUES ('E119', 0, 1, 0), ('I10', 1, 3, 0), ('J459', 2, 5, 0), ('C509', 0, 149, 0), ('K746', 1, 26, 1))
  c(code, n, every, rest) WHERE p.i % every = rest;
CREATE TABLE prescriptions AS SELECT person, 'H001' AS hospital, local_patient_id, 'E' || (i * 20) AS encounter_id, '3969007F1024' AS yj_code,
  DATE '2019-01-07' + (i * 3)::INTEGER AS prescribed_on FROM people;
"""


def carry_out(threads: int = 2, order: str = "ASC") -> Release:
    con = duckdb.connect(config={"threads": threads})
    con.execute(ROWS)
    read = plan.read(PLAN)
    plan.check(read, read.requested)
    sources = {}
    for table in read.tables:
        con.execute(f"CREATE TABLE source_{table.name} AS SELECT * FROM {table.name} ORDER BY person {order}")
        sources[table.name] = f"source_{table.name}"
    con.execute("SET preserve_insertion_order=false; SET enable_external_access=false")
    return Release(con, read, engine.carry_out(con, read, sources, SECRETS, date(2025, 3, 31)), sources)


@pytest.fixture(scope="module")
def longitudinal() -> Iterator[Release]:
    made = carry_out()
    yield made
    made.con.close()


@pytest.fixture
def spoilt() -> Iterator[Release]:
    """One that the test may change."""
    made = carry_out()
    yield made
    made.con.close()


def failures(release: Release) -> set[str]:
    return {verdict.code for verdict in release.judge().failures}


def test_the_release_passes_and_something_was_given_up_for_it(longitudinal: Release) -> None:
    evidence = longitudinal.judge()
    assert [verdict.read("en") for verdict in evidence.failures] == []
    checked = {verdict.code for verdict in evidence.verdicts}
    assert {"reference-astray", "known-code", "known-pair"} <= checked
    assert evidence.suppressed == longitudinal.outcome.suppressed
    assert longitudinal.outcome.tables["encounters"].rows_limited > 0
    assert longitudinal.outcome.code_sets is not None
    assert longitudinal.outcome.code_sets.cells_suppressed > 0


def test_the_gate_measures_what_the_engine_claims(longitudinal: Release) -> None:
    evidence = longitudinal.judge()
    assert {figures.k for figures in evidence.figures} == {longitudinal.outcome.anonymity.k_reached}
    assert {figures.classes for figures in evidence.figures} == {longitudinal.outcome.anonymity.classes}
    judged = longitudinal.con.execute(
        f"SELECT count(*), count(DISTINCT stays), count(DISTINCT conditions) FROM {JUDGED_PERSONS}"
    ).fetchone()
    assert judged is not None
    assert judged[0] == longitudinal.outcome.persons_after
    assert judged[1] > 1
    assert judged[2] > 1


def test_the_same_bytes_from_other_threads_and_another_order(longitudinal: Release) -> None:
    other = carry_out(threads=1, order="DESC")
    assert other.judge().as_document() == longitudinal.judge().as_document()
    for table in longitudinal.sources:
        query = f"SELECT * FROM released_{table} ORDER BY ALL"
        assert other.con.execute(query).fetchall() == longitudinal.con.execute(query).fetchall()
    other.con.close()


def test_the_package_describes_the_derived_column_and_no_method(longitudinal: Release) -> None:
    described = {content.table: content for content in contents.describe(longitudinal.con, longitudinal.outcome)}
    assert "hospitals" in described["patients"].names
    measured: Any = utility.measure(longitudinal.con, longitudinal.outcome, longitudinal.sources).as_json()
    assert {"hospitals"} <= {column["name"] for column in measured["tables"][0]["columns"]}


def test_a_stay_put_back_is_found(spoilt: Release) -> None:
    """One more stay of one person than the engine left: alone with it, and with the number it tells."""
    spoilt.con.execute(
        "INSERT INTO released_encounters SELECT r.person, 'k' || n, 'inpatient', r.started_on, r.ended_on FROM "
        "(SELECT * FROM released_encounters WHERE encounter_class = 'inpatient' ORDER BY ALL LIMIT 1) r, range(20) t(n)"
    )
    assert "k" in failures(spoilt)


def test_a_reference_to_a_row_that_was_left_out_is_found(spoilt: Release) -> None:
    spoilt.con.execute(
        "UPDATE released_diagnoses SET encounter_id = 'somewhere else' WHERE encounter_id = (SELECT min(encounter_id) FROM released_diagnoses)"
    )
    assert "reference-astray" in failures(spoilt)


def test_a_pair_of_codes_put_back_is_found(spoilt: Release) -> None:
    """A common code of its own accord, beside one that the same person has, but too few others."""
    spoilt.con.execute(
        "INSERT INTO released_diagnoses SELECT person, NULL, 'C50.9', min(diagnosed_on) FROM released_diagnoses WHERE icd10 = 'J45.9' GROUP BY person "
        "ORDER BY person LIMIT 2"
    )
    assert "known-pair" in failures(spoilt)


def test_a_condition_put_back_is_found(spoilt: Release) -> None:
    """A set of conditions that only two persons tell."""
    spoilt.con.execute(
        "DELETE FROM released_diagnoses WHERE icd10 LIKE 'E11%' AND person IN (SELECT DISTINCT person FROM released_diagnoses "
        "WHERE icd10 = 'I10' ORDER BY person LIMIT 2)"
    )
    assert "k" in failures(spoilt)
