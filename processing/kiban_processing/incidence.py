"""所持 (incidence): which person holds which code, as engine tables, and the settling of code sets on them (Reg 18(v)).

The set-based form of `transforms.code_sets.Holdings`: one row per person and code, joined with itself to count pairs; of pairs, only
infrequent ones reach Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from kiban_processing import dialect, event_tables
from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection, load
from kiban_processing.event_tables import Settled
from kiban_processing.hierarchies import codes
from kiban_processing.outcome import CodeSetsOutcome
from kiban_processing.plan import CodeSets, ColumnPlan, Plan
from kiban_processing.transforms import code_sets
from kiban_processing.transforms.code_sets import Code, Item, Pair

_ALL = "incidence_all"  # person, code (number)
_LEFT = ("incidence_left_0", "incidence_left_1")  # the same without suppressed cells; the two take turns
_CODES = "incidence_codes"  # code (number), place (number of the column), text
_HELD = "incidence_held"  # person, item (number)


class Table:
    """Holdings of the persons of a relation, over some columns."""

    def __init__(self, con: Connection, known: Sequence[Code]) -> None:
        self.con = con
        self.numbers = {code: number for number, code in enumerate(known)}
        self.turn = self.version = 0
        self.held: tuple[Mapping[Item, Sequence[Code]], int, list[Item]] | None = None
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_LEFT[0]} AS SELECT person, code FROM {_ALL}")

    @property
    def left(self) -> str:
        return _LEFT[self.turn]

    def _hold(self, groups: Mapping[Item, Sequence[Code]]) -> list[Item]:
        """Leave _HELD, once per person and group; gives the groups by their number. Several questions in a row are of the same groups."""
        if self.held is not None and self.held[0] is groups and self.held[1] == self.version:
            return self.held[2]
        items = sorted(groups)
        pairs = [(self.numbers[code], number) for number, item in enumerate(items) for code in groups[item]]
        load(self.con, "incidence_items", _numbers({"code": [code for code, _ in pairs], "item": [item for _, item in pairs]}))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_HELD} AS SELECT DISTINCT l.person, g.item FROM {self.left} l JOIN incidence_items g ON g.code = l.code"
        )
        self.held = (groups, self.version, items)
        return items

    def holders(self, groups: Mapping[Item, Sequence[Code]]) -> dict[Item, int]:
        items = self._hold(groups)
        counted = dict(self.con.execute(f"SELECT item, count(*) FROM {_HELD} GROUP BY item").fetchall())
        return {item: int(counted.get(number, 0)) for number, item in enumerate(items)}

    def infrequent(self, groups: Mapping[Item, Sequence[Code]], k: int) -> list[tuple[Item, Item, int]]:
        items = self._hold(groups)
        found = self.con.execute(
            f"SELECT a.item, b.item, count(*) FROM {_HELD} a JOIN {_HELD} b ON b.person = a.person AND a.item < b.item "
            f"GROUP BY a.item, b.item HAVING count(*) < {k} ORDER BY a.item, b.item"
        ).fetchall()
        return [(items[a], items[b], int(number)) for a, b, number in found]

    def _both(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> tuple[list[Item], str]:
        items = self._hold(groups)
        numbers = {item: number for number, item in enumerate(items)}
        load(self.con, "incidence_pairs", _numbers({"first": [numbers[a] for a, _ in pairs], "second": [numbers[b] for _, b in pairs]}))
        return items, (
            f"SELECT DISTINCT a.person, l.first AS item FROM incidence_pairs l JOIN {_HELD} a ON a.item = l.first "
            f"JOIN {_HELD} b ON b.person = a.person AND b.item = l.second"
        )

    def losing(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> dict[Item, int]:
        if not pairs:
            return {}
        items, both = self._both(groups, pairs)
        return {
            items[item]: int(number) for item, number in self.con.execute(f"SELECT item, count(*) FROM ({both}) GROUP BY item").fetchall()
        }

    def forget(self, groups: Mapping[Item, Sequence[Code]], pairs: Sequence[Pair]) -> None:
        if pairs:
            _, both = self._both(groups, pairs)
            lost = f"SELECT x.person, g.code FROM ({both}) x JOIN incidence_items g ON g.item = x.item"
            self._keep(f"LEFT JOIN ({lost}) x ON x.person = l.person AND x.code = l.code WHERE x.code IS NULL")

    def drop(self, codes: Sequence[Code]) -> None:
        if codes:
            load(self.con, "incidence_dropped", _numbers({"code": [self.numbers[code] for code in codes]}))
            self._keep("LEFT JOIN incidence_dropped x ON x.code = l.code WHERE x.code IS NULL")

    def _keep(self, condition: str) -> None:
        before, self.turn = self.left, 1 - self.turn
        self.version += 1
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {self.left} AS SELECT l.person, l.code FROM {before} l {condition}")


def settle(
    con: Connection, plan: Plan, asked: CodeSets, relations: Mapping[str, str], persons: str
) -> tuple[dict[str, Settled], CodeSetsOutcome]:
    """The labels of the columns of code sets together, rare values first, over the persons of the relation `persons`.

    `relations`: table → its rows. Gives the settled columns by qualified name. Source: Reg 18(iv)(v).
    """
    columns = [plan.released_column(qualified) for qualified in asked.columns]
    rows = {column.qualified: event_tables.counted(con, column, relations[column.table], persons) for column in columns}
    known = [(column.qualified, code) for column in columns for code, _, _ in rows[column.qualified]]
    _load_codes(con, columns, known)
    parts = []
    for place, column in enumerate(columns):
        value = f"s.{dialect.quoted(column.name)}"
        parts.append(
            f"SELECT DISTINCT s.person, c.code FROM {relations[column.table]} s JOIN {persons} p ON p.person = s.person "
            f"JOIN {_CODES} c ON c.place = {place} AND c.text = {value}"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ALL} AS {' UNION ALL '.join(parts)}")
    paths = {code: codes.path(tables.named(code[0]).code_system, code[1]) for code in known}
    incidence = Table(con, known)
    labels = code_sets.settle(paths, incidence, asked, plan.rare_persons)
    held: dict[Item, list[Code]] = {}
    for code, label in labels.items():
        if label is not None:
            held.setdefault((code[0], label), []).append(code)
    holders = incidence.holders(held)
    settled = {}
    for place, column in enumerate(columns):
        own = {code: label for (qualified, code), label in labels.items() if qualified == column.qualified}
        fewest = min((number for (qualified, _), number in holders.items() if qualified == column.qualified), default=0)
        own_paths = {code: paths[column.qualified, code] for code in own}
        found = event_tables.store(con, plan, column, rows[column.qualified], own_paths, own, fewest)
        gone = f"gone_{column.table}_{column.name}"
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT a.person, c.text AS code FROM {_ALL} a JOIN {_CODES} c ON c.code = a.code "
            f"JOIN {found.name} g ON g.code = c.text AND g.label IS NOT NULL "
            f"LEFT JOIN {incidence.left} l ON l.person = a.person AND l.code = a.code WHERE c.place = {place} AND l.code IS NULL"
        )
        settled[column.qualified] = replace(found, gone=gone)
    everywhere = " UNION ALL ".join(f"SELECT person FROM {one.gone}" for one in settled.values())
    cells, affected = con.execute(f"SELECT count(*), count(DISTINCT person) FROM ({everywhere})").fetchone() or (0, 0)
    outcome = CodeSetsOutcome(
        asked.columns,
        asked.m,
        asked.k,
        len(known),
        sum(label is not None and label != paths[code][0] for code, label in labels.items()),
        sum(label is None for label in labels.values()),
        int(cells),
        int(affected),
    )
    for name in (_ALL, *_LEFT, _CODES, _HELD, "incidence_items", "incidence_pairs", "incidence_dropped"):
        con.execute(f"DROP TABLE IF EXISTS {name}")
    return settled, outcome


def _load_codes(con: Connection, columns: Sequence[ColumnPlan], known: Sequence[Code]) -> None:
    places = {column.qualified: place for place, column in enumerate(columns)}
    content = {"code": list(range(len(known))), "place": [places[column] for column, _ in known]}
    load(con, _CODES, pa.table({**content, "text": pa.array([text for _, text in known], pa.string())}))


def _numbers(content: Mapping[str, list[int]]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.int64()) for name, values in content.items()})
