"""束の探索 (lattice): the full-domain generalisation with the least loss that keeps the model with at most so many persons suppressed.

A node names one level per quasi-identifier. The search works on distinct tuples with counts of persons, never on rows.

Why the search is exact (proofs: docs/decisions/0016): no node loses less than its bound; bounds are only raised by what persons suppressed
at a coarser node add; a node fails where a coarser one fails for the part of the demand that is upward closed; and no node is left out
unless it fails or its bound exceeds the best value found. What decides the order of nodes decides the time only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kiban_processing.recoding import bounds, coding, counting, descent, judging, losses
from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding.classes import Classes, Node, Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.forecast import Forecast
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Tuples
from kiban_processing.recoding.verdicts import Judge, Verdict, judge_of

Progress = Callable[[int, int], None]  # nodes judged, nodes in all
LARGEST = 4_000_000  # nodes up to which the lattice is searched whole; beyond, the result is not claimed to be optimal
DIGITS = 12  # losses equal to this many digits are equal: the order of a float sum must not decide
_CLOSE = 0.8  # a walk ends where the suppressed persons cannot come near what is needed
_SLACK = 1e-11  # relative: a bound that exceeds the best value by less does not close a node


def search(
    tuples: Tuples,
    demand: Demand,
    allowed: int,
    metric: Metric = Metric.LOSS,
    progress: Progress | None = None,
    digits: int = DIGITS,
    compiled: bool | None = None,
    start: Node | None = None,
) -> Recoding | None:
    """The node of least loss in which at most `allowed` persons must be suppressed; None if there is none.

    Deterministic: the same tuples in any order give the same node; ties go to the smaller sum of levels, then to the smaller node.
    `compiled`: count with numba or with NumPy alone (same result); None: by size. `start`: a node judged first, where one is expected to be
    good (the standing one, in an increment); it changes the time, never the result. `progress` may raise to end the search: nothing is left
    behind. A lattice of more than LARGEST nodes is descended instead of searched: the result keeps the demand but is not `optimal`.
    """
    nodes = math.prod(one.levels for one in tuples.hierarchies)
    own = coding.attributes(tuples)
    judge = judge_of(tuples, own, demand, allowed, counting.counter(len(tuples), compiled))
    measure = bounds.measure(metric, own, tuples.total)
    if nodes > LARGEST:
        found = descent.descend(judge, measure, allowed, digits, progress)
    else:
        found = _Search(judge, measure, allowed, digits, progress, start).run()
    del judge, measure  # their tables go before the classes of all tuples are made
    if found is None:
        return None
    node, judged = found
    return of_node(tuples, node, demand, metric, judged, nodes <= LARGEST)


def of_node(tuples: Tuples, node: Node, demand: Demand, metric: Metric, judged: int, optimal: bool) -> Recoding:
    """The recoding of one node: satisfied classes stay, everybody else is suppressed."""
    classes = classify(tuples, node, demand)
    lost = losses.of_node(tuples, node, classes.kept, tuples.total)
    recoding = grouping.of_node(tuples, node, classes, lost, judged)
    minimised = lost[0] if metric is Metric.LOSS else losses.entropy_of_node(tuples, node, classes.kept)
    return replace(recoding, minimised=minimised, optimal=optimal)


def classify(tuples: Tuples, node: Node, demand: Demand) -> Classes:
    """The classes of a node, and which satisfy everything asked. Distributions are compared with that of all persons in `tuples`."""
    if len(tuples) == 0:
        return Classes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool), 0)
    of = grouping.at_node(tuples, node)
    sizes = np.bincount(of, weights=tuples.persons).astype(np.int64)
    kept = judging.satisfied(tuples, demand, of, len(sizes))[of]
    return Classes(of, sizes, kept, int(tuples.persons[~kept].sum()))


class _Search:
    """The lattice as arrays, one cell per node. `bound`: product of 1 + x at least, infinite where the node is done with; `fewer`:
    persons suppressed at most, as far as a finer node tells."""

    def __init__(
        self, judge: Judge, measure: bounds.Measure, allowed: int, digits: int, progress: Progress | None, start: Node | None
    ) -> None:
        self.judge, self.measure, self.allowed, self.digits, self.progress, self.start = judge, measure, allowed, digits, progress, start
        self.shape = tuple(one.levels for one in measure.own)
        self.bound = bounds.products(measure.base)
        self.fewer = np.full(self.shape, measure.total, dtype=np.int64)
        self.steps = [(np.diff(np.log1p(base))).tolist() for base in measure.base]
        self.forecast = Forecast(measure.own)
        self.verdicts: dict[Node, bool] = {}
        self.best: Node | None = None
        self.rank: tuple[float, int, Node] | None = None
        self.limit = math.inf

    def run(self) -> tuple[Node, int] | None:
        """The best node and how many were judged."""
        if self.start is not None and len(self.start) == len(self.shape):
            self._judge(tuple(min(level, most - 1) for level, most in zip(self.start, self.shape, strict=True)))
        while True:
            place = int(self.bound.argmin())
            if not self.bound.flat[place] <= self.limit or math.isinf(self.bound.flat[place]):
                break
            self._close(tuple(int(level) for level in np.unravel_index(place, self.shape)))
        return None if self.best is None else (self.best, len(self.verdicts))

    def _close(self, node: Node) -> None:
        """Close an open node by the coarsest node above it that does so: its failure or what it suppresses closes most others too.

        On a walk up by the cheapest steps, what closes the node lies below what does not: suppressed persons only become fewer.
        """
        chain, enough = [node], self._enough(node)
        while chain[-1] not in self.verdicts and self.fewer[chain[-1]] >= _CLOSE * enough:
            here = chain[-1]
            steps = [(self.steps[place][level], place) for place, level in enumerate(here) if level + 1 < self.shape[place]]
            if not steps:
                break
            place = min(steps)[1]
            chain.append((*here[:place], here[place] + 1, *here[place + 1 :]))
        low, high = 0, len(chain) - 1
        middle = self.forecast.crossing(chain, enough)
        while low < high:
            self._judge(chain[middle])
            if self._is_open(node):
                high = middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        if self._is_open(node):
            self._judge(node)

    def _enough(self, node: Node) -> float:
        """About how many suppressed persons would close a node, at most one more than allowed."""
        least, most = 0.0, (self.allowed + 1) / self.measure.total
        base = [float(term[level]) for term, level in zip(self.measure.base, node, strict=True)]
        if math.isinf(self.limit):
            return most * self.measure.total
        for _ in range(12):
            middle = (least + most) / 2
            if math.prod(1 + x + middle * (1 - x) for x in base) > self.limit:
                most = middle
            else:
                least = middle
        return most * self.measure.total

    def _is_open(self, node: Node) -> bool:
        return bool(self.bound[node] <= self.limit) and not math.isinf(self.bound[node])

    def _judge(self, node: Node) -> bool:
        """Judge a node, close what it proves hopeless, raise the bounds of what it proves worse. True where the closed part holds."""
        if node in self.verdicts:
            return self.verdicts[node]
        verdict = self.judge.judge(node)
        self.verdicts[node] = verdict.holds
        if self.progress:
            self.progress(len(self.verdicts), self.bound.size)
        self.forecast.learn(node, verdict.expected)
        below = tuple(slice(0, level + 1) for level in node)
        if not verdict.holds:
            self.bound[below] = np.inf
            return False
        coarser = self.fewer[tuple(slice(level, None) for level in node)]
        np.minimum(coarser, int(verdict.expected), out=coarser)
        finer = self.bound[below]
        np.maximum(finer, bounds.products(self.measure.terms(node, verdict.suppressed)), out=finer)
        self._settle(node, verdict)
        return True

    def _settle(self, node: Node, verdict: Verdict) -> None:
        open_still = self._is_open(node)
        self.bound[node] = np.inf
        final = self.judge.final(node, verdict) if open_still else None
        if final is None:
            return
        value = losses.root(math.prod(1 + float(term[-1]) for term in self.measure.terms(node, final)), len(node))
        rank = (round(value, self.digits), sum(node), node)
        if self.rank is None or rank < self.rank:
            self.best, self.rank = node, rank
            self.limit = (1 + value) ** len(node) * (1 + max(_SLACK, 10.0**-self.digits * 2 * max(len(node), 1)))
