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
_UNIT = "chr(31)"


def lay(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> None:
    """Makes the temporary table `name`, one row per registration of `relation`, and leaves no other.

    Columns: those of `relation` but with registration and site_id as text, day and birth_day (days since 1970-01-01), sex_read (1, 2), and
    as texts postal, phone_read, insurer, household, branch (a number), personal; elderly.
    """
    postal, phone = _postal("postal_code"), _phone("phone")
    _read_odd(con, relation, f"{name}_postal", "postal_code", _POSTAL_USUAL, lambda text: addresses.postal_code(text))
    _read_odd(con, relation, f"{name}_phone", "phone", _PHONE_USUAL, lambda text: phones.read(text))
    _read_odd(con, relation, f"{name}_sex", "sex", "false", lambda text: sexes.read(text))
    _read_symbols(con, relation, f"{name}_symbol")
    whole = "'^[0-9]+$'"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_insured AS
        SELECT s.*, CASE WHEN NOT usual AND number_text <> '' THEN insurer_text || {_UNIT} || symbol_text || {_UNIT} || number_text || {_UNIT} || branch_text END AS odd
        FROM (
            SELECT CAST(registration AS VARCHAR) AS registration, {", ".join(f"coalesce(CAST({field} AS VARCHAR), '') AS {short}_text" for field, short in zip(INSURANCE, _SHORT, strict=True))},
                   {_digits("insurer_text")} AS insurer_digits, {_digits("number_text")} AS number_digits, {_digits("branch_text")} AS branch_digits,
                   coalesce(y.shown, false) AS has_symbol, coalesce(y.unpadded, '') AS symbol_read,
                   regexp_matches(insurer_digits, {whole}) AND (branch_digits = '' OR regexp_matches(branch_digits, {whole}))
                       AND (regexp_matches(number_digits, {whole}) OR (NOT has_symbol AND regexp_matches(number_digits, '^[0-9]+-[0-9]+$'))) AS usual
            FROM {relation} r LEFT JOIN {name}_symbol y ON y.written = CAST(r.insured_symbol AS VARCHAR)) s""")
    _read_odd_insurance(con, f"{name}_insured", f"{name}_odd")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH taken AS (
            SELECT registration, odd, usual, ltrim(insurer_digits, '0') AS insurer,
                   CASE WHEN contains(number_digits, '-') THEN ltrim(split_part(number_digits, '-', 1), '0') ELSE symbol_read END AS symbol,
                   ltrim(CASE WHEN contains(number_digits, '-') THEN split_part(number_digits, '-', 2) ELSE number_digits END, '0') AS number,
                   CASE WHEN branch_digits <> '' THEN coalesce(nullif(ltrim(branch_digits, '0'), ''), '0') END AS branch
            FROM {name}_insured),
        insured AS (
            SELECT registration, odd, branch, insurer, regexp_matches(insurer, '^{insurance.LATE_ELDERLY}$') AS elderly,
                   CASE WHEN usual AND insurer <> '' AND number <> '' AND NOT regexp_matches(insurer, '^{insurance.PUBLIC_ASSISTANCE}$')
                        THEN insurer || '|' || symbol || '|' || number END AS household
            FROM taken)
        SELECT CAST(r.registration AS VARCHAR) AS registration, CAST(r.site_id AS VARCHAR) AS site_id,
               CAST(r.registered_on AS DATE) - DATE '1970-01-01' AS day, CAST(r.birth_date AS DATE) AS birth_date,
               CAST(r.birth_date AS DATE) - DATE '1970-01-01' AS birth_day,
               CAST(r.name_kanji AS VARCHAR) AS name_kanji, CAST(r.name_kana AS VARCHAR) AS name_kana, nullif(CAST(r.address AS VARCHAR), '') AS address,
               CASE x.value WHEN 'male' THEN 1 WHEN 'female' THEN 2 END::TINYINT AS sex,
               CASE WHEN {_POSTAL_USUAL} THEN {postal} ELSE p.value END AS postal, CASE WHEN {_PHONE_USUAL} THEN {phone} ELSE t.value END AS phone,
               CASE WHEN i.household IS NOT NULL THEN i.insurer ELSE o.insurer END AS insurer, coalesce(i.household, o.household) AS household,
               CASE WHEN i.household IS NULL THEN o.branch WHEN NOT i.elderly THEN i.branch END AS branch,
               CASE WHEN i.household IS NULL THEN o.personal WHEN i.elderly THEN i.household ELSE i.household || '|' || i.branch END AS personal,
               CASE WHEN i.household IS NULL THEN coalesce(o.elderly, false) ELSE i.elderly END AS elderly
        FROM {relation} r JOIN insured i ON i.registration = CAST(r.registration AS VARCHAR)
        LEFT JOIN {name}_odd o ON o.odd = i.odd
        LEFT JOIN {name}_sex x ON x.written = CAST(r.sex AS VARCHAR)
        LEFT JOIN {name}_postal p ON p.written = CAST(r.postal_code AS VARCHAR)
        LEFT JOIN {name}_phone t ON t.written = CAST(r.phone AS VARCHAR)""")
    for made in ("insured", "odd", "postal", "phone", "sex", "symbol"):
        con.execute(f"DROP TABLE {name}_{made}")


_SHORT = ("insurer", "symbol", "number", "branch")


def _digits(column: str) -> str:
    """The text in ASCII digits and hyphens, where it is made of full-width ones; NFKC says the same of them."""
    return f"translate(CAST({column} AS VARCHAR), '０１２３４５６７８９－（）　', '0123456789-() ')"


_POSTAL_USUAL = f"regexp_matches({_digits('postal_code')}, '^〒?[0-9]{{3}}-?[0-9]{{4}}$')"
_PHONE_USUAL = f"regexp_matches({_digits('phone')}, '^[0-9() -]+$')"


def _postal(column: str) -> str:
    digits = f"right(replace({_digits(column)}, '-', ''), 7)"
    return f"CASE WHEN replace({digits}, left({digits}, 1), '') <> '' THEN {digits} END"


def _phone(column: str) -> str:
    digits = f"regexp_replace({_digits(column)}, '[^0-9]', '', 'g')"
    national = f"""(CASE WHEN starts_with({digits}, '81') AND length({digits}) IN (11, 12) THEN '0' || ltrim(substr({digits}, 3), '0')
        WHEN NOT starts_with({digits}, '0') AND length({digits}) IN (9, 10) THEN '0' || {digits} ELSE {digits} END)"""
    free = " OR ".join(f"starts_with(n, '{prefix}')" for prefix in phones.FREE_DIALS)
    # A list of one carries the intermediate value, so that it is computed once.
    valid = f"length(n) IN (10, 11) AND starts_with(n, '0') AND replace(substr(n, 4), substr(n, 4, 1), '') <> '' AND NOT ({free})"
    return f"list_transform([{national}], lambda n: CASE WHEN {valid} THEN n END)[1]"


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
    rows = con.execute(f"SELECT DISTINCT odd, {texts} FROM {insured} WHERE odd IS NOT NULL").fetchall()
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
