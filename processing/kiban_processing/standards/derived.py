"""導出項目の再計算 (derived): what the released rows tell of a person, computed again from them alone, and references that lead nowhere (Reg 18(v)).

It shares with the engine the code hierarchies and the plan; the queries are its own. Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing import outcome
from kiban_processing.catalogue import tables
from kiban_processing.dialect import literal, quoted
from kiban_processing.hierarchies import codes
from kiban_processing.plan import Derived, DerivedKind, Handling
from kiban_processing.standards.finished import Finished


def told(finished: Finished) -> list[Derived]:
    """The derived quasi-identifiers that the released rows tell; the others are columns of `patients` and judged as these."""
    return [one for one in finished.plan.derived if finished.plan.handling(one) is not Handling.COLUMN]


def columns(finished: Finished) -> list[str]:
    """The names of those that are columns of `patients`."""
    return [one.name for one in finished.plan.derived if finished.plan.handling(one) is Handling.COLUMN]


def query(finished: Finished, one: Derived) -> str:
    """SQL: person, value as the recipient can compute it; a person without such rows is not in it."""
    rows, under = quoted(outcome.released(one.table)), _labels(finished, one)
    conditions = [f"{quoted(name)} IN ({', '.join(map(literal, values))})" for name, values in one.where]
    if one.column:
        conditions.append(_in(one.column, [label for labels in under.values() for label in labels]))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    if one.kind is DerivedKind.COUNT:
        return f"SELECT person, CAST(count(*) AS VARCHAR) AS value FROM {rows} {where} GROUP BY person"
    if one.kind is DerivedKind.FIRST_YEAR:
        # The column holds shifted dates, or the years of such.
        day = f"min({quoted(one.date)})"
        dated = any(found.table == one.table and found.name == one.date and found.type == "DATE" for found in finished.columns)
        year = f"year({day})" if dated else day
        return f"SELECT person, CAST({year} AS VARCHAR) AS value FROM {rows} {where} GROUP BY person"
    listed = f"CASE {' '.join(f'WHEN {_in(one.column, labels)} THEN {literal(code)}' for code, labels in under.items())} END"
    found = f"SELECT person, {listed} AS listed, {quoted(one.date)} AS day FROM {rows} {where}"
    if one.kind is DerivedKind.CODE_SET:
        return f"SELECT person, string_agg(listed, '+' ORDER BY listed) AS value FROM (SELECT DISTINCT person, listed FROM ({found})) GROUP BY person"
    return f"SELECT person, min(listed) AS value FROM (SELECT *, min(day) OVER (PARTITION BY person) AS first FROM ({found})) WHERE day = first GROUP BY person"


def astray(finished: Finished) -> tuple[int, int]:
    """References examined, and those to a row that was left out, where the number of such rows is a quasi-identifier."""
    examined = lost = 0
    for one in told(finished):
        if one.kind is not DerivedKind.COUNT:
            continue
        target = quoted(outcome.released(one.table))
        present = {found.name for found in finished.columns if found.table == one.table}
        for found in finished.keys:
            if found.table == one.table or found.name not in tables.TABLES[one.table].key:
                continue
            rows, name = quoted(outcome.released(found.table)), quoted(found.name)
            examined += finished.number(f"SELECT count({name}) FROM {rows}")
            if found.name in present:
                lost += finished.number(
                    f"SELECT count(*) FROM {rows} r ANTI JOIN {target} t ON t.person = r.person AND t.{name} = r.{name} WHERE r.{name} IS NOT NULL"
                )
            else:
                more = (
                    f"SELECT r.n - coalesce(t.n, 0) AS more FROM (SELECT person, count(DISTINCT {name}) AS n FROM {rows} GROUP BY person) r "
                    f"LEFT JOIN (SELECT person, count(*) AS n FROM {target} GROUP BY person) t ON t.person = r.person"
                )
                lost += finished.number(f"SELECT sum(greatest(more, 0)) FROM ({more})")
    return examined, lost


def _labels(finished: Finished, one: Derived) -> dict[str, list[str]]:
    """Listed code → the released labels that lie under it."""
    if not one.column:
        return {}
    name = quoted(one.column)
    labels = finished.con.execute(
        f"SELECT DISTINCT {name} FROM {quoted(outcome.released(one.table))} WHERE {name} IS NOT NULL ORDER BY {name}"
    )
    system = tables.named(f"{one.table}.{one.column}").code_system
    under: dict[str, list[str]] = {code: [] for code in one.codes}
    for (label,) in labels.fetchall():
        nearest = next((code for code in codes.path(system, label) if code in under), None)
        if nearest is not None:
            under[nearest].append(label)
    return under


def _in(column: str, labels: list[str]) -> str:
    return f"{quoted(column)} IN ({', '.join(map(literal, labels))})" if labels else "FALSE"
