"""求める条件の記載 (asked fields): the lists l, t and beta of a plan, as values and as the models that the recoding judges (Reg 18(v)).

    l     {column, value} | {column, kind = "entropy", value} | {column, kind = "recursive", c, value}
    t     {column, value} | {column, value, ground = "hierarchical", hierarchy} | {column, value, ground = "ordered", hierarchy (optional)}
    beta  {column, value, enhanced (optional)}

Several entries for one column must all hold.
"""

from __future__ import annotations

from collections.abc import Iterable

from kiban_processing.plan_fields import Fields
from kiban_processing.planned import Closeness, Diversity, Likeness
from kiban_processing.recoding import demands
from kiban_processing.recoding.demands import Ground, Model

KINDS = ("distinct", "entropy", "recursive")
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
        ground, file = Ground(one.choice("ground", tuple(Ground), "equal")), one.optional_text("hierarchy")
        if (ground is Ground.HIERARCHICAL and file is None) or (ground is Ground.EQUAL and file is not None):
            raise one.refuse("hierarchy", "a CSV file for the hierarchical distance, none for the equal one")
        if file is not None and not file.endswith(".csv"):
            raise one.refuse("hierarchy", "a CSV file beside the plan")
        found.append(Closeness(column, value, ground.value, file))
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


def models(asked: Iterable[Diversity | Closeness | Likeness], column: str) -> tuple[Model, ...]:
    """The models asked of one column, each once."""
    return tuple(dict.fromkeys(_model(one) for one in asked if one.column == column))


def hierarchy_file(asked: Iterable[Closeness], column: str) -> str | None:
    """The file of a column's hierarchy, where the plan names one."""
    return next((one.hierarchy for one in asked if one.column == column and one.hierarchy), None)


def _model(one: Diversity | Closeness | Likeness) -> Model:
    match one:
        case Diversity(kind="entropy"):
            return demands.EntropyDiversity(one.value)
        case Diversity(kind="recursive"):
            return demands.RecursiveDiversity(one.c or 0.0, int(one.value))
        case Diversity():
            return demands.DistinctDiversity(int(one.value))
        case Closeness():
            return demands.Closeness(one.value, Ground(one.ground))
        case Likeness():
            return demands.Likeness(one.value, one.enhanced)


def _one_hierarchy(fields: Fields, found: Iterable[Closeness]) -> None:
    """One column, one hierarchy: an order and a tree over the same values must not contradict each other."""
    files: dict[str, str] = {}
    for one in found:
        if one.hierarchy is not None and files.setdefault(one.column, one.hierarchy) != one.hierarchy:
            raise fields.refuse("t", f"one hierarchy for {one.column}")
