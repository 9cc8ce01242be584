"""番号の列 (number columns): postal codes, telephones, insurance numbers and sexes of whole columns.

Ordinary values, all digits and hyphens, are read by set operations; whatever else is written is read value by value with `addresses`,
`phones`, `insurance` and `sexes`, which are the meaning of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from kiban_processing.linkage import addresses, glyphs, insurance, phones, sexes

INSURANCE = ("insurer_number", "insured_symbol", "insured_number", "insured_branch")


def lay(con: duckdb.DuckDBPyConnection, relation: str, name: str, also: str = "") -> None:
    """Makes the temporary table `name`, one row per registration of `relation`, and leaves no other.

    Columns: registration, site_id, day, birth_date, name_kanji, name_kana; sex (1, 2); as texts
    postal, phone, insurer, household, branch (a number), personal; elderly; and what `also` adds, SQL over address and day.
    """
    _read_odd(con, relation, f"{name}_postal", "postal_code", _POSTAL_USUAL, addresses.postal_code)
    _read_odd(con, relation, f"{name}_phone", "phone", _PHONE_USUAL, phones.read)
    _read_odd(con, relation, f"{name}_sex", "sex", "false", sexes.read)
    _read_symbols(con, relation, f"{name}_symbol")
    insured = _insured(relation, f"{name}_symbol")
    _read_odd_insurance(con, insured, f"{name}_odd")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH read_once AS (
            SELECT *, regexp_matches(insurer_read, '^{insurance.LATE_ELDERLY}$') AS is_elderly,
                   CASE WHEN usual AND insurer_read <> '' AND number_read <> '' AND NOT regexp_matches(insurer_read, '^{insurance.PUBLIC_ASSISTANCE}$')
                        THEN insurer_read || '|' || symbol_read || '|' || number_read END AS household_read,
                   {_ODD} AS odd, CASE WHEN {_POSTAL_USUAL} THEN right(replace({_digits("postal_code")}, '-', ''), 7) END AS postal_digits,
                   CASE WHEN {_PHONE_USUAL} THEN translate({_digits("phone")}, '()- ', '') END AS phone_digits
            FROM ({insured})),
        nationally AS (SELECT *, {_NATIONAL} AS national FROM read_once)
        SELECT registration, CAST(site_id AS VARCHAR) AS site_id,
               CAST(registered_on AS DATE) - DATE '1970-01-01' AS day, CAST(birth_date AS DATE) AS birth_date,
               CAST(name_kanji AS VARCHAR) AS name_kanji, CAST(name_kana AS VARCHAR) AS name_kana,
               CASE x.value WHEN 'male' THEN 1 WHEN 'female' THEN 2 END::TINYINT AS sex,
               CASE WHEN postal_digits IS NULL THEN p.value WHEN replace(postal_digits, left(postal_digits, 1), '') <> '' THEN postal_digits END AS postal,
               CASE WHEN phone_digits IS NULL THEN t.value WHEN {_IS_PHONE} THEN national END AS phone,
               CASE WHEN household_read IS NULL THEN o.insurer ELSE insurer_read END AS insurer, coalesce(household_read, o.household) AS household,
               CASE WHEN household_read IS NULL THEN o.branch WHEN NOT is_elderly THEN branch_read END AS branch,
               CASE WHEN household_read IS NULL THEN o.personal WHEN is_elderly THEN household_read ELSE household_read || '|' || branch_read END AS personal,
               CASE WHEN household_read IS NULL THEN coalesce(o.elderly, false) ELSE is_elderly END AS elderly{also}
        FROM nationally n
        LEFT JOIN {name}_odd o ON o.odd = n.odd
        LEFT JOIN {name}_sex x ON x.written = n.sex_text
        LEFT JOIN {name}_postal p ON p.written = n.postal_code
        LEFT JOIN {name}_phone t ON t.written = n.phone""")
    for made in ("odd", "postal", "phone", "sex", "symbol"):
        con.execute(f"DROP TABLE {name}_{made}")


def _insured(relation: str, symbols: str) -> str:
    """SQL: `relation` as text with the insurance fields in digits, taken apart where they are `usual`."""
    texts = ", ".join(f"coalesce(CAST({field} AS VARCHAR), '') AS {short}_text" for field, short in zip(INSURANCE, _SHORT, strict=True))
    digits = ", ".join(f"{_digits(f'{short}_text')} AS {short}_digits" for short in ("insurer", "number", "branch"))
    return f"""
        SELECT *, ltrim(insurer_digits, '0') AS insurer_read,
               CASE WHEN contains(number_digits, '-') THEN ltrim(split_part(number_digits, '-', 1), '0') ELSE symbol_unpadded END AS symbol_read,
               ltrim(CASE WHEN contains(number_digits, '-') THEN split_part(number_digits, '-', 2) ELSE number_digits END, '0') AS number_read,
               CASE WHEN branch_digits <> '' THEN coalesce(nullif(ltrim(branch_digits, '0'), ''), '0') END AS branch_read,
               regexp_matches(insurer_digits, '^[0-9]+$') AND regexp_matches(branch_digits, '^[0-9]*$')
                   AND (regexp_matches(number_digits, '^[0-9]+$') OR (NOT has_symbol AND regexp_matches(number_digits, '^[0-9]+-[0-9]+$'))) AS usual
        FROM (
            SELECT t.*, {digits}, coalesce(y.shown, false) AS has_symbol, coalesce(y.unpadded, '') AS symbol_unpadded
            FROM (SELECT CAST(registration AS VARCHAR) AS registration, site_id, registered_on, birth_date, name_kanji, name_kana,
                         nullif(replace(CAST(address AS VARCHAR), chr(10), ' '), '') AS address,
                         CAST(sex AS VARCHAR) AS sex_text, CAST(postal_code AS VARCHAR) AS postal_code, CAST(phone AS VARCHAR) AS phone, {texts}
                  FROM {relation}) t
            LEFT JOIN {symbols} y ON y.written = t.symbol_text)"""


_SHORT = ("insurer", "symbol", "number", "branch")


# What identifies an insurance entry that is read one by one.
_ODD = "CASE WHEN NOT usual AND number_text <> '' THEN insurer_text || chr(31) || symbol_text || chr(31) || number_text || chr(31) || branch_text END"
_NATIONAL = """CASE WHEN starts_with(phone_digits, '81') AND length(phone_digits) IN (11, 12) THEN '0' || ltrim(substr(phone_digits, 3), '0')
    WHEN NOT starts_with(phone_digits, '0') AND length(phone_digits) IN (9, 10) THEN '0' || phone_digits ELSE phone_digits END"""
_FREE_DIAL = " OR ".join(f"starts_with(national, '{prefix}')" for prefix in phones.FREE_DIALS)
_IS_PHONE = f"""length(national) IN (10, 11) AND starts_with(national, '0') AND replace(substr(national, 4), substr(national, 4, 1), '') <> ''
    AND NOT ({_FREE_DIAL})"""


def _digits(column: str) -> str:
    """The text with full-width digits and marks in ASCII; NFKC says the same of them."""
    wide = f"translate(CAST({column} AS VARCHAR), '０１２３４５６７８９－（）　', '0123456789-() ')"
    return f"(CASE WHEN regexp_matches(CAST({column} AS VARCHAR), '^[ -~]*$') THEN CAST({column} AS VARCHAR) ELSE {wide} END)"


_POSTAL_USUAL = f"regexp_matches({_digits('postal_code')}, '^〒?[0-9]{{3}}-?[0-9]{{4}}$')"
_PHONE_USUAL = f"regexp_matches({_digits('phone')}, '^[0-9() -]+$')"


def _read_odd(con: duckdb.DuckDBPyConnection, relation: str, name: str, column: str, usual: str, read: Callable[[str], str | None]) -> None:
    rows = con.execute(f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {relation} WHERE {column} IS NOT NULL AND NOT {usual}").fetchall()
    written = [row[0] for row in rows]
    _table(con, name, {"written": _strings(written), "value": _strings([read(text) for text in written])})


def _read_symbols(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> None:
    rows = con.execute(f"SELECT DISTINCT CAST(insured_symbol AS VARCHAR) FROM {relation} WHERE insured_symbol IS NOT NULL").fetchall()
    written = [row[0] for row in rows]
    shown = [glyphs.strict(text).upper() for text in written]
    unpadded = _strings([insurance.unpadded(text) for text in shown])
    _table(con, name, {"written": _strings(written), "shown": pa.array([bool(text) for text in shown], pa.bool_()), "unpadded": unpadded})


def _read_odd_insurance(con: duckdb.DuckDBPyConnection, insured: str, name: str) -> None:
    texts = ", ".join(f"{short}_text" for short in _SHORT)
    rows = con.execute(f"SELECT DISTINCT {_ODD} AS odd, {texts} FROM ({insured}) WHERE NOT usual AND number_text <> ''").fetchall()
    found = [insurance.read(*row[1:]) for row in rows]
    fields = {
        field: _strings([getattr(one, field) if one else None for one in found]) for field in ("insurer", "household", "branch", "personal")
    }
    elderly = pa.array([bool(one and one.elderly) for one in found], pa.bool_())
    _table(con, name, {"odd": _strings([row[0] for row in rows]), **fields, "elderly": elderly})


def _table(con: duckdb.DuckDBPyConnection, name: str, arrays: dict[str, pa.Array]) -> None:
    con.register("linkage_read", pa.table(arrays))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM linkage_read")
    con.unregister("linkage_read")


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())
