"""Judging classes by their counts says what each model means, and the measurement at the gate says the same by another way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from kiban_processing import distributions
from kiban_processing.distributions import Question
from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding import demands, judging, meaning, order
from kiban_processing.recoding.demands import (
    Closeness,
    Demand,
    DistinctDiversity,
    EntropyDiversity,
    Ground,
    Likeness,
    Model,
    PopulationMap,
    Presence,
    RecursiveDiversity,
)
from kiban_processing.recoding.tuples import Sensitive, Tuples

DISEASES = hierarchy.build(
    "diseases",
    "1",
    [
        ("gastritis", "stomach", "digestive", "any"),
        ("gastric ulcer", "stomach", "digestive", "any"),
        ("colitis", "colon", "digestive", "any"),
        ("flu", "infection", "respiratory", "any"),
        ("pneumonia", "infection", "respiratory", "any"),
        ("bronchitis", "bronchi", "respiratory", "any"),
    ],
)
UNROOTED = hierarchy.build("two halves", "1", [(leaf, "a" if number < 3 else "b") for number, leaf in enumerate(DISEASES.leaves)])
FLAT = hierarchy.build("flat", "1", [(leaf,) for leaf in DISEASES.leaves])
MODELS: list[Model] = [
    *(DistinctDiversity(number) for number in (1, 2, 3)),
    *(EntropyDiversity(number) for number in (1.0, 1.5, 2.0, 3.0)),
    *(RecursiveDiversity(c, number) for c in (0.5, 1.0, 3.0) for number in (1, 2, 3)),
    *(Closeness(t, ground) for t in (0.1, 0.25, 0.5) for ground in Ground),
    *(Likeness(beta, enhanced) for beta in (0.3, 1.0, 2.0) for enhanced in (False, True)),
]
values = st.sampled_from([*DISEASES.leaves, None])
people = st.lists(st.tuples(st.integers(0, 3), values), min_size=1, max_size=30)


def counted(rows: list[tuple[int, str | None]], tree: Hierarchy) -> tuple[Tuples, np.ndarray]:
    """Rows of class and value as tuples; the class is no quasi-identifier here, it is handed over beside them."""
    known = order.arranged((value for _, value in rows), tree)
    cells = Counter(rows)
    codes = np.array([known.index(value) for _, value in cells], dtype=np.int64)
    persons = np.array(list(cells.values()), dtype=np.int64)
    return Tuples((), (), persons, (Sensitive("s", codes, (), known, tree),)), np.array([of for of, _ in cells], dtype=np.int64)


@settings(max_examples=400, deadline=None)
@given(people, st.sampled_from(MODELS), st.sampled_from([DISEASES, UNROOTED, FLAT]))
def test_judging_is_the_meaning(rows: list[tuple[int, str | None]], model: Model, tree: Hierarchy) -> None:
    tuples, of = counted(rows, tree)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    judged = judging.satisfied(asked, Demand(1), of, 4)
    whole = Counter(value for _, value in rows)
    for number in range(4):
        here = Counter(value for of, value in rows if of == number)
        assert judged[number] == (bool(here) and meaning.holds(model, here, whole, tree))


@settings(max_examples=300, deadline=None)
@given(people, st.sampled_from(MODELS), st.sampled_from([DISEASES, UNROOTED, FLAT]))
def test_the_measurement_at_the_gate_agrees(rows: list[tuple[int, str | None]], model: Model, tree: Hierarchy) -> None:
    tuples, of = counted(rows, tree)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    with duckdb.connect(config={"threads": 1}) as con:
        con.register(
            "finished",
            pa.table({"person": range(len(rows)), "q": [of for of, _ in rows], "s": pa.array([v for _, v in rows], pa.string())}),
        )
        question = Question("s", demands.called(model), demands.bound(model), getattr(model, "l", 0) or 0, tree)
        (answer,) = distributions.measure(con, "finished", ["q"], [question])
    classes, renumbered = np.unique(of, return_inverse=True)
    sensitive = asked.sensitive[0]
    cells = judging.tally(sensitive, renumbered, asked.persons, len(classes), judging.whole(asked, sensitive))
    assert answer.classes == len(classes)
    assert answer.failing == int((~judging.satisfied(asked, Demand(1), renumbered, len(classes))).sum())
    assert answer.worst == pytest.approx(judging.worst(model, judging.figure(model, cells, len(classes), sensitive)), abs=1e-9)


def transport(here: Counter[str | None], whole: Counter[str | None], apart: dict[tuple[str | None, str | None], float]) -> float:
    """The earth mover's distance by its definition: the cheapest way of moving one distribution onto the other."""
    names = list(whole)
    size = len(names)
    cost = [apart[a, b] for a in names for b in names]
    rows = [[1.0 if at // size == number else 0.0 for at in range(size * size)] for number in range(size)]
    columns = [[1.0 if at % size == number else 0.0 for at in range(size * size)] for number in range(size)]
    want = [here[name] / here.total() for name in names] + [whole[name] / whole.total() for name in names]
    return float(linprog(cost, A_eq=rows + columns, b_eq=want, method="highs").fun)


@settings(max_examples=60, deadline=None)
@given(people, st.sampled_from(Ground), st.sampled_from([DISEASES, UNROOTED, FLAT]))
def test_the_distance_is_that_of_the_cheapest_transport(rows: list[tuple[int, str | None]], ground: Ground, tree: Hierarchy) -> None:
    whole, here = Counter(value for _, value in rows), Counter(value for of, value in rows if of == rows[0][0])
    rooted = tree is DISEASES
    height = tree.levels - rooted

    def near(a: str | None, b: str | None, names: list[str | None]) -> float:
        if a == b:
            return 0.0
        if ground is Ground.EQUAL:
            return 1.0
        if ground is Ground.ORDERED:
            return abs(names.index(a) - names.index(b)) / (len(names) - 1)
        if a is None or b is None:
            return 1.0
        return next((level for level in range(tree.levels) if tree.label(a, level) == tree.label(b, level)), height) / height

    arranged = list(order.arranged(whole, tree))
    turned = [*(value for value in arranged if value is None), *(value for value in arranged if value is not None)]
    found = max(transport(here, whole, {(a, b): near(a, b, names) for a in whole for b in whole}) for names in (arranged, turned))
    assert meaning.distance(ground, here, whole, tree) == pytest.approx(found, abs=1e-7)


@given(people)
@settings(max_examples=200, deadline=None)
def test_what_must_hold_of_any_table(rows: list[tuple[int, str | None]]) -> None:
    tuples, of = counted(rows, DISEASES)
    classes, of = np.unique(of, return_inverse=True)
    sensitive = tuples.sensitive[0]
    cells = judging.tally(sensitive, of, tuples.persons, len(classes), judging.whole(tuples, sensitive))
    number = len(classes)
    plain, effective = judging.distinct(cells, number), np.exp(judging.entropy(cells, number))
    assert (effective <= plain + 1e-9).all() and (effective >= 1 - 1e-9).all()
    equal, tree, line = (judging.distance(cells, number, ground, sensitive) for ground in Ground)
    for apart in (equal, tree, line):
        assert (apart >= -1e-12).all() and (apart <= 1 + 1e-12).all()
    assert (tree <= equal + 1e-9).all()  # no two values are farther apart in a tree than different ones are
    gain = judging.likeness(cells, number, enhanced=False)
    assert (judging.likeness(cells, number, enhanced=True) >= gain - 1e-12).all()
    assert (judging.disclosure(cells, number) >= np.log1p(gain) - 1e-9).all()
    # Everybody in one class: nothing is learnt.
    one = judging.tally(sensitive, np.zeros_like(of), tuples.persons, 1, judging.whole(tuples, sensitive))
    assert max(judging.distance(one, 1, ground, sensitive)[0] for ground in Ground) == pytest.approx(0, abs=1e-12)
    assert judging.likeness(one, 1, enhanced=True)[0] == pytest.approx(0, abs=1e-9)


@given(people, st.sampled_from(MODELS), st.integers(1, 3))
@settings(max_examples=400, deadline=None)
def test_classes_that_satisfy_still_do_when_joined(rows: list[tuple[int, str | None]], model: Model, k: int) -> None:
    """Entropy is concave, distances and gains are convex in a class's distribution, and a union's is a mixture of its parts' (decision 0019)."""
    tuples, of = counted(rows, DISEASES)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    good = judging.satisfied(asked, Demand(k), of, 4)
    if judging.upward_closed(asked, Demand(k)):
        joined = judging.satisfied(asked, Demand(k), np.where(of == 1, 0, of), 4)
        assert joined[0] or not (good[0] or good[1])
    if good[0] and good[1]:
        assert judging.satisfied(asked, Demand(k), np.where(of == 1, 0, of), 4)[0]


# One homogeneous class joins a good one: what is truly not upward closed fails.
SPOILT: dict[str, Model] = {
    "entropy l": EntropyDiversity(2),
    "recursive l": RecursiveDiversity(2, 2),
    "t": Closeness(0.2),
    "beta": Likeness(0.3),
    "enhanced beta": Likeness(0.3, enhanced=True),
}


@pytest.mark.parametrize("model", SPOILT.values(), ids=SPOILT.keys())
def test_a_class_may_be_spoilt_by_one_that_joins_it(model: Model) -> None:
    rows: list[tuple[int, str | None]] = [(0, "flu"), (0, "colitis"), *[(1, "flu")] * 4, *[(2, "colitis")] * 4]
    tuples, of = counted(rows, DISEASES)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    assert not judging.upward_closed(asked, Demand(1))
    assert judging.satisfied(asked, Demand(1), of, 3).tolist()[0]
    assert not judging.satisfied(asked, Demand(1), np.where(of == 1, 0, of), 3)[0]


def test_a_class_without_anybody_satisfies_nothing() -> None:
    tuples, of = counted([(0, "flu"), (0, "colitis")], DISEASES)
    assert judging.satisfied(tuples, Demand(0), of, 2).tolist() == [True, False]


@pytest.mark.parametrize(
    "model", [EntropyDiversity(1.1), RecursiveDiversity(3, 2), Likeness(1.0), *(Closeness(0.5, ground) for ground in Ground)]
)
def test_where_nobody_is_left_no_class_satisfies(model: Model) -> None:
    tuples, of = counted([(0, "flu"), (0, "colitis")], DISEASES)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    wholes = tuple(judging.whole(asked, one) for one in asked.sensitive)
    assert judging.satisfied(asked.of(np.zeros(0, np.int64)), Demand(1), of[:0], 2, wholes).tolist() == [False, False]


POPULATION = [PopulationMap(1), PopulationMap(4), Presence(0.0, 0.5), Presence(0.2, 0.9), Presence(0.0, 1.0)]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=10),
    st.lists(st.sampled_from(POPULATION), max_size=2),
)
def test_models_of_the_population(rows: list[tuple[int, int, int]], asked: list[PopulationMap | Presence]) -> None:
    of, persons, beyond = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    tuples = Tuples((), (), persons, (), persons + beyond)
    judged = judging.satisfied(tuples, Demand(1, tuple(asked)), of, 3)
    for number in range(3):
        mine, theirs = int(persons[of == number].sum()), int((persons + beyond)[of == number].sum())
        assert judged[number] == (mine > 0 and all(meaning.holds_in_population(one, mine, theirs) for one in asked))
    if judging.upward_closed(tuples, Demand(1, tuple(asked))) and (judged[0] or judged[1]):
        assert judging.satisfied(tuples, Demand(1, tuple(asked)), np.where(of == 1, 0, of), 3)[0]
    if all(not isinstance(one, Presence) or one.low == 0 for one in asked) and judged[0] and judged[1]:
        assert judging.satisfied(tuples, Demand(1, tuple(asked)), np.where(of == 1, 0, of), 3)[0]


def test_a_published_example() -> None:
    """Li et al. 2007, table 4 and section 5.3: three salaries of nine, and their reference distances."""
    whole = Counter({str(number): 1 for number in range(3, 12)})
    assert meaning.distance(Ground.ORDERED, Counter({"6": 1, "8": 1, "11": 1}), whole) == pytest.approx(0.167, abs=5e-4)
    assert meaning.distance(Ground.ORDERED, Counter({"3": 1, "4": 1, "5": 1}), whole) == pytest.approx(0.375, abs=5e-4)


def test_numbers_stand_in_the_order_of_their_size() -> None:
    assert order.arranged(["10", "9", "-1", "2.5", None]) == ("-1", "2.5", "9", "10", None)
    assert order.arranged(["severe", "mild"], hierarchy.build("stage", "1", [("mild", "*"), ("severe", "*")])) == ("mild", "severe")


def test_enhanced_likeness_has_no_bound_where_a_gain_exceeds_its_logarithm() -> None:
    """Half have flu: -ln 1/2 = 0.69, so a class of flu alone (gain 1) fails for every beta."""
    here, whole = Counter(flu=2), Counter(flu=2, colitis=2)
    assert meaning.holds(Likeness(1.0), here, whole)
    assert not meaning.holds(Likeness(1e6, enhanced=True), here, whole)
    assert math.isclose(meaning.entropy(here), 0)
