"""公開値 (released values): from classes to a recoding: every class's lowest common levels, and classes that release the same made one."""

from __future__ import annotations

import numpy as np

from kiban_processing.recoding import losses
from kiban_processing.recoding.classes import Levels, Recoding
from kiban_processing.recoding.tuples import Integers, Tuples


def named(tuples: Tuples, of: Integers) -> Recoding | None:
    """The recoding of classes (-1: suppressed); None where the members of a class have no common value in some attribute.

    Classes whose released values are all the same text are one class, also where the texts stand at different levels.
    """
    while True:
        inside = np.flatnonzero(of >= 0)
        order = inside[np.argsort(of[inside], kind="stable")]
        starts = np.flatnonzero(np.diff(of[order], prepend=-1))
        number = np.full(len(of), -1, dtype=np.int64)
        number[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
        levels = _common(tuples, order, starts)
        if levels is None:
            return None
        same = _alike(tuples, order[starts], levels)
        if len(same) == 0 or same.max() + 1 == len(same):
            break
        of = np.where(number >= 0, same[number], -1)
    sizes = np.bincount(number[order], weights=tuples.persons[order], minlength=len(starts)).astype(np.int64)
    lost = losses.of_recoding(tuples, number, levels, tuples.total)
    return Recoding(number, levels, sizes, tuples.total - int(sizes.sum()), *lost)


def united(tuples: Tuples, recoding: Recoding) -> Recoding:
    """A recoding of one node whose classes are named as those of a local one; itself where their values are too few to be named so."""
    found = named(tuples, recoding.of)
    return recoding if found is None or found.loss_geometric > recoding.loss_geometric else found


def _common(tuples: Tuples, order: Integers, starts: Integers) -> Levels | None:
    levels = np.zeros((len(starts), len(tuples.hierarchies)), dtype=np.int8)
    if len(starts) == 0:
        return levels
    for attribute, (hierarchy, leaves) in enumerate(zip(tuples.hierarchies, tuples.leaves, strict=True)):
        own = leaves[order]
        for level in range(hierarchy.levels):
            codes = hierarchy.codes[level][own]
            levels[:, attribute] += np.minimum.reduceat(codes, starts) != np.maximum.reduceat(codes, starts)
        if (levels[:, attribute] >= hierarchy.levels).any():
            return None
    return levels


def _alike(tuples: Tuples, rep: Integers, levels: Levels) -> Integers:
    """The same number for classes that release the same texts."""
    number = np.zeros(len(rep), dtype=np.int64)
    for attribute, (hierarchy, leaves) in enumerate(zip(tuples.hierarchies, tuples.leaves, strict=True)):
        texts: dict[str | None, int] = {}
        of_value = [np.array([texts.setdefault(label, len(texts)) for label in labels], dtype=np.int64) for labels in hierarchy.labels]
        table = np.stack([of_value[level][hierarchy.codes[level]] for level in range(hierarchy.levels)])
        text = table[levels[:, attribute], leaves[rep]]
        number = np.unique(number * len(texts) + text, return_inverse=True)[1].astype(np.int64)
    return number
