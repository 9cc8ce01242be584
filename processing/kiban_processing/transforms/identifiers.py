"""識別記述等・個人識別符号の削除 (removal): only named columns pass, and no kind that must go wholly can be among them (Reg 18(i)(ii)).

What it protects: names, numbers, free text, hospital and physician leave with no row. What it does not: values in columns that pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from kiban_processing import permitted
from kiban_processing.catalogue import tables
from kiban_processing.language import Text
from kiban_processing.plan import TablePlan
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18

IDENTIFIER_SURVIVES = Ground(
    "identifier-survives",
    Family.LAW,
    REG_18,
    Text("「{item}」は削除すべき項目ですが、加工後も残る計画です。", "“{item}” must go, but the plan would let it pass."),
    Text("計画から外してください。", "Take it out of the plan."),
)


def surviving(table: TablePlan) -> tuple[str, ...]:
    """The columns of a table that are read at all; refuses again what `plan.check` refuses, for the engines trust nobody.

    Refuses: identifier-survives.
    """
    for column in table.released:
        if column.treatment not in permitted.treatments_of(tables.named(column.qualified)):
            raise IDENTIFIER_SURVIVES.refuse(item=column.qualified)
    return tuple(column.name for column in table.released)


def strip(row: Mapping[str, object], table: TablePlan) -> dict[str, object]:
    """The row without every column that does not survive.

    >>> from kiban_processing.permitted import Treatment
    >>> from kiban_processing.plan import ColumnPlan
    >>> plan = TablePlan("patients", (ColumnPlan("patients", "sex", Treatment.KEEP), ColumnPlan("patients", "phone", Treatment.REMOVE)))
    >>> strip({"sex": "female", "phone": "03-0000-0000", "email": "a@example.jp"}, plan)
    {'sex': 'female'}
    """
    return {name: row.get(name) for name in surviving(table)}
