"""下界 (bounds): what a node loses at least, before it is counted and after a coarser one was.

Per attribute x(level) = what generalising everybody to the level loses, from 0 to 1; suppression only adds to it. Whoever is suppressed
at a coarser node is suppressed at every finer one, since its class there is a part. So what those persons add is owed by all finer nodes.
Values are products of (1 + x) over the attributes, as the geometric mean takes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiban_processing.recoding import losses
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.coding import Attribute
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Floats, Integers

Terms = list[Floats]  # per attribute, per level: x


@dataclass(frozen=True)
class Measure:
    """A metric over given persons. `base[attribute][level]`: x without suppression; `added` says what suppressed persons add."""

    metric: Metric
    own: tuple[Attribute, ...]
    total: int
    base: Terms
    whole: tuple[float, ...]  # entropy: bits of each attribute at its leaves; loss: persons times what a leaf can lose
    finer: tuple[tuple[Integers, ...], ...]  # loss: [attribute][high][low, code]: least loss of a leaf's value at low

    def terms(self, node: Node, suppressed: list[Integers]) -> Terms:
        """x at least, for every level up to the node's. `suppressed[attribute][code]`: persons suppressed, by their value at the node."""
        return [
            self.base[place][: level + 1] + self._added(place, level, persons)
            for place, (level, persons) in enumerate(zip(node, suppressed, strict=True))
        ]

    def _added(self, place: int, level: int, persons: Integers) -> Floats:
        if self.whole[place] == 0:
            return np.zeros(level + 1)
        if self.metric is Metric.ENTROPY:
            return np.full(level + 1, losses.entropy_bits(persons) / self.whole[place])
        return np.asarray((self.finer[place][level] @ persons) / self.whole[place], dtype=np.float64)


def measure(metric: Metric, own: tuple[Attribute, ...], persons: int) -> Measure:
    """The metric for so many persons. Source: `losses` (both metrics)."""
    total = max(persons, 1)
    counted = [one.persons for one in own]
    if metric is Metric.ENTROPY:
        whole = tuple(losses.entropy_bits(counts) for counts in counted)
        base = [
            np.array([_lost_bits(counts, one.codes[level]) / bits if bits else 0.0 for level in range(one.levels)])
            for one, counts, bits in zip(own, counted, whole, strict=True)
        ]
        return Measure(metric, own, total, base, whole, ())
    whole = tuple(float(total * (one.leaves - 1)) for one in own)
    base = []
    for one, counts, scale in zip(own, counted, whole, strict=True):
        covered = [int((one.covers[level][one.codes[level]] * counts).sum()) - total for level in range(one.levels)]
        base.append(np.maximum(np.array(covered, dtype=np.float64) / scale, 0.0) if scale else np.zeros(one.levels))
    return Measure(metric, own, total, base, whole, tuple(_finer(one) for one in own))


def products(terms: Terms) -> Floats:
    """The products of 1 + x for every combination of levels, in the shape of the lattice."""
    found = np.ones(())
    for term in terms:
        found = np.multiply.outer(found, 1 + term)
    return np.asarray(found, dtype=np.float64)


def _finer(one: Attribute) -> tuple[Integers, ...]:
    """Per level of a suppressed person's value: what the person adds at least at each lower level, by value."""
    return tuple(
        np.stack([_least(one.leaves - one.covers[low], one.up[low][high], one.widths[high]) for low in range(high + 1)])
        for high in range(one.levels)
    )


def _least(values: Integers, of: Integers, length: int) -> Integers:
    found: Integers = np.full(length, np.iinfo(np.int64).max)
    np.minimum.at(found, of, values)
    return found


def _lost_bits(counts: Integers, of: Integers) -> float:
    """Bits that persons lose who had these values and have the wider ones now."""
    wide = np.bincount(of, weights=counts)[of]
    there = counts > 0
    return float((counts[there] * np.log2(wide[there] / counts[there])).sum())
