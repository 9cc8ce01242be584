"""比較 (compared): the cohort and the release side by side, column by column, as the standard analyses need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.outcome import Outcome, ReleasedColumn, released

Sides = tuple[str, str]  # two SQL expressions or relations: of the cohort, of the release
BEFORE, AFTER = 0, 1


@dataclass(frozen=True)
class Compared:
    """`sources`: table → relation the release was made of, with `person`."""

    con: Connection
    outcome: Outcome
    sources: Mapping[str, str]

    def column(self, table: str, item: str) -> ReleasedColumn | None:
        """The released column that is made of an item; None where nothing of it is released."""
        made = self.outcome.tables.get(table)
        return next((one for one in made.columns if f"{table}.{item}" in one.sources), None) if made else None

    def names(self, table: str, item: str) -> Sides:
        """The item's column in the source and in the release; KeyError where it is not released."""
        column = self.column(table, item)
        if column is None:
            raise KeyError(f"{table}.{item}")
        return quoted(item), quoted(column.name)

    def has(self, table: str, *items: str) -> bool:
        return all(self.column(table, item) for item in items)

    def relations(self, table: str) -> Sides:
        """Rows of the cohort (of registered persons) and of the release."""
        people = quoted(self.sources["patients"])
        return (
            f"(SELECT s.* FROM {quoted(self.sources[table])} s SEMI JOIN {people} p ON p.person = s.person)",
            quoted(released(table)),
        )

    def people(self) -> Sides:
        """One row per person; of several registrations of the cohort each column's greatest value."""
        source = quoted(self.sources["patients"])
        return (
            f"(SELECT person, max(COLUMNS(* EXCLUDE (person))) FROM {source} WHERE person IS NOT NULL GROUP BY person)",
            quoted(released("patients")),
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.con.execute(query).fetchall()]

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0] or 0)
