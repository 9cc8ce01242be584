"""全体最適の探索 (global search): the optimum per table and suppression limit, its cost, and the same cells as ARX 3.9.2 was measured.

    python benchmarks/anonymisation/global_search.py FOLDER [FOLDER ...] [--tables adult,fars_int] [--limits 0,0.02,0.05,0.1] [--k 5]
        [--repeats 3] [--metric loss|entropy] [--no-numpy] [--json FILE] [--made ROWS]

CPU seconds of the search alone, median of the repeats, after one run to warm up; numba and NumPy only. ARX's seconds were measured on another
occasion on a machine of this kind (thread CPU, warm, garbage collection not counted): compare by the ratio, and see by the NumPy-only
column how fast this machine is today.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import encoded_tables

from kiban_processing.recoding import lattice
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Tuples

Cell = tuple[tuple[int, ...], float, int, float]  # node, loss, suppressed, ARX's CPU seconds (warm)
ARX: dict[tuple[str, float], Cell] = {  # k = 5, Loss, geometric mean
    ("adult", 0.0): ((0, 4, 1, 1, 3, 2, 2, 1, 0), 0.5732, 0, 0.06),
    ("adult", 0.02): ((0, 3, 0, 2, 2, 1, 1, 2, 0), 0.3137, 506, 0.77),
    ("adult", 0.05): ((0, 3, 0, 0, 2, 1, 1, 2, 0), 0.2419, 1346, 0.57),
    ("adult", 0.1): ((0, 3, 0, 0, 2, 1, 1, 1, 0), 0.2204, 2553, 0.79),
    ("fars_int", 0.0): ((4, 2, 3, 0, 1, 2, 2, 2), 0.6640, 0, 0.18),
    ("fars_int", 0.02): ((4, 0, 2, 2, 0, 0, 2, 0), 0.2003, 1591, 1.67),
    ("fars_int", 0.05): ((3, 0, 1, 1, 0, 0, 2, 0), 0.1542, 4597, 1.19),
    ("fars_int", 0.1): ((3, 0, 1, 1, 0, 0, 1, 0), 0.1530, 6438, 1.72),
    ("nhis_syn", 0.0): ((0, 0, 0, 3, 4, 0, 0, 1, 1), 0.3608, 0, 9.4),
    ("nhis_syn", 0.02): ((3, 0, 0, 1, 3, 1, 0, 0, 1), 0.2169, 13513, 127.9),
    ("nhis_syn", 0.05): ((1, 0, 0, 1, 3, 1, 0, 0, 1), 0.1986, 45742, 100.7),
    ("nhis_syn", 0.1): ((2, 0, 0, 1, 3, 0, 0, 0, 1), 0.1954, 60937, 95.0),
    ("jp_syn", 0.0): ((0, 4, 2, 2, 2, 3), 0.2746, 0, 5.7),
    ("jp_syn", 0.02): ((0, 2, 2, 2, 2, 2), 0.1402, 18158, 16.6),
    ("jp_syn", 0.05): ((0, 3, 2, 2, 1, 2), 0.1369, 41467, 27.3),
    ("jp_syn", 0.1): ((0, 3, 2, 2, 1, 2), 0.1369, 41467, 28.6),
    ("nhis_syn_300k", 0.05): ((3, 0, 0, 1, 3, 1, 0, 0, 1), 0.2436, 12901, 18.8),
    ("jp_syn_300k", 0.05): ((0, 3, 2, 2, 2, 2), 0.1696, 10268, 3.55),
}
ARX_ENTROPY: dict[tuple[str, float], tuple[float, float]] = {  # k = 5: value, CPU seconds (warm)
    ("adult", 0.0): (0.5874, 0.05),
    ("adult", 0.02): (0.3782, 1.2),
    ("adult", 0.05): (0.3509, 1.2),
    ("adult", 0.1): (0.3471, 1.1),
    ("fars_int", 0.0): (0.6818, 0.1),
    ("fars_int", 0.02): (0.2873, 2.3),
    ("fars_int", 0.05): (0.2408, 1.7),
    ("fars_int", 0.1): (0.2408, 1.7),
}
TABLES = ("adult", "fars_int", "nhis_syn_300k", "jp_syn_300k", "nhis_syn", "jp_syn")


def main() -> int:
    options = _options()
    cells: list[dict[str, Any]] = []
    for name, tuples in _tables(options):
        for limit in (float(text) for text in options.limits.split(",")):
            cell = measured(name, tuples, limit, options)
            cells.append(cell)
            print(line(cell), flush=True)
    if options.json:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        report = {"k": options.k, "metric": options.metric, "cells": cells, "peak_memory_bytes": peak}
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    return 1 if any(cell["equal"] is False for cell in cells) else 0


def measured(name: str, tuples: Tuples, limit: float, options: argparse.Namespace) -> dict[str, Any]:
    """One cell: what was found, how long it took, and whether it is what ARX found."""
    allowed = int(limit * tuples.total + 1e-9)
    metric = Metric(options.metric)
    found, seconds = timed(tuples, options.k, allowed, metric, True, options.repeats)
    plain = None
    if not options.no_numpy:
        other, plain = timed(tuples, options.k, allowed, metric, False, max(options.repeats // 2, 1))
        if (other and other.node) != (found and found.node):
            raise AssertionError("numba and NumPy differ")
    cell: dict[str, Any] = {
        "table": name,
        "persons": tuples.total,
        "tuples": len(tuples),
        "limit": limit,
        "seconds": seconds,
        "numpy_seconds": plain,
    }
    cell |= {"arx_seconds": None, "equal": None}
    if found:
        cell |= {"node": found.node, "value": found.minimised, "loss": found.loss_geometric, "suppressed": found.suppressed}
        cell |= {"judged": found.judged, "optimal": found.optimal}
    if options.k == 5 and metric is Metric.LOSS and (theirs := ARX.get((name, limit))):
        cell["arx_seconds"] = theirs[3]
        cell["equal"] = bool(
            found and found.node == theirs[0] and abs(found.loss_geometric - theirs[1]) < 6e-5 and found.suppressed == theirs[2]
        )
    if options.k == 5 and metric is Metric.ENTROPY and (entropy := ARX_ENTROPY.get((name, limit))):
        cell["arx_seconds"] = entropy[1]
        cell["equal"] = bool(found and found.minimised is not None and abs(found.minimised - entropy[0]) < 6e-5)
    return cell


def timed(tuples: Tuples, k: int, allowed: int, metric: Metric, compiled: bool, repeats: int) -> tuple[Any, float]:
    """The result and the median CPU seconds."""
    found, taken = None, []
    for number in range(repeats + compiled):
        before = time.process_time()
        found = lattice.search(tuples, Demand(k), allowed, metric, compiled=compiled)
        if number or not compiled:
            taken.append(time.process_time() - before)
    return found, statistics.median(taken)


def line(cell: dict[str, Any]) -> str:
    """One cell as a row."""
    theirs = cell["arx_seconds"]
    ratio = f"{theirs / cell['seconds']:6.1f}x" if theirs else "      -"
    plain = f"{cell['numpy_seconds']:8.3f}" if cell["numpy_seconds"] is not None else "       -"
    node = ",".join(map(str, cell.get("node", ()))) or "none"
    equal = {True: "equal", False: "DIFFERS", None: "-"}[cell["equal"]]
    return (
        f"{cell['table']:14s} {cell['limit']:5.2f} {node:20s} {cell.get('value') or 0:.6f} {cell.get('suppressed', 0):8d} "
        f"judged {cell.get('judged', 0):4d}  cpu {cell['seconds']:7.3f}  numpy {plain}  arx {theirs if theirs else '-':>6}  {ratio}  {equal}"
    )


def _tables(options: argparse.Namespace) -> Any:
    if options.made:
        yield f"made_{options.made}", encoded_tables.made(options.made, 1)
    wanted = options.tables.split(",") if options.tables else TABLES
    for folder in options.folders:
        for name in wanted:
            if (folder / f"{name}.csv").exists():
                yield name, encoded_tables.read(folder, name)[0]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("KIBAN_BENCHMARKS")
    parser.add_argument("folders", nargs="*", type=Path, default=[Path(folder)] if folder else [])
    parser.add_argument("--tables", default="")
    parser.add_argument("--limits", default="0,0.02,0.05,0.1")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--metric", default="loss")
    parser.add_argument("--no-numpy", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--made", type=int, default=0, help="also a table of so many made-up patients")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
