"""Our figures and pycanon's agree on finished data: k and distinct l over persons, t by equal distance."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import measures

_ROW = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["x", "y"]),
    st.sampled_from(["s1", "s2", "s3", None]),
)


def relation(rows: list[tuple[str | None, ...]], names: list[str]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE finished ({', '.join(f'{name} VARCHAR' for name in names)})")
    if rows:
        con.executemany(f"INSERT INTO finished VALUES ({', '.join('?' * len(names))})", rows)
    return con


@settings(max_examples=200, deadline=None)
@given(st.lists(_ROW, min_size=1, max_size=30))
def test_pycanon_agrees_with_ours_on_random_tables(rows: list[tuple[str | None, ...]]) -> None:
    con = relation([(f"p{number}", *row) for number, row in enumerate(rows)], ["person", "place", "sex", "disease"])
    ours = measures.measure(con, "finished", ["place", "sex"], ["disease"], with_t=True)
    theirs = measures.measure_by_pycanon(con, "finished", ["place", "sex"], ["disease"], with_t=True)
    assert (ours.k, ours.l, ours.classes, ours.persons) == (theirs.k, theirs.l, theirs.classes, theirs.persons)
    assert ours.t["disease"] == pytest.approx(theirs.t["disease"], abs=1e-9)
    counts = pd.Series([(place or "", sex) for place, sex, _ in rows]).value_counts()
    assert ours.k == counts.min()


def test_k_counts_persons_and_not_rows() -> None:
    """Three visits of one person are not k = 3."""
    con = relation([("p1", "a"), ("p1", "a"), ("p1", "a"), ("p2", "b"), ("p3", "b")], ["person", "place"])
    assert measures.measure(con, "finished", ["place"]).k == 1
    assert measures.measure_by_pycanon(con, "finished", ["place"]).k == 1


def test_a_null_is_a_class_of_its_own() -> None:
    con = relation([("p1", "a"), ("p2", "a"), ("p3", None)], ["person", "place"])
    assert measures.measure(con, "finished", ["place"]).k == 1
    assert measures.measure_by_pycanon(con, "finished", ["place"]).k == 1


def test_a_null_is_not_the_text_null() -> None:
    con = relation([("p1", "null"), ("p2", None), ("p3", "=null"), ("p4", "null")], ["person", "place"])
    assert measures.measure(con, "finished", ["place"]).classes == 3


def test_without_quasi_identifiers_everybody_is_one_class() -> None:
    con = relation([("p1", "a"), ("p2", "b")], ["person", "place"])
    assert measures.measure(con, "finished", []).k == 2
    assert measures.measure_by_pycanon(con, "finished", []).k == 2


def test_an_empty_release_has_no_k() -> None:
    con = relation([], ["person", "place", "disease"])
    assert measures.measure(con, "finished", ["place"], ["disease"]).k == 0
    assert measures.measure_by_pycanon(con, "finished", ["place"], ["disease"]).k == 0


def test_beyond_its_reach_pycanon_still_sees_the_smallest_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "PYCANON_ROWS", 5)
    con = relation([(f"p{number}", "big") for number in range(9)] + [("q1", "small"), ("q2", "small")], ["person", "place"])
    figures = measures.measure_by_pycanon(con, "finished", ["place"])
    assert (figures.k, figures.persons) == (2, 2)


def test_beyond_its_reach_pycanons_t_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    con = relation([("p1", "a", "x"), ("p2", "a", "y")], ["person", "place", "disease"])
    assert measures.measure_by_pycanon(con, "finished", ["place"], ["disease"], with_t=True).t == {"disease": 0.0}
    monkeypatch.setattr(measures, "PYCANON_CELLS", 1)
    assert measures.measure_by_pycanon(con, "finished", ["place"], ["disease"], with_t=True).t == {}
