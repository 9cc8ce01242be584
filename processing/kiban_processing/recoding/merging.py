"""組の手直し (merging): bottom-up moves among classes that lie together: a class dissolves into others, one unit moves to where it costs less.

Classes are laid in a row by their values from the top of the hierarchies down and cut into blocks; within a block every unit is compared
with every class. A round takes the best moves that touch no class in common, carries them out, and takes back those that did not gain or
left a class that fails what is asked. The next round lays the row by another order of the attributes. The work of a round is the number
of units times the classes of a block, which is constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiban_processing.recoding import region_counting, regions
from kiban_processing.recoding.paths import FORBIDDEN, Paths
from kiban_processing.recoding.regions import Judging
from kiban_processing.recoding.tuples import Integers, Truths

BLOCK = 128  # units of a block, or more where classes have so many that fewer than
CLASSES = 20  # of them would meet, but never more than
LARGEST_BLOCK = 2048
ROUNDS = 8
LITTLE = 1 / 1000  # a round that gains less than this share of the cost is the last
_PAIRS = 1 << 20  # pairs of unit and class looked at together in the plain form


@dataclass(frozen=True)
class Summary:
    """Classes: `order`: their units one class after the other; `starts`; a unit of each, its levels, its persons, what a person loses."""

    order: Integers
    starts: Integers
    rep: Integers
    levels: Integers
    sizes: Integers
    lost: Integers

    def __len__(self) -> int:
        return len(self.starts)


def summary(paths: Paths, of: Integers) -> Summary:
    """The classes 0, 1, … of `of`, all of them with a unit; -1 is no class."""
    inside = np.flatnonzero(of >= 0)
    order = inside[np.argsort(of[inside], kind="stable")]
    starts = np.flatnonzero(np.diff(of[order], prepend=-1))
    levels = regions.common_levels(paths, order, starts)
    rep = order[starts]
    sizes = np.add.reduceat(paths.persons[order], starts) if len(starts) else np.zeros(0, dtype=np.int64)
    return Summary(order, starts, rep, levels, sizes, lost(paths, rep, levels))


def lost(paths: Paths, rep: Integers, levels: Integers) -> Integers:
    """What a person loses in classes of these levels."""
    total = np.zeros(len(rep), dtype=np.int64)
    for attribute in range(paths.attributes):
        total += paths.costs[attribute, paths.leaves[rep, attribute], levels[:, attribute]]
    return total


def cost(paths: Paths, of: Integers) -> int:
    """What all persons in classes lose together."""
    found = summary(paths, of)
    return int((found.sizes * found.lost).sum())


def improve(paths: Paths, of: Integers, judging: Judging, compiled: bool | None = None, rounds: int = ROUNDS) -> Integers:
    """The classes after moves that lower the cost; every class still satisfies what is asked."""
    for number in range(rounds):
        of = regions.first_numbered(of)
        classes = summary(paths, of)
        before = int((classes.sizes * classes.lost).sum())
        if len(classes) < 2 or before == 0:
            break
        of, gained = _round(paths, of, classes, judging, number, compiled)
        if gained < before * LITTLE:
            break
    return regions.first_numbered(of)


def nearest(paths: Paths, classes: Summary, units: Integers, cell: Integers, compiled: bool | None = None) -> Integers:
    """For each of `units`, which are in no class, the class of its cell whose cost grows least by taking it in; -1 where there is none."""
    of_class = cell[classes.rep]
    row = np.argsort(of_class, kind="stable")
    low = np.searchsorted(of_class[row], cell[units], side="left")
    high = np.searchsorted(of_class[row], cell[units], side="right")
    target = _joins(paths, classes, row, units, np.full(len(units), -1, dtype=np.int64), low, high, compiled)[0]
    return np.where(target >= 0, row[target], -1)


def _round(paths: Paths, of: Integers, classes: Summary, judging: Judging, number: int, compiled: bool | None) -> tuple[Integers, int]:
    of_class = np.repeat(np.arange(len(classes)), np.diff(classes.starts, append=len(classes.order)))
    row = _laid(paths, classes, number)
    block = _blocks(classes, row)
    place = np.empty_like(row)
    place[row] = np.arange(len(row))
    low = np.searchsorted(block, block, side="left")[place]
    high = np.searchsorted(block, block, side="right")[place]
    losing = np.flatnonzero(classes.lost[of_class] > 0)  # who loses nothing has nowhere better to go
    units, own = classes.order[losing], of_class[losing]
    target, grown = _joins(paths, classes, row, units, place[own], low[own], high[own], compiled)
    target = np.where(target >= 0, row[target], -1)
    moves = _moves(paths, classes, of_class, losing, own, target, grown, judging)
    chosen = _apart(moves, len(classes))
    return _carried_out(paths, of, classes, moves, chosen, judging)


@dataclass(frozen=True)
class _Moves:
    """At most one move per class: its gain; the units that go and where; `of_move[unit]`, ordered."""

    source: Integers
    gain: Integers
    units: Integers
    target: Integers
    of_move: Integers


def _moves(
    paths: Paths, classes: Summary, of_class: Integers, losing: Integers, own: Integers, target: Integers, grown: Integers, judging: Judging
) -> _Moves:
    count = len(classes)
    nowhere = np.bincount(own, weights=target < 0, minlength=count) > 0
    joined = np.zeros(count, dtype=np.int64)
    np.add.at(joined, own, np.where(target >= 0, np.minimum(grown, FORBIDDEN << 20), 0))
    dissolved = np.where(nowhere, -1, classes.sizes * classes.lost - joined)
    dissolved[np.bincount(own, minlength=count) == 0] = -1
    # one unit alone: what its class gains by losing it, less what the other grows
    weight = paths.persons[classes.order[losing]]
    able = (target >= 0) & (classes.sizes[own] - weight >= judging.k)
    alone = np.full(len(losing), -1, dtype=np.int64)
    if able.any():
        without = _lost_without(paths, classes, of_class, losing[able])
        saved = classes.sizes[own[able]] * classes.lost[own[able]] - (classes.sizes[own[able]] - weight[able]) * without
        alone[able] = saved - grown[able]
    best = np.lexsort((np.arange(len(losing)), -alone, own))
    first = best[np.flatnonzero(np.diff(own[best], prepend=-1))]
    single = np.full(count, -1, dtype=np.int64)
    single[own[first]] = alone[first]
    one = np.full(count, -1, dtype=np.int64)
    one[own[first]] = first
    gain = np.maximum(single, dissolved)
    source = np.flatnonzero(gain > 0)
    whole = (dissolved >= single) & (gain > 0)
    takes = whole[own] | (~whole & (gain > 0))[own] & (one[own] == np.arange(len(losing)))
    number = np.full(count, -1, dtype=np.int64)
    number[source] = np.arange(len(source))
    return _Moves(source, gain[source], classes.order[losing[takes]], target[takes], number[own[takes]])


def _lost_without(paths: Paths, classes: Summary, of_class: Integers, at: Integers) -> Integers:
    """What a person of its class would lose if the unit at this place of `order` were not there."""
    starts, order = classes.starts, classes.order
    members = np.diff(starts, append=len(order))
    own = of_class[at]
    other = np.where(order[at] == classes.rep[own], starts[own] + 1, starts[own])
    other = np.minimum(other, len(order) - 1)
    total = np.zeros(len(at), dtype=np.int64)
    for attribute, height in enumerate(paths.levels):
        leaves = paths.leaves[order, attribute]
        level = np.zeros(len(at), dtype=np.int64)
        for one in range(height):
            codes = paths.codes[attribute, leaves, one]
            least, most = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
            few = np.add.reduceat(codes == least[of_class], starts, dtype=np.int64)
            many = np.add.reduceat(codes == most[of_class], starts, dtype=np.int64)
            two = few + many == members  # no third value; where all agree both counts are all members
            mine = codes[at]
            odd = two[own] & (((mine == least[own]) & (few[own] == 1)) | ((mine == most[own]) & (many[own] == 1)))
            level += (least != most)[own] & ~odd
        total += paths.costs[attribute, leaves[other], level]
    return total


def _apart(moves: _Moves, classes: int) -> Truths:
    """The best moves no two of which touch the same class: a move goes if none of its classes is wanted by a better one."""
    rank = np.empty(len(moves.source), dtype=np.int64)
    rank[np.lexsort((moves.source, -moves.gain))] = np.arange(len(moves.source))
    touching = np.concatenate([np.arange(len(moves.source)), moves.of_move])
    touched = np.concatenate([moves.source, moves.target])
    open_ = np.ones(len(moves.source), dtype=bool)
    chosen = np.zeros(len(moves.source), dtype=bool)
    taken = np.zeros(classes, dtype=bool)
    while open_.any():
        wanted = np.full(classes, len(rank), dtype=np.int64)
        live = open_[touching]
        np.minimum.at(wanted, touched[live], rank[touching[live]])
        beaten = np.zeros(len(rank), dtype=bool)
        beaten[touching[live & (wanted[touched] != rank[touching])]] = True
        now = open_ & ~beaten
        chosen |= now
        taken[touched[now[touching]]] = True
        blocked = np.zeros(len(rank), dtype=bool)
        blocked[touching[taken[touched]]] = True
        open_ &= ~blocked
    return chosen


def _carried_out(paths: Paths, of: Integers, classes: Summary, moves: _Moves, chosen: Truths, judging: Judging) -> tuple[Integers, int]:
    """The classes after the chosen moves; a move whose classes cost no less or fail is taken back."""
    go = chosen[moves.of_move]
    if not go.any():
        return of, 0
    moved = of.copy()
    moved[moves.units[go]] = moves.target[go]
    move_of = np.full(len(classes), -1, dtype=np.int64)
    move_of[moves.source[chosen]] = np.flatnonzero(chosen)
    move_of[moves.target[go]] = moves.of_move[go]
    inside = np.flatnonzero(of >= 0)
    inside = inside[move_of[of[inside]] >= 0]
    used, number = np.unique(moved[inside], return_inverse=True)
    small = np.full(len(paths), -1, dtype=np.int64)
    small[inside] = number
    after = summary(paths, small)
    gain = np.zeros(len(moves.source), dtype=np.int64)
    touched = np.flatnonzero(move_of >= 0)
    np.add.at(gain, move_of[touched], classes.sizes[touched] * classes.lost[touched])
    np.subtract.at(gain, move_of[used], after.sizes * after.lost)
    fails = np.zeros(len(moves.source), dtype=bool)
    good = after.sizes >= judging.k if judging.only_k else judging.judge(inside, number, len(used))
    fails[move_of[used[~good]]] = True
    back = chosen & (fails | (gain <= 0))
    undo = go & back[moves.of_move]
    moved[moves.units[undo]] = moves.source[moves.of_move[undo]]
    return moved, int(gain[chosen & ~back].sum())


def _laid(paths: Paths, classes: Summary, number: int) -> Integers:
    """Classes in a row, alike ones side by side: by their values at the top level of all attributes, then at the next, and so on.

    The attributes' order turns with the number of the round; odd rounds take all levels of one attribute before the next.
    """
    count = paths.attributes
    turned = [(at * (1 if number % 4 < 2 else count - 1) + number) % count for at in range(count)] if count else []
    keys = []
    for attribute, place in ((one, place) for place, one in enumerate(turned)):
        top = paths.levels[attribute] - 1
        for level in range(top, -1, -1):
            code = paths.codes[attribute, paths.leaves[classes.rep, attribute], level]
            known = classes.levels[:, attribute] <= level
            rank = (top - level, place) if number % 2 == 0 else (place, top - level)
            keys.append((rank, np.where(known, code, -1)))
    keys.sort(key=lambda one: one[0])
    return np.lexsort([key for _, key in reversed(keys)]) if keys else np.arange(len(classes))


def _blocks(classes: Summary, row: Integers) -> Integers:
    """The block of each class in the row."""
    members = np.diff(classes.starts, append=len(classes.order))[row]
    size = min(max(BLOCK, CLASSES * len(classes.order) // len(classes)), LARGEST_BLOCK)
    return np.asarray((np.cumsum(members) - 1) // size, dtype=np.int64)


def _joins(
    paths: Paths, classes: Summary, row: Integers, units: Integers, own: Integers, low: Integers, high: Integers, compiled: bool | None
) -> tuple[Integers, Integers]:
    rep, levels, sizes, lost_ = classes.rep[row], classes.levels[row], classes.sizes[row], classes.lost[row]
    if region_counting.COMPILED if compiled is None else compiled:
        found: tuple[Integers, Integers] = region_counting.cheapest_joins(
            paths.leaves, paths.persons, paths.codes, paths.costs, units, own, low, high, rep, levels, sizes, lost_
        )
        return found
    target, grown = np.full(len(units), -1, dtype=np.int64), np.full(len(units), 1 << 62, dtype=np.int64)
    some = np.flatnonzero(high > low)
    width = (high - low)[some]
    ends = np.cumsum(width)
    begin = 0
    while begin < len(some):
        end = max(int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _PAIRS, side="right")), begin + 1)
        span, asked = width[begin:end], some[begin:end]
        at = np.repeat(asked, span)
        first = np.cumsum(span) - span
        other = low[at] + np.arange(len(at)) - np.repeat(first, span)
        total = np.zeros(len(at), dtype=np.int64)
        for attribute, height in enumerate(paths.levels):
            mine, theirs = paths.leaves[units[at], attribute], paths.leaves[rep[other], attribute]
            apart = np.zeros(len(at), dtype=np.int64)
            for level in range(height):
                apart += paths.codes[attribute, mine, level] != paths.codes[attribute, theirs, level]
            total += paths.costs[attribute, theirs, np.maximum(apart, levels[other, attribute])]
        grows = total * (sizes[other] + paths.persons[units[at]]) - lost_[other] * sizes[other]
        grows[other == own[at]] = 1 << 62
        least = np.minimum.reduceat(grows, first)
        position = np.where(grows == np.repeat(least, span), other, np.iinfo(np.int64).max)
        closest = np.minimum.reduceat(position, first)
        real = least < 1 << 62
        target[asked], grown[asked] = np.where(real, closest, -1), least
        begin = end
    return target, grown


def without_costliest(paths: Paths, of: Integers, judging: Judging, allowed: int) -> Integers:
    """Classes without the unit that costs them more than its suppression does, the greatest gain first, at most `allowed` persons in sum."""
    of = regions.first_numbered(of)
    classes = summary(paths, of)
    if len(classes) == 0 or allowed < 1:
        return of
    of_class = np.repeat(np.arange(len(classes)), np.diff(classes.starts, append=len(classes.order)))
    weight = paths.persons[classes.order]
    able = np.flatnonzero((classes.sizes[of_class] - weight >= judging.k) & (weight > 0) & (classes.lost[of_class] > 0))
    if len(able) == 0:
        return of
    own, weight = of_class[able], weight[able]
    everything = int(sum(paths.costs[attribute, :, height - 1].max() for attribute, height in enumerate(paths.levels)))
    without = _lost_without(paths, classes, of_class, able)
    gain = classes.sizes[own] * classes.lost[own] - (classes.sizes[own] - weight) * without - weight * everything
    best = np.lexsort((able, -gain, own))
    first = best[np.flatnonzero(np.diff(own[best], prepend=-1))]
    first = first[gain[first] > 0]
    first = first[np.lexsort((first, -gain[first]))]
    first = first[np.cumsum(weight[first]) <= allowed]
    left = of.copy()
    left[classes.order[able[first]]] = -1
    if not judging.only_k and len(first):
        inside = np.flatnonzero(left >= 0)
        good = judging.judge(inside, left[inside], len(classes))
        failing = first[~good[own[first]]]
        left[classes.order[able[failing]]] = own[failing]
    return left
