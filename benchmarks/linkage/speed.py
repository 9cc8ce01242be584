"""名寄せの速さ (speed): normalise, block, score and cluster, beside the raw ten-rule self-join of DuckDB on the same rows in the same run.

    python -m benchmarks.linkage.speed WORLD... [--repeat 1] [--memory 4GB] [--limit-gib 12] [--no-raw] [--json FILE]

WORLD: a folder with `registrations.csv`. For each: the raw join (each candidate pair once, on text columns made ready before; its own time
alone), `linkage.model.link` from registrations laid out as text to clusters and the explained pairs of the review, as `kiban link` asks for, and
`kiban link` from file to files, each in a process of its own. A process whose resident memory passes the limit is ended and told. CPU seconds are those of all threads; on a
machine shared with others compare their ratios, least of `--repeat`. `--no-raw`: leave out the yardstick, whose pairs grow with the square (10 million rows).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.linkage import stock_rows, watched

GIB = 2**30


def raw(file: Path, memory: str, folder: Path) -> dict[str, Any]:
    """In a child: the yardstick."""
    import duckdb

    con = duckdb.connect(config={"threads": 2, "memory_limit": memory, "temp_directory": str(folder / "spill")})
    table = stock_rows.make(con, file)
    laps = watched.Laps()
    pairs = stock_rows.self_join(con, table)
    laps.lap("raw join")
    found = stock_rows.self_join(con, table, keep=False)
    laps.lap("raw join, counted only")
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    return {"rows": rows, "pairs": pairs, "found_by_rules": found, "laps": laps.found}


def ours(file: Path, memory: str, folder: Path) -> dict[str, Any]:
    """In a child: the linkage without reading and writing files."""
    from kiban_operator.workshop import open_workshop
    from kiban_processing.linkage import model, registrations

    with open_workshop(folder, memory) as con:
        counted = registrations.lay(con, registrations.read([file]))
        laps = watched.Laps()
        found = model.link(con, "linkage_registrations", explained=("review",))
        laps.lap("normalise, block, score, cluster")
    return {"rows": counted["registrations"], "clusters": found.report["clusters"], "pairs": found.report["pairs"], "laps": laps.found}


def measured(which: str, world: Path, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The run with the least CPU."""
    file = str(world / "registrations.csv")
    if which == "file to files":
        command = [*watched.KIBAN, "--json", "link", file, "--out", str(work / "out")]
    else:
        command = [sys.executable, "-m", "benchmarks.linkage.speed", "--child", which, file, "--memory", given.memory, "--work", str(work)]
    best: dict[str, Any] = {}
    for _ in range(given.repeat):
        spent = watched.run(command, work / "told", int(given.limit_gib * GIB))
        found: dict[str, Any] = {"process": {"cpu": spent.cpu, "wall": spent.wall, "peak_gib": spent.peak / GIB, "ended": spent.ended}}
        if which != "file to files" and not spent.ended:
            found |= json.loads(spent.out)
        if not best or _cpu(found) < _cpu(best):
            best = found
    return best


def _cpu(found: dict[str, Any]) -> float:
    laps = found.get("laps")
    return float(next(iter(laps.values()))["cpu"] if laps else found["process"]["cpu"])


def told(name: str, found: dict[str, Any]) -> str:
    yardstick = found.get("raw", {}).get("laps", {}).get("raw join")
    lines = [
        f"\n{name}\n",
        "| what | CPU s | wall s | times the raw join (CPU) | (wall) | peak GiB of the process |",
        "|---|---|---|---|---|---|",
    ]
    for which, each in found.items():
        rows = list(each.get("laps", {}).items()) or [("kiban link, file to files", each["process"])]
        for what, spent in rows:
            ratios = [f"{spent[kind] / yardstick[kind]:.1f}" if yardstick else "" for kind in ("cpu", "wall")]
            ended = ", ended at the limit" if each["process"]["ended"] else ""
            figures = [f"{spent['cpu']:.1f}", f"{spent['wall']:.1f}", *ratios, f"{each['process']['peak_gib']:.2f}"]
            lines.append("| " + " | ".join([f"{what}{ended}" if which != "ours" else f"ours: {what}{ended}", *figures]) + " |")
    if "raw" in found and "pairs" in found["raw"]:
        lines.append(f"\n{found['raw']['rows']:,} registrations, {found['raw']['pairs']:,} pairs of the raw join")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--memory", default="4GB", help="of DuckDB")
    parser.add_argument("--limit-gib", type=float, default=12.0, help="of resident memory")
    parser.add_argument("--no-raw", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", choices=("raw", "ours"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps({"raw": raw, "ours": ours}[given.child](given.worlds[0], given.memory, given.work)))
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="kiban-bench-") as name:
        for world in given.worlds:
            work = (given.work or Path(name)) / world.name
            work.mkdir(parents=True, exist_ok=True)
            kinds = ["ours", "file to files"] if given.no_raw else ["raw", "ours", "file to files"]
            found[world.name] = {which: measured(which, world, given, work) for which in kinds}
            print(told(world.name, found[world.name]), flush=True)
            if given.json:
                given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
