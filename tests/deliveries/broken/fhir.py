"""Broken FHIR: name → what is sent and what has to become of it."""

from __future__ import annotations

import json
from typing import Any

from kiban_processing.deliveries.fhir.documents import LONGEST_LINE
from tests.deliveries.broken.delivered import ACCEPTED, QUARANTINED, REFUSED, Broken, Counts

HOSPITAL = "urn:oid:1.2.392.100495.20.3.51.11399999999"
MEMBER = "http://jpfhir.jp/fhir/clins/Idsystem/JP_Insurance_memberID"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


def patient(number: int = 1, **other: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [{"system": HOSPITAL, "value": f"000{number}"}],
        "gender": "male",
        **other,
    }


def condition(**other: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "onsetDateTime": "2024-04-01",
        "code": {"coding": [{"system": ICD10, "code": "I10"}]}, **other,
    }  # fmt: skip


def observation(**other: Any) -> dict[str, Any]:
    category = [{"coding": [{"code": "laboratory"}]}]
    code = {"coding": [{"system": "urn:oid:1.2.392.200119.4.504", "code": "3D046000001906202"}]}
    base = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": category,
        "code": code,
        "subject": {"reference": "Patient/p1"},
    }
    return {**base, "effectiveDateTime": "2024-04-01", "valueQuantity": {"value": 6.5, "unit": "%"}, **other}


def line(*resources: Any) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in resources)


def after_patient(raw: bytes, told: str, lost: Counts = QUARANTINED) -> Broken:
    """A sound patient, then one broken record in the same NDJSON."""
    sent, accepted, quarantined, refused = lost
    return Broken({"a.ndjson": line(patient()) + raw}, told, (sent + 1, accepted + 1, quarantined, refused))


def bundle(*entries: Any, **other: Any) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": list(entries), **other}).encode()


def document(raw: bytes, told: str, counts: Counts = REFUSED) -> Broken:
    return Broken({"a.json": raw}, told, counts)


C = line(condition())
DOCUMENTS = {
    "document cut off": document(line(patient())[:-20], "fhir-document-unreadable"),
    "document empty": document(b"", "fhir-document-unreadable"),
    "document of spaces": document(b" \n\n ", "fhir-document-unreadable"),
    "document with a NUL": document(b'{"resourceType":"Patient","id":"a\x00b"}', "fhir-document-unreadable"),
    "document with a comment": document(b'{"resourceType":"Patient" /* x */}', "fhir-document-unreadable"),
    "document with a trailing comma": document(b'{"resourceType":"Patient",}', "fhir-document-unreadable"),
    "document with an unresolved macro": document(b'{"resourceType":"Patient","id":{{id}}}', "fhir-document-unreadable"),
    "document with NaN": document(b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}', "fhir-document-unreadable"),
    "document with single quotes": document(b"{'resourceType':'Patient'}", "fhir-document-unreadable"),
    "document in UTF-16": document('{"resourceType":"Patient"}'.encode("utf-16"), "encoding-utf16"),
    "document in CP932": document('{"resourceType":"Patient","name":[{"text":"見本"}]}'.encode("cp932"), "fhir-document-unreadable"),
    "document in ISO-2022-JP": document(
        '{"resourceType":"Patient","name":[{"text":"見本"}]}'.encode("iso2022_jp"), "fhir-document-unreadable"
    ),
    "document with a lone surrogate": document(b'{"resourceType":"Patient","id":"\\ud800"}', "fhir-document-unreadable"),
    "document nested too deeply": document(b'{"a":' * 5000 + b"1" + b"}" * 5000, "fhir-document-unreadable"),
    "document of open brackets": document(b"[" * 100_000, "fhir-document-unreadable"),
    "document that is XML": document(b'<Patient xmlns="http://hl7.org/fhir"/>', "fhir-document-unreadable"),
    "document that names its subject twice": document(
        b'{"resourceType":"Condition","subject":{"reference":"Patient/p1"},"subject":{"reference":"Patient/p2"}}', "fhir-document-repeats"
    ),
    "document with two identifiers of one name": document(b'{"resourceType":"Patient","id":"1","id":"2"}', "fhir-document-repeats"),
    "document that is a number": document(b"1", "not-of-format", QUARANTINED),
    "document that is a text": document(b'"resourceType"', "not-of-format", QUARANTINED),
    "document that is null": document(b"null", "not-of-format", QUARANTINED),
    "document without a kind": document(b'{"id":"1"}', "fhir-resource-unknown"),
    "document of a kind that is a list": document(b'{"resourceType":["Patient"]}', "not-of-format", QUARANTINED),
    "document of an unknown kind": document(b'{"resourceType":"PatientX"}', "fhir-resource-unknown"),
    "document of a kind of FHIR R5": document(b'{"resourceType":"Transport","id":"1"}', "fhir-resource-unknown"),
    "document of a kind in small letters": document(b'{"resourceType":"patient"}', "fhir-resource-unknown"),
    "list of resources with a stranger": document(b'[{"resourceType":"Organization"},7]', "not-of-format", (2, 1, 1, 0)),
}
LINES = {
    "line cut off at the end": after_patient(C[:-30], "record-cut-off"),
    "line cut off in the middle": Broken({"a.ndjson": line(patient()) + C[:40] + b"\n" + C}, "not-of-format", (3, 2, 1, 0)),
    "line that is no JSON": after_patient(b"resourceType=Condition\n", "not-of-format"),
    "line in CP932": after_patient('{"resourceType":"Condition","code":{"text":"高血圧"}}\n'.encode("cp932"), "undecodable"),
    "line with a NUL": after_patient(C[:20] + b"\0" + C[20:], "not-of-format"),
    "line of NULs": after_patient(b"\0" * 1000 + b"\n", "not-of-format"),
    "line with a lone surrogate": after_patient(C.replace(b'"I10"', b'"\\udc00"'), "not-of-format"),
    "line nested too deeply": after_patient(b'{"resourceType":' + b"[" * 3000 + b"]" * 3000 + b"}\n", "not-of-format"),
    "line with two resources": after_patient(C.strip() + C, "not-of-format"),
    "line that is a list": after_patient(b"[1,2]\n", "not-of-format"),
    "line that names its subject twice": after_patient(
        C.replace(b'"onset', b'"subject": {"reference": "Patient/p2"}, "onset'), "not-of-format"
    ),
    "line that is too long": Broken(
        {"a.ndjson": line(patient()) + b'{"resourceType":"Binary","data":"' + b"A" * (LONGEST_LINE + (1 << 20)) + b'"}\n'},
        "line-too-long",
        None,
    ),
    "kind unknown": after_patient(b'{"resourceType":"Karte"}\n', "fhir-resource-unknown", REFUSED),
    "id met twice": after_patient(C + C, "repeated-record", (2, 1, 1, 0)),
    "patient met twice": Broken({"a.ndjson": line(patient(), patient())}, "repeated-record", (2, 1, 1, 0)),
    "NDJSON in UTF-16": Broken({"a.ndjson": line(patient()).decode().encode("utf-16")}, "encoding-utf16", REFUSED),
}
PERSONS = {
    "no subject": after_patient(line({name: value for name, value in condition().items() if name != "subject"}), "person-missing"),
    "subject without content": after_patient(line(condition(subject={})), "person-missing"),
    "subject by name alone": after_patient(line(condition(subject={"display": "見本"})), "person-missing"),
    "subject that is not there": after_patient(line(condition(subject={"reference": "Patient/p9"})), "person-missing"),
    "subject on another server": after_patient(line(condition(subject={"reference": "https://other.example/fhir/Patient/p1"})), "person-missing"),
    "subject that is no patient": after_patient(line(condition(subject={"reference": "Group/p1"})), "person-missing"),
    "subject contained but absent": after_patient(line(condition(subject={"reference": "#p1"})), "person-missing"),
    "subject contained without a number": after_patient(
        line(condition(subject={"reference": "#x"}, contained=[{"resourceType": "Patient", "id": "x"}])), "person-missing"
    ),
    "subject posing as a number": after_patient(line(condition(subject={"reference": "=0001"})), "person-missing"),
    "subject by an unknown system": after_patient(line(condition(subject={"identifier": {"system": "urn:x", "value": "0001"}})), "person-missing"),
    "subject by a member not there": after_patient(line(condition(subject={"identifier": {"system": MEMBER, "value": "1:2:3:4"}})), "person-missing"),
    "subject that is a text": after_patient(line(condition(subject="Patient/p1")), "not-of-format"),
    "subject that is a list": after_patient(line(condition(subject=[{"reference": "Patient/p1"}])), "not-of-format"),
    "reference that is a number": after_patient(line(condition(subject={"reference": 1})), "not-of-format"),
    "patient with two numbers": Broken(
        {"a.ndjson": line(patient(identifier=[{"system": HOSPITAL, "value": "1"}, {"system": HOSPITAL, "value": "2"}]), condition())},
        "person-ambiguous", (2, 0, 2, 0),
    ),
    "patient without any number": Broken({"a.ndjson": line({"resourceType": "Patient", "gender": "male"})}, "person-missing"),
    "patient without a number among others that have one": Broken({"a.ndjson": line(patient(), {"resourceType": "Patient", "id": "p2"})}, "person-missing", (2, 1, 1, 0)),
    "two patients of one id": Broken(
        {"a.json": bundle({"resource": patient()}), "b.json": bundle({"resource": {**patient(2), "id": "p1"}}), "c.ndjson": line(condition())},
        "person-ambiguous", (3, 2, 1, 0),
    ),
    "two patients of one insured identifier": Broken(
        {"a.ndjson": line(*(patient(n, identifier=[{"system": HOSPITAL, "value": f"{n}"}, {"system": MEMBER, "value": "1:2:3:"}]) for n in (1, 2)),
                          condition(subject={"identifier": {"system": MEMBER, "value": "1:2:3:"}}))},
        "person-ambiguous", (3, 2, 1, 0),
    ),
}  # fmt: skip
ELEMENTS = {
    "codings as an object": after_patient(line(condition(code={"coding": {"system": ICD10, "code": "I10"}})), "not-of-format"),
    "codings as a text": after_patient(line(condition(code={"coding": "I10"})), "not-of-format"),
    "code as a text": after_patient(line(condition(code="I10")), "not-of-format"),
    "code of a coding as an object": after_patient(
        line(condition(code={"coding": [{"system": ICD10, "code": {"x": 1}}]})), "not-of-format"
    ),
    "system as a list": after_patient(line(condition(code={"coding": [{"system": [ICD10], "code": "I10"}]})), "not-of-format"),
    "coding that is null": after_patient(line(condition(code={"coding": [None]})), "not-of-format"),
    "date as a number": after_patient(line(condition(onsetDateTime=20240401)), "not-of-format"),
    "date as an object": after_patient(line(condition(onsetDateTime={"value": "2024-04-01"})), "not-of-format"),
    "date of a year alone": after_patient(line(condition(onsetDateTime="2024")), "not-a-date"),
    "date that does not exist": after_patient(line(condition(onsetDateTime="2024-02-30")), "not-a-date"),
    "date of a far future": after_patient(line(condition(onsetDateTime="9999-12-31")), "out-of-range"),
    "date of the last instant in UTC": after_patient(line(condition(onsetDateTime="9999-12-31T23:59:59Z")), "out-of-range"),
    "no date": after_patient(line({name: value for name, value in condition().items() if name != "onsetDateTime"}), "required-missing"),
    "id that is a list": after_patient(line(condition(id=["c1"])), "not-of-format"),
    "code of an unknown system": after_patient(
        line(condition(code={"coding": [{"system": "urn:x", "code": "1"}]})), "code-system-unknown", ACCEPTED
    ),
    "code that is no ICD-10": after_patient(
        line(condition(code={"coding": [{"system": ICD10, "code": "高血圧"}]})), "pattern-mismatch", ACCEPTED
    ),
    "result below a limit": after_patient(line(observation(valueQuantity={"value": 0.5, "comparator": "<"})), "inequality", ACCEPTED),
    "result as a text": after_patient(line(observation(valueQuantity={"value": "high"})), "not-a-number", ACCEPTED),
    "result beyond all numbers": after_patient(line(observation()).replace(b"6.5", b"1e400"), "not-of-format"),
    "result out of range": after_patient(line(observation(valueQuantity={"value": 1e300})), "out-of-range", ACCEPTED),
    "result that is true": after_patient(line(observation(valueQuantity={"value": True})), "not-of-format"),
    "result as a list": after_patient(line(observation(valueQuantity=[6.5])), "not-of-format"),
    "categories as an object": after_patient(line(observation(category={"coding": []})), "not-of-format"),
    "components as an object": after_patient(line(observation(component={"code": {}})), "not-of-format"),
    "component that is a number": after_patient(line(observation(component=[1])), "not-of-format"),
    "grade that is none": after_patient(line(observation(valueCodeableConcept={"coding": [{"code": "many"}]})), "not-in-choices", ACCEPTED),
    "encounter as a text": after_patient(line(condition(encounter="Encounter/1")), "not-of-format"),
    "names as an object": Broken({"a.ndjson": line(patient(name={"text": "見本"}))}, "not-of-format"),
    "identifiers as an object": Broken({"a.ndjson": line(patient(identifier={"value": "1"}))}, "not-of-format"),
    "death as an object": Broken({"a.ndjson": line(patient(deceasedDateTime={}))}, "not-of-format"),
    "death without a day": Broken({"a.ndjson": line(patient(deceasedBoolean=True))}, "required-missing", ACCEPTED),
    "gender unheard of": Broken({"a.ndjson": line(patient(gender="m"))}, "unmapped-value", ACCEPTED),
    "postal code of another country": Broken({"a.ndjson": line(patient(address=[{"postalCode": "66801"}]))}, "pattern-mismatch", ACCEPTED),
    "birth on no day": Broken({"a.ndjson": line(patient(birthDate="1950-13-01"))}, "not-a-date", ACCEPTED),
}
BUNDLES = {
    "entries as an object": document(b'{"resourceType":"Bundle","entry":{}}', "not-of-format", QUARANTINED),
    "entry that is a number": document(bundle(1), "not-of-format", QUARANTINED),
    "entry without a resource": document(bundle({"fullUrl": "urn:uuid:1"}), "not-of-format", QUARANTINED),
    "entry to be deleted": document(bundle({"resource": patient(), "request": {"method": "DELETE", "url": "Patient/p1"}}), "not-of-format", QUARANTINED),
    "Bundle in a Bundle": document(bundle({"resource": json.loads(bundle({"resource": patient()}))}), "not-of-format", QUARANTINED),
    "same id twice in a Bundle": document(bundle({"resource": patient()}, {"resource": patient()}), "repeated-record", (2, 1, 1, 0)),
    "address that leads nowhere": document(
        bundle({"fullUrl": "urn:uuid:1", "resource": patient()}, {"resource": condition(subject={"reference": "urn:uuid:2"})}), "person-missing", (2, 1, 1, 0)
    ),
    "one address for two patients": document(
        bundle({"fullUrl": "urn:uuid:1", "resource": patient()}, {"fullUrl": "urn:uuid:1", "resource": patient(2)}, {"resource": condition(subject={"reference": "urn:uuid:1"})}),
        "person-ambiguous", (3, 2, 1, 0),
    ),
    "error instead of a resource": document(bundle({"resource": {"resourceType": "Error"}}), "fhir-resource-unknown"),
    "file of another format beside": Broken({"a.ndjson": line(patient()), "b.csv": b"a,b\n"}, "file-passed-over", ACCEPTED),
    "archive inside": Broken({"a.ndjson": line(patient()), "b.zip": b"PK\x03\x04"}, "file-passed-over", ACCEPTED),
    "compressed NDJSON": Broken({"a.ndjson": line(patient()), "b.ndjson.gz": b"\x1f\x8b\x08"}, "file-passed-over", ACCEPTED),
}  # fmt: skip
CASES: dict[str, Broken] = {**DOCUMENTS, **LINES, **PERSONS, **ELEMENTS, **BUNDLES}
