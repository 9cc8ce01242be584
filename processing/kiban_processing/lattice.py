"""束の探索 (lattice): the full-domain generalisation with the least loss that keeps the model with at most so many persons suppressed.

A node names one level per quasi-identifier. The search works on distinct tuples with counts of persons, never on rows.

Loss (as ARX defines it, geometric mean, suppression factor 0.5): per attribute x = (mean over persons of the share of the leaves that the
released value covers, 1 for a suppressed person; minus 1/D) / (1 - 1/D), D = number of leaves; loss = (product of (1 + x))^(1/attributes) - 1.

Why the search is exact: the loss of a node without its suppression never exceeds its loss, so that no node whose bound exceeds the best
loss found can win. For k and distinct l, classes only grow and values only join them up the lattice, so that a node whose more general
node fails also fails; closeness has no such order, and every node within the bound is then judged by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy

Node = tuple[int, ...]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

_DIGITS = 12  # losses equal to this many digits are equal: the order of a float sum must not decide
_DENSE = 1 << 22  # up to so many possible keys are counted by position rather than by sorting


@dataclass(frozen=True)
class Sensitive:
    """A sensitive attribute: `codes` per tuple, and what is asked of it (`l` distinct values; `t` equal distance)."""

    name: str
    codes: Integers
    l: int | None = None  # noqa: E741 - the model's own name
    t: float | None = None


@dataclass(frozen=True)
class Tuples:
    """Distinct tuples: `leaves[attribute][tuple]`, the number of persons of each, and their sensitive values."""

    hierarchies: tuple[Hierarchy, ...]
    leaves: tuple[Integers, ...]
    persons: Integers
    sensitive: tuple[Sensitive, ...] = ()

    @property
    def total(self) -> int:
        return int(self.persons.sum())


@dataclass(frozen=True)
class Classes:
    """The classes of one node: `of[tuple]` its class, `sizes` in persons, `kept[tuple]` whether its class satisfies the model."""

    of: Integers
    sizes: Integers
    kept: Truths
    suppressed: int  # persons


@dataclass(frozen=True)
class Found:
    """The best node; ties go to the smaller sum of levels, then to the smaller node."""

    node: Node
    loss_geometric: float
    loss_arithmetic: float
    classes: Classes
    judged: int  # nodes that were judged by counting


def search(tuples: Tuples, k: int, allowed: int, progress: Callable[[int, int], None] | None = None, digits: int = _DIGITS) -> Found | None:
    """The node of least loss in which at most `allowed` persons must be suppressed; None if there is none.

    `k` in persons. Deterministic: the same tuples in any order give the same node.
    """
    return _Search(tuples, k, allowed, progress, digits).run()


class _Search:
    def __init__(self, tuples: Tuples, k: int, allowed: int, progress: Callable[[int, int], None] | None, digits: int) -> None:
        self.tuples, self.k, self.allowed, self.progress, self.digits = tuples, k, allowed, progress, digits
        self.nodes = np.array(list(itertools.product(*(range(h.levels) for h in tuples.hierarchies))), dtype=np.int16)
        self.monotone = all(sensitive.t is None for sensitive in tuples.sensitive)
        self.bounds = self._bounds()
        self.open = np.ones(len(self.nodes), dtype=bool)  # neither judged nor known to fail
        self.best: Found | None = None
        self.passed: set[int] = set()
        self.judged = 0
        strides = [1] * len(tuples.hierarchies)
        for attribute in range(len(strides) - 2, -1, -1):
            strides[attribute] = strides[attribute + 1] * tuples.hierarchies[attribute + 1].levels
        self.strides = strides

    def run(self) -> Found | None:
        order = np.lexsort((np.arange(len(self.nodes)), self.nodes.sum(axis=1), np.round(self.bounds, self.digits)))
        for number in order:
            if self.best is not None and round(float(self.bounds[number]), self.digits) > round(self.best.loss_geometric, self.digits):
                break
            if not self.open[number]:
                continue
            if self.monotone:
                self._climb(int(number))
            if self.open[number]:
                self._judge(int(number))
        return None if self.best is None else Found(**{**self.best.__dict__, "judged": self.judged})

    def _bounds(self) -> Floats:
        total = max(self.tuples.total, 1)
        means = []
        for hierarchy, leaves in zip(self.tuples.hierarchies, self.tuples.leaves, strict=True):
            persons = np.bincount(leaves, weights=self.tuples.persons, minlength=hierarchy.size + 1)
            means.append(
                [
                    _scaled(float((hierarchy.shares[level][hierarchy.codes[level]] * persons).sum()) / total, hierarchy.size)
                    for level in range(hierarchy.levels)
                ]
            )
        return _geometric([np.asarray(mean)[self.nodes[:, attribute]] for attribute, mean in enumerate(means)], len(self.nodes))

    def _climb(self, number: int) -> None:
        """Walk up from an open node by the cheapest steps and halve the way: failing nodes high up close all that lie below them."""
        chain = [number]
        while True:
            steps = [
                chain[-1] + stride
                for attribute, stride in enumerate(self.strides)
                if self.nodes[chain[-1]][attribute] + 1 < self.tuples.hierarchies[attribute].levels
            ]
            if not steps:
                break
            chain.append(min(steps, key=lambda step: (round(float(self.bounds[step]), self.digits), step)))
        low, high = 0, len(chain) - 1
        while low < high:
            middle = (low + high) // 2
            passed = self._judge(chain[middle]) if self.open[chain[middle]] else chain[middle] in self.passed
            low, high = (low, middle) if passed else (middle + 1, high)

    def _judge(self, number: int) -> bool:
        node: Node = tuple(int(level) for level in self.nodes[number])
        classes = classify(self.tuples, node, self.k)
        self.open[number] = False
        self.judged += 1
        if self.progress:
            self.progress(self.judged, len(self.nodes))
        if classes.suppressed > self.allowed:
            if self.monotone:
                self.open &= ~(self.nodes <= self.nodes[number]).all(axis=1)
            return False
        self.passed.add(number)
        geometric, arithmetic = losses(self.tuples, node, classes.kept, self.tuples.total)
        if self.best is None or (round(geometric, self.digits), sum(node), node) < (
            round(self.best.loss_geometric, self.digits),
            sum(self.best.node),
            self.best.node,
        ):
            self.best = Found(node, geometric, arithmetic, classes, self.judged)
        return True


def classify(tuples: Tuples, node: Node, k: int) -> Classes:
    """The classes of a node, and which satisfy k and everything asked of the sensitive attributes.

    The distribution that closeness compares with is that of all persons in `tuples`.
    """
    if len(tuples.persons) == 0:
        return Classes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool), 0)
    columns = [h.codes[level][leaves] for h, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True)]
    widths = [len(h.labels[level]) for h, level in zip(tuples.hierarchies, node, strict=True)]
    of = _numbered(columns, widths, len(tuples.persons))
    sizes = np.bincount(of, weights=tuples.persons).astype(np.int64)
    satisfied = sizes >= k
    for sensitive in tuples.sensitive:
        distinct, distances = diversity(of, tuples.persons, sensitive.codes, len(sizes))
        if sensitive.l is not None:
            satisfied &= distinct >= sensitive.l
        if sensitive.t is not None:
            satisfied &= distances <= sensitive.t + 1e-9
    kept = satisfied[of]
    return Classes(of, sizes, kept, int(tuples.persons[~kept].sum()))


def diversity(of: Integers, persons: Integers, codes: Integers, classes: int) -> tuple[Integers, Floats]:
    """Per class: its distinct sensitive values, and its distance from the whole (half the sum of absolute differences of shares)."""
    values = int(codes.max()) + 1
    whole = np.bincount(codes, weights=persons, minlength=values) / persons.sum()
    pairs, number = np.unique(of.astype(np.int64) * values + codes, return_inverse=True)
    counts = np.bincount(number, weights=persons)
    of_pair, value = np.divmod(pairs, values)
    sizes = np.bincount(of_pair, weights=counts, minlength=classes)
    present = whole[value]
    gap = np.bincount(of_pair, weights=np.abs(counts / sizes[of_pair] - present), minlength=classes)
    absent = 1.0 - np.bincount(of_pair, weights=present, minlength=classes)
    return np.bincount(of_pair, minlength=classes).astype(np.int64), (gap + absent) / 2


def losses(tuples: Tuples, node: Node, kept: Truths, total: int) -> tuple[float, float]:
    """Geometric and arithmetic loss of a node, both from 0 (as it was) to 1 (nothing left).

    Of `total` persons those in `kept` tuples stay; all others count as suppressed, also those that `tuples` no longer holds.
    """
    suppressed = total - int(tuples.persons[kept].sum())
    scaled = []
    for hierarchy, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True):
        share = hierarchy.shares[level][hierarchy.codes[level][leaves]]
        stay = float((share * tuples.persons)[kept].sum())
        scaled.append(_scaled((stay + suppressed) / max(total, 1), hierarchy.size))
    if not scaled:
        return 0.0, 0.0
    return float(_geometric([np.asarray([x]) for x in scaled], 1)[0]), float(np.mean(scaled))


def _scaled(mean: float, leaves: int) -> float:
    return 0.0 if leaves == 1 else max((mean - 1 / leaves) / (1 - 1 / leaves), 0.0)


def _geometric(parts: Sequence[Floats], length: int) -> Floats:
    if not parts:
        return np.zeros(length)
    product = np.ones(length)
    for part in parts:
        product = product * (1 + part)
    return np.asarray(product ** (1 / len(parts)) - 1, dtype=np.float64)


def _numbered(columns: Sequence[npt.NDArray[np.int32]], widths: Sequence[int], length: int) -> Integers:
    """The number of each combination of codes; combinations are renumbered before the key could overflow."""
    key: Integers = np.zeros(length, dtype=np.int64)
    space = 1
    for column, width in zip(columns, widths, strict=True):
        if space * width >= 1 << 62:
            key, space = _dense(key)
        key = key * width + column
        space *= width
    if space <= max(_DENSE, 4 * length):
        present = np.zeros(space, dtype=bool)
        present[key] = True
        return np.asarray((np.cumsum(present) - 1)[key], dtype=np.int64)
    return _dense(key)[0]


def _dense(key: Integers) -> tuple[Integers, int]:
    values, number = np.unique(key, return_inverse=True)
    return number.astype(np.int64), len(values)
