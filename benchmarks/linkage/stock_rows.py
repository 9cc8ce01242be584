"""比較用の正規化 (stock rows): registrations in the simple Japanese-aware form that stock Splink is given, and the raw ten-rule self-join.

Names, addresses and insurance numbers are folded by the project's own pure functions, read only, and kept as text: stock Splink compares
readings by Jaro and Winkler. What the project adds beyond it (former names, aliases, frequencies, frozen counts) is left out on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from kiban_processing.linkage import addresses, insurance, names, phones, registrations, sexes

INSURED = ("insurer_number", "insured_symbol", "insured_number", "insured_branch")

# The ten blocking rules; a full name alone grows with the square of the rows, which is part of what is measured.
RULES: tuple[tuple[str, ...], ...] = (
    ("dob", "surname_kana"),
    ("dob", "given_kana"),
    ("dob", "surname_kanji"),
    ("dob", "given_kanji"),
    ("full_kana",),
    ("full_kanji",),
    ("insurance", "given_kana"),
    ("phone", "given_kana"),
    ("insurance", "dob"),
    ("phone", "dob"),
)


def make(con: duckdb.DuckDBPyConnection, file: Path, name: str = "stock_rows") -> str:
    """Makes the table `name`, one row per registration: unique_id (hospital, 0x1F, local number), names, dob (DATE), sex, postal, town,
    address, phone, insurance (symbol-number without zeros in front), branch, elderly (numbered by person). Returns that name."""
    registrations.lay(con, registrations.read([file]), "stock_registrations")
    made = {
        "stock_kanji": _mapped(con, ("name_kanji",), _names(con, "name_kanji", "kanji"), ("wide", "surname", "given")),
        "stock_kana": _mapped(con, ("name_kana",), _names(con, "name_kana", "kana"), ("wide", "surname", "given")),
        "stock_sex": _mapped(con, ("sex",), lambda row: (sexes.read(row[0]),), ("known",)),
        "stock_postal": _mapped(con, ("postal_code",), lambda row: (addresses.postal_code(row[0]),), ("known",)),
        "stock_phone": _mapped(con, ("phone",), lambda row: (phones.read(row[0]),), ("known",)),
        "stock_address": _mapped(con, ("address",), _address, ("town", "place")),
        "stock_insurance": _mapped(con, INSURED, _insurance, ("household", "branch", "elderly")),
    }
    for view, table in made.items():
        con.register(view, table)
    insured = " AND ".join(f"i.{column} = coalesce(r.{column}, '')" for column in INSURED)
    con.execute(f"""
        CREATE OR REPLACE TABLE {name} AS
        SELECT r.registration AS unique_id, j.wide AS full_kanji, j.surname AS surname_kanji, j.given AS given_kanji,
               k.wide AS full_kana, k.surname AS surname_kana, k.given AS given_kana,
               CAST(r.birth_date AS DATE) AS dob, x.known AS sex, p.known AS postal, a.town, a.place AS address, t.known AS phone,
               i.household AS insurance, i.branch, coalesce(i.elderly = 'yes', false) AS elderly
        FROM stock_registrations r
        LEFT JOIN stock_kanji j ON j.name_kanji = r.name_kanji LEFT JOIN stock_kana k ON k.name_kana = r.name_kana
        LEFT JOIN stock_sex x ON x.sex = r.sex LEFT JOIN stock_postal p ON p.postal_code = r.postal_code
        LEFT JOIN stock_phone t ON t.phone = r.phone LEFT JOIN stock_address a ON a.address = r.address
        LEFT JOIN stock_insurance i ON {insured}""")
    for view in made:
        con.unregister(view)
    con.execute("DROP TABLE stock_registrations")
    return name


def self_join(con: duckdb.DuckDBPyConnection, table: str, keep: bool = True) -> int:
    """The yardstick: each pair that any of the ten rules proposes, once, by plain joins of DuckDB. Returns the number of pairs.

    `keep`: whether a pair that several rules propose is written once (as a linkage needs it) or only counted each time it is found.
    """
    arms = [
        f"SELECT l.unique_id AS id_l, r.unique_id AS id_r FROM {table} l JOIN {table} r"
        f" ON {' AND '.join(f'l.{column} = r.{column}' for column in rule)} WHERE l.unique_id < r.unique_id"
        for rule in RULES
    ]
    if not keep:
        return int(con.execute(f"SELECT count(*) FROM ({' UNION ALL '.join(arms)})").fetchall()[0][0])
    con.execute(f"CREATE OR REPLACE TEMP TABLE raw_pairs AS {' UNION '.join(arms)}")
    return int(con.execute("SELECT count(*) FROM raw_pairs").fetchall()[0][0])


def _mapped(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], read: Callable[[tuple[str, ...]], tuple[str | None, ...]], made: Sequence[str]
) -> pa.Table:
    """Distinct written values beside what is read from them."""
    chosen = ", ".join(f"coalesce({column}, '') AS {column}" for column in columns)
    found = con.execute(f"SELECT DISTINCT {chosen} FROM stock_registrations").to_arrow_table()
    rows = [row for row in zip(*(found.column(column).to_pylist() for column in columns), strict=True) if any(row)]
    results = [read(row) for row in rows]
    table = {column: _strings(row[place] for row in rows) for place, column in enumerate(columns)}
    return pa.table(table | {column: _strings(result[place] for result in results) for place, column in enumerate(made)})


def _names(con: duckdb.DuckDBPyConnection, column: str, script: names.Script) -> Callable[[tuple[str, ...]], tuple[str | None, ...]]:
    written = con.execute(f"SELECT DISTINCT {column} FROM stock_registrations WHERE {column} <> ''").fetchall()
    surnames = names.learn_surnames((row[0] for row in written), script)

    def read(row: tuple[str, ...]) -> tuple[str | None, ...]:
        found: Any = names.read(row[0], script, surnames)
        return (found.wide, found.surname, found.given) if found else (None, None, None)

    return read


def _address(row: tuple[str, ...]) -> tuple[str | None, ...]:
    found = addresses.read(row[0])
    if found is None:
        return None, None
    return found.town, f"{found.town}|{found.numbers}" if found.numbers else None


def _insurance(row: tuple[str, ...]) -> tuple[str | None, ...]:
    """Symbol and number without the insurer, as the settings that were measured have it."""
    found = insurance.read(*row)
    if found is None:
        return None, None, None
    insurer, _, number = found.household.partition("|")
    return number, found.branch, "yes" if insurer.startswith("39") and len(insurer) == 8 else None


def _strings(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())
