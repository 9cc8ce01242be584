"""休日 (holidays): the national holidays of Japan by rule, and the days on which hospitals rest (国民の祝日に関する法律 Art. 2, 3).

Everything is worked out from the rules of the law as they stood in each year from 1989 to 2099; no table of dates is kept but the days that
special laws moved in 2019, 2020 and 2021. The equinoxes follow the mean formula, which agrees with the days announced so far; those of future
years are announced in the February before.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground

FIRST_YEAR, LAST_YEAR = 1989, 2099
EPOCH = date(1970, 1, 1)  # day 0 of day numbers, a Thursday
_MONDAY = 0

# What a day is to a hospital; the number goes into arrays.
WORKING, WEEKEND, HOLIDAY, YEAR_END = 0, 1, 2, 3

OUT_OF_RANGE = Ground(
    "holidays-out-of-range",
    Family.INPUT,
    None,
    Text("{year}年の祝日は計算できません({first}年から{last}年まで)。", "Holidays of {year} cannot be told (from {first} to {last})."),
    Text("日付を確かめてください。", "Check the dates."),
)


def vernal_equinox(year: int) -> date:
    """春分日, 1980 to 2099, by the mean length of the tropical year.

    >>> vernal_equinox(2024), vernal_equinox(2023)
    (datetime.date(2024, 3, 20), datetime.date(2023, 3, 21))
    """
    return date(year, 3, int(20.8431 + 0.242194 * (year - 1980)) - (year - 1980) // 4)


def autumnal_equinox(year: int) -> date:
    """秋分日, 1980 to 2099.

    >>> autumnal_equinox(2024), autumnal_equinox(2023)
    (datetime.date(2024, 9, 22), datetime.date(2023, 9, 23))
    """
    return date(year, 9, int(23.2488 + 0.242194 * (year - 1980)) - (year - 1980) // 4)


@lru_cache(maxsize=256)
def of_year(year: int) -> frozenset[date]:
    """All days off under the law in one year: named holidays, substitutes (Art. 3(2)) and days between two holidays (Art. 3(3)).

    >>> date(2019, 4, 30) in of_year(2019), date(2020, 5, 6) in of_year(2020), date(2009, 9, 22) in of_year(2009)
    (True, True, True)

    Refuses: holidays-out-of-range.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise OUT_OF_RANGE.refuse(year=year, first=FIRST_YEAR, last=LAST_YEAR)
    named = _named(year)
    substitutes = set()
    for day in named:
        if day.weekday() == 6:
            following = day + timedelta(days=1)
            # Until 2006 only the Monday itself could be the substitute; since then the next day that is no holiday.
            while year >= 2007 and following in named:
                following += timedelta(days=1)
            if following not in named:
                substitutes.add(following)
    off = named | substitutes
    one = timedelta(days=1)
    between = {day + one for day in named if day + 2 * one in named and day + one not in off and (day + one).weekday() != 6}
    return frozenset(off | between)


def _named(year: int) -> set[date]:
    monday = _nth_monday
    days = {
        date(year, 1, 1),
        monday(year, 1, 2) if year >= 2000 else date(year, 1, 15),
        date(year, 2, 11),
        vernal_equinox(year),
        date(year, 4, 29),
        date(year, 5, 3),
        date(year, 5, 5),
        monday(year, 9, 3) if year >= 2003 else date(year, 9, 15),
        autumnal_equinox(year),
        date(year, 11, 3),
        date(year, 11, 23),
    }
    if year >= 2007:
        days.add(date(year, 5, 4))
    if year <= 2018:
        days.add(date(year, 12, 23))  # the Emperor's birthday, until the abdication of 2019
    elif year >= 2020:
        days.add(date(year, 2, 23))
    days |= _summer(year)
    if year == 2019:
        days |= {date(2019, 5, 1), date(2019, 10, 22)}  # accession and enthronement
    if year == 1990:
        days.add(date(1990, 11, 12))  # enthronement
    if year == 1993:
        days.add(date(1993, 6, 9))  # the Crown Prince's wedding
    if year == 1989:
        days.add(date(1989, 2, 24))  # funeral of the Emperor Shōwa
    return days


def _summer(year: int) -> set[date]:
    """海の日, 山の日, スポーツの日: moved for the Olympic Games of 2020 and 2021."""
    if year == 2020:
        return {date(2020, 7, 23), date(2020, 7, 24), date(2020, 8, 10)}
    if year == 2021:
        return {date(2021, 7, 22), date(2021, 7, 23), date(2021, 8, 8)}
    days = {_nth_monday(year, 10, 2) if year >= 2000 else date(year, 10, 10)}
    if year >= 2003:
        days.add(_nth_monday(year, 7, 3))
    elif year >= 1996:
        days.add(date(year, 7, 20))
    if year >= 2016:
        days.add(date(year, 8, 11))
    return days


def _nth_monday(year: int, month: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_MONDAY - first.weekday()) % 7 + 7 * (which - 1))


def kinds(first: int, last: int) -> npt.NDArray[np.int8]:
    """What each day is from day number `first` to `last` (days since 1970-01-01): working day, weekend, holiday, or the rest from 29
    December to 3 January; the latter go before. Outside the years of the rules only the weekend and the year end are told."""
    numbers = np.arange(first, last + 1)
    days = numbers.astype("datetime64[D]")
    found = np.where((numbers + 3) % 7 >= 5, WEEKEND, WORKING).astype(np.int8)
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    for year in range(max(int(years[0]), FIRST_YEAR), min(int(years[-1]), LAST_YEAR) + 1):
        off = np.array([(day - EPOCH).days for day in sorted(of_year(year))]) - first
        found[off[(off >= 0) & (off < len(found))]] = HOLIDAY
    month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    of_month = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
    found[((month == 12) & (of_month >= 29)) | ((month == 1) & (of_month <= 3))] = YEAR_END
    return found
