"""条件の意味 (meaning): what each privacy model says of one class, in plain Python; slow, and what `judging` must equal.

`here` and `whole` count the persons of one class and of all by their sensitive value. A missing value (None) is a value of its own: it
never equals another value, and is never left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding import order
from kiban_processing.recoding.demands import (
    Closeness,
    DistinctDiversity,
    EntropyDiversity,
    Ground,
    Likeness,
    Model,
    PopulationMap,
    PopulationModel,
    Presence,
    RecursiveDiversity,
)

Persons = Counter[str | None]
EPSILON = 1e-9


def holds(model: Model, here: Persons, whole: Persons, hierarchy: Hierarchy | None = None) -> bool:
    """Whether one class satisfies one model of a sensitive attribute.

    >>> holds(EntropyDiversity(2), Counter(flu=1, gastritis=1), Counter(flu=2, gastritis=1))
    True
    >>> holds(RecursiveDiversity(3, 2), Counter(flu=3, gastritis=1), Counter(flu=3, gastritis=2))
    False
    """
    match model:
        case DistinctDiversity():
            return len(here) >= model.l
        case EntropyDiversity():
            return math.exp(entropy(here)) >= model.l - EPSILON
        case RecursiveDiversity():
            counts = sorted(here.values(), reverse=True)
            return counts[0] < model.c * sum(counts[model.l - 1 :]) * (1 - EPSILON)
        case Closeness():
            return distance(model.ground, here, whole, hierarchy) <= model.t + EPSILON
        case Likeness():
            return all(gain <= model.beta + EPSILON and (not model.enhanced or gain <= most) for gain, most in _gains(here, whole))


def holds_in_population(model: PopulationModel, cohort: int, population: int) -> bool:
    """Whether a class of `cohort` persons, of `population` persons that look alike, satisfies a model of the population table."""
    match model:
        case PopulationMap():
            return population >= model.k
        case Presence():
            return model.low - EPSILON <= cohort / max(population, 1) <= model.high + EPSILON


def entropy(here: Persons) -> float:
    """In nats.

    >>> round(math.exp(entropy(Counter(flu=5, gastritis=5, ulcer=5))), 9)
    3.0
    """
    return -sum(number / here.total() * math.log(number / here.total()) for number in here.values())


def distance(ground: Ground, here: Persons, whole: Persons, hierarchy: Hierarchy | None = None) -> float:
    """Earth mover's distance of a class from the whole. Source: Li et al. 2007, section 5.

    >>> round(distance(Ground.ORDERED, Counter({"3": 1, "4": 1, "5": 1}), Counter(map(str, range(3, 12)))), 9)
    0.375
    """
    extra = {value: here[value] / here.total() - number / whole.total() for value, number in whole.items()}
    match ground:
        case Ground.EQUAL:
            return sum(map(abs, extra.values())) / 2
        case Ground.HIERARCHICAL:
            assert hierarchy is not None  # whoever asks for this ground gives it
            return _along_tree(extra, hierarchy)
        case Ground.ORDERED:
            values = order.arranged(extra, hierarchy)
            rotated = (None, *(value for value in values if value is not None)) if None in extra else values
            return max(_along_line(extra, values), _along_line(extra, rotated))


def _gains(here: Persons, whole: Persons) -> Iterable[tuple[float, float]]:
    for value, number in whole.items():
        share = number / whole.total()
        yield (here[value] / here.total() - share) / share, EPSILON - math.log(share)


def _along_line(extra: dict[str | None, float], values: Sequence[str | None]) -> float:
    """What must be carried over each step between neighbours; the whole way counts 1."""
    carried = moved = 0.0
    for value in values[:-1]:
        carried += extra[value]
        moved += abs(carried)
    return moved / (len(values) - 1) if len(values) > 1 else 0.0


def _along_tree(extra: dict[str | None, float], hierarchy: Hierarchy) -> float:
    """At each inner node the surplus of some children meets the lack of others: the lesser of the two, times the node's height."""
    level = {(value is None, value): rest for value, rest in extra.items()}
    rooted = hierarchy.levels > 1 and len({hierarchy.label(leaf, hierarchy.levels - 1) for leaf in hierarchy.leaves}) == 1
    root = hierarchy.levels - 1 if rooted else hierarchy.levels
    path = {(value is None, value): value for value in extra}  # node → a value below it
    cost = 0.0
    for height in range(1, root + 1):
        children: dict[tuple[bool, str | None], list[float]] = {}
        below: dict[tuple[bool, str | None], str | None] = {}
        for node, rest in level.items():
            leaf = path[node]
            parent = (False, "") if height == root else (leaf is None, None if leaf is None else hierarchy.label(leaf, height))
            children.setdefault(parent, []).append(rest)
            below[parent] = leaf
        for rests in children.values():
            cost += height / root * min(sum(rest for rest in rests if rest > 0), -sum(rest for rest in rests if rest < 0))
        level, path = {parent: sum(rests) for parent, rests in children.items()}, below
    return cost
