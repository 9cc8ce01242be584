"""患者 (patients): which number a hospital gives a Patient, which references mean it, and the rows it gives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from kiban_processing.deliveries.fhir import systems
from kiban_processing.deliveries.fhir.elements import Resource, day, listed, text

COLUMNS = (
    "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone", "email", "death_date",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
Row = list[Any]
OWN_ID = "\x1f"
"""Before a local ID that is only the resource's id: such ids stand only where no patient of the delivery has a number of the hospital."""
_KANA = re.compile(r"[\s・゛-ヿ･-ﾟ々ー－-]+")
_PAST = frozenset({"old", "maiden", "temp", "nickname", "anonymous"})


class Ambiguous(Exception):
    """A patient with more than one number of the hospital."""


def local_id(patient: Resource) -> str | None:
    """The number by which the hospital knows the patient, else the id of the resource marked `OWN_ID`; None where there is neither.

    Looked for, in turn: the number of JP Core, that of 電子カルテ情報共有サービス, an identifier of the type "medical record number".
    Raises `Ambiguous` where two numbers of the same rank differ, and `MISBUILT`.
    """
    ranks: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for identifier in listed(patient, "identifier"):
        value = text(identifier.get("value"))
        rank = _rank(identifier)
        if value and rank is not None:
            ranks[rank].add(value)
    for found in ranks:
        if len(found) > 1:
            raise Ambiguous
        if found:
            return found.pop()
    own = text(patient.get("id"))
    return OWN_ID + own if own else None


def _rank(identifier: Resource) -> int | None:
    system = text(identifier.get("system"))
    if system is not None:
        if is_hospital_system(system):
            return 0
        if system in systems.HOSPITAL_PATIENT_PLAIN:
            return 1
    for coding in listed(identifier.get("type") or {}, "coding"):
        if (coding.get("system"), coding.get("code")) == systems.MEDICAL_RECORD_TYPE:
            return 2
    return None


def is_hospital_system(system: str) -> bool:
    return system.startswith(systems.HOSPITAL_PATIENT) and system[len(systems.HOSPITAL_PATIENT) :].isdecimal()


def references(patient: Resource, full_url: str | None) -> Iterator[str]:
    """What a reference to this patient may say, as keys of `People`."""
    own = text(patient.get("id"))
    if own:
        yield "Patient/" + own
    if full_url:
        yield "url:" + full_url
    for member in _members(patient):
        yield "member:" + member


def named_by(identifier: Resource) -> str | None:
    """The key of a reference that gives an identifier instead of an address; `=…` where that is the hospital's number itself."""
    system, value = text(identifier.get("system")), text(identifier.get("value"))
    if not system or not value:
        return None
    if is_hospital_system(system) or system in systems.HOSPITAL_PATIENT_PLAIN:
        return "=" + value
    return "member:" + member(value) if system in systems.MEMBER else None


def member(value: str) -> str:
    """An insured identifier in one width."""
    return unicodedata.normalize("NFKC", value)


def _members(patient: Resource) -> Iterator[str]:
    for identifier in listed(patient, "identifier"):
        value = text(identifier.get("value"))
        if value and identifier.get("system") in systems.MEMBER:
            yield member(value)


def row(patient: Resource) -> tuple[Row, bool]:
    """The cells of `COLUMNS`, and whether the patient is known to have died."""
    kanji, kana = _names(patient)
    postal_code, address = _address(patient)
    died = patient.get("deceasedDateTime")
    parts = next((found for one in _members(patient) if len(found := one.split(":")) == 4), ["", "", "", ""])
    cells = [
        kanji, kana, day(patient.get("birthDate")), text(patient.get("gender")), postal_code, address,
        _contact(patient, "phone"), _contact(patient, "email"), day(died), *parts,
    ]  # fmt: skip
    return cells, died is not None or patient.get("deceasedBoolean") is True


def _names(patient: Resource) -> tuple[str | None, str | None]:
    """(kanji, kana): by representation where it is said, else by the letters; names of the past only where there is no other."""
    names = listed(patient, "name")
    current = [name for name in names if name.get("use") not in _PAST] or names
    found: dict[str, str] = {}
    for name in current:
        whole = _whole(name)
        if whole:
            found.setdefault(_representation(name) or ("SYL" if _KANA.fullmatch(whole) else "IDE"), whole)
    return found.get("IDE") or found.get("ABC"), found.get("SYL")


def _whole(name: Resource) -> str | None:
    whole = text(name.get("text"))
    if whole:
        return whole
    parts = [text(name.get("family")), *(text(given) for given in listed(name, "given"))]
    return " ".join(part for part in parts if part) or None


def _representation(name: Resource) -> str | None:
    for extension in listed(name, "extension"):
        if extension.get("url") == systems.REPRESENTATION:
            code = text(extension.get("valueCode"))
            return code if code in ("IDE", "SYL", "ABC") else None
    return None


def _address(patient: Resource) -> tuple[str | None, str | None]:
    addresses = listed(patient, "address")
    current = [one for one in addresses if one.get("use") not in _PAST and one.get("use") != "billing"] or addresses
    if not current:
        return None, None
    one = current[0]
    lines = [text(one.get("state")), text(one.get("city")), *(text(line) for line in listed(one, "line"))]
    return text(one.get("postalCode")), text(one.get("text")) or "".join(part for part in lines if part) or None


def _contact(patient: Resource, system: str) -> str | None:
    for one in listed(patient, "telecom"):
        if one.get("system") == system and one.get("use") not in _PAST:
            found = text(one.get("value"))
            if found:
                return found
    return None
