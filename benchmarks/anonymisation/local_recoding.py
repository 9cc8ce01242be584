"""Measure local recoding on the public benchmark tables: loss, classes, CPU seconds compiled and plain, beside ARX's tabulated figures.

usage: local_recoding.py FOLDER [--full FOLDER] [--cells NAME ...] [--json FILE] [--plain]

FOLDER holds adult, fars_int, nhis_syn_300k and jp_syn_300k with their hierarchies (`NAME_hierarchy_COLUMN.csv`); `--full` one with nhis_syn
and jp_syn of a million rows. The loss printed is recomputed from the released texts, not taken from the search. CPU seconds are those of the
second run in a process (compiled loops are ready) without and with the global search that the local one starts from.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import lattice, local
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity, Model
from kiban_processing.recoding.tuples import Sensitive, Tuples

FIVE = ("age", "sex", "race", "marital-status", "education")
L2, L3, T2 = DistinctDiversity(2), DistinctDiversity(3), Closeness(0.2)
# cell: table, k, quasi-identifiers, sensitive column and model, share that may be suppressed; ARX's best local loss, ARX's global loss at that limit
CELLS: dict[str, tuple[str, int, tuple[str, ...], tuple[str, Model] | None, float, float | None, float | None]] = {
    "adult k=5": ("adult", 5, (), None, 0, 0.1700, 0.5732),
    "fars k=5": ("fars_int", 5, (), None, 0, 0.1077, 0.6640),
    "nhis_syn_300k k=5": ("nhis_syn_300k", 5, (), None, 0, 0.2152, None),
    "jp_syn_300k k=5": ("jp_syn_300k", 5, (), None, 0, 0.1467, None),
    "nhis_syn k=5": ("nhis_syn", 5, (), None, 0, 0.1582, 0.3608),
    "jp_syn k=5": ("jp_syn", 5, (), None, 0, 0.1064, 0.2746),
    **{f"adult k={k}": ("adult", k, (), None, 0, arx, None) for k, arx in ((2, 0.116), (10, 0.219), (50, 0.336))},
    **{f"fars k={k}": ("fars_int", k, (), None, 0, arx, None) for k, arx in ((2, 0.077), (10, 0.147), (50, 0.211))},
    "adult, 5 items, k=5": ("adult", 5, FIVE, None, 0, 0.0491, None),
    "adult l=2": ("adult", 5, (), ("occupation", L2), 0, 0.1163, 0.542),
    "adult l=3": ("adult", 5, (), ("occupation", L3), 0, 0.1175, 0.542),
    "adult t=0.2": ("adult", 5, (), ("occupation", T2), 0, None, 0.918),
    "adult t=0.2, 10 %": ("adult", 5, (), ("occupation", T2), 0.1, None, 0.694),
    "fars l=2": ("fars_int", 5, (), ("iinjury", L2), 0, 0.4069, 0.675),
    "fars l=3": ("fars_int", 5, (), ("iinjury", L3), 0, 0.4083, 0.696),
    "fars t=0.2": ("fars_int", 5, (), ("iinjury", T2), 0, None, 0.850),
    "fars t=0.2, 2 %": ("fars_int", 5, (), ("iinjury", T2), 0.02, None, 0.681),
    "fars t=0.2, 5 %": ("fars_int", 5, (), ("iinjury", T2), 0.05, None, 0.578),
    "fars t=0.2, 10 %": ("fars_int", 5, (), ("iinjury", T2), 0.1, None, 0.530),
}
ONE_MILLION = ("nhis_syn", "jp_syn")


def load(folder: Path, table: str, chosen: Sequence[str] = (), sensitive: tuple[str, Model] | None = None) -> Tuples:
    """The distinct tuples of a benchmark table; `chosen`: its quasi-identifiers, else every column that has a hierarchy."""
    source, named = folder / f"{table}.csv", table.removesuffix("_300k")
    con = duckdb.connect()
    rows = f"read_csv('{source}', delim=';', header=true, all_varchar=true)"
    present = [one[0] for one in con.execute(f"SELECT * FROM {rows} LIMIT 0").description or []]
    left_out = sensitive[0] if sensitive else ""
    names = [one for one in chosen or present if one != left_out and (folder / f"{named}_hierarchy_{one}.csv").exists()]
    trees = [hierarchy.read(one, "1", (folder / f"{named}_hierarchy_{one}.csv").read_text(encoding="utf-8")) for one in names]
    listed = ", ".join(f'"{one}"' for one in [*names, *([left_out] if sensitive else [])])
    columns = con.execute(f"SELECT {listed}, count(*) AS persons FROM {rows} GROUP BY ALL ORDER BY ALL").fetchnumpy()
    leaves = []
    for tree, name in zip(trees, names, strict=True):
        values, number = np.unique(columns[name].astype(str), return_inverse=True)
        place = {leaf: at for at, leaf in enumerate(tree.leaves)}
        leaves.append(np.array([place[str(value)] for value in values], dtype=np.int64)[number])
    asked: tuple[Sensitive, ...] = ()
    if sensitive:
        codes = np.unique(columns[sensitive[0]].astype(str), return_inverse=True)[1].astype(np.int64)
        asked = (Sensitive(sensitive[0], codes, (sensitive[1],)),)
    return Tuples(tuple(trees), tuple(leaves), columns["persons"].astype(np.int64), asked)


def recomputed(tuples: Tuples, found: Recoding) -> float:
    """The geometric loss from the released texts and the hierarchies' rows alone."""
    product = 1.0
    for attribute, (tree, leaves) in enumerate(zip(tuples.hierarchies, tuples.leaves, strict=True)):
        rows = [[tree.labels[level][tree.codes[level][leaf]] for leaf in range(tree.size)] for level in range(tree.levels)]
        covers = [{text: row.count(text) / tree.size for text in set(row)} for row in rows]
        level = np.where(found.of < 0, -1, found.levels[found.of, attribute].astype(np.int64))
        persons: dict[tuple[int, int], int] = {}
        pairs, number = np.unique(level * (tree.size + 1) + leaves, return_inverse=True)
        counts = np.bincount(number, weights=tuples.persons)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            persons[divmod(pair, tree.size + 1)] = int(count)
        mean = sum((1.0 if at < 0 else covers[at][rows[at][leaf]]) * count for (at, leaf), count in persons.items()) / tuples.total
        product *= 1 + max((mean - 1 / tree.size) / (1 - 1 / tree.size), 0) if tree.size > 1 else 1
    return float(product ** (1 / len(tuples.hierarchies)) - 1)


def measure(folder: Path, name: str, plain: bool) -> dict[str, object]:
    """One cell's figures."""
    table, k, chosen, sensitive, limit, arx_local, arx_global = CELLS[name]
    tuples = load(folder, table, chosen, sensitive)
    allowed = int(limit * tuples.total + 1e-9)
    seconds = [time.process_time()]
    optimum = lattice.search(tuples, Demand(k), allowed)
    seconds.append(time.process_time())
    if sensitive is None and len(tuples) < 100_000:
        local.recode(tuples, Demand(k), allowed, global_optimum=optimum)  # makes the compiled loops ready
    begun = time.process_time()
    found = local.recode(tuples, Demand(k), allowed, global_optimum=optimum)
    seconds.append(time.process_time() - begun)
    if found is None:
        raise SystemExit(f"{name}: nothing satisfies what is asked")
    without = None
    if plain:
        begun = time.process_time()
        same = local.recode(tuples, Demand(k), allowed, global_optimum=optimum, compiled=False)
        without = round(time.process_time() - begun, 2)
        assert same is not None
        assert (same.of == found.of).all(), "compiled and plain loops differ"
    lost = recomputed(tuples, found)
    assert abs(lost - found.loss_geometric) < 1e-9
    return {
        "cell": name,
        "tuples": len(tuples),
        "loss": round(lost, 5),
        "global": None if optimum is None else round(optimum.loss_geometric, 5),
        "classes": len(found.sizes),
        "smallest": int(found.sizes.min()),
        "suppressed": found.suppressed,
        "cpu": round(seconds[2], 2),
        "cpu_plain": without,
        "cpu_global": round(seconds[1] - seconds[0], 2),
        "arx_local": arx_local,
        "of_arx_local": None if arx_local is None else round(lost / arx_local, 3),
        "arx_global": arx_global,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", type=Path)
    parser.add_argument("--cells", nargs="*")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plain", action="store_true", help="measure the form without numba too, and compare the classes")
    given = parser.parse_args()
    rows = []
    for name in given.cells or CELLS:
        folder = given.full if CELLS[name][0] in ONE_MILLION else given.folder
        if folder is None:
            print(f"{name}: left out, no --full folder")
            continue
        rows.append(measure(folder, name, given.plain))
        one = rows[-1]
        print(
            f"{name:20} loss {one['loss']:<8} global {one['global']!s:8} classes {one['classes']:<7} suppressed {one['suppressed']:<6} "
            f"CPU {one['cpu']:<6} plain {one['cpu_plain']!s:6} of ARX local {one['of_arx_local']!s:6} ARX global {one['arx_global']}",
            flush=True,
        )
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
