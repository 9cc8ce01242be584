"""抽出 (extraction): the whitelist compiled to closures that lift a resource's few wanted values into a row of texts.

A resource that is not built as FHIR says (an object where a list belongs, a list where a text belongs) raises `Misbuilt`; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries.fhir import systems, whitelist

Resource = dict[str, Any]
Row = list[Any]
Getter = Callable[[Resource], Any]
Filler = Callable[[Resource, Row], None]
DAY = 10  # letters of YYYY-MM-DD


class Misbuilt(Exception):
    """A resource whose elements are not of the kind that FHIR gives them. Carries nothing, for the resource may hold anything."""


MISBUILT = (AttributeError, KeyError, TypeError, Misbuilt)
"""What reading a misbuilt resource raises: `get` of what is no object, `[0]` of what is no list."""


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
    if len(value) > DAY and (value[-1] == "Z" or value.endswith("+00:00")) and value[11:13] >= "15":
        try:
            return (date.fromisoformat(value[:DAY]) + timedelta(days=1)).isoformat()
        except (ValueError, OverflowError):
            return value
    return value[:DAY] if len(value) > DAY and value[DAY] == "T" else value


def getter(path: str) -> Getter:
    """What stands at a path (None where nothing does). Raises `MISBUILT` on a resource whose path is built otherwise."""
    steps = [(step.removesuffix("[]"), step.endswith("[]")) for step in path.split(".")]
    if len(steps) == 1 and not steps[0][1]:
        only = steps[0][0]
        return lambda resource: resource.get(only)
    if len(steps) == 2 and not steps[0][1] and not steps[1][1]:
        first, second = steps[0][0], steps[1][0]

        def two(resource: Resource) -> Any:
            found = resource.get(first)
            return None if found is None else found.get(second)

        return two

    def walk(resource: Resource) -> Any:
        found: Any = resource
        for name, is_list in steps:
            found = found.get(name)
            if found is None:
                return None
            if is_list:
                if type(found) is not list:
                    raise Misbuilt
                if not found:
                    return None
                found = found[0]
        return found

    return walk


def codes_of(concept: Any) -> list[str]:
    """The codes of a CodeableConcept or Coding (or a plain code), in order."""
    if concept is None:
        return []
    if type(concept) is str:
        return [concept]
    codings = concept.get("coding")
    if codings is None:
        codings = [concept] if "code" in concept else []
    elif type(codings) is not list:
        raise Misbuilt
    return [code for coding in codings if (code := text(coding.get("code"))) is not None]


@dataclass(frozen=True)
class Extraction:
    """One entry of the whitelist, compiled: `columns` follow the place, the person and the number in a row."""

    entry: whitelist.Entry
    columns: tuple[str, ...]
    fill: tuple[Filler, ...]
    fill_part: tuple[Filler, ...]
    code_columns: tuple[int, ...]
    retracted: tuple[tuple[Getter, frozenset[str]], ...]
    blank: tuple[None, ...]
    part_columns: frozenset[int]
    value_columns: tuple[int, ...]

    def status(self, resource: Resource) -> str | None:
        """The status by which the record is set aside, if it has one of those."""
        for get, values in self.retracted:
            for code in codes_of(get(resource)):
                if code in values:
                    return code
        return None

    def rows(self, resource: Resource, start: Row) -> list[Row]:
        """The rows of a resource, each beginning with `start`: its own, unless it speaks only by its parts, and one for each part."""
        row = [*start, *self.blank]
        for fill in self.fill:
            fill(resource, row)
        parts = resource.get(self.entry.parts) if self.entry.parts is not None else None
        if not parts:
            return [row]
        if type(parts) is not list:
            raise Misbuilt
        common = len(start)
        found: list[Row] = []
        if any(row[common + place] is not None for place in self.value_columns):
            found.append(row)
        own = [None if place in self.part_columns else cell for place, cell in enumerate(row[common:])]
        for part in parts:
            one = [*start, *own]
            for fill in self.fill_part:
                fill(part, one)
            found.append(one)
        return found


_VALUES = ("value", "value_code", "value_text", "comment")
START = 3  # cells before the columns: file, record, person


def _columns(table: str) -> tuple[str, ...]:
    """The columns that any kind of resource fills in a table; the number comes first."""
    entries = [entry for entry in whitelist.ENTRIES if entry.table == table]
    named = [name for entry in entries for source in (*entry.sources, *entry.part_sources) for name in _items(source, table)]
    return tuple(dict.fromkeys([entries[0].number, *named]))


def compiled(entry: whitelist.Entry) -> Extraction:
    """One entry of the whitelist as closures."""
    columns = _columns(entry.table)
    place = {name: START + number for number, name in enumerate(columns)}
    number = place[entry.number]

    def take_number(resource: Resource, row: Row) -> None:
        row[number] = text(resource.get("id"))

    coded = [name for name in columns if name in (*systems.OWN.values(), systems.OTHER)]
    return Extraction(
        entry, columns,
        (take_number, *(_filler(source, entry.table, place) for source in entry.sources)),
        tuple(_filler(source, entry.table, place) for source in entry.part_sources),
        tuple(place[name] for name in coded),
        tuple((getter(path), values) for path, values in entry.retracted.items()),
        (None,) * len(columns),
        frozenset(columns.index(name) for source in entry.part_sources for name in _items(source, entry.table)),
        tuple(number for number, name in enumerate(columns) if name in _VALUES),
    )  # fmt: skip


def _items(source: whitelist.Source, table: str) -> list[str]:
    match source:
        case whitelist.Plain() | whitelist.Day() | whitelist.Code():
            return [source.item]
        case whitelist.Quantity():
            return [source.item] + ([source.unit] if source.unit else [])
        case whitelist.Encounter():
            return ["encounter_id"]
        case whitelist.Concept():
            own = [item for item in dict.fromkeys(systems.OWN.values()) if item in TABLES[table]]
            return [*own, systems.OTHER, "other_code_system"] + ([source.words] if source.words else [])


def _filler(source: whitelist.Source, table: str, place: dict[str, int]) -> Filler:
    match source:
        case whitelist.Plain():
            return _plain(place[source.item], source.paths)
        case whitelist.Day():
            return _day(place[source.item], source.paths)
        case whitelist.Code():
            return _code(place[source.item], source.path)
        case whitelist.Quantity():
            return _quantity(place[source.item], place[source.unit] if source.unit else None, source.paths)
        case whitelist.Encounter():
            return _encounter(place["encounter_id"], source.path)
        case whitelist.Concept():
            return _concept(source, table, place)


def _plain(at: int, paths: tuple[str, ...]) -> Filler:
    getters = [getter(path) for path in paths]

    def fill(resource: Resource, row: Row) -> None:
        for get in getters:
            found = text(get(resource))
            if found:
                row[at] = found
                return

    return fill


def _day(at: int, paths: tuple[str, ...]) -> Filler:
    getters = [getter(path) for path in paths]

    def fill(resource: Resource, row: Row) -> None:
        for get in getters:
            value = get(resource)
            if value is not None:
                found = day(value)
                if found is not None and len(found) == DAY:
                    row[at] = found
                    return
                row[at] = row[at] or found

    return fill


def _code(at: int, path: str) -> Filler:
    get = getter(path)

    def fill(resource: Resource, row: Row) -> None:
        concept = get(resource)
        if concept is not None:
            codes = codes_of(concept)
            if codes:
                row[at] = codes[0]

    return fill


def _quantity(at: int, unit_at: int | None, paths: tuple[str, ...]) -> Filler:
    getters = [getter(path) for path in paths]

    def fill(resource: Resource, row: Row) -> None:
        for get in getters:
            quantity = get(resource)
            if quantity is not None:
                value = text(quantity.get("value"))
                comparator = quantity.get("comparator")
                row[at] = value if comparator is None or value is None else text(comparator) + value  # type: ignore[operator]
                if unit_at is not None:
                    row[unit_at] = text(quantity.get("unit")) or text(quantity.get("code"))
                return

    return fill


def _encounter(at: int, path: str) -> Filler:
    get = getter(path + ".reference")

    def fill(resource: Resource, row: Row) -> None:
        reference = get(resource)
        if reference is not None and type(reference) is not str:
            raise Misbuilt
        if reference and reference.startswith("Encounter/"):
            row[at] = reference[10:].partition("/")[0]
        elif reference and reference.startswith("urn:"):
            row[at] = reference

    return fill


def _concept(source: whitelist.Concept, table: str, place: dict[str, int]) -> Filler:
    items = set(_items(source, table))
    own = {system: place[item] for system, item in systems.OWN.items() if item in items}
    rank = {system: (number, short) for number, (system, short) in enumerate(systems.OTHERS.items())}
    code_at, system_at = place[systems.OTHER], place["other_code_system"]
    words_at = place[source.words] if source.words else None
    getters = [getter(path) for path in source.paths]

    def fill(resource: Resource, row: Row) -> None:
        for get in getters:
            concept = get(resource)
            if concept is None:
                continue
            if words_at is not None:
                row[words_at] = text(concept.get("text"))
            best = len(rank)
            codings = concept.get("coding")
            if codings is None:
                return
            if type(codings) is not list:
                raise Misbuilt
            for coding in codings:
                system = coding.get("system")
                if system in own:
                    at = own[system]
                    if row[at] is None:
                        row[at] = text(coding.get("code"))
                elif system in rank:
                    number, short = rank[system]
                    if number < best and (code := text(coding.get("code"))) is not None:
                        best, row[code_at], row[system_at] = number, code, short
            return

    return fill


ENTRIES: dict[str, dict[str, Extraction]] = {}
"""Kind of resource → table → extraction."""
for _entry in whitelist.ENTRIES:
    ENTRIES.setdefault(_entry.kind, {})[_entry.table] = compiled(_entry)
