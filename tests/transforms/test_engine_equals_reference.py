"""The engine makes of any rows exactly what the reference makes of them, whole plans included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import reference
from kiban_processing.refusals import Refusal

from .conftest import EVENTS, PATIENTS, REFERENCE, SECRETS, in_order

PEOPLE = st.sampled_from([f"P{number}" for number in range(6)])
DAYS = st.dates(date(1919, 1, 1), date(2025, 3, 31)) | st.sampled_from([date(1935, 1, 5), date(1935, 7, 1), date(2024, 2, 29)])
ADDRESSES = st.sampled_from(
    [
        None,
        "東京都千代田区丸の内1-1",
        "東京都 八王子市元本郷町",
        "横浜市西区みなとみらい",
        "茨城県龍ヶ崎市3710",
        "北海道当別町",
        "北区王子",
        "?",
    ]
)
POSTAL_CODES = st.sampled_from([None, "1000001", "3010000", "0608621", "9999999"])


def rows_of(least: int = 0, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(columns), min_size=least, max_size=16)


PATIENT_ROWS = rows_of(
    4,
    person=PEOPLE,
    registered_on=st.none() | DAYS,
    sex=st.sampled_from([None, "male", "female", "unknown"]),
    birth_date=st.none() | DAYS,
    postal_code=POSTAL_CODES,
    address=ADDRESSES,
    death_date=st.none() | DAYS,
)
ANYONE = PEOPLE | st.sampled_from([None, "Q9"])
ENCOUNTER = st.none() | st.sampled_from(["1", "2"])
ROWS = st.fixed_dictionaries(
    {
        "patients": PATIENT_ROWS,
        "encounters": rows_of(
            person=ANYONE,
            hospital=st.sampled_from(["H1", "H2"]),
            encounter_id=ENCOUNTER,
            encounter_class=st.sampled_from(["inpatient", "outpatient"]),
            started_on=DAYS,
            ended_on=st.none() | DAYS,
            department=st.sampled_from([None, "01", "02"]),
        ),
        "diagnoses": rows_of(
            person=ANYONE,
            encounter_id=ENCOUNTER,
            icd10=st.sampled_from([None, "E11", "E119", "E11.9", "E1190", "E110", "E10", "C001", "C14", "Z999", "U071", "??"]),
            disease_code=st.sampled_from([None, "8830052", "8830053"]),
            diagnosed_on=DAYS,
            ended_on=st.none() | DAYS,
        ),
        "laboratory_results": rows_of(
            8,
            person=ANYONE,
            jlac10=st.sampled_from([None, "3D046000001906202", "3D046000001920402"]),
            value=st.none() | st.integers(0, 400).map(lambda tenths: tenths / 10),
            unit=st.sampled_from([None, "%"]),
            sampled_on=DAYS,
        ),
    }
)
MODELS = {
    "k alone": "",
    "distinct l": 'l = [{ column = "diagnoses.icd10", value = 2 }]',
    "t": 't = [{ column = "diagnoses.icd10", value = 0.5 }, { column = "encounters.encounter_class", value = 0.6 }]',
    "all others at once": """l = [{ column = "diagnoses.icd10", kind = "entropy", value = 1.5 },
     { column = "encounters.encounter_class", kind = "recursive", c = 3.0, value = 2 }]
t = [{ column = "diagnoses.icd10", ground = "ordered", value = 0.7 },
     { column = "encounters.encounter_class", ground = "hierarchical", hierarchy = "classes.csv", value = 0.8 }]
beta = [{ column = "encounters.encounter_class", value = 4.0, enhanced = true }, { column = "diagnoses.icd10", value = 6.0 }]""",
}
PLACES = '[place]\nlevel = "municipality"\npopulation_floor = 70000\npopulations = "populations.csv"\n'


@pytest.mark.parametrize("models", MODELS.values(), ids=MODELS.keys())
@given(rows=ROWS, k=st.integers(2, 3), limit=st.sampled_from([0.0, 0.4, 0.9]), rare=st.integers(2, 3))
@settings(max_examples=40)
def test_a_whole_plan(
    rows: Any, k: int, limit: float, rare: int, models: str, make_plan: Callable[..., Any], carry_out: Any, tmp_path: Path
) -> None:
    (tmp_path / "classes.csv").write_text("inpatient;stay;*\noutpatient;visit;*\n", encoding="utf-8")
    plan = make_plan(k=k, limit=limit, rare=rare, models=models)
    try:
        expected = reference.carry_out(rows, plan, SECRETS, REFERENCE)
    except Refusal as refusal:
        with pytest.raises(Refusal) as caught:
            carry_out(plan, rows)
        assert caught.value.code == refusal.code == "anonymity-unattainable"
        return
    outcome, released = carry_out(plan, rows)
    assert tuple(outcome.anonymity.node.values()) == expected.node
    assert outcome.persons_suppressed == len(expected.suppressed)
    for name, table in expected.tables.items():
        assert released[name] == in_order(table), name
        counts = outcome.tables[name]
        assert counts.rows_after == len(table)
        assert (
            counts.rows_before
            == len(rows[name])
            == (
                counts.rows_after
                + counts.rows_consolidated
                + counts.rows_of_suppressed
                + counts.rows_without_patient
                + counts.rows_dropped_rare
            )
        )


@given(rows=PATIENT_ROWS.filter(bool))
@settings(max_examples=40)
def test_ages_and_municipalities(rows: Any, make_plan: Callable[..., Any], carry_out: Any, tmp_path: Any) -> None:
    (tmp_path / "populations.csv").write_text(
        "municipality,population\n13101,66680\n茨城県龍ケ崎市,76420\n神奈川県横浜市西区,104935\n", "utf-8"
    )
    patients = PATIENTS.replace("birth_year", "age_band")
    plan = make_plan(k=2, limit=0.9, patients=patients, tables="", extra=PLACES)
    try:
        expected = reference.carry_out({"patients": rows}, plan, SECRETS, REFERENCE)
    except Refusal as refusal:
        with pytest.raises(Refusal) as caught:
            carry_out(plan, {"patients": rows})
        assert caught.value.code == refusal.code
        return
    outcome, released = carry_out(plan, {"patients": rows})
    assert tuple(outcome.anonymity.node.values()) == expected.node
    assert released["patients"] == in_order(expected.tables["patients"])


@given(rows=ROWS.filter(lambda rows: len({row["person"] for row in rows["patients"]}) > 1))
@settings(max_examples=15)
def test_the_same_rows_in_another_order_give_the_same_release(rows: Any, make_plan: Callable[..., Any], carry_out: Any) -> None:
    plan = make_plan(k=2, limit=0.0, patients='sex = { treatment = "keep", quasi = true }', tables=EVENTS)
    try:
        _, first = carry_out(plan, rows)
        _, second = carry_out(plan, {name: list(reversed(table)) for name, table in rows.items()})
    except Refusal as refusal:
        assert refusal.code == "anonymity-unattainable"
        return
    assert first == second
