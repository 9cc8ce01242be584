"""加工の報告 (report): what the run did and what the written table is, as one document that a script can read; no value of the table in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiban_processing.anonymity import Figures, Quasi
from kiban_processing.one_table.verifying import Recount
from kiban_processing.recoding import demands
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Closeness, DistinctDiversity, Ground
from kiban_processing.recoding.tuples import Integers
from kiban_processing.table_plan import Method, OneTablePlan

ANJANA = (
    "The levels in node are the choice of the library anjana; every other figure is ours: the classes were formed, written, read back and "
    "counted by kiban's own code."
)

QUICK = (
    "The local search was its first start alone, as for tables of this size or as asked for; the full one may lose less (--effort full)."
)


@dataclass(frozen=True)
class Ran:
    """What a run found. `by_level`: see there; `again`: the written file, read back; `peak` in bytes, `seconds` per stage."""

    figures: Figures
    class_persons: Integers
    by_level: Mapping[str, list[int]]
    node: Sequence[int] | None
    optimal: bool
    quick: bool
    again: Recount
    records: int
    seconds: Mapping[str, float]
    peak: int | None


def compose(plan: OneTablePlan, quasi: Sequence[Quasi], ran: Ran) -> dict[str, object]:
    """The report. `classes`, `k` and `released_records` are those of the written file, read back. Losses: 0 as it was, 1 nothing left."""
    figures, again = ran.figures, ran.again
    sizes, numbers = np.unique(ran.class_persons, return_counts=True)
    return {
        "method": plan.method.value,
        "metric": plan.metric.value,
        "note": ANJANA if plan.method is Method.ANJANA else QUICK if ran.quick else None,
        "k": again.k,
        "k_asked": plan.k,
        "counted": "persons" if plan.person else "rows",
        "classes": again.classes,
        "class_sizes": {str(size): int(number) for size, number in zip(sizes, numbers, strict=True)},
        "records": ran.records,
        "released_records": again.rows,
        "suppressed_records": ran.records - again.rows,
        "suppressed_persons": figures.suppressed if plan.person else None,
        "suppression_limit": plan.suppression_limit,
        "loss_geometric": figures.loss_geometric,
        "loss_arithmetic": figures.loss_arithmetic,
        "optimal": ran.optimal,
        "node": None if ran.node is None else {one.column: int(level) for one, level in zip(quasi, ran.node, strict=True)},
        "levels": {one.column: one.hierarchy.levels for one in quasi},
        "by_level": dict(ran.by_level),
        "sensitive": [
            {
                "column": one.column,
                "l_asked": max((model.l for model in one.models if isinstance(model, DistinctDiversity)), default=None),
                "l": distinct,
                "t_asked": min(
                    (model.t for model in one.models if isinstance(model, Closeness) and model.ground is Ground.EQUAL), default=None
                ),
                "t": distance,
                "models": [
                    {"model": demands.called(model), "asked": demands.bound(model), "reached": each if math.isfinite(each) else None}
                    for model, each in zip(one.models, reached, strict=True)
                ],
            }
            for one, (distinct, distance), reached in zip(plan.asked, figures.reached, figures.of_models, strict=True)
        ],
        "seconds": dict(ran.seconds),
        "peak_memory_bytes": ran.peak,
    }


def by_level(quasi: Sequence[Quasi], recoding: Recoding) -> dict[str, list[int]]:
    """Per quasi-identifier how many released persons (rows) stand at each level, level 0 first."""
    found = {}
    for attribute, one in enumerate(quasi):
        counts = np.bincount(recoding.levels[:, attribute], weights=recoding.sizes, minlength=one.hierarchy.levels)
        found[one.column] = [int(count) for count in counts]
    return found


def write(content: Mapping[str, object], file: Path) -> None:
    """The report as JSON."""
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
