"""マスターの版 (versions): the versions of one kind side by side, and which is in force on a day; codes looked up in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.language import Text
from kiban_processing.masters import installed
from kiban_processing.masters.kinds import MasterKind
from kiban_processing.masters.layouts import DEEPEST, JLAC10, JLAC10_PARTS, KINDS, PARTS
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

KIND_UNKNOWN = Ground(
    "master-kind-unknown", Family.INPUT, REG_5_X,
    Text("「{kind}」というマスターの種類はありません。", "There is no kind of master “{kind}”."),
    Text("次のいずれかを指定してください: {kinds}。", "Name one of: {kinds}."),
)  # fmt: skip
NONE_IN_FORCE = Ground(
    "master-none-in-force", Family.STATE, REG_5_X,
    Text("{day} に有効な「{kind}」のマスターがありません。", "No master “{kind}” is in force on {day}."),
    Text("`kiban master load {kind} ファイル --version 版 --in-force 施行日` で取り込んでください。",
         "Load one with `kiban master load {kind} FILE --version V --in-force DAY`."),
)  # fmt: skip
CODE_UNKNOWN = Ground(
    "master-code-unknown", Family.INPUT, REG_5_X,
    Text("「{code}」は {kind} の版 {version} にありません。", "“{code}” is not in version {version} of {kind}."),
    Text("コードと日付(--on)を確かめてください。", "Check the code and the day (--on)."),
)  # fmt: skip

_LENGTHS = (5, 4, 3, 3, 2)  # of the parts of a JLAC10 code; 15 digits have no result


@dataclass(frozen=True)
class Master:
    """One version of a kind. `rows` by the kind's schema; `digest`: SHA-256 of the file, empty for an installed package."""

    kind: MasterKind
    version: str
    in_force: date
    digest: str
    rows: pa.Table = field(repr=False)


def kind_of(name: str) -> MasterKind:
    """The kind of that name. Refuses: master-kind-unknown."""
    if name not in KINDS:
        raise KIND_UNKNOWN.refuse(kind=name, kinds=", ".join(KINDS))
    return KINDS[name]


def with_installed(kind: MasterKind, loaded: Iterable[Master]) -> list[Master]:
    """The loaded versions by day, before them what an installed package knows of the kind."""
    package = installed.of(kind.name)
    first = [] if package is None else [Master(kind, package.version, date.min, "", package.rows)]
    return first + sorted(loaded, key=lambda one: one.in_force)


def in_force(kind: MasterKind, masters: Sequence[Master], day: date) -> Master:
    """The version in force on a day: the latest that began by then. Refuses: master-none-in-force."""
    begun = [one for one in masters if one.in_force <= day]
    if not begun:
        raise NONE_IN_FORCE.refuse(kind=kind.name, day=day)
    return max(begun, key=lambda one: one.in_force)


def find(master: Master, code: str) -> list[dict[str, Any]]:
    """The rows that a code names, in any column codes are looked up by; the code is read as a cell of the column is."""
    fields = {one.name: one for one in master.kind.fields}
    rows: dict[int, None] = {}
    for name in master.kind.found_by:
        asked = fields[name].read_code(code)
        if asked is not None:
            rows |= dict.fromkeys(pc.indices_nonzero(pc.fill_null(pc.equal(master.rows[name], asked), False)).to_pylist())
    found: list[dict[str, Any]] = master.rows.take(pa.array(sorted(rows), pa.int64())).to_pylist()
    return found


def require(master: Master, code: str) -> list[dict[str, Any]]:
    """The same, at least one row. Refuses: master-code-unknown."""
    found = find(master, code)
    if not found:
        raise CODE_UNKNOWN.refuse(code=code, kind=master.kind.name, version=master.version)
    return found


def wider(master: Master, code: str) -> tuple[str, ...]:
    """The codes above a code of a kind with a hierarchy, narrowest first."""
    above: list[str] = []
    row = find(master, code)
    while row and row[0]["parent"] is not None and len(above) < DEEPEST:
        above.append(row[0]["parent"])
        row = find(master, above[-1])
    return tuple(above)


def parts(code: str, names: Master | None = None) -> dict[str, tuple[str, str | None]]:
    """The parts of a JLAC10 code (15 or 17 digits) and their names where the master of parts knows them; empty for another code.

    >>> {part: piece for part, (piece, _) in parts("9Z999000001926101").items()}
    {'analyte': '9Z999', 'identification': '0000', 'material': '019', 'method': '261', 'result': '01'}
    """
    plain = JLAC10.fields[0].read_code(code)
    if plain is None:
        return {}
    known = {}
    if names is not None:
        assert names.kind is JLAC10_PARTS
        known = {(row["part"], row["code"]): row["name"] for row in names.rows.to_pylist()}
    found, start = {}, 0
    for part, length in zip(PARTS, _LENGTHS, strict=True):
        if start < len(plain):
            piece = plain[start : start + length]
            found[part] = (piece, known.get((part, piece)))
        start += length
    return found
