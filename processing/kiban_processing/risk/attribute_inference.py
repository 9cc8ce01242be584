"""属性推定 (attribute inference): how often an attacker who knows a person's quasi-identifiers guesses a sensitive value rightly (Reg 18(v)).

He finds the person's class in the release and guesses the value that most of the class have. Three rates put that in proportion:

- *base rate*: he knows nothing of the person and guesses what most of the release have;
- *success*: he guesses by the class;
- *of others*: he guesses by the class without the person's own row. What can be learned so is statistics about people alike, and would be
  learned as well if the person were not in the release; what goes beyond is told by the person's own row.

A person's value is the principal one; missing is a value. A class in which all have one value gives it away for certain.

Source: Machanavajjhala et al. 2007 (homogeneity); Giomi et al. 2023 (inference against a control).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.risk import intervals


@dataclass(frozen=True)
class AttributeInference:
    """Shares of persons, from 0 to 1; intervals of 95 %. `homogeneous`: persons in classes of two or more that all have one value."""

    column: str
    persons: int
    values: int
    base_rate: float
    success: float
    success_interval: tuple[float, float]
    of_others: float
    of_others_interval: tuple[float, float]
    homogeneous: float
    homogeneous_interval: tuple[float, float]

    @property
    def advantage(self) -> float:
        """Beyond the base rate."""
        return self.success - self.base_rate

    @property
    def beyond_others(self) -> float:
        """Beyond what the others of the class tell: what the person's own row adds."""
        return self.success - self.of_others

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "advantage": self.advantage, "beyond_others": self.beyond_others}


def measure(con: Connection, relation: str, quasi: Sequence[str], value: str, column: str) -> AttributeInference:
    """`relation`: one row per person of the release, with the quasi-identifiers as released and the sensitive column `value`; `column`: its
    name in the result. Guesses between equals count by their chance. Without the person's row nobody may be left in the class: then the
    base rate's guess is made."""
    named = "".join(f", {quoted(name)} AS q{number}" for number, name in enumerate(quasi))
    by = ", ".join(f"q{number}" for number in range(len(quasi))) or "everyone"
    counts = f"SELECT 1 AS everyone{named}, {quoted(value)} AS v, count(*) AS n FROM {quoted(relation)} GROUP BY ALL"
    window = f"(PARTITION BY {by})"
    row = con.execute(
        f"WITH counts AS ({counts}), "
        "whole AS (SELECT v, sum(n) AS n FROM counts GROUP BY v), most AS (SELECT max(n) AS n, count(*) AS kinds FROM whole), "
        # Others guess a lone person by the release without that person: the value must be the most frequent even so. Without the person
        # the most frequent of the other values are those of the second count, where no other value has the first.
        "counted AS (SELECT n, count(*) AS kinds FROM whole GROUP BY n), "
        "second AS (SELECT coalesce(max(n), 0) AS n FROM counted WHERE n < (SELECT n FROM most)), "
        "lonely AS (SELECT w.v, CASE WHEN w.n - 1 > s.n THEN CAST(1 AS DOUBLE) WHEN w.n - 1 = s.n AND w.n > 1 THEN CAST(1 AS DOUBLE) / (1 + e.kinds) "
        "ELSE CAST(0 AS DOUBLE) END AS chance FROM whole w JOIN most m ON m.n = w.n JOIN counted t ON t.n = w.n AND t.kinds = 1 CROSS JOIN second s "
        "LEFT JOIN counted e ON e.n = s.n), "
        f"ranked AS (SELECT {by}, v, n, max(n) OVER {window} AS top, sum(n) OVER {window} AS size FROM counts), "
        f"classes AS (SELECT {by}, max(size) AS size, max(top) AS top, count(*) FILTER (n = top) AS tops, count(*) FILTER (n = top - 1) AS next, "
        f"min(v) AS one FROM ranked GROUP BY {by}) "
        "SELECT sum(size), sum(top), sum(CASE WHEN size = 1 THEN coalesce(l.chance, 0) WHEN tops > 1 THEN 0 ELSE top / (CAST(1 AS DOUBLE) + next) END), "
        "sum(size) FILTER (size > 1 AND top = size), (SELECT n FROM most), (SELECT kinds FROM most) "
        "FROM classes c LEFT JOIN lonely l ON c.size = 1 AND l.v IS NOT DISTINCT FROM c.one"
    ).fetchone() or (0, 0, 0, 0, 0, 0)
    persons = int(row[0] or 0)
    right, of_others, alike = float(row[1] or 0), round(float(row[2] or 0), 6), int(row[3] or 0)

    def share(number: float) -> float:
        return number / persons if persons else 0.0

    return AttributeInference(
        column,
        persons,
        int(row[5] or 0),
        share(float(row[4] or 0)),
        share(right),
        intervals.wilson(right, persons),
        share(of_others),
        intervals.wilson(of_others, persons),
        share(alike),
        intervals.wilson(alike, persons),
    )
