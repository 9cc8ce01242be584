"""命名 (naming): which surname a line of a family has, and which given name a child gets; siblings and twins are often named alike."""

from __future__ import annotations

import numpy as np
from data_examples.linkage_world import names
from data_examples.linkage_world.families import Families
from data_examples.linkage_world.histories import Ints, year_of
from data_examples.linkage_world.profiles import Profile

_OLD_SHAPE_OF_SURNAME, _OLD_SHAPE_OF_GIVEN = 0.28, 0.12  # of the names that have older shapes
_AFTER_PARENT, _LIKE_SIBLING, _LIKE_TWIN = 0.05, 0.08, 0.35


def surnames(chance: np.random.Generator, size: int, profile: Profile) -> Ints:
    """Surname × FORMS + written shape for each founder."""
    vocabulary = names.surnames()
    weights = vocabulary.weights**profile.common
    drawn = np.searchsorted(np.cumsum(weights), chance.random(size) * weights.sum() * 0.999999)
    return _shaped(chance, drawn, vocabulary, _OLD_SHAPE_OF_SURNAME)


def given_names(chance: np.random.Generator, families: Families, profile: Profile) -> Ints:
    """Given name × FORMS + written shape for each person, by sex and decade of birth; twins never have the same one."""
    sex, birth, family, twin = families.sex, families.birth, families.family, families.twin
    given = np.zeros(families.persons, np.int64)
    decade = np.clip((year_of(birth) - 1900) // 10, 0, 12)
    for which in (1, 2):
        vocabulary = names.given_names(which)
        steps = np.cumsum(vocabulary.weights**profile.common, axis=1)
        for ten in range(13):
            at = np.flatnonzero((sex == which) & (decade == ten))
            given[at] = np.searchsorted(steps[ten], chance.random(len(at)) * steps[ten, -1] * 0.999999)
        near = _near_names(vocabulary)
        parent = families.husband if which == 1 else families.wife
        child = np.flatnonzero((sex == which) & (family >= 0))
        after = child[chance.random(len(child)) < _AFTER_PARENT]
        given[after] = _pick(near, given[parent[family[after]]], chance)
        elder = _elder(families, which)
        child = child[elder[child] >= 0]
        alike = child[chance.random(len(child)) < np.where(twin[child] >= 0, _LIKE_TWIN, _LIKE_SIBLING)]
        given[alike] = _pick(near, given[elder[alike]], chance)
        for _ in range(50):  # siblings of one sex have different names; a new name may meet the next one's
            same = child[given[child] == given[elder[child]]]
            if not len(same):
                break
            given[same] = (given[same] + 1 + chance.integers(0, 40, len(same))) % len(vocabulary)
    for which in (1, 2):
        mine = np.flatnonzero(sex == which)
        given[mine] = _shaped(chance, given[mine], names.given_names(which), _OLD_SHAPE_OF_GIVEN)
    return given


def _shaped(chance: np.random.Generator, drawn: Ints, vocabulary: names.Vocabulary, share: float) -> Ints:
    shape = chance.integers(0, 127, len(drawn)) % vocabulary.shapes[drawn]
    return np.asarray(drawn * names.FORMS + np.where(chance.random(len(drawn)) < share, shape, 0))


def _near_names(vocabulary: names.Vocabulary) -> tuple[Ints, Ints, Ints]:
    """Names grouped by their first character: name → group, the members group by group, where each group begins."""
    groups: dict[str, int] = {}
    group = np.array([groups.setdefault(vocabulary.forms[i * names.FORMS][0], len(groups)) for i in range(len(vocabulary))])
    members = np.argsort(group, kind="stable")
    return group, members, np.searchsorted(group[members], np.arange(len(groups) + 1))


def _pick(near: tuple[Ints, Ints, Ints], name: Ints, chance: np.random.Generator) -> Ints:
    group, members, begins = near
    mine = group[name]
    first, size = begins[mine], begins[mine + 1] - begins[mine]
    return np.asarray(members[first + (chance.random(len(name)) * np.minimum(size, 12)).astype(np.int64)])


def _elder(families: Families, sex: int) -> Ints:
    """The next elder sibling of the same sex (of twins, the one before), −1 if none."""
    at = np.flatnonzero((families.sex == sex) & (families.family >= 0))
    order = at[np.lexsort((at, families.birth[at], families.family[at]))]
    elder = np.full(families.persons, -1)
    together = families.family[order[1:]] == families.family[order[:-1]]
    elder[order[1:][together]] = order[:-1][together]
    return elder
