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
    places = _union(stored, "SELECT DISTINCT hospital, regime FROM {relation}")
    found: list[Finding] = []
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
            counted = con.execute(
                f"""SELECT v.ground, count(*), count(DISTINCT s.patient_key)
                FROM {name} s JOIN watch_shapes h ON h.submission = s.submission AND h.table_name = $table
                JOIN {verdicts} v ON v.patient_key = s.patient_key AND v.table_name = h.label
                WHERE s.hospital = $hospital AND s.regime = $regime AND v.ground IS NOT NULL
                GROUP BY v.ground ORDER BY v.ground""",
                {"table": table, **here},
            ).fetchall()
            found += [Finding(hospital, regime, table, ground, rows, persons) for ground, rows, persons in counted]
    return found


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
        for submission, columns in _columns_present(con, table, name, hospital, regime):
            told = columns if items is None else items.get((submission, table), columns)
            shape = coverage.qualified(table, told)
            label = labels.setdefault((table, shape), f"{table}#{len(labels)}")
            con.execute("INSERT INTO watch_shapes VALUES (?, ?, ?)", [submission, table, label])
    return {label: shape for (_, shape), label in labels.items()}


def _columns_present(con: duckdb.DuckDBPyConnection, table: str, name: str, hospital: str, regime: str) -> list[tuple[str, list[str]]]:
    declared = set(tables.TABLES[table].columns) if table in tables.TABLES else set()
    if not declared:
        raise tables.UNDECLARED_ITEM.refuse(item=table)
    described = [column for column, *_ in con.execute(f"DESCRIBE SELECT * FROM {name}").fetchall() if column in declared]
    present = ", ".join(f"count({column}) > 0" for column in described)
    rows = con.execute(
        f"SELECT submission, {present} FROM {name} WHERE hospital = ? AND regime = ? GROUP BY submission ORDER BY submission",
        [hospital, regime],
    ).fetchall()
    return [(row[0], [column for column, has in zip(described, row[1:], strict=True) if has]) for row in rows]


def _union(stored: Mapping[str, str], query: str) -> str:
    return " UNION ".join(query.format(relation=name) for name in stored.values())
