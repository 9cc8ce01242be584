"""名前の秘匿 (masks): the names under which people may see files whose own names hold patient IDs and order numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.deliveries.ssmix2 import places

NAMED = 1_000  # files named one by one when all names are asked for


class Masks(Mapping[str, str]):
    """File → `#12 ADT-00 2011-12-20 …`: its number in the delivery, kind and day, without patient and order.

    Eight bytes for each file (a hash of this process alone). Asked for any file of the delivery, it answers; iterated, it gives the
    first `NAMED` and those that were noted, which are those with something to tell.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._noted: dict[str, None] = {}
        self._sorted: tuple[npt.NDArray[np.int64], npt.NDArray[Any]] | None = None

    def add(self, file: str) -> int:
        """Count a file; its number, from 1."""
        self._hashes.append(hash(file))
        self._sorted = None
        if len(self._hashes) <= NAMED:
            self._noted[file] = None
        return len(self._hashes)

    def note(self, file: str) -> None:
        if len(self._noted) < 100 * NAMED:
            self._noted[file] = None

    def __getitem__(self, file: str) -> str:
        number = self._number(file)
        if number is None:
            raise KeyError(file)
        return shown(number, places.read(file))

    def __iter__(self) -> Iterator[str]:
        return iter(self._noted)

    def __len__(self) -> int:
        return len(self._noted)

    def _number(self, file: str) -> int | None:
        if self._sorted is None:
            hashes = np.array(self._hashes, np.int64)
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], order
        hashes, order = self._sorted
        place = int(np.searchsorted(hashes, hash(file)))
        return int(order[place]) + 1 if place < len(hashes) and hashes[place] == hash(file) else None


def shown(number: int, place: places.Place | places.Beside | None) -> str:
    """How a file is shown. A name that is none of the standard is not shown at all: nobody knows what it holds."""
    if isinstance(place, places.Place):
        return f"#{number} {place.kind} {place.shown_day} …"
    return f"#{number} {place.value}" if place is not None else f"#{number} …"
