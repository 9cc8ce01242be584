"""見込み (forecast): where on a walk up the lattice the demand will begin to hold, guessed from the nodes judged so far.

A guess decides only which node is judged first; a wrong one costs time, never the result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.coding import Attribute
from kiban_processing.recoding.tuples import Floats, Integers

_SLOPE, _WEIGHT = 0.6, 0.02  # before anything is learnt: log of suppressed persons per nat of what the values tell; and how much it counts
_ENOUGH = 4  # nodes to learn from before the guess is trusted


class Forecast:
    """log(suppressed) as a line over the sum of the attributes' entropies at the node's levels."""

    def __init__(self, own: Sequence[Attribute]) -> None:
        self.entropies = entropies(own)
        self.known = 0
        self.sums = np.array([[_WEIGHT, 0.0], [0.0, 1e-6]])
        self.right = np.array([_WEIGHT * _SLOPE, 0.0])

    def learn(self, node: Node, suppressed: float) -> None:
        """Take in how many persons a node suppresses, or would."""
        feature = np.array([self._tells(node), 1.0])
        self.sums += np.outer(feature, feature)
        self.right += feature * float(np.log(max(suppressed, 0.5)))
        self.known += 1

    def crossing(self, chain: Sequence[Node], enough: float) -> int:
        """The last node of a walk that is expected to suppress `enough` persons, never the last of all."""
        if self.known < _ENOUGH or len(chain) < 2:
            return (len(chain) - 1) // 2
        slope, level = np.linalg.solve(self.sums, self.right)
        target = float(np.log(max(enough, 0.5)))
        failing = sum(slope * self._tells(node) + level > target for node in chain)
        return int(min(max(failing - 1, 0), len(chain) - 2))

    def _tells(self, node: Node) -> float:
        return sum(own[level] for own, level in zip(self.entropies, node, strict=True))


def entropies(own: Sequence[Attribute]) -> list[list[float]]:
    """What the values of each attribute tell at each level, in nats."""
    return [[_nats(np.bincount(codes, weights=one.persons)) for codes in one.codes] for one in own]


def _nats(counts: Floats | Integers) -> float:
    there = counts[counts > 0]
    return float((there * np.log(there.sum() / there)).sum() / max(there.sum(), 1)) if len(there) else 0.0
