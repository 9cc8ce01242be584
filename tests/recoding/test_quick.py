"""The quick local search: the same classes as the first start of the full one, compiled or plain, on narrow and wide numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import lattice, local, losses, quick, region_counting
from kiban_processing.recoding.demands import Demand, DistinctDiversity
from kiban_processing.recoding.tuples import Sensitive, Tuples


@st.composite
def tables(draw: st.DrawFn) -> Tuples:
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    hierarchies = tuple(
        hierarchy.build(f"h{n}", "1", [(f"v{leaf}", f"g{leaf // 2}", "*") for leaf in range(size)]) for n, size in enumerate(sizes)
    )
    rows = draw(st.lists(st.tuples(*(st.integers(0, size) for size in sizes)), min_size=1, max_size=25, unique=True))
    leaves = np.array(sorted(rows), dtype=np.int64).reshape(len(rows), len(sizes))
    persons = draw(st.lists(st.integers(1, 5), min_size=len(rows), max_size=len(rows)))
    return Tuples(hierarchies, tuple(leaves.T), np.array(persons, dtype=np.int64))


def classes(of: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(of == number).tolist()) for number in np.unique(of)}


@settings(deadline=None)  # the first example compiles
@given(tables(), st.integers(1, 6))
def test_compiled_and_plain_form_the_same_classes(tuples: Tuples, k: int) -> None:
    demand = Demand(k)
    if not quick.possible(tuples, demand):
        assert tuples.total < k
        return
    plain = quick.recode(tuples, demand, compiled=False)
    assert plain.sizes.min() >= k
    assert plain.sizes.sum() == tuples.total
    lost = losses.of_recoding(tuples, plain.of, plain.levels, tuples.total)
    assert (plain.loss_geometric, plain.loss_arithmetic) == pytest.approx(lost)
    if region_counting.COMPILED:
        fast = quick.recode(tuples, demand)
        assert classes(fast.of) == classes(plain.of)
        assert (fast.loss_geometric, fast.loss_arithmetic) == pytest.approx(lost)
        for number in range(len(fast.sizes)):
            (other,) = np.unique(plain.of[fast.of == number])
            assert fast.levels[number].tolist() == plain.levels[other].tolist()
            assert fast.sizes[number] == plain.sizes[other]


@settings(deadline=None)  # the first example compiles
@given(tables(), st.integers(1, 5))
def test_narrow_numbers_change_nothing(tuples: Tuples, k: int) -> None:
    narrow = Tuples(tuples.hierarchies, tuple(leaves.astype(np.int16) for leaves in tuples.leaves), tuples.persons)
    demand, allowed = Demand(k), tuples.total // 4
    for search in (lattice.search, local.recode):
        wide, slim = search(tuples, demand, allowed), search(narrow, demand, allowed)
        assert (wide is None) == (slim is None)
        if wide is not None and slim is not None:
            assert classes(wide.of) == classes(slim.of)
            assert wide.loss_geometric == slim.loss_geometric


def test_it_is_not_for_questions_it_does_not_answer() -> None:
    one = hierarchy.build("h", "1", [("a", "*"), ("b", "*")])
    open_top = hierarchy.build("h", "1", [("a", "x"), ("b", "y")])
    leaves, persons = (np.array([0, 1]),), np.array([3, 3])
    assert quick.possible(Tuples((one,), leaves, persons), Demand(6))
    assert not quick.possible(Tuples((one,), leaves, persons), Demand(7))
    assert not quick.possible(Tuples((open_top,), leaves, persons), Demand(2))
    asked = Sensitive("s", np.array([0, 1]), (DistinctDiversity(2),))
    assert not quick.possible(Tuples((one,), leaves, persons, (asked,)), Demand(2))
