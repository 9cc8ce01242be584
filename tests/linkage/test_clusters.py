"""Groups from edges: equal to plain connectivity where nothing contradicts, guarded where something does."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage import clusters

Pair = tuple[int, int]
SIZE = 12
PAIRS = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda pair: pair[0] < pair[1]), max_size=25, unique=True
)


def edges(pairs: list[Pair], weights: list[float] | None = None, certain: set[Pair] | None = None) -> clusters.Edges:
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    sure = np.array([pair in (certain or set()) for pair in pairs], dtype=np.bool_)
    return clusters.Edges(left, right, np.array(weights or [20.0] * len(pairs)), sure, sure)


def ends(pairs: list[Pair]) -> tuple[clusters.Nodes, clusters.Nodes]:
    return np.array([pair[0] for pair in pairs], dtype=np.int64), np.array([pair[1] for pair in pairs], dtype=np.int64)


def plain(size: int, pairs: list[Pair]) -> list[int]:
    labels = list(range(size))
    for left, right in pairs * size:
        labels[left] = labels[right] = min(labels[left], labels[right])
    return labels


@given(PAIRS)
def test_without_contradiction_groups_are_connected_components(pairs: list[Pair]) -> None:
    found = clusters.gather(edges(pairs), ends([]), np.arange(SIZE))
    assert found.tolist() == plain(SIZE, pairs)


@given(PAIRS, PAIRS, st.lists(st.integers(0, 4), min_size=SIZE, max_size=SIZE), st.randoms(use_true_random=False))
def test_no_group_holds_a_veto_or_an_uncertain_pair_of_one_hospital(
    pairs: list[Pair], vetoes: list[Pair], sites: list[int], chance: Random
) -> None:
    weights = [chance.uniform(16, 40) for _ in pairs]
    found = clusters.gather(edges(pairs, weights), ends(vetoes), np.array(sites))
    assert all(found[left] != found[right] for left, right in vetoes)
    for label in set(found.tolist()):
        members = [site for site, at in zip(sites, found.tolist(), strict=True) if at == label]
        assert len(members) == len(set(members))
    joined = plain(SIZE, pairs)
    assert all(joined[node] == joined[label] for node, label in enumerate(found.tolist()))


@given(PAIRS, PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_edges_does_not_matter(pairs: list[Pair], vetoes: list[Pair], chance: Random) -> None:
    weights = dict(zip(pairs, (float(chance.randint(16, 20)) for _ in pairs), strict=True))
    shuffled = chance.sample(pairs, len(pairs))
    first = clusters.gather(edges(pairs, [weights[pair] for pair in pairs]), ends(vetoes), np.arange(SIZE))
    second = clusters.gather(edges(shuffled, [weights[pair] for pair in shuffled]), ends(vetoes), np.arange(SIZE))
    assert first.tolist() == second.tolist()


def test_the_stronger_edge_wins() -> None:
    found = clusters.gather(edges([(0, 2), (1, 2)], [17.0, 30.0]), ends([(0, 1)]), np.arange(3))
    assert found.tolist() == [0, 1, 1]


def test_a_certain_edge_comes_before_a_heavier_one() -> None:
    found = clusters.gather(edges([(0, 2), (1, 2)], [17.0, 30.0], {(0, 2)}), ends([(0, 1)]), np.arange(3))
    assert found.tolist() == [0, 1, 0]


def test_a_hospitals_two_registrations_join_only_on_a_certain_edge() -> None:
    sites = np.array([7, 7])
    assert clusters.gather(edges([(0, 1)]), ends([]), sites).tolist() == [0, 1]
    assert clusters.gather(edges([(0, 1)], certain={(0, 1)}), ends([]), sites).tolist() == [0, 0]


def test_a_long_chain_is_one_group() -> None:
    size = 3000
    order = np.random.default_rng(5).permutation(size)
    pairs = [(min(a, b), max(a, b)) for a, b in zip(order[:-1].tolist(), order[1:].tolist(), strict=True)]
    assert set(clusters.gather(edges(pairs), ends([]), np.arange(size)).tolist()) == {0}
