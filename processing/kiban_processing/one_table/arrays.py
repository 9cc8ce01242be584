"""配列 (arrays): between columns of Arrow and arrays of NumPy, by their bytes; Arrow's own way first loads pandas, which takes longer than most runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_TYPES = {np.dtype(np.int16): pa.int16(), np.dtype(np.int32): pa.int32(), np.dtype(np.int64): pa.int64()}


def texts(values: Sequence[str]) -> pa.Array:
    """A column of texts, none missing."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *(len(one) for one in encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])


def word(text: str) -> pa.Scalar:
    """One text, to compute with."""
    return texts([text])[0]


def numbers(values: npt.NDArray[Any], absent: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of whole numbers; missing where `absent`."""
    valid = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(_TYPES[values.dtype], len(values), [valid, pa.py_buffer(np.ascontiguousarray(values))])


def truths(values: npt.NDArray[np.bool_]) -> pa.Array:
    """A column of truth values, none missing."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def content(column: pa.Array) -> npt.NDArray[Any]:
    """The numbers of a column; those of missing ones mean nothing."""
    own = np.dtype(str(column.type))
    return np.frombuffer(column.buffers()[1], own, len(column), column.offset * own.itemsize) if len(column) else np.empty(0, own)


def there(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a column has a value."""
    bits = column.buffers()[0]
    if bits is None or not column.null_count:
        return np.ones(len(column), dtype=bool)
    whole = np.unpackbits(np.frombuffer(bits, np.uint8), count=column.offset + len(column), bitorder="little")
    return np.asarray(whole[column.offset :], dtype=np.bool_)
