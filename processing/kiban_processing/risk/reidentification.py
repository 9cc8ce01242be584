"""再識別の危険 (re-identification risk): how likely three kinds of attacker are to find a person, from the sizes of the classes (Reg 18(v)).

The prosecutor knows that the person is in the data; the journalist does not, and wants anybody; the marketer wants as many as possible.
All count persons, never rows, and each class of the released data: suppressed persons are in none.
Source: El Emam, Dankar 2008 (prosecutor, journalist); Dankar, El Emam 2010 (marketer); El Emam 2013, chapter 16.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kiban_processing.recoding.tuples import Floats, Integers


@dataclass(frozen=True)
class Risk:
    """`highest`: probability of the person most at risk; `average`: mean over persons; `at_risk`: share of persons above the threshold.

    `average` is also the share of all persons whom an attacker who guesses once for everybody is expected to hit (the marketer's success).
    """

    highest: float
    average: float
    at_risk: float
    threshold: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Attackers:
    """The three attackers. `estimated`: no population table was there, and its classes were taken to be the sample's over the fraction."""

    persons: int
    prosecutor: Risk
    journalist: Risk
    marketer: float  # expected share of the persons re-identified
    estimated: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def prosecutor(sizes: Integers, threshold: float) -> Risk:
    """A person of a class of n persons is found with probability 1/n. `threshold`: probability above which a person is at risk.

    >>> prosecutor(np.array([2, 8]), 0.2)
    Risk(highest=0.5, average=0.2, at_risk=0.2, threshold=0.2)
    """
    return _risk(sizes, 1 / np.maximum(sizes, 1), threshold)


def journalist(sizes: Integers, population: Integers, threshold: float) -> Risk:
    """A person is found with probability 1/N, N the persons of the population that look alike; never more likely than by the prosecutor.

    `population`: N of each class. A class that the population lacks, or of which it has fewer than the sample, counts as the sample's.
    """
    return _risk(sizes, 1 / np.maximum(np.maximum(population, sizes), 1), threshold)


def marketer(sizes: Integers, population: Integers) -> float:
    """Expected share of the sample's persons whom an attacker with the population table gets right: sum of n/N over the number of persons.

    >>> marketer(np.array([2, 8]), np.array([10, 8]))
    0.12
    """
    return journalist(sizes, population, 1.0).average


def attackers(sizes: Integers, threshold: float, population: Integers | None = None, fraction: float = 1.0) -> Attackers:
    """All three. Without a population table each class is taken to be 1/`fraction` times as large in the population.

    `fraction`: persons of the sample over persons of the population, above 0 up to 1; with 1 the journalist knows as much as the prosecutor.
    Not checked: the estimate is right on average only, and says too little of classes that chance made large; `population` (the module)
    estimates how many of the sample's uniques are unique in the population.
    """
    if not 0 < fraction <= 1:
        raise ValueError("the sampling fraction lies above 0 and up to 1")
    theirs = np.floor(sizes / fraction + 1e-9).astype(np.int64) if population is None else population
    return Attackers(
        int(sizes.sum()), prosecutor(sizes, threshold), journalist(sizes, theirs, threshold), marketer(sizes, theirs), population is None
    )


def _risk(sizes: Integers, each: Floats, threshold: float) -> Risk:
    persons = int(sizes.sum())
    if persons == 0:
        return Risk(0.0, 0.0, 0.0, threshold)
    there = sizes > 0
    # A class of 5 is at the threshold of 1/5, not above it, whatever the last digit says.
    above = there & (each > threshold + 1e-9)
    return Risk(float(each[there].max()), float((each * sizes).sum() / persons), float(sizes[above].sum() / persons), threshold)
