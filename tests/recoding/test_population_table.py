"""The population counts each of its persons once per class, however sensitive values split the cohort, and adds no one to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import anonymity
from kiban_processing.anonymity import Asked, Quasi
from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import lattice, meaning
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity, PopulationMap, Presence
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.refusals import Refusal

AGE = hierarchy.build("age", "1", [(age, "young" if age < "4" else "old", "*") for age in "234567"])
SEX = hierarchy.build("sex", "1", [("female", "*"), ("male", "*")])
QUASI = [Quasi("age", AGE), Quasi("sex", SEX)]
Person = tuple[str | None, str | None]
person = st.tuples(st.sampled_from([*AGE.leaves, None]), st.sampled_from([*SEX.leaves, None]))


def encoded(cohort: Sequence[tuple[Person, str | None]], population: Sequence[Person], asked: Asked) -> Tuples:
    with duckdb.connect(config={"threads": 1}) as con:
        text = pa.string()
        con.register(
            "cohort",
            pa.table(
                {
                    "person": range(len(cohort)),
                    "age": pa.array([one[0] for one, _ in cohort], text),
                    "sex": pa.array([one[1] for one, _ in cohort], text),
                    "illness": pa.array([value for _, value in cohort], text),
                }
            ),
        )
        con.register(
            "everybody", pa.table({"age": pa.array([p[0] for p in population], text), "sex": pa.array([p[1] for p in population], text)})
        )
        tuples = anonymity.encode(con, "cohort", QUASI, [asked], "everybody")
        anonymity.clear(con, 2, 1)
        assert [row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()] == []
    return tuples


@settings(max_examples=60, deadline=None)
@given(
    cohort=st.lists(st.tuples(person, st.sampled_from(["flu", "gout", None])), min_size=1, max_size=15),
    others=st.lists(person, max_size=15),
    node=st.tuples(st.integers(0, 2), st.integers(0, 1)),
    asked=st.sampled_from([(PopulationMap(4),), (Presence(0.1, 0.6),), (PopulationMap(3), Presence(0.0, 0.5)), ()]),
    k=st.integers(1, 3),
)
def test_classes_are_judged_by_the_persons_of_both_tables(
    cohort: list[tuple[Person, str | None]],
    others: list[Person],
    node: tuple[int, int],
    asked: tuple[PopulationMap | Presence, ...],
    k: int,
) -> None:
    everybody = [one for one, _ in cohort] + others
    tuples = encoded(cohort, everybody, Asked("illness", (DistinctDiversity(2), Closeness(0.6))))
    assert tuples.total == len(cohort)
    assert tuples.population is not None and int(tuples.population.sum()) == len(everybody)
    classes = lattice.classify(tuples, node, Demand(k, asked))

    def key(one: Person) -> tuple[str | None, ...]:
        return tuple(quasi.hierarchy.label(value, level) for quasi, value, level in zip(QUASI, one, node, strict=True))

    mine, theirs = Counter(key(one) for one, _ in cohort), Counter(key(one) for one in everybody)
    whole = Counter(value for _, value in cohort)
    good = set()
    for name, number in mine.items():
        here = Counter(value for one, value in cohort if key(one) == name)
        if (
            number >= k
            and all(meaning.holds_in_population(one, number, theirs[name]) for one in asked)
            and all(meaning.holds(model, here, whole) for model in tuples.sensitive[0].models)
        ):
            good.add(name)
    assert classes.suppressed == sum(number for name, number in mine.items() if name not in good)
    kept = classes.kept & (tuples.persons > 0)
    assert int(tuples.persons[kept].sum()) == sum(mine[name] for name in good)


def test_nobody_of_the_cohort_is_added() -> None:
    """Ten men of the population whom nobody of the cohort is like: no class of the release, no sensitive value, no loss."""
    cohort: list[tuple[Person, str | None]] = [(("2", "female"), "flu"), (("2", "female"), "gout")]
    everybody: list[Person] = [("2", "female")] * 5 + [("7", "male")] * 10
    tuples = encoded(cohort, everybody, Asked("illness", (DistinctDiversity(2),)))
    assert tuples.persons.tolist() == [1, 1, 0]
    assert tuples.population is not None and tuples.population.tolist() == [5, 0, 10]
    found = anonymity.choose(tuples, Demand(2, (PopulationMap(5),)), 0.0)
    figures = anonymity.figures(tuples, found, 2)
    assert (figures.class_sizes, figures.suppressed, figures.loss_geometric) == ({2: 1}, 0, 0.0)
    assert found.node == (0, 0)
    # k-map alone lets a class of one stand where the population has five of them; k does not.
    alone = encoded(cohort[:1], everybody, Asked("illness"))
    assert anonymity.choose(alone, Demand(1, (PopulationMap(5),)), 0.0).node == (0, 0)
    with pytest.raises(Refusal):
        anonymity.choose(alone, Demand(2, (PopulationMap(5),)), 0.0)


def test_a_value_of_the_population_without_a_place_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        encoded([(("2", "male"), "flu")], [("2", "male"), ("99", "male")], Asked("illness"))
    assert caught.value.code == "hierarchy-gap"


def test_numeric_values_are_numbered_by_size() -> None:
    tuples = encoded([(("2", "male"), value) for value in ("10", "9", None, "100")], [("2", "male")], Asked("illness"))
    assert tuples.sensitive[0].values == ("9", "10", "100", None)
    assert np.array_equal(tuples.sensitive[0].codes, [0, 1, 2, 3])


def test_a_sensitive_value_outside_its_hierarchy_is_refused_and_not_named() -> None:
    stages = hierarchy.build("stages", "1", [("I", "*"), ("II", "*")])
    with pytest.raises(Refusal) as caught:
        encoded([(("2", "male"), "Taro")], [("2", "male")], Asked("illness", (), stages))
    assert caught.value.code == "hierarchy-gap"
    assert "Taro" not in str(caught.value)
