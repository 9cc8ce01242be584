"""片の組立て (gathering): resources taken one by one into the rows, defects and counts of a piece; whose they are is settled piece by piece."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from kiban_processing.deliveries.fhir import documents, grounds, identities, kinds, patients, systems
from kiban_processing.deliveries.fhir.elements import MISBUILT, Resource, listed
from kiban_processing.deliveries.fhir.extraction import COLUMNS, ENTRIES, PERSON, START, UNCODED, Extraction
from kiban_processing.deliveries.fhir.people import AMBIGUOUS, People
from kiban_processing.deliveries.fhir.whitelist import LABORATORY
from kiban_processing.deliveries.pieces import DEFECTS, PLACE, Piece
from kiban_processing.formats import findings
from kiban_processing.refusals import Refusal

PIECE_BYTES = 8 << 20
PIECE_RECORDS = 20_000
NOBODY = "?"
"""The person of a record that names none."""
SHORTEST_SHOWN = 4  # letters of a local ID that make a file's name worth hiding


@dataclass
class Scope:
    """What references mean inside one Bundle: its own patients and encounters come before those of the delivery."""

    people: dict[str, str] = field(default_factory=dict)
    encounters: dict[str, str] = field(default_factory=dict)
    ids: set[tuple[str, str]] = field(default_factory=set)

    @staticmethod
    def of(entries: list[Any]) -> Scope:
        found = Scope()
        for entry in entries:
            resource = entry.get("resource") if type(entry) is dict else None
            if type(resource) is not dict:
                continue
            kind, url, own = resource.get("resourceType"), entry.get("fullUrl"), resource.get("id")
            if kind == "Encounter" and type(url) is str and type(own) is str:
                found.encounters[url] = own
            if kind == "Patient":
                found._add(resource, url if type(url) is str else None)
        return found

    def _add(self, patient: Resource, url: str | None) -> None:
        try:
            local = patients.local_id(patient)
            references = list(patients.references(patient, url))
        except patients.Ambiguous:
            local, references = AMBIGUOUS, ["Patient/" + patient["id"]] if type(patient.get("id")) is str else []
        except MISBUILT:
            return
        for reference in references:
            if local is not None and self.people.setdefault(reference, local) != local:
                self.people[reference] = AMBIGUOUS


class Gathering:
    """One piece after another; `take` for each record, `count` for each stretch, then `piece`."""

    def __init__(self, people: People, has_hospital_ids: bool, only: Collection[str] | None, order: Mapping[str, int]) -> None:
        self._people = people
        self._has_hospital_ids = has_hospital_ids
        self._wanted = frozenset(only) if only is not None else None
        self._order = order
        self._seen = identities.Seen()
        self._counted: dict[str, int] = {}
        self.hidden: dict[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self._cells: dict[str, list[Any]] = {table: [] for table in COLUMNS}
        self._patients: list[tuple[str, int, str | None, list[Any], bool]] = []
        self._defects: list[tuple[str, int, str | None, str, str, str | None]] = []
        self._sent: dict[str, int] = {}
        self._aside: dict[str, int] = {}
        self._refused: dict[str, tuple[Refusal, int]] = {}
        self._targets = {kind: _target(tables, self._cells) for kind, tables in ENTRIES.items()}
        self._observed = {table: _target({table: extraction}, self._cells) for table, extraction in ENTRIES["Observation"].items()}
        self._identities: list[Any] = []  # file, record and identity of each resource, one after another
        self._repeated: list[tuple[str, int]] = []
        self._bytes = 0
        self._records = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= PIECE_BYTES or self._records >= PIECE_RECORDS

    def begin(self, file: str) -> None:
        self._counted[file] = 0
        self._sent.setdefault(file, 0)

    def count(self, file: str, number: int, size: int) -> None:
        """`number`: records of the file read so far; `size`: bytes read since the last call."""
        fresh = number - self._counted[file]
        self._counted[file] = number
        self._sent[file] = self._sent.get(file, 0) + fresh
        self._records += fresh
        self._bytes += size

    def refuse(self, file: str, why: Refusal, records: int = 1, is_sent: bool = False) -> None:
        """Records lost with a reason that holds for the file; `is_sent`: they are counted as sent already."""
        first, lost = self._refused.get(file, (why, 0))
        self._refused[file] = first, lost + records
        if not is_sent:
            self._sent[file] = self._sent.get(file, 0) + records

    def defect(self, file: str, number: int, rule: findings.Rule, raw: str | None, column: str | None = None) -> None:
        self._defects.append((file, number, column, rule.code, rule.severity, raw))

    def take(self, resource: Any, file: str, number: int, scope: Scope | None, line: bytes) -> None:
        """One record. `line`: its bytes where it is a line of NDJSON, to see whether it names a person twice."""
        cells: list[Any] = []
        kept = 0
        try:
            kind = resource.get("resourceType")
            target = self._targets.get(kind)
            if target is None:
                self._other(resource, kind, file, number, scope)
                return
            extract, cells, person_name, rare, quoted = target if target[0] is not None else self._observed[_table(resource)]
            subject = resource.get(person_name)
            if subject is None:
                person = NOBODY
            else:
                person = subject.get("reference")
                if scope is not None or person is None or person[:8] != "Patient/":
                    person = _person(resource, subject, scope)
            kept = len(cells)
            result = extract(resource, file, number, person, cells)
        except MISBUILT:
            del cells[kept:]
            self._misbuilt(resource, file, number)
            return
        if line and line.count(rare) > 1 and line.count(quoted) > 1 and documents.repeats(line):
            del cells[kept:]
            self.defect(file, number, findings.NOT_OF_FORMAT, documents.unreadable_raw(line))
            return
        if result is not None:
            if result != UNCODED:
                self._set_aside(f"{kind} ({result})")
                return
            self.defect(file, number, findings.CODE_SYSTEM_UNKNOWN, None, systems.OTHER)
        own = cells[kept + START]
        if scope is not None:
            if own is not None:
                self._known(kind, own, file, number, scope)
            _settle_encounters(cells, kept, scope)
        elif own is not None:
            self._identities += (file, number, kind + own)

    def _other(self, resource: Resource, kind: Any, file: str, number: int, scope: Scope | None) -> None:
        if kind == "Patient":
            self._patient(resource, file, number, scope)
        elif kind in kinds.KNOWN:
            self._set_aside(kind)
        elif kind == "Bundle":  # one inside another, which no profile of Japan uses
            self._misbuilt(resource, file, number)
        else:
            self.refuse(file, grounds.RESOURCE_UNKNOWN.refuse(file=file, number=number), is_sent=True)

    def _patient(self, patient: Resource, file: str, number: int, scope: Scope | None) -> None:
        try:
            local = patients.local_id(patient)
            cells, is_dead = patients.row(patient)
        except patients.Ambiguous:
            self.defect(file, number, findings.PERSON_AMBIGUOUS, None)
            return
        own = patient.get("id")
        if type(own) is str:
            self._known("Patient", own, file, number, scope)
        self._patients.append((file, number, local, cells, is_dead))

    def _known(self, kind: str, own: str, file: str, number: int, scope: Scope | None) -> None:
        """Ids are unique in a delivery, but for Bundles, where they are unique in each: documents repeat their patient."""
        if scope is None:
            self._identities += (file, number, kind + own)
        elif (kind, own) in scope.ids:
            self._repeated.append((file, number))
        else:
            scope.ids.add((kind, own))

    def _set_aside(self, kind: str) -> None:
        self._aside[kind] = self._aside.get(kind, 0) + 1

    def _misbuilt(self, resource: Any, file: str, number: int) -> None:
        kept = {name: resource[name] for name in ("resourceType", "id") if type(resource) is dict and type(resource.get(name)) is str}
        self.defect(file, number, findings.NOT_OF_FORMAT, orjson.dumps(kept).decode() if kept else None)

    def piece(self) -> Piece:
        """What was gathered since the last call, with every record's person settled."""
        files, records = self._identities[::3], self._identities[1::3]
        for place in self._seen.repeated(self._identities[2::3]):
            self._repeated.append((files[place], records[place]))
        for file, number in self._repeated:
            self.defect(file, number, findings.REPEATED_RECORD, None)
        lost = {(defect[0], defect[1]) for defect in self._defects if defect[4] == findings.ROW and defect[2] is None}
        tables = self._patient_tables(lost)
        tables |= self._tables(lost)
        defects = pa.Table.from_pylist([dict(zip(DEFECTS.names, defect, strict=True)) for defect in self._defects], DEFECTS)
        found = Piece(self._sent, tables, defects, self._aside, self._refused)
        self._clear()
        return found

    def _local(self, local: str | None) -> str | None:
        """A local ID that may stand: an id of a resource does not where patients of the delivery have numbers of the hospital."""
        if local is None or not local.startswith(patients.OWN_ID):
            return local
        return None if self._has_hospital_ids else local[len(patients.OWN_ID) :]

    def _patient_tables(self, lost: set[tuple[str, int]]) -> dict[str, pa.Table]:
        registered: list[Any] = []
        deaths: list[Any] = []
        for file, number, marked, cells, is_dead in self._patients:
            if (file, number) in lost:
                continue
            local = self._local(marked)
            if local is None:
                self.defect(file, number, findings.PERSON_MISSING, None)
                continue
            self._hide(file, local)
            registered += (file, number, local, *cells)
            if is_dead:
                deaths += (file, number, local, cells[_DIED])
        found = (("patients", patients.COLUMNS, registered), ("deaths", ("death_date",), deaths))
        return {name: _text_table(columns, cells) for name, columns, cells in found if cells and self._wants(name)}

    def _tables(self, lost: set[tuple[str, int]]) -> dict[str, pa.Table]:
        """The rows of each table under local IDs; records whose person is not known are told, and their rows left out."""
        width = {table: START + len(columns) for table, columns in COLUMNS.items()}
        persons = {table: cells[PERSON :: width[table]] for table, cells in self._cells.items()}
        people = self._meant(set().union(*persons.values()))
        is_doubtful = not all(people.values())
        names = "\n".join(self._sent)
        shown = {local for local in people.values() if local and len(local) >= SHORTEST_SHOWN and local in names}
        found: dict[str, pa.Table] = {}
        for table, cells in self._cells.items():
            if not cells:
                continue
            locals_ = list(map(people.__getitem__, persons[table]))
            files, records = cells[:: width[table]], cells[1 :: width[table]]
            unusable = [place for place, local in enumerate(locals_) if not local] if is_doubtful else []
            if lost:
                unusable = sorted({*unusable, *(place for place, one in enumerate(zip(files, records, strict=True)) if one in lost)})
            for place in unusable:
                self._nobodys(table, cells[place * width[table] : (place + 1) * width[table]], locals_[place], lost)
            if self._wants(table):
                cells[PERSON :: width[table]] = locals_
                rows = _text_table(COLUMNS[table], cells)
                if unusable:
                    sound = np.ones(len(locals_), np.bool_)
                    sound[unusable] = False
                    rows = rows.filter(pa.array(sound))
                found[table] = rows
            for file, local in set(zip(files, locals_, strict=True)) if shown else ():
                if local in shown:
                    self._hide(file, local)
        return found

    def _meant(self, named: set[str]) -> dict[str, str | None]:
        """What a row says of its person → the local ID; None where nobody, or `AMBIGUOUS` where more than one, is meant."""
        keys = {name: "Patient/" + name[8:].partition("/")[0] if name.startswith("Patient/") else name for name in named}
        known = self._people.look_up(sorted({key for key in keys.values() if not key.startswith(("=", NOBODY))}))
        return {name: self._local(key[1:] if key.startswith("=") else known.get(key)) for name, key in keys.items()}

    def _nobodys(self, table: str, row: list[Any], local: str | None, lost: set[tuple[str, int]]) -> None:
        place = row[0], row[1]
        if place not in lost:
            lost.add(place)
            rule = findings.PERSON_AMBIGUOUS if local == AMBIGUOUS else findings.PERSON_MISSING
            kept = {name: cell for name, cell in zip(COLUMNS[table], row[START:], strict=True) if cell is not None}
            self.defect(*place, rule, orjson.dumps({"table": table, **kept}).decode())

    def _wants(self, table: str) -> bool:
        return self._wanted is None or table in self._wanted

    def _hide(self, file: str, local: str) -> None:
        if file not in self.hidden and len(local) >= SHORTEST_SHOWN and local in file:
            self.hidden[file] = f"#{self._order.get(file, 0) + 1}"


_DIED = patients.COLUMNS.index("death_date")


Target = tuple[Any, list[Any], str, bytes, bytes]
"""Extraction, cells of its table, element of the person, and what shows whether a line names that element twice."""


def _target(tables: Mapping[str, Extraction], cells: Mapping[str, list[Any]]) -> Target:
    """Where a kind of resource goes; no extraction where the resource itself decides between tables."""
    if len(tables) > 1:
        return None, [], "", b"", b""
    (table, extraction), *_ = tables.items()
    person = extraction.entry.person
    quoted = f'"{person}"'.encode()
    # "j" is found much faster than the name it stands in, and is seldom.
    return extraction.take, cells[table], person, b"j" if "j" in person else quoted, quoted


def _table(resource: Resource) -> str:
    """An observation is a laboratory result where a category says so."""
    for category in listed(resource, "category"):
        for coding in listed(category, "coding"):
            if coding.get("code") == LABORATORY:
                return "laboratory_results"
    return "observations"


def _person(resource: Resource, subject: Resource, scope: Scope | None) -> str:
    """Who a record is about: `=` and a local ID where it says so itself, else what to look up, else `NOBODY`."""
    reference = subject.get("reference")
    if reference is None:
        identifier = subject.get("identifier")
        key = patients.named_by(identifier) if identifier is not None else None
    elif reference.startswith("Patient/"):
        key = "Patient/" + reference[8:].partition("/")[0]
    elif reference.startswith("#"):
        key = _contained(resource, reference[1:])
    elif reference.startswith("Patient?identifier="):
        system, _, value = reference[19:].partition("|")
        key = patients.named_by({"system": system, "value": value})
    else:
        key = "url:" + reference
    if key is None:
        return NOBODY
    if scope is not None and key in scope.people:
        return "=" + scope.people[key]
    return key


def _contained(resource: Resource, own: str) -> str | None:
    """A patient inside the record: by the hospital's number, else by the insured identifier; its id is no number of anyone."""
    for one in listed(resource, "contained"):
        if one.get("id") == own and one.get("resourceType") == "Patient":
            try:
                local = patients.local_id(one)
            except patients.Ambiguous:
                return "=" + AMBIGUOUS
            if local is not None and not local.startswith(patients.OWN_ID):
                return "=" + local
            return next((key for key in patients.references(one, None) if key.startswith("member:")), None)
    return None


def _settle_encounters(cells: list[Any], start: int, scope: Scope) -> None:
    """Encounters named by the address they have in their Bundle get the number under which they are sent."""
    for place in range(start + START, len(cells)):
        if cells[place] in scope.encounters:
            cells[place] = scope.encounters[cells[place]]


def _text_table(columns: tuple[str, ...], cells: list[Any]) -> pa.Table:
    """A table of texts of cells that lie row after row."""
    schema = pa.schema([*PLACE, ("local_patient_id", pa.string()), *((name, pa.string()) for name in columns)])
    arrays = [pa.array(cells[place :: len(schema)], field.type) for place, field in enumerate(schema)]
    return pa.Table.from_arrays(arrays, schema=schema)
