"""Gap vectors: equal to comparing sets of gaps; the figures that made the project score the shift come out again."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.risk import gap_vectors


@given(
    dates=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 40)), min_size=0, max_size=40, unique=True),
    gap=st.sampled_from([1, 7, 28]),
    classes=st.none() | st.lists(st.integers(0, 1), min_size=9, max_size=9),
    k=st.integers(1, 4),
)
@settings(max_examples=100, deadline=None)
def test_it_equals_comparing_sets_of_gaps(dates: list[tuple[int, int]], gap: int, classes: list[int] | None, k: int) -> None:
    days: dict[int, list[int]] = defaultdict(list)
    for person, day in dates:
        days[person].append(day)
    sets = Counter(
        (frozenset((day - min(own)) // gap for day in own), classes[person] if classes else 0)
        for person, own in days.items()
        if len(own) >= 2
    )
    person, day = (np.array(column, np.int64) for column in zip(*dates, strict=True)) if dates else (np.zeros(0, np.int64),) * 2
    found = gap_vectors.unique(person, day + 19_000, k, gap, np.array(classes) if classes else None)
    assert found.persons == sets.total()
    assert found.unique == sum(number == 1 for number in sets.values())
    assert found.below_k == sum(number for number in sets.values() if number < k)


def _visits(persons: int, visits: int) -> tuple[np.ndarray, np.ndarray]:
    person = np.repeat(np.arange(persons), visits)
    once = np.unique(np.c_[person, np.random.default_rng(1).integers(0, 1095, len(person))], axis=0)
    return once[:, 0], once[:, 1]


def test_four_visits_are_as_good_as_a_name_and_coarser_gaps_are_not() -> None:
    person, day = _visits(100_000, 4)
    exact, weeks, months = (gap_vectors.unique(person, day, 5, gap, fewest=4).share for gap in (1, 7, 28))
    assert exact > 0.99
    assert weeks > months
    assert months < 0.1


def test_quasi_identifiers_add_to_the_gaps() -> None:
    person, day = _visits(20_000, 3)
    alone = gap_vectors.unique(person, day, 5, 7)
    both = gap_vectors.unique(person, day, 5, 7, np.arange(20_000) % 40)
    assert both.unique > alone.unique
    assert both.as_json()["with_quasi"] is True


@pytest.mark.parametrize(("visits", "least", "most"), [(10, 0.70, 0.86), (20, 0.96, 1.0), (2, 0.0, 0.1)])
def test_weekdays_would_tell_a_shift_in_days(visits: int, least: float, most: float) -> None:
    """78 % after ten visits, 98 % after twenty."""
    generator = np.random.default_rng(2)
    person = np.repeat(np.arange(5000), visits)
    working = np.flatnonzero((np.arange(19_000, 20_095) + 3) % 7 < 5) + 19_000
    day = generator.choice(working, len(person)) + np.repeat(generator.integers(-180, 181, 5000), visits)
    assert least <= gap_vectors.weekdays_told(person, day) <= most
