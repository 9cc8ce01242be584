"""外れ値の丸め (measurements): bottom and top coding per group of equal codes and units, over persons (Reg 18(v)).

The bounds are order statistics of persons' own extremes: the lower is the r-th smallest of the persons' minima, the upper the r-th largest
of their maxima, with r the plan's share of the persons but at least `tail_persons`, so that no extreme belongs to one or two persons alone.
Values of a group with fewer persons than the threshold of rare values are removed. What it does not protect: exact values inside the
bounds, a long series of which can be a search key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiban_processing import dialect
from kiban_processing.permitted import Treatment
from kiban_processing.plan import Clip, ColumnPlan, TablePlan

MILLION = 1_000_000

# What a number means: the columns that must agree before two values may be compared.
GROUPED_BY: dict[str, tuple[str, ...]] = {
    "laboratory_results.value": ("jlac10", "other_code", "unit"),
    "observations.value": ("other_code", "unit"),
    "prescriptions.quantity": ("quantity_unit",),
}


def grouping(column: ColumnPlan, table: TablePlan) -> tuple[str, ...]:
    """The columns whose released values make a group: those the plan names, else the usual ones that are released."""
    wanted = column.by if column.by is not None else GROUPED_BY.get(column.qualified, ())
    comparable = {one.name for one in table.released if one.treatment in (Treatment.KEEP, Treatment.GENERALISE_RARE)}
    return tuple(name for name in wanted if name in comparable)


def ranks(persons: int, clip: Clip) -> tuple[int, int]:
    """How many persons lie at or below the lower bound, and at or above the upper one.

    >>> ranks(1000, Clip(0.005, 0.995, 3)), ranks(10, Clip(0.005, 0.995, 3))
    ((5, 5), (3, 3))
    """
    low, high = _millionths(clip)
    return max(-(-low * persons // MILLION), clip.tail_persons), max(-(-high * persons // MILLION), clip.tail_persons)


def bounds(values: Mapping[str, Sequence[float]], clip: Clip, threshold: int) -> tuple[float, float] | None:
    """The lower and upper bound of one group; None if fewer than `threshold` persons have a value. `values`: person → values."""
    if len(values) < threshold:
        return None
    low, high = ranks(len(values), clip)
    return sorted(min(own) for own in values.values())[low - 1], sorted((max(own) for own in values.values()), reverse=True)[high - 1]


def clipped(value: float | None, limits: tuple[float, float] | None) -> float | None:
    """The value within its bounds; None where the group has none.

    >>> clipped(14.2, (4.1, 12.0))
    12.0
    """
    return None if value is None or limits is None else min(max(value, limits[0]), limits[1])


def bounds_sql(relation: str, value: str, by: Sequence[str], clip: Clip, threshold: int) -> str:
    """A query of `group_0 …, persons, low, high`, one row per group with enough persons; `relation` has `person`, the groups, the value."""
    low, high = _millionths(clip)
    groups = [f"group_{number}" for number in range(len(by))]
    named = "".join(f"{dialect.quoted(column)} AS {group}, " for column, group in zip(by, groups, strict=True))
    listed = "".join(f"{group}, " for group in groups)
    window = f"PARTITION BY {', '.join(groups)} " if groups else ""
    rank_low, rank_high = (
        f"greatest({dialect.whole_quotient(f'{share} * persons + {MILLION - 1}', str(MILLION))}, {clip.tail_persons})"
        for share in (low, high)
    )
    return (
        f"WITH extremes AS (SELECT {named}person, min({value}) AS lowest, max({value}) AS highest FROM {relation} "
        f"WHERE {value} IS NOT NULL GROUP BY {listed}person), "
        f"ranked AS (SELECT {listed}lowest, highest, count(*) OVER ({window}) AS persons, "
        f"row_number() OVER ({window}ORDER BY lowest) AS from_low, row_number() OVER ({window}ORDER BY highest DESC) AS from_high FROM extremes) "
        f"SELECT {listed}max(persons) AS persons, max(CASE WHEN from_low = {rank_low} THEN lowest END) AS low, "
        f"max(CASE WHEN from_high = {rank_high} THEN highest END) AS high FROM ranked WHERE persons >= {threshold} "
        f"GROUP BY {', '.join(groups) if groups else '()'} HAVING count(*) > 0"
    )


def _millionths(clip: Clip) -> tuple[int, int]:
    # Whole millionths: (1 - 0.995) in floats would round a rank up by one.
    return round(clip.low * MILLION), MILLION - round(clip.high * MILLION)
