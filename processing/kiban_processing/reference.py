"""加工の意味 (reference): carries a plan out row by row in plain Python; slow, and what `engine` must equal.

It shares with the engine what is data (the plan, hierarchies, places) and the treatments' own plain forms, and nothing of the SQL nor of the
global search: it tries every node. Local recoding is a heuristic without another meaning; it is given tuples that are made here.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from kiban_processing import anonymity, derived, engine, event_days_reference, registrations
from kiban_processing.catalogue import tables
from kiban_processing.derived import Attribute
from kiban_processing.hierarchies import ages, codes, named
from kiban_processing.hierarchies.hierarchy import Hierarchy, build
from kiban_processing.hierarchies.residence import Residence
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, ColumnPlan, DerivedKind, Handling, Method, Plan, Suppression, TablePlan
from kiban_processing.recoding import meaning, order
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Sensitive, Tuples
from kiban_processing.transforms import code_sets, dates, identifiers, keys, measurements, places, rarity

Row = dict[str, object]
Rows = Mapping[str, Sequence[Mapping[str, object]]]  # table → rows with `person` beside the catalogue's columns
Labels = dict[str, dict[str, str | None]]  # qualified column → code → label
Gone = dict[str, set[tuple[str, str]]]  # qualified column → person and code of the cells suppressed for one person


@dataclass(frozen=True)
class Released:
    """The released tables, the persons left out, the node (global), and each released person's levels."""

    tables: dict[str, list[Row]]
    suppressed: frozenset[str]
    node: tuple[int, ...]
    levels: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class _Run:
    """What all steps need: rows without nobody's, the persons' treated rows, hierarchies by column (derived ones last)."""

    rows: Rows
    plan: Plan
    secrets: ReleaseSecrets
    patients: Mapping[str, Row]
    hierarchies: Mapping[str, Hierarchy]
    attributes: tuple[Attribute, ...]

    def weeks(self, person: str) -> int:
        return dates.shift_weeks(self.secrets.shift, person, self.plan.shift_window_weeks)


@dataclass(frozen=True)
class _Told:
    """What the rows tell once codes are settled among some persons: what is judged, and how codes are released."""

    values: dict[str, Row]  # person → quasi-identifiers, derived ones included, as leaves
    principal: dict[str, dict[str, str | None]]
    labels: Labels
    gone: Gone


def carry_out(rows: Rows, plan: Plan, secrets: ReleaseSecrets, reference_date: date, earlier: Mapping[str, str] | None = None) -> Released:
    """What a plan makes of some rows. `earlier`: person → joint of the classes in earlier releases. Refuses: anonymity-unattainable, hierarchy-unknown, identifier-survives."""
    residence = named.residence_of(plan)
    by_person: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows[PATIENTS]:
        if row["person"] is not None:
            by_person[str(row["person"])].append(row)
    patients = {person: _patient(person, own, plan, secrets, reference_date, residence) for person, own in sorted(by_person.items())}
    attributes = derived.attributes(plan, reference_date)
    hierarchies = {column.released_as: named.hierarchy_of(column, plan, reference_date, residence) for column in plan.quasi}
    hierarchies |= {one.name: one.hierarchy for one in attributes}
    rows = event_days_reference.treated(rows, plan, secrets, patients)
    searched, keyed = dict(hierarchies), patients
    if earlier is not None:
        searched["earlier"] = build("earlier", "1", [[value] for value in sorted({"absent", *earlier.values()})])
        keyed = {person: {**row, "earlier": earlier.get(person, "absent")} for person, row in patients.items()}
    run = _Run(rows, plan, secrets, keyed, searched, attributes)
    node, levels, left, told = _anonymise(run)
    node = node[: len(hierarchies)]
    levels = {person: own[: len(hierarchies)] for person, own in levels.items()}
    released: dict[str, list[Row]] = {PATIENTS: []}
    for person in sorted(levels):
        own: Row = dict(patients[person]) | {one.name: told.values[person][one.name] for one in attributes if not one.told}
        for (name, hierarchy), level in zip(hierarchies.items(), levels[person], strict=True):
            if name in own:
                own[name] = hierarchy.label(_text(own[name]), level)
        released[PATIENTS].append({"person": keys.pseudonym(secrets.pseudonym, person), **own})
    for table in plan.tables:
        if table.name != PATIENTS:
            released[table.name] = _events(run, left, table, told, frozenset(levels))
    return Released(released, frozenset(patients) - levels.keys(), node, levels)


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
                row[name] = _within(dates.shifted(_day(value), weeks), column, plan)
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


def _within(moved: date | None, column: ColumnPlan, plan: Plan) -> date | None:
    if moved is None or column.name not in registrations.TRIMMED:
        return moved
    return moved if dates.inside(moved, plan.visits.period, plan.shift_window_weeks) else None


def _anonymise(run: _Run) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]], Rows, _Told]:
    """The node (empty where classes have levels of their own), the levels of each person who stays, the rows left, and what they tell."""
    plan, everyone = run.plan, frozenset(run.patients)
    allowed = anonymity.permitted(len(everyone), plan.anonymity.suppression_limit)
    told = _tell(run, run.rows, everyone)
    node, levels = _chosen(run, told, allowed)
    if plan.anonymity.suppress is Suppression.CELL:
        levels = _emptied(run, told, levels)
    again = bool(engine.asked_of(plan)) or any(one.told for one in run.attributes)
    left, before = _limited(run, told, levels) if again else run.rows, None
    told = _tell(run, left, frozenset(levels))
    while again and levels.keys() != before:
        before = levels.keys()
        staying = _satisfying(run, told, levels, {one.name for one in run.attributes if one.told})
        levels = {person: own for person, own in levels.items() if person in staying}
        told = _tell(run, left, frozenset(levels))
    if len(everyone) - len(levels) > allowed or not levels:
        raise anonymity.UNATTAINABLE.refuse(persons=len(everyone), allowed=allowed, k=plan.anonymity.k)
    return node, levels, left, told


def _chosen(run: _Run, told: _Told, allowed: int) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    """The levels that the method chooses: of every node for the global one; the local one is a heuristic, which sees tuples made here."""
    everyone = frozenset(run.patients)
    if run.plan.anonymity.method is Method.LOCAL:
        return _recoded(run, told)
    best: tuple[float, int, tuple[int, ...], frozenset[str]] | None = None
    for node in itertools.product(*(range(hierarchy.levels) for hierarchy in run.hierarchies.values())):
        staying = _satisfying(run, told, dict.fromkeys(everyone, node), set())
        if len(everyone) - len(staying) <= allowed and staying:
            lost = round(_loss(told.values, run.hierarchies, node, staying), 12)
            candidate = (lost, sum(node), node, staying)
            best = candidate if best is None or candidate[:3] < best[:3] else best
    if best is None:
        raise anonymity.UNATTAINABLE.refuse(persons=len(everyone), allowed=allowed, k=run.plan.anonymity.k)
    return best[2], dict.fromkeys(sorted(best[3]), best[2])


def _recoded(run: _Run, told: _Told) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]]]:
    asked = engine.asked_of(run.plan)
    values, numbers = {}, {}
    for one in asked:
        values[one.column] = order.arranged({told.principal[one.column].get(person) for person in run.patients}, one.hierarchy)
        numbers[one.column] = {value: n for n, value in enumerate(values[one.column])}
    keyed: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for person in sorted(run.patients):
        leaves = [
            h.size if (value := _text(told.values[person][name])) is None else h.leaves.index(value) for name, h in run.hierarchies.items()
        ]
        keyed[(*leaves, *(numbers[one.column][told.principal[one.column].get(person)] for one in asked))].append(person)
    ordered = sorted(keyed)
    columns = [np.array([key[place] for key in ordered], dtype=np.int64) for place in range(len(run.hierarchies) + len(asked))]
    tuples = Tuples(
        tuple(run.hierarchies.values()),
        tuple(columns[: len(run.hierarchies)]),
        np.array([len(keyed[key]) for key in ordered], dtype=np.int64),
        tuple(
            Sensitive(one.column, codes, one.models, values[one.column], one.hierarchy)
            for one, codes in zip(asked, columns[len(run.hierarchies) :], strict=True)
        ),
    )
    wanted = run.plan.anonymity
    ties = keys.tie_breaks(run.secrets.pseudonym)
    found = anonymity.choose(
        tuples,
        Demand(wanted.k + run.plan.risk.margin),
        wanted.suppression_limit,
        Metric(wanted.metric.value),
        None,
        wanted.method.value,
        ties,
    )
    levels: dict[str, tuple[int, ...]] = {}
    for key, of in zip(ordered, found.of, strict=True):
        if of >= 0:
            levels |= dict.fromkeys(keyed[key], tuple(int(level) for level in found.levels[of]))
    return found.node or (), dict(sorted(levels.items()))


def _emptied(run: _Run, told: _Told, levels: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Persons left out join those at the top of every hierarchy, where that makes a class that satisfies everything."""
    top = tuple(hierarchy.levels - 1 for hierarchy in run.hierarchies.values())
    out = frozenset(run.patients) - levels.keys()
    groups: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for person in sorted(run.patients):
        if person in out or levels[person] == top:
            groups[_key(run, told, person, top, set())].append(person)
    rescued = dict(levels)
    for members in groups.values():
        if out & set(members) and _satisfied(run, told, members, frozenset(run.patients)):
            rescued |= dict.fromkeys(members, top)
    return dict(sorted(rescued.items()))


def _key(run: _Run, told: _Told, person: str, levels: Sequence[int], seen: set[str]) -> tuple[str | None, ...]:
    # A missing value is a value: None stands in the key like any other.
    own = told.values[person]
    return tuple(
        _text(own[name]) if name in seen else hierarchy.label(_text(own[name]), level)
        for (name, hierarchy), level in zip(run.hierarchies.items(), levels, strict=True)
    )


def _satisfying(run: _Run, told: _Told, levels: Mapping[str, tuple[int, ...]], seen: set[str]) -> frozenset[str]:
    """The persons whose class, by what the recipient sees, satisfies everything; `seen`: columns that the events tell as they are."""
    classes: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for person, own in levels.items():
        classes[_key(run, told, person, own, seen)].append(person)
    staying: set[str] = set()
    for members in classes.values():
        if _satisfied(run, told, members, frozenset(levels)):
            staying.update(members)
    return frozenset(staying)


def _satisfied(run: _Run, told: _Told, members: Sequence[str], persons: frozenset[str]) -> bool:
    satisfied = len(members) >= run.plan.anonymity.k + run.plan.risk.margin
    for asked in engine.asked_of(run.plan):
        values = told.principal[asked.column]
        here, whole = Counter(values.get(one) for one in members), Counter(values.get(one) for one in persons)
        satisfied &= all(meaning.holds(model, here, whole, asked.hierarchy) for model in asked.models)
    return satisfied


def _limited(run: _Run, told: _Told, levels: Mapping[str, tuple[int, ...]]) -> Rows:
    """The rows that the levels of the persons who stay leave."""
    left = {table: [row for row in own if row["person"] in levels] for table, own in run.rows.items()}
    places = {name: place for place, name in enumerate(run.hierarchies)}
    for one in run.attributes:
        if one.handling is Handling.LIMITED:
            table, kept = one.planned.table, []
            member = _members(one, run.rows[table])
            for person, own in levels.items():
                rows = [row for row in left[table] if row["person"] == person]
                kept += derived.limited(one, rows, _text(told.values[person][one.name]), own[places[one.name]], member)
            left[table] = kept
    return left


def _members(one: Attribute, rows: Iterable[Mapping[str, object]]) -> dict[str, str]:
    if not one.planned.column:
        return {}
    return derived.members(one, {str(row[one.planned.column]) for row in rows if row[one.planned.column] is not None})


def _tell(run: _Run, rows: Rows, persons: frozenset[str]) -> _Told:
    """Settle codes among some persons, and see what their rows tell."""
    labels, gone = _settled(run, rows, persons)
    values = {person: dict(run.patients[person]) for person in run.patients}
    for one in run.attributes:
        table = run.plan.table(one.planned.table)
        source = rows[table.name] if one.told else run.rows[table.name]
        own = _remaining([row for row in source if row["person"] in persons], table, labels, gone) if one.told else source
        if one.told and one.planned.column:
            own = [{**row, one.planned.column: _label(row, table, one.planned.column, labels, gone)} for row in own]
        member = _members(one, own)
        for person in run.patients:
            values[person][one.name] = derived.value(one, [row for row in own if row["person"] == person], run.weeks(person), member)
    return _Told(values, _principal(run, rows, persons, labels, gone), labels, gone)


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


def _principal(run: _Run, rows: Rows, persons: frozenset[str], labels: Labels, gone: Gone) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for asked in engine.asked_of(run.plan):
        table, _, name = asked.column.partition(".")
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows[table]:
            if row["person"] in persons:
                coded = asked.column in labels
                label = _label(row, run.plan.table(table), name, labels, gone) if coded else _text(row[name])
                if label is not None:
                    counts[str(row["person"])][label] += 1
        found[asked.column] = {person: min(own, key=lambda value: (-own[value], value)) for person, own in counts.items()}
    return found


def _settled(run: _Run, rows: Rows, persons: frozenset[str]) -> tuple[Labels, Gone]:
    """The labels of all decisive columns, and the cells that code sets take from single persons."""
    labels: Labels = {}
    gone: Gone = defaultdict(set)
    sets = run.plan.code_sets
    if sets:
        held_by = {
            (column, code): persons_of
            for column in sets.columns
            for code, persons_of in _holders(rows[column.partition(".")[0]], column.partition(".")[2], persons).items()
        }
        holdings = code_sets.Holdings(held_by)
        paths = {code: codes.path(tables.named(code[0]).code_system, code[1]) for code in held_by}
        for (column, code), label in code_sets.settle(paths, holdings, sets, run.plan.rare_persons).items():
            labels.setdefault(column, {})[code] = label
            gone[column] |= {(person, code) for person in held_by[column, code] - holdings.left[column, code]}
        labels |= {column: {} for column in sets.columns if column not in labels}
    for table in run.plan.tables:
        wanted = [column for column in table.decisive if column.qualified not in labels]
        labels |= _settle(rows.get(table.name, ()), run.plan, wanted, persons)
    return labels, gone


def _holders(rows: Iterable[Mapping[str, object]], name: str, persons: frozenset[str]) -> dict[str, set[str]]:
    held_by: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        value = _text(row[name])
        if value is not None and row["person"] in persons:
            held_by[value].add(str(row["person"]))
    return held_by


def _settle(rows: Sequence[Mapping[str, object]], plan: Plan, columns: Iterable[ColumnPlan], persons: frozenset[str]) -> Labels:
    labels: Labels = {}
    for column in columns:
        held_by = _holders(rows, column.name, persons)
        system = tables.named(column.qualified).code_system
        labels[column.qualified] = rarity.settle_slowly({code: codes.path(system, code) for code in held_by}, held_by, plan.rare_persons)
    return labels


def _label(row: Mapping[str, object], table: TablePlan, name: str, labels: Labels, gone: Gone) -> str | None:
    qualified, code = f"{table.name}.{name}", _text(row[name])
    if code is None or (str(row["person"]), code) in gone.get(qualified, ()):
        return None
    return labels[qualified][code]


def _remaining(rows: Iterable[Mapping[str, object]], table: TablePlan, labels: Labels, gone: Gone) -> list[Mapping[str, object]]:
    """The rows that have not lost all they said."""

    def stays(row: Mapping[str, object]) -> bool:
        released = {column.name: _label(row, table, column.name, labels, gone) for column in table.decisive}
        lost = any(label is None and row[name] is not None for name, label in released.items())
        return not lost or any(label is not None for label in released.values())

    return [row for row in rows if stays(row)]


def _events(run: _Run, left: Rows, table: TablePlan, told: _Told, staying: frozenset[str]) -> list[Row]:
    plan = run.plan
    rare = [column for column in table.released if column.treatment is Treatment.GENERALISE_RARE]
    remaining = _remaining([row for row in left[table.name] if row["person"] in staying], table, told.labels, told.gone)
    labels = told.labels | _settle(remaining, plan, [column for column in rare if column not in table.decisive], staying)
    released = []
    for row in remaining:
        person, hospital = str(row["person"]), str(row.get("hospital") or "")
        astray = [name for name, leads in _references(run, left, table).items() if (person, hospital, row[name]) not in leads]
        released.append(_event(person, {**row, **dict.fromkeys(astray)}, plan, table, run.secrets, labels, told.gone))
    for column in table.released:
        if column.treatment is Treatment.CLIP:
            _clip(released, plan, column, measurements.grouping(column, table))
    return released


def _references(run: _Run, left: Rows, table: TablePlan) -> dict[str, set[tuple[str, str, object]]]:
    """Per linking column the rows it may lead to, where the number of these is a quasi-identifier."""
    limited = [one.planned for one in run.attributes if one.handling is Handling.LIMITED and one.planned.kind is DerivedKind.COUNT]
    return {
        name: {(str(row["person"]), str(row.get("hospital") or ""), row[name]) for row in left[one.table]}
        for one in limited
        if one.table != table.name
        for name in tables.TABLES[one.table].key
        if name in {column.name for column in table.released if column.treatment is Treatment.REKEY}
    }


def _event(
    person: str, source: Mapping[str, object], plan: Plan, table: TablePlan, secrets: ReleaseSecrets, labels: Labels, gone: Gone
) -> Row:
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
                value = _label(source, table, column.name, labels, gone)
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
