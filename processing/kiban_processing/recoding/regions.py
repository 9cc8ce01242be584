"""領域 (regions): top-down recoding: a region is tightened to what its members share and split as long as every part satisfies what is asked.

Every attribute may have another level in every region (multidimensional recoding, LeFevre et al. 2006, here over hierarchies). A region
splits into the children of one attribute's value: children that satisfy everything go alone, the rest stays together at the parent's
value; a rest that fails takes the good child in that loses least. The attribute with the greatest gain per root of the split's entropy wins:
a split into few large parts leaves room for more splits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kiban_processing.recoding import region_counting
from kiban_processing.recoding.paths import Paths
from kiban_processing.recoding.region_counting import LOGARITHMS, logarithm
from kiban_processing.recoding.tuples import Integers, Truths

Judge = Callable[[Integers, Integers, int], Truths]  # units, the group of each, how many groups: which satisfy everything asked


@dataclass(frozen=True)
class Judging:
    """`judge`: everything asked; `k`: its persons; `only_k`: whether k is all that is asked, and counting persons is enough."""

    judge: Judge
    k: int
    only_k: bool


def split(paths: Paths, start: Integers, judging: Judging, compiled: bool | None = None) -> Integers:
    """The class of every unit. `start[unit]`: its first region, -1 for none; a region that fails what is asked is taken to hold it."""
    inside = np.flatnonzero(start >= 0)
    order = inside[np.argsort(start[inside], kind="stable")]
    starts = np.flatnonzero(np.diff(start[order], prepend=-1))
    of = np.full(len(paths), -1, dtype=np.int64)
    if len(order) == 0:
        return of
    use = region_counting.COMPILED if compiled is None else compiled
    if judging.only_k and use:
        bounds = np.append(starts, len(order)).astype(np.int64)
        order, marks = region_counting.split_by_k(
            paths.leaves, paths.persons, paths.codes, paths.costs, order.astype(np.int64), bounds, judging.k, LOGARITHMS
        )
        of[order] = np.cumsum(marks) - 1
        return first_numbered(of)
    numbers = 0
    while len(order):
        of_region = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
        group, splits = _round(paths, order, starts, of_region, judging)
        closed = ~splits[of_region]
        done, of_done = order[closed], of_region[closed]
        of[done] = numbers + (np.cumsum(np.diff(of_done, prepend=-1) != 0) - 1)
        numbers += int((~splits).sum())
        order, key = order[~closed], of_region[~closed] * (paths.codes.shape[1] + 2) + group[~closed] + 1
        sorting = np.argsort(key, kind="stable")
        order, key = order[sorting], key[sorting]
        starts = np.flatnonzero(np.diff(key, prepend=-1))
    return first_numbered(of)


def first_numbered(of: Integers) -> Integers:
    """Classes numbered in the order of their first unit; -1 stays."""
    inside = np.flatnonzero(of >= 0)
    _, first, number = np.unique(of[inside], return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    renamed = np.full(len(of), -1, dtype=np.int64)
    renamed[inside] = rank[number]
    return renamed


def common_levels(paths: Paths, order: Integers, starts: Integers) -> Integers:
    """Per region (units in order from each start) and attribute the lowest level at which all members agree."""
    levels = np.zeros((len(starts), paths.attributes), dtype=np.int64)
    for attribute, height in enumerate(paths.levels):
        leaves = paths.leaves[order, attribute]
        for level in range(height):
            codes = paths.codes[attribute, leaves, level]
            levels[:, attribute] += np.minimum.reduceat(codes, starts) != np.maximum.reduceat(codes, starts)
    return levels


def _round(paths: Paths, order: Integers, starts: Integers, of_region: Integers, judging: Judging) -> tuple[Integers, Truths]:
    """Each unit's group within its region after the best split (-1: the rest), and which regions split."""
    persons = paths.persons[order]
    sizes = np.add.reduceat(persons, starts)
    levels = common_levels(paths, order, starts)
    best = np.zeros(len(starts))
    splits = np.zeros(len(starts), dtype=bool)
    group = np.zeros(len(order), dtype=np.int64)
    width = paths.codes.shape[1] + 1
    for attribute in range(paths.attributes):
        open_ = (levels[:, attribute] > 0) & (sizes >= 2 * judging.k)
        here = np.flatnonzero(open_[of_region])
        if len(here) == 0:
            continue
        region, leaves = of_region[here], paths.leaves[order[here], attribute]
        level = levels[region, attribute]
        code = paths.codes[attribute, leaves, level - 1].astype(np.int64)
        children, first, child = np.unique(region * width + code, return_index=True, return_inverse=True)
        parent = children // width
        size = np.bincount(child, weights=persons[here]).astype(np.int64)
        gain = size * (paths.costs[attribute, leaves[first], level[first]] - paths.costs[attribute, leaves[first], level[first] - 1])
        good = judging.judge(order[here], child, len(children)) if not judging.only_k else size >= judging.k
        joins = _joining(order[here], child, parent, good, size, gain, len(starts), judging)
        alone = good & ~joins
        rest = np.bincount(parent, weights=np.where(alone, 0, size), minlength=len(starts)).astype(np.int64)
        gained = np.bincount(parent, weights=np.where(alone, gain, 0), minlength=len(starts))
        spread = np.where(alone, size * logarithm(size), 0)
        spread = sizes * logarithm(sizes) - _summed(parent, spread, len(starts)) - rest * logarithm(rest)
        score = gained / np.sqrt(np.maximum(spread, 1))
        valid = (np.bincount(parent, weights=alone, minlength=len(starts)) > 0) & (score > best)
        valid &= _rest_holds(order[here], child, parent, alone, rest, judging)
        best = np.where(valid, score, best)
        splits |= valid
        chosen = valid[region]
        group[here[chosen]] = np.where(alone[child[chosen]], code[chosen], -1)
    return group, splits


def _joining(
    units: Integers, child: Integers, parent: Integers, good: Truths, size: Integers, gain: Integers, regions: int, judging: Judging
) -> Truths:
    """The good child that the rest of each region takes in, where the rest fails alone."""
    rest = np.bincount(parent, weights=np.where(good, 0, size), minlength=regions) > 0
    left = np.bincount(parent, weights=~good, minlength=regions) > 0
    fails = left & ~_holds(units, child, parent, good, regions, judging) if not judging.only_k else np.zeros(regions, bool)
    if judging.only_k:
        persons = np.bincount(parent, weights=np.where(good, 0, size), minlength=regions)
        fails = rest & (persons < judging.k)
    candidates = np.flatnonzero(good & fails[parent])
    ordered = candidates[np.lexsort((candidates, gain[candidates], parent[candidates]))]
    joins = np.zeros(len(parent), dtype=bool)
    joins[ordered[np.flatnonzero(np.diff(parent[ordered], prepend=-1))]] = True
    return joins


def _rest_holds(units: Integers, child: Integers, parent: Integers, alone: Truths, rest: Integers, judging: Judging) -> Truths:
    """Whether the rest of each region satisfies everything, or there is none."""
    if judging.only_k:
        return np.asarray((rest == 0) | (rest >= judging.k), dtype=np.bool_)
    left = np.bincount(parent, weights=~alone, minlength=len(rest)) > 0
    return np.asarray(~left | _holds(units, child, parent, alone, len(rest), judging), dtype=np.bool_)


def _holds(units: Integers, child: Integers, parent: Integers, alone: Truths, regions: int, judging: Judging) -> Truths:
    stay = ~alone[child]
    return judging.judge(units[stay], parent[child[stay]], regions)


def _summed(parent: Integers, values: Integers, regions: int) -> Integers:
    total = np.zeros(regions, dtype=np.int64)
    np.add.at(total, parent, values)
    return total
