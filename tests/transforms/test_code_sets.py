"""Any one or two codes somebody may know are shared by k persons or by none, and as little as possible is taken for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from itertools import combinations
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import incidence
from kiban_processing.hierarchies import codes as hierarchies
from kiban_processing.plan import CodeSets
from kiban_processing.transforms import code_sets

from .conftest import SECRETS

DAY = date(2020, 1, 6)
CODES = [("a.icd10", code) for code in ("E119", "E112", "E10", "I10", "I119", "J459", "C001", "??")] + [
    ("b.yj", "3969007F1024"),
    ("b.yj", "2149"),
]
SYSTEMS = {"a.icd10": "ICD-10", "b.yj": "YJ"}
PATHS = {code: hierarchies.path(SYSTEMS[code[0]], code[1]) for code in CODES}
HOLDINGS = st.dictionaries(st.sampled_from(CODES), st.sets(st.integers(0, 11).map(str), min_size=1), min_size=1)
ASKED = st.builds(
    CodeSets, st.just(tuple(SYSTEMS)), st.integers(1, 2), st.integers(2, 4), st.integers(0, 4), st.sampled_from([0.0, 0.3, 0.5, 1.0])
)


@given(held_by=HOLDINGS, asked=ASKED, rare=st.integers(2, 3))
@settings(max_examples=150)
def test_what_is_left_is_k_m_anonymous(held_by: Any, asked: CodeSets, rare: int) -> None:
    """By the definition: for any set of at most m items that some person shows, at least k persons show it; each label has its holders."""
    holdings = code_sets.Holdings(held_by)
    paths = {code: PATHS[code] for code in held_by}
    settled = code_sets.settle(paths, holdings, asked, rare)
    shown: dict[str, set[tuple[str, str]]] = defaultdict(set)
    labels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for code, label in settled.items():
        assert label is None or label in paths[code]
        assert holdings.left[code] <= held_by[code]
        for person in holdings.left[code]:
            assert label is not None
            at = len(paths[code]) - paths[code].index(label)
            item = paths[code][-asked.top] if asked.top and at > asked.top else label
            shown[person].add((code[0], item))
            labels[code[0], label].add(person)
    for known in {one for items in shown.values() for size in range(1, asked.m + 1) for one in combinations(sorted(items), size)}:
        assert sum(set(known) <= items for items in shown.values()) >= asked.k
    assert all(len(persons) >= rare for persons in labels.values())


@given(held_by=HOLDINGS, asked=ASKED, rare=st.integers(2, 3))
@settings(max_examples=30)
def test_the_engine_counts_as_the_plain_form_does(held_by: Any, asked: CodeSets, rare: int) -> None:
    known = sorted(held_by)
    paths = {code: PATHS[code] for code in known}
    plain = code_sets.Holdings(held_by)
    expected = code_sets.settle(paths, plain, asked, rare)
    con = duckdb.connect(config={"threads": 1})
    con.execute("CREATE TEMP TABLE incidence_all (person VARCHAR, code BIGINT)")
    con.executemany(
        "INSERT INTO incidence_all VALUES (?, ?)", [(one, known.index(code)) for code in known for one in sorted(held_by[code])]
    )
    table = incidence.Table(con, known)
    assert code_sets.settle(paths, table, asked, rare) == expected
    left = con.execute(f"SELECT person, code FROM {table.left}").fetchall()
    con.close()
    assert sorted(left) == sorted((one, known.index(code)) for code in known for one in plain.left[code])


def test_nothing_is_taken_where_every_pair_is_frequent() -> None:
    held_by = {code: {str(one) for one in range(5)} for code in CODES[:4]}
    holdings = code_sets.Holdings(held_by)
    settled = code_sets.settle({code: PATHS[code] for code in held_by}, holdings, CodeSets((), 2, 5, 0, 0.5), 2)
    assert settled == {code: PATHS[code][0] for code in held_by}
    assert holdings.left == held_by


PLAN = """
[tables.diagnoses.columns]
icd10 = { treatment = "generalise_rare" }
diagnosed_on = { treatment = "shift" }
"""
SETS = '[code_sets]\ncolumns = ["diagnoses.icd10"]\nm = 2\nk = 3\nshare = 0.5\n'
SEX = 'sex = { treatment = "keep", quasi = true }\n'


def diagnoses(*held: tuple[str, range]) -> list[dict[str, Any]]:
    return [{"person": f"P{one:02}", "icd10": code, "diagnosed_on": DAY} for code, persons in held for one in persons]


def test_a_rare_pair_of_common_codes_loses_the_rarer_code_of_its_persons(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Ten persons have diabetes, eight asthma, and two both: whoever knows of both diseases would have them."""
    rows = {
        "patients": [{"person": f"P{one:02}", "sex": "female"} for one in range(16)],
        "diagnoses": diagnoses(("E119", range(10)), ("J459", range(8, 16))),
    }
    plain, before = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=PLAN), rows)
    outcome, after = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=PLAN, extra=SETS), rows)
    assert plain.code_sets is None
    assert _both(before, "E11.9", "J45.9") == 2
    assert _both(after, "E11.9", "J45.9") == 0
    assert outcome.code_sets.cells_suppressed == outcome.code_sets.persons_affected == 2
    assert outcome.tables["diagnoses"].rows_dropped_rare == 2  # the row said nothing else
    assert outcome.persons_suppressed == 0
    assert outcome.suppressed == {"persons": 0, "records": 2, "cells": 0}


def test_a_code_that_would_lose_most_of_its_persons_goes_up_instead(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """I10 and I11.9 are each had by three, of whom two and two have diabetes; as I10-I15 they are four pairs, and stay."""
    rows = {
        "patients": [{"person": f"P{one:02}", "sex": "female"} for one in range(12)],
        "diagnoses": diagnoses(("E119", range(8)), ("I10", range(6, 9)), ("I119", range(4, 6)), ("I119", range(9, 10))),
    }
    outcome, released = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=PLAN, extra=SETS), rows)
    labels = {row["icd10"] for row in released["diagnoses"]}
    assert labels == {"E11.9", "I10-I15"}
    assert _both(released, "E11.9", "I10-I15") == 4
    assert outcome.code_sets.cells_suppressed == 0
    assert outcome.code_sets.codes_generalised == 2


def test_pairs_may_be_protected_at_the_top_only(make_plan: Callable[..., Any], carry_out: Any) -> None:
    """Known by their chapter, two pairs of chapters IV and X are one pair of four persons: nothing need go."""
    rows = {
        "patients": [{"person": f"P{one:02}", "sex": "female"} for one in range(12)],
        "diagnoses": diagnoses(("E119", range(8)), ("J459", range(6, 10)), ("J449", range(4, 6)), ("J449", range(10, 12))),
    }
    fine, _ = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=PLAN, extra=SETS.replace("0.5", "1.0")), rows)
    coarse, released = carry_out(make_plan(k=3, limit=0.0, patients=SEX, tables=PLAN, extra=SETS + "top = 1\n"), rows)
    assert fine.code_sets.cells_suppressed == 4
    assert coarse.code_sets.cells_suppressed == 0
    assert _both(released, "E11.9", "J45.9") == 2


def _both(released: Any, one: str, other: str) -> int:
    held = defaultdict(set)
    for row in released["diagnoses"]:
        held[row["icd10"]].add(row["person"])
    return len(held[one] & held[other])


@pytest.mark.parametrize(("m", "k"), [(1, 6), (2, 3)])
def test_one_code_known_is_a_matter_of_its_holders(m: int, k: int, make_plan: Callable[..., Any], carry_out: Any) -> None:
    rows = {
        "patients": [{"person": f"P{one:02}", "sex": "female"} for one in range(10)],
        "diagnoses": diagnoses(("E119", range(6)), ("E112", range(6, 10))),
    }
    sets = SETS.replace("m = 2", f"m = {m}").replace("k = 3", f"k = {k}")
    _, released = carry_out(make_plan(k=2, limit=0.0, patients=SEX, tables=PLAN, extra=sets), rows, SECRETS)
    held = defaultdict(set)
    for row in released["diagnoses"]:
        held[row["icd10"]].add(row["person"])
    assert min(len(persons) for persons in held.values()) >= k
