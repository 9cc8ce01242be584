"""求める条件 (conditions): from what a plan asks of its sensitive columns to the models that the recoding judges (Reg 18(v)).

Apart from the reading of plans, so that a plan needs nothing of the recoding.
"""

from __future__ import annotations

from collections.abc import Iterable

from kiban_processing.planned import Closeness, Diversity, Likeness
from kiban_processing.recoding import demands
from kiban_processing.recoding.demands import Ground, Model


def of_column(asked: Iterable[Diversity | Closeness | Likeness], column: str) -> tuple[Model, ...]:
    """The models asked of one column, each once."""
    return tuple(dict.fromkeys(_model(one) for one in asked if one.column == column))


def _model(one: Diversity | Closeness | Likeness) -> Model:
    match one:
        case Diversity(kind="entropy"):
            return demands.EntropyDiversity(one.value)
        case Diversity(kind="recursive"):
            return demands.RecursiveDiversity(one.c or 0.0, int(one.value))
        case Diversity():
            return demands.DistinctDiversity(int(one.value))
        case Closeness():
            return demands.Closeness(one.value, Ground(one.ground))
        case Likeness():
            return demands.Likeness(one.value, one.enhanced)
