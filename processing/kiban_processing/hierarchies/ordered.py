"""順序のある符号の階層 (ordered codes): grades, stages and scores, neighbours joined two by two up to `*`."""

from __future__ import annotations

from collections.abc import Sequence

from kiban_processing.hierarchies.hierarchy import Hierarchy, build

_VERSION = "1"


def neighbours(name: str, codes: Sequence[str], fan_out: int = 2) -> Hierarchy:
    """The codes in their order, then groups of `fan_out` neighbours, of as many groups, … up to `*`; a group is named by its two ends.

    >>> [neighbours("stage", ["I", "II", "III", "IV", "V"]).label("III", level) for level in range(4)]
    ['III', 'III..IV', 'I..IV', '*']
    """
    if fan_out < 2:
        raise ValueError("a group has two members or more")
    ends = [(code, code) for code in codes]
    of = list(range(len(codes)))
    rows: list[list[str]] = [[code] for code in codes]
    while len(ends) > fan_out:
        ends = [(ends[at][0], ends[min(at + fan_out, len(ends)) - 1][1]) for at in range(0, len(ends), fan_out)]
        of = [one // fan_out for one in of]
        for row, group in zip(rows, of, strict=True):
            low, high = ends[group]
            row.append(low if low == high else f"{low}..{high}")
    return build(name, _VERSION, [(*row, "*") for row in rows])
