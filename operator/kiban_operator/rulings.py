"""今日の判定 (rulings): the transfer guard over what is stored, on the registers as they are today: who may be linked or provided (Act 56(1)).

The items asked about are those that a submission really brought: what a hospital never sent needs no notice.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from kiban_operator import deaths, submissions, vault
from kiban_operator.guard import coverage
from kiban_operator.guard import relation as guard_relation
from kiban_operator.home import Home
from kiban_operator.programmes import Regime

_MARK = "\x1f"


def rule_stored(home: Home, con: duckdb.DuckDBPyConnection, planned: Mapping[str, set[str]], regime: Regime, name: str) -> None:
    """Make `name` (hospital, patient_key, table_name, submission): what the guard lets through today.

    `planned`: table → columns that are to be used. Reads the views `vault_patients` and `vault_deaths` of the regime.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} (hospital VARCHAR, patient_key VARCHAR, table_name VARCHAR, submission VARCHAR)")
    with home.reading() as session:
        hospitals = sorted({file.hospital for file in vault.files(session, vault.Shelf.VAULT, regime=regime.value)})
        deaths.lay_out(con, session)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE stored_registrations AS
        SELECT p.hospital, p.patient_key, any_value(p.birth_date) AS birth_date, least(min(p.death_date), min(d.death_date)) AS death_date
        FROM vault_patients p
        LEFT JOIN (SELECT patient_key, death_date FROM vault_deaths UNION ALL SELECT patient_key, death_date FROM {deaths.TABLE}) d
        USING (patient_key) GROUP BY p.hospital, p.patient_key
    """)
    for hospital in hospitals:
        with home.reading() as session:
            guard_relation.register_facts(con, session, hospital, regime, home.circumstances.today())
            brought = submissions.items_brought(session, hospital, regime.value)
        shapes = {
            f"{table}{_MARK}{submission}": coverage.qualified(table, {"local_patient_id"} | (planned[table] & columns))
            for (submission, table), columns in brought.items()
            if table in planned
        }
        con.execute("CREATE OR REPLACE TEMP TABLE of_hospital AS SELECT * FROM stored_registrations WHERE hospital = ?", [hospital])
        verdicts = guard_relation.rule_shapes(con, "of_hospital", shapes, stored=True)
        con.execute(
            f"INSERT INTO {name} SELECT ?, patient_key, split_part(table_name, ?, 1), split_part(table_name, ?, 2) FROM {verdicts} "
            "WHERE ground IS NULL",
            [hospital, _MARK, _MARK],
        )
