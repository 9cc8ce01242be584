"""攻撃者の見る事象 (attack events): source and released rows as who, what and when, for the known-events attack (Reg 18(v)).

What an attacker knows of an event is its table and the category of its code (ICD-10: three characters; drugs: the active ingredient; tests:
the analyte), and its date. A released code fits each category it may stand for: a wider group fits all that lie under it. A source row
without a code is not drawn, a released one fits nothing, where the table has codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing import dialect, event_days, outcome
from kiban_processing.catalogue import tables
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.hierarchies import codes
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS, TablePlan
from kiban_processing.risk.events import Events, Numbers
from kiban_processing.standards.finished import Finished

PEOPLE = "gate_attack_people"  # number, person, pseudonym, weeks, released, class
_SOURCE, _RELEASE = "gate_attack_source", "gate_attack_release"  # number, kind, day
_ICD10_CATEGORY = re.compile(r"[A-Z]\d\d")
_CATEGORY_LENGTH = {"YJ": 7, "HOT": 7, "JLAC10": 5}


@dataclass(frozen=True)
class Stored:
    """Events kept in the engine; a piece at a time is read."""

    con: Connection
    relation: str
    persons: int

    def active(self) -> npt.NDArray[np.bool_]:
        found = np.zeros(self.persons, bool)
        found[np.asarray(self.con.execute(f"SELECT DISTINCT number FROM {self.relation}").fetchnumpy()["number"], np.int64)] = True
        return found

    def only(self, chosen: Numbers) -> Events:
        self.con.register("gate_attack_chosen", pa.table({"number": chosen}))
        found = self._read("SEMI JOIN gate_attack_chosen c ON c.number = r.number", 0)
        self.con.unregister("gate_attack_chosen")
        return found

    def pieces(self, persons: int) -> Iterator[tuple[int, Events]]:
        for first in range(0, self.persons, persons):
            yield first, self._read(f"WHERE number >= {first} AND number < {first + persons}", first, min(persons, self.persons - first))

    def _read(self, which: str, first: int, persons: int | None = None) -> Events:
        found = self.con.execute(f"SELECT number, kind, day FROM {self.relation} r {which} ORDER BY number, kind, day").fetchnumpy()
        number, kind, day = (np.asarray(found[name], np.int64) for name in ("number", "kind", "day"))
        return Events(self.persons if persons is None else persons, number - first, kind, day)


def people(finished: Finished) -> None:
    """Leave PEOPLE: everybody judged, numbered; `class`: number of the class of released quasi-identifiers."""
    by = ", ".join(f"r.{quoted(column.released_as)}" for column in finished.plan.quasi) or "1"
    finished.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {PEOPLE} AS SELECT row_number() OVER (ORDER BY s.person) - 1 AS number, s.person, s.pseudonym, "
        f"s.shift_weeks AS weeks, r.person IS NOT NULL AS released, dense_rank() OVER (ORDER BY {by}) AS class "
        f"FROM {quoted(outcome.SECRET_PERSONS)} s LEFT JOIN {quoted(outcome.released(PATIENTS))} r ON r.person = s.pseudonym"
    )


def both(finished: Finished) -> tuple[Stored, Stored] | None:
    """Source and release as events; None where no table of the release has dates."""
    dated = [
        (table, anchor)
        for table in event_days.events(finished.plan)
        if table.name not in event_days.UNCHOSEN
        and (anchor := event_days.anchor(table)) is not None
        and any(column.place == f"{table.name}.{anchor}" for column in finished.of(Treatment.SHIFT))
    ]
    if not dated:
        return None
    con = finished.con
    for name in (_SOURCE, _RELEASE):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name}_rows (number BIGINT, kind BIGINT, day BIGINT)")
    kinds = 0
    for table, anchor in dated:
        kinds = _insert(finished, table, anchor, kinds)
    for name in (_SOURCE, _RELEASE):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT number, kind, day FROM {name}_rows ORDER BY number, kind, day")
        con.execute(f"DROP TABLE {name}_rows")
    persons = finished.number(f"SELECT count(*) FROM {PEOPLE}")
    return Stored(con, _SOURCE, persons), Stored(con, _RELEASE, persons)


def clear(finished: Finished) -> None:
    for name in (_SOURCE, _RELEASE):
        finished.con.execute(f"DROP TABLE IF EXISTS {name}")


def _insert(finished: Finished, table: TablePlan, anchor: str, kinds: int) -> int:
    """Add the events of one table; kinds are numbered from `kinds` on. Gives the next free number."""
    con, day = finished.con, dialect.day_number(f"s.{quoted(anchor)}")
    source, released = quoted(finished.sources[table.name]), quoted(outcome.released(table.name))
    coded = [column for column in table.decisive if any(one.place == column.qualified for one in finished.columns)]
    if not coded:
        for into, relation, own in ((_SOURCE, source, "person"), (_RELEASE, released, "pseudonym")):
            con.execute(
                f"INSERT INTO {into}_rows SELECT p.number, {kinds}, {day} FROM {relation} s JOIN {PEOPLE} p ON p.{own} = s.person "
                f"WHERE s.{quoted(anchor)} IS NOT NULL"
            )
        return kinds + 1
    name, system = coded[0].name, tables.named(coded[0].qualified).code_system
    value = quoted(name)
    present = [row[0] for row in con.execute(f"SELECT DISTINCT {value} FROM {source} WHERE {value} IS NOT NULL ORDER BY ALL").fetchall()]
    categories = {code: category(system, code) for code in present}
    numbers = {one: kinds + number for number, one in enumerate(sorted(set(categories.values())))}
    may_be = sorted({(label, numbers[categories[code]]) for code in present for label in (code, *codes.path(system, code))})
    for into, relation, own, labelled in (
        (_SOURCE, source, "person", [(code, numbers[categories[code]]) for code in present]),
        (_RELEASE, released, "pseudonym", may_be),
    ):
        con.register(
            "gate_attack_kinds",
            pa.table(
                {"label": pa.array([one for one, _ in labelled], pa.string()), "kind": pa.array([two for _, two in labelled], pa.int64())}
            ),
        )
        con.execute(
            f"INSERT INTO {into}_rows SELECT p.number, k.kind, {day} FROM {relation} s JOIN gate_attack_kinds k ON k.label = s.{value} "
            f"JOIN {PEOPLE} p ON p.{own} = s.person WHERE s.{quoted(anchor)} IS NOT NULL"
        )
        con.unregister("gate_attack_kinds")
    return kinds + len(numbers)


def category(system: str | None, code: str) -> str:
    """What an attacker knows of a code.

    >>> category("ICD-10", "E1190"), category("YJ", "3969007F1024"), category("K", "K549-2")
    ('E11', '3969007', 'K549')
    """
    path = codes.path(system, code)
    if system == "ICD-10":
        return next((label for label in path if _ICD10_CATEGORY.fullmatch(label)), path[-1])
    length = _CATEGORY_LENGTH.get(system or "")
    return next((label for label in path if len(label) == length), path[-1])
