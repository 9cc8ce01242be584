"""The search over the lattice: always the best node, persons counted, never more left out than allowed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding import lattice
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity
from kiban_processing.recoding.tuples import Sensitive, Tuples
from kiban_processing.refusals import Refusal


@st.composite
def hierarchies(draw: st.DrawFn, name: str) -> Hierarchy:
    """A nested hierarchy of 2 to 5 leaves and 1 to 4 levels, not always ending in one value."""
    leaves = draw(st.integers(2, 5))
    rows = [[f"{name}{leaf}"] for leaf in range(leaves)]
    groups = list(range(leaves))
    for level in range(draw(st.integers(0, 3))):
        merged = {group: draw(st.integers(0, max(groups) // 2)) for group in sorted(set(groups))}
        groups = [merged[group] for group in groups]
        for leaf, group in enumerate(groups):
            rows[leaf].append(f"{name}{level}-{group}")
    return hierarchy.build(name, "1", rows)


@st.composite
def problems(draw: st.DrawFn) -> Tuples:
    chosen = tuple(draw(hierarchies(name)) for name in "abc"[: draw(st.integers(1, 3))])
    leaf = st.tuples(*(st.integers(0, one.size) for one in chosen), st.integers(0, 2))
    counts = draw(st.dictionaries(leaf, st.integers(1, 4), min_size=1, max_size=12))
    table = np.array([list(key) for key in counts], dtype=np.int64)
    asked = draw(st.sampled_from([None, ("l", 2), ("t", 0.3), ("t", 0.5)]))
    sensitive = ()
    if asked:
        model = DistinctDiversity(int(asked[1])) if asked[0] == "l" else Closeness(asked[1])
        sensitive = (Sensitive("s", table[:, -1], (model,)),)
    return Tuples(chosen, tuple(table[:, at] for at in range(len(chosen))), np.array(list(counts.values()), dtype=np.int64), sensitive)


def brute_force(tuples: Tuples, k: int, allowed: int) -> tuple[float, int, tuple[int, ...]] | None:
    """Every node, classes as dictionaries, loss by its definition."""
    best = None
    total = tuples.total
    for node in itertools.product(*(range(one.levels) for one in tuples.hierarchies)):
        classes: dict[Any, list[int]] = {}
        for at in range(len(tuples.persons)):
            key = tuple(one.codes[level][leaves[at]] for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True))
            classes.setdefault(key, []).append(at)
        kept = [at for members in classes.values() if satisfied(tuples, members, k) for at in members]
        stay = int(sum(tuples.persons[at] for at in kept))
        if total - stay > allowed:
            continue
        product = 1.0
        for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
            lost = float(total - stay) + sum(
                tuples.persons[at] * max(int((one.codes[level][:-1] == one.codes[level][leaves[at]]).sum()), 1) / one.size for at in kept
            )
            product *= 1 + max((lost / total - 1 / one.size) / (1 - 1 / one.size), 0)
        candidate = (round(product ** (1 / len(node)) - 1, 10), sum(node), node)
        best = candidate if best is None else min(best, candidate)
    return best


def satisfied(tuples: Tuples, members: list[int], k: int) -> bool:
    size = sum(tuples.persons[at] for at in members)
    for one in tuples.sensitive:
        values = set(one.codes.tolist())
        distance = sum(
            abs(
                sum(tuples.persons[at] for at in members if one.codes[at] == value) / size
                - tuples.persons[one.codes == value].sum() / tuples.total
            )
            for value in values
        )
        for model in one.models:
            if isinstance(model, DistinctDiversity) and len({one.codes[at] for at in members}) < model.l:
                return False
            if isinstance(model, Closeness) and distance / 2 > model.t + 1e-9:
                return False
    return bool(size >= k)


@given(tuples=problems(), k=st.integers(1, 8), share=st.sampled_from([0.0, 0.1, 0.3, 0.8]))
@settings(max_examples=400)
def test_the_search_finds_what_trying_every_node_finds(tuples: Tuples, k: int, share: float) -> None:
    allowed = int(share * tuples.total)
    found = lattice.search(tuples, Demand(k), allowed, digits=10)
    expected = brute_force(tuples, k, allowed)
    assert (found is None) == (expected is None)
    if found and expected:
        assert found.suppressed <= allowed
        assert found.loss_geometric == pytest.approx(expected[0], abs=1e-9)
        assert found.node == expected[2]


@given(tuples=problems(), k=st.integers(1, 8), data=st.data())
@settings(max_examples=200)
def test_coarsening_a_whole_column_never_lowers_k(tuples: Tuples, k: int, data: st.DataObject) -> None:
    node = tuple(data.draw(st.integers(0, one.levels - 1)) for one in tuples.hierarchies)
    at = data.draw(st.integers(0, len(node) - 1))
    assume(node[at] + 1 < tuples.hierarchies[at].levels)
    coarser = (*node[:at], node[at] + 1, *node[at + 1 :])
    plain = Tuples(tuples.hierarchies, tuples.leaves, tuples.persons)
    fine, coarse = lattice.classify(plain, node, Demand(k)), lattice.classify(plain, coarser, Demand(k))
    assert coarse.sizes.min() >= fine.sizes.min()
    assert coarse.suppressed <= fine.suppressed


def test_a_missing_value_matches_only_itself_until_the_top() -> None:
    sex = hierarchy.build("sex", "1", [("male", "*"), ("female", "*")])
    tuples = Tuples((sex,), (np.array([0, 2]),), np.array([4, 1]))
    assert lattice.classify(tuples, (0,), Demand(2)).suppressed == 1
    assert lattice.classify(tuples, (1,), Demand(2)).suppressed == 0
    assert sex.label(None, 0) is None
    assert sex.label(None, 1) == "*"


BROKEN = {
    "no rows": "",
    "ragged": "a;x;*\nb;*\n",
    "listed twice": "a;x\na;x\n",
    "not nested": "a;x;1\nb;x;2\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_hierarchy_is_refused(content: str) -> None:
    with pytest.raises(Refusal) as caught:
        hierarchy.read("h.csv", "1", content)
    assert caught.value.code == "hierarchy-malformed"


def test_many_wide_attributes_do_not_overflow_the_key() -> None:
    wide = hierarchy.build("wide", "1", [(str(leaf), "*") for leaf in range(1000)])
    leaves = np.arange(50, dtype=np.int64) * 19 + 1
    tuples = Tuples((wide,) * 8, (leaves,) * 8, np.full(50, 2))
    assert lattice.classify(tuples, (0,) * 8, Demand(2)).suppressed == 0
    assert len(lattice.classify(tuples, (0,) * 8, Demand(2)).sizes) == 50
