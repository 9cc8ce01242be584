"""名前の秘匿 (masks): the names under which people may see files whose own names hold patient IDs and order numbers."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.deliveries.ssmix2 import places

LATEST = 50_000  # files whose numbers are at hand; a piece of a delivery is far smaller


class Masks:
    """File → `#12 ADT-00 2011-12-20 …`: its number in the delivery, kind and day, without patient and order.

    Eight bytes for each file (a hash of this process alone). Asked for any file of the delivery, it answers: for the latest at once, for
    earlier ones after sorting the hashes.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._latest: dict[str, int] = {}
        self._sorted: tuple[npt.NDArray[np.int64], npt.NDArray[Any]] | None = None

    def add(self, file: str) -> int:
        """Count a file; its number, from 1."""
        self._hashes.append(hash(file))
        self._sorted = None
        if len(self._latest) >= LATEST:
            self._latest.clear()
        self._latest[file] = len(self._hashes)
        return len(self._hashes)

    def shown(self, file: str) -> str:
        """The name under which people may see a file of the delivery; of a file that was never counted nothing is shown."""
        number = self._latest.get(file) or self._number(file)
        return "#… …" if number is None else shown(number, places.read(file))

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
