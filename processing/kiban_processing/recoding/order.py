"""値の順序 (order): in which order the values of a sensitive attribute stand, where the distance between two of them is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from kiban_processing.hierarchies.hierarchy import Hierarchy

_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?", re.ASCII)


def arranged(values: Iterable[str | None], hierarchy: Hierarchy | None = None) -> tuple[str | None, ...]:
    """The distinct values in order, the missing one last: by a hierarchy's rows where there is one, by size where all are numbers, else as text.

    Values outside the hierarchy come after its own; whoever needs them there refuses them.

    >>> arranged(["10", "9", None])
    ('9', '10', None)
    >>> arranged(["stage 2", "stage 10"])
    ('stage 10', 'stage 2')
    """
    distinct = set(values)
    there = [value for value in distinct if value is not None]
    if hierarchy is not None:
        place = {leaf: number for number, leaf in enumerate(hierarchy.leaves)}
        there.sort(key=lambda value: (place.get(value, len(place)), value))
    elif all(_NUMBER.fullmatch(value) for value in there):
        there.sort(key=lambda value: (Decimal(value), value))
    else:
        there.sort()
    return (*there, None) if None in distinct else tuple(there)
