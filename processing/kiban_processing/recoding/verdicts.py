"""節の判定 (verdicts): whether a node keeps what is asked with few enough persons suppressed, and who they are by value.

A demand has an upward closed part: what still holds for a class when any other class joins it (k, distinct values, k-map). Where that
part alone fails at a node, every finer node fails. What lies beyond it is judged at each node by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kiban_processing.recoding import closure, coding, counting, forecast, judging, rollup
from kiban_processing.recoding.classes import Node, numbered
from kiban_processing.recoding.coding import Attribute
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.rollup import Rolled
from kiban_processing.recoding.tuples import Floats, Integers, Sensitive, Truths, Tuples
from kiban_processing.recoding.waypoints import Waypoints


@dataclass(frozen=True)
class Verdict:
    """`holds`: the upward closed part fails for few enough. `suppressed[attribute][code]`: persons whom that part suppresses, by their value
    at the node (only where it holds). `expected`: about how many it suppresses. `rest`: what `final` goes on from."""

    holds: bool
    suppressed: list[Integers]
    expected: float
    rest: tuple[Tuples, Integers, Truths] | None = None


class Judge(Protocol):
    """Judges nodes of one problem."""

    def judge(self, node: Node) -> Verdict:
        """The upward closed part."""

    def final(self, node: Node, verdict: Verdict) -> list[Integers] | None:
        """Persons suppressed by everything asked, by value; None where they are too many."""


def judge_of(tuples: Tuples, own: tuple[Attribute, ...], demand: Demand, allowed: int, count: counting.Counter) -> Judge:
    """The quickest judge that the demand permits: counting alone where only k is asked."""
    if not demand.population and not any(one.models for one in tuples.sensitive):
        return ByCount(own, coding.table(tuples, own), demand, allowed, tuples.total, count)
    return ByModel(tuples, own, demand, allowed)


class ByCount:
    """Only k is asked."""

    def __init__(
        self, own: tuple[Attribute, ...], table: coding.Table, demand: Demand, allowed: int, total: int, count: counting.Counter
    ) -> None:
        self.own, self.k, self.total, self.allowed = own, max(demand.k, 1), total, allowed
        self.rolled = Rolled(own, count, self.k, allowed, total, {0: table})
        if len(table) > rollup.SORTED:
            self.rolled.waypoints = Waypoints(forecast.entropies(own), len(table))

    def judge(self, node: Node) -> Verdict:
        found = self.rolled.counted(node)
        counted = found.counted
        if counted.suppressed > self.allowed:
            return Verdict(False, [], counted.suppressed * self.total / max(counted.seen, 1))
        few = np.flatnonzero(counted.sizes < self.k)
        values = [found.values(place, few) for place in range(len(node))]
        return Verdict(True, _histograms(self.own, node, values, counted.sizes[few]), counted.suppressed)

    def final(self, node: Node, verdict: Verdict) -> list[Integers] | None:
        return verdict.suppressed


class ByModel:
    """Sensitive attributes or a population are judged too; tuples of equal values are merged as the search climbs."""

    def __init__(self, tuples: Tuples, own: tuple[Attribute, ...], demand: Demand, allowed: int) -> None:
        self.own, self.demand, self.allowed = own, demand, allowed
        codes = tuple(one.rank[leaves] for one, leaves in zip(own, tuples.leaves, strict=True))
        self.rolled: list[tuple[Node, Tuples]] = [((0,) * len(own), replace(tuples, leaves=codes))]
        self.wholes: tuple[Floats, ...] = tuple(judging.whole(tuples, one) for one in tuples.sensitive)
        self.closed = judging.upward_closed(tuples, demand) or (allowed == 0 and closure.joined(tuples, demand))
        self.core = closure.core(tuples, demand, self.wholes)

    def judge(self, node: Node) -> Verdict:
        low, source = min(
            (one for one in self.rolled if all(a <= b for a, b in zip(one[0], node, strict=True))), key=lambda one: len(one[1])
        )
        values = [one.up[a][b][codes] for one, a, b, codes in zip(self.own, low, node, source.leaves, strict=True)]
        of = numbered(
            [value.astype(np.int32) for value in values], [one.widths[b] for one, b in zip(self.own, node, strict=True)], len(source)
        )
        merged, of = _merged(source, values, of)
        if len(merged) <= 0.5 * len(source):
            self.rolled.append((node, merged))
            if len(self.rolled) > _ROLLED:
                del self.rolled[1]
        classes = int(of.max(initial=-1)) + 1
        if self.closed:
            good = judging.satisfied(merged, self.demand, of, classes, self.wholes)
        else:
            models, demand = self.core
            narrowed = tuple(replace(one, models=own) for one, own in zip(merged.sensitive, models, strict=True))
            good = judging.satisfied(replace(merged, sensitive=narrowed), demand, of, classes, self.wholes)
        out = ~good[of]
        suppressed = int(merged.persons[out].sum())
        if suppressed > self.allowed:
            return Verdict(False, [], suppressed)
        return Verdict(True, self._histograms(node, merged, out), suppressed, None if self.closed else (merged, of, good))

    def final(self, node: Node, verdict: Verdict) -> list[Integers] | None:
        if verdict.rest is None:
            return verdict.suppressed
        merged, of, good = verdict.rest
        good = good & judging.satisfied(merged, self.demand, of, len(good), self.wholes)
        out = ~good[of]
        return self._histograms(node, merged, out) if int(merged.persons[out].sum()) <= self.allowed else None

    def _histograms(self, node: Node, merged: Tuples, out: Truths) -> list[Integers]:
        return _histograms(self.own, node, [values[out] for values in merged.leaves], merged.persons[out])


_ROLLED = 12  # merged tables kept


def _merged(source: Tuples, values: list[Integers], of: Integers) -> tuple[Tuples, Integers]:
    """Tuples that agree in their class and all sensitive values, as one."""
    widths = [int(of.max(initial=0)) + 1, *(int(one.codes.max(initial=0)) + 1 for one in source.sensitive)]
    number = numbered([of.astype(np.int32), *(one.codes.astype(np.int32) for one in source.sensitive)], widths, len(source))
    length = int(number.max(initial=-1)) + 1
    if length == len(source):
        return replace(source, leaves=tuple(values)), of
    row = np.zeros(length, dtype=np.int64)
    row[number] = np.arange(len(source))
    persons = np.bincount(number, weights=source.persons, minlength=length).astype(np.int64)
    population = source.population
    if population is not None:
        population = np.bincount(number, weights=population, minlength=length).astype(np.int64)
    sensitive: tuple[Sensitive, ...] = tuple(replace(one, codes=one.codes[row]) for one in source.sensitive)
    return Tuples(source.hierarchies, tuple(value[row] for value in values), persons, sensitive, population), of[row]


def _histograms(own: tuple[Attribute, ...], node: Node, codes: Sequence[coding.Narrow], persons: coding.Narrow) -> list[Integers]:
    return [
        np.bincount(codes[place], weights=persons, minlength=one.widths[level]).astype(np.int64)
        for place, (one, level) in enumerate(zip(own, node, strict=True))
    ]
