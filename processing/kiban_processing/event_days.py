"""事象の日付 (event days): takes out of the source tables, before anything else is judged, the dates that would give a shift away.

Edges first, then periods, then the choice of days (`transforms.visits`). A date that must go is emptied and its row stays; where the plan says
so, a row goes with its own date (the one that the catalogue requires). Dates are still the source's own: the shift comes with the release of the table.
Deaths are only held against the edges: they follow no working week, and are the last thing to leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from kiban_processing import dialect, registrations
from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection
from kiban_processing.outcome import DaysOutcome, ReleaseSecrets, TableOutcome
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, Plan, TablePlan
from kiban_processing.transforms import dates, keys, visits

UNCHOSEN = frozenset({"deaths"})
SEED = "days"  # what is hashed beside the person

_PEOPLE = "plan_day_people"  # person, number, weeks, seed, first
_DAYS = "plan_days"  # number, day, cell: distinct days inside the edges; `cell`: the day as it would be released, but for the shift
_KEPT = "plan_days_kept"  # person, day, cell
_PERSONS = 500_000  # persons held at a time


def dated(table: TablePlan) -> tuple[str, ...]:
    """The columns of a table that are released as dates or years."""
    return tuple(column.name for column in table.released if column.treatment in (Treatment.SHIFT, Treatment.SHIFT_YEAR))


def anchor(table: TablePlan) -> str | None:
    """The date without which a row says nothing: the one the catalogue requires, where it is released."""
    required = {item.name for item in tables.TABLES[table.name].items if item.required}
    return next((name for name in dated(table) if name in required), None)


def events(plan: Plan) -> tuple[TablePlan, ...]:
    """The tables of events with dates."""
    return tuple(table for table in plan.tables if table.name != PATIENTS and dated(table))


def treat(
    con: Connection, plan: Plan, sources: Mapping[str, str], secrets: ReleaseSecrets
) -> tuple[Mapping[str, str], dict[str, int], DaysOutcome | None]:
    """The relations to go on with, rows left out by table, and what became of the days. Needs `registrations.PERSONS`.

    Not done where the plan says nothing of days: the sources are given back as they are.
    """
    if not plan.visits.active or not events(plan):
        return sources, {}, None
    _people(con, plan, secrets)
    before, inside = _days(con, plan, sources)
    _choose(con, plan)
    relations, dropped, cells = dict(sources), {}, 0
    for table in events(plan):
        relation = f"plan_dated_{table.name}"
        cells += _table(con, plan, table, sources[table.name], relation)
        dropped[table.name] = _number(con, f"SELECT count(*) FROM {sources[table.name]}") - _number(con, f"SELECT count(*) FROM {relation}")
        relations[table.name] = relation
    kept, persons = con.execute(f"SELECT count(*), count(DISTINCT person) FROM {_KEPT}").fetchone() or (0, 0)
    shortened = _number(
        con,
        f"SELECT count(*) FROM (SELECT number, count(*) AS days FROM {_DAYS}_all GROUP BY number) a LEFT JOIN "
        f"(SELECT p.number, count(*) AS days FROM {_KEPT} k JOIN {_PEOPLE} p ON p.person = k.person GROUP BY p.number) k "
        "ON k.number = a.number WHERE a.days > coalesce(k.days, 0)",
    )
    everyone = _number(con, f"SELECT count(DISTINCT number) FROM {_DAYS}_all")
    con.execute(f"DROP TABLE {_DAYS}_all")
    return relations, dropped, DaysOutcome(before, inside, kept, everyone, shortened, cells)


def counted(outcome: TableOutcome, dropped: Mapping[str, int]) -> TableOutcome:
    """The counts of a table with the rows that were left out before it was made."""
    lost = dropped.get(outcome.name, 0)
    return replace(outcome, rows_before=outcome.rows_before + lost, rows_dropped_dates=lost)


def clear(con: Connection, plan: Plan) -> None:
    for name in (_PEOPLE, _DAYS, _KEPT, *(f"plan_dated_{table.name}" for table in events(plan))):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _people(con: Connection, plan: Plan, secrets: ReleaseSecrets) -> None:
    seed = "0"
    if plan.visits.chooses:
        seed = dialect.number_of(dialect.hmac("shift", f"{dialect.literal(SEED)} || chr(31) || person"))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_PEOPLE} AS SELECT person, row_number() OVER (ORDER BY person) - 1 AS number, "
        f"shift_weeks AS weeks, {seed} AS seed FROM {registrations.PERSONS}",
        keys.pads("shift", secrets.shift) if plan.visits.chooses else {},
    )


def _days(con: Connection, plan: Plan, sources: Mapping[str, str]) -> tuple[int, int]:
    """Leave the distinct days of each person: all of them, and those inside the edges with what they would be released as."""
    each = (
        " UNION ALL ".join(
            f"SELECT person, {dialect.quoted(name)} AS day FROM {sources[table.name]} WHERE {dialect.quoted(name)} IS NOT NULL"
            for table in events(plan)
            if table.name not in UNCHOSEN
            for name in dated(table)
        )
        or "SELECT NULL::VARCHAR AS person, NULL::DATE AS day WHERE FALSE"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_DAYS}_all AS SELECT DISTINCT p.number, d.day FROM ({each}) d JOIN {_PEOPLE} p ON p.person = d.person"
    )
    moved = dates.shifted_sql("d.day", "p.weeks")
    inside = f"{_DAYS}_all d JOIN {_PEOPLE} p ON p.number = d.number WHERE {dates.inside_sql(moved, plan.visits.period, plan.shift_window_weeks)}"
    gap = plan.visits.gap_days
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_DAYS} AS SELECT number, day, CAST(day - CAST(date_diff('day', first, day) % {gap} AS INTEGER) AS DATE) AS cell, weeks, seed, first FROM "
        f"(SELECT d.number, d.day, p.weeks, p.seed, min(d.day) OVER (PARTITION BY d.number) AS first FROM {inside})"
    )
    return _number(con, f"SELECT count(*) FROM {_DAYS}_all"), _number(con, f"SELECT count(*) FROM {_DAYS}")


def _choose(con: Connection, plan: Plan) -> None:
    if not plan.visits.chooses:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_KEPT} AS SELECT p.person, d.day, d.cell FROM {_DAYS} d JOIN {_PEOPLE} p ON p.number = d.number"
        )
        return
    known = _calendar(con, plan)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_KEPT} (person VARCHAR, day DATE, cell DATE)")
    for kept in _kept(con, plan, known):
        con.register("plan_days_chosen", kept)
        con.execute(
            f"INSERT INTO {_KEPT} SELECT p.person, d.day, d.cell FROM {_DAYS} d JOIN plan_days_chosen c ON c.number = d.number "
            f"AND c.cell = {dialect.day_number('d.cell')} JOIN {_PEOPLE} p ON p.number = d.number"
        )
        con.unregister("plan_days_chosen")


def _calendar(con: Connection, plan: Plan) -> visits.Calendar | None:
    if plan.visits.advantage is None:
        return None
    counts = dict(con.execute(f"SELECT {dialect.day_number('day')}, count(*) FROM {_DAYS}_all GROUP BY ALL").fetchall())
    return visits.calendar(counts, plan.shift_window_weeks, plan.visits.gap_days) if counts else None


def _kept(con: Connection, plan: Plan, known: visits.Calendar | None) -> Iterator[pa.Table]:
    """Numbers of persons and cells that stay, so many persons at a time."""
    persons = _number(con, f"SELECT count(*) FROM {_PEOPLE}")
    for begin in range(0, persons, _PERSONS):
        found = con.execute(
            f"SELECT DISTINCT number, {dialect.day_number('cell')} AS cell, weeks, seed, cell <> first AS period FROM {_DAYS} "
            f"WHERE number >= {begin} AND number < {begin + _PERSONS} ORDER BY number, cell"
        ).fetchnumpy()
        if not len(found["number"]):
            continue
        number, cell = np.asarray(found["number"], np.int64), np.asarray(found["cell"], np.int64)
        stays = visits.chosen(
            number,
            np.asarray(found["seed"], np.int64).astype(np.uint64),
            cell + 7 * np.asarray(found["weeks"], np.int64),
            np.asarray(found["period"], bool),
            known,
            plan.visits.advantage if plan.visits.advantage is not None else 1.0,
            plan.visits.most,
        )
        yield pa.table({"number": number[stays], "cell": cell[stays]})


def _table(con: Connection, plan: Plan, table: TablePlan, source: str, relation: str) -> int:
    """Leave the rows that stay, with emptied and coarsened dates; gives the number of dates emptied in them."""
    exempt, own = table.name in UNCHOSEN, anchor(table) if plan.visits.rows_go else None
    joins, replaced, stays, emptied = f"LEFT JOIN {_PEOPLE} p ON p.person = s.person", dict[str, str](), "TRUE", list[str]()
    for number, name in enumerate(dated(table)):
        value = f"s.{dialect.quoted(name)}"
        if exempt:
            inside = dates.inside_sql(dates.shifted_sql(value, "p.weeks"), plan.visits.period, plan.shift_window_weeks)
            treated = f"CASE WHEN {inside} THEN {value} END"
        else:
            joins += f" LEFT JOIN {_KEPT} k{number} ON k{number}.person = s.person AND k{number}.day = {value}"
            treated = f"k{number}.cell"
        replaced[name] = f"CASE WHEN p.person IS NULL THEN {value} ELSE {treated} END"
        lost = f"p.person IS NOT NULL AND {value} IS NOT NULL AND {treated} IS NULL"
        if name == own:
            stays = f"NOT ({lost})"
        else:
            emptied.append(f"count(*) FILTER ({lost})")
    rows = f"FROM {source} s {joins} WHERE {stays}"
    # By name, since not every engine can exchange a column of `s.*`.
    columns = [row[0] for row in con.execute(f"DESCRIBE {source}").fetchall()]
    listed = ", ".join(f"{replaced.get(name, f's.{dialect.quoted(name)}')} AS {dialect.quoted(name)}" for name in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT {listed} {rows}")
    return _number(con, f"SELECT {' + '.join(emptied)} {rows}") if emptied else 0


def _number(con: Connection, query: str) -> int:
    found = con.execute(query).fetchone()
    return int(found[0] or 0) if found else 0
