"""生涯 (lives): the persons of a world and their histories between 1998 and 2025: surname, household, dwelling, insurance, mobile telephone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from data_examples.linkage_world import families as family_trees
from data_examples.linkage_world import foreign, homes, insurance, naming
from data_examples.linkage_world.families import Families
from data_examples.linkage_world.histories import BEGIN, END, LONG_AGO, NEVER, YEAR, History, Ints, Log
from data_examples.linkage_world.homes import Homes
from data_examples.linkage_world.insurance import Insurances
from data_examples.linkage_world.profiles import Profile


@dataclass
class Foreigners:
    """Per person: `group` (country, −1 for Japanese), figures that choose the tokens of the name, and since when an alias (通称名) is used."""

    group: Ints
    family_token: Ints
    given_token: Ints
    alias_since: Ints


@dataclass
class World:
    """Persons by number. Surnames (in `surname`) and `given` are number × names.FORMS + written shape."""

    families: Families
    death: Ints
    arrival: Ints  # first day one can be met in the regions of the world
    given: Ints
    surname: History
    homes: Homes
    insurances: Insurances
    mobile: History
    foreigners: Foreigners
    namesake: Ints  # group of injected namesakes, −1
    regions: int

    @property
    def persons(self) -> int:
        return self.families.persons


def live(chance: np.random.Generator, founders: int, regions: int, profile: Profile) -> World:
    """The lives of `founders` couples and of their descendants."""
    tree = family_trees.found(chance, founders, regions, profile)
    count, birth = tree.persons, tree.birth
    early = chance.random(count) < 0.06
    age = np.where(early, chance.random(count) * 70, chance.normal(84, 9, count))
    death = birth + (np.maximum(0, age) * YEAR).astype(np.int64)
    given = naming.given_names(chance, tree, profile)
    born_with = naming.surnames(chance, count, profile)[tree.line]
    child = np.flatnonzero(tree.family >= 0)
    divorced = tree.divorce[tree.family[child]]
    split = child[(divorced < END) & (divorced < birth[child] + 20 * YEAR)]
    with_mother = split[chance.random(len(split)) < 0.7]
    surname = _surnames(chance, tree, born_with, with_mother)
    home = homes.settle(chance, tree, death, with_mother, regions, profile)
    covered = insurance.insure(chance, tree, with_mother, profile)
    world = World(
        tree, death, birth.copy(), given, surname, home, covered, _mobiles(chance, birth), _foreigners(chance, tree, home, profile),
        np.full(count, -1), regions,
    )  # fmt: skip
    _detach(world)
    return world


def _surnames(chance: np.random.Generator, tree: Families, born_with: Ints, with_mother: Ints) -> History:
    """At the wedding one of the two takes the other's name; many take their own back at a divorce, and some children with them."""
    log = Log()
    log.add(np.arange(tree.persons), LONG_AGO, born_with)
    changes = np.where(tree.by_wife, tree.husband, tree.wife)
    keeps = np.where(tree.by_wife, tree.wife, tree.husband)
    log.add(changes, tree.wed, born_with[keeps])
    returns = (tree.divorce < END) & (chance.random(tree.couples) < 0.6)
    log.add(changes[returns], tree.divorce[returns], born_with[changes[returns]])
    family = tree.family[with_mother]
    renamed = with_mother[returns[family] & ~tree.by_wife[family] & (chance.random(len(with_mother)) < 0.6)]
    log.add(renamed, tree.divorce[tree.family[renamed]] + 60, born_with[tree.wife[tree.family[renamed]]])
    return log.close()


def _mobiles(chance: np.random.Generator, birth: Ints) -> History:
    """A mobile number from one's youth or from about 2000 on; new numbers now and then, rarely since they can be taken along."""
    count = len(birth)
    gets = birth + ((14 + chance.random(count) * 5) * YEAR).astype(np.int64)
    gets = np.maximum(gets, BEGIN + (chance.exponential(2.5, count) * YEAR).astype(np.int64))
    log, at = Log(), np.flatnonzero(chance.random(count) < np.where(birth < -12_000, 0.6, 0.98))
    day = gets[at]
    for _ in range(4):
        log.add(at, day, chance.integers(0, 300_000_000, len(at)))
        day = day + (chance.exponential(30, len(at)) * YEAR + 300).astype(np.int64)
        at, day = at[day < END], day[day < END]
    return log.close()


def _foreigners(chance: np.random.Generator, tree: Families, home: Homes, profile: Profile) -> Foreigners:
    """One person in forty: people who came alone, and couples who came with or had their children here."""
    count = tree.persons
    share = 0.0295 * profile.foreigners
    couple = chance.random(tree.couples) < share * 1.5 * ((tree.wed > BEGIN - 4000) & (tree.divorce > END))
    abroad = (chance.random(count) < share * 2.4) & (tree.marriage < 0) & (tree.twin < 0) & (home.leaves < END) & (tree.birth > -9000)
    abroad[tree.husband[couple]] = abroad[tree.wife[couple]] = True
    child = np.flatnonzero(tree.family >= 0)
    abroad[child[couple[tree.family[child]]]] = True
    shares = np.cumsum([group[0] for group in foreign.groups()])
    origin = np.searchsorted(shares / shares[-1], chance.random(count) * 0.999999)
    token = chance.integers(0, 1 << 20, count)
    alias = np.where(chance.random(count) < 0.35, np.where(chance.random(count) < 0.6, LONG_AGO, chance.integers(BEGIN, END, count)), NEVER)
    # a family is of one country; the children have the father's family name
    origin[tree.wife[couple]] = origin[tree.husband[couple]]
    mine = child[couple[tree.family[child]]]
    father = tree.husband[tree.family[mine]]
    origin[mine], token[mine], alias[mine] = origin[father], token[father], alias[father]
    return Foreigners(np.where(abroad, origin, -1), token, chance.integers(0, 1 << 20, count), np.where(abroad, alias, NEVER))


def _detach(world: World) -> None:
    """Who came from abroad has no parents here, and is met only after the day of leaving home or marrying."""
    tree = world.families
    abroad = world.foreigners.group >= 0
    parents_abroad = np.zeros(world.persons, bool)
    child = np.flatnonzero(tree.family >= 0)
    parents_abroad[child] = abroad[tree.husband[tree.family[child]]]
    came = np.flatnonzero(abroad & ~parents_abroad)
    wed = np.where(tree.marriage[came] >= 0, tree.wed[np.maximum(tree.marriage[came], 0)], NEVER)
    world.arrival[came] = np.minimum(world.homes.leaves[came], wed)
    tree.family[came] = -1
    tree.mother[came] = -1
