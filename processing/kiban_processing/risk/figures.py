"""危険の数値 (risk figures): k, alpha, l, t, beta, delta and the sizes of the classes of a table, from one grouping by the engine (Reg 18(v)).

The engine counts persons per class and sensitive value; all figures come from those counts. A missing value, of a quasi-identifier or of a
sensitive column, is a value of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted, same
from kiban_processing.recoding import judging, order
from kiban_processing.recoding.demands import Ground
from kiban_processing.recoding.judging import Tally
from kiban_processing.recoding.tuples import Integers, Sensitive

_CELLS, _CLASSES, _VALUES, _PAIRS = "risk_cells", "risk_classes", "risk_values", "risk_pairs"


@dataclass(frozen=True)
class SensitiveFigures:
    """What the classes say of one sensitive column; each figure is that of the worst class, infinite where there is no bound.

    `alpha`: greatest share of a class's persons who hold one value; `l_recursive[l]`: greatest ratio of the most frequent value to the
    l-th and rarer ones together, so that the table is (c,l)-diverse for every c above it, for l = 2 and for the distinct l.
    """

    column: str
    values: int
    alpha: float
    l_distinct: int
    l_entropy: float  # exp of the entropy: the effective number of values, not cut to a whole one
    l_recursive: dict[int, float]
    t_equal: float
    t_ordered: float
    beta: float
    beta_enhanced: float
    delta: float

    def as_json(self) -> dict[str, Any]:
        """Infinite figures as null."""
        return {
            "column": self.column,
            "values": self.values,
            "alpha": self.alpha,
            "l_distinct": self.l_distinct,
            "l_entropy": self.l_entropy,
            "l_recursive": {str(l): _finite(c) for l, c in self.l_recursive.items()},  # noqa: E741 - the model's own name
            "t_equal": self.t_equal,
            "t_ordered": self.t_ordered,
            "beta": self.beta,
            "beta_enhanced": _finite(self.beta_enhanced),
            "delta": _finite(self.delta),
        }


@dataclass(frozen=True)
class RiskFigures:
    """`sizes`: persons of each class (rows where no column names the person); `class_sizes`: size → number of classes; `uniques`: persons
    alone in their class. `persons`: the sum of the sizes."""

    persons: int
    classes: int
    k: int  # 0: nobody
    uniques: int
    class_sizes: dict[int, int]
    sensitive: tuple[SensitiveFigures, ...]
    sizes: Integers

    def as_json(self) -> dict[str, Any]:
        return {
            "persons": self.persons,
            "classes": self.classes,
            "k": self.k,
            "uniques": self.uniques,
            "class_sizes": {str(size): number for size, number in self.class_sizes.items()},
            "sensitive": [one.as_json() for one in self.sensitive],
        }


def measure(
    con: Connection, relation: str, quasi_identifiers: Sequence[str], sensitive: Sequence[str] = (), person: str | None = None
) -> RiskFigures:
    """The figures of a relation (a name, or a query in brackets) with the named columns.

    `person`: the column that names the person, where one may have several rows: then distinct persons are counted per class, and per class
    and value; rows that name nobody count nothing. Without it every row is a person.
    Source: Sweeney 2002 (k); Wong et al. 2006 (alpha); Machanavajjhala et al. 2007 (l); Li et al. 2007 (t); Cao, Karras 2012 (beta);
    Brickell, Shmatikov 2008 (delta).
    """
    names = [f"q{number}" for number, _ in enumerate(quasi_identifiers)]
    quasi = [f"{quoted(column)} AS {name}" for name, column in zip(names, quasi_identifiers, strict=True)]
    held = [f"s{number}" for number, _ in enumerate(sensitive)]
    values = [f"{quoted(column)} AS {name}" for name, column in zip(held, sensitive, strict=True)]
    several = _group(con, relation, quasi, values, person)
    sizes = _sizes(con, names, several)
    found = tuple(_sensitive(con, column, name, names, sizes, several) for column, name in zip(sensitive, held, strict=True))
    for table in (_CELLS, _CLASSES, _VALUES, _PAIRS):
        con.execute(f"DROP TABLE IF EXISTS {table}")
    return summary(sizes, found)


def summary(sizes: Integers, sensitive: tuple[SensitiveFigures, ...] = ()) -> RiskFigures:
    """The figures of classes of these sizes, in persons."""
    distinct, numbers = np.unique(sizes, return_counts=True)
    histogram = {int(size): int(number) for size, number in zip(distinct, numbers, strict=True)}
    return RiskFigures(
        int(sizes.sum()), len(sizes), int(sizes.min()) if len(sizes) else 0, histogram.get(1, 0), histogram, sensitive, sizes
    )


def of_sensitive(column: str, counted: Tally, sizes: Integers, values: tuple[str | None, ...]) -> SensitiveFigures:
    """The figures of one sensitive column from its tally; every class of `sizes` has a person in it."""
    number = len(sizes)
    if number == 0:
        return SensitiveFigures(column, 0, 0.0, 0, 0.0, {}, 0.0, 0.0, 0.0, 0.0, 0.0)
    as_asked = Sensitive(column, counted.value, (), values)
    l_distinct = int(judging.distinct(counted, number).min())
    return SensitiveFigures(
        column,
        len(values),
        float((counted.persons / sizes[counted.of]).max()),
        l_distinct,
        float(np.exp(judging.entropy(counted, number).min())),
        {l: float(judging.ratio(counted, number, l).max()) for l in sorted({2, l_distinct}) if 2 <= l <= l_distinct},  # noqa: E741
        float(judging.distance(counted, number, Ground.EQUAL, as_asked).max()),
        float(judging.distance(counted, number, Ground.ORDERED, as_asked).max()),
        float(judging.likeness(counted, number, enhanced=False).max()),
        float(judging.likeness(counted, number, enhanced=True).max()),
        float(judging.disclosure(counted, number).max()),
    )


def _group(con: Connection, relation: str, quasi: list[str], values: list[str], person: str | None) -> bool:
    """Leave _CELLS, the persons of each combination, by one pass; where persons have several rows _PAIRS, each person once per combination.

    Gives whether they have. Asking first is worth it: counting the distinct of each class costs ten times as much as counting rows.
    """
    named = "" if person is None else f"WHERE {quoted(person)} IS NOT NULL"
    if person is not None:
        rows, persons = con.execute(f"SELECT count({quoted(person)}), count(DISTINCT {quoted(person)}) FROM {relation}").fetchone() or (
            0,
            0,
        )
        if rows != persons:
            listed = ", ".join([*quasi, *values, f"{quoted(person)} AS person"])
            con.execute(f"CREATE OR REPLACE TEMP TABLE {_PAIRS} AS SELECT DISTINCT {listed} FROM {relation} {named}")
            return True
    listed = ", ".join([*quasi, *values, "count(*) AS n"])
    grouped = "GROUP BY ALL" if quasi or values else "HAVING count(*) > 0"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_CELLS} AS SELECT {listed} FROM {relation} {named} {grouped}")
    return False


def _sizes(con: Connection, names: list[str], persons: bool) -> Integers:
    """Leave _CLASSES, a number for each class; gives the persons of each."""
    counted, source = ("count(DISTINCT person)", _PAIRS) if persons else ("sum(n)", _CELLS)
    key = ", ".join(names)
    grouped = f"GROUP BY {key}" if names else "HAVING count(*) > 0"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_CLASSES} AS SELECT row_number() OVER () - 1 AS of, * FROM "
        f"(SELECT {key}{', ' if names else ''}{counted} AS n FROM {source} {grouped})"
    )
    return np.asarray(con.execute(f"SELECT n FROM {_CLASSES} ORDER BY of").fetchnumpy()["n"], dtype=np.int64)


def _sensitive(con: Connection, column: str, name: str, names: list[str], sizes: Integers, persons: bool) -> SensitiveFigures:
    counted, source = ("count(DISTINCT x.person)", _PAIRS) if persons else ("sum(x.n)", _CELLS)
    text = f"CAST({name} AS VARCHAR)"
    values = order.arranged(row[0] for row in con.execute(f"SELECT DISTINCT {text} FROM {source}").fetchall())
    con.register("risk_rows", pa.table({"value": pa.array(values, pa.string()), "code": range(len(values))}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_VALUES} AS SELECT * FROM risk_rows")
    con.unregister("risk_rows")
    agree = " AND ".join(same(f"c.{one}", f"x.{one}") for one in names) or "TRUE"
    fetched = con.execute(
        f"SELECT c.of, v.code, {counted} AS n FROM {source} x JOIN {_CLASSES} c ON {agree} "
        f"JOIN {_VALUES} v ON {same('v.value', f'CAST(x.{name} AS VARCHAR)')} GROUP BY c.of, v.code ORDER BY c.of, v.code"
    ).fetchnumpy()
    of, code, n = (np.asarray(fetched[one], dtype=np.int64) for one in ("of", "code", "n"))
    pairs = np.bincount(of, weights=n, minlength=len(sizes)).astype(np.int64)
    whole = np.bincount(code, weights=n, minlength=len(values)) / max(int(n.sum()), 1)
    return of_sensitive(column, Tally(of, code, n, pairs, whole), sizes, values)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
