"""Dates of released persons, judged through the secret map: which day of the source each released day comes from."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import originals
import pyarrow.parquet as pq
from originals import Originals
from search import Found

from kiban_operator import home as homes
from kiban_operator import keys, vault
from kiban_operator.circumstances import Circumstances
from kiban_operator.release import MEMBERS
from kiban_processing.transforms import dates
from kiban_processing.transforms import keys as pseudonyms

WINDOW = 26  # weeks, as the example's plan says
# Released table and column → the tables and items of the source that it comes from.
SOURCES: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "patients": {"death_date": (("patients", "death_date"), ("deaths", "death_date"))},
    "encounters": {"started_on": (("encounters", "started_on"),), "ended_on": (("encounters", "ended_on"),)},
    "diagnoses": {"diagnosed_on": (("diagnoses", "diagnosed_on"),), "ended_on": (("diagnoses", "ended_on"),)},
    "prescriptions": {"prescribed_on": (("prescriptions", "prescribed_on"),)},
    "laboratory_results": {"sampled_on": (("laboratory_results", "sampled_on"),)},
}


@dataclass(frozen=True, repr=False)
class Person:
    """One released person: the pseudonym, the shift in weeks, and the registrations (hospital, local patient ID)."""

    pseudonym: str
    weeks: int
    registrations: frozenset[tuple[str, str]]


def secret_map(home_path: Path, release: str, given: Originals) -> dict[str, Person]:
    """Pseudonym → person, from the keys in the home; what nobody but the operator can make."""
    home = homes.open_home(home_path, Circumstances(lambda: datetime.now(UTC), os.urandom, "system"))
    with home.transaction() as session:
        pseudonym = home.keyring.open(session, f"release/{release}/pseudonym")
        shift = home.keyring.open(session, f"release/{release}/shift")
        named = vault.patient_secret(session, home)
        chosen = [file for file in vault.files(session, vault.Shelf.RELEASED, table="members") if file.submission == release]
        members = vault.dataset(session, home, chosen, MEMBERS).to_table().to_pylist()
    home.engine.dispose()
    local = {
        keys.patient_key(named, hospital, row["local_patient_id"]): (hospital, row["local_patient_id"])
        for (hospital, table), rows in given.rows.items()
        if table == "patients"
        for row in rows
    }
    of_person: dict[str, set[tuple[str, str]]] = {}
    for member in members:
        of_person.setdefault(member["person"], set()).add(local[member["patient_key"]])
    found = {}
    for person, registrations in of_person.items():
        named_so = pseudonyms.pseudonym(pseudonym, person)
        found[named_so] = Person(named_so, dates.shift_weeks(shift, person, WINDOW), frozenset(registrations))
    return found


def days_of_source(given: Originals) -> dict[tuple[str, str, str, str], Counter[date]]:
    """(hospital, local patient ID, table, item) → the days in the source, and how often each."""
    found: dict[tuple[str, str, str, str], Counter[date]] = {}
    for (hospital, table), rows in given.rows.items():
        for row in rows:
            for item in originals.DATE_ITEMS & row.keys():
                if (day := originals.day_of(row[item])) is not None:
                    found.setdefault((hospital, row["local_patient_id"], table, item), Counter())[day] += 1
    return found


def judge(package: Path, people: dict[str, Person], source: dict[tuple[str, str, str, str], Counter[date]]) -> tuple[set[Found], int]:
    """Finds, and how many days were judged. A person's released days must be the source's days moved by the person's own shift, each as
    often as there: so every interval is exactly kept, and no day of a moved person is the true one but by the chance of another record."""
    found: set[Found] = set()
    judged = 0
    for path in sorted((package / "data" / "parquet").iterdir()):
        table = pq.read_table(path)
        names = [field.name for field in table.schema if str(field.type).startswith("date")]
        for name in names:
            if name not in SOURCES.get(path.stem, {}):
                found.add(Found(path.name, f"undeclared date column {name}"))
                continue
            released: dict[str, Counter[date]] = {}
            for person, day in zip(table.column("person").to_pylist(), table.column(name).to_pylist(), strict=True):
                if day is not None:
                    released.setdefault(person, Counter())[day] += 1
            for pseudonym, days in released.items():
                judged += days.total()
                if pseudonym not in people or not _is_moved(days, people[pseudonym], SOURCES[path.stem][name], source):
                    found.add(Found(path.name, f"a day of {name} that is not the source's day moved by the person's shift"))
    return found, judged


def _is_moved(
    days: Counter[date], person: Person, sources: tuple[tuple[str, str], ...], source: dict[tuple[str, str, str, str], Counter[date]]
) -> bool:
    moved: Counter[date] = Counter()
    for hospital, local_id in person.registrations:
        for table, item in sources:
            for day, number in source.get((hospital, local_id, table, item), Counter()).items():
                moved[day + timedelta(weeks=person.weeks)] += number
    return days <= moved
