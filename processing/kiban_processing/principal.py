"""主たる値 (principal value): the one sensitive value that stands for a person whose rows have several (Reg 18(v))."""

from __future__ import annotations


def principal_sql(relation: str, column: str, weight: str = "1") -> str:
    """A query of `person, value`: of each person the value on most of its rows in `relation`, ties to the smallest; missing ones aside.

    A person with no value is not in the result and has a value of its own, "missing", wherever this is judged. `weight`: rows that one
    row of the relation stands for.
    """
    return (
        f"SELECT person, first(value ORDER BY rows DESC, value) AS value FROM (SELECT person, {column} AS value, sum({weight}) AS rows "
        f"FROM {relation} WHERE {column} IS NOT NULL GROUP BY ALL) GROUP BY person"
    )
