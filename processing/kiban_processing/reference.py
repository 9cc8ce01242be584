"""加工の意味 (reference): carries a plan out row by row in plain Python; slow, and what `engine` must equal.

It shares with the engine what is data (the plan, hierarchies, places) and the treatments' own plain forms, and nothing of the SQL nor of the
search: it tries every node.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kiban_processing import anonymity, engine, registrations
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.hierarchies import ages, codes, named
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.hierarchies.residence import Residence
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, ColumnPlan, Plan, TablePlan
from kiban_processing.recoding import meaning
from kiban_processing.transforms import dates, identifiers, keys, measurements, places, rarity

Row = dict[str, object]
Rows = Mapping[str, Sequence[Mapping[str, object]]]  # table → rows with `person` beside the catalogue's columns
Labels = dict[str, dict[str, str | None]]  # qualified column → code → label


@dataclass(frozen=True)
class Released:
    """The released tables, the persons left out, and the node."""

    tables: dict[str, list[Row]]
    suppressed: frozenset[str]
    node: tuple[int, ...]


def carry_out(rows: Rows, plan: Plan, secrets: ReleaseSecrets, reference_date: date) -> Released:
    """What a plan makes of some rows. Refuses: anonymity-unattainable, hierarchy-unknown, identifier-survives."""
    residence = named.residence_of(plan)
    by_person: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows[PATIENTS]:
        if row["person"] is not None:
            by_person[str(row["person"])].append(row)
    patients = {person: _patient(person, own, plan, secrets, reference_date, residence) for person, own in sorted(by_person.items())}
    hierarchies = {column.released_as: named.hierarchy_of(column, plan, reference_date, residence) for column in plan.quasi}
    node, staying = _anonymise(rows, plan, patients, hierarchies)
    levels = dict(zip(hierarchies, node, strict=True))
    released: dict[str, list[Row]] = {PATIENTS: []}
    for person in sorted(staying):
        row = {
            name: hierarchies[name].label(_text(value), levels[name]) if name in levels else value
            for name, value in patients[person].items()
        }
        released[PATIENTS].append({"person": keys.pseudonym(secrets.pseudonym, person), **row})
    for table in plan.tables:
        if table.name != PATIENTS:
            released[table.name] = _events(rows[table.name], plan, table, secrets, staying)
    return Released(released, frozenset(patients) - staying, node)


def _patient(
    person: str, own: Iterable[Mapping[str, object]], plan: Plan, secrets: ReleaseSecrets, reference: date, residence: Residence
) -> Row:
    one = registrations.consolidated(own, identifiers.surviving(plan.table(PATIENTS)))
    weeks = dates.shift_weeks(secrets.shift, person, plan.shift_window_weeks)
    row: Row = {}
    for name, column in registrations.released_columns(plan).items():
        value = one[column.name]
        match column.treatment:
            case Treatment.KEEP:
                row[name] = value
            case Treatment.SHIFT:
                row[name] = dates.shifted(_day(value), weeks)
            case Treatment.SHIFT_YEAR:
                row[name] = dates.shifted_year(_day(value), weeks)
            case Treatment.BIRTH_YEAR:
                row[name] = ages.birth_year_label(dates.shifted(_day(value), weeks), reference)
            case Treatment.AGE_BAND:
                row[name] = ages.age_band_label(dates.shifted(_day(value), weeks), reference)
            case Treatment.PLACE:
                placed = {c.name for c in plan.table(PATIENTS).released if c.treatment is Treatment.PLACE}
                address = _text(one["address"]) if "address" in placed else None
                row[name] = places.place(address, _text(one["postal_code"]) if "postal_code" in placed else None, residence)
            case _:
                raise identifiers.IDENTIFIER_SURVIVES.refuse(item=column.qualified)
    return row


def _anonymise(
    rows: Rows, plan: Plan, patients: Mapping[str, Row], hierarchies: Mapping[str, Hierarchy]
) -> tuple[tuple[int, ...], frozenset[str]]:
    everyone = frozenset(patients)
    allowed = anonymity.permitted(len(everyone), plan.anonymity.suppression_limit)
    best: tuple[float, int, tuple[int, ...]] | None = None
    principal = _principal(rows, plan, everyone)
    for node in itertools.product(*(range(hierarchy.levels) for hierarchy in hierarchies.values())):
        staying = _satisfying(plan, patients, hierarchies, node, everyone, principal)
        if len(everyone) - len(staying) <= allowed and staying:
            candidate = (round(_loss(patients, hierarchies, node, staying), 12), sum(node), node)
            best = candidate if best is None else min(best, candidate)
    if best is not None:
        node, staying, before = best[2], everyone, None
        while staying != before:
            before, staying = staying, _satisfying(plan, patients, hierarchies, node, staying, _principal(rows, plan, staying))
        if len(everyone) - len(staying) <= allowed and staying:
            return node, staying
    raise anonymity.UNATTAINABLE.refuse(persons=len(everyone), allowed=allowed, k=plan.anonymity.k)


def _satisfying(
    plan: Plan,
    patients: Mapping[str, Row],
    hierarchies: Mapping[str, Hierarchy],
    node: Sequence[int],
    persons: frozenset[str],
    principal: Mapping[str, Mapping[str, str | None]],
) -> frozenset[str]:
    classes: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for person in persons:
        # A missing value is a value: None stands in the key like any other.
        key = (h.label(_text(patients[person][name]), level) for (name, h), level in zip(hierarchies.items(), node, strict=True))
        classes[tuple(key)].append(person)
    staying: set[str] = set()
    for members in classes.values():
        satisfied = len(members) >= plan.anonymity.k
        for asked in engine.asked_of(plan):
            values = principal[asked.column]
            here, whole = Counter(values.get(one) for one in members), Counter(values.get(one) for one in persons)
            satisfied &= all(meaning.holds(model, here, whole, asked.hierarchy) for model in asked.models)
        if satisfied:
            staying.update(members)
    return frozenset(staying)


def _loss(patients: Mapping[str, Row], hierarchies: Mapping[str, Hierarchy], node: Sequence[int], staying: frozenset[str]) -> float:
    product = 1.0
    for (name, hierarchy), level in zip(hierarchies.items(), node, strict=True):
        covered = {label: 0 for label in hierarchy.labels[level]}
        for leaf in hierarchy.leaves:
            covered[hierarchy.label(leaf, level)] += 1
        lost = float(len(patients) - len(staying))
        for person in staying:
            lost += max(covered[hierarchy.label(_text(patients[person][name]), level)], 1) / hierarchy.size
        least = 1 / hierarchy.size
        product *= 1.0 if hierarchy.size == 1 else 1 + max((lost / len(patients) - least) / (1 - least), 0.0)
    return float(product ** (1 / len(hierarchies)) - 1) if hierarchies else 0.0


def _principal(rows: Rows, plan: Plan, persons: frozenset[str]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for asked in engine.asked_of(plan):
        column = next(c for t in plan.tables for c in t.released if c.qualified == asked.column)
        rare = column.treatment is Treatment.GENERALISE_RARE
        labels = _settle(rows, plan, [column], persons)[column.qualified] if rare else {}
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows[column.table]:
            value = _text(row[column.name])
            label = labels[value] if rare and value is not None and row["person"] in persons else value
            if label is not None and row["person"] in persons:
                counts[str(row["person"])][label] += 1
        found[asked.column] = {person: min(own, key=lambda value: (-own[value], value)) for person, own in counts.items()}
    return found


def _settle(rows: Rows, plan: Plan, columns: Iterable[ColumnPlan], persons: frozenset[str]) -> Labels:
    labels: Labels = {}
    for column in columns:
        held_by: dict[str, set[str]] = defaultdict(set)
        for row in rows[column.table]:
            value = _text(row[column.name])
            if value is not None and row["person"] in persons:
                held_by[value].add(str(row["person"]))
        system = tables.named(column.qualified).code_system
        labels[column.qualified] = rarity.settle_slowly({code: codes.path(system, code) for code in held_by}, held_by, plan.rare_persons)
    return labels


def _events(
    rows: Sequence[Mapping[str, object]], plan: Plan, table: TablePlan, secrets: ReleaseSecrets, staying: frozenset[str]
) -> list[Row]:
    rare = [column for column in table.released if column.treatment is Treatment.GENERALISE_RARE]
    decisive = [column for column in rare if tables.named(column.qualified).kind is Kind.SENSITIVE_VALUE]
    present = [row for row in rows if row["person"] in staying]
    labels = _settle({table.name: present}, plan, decisive, staying)

    def label(row: Mapping[str, object], column: ColumnPlan) -> str | None:
        return None if row[column.name] is None else labels[column.qualified][str(row[column.name])]

    remaining = [
        row
        for row in present
        if not any(row[column.name] is not None and label(row, column) is None for column in decisive)
        or any(label(row, column) is not None for column in decisive)
    ]
    labels |= _settle({table.name: remaining}, plan, [column for column in rare if column not in decisive], staying)
    released = [_event(str(row["person"]), row, plan, table, secrets, labels) for row in remaining]
    for column in table.released:
        if column.treatment is Treatment.CLIP:
            _clip(released, plan, column, measurements.grouping(column, table))
    return released


def _event(person: str, source: Mapping[str, object], plan: Plan, table: TablePlan, secrets: ReleaseSecrets, labels: Labels) -> Row:
    weeks = dates.shift_weeks(secrets.shift, person, plan.shift_window_weeks)
    row: Row = {"person": keys.pseudonym(secrets.pseudonym, person)}
    hospital = str(source.get("hospital") or "")
    for column in table.released:
        value = identifiers.strip(source, table)[column.name]
        match column.treatment:
            case Treatment.REKEY:
                value = keys.rekeyed(secrets.pseudonym, column.name, hospital, person, _text(value))
            case Treatment.SHIFT:
                value = dates.shifted(_day(value), weeks)
            case Treatment.SHIFT_YEAR:
                value = dates.shifted_year(_day(value), weeks)
            case Treatment.GENERALISE_RARE:
                value = None if value is None else labels[column.qualified][str(value)]
        row[column.name] = value
    return row


def _clip(released: Sequence[Row], plan: Plan, column: ColumnPlan, by: Sequence[str]) -> None:
    groups: dict[tuple[object, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in released:
        value = row[column.name]
        if isinstance(value, int | float):
            groups[tuple(row[name] for name in by)][str(row["person"])].append(float(value))
    limits = {group: measurements.bounds(values, plan.clip, plan.rare_persons) for group, values in groups.items()}
    for row in released:
        value = row[column.name]
        if isinstance(value, int | float):
            row[column.name] = measurements.clipped(float(value), limits[tuple(row[name] for name in by)])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None
