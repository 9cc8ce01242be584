"""加工計画 (processing plan): one order's treatments as ordered data with a digest; reviewable, diffable, signed (Act 19(1), Reg 18).

The form (TOML); a full example is data_examples/plans/diabetes-cohort.toml:

    [plan]       name, version, recipient_class, delivery_form, reference_date (optional), k_reason (only to go below the floor)
    [anonymity]  k (persons), suppression_limit (share of persons), method, metric, suppress, l, t, beta (lists, see `asked_fields`)
    [rare]       persons (a value held by fewer persons is rare)
    [shift]      window_weeks (whole weeks either way, constant per person), period = {from, to} (of collection: what only some shifts
                 can explain goes), advantage (how much likelier than by guessing any person's shift may become: days go until it holds)
    [visits]     most (dated days per person), gap_days (7 or 28: a day becomes the first of its period since the person's first day),
                 lost (what goes where a day must go: its "date", the default, or the "row")
    [place]      level, population_floor, populations (CSV `municipality,population`, beside the plan)
    [clip]       low, high (quantiles over persons), tail_persons (persons at least that share an extreme)
    [derived.NAME]  kind, table, where, column, codes, date, at_most, earliest, hierarchy, release (see `planned.Derived`)
    [code_sets]  columns, m, k, top, share (see `planned.CodeSets`)
    [risk]       how far an attacker may get (optional): see `planned_risk`
    [tables.T.columns]  column = {treatment, quasi, hierarchy, by}

A column of the source that the plan does not name is not released (data minimisation).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import rfc8785

from kiban_processing import asked_fields, permitted, planned_events, planned_risk
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item, Kind
from kiban_processing.language import Text
from kiban_processing.permitted import DeliveryForm, RecipientClass, Treatment
from kiban_processing.plan_fields import PLAN_FIELD, PLAN_UNREADABLE, Fields, is_file, load
from kiban_processing.planned import (
    PATIENTS,
    Anonymity,
    Clip,
    Closeness,
    CodeSets,
    ColumnPlan,
    Derived,
    DerivedKind,
    Diversity,
    Handling,
    Likeness,
    Method,
    Metric,
    Place,
    PlaceLevel,
    Plan,
    Suppression,
    TablePlan,
    Visits,
)
from kiban_processing.planned_risk import Inference, Intersection, KnownEvents, Risk
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19, POLICY_SHIFT, REG_6_V, REG_18, REG_18_I, REG_18_V

__all__ = [
    "PATIENTS",
    "Anonymity",
    "Clip",
    "Closeness",
    "CodeSets",
    "ColumnPlan",
    "Derived",
    "DerivedKind",
    "Diversity",
    "Handling",
    "Inference",
    "Intersection",
    "KnownEvents",
    "Likeness",
    "Method",
    "Metric",
    "Place",
    "PlaceLevel",
    "Plan",
    "Risk",
    "Suppression",
    "TablePlan",
    "Visits",
    "check",
    "read",
    "sealed",
]

TREATMENT_MISSING = Ground(
    "plan-treatment-missing",
    Family.LAW,
    ACT_19,
    Text("「{item}」の加工方法が計画にありません。", "The plan names no treatment for “{item}”."),
    Text("treatment を一つ指定してください: {allowed}。", "Name one treatment: {allowed}."),
)
TREATMENT_FORBIDDEN = Ground(
    "plan-treatment-forbidden",
    Family.LAW,
    REG_18,
    Text("「{item}」({kind})に加工方法「{treatment}」は使えません。", "“{item}” ({kind}) may not be treated by “{treatment}”."),
    Text("使えるのは: {allowed}。", "Allowed: {allowed}."),
)
DATE_UNSHIFTED = Ground(
    "plan-date-unshifted",
    Family.LAW,
    POLICY_SHIFT,
    Text("日付「{item}」をずらさずに提供する計画です。", "The plan would release the date “{item}” unshifted."),
    Text("使えるのは: {allowed}。", "Allowed: {allowed}."),
)
EXCEEDS_APPROVAL = Ground(
    "plan-exceeds-approval",
    Family.LAW,
    ACT_19,
    Text("承認されていない項目を含む計画です: {items}。", "The plan releases items that were not approved: {items}."),
    Text("計画から外すか、変更の承認を受けてください。", "Take them out of the plan or have a change approved."),
)
K_BELOW_FLOOR = Ground(
    "plan-k-below-floor",
    Family.LAW,
    REG_6_V,
    Text(
        "k={k} は利用者区分「{recipient_class}」・提供形態「{delivery_form}」の下限 {floor} を下回ります。",
        "k={k} is below the floor {floor} for recipient class “{recipient_class}” and delivery form “{delivery_form}”.",
    ),
    Text("kを上げるか、理由を plan.k_reason に記録してください。", "Raise k, or record the reason in plan.k_reason."),
)
QUASI_MISSING = Ground(
    "plan-quasi-missing",
    Family.LAW,
    REG_18_V,
    Text("「{item}」は準識別子ですが quasi = true がありません。", "“{item}” can identify in combination but lacks quasi = true."),
    Text("quasi = true とするか、remove としてください。", "Set quasi = true, or remove the column."),
)
QUASI_MISPLACED = Ground(
    "plan-quasi-misplaced",
    Family.LAW,
    REG_18_I,
    Text("「{item}」は準識別子にできません。", "“{item}” cannot be a quasi-identifier."),
    Text(
        "準識別子は patients の keep、birth_year、age_band、place、shift_year の列に限ります。",
        "Only columns of `patients` treated by keep, birth_year, age_band, place or shift_year can be.",
    ),
)
SENSITIVE_UNRELEASED = Ground(
    "plan-sensitive-unreleased",
    Family.INPUT,
    REG_18_V,
    Text(
        "l・t・beta又は属性推定の上限を求める列「{item}」は提供される値の列ではありません。",
        "l, t, beta or a bound of inference is asked for “{item}”, which is no released value.",
    ),
    Text(
        "`表.列` の形で、提供する符号の列を指定してください。", "Name a released code column as `table.column` that is no quasi-identifier."
    ),
)

RISK_WEAKENED = Ground(
    "plan-risk-weakened",
    Family.LAW,
    REG_6_V,
    Text(
        "リスクの上限({fields})が既定より緩いのに、理由がありません。",
        "Bounds of risk are weaker than their defaults ({fields}), without a reason.",
    ),
    Text("既定に戻すか、理由を risk.reason に記録してください。", "Go back to the defaults, or record the reason in risk.reason."),
)

QUASI_TREATMENTS = frozenset({Treatment.KEEP, Treatment.BIRTH_YEAR, Treatment.AGE_BAND, Treatment.PLACE, Treatment.SHIFT_YEAR})


def read(path: Path) -> Plan:
    """The plan at `path` with the files it names; its form is checked here, its contents by `check`.

    Refuses: plan-unreadable, plan-field, undeclared-item, plan-treatment-missing.
    """
    document = Fields("", load(path))
    head = document.table("plan")
    name = head.text("name")
    version = head.integer("version", 1)
    recipient_class = RecipientClass(head.choice("recipient_class", tuple(RecipientClass)))
    delivery_form = DeliveryForm(head.choice("delivery_form", tuple(DeliveryForm)))
    reference_date = head.day("reference_date")
    k_reason = head.text("k_reason", "")
    head.close()
    anonymity = _anonymity(document.table("anonymity"))
    rare = document.table("rare")
    rare_persons = rare.integer("persons", 2)
    rare.close()
    shift = document.table("shift")
    window = shift.integer("window_weeks", 1, 520)
    visits = planned_events.visits(shift, document.table("visits", optional=True), window)
    place = _place(document.table("place", optional=True), path.parent)
    clip = _clip(document.table("clip", optional=True), rare_persons)
    risk = planned_risk.read(document.table("risk", optional=True))
    planned = _tables(document.table("tables"))
    derived = tuple(planned_events.derived(name, one) for name, one in document.table("derived", optional=True).each())
    sets = document.optional_table("code_sets")
    code_sets = planned_events.code_sets(sets, anonymity.k) if sets else None
    document.close()
    wanted = [column.hierarchy for table in planned for column in table.columns] + [one.hierarchy for one in derived]
    named = sorted({name for name in wanted if name and is_file(name)} | {one.hierarchy for one in anonymity.t if one.hierarchy})
    files = tuple((file, _content(path.parent / file)) for file in named)
    plan = Plan(
        name,
        version,
        recipient_class,
        delivery_form,
        reference_date,
        k_reason,
        anonymity,
        rare_persons,
        window,
        place,
        clip,
        planned,
        files,
        risk,
        visits,
        derived=derived,
        code_sets=code_sets,
    )
    return sealed(plan)


def sealed(plan: Plan) -> Plan:
    """The plan with its digest computed anew. What a plan does not use is not in the digest, so that an older plan keeps its own."""
    content = asdict(plan)
    del content["digest"]
    for part, unused in ((content, {"derived": (), "code_sets": None}), (content["anonymity"], {"metric": "loss", "suppress": "person"})):
        for name, value in unused.items():
            if part[name] == value:
                del part[name]
    # What a plan does not ask for is left out where the form has grown, so that plans sealed before keep their digests.
    asked = content["anonymity"]
    for one in asked["l"]:
        if one["c"] is None:
            del one["c"]
    for one in asked["t"]:
        if one["ground"] == "equal":
            del one["ground"], one["hierarchy"]
    if not asked["beta"]:
        del asked["beta"]
    if plan.risk == Risk():
        del content["risk"]
    if plan.visits == Visits():
        del content["visits"]
    content["reference_date"] = plan.reference_date.isoformat() if plan.reference_date else None
    if plan.visits.period:
        content["visits"]["period"] = [day.isoformat() for day in plan.visits.period]
    return Plan(**{**plan.__dict__, "digest": hashlib.sha256(rfc8785.dumps(content)).hexdigest()})


def check(plan: Plan, approved_items: Collection[str]) -> None:
    """Refuse a plan that the law or the approval does not carry; `approved_items` are qualified names.

    Not checked: whether the hierarchies cover the data (the engine refuses that on the data).
    Refuses: plan-treatment-forbidden, plan-date-unshifted, plan-quasi-missing, plan-quasi-misplaced, plan-k-below-floor,
    plan-sensitive-unreleased, plan-risk-weakened, plan-derived-untold, plan-derived-told, plan-field, plan-exceeds-approval.
    Source: Reg 18; Reg 6(v).
    """
    for table in plan.tables:
        for column in table.columns:
            _check_column(column, tables.named(column.qualified))
            comparable = {one.name for one in table.released if one.treatment in (Treatment.KEEP, Treatment.GENERALISE_RARE)}
            if column.by is not None and not set(column.by) <= comparable:
                raise PLAN_FIELD.refuse(field=f"{column.qualified}.by", expected="released code columns of the same table")
    floor = permitted.K_FLOORS[plan.recipient_class, plan.delivery_form]
    if plan.anonymity.k < floor and not plan.k_reason.strip():
        raise K_BELOW_FLOOR.refuse(k=plan.anonymity.k, floor=floor, recipient_class=plan.recipient_class, delivery_form=plan.delivery_form)
    codes = {
        column.qualified
        for table in plan.tables
        for column in table.released
        if (column.treatment is Treatment.KEEP and not column.quasi)
        or (column.treatment is Treatment.GENERALISE_RARE and tables.named(column.qualified).kind is Kind.SENSITIVE_VALUE)
    }
    for asked in (*plan.anonymity.sensitive, *(one.column for one in plan.risk.inference)):
        if asked not in codes:
            raise SENSITIVE_UNRELEASED.refuse(item=asked)
    planned_events.check(plan)
    if plan.code_sets:
        decisive = {column.qualified for table in plan.tables for column in table.decisive}
        if not set(plan.code_sets.columns) <= decisive:
            raise PLAN_FIELD.refuse(
                field="code_sets.columns", expected="released code columns treated by generalise_rare, as `table.column`"
            )
    if plan.risk.weakened and not plan.risk.reason.strip():
        raise RISK_WEAKENED.refuse(fields=", ".join(plan.risk.weakened))
    excess = sorted(plan.requested - frozenset(approved_items))
    if excess:
        raise EXCEEDS_APPROVAL.refuse(items=", ".join(excess))


def _check_column(column: ColumnPlan, item: Item) -> None:
    allowed = permitted.treatments_of(item)
    if column.treatment not in allowed:
        names = ", ".join(sorted(allowed))
        if item.kind is Kind.DATE and column.treatment is Treatment.KEEP:
            raise DATE_UNSHIFTED.refuse(item=column.qualified, allowed=names)
        raise TREATMENT_FORBIDDEN.refuse(item=column.qualified, kind=item.kind, treatment=column.treatment, allowed=names)
    if column.treatment is Treatment.REMOVE:
        return
    possible = column.table == PATIENTS and column.treatment in QUASI_TREATMENTS
    if column.quasi and not possible:
        raise QUASI_MISPLACED.refuse(item=column.qualified)
    if not column.quasi and possible and (item.kind is Kind.QUASI_IDENTIFIER or column.treatment in permitted.ALWAYS_QUASI):
        raise QUASI_MISSING.refuse(item=column.qualified)
    if column.hierarchy is not None and not column.quasi:
        raise PLAN_FIELD.refuse(field=f"{column.qualified}.hierarchy", expected="a hierarchy only beside quasi = true")


def _anonymity(fields: Fields) -> Anonymity:
    k = fields.integer("k", 2)
    limit = fields.number("suppression_limit", 0.0, 1.0)
    diversity, closeness, likeness = asked_fields.diversity(fields), asked_fields.closeness(fields), asked_fields.likeness(fields)
    method = Method(fields.choice("method", tuple(Method), "global"))
    metric = Metric(fields.choice("metric", tuple(Metric), "loss"))
    suppress = Suppression(fields.choice("suppress", tuple(Suppression), "person"))
    fields.close()
    return Anonymity(k, limit, diversity, closeness, method, likeness, metric, suppress)


def _place(fields: Fields, folder: Path) -> Place:
    level = PlaceLevel(fields.choice("level", tuple(PlaceLevel), "prefecture"))
    floor = fields.integer("population_floor", 0, default=... if level is PlaceLevel.MUNICIPALITY else 0)
    file = fields.optional_text("populations")
    fields.close()
    return Place(level, floor, _populations(_content(folder / file), file) if file else ())


def _populations(content: str, file: str) -> tuple[tuple[str, int], ...]:
    rows = list(csv.DictReader(io.StringIO(content)))
    if any(
        not (row.get("municipality") and (row.get("population") or "").isascii() and (row["population"] or "").isdigit()) for row in rows
    ):
        raise PLAN_UNREADABLE.refuse(file=file, why="municipality,population")
    return tuple(sorted((row["municipality"], int(row["population"])) for row in rows))


def _clip(fields: Fields, rare_persons: int) -> Clip:
    low = fields.number("low", 0.0, 0.25, 0.005)
    high = fields.number("high", 0.75, 1.0, 0.995)
    # Fewer than 2 x tail - 1 persons could make the lower bound exceed the upper one.
    tail = fields.integer("tail_persons", 1, (rare_persons + 1) // 2, min(3, (rare_persons + 1) // 2))
    fields.close()
    return Clip(low, high, tail)


def _tables(fields: Fields) -> tuple[TablePlan, ...]:
    planned = {}
    for table, entry in fields.each():
        columns = {}
        for name, cell in entry.table("columns", optional=True).each():
            qualified = f"{table}.{name}"
            item = tables.named(qualified)
            allowed = ", ".join(sorted(permitted.treatments_of(item)))
            written = cell.optional_text("treatment")
            if written is None:
                raise TREATMENT_MISSING.refuse(item=qualified, allowed=allowed)
            if written not in tuple(Treatment):
                raise TREATMENT_FORBIDDEN.refuse(item=qualified, kind=item.kind, treatment=written, allowed=allowed)
            column = ColumnPlan(table, name, Treatment(written), cell.truth("quasi"), cell.optional_text("hierarchy"), cell.texts("by"))
            cell.close()
            if column.by is not None and column.treatment is not Treatment.CLIP:
                raise cell.refuse("by", 'groups only beside treatment = "clip"')
            columns[name] = column
        entry.close()
        if table not in tables.TABLES:
            raise tables.UNDECLARED_ITEM.refuse(item=table)
        planned[table] = TablePlan(table, tuple(columns[name] for name in tables.TABLES[table].columns if name in columns))
    if PATIENTS not in planned:
        raise fields.refuse(PATIENTS, "the table of patients, even without columns")
    return tuple(planned[name] for name in tables.TABLES if name in planned)


def _content(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PLAN_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from error
