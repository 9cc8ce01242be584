"""患者登録・通知・停止 (registrations): which hospital knows which person, when they were notified, and who asked to stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from faker import Faker

from generator import dates, illnesses, people, places
from generator.illnesses import Illness
from generator.people import Person

HOSPITALS = ("H001", "H002", "H003")
PER_HOSPITAL = 300
# how many ordinary persons two hospitals share; with the planted pairs 60 in all
_SHARED = {("H001", "H002"): 24, ("H002", "H003"): 18, ("H001", "H003"): 14}
_MEANS = {"H001": ("paper", "paper", "paper", "post", "electronic"), "H002": ("paper", "paper", "post"), "H003": ("paper",)}
_NOT_NOTIFIED = 0.03
_STOPS = 0.007
NOTICES_FROM, NOTICES_TO = date(2026, 4, 1), date(2026, 9, 30)
_DEMENTIA = "G30.9"


@dataclass(frozen=True)
class Notice:
    """One individual notice (通知), to the person and, where the law asks for it, to the guardian."""

    version: str
    given_on: date
    means: str = "paper"
    guardian_given_on: date | None = None
    lacks_capacity: bool = False


@dataclass(frozen=True)
class Stop:
    """One request to stop (停止の求め)."""

    requested_on: date
    channel: str = "window"
    requester: str = "person"


@dataclass(frozen=True)
class Registration:
    """One person at one hospital; `case` names the planted case, `local_id` is set when all are known."""

    hospital: str
    person: Person
    registered_on: date
    illnesses: tuple[Illness, ...]
    notice: Notice | None
    stop: Stop | None = None
    local_id: str = ""
    case: str = ""
    birth_date_known: bool = True


def version_of(hospital: str) -> str:
    """The version of the notice the hospital hands out."""
    return f"{hospital}-A-2026-04"


def draw_notice(chance: Random, hospital: str, person: Person, ill: tuple[Illness, ...]) -> Notice | None:
    """The notice as it mostly was: nobody who had died, nobody who did not come, children and demented persons with their guardian."""
    given_on = dates.on_weekday(dates.draw(chance, NOTICES_FROM, NOTICES_TO))
    means = chance.choice(_MEANS[hospital])
    absent = chance.random() < _NOT_NOTIFIED
    dependent = any(illness.icd10 == _DEMENTIA for illness in ill) and chance.random() < 0.5
    if absent or (person.died is not None and person.died <= given_on):
        return None
    guarded = dependent or dates.age(person.born, given_on) < 16
    return Notice(version_of(hospital), given_on, means, given_on if guarded else None, dependent)


def draw_stop(chance: Random, person: Person, notice: Notice | None) -> Stop | None:
    """A few of the notified ask to stop, some days later."""
    if chance.random() >= _STOPS or notice is None or person.died is not None:
        return None
    on = min(notice.given_on + timedelta(days=chance.randint(0, 40)), dates.TODAY - timedelta(days=20))
    requester = "guardian" if notice.guardian_given_on else "person"
    return Stop(dates.on_weekday(on), chance.choice(("window", "window", "telephone", "post")), requester)


def draw(chance: Random, hospital: str, person: Person) -> Registration:
    """An ordinary registration of a person at a hospital."""
    latest = max(person.first_seen, min(person.last_seen - timedelta(days=200), date(2024, 6, 30)))
    registered_on = dates.on_weekday(min(dates.draw(chance, person.first_seen, latest), dates.draw(chance, person.first_seen, latest)))
    ill = illnesses.draw(chance, person, hospital, chance.choices((1, 2, 3, 4), (24, 36, 27, 13))[0])
    notice = draw_notice(chance, hospital, person, ill)
    return Registration(hospital, person, registered_on, ill, notice, draw_stop(chance, person, notice))


def seen_elsewhere(chance: Random, person: Person) -> Person:
    """What a second hospital knows of the same person: some have moved, changed telephone or insurer in between."""
    if chance.random() < 0.22:
        person = replace(person, home=places.draw_home(chance))
    if chance.random() < 0.12:
        person = replace(person, phone=people.draw_phone(chance))
    if chance.random() < 0.15:
        person = replace(person, insurance=people.draw_insurance(chance, person.born))
    return person if chance.random() < 0.7 else replace(person, email="")


def ordinary(chance: Random, fake: Faker, planted: list[Registration], per_hospital: int = PER_HOSPITAL) -> list[Registration]:
    """As many ordinary registrations as bring each hospital to its number, the shared persons among them."""
    made: list[Registration] = []
    room = {h: per_hospital - sum(1 for r in planted if r.hospital == h) for h in HOSPITALS}
    number = 0

    def next_person(hospital: str) -> Person:
        nonlocal number
        number += 1
        return people.draw(chance, fake, f"P{number:04d}", hospital)

    for (first, second), count in _SHARED.items():
        for _ in range(count):
            person = next_person(second)
            made.append(draw(chance, first, person))
            made.append(draw(chance, second, seen_elsewhere(chance, person)))
            room[first] -= 1
            room[second] -= 1
    for hospital in HOSPITALS:
        before: Person | None = None
        for _ in range(room[hospital]):
            person = next_person(hospital)
            if before is not None and chance.random() < 0.15:
                person = people.join_household(chance, person, before)
            made.append(draw(chance, hospital, person))
            before = person
    return made


def numbered(chance: Random, found: list[Registration]) -> list[Registration]:
    """The registrations with the hospital's own numbers, given in the order of registration."""
    numbers = {"H001": 412_000, "H002": 1_203_400, "H003": 0}
    widths = {"H001": 8, "H002": 7, "H003": 4}
    steps = {"H001": 41, "H002": 23, "H003": 6}
    done = []
    for registration in sorted(found, key=lambda r: (r.hospital, r.registered_on, r.person.key)):
        hospital = registration.hospital
        numbers[hospital] += chance.randint(1, steps[hospital])
        done.append(replace(registration, local_id=f"{numbers[hospital]:0{widths[hospital]}d}"))
    return done
