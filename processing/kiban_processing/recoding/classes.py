"""組分け (classes): which tuples share a class, which classes satisfy everything asked, and what a whole recoding amounts to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.recoding.tuples import Integers, Truths, Tuples

Node = tuple[int, ...]
Levels = npt.NDArray[np.int8]

_DENSE = 1 << 22  # up to so many possible keys are counted by position rather than by sorting


@dataclass(frozen=True)
class Classes:
    """The classes of one node: `of[tuple]` its class, `sizes` in persons, `kept[tuple]` whether its class satisfies everything asked."""

    of: Integers
    sizes: Integers
    kept: Truths
    suppressed: int  # persons


@dataclass(frozen=True)
class Recoding:
    """The result of any method: every tuple's class and every class's level of each quasi-identifier.

    `of[tuple]`: class, -1 where the persons of the tuple are suppressed; `levels[class, attribute]`; `sizes[class]` in persons;
    all members of a class have the same value at its levels, and no two classes have all values in common. `node`: the one level per
    attribute where the whole column is recoded alike (global), else None. `judged`: how many nodes or candidates were counted.
    `loss_geometric`, `loss_arithmetic`: always the Loss measure, whatever was minimised; `minimised`: the value of what a search minimised
    (Loss: the geometric loss; entropy: its own geometric mean), None where nothing was. `optimal`: no other node has a smaller value.
    """

    of: Integers
    levels: Levels
    sizes: Integers
    suppressed: int  # persons
    loss_geometric: float
    loss_arithmetic: float
    node: Node | None = None
    judged: int = 0
    minimised: float | None = None
    optimal: bool = False


def numbered(columns: Iterable[npt.NDArray[np.int32]], widths: list[int], length: int) -> Integers:
    """The number of each combination of codes; combinations are renumbered before the key could overflow."""
    key: Integers = np.zeros(length, dtype=np.int64)
    space = 1
    for column, width in zip(columns, widths, strict=True):
        if space * width >= 1 << 62:
            key, space = _dense(key)
        key *= width
        key += column
        space *= width
    if space <= max(_DENSE, 4 * length):
        present = np.zeros(space, dtype=bool)
        present[key] = True
        return np.asarray((np.cumsum(present) - 1)[key], dtype=np.int64)
    return _dense(key)[0]


def at_node(tuples: Tuples, node: Node) -> Integers:
    """The class of every tuple where the whole column is recoded to one level."""
    columns = (h.codes[level][leaves] for h, level, leaves in zip(tuples.hierarchies, node, tuples.leaves, strict=True))  # one at a time
    return numbered(columns, [len(h.labels[level]) for h, level in zip(tuples.hierarchies, node, strict=True)], len(tuples))


def of_node(tuples: Tuples, node: Node, classes: Classes, lost: tuple[float, float], judged: int) -> Recoding:
    """The recoding of a node: its satisfied classes numbered anew, everybody else suppressed."""
    kept = np.zeros(len(classes.sizes), dtype=bool)
    kept[classes.of[classes.kept]] = True
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    levels = np.tile(np.asarray(node, dtype=np.int8), (int(kept.sum()), 1))
    of = number[classes.of] if len(tuples) else classes.of
    return Recoding(of, levels, classes.sizes[kept], classes.suppressed, *lost, node, judged)


def narrowed(tuples: Tuples, recoding: Recoding, of: Integers, kept: Truths, lost: tuple[float, float]) -> Recoding:
    """A recoding from which some classes were taken out; class numbers stay, an emptied class has size 0.

    `tuples` with their classes `of`, as they are counted now; `kept[class]`.
    """
    of = np.where(kept[of], of, -1)
    stay = of >= 0
    sizes = np.bincount(of[stay], weights=tuples.persons[stay], minlength=len(recoding.sizes)).astype(np.int64)
    left_out = recoding.suppressed + int(tuples.persons[~stay].sum())
    return Recoding(of, recoding.levels, sizes, left_out, *lost, recoding.node, recoding.judged)  # no longer what a search minimised


def _dense(key: Integers) -> tuple[Integers, int]:
    values, number = np.unique(key, return_inverse=True)
    return number.astype(np.int64), len(values)
