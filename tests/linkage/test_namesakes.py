"""Namesakes are found by the surplus of pairs that share nothing among common names, and the link weight by what links are expected to hold."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.linkage import evidence, learning, namesakes

PERSON = np.array([0.5, 0.3, 0.15, 0.05])
LIVING = np.array([0.001, 0.009, 0.29, 0.70])


def counted(shares: list[float], pairs: float) -> np.ndarray:
    held = np.array(shares)[:, None]
    return pairs * ((1.0 - held) * PERSON[None, :] + held * LIVING[None, :])


def test_a_surplus_among_common_names_is_namesakes() -> None:
    planted = [0.001, 0.004, 0.02, 0.08, 0.25, 0.50]
    share, person = namesakes.divide(counted(planted, 1e6), np.array([0.4, 0.3, 0.2, 0.1]), LIVING)
    # Among rare names a handful of namesakes cannot be told from people who moved; there the built-in odds are the floor.
    assert share[2:] == pytest.approx(planted[2:], rel=0.25)
    assert (share[:2] < 0.01).all()
    assert person == pytest.approx(PERSON, abs=0.01)


def test_few_pairs_leave_the_built_in_odds() -> None:
    share, _person = namesakes.divide(counted([0.5] * 6, 10.0), PERSON, LIVING)
    prior = np.array(namesakes.ODDS) / (1.0 + np.array(namesakes.ODDS))
    assert (np.abs(share - prior) < 0.01).all()


def test_shares_are_probabilities_whatever_is_counted() -> None:
    share, person = namesakes.divide(np.zeros((6, 4)), PERSON, LIVING)
    assert ((share > 0) & (share < 1)).all()
    assert person.sum() == pytest.approx(1.0)


JUDGED = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(-40, 160), st.integers(1, 5_000)), max_size=40)


@settings(deadline=None, max_examples=40)
@given(JUDGED)
def test_the_link_weight_keeps_expected_wrong_links_below_the_bound(rows: list[tuple[bool, bool, int, int]]) -> None:
    """`rows`: certain, linkable, weight in quarters, pairs. Recounted here one weight at a time."""
    with duckdb.connect() as con:
        con.execute("CREATE TABLE found (certain BOOLEAN, linkable BOOLEAN, step INTEGER, pairs INTEGER)")
        if rows:
            con.executemany("INSERT INTO found VALUES (?, ?, ?, ?)", rows)
        con.execute("CREATE TABLE judged AS SELECT certain, linkable, false AS vetoed, step / 4.0 AS weight FROM found, range(pairs)")
        bar = evidence.calibrate(con, "judged", learning.built_in(1_000, 14.0, 0.0)).link_weight
    assert evidence.LOWEST_LINK_WEIGHT <= bar <= evidence.HIGHEST_LINK_WEIGHT
    by_weight = [(step / 4.0, pairs) for certain, linkable, step, pairs in rows if linkable and not certain]
    certain = sum(pairs for sure, _linkable, _step, pairs in rows if sure)

    def wrong(lowest: float) -> tuple[float, float]:
        linked = [(weight, pairs) for weight, pairs in by_weight if weight >= lowest]
        return sum(pairs * 2.0**-weight for weight, pairs in linked), certain + sum(pairs for _weight, pairs in linked)

    if bar < evidence.HIGHEST_LINK_WEIGHT:
        expected, links = wrong(bar)
        assert expected <= evidence.WRONG_LINKS * links * (1 + 1e-9)
