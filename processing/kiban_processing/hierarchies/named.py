"""階層の名 (named hierarchies): from the name in a plan to the hierarchy: built in, or an ARX-form CSV that the plan carries."""

from __future__ import annotations

import hashlib
from datetime import date

from kiban_processing import asked_fields
from kiban_processing.hierarchies import ages, hierarchy
from kiban_processing.hierarchies.hierarchy import UNKNOWN, Hierarchy
from kiban_processing.hierarchies.residence import Residence, residence
from kiban_processing.permitted import BUILT_IN_HIERARCHIES
from kiban_processing.plan import ColumnPlan, PlaceLevel, Plan


def residence_of(plan: Plan) -> Residence:
    """The places the plan may name."""
    return residence(plan.place.level is PlaceLevel.MUNICIPALITY, plan.place.population_floor, plan.place.populations)


def hierarchy_of_values(plan: Plan, column: str) -> Hierarchy | None:
    """The hierarchy, or the order, of a sensitive column's values, where t asks for one. Refuses: hierarchy-malformed."""
    file = asked_fields.hierarchy_file(plan.anonymity.t, column)
    return None if file is None else _read(file, plan)


def hierarchy_of(column: ColumnPlan, plan: Plan, reference: date, places: Residence) -> Hierarchy:
    """The hierarchy of one quasi-identifier. Refuses: hierarchy-unknown, hierarchy-malformed."""
    name = column.hierarchy or BUILT_IN_HIERARCHIES.get(column.released_as, "")
    files = dict(plan.hierarchy_files)
    if name in files:
        return _read(name, plan)
    match name:
        case "sex":
            return ages.sex()
        case "birth_year":
            return ages.birth_year(reference)
        case "age_band":
            return ages.age_band()
        case "residence":
            return places.hierarchy
        case _:
            raise UNKNOWN.refuse(column=column.qualified, hierarchy=name, built_in=", ".join(sorted(set(BUILT_IN_HIERARCHIES.values()))))


def _read(name: str, plan: Plan) -> Hierarchy:
    content = dict(plan.hierarchy_files)[name]
    return hierarchy.read(name, hashlib.sha256(content.encode()).hexdigest()[:16], content)
