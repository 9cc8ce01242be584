"""受入れの見通し (forecast): of the rows that wait, which may be received on which day if nothing else happens, and what the others lack.

The same rules as at receipt, on today's registers; a planned start of provision is taken into account. Nothing is moved by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from kiban_operator import people, programmes, roles, sorting, submissions, vault, workshop
from kiban_operator.guard import coverage
from kiban_operator.guard import relation as guard_relation
from kiban_operator.home import Home
from kiban_operator.programmes import Step
from kiban_processing.catalogue.tables import TABLES


@dataclass
class Due:
    """How much may be received on a day, or lacks the same thing. A person who waits with rows of several tables counts once."""

    persons: int = 0
    rows: int = 0


@dataclass
class Forecast:
    """One hospital under one regime: `by_day` what becomes receivable when, `lacking` ground → what waits for it without a day."""

    hospital: str
    regime: str
    by_day: dict[date, Due] = field(default_factory=dict)
    lacking: dict[str, Due] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "hospital": self.hospital, "regime": self.regime,
            "by_day": [{"day": day.isoformat(), **vars(due)} for day, due in sorted(self.by_day.items())],
            "lacking": {ground: vars(due) for ground, due in sorted(self.lacking.items())},
        }  # fmt: skip


def look_ahead(home: Home, hospital: str | None = None) -> list[Forecast]:
    """The forecast of every hospital and regime that has waiting rows (or of one hospital). Refuses: act-not-allowed."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.RECEIVE_SUBMISSION)
        places = sorted({(file.hospital, file.regime) for file in vault.files(session, vault.Shelf.HELD, hospital=hospital)})
    return [_of(home, *place) for place in places]


def _of(home: Home, hospital: str, regime: str) -> Forecast:
    with workshop.open_workshop(home.receive / "engine", home.settings.memory_limit, home.settings.threads, joins_as_written=True) as con:
        today = home.circumstances.today()
        with home.reading() as session:
            programme = programmes.find(session, hospital, regime)
            starts = getattr(programme, programmes.COLUMNS[Step.STARTS]) if programme else None
            day = max(today, starts) if starts else today  # the day from which waiting alone can stand in the way
            guard_relation.register_facts(con, session, hospital, regime, day)
            sorting.lay_out_stored(con, session, home, hospital)
            held = vault.files(session, vault.Shelf.HELD, hospital=hospital, regime=regime)
            brought = submissions.items_brought(session, hospital, regime)
            con.execute("CREATE TEMP TABLE waiting (patient_key VARCHAR, label VARCHAR, rows BIGINT)")
            for file in held:
                con.register("held_rows", vault.dataset(session, home, [file], vault.schema(TABLES[file.table_name], vault.Shelf.HELD)))
                con.execute("INSERT INTO waiting SELECT patient_key, ?, count(*) FROM held_rows GROUP BY patient_key", [file.id])
                con.unregister("held_rows")
        sorting.know(con)
        shapes = {file.id: coverage.qualified(file.table_name, brought[file.submission, file.table_name]) for file in held}
        rulings = guard_relation.rule_shapes(con, "known", shapes, also="guard_stops")
        return _summed(con, rulings, hospital, regime, day, held)


def _summed(
    con: duckdb.DuckDBPyConnection, rulings: str, hospital: str, regime: str, day: date, held: Sequence[vault.VaultFile]
) -> Forecast:
    """Per day and ground; a row whose person has no ruling is of nobody known."""
    found = Forecast(hospital, regime)
    if not held:
        return found
    rows = con.execute(
        f"""
        SELECT CASE WHEN r.patient_key IS NULL THEN 'not-registered' WHEN r.ground = 'waiting' THEN NULL ELSE r.ground END AS lacking,
               CASE WHEN r.ground = 'waiting' THEN greatest(r.eligible_on, $day) WHEN r.patient_key IS NOT NULL AND r.ground IS NULL THEN $day END AS due,
               count(DISTINCT w.patient_key), sum(w.rows)::BIGINT
        FROM waiting w LEFT JOIN {rulings} r ON r.patient_key = w.patient_key AND r.table_name = w.label
        GROUP BY lacking, due ORDER BY lacking, due""",
        {"day": day},
    ).fetchall()
    for lacking, due, persons, number in rows:
        if due is not None:
            found.by_day[due] = Due(int(persons), int(number))
        else:
            found.lacking[lacking] = Due(int(persons), int(number))
    return found
