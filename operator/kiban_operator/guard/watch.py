"""常時照会 (watch): which stored rows lack notice evidence today, asked independently of how they came in (Act 56; the 2022 incident).

In 2022 a loader put people into a database who had never been notified, and linkage then attached them to others. The gate on receipt
cannot find its own bypass; this query looks at nothing but the stored rows and fresh registers, before anything is linked or released.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
from sqlalchemy.orm import Session

from kiban_operator.guard import coverage, relation, rules
from kiban_processing.catalogue import tables

# A stop that arrived after the row was received: the row must not be used, but nobody loaded it wrongly.
LATER_EVENTS = frozenset({rules.STOPPED.code, rules.NOTICE_BEFORE_WITHDRAWAL.code})

_UNKNOWN = rules.NOT_REGISTERED.code
_NOWHERE = "hospital IS NULL OR regime IS NULL OR regime NOT IN ('A', 'P')"


@dataclass(frozen=True)
class Finding:
    """Stored rows of one table that may not be used today, by ground. `breach`: they should never have been stored."""

    hospital: str
    regime: str
    table: str
    ground: str
    rows: int
    persons: int

    @property
    def breach(self) -> bool:
        return self.ground not in LATER_EVENTS


def standing_query(
    con: duckdb.DuckDBPyConnection,
    session: Session,
    today: date,
    stored: Mapping[str, str],
    items: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> list[Finding]:
    """Every group of stored rows that lacks what the guard asks for today, for all hospitals and regimes; empty when all is well.

    `stored`: table of the catalogue → relation with hospital, regime, submission, patient_key and the table's columns. `items`: the columns
    a submission brought for a table, by (submission, table), as its receipt says; without it every column counts in which any of its rows
    has a value. Replaces the facts on the connection. Refuses: undeclared-item.
    """
    _lay_out_persons(con, stored)
    places = _union(stored, f"SELECT DISTINCT hospital, regime FROM {{relation}} WHERE NOT ({_NOWHERE})")
    found = [finding for table, name in sorted(stored.items()) for finding in _nowhere(con, table, name)]
    for hospital, regime in con.execute(f"SELECT DISTINCT hospital, regime FROM ({places}) ORDER BY ALL").fetchall() if stored else []:
        relation.register_facts(con, session, hospital, regime, today)
        shapes = _lay_out_shapes(con, stored, hospital, regime, items)
        here = {"hospital": hospital, "regime": regime}
        keys = _union(stored, "SELECT patient_key FROM {relation} WHERE hospital = $hospital AND regime = $regime")
        con.execute(f"CREATE OR REPLACE TEMP TABLE watch_keys AS {keys}", here)
        con.execute(
            "CREATE OR REPLACE TEMP TABLE watch_here AS SELECT * FROM watch_persons WHERE hospital = $hospital", {"hospital": hospital}
        )
        verdicts = relation.rule_shapes(con, "watch_here", shapes, also="watch_keys", stored=True, name="watch_verdicts")
        for table, name in sorted(stored.items()):
            # Outer joins: a row that nothing is known about is found, not passed over.
            counted = con.execute(
                f"""SELECT CASE WHEN v.patient_key IS NULL THEN '{_UNKNOWN}' ELSE v.ground END AS lacking, count(*),
                    count(DISTINCT coalesce(s.patient_key, ''))
                FROM {name} s
                LEFT JOIN (FROM watch_shapes WHERE table_name = $table) h ON h.submission IS NOT DISTINCT FROM s.submission
                LEFT JOIN (FROM {verdicts} WHERE table_name IN (SELECT label FROM watch_shapes WHERE table_name = $table)) v
                    ON v.patient_key = s.patient_key AND v.table_name = h.label
                WHERE s.hospital = $hospital AND s.regime = $regime AND (v.patient_key IS NULL OR v.ground IS NOT NULL)
                GROUP BY lacking ORDER BY lacking""",
                {"table": table, **here},
            ).fetchall()
            found += [Finding(hospital, regime, table, ground, rows, persons) for ground, rows, persons in counted]
    return found


def _nowhere(con: duckdb.DuckDBPyConnection, table: str, name: str) -> list[Finding]:
    """Rows that name no hospital or no regime: nobody can have been notified for them."""
    rows = con.execute(
        f"""SELECT coalesce(hospital, ''), coalesce(regime, ''), count(*), count(DISTINCT coalesce(patient_key, ''))
        FROM {name} WHERE {_NOWHERE} GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    return [Finding(hospital, regime, table, _UNKNOWN, number, persons) for hospital, regime, number, persons in rows]


def _lay_out_persons(con: duckdb.DuckDBPyConnection, stored: Mapping[str, str]) -> None:
    """watch_persons: hospital, patient_key, birth_date, death_date; a death counts from wherever it is told."""
    births = (
        f"SELECT hospital, patient_key, birth_date, death_date FROM {stored['patients']}"
        if "patients" in stored
        else "SELECT NULL::VARCHAR AS hospital, NULL::VARCHAR AS patient_key, NULL::DATE AS birth_date, NULL::DATE AS death_date WHERE false"
    )
    deaths = f"UNION ALL SELECT hospital, patient_key, death_date FROM {stored['deaths']}" if "deaths" in stored else ""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE watch_persons AS
        WITH births AS ({births}), dead AS (SELECT hospital, patient_key, death_date FROM births {deaths}),
        earliest AS (SELECT hospital, patient_key, min(death_date) AS death_date FROM dead GROUP BY ALL)
        SELECT b.hospital, b.patient_key, b.birth_date, e.death_date FROM births b JOIN earliest e USING (hospital, patient_key)""")


def _lay_out_shapes(
    con: duckdb.DuckDBPyConnection,
    stored: Mapping[str, str],
    hospital: str,
    regime: str,
    items: Mapping[tuple[str, str], Sequence[str]] | None,
) -> dict[str, frozenset[str]]:
    """watch_shapes (submission, table_name, label): which set of items the rows of a submission have; returns label → items."""
    labels: dict[tuple[str, frozenset[str]], str] = {}
    con.execute("CREATE OR REPLACE TEMP TABLE watch_shapes (submission VARCHAR, table_name VARCHAR, label VARCHAR)")
    for table, name in sorted(stored.items()):
        for submission, columns in _columns_brought(con, table, name, hospital, regime, items):
            shape = coverage.qualified(table, columns)
            label = labels.setdefault((table, shape), f"{table}#{len(labels)}")
            con.execute("INSERT INTO watch_shapes VALUES (?, ?, ?)", [submission, table, label])
    return {label: shape for (_, shape), label in labels.items()}


def _columns_brought(
    con: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    hospital: str,
    regime: str,
    items: Mapping[tuple[str, str], Sequence[str]] | None,
) -> list[tuple[str | None, Sequence[str]]]:
    """Which columns each submission brought: as its receipt says, else (no receipt) every column that has a value in it."""
    if table not in tables.TABLES:
        raise tables.UNDECLARED_ITEM.refuse(item=table)
    here = "hospital = ? AND regime = ?"
    submissions = [row[0] for row in con.execute(f"SELECT DISTINCT submission FROM {name} WHERE {here}", [hospital, regime]).fetchall()]
    told = {submission: items[submission, table] for submission in submissions if items is not None and (submission, table) in items}
    brought: list[tuple[str | None, Sequence[str]]] = list(told.items())
    if len(told) < len(submissions):
        declared = tables.TABLES[table]
        columns = [column for column, *_ in con.execute(f"DESCRIBE SELECT * FROM {name}").fetchall() if column in declared]
        present = ", ".join(f"count({column}) > 0" for column in columns)
        rows = con.execute(f"SELECT submission, {present} FROM {name} WHERE {here} GROUP BY submission", [hospital, regime]).fetchall()
        for submission, *has in rows:
            if submission not in told:
                brought.append((submission, [column for column, is_there in zip(columns, has, strict=True) if is_there]))
    return sorted(brought, key=lambda each: each[0] or "")


def _union(stored: Mapping[str, str], query: str) -> str:
    return " UNION ".join(query.format(relation=name) for name in stored.values())
