"""セグメント表 (segment table): which item of the catalogue stands in which field of which segment, by data kind; the reader knows nothing else.

A field is written `SEGMENT-field.component.subcomponent`; `[8=I]` takes the repetition whose component 8 is I (`[7=]`: has none), and without
it the first repetition is taken. `@name` is what the place of the file says, or what the reader counts (`@row`: place and number of the row).

Sources: SS-MIX2 標準化ストレージ仕様書 Ver.1.2, HL7 v2.5; the national hospitals' notes on their module (data kinds, day of care).
"""

from __future__ import annotations

from dataclasses import dataclass

HOT = ("HOT9", "HOT13", "HOT7", "HOT")
YJ = ("YJ",)
ICD10 = ("I10", "I10C", "ICD10", "ICD-10")
MEDIS = ("MDCDX2",)
JLAC10 = ("JC10", "JLAC10")


@dataclass(frozen=True)
class Field:
    """One item ← the first of `sources` that says something.

    `rule`: how its text is read (`takes.RULES`). `systems`: code systems of a coded field (rules `code`, `other-code`, `other-system`).
    """

    item: str
    sources: tuple[str, ...]
    rule: str = "text"
    systems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """One row of `table` for each segment `per`, where all of `only` hold and its group has no segment `unless`.

    `only`: field → texts it may have (None: any but nothing).
    """

    table: str
    per: str
    fields: tuple[Field, ...]
    only: tuple[tuple[str, frozenset[str] | None], ...] = ()
    unless: str | None = None


@dataclass(frozen=True)
class DataKind:
    """データ種別: its message (`code` of MSH-9), events that enter something and that take it back, the segments without which it is cut off.

    `groups`: segments that begin a group, the wider first; what stands in a group belongs to its rows and to no others. `day`: where the
    message itself says the day of care. `stay`: whether it opens or closes a stay in hospital.
    """

    name: str
    code: str
    events: frozenset[str]
    cancels: frozenset[str]
    needs: tuple[str, ...]
    rows: tuple[Rows, ...]
    groups: tuple[str, ...] = ()
    day: str | None = None
    stay: str | None = None

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(rows.table for rows in self.rows)


def _f(item: str, *sources: str, rule: str = "text", systems: tuple[str, ...] = ()) -> Field:
    return Field(item, sources, rule, systems)


def _day(item: str, *sources: str) -> Field:
    return Field(item, sources, "day")


def _coded(source: str, **systems: tuple[str, ...]) -> tuple[Field, ...]:
    """A coded field with its alternate: the codes of known systems to their items, the first other one with the name of its system."""
    known = tuple(name for names in systems.values() for name in names)
    return (
        *(Field(item, (source,), "code", names) for item, names in systems.items()),
        Field("other_code", (source,), "other-code", known),
        Field("other_code_system", (source,), "other-system", known),
    )


PATIENT = _f("local_patient_id", "@patient")
ENCOUNTER = _f("encounter_id", "PV1-19")

PATIENTS = Rows(
    "patients",
    "PID",
    (
        PATIENT,
        _f("name_kanji", "PID-5[8=I]", "PID-5[8=]", rule="name"),
        _f("name_kana", "PID-5[8=P]", rule="name"),
        _day("birth_date", "PID-7"),
        _f("sex", "PID-8"),
        _f("postal_code", "PID-11[7=H].5", "PID-11[7=].5", "PID-11.5"),
        _f("address", "PID-11[7=H].8", "PID-11[7=].8", "PID-11.8"),
        _f("phone", "PID-13[2=PRN].12", "PID-13[2=PRN].1", "PID-13.12", "PID-13.1", "PID-14.12", "PID-14.1"),
        _f("email", "PID-13[2=NET].4", "PID-13.4"),
        _day("death_date", "PID-29"),
        _f("insurer_number", "IN1-3"),
        _f("insured_symbol", "IN1-10"),
        _f("insured_number", "IN1-11"),
    ),
)
_DEATH = (PATIENT, _day("death_date", "PID-29"))
DEATHS = (
    Rows("deaths", "PID", _DEATH, only=(("PID-30", frozenset({"Y"})),)),
    Rows("deaths", "PID", _DEATH, only=(("PID-30", frozenset({""})), ("PID-29", None))),
)
ENCOUNTERS = Rows(
    "encounters",
    "PV1",
    (
        PATIENT,
        ENCOUNTER,
        _f("encounter_class", "PV1-2"),
        _day("started_on", "PV1-44"),
        _day("ended_on", "PV1-45"),
        _f("department", "PV1-10", "@department"),
        _f("facility_name", "PV1-39"),
        _f("physician_name", "PV1-7[15=I]", "PV1-7", rule="person"),
    ),
)
DIAGNOSES = Rows(
    "diagnoses",
    "PRB",
    (
        PATIENT,
        _f("diagnosis_id", "@row"),
        ENCOUNTER,
        _f("icd10", "PRB-10", "PRB-3", rule="code", systems=ICD10),
        _f("disease_code", "PRB-3", "ZPR-2", rule="code", systems=MEDIS),
        _f("other_code", "PRB-3", rule="other-code", systems=ICD10 + MEDIS),
        _f("other_code_system", "PRB-3", rule="other-system", systems=ICD10 + MEDIS),
        _f("disease_name", "PRB-3.2"),
        _day("diagnosed_on", "PRB-7", "PRB-16", "PRB-2"),
        _day("ended_on", "PRB-9"),
        _f("outcome", "PRB-14"),
    ),
    only=(("PRB-1", frozenset({"", "AD", "UP", "UC", "UN", "CO", "LI", "SN"})),),
)
_DRUG_ROW = (PATIENT, _f("prescription_id", "@row"), ENCOUNTER)
_ORDERED = (
    _f("act", "@ordered"),
    _f("days", "TQ1-6[2=d].1", "TQ1-6[2=D].1", "TQ1-6[2=日].1"),
    _f("route", "RXR-1"),
    _day("prescribed_on", "ORC-9", "@day"),
    _day("ended_on", "TQ1-8"),
    _f("instructions", "TQ1-3.1.2", "RXE-7.2"),
)
ORDERED_DRUGS = Rows(
    "prescriptions",
    "RXE",
    (
        *_DRUG_ROW,
        *_coded("RXE-2", hot_code=HOT, yj_code=YJ),
        _f("drug_name", "RXE-2.2"),
        _f("quantity", "RXE-10"),
        _f("quantity_unit", "RXE-11"),
        *_ORDERED,
    ),
    unless="RXC",
)
ORDERED_COMPONENTS = Rows(
    "prescriptions",
    "RXC",
    (
        *_DRUG_ROW,
        *_coded("RXC-2", hot_code=HOT, yj_code=YJ),
        _f("drug_name", "RXC-2.2"),
        _f("quantity", "RXC-3"),
        _f("quantity_unit", "RXC-4"),
        *_ORDERED,
    ),
)
GIVEN_DRUGS = Rows(
    "prescriptions",
    "RXA",
    (
        *_DRUG_ROW,
        *_coded("RXA-5", hot_code=HOT, yj_code=YJ),
        _f("drug_name", "RXA-5.2"),
        _f("quantity", "RXA-6"),
        _f("quantity_unit", "RXA-7"),
        _f("act", "@administered"),
        _f("route", "RXR-1"),
        _day("prescribed_on", "RXA-3", "@day"),
        _day("ended_on", "RXA-4"),
    ),
    only=(("RXA-20", frozenset({"", "CP", "PA"})), ("RXA-21", frozenset({"", "A", "U"}))),
)
RESULTS = Rows(
    "laboratory_results",
    "OBX",
    (
        PATIENT,
        _f("result_id", "@row"),
        ENCOUNTER,
        *_coded("OBX-3", jlac10=JLAC10),
        _day("sampled_on", "SPM-17", "OBR-7", "OBX-14", "@day"),
        _f("value", "OBX-5", rule="result-number"),
        _f("unit", "OBX-6"),
        _f("value_code", "OBX-5", rule="result-code"),
        _f("abnormal", "OBX-8"),
        _f("comment", "OBX-5", rule="result-text"),
    ),
    only=(("OBX-11", frozenset({"", "F", "C", "P", "R", "S", "U"})),),
)


def _kind(
    name: str,
    code: str,
    events: str,
    cancels: str,
    needs: str,
    *rows: Rows,
    groups: str = "",
    day: str | None = None,
    stay: str | None = None,
) -> DataKind:
    return DataKind(
        name, code, frozenset(events.split()), frozenset(cancels.split()), tuple(needs.split()), rows, tuple(groups.split()), day, stay
    )


KINDS = {
    kind.name: kind
    for kind in (
        _kind("ADT-00", "ADT", "A08 A28 A31", "A23 A29", "PID", PATIENTS, *DEATHS),
        _kind("ADT-12", "ADT", "A04", "A11", "PID PV1", ENCOUNTERS, day="PV1-44"),
        _kind("ADT-22", "ADT", "A01", "A11", "PID PV1", ENCOUNTERS, day="PV1-44", stay="opens"),
        _kind("ADT-52", "ADT", "A03", "A13", "PID PV1", ENCOUNTERS, day="PV1-45", stay="closes"),
        _kind("PPR-01", "PPR", "ZD1 PC1 PC2", "PC3", "PID PRB", DIAGNOSES, groups="PRB"),
        _kind("OMP-01", "RDE", "O11", "", "PID RXE", ORDERED_DRUGS, ORDERED_COMPONENTS, groups="ORC RXE", day="ORC-9"),
        _kind("OMP-02", "RDE", "O11", "", "PID RXE", ORDERED_DRUGS, ORDERED_COMPONENTS, groups="ORC RXE", day="ORC-9"),
        _kind("OMP-11", "RAS", "O17", "", "PID RXA", GIVEN_DRUGS, groups="ORC", day="RXA-3"),
        _kind("OMP-12", "RAS", "O17", "", "PID RXA", GIVEN_DRUGS, groups="ORC", day="RXA-3"),
        _kind("OML-11", "OUL", "R22", "", "PID OBX", RESULTS, groups="SPM OBR", day="SPM-17"),
    )
}
"""Data kinds that become rows."""

ASIDE = frozenset(
    (
        *("ADT-01", "ADT-21", "ADT-31", "ADT-32", "ADT-41", "ADT-42", "ADT-51", "ADT-61"),
        *("OMD", "OML-01", "OMG-01", "OMG-02", "OMG-03", "OMG-11", "OMG-12", "OMG-13"),
    )
)
"""Data kinds of the standard that no table takes; counted under their name."""

TRANSLATIONS: dict[str, dict[str, str]] = {
    "patients.sex": {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "unknown"},
    "encounters.encounter_class": {
        "I": "inpatient", "O": "outpatient", "E": "emergency", "P": "other", "R": "other", "B": "other", "C": "other", "N": "other", "U": "other",
    },
    "diagnoses.outcome": {
        "D": "died", "F": "cured", "N": "continuing", "R": "continuing", "W": "continuing", "S": "other", "U": "other",
    },
    "laboratory_results.abnormal": {"LL": "L", "HH": "H", "<": "L", ">": "H"},
}  # fmt: skip
"""HL7 tables 0001, 0004, 0241 and 0078 → choices of the catalogue."""
