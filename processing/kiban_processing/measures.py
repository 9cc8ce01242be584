"""匿名性の測定 (measures): k, distinct l and t of finished data over persons, by our own query and independently by pycanon (Reg 18(v)).

Both see the same finished relation and share no code. pycanon 1.3.5 forgets rows with a null quasi-identifier and takes row labels for
positions, so it gets text without nulls, freshly numbered. Of its figures k, distinct l and equal-distance t are used; its entropy-l,
(c,l) and delta are wrong on known inputs and are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from pycanon import anonymity

from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted

# Above this many rows pycanon measures whole classes, the smallest first, up to so many rows: the class that decides k is among them.
PYCANON_ROWS = 2_000_000
# pycanon's l and t walk class by class in Python (some ms each); beyond so many classes its l and t cover the smallest ones only.
PYCANON_CLASSES = 3_000
# Classes times values; t needs every row for the distribution of the whole, so beyond this pycanon's t is left out and ours stands alone.
PYCANON_CELLS = 300_000


@dataclass(frozen=True)
class Figures:
    """What was measured. `persons`: persons covered; `classes`: equivalence classes; `k`: persons in the smallest class (0: no person);
    `l`: sensitive column → distinct values in the poorest class; `t`: sensitive column → largest equal distance (absent: not asked)."""

    source: str
    persons: int
    classes: int
    k: int
    l: dict[str, int] = field(default_factory=dict)  # noqa: E741 - the name of the figure in the literature
    t: dict[str, float] = field(default_factory=dict)


def measure(
    con: Connection,
    relation: str,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    with_t: bool = False,
) -> Figures:
    """Our own figures by one aggregation each. `relation`: column `person` and the named ones; a person may have several rows.

    A null counts as a value of its own (an attacker may know that nothing is recorded). k counts distinct persons, not rows.
    Source: Sweeney 2002 (k); Machanavajjhala et al. 2007 (distinct l); Li et al. 2007 (t, equal ground distance).
    """
    whole = f"SELECT person{_columns(quasi_identifiers)} FROM {quoted(relation)}"
    key = _group(quasi_identifiers)
    k, classes = _one(con, f"SELECT min(n), count(*) FROM (SELECT count(DISTINCT person) AS n FROM ({whole}) {key})")
    persons = _one(con, f"SELECT count(DISTINCT person) FROM {quoted(relation)}")[0]
    distinct: dict[str, int] = {}
    distance: dict[str, float] = {}
    for column in sensitive:
        rows = f"SELECT DISTINCT person{_columns(quasi_identifiers)}, {_value(column)} AS s FROM {quoted(relation)}"
        distinct[column] = int(_one(con, f"SELECT min(n) FROM (SELECT count(DISTINCT s) AS n FROM ({rows}) {key})")[0] or 0)
        if with_t:
            distance[column] = _distance(con, rows, [f"q{number}" for number, _ in enumerate(quasi_identifiers)])
    return Figures("kiban", int(persons or 0), int(classes or 0), int(k or 0), distinct, distance)


def measure_by_pycanon(
    con: Connection,
    relation: str,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    with_t: bool = False,
) -> Figures:
    """pycanon's figures of the same finished relation; `persons` says how many it covers where the table is beyond its reach."""
    names = [f"q{number}" for number, _ in enumerate(quasi_identifiers)]
    if not names:  # pycanon cannot group by nothing: everybody is one class
        total = int(_one(con, f"SELECT count(DISTINCT person) FROM {quoted(relation)}")[0] or 0)
        return Figures("pycanon", total, 1 if total else 0, total)
    people = f"SELECT DISTINCT person{_columns(quasi_identifiers)} FROM {quoted(relation)}"
    frame = _smallest_classes(con, people, names, PYCANON_ROWS, None)
    if frame.empty:
        return Figures("pycanon", 0, 0, 0)
    k = int(anonymity.k_anonymity(frame, names))
    distinct: dict[str, int] = {}
    distance: dict[str, float] = {}
    for column in sensitive:
        rows = f"SELECT DISTINCT person{_columns(quasi_identifiers)}, {_value(column)} AS s FROM {quoted(relation)}"
        values = _smallest_classes(con, rows, names, PYCANON_ROWS, PYCANON_CLASSES)
        distinct[column] = int(anonymity.l_diversity(values, names, ["s"]))
        if with_t and len(frame.drop_duplicates(names)) * _one(con, f"SELECT count(DISTINCT s) FROM ({rows})")[0] <= PYCANON_CELLS:
            everything = con.execute(rows).df().astype(str).reset_index(drop=True)
            distance[column] = float(anonymity.t_closeness(everything, names, ["s"]))
    return Figures("pycanon", int(frame["person"].nunique()), int(len(frame.drop_duplicates(names))), k, distinct, distance)


def _smallest_classes(con: Connection, rows: str, names: Sequence[str], most: int, classes: int | None) -> pd.DataFrame:
    """Whole classes, the smallest first (ties by value), while they fit: the class that decides is always there."""
    key = ", ".join(names)
    limit = "" if classes is None else f"AND place <= {classes}"
    query = (
        f"WITH people AS ({rows}), sizes AS (SELECT {key}, count(*) AS n FROM people GROUP BY {key}), "
        f"taken AS (SELECT *, sum(n) OVER w AS so_far, row_number() OVER w AS place FROM sizes "
        f"WINDOW w AS (ORDER BY n, {key} ROWS UNBOUNDED PRECEDING)) "
        f"SELECT people.* FROM people JOIN taken USING ({key}) WHERE (so_far <= {most} OR place = 1) {limit}"
    )
    return con.execute(query).df().astype(str).reset_index(drop=True)


def _distance(con: Connection, rows: str, names: Sequence[str]) -> float:
    """Largest half-sum of |share in the class - share in all| over the values, absent ones included."""
    key = ", ".join(names)
    by_class = f"{key}, " if key else ""
    join = " AND ".join(f"a.{name} = b.{name}" for name in names) or "true"
    query = (
        f"WITH r AS ({rows}), "
        "p AS (SELECT s, count(*) / (SELECT count(*) FROM r) AS share FROM r GROUP BY s), "
        f"sizes AS (SELECT {by_class}count(*) AS n FROM r {f'GROUP BY {key}' if key else ''}), "
        f"inside AS (SELECT {by_class}s, count(*) AS n FROM r GROUP BY {by_class}s) "
        # Values absent from a class contribute their whole share: 1 - the shares of those present.
        f"SELECT max(d) FROM (SELECT (sum(abs(a.n / b.n - p.share)) + 1 - sum(p.share)) / 2 AS d FROM inside a "
        f"JOIN sizes b ON {join} JOIN p ON a.s = p.s GROUP BY {', '.join(f'a.{name}' for name in names) or 'true'})"
    )
    return float(_one(con, query)[0] or 0.0)


def _value(column: str) -> str:
    """A value as text that no null can be confused with."""
    return f"CASE WHEN {quoted(column)} IS NULL THEN 'null' ELSE '=' || CAST({quoted(column)} AS VARCHAR) END"


def _columns(names: Sequence[str]) -> str:
    return "".join(f", {_value(name)} AS q{number}" for number, name in enumerate(names))


def _group(names: Sequence[str]) -> str:
    return "GROUP BY " + ", ".join(f"q{number}" for number, _ in enumerate(names)) if names else ""


def _one(con: Connection, query: str) -> tuple[int, ...]:
    row = con.execute(query).fetchone()
    assert row is not None  # an aggregate without GROUP BY always has one row
    return row
