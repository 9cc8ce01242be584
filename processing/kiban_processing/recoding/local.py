"""局所的再符号化 (local recoding): every class of persons gets the levels it needs; never worse than the best single node (Reg 18(iv)(v)).

Several starts are searched and the best is kept: top-down splitting of the whole table and of the global optimum's classes (`regions`), and
sweeps over the nodes from the cheapest on, early and late stopped, whose rest is split top-down (`sweeping`); then classes that lie together
are improved by moves (`merging`). k alone is counted directly; any other model is asked of `judging`, for candidates and for what is left over.

What an attacker may still learn: a value "*" beside classes of the finer values says "none of those alone held"; a class is no finer because
a finer one would have failed (downcoding, Cohen 2022). `margin` asks for so many persons more than k, and a release key (`tie_breaks`)
decides between nearly equal moves, which makes the search's course unrepeatable without the key; neither is a proof against it.

Not checked: that hierarchies cover the values (the encoding refuses gaps), that a person has one tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from kiban_processing.recoding import judging, lattice, losses, merging, naming, regions, starts, sweeping
from kiban_processing.recoding import paths as ways
from kiban_processing.recoding.classes import Levels, Recoding
from kiban_processing.recoding.demands import Demand, PopulationMap, Presence
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.regions import Judging
from kiban_processing.recoding.tuples import Floats, Integers, Truths, Tuples

Progress = Callable[[int, int], None]  # steps done, steps in all

EARLY = 2 / 3  # the share of units left when the early stopped sweep hands over to splitting
HELPING_LIMIT = 0.1  # where more than k is asked, the optimum under this limit is one more start
_LARGEST_LATTICE = 4_000_000


def recode(
    tuples: Tuples,
    demand: Demand,
    allowed: int,
    metric: Metric = Metric.LOSS,
    progress: Progress | None = None,
    tie_breaks: bytes | None = None,
    global_optimum: Recoding | None = None,
    margin: int = 0,
    compiled: bool | None = None,
) -> Recoding | None:
    """The best local recoding found that leaves out at most `allowed` persons; None where nothing satisfies what is asked.

    `global_optimum`: the result of `lattice.search` for the same question, if the caller has it; else it is searched (not over 4,000,000
    nodes). `tie_breaks`: bytes of the release key. `margin`: persons asked beyond k. `compiled`: False for the plain form of every loop.
    Tuples without a person have class -1 where no model of the population is asked.
    """
    if len(tuples) == 0 or not tuples.hierarchies or tuples.total == 0:
        return global_optimum or lattice.search(tuples, demand, allowed, metric)
    asked = _raised(demand, margin)
    optimum = global_optimum if margin == 0 else None
    if optimum is None and int(np.prod([h.levels for h in tuples.hierarchies], dtype=object)) <= _LARGEST_LATTICE:
        optimum = lattice.search(tuples, asked, allowed, metric)
    return _Local(tuples, asked, allowed, metric, progress, tie_breaks, optimum, compiled).run()


def _raised(demand: Demand, margin: int) -> Demand:
    population = tuple(replace(one, k=one.k + margin) if isinstance(one, PopulationMap) else one for one in demand.population)
    return replace(demand, k=demand.k + margin, population=population)


@dataclass(frozen=True)
class _Found:
    rank: tuple[float, float]
    of: Integers  # per unit
    recoding: Recoding


class _Local:
    def __init__(
        self,
        tuples: Tuples,
        demand: Demand,
        allowed: int,
        metric: Metric,
        progress: Progress | None,
        tie_breaks: bytes | None,
        optimum: Recoding | None,
        compiled: bool | None,
    ) -> None:
        self.tuples, self.demand, self.allowed, self.metric, self.key = tuples, demand, allowed, metric, tie_breaks
        self.optimum, self.compiled, self.progress = optimum, compiled, progress
        modelled = tuple(one for one in tuples.sensitive if one.models)
        only_k = not modelled and not demand.population
        plain = Tuples(tuples.hierarchies, tuples.leaves, tuples.persons, modelled, tuples.population)
        self.there = np.flatnonzero(tuples.persons > 0) if not demand.population else np.arange(len(tuples))
        self.searched = plain if len(self.there) == len(plain) else plain.of(self.there)
        self.wholes: tuple[Floats, ...] = tuple(judging.whole(plain, one) for one in modelled)
        self.paths = ways.build(self.searched, bool(modelled), metric, tie_breaks)
        self.units = self.searched if only_k else self._units()  # copied only where they are judged
        self.judging = Judging(self._judge, max(demand.k, 1), only_k)
        self.judged = 0
        self.sweeps: dict[float, Integers] = {}  # by the share left over; under the weights of now
        self.steps, self.step = (5 if only_k else 9), 0

    def run(self) -> Recoding | None:
        best: _Found | None = None
        if self.judging.only_k:
            best = self._better(best, self._cheapest())
            self._reweigh(best)
            if best is not None:
                best = self._better(best, merging.improve(self.paths, best.of, self.judging, self.compiled))
        else:
            leading = None
            for start in self._starts():
                better = self._tried(best, start)
                best, leading = better, leading if better is best else start
            self._reweigh(best)
            if leading is not None:  # the start that led once more, every attribute weighed as the geometric mean does at its result
                best = self._tried(best, leading)
        if best is not None and self.allowed > 0:
            best = self._better(best, self._without_the_costliest(best.of))
        chosen = None if best is None else best.recoding
        if self.optimum is not None and (chosen is None or self._rank(self.optimum.of, self.optimum.levels) < self._rank_of(chosen)):
            chosen = naming.united(self.tuples, replace(self.optimum, node=None))
        return None if chosen is None else replace(chosen, judged=self.judged)

    def _cheapest(self) -> Integers:
        """Where k alone is asked losses are small, and the sum of costs orders the starts as the geometric mean does."""
        best: tuple[int, Integers] | None = None
        whole = int(sum(self.paths.costs[at, :, height - 1].max() for at, height in enumerate(self.paths.levels)))
        for start in self._starts():
            of = regions.first_numbered(start())
            left_out = int(self.paths.persons[of < 0].sum())
            cost = merging.cost(self.paths, of) + whole * left_out
            if left_out <= self.allowed and (best is None or cost < best[0]):
                best = cost, of
            self._tick()
        return np.full(len(self.paths), -1, dtype=np.int64) if best is None else best[1]

    def _tried(self, best: _Found | None, start: Callable[[], Integers]) -> _Found | None:
        of = start()
        self._tick()
        return self._better(self._better(best, of), merging.improve(self.paths, of, self.judging, self.compiled))

    def _starts(self) -> Iterator[Callable[[], Integers]]:
        """What the search begins with; each is carried out when it is called, under the weights of that time."""
        yield lambda: self._split(starts.cells(self.paths))
        if sweeping.possible(self.paths):
            yield lambda: self._swept(sweeping.FEWEST)
            if not self.judging.only_k:
                yield lambda: self._swept(sweeping.FEWEST, True)
            if self.judging.only_k or (self.sweeps[sweeping.FEWEST] < 0).mean() < EARLY:  # else it would stop where the other did
                yield lambda: self._swept(EARLY)
        for optimum in self._optima():
            first = np.zeros(len(self.paths), dtype=np.int64)
            first[self.paths.unit_of[::-1]] = self.there[::-1]
            of = optimum.of[first]
            if (of < 0).any():
                yield partial(self._split, starts.together(self.paths, of))
            yield partial(self._split, of)

    def _split(self, start: Integers) -> Integers:
        return starts.split(self.paths, start, self.judging, self.compiled)

    def _swept(self, share: float, joining: bool = False) -> Integers:
        """A sweep; its rest is split top-down, or joins the sweep's classes: where one sensitive value is most people's, they must."""
        if share not in self.sweeps:
            self.sweeps[share] = sweeping.gather(self.paths, self.judging, share, self.compiled)
        of = self.sweeps[share]
        if joining:
            return starts.take_in(self.paths, of, of < 0, self.judging, self.compiled)
        return self._with_rest(of, np.where(of < 0, starts.cells(self.paths), -1))

    def _optima(self) -> Iterator[Recoding]:
        if self.optimum is not None:
            yield self.optimum
        more = int(HELPING_LIMIT * self.tuples.total)
        if not self.judging.only_k and more > self.allowed and self.optimum is not None:
            helping = lattice.search(self.tuples, self.demand, more, self.metric)
            if helping is not None and helping.node != self.optimum.node:
                yield helping

    def _with_rest(self, of: Integers, rest: Integers) -> Integers:
        """A sweep's classes, and its rest split top-down where it holds, else taken in."""
        inside = np.flatnonzero(rest >= 0)
        if len(inside) == 0:
            return of
        names, number = np.unique(rest[inside], return_inverse=True)
        good = starts.holds(self.paths, inside, number, len(names), self.judging)
        region = np.full(len(rest), -1, dtype=np.int64)
        region[inside] = np.where(good[number], number, -1)
        parts = regions.split(self.paths, region, self.judging, self.compiled)
        of = np.where(parts >= 0, parts + int(of.max(initial=-1)) + 1, of)
        of = regions.first_numbered(of)
        return regions.first_numbered(starts.take_in(self.paths, of, of < 0, self.judging, self.compiled))

    def _without_the_costliest(self, of: Integers) -> Integers:
        """Classes without the one unit that costs them more than its suppression costs, as many as may be left out."""
        spent = int(self.searched.total - self.paths.persons[of >= 0].sum())
        return merging.without_costliest(self.paths, of, self.judging, self.allowed - spent)

    def _better(self, best: _Found | None, of: Integers) -> _Found | None:
        """The better of what was found and these classes, if they hold."""
        of = regions.first_numbered(of)
        self.judged += int(of.max(initial=-1)) + 1
        everywhere = np.full(len(self.tuples), -1, dtype=np.int64)
        everywhere[self.there] = of[self.paths.unit_of]
        if any(isinstance(one, Presence) for one in self.demand.population) and (everywhere < 0)[self.tuples.persons == 0].any():
            return best  # who is in the population and in no class would count for every class whose values are theirs
        recoding = naming.named(self.tuples, everywhere)
        if recoding is None or recoding.suppressed > self.allowed:
            return best
        rank = self._rank_of(recoding)
        if best is not None and best.rank <= rank:
            return best
        if self.judging.only_k:
            return _Found(rank, of, recoding) if (recoding.sizes >= self.judging.k).all() else best
        stay = recoding.of >= 0
        classes = len(recoding.sizes)
        good = judging.satisfied(self._plain().of(np.flatnonzero(stay)), self.demand, recoding.of[stay], classes, self.wholes or None)
        return _Found(rank, of, recoding) if good.all() else best

    def _rank_of(self, recoding: Recoding) -> tuple[float, float]:
        return self._rank(recoding.of, recoding.levels)

    def _rank(self, of: Integers, levels: Levels) -> tuple[float, float]:
        """What is minimised first; equal to twelve digits, the arithmetic loss decides."""
        if self.metric is Metric.LOSS:
            geometric, arithmetic = losses.of_recoding(self.tuples, of, levels, self.tuples.total)
            return round(geometric, 12), round(arithmetic, 12)
        shares = self._shares(of, levels)
        return round(float(np.log1p(shares).mean()), 12), round(float(shares.mean()), 12)

    def _shares(self, of: Integers, levels: Levels) -> Floats:
        """Per attribute the mean of what the search counts as lost by a person, from 0 to 1."""
        plain = ways.weighted(self.paths, self.searched, self.metric, None, [1.0] * len(self.tuples.hierarchies)).costs
        stay = np.flatnonzero(of >= 0)
        persons = self.tuples.persons[stay]
        out = self.tuples.total - int(persons.sum())
        found = [
            float((plain[attribute, leaves[stay], levels[of[stay], attribute]] * persons).sum()) / ways.SCALE + out
            for attribute, leaves in enumerate(self.tuples.leaves)
        ]
        return np.asarray(found) / max(self.tuples.total, 1)

    def _reweigh(self, best: _Found | None) -> None:
        """Weigh an attribute by how the geometric mean falls with it: log(1 + x) falls by 1 / (1 + x)."""
        if best is None:
            return
        weights = [float(one) for one in 1 / (1 + self._shares(best.recoding.of, best.recoding.levels))]
        self.paths = ways.weighted(self.paths, self.searched, self.metric, self.key, weights)
        self.sweeps.clear()

    def _judge(self, units: Integers, group: Integers, groups: int) -> Truths:
        return judging.satisfied(self.units.of(units), self.demand, group, groups, self.wholes or None)

    def _units(self) -> Tuples:
        """The units as tuples, for the judging."""
        first = np.zeros(len(self.paths), dtype=np.int64)
        first[self.paths.unit_of[::-1]] = np.arange(len(self.searched))[::-1]
        of = self.searched.of(first)
        population = self.searched.population
        theirs = None if population is None else np.bincount(self.paths.unit_of, weights=population, minlength=len(first)).astype(np.int64)
        return replace(of, persons=self.paths.persons, population=theirs)

    def _plain(self) -> Tuples:
        modelled = tuple(one for one in self.tuples.sensitive if one.models)
        return replace(self.tuples, sensitive=modelled)

    def _tick(self) -> None:
        self.step += 1
        if self.progress:
            self.progress(min(self.step, self.steps), self.steps)
