"""値の照合 (leaks): whether a released text or key is a value that stands in the source as an identifier or code (Reg 18(i)-(iii)).

Each source table is read twice and no more, however many identifiers it has: it may be the vault's encrypted files.
"""

from __future__ import annotations

import math
import re
from typing import Any

from kiban_processing import outcome
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item, Kind
from kiban_processing.dialect import literal, quoted
from kiban_processing.standards.finished import VALUES, Finished
from kiban_processing.standards.writing import normal

_PROBES = "gate_probes"  # probe, exact, id: what to look for
_MATCHES = "gate_matches"  # item (table.column), id, holders: what was found, with the persons of the source who hold it
_CODES = "gate_codes"  # code: linking codes of the source that are as long as a released key
_IDENTIFYING = (Kind.DIRECT_IDENTIFIER, Kind.PLACE, Kind.IDENTIFICATION_CODE, Kind.LINKING_CODE)


def items_of(finished: Finished, *kinds: Kind) -> list[tuple[str, Item]]:
    """(table, item) of these kinds that the sources really hold, in the order of the catalogue."""
    return [
        (table, item)
        for table in finished.sources
        if table in tables.TABLES
        for item in tables.TABLES[table].items
        if item.kind in kinds and finished.source_columns(table).get(item.name) == "VARCHAR"
    ]


def compare(finished: Finished) -> None:
    """Look for every identifying value of the source among the released texts; `leaked` answers from what was found.

    Names, addresses and numbers in any writing, linking codes literally.
    """
    con = finished.con
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_PROBES} AS SELECT normal AS probe, false AS exact, id FROM {VALUES} WHERE normal <> '' "
        f"UNION ALL SELECT value, true, id FROM {VALUES}"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_MATCHES} (item VARCHAR, id INTEGER, holders BIGINT)")
    for table, relation in finished.sources.items():
        named = [item for source, item in items_of(finished, *_IDENTIFYING) if source == table]
        probes = ", ".join(
            f"{{'item': {literal(f'{table}.{item.name}')}, 'exact': {str(_exact(item)).lower()}, 'probe': {_probe(item)}}}"
            for item in named
        )
        if probes:
            con.execute(
                f"INSERT INTO {_MATCHES} SELECT u.item, p.id, count(DISTINCT u.person) "
                f"FROM (SELECT s.person, unnest([{probes}], recursive := true) FROM {quoted(relation)} s) u "
                f"JOIN {_PROBES} p ON p.probe = u.probe AND p.exact = u.exact GROUP BY ALL"
            )


def leaked(finished: Finished, table: str, item: Item) -> int:
    """Distinct released texts that are a value of this item of the source.

    A text counts at once that is no value of its column's own vocabulary, or that few persons hold in a column whose vocabulary is open.
    A common code of the column's own vocabulary counts when it meets its own person more often than chance explains: among a million
    insured numbers some are also disease codes, and saying so would refuse every large release for nothing.
    """
    matches = finished.con.execute(
        f"SELECT m.id, g.place, g.value, g.persons, m.holders FROM {_MATCHES} m JOIN {VALUES} g USING (id) WHERE m.item = ? ORDER BY m.id",
        [f"{table}.{item.name}"],
    ).fetchall()
    common = [match for match in matches if _may_be_chance(finished, *match[1:4])]
    at_once = len(matches) - len(common)
    return at_once + (len(common) if common and _more_than_chance(finished, common, table, item) else 0)


def gather_codes(finished: Finished) -> None:
    """Set out the linking codes of the source, and the operator's own person numbers, that are as long as some released key."""
    keys = [(table, "person") for table in finished.outcome.tables] + [(column.table, column.name) for column in finished.keys]
    lengths = [
        finished.row(f"SELECT min(length({quoted(name)})), max(length({quoted(name)})) FROM {quoted(outcome.released(table))}")
        for table, name in keys
    ]
    shortest = min((low for low, _ in lengths if low is not None), default=0)
    longest = max((high for _, high in lengths if high is not None), default=0)
    finished.con.execute(f"CREATE OR REPLACE TEMP TABLE {_CODES} (code VARCHAR)")
    for table, relation in finished.sources.items():
        names = ["person", *(item.name for source, item in items_of(finished, Kind.LINKING_CODE) if source == table)]
        listed = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
        finished.con.execute(
            f"INSERT INTO {_CODES} SELECT DISTINCT code FROM (SELECT unnest([{listed}]) AS code FROM {quoted(relation)}) "
            f"WHERE length(code) BETWEEN {shortest} AND {longest}"
        )


def same_as_source(finished: Finished, table: str, name: str) -> int:
    """Distinct released keys of a column that are such a code; `gather_codes` goes before."""
    return finished.number(
        f"SELECT count(DISTINCT {quoted(name)}) FROM {quoted(outcome.released(table))} WHERE {quoted(name)} IN (SELECT code FROM {_CODES})"
    )


def in_vocabulary(item: Item, value: str) -> bool:
    """Whether a text is a value of the item's own vocabulary, as far as the catalogue closes it."""
    if item.choices:
        return value in item.choices
    return item.pattern is None or re.fullmatch(item.pattern, value) is not None


def _exact(item: Item) -> bool:
    return item.kind is Kind.LINKING_CODE


def _probe(item: Item) -> str:
    return f"s.{quoted(item.name)}" if _exact(item) else normal(f"s.{quoted(item.name)}")


def _may_be_chance(finished: Finished, place: str, value: str, persons: int) -> bool:
    column = next(column for column in finished.columns if column.place == place)
    if not any(in_vocabulary(item, value) for item in column.items):
        return False
    return persons >= finished.common or all(item.choices for item in column.items)


def _more_than_chance(finished: Finished, common: list[tuple[Any, ...]], source_table: str, item: Item) -> bool:
    """Whether common texts meet their own persons significantly more often than chance, and for most of those who hold them.

    Both are asked: with a million persons the faintest link of two columns is significant (branch numbers and departments, say), and with
    ten persons half of them may agree by accident.
    """
    persons = max(finished.persons, 1)
    held = sum(match[3] for match in common)
    expected, variance, own = 0.0, 0.0, 0
    for _, _, _, few, many in common:  # a pair of sets drawn at random shares a hypergeometric number of persons
        expected += few * many / persons
        variance += few * many * max(persons - few, 0) * max(persons - many, 0) / (persons**2 * max(persons - 1, 1))
    mine = "g.value" if _exact(item) else "g.normal"
    for place in sorted({match[1] for match in common}):
        table, column = place.split(".", 1)
        ids = ", ".join(str(match[0]) for match in common if match[1] == place)
        own += finished.number(
            f"SELECT count(*) FROM (SELECT DISTINCT p.person, g.id FROM {quoted(outcome.released(table))} r "
            f"JOIN (SELECT * FROM {VALUES} WHERE id IN ({ids})) g ON g.value = r.{quoted(column)} "
            f"JOIN {quoted(outcome.SECRET_PERSONS)} p ON p.pseudonym = r.person "
            f"JOIN {quoted(finished.sources[source_table])} s ON s.person = p.person AND {mine} = {_probe(item)})"
        )
    return own > expected + 6 * math.sqrt(variance) + 3 and own - expected > (held - expected) / 2
