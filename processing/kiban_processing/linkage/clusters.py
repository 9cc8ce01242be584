"""同一人の組 (clusters): linked pairs become groups of registrations, guarded against joining two persons by a chain.

Edges are taken certain first, then by falling weight; two groups are joined only if no pair between them is vetoed, and groups
that hold registrations of one hospital only by a firm edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Two registrations of one hospital in one group need better evidence than others: hospitals know most of their duplicates.
FIRMER = 4.0


@dataclass(frozen=True)
class Edges:
    """Pairs of nodes; all arrays have one length. `weight` orders them, `certain` ones come first; `firm` ones may join groups of one hospital."""

    left: Nodes
    right: Nodes
    weight: npt.NDArray[np.float64]
    certain: Flags
    firm: Flags


def gather(edges: Edges, vetoes: tuple[Nodes, Nodes], sites: Nodes) -> Nodes:
    """For each node the lowest node of its group.

    `vetoes`: left and right nodes of pairs that are two persons; `sites`: the hospital of each node, as a number. Components
    without a contradiction are taken as they are, so the loop runs over contested components only.

    >>> edges = Edges(np.array([0, 1]), np.array([1, 2]), np.array([20.0, 17.0]), np.array([False, False]), np.array([False, False]))
    >>> gather(edges, (np.array([0]), np.array([2])), np.array([0, 1, 2])).tolist()
    [0, 0, 2]
    """
    labels = components(len(sites), edges.left, edges.right)
    contested = _contested(labels, vetoes, sites)
    touched = contested[labels[edges.left]] if len(edges.left) else np.zeros(0, np.bool_)
    if touched.any():
        labels = _separate(labels, contested, edges, touched, vetoes, sites)
    return labels


def components(size: int, left: Nodes, right: Nodes) -> Nodes:
    """For each node the lowest node connected with it."""
    labels = np.arange(size, dtype=np.int64)
    while True:
        low = np.minimum(labels[left], labels[right])
        lowered = labels.copy()
        np.minimum.at(lowered, labels[left], low)
        np.minimum.at(lowered, labels[right], low)
        while True:
            jumped = lowered[lowered]
            if np.array_equal(jumped, lowered):
                break
            lowered = jumped
        if np.array_equal(lowered, labels):
            return labels
        labels = lowered


def _contested(labels: Nodes, vetoes: tuple[Nodes, Nodes], sites: Nodes) -> Flags:
    contested = np.zeros(len(labels), np.bool_)
    inside = labels[vetoes[0]] == labels[vetoes[1]]
    contested[labels[vetoes[0]][inside]] = True
    order = np.lexsort((sites, labels))
    again = (labels[order][1:] == labels[order][:-1]) & (sites[order][1:] == sites[order][:-1])
    contested[labels[order][1:][again]] = True
    return contested


def _separate(labels: Nodes, contested: Flags, edges: Edges, touched: Flags, vetoes: tuple[Nodes, Nodes], sites: Nodes) -> Nodes:
    members = np.flatnonzero(contested[labels])
    inside = (labels[vetoes[0]] == labels[vetoes[1]]) & contested[labels[vetoes[0]]]
    groups = _Groups(members, sites)
    groups.forbid(zip(vetoes[0][inside].tolist(), vetoes[1][inside].tolist(), strict=True))
    for place in _by_strength(edges, np.flatnonzero(touched)):
        groups.join(int(edges.left[place]), int(edges.right[place]), bool(edges.firm[place]))
    separated = labels.copy()
    lowest: dict[int, int] = {}
    for node in members.tolist():
        separated[node] = lowest.setdefault(groups.find(node), node)
    return separated


def _by_strength(edges: Edges, places: Nodes) -> Iterator[int]:
    order = np.lexsort((edges.right[places], edges.left[places], -edges.weight[places], ~edges.certain[places]))
    yield from places[order].tolist()


class _Groups:
    """Disjoint sets that know their enemies and their hospitals."""

    def __init__(self, members: Nodes, sites: Nodes) -> None:
        self._parent = {node: node for node in members.tolist()}
        self._foes: dict[int, set[int]] = {node: set() for node in self._parent}
        self._sites = {node: {int(sites[node])} for node in self._parent}

    def forbid(self, pairs: Iterator[tuple[int, int]] | zip[tuple[int, int]]) -> None:
        for left, right in pairs:
            self._foes[left].add(right)
            self._foes[right].add(left)

    def find(self, node: int) -> int:
        root = node
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[node] != root:
            self._parent[node], node = root, self._parent[node]
        return root

    def join(self, left: int, right: int, firm: bool) -> None:
        first, second = self.find(left), self.find(right)
        if first == second or (not firm and self._sites[first] & self._sites[second]):
            return
        if len(self._foes[first]) < len(self._foes[second]):
            first, second = second, first
        if any(self.find(foe) == first for foe in self._foes[second]):
            return
        self._parent[second] = first
        self._foes[first] |= self._foes.pop(second)
        self._sites[first] |= self._sites.pop(second)
