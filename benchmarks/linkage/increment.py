"""What a delivery costs beside linking all anew, as whole processes, and whether both say the same.

    python benchmarks/linkage/increment.py REGISTRATIONS.csv WORK_FOLDER [--shares 0.001 0.01] [--seed 1] [--skip-equality]

Each delivery has eight tenths new registrations, one corrected (with the telephone and address of another) and one withdrawn. The first
run links all but those to come. Time is wall and CPU time of `kiban link` from start to end, byte code compiled as in an installation; page
cache warm.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

Row = dict[str, str]


def measured(*arguments: str) -> dict[str, float]:
    """Run `kiban link` and say what it took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    installed = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    program = "from kiban_applications.command_line.entry import main; main()"
    subprocess.run([sys.executable, "-c", program, "link", *arguments], check=True, stdout=subprocess.DEVNULL, env=installed)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(time.perf_counter() - started, 3), "cpu_s": round(cpu, 3)}


def write(path: Path, columns: list[str], rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, columns)
        out.writeheader()
        out.writerows(rows)


def delivery(chance: random.Random, base: list[Row], coming: list[Row], count: int) -> list[Row]:
    """`count` rows: new ones of `coming`, corrections and withdrawals of `base`."""
    others = chance.sample(base, count // 10 * 2)
    corrected, withdrawn = others[: count // 10], others[count // 10 :]
    rows = coming[: count - len(others)]
    for row in corrected:
        other = chance.choice(base)
        rows.append({**row, "op": "update", "phone": other["phone"], "address": other["address"], "postal_code": other["postal_code"]})
    return rows + [{**row, "op": "delete"} for row in withdrawn]


def groups(folder: Path) -> dict[tuple[str, str], str]:
    with (folder / "persons.csv").open(encoding="utf-8", newline="") as file:
        return {(row["site_id"], row["local_patient_id"]): row["person_id"] for row in csv.DictReader(file)}


def pairs(folder: Path) -> set[frozenset[tuple[str, str]]]:
    by_person: dict[str, list[tuple[str, str]]] = {}
    for key, person in groups(folder).items():
        by_person.setdefault(person, []).append(key)
    return {frozenset((one, other)) for members in by_person.values() for at, one in enumerate(members) for other in members[:at]}


def review(folder: Path) -> dict[frozenset[tuple[str, str]], str]:
    with (folder / "review.csv").open(encoding="utf-8", newline="") as file:
        return {
            frozenset((row[f"{side}_site_id"], row[f"{side}_local_patient_id"]) for side in ("left", "right")): row["weight"]
            for row in csv.DictReader(file)
        }


def relinked(previous: Path, surviving: Path, out: Path, key_file: Path) -> None:
    """One link of all surviving registrations by the model and the counts of the first run."""
    import duckdb

    from kiban_processing.linkage import by_model, registrations, relinking
    from kiban_processing.linkage.state.kept import Kept
    from kiban_processing.linkage.state.sealing import StateKey

    key = StateKey(bytes.fromhex(key_file.read_text().strip()))
    kept = Kept(previous, key, by_model.SHAPE)
    frozen = by_model.frozen_of(kept)
    out.mkdir()
    with duckdb.connect(config={"memory_limit": "6GB", "threads": 2}) as con:
        received = registrations.read([surviving])
        relinking.link_all(con, received, None, previous / "model.json", out, key, secrets.token_bytes, None, lambda *_: None, frozen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("registrations", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.001, 0.01])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip-equality", action="store_true")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    os.environ["XDG_STATE_HOME"] = str(asked.folder / "keys")
    os.environ["PYTHONPYCACHEPREFIX"] = str(asked.folder / "bytecode")
    key_file = asked.folder / "state.key"

    with asked.registrations.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    chance = random.Random(asked.seed)
    coming = chance.sample(rows, int(len(rows) * max(asked.shares)))
    held_back = {(row["site_id"], row["local_patient_id"]) for row in coming}
    base = [row for row in rows if (row["site_id"], row["local_patient_id"]) not in held_back]
    write(asked.folder / "base.csv", columns, base)
    keyed = ("--key-file", str(key_file))
    figures: dict[str, object] = {"registrations": len(base)}
    full = measured(str(asked.folder / "base.csv"), "--out", str(asked.folder / "full"), *keyed)
    figures["full"] = full
    for share in asked.shares:
        name = f"delta-{share:g}"
        changes = delivery(random.Random(asked.seed), base, coming, int(len(rows) * share))
        write(asked.folder / f"{name}.csv", columns, changes)
        took = [
            measured(str(asked.folder / f"{name}.csv"), "--previous", str(asked.folder / "full"), "--out", str(asked.folder / name), *keyed)
            for _ in range(3)
        ]
        best = min(took, key=lambda each: each["cpu_s"])
        report = json.loads((asked.folder / name / "report.json").read_bytes())
        outcome: dict[str, object] = {
            **best, "share_of_full_wall": round(best["wall_s"] / full["wall_s"], 5), "share_of_full_cpu": round(best["cpu_s"] / full["cpu_s"], 5),
            "rows": report["rows"], "touched": report["touched"],
        }  # fmt: skip
        if not asked.skip_equality:
            outcome |= compared(asked.folder, name, columns, base, changes, key_file)
        figures[name] = outcome
    print(json.dumps(figures, indent=2))


def compared(folder: Path, name: str, columns: list[str], base: list[Row], changes: list[Row], key_file: Path) -> dict[str, object]:
    """Pairs and reviews that differ between the delivery's outcome and one link of all, and IDs that changed without need."""
    surviving = {(row["site_id"], row["local_patient_id"]): row for row in base}
    surviving |= {(row["site_id"], row["local_patient_id"]): {**row, "op": "new"} for row in changes}
    for row in changes:
        if row["op"] == "delete":
            del surviving[row["site_id"], row["local_patient_id"]]
    write(folder / "surviving.csv", columns, list(surviving.values()))
    shutil.rmtree(folder / "again", ignore_errors=True)
    relinked(folder / "full", folder / "surviving.csv", folder / "again", key_file)
    one, other = pairs(folder / name), pairs(folder / "again")
    reviewed, expected = review(folder / name), review(folder / "again")
    before, after = groups(folder / "full"), groups(folder / name)
    stayed = {person for person in before.values()} & {person for person in after.values()}
    same = sum(before.get(key) == person for key, person in after.items())
    return {
        "pairs": len(other), "pairs_that_differ": len(one ^ other),
        "review": len(expected), "review_that_differs": len(reviewed.keys() ^ expected.keys()),
        "weights_that_differ": sum(reviewed[pair] != expected[pair] for pair in reviewed.keys() & expected.keys()),
        "registrations_whose_id_stays": same, "registrations_known_before": len(before.keys() & after.keys()), "persons_that_stay": len(stayed),
    }  # fmt: skip


if __name__ == "__main__":
    main()
