"""The published FHIR samples are read to the last resource, an independent reader agrees, and nobody's identity stands outside its items."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.deliveries import inspection, readers
from kiban_processing.deliveries.readers import Format
from kiban_processing.deliveries.typed import Typing

JP, BULK = "fhir-jp-clins", "fhir-bulk-synthea-10"
# SOURCES.md of the samples names what has to be gone; physicians and patients by every form in which they stand there.
GONE = {
    JP: ("牧野", "爛漫", "マキノ", "ランマン", "000999739", "1.2.392.100495.20.3.51", "00012345", "あいう", "１８７", "187", "03-123-1234", "五台山", "781-8125", "7818125",
         "石川", "イシカワ", "大河内", "勘三郎", "野口", "英世", "田中", "医療 太郎", "診療 和子", "医学 一郎", "<div"),
    BULK: (),
}  # fmt: skip
IDENTIFIERS = {f"{Kind.DIRECT_IDENTIFIER}", f"{Kind.IDENTIFICATION_CODE}", f"{Kind.PLACE}", f"{Kind.LINKING_CODE}"}


@pytest.fixture(params=[JP, BULK])
def sample(request: pytest.FixtureRequest) -> Path:
    place = os.environ.get("KIBAN_SAMPLES")
    if not place:
        pytest.skip(f"KIBAN_SAMPLES names no folder with {request.param}")
    path = Path(place) / request.param
    if not path.is_dir():
        pytest.fail(f"KIBAN_SAMPLES is set, but {request.param} is not in it")
    return path


def resources(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """File, record and resource, by Python's own JSON."""
    for file in sorted(path.iterdir()):
        if file.suffix == ".ndjson":
            yield from ((file.name, number, json.loads(line)) for number, line in enumerate(file.read_text("utf-8").splitlines(), 1))
        elif file.suffix == ".json":
            whole = json.loads(file.read_text("utf-8-sig"))
            found = [entry["resource"] for entry in whole["entry"]] if whole["resourceType"] == "Bundle" else [whole]
            yield from ((file.name, number, one) for number, one in enumerate(found, 1))


def rows(path: Path) -> dict[tuple[str, int], list[tuple[str, dict[str, Any]]]]:
    delivery = readers.open_delivery(path, Format.FHIR)
    typing = Typing(delivery.translations)
    found: dict[tuple[str, int], list[tuple[str, dict[str, Any]]]] = {}
    for piece in delivery.pieces():
        for table, typed in typing.read(piece).rows.items():
            for row in typed.to_pylist():
                found.setdefault((row["source_file"], row["source_row"]), []).append((table, row))
    return found


def test_every_resource_is_counted(sample: Path) -> None:
    found = inspection.inspect(sample, Format.FHIR)
    assert found.total.sent == sum(1 for _ in resources(sample))
    assert found.total.sent == found.total.accepted + found.total.quarantined + found.total.refused
    assert found.total.refused == 0
    assert set(found.by_rule) <= {"person-missing", "code-system-unknown", "pattern-mismatch", "unmapped-value"}
    assert found.total.quarantined == found.by_rule.get("person-missing", 0)


def secrets(sample: Path) -> set[str]:
    """Names, addresses, numbers and telephones of everyone in a sample, taken from the resources themselves, and what SOURCES.md names."""
    found = set(GONE[sample.name])
    for _, _, one in resources(sample):
        if one["resourceType"] in ("Patient", "Practitioner", "PractitionerRole"):
            for name in one.get("name", []):
                found.update({name.get("text", ""), name.get("family", ""), *name.get("given", [])})
            for entry in (*one.get("identifier", []), *one.get("telecom", [])):
                found.add(str(entry.get("value", "")))
            for place in one.get("address", []):
                found.update(place.get("line", []))
    files = " ".join(path.name for path in sample.iterdir())
    return {text for text in found if len(text) > 2 and text not in files}  # the sample names some of its files after a physician's number


def test_no_identity_is_told(sample: Path) -> None:
    told = json.dumps(inspection.inspect(sample, Format.FHIR).as_json("ja"), ensure_ascii=False)
    assert [text for text in secrets(sample) if text in told] == []


def test_no_identity_stands_in_a_row_outside_its_items(sample: Path) -> None:
    hidden = secrets(sample)
    for found in rows(sample).values():
        for table, row in found:
            kept = [str(value) for name, value in row.items() if name not in ("source_file", "source_row") and value is not None
                    and tables.named(f"{table}.{name}").kind not in IDENTIFIERS]  # fmt: skip
            assert [text for text in hidden for value in kept if text in value] == []


def test_no_identity_is_kept_of_a_quarantined_record(sample: Path) -> None:
    delivery = readers.open_delivery(sample, Format.FHIR)
    kept = " ".join(raw for piece in delivery.pieces() for raw in piece.defects.column("raw").to_pylist() if raw)
    assert [text for text in secrets(sample) if text in kept] == []


def scalar(value: Any) -> Any:
    return value if value is None else getattr(value, "value", value)


def day(value: Any) -> date | None:
    return value.date() if hasattr(value, "date") else value


def expected(one: Any) -> dict[str, Any]:
    """Some values of a resource by fhir.resources, by the names of our items."""
    kind = one.__resource_type__ if hasattr(one, "__resource_type__") else one.get_resource_type()
    found: dict[str, Any] = {}
    if kind == "Patient":
        found = {"birth_date": one.birthDate, "sex": one.gender, "death_date": day(one.deceasedDateTime)}
        phones = [entry.value for entry in one.telecom or [] if entry.system == "phone"]
        found["phone"] = phones[0] if phones else None
    elif kind == "Condition":
        found = {"diagnosed_on": day(one.onsetDateTime), "ended_on": day(one.abatementDateTime), "disease_name": one.code.text}
    elif kind == "Encounter":
        found = {"started_on": day(one.period.start), "ended_on": day(one.period.end)}
    elif kind == "Procedure":
        period = one.performedPeriod
        found = {"performed_on": day(period.start if period else one.performedDateTime), "procedure_name": one.code.text}
    elif kind == "MedicationRequest":
        supply = one.dispenseRequest.expectedSupplyDuration if one.dispenseRequest else None
        found = {
            "prescribed_on": day(one.authoredOn),
            "drug_name": one.medicationCodeableConcept.text,
            "days": float(supply.value) if supply else None,
        }
        for coding in one.medicationCodeableConcept.coding:
            if coding.system.endswith("YJ-code"):
                found["yj_code"] = coding.code
            if coding.system.endswith("rxnorm"):
                found["other_code"] = coding.code
    elif kind == "Observation":
        found = {"sampled_on": day(one.effectiveDateTime), "value": float(one.valueQuantity.value) if one.valueQuantity else None}
        jlac10 = [coding.code for coding in one.code.coding if "JLAC10" in coding.system]
        found["jlac10"] = jlac10[0] if jlac10 else None
    elif kind == "Immunization":
        found = {
            "prescribed_on": day(one.occurrenceDateTime),
            "other_code": one.vaccineCode.coding[0].code,
            "drug_name": one.vaccineCode.text,
        }
    return found


def test_an_independent_reader_gives_the_same_values(sample: Path) -> None:
    import importlib

    ours = rows(sample)
    compared = 0
    taken: dict[str, int] = {}
    for file, number, resource in resources(sample):
        kind = resource["resourceType"]
        taken[kind] = taken.get(kind, 0) + 1
        if taken[kind] > 300 or (file, number) not in ours:
            continue
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        told = expected(model.model_validate_json(orjson.dumps(resource)))
        table, row = ours[file, number][0]
        assert {name: row[name] for name in told} == told, (file, number, table)
        compared += 1
    assert compared >= {JP: 16, BULK: 1_300}[sample.name]
