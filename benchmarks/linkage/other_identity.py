"""氏名と生年月日 (identity): names, births and sexes as the clerks write them: maiden names, shapes, readings, newborns, eras.

Each function gives one column or two of the registrations of a desk, in their order, and books what it spoils.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import other_foreigners
import other_mistakes as mistakes
from other_desk import Desk
from other_lives import day_of
from other_places import NEVER

Texts = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]
GAPS = np.array(["　", " ", ""], dtype=object)
ERAS = (("明治", "M", 1, 1868, NEVER), ("大正", "T", 2, 1912, day_of(1912, 7, 30)), ("昭和", "S", 3, 1926, day_of(1926, 12, 25)), ("平成", "H", 4, 1989, day_of(1989, 1, 8)), ("令和", "R", 5, 2019, day_of(2019, 5, 1)))  # fmt: skip
NEWBORN = ("ベビー", "ﾍﾞﾋﾞｰ", "の子", "児", "BABY", "　ベビー", "ベビ", "新生児")


# -- names ---------------------------------------------------------------------------------------------------------------------


def names(desk: Desk) -> tuple[Texts, Texts]:
    e, v, lives = desk.errors, desk.visits, desk.lives
    unnamed = (v["newborn"] == 1) & ~desk.foreign & (desk.random.random(desk.count) < 0.62)
    native = ~desk.foreign & ~unnamed
    family, first = v["sur"].copy(), lives.given[v["person"]].copy()
    first[first < 0] = 0
    e.book("renamed", native & (family != _first_surname(desk)))
    e.book("second-card", v["second"] == 1)
    changed = native & (v["old_sur"] != family) & (v["old_sur"] >= 0)
    kept = e.hit("former-name-kept", np.interp(v["sur_years"], [0, 1, 3, 30], [0.2, 0.1, 0.03, 0.015]), changed)
    family[kept] = v["old_sur"][kept]
    changed[kept] = False
    sounds = family.copy(), first.copy()
    surnames, given = lives.surnames, lives.names
    at = e.hit("shape-changed", 0.03, native & ((surnames.shaped[family] != family) | (surnames.plain[family] != family)))
    family[at] = np.where(surnames.plain[family[at]] != family[at], surnames.plain[family[at]], surnames.shaped[family[at]])
    at = e.hit("shape-changed", 0.015, native & ((given.shaped[first] != first) | (given.plain[first] != first)))
    first[at] = np.where(given.plain[first[at]] != first[at], given.plain[first[at]], given.shaped[first[at]])
    at = e.hit("conversion", 0.0065, native & (given.homophones[first] != first))
    first[at] = given.homophones[first[at]]
    at = e.hit("conversion", 0.0025, native & (surnames.homophones[family] != family))
    family[at] = surnames.homophones[family[at]]
    plain = native & (desk.ways["shape"] == 1) & ((surnames.plain[family] != family) | (given.plain[first] != first))
    family[plain], first[plain] = surnames.plain[family[plain]], given.plain[first[plain]]
    e.book("shape-plain", plain)
    at = e.hit("misread", 0.012, native & (given.misread[sounds[1]] != sounds[1]))
    sounds[1][at] = given.misread[sounds[1][at]]
    at = e.hit("misread", 0.01, native & (surnames.misread[sounds[0]] != sounds[0]))
    sounds[0][at] = surnames.misread[sounds[0][at]]
    writing = [surnames.writing[family], given.writing[first]]
    reading = [surnames.reading[sounds[0]], given.reading[sounds[1]]]
    for part, rate in ((0, 0.004), (1, 0.0025)):
        e.edit(reading[part], "voicing", rate, mistakes.voicing, native)
        e.edit(reading[part], "kana-typo", 0.003, mistakes.kana_typo, native)
        e.edit(reading[part], "long-vowel", 0.012, mistakes.long_vowel, native)
        e.edit(reading[part], "zu-du", 0.06, mistakes.zu_du, native)
        e.edit(writing[part], "variation-selector", 0.0015, mistakes.selector, native)
    e.habit(writing[0], "gaiji", mistakes.gaiji, native & (desk.ways["shape"] == 2) & (surnames.plain[family] != family))
    e.habit(writing[1], "gaiji", mistakes.gaiji, native & (desk.ways["shape"] == 2) & (given.plain[first] != first))
    at = e.hit("former-name-in-brackets", 0.06, changed)
    writing[0][at] = writing[0][at] + "（" + surnames.writing[v["old_sur"][at]] + "）"
    gap = GAPS[desk.ways["gap"]]
    e.book("no-space", native & (desk.ways["gap"] == 2))
    name, kana = writing[0] + gap + writing[1], reading[0] + gap + reading[1]
    at = e.hit("surname-only", 0.0006, native)
    name[at], kana[at] = writing[0][at], reading[0][at]
    at = e.hit("order-swapped", 0.0025, native)
    name[at], kana[at] = writing[1][at] + gap[at] + writing[0][at], reading[1][at] + gap[at] + reading[0][at]
    _foreign_names(desk, name, kana, gap)
    _newborns(desk, name, kana, np.flatnonzero(unnamed))
    return _finished(desk, name, kana)


def _first_surname(desk: Desk) -> Ints:
    """The surname each person bore at their first registration."""
    v = desk.visits
    order = np.lexsort((v["day"], v["person"]))
    person = v["person"][order]
    first = np.maximum.accumulate(np.where(np.r_[True, person[1:] != person[:-1]], np.arange(desk.count), 0))
    out = np.empty(desk.count, dtype=np.int64)
    out[order] = v["sur"][order][first]
    return out


def _foreign_names(desk: Desk, name: Texts, kana: Texts, gap: Texts) -> None:
    """As on the residence card, or as somebody heard it; capital letters, now and then small ones."""
    at = np.flatnonzero(desk.foreign)
    lives, person = desk.lives, desk.visits["person"][at]
    share = np.minimum(0.09 * desk.errors.noise, 0.17)
    way = np.searchsorted(np.cumsum([share, share, share, 2.5 * share, share / 2]), desk.random.random(len(at)))
    way = np.where(way == 5, 0, way + 1)
    second = desk.random.random(len(at)) < min(0.25 * desk.errors.noise, 0.5)
    small = desk.random.random(len(at)) < 0.1
    booked: dict[str, list[int]] = {}
    for k, i in enumerate(at):
        p = person[k]
        alias = (
            f"{lives.surnames.writing[lives.sur[p]]} {lives.names.writing[lives.given[p]]}",
            f"{lives.surnames.reading[lives.sur[p]]} {lives.names.reading[lives.given[p]]}",
        )
        written, read, tag = other_foreigners.written(int(lives.foreign[p]), int(desk.sex[i]), alias, int(way[k]), bool(second[k]))
        name[i] = (written.title() if small[k] else written).replace(" ", gap[i] or ("　" if written.isascii() else ""))
        kana[i] = read.replace(" ", gap[i])
        if tag:
            booked.setdefault(tag, []).append(int(i))
        if second[k] and tag != "alias":
            booked.setdefault("other-reading", []).append(int(i))
    for tag, where in booked.items():
        desk.errors.book(tag, np.array(where))


def _newborns(desk: Desk, name: Texts, kana: Texts, at: Ints) -> None:
    """Before it has a name, a child goes by its mother's (母の名+ベビー); twins by a number or a letter."""
    v, lives = desk.visits, desk.lives
    desk.errors.book("newborn-name", at)
    house_way = desk.random.integers(0, len(NEWBORN), int(v["site"].max()) + 1 if desk.count else 1)
    for i in at:
        mother, p = v["mother"][i], v["person"][i]
        family, given = lives.surnames, lives.names
        word = NEWBORN[house_way[v["site"][i]]]
        twin = lives.twin[p]
        mark = "" if twin < 0 else ("第一子", "第二子") if word in ("の子", "児") else ("Ａ", "Ｂ")
        suffix = word + (mark[int(p > twin)] if mark else "")
        gap = GAPS[desk.ways["gap"][i]]
        name[i] = f"{family.writing[v['mother_sur'][i]]}{gap}{given.writing[lives.given[mother]]}{suffix}"
        spoken = "ノコ" if word == "の子" else "ジ" if word == "児" else "ベビー"
        kana[i] = f"{family.reading[v['mother_sur'][i]]}{gap}{given.reading[lives.given[mother]]}{spoken}"


def _finished(desk: Desk, name: Texts, kana: Texts) -> tuple[Texts, Texts]:
    e, ways = desk.errors, desk.ways
    e.habit(kana, "big-kana", lambda text, _: text.translate(mistakes.BIG), ways["big"] == 0)
    e.edit(name, "title", 0.0013, lambda text, draw: text + ("様" if draw < 0.6 else "　殿" if draw < 0.8 else "さん"))
    e.habit(name, "cut-at-10", lambda text, _: text[:10], ways["short"] == 0)
    at = e.hit("no-kanji", 0.009)
    name[at] = kana[at]
    at = e.hit("fields-swapped", 0.0015)
    name[at], kana[at] = kana[at], name[at]
    half, hiragana = ways["reading"] == 1, ways["reading"] == 2
    e.book("half-width", half)
    e.book("hiragana", hiragana)
    for where, table in ((half, mistakes.HALF), (hiragana, mistakes.HIRAGANA)):
        at = np.flatnonzero(where)
        kana[at] = [text.translate(table) for text in kana[at]]
    kana[e.hit("no-kana", 0.012)] = ""
    return name, kana


# -- birth and sex -------------------------------------------------------------------------------------------------------------


def birth(desk: Desk) -> Texts:
    e, random = desk.errors, desk.random
    born = desk.lives.birth[desk.visits["person"]].astype("datetime64[D]")
    months = born.astype("datetime64[M]")
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    month, day = months.astype(np.int64) % 12 + 1, (born - months).astype(np.int64) + 1
    grown = desk.visits["age"] >= 2
    at = e.hit("birth-digit", 0.003)
    day[at] = np.clip(day[at] + random.choice([-3, -1, 1, 3, 10, -10], len(at)), 1, 28)
    at = e.hit("birth-transposed", 0.0012, day > 10)
    day[at] = np.clip(day[at] % 10 * 10 + day[at] // 10, 1, 28)
    at = e.hit("birth-year-off", 0.0028, grown)
    year[at] += random.choice([-1, 1, -1, 1, -10, 10, -2], len(at))
    at = e.hit("birth-era", 0.001, (year >= 1926) & (year <= 1962))
    year[at] += 63
    at = e.hit("birth-month-day", 0.0008, (day <= 12) & (day != month))
    month[at], day[at] = day[at], month[at]
    at = e.hit("birth-default", np.where(desk.foreign, 0.06, 0.0012))
    month[at], day[at] = 1, 1
    year = np.minimum(year, desk.year)
    out = _dated(desk, year, month, day)
    out[e.hit("no-birth", 0.0025)] = ""
    return out


def _dated(desk: Desk, year: Ints, month: Ints, day: Ints) -> Texts:
    number = (
        ((year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)).astype("datetime64[D]").astype(np.int64) + day - 1
    )
    era = np.searchsorted([start for *_, start in ERAS[1:]], number, "right")
    # Who was born just after an emperor's death, or where a system was late, is written by the old era: 昭和64年, 平成31年.
    late = desk.errors.hit(
        "era-lag", 0.12, (era > 0) & (year == np.array([first for _, _, _, first, _ in ERAS])[era]) & (desk.ways["birth"] >= 3)
    )
    era[late] -= 1
    of_era = year - np.array([first for _, _, _, first, _ in ERAS])[era] + 1
    out = np.empty(desk.count, dtype=object)
    two = np.array([f"{k:02d}" for k in range(200)], dtype=object)
    one = np.array([str(k) for k in range(2100)], dtype=object)
    for way in range(7):
        at = np.flatnonzero(desk.ways["birth"] == way)
        y, m, d, k, n = year[at], month[at], day[at], era[at], of_era[at]
        letters = np.array([letter for _, letter, *_ in ERAS], dtype=object)[k]
        if way == 0:
            out[at] = one[y] + "-" + two[m] + "-" + two[d]
        elif way == 1:
            out[at] = one[y] + two[m] + two[d]
        elif way == 2:
            out[at] = one[y] + "/" + one[m] + "/" + one[d]
        elif way == 3:
            out[at] = letters + two[n] + "." + two[m] + "." + two[d]
        elif way == 4:
            first = np.where(n == 1, "元", one[n])
            out[at] = np.array([name for name, *_ in ERAS], dtype=object)[k] + first + "年" + one[m] + "月" + one[d] + "日"
        elif way == 5:
            out[at] = np.array([str(code) for _, _, code, *_ in ERAS], dtype=object)[k] + two[n] + two[m] + two[d]
        else:
            out[at] = letters + one[n] + "/" + one[m] + "/" + one[d]
    return out


def sexes(desk: Desk) -> Texts:
    sex = desk.sex.copy()
    at = desk.errors.hit("sex-wrong", 0.0025)
    sex[at] = 3 - sex[at]
    out: Texts = np.array([["男", "女"], ["1", "2"], ["M", "F"]], dtype=object)[desk.ways["sex"], sex - 1]
    out[desk.errors.hit("no-sex", 0.004)] = ""
    return out
