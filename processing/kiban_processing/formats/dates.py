"""日付の読取り (dates): the Western and Japanese ways in which hospitals write one day, read without guessing.

What is refused rather than guessed: two-digit years without an era, impossible days, days outside their era, spreadsheet serial numbers.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_ERA = r"(?P<era>明治|大正|昭和|平成|令和|[明大昭平令MTSHRmtshr]) *"
_ERA_YEAR = r"(?P<year>[0-9]{1,2}|元)"
_TIME = r"(?:[ T](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern + _TIME)


_KANJI = r" *年 *(?P<month>[0-9]{1,2}) *月 *(?P<day>[0-9]{1,2}) *日"
_MARKED = r" *(?P<mark>[-/.]) *(?P<month>[0-9]{1,2}) *(?P=mark) *(?P<day>[0-9]{1,2})"
_COMPACT = r"(?P<month>[0-9]{2})(?P<day>[0-9]{2})"

FORMS: tuple[re.Pattern[str], ...] = (
    _form(r"(?P<year>[0-9]{4})" + _MARKED),  # 2024-04-01, 2024/4/1, 2024.4.1
    _form(r"(?P<year>[0-9]{4})" + _COMPACT),  # 20240401
    _form(r"(?P<year>[0-9]{4})" + _KANJI),  # 2024年4月1日
    _form(_ERA + _ERA_YEAR + _MARKED),  # R6.4.1, 令和6/4/1
    _form(_ERA + r"(?P<year>[0-9]{2})" + _COMPACT),  # R060401
    _form(_ERA + _ERA_YEAR + _KANJI),  # 令和元年5月1日
    _form(r"(?P<era>[1-5])(?P<year>[0-9]{2})" + _COMPACT),  # 5060401, the form of claims files
)

# First and last day of each era. The day of change belongs to both eras in 1912 and 1926 and to one in 1989 and 2019.
# Meiji starts with the solar calendar on 1 January of its sixth year: an earlier Meiji date is lunisolar and is not converted by counting.
ERAS: dict[str, tuple[date, date]] = {
    "M": (date(1873, 1, 1), date(1912, 7, 30)),
    "T": (date(1912, 7, 30), date(1926, 12, 25)),
    "S": (date(1926, 12, 25), date(1989, 1, 7)),
    "H": (date(1989, 1, 8), date(2019, 4, 30)),
    "R": (date(2019, 5, 1), date.max),
}
FIRST_YEARS: dict[str, int] = {"M": 1868, "T": 1912, "S": 1926, "H": 1989, "R": 2019}
_NAMES = {
    **{name: letter for letter in "MTSHR" for name in (letter, letter.lower())},
    **dict(zip(("明治", "大正", "昭和", "平成", "令和"), "MTSHR", strict=True)),
    **dict(zip("明大昭平令", "MTSHR", strict=True)),
    **dict(zip("12345", "MTSHR", strict=True)),
}


def parse_date(text: str) -> date | None:
    """The day a text names, or None where it names none without guessing.

    A time part is read, checked and left out; a zone is not applied, because the day written is the day in the hospital's record.
    Full-width characters, surrounding spaces and spreadsheet cells of the form `="..."` are read too.

    >>> [str(parse_date(text)) for text in ("2024-04-01", "2024/4/1", "20240401", "2024年4月1日", "2024-04-01 00:00:00")]
    ['2024-04-01', '2024-04-01', '2024-04-01', '2024-04-01', '2024-04-01']
    >>> [str(parse_date(text)) for text in ("R6.4.1", "令和6年4月1日", "5060401", "Ｒ６．４．１", '="R06/04/01"')]
    ['2024-04-01', '2024-04-01', '2024-04-01', '2024-04-01', '2024-04-01']
    >>> str(parse_date("S64.1.7")), parse_date("S64.1.8"), parse_date("H1.1.7"), str(parse_date("平成元年1月8日"))
    ('1989-01-07', None, None, '1989-01-08')
    >>> parse_date("2023-02-29"), parse_date("24.4.1"), parse_date("45383"), parse_date("令和元年")
    (None, None, None, None)
    """
    if len(text) == 10 and text[4] == text[7] == "-" and text.isascii():  # the form of nearly all dates, read in a tenth of the time
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1].strip()
    for form in FORMS:
        found = form.fullmatch(plain)
        if found is not None:
            return _day(found) if _is_time(found) else None
    return None


def _is_time(found: re.Match[str]) -> bool:
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    return hour < 24 and minute < 60 and second <= 60


def _day(found: re.Match[str]) -> date | None:
    parts = found.groupdict()
    year = 1 if parts["year"] == "元" else int(parts["year"])
    name = parts.get("era")
    if name is None:
        return _existing(year, int(parts["month"]), int(parts["day"]))
    if year == 0:
        return None
    era = _NAMES[name]
    first, last = ERAS[era]
    day = _existing(FIRST_YEARS[era] + year - 1, int(parts["month"]), int(parts["day"]))
    return day if day is not None and first <= day <= last else None


def _existing(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
