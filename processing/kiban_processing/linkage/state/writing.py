"""状態の書込み (writing): the next state's pages: what is new or changed is sealed and written, what is not stays in the files it lies in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import table
from kiban_processing.linkage.state.pages import Pages, Random
from kiban_processing.linkage.state.sealing import KEY_BYTES, NONCE_BYTES, StateKey
from kiban_processing.linkage.state.table import ENTRY, ONCE, TAG_BYTES, Listed, Values

PAGE_BYTES = 4 * 1024
_PAGES_AT_A_TIME, _SEALED_AT_A_TIME = 4096, 256


@dataclass
class _Open:
    """An array while it is written: pages changed or not yet full stay here, a row of `content` for each of `places` (sorted)."""

    listed: Listed
    file: _File
    places: Nodes
    content: Values

    def counts(self) -> Nodes:
        """How many items each of these pages holds."""
        return np.minimum(self.listed.length - self.places * self.listed.per_page, self.listed.per_page)

    def hold(self, places: Nodes, content: Values) -> None:
        if not len(self.places):
            self.places, self.content = places, content
            return
        order = np.argsort(np.concatenate([self.places, places]))
        self.places = np.concatenate([self.places, places])[order]
        self.content = np.concatenate([table.whole(self.content), table.whole(content)])[order].view(self.listed.dtype)


class _File:
    """A file of pages while it is written."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number, self.at, self._path = number, 0, folder / table.file_name(number)
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
        self._desk = np.empty(0, np.uint8)
        listed = before.arrays if before else {}
        first = max(table.files(listed), default=-1) + 1
        folder.mkdir(parents=True)
        self._lasting, self._passing = _File(folder, first), _File(folder, first + 1)
        self._arrays = {
            name: _opened(Listed(each.dtype, each.per_page, each.length, each.entries), self._lasting) for name, each in listed.items()
        }

    def add(self, name: str, values: Values, page_bytes: int = PAGE_BYTES, passing: bool = False) -> None:
        """A new array, or one in the place of that name. `passing`: the next state will replace it, so it lies in a file of its own."""
        listed = Listed(values.dtype, max(1, page_bytes // values.dtype.itemsize), 0, np.zeros(0, ENTRY))
        self._arrays[name] = _opened(listed, self._passing if passing else self._lasting)
        self.extend(name, values)

    def copy(self, source: Pages, name: str) -> None:
        """The array of that name of another state, under new keys."""
        listed = source.arrays[name]
        self._arrays[name] = _opened(Listed(listed.dtype, listed.per_page, 0, np.zeros(0, ENTRY)), self._lasting)
        for start in range(0, len(listed.entries), _PAGES_AT_A_TIME):
            self.extend(name, source.pages(name, start, start + _PAGES_AT_A_TIME))

    def length(self, name: str) -> int:
        return self._arrays[name].listed.length

    def extend(self, name: str, values: Values) -> None:
        """More items at the end."""
        each = self._arrays[name]
        listed, per_page = each.listed, each.listed.per_page
        values = np.ascontiguousarray(values, listed.dtype)
        if filled := listed.length % per_page:
            last = np.array([listed.length // per_page])
            missing = min(per_page - filled, len(values))
            self._fetch(name, last)
            each.content[np.searchsorted(each.places, last[0]), filled : filled + missing] = values[:missing]
            listed.length += missing
            values = values[missing:]
        if len(values):
            count = -(-len(values) // per_page)
            fresh = np.zeros(count, ENTRY)
            starts = np.arange(count) * per_page
            self._seal(each.file, fresh, values, starts, np.minimum(len(values) - starts, per_page))
            listed.entries = np.concatenate([table.whole(listed.entries), table.whole(fresh)]).view(ENTRY)
            listed.length += len(values)

    def put(self, name: str, at: Nodes, values: Values) -> None:
        """Other values at these places, or one value at all of them."""
        each = self._arrays[name]
        pages = at // each.listed.per_page
        self._fetch(name, np.unique(pages))
        written = np.ascontiguousarray(np.broadcast_to(values.astype(each.listed.dtype, copy=False), at.shape))
        table.whole(each.content)[np.searchsorted(each.places, pages), at % each.listed.per_page] = table.whole(written)

    def _fetch(self, name: str, pages: Nodes) -> None:
        """Have these pages among the changed ones."""
        each = self._arrays[name]
        per_page = each.listed.per_page
        missing = np.setdiff1d(pages, each.places, assume_unique=True)
        if not len(missing):
            return
        own = {file.number: file for file in (self._lasting, self._passing)}
        here = np.isin(each.listed.entries["file"][missing], list(own))
        for chosen, opened in ((here, self._opened_here), (~here, self._opened_before)):
            if chosen.any():
                found = opened(name, missing[chosen])
                if short := -len(found) % per_page:  # only the last page can be shorter
                    found = np.concatenate([found, np.zeros(short, found.dtype)])
                each.hold(missing[chosen], (found if found.flags.writeable else found.copy()).reshape(-1, per_page))

    def _opened_before(self, name: str, pages: Nodes) -> Values:
        assert self._before is not None  # only it has pages in other files
        return self._before.opened(name, pages)

    def _opened_here(self, name: str, pages: Nodes) -> Values:
        each = self._arrays[name]
        found = []
        for entry in each.listed.entries[pages]:
            sealed = each.file.read(int(entry["at"]), int(entry["length"]))
            found.append(np.frombuffer(AESGCM(entry["key"].tobytes()).decrypt(ONCE, sealed, None), each.listed.dtype))
        return np.concatenate(found)

    def _seal(
        self, file: _File, entries: npt.NDArray[np.void], items: Values, starts: Nodes, counts: Nodes, at: Nodes | None = None
    ) -> None:
        """Write a page of `counts` items from each of `starts` on, and enter it into `entries`, at these places if not at all of them."""
        width, keys = items.dtype.itemsize, self._random(KEY_BYTES * len(starts))
        where: Any = slice(None) if at is None else at
        lengths = counts * width + TAG_BYTES
        entries["file"][where], entries["length"][where] = file.number, lengths
        entries["at"][where] = file.at + np.cumsum(lengths) - lengths
        entries["first"][where] = items.reshape(-1)[starts] if items.dtype == np.uint64 else 0
        entries["key"][where] = np.frombuffer(keys, np.uint8).reshape(-1, KEY_BYTES)
        source = items.reshape(-1).view(np.uint8).data
        for first in range(0, len(starts), _SEALED_AT_A_TIME):
            some = slice(first, first + _SEALED_AT_A_TIME)
            stops = np.cumsum(lengths[some]).tolist()
            if len(self._desk) < stops[-1]:  # memory that is used again: asking the system for new takes longer than sealing
                self._desk = np.empty(stops[-1], np.uint8)
            sealed, start, key = self._desk.data, 0, KEY_BYTES * first
            for begin, end, stop in zip((starts[some] * width).tolist(), ((starts + counts)[some] * width).tolist(), stops, strict=True):
                AESGCM(keys[key : key + KEY_BYTES]).encrypt_into(ONCE, source[begin:end], None, sealed[start:stop])
                start, key = stop, key + KEY_BYTES
            file.write(sealed[:start])

    def settle(self, name: str) -> None:
        """Seal what is pending of an array, so that the memory it takes is free again."""
        each = self._arrays[name]
        if len(each.places):
            each.listed.entries = each.listed.entries.copy()
            starts = np.arange(len(each.places)) * each.listed.per_page
            self._seal(each.file, each.listed.entries, each.content, starts, each.counts(), each.places)
            each.places, each.content = each.places[:0], each.content[:0]

    def finish(self, notes: Mapping[str, Any]) -> float:
        """Write what is pending and the page table; `notes` is any JSON, sealed with it. Returns how much of the files is of no use."""
        for name in self._arrays:
            self.settle(name)
        self.close()
        arrays = {name: each.listed for name, each in self._arrays.items()}
        for number in table.files(arrays):
            if number not in (self._lasting.number, self._passing.number):
                assert self._before is not None
                link(self._before.folder / table.file_name(number), self._folder / table.file_name(number))
        table.write(self._folder, self._key, self._random(NONCE_BYTES), notes, arrays)
        return table.unused(self._folder, arrays)

    def close(self) -> None:
        """Close what is open; what was written so far is no state."""
        self._lasting.close()
        self._passing.close()


def link(source: Path, target: Path) -> None:
    """One more name for a file that is never changed; a copy where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _opened(listed: Listed, file: _File) -> _Open:
    return _Open(listed, file, np.zeros(0, np.int64), np.zeros((0, listed.per_page), listed.dtype))
