"""抽出 (extraction): the whitelist written out as one Python function for each kind of resource, which lifts its few wanted values into a row.

Written out rather than interpreted because this is the hot path: a walk through the table for every resource takes twice as long as reading
its JSON (benchmarks/intake/fhir.py). The source is made of the whitelist's own names alone, never of anything that was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries.fhir import elements, systems, whitelist
from kiban_processing.deliveries.fhir.elements import Misbuilt, Resource

UNCODED = 1
"""What an extraction gives back where codes were sent, but none of a system that is known."""
PERSON = 2  # the place of the person in a row, after file and record
START = 3  # cells before the columns

Extract = Callable[[Resource, str, int, str, list[Any]], str | int | None]
"""(resource, file, record, person, cells): adds rows to `cells`; gives the status by which the record is set aside (then no row), or `UNCODED`."""

_PLAIN_ENCOUNTER = "v[10:] if v.__class__ is str and v[:10] == 'Encounter/' and v.count('/') == 1"
_VALUES = ("value", "value_code", "value_text", "comment")


@dataclass(frozen=True)
class Extraction:
    """One entry of the whitelist, ready: `columns` follow file, record and person in a row."""

    entry: whitelist.Entry
    columns: tuple[str, ...]
    take: Extract

    @property
    def width(self) -> int:
        return START + len(self.columns)


def columns_of(table: str) -> tuple[str, ...]:
    """The columns that any kind of resource fills in a table; the number comes first."""
    entries = [entry for entry in whitelist.ENTRIES if entry.table == table]
    named = [name for entry in entries for source in (*entry.sources, *entry.part_sources) for name in _items(source, table)]
    return tuple(dict.fromkeys([entries[0].number, *named]))


def written(entry: whitelist.Entry) -> str:
    """The source of an entry's function."""
    columns = columns_of(entry.table)
    lines = ["def take(resource, file, record, person, cells):", "    get = resource.get"]
    for path, values in entry.retracted.items():
        lines += [
            f"    v = get({path!r})",
            f"    if v is not None and (v := v if v.__class__ is str else code(v)) in {_written(values)}:",
            "        return v",
        ]
    lines += ["    sent = 0", "    {} = None".format(" = ".join(f"c{place}" for place in range(len(columns))))]
    lines += ["    v = get('id')", "    if v is not None:", "        c0 = v if v.__class__ is str else text(v)"]
    for source in entry.sources:
        lines += _source(source, entry.table, columns, "get")
    row = [f"c{place}" for place in range(len(columns))]
    if entry.parts is not None:
        part = {place for source in entry.part_sources for place in _places(source, entry.table, columns)}
        values_here = [f"c{columns.index(name)} is not None" for name in _VALUES if name in columns]
        parted = ", ".join(f"p{place}" if place in part else f"c{place}" for place in range(len(columns)))
        lines += [
            f"    parts = get({entry.parts!r})",
            "    if parts:",
            "        if parts.__class__ is not list:",
            "            raise Misbuilt",
            f"        if {' or '.join(values_here)}:",
            f"            cells += (file, record, person, {', '.join(row)})",
            "        for one in parts:",
            "            part = one.get",
            "            {} = None".format(" = ".join(f"p{place}" for place in sorted(part))),
        ]
        for source in entry.part_sources:
            lines += ["        " + line for line in _source(source, entry.table, columns, "part", "p")]
        lines += [f"            cells += (file, record, person, {parted})", "        return None"]
    coded = [f"c{columns.index(name)} is None" for name in (*dict.fromkeys(systems.OWN.values()), systems.OTHER) if name in columns]
    lines.append(f"    cells += (file, record, person, {', '.join(row)})")
    if coded:
        lines += [f"    if sent and {' and '.join(coded)}:", f"        return {UNCODED}"]
    return "\n".join([*lines, "    return None", ""])


def _written(values: frozenset[str]) -> str:
    """A set in source, its members in order, so that the source is the same every time."""
    return "{" + ", ".join(map(repr, sorted(values))) + "}"


def compiled(entry: whitelist.Entry) -> Extraction:
    """One entry of the whitelist as a function."""
    known = {name: getattr(elements, name) for name in ("text", "day", "code", "listed_code", "grade", "quantity", "encounter")}
    space: dict[str, Any] = {**known, "Misbuilt": Misbuilt, "SYSTEMS": _systems(entry.table), "RANKS": tuple(systems.OTHERS.values())}
    exec(compile(written(entry), f"<whitelist {entry.kind} {entry.table}>", "exec"), space)  # noqa: S102
    return Extraction(entry, columns_of(entry.table), space["take"])


def _items(source: whitelist.Source, table: str) -> list[str]:
    match source:
        case whitelist.Plain() | whitelist.Day() | whitelist.Code() | whitelist.Grade():
            return [source.item]
        case whitelist.Quantity():
            return [source.item] + ([source.unit] if source.unit else [])
        case whitelist.Encounter():
            return ["encounter_id"]
        case whitelist.Concept():
            return [*_own(table), systems.OTHER, "other_code_system"] + ([source.words] if source.words else [])


def _places(source: whitelist.Source, table: str, columns: tuple[str, ...]) -> list[int]:
    return [columns.index(name) for name in _items(source, table)]


def _own(table: str) -> list[str]:
    return [item for item in dict.fromkeys(systems.OWN.values()) if item in TABLES[table]]


def _systems(table: str) -> dict[str, int]:
    """System → −1, −2, … for the table's own items in turn, or the rank of another system from 0."""
    own = {item: -1 - place for place, item in enumerate(_own(table))}
    ranks = {system: rank for rank, system in enumerate(systems.OTHERS)}
    return ranks | {system: own[item] for system, item in systems.OWN.items() if item in own}


def _source(source: whitelist.Source, table: str, columns: tuple[str, ...], get: str, cell: str = "c") -> list[str]:
    at = [f"{cell}{place}" for place in _places(source, table, columns)]
    match source:
        case whitelist.Plain():
            return _first(source.paths, get, [f"{at[0]} = text(v)"], at[0])
        case whitelist.Day():
            # The calls are left out where the plain form needs none: an instant before 15 o'clock falls on one day in UTC and in Japan.
            found = [
                "w = v[:10] if v.__class__ is str and 'T' <= v[10:13] < 'T15' else day(v)",
                f"if {at[0]} is None or len(w) == {elements.DAY}:",
                f"    {at[0]} = w",
            ]
            return _first(source.paths, get, found, f"{at[0]} is not None and len({at[0]}) == {elements.DAY}", is_test=True)
        case whitelist.Code():
            found = [f"{at[0]} = " + (f"listed_code(v, {_written(source.systems)})" if source.systems else "code(v)")]
            return _first((source.path,), get, found, at[0])
        case whitelist.Grade():
            return _first((source.path,), get, [f"{at[0]} = grade(v)"], at[0])
        case whitelist.Encounter():
            return _first((source.path + ".reference",), get, [f"{at[0]} = {_PLAIN_ENCOUNTER} else encounter(v)"], at[0])
        case whitelist.Quantity():
            unit = [f"{at[1]} = text(v.get('unit')) or text(v.get('code'))"] if source.unit else []
            return _first(source.paths, get, [f"{at[0]} = quantity(v)", *unit], at[0])
        case whitelist.Concept():
            return _first(source.paths, get, _concept(source, at, len(_own(table)), cell), at[0])


def _concept(source: whitelist.Concept, at: list[str], own: int, cell: str) -> list[str]:
    words = ["w = v.get('text')", f"{at[-1]} = w if w.__class__ is str else text(w)"] if source.words else []
    code_at, system_at = at[own], at[own + 1]
    picks: list[str] = []
    for place in range(own):
        picks += [
            f"        elif n == {-1 - place}:",
            f"            if {at[place]} is None:",
            f"                {at[place]} = text(coding.get('code'))",
        ]
    return [
        *words,
        "v = v.get('coding')",
        "if v is not None:",
        "    if v.__class__ is not list:",
        "        raise Misbuilt",
        "    sent = len(v)" if cell == "c" else "    pass",
        f"    best = {len(systems.OTHERS)}",
        "    for coding in v:",
        "        n = SYSTEMS.get(coding.get('system'))",
        "        if n is None:",
        "            continue",
        *picks,
        "        elif n < best and (w := text(coding.get('code'))) is not None:",
        f"            best, {code_at}, {system_at} = n, w, RANKS[n]",
    ]


def _first(paths: tuple[str, ...], get: str, found: list[str], done: str, is_test: bool = False) -> list[str]:
    """Lines that run `found` with v, the value at the first of the paths (each further one only where nothing is there yet)."""
    lines: list[str] = []
    for number, path in enumerate(paths):
        walk = _walk(path, get, found)
        if number:
            lines.append(f"    if not ({done}):" if is_test else f"    if {done} is None:")
            walk = ["    " + line for line in walk]
        lines += walk
    return lines


def _walk(path: str, get: str, found: list[str]) -> list[str]:
    lines: list[str] = []
    depth, source = "    ", get
    for step in path.split("."):
        name = step.removesuffix("[]")
        lines += [f"{depth}v = {source}({name!r})", f"{depth}if v is not None:"]
        depth += "    "
        if step.endswith("[]"):
            lines += [f"{depth}if v.__class__ is not list:", f"{depth}    raise Misbuilt", f"{depth}if v:"]
            depth += "    "
            lines.append(f"{depth}v = v[0]")
        source = "v.get"
    return lines + [depth + line for line in found]


ENTRIES: dict[str, dict[str, Extraction]] = {}
"""Kind of resource → table → extraction."""
for _entry in whitelist.ENTRIES:
    ENTRIES.setdefault(_entry.kind, {})[_entry.table] = compiled(_entry)
COLUMNS = {table: extraction.columns for tables in ENTRIES.values() for table, extraction in tables.items()}
