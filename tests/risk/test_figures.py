"""The figures of a table are those of their definitions, over persons, with missing values as values of their own."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.recoding import meaning
from kiban_processing.recoding.demands import Ground
from kiban_processing.risk import figures
from kiban_processing.risk.figures import RiskFigures

Row = tuple[int, str | None, str | None, str | None, str | None]  # person, place, sex, disease, grade


def measured(rows: list[Row], quasi: list[str], sensitive: list[str], person: str | None = None) -> RiskFigures:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    with duckdb.connect(config={"threads": 1}) as con:
        con.register(
            "people",
            pa.table(
                {
                    "person": pa.array(columns[0], pa.int64()),
                    **{
                        name: pa.array(column, pa.string())
                        for name, column in zip(("place", "sex", "disease", "grade"), columns[1:], strict=True)
                    },
                }
            ),
        )
        found = figures.measure(con, "people", quasi, sensitive, person)
        assert [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()] == []
    return found


value = st.sampled_from(["a", "b", None])
rows_of_people = st.lists(
    st.tuples(
        st.integers(0, 9),
        value,
        st.sampled_from(["x", "y"]),
        st.sampled_from(["s1", "s2", "s3", None]),
        st.sampled_from(["9", "10", "2", None]),
    ),
    min_size=1,
    max_size=24,
)


@pytest.mark.parametrize("counted", [None, "person"])
@settings(max_examples=60, deadline=None)
@given(rows=rows_of_people)
def test_the_figures_are_those_of_their_definitions(rows: list[Row], counted: str | None) -> None:
    found = measured(rows, ["place", "sex"], ["disease", "grade"], counted)
    classes: dict[tuple[str | None, str | None], set[int]] = defaultdict(set)
    for number, (person, place, sex, _, _) in enumerate(rows):
        classes[place, sex].add(person if counted else number)
    sizes = sorted(map(len, classes.values()))
    assert sorted(found.sizes.tolist()) == sizes
    assert (found.k, found.classes, found.persons, found.uniques) == (sizes[0], len(sizes), sum(sizes), sizes.count(1))
    assert found.class_sizes == Counter(sizes)
    for at, one in enumerate(found.sensitive):
        held: dict[tuple[str | None, str | None], set[tuple[int, str | None]]] = defaultdict(set)
        for number, row in enumerate(rows):
            held[row[1], row[2]].add((row[0] if counted else number, row[3 + at]))
        heres = {key: Counter(value for _, value in members) for key, members in held.items()}
        whole = sum(heres.values(), Counter[str | None]())
        assert one.values == len(whole)
        assert one.alpha == pytest.approx(max(max(here.values()) / len(classes[key]) for key, here in heres.items()))
        assert one.l_distinct == min(map(len, heres.values()))
        assert one.l_entropy == pytest.approx(min(math.exp(meaning.entropy(here)) for here in heres.values()))
        for asked, c in one.l_recursive.items():
            ratios = [max(here.values()) / sum(sorted(here.values(), reverse=True)[asked - 1 :]) for here in heres.values()]
            assert c == pytest.approx(max(ratios))
        assert one.t_equal == pytest.approx(max(meaning.distance(Ground.EQUAL, here, whole) for here in heres.values()), abs=1e-9)
        assert one.t_ordered == pytest.approx(max(meaning.distance(Ground.ORDERED, here, whole) for here in heres.values()), abs=1e-9)
        shares = {value: number / whole.total() for value, number in whole.items()}
        gains = [(here[value] / here.total() / share - 1, share) for here in heres.values() for value, share in shares.items()]
        assert one.beta == pytest.approx(max(gain for gain, _ in gains), abs=1e-9)
        open_ended = any(gain > 1e-9 - math.log(share) for gain, share in gains)
        assert one.beta_enhanced == (math.inf if open_ended else pytest.approx(one.beta))
        absent = any(here[value] == 0 for here in heres.values() for value in whole)
        assert one.delta == (math.inf if absent else pytest.approx(max(abs(math.log(gain + 1)) for gain, _ in gains)))


def test_rows_pass_and_persons_fail() -> None:
    """Ten rows of one person and one of another look like k = 5 and are k = 1."""
    rows: list[Row] = [(1, "a", "x", "s1", "1")] * 5 + [(2, "b", "x", "s1", "1")] * 5
    assert measured(rows, ["place"], []).k == 5
    assert measured(rows, ["place"], [], "person").k == 1


def test_an_empty_table_has_no_k() -> None:
    found = measured([], ["place", "sex"], ["disease"])
    assert (found.k, found.classes, found.persons, found.uniques, found.class_sizes) == (0, 0, 0, 0, {})
    assert found.sensitive[0].as_json()["l_distinct"] == 0
    assert measured([], [], ["disease"], "person").k == 0


def test_without_quasi_identifiers_everybody_is_one_class() -> None:
    found = measured([(1, "a", "x", "s1", "1"), (2, "b", "y", "s2", "1")], [], ["disease"])
    assert (found.k, found.classes, found.sensitive[0].l_distinct, found.sensitive[0].t_equal) == (2, 1, 2, 0.0)


def test_the_report_has_no_infinite_number() -> None:
    found = measured([(1, "a", "x", "s1", "1"), (2, "b", "y", "s2", "1")], ["place"], ["disease"]).as_json()
    assert found["sensitive"][0]["delta"] is None
    assert found["sensitive"][0]["beta_enhanced"] is None
    assert found["class_sizes"] == {"1": 2}
