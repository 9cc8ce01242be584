"""残る人 (staying): who stays in a release, in which class, and which of their rows: rounds until nothing changes any more (Reg 18(iv)(v)).

What persons' events tell (sensitive values, derived quasi-identifiers) depends on which codes are rare, that on who stays, and that on the
classes. So: first the recoding is chosen on everybody's values; then the rows are limited to the classes' levels, codes are settled and
values told anew among those who stay, and whoever is in a class that does not satisfy what is asked, as the recipient sees it, is left out.
The rounds end, for each leaves somebody out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from kiban_processing import anonymity, cells, derived, dialect, event_tables, incidence, registrations
from kiban_processing.anonymity import Asked, Figures, Quasi
from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection, load
from kiban_processing.derived import Attribute
from kiban_processing.event_tables import HOSPITAL, Kept, Settled
from kiban_processing.hierarchies import hierarchy
from kiban_processing.outcome import CodeSetsOutcome, ReleaseSecrets
from kiban_processing.permitted import Treatment
from kiban_processing.plan import DerivedKind, Handling, Plan, Suppression, TablePlan
from kiban_processing.principal import principal_sql
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Integers, Tuples
from kiban_processing.transforms import keys

STAYING = "plan_staying"  # person, class (of the recoding; 0 before the first choice)
JUDGED = "plan_judged"  # person, class, quasi-identifiers, derived ones included, principal sensitive values
_DERIVED = "plan_derived"  # person, one column per derived quasi-identifier that the rows tell
_COLUMNS = "plan_derived_columns"  # person, one column per derived quasi-identifier that is released as a column
_EARLIER, _ABSENT = "earlier_class", "absent"  # column of JUDGED, and its value for who was in no earlier release
_LISTED = "derived_listed"  # code, listed (with a number behind)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Stayed:
    """The recoding and its figures, the levels of the persons who stay, settled codes by qualified column, and the rows that are left."""

    recoding: Recoding
    figures: Figures
    levels: tuple[dict[int, int], ...]
    persons_by_cell: int
    settled: dict[str, Settled]
    code_sets: CodeSetsOutcome | None
    kept: dict[str, Kept]


@dataclass
class _Rounds:
    con: Connection
    plan: Plan
    sources: Mapping[str, str]
    quasi: Sequence[Quasi]
    attributes: Sequence[Attribute]
    asked: Sequence[Asked]
    earlier: str | None
    settled: dict[str, Settled] = field(default_factory=dict)
    code_sets: CodeSetsOutcome | None = None
    limited: dict[str, str] = field(default_factory=dict)  # table → relation of its limited rows

    def relation(self, table: str) -> str:
        return self.limited.get(table, self.sources[table])

    @property
    def told(self) -> list[Attribute]:
        return [one for one in self.attributes if one.told]

    def listed(self, number: int) -> str:
        """The engine table that says which code of the source lies under which listed one, for a derived quasi-identifier."""
        return f"{_LISTED}_{number}"


def decide(
    con: Connection,
    plan: Plan,
    sources: Mapping[str, str],
    quasi: Sequence[Quasi],
    attributes: Sequence[Attribute],
    asked: Sequence[Asked],
    secrets: ReleaseSecrets,
    tell: Progress,
    earlier: str | None = None,
) -> Stayed:
    """Who stays. `quasi`: the quasi-identifiers, the derived ones last, in the order of `attributes`. Leaves STAYING and JUDGED.

    `earlier`: relation person, joint of classes in earlier releases: one more quasi-identifier, which has one level and is not released.

    Refuses: hierarchy-gap, anonymity-unattainable.
    """
    rounds, demand = _Rounds(con, plan, sources, quasi, attributes, asked, earlier), Demand(plan.anonymity.k + plan.risk.margin)
    released, quasi = len(quasi), [*quasi, *_earlier_classes(con, earlier)]
    _stay(con, f"SELECT person, 0 AS {anonymity.CLASS} FROM {registrations.PERSONS}")
    again = bool(asked) or bool(rounds.told)
    _columns(rounds)
    _judge(rounds, again)
    tuples = anonymity.encode(con, JUDGED, quasi, asked)
    persons = tuples.total
    limit, chosen = plan.anonymity.suppression_limit, plan.anonymity
    ties = keys.tie_breaks(secrets.pseudonym)
    recoding = anonymity.choose(tuples, demand, limit, Metric(chosen.metric.value), tell, chosen.method.value, ties)
    first = len(recoding.sizes)
    if chosen.suppress is Suppression.CELL:
        recoding = cells.by_cell(tuples, demand, recoding).recoding
    at_top = int(np.bincount(np.maximum(recoding.of, 0), weights=tuples.persons * (recoding.of >= 0), minlength=first)[first:].sum())
    anonymity.keep(con, tuples, recoding)
    _stay(con, anonymity.kept_sql(len(quasi), len(asked)))
    limits = _limits(rounds, tuples, recoding)
    while again:
        _limit(rounds, limits)
        _judge(rounds, True)
        tuples, of = anonymity.encode_assigned(con, JUDGED, quasi, asked)
        classes = anonymity.seen(tuples, of, recoding, [one.told for one in quasi])
        narrower = anonymity.narrow(tuples, of, classes, recoding, demand, persons)
        unchanged = bool((narrower.of >= 0).all())
        recoding = narrower
        if unchanged:
            break
        _stay(con, anonymity.staying_sql(con, tuples, of, recoding))
    if plan.code_sets and not again:
        _settle(rounds)
    tuples, recoding = anonymity.of_the_first(released, tuples, recoding, persons)
    told = [again and one.told for one in quasi[:released]]
    figures = anonymity.figures(tuples, recoding, persons, anonymity.seen(tuples, recoding.of, recoding, told))
    allowed = anonymity.permitted(persons, limit)
    if figures.suppressed > allowed or figures.suppressed == persons:
        raise anonymity.UNATTAINABLE.refuse(persons=persons, allowed=allowed, k=plan.anonymity.k)
    at_top = min(at_top, int(recoding.sizes[first:].sum()))
    kept = {table.name: _kept(rounds, table) for table in plan.tables}
    return Stayed(recoding, figures, anonymity.levels(tuples, recoding), at_top, rounds.settled, rounds.code_sets, kept)


def _earlier_classes(con: Connection, earlier: str | None) -> list[Quasi]:
    """The earlier classes as a quasi-identifier of one level; absence is a value like any other."""
    if earlier is None:
        return []
    values = con.execute(f"SELECT DISTINCT joint FROM {earlier} WHERE joint IS NOT NULL ORDER BY joint").fetchall()
    return [Quasi(_EARLIER, hierarchy.build("earlier", "1", [[_ABSENT], *([str(value)] for (value,) in values)]), told=True)]


def clear(con: Connection, plan: Plan, stayed: Stayed) -> None:
    """Drop the working tables."""
    settled = [name for one in stayed.settled.values() for name in (one.name, one.gone) if name is not None]
    numbered = [f"{name}_{n}" for n in range(len(plan.derived)) for name in (_LISTED, "derived_labels", "derived_limits")]
    limited = [f"limited_{table.name}" for table in plan.tables] + [f"referred_{table.name}" for table in plan.tables]
    for name in (STAYING, JUDGED, _DERIVED, _COLUMNS, *settled, *numbered, *limited):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _stay(con: Connection, query: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE plan_next AS {query}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {STAYING} AS SELECT person, {anonymity.CLASS} FROM plan_next")
    con.execute("DROP TABLE plan_next")


def _columns(rounds: _Rounds) -> None:
    """Leave what is released as a column, of everybody's rows, and which codes of the sources lie under the listed ones."""
    con, values = rounds.con, []
    for number, attribute in enumerate(rounds.attributes):
        source = rounds.sources[attribute.planned.table]
        if attribute.coded:
            code = dialect.quoted(attribute.planned.column)
            found = con.execute(f"SELECT DISTINCT {code} FROM {source} WHERE {code} IS NOT NULL ORDER BY {code}").fetchall()
            load(con, rounds.listed(number), _listed(derived.members(attribute, [one for (one,) in found])))
        if not attribute.told:
            relation = _with_hospital(con, source) if attribute.planned.kind is DerivedKind.SITES else source
            values.append((attribute, derived.value_sql(attribute, relation, registrations.PERSONS, rounds.listed(number))))
    _gather(con, _COLUMNS, registrations.PERSONS, values)


def _gather(con: Connection, name: str, persons: str, values: Sequence[tuple[Attribute, str]]) -> None:
    """Leave one row per person with the values of some derived quasi-identifiers."""
    selected, joins = ["y.person"], ""
    for number, (attribute, query) in enumerate(values):
        joins += f" LEFT JOIN ({query}) v{number} ON v{number}.person = y.person"
        selected.append(f"coalesce(v{number}.value, {derived.nothing_sql(attribute)}) AS {dialect.quoted(attribute.name)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(selected)} FROM {persons} y{joins}")


def _settle(rounds: _Rounds) -> None:
    """Settle, among those who stay, the codes that sensitive values and told quasi-identifiers are made of, and those of code sets."""
    con, plan = rounds.con, rounds.plan
    rounds.settled = {}
    if plan.code_sets:
        relations = {table.name: rounds.relation(table.name) for table in plan.tables}
        rounds.settled, rounds.code_sets = incidence.settle(con, plan, plan.code_sets, relations, STAYING)
    wanted = [plan.released_column(one.column) for one in rounds.asked]
    wanted += [column for one in rounds.told for column in plan.table(one.planned.table).decisive]
    for column in wanted:
        if column.treatment is Treatment.GENERALISE_RARE and column.qualified not in rounds.settled:
            rounds.settled[column.qualified] = event_tables.settle(con, plan, column, rounds.relation(column.table), STAYING)


def _of_table(rounds: _Rounds, table: str) -> dict[str, Settled]:
    return {name.partition(".")[2]: one for name, one in rounds.settled.items() if name.partition(".")[0] == table}


def _tell(rounds: _Rounds) -> None:
    """Leave what the rows of those who stay tell."""
    con, values = rounds.con, []
    for number, attribute in enumerate(rounds.attributes):
        if attribute.told:
            planned, settled = attribute.planned, _of_table(rounds, attribute.planned.table)
            relation = event_tables.told(rounds.plan.table(planned.table), rounds.relation(planned.table), settled, planned.reads)
            labels = f"derived_labels_{number}"
            if attribute.coded:
                name = settled[planned.column].name
                found = con.execute(f"SELECT DISTINCT label FROM {name} WHERE label IS NOT NULL ORDER BY label").fetchall()
                load(con, labels, _listed(derived.members(attribute, [one for (one,) in found])))
            relation = f"(SELECT s.* FROM {relation} s JOIN {STAYING} y ON y.person = s.person)"
            values.append((attribute, derived.value_sql(attribute, relation, registrations.PERSONS, labels)))
    _gather(con, _DERIVED, STAYING, values)


def _judge(rounds: _Rounds, again: bool) -> None:
    """Leave JUDGED: the persons who stay with all that is judged of them, as it would be released."""
    con, plan = rounds.con, rounds.plan
    if again:
        _settle(rounds)
    _tell(rounds)
    selected = ["p.person", f"y.{anonymity.CLASS}", *(f"p.{dialect.quoted(column.released_as)}" for column in plan.quasi)]
    selected += [f"{'t' if one.told else 'c'}.{dialect.quoted(one.name)}" for one in rounds.attributes]
    joins = [f"JOIN {_DERIVED} t ON t.person = p.person JOIN {_COLUMNS} c ON c.person = p.person"] if rounds.attributes else []
    for number, one in enumerate(rounds.asked):
        column = plan.released_column(one.column)
        value, label, joined = dialect.quoted(column.name), f"s.{dialect.quoted(column.name)}", ""
        if column.treatment is Treatment.GENERALISE_RARE:
            label, joined = rounds.settled[one.column].label(label, "g")
        source = f"{rounds.relation(column.table)} s JOIN {STAYING} y ON y.person = s.person"
        relation = f"(SELECT s.person, {label} AS {value} FROM {source}{joined})"
        joins.append(f"LEFT JOIN ({principal_sql(relation, value)}) a{number} ON a{number}.person = p.person")
        selected.append(f"a{number}.value AS {dialect.quoted(one.column)}")
    if rounds.earlier is not None:
        joins.append(f"LEFT JOIN {rounds.earlier} b ON b.person = p.person")
        selected.append(f"coalesce(b.joint, {dialect.literal(_ABSENT)}) AS {_EARLIER}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {JUDGED} AS SELECT {', '.join(selected)} FROM {registrations.PERSONS} p "
        f"JOIN {STAYING} y ON y.person = p.person {' '.join(joins)}"
    )


def _limits(rounds: _Rounds, tuples: Tuples, recoding: Recoding) -> dict[int, dict[str, list[int] | list[str]]]:
    """Per limited quasi-identifier (by number): what each class's level leaves or gives up."""
    found: dict[int, dict[str, list[int] | list[str]]] = {}
    stay = np.flatnonzero(recoding.of >= 0)
    classes, first = np.unique(recoding.of[stay], return_index=True)
    for number, attribute in enumerate(rounds.attributes):
        if attribute.handling is not Handling.LIMITED:
            continue
        place = len(rounds.quasi) - len(rounds.attributes) + number
        leaves = _leaves(attribute, tuples.leaves[place][stay[first]])
        levels = [int(level) for level in recoding.levels[classes, place]]
        if attribute.planned.kind is DerivedKind.COUNT:
            most = {pair: derived.most(attribute, *pair) for pair in set(zip(leaves, levels, strict=True))}
            found[number] = {
                anonymity.CLASS: [int(one) for one in classes],
                "most": [most[pair] for pair in zip(leaves, levels, strict=True)],
            }
        else:
            pairs = [(int(one), code) for one, level in zip(classes, levels, strict=True) for code in derived.given_up(attribute, level)]
            found[number] = {anonymity.CLASS: [one for one, _ in pairs], "listed": [code for _, code in pairs]}
    return found


def _leaves(attribute: Attribute, numbers: Integers) -> list[str | None]:
    leaves = (*attribute.hierarchy.leaves, None)
    return [leaves[int(number)] for number in numbers]


def _limit(rounds: _Rounds, limits: Mapping[int, Mapping[str, list[int] | list[str]]]) -> None:
    """Leave the rows that the classes' levels leave, of each table that tells a limited quasi-identifier."""
    con, plan = rounds.con, rounds.plan
    for table in plan.tables:
        chosen = [number for number in limits if rounds.attributes[number].planned.table == table.name]
        if not chosen:
            continue
        columns = _columns_of(rounds, table)
        source = _with_hospital(con, rounds.sources[table.name])
        listed = ", ".join(f"s.{dialect.quoted(one)}" for one in columns)
        query = f"SELECT s.person, y.{anonymity.CLASS}, {listed} FROM {source} s JOIN {STAYING} y ON y.person = s.person"
        for number in chosen:
            content = {name: pa.array(values, pa.string() if name == "listed" else pa.int64()) for name, values in limits[number].items()}
            load(con, f"derived_limits_{number}", pa.table(content))
            query = derived.limited_sql(rounds.attributes[number], f"({query})", columns, f"derived_limits_{number}", rounds.listed(number))
        name = f"limited_{table.name}"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        rounds.limited[table.name] = name


def _columns_of(rounds: _Rounds, table: TablePlan) -> list[str]:
    """What is read of a table's rows: planned columns, the key that others may refer to, the hospital."""
    counted = any(one.planned.table == table.name and one.planned.kind is DerivedKind.COUNT for one in rounds.attributes)
    key = tables.TABLES[table.name].key if counted else ()
    return [*dict.fromkeys([*sorted(rounds.plan.read_of(table.name)), *key]), HOSPITAL]


def _with_hospital(con: Connection, source: str) -> str:
    present = {row[0] for row in con.execute(f"DESCRIBE {source}").fetchall()}
    return source if HOSPITAL in present else f"(SELECT s.*, CAST(NULL AS VARCHAR) AS {HOSPITAL} FROM {source} s)"


def _kept(rounds: _Rounds, table: TablePlan) -> Kept:
    """The rows of a table that are left, and where its references may lead."""
    references = {}
    for one in rounds.attributes:
        if one.handling is not Handling.LIMITED or one.planned.kind is not DerivedKind.COUNT or one.planned.table == table.name:
            continue
        for name in tables.TABLES[one.planned.table].key:
            if any(column.name == name and column.treatment is Treatment.REKEY for column in table.released):
                referred = f"referred_{one.planned.table}"
                rounds.con.execute(
                    f"CREATE OR REPLACE TEMP TABLE {referred} AS SELECT DISTINCT person, coalesce({HOSPITAL}, '') AS hospital, "
                    f"{dialect.quoted(name)} AS value FROM {rounds.relation(one.planned.table)} WHERE {dialect.quoted(name)} IS NOT NULL"
                )
                references[name] = referred
    return Kept(rounds.relation(table.name), references)


def _listed(listed: Mapping[str, str]) -> pa.Table:
    return pa.table({"code": pa.array(list(listed), pa.string()), "listed": pa.array(list(listed.values()), pa.string())})
