"""名寄せの対象 (usable): the registrations that may be linked today; of whoever has asked to stop since, nothing is read (Act 56(1))."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from kiban_operator import rulings, vault
from kiban_operator.home import Home
from kiban_operator.programmes import Regime
from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.tables import TABLES

LINKED_COLUMNS = (
    "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip


def lay_out(home: Home, con: duckdb.DuckDBPyConnection, only: Sequence[str] | None = None) -> None:
    """Make `registrations` (registration, site_id and LINKED_COLUMNS) of what is stored and may be used today; `only`: of these keys."""
    columns = ", ".join(LINKED_COLUMNS)
    lay_out_none(con, "registrations")
    for regime in Regime:
        with home.reading() as session:
            for name in ("patients", "deaths"):
                vault.register(con, session, home, TABLES[name], f"vault_{name}", regime=regime.value)
        if only is not None:
            _narrow(con, only)
        rulings.rule_stored(home, con, {"patients": set(LINKED_COLUMNS)}, regime, "usable")
        con.execute(f"""
            INSERT INTO registrations SELECT patient_key, hospital, {columns} FROM vault_patients v
            SEMI JOIN usable u ON u.hospital = v.hospital AND u.patient_key = v.patient_key AND u.submission = v.submission
            ANTI JOIN registrations r ON r.registration = v.patient_key
        """)


def lay_out_none(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make `name`, shaped as `registrations` and without a row."""
    columns = ", ".join(LINKED_COLUMNS)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT '' AS registration, '' AS site_id, {columns} FROM ({_shape()}) WHERE false")


def _narrow(con: duckdb.DuckDBPyConnection, only: Sequence[str]) -> None:
    """Leave in the views of the vault the rows of a few registrations."""
    con.register("only_these", pa.table({"patient_key": pa.array(list(only), pa.string())}))
    for name in ("patients", "deaths"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE few_{name} AS SELECT * FROM vault_{name} SEMI JOIN only_these USING (patient_key)")
        con.execute(f"CREATE OR REPLACE TEMP VIEW vault_{name} AS SELECT * FROM few_{name}")
    con.unregister("only_these")


def _shape() -> str:
    types = {"date32[day]": "DATE"}
    fields = {field.name: types.get(str(field.type), "VARCHAR") for field in arrow.schema(TABLES["patients"])}
    return "SELECT " + ", ".join(f"NULL::{fields[name]} AS {name}" for name in LINKED_COLUMNS)
