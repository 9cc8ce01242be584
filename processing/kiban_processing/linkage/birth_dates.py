"""生年月日 (birth dates): how they are written beyond the ordinary forms, and the days that a system writes when it knows none."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from kiban_processing.formats import dates

# What systems are known to fill in; days written far too often for their year are found in the data (`over_represented`).
FILLERS = (date(1900, 1, 1), date(1901, 1, 1), date(1868, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1970, 1, 1))
# A day is over-represented if it holds so many times the mean of its birth year's days, and at least so many registrations.
TIMES_THE_MEAN, AT_LEAST = 4, 20
# A day on so many registrations is no birth date at all.
WORN_FROM, WORN_SHARE = 200, 0.002

_REMARK = re.compile(r" *(?:生まれ|生|\([月火水木金土日]\)|[月火水木金土日]曜日?) *$")
_POINT_AFTER_ERA = re.compile(r"^([MTSHRmtshr]|明治|大正|昭和|平成|令和)[. ]+(?=[0-9元])")
_ERA_YEAR = re.compile(r"^(明治|大正|昭和|平成|令和|[明大昭平令MTSHRmtshr]|[1-5](?=[0-9]{6}$))(元|[0-9]{1,2})(.*)$")
_LETTERS = {**dict(zip(("明治", "大正", "昭和", "平成", "令和"), "MTSHR", strict=True)), **dict(zip("明大昭平令", "MTSHR", strict=True))}
_LETTERS |= dict(zip("12345", "MTSHR", strict=True)) | dict(zip("mtshr", "MTSHR", strict=True))


def read(text: str) -> date | None:
    """As `formats.dates.parse_date`; besides, 生 and the weekday after the date, and the last year of an era written beyond its end.

    The year of S64.2.1 or H31.5.3 is certain, and offices wrote both; so is that of H1.1.5. Nothing is guessed.

    >>> str(read("昭和60年4月3日生")), str(read("S.60.4.3")), str(read("S64.2.1")), str(read("H1.1.5"))
    ('1985-04-03', '1985-04-03', '1989-02-01', '1989-01-05')
    >>> read("60.4.3"), read("S65.1.1"), read("H31.2.30")
    (None, None, None)
    """
    found = dates.parse_date(text)
    if found is not None:
        return found
    plain = _POINT_AFTER_ERA.sub(r"\1", _REMARK.sub("", unicodedata.normalize("NFKC", text).strip()))
    found = dates.parse_date(plain)
    if found is not None:
        return found
    era_year = _ERA_YEAR.match(plain)
    if era_year is None:
        return None
    letter = _LETTERS.get(era_year.group(1), era_year.group(1))
    year = dates.FIRST_YEARS[letter] + (1 if era_year.group(2) == "元" else int(era_year.group(2))) - 1
    first, last = dates.ERAS[letter]
    if year not in (first.year, last.year) or letter == "M" and year == first.year:
        return None
    return dates.parse_date(f"{year:04d}{era_year.group(3)}")


def fillers(held: dict[date, int], registrations: int) -> dict[str, list[date]]:
    """`dob_default`: filler days, known ones and those of far too many names for their year (1 January of people whose day is not
    known); `dob`: days of so many names that they are no birth date at all.

    `held`: birth date → different names that have it; `registrations`: rows in all.

    >>> days = {date(1940, 1, day): 3 for day in range(1, 29)} | {date(1940, 1, 1): 60}
    >>> found = fillers(days, 1000)
    >>> found["dob"], [str(day) for day in found["dob_default"] if day in days]
    ([], ['1940-01-01'])
    """
    years: dict[int, int] = {}
    for day, count in held.items():
        years[day.year] = years.get(day.year, 0) + count
    ceiling = max(WORN_FROM, WORN_SHARE * registrations)
    usual = {year: max(1.0, count / 365) for year, count in years.items()}
    default = {day for day, count in held.items() if count >= AT_LEAST and count > TIMES_THE_MEAN * usual[day.year]}
    return {"dob": sorted(day for day, count in held.items() if count > ceiling), "dob_default": sorted(default.union(FILLERS))}
