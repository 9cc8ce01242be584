"""Dated days: the engine leaves exactly what the reference leaves; no person's shift becomes likelier than the plan allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import holidays, plan, reference
from kiban_processing.refusals import Refusal
from kiban_processing.transforms import visits

from .conftest import REFERENCE, SECRETS, in_order

PEOPLE = st.sampled_from([f"P{number}" for number in range(4)])
DAYS = st.dates(date(2020, 12, 1), date(2022, 6, 30)) | st.sampled_from(
    [date(2021, 5, 6), date(2021, 5, 7), date(2021, 12, 28), date(2022, 1, 4)]
)
ROWS = st.fixed_dictionaries(
    {
        "patients": st.lists(
            st.fixed_dictionaries({"person": PEOPLE, "sex": st.sampled_from(["male", "female"]), "death_date": st.none() | DAYS, "registered_on": st.none() | DAYS}),
            min_size=3, max_size=5,
        ),
        "deaths": st.lists(st.fixed_dictionaries({"person": PEOPLE, "death_date": DAYS}), max_size=3),
        "encounters": st.lists(
            st.fixed_dictionaries({"person": PEOPLE | st.sampled_from([None, "Q9"]), "started_on": DAYS, "ended_on": st.none() | DAYS, "encounter_class": st.sampled_from(["inpatient", "outpatient"])}),
            max_size=24,
        ),
        "diagnoses": st.lists(
            st.fixed_dictionaries({"person": PEOPLE, "icd10": st.sampled_from([None, "E119", "I10"]), "diagnosed_on": DAYS, "ended_on": st.none() | DAYS}), max_size=12
        ),
    }
)  # fmt: skip
TABLES = """
[tables.deaths.columns]
death_date = { treatment = "shift" }
[tables.encounters.columns]
encounter_class = { treatment = "keep" }
started_on = { treatment = "shift" }
ended_on = { treatment = "shift" }
[tables.diagnoses.columns]
icd10 = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
ended_on = { treatment = "shift_year" }
"""
PERIOD = "period = { from = 2020-12-01, to = 2022-06-30 }\n"
PLANS = {
    "edges": PERIOD,
    "advantage": "advantage = 0.02\n",
    "edges and advantage": PERIOD + "advantage = 0.1\n",
    "most": '[visits]\nmost = 3\nlost = "row"\n',
    "weeks": "[visits]\ngap_days = 7\n",
    "everything": PERIOD + 'advantage = 0.03\n[visits]\ngap_days = 28\nmost = 4\nlost = "row"\n',
}


@pytest.mark.parametrize("extra", PLANS.values(), ids=PLANS.keys())
@given(rows=ROWS, models=st.sampled_from(["", 'l = [{ column = "diagnoses.icd10", value = 2 }]']))
@settings(max_examples=12)
def test_the_engine_leaves_what_the_reference_leaves(
    extra: str, rows: Any, models: str, make_plan: Callable[..., Any], carry_out: Any
) -> None:
    planned = make_plan(
        limit=0.7,
        models=models,
        extra=extra,
        tables=TABLES,
        patients='sex = { treatment = "keep", quasi = true }\ndeath_date = { treatment = "shift" }',
    )
    try:
        expected = reference.carry_out(rows, planned, SECRETS, REFERENCE)
    except Refusal as refusal:
        with pytest.raises(Refusal) as caught:
            carry_out(planned, rows)
        assert caught.value.code == refusal.code == "anonymity-unattainable"
        return
    outcome, released = carry_out(planned, rows)
    for name, table in expected.tables.items():
        assert released[name] == in_order(table), name
        counts = outcome.tables[name]
        accounted = counts.rows_consolidated + counts.rows_of_suppressed + counts.rows_without_patient + counts.rows_dropped_rare
        assert counts.rows_before == len(rows[name]) == counts.rows_after + accounted + counts.rows_dropped_dates
    assert outcome.days is not None
    assert outcome.days.days >= outcome.days.days_inside >= outcome.days.days_kept


def test_days_are_counted_by_day_person_row_and_cell(make_plan: Callable[..., Any], carry_out: Any) -> None:
    stay = {"encounter_class": "inpatient"}
    rows = {
        "patients": [{"person": one, "sex": "male"} for one in ("P1", "P2")],
        "deaths": [{"person": "P1", "death_date": date(2021, 9, 1)}],
        "encounters": [
            {"person": "P1", "started_on": date(2021, 7, 1), "ended_on": None, **stay},
            {"person": "P2", "started_on": date(2021, 9, 1), "ended_on": date(2021, 9, 9), **stay},
        ],
        "diagnoses": [],
    }
    sex = 'sex = { treatment = "keep", quasi = true }'
    kept, _ = carry_out(make_plan(limit=0.0, extra="[visits]\nmost = 1\n", tables=TABLES, patients=sex), rows)
    assert (kept.tables["encounters"].rows_dropped_dates, kept.days.cells) == (0, 1)
    planned = make_plan(limit=0.0, extra='[visits]\nmost = 1\nlost = "row"\n', tables=TABLES, patients=sex)
    outcome, released = carry_out(planned, rows)
    days = outcome.days
    assert (days.days, days.days_kept, days.persons, days.persons_shortened) == (3, 2, 2, 1)
    assert outcome.tables["encounters"].rows_dropped_dates + days.cells == 1, "of two days of P2 one goes: with its row, or as a cell"
    assert len(released["deaths"]) == 1


@given(
    seeds=st.lists(st.integers(0, 2**60), min_size=1, max_size=4),
    offsets=st.lists(st.integers(0, 1000), min_size=1, max_size=40, unique=True),
    advantage=st.sampled_from([0.0, 0.02, 0.2, 1.0]),
    most=st.none() | st.integers(1, 8),
    gap=st.sampled_from([1, 7, 28]),
)
@settings(max_examples=40)
def test_days_are_chosen_alike_slowly_and_in_bulk(
    seeds: list[int], offsets: list[int], advantage: float, most: int | None, gap: int
) -> None:
    known = visits.calendar(_working_days(), 8, gap)
    days = sorted(18_300 + offset for offset in offsets)
    period = [bool(day % 2) for day in days]
    person = np.repeat(np.arange(len(seeds)), len(days))
    found = visits.chosen(
        person,
        np.repeat(np.array(seeds, np.uint64), len(days)),
        np.tile(days, len(seeds)),
        np.tile(period, len(seeds)),
        known,
        advantage,
        most,
    )
    for number, seed in enumerate(seeds):
        slowly = visits.chosen_slowly(seed, list(zip(days, period, strict=True)), known, advantage, most)
        assert set(np.array(days)[found[person == number]].tolist()) == slowly


@pytest.mark.parametrize("advantage", [0.0, 0.005, 0.02, 0.1])
def test_nobodys_shift_becomes_likelier_than_the_plan_allows(advantage: float) -> None:
    """The bound, recomputed from its definition in ordinary floating point: Bayes over all shifts, each as likely as any other before."""
    counts, window = _working_days(), 26
    known = visits.calendar(counts, window)
    generator = np.random.default_rng(5)
    open_days = np.array([day for day, number in counts.items() if number])
    for seed in range(40):
        shift = int(generator.integers(-window, window + 1))
        true = generator.choice(open_days, 40, replace=False)
        released = [(int(day) + 7 * shift, False) for day in true]
        kept = visits.chosen_slowly(seed, released, known, advantage, None)
        likelihood = [
            sum(int(known.exact[day - 7 * candidate - known.first]) for day in kept) / visits.STEPS
            for candidate in range(-window, window + 1)
        ]
        best = max(likelihood)
        posterior = 1 / math.fsum(2 ** (one - best) for one in likelihood)
        assert posterior <= 1 / 53 + advantage + 1e-4
        assert kept or advantage == 0.0


def test_the_order_of_days_knows_nothing_of_the_shift() -> None:
    """Ranks of neighbouring days are unrelated: their correlation over many persons is that of chance."""
    ranks = np.array([[visits.rank(seed * 7919, 19_000 + day) / 2**64 for day in range(4)] for seed in range(2000)])
    assert np.abs(np.corrcoef(ranks.T) - np.eye(4)).max() < 0.08
    assert abs(ranks.mean() - 0.5) < 0.02


def _working_days() -> dict[int, int]:
    first, last = 18_262, 20_088  # 2020 to 2024
    kinds = holidays.kinds(first, last)
    return {first + number: (400 if kind == holidays.WORKING else 20) for number, kind in enumerate(kinds)}


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ("period = { from = 2021-01-01, to = 2021-12-01 }\n", "shift.period"),
        ("period = { from = 2021-01-01 }\n", "shift.period"),
        ("advantage = 2\n", "shift.advantage"),
        ("[visits]\nmost = 0\n", "visits.most"),
        ("[visits]\nleast = 1\n", "visits.least"),
        ('[visits]\nlost = "person"\n', "visits.lost"),
    ],
)
def test_a_plan_says_it_rightly_or_is_refused(extra: str, field: str, make_plan: Callable[..., plan.Plan]) -> None:
    with pytest.raises(Refusal) as caught:
        make_plan(extra=extra)
    assert caught.value.code == "plan-field"
    assert caught.value.particulars["field"] == field


def test_the_digest_covers_the_days(make_plan: Callable[..., plan.Plan]) -> None:
    digests = {make_plan(extra=extra).digest for extra in ("", *PLANS.values())}
    assert len(digests) == len(PLANS) + 1


def test_intervals_stay_exact(make_plan: Callable[..., Any], carry_out: Any) -> None:
    first = date(2021, 6, 1)
    rows = {
        "patients": [{"person": one, "sex": "male"} for one in ("P1", "P2")],
        "deaths": [],
        "encounters": [
            {"person": one, "started_on": first + timedelta(days=gap), "encounter_class": "outpatient"}
            for one in ("P1", "P2")
            for gap in (0, 9, 40, 41)
        ],
        "diagnoses": [],
    }
    planned = make_plan(limit=0.0, extra=PERIOD, tables=TABLES, patients='sex = { treatment = "keep", quasi = true }')
    _, released = carry_out(planned, rows)
    by_person: dict[object, list[date]] = {}
    for row in released["encounters"]:
        if row["started_on"] is not None:
            by_person.setdefault(row["person"], []).append(row["started_on"])  # type: ignore[arg-type]
    assert by_person
    for own in by_person.values():
        assert {(day - min(own)).days for day in own} <= {0, 1, 9, 31, 32, 40, 41}
        assert all(date(2020, 12, 1) + timedelta(weeks=26) <= day <= date(2022, 6, 30) - timedelta(weeks=26) for day in own)
