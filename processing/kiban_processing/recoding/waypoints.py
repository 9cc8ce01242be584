"""足場 (waypoints): which table between the tuples and the nodes looked at is worth making, because many counts could start from it.

A waypoint coarsens up to three attributes and leaves the others at their leaves. Every count books on each waypoint that lies below its
node the rows that it would have saved; one is made once it could have paid for itself. That decides time only, never a result.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.tuples import Floats

_MOST = 20_000  # waypoints thought of
_SLOPE = 0.4  # log of classes per nat of what the values tell, before any is counted
_PAYS = 1.0  # saved rows, as a multiple of the tuples, from which making a table pays
_FRUGAL = 0.6  # a waypoint is worth a table only if it has at most so many times the rows


class Waypoints:
    """`entropies[attribute][level]`: nats of the values at the level; `rows`: tuples."""

    def __init__(self, entropies: list[list[float]], rows: int) -> None:
        self.entropies, self.rows = entropies, rows
        self.nodes = _nodes([len(own) for own in entropies])
        self.told = np.array([self._tells(node) for node in self.nodes.tolist()])
        self.saved = np.zeros(len(self.nodes))
        self.alive = np.ones(len(self.nodes), dtype=bool)
        self.all = sum(own[0] for own in entropies)
        self.slope = np.array([_SLOPE, 1.0])  # sums of products and of squares

    def learn(self, node: Node, rows: int) -> None:
        """Take in how many classes a node has."""
        gap = self.all - self._tells(node)
        if gap > 0 and rows:
            self.slope += np.array([gap * np.log(self.rows / rows), gap * gap])

    def book(self, node: Node, seen: float, source: int) -> Node | None:
        """Book a count of a share `seen` of `source` rows; the waypoint to make now, if one pays."""
        below = np.flatnonzero((self.nodes <= np.asarray(node, dtype=np.int8)).all(axis=1) & self.alive)
        expected = self._expected(below)
        self.saved[below] += seen * np.where(expected <= _FRUGAL * source, source - expected, 0) / self.rows
        best = int(below[self.saved[below].argmax()]) if len(below) else -1
        if best < 0 or self.saved[best] < _PAYS:
            return None
        self.saved[:] = 0
        self.alive[best] = False
        return tuple(int(level) for level in self.nodes[best])

    def disappointing(self, node: Node) -> None:
        """A waypoint had too many rows: so has every finer one."""
        self.alive &= ~(self.nodes <= np.asarray(node, dtype=np.int8)).all(axis=1)

    def _expected(self, which: npt.NDArray[np.int64]) -> Floats:
        return np.asarray(self.rows * np.exp((self.told[which] - self.all) * self.slope[0] / self.slope[1]), dtype=np.float64)

    def _tells(self, node: Node) -> float:
        return sum(own[level] for own, level in zip(self.entropies, node, strict=True))


def _nodes(levels: list[int]) -> npt.NDArray[np.int8]:
    """Every choice of up to three attributes (fewer where there would be too many) with every level of each."""
    found: list[Node] = []
    for size in (1, 2, 3):
        more: list[Node] = []
        for chosen in itertools.combinations(range(len(levels)), size):
            for own in itertools.product(*(range(1, levels[place]) for place in chosen)):
                node = [0] * len(levels)
                for place, level in zip(chosen, own, strict=True):
                    node[place] = level
                more.append(tuple(node))
            if len(found) + len(more) > _MOST:
                return np.array(found, dtype=np.int8).reshape(len(found), len(levels))
        found += more
    return np.array(found, dtype=np.int8).reshape(len(found), len(levels))
