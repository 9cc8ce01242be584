"""帳簿の写し (copies): an exported folder as bytes in memory, and its lines as entries; nothing in it is trusted or believed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import rfc8785

from kiban_operator.ledger import kinds, shapes
from kiban_operator.ledger.statements import canonical
from kiban_operator.ledger.verdict import Check, Finding
from kiban_processing.language import Text

_EXPECTED = ("README.txt", "keys.txt", "checkpoint", "entries.jsonl", "reveals.jsonl")
_FIELDS = frozenset({"v", "seq", "kind", "at", "actor", "aggregate", "prev", "facts", "sealed"})


@dataclass(frozen=True)
class Copy:
    """The folder's files by their path below it; `strange` names what is neither expected nor readable."""

    single: Mapping[str, bytes]
    earlier: Mapping[str, bytes]
    tiles: Mapping[str, bytes]
    documents: Mapping[str, bytes]
    strange: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One entry as read."""

    seq: int
    kind: str
    at: datetime
    actor: str
    aggregate: str
    prev: int | None
    facts: Mapping[str, object]
    sealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """The ID in the aggregate, such as R-0012 in release/R-0012."""
        return self.aggregate.partition("/")[2]


def read(folder: Path) -> Copy:
    """Everything below the folder. Links are not followed; what cannot be read is named, not raised."""
    parts: dict[str, dict[str, bytes]] = {"": {}, "checkpoints": {}, "tile": {}, "documents": {}}
    strange: list[str] = []
    for place in sorted(_walk(folder)):
        name = place.relative_to(folder).as_posix()
        name = name if name.isprintable() else ascii(name)  # names are shown in the report, and must not be able to imitate it
        head = name.partition("/")[0] if "/" in name else ""
        if place.is_symlink() or head not in parts or (head == "" and name not in _EXPECTED):
            strange.append(name)
            continue
        try:
            parts[head][name] = place.read_bytes()
        except OSError:
            strange.append(name)
    return Copy(parts[""], parts["checkpoints"], parts["tile"], parts["documents"], tuple(strange))


def _walk(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)


def bodies(entries: bytes) -> tuple[list[bytes], bool]:
    """The lines as exact bytes, and whether the file ends with a line break as it must."""
    rows = entries.split(b"\n")
    whole = rows[-1] == b""
    return (rows[:-1] if whole else rows), whole


def lines(rows: list[bytes]) -> tuple[list[Line], list[Finding]]:
    """Each entry read strictly: canonical bytes, dense numbers, chain per aggregate, time, known kind, its facts (V5, V4).

    Returns the entries whose kind and facts are sound, and the findings.
    """
    read_lines: list[Line] = []
    found: list[Finding] = []
    latest: dict[str, int] = {}
    clock: datetime | None = None
    for position, row in enumerate(rows):
        line = _line(row)
        if isinstance(line, Text):
            found.append(Finding(Check.V5, line, position))
            continue
        if line.seq != position:
            found.append(
                Finding(Check.V5, Text("記載番号が順番どおりではありません", "the number is not the next one"), position),
            )
        if line.prev != latest.get(line.aggregate):
            found.append(
                Finding(Check.V5, Text("同じ対象の前の記載とつながりません", "does not point to the aggregate's previous entry"), position)
            )
        if clock is not None and line.at < clock:
            found.append(Finding(Check.V5, Text("時刻が前の記載より前です", "the time is before the previous entry's"), position))
        latest[line.aggregate] = position
        clock = line.at if clock is None else max(clock, line.at)
        faults = _faults(line, position)
        found += faults
        if not faults:
            read_lines.append(line)
    return read_lines, found


def _faults(line: Line, position: int) -> list[Finding]:
    kind = kinds.KINDS.get(line.kind)
    if kind is None:
        return [Finding(Check.V5, Text("知られていない種類の記載です", "an entry of an unknown kind"), position)]
    faults = kind.faults(line.aggregate, line.facts, frozenset(line.sealed))
    found = [Finding(Check.V5, fault, position) for fault in faults]
    if kind.statutory:  # Reg 12: an incomplete line is a failure of the book itself
        found += [Finding(Check.V4, fault, position) for fault in faults]
    return found


def _line(row: bytes) -> Line | Text:
    try:
        value = orjson.loads(row)
    except orjson.JSONDecodeError:
        return Text("JSON として読めません", "not readable as JSON")
    if not isinstance(value, dict) or frozenset(value) != _FIELDS:
        return Text("記載の枠が整っていません", "not framed as an entry")
    if not is_canonical(row, value):
        return Text("正規化されたバイト列ではありません", "not in canonical bytes")
    seq, prev, at, facts, sealed = value["seq"], value["prev"], value["at"], value["facts"], value["sealed"]
    sound = (
        shapes.COUNT.fits(value["v"])
        and value["v"] == 1
        and shapes.COUNT.fits(seq)
        and (prev is None or shapes.COUNT.fits(prev))
        and shapes.is_moment(at)
        and all(shapes.CODE.fits(value[name]) for name in ("kind", "actor", "aggregate"))
        and isinstance(facts, dict)
        and isinstance(sealed, dict)
        and all(map(shapes.is_commitment, sealed.values()))
    )
    if not sound:
        return Text("記載の枠の値が正しくありません", "a value of the entry's frame is wrong")
    moment = datetime.fromisoformat(at)
    if moment.utcoffset() != timedelta(hours=9):
        return Text("時刻が日本時間ではありません", "the time is not Japan's")
    return Line(seq, value["kind"], moment, value["actor"], value["aggregate"], prev, facts, sealed)


def is_canonical(row: bytes, value: object) -> bool:
    """Whether the bytes are the canonical spelling of the value. The first test is the quick way to the same answer for nearly all."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == row or canonical(value) == row
    except (TypeError, ValueError, RecursionError, rfc8785.CanonicalizationError):
        return False
