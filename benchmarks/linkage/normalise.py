"""Time of the linkage's normalisation beside a raw ten-rule self-join of the same registrations, in one run.

    python -m benchmarks.linkage.normalise FILE.csv... [--threads 2]

Prints processor and wall seconds of counting and keys together, of the keys by frozen counts alone, of the self-join, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from kiban_processing.linkage import keys, registrations

# Ten blocks of plain Fellegi–Sunter linkage; on integers, so that the join is as fast as it can be.
RULES = (
    ("dob", "surname_kana"), ("dob", "given_kana"), ("dob", "surname_kanji"), ("dob", "given_kanji"), ("kana_wide", "dob_year"),
    ("kana_wide", "dob_monthday"), ("insurance", "given_kana"), ("phone", "given_kana"), ("insurance", "dob"), ("phone", "dob"),
)  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("files", nargs="+", type=Path)
    asked.add_argument("--threads", type=int, default=2)
    given = asked.parse_args()
    con = duckdb.connect(config={"threads": given.threads})
    counts = registrations.lay(con, registrations.read(given.files))
    frozen: list[keys.Frozen] = []
    relation = "linkage_registrations"
    times = {
        "count_and_keys": timed(lambda: frozen.append(keys.normalise_and_count(con, relation))),
        "keys_by_frozen_counts": timed(lambda: keys.normalise_relation(con, relation, frozen[0], "again")),
        "ten_rule_self_join": timed(lambda: con.execute(self_join("linkage_keys")).fetchall()),
    }
    ratio = times["count_and_keys"]["processor"] / times["ten_rule_self_join"]["processor"]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"registrations": counts["registrations"], **times, "ratio": round(ratio, 2), "peak_mib": most}, indent=1))


def timed(work: Callable[[], object]) -> dict[str, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(time.perf_counter() - wall, 2), "processor": round(time.process_time() - processor, 2)}


def self_join(table: str) -> str:
    """Counts the different pairs that any of the rules proposes."""
    joins = " UNION ".join(
        f'SELECT l.node AS "left", r.node AS "right" FROM {table} l JOIN {table} r ON '
        + " AND ".join(f"l.{column} = r.{column}" for column in rule)
        + " AND l.node < r.node"
        for rule in RULES
    )
    return f"SELECT count(*) FROM ({joins})"


if __name__ == "__main__":
    main()
