"""OMOP CDM files of others, received by a mapping alone: what became of every row, key, date and identifier of the source."""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kiban_operator import keys, persons, vault
from kiban_processing import plan
from kiban_processing.formats import submission
from kiban_processing.transforms import dates
from kiban_processing.transforms import keys as pseudonyms

HOSPITAL = "OMOP1"
Row = dict[str, Any]


@dataclass(frozen=True)
class Events:
    """How one file of the source answers to one released table: names of columns here and there."""

    file: str
    table: str
    code: tuple[str, str] | None
    dates: tuple[tuple[str, str], ...]


EVENTS = (
    Events("VISIT_OCCURRENCE", "encounters", None, (("visit_start_date", "started_on"), ("visit_end_date", "ended_on"))),
    Events(
        "CONDITION_OCCURRENCE", "diagnoses", ("condition_source_value", "other_code"),
        (("condition_start_date", "diagnosed_on"), ("condition_end_date", "ended_on")),
    ),
    Events(
        "DRUG_EXPOSURE", "prescriptions", ("drug_source_value", "other_code"),
        (("drug_exposure_start_date", "prescribed_on"), ("drug_exposure_end_date", "ended_on")),
    ),
    Events("MEASUREMENT", "laboratory_results", ("measurement_concept_id", "other_code"), (("measurement_date", "sampled_on"),)),
    Events(
        "PROCEDURE_OCCURRENCE", "procedures", ("procedure_source_value", "other_code"),
        (("procedure_date", "performed_on"), ("procedure_end_date", "ended_on")),
    ),
    Events("OBSERVATION", "observations", ("observation_concept_id", "other_code"), (("observation_date", "observed_on"),)),
)  # fmt: skip
of_each_table = pytest.mark.parametrize("events", EVENTS, ids=lambda events: events.table)


@dataclass(frozen=True)
class Known:
    """The secret map of one person: what the release calls them, and by how many weeks their dates are moved."""

    person: str
    pseudonym: str
    weeks: int


@pytest.fixture(scope="session")
def released(told: Any) -> Callable[[str], list[Row]]:
    tables: dict[str, list[Row]] = {}

    def rows(table: str) -> list[Row]:
        if table not in tables:
            tables[table] = pq.read_table(told.opened / "data" / "parquet" / f"{table}.parquet").to_pylist()
        return tables[table]

    return rows


@pytest.fixture(scope="session")
def secret(told: Any) -> bytes:
    home = told.terminal.open()
    with home.transaction() as session:
        return bytes(home.keyring.open(session, f"release/{told.release}/pseudonym"))


@pytest.fixture(scope="session")
def known(told: Any, secret: bytes, released: Callable[[str], list[Row]]) -> dict[str, Known]:
    """person_id of the source → the secret map, for those who are in the release."""
    home = told.terminal.open()
    with home.transaction() as session:
        shift = home.keyring.open(session, f"release/{told.release}/shift")
        named = vault.patient_secret(session, home)
        window = plan.read(told.example / "plan.toml").shift_window_weeks
        found = {}
        for row in told.source["PERSON"]:
            registration = session.get(persons.Registration, keys.patient_key(named, HOSPITAL, row["person_id"]))
            if registration is not None:
                person = registration.person
                found[row["person_id"]] = Known(person, pseudonyms.pseudonym(secret, person), dates.shift_weeks(shift, person, window))
    there = {row["person"] for row in released("patients")}
    return {person_id: one for person_id, one in found.items() if one.pseudonym in there}


def rows_of(told: Any, events: Events, known: dict[str, Known]) -> list[Row]:
    """The source's rows of released persons."""
    return [row for row in told.source[events.file] if row["person_id"] in known]


def common(told: Any, events: Events, known: dict[str, Known]) -> Callable[[Row], bool]:
    """Whether a row's code is held by two persons of the release at least; tables without a code keep all rows."""
    if events.code is None:
        return lambda row: True
    holders = defaultdict(set)
    for row in rows_of(told, events, known):
        holders[row[events.code[0]]].add(row["person_id"])
    column = events.code[0]
    return lambda row: len(holders[row[column]]) >= 2


def moved(text: str, weeks: int) -> date | None:
    return date.fromisoformat(text) + timedelta(weeks=weeks) if text else None


def test_counts_reconcile_and_only_those_who_died_before_the_notice_stay_out(told: Any) -> None:
    dead = {row["person_id"]: row["death_date"] for row in told.source["DEATH"]}
    late = {person for person, day in dead.items() if day <= "2018-07-02"}
    assert late
    assert len(late) < len(dead)
    tables = {"PERSON": "patients", "DEATH": "deaths"} | {events.file: events.table for events in EVENTS}
    for file, table in tables.items():
        count = told.receipt["tables"][table]
        out = sum(row["person_id"] in late for row in told.source[file])
        assert count["sent"] == len(told.source[file]) == count["accepted"] + count["held"] + count["quarantined"]
        assert count["quarantined_for"] == ({"died-before-notice": out} if out else {})
        assert count["held"] == 0
    assert told.receipt["sent"] == sum(len(rows) for rows in told.source.values())
    assert told.linkage["persons"] == told.linkage["registrations"] == len(told.source["PERSON"]) - len(late)


def test_nobody_who_died_before_the_notice_is_in_the_release(told: Any, known: dict[str, Known]) -> None:
    late = {row["person_id"] for row in told.source["DEATH"] if row["death_date"] <= "2018-07-02"}
    assert not late & set(known)
    assert len(known) >= 0.9 * told.linkage["persons"]


@of_each_table
def test_every_row_belongs_to_a_patient_of_the_release(events: Events, released: Callable[[str], list[Row]]) -> None:
    patients = [row["person"] for row in released("patients")]
    assert len(patients) == len(set(patients))
    assert {row["person"] for row in released(events.table)} <= set(patients)


@of_each_table
def test_release_is_the_source_through_the_secret_map(
    events: Events, told: Any, known: dict[str, Known], secret: bytes, released: Callable[[str], list[Row]]
) -> None:
    """Persons, encounters, codes and shifted dates of every row, counted as a multiset: nothing lost, nothing added, nothing mixed up."""
    keep = common(told, events, known)

    def expected() -> Iterator[tuple[object, ...]]:
        for row in filter(keep, rows_of(told, events, known)):
            one = known[row["person_id"]]
            encounter = pseudonyms.rekeyed(secret, "encounter_id", HOSPITAL, one.person, row["visit_occurrence_id"] or None)
            code = (row[events.code[0]],) if events.code else ()
            yield (one.pseudonym, encounter, *code, *(moved(row[source], one.weeks) for source, _ in events.dates))

    columns = ("person", "encounter_id", *((events.code[1],) if events.code else ()), *(name for _, name in events.dates))
    found = Counter(tuple(row[name] for name in columns) for row in released(events.table))
    assert found == Counter(expected())


@of_each_table
def test_encounter_references_lead_to_the_encounter_of_the_source(
    events: Events, told: Any, known: dict[str, Known], secret: bytes, released: Callable[[str], list[Row]]
) -> None:
    visits = {row["visit_occurrence_id"]: row for row in told.source["VISIT_OCCURRENCE"]}
    encounters = {row["encounter_id"]: row for row in released("encounters")}
    assert len(encounters) == len(released("encounters"))
    by_number = {
        pseudonyms.rekeyed(secret, "encounter_id", HOSPITAL, known[visit["person_id"]].person, number): number
        for number, visit in visits.items()
        if visit["person_id"] in known
    }
    followed = 0
    for row in released(events.table):
        if row["encounter_id"] is None:
            continue
        encounter, visit = encounters[row["encounter_id"]], visits[by_number[row["encounter_id"]]]
        one = known[visit["person_id"]]
        assert row["person"] == encounter["person"] == one.pseudonym
        assert encounter["started_on"] == moved(visit["visit_start_date"], one.weeks)
        followed += 1
    assert followed


def test_intervals_within_each_person_are_exactly_kept(told: Any, known: dict[str, Known], released: Callable[[str], list[Row]]) -> None:
    """Without the shift secret: the distances of all dates of a person from the first one are those of the source."""
    before, after = defaultdict(list), defaultdict(list)
    for events in EVENTS:
        keep = common(told, events, known)
        for row in filter(keep, rows_of(told, events, known)):
            before[known[row["person_id"]].pseudonym] += [date.fromisoformat(row[name]) for name, _ in events.dates if row[name]]
        for row in released(events.table):
            after[row["person"]] += [row[name] for _, name in events.dates if row[name] is not None]
    assert before.keys() == after.keys()
    for person, days in before.items():
        assert sorted(day - min(days) for day in days) == sorted(day - min(after[person]) for day in after[person])
        assert (min(after[person]) - min(days)).days % 7 == 0


def test_persons_are_moved_and_not_all_alike(known: dict[str, Known]) -> None:
    assert len({one.weeks for one in known.values()}) > 5
    assert all(-26 <= one.weeks <= 26 for one in known.values())


def test_no_identifier_of_the_source_is_in_the_package_or_the_export(told: Any) -> None:
    """UUIDs of persons, visits and providers, names of providers, and days of birth, looked for in every file as text and as cells."""
    providers = rows(told.sent / "PROVIDER.csv")
    needles = {row["person_source_value"] for row in told.source["PERSON"]}
    needles |= {row["visit_source_value"] for row in told.source["VISIT_OCCURRENCE"]}
    needles |= {row["provider_source_value"] for row in providers} | {row["provider_name"] for row in providers}
    needles |= {part for row in providers for part in row["provider_name"].split() if len(part) > 5}
    needles.discard("")
    assert len(needles) > 1000
    for folder in (told.opened, told.export):
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            content = path.read_bytes()
            assert not any(needle.encode() in content for needle in needles), f"an identifier of the source is in {path.name}"
    for path in sorted((told.opened / "data" / "parquet").iterdir()):
        table = pq.read_table(path)
        cells = {cell for column in table.columns for cell in column.to_pylist() if isinstance(cell, str)}
        assert not cells & needles, f"an identifier of the source is in {path.name}"


def test_no_key_of_the_source_is_left(told: Any, released: Callable[[str], list[Row]]) -> None:
    """The source's row numbers are short numbers, so they are compared as whole cells of the columns that hold keys."""
    numbers = {value for rows in told.source.values() for row in rows for name, value in row.items() if name.endswith("_id") and value}
    for table in ("patients", "deaths", *(events.table for events in EVENTS)):
        for row in released(table):
            assert not {row["person"], row.get("encounter_id"), row.get("diagnosis_id")} & numbers


def test_no_day_of_birth_and_no_true_day_of_a_moved_person_is_left(
    told: Any, known: dict[str, Known], released: Callable[[str], list[Row]]
) -> None:
    assert set(released("patients")[0]) == {"person", "sex", "birth_year"}
    assert all(not isinstance(cell, date) for row in released("patients") for cell in row.values())
    dead = {row["person"]: row["death_date"] for row in released("deaths")}
    for row in told.source["DEATH"]:
        one = known.get(row["person_id"])
        if one is not None and one.weeks and dead.get(one.pseudonym):
            assert dead[one.pseudonym] != date.fromisoformat(row["death_date"])


def test_the_exported_ledger_stands_the_audit_and_a_changed_copy_does_not(told: Any, tmp_path: Path) -> None:
    assert told.verdict["ok"]
    assert [one["en"] for one in told.verdict["findings"] if one["check"] != "V1"] == []
    altered = tmp_path / "export"
    shutil.copytree(told.export, altered)
    (document,) = altered.rglob(f"{told.release}-evidence.json")
    content = document.read_bytes()
    document.write_bytes(content.replace(b'"passed"', b'"Passed"', 1))
    told.terminal.run("audit", altered, expected=20)


def test_mapping_names_every_column_of_the_common_data_model(told: Any) -> None:
    """Against the official list of fields: a column that is neither taken nor named as left out would be refused."""
    official = defaultdict(set)
    for row in rows(told.fields):
        official[row["cdmTableName"].upper()].add(row["cdmFieldName"])
    mapping = submission.read_mapping(told.submission, submission.read_manifest(told.submission))
    for entry in mapping.files:
        named = {column.source for column in entry.columns} | entry.ignored
        assert official[entry.file.removesuffix(".csv")] == named


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
