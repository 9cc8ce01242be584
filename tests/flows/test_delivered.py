"""Deliveries of a standard format at the operator: staged, gated, counted; read by a toy format, so that intake is tried and not a reader."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tomli_w
from data_examples import ssmix2_world

from kiban_operator import findings_report, masters
from kiban_processing.deliveries import readers, sources
from kiban_processing.deliveries.pieces import DEFECTS, Piece, Remark
from kiban_processing.formats import findings
from kiban_processing.formats.encodings import UNDECODABLE_FILE
from kiban_processing.masters import layouts
from kiban_processing.masters.versions import Master
from kiban_processing.refusals import Refusal

COLUMNS = {
    "patients": ("local_patient_id", "name_kanji", "birth_date", "sex"),
    "diagnoses": ("local_patient_id", "diagnosis_id", "icd10", "diagnosed_on"),
}


class Toy:
    """One line is one record: `patients|ID|name|birth|M`, `diagnoses|ID|number|code|day`; a file named `bad` is unreadable, other kinds are set aside."""

    translations: Mapping[str, Mapping[str, str]] = {"patients.sex": {"M": "male", "F": "female"}}
    items: Mapping[str, tuple[str, ...]] = COLUMNS
    registers = True
    remarks: tuple[Remark, ...] = ()

    def __init__(self, path: Path) -> None:
        self.path = path

    def shown(self, file: str) -> str:
        return file.replace("secret", "*")

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        for source in sources.walk(self.path):
            if source.name.startswith("bad"):
                refusal: Refusal = UNDECODABLE_FILE.refuse(file="bad", lines=1, undecodable=1, encoding="utf-8", offset=0)
                yield Piece({source.name: 1}, refused={source.name: (refusal, 1)})
                continue
            with source.open() as file:
                lines = file.read().decode().splitlines()
            rows: dict[str, list[dict[str, Any]]] = {}
            defects: list[dict[str, Any]] = []
            aside: dict[str, int] = {}
            for number, line in enumerate(lines, 1):
                kind, *cells = line.split("|")
                place = {"source_file": source.name, "source_row": number}
                if kind == "?":
                    defects.append({**place, "column": None, "rule": findings.NOT_OF_FORMAT.code, "severity": "row", "raw": line})
                elif kind not in COLUMNS:
                    aside[kind] = aside.get(kind, 0) + 1
                elif only is None or kind in only:
                    rows.setdefault(kind, []).append({**place, **dict(zip(COLUMNS[kind], cells, strict=True))})
            tables = {name: pa.Table.from_pylist(found) for name, found in rows.items()}
            yield Piece({source.name: len(lines)}, tables, pa.Table.from_pylist(defects, DEFECTS), aside)


@pytest.fixture
def sent(tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small hospital's people 0 to 3, of whom 3 was never notified, in two files that tell of 0 twice, with diagnoses."""
    monkeypatch.setattr(readers, "open_delivery", lambda path, kind, options=readers.NO_OPTIONS: Toy(path))
    people = [tools.small(number) for number in range(4)]
    told = [
        "|".join(("patients", one["local_patient_id"], one["name_kanji"], one["birth_date"], "M" if one["sex"] == "male" else "F"))
        for one in people
    ]
    ids = [one["local_patient_id"] for one in people]
    ill = [f"diagnoses|{one}|D{number}|E119|2024-05-0{number + 1}" for number, one in enumerate(ids)]
    folder = tmp_path / "sent"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "a-secret").write_text("\n".join([told[0], *told, *ill[:2], "?|broken", "letters|x"]), encoding="utf-8")
    (folder / "toy" / "b").write_text("\n".join([told[0], *ill[2:], "diagnoses|" + ids[1] + "|D9|E119|never", ill[0]]), encoding="utf-8")
    (folder / "toy" / "bad").write_bytes(b"\xff\xfe")
    tools.write_submission(folder, {})
    (folder / "mapping.toml").write_text(tomli_w.dumps({"deliveries": [{"path": "toy", "format": "fhir"}]}), encoding="utf-8")
    return folder


@pytest.fixture
def notified(place: Any, tools: Any) -> Any:
    place.notify([{"local_patient_id": tools.small(number)["local_patient_id"], "given_on": "2026-06-01"} for number in range(3)])
    return place


def test_every_row_and_every_record_has_its_fate(notified: Any, sent: Path) -> None:
    receipt = notified.receive(sent)
    patients, diagnoses = receipt.counts["patients"], receipt.counts["diagnoses"]
    assert (patients.sent, patients.accepted, patients.held_for, patients.quarantined) == (4, 3, {"not-notified": 1}, 0)
    assert (diagnoses.sent, diagnoses.accepted, diagnoses.held) == (6, 3, 1)
    assert diagnoses.quarantined_for == {"not-a-date": 1, "repeated-key": 1}
    (delivery,) = receipt.deliveries
    assert {name: delivery[name] for name in ("sent", "accepted", "quarantined", "refused", "set_aside")} == {
        "sent": 15, "accepted": 12, "quarantined": 2, "refused": 1, "set_aside": 1,
    }  # fmt: skip
    assert set(delivery["files"]) == {"a-*", "b", "bad"}


def test_what_a_notice_does_not_name_is_left_out_before_anything_is_kept(notified: Any, sent: Path) -> None:
    entry = {"path": "toy", "format": "fhir", "omit": ["patients.name_kanji"]}
    (sent / "mapping.toml").write_text(tomli_w.dumps({"deliveries": [entry]}), encoding="utf-8")
    receipt = notified.receive(sent)
    assert "patients.name_kanji" not in receipt.items and "patients.birth_date" in receipt.items
    assert {row["name_kanji"] for row in notified.rows("vault", "patients")} == {None}


def test_file_names_that_hold_an_identifier_are_kept_nowhere(notified: Any, sent: Path) -> None:
    receipt = notified.receive(sent)
    files = {
        row["source_file"] for shelf in ("vault", "held") for table in ("patients", "diagnoses") for row in notified.rows(shelf, table)
    }
    files |= {finding.file for finding in findings_report.read(notified.by("HL"), receipt.submission)}
    assert files == {"toy/a-*", "toy/b"}


def test_a_file_that_cannot_be_read_is_kept_as_it_came(notified: Any, sent: Path) -> None:
    receipt = notified.receive(sent)
    assert [one["file"] for one in receipt.damaged_files] == ["toy/bad"]


def test_the_same_delivery_again_changes_nothing(notified: Any, sent: Path) -> None:
    first = notified.receive(sent)
    again = notified.receive(sent)
    assert again.repeated and (again.submission, again.counts, again.deliveries) == (first.submission, first.counts, first.deliveries)


def test_one_changed_byte_in_a_delivery_makes_another_submission(notified: Any, sent: Path) -> None:
    first = notified.receive(sent)
    with (sent / "toy" / "b").open("a", encoding="utf-8") as file:
        file.write("\nletters|y")
    assert notified.receive(sent).submission != first.submission


def test_a_storage_of_ssmix2_is_received_like_any_table(place: Any, tools: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    ssmix2_world.write(folder / "ssmix2", 200, 3)
    tools.write_submission(folder, {})
    (folder / "mapping.toml").write_text(tomli_w.dumps({"deliveries": [{"path": "ssmix2", "format": "ssmix2"}]}), encoding="utf-8")
    patients = sorted(path.name for path in (folder / "ssmix2").glob("*/*/*"))
    place.notify([{"local_patient_id": one, "given_on": "2026-06-01"} for one in patients[1:]])
    receipt = place.receive(folder)
    (delivery,) = receipt.deliveries
    assert delivery["sent"] == 200 == delivery["accepted"] + delivery["quarantined"] + delivery["refused"]
    assert receipt.counts["patients"].accepted and receipt.counts["encounters"].accepted
    results = receipt.counts["laboratory_results"]
    assert results.held and not results.accepted and "item-not-in-notice" in results.held_for, "the notice names no results"
    keys = {place.key("H900", one) for one in patients}
    stored = [row for shelf in ("vault", "held") for table in ("encounters", "diagnoses") for row in place.rows(shelf, table)]
    assert {row["patient_key"] for row in stored} <= keys
    assert not any(one in row["source_file"] for row in stored for one in patients)


def test_claims_check_who_is_registered_and_replace_nobody(notified: Any, tools: Any, sent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notified.receive(sent)
    monkeypatch.setattr(Toy, "registers", False)
    one, two, other = (tools.small(number) for number in (0, 1, 9))
    lines = [
        f"patients|{one['local_patient_id']}||{one['birth_date']}|M", f"patients|{two['local_patient_id']}||1901-01-01|F",
        f"patients|{other['local_patient_id']}||{other['birth_date']}|F",
    ]  # fmt: skip
    (sent / "toy" / "b").write_text("\n".join(lines), encoding="utf-8")
    (sent / "toy" / "a-secret").unlink()
    patients = notified.receive(sent).counts["patients"]
    assert (patients.sent, patients.quarantined_for, patients.held) == (2, {"contradicting-registration": 1}, 1)
    stored = notified.rows("vault", "patients")
    assert all(row["name_kanji"] for row in stored if row["patient_key"] == notified.key("H900", one["local_patient_id"]))
    assert other["local_patient_id"] in {row["local_patient_id"] for row in notified.rows("held", "patients")}


def test_codes_are_filled_in_from_the_masters_and_the_notice_must_name_what_is_filled(
    notified: Any, tools: Any, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pa.Table.from_pylist([{"code": "9999901", "icd10_2013": "Z99.9"}], layouts.DISEASES.schema)
    known = {"diseases": [Master(layouts.DISEASES, "2024", date(2024, 4, 1), "0" * 64, rows)]}
    monkeypatch.setattr(masters, "for_completion", lambda *_: known)
    monkeypatch.setitem(COLUMNS, "diagnoses", ("local_patient_id", "diagnosis_id", "disease_code", "diagnosed_on"))
    patient = tools.small(0)["local_patient_id"]
    lines = [f"diagnoses|{patient}|D{number}|{code}|2024-05-0{number}" for number, code in ((7, "9999901"), (8, "9999902"))]
    (sent / "toy" / "b").write_text("\n".join(lines), encoding="utf-8")
    receipt = notified.receive(sent)
    assert receipt.deliveries[0]["completed"] == {"diagnoses.icd10": 1} and "diagnoses.icd10" in receipt.items
    stored = {row["disease_code"]: row["icd10"] for row in notified.rows("vault", "diagnoses") if row["diagnosis_id"] in ("D7", "D8")}
    assert stored["9999901"] == "Z99.9" and stored["9999902"] is None
