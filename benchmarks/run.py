"""性能の測定 (benchmark): generated patients through receive → watch → link → plan → judge → package, beside a raw Parquet rewrite.

    python benchmarks/run.py --patients 1000000 --events-per-patient 30 --folder /somewhere [--write docs/performance.md]

Each stage runs in a process of its own: wall and CPU seconds, and the peak memory of that process. The yardstick, in the same run on the
same machine, is DuckDB scanning and rewriting the same rows as plain Parquet. Times are never asserted; ratios are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import generate_million
import pyrage

from kiban_applications import hospital_file
from kiban_applications.migrations import steps
from kiban_operator import custody, grants, home, intake, notice_register, optouts, orders, people, persons, release, roles, vault, workshop
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import signer
from kiban_processing import plan as plans
from kiban_processing.language import Text

HERE = Path(__file__).resolve().parent
MEMORY = "3GB"


def clock() -> datetime:
    return datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def open_as(folder: Path, label: str) -> home.Home:
    seats = json.loads((folder / "seats.json").read_text(encoding="utf-8"))
    return home.open_home(folder / "home", Circumstances(clock, secrets.token_bytes, seats[label]))


def prepare(folder: Path) -> dict[str, float]:
    """A home with its people, the hospitals, their notices and stops."""
    circumstances = Circumstances(clock, secrets.token_bytes, "system")
    made = home.create(folder / "home", home.Settings("測定用事業者", "benchmark.example/kiban", memory_limit=MEMORY), circumstances)
    steps.upgrade(made.engine)
    signer.create(made.path / "keys", "benchmark.example/kiban", secrets.token_bytes)
    seats: dict[str, str] = {}
    keys = made.path / "keys" / "people"
    with made.transaction() as session:
        founding = grants.found(session, circumstances, keys, name="測定用", address="-", identifier="-", administrators=["甲", "乙"])
        first, second = (circumstances.acting(each.id) for each in founding.administrators)
        for label in ("HL", "OD", "PR"):
            person = people.register_person(session, first, keys, name=label, organisation_id=founding.operator.id)
            grants.confirm_role(session, second, grants.propose_role(session, first, person.id, roles.Role(label)).id)
            seats[label] = person.id
    (folder / "seats.json").write_text(json.dumps(seats), encoding="utf-8")
    liaison, desk = open_as(folder, "HL"), open_as(folder, "OD")
    times: dict[str, float] = {}
    for place in sorted((folder / "data" / "hospitals").iterdir()):
        began = time.perf_counter()
        with workshop.open_workshop(made.receive / "engine", MEMORY) as con, made.transaction() as session:
            hospital = hospital_file.register(session, liaison.circumstances, place / "hospital.toml")
            secret = vault.patient_secret(session, made)
            notice_register.import_register(session, liaison.circumstances, hospital.id, "A", place / "notices.csv", secret, con=con)
            optouts.import_stops(session, desk.circumstances, hospital.id, place / "stops.csv", secret, con=con)
        times["registers"] = times.get("registers", 0.0) + time.perf_counter() - began
    return times


def receive(folder: Path) -> dict[str, float]:
    """Every hospital's submission: decode, parse, type, gate, encrypt."""
    began, rows = time.perf_counter(), 0
    for place in sorted((folder / "data" / "hospitals").iterdir()):
        rows += intake.receive(open_as(folder, "HL"), place / "submission").totals.sent
    return {"receive and gate": time.perf_counter() - began, "_rows": rows}


def watch(folder: Path) -> dict[str, float]:
    began = time.perf_counter()
    report = custody.check(open_as(folder, "PR"))
    assert not report.breaches
    return {"standing query": time.perf_counter() - began}


def link(folder: Path) -> dict[str, float]:
    began = time.perf_counter()
    outcome = persons.link(open_as(folder, "PR"))
    return {"link (with standing query)": time.perf_counter() - began, "_registrations": outcome.registrations, "_persons": outcome.persons}


def make(folder: Path) -> dict[str, float]:
    """One release of everything, by stage as the conductor tells them."""
    wanted = plans.read(HERE / "plan.toml")
    recipient, archive = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    order = orders.Order(
        "K-benchmark", "A-benchmark", "o-recipient", "測定用利用者", "-", "-", wanted.recipient_class, wanted.delivery_form,
        frozenset(wanted.requested), "sha256:" + "0" * 64, str(recipient.to_public()),
        date(2015, 4, 1), date(2025, 3, 31), date(2026, 11, 1), date(2028, 10, 31),
    )  # fmt: skip
    stages: dict[str, float] = {}
    began = [time.perf_counter(), "gate again"]

    def progress(stage: str, _done: int, _total: int | None) -> None:
        now = time.perf_counter()
        stages[str(began[1])] = stages.get(str(began[1]), 0.0) + now - float(began[0])
        began[:] = [now, {"custody": "gate again", "process": "plan", "judge": "judge", "package": "package"}.get(stage, stage)]

    made = release.make(open_as(folder, "PR"), order, HERE / "plan.toml", Text("測定", "benchmark"), [], str(archive.to_public()), progress)
    progress("done", 0, None)
    stages["_released"] = made.evidence.persons
    stages["_k"] = made.outcome.anonymity.k_reached
    return stages


def yardstick(folder: Path) -> dict[str, float]:
    """The same rows as plain Parquet, scanned and rewritten by DuckDB; the conversion before is not timed."""
    con = duckdb.connect(config={"threads": "2", "memory_limit": MEMORY, "temp_directory": str(folder)})
    sources = folder / "plain"
    sources.mkdir(exist_ok=True)
    for path in sorted((folder / "data" / "hospitals").glob("*/submission/*.csv")):
        target = sources / f"{path.parent.parent.name}-{path.stem}.parquet"
        con.execute(f"COPY (FROM read_csv('{path}', all_varchar=true, header=true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    began = time.perf_counter()
    for path in sorted(sources.glob("*.parquet")):
        con.execute(f"COPY (FROM read_parquet('{path}')) TO '{folder / 'rewritten.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    taken = time.perf_counter() - began
    return {"raw rewrite": taken, "_bytes": sum(path.stat().st_size for path in sources.glob("*.parquet"))}


STAGES: dict[str, Callable[[Path], dict[str, float]]] = {
    "yardstick": yardstick, "prepare": prepare, "receive": receive, "watch": watch, "link": link, "make": make,
}  # fmt: skip


def run_stage(name: str, folder: Path) -> dict[str, float]:
    """One stage in a process of its own; adds its CPU seconds and peak memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--stage", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    told["_cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return told


def table(figures: dict[str, dict[str, float]], patients: int, events: int) -> str:
    raw = figures["yardstick"]["raw rewrite"]
    lines = [
        f"{patients:,} patients, {events:,} events a patient; {figures['receive']['_rows']:,.0f} rows received, "
        f"{figures['link']['_registrations']:,.0f} registrations, {figures['link']['_persons']:,.0f} persons, "
        f"{figures['make']['_released']:,.0f} released at k = {figures['make']['_k']:.0f}.",
        "",
        "| stage | seconds | ratio to the raw rewrite | peak memory of the process |",
        "|---|---|---|---|",
    ]
    for stage, told in figures.items():
        for name, seconds in told.items():
            if not name.startswith("_"):
                lines.append(f"| {name} | {seconds:,.1f} | {seconds / raw:,.1f} | {told['_peak'] / 2**30:.1f} GiB |")
        if stage == "yardstick":
            lines[-1] = (
                f"| {lines[-1].split('|')[1].strip()} (yardstick, {told['_bytes'] / 1e9:.2f} GB of Parquet) |" + lines[-1].split("|", 2)[2]
            )
    total = sum(s for told in figures.values() for n, s in told.items() if not n.startswith("_")) - raw
    lines.append(f"| **all stages** | {total:,.1f} | {total / raw:,.1f} | {max(t['_peak'] for t in figures.values()) / 2**30:.1f} GiB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--events-per-patient", type=int, default=30)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--write", type=Path, help="write the table between the markers of this document")
    given = parser.parse_args()
    if given.stage:
        told = STAGES[given.stage](given.folder)
        told["_peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(told))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    if not (given.folder / "data").exists():
        generate_million.generate(given.patients, given.events_per_patient, 3, 1, given.folder / "data")
    figures: dict[str, dict[str, float]] = {}
    for name in STAGES:
        figures[name] = run_stage(name, given.folder)
        print(f"{name}: {figures[name]}", file=sys.stderr)
    text = table(figures, given.patients, given.events_per_patient)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}, engine memory limit {MEMORY}, measured {datetime.now(UTC):%Y-%m-%d}"
    print(f"{text}\n\n{machine}")
    if given.write:
        write(given.write, f"{text}\n\n{machine}.")


def write(path: Path, text: str) -> None:
    begin, end = "<!-- measured: begin -->", "<!-- measured: end -->"
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
