"""What a run of `kiban link` at the vault costs for what changed since the one before it, beside the first run.

    python benchmarks/vault_linkage.py --patients 100000 --share 0.01 --folder /somewhere

A vault of generated patients with few events is linked, but for a `share` of them; then a second submission brings these; then nothing
changes. Each run is a process of its own, as in `run.py`; its laps are the standing query, laying out what may be
linked, the judgement, and what is written. CPU seconds are what to compare: wall time on a shared machine also measures its neighbours.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import generate_million
import run

from kiban_operator import custody, intake, persons
from kiban_operator.persons import judging, linking, usable

LATER = "later"


def hold_back(data: Path, later: Path, share: float) -> None:
    """Move every so manieth patient's rows of each submission into a later one."""
    every = round(1 / share)
    con = duckdb.connect()
    for sent in sorted(data.glob("hospitals/*/submission")):
        coming = later / sent.parent.name
        coming.mkdir(parents=True)
        for plain in ("manifest.toml", "mapping.toml"):
            shutil.copy(sent / plain, coming / plain)
        for file in sorted(sent.glob("*.csv")):
            rows = f"(FROM read_csv('{file}', all_varchar=true, header=true))"
            whole = file.with_suffix(".all")
            for chosen, target in (("=", coming / file.name), ("<>", whole)):
                con.execute(f"COPY (FROM {rows} WHERE local_patient_id::BIGINT % {every} {chosen} 0) TO '{target}' (FORMAT csv, HEADER)")
            whole.replace(file)


def receive_later(folder: Path) -> run.Told:
    """The second submission of every hospital."""
    rows = sum(intake.receive(run.open_as(folder, "HL"), place).totals.sent for place in sorted((folder / LATER).iterdir()))
    return {"laps": {}, "rows": rows}


def link(folder: Path) -> run.Told:
    """One run, by what it spends its time on."""
    watch = run.Stopwatch()
    opened = run.open_as(folder, "PR")
    require, lay_out, judge = custody.require_clean, usable.lay_out, judging.judge

    def asked(*given: object, **named: object) -> None:
        watch.lap("written")
        require(*given, **named)  # type: ignore[arg-type]
        watch.lap("standing query")

    def laid(*given: object, **named: object) -> None:
        lay_out(*given, **named)  # type: ignore[arg-type]
        watch.lap("laid out")

    def judged(*given: object, **named: object) -> judging.Judged:
        made = judge(*given, **named)  # type: ignore[arg-type]
        watch.lap("judged")
        return made

    linking.custody.require_clean, linking.usable.lay_out, linking.judging.judge = asked, laid, judged  # type: ignore[attr-defined]
    outcome = persons.link(opened)
    watch.lap("written")
    return {
        "laps": watch.laps,
        "registrations": outcome.registrations,
        "whole": outcome.whole,
        "changed": outcome.report.get("changed", {}),
    }


STAGES = {"prepare": run.prepare, "receive": run.receive, "link": link, "receive_later": receive_later}


def stage(name: str, folder: Path) -> run.Told:
    done = subprocess.run(
        [sys.executable, __file__, "--stage", name, "--folder", str(folder)], check=True, stdout=subprocess.PIPE, text=True
    )
    told: run.Told = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--stage", choices=STAGES)
    given = parser.parse_args()
    if given.stage:
        told = STAGES[given.stage](given.folder)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps(told | {"cpu_s": round(used.ru_utime + used.ru_stime, 3)}))
        return
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    generate_million.generate(given.patients, 1, 3, 1, given.folder / "data")
    hold_back(given.folder / "data", given.folder / LATER, given.share)
    for name in ("prepare", "receive"):
        stage(name, given.folder)
    figures: dict[str, run.Told] = {}
    figures["first"] = stage("link", given.folder)
    figures["brought"] = stage("receive_later", given.folder)
    figures["changed"] = stage("link", given.folder)
    figures["nothing changed"] = stage("link", given.folder)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
