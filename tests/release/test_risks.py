"""The gate holds every risk against the plan's bound, and refuses above it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kiban_processing import gate
from kiban_processing.evidence import Eligibility, Evidence
from kiban_processing.plan import Inference, Risk
from kiban_processing.refusals import Refusal
from kiban_processing.risk.intersection import Earlier


def judge(release: Any, risk: Risk, *arguments: Any) -> Evidence:
    eligibility = Eligibility(datetime(2026, 11, 21, tzinfo=UTC), 400, 0, "0" * 64)
    plan = replace(release.plan, risk=risk)
    return gate.judge(release.con, plan, release.outcome, release.sources, eligibility, *arguments)


def failing(evidence: Evidence) -> list[str]:
    return [verdict.code for verdict in evidence.failures]


def test_figures_are_those_of_the_classes(release: Any) -> None:
    """k = 11 in the smallest of so many classes."""
    anonymity, persons = release.outcome.anonymity, release.outcome.persons_after
    found = judge(release, Risk(population=8000)).risk["reidentification"]
    assert found["persons"] == persons and found["uniques"] == 0
    assert {one["persons"]: one["classes"] for one in found["classes"]} == anonymity.class_sizes
    assert found["prosecutor"] == round(1 / anonymity.k_reached, 9)
    assert found["marketer"] == round(anonymity.classes / persons, 9)
    assert found["journalist"] == round(persons / 8000 / anonymity.k_reached, 9)
    assert found["population_uniques"]["uniques_chosen"] == 0.0


def test_each_bound_refuses_by_itself(release: Any) -> None:
    found = judge(release, Risk(population=8000)).risk["reidentification"]
    for name, code in (("prosecutor", "prosecutor-risk"), ("marketer", "marketer-risk"), ("journalist", "journalist-risk")):
        kept = judge(release, replace(Risk(population=8000), **{name: found[name]}))
        assert failing(kept) == []
        broken = judge(release, replace(Risk(population=8000), **{name: found[name] * 0.99}))
        assert failing(broken) == [code]
        with pytest.raises(Refusal) as refused:
            broken.require()
        assert refused.value.code == "release-refused" and code in refused.value.read("en")


def test_a_bound_above_one_over_k_does_not_weaken_k(release: Any) -> None:
    verdict = next(one for one in judge(release, Risk(prosecutor=0.9)).verdicts if one.code == "prosecutor-risk")
    assert verdict.bound == round(1 / release.plan.anonymity.k, 9)


def test_a_person_alone_in_a_class_is_a_unique(release: Any) -> None:
    release.con.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM released_patients")
    release.con.execute("UPDATE released_patients SET sex = 'unknown' WHERE person = (SELECT min(person) FROM released_patients)")
    try:
        evidence = judge(release, Risk())
    finally:
        release.con.execute("DELETE FROM released_patients; INSERT INTO released_patients SELECT * FROM kept")
    assert evidence.risk["reidentification"]["uniques"] == 1
    assert {"k", "prosecutor-risk"} <= set(failing(evidence))


def test_sensitive_values_are_measured(release: Any) -> None:
    """Everybody's principal diagnosis is one of three; the figures stand in the evidence, and refuse nothing."""
    evidence = judge(release, Risk(inference=(Inference("diagnoses.icd10", 0.3),)))
    (found,) = evidence.risk["sensitive"]
    assert found["column"] == "diagnoses.icd10"
    assert 0 < found["alpha"] <= 1 and found["l_distinct"] >= 1 and 0 <= found["t_equal"] < 1
    assert judge(release, Risk()).risk["sensitive"] == []


def test_an_earlier_release_nobody_recorded_refuses(release: Any) -> None:
    evidence = judge(release, Risk(), None, (), ("R-0",))
    assert failing(evidence) == ["earlier-unrecorded"]
    assert evidence.risk["intersection"]["unknown"] == ["R-0"]


def test_joint_classes_below_k_refuse_where_the_plan_counts_their_holder(release: Any) -> None:
    """The same persons once before, halved across every class by chance."""
    release.con.execute(
        "CREATE OR REPLACE TEMP TABLE before AS SELECT person, person AS person_then, CAST(1 + hash(person) % 40 AS BIGINT) AS class, "
        "sha256(person || 'x') AS pseudonym_then, CAST(hash(person || 'y') % 53 AS INTEGER) - 26 AS shift_then FROM secret_persons"
    )
    broken = judge(release, Risk(), None, (Earlier("R-0", False, True, "before"),))
    assert failing(broken) == ["joint-class"]
    assert broken.failures[0].subject == "R-0" and broken.failures[0].found > 0
    measured = judge(release, Risk(), None, (Earlier("R-0", False, False, "before"),))
    assert failing(measured) == []
    assert measured.risk["intersection"]["releases"][0]["persons_below_k"] == broken.failures[0].found
    release.con.execute("UPDATE before SET class = 1")
    assert failing(judge(release, Risk(), None, (Earlier("R-0", False, True, "before"),))) == []


def test_a_release_under_an_earlier_ones_keys_is_refused(release: Any) -> None:
    release.con.execute(
        "CREATE OR REPLACE TEMP TABLE same AS SELECT person, person AS person_then, CAST(1 AS BIGINT) AS class, pseudonym AS pseudonym_then, "
        "shift_weeks AS shift_then FROM secret_persons WHERE NOT suppressed"
    )
    evidence = judge(release, Risk(), None, (Earlier("R-0", True, True, "same"),))
    assert failing(evidence) == ["shift-linked", "order-linked"]
