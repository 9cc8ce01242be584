"""患者の先読み (register): every Patient of a delivery, wherever it stands, before any record that refers to one is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from kiban_processing.deliveries.fhir import documents, patients
from kiban_processing.deliveries.fhir.documents import Shape
from kiban_processing.deliveries.fhir.elements import MISBUILT
from kiban_processing.deliveries.fhir.people import AMBIGUOUS, People
from kiban_processing.deliveries.sources import Source
from kiban_processing.refusals import Refusal

_USUAL = b'{"resourceType":"'  # how nearly every system starts a line, so that the rest of it need not be searched
_WANTED = (b'{"resourceType":"Patient"', b'{"resourceType":"Bundle"')
_MARK = b'"Patient"'
_PATIENT = re.compile(rb'"resourceType"\s*:\s*"Patient"')


@dataclass
class Register:
    """The patients of a delivery, the files they stand in, and whether any has a number of the hospital."""

    people: People = field(default_factory=People)
    files: set[str] = field(default_factory=set)
    has_hospital_ids: bool = False


def read(files: Iterable[tuple[Source, Shape]]) -> Register:
    """Look through every file; what cannot be read is left for the reading itself to tell.

    A line is parsed only where it holds a Patient, which a search of its bytes decides; a Patient whose `resourceType` is written with
    escapes is not found, and what refers to it is quarantined.
    """
    found = Register()
    for source, shape in files:
        try:
            for resource, full_url in _patients(source, shape):
                found.files.add(source.name)
                _register(found, resource, full_url)
        except Refusal:
            continue
    return found


def _patients(source: Source, shape: Shape) -> Iterator[tuple[dict[str, Any], str | None]]:
    if shape is Shape.DOCUMENT:
        yield from _in(documents.document(source))
        return
    for block in documents.blocks(source):
        for line in block.split(b"\n"):
            if line.startswith(_WANTED) or (not line.startswith(_USUAL) and _MARK in line and _PATIENT.search(line)):
                try:
                    yield from _in(orjson.loads(line))
                except orjson.JSONDecodeError:
                    continue


def _in(document: Any) -> Iterator[tuple[dict[str, Any], str | None]]:
    for resource in document if type(document) is list else [document]:
        if type(resource) is not dict:
            continue
        if resource.get("resourceType") == "Patient":
            yield resource, None
        entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
        for entry in entries if type(entries) is list else []:
            one = entry.get("resource") if type(entry) is dict else None
            if type(one) is dict and one.get("resourceType") == "Patient":
                url = entry.get("fullUrl")
                yield one, url if type(url) is str else None


def _register(found: Register, patient: dict[str, Any], full_url: str | None) -> None:
    try:
        local = patients.local_id(patient)
        references = list(patients.references(patient, full_url))
    except patients.Ambiguous:
        local, references = AMBIGUOUS, _own(patient, full_url)
    except MISBUILT:
        return
    if local is None:
        return
    found.has_hospital_ids |= local != AMBIGUOUS and not local.startswith(patients.OWN_ID)
    for reference in references:
        found.people.add(reference, local)


def _own(patient: dict[str, Any], full_url: str | None) -> list[str]:
    try:
        return list(patients.references(patient, full_url))
    except MISBUILT:
        return []
