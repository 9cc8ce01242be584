"""FHIR becomes rows by the whitelist alone, under the hospital's own patient numbers."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from data_examples import fhir_world
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import inspection, readers
from kiban_processing.deliveries.fhir import people, whitelist
from kiban_processing.deliveries.fhir.people import AMBIGUOUS, People
from kiban_processing.deliveries.readers import Format
from kiban_processing.deliveries.typed import Typing
from tests.deliveries.broken import fhir as cases


def rows(path: Path, only: list[str] | None = None) -> dict[str, list[dict[str, Any]]]:
    delivery = readers.open_delivery(path, Format.FHIR)
    typing = Typing(delivery.translations)
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in delivery.pieces(only):
        for table, typed in typing.read(piece).rows.items():
            found.setdefault(table, []).extend(typed.to_pylist())
    return found


def of(tmp_path: Path, *resources: Any) -> dict[str, list[dict[str, Any]]]:
    (tmp_path / "a.ndjson").write_bytes(cases.line(*resources))
    return rows(tmp_path)


def test_every_item_of_the_whitelist_is_declared() -> None:
    for entry in whitelist.ENTRIES:
        for source in (*entry.sources, *entry.part_sources):
            for name in ("item", "words", "unit"):
                item = getattr(source, name, None)
                assert item is None or item in TABLES[entry.table], (entry.kind, item)


def test_a_patient_keeps_names_by_their_representation(tmp_path: Path) -> None:
    made = fhir_world.patient(7, random.Random(3))
    (found,) = of(tmp_path, made)["patients"]
    assert found["local_patient_id"] == "000000007"
    assert (found["name_kanji"], found["name_kana"]) == (made["name"][0]["text"], made["name"][1]["text"])
    assert (found["insurer_number"], found["insured_symbol"], found["insured_number"], found["insured_branch"]) == (
        "00999999",
        "見本",
        "7",
        "01",
    )
    assert (found["postal_code"], found["phone"], found["sex"]) == ("1000001", "00-0000-0007", made["gender"])
    assert cases.HOSPITAL not in str(found)


def test_a_name_without_a_representation_is_told_apart_by_its_letters(tmp_path: Path) -> None:
    names = [{"use": "old", "text": "旧姓 花"}, {"text": "ミホン ハナ"}, {"family": "見本", "given": ["花"]}]
    (found,) = of(tmp_path, cases.patient(name=names))["patients"]
    assert (found["name_kanji"], found["name_kana"]) == ("見本 花", "ミホン ハナ")


def test_a_death_gives_a_row_of_its_own(tmp_path: Path) -> None:
    found = of(tmp_path, cases.patient(deceasedDateTime="2024-05-06T23:30:00Z"))
    assert str(found["deaths"][0]["death_date"]) == "2024-05-07"  # in Japan


def test_references_of_every_form_lead_to_the_hospitals_number(tmp_path: Path) -> None:
    url = "urn:uuid:11111111-0000-4000-8000-000000000001"
    me = cases.patient(identifier=[{"system": cases.HOSPITAL, "value": "0001"}, {"system": cases.MEMBER, "value": "１:a:2:3"}])
    subjects = [
        {"reference": "Patient/p1"},
        {"reference": "Patient/p1/_history/2"},
        {"reference": url},
        {"reference": f"Patient?identifier={cases.HOSPITAL}|0001"},
        {"identifier": {"system": cases.HOSPITAL, "value": "0001"}},
        {"identifier": {"system": cases.MEMBER, "value": "1:a:2:3"}},
        {"reference": "#me"},
    ]
    sent = [cases.condition(id=f"c{n}", subject=one, contained=[{**me, "id": "me"}]) for n, one in enumerate(subjects)]
    (tmp_path / "a.json").write_bytes(cases.bundle({"fullUrl": url, "resource": me}))
    found = of(tmp_path, *sent)["diagnoses"]
    assert [(row["diagnosis_id"], row["local_patient_id"]) for row in found] == [(f"c{n}", "0001") for n in range(len(subjects))]


def test_a_patient_of_a_bundle_comes_before_one_of_the_delivery(tmp_path: Path) -> None:
    for number in (1, 2):
        entry = [
            {"resource": {**cases.patient(number), "id": "same"}},
            {"resource": cases.condition(id=f"c{number}", subject={"reference": "Patient/same"})},
        ]
        (tmp_path / f"{number}.json").write_bytes(cases.bundle(*entry))
    assert [(row["diagnosis_id"], row["local_patient_id"]) for row in rows(tmp_path)["diagnoses"]] == [("c1", "0001"), ("c2", "0002")]


def test_the_id_of_a_resource_stands_only_where_no_patient_has_a_number(tmp_path: Path) -> None:
    plain = {"resourceType": "Patient", "id": "p1"}
    assert of(tmp_path, plain, cases.condition())["diagnoses"][0]["local_patient_id"] == "p1"
    assert not of(tmp_path, plain, cases.patient(2), cases.condition()).get("diagnoses")


def test_codes_go_by_their_system_and_standard_ones_before_others(tmp_path: Path) -> None:
    codings = [
        {"system": "http://snomed.info/sct", "code": "73211009"}, {"system": "http://loinc.org", "code": "1-8"},
        {"system": cases.ICD10, "code": "e119"}, {"system": "urn:hospital:1399999999", "code": "local"},
    ]  # fmt: skip
    (found,) = of(tmp_path, cases.patient(), cases.condition(code={"coding": codings}))["diagnoses"]
    assert (found["icd10"], found["other_code"], found["other_code_system"]) == ("E11.9", "1-8", "LOINC")


def test_components_give_rows_of_their_own(tmp_path: Path) -> None:
    parts = [
        {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
        for code, value in (("8480-6", 120), ("8462-4", 80))
    ]
    pressure = cases.observation(category=[{"coding": [{"code": "vital-signs"}]}], component=parts)
    del pressure["valueQuantity"]
    found = of(tmp_path, cases.patient(), pressure)["observations"]
    assert [(row["observation_id"], row["other_code"], row["value"], row["unit"]) for row in found] == [
        ("o1", "8480-6", 120.0, "mm[Hg]"), ("o1", "8462-4", 80.0, "mm[Hg]"),
    ]  # fmt: skip


def test_what_was_retracted_gives_no_row(tmp_path: Path) -> None:
    wrong = {"coding": [{"code": "entered-in-error"}]}
    (tmp_path / "a.ndjson").write_bytes(
        cases.line(cases.patient(), cases.condition(verificationStatus=wrong), cases.observation(status="cancelled"))
    )
    found = inspection.inspect(tmp_path, Format.FHIR)
    assert found.set_aside == {"Condition (entered-in-error)": 1, "Observation (cancelled)": 1}
    assert set(found.tables) == {"patients"}


def test_only_patients_can_be_asked_for(tmp_path: Path) -> None:
    fhir_world.write_bulk(tmp_path, 5)
    assert set(rows(tmp_path, ["patients"])) == {"patients"}
    assert set(rows(tmp_path, ["diagnoses"])) == {"diagnoses"}


def test_a_generated_document_gives_the_rows_that_its_bulk_form_gives(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(fhir_world.document(3), ensure_ascii=False), "utf-8")
    found = rows(tmp_path)
    assert {table: len(one) for table, one in found.items()} == {
        "patients": 1, "encounters": 1, "diagnoses": 1, "prescriptions": 1, "laboratory_results": 3, "procedures": 1,
    }  # fmt: skip
    assert {row["local_patient_id"] for one in found.values() for row in one} == {"000000003"}
    assert {row.get("encounter_id") for table in ("encounters", "diagnoses", "laboratory_results") for row in found[table]} == {"e3"}


def test_files_named_after_a_patient_are_not_named_to_everyone(tmp_path: Path) -> None:
    (tmp_path / "Condition-000000003.ndjson").write_bytes(
        cases.line(fhir_world.patient(3, random.Random(1)), cases.condition(subject={"reference": "Patient/p3"}))
    )
    found = inspection.inspect(tmp_path, Format.FHIR)
    assert "000000003" not in json.dumps(found.as_json("en"))


def test_long_deliveries_come_in_pieces_that_lose_nothing(tmp_path: Path) -> None:
    fhir_world.write_bulk(tmp_path, 6_000)
    pieces = list(readers.open_delivery(tmp_path, Format.FHIR).pieces())
    assert len(pieces) > 2
    assert sum(number for piece in pieces for number in piece.sent.values()) == 6_000 * 8
    assert sum(table.num_rows for piece in pieces for table in piece.rows.values()) == 6_000 * 8


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    fhir_world.write_bulk(tmp_path, 50)
    delivery = readers.open_delivery(tmp_path, Format.FHIR)
    assert [{name: table.to_pydict() for name, table in piece.rows.items()} for piece in delivery.pieces()] == [
        {name: table.to_pydict() for name, table in piece.rows.items()} for piece in delivery.pieces()
    ]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=30), st.integers(1, 40))
def test_people_mean_what_a_dictionary_would(pairs: list[tuple[str, str]], written_at: int) -> None:
    before, people.WRITTEN_AT = people.WRITTEN_AT, written_at
    try:
        known, meant = People(), {}
        for reference, local in pairs:
            known.add(reference, local)
            meant[reference] = local if meant.get(reference, local) == local else AMBIGUOUS
        assert known.look_up(["a", "b", "c", "d", "e", "f", "g"]) == meant
    finally:
        people.WRITTEN_AT = before


MARK = "秘"
PLACES = (
    "text", "note", "extension", "contained", "performer", "requester", "recorder", "asserter", "participant", "reasonCode", "bodySite", "evidence", "stage",
    "specimen", "device", "referenceRange", "derivedFrom", "supportingInformation", "substitution", "insurance", "meta", "language", "implicitRules", "x",
)  # fmt: skip
ANYTHING = st.recursive(
    st.sampled_from([MARK, MARK + "a", f"<div>{MARK}</div>"]) | st.integers() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["valueString", "url", "display", "data", "div", "text", MARK]), inner, max_size=3)
    ),
    max_leaves=8,
)
INSIDE = st.dictionaries(
    st.sampled_from(["display", "extension", "userSelected", "version", "assigner", "period", "_code"]), ANYTHING, max_size=3
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), ANYTHING, min_size=1, max_size=5), INSIDE)
def test_what_is_not_on_the_whitelist_never_reaches_a_row(other: dict[str, Any], inside: dict[str, Any]) -> None:
    """The mark stands in every text outside of the whitelist, so it may not stand in any row, finding or record kept."""
    subject = {**inside, "reference": "Patient/p1"}
    coding = {**inside, "system": cases.ICD10, "code": "I10"}
    sent = [
        cases.patient(contact=[{"name": {"text": MARK}}], photo=[{"data": MARK}], **{**other, "extension": []}),
        cases.condition(**{**other, "subject": subject, "code": {**{k: v for k, v in inside.items() if k != "text"}, "coding": [coding]}}),
        cases.observation(**{**other, "subject": subject}),
        {"resourceType": "Binary", "data": MARK, **other},
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.ndjson").write_bytes(cases.line(*sent))
        delivery = readers.open_delivery(Path(folder), Format.FHIR)
        for piece in delivery.pieces():
            for table in (*piece.rows.values(), piece.defects):
                assert MARK not in orjson.dumps(table.to_pylist()).decode()
            assert isinstance(piece.defects, pa.Table)
            assert MARK not in str(dict(piece.set_aside)) + str(piece.refused)
