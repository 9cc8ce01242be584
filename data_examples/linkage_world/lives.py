"""生涯 (lives): families from grandparents to grandchildren between 1998 and 2025, with their names, homes, insurers and telephones by date.

Everything is arrays. A history is three columns sorted by owner and day (`History`), and its value on a day is one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data_examples.linkage_world import foreign, names, places

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
YEAR = 365.2425
BEGIN, END = 10227, 20453  # 1998-01-01 and 2025-12-31, in days since 1970-01-01
LONG_AGO = -40_000
_SPAN = 1 << 17


def year_of(days: Ints) -> Ints:
    """Calendar year of days since 1970-01-01."""
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


@dataclass
class History:
    """What held from when: `owner` (person or household), `day` it began, `value`."""

    owner: Ints
    day: Ints
    value: Ints
    key: Ints = field(init=False)

    def __post_init__(self) -> None:
        key = self.owner * _SPAN + (self.day + (1 << 16))
        order = np.argsort(key, kind="stable")
        self.owner, self.day, self.value, self.key = self.owner[order], self.day[order], self.value[order], key[order]

    def at(self, owner: Ints, day: Ints) -> Ints:
        """The value of each owner on each day; before the first entry the first one counts; −1 for an owner without entries."""
        place = np.searchsorted(self.key, owner * _SPAN + (day + (1 << 16)), side="right") - 1
        before = np.maximum(place, 0)
        after = np.minimum(place + 1, len(self.key) - 1)
        found = np.where((place >= 0) & (self.owner[before] == owner), before, np.where(self.owner[after] == owner, after, -1))
        return np.where(found >= 0, self.value[found], -1)


class Log:
    """Collects the parts of a history."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, owner: Ints, day: Ints | int, value: Ints | int) -> None:
        """One entry per owner; day and value may be one for all."""
        owner = np.asarray(owner, np.int64)
        self._parts.append((owner, np.broadcast_to(np.asarray(day, np.int64), owner.shape), np.broadcast_to(np.asarray(value, np.int64), owner.shape)))

    def close(self) -> History:
        """The history of all entries; of two on one day the later added counts."""
        return History(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))


@dataclass
class World:
    """Persons by number, and their histories. Names are number × names.FORMS + written form."""

    sex: Ints
    birth: Ints
    death: Ints
    given: Ints  # −1 − n for foreign given tokens is not used: foreigners have `foreign` and Latin columns
    family: Ints  # household of birth, −1 for founders
    marriage: Ints  # household founded, −1
    mother: Ints
    twin: Ints  # group, −1
    namesake: Ints  # group, −1
    foreign: Ints  # country group, −1
    latin_family: Ints
    latin_given: Ints
    alias_surname: Ints
    alias_given: Ints
    alias_since: Ints
    surname: History
    unit: History  # person → household lived in
    home: History  # household → dwelling
    holder: History  # person → (person whose policy) × 128 + branch
    policy: History  # holder → policy
    mobile: History  # person → mobile number
    town: Ints  # dwelling → town
    landline: Ints  # dwelling → landline number, −1
    institution: Bools  # dwelling is a nursing home
    units: int
    hospitals: int


def _persons(parts: list[dict[str, Ints]]) -> dict[str, Ints]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def live(chance: np.random.Generator, founders: int, regions: int, hospitals: int) -> World:
    """The lives of `founders` couples and of their descendants."""
    atlas = places.atlas(regions)
    surnames = names.surnames()

    def draw_surnames(size: int) -> Ints:
        drawn = np.searchsorted(np.cumsum(surnames.weights), chance.random(size) * 0.999999)
        shapes = surnames.shapes[drawn]
        form = np.where(chance.random(size) < 0.28, chance.integers(0, 127, size) % shapes, 0)
        return drawn * names.FORMS + form

    # couples, generation by generation
    husband_birth = ((1912 - 1970 + chance.random(founders) * 45) * YEAR).astype(np.int64)
    wife_birth = husband_birth + (chance.normal(2.5, 3, founders) * YEAR).astype(np.int64)
    blank = np.full(founders, -1)
    parts = [
        {"sex": np.full(founders, sex), "birth": birth, "family": blank, "mother": blank, "twin": blank, "born_surname": draw_surnames(founders)}
        for sex, birth in ((1, husband_birth), (2, wife_birth))
    ]
    count = 2 * founders
    husband, wife = np.arange(founders), np.arange(founders) + founders
    husband_all, wife_all, wed_all, region_all = [], [], [], []
    marriage_parts: list[tuple[Ints, Ints]] = []
    region = chance.integers(0, regions, founders)
    couple_count = twin_count = 0
    divorces: list[Ints] = []
    kept_wife: list[Bools] = []
    while len(husband):
        people = _persons(parts)
        parts = [people]
        size = len(husband)
        unit = np.arange(couple_count, couple_count + size)
        couple_count += size
        wed = np.maximum(people["birth"][husband], people["birth"][wife]) + np.maximum(18 * YEAR, chance.normal(26.5, 4, size) * YEAR).astype(np.int64)
        by_wife = chance.random(size) < 0.045
        divorce = np.where(chance.random(size) < 0.22, wed + (chance.exponential(9, size) * YEAR + 400).astype(np.int64), END + 100_000)
        husband_all.append(husband), wife_all.append(wife), wed_all.append(wed), region_all.append(region)
        divorces.append(divorce), kept_wife.append(by_wife)
        marriage_parts.append((husband, unit)), marriage_parts.append((wife, unit))
        children = np.minimum(chance.poisson(2.0, size), 5)
        born = wed + (chance.exponential(1.6, size) * YEAR + 200).astype(np.int64)
        generation = []
        for order in range(5):
            here = (children > order) & (born < END) & (born < divorce) & (born - people["birth"][wife] < 44 * YEAR)
            twins = here & (chance.random(size) < 0.0058)
            first_sex = chance.integers(1, 3, size)
            group = np.where(twins, twin_count + np.cumsum(twins) - 1, -1)
            twin_count += int(twins.sum())
            for who, sex in ((here, first_sex), (twins, np.where(chance.random(size) < 0.66, first_sex, 3 - first_sex))):
                at = np.flatnonzero(who)
                named = np.where(by_wife[at], people["born_surname"][wife[at]], people["born_surname"][husband[at]])
                generation.append(
                    {"sex": sex[at], "birth": born[at], "family": unit[at], "mother": wife[at], "twin": group[at], "born_surname": named}
                )
            born = born + (chance.gamma(4, 0.7, size) * YEAR + 330).astype(np.int64)
        kids = _persons(generation)
        parts.append(kids)
        numbers = np.arange(count, count + len(kids["sex"]))
        count += len(numbers)
        # who marries whom: in one region, by age
        ready = (kids["birth"] + 20 * YEAR < END) & (chance.random(len(numbers)) < 0.86)
        home_region = np.concatenate(region_all)[kids["family"]]
        pairs_h, pairs_w, pairs_r = [], [], []
        for where in range(regions):
            men = np.flatnonzero(ready & (kids["sex"] == 1) & (home_region == where))
            women = np.flatnonzero(ready & (kids["sex"] == 2) & (home_region == where))
            men = men[np.argsort(kids["birth"][men] + chance.normal(0, 2 * YEAR, len(men)), kind="stable")]
            women = women[np.argsort(kids["birth"][women] + chance.normal(-1.5 * YEAR, 2 * YEAR, len(women)), kind="stable")]
            pairs = min(len(men), len(women))
            men = men[np.sort(chance.permutation(len(men))[:pairs])]
            women = women[np.sort(chance.permutation(len(women))[:pairs])]
            apart = kids["family"][men] != kids["family"][women]
            pairs_h.append(numbers[men[apart]]), pairs_w.append(numbers[women[apart]]), pairs_r.append(np.full(int(apart.sum()), where))
        husband, wife, region = np.concatenate(pairs_h), np.concatenate(pairs_w), np.concatenate(pairs_r)
    people = _persons(parts)
    husband, wife, wed = np.concatenate(husband_all), np.concatenate(wife_all), np.concatenate(wed_all)
    divorce, by_wife, region = np.concatenate(divorces), np.concatenate(kept_wife), np.concatenate(region_all)
    sex, birth, family, born_surname, twin = (people[name] for name in ("sex", "birth", "family", "born_surname", "twin"))
    marriage = np.full(count, -1)
    for who, unit in marriage_parts:
        marriage[who] = unit
    death = birth + np.maximum(0, np.where(chance.random(count) < 0.06, chance.random(count) * 70, chance.normal(84, 9, count)) * YEAR).astype(np.int64)

    # given names; children of one family often share an element or a sound with a parent or each other: drawn from the same few columns
    decade = np.clip((year_of(birth) - 1900) // 10, 0, 12)
    given = np.zeros(count, np.int64)
    for which in (1, 2):
        vocabulary = names.given_names(which)
        steps = np.cumsum(vocabulary.weights, axis=1)
        for ten in range(13):
            at = np.flatnonzero((sex == which) & (decade == ten))
            given[at] = np.searchsorted(steps[ten], chance.random(len(at)) * steps[ten, -1] * 0.999999)
        near = _near_names(vocabulary)
        # a child may be named after the father (father and son) or so that it rhymes with its elder sibling
        parent = husband if which == 1 else wife
        child = np.flatnonzero((sex == which) & (family >= 0))
        named_after = child[chance.random(len(child)) < 0.05]
        given[named_after] = _pick(near, given[parent[family[named_after]]], chance)
        elder = _elder_of_same_sex(family, sex, birth, which)
        alike = child[(elder[child] >= 0) & (chance.random(len(child)) < np.where(twin[child] >= 0, 0.35, 0.08))]
        chosen = _pick(near, given[elder[alike]], chance)
        given[alike] = chosen
        same = child[(elder[child] >= 0) & (given[child] == given[np.maximum(elder[child], 0)])]
        given[same] = (given[same] + 1 + chance.integers(0, 40, len(same))) % len(vocabulary)
        shapes = vocabulary.shapes[given[sex == which]]
        drawn = given[sex == which]
        given[sex == which] = drawn * names.FORMS + np.where(chance.random(len(drawn)) < 0.12, chance.integers(0, 127, len(drawn)) % shapes, 0)

    surname = Log()
    surname.add(np.arange(count), LONG_AGO, born_surname)
    surname.add(np.where(by_wife, husband, wife), wed, np.where(by_wife, born_surname[wife], born_surname[husband]))
    returns = (divorce < END) & (chance.random(len(divorce)) < 0.6)
    surname.add(np.where(by_wife, husband, wife)[returns], divorce[returns], np.where(by_wife, born_surname[husband], born_surname[wife])[returns])
    child = np.flatnonzero(family >= 0)
    split = child[(divorce[family[child]] < END) & (divorce[family[child]] < birth[child] + 20 * YEAR)]
    follows = split[chance.random(len(split)) < 0.7]
    renamed = follows[returns[family[follows]] & ~by_wife[family[follows]] & (chance.random(len(follows)) < 0.6)]
    surname.add(renamed, divorce[family[renamed]] + 60, born_surname[wife[family[renamed]]])

    # who lives where: households are couples, then one for every person who lives alone, then the nursing homes
    alone = couple_count + np.arange(count)
    unit = Log()
    unit.add(child, birth[child], family[child])
    follow_unit = alone[wife[family[follows]]]
    unit.add(follows, divorce[family[follows]], follow_unit)
    leaves = birth + ((18 + chance.gamma(2, 3, count)) * YEAR).astype(np.int64)
    wed_of = np.where(marriage >= 0, wed[np.maximum(marriage, 0)], END + 50_000)
    go = np.flatnonzero((leaves < wed_of - 100) & (chance.random(count) < 0.75))
    unit.add(go, leaves[go], alone[go])
    founder = np.flatnonzero(family < 0)
    unit.add(founder, birth[founder], alone[founder])
    couples = np.arange(couple_count)
    unit.add(husband, wed, couples)
    unit.add(wife, wed, couples)
    gone = np.flatnonzero(divorce < END)
    unit.add(wife[gone], divorce[gone], alone[wife[gone]])
    leaving = gone[chance.random(len(gone)) < 0.6]
    unit.add(husband[leaving], divorce[leaving], alone[husband[leaving]])
    care = np.flatnonzero((death - birth > 80 * YEAR) & (chance.random(count) < 0.16))
    homes_per_region = max(2, count // regions // 4000)
    first_care = couple_count + count
    own_region = np.where(marriage >= 0, region[np.maximum(marriage, 0)], region[np.maximum(family, 0)])
    care_unit = first_care + own_region[care] * homes_per_region + chance.integers(0, homes_per_region, len(care))
    unit.add(care, death[care] - (chance.exponential(3, len(care)) * YEAR + 100).astype(np.int64), care_unit)
    units = first_care + regions * homes_per_region

    # dwellings: a household moves every few years, mostly nearby
    unit_region = np.concatenate([region, own_region, np.repeat(np.arange(regions), homes_per_region)])
    strays = couple_count + np.flatnonzero(chance.random(count) < 0.2)
    unit_region[strays] = chance.integers(0, regions, len(strays))
    start = np.concatenate([wed, np.where(family < 0, birth, leaves), np.full(regions * homes_per_region, LONG_AGO)])
    start = np.minimum(start, np.concatenate([wed, np.minimum(np.where(family < 0, birth, leaves), END + 50_000), np.full(regions * homes_per_region, LONG_AGO)]))
    pace = np.concatenate([np.full(couple_count, 15.0), np.full(count, 7.0), np.full(regions * homes_per_region, 1e6)])
    home, towns, landlines, care_flags = Log(), [], [], []
    at = np.arange(units)
    day = np.full(units, LONG_AGO)
    here = _town_in(atlas, unit_region, chance)
    line = chance.integers(0, 10_000_000, units)
    made = 0
    for step in range(9):
        home.add(at, day, np.arange(made, made + len(at)))
        made += len(at)
        towns.append(here)
        has_line = chance.random(len(at)) < 0.72
        landlines.append(np.where(has_line | (at >= first_care), atlas.region[here].astype(np.int64) * 10_000_000 + line, -1))
        care_flags.append(at >= first_care)
        base = np.maximum(start[at], BEGIN - 300) if step == 0 else day
        following = base + (chance.exponential(pace[at]) * YEAR + 120).astype(np.int64)
        going = following < END
        at, day, here, line = at[going], following[going], here[going], line[going]
        if not len(at):
            break
        kind = chance.random(len(at))
        same_city = kind < 0.5
        first = atlas.city_first[atlas.city[here]]
        last = atlas.city_first[atlas.city[here] + 1]
        region_now = np.where(kind < 0.86, unit_region[at], chance.integers(0, regions, len(at)))
        unit_region[at] = region_now
        moved = _town_in(atlas, region_now, chance)
        there = np.where(same_city & (atlas.region[here] >= 0), first + (chance.random(len(at)) * (last - first)).astype(np.int64), moved)
        far = kind > 0.95
        there = np.where(far, atlas.far_towns[chance.integers(0, len(atlas.far_towns), len(at))], there)
        line = np.where(same_city & (chance.random(len(at)) < 0.7), line, chance.integers(0, 10_000_000, len(at)))
        here = there
    town = np.concatenate(towns)

    # insurance: own policies of every adult; dependants are on a parent's or a husband's
    policy, policies = Log(), 0
    at = np.arange(count)
    day = np.full(count, LONG_AGO)
    retire = birth + ((60 + chance.random(count) * 8) * YEAR).astype(np.int64)
    elderly = np.maximum(birth + int(75 * YEAR), 13970)  # the scheme began in April 2008
    for step in range(9):
        policy.add(at, day, np.arange(policies, policies + len(at)) * 4 + np.where(chance.random(len(at)) < 0.3, 1, 0))
        policies += len(at)
        base = np.maximum(day, BEGIN - 500) if step == 0 else day
        base = np.maximum(base, birth[at] + int(20 * YEAR))
        following = base + (chance.exponential(11, len(at)) * YEAR + 200).astype(np.int64)
        going = (following < END) & (following < retire[at])
        at, day = at[going], following[going]
        if not len(at):
            break
    late = np.flatnonzero(retire < END)
    policy.add(late, retire[late], np.arange(policies, policies + len(late)) * 4 + 1)
    policies += len(late)
    old = np.flatnonzero(elderly < END)
    policy.add(old, elderly[old], np.arange(policies, policies + len(old)) * 4 + 2)
    policies += len(old)
    holder = Log()
    me = np.arange(count)
    order_in_family = _rank_in_family(family, birth)
    holder.add(me, LONG_AGO, me * 128)
    holder.add(child, birth[child], husband[family[child]] * 128 + 2 + np.minimum(order_in_family[child], 90))
    holder.add(follows, divorce[family[follows]] + 5, wife[family[follows]] * 128 + 2 + np.minimum(order_in_family[follows], 90))
    works = birth + ((19 + chance.random(count) * 5) * YEAR).astype(np.int64)
    holder.add(me, works, me * 128)
    housewife = np.flatnonzero((chance.random(couple_count) < 0.5))
    holder.add(wife[housewife], wed[housewife], husband[housewife] * 128 + 1)
    back = housewife[chance.random(len(housewife)) < 0.35]
    holder.add(wife[back], np.minimum(wed[back] + (chance.exponential(9, len(back)) * YEAR).astype(np.int64), divorce[back]), wife[back] * 128)
    holder.add(wife[housewife], np.minimum(divorce[housewife], elderly[husband[housewife]]), wife[housewife] * 128)
    holder.add(me, elderly, me * 128)

    mobile = Log()
    gets = np.maximum(birth + ((14 + chance.random(count) * 5) * YEAR).astype(np.int64), BEGIN + (chance.exponential(4, count) * YEAR).astype(np.int64))
    owns = np.flatnonzero(chance.random(count) < np.where(birth < -12_000, 0.45, 0.97))
    mobile.add(owns, gets[owns], chance.integers(0, 300_000_000, len(owns)))
    changes = owns[chance.random(len(owns)) < 0.2]
    mobile.add(changes, gets[changes] + (chance.random(len(changes)) * 15 * YEAR + 300).astype(np.int64), chance.integers(0, 300_000_000, len(changes)))

    world = World(
        sex, birth, death, given, family, marriage, people["mother"], twin, np.full(count, -1), *(np.full(count, -1) for _ in range(5)),
        np.full(count, END + 50_000), surname.close(), unit.close(), home.close(), holder.close(), policy.close(), mobile.close(), town,
        np.concatenate(landlines), np.concatenate(care_flags), units, hospitals,
    )  # fmt: skip
    _plant_foreigners(world, chance)
    _plant_namesakes(world, chance, atlas)
    return world


def _town_in(atlas: places.Atlas, region: Ints, chance: np.random.Generator) -> Ints:
    """A town of each region, drawn by the size of its municipality."""
    town = np.zeros(len(region), np.int64)
    for number, (cities, shares) in enumerate(zip(atlas.region_cities, atlas.region_shares, strict=True)):
        at = np.flatnonzero(region == number)
        city = cities[np.searchsorted(np.cumsum(shares), chance.random(len(at)) * 0.999999)]
        first, last = atlas.city_first[city], atlas.city_first[city + 1]
        town[at] = first + (chance.random(len(at)) * (last - first)).astype(np.int64)
    return town


def _near_names(vocabulary: names.Vocabulary) -> tuple[Ints, Ints, Ints]:
    """Names grouped by their first character: name → group, groups' members in a row, where each group begins."""
    groups: dict[str, int] = {}
    group = np.array([groups.setdefault(vocabulary.forms[i * names.FORMS][0], len(groups)) for i in range(len(vocabulary))])
    members = np.argsort(group, kind="stable")
    return group, members, np.searchsorted(group[members], np.arange(len(groups) + 1))


def _pick(near: tuple[Ints, Ints, Ints], name: Ints, chance: np.random.Generator) -> Ints:
    group, members, begins = near
    mine = group[name]
    first, size = begins[mine], begins[mine + 1] - begins[mine]
    return members[first + (chance.random(len(name)) * np.minimum(size, 12)).astype(np.int64)]


def _rank_in_family(family: Ints, birth: Ints) -> Ints:
    order = np.lexsort((birth, family))
    ranked = family[order]
    fresh = np.r_[True, ranked[1:] != ranked[:-1]]
    begin = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    rank = np.zeros(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begin
    return rank


def _elder_of_same_sex(family: Ints, sex: Ints, birth: Ints, which: int) -> Ints:
    at = np.flatnonzero((sex == which) & (family >= 0))
    order = at[np.lexsort((at, birth[at], family[at]))]
    elder = np.full(len(family), -1)
    together = family[order[1:]] == family[order[:-1]]
    elder[order[1:][together]] = order[:-1][together]
    return elder


def _plant_foreigners(world: World, chance: np.random.Generator) -> None:
    """One person in forty is a foreign resident: whole founding couples' families would be Japanese by now, so single persons are drawn."""
    lone = np.flatnonzero((world.marriage < 0) & (world.birth > -14_000) & (world.twin < 0))
    chosen = lone[chance.random(len(lone)) < min(1.0, 0.025 * len(world.sex) / max(len(lone), 1))]
    groups = foreign.groups()
    shares = np.cumsum([group[0] for group in groups])
    kind = np.searchsorted(shares / shares[-1], chance.random(len(chosen)) * 0.999999)
    world.foreign[chosen] = kind
    world.latin_family[chosen] = chance.integers(0, 1 << 20, len(chosen))
    world.latin_given[chosen] = chance.integers(0, 1 << 20, len(chosen))
    alias = chosen[chance.random(len(chosen)) < 0.35]
    world.alias_since[alias] = np.where(chance.random(len(alias)) < 0.6, LONG_AGO, chance.integers(BEGIN, END, len(alias)))


def _plant_namesakes(world: World, chance: np.random.Generator, atlas: places.Atlas) -> None:
    """Gives some persons the full name and the birth date of another of the same sex; common names are drawn more often."""
    count = len(world.sex)
    wanted = int(round(0.0017 * count))
    middle = np.full(count, (BEGIN + END) // 2)
    name = world.surname.at(np.arange(count), middle) // names.FORMS
    city = atlas.city[world.town[world.home.at(world.unit.at(np.arange(count), np.maximum(middle, world.birth)), np.maximum(middle, world.birth))]]
    free = np.flatnonzero((world.foreign < 0) & (world.twin < 0) & (world.marriage < 0) | (world.foreign < 0) & (world.twin < 0) & (world.sex == 1))
    for near, share in ((True, 0.3), (False, 0.7)):
        rank = world.birth[free] // (8 * 366)
        keys = (rank, name[free], world.sex[free], city[free]) if near else (chance.random(len(free)), rank, name[free], world.sex[free])
        order = free[np.lexsort(keys)]
        one, other = order[:-1], order[1:]
        fits = (
            (world.sex[one] == world.sex[other]) & (name[one] == name[other]) & (np.abs(world.birth[one] - world.birth[other]) < 8 * 366)
            & (world.family[one] != world.family[other]) & (world.namesake[one] < 0) & (world.namesake[other] < 0)
        )  # fmt: skip
        if near:
            fits &= city[one] == city[other]
        fits[1:] &= ~fits[:-1]  # each person at most once
        able = np.flatnonzero(fits)
        drawn = chance.permutation(able)[: int(round(wanted * share))]
        group = int(world.namesake.max()) + 1 + np.arange(len(drawn))
        source, copy = one[drawn], other[drawn]
        world.namesake[source] = group
        world.namesake[copy] = group
        world.given[copy] = world.given[source]
        world.birth[copy] = world.birth[source]
