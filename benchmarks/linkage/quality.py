"""名寄せの質 (quality): `kiban link` beside stock Splink on the same worlds in the same run, scored by truth that neither saw.

    python -m benchmarks.linkage.quality WORLD... [--no-stock] [--memory 4GB] [--json FILE] [--work DIR]

WORLD: a folder with `registrations.csv` and `truth.csv` (and `world.json`), as `python -m data_examples.linkage_world` makes them, of any
size, seed and noise; a world with doubled errors is one made with `--noise 2`. Each linkage runs as a process of its own from file to
files. Ours has no threshold to set; stock's are those of `stock_splink.py`. Precision and recall are over all true pairs; "over/M" are
persons in a cluster with somebody else, per million persons; after review: a perfect reviewer answers the items of review.csv in their order.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from benchmarks.linkage import stock_splink, watched
from data_examples.linkage_world import scoring

# What the scorer asks of a person, from a truth that holds no more than the reason why somebody is hard to tell (`cause`).
_COMPLETED = """
    SELECT site_id, local_patient_id, person, tags, -1 AS family_of_birth, -1 AS family_of_marriage, if(cause = 'twin', 0, -1) AS twin,
           if(cause = 'namesake', 0, -1) AS namesake, if(cause = 'foreign', 1, 0) AS foreigner, if(cause = 'newborn', 1, 0) AS newborn,
           '' AS surname, '' AS dwelling, '' AS insurer, person AS name, '' AS birth_date
    FROM truth_file"""


def truth_of(world: Path, work: Path) -> Path:
    """The truth with all columns that the scorer reads; of a simpler one any two twins count as each other's, which is never too few."""
    with (world / "truth.csv").open(encoding="utf-8") as file:
        columns = next(csv.reader(file))
    if "cause" not in columns:
        return world / "truth.csv"
    completed = work / "truth.csv"
    with duckdb.connect() as con:
        con.read_csv(str(world / "truth.csv"), all_varchar=True, header=True).create_view("truth_file")
        con.sql(_COMPLETED).write_csv(str(completed))
    return completed


def ours(world: Path, work: Path) -> dict[str, Any]:
    out = work / "ours"
    spent = watched.run([*watched.KIBAN, "--json", "link", str(world / "registrations.csv"), "--out", str(out)], work / "told")
    found = scoring.score(truth_of(world, work), out / "persons.csv", out / "review.csv")
    return {"variant": "kiban link", **_spent(spent), **found}


def stock(world: Path, work: Path, guard: bool, memory: str) -> Iterator[dict[str, Any]]:
    out = work / "stock"
    program = [
        sys.executable,
        "-m",
        "benchmarks.linkage.stock_splink",
        str(world / "registrations.csv"),
        "--out",
        str(out),
        "--memory",
        memory,
    ]
    spent = watched.run([*program, *(["--guard"] if guard else [])], work / "told")
    for weight in stock_splink.GUARD_WEIGHTS if guard else stock_splink.AWARE_WEIGHTS:
        found = scoring.score(truth_of(world, work), out / f"persons-{weight:g}.csv")
        yield {"variant": f"stock Splink, aware{' + guard' if guard else ''}, weight {weight:g}", **_spent(spent), **found}


def _spent(spent: watched.Spent) -> dict[str, float]:
    return {"cpu_seconds": spent.cpu, "wall_seconds": spent.wall, "peak_gib": spent.peak / 2**30}


def told(world: str, rows: list[dict[str, Any]]) -> str:
    lines = [
        f"\n{world}\n",
        "| variant | P | R | F1 | over/M | clusters of twins | after review: P | R | items per 1,000 | R at 25 | R at 58 | CPU s | peak GiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        review = row.get("review")
        after = ["", "", "", "", ""]
        if review:
            budgets = review.get("by_budget", {})
            after = [f"{review['precision']:.5f}", f"{review['recall']:.4f}", f"{review['items_per_1000_persons']:.1f}"]
            after += [f"{budgets.get(items, review)['recall']:.4f}" for items in ("25", "58")]
        cells = [
            row["variant"], f"{row['precision']:.5f}", f"{row['recall']:.4f}", f"{row['f1']:.4f}", f"{row['over_per_million']:,.0f}",
            f"{row['over_merges_by_cause']['twins']['clusters']:,}", *after, f"{row['cpu_seconds']:.0f}", f"{row['peak_gib']:.2f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", type=Path, nargs="+")
    parser.add_argument("--no-stock", action="store_true")
    parser.add_argument("--memory", default="4GB", help="of stock Splink's DuckDB")
    parser.add_argument("--work", type=Path, help="where outputs are kept; by default they are removed")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="kiban-bench-") as name:
        for world in given.worlds:
            work = (given.work or Path(name)) / world.name
            work.mkdir(parents=True, exist_ok=True)
            rows = [ours(world, work)]
            if not given.no_stock:
                rows += [row for guard in (False, True) for row in stock(world, work, guard, given.memory)]
            about = world / "world.json"
            settings = json.loads(about.read_text("utf-8"))["settings"] if about.is_file() else {}
            found[world.name] = {"settings": settings, "rows": rows}
            print(told(f"{world.name} {json.dumps(settings)}", rows), flush=True)
            if given.json:
                given.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
