"""The utility summary: true to the rows, and the same whatever the plan's parameters were."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kiban_processing import utility


def column(document: dict[str, Any], table: str, name: str) -> dict[str, Any]:
    return next(c for t in document["tables"] if t["name"] == table for c in t["columns"] if c["name"] == name)


def test_it_counts_what_was_kept(release: Any) -> None:
    document = release.utility()
    assert document["persons"] == release.outcome.persons_after
    assert document["share_of_persons_left_out"] == round(release.outcome.persons_suppressed / 400, 3)
    rows = {table["name"]: table["rows"] for table in document["tables"]}
    assert rows == {name: table.rows_after for name, table in release.outcome.tables.items()}


def test_what_was_kept_as_it_was_is_near_and_what_was_not_is_far(release: Any) -> None:
    document = release.utility()
    assert column(document, "encounters", "encounter_class")["distance"] == 0.0
    assert column(document, "diagnoses", "icd10")["distance"] <= 0.01
    assert column(document, "patients", "birth_year")["distance"] <= 0.05
    assert column(document, "diagnoses", "ended_on")["filled"] == 0.0
    release.con.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM released_encounters")
    release.con.execute("UPDATE released_encounters SET encounter_class = 'other'")
    try:
        assert column(release.utility(), "encounters", "encounter_class")["distance"] == 1.0
    finally:
        release.con.execute("DELETE FROM released_encounters; INSERT INTO released_encounters SELECT * FROM kept")


def test_it_holds_none_of_the_plans_parameters(release: Any) -> None:
    """Whatever k, limits, thresholds, window and levels the outcome names: the same rows give the same summary."""
    outcome = release.outcome
    other = replace(
        outcome,
        plan_name="other",
        plan_digest="0" * 64,
        shift_window_weeks=999,
        codes=(),
        measurements=(),
        anonymity=replace(outcome.anonymity, k_asked=77, k_reached=78, suppression_limit=0.5, quasi=(), classes=1, class_sizes={}),
    )
    assert utility.measure(release.con, other, release.sources).as_json() == release.utility()
    text = json.dumps(release.utility()).lower()
    assert [
        word for word in ("shift", "window", "weeks", "threshold", "hierarchy", "level", "limit", "digest", "anonymity") if word in text
    ] == []


@pytest.mark.parametrize(
    ("theirs", "ours", "distance"),
    [
        ({"1980": 0.5, "1981": 0.5}, {"1980-1984": 1.0}, 0.0),
        ({"1930": 0.5, "1981": 0.5}, {"<=1935": 0.5, "1980-1984": 0.5}, 0.0),
        ({"1930": 0.5, "1981": 0.5}, {"1980-1984": 1.0}, 0.5),
        ({"1980": 1.0}, {"*": 1.0}, 0.0),
        ({"1980": 0.5, None: 0.5}, {"1980": 1.0}, 0.5),
        ({"1980": 1.0}, {"Showa": 1.0}, None),
    ],
)
def test_spans_are_compared_with_the_years_they_hold(theirs: Any, ours: Any, distance: float | None) -> None:
    assert utility._distance_of_spans(theirs, ours) == distance
