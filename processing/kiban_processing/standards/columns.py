"""列の判定 (columns): which columns there really are, by kind; shared by the first three standards, which each forbid kinds of column."""

from __future__ import annotations

from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item, Kind
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS
from kiban_processing.standards import derived
from kiban_processing.standards.finished import Finished, Found


def forbidden(finished: Finished, *kinds: Kind) -> list[Found]:
    """Released columns that hold an item of these kinds: by what the engine declares, and by the column's own name, whichever says so.

    A pseudonymised linking code (`rekey`) is no longer the code; its values are judged apart.
    """
    return [column for column in finished.columns if any(item.kind in kinds for item in _items(column)) and not _rekeyed(column)]


def undeclared(finished: Finished) -> list[Found]:
    """Columns that the engine did not declare, or that the plan does not release: nobody judged them, so they may not leave."""
    planned = {(table.name, column.released_as): column.treatment for table in finished.plan.tables for column in table.released}
    planned |= {(PATIENTS, name): Treatment.DERIVED for name in derived.columns(finished)}
    return [
        column
        for column in finished.columns
        if column.declared is None
        or planned.get((column.table, column.name)) is not column.treatment
        or column.declared.type != column.type
    ]


def _items(column: Found) -> tuple[Item, ...]:
    table = tables.TABLES.get(column.table)
    named = (table.item(column.name),) if table is not None and column.name in table else ()
    return (*column.items, *named)


def _rekeyed(column: Found) -> bool:
    return column.treatment is Treatment.REKEY and all(item.kind is Kind.LINKING_CODE for item in _items(column))
