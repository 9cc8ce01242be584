"""Small random problems for the local search, and what a recoding is by its definition: plain Python, row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from hypothesis import strategies as st

from kiban_processing.hierarchies import hierarchy
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity, PopulationMap, Presence
from kiban_processing.recoding.tuples import Sensitive, Tuples


@st.composite
def hierarchies(draw: st.DrawFn, name: str) -> Hierarchy:
    """A nested hierarchy of 2 to 6 leaves and 1 to 4 levels, not always ending in one value, some values alike on two levels."""
    leaves = draw(st.integers(2, 6))
    rows = [[f"{name}{leaf}"] for leaf in range(leaves)]
    groups = list(range(leaves))
    for level in range(draw(st.integers(0, 3))):
        merged = {group: draw(st.integers(0, max(groups) // 2)) for group in sorted(set(groups))}
        groups = [merged[group] for group in groups]
        alike = draw(st.booleans())
        for leaf, group in enumerate(groups):
            rows[leaf].append(f"{name}-{group}" if alike else f"{name}{level}-{group}")
    try:
        return hierarchy.build(name, "1", rows)
    except hierarchy.Refusal:  # the values alike do not nest
        return hierarchy.build(name, "1", [row[:1] for row in rows])


@st.composite
def problems(draw: st.DrawFn, models: bool = True) -> tuple[Tuples, Demand]:
    """Up to three quasi-identifiers, up to 24 tuples, and k with none or one more model."""
    chosen = tuple(draw(hierarchies(name)) for name in "abc"[: draw(st.integers(1, 3))])
    leaf = st.tuples(*(st.integers(0, one.size) for one in chosen), st.integers(0, 2))
    counts = draw(st.dictionaries(leaf, st.integers(1, 4), min_size=1, max_size=24))
    table = np.array([list(key) for key in counts], dtype=np.int64)
    persons = np.array(list(counts.values()), dtype=np.int64)
    leaves = tuple(table[:, at] for at in range(len(chosen)))
    k = draw(st.integers(1, 6))
    asked = draw(st.sampled_from(["none", "l", "t", "map", "presence"] if models else ["none"]))
    if asked in ("l", "t"):
        model = DistinctDiversity(2) if asked == "l" else Closeness(draw(st.sampled_from([0.3, 0.5])))
        return Tuples(chosen, leaves, persons, (Sensitive("s", table[:, -1], (model,)),)), Demand(k)
    if asked == "none":
        return Tuples(chosen, leaves, persons, (Sensitive("s", table[:, -1]),)), Demand(k)
    more = np.array(draw(st.lists(st.integers(0, 3), min_size=len(persons), max_size=len(persons))), dtype=np.int64)
    nobody = np.array(draw(st.lists(st.booleans(), min_size=len(persons), max_size=len(persons))))
    here = np.where(nobody, 0, persons)
    demand = PopulationMap(k + 1) if asked == "map" else Presence(0.1, 0.8)
    return Tuples(chosen, leaves, here, (), here + more), Demand(k, (demand,))


def released(tuples: Tuples, found: Recoding) -> list[tuple[str | None, ...] | None]:
    """The text of every tuple in the release, None where it is suppressed; asserts that levels exist."""
    texts: list[tuple[str | None, ...] | None] = []
    for at, number in enumerate(found.of):
        if number < 0:
            texts.append(None)
            continue
        own = []
        for attribute, one in enumerate(tuples.hierarchies):
            level = int(found.levels[number, attribute])
            assert 0 <= level < one.levels
            leaf = int(tuples.leaves[attribute][at])
            own.append(one.label(None if leaf == one.size else one.leaves[leaf], level))
        texts.append(tuple(own))
    return texts


def covered(one: Hierarchy, leaf: int, level: int) -> float:
    """The share of the leaves that the value of a leaf at a level covers, counted from the texts."""
    text = one.label(None if leaf == one.size else one.leaves[leaf], level)
    return max(sum(one.label(name, level) == text for name in one.leaves), 1) / one.size


def loss(tuples: Tuples, found: Recoding) -> float:
    """The geometric loss by its definition."""
    total, logs = tuples.total, 0.0
    for attribute, one in enumerate(tuples.hierarchies):
        lost = 0.0
        for at, number in enumerate(found.of):
            share = 1.0 if number < 0 else covered(one, int(tuples.leaves[attribute][at]), int(found.levels[number, attribute]))
            lost += share * int(tuples.persons[at])
        x = 0.0 if one.size == 1 else max((lost / total - 1 / one.size) / (1 - 1 / one.size), 0.0)
        logs += math.log1p(x)
    return math.expm1(logs / len(tuples.hierarchies))


def holds(tuples: Tuples, demand: Demand, members: Sequence[int]) -> bool:
    """Whether some tuples together satisfy everything, counted one by one."""
    size = sum(int(tuples.persons[at]) for at in members)
    if size < max(demand.k, 1):
        return False
    for one in tuples.sensitive:
        for model in one.models:
            if isinstance(model, DistinctDiversity) and len({int(one.codes[at]) for at in members}) < model.l:
                return False
            if isinstance(model, Closeness):
                apart = 0.0
                for value in set(one.codes.tolist()):
                    theirs = sum(int(tuples.persons[at]) for at in members if one.codes[at] == value) / size
                    apart += abs(theirs - int(tuples.persons[one.codes == value].sum()) / tuples.total)
                if apart / 2 > model.t + 1e-9:
                    return False
    if tuples.population is not None:
        population = sum(int(tuples.population[at]) for at in members)
        for asked in demand.population:
            if isinstance(asked, PopulationMap) and population < asked.k:
                return False
            if isinstance(asked, Presence) and not asked.low - 1e-9 <= size / max(population, 1) <= asked.high + 1e-9:
                return False
    return True


def partitions_best(tuples: Tuples, demand: Demand) -> float | None:
    """The least loss of any partition of the tuples into classes without suppression: for a handful of tuples."""
    best: float | None = None
    for labels in product(range(len(tuples)), repeat=len(tuples)):
        if any(label > max(labels[:at], default=-1) + 1 for at, label in enumerate(labels)):
            continue
        levels = []
        for number in range(max(labels) + 1):
            members = [at for at, label in enumerate(labels) if label == number]
            own = []
            for leaves, one in zip(tuples.leaves, tuples.hierarchies, strict=True):
                common = [level for level in range(one.levels) if len({int(one.codes[level][leaves[at]]) for at in members}) == 1]
                own.append(min(common, default=-1))
            if -1 in own or not holds(tuples, demand, members):
                break
            levels.append(own)
        else:
            found = Recoding(np.array(labels), np.array(levels, dtype=np.int8), np.zeros(0, np.int64), 0, 0.0, 0.0)
            lost = loss(tuples, found)
            best = lost if best is None else min(best, lost)
    return best
