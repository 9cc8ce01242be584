"""並べて見る (side by side): the registrations of a doubt, field by field with what agrees, for the data officer's eyes only.

Read from the vault through the same gate as a linkage: whoever may not be used today is not shown. What is read is handed to the terminal
of the officer who acts, and to nothing else: no log, no file, no ledger entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from kiban_operator import people, roles, workshop
from kiban_operator.home import Home
from kiban_operator.persons import doubts, settlement, usable
from kiban_operator.persons.doubts import Answer, Doubt
from kiban_operator.persons.register import Registration
from kiban_processing.language import Text
from kiban_processing.linkage import keys

# Which of the model's comparable values stands for a field; fields of one insurance number are compared as one.
_COMPARED = {
    "name_kanji": "kanji_wide", "name_kana": "kana_wide", "birth_date": "dob", "sex": "sex", "postal_code": "postal", "address": "address",
    "phone": "phone", "insurer_number": "insurance", "insured_symbol": "insurance", "insured_number": "insurance", "insured_branch": "branch",
}  # fmt: skip
_NAMED = ("name_kanji", "name_kana", "address", "phone", "insurer_number", "insured_symbol", "insured_number", "birth_date", "postal_code")


class Agreement(StrEnum):
    """一致の度合い, over all registrations shown: written alike, alike but for the writing, different, or not to be compared."""

    EQUAL = "equal"
    WRITTEN_OTHERWISE = "written-otherwise"
    DIFFERENT = "different"
    MISSING = "missing"


AGREEMENTS: dict[Agreement, Text] = {
    Agreement.EQUAL: Text("一致", "equal"),
    Agreement.WRITTEN_OTHERWISE: Text("表記を除き一致", "equal but for the writing"),
    Agreement.DIFFERENT: Text("異なる", "different"),
    Agreement.MISSING: Text("比較できない", "not comparable"),
}


@dataclass(frozen=True)
class Field:
    """One field; `values` in the order of the registrations shown."""

    name: str
    values: tuple[str | None, ...]
    agreement: Agreement


@dataclass(frozen=True)
class SideBySide:
    """並べた登録, in the order of their hospitals. `fields`: in the order of the catalogue."""

    doubt: Doubt
    registrations: tuple[str, ...]
    hospitals: tuple[str, ...]
    fields: tuple[Field, ...]


def show(home: Home, doubt_id: str) -> SideBySide:
    """The doubt's registrations side by side. Refuses: act-not-allowed, unknown-case, doubt-registration-gone."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.LOOK_AT_DOUBT)
        doubt = doubts.load(session, doubt_id)
    return _read(home, doubt)


def values(home: Home, registrations: Sequence[str]) -> list[str | None]:
    """Everything some registrations hold that a reason must not quote; of those that may not be read, nothing. Refuses: act-not-allowed."""
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.LOOK_AT_DOUBT)
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        usable.lay_out(home, con, registrations)
        rows = con.execute(f"SELECT {', '.join(_NAMED)} FROM registrations").fetchall()
    return [_written(value) for row in rows for value in row]


def values_of_person(home: Home, person: str) -> list[str | None]:
    """`values` of all registrations of a person now."""
    with home.transaction() as session:
        registrations = list(session.scalars(sa.select(Registration.patient_key).where(Registration.person == person)))
    return values(home, registrations)


def decide(home: Home, doubt_id: str, answer: Answer, reason: str, apart: Sequence[int] = ()) -> Doubt:
    """Give one's own answer, after a last look whether the registrations may still be used today.

    `apart`: numbers, from 1, of the registrations shown that are somebody else. Refuses: what `show` and `settlement.decide` refuse.
    """
    seen = show(home, doubt_id)
    members = seen.registrations
    if any(not 1 <= number <= len(members) for number in apart):
        raise settlement.ANSWER_INCOMPLETE.refuse(aggregate=f"doubt/{doubt_id}")
    others = [members[number - 1] for number in apart]
    quoted = [value for field in seen.fields if field.name in _NAMED for value in field.values]
    with home.transaction() as session:
        return settlement.decide(session, home.circumstances, doubt_id, answer, reason, others, quoted)


def _read(home: Home, doubt: Doubt) -> SideBySide:
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        usable.lay_out(home, con, doubt.registrations)
        rows = _by_registration(con.execute("SELECT * FROM registrations").to_arrow_table().to_pylist())
        if set(rows) != set(doubt.registrations):
            raise settlement.REGISTRATION_GONE.refuse(aggregate=f"doubt/{doubt.id}")
        compared = keys.normalise_relation(con, "registrations")
        columns = ", ".join(dict.fromkeys(_COMPARED.values()))
        alike = _by_registration(con.execute(f"SELECT registration, {columns} FROM {compared}").to_arrow_table().to_pylist())
    order = sorted(doubt.registrations, key=lambda key: (rows[key]["site_id"], key))
    shown, normal = [rows[key] for key in order], [alike[key] for key in order]
    fields = [
        Field(name, tuple(_written(row[name]) for row in shown), _agreement([row[name] for row in shown], [row[_COMPARED[name]] for row in normal]))
        for name in _COMPARED
    ]  # fmt: skip
    return SideBySide(doubt, tuple(order), tuple(row["site_id"] for row in shown), tuple(fields))


def _by_registration(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["registration"]: row for row in rows}


def _agreement(written: list[Any], normal: list[Any]) -> Agreement:
    if any(value is None for value in written):
        return Agreement.MISSING
    if len(set(written)) == 1:
        return Agreement.EQUAL
    return Agreement.WRITTEN_OTHERWISE if None not in normal and len(set(normal)) == 1 else Agreement.DIFFERENT


def _written(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else value
