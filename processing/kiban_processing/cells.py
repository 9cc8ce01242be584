"""セルの削除 (cells): persons whose class stays too small give up their quasi-identifiers' cells before they are left out (Reg 18(v)).

All cells of a person go to the top of their hierarchies. Those who then agree are a class like any other: it must satisfy everything asked,
and whoever already stood at the top belongs to it. Where it does not, its persons are left out. Source: Samarati 2001, 5 (cell
suppression is generalisation to the top).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiban_processing.recoding import classes as grouping
from kiban_processing.recoding import judging, losses
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Tuples


@dataclass(frozen=True)
class Rescued:
    """The recoding with the classes of emptied cells, the first number of these, and the persons in them who had been left out."""

    recoding: Recoding
    first: int
    persons: int


def by_cell(tuples: Tuples, demand: Demand, recoding: Recoding) -> Rescued:
    """The recoding in which suppressed persons stay at the top of every hierarchy, where their class satisfies everything.

    The loss counts an emptied cell as one that says nothing. `node` stays: the level of everybody else.
    """
    first = len(recoding.sizes)
    top = tuple(hierarchy.levels - 1 for hierarchy in tuples.hierarchies)
    at_top = (recoding.levels == np.asarray(top, dtype=np.int8)).all(axis=1)
    chosen = np.flatnonzero((recoding.of < 0) | at_top[recoding.of])
    if recoding.suppressed == 0 or len(chosen) == 0:
        return Rescued(recoding, first, 0)
    part = tuples.of(chosen)
    of = grouping.at_node(part, top)
    number = int(of.max()) + 1
    wholes = tuple(judging.whole(tuples, one) for one in tuples.sensitive)
    # Only groups that somebody suppressed would join; another one stays the class it is.
    joined = np.bincount(of, weights=np.where(recoding.of[chosen] < 0, part.persons, 0), minlength=number).astype(np.int64)
    good = judging.satisfied(part, demand, of, number, wholes) & (joined > 0)
    if not good.any():
        return Rescued(recoding, first, 0)
    numbers = np.cumsum(good) - 1 + first
    assigned = recoding.of.copy()
    assigned[chosen] = np.where(good[of], numbers[of], recoding.of[chosen])
    stay = assigned >= 0
    sizes = np.bincount(assigned[stay], weights=tuples.persons[stay], minlength=first + int(good.sum())).astype(np.int64)
    levels = np.concatenate([recoding.levels, np.tile(np.asarray(top, dtype=np.int8), (int(good.sum()), 1))])
    lost = losses.of_recoding(tuples, assigned, levels, tuples.total)
    rescued = int(joined[good].sum())
    found = Recoding(assigned, levels, sizes, recoding.suppressed - rescued, *lost, recoding.node, recoding.judged)
    return Rescued(found, first, rescued)
