"""要配慮の値 (sensitive values): the values of a sensitive column in their order, checked against the hierarchy where there is one."""

from __future__ import annotations

from collections.abc import Mapping

from kiban_processing.anonymity import Asked
from kiban_processing.hierarchies.hierarchy import GAP
from kiban_processing.recoding import order


def arranged(values: Mapping[str | None, int], asked: Asked) -> tuple[str | None, ...]:
    """The values, whose numbers of rows are given, in order and the missing one last. Refuses: hierarchy-gap."""
    if asked.hierarchy is not None:
        outside = set(values) - {None, *asked.hierarchy.leaves}
        if outside:
            rows = sum(values[value] for value in outside)
            raise GAP.refuse(column=asked.column, hierarchy=asked.hierarchy.name, values=len(outside), rows=rows)
    return order.arranged(values, asked.hierarchy)
