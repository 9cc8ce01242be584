"""家族 (families): couples of founders, their children, whom those marry, and so on to 2025: births, twins, weddings and divorces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data_examples.linkage_world.histories import END, NEVER, YEAR, Bools, Ints
from data_examples.linkage_world.profiles import Profile
from numpy.typing import NDArray

# Of all births, how many are of twins: so that 1.1 % of the persons are twins.
_TWIN_BIRTHS = 0.0091


@dataclass
class Families:
    """Persons by number (sex 1 male, 2 female; days since 1970-01-01), and couples by number; −1 where there is none."""

    sex: Ints
    birth: Ints
    family: Ints  # couple one was born to
    mother: Ints
    twin: Ints
    marriage: Ints  # couple one is part of
    line: Ints  # person whose surname one was born with: a founder
    husband: Ints
    wife: Ints
    wed: Ints
    divorce: Ints
    by_wife: Bools  # both took the wife's surname
    region: Ints

    @property
    def couples(self) -> int:
        return len(self.husband)

    @property
    def persons(self) -> int:
        return len(self.sex)


def _joined(parts: list[dict[str, Ints]]) -> dict[str, Ints]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _days(years: NDArray[np.float64]) -> Ints:
    return np.asarray(years * YEAR).astype(np.int64)


def found(chance: np.random.Generator, founders: int, regions: int, profile: Profile) -> Families:
    """The descendants of `founders` couples."""
    husband_birth = _days(1912 - 1970 + chance.random(founders) * 45)
    wife_birth = husband_birth + _days(chance.normal(2.5, 3, founders))
    none = np.full(founders, -1)
    people = _joined(
        [
            {
                "sex": np.full(founders, sex),
                "birth": birth,
                "family": none,
                "mother": none,
                "twin": none,
                "line": np.arange(founders) + first,
            }
            for sex, birth, first in ((1, husband_birth, 0), (2, wife_birth, founders))
        ]
    )
    husband, wife = np.arange(founders), np.arange(founders) + founders
    region = chance.integers(0, regions, founders)
    couples: list[dict[str, Ints]] = []
    begun = twins_so_far = 0
    while len(husband):
        size = len(husband)
        youngest = np.maximum(people["birth"][husband], people["birth"][wife])
        wed = youngest + _days(np.maximum(18, chance.normal(26.5, 4, size)))
        divorce = np.where(chance.random(size) < 0.22, wed + _days(chance.exponential(9, size)) + 400, NEVER)
        couple = {
            "number": np.arange(begun, begun + size), "husband": husband, "wife": wife, "wed": wed, "divorce": divorce, "region": region,
            "by_wife": (chance.random(size) < 0.045).astype(np.int64),
        }  # fmt: skip
        couples.append(couple)
        begun += size
        kids, twins_so_far = _children(chance, people, couple, twins_so_far, _TWIN_BIRTHS * profile.twins)
        first = len(people["sex"])
        people = _joined([people, kids])
        husband, wife, region = _matches(chance, kids, first, _joined(couples)["region"], regions)
    every = _joined(couples)
    marriage = np.full(len(people["sex"]), -1)
    marriage[every["husband"]] = every["number"]
    marriage[every["wife"]] = every["number"]
    return Families(
        people["sex"], people["birth"], people["family"], people["mother"], people["twin"], marriage, people["line"],
        every["husband"], every["wife"], every["wed"], every["divorce"], every["by_wife"] > 0, every["region"],
    )  # fmt: skip


def _children(
    chance: np.random.Generator, people: dict[str, Ints], couple: dict[str, Ints], twins_so_far: int, twin_births: float
) -> tuple[dict[str, Ints], int]:
    wife, size = couple["wife"], len(couple["wife"])
    line = np.where(couple["by_wife"] > 0, people["line"][wife], people["line"][couple["husband"]])
    wanted = np.minimum(chance.poisson(2.0, size), 5)
    born = couple["wed"] + _days(chance.exponential(1.6, size)) + 200
    parts = []
    for order in range(5):
        here = (wanted > order) & (born < END) & (born < couple["divorce"]) & (born - people["birth"][wife] < 44 * YEAR)
        twins = here & (chance.random(size) < twin_births)
        group = np.where(twins, twins_so_far + np.cumsum(twins) - 1, -1)
        twins_so_far += int(twins.sum())
        sex = chance.integers(1, 3, size)
        for who, its_sex in ((here, sex), (twins, np.where(chance.random(size) < 0.66, sex, 3 - sex))):
            at = np.flatnonzero(who)
            parts.append(
                {
                    "sex": its_sex[at],
                    "birth": born[at],
                    "family": couple["number"][at],
                    "mother": wife[at],
                    "twin": group[at],
                    "line": line[at],
                }
            )
        born = born + _days(chance.gamma(4, 0.7, size)) + 330
    return _joined(parts), twins_so_far


def _matches(chance: np.random.Generator, kids: dict[str, Ints], first: int, couple_region: Ints, regions: int) -> tuple[Ints, Ints, Ints]:
    """Who marries whom among the children of a generation: in one region, by age, never brother and sister."""
    size = len(kids["sex"])
    ready = (kids["birth"] + 20 * YEAR < END) & (chance.random(size) < 0.86)
    home = couple_region[kids["family"]]
    pairs: list[tuple[Ints, Ints, Ints]] = []
    for region in range(regions):
        sides = []
        for sex, younger in ((1, 0.0), (2, -1.5)):
            side = np.flatnonzero(ready & (kids["sex"] == sex) & (home == region))
            sides.append(side[np.argsort(kids["birth"][side] + chance.normal(younger * YEAR, 2 * YEAR, len(side)), kind="stable")])
        number = min(len(side) for side in sides)
        men, women = (side[np.sort(chance.permutation(len(side))[:number])] for side in sides)
        apart = kids["family"][men] != kids["family"][women]
        pairs.append((first + men[apart], first + women[apart], np.full(int(apart.sum()), region)))
    husband, wife, region_of = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return husband, wife, region_of
