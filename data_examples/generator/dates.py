"""暦 (calendars): the ways in which hospitals write a date, and the days on which the story of the examples turns."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

TODAY = date(2026, 11, 21)
PERIOD_FROM = date(2015, 4, 1)
PERIOD_TO = date(2025, 3, 31)

_ERAS = (
    (date(2019, 5, 1), "R", "令和", 2018),
    (date(1989, 1, 8), "H", "平成", 1988),
    (date(1926, 12, 25), "S", "昭和", 1925),
    (date(1912, 7, 30), "T", "大正", 1911),
)


def compact(day: date) -> str:
    """20240401."""
    return day.strftime("%Y%m%d")


def slashed(day: date) -> str:
    """2024/4/1."""
    return f"{day.year}/{day.month}/{day.day}"


def era_dotted(day: date) -> str:
    """S23.04.05."""
    _, letter, _, before = next(era for era in _ERAS if day >= era[0])
    return f"{letter}{day.year - before:02d}.{day.month:02d}.{day.day:02d}"


def era_written(day: date) -> str:
    """平成5年4月1日; the first year of an era is written 元年."""
    _, _, name, before = next(era for era in _ERAS if day >= era[0])
    year = day.year - before
    return f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"


def age(born: date, on: date) -> int:
    """Completed years on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def draw(chance: Random, first: date, last: date) -> date:
    """A day from first to last, both included."""
    return first + timedelta(days=chance.randint(0, max(0, (last - first).days)))


def on_weekday(day: date) -> date:
    """The same day, or the Monday after a Sunday."""
    return day + timedelta(days=1) if day.weekday() == 6 else day
