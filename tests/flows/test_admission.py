"""The daily clock: held rows come in by themselves on their day, and never after a stop; old files and keys are gone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy.orm import Session

from kiban_operator import admission, custody, vault
from kiban_operator.keys import WrappedKey
from kiban_operator.vault import VaultFile
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.refusals import Refusal

GIVEN, DUE = date(2026, 11, 11), date(2026, 12, 11)


@pytest.fixture
def waiting(place: Any, tools: Any, tmp_path: Path) -> Any:
    """One person notified long ago (1), two ten days ago (2, 3), one child whose guardian was not told (4); three diagnoses each."""
    people = [tools.small(1), tools.small(2), tools.small(3), tools.small(4, birth_date="2015-05-05")]
    ids = [row["local_patient_id"] for row in people]
    place.notify([{"local_patient_id": ids[0], "given_on": "2026-06-01"}])
    place.notify([{"local_patient_id": each, "given_on": GIVEN.isoformat()} for each in ids[1:3]])
    place.notify([{"local_patient_id": ids[3], "given_on": "2026-06-01"}])
    diagnoses = [tools.diagnosis(10 * n + turn, each) for n, each in enumerate(ids) for turn in range(3)]
    folder = tools.write_submission(tmp_path / "sent", {"patients": people, "diagnoses": diagnoses})
    place.told["receipt"], place.told["ids"] = place.receive(folder), ids
    return place


def held_files(place: Any) -> list[VaultFile]:
    with place.home.transaction() as session:
        return vault.files(session, vault.Shelf.HELD)


def stored(place: Any, shelf: str) -> dict[str, int]:
    return {table: len(place.rows(shelf, table)) for table in ("patients", "diagnoses")}


def test_held_at_receipt(waiting: Any) -> None:
    counts = waiting.told["receipt"].counts
    assert (counts["patients"].accepted, counts["patients"].held_for) == (1, {"guardian-not-notified": 1, "waiting": 2})
    assert (counts["diagnoses"].accepted, counts["diagnoses"].held_for) == (3, {"guardian-not-notified": 3, "waiting": 6})


def test_not_a_day_earlier(waiting: Any) -> None:
    waiting.day(DUE.replace(day=DUE.day - 1))
    before = waiting.state()
    outcome = waiting.admit()
    assert outcome.as_json() == {"admitted": {}, "withdrawn": {}, "waiting": {"patients": 3, "diagnoses": 9}}
    assert waiting.state() == before


def test_on_the_day_by_itself_and_once(waiting: Any) -> None:
    waiting.day(DUE)
    outcome = waiting.admit()
    assert outcome.admitted == {"patients": 2, "diagnoses": 6}
    assert outcome.waiting == {"patients": 1, "diagnoses": 3}
    assert not any(outcome.withdrawn.values())
    assert stored(waiting, "vault") == {"patients": 3, "diagnoses": 9}
    assert stored(waiting, "held") == {"patients": 1, "diagnoses": 3}
    after = waiting.state()
    again = waiting.admit()
    assert not again.admitted and not any(again.withdrawn.values())
    assert waiting.state() == after


def test_admitted_rows_are_the_rows_that_were_sent(waiting: Any) -> None:
    before = {(row["source_file"], row["source_row"]): row for row in waiting.rows("held", "diagnoses") if row["ground"] == "waiting"}
    waiting.day(DUE).admit()
    entered = {(row["source_file"], row["source_row"]): row for row in waiting.rows("vault", "diagnoses")}
    for place, row in before.items():
        assert entered[place] == {name: value for name, value in row.items() if name not in ("ground", "eligible_on")}


def test_entry_is_booked_with_counts(waiting: Any) -> None:
    waiting.day(DUE).admit()
    (entry,) = waiting.booked("held.admitted")
    assert entry["hospital"] == "H900" and entry["tables"] == {"patients": 2, "diagnoses": 6}


def test_sent_again_nothing_changes(waiting: Any, tmp_path: Path) -> None:
    waiting.day(DUE).admit()
    before = waiting.state()
    assert waiting.receive(tmp_path / "sent").repeated
    assert waiting.state() == before


def test_old_files_and_keys_are_destroyed(waiting: Any) -> None:
    old = held_files(waiting)
    assert old and all((waiting.path / file.path).is_file() for file in old)
    waiting.day(DUE).admit()
    with waiting.home.transaction() as session:
        for file in old:
            assert not (waiting.path / file.path).exists()
            key = session.get(WrappedKey, f"file/{file.id}")
            assert key is not None and key.wrapped is None and key.destroyed_at is not None
            row = session.get(VaultFile, file.id)
            assert row is not None and row.destroyed_at is not None
    assert waiting.files_on_disk() == waiting.files_recorded()


def test_stop_while_held_destroys_the_rows(waiting: Any) -> None:
    stopped = waiting.told["ids"][1]
    key = waiting.key("H900", stopped)
    waiting.stop(stopped)
    outcome = waiting.admit()  # at once, not only on the day
    assert outcome.withdrawn == {"patients": 1, "diagnoses": 3}
    assert stored(waiting, "held") == {"patients": 2, "diagnoses": 6}
    outcome = waiting.day(DUE).admit()
    assert outcome.admitted == {"patients": 1, "diagnoses": 3}
    for shelf in ("vault", "held"):
        for table in ("patients", "diagnoses"):
            assert key not in {row["patient_key"] for row in waiting.rows(shelf, table)}
    assert waiting.files_on_disk() == waiting.files_recorded()


def test_stop_and_day_at_once(waiting: Any) -> None:
    """On the very day both bite: one comes in, the one who asked to stop does not."""
    waiting.day(DUE).stop(waiting.told["ids"][1])
    outcome = waiting.admit()
    assert (outcome.admitted, outcome.withdrawn) == ({"patients": 1, "diagnoses": 3}, {"patients": 1, "diagnoses": 3})


def test_destruction_alone_is_booked(waiting: Any) -> None:
    waiting.stop(waiting.told["ids"][1])
    waiting.admit()
    assert len(waiting.booked("held.admitted")) == 1


def test_guardians_notice_cures(waiting: Any) -> None:
    child = waiting.told["ids"][3]
    waiting.day(date(2026, 12, 1)).notify([{"local_patient_id": child, "given_on": "2026-06-01", "guardian_given_on": "2026-12-01"}])
    waiting.admit()
    assert waiting.key("H900", child) not in {row["patient_key"] for row in waiting.rows("vault", "patients")}
    waiting.day(date(2026, 12, 30)).admit()
    assert waiting.key("H900", child) not in {row["patient_key"] for row in waiting.rows("vault", "patients")}
    outcome = waiting.day(date(2026, 12, 31)).admit()
    assert outcome.admitted["patients"] == 1
    assert waiting.key("H900", child) in {row["patient_key"] for row in waiting.rows("vault", "patients")}
    assert stored(waiting, "held") == {"patients": 0, "diagnoses": 0}


def test_reason_of_waiting_is_brought_up_to_date(waiting: Any) -> None:
    """A child whose guardian has been told waits for its day, not for the guardian any more: whoever reads the shelf must see that."""
    child = waiting.told["ids"][3]
    waiting.day(date(2026, 12, 1)).notify([{"local_patient_id": child, "given_on": "2026-06-01", "guardian_given_on": "2026-12-01"}])
    waiting.day(DUE).admit()
    assert {(row["ground"], row["eligible_on"]) for row in waiting.rows("held", "patients")} == {("waiting", date(2026, 12, 31))}


def test_counts_add_up_over_any_days(waiting: Any) -> None:
    total = {"patients": 4, "diagnoses": 12}
    waiting.stop(waiting.told["ids"][2])
    lost = dict.fromkeys(total, 0)
    for day in (date(2026, 11, 25), DUE, date(2026, 12, 12), date(2027, 1, 5)):
        outcome = waiting.day(day).admit()
        for table, number in outcome.withdrawn.items():
            lost[table] += number
        for table, sent in total.items():
            assert stored(waiting, "vault")[table] + stored(waiting, "held")[table] + lost[table] == sent


def test_custody_is_clean_after_admission(waiting: Any) -> None:
    waiting.day(DUE).admit()
    report = custody.check(waiting.by("PR"))
    assert (report.rows, report.breaches, report.withheld) == (12, (), ())


def test_death_after_the_notice_does_not_keep_out(waiting: Any, tools: Any, tmp_path: Path) -> None:
    deaths = [{"local_patient_id": waiting.told["ids"][1], "death_date": "2026-11-15"}]
    waiting.receive(tools.write_submission(tmp_path / "deaths", {"deaths": deaths}))
    outcome = waiting.day(DUE).admit()
    assert (outcome.admitted["patients"], outcome.admitted["deaths"]) == (2, 1)


def test_death_before_the_notice_told_later_keeps_out(waiting: Any, tools: Any, tmp_path: Path) -> None:
    dead = waiting.told["ids"][2]
    deaths = [{"local_patient_id": dead, "death_date": "2026-11-10"}]
    receipt = waiting.receive(tools.write_submission(tmp_path / "deaths", {"deaths": deaths}))
    assert receipt.counts["deaths"].quarantined_for == {"died-before-notice": 1}
    waiting.day(DUE).admit()
    assert waiting.key("H900", dead) not in {row["patient_key"] for row in waiting.rows("vault", "patients")}


def test_two_clocks_at_once_admit_once(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run has judged the same files before the first one recorded: it must leave them alone."""
    record = admission._record
    inner: list[admission.Admission] = []

    def run_another_first(*arguments: Any) -> Any:
        monkeypatch.setattr(admission, "_record", record)
        inner.append(waiting.admit())
        return record(*arguments)

    waiting.day(DUE)
    monkeypatch.setattr(admission, "_record", run_another_first)
    outer = waiting.admit()
    assert inner[0].admitted == {"patients": 2, "diagnoses": 6}
    assert not any(outer.admitted.values())
    assert stored(waiting, "vault") == {"patients": 3, "diagnoses": 9}
    assert waiting.files_on_disk() == waiting.files_recorded()
    assert len(waiting.booked("held.admitted")) == 1


def test_stop_between_ruling_and_recording(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record = admission._record

    def stop_first(*arguments: Any) -> Any:
        monkeypatch.setattr(admission, "_record", record)
        waiting.stop(waiting.told["ids"][1])
        return record(*arguments)

    waiting.day(DUE)
    before = waiting.files_on_disk()
    monkeypatch.setattr(admission, "_record", stop_first)
    with pytest.raises(Refusal) as refused:
        waiting.admit()
    assert refused.value.code == "stopped-meanwhile"
    assert waiting.files_on_disk() == before and not waiting.booked("held.admitted")
    assert waiting.admit().withdrawn == {"patients": 1, "diagnoses": 3}


def test_interrupted_admission_changes_nothing(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = waiting.state()
    recorded = vault.record
    calls = iter(range(3))

    def fail_on_the_second(*arguments: Any) -> Any:
        if next(calls) == 1:
            raise OSError("disk full")
        return recorded(*arguments)

    waiting.day(DUE)
    with monkeypatch.context() as patch:
        patch.setattr(admission.vault, "record", fail_on_the_second)
        with pytest.raises(OSError, match="disk full"):
            waiting.admit()
    assert waiting.state() == before
    assert waiting.admit().admitted == {"patients": 2, "diagnoses": 6}


def test_interrupted_while_moving_changes_nothing(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure after files were written and before they were recorded leaves no file behind."""
    before = waiting.state()
    written = vault.Sealing.write
    calls = iter(range(100))

    def fail_on_the_third(self: vault.Sealing, batch: Any) -> None:
        if next(calls) == 2:
            raise OSError("disk full")
        written(self, batch)

    waiting.day(DUE)
    with monkeypatch.context() as patch:
        patch.setattr(vault.Sealing, "write", fail_on_the_third)
        with pytest.raises(OSError, match="disk full"):
            waiting.admit()
    assert waiting.state() == before


def test_only_who_may_receive_runs_the_clock(waiting: Any) -> None:
    with pytest.raises(Refusal) as refused:
        admission.admit_held(waiting.by("AP"))
    assert refused.value.code == "act-not-allowed"


def test_older_submission_admitted_late_does_not_win_over_a_correction(waiting: Any, tools: Any, tmp_path: Path) -> None:
    """A registration corrected by a later submission stays corrected when the older row, held till then, comes in."""
    ids = waiting.told["ids"]
    corrected = tools.small(2, phone="043-999-9999")
    waiting.day(DUE)  # the wait is over, but the clock has not run: the correction is accepted at once
    waiting.receive(tools.write_submission(tmp_path / "again", {"patients": [corrected]}))
    waiting.admit()
    with waiting.home.transaction() as session, duckdb.connect() as con:
        vault.register(con, session, waiting.home, TABLES["patients"], "seen")
        phones = con.execute("SELECT phone FROM seen WHERE patient_key = ?", [waiting_key(session, waiting, ids[1])]).fetchall()
    assert phones == [("043-999-9999",)]


def waiting_key(session: Session, place: Any, local_id: str) -> str:
    return vault.local_patient_keys(session, place.home, "H900", [local_id])[0]
