"""The gate tries the attacks on finished data: bounds hold or refuse, coarsened and thinned releases are judged as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kiban_processing import engine, plan
from kiban_processing.planned_risk import Inference, KnownEvents, Risk
from kiban_processing.standards import attacks, finished, other_measures

from .conftest import COHORT, PLAN, SECRETS, Release

BUSY = """
CREATE OR REPLACE TABLE encounters AS SELECT DISTINCT ON (person, started_on) * FROM (
  SELECT p.person, 'H001' AS hospital, NULL::VARCHAR AS local_patient_id, 'E' || (i * 100 + n) AS encounter_id, 'outpatient' AS encounter_class,
    DATE '2019-04-01' + (hash(i * 100 + n) % 260)::INTEGER * 7 + (hash(i * 100 + n, 1) % 5)::INTEGER AS started_on, NULL::DATE AS ended_on,
    '01' AS department, '基盤第一病院' AS facility_name, NULL::VARCHAR AS discharge_outcome FROM people p, range(30) t(n))
  WHERE NOT (month(started_on) = 12 AND day(started_on) >= 29 OR month(started_on) = 1 AND day(started_on) <= 3 OR month(started_on) = 5 AND day(started_on) <= 6);
"""


def made(text: str, cohort: str = COHORT, tmp: Path | None = None) -> Release:
    con = duckdb.connect(config={"threads": 1})
    con.execute(cohort)
    assert tmp is not None
    path = tmp / "plan.toml"
    path.write_text(text, "utf-8")
    read = plan.read(path)
    sources = {table.name: table.name for table in read.tables}
    return Release(con, read, engine.carry_out(con, read, sources, SECRETS, date(2025, 3, 31)), sources)


def judged(release: Release, **risk: Any) -> tuple[dict[str, Any], attacks.Attacks]:
    the_plan = replace(release.plan, risk=replace(release.plan.risk, **risk))
    verdicts, found = attacks.judge(finished.read(release.con, the_plan, release.outcome, release.sources))
    return {verdict.code: verdict for verdict in verdicts}, found


def test_what_the_plan_does_not_bound_is_measured(release: Release) -> None:
    verdicts, found = judged(release)
    assert set(verdicts) == {"shift-recovery"}
    assert [(one.events, one.days) for one in found.known_events] == [(1, 7), (2, 7), (3, 7), (4, 7)]
    assert "diagnoses.icd10" in {one.column for one in found.inference}
    assert {(one.gap_days, one.with_quasi) for one in found.gaps} == {(gap, quasi) for gap in (1, 7, 28) for quasi in (False, True)}
    assert found.as_json()["shift_recovery"]["persons"] == release.outcome.persons_after


def test_the_same_release_gives_the_same_figures(release: Release, again: Callable[..., Release]) -> None:
    other = again(threads=1, order="DESC")
    assert judged(release)[1] == judged(other)[1]
    other.con.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Release]]:
    """400 persons who come thirty times in five years to a hospital that rests at the year end and in the first week of May."""
    text = PLAN.read_text("utf-8")
    thinned = text.replace("window_weeks = 26 ", "window_weeks = 26\nadvantage = 0.02 ")
    both = {
        name: made(one, COHORT + BUSY, tmp_path_factory.mktemp("plan"))
        for name, one in (("exact", text), ("thinned", thinned), ("weeks", thinned + "\n[visits]\ngap_days = 7\n"))
    }
    yield both
    for one in both.values():
        one.con.close()


def test_a_shift_that_is_told_refuses_and_chosen_days_pass(busy: dict[str, Release]) -> None:
    exact, found = judged(busy["exact"])
    assert not exact["shift-recovery"].passed
    assert found.shift is not None
    assert found.shift.advantage > 0.1
    for name in ("thinned", "weeks"):
        verdicts, _ = judged(busy[name])
        assert verdicts["shift-recovery"].passed, name


def test_the_rest_of_the_gate_accepts_thinned_and_coarse_dates(busy: dict[str, Release]) -> None:
    for release in busy.values():
        data = finished.read(release.con, release.plan, release.outcome, release.sources)
        verdicts, _ = other_measures.judge(data)
        assert [verdict.read("en") for verdict in verdicts if verdict.code == "date-astray" and not verdict.passed] == []


def test_a_date_that_is_nobodys_is_astray_in_a_coarse_release_too(busy: dict[str, Release]) -> None:
    release = busy["weeks"]
    release.con.execute("BEGIN")
    release.con.execute("UPDATE released_diagnoses SET diagnosed_on = diagnosed_on + 4000")
    verdicts, _ = other_measures.judge(finished.read(release.con, release.plan, release.outcome, release.sources))
    release.con.execute("ROLLBACK")
    assert any(verdict.code == "date-astray" and not verdict.passed for verdict in verdicts)


def test_known_events_after_are_not_easier_than_before(busy: dict[str, Release]) -> None:
    _, found = judged(busy["exact"], known_events=(KnownEvents(1, 3), KnownEvents(2, 3), KnownEvents(4, 3)))
    for one in found.known_events:
        assert one.after.share <= one.before.share
    assert found.known_events[-1].before.share > 0.5


def test_bounds_refuse_and_are_named_by_what_is_known(busy: dict[str, Release]) -> None:
    release = busy["exact"]
    the_plan = replace(
        release.plan,
        risk=Risk(
            known_events=(KnownEvents(4, 0, 0.0), KnownEvents(1, 7, 1.0), KnownEvents(3, 7)),
            inference=(Inference("diagnoses.icd10", -1.0), Inference("encounters.department", 1.0)),
        ),
    )
    verdicts, found = attacks.judge(finished.read(release.con, the_plan, release.outcome, release.sources))
    passed = {(verdict.code, verdict.subject): verdict.passed for verdict in verdicts}
    assert passed == {
        ("shift-recovery", ""): False,
        ("known-events", "4/0"): False,
        ("known-events", "1/7"): True,
        ("attribute-inference", "diagnoses.icd10"): False,
        ("attribute-inference", "encounters.department"): True,
    }
    assert [(one.events, one.days) for one in found.known_events] == [(4, 0), (1, 7), (3, 7)]
    assert {one.column for one in found.inference} >= {"diagnoses.icd10", "encounters.department"}


def test_a_bounded_column_that_is_not_released_fails_closed(release: Release) -> None:
    verdicts, _ = judged(release, inference=(Inference("procedures.k_code", 0.5),))
    assert not verdicts["attribute-inference"].passed
