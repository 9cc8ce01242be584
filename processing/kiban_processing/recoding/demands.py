"""求める条件 (demands): what a class of persons must satisfy besides k, as small values with their source; judged in `judging`.

Sensitive: l-diversity (distinct, entropy, recursive), t-closeness, beta-likeness. Population: k-map, delta-presence. Several models
of one attribute, and of several attributes, must all hold at once. `meaning` says each of them in plain Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ground(StrEnum):
    """How far two sensitive values are apart in t-closeness: all the same; by their nearest common group; by their places in an order."""

    EQUAL = "equal"
    HIERARCHICAL = "hierarchical"
    ORDERED = "ordered"


@dataclass(frozen=True)
class DistinctDiversity:
    """At least `l` distinct values. Source: Machanavajjhala et al. 2007, 4.1 (l-多様性)."""

    l: int  # noqa: E741 - the model's own name


@dataclass(frozen=True)
class EntropyDiversity:
    """The entropy of the values is at least log(`l`). Source: Machanavajjhala et al. 2007, definition 4.1."""

    l: float  # noqa: E741 - the model's own name


@dataclass(frozen=True)
class RecursiveDiversity:
    """The most frequent value occurs less than `c` times as often as the l-th and rarer ones together. Source: ibid., definition 4.2."""

    c: float
    l: int  # noqa: E741 - the model's own name


@dataclass(frozen=True)
class Closeness:
    """The values' distribution is at most `t` away from that of all persons (earth mover's distance). Source: Li et al. 2007 (t-近似性)."""

    t: float
    ground: Ground = Ground.EQUAL


@dataclass(frozen=True)
class Likeness:
    """No value's share exceeds its share in all by more than `beta` times it (enhanced: by at most min(beta, -ln share) times).

    Source: Cao, Karras 2012, definitions 2 and 3 (β-likeness).
    """

    beta: float
    enhanced: bool = False


Model = DistinctDiversity | EntropyDiversity | RecursiveDiversity | Closeness | Likeness


@dataclass(frozen=True)
class PopulationMap:
    """At least `k` persons of the population share the class. Source: Sweeney 2001 (k-map)."""

    k: int


@dataclass(frozen=True)
class Presence:
    """The share of the population's class that is in the cohort lies between `low` and `high`. Source: Nergiz et al. 2007 (δ-presence)."""

    low: float
    high: float


PopulationModel = PopulationMap | Presence


@dataclass(frozen=True)
class Demand:
    """Everything asked of a class: k persons, models of the population table; those of sensitive attributes stand with the attribute."""

    k: int
    population: tuple[PopulationModel, ...] = ()


def called(model: Model) -> str:
    """The stable name of a model's kind, for reports and evidence.

    >>> called(Closeness(0.2, Ground.ORDERED)), called(Likeness(1.0, enhanced=True))
    ('t-ordered', 'beta-enhanced')
    """
    match model:
        case DistinctDiversity():
            return "l-distinct"
        case EntropyDiversity():
            return "l-entropy"
        case RecursiveDiversity():
            return "l-recursive"
        case Closeness():
            return f"t-{model.ground.value}"
        case Likeness():
            return "beta-enhanced" if model.enhanced else "beta-basic"


def bound(model: Model) -> float:
    """What the model asks for, as the number its figure is held against."""
    match model:
        case DistinctDiversity() | EntropyDiversity():
            return float(model.l)
        case RecursiveDiversity():
            return model.c
        case Closeness():
            return model.t
        case Likeness():
            return model.beta
