"""本人索引 (person index): which registrations a stored file may hold, so that whoever looks for one person need not read every file.

A Bloom filter over the first 64 bits of the keyed `patient_key`, which are as good as random: it may say yes wrongly (about once in 1,700),
and never says no wrongly. The first bits also give the registration's bucket (束), by which large tables are divided into files.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BUCKETS = 64
_BUCKET_SHIFT = np.uint64(64 - 6)
_KEY_LETTERS = 32
_BITS_PER_KEY, _PROBES = 16, 8
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)

Marks = npt.NDArray[np.uint64]


def marks(patient_keys: pa.Array) -> Marks | None:
    """The first 64 bits of each key; None where one of them is no keyed hash (32 hexadecimal digits), of which nothing can be told."""
    keys = patient_keys.cast(pa.string())
    if len(keys) == 0:
        return np.zeros(0, np.uint64)
    lengths = pc.min_max(pc.binary_length(keys)).as_py()
    if keys.null_count or lengths != {"min": _KEY_LETTERS, "max": _KEY_LETTERS}:
        return None
    start = int(np.frombuffer(keys.buffers()[1], np.int32)[keys.offset])
    letters = np.frombuffer(keys.buffers()[2], np.uint8)[start : start + len(keys) * _KEY_LETTERS]
    nibbles = _NIBBLES[letters.reshape(len(keys), _KEY_LETTERS)[:, :16]]
    if nibbles.max() > 15:
        return None
    octets = np.ascontiguousarray((nibbles[:, ::2] << 4) | nibbles[:, 1::2])
    return octets.view(">u8").reshape(-1).astype(np.uint64)


def bucket(found: Marks) -> npt.NDArray[np.int64]:
    """The bucket of each mark, 0 to BUCKETS - 1."""
    return (found >> _BUCKET_SHIFT).astype(np.int64)


def buckets_of(patient_keys: Iterable[str]) -> frozenset[int] | None:
    """The buckets in which rows of some registrations may lie; None: in any."""
    found = marks(pa.array(list(patient_keys), pa.string()))
    return None if found is None else frozenset(bucket(found).tolist())


def build(distinct: Marks) -> bytes:
    """The filter over some marks: two bytes for each."""
    bits = max(64, -(-_BITS_PER_KEY * len(distinct) // 8) * 8)
    table = np.zeros(bits, np.bool_)
    for places in _places(distinct, bits):
        table[places] = True
    return np.packbits(table).tobytes()


def may_hold(index: bytes, wanted: Marks) -> npt.NDArray[np.bool_]:
    """Of each mark, whether the file may hold it: never no where it does."""
    table = np.frombuffer(index, np.uint8)
    held = np.ones(len(wanted), np.bool_)
    for places in _places(wanted, len(table) * 8):
        held &= (table[places >> 3] >> (7 - (places & 7)).astype(np.uint8)) & 1 == 1
    return held


def _places(found: Marks, bits: int) -> Iterable[npt.NDArray[np.int64]]:
    """Where a mark's bits stand: one place per probe, by double hashing of its two halves."""
    first, step = found & np.uint64(0xFFFFFFFF), (found >> np.uint64(32)) ^ (found << np.uint64(7) & np.uint64(0xFFFFFFFF)) | np.uint64(1)
    return ((((first + np.uint64(probe) * step) % np.uint64(bits)).astype(np.int64)) for probe in range(_PROBES))


class Collected:
    """The distinct marks of the rows written so far; it gives up (`known` is false) at the first key that is no keyed hash."""

    def __init__(self) -> None:
        self.known = True
        self._parts: list[Marks] = []
        self._waiting = 0

    def add(self, patient_keys: pa.Array) -> None:
        found = marks(patient_keys) if self.known else None
        if found is None:
            self.known, self._parts = False, []
            return
        self._parts.append(np.unique(found))
        self._waiting += len(self._parts[-1])
        if self._waiting > 1_000_000 and len(self._parts) > 1:
            self._parts = [np.unique(np.concatenate(self._parts))]
            self._waiting = 0

    def index(self) -> bytes | None:
        """The filter over all rows written; None where nothing can be told."""
        return build(np.unique(np.concatenate(self._parts))) if self.known and self._parts else None
