"""列の型 (Arrow schemas): how the catalogue's tables are typed once read; every engine and file uses these."""

from __future__ import annotations

import pyarrow as pa

from kiban_processing.catalogue.items import Item, Table, ValueType

_TYPES: dict[ValueType, pa.DataType] = {
    ValueType.TEXT: pa.string(),
    ValueType.CODE: pa.string(),
    ValueType.INTEGER: pa.int64(),
    ValueType.DECIMAL: pa.float64(),
    ValueType.DATE: pa.date32(),
}


def field(item: Item) -> pa.Field:
    """The Arrow field of one item; always nullable, for absence is a finding, not a type."""
    return pa.field(item.name, _TYPES[item.type])


def schema(table: Table) -> pa.Schema:
    """All items of a table in the order of the catalogue."""
    return pa.schema([field(item) for item in table.items])
