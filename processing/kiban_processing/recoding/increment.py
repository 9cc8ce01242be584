"""増分 (increment): the standing classes after persons joined or left, judged again only where that can change something.

A submission adds about one person in a hundred, a late opt-out takes some away. Under the standing node their tuples fall into few classes.
Those are counted and judged again; the others keep their numbers, and keep their verdict unless a model compares a class with all persons
(t-closeness, beta-likeness): then all classes are judged again, from their tallies. No tuple of the unchanged persons is read. The result is
that of counting everybody anew (tests/recoding/test_increment.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding import judging, losses
from kiban_processing.recoding.classes import Node, Recoding
from kiban_processing.recoding.demands import Closeness, Demand, Ground, Likeness
from kiban_processing.recoding.tuples import Floats, Integers, Sensitive, Truths, Tuples

Codes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class Counts:
    """Persons per class and value of one sensitive attribute, ordered by class and value, none empty. `values`: as in `Sensitive`."""

    of: Integers
    value: Integers
    persons: Integers
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class Standing:
    """What is kept of a release to judge the next: regulated like the data, for it holds counts below k (加工の方法に関する情報).

    `codes[class, attribute]`: the class's value at the node, as numbered by the hierarchies, which must be the same next time; classes in the
    order of these. `persons`, `population` per class; `counts` per sensitive attribute; `kept`: the class satisfies everything asked.
    """

    node: Node
    codes: Codes
    persons: Integers
    population: Integers | None
    counts: tuple[Counts, ...]
    kept: Truths

    @property
    def total(self) -> int:
        """Persons."""
        return int(self.persons.sum())

    @property
    def suppressed(self) -> int:
        """Persons in classes that do not satisfy what is asked."""
        return int(self.persons[~self.kept].sum())


@dataclass(frozen=True)
class Step:
    """The next standing, and how many classes changed and were judged."""

    standing: Standing
    changed: int
    judged: int


def stand(tuples: Tuples, node: Node, demand: Demand) -> Standing:
    """The classes of a node counted from all tuples."""
    nobody = tuples.of(np.zeros(0, dtype=np.int64))
    counts = tuple(_no_counts(one.values) for one in tuples.sensitive)
    nothing = np.zeros(0, dtype=np.int64)
    population = None if tuples.population is None else nothing
    empty = Standing(node, np.zeros((0, len(node)), np.uint32), nothing, population, counts, np.zeros(0, dtype=bool))
    return step(empty, tuples, nobody, demand).standing


def step(standing: Standing, added: Tuples, removed: Tuples, demand: Demand) -> Step:
    """The standing after some persons (and people of the population) joined and others left.

    Both with the same hierarchies and sensitive attributes as before; the models asked are those that `added` names. Sensitive values are
    matched by `values` where those are given, else by number. ValueError: more left than were there, or a new value of an ordered attribute
    whose place among the others is not known.
    """
    keys, of, sign = _changed(standing.node, added, removed)
    standing, added_codes, removed_codes = _renamed(standing, added, removed)
    place, codes = _placed(standing, keys)
    persons = _plus(standing.persons, place, len(codes), of, sign * np.concatenate((added.persons, removed.persons)))
    population = standing.population
    if population is not None:
        theirs = np.concatenate([one.persons if one.population is None else one.population for one in (added, removed)])
        population = _plus(population, place, len(codes), of, sign * theirs)
    counts = tuple(
        _counted(counts, place, of, sign, np.concatenate((new, old)), np.concatenate((added.persons, removed.persons)))
        for counts, new, old in zip(standing.counts, added_codes, removed_codes, strict=True)
    )
    if (persons < 0).any() or (population is not None and (population < 0).any()) or any((one.persons < 0).any() for one in counts):
        raise ValueError("more persons left a class than it had")
    touched = np.zeros(len(codes), dtype=bool)
    touched[place.of_change] = True
    kept = np.zeros(len(codes), dtype=bool)
    kept[place.of_standing] = standing.kept
    again = np.ones_like(touched) if _compares(added.sensitive) and touched.any() else touched
    following = Standing(standing.node, codes, persons, population, counts, kept)
    kept = np.where(again, _judged(following, added.sensitive, demand, again), kept)
    return Step(_without_empty(replace(following, kept=kept)), int(touched.sum()), int(again.sum()))


def loss(standing: Standing, hierarchies: Sequence[Hierarchy]) -> tuple[float, float]:
    """Geometric and arithmetic loss of the standing classes, from their values alone: all of a class have the same."""
    total, parts = standing.total, []
    for place, (hierarchy, level) in enumerate(zip(hierarchies, standing.node, strict=True)):
        covered = float((hierarchy.shares[level][standing.codes[:, place]] * standing.persons)[standing.kept].sum())
        parts.append(losses.scaled_mean((covered + standing.suppressed) / max(total, 1), hierarchy.size))
    if not parts:
        return 0.0, 0.0
    return losses.root(float(np.prod([1 + x for x in parts])), len(parts)), float(np.mean(parts))


def recoding(standing: Standing, tuples: Tuples) -> Recoding:
    """The standing classes as the recoding of the tuples that they were counted from; the one thing that reads all tuples, to apply it."""
    of = np.searchsorted(_keys(standing.codes), _keys(_codes(tuples, standing.node)))
    number = np.where(standing.kept, np.cumsum(standing.kept) - 1, -1)
    levels = np.tile(np.asarray(standing.node, dtype=np.int8), (int(standing.kept.sum()), 1))
    lost = loss(standing, tuples.hierarchies)
    return Recoding(number[of], levels, standing.persons[standing.kept], standing.suppressed, *lost, standing.node)


def arrays(standing: Standing) -> dict[str, npt.NDArray[np.generic]]:
    """The standing as named arrays without objects, to be stored (npz, Arrow)."""
    found: dict[str, npt.NDArray[np.generic]] = {
        "node": np.asarray(standing.node, dtype=np.int8),
        "codes": standing.codes,
        "persons": standing.persons,
        "kept": standing.kept,
    }
    if standing.population is not None:
        found["population"] = standing.population
    for number, one in enumerate(standing.counts):
        found |= {f"of_{number}": one.of, f"value_{number}": one.value, f"persons_{number}": one.persons}
        found[f"values_{number}"] = np.array([value or "" for value in one.values], dtype=np.str_)
        found[f"missing_{number}"] = np.array([value is None for value in one.values], dtype=np.bool_)
    return found


def from_arrays(found: dict[str, npt.NDArray[np.generic]]) -> Standing:
    """The standing that was stored."""
    counts = []
    number = 0
    while f"of_{number}" in found:
        values = zip(found[f"values_{number}"].tolist(), found[f"missing_{number}"].tolist(), strict=True)
        counts.append(
            Counts(
                found[f"of_{number}"].astype(np.int64),
                found[f"value_{number}"].astype(np.int64),
                found[f"persons_{number}"].astype(np.int64),
                tuple(None if missing else str(value) for value, missing in values),
            )
        )
        number += 1
    return Standing(
        tuple(int(level) for level in found["node"].tolist()),
        found["codes"].astype(np.uint32),
        found["persons"].astype(np.int64),
        found["population"].astype(np.int64) if "population" in found else None,
        tuple(counts),
        found["kept"].astype(np.bool_),
    )


@dataclass(frozen=True)
class _Place:
    """Where the classes that stand and those that change are among all: ascending, `of_change` may repeat `of_standing`."""

    of_standing: Integers
    of_change: Integers


def _codes(tuples: Tuples, node: Node) -> Codes:
    columns = [one.codes[level][leaves] for one, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True)]
    return np.asarray(np.stack(columns, axis=1) if columns else np.zeros((len(tuples), 0)), dtype=np.uint32)


def _keys(codes: Codes) -> Keys:
    """One comparable key per row, in the order of the rows' numbers."""
    ordered = np.zeros((len(codes), codes.shape[1] + 1), dtype=">u4")  # never without a column
    ordered[:, :-1] = codes
    return ordered.view(f"S{ordered.shape[1] * 4}").reshape(-1)


def _changed(node: Node, added: Tuples, removed: Tuples) -> tuple[Codes, Integers, Integers]:
    """Classes that change, in order; the class of each tuple; 1 for those who join, -1 for those who leave."""
    codes = np.concatenate([_codes(added, node), _codes(removed, node)])
    _, first, of = np.unique(_keys(codes), return_index=True, return_inverse=True)
    return codes[first], of.reshape(-1), np.repeat(np.array([1, -1]), [len(added), len(removed)])


def _placed(standing: Standing, codes: Codes) -> tuple[_Place, Codes]:
    """The standing classes and the changed ones in one order."""
    old, new = _keys(standing.codes), _keys(codes)
    at = np.searchsorted(old, new)
    known = np.zeros(len(new), dtype=bool)
    known[at < len(old)] = old[at[at < len(old)]] == new[at < len(old)]
    of_standing = np.arange(len(old)) + np.searchsorted(new[~known], old)
    of_change = at + np.cumsum(~known) - ~known
    everything = np.zeros((len(old) + int((~known).sum()), codes.shape[1]), dtype=np.uint32)
    everything[of_standing] = standing.codes
    everything[of_change] = codes
    return _Place(of_standing, of_change), everything


def _plus(before: Integers, place: _Place, length: int, of: Integers, change: Integers) -> Integers:
    found: Integers = np.zeros(length, dtype=np.int64)
    found[place.of_standing] = before
    found[place.of_change] += np.bincount(of, weights=change, minlength=len(place.of_change)).astype(np.int64)
    return found


def _counted(counts: Counts, place: _Place, of: Integers, sign: Integers, codes: Integers, persons: Integers) -> Counts:
    width = max(int(counts.value.max(initial=-1)), int(codes.max(initial=-1))) + 1
    there = persons > 0
    pairs: Integers
    pairs, number = np.unique(place.of_change[of[there]] * width + codes[there], return_inverse=True)
    change = np.bincount(number.reshape(-1), weights=(sign * persons)[there], minlength=len(pairs)).astype(np.int64)
    standing: Integers = place.of_standing[counts.of] * width + counts.value  # still ascending
    at = np.searchsorted(standing, pairs)
    known = np.zeros(len(pairs), dtype=bool)
    known[at < len(standing)] = standing[at[at < len(standing)]] == pairs[at < len(standing)]
    numbers = counts.persons.copy()
    numbers[at[known]] += change[known]
    everything = np.insert(standing, at[~known], pairs[~known])
    numbers = np.insert(numbers, at[~known], change[~known])
    of_pair, value = np.divmod(everything[numbers != 0], max(width, 1))
    return Counts(of_pair, value, numbers[numbers != 0], counts.values)


def _renamed(standing: Standing, added: Tuples, removed: Tuples) -> tuple[Standing, list[Integers], list[Integers]]:
    """Sensitive values under the standing's numbers; new ones follow in the order in which they come."""
    counts: list[Counts] = []
    new: list[Integers] = []
    old: list[Integers] = []
    for one, joined, left in zip(standing.counts, added.sensitive, removed.sensitive, strict=True):
        names = list(dict.fromkeys((*one.values, *joined.values, *left.values)))
        ordered = any(isinstance(model, Closeness) and model.ground is Ground.ORDERED for model in joined.models)
        if ordered and one.values and len(names) > len(one.values):
            raise ValueError("a new value of an ordered attribute has no place among the others")
        counts.append(replace(one, values=tuple(names)))
        place = {name: number for number, name in enumerate(names)}
        for sensitive, found in ((joined, new), (left, old)):
            to = np.array([place[name] for name in sensitive.values], dtype=np.int64)
            found.append(to[sensitive.codes] if sensitive.values else sensitive.codes.astype(np.int64))
    return replace(standing, counts=tuple(counts)), new, old


def _compares(sensitive: Sequence[Sensitive]) -> bool:
    """Whether any model compares a class with all persons."""
    return any(isinstance(model, Closeness | Likeness) for one in sensitive for model in one.models)


def _judged(standing: Standing, sensitive: Sequence[Sensitive], demand: Demand, which: Truths) -> Truths:
    """The verdict on some classes; no meaning for the others."""
    classes = len(which)
    nothing = Tuples((), (), standing.persons[which], (), None if standing.population is None else standing.population[which])
    good: Truths = np.zeros(classes, dtype=bool)
    good[which] = judging.satisfied(nothing, demand, np.arange(int(which.sum())), int(which.sum()))
    for one, counts in zip(sensitive, standing.counts, strict=True):
        if not one.models:
            continue
        whole: Floats = np.bincount(counts.value, weights=counts.persons, minlength=len(counts.values)) / max(standing.total, 1)
        inside = which[counts.of]
        pairs = replace(one, codes=counts.value[inside], values=counts.values)
        tuples = Tuples((), (), counts.persons[inside], (pairs,))
        good &= judging.satisfied(tuples, Demand(1), counts.of[inside], classes, (whole,)) | ~which
    return good


def _without_empty(standing: Standing) -> Standing:
    there = standing.persons > 0
    if standing.population is not None:
        there |= standing.population > 0
    if there.all():
        return standing
    number = np.cumsum(there) - 1
    return Standing(
        standing.node,
        standing.codes[there],
        standing.persons[there],
        None if standing.population is None else standing.population[there],
        tuple(replace(one, of=number[one.of]) for one in standing.counts),
        standing.kept[there],
    )


def _no_counts(values: tuple[str | None, ...]) -> Counts:
    nothing = np.zeros(0, dtype=np.int64)
    return Counts(nothing, nothing, nothing, values)
