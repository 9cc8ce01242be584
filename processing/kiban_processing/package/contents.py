"""内容 (contents): what a package holds, table by table and column by column, in words the recipient needs and no more.

Nothing here tells how the data were made (加工の方法に関する情報, Act 9(2)(iv), 30(1)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kiban_processing.language import Text

ColumnType = Literal["string", "integer", "number", "date"]

# The types of the engine that a package can carry; anything else is a bug of the engine, not an input.
_TYPES: dict[str, ColumnType] = {
    "VARCHAR": "string",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "DOUBLE": "number",
    "DATE": "date",
}


@dataclass(frozen=True)
class Column:
    """One released column: type as the recipient's software sees it, unit, code system and meaning."""

    name: str
    type: ColumnType
    label: Text
    meaning: Text
    unit: str | None = None
    code_system: str | None = None


@dataclass(frozen=True)
class Content:
    """One released table. `relation`: name of the DuckDB relation whose columns are exactly `columns`, in this order."""

    table: str
    relation: str
    label: Text
    row: Text
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def quoted(name: str) -> str:
    """An identifier as SQL reads it literally.

    >>> quoted('released_patients')
    '"released_patients"'
    """
    return '"' + name.replace('"', '""') + '"'


def column_type(engine_type: str) -> ColumnType:
    """The package's type of an engine type; raises ValueError for one that a package cannot carry.

    >>> column_type("BIGINT")
    'integer'
    """
    if engine_type not in _TYPES:
        raise ValueError(f"a package cannot carry the type {engine_type}")
    return _TYPES[engine_type]
