"""Erasure: ordered by one and approved by another, everything that names the person gone, everybody else untouched, and what the law keeps kept."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import sqlalchemy as sa

from kiban_applications import contracts
from kiban_applications.command_line import entry
from kiban_operator import (
    admission,
    buckets,
    custody,
    deaths,
    earlier_releases,
    incoming,
    optouts,
    programmes,
    release,
    release_state,
    vault,
)
from kiban_operator import persons as linkage
from kiban_operator.erasure import orders as erasures
from kiban_operator.erasure import preview, quarantine, reach, running, scan
from kiban_operator.erasure.orders import Cause, Erasure, Scope
from kiban_operator.ledger import book
from kiban_operator.persons import doubts, links, settlement
from kiban_operator.persons.register import Membership
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Text
from kiban_processing.refusals import Refusal


def order(place: Any, scope: Scope, cause: Cause, seat: str = "OD", **what: Any) -> str:
    home = place.by(seat)
    with home.transaction() as session:
        return erasures.order(session, home, scope, cause, **what).id


def approve(place: Any, order_id: str, seat: str = "SO") -> None:
    home = place.by(seat)
    with home.transaction() as session:
        erasures.approve(session, home, order_id)


def erase(place: Any, scope: Scope, cause: Cause, **what: Any) -> Erasure:
    made = order(place, scope, cause, **what)
    approve(place, made)
    return running.run(place.by("SO"), made)


def registration(place: Any, local_id: str, whole: bool = False, hospital: str = "H900") -> list[erasures.Registration]:
    return reach.of_registration(place.by("OD"), hospital, local_id, whole)


def key_of(place: Any, local_id: str, hospital: str = "H900") -> str:
    with place.home.transaction() as session:
        return vault.local_patient_keys(session, place.home, hospital, [local_id])[0]


def rows_of(place: Any, keys: set[str] | frozenset[str]) -> dict[str, int]:
    found = {
        f"{shelf}.{table}": sum(row["patient_key"] in keys for row in place.rows(shelf, table))
        for shelf in ("vault", "held")
        for table in TABLES
    }
    return {name: number for name, number in found.items() if number}


def others(place: Any, keys: frozenset[str]) -> dict[str, Counter[str]]:
    return {
        f"{shelf}.{table}": Counter(
            json.dumps(row, default=str, sort_keys=True) for row in place.rows(shelf, table) if row["patient_key"] not in keys
        )
        for shelf in ("vault", "held")
        for table in TABLES
    }


@pytest.fixture
def filled(place: Any, tools: Any, tmp_path: Path) -> Any:
    """Six people with three diagnoses each: four let in, one waiting, one never notified; a bad row and a damaged file name the first."""
    people = [tools.small(number) for number in range(1, 7)]
    ids = [row["local_patient_id"] for row in people]
    place.notify([{"local_patient_id": each, "given_on": "2026-06-01"} for each in ids[:4]])
    place.notify([{"local_patient_id": ids[4], "given_on": "2026-11-11"}])
    diagnoses = [tools.diagnosis(10 * n + turn, each) for n, each in enumerate(ids) for turn in range(3)]
    diagnoses += [tools.diagnosis(900, ids[0], diagnosed_on="not a day"), tools.diagnosis(901, ids[1], diagnosed_on="not a day")]
    broken = {"local_patient_id": "", "encounter_id": "", "encounter_class": "", "started_on": ""}
    folder = tools.write_submission(tmp_path / "sent", {"patients": people, "diagnoses": diagnoses, "encounters": [broken]})
    (folder / "encounters.csv").write_bytes(f"local_patient_id,something else\r\n{ids[0]},y\r\n".encode())
    place.told["receipt"], place.told["ids"] = place.receive(folder), ids
    return place


# who may, and on which ground


def test_nobody_approves_their_own_order(filled: Any) -> None:
    named = registration(filled, filled.told["ids"][0])
    made = order(filled, Scope.REGISTRATION, Cause.UNNEEDED, "SO", registrations=named)
    with pytest.raises(Refusal) as refused:
        approve(filled, made)
    assert refused.value.code == "erasure-orderer-approves"
    for seat in ("OD", "HL", "PR", "AU", "AD-1"):
        with pytest.raises(Refusal) as refused:
            approve(filled, made, seat)
        assert refused.value.code == "move-not-allowed"


def test_nothing_is_erased_before_it_is_approved(filled: Any) -> None:
    made = order(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, filled.told["ids"][0]))
    before = others(filled, frozenset())
    with pytest.raises(Refusal) as refused:
        running.run(filled.by("SO"), made)
    assert refused.value.code == "move-not-allowed" and others(filled, frozenset()) == before
    approve(filled, made)
    for seat in ("OD", "HL", "PR", "AU"):
        with pytest.raises(Refusal) as refused:
            running.run(filled.by(seat), made)
        assert refused.value.code == "act-not-allowed" and others(filled, frozenset()) == before


def test_a_rejected_order_erases_nothing_and_forgets_whom_it_named(filled: Any) -> None:
    made = order(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, filled.told["ids"][0]))
    home = filled.by("SO")
    with home.transaction() as session:
        erasures.reject(session, home, made)
    with pytest.raises(Refusal):
        running.run(home, made)
    with home.transaction() as session:
        kept = erasures.load(session, made)
        assert kept.subject is None
        with pytest.raises(Refusal) as refused:
            home.keyring.open(session, f"erasure/{made}")
    assert refused.value.code == "key-missing"


def test_a_stop_must_stand_for_every_registration(filled: Any) -> None:
    named = registration(filled, filled.told["ids"][0])
    with pytest.raises(Refusal) as refused:
        order(filled, Scope.REGISTRATION, Cause.STOP, registrations=named)
    assert refused.value.code == "erasure-stop-missing"
    (stop,) = filled.stop(filled.told["ids"][0])
    made = order(filled, Scope.REGISTRATION, Cause.STOP, registrations=named)
    with filled.home.transaction() as session:
        optouts.withdraw(session, filled.home.circumstances, stop, filled.home.circumstances.today())
    with pytest.raises(Refusal) as refused:
        approve(filled, made)
    assert refused.value.code == "erasure-stop-missing", "it was withdrawn before the approval"


@pytest.mark.parametrize(
    ("scope", "cause", "what"),
    [
        (Scope.HOSPITAL, Cause.PROGRAMME_ENDED, {"hospital": "H900"}),  # it has not ended
        (Scope.HOSPITAL, Cause.UNNEEDED, {"hospital": "H900"}),
        (Scope.EVERYTHING, Cause.UNNEEDED, {}),
        (Scope.EVERYTHING, Cause.PROGRAMME_ENDED, {}),
    ],
)
def test_a_ground_must_fit_the_scope(filled: Any, scope: Scope, cause: Cause, what: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        order(filled, scope, cause, **what)
    assert refused.value.code == "erasure-ground-unfit"


def test_of_whom_nothing_is_held_nothing_is_ordered(filled: Any) -> None:
    with pytest.raises(Refusal) as refused:
        registration(filled, "99999999")
    assert refused.value.code == "erasure-nothing-held"


# one registration


def test_one_registration_leaves_and_everybody_else_stays(filled: Any) -> None:
    ids = filled.told["ids"]
    key, before = key_of(filled, ids[0]), others(filled, frozenset({key_of(filled, ids[0])}))
    assert rows_of(filled, {key}) == {"vault.patients": 1, "vault.diagnoses": 3}
    receipts = filled.rows("receipt", "receipt-record")
    done = erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, ids[0]))
    assert not rows_of(filled, {key}) and others(filled, frozenset()) == before
    assert filled.rows("receipt", "receipt-record") == receipts, "Reg 57: the record of receipt outlives the data"
    assert done.counted["shelves"]["vault"]["rows"] == 4 and done.outcome["scan"]["clean"]
    assert scan.scan(filled.by("SO"), done.id, every=True).clean
    assert filled.files_recorded() == filled.files_on_disk()
    assert not custody.check(filled.home).breaches


def test_old_keys_are_gone_and_the_old_bytes_with_them(filled: Any) -> None:
    ids = filled.told["ids"]
    done = erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, ids[0]))
    with filled.home.transaction() as session:
        gone = list(session.scalars(sa.select(vault.VaultFile).where(vault.VaultFile.erasure == done.id)))
        assert len(gone) == 4
        for file in gone:
            assert not (filled.path / file.path).exists()
            with pytest.raises(Refusal) as refused:
                filled.home.keyring.open(session, f"file/{file.id}")
            assert refused.value.code == "key-missing"


def test_held_rows_leave_and_never_come_in(filled: Any) -> None:
    waiting = filled.told["ids"][4]
    assert rows_of(filled, {key_of(filled, waiting)}) == {"held.patients": 1, "held.diagnoses": 3}
    erase(filled, Scope.REGISTRATION, Cause.HOSPITAL_REQUEST, registrations=registration(filled, waiting))
    filled.day(filled.clock.at.date().replace(month=12, day=30))
    filled.admit()
    assert not rows_of(filled, {key_of(filled, waiting)})


def test_quarantined_content_that_names_the_registration_goes_and_the_findings_stay(filled: Any) -> None:
    ids = filled.told["ids"]
    before = filled.findings()
    assert sum(ids[0] in (row["raw"] or "") for row in before) == 1 and sum(ids[1] in (row["raw"] or "") for row in before) == 1
    with filled.home.transaction() as session:
        assert len(vault.files(session, vault.Shelf.QUARANTINE, table="damaged-file")) == 1
    done = erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, ids[0]))
    after = filled.findings()
    assert [{**row, "raw": None} for row in after] == [{**row, "raw": None} for row in before]
    assert not [row for row in after if ids[0] in (row["raw"] or "")] and [row for row in after if ids[1] in (row["raw"] or "")]
    with filled.home.transaction() as session:
        assert not vault.files(session, vault.Shelf.QUARANTINE, table="damaged-file")
    assert done.counted["shelves"]["quarantine"]["files"] == 2


def test_deaths_remembered_are_forgotten(filled: Any) -> None:
    key = key_of(filled, filled.told["ids"][0])
    with filled.home.transaction() as session:
        deaths.remember(session, filled.home.circumstances, "H900", [key, "f" * 32])
    erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, filled.told["ids"][0]))
    with filled.home.transaction() as session:
        assert [each[1] for each in deaths.every(session)] == ["f" * 32]


def test_after_a_stop_the_rows_do_not_come_back(filled: Any, tools: Any, tmp_path: Path) -> None:
    ids = filled.told["ids"]
    filled.stop(ids[0])
    erase(filled, Scope.REGISTRATION, Cause.STOP, registrations=registration(filled, ids[0]))
    again = filled.receive(
        tools.write_submission(tmp_path / "again", {"patients": [tools.small(1)], "diagnoses": [tools.diagnosis(1, ids[0])]})
    )
    assert again.totals.accepted == again.totals.held == 0
    assert not rows_of(filled, {key_of(filled, ids[0])})
    assert len(filled.stops()) == 1, "the request itself stays"


def test_without_a_stop_a_new_submission_is_let_in(filled: Any, tools: Any, tmp_path: Path) -> None:
    ids = filled.told["ids"]
    erase(filled, Scope.REGISTRATION, Cause.HOSPITAL_REQUEST, registrations=registration(filled, ids[0]))
    filled.receive(tools.write_submission(tmp_path / "again", {"patients": [tools.small(1)], "diagnoses": [tools.diagnosis(777, ids[0])]}))
    assert rows_of(filled, {key_of(filled, ids[0])}) == {"vault.patients": 1, "vault.diagnoses": 1}


def test_what_the_book_says_names_nobody(filled: Any) -> None:
    ids = filled.told["ids"]
    key = key_of(filled, ids[0])
    done = erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, ids[0]))
    with filled.home.transaction() as session:
        entries = [entry for entry in book.entries(session) if entry.aggregate in (f"erasure/{done.id}", f"deletion/{done.id}")]
        (last,) = [entry for entry in entries if entry.kind == "deletion.done"]
        assert not [entry for entry in entries if key.encode() in entry.body or ids[0].encode() in entry.body]
        assert last.facts["items"] == ["diagnoses", "patients"] and last.facts["registrations"] == 1
        assert last.facts["rows_by_shelf"] == {"vault": 4, "quarantine": 2} and last.facts["files_scanned"] != 0
        sealed = book.reveal(session, last.seq)
        assert sealed == {"subject": key}, "kept as long as the statute asks, then erased like any sealed text"
        subject = session.scalars(sa.select(Erasure.subject)).one()
    assert subject is not None and key.encode() not in subject and ids[0].encode() not in subject


# what a dry run says


def test_a_dry_run_tells_what_will_happen_and_changes_nothing(filled: Any) -> None:
    made = order(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, filled.told["ids"][0]))
    before = filled.state()
    told = preview.preview(filled.by("SO"), made)
    assert filled.state() == before
    approve(filled, made)
    done = running.run(filled.by("SO"), made)
    for shelf in ("vault", "quarantine"):
        files, rows, size = (sum(counts[n] for (on, _), counts in told.places.items() if on == shelf) for n in range(3))
        assert {"files": files, "rows": rows, "bytes": size, **done.counted["shelves"][shelf]} == done.counted["shelves"][shelf]


def test_a_divided_table_is_rewritten_in_one_bucket_alone(place: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "UNDIVIDED_ROWS", 40)
    people = [tools.small(number) for number in range(200)]
    ids = [row["local_patient_id"] for row in people]
    place.notify([{"local_patient_id": each, "given_on": "2026-06-01"} for each in ids])
    place.receive(
        tools.write_submission(tmp_path / "sent", {"patients": people, "diagnoses": [tools.diagnosis(n, ids[n % 200]) for n in range(600)]})
    )
    before = others(place, frozenset({key_of(place, ids[7])}))
    done = erase(place, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(place, ids[7]))
    with place.home.transaction() as session:
        assert len(vault.files(session, vault.Shelf.VAULT)) > 60
    assert (
        done.counted["shelves"]["vault"] == {**done.counted["shelves"]["vault"], "rows": 4}
        and done.counted["shelves"]["vault"]["files"] <= 4
    )
    assert others(place, frozenset()) == before
    assert scan.scan(place.by("SO"), done.id, every=True).clean


def test_the_scan_finds_what_was_put_back(filled: Any) -> None:
    """The proof is no echo of the erasure: rows written by hand, or a key kept, are found."""
    ids = filled.told["ids"]
    kept = [row for row in filled.rows("vault", "diagnoses") if row["patient_key"] == key_of(filled, ids[0])]
    done = erase(filled, Scope.REGISTRATION, Cause.UNNEEDED, registrations=registration(filled, ids[0]))
    schema = vault.schema(TABLES["diagnoses"])
    sealing = vault.seal(filled.home, vault.Shelf.VAULT, hospital="H900", regime="A", table="diagnoses", submission="s-x", schema=schema)
    sealing.write(pa.RecordBatch.from_pylist(kept, schema=schema))
    with filled.home.transaction() as session:
        vault.record(session, filled.home, sealing)
        session.execute(sa.update(vault.VaultFile).where(vault.VaultFile.id == sealing.id).values(person_index=None))
        gone = session.scalars(sa.select(vault.VaultFile).where(vault.VaultFile.erasure == done.id)).first()
        assert gone is not None
        (filled.path / gone.path).write_bytes(b"left")
    assert scan.scan(filled.by("AU"), done.id).found == {"vault": 3, "old files": 1}


# beside others at work


def test_an_admission_begun_before_leaves_the_rows_out(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daily clock has judged the held rows; the erasure comes; what the clock wrote is not recorded."""
    waiting = filled.told["ids"][4]
    recorded = admission._record

    def erase_first(*arguments: Any) -> Any:
        monkeypatch.setattr(admission, "_record", recorded)
        erase(filled, Scope.REGISTRATION, Cause.HOSPITAL_REQUEST, registrations=registration(filled, waiting))
        return recorded(*arguments)

    filled.day(filled.clock.at.date().replace(month=12, day=30))
    monkeypatch.setattr(admission, "_record", erase_first)
    filled.admit()
    assert not rows_of(filled, {key_of(filled, waiting)})
    assert filled.files_recorded() == filled.files_on_disk()


def test_rows_that_come_in_during_the_erasure_are_found_by_its_next_round(filled: Any, tools: Any, tmp_path: Path) -> None:
    ids = filled.told["ids"]
    made = order(filled, Scope.REGISTRATION, Cause.HOSPITAL_REQUEST, registrations=registration(filled, ids[0]))
    approve(filled, made)
    folder = tools.write_submission(tmp_path / "meanwhile", {"patients": [tools.small(1)], "diagnoses": [tools.diagnosis(778, ids[0])]})
    come: list[str] = []

    def meanwhile(stage: str, _done: int, _total: int | None) -> None:
        if stage == "scan" and not come:
            come.append(filled.receive(folder).submission)

    done = running.run(filled.by("SO"), made, meanwhile)
    assert come and not rows_of(filled, {key_of(filled, ids[0])})
    assert done.counted["tables"] == {"patients": 2, "diagnoses": 4}


# the example home: linkage, releases, whole hospitals


@pytest.fixture
def person(copied: Any) -> tuple[str, frozenset[str]]:
    """A person with registrations in several hospitals."""
    of: dict[str, set[str]] = {}
    for key, each in copied.persons().items():
        of.setdefault(each, set()).add(key)
    chosen = next(each for each in sorted(of) if len(of[each]) > 1)
    return chosen, frozenset(of[chosen])


def make(place: Any, tools: Any) -> release.Made:
    with place.home.transaction() as session:
        ready = contracts.order(session, place.told["contract"], place.home.circumstances.today())
    return release.make(place.by("PR"), ready, tools.data / "plans" / "diabetes-cohort.toml", Text("目的", "purpose"), [], place.archive())


def test_a_person_leaves_the_linkage(copied: Any, person: tuple[str, frozenset[str]]) -> None:
    name, keys = person
    linked = {key: of for key, of in copied.persons().items() if key not in keys}
    done = erase(copied, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(copied.by("OD"), name))
    assert copied.persons() == linked and done.registrations == len(keys)
    with copied.home.transaction() as session:
        assert not [row for row in session.scalars(sa.select(Membership)) if row.patient_key in keys]
        (file,) = vault.files(session, vault.Shelf.LINKAGE, table=links.TABLE)
        pairs = vault.opened(session, copied.home, file).to_table(["left", "right"])
        assert not keys & {*pairs.column("left").to_pylist(), *pairs.column("right").to_pylist()}
        assert not [each for each in session.scalars(sa.select(doubts.Doubt)) if keys & {*each.registrations, *each.apart}]
    assert not rows_of(copied, keys)
    outcome = linkage.link(copied.by("PR"))
    assert not outcome.whole and (outcome.left, outcome.merged, outcome.split) == (0, 0, 0), "the next run has nothing left to do"
    assert copied.persons() == linked


def test_where_no_state_is_left_the_next_linkage_judges_everything(copied: Any, person: tuple[str, frozenset[str]]) -> None:
    name, keys = person
    linked = {key: of for key, of in copied.persons().items() if key not in keys}
    for state in (copied.path / "core" / "linkage-state").iterdir():
        for page in state.rglob("*"):
            if page.is_file():
                page.write_bytes(b"damaged")
    erase(copied, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(copied.by("OD"), name))
    assert copied.persons() == linked
    assert linkage.link(copied.by("PR")).whole and copied.persons() == linked


def test_a_doubt_about_the_person_is_closed_and_names_nobody(copied: Any, person: tuple[str, frozenset[str]]) -> None:
    name, keys = person
    officer = copied.by("PR")
    with officer.transaction() as session:
        doubt = settlement.report_split(session, officer.circumstances, name, "住所の違いが引越しとは考えにくい")
        assert set(doubt.registrations) == keys and doubts.reasons_of(session, doubt)
    erase(copied, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(copied.by("OD"), name))
    with copied.home.transaction() as session:
        kept = doubts.load(session, doubt.id)
        assert (kept.state, kept.registrations, kept.apart, kept.weights) == (doubts.CLOSED, [], [], [])
        assert not doubts.reasons_of(session, kept)


def test_a_release_not_handed_over_ends_and_a_delivered_one_is_told(told: Any, tools: Any, tmp_path: Path) -> None:
    place = tools.duplicate(told, tmp_path / "home")
    delivered = place.told["release"]
    pending = make(place, tools).release.id
    members = {row["patient_key"]: row["person"] for row in place.rows("released", "members")}
    name = next(of for key, of in sorted(place.persons().items()) if key in members)
    keys = {key for key, of in place.persons().items() if of == name}
    done = erase(place, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(place.by("OD"), name))
    assert (done.outcome["ended"], done.outcome["delivered"]) == ([pending], [delivered])
    with place.home.transaction() as session:
        assert release_state.load(session, pending).state == release_state.REFUSED
        assert release_state.load(session, delivered).state in (release_state.DELIVERED, release_state.RECEIPTED)
    assert not (place.path / "deliver" / "releases" / pending / "package.tar.age").exists()
    assert (place.path / "deliver" / "releases" / delivered / "package.tar.age").exists()
    for table in ("members", "classes"):
        assert not [row for row in place.rows("released", table) if row["patient_key"] in keys]
    assert make(place, tools).release.state == release_state.PRODUCED, "it can be made anew"
    place.close()


def test_a_release_under_way_during_an_erasure_is_not_produced(copied: Any, tools: Any, person: tuple[str, frozenset[str]], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    name, _ = person
    sealed = earlier_releases.seal

    def erase_then_seal(*arguments: Any) -> Any:
        erase(copied, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(copied.by("OD"), name))
        return sealed(*arguments)

    monkeypatch.setattr(earlier_releases, "seal", erase_then_seal)
    with pytest.raises(Refusal) as refused:
        make(copied, tools)
    assert refused.value.code == "erased-meanwhile"
    assert not copied.rows("released", "members")


def test_a_linkage_under_way_during_an_erasure_brings_nobody_back(copied: Any, person: tuple[str, frozenset[str]], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    name, keys = person
    keep = linkage.linking._keep

    def erase_then_keep(*arguments: Any) -> Any:
        monkeypatch.setattr(linkage.linking, "_keep", keep)
        erase(copied, Scope.PERSON, Cause.UNNEEDED, registrations=reach.of_person(copied.by("OD"), name))
        return keep(*arguments)

    monkeypatch.setattr(linkage.linking, "_keep", erase_then_keep)
    with pytest.raises(Refusal) as refused:
        linkage.link(copied.by("PR"))
    assert refused.value.code in ("linkage-overtaken", "erased-meanwhile")
    assert not keys & copied.persons().keys()


def test_one_submission(copied: Any) -> None:
    receipt = copied.receipts()[0]
    mine, theirs = (
        receipt.hospital,
        {row["patient_key"] for table in ("patients",) for row in copied.rows("vault", table) if row["hospital"] != receipt.hospital},
    )
    done = erase(copied, Scope.SUBMISSION, Cause.HOSPITAL_REQUEST, submission=receipt.submission)
    for shelf in ("vault", "held"):
        for table in TABLES:
            assert not [row for row in copied.rows(shelf, table) if row["submission"] == receipt.submission]
    assert set(copied.persons()) <= theirs and done.hospital == mine
    assert [each.submission for each in copied.receipts()] and copied.receipts()[0].totals == receipt.totals, "its receipt stays"
    assert scan.scan(copied.by("SO"), done.id).clean


def test_one_hospital_after_its_programme_ended(told: Any, tools: Any, tmp_path: Path) -> None:
    place = tools.duplicate(told, tmp_path / "home")
    hospital = place.receipts()[0].hospital
    rest = {key: each for key, each in others(place, frozenset()).items()}
    home = place.by("HL")
    with home.transaction() as session:
        for found in session.scalars(sa.select(programmes.Programme).where(programmes.Programme.hospital == hospital)):
            programmes.record(session, home.circumstances, hospital, found.regime, "ended", home.circumstances.today())
    done = erase(place, Scope.HOSPITAL, Cause.PROGRAMME_ENDED, hospital=hospital)
    for shelf in ("vault", "held"):
        for table in TABLES:
            kept = Counter({row: n for row, n in rest[f"{shelf}.{table}"].items() if json.loads(row)["hospital"] != hospital})
            assert others(place, frozenset())[f"{shelf}.{table}"] == kept
    assert hospital not in {row["hospital"] for row in place.rows("released", "members")}
    assert [row for row in place.rows("receipt", "receipt-record") if row["hospital"] == hospital]
    assert done.outcome["delivered"] == [place.told["release"]] and scan.scan(place.by("SO"), done.id).clean
    place.close()


def test_everything(told: Any, tools: Any, tmp_path: Path) -> None:
    place = tools.duplicate(told, tmp_path / "home")
    receipts, stops = place.rows("receipt", "receipt-record"), place.stops()
    done = erase(place, Scope.EVERYTHING, Cause.CERTIFICATION_ENDED)
    with place.home.transaction() as session:
        for shelf in (vault.Shelf.VAULT, vault.Shelf.HELD, vault.Shelf.QUARANTINE, vault.Shelf.RELEASED, vault.Shelf.LINKAGE):
            assert not vault.files(session, shelf)
    assert not place.persons() and not list((place.path / "core" / "linkage-state").iterdir())
    assert place.rows("receipt", "receipt-record") == receipts and len(place.stops()) == len(stops)
    assert scan.scan(place.by("SO"), done.id).clean and place.files_recorded() <= place.files_on_disk()
    assert not list((place.path / "deliver").rglob("package.tar.age"))
    place.close()


# at the command line


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_from_order_to_proof_at_the_command_line(
    filled: Any, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    local_id = filled.told["ids"][0]
    key = key_of(filled, local_id)

    def kiban(*words: str, seat: str = "SO") -> tuple[int, str]:
        monkeypatch.setenv("KIBAN_NOW", filled.clock().isoformat())
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{local_id}\n"))
        capsys.readouterr()
        code = entry.run(["--home", str(filled.path), "--lang", lang, "--as", seat, *words])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    assert kiban("erasure", "list")[0] == 0
    code, shown = kiban("erasure", "order", "--scope", "person", "--ground", "unneeded", "--hospital", "H900", "--json", seat="OD")
    made = json.loads(shown)["order"]
    assert code == 0 and local_id not in shown and key not in shown
    assert kiban("erasure", "run", made)[0] == 13, "nobody has approved it"
    code, shown = kiban("erasure", "preview", made, "--json")
    assert code == 0 and json.loads(shown)["rows"] == 6 and local_id not in shown and key not in shown
    assert kiban("erasure", "approve", made, seat="OD")[0] == 13
    assert kiban("erasure", "approve", made)[0] == 0
    code, shown = kiban("erasure", "run", made, "--json")
    assert code == 0 and json.loads(shown)["state"] == "DONE" and local_id not in shown and key not in shown
    for command in (("scan", made), ("scan", made, "--every"), ("list",), ("preview", made)):
        for extra in ((), ("--json",)):
            code, shown = kiban("erasure", *command, *extra)
            assert code == 0 and shown.strip() and local_id not in shown and key not in shown
    assert kiban("erasure", "scan", "E-none")[0] == 11
    assert kiban("erasure", "order", "--scope", "hospital", "--ground", "programme-ended")[0] == 2, "which hospital is not said"
    assert kiban("erasure", "scan", made, seat="PR")[0] == 13


# raw rows


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("90000001,2021-05-06", True), ('"90000001","x"', True), ("９０００００01\tx", True), ("x;0090000001;y", True), ("x 90000001", True),
        ('{"local_patient_id":"90000001"}', True), ("190000001,x", False), ("90000001-2,x", False), ("9000000,x", False), (None, False), ("a900 00001", False),
    ],
)  # fmt: skip
def test_an_id_is_found_however_it_is_written(raw: str | None, named: bool) -> None:
    found = quarantine._names(pa.array([raw], pa.string()), ["90000001"])
    assert found.to_pylist() == [named]


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc-jp", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("written", ["90000001", "９００００００１"])
def test_an_id_is_found_in_a_damaged_file_over_the_edge_of_its_parts(encoding: str, written: str) -> None:
    content = ("あ" * 50 + f",{written},").encode(encoding)
    half = len(content) - 8
    parts = pa.table([["f", "f"], [0, 1], [content[:half], content[half:]]], schema=incoming.DAMAGED)
    assert quarantine._damaged_names(ds.dataset(parts), ["90000001"])
    assert not quarantine._damaged_names(ds.dataset(parts), ["80000001"])


def test_a_packed_file_cannot_be_searched_and_counts_as_naming() -> None:
    parts = pa.table([["f"], [0], [b"PK\x03\x04 what it holds nobody can tell"]], schema=incoming.DAMAGED)
    assert quarantine._damaged_names(ds.dataset(parts), ["90000001"])
