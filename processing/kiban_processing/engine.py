"""加工の実行 (engine): carries a plan out in bulk, table by table; `reference` is the same row by row, and tests prove the two equal.

The engine may be locked (no access to files or addresses): all that comes from Python is handed over as Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from kiban_processing import anonymity, conditions, derived, dialect, event_days, event_tables, registrations, staying
from kiban_processing.anonymity import Asked, Quasi
from kiban_processing.connection import Connection
from kiban_processing.derived import Attribute
from kiban_processing.event_tables import Settled
from kiban_processing.hierarchies import named
from kiban_processing.language import Text
from kiban_processing.outcome import (
    JUDGED_PERSONS,
    SECRET_PERSONS,
    AnonymityOutcome,
    DerivedOutcome,
    MeasurementOutcome,
    ModelOutcome,
    Outcome,
    QuasiOutcome,
    ReleasedColumn,
    ReleaseSecrets,
    SensitiveOutcome,
    TableOutcome,
    released,
)
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, Plan
from kiban_processing.recoding import demands
from kiban_processing.recoding.demands import Closeness, DistinctDiversity
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19
from kiban_processing.staying import Stayed
from kiban_processing.transforms import identifiers

SOURCE_MISSING = Ground(
    "plan-source-missing",
    Family.INPUT,
    ACT_19,
    Text("計画にある「{item}」が加工元にありません。", "The plan names “{item}”, which the source does not have."),
    Text("計画か、取り込んだ表を確かめてください。", "Check the plan, or the tables that were taken in."),
)
SECRET_SHORT = Ground(
    "release-secret-short",
    Family.INTEGRITY,
    ACT_19,
    Text("提供ごとの秘密は異なる32バイト2つでなければなりません。", "The secrets of a release must be two different ones of 32 bytes."),
    Text("提供ごとに新しい秘密を作ってください。", "Make new secrets for each release."),
)

Progress = Callable[[str, float], None]  # stage, share done from 0 to 1
_RELEASED_PERSONS = "plan_released"  # person, pseudonym, shift_weeks


def carry_out(
    con: Connection,
    plan: Plan,
    sources: Mapping[str, str],
    secrets: ReleaseSecrets,
    reference_date: date,
    progress: Progress | None = None,
    earlier: str | None = None,
) -> Outcome:
    """Leave `released_<table>` for every table of the plan, and `secret_persons` and `judged_persons` for the gate.

    `sources`: table → relation of the engine with `person` (None is nobody) beside the catalogue's columns, and `hospital` where linking
    codes are only unique within one. Released rows have no order: whoever writes them orders by all columns, the pseudonym first.
    `earlier`: relation `person, joint` of the classes that persons had in earlier releases; whoever shares a class then shares that value too
    with k persons, so that joint classes keep k (`risk.intersection`).
    Refuses: plan-source-missing, release-secret-short, identifier-survives, hierarchy-unknown, hierarchy-gap, anonymity-unattainable.
    Source: Act 19(1), Reg 18.
    """
    tell = progress or (lambda stage, share: None)
    if len(secrets.pseudonym) != 32 or len(secrets.shift) != 32 or secrets.pseudonym == secrets.shift:
        raise SECRET_SHORT.refuse()
    _inspect(con, plan, sources)
    tell("registrations", 0.0)
    places = named.residence_of(plan)
    registrations.treat(con, plan, sources[PATIENTS], secrets, reference_date, places)
    sources, dropped, days = event_days.treat(con, plan, sources, secrets)
    tell("anonymity", 0.1)
    attributes = derived.attributes(plan, reference_date)
    quasi = [Quasi(c.released_as, named.hierarchy_of(c, plan, reference_date, places)) for c in plan.quasi]
    quasi += [Quasi(one.name, one.hierarchy, one.told) for one in attributes]
    asked = asked_of(plan)
    stayed = staying.decide(
        con, plan, sources, quasi, attributes, asked, secrets, lambda done, of: tell("anonymity", 0.1 + 0.3 * done / of), earlier
    )
    figures = stayed.figures
    _persons(con, plan, quasi, attributes)
    outcomes = {PATIENTS: _patients(con, plan, sources[PATIENTS], quasi, attributes, stayed)}
    settled, measured = dict(stayed.settled), list[MeasurementOutcome]()
    events = [table for table in plan.tables if table.name != PATIENTS]
    for number, table in enumerate(events):
        tell(table.name, 0.4 + 0.6 * number / len(events))
        source, kept = sources[table.name], stayed.kept[table.name]
        rare = [column for column in table.released if column.treatment is Treatment.GENERALISE_RARE]
        labels: dict[str, Settled] = {}
        for column in (*table.decisive, *(one for one in rare if one not in table.decisive)):
            relation = kept.relation if column in table.decisive else event_tables.remaining(table, kept.relation, labels)
            if column.qualified not in settled:
                settled[column.qualified] = event_tables.settle(con, plan, column, relation, _RELEASED_PERSONS)
            labels[column.name] = settled[column.qualified]
        outcomes[table.name], clipped = event_tables.release(
            con, plan, table, source, _RELEASED_PERSONS, registrations.PERSONS, labels, secrets, kept
        )
        outcomes[table.name] = event_days.counted(outcomes[table.name], dropped)
        measured += clipped
    outcome = Outcome(
        plan.name,
        plan.version,
        plan.digest,
        reference_date,
        outcomes,
        figures.persons,
        figures.suppressed,
        _anonymity_outcome(plan, quasi, stayed),
        tuple(one.outcome for _, one in sorted(settled.items())),
        tuple(measured),
        plan.shift_window_weeks,
        days,
        tuple(DerivedOutcome(one.name, one.planned.kind.value, one.planned.table, one.handling.value) for one in attributes),
        stayed.code_sets,
    )
    event_days.clear(con, plan)
    anonymity.clear(con, len(quasi) + 1, len(asked))
    staying.clear(con, plan, replace(stayed, settled=settled))
    for name in (_RELEASED_PERSONS, registrations.PERSONS):
        con.execute(f"DROP TABLE IF EXISTS {name}")
    tell("done", 1.0)
    return outcome


def _inspect(con: Connection, plan: Plan, sources: Mapping[str, str]) -> None:
    for table in plan.tables:
        if table.name not in sources:
            raise SOURCE_MISSING.refuse(item=table.name)
        present = {row[0] for row in con.execute(f"DESCRIBE {sources[table.name]}").fetchall()}
        read = (*identifiers.surviving(table), *sorted(plan.read_of(table.name)))
        needed = ("person", *read, *(("registered_on",) if table.name == PATIENTS else ()))
        for name in needed:
            if name not in present:
                raise SOURCE_MISSING.refuse(item=f"{table.name}.{name}")


def asked_of(plan: Plan) -> list[Asked]:
    """What the plan asks of each sensitive column. Refuses: hierarchy-malformed."""
    asked = plan.anonymity
    return [
        Asked(column, conditions.of_column((*asked.l, *asked.t, *asked.beta), column), named.hierarchy_of_values(plan, column))
        for column in asked.sensitive
    ]


def _persons(con: Connection, plan: Plan, quasi: list[Quasi], attributes: tuple[Attribute, ...]) -> None:
    """Leave SECRET_PERSONS, JUDGED_PERSONS, `released_patients` and the persons who stay."""
    parts, joins = anonymity.released_values(quasi, "c")
    # What the released events tell is judged, and is no column.
    told = {one.name: f"j.{dialect.quoted(one.name)}" for one in attributes if one.told}
    columns = [*registrations.released_columns(plan), *(one.name for one in attributes if not one.told)]
    listed = "".join(f", {parts.get(name, f'p.{dialect.quoted(name)}')} AS {dialect.quoted(name)}" for name in columns)
    present = f"{registrations.PERSONS} p JOIN {staying.STAYING} c ON c.person = p.person"
    con.execute(
        f"CREATE OR REPLACE TABLE {SECRET_PERSONS} AS SELECT p.person, p.pseudonym, p.shift_weeks, c.person IS NULL AS suppressed "
        f"FROM {registrations.PERSONS} p LEFT JOIN {staying.STAYING} c ON c.person = p.person"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_RELEASED_PERSONS} AS SELECT person, pseudonym, shift_weeks FROM {SECRET_PERSONS} WHERE NOT suppressed"
    )
    con.execute(f"CREATE OR REPLACE TABLE {released(PATIENTS)} AS SELECT p.pseudonym AS person{listed} FROM {present} {joins}")
    values = "".join(f", {expression} AS {dialect.quoted(name)}" for name, expression in {**parts, **told}.items())
    sensitive = "".join(f", j.{dialect.quoted(one.column)}" for one in asked_of(plan))
    con.execute(
        f"CREATE OR REPLACE TABLE {JUDGED_PERSONS} AS SELECT p.pseudonym AS person{values}{sensitive} FROM {present} "
        f"JOIN {staying.JUDGED} j ON j.person = p.person {joins}"
    )


def _patients(
    con: Connection, plan: Plan, source: str, quasi: list[Quasi], attributes: tuple[Attribute, ...], stayed: Stayed
) -> TableOutcome:
    before, of_persons = con.execute(f"SELECT count(*), count(person) FROM {source}").fetchone() or (0, 0)
    columns = [
        ReleasedColumn(one.name, "VARCHAR", one.planned.sources, Treatment.DERIVED, quasi=True) for one in attributes if not one.told
    ]
    figures = stayed.figures
    return TableOutcome(
        PATIENTS,
        (*registrations.described(plan), *columns),
        before,
        figures.persons - figures.suppressed,
        of_persons - figures.persons,
        figures.suppressed,
        before - of_persons,
        0,
        cells_suppressed=stayed.persons_by_cell * sum(one.hierarchy.levels > 1 and not one.told for one in quasi),
    )


def _anonymity_outcome(plan: Plan, quasi: list[Quasi], stayed: Stayed) -> AnonymityOutcome:
    recoding, figures, asked = stayed.recoding, stayed.figures, plan.anonymity
    node = recoding.node or (None,) * len(quasi)
    return AnonymityOutcome(
        asked.method.value,
        asked.k,
        min(figures.class_sizes, default=0),
        asked.suppression_limit,
        tuple(
            QuasiOutcome(one.column, one.hierarchy.name, one.hierarchy.version, level, one.hierarchy.levels, persons)
            for one, level, persons in zip(quasi, node, stayed.levels, strict=True)
        ),
        tuple(
            SensitiveOutcome(
                one.column,
                max((model.l for model in one.models if isinstance(model, DistinctDiversity)), default=None),
                distinct,
                min(
                    (model.t for model in one.models if isinstance(model, Closeness) and model.ground is demands.Ground.EQUAL), default=None
                ),
                distance,
                tuple(
                    ModelOutcome(demands.called(model), demands.bound(model), each) for model, each in zip(one.models, reached, strict=True)
                ),
            )
            for one, (distinct, distance), reached in zip(asked_of(plan), figures.reached, figures.of_models, strict=True)
        ),
        figures.loss_geometric,
        figures.loss_arithmetic,
        sum(figures.class_sizes.values()),
        figures.class_sizes,
        asked.metric.value,
        asked.suppress.value,
        stayed.persons_by_cell,
    )
