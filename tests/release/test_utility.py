"""The utility summary: true to the rows, and the same whatever the plan's parameters were."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing import utility
from kiban_processing.reports import user_page
from kiban_processing.utility import distances, prevalences, rounding


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
    assert distances.of_spans(theirs, ours) == distance


def analyses(release: Any) -> dict[str, Any]:
    return release.utility()["analyses"]  # type: ignore[no-any-return]


def spoilt(release: Any, table: str, change: str) -> dict[str, Any]:
    """The analyses after a change of a released table, which is put back."""
    release.con.execute(f"CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM released_{table}")
    release.con.execute(change)
    try:
        return analyses(release)
    finally:
        release.con.execute(f"DELETE FROM released_{table}; INSERT INTO released_{table} SELECT * FROM kept")


def test_usual_analyses_agree_where_nothing_was_lost(release: Any) -> None:
    """Every person has E11 at n = 0; I10 where i is even, J45 where it is odd; one stay of three days each."""
    found = analyses(release)
    assert found["prevalences"] == [
        {"group": "E11", "before": 1.0, "after": 1.0},
        {"group": "I10", "before": 0.5, "after": 0.5},
        {"group": "J45", "before": 0.5, "after": 0.5},
    ]
    (hba1c,) = found["laboratory"]
    assert (hba1c["analyte"], hba1c["unit"]) == ("3D046", "%")
    assert hba1c["mean_before"] == hba1c["mean_after"] == pytest.approx(6.5, abs=0.05)
    assert found["stays"]["days_per_stay_before"] == found["stays"]["days_per_stay_after"] == 3.0
    # 181 days observed per person, one admission each: 202 per 100 person-years
    assert found["stays"]["admissions_per_100_person_years_before"] == 200.0


def test_usual_analyses_show_what_was_lost(release: Any) -> None:
    without = spoilt(release, "diagnoses", "UPDATE released_diagnoses SET icd10 = 'IX' WHERE icd10 LIKE 'I10%'")
    assert [one["group"] for one in without["prevalences"]] == ["E11", "J45"]
    halved = spoilt(release, "laboratory_results", "UPDATE released_laboratory_results SET value = value / 2")
    assert halved["laboratory"][0]["mean_after"] == pytest.approx(halved["laboratory"][0]["mean_before"] / 2, rel=0.05)
    longer = spoilt(release, "encounters", "UPDATE released_encounters SET ended_on = ended_on + 7")
    assert (longer["stays"]["days_per_stay_before"], longer["stays"]["days_per_stay_after"]) == (3.0, 10.0)
    apart = spoilt(
        release, "encounters", "UPDATE released_encounters SET department = CASE WHEN hash(person) % 2 = 0 THEN '01' ELSE '02' END"
    )
    (pair,) = [one for one in apart["associations"] if (one["first"], one["second"]) == ("encounter_class", "department")]
    assert pair["before"] == 1.0 and pair["after"] < 0.2


def test_nothing_that_rests_on_few_persons_is_said(release: Any) -> None:
    """Fewer than twenty persons, whatever the plan's own numbers are."""
    few = "(SELECT person FROM released_patients ORDER BY person LIMIT 19)"
    found = spoilt(release, "laboratory_results", f"DELETE FROM released_laboratory_results WHERE person NOT IN {few}")
    assert found["laboratory"] == []
    assert spoilt(release, "diagnoses", f"DELETE FROM released_diagnoses WHERE person NOT IN {few}")["prevalences"] == []
    assert spoilt(release, "encounters", f"DELETE FROM released_encounters WHERE person NOT IN {few}")["stays"] is None


@given(share=st.floats(0, 1), persons=st.integers(20, 10**7))
def test_a_rounded_share_hides_fewer_than_ten_persons(share: float, persons: int) -> None:
    """Moving ten persons less than the step moves no more than one step, and a step is at least twenty persons while there are as many."""
    rounded = rounding.share(share, persons)
    assert abs(rounded - share) <= 0.05 + 1e-9
    steps = {round(rounding.share(each / 1000, persons), 9) for each in range(0, 1001)}
    smallest = min(b - a for a, b in itertools.pairwise(sorted(steps)))
    assert smallest * persons >= min(rounding.FEWEST, 0.1 * persons) - 1e-6


def test_the_standard_is_the_cohorts_ages_and_sexes() -> None:
    """Old and young as many in the cohort; of the release's persons three in four are young, who are less ill."""
    standard = {"young": 100, "old": 100}
    assert prevalences._standardised({"young": 15, "old": 25}, {"young": 150, "old": 50}, standard) == pytest.approx(0.3)
    assert prevalences._standardised({"all": 40}, {"all": 200}, standard) == pytest.approx(0.2)


def test_the_users_page_says_what_the_summary_says(release: Any) -> None:
    document = release.utility()
    for language in ("ja", "en"):
        page = user_page.compose(document, language).decode()
        assert "<script" not in page and page.count("<svg") >= 2
        for table in document["tables"]:
            assert table["label"][language] in page
        assert "E11" in page and "3D046" in page
