"""つながり (graphs): maximum spanning trees and bridges of all clusters at once, over arrays.

Work grows with edges times the depth of the deepest tree; clusters of people are shallow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage import clusters

Nodes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float64]


def spanning(size: int, left: Nodes, right: Nodes, weight: Weights) -> Flags:
    """Which edges make the forest of greatest weight; of equal ones those with the lower nodes. Loops are no part of it.

    Source: Borůvka's algorithm, each group of nodes taking its strongest edge at a time.

    >>> spanning(3, np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([5.0, 9.0, 7.0])).tolist()
    [False, True, True]
    """
    order = np.lexsort((right, left, -weight))
    rank = np.empty(len(left), np.int64)
    rank[order] = np.arange(len(left))
    chosen = np.zeros(len(left), np.bool_)
    labels = np.arange(size, dtype=np.int64)
    alive = np.arange(len(left))
    while True:
        one, other = labels[left[alive]], labels[right[alive]]
        apart = one != other
        alive, one, other = alive[apart], one[apart], other[apart]
        if not len(alive):
            return chosen
        best = np.full(size, len(left), np.int64)
        np.minimum.at(best, one, rank[alive])
        np.minimum.at(best, other, rank[alive])
        taken = order[np.unique(best[best < len(left)])]
        chosen[taken] = True
        labels = clusters.components(size, labels[left[taken]], labels[right[taken]])[labels]


@dataclass(frozen=True)
class Rooted:
    """A forest hung up at the lowest node of each tree.

    `edge`: the edge from a node to its parent, -1 at a root. The nodes below a node (itself included) are those whose `entry` lies
    in [entry, leave).
    """

    edge: Nodes
    entry: Nodes
    leave: Nodes
    levels: tuple[Nodes, ...]
    parent: Nodes


def rooted(size: int, left: Nodes, right: Nodes, chosen: Flags) -> Rooted:
    """Hangs up the forest of the `chosen` edges."""
    edges = np.flatnonzero(chosen)
    ends = np.concatenate((left[edges], right[edges]))
    others = np.concatenate((right[edges], left[edges]))
    order = np.lexsort((others, ends))
    numbers = np.concatenate((edges, edges))[order]
    others = others[order]
    starts = np.searchsorted(ends[order], np.arange(size + 1))
    labels = clusters.components(size, left[edges], right[edges])
    parent, edge = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    levels = [np.flatnonzero(labels == np.arange(size))]
    while len(levels[-1]):
        frontier = levels[-1]
        around = expanded(starts[frontier], starts[frontier + 1] - starts[frontier])
        source = np.repeat(frontier, starts[frontier + 1] - starts[frontier])
        down = numbers[around] != edge[source]
        children = others[around][down]
        parent[children], edge[children] = source[down], numbers[around][down]
        levels.append(children)
    levels.pop()
    return Rooted(edge, *_entries(size, levels, parent), tuple(levels), parent)


def expanded(starts: Nodes, lengths: Nodes) -> Nodes:
    """The places start, start + 1, … of each range, one range after the other.

    >>> expanded(np.array([5, 9]), np.array([2, 3])).tolist()
    [5, 6, 9, 10, 11]
    """
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.repeat(starts - before, lengths) + np.arange(int(lengths.sum())), np.int64)


def bridges(size: int, left: Nodes, right: Nodes, weight: Weights) -> tuple[Flags, Rooted]:
    """Which edges split their component when taken away, and the hung-up spanning forest they belong to.

    Every edge outside the forest gets a number of 64 bits; the numbers at both ends are added without carry (XOR) up the tree. An edge of the
    forest that no other edge goes round receives zero; another one receives zero with a chance of 2^-64.
    """
    chosen = spanning(size, left, right, weight)
    forest = rooted(size, left, right, chosen)
    mark = np.zeros(size, np.uint64)
    outside = np.flatnonzero(~chosen & (left != right))
    numbers = _scattered(outside)
    np.bitwise_xor.at(mark, left[outside], numbers)
    np.bitwise_xor.at(mark, right[outside], numbers)
    for level in reversed(forest.levels[1:]):
        np.bitwise_xor.at(mark, forest.parent[level], mark[level])
    found = np.zeros(len(left), np.bool_)
    below = np.flatnonzero((forest.edge >= 0) & (mark == 0))
    found[forest.edge[below]] = True
    return found, forest


def _entries(size: int, levels: list[Nodes], parent: Nodes) -> tuple[Nodes, Nodes]:
    below = np.ones(size, np.int64)
    for level in reversed(levels[1:]):
        np.add.at(below, parent[level], below[level])
    entry = np.zeros(size, np.int64)
    for depth, level in enumerate(levels):
        if not len(level):
            continue
        before = np.cumsum(below[level]) - below[level]
        if depth == 0:
            entry[level] = before
            continue
        # Children of one parent stand together: what came before them on this level is taken off.
        first = np.concatenate(([True], parent[level][1:] != parent[level][:-1]))
        offset = before[first][np.cumsum(first) - 1]
        entry[level] = entry[parent[level]] + 1 + before - offset
    return entry, entry + below


def _scattered(numbers: Nodes) -> npt.NDArray[np.uint64]:
    """Fixed numbers of 64 bits without pattern. Source: splitmix64, Steele et al., OOPSLA 2014."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
