"""照合キー (keys): the comparable columns of registrations, computed once for each distinct value and joined back.

A change of what these columns hold is a new `VERSION`: everything must then be linked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa

from kiban_processing.linkage import addresses, insurance, names, phones, sexes

VERSION = "1"

# What `link` reads; everything but the first two may be null or empty.
COLUMNS = (
    "registration",
    "site_id",
    "registered_on",
    "name_kanji",
    "name_kana",
    "birth_date",
    "sex",
    "postal_code",
    "address",
    "phone",
    "insurer_number",
    "insured_symbol",
    "insured_number",
    "insured_branch",
)
# One telephone or insurance number on this many registrations is a filler or an institution's, and would pair all of them.
SHARED_BY_AT_MOST = {"phone": 30, "insurance": 60}
# A birth date of so many people is what a system writes when it knows none (1900-01-01).
BIRTH_DATE_AT_MOST, BIRTH_DATE_AT_MOST_SHARE = 200, 0.002

_NAME_FIELDS = ("full", "wide", "surname", "given")
_INSURANCE_FIELDS = ("insurer_number", "insured_symbol", "insured_number", "insured_branch")


def normalise_relation(con: duckdb.DuckDBPyConnection, relation: str, name: str = "linkage_keys") -> str:
    """Makes the temporary table `name` with one row per registration and returns that name.

    Columns: node (0, 1, ... in the order of registration); registration, site_id, registered_on; kanji, kanji_wide, surname_kanji, given_kanji; kana, kana_wide, surname_kana,
    given_kana; newborn; dob, dob_year, dob_monthday; sex; postal, town, address (town and numbers); phone; insurance (household
    number), branch, personal (number of one person). Null wherever a value is missing or cannot be read.
    """
    made = [
        _register(con, "linkage_kanji", _names(con, relation, "name_kanji", "kanji")),
        _register(con, "linkage_kana", _names(con, relation, "name_kana", "kana")),
        _register(con, "linkage_sexes", _mapped(con, relation, ("sex",), ("known",), lambda row: (sexes.read(row[0]),))),
        _register(
            con, "linkage_postal", _mapped(con, relation, ("postal_code",), ("known",), lambda row: (addresses.postal_code(row[0]),))
        ),
        _register(con, "linkage_phones", _mapped(con, relation, ("phone",), ("known",), lambda row: (phones.read(row[0]),))),
        _register(con, "linkage_addresses", _mapped(con, relation, ("address",), ("town", "place"), _address)),
        _register(con, "linkage_insurance", _mapped(con, relation, _INSURANCE_FIELDS, ("household", "branch", "personal"), _insurance)),
    ]
    insured = " AND ".join(f"i.{field} = {_text('s', field)}" for field in _INSURANCE_FIELDS)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT row_number() OVER (ORDER BY CAST(s.registration AS VARCHAR)) - 1 AS node,
               CAST(s.registration AS VARCHAR) AS registration, CAST(s.site_id AS VARCHAR) AS site_id, s.registered_on,
               j."full" AS kanji, j.wide AS kanji_wide, j.surname AS surname_kanji, j.given AS given_kanji,
               k."full" AS kana, k.wide AS kana_wide, k.surname AS surname_kana, k.given AS given_kana,
               coalesce(j.newborn, false) OR coalesce(k.newborn, false) AS newborn,
               s.birth_date AS dob, year(s.birth_date) AS dob_year, month(s.birth_date) * 100 + day(s.birth_date) AS dob_monthday,
               x.known AS sex, p.known AS postal, a.town, a.place AS address, t.known AS phone,
               i.household AS insurance, i.branch, i.personal
        FROM {relation} s
        LEFT JOIN linkage_kanji j ON j.name_kanji = {_text("s", "name_kanji")}
        LEFT JOIN linkage_kana k ON k.name_kana = {_text("s", "name_kana")}
        LEFT JOIN linkage_sexes x ON x.sex = {_text("s", "sex")}
        LEFT JOIN linkage_postal p ON p.postal_code = {_text("s", "postal_code")}
        LEFT JOIN linkage_phones t ON t.phone = {_text("s", "phone")}
        LEFT JOIN linkage_addresses a ON a.address = {_text("s", "address")}
        LEFT JOIN linkage_insurance i ON {insured}
        ORDER BY registration""")
    for view in made:
        con.unregister(view)
    for column, most in SHARED_BY_AT_MOST.items():
        worn = f"SELECT {column} FROM {name} GROUP BY {column} HAVING count(*) > {most:d}"
        dropped = f"{column} = NULL" + (", branch = NULL, personal = NULL" if column == "insurance" else "")
        con.execute(f"UPDATE {name} SET {dropped} WHERE {column} IN ({worn})")
    ceiling = f"greatest({BIRTH_DATE_AT_MOST}, {BIRTH_DATE_AT_MOST_SHARE} * (SELECT count(*) FROM {name}))"
    worn = f"SELECT dob FROM {name} GROUP BY dob HAVING count(*) > {ceiling}"
    con.execute(f"UPDATE {name} SET dob = NULL, dob_year = NULL, dob_monthday = NULL WHERE dob IN ({worn})")
    return name


def _text(alias: str, column: str) -> str:
    return f"coalesce(CAST({alias}.{column} AS VARCHAR), '')"


def _distinct(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> list[tuple[str, ...]]:
    chosen = ", ".join(f"{_text('s', column)} AS {column}" for column in columns)
    found = con.execute(f"SELECT DISTINCT {chosen} FROM {relation} s").to_arrow_table()
    values = zip(*(found.column(column).to_pylist() for column in columns), strict=True)
    return [row for row in values if any(row)]


def _mapped(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[str],
    made: Sequence[str],
    read: Callable[[tuple[str, ...]], tuple[str | None, ...]],
) -> pa.Table:
    rows = _distinct(con, relation, columns)
    results = [read(row) for row in rows]
    arrays = {column: _strings(row[place] for row in rows) for place, column in enumerate(columns)}
    arrays |= {column: _strings(result[place] for result in results) for place, column in enumerate(made)}
    return pa.table(arrays)


def _names(con: duckdb.DuckDBPyConnection, relation: str, column: str, script: names.Script) -> pa.Table:
    written = [row[0] for row in _distinct(con, relation, (column,))]
    surnames: Mapping[str, int] = names.learn_surnames(written, script)
    found = [names.read(text, script, surnames) for text in written]
    arrays = {column: _strings(written)}
    arrays |= {field: _strings(getattr(name, field) if name else None for name in found) for field in _NAME_FIELDS}
    return pa.table(arrays | {"newborn": pa.array([bool(name and name.newborn) for name in found], pa.bool_())})


def _address(row: tuple[str, ...]) -> tuple[str | None, ...]:
    found = addresses.read(row[0])
    if found is None:
        return None, None
    return found.town, f"{found.town}|{found.numbers}" if found.numbers else None


def _insurance(row: tuple[str, ...]) -> tuple[str | None, ...]:
    found = insurance.read(*row)
    return (found.household, found.branch, found.personal) if found else (None, None, None)


def _register(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> str:
    con.register(name, table)
    return name


def _strings(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())
