"""照合キー (keys): the comparable columns of registrations as integers, one row per registration.

A change of what these columns hold is a new `VERSION`: everything must then be linked again.
"""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import address_columns, birth_dates, codes, name_columns, number_columns, phones
from kiban_processing.linkage.frozen import HELD, WORN, Frozen
from kiban_processing.linkage.municipalities import DAY_ZERO, Mergers

__all__ = ["COLUMNS", "KEYS", "VERSION", "Frozen", "count", "normalise_and_count", "normalise_relation"]

VERSION = "4"

# What `link` reads; everything but the first two may be null or empty.
COLUMNS = (
    "registration", "site_id", "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
# The columns of the table made, in order; all integers but registration, site_id and the three flags.
KEYS = (
    "node", "registration", "site_id", "site", "day", "kanji", "kanji_wide", "surname_kanji", "given_kanji", "kana", "kana_wide", "surname_kana",
    "given_kana", "kana_bits", "given_kana_bits", "former_surname_kanji", "former_surname_kana", "alias_kanji", "alias_kana", "latin", "tokens_kana",
    "newborn", "dob", "dob_year", "dob_monthday", "dob_default", "sex", "postal", "prefecture", "municipality", "town", "address", "postal_address", "room", "phone",
    "mobile", "insurer", "insurance", "personal", "branch", "elderly", "kanji_held", "kana_held", "surname_held", "given_held",
)  # fmt: skip
# One telephone or insurance number on this many registrations is a filler or an institution's, and would pair all of them.
SHARED_BY_AT_MOST = {"phone": 30, "insurance": 60}

_HELD_BY = {
    "kanji": "kanji_wide",
    "kana": "kana_wide",
    "surname": "coalesce(surname_kanji, surname_kana)",
    "given": "coalesce(given_kanji, given_kana)",
}
# Persons are told apart by birth date, and those of one surname or given name by full name and birth date.
_PERSONS = {
    "kanji": "dob",
    "kana": "dob",
    "surname": "hash(coalesce(kanji_wide, kana_wide), dob)",
    "given": "hash(coalesce(kanji_wide, kana_wide), dob)",
}


def count(con: duckdb.DuckDBPyConnection, relation: str, mergers: Mergers | None = None) -> Frozen:
    """What is counted over all registrations of `relation` (columns `COLUMNS`) and kept with the model."""
    table = "linkage_counted"
    try:
        return normalise_and_count(con, relation, table, mergers)
    finally:
        con.execute(f"DROP TABLE IF EXISTS {table}")


def normalise_relation(
    con: duckdb.DuckDBPyConnection, relation: str, frozen: Frozen | None = None, name: str = "linkage_keys", mergers: Mergers | None = None
) -> str:
    """Makes the temporary table `name` with one row per registration and returns that name.

    Columns (`KEYS`), null wherever a value is missing, a filler or not readable; texts as `codes.text_code`:
    node (0, 1, ...), registration, site_id, site (28 bits of its code), day (registered_on; days since 1970-01-01);
    kanji, kana (strict full names), kanji_wide, kana_wide, surname_*, given_* (wide); kana_bits, given_kana_bits (63 bits of the reading's
    bigrams); former_surname_*, alias_* (wide); latin, tokens_kana (words in alphabetical order);
    newborn; dob, dob_year, dob_monthday (month * 100 + day), dob_default (a filler day, or no birth date at all on too many
    registrations); sex (1 male, 2 female); postal, prefecture, municipality, town, address (town and numbers), postal_address
    (postal code and numbers: the same place under another municipality's name), room; phone, mobile;
    insurer, insurance (household number), personal (number of one person), branch, elderly;
    kanji_held, kana_held, surname_held, given_held: persons (told apart by birth date) that carry the name, at least 1 (surname and given: kanji, else kana).

    `frozen`: the counts to judge by, None for those of `relation` itself. `mergers`: what became of municipalities.
    """
    if frozen is None:
        normalise_and_count(con, relation, name, mergers)
    else:
        _lay(con, relation, name, frozen, mergers or Mergers())
        _wear(con, name, frozen)
    return name


def normalise_and_count(
    con: duckdb.DuckDBPyConnection, relation: str, name: str = "linkage_keys", mergers: Mergers | None = None
) -> Frozen:
    """`count` and `normalise_relation` by these counts, in one pass."""
    mergers = mergers or Mergers()
    surnames = _lay(con, relation, name, None, mergers)
    frozen = _counted(con, name, surnames, mergers)
    _wear(con, name, frozen)
    return frozen


def _lay(con: duckdb.DuckDBPyConnection, relation: str, name: str, frozen: Frozen | None, mergers: Mergers) -> dict[str, dict[str, int]]:
    """The table before worn-out values are taken out and names counted."""
    cut = f", {address_columns.HEAD} AS head, substr(address, length(head) + 1) AS tail, {address_columns.epoch(mergers)} AS epoch"
    number_columns.lay(con, name_columns.in_their_fields(relation), "linkage_rows", cut)
    surnames = {
        script: name_columns.lay(
            con, "linkage_rows", f"name_{script}", script, frozen.surnames.get(script, {}) if frozen else None, f"linkage_{script}"
        )
        for script in ("kanji", "kana")
    }
    address_columns.lay(con, "linkage_rows", mergers, "linkage")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE linkage_nodes AS
        SELECT row_number() OVER (ORDER BY registration) - 1 AS node, place FROM (SELECT registration, rowid AS place FROM linkage_rows)""")
    code, baby = codes.code_sql, "(coalesce(j.newborn, false) OR coalesce(k.newborn, false))"
    # Few hospitals, insurers and postal codes make many rows.
    few = {
        column: f"(SELECT {column} AS text, {code(column)} AS code FROM (SELECT DISTINCT {column} FROM linkage_rows))"
        for column in ("site_id", "insurer", "postal")
    }
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT o.node, s.registration, s.site_id,
               (h.code >> 32)::INTEGER AS site, s.day::INTEGER AS day,
               j."full" AS kanji, j.wide AS kanji_wide, j.surname AS surname_kanji, CASE WHEN NOT {baby} THEN j.given END AS given_kanji,
               k."full" AS kana, k.wide AS kana_wide, k.surname AS surname_kana, CASE WHEN NOT {baby} THEN k.given END AS given_kana,
               k.bits AS kana_bits, CASE WHEN NOT {baby} THEN k.given_bits END AS given_kana_bits,
               j.former AS former_surname_kanji, k.former AS former_surname_kana, j.alias AS alias_kanji, k.alias AS alias_kana,
               coalesce(j.latin, k.latin) AS latin, CASE WHEN NOT {baby} THEN k.tokens END AS tokens_kana,
               {baby} AS newborn,
               (s.birth_date - DATE '1970-01-01')::INTEGER AS dob, year(s.birth_date)::INTEGER AS dob_year, (month(s.birth_date) * 100 + day(s.birth_date))::INTEGER AS dob_monthday,
               false AS dob_default, s.sex, q.code AS postal, a.prefecture, a.municipality, a.town,
               {code("a.town_text || '|' || n.numbers")} AS address, {code("s.postal || '|' || n.numbers")} AS postal_address,
               CASE WHEN a.town IS NOT NULL THEN n.room END AS room,
               {code("s.phone")} AS phone, coalesce(length(s.phone) = 11 AND left(s.phone, 3) IN {phones.MOBILES}, false) AS mobile,
               i.code AS insurer, {code("s.household")} AS insurance, {code("s.personal")} AS personal,
               TRY_CAST(s.branch AS SMALLINT) AS branch, s.elderly
        FROM linkage_rows s
        JOIN linkage_nodes o ON o.place = s.rowid
        LEFT JOIN {few["site_id"]} h ON h.text = s.site_id
        LEFT JOIN {few["insurer"]} i ON i.text = s.insurer
        LEFT JOIN {few["postal"]} q ON q.text = s.postal
        LEFT JOIN linkage_kanji j ON j.written = s.name_kanji
        LEFT JOIN linkage_kana k ON k.written = s.name_kana
        LEFT JOIN linkage_places a ON a.head IS NOT DISTINCT FROM s.head AND a.postal IS NOT DISTINCT FROM s.postal AND a.epoch = s.epoch
        LEFT JOIN linkage_numbers n ON n.tail = s.tail""")
    for table in ("kanji", "kana", "rows", "nodes", "places", "numbers"):
        con.execute(f"DROP TABLE linkage_{table}")
    return surnames


def _counted(con: duckdb.DuckDBPyConnection, name: str, surnames: dict[str, dict[str, int]], mergers: Mergers) -> Frozen:
    rows = int(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
    held = " UNION ALL ".join(
        f"SELECT '{field}' AS field, {code} AS code, count(DISTINCT {_PERSONS[field]})::INTEGER AS held"
        f" FROM {name} WHERE {code} IS NOT NULL GROUP BY 2 HAVING held > 1"
        for field, code in _HELD_BY.items()
    )
    worn = " UNION ALL ".join(
        f"SELECT '{column}' AS field, {column} AS code FROM {name} WHERE {column} IS NOT NULL GROUP BY 2 HAVING count(*) > {most:d}"
        for column, most in SHARED_BY_AT_MOST.items()
    )
    # Names are counted, not registrations: one person of many hospitals makes no day a filler.
    births = dict(
        con.execute(
            f"SELECT dob, count(DISTINCT coalesce(kanji_wide, kana_wide, -node)) FROM {name} WHERE dob IS NOT NULL GROUP BY dob ORDER BY dob"
        ).fetchall()
    )
    days = birth_dates.fillers({DAY_ZERO + timedelta(days=day): held for day, held in births.items()}, rows)
    filled = pa.table(
        [
            [field for field, found in days.items() for _ in found],
            [(day - DAY_ZERO).days for found in days.values() for day in found],
        ],
        schema=WORN,
    )
    return Frozen(
        VERSION,
        rows,
        surnames,
        pa.concat_tables(
            [con.execute(f"SELECT * FROM ({worn}) ORDER BY field, code").to_arrow_table().cast(WORN), filled]
        ).combine_chunks(),
        con.execute(f"SELECT * FROM ({held}) ORDER BY field, code").to_arrow_table().cast(HELD).combine_chunks(),
        mergers.digest,
    )


def _wear(con: duckdb.DuckDBPyConnection, name: str, frozen: Frozen) -> None:
    """Takes out what is worn out by the counts, marks filler birth dates, and says how many persons carry each name."""
    con.register("linkage_worn", frozen.worn)
    con.register("linkage_held", _met(con, name, frozen.held))
    kept = [column for column in KEYS if column not in (*_REPLACED, *(f"{field}_held" for field in _HELD_BY))]
    worn = {field: f"(SELECT code FROM linkage_worn WHERE field = '{field}')" for field in ("phone", "insurance", "dob", "dob_default")}
    gone = {field: f"k.{field} IN {codes_worn}" for field, codes_worn in worn.items() if field != "dob_default"}
    replaced = {column: f"CASE WHEN {gone[field]} THEN NULL ELSE k.{column} END" for column, field in _REPLACED.items() if field in gone}
    replaced["mobile"] = f"k.mobile AND NOT coalesce({gone['phone']}, false)"
    replaced["dob_default"] = f"coalesce(k.dob IN {worn['dob_default']} OR {gone['dob']}, false)"
    held = {field: f"CASE WHEN {code} IS NOT NULL THEN coalesce({field}_counts.held, 1) END" for field, code in _HELD_BY.items()}
    chosen = (
        {column: f"k.{column}" for column in kept}
        | replaced
        | {f"{field}_held": f"({counted})::INTEGER" for field, counted in held.items()}
    )
    joins = " ".join(
        f"LEFT JOIN (SELECT code, held FROM linkage_held WHERE field = '{field}') {field}_counts ON {field}_counts.code = {code}"
        for field, code in _HELD_BY.items()
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_worn_out AS
        SELECT {", ".join(f"{chosen[column]} AS {column}" for column in KEYS)} FROM {name} k {joins}""")
    con.execute(f"DROP TABLE {name}")
    con.execute(f"ALTER TABLE linkage_worn_out RENAME TO {name}")
    con.unregister("linkage_worn")
    con.unregister("linkage_held")


def _met(con: duckdb.DuckDBPyConnection, name: str, held: pa.Table) -> pa.Table:
    """Of the counts those of names in the table, where the table is the smaller one."""
    rows = int(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
    if rows * len(_HELD_BY) > held.num_rows:
        return held
    met = con.execute(" UNION ALL ".join(f"SELECT {code} AS code FROM {name}" for code in _HELD_BY.values())).to_arrow_table()
    return held.filter(pc.is_in(held.column("code"), value_set=pc.unique(met.column("code"))))


# Column → the worn-out value that takes it away.
_REPLACED = {
    "phone": "phone", "mobile": "mobile", "insurance": "insurance", "personal": "insurance", "branch": "insurance",
    "dob": "dob", "dob_year": "dob", "dob_monthday": "dob", "dob_default": "dob_default",
}  # fmt: skip
