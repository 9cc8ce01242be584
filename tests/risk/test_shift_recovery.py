"""Shift recovery: the attacker finds what a slow one finds; guesses without evidence; and is held off where the days are chosen for it."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import holidays
from kiban_processing.risk import shift_recovery
from kiban_processing.transforms import visits

WINDOW = 4
FIRST = (date(2021, 11, 1) - holidays.EPOCH).days


def slowly(person: list[int], true: list[int], weeks: list[int], window: int) -> tuple[float, list[float]]:
    """The `activity` attacker by his definition: Bayes for each person and shift, his own visits not counted."""
    counts = Counter(true)
    low, high = min(true), max(true)
    kinds = holidays.kinds(low, high)
    group = [(int(kind), day % 7) for day, kind in zip(range(low, high + 1), kinds, strict=True)]
    total, number = Counter[tuple[int, int]](), Counter(group)
    for day, one in zip(range(low, high + 1), group, strict=True):
        total[one] += counts[day]
    overall = len(true) / (high - low + 1)

    def likely(day: int, visits_there: int) -> float:
        rule = total[group[day - low]] / number[group[day - low]] / overall if low <= day <= high else 0.0
        return visits_there + 1.0 * rule + 0.002

    top = max(likely(day, counts[day]) for day in range(low - 14 * window, high + 14 * window + 1))
    chances, ranks = [], []
    for one, own_weeks in enumerate(weeks):
        own = {day for of, day in zip(person, true, strict=True) if of == one}
        evidence = []
        for shift in range(-window, window + 1):
            undone = [day + 7 * (own_weeks - shift) for day in own]
            bits = [math.log2(likely(day, max(counts[day] - (day in own), 0)) / top) for day in undone]
            evidence.append(sum(round(1024 * max(bit, -20.0)) for bit in bits))
        truth = evidence[own_weeks + window]
        better, equal = sum(one > truth for one in evidence), evidence.count(truth)
        chances.append(0.0 if better else 1 / equal)
        ranks.append(1 + better + (equal - 1) / 2)
    return sum(chances), ranks


@given(
    visited=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120)), min_size=1, max_size=30, unique=True),
    weeks=st.lists(st.integers(-WINDOW, WINDOW), min_size=4, max_size=4),
)
@settings(max_examples=80, deadline=None)
def test_the_attacker_finds_what_the_slow_one_finds(visited: list[tuple[int, int]], weeks: list[int]) -> None:
    person, true = [one for one, _ in visited], [FIRST + day for _, day in visited]
    released = np.array([day + 7 * weeks[one] for one, day in zip(person, true, strict=True)])
    found = shift_recovery.recover_by("activity", np.array(person), released, np.array(weeks), Counter(true), WINDOW)
    recovered, ranks = slowly(person, true, weeks, WINDOW)
    assert found.recovered == pytest.approx(recovered, abs=1e-5)
    assert found.median_rank == pytest.approx(float(np.median(ranks)))


def test_without_dates_there_is_only_guessing() -> None:
    empty = np.zeros(0, np.int64)
    found = shift_recovery.recover(empty, empty, np.arange(-3, 4), {18_000: 5}, 26)
    assert (found.persons, found.days, found.shifts) == (7, 0, 53)
    assert found.success == pytest.approx(found.guessing)
    assert found.advantage == pytest.approx(0.0, abs=1e-6)
    assert found.median_rank == 27


def test_the_year_end_gives_a_shift_away() -> None:
    """A person who came on every working day around one new year can only have been moved by what makes the gap fall on it."""
    first = (date(2021, 12, 1) - holidays.EPOCH).days
    kinds = holidays.kinds(first - 200, first + 260)
    working = [first - 200 + number for number, kind in enumerate(kinds) if kind == holidays.WORKING]
    counts = dict.fromkeys(working, 500)
    own = np.array([day for day in working if first <= day < first + 60])
    found = shift_recovery.recover(np.zeros(len(own), np.int64), own + 7 * 3, np.array([3]), counts, 8)
    assert (found.success, found.median_rank) == (1.0, 1.0)


def _cohort(seed: int, persons: int, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, last = ((day - holidays.EPOCH).days for day in (date(2019, 4, 1), date(2024, 3, 31)))
    kinds = holidays.kinds(first, last)
    busy = np.where(kinds == holidays.WORKING, 1.0, 0.05)
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(persons), generator.integers(1, 41, persons))
    day = first + generator.choice(len(busy), len(person), p=busy / busy.sum())
    once = np.unique(np.c_[person, day], axis=0)
    return once[:, 0], once[:, 1], generator.integers(-window, window + 1, persons)


@pytest.mark.parametrize("window", [26, 52])
def test_long_exact_histories_leak_and_chosen_days_do_not(window: int) -> None:
    person, true, weeks = _cohort(3, 3000, window)
    counts = Counter(true.tolist())
    released = true + 7 * weeks[person]
    bare = shift_recovery.recover(person, released, weeks, counts, window)
    assert bare.advantage > 0.2, "exact intervals of long histories tell the shift: no window helps"
    known = visits.calendar(counts, window)
    kept = visits.chosen(person, (person * 7919 + 13).astype(np.uint64), released, np.zeros(len(released), bool), known, 0.03, None)
    held = shift_recovery.recover(person[kept], released[kept], weeks, counts, window)
    assert held.interval[0] - held.guessing <= 0.02
    assert held.advantage <= 0.025
    assert kept.mean() > 0.2


def test_the_edges_alone_leak_and_trimming_closes_them() -> None:
    """Every day equally busy: only the first and last day of the collection tell anything."""
    generator = np.random.default_rng(4)
    window, length = 26, 1820
    person = np.repeat(np.arange(3000), 12)
    true = 18_000 + generator.integers(0, length, len(person))
    once = np.unique(np.c_[person, true], axis=0)
    person, true = once[:, 0], once[:, 1]
    weeks = generator.integers(-window, window + 1, 3000)
    counts = dict.fromkeys(range(18_000, 18_000 + length), 100_000)
    released = true + 7 * weeks[person]
    bare = shift_recovery.recover(person, released, weeks, counts, window)
    inside = (released >= 18_000 + 7 * window) & (released < 18_000 + length - 7 * window)
    trimmed = shift_recovery.recover(person[inside], released[inside], weeks, counts, window)
    # Holidays are as busy as any day here, so the calendar attacker only misleads himself; the activity attacker sees the edges alone.
    assert bare.advantage > 0.02
    assert trimmed.interval[0] <= trimmed.guessing <= trimmed.interval[1]


def test_the_result_is_plain_data() -> None:
    found = shift_recovery.recover(np.array([0]), np.array([18_010]), np.array([1]), {18_003: 4}, 2)
    assert found.as_json()["interval"] == list(found.interval)
    assert set(found.as_json()) >= {"attacker", "success", "guessing", "advantage", "median_rank", "persons"}


def test_holidays_by_rule() -> None:
    def off(*day: int) -> bool:
        return date(*day) in holidays.of_year(day[0])

    assert [off(2024, 2, 12), off(2024, 8, 12), off(2024, 11, 4), off(2025, 5, 6), off(2026, 9, 22)] == [True] * 5, "substitutes, between"
    assert [off(2019, 2, 23), off(2019, 12, 23), off(2020, 7, 20), off(2021, 10, 11), off(2024, 5, 7)] == [False] * 5
    assert len(holidays.of_year(2019)) == 22
    assert {len(holidays.of_year(year)) for year in range(2022, 2026)} <= {16, 17, 18, 19, 20, 21}
    kinds = holidays.kinds((date(2023, 12, 28) - holidays.EPOCH).days, (date(2024, 1, 8) - holidays.EPOCH).days)
    expected = [
        holidays.WORKING,
        *[holidays.YEAR_END] * 6,
        holidays.WORKING,
        holidays.WORKING,
        holidays.WEEKEND,
        holidays.WEEKEND,
        holidays.HOLIDAY,
    ]
    assert kinds.tolist() == expected
    assert date(2023, 12, 28) + timedelta(days=len(expected)) == date(2024, 1, 9)
