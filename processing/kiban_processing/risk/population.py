"""母集団での一意 (population uniqueness): how many of a sample's people are alone in the population too, estimated from the sample (Reg 18(v)).

Whoever is alone in the sample need not be alone in the population. Each estimate takes the sizes of the sample's classes and the sampling
fraction, and assumes that the sample was drawn at random; a cohort of one disease in one region is not, so that the fraction must be that
within the population the attacker thinks of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import exp, inf, lgamma, log, pow
from typing import Any

import numpy as np

from kiban_processing.recoding.tuples import Integers

_SMALL_SAMPLE = 0.1  # up to this fraction the rule takes Pitman's model
_GOLDEN = 0.6180339887498949
_STEPS = 80
_GRID = [0.5**step for step in range(29, 1, -1)] + [
    1 - 0.5 ** (step / 4) for step in range(2, 118)
]  # where p is looked for, towards 0 and 1


@dataclass(frozen=True)
class Uniqueness:
    """Estimated persons alone in the population, by model; None where a model does not fit. `chosen`: which of them the rule takes.

    `uniques_chosen`: its estimate; `sample_uniques_unique`: probability that a person alone in the sample is alone in the population.
    """

    population: int
    sample_uniques: int
    zayatz: float
    pitman: float | None
    negative_binomial: float | None
    chosen: str
    uniques_chosen: float
    sample_uniques_unique: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def estimate(sizes: Integers, fraction: float) -> Uniqueness:
    """All estimates, and the one of the rule: Pitman's for fractions up to a tenth, else the smaller of Zayatz's and the negative binomial's.

    `sizes`: persons of each class of the sample; `fraction`: persons of the sample over those of the population, above 0 up to 1.
    Source: Dankar, El Emam, Neisa, Roffey 2012 (BMC Medical Informatics and Decision Making 12:66), rule and appendix A.
    """
    if not 0 < fraction <= 1:
        raise ValueError("the sampling fraction lies above 0 and up to 1")
    counts = _histogram(sizes)
    persons = sum(size * number for size, number in counts.items())
    alone = counts.get(1, 0)
    population = max(round(persons / fraction), persons)
    if alone == 0 or population == persons:
        return Uniqueness(population, alone, float(alone), None, None, "counted", float(alone), float(alone > 0))
    zayatz_found, pitman_found, binomial = zayatz(counts, population), pitman(counts, population), negative_binomial(counts, population)
    if fraction <= _SMALL_SAMPLE:
        chosen, found = ("pitman", pitman_found) if pitman_found is not None else ("zayatz", zayatz_found)
    elif binomial is not None and binomial < zayatz_found:
        chosen, found = "negative-binomial", binomial
    else:
        chosen, found = "zayatz", zayatz_found
    return Uniqueness(
        population, alone, zayatz_found, pitman_found, binomial, chosen, found, min(found * persons / population / alone, 1.0)
    )


def zayatz(counts: dict[int, int], population: int) -> float:
    """Bayes: P(alone in the population | alone in the sample), the class sizes of the population taken to be spread as the sample's.

    `counts`: size → classes of the sample. Source: Zayatz 1991 (US Bureau of the Census, Statistical Research Division 91/08).
    """
    persons, classes = sum(size * number for size, number in counts.items()), sum(counts.values())
    drawn = sum(number / classes * _one_drawn(size, persons, population) for size, number in counts.items())
    given = counts.get(1, 0) / classes * (persons / population) / drawn
    return counts.get(1, 0) * given * population / persons


def pitman(counts: dict[int, int], population: int) -> float | None:
    """Persons alone among `population` who arrive as in Pitman's process, its parameters by greatest likelihood of the sample; None: no fit.

    Alone is the first one and whom nobody joins: N times the product over j = 1 … N - 1 of (theta + alpha + j - 1) / (theta + j).
    Source: Pitman 1995 (sampling formula); Hoshino 2001 (for disclosure risk).
    """
    persons, classes = sum(size * number for size, number in counts.items()), sum(counts.values())
    if classes in (1, persons):  # everybody alike or everybody alone: the likelihood has no greatest value inside
        return None

    def at(alpha: float) -> tuple[float, float]:
        inside = sum(number * (lgamma(size - alpha) - lgamma(1 - alpha)) for size, number in counts.items() if size > 1)

        def likelihood(logarithm: float) -> float:
            theta = exp(logarithm)
            ratio = theta / alpha
            tables = (classes - 1) * log(alpha) + lgamma(ratio + classes) - lgamma(ratio + 1)
            return tables - lgamma(theta + persons) + lgamma(theta + 1) + inside

        return _greatest(likelihood, -12.0, log(persons) + 12)

    alpha, _ = _greatest(lambda alpha: at(alpha)[1], 1e-6, 1 - 1e-6)
    theta = exp(at(alpha)[0])
    if not 1e-5 < alpha < 1 - 1e-5:
        return None
    logarithm = lgamma(theta + alpha + population - 1) - lgamma(theta + alpha) + lgamma(theta + 1) - lgamma(theta + population)
    return population * exp(logarithm)


def negative_binomial(counts: dict[int, int], population: int) -> float | None:
    """Classes of the population have 1 + a negative binomial number of persons; fitted to the sample's classes and uniques; None: no fit.

    Every person is drawn with the sampling fraction by chance of its own. For each p the shape is the one that gives the classes seen, and
    p the one that gives the uniques seen. Source: Chen, Keller-McNulty 1998 (the model); fitted by moments here, not by their K.
    """
    persons, classes, alone = sum(size * number for size, number in counts.items()), sum(counts.values()), counts.get(1, 0)
    drawn = persons / population
    if classes == persons:
        return None

    def seen(shape: float, p: float) -> float:
        """Probability that a class of the population is in the sample."""
        return 1 - (1 - drawn) * pow(p / (1 - (1 - p) * (1 - drawn)), shape)

    def shape_of(p: float) -> float | None:
        wanted = classes / population

        def excess(shape: float) -> float:
            return seen(shape, p) / (1 + shape * (1 - p) / p) - wanted

        return _root(excess, 1e-9, 1e9)

    def uniques(p: float) -> float | None:
        shape = shape_of(p)
        if shape is None:
            return None
        base = 1 - (1 - p) * (1 - drawn)
        once = drawn * pow(p / base, shape) * (1 + (1 - drawn) * shape * (1 - p) / base)
        return once / seen(shape, p) - alone / classes

    known = [(p, value) for p in _GRID if (value := uniques(p)) is not None]
    for (low, one), (high, other) in zip(known, known[1:], strict=False):
        if one * other <= 0:
            p = _root(lambda p: uniques(p) or 0.0, low, high)
            shape = None if p is None else shape_of(p)
            if p is None or shape is None:
                return None
            return population / (1 + shape * (1 - p) / p) * pow(p, shape) or None
    return None


def _histogram(sizes: Integers) -> dict[int, int]:
    distinct, numbers = np.unique(sizes[sizes > 0], return_counts=True)
    return {int(size): int(number) for size, number in zip(distinct, numbers, strict=True)}


def _one_drawn(size: int, persons: int, population: int) -> float:
    """Probability that exactly one of a class of `size` is among `persons` drawn from `population` (hypergeometric)."""
    rest = population - size
    if persons - 1 > rest:
        return 0.0
    return exp(log(size) + _choose(rest, persons - 1) - _choose(population, persons))


def _choose(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)


def _greatest(function: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Where a function with one peak is greatest, and its value there (golden section)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
    return (left, at_left) if at_left > at_right else (right, at_right)


def _root(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a monotone function of a positive number crosses 0 (bisection of the exponent); None where it does not between the two."""
    at_low, at_high = function(low), function(high)
    if at_low == 0:
        return low
    if at_low * at_high > 0 or inf in (at_low, at_high):
        return None
    a, b = log(low), log(high)
    for _ in range(_STEPS):
        middle = (a + b) / 2
        if function(exp(middle)) * at_low > 0:
            a = middle
        else:
            b = middle
    return exp((a + b) / 2)
