"""Three classes from counts of patterns: known mixtures are found again, and little data leave the start where it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage import mixture

NAME = np.array([[0.9, 0.06, 0.04], [0.02, 0.18, 0.80], [0.01, 0.04, 0.95]])
PLACE = np.array([[0.7, 0.3], [0.9, 0.1], [0.02, 0.98]])
AGE = np.array([[0.99, 0.01], [0.05, 0.95], [0.03, 0.97]])


def drawn(shares: np.ndarray, pairs: float) -> mixture.Patterns:
    """Expected counts of every pattern under a known mixture, without chance."""
    levels = np.array([[a, b, c] for a in range(3) for b in range(2) for c in range(2)])
    likely = NAME[:, levels[:, 0]] * PLACE[:, levels[:, 1]] * AGE[:, levels[:, 2]]
    return mixture.Patterns(levels, pairs * (shares @ likely))


def test_a_known_mixture_is_found_again() -> None:
    shares = np.array([0.2, 0.1, 0.7])
    start = mixture.Mixture(
        np.array([0.3, 0.2, 0.5]),
        (np.array([[0.8, 0.1, 0.1], [0.05, 0.25, 0.7], NAME[2]]), np.array([[0.6, 0.4], [0.8, 0.2], PLACE[2]]), np.array([[0.95, 0.05], [0.1, 0.9], AGE[2]])),
    )  # fmt: skip
    found = mixture.fit(drawn(shares, 1e7), start, (True, True, True), 1.0, rounds=5_000, tolerance=1e-12)
    assert found.shares == pytest.approx(shares, abs=0.01)
    assert found.rates[0][mixture.PERSON] == pytest.approx(NAME[0], abs=0.01)
    assert found.rates[1][mixture.HOUSEHOLD] == pytest.approx(PLACE[1], abs=0.02)


def test_the_rates_of_strangers_never_move() -> None:
    start = mixture.Mixture(np.array([0.3, 0.2, 0.5]), (NAME, PLACE, AGE))
    found = mixture.fit(drawn(np.array([0.6, 0.2, 0.2]), 1e5), start, (True, True, True), 10.0)
    for before, after in zip(start.rates, found.rates, strict=True):
        assert after[mixture.STRANGER].tolist() == before[mixture.STRANGER].tolist()


def test_few_pairs_leave_the_rates_where_they_were() -> None:
    start = mixture.Mixture(np.array([0.3, 0.2, 0.5]), (NAME, PLACE, AGE))
    odd = mixture.Patterns(np.array([[2, 1, 1]]), np.array([20.0]))
    found = mixture.fit(odd, start, (True, True, True), 2_000.0)
    for before, after in zip(start.rates, found.rates, strict=True):
        assert np.abs(after - before).max() < 0.02


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1), st.integers(-1, 1), st.integers(1, 10_000)), min_size=1, max_size=20))
def test_memberships_and_rates_are_probabilities(rows: list[tuple[int, int, int, int]]) -> None:
    patterns = mixture.Patterns(np.array([row[:3] for row in rows]), np.array([float(row[3]) for row in rows]))
    found = mixture.fit(patterns, mixture.Mixture(np.array([0.3, 0.2, 0.5]), (NAME, PLACE, AGE)), (True, True, False), 5.0, rounds=30)
    assert found.memberships(patterns).sum(axis=1) == pytest.approx(np.ones(len(rows)))
    assert found.shares.sum() == pytest.approx(1.0)
    for table in found.rates:
        assert table.sum(axis=1) == pytest.approx(np.ones(3))
        assert (table > 0).all()


def test_a_comparison_that_says_nothing_changes_no_membership() -> None:
    known = mixture.Mixture(np.array([0.3, 0.2, 0.5]), (NAME, PLACE, AGE))
    silent = known.memberships(mixture.Patterns(np.array([[0, -1, -1]]), np.array([1.0])))
    alone = mixture.Mixture(known.shares, (NAME,)).memberships(mixture.Patterns(np.array([[0]]), np.array([1.0])))
    assert silent == pytest.approx(alone)
