"""対応表 (mapping): how the columns of a hospital's file answer to the items of one catalogue table; what it does not say is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kiban_processing.catalogue.items import Item, Table
from kiban_processing.catalogue.tables import TABLES, UNDECLARED_ITEM
from kiban_processing.formats import settings, values
from kiban_processing.formats.field_forms import Form
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, REG_5_X

DELIMITERS = (",", "\t", ";", "|")
ALL_OTHERS = "*"

TABLE_UNKNOWN = Ground(
    "table-unknown",
    Family.INPUT,
    ACT_52_1,
    Text("「{table}」は目録にない表です。", "“{table}” is not a table of the catalogue."),
    Text("`kiban catalogue` で表の名前を確かめてください。", "Look the name up with `kiban catalogue`."),
)
ITEM_MAPPED_TWICE = Ground(
    "item-mapped-twice",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の項目「{item}」に二つ以上の列又は定数が割り当てられています。",
        "{file}: “{item}” is given by more than one column or constant.",
    ),
    Text("一つだけ残してください。", "Leave only one."),
)
ITEM_UNMAPPED = Ground(
    "item-unmapped",
    Family.INPUT,
    REG_5_X,
    Text("{file} に必須の項目「{item}」が割り当てられていません。", "{file}: the required item “{item}” is not mapped."),
    Text("対応表に列又は定数を加えてください。", "Map a column to it or give a constant."),
)
COLUMN_BOTH = Ground(
    "column-mapped-and-ignored",
    Family.INPUT,
    REG_5_X,
    Text("{file} の列「{column}」は割当てと ignored の両方にあります。", "{file}: column “{column}” is both mapped and ignored."),
    Text("どちらか一方にしてください。", "Keep one of the two."),
)
COLUMN_TWICE = Ground(
    "column-mapped-twice",
    Family.INPUT,
    REG_5_X,
    Text("{file} の列「{column}」が対応表に二度あります。", "{file}: the mapping names the column “{column}” twice."),
    Text("一つだけ残してください。", "Leave only one."),
)
VALUE_TWICE = Ground(
    "value-mapped-twice",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の対応表で、項目「{item}」の値「{value}」に二つの意味があります。",
        "{file}: the mapping gives the code “{value}” of “{item}” two meanings.",
    ),
    Text(
        "全角と半角の違いだけの値は一つとみなします。一つだけ残してください。",
        "Codes that differ in width only are one code; leave only one.",
    ),
)
MAPPED_VALUE_INVALID = Ground(
    "mapped-value-invalid",
    Family.INPUT,
    REG_5_X,
    Text(
        "{file} の対応表が項目「{item}」に与える値は、この項目の値ではありません。",
        "{file}: the mapping gives “{item}” a value it cannot have.",
    ),
    Text("`kiban catalogue` で使える値を確かめてください。", "Look the allowed values up with `kiban catalogue`."),
)


@dataclass(frozen=True)
class ColumnMapping:
    """One source column: the item it gives and, where the hospital has its own codes, what each means (keys cleaned as values are).

    `form`: how the column writes its values, where a table schema says so.
    """

    source: str
    item: str
    translations: Mapping[str, str] = field(default_factory=dict, hash=False)
    form: Form | None = None


@dataclass(frozen=True)
class FileMapping:
    """How one source file answers to one table; `constants` are judged values of items that no column gives."""

    file: str
    table: str
    columns: tuple[ColumnMapping, ...]
    delimiter: str = ","
    ignored: frozenset[str] = frozenset()
    constants: Mapping[str, values.Value] = field(default_factory=dict, hash=False)

    @property
    def ignores_others(self) -> bool:
        return ALL_OTHERS in self.ignored

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items this file gives, in the order of the catalogue."""
        given = {column.item for column in self.columns} | set(self.constants)
        return tuple(name for name in TABLES[self.table].columns if name in given)


def read(entry: settings.Settings) -> FileMapping:
    """One `[[files]]` entry, checked against the catalogue; the file itself is not looked at.

    Refuses: setting-unknown, setting-missing, setting-invalid, table-unknown, undeclared-item, item-mapped-twice, item-unmapped,
    column-mapped-twice, column-mapped-and-ignored, mapped-value-invalid, value-mapped-twice.
    """
    entry.only("file", "table", "delimiter", "ignored", "columns", "constants")
    file, table_name = entry.text("file"), entry.text("table")
    table = TABLES.get(table_name)
    if table is None:
        raise TABLE_UNKNOWN.refuse(table=table_name)
    delimiter = delimiter_of(entry)
    ignored = frozenset(name.strip() for name in entry.texts("ignored")) if "ignored" in entry else frozenset()
    columns = _columns(file, table, entry.table("columns"))
    constants = _constants(file, table, entry.table("constants")) if "constants" in entry else {}
    found = FileMapping(file, table_name, columns, delimiter, ignored, constants)
    check(found, table)
    return found


def delimiter_of(entry: settings.Settings) -> str:
    """The delimiter an entry names, a comma where it names none. Refuses: setting-invalid."""
    delimiter = entry.content.get("delimiter", ",")
    if delimiter not in DELIMITERS:
        raise entry.invalid("delimiter", " ".join(repr(one) for one in DELIMITERS))
    return str(delimiter)


def _columns(file: str, table: Table, entry: settings.Settings) -> tuple[ColumnMapping, ...]:
    found: list[ColumnMapping] = []
    for source, target in entry.content.items():
        if isinstance(target, str):
            found.append(ColumnMapping(source.strip(), item_of(table, target).name))
            continue
        one = entry.table(source)
        one.only("item", "values")
        item = item_of(table, one.text("item"))
        found.append(ColumnMapping(source.strip(), item.name, translations_of(file, item, one.table("values")) if "values" in one else {}))
    if not found:
        raise entry.invalid("*", '"…" = "item"')
    return tuple(found)


def translations_of(file: str, item: Item, entry: settings.Settings) -> dict[str, str]:
    """What a file's own codes mean. Refuses: setting-invalid, mapped-value-invalid, value-mapped-twice."""
    found: dict[str, str] = {}
    for sent, meant in entry.content.items():
        if not isinstance(meant, str):
            raise entry.invalid(sent, '"…"')
        if values.judge(item, meant).rule is not None:
            raise MAPPED_VALUE_INVALID.refuse(file=file, item=item.name)
        plain = values.clean(item, sent)
        if found.setdefault(plain, meant) != meant:
            raise VALUE_TWICE.refuse(file=file, item=item.name, value=plain)
    return found


def _constants(file: str, table: Table, entry: settings.Settings) -> dict[str, values.Value]:
    found: dict[str, values.Value] = {}
    for name, text in entry.content.items():
        item = item_of(table, name)
        if not isinstance(text, str):
            raise entry.invalid(name, '"…"')
        judged = values.judge(item, text)
        if judged.value is None:
            raise MAPPED_VALUE_INVALID.refuse(file=file, item=name)
        found[name] = judged.value
    return found


def item_of(table: Table, name: str) -> Item:
    """The item of a table. Refuses: undeclared-item."""
    if name not in table:
        raise UNDECLARED_ITEM.refuse(item=f"{table.name}.{name}")
    return table.item(name)


def check(found: FileMapping, table: Table) -> None:
    """Refuses: item-mapped-twice, item-unmapped, column-mapped-and-ignored, column-mapped-twice."""
    given = [column.item for column in found.columns] + list(found.constants)
    for name in given:
        if given.count(name) > 1:
            raise ITEM_MAPPED_TWICE.refuse(file=found.file, item=name)
    for name in table.required:
        if name not in given:
            raise ITEM_UNMAPPED.refuse(file=found.file, item=name)
    sources = [column.source for column in found.columns]
    for source in sources:
        if source in found.ignored:
            raise COLUMN_BOTH.refuse(file=found.file, column=source)
        if sources.count(source) > 1:
            raise COLUMN_TWICE.refuse(file=found.file, column=source)
