"""Known events: both ways of counting give what trying every person, shift and event gives; the sample is drawn from the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.risk import events, fitting, known_events

TRIPLES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 60)), min_size=1, max_size=40)


def made(persons: int, triples: list[tuple[int, int, int]], first: int = 19_000) -> events.Events:
    person, kind, day = (np.array(column, np.int64) for column in zip(*triples, strict=True))
    return events.of(persons, person, kind, day + first)


def by_force(population: events.Events, known: fitting.Known, row: int, m: int, before: int, after: int, window: int) -> set[int]:
    rows = list(zip(population.person.tolist(), population.kind.tolist(), population.day.tolist(), strict=True))
    asked = [(int(known.kind[row, column]), int(known.day[row, column])) for column in range(m)]
    return {
        person
        for person in range(population.persons)
        if any(
            all(any(who == person and what == kind and day + 7 * s - before <= when <= day + 7 * s + after for who, what, when in rows) for kind, day in asked)
            for s in range(-window, window + 1)
        )
    }  # fmt: skip


@pytest.mark.parametrize("common", [0, 5, 10**9], ids=["bits", "both", "candidates"])
@pytest.mark.parametrize("piece", [3, 64], ids=["in pieces", "whole"])
@given(
    source=TRIPLES,
    released=TRIPLES,
    days=st.integers(0, 9),
    slack=st.sampled_from([0, 6]),
    window=st.integers(0, 3),
    cap=st.integers(1, 8),
    seed=st.integers(0, 2**63),
)
@settings(max_examples=40, deadline=None)
def test_counting_equals_trying_everything(
    common: int, piece: int, source: list[tuple[int, int, int]], released: list[tuple[int, int, int]],
    days: int, slack: int, window: int, cap: int, seed: int,
) -> None:  # fmt: skip
    before, after = made(7, source), made(7, released)
    known = known_events.draw(before, np.ones(7, bool), 3, 5, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "_COMMON", common)
        patch.setattr(fitting, "PIECE", piece)
        patch.setattr(fitting, "_CANDIDATES", 4)
        found = fitting.fitting(after, known, 3, days + slack, days, window, cap)
    for row in range(len(known.person)):
        for m in range(1, int(known.number[row]) + 1):
            fit = by_force(after, known, row, m, days + slack, days, window)
            assert found.count[row, m - 1] == min(len(fit), cap)
            assert found.own[row, m - 1] == (int(known.person[row]) in fit)


@given(source=TRIPLES, seed=st.integers(0, 2**63))
@settings(max_examples=40, deadline=None)
def test_what_is_known_is_true_and_drawn_from_the_seed(source: list[tuple[int, int, int]], seed: int) -> None:
    whole = made(7, source)
    known = known_events.draw(whole, np.arange(7) != 3, 4, 4, seed)
    again = known_events.draw(made(7, source[::-1]), np.arange(7) != 3, 4, 4, seed)
    assert (known.person.tolist(), known.kind.tolist(), known.day.tolist()) == (
        again.person.tolist(),
        again.kind.tolist(),
        again.day.tolist(),
    )
    assert 3 not in known.person
    true = set(zip(whole.person.tolist(), whole.kind.tolist(), whole.day.tolist(), strict=True))
    for row, person in enumerate(known.person.tolist()):
        told = [(person, int(known.kind[row, one]), int(known.day[row, one])) for one in range(int(known.number[row]))]
        assert set(told) <= true
        assert len(set(told)) == len(told), "no event is known twice"


def test_a_lone_diagnosis_singles_out_and_a_crowd_hides() -> None:
    """Ten persons with the same visit; one of them alone has a second one, nine days later."""
    triples = [(person, 0, 10) for person in range(10)] + [(4, 1, 19)]
    source = made(10, triples)
    shifted = events.of(10, source.person, source.kind, source.day + 7 * (source.person % 3 - 1))
    one, two = known_events.measure(source, shifted, np.ones(10, bool), [(1, 0), (2, 0)], k=5, window=1, seed=1, sample=10)
    assert (one.persons, two.persons) == (10, 1)
    assert one.before.singled_out <= 1
    assert (two.before.singled_out, two.after.singled_out) == (1, 1), "the interval is exact, so the pair is found again"
    assert two.after.share == 1.0
    assert two.after.interval[0] < 1.0
    assert two.as_json()["after"]["below_k"] == 1


def test_who_is_not_in_the_release_is_not_singled_out() -> None:
    source = made(3, [(0, 0, 1), (1, 0, 30), (2, 0, 59)])
    left = source.person != 2
    release = events.of(3, source.person[left], source.kind[left], source.day[left])
    (found,) = known_events.measure(source, release, np.array([True, True, False]), [(1, 0)], k=2, window=0, seed=3)
    assert (found.persons, found.after.singled_out, found.after.mistaken) == (2, 2, 0)


def test_larger_windows_never_single_out_more() -> None:
    generator = np.random.default_rng(7)
    person = np.repeat(np.arange(400), 6)
    source = events.of(400, person, generator.integers(0, 3, len(person)), 19_000 + generator.integers(0, 700, len(person)))
    shares = [
        known_events.measure(source, source, np.ones(400, bool), [(3, 2)], k=5, window=window, seed=5, sample=200)[0].after.share
        for window in (0, 4, 26)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]
