"""Local recoding: every class holds what is asked, never worse than one node for all, and the same by every way of counting."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import lattice, local, merging, paths, region_counting, regions, starts, sweeping
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.regions import Judging
from kiban_processing.recoding.tuples import Tuples
from tests.recoding import local_problems as plain

Problem = tuple[Tuples, Demand]


def check(tuples: Tuples, demand: Demand, allowed: int, found: Recoding) -> None:
    texts = plain.released(tuples, found)
    classes: dict[int, list[int]] = defaultdict(list)
    for at, number in enumerate(found.of):
        if number >= 0:
            classes[int(number)].append(at)
    of_text: dict[tuple[str | None, ...], int] = {}
    for number, members in classes.items():
        assert plain.holds(tuples, demand, members)
        assert len({texts[at] for at in members}) == 1
        text = texts[members[0]]
        assert text is not None
        assert of_text.setdefault(text, number) == number, "two classes release the same values"
        assert found.sizes[number] == sum(tuples.persons[at] for at in members)
    left_out = int(tuples.persons[found.of < 0].sum())
    assert left_out == found.suppressed <= allowed
    assert found.loss_geometric == pytest.approx(plain.loss(tuples, found), abs=1e-9)
    assert found.levels.shape == (len(found.sizes), len(tuples.hierarchies))


@given(problem=plain.problems(), share=st.sampled_from([0.0, 0.0, 0.1, 0.4]))
@settings(max_examples=150, deadline=None)
def test_every_class_holds_what_is_asked_and_no_node_is_better(problem: Problem, share: float) -> None:
    tuples, demand = problem
    allowed = int(share * tuples.total)
    optimum = lattice.search(tuples, demand, allowed) if tuples.total else None
    found = local.recode(tuples, demand, allowed)
    if tuples.total == 0:
        return
    if optimum is not None and optimum.suppressed < tuples.total:
        assert found is not None
        assert found.loss_geometric <= optimum.loss_geometric + 1e-9
    if found is not None:
        check(tuples, demand, allowed, found)


@given(problem=plain.problems(models=False))
@settings(max_examples=60, deadline=None)
def test_k_alone_is_met_wherever_the_most_general_values_meet_it(problem: Problem) -> None:
    tuples, demand = problem
    top: dict[tuple[int, ...], int] = defaultdict(int)
    for at in range(len(tuples)):
        top[tuple(int(one.codes[-1][leaves[at]]) for one, leaves in zip(tuples.hierarchies, tuples.leaves, strict=True))] += int(
            tuples.persons[at]
        )
    failing = sum(persons for persons in top.values() if persons < demand.k)
    assert (local.recode(tuples, demand, 0) is None) == (failing > 0)
    found = local.recode(tuples, demand, failing)
    assert found is None if failing == tuples.total and found is None else found is not None


@given(problem=plain.problems(), seed=st.integers(0, 1000), key=st.sampled_from([None, b"key of the release"]))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_tuples_and_the_way_of_counting_do_not_matter(problem: Problem, seed: int, key: bytes | None) -> None:
    tuples, demand = problem
    if tuples.total == 0:
        return
    order = np.random.default_rng(seed).permutation(len(tuples))
    shuffled = tuples.of(order)
    one = local.recode(tuples, demand, 0, tie_breaks=key, compiled=False)
    other = local.recode(shuffled, demand, 0, tie_breaks=key)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert plain.released(tuples, one) == [plain.released(shuffled, other)[at] for at in np.argsort(order)]
        assert one.loss_geometric == pytest.approx(other.loss_geometric, abs=1e-12)


@given(problem=plain.problems(), key=st.binary(min_size=1, max_size=8), margin=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_a_key_and_a_margin_keep_what_is_asked(problem: Problem, key: bytes, margin: int) -> None:
    tuples, demand = problem
    found = local.recode(tuples, demand, 0, tie_breaks=key, margin=margin)
    if found is not None and tuples.total:
        check(tuples, Demand(demand.k + margin, demand.population), 0, found)
        again = local.recode(tuples, demand, 0, tie_breaks=key, margin=margin)
        assert again is not None
        assert (again.of == found.of).all()


def random_tuples(seed: int, count: int) -> Tuples:
    """Tuples of four attributes, skewed, with more classes than one block of the moves holds."""
    random = np.random.default_rng(seed)
    tens = hierarchy.build("age", "1", [(str(age), f"{age // 5 * 5}+", f"{age // 20 * 20}+", "*") for age in range(80)])
    area = hierarchy.build("area", "1", [(f"a{at}", f"p{at // 7}", "*") for at in range(40)])
    code = hierarchy.build("code", "1", [(f"c{at}", f"g{at // 10}", f"h{at // 30}", "*") for at in range(60)])
    sex = hierarchy.build("sex", "1", [("f", "*"), ("m", "*")])
    columns = [
        np.minimum(random.gamma(3, 12, count).astype(np.int64), 79),
        np.minimum(random.geometric(0.08, count) - 1, 39),
        np.minimum(random.geometric(0.05, count) - 1, 59),
        random.integers(0, 2, count),
    ]
    rows, persons = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    return Tuples((tens, area, code, sex), tuple(rows[:, at].copy() for at in range(4)), persons.astype(np.int64))


@pytest.mark.skipif(not region_counting.COMPILED, reason="numba is not installed (extra: speed)")
@pytest.mark.parametrize("k", [2, 5, 17])
def test_compiled_and_plain_loops_agree_step_by_step(k: int) -> None:
    tuples = random_tuples(k, 3000)
    ground = paths.build(tuples, False, tie_breaks=b"key" if k == 17 else None)

    def judge(units: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(np.bincount(group, weights=ground.persons[units], minlength=groups) >= k)

    counted, asked = Judging(judge, k, True), Judging(judge, k, False)
    cells = starts.cells(ground)
    results = {
        name: (
            regions.split(ground, cells, how, compiled),
            sweeping.gather(ground, how, compiled=compiled),
            merging.improve(ground, regions.split(ground, cells, how, compiled), how, compiled),
        )
        for name, how, compiled in (("compiled", counted, True), ("plain", counted, False), ("judged", asked, False))
    }
    for name in ("plain", "judged"):
        for one, other in zip(results["compiled"], results[name], strict=True):
            assert (one == other).all()
    split, _, improved = results["compiled"]
    assert split.max() > 40
    gained = merging.cost(ground, split) - merging.cost(ground, improved)
    assert gained > 0 if k < 10 else gained >= 0  # large classes of few tuples seldom gain by one tuple's move


def test_the_logarithm_of_the_table_is_the_compiled_one_and_near_the_true() -> None:
    numbers = np.concatenate([np.arange(1, 5000), 2 ** np.arange(13, 40) - 1, 2 ** np.arange(13, 40), 3 * 10 ** np.arange(4, 12)])
    found = region_counting.logarithm(numbers)
    assert np.abs(found / 1024 - np.log2(numbers)).max() < 0.002
    assert [region_counting._log(int(number), region_counting.LOGARITHMS) for number in numbers] == found.tolist()
    assert region_counting.logarithm(np.array([0]))[0] == 0


def test_a_handful_of_tuples_is_nearly_as_good_as_the_best_of_all_partitions() -> None:
    ratios = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        three = hierarchy.build("a", "1", [(f"a{at}", f"g{at // 2}", "*") for at in range(6)])
        two = hierarchy.build("b", "1", [(f"b{at}", "*") for at in range(3)])
        rows = np.unique(np.stack([random.integers(0, 6, 6), random.integers(0, 3, 6)], axis=1), axis=0)
        tuples = Tuples((three, two), (rows[:, 0].copy(), rows[:, 1].copy()), random.integers(1, 3, len(rows)))
        found, best = local.recode(tuples, Demand(2), 0), plain.partitions_best(tuples, Demand(2))
        assert found is not None
        assert best is not None
        assert found.loss_geometric >= best - 1e-9
        ratios.append((1 + found.loss_geometric) / (1 + best))
    assert np.mean(ratios) < 1.05


def test_an_outlier_is_suppressed_only_where_it_is_allowed_and_saves_more_than_it_costs() -> None:
    age = hierarchy.build("age", "1", [(str(at), "*") for at in range(10)])
    area = hierarchy.build("area", "1", [(str(at), "*") for at in range(10)])
    tuples = Tuples((age, area), (np.array([1, 1, 9]), np.array([1, 1, 9])), np.array([4, 4, 1]))
    united = local.recode(tuples, Demand(5), 0)
    assert united is not None
    assert united.loss_geometric == pytest.approx(1.0)
    left = local.recode(tuples, Demand(5), 1)
    assert left is not None
    assert left.suppressed == 1
    assert left.loss_geometric == pytest.approx(1 / 9)


def test_classes_of_the_same_texts_at_different_levels_are_one() -> None:
    land = hierarchy.build("land", "1", [("isle", "isle", "*"), ("hill", "main", "*"), ("dale", "main", "*")])
    tuples = Tuples((land,), (np.array([0, 1, 2]),), np.array([5, 1, 1]))
    found = local.recode(tuples, Demand(2), 0)
    assert found is not None
    check(tuples, Demand(2), 0, found)
    assert sorted(found.sizes.tolist()) == [2, 5]


def test_nothing_satisfies() -> None:
    sex = hierarchy.build("sex", "1", [("f", "*"), ("m", "*")])
    assert local.recode(Tuples((sex,), (np.array([0, 1]),), np.array([1, 1])), Demand(5), 0) is None
