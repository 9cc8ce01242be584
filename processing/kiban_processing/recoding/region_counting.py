"""領域の計数 (counting in regions): the inner loops of the local search, compiled where numba is installed.

Each has a plain form (`regions`, `sweeping`, `merging`) that gives exactly the same; all figures are whole numbers, and the only fraction, a
split's score, is one division and one root that every machine rounds alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.recoding.tuples import Integers, Truths

try:
    import numba
except ImportError:  # the extra `speed` is not installed
    COMPILED = False

    def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return function
else:
    COMPILED = True

    def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled: Callable[..., Any]
        try:
            compiled = numba.njit(cache=True, nogil=True)(function)
        except RuntimeError:  # no folder to keep the compiled form in: it is compiled anew in every process
            compiled = numba.njit(nogil=True)(function)
        return compiled


_STEPS = 1 << 12
_UNIT = 1 << 10
LOGARITHMS: Integers = np.rint(_UNIT * np.log2(1 + np.arange(_STEPS) / _STEPS)).astype(np.int64)


def logarithm(numbers: Integers) -> Integers:
    """Binary logarithm in steps of 1/1024, from a table: the same on every machine. 0 for 0."""
    mantissa, exponent = np.frexp(np.asarray(numbers, dtype=np.float64))
    step = ((mantissa * 2 - 1) * _STEPS).astype(np.int64)
    return np.where(numbers > 0, (exponent.astype(np.int64) - 1) * _UNIT + LOGARITHMS[np.maximum(step, 0)], 0)


@_compiled
def _log(number: int, table: Integers) -> int:
    if number <= 0:
        return 0
    exponent = 0
    while (number >> exponent) > 1:
        exponent += 1
    step = int((number / (1 << exponent) - 1) * 4096)
    return exponent * 1024 + table[step]  # type: ignore[no-any-return]


def split_by_k(
    leaves: npt.NDArray[np.int32],
    persons: Integers,
    codes: npt.NDArray[np.int32],
    costs: Integers,
    order: Integers,
    bounds: Integers,
    k: int,
    table: Integers,
) -> tuple[Integers, Truths]:
    """Top-down recoding where only k is asked: the units in order of their classes, and whether each is the first of a class."""
    order = order.copy()
    return order, split_rows(leaves[order], persons[order], order, codes, costs, bounds, k, table)


@_compiled
def split_rows(
    rows: npt.NDArray[Any],
    persons: npt.NDArray[Any],
    order: npt.NDArray[Any],
    codes: npt.NDArray[np.int32],
    costs: Integers,
    bounds: Integers,
    k: int,
    table: Integers,
) -> Truths:
    """The same on units side by side (`rows[unit, attribute]`: leaf), which are put in order of their classes, all three arrays alike.

    They move with every split, so that a region always lies together: looked up one by one they would each cost a miss of the cache.
    """
    length, count = rows.shape
    values = codes.shape[1] + 1
    marks = np.zeros(length, dtype=np.bool_)
    persons_of = np.zeros(values, dtype=np.int64)
    gain_of = np.zeros(values, dtype=np.int64)
    seen = np.empty(values, dtype=np.int64)
    place = np.zeros(values + 1, dtype=np.int64)
    moved_rows, moved_persons, moved_order = np.empty_like(rows), np.empty_like(persons), np.empty_like(order)
    low = np.empty(len(bounds) + 4 * values, dtype=np.int64)
    high = np.empty(len(bounds) + 4 * values, dtype=np.int64)
    depth = 0
    for region in range(len(bounds) - 1):
        low[depth], high[depth] = bounds[region], bounds[region + 1]
        depth += 1
    while depth > 0:
        depth -= 1
        begin, end = low[depth], high[depth]
        total = np.int64(0)
        for at in range(begin, end):
            total += persons[at]
        best, chosen, chosen_level, chosen_join = 0.0, -1, 0, np.int64(-1)
        if total >= 2 * k:
            for attribute in range(count):
                leaf = rows[begin, attribute]
                level = 0
                for at in range(begin + 1, end):
                    other = rows[at, attribute]
                    while codes[attribute, other, level] != codes[attribute, leaf, level]:
                        level += 1
                if level == 0:
                    continue
                found = 0
                for at in range(begin, end):
                    other = rows[at, attribute]
                    code = codes[attribute, other, level - 1]
                    if place[code] == 0:
                        place[code] = 1
                        seen[found] = code
                        found += 1
                        persons_of[code] = 0
                        gain_of[code] = costs[attribute, other, level] - costs[attribute, other, level - 1]
                    persons_of[code] += persons[at]
                rest, gain, spread, good, join, least = np.int64(0), np.int64(0), np.int64(0), 0, np.int64(-1), np.int64(0)
                for at in range(found):
                    code = seen[at]
                    place[code] = 0
                    size = persons_of[code]
                    if size < k:
                        rest += size
                        continue
                    own = size * gain_of[code]
                    good += 1
                    gain += own
                    spread += size * _log(size, table)
                    if join < 0 or own < least or (own == least and code < join):
                        join, least = code, own
                if good == 0:
                    continue
                if 0 < rest < k:
                    size = persons_of[join]
                    good -= 1
                    gain -= least
                    spread -= size * _log(size, table)
                    rest += size
                else:
                    join = np.int64(-1)
                if good == 0:
                    continue
                spread = total * _log(total, table) - spread - rest * _log(rest, table)
                score = gain / np.sqrt(max(spread, 1))
                if score > best:
                    best, chosen, chosen_level, chosen_join = score, attribute, level, join
        if chosen < 0:
            marks[begin] = True
            continue
        found = 0
        for at in range(begin, end):
            code = codes[chosen, rows[at, chosen], chosen_level - 1]
            if place[code] == 0:
                seen[found] = code
                found += 1
                persons_of[code] = 0
            persons_of[code] += persons[at]
            place[code] += 1
        if depth + found + 1 > len(low):
            low, high = np.concatenate((low, np.empty_like(low))), np.concatenate((high, np.empty_like(high)))
        rest_units = np.int64(0)
        for at in range(found):
            code = seen[at]
            if persons_of[code] < k or code == chosen_join:
                rest_units += place[code]
        start = begin
        if rest_units > 0:
            low[depth], high[depth] = begin, begin + rest_units
            depth += 1
            start = begin + rest_units
        rest_start = begin
        for at in range(found):
            code = seen[at]
            if persons_of[code] < k or code == chosen_join:
                gain_of[code] = rest_start
                rest_start += place[code]
            else:
                gain_of[code] = start
                low[depth], high[depth] = start, start + place[code]
                depth += 1
                start += place[code]
        for at in range(begin, end):
            code = codes[chosen, rows[at, chosen], chosen_level - 1]
            to = gain_of[code]
            gain_of[code] += 1
            moved_order[to] = order[at]
            moved_persons[to] = persons[at]
            for attribute in range(count):
                moved_rows[to, attribute] = rows[at, attribute]
        for at in range(found):
            place[seen[at]] = 0
        for at in range(begin, end):
            order[at] = moved_order[at]
            persons[at] = moved_persons[at]
            for attribute in range(count):
                rows[at, attribute] = moved_rows[at, attribute]
    return marks


@_compiled
def common_levels_of(rows: npt.NDArray[Any], starts: Integers, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
    """Per class, whose units lie together from `starts` on, the lowest level at which all have one value."""
    length, count = rows.shape
    levels = np.zeros((len(starts), count), dtype=np.int8)
    for number in range(len(starts)):
        begin = starts[number]
        end = starts[number + 1] if number + 1 < len(starts) else length
        for attribute in range(count):
            leaf, level = rows[begin, attribute], 0
            for at in range(begin + 1, end):
                while codes[attribute, rows[at, attribute], level] != codes[attribute, leaf, level]:
                    level += 1
            levels[number, attribute] = level
    return levels


@_compiled
def gather_by_k(packed: Integers, persons: Integers, masks: Integers, k: int, number: Integers, fewest: int) -> tuple[Integers, int]:
    """Node by node, units that nobody has taken yet form a class wherever k persons have the same value: `number[unit]`, -1 for the rest.

    Two steps per node, so that the first and larger one touches one small table: persons by a hash, which can only count too many, then
    by the value itself for those that may have company.
    """
    length = len(packed)
    units = np.arange(length)
    words, counts = packed.copy(), persons.copy()
    slots = 16
    while slots < 2 * length:
        slots *= 2
    few = np.zeros(slots, dtype=np.int32)
    keys = np.zeros(slots, dtype=np.int64)
    sums = np.zeros(slots, dtype=np.int64)
    stamps = np.zeros(slots, dtype=np.int32)
    names = np.zeros(slots, dtype=np.int64)
    slot_of = np.zeros(length, dtype=np.int64)
    company = np.zeros(length, dtype=np.int64)
    left, classes = length, 0
    for node in range(len(masks)):
        mask, stamp = masks[node], np.int32(node + 1)
        while slots > 64 and slots >= 4 * left:
            slots //= 2
        wrap = slots - 1
        few[:slots] = 0
        for at in range(left):
            mixed = (words[at] & mask) * np.int64(-7046029254386353131)
            slot = (mixed ^ (mixed >> np.int64(29))) & wrap
            slot_of[at] = slot
            if few[slot] < k:
                few[slot] += min(counts[at], k)
        together = 0
        for at in range(left):
            if few[slot_of[at]] >= k:
                company[together] = at
                together += 1
        if together == 0:
            continue
        for place in range(together):
            at = company[place]
            key = words[at] & mask
            slot = slot_of[at]
            while stamps[slot] == stamp and keys[slot] != key:
                slot = (slot + 1) & wrap
            if stamps[slot] != stamp:
                stamps[slot], keys[slot], sums[slot], names[slot] = stamp, key, 0, -1
            sums[slot] += counts[at]
            slot_of[at] = slot
        stay, place = 0, 0
        for at in range(left):
            if place < together and company[place] == at:
                place += 1
                slot = slot_of[at]
                if sums[slot] >= k:
                    if names[slot] < 0:
                        names[slot] = classes
                        classes += 1
                    number[units[at]] = names[slot]
                    continue
            units[stay], words[stay], counts[stay] = units[at], words[at], counts[at]
            stay += 1
        left = stay
        if left <= fewest:
            break
    return number, classes


@_compiled
def cheapest_joins(
    leaves: npt.NDArray[np.int32],
    persons: Integers,
    codes: npt.NDArray[np.int32],
    costs: Integers,
    units: Integers,
    own: Integers,
    low: Integers,
    high: Integers,
    rep: Integers,
    levels: Integers,
    sizes: Integers,
    lost: Integers,
) -> tuple[Integers, Integers]:
    """For each of `units` the class among those from `low` to `high`, its own left out, whose cost grows least by taking it in, and by how much."""
    count = leaves.shape[1]
    best_class = np.full(len(units), -1, dtype=np.int64)
    best_cost = np.full(len(units), 1 << 62, dtype=np.int64)
    for at in range(len(units)):
        unit = units[at]
        weight = persons[unit]
        best, found = best_cost[at], -1
        for other in range(low[at], high[at]):
            if other == own[at] or weight * lost[other] >= best:
                continue
            total, size = 0, sizes[other] + weight
            most = best + lost[other] * sizes[other]  # what the class may cost with the unit and still be the best
            for attribute in range(count):
                level = levels[other, attribute]
                mine, theirs = leaves[unit, attribute], leaves[rep[other], attribute]
                if mine != theirs:
                    while codes[attribute, mine, level] != codes[attribute, theirs, level]:
                        level += 1
                total += costs[attribute, theirs, level]
                if total * size >= most:
                    break
            if total * size < most:
                best, found = total * size - lost[other] * sizes[other], other
        best_class[at], best_cost[at] = found, best
    return best_class, best_cost
