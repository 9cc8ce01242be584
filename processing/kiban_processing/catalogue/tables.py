"""全表 (tables): all tables of the catalogue, and how one item is named across the system: `table.column`."""

from __future__ import annotations

from collections.abc import Iterator

from kiban_processing.catalogue import clinical, registration
from kiban_processing.catalogue.items import Item, Kind, Table
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1

UNDECLARED_ITEM = Ground(
    "undeclared-item",
    Family.INPUT,
    ACT_52_1,
    Text("「{item}」は目録にないデータ項目です。", "“{item}” is not a data item of the catalogue."),
    Text("`kiban catalogue` で項目名を確かめてください。", "Look the name up with `kiban catalogue`."),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        registration.PATIENTS,
        registration.DEATHS,
        clinical.ENCOUNTERS,
        clinical.DIAGNOSES,
        clinical.PRESCRIPTIONS,
        clinical.LABORATORY_RESULTS,
        clinical.PROCEDURES,
        clinical.OBSERVATIONS,
        clinical.HEALTH_CHECKUPS,
    )
}


def named(qualified: str) -> Item:
    """The item called `table.column`; refuses an undeclared one (fail closed)."""
    table_name, _, column = qualified.partition(".")
    table = TABLES.get(table_name)
    if table is None or column not in table:
        raise UNDECLARED_ITEM.refuse(item=qualified)
    return table.item(column)


def qualified_items() -> Iterator[tuple[str, Item]]:
    """Every item with its qualified name, in the order of the catalogue."""
    for table in TABLES.values():
        for item in table.items:
            yield f"{table.name}.{item.name}", item


def names_of(*kinds: Kind) -> tuple[str, ...]:
    """Qualified names of all items of the given kinds."""
    return tuple(name for name, item in qualified_items() if item.kind in kinds)
