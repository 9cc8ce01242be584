"""患者行 (registrations): all registrations of a person become one row, with pseudonym, shift and treated columns (Reg 18(i)(iii)).

Of each column the latest value that is there counts (by `registered_on`; registrations without it are the oldest; ties go to the smallest
value), so that the row does not depend on the order in which hospitals sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pyarrow as pa

from kiban_processing import dialect
from kiban_processing.connection import Connection
from kiban_processing.hierarchies.residence import Residence
from kiban_processing.outcome import ReleasedColumn, ReleaseSecrets
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, ColumnPlan, Plan, Visits
from kiban_processing.transforms import ages, dates, identifiers, keys, places

TRIMMED = frozenset({"death_date"})  # dates of the table that can only be collected within the period
PERSONS = "plan_persons"  # engine table: person, pseudonym, shift_weeks, the released columns of `patients` as treated
_LATEST = "registered_on"


def consolidated(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> dict[str, object]:
    """One person's row from its registrations: per column the latest value that is there.

    >>> early = {"registered_on": date(2015, 4, 1), "sex": "female", "address": "東京都千代田区"}
    >>> late = {"registered_on": date(2020, 4, 1), "sex": "female", "address": None}
    >>> consolidated([early, late], ["sex", "address"])
    {'sex': 'female', 'address': '東京都千代田区'}
    """
    kept = list(rows)
    row: dict[str, object] = {}
    for column in columns:
        present = [one for one in kept if one[column] is not None]
        latest = max((_day(one) for one in present), default=date.min)
        row[column] = min((one[column] for one in present if _day(one) == latest), default=None, key=_smallest)
    return row


def treat(con: Connection, plan: Plan, source: str, secrets: ReleaseSecrets, reference: date, residence: Residence) -> None:
    """Leave the table PERSONS: one row per person with a registration in `source`; rows without a person are left out."""
    table = plan.table(PATIENTS)
    columns = identifiers.surviving(table)
    latest = ""
    for name in columns:
        value = f"s.{dialect.quoted(name)}"
        latest += f", {dialect.first_present(value, f's.{_LATEST} DESC NULLS LAST, {value}')} AS {dialect.quoted(name)}"
    joins = ""
    selected = []
    for released, column in released_columns(plan).items():
        if column.treatment is Treatment.PLACE:
            expression, joins = _place(con, table.released, residence)
        else:
            expression = _expression(column, reference, plan.visits, plan.shift_window_weeks)
        selected.append(f", {expression} AS {dialect.quoted(released)}")
    statement = (
        f"CREATE OR REPLACE TEMP TABLE {PERSONS} AS WITH one AS (SELECT s.person{latest} FROM {source} s WHERE s.person IS NOT NULL GROUP BY s.person), "
        f"keyed AS (SELECT one.*, {keys.pseudonym_sql('person')} AS pseudonym, "
        f"{dates.shift_weeks_sql('person', plan.shift_window_weeks)} AS shift_weeks FROM one) "
        f"SELECT keyed.person, keyed.pseudonym, keyed.shift_weeks{''.join(selected)} FROM keyed\n{joins}"
    )
    con.execute(statement, {**keys.pads("pseudonym", secrets.pseudonym), **keys.pads("shift", secrets.shift)})
    for name in (places.BEGINNINGS, places.CODES):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def released_columns(plan: Plan) -> dict[str, ColumnPlan]:
    """Released name → the column it is made of (the first, where address and postal code make one residence)."""
    found: dict[str, ColumnPlan] = {}
    for column in plan.table(PATIENTS).released:
        found.setdefault(column.released_as, column)
    return found


def described(plan: Plan) -> tuple[ReleasedColumn, ...]:
    """The released columns of `patients`, the pseudonym apart."""
    table = plan.table(PATIENTS)
    return tuple(
        ReleasedColumn(
            name,
            "VARCHAR" if column.quasi else _TYPES.get(column.treatment, "VARCHAR"),
            tuple(one.qualified for one in table.released if one.released_as == name),
            column.treatment,
            quasi=column.quasi,
        )
        for name, column in released_columns(plan).items()
    )


_TYPES = {Treatment.SHIFT: "DATE", Treatment.SHIFT_YEAR: "INTEGER"}


def _expression(column: ColumnPlan, reference: date, visits: Visits, window: int) -> str:
    value = f"keyed.{dialect.quoted(column.name)}"
    moved = dates.shifted_sql(value, "keyed.shift_weeks")
    match column.treatment:
        case Treatment.KEEP:
            return value
        case Treatment.SHIFT:
            trimmed = visits.period is not None and column.name in TRIMMED
            return f"CASE WHEN {dates.inside_sql(moved, visits.period, window)} THEN {moved} END" if trimmed else moved
        case Treatment.SHIFT_YEAR:
            year = dates.shifted_year_sql(value, "keyed.shift_weeks")
            return f"CAST({year} AS VARCHAR)" if column.quasi else year
        case Treatment.BIRTH_YEAR:
            return ages.birth_year_sql(moved, reference)
        case Treatment.AGE_BAND:
            return ages.age_band_sql(moved, reference)
        case _:
            raise identifiers.IDENTIFIER_SURVIVES.refuse(item=column.qualified)


def _place(con: Connection, planned: tuple[ColumnPlan, ...], residence: Residence) -> tuple[str, str]:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {places.BEGINNINGS} (beginning VARCHAR, place VARCHAR)")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {places.CODES} (code VARCHAR, place VARCHAR)")
    for name, content in ((places.BEGINNINGS, residence.by_beginning), (places.CODES, residence.by_code)):
        con.register("place_rows", pa.table({"known": list(content), "place": list(content.values())}))
        con.execute(f"INSERT INTO {name} SELECT known, place FROM place_rows")
        con.unregister("place_rows")
    used = {column.name for column in planned if column.treatment is Treatment.PLACE}
    return places.place_sql(
        "keyed.address" if "address" in used else None, "keyed.postal_code" if "postal_code" in used else None, residence
    )


def _day(row: Mapping[str, object]) -> date:
    day = row.get(_LATEST)
    return day if isinstance(day, date) else date.min


def _smallest(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
