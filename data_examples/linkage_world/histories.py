"""履歴 (histories): what held from which day, for many owners at once; the value on a day is one binary search."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
YEAR = 365.2425
BEGIN, END = 10227, 20453  # 1998-01-01 and 2025-12-31, in days since 1970-01-01
LONG_AGO = -40_000
NEVER = 70_000
_SPAN = 1 << 18
_SHIFT = 1 << 17


def year_of(days: Ints) -> Ints:
    """Calendar year of days since 1970-01-01."""
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


@dataclass
class History:
    """What held from when: `owner` (person or household), `day` it began, `value`."""

    owner: Ints
    day: Ints
    value: Ints
    key: Ints = field(init=False)

    def __post_init__(self) -> None:
        key = self.owner * _SPAN + (self.day + _SHIFT)
        order = np.argsort(key, kind="stable")
        self.owner, self.day, self.value, self.key = self.owner[order], self.day[order], self.value[order], key[order]

    def at(self, owner: Ints, day: Ints) -> Ints:
        """The value of each owner on each day; before the first entry the first one counts; −1 for an owner without entries."""
        place = np.searchsorted(self.key, owner * _SPAN + (day + _SHIFT), side="right") - 1
        before = np.maximum(place, 0)
        after = np.minimum(place + 1, len(self.key) - 1)
        found = np.where((place >= 0) & (self.owner[before] == owner), before, np.where(self.owner[after] == owner, after, -1))
        return np.where(found >= 0, self.value[found], -1)


class Log:
    """Collects the parts of a history."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, owner: Ints, day: Ints | int, value: Ints | int) -> None:
        """One entry per owner; day and value may be one for all. What begins after the last day of the world is not kept."""
        owner = np.asarray(owner, np.int64)
        day = np.broadcast_to(np.asarray(day, np.int64), owner.shape)
        value = np.broadcast_to(np.asarray(value, np.int64), owner.shape)
        kept = day <= END
        self._parts.append((owner[kept], day[kept], value[kept]))

    def close(self) -> History:
        """The history of all entries; of two on one day the later added counts."""
        return History(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))
