"""Spanning trees, bridges and the person's explanation: proven against plain search on small graphs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage.explaining import graphs, pairs, person
from kiban_processing.refusals import Refusal

Edge = tuple[int, int, float]


@st.composite
def graph(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    size = draw(st.integers(1, 9))
    possible = list(itertools.combinations(range(size), 2))
    chosen = draw(st.lists(st.sampled_from(possible), unique=True)) if possible else []
    weights = draw(st.lists(st.integers(-5, 5), min_size=len(chosen), max_size=len(chosen)))
    return size, [(left, right, float(weight)) for (left, right), weight in zip(chosen, weights, strict=True)]


def parts(size: int, edges: Iterable[Edge]) -> set[frozenset[int]]:
    groups = {node: {node} for node in range(size)}
    for left, right, _ in edges:
        if groups[left] is not groups[right]:
            groups[left] |= groups[right]
            for node in groups[right]:
                groups[node] = groups[left]
    return {frozenset(group) for group in groups.values()}


def arrays(edges: list[Edge]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([edge[0] for edge in edges], np.int64),
        np.array([edge[1] for edge in edges], np.int64),
        np.array([edge[2] for edge in edges], np.float64),
    )


@given(graph())
def test_the_tree_spans_and_no_tree_weighs_more(drawn: tuple[int, list[Edge]]) -> None:
    size, edges = drawn
    chosen = graphs.spanning(size, *arrays(edges))
    tree = [edge for edge, taken in zip(edges, chosen.tolist(), strict=True) if taken]
    assert parts(size, tree) == parts(size, edges)
    assert len(tree) == size - len(parts(size, edges))
    best: list[Edge] = []  # Kruskal, edge by edge
    for edge in sorted(edges, key=lambda edge: -edge[2]):
        if len(parts(size, [*best, edge])) < len(parts(size, best)):
            best.append(edge)
    assert sum(edge[2] for edge in tree) == sum(edge[2] for edge in best)


@given(graph())
def test_a_bridge_is_what_splits_its_component_when_removed(drawn: tuple[int, list[Edge]]) -> None:
    size, edges = drawn
    found, _ = graphs.bridges(size, *arrays(edges))
    splits = [len(parts(size, [*edges[:place], *edges[place + 1 :]])) > len(parts(size, edges)) for place in range(len(edges))]
    assert found.tolist() == splits


@given(graph())
def test_nodes_below_a_node_are_those_cut_off_by_its_edge(drawn: tuple[int, list[Edge]]) -> None:
    size, edges = drawn
    left, right, weight = arrays(edges)
    chosen = graphs.spanning(size, left, right, weight)
    forest = graphs.rooted(size, left, right, chosen)
    assert sorted(forest.entry.tolist()) == list(range(size))
    for node in range(size):
        below = frozenset(np.flatnonzero((forest.entry >= forest.entry[node]) & (forest.entry < forest.leave[node])).tolist())
        if forest.edge[node] >= 0:
            kept = [edge for place, edge in enumerate(edges) if chosen[place] and place != forest.edge[node]]
            assert below in parts(size, kept)


def judged(rows: list[tuple[str, str, float, str]]) -> pa.Table:
    return pa.table(
        {
            "left": [row[0] for row in rows],
            "right": [row[1] for row in rows],
            "weight": [row[2] for row in rows],
            "decision": [row[3] for row in rows],
            "reasons": [["prior:expected"]] * len(rows),
            "weights": [[row[2]] for row in rows],
        }
    )


CLUSTERS = pa.table({"registration": ["A/1", "B/1", "C/1", "D/1", "E/1"], "cluster": ["A/1", "A/1", "A/1", "A/1", "E/1"]})
PAIRS = judged(
    [
        ("A/1", "B/1", 30.0, "link"),
        ("B/1", "C/1", 25.0, "link"),
        ("A/1", "C/1", 20.0, "link"),
        ("C/1", "D/1", 17.0, "link"),
        ("A/1", "D/1", 9.0, "review"),
        ("C/1", "E/1", 15.0, "review"),
        ("D/1", "E/1", 14.0, "veto"),
        ("B/1", "E/1", 13.0, "veto"),
    ]
)


def test_the_tree_the_weakest_link_and_the_bridge_are_told() -> None:
    because = person.explain(PAIRS, CLUSTERS, "B/1")
    assert because.members == ("A/1", "B/1", "C/1", "D/1")
    told = {(link.pair.left, link.pair.right): (link.in_tree, link.bridge, link.weakest) for link in because.links}
    assert told == {
        ("A/1", "B/1"): (True, False, False),
        ("B/1", "C/1"): (True, False, False),
        ("A/1", "C/1"): (False, False, False),
        ("C/1", "D/1"): (True, True, True),
    }
    assert [(pair.left, pair.right) for pair in because.inside] == [("A/1", "D/1")]
    # Of the registration outside, its likeliest pair and, as that is only doubtful, the likeliest veto.
    assert [(pair.left, pair.decision) for pair in because.near] == [("C/1", "review"), ("D/1", "veto")]
    assert because.left_out == 1


def test_a_person_in_words() -> None:
    text = person.as_text(person.explain(PAIRS, CLUSTERS, "A/1"), "ja")
    assert "4件の登録を同一人としています。" in text
    assert "最も弱いつながり、これを除くと二つに分かれます" in text
    assert "ほかに1組のつながりが裏付けています。" in text
    english = person.as_text(person.explain(PAIRS, CLUSTERS, "A/1"), "en")
    assert "weakest link, without it the person falls apart" in english


def test_one_registration_alone_is_a_person_too() -> None:
    because = person.explain(PAIRS, CLUSTERS, "E/1")
    assert because.members == ("E/1",)
    assert not because.links
    assert {pair.decision for pair in because.near} == {"review", "veto"}


def test_an_unknown_registration_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        person.explain(PAIRS, CLUSTERS, "Z/1")
    assert refused.value.code == "linkage-registration-unknown"


def test_pairs_are_read_as_they_were_judged() -> None:
    assert pairs.read(PAIRS)[0] == pairs.Pair("A/1", "B/1", 30.0, "link", ("prior:expected",), (30.0,))
