"""What a person's events tell together is a quasi-identifier: it is generalised in the rows themselves, or judged as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing import derived
from kiban_processing import plan as plans
from kiban_processing.hierarchies import derived as levels
from kiban_processing.plan import Derived, DerivedKind
from kiban_processing.refusals import Refusal

from .conftest import REFERENCE

SEX = 'sex = { treatment = "keep", quasi = true }\n'
STAYS = '[derived.stays]\nkind = "count"\ntable = "encounters"\nwhere = { encounter_class = ["inpatient"] }\nat_most = 20\n'
CONDITIONS = '[derived.conditions]\nkind = "code_set"\ntable = "diagnoses"\ncolumn = "icd10"\ncodes = ["E11", "I10"]\n'
TABLES = """
[tables.encounters.columns]
encounter_id = { treatment = "rekey" }
encounter_class = { treatment = "keep" }
started_on = { treatment = "shift" }
[tables.diagnoses.columns]
encounter_id = { treatment = "rekey" }
icd10 = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
"""
DAY = date(2020, 1, 6)


def people(number: int) -> list[dict[str, Any]]:
    return [{"person": f"P{one:02}", "sex": "female"} for one in range(number)]


def stays(numbers: list[int]) -> list[dict[str, Any]]:
    """Person n has `numbers[n]` stays, a week apart, and one visit."""
    rows: list[dict[str, Any]] = []
    for one, number in enumerate(numbers):
        person = {"person": f"P{one:02}", "hospital": "H1"}
        rows += [
            {**person, "encounter_id": f"{one}-{n}", "encounter_class": "inpatient", "started_on": DAY + timedelta(weeks=n)}
            for n in range(number)
        ]
        rows.append({**person, "encounter_id": f"{one}-v", "encounter_class": "outpatient", "started_on": DAY})
    return rows


def test_rows_are_cut_to_the_lowest_number_of_the_band(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Nobody shares 5, 6, 7 or 8 stays; the band 5-9 is shared, and its rows tell 5 of each: the first five."""
    diagnoses = [
        {"person": f"P{one:02}", "hospital": "H1", "encounter_id": f"{one}-{n}", "icd10": "E119", "diagnosed_on": DAY}
        for one in range(4)
        for n in (0, 7)
    ]
    rows = {"patients": people(4), "encounters": stays([5, 6, 7, 8]), "diagnoses": diagnoses}
    outcome, released = carry_out(make_plan(k=4, limit=0.0, patients=SEX, tables=TABLES, extra=STAYS), rows)
    inpatient = [row for row in released["encounters"] if row["encounter_class"] == "inpatient"]
    assert Counter(row["person"] for row in inpatient) == dict.fromkeys({row["person"] for row in released["patients"]}, 5)
    assert len(released["encounters"]) == 24
    assert outcome.tables["encounters"].rows_limited == 6
    for person in {row["person"] for row in inpatient}:
        first, *_, last = sorted(row["started_on"] for row in inpatient if row["person"] == person)
        assert last - first == timedelta(weeks=4)
    # A diagnosis made during a stay that was left out no longer refers to it: two references to each stay would tell seven.
    assert {row["encounter_id"] for row in released["diagnoses"]} <= {row["encounter_id"] for row in released["encounters"]} | {None}
    assert outcome.tables["diagnoses"].cells_suppressed == 4 == sum(row["encounter_id"] is None for row in released["diagnoses"])
    assert outcome.anonymity.class_sizes == {4: 1}


def test_without_the_derived_number_the_same_rows_single_persons_out(make_plan: Callable[..., Any], carry_out: Any) -> None:
    rows = {"patients": people(4), "encounters": stays([5, 6, 7, 8]), "diagnoses": []}
    _, released = carry_out(make_plan(k=4, limit=0.0, patients=SEX, tables=TABLES), rows)
    inpatient = Counter(row["person"] for row in released["encounters"] if row["encounter_class"] == "inpatient")
    assert sorted(inpatient.values()) == [5, 6, 7, 8]


def test_a_set_of_codes_gives_up_the_rows_of_its_last_code(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Two of six women have E11 and I10: with k = 3 the rows of I10 go for all; those of E11 are shared by six."""
    rows = {
        "patients": people(6),
        "encounters": [],
        "diagnoses": [{"person": f"P{one:02}", "icd10": "E119", "diagnosed_on": DAY} for one in range(6)]
        + [{"person": f"P{one:02}", "icd10": "I10", "diagnosed_on": DAY} for one in range(2)],
    }
    outcome, released = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=TABLES, extra=CONDITIONS), rows)
    assert Counter(row["icd10"] for row in released["diagnoses"]) == {"E11.9": 6}
    assert outcome.tables["diagnoses"].rows_limited == 2
    assert outcome.anonymity.node == {"sex": 0, "conditions": 1}


def test_a_first_year_that_the_rows_tell_is_judged_as_it_is(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Nothing in the rows can be generalised for it, so that whoever has a year of her own is left out."""
    extra = '[derived.since]\nkind = "first_year"\ntable = "diagnoses"\n'
    day = {one: date(2020, 7, 1) if one < 3 else date(2012, 7, 1) for one in range(4)}
    rows = {
        "patients": people(4),
        "encounters": [],
        "diagnoses": [{"person": f"P{one:02}", "icd10": "E119", "diagnosed_on": day[one]} for one in range(4)],
    }
    wanted = make_plan(k=2, limit=0.5, patients=SEX, tables=TABLES, extra=extra)
    outcome, released = carry_out(wanted, rows)
    years = {row["diagnosed_on"].year for row in released["diagnoses"]}
    assert years <= {2019, 2020, 2021}
    assert outcome.persons_suppressed >= 1
    with pytest.raises(Refusal):
        carry_out(make_plan(k=2, limit=0.0, patients=SEX, tables=TABLES, extra=extra), rows)


def test_what_the_rows_do_not_tell_is_a_column_in_bands(make_plan: Callable[..., Any], carry_out: Any) -> None:
    extra = '[derived.hospitals]\nkind = "sites"\ntable = "encounters"\nat_most = 5\nrelease = true\n'
    rows = {
        "patients": people(4),
        "encounters": [
            {"person": f"P{one:02}", "hospital": f"H{n}", "encounter_class": "outpatient", "started_on": DAY}
            for one in range(4)
            for n in range(2 + one % 3)
        ],
        "diagnoses": [],
    }
    outcome, released = carry_out(make_plan(k=4, limit=0.0, patients=SEX, tables=TABLES, extra=extra), rows)
    assert {row["hospitals"] for row in released["patients"]} == {"2-4"}
    assert len(released["encounters"]) == 11
    assert outcome.tables["patients"].columns[-1].name == "hospitals"


def test_emptied_cells_keep_persons_and_are_counted(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Three men among ten women: with k = 4 they would all be left out; with three more people alike they stay as `*`."""
    patients = [{"person": f"P{one:02}", "sex": sex} for one, sex in enumerate(["female"] * 10 + ["male"] * 3 + ["unknown"] * 2)]
    by_person, _ = carry_out(make_plan(k=4, limit=0.5, patients=SEX, tables=""), {"patients": patients})
    by_cell, released = carry_out(make_plan(k=4, limit=0.5, models='suppress = "cell"', patients=SEX, tables=""), {"patients": patients})
    assert by_person.persons_suppressed == 5
    assert by_cell.persons_suppressed == 0
    assert Counter(row["sex"] for row in released["patients"]) == {"female": 10, "*": 5}
    assert by_cell.suppressed == {"persons": 0, "records": 0, "cells": 5}
    assert by_cell.anonymity.levels == {"sex": {0: 10, 1: 5}}
    assert by_cell.anonymity.loss_geometric == pytest.approx(by_person.anonymity.loss_geometric)
    few, _ = carry_out(make_plan(k=6, limit=0.5, models='suppress = "cell"', patients=SEX, tables=""), {"patients": patients})
    assert few.persons_suppressed == 5


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ('[derived.x]\nkind = "sites"\ntable = "encounters"\n', "plan-derived-untold"),
        (STAYS + "release = true\n", "plan-derived-told"),
        ('[derived.sex]\nkind = "sites"\ntable = "encounters"\nrelease = true\n', "plan-field"),
        ('[derived.x]\nkind = "count"\ntable = "diagnoses"\n', "plan-field"),
        ('[derived.x]\nkind = "sites"\ntable = "procedures"\nrelease = true\n', "plan-field"),
        ('[derived.x]\nkind = "code_set"\ntable = "diagnoses"\n', "plan-field"),
        ('[derived.x]\nkind = "count"\ntable = "encounters"\nwhere = { encounter_class = ["no such class"] }\n', "plan-field"),
        ('[code_sets]\ncolumns = ["encounters.encounter_class"]\n', "plan-field"),
        ('[code_sets]\ncolumns = ["diagnoses.icd10"]\nm = 3\n', "plan-field"),
    ],
)
def test_a_plan_that_would_protect_nothing_is_refused(extra: str, code: str, make_plan: Callable[..., Any]) -> None:
    with pytest.raises(Refusal) as caught:
        wanted = make_plan(patients=SEX, tables=TABLES, extra=extra)
        plans.check(wanted, wanted.requested)
    assert caught.value.code == code


def test_a_plan_without_the_new_parts_keeps_its_digest(make_plan: Callable[..., Any]) -> None:
    plain = make_plan(patients=SEX, tables=TABLES)
    assert plain.digest == make_plan(patients=SEX, tables=TABLES, models='method = "global"\nmetric = "loss"\nsuppress = "person"').digest
    assert len({plain.digest} | {make_plan(patients=SEX, tables=TABLES, extra=one).digest for one in (STAYS, CONDITIONS)}) == 3


@given(number=st.integers(0, 60), level=st.integers(0, 4), at_most=st.integers(1, 40))
def test_no_two_numbers_of_a_band_are_left_apart(number: int, level: int, at_most: int) -> None:
    """Cutting rows to what a level leaves gives everybody of a band the same number, and never more than there was."""
    hierarchy = levels.numbers("stays", at_most)
    planned = Derived("stays", DerivedKind.COUNT, "encounters", at_most=at_most)
    attribute = derived.Attribute(planned, plans.Handling.LIMITED, hierarchy, ("started_on",))
    leaf = hierarchy.leaves[min(number, at_most)]
    rows = [{"started_on": DAY + timedelta(days=n)} for n in range(number)]
    left = derived.limited(attribute, rows, leaf, level, {})
    assert len(left) == derived.most(attribute, leaf, level) <= number
    told = derived.value(attribute, left, 0, {})
    assert hierarchy.label(told, level) == hierarchy.label(leaf, level)
    band = [one for one in hierarchy.leaves if hierarchy.label(one, level) == hierarchy.label(leaf, level)]
    assert {derived.most(attribute, one, level) for one in band} == {len(left)}


@given(codes=st.lists(st.sampled_from(["E11", "I10", "J45", "N18"]), unique=True, min_size=1), there=st.data())
def test_a_set_tells_after_its_limit_what_its_level_says(codes: list[str], there: Any) -> None:
    own = there.draw(st.lists(st.sampled_from(codes)))
    level = there.draw(st.integers(0, len(codes)))
    planned = Derived("conditions", DerivedKind.CODE_SET, "diagnoses", column="icd10", codes=tuple(codes))
    hierarchy = levels.ladder(planned)
    attribute = derived.Attribute(planned, plans.Handling.LIMITED, hierarchy, ())
    rows = [{"icd10": code} for code in own]
    member = derived.members(attribute, own)
    leaf = derived.value(attribute, rows, 0, member)
    left = derived.limited(attribute, rows, leaf, level, member)
    assert derived.value(attribute, left, 0, member) == hierarchy.label(leaf, level)


def test_years_before_the_earliest_stand_together() -> None:
    planned = Derived("since", DerivedKind.FIRST_YEAR, "diagnoses", date="diagnosed_on", earliest=2015, release=True)
    hierarchy = levels.years(planned, REFERENCE.year + 1)
    attribute = derived.Attribute(planned, plans.Handling.COLUMN, hierarchy, ())
    rows = [{"diagnosed_on": date(2018, 5, 1)}, {"diagnosed_on": date(2003, 5, 1)}]
    assert derived.value(attribute, rows, 0, {}) == "<=2015"
    assert derived.value(attribute, rows[:1], 0, {}) == "2018"
    assert [hierarchy.label("2018", level) for level in range(4)] == ["2018", "2016-2019", "2016-2019", "*"]
