"""関連 (associations): how strongly the main columns of each table hang together, before and after, in steps of a twentieth.

Codes: Cramér's V; numbers: Pearson's correlation. Both are over rows where both values are there.
"""

from __future__ import annotations

import itertools
import math

from kiban_processing.outcome import ReleasedColumn, TableOutcome
from kiban_processing.permitted import Treatment
from kiban_processing.utility import rounding
from kiban_processing.utility.compared import AFTER, BEFORE, Compared

_COLUMNS = 5  # of a table, of each kind, in the order of the table
_VALUES = 50  # distinct values of a code up to which a table of contingency says something
_STEP = 0.05


def measure(compared: Compared) -> list[dict[str, object]]:
    """Per pair of columns of one table: `before` and `after`."""
    shown: list[dict[str, object]] = []
    for table in compared.outcome.tables.values():
        codes = [
            one for one in table.columns if one.treatment in (Treatment.KEEP, Treatment.GENERALISE_RARE) and _told(compared, table, one)
        ]
        numbers = [one for one in table.columns if one.treatment is Treatment.CLIP]
        for columns, name, measured in ((codes, "cramers_v", _cramer), (numbers, "pearson", _pearson)):
            for first, second in itertools.combinations(columns[:_COLUMNS], 2):
                pair = [measured(compared, table, first, second, side) for side in (BEFORE, AFTER)]
                if None in pair:
                    continue
                before, after = (rounding.stepped(value, _STEP) for value in pair if value is not None)
                shown.append(
                    {"table": table.name, "first": first.name, "second": second.name, "measure": name, "before": before, "after": after}
                )
    return shown


def _names(compared: Compared, table: TableOutcome, column: ReleasedColumn, side: int) -> str:
    return compared.names(table.name, column.sources[0].split(".", 1)[1])[side]


def _rows(compared: Compared, table: TableOutcome, side: int) -> str:
    return compared.people()[side] if table.name == "patients" else compared.relations(table.name)[side]


def _told(compared: Compared, table: TableOutcome, column: ReleasedColumn) -> bool:
    """Whether both sides have a few values of the column, and not only one."""
    counts = [
        compared.number(f"SELECT count(DISTINCT {_names(compared, table, column, side)}) FROM {_rows(compared, table, side)}")
        for side in (BEFORE, AFTER)
    ]
    return min(counts) > 1 and max(counts) <= _VALUES


def _cramer(compared: Compared, table: TableOutcome, first: ReleasedColumn, second: ReleasedColumn, side: int) -> float | None:
    """Cramér's V; None where too few persons stand behind it or a column is constant."""
    a, b = (_names(compared, table, one, side) for one in (first, second))
    cells = f"SELECT {a} AS a, {b} AS b, count(*) AS n FROM {_rows(compared, table, side)} WHERE {a} IS NOT NULL AND {b} IS NOT NULL GROUP BY 1, 2"
    persons = f"SELECT count(DISTINCT person) FROM {_rows(compared, table, side)} WHERE {a} IS NOT NULL AND {b} IS NOT NULL"
    if compared.number(persons) < rounding.FEWEST:
        return None
    # chi-square / n = sum of n_ab² / (n_a n_b) - 1: empty cells add nothing, so that they need not be there.
    ((total, wide, high),) = compared.rows(
        f"WITH c AS ({cells}), a AS (SELECT a, sum(n) AS n FROM c GROUP BY a), b AS (SELECT b, sum(n) AS n FROM c GROUP BY b) "
        "SELECT sum(CAST(c.n AS DOUBLE) * c.n / (a.n * b.n)) - 1, (SELECT count(*) FROM a), (SELECT count(*) FROM b) "
        "FROM c JOIN a ON a.a = c.a JOIN b ON b.b = c.b"
    )
    smaller = min(wide, high) - 1
    return math.sqrt(max(float(total), 0.0) / smaller) if smaller > 0 else None


def _pearson(compared: Compared, table: TableOutcome, first: ReleasedColumn, second: ReleasedColumn, side: int) -> float | None:
    a, b = (_names(compared, table, one, side) for one in (first, second))
    ((persons, correlation),) = compared.rows(
        f"SELECT count(DISTINCT person), corr({a}, {b}) FROM {_rows(compared, table, side)} WHERE {a} IS NOT NULL AND {b} IS NOT NULL"
    )
    if persons < rounding.FEWEST or correlation is None or math.isnan(correlation):
        return None
    return float(correlation)
