"""住所の列 (address columns): `addresses.read` for whole columns, by their few distinct places and by their numbers, as integers."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from kiban_processing.linkage import addresses, codes, columns, municipalities
from kiban_processing.linkage.municipalities import Mergers

# How a column is cut into place and numbers, in SQL; `addresses.divided` is the meaning. Where no kanji is a number, the first digit is the end.
HEAD = (
    f"CASE WHEN regexp_matches(address, '{addresses.NUMBERS_IN_DOUBT}') THEN regexp_extract(address, '"
    + addresses.BEFORE_NUMBERS.replace("'", "''")
    + f"', 1) ELSE regexp_extract(address, '{addresses.BEFORE_DIGITS}') END"
)


def lay(con: duckdb.DuckDBPyConnection, rows: str, mergers: Mergers, name: str) -> None:
    """Makes the temporary tables `{name}_places` and `{name}_numbers` for the columns head, tail, postal and day of `rows`.

    `{name}_places`, per head, postal and epoch: prefecture, municipality, town (codes) and town_text. `{name}_numbers`, per tail: numbers
    (text) and room (code).
    """
    _lay_places(con, rows, mergers, f"{name}_places")
    _lay_numbers(con, rows, f"{name}_numbers")


def epoch(mergers: Mergers) -> str:
    """SQL: how many of the days on which a name changed its meaning lie behind a row; -1 without a day."""
    if not mergers.breaks:
        return "0"
    behind = " + ".join(f"CAST(day >= {(day - municipalities.DAY_ZERO).days} AS INTEGER)" for day in mergers.breaks)
    return f"CASE WHEN day IS NULL THEN -1 ELSE {behind} END"


def _lay_places(con: duckdb.DuckDBPyConnection, rows: str, mergers: Mergers, name: str) -> None:
    heads = con.execute(f"SELECT DISTINCT head, epoch FROM {rows} WHERE head IS NOT NULL").to_arrow_table()
    written = heads.column("head").to_pylist()
    days = {-1: None, 0: mergers.breaks[0] - municipalities.ONE_DAY if mergers.breaks else None}
    days |= {place + 1: day for place, day in enumerate(mergers.breaks)}
    shown = columns.folded(written, municipalities.folded_lines)
    read: dict[tuple[str, int], addresses.Place] = {}
    for head, when in zip(shown, heads.column("epoch").to_pylist(), strict=True):
        if (head, when) not in read:
            read[head, when] = addresses.place_of(head, mergers, days[when])
    found = [read[key] for key in zip(shown, heads.column("epoch").to_pylist(), strict=True)]
    places = heads.append_column("prefecture", _strings([place.prefecture for place in found]))
    places = places.append_column("municipality", _strings([place.municipality for place in found]))
    places = places.append_column("whole", pa.array([place.whole for place in found], pa.bool_()))
    places = places.append_column("rest", _strings([place.rest for place in found]))
    con.register("linkage_heads", places)
    con.register("linkage_postal_places", _postal_places(con, rows))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH met AS (SELECT DISTINCT head, epoch, postal FROM {rows} WHERE head IS NOT NULL OR postal IS NOT NULL),
        joined AS (
            SELECT m.head, m.epoch, m.postal, h.prefecture, h.municipality, coalesce(h.whole, false) AS whole, coalesce(h.rest, '') AS rest,
                   p.prefecture AS there_prefecture, p.municipality AS there, p.town AS there_town,
                   p.municipality IS NOT NULL AND (h.prefecture IS NULL OR h.prefecture = p.prefecture)
                       AND (h.municipality IS NULL OR (NOT (whole AND h.prefecture IS NOT NULL)
                            AND (p.municipality = h.municipality OR (NOT whole AND starts_with(p.municipality, h.municipality))))) AS added
            FROM met m LEFT JOIN linkage_heads h ON h.head = m.head AND h.epoch = m.epoch LEFT JOIN linkage_postal_places p ON p.postal = m.postal),
        placed AS (
            SELECT head, epoch, postal, CASE WHEN added THEN there_prefecture ELSE prefecture END AS prefecture,
                   CASE WHEN added THEN there ELSE municipality END AS municipality,
                   CASE WHEN added AND there_town <> '' AND (ends_with(rest, there_town) OR (rest = '' AND municipality IS NULL)) THEN there_town ELSE rest END AS rest
            FROM joined)
        SELECT head, epoch, postal, nullif(coalesce(municipality, '') || rest, '') AS town_text, {codes.code_sql("town_text")} AS town,
               CASE WHEN town_text IS NOT NULL THEN {codes.code_sql("prefecture")} END AS prefecture,
               CASE WHEN town_text IS NOT NULL THEN {codes.code_sql("municipality")} END AS municipality
        FROM placed""")
    con.unregister("linkage_heads")
    con.unregister("linkage_postal_places")


def _postal_places(con: duckdb.DuckDBPyConnection, rows: str) -> pa.Table:
    known = [code for (code,) in con.execute(f"SELECT DISTINCT postal FROM {rows} WHERE postal IS NOT NULL").fetchall()]
    found = municipalities.of_postal_codes(known)
    return pa.table(
        {
            "postal": _strings(known),
            "prefecture": _strings([there.prefecture if there else None for there, _ in found]),
            "municipality": _strings([there.name if there else None for there, _ in found]),
            "town": _strings([town for _, town in found]),
        }
    )


def _lay_numbers(con: duckdb.DuckDBPyConnection, rows: str, name: str) -> None:
    tails = con.execute(f"SELECT DISTINCT tail FROM {rows} WHERE tail <> ''").to_arrow_table()
    written = tails.column("tail").to_pylist()
    found = addresses.numbers_of("\n".join(columns.folded(written, addresses.tail_lines))) if written else []
    tails = tails.append_column("numbers", _strings([first for first, _ in found])).append_column(
        "room", _strings([room for _, room in found])
    )
    con.register("linkage_tails", tails)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT tail, numbers, {codes.code_sql('room')} AS room FROM linkage_tails")
    con.unregister("linkage_tails")


def _strings(values: list[str | None] | list[str]) -> pa.Array:
    return pa.array(values, pa.string())
