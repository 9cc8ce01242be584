"""The hospitals' files as they were sent, read by the leak test's own reader, and every identifier value in them, by kind.

Nothing of kiban reads here but its dates (the forms in which a day is sent are its own test) and its normalisers, which are used to
write a name as kiban itself may write it; an independent fold stands beside them in `search`.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import jaconv

from kiban_processing.formats import dates
from kiban_processing.linkage import addresses, names

NAME, BIRTH, DAY, PHONE, EMAIL = "name", "date of birth", "exact date", "telephone number", "e-mail address"
INSURANCE, POSTAL, ADDRESS, MUNICIPALITY = "insurance number", "postal code", "address", "municipality"
PATIENT, LINKING, HOSPITAL, PHYSICIAN, WORDS = "local patient ID", "linking code", "hospital", "physician's name", "free text"

TAKEN_OUT = "*"  # stands for the columns that a mapping ignores
OF_ITEM = {
    "name_kanji": NAME, "name_kana": NAME, "phone": PHONE, "email": EMAIL, "postal_code": POSTAL, "address": ADDRESS,
    "insurer_number": INSURANCE, "insured_symbol": INSURANCE, "insured_number": INSURANCE, "insured_branch": INSURANCE,
    "local_patient_id": PATIENT, "encounter_id": LINKING, "diagnosis_id": LINKING, "prescription_id": LINKING, "result_id": LINKING,
    "procedure_id": LINKING, "checkup_id": LINKING, "facility_name": HOSPITAL, "physician_name": PHYSICIAN, TAKEN_OUT: WORDS,
}  # fmt: skip

DATE_ITEMS = frozenset(
    {
        "registered_on", "birth_date", "death_date", "started_on", "ended_on", "diagnosed_on", "prescribed_on", "sampled_on",
        "performed_on", "checked_on",
    }
)  # fmt: skip
_PLACE = re.compile(
    r"^(?P<prefecture>北海道|東京都|京都府|大阪府|..県|...県)?(?P<city>[^0-9]+?[市区町村])(?P<ward>[^0-9]{1,4}区)?(?P<rest>.+)$"
)
_TOWN = re.compile(r"^[^0-9一二三四五六七八九十]+")


@dataclass(repr=False)
class Originals:
    """All rows as sent. `rows`: (hospital, table) → item → text as sent; `values`: kind → texts as sent."""

    rows: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, text: str) -> None:
        if text:
            self.values.setdefault(kind, set()).add(text)


def read(folders: list[Path]) -> Originals:
    """Read some hospitals' folders (`hospital.toml`, one or more submissions)."""
    found = Originals()
    for folder in folders:
        hospital = tomllib.loads((folder / "hospital.toml").read_text("utf-8"))["hospital"]
        for value in (hospital["id"], hospital["name"], hospital["address"], hospital["representative"]):
            found.add(HOSPITAL, value)
        for submission in sorted(folder.glob("submission*")):
            _read_submission(found, submission)
    for (_, table), rows in found.rows.items():
        for row in rows:
            _note(found, table, row)
    return found


def _read_submission(found: Originals, folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text("utf-8"))["submission"]
    encoding = {"cp932": "cp932", "utf-8": "utf-8-sig"}[manifest["encoding"]]
    for entry in tomllib.loads((folder / "mapping.toml").read_text("utf-8"))["files"]:
        # Lines that the encoding does not fit are read with marks in the place of what is damaged: what is whole in them still counts.
        text = (folder / entry["file"]).read_bytes().decode(encoding, errors="replace").replace("\x1a", "")
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=entry.get("delimiter", ","))
        items = {source: to if isinstance(to, str) else to["item"] for source, to in entry["columns"].items()}
        kept = found.rows.setdefault((manifest["hospital"], entry["table"]), [])
        for row in rows:
            kept.append({items.get(source, TAKEN_OUT): plain(text) for source, text in row.items() if source and isinstance(text, str)})


def plain(text: str) -> str:
    """The cell without the marks of a spreadsheet."""
    text = text.strip("\u3000 \t\r\n")
    return text[2:-1] if text.startswith('="') and text.endswith('"') else text


def day_of(text: str) -> date | None:
    return dates.parse_date(text) if text else None


def _note(found: Originals, table: str, row: dict[str, str]) -> None:
    for item, text in row.items():
        if item in DATE_ITEMS:
            found.add(BIRTH if item == "birth_date" else DAY, text)
        elif item == "address":
            for kind, part in parts_of_address(text):
                found.add(kind, part)
        elif item in OF_ITEM:
            found.add(OF_ITEM[item], text)


def parts_of_address(text: str) -> list[tuple[str, str]]:
    """The address whole, from the municipality on, below it, and its town and building alone; and the municipality, which is of another level."""
    found = [(ADDRESS, text)]
    matched = _PLACE.match(text)
    if matched is None:
        return found
    city = matched["city"] + (matched["ward"] or "")
    found += [(MUNICIPALITY, matched["city"]), (MUNICIPALITY, city), (ADDRESS, city + matched["rest"]), (ADDRESS, matched["rest"])]
    street, _, building = matched["rest"].partition("\u3000")
    found += [(ADDRESS, street), (ADDRESS, building)]
    if (town := _TOWN.match(jaconv.z2h(street, kana=False, digit=True))) and len(town[0]) >= 3:
        # Towns of one or two characters (宮本, 前原) are surnames and common words as well: they are searched with their numbers only.
        found.append((ADDRESS, town[0]))
    return found


def writings(kind: str, text: str) -> set[str]:
    """The ways in which a value may be written by whoever leaks it."""
    found = {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD"))}
    if kind in (NAME, PHYSICIAN, HOSPITAL, ADDRESS):
        found |= {re.sub(r"\s+", joint, one) for one in tuple(found) for joint in ("", " ", "\u3000", "・", ",")}
    if kind in (NAME, PHYSICIAN):
        found |= _kana(found) | _folded_name(text)
    if kind == ADDRESS:
        found |= {jaconv.h2z(one, kana=True, ascii=True, digit=True) for one in tuple(found)}
        read_by_kiban = addresses.read(text)
        if read_by_kiban is not None:
            found |= {read_by_kiban.town, f"{read_by_kiban.town}{read_by_kiban.numbers or ''}"}
    if kind in (PHONE, POSTAL, INSURANCE):
        found |= {re.sub(r"[^0-9A-Za-z\u3040-\u9fff]", "", one) for one in tuple(found)}
    if kind == POSTAL:
        found |= {f"{one[:3]}-{one[3:]}" for one in tuple(found) if len(one) == 7 and one.isascii() and one.isdigit()}
    if kind in (BIRTH, DAY):
        found |= _days(text)
    return {one for one in found if one}


def _kana(written: set[str]) -> set[str]:
    full = {jaconv.h2z(one, kana=True, ascii=False, digit=False) for one in written}
    return full | {jaconv.z2h(one, kana=True) for one in full} | {jaconv.kata2hira(one) for one in full}


def _folded_name(text: str) -> set[str]:
    found = set()
    for script in ("kanji", "kana"):
        name = names.read(text, script)  # type: ignore[arg-type]
        if name is not None:
            found |= {name.full, name.wide}
            if name.surname and name.given:
                found |= {name.surname + joint + name.given for joint in ("", " ")}
    return found


def _days(text: str) -> set[str]:
    """A day in the forms that programs and clerks write."""
    day = day_of(text)
    if day is None:
        return set()
    found = {day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%Y.%m.%d}", f"{day:%Y%m%d}", f"{day.year}/{day.month}/{day.day}"}
    found |= {f"{day.year}年{day.month}月{day.day}日", f"{day:%m/%d/%Y}", f"datetime.date({day.year}, {day.month}, {day.day})"}
    for letter, name in (("R", "令和"), ("H", "平成"), ("S", "昭和"), ("T", "大正")):
        first, last = dates.ERAS[letter]
        if first <= day <= last:
            year = day.year - dates.FIRST_YEARS[letter] + 1
            found |= {f"{letter}{year:02d}.{day.month:02d}.{day.day:02d}", f"{letter}{year}.{day.month}.{day.day}"}
            found |= {f"{name}{year}年{day.month}月{day.day}日", f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"}
    return found
