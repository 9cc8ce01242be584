"""道筋 (paths): what the local search works on: units (distinct quasi-identifiers), each attribute's way from leaf to top, and integer costs.

Costs are whole numbers, so that no order of a sum decides and compiled and plain counting agree to the last digit.

Downcoding (Cohen 2022): a recoding that is as fine as it can be tells, by being no finer, that a finer one would have failed. Under a key of
the release (`tie_breaks`) equal and nearly equal moves are decided by a keyed order, so that an attacker who knows the method and the
hierarchies cannot replay the choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Floats, Integers, Tuples

SCALE = 1 << 22  # the cost of one person's value that covers the whole domain
FORBIDDEN = 1 << 32  # the cost of two values that no level brings together: above any sum of real ones
NEAR = 0.01  # under a key, costs of attributes that differ by less than this share count as equal: the key decides
_WORD = 62  # bits of a packed path: a signed word with room


@dataclass(frozen=True)
class Paths:
    """`leaves[unit, attribute]`; `persons[unit]`; `unit_of[tuple]`.

    `codes[attribute, leaf, level]`: the value's number; `costs[attribute, leaf, level]`: what it costs a person. The level after the top
    stands for no common value: one code, FORBIDDEN cost. `packed[unit]`: the whole path in one word, `masks[attribute][level]`: the bits
    that remain of it at a level; None where a word is too narrow.
    """

    leaves: npt.NDArray[np.int32]
    persons: Integers
    unit_of: Integers
    codes: npt.NDArray[np.int32]
    costs: Integers
    levels: tuple[int, ...]
    packed: Integers | None
    masks: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.persons)

    @property
    def attributes(self) -> int:
        return len(self.levels)


def build(
    tuples: Tuples, apart: bool, metric: Metric = Metric.LOSS, tie_breaks: bytes | None = None, weights: Sequence[float] | None = None
) -> Paths:
    """The paths of tuples; `apart`: tuples of equal quasi-identifiers and other sensitive values stay units of their own.

    `weights`: of each attribute's cost. The order of the units is that of their values, or a keyed one; never that of `tuples`.
    """
    columns = [*tuples.leaves, *((one.codes for one in tuples.sensitive) if apart else ())]
    unit_of, first = _numbered(columns, len(tuples))
    persons = np.bincount(unit_of, weights=tuples.persons, minlength=len(first)).astype(np.int64)
    count = len(tuples.hierarchies)
    leaves = np.empty((len(first), count), dtype=np.int32)
    for attribute, column in enumerate(tuples.leaves):
        leaves[:, attribute] = column[first]
    if tie_breaks is not None:
        order = _keyed_order(tie_breaks, b"units", len(first))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        leaves, persons, unit_of = leaves[order], persons[order], place[unit_of]
    codes, costs = tables(tuples, metric, tie_breaks, weights)
    packed, masks = _packed(tuples.hierarchies, leaves)
    return Paths(leaves, persons, unit_of, codes, costs, tuple(h.levels for h in tuples.hierarchies), packed, masks)


def weighted(paths: Paths, tuples: Tuples, metric: Metric, tie_breaks: bytes | None, weights: Sequence[float]) -> Paths:
    """The same units under other weights of the attributes."""
    return replace(paths, costs=tables(tuples, metric, tie_breaks, weights)[1])


def _numbered(columns: list[Integers], length: int) -> tuple[Integers, Integers]:
    """The number of each combination in the order of its values, and the first tuple that has it."""
    if not columns or length == 0:
        return np.zeros(length, dtype=np.int64), np.zeros(min(length, 1), dtype=np.int64)
    order = np.lexsort(columns[::-1])
    new = np.zeros(length, dtype=bool)
    new[0] = True
    for column in columns:
        new[1:] |= column[order[1:]] != column[order[:-1]]
    number = np.empty(length, dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return number, order[new]


def tables(
    tuples: Tuples, metric: Metric, tie_breaks: bytes | None, weights: Sequence[float] | None
) -> tuple[npt.NDArray[np.int32], Integers]:
    """`codes` and `costs` of `Paths`."""
    count = len(tuples.hierarchies)
    width = max((h.levels for h in tuples.hierarchies), default=0) + 1
    leaves = max((h.size for h in tuples.hierarchies), default=0) + 1
    codes = np.zeros((count, leaves, width), dtype=np.int32)
    costs = np.full((count, leaves, width), FORBIDDEN, dtype=np.int64)
    for attribute, hierarchy in enumerate(tuples.hierarchies):
        weight = 1.0 if weights is None else weights[attribute]
        if tie_breaks is not None:
            weight *= 1 + NEAR * _keyed(tie_breaks, b"attribute %d" % attribute) / 2**64
        lost = _lost(tuples, attribute, metric)
        for level in range(hierarchy.levels):
            own = hierarchy.codes[level]
            named = own
            if tie_breaks is not None:
                values = len(hierarchy.labels[level])
                named = _keyed_order(tie_breaks, b"values %d %d" % (attribute, level), values).astype(np.int32)[own]
            codes[attribute, : len(own), level] = named
            costs[attribute, : len(own), level] = np.rint(SCALE * weight * lost[level][own])
    return codes, costs


def _lost(tuples: Tuples, attribute: int, metric: Metric) -> list[Floats]:
    """Per level and value what a person loses by it, from 0 (a leaf) to 1 (everything)."""
    hierarchy = tuples.hierarchies[attribute]
    if metric is Metric.LOSS:
        spread = max(1 - 1 / hierarchy.size, 1e-9)
        return [np.maximum(share - 1 / hierarchy.size, 0) / spread for share in hierarchy.shares]
    persons = np.bincount(tuples.leaves[attribute], weights=tuples.persons, minlength=hierarchy.size + 1)
    informed = persons * np.log(np.maximum(persons, 1))
    lost = []
    for own, labels in zip(hierarchy.codes, hierarchy.labels, strict=True):
        of_value = np.bincount(own, weights=persons, minlength=len(labels))
        below = np.bincount(own, weights=informed, minlength=len(labels))
        lost.append(np.log(np.maximum(of_value, 1)) - below / np.maximum(of_value, 1))
    whole = np.log(max(persons.sum(), 1)) - informed.sum() / max(persons.sum(), 1)
    return [np.maximum(one, 0) / max(float(whole), 1e-9) for one in lost]


def _packed(hierarchies: Sequence[Hierarchy], leaves: npt.NDArray[np.int32]) -> tuple[Integers | None, tuple[tuple[int, ...], ...]]:
    """Each unit's path in one word: per attribute and level the number of the value among those with the same parent."""
    word = np.zeros(len(leaves), dtype=np.int64)
    masks: list[tuple[int, ...]] = []
    used = 0
    for attribute, hierarchy in enumerate(hierarchies):
        parent = np.zeros(hierarchy.size + 1, dtype=np.int64)
        path = np.zeros(hierarchy.size + 1, dtype=np.int64)
        at_level = [0] * hierarchy.levels
        mask = 0
        for level in range(hierarchy.levels - 1, -1, -1):
            own = hierarchy.codes[level].astype(np.int64)
            pairs, number = np.unique(parent * (int(own.max()) + 1) + own, return_inverse=True)
            above = pairs // (int(own.max()) + 1)
            rank = np.arange(len(pairs)) - np.searchsorted(above, above)
            bits = int(rank.max()).bit_length()
            if used + bits > _WORD:
                return None, ()
            path |= rank[number] << used
            mask |= ((1 << bits) - 1) << used
            used += bits
            at_level[level] = mask
            parent = own
        word |= path[leaves[:, attribute]]
        masks.append(tuple(at_level))
    return word, tuple(masks)


def _keyed(key: bytes, purpose: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(purpose, key=hashlib.sha256(key).digest(), digest_size=8).digest(), "big")


def _keyed_order(key: bytes, purpose: bytes, length: int) -> Integers:
    """A permutation that only the key tells: by the mixed numbers of SplitMix64 (Steele et al. 2014)."""
    mixed = np.arange(1, length + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_keyed(key, purpose))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable").astype(np.int64)
