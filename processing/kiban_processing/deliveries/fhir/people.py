"""人の対応 (people of a delivery): which local patient ID a reference to a patient means, for millions of patients in bounded memory.

Kept: for each reference its text and its local ID in two Arrow columns and a hash of eight bytes, in all about 120 bytes; a patient of a JP Core
Bundle has three references, one of Bulk data one: 10 M patients of Bulk data take 1.2 GB. Looked up by distinct references of a piece, by
binary search and comparison of the text itself, so that a collision of hashes can name nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

WRITTEN_AT = 100_000
AMBIGUOUS = ""
"""The local ID of a reference that two patients answer to; nobody's."""


class People:
    """References (`Patient/…`, `url:…`, `member:…`) and the local IDs they mean. Add all, then look up."""

    def __init__(self) -> None:
        self._fresh: dict[str, str] = {}
        self._references: list[pa.Array] = []
        self._locals: list[pa.Array] = []
        self._frozen: tuple[npt.NDArray[np.int64], pa.Array, pa.Array] | None = None

    def add(self, reference: str, local: str) -> None:
        if self._fresh.setdefault(reference, local) != local:
            self._fresh[reference] = AMBIGUOUS
        if len(self._fresh) >= WRITTEN_AT:
            self._write()

    def _write(self) -> None:
        self._references.append(pa.array(list(self._fresh), pa.large_string()))
        self._locals.append(pa.array(list(self._fresh.values()), pa.large_string()))
        self._fresh = {}
        self._frozen = None

    def look_up(self, references: Iterable[str]) -> dict[str, str]:
        """Reference → local ID (or `AMBIGUOUS`) of those that are known."""
        wanted = list(references)
        hashes, texts, locals_ = self._freeze()
        own = np.fromiter(map(hash, wanted), np.int64, len(wanted))
        first, last = np.searchsorted(hashes, own, "left"), np.searchsorted(hashes, own, "right")
        found: dict[str, str] = {}
        for reference, start, end in zip(wanted, first.tolist(), last.tolist(), strict=True):
            for place in range(start, end):
                if texts[place].as_py() == reference:
                    local = locals_[place].as_py()
                    found[reference] = local if found.get(reference, local) == local else AMBIGUOUS
        return found

    def _freeze(self) -> tuple[npt.NDArray[np.int64], pa.Array, pa.Array]:
        if self._fresh:
            self._write()
        if self._frozen is None:
            texts = pa.chunked_array(self._references, pa.large_string()).combine_chunks()
            locals_ = pa.chunked_array(self._locals, pa.large_string()).combine_chunks()
            hashes = np.concatenate(
                [np.fromiter((hash(one.as_py()) for one in chunk), np.int64, len(chunk)) for chunk in self._references]
                or [np.zeros(0, np.int64)]
            )
            order = np.argsort(hashes, kind="stable")
            self._frozen = hashes[order], texts.take(order), locals_.take(order)
            self._references, self._locals = [self._frozen[1]], [self._frozen[2]]
        return self._frozen
