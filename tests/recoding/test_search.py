"""The search over the lattice: always the best node, persons counted, never more left out than allowed."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding import bounds, coding, counting, lattice, losses, rollup
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.demands import (
    Closeness,
    Demand,
    DistinctDiversity,
    EntropyDiversity,
    Likeness,
    Model,
    PopulationMap,
    Presence,
    RecursiveDiversity,
)
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Sensitive, Tuples
from kiban_processing.refusals import Refusal

MODELS: tuple[tuple[Model, ...], ...] = (
    (),
    (DistinctDiversity(2),),
    (EntropyDiversity(1.7),),
    (RecursiveDiversity(2.5, 2),),
    (Closeness(0.3),),
    (Closeness(0.5), DistinctDiversity(2)),
    (Likeness(0.8),),
)
POPULATIONS = ((), (PopulationMap(4),), (Presence(0.1, 0.7),), (PopulationMap(3), Presence(0.0, 0.9)))


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
def problems(draw: st.DrawFn) -> tuple[Tuples, Demand]:
    chosen = tuple(draw(hierarchies(name)) for name in "abc"[: draw(st.integers(1, 3))])
    leaf = st.tuples(*(st.integers(0, one.size) for one in chosen), st.integers(0, 2))
    counts = draw(st.dictionaries(leaf, st.integers(1, 4), min_size=1, max_size=12))
    table = np.array([list(key) for key in counts], dtype=np.int64)
    models = draw(st.sampled_from(MODELS))
    sensitive = (Sensitive("s", table[:, -1], models),) if models else ()
    persons = np.array(list(counts.values()), dtype=np.int64)
    asked = draw(st.sampled_from(POPULATIONS))
    population = persons + np.array(draw(st.lists(st.integers(0, 3), min_size=len(persons), max_size=len(persons)))) if asked else None
    if asked and draw(st.booleans()) and len(persons) > 1:
        persons[0] = 0  # somebody of the population whom the cohort does not have
    leaves = tuple(table[:, at] for at in range(len(chosen)))
    return Tuples(chosen, leaves, persons, sensitive, population), Demand(draw(st.integers(1, 8)), asked)


def brute_force(tuples: Tuples, demand: Demand, allowed: int, metric: Metric) -> tuple[float, int, Node] | None:
    """Every node, classes as dictionaries, the metric by its definition."""
    best = None
    total = tuples.total
    for node in itertools.product(*(range(one.levels) for one in tuples.hierarchies)):
        classes: dict[Any, list[int]] = {}
        for at in range(len(tuples.persons)):
            key = tuple(one.codes[level][leaves[at]] for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True))
            classes.setdefault(key, []).append(at)
        kept = {at for members in classes.values() if satisfied(tuples, members, demand) for at in members}
        if total - int(sum(tuples.persons[at] for at in kept)) > allowed:
            continue
        value = (entropy_of if metric is Metric.ENTROPY else loss_of)(tuples, node, kept)
        candidate = (round(value, 10), sum(node), node)
        best = candidate if best is None else min(best, candidate)
    return best


def loss_of(tuples: Tuples, node: Node, kept: set[int]) -> float:
    total, product = tuples.total, 1.0
    for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
        lost = 0.0
        for at, persons in enumerate(tuples.persons.tolist()):
            covered = max(int((one.codes[level][:-1] == one.codes[level][leaves[at]]).sum()), 1) / one.size
            lost += persons * (covered if at in kept else 1)
        product *= 1 + max((lost / max(total, 1) - 1 / one.size) / (1 - 1 / one.size), 0)
    return float(product ** (1 / len(node)) - 1)


def entropy_of(tuples: Tuples, node: Node, kept: set[int]) -> float:
    total, product = tuples.total, 1.0
    for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
        fine: Counter[int] = Counter()
        wide: Counter[int] = Counter()
        out: Counter[int] = Counter()
        for at, persons in enumerate(tuples.persons.tolist()):
            fine[int(leaves[at])] += persons
            wide[int(one.codes[level][leaves[at]])] += persons
            if at not in kept:
                out[int(one.codes[level][leaves[at]])] += persons
        lost = sum(persons * math.log2(wide[int(one.codes[level][leaf])] / persons) for leaf, persons in fine.items() if persons)
        lost += sum(persons * math.log2(out.total() / persons) for persons in out.values() if persons)
        whole = sum(persons * math.log2(total / persons) for persons in fine.values() if persons)
        product *= 1 + (lost / whole if whole else 0)
    return float(product ** (1 / len(node)) - 1)


def satisfied(tuples: Tuples, members: list[int], demand: Demand) -> bool:
    size = int(sum(tuples.persons[at] for at in members))
    if size < max(demand.k, 1):
        return False
    for one in tuples.sensitive:
        inside: Counter[int] = Counter()
        for at in members:
            inside[int(one.codes[at])] += int(tuples.persons[at])
        shares = {value: persons / size for value, persons in inside.items() if persons}
        all_shares = {value: float(tuples.persons[one.codes == value].sum()) / tuples.total for value in set(one.codes.tolist())}
        if not all(holds(model, inside, shares, all_shares) for model in one.models):
            return False
    if demand.population:
        theirs = int(sum((tuples.persons if tuples.population is None else tuples.population)[at] for at in members))
        for asked in demand.population:
            if isinstance(asked, PopulationMap) and theirs < asked.k:
                return False
            if isinstance(asked, Presence) and not asked.low - 1e-9 <= size / theirs <= asked.high + 1e-9:
                return False
    return True


def holds(model: Model, inside: Counter[int], shares: dict[int, float], all_shares: dict[int, float]) -> bool:
    match model:
        case DistinctDiversity():
            return len(shares) >= model.l
        case EntropyDiversity():
            return -sum(share * math.log(share) for share in shares.values()) >= math.log(model.l) - 1e-9
        case RecursiveDiversity():
            ordered = sorted((persons for persons in inside.values() if persons), reverse=True)
            rest = sum(ordered[model.l - 1 :])
            return rest > 0 and ordered[0] / rest < model.c - 1e-9
        case Closeness():
            return sum(abs(shares.get(value, 0) - share) for value, share in all_shares.items()) / 2 <= model.t + 1e-9
        case Likeness():
            return all((share - all_shares[value]) / all_shares[value] <= model.beta + 1e-9 for value, share in shares.items())


@contextmanager
def everything_small() -> Iterator[None]:
    """Sorted copies, narrow columns and waypoints already for a handful of rows, so that small cases go the ways of large tables."""
    with patch.object(rollup, "SORTED", 2), patch.object(coding, "_PACK", 6), patch.object(counting, "_BATCH", 4):
        yield


@given(
    problem=problems(),
    share=st.sampled_from([0.0, 0.1, 0.3, 0.8]),
    metric=st.sampled_from(list(Metric)),
    small=st.booleans(),
)
@settings(max_examples=500, deadline=None)
def test_the_search_finds_what_trying_every_node_finds(problem: tuple[Tuples, Demand], share: float, metric: Metric, small: bool) -> None:
    tuples, demand = problem
    allowed = int(share * tuples.total)
    if small:
        with everything_small():
            found = lattice.search(tuples, demand, allowed, metric, digits=10)
    else:
        found = lattice.search(tuples, demand, allowed, metric, digits=10)
    expected = brute_force(tuples, demand, allowed, metric)
    assert (found is None) == (expected is None)
    if found and expected:
        assert found.suppressed <= allowed
        assert found.minimised == pytest.approx(expected[0], abs=1e-9)
        assert found.node == expected[2]
        assert found.optimal
        assert (found.loss_geometric, found.loss_arithmetic) == pytest.approx(
            losses.of_recoding(tuples, found.of, found.levels, tuples.total), abs=1e-12
        )


def random_table(seed: int, rows: int) -> Tuples:
    """Skewed values in five attributes of two to four levels, and a sensitive one."""
    random = np.random.default_rng(seed)
    chosen = []
    for name, size, levels in zip("abcde", (12, 7, 30, 2, 5), (4, 3, 4, 2, 2), strict=True):
        values = [[f"{name}{leaf}"] for leaf in range(size)]
        group = np.arange(size)
        for level in range(1, levels):
            group = group // 3 if level + 1 < levels else np.zeros(size, dtype=int)
            for leaf in range(size):
                values[leaf].append(f"{name}{level}-{group[leaf]}")
        chosen.append(hierarchy.build(name, "1", values))
    columns = [np.minimum(random.geometric(min(2.5 / one.size, 0.6), rows) - 1, one.size) for one in chosen]
    codes = np.minimum(random.geometric(0.4, rows) - 1, 5)
    distinct, persons = np.unique(np.stack([*columns, codes], axis=1), axis=0, return_counts=True)
    leaves = tuple(np.ascontiguousarray(distinct[:, at]) for at in range(len(chosen)))
    return Tuples(tuple(chosen), leaves, persons, (Sensitive("s", np.ascontiguousarray(distinct[:, -1])),))


def by_every_node(tuples: Tuples, demand: Demand, allowed: int) -> tuple[float, int, Node] | None:
    ranks = []
    for node in itertools.product(*(range(one.levels) for one in tuples.hierarchies)):
        classes = lattice.classify(tuples, node, demand)
        if classes.suppressed <= allowed:
            ranks.append((round(losses.of_node(tuples, node, classes.kept, tuples.total)[0], 12), sum(node), node))
    return min(ranks, default=None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("models", [(), (EntropyDiversity(2.2),), (Closeness(0.25),)], ids=["k", "entropy", "closeness"])
@pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "numba"])
def test_larger_tables_too_in_sorted_groups_and_over_waypoints(seed: int, models: tuple[Model, ...], compiled: bool) -> None:
    if compiled:
        pytest.importorskip("numba")
    tuples = random_table(seed, 900)
    tuples = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=models),)) if models else replace(tuples, sensitive=())
    demand, allowed = Demand((2, 3, 5, 9)[seed]), int((0.0, 0.02, 0.05, 0.2)[seed] * tuples.total)
    with patch.object(rollup, "SORTED", 16), patch.object(coding, "_PACK", 40), patch.object(counting, "_BATCH", 50):
        found = lattice.search(tuples, demand, allowed, compiled=compiled)
    expected = by_every_node(tuples, demand, allowed)
    assert (found is None) == (expected is None)
    if found and expected:
        assert (found.node, round(found.loss_geometric, 12)) == (expected[2], expected[0])


@pytest.mark.parametrize("metric", list(Metric))
def test_the_order_of_tuples_and_where_the_search_starts_change_nothing(metric: Metric) -> None:
    tuples = replace(random_table(7, 900), sensitive=())
    expected = lattice.search(tuples, Demand(4), 30, metric)
    assert expected is not None
    shuffled = tuples.of(np.random.default_rng(1).permutation(len(tuples)))
    for start in (None, (0, 0, 0, 0, 0), (3, 2, 3, 1, 1), (9, 9, 9, 9, 9)):
        found = lattice.search(shuffled, Demand(4), 30, metric, start=start)
        assert found is not None
        assert (found.node, found.minimised) == (expected.node, expected.minimised)
    narrow = replace(tuples, leaves=tuple(leaves.astype(np.uint8) for leaves in tuples.leaves), persons=tuples.persons.astype(np.int32))
    again = lattice.search(narrow, Demand(4), 30, metric)
    assert again is not None
    assert again.node == expected.node


def test_fewer_nodes_are_counted_than_there_are() -> None:
    tuples = replace(random_table(3, 900), sensitive=())
    found = lattice.search(tuples, Demand(4), 30)
    assert found is not None
    assert found.judged < 0.3 * 4 * 3 * 4 * 2 * 2


def test_a_search_can_be_cancelled_and_leaves_nothing_behind() -> None:
    class Cancelled(Exception):
        pass

    seen: list[tuple[int, int]] = []

    def progress(judged: int, nodes: int) -> None:
        seen.append((judged, nodes))
        if judged == 3:
            raise Cancelled

    tuples = replace(random_table(3, 900), sensitive=())
    before = [leaves.copy() for leaves in tuples.leaves]
    with pytest.raises(Cancelled):
        lattice.search(tuples, Demand(4), 30, progress=progress)
    assert seen == [(1, 192), (2, 192), (3, 192)]
    assert all(np.array_equal(a, b) for a, b in zip(before, tuples.leaves, strict=True))
    assert lattice.search(tuples, Demand(4), 30) is not None


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_a_lattice_too_large_is_descended_and_never_called_optimal(share: float) -> None:
    tuples = replace(random_table(5, 900), sensitive=())
    allowed = int(share * tuples.total)
    best = lattice.search(tuples, Demand(4), allowed)
    with patch.object(lattice, "LARGEST", 10):
        found = lattice.search(tuples, Demand(4), allowed)
    assert best is not None
    assert found is not None
    assert found.node is not None
    assert not found.optimal
    assert lattice.classify(tuples, found.node, Demand(4)).suppressed <= allowed
    assert best.loss_geometric <= found.loss_geometric <= 1.25 * best.loss_geometric
    for at, level in enumerate(found.node):  # no single step down is better
        finer = (*found.node[:at], max(level - 1, 0), *found.node[at + 1 :])
        classes = lattice.classify(tuples, finer, Demand(4))
        lost = losses.of_node(tuples, finer, classes.kept, tuples.total)[0]
        assert classes.suppressed > allowed or lost >= found.loss_geometric - 1e-12


@pytest.mark.parametrize("metric", list(Metric))
def test_no_node_loses_less_than_its_bound_says(metric: Metric) -> None:
    tuples = replace(random_table(2, 500), sensitive=())
    own = coding.attributes(tuples)
    measure = bounds.measure(metric, own, tuples.total)
    random = np.random.default_rng(4)
    for _ in range(30):
        coarse: Node = tuple(int(random.integers(0, one.levels)) for one in own)
        fine: Node = tuple(int(random.integers(0, level + 1)) for level in coarse)
        terms = measure.terms(coarse, suppressed_by_value(tuples, own, coarse))
        kept = lattice.classify(tuples, fine, Demand(4)).kept
        lost = losses.of_node(tuples, fine, kept, tuples.total)[0] if metric is Metric.LOSS else losses.entropy_of_node(tuples, fine, kept)
        assert losses.root(float(bounds.products(terms)[fine]), len(own)) <= lost + 1e-12


def test_a_wide_group_under_a_wider_one_owes_only_what_it_loses_itself() -> None:
    ward = hierarchy.build("ward", "1", [("a", "a", "*"), *((leaf, "others", "*") for leaf in "bcdefghi")])
    sex = hierarchy.build("sex", "1", [("male", "*"), ("female", "*")])
    # two women in the wide group are too few at every ward level
    tuples = Tuples((ward, sex), (np.array([0, 1, 2, 3]), np.array([0, 0, 0, 1])), np.array([5, 3, 3, 2]))
    own = coding.attributes(tuples)
    measure = bounds.measure(Metric.LOSS, own, tuples.total)
    fine, coarse = (1, 0), (2, 0)
    owed = losses.root(float(bounds.products(measure.terms(coarse, suppressed_by_value(tuples, own, coarse)))[fine]), 2)
    kept = lattice.classify(tuples, fine, Demand(4)).kept
    assert owed <= losses.of_node(tuples, fine, kept, tuples.total)[0] + 1e-12
    assert owed > losses.root(float(bounds.products(measure.base)[fine]), 2)


@pytest.mark.parametrize(
    "model",
    [EntropyDiversity(1.95), RecursiveDiversity(1.55, 2), Closeness(0.05), Likeness(0.15)],
    ids=["entropy", "recursive", "t", "beta"],
)
def test_a_coarse_node_that_fails_says_nothing_where_somebody_may_be_suppressed(model: Model) -> None:
    ward = hierarchy.build("ward", "1", [("a", "x"), ("b", "x"), ("c", "y")])
    persons = np.array([12, 8, 7, 600, 400])  # ward b has one disease only; it spoils ward a when both are one
    sensitive = Sensitive("s", np.array([0, 1, 0, 0, 1]), (model,))
    tuples = Tuples((ward,), (np.array([0, 0, 1, 2, 2]),), persons, (sensitive,))
    suppressed = [lattice.classify(tuples, (level,), Demand(2)).suppressed for level in (0, 1)]
    assert suppressed == [7, 27]
    found = lattice.search(tuples, Demand(2), 7, start=(1,))
    assert found is not None
    assert found.node == (0,)


def suppressed_by_value(tuples: Tuples, own: tuple[coding.Attribute, ...], node: Node) -> list[np.ndarray]:
    out = ~lattice.classify(tuples, node, Demand(4)).kept
    return [
        np.bincount(one.codes[level][one.rank[leaves[out]]], weights=tuples.persons[out], minlength=one.widths[level]).astype(np.int64)
        for one, level, leaves in zip(own, node, tuples.leaves, strict=True)
    ]


@given(problem=problems(), k=st.integers(1, 8), data=st.data())
@settings(max_examples=200)
def test_coarsening_a_whole_column_never_lowers_k(problem: tuple[Tuples, Demand], k: int, data: st.DataObject) -> None:
    tuples = problem[0]
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
    for compiled in (False, True):
        found = lattice.search(tuples, Demand(2), 0, compiled=compiled)
        assert found is not None
        assert (found.node, found.suppressed) == ((0,) * 8, 0)
    found = lattice.search(replace(tuples, persons=np.full(50, 1)), Demand(2), 0)
    assert found is not None
    assert found.node is not None
    assert sum(found.node) == 8
