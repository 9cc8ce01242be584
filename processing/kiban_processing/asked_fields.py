"""求める条件の記載 (asked fields): the lists l, t and beta of a plan, as values (Reg 18(v)); `conditions` makes models of them.

    l     {column, value} | {column, kind = "entropy", value} | {column, kind = "recursive", c, value}
    t     {column, value} | {column, value, ground = "hierarchical", hierarchy} | {column, value, ground = "ordered", hierarchy (optional)}
    beta  {column, value, enhanced (optional)}

Several entries for one column must all hold.
"""

from __future__ import annotations

from collections.abc import Iterable

from kiban_processing.plan_fields import Fields
from kiban_processing.planned import Closeness, Diversity, Likeness

KINDS = ("distinct", "entropy", "recursive")
GROUNDS = ("equal", "hierarchical", "ordered")
_GREATEST = 1e6  # no class has so many values, nor a share so many times that of all


def diversity(fields: Fields) -> tuple[Diversity, ...]:
    """What stands under l. Refuses: plan-field."""
    found = []
    for one in fields.tables("l"):
        column, kind = one.text("column"), one.choice("kind", KINDS, "distinct")
        value = one.number("value", 1.0, _GREATEST) if kind == "entropy" else one.integer("value", 2)
        found.append(Diversity(column, kind, value, one.number("c", 0.0, _GREATEST) if kind == "recursive" else None))
        one.close()
    return tuple(found)


def closeness(fields: Fields) -> tuple[Closeness, ...]:
    """What stands under t. Refuses: plan-field."""
    found = []
    for one in fields.tables("t"):
        column, value = one.text("column"), one.number("value", 0.0, 1.0)
        ground, file = one.choice("ground", GROUNDS, "equal"), one.optional_text("hierarchy")
        if (ground == "hierarchical" and file is None) or (ground == "equal" and file is not None):
            raise one.refuse("hierarchy", "a CSV file for the hierarchical distance, none for the equal one")
        if file is not None and not file.endswith(".csv"):
            raise one.refuse("hierarchy", "a CSV file beside the plan")
        found.append(Closeness(column, value, ground, file))
        one.close()
    _one_hierarchy(fields, found)
    return tuple(found)


def likeness(fields: Fields) -> tuple[Likeness, ...]:
    """What stands under beta. Refuses: plan-field."""
    found = []
    for one in fields.tables("beta"):
        found.append(Likeness(one.text("column"), one.number("value", 0.0, _GREATEST), one.truth("enhanced")))
        one.close()
    return tuple(found)


def hierarchy_file(asked: Iterable[Closeness], column: str) -> str | None:
    """The file of a column's hierarchy, where the plan names one."""
    return next((one.hierarchy for one in asked if one.column == column and one.hierarchy), None)


def _one_hierarchy(fields: Fields, found: Iterable[Closeness]) -> None:
    """One column, one hierarchy: an order and a tree over the same values must not contradict each other."""
    files: dict[str, str] = {}
    for one in found:
        if one.hierarchy is not None and files.setdefault(one.column, one.hierarchy) != one.hierarchy:
            raise fields.refuse("t", f"one hierarchy for {one.column}")
