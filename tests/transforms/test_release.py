"""What a release must and must not contain, on small believable tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from kiban_processing import engine, plan
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind, ValueType
from kiban_processing.outcome import JUDGED_PERSONS, SECRET_PERSONS, ReleaseSecrets
from kiban_processing.permitted import ALWAYS_QUASI, Treatment, treatments_of
from kiban_processing.plan import ColumnPlan, TablePlan
from kiban_processing.refusals import Refusal

from .conftest import REFERENCE, SECRETS, arrow, fetch

SEX = 'sex = { treatment = "keep", quasi = true }\n'


def people(number: int, **columns: Any) -> list[dict[str, Any]]:
    return [{"person": f"P{one}", "sex": "female", **columns} for one in range(number)]


def test_k_counts_persons_and_not_rows(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Two women with six registrations are two, not six."""
    rows = {"patients": [{"person": f"P{one % 2}", "sex": "female"} for one in range(6)]}
    with pytest.raises(Refusal) as caught:
        carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=""), rows)
    assert caught.value.code == "anonymity-unattainable"
    outcome, released = carry_out(make_plan(k=2, limit=0.0, patients=SEX, tables=""), rows)
    assert outcome.anonymity.class_sizes == {2: 1}
    assert outcome.tables["patients"].rows_consolidated == 4
    assert len(released["patients"]) == 2


def test_every_date_of_a_person_moves_by_the_same_whole_weeks(
    make_plan: Callable[..., Any], carry_out: Any, con: duckdb.DuckDBPyConnection
) -> None:
    patients = SEX + 'death_date = { treatment = "shift" }\nregistered_on = { treatment = "shift" }\n'
    events = """
[tables.encounters.columns]
started_on = { treatment = "shift" }
ended_on = { treatment = "shift" }
[tables.health_checkups.columns]
checked_on = { treatment = "shift" }
"""
    day = date(2019, 12, 30)
    rows = {
        "patients": people(40, registered_on=day, death_date=day + timedelta(days=900)),
        "encounters": [
            {"person": f"P{one}", "started_on": day + timedelta(days=one), "ended_on": day + timedelta(days=500)} for one in range(40)
        ],
        "health_checkups": [{"person": f"P{one}", "checked_on": day + timedelta(days=13)} for one in range(40)],
    }
    _, released = carry_out(make_plan(patients=patients, tables=events), rows)
    key = {row["pseudonym"]: row for row in fetch(con, SECRET_PERSONS)}
    shifts = set()
    for row in released["patients"]:
        weeks = timedelta(weeks=key[row["person"]]["shift_weeks"])
        shifts.add(weeks)
        assert (row["registered_on"], row["death_date"]) == (day + weeks, day + timedelta(days=900) + weeks)
    for row in released["encounters"]:
        weeks = timedelta(weeks=key[row["person"]]["shift_weeks"])
        number = int(key[row["person"]]["person"][1:])
        assert (row["started_on"], row["ended_on"]) == (day + timedelta(days=number) + weeks, day + timedelta(days=500) + weeks)
    for row in released["health_checkups"]:
        assert row["checked_on"] == day + timedelta(days=13) + timedelta(weeks=key[row["person"]]["shift_weeks"])
    assert len(shifts) > 15
    assert max(shifts) <= timedelta(weeks=26)
    assert min(shifts) >= timedelta(weeks=-26)


def test_no_identifier_survives_the_widest_plan(con: duckdb.DuckDBPyConnection, make_plan: Callable[..., Any]) -> None:
    """Every item of the catalogue in every treatment that releases most; identifying columns hold a mark that must occur nowhere."""
    widest = [
        Treatment.KEEP,
        Treatment.GENERALISE_RARE,
        Treatment.CLIP,
        Treatment.REKEY,
        Treatment.SHIFT,
        Treatment.BIRTH_YEAR,
        Treatment.PLACE,
    ]
    planned, sources = [], {}
    for table in tables.TABLES.values():
        columns = []
        for item in table.items:
            chosen = next((one for one in widest if one in treatments_of(item)), Treatment.REMOVE)
            quasi = table.name == "patients" and (item.kind is Kind.QUASI_IDENTIFIER or chosen in ALWAYS_QUASI)
            columns.append(ColumnPlan(table.name, item.name, chosen, quasi))
        planned.append(TablePlan(table.name, tuple(columns)))
        rows: list[dict[str, Any]] = []
        for one in range(12):
            row: dict[str, Any] = {"person": f"P{one}"}
            for item in table.items:
                if item.type is ValueType.DATE:
                    row[item.name] = date(1960, 5, 1)
                elif item.type is ValueType.DECIMAL:
                    row[item.name] = 5.0
                elif item.kind in (Kind.SENSITIVE_VALUE, Kind.PLAIN_VALUE, Kind.QUASI_IDENTIFIER):
                    row[item.name] = item.choices[0] if item.choices else "E119"
                else:
                    row[item.name] = f"MARK{one}"
            rows.append(row)
        sources[table.name] = f"source_{table.name}"
        con.register(sources[table.name], arrow(table.name, rows))
    wide = replace(make_plan(patients=SEX, tables=""), tables=tuple(planned))
    plan.check(wide, wide.requested)
    outcome = engine.carry_out(con, wide, sources, SECRETS, REFERENCE)
    assert outcome.persons_after == 12
    for name, table_outcome in outcome.tables.items():
        assert table_outcome.rows_after == 12
        for row in fetch(con, f"released_{name}"):
            assert "MARK" not in str(row)
            assert not {f"P{one}" for one in range(12)} & {str(value) for value in row.values()}
        passed = {source for column in table_outcome.columns for source in column.sources}
        assert not passed & set(tables.names_of(Kind.DIRECT_IDENTIFIER, Kind.IDENTIFICATION_CODE, Kind.FREE_TEXT))


def test_the_engine_refuses_an_identifier_even_in_an_unchecked_plan(make_plan: Callable[..., Any], carry_out: Any) -> None:
    forced = replace(
        make_plan(patients=SEX, tables=""), tables=(TablePlan("patients", (ColumnPlan("patients", "name_kanji", Treatment.KEEP),)),)
    )
    with pytest.raises(Refusal) as caught:
        carry_out(forced, {"patients": people(3, name_kanji="髙橋一郎")})
    assert caught.value.code == "identifier-survives"


def test_the_suppressed_are_in_no_table_and_within_the_limit(make_plan: Callable[..., Any], carry_out: Any, con: Any) -> None:
    rows = {
        "patients": [*people(19), {"person": "P19", "sex": "male"}],
        "encounters": [{"person": f"P{one}", "started_on": date(2020, 1, 6)} for one in range(20)]
        + [{"person": "nobody", "started_on": date(2020, 1, 6)}],
    }
    events = '[tables.encounters.columns]\nstarted_on = { treatment = "shift" }'
    outcome, released = carry_out(make_plan(k=2, limit=0.05, patients=SEX, tables=events), rows)
    assert outcome.anonymity.node == {"sex": 0}
    assert outcome.persons_suppressed == 1
    assert len(released["patients"]) == len(released["encounters"]) == 19
    counts = outcome.tables["encounters"]
    assert (counts.rows_of_suppressed, counts.rows_without_patient) == (1, 1)
    assert [row["person"] for row in fetch(con, SECRET_PERSONS) if row["suppressed"]] == ["P19"]
    outcome, released = carry_out(make_plan(k=2, limit=0.04, patients=SEX, tables=events), rows)
    assert outcome.anonymity.node == {"sex": 1}
    assert {row["sex"] for row in released["patients"]} == {"*"}


def test_a_rare_code_goes_up_and_a_row_of_one_that_goes_wholly_is_dropped(make_plan: Callable[..., Any], carry_out: Any) -> None:
    events = '[tables.diagnoses.columns]\nicd10 = { treatment = "generalise_rare" }\ndiagnosed_on = { treatment = "shift" }'
    codes = ["E119"] * 4 + ["E110", "E112", "E113"] + ["A227"] + [None]
    rows = {"patients": people(9), "diagnoses": [{"person": f"P{one}", "icd10": code} for one, code in enumerate(codes)]}
    outcome, released = carry_out(make_plan(rare=3, patients=SEX, tables=events), rows)
    labels = sorted(str(row["icd10"]) for row in released["diagnoses"])
    assert labels == ["E11"] * 3 + ["E11.9"] * 4 + ["None"]
    assert outcome.tables["diagnoses"].rows_dropped_rare == 1
    (codes_outcome,) = outcome.codes
    assert (codes_outcome.codes, codes_outcome.codes_generalised, codes_outcome.codes_suppressed) == (5, 3, 1)
    assert (codes_outcome.rows_generalised, codes_outcome.rows_suppressed, codes_outcome.fewest_persons) == (3, 1, 3)


def test_extremes_are_shared_and_groups_of_few_persons_lose_their_values(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Nine pupils of 120 to 136 cm and one of 170 cm; a unit that two persons alone have."""
    events = """
[tables.observations.columns]
other_code = { treatment = "generalise_rare" }
unit = { treatment = "generalise_rare" }
value = { treatment = "clip" }
[tables.prescriptions.columns]
days = { treatment = "clip" }
"""
    heights = [120.0 + 2 * one for one in range(9)] + [170.0]
    rows = {
        "patients": people(10),
        "observations": [{"person": f"P{one}", "other_code": "height", "unit": "cm", "value": height} for one, height in enumerate(heights)]
        + [{"person": f"P{one}", "other_code": "height", "unit": "inch", "value": 50.0} for one in range(2)],
        "prescriptions": [{"person": f"P{one}", "days": 14.0} for one in range(10)] + [{"person": "P0", "days": 900.0}],
    }
    outcome, released = carry_out(make_plan(rare=5, patients=SEX, tables=events), rows)
    values = sorted(row["value"] for row in released["observations"] if row["unit"] == "cm")
    assert values == [124.0, 124.0, 124.0, 126.0, 128.0, 130.0, 132.0, 134.0, 134.0, 134.0]
    assert [row["value"] for row in released["observations"] if row["unit"] is None] == [None, None]
    assert {row["days"] for row in released["prescriptions"]} == {14.0}
    days, height = sorted(outcome.measurements, key=lambda one: one.column)
    assert (days.groups, days.groups_too_few, days.values, days.values_clipped, days.values_removed) == (1, 0, 11, 1, 0)
    assert (height.groups, height.groups_too_few, height.values, height.values_clipped, height.values_removed) == (2, 1, 12, 4, 2)


def test_a_unit_is_rare_by_the_rows_that_stay(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Three persons have the unit, but two of the rows go because their codes are rare."""
    events = """
[tables.observations.columns]
other_code = { treatment = "generalise_rare" }
unit = { treatment = "generalise_rare" }
"""
    codes = ["height"] * 5 + ["rare1", "rare2"]
    units = ["cm"] * 4 + ["inch"] * 3
    rows = {
        "patients": people(7),
        "observations": [{"person": f"P{one}", "other_code": code, "unit": units[one]} for one, code in enumerate(codes)],
    }
    outcome, released = carry_out(make_plan(rare=3, patients=SEX, tables=events), rows)
    assert outcome.tables["observations"].rows_dropped_rare == 2
    assert sorted(str(row["unit"]) for row in released["observations"]) == ["None", "cm", "cm", "cm", "cm"]


def test_a_code_is_rare_by_the_persons_who_stay(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Three hold the code, but one of them is left out for k."""
    events = '[tables.procedures.columns]\nother_code = { treatment = "generalise_rare" }'
    rows = {
        "patients": [*people(19), {"person": "P19", "sex": "male"}],
        "procedures": [{"person": person, "other_code": "X1"} for person in ("P1", "P2", "P19")],
    }
    outcome, released = carry_out(make_plan(k=2, limit=0.05, rare=3, patients=SEX, tables=events), rows)
    assert outcome.persons_suppressed == 1
    assert released["procedures"] == []


def test_linking_codes_still_link_and_never_across_hospitals(make_plan: Callable[..., Any], carry_out: Any) -> None:
    events = (
        '[tables.encounters.columns]\nencounter_id = { treatment = "rekey" }\n'
        '[tables.procedures.columns]\nencounter_id = { treatment = "rekey" }\nprocedure_id = { treatment = "rekey" }'
    )
    rows = {
        "patients": people(2),
        "encounters": [{"person": "P0", "hospital": hospital, "encounter_id": "7"} for hospital in ("H1", "H2")],
        "procedures": [{"person": "P0", "hospital": "H1", "encounter_id": "7", "procedure_id": "7"}],
    }
    _, released = carry_out(make_plan(patients=SEX, tables=events), rows)
    encounters = [row["encounter_id"] for row in released["encounters"]]
    assert len(set(encounters)) == 2
    assert released["procedures"][0]["encounter_id"] in encounters
    assert released["procedures"][0]["procedure_id"] not in encounters


def test_two_releases_share_no_number_and_the_same_secrets_give_the_same_rows(make_plan: Callable[..., Any], carry_out: Any) -> None:
    the_plan = make_plan(patients=SEX, tables='[tables.encounters.columns]\nencounter_id = { treatment = "rekey" }')
    rows = {"patients": people(5), "encounters": [{"person": "P0", "encounter_id": "7"}]}
    _, first = carry_out(the_plan, rows)
    _, again = carry_out(the_plan, rows)
    _, other = carry_out(the_plan, rows, ReleaseSecrets(b"q" * 32, b"t" * 32))
    assert first == again
    values = [{value for table in one.values() for row in table for value in row.values()} - {"female"} for one in (first, other)]
    assert not values[0] & values[1]


def test_diverse_classes_only(make_plan: Callable[..., Any], carry_out: Any, con: Any) -> None:
    """All men have the same diagnosis; asked for two, men and women must not be told apart."""
    rows = {
        "patients": [{"person": f"P{one}", "sex": "male" if one < 4 else "female"} for one in range(8)],
        "diagnoses": [{"person": f"P{one}", "icd10": "E119" if one < 6 else "I10"} for one in range(8)],
    }
    events = '[tables.diagnoses.columns]\nicd10 = { treatment = "generalise_rare" }'
    plain, _ = carry_out(make_plan(limit=0.0, patients=SEX, tables=events), rows)
    assert plain.anonymity.node == {"sex": 0}
    models = 'l = [{ column = "diagnoses.icd10", value = 2 }]'
    diverse, _ = carry_out(make_plan(limit=0.0, patients=SEX, tables=events, models=models), rows)
    assert diverse.anonymity.node == {"sex": 1}
    assert diverse.anonymity.sensitive[0].l_reached == 2
    assert {row["diagnoses.icd10"] for row in fetch(con, JUDGED_PERSONS)} == {"E11.9", "I10"}


def test_a_value_without_a_place_in_the_hierarchy_is_refused_without_telling_it(make_plan: Callable[..., Any], carry_out: Any) -> None:
    with pytest.raises(Refusal) as caught:
        carry_out(make_plan(patients=SEX, tables=""), {"patients": [*people(3), {"person": "P9", "sex": "F-secret"}]})
    assert caught.value.code == "hierarchy-gap"
    assert "F-secret" not in str(caught.value)


@pytest.mark.parametrize("secrets", [ReleaseSecrets(b"1" * 32, b"1" * 32), ReleaseSecrets(b"1", b"2" * 32)], ids=["equal", "short"])
def test_weak_secrets_are_refused(secrets: ReleaseSecrets, make_plan: Callable[..., Any], carry_out: Any) -> None:
    with pytest.raises(Refusal) as caught:
        carry_out(make_plan(patients=SEX, tables=""), {"patients": people(3)}, secrets)
    assert caught.value.code == "release-secret-short"
