"""速い局所的再符号化 (quick local recoding): the first start of the local search alone, for tables on which all of them would take too long.

Top-down splitting of the whole table (`regions`), once: near linear in the number of distinct tuples, and their memory several times over.
What `local` does beyond it (other starts, moves, the comparison with the global optimum) is left out, and so is its promise that no global
recoding is better.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.recoding import losses, naming, region_counting, regions
from kiban_processing.recoding import paths as ways
from kiban_processing.recoding.classes import Levels, Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.region_counting import LOGARITHMS
from kiban_processing.recoding.regions import Judging
from kiban_processing.recoding.tuples import Integers, Tuples


def possible(tuples: Tuples, demand: Demand) -> bool:
    """Whether k is all that is asked, and every hierarchy ends in one value for all, so that the whole table is one region that holds."""
    return (
        not any(one.models for one in tuples.sensitive)
        and not demand.population
        and len(tuples) > 0
        and len(tuples.hierarchies) > 0
        and all(len(one.labels[-1]) == 1 for one in tuples.hierarchies)
        and tuples.total >= demand.k
    )


def recode(tuples: Tuples, demand: Demand, metric: Metric = Metric.LOSS, compiled: bool | None = None) -> Recoding:
    """A local recoding of a question that is `possible`; nobody is left out. `tuples`: distinct by their quasi-identifiers.

    `compiled`: False for the plain form, which gives the same classes.
    """
    if not (region_counting.COMPILED if compiled is None else compiled):
        built = ways.build(tuples, False, metric)
        of = regions.split(built, np.zeros(len(built), np.int64), Judging(_never, demand.k, True), False)
        found = naming.named(tuples, of[built.unit_of])
        if found is None:
            raise AssertionError("a class without a common value")
        return found
    codes, costs = ways.tables(tuples, metric, None, None)
    count = len(tuples.hierarchies)
    rows = np.empty((len(tuples), count), dtype=_narrow(codes.shape[1]))
    for attribute, leaves in enumerate(tuples.leaves):
        rows[:, attribute] = leaves
    persons = tuples.persons.astype(np.int32 if tuples.total < 1 << 31 else np.int64)
    order = np.arange(len(tuples), dtype=np.int32)  # more tuples than that fit no memory
    bounds = np.array([0, len(tuples)], dtype=np.int64)
    marks = region_counting.split_rows(rows, persons, order, codes, costs, bounds, max(demand.k, 1), LOGARITHMS)
    starts = np.flatnonzero(marks)
    levels = region_counting.common_levels_of(rows, starts, codes)
    sizes = np.add.reduceat(persons, starts, dtype=np.int64)
    lost = _lost(tuples, rows[starts], levels, sizes)
    of = np.empty(len(tuples), dtype=np.int32)
    of[order] = np.cumsum(marks, dtype=np.int32) - 1
    return Recoding(of, levels, sizes, 0, *lost, judged=len(starts))


def _lost(tuples: Tuples, first: npt.NDArray[Any], levels: Levels, sizes: Integers) -> tuple[float, float]:
    """The losses, from one member of each class: all of a class release the same value."""
    parts = []
    for attribute, hierarchy in enumerate(tuples.hierarchies):
        share = np.stack([hierarchy.shares[level][hierarchy.codes[level]] for level in range(hierarchy.levels)])
        covered = float((share[levels[:, attribute], first[:, attribute]] * sizes).sum())
        parts.append(losses.scaled_mean(covered / max(tuples.total, 1), hierarchy.size))
    return losses.root(math.prod(1 + part for part in parts), len(parts)), float(np.mean(parts))


def _narrow(values: int) -> Any:
    return np.int8 if values <= 1 << 7 else np.int16 if values <= 1 << 15 else np.int32


def _never(units: Integers, group: Integers, groups: int) -> npt.NDArray[np.bool_]:
    raise AssertionError("only k is asked")
