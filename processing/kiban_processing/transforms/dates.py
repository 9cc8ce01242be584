"""日付のシフト (dates): one constant shift per person, in whole weeks, for every date of every table (Basic Policy; Reg 18(v)).

What it protects: no date of the release is the true one, save for the few whose shift is zero, and nobody knows who they are. What it does
not: intervals are exact on purpose, so that a known series of gaps still matches; the weekday stays. The gate scores both.
"""

from __future__ import annotations

from datetime import date, timedelta

from kiban_processing import dialect
from kiban_processing.transforms import keys


def shift_weeks(secret: bytes, person: str, window: int) -> int:
    """A person's shift, from -window to +window weeks, zero allowed: leaving zero out would teach something about every date.

    >>> -26 <= shift_weeks(b"1" * 32, "P1", 26) <= 26
    True
    """
    return int(keys.keyed(secret, person)[: dialect.HEX_OF_SHIFT], 16) % (2 * window + 1) - window


def shifted(day: date | None, weeks: int) -> date | None:
    """The day moved by whole weeks; None stays None.

    >>> shifted(date(2024, 2, 28), 1)
    datetime.date(2024, 3, 6)
    """
    return None if day is None else day + timedelta(weeks=weeks)


def shifted_year(day: date | None, weeks: int) -> int | None:
    """The year of the moved day."""
    moved = shifted(day, weeks)
    return None if moved is None else moved.year


def shift_weeks_sql(person: str, window: int) -> str:
    return f"CAST({dialect.number_of(dialect.hmac('shift', person))} % {2 * window + 1} - {window} AS INTEGER)"


def shifted_sql(day: str, weeks: str) -> str:
    return dialect.plus_weeks(day, weeks)


def shifted_year_sql(day: str, weeks: str) -> str:
    return f"CAST({dialect.year(shifted_sql(day, weeks))} AS INTEGER)"


def inside(moved: date, period: tuple[date, date] | None, window: int) -> bool:
    """Whether every shift of the window could have brought a day of the collection's period to `moved`, so that it rules none out.

    >>> inside(date(2020, 6, 1), (date(2020, 4, 1), date(2025, 3, 31)), 26)
    False
    """
    return period is None or period[0] + timedelta(weeks=window) <= moved <= period[1] - timedelta(weeks=window)


def coarse(day: date, first: date, gap_days: int) -> date:
    """The first day of the period of `gap_days` that a day lies in, counted from the person's first day; 1 changes nothing.

    >>> coarse(date(2024, 4, 20), date(2024, 4, 1), 7)
    datetime.date(2024, 4, 15)
    """
    return day - timedelta(days=(day - first).days % gap_days)


def inside_sql(moved: str, period: tuple[date, date] | None, window: int) -> str:
    if period is None:
        return "TRUE"
    first, last = period[0] + timedelta(weeks=window), period[1] - timedelta(weeks=window)
    return f"({moved} BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}')"
