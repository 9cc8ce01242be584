"""k-匿名性 (anonymity): from persons' quasi-identifiers to the chosen level of each, and to the persons who must stay out (Reg 18(v)).

Persons, not rows: the relation that is judged has one row per person. The engine reduces it to distinct tuples with counts; the search
sees only those; the result goes back by a join. Suppressed persons are no class: they are in no table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from kiban_processing import dialect, lattice
from kiban_processing.hierarchies.hierarchy import GAP, Hierarchy
from kiban_processing.language import Text
from kiban_processing.lattice import Classes, Found, Sensitive, Tuples
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

UNATTAINABLE = Ground(
    "anonymity-unattainable",
    Family.LAW,
    REG_18_V,
    Text(
        "{persons}人のデータでは、{allowed}人以内の削除で k={k}(l・tを含む)を満たせません。",
        "With {persons} persons, k={k} (and l, t where asked) cannot be met by leaving out at most {allowed}.",
    ),
    Text(
        "準識別子を減らす、階層を粗くする、kや削除の上限を見直す、対象者を増やす、のいずれかが要ります。",
        "Drop a quasi-identifier, coarsen a hierarchy, reconsider k or the limit, or take more persons.",
    ),
)
LATTICE_TOO_LARGE = Ground(
    "anonymity-lattice-too-large",
    Family.INPUT,
    REG_18_V,
    Text(
        "準識別子の水準の組合せが{nodes}通りあり、探索できません。",
        "The quasi-identifiers have {nodes} combinations of levels: too many to search.",
    ),
    Text("準識別子か階層の水準を減らしてください。", "Have fewer quasi-identifiers, or hierarchies of fewer levels."),
)

CODES = "anonymity_codes"  # engine table: person, q0 …, s0 …: leaf numbers and sensitive value numbers
KEPT = "anonymity_kept"  # engine table: q0 …, s0 …, kept
_LARGEST_LATTICE = 4_000_000


@dataclass(frozen=True)
class Quasi:
    """A quasi-identifier: its column in the judged relation (text, missing allowed) and its hierarchy."""

    column: str
    hierarchy: Hierarchy


@dataclass(frozen=True)
class Asked:
    """What is asked of a sensitive column; both None: only measured."""

    column: str
    l: int | None = None  # noqa: E741 - the model's own name
    t: float | None = None


@dataclass(frozen=True)
class Figures:
    """What a choice amounts to. `reached`, per sensitive column: fewest distinct values and greatest distance of a class that stays."""

    persons: int
    suppressed: int
    loss_geometric: float
    loss_arithmetic: float
    class_sizes: dict[int, int]
    reached: tuple[tuple[int, float], ...]


def encode(con: duckdb.DuckDBPyConnection, relation: str, quasi: Sequence[Quasi], asked: Sequence[Asked]) -> Tuples:
    """Reduce a relation (`person`, the columns of `quasi` and `asked`; one row per person) to distinct tuples; leaves CODES.

    Refuses: hierarchy-gap, anonymity-lattice-too-large.
    """
    nodes = int(np.prod([one.hierarchy.levels for one in quasi], dtype=object)) if quasi else 1
    if nodes > _LARGEST_LATTICE:
        raise LATTICE_TOO_LARGE.refuse(nodes=nodes)
    selected, joins = ["r.person"], []
    for number, one in enumerate(quasi):
        _load(con, f"anonymity_leaf_{number}", {"leaf": list(one.hierarchy.leaves), "code": range(one.hierarchy.size)})
        value = f"r.{dialect.quoted(one.column)}"
        joins.append(f"LEFT JOIN anonymity_leaf_{number} l{number} ON l{number}.leaf = {value}")
        selected.append(f"CASE WHEN {value} IS NULL THEN {one.hierarchy.size} ELSE l{number}.code END AS q{number}")
    for number, sensitive in enumerate(asked):
        column = dialect.quoted(sensitive.column)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE anonymity_value_{number} AS SELECT value, row_number() OVER (ORDER BY value NULLS LAST) - 1 AS code "
            f"FROM (SELECT DISTINCT {column} AS value FROM {relation})"
        )
        joins.append(f"LEFT JOIN anonymity_value_{number} v{number} ON {dialect.same(f'v{number}.value', f'r.{column}')}")
        selected.append(f"v{number}.code AS s{number}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {CODES} AS SELECT {', '.join(selected)} FROM {relation} r {' '.join(joins)}")
    for number, one in enumerate(quasi):
        _cover(con, relation, one, number)
    names = _names(len(quasi), len(asked))
    listed = ", ".join(names)
    if names:
        fetched = con.execute(f"SELECT {listed}, count(*) AS persons FROM {CODES} GROUP BY {listed} ORDER BY {listed}").fetchnumpy()
    else:
        fetched = con.execute(f"SELECT count(*) AS persons FROM {CODES} HAVING count(*) > 0").fetchnumpy()
    columns = {name: np.asarray(values, dtype=np.int64) for name, values in fetched.items()}
    return Tuples(
        tuple(one.hierarchy for one in quasi),
        tuple(columns[f"q{number}"] for number in range(len(quasi))),
        columns["persons"],
        tuple(Sensitive(one.column, columns[f"s{number}"], one.l, one.t) for number, one in enumerate(asked)),
    )


def choose(tuples: Tuples, k: int, limit: float, progress: Callable[[int, int], None] | None = None) -> Found:
    """The node of least loss with at most the share `limit` of the persons left out. Refuses: anonymity-unattainable."""
    allowed = permitted(tuples.total, limit)
    found = lattice.search(tuples, k, allowed, progress)
    if found is None or found.classes.suppressed >= max(tuples.total, 1):
        raise UNATTAINABLE.refuse(persons=tuples.total, allowed=allowed, k=k)
    return found


def permitted(persons: int, limit: float) -> int:
    """Persons that may be left out: the share of the persons, rounded down.

    >>> permitted(1000, 0.05)
    50
    """
    return int(limit * persons + 1e-9)


def figures(tuples: Tuples, node: Sequence[int], classes: Classes, persons: int) -> Figures:
    """The figures of a choice among `persons`; `tuples` may lack those whom an earlier round left out."""
    kept = classes.kept
    present = np.unique(classes.of[kept])
    sizes, numbers = np.unique(classes.sizes[present], return_counts=True)
    reached = []
    for sensitive in tuples.sensitive:
        if not len(present):
            reached.append((0, 0.0))
            continue
        of = np.searchsorted(present, classes.of[kept])
        distinct, distances = lattice.diversity(of, tuples.persons[kept], sensitive.codes[kept], len(present))
        reached.append((int(distinct.min()), float(distances.max())))
    geometric, arithmetic = lattice.losses(tuples, tuple(node), kept, persons)
    counts = {int(size): int(number) for size, number in zip(sizes, numbers, strict=True)}
    return Figures(persons, persons - int(tuples.persons[kept].sum()), geometric, arithmetic, counts, tuple(reached))


def keep(con: duckdb.DuckDBPyConnection, tuples: Tuples, classes: Classes) -> None:
    """Leave KEPT, which says of every tuple whether its persons stay."""
    content = {f"q{number}": leaves for number, leaves in enumerate(tuples.leaves)}
    content |= {f"s{number}": sensitive.codes for number, sensitive in enumerate(tuples.sensitive)}
    _load(con, KEPT, {**content, "kept": classes.kept})


def kept_sql(quasi: int, asked: int) -> str:
    """A query of `person, q0 …` for the persons who stay; needs CODES and KEPT."""
    agree = " AND ".join(f"c.{name} = k.{name}" for name in _names(quasi, asked)) or "TRUE"
    listed = "".join(f", c.q{number}" for number in range(quasi))
    return f"SELECT c.person{listed} FROM {CODES} c JOIN {KEPT} k ON {agree} WHERE k.kept"


def labels(con: duckdb.DuckDBPyConnection, quasi: Sequence[Quasi], node: Sequence[int]) -> list[tuple[str, str]]:
    """Per quasi-identifier the expression of its released value and the join it needs, over an alias `c` with `q0 …`."""
    parts = []
    for number, (one, level) in enumerate(zip(quasi, node, strict=True)):
        values = [one.hierarchy.labels[level][int(code)] for code in one.hierarchy.codes[level]]
        _load(con, f"anonymity_label_{number}", {"code": range(one.hierarchy.size + 1), "label": pa.array(values, pa.string())})
        parts.append((f"t{number}.label", f"JOIN anonymity_label_{number} t{number} ON t{number}.code = c.q{number}"))
    return parts


def clear(con: duckdb.DuckDBPyConnection, quasi: int, asked: int) -> None:
    """Drop the working tables."""
    names = [CODES, KEPT, *(f"anonymity_{kind}_{number}" for kind in ("leaf", "label") for number in range(quasi))]
    for name in (*names, *(f"anonymity_value_{number}" for number in range(asked))):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _names(quasi: int, asked: int) -> list[str]:
    return [f"q{number}" for number in range(quasi)] + [f"s{number}" for number in range(asked)]


def _cover(con: duckdb.DuckDBPyConnection, relation: str, one: Quasi, number: int) -> None:
    gap = con.execute(f"SELECT count(*) FROM {CODES} WHERE q{number} IS NULL").fetchone()
    if gap and gap[0]:
        column = dialect.quoted(one.column)
        values = con.execute(
            f"SELECT count(DISTINCT r.{column}) FROM {relation} r ANTI JOIN anonymity_leaf_{number} l ON l.leaf = r.{column}"
        ).fetchone()
        raise GAP.refuse(column=one.column, hierarchy=one.hierarchy.name, values=values[0] if values else 0, rows=gap[0])


def _load(con: duckdb.DuckDBPyConnection, name: str, content: Mapping[str, object]) -> None:
    con.register("anonymity_rows", pa.table(dict(content)))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM anonymity_rows")
    con.unregister("anonymity_rows")
