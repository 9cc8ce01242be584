"""More rows than memory: `kiban anonymise` on a generated table under a limit of memory, most rows first and no other process counted.

    python benchmarks/anonymisation/larger_than_memory.py [--rows 100000000] [--limit-gb 4] [--folder DIR] [--method local]

The table (nine columns of text, independent but for skew; no real person) is generated in chunks. The command runs as a process of its own
whose resident memory may not pass the limit: it is watched and ended if it does, and its own peak is taken from the report.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 1_000_000
# column: values, how much commoner the first ones are, width of the bands up to the top
# so skewed that as many rows repeat as in the survey tables of the other benchmarks: of 1 M rows 76 % are distinct, of 10 M 51 %
COLUMNS = {
    "birth_year": (80, 0.0, (5, 20)), "sex": (2, 0.0, ()), "prefecture": (47, 1.5, (6,)), "admission_month": (12, 0.0, (3, 6)),
    "disease_group": (22, 1.8, (5,)), "department": (14, 1.6, (4,)), "stay_days": (30, 2.2, (7,)), "outcome": (4, 2.5, (2,)),
    "insurance": (3, 1.5, ()),
}  # fmt: skip


def shares(values: int, skew: float) -> np.ndarray:
    weight = 1 / np.arange(1, values + 1) ** skew
    return weight / weight.sum()


def generate(rows: int, folder: Path, seed: int) -> Path:
    """The table and the hierarchies in ARX form, below `folder`."""
    random = np.random.default_rng(seed)
    schema = pa.schema([(name, pa.dictionary(pa.int32(), pa.string())) for name in COLUMNS])
    labels = {name: pa.array([f"{name[:3]}{value:02}" for value in range(values)]) for name, (values, _, _) in COLUMNS.items()}
    with pq.ParquetWriter(folder / "table.parquet", schema, store_schema=False) as file:
        for start in range(0, rows, CHUNK):
            length = min(CHUNK, rows - start)
            columns = []
            for name, (values, skew, _) in COLUMNS.items():
                drawn = random.choice(values, length, p=shares(values, skew)).astype(np.int32)
                columns.append(pa.DictionaryArray.from_arrays(pa.array(drawn), labels[name]))
            file.write_table(pa.table(columns, schema=schema))
    for name, (values, _, bands) in COLUMNS.items():
        lines = []
        for value in range(values):
            wider = [f"{name[:3]}{value // band * band:02}-{min(value // band * band + band, values) - 1:02}" for band in bands]
            lines.append(";".join([f"{name[:3]}{value:02}", *wider, "*"]))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.parquet"


def resident(pid: int) -> int:
    """Bytes of a process in memory now; 0 where it is gone. Linux only."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def run(table: Path, folder: Path, method: str, limit: int) -> dict[str, object]:
    command = [sys.executable, "-c", "from kiban_applications.command_line.entry import main; main()", "--json", "anonymise", str(table)]
    command += [
        "--out",
        str(folder / "out"),
        "--k",
        "5",
        "--suppression",
        "0.05",
        "--method",
        method,
        "--format",
        "parquet",
        "--memory",
        "1GB",
    ]
    for name in COLUMNS:
        command += ["--qi", f"{name}={folder / name}.csv"]
    start = time.perf_counter()
    with (folder / "told").open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
        greatest, passed = 0, False
        while process.poll() is None:
            greatest = max(greatest, resident(process.pid))
            if greatest > limit:
                passed = True
                process.kill()
            time.sleep(0.05)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome: dict[str, object] = {
        "completed": process.returncode == 0, "ended_above_the_limit": passed, "watched_peak_gb": greatest / 2**30,
        "wall_seconds": time.perf_counter() - start, "cpu_seconds": spent.ru_utime + spent.ru_stime,
    }  # fmt: skip
    text = (folder / "told").read_text("utf-8")
    if process.returncode == 0:
        report = json.loads(text)
        keys = ("k", "classes", "records", "released_records", "loss_geometric", "seconds", "note")
        outcome |= {name: report[name] for name in keys} | {"peak_gb": report["peak_memory_bytes"] / 2**30}
    else:
        outcome["said"] = text[-500:]
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--limit-gb", type=float, default=4.0)
    parser.add_argument("--method", choices=("local", "global"), default="local")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kiban-large-", dir=given.folder) as name:
        folder = Path(name)
        start = time.process_time()
        table = generate(given.rows, folder, given.seed)
        made = time.process_time() - start
        found = {
            "rows": given.rows,
            "columns": len(COLUMNS),
            "limit_gb": given.limit_gb,
            "method": given.method,
            "generate_cpu_seconds": made,
        }
        found["table_gb"] = table.stat().st_size / 2**30
        found |= run(table, folder, given.method, int(given.limit_gb * 2**30))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["completed"] else 1)


if __name__ == "__main__":
    main()
