"""住所・電話・保険証 (whereabouts): addresses, telephones and insurance cards as the clerks write them: notations, mergers, relatives, old cards.

Each function gives one column or more of the registrations of a desk, in their order, and books what it spoils.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import other_mistakes as mistakes
from other_desk import Desk
from other_lives import ELDERLY, NATIONAL, WELFARE
from other_places import NEVER

Texts = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]


# -- address and telephone -----------------------------------------------------------------------------------------------------


def address(desk: Desk) -> tuple[Texts, Texts]:
    e, v, lives, places = desk.errors, desk.visits, desk.lives, desk.lives.places
    where = v["addr"].copy()
    at = e.hit(
        "address-old", np.interp(v["addr_years"], [0, 1, 3, 30], [0.28, 0.12, 0.05, 0.02]), (v["old_addr"] >= 0) & (v["old_addr"] != where)
    )
    where[at] = v["old_addr"][at]
    at = e.hit("address-kin", 0.12, (v["kin_addr"] >= 0) & (v["kin_addr"] != where) & (v["age"] < 27))
    where[at] = v["kin_addr"][at]
    town, building, room = lives.town[where], lives.building[where], lives.room[where]
    chome, ban, go = lives.chome[where].copy(), lives.ban[where].copy(), lives.go[where].copy()
    e.book("care-home", building >= len(places.buildings))
    at = e.hit("address-number", 0.008)
    ban[at] = np.maximum(1, ban[at] + desk.random.choice([-1, 1, 10, -9], len(at)))
    at = e.hit("address-number", 0.004, go > 0)
    go[at] = 0
    # Hospitals near a merger keep the old name a year longer; some patients and some masters for ever.
    lag = places.changed[town] + desk.random.exponential(200, desk.count).astype(np.int64)
    before = (places.changed[town] > NEVER) & (v["day"] < lag)
    late = e.hit("city-old-name", 0.03, (places.changed[town] > NEVER) & ~before)
    overdue = before & (v["day"] >= places.changed[town])
    e.book("before-merger", before & ~overdue)
    e.book("city-old-name", overdue)
    before[late] = True
    city = np.where(before, places.city_before[town], places.city[town])
    quarter = np.where(before, places.town_before[town], places.town[town])
    rural = ~places.chome[town] & (town % 3 == 0) & (desk.random.random(desk.count) < 0.4)
    quarter = np.where(rural, "大字", "") + quarter
    e.edit(quarter, "address-ke", 0.2, mistakes.other_ke)
    e.edit(quarter, "address-typo", 0.004, mistakes.typed_address)
    out = np.where(desk.ways["prefecture"] == 0, places.prefecture[town], "") + city + quarter + _numbered(desk, chome, ban, go)
    out = out + _housed(desk, building, room)
    at = e.hit("address-cut", 0.008)
    out[at] = city[at] + quarter[at]
    out[e.hit("no-address", 0.02)] = ""
    return _postal(desk, town), out


def _numbered(desk: Desk, chome: Ints, ban: Ints, go: Ints) -> Texts:
    """三丁目4番5号, 3-4-5, ３丁目４－５, 3丁目4番地5, ３－４－５, 3の4の5; for a few all in kanji."""
    digits = np.array([str(k) for k in range(3_000)], dtype=object)
    wide = np.array([str(k).translate(mistakes.FULL_DIGITS) for k in range(3_000)], dtype=object)
    kanji = np.array([mistakes.in_kanji(k) for k in range(3_000)], dtype=object)
    out = np.empty(desk.count, dtype=object)
    way = desk.ways["address"].copy()
    way[desk.errors.hit("address-kanji-number", 0.012)] = 6
    signs = [
        ("丁目", "番", "号"),
        ("-", "-", ""),
        ("丁目", "－", ""),
        ("丁目", "番地", ""),
        ("－", "－", ""),
        ("の", "の", ""),
        ("丁目", "番地", ""),
    ]
    tables = [(kanji, digits), (digits, digits), (wide, wide), (digits, digits), (wide, wide), (digits, digits), (kanji, kanji)]
    for k, ((of_chome, of_ban, of_go), (first, rest)) in enumerate(zip(signs, tables, strict=True)):
        at = np.flatnonzero(way == k)
        c, b, g = chome[at], np.minimum(ban[at], 2_999), go[at]
        head = np.where(c > 0, first[c] + of_chome, "")
        end = "番地" if k in (0, 3, 6) else ""
        tail = np.where(g > 0, np.where((c == 0) & (k in (0, 3, 6)), "番地", of_ban) + rest[g] + np.where(c > 0, of_go, ""), end)
        out[at] = head + rest[b] + tail
    return out


def _housed(desk: Desk, building: Ints, room: Ints) -> Texts:
    """Building and room, where the house has one and the clerk has time."""
    names = np.concatenate([desk.lives.places.buildings, desk.lives.places.care, np.array([""], dtype=object)])
    omitted = (desk.ways["building"] == 1) & (building >= 0)
    omitted[desk.errors.hit("no-building", 0.06, building >= 0)] = True
    desk.errors.book("no-building", omitted)
    numbers = np.array([""] + [str(k) for k in range(1, 1_300)], dtype=object)
    way = desk.random.integers(0, 4, desk.count)
    end = np.array(["号室", "", "", "号"], dtype=object)[way]
    mark = np.array(["", "-", "　", ""], dtype=object)[way]
    housed = "　" + names[building] + np.where(room > 0, mark + numbers[np.maximum(room, 0)] + end, "")
    only_room = np.where(room > 0, "-" + numbers[np.maximum(room, 0)], "")
    out = np.where(building >= 0, np.where(omitted, "", housed), "")
    short = (building >= 0) & omitted & (desk.visits["site"] % 2 == 0)
    return np.asarray(np.where(short, only_room, out))


def _postal(desk: Desk, town: Ints) -> Texts:
    e, code = desk.errors, desk.lives.places.postal[town].copy()
    e.edit(code, "postal-wrong", 0.006, mistakes.keypad)
    hyphen = desk.ways["postal"] != 1
    at = np.flatnonzero(hyphen)
    code[at] = [f"{c[:3]}-{c[3:]}" for c in code[at]]
    at = np.flatnonzero(desk.ways["postal"] == 2)
    code[at] = "〒" + code[at]
    code[e.hit("no-postal", 0.04)] = ""
    return code


def phone(desk: Desk) -> Texts:
    e, v, random = desk.errors, desk.visits, desk.random
    wants_mobile = random.random(desk.count) < np.interp(desk.year, [1998, 2005, 2015, 2025], [0.2, 0.4, 0.65, 0.8])
    number = np.where((wants_mobile | (v["land"] < 0)) & (v["mobile"] >= 0), v["mobile"], v["land"])
    child = (
        (v["age"] < 16) & (v["kin_mobile"] >= 0) & (random.random(desk.count) < np.interp(desk.year, [1998, 2010, 2025], [0.2, 0.6, 0.85]))
    )
    number = np.where(child, v["kin_mobile"], number)
    e.book("phone-kin", child)
    kin = np.where(v["kin_land"] >= 0, v["kin_land"], v["kin_mobile"])
    at = e.hit("phone-kin", np.where(v["age"] >= 80, 0.2, 0.04), kin >= 0)
    number[at] = kin[at]
    spoken = _spelt(desk, number)
    e.edit(spoken, "phone-digit", 0.007, mistakes.keypad)
    at = e.hit("phone-two", 0.012, (v["mobile"] >= 0) & (v["land"] >= 0))
    both = _spelt(desk, v["mobile"])
    spoken[at] = spoken[at] + "/" + both[at]
    e.edit(spoken, "phone-no-area", 0.012, lambda text, _: text.split("-", 1)[1] if text.count("-") == 2 else text, number < 1_000_000_000)
    at = e.hit("phone-filler", 0.004)
    spoken[at] = np.array(["000-0000-0000", "999-9999-9999", "なし", "0"], dtype=object)[random.integers(0, 4, len(at))]
    e.edit(spoken, "zero-dropped", 0.004, lambda text, _: text[1:] if text[:1] == "0" else text, desk.ways["phone"] == 1)
    spoken[e.hit("no-phone", 0.07)] = ""
    return spoken


def _spelt(desk: Desk, number: Ints) -> Texts:
    def spell(value: int, way: int) -> str:
        if value < 0:
            return ""
        text = f"0{value}" if value >= 1_000_000_000 else f"0{value:09d}"
        area = 3
        parts = text[:area], text[area:-4], text[-4:]
        return "-".join(parts) if way == 0 else text if way == 1 else f"{parts[0]}({parts[1]}){parts[2]}"

    return np.array([spell(n, w) for n, w in zip(number.tolist(), desk.ways["phone"].tolist(), strict=True)], dtype=object)


# -- insurance -----------------------------------------------------------------------------------------------------------------


def insurance(desk: Desk) -> tuple[Texts, Texts, Texts, Texts]:
    e, v, lives = desk.errors, desk.visits, desk.lives
    unit = v["unit"].copy()
    old = e.hit("card-old", np.interp(v["unit_years"], [0, 1, 3], [0.16, 0.05, 0.005]), (v["old_unit"] >= 0) & (v["old_unit"] != unit))
    unit[old] = v["old_unit"][old]
    kind, key = lives.kind(unit), lives.unit_key[unit]
    insurers, symbols = _cards(desk)
    insurer, symbol = insurers[key], symbols[key]
    number = np.array([f"{n:08d}" if k == ELDERLY else f"{n:07d}" if k in (NATIONAL, WELFARE) else str(n) for n, k in zip(lives.unit_number[unit].tolist(), kind.tolist(), strict=True)], dtype=object)  # fmt: skip
    branch = np.array([f"{b:02d}" for b in range(60)], dtype=object)[np.clip(v["branch"], 0, 59)]
    branch[(v["branch"] < 0) | (desk.year < 2021) | (kind == ELDERLY)] = ""
    branch[old] = ""
    due = branch != ""
    lost = due & (desk.ways["branch"] == 1)
    lost[e.hit("no-branch", 0.06, due)] = True
    e.book("no-branch", lost)
    branch[lost] = ""
    at = e.hit("welfare", 0.012, (kind == NATIONAL) & (v["age"] > 30))
    place = lives.places.region[lives.places.municipality[lives.town[v["addr"][at]]]]
    insurer[at] = np.array([f"12{c:02d}0015" for c in lives.places.code], dtype=object)[place]
    symbol[at], branch[at] = "", ""
    number[at] = [f"{p % 9_973 * 7 + 3:07d}" for p in v["person"][at]]
    e.edit(number, "insurance-digit", 0.008, mistakes.keypad)
    e.edit(insurer, "insurer-digit", 0.003, mistakes.keypad)
    symbol[e.hit("no-symbol", 0.012, symbol != "")] = ""
    padded = (desk.ways["insurer"] == 2) & (kind == NATIONAL)
    insurer[padded] = "00" + insurer[padded]
    e.habit(insurer, "zero-dropped", lambda text, _: text.lstrip("0"), desk.ways["insurer"] == 1)
    joined = (desk.ways["card"] == 1) & (symbol != "")
    e.book("joined-symbol", joined)
    sign = np.array(["-", "・", " ", "－"], dtype=object)[v["site"] % 4]
    number[joined], symbol[joined] = (symbol + sign + number)[joined], ""
    for column in (symbol, number):
        at = np.flatnonzero(desk.ways["card"] == 2)
        column[at] = [text.translate(mistakes.FULL_DIGITS) for text in column[at]]
    none = e.hit("no-insurance", np.where(v["newborn"] == 1, 0.55, 0.11))
    for column in (insurer, symbol, number, branch):
        column[none] = ""
    return insurer, symbol, number, branch


def _cards(desk: Desk) -> tuple[Texts, Texts]:
    """Insurer and symbol (記号) by key of the insurance number: of employers, municipalities, regions' elderly."""
    lives, places = desk.lives, desk.lives.places
    insurers, symbols = np.full(lives.keys, "", dtype=object), np.full(lives.keys, "", dtype=object)
    size = lives.employers // places.regions
    for k in range(lives.employers):
        code = places.code[min(k // size, places.regions - 1)]
        if k % 5 < 3:  # the association's (協会けんぽ): one insurer a prefecture, the symbol tells the employer
            insurers[k], symbols[k] = f"01{code:02d}001{code % 10}", f"{code:02d}{k * 7 % 1_000_000:06d}"
        elif k % 5 == 3:
            insurers[k], symbols[k] = f"06{code:02d}{k % 9_973:04d}", str(k % 90 + 1)
        else:
            insurers[k], symbols[k] = (
                f"3{k % 4 + 1}{code:02d}{k % 997 + 1000:04d}",
                ("公", "学地", "ケ-" + str(k % 30), "東" + str(k % 9))[k % 4],
            )
    first = {int(n): i for i, n in reversed(list(enumerate(lives.insurer_of)))}
    for n, i in first.items():
        code, city = places.code[places.region[i]], str(places.city[places.first[i]])
        insurers[lives.employers + n] = f"{code:02d}{n % 900 + 11:03d}{(code + n) % 10}"
        symbols[lives.employers + n] = (city.split("郡")[-1][0] + "国", f"{code}-{n % 50}", "", city.split("郡")[-1][:2])[n % 4]
    for r in range(places.regions):
        insurers[lives.employers + lives.nationals + r] = f"39{places.code[r]:02d}000{places.code[r] % 10}"
    return insurers, symbols
