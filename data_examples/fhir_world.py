"""作り物のFHIR (a world of FHIR): invented patients as JP Core resources, Bulk NDJSON and a document Bundle; seeded, and big enough for any test.

Run: `python -m data_examples.fhir_world FOLDER [PERSONS] [SEED]`.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FACILITY = "1399999999"  # no hospital has this number
NAMES = (("見本", "ミホン"), ("例示", "レイジ"), ("試験", "シケン"), ("架空", "カクウ"))
GIVEN = (("一", "ハジメ"), ("花", "ハナ"), ("空", "ソラ"), ("実", "ミノル"))
DISEASES = (("E11.9", "20051824"), ("I10", "20061834"), ("J18.9", "20072431"))
DRUGS = (("103835401", "2233002F1280"), ("100556802", "1149019F1560"))
TESTS = (("3D046000001906202", "%", 4.6, 12.0), ("3H015000002326101", "mEq/L", 3.1, 5.6), ("3B035000002327201", "U/L", 8, 90))
Resource = dict[str, Any]


def coding(system: str, code: str, words: str | None = None) -> Resource:
    found: Resource = {"coding": [{"system": system, "code": code}]}
    return found | {"text": words} if words else found


def patient(number: int, chance: random.Random) -> Resource:
    """A patient with the identifiers, names and places that a JP Core patient has."""
    (family, family_kana), (given, given_kana) = chance.choice(NAMES), chance.choice(GIVEN)
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "text": {"status": "generated", "div": f"<div>{family} {given}</div>"},
        "identifier": [
            {"system": f"urn:oid:1.2.392.100495.20.3.51.1{FACILITY}", "value": f"{number:09}"},
            {"system": "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID", "value": f"00999999:見本:{number}:01"},
        ],
        "name": [
            _name("IDE", f"{family} {given}", family, given),
            _name("SYL", f"{family_kana} {given_kana}", family_kana, given_kana),
        ],
        "telecom": [{"system": "phone", "value": f"00-0000-{number % 10000:04}"}],
        "gender": chance.choice(("male", "female")),
        "birthDate": (date(1930, 1, 1) + timedelta(chance.randrange(30_000))).isoformat(),
        "address": [{"text": f"見本県見本市{number}", "postalCode": "100-0001"}],
    }


def _name(kind: str, whole: str, family: str, given: str) -> Resource:
    url = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
    return {"extension": [{"url": url, "valueCode": kind}], "text": whole, "family": family, "given": [given]}


def records(number: int, chance: random.Random, person: str | None = None, visit: int = 0) -> Iterator[Resource]:
    """What happened to one patient: a visit with a diagnosis, a prescription, results and a procedure, about as large as JP-CLINS makes them."""
    for place, one in enumerate(_bare(number, chance, person, visit)):
        kind = one["resourceType"]
        yield {
            "resourceType": kind,
            "meta": {"lastUpdated": "2024-04-01T10:00:00+09:00", "profile": [f"http://jpfhir.jp/fhir/eCS/StructureDefinition/JP_{kind}_eCS|1"]},
            "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>見本の{kind}の説明です。患者ID：{number:09}</p></div>'},
            "language": "ja",
            "extension": [
                {"url": "http://jpfhir.jp/fhir/clins/Extension/StructureDefinition/JP_eCS_InstitutionNumber",
                 "valueIdentifier": {"system": "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no", "value": FACILITY}},
                {"url": "http://jpfhir.jp/fhir/eCS/Extension/StructureDefinition/JP_eCS_Department",
                 "valueCodeableConcept": coding("http://jami.jp/SS-MIX2/CodeSystem/ClinicalDepartment", "08", "見本科")},
            ],
            "identifier": [{"system": "http://jpfhir.jp/fhir/core/IdSystem/resourceInstance-identifier", "value": f"{FACILITY}-{number}-{visit}-{place}"}],
            **one,
        }  # fmt: skip


def _bare(number: int, chance: random.Random, person: str | None, visit: int) -> Iterator[Resource]:
    """The elements that matter of what happened to one patient."""
    start = date(2023, 4, 1) + timedelta(chance.randrange(700))
    subject = {"reference": person or f"Patient/p{number}", "display": "見本"}
    own = f"-{number}-{visit}" if visit else f"-{number}"
    at = {"reference": f"Encounter/e{own[1:]}"}
    icd10, medis = chance.choice(DISEASES)
    hot, yj = chance.choice(DRUGS)
    yield {
        "resourceType": "Encounter", "id": f"e{own[1:]}", "status": "finished", "subject": subject, "period": {"start": f"{start}T09:00:00+09:00"},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": chance.choice(("AMB", "IMP", "EMER"))},
    }  # fmt: skip
    yield {
        "resourceType": "Condition", "id": "c" + own, "subject": subject, "encounter": at, "onsetDateTime": start.isoformat(),
        "code": {"coding": [
            {"system": "http://medis.or.jp/CodeSystem/master-disease-keyNumber", "code": medis},
            {"system": "http://hl7.org/fhir/sid/icd-10", "code": icd10},
        ]},
        "verificationStatus": coding("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "note": [{"text": "見本の注記"}],
    }  # fmt: skip
    yield {
        "resourceType": "MedicationRequest", "id": "m" + own, "status": "completed", "intent": "order", "subject": subject, "encounter": at,
        "medicationCodeableConcept": {"coding": [
            {"system": "http://medis.or.jp/CodeSystem/master-HOT9", "code": hot},
            {"system": "http://capstandard.jp/iyaku.info/CodeSystem/YJ-code", "code": yj},
        ]},
        "authoredOn": f"{start}T10:30:00+09:00", "dispenseRequest": {"quantity": {"value": 28, "unit": "錠"}, "expectedSupplyDuration": {"value": 14}},
    }  # fmt: skip
    for place, (code, unit, low, high) in enumerate(TESTS):
        yield {
            "resourceType": "Observation", "id": f"o{own}-{place}", "status": "final", "subject": subject, "encounter": at,
            "category": [coding("http://jpfhir.jp/fhir/core/CodeSystem/JP_SimpleObservationCategory_CS", "laboratory")],
            "code": coding("urn:oid:1.2.392.200119.4.504", code), "effectiveDateTime": f"{start}T08:40:00+09:00",
            "valueQuantity": {"value": round(chance.uniform(low, high), 1), "unit": unit},
        }  # fmt: skip
    yield {
        "resourceType": "Procedure", "id": "k" + own, "status": "completed", "subject": subject, "encounter": at, "performedDateTime": start.isoformat(),
        "code": coding("http://snomed.info/sct", "430193006"),
    }  # fmt: skip


def write_bulk(folder: Path, persons: int, seed: int = 1, visits: int = 1) -> None:
    """Bulk NDJSON: one file for each kind of resource."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    files: dict[str, Any] = {}
    try:
        for number in range(persons):
            for resource in (patient(number, chance), *(one for visit in range(visits) for one in records(number, chance, visit=visit))):
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = (folder / f"{kind}.000.ndjson").open("w", encoding="utf-8")
                files[kind].write(json.dumps(resource, ensure_ascii=False, separators=(",", ":")) + "\n")
    finally:
        for file in files.values():
            file.close()


def document(number: int, seed: int = 1) -> Resource:
    """A document Bundle whose resources refer to each other by the addresses they have in it."""
    chance = random.Random(f"{seed} {number}")
    url = f"urn:uuid:00000000-0000-4000-8000-{number:012}"
    entries = [{"fullUrl": url, "resource": patient(number, chance)}]
    entries += [{"fullUrl": f"{url}-{place}", "resource": one} for place, one in enumerate(records(number, chance, url))]
    composition = {"resourceType": "Composition", "id": "d", "status": "final", "subject": {"reference": url}, "title": "見本"}
    return {"resourceType": "Bundle", "type": "document", "entry": [{"fullUrl": url + "-d", "resource": composition}, *entries]}


if __name__ == "__main__":
    write_bulk(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
