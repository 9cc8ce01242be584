"""人 (people): the invented persons, their homes, telephones and insurance, and what one hospital knows of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from faker import Faker

from generator import dates, names, places
from generator.names import Name
from generator.places import Home

_ELDERLY = 75
_BANDS = {  # age on TODAY → weight, per kind of hospital
    "H001": (((2, 15), 6), ((16, 39), 16), ((40, 59), 28), ((60, 74), 30), ((75, 96), 20)),
    "H002": (((2, 15), 11), ((16, 39), 18), ((40, 59), 25), ((60, 74), 26), ((75, 98), 20)),
    "H003": (((2, 15), 16), ((16, 39), 22), ((40, 59), 27), ((60, 74), 21), ((75, 94), 14)),
}


@dataclass(frozen=True)
class Insurance:
    """被保険者証: insurer number with its check digit, symbol, number and branch; the elderly have a number only."""

    insurer: str
    symbol: str
    number: str
    branch: str


@dataclass(frozen=True)
class Person:
    """One person as one hospital knows them; `key` is the truth that joins what two hospitals know."""

    key: str
    surname: Name
    given: Name
    sex: str
    born: date
    home: Home
    phone: str
    email: str
    insurance: Insurance
    died: date | None = None

    @property
    def first_seen(self) -> date:
        """The first day on which a hospital can have a record."""
        return max(dates.PERIOD_FROM, self.born)

    @property
    def last_seen(self) -> date:
        """The last day on which a hospital can have a record."""
        return min(dates.PERIOD_TO, self.died or dates.PERIOD_TO)


def insurer_number(digits: str) -> str:
    """The digits with their check digit: weights 2 and 1 from the right, the digits of each product added, up to the next ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += sum(int(d) for d in str(int(digit) * (2 if place % 2 == 0 else 1)))
    return f"{digits}{-total % 10}"


_SOCIETIES = tuple(insurer_number(f"0612{n}") for n in (903, 917, 926, 934, 948, 951, 967, 972))
_MUNICIPAL = tuple(insurer_number(f"12{n}") for n in (904, 913, 922, 931, 946))
_LATE_ELDERLY = insurer_number("3912990")


def draw_insurance(chance: Random, born: date) -> Insurance:
    """Insurance as it stands on TODAY: the late-elderly scheme from 75, else a health insurance society or the municipality."""
    if dates.age(born, dates.TODAY) >= _ELDERLY:
        return Insurance(_LATE_ELDERLY, "", f"{chance.randint(1_000_000, 9_999_998):07d}{chance.randint(0, 9)}", "")
    if chance.random() < 0.62:
        return Insurance(chance.choice(_SOCIETIES), str(chance.randint(101, 8999)), str(chance.randint(1, 99_999)), "00")
    return Insurance(
        chance.choice(_MUNICIPAL), f"{chance.choice('船習八市鎌')}{chance.randint(1, 99)}", f"{chance.randint(1, 9_999_999):07d}", "01"
    )


def draw_phone(chance: Random) -> str:
    """A telephone number that nobody can have: subscriber numbers do not begin with 0."""
    if chance.random() < 0.7:
        return f"{chance.choice(('090', '080', '070'))}-0{chance.randint(0, 999):03d}-{chance.randint(0, 9999):04d}"
    return f"047-0{chance.randint(0, 99):02d}-{chance.randint(0, 9999):04d}"


def draw(chance: Random, fake: Faker, key: str, hospital: str) -> Person:
    """A person of the kind that goes to this hospital."""
    bands = _BANDS[hospital]
    (youngest, oldest), _ = chance.choices(bands, [weight for _, weight in bands])[0]
    year = dates.TODAY.year - chance.randint(youngest, oldest)
    sex = "male" if chance.random() < 0.48 else "female"
    born = dates.draw(chance, date(year, 1, 1), date(year, 12, 28))
    died = None
    if chance.random() < {True: 0.14, False: 0.008}[dates.age(born, dates.TODAY) >= 72]:
        died = dates.draw(chance, date(2018, 1, 1), date(2026, 10, 31))
    return Person(
        key=key,
        surname=names.draw_surname(chance),
        given=names.draw_given(chance, sex, year),
        sex=sex,
        born=born,
        home=places.draw_home(chance),
        phone=draw_phone(chance),
        email=str(fake.ascii_safe_email()) if chance.random() < 0.4 else "",
        insurance=draw_insurance(chance, born),
        died=died,
    )


def join_household(chance: Random, person: Person, other: Person) -> Person:
    """The person as a member of the other's household: surname, home and telephone, and the insurance with the next branch."""
    insurance = person.insurance
    if insurance.branch and other.insurance.branch:
        insurance = replace(other.insurance, branch=f"{int(other.insurance.branch) + 1:02d}")
    phone = other.phone if chance.random() < 0.5 else person.phone
    return replace(person, surname=other.surname, home=other.home, phone=phone, insurance=insurance)
