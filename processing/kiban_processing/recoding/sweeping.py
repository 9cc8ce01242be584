"""掃き集め (sweeping): bottom-up recoding: generalisations are tried from the cheapest on, and whoever has company enough at one stays there.

At every node those units that no earlier node took are grouped by their value; a group that satisfies everything asked becomes a class. What
top-down splitting never sees is found so: persons who are alike in all but one attribute, whichever it is. The work of a node is the units
still left, which fall quickly; the number of nodes is bounded, so that the work grows with the number of units alone. What is left at the
end is split top-down, and what fails even then is taken in where that costs least (`starts`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiban_processing.recoding import region_counting
from kiban_processing.recoding.paths import Paths
from kiban_processing.recoding.regions import Judging, first_numbered
from kiban_processing.recoding.tuples import Integers

MOST_NODES = 1 << 16  # tried at most where persons are counted
MOST_JUDGED = 1 << 9  # times all units, what is judged at most where more than k is asked, so that the work stays linear, but always
JUDGED_ANYWAY = 1 << 26  # units: small tables are worth it
MOST_COMBINED = 1 << 22  # a lattice with more nodes is not listed, and the sweep is left out
FEWEST = 1 / 128  # so small a share of the units left over is not worth the remaining nodes

Tick = Callable[[], None]


def possible(paths: Paths) -> bool:
    """Whether the paths fit one word and the lattice can be listed."""
    return paths.packed is not None and len(paths) > 0 and int(np.prod(paths.levels, dtype=object)) <= MOST_COMBINED


def gather(paths: Paths, judging: Judging, share: float = FEWEST, compiled: bool | None = None, tick: Tick | None = None) -> Integers:
    """The class of every unit, -1 for those that found no company by the time that at most `share` of the units is left."""
    of = np.full(len(paths), -1, dtype=np.int64)
    if not possible(paths) or paths.packed is None:
        return of
    masks = _cheapest_first(paths)[:MOST_NODES]
    fewest = int(len(paths) * share)
    use = region_counting.COMPILED if compiled is None else compiled
    packed, persons = paths.packed, paths.persons
    if judging.only_k and use:
        return first_numbered(region_counting.gather_by_k(packed, persons, masks, judging.k, of, fewest)[0])
    left, classes, work = np.arange(len(paths)), 0, 0
    for mask in masks:
        if tick:
            tick()
        keys = packed[left] & mask
        company = _with_company(keys, persons[left], judging.k)
        if len(company) == 0:
            continue
        _, group = np.unique(keys[company], return_inverse=True)
        groups = int(group.max()) + 1
        if judging.only_k:
            good = np.bincount(group, weights=persons[left[company]]) >= judging.k
        else:
            good = judging.judge(left[company], group, groups)
            work += len(company)
        taken = company[good[group]]
        of[left[taken]] = classes + group[good[group]]
        classes += groups
        stay = np.ones(len(left), dtype=bool)
        stay[taken] = False
        left = left[stay]
        if len(left) <= fewest or work > max(MOST_JUDGED * len(paths), JUDGED_ANYWAY):
            break
    return first_numbered(of)


def _with_company(keys: Integers, persons: Integers, k: int) -> Integers:
    """Positions whose key may have k persons: counted by a hash first, which can only count too many."""
    bits = max(int(len(keys)).bit_length() + 1, 4)
    mixed = keys * np.int64(-7046029254386353131)
    slot = (mixed ^ (mixed >> np.int64(29))) & ((1 << bits) - 1)
    return np.flatnonzero(np.bincount(slot, weights=persons)[slot] >= k)


def _cheapest_first(paths: Paths) -> Integers:
    """The masks of the nodes in the order of what they cost in sum, then of their levels; nodes that split no two values apart, once."""
    cost, mask = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    for attribute, height in enumerate(paths.levels):
        count = np.bincount(paths.leaves[:, attribute], weights=paths.persons, minlength=paths.codes.shape[1]).astype(np.int64)
        own, seen = [], set()
        for level in range(height):
            kept = paths.masks[attribute][level]
            if kept not in seen:
                seen.add(kept)
                own.append((int((paths.costs[attribute, :, level] * count)[count > 0].sum()), kept))
        cost = (cost[:, None] + np.array([one for one, _ in own])[None, :]).ravel()
        mask = (mask[:, None] | np.array([one for _, one in own])[None, :]).ravel()
    order = np.argsort(cost, kind="stable")
    return np.asarray(mask[order], dtype=np.int64)
