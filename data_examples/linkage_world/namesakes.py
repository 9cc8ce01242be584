"""同姓同名 (namesakes): some registered persons get the full name and the birth date of another; common names more often, a third in one city."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from data_examples.linkage_world import names, places
from data_examples.linkage_world.histories import YEAR, Bools, Ints
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.profiles import Profile
from data_examples.linkage_world.visits import Visits

_SHARE = 0.0017  # of the registered persons get the name and birth date of another one
_SAME_CITY = 0.3
# A name of which its parts promise n bearers is drawn with n to this power: chance meetings of name and birth date grow faster than the name.
# The parts tell how common a name is even in a small world, where most names are borne once.
_WEIGHT = 1.6


def plant(world: World, visits: Visits, chance: np.random.Generator, profile: Profile) -> None:
    """Changes given name and birth date of the copies, and marks both with the number of their group."""
    tree = world.families
    persons, first = np.unique(visits.person, return_index=True)
    day = visits.day[first]
    surname = world.surname.at(persons, day) // names.FORMS
    city = places.atlas(world.regions).city[world.homes.town[world.homes.home.at(world.homes.unit.at(persons, day), day)]]
    free = (world.foreigners.group[persons] < 0) & (tree.twin[persons] < 0) & ~np.isin(persons, visits.person[visits.baby])
    weight = _met_by_parts(surname, world.given[persons] // names.FORMS) ** _WEIGHT
    for near, share in ((True, _SAME_CITY), (False, 1 - _SAME_CITY)):
        at = np.flatnonzero(free & (world.namesake[persons] < 0))
        birth, sex = tree.birth[persons[at]], tree.sex[persons[at]]
        columns = (birth, sex, surname[at], city[at]) if near else (birth, sex, surname[at])
        order = at[np.lexsort(columns)]
        source, copy = order[:-1], order[1:]
        fits = (surname[source] == surname[copy]) & (tree.sex[persons[source]] == tree.sex[persons[copy]])
        fits &= (tree.birth[persons[copy]] - tree.birth[persons[source]] < 6 * YEAR) & ~_related(world, persons[source], persons[copy])
        # the copy's registrations stay after its birth, since the source is the elder
        fits &= (city[source] == city[copy]) if near else (city[source] != city[copy])
        fits[1:] &= ~fits[:-1]  # nobody in two pairs
        able = np.flatnonzero(fits)
        wanted = min(len(able), round(_SHARE * profile.namesakes * len(persons) * share))
        if not wanted:
            continue
        able = chance.choice(able, wanted, replace=False, p=weight[source[able]] / weight[source[able]].sum())
        one, other = persons[source[able]], persons[copy[able]]
        world.namesake[one] = world.namesake[other] = int(world.namesake.max()) + 1 + np.arange(wanted)
        world.given[other] = world.given[one]
        tree.birth[other] = tree.birth[one]


def _met_by_parts(surname: Ints, given: Ints) -> npt.NDArray[np.float64]:
    """How many would bear the full name of each person if surnames and given names met by chance."""
    each = (np.unique(part, return_inverse=True, return_counts=True) for part in (surname, given))
    families, first = (held[inverse].astype(float) for _, inverse, held in each)
    return np.asarray(families * first / len(surname))


def _related(world: World, one: Ints, other: Ints) -> Bools:
    tree = world.families
    found = (tree.family[one] == tree.family[other]) & (tree.family[one] >= 0)
    for a, b in (
        (tree.family[one], tree.marriage[other]),
        (tree.marriage[one], tree.family[other]),
        (tree.marriage[one], tree.marriage[other]),
    ):
        found |= (a == b) & (a >= 0)
    return np.asarray(found)
