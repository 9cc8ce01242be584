"""頁 (pages): arrays cut into sealed pages, opened one by one where they are asked for, and shared between the states of a lineage.

A state is a folder of `pages-N.bin` (sealed pages, never changed) and the sealed page table (see `table`). The next state links the files
of this one and adds a file with the new and the changed pages (see `writing`).
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import table
from kiban_processing.linkage.state.sealing import KEY_BYTES, STATE_DAMAGED, StateKey
from kiban_processing.linkage.state.table import ONCE, TAG_BYTES, Listed, Values

Random = Callable[[int], bytes]

_TAKEN_AT_A_TIME = 512


class Pages:
    """The arrays of one state, for reading."""

    def __init__(self, folder: Path, key: StateKey) -> None:
        """Refuses: linkage-state-damaged, linkage-state-version."""
        self.folder = folder
        self._files: dict[int, tuple[mmap.mmap, memoryview]] = {}
        self._desk = np.empty(0, np.uint8)
        self._lying: tuple[str, Nodes] = "", np.zeros(0, np.int64)
        self.notes, self.arrays = table.read(folder, key)

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def length(self, name: str) -> int:
        return self.arrays[name].length

    def all(self, name: str) -> Values:
        """The whole array."""
        return self.opened(name, np.arange(len(self.arrays[name].entries)))

    def take(self, name: str, at: Nodes) -> Values:
        """The items at these places, in their order."""
        listed = self.arrays[name]
        if not len(at):
            return np.zeros(0, listed.dtype)
        order = np.argsort(at, kind="stable")
        ordered = at[order]
        page = ordered // listed.per_page
        wanted = _distinct(page, len(listed.entries))
        found = np.empty(len(at), listed.dtype)
        whole = table.whole(found)
        for start in range(0, len(wanted), _TAKEN_AT_A_TIME):
            some = wanted[start : start + _TAKEN_AT_A_TIME]
            first, last = np.searchsorted(page, some[0], "left"), np.searchsorted(page, some[-1], "right")
            here = np.searchsorted(some, page[first:last]) * listed.per_page + ordered[first:last] % listed.per_page
            whole[order[first:last]] = table.whole(self._on_desk(name, some))[here]
        return found

    def between(self, name: str, low: npt.NDArray[np.uint64], high: npt.NDArray[np.uint64]) -> tuple[Nodes, npt.NDArray[np.uint64], Nodes]:
        """Of a sorted array the items from low to high, both included: (place in `low`, item, place in the array), by item."""
        listed = self.arrays[name]
        nothing = np.zeros(0, np.int64)
        if not len(low) or not listed.length:
            return nothing, np.zeros(0, np.uint64), nothing
        # A search for the next greater one finds what it needs in the processor's cache.
        order = np.argsort(low)
        low, high = low[order], high[order]
        firsts = listed.entries["first"].copy()
        begin = np.maximum(np.searchsorted(firsts, low, "left") - 1, 0)
        end = np.maximum(np.searchsorted(firsts, high, "right") - 1, 0)
        wanted = _distinct(spread(begin, end - begin + 1), len(firsts))
        items = self._on_desk(name, wanted)
        start, stop = np.searchsorted(items, low, "left"), np.searchsorted(items, high, "right")
        inside = spread(start, stop - start)
        place = wanted[inside // listed.per_page] * listed.per_page + inside % listed.per_page
        return np.repeat(order, stop - start), items[inside], place

    def pages(self, name: str, start: int, stop: int) -> Values:
        return self.opened(name, np.arange(start, min(stop, len(self.arrays[name].entries))))

    def opened(self, name: str, pages: Nodes) -> Values:
        """These pages, one after the other, in memory of their own."""
        listed, (lying, which) = self.arrays[name], self._lying
        if lying == name and len(which) and len(pages):
            place = np.minimum(np.searchsorted(which, pages), len(which) - 1)
            if np.array_equal(which[place], pages):  # whoever changes what was searched asks for what was searched
                return self._from_desk(listed, which, place)
        return self._open(name, listed.entries[pages], np.empty(_opened_bytes(listed.entries[pages]), np.uint8))

    def _from_desk(self, listed: Listed, lying: Nodes, place: Nodes) -> Values:
        """A copy of the pages at these places (sorted) of those that lie on the desk."""
        items = self._desk[: _opened_bytes(listed.entries[lying])].view(listed.dtype)
        full = len(items) // listed.per_page
        rows = table.whole(items)[: full * listed.per_page].reshape(full, listed.per_page)
        found = rows[place[place < full]].reshape(-1)
        if place[-1] == full:  # the last page of the array, which is not full
            found = np.concatenate([found, table.whole(items)[full * listed.per_page :]])
        return np.asarray(found.view(listed.dtype))

    def _on_desk(self, name: str, pages: Nodes) -> Values:
        """`opened`, in memory that the next call uses again: asking the system for new memory takes longer than opening."""
        entries = self.arrays[name].entries[pages]
        size = _opened_bytes(entries)
        if len(self._desk) < size:
            self._desk = np.empty(size, np.uint8)
        self._lying = "", pages
        found = self._open(name, entries, self._desk[:size])
        self._lying = name, pages
        return found

    def _open(self, name: str, entries: npt.NDArray[np.void], opened: npt.NDArray[np.uint8]) -> Values:
        stops = np.cumsum(entries["length"].astype(np.int64) - TAG_BYTES)
        # Thousands of pages are opened for one delivery: columns as lists, and no copies of bytes.
        into, keys, start, key = opened.data, entries["key"].tobytes(), 0, 0
        numbers, at = entries["file"], entries["at"].astype(np.int64)
        places = zip(numbers.tolist(), at.tolist(), (at + entries["length"]).tolist(), stops.tolist(), strict=True)
        try:
            held = {file: self._file(file) for file in np.flatnonzero(np.bincount(numbers)).tolist()} if len(numbers) else {}
            for file, begin, end, stop in places:
                AESGCM(keys[key : key + KEY_BYTES]).decrypt_into(ONCE, held[file][begin:end], None, into[start:stop])
                start, key = stop, key + KEY_BYTES
        except (InvalidTag, OSError, ValueError) as error:
            raise STATE_DAMAGED.refuse(part=name.partition("/")[0]) from error
        shown = opened.view(self.arrays[name].dtype)
        shown.flags.writeable = False
        return shown

    def _file(self, number: int) -> memoryview:
        if number not in self._files:
            with (self.folder / table.file_name(number)).open("rb") as file:
                held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._files[number] = held, memoryview(held)
        return self._files[number][1]

    def close(self) -> None:
        for held, shown in self._files.values():
            shown.release()
            held.close()
        self._files.clear()


def spread(start: Nodes, count: Nodes) -> Nodes:
    """start, start + 1, ... `count` times, for each.

    >>> spread(np.array([5, 1]), np.array([2, 3])).tolist()
    [5, 6, 1, 2, 3]
    """
    before = np.cumsum(count) - count
    return np.asarray(np.arange(int(count.sum())) + np.repeat(start - before, count))


def _opened_bytes(entries: npt.NDArray[np.void]) -> int:
    return int(entries["length"].astype(np.int64).sum()) - TAG_BYTES * len(entries)


def _distinct(pages: Nodes, size: int) -> Nodes:
    seen = np.zeros(size, np.bool_)
    seen[pages] = True
    return np.flatnonzero(seen)
