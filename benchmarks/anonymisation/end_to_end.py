"""From file to files: `kiban anonymise` as a process of its own, beside a raw copy of the same table by DuckDB in the same run.

    python benchmarks/anonymisation/end_to_end.py --small FOLDER [--parquet NAME=FILE ...] [--method local] [--repeat 3] [--out FILE.json]

`--small`: folder with `adult.csv` and `fars_int.csv` and their hierarchies (ARX's format): the whole process, start to files, beside the
whole process of ARX as tabulated in ARX_WHOLE (CPU seconds on a machine of two cores). `--parquet`: a table whose hierarchies are
`FOLDER/NAME_hierarchy_COLUMN.csv`: Parquet to Parquet, read back and counted. CPU seconds (user and system) of the process, least of
`--repeat`; ratios against the raw copy, so that the speed of the machine cancels.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Whole process of ARX 3.9.2 (start, load, one search at 5 %, k = 5): CPU seconds, median of three.
ARX_WHOLE = {"adult": 3.8, "fars_int": 4.7}
COPY = "import sys, duckdb; duckdb.execute('SET threads = 2'); duckdb.execute(f\"COPY (FROM '{sys.argv[1]}') TO '{sys.argv[2]}' (FORMAT parquet)\")"
KIBAN = "from kiban_applications.command_line.entry import main; main()"


@dataclass(frozen=True)
class Spent:
    cpu: float
    wall: float
    peak: int  # bytes


def spent(arguments: list[str], told: Path) -> Spent:
    """What one process takes, from its start to its end."""
    start = time.perf_counter()
    with told.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(told.read_text("utf-8")[-1000:])
    return Spent(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def least(arguments: list[str], repeat: int, told: Path, out: Path) -> Spent:
    found = []
    for _ in range(repeat):
        shutil.rmtree(out, ignore_errors=True)
        found.append(spent(arguments, told))
    return min(found, key=lambda one: one.cpu)


def command(table: Path, hierarchies: Path, name: str, out: Path, method: str, written: str) -> list[str]:
    columns = sorted(path.stem.removeprefix(f"{name}_hierarchy_") for path in hierarchies.glob(f"{name}_hierarchy_*.csv"))
    words = [sys.executable, "-c", KIBAN, "--json", "anonymise", str(table), "--out", str(out), "--k", "5", "--suppression", "0.05"]
    words += ["--method", method, "--format", written, "--threads", "2"]
    for column in columns:
        words += ["--qi", f"{column}={hierarchies / f'{name}_hierarchy_{column}.csv'}"]
    return words


def small(folder: Path, name: str, repeat: int, work: Path) -> dict[str, Any]:
    used = least(command(folder / f"{name}.csv", folder, name, work / "out", "global", "both"), repeat, work / "told", work / "out")
    report = json.loads((work / "told").read_text("utf-8"))
    return {
        "table": name, "method": "global", "cpu": used.cpu, "peak_gb": used.peak / 2**30, "arx_cpu": ARX_WHOLE[name],
        "times_arx": ARX_WHOLE[name] / used.cpu, "loss": report["loss_geometric"], "suppressed": report["suppressed_records"],
    }  # fmt: skip


def large(folder: Path, name: str, table: Path, method: str, repeat: int, work: Path) -> dict[str, Any]:
    raw = least([sys.executable, "-c", COPY, str(table), str(work / "raw.parquet")], repeat, work / "told", work / "none")
    used = least(command(table, folder, name, work / "out", method, "parquet"), repeat, work / "told", work / "out")
    report = json.loads((work / "told").read_text("utf-8"))
    return {
        "table": f"{name} ({table.stat().st_size / 2**20:.0f} MB)", "rows": report["records"], "method": method, "raw_copy_cpu": raw.cpu,
        "cpu": used.cpu, "times_raw": used.cpu / raw.cpu, "wall": used.wall, "raw_wall": raw.wall, "peak_gb": used.peak / 2**30,
        "loss": report["loss_geometric"], "k": report["k"], "classes": report["classes"], "seconds": report["seconds"], "note": report["note"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=Path, required=True, help="folder with adult, fars_int and the hierarchies")
    parser.add_argument("--parquet", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--method", choices=("local", "global"), default="local")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {"whole_process": [], "parquet_to_parquet": []}
    with tempfile.TemporaryDirectory(prefix="kiban-bench-") as name:
        work = Path(name)
        for table in ARX_WHOLE:
            if (given.small / f"{table}.csv").is_file():
                found["whole_process"].append(small(given.small, table, given.repeat, work))
        for one in given.parquet:
            table, _, file = one.partition("=")
            found["parquet_to_parquet"].append(large(given.small, table, Path(file), given.method, given.repeat, work))
    print("| table | CPU s | ARX, tabulated | times faster | loss | suppressed | peak GB |\n|---|---|---|---|---|---|---|")
    for row in found["whole_process"]:
        print(
            f"| {row['table']} | {row['cpu']:.2f} | {row['arx_cpu']} | {row['times_arx']:.1f} | {row['loss']:.4f} | {row['suppressed']:,} | {row['peak_gb']:.2f} |"
        )
    print("\n| table | rows | raw copy CPU s | CPU s | times the raw copy | peak GB | loss | k |\n|---|---|---|---|---|---|---|---|")
    for row in found["parquet_to_parquet"]:
        print(
            f"| {row['table']} | {row['rows']:,} | {row['raw_copy_cpu']:.2f} | {row['cpu']:.2f} | {row['times_raw']:.2f} | {row['peak_gb']:.2f} | {row['loss']:.4f} | {row['k']} |"
        )
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
