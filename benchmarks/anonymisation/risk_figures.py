"""危険の数値の計測 (risk figures): all figures of a large table by kiban, and pycanon's of the same people beside them, in CPU seconds.

    KIBAN_BENCHMARKS=FOLDER python benchmarks/anonymisation/risk_figures.py [--times 100] [--pycanon-times 1] [--cap 60]
        [--without-pycanon] [--out FILE]

FOLDER holds adult.csv (UCI "Adult" as the ARX project prepares it). kiban measures the table repeated `--times` times, from a table in the
engine's memory, from a Parquet file and with a column that names the person; pycanon measures the table repeated `--pycanon-times` times,
one figure after the other until `--cap` CPU seconds. Its time goes mostly with the number of classes, which repeating does not change: with
the default of 1 it is given a hundredth of the rows, and the ratios are on its side.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from pycanon import anonymity

from kiban_processing.risk import figures, population, reidentification

QUASI = ["age", "sex", "race", "marital-status", "education"]
SENSITIVE = "occupation"
PYCANON: dict[str, Callable[[pd.DataFrame], Any]] = {
    "k": lambda frame: anonymity.k_anonymity(frame, QUASI),
    "alpha": lambda frame: anonymity.alpha_k_anonymity(frame, QUASI, [SENSITIVE])[0],
    "l": lambda frame: anonymity.l_diversity(frame, QUASI, [SENSITIVE]),
    "entropy l": lambda frame: anonymity.entropy_l_diversity(frame, QUASI, [SENSITIVE]),
    "(c,l)": lambda frame: anonymity.recursive_c_l_diversity(frame, QUASI, [SENSITIVE]),
    "t": lambda frame: anonymity.t_closeness(frame, QUASI, [SENSITIVE]),
    "beta": lambda frame: anonymity.basic_beta_likeness(frame, QUASI, [SENSITIVE]),
    "enhanced beta": lambda frame: anonymity.enhanced_beta_likeness(frame, QUASI, [SENSITIVE]),
    "delta": lambda frame: anonymity.delta_disclosure(frame, QUASI, [SENSITIVE]),
}


def cpu() -> float:
    """Seconds of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(run: Callable[[], Any], times: int = 1) -> tuple[Any, float, float]:
    """What it gives, and the median of its CPU and wall seconds."""
    spent, passed, given = [], [], None
    for _ in range(times):
        before, started = cpu(), time.perf_counter()
        given = run()
        spent.append(cpu() - before)
        passed.append(time.perf_counter() - started)
    return given, float(np.median(spent)), float(np.median(passed))


def ours(con: duckdb.DuckDBPyConnection, relation: str, person: str | None = None) -> dict[str, Any]:
    """Everything: the figures, three attackers, and the population estimated for a tenth."""
    found = figures.measure(con, relation, QUASI, [SENSITIVE], person)
    return {
        **found.as_json(),
        "attackers": reidentification.attackers(found.sizes, 0.2, fraction=0.1).as_json(),
        "population": population.estimate(found.sizes, 0.1).as_json(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--cap", type=float, default=60.0, help="seconds after which pycanon gets no further figure")
    parser.add_argument("--pycanon-times", type=int, default=1)
    parser.add_argument("--without-pycanon", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    source = Path(os.environ["KIBAN_BENCHMARKS"]) / "adult.csv"
    measured: list[dict[str, Any]] = []
    with duckdb.connect(config={"threads": 2}) as con, tempfile.TemporaryDirectory() as folder:
        con.execute("CREATE TABLE adult AS SELECT * FROM read_csv(?, delim=';', header=true, all_varchar=true)", [str(source)])
        con.execute(f"CREATE TABLE large AS SELECT adult.*, row_number() OVER () AS person FROM adult, range({asked.times})")
        con.execute(f"COPY large TO '{folder}/large.parquet' (FORMAT parquet, COMPRESSION zstd)")
        rows = con.execute("SELECT count(*) FROM large").fetchall()[0][0]
        for name, relation, person in (
            ("kiban, table in memory", "large", None),
            ("kiban, Parquet file", f"'{folder}/large.parquet'", None),
            ("kiban, Parquet file, persons by column", f"'{folder}/large.parquet'", "person"),
        ):
            found, spent, passed = timed(lambda relation=relation, person=person: ours(con, relation, person), 5)
            measured.append({"by": name, "rows": rows, "figure": "all", "cpu_seconds": spent, "wall_seconds": passed, "value": found})
        frame = con.execute("SELECT * FROM adult").df()
    frame = pd.concat([frame] * asked.pycanon_times, ignore_index=True)
    whole = 0.0
    for name, run in {} if asked.without_pycanon else PYCANON.items():
        if whole > asked.cap:
            measured.append({"by": "pycanon", "rows": len(frame), "figure": name, "cpu_seconds": None, "wall_seconds": None, "value": None})
            continue
        with np.errstate(all="ignore"):
            value, spent, passed = timed(lambda run=run: run(frame))
        whole += spent
        measured.append(
            {
                "by": "pycanon",
                "rows": len(frame),
                "figure": name,
                "cpu_seconds": spent,
                "wall_seconds": passed,
                "value": np.asarray(value).tolist(),
            }
        )
    for one in measured:
        spent = "beyond the cap" if one["cpu_seconds"] is None else f"{one['cpu_seconds']:9.3f} s CPU {one['wall_seconds']:9.3f} s"
        print(f"{one['by']:40} {one['rows']:>9,} rows  {one['figure']:14} {spent}")
    if whole:
        for one in measured[:3]:
            print(f"pycanon's figures together / {one['by']}: {whole / one['cpu_seconds']:,.0f}")
    document = {
        "measured": measured,
        "pycanon_cpu_seconds": whole,
        "ratios": {one["by"]: whole / one["cpu_seconds"] for one in measured[:3]},
    }
    if asked.out:
        asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    else:
        print(json.dumps(document))


if __name__ == "__main__":
    main()
