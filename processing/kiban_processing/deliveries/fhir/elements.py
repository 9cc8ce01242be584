"""要素の値 (elements): texts, days and codes of a resource's elements; an element that is not built as FHIR says is `Misbuilt`, nothing is guessed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from kiban_processing.deliveries.fhir.systems import GRADES

Resource = dict[str, Any]
DAY = 10  # letters of YYYY-MM-DD


class Misbuilt(Exception):
    """A resource whose elements are not of the kind that FHIR gives them. Carries nothing, for the resource may hold anything."""


MISBUILT = (AttributeError, KeyError, TypeError, Misbuilt)
"""What reading a misbuilt resource raises: `get` of what is no object, a key of what is no text."""


def text(value: Any) -> str | None:
    """A scalar as text; numbers as the shortest text that reads back the same."""
    kind = type(value)
    if kind is str or value is None:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is float:
        return repr(value)
    raise Misbuilt


def day(value: Any) -> str | None:
    """The day of a date or instant as its writer's clock showed it; of an instant in UTC (`Z`), which no hospital's clock shows, Japan's day.

    >>> day("2021-07-05T15:38:59Z"), day("2021-07-05T15:38:59+09:00"), day("2018")
    ('2021-07-06', '2021-07-05', '2018')
    """
    if value is None:
        return None
    if type(value) is not str:
        raise Misbuilt
    if len(value) <= DAY or value[DAY] != "T":
        return value
    if value[11:13] >= "15" and (value[-1] == "Z" or value.endswith("+00:00")):
        try:
            return (date.fromisoformat(value[:DAY]) + timedelta(days=1)).isoformat()
        except (ValueError, OverflowError):
            return value
    return value[:DAY]


def code(concept: Any) -> str | None:
    """The first code of a CodeableConcept or Coding, or a plain code itself."""
    if type(concept) is str:
        return concept
    codings = concept.get("coding")
    if codings is None:
        return text(concept.get("code"))
    if type(codings) is not list:
        raise Misbuilt
    for coding in codings:
        found = text(coding.get("code"))
        if found is not None:
            return found
    return None


def listed_code(concept: Any, systems: frozenset[str]) -> str | None:
    """The first code of one of these systems."""
    for coding in listed(concept, "coding"):
        if coding.get("system") in systems:
            return text(coding.get("code"))
    return None


def grade(concept: Any) -> str | None:
    """The grade that a concept's codes mean, else its first code."""
    for coding in listed(concept, "coding"):
        found = GRADES.get((coding.get("system"), coding.get("code")))
        if found is not None:
            return found
    return code(concept)


def quantity(value: Any) -> str | None:
    """The number of a Quantity, after its comparator if it has one."""
    number, comparator = text(value.get("value")), text(value.get("comparator"))
    return number if comparator is None or number is None else comparator + number


def encounter(reference: Any) -> str | None:
    """The number under which the encounter is sent that a reference names; None for one inside the record, whose id is no number."""
    if type(reference) is not str:
        raise Misbuilt
    if reference.startswith("Encounter/"):
        return reference[10:].partition("/")[0]
    return reference if reference.startswith("urn:") else None


def listed(resource: Resource, name: str) -> list[Any]:
    """A list of the resource, empty where it has none."""
    found = resource.get(name)
    if found is None:
        return []
    if type(found) is not list:
        raise Misbuilt
    return found
