"""導出準識別子 (derived quasi-identifiers): what a person's events tell together: first year, number, hospitals, set of codes (Reg 18(v)).

What the recipient can compute from the released rows, an attacker can know; so the value is computed from the rows that are released, and
where these tell it, they are limited to what the class's level says: the first rows of a number are kept, up to the lowest number of the
band; the rows of codes that the level gives up are left out whole, since a disease code or a date beside a code says the same. A value
they do not tell is computed from all rows and released as a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kiban_processing import dialect
from kiban_processing.catalogue import tables
from kiban_processing.hierarchies import codes
from kiban_processing.hierarchies import derived as levels
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.plan import Derived, DerivedKind, Handling, Plan
from kiban_processing.transforms import dates

HOSPITAL = "hospital"


@dataclass(frozen=True)
class Attribute:
    """A derived quasi-identifier with its hierarchy; `order`: the columns by which rows of a number are kept, the date first."""

    planned: Derived
    handling: Handling
    hierarchy: Hierarchy
    order: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.planned.name

    @property
    def told(self) -> bool:
        """Whether the released rows tell it."""
        return self.handling is not Handling.COLUMN

    @property
    def coded(self) -> bool:
        return bool(self.planned.column)


def attributes(plan: Plan, reference: date) -> tuple[Attribute, ...]:
    """The derived quasi-identifiers of a plan. Refuses: hierarchy-malformed."""
    return tuple(Attribute(one, plan.handling(one), levels.hierarchy_of(plan, one, reference), _order(plan, one)) for one in plan.derived)


def _order(plan: Plan, one: Derived) -> tuple[str, ...]:
    released = [column.name for column in plan.table(one.table).released]
    # Rows that agree in all of these are released alike: linking codes are replaced under their hospital.
    return tuple(dict.fromkeys([*([one.date] if one.date in released else []), *released, HOSPITAL]))


def members(attribute: Attribute, texts: Iterable[str]) -> dict[str, str]:
    """The listed code that each code or label lies under, where it lies under one (the narrowest).

    A label wider than the listed codes lies under none: it tells of none of them.
    """
    planned = attribute.planned
    system = tables.named(f"{planned.table}.{planned.column}").code_system
    found = {}
    for text in texts:
        listed = next((one for one in codes.path(system, text) if one in planned.codes), None)
        if listed is not None:
            found[text] = listed
    return found


# The plain form.


def matching(attribute: Attribute, rows: Iterable[Mapping[str, object]], member: Mapping[str, str]) -> list[Mapping[str, object]]:
    """The rows that count: the plan's `where`, and a code under one of the listed ones."""
    planned = attribute.planned
    return [
        row
        for row in rows
        if all(row[name] in values for name, values in planned.where) and (not planned.column or str(row[planned.column]) in member)
    ]


def value(attribute: Attribute, rows: Iterable[Mapping[str, object]], weeks: int, member: Mapping[str, str]) -> str | None:
    """The value of one person's rows, as a leaf of the hierarchy; `weeks`: the person's shift; `member`: as `members` gives it."""
    planned, own = attribute.planned, matching(attribute, rows, member)
    match planned.kind:
        case DerivedKind.COUNT:
            return _leaf(attribute, len(own))
        case DerivedKind.SITES:
            return _leaf(attribute, len({row[HOSPITAL] for row in own if row.get(HOSPITAL) is not None}))
        case DerivedKind.CODE_SET:
            return levels.label_of(frozenset(member[str(row[planned.column])] for row in own))
        case DerivedKind.FIRST_YEAR:
            days = [day for row in own if isinstance(day := row[planned.date], date)]
            moved = dates.shifted_year(min(days), weeks) if days else None
            if moved is not None and not attribute.told and moved <= planned.earliest:
                return f"<={planned.earliest}"
            return None if moved is None else str(moved)
        case DerivedKind.FIRST_CODE:
            first = [(day, member[str(row[planned.column])]) for row in own if isinstance(day := row[planned.date], date)]
            return min(first)[1] if first else None


def _leaf(attribute: Attribute, number: int) -> str:
    return attribute.hierarchy.leaves[min(number, attribute.hierarchy.size - 1)]


def most(attribute: Attribute, leaf: str | None, level: int) -> int:
    """How many rows a level leaves: the lowest number of the band.

    >>> from kiban_processing.plan import Derived
    >>> stays = Attribute(Derived("stays", DerivedKind.COUNT, "encounters", at_most=20), Handling.LIMITED, levels.numbers("stays", 20), ())
    >>> [most(stays, "7", level) for level in range(5)]
    [7, 5, 5, 1, 0]
    """
    hierarchy = attribute.hierarchy
    label = hierarchy.label(leaf, level)
    return min(levels.number(one) for one in hierarchy.leaves if hierarchy.label(one, level) == label)


def given_up(attribute: Attribute, level: int) -> tuple[str, ...]:
    """The listed codes that a level gives up: so many from the end of the list."""
    listed = attribute.planned.codes
    return listed[len(listed) - level :]


def limited(
    attribute: Attribute, rows: Sequence[Mapping[str, object]], leaf: str | None, level: int, member: Mapping[str, str]
) -> list[Mapping[str, object]]:
    """One person's rows that a level leaves."""
    own = matching(attribute, rows, member)
    if attribute.planned.kind is DerivedKind.COUNT:
        first = sorted(own, key=lambda row: [_place(row.get(name)) for name in attribute.order])
        kept = {id(row) for row in first[: most(attribute, leaf, level)]}
    else:
        gone = given_up(attribute, level)
        kept = {id(row) for row in own if member[str(row[attribute.planned.column])] not in gone}
    counted = {id(row) for row in own}
    return [row for row in rows if id(row) not in counted or id(row) in kept]


def _place(value: object) -> tuple[bool, object]:
    return (value is None, "" if value is None else value)


# The set-based form.


def value_sql(attribute: Attribute, relation: str, persons: str, member: str) -> str:
    """A query of `person, value` for the persons who have a row that counts.

    `relation`: person, what the value is made of; `persons`: person, shift_weeks; `member`: code, listed (where the value has codes).
    """
    planned = attribute.planned
    rows = f"{relation} s" + (f" JOIN {member} m ON m.code = s.{dialect.quoted(planned.column)}" if planned.column else "")
    condition = _condition(attribute, "s")
    day = f"s.{dialect.quoted(planned.date)}"
    match planned.kind:
        case DerivedKind.COUNT:
            return f"SELECT person, {_leaf_sql(attribute)} AS value FROM (SELECT s.person, count(*) AS n FROM {rows} WHERE {condition} GROUP BY s.person)"
        case DerivedKind.SITES:
            counted = f"SELECT s.person, count(DISTINCT s.{HOSPITAL}) AS n FROM {rows} WHERE {condition} GROUP BY s.person"
            return f"SELECT person, {_leaf_sql(attribute)} AS value FROM ({counted})"
        case DerivedKind.CODE_SET:
            there = [
                f"max(CASE WHEN m.listed = {dialect.literal(one)} THEN 1 ELSE 0 END) AS c{n}" for n, one in enumerate(sorted(planned.codes))
            ]
            written = " || ".join(
                f"CASE WHEN c{n} = 1 THEN {dialect.literal('+' + one)} ELSE '' END" for n, one in enumerate(sorted(planned.codes))
            )
            return (
                f"SELECT person, substr({written}, 2) AS value FROM "
                f"(SELECT s.person, {', '.join(there)} FROM {rows} WHERE {condition} GROUP BY s.person)"
            )
        case DerivedKind.FIRST_YEAR:
            first = f"SELECT s.person, min({day}) AS day FROM {rows} WHERE {condition} AND {day} IS NOT NULL GROUP BY s.person"
            year = dates.shifted_year_sql("f.day", "p.shift_weeks")
            text = f"CAST({year} AS VARCHAR)"
            if not attribute.told:
                text = f"CASE WHEN {year} <= {planned.earliest} THEN {dialect.literal(f'<={planned.earliest}')} ELSE {text} END"
            return f"SELECT f.person, {text} AS value FROM ({first}) f JOIN {persons} p ON p.person = f.person"
        case DerivedKind.FIRST_CODE:
            return (
                f"SELECT person, value FROM (SELECT s.person, m.listed AS value, row_number() OVER (PARTITION BY s.person ORDER BY {day}, m.listed) AS place "
                f"FROM {rows} WHERE {condition} AND {day} IS NOT NULL) WHERE place = 1"
            )


def nothing_sql(attribute: Attribute) -> str:
    """The value of a person without a row that counts."""
    match attribute.planned.kind:
        case DerivedKind.COUNT | DerivedKind.SITES:
            return dialect.literal(attribute.hierarchy.leaves[0])
        case DerivedKind.CODE_SET:
            return dialect.literal(levels.NO_CODE)
        case DerivedKind.FIRST_YEAR | DerivedKind.FIRST_CODE:
            return "CAST(NULL AS VARCHAR)"


def limited_sql(attribute: Attribute, relation: str, columns: Sequence[str], limits: str, member: str) -> str:
    """A query of `person, class` and `columns`: the rows that each class's level leaves.

    `relation`: person, class, `columns`; `limits`: class, most (a number) | class, listed (codes given up); `member`: code, listed.
    """
    listed = ", ".join(f"s.{dialect.quoted(one)}" for one in ("person", "class", *columns))
    condition = _condition(attribute, "s")
    if attribute.planned.kind is DerivedKind.COUNT:
        order = ", ".join(f"s.{dialect.quoted(one)} NULLS LAST" for one in attribute.order) or "s.person"
        placed = f"SELECT s.*, {condition} AS counted, row_number() OVER (PARTITION BY s.person, {condition} ORDER BY {order}) AS place FROM {relation} s"
        return f"SELECT {listed} FROM ({placed}) s JOIN {limits} l ON l.class = s.class WHERE NOT s.counted OR s.place <= l.most"
    gone = f"SELECT l.class, m.code FROM {limits} l JOIN {member} m ON m.listed = l.listed"
    own = f"g.class = s.class AND g.code = s.{dialect.quoted(attribute.planned.column)} AND {condition}"
    return f"SELECT {listed} FROM {relation} s LEFT JOIN ({gone}) g ON {own} WHERE g.code IS NULL"


def _condition(attribute: Attribute, alias: str) -> str:
    parts = [
        f"coalesce({alias}.{dialect.quoted(name)} IN ({', '.join(dialect.literal(one) for one in values)}), FALSE)"
        for name, values in attribute.planned.where
    ]
    return f"({' AND '.join(parts)})" if parts else "TRUE"


def _leaf_sql(attribute: Attribute) -> str:
    last = attribute.hierarchy.size - 1
    return f"CASE WHEN n >= {last} THEN {dialect.literal(attribute.hierarchy.leaves[last])} ELSE CAST(n AS VARCHAR) END"
