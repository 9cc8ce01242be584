"""本人番号 (serials): persons numbered in the order in which they came into being; who keeps a number when groups change.

On a merge the older person survives; on a split the part that holds the person's first registration keeps the number; a number is
never given twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiban_processing.linkage.clusters import Nodes

NOT_YET = -1


@dataclass(frozen=True)
class Renumbering:
    """`serials`: of each registration. `new`: serials given for the first time, in order. `merged`: (survivor, ended) serials.
    `split`: (person, split off). `gone`: persons of whom no registration is left."""

    serials: Nodes
    new: Nodes
    merged: tuple[Nodes, Nodes]
    split: tuple[Nodes, Nodes]
    gone: Nodes


def assign(labels: Nodes, before: Nodes, place: Nodes, left_over: Nodes, following: int) -> Renumbering:
    """The persons of registrations in the order of their names.

    `labels`: the group of each. `before`: its serial until now, or NOT_YET; `place`: its seniority within that person, lower is older.
    `left_over`: serials of registrations that are no more. `following`: the next serial not yet given.

    >>> outcome = assign(np.array([0, 0, 2]), np.array([4, 7, NOT_YET]), np.array([1, 2, 3]), np.array([], int), 9)
    >>> outcome.serials.tolist(), [each.tolist() for each in outcome.merged]
    ([4, 4, 9], [[4], [7]])
    """
    groups, first, group = np.unique(labels, return_index=True, return_inverse=True)
    held = np.flatnonzero(before >= 0)
    held = held[np.lexsort((place[held], before[held]))]
    persons, at = np.unique(before[held], return_index=True)
    claims = group[held[at]]
    keeper = np.full(len(groups), NOT_YET, np.int64)
    keeper[claims[::-1]] = persons[::-1]  # the oldest is written last and stays
    fresh = np.flatnonzero(keeper < 0)
    fresh = fresh[np.argsort(first[fresh])]
    keeper[fresh] = following + np.arange(len(fresh))
    survivor = keeper[claims]
    ended = persons != survivor
    moved = np.unique(np.stack([before[held], keeper[group[held]]], axis=1), axis=0)
    into = survivor[np.searchsorted(persons, moved[:, 0])] if len(persons) else moved[:, 0]
    off = moved[:, 1] != into
    return Renumbering(
        keeper[group],
        keeper[fresh],
        (survivor[ended], persons[ended]),
        (moved[off, 0], moved[off, 1]),
        np.setdiff1d(left_over, persons),
    )
