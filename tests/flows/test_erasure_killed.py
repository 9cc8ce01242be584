"""An erasure killed at every one of its steps, one after another: what it erases is nowhere, everybody else is there exactly once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kiban_applications.command_line import desk
from kiban_operator import custody, release_state, vault
from kiban_operator.erasure import orders, reach, running, scan
from kiban_operator.erasure.orders import Cause, Scope
from kiban_operator.ledger import book
from kiban_operator.persons import register
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.refusals import Refusal
from tests.flows.test_erasure import make

SCRIPT = Path(__file__).with_name("erase_until_killed.py")
STEPS = {
    *(f"{shelf}:{point}" for shelf in ("vault", "held", "released", "quarantine") for point in ("before", "written", "booked", "committed", "unlinked")),
    "begin:booked", "begin:committed", "linkage:before", "linkage:committed", "traces:before", "traces:booked", "traces:committed",
    "remains:removed", "finish:booked", "finish:committed",
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, told: Any, tools: Any, tmp_path: Path) -> Iterator[Any]:
    """The example home after its whole story, on either database."""
    if request.param == "sqlite":
        made = tools.duplicate(told, tmp_path / "home")
        yield made
        made.close()
        return
    server = request.getfixturevalue("postgresql")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS killed WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE killed"))
    admin.dispose()
    url = sa.make_url(server).set(database="killed").render_as_string(hide_password=False)
    telling, finish = tools.tell(tmp_path / "home", url)
    finish()
    made = type(told)(telling.home.path, desk.seats(telling.home.path), type(told.clock)(telling.home.circumstances.now()))
    telling.home.engine.dispose()
    yield made
    made.close()


def everything(place: Any, without: frozenset[str]) -> dict[str, Counter[str]]:
    """All stored rows but those of some registrations, shelf by shelf, as a multiset."""
    found: dict[str, Counter[str]] = {}
    for shelf in ("vault", "held"):
        for table in TABLES:
            rows = [row for row in place.rows(shelf, table) if row["patient_key"] not in without]
            found[f"{shelf}.{table}"] = Counter(json.dumps(row, default=str, sort_keys=True, ensure_ascii=False) for row in rows)
    for table in ("members", "classes"):
        found[f"released.{table}"] = Counter(
            json.dumps(row, sort_keys=True) for row in place.rows("released", table) if row["patient_key"] not in without
        )
    found["receipt"] = Counter(json.dumps(row, sort_keys=True) for row in place.rows("receipt", "receipt-record"))
    found["findings"] = Counter(f"{row['source_file']}/{row['source_row']}/{row['column']}/{row['rule']}" for row in place.findings())
    return found


def somebody(place: Any) -> tuple[str, frozenset[str]]:
    """A person of several registrations who is in a release and of whom rows are held."""
    of: dict[str, set[str]] = {}
    for key, person in place.persons().items():
        of.setdefault(person, set()).add(key)
    released = {row["patient_key"] for row in place.rows("released", "classes")}
    held = {row["patient_key"] for table in TABLES for row in place.rows("held", table)}
    chosen = sorted(person for person, keys in of.items() if len(keys) > 1 and keys & released)
    waiting = [person for person in chosen if of[person] & held]
    person = (waiting or chosen)[0]
    return person, frozenset(of[person])


def send_more(place: Any, tools: Any, folder: Path, keys: frozenset[str]) -> None:
    """Twice, rows of the person that no notice covers, which wait, and one that cannot be used, which is kept as it came.

    Twice, because a file whose old self was not unlinked when it was killed is put away at the end, and not by its own step.
    """
    hospital, local_id = next(
        (row["hospital"], row["local_patient_id"]) for row in place.rows("vault", "patients") if row["patient_key"] in keys
    )
    for number in (1, 2):
        observation = {"local_patient_id": local_id, "observation_id": f"KILL-{number}", "observed_on": "2021-05-06", "value": "1"}
        unusable = {**observation, "observation_id": f"LOST-{number}", "observed_on": "never"}
        receipt = place.receive(tools.write_submission(folder / str(number), {"observations": [observation, unusable]}, hospital=hospital))
        counts = receipt.counts["observations"]
        assert (counts.held, counts.quarantined) == (1, 1), "the notice names no observations"


def ordered(place: Any, person: str) -> str:
    desk_home = place.by("OD")
    named = reach.of_person(desk_home, person)
    with desk_home.transaction() as session:
        made = orders.order(session, desk_home, Scope.PERSON, Cause.HOSPITAL_REQUEST, registrations=named)
    officer = place.by("SO")
    with officer.transaction() as session:
        orders.approve(session, officer, made.id)
    return made.id


@pytest.mark.timeout(1200)
def test_killed_at_every_step(place: Any, tools: Any, tmp_path: Path) -> None:
    person, keys = somebody(place)
    send_more(place, tools, tmp_path / "more", keys)
    others, sums = everything(place, keys), {receipt.submission: receipt.totals for receipt in place.receipts()}
    linked = {key: of for key, of in place.persons().items() if key not in keys}
    order = ordered(place, person)
    killed = tmp_path / "killed"
    arguments = (place.path, place.seats["SO"], order, place.clock.at.isoformat(), killed)
    place.close()
    done = subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    place.clock.at += timedelta(days=1)
    steps = set(killed.read_text(encoding="utf-8").split())
    assert steps >= STEPS, "each was reached, and killed there"
    with pytest.raises(Refusal) as refused:
        running.run(place.by("SO"), order)
    assert refused.value.code == "move-not-allowed", "it is done"
    for shelf, table in (
        [("vault", each) for each in TABLES] + [("held", each) for each in TABLES] + [("released", "members"), ("released", "classes")]
    ):
        assert not [row for row in place.rows(shelf, table) if row["patient_key"] in keys]
    assert everything(place, frozenset()) == others
    assert {receipt.submission: receipt.totals for receipt in place.receipts()} == sums
    assert {key: of for key, of in place.persons().items()} == linked
    assert place.files_recorded() <= place.files_on_disk()
    assert scan.scan(place.by("SO"), order, every=True).clean
    with place.home.transaction() as session:
        (entry,) = book.entries(session, aggregate=f"deletion/{order}")
        steps_booked = book.entries(session, aggregate=f"erasure/{order}", kind="erasure.stepped")
        erased = list(session.scalars(sa.select(vault.VaultFile).where(vault.VaultFile.erasure == order)))
        assert not [row for row in session.scalars(sa.select(register.Membership)) if row.patient_key in keys]
    assert entry.facts["files"] == len(erased) == sum(int(str(each.facts.get("files", 0))) for each in steps_booked)
    assert not custody.check(place.home).breaches


@pytest.mark.timeout(1200)
def test_killed_while_it_ends_a_release_that_was_not_handed_over(told: Any, tools: Any, tmp_path: Path) -> None:
    place = tools.duplicate(told, tmp_path / "home")
    pending = make(place, tools).release.id
    members = {row["patient_key"] for row in place.rows("released", "members")}
    person = next(of for key, of in sorted(place.persons().items()) if key in members)
    order, killed = ordered(place, person), tmp_path / "killed"
    arguments = (place.path, place.seats["SO"], order, place.clock.at.isoformat(), killed)
    place.close()
    done = subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    place.clock.at += timedelta(days=1)
    assert {"release:before", "release:booked", "release:committed"} <= set(killed.read_text(encoding="utf-8").split())
    with place.home.transaction() as session:
        assert release_state.load(session, pending).state == release_state.REFUSED
    assert not (place.path / "deliver" / "releases" / pending / "package.tar.age").exists()
    assert scan.scan(place.by("SO"), order, every=True).clean
    place.close()
