"""増分 (increment): one submission more, judged from the standing classes, beside counting everybody anew; and the search anew from there.

    python benchmarks/anonymisation/increment.py [FOLDER TABLE] [--sensitive COLUMN] [--limit 0.05] [--k 5] [--share 0.01] [--json FILE]

Without a table: 400,000 made-up patients. Of the persons a share joins and a tenth of that share leaves. CPU seconds, median of the repeats. The
results of both ways are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import encoded_tables
import numpy as np

from kiban_processing.recoding import increment, lattice
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity, Model
from kiban_processing.recoding.tuples import Sensitive, Tuples

CASES: dict[str, tuple[Model, ...]] = {"k": (), "k + distinct l": (DistinctDiversity(2),), "k + t-closeness": (Closeness(0.4),)}


def main() -> int:
    options = _options()
    tuples = encoded_tables.read(options.folder, options.table, options.sensitive)[0] if options.table else encoded_tables.made(400_000, 1)
    random = np.random.default_rng(7)
    if not tuples.sensitive:
        tuples = replace(tuples, sensitive=(Sensitive("made", np.minimum(random.geometric(0.35, len(tuples)) - 1, 9)),))
    demand = Demand(options.k)
    before, joined, left, after = split(tuples, options.share, random)
    allowed = int(options.limit * before.total + 1e-9)
    plain = [replace(one, sensitive=()) for one in (before, after)]
    chosen = lattice.search(plain[0], demand, allowed)
    if chosen is None or chosen.node is None:
        raise SystemExit("no node keeps what is asked within the limit")
    node = chosen.node
    rows: list[dict[str, Any]] = []
    for name, models in CASES.items():
        tables = [replace(one, sensitive=(replace(one.sensitive[0], models=models),)) for one in (before, joined, left, after)]
        standing = increment.stand(tables[0], node, demand)
        taken, seconds = timed(lambda: increment.step(standing, tables[1], tables[2], demand), options.repeats)  # noqa: B023
        anew, whole = timed(lambda: increment.stand(tables[3], node, demand), options.repeats)  # noqa: B023
        if not (np.array_equal(taken.standing.kept, anew.kept) and np.array_equal(taken.standing.persons, anew.persons)):
            raise AssertionError("the increment differs from counting anew")
        rows.append(
            {
                "case": name,
                "classes": len(anew.persons),
                "changed": taken.changed,
                "judged": taken.judged,
                "seconds": seconds,
                "anew": whole,
            }
        )
        print(
            f"{name:18s} classes {len(anew.persons):7d}  changed {taken.changed:6d}  judged {taken.judged:7d}  cpu {seconds:.4f}  anew {whole:.4f}  {whole / seconds:.1f}x"
        )
    limit = int(options.limit * after.total + 1e-9)
    again, seconds = timed(lambda: lattice.search(plain[1], demand, limit, start=node), options.repeats)
    anew_search, whole = timed(lambda: lattice.search(plain[1], demand, limit), options.repeats)
    if again is None or anew_search is None or again.node != anew_search.node:
        raise AssertionError("the search from the standing node differs")
    print(
        f"search from the standing node: cpu {seconds:.3f}, judged {again.judged}; from nothing: {whole:.3f}, judged {anew_search.judged}"
    )
    rows.append({"case": "search", "judged": again.judged, "seconds": seconds, "anew": whole, "node": again.node, "standing": node})
    if options.json:
        options.json.write_text(json.dumps({"persons": after.total, "tuples": len(after), "rows": rows}, indent=1), encoding="utf-8")
    return 0


def split(tuples: Tuples, share: float, random: np.random.Generator) -> tuple[Tuples, Tuples, Tuples, Tuples]:
    """Who was there, who joined, who left, and who is there now."""
    joined = random.binomial(tuples.persons, share)
    before = tuples.persons - joined
    left = random.binomial(before, share / 10)
    return tuple(_having(tuples, persons) for persons in (before, joined, left, tuples.persons - left))  # type: ignore[return-value]


def _having(tuples: Tuples, persons: np.ndarray) -> Tuples:
    return replace(tuples, persons=persons.astype(np.int64)).of(np.flatnonzero(persons))


def timed(act: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """The result and the median CPU seconds."""
    taken, found = [], act()
    for _ in range(repeats):
        before = time.process_time()
        found = act()
        taken.append(time.process_time() - before)
    return found, statistics.median(taken)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("table", nargs="?", default="")
    parser.add_argument("--sensitive")
    parser.add_argument("--limit", type=float, default=0.05)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
