"""許可リスト (whitelist): resource → table → item ← path. What stands here is taken; everything else of a resource is dropped and never stored.

A path names elements from the resource down, with `[]` where FHIR has a list (its first element is taken). Not here, and so never taken:
`text` (narrative), attachments, notes, extensions but the named ones, `display` of any reference, names of people other than the patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kiban_processing.deliveries.fhir.systems import DEPARTMENTS, ROUTES


@dataclass(frozen=True)
class Plain:
    """The first of these paths that holds a text or a number."""

    item: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """The first of these paths that holds a whole day or instant (else the first that holds anything, for the finding)."""

    item: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    """A CodeableConcept at the first of these paths: codes by `systems`, and its own words, where the table has an item for them."""

    paths: tuple[str, ...]
    words: str | None = None


@dataclass(frozen=True)
class Code:
    """The first code of the CodeableConcept (or Coding) at a path: of one of `systems`, or of any where `translations` say what each means."""

    item: str
    path: str
    translations: Mapping[str, str] = field(default_factory=dict, hash=False)
    systems: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grade:
    """A CodeableConcept that grades a result (−, ±, +, …), by `systems.GRADES`; the code itself where its system is not there."""

    item: str
    path: str


@dataclass(frozen=True)
class Quantity:
    """A Quantity: its value, with its comparator if it has one, and its unit."""

    paths: tuple[str, ...]
    item: str
    unit: str | None = None


@dataclass(frozen=True)
class Encounter:
    """A reference to an encounter, as the number under which that encounter is sent."""

    path: str = "encounter"


Source = Plain | Day | Concept | Code | Grade | Quantity | Encounter


@dataclass(frozen=True)
class Entry:
    """One kind of resource in one table.

    `number`: the item that takes the resource's id. `person`: the element that refers to the patient. `retracted`: path and values of a status
    that says that the thing did not happen or was entered in error; such records are set aside. `parts`: a list whose elements give rows of
    their own, read with `part_sources` (an observation's components).
    """

    kind: str
    table: str
    number: str
    person: str
    sources: tuple[Source, ...]
    retracted: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    parts: str | None = None
    part_sources: tuple[Source, ...] = ()


_ERROR = frozenset({"entered-in-error"})
_NOT_DONE = frozenset({"entered-in-error", "not-done", "cancelled", "preparation", "declined", "draft", "unknown", "on-hold"})
_ORDER_VOID = frozenset({"entered-in-error", "cancelled", "draft"})

CLASSES = {
    "AMB": "outpatient", "IMP": "inpatient", "ACUTE": "inpatient", "NONAC": "inpatient", "PRENC": "other", "EMER": "emergency",
    "SS": "inpatient", "OBSENC": "inpatient", "VR": "other", "HH": "other", "FLD": "other",
}  # fmt: skip
CERTAINTY = {"confirmed": "confirmed", "unconfirmed": "suspected", "provisional": "suspected", "differential": "suspected"}
OUTCOMES = {
    "active": "continuing", "recurrence": "continuing", "relapse": "continuing", "inactive": "other", "remission": "other", "resolved": "cured",
}  # fmt: skip
ABNORMAL = {"L": "L", "LL": "L", "LU": "L", "N": "N", "H": "H", "HH": "H", "HU": "H"}
DISCHARGES = {
    "exp": "died", "other-hcf": "transferred", "hosp": "transferred", "long": "transferred", "psy": "transferred", "rehab": "transferred",
    "snf": "transferred", "home": "other", "alt-home": "other", "aadvice": "other", "oth": "other",
}  # fmt: skip

_LABORATORY_VALUE: tuple[Source, ...] = (
    Concept(("code",)),
    Quantity(("valueQuantity",), "value", "unit"),
    Plain("value", ("valueInteger",)),
    Grade("value_code", "valueCodeableConcept"),
    Code("abnormal", "interpretation[]", ABNORMAL),
    Plain("comment", ("valueString",)),
)
_OBSERVED_VALUE: tuple[Source, ...] = (
    Concept(("code",)),
    Quantity(("valueQuantity",), "value", "unit"),
    Plain("value", ("valueInteger",)),
    Plain("value_text", ("valueString", "valueCodeableConcept.text")),
)
_OBSERVED_ON = ("effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "issued")

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "Encounter", "encounters", "encounter_id", "subject",
        (
            Code("encounter_class", "class", CLASSES),
            Day("started_on", ("period.start",)),
            Day("ended_on", ("period.end",)),
            Code("department", "serviceType", systems=DEPARTMENTS),
            Code("discharge_outcome", "hospitalization.dischargeDisposition", DISCHARGES),
        ),
        {"status": frozenset({"entered-in-error", "cancelled", "planned"})},
    ),
    Entry(
        "Condition", "diagnoses", "diagnosis_id", "subject",
        (
            Encounter(),
            Concept(("code",), "disease_name"),
            Day("diagnosed_on", ("onsetDateTime", "onsetPeriod.start", "recordedDate")),
            Day("ended_on", ("abatementDateTime", "abatementPeriod.end")),
            Code("certainty", "verificationStatus", CERTAINTY),
            Code("outcome", "clinicalStatus", OUTCOMES),
        ),
        {"verificationStatus": frozenset({"entered-in-error", "refuted"})},
    ),
    Entry(
        "MedicationRequest", "prescriptions", "prescription_id", "subject",
        (
            Encounter(),
            Concept(("medicationCodeableConcept",), "drug_name"),
            Quantity(("dispenseRequest.quantity",), "quantity", "quantity_unit"),
            Quantity(("dispenseRequest.expectedSupplyDuration",), "days"),
            Code("route", "dosageInstruction[].route", systems=ROUTES),
            Day("prescribed_on", ("authoredOn",)),
            Plain("instructions", ("dosageInstruction[].text",)),
        ),
        {"status": _ORDER_VOID},
    ),
    Entry(
        "MedicationDispense", "prescriptions", "prescription_id", "subject",
        (
            Encounter("context"),
            Concept(("medicationCodeableConcept",), "drug_name"),
            Quantity(("quantity",), "quantity", "quantity_unit"),
            Quantity(("daysSupply",), "days"),
            Code("route", "dosageInstruction[].route", systems=ROUTES),
            Day("prescribed_on", ("whenHandedOver", "whenPrepared")),
            Plain("instructions", ("dosageInstruction[].text",)),
        ),
        {"status": _NOT_DONE},
    ),
    Entry(
        "MedicationAdministration", "prescriptions", "prescription_id", "subject",
        (
            Encounter("context"),
            Concept(("medicationCodeableConcept",), "drug_name"),
            Quantity(("dosage.dose",), "quantity", "quantity_unit"),
            Code("route", "dosage.route", systems=ROUTES),
            Day("prescribed_on", ("effectiveDateTime", "effectivePeriod.start")),
            Day("ended_on", ("effectivePeriod.end",)),
        ),
        {"status": _NOT_DONE},
    ),
    Entry(
        "Immunization", "prescriptions", "prescription_id", "patient",
        (
            Encounter(),
            Concept(("vaccineCode",), "drug_name"),
            Quantity(("doseQuantity",), "quantity", "quantity_unit"),
            Code("route", "route", systems=ROUTES),
            Day("prescribed_on", ("occurrenceDateTime",)),
        ),
        {"status": _NOT_DONE},
    ),
    Entry(
        "Observation", "laboratory_results", "result_id", "subject",
        (Encounter(), Day("sampled_on", _OBSERVED_ON), *_LABORATORY_VALUE),
        {"status": _ERROR | {"cancelled"}},
        "component", _LABORATORY_VALUE,
    ),
    Entry(
        "Observation", "observations", "observation_id", "subject",
        (Encounter(), Day("observed_on", _OBSERVED_ON), *_OBSERVED_VALUE),
        {"status": _ERROR | {"cancelled"}},
        "component", _OBSERVED_VALUE,
    ),
    Entry(
        "Procedure", "procedures", "procedure_id", "subject",
        (
            Encounter(),
            Concept(("code",), "procedure_name"),
            Day("performed_on", ("performedDateTime", "performedPeriod.start")),
            Day("ended_on", ("performedPeriod.end",)),
        ),
        {"status": _NOT_DONE},
    ),
)  # fmt: skip

PATIENT_TABLES = frozenset({"patients", "deaths"})
LABORATORY = "laboratory"
"""The code of `category` that makes an observation a laboratory result."""

TRANSLATIONS: dict[str, Mapping[str, str]] = {
    f"{entry.table}.{source.item}": source.translations
    for entry in ENTRIES
    for source in (*entry.sources, *entry.part_sources)
    if isinstance(source, Code) and source.translations
} | {"patients.sex": {"male": "male", "female": "female", "other": "other", "unknown": "unknown"}}
