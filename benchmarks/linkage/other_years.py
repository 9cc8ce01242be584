"""年度 (fiscal years): what happens to the people of the other world from 1998 to 2025, year by year, and at which receptions they turn up.

Each year begins with its events (deaths, moves, marriages, divorces, jobs, births, arrivals from abroad); then people fall ill. A visit is a
copy of what is true of the person at that time, and of what was true before the last change; what a clerk makes of it is the reception (`other_desk`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import other_foreigners
import other_places
from other_lives import ELDERLY, NATIONAL, Ints, Lives, bear, day_of, rank_within

FIRST, LAST = 1997, 2025  # fiscal years; only January to March 1998 and April to December 2025 of the outer ones
VISITS = 0.42  # a year, of which only the first at a hospital can become a registration
ARRIVALS = 0.0019  # people from abroad a year, of the population
Visits = dict[str, npt.NDArray[np.int64]]


def lived(lives: Lives) -> Visits:
    """All years; the visits in order of year, with a random number `chance` each by which they may be thinned."""
    collected: list[Visits] = []
    for year in range(FIRST, LAST + 1):
        born = np.zeros(0, dtype=np.int64)
        if year > FIRST:
            _deaths(lives, year)
            _moves(lives, year)
            _leaving(lives, year)
            _marriages(lives, year)
            _divorces(lives, year)
            _jobs(lives, year)
            _elders(lives, year)
            born = _births(lives, year)
            other_foreigners.arrive(lives, year, ARRIVALS)
            _widowed(lives)
        _phones(lives, year)
        _branches(lives, year)
        _remember(lives, year)
        collected.append(_visits(lives, year, born))
    return {name: np.concatenate([part[name] for part in collected]) for name in collected[0]}


def _age(lives: Lives, year: int) -> npt.NDArray[np.float64]:
    return np.asarray((day_of(year, 4, 1) - lives.birth[: lives.people]) / 365.25)


def _some(lives: Lives, chance: npt.NDArray[np.float64] | float) -> Ints:
    return np.flatnonzero(lives.living() & (lives.random.random(lives.people) < chance))


def _deaths(lives: Lives, year: int) -> None:
    dead = _some(lives, np.minimum(0.5, 2.2e-5 * np.exp(0.098 * np.maximum(_age(lives, year), 0))))
    lives.alive[dead] = False


def _widowed(lives: Lives) -> None:
    """Whoever was on the number of somebody who died or left gets the number of a parent or a spouse who holds one, or the municipality's."""
    who = np.flatnonzero(lives.living())
    orphans = who[~lives.alive[lives.holder[who]]]
    for kin in (lives.mother, lives.father, lives.spouse):
        other = kin[orphans]
        fits = (other >= 0) & lives.alive[other] & (lives.holder[other] == other)
        lives.holder[orphans[fits]] = other[fits]
        orphans = orphans[~fits]
    lives.new_jobs(orphans, 1.0)


def _relocate(lives: Lives, houses: Ints, target: Ints) -> None:
    """Households move to a municipality: their landline stays within it for half of them, the municipality's insurance changes beyond it."""
    before = lives.places.municipality[lives.town[lives.house_addr[houses]]]
    lives.house_addr[houses] = lives.new_addresses(target)
    renewed = (before != target) | (lives.random.random(len(houses)) < 0.5)
    phones = lives.new_phones(target, 0.55)
    lives.house_phone[houses[renewed]] = phones[renewed]
    changed = np.zeros(lives.houses, dtype=bool)
    changed[houses[lives.insurer_of[before] != lives.insurer_of[target]]] = True
    _reinsure(lives, np.flatnonzero(lives.living() & changed[lives.house[: lives.people]]))


def _reinsure(lives: Lives, who: Ints) -> None:
    """New numbers where a holder's insurer is the municipality or the region that was left."""
    who = who[lives.holder[who] == who]
    kind = lives.kind(lives.own_unit[who])
    lives.new_jobs(who[kind == NATIONAL], 1.0)
    old = who[kind == ELDERLY]
    region = lives.places.region[lives.municipality(old)]
    key = lives.employers + lives.nationals + region
    moved = key != lives.unit_key[lives.own_unit[old]]
    lives.own_unit[old[moved]] = lives.add_units(key[moved])


def _target(lives: Lives, municipality: Ints) -> Ints:
    """Half stay in the municipality, a third in the region."""
    region, draw = lives.places.region[municipality], lives.random.random(len(municipality))
    away = other_places.somewhere(
        lives.places, np.where(draw < 0.85, region, lives.random.integers(0, lives.places.regions, len(draw))), lives.random
    )
    return np.where(draw < 0.5, municipality, away)


def _moves(lives: Lives, year: int) -> None:
    who = np.flatnonzero(lives.living())
    eldest = np.full(lives.houses, 10**7, dtype=np.int64)
    np.minimum.at(eldest, lives.house[who], lives.birth[who])
    age = (day_of(year, 4, 1) - eldest) / 365.25
    houses = np.flatnonzero(
        (eldest < 10**7) & (lives.random.random(lives.houses) < np.interp(age, [20, 30, 40, 55, 90], [0.1, 0.075, 0.035, 0.013, 0.007]))
    )
    houses = houses[lives.house_addr[houses] >= 0]
    _relocate(lives, houses, _target(lives, lives.places.municipality[lives.town[lives.house_addr[houses]]]))


def _own_house(lives: Lives, who: Ints, target: Ints, phone: float) -> None:
    lives.house[who] = lives.add_houses(lives.new_addresses(target), lives.new_phones(target, phone))


def _leaving(lives: Lives, year: int) -> None:
    """Young people leave home, students on their parents' number; a few come back, some bring nobody a new address."""
    age, single = _age(lives, year), lives.spouse[: lives.people] < 0
    mother = lives.mother[: lives.people]
    home = (mother >= 0) & (lives.house[: lives.people] == lives.house[np.maximum(mother, 0)])
    who = _some(lives, np.where(single & home & (age >= 18) & (age < 34), 0.09, 0.0))
    _own_house(lives, who, _target(lives, lives.municipality(who)), 0.25)
    back = _some(lives, np.where(single & (mother >= 0) & ~home & (age >= 20) & (age < 45), 0.035, 0.0))
    back = back[lives.alive[lives.mother[back]]]
    lives.house[back] = lives.house[lives.mother[back]]
    first_job = _some(lives, np.where((age >= 18) & (age < 30), 0.25, 0.0))
    first_job = first_job[(lives.holder[first_job] != first_job) & (lives.spouse[first_job] < 0)]
    lives.new_jobs(first_job, 0.15)


def _marriages(lives: Lives, year: int) -> None:
    age = _age(lives, year)
    free = (lives.spouse[: lives.people] < 0) & (lives.foreign[: lives.people] < 0)
    ready = _some(lives, np.where(free, np.interp(age, [19, 22, 27, 32, 38, 46, 60], [0, 0.05, 0.13, 0.11, 0.05, 0.012, 0.0]), 0.0))
    region = lives.places.region[lives.municipality(ready)]
    him, her = [], []
    for r in range(lives.places.regions):
        m, w = (ready[(region == r) & (lives.sex[ready] == s)] for s in (1, 2))
        m = m[np.argsort(lives.birth[m] + lives.random.normal(0, 1000, len(m)), kind="stable")]
        w = w[np.argsort(lives.birth[w] + lives.random.normal(0, 1000, len(w)), kind="stable")]
        n = min(len(m), len(w))
        him.append(m[:n])
        her.append(w[:n])
    husband, wife = np.concatenate(him), np.concatenate(her)
    lives.spouse[husband], lives.spouse[wife] = wife, husband
    lives.wed[husband] = lives.wed[wife] = year
    takes = lives.random.random(len(husband)) < 0.955
    lives.sur[wife[takes]] = lives.sur[husband[takes]]
    lives.sur[husband[~takes]] = lives.sur[wife[~takes]]
    joins = (lives.random.random(len(husband)) < 0.2) & (lives.father[husband] >= 0)
    moves = husband[~joins & (lives.random.random(len(husband)) < 0.85)]
    _own_house(lives, moves, _target(lives, lives.municipality(moves)), 0.75 if year < 2006 else 0.2)
    lives.house[wife] = lives.house[husband]
    home = wife[lives.random.random(len(wife)) < (0.5 if year < 2005 else 0.25)]
    holder = lives.holder[lives.spouse[home]]
    lives.holder[home] = np.where(holder == lives.spouse[home], holder, lives.holder[home])
    _reinsure(lives, np.concatenate([husband, wife]))


def _divorces(lives: Lives, year: int) -> None:
    """She goes with the children; most take back their maiden name, and the children of most of those follow, sooner or later."""
    people = lives.people
    her = _some(lives, np.where((lives.sex[:people] == 2) & (lives.spouse[:people] >= 0) & (_age(lives, year) < 62), 0.011, 0.0))
    him = lives.spouse[her]
    lives.spouse[him] = lives.spouse[her] = -1
    child = np.flatnonzero(lives.living() & (_age(lives, year) < 20) & (lives.mother[:people] >= 0))
    parted = np.zeros(people, dtype=bool)
    parted[her] = True
    child = child[parted[lives.mother[child]] & (lives.house[child] == lives.house[lives.mother[child]])]
    to_parents = (lives.mother[her] >= 0) & lives.alive[lives.mother[her]] & (lives.random.random(len(her)) < 0.4)
    lives.house[her[to_parents]] = lives.house[lives.mother[her[to_parents]]]
    own = her[~to_parents]
    _own_house(lives, own, _target(lives, lives.municipality(own)), 0.3)
    maiden = her[lives.random.random(len(her)) < 0.62]
    lives.sur[maiden] = lives.sur0[maiden]
    lives.new_jobs(her, 0.45)
    lives.house[child] = lives.house[lives.mother[child]]
    lives.holder[child] = lives.mother[child]
    renamed = child[lives.random.random(len(child)) < 0.7]
    lives.sur[renamed] = lives.sur[lives.mother[renamed]]


def _jobs(lives: Lives, year: int) -> None:
    """Changes of employer, loss of work (the municipality's insurance), retirement; wives who begin or stop working."""
    age, people = _age(lives, year), lives.people
    holds = lives.holder[:people] == np.arange(people)
    changing = _some(
        lives, np.where(holds & (age >= 20), np.interp(age, [20, 30, 45, 59, 60, 66, 67], [0.11, 0.07, 0.042, 0.035, 0.18, 0.18, 0.0]), 0.0)
    )
    changing = changing[lives.kind(lives.own_unit[changing]) != ELDERLY]
    old = age[changing] >= 60
    lives.new_jobs(changing[old], 0.85)
    lives.new_jobs(changing[~old], 0.22)
    wives = (lives.sex[:people] == 2) & (lives.spouse[:people] >= 0)
    begin = _some(lives, np.where(wives & ~holds & (age < 58), 0.05, 0.0))
    lives.new_jobs(begin, 0.05)
    stop = _some(lives, np.where(wives & holds & (age < 45), 0.03, 0.0))
    husband = lives.spouse[stop]
    fits = lives.alive[husband] & (lives.holder[husband] == husband)
    lives.holder[stop[fits]] = husband[fits]


def _elders(lives: Lives, year: int) -> None:
    """The widowed move in with a child, the very old into a home; from April 2008 on everybody of 75 has a number of one person."""
    age, people = _age(lives, year), lives.people
    if year >= 2008:
        turned = _some(lives, np.where(age >= 75, 1.0, 0.0))
        own = lives.own_unit[turned]
        turned = turned[(lives.holder[turned] != turned) | (lives.kind(own) != ELDERLY)]
        lives.holder[turned] = turned
        lives.own_unit[turned] = lives.add_units(lives.employers + lives.nationals + lives.places.region[lives.municipality(turned)])
    home = _some(lives, np.where(age > 80, np.interp(age, [80, 88, 96], [0.006, 0.05, 0.12]), 0.0))
    address = lives.new_addresses(lives.municipality(home), pool=lives.homes)
    shared = lives.building[address] >= len(lives.places.buildings)
    lives.house[home[shared]] = lives.add_houses(address[shared], 190_000_000 + lives.town[address[shared]])  # the home's own telephone
    children = np.flatnonzero(lives.living() & (lives.mother[:people] >= 0))
    child_of = np.full(people, -1)
    child_of[lives.mother[children]] = children
    alone = _some(lives, np.where((lives.spouse[:people] < 0) & (age > 70) & (child_of >= 0), 0.03, 0.0))
    lives.house[alone] = lives.house[child_of[alone]]
    _reinsure(lives, np.concatenate([home, alone]))


def _births(lives: Lives, year: int) -> Ints:
    age, people = _age(lives, year), lives.people
    married = (lives.sex[:people] == 2) & (lives.spouse[:people] >= 0) & (year - lives.wed[:people] < 13)
    her = _some(lives, np.where(married & (age < 44), np.interp(age, [20, 26, 31, 36, 43], [0.2, 0.21, 0.17, 0.1, 0.01]), 0.0))
    if not len(her):
        return np.zeros(0, dtype=np.int64)
    born = bear(lives, her, day_of(year, 4, 1) + lives.random.integers(0, 275 if year == LAST else 365, len(her)))
    mother, father = lives.mother[born], lives.father[born]
    lives.holder[born] = np.where(lives.alive[father] & (lives.holder[father] == father), father, lives.holder[mother])
    return born


def _phones(lives: Lives, year: int) -> None:
    """Mobile telephones spread from 1997 on; few change the number once they may take it with them (2006)."""
    age, people = _age(lives, year), lives.people
    spread = np.interp(year, [1997, 2003, 2010, 2025], [0.1, 0.3, 0.3, 0.4])
    taken = _some(
        lives, np.where((lives.mobile[:people] < 0) & (age > 14), spread * np.interp(age, [15, 30, 60, 85], [1, 1, 0.4, 0.12]), 0.0)
    )
    changed = _some(lives, np.where(lives.mobile[:people] >= 0, 0.09 if year < 2007 else 0.02, 0.0))
    who = np.union1d(taken, changed)
    lives.mobile[who] = (
        7_000_000_000 + lives.random.integers(0, 3, len(who)) * 1_000_000_000 + lives.random.integers(10_000_000, 99_999_999, len(who))
    )


def _branches(lives: Lives, year: int) -> None:
    """Branch numbers (枝番) from 2021 on: the holder first, then by age; whoever joins later takes the next, and nobody's is given again."""
    if year < 2020:
        return
    who = np.flatnonzero(lives.living())
    unit = lives.own_unit[lives.holder[who]]
    joined = (lives.branch[who] < 0) | (unit != lives.last_unit[who])
    who, unit = who[joined], unit[joined]
    order = np.lexsort((lives.birth[who], lives.holder[who] != who, unit))
    who, unit = who[order], unit[order]
    lives.branch[who] = lives.branch_max[unit] + 1 + rank_within(unit)
    np.maximum.at(lives.branch_max, unit, lives.branch[who])


def _remember(lives: Lives, year: int) -> None:
    """What was true until this year becomes what was true before, where it changed."""
    who = np.arange(lives.people)
    for last, old, when, now in (
        ("last_sur", "old_sur", "sur_year", lives.sur[who]),
        ("last_addr", "old_addr", "addr_year", lives.house_addr[lives.house[who]]),
        ("last_unit", "old_unit", "unit_year", lives.own_unit[lives.holder[who]]),
    ):
        held, before = getattr(lives, last), getattr(lives, old)
        changed = (held[who] != now) & (held[who] >= 0)
        before[who[changed]] = held[who[changed]]
        getattr(lives, when)[who[changed]] = year
        held[who] = now


def _visits(lives: Lives, year: int, born: Ints) -> Visits:
    random, age = lives.random, _age(lives, year)
    often = (
        VISITS
        * lives.frail[: lives.people]
        * np.interp(np.maximum(age, 0), [0, 3, 10, 18, 35, 60, 75, 90], [1.7, 1.5, 0.8, 0.6, 0.8, 1.1, 1.7, 1.6])
    )
    often[lives.twin[: lives.people] >= 0] *= 1.25
    # Illness comes in spells: who is ill is sent from one hospital to the next within the year.
    often *= np.where(random.random(lives.people) < 0.08, 7.0, 0.5)
    person = np.repeat(np.arange(lives.people), np.where(lives.living(), random.poisson(often), 0))
    start, end = max(day_of(year, 4, 1), day_of(1998, 1, 1)), min(day_of(year + 1, 3, 31), day_of(2025, 12, 31))
    day = random.integers(start, end + 1, len(person))
    kept = day >= lives.birth[person]
    person, day = person[kept], day[kept]
    cumulated = lives.places.attraction[lives.municipality(person)]
    site = (cumulated[:, :-1] < random.random(len(person))[:, None]).sum(1)
    newborn = np.zeros(len(person), dtype=np.int64)
    # Children born at a hospital are registered there on their first days, half of them before they have a name; twins together.
    here = born[(lives.birth[born] <= end) & (random.random(len(born)) < 0.36)]
    twins = lives.twin[here]
    here = np.union1d(here, twins[twins >= 0])
    here = here[lives.birth[here] <= end]
    mother = lives.mother[here]
    draw = np.random.default_rng(year).random(lives.people)[mother]  # one hospital for all children of one confinement
    born_at = (lives.places.attraction[lives.municipality(mother)][:, :-1] < draw[:, None]).sum(1)
    person, site = np.r_[person, here], np.r_[site, born_at].astype(np.int64)
    day = np.minimum(np.r_[day, lives.birth[here] + random.integers(0, 3, len(here))], end)
    newborn = np.r_[newborn, np.ones(len(here), dtype=np.int64)]
    order = np.argsort(day, kind="stable")
    person, site, day, newborn = person[order], site[order], day[order], newborn[order]
    mother, spouse = lives.mother[person], lives.spouse[person]
    kin = np.where(mother >= 0, mother, np.where(spouse >= 0, spouse, lives.father[person]))
    known = kin >= 0
    kin_house = lives.house[np.maximum(kin, 0)]
    return {
        "person": person,
        "site": site,
        "day": day,
        "newborn": newborn,
        "chance": (random.random(len(person)) * 2**40).astype(np.int64),
        "sur": lives.sur[person],
        "old_sur": lives.old_sur[person],
        "sur_years": year - lives.sur_year[person],  # since the last change
        "addr_years": year - lives.addr_year[person],
        "unit_years": year - lives.unit_year[person],
        "addr": lives.house_addr[lives.house[person]],
        "old_addr": lives.old_addr[person],
        "kin_addr": np.where(known, lives.house_addr[kin_house], -1),
        "land": lives.house_phone[lives.house[person]],
        "mobile": lives.mobile[person],
        "kin_land": np.where(known, lives.house_phone[kin_house], -1),
        "kin_mobile": np.where(known, lives.mobile[np.maximum(kin, 0)], -1),
        "unit": lives.own_unit[lives.holder[person]],
        "old_unit": lives.old_unit[person],
        "branch": lives.branch[person],
        "age": (day - lives.birth[person]) // 365,
        "mother": lives.mother[person],
        "mother_sur": lives.sur[np.maximum(lives.mother[person], 0)],
    }
