"""二度目の判定 (eligibility): the transfer guard at release, from the same rules as at intake but on fresh registers (Act 56(1)).

`lay_out_eligible` chooses what may go into a release; `recheck`, run once more after the engine has worked, counts those of the chosen
who may no longer be provided, so that a request that came in between still bites.
"""

from __future__ import annotations

import duckdb

from kiban_operator import guard, orders, persons, rulings, vault
from kiban_operator.home import Home
from kiban_operator.programmes import Regime
from kiban_processing.catalogue.items import Kind, Table, ValueType
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.evidence import Eligibility
from kiban_processing.plan import Plan

REGIME = Regime.ANONYMISED  # a release of anonymised information takes only what was received for it (Act 18, 52)


def lay_out_eligible(home: Home, con: duckdb.DuckDBPyConnection, wanted: Plan, order: orders.Order) -> dict[str, str]:
    """Make one relation per table of the plan, with `person` and the catalogue's columns, of what may be provided; returns their names.

    Also makes `members` (hospital, patient_key, person): the registrations that go in. A row needs a linked registration, a ruling
    without ground for its table on today's registers, and, for events, a date within the period ordered.
    """
    with home.reading() as session:
        names = {
            table.name: vault.register(con, session, home, TABLES[table.name], f"vault_{table.name}", regime=REGIME.value)
            for table in wanted.tables
        }
        for name in ("patients", "deaths"):
            if name not in names:
                vault.register(con, session, home, TABLES[name], f"vault_{name}", regime=REGIME.value)
        persons.lay_out(con, session, "linked")
    rulings.rule_stored(home, con, _planned(wanted), REGIME, "eligible")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE members AS
        SELECT l.hospital, l.patient_key, l.person FROM linked l
        WHERE EXISTS (SELECT 1 FROM eligible e WHERE e.patient_key = l.patient_key AND e.table_name = 'patients')
    """)
    for name in names:
        _source(con, TABLES[name], order)
    return {name: f"source_{name}" for name in names}


def recheck(home: Home, con: duckdb.DuckDBPyConnection, wanted: Plan) -> Eligibility:
    """Rule once more on registers read now; every member must still be eligible for every table it contributed to."""
    checked_at = home.circumstances.now()
    with home.reading() as session:
        digest = guard.register_digest(session)
    rulings.rule_stored(home, con, _planned(wanted), REGIME, "eligible_again")
    ((examined, lost),) = con.execute("""
        SELECT (SELECT count(*) FROM members),
               (SELECT count(DISTINCT patient_key) FROM (SELECT e.* FROM eligible e SEMI JOIN members m USING (patient_key)
                EXCEPT SELECT * FROM eligible_again))
    """).fetchall()
    return Eligibility(checked_at, int(examined), int(lost), digest)


def _planned(wanted: Plan) -> dict[str, set[str]]:
    planned = {table.name: set(wanted.read_of(table.name)) for table in wanted.tables}
    planned.setdefault("patients", set())
    return planned


def _source(con: duckdb.DuckDBPyConnection, table: Table, order: orders.Order) -> None:
    columns = ", ".join(f"v.{column}" for column in table.columns if column != "local_patient_id" or table.name == "patients")
    main_date = next((item.name for item in table.items if item.kind is Kind.DATE and item.type is ValueType.DATE and item.required), None)
    within = ""
    if main_date is not None and table.name not in ("patients", "deaths"):
        within = f"WHERE v.{main_date} BETWEEN DATE '{order.period_from:%Y-%m-%d}' AND DATE '{order.period_to:%Y-%m-%d}'"
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW source_{table.name} AS
        SELECT m.person, m.hospital, {columns} FROM vault_{table.name} v JOIN members m ON m.patient_key = v.patient_key
        SEMI JOIN (SELECT patient_key, submission FROM eligible WHERE table_name = '{table.name}') e
        ON e.patient_key = v.patient_key AND e.submission = v.submission {within}
    """)
