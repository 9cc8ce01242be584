"""組の判定 (judging): which classes satisfy k and every model asked, from counts alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    values = len(whole)
    pairs, number = np.unique(of[there].astype(np.int64) * values + sensitive.codes[there], return_inverse=True)
    counts = np.bincount(number, weights=persons[there], minlength=len(pairs)).astype(np.int64)
    of_pair, value = np.divmod(pairs, values)
    return Tally(of_pair, value, counts, np.bincount(of_pair, weights=counts, minlength=classes).astype(np.int64), whole)


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
            good &= _holds(model, counted, classes, sensitive)
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
    """Whether a class that satisfies everything still does so when any other class joins it, satisfied or not."""
    models = [model for sensitive in tuples.sensitive for model in sensitive.models]
    return all(isinstance(model, DistinctDiversity) for model in models) and all(
        isinstance(one, PopulationMap) for one in demand.population
    )


def _holds(model: Model, counted: Tally, classes: int, sensitive: Sensitive) -> Truths:
    match model:
        case DistinctDiversity():
            return np.asarray(distinct(counted, classes) >= model.l)
        case EntropyDiversity():
            return np.asarray(entropy(counted, classes) >= np.log(model.l) - EPSILON)
        case RecursiveDiversity():
            return ratio(counted, classes, model.l) < model.c - EPSILON
        case Closeness():
            return distance(counted, classes, model.ground, sensitive) <= model.t + EPSILON
        case Likeness():
            return likeness(counted, classes, model.enhanced) <= model.beta + EPSILON


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
    """Earth mover's distance of each class from the whole."""
    if ground is not Ground.EQUAL:
        raise NotImplementedError(ground)
    present = counted.whole[counted.value]
    gap = np.bincount(counted.of, weights=np.abs(counted.shares - present), minlength=classes)
    absent = 1.0 - np.bincount(counted.of, weights=present, minlength=classes)
    return np.asarray((gap + absent) / 2, dtype=np.float64)


def likeness(counted: Tally, classes: int, enhanced: bool) -> Floats:
    """Per class the greatest relative gain of a value's share over its share in all."""
    present = counted.whole[counted.value]
    gain = (counted.shares - present) / present
    found = np.zeros(classes)
    np.maximum.at(found, counted.of, gain)
    if enhanced:
        raise NotImplementedError("enhanced")
    return found
