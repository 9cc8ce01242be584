"""完成データ (finished): the released tables as they stand, read again from the engine; nothing the engine claims about them is believed.

What the judges share: which columns there really are, the distinct released texts with the number of persons who hold each, and the
comparison with values of the source.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from kiban_processing import outcome
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item, Kind
from kiban_processing.dialect import quoted
from kiban_processing.outcome import Outcome, ReleasedColumn
from kiban_processing.permitted import Treatment
from kiban_processing.plan import Plan

VALUES = "gate_values"  # id, place (table.column), value, normal, persons


@dataclass(frozen=True)
class Found:
    """One column that really is in a released table; `declared` is what the engine says it is, None where it says nothing."""

    table: str
    name: str
    type: str
    declared: ReleasedColumn | None

    @property
    def place(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def is_text(self) -> bool:
        return self.type == "VARCHAR"

    @property
    def treatment(self) -> Treatment | None:
        return self.declared.treatment if self.declared else None

    @property
    def items(self) -> tuple[Item, ...]:
        """The catalogue's items it was made of; empty for an undeclared column."""
        return tuple(tables.named(source) for source in self.declared.sources) if self.declared else ()


@dataclass(frozen=True)
class Finished:
    """A release under judgement. `sources`: table → relation that the plan was carried out on, with `person`."""

    con: duckdb.DuckDBPyConnection
    plan: Plan
    outcome: Outcome
    sources: Mapping[str, str]
    columns: tuple[Found, ...]
    persons: int
    rows: dict[str, int]

    def number(self, query: str) -> int:
        """The one number that a query yields; null is 0."""
        return int(self.row(query)[0] or 0)

    def row(self, query: str) -> tuple[Any, ...]:
        found = self.con.execute(query).fetchone()
        assert found is not None  # callers ask for aggregates, which always have one row
        return found

    def of(self, *treatments: Treatment) -> tuple[Found, ...]:
        return tuple(column for column in self.columns if column.treatment in treatments)

    def source_columns(self, table: str) -> dict[str, str]:
        return _describe(self.con, self.sources[table])

    @property
    def common(self) -> int:
        """Persons that must hold a value before its likeness to somebody's identifier may be called a coincidence."""
        return min(self.plan.anonymity.k, self.plan.rare_persons)


def read(con: duckdb.DuckDBPyConnection, plan: Plan, made: Outcome, sources: Mapping[str, str]) -> Finished:
    """Look at every released table, and set the distinct texts out in the temporary table `gate_values` (pseudonyms and keys left out)."""
    columns: list[Found] = []
    rows: dict[str, int] = {}
    for table in made.tables.values():
        declared = {column.name: column for column in table.columns}
        relation = outcome.released(table.name)
        columns += [
            Found(table.name, name, kind, declared.get(name)) for name, kind in _describe(con, relation).items() if name != "person"
        ]
        rows[table.name] = int(con.execute(f"SELECT count(*) FROM {quoted(relation)}").fetchall()[0][0])
    con.execute(f"CREATE OR REPLACE TEMP TABLE {VALUES} (id INTEGER, place VARCHAR, value VARCHAR, normal VARCHAR, persons BIGINT)")
    for column in columns:
        if column.is_text and column.treatment is not Treatment.REKEY:
            con.execute(
                f"INSERT INTO {VALUES} SELECT (SELECT count(*) FROM {VALUES}) + row_number() OVER (ORDER BY v), ?, v, {normal('v')}, n "
                f"FROM (SELECT {quoted(column.name)} AS v, count(DISTINCT person) AS n FROM {quoted(outcome.released(column.table))} "
                "WHERE v IS NOT NULL GROUP BY v)",
                [column.place],
            )
    persons = " UNION ".join(f"SELECT person FROM {quoted(outcome.released(table))}" for table in made.tables)
    total = con.execute(f"SELECT count(*) FROM ({persons})").fetchall()[0][0]
    return Finished(con, plan, made, sources, tuple(columns), int(total), rows)


def leaked(finished: Finished, table: str, item: Item) -> int:
    """Distinct released texts that are a value of this item of the source; a name, an address in any writing, a code literally.

    A text that few persons hold, or that is no value of its column's own vocabulary, counts at once. A common code of the column's own
    vocabulary counts when it meets its own person more often than chance explains: among a million insured numbers some are also
    disease codes, and saying so would refuse every large release for nothing.
    """
    relation = quoted(finished.sources[table])
    exact = item.kind is Kind.LINKING_CODE
    mine, theirs = ("g.value", f"s.{quoted(item.name)}") if exact else ("g.normal", normal(f"s.{quoted(item.name)}"))
    # Few distinct texts on one side, so the source is streamed past them once.
    matches = finished.con.execute(
        f"SELECT g.id, g.place, g.value, g.persons, count(DISTINCT s.person) FROM {VALUES} g "
        f"JOIN {relation} s ON {mine} = {theirs} WHERE g.normal <> '' GROUP BY ALL"
    ).fetchall()
    at_once = [match for match in matches if match[3] < finished.common or not _in_vocabulary(finished, match[1], match[2])]
    common = [match for match in matches if match not in at_once]
    if not common:
        return len(at_once)
    return len(at_once) + (len(common) if _more_than_chance(finished, common, relation, mine, theirs) else 0)


def _more_than_chance(finished: Finished, common: list[tuple[Any, ...]], relation: str, mine: str, theirs: str) -> bool:
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
    for place in sorted({match[1] for match in common}):
        table, column = place.split(".", 1)
        ids = ", ".join(str(match[0]) for match in common if match[1] == place)
        own += finished.number(
            f"SELECT count(*) FROM (SELECT DISTINCT p.person, g.id FROM {quoted(outcome.released(table))} r "
            f"JOIN (SELECT * FROM {VALUES} WHERE id IN ({ids})) g ON g.value = r.{quoted(column)} "
            f"JOIN {quoted(outcome.SECRET_PERSONS)} p ON p.pseudonym = r.person "
            f"JOIN {relation} s ON s.person = p.person AND {mine} = {theirs})"
        )
    return own > expected + 6 * math.sqrt(variance) + 3 and own - expected > (held - expected) / 2


def _in_vocabulary(finished: Finished, place: str, value: str) -> bool:
    column = next(column for column in finished.columns if column.place == place)
    return any(permitted_value(item, value) for item in column.items)


def permitted_value(item: Item, value: str) -> bool:
    """Whether a text is a value of the item's own vocabulary, as far as the catalogue closes it."""
    if item.choices:
        return value in item.choices
    return item.pattern is None or re.fullmatch(item.pattern, value) is not None


_HALF = "ｱｲｳｴｵｧｨｩｪｫｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄｯﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖｬｭｮﾗﾘﾙﾚﾛﾜｦﾝｰ"
_FULL = "アイウエオァィゥェォカキクケコサシスセソタチツテトッナニヌネノハヒフヘホマミムメモヤユヨャュョラリルレロワヲンー"
_MARKS = (
    ("カキクケコサシスセソタチツテトハヒフヘホウ", "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴ", "ﾞ"),
    ("ハヒフヘホ", "パピプペポ", "ﾟ"),
)
_HIRAGANA = "".join(chr(code) for code in range(0x3041, 0x3097))
_KATAKANA = "".join(chr(code + 0x60) for code in range(0x3041, 0x3097))
_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
_NARROW = "".join(chr(code) for code in range(0x21, 0x7F)).replace("'", "''")
_SPACE = "[\\s\u3000\u00a0\\-‐‑–—−・･]"


def normal(expression: str) -> str:
    """SQL: a text without spaces and hyphens, in capitals, narrow Latin and full katakana, so that no writing of a name hides it."""
    text = f"CAST({expression} AS VARCHAR)"
    plain = f"translate(translate(upper(translate({text}, '{_WIDE}', '{_NARROW}')), '{_HIRAGANA}', '{_KATAKANA}'), '{_HALF}', '{_FULL}')"
    voiced = f"translate({plain}, '\u3099\u309a゛゜', 'ﾞﾟﾞﾟ')"
    for letters, marked, mark in _MARKS:
        for one, other in zip(letters, marked, strict=True):
            voiced = f"replace({voiced}, '{one}{mark}', '{other}')"
    folded = f"CASE WHEN regexp_matches({text}, '[ﾞﾟ゛゜\u3099\u309a]') THEN {voiced} ELSE {plain} END"
    return f"regexp_replace({folded}, '{_SPACE}', '', 'g')"


def _describe(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE {quoted(relation)}").fetchall()}
