"""組の判定 (judging): which classes satisfy k and every model asked, from counts alone; `meaning` says the same in plain Python.

A missing value is a value of its own like any other. In the hierarchical distance it is a leaf that joins the others only at the root; in
the ordered distance, where it has no place, it stands at whichever end of the order makes the distance greater.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.demands import (
    Closeness,
    Demand,
    DistinctDiversity,
    EntropyDiversity,
    Ground,
    Likeness,
    Model,
    PopulationMap,
    RecursiveDiversity,
)
from kiban_processing.recoding.tuples import Floats, Integers, Sensitive, Truths, Tuples

EPSILON = 1e-9  # figures that differ by less are equal: the order of a float sum must not decide


@dataclass(frozen=True)
class Tally:
    """Persons per class and sensitive value, without the empty cells, ordered by class and value; `whole`: each value's share in all."""

    of: Integers
    value: Integers
    persons: Integers
    sizes: Integers
    whole: Floats

    @property
    def shares(self) -> Floats:
        return np.asarray(self.persons / self.sizes[self.of], dtype=np.float64)


def tally(sensitive: Sensitive, of: Integers, persons: Integers, classes: int, whole: Floats) -> Tally:
    """Count one sensitive attribute per class; tuples without a person count nothing."""
    there = persons > 0
    return _counted(of[there].astype(np.int64), sensitive.codes[there], persons[there], classes, whole)


def whole(tuples: Tuples, sensitive: Sensitive) -> Floats:
    """Each value's share among all persons: what the distribution of a class is compared with."""
    values = int(sensitive.codes.max(initial=0)) + 1
    return np.asarray(np.bincount(sensitive.codes, weights=tuples.persons, minlength=values) / max(tuples.total, 1), dtype=np.float64)


def satisfied(tuples: Tuples, demand: Demand, of: Integers, classes: int, wholes: tuple[Floats, ...] | None = None) -> Truths:
    """Per class whether it satisfies everything; a class without persons of the cohort satisfies nothing.

    `of[tuple]`: class of each of `tuples`; `wholes`: the distributions to compare with where `tuples` are only a part of all.
    """
    sizes = np.bincount(of, weights=tuples.persons, minlength=classes).astype(np.int64)
    good = sizes >= max(demand.k, 1)
    for number, sensitive in enumerate(tuples.sensitive):
        if not sensitive.models:
            continue
        counted = tally(sensitive, of, tuples.persons, classes, wholes[number] if wholes else whole(tuples, sensitive))
        for model in sensitive.models:
            good &= holds(model, figure(model, counted, classes, sensitive))
    if demand.population:
        population = tuples.persons if tuples.population is None else tuples.population
        theirs = np.bincount(of, weights=population, minlength=classes)
        for one in demand.population:
            if isinstance(one, PopulationMap):
                good &= theirs >= one.k
            else:
                share = sizes / np.maximum(theirs, 1)
                good &= (share >= one.low - EPSILON) & (share <= one.high + EPSILON)
    return np.asarray(good, dtype=np.bool_)


def upward_closed(tuples: Tuples, demand: Demand) -> bool:
    """Whether a class that satisfies everything still does so when any other class joins it, satisfied or not.

    Persons, distinct values and persons of the population only grow when a class is joined: k, distinct l and k-map are closed. A joining
    class of one value lowers the entropy, feeds the most frequent value and bends the distribution: entropy and recursive l, t and beta
    are not. It may bring a share in the cohort above or below the bounds: delta-presence is not, unless its bounds exclude nothing.
    """
    models = [model for sensitive in tuples.sensitive for model in sensitive.models]
    return all(isinstance(model, DistinctDiversity) for model in models) and all(
        isinstance(one, PopulationMap) or (one.low <= 0 and one.high >= 1) for one in demand.population
    )


def figure(model: Model, counted: Tally, classes: int, sensitive: Sensitive) -> Floats:
    """Per class the number that `holds` compares with the model's bound."""
    match model:
        case DistinctDiversity():
            return distinct(counted, classes).astype(np.float64)
        case EntropyDiversity():
            return np.exp(entropy(counted, classes))
        case RecursiveDiversity():
            return ratio(counted, classes, model.l)
        case Closeness():
            return distance(counted, classes, model.ground, sensitive)
        case Likeness():
            return likeness(counted, classes, model.enhanced)


def holds(model: Model, figures: Floats) -> Truths:
    """Per class whether its figure is good enough."""
    match model:
        case DistinctDiversity():
            return np.asarray(figures >= model.l)
        case EntropyDiversity():
            return np.asarray(figures >= model.l - EPSILON)
        case RecursiveDiversity():
            return np.asarray(figures < model.c - EPSILON)
        case Closeness():
            return np.asarray(figures <= model.t + EPSILON)
        case Likeness():
            return np.asarray(figures <= model.beta + EPSILON)


def worst(model: Model, figures: Floats) -> float:
    """The figure of the class that satisfies the model least."""
    least = isinstance(model, DistinctDiversity | EntropyDiversity)
    return float(figures.min() if least else figures.max()) if len(figures) else 0.0


def distinct(counted: Tally, classes: int) -> Integers:
    """Distinct values per class."""
    return np.bincount(counted.of, minlength=classes).astype(np.int64)


def entropy(counted: Tally, classes: int) -> Floats:
    """Entropy of the values per class, in nats."""
    shares = counted.shares
    return np.asarray(np.bincount(counted.of, weights=-shares * np.log(shares), minlength=classes), dtype=np.float64)


def ratio(counted: Tally, classes: int, l: int) -> Floats:  # noqa: E741 - the model's own name
    """Per class how often the most frequent value occurs relative to the l-th and rarer ones together; infinite where there are none."""
    order = np.lexsort((-counted.persons, counted.of))
    starts = np.searchsorted(counted.of[order], np.arange(classes))
    rank = np.arange(len(order)) - starts[counted.of[order]]
    persons = counted.persons[order]
    first = np.bincount(counted.of[order], weights=np.where(rank == 0, persons, 0), minlength=classes)
    rest = np.bincount(counted.of[order], weights=np.where(rank >= l - 1, persons, 0), minlength=classes)
    return np.where(rest > 0, first / np.maximum(rest, 1), np.inf)


def distance(counted: Tally, classes: int, ground: Ground, sensitive: Sensitive) -> Floats:
    """Earth mover's distance of each class from the whole. Needs `values` for the ordered, and `hierarchy` too for the hierarchical ground.

    Source: Li, Li, Venkatasubramanian 2007, section 5.
    """
    match ground:
        case Ground.EQUAL:
            return _equal(counted, classes)
        case Ground.HIERARCHICAL:
            if sensitive.hierarchy is None:
                raise ValueError("the hierarchical distance needs a hierarchy")
            return _hierarchical(counted, classes, sensitive.hierarchy, sensitive.values)
        case Ground.ORDERED:
            last = _ordered(counted, classes)
            # The missing value has the last number; where nobody has it, the numbers end before it.
            if not sensitive.values or sensitive.values[-1] is not None or len(counted.whole) < len(sensitive.values):
                return last
            return np.maximum(last, _ordered(_missing_first(counted), classes))


def likeness(counted: Tally, classes: int, enhanced: bool) -> Floats:
    """Per class the greatest relative gain of a value's share over its share in all; enhanced: infinite where one exceeds -ln of that share."""
    present = counted.whole[counted.value]
    gain = (counted.shares - present) / present
    if enhanced:
        gain = np.where(gain > -np.log(present) + EPSILON, np.inf, gain)
    found = np.zeros(classes)
    np.maximum.at(found, counted.of, gain)
    return found


def disclosure(counted: Tally, classes: int) -> Floats:
    """Per class the greatest |ln(share / share in all)| of a value: its delta; infinite where a value is absent. A figure, never asked.

    Source: Brickell, Shmatikov 2008, definition 4 (δ-disclosure privacy).
    """
    found = np.zeros(classes)
    np.maximum.at(found, counted.of, np.abs(np.log(counted.shares / counted.whole[counted.value])))
    return np.where(distinct(counted, classes) < np.count_nonzero(counted.whole), np.inf, found)


def _equal(counted: Tally, classes: int) -> Floats:
    present = counted.whole[counted.value]
    gap = np.bincount(counted.of, weights=np.abs(counted.shares - present), minlength=classes)
    absent = 1.0 - np.bincount(counted.of, weights=present, minlength=classes)
    return np.asarray((gap + absent) / 2, dtype=np.float64)


def _hierarchical(counted: Tally, classes: int, hierarchy: Hierarchy, values: tuple[str | None, ...]) -> Floats:
    """The mean of the equal distances at the levels below the root.

    The paper moves what is left over at each inner node at the cost of its height over that of the root: min(surplus, lack) of its
    children, which is half of what their absolute differences exceed its own. Summed by parts over the levels, each counts once.
    """
    total = np.zeros(classes)
    groups = _groups(hierarchy, values)
    for codes in groups:
        shares = np.bincount(codes[: len(counted.whole)], weights=counted.whole).astype(np.float64)
        total += _equal(_counted(counted.of, codes[counted.value], counted.persons, classes, shares), classes)
    return total / len(groups)


def _ordered(counted: Tally, classes: int) -> Floats:
    """The mean over the steps between neighbours of |share up to here in the class - in all|, without setting the absent values out.

    Between two values that a class has, its own sum stands still while that of all grows, so that the sign changes at most once: the place
    is found by bisection, and both sides are differences of running sums.
    """
    values = np.flatnonzero(counted.whole > 0)  # ranks are those of values that somebody has
    steps = len(values) - 1
    if steps < 1:
        return np.zeros(classes)
    below = np.cumsum(counted.whole[values])[:-1]  # share of all up to each step
    running = np.concatenate(([0.0], np.cumsum(below)))
    rank = np.searchsorted(values, counted.value)
    starts = np.searchsorted(counted.of, np.arange(classes))
    sums = np.cumsum(counted.persons)
    before = np.concatenate(([0], sums))[starts[counted.of]]
    own = (sums - before) / counted.sizes[counted.of]
    follows = np.append(counted.of[1:] == counted.of[:-1], False)
    until = np.where(follows, np.append(rank[1:], 0), steps)
    turn = np.clip(np.searchsorted(below, own), rank, until)
    gap = own * (turn - rank) - (running[turn] - running[rank]) + (running[until] - running[turn]) - own * (until - turn)
    total = np.bincount(counted.of, weights=gap, minlength=classes).astype(np.float64)  # of nothing it counts whole numbers
    there = counted.sizes > 0
    total[there] += running[rank[starts[there]]]
    return np.asarray(total / steps, dtype=np.float64)


def _missing_first(counted: Tally) -> Tally:
    """The same with the last value put before all others."""
    last = len(counted.whole) - 1
    value = np.where(counted.value == last, 0, counted.value + 1)
    order = np.lexsort((value, counted.of))
    return Tally(counted.of[order], value[order], counted.persons[order], counted.sizes, np.roll(counted.whole, 1))


def _counted(of: Integers, value: Integers, persons: Integers, classes: int, shares: Floats) -> Tally:
    values = len(shares)
    pairs, number = np.unique(of * values + value, return_inverse=True)
    counts = np.bincount(number, weights=persons, minlength=len(pairs)).astype(np.int64)
    of_pair, value_of_pair = np.divmod(pairs, values)
    return Tally(of_pair, value_of_pair, counts, np.bincount(of_pair, weights=counts, minlength=classes).astype(np.int64), shares)


@lru_cache(maxsize=16)
def _groups(hierarchy: Hierarchy, values: tuple[str | None, ...]) -> tuple[Integers, ...]:
    """Per level below the root the group of each value. The missing value is a group of its own at each; the root may be implied."""
    place = {leaf: number for number, leaf in enumerate(hierarchy.leaves)}
    leaves = np.array([hierarchy.size if value is None else place[value] for value in values], dtype=np.int64)
    missing = np.array([value is None for value in values])
    rooted = len({int(code) for code in hierarchy.codes[-1][:-1]}) == 1 and hierarchy.levels > 1
    return tuple(
        np.where(missing, len(hierarchy.labels[level]), hierarchy.codes[level][leaves]).astype(np.int64)
        for level in range(hierarchy.levels - rooted)
    )
