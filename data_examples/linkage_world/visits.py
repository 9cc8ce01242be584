"""受診 (visits): which person was registered at which hospital on which day; families mostly go to the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data_examples.linkage_world import places
from data_examples.linkage_world.histories import BEGIN, END, Bools, Ints
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.profiles import Profile

_BORN_IN_HOSPITAL, _BEFORE_NAMING = 0.30, 0.16  # of those born from 1998 on: registered in their first days; of these, before having a name
_AGAIN, _AGAIN_AFTER_NAMING = 0.027, 0.30  # registered twice at one hospital
_CLOSE, _SPREAD = 0.7, 900  # share of the registrations near a person's own time, and how near (days)
_ELSEWHERE = 0.03  # at a hospital of another region


@dataclass
class Visits:
    """One row per registration, by hospital and day; `baby`: written before the child had a name; `again`: second one at its hospital."""

    person: Ints
    day: Ints
    site: Ints
    baby: Bools
    again: Bools

    def only(self, rows: Ints | Bools) -> Visits:
        """Some of the rows."""
        return Visits(self.person[rows], self.day[rows], self.site[rows], self.baby[rows], self.again[rows])


def regions_of(hospitals: int) -> int:
    """Number of regions the hospitals lie in: about six hospitals each."""
    return max(1, min(len(places.REGIONS), round(hospitals / 6)))


def visit(world: World, chance: np.random.Generator, wanted: int, hospitals: int, profile: Profile) -> Visits:
    """At most `wanted` registrations, taken household by household; fewer where the world is too small (the caller enlarges it)."""
    tree = world.families
    begin, end = np.maximum(np.maximum(tree.birth, BEGIN), world.arrival), np.minimum(world.death, END)
    span = end - begin
    alive = np.flatnonzero(span > 30)
    # heavy users make most pairs; a long life in the window makes more registrations
    often = chance.gamma(1.15, 1.06, len(alive)) * np.clip(span[alive] / 6500, 0.35, 1.25)
    times = 1 + np.minimum(chance.poisson(often), 11)
    household = np.where(tree.marriage[alive] >= 0, tree.marriage[alive], tree.family[alive])
    order = np.lexsort((alive, chance.permutation(int(household.max()) + 2)[household + 1]))
    alive, times = alive[order], times[order]
    enough = int(np.searchsorted(np.cumsum(times), wanted * 1.06)) + 1
    person = np.repeat(alive[:enough], times[:enough])
    first = np.r_[True, person[1:] != person[:-1]]
    size = len(person)
    # most registrations of a person come in the same years: an illness, a pregnancy, old age
    place = chance.random(size) ** 0.85
    centre = (chance.random(world.persons) ** 0.85)[person]
    close = centre + chance.laplace(0, _SPREAD, size) / np.maximum(span[person], 1)
    place = np.where((chance.random(size) < _CLOSE) & (close > 0) & (close < 1), close, place)
    day = begin[person] + (place * span[person]).astype(np.int64)
    newborn = first & (tree.birth[person] >= BEGIN) & (world.foreigners.group[person] < 0) & (chance.random(size) < _BORN_IN_HOSPITAL)
    day[newborn] = tree.birth[person[newborn]] + chance.integers(0, 6, int(newborn.sum()))
    baby = newborn & (chance.random(size) < _BEFORE_NAMING * profile.newborns)
    site = _hospitals(world, chance, person, day, hospitals)
    kept = ~_repeated(person, site)
    again = np.flatnonzero(kept & (chance.random(size) < np.where(baby, _AGAIN_AFTER_NAMING, _AGAIN)))
    later = day[again] + np.maximum((chance.random(len(again)) * (end[person[again]] - day[again])).astype(np.int64), 1)
    every = Visits(
        np.r_[person[kept], person[again]], np.r_[day[kept], np.minimum(later, END)], np.r_[site[kept], site[again]],
        np.r_[baby[kept], np.zeros(len(again), bool)], np.r_[np.zeros(int(kept.sum()), bool), np.ones(len(again), bool)],
    )  # fmt: skip
    turn = np.zeros(world.persons, np.int64)
    turn[alive] = np.arange(len(alive))
    chosen = np.lexsort((every.day, turn[every.person]))[:wanted]
    return every.only(chosen[np.lexsort((every.person[chosen], every.day[chosen], every.site[chosen]))])


def _hospitals(world: World, chance: np.random.Generator, person: Ints, day: Ints, hospitals: int) -> Ints:
    """Each household has its own order of the hospitals of its region; the first in it is visited most, and no one twice."""
    regions = world.regions
    atlas = places.atlas(regions)
    unit = world.homes.unit.at(person, day)
    region = atlas.region[world.homes.town[world.homes.home.at(unit, day)]].astype(np.int64)
    region = np.where(region < 0, unit % regions, region)
    region = np.where(chance.random(len(person)) < _ELSEWHERE, chance.integers(0, regions, len(person)), region)
    lists = [np.flatnonzero(np.arange(hospitals) % regions == number) for number in range(regions)]
    size = np.array([len(found) for found in lists])[region]
    table = np.zeros((regions, max(map(len, lists))), np.int64)
    for number, found in enumerate(lists):
        table[number, : len(found)] = found
    rank = np.minimum(chance.geometric(0.42, len(person)) - 1, 40)
    turn = (unit * 2_654_435_761 >> 7) & 1023
    step = np.where(turn & 512, 1, np.maximum(size - 1, 1))
    for _ in range(8):
        site = table[region, (turn + rank * step) % size]
        repeated = _repeated(person, site)
        if not repeated.any():
            break
        rank = rank + repeated
    return np.asarray(table[region, (turn + rank * step) % size])


def _repeated(person: Ints, site: Ints) -> Bools:
    """True for every row after the first of one person at one hospital."""
    key = person * 1024 + site
    order = np.argsort(key, kind="stable")
    found = np.zeros(len(key), bool)
    found[order[1:]] = key[order[1:]] == key[order[:-1]]
    return found
