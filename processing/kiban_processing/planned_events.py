"""事象の計画 (planned events): what a plan says of persons' events: derived quasi-identifiers, code sets, and the days that stay (Reg 18(v))."""

from __future__ import annotations

import re

from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind, ValueType
from kiban_processing.language import Text
from kiban_processing.permitted import Treatment
from kiban_processing.plan_fields import PLAN_FIELD, Fields, is_file
from kiban_processing.planned import PATIENTS, CodeSets, Derived, DerivedKind, Handling, Plan, Visits
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

DERIVED_UNTOLD = Ground(
    "plan-derived-untold",
    Family.INPUT,
    REG_18_V,
    Text(
        "導出項目「{item}」は提供される行からは計算できないため、列として提供しない限り準識別子になりません。",
        "The derived “{item}” cannot be computed from the released rows: unless it is released as a column, nobody sees it.",
    ),
    Text("release = true とするか、計画から外してください。", "Set release = true, or take it out of the plan."),
)
DERIVED_TOLD = Ground(
    "plan-derived-told",
    Family.LAW,
    REG_18_V,
    Text(
        "導出項目「{item}」は提供される行からそのまま計算できるため、丸めた列を提供しても守りになりません。",
        "The derived “{item}” can be computed from the released rows, so that a generalised column beside them would protect nothing.",
    ),
    Text(
        "release と hierarchy を外す(行の側で制限されます)か、元の列を提供から外してください。",
        "Take release and hierarchy out (the rows are limited instead), or do not release the columns it is made of.",
    ),
)

_DERIVED_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CODES_AT_MOST = 8  # 2^8 sets


def derived(name: str, fields: Fields) -> Derived:
    """One section [derived.NAME]. Refuses: plan-field."""
    kind = DerivedKind(fields.choice("kind", tuple(DerivedKind)))
    table = fields.choice("table", tuple(name for name in tables.TABLES if name != PATIENTS))
    known = tables.TABLES[table]
    coded = kind in (DerivedKind.CODE_SET, DerivedKind.FIRST_CODE)
    where = tuple((column, values) for column, values in fields.table("where", optional=True).lists())
    column = fields.text("column", "")
    codes = fields.texts("codes") or ()
    dates = [item.name for item in known.items if item.kind is Kind.DATE]
    day = fields.choice("date", tuple(dates), next(item.name for item in known.items if item.kind is Kind.DATE and item.required))
    at_most = fields.integer("at_most", 1, 1000, 20) if kind in (DerivedKind.COUNT, DerivedKind.SITES) else 0
    earliest = fields.integer("earliest", 1900, 2200, 2000) if kind is DerivedKind.FIRST_YEAR else 0
    one = Derived(
        name, kind, table, where, column, codes, day, at_most, earliest, fields.optional_text("hierarchy"), fields.truth("release")
    )
    if not _DERIVED_NAME.fullmatch(name):
        raise fields.refuse("name", "small letters, digits and _")
    if bool(column) != bool(codes) or (coded and not codes) or len(set(codes)) != len(codes):
        raise fields.refuse("codes", "different codes, beside the column they are of")
    if codes and kind in (DerivedKind.COUNT, DerivedKind.SITES):
        raise fields.refuse("codes", "no such field for this kind")
    if kind is DerivedKind.CODE_SET and len(codes) > _CODES_AT_MOST:
        raise fields.refuse("codes", f"at most {_CODES_AT_MOST} codes")
    if column and (column not in known.columns or known.item(column).type is not ValueType.CODE or known.item(column).choices):
        raise fields.refuse("column", "a code column of the table")
    for named, values in where:
        if named not in known.columns or not values or not set(values) <= set(known.item(named).choices):
            raise fields.refuse("where", "columns with a closed list of choices, and some of these")
    if one.hierarchy and not is_file(one.hierarchy):
        raise fields.refuse("hierarchy", "a CSV file beside the plan")
    if one.hierarchy and kind is DerivedKind.CODE_SET and not one.release:
        raise fields.refuse("hierarchy", "none: codes are given up from the last of the list")
    fields.close()
    return one


def code_sets(fields: Fields, k: int) -> CodeSets:
    """The section [code_sets]; `k`: of the plan, where the section names none. Refuses: plan-field."""
    columns = fields.texts("columns")
    if not columns or len(set(columns)) != len(columns):
        raise fields.refuse("columns", "different code columns, as `table.column`")
    sets = CodeSets(
        tuple(sorted(columns)),
        fields.integer("m", 1, 2, 2),
        fields.integer("k", 2, default=k),
        fields.integer("top", 0, 10, 0),
        fields.number("share", 0.0, 1.0, 0.5),
    )
    fields.close()
    return sets


def visits(shift: Fields, fields: Fields, window: int) -> Visits:
    """What the sections [shift] and [visits] say of days; `window` in weeks. Refuses: plan-field."""
    period = None
    if shift.has("period"):
        section = shift.table("period")
        first, last = section.day("from"), section.day("to")
        section.close()
        if first is None or last is None or (last - first).days < 14 * window:
            raise shift.refuse("period", f"from and to, at least {2 * window} weeks apart: else no date can stay")
        period = (first, last)
    advantage = shift.number("advantage", 0.0, 1.0) if shift.has("advantage") else None
    shift.close()
    most = fields.integer("most", 1) if fields.has("most") else None
    gap = fields.integer("gap_days", 1, 366, 1)
    lost = fields.choice("lost", ("date", "row"), "date")
    fields.close()
    return Visits(period, advantage, most, gap, lost == "row")


def check(plan: Plan) -> None:
    """Refuse what cannot be derived, or protects nothing. Refuses: plan-derived-untold, plan-derived-told, plan-field."""
    taken = {column.released_as for column in plan.table(PATIENTS).released} | set(tables.TABLES[PATIENTS].columns)
    for one in plan.derived:
        if one.name in taken:
            raise PLAN_FIELD.refuse(field=f"derived.{one.name}", expected="a name that no column of `patients` has")
        if one.table == PATIENTS or one.table not in {table.name for table in plan.tables}:
            raise PLAN_FIELD.refuse(field=f"derived.{one.name}.table", expected="a table of events that the plan names")
        if plan.handling(one) is Handling.COLUMN:
            if not one.release:
                raise DERIVED_UNTOLD.refuse(item=one.name)
        elif one.release or (one.hierarchy and plan.handling(one) is Handling.AS_IS):
            raise DERIVED_TOLD.refuse(item=one.name)
        if one.kind is DerivedKind.COUNT and plan.handling(one) is Handling.LIMITED and plan.table(one.table).decisive:
            # Rows may be dropped for rare codes after the number was settled; it would then be another one.
            raise PLAN_FIELD.refuse(field=f"derived.{one.name}.table", expected="a table without rare codes, such as encounters")
        released = {column.name: column.treatment for column in plan.table(one.table).released}
        if one.column and released.get(one.column, Treatment.GENERALISE_RARE) is not Treatment.GENERALISE_RARE:
            raise PLAN_FIELD.refuse(
                field=f"derived.{one.name}.column", expected="a code column treated by generalise_rare, or not released"
            )
        for name, _ in one.where:
            # A rare value among them would be gone from the released rows and not from the source's: another number on each side.
            if released.get(name, Treatment.KEEP) is not Treatment.KEEP:
                raise PLAN_FIELD.refuse(field=f"derived.{one.name}.where", expected="columns that are kept as they are or not released")
