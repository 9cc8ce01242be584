"""性能の測定 (benchmark): generated patients through receive → watch → link → plan → judge → package, beside a raw Parquet rewrite.

    python benchmarks/run.py --patients 1000000 --events-per-patient 30 --folder /somewhere [--write docs/performance.md]

Each stage runs in a process of its own: wall and CPU seconds (all threads), and the peak memory of that process. The yardstick, in the same
run on the same machine, is DuckDB scanning and rewriting the same rows as plain Parquet. Times are never asserted; ratios of CPU seconds are
what to compare, since wall time on a shared machine also measures its neighbours.
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
from typing import Any

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


Told = dict[str, Any]  # "laps": {name: [wall seconds, CPU seconds]}, and figures


class Stopwatch:
    """Laps in wall and CPU seconds of this process, all its threads."""

    def __init__(self) -> None:
        self.laps: dict[str, list[float]] = {}
        self._since = (time.perf_counter(), time.process_time())

    def lap(self, name: str) -> None:
        """What has passed since the last lap belongs to `name`."""
        now = (time.perf_counter(), time.process_time())
        before = self.laps.setdefault(name, [0.0, 0.0])
        self.laps[name] = [before[0] + now[0] - self._since[0], before[1] + now[1] - self._since[1]]
        self._since = now

    def skip(self) -> None:
        self._since = (time.perf_counter(), time.process_time())


def clock() -> datetime:
    return datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def open_as(folder: Path, label: str) -> home.Home:
    seats = json.loads((folder / "seats.json").read_text(encoding="utf-8"))
    return home.open_home(folder / "home", Circumstances(clock, secrets.token_bytes, seats[label]))


def prepare(folder: Path) -> Told:
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
    watch = Stopwatch()
    for place in sorted((folder / "data" / "hospitals").iterdir()):
        with workshop.open_workshop(made.receive / "engine", MEMORY) as con, made.transaction() as session:
            hospital = hospital_file.register(session, liaison.circumstances, place / "hospital.toml")
            secret = vault.patient_secret(session, made)
            notice_register.import_register(session, liaison.circumstances, hospital.id, "A", place / "notices.csv", secret, con=con)
            optouts.import_stops(session, desk.circumstances, hospital.id, place / "stops.csv", secret, con=con)
    watch.lap("registers")
    return {"laps": watch.laps}


def receive(folder: Path) -> Told:
    """Every hospital's submission: decode, parse, type, gate, encrypt."""
    watch, rows = Stopwatch(), 0
    for place in sorted((folder / "data" / "hospitals").iterdir()):
        rows += intake.receive(open_as(folder, "HL"), place / "submission").totals.sent
    watch.lap("receive and gate")
    return {"laps": watch.laps, "rows": rows}


def watch(folder: Path) -> Told:
    stopwatch = Stopwatch()
    report = custody.check(open_as(folder, "PR"))
    assert not report.breaches
    stopwatch.lap("standing query")
    return {"laps": stopwatch.laps}


def link(folder: Path) -> Told:
    watch = Stopwatch()
    outcome = persons.link(open_as(folder, "PR"))
    watch.lap("link (standing query included)")
    return {"laps": watch.laps, "registrations": outcome.registrations, "persons": outcome.persons}


def make(folder: Path) -> Told:
    """One release of everything, by stage as the conductor tells them."""
    wanted = plans.read(HERE / "plan.toml")
    recipient, archive = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    order = orders.Order(
        "K-benchmark", "A-benchmark", "o-recipient", "測定用利用者", "-", "-", wanted.recipient_class, wanted.delivery_form,
        frozenset(wanted.requested), "sha256:" + "0" * 64, str(recipient.to_public()),
        date(2015, 4, 1), date(2025, 3, 31), date(2026, 11, 1), date(2028, 10, 31),
    )  # fmt: skip
    watch, running = Stopwatch(), ["standing query and gate again"]
    names = {"custody": "standing query and gate again", "process": "plan", "judge": "judge", "package": "package"}

    def progress(stage: str, _done: int, _total: int | None) -> None:
        watch.lap(running[0])
        running[0] = names.get(stage, stage)

    made = release.make(open_as(folder, "PR"), order, HERE / "plan.toml", Text("測定", "benchmark"), [], str(archive.to_public()), progress)
    watch.lap(running[0])
    return {"laps": watch.laps, "released": made.evidence.persons, "k": made.outcome.anonymity.k_reached}


def yardstick(folder: Path) -> Told:
    """The same rows as plain Parquet, scanned and rewritten by DuckDB; the conversion before is not timed."""
    con = duckdb.connect(config={"threads": "2", "memory_limit": MEMORY, "temp_directory": str(folder)})
    sources = folder / "plain"
    sources.mkdir(exist_ok=True)
    for path in sorted((folder / "data" / "hospitals").glob("*/submission/*.csv")):
        target = sources / f"{path.parent.parent.name}-{path.stem}.parquet"
        con.execute(f"COPY (FROM read_csv('{path}', all_varchar=true, header=true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    watch = Stopwatch()
    for path in sorted(sources.glob("*.parquet")):
        con.execute(f"COPY (FROM read_parquet('{path}')) TO '{folder / 'rewritten.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    watch.lap("raw rewrite")
    return {"laps": watch.laps, "bytes": sum(path.stat().st_size for path in sources.glob("*.parquet"))}


STAGES: dict[str, Callable[[Path], Told]] = {
    "yardstick": yardstick, "prepare": prepare, "receive": receive, "watch": watch, "link": link, "make": make,
}  # fmt: skip


def run_stage(name: str, folder: Path) -> Told:
    """One stage in a process of its own."""
    command = [sys.executable, __file__, "--stage", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def table(figures: dict[str, Told], patients: int, events: int) -> str:
    """The Markdown table: a row per lap, ratios to the yardstick's CPU seconds."""
    raw_wall, raw = figures["yardstick"]["laps"]["raw rewrite"]
    size = figures["yardstick"]["bytes"] / 1e9
    lines = [
        f"{patients:,} patients, {events:,} events a patient; {figures['receive']['rows']:,} rows received, "
        f"{figures['link']['registrations']:,} registrations, {figures['link']['persons']:,} persons, "
        f"{figures['make']['released']:,} released at k = {figures['make']['k']}.",
        "",
        "| stage | CPU seconds | ratio to the raw rewrite | wall seconds | peak memory |",
        "|---|---|---|---|---|",
        f"| raw rewrite of {size:.2f} GB of Parquet (yardstick) | {raw:,.0f} | 1.0 | {raw_wall:,.0f} | {gib(figures['yardstick'])} |",
    ]
    total = [0.0, 0.0]
    for stage, told in figures.items():
        for name, (wall, cpu) in told["laps"].items() if stage != "yardstick" else ():
            lines.append(f"| {name} | {cpu:,.0f} | {cpu / raw:,.1f} | {wall:,.0f} | {gib(told)} |")
            total = [total[0] + wall, total[1] + cpu]
    most = gib(max(figures.values(), key=lambda told: told["peak"]))
    lines.append(f"| **all stages** | {total[1]:,.0f} | {total[1] / raw:,.1f} | {total[0]:,.0f} | {most} |")
    return "\n".join(lines)


def gib(told: Told) -> str:
    return f"{told['peak'] / 2**30:.1f} GiB"


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
        told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(told))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    if not (given.folder / "data").exists():
        generate_million.generate(given.patients, given.events_per_patient, 3, 1, given.folder / "data")
    figures: dict[str, Told] = {}
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
