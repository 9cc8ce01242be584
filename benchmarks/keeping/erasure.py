"""消去の測定 (erasure benchmark): one person of many is erased from a vault that was received whole, linked and released or not.

    python benchmarks/keeping/erasure.py --patients 1000000 --events-per-patient 30 --folder /somewhere [--no-link] [--persons 3]

Receives the generated patients of `benchmarks/generate_million.py` by the same functions as `benchmarks/run.py`, links them, and erases persons
one after another, each in a process of its own: wall seconds of the run with its proof, by shelf the files touched and the bytes rewritten,
beside the bytes of the whole vault. Then scans one hospital's largest table through the engine, in as many files as it stands in and rewritten as one file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import generate_million  # type: ignore[import-not-found]  # noqa: E402
import run as chain  # type: ignore[import-not-found]  # noqa: E402

from kiban_operator import grants, people, persons, roles, vault, workshop  # noqa: E402
from kiban_operator.circumstances import Circumstances  # noqa: E402
from kiban_operator.erasure import orders, preview, reach, running, scan  # noqa: E402
from kiban_operator.erasure.orders import Cause, Scope  # noqa: E402
from kiban_processing.catalogue.tables import TABLES  # noqa: E402


def prepare(folder: Path) -> dict[str, Any]:
    """Patients received, watched and linked; a security officer besides."""
    chain.prepare(folder)
    home = chain.open_as(folder, "HL")
    with home.transaction() as session:
        administrators = list(session.scalars(sa.select(people.Grant.person_id).where(people.Grant.role == "AD").order_by(people.Grant.id)))
        operator = session.scalars(sa.select(people.Organisation.id)).one()
        first, second = (Circumstances(chain.clock, os.urandom, each) for each in administrators[:2])
        officer = people.register_person(session, first, home.path / "keys" / "people", name="SO", organisation_id=operator)
        grants.confirm_role(session, second, grants.propose_role(session, first, officer.id, roles.Role.SO).id)
    seats = json.loads((folder / "seats.json").read_text(encoding="utf-8"))
    (folder / "seats.json").write_text(json.dumps({**seats, "SO": officer.id}), encoding="utf-8")
    return {}


def receive(folder: Path) -> dict[str, Any]:
    """Every hospital's submission, as the chain's own benchmark takes it."""
    told: dict[str, Any] = chain.receive(folder)
    return told


def link(folder: Path) -> dict[str, Any]:
    since = time.perf_counter()
    outcome = persons.link(chain.open_as(folder, "PR"))
    return {"wall": time.perf_counter() - since, "registrations": outcome.registrations, "persons": outcome.persons}


def erase(folder: Path) -> dict[str, Any]:
    """One person, the one with most registrations, from order to proof; ordering and approving are not in the time."""
    desk, officer = chain.open_as(folder, "OD"), chain.open_as(folder, "SO")
    with desk.reading() as session:
        numbered = sa.select(persons.Registration.person, sa.func.count()).group_by(persons.Registration.person)
        person = session.execute(numbered.order_by(sa.func.count().desc(), persons.Registration.person).limit(1)).first()
    if person is not None:
        named = reach.of_person(desk, person[0])
    else:
        with desk.reading() as session:
            file = vault.files(session, vault.Shelf.VAULT, table="patients")[0]
            rows = vault.opened(session, desk, file).head(1).to_pylist()
        named = reach.of_registration(desk, rows[0]["hospital"], rows[0]["local_patient_id"], False)
    with desk.transaction() as session:
        made = orders.order(session, desk, Scope.PERSON, Cause.HOSPITAL_REQUEST, registrations=named)
    with officer.transaction() as session:
        orders.approve(session, officer, made.id)
    since = time.perf_counter()
    told = preview.preview(officer, made.id)
    previewed, since = time.perf_counter() - since, time.perf_counter()
    stages: dict[str, float] = {}
    last, moment = "begin", since

    def lap(stage: str, _done: int, _total: int | None) -> None:
        nonlocal last, moment
        now = time.perf_counter()
        stages[last] = stages.get(last, 0.0) + now - moment
        last, moment = stage.partition(":")[0], now

    before = time.process_time()
    done = running.run(officer, made.id, lap)
    ran, spent, since = time.perf_counter() - since, time.process_time() - before, time.perf_counter()
    proof = scan.scan(officer, made.id, every=True)
    assert proof.clean and told.as_json()["rows"] == sum(
        counts.get("rows", 0) for name, counts in done.counted["shelves"].items() if name != "traces"
    )
    return {
        "registrations": len(named), "preview": previewed, "erase and prove": ran, "CPU seconds of it": round(spent, 2), "scan every file": time.perf_counter() - since,
        "by stage": {name: round(seconds, 2) for name, seconds in stages.items()}, "counted": done.counted, "proof": done.outcome["scan"],
        "vault_bytes": told.vault_bytes,
    }  # fmt: skip


def read(folder: Path) -> dict[str, Any]:
    """One hospital's largest table through the engine, divided as it is and as one file of the same rows; CPU seconds, the best of three."""
    home = chain.open_as(folder, "PR")
    with home.reading() as session:
        places: dict[tuple[str, str], list[vault.VaultFile]] = {}
        for file in vault.files(session, vault.Shelf.VAULT):
            places.setdefault((file.table_name, file.hospital), []).append(file)
        (name, hospital), files = max(places.items(), key=lambda each: sum(file.rows for file in each[1]))
        divided = vault.dataset(session, home, files, vault.schema(TABLES[name]))
    sealing = vault.seal(
        home, vault.Shelf.VAULT, hospital=hospital, regime="A", table=name, submission=files[0].submission, schema=divided.schema
    )
    for batch in divided.to_batches():
        sealing.write(batch)
    together = sealing.reading()
    maxima = ", ".join(f"max({column})" for column in divided.schema.names)
    seconds: dict[str, list[float]] = {"divided": [], "together": []}
    for _ in range(3):
        for way, source in (("divided", divided), ("together", together)):
            with workshop.open_workshop(home.core / "engine", chain.MEMORY) as con:
                con.register("source", source)
                since = time.process_time()
                con.execute(f"SELECT count(*), count(DISTINCT patient_key), {maxima} FROM source").fetchall()
                seconds[way].append(round(time.process_time() - since, 2))
    one, many = sealing.path.stat().st_size, sum((home.path / file.path).stat().st_size for file in files)
    sealing.discard()
    return {
        "table": name,
        "files": len(files),
        "rows": sum(file.rows for file in files),
        "bytes": many,
        "bytes_together": one,
        "seconds": seconds,
    }


STAGES = {"prepare": prepare, "receive": receive, "link": link, "erase": erase, "read": read}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200_000)
    parser.add_argument("--events-per-patient", type=int, default=30)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--persons", type=int, default=2)
    parser.add_argument("--no-link", action="store_true")
    parser.add_argument("--stage", choices=STAGES)
    given = parser.parse_args()
    if given.stage:
        told = STAGES[given.stage](given.folder)
        print(json.dumps({**told, "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)}))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    if not (given.folder / "data").exists():
        generate_million.generate(given.patients, given.events_per_patient, 3, 1, given.folder / "data")
    names = ["prepare", "receive", *([] if given.no_link else ["link"]), *["erase"] * given.persons, "read"]
    for name in names:
        command = [sys.executable, __file__, "--stage", name, "--folder", str(given.folder)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(f"{name}: {done.stdout.splitlines()[-1]}", flush=True)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}")


if __name__ == "__main__":
    main()
