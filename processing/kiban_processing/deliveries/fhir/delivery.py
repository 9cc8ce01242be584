"""FHIRの提供データ (FHIR delivery): resources of every file become text rows of the catalogue; patients of the whole delivery are known first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from kiban_processing.deliveries import sources
from kiban_processing.deliveries.fhir import documents, extraction, patients, register, whitelist
from kiban_processing.deliveries.fhir.documents import Shape
from kiban_processing.deliveries.fhir.gathering import Gathering, Scope
from kiban_processing.deliveries.pieces import Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.sources import Source
from kiban_processing.formats import findings
from kiban_processing.refusals import Refusal


def open_delivery(path: Path, options: Options) -> FhirDelivery:
    """A folder, file or zip of FHIR R4: documents (resources, Bundles, lists of resources) and NDJSON, mixed as they come.

    Whose record it is: the hospital's own number of the patient (JP Core), else the id of the Patient resource. Not checked: profiles, and
    constraints of FHIR beyond the elements that are taken. `options` say nothing here: FHIR is UTF-8 and names its own codes.
    """
    return FhirDelivery(path)


class FhirDelivery:
    """One delivery of FHIR."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remarks: tuple[Remark, ...] = ()
        self._names: dict[str, str] = {}

    @property
    def translations(self) -> Mapping[str, Mapping[str, str]]:
        return whitelist.TRANSLATIONS

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return self._remarks

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "patients": ("local_patient_id", *patients.COLUMNS),
            "deaths": ("local_patient_id", "death_date"),
            **{table: ("local_patient_id", *columns) for table, columns in extraction.COLUMNS.items()},
        }

    @property
    def registers(self) -> bool:
        return True

    def shown(self, file: str) -> str:
        """A file whose name holds the local ID of a patient that the last reading met in it, by its place in the delivery."""
        return self._names.get(file, file)

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        """Reads every file twice: once for the patients (quickly, lines of other resources are not parsed), once for all.

        Where only the tables of patients are wanted, files in which no patient was found are passed over.
        Refuses: what `sources.walk` refuses.
        """
        files, foreign, broken = self._files()
        registered = register.read(files)
        if only is not None and set(only) <= whitelist.PATIENT_TABLES:
            files = [(source, shape) for source, shape in files if source.name in registered.files]
        gathering = Gathering(
            registered.people, registered.has_hospital_ids, only, {name: place for place, name in enumerate(foreign.order)}
        )
        for name, why in broken.items():
            gathering.refuse(name, why)
        for source, shape in files:
            try:
                if shape is Shape.LINES:
                    yield from self._lines(source, gathering)
                else:
                    self._document(source, gathering)
            except Refusal as why:
                gathering.refuse(source.name, why)
            if gathering.is_full:
                yield gathering.piece()
        yield gathering.piece()
        self._names = gathering.hidden
        self._remarks = tuple(Remark(name, findings.FILE_PASSED_OVER.code) for name in foreign.names)

    def _files(self) -> tuple[list[tuple[Source, Shape]], _Foreign, dict[str, Refusal]]:
        found: list[tuple[Source, Shape]] = []
        foreign, broken = _Foreign(), {}
        is_alone = self._path.is_file() and not sources.is_archive(self._path)
        for source in sources.walk(self._path):
            foreign.order.append(source.name)
            try:
                shape = documents.shape(source, is_alone)
            except Refusal as why:
                broken[source.name] = why
                continue
            if shape is Shape.FOREIGN:
                foreign.names.append(source.name)
            else:
                found.append((source, shape))
        return found, foreign, broken

    def _lines(self, source: Source, gathering: Gathering) -> Iterator[Piece]:
        name, number, loads, take = source.name, 0, orjson.loads, gathering.take
        gathering.begin(name)
        for block in documents.blocks(source):
            is_open = not block.endswith(b"\n")
            lines = block.split(b"\n")
            last = len(lines) - 1
            for place, line in enumerate(lines):
                if not line or line.isspace():
                    continue
                number += 1
                try:
                    resource: Any = loads(line)
                except orjson.JSONDecodeError:
                    rule = documents.fault(line, is_open and place == last)
                    gathering.defect(name, number, rule, documents.unreadable_raw(line))
                    continue
                if type(resource) is dict and resource.get("resourceType") == "Bundle":
                    number = self._bundle(resource, name, number, gathering)
                else:
                    take(resource, name, number, None, line)
            gathering.count(name, number, len(block))
            if gathering.is_full:
                yield gathering.piece()

    def _document(self, source: Source, gathering: Gathering) -> None:
        found = documents.document(source)
        name = source.name
        gathering.begin(name)
        number = 0
        for resource in found if type(found) is list else [found]:
            number += 1
            if type(resource) is dict and resource.get("resourceType") == "Bundle":
                number = self._bundle(resource, name, number, gathering)
            else:
                gathering.take(resource, name, number, None, b"")
        gathering.count(name, number, source.size)

    def _bundle(self, bundle: dict[str, Any], name: str, number: int, gathering: Gathering) -> int:
        """Its entries as records from `number` on; the number of the last. A Bundle that is none counts as one record."""
        entries = bundle.get("entry")
        if entries is None:
            return number - 1
        if type(entries) is not list:
            gathering.defect(name, number, findings.NOT_OF_FORMAT, None)
            return number
        scope = Scope.of(entries)
        for place, entry in enumerate(entries, number):
            resource = entry.get("resource") if type(entry) is dict else None
            request = entry.get("request") if type(entry) is dict else None
            if resource is None or (type(request) is dict and request.get("method") == "DELETE"):
                gathering.defect(name, place, findings.NOT_OF_FORMAT, None)
            else:
                gathering.take(resource, name, place, scope, b"")
        return number - 1 + len(entries)


class _Foreign:
    """Files that are not FHIR, and the place of every file in the delivery."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.order: list[str] = []
