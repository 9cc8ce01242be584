"""The standing classes after persons joined and left: the same as counting everybody anew, at the cost of the classes that changed."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import increment, lattice, losses
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
from kiban_processing.recoding.increment import Standing
from kiban_processing.recoding.tuples import Sensitive, Tuples

AGE = hierarchy.build("age", "1", [(str(age), f"{age // 10}0s", "*") for age in range(20, 50)])
AREA = hierarchy.build("area", "1", [(name, "north" if name < "c" else "south") for name in "abcdef"])
NAMES = ("asthma", "diabetes", None, "gout", "stroke")
MODELS: tuple[tuple[Model, ...], ...] = (
    (),
    (DistinctDiversity(2),),
    (EntropyDiversity(1.8), RecursiveDiversity(3.0, 2)),
    (Closeness(0.3),),
    (Likeness(1.5),),
)
POPULATIONS = ((), (PopulationMap(6),), (Presence(0.2, 0.8),))


def people(seed: int, rows: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack(
        [random.integers(0, 31, rows), random.integers(0, 7, rows), random.integers(0, 5, rows), random.integers(0, 2, rows)], 1
    )


def table(rows: np.ndarray, models: tuple[Model, ...], population: bool, names: tuple[str | None, ...] = NAMES) -> Tuples:
    """Tuples of people; where a population is asked, only those whose last number is 1 are of the cohort."""
    distinct, number = np.unique(rows[:, :3], axis=0, return_inverse=True)
    number = number.reshape(-1)
    everybody = np.bincount(number, minlength=len(distinct)).astype(np.int64)
    cohort = np.bincount(number, weights=rows[:, 3], minlength=len(distinct)).astype(np.int64)
    value = np.array([names.index(name) for name in NAMES])[distinct[:, 2]].astype(np.int64)
    sensitive = (Sensitive("disease", value, models, names),)
    return Tuples(
        (AGE, AREA), (distinct[:, 0], distinct[:, 1]), cohort if population else everybody, sensitive, everybody if population else None
    )


def same(one: Standing, other: Standing) -> None:
    assert one.node == other.node
    for name in ("codes", "persons", "kept"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.population is None) == (other.population is None)
    if one.population is not None and other.population is not None:
        assert np.array_equal(one.population, other.population)
    for counts, others in zip(one.counts, other.counts, strict=True):
        named = [
            sorted(zip(them.of.tolist(), [str(them.values[value]) for value in them.value], them.persons.tolist(), strict=True))
            for them in (counts, others)
        ]
        assert named[0] == named[1]


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 150),
    joining=st.integers(0, 40),
    leaving=st.integers(0, 40),
    node=st.tuples(st.integers(0, 2), st.integers(0, 1)),
    models=st.sampled_from(MODELS),
    asked=st.sampled_from(POPULATIONS),
    k=st.integers(1, 6),
    renumbered=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_a_step_is_what_counting_everybody_anew_is(
    seed: int,
    rows: int,
    joining: int,
    leaving: int,
    node: Node,
    models: tuple[Model, ...],
    asked: tuple[PopulationMap | Presence, ...],
    k: int,
    renumbered: bool,
) -> None:
    everybody, demand, population = people(seed, rows + joining), Demand(k, asked), bool(asked)
    before, joined = everybody[:rows], everybody[rows:]
    left = before[: min(leaving, rows)]
    names = NAMES[::-1] if renumbered else NAMES  # the next submission may number the values otherwise
    standing = increment.stand(table(before, models, population), node, demand)
    taken = increment.step(standing, table(joined, models, population, names), table(left, models, population, names), demand)
    after = table(everybody[len(left) :], models, population)
    same(taken.standing, increment.stand(after, node, demand))
    classes = lattice.classify(after, node, demand)
    assert taken.standing.suppressed == classes.suppressed
    assert increment.loss(taken.standing, (AGE, AREA)) == pytest.approx(losses.of_node(after, node, classes.kept, after.total), abs=1e-12)
    if len(after):
        released = increment.recoding(taken.standing, after)
        assert np.array_equal(released.of >= 0, classes.kept)
        assert len(set(zip(released.of[classes.kept].tolist(), classes.of[classes.kept].tolist(), strict=True))) == len(released.sizes)


@pytest.mark.parametrize("models", MODELS, ids=["k", "distinct", "entropy", "closeness", "likeness"])
def test_only_what_can_change_is_judged(models: tuple[Model, ...]) -> None:
    rows = people(3, 2000)
    standing = increment.stand(table(rows[:1990], models, False), (0, 0), Demand(3))
    taken = increment.step(standing, table(rows[1990:], models, False), table(rows[:0], models, False), Demand(3))
    compares = any(isinstance(model, Closeness | Likeness) for model in models)
    assert taken.changed <= 10
    assert taken.judged == (len(taken.standing.persons) if compares else taken.changed)


def test_a_class_whose_last_persons_left_is_gone() -> None:
    rows = people(3, 50)
    standing = increment.stand(table(rows, (), False), (0, 0), Demand(2))
    taken = increment.step(standing, table(rows[:0], (), False), table(rows, (), False), Demand(2))
    assert (len(taken.standing.persons), len(taken.standing.counts[0].of)) == (0, 0)


def test_who_was_never_there_cannot_leave() -> None:
    rows = people(3, 50)
    standing = increment.stand(table(rows[:20], (), False), (0, 0), Demand(2))
    with pytest.raises(ValueError, match="more persons left"):
        increment.step(standing, table(rows[:0], (), False), table(rows, (), False), Demand(2))


@pytest.mark.parametrize("population", [False, True])
def test_a_standing_is_stored_without_objects_and_read_back(population: bool) -> None:
    standing = increment.stand(table(people(5, 300), MODELS[1], population), (1, 0), Demand(3))
    kept = io.BytesIO()
    np.savez(kept, **increment.arrays(standing))
    kept.seek(0)
    with np.load(kept, allow_pickle=False) as stored:
        same(increment.from_arrays(dict(stored)), standing)


def test_the_search_anew_from_the_standing_node_is_the_search_from_nothing() -> None:
    rows = people(8, 400)
    tuples = replace(table(rows, (), False), sensitive=())
    expected = lattice.search(tuples, Demand(4), 20)
    standing = lattice.search(replace(table(rows[:390], (), False), sensitive=()), Demand(4), 20)
    assert expected is not None
    assert standing is not None
    again = lattice.search(tuples, Demand(4), 20, start=standing.node)
    assert again is not None
    assert (again.node, again.loss_geometric) == (expected.node, expected.loss_geometric)
