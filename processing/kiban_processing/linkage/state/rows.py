"""行 (rows): the comparable columns of registrations as fixed records, as a state keeps them; all but the texts that name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.clusters import Nodes

Rows = npt.NDArray[np.void]

# Texts that name a registration; they stand in persons.csv and nowhere else.
TEXTS = ("registration", "site_id")
_PREFIX_BITS = 32
NOBODY = (1 << _PREFIX_BITS) - 1


def pack(keys: pa.Table) -> Rows:
    """One record per row of a keys table, in its order; a null is the lowest number of the column's type."""
    columns = [(field.name, _stored(field.type)) for field in keys.schema if field.name not in (*TEXTS, "node")]
    packed = np.empty(keys.num_rows, np.dtype(columns))
    for name, dtype in columns:
        column = keys.column(name)
        if pa.types.is_date(column.type):
            column = column.cast(pa.int32())
        column = column.cast(pa.from_numpy_dtype(dtype))
        packed[name] = pc.fill_null(column, int(np.iinfo(dtype).min)).to_numpy()
    return packed


def unpack(rows: Rows, schema: pa.Schema) -> pa.Table:
    """The records as columns of the types they had, nulls included."""
    assert rows.dtype.names is not None
    columns = {}
    for name in rows.dtype.names:
        values = np.ascontiguousarray(rows[name])
        field = schema.field(name)
        column = pa.array(values, mask=values == np.iinfo(values.dtype).min)
        columns[name] = column.cast(pa.int32()).cast(field.type) if pa.types.is_date(field.type) else column.cast(field.type)
    return pa.table(columns)


def same(left: Rows, right: Rows) -> npt.NDArray[np.bool_]:
    """Whether two records hold the same."""
    width = left.dtype.itemsize
    assert left.dtype == right.dtype
    return np.asarray((_bytes(left, width) == _bytes(right, width)).all(axis=1))


def _bytes(rows: Rows, width: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(rows.tobytes(), np.uint8).reshape(-1, width)


def prefixes(rows: Rows, columns: Sequence[str]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint64]]:
    """Whether a row has all of these columns, and the 32 bits by which rows that agree in them are found, in the upper half."""
    known = np.ones(len(rows), np.bool_)
    mixed = np.zeros(len(rows), np.uint64)
    for column in columns:
        values = rows[column]
        known &= values != np.iinfo(values.dtype).min
        mixed = _mix(mixed ^ values.astype(np.int64).view(np.uint64))
    return known, np.asarray(mixed >> np.uint64(_PREFIX_BITS) << np.uint64(_PREFIX_BITS))


def digest(*values: Nodes) -> npt.NDArray[np.uint64]:
    """64 bits of the values that stand at one place."""
    mixed = np.zeros(len(values[0]), np.uint64)
    for each in values:
        mixed = _mix(mixed ^ each.view(np.uint64))
    return mixed


def agree(left: Rows, right: Rows, rules: Sequence[Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Whether two rows truly agree in all columns of one of the rules."""
    found = np.zeros(len(left), np.bool_)
    equal = {}
    for column in {column for rule in rules for column in rule}:
        values = left[column]
        equal[column] = (values == right[column]) & (values != np.iinfo(values.dtype).min)
    for rule in rules:
        found |= np.logical_and.reduce([equal[column] for column in rule])
    return found


def entries(prefix: npt.NDArray[np.uint64], nodes: Nodes) -> npt.NDArray[np.uint64]:
    """What a sorted index holds: 32 bits of what is looked for, 32 bits of the node."""
    return np.asarray(prefix | nodes.astype(np.uint64))


def nodes_of(found: npt.NDArray[np.uint64]) -> Nodes:
    return (found & np.uint64(NOBODY)).astype(np.int64)


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Splitmix64's finaliser (Steele, Lea & Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


def _stored(kind: pa.DataType) -> np.dtype[np.signedinteger[Any]]:
    if pa.types.is_boolean(kind):
        return np.dtype("<i1")
    if pa.types.is_date(kind):
        return np.dtype("<i4")
    return np.dtype(f"<i{kind.bit_width // 8}")
