"""A small world of people and what five hospitals wrote down about them; the truth is known, the noise is named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import keys

# (kanji, reading, how other clerks write it)
_SURNAME_HEADS = [
    ("高", "タカ", "髙"), ("山", "ヤマ", "山"), ("渡", "ワタ", "渡"), ("斎", "サイ", "齋"), ("中", "ナカ", "中"), ("小", "オ", "小"),
    ("大", "オオ", "大"), ("石", "イシ", "石"), ("松", "マツ", "松"), ("西", "ニシ", "西"), ("浜", "ハマ", "濵"), ("宮", "ミヤ", "宮"),
    ("吉", "ヨシ", "𠮷"), ("沢", "サワ", "澤"), ("福", "フク", "福"), ("黒", "クロ", "黑"), ("藤", "フジ", "藤"), ("岩", "イワ", "岩"),
]  # fmt: skip
_SURNAME_TAILS = [
    ("橋", "ハシ", "橋"), ("崎", "サキ", "﨑"), ("田", "タ", "田"), ("辺", "ナベ", "邉"), ("藤", "トウ", "藤"), ("島", "シマ", "嶋"),
    ("野", "ノ", "野"), ("川", "カワ", "川"), ("本", "モト", "本"), ("沢", "ザワ", "澤"), ("村", "ムラ", "村"), ("瀬", "セ", "瀨"),
    ("原", "ハラ", "原"), ("井", "イ", "井"), ("塚", "ヅカ", "塚"), ("口", "グチ", "口"), ("森", "モリ", "森"), ("谷", "タニ", "谷"),
]  # fmt: skip
_GIVEN_HEADS = [
    ("健", "ケン"), ("裕", "ユウ"), ("美", "ミ"), ("翔", "ショウ"), ("恵", "ケイ"), ("陽", "ヨウ"), ("真", "マ"), ("結", "ユ"), ("直", "ナオ"),
    ("和", "カズ"), ("千", "チ"), ("智", "トモ"), ("康", "ヤス"), ("正", "マサ"), ("明", "アキ"), ("由", "ユ"), ("佳", "カ"), ("早", "サ"),
    ("菜", "ナ"), ("春", "ハル"), ("秀", "ヒデ"), ("弘", "ヒロ"), ("貴", "タカ"), ("信", "ノブ"), ("久", "ヒサ"), ("桃", "モモ"),
]  # fmt: skip
_MALE_TAILS = [("太", "タ"), ("一", "イチ"), ("也", "ヤ"), ("郎", "ロウ"), ("介", "スケ"), ("人", "ト"), ("平", "ヘイ"), ("樹", "キ"), ("志", "シ"), ("行", "ユキ"), ("雄", "オ"), ("則", "ノリ")]  # fmt: skip
_FEMALE_TAILS = [("子", "コ"), ("美", "ミ"), ("香", "カ"), ("奈", "ナ"), ("恵", "エ"), ("代", "ヨ"), ("織", "オリ"), ("乃", "ノ"), ("世", "セ"), ("帆", "ホ"), ("里", "リ"), ("江", "エ")]  # fmt: skip
_TOWNS = [
    ("2200012", "神奈川県", "横浜市西区", "みなとみらい"), ("2310023", "神奈川県", "横浜市中区", "山下町"), ("3300854", "埼玉県", "さいたま市大宮区", "桜木町"),
    ("3550328", "埼玉県", "比企郡小川町", "大塚"), ("2600013", "千葉県", "千葉市中央区", "中央"), ("1600023", "東京都", "新宿区", "西新宿"),
    ("1920081", "東京都", "八王子市", "横山町"), ("4600008", "愛知県", "名古屋市中区", "栄"), ("5300001", "大阪府", "大阪市北区", "梅田"),
    ("6048571", "京都府", "京都市中京区", "寺町"), ("8120011", "福岡県", "福岡市博多区", "博多駅前"), ("9800811", "宮城県", "仙台市青葉区", "一番町"),
]  # fmt: skip
_SMALL = str.maketrans("ァィゥェォッャュョ", "アイウエオツヤユヨ")
_KANJI_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")

Rows = list[dict[str, object]]


@dataclass
class Household:
    town: tuple[str, str, str, str]
    numbers: tuple[int, int, int]
    phone: str
    insurer: str
    symbol: str
    number: str


@dataclass
class Person:
    truth: int
    surname: tuple[str, str, str]
    given: tuple[str, str]
    born: date
    sex: str
    home: Household
    branch: str
    mobile: str | None
    local: dict[str, int] = field(default_factory=dict)


def _surname(chance: random.Random) -> tuple[str, str, str]:
    head = _SURNAME_HEADS[min(int(chance.expovariate(0.18)), len(_SURNAME_HEADS) - 1)]
    tail = chance.choice(_SURNAME_TAILS)
    return head[0] + tail[0], head[1] + tail[1], head[2] + tail[2]


def _given(chance: random.Random, sex: str) -> tuple[str, str]:
    head, tail = chance.choice(_GIVEN_HEADS), chance.choice(_MALE_TAILS if sex == "male" else _FEMALE_TAILS)
    return head[0] + tail[0], head[1] + tail[1]


def _home(chance: random.Random) -> Household:
    return Household(
        chance.choice(_TOWNS),
        (chance.randint(1, 6), chance.randint(1, 40), chance.randint(1, 30)),
        f"0{chance.randint(31, 99)}{chance.randint(1000000, 9999999)}",
        f"{chance.choice(('06', '01', '31'))}{chance.randint(100000, 100400)}",
        str(chance.randint(1, 900)).zfill(4),
        str(chance.randint(1, 99999)).zfill(6),
    )


def _population(chance: random.Random, persons: int) -> list[Person]:
    people: list[Person] = []
    while len(people) < persons:
        home, surname = _home(chance), _surname(chance)
        oldest = date(1945, 1, 1) + timedelta(days=chance.randint(0, 18_000))
        births = [oldest, oldest + timedelta(days=chance.randint(-1500, 1500))][: chance.randint(1, 2)]
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            child = oldest + timedelta(days=chance.randint(9000, 13000))
            births += [child, child] if chance.random() < 0.04 else [child]  # twins, far more than in life
        for place, born in enumerate(births):
            sex = ("male", "female")[place] if place < 2 and len(births) > 1 else chance.choice(("male", "female"))
            mobile = f"090{chance.randint(10000000, 99999999)}" if born.year < 2008 and chance.random() < 0.6 else None
            people.append(Person(len(people), surname, _given(chance, sex), born, sex, home, str(place).zfill(2), mobile))
    for _ in range(max(1, persons // 600)):  # namesakes: same name, sex and birth date, another life
        model = chance.choice(people)
        people.append(replace(model, truth=len(people), home=_home(chance), branch="00", mobile=None, local={}))
    return people


def _registration(chance: random.Random, person: Person, site: int, noise: float) -> dict[str, object]:
    """One hospital's way of writing (by `site`) plus accidents, each with its own small probability times `noise`."""
    home, surname = person.home, person.surname

    def happens(share: float) -> bool:
        return chance.random() < share * noise

    if happens(0.03):
        home = replace(_home(chance), insurer=home.insurer, symbol=home.symbol, number=home.number)  # moved
        if chance.random() < 0.5:
            home = _home(chance)
    if person.sex == "female" and happens(0.02):
        surname = _surname(chance)  # married
    kanji_surname = surname[2] if site % 2 else surname[0]
    gap = ("　", " ", "", "　", " ")[site % 5]
    kana_name = f"{surname[1]}{gap}{person.given[1]}"
    born = person.born
    if happens(0.008):
        born = date(born.year, born.month, min(28, born.day % 28 + 1))
    block, house, number = home.numbers
    street = (f"{block}-{house}-{number}", f"{block}丁目{house}番{number}号", f"{block}丁目{house}番地{number}".translate(_KANJI_DIGITS))[
        site % 3
    ]
    return {
        "name_kanji": None if happens(0.02) else f"{kanji_surname}{gap}{person.given[0]}" + ("様" if site == 4 else ""),
        "name_kana": None if happens(0.02) else (kana_name.translate(_SMALL) if site % 2 else kana_name),
        "birth_date": born,
        "sex": None if happens(0.01) else person.sex,
        "postal_code": None if happens(0.05) else home.town[0],
        "address": None if happens(0.08) else ("" if site == 2 else home.town[1]) + home.town[2] + home.town[3] + street,
        "phone": None if happens(0.1) else (person.mobile or home.phone),
        "insurer_number": None if happens(0.08) else (home.insurer.lstrip("0") if site == 3 else home.insurer),
        "insured_symbol": home.symbol.lstrip("0") if site == 3 else home.symbol,
        "insured_number": home.number.lstrip("0") if site == 3 else home.number,
        "insured_branch": None if happens(0.15) else person.branch,
    }


def world(seed: int, persons: int, noise: float = 1.0, sites: int = 5) -> tuple[pa.Table, dict[str, int]]:
    """Registrations in the shape `link` reads, and registration → person."""
    chance = random.Random(seed)
    rows: Rows = []
    truth: dict[str, int] = {}
    for person in _population(chance, persons):
        for site in chance.sample(range(sites), min(sites, chance.choice((1, 1, 2, 2, 3, 4)))):
            registration = f"S{site}/{len(rows):07d}"
            truth[registration] = person.truth
            rows.append(
                {
                    "registration": registration,
                    "site_id": f"S{site}",
                    "registered_on": date(2020, 1, 1),
                    **_registration(chance, person, site, noise),
                }
            )
    chance.shuffle(rows)
    return table(rows), truth


SCHEMA = pa.schema([(column, pa.date32() if column in ("registered_on", "birth_date") else pa.string()) for column in keys.COLUMNS])


def table(rows: Rows) -> pa.Table:
    """Rows with any of the columns; the others are null."""
    return pa.Table.from_pylist([{column: row.get(column) for column in keys.COLUMNS} for row in rows], schema=SCHEMA)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """As the operator's workshop: nothing outside can be reached, nothing can be reconfigured."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def make_world() -> Callable[..., tuple[pa.Table, dict[str, int]]]:
    return world


@pytest.fixture
def make_table() -> Callable[[Rows], pa.Table]:
    return table
