"""出発点 (starts): from what a local search begins: the whole table, a global optimum's classes, a sweep; and where the rest of each goes."""

from __future__ import annotations

import numpy as np

from kiban_processing.recoding import merging, regions
from kiban_processing.recoding.paths import FORBIDDEN, Paths
from kiban_processing.recoding.regions import Judging
from kiban_processing.recoding.tuples import Integers, Truths

_MOST_PAIRS = 1 << 29  # units left over times classes; beyond, the rest of a cell goes together and not one by one


def cells(paths: Paths) -> Integers:
    """The cell of every unit: units of two cells have no common value in some attribute, not even at the top."""
    number = np.zeros(len(paths), dtype=np.int64)
    for attribute, height in enumerate(paths.levels):
        top = paths.codes[attribute, paths.leaves[:, attribute], height - 1]
        if len(top) and top.min() != top.max():
            number = np.unique(number * (int(top.max()) + 1) + top, return_inverse=True)[1].astype(np.int64)
    return number


def split(paths: Paths, start: Integers, judging: Judging, compiled: bool | None = None) -> Integers:
    """Regions that hold what is asked split top-down; the units of those that do not are taken in by the nearest classes of their cell.

    `start[unit]`: region, or -1 for units that stay out. Units that nothing can take in are -1.
    """
    regions_, number = np.unique(start[start >= 0], return_inverse=True)
    if len(regions_) == 0:
        return start
    inside = np.flatnonzero(start >= 0)
    good = holds(paths, inside, number, len(regions_), judging)
    region = np.full(len(start), -1, dtype=np.int64)
    region[inside] = np.where(good[number], number, -1)
    of = regions.split(paths, region, judging, compiled)
    left = np.zeros(len(start), dtype=bool)
    left[inside] = ~good[number]
    return take_in(paths, of, left, judging, compiled) if left.any() else of


def holds(paths: Paths, units: Integers, group: Integers, groups: int, judging: Judging) -> Truths:
    """Which groups of units satisfy everything."""
    if judging.only_k:
        return np.asarray(np.bincount(group, weights=paths.persons[units], minlength=groups) >= judging.k, dtype=np.bool_)
    return judging.judge(units, group, groups)


def together(paths: Paths, of: Integers) -> Integers:
    """The start in which the units of each class are a region, and all others of a cell another."""
    rest = cells(paths)
    return np.asarray(np.where(of >= 0, of, int(of.max(initial=-1)) + 1 + rest), dtype=np.int64)


def take_in(paths: Paths, of: Integers, left: Truths, judging: Judging, compiled: bool | None = None) -> Integers:
    """Units left over join the class of their cell that grows least, one by one where that keeps what is asked, else with classes merged.

    Units whose cell has no class, or none that could take them in, stay -1.
    """
    of, cell = of.copy(), cells(paths)
    classes = merging.summary(paths, of)
    left = left & (paths.persons > 0)
    if len(classes) == 0 or not left.any():
        return of
    if int(left.sum()) * len(classes) <= _MOST_PAIRS:
        joined = merging.nearest(paths, classes, np.flatnonzero(left), cell, compiled)
        found = joined >= 0
        trial = of.copy()
        units = np.flatnonzero(left)[found]
        trial[units] = joined[found]
        if not judging.only_k and len(units):
            touched = np.zeros(len(classes), dtype=bool)
            touched[trial[units]] = True
            inside = np.flatnonzero(trial >= 0)
            inside = inside[touched[trial[inside]]]
            good = judging.judge(inside, trial[inside], len(classes))
            trial[units] = np.where(good[trial[units]], trial[units], -1)
        of, left = trial, left & (trial < 0)
    for one in np.unique(cell[left]):
        of = _merged(paths, of, left & (cell == one), cell == one, judging)
    return of


def _merged(paths: Paths, of: Integers, left: Truths, cell: Truths, judging: Judging) -> Integers:
    """All units left over in a cell together with the classes that cost least to merge with them, as many as it takes."""
    classes = merging.summary(paths, regions.first_numbered(np.where(cell, of, -1)))
    if len(classes) == 0:
        return of
    numbers = of[classes.rep]
    rest = np.flatnonzero(left)
    level = regions.common_levels(paths, rest, np.zeros(1, dtype=np.int64))[0]
    grown = np.zeros(len(classes), dtype=np.int64)
    for attribute, height in enumerate(paths.levels):
        theirs, mine = paths.leaves[classes.rep, attribute], paths.leaves[rest[0], attribute]
        apart = (paths.codes[attribute, theirs, :height] != paths.codes[attribute, mine, :height]).sum(axis=1)
        both = np.maximum(np.maximum(apart, classes.levels[:, attribute]), level[attribute])
        grown += np.minimum(paths.costs[attribute, theirs, both], FORBIDDEN)
    added = grown * (classes.sizes + int(paths.persons[rest].sum())) - classes.sizes * classes.lost
    order = numbers[np.argsort(added, kind="stable")]
    taken = 1
    while True:
        chosen = np.isin(of, order[:taken]) | left
        units = np.flatnonzero(chosen)
        if holds(paths, units, np.zeros(len(units), dtype=np.int64), 1, judging)[0]:
            return np.where(chosen, order[0], of)
        if taken >= len(order):
            return of
        taken = min(taken * 2, len(order))
