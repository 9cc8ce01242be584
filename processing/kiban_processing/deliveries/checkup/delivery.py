"""特定健診の提供データ (checkup delivery): a folder or zip of hc08 documents becomes patients and checkups; one file is one record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import orjson
import pyarrow as pa

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import sources
from kiban_processing.deliveries.checkup import document, grounds, identities, items
from kiban_processing.deliveries.checkup.document import Document
from kiban_processing.deliveries.pieces import DEFECTS, PLACE, Piece, Remark
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.sources import Source
from kiban_processing.formats import findings
from kiban_processing.refusals import Refusal

PIECE_RECORDS = 2_000
SHORTEST_SHOWN = 4  # letters of a number that make a file's name worth hiding
PASSED_IN_SILENCE = (".xsd", ".xsl", ".xslt", ".css")  # what the exchange format itself packs beside the documents
TRANSLATIONS = {"patients.sex": {"1": "male", "2": "female"}}


def open_delivery(path: Path, options: Options) -> CheckupDelivery:
    """A folder, file or zip of specific health checkups, laid out as the exchange says (DATA, CLAIMS, XSD) or flat.

    The documents hold no patient ID of the hospital: `options.identifiers` has to name it, by ticket number, insured identifier or file. A
    document it does not name is quarantined, with or without a table; no other number ever stands for a patient ID.
    Refuses: identifiers-unreadable.
    """
    known = identities.read(options.identifiers) if options.identifiers is not None else None
    return CheckupDelivery(path, known)


class CheckupDelivery:
    """One delivery of specific health checkups."""

    def __init__(self, path: Path, known: identities.Identities | None) -> None:
        self._path = path
        self._known = known
        self._remarks: tuple[Remark, ...] = ()
        self._names: dict[str, str] = {}

    @property
    def translations(self) -> Mapping[str, Mapping[str, str]]:
        return TRANSLATIONS

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return self._remarks

    @property
    def items(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "patients": ("local_patient_id", *document.PATIENT_COLUMNS),
            "health_checkups": ("local_patient_id", "checkup_id", "checked_on", *items.COLUMNS),
        }

    @property
    def registers(self) -> bool:
        return False

    def shown(self, file: str) -> str:
        """A file whose name holds a number of its person, by its place in the delivery."""
        return self._names.get(file, file)

    def pieces(self, only: Collection[str] | None = None) -> Iterator[Piece]:
        """Every XML file of the delivery is one record. Refuses: checkup-none, and what `sources.walk` refuses."""
        remarks: list[Remark] = []
        names: dict[str, str] = {}
        gathered = _Gathered()
        told: list[tuple[str, int]] = []
        documents = files = 0
        for place, source in enumerate(sources.walk(self._path), 1):
            if not source.name.lower().endswith(".xml") and self._path.name != source.name:
                if not source.name.lower().endswith(PASSED_IN_SILENCE):
                    remarks.append(Remark(source.name, findings.FILE_PASSED_OVER.code))
                continue
            files += 1
            found = self._read(source, gathered)
            if found is not None:
                local = self._take(source.name, found, gathered)
                documents += found.aside is None
                if found.told is not None:
                    told.append((source.name, found.told))
                if any(
                    len(own) >= SHORTEST_SHOWN and own in source.name
                    for own in (local, found.ticket, found.patient.get("insured_number", ""))
                ):
                    names[source.name] = f"#{place}"
            if len(gathered.sent) >= PIECE_RECORDS:
                yield gathered.piece(only)
                gathered = _Gathered()
        if not files:
            raise grounds.CHECKUP_NONE.refuse(file=self._path.name)
        yield gathered.piece(only)
        if self._known is None:
            remarks.insert(0, Remark(self._path.name, findings.IDENTIFIERS_NEEDED.code))
        remarks += [
            Remark(file, findings.COUNT_DISAGREES.code, {"told": number, "found": documents})
            for file, number in told
            if number != documents
        ]
        self._remarks, self._names = tuple(remarks), names

    def _read(self, source: Source, gathered: _Gathered) -> Document | None:
        gathered.sent[source.name] = 1
        try:
            with source.open() as file:
                data = file.read(document.LARGEST + 1)
            return document.read(document.parse(data, source.name))
        except Refusal as why:
            gathered.refused[source.name] = why, 1
            return None

    def _take(self, file: str, found: Document, gathered: _Gathered) -> str:
        """Puts a document into the piece; gives back the patient it was found to be about."""
        if found.aside is not None:
            gathered.set_aside[found.aside] = gathered.set_aside.get(found.aside, 0) + 1
            return ""
        local, rule = (self._known or identities.NOBODY).of(found, file)
        rule = found.rule or rule
        if rule is not None:
            gathered.defect(file, None, rule, orjson.dumps({**found.patient, **found.checkup}).decode())
            return local
        gathered.rows["patients"].append({"local_patient_id": local, **found.patient, "source_file": file})
        gathered.rows["health_checkups"].append({"local_patient_id": local, **found.checkup, "source_file": file})
        for column, value_rule in found.value_rules:
            gathered.defect(file, column, value_rule, None, findings.VALUE)
        return local


class _Gathered:
    """The records of one piece."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.refused: dict[str, tuple[Refusal, int]] = {}
        self.set_aside: dict[str, int] = {}
        self.rows: dict[str, list[dict[str, object]]] = {"patients": [], "health_checkups": []}
        self.defects: list[dict[str, object]] = []

    def defect(
        self, file: str, column: str | None, rule: findings.Rule, raw: str | None, severity: findings.Severity = findings.ROW
    ) -> None:
        self.defects.append({"source_file": file, "source_row": 1, "column": column, "rule": rule.code, "severity": severity, "raw": raw})

    def piece(self, only: Collection[str] | None) -> Piece:
        rows = {
            table: pa.Table.from_pylist([{**row, "source_row": 1} for row in found], _schema(table))
            for table, found in self.rows.items()
            if found and (only is None or table in only)
        }
        return Piece(self.sent, rows, pa.Table.from_pylist(self.defects, DEFECTS), self.set_aside, self.refused)


def _schema(table: str) -> pa.Schema:
    return pa.schema([*PLACE, *((item.name, pa.string()) for item in TABLES[table].items)])
