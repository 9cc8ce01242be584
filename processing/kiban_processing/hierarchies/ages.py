"""年齢の階層 (ages): sex, birth year and age band up to `*`; 90 and over stand together at every level (Reg 18(iv))."""

from __future__ import annotations

from datetime import date

from kiban_processing.catalogue.registration import SEXES
from kiban_processing.hierarchies.hierarchy import Hierarchy, build

OLD = 90  # PPC guideline on anonymisation: a peculiarly high age is replaced by "90 or over"
_VERSION = "1"
_BAND = 5


def sex() -> Hierarchy:
    """性別: as registered, then `*`."""
    return build("sex", _VERSION, [(value, "*") for value in SEXES])


def oldest_year(reference: date) -> int:
    """The last birth year of those who are 90 or over on the reference date or become so in its year."""
    return reference.year - OLD


def newest_year(reference: date) -> int:
    """The last plausible birth year: a shifted birth may fall in the year after the reference date."""
    return reference.year + 1


def birth_year_label(born: date | None, reference: date) -> str | None:
    """The year of a (shifted) birth date; 90 and over together; None where unknown or after `newest_year`.

    Whole years are pooled, so that some who are still 89 stand with the 90-year-olds and no year is split.

    >>> birth_year_label(date(1921, 5, 1), date(2025, 3, 31)), birth_year_label(date(1980, 1, 1), date(2025, 3, 31))
    ('<=1935', '1980')
    """
    if born is None or born.year > newest_year(reference):
        return None
    edge = oldest_year(reference)
    return f"<={edge}" if born.year <= edge else str(born.year)


def birth_year(reference: date) -> Hierarchy:
    """生年: year, 5 years, 10 years, `*`; a band that the pooled years cut is named by what is left of it."""
    edge = oldest_year(reference)
    pooled = f"<={edge}"
    rows = [(pooled, pooled, pooled, "*")]
    for year in range(edge + 1, newest_year(reference) + 1):
        five, ten = year - year % 5, year - year % 10
        rows.append((str(year), f"{max(five, edge + 1)}-{five + 4}", f"{max(ten, edge + 1)}-{ten + 9}", "*"))
    return build("birth_year", _VERSION, rows)


def age(born: date, reference: date) -> int:
    """Completed years on the reference date; 0 for those born after it.

    >>> age(date(1935, 4, 1), date(2025, 3, 31)), age(date(1935, 3, 31), date(2025, 3, 31))
    (89, 90)
    """
    years = reference.year - born.year - ((reference.month, reference.day) < (born.month, born.day))
    return max(years, 0)


def age_band_label(born: date | None, reference: date) -> str | None:
    """The five-year band of the age on the reference date; 90 and over together.

    >>> age_band_label(date(1980, 1, 1), date(2025, 3, 31))
    '45-49'
    """
    if born is None:
        return None
    years = age(born, reference)
    low = years - years % _BAND
    return f"{OLD}+" if years >= OLD else f"{low}-{low + _BAND - 1}"


def age_band() -> Hierarchy:
    """年齢階級: 5 years, 10 years, 30 years, `*`."""
    rows = [(f"{OLD}+",) * 3 + ("*",)]
    for low in range(0, OLD, _BAND):
        ten, thirty = low - low % 10, low - low % 30
        rows.append((f"{low}-{low + 4}", f"{ten}-{ten + 9}", f"{thirty}-{thirty + 29}", "*"))
    return build("age_band", _VERSION, rows)
