"""生涯 (lives): the people of the other world on 1 January 1998: who they are, whom they live with, where, and on which insurance number.

One array per property, one entry per person, household (世帯), address or insurance number; a link is a number, -1 is nobody. The years that
follow (`other_years`) change these arrays in place; nobody is removed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import other_names
import other_places
from other_places import Places

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TWIN_BIRTHS = 0.0072  # of all births; both are persons of their own
NATIONAL, SOCIAL, ELDERLY, WELFARE = 1, 0, 2, 3  # 国保, 社保, 後期高齢者医療, 生活保護
PERSON = "birth sex given sur0 sur house holder own_unit branch mobile spouse mother father foreign wed twin"
PAST = "last_sur last_addr last_unit old_sur old_addr old_unit sur_year addr_year unit_year"  # the year in which it changed
ADDRESS = "town chome ban go building room"


def day_of(year: int, month: int, day: int) -> int:
    return int((np.datetime64(f"{year:04d}-{month:02d}-{day:02d}") - np.datetime64("1970-01-01")).astype(int))


def year_of(day: Ints) -> Ints:
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def rank_within(key: Ints) -> Ints:
    """0, 1, 2, … for the entries of each key, in order."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(key) else np.zeros(0, np.int64)
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = np.arange(len(key)) - np.repeat(starts, np.diff(np.r_[starts, len(key)]))
    return rank


class Lives:
    """The state of the world. Arrays are longer than what is in use: `people`, `houses`, `addresses`, `units` tell how much is."""

    birth: Ints
    sex: Ints
    given: Ints
    sur0: Ints
    sur: Ints
    house: Ints
    holder: Ints
    own_unit: Ints
    branch: Ints
    mobile: Ints
    spouse: Ints
    mother: Ints
    father: Ints
    foreign: Ints
    wed: Ints
    twin: Ints
    last_sur: Ints
    last_addr: Ints
    last_unit: Ints
    old_sur: Ints
    old_addr: Ints
    old_unit: Ints
    sur_year: Ints
    addr_year: Ints
    unit_year: Ints
    town: Ints
    chome: Ints
    ban: Ints
    go: Ints
    building: Ints
    room: Ints
    house_addr: Ints
    house_phone: Ints
    unit_key: Ints
    unit_number: Ints

    def __init__(self, people: int, places: Places, random: np.random.Generator) -> None:
        self.places, self.random = places, random
        self.surnames = other_names.surnames()
        self.names, self.drawn = other_names.given()
        capacity = int(people * 2.2) + 2_000
        for name in f"{PERSON} {PAST}".split():
            setattr(self, name, np.full(capacity, -1, dtype=np.int64))
        for name in ADDRESS.split():
            setattr(self, name, np.full(capacity * 2, -1, dtype=np.int64))
        for name in ("house_addr", "house_phone"):
            setattr(self, name, np.full(capacity * 2, -1, dtype=np.int64))
        for name in ("unit_key", "unit_number"):
            setattr(self, name, np.full(capacity * 4, -1, dtype=np.int64))
        self.alive = np.zeros(capacity, dtype=bool)
        self.frail = np.zeros(capacity)
        self.branch_max = np.full(capacity * 4, -1, dtype=np.int64)
        self.people = self.houses = self.addresses = self.units = 0
        cities = [c.split("市")[0] + "市" if c.endswith("区") else c for c in places.city[places.first]]
        held: dict[str, int] = {}
        self.insurer_of = np.array([held.setdefault(c, len(held)) for c in cities], dtype=np.int64)
        self.employers = max(60, people // 50)
        self.nationals = len(held)
        self.keys = self.employers + 2 * self.nationals + places.regions
        self.counters = np.zeros(self.keys, dtype=np.int64)
        self.surname_chance = [np.cumsum(self._flavoured()) for _ in range(places.regions)]
        self.blocks = self._pool(max(40, people // 60), 0, len(places.buildings))
        self.homes = self._pool(max(2 * places.regions, people // 1_200), len(places.buildings), len(places.buildings) + len(places.care))

    def _flavoured(self) -> npt.NDArray[np.float64]:
        weight = self.surnames.weight * self.random.lognormal(0, 0.5, len(self.surnames.weight))
        weight[:13] = self.surnames.weight[:13]
        return np.asarray(weight / weight.sum())

    # -- what is added -------------------------------------------------------------------------------------------------------------

    def add_people(self, **values: Any) -> Ints:
        count = len(values["birth"])
        at = np.arange(self.people, self.people + count)
        self.people += count
        for name, value in values.items():
            getattr(self, name)[at] = value
        self.alive[at] = True
        self.frail[at] = self.random.gamma(1.6, 1 / 1.6, count)
        return at

    def add_houses(self, address: Ints, phone: Ints) -> Ints:
        at = np.arange(self.houses, self.houses + len(address))
        self.houses += len(address)
        self.house_addr[at], self.house_phone[at] = address, phone
        return at

    def add_units(self, key: Ints) -> Ints:
        """New insurance numbers, never the same twice within one employer, municipality or region."""
        at = np.arange(self.units, self.units + len(key))
        self.units += len(key)
        number = self.counters[key] + rank_within(key)
        np.add.at(self.counters, key, 1)
        big = key >= self.employers
        self.unit_key[at] = key
        self.unit_number[at] = np.where(big, (number * 79_193 + key * 1_009) % 9_999_991 + 1, number + 1 + key % 37)
        return at

    def _pool(self, count: int, low: int, high: int) -> Ints:
        """Buildings in which many live, by number of address; the room is chosen by who moves in."""
        region = self.random.integers(0, self.places.regions, count)
        at = self.new_addresses(other_places.somewhere(self.places, region, self.random), blocks=False)
        self.building[at] = self.random.integers(low, high, count)
        order = np.argsort(self.places.municipality[self.town[at]], kind="stable")
        return np.asarray(at[order])

    def new_addresses(self, municipality: Ints, blocks: bool = True, pool: Ints | None = None) -> Ints:
        count, random = len(municipality), self.random
        at = np.arange(self.addresses, self.addresses + count)
        self.addresses += count
        self.town[at] = self.places.first[municipality] + (random.random(count) ** 1.5 * self.places.towns[municipality]).astype(np.int64)
        numbered = self.places.chome[self.town[at]]
        self.chome[at] = np.where(numbered, random.integers(1, 7, count), 0)
        self.ban[at] = np.where(numbered, random.integers(1, 45, count), (random.random(count) ** 2 * 2_800).astype(np.int64) + 1)
        self.go[at] = np.where(random.random(count) < np.where(numbered, 0.97, 0.7), random.integers(1, 28, count), 0)
        self.building[at] = -1
        self.room[at] = 0
        if blocks or pool is not None:
            pool = self.blocks if pool is None else pool
            homes = self.places.municipality[self.town[pool]]
            low, high = np.searchsorted(homes, municipality, "left"), np.searchsorted(homes, municipality, "right")
            into = np.flatnonzero((high > low) & (random.random(count) < (0.42 if pool is self.blocks else 1.0)))
            chosen = pool[low[into] + (random.random(len(into)) * (high - low)[into]).astype(np.int64)]
            for name in ADDRESS.split():
                getattr(self, name)[at[into]] = getattr(self, name)[chosen]
            self.room[at[into]] = random.integers(1, 13, len(into)) * 100 + random.integers(1, 9, len(into))
        return at

    def new_phones(self, municipality: Ints, share: float) -> Ints:
        """Landline numbers as an area of the municipality and seven digits; -1 for households without one."""
        area = 40 + municipality % 59
        number = area * 10_000_000 + self.random.integers(2_000_000, 9_999_999, len(municipality))
        return np.where(self.random.random(len(municipality)) < share, number, -1)

    def new_jobs(self, who: Ints, national: float) -> None:
        """Each becomes the holder of a new insurance number: an employer's, or the municipality's for the share `national`."""
        municipality = self.municipality(who)
        region = self.places.region[municipality]
        size = self.employers // self.places.regions
        employer = region * size + (self.random.random(len(who)) ** 2.5 * size).astype(np.int64)
        key = np.where(self.random.random(len(who)) < national, self.employers + self.insurer_of[municipality], employer)
        self.holder[who] = who
        self.own_unit[who] = self.add_units(key)

    # -- what is asked -------------------------------------------------------------------------------------------------------------

    def municipality(self, who: Ints) -> Ints:
        return np.asarray(self.places.municipality[self.town[self.house_addr[self.house[who]]]])

    def kind(self, unit: Ints) -> Ints:
        """Of an insurance number: SOCIAL, NATIONAL, ELDERLY or WELFARE."""
        edges = np.array([self.employers, self.employers + self.nationals, self.employers + self.nationals + self.places.regions])
        return np.asarray(np.array([SOCIAL, NATIONAL, ELDERLY, WELFARE])[np.searchsorted(edges, self.unit_key[unit], "right")])

    def living(self) -> Flags:
        return self.alive[: self.people]

    def family_names(self, region: Ints) -> Ints:
        out = np.zeros(len(region), dtype=np.int64)
        for r, chance in enumerate(self.surname_chance):
            at = np.flatnonzero(region == r)
            out[at] = np.minimum(np.searchsorted(chance, self.random.random(len(at))), len(chance) - 1)
        return out

    def name_children(self, sex: Ints, birth: Ints, twin_of: Ints) -> Ints:
        """Given names; some twins are named alike (same first character), none the same."""
        given = other_names.draw_given(self.drawn, sex, year_of(birth), self.random)
        alike = np.flatnonzero((twin_of >= 0) & (self.random.random(len(sex)) < 0.3))
        for i in alike:  # twins are few
            pool, _ = next(v for (s, a, b), v in self.drawn.items() if s == sex[i] and a <= year_of(birth[i : i + 1])[0] <= b)
            head = self.names.writing[given[twin_of[i]]][0]
            fitting = [int(j) for j in pool if self.names.writing[j][0] == head and j != given[twin_of[i]]]
            if fitting:
                given[i] = fitting[int(self.random.integers(len(fitting)))]
        for _ in range(4):  # two twins never bear one name
            same = np.flatnonzero((twin_of >= 0) & (given == given[twin_of]))
            given[same] = other_names.draw_given(self.drawn, sex[same], year_of(birth[same]), self.random)
        return given


def founded(people: int, places: Places, random: np.random.Generator) -> Lives:
    """The world of 1 January 1998: adults of 20 to 100, couples, their parents where they live near, and their children."""
    lives = Lives(people, places, random)
    adults = int(people * 0.8)
    ages = np.array([20, 30, 40, 50, 60, 70, 80, 100])
    share = np.cumsum([0.19, 0.17, 0.19, 0.18, 0.14, 0.09, 0.04])
    band = np.searchsorted(share[:-1] / share[-1], random.random(adults))
    age = ages[band] + random.random(adults) * (ages[band + 1] - ages[band])
    now = day_of(1998, 1, 1)
    birth = now - (age * 365.25).astype(np.int64)
    region = random.integers(0, places.regions, adults)
    order = np.lexsort((-birth, region))
    birth, region = birth[order], region[order]
    sex = random.integers(1, 3, adults)
    sur = lives.family_names(region)
    # Twins lie beside each other: born on one day under one name.
    twins = np.flatnonzero(random.random(adults - 1) < TWIN_BIRTHS)
    twins = twins[np.r_[True, np.diff(twins) > 1]] if len(twins) else twins
    twins = twins[region[twins] == region[twins + 1]]
    twin_of = np.full(adults, -1)
    twin_of[twins + 1] = twins
    birth[twins + 1], sur[twins + 1] = birth[twins], sur[twins]
    sex[twins + 1] = np.where(random.random(len(twins)) < 0.65, sex[twins], 3 - sex[twins])
    given = lives.name_children(sex, birth, twin_of)
    who = lives.add_people(birth=birth, sex=sex, given=given, sur0=sur, sur=sur)
    lives.twin[who[twins]], lives.twin[who[twins + 1]] = who[twins + 1], who[twins]
    _parents(lives, who, region, now)
    _homes(lives, who, region)
    _children(lives, who, now)
    _insurance(lives, now)
    old = np.flatnonzero(lives.living())
    lives.last_sur[old] = lives.old_sur[old] = lives.sur[old]
    return lives


def _pairs(lives: Lives, men: Ints, women: Ints, region: Ints) -> tuple[Ints, Ints]:
    """Couples of one region, in the order of their ages, which differ by some years."""
    him, her = [], []
    for r in range(lives.places.regions):
        m, w = men[region[men] == r], women[region[women] == r]
        m = m[np.argsort(lives.birth[m] + lives.random.normal(0, 900, len(m)), kind="stable")]
        w = w[np.argsort(lives.birth[w] - 700 + lives.random.normal(0, 900, len(w)), kind="stable")]
        n = min(len(m), len(w))
        him.append(m[np.sort(lives.random.permutation(len(m))[:n])])
        her.append(w[np.sort(lives.random.permutation(len(w))[:n])])
    return np.concatenate(him), np.concatenate(her)


def _parents(lives: Lives, who: Ints, region: Ints, now: int) -> None:
    """Couples, then the grown children of elder couples: they were born under the couple's name."""
    random, age = lives.random, (now - lives.birth[who]) / 365.25
    bound = random.random(len(who)) < np.interp(age, [20, 25, 32, 45, 100], [0.04, 0.3, 0.7, 0.84, 0.8])
    him, her = _pairs(lives, who[bound & (lives.sex[who] == 1)], who[bound & (lives.sex[who] == 2)], region)
    lives.spouse[him], lives.spouse[her] = her, him
    years = lives.random.integers(0, 12, len(him))
    lives.wed[him] = lives.wed[her] = np.minimum(1997, year_of(np.maximum(lives.birth[him], lives.birth[her])) + 23 + years)
    elder = him[(lives.birth[her] < now - int(46 * 365.25))]
    for r in range(lives.places.regions):
        parents = elder[region[elder] == r]
        parents = parents[np.argsort(lives.birth[lives.spouse[parents]], kind="stable")]
        grown = who[(region == r) & (age < 55) & (random.random(len(who)) < 0.5) & (lives.twin[who] < 0)]
        grown = grown[np.argsort(lives.birth[grown], kind="stable")]
        # Each woman bore her children at about 27: the grown look for a mother 27 years before them.
        at = np.searchsorted(
            lives.birth[lives.spouse[parents]], lives.birth[grown] - int(27 * 365.25) + random.integers(-1400, 1400, len(grown))
        )
        fits = (at > 0) & (at < len(parents))
        grown, father = grown[fits], parents[at[fits]]
        lives.father[grown], lives.mother[grown] = father, lives.spouse[father]
        lives.sur0[grown] = lives.sur0[father]
    # Names run down the male line from the eldest: three rounds settle three generations.
    for _ in range(3):
        linked = who[lives.father[who] >= 0]
        lives.sur0[linked] = lives.sur0[lives.father[linked]]
    lives.sur[who] = lives.sur0[who]
    takes = np.where(random.random(len(him)) < 0.97, 1, 2)  # whose name the couple bears
    lives.sur[her[takes == 1]] = lives.sur0[him[takes == 1]]
    lives.sur[him[takes == 2]] = lives.sur0[her[takes == 2]]


def _homes(lives: Lives, who: Ints, region: Ints) -> None:
    random = lives.random
    leads = (lives.spouse[who] < 0) | (lives.sex[who] == 1)
    heads = who[leads]
    municipality = other_places.somewhere(lives.places, region[leads], random)
    lives.house[heads] = lives.add_houses(lives.new_addresses(municipality), lives.new_phones(municipality, 0.9))
    wives = who[~leads]
    lives.house[wives] = lives.house[lives.spouse[wives]]
    # A third of the couples live with his parents, and most of the unmarried grown children with theirs.
    stays = random.random(len(heads)) < np.where(lives.spouse[heads] >= 0, 0.33, 0.7)
    young = heads[stays & (lives.father[heads] >= 0)]
    young = young[np.argsort(lives.birth[young], kind="stable")]
    lives.house[young] = lives.house[lives.father[young]]
    with_wife = young[lives.spouse[young] >= 0]
    lives.house[lives.spouse[with_wife]] = lives.house[with_wife]


def _children(lives: Lives, who: Ints, now: int) -> None:
    """Children under 20 of the couples: none to three, some years apart."""
    random = lives.random
    her = who[(lives.sex[who] == 2) & (lives.spouse[who] >= 0)]
    number = np.searchsorted(np.array([0.1, 0.32, 0.8]), random.random(len(her)))
    mother = np.repeat(her, number)
    order = rank_within(mother)
    first = np.repeat(random.normal(26.5, 3.2, len(her)), number)
    born = lives.birth[mother] + ((first + order * 2.7 + random.random(len(mother))) * 365.25).astype(np.int64)
    kept = (born < now) & (born > now - 20 * 365)
    bear(lives, mother[kept], born[kept])


def bear(lives: Lives, mother: Ints, born: Ints) -> Ints:
    """Births, some of twins; the children live with their mother, under her present name."""
    random = lives.random
    double = random.random(len(mother)) < TWIN_BIRTHS
    mother, born, double = (np.concatenate([a, a[double]]) for a in (mother, born, double))
    pair = np.full(len(mother), -1)
    second = len(mother) - int(double.sum()) // 2
    pair[second:] = np.flatnonzero(double[:second])
    sex = np.where(random.random(len(mother)) < 0.513, 1, 2)
    sex[second:] = np.where(random.random(len(mother) - second) < 0.65, sex[pair[second:]], 3 - sex[pair[second:]])
    father = lives.spouse[mother]
    given = lives.name_children(sex, born, pair)
    at = lives.add_people(birth=born, sex=sex, given=given, sur0=lives.sur[mother], sur=lives.sur[mother], mother=mother, father=father)
    lives.house[at] = lives.house[mother]
    lives.twin[at[second:]], lives.twin[at[pair[second:]]] = at[pair[second:]], at[second:]
    return at


def _insurance(lives: Lives, now: int) -> None:
    """Husbands and single people hold a number, four wives of ten their own; the rest are on the husband's or the father's."""
    random, who = lives.random, np.flatnonzero(lives.living())
    age = (now - lives.birth[who]) / 365.25
    adult = who[age >= 20]
    holds = (lives.spouse[adult] < 0) | (lives.sex[adult] == 1) | (random.random(len(adult)) < 0.4)
    lives.new_jobs(adult[holds & ((now - lives.birth[adult]) < 62 * 365)], 0.3)
    lives.new_jobs(adult[holds & ((now - lives.birth[adult]) >= 62 * 365)], 0.9)
    rest = adult[~holds]
    lives.holder[rest] = lives.holder[lives.spouse[rest]]
    child = who[age < 20]
    lives.holder[child] = lives.holder[np.where(lives.father[child] >= 0, lives.father[child], lives.mother[child])]
