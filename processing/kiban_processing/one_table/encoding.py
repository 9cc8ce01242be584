"""符号化 (encoding): rows as numbers: each value a leaf of its hierarchy, each row one key, equal rows counted by sorting the keys.

A key is the row's leaves and sensitive values as digits of one number (mixed radix), or of several where one of 64 bits is too narrow.
Keys are sorted in bounded portions and merged, so that memory follows the number of distinct rows and not of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.anonymity import Asked, Quasi
from kiban_processing.hierarchies.hierarchy import GAP
from kiban_processing.one_table import arrays, reading
from kiban_processing.recoding.tuples import Integers

_SPACE = 1 << 62
_PORTION = 1 << 25  # keys sorted at once: 256 MiB

Key = tuple[Integers, ...]  # the words of every row's key, the most significant first


@dataclass(frozen=True)
class Attribute:
    """One digit of the key: the column, its known values, and the code of a missing one. `hierarchy`: for the words of a refusal."""

    column: str
    values: pa.Array
    missing: int
    hierarchy: str

    @property
    def radix(self) -> int:
        return max(len(self.values), self.missing + 1)


def attributes(quasi: Sequence[Quasi], asked: Sequence[Asked], values: Sequence[tuple[str | None, ...]]) -> tuple[list[Attribute], ...]:
    """The digits of the quasi-identifiers and of the sensitive columns, whose `values` are known (missing last)."""
    leaves = [Attribute(q.column, arrays.texts(q.hierarchy.leaves), q.hierarchy.size, q.hierarchy.name) for q in quasi]
    sensitive = [
        Attribute(one.column, arrays.texts([v for v in known if v is not None]), sum(v is not None for v in known), "")
        for one, known in zip(asked, values, strict=True)
    ]
    return leaves, sensitive


@dataclass
class Encoder:
    """Turns batches into keys, and keys back into codes. Values outside a hierarchy are counted and refused at the end, all at once."""

    quasi: list[Attribute]
    sensitive: list[Attribute]
    words: list[list[Attribute]] = field(init=False)
    own: int = field(init=False)  # words that hold quasi-identifiers
    unknown: dict[str, tuple[set[str], int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        whole = _packed([*self.quasi, *self.sensitive])
        self.words = whole if len(whole) == 1 else _packed(self.quasi) + (_packed(self.sensitive) if self.sensitive else [])
        self.own = 1 if len(whole) == 1 else len(_packed(self.quasi))

    @property
    def columns(self) -> list[str]:
        return [one.column for one in (*self.quasi, *self.sensitive)]

    @property
    def below(self) -> int:
        """By what the last word with quasi-identifiers must be divided to be rid of sensitive values."""
        return _radix(self.sensitive) if len(self.words) == 1 else 1

    def keys(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Key]:
        """The key of every row, batch by batch. Refuses: hierarchy-gap."""
        for batch in batches:
            yield self.key(batch)
        self.refuse_gaps()

    def key(self, batch: pa.RecordBatch) -> Key:
        """The key of every row of a batch; that of a row with an unknown value means nothing."""
        return tuple(self._word(batch, word) for word in self.words)

    def quasi_key(self, batch: pa.RecordBatch) -> Key:
        """The words of the quasi-identifiers alone, for a batch that need not have the sensitive columns."""
        return tuple(self._word(batch, [one for one in word if one in self.quasi]) for word in self.words[: self.own])

    def quasi_of(self, key: Key) -> Key:
        """The words of the quasi-identifiers alone."""
        return (*key[: self.own - 1], key[self.own - 1] // self.below) if self.own else ()

    def refuse_gaps(self) -> None:
        for one in self.quasi:
            if one.column in self.unknown:
                values, rows = self.unknown[one.column]
                raise GAP.refuse(column=one.column, hierarchy=one.hierarchy, values=len(values), rows=rows)

    def decoded(self, key: Key) -> tuple[list[npt.NDArray[Any]], list[npt.NDArray[Any]]]:
        """The codes of each quasi-identifier and each sensitive column, as narrow as they can be."""
        found: dict[int, npt.NDArray[Any]] = {}
        for word, content in zip(self.words, key, strict=True):
            rest = content
            for one in reversed(word):
                digits = rest % one.radix if one is not word[0] else rest
                found[id(one)] = digits.astype(np.int16 if one.radix < 1 << 15 else np.int32)
                if one is not word[0]:
                    rest = rest // one.radix
        return [found[id(one)] for one in self.quasi], [found[id(one)] for one in self.sensitive]

    def _word(self, batch: pa.RecordBatch, word: list[Attribute]) -> Integers:
        key: Integers = np.zeros(batch.num_rows, np.int64)
        for number, one in enumerate(word):
            codes = self._codes(batch.column(one.column), one)
            if number:
                key *= one.radix
            key += codes
        return key

    def _codes(self, column: pa.Array, one: Attribute) -> Integers:
        indices, values = reading.codes(column)
        found = pc.index_in(values, value_set=one.values)
        place = np.where(arrays.there(found), arrays.content(found), -1).astype(np.int64)
        if values.null_count:
            place[~arrays.there(values)] = one.missing
        if (place < 0).any():
            rows = np.bincount(indices, minlength=len(place))[: len(place)]
            strange = np.flatnonzero((place < 0) & (rows > 0))
            if len(strange):
                seen, before = self.unknown.get(one.column, (set(), 0))
                seen.update(values.take(arrays.numbers(strange)).to_pylist())
                self.unknown[one.column] = (seen, before + int(rows[strange].sum()))
            place[place < 0] = 0
        return np.asarray(np.append(place, one.missing)[indices], dtype=np.int64)


@dataclass(frozen=True)
class Counted:
    """Distinct keys in ascending order, and how many rows have each."""

    key: Key
    rows: Integers

    def __len__(self) -> int:
        return len(self.rows)


def count(keys: Iterable[Key], words: int, expected: int | None = None) -> Counted:
    """Count equal keys. `expected` rows, if known, only spare memory."""
    room = min(max(expected or 1 << 16, 1), _PORTION)
    buffer = [np.empty(room, np.int64) for _ in range(words)]
    filled, found = 0, Counted(tuple(np.empty(0, np.int64) for _ in range(words)), np.empty(0, np.int64))
    for key in keys:
        length = len(key[0])
        if filled and filled + length > _PORTION:
            found, filled = _merged(found, _counted(tuple(part[:filled] for part in buffer))), 0
        if filled + length > room:
            room = max(2 * room, filled + length)
            buffer = [np.concatenate([part[:filled], np.empty(room - filled, np.int64)]) for part in buffer]
        for part, word in zip(buffer, key, strict=True):
            part[filled : filled + length] = word
        filled += length
    last = _counted(tuple(part[:filled] for part in buffer))
    del buffer
    return _merged(found, last)


def _counted(key: Key) -> Counted:
    """Sorts in place where the key has one word."""
    rows = len(key[0])
    if len(key) == 1:
        key[0].sort()
    else:
        order = np.lexsort(key[::-1])
        key = tuple(word[order] for word in key)
    return _runs(key, None, rows)


def _runs(key: Key, weights: Integers | None, rows: int) -> Counted:
    new = np.zeros(rows, dtype=bool)
    new[:1] = True
    for word in key:
        new[1:] |= word[1:] != word[:-1]
    first = np.flatnonzero(new)
    if not rows:
        return Counted(key, np.empty(0, np.int64))
    counts = np.diff(first, append=rows) if weights is None else np.add.reduceat(weights, first)
    return Counted(tuple(word[first] for word in key), counts.astype(np.int64, copy=False))


def _merged(left: Counted, right: Counted) -> Counted:
    if not len(left):
        return right
    if len(left.key) > 1:
        key = tuple(np.concatenate(pair) for pair in zip(left.key, right.key, strict=True))
        order = np.lexsort(key[::-1])
        return _runs(tuple(word[order] for word in key), np.concatenate([left.rows, right.rows])[order], len(order))
    (old,), (new,) = left.key, right.key
    place = np.searchsorted(old, new)
    known = old[np.minimum(place, len(old) - 1)] == new
    rows = left.rows
    rows[place[known]] += right.rows[known]
    fresh = ~known
    return Counted((np.insert(old, place[fresh], new[fresh]),), np.insert(rows, place[fresh], right.rows[fresh]))


@dataclass(frozen=True)
class Finder:
    """Finds the position of a key among distinct ascending keys; several words are folded into one step by step."""

    steps: tuple[Integers, ...]  # the distinct values of the first word, then of (its position, next word) as one number, …
    spans: tuple[tuple[Integers, int], ...]  # per further word: its distinct values and their number

    @staticmethod
    def of(key: Key) -> Finder:
        folded, inverse = np.unique(key[0], return_inverse=True) if len(key) > 1 else (key[0], key[0])
        steps, spans = [folded], []
        for word in key[1:]:
            values = np.unique(word)
            joined = inverse.astype(np.int64) * len(values) + np.searchsorted(values, word)
            folded, inverse = np.unique(joined, return_inverse=True)
            steps.append(folded)
            spans.append((values, len(values)))
        return Finder(tuple(steps), tuple(spans))

    def places(self, key: Key) -> Integers:
        """The position of every key; KeyError where one is not there (the table changed while it was read)."""
        place = _place(self.steps[0], key[0])
        for word, step, (values, width) in zip(key[1:], self.steps[1:], self.spans, strict=True):
            place = _place(step, place * width + _place(values, word))
        return place


def _place(known: Integers, wanted: Integers) -> Integers:
    place = np.searchsorted(known, wanted)
    if len(wanted) and (not len(known) or not (known[np.minimum(place, len(known) - 1)] == wanted).all()):
        raise KeyError("a key that was not counted")
    return place.astype(np.int64, copy=False)


def _radix(attributes: Sequence[Attribute]) -> int:
    product = 1
    for one in attributes:
        product *= one.radix
    return product


def _packed(attributes: Sequence[Attribute]) -> list[list[Attribute]]:
    """As few words as keep the order of the attributes; one empty word where there are none."""
    words: list[list[Attribute]] = [[]]
    for one in attributes:
        if words[-1] and _radix(words[-1]) * one.radix >= _SPACE:
            words.append([])
        words[-1].append(one)
    return words
