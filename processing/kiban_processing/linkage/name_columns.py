"""氏名の列 (name columns): `names.read` for every distinct name of a column at once, as integers.

Usual names, nearly all, are folded as long texts and split by set operations; the others are read one by one. Both ways are tested to
agree with `names.read`. Few surnames and given names make many names, so parts are folded and digested once each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import codes, columns, glyphs, kana, names
from kiban_processing.linkage.names import Script

_STRICT = columns.ByCharacter(lambda line: glyphs.strict_lines(line).upper())
_WIDE, _SPELLED = columns.ByCharacter(glyphs.widened), columns.ByCharacter(lambda line: line.translate(kana.SPELLINGS))
_TEXTS = ("full", "wide", "surname", "given", "former", "alias", "latin", "tokens")


def in_their_fields(relation: str) -> str:
    """SQL: `relation` as `names.in_their_fields` sorts its columns name_kanji and name_kana; its other columns are unchanged."""
    return f"""(
        SELECT * REPLACE (
            CASE WHEN reading OR kanji_text = '' THEN CASE WHEN han THEN kana_text ELSE '' END ELSE kanji_text END AS name_kanji,
            CASE WHEN han OR kana_text = '' THEN CASE WHEN reading THEN kanji_text ELSE '' END ELSE kana_text END AS name_kana)
        FROM (SELECT *, replace(coalesce(CAST(name_kanji AS VARCHAR), ''), chr(10), ' ') AS kanji_text, replace(coalesce(CAST(name_kana AS VARCHAR), ''), chr(10), ' ') AS kana_text,
                     regexp_matches(kanji_text, {_quoted(names.KANA_ALONE)}) AS reading, regexp_matches(kana_text, {_quoted(names.HAN_ALONE)})
                         OR ((reading OR kanji_text = '') AND regexp_matches(kana_text, {_quoted(names.LATIN_WORDS)})) AS han
              FROM {relation}))"""


def lay(
    con: duckdb.DuckDBPyConnection, relation: str, column: str, script: Script, surnames: Mapping[str, int] | None, name: str
) -> dict[str, int]:
    """Makes the temporary table `name`, one row per distinct written name that is not empty; returns the surnames used.

    Columns: written; full, wide, surname, given, former, alias, latin, tokens (codes of the fields of `names.Name`); newborn; for kana
    also bits and given_bits. `surnames` None: those of the column itself (`names.learn_surnames`).
    """
    _fold(con, relation, column, script)
    used = _learnt(con) if surnames is None else dict(surnames)
    _divide(con, used)
    _encode_parts(con, script)
    _encode_names(con, script)
    con.register("linkage_read", _read_unusual(con, used, script))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT w.written, false AS newborn, e.* EXCLUDE (id) FROM linkage_written w JOIN linkage_encoded e ON e.id = w.id
        UNION ALL BY NAME SELECT written, newborn, {_coded(_TEXTS)}{", bits, given_bits" if script == "kana" else ""} FROM linkage_read""")
    con.unregister("linkage_read")
    for table in ("written", "laid", "divided", "parts", "encoded"):
        con.execute(f"DROP TABLE linkage_{table}")
    return used


def _fold(con: duckdb.DuckDBPyConnection, relation: str, column: str, script: Script) -> None:
    """`linkage_written`: written, id; `linkage_laid`, per id: laid, compared (what parts are made of), usual, and around its one space head and tail."""
    written = con.execute(f"SELECT DISTINCT CAST({column} AS VARCHAR) AS written FROM {relation} WHERE {column} <> ''").to_arrow_table()
    spelled = (_SPELLED, kana.foreign_sounds) if script == "kana" else ()
    encoded = columns.folded_column(written.column("written"), _STRICT, names.tidied_lines, *spelled).combine_chunks().dictionary_encode()
    compared = encoded.dictionary if script == "kana" else columns.folded_column(encoded.dictionary, _WIDE)
    _make(con, "linkage_written", "*", written.append_column("id", encoded.indices))
    _make(
        con,
        "linkage_laid",
        f"""*, laid <> '' AND NOT regexp_matches(laid, {_quoted(names.UNUSUAL[script])}) AS usual,
            CASE WHEN usual THEN instr(compared, ' ') ELSE 0 END AS gap, CASE WHEN usual AND gap = 0 THEN compared END AS whole,
            CASE WHEN gap > 0 THEN left(compared, gap - 1) END AS head, CASE WHEN gap > 0 THEN substr(compared, gap + 1) END AS tail""",
        pa.table({"id": pa.array(np.arange(len(encoded.dictionary)), pa.int32()), "laid": encoded.dictionary, "compared": compared}),
    )


def _learnt(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = con.execute(f"""
        SELECT head, count(DISTINCT tail)::INTEGER AS given_names FROM linkage_laid WHERE gap > 0 AND length(head) <= {names.LONGEST_SURNAME}
        GROUP BY head HAVING given_names >= {names.LEAST_GIVEN_NAMES} ORDER BY head""")
    return dict(found.fetchall())


def _divide(con: duckdb.DuckDBPyConnection, surnames: Mapping[str, int]) -> None:
    """Usual names with surname and given name: where they were written apart, or by the more frequent surname, the longer of two."""
    ranks = pa.array([count * 64 + len(surname) for surname, count in surnames.items()], pa.int64())
    con.register("linkage_dictionary", pa.table({"surname": _strings(list(surnames)), "rank": ranks}))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_divided AS
        WITH heads AS (
            SELECT whole, unnest(range(1, least(length(whole), {names.LONGEST_SURNAME} + 1)::BIGINT)) AS size
            FROM (SELECT DISTINCT whole FROM linkage_laid WHERE length(whole) > 1)),
        best AS (SELECT whole, max(rank) % 64 AS size FROM heads JOIN linkage_dictionary ON surname = left(whole, size) GROUP BY whole)
        SELECT l.id, replace(l.laid, ' ', '') AS "full", replace(l.compared, ' ', '') AS wide,
               coalesce(head, left(l.whole, size)) AS head, coalesce(tail, substr(l.whole, size + 1)) AS tail
        FROM linkage_laid l LEFT JOIN best b ON b.whole = l.whole WHERE usual""")
    con.unregister("linkage_dictionary")


def _encode_parts(con: duckdb.DuckDBPyConnection, script: Script) -> None:
    """`linkage_parts`, per distinct surname or given name: code (wide); for kana also foreign (text) and bits."""
    found = con.execute(
        "SELECT DISTINCT part FROM (SELECT head AS part FROM linkage_divided UNION ALL SELECT tail FROM linkage_divided) WHERE part IS NOT NULL"
    ).to_arrow_table()
    if script == "kanji":
        _make(con, "linkage_parts", f"part, {codes.code_sql('part')} AS code", found)
        return
    wide = columns.folded_column(found.column("part"), kana.wide_lines)
    found = found.append_column("wide", wide).append_column("bits", _bits(wide))
    found = found.append_column("foreign", columns.folded_column(wide, kana.foreign_lines))
    _make(con, "linkage_parts", f"""part, {codes.code_sql("nullif(wide, '')")} AS code, "foreign", bits""", found)


def _encode_names(con: duckdb.DuckDBPyConnection, script: Script) -> None:
    """`linkage_encoded`, per id of a usual name: the columns of `lay`."""
    parts = "LEFT JOIN linkage_parts s ON s.part = d.head LEFT JOIN linkage_parts g ON g.part = d.tail"
    if script == "kanji":
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE linkage_encoded AS
            SELECT id, {_BOTH_LAYERS}, s.code AS surname, g.code AS given FROM linkage_divided d {parts}""")
        return
    found = con.execute("SELECT id, wide, head, tail FROM linkage_divided").to_arrow_table()
    wide = columns.folded_column(found.column("wide"), kana.wide_lines)
    strict = columns.folded_column(found.column("wide"), kana.strict_lines)
    found = found.select(["id", "head", "tail"]).append_column("full", strict).append_column("wide", wide)
    con.register("linkage_joined", found.append_column("bits", _bits(wide)))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_encoded AS
        SELECT id, {_BOTH_LAYERS}, surname, given, {codes.code_sql("tokens")} AS tokens, bits, given_bits
        FROM (SELECT id, nullif("full", '') AS "full", nullif(wide, '') AS wide, s.code AS surname, g.code AS given, d.bits, g.bits AS given_bits,
                     least(s."foreign", g."foreign") || ' ' || greatest(s."foreign", g."foreign") AS tokens
              FROM linkage_joined d {parts}) d""")
    con.unregister("linkage_joined")


# Most names are the same in both layers: what is equal is not digested twice.
_BOTH_LAYERS = f"""{codes.code_sql("d.wide")} AS wide,
    CASE WHEN d."full" = d.wide THEN {codes.code_sql("d.wide")} ELSE {codes.code_sql('d."full"')} END AS "full" """


def _read_unusual(con: duckdb.DuckDBPyConnection, surnames: Mapping[str, int], script: Script) -> pa.Table:
    unusual = con.execute("SELECT written FROM linkage_written w JOIN linkage_laid l ON l.id = w.id WHERE NOT usual").to_arrow_table()
    found = [names.read(text, script, surnames) for text in unusual.column("written").to_pylist()]
    for field in _TEXTS:
        unusual = unusual.append_column(field, _strings([getattr(name, field) if name else None for name in found]))
    unusual = unusual.append_column("newborn", pa.array([bool(name and name.newborn) for name in found], pa.bool_()))
    for field, bits in (("wide", "bits"), ("given", "given_bits")):
        unusual = unusual.append_column(bits, _bits(pc.fill_null(unusual.column(field), "")))
    return unusual


def _coded(fields: Sequence[str]) -> str:
    return ", ".join(f"{codes.code_sql(_QUOTED.format(field))} AS {_QUOTED.format(field)}" for field in fields)


_QUOTED = '"{}"'


def _make(con: duckdb.DuckDBPyConnection, name: str, chosen: str, table: pa.Table) -> None:
    con.register("linkage_made", table)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {chosen} FROM linkage_made")
    con.unregister("linkage_made")


def _bits(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    found = [pa.array(codes.bits_of_lines(text), pa.int64()) for text, _ in columns.joined(texts)]
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.int64()), pa.chunked_array(found, pa.int64()))


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
