"""情報損失 (losses): how much a recoding says less than the data, from 0 (as it was) to 1 (nothing left), as ARX defines it.

Per attribute x = (mean over persons of the share of the leaves that the released value covers, 1 for a suppressed person; minus 1/D) /
(1 - 1/D), D = number of leaves; geometric loss = (product of (1 + x))^(1/attributes) - 1, arithmetic loss = mean of x.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from kiban_processing.recoding.classes import Levels, Node
from kiban_processing.recoding.tuples import Floats, Integers, Truths, Tuples


class Metric(StrEnum):
    """What a search minimises."""

    LOSS = "loss"
    ENTROPY = "entropy"


def of_recoding(tuples: Tuples, of: Integers, levels: Levels, total: int) -> tuple[float, float]:
    """Geometric and arithmetic loss of any recoding. `of[tuple]`: class or -1; whoever of `total` is in no class counts as suppressed."""
    stay = of >= 0
    persons, own = tuples.persons[stay], levels[of[stay]]
    suppressed = total - int(persons.sum())
    parts = []
    for attribute, (hierarchy, leaves) in enumerate(zip(tuples.hierarchies, tuples.leaves, strict=True)):
        share = np.stack([hierarchy.shares[level][hierarchy.codes[level]] for level in range(hierarchy.levels)])
        covered = float((share[own[:, attribute], leaves[stay]] * persons).sum())
        parts.append(scaled_mean((covered + suppressed) / max(total, 1), hierarchy.size))
    if not parts:
        return 0.0, 0.0
    return float(geometric_mean([np.asarray([x]) for x in parts], 1)[0]), float(np.mean(parts))


def of_node(tuples: Tuples, node: Node, kept: Truths, total: int) -> tuple[float, float]:
    """Geometric and arithmetic loss of a node, both from 0 (as it was) to 1 (nothing left).

    Of `total` persons those in `kept` tuples stay; all others count as suppressed, also those that `tuples` no longer holds.
    """
    suppressed = total - int(tuples.persons[kept].sum())
    parts = []
    for hierarchy, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
        there = np.bincount(leaves[kept], weights=tuples.persons[kept], minlength=hierarchy.size + 1)
        stay = float((hierarchy.shares[level][hierarchy.codes[level]] * there).sum())
        parts.append(scaled_mean((stay + suppressed) / max(total, 1), hierarchy.size))
    if not parts:
        return 0.0, 0.0
    return float(geometric_mean([np.asarray([x]) for x in parts], 1)[0]), float(np.mean(parts))


def root(product: float, attributes: int) -> float:
    """The geometric mean of losses from the product of 1 + loss."""
    return float(product ** (1 / attributes) - 1) if attributes else 0.0


def entropy_of_node(tuples: Tuples, node: Node, kept: Truths) -> float:
    """Normalised non-uniform entropy of a node, geometric mean over the attributes; 0 where nothing is lost.

    Per attribute x = (bits that all persons lose by the generalisation + persons suppressed times the entropy of their generalised values)
    / bits of the attribute as it was; 0 where the attribute has one value. Source: De Waal, Willenborg 1999; as ARX scores it (factor 0.5).
    """
    product = 1.0
    for hierarchy, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
        codes = hierarchy.codes[level]
        counts = np.bincount(leaves, weights=tuples.persons, minlength=hierarchy.size + 1)
        there = counts > 0
        wide = np.bincount(codes, weights=counts)[codes]
        left_out = np.bincount(codes[leaves[~kept]], weights=tuples.persons[~kept])
        whole = entropy_bits(counts)
        lost = float((counts[there] * np.log2(wide[there] / counts[there])).sum()) + entropy_bits(left_out)
        product *= 1 + (lost / whole if whole else 0.0)
    return root(product, len(node))


def entropy_bits(counts: Floats | Integers) -> float:
    """Persons times the entropy of their values, in bits."""
    there = counts[counts > 0]
    return max(float((there * np.log2(there.sum() / there)).sum()), 0.0) if len(there) else 0.0


def scaled_mean(mean: float, leaves: int) -> float:
    """A mean share of the domain on the scale from 0 (every value a leaf) to 1 (every value covers all)."""
    return 0.0 if leaves == 1 else max((mean - 1 / leaves) / (1 - 1 / leaves), 0.0)


def geometric_mean(parts: Sequence[Floats], length: int) -> Floats:
    """The geometric mean of losses per attribute, for each of `length` candidates at once."""
    if not parts:
        return np.zeros(length)
    product = np.ones(length)
    for part in parts:
        product = product * (1 + part)
    return np.asarray(product ** (1 / len(parts)) - 1, dtype=np.float64)
