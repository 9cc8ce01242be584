"""識別子の重複 (identities): whether a resource's id was met before in the same delivery, in eight bytes a resource."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MERGED_AT = 1_000_000


class Seen:
    """Remembers every `kind/id` by a 64-bit hash of this process: with 100 M resources the chance that one is wrongly held repeated is 1 in 3,000."""

    def __init__(self) -> None:
        self._sorted: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._fresh: list[npt.NDArray[np.int64]] = []
        self._waiting = 0

    def repeated(self, identities: Sequence[str]) -> list[int]:
        """Places of those that were met before, in order; the first of each stays."""
        hashes = np.fromiter(map(hash, identities), np.int64, len(identities))
        again = np.ones(len(hashes), np.bool_)
        again[np.unique(hashes, return_index=True)[1]] = False
        for known in (self._sorted, *self._fresh):
            if len(known) and len(hashes):
                places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
                again |= known[places] == hashes
        self._fresh.append(np.unique(hashes))
        self._waiting += len(hashes)
        if self._waiting > max(MERGED_AT, len(self._sorted) // 4) or len(self._fresh) > 64:
            self._sorted = np.unique(np.concatenate([self._sorted, *self._fresh]))
            self._fresh, self._waiting = [], 0
        found: list[int] = np.flatnonzero(again).tolist()
        return found
