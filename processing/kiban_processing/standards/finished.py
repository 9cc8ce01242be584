"""完成データ (finished): the released tables as they stand, read again from the engine; nothing the engine claims about them is believed.

What the judges share: which columns there really are, and the distinct released texts with the number of persons who hold each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kiban_processing import outcome
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.outcome import Outcome, ReleasedColumn
from kiban_processing.permitted import Treatment
from kiban_processing.plan import Plan
from kiban_processing.standards.writing import normal

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

    con: Connection
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
    def keys(self) -> tuple[Found, ...]:
        """Columns that hold new numbers in place of linking codes."""
        return tuple(column for column in self.of(Treatment.REKEY) if column.is_text)

    @property
    def common(self) -> int:
        """Persons that must hold a value before its likeness to somebody's identifier may be called a coincidence."""
        return min(self.plan.anonymity.k, self.plan.rare_persons)


def read(con: Connection, plan: Plan, made: Outcome, sources: Mapping[str, str]) -> Finished:
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
                f"WHERE {quoted(column.name)} IS NOT NULL GROUP BY v)",
                [column.place],
            )
    persons = " UNION ".join(f"SELECT person FROM {quoted(outcome.released(table))}" for table in made.tables)
    total = con.execute(f"SELECT count(*) FROM ({persons})").fetchall()[0][0]
    return Finished(con, plan, made, sources, tuple(columns), int(total), rows)


def _describe(con: Connection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE {quoted(relation)}").fetchall()}
