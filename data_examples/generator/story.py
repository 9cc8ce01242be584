"""全体 (story): everything under `data_examples/hospitals`, `cases.toml` and `truth.csv` from one seed, as bytes by path."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import tomli_w
from faker import Faker

from generator import cases, dates, files, hospitals, illnesses, layouts, people, records, registrations
from generator.files import Files
from generator.hospitals import Hospital
from generator.records import History, Row, Rows
from generator.registrations import Notice, Registration

SEED = 20260401
LATER_FROM, LATER_TO = date(2025, 4, 1), date(2025, 9, 30)
LATER_NEW, LATER_KNOWN = 8, 30
_REMARKS = {
    "備考": ("", "", "", "", "", "紹介状あり", "家族と同居", "送迎要"),
    "主治医メモ": ("", "", "", "", "服薬良好", "転居予定", "独居"),
}


def tell(seed: int = SEED) -> Files:
    """All files by path below `data_examples`; the same seed gives the same bytes."""
    fake = Faker("ja_JP")
    fake.seed_instance(seed)
    planted = cases.plant(Random(f"{seed}/cases"), fake)
    drawn = registrations.ordinary(Random(f"{seed}/people"), fake, planted)
    found = registrations.numbered(Random(f"{seed}/numbers"), planted + drawn)
    made: Files = {}
    damaged: list[dict[str, object]] = []
    later: list[Registration] = []
    for hospital in hospitals.HOSPITALS.values():
        here = [registration for registration in found if registration.hospital == hospital.id]
        folder = f"hospitals/{hospital.id.lower()}"
        physicians = _physicians(fake, hospital)
        numbers: dict[str, int] = {}
        rows = _rows(seed, hospital, here, physicians, dates.PERIOD_FROM, dates.PERIOD_TO, numbers)
        damage = _damage(hospital, here, rows, damaged)
        sent = files.submission(hospital, rows, _remarks(seed, hospital, rows), dates.PERIOD_FROM, dates.PERIOD_TO, damage)
        made |= {f"{folder}/submission/{name}": content for name, content in sent.items()}
        made[f"{folder}/hospital.toml"] = tomli_w.dumps(hospitals.particulars(hospital), multiline_strings=False).encode()
        made[f"{folder}/notices.csv"] = files.notices(here)
        made[f"{folder}/stops.csv"] = files.stops(here)
        if hospital.id == "H002":
            later = _later(seed, fake, here)
            made |= _later_delivery(seed, hospital, later, here, physicians, numbers, folder)
    made["cases.toml"] = tomli_w.dumps({"today": dates.TODAY, "cases": cases.entries(found, damaged)}).encode()
    made["truth.csv"] = files.truth([*found, *later])
    return made


def _physicians(fake: Faker, hospital: Hospital) -> dict[str, str]:
    """One physician per department, as many different ones as the hospital has."""
    names = [str(fake.name()).replace(" ", "　") for _ in range(hospital.physicians)]
    departments = sorted({illness.department for illness in (*illnesses.ILLNESSES, illnesses.RARE)})
    return {department: names[number % len(names)] for number, department in enumerate(departments)}


def _rows(
    seed: int,
    hospital: Hospital,
    here: list[Registration],
    physicians: dict[str, str],
    first: date,
    last: date,
    numbers: dict[str, int],
) -> Rows:
    """The rows of one delivery; every registration has a stream of chance of its own, so that a change of one leaves the others as they are."""
    held = {file.table for file in layouts.LAYOUTS[hospital.id].files}
    rows: Rows = {name: [] for name in records.TABLES}
    for registration in here:
        chance = Random(f"{seed}/records/{hospital.id}/{registration.person.key}/{first}")
        history = History(chance, registration, physicians, hospital.name, first, last)
        for illness in registration.illnesses:
            history.follow(illness)
        goes = chance.random() < 0.5 or registration.case == "item-not-in-notice"
        if "health_checkups" in held and goes:
            history.checkups(findings=hospital.id == "H003")
        if "deaths" in held:
            history.end()
        history.rows["patients"].append(records.patient(registration) | layouts.identity(registration))
        for name in held:
            rows[name].extend(history.rows[name])
    return records.in_order(rows, numbers)


def _remarks(seed: int, hospital: Hospital, rows: Rows) -> dict[str, list[str]]:
    chance = Random(f"{seed}/remarks/{hospital.id}")
    return {header: [chance.choice(choices) for _ in rows["patients"]] for header, choices in _REMARKS.items()}


def _damage(hospital: Hospital, here: list[Registration], rows: Rows, damaged: list[dict[str, object]]) -> dict[str, tuple[str, int]]:
    """Choose the lines that are broken; only lines of ordinary registrations that pass the gate, so that no case hides another."""
    ordinary = {r.local_id for r in here if not r.case and r.stop is None and r.notice is not None and r.person.died is None}
    layout = layouts.LAYOUTS[hospital.id]
    wanted = {"H001": {"undecodable-row": "手術.csv", "impossible-date": "病名.csv"}, "H002": {"wrong-column-count": "処方オーダ.csv"}}
    damage: dict[str, tuple[str, int]] = {}
    for case, name in wanted.get(hospital.id, {}).items():
        table = next(file.table for file in layout.files if file.name == name)
        candidates = rows[table]
        number = next(n for n in range(len(candidates) // 2, len(candidates)) if candidates[n]["local_patient_id"] in ordinary)
        row: Row = candidates[number]
        if case == "impossible-date":
            row["diagnosed_on"] = "20230230"
        damage[case] = (name, number + 1)
        damaged.append(
            {"case": case, "hospital": hospital.id, "local_patient_id": row["local_patient_id"], "file": name, "source_row": number + 1}
        )
    return damage


def _later(seed: int, fake: Faker, here: list[Registration]) -> list[Registration]:
    """The persons who came to H002 after the first delivery."""
    chance = Random(f"{seed}/later")
    highest = max(int(registration.local_id) for registration in here)
    made = []
    for number in range(1, LATER_NEW + 1):
        person = replace(people.draw(chance, fake, f"N{number:02d}", "H002"), died=None)
        ill = illnesses.draw(chance, person, "H002", chance.randint(1, 2))
        given_on = date(2026, 10, number + 1)
        guardian = given_on if dates.age(person.born, given_on) < 16 else None
        notice = Notice(registrations.version_of("H002"), given_on, "paper", guardian)
        registered_on = dates.on_weekday(dates.draw(chance, LATER_FROM, date(2025, 7, 31)))
        made.append(Registration("H002", person, registered_on, ill, notice, local_id=f"{highest + number * 7:07d}"))
    return made


def _later_delivery(
    seed: int,
    hospital: Hospital,
    new: list[Registration],
    here: list[Registration],
    physicians: dict[str, str],
    numbers: dict[str, int],
    folder: str,
) -> Files:
    """The delivery of December 2026: the new persons, and what came new of some known ones."""
    chance = Random(f"{seed}/returning")
    alive = [r for r in here if r.person.died is None and not r.case and any(illness.chronic for illness in r.illnesses)]
    returning = sorted(chance.sample(alive, LATER_KNOWN), key=lambda r: r.local_id)
    rows = _rows(seed, hospital, returning + new, physicians, LATER_FROM, LATER_TO, numbers)
    sent = files.submission(hospital, rows, _remarks(seed, hospital, rows), LATER_FROM, LATER_TO, {})
    made = {f"{folder}/submission-2026-12/{name}": content for name, content in sent.items()}
    made[f"{folder}/notices-2026-12.csv"] = files.notices(new)
    return made
