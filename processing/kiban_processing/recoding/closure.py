"""上方閉包 (closure): what can be said of all finer nodes from a demand that fails at one.

A demand is upward closed if a class that satisfies it still does when any other class joins. `core` is the upward closed part that a
demand implies; `joined`: two classes that both satisfy it satisfy it together, which is enough where nobody may be suppressed.
"""

from __future__ import annotations

import math

import numpy as np

from kiban_processing.recoding import judging
from kiban_processing.recoding.demands import (
    Closeness,
    Demand,
    DistinctDiversity,
    EntropyDiversity,
    Ground,
    Likeness,
    Model,
    PopulationMap,
    Presence,
    RecursiveDiversity,
)
from kiban_processing.recoding.tuples import Floats, Tuples

_EPSILON = 10 * judging.EPSILON  # looser than any judgement: the core must never ask more than the demand


def core(tuples: Tuples, demand: Demand, wholes: tuple[Floats, ...]) -> tuple[list[tuple[Model, ...]], Demand]:
    """Per sensitive attribute the distinct values that its models need at least, and the demand without what is not upward closed."""
    models: list[tuple[Model, ...]] = []
    for one, whole in zip(tuples.sensitive, wholes, strict=True):
        fewest = max((_fewest(model, whole) for model in one.models), default=0)
        models.append((DistinctDiversity(fewest),) if fewest > 1 else ())
    return models, Demand(demand.k, tuple(one for one in demand.population if isinstance(one, PopulationMap)))


def joined(tuples: Tuples, demand: Demand) -> bool:
    """Whether classes that satisfy everything also do so together; not sure for delta-presence, where population-only classes join."""
    return not any(isinstance(one, Presence) for one in demand.population) and tuples.population is None


def _fewest(model: Model, whole: Floats) -> int:
    """Distinct values without which no class can satisfy a model."""
    match model:
        case DistinctDiversity():
            return model.l
        case EntropyDiversity():  # the entropy of d values is at most log d
            return math.ceil(model.l * (1 - _EPSILON) - _EPSILON)
        case RecursiveDiversity():  # the l-th value must occur
            return model.l
        case Closeness() if model.ground is Ground.EQUAL:  # the distance is at least the share in all of the values that are absent
            return _values(whole, 1 - model.t - _EPSILON)
        case Closeness():
            return 1
        case Likeness():  # shares in the class sum to 1 and each is at most (1 + beta) times the share in all
            return _values(whole, (1 - _EPSILON) / (1 + max(model.beta, 0) + _EPSILON))


def _values(whole: Floats, mass: float) -> int:
    """The fewest values whose shares in all reach a sum."""
    upto = np.cumsum(np.sort(whole)[::-1])
    return int(np.searchsorted(upto, mass - _EPSILON)) + 1 if mass > 0 else 1
