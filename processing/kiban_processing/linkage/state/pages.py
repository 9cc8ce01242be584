"""頁 (pages): arrays cut into sealed pages, opened one by one where they are asked for, and shared between the states of a lineage.

A state is a folder of `pages-N.bin` (sealed pages, never changed) and `table.bin`, the sealed page table: where each page of each
array lies and the key that opens it. The next state links the files of this one and adds a file with the new and the changed
pages. A page that no table names any more cannot be opened by anyone who has not kept an old table.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state.sealing import KEY_BYTES, NONCE_BYTES, STATE_DAMAGED, STATE_VERSION, StateKey, seal, unseal

Values = npt.NDArray[Any]
Random = Callable[[int], bytes]

TABLE_FILE, ABOUT_FILE = "table.bin", "state.json"
VERSION = 2
PAGE_BYTES = 4 * 1024
TAG_BYTES = 16
_PAGES_AT_A_TIME, _TAKEN_AT_A_TIME = 4096, 512
# `first` is the first item of a page where the array is sorted, so that a search opens the right page only.
_ENTRY = np.dtype([("file", "<u4"), ("length", "<u4"), ("at", "<u8"), ("first", "<u8"), ("key", "u1", (KEY_BYTES,))])
_ONCE = bytes(NONCE_BYTES)  # every page has a key of its own, so that one nonce serves all


@dataclass
class Listed:
    """One array in the page table; all pages but the last hold `per_page` items."""

    dtype: npt.DTypeLike
    per_page: int
    length: int
    entries: npt.NDArray[np.void]


def key_name(folder: Path) -> str | None:
    """The name of the key that opens the state in `folder`, None where there is no state.

    Refuses: linkage-state-damaged, linkage-state-version.
    """
    try:
        about = json.loads((folder / ABOUT_FILE).read_bytes())
        version, name = about["version"], str(about["key"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise STATE_DAMAGED.refuse(part=ABOUT_FILE) from error
    if version != VERSION:
        raise STATE_VERSION.refuse(found=version, known=VERSION)
    return name


class Pages:
    """The arrays of one state, for reading."""

    def __init__(self, folder: Path, key: StateKey) -> None:
        """Refuses: linkage-state-damaged, linkage-state-version."""
        self.folder = folder
        self._files: dict[int, tuple[mmap.mmap, memoryview]] = {}
        self._desk = np.empty(0, np.uint8)
        try:
            sealed = (folder / TABLE_FILE).read_bytes()
        except OSError as error:
            raise STATE_DAMAGED.refuse(part=TABLE_FILE) from error
        self.notes, self.arrays = _read_table(unseal(key.derive("table"), sealed, TABLE_FILE))

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
        whole = _whole(found)
        for start in range(0, len(wanted), _TAKEN_AT_A_TIME):
            some = wanted[start : start + _TAKEN_AT_A_TIME]
            first, last = np.searchsorted(page, some[0], "left"), np.searchsorted(page, some[-1], "right")
            here = np.searchsorted(some, page[first:last]) * listed.per_page + ordered[first:last] % listed.per_page
            whole[order[first:last]] = _whole(self._on_desk(name, some))[here]
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
        firsts = listed.entries["first"]
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
        """These pages, one after the other."""
        entries = self.arrays[name].entries[pages]
        return self._open(name, entries, np.empty(_opened_bytes(entries), np.uint8))

    def _on_desk(self, name: str, pages: Nodes) -> Values:
        """`opened`, in memory that the next call uses again: asking the system for new memory takes longer than opening."""
        entries = self.arrays[name].entries[pages]
        size = _opened_bytes(entries)
        if len(self._desk) < size:
            self._desk = np.empty(size, np.uint8)
        return self._open(name, entries, self._desk[:size])

    def _open(self, name: str, entries: npt.NDArray[np.void], opened: npt.NDArray[np.uint8]) -> Values:
        stops = np.cumsum(entries["length"].astype(np.int64) - TAG_BYTES)
        # Thousands of pages are opened for one delivery: columns as lists, and no copies of bytes.
        into, keys, start = opened.data, entries["key"].tobytes(), 0
        places = zip(entries["file"].tolist(), entries["at"].tolist(), entries["length"].tolist(), stops.tolist(), strict=True)
        try:
            held = {file: self._file(file) for file in np.unique(entries["file"]).tolist()}
            for number, (file, at, length, stop) in enumerate(places):
                cipher = AESGCM(keys[KEY_BYTES * number : KEY_BYTES * (number + 1)])
                cipher.decrypt_into(_ONCE, held[file][at : at + length], None, into[start:stop])
                start = stop
        except (InvalidTag, OSError, ValueError) as error:
            raise STATE_DAMAGED.refuse(part=name.partition("/")[0]) from error
        shown = opened.view(self.arrays[name].dtype)
        shown.flags.writeable = False
        return shown

    def _file(self, number: int) -> memoryview:
        if number not in self._files:
            with (self.folder / file_name(number)).open("rb") as file:
                held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._files[number] = held, memoryview(held)
        return self._files[number][1]

    def unused(self) -> float:
        """Bytes in the files that no page needs, for each byte that one does."""
        entries = [each.entries for each in self.arrays.values()]
        used = sum(int(each["length"].astype(np.int64).sum()) for each in entries)
        files = np.unique(np.concatenate([each["file"] for each in entries]))
        return sum((self.folder / file_name(number)).stat().st_size for number in files.tolist()) / max(used, 1) - 1.0

    def close(self) -> None:
        for held, shown in self._files.values():
            shown.release()
            held.close()
        self._files.clear()


@dataclass
class _Open:
    """An array while it is written: pages changed or not yet full stay here."""

    listed: Listed
    file: _File
    changed: dict[int, Values] = field(default_factory=dict)


class _File:
    """A file of pages while it is written."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number, self.at, self._path = number, 0, folder / file_name(number)
        self._file: BinaryIO | None = None

    def write(self, sealed: memoryview) -> None:
        if self._file is None:
            self._file = self._path.open("w+b")
        self._file.write(sealed)
        self.at += len(sealed)

    def read(self, at: int, length: int) -> bytes:
        assert self._file is not None
        self._file.seek(at)
        content = self._file.read(length)
        self._file.seek(0, os.SEEK_END)
        return content

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Writer:
    """The next state: that of `before`, if any, with arrays added, extended and changed."""

    def __init__(self, folder: Path, key: StateKey, random: Random, before: Pages | None = None) -> None:
        self._folder, self._key, self._random, self._before = folder, key, random, before
        listed = before.arrays if before else {}
        arrays = {name: Listed(each.dtype, each.per_page, each.length, each.entries.copy()) for name, each in listed.items()}
        used = [int(each.entries["file"].max()) for each in arrays.values() if len(each.entries)]
        first = max(used, default=-1) + 1
        folder.mkdir(parents=True)
        self._lasting, self._passing = _File(folder, first), _File(folder, first + 1)
        self._arrays = {name: _Open(each, self._lasting) for name, each in arrays.items()}

    def add(self, name: str, values: Values, page_bytes: int = PAGE_BYTES, passing: bool = False) -> None:
        """A new array, or one in the place of that name. `passing`: the next state will replace it, so it lies in a file of its own."""
        listed = Listed(values.dtype, max(1, page_bytes // values.dtype.itemsize), 0, np.zeros(0, _ENTRY))
        self._arrays[name] = _Open(listed, self._passing if passing else self._lasting)
        self.extend(name, values)

    def copy(self, source: Pages, name: str) -> None:
        """The array of that name of another state, under new keys."""
        listed = source.arrays[name]
        self._arrays[name] = _Open(Listed(listed.dtype, listed.per_page, 0, np.zeros(0, _ENTRY)), self._lasting)
        for start in range(0, len(listed.entries), _PAGES_AT_A_TIME):
            self.extend(name, source.pages(name, start, start + _PAGES_AT_A_TIME))

    def extend(self, name: str, values: Values) -> None:
        """More items at the end."""
        each = self._arrays[name]
        listed, per_page = each.listed, each.listed.per_page
        values = np.ascontiguousarray(values, listed.dtype)
        if filled := listed.length % per_page:
            last = listed.length // per_page
            missing = min(per_page - filled, len(values))
            self._fetch(name, np.array([last]))
            each.changed[last] = np.concatenate([each.changed[last], values[:missing]])
            listed.length += missing
            values = values[missing:]
        pages = [values[start : start + per_page] for start in range(0, len(values), per_page)]
        fresh = np.zeros(len(pages), _ENTRY)
        self._seal(each.file, fresh, np.arange(len(pages)), pages)
        listed.entries = np.concatenate([listed.entries, fresh])
        listed.length += len(values)

    def put(self, name: str, at: Nodes, values: Values) -> None:
        """Other values at these places."""
        each = self._arrays[name]
        order = np.argsort(at, kind="stable")
        at, values = at[order], np.broadcast_to(values, at.shape)[order]
        pages, starts = np.unique(at // each.listed.per_page, return_index=True)
        self._fetch(name, pages)
        for page, start, stop in zip(pages.tolist(), starts.tolist(), [*starts[1:].tolist(), len(at)], strict=True):
            each.changed[page][at[start:stop] - page * each.listed.per_page] = values[start:stop]

    def _fetch(self, name: str, pages: Nodes) -> None:
        """Have these pages among the changed ones."""
        each = self._arrays[name]
        missing = [page for page in pages.tolist() if page not in each.changed]
        own = {file.number: file for file in (self._lasting, self._passing)}
        earlier = []
        for page in missing:
            entry = each.listed.entries[page]
            if (file := own.get(int(entry["file"]))) is not None:
                sealed = file.read(int(entry["at"]), int(entry["length"]))
                opened = AESGCM(entry["key"].tobytes()).decrypt(_ONCE, sealed, None)
                each.changed[page] = np.frombuffer(opened, each.listed.dtype).copy()
            else:
                earlier.append(page)
        if earlier:
            assert self._before is not None  # only it has pages in other files
            per_page = each.listed.per_page
            together = self._before.opened(name, np.array(earlier))
            for number, page in enumerate(earlier):  # in their order, so that only the last can be shorter
                each.changed[page] = together[number * per_page : (number + 1) * per_page].copy()

    def _seal(self, file: _File, entries: npt.NDArray[np.void], places: Nodes, pages: list[Values]) -> None:
        if not pages:
            return
        keys = self._random(KEY_BYTES * len(pages))
        sizes = np.array([page.nbytes + TAG_BYTES for page in pages])
        stops = np.cumsum(sizes)
        sealed = memoryview(bytearray(int(stops[-1])))
        start = 0
        for number, (page, stop) in enumerate(zip(pages, stops.tolist(), strict=True)):
            cipher = AESGCM(keys[KEY_BYTES * number : KEY_BYTES * (number + 1)])
            cipher.encrypt_into(_ONCE, page.tobytes(), None, sealed[start:stop])
            start = stop
        entries["file"][places], entries["length"][places], entries["at"][places] = file.number, sizes, file.at + stops - sizes
        entries["first"][places] = [int(page[0]) for page in pages] if pages[0].dtype == np.uint64 else 0
        entries["key"][places] = np.frombuffer(keys, np.uint8).reshape(-1, KEY_BYTES)
        file.write(sealed)

    def finish(self, notes: Mapping[str, Any]) -> None:
        """Write what is pending and the page table; `notes` is any JSON, sealed with it."""
        for each in self._arrays.values():
            places = np.array(sorted(each.changed), np.int64)
            self._seal(each.file, each.listed.entries, places, [each.changed[place] for place in places.tolist()])
        self.close()
        used = np.unique(np.concatenate([each.listed.entries["file"] for each in self._arrays.values()] or [np.zeros(0, np.uint32)]))
        for number in used.tolist():
            if number not in (self._lasting.number, self._passing.number):
                assert self._before is not None
                link(self._before.folder / file_name(number), self._folder / file_name(number))
        (self._folder / ABOUT_FILE).write_text(json.dumps({"version": VERSION, "key": self._key.name}) + "\n")
        content = _write_table(notes, {name: each.listed for name, each in self._arrays.items()})
        (self._folder / TABLE_FILE).write_bytes(seal(self._key.derive("table"), self._random(NONCE_BYTES), content))

    def close(self) -> None:
        """Close what is open; what was written so far is no state."""
        self._lasting.close()
        self._passing.close()


def file_name(number: int) -> str:
    return f"pages-{number}.bin"


def link(source: Path, target: Path) -> None:
    """One more name for a file that is never changed; a copy where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def spread(start: Nodes, count: Nodes) -> Nodes:
    """start, start + 1, ... `count` times, for each.

    >>> spread(np.array([5, 1]), np.array([2, 3])).tolist()
    [5, 6, 1, 2, 3]
    """
    before = np.cumsum(count) - count
    return np.asarray(np.arange(int(count.sum())) + np.repeat(start - before, count))


def _whole(values: Values) -> Values:
    """The same records without their columns: NumPy copies a record with columns one by one."""
    return values.view(f"V{values.dtype.itemsize}") if values.dtype.names else values


def _opened_bytes(entries: npt.NDArray[np.void]) -> int:
    return int(entries["length"].astype(np.int64).sum()) - TAG_BYTES * len(entries)


def _distinct(pages: Nodes, size: int) -> Nodes:
    seen = np.zeros(size, np.bool_)
    seen[pages] = True
    return np.flatnonzero(seen)


def _write_table(notes: Mapping[str, Any], arrays: Mapping[str, Listed]) -> bytes:
    head = {
        "notes": notes,
        "arrays": [
            [name, _described(np.dtype(each.dtype)), each.per_page, each.length, len(each.entries)] for name, each in arrays.items()
        ],
    }
    text = json.dumps(head, ensure_ascii=False).encode()
    return b"".join(
        [VERSION.to_bytes(4, "little"), len(text).to_bytes(8, "little"), text, *(each.entries.tobytes() for each in arrays.values())]
    )


def _read_table(content: bytes) -> tuple[dict[str, Any], dict[str, Listed]]:
    if (version := int.from_bytes(content[:4], "little")) != VERSION:
        raise STATE_VERSION.refuse(found=version, known=VERSION)
    size = int.from_bytes(content[4:12], "little")
    head = json.loads(content[12 : 12 + size])
    at = 12 + size
    arrays = {}
    for name, described, per_page, length, pages in head["arrays"]:
        dtype = np.dtype([tuple(column) for column in described] if isinstance(described, list) else described)
        arrays[name] = Listed(dtype, per_page, length, np.frombuffer(content, _ENTRY, pages, at))
        at += pages * _ENTRY.itemsize
    return head["notes"], arrays


def _described(dtype: np.dtype[Any]) -> Any:
    return dtype.descr if dtype.names else dtype.str
