"""取出し (takes): the notation of the segment table becomes functions that take one text out of a message's segments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from kiban_processing.deliveries.ssmix2 import results
from kiban_processing.deliveries.ssmix2.messages import unescape
from kiban_processing.deliveries.ssmix2.segment_table import Field

Segments = Mapping[str, list[str]]
"""Segments that one row sees, by name; `@` is what the place says, as fields in the order of `PLACE`."""
Take = Callable[[Segments], str]

PLACE = ("", "patient", "day", "department", "row", "ordered", "administered")
_SOURCE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>\d+)(\[(?P<key>\d+)=(?P<value>[^\]]*)\])?(\.(?P<component>\d+)(\.(?P<sub>\d+))?)?"
)
_NULL = '""'


def compiled(field: Field) -> Take:
    """The function for one item."""
    takes = [RULES[field.rule](source, field.systems) for source in field.sources]
    if len(takes) == 1:
        return takes[0]

    def first(segments: Segments) -> str:
        for take in takes:
            if text := take(segments):
                return text
        return ""

    return first


def component(source: str) -> Take:
    """A component's text (the first where none is named), escapes undone; HL7's `""` (deleted) is nothing."""
    if source.startswith("@"):
        place = PLACE.index(source[1:])
        return lambda segments: segments["@"][place]
    segment, number, wanted, key = _parts(source)
    name, sub = wanted

    def take(segments: Segments) -> str:
        fields = segments.get(segment)  # as `_field`, written out here, for this is called more than all the rest
        if fields is None or len(fields) <= number or not (text := fields[number]):
            return ""
        if key is not None or "~" in text:
            text = _repetition(text, key)
        if name > 1 or "^" in text:
            text = _nth(text, "^", name)
        if sub:
            text = _nth(text, "&", sub)
        return unescape(text) if "\\" in text else "" if text == _NULL else text

    return take


def _text(source: str, systems: tuple[str, ...]) -> Take:
    return component(source)


def _day(source: str, systems: tuple[str, ...]) -> Take:
    """The day of a time stamp (YYYYMMDDhhmm…); what is shorter stays as it is, to be judged."""
    take = component(source)
    return lambda segments: take(segments)[:8]


def _name(source: str, systems: tuple[str, ...]) -> Take:
    """A patient's name (XPN): family and given name with a space."""
    return _joined(source, (1, 2))


def _person(source: str, systems: tuple[str, ...]) -> Take:
    """A member of staff (XCN): family and given name, without the number."""
    return _joined(source, (2, 3))


def _joined(source: str, components: tuple[int, ...]) -> Take:
    segment, number, _, key = _parts(source)

    @lru_cache(maxsize=1 << 14)
    def read(text: str) -> str:
        chosen = _repetition(text, key)
        return " ".join(part for part in (_nth(chosen, "^", place) for place in components) if part and part != _NULL)

    return lambda segments: unescape(read(text)) if (text := _field(segments, segment, number)) else ""


def _code(source: str, systems: tuple[str, ...]) -> Take:
    """The code of a coded field (CE, CWE) whose system is one of these, whether it stands first or as the alternate."""
    return _coded(source, lambda code, system: code if system in systems else "")


def _other_code(source: str, systems: tuple[str, ...]) -> Take:
    """The first code of a system that is none of these."""
    return _coded(source, lambda code, system: code if system not in systems else "")


def _other_system(source: str, systems: tuple[str, ...]) -> Take:
    """The name of the system of what `other-code` takes."""
    return _coded(source, lambda code, system: system if code and system not in systems else "")


def _coded(source: str, choose: Callable[[str, str], str]) -> Take:
    segment, number, _, key = _parts(source)

    @lru_cache(maxsize=1 << 14)
    def read(text: str) -> str:
        parts = (*_repetition(text, key).split("^"), "", "", "", "", "", "")
        for code, system in ((parts[0], parts[2]), (parts[3], parts[5])):
            if code and code != _NULL and (chosen := choose(unescape(code), unescape(system))):
                return chosen
        return ""

    def take(segments: Segments) -> str:
        fields = segments.get(segment)
        return read(fields[number]) if fields is not None and len(fields) > number and fields[number] else ""

    return take


def _result(part: int) -> Callable[[str, tuple[str, ...]], Take]:
    def rule(source: str, systems: tuple[str, ...]) -> Take:
        segment, number, _, key = _parts(source)

        def take(segments: Segments) -> str:
            text = _field(segments, segment, number)
            if key is not None or "~" in text:
                text = _repetition(text, key)
            if not text or text == _NULL:
                return ""
            found = results.sort(segments[segment][2], text)[part]
            return unescape(found) if "\\" in found else found

        return take

    return rule


RULES: dict[str, Callable[[str, tuple[str, ...]], Take]] = {
    "text": _text, "day": _day, "name": _name, "person": _person, "code": _code, "other-code": _other_code, "other-system": _other_system,
    "result-number": _result(results.NUMBER), "result-code": _result(results.CODE), "result-text": _result(results.WORDS),
}  # fmt: skip


def _parts(source: str) -> tuple[str, int, tuple[int, int], tuple[int, str] | None]:
    found = _SOURCE.fullmatch(source)
    if found is None:
        raise ValueError(f"{source} is no field of the segment table")
    key = (int(found["key"]), found["value"]) if found["key"] else None
    return found["segment"], int(found["field"]), (int(found["component"] or 1), int(found["sub"] or 0)), key


def _field(segments: Segments, name: str, number: int) -> str:
    fields = segments.get(name)
    return fields[number] if fields is not None and len(fields) > number else ""


def _repetition(text: str, key: tuple[int, str] | None) -> str:
    """The first repetition, or the first whose component answers to the key."""
    if key is None:
        return text.split("~", 1)[0]
    place, value = key
    return next((one for one in text.split("~") if _nth(one, "^", place) == value), "")


def _nth(text: str, mark: str, place: int) -> str:
    parts = text.split(mark, place)
    return parts[place - 1] if len(parts) >= place else ""
