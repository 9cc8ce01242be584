"""受診 (visits): which person was registered at which hospital on which day; families mostly go to the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_examples.linkage_world import lives, places
from data_examples.linkage_world.lives import BEGIN, END, Bools, Ints, World


@dataclass
class Visits:
    """One row per registration: person, day, hospital; `baby`: written before the child had a name; `duplicate`: second one at its hospital."""

    person: Ints
    day: Ints
    site: Ints
    baby: Bools
    duplicate: Bools


def per_region(hospitals: int) -> int:
    """Number of regions the hospitals lie in: about six hospitals each."""
    return max(1, min(len(places.REGIONS), round(hospitals / 6)))


def visit(world: World, chance: np.random.Generator, wanted: int) -> Visits:
    """Exactly `wanted` registrations, taken household by household; fewer where the world is too small (the caller enlarges it)."""
    count = len(world.sex)
    regions = per_region(world.hospitals)
    atlas = places.atlas(regions)
    begin, end = np.maximum(world.birth, BEGIN), np.minimum(world.death, END)
    span = end - begin
    alive = np.flatnonzero(span > 30)
    heavy = chance.gamma(1.15, 1.14, len(alive)) * np.clip(span[alive] / 6500, 0.35, 1.25)
    times = 1 + np.minimum(chance.poisson(heavy), 11)
    # whole households in random order until there are enough registrations
    household = np.where(world.marriage[alive] >= 0, world.marriage[alive], world.family[alive])
    lot = chance.permutation(int(household.max()) + 2)[household + 1]
    order = np.lexsort((alive, lot))
    alive, times = alive[order], times[order]
    enough = int(np.searchsorted(np.cumsum(times), wanted * 1.06)) + 1
    alive, times = alive[:enough], times[:enough]
    person = np.repeat(alive, times)
    first = np.r_[True, person[1:] != person[:-1]]
    day = begin[person] + (chance.random(len(person)) ** 0.85 * span[person]).astype(np.int64)
    newborn = first & (world.birth[person] >= BEGIN) & (world.foreign[person] < 0) & (chance.random(len(person)) < 0.30)
    day[newborn] = world.birth[person[newborn]] + chance.integers(0, 6, int(newborn.sum()))
    baby = newborn & (chance.random(len(person)) < 0.22)
    unit = world.unit.at(person, day)
    own = atlas.region[world.town[world.home.at(unit, day)]].astype(np.int64)
    own = np.where(own < 0, unit % regions, own)
    own = np.where(chance.random(len(person)) < 0.03, chance.integers(0, regions, len(person)), own)
    site_lists = [np.flatnonzero(np.arange(world.hospitals) % regions == number) for number in range(regions)]
    sizes = np.array([len(found) for found in site_lists])
    table = np.zeros((regions, max(sizes)), np.int64)
    for number, found in enumerate(site_lists):
        table[number, : len(found)] = found
    rank = np.minimum(chance.geometric(0.42, len(person)) - 1, 40)
    turn = (unit * 2_654_435_761 >> 7) & 1023

    def site_of(rank: Ints) -> Ints:
        size = sizes[own]
        step = np.where(turn & 512, 1, size - 1)
        return table[own, (turn + rank * np.maximum(step, 1)) % size]

    site = site_of(rank)
    keep = np.ones(len(person), bool)
    for _ in range(8):
        repeated = _repeated(person, site)
        if not repeated.any():
            break
        rank = rank + repeated
        site = site_of(rank)
    keep &= ~_repeated(person, site)
    parts = [(person[keep], day[keep], site[keep], baby[keep], np.zeros(int(keep.sum()), bool))]
    # the same hospital registers a person twice: mostly years later, and a child once it has a name
    again = np.flatnonzero(keep & (chance.random(len(person)) < np.where(baby, 0.30, 0.026)))
    later = day[again] + np.maximum((chance.random(len(again)) * (end[person[again]] - day[again])).astype(np.int64), 1)
    parts.append((person[again], later, site[again], np.zeros(len(again), bool), np.ones(len(again), bool)))
    person, day, site, baby, duplicate = (np.concatenate(column) for column in zip(*parts, strict=True))
    lot = lot_of = np.zeros(count, np.int64)
    lot_of[alive] = np.arange(len(alive))
    order = np.lexsort((day, lot[person]))[:wanted]
    order = order[np.lexsort((person[order], day[order], site[order]))]
    return Visits(person[order], np.minimum(day[order], lives.END), site[order], baby[order], duplicate[order])


def _repeated(person: Ints, site: Ints) -> Bools:
    """True for every row after the first of one person at one hospital."""
    key = person * 1024 + site
    order = np.argsort(key, kind="stable")
    found = np.zeros(len(key), bool)
    found[order[1:]] = key[order[1:]] == key[order[:-1]]
    return found
