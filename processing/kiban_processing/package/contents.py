"""内容 (contents): what a package holds, table by table and column by column, in words the recipient needs and no more.

Nothing here tells how the data were made (加工の方法に関する情報, Act 9(2)(iv), 30(1)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.language import Text
from kiban_processing.outcome import Outcome, ReleasedColumn, released
from kiban_processing.permitted import Treatment

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


def column_type(engine_type: str) -> ColumnType:
    """The package's type of an engine type; raises ValueError for one that a package cannot carry.

    >>> column_type("BIGINT")
    'integer'
    """
    if engine_type not in _TYPES:
        raise ValueError(f"a package cannot carry the type {engine_type}")
    return _TYPES[engine_type]


_PERSON = Column(
    "person",
    "string",
    Text("仮ID", "pseudonym"),
    Text(
        "この提供だけの、一人に一つの番号。同じ番号の行は同じ人のもの。",
        "One number per person, of this release only; rows of one number are of one person.",
    ),
)
_LABELS: dict[Treatment, Text] = {
    Treatment.BIRTH_YEAR: Text("生年", "birth year"),
    Treatment.AGE_BAND: Text("年齢階級", "age band"),
    Treatment.PLACE: Text("居住地", "residence"),
}
_MEANINGS: dict[Treatment, Text] = {
    Treatment.REKEY: Text(
        "この提供だけの番号。同じ番号は同じものを示す。", "A number of this release only; equal numbers mean the same thing."
    ),
    Treatment.SHIFT: Text(
        "実際の日付ではない。一人の中での間隔は保たれている。", "Not the true date; intervals within one person are kept."
    ),
    Treatment.SHIFT_YEAR: Text(
        "実際の年とは限らない。一人の中での順序は保たれている。", "Not always the true year; the order within one person is kept."
    ),
    Treatment.BIRTH_YEAR: Text("生まれた年又は年の幅。高齢は一括。", "Year of birth or a span of years; high ages together."),
    Treatment.AGE_BAND: Text("年齢の幅。高齢は一括。", "A span of ages; high ages together."),
    Treatment.PLACE: Text("住んでいる区域。", "The area of residence."),
    Treatment.KEEP: Text("目録の値。", "The value of the catalogue."),
    Treatment.GENERALISE_RARE: Text("コード。上位の区分のことがある。", "A code; it may be a wider group of the code system."),
    Treatment.DERIVED: Text("本人の記録から求めた値又は幅。", "A value or span made of the person's records."),
    Treatment.CLIP: Text("測定値。極端な値は丸められている。", "A measured value; extremes are pooled."),
}


def describe(con: Connection, outcome: Outcome) -> tuple[Content, ...]:
    """The contents of a release: its tables in their order, with the columns that are really there.

    Raises ValueError for a column that the outcome does not declare (the gate refuses such a release before).
    """
    described = []
    for table in outcome.tables.values():
        declared = {column.name: column for column in table.columns}
        columns = []
        for name, engine_type in _columns(con, released(table.name)):
            if name == "person":
                columns.append(_PERSON)
                continue
            if name not in declared:
                raise ValueError(f"the outcome does not declare {table.name}.{name}")
            columns.append(_column(declared[name], column_type(engine_type)))
        catalogue = tables.TABLES[table.name]
        described.append(Content(table.name, released(table.name), catalogue.label, catalogue.row, tuple(columns)))
    return tuple(described)


def _column(column: ReleasedColumn, kind: ColumnType) -> Column:
    item = tables.named(column.sources[0])
    meaning = _MEANINGS[column.treatment]
    if column.treatment is Treatment.KEEP and item.choices:
        choices = ", ".join(item.choices)
        meaning = Text(f"{choices} のいずれか。`*` は区別しない。", f"One of {choices}; `*` does not tell.")
    if column.treatment is Treatment.DERIVED:
        return Column(column.name, kind, Text(column.name, column.name), meaning)
    return Column(column.name, kind, _LABELS.get(column.treatment, item.label), meaning, item.unit, item.code_system)


def _columns(con: Connection, relation: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in con.execute(f"DESCRIBE {quoted(relation)}").fetchall()]
