"""住所と電話の記載 (written addresses and telephones): postal code, address and telephone of a registration as the desk wrote them."""

from __future__ import annotations

from functools import cache

import numpy as np
from data_examples.linkage_world import places, scripts
from data_examples.linkage_world.desk import Desk, Texts, figures, mapped, scattered, texts
from data_examples.linkage_world.histories import BEGIN, YEAR, Bools, Ints
from data_examples.linkage_world.lives import World

_STEMS = ("コーポ", "メゾン", "ハイツ", "グリーンハイム", "サンライズ", "パークサイド", "第二", "レジデンス")
_TAILS = ("桜", "若葉", "みどり", "本町", "山田", "さくら", "Ａ", "中央")
_FILLERS = ("000-0000-0000", "0000000000", "999-9999-9999", "000-000-0000")
_MOBILES = 100_000_000


def write(world: World, desk: Desk) -> tuple[Texts, Texts, Texts, Ints]:
    """postal_code, address, phone, and the dwelling lived in (which is not always the one written)."""
    unit = world.homes.unit.at(desk.person, desk.day)
    dwelling = world.homes.home.at(unit, desk.day)
    earlier = desk.day - (desk.chance.exponential(4, len(desk)) * YEAR).astype(np.int64)
    before = world.homes.home.at(world.homes.unit.at(desk.person, earlier), earlier)
    written = np.where(desk.err("old_address", before != dwelling), before, dwelling)
    town = world.homes.town[written]
    postal = _columns(world.regions)[0][town]
    if desk.habit.phone != "plain":
        postal = mapped(postal, lambda code: f"{code[:3]}-{code[3:]}")
    return postal, _addresses(world, desk, written, town), _phones(world, desk, dwelling), dwelling


@cache
def _columns(regions: int) -> tuple[Texts, Texts, Texts, Texts, Texts]:
    atlas = places.atlas(regions)
    return texts(atlas.postal), texts(atlas.prefecture), texts(atlas.city_name), texts(atlas.town), texts(atlas.former_name)


def _addresses(world: World, desk: Desk, dwelling: Ints, town: Ints) -> Texts:
    atlas, habit, chance = places.atlas(world.regions), desk.habit, desk.chance
    _, prefectures, cities, towns, formers = _columns(world.regions)
    numbers = _house_numbers(desk, dwelling, atlas.chome[town])
    block = (scattered(dwelling, 13) % 100 < 45) & (chance.random(len(desk)) < habit.building)
    numbers = numbers + np.where(block, (" " if habit.address == "hyphen" else "　") + _buildings(desk, dwelling), "")
    numbers = np.where(desk.err("address_cut"), "", numbers)
    has_former = formers[town] != ""
    over = desk.day >= atlas.former_until[town]
    old = desk.err("former_city", has_former & over) | (has_former & ~over)
    desk.tags["before_merger"] = old
    city = np.where(old, formers[town], cities[town])
    prefecture = np.where(chance.random(len(desk)) < (0.97 if habit.prefecture else 0.03), prefectures[town], "")
    return np.asarray(prefecture + city + np.where(~atlas.chome[town] & habit.oaza, "大字", "") + towns[town] + numbers, object)


def _house_numbers(desk: Desk, dwelling: Ints, chome: Bools) -> Texts:
    fixed, style = scattered(dwelling, 11), desk.habit.address
    first, second, third = 1 + fixed % 6, 1 + fixed // 8 % 45, 1 + fixed // 512 % 30
    plot, sub = 1 + fixed // 32 % 2900, fixed // 131_072 % 12
    slip = desk.err("house_typo")
    third, plot = np.where(slip, 1 + (third + 9) % 30, third), np.where(slip, plot + 10, plot)
    digits = figures(np.arange(3000))
    if style in ("kanji", "chome"):
        chomes = texts(["", *map(scripts.kanji_number, range(1, 10))]) if style == "kanji" else digits
        streets = chomes[first] + "丁目" + digits[second] + "番" + digits[third] + "号"
        return np.where(chome, streets, digits[plot] + np.where(sub > 0, "番地" + digits[sub], "番地"))
    numbers = np.where(
        chome, digits[first] + "-" + digits[second] + "-" + digits[third], digits[plot] + np.where(sub > 0, "-" + digits[sub], "")
    )
    return mapped(numbers, scripts.full_width) if style == "full" else numbers


def _buildings(desk: Desk, dwelling: Ints) -> Texts:
    code = scattered(dwelling, 17)
    room = figures(np.arange(1000))[100 * (1 + code // 64 % 9) + 1 + code // 1024 % 8]
    ending = {"hyphen": "", "kanji": "号室", "full": "", "chome": ""}[desk.habit.address]
    return np.asarray(texts(list(_STEMS))[code % 8] + texts(list(_TAILS))[code // 8 % 8] + room + ending)


def _phones(world: World, desk: Desk, dwelling: Ints) -> Texts:
    """A mobile or a landline by the hospital's and the person's habit; children under their mother's, people in nursing homes under the home's."""
    habit, chance, person, day = desk.habit, desk.chance, desk.person, desk.day
    age = (day - world.families.birth[person]) / YEAR
    mother = world.families.mother[person]
    parents = np.where(mother >= 0, world.mobile.at(np.maximum(mother, 0), day), -1)
    borrowed = desk.err("phone_parent", (parents >= 0) & (age >= 17))
    mobile = np.where((age < 17) | borrowed, parents, world.mobile.at(person, day))
    mobile = np.where(day < BEGIN + 500, -1, mobile)
    line = world.homes.landline[dwelling]
    # most give the same kind of number everywhere; the rest follows what the form asks for first
    wish = np.where(chance.random(len(desk)) < 0.15, habit.mobile_first, scattered(person, 19) % 100 < 80)
    use_mobile = (mobile >= 0) & (wish | (line < 0)) & ~world.homes.institution[dwelling]
    slip = desk.err("phone_typo", use_mobile | (line >= 0))
    step = np.where(slip, 10 ** chance.integers(0, 6, len(desk)), 0)
    mobile = (mobile + step) % (3 * _MOBILES)
    codes = texts([*(code for _, _, code, _ in places.REGIONS), "026"])
    head = np.where(use_mobile, texts(["090", "080", "070"])[mobile // _MOBILES], codes[np.where(line >= 0, line // 10_000_000, -1)])
    number = np.where(use_mobile, mobile % _MOBILES, np.maximum(line + step, 0) % 10_000_000)
    middle = np.where(use_mobile, figures(number // 10_000, 4), figures(number // 10_000 % 1_000, 3))
    end = figures(number % 10_000, 4)
    first, second = {"hyphen": ("-", "-"), "plain": ("", ""), "bracket": ("(", ")"), "full": ("-", "-")}[habit.phone]
    phone = np.where(use_mobile | (line >= 0), head + first + middle + second + end, "")
    if habit.phone == "full":
        phone = mapped(phone, scripts.full_width)
    phone[np.flatnonzero(desk.err("phone_filler"))] = _FILLERS[int(habit.site_id[1:]) % len(_FILLERS)]
    return np.asarray(phone, object)
