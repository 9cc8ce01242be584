"""区間の階層 (intervals): numbers in ever wider intervals: of equal width, with equally many values, or between given cut points.

The leaves are the numbers as they stand in the data. An interval is named by its two ends, the lower one in it and the upper one not
(`[20, 25[`); the lowest and the highest are open to below and above, so that no extreme of the data stands in a label.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal

from kiban_processing.hierarchies.hierarchy import Hierarchy, build
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

NOT_A_NUMBER = Ground(
    "hierarchy-not-a-number",
    Family.INPUT,
    REG_18_V,
    Text("列「{column}」の{position}番目の異なる値は数ではありません。", "Distinct value {position} of column “{column}” is no number."),
    Text(
        "数でない値を空欄にするか、順序のある符号として階層を作ってください。",
        "Empty the cells that hold no number, or build a hierarchy of ordered codes.",
    ),
)
CUTS_WRONG = Ground(
    "hierarchy-cuts-wrong",
    Family.INPUT,
    REG_18_V,
    Text("区切りが正しくありません: {rule}。", "The cut points are not right: {rule}."),
    Text("小さい順に、異なる数を一つ以上指定してください。", "Give one or more different numbers, the smallest first."),
)
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?")
_VERSION = "1"


def of_cuts(name: str, values: Iterable[str], cuts: Sequence[Decimal]) -> Hierarchy:
    """The values, the intervals between the cut points, pairs of neighbouring intervals, pairs of those, … up to `*`.

    Refuses: hierarchy-not-a-number, hierarchy-cuts-wrong.

    >>> [of_cuts("age", ["7", "21", "68"], [Decimal(20), Decimal(65)]).label("21", level) for level in range(4)]
    ['21', '[20, 65[', '< 65', '*']
    """
    if not cuts or any(not cut.is_finite() for cut in cuts) or any(low >= high for low, high in zip(cuts, cuts[1:], strict=False)):
        raise CUTS_WRONG.refuse(rule="at least one, finite and ascending")
    numbers = _numbers(name, values)
    # Two neighbours make one of the next level: every second cut point falls away.
    levels = [list(cuts)]
    while len(levels[-1]) > 1:
        levels.append(levels[-1][1::2])
    rows = [(text, *(_named(number, level) for level in levels), "*") for text, number in numbers]
    return build(name, _VERSION, rows or [("0", *(_named(Decimal(0), level) for level in levels), "*")])


def equal_width(name: str, values: Iterable[str], intervals: int) -> Hierarchy:
    """`intervals` of one width over the data's range; the cut points are rounded to three digits of the width.

    The range of the data decides the cut points, so that they tell a little of it. Refuses: hierarchy-not-a-number, hierarchy-cuts-wrong.
    """
    known = list(values)
    numbers = [number for _, number in _numbers(name, known)]
    if intervals < 2 or not numbers or numbers[0] == numbers[-1]:
        raise CUTS_WRONG.refuse(rule="two or more intervals, and values that differ")
    low, width = numbers[0], (numbers[-1] - numbers[0]) / intervals
    digits = Decimal(1).scaleb(width.adjusted() - 2)
    return of_cuts(name, known, _ascending((low + width * number).quantize(digits) for number in range(1, intervals)))


def quantiles(name: str, values: Iterable[str], persons: Iterable[int], intervals: int) -> Hierarchy:
    """Up to `intervals` with about equally many persons; a value that very many have may leave fewer intervals.

    `persons`: of each value, in the order of `values`. Every cut point is a value of the data.
    Refuses: hierarchy-not-a-number, hierarchy-cuts-wrong.
    """
    known = dict(zip(values, persons, strict=True))
    numbers = _numbers(name, known)
    if intervals < 2 or len(numbers) < 2:
        raise CUTS_WRONG.refuse(rule="two or more intervals, and values that differ")
    total, below = sum(known.values()), 0
    cuts: list[Decimal] = []
    for text, number in numbers:
        # The value starts an interval where the persons below it fill another share.
        if below and below * intervals // max(total, 1) > len(cuts):
            cuts.append(number)
        below += known[text]
    return of_cuts(name, known, _ascending(cuts[: intervals - 1] or [numbers[-1][1]]))


def _numbers(name: str, values: Iterable[str]) -> list[tuple[str, Decimal]]:
    found = []
    for position, text in enumerate(dict.fromkeys(values), start=1):
        if not _NUMBER.fullmatch(text):
            raise NOT_A_NUMBER.refuse(column=name, position=position)
        found.append((text, Decimal(text)))
    return sorted(found, key=lambda one: (one[1], one[0]))


def _named(number: Decimal, cuts: Sequence[Decimal]) -> str:
    place = bisect_right(cuts, number)
    if place == 0:
        return f"< {_plain(cuts[0])}"
    return f">= {_plain(cuts[-1])}" if place == len(cuts) else f"[{_plain(cuts[place - 1])}, {_plain(cuts[place])}["


def _ascending(cuts: Iterable[Decimal]) -> list[Decimal]:
    return sorted(set(cuts))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
