"""健診文書 (checkup document): one CDA document, from bytes to the few values that the catalogue takes; everything else in it is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as safe

from kiban_processing.deliveries.checkup import grounds, items
from kiban_processing.formats import findings

LARGEST = 16 << 20  # bytes; a checkup of everything has about 60 kB
CDA = "{urn:hl7-org:v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Identifiers of the person insured; source: the OID table of the file specification for specific health checkups.
INSURER, SYMBOL, NUMBER, BRANCH = (f"1.2.392.200119.6.{leaf}" for leaf in ("101", "204", "205", "211"))
TICKET = "1.2.392.200119.6.209"  # followed by the insurer's number
PATIENT_COLUMNS = (
    "insurer_number", "insured_symbol", "insured_number", "insured_branch", "name_kana", "birth_date", "sex", "postal_code", "address",
)  # fmt: skip
ASIDE = {"index": "ix08", "summary": "su08", "checkupClaim": "cc08"}
"""Other files of the same exchange, by the name of their root."""


@dataclass(frozen=True)
class Document:
    """What was found in one file. `aside`: it is of another kind of the exchange; `rule`: it is no checkup that can be used."""

    aside: str | None = None
    rule: findings.Rule | None = None
    told: int | None = None
    ticket: str = ""
    patient: dict[str, str] = field(default_factory=dict)
    checkup: dict[str, str] = field(default_factory=dict)
    value_rules: tuple[tuple[str, findings.Rule], ...] = ()

    @property
    def member(self) -> str:
        """保険者番号:記号:番号:枝番, as far as they are there; empty without insurer and number."""
        parts = [self.patient.get(name, "") for name in ("insurer_number", "insured_symbol", "insured_number", "insured_branch")]
        return ":".join(parts) if parts[0] and parts[2] else ""


def parse(data: bytes, file: str) -> Element:
    """The tree of a document; no DTD, no entities, nothing fetched. Refuses: xml-too-large, xml-forbidden, xml-encoding, xml-broken."""
    if len(data) > LARGEST:
        raise grounds.XML_TOO_LARGE.refuse(file=file, limit=LARGEST)
    try:
        found: Element = safe.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise grounds.XML_FORBIDDEN.refuse(file=file) from None
    except ParseError as error:
        line, column = error.position
        raise grounds.XML_BROKEN.refuse(file=file, line=line, column=column + 1) from None
    except (ValueError, LookupError):
        raise grounds.XML_ENCODING.refuse(file=file) from None
    return found


def read(root: Element) -> Document:
    """What the catalogue takes of a document.

    Values in an unexpected unit are left out and told. Not checked: the schema (XSD), items that no column takes, and whether the values
    agree with each other.
    """
    name = root.tag.rpartition("}")[2]
    if name in ASIDE:
        return Document(aside=ASIDE[name], told=_total(root) if name == "index" else None)
    if root.tag != CDA + "ClinicalDocument":
        return Document(rule=findings.NOT_OF_FORMAT)
    roles = root.findall(f"{CDA}recordTarget/{CDA}patientRole")
    if len(roles) != 1:
        return Document(rule=findings.PERSON_AMBIGUOUS if roles else findings.PERSON_MISSING)
    checked_on = _value(root.find(f"{CDA}documentationOf/{CDA}serviceEvent/{CDA}effectiveTime"))[:8]
    checkup, rules = _results(root, _date(checked_on))
    own = root.find(f"{CDA}id")
    if own is not None and own.get("extension") and own.get("nullFlavor") is None:
        checkup["checkup_id"] = own.get("extension", "")
    return Document(
        ticket=_ticket(root), patient=_patient(roles[0]), checkup={"checked_on": checked_on, **checkup}, value_rules=tuple(rules)
    )


def _total(root: Element) -> int | None:
    for element in root.iter():
        if element.tag.rpartition("}")[2] == "totalRecordCount":
            told = element.get("value", "").strip()
            return int(told) if told.isdecimal() and len(told) < 10 else None
    return None


def _patient(role: Element) -> dict[str, str]:
    ids = {one.get("root", ""): one.get("extension", "").strip() for one in role.findall(f"{CDA}id")}
    address = role.find(f"{CDA}addr")
    postal_code = role.find(f"{CDA}addr/{CDA}postalCode")
    gender = role.find(f"{CDA}patient/{CDA}administrativeGenderCode")
    found = {
        "insurer_number": ids.get(INSURER, ""),
        "insured_symbol": ids.get(SYMBOL, ""),
        "insured_number": ids.get(NUMBER, ""),
        "insured_branch": ids.get(BRANCH, ""),
        "name_kana": _text(role.find(f"{CDA}patient/{CDA}name")),
        "birth_date": _value(role.find(f"{CDA}patient/{CDA}birthTime"))[:8],
        "sex": gender.get("code", "").strip() if gender is not None else "",
        "postal_code": _text(postal_code),
        "address": _text(address, postal_code),
    }
    return {name: value for name, value in found.items() if value}


def _ticket(root: Element) -> str:
    for one in root.findall(f"{CDA}participant/{CDA}associatedEntity/{CDA}id"):
        oid = one.get("root", "")
        if oid == TICKET or oid.startswith(TICKET + "."):
            return one.get("extension", "").strip()
    return ""


def _results(root: Element, checked_on: date | None) -> tuple[dict[str, str], list[tuple[str, findings.Rule]]]:
    best: dict[str, tuple[int, str]] = {}
    rules: list[tuple[str, findings.Rule]] = []
    for column, rank, value in _observations(root):
        if column in best and best[column][0] <= rank:
            continue
        units = items.UNITS.get(column)
        unit = value.get("unit", "").strip()
        if units is not None and unit and unit not in units:
            rules.append((column, findings.UNIT_DISAGREES))
            continue
        if column == "findings":
            told = _text(value)
        elif column == "smoking":
            told = items.smoking(value.get("code", "").strip(), checked_on)
        else:
            told = value.get("value", "").strip()
        if told:
            best[column] = rank, told
    return {column: told for column, (_, told) in best.items()}, rules


def _observations(root: Element) -> Iterator[tuple[str, int, Element]]:
    """(column, rank, value) of every result that a column takes and that was measured."""
    for observation in root.iter(f"{CDA}observation"):
        code = observation.find(f"{CDA}code")
        if code is None or code.get("codeSystem", items.ITEM_CODES) != items.ITEM_CODES:
            continue
        place = items.PLACES.get(code.get("code", "").strip())
        value = observation.find(f"{CDA}value")
        if place is not None and value is not None and value.get("nullFlavor") is None and observation.get("negationInd") != "true":
            yield *place, value


def _value(element: Element | None) -> str:
    return element.get("value", "").strip() if element is not None else ""


def _text(element: Element | None, besides: Element | None = None) -> str:
    """The words of an element and what lies in it, but for those of one element."""
    if element is None:
        return ""
    without = set(besides.itertext()) if besides is not None else set()
    return "".join(piece for piece in element.itertext() if piece not in without).strip()


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
