"""氏名の列 (name columns): `names.read` for every distinct name of a column at once, as integers.

Usual names, nearly all, are folded as long texts and split by set operations; the others are read one by one. Both ways are tested to
agree with `names.read`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from kiban_processing.linkage import codes, columns, glyphs, kana, names
from kiban_processing.linkage.names import Script

_TEXTS = ("full", "wide", "surname", "given", "former", "alias", "latin", "tokens")


def surnames_of(con: duckdb.DuckDBPyConnection, relation: str, column: str, script: Script) -> dict[str, int]:
    """`names.learn_surnames` of a column."""
    laid = _laid(con, relation, column, script)
    found = _learnt(con, laid)
    con.execute(f"DROP TABLE {laid}")
    return found


def lay(
    con: duckdb.DuckDBPyConnection, relation: str, column: str, script: Script, surnames: Mapping[str, int] | None, name: str
) -> dict[str, int]:
    """Makes the temporary table `name`, one row per distinct written name that is not empty; returns the surnames used.

    Columns: written; full, wide, surname, given, former, alias, latin, tokens (codes of the fields of `names.Name`); newborn; for kana
    also bits and given_bits. `surnames` None: those of the column itself.
    """
    laid = _laid(con, relation, column, script)
    used = _learnt(con, laid) if surnames is None else dict(surnames)
    _divide(con, laid, used, script)
    texts = f"{name}_texts"
    _write_texts(con, laid, used, script, texts)
    _encode(con, texts, script, name)
    for table in (laid, texts, "linkage_divided"):
        con.execute(f"DROP TABLE {table}")
    return used


def _laid(con: duckdb.DuckDBPyConnection, relation: str, column: str, script: Script) -> str:
    """Distinct names, folded; `head` and `tail` around their one space, `usual` or not."""
    table = f"linkage_laid_{script}"
    written = con.execute(f"SELECT DISTINCT CAST({column} AS VARCHAR) AS written FROM {relation} WHERE {column} <> ''").to_arrow_table()
    lines = _lines(written.column("written"))
    laid = columns.folded(lines, lambda text: names.laid_lines(names.shown_lines(text), script))
    compared = columns.folded(laid, glyphs.widened) if script == "kanji" else laid
    con.register("linkage_lines", written.append_column("laid", _strings(laid)).append_column("compared", _strings(compared)))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT *, CASE WHEN gap > 0 THEN left(compared, gap - 1) END AS head, CASE WHEN gap > 0 THEN substr(compared, gap + 1) END AS tail
        FROM (SELECT written, laid, compared, laid <> '' AND NOT regexp_matches(laid, {_quoted(names.UNUSUAL[script])}) AS usual,
                     CASE WHEN usual THEN instr(compared, ' ') ELSE 0 END AS gap
              FROM linkage_lines)""")
    con.unregister("linkage_lines")
    return table


def _learnt(con: duckdb.DuckDBPyConnection, laid: str) -> dict[str, int]:
    return dict(
        con.execute(f"""
        SELECT head, count(DISTINCT tail)::INTEGER AS given_names FROM {laid} WHERE gap > 0 AND length(head) <= {names.LONGEST_SURNAME}
        GROUP BY head HAVING given_names >= {names.LEAST_GIVEN_NAMES} ORDER BY head""").fetchall()
    )


def _divide(con: duckdb.DuckDBPyConnection, laid: str, surnames: Mapping[str, int], script: Script) -> None:
    """Usual names with surname and given name: where they were written apart, or by the more frequent surname, the longer of two."""
    dictionary = pa.table(
        {"surname": _strings(list(surnames)), "rank": pa.array([count * 64 + len(name) for name, count in surnames.items()], pa.int64())}
    )
    con.register("linkage_dictionary", dictionary)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_divided AS
        WITH whole AS (SELECT DISTINCT compared FROM {laid} WHERE usual AND gap = 0 AND length(compared) > 1),
        heads AS (SELECT compared, unnest(range(1, least(length(compared), {names.LONGEST_SURNAME} + 1)::BIGINT)) AS size FROM whole),
        best AS (SELECT compared, max(rank) AS rank FROM heads JOIN linkage_dictionary ON surname = left(compared, size) GROUP BY compared)
        SELECT l.written, l.laid, l.compared, coalesce(head, left(l.compared, (rank % 64)::BIGINT)) AS head,
               coalesce(tail, substr(l.compared, (rank % 64)::BIGINT + 1)) AS tail
        FROM {laid} l LEFT JOIN best b ON l.gap = 0 AND b.compared = l.compared WHERE usual""")
    con.unregister("linkage_dictionary")


def _write_texts(con: duckdb.DuckDBPyConnection, laid: str, surnames: Mapping[str, int], script: Script, name: str) -> None:
    usual = con.execute("SELECT written, laid, compared, head, tail FROM linkage_divided").to_arrow_table()
    if script == "kanji":
        con.register("linkage_usual", usual)
        chosen = "written, replace(laid, ' ', '') AS \"full\", replace(compared, ' ', '') AS wide, head AS surname, tail AS given"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {chosen}, NULL::VARCHAR AS tokens FROM linkage_usual")
    else:
        con.register("linkage_usual", _kana_texts(con, usual))
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE {name} AS
            SELECT written, nullif("full", '') AS "full", nullif(wide, '') AS wide, nullif(split_part(apart, ' ', 1), '') AS surname,
                   CASE WHEN apart LIKE '% %' THEN nullif(split_part(apart, ' ', 2), '') END AS given,
                   CASE WHEN foreign_apart LIKE '% %' THEN least(split_part(foreign_apart, ' ', 1), split_part(foreign_apart, ' ', 2))
                       || ' ' || greatest(split_part(foreign_apart, ' ', 1), split_part(foreign_apart, ' ', 2)) END AS tokens
            FROM linkage_usual""")
        con.execute(f"UPDATE {name} SET surname = NULL WHERE given IS NULL AND tokens IS NULL")
    con.unregister("linkage_usual")
    con.execute(f"ALTER TABLE {name} ADD COLUMN newborn BOOLEAN DEFAULT false")
    for column in ("former", "alias", "latin"):
        con.execute(f"ALTER TABLE {name} ADD COLUMN {column} VARCHAR")
    con.register("linkage_unusual", _unusual(con, laid, surnames, script))
    con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM linkage_unusual")
    con.unregister("linkage_unusual")


def _kana_texts(con: duckdb.DuckDBPyConnection, usual: pa.Table) -> pa.Table:
    con.register("linkage_usual", usual)
    found = con.execute(
        "SELECT replace(compared, ' ', '') AS joined, coalesce(head || ' ' || tail, replace(compared, ' ', '')) AS apart FROM linkage_usual"
    ).to_arrow_table()
    con.unregister("linkage_usual")
    joined, apart = _lines(found.column("joined")), _lines(found.column("apart"))
    wide_apart = columns.folded(apart, kana.wide_lines)
    return pa.table(
        {
            "written": usual.column("written"),
            "full": _strings(columns.folded(joined, kana.strict_lines)),
            "wide": _strings(columns.folded(joined, kana.wide_lines)),
            "apart": _strings(wide_apart),
            "foreign_apart": _strings(columns.folded(wide_apart, kana.foreign_lines)),
        }
    )


def _unusual(con: duckdb.DuckDBPyConnection, laid: str, surnames: Mapping[str, int], script: Script) -> pa.Table:
    written = con.execute(f"SELECT written FROM {laid} WHERE NOT usual").to_arrow_table().column("written").to_pylist()
    found = [names.read(text, script, surnames) for text in written]
    arrays = {field: _strings([getattr(name, field) if name else None for name in found]) for field in _TEXTS}
    return pa.table(
        {"written": _strings(written), **arrays, "newborn": pa.array([bool(name and name.newborn) for name in found], pa.bool_())}
    )


def _encode(con: duckdb.DuckDBPyConnection, texts: str, script: Script, name: str) -> None:
    encoded = [f"{codes.code_sql(field)} AS {field}" for field in _TEXTS if field not in ("full", "wide")]
    encoded.append(f"{codes.code_sql('wide')} AS wide")
    encoded.append(f'{codes.code_sql(_FULL)} AS "full"')
    if script == "kanji":
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT written, newborn, {', '.join(encoded)} FROM {texts}")
        return
    found = con.execute(f"SELECT written, coalesce(wide, '') AS wide, coalesce(given, '') AS given FROM {texts}").to_arrow_table()
    bitmaps = {column: _bits(_lines(found.column(column))) for column in ("wide", "given")}
    con.register("linkage_bits", pa.table({"written": found.column("written"), "bits": bitmaps["wide"], "given_bits": bitmaps["given"]}))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT t.written, t.newborn, b.bits, b.given_bits, {", ".join(encoded)} FROM {texts} t JOIN linkage_bits b ON b.written = t.written""")
    con.unregister("linkage_bits")


_FULL = '"full"'


def _bits(texts: Sequence[str]) -> pa.Array:
    found = codes.bits_of(texts)
    return pa.array(found, pa.int64(), mask=np.array([not text for text in texts], np.bool_))


def _lines(column: pa.ChunkedArray) -> list[str]:
    values: list[str] = column.to_pylist()
    return [value.replace("\n", " ") for value in values] if any("\n" in value for value in values) else values


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
