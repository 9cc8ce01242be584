"""住所 (addresses): town areas that exist, with their postal codes, and how the three hospitals write a house number."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_KANJI_DIGITS = "〇一二三四五六七八九"
_FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")


@dataclass(frozen=True)
class Place:
    """A town area (町域) with its postal code; `chome` tells whether its houses are counted by 丁目-番-号 or by 番地."""

    postal_code: str
    prefecture: str
    city: str
    town: str
    chome: bool


@dataclass(frozen=True)
class Home:
    """Where a household lives: the town area, the numbers of the house and the flat."""

    place: Place
    numbers: tuple[int, ...]
    building: str = ""


def _places(prefecture: str, city: str, written: str) -> list[Place]:
    found = []
    for entry in written.split():
        code, town = entry[:7], entry[7:]
        found.append(Place(code, prefecture, city, town.rstrip("*"), not town.endswith("*")))
    return found


# an asterisk marks an area without 丁目
NEAR: tuple[Place, ...] = tuple(
    _places(
        "千葉県",
        "船橋市",
        "2730002東船橋 2730021海神 2730023南海神 2730025印内町* 2730027海神町西 2730038古作町* 2730042前貝塚町* 2730046上山町 "
        "2740062坪井町* 2740065高根台 2740067大穴南 2740068大穴北 2740805二和東 2740826中野木",
    )
    + _places("千葉県", "習志野市", "2750001東習志野 2750006泉町 2750012本大久保 2750015鷺沼台 2750026谷津")
    + _places("千葉県", "八千代市", "2760005島田* 2760024勝田* 2760034八千代台西 2760037高津東 2760041麦丸* 2760045大和田*")
    + _places("千葉県", "市川市", "2720021八幡 2720026東大和田 2720114塩焼 2720816本北方 2720831稲越")
    + _places("千葉県", "千葉市花見川区", "2620002内山町* 2620005こてはし台 2620024浪花町* 2620031武石町")
    + _places("千葉県", "鎌ケ谷市", "2730107新鎌ケ谷 2730121初富* 2730125初富本町")
)
FAR: tuple[Place, ...] = tuple(
    _places("千葉県", "松戸市", "2700015小金上総町* 2702205六高台西*")
    + _places("千葉県", "印西市", "2701327大森*")
    + _places("東京都", "江戸川区", "1320031松島 1330056南小岩")
    + _places("東京都", "葛飾区", "1250061亀有")
    + _places("茨城県", "取手市", "3020025西")
    + _places("埼玉県", "三郷市", "3410011采女")
    + _places("長野県", "松本市", "3997404取出*")
)
# 大口事業所個別番号: this code belongs to one organisation, so that the code alone says where a person works or lives
ONE_ORGANISATION = Place("2738504", "千葉県", "船橋市", "湊町", True)

_BUILDINGS = ("コーポ", "ハイツ", "メゾン", "レジデンス", "グリーンハイム")


def draw_home(chance: Random, far: float = 0.06) -> Home:
    """A home; a small share lives far away."""
    place = chance.choice(FAR if chance.random() < far else NEAR)
    numbers = (chance.randint(1, 6), chance.randint(1, 28), chance.randint(1, 24)) if place.chome else (chance.randint(1, 1480),)
    building = ""
    if chance.random() < 0.3:
        building = f"{chance.choice(_BUILDINGS)}{place.town[:2]}{chance.randint(1, 9)}0{chance.randint(1, 8)}号室"
    return Home(place, numbers, building)


def in_words(home: Home) -> str:
    """H001: 千葉県船橋市海神3丁目4番5号."""
    place, numbers = home.place, home.numbers
    house = f"{numbers[0]}丁目{numbers[1]}番{numbers[2]}号" if place.chome else f"{numbers[0]}番地"
    return f"{place.prefecture}{place.city}{place.town}{house}{'　' + home.building if home.building else ''}"


def in_kanji(home: Home) -> str:
    """H002: 千葉県船橋市海神三丁目４番５号; full-width throughout."""
    place, numbers = home.place, home.numbers
    house = f"{_KANJI_DIGITS[numbers[0]]}丁目{numbers[1]}番{numbers[2]}号" if place.chome else f"{numbers[0]}番地"
    return f"{place.prefecture}{place.city}{place.town}{house}{'　' + home.building if home.building else ''}".translate(_FULL_WIDTH)


def in_short(home: Home) -> str:
    """H003: 船橋市海神3-4-5; the prefecture is left out near the clinic."""
    place = home.place
    start = "" if place.prefecture == "千葉県" else place.prefecture
    return f"{start}{place.city}{place.town}{'-'.join(map(str, home.numbers))}{' ' + home.building if home.building else ''}"
