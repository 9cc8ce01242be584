"""世帯と住居 (households and dwellings): who lives with whom from when, and where each household lives; whole households move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data_examples.linkage_world import places
from data_examples.linkage_world.families import Families
from data_examples.linkage_world.histories import BEGIN, END, LONG_AGO, NEVER, YEAR, Bools, History, Ints, Log
from data_examples.linkage_world.profiles import Profile
from numpy.typing import NDArray

_LINES = 10_000_000  # a landline is region × this + the number


@dataclass
class Homes:
    """`unit`: person → household; `home`: household → dwelling; per dwelling its town, its landline (−1: none), and whether it is a nursing home."""

    unit: History
    home: History
    town: Ints
    landline: Ints
    institution: Bools
    leaves: Ints  # the day a person moves out of the parents' home


def settle(chance: np.random.Generator, families: Families, death: Ints, with_mother: Ints, regions: int, profile: Profile) -> Homes:
    """Households are numbered: couples, then one for each person living alone, then nursing homes.

    `with_mother`: the children who stay with the mother when the parents divorce.
    """
    couples, count = families.couples, families.persons
    alone = couples + np.arange(count)
    birth, family, wed, divorce = families.birth, families.family, families.wed, families.divorce
    leaves = birth + ((18 + chance.gamma(2, 3, count)) * YEAR).astype(np.int64)
    leaves[chance.random(count) < 0.25] = NEVER
    own_wed = np.where(families.marriage >= 0, wed[np.maximum(families.marriage, 0)], NEVER)
    leaves = np.where(leaves < own_wed - 100, leaves, NEVER)
    region = np.where(families.marriage >= 0, families.region[np.maximum(families.marriage, 0)], families.region[np.maximum(family, 0)])

    unit = Log()
    child = np.flatnonzero(family >= 0)
    unit.add(child, birth[child], family[child])
    unit.add(with_mother, divorce[family[with_mother]], alone[families.wife[family[with_mother]]])
    unit.add(np.arange(count), leaves, alone)
    founder = np.flatnonzero(family < 0)
    unit.add(founder, birth[founder], alone[founder])
    for spouse, stays in ((families.husband, 0.4), (families.wife, 0.0)):
        unit.add(spouse, wed, np.arange(couples))
        gone = chance.random(couples) >= stays
        unit.add(spouse[gone], divorce[gone], alone[spouse[gone]])
    nursing = max(2, count // regions // 4000)
    first_nursing = couples + count
    care = np.flatnonzero((death - birth > 80 * YEAR) & (chance.random(count) < 0.16))
    since = death[care] - (chance.exponential(3, len(care)) * YEAR + 100).astype(np.int64)
    unit.add(care, since, first_nursing + region[care] * nursing + chance.integers(0, nursing, len(care)))

    unit_region = np.concatenate([families.region, region, np.repeat(np.arange(regions), nursing)])
    strays = couples + np.flatnonzero(chance.random(count) < 0.2)
    unit_region[strays] = chance.integers(0, regions, len(strays))
    pace = np.concatenate([np.full(couples, 26.0), np.full(count, 12.0), np.full(regions * nursing, 1e9)]) / profile.moves
    return Homes(unit.close(), *_dwellings(chance, unit_region, pace, first_nursing, regions), leaves)


def _dwellings(
    chance: np.random.Generator, region: Ints, pace: NDArray[np.float64], first_nursing: int, regions: int
) -> tuple[History, Ints, Ints, Bools]:
    atlas = places.atlas(regions)
    home, towns, lines, care = Log(), [], [], []
    at, day = np.arange(len(region)), np.full(len(region), LONG_AGO)
    here, line = town_in(atlas, region, chance), chance.integers(0, _LINES, len(region))
    made = 0
    for step in range(10):
        home.add(at, day, np.arange(made, made + len(at)))
        made += len(at)
        towns.append(here)
        has_line = (chance.random(len(at)) < 0.72) | (at >= first_nursing)
        lines.append(np.where(has_line, atlas.region[here].astype(np.int64) * _LINES + line, -1))
        care.append(at >= first_nursing)
        base = np.full(len(at), BEGIN - 300) if step == 0 else day
        following = base + np.minimum(chance.exponential(pace[at]) * YEAR + 120, NEVER).astype(np.int64)
        going = following < END
        at, day, here, line = at[going], following[going], here[going], line[going]
        if not len(at):
            break
        # half of all removals stay in the municipality, one in twenty leaves the regions of the world
        kind = chance.random(len(at))
        same_city = (kind < 0.5) & (atlas.region[here] >= 0)
        first, last = atlas.city_first[atlas.city[here]], atlas.city_first[atlas.city[here] + 1]
        region[at] = np.where(kind < 0.86, region[at], chance.integers(0, regions, len(at)))
        elsewhere = town_in(atlas, region[at], chance)
        here = np.where(same_city, first + (chance.random(len(at)) * (last - first)).astype(np.int64), elsewhere)
        here = np.where(kind > 0.95, atlas.far_towns[chance.integers(0, len(atlas.far_towns), len(at))], here)
        line = np.where(same_city & (chance.random(len(at)) < 0.7), line, chance.integers(0, _LINES, len(at)))
    return home.close(), np.concatenate(towns), np.concatenate(lines), np.concatenate(care)


def town_in(atlas: places.Atlas, region: Ints, chance: np.random.Generator) -> Ints:
    """A town of each region, drawn by the size of its municipality."""
    town = np.zeros(len(region), np.int64)
    for number, (cities, shares) in enumerate(zip(atlas.region_cities, atlas.region_shares, strict=True)):
        at = np.flatnonzero(region == number)
        city = cities[np.searchsorted(np.cumsum(shares), chance.random(len(at)) * 0.999999)]
        first, last = atlas.city_first[city], atlas.city_first[city + 1]
        town[at] = first + (chance.random(len(at)) * (last - first)).astype(np.int64)
    return town
