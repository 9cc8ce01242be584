"""The incident of 2022: a loader that goes past the gate. The standing query finds what it left, and nothing is linked or released over it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kiban_applications.command_line import releasing
from kiban_applications.command_line.door import Door
from kiban_operator import custody, persons, release_state, vault
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.refusals import Family, Refusal


def load(place: Any, table: str, rows: list[dict[str, Any]], hospital: str, submission: str, regime: str = "A") -> None:
    """Write rows into the vault without asking anybody, as the loader of 2022 did."""
    schema = vault.schema(TABLES[table])
    system = {"hospital": hospital, "regime": regime, "submission": submission, "source_file": "loader.csv"}
    full = [{**dict.fromkeys(schema.names), **system, "source_row": number, **row} for number, row in enumerate(rows, 1)]
    sealing = vault.seal(place.home, vault.Shelf.VAULT, hospital=hospital, regime=regime, table=table, submission=submission, schema=schema)
    sealing.write(pa.RecordBatch.from_pylist(full, schema=schema))
    with place.home.transaction() as session:
        vault.record(session, place.home, sealing)


def make(place: Any) -> Any:
    door = Door("en", place.path, None, True, clock=place.clock)
    plan = Path(place.told["plan"])
    return releasing.make(door, place.by("PR"), place.told["contract"], plan)


@pytest.fixture
def loaded(copied: Any, tools: Any) -> Any:
    """The example home, into which two never-notified people with three diagnoses were loaded."""
    copied.told["plan"] = str(tools.data / "plans" / "diabetes-cohort.toml")
    known = copied.told["receipts"][0]["submission"]
    strangers = [copied.key("H001", f"9999000{number}") for number in range(2)]
    load(copied, "patients", [{"patient_key": key, "local_patient_id": "9", "birth_date": date(1970, 1, 1), "sex": "male"} for key in strangers],
         "H001", known)  # fmt: skip
    load(copied, "diagnoses", [{"patient_key": strangers[0], "icd10": "E119", "diagnosed_on": date(2020, 1, 1)}] * 3, "H001", known)
    copied.told["strangers"] = strangers
    return copied


def test_clean_before(agreed: Any) -> None:
    report = custody.check(agreed.by("PR"))
    assert report.rows == sum(each["accepted"] for each in agreed.told["receipts"])
    assert report.breaches == () and report.withheld == ()


def test_standing_query_finds_the_never_notified(loaded: Any) -> None:
    report = custody.check(loaded.by("PR"))
    found = {(b.hospital, b.table, b.ground): (b.rows, b.persons) for b in report.breaches}
    assert found == {("H001", "patients", "not-notified"): (2, 2), ("H001", "diagnoses", "not-notified"): (3, 1)}


def test_check_changes_nothing(loaded: Any) -> None:
    before = loaded.state()
    custody.check(loaded.by("PR"))
    assert loaded.state() == before


def test_linkage_refuses_and_books(loaded: Any) -> None:
    known = loaded.persons()
    with pytest.raises(Refusal) as refused:
        persons.link(loaded.by("PR"))
    assert (refused.value.code, refused.value.ground.family) == ("custody-breach", Family.LAW)
    assert loaded.persons() == known
    assert not set(loaded.told["strangers"]) & known.keys()
    booked = {(entry["table"], entry["rule"]): entry["count"] for entry in loaded.booked("breach.found")}
    assert booked == {("patients", "not-notified"): 2, ("diagnoses", "not-notified"): 3}


def test_release_refuses_and_books(loaded: Any) -> None:
    with pytest.raises(Refusal) as refused:
        make(loaded)
    assert refused.value.code == "custody-breach"
    assert len(loaded.booked("breach.found")) == 2
    (ended,) = loaded.booked("release.refused")
    assert ended["code"] == "custody-breach"
    with loaded.home.transaction() as session:
        (made,) = release_state.every(session)
        assert made.state == release_state.REFUSED
    assert not loaded.rows("released", "members")


def test_row_of_a_stopped_person_loaded_later_is_a_breach(copied: Any) -> None:
    """The register said stop before the row came; whoever loaded it did not look."""
    stop = next(each for each in copied.stops() if each.hospital == "H001")
    row = {"patient_key": stop.patient_key, "local_patient_id": "9", "birth_date": date(1970, 1, 1)}
    load(copied, "patients", [row], "H001", copied.told["receipts"][0]["submission"])
    report = custody.check(copied.by("PR"))
    assert [(b.ground, b.rows) for b in report.breaches] == [("stopped", 1)]
    with pytest.raises(Refusal, match="custody-breach"):
        persons.link(copied.by("PR"))


def test_row_of_a_stopped_person_under_an_unknown_submission(copied: Any) -> None:
    stop = next(each for each in copied.stops() if each.hospital == "H001")
    load(copied, "patients", [{"patient_key": stop.patient_key, "birth_date": date(1970, 1, 1)}], "H001", "s-unknown")
    assert [(b.ground, b.rows) for b in custody.check(copied.by("PR")).breaches] == [("stopped", 1)]


def test_row_of_an_unknown_patient(copied: Any) -> None:
    """A diagnosis whose patient stands in no patient row."""
    load(copied, "diagnoses", [{"patient_key": "0" * 32, "icd10": "E119", "diagnosed_on": date(2020, 1, 1)}], "H002", "s-unknown")
    breaches = custody.check(copied.by("PR")).breaches
    assert [(b.hospital, b.table, b.rows) for b in breaches] == [("H002", "diagnoses", 1)]


def test_row_under_a_regime_the_hospital_has_no_programme_for(copied: Any) -> None:
    key = next(iter(copied.persons()))
    load(copied, "patients", [{"patient_key": key, "birth_date": date(1970, 1, 1)}], "H001", "s-unknown", regime="P")
    breaches = custody.check(copied.by("PR")).breaches
    assert {(b.regime, b.table) for b in breaches} == {("P", "patients")}


def test_stop_after_receipt_is_no_breach_but_withheld(copied: Any, tools: Any) -> None:
    copied.told["plan"] = str(tools.data / "plans" / "diabetes-cohort.toml")
    local_id, key = copied.somebody(table="diagnoses")
    copied.stop(local_id, hospital="H001")
    report = custody.check(copied.by("PR"))
    assert report.breaches == ()
    assert {b.ground for b in report.withheld} == {"stopped"}
    own = {table: sum(row["patient_key"] == key for row in copied.rows("vault", table)) for table in ("patients", "diagnoses")}
    assert {b.table: (b.rows, b.persons) for b in report.withheld if b.table in own} == {t: (n, 1) for t, n in own.items()}
    made = make(copied)
    assert made.evidence.persons > 0
    assert key not in {row["patient_key"] for row in copied.rows("released", "members")}
    assert copied.booked("breach.found") == []


def test_death_before_the_notice_told_after_receipt_is_withheld(copied: Any, tools: Any, tmp_path: Path) -> None:
    """The row that tells it is not kept; the fact is, and bars what is stored from linkage and release."""
    copied.told["plan"] = str(tools.data / "plans" / "diabetes-cohort.toml")
    local_id, key = copied.somebody(table="diagnoses")
    deaths = [{"local_patient_id": local_id, "death_date": "2026-01-05"}]
    receipt = copied.receive(tools.write_submission(tmp_path / "deaths", {"deaths": deaths}, hospital="H001"))
    assert receipt.counts["deaths"].quarantined_for == {"died-before-notice": 1}
    assert key not in {row["patient_key"] for row in copied.rows("vault", "deaths")}
    report = custody.check(copied.by("PR"))
    assert report.breaches == ()
    assert {finding.ground for finding in report.withheld} == {"died-before-notice"}
    persons.link(copied.by("PR"))
    assert key not in copied.persons()
    make(copied)
    assert key not in {row["patient_key"] for row in copied.rows("released", "members")}
