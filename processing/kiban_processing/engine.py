"""加工の実行 (engine): carries a plan out in bulk, table by table; `reference` is the same row by row, and tests prove the two equal.

The engine may be locked (no access to files or addresses): all that comes from Python is handed over as Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from kiban_processing import anonymity, conditions, dialect, event_tables, registrations
from kiban_processing.anonymity import Asked, Figures, Quasi
from kiban_processing.connection import Connection
from kiban_processing.event_tables import Settled
from kiban_processing.hierarchies import named
from kiban_processing.language import Text
from kiban_processing.outcome import (
    JUDGED_PERSONS,
    SECRET_PERSONS,
    AnonymityOutcome,
    MeasurementOutcome,
    ModelOutcome,
    Outcome,
    QuasiOutcome,
    ReleaseSecrets,
    SensitiveOutcome,
    TableOutcome,
    released,
)
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, ColumnPlan, Plan
from kiban_processing.recoding import demands
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19
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
_STAYING = "plan_staying"  # person, class (none before the first choice)
_JUDGED = "plan_judged"
_RELEASED_PERSONS = "plan_released"  # person, pseudonym, shift_weeks


def carry_out(
    con: Connection,
    plan: Plan,
    sources: Mapping[str, str],
    secrets: ReleaseSecrets,
    reference_date: date,
    progress: Progress | None = None,
) -> Outcome:
    """Leave `released_<table>` for every table of the plan, and `secret_persons` and `judged_persons` for the gate.

    `sources`: table → relation of the engine with `person` (None is nobody) beside the catalogue's columns, and `hospital` where linking
    codes are only unique within one. Released rows have no order: whoever writes them orders by all columns, the pseudonym first.
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
    tell("anonymity", 0.1)
    quasi = [Quasi(c.released_as, named.hierarchy_of(c, plan, reference_date, places)) for c in plan.quasi]
    recoding, figures, settled = _anonymise(con, plan, sources, quasi, lambda done, of: tell("anonymity", 0.1 + 0.3 * done / of))
    _persons(con, plan, quasi)
    outcomes = {PATIENTS: _patients(con, plan, sources[PATIENTS], figures)}
    measured: list[MeasurementOutcome] = []
    events = [table for table in plan.tables if table.name != PATIENTS]
    for number, table in enumerate(events):
        tell(table.name, 0.4 + 0.6 * number / len(events))
        source = sources[table.name]
        rare = [column for column in table.released if column.treatment is Treatment.GENERALISE_RARE]
        decisive = event_tables.decisive(table)
        labels: dict[str, Settled] = {}
        for column in (*decisive, *(one for one in rare if one not in decisive)):
            relation = source if column in decisive else event_tables.remaining(table, source, labels)
            if column.qualified not in settled:
                settled[column.qualified] = event_tables.settle(con, plan, column, relation, _RELEASED_PERSONS)
            labels[column.name] = settled[column.qualified]
        outcomes[table.name], clipped = event_tables.release(
            con, plan, table, source, _RELEASED_PERSONS, registrations.PERSONS, labels, secrets
        )
        measured += clipped
    outcome = Outcome(
        plan.name,
        plan.version,
        plan.digest,
        reference_date,
        outcomes,
        figures.persons,
        figures.suppressed,
        _anonymity_outcome(plan, quasi, recoding, figures),
        tuple(one.outcome for _, one in sorted(settled.items())),
        tuple(measured),
        plan.shift_window_weeks,
    )
    _clear(con, quasi, plan, settled)
    tell("done", 1.0)
    return outcome


def _inspect(con: Connection, plan: Plan, sources: Mapping[str, str]) -> None:
    for table in plan.tables:
        if table.name not in sources:
            raise SOURCE_MISSING.refuse(item=table.name)
        present = {row[0] for row in con.execute(f"DESCRIBE {sources[table.name]}").fetchall()}
        needed = ("person", *identifiers.surviving(table), *(("registered_on",) if table.name == PATIENTS else ()))
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


def _anonymise(
    con: Connection, plan: Plan, sources: Mapping[str, str], quasi: list[Quasi], tell: Callable[[int, int], None]
) -> tuple[Recoding, Figures, dict[str, Settled]]:
    """The recoding, its figures, and the settled codes of the sensitive columns; leaves _STAYING, _JUDGED and the released values.

    With sensitive columns, whoever is left out may make a code rare and a class less diverse; the classes then stay and the failing ones
    are left out too, until nothing changes.
    """
    asked, demand = asked_of(plan), Demand(plan.anonymity.k)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_STAYING} AS SELECT person, 0 AS {anonymity.CLASS} FROM {registrations.PERSONS}")
    settled = _judge(con, plan, sources, asked)
    tuples = anonymity.encode(con, _JUDGED, quasi, asked)
    persons = tuples.total
    recoding = anonymity.choose(tuples, demand, plan.anonymity.suppression_limit, progress=tell)
    anonymity.keep(con, tuples, recoding)
    _stay(con, anonymity.kept_sql(len(quasi), len(asked)))
    while asked:
        settled = _judge(con, plan, sources, asked)
        tuples, of = anonymity.encode_assigned(con, _JUDGED, quasi, asked)
        narrower = anonymity.narrow(tuples, of, recoding, demand, persons)
        unchanged = bool((narrower.of >= 0).all())
        recoding = narrower
        if unchanged:
            break
        _stay(con, anonymity.staying_sql(con, _JUDGED, recoding))
    figures = anonymity.figures(tuples, recoding, persons)
    allowed = anonymity.permitted(persons, plan.anonymity.suppression_limit)
    if figures.suppressed > allowed or figures.suppressed == persons:
        raise anonymity.UNATTAINABLE.refuse(persons=persons, allowed=allowed, k=plan.anonymity.k)
    return recoding, figures, settled


def _stay(con: Connection, query: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_STAYING} AS {query}")


def _judge(con: Connection, plan: Plan, sources: Mapping[str, str], asked: list[Asked]) -> dict[str, Settled]:
    """Leave _JUDGED: the persons who stay with their quasi-identifiers and principal sensitive values (as they would be released)."""
    settled: dict[str, Settled] = {}
    selected = ["p.person", f"y.{anonymity.CLASS}", *(f"p.{dialect.quoted(column.released_as)}" for column in plan.quasi)]
    joins = []
    for number, one in enumerate(asked):
        column = _column(plan, one.column)
        source, value = sources[column.table], dialect.quoted(column.name)
        relation = f"(SELECT s.person, s.{value} FROM {source} s SEMI JOIN {_STAYING} y ON y.person = s.person)"
        if column.treatment is Treatment.GENERALISE_RARE:
            settled[one.column] = event_tables.settle(con, plan, column, source, _STAYING)
            relation = f"(SELECT s.person, g.label AS {value} FROM {relation} s JOIN {settled[one.column].name} g ON g.code = s.{value})"
        joins.append(f"LEFT JOIN ({event_tables.principal_sql(relation, value)}) a{number} ON a{number}.person = p.person")
        selected.append(f"a{number}.value AS {dialect.quoted(one.column)}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_JUDGED} AS SELECT {', '.join(selected)} FROM {registrations.PERSONS} p "
        f"JOIN {_STAYING} y ON y.person = p.person {' '.join(joins)}"
    )
    return settled


def _column(plan: Plan, qualified: str) -> ColumnPlan:
    table, _, _ = qualified.partition(".")
    return next(column for column in plan.table(table).released if column.qualified == qualified)


def _persons(con: Connection, plan: Plan, quasi: list[Quasi]) -> None:
    """Leave SECRET_PERSONS, JUDGED_PERSONS, `released_patients` and the persons who stay."""
    parts, joins = anonymity.released_values(quasi, "c")
    listed = "".join(
        f", {parts.get(name, f'p.{dialect.quoted(name)}')} AS {dialect.quoted(name)}" for name in registrations.released_columns(plan)
    )
    staying = f"{registrations.PERSONS} p JOIN {_STAYING} c ON c.person = p.person"
    con.execute(
        f"CREATE OR REPLACE TABLE {SECRET_PERSONS} AS SELECT p.person, p.pseudonym, p.shift_weeks, c.person IS NULL AS suppressed "
        f"FROM {registrations.PERSONS} p LEFT JOIN {_STAYING} c ON c.person = p.person"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_RELEASED_PERSONS} AS SELECT person, pseudonym, shift_weeks FROM {SECRET_PERSONS} WHERE NOT suppressed"
    )
    con.execute(f"CREATE OR REPLACE TABLE {released(PATIENTS)} AS SELECT p.pseudonym AS person{listed} FROM {staying} {joins}")
    values = "".join(f", {expression} AS {dialect.quoted(name)}" for name, expression in parts.items())
    sensitive = "".join(f", j.{dialect.quoted(one.column)}" for one in asked_of(plan))
    con.execute(
        f"CREATE OR REPLACE TABLE {JUDGED_PERSONS} AS SELECT p.pseudonym AS person{values}{sensitive} FROM {staying} "
        f"JOIN {_JUDGED} j ON j.person = p.person {joins}"
    )


def _patients(con: Connection, plan: Plan, source: str, figures: Figures) -> TableOutcome:
    before, of_persons = con.execute(f"SELECT count(*), count(person) FROM {source}").fetchone() or (0, 0)
    return TableOutcome(
        PATIENTS,
        registrations.described(plan),
        before,
        figures.persons - figures.suppressed,
        of_persons - figures.persons,
        figures.suppressed,
        before - of_persons,
        0,
    )


def _anonymity_outcome(plan: Plan, quasi: list[Quasi], recoding: Recoding, figures: Figures) -> AnonymityOutcome:
    return AnonymityOutcome(
        plan.anonymity.method.value,
        plan.anonymity.k,
        min(figures.class_sizes, default=0),
        plan.anonymity.suppression_limit,
        tuple(
            QuasiOutcome(one.column, one.hierarchy.name, one.hierarchy.version, level, one.hierarchy.levels)
            for one, level in zip(quasi, recoding.node or (), strict=True)
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
    )


def _clear(con: Connection, quasi: list[Quasi], plan: Plan, settled: Mapping[str, Settled]) -> None:
    anonymity.clear(con, len(quasi), len(asked_of(plan)))
    for name in (_STAYING, _JUDGED, _RELEASED_PERSONS, registrations.PERSONS, *(one.name for one in settled.values())):
        con.execute(f"DROP TABLE IF EXISTS {name}")
