"""束の探索 (lattice): the full-domain generalisation with the least loss that keeps the model with at most so many persons suppressed.

A node names one level per quasi-identifier. The search works on distinct tuples with counts of persons, never on rows.

Why the search is exact: the loss of a node without its suppression never exceeds its loss, so that no node whose bound exceeds the best
loss found can win. For k and distinct l, classes only grow and values only join them up the lattice, so that a node whose more general
node fails also fails; other models have no such order, and every node within the bound is then judged by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding import judging, losses
from kiban_processing.recoding.classes import Classes, Node, Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Floats, Tuples

Progress = Callable[[int, int], None]  # nodes judged, nodes in all
_DIGITS = 12  # losses equal to this many digits are equal: the order of a float sum must not decide


def search(
    tuples: Tuples,
    demand: Demand,
    allowed: int,
    metric: Metric = Metric.LOSS,
    progress: Progress | None = None,
    digits: int = _DIGITS,
) -> Recoding | None:
    """The node of least loss in which at most `allowed` persons must be suppressed; None if there is none.

    Deterministic: the same tuples in any order give the same node; ties go to the smaller sum of levels, then to the smaller node.
    """
    return _Search(tuples, demand, allowed, metric, progress, digits).run()


def classify(tuples: Tuples, node: Node, demand: Demand) -> Classes:
    """The classes of a node, and which satisfy everything asked. Distributions are compared with that of all persons in `tuples`."""
    if len(tuples) == 0:
        return Classes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool), 0)
    of = grouping.at_node(tuples, node)
    sizes = np.bincount(of, weights=tuples.persons).astype(np.int64)
    kept = judging.satisfied(tuples, demand, of, len(sizes))[of]
    return Classes(of, sizes, kept, int(tuples.persons[~kept].sum()))


class _Search:
    def __init__(self, tuples: Tuples, demand: Demand, allowed: int, metric: Metric, progress: Progress | None, digits: int) -> None:
        if metric is not Metric.LOSS:
            raise NotImplementedError(metric)
        self.tuples, self.demand, self.allowed, self.progress, self.digits = tuples, demand, allowed, progress, digits
        self.nodes = np.array(list(itertools.product(*(range(h.levels) for h in tuples.hierarchies))), dtype=np.int16)
        self.monotone = judging.upward_closed(tuples, demand)
        self.bounds = self._bounds()
        self.open = np.ones(len(self.nodes), dtype=bool)  # neither judged nor known to fail
        self.best: Recoding | None = None
        self.rank: tuple[float, int, Node] | None = None
        self.passed: set[int] = set()
        self.judged = 0
        strides = [1] * len(tuples.hierarchies)
        for attribute in range(len(strides) - 2, -1, -1):
            strides[attribute] = strides[attribute + 1] * tuples.hierarchies[attribute + 1].levels
        self.strides = strides

    def run(self) -> Recoding | None:
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
        return None if self.best is None else replace(self.best, judged=self.judged)

    def _bounds(self) -> Floats:
        total = max(self.tuples.total, 1)
        means = []
        for hierarchy, leaves in zip(self.tuples.hierarchies, self.tuples.leaves, strict=True):
            persons = np.bincount(leaves, weights=self.tuples.persons, minlength=hierarchy.size + 1)
            means.append(
                [
                    losses.scaled_mean(float((hierarchy.shares[level][hierarchy.codes[level]] * persons).sum()) / total, hierarchy.size)
                    for level in range(hierarchy.levels)
                ]
            )
        return losses.geometric_mean([np.asarray(mean)[self.nodes[:, attribute]] for attribute, mean in enumerate(means)], len(self.nodes))

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
        classes = classify(self.tuples, node, self.demand)
        self.open[number] = False
        self.judged += 1
        if self.progress:
            self.progress(self.judged, len(self.nodes))
        if classes.suppressed > self.allowed:
            if self.monotone:
                self.open &= ~(self.nodes <= self.nodes[number]).all(axis=1)
            return False
        self.passed.add(number)
        lost = losses.of_node(self.tuples, node, classes.kept, self.tuples.total)
        rank = (round(lost[0], self.digits), sum(node), node)
        if self.rank is None or rank < self.rank:
            self.best, self.rank = grouping.of_node(self.tuples, node, classes, lost, self.judged), rank
        return True
