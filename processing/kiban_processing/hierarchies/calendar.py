"""日付の階層 (calendar): day, month, quarter, year, decade, `*`; any of the levels from the day up may be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum

from kiban_processing.hierarchies.hierarchy import Hierarchy, build
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

NOT_A_DATE = Ground(
    "hierarchy-not-a-date",
    Family.INPUT,
    REG_18_V,
    Text(
        "列「{column}」の{position}番目の異なる値は日付(YYYY-MM-DD)ではありません。",
        "Distinct value {position} of column “{column}” is no date (YYYY-MM-DD).",
    ),
    Text("日付の書き方をそろえるか、日付でない値を空欄にしてください。", "Write all dates alike, or empty the cells that hold no date."),
)
_VERSION = "1"


class Unit(StrEnum):
    """A level, narrowest first."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    DECADE = "decade"


_LABELS: dict[Unit, Callable[[date], str]] = {
    Unit.DAY: date.isoformat,
    Unit.MONTH: lambda day: f"{day.year:04}-{day.month:02}",
    Unit.QUARTER: lambda day: f"{day.year:04}-Q{(day.month + 2) // 3}",
    Unit.YEAR: lambda day: f"{day.year:04}",
    Unit.DECADE: lambda day: f"{day.year // 10 * 10:04}-{day.year // 10 * 10 + 9:04}",
}


def label(day: date, unit: Unit) -> str:
    """What a day is called at a level.

    >>> [label(date(2024, 5, 3), unit) for unit in Unit]
    ['2024-05-03', '2024-05', '2024-Q2', '2024', '2020-2029']
    """
    return _LABELS[unit](day)


def of_range(name: str, first: date, last: date, units: Sequence[Unit] = tuple(Unit)) -> Hierarchy:
    """Every day from the first to the last, both included: what is lost is measured against the whole period, not the days that occur."""
    days = (first + timedelta(days=number) for number in range(max((last - first).days, 0) + 1))
    return _build(name, list(days), units)


def of_values(name: str, values: Iterable[str], units: Sequence[Unit] = tuple(Unit)) -> Hierarchy:
    """The dates that occur, written YYYY-MM-DD. Refuses: hierarchy-not-a-date."""
    days = []
    for position, value in enumerate(dict.fromkeys(values), start=1):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            raise NOT_A_DATE.refuse(column=name, position=position)
        days.append(day)
    return _build(name, sorted(days), units)


def _build(name: str, days: list[date], units: Sequence[Unit]) -> Hierarchy:
    above = [unit for unit in Unit if unit in units and unit is not Unit.DAY]
    return build(name, _VERSION, [(day.isoformat(), *(label(day, unit) for unit in above), "*") for day in days])
