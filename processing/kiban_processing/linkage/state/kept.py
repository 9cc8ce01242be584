"""残した状態 (kept): what a run leaves for the next one: comparable rows, where equal values lie, judged pairs, persons, lines.

Nodes are numbered in the order of their arrival and never used again; a corrected registration is a new node in the old one's line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import indexes, lines, pairs, rows
from kiban_processing.linkage.state.pages import Pages, Random, Writer
from kiban_processing.linkage.state.pairs import Pairs
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.sealing import StateKey

STATE_FOLDER = "state"
SEPARATOR = "\x1f"  # between hospital and local number, so that H1+23 and H12+3 stay apart
NO_PERSON = -1

_LINE = np.dtype([("at", "<i8"), ("length", "<u4")])
_ROW_BYTES, _SMALL_BYTES, _LARGE_BYTES = 4096, 1024, 1 << 16
NAME_BYTES = 32
# What a state without files beside it says of a registration: its name, and the digest of the row it was last linked by.
NAMES = np.dtype([("registration", f"S{NAME_BYTES}"), ("digest", "<u8")])
REVIEW = np.dtype([("left", "<u4"), ("right", "<u4"), ("weight", "<f8"), ("length", "<u4")])


@dataclass(frozen=True)
class Shape:
    """What is indexed. `rules`: columns that a candidate pair has in common, any one of them. `household`: columns whose values a
    household shares; registrations that share one are found by it. `born`: the column that tells its members apart."""

    rules: tuple[tuple[str, ...], ...]
    household: tuple[str, ...]
    born: str = "dob"


class Kept:
    """The state of an earlier run, opened where it is looked into."""

    def __init__(self, folder: Path, key: StateKey, shape: Shape) -> None:
        """`folder`: what that run wrote. Refuses: linkage-state-damaged, linkage-state-version."""
        self.folder, self.shape = folder, shape
        self.pages = Pages(folder / STATE_FOLDER, key)
        self.notes: Mapping[str, Any] = self.pages.notes
        self.schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(self.notes["schema"])))
        self.dead: Nodes = self.pages.all("dead")
        self.cuts = lines.Cuts(self.pages.all("cuts/at"), self.pages.all("cuts/length"))

    @property
    def since(self) -> float:
        """How much has come or gone since the large parts were written, as a share of them."""
        came = self.pages.length("registrations/since") + len(self.dead)
        return came / max(self.pages.length("registrations/base"), 1)

    @property
    def size(self) -> int:
        """How many nodes there have been."""
        return self.pages.length("rows")

    def rows(self, nodes: Nodes) -> Rows:
        return self.pages.take("rows", nodes)

    def persons(self, nodes: Nodes) -> Nodes:
        return self.pages.take("persons", nodes)

    def line(self, nodes: Nodes) -> tuple[Nodes, Nodes]:
        """Place and length of their lines in persons.csv."""
        found = self.pages.take("lines", nodes)
        return found["at"].astype(np.int64), found["length"].astype(np.int64)

    def texts(self, nodes: Nodes) -> pa.Table:
        """What persons.csv says of them: site_id, local_patient_id, person_id. A state without files says the name alone."""
        if "names" in self.pages:
            written = pa.array(self.pages.take("names", nodes)["registration"].astype(f"U{NAME_BYTES}"), pa.string())
            nothing = pa.array([""] * len(nodes), pa.string())
            return pa.table({"site_id": nothing, "local_patient_id": written, "person_id": nothing})
        return lines.read(self.folder / "persons.csv", self.cuts, *self.line(nodes))

    def find(self, registrations: pa.Array, prefixes: npt.NDArray[np.uint64]) -> Nodes:
        """The living node of each registration, or NO_PERSON. `prefixes`: of the same, as they were indexed."""
        place, node = self._living(*indexes.find(self.pages, "registrations", prefixes))
        written = named(self.texts(node))
        same = pc.equal(written, registrations.take(pa.array(place))).to_numpy(zero_copy_only=False)
        found = np.full(len(registrations), NO_PERSON, np.int64)
        found[place[same]] = node[same]
        return found

    def alike(self, sought: Rows) -> tuple[Nodes, Nodes]:
        """(place in `sought`, living node) of all that may agree with it in one of the rules."""
        parts = []
        for number, rule in enumerate(self.shape.rules):
            known, prefix = rows.prefixes(sought, rule)
            at = np.flatnonzero(known)
            place, node = indexes.find(self.pages, f"rules/{number}", prefix[at])
            parts.append((at[place], node))
        return self._living(*(np.concatenate(side) for side in zip(*parts, strict=True)))

    def holders(self, values: Nodes) -> Nodes:
        """Living nodes that may hold one of these values in a column that a household shares."""
        return np.unique(self._living(*indexes.find(self.pages, "household", value_prefixes(values)))[1])

    def attached(self, name: str) -> bytes:
        return self.pages.all(f"attached/{name}").tobytes()

    def pairs(self, nodes: Nodes) -> Pairs:
        return pairs.of(self.pages, nodes, self.dead)

    def review(self) -> npt.NDArray[np.void]:
        """The lines of review.csv, in their order."""
        return self.pages.all("review")

    def _living(self, places: Nodes, nodes: Nodes) -> tuple[Nodes, Nodes]:
        alive = ~indexes.within(nodes, self.dead)
        return places[alive], nodes[alive]

    def close(self) -> None:
        self.pages.close()


@dataclass(frozen=True)
class Step:
    """What one delivery changes; nodes are numbers of nodes, new ones follow the old ones.

    `rows`, `prefixes`, `persons`, `at`, `length`: of the new nodes: comparable row, indexed prefix of the registration, serial, and
    line. `dead`: nodes that are no more, `erased` those of them that must leave no trace. `moved`: old nodes with another person.
    `names`: NAMES of the new nodes, where the state keeps them; `named_anew`: of old nodes. `attached`: what takes the place of what was kept under that name.
    """

    rows: Rows
    prefixes: npt.NDArray[np.uint64]
    persons: Nodes
    at: Nodes
    length: Nodes
    dead: Nodes
    erased: Nodes
    moved: tuple[Nodes, Nodes]
    pairs: Pairs
    review: npt.NDArray[np.void]
    cuts: lines.Cuts
    names: npt.NDArray[np.void] | None = None
    named_anew: tuple[Nodes, npt.NDArray[np.void]] | None = None
    attached: Mapping[str, bytes] = field(default_factory=dict)


class Beginning:
    """A state made from nothing, as a whole run goes along: rows, then pairs, then persons with what was written of them."""

    def __init__(self, folder: Path, key: StateKey, random: Random, shape: Shape) -> None:
        self._writer, self._shape = Writer(folder / STATE_FOLDER, key, random), shape
        self._size = 0
        self._schema: pa.Schema | None = None
        self._rules: list[list[npt.NDArray[np.uint64]]] = [[] for _ in shape.rules]
        self._household: list[npt.NDArray[np.uint64]] = []
        self._digest = hashlib.sha256()

    def add_rows(self, keys: pa.Table, prefixes: npt.NDArray[np.uint64]) -> None:
        """The next registrations, in the order of their names: a piece of the keys table, and what finds them."""
        held = rows.pack(keys)
        nodes = self._size + np.arange(len(held))
        if self._schema is None:
            self._schema = keys.schema
            self._writer.add("rows", held[:0], _ROW_BYTES)
            self._writer.add("named", prefixes[:0], _SMALL_BYTES)
            self._named: list[npt.NDArray[np.uint64]] = []
        self._writer.extend("rows", held)
        self._writer.extend("named", prefixes)
        self._named.append(rows.entries(prefixes, nodes))
        for entries, rule in zip(self._rules, self._shape.rules, strict=True):
            entries.append(_rule_entries(held, nodes, rule))
        self._household.append(_household_entries(held, nodes, self._shape.household))
        self._digest.update(prefixes.tobytes())
        self._digest.update(held.tobytes())
        self._size += len(held)

    def add_pairs(self, judged: Pairs) -> None:
        """After all rows: what was judged."""
        indexes.begin(self._writer, "registrations", np.concatenate(self._named))
        for number, entries in enumerate(self._rules):
            indexes.begin(self._writer, f"rules/{number}", np.concatenate(entries))
            entries.clear()
        indexes.begin(self._writer, "household", np.concatenate(self._household))
        self._household.clear()
        pairs.begin(self._writer, judged)

    def lineage(self) -> str:
        """Names what began here: equal registrations, equal lineage."""
        return self._digest.hexdigest()[:32]

    def finish(
        self,
        persons: Nodes,
        at: Nodes,
        length: Nodes,
        review: npt.NDArray[np.void],
        attached: Mapping[str, bytes],
        notes: Mapping[str, Any],
        names: npt.NDArray[np.void] | None = None,
    ) -> None:
        """`persons`, `at`, `length`: serial, place and length of line of each registration. `attached`: what the caller keeps besides.
        `names`: NAMES of each, where no persons.csv names them."""
        assert self._schema is not None
        nobody = np.zeros(0, np.int64)
        self._writer.add("persons", persons.astype("<i8"), _SMALL_BYTES)
        self._writer.add("lines", _line(at, length), _SMALL_BYTES)
        if names is not None:
            self._writer.add("names", names, _ROW_BYTES)
        _add_small(self._writer, nobody, lines.NO_CUTS, review)
        for name, content in attached.items():
            _attach(self._writer, name, content)
        self._writer.finish({**notes, "schema": self._schema.serialize().to_pybytes().hex()})

    def close(self) -> None:
        self._writer.close()


def advance(kept: Kept, folder: Path, key: StateKey, random: Random, step: Step, notes: Mapping[str, Any]) -> None:
    """Keep what a delivery changed, beside what it did not touch."""
    before, shape = kept.pages, kept.shape
    writer = Writer(folder / STATE_FOLDER, key, random, before)
    try:
        nodes = kept.size + np.arange(len(step.rows))
        gone = np.sort(step.dead)
        dead = np.union1d(kept.dead, gone)
        erased_rows = kept.rows(step.erased)
        if len(step.erased):
            old = np.sort(step.erased)
            prefixes = kept.pages.take("named", step.erased)
            indexes.erase(writer, before, "registrations", rows.entries(prefixes, step.erased))
            near = pairs.of(before, old, np.zeros(0, np.int64))
            pairs.erase(writer, before, old, np.setdiff1d(np.concatenate([near.left, near.right]), old))
        indexes.extend(writer, before, "registrations", rows.entries(step.prefixes, nodes), gone)
        for number, rule in enumerate(shape.rules):
            indexes.erase(writer, before, f"rules/{number}", _rule_entries(erased_rows, step.erased, rule))
            indexes.extend(writer, before, f"rules/{number}", _rule_entries(step.rows, nodes, rule), gone)
        indexes.erase(writer, before, "household", _household_entries(erased_rows, step.erased, shape.household))
        indexes.extend(writer, before, "household", _household_entries(step.rows, nodes, shape.household), gone)
        pairs.extend(writer, before, step.pairs, dead)
        if len(gone):
            writer.put("rows", gone, np.zeros(1, step.rows.dtype))
            writer.put("named", gone, np.zeros(1, np.uint64))
            writer.put("lines", gone, np.zeros(1, _LINE))
            writer.put("persons", gone, np.full(1, NO_PERSON))
            if "names" in before:
                writer.put("names", gone, np.zeros(1, NAMES))
        if len(step.moved[0]):
            writer.put("persons", *step.moved)
        writer.extend("rows", step.rows)
        writer.extend("named", step.prefixes)
        writer.extend("persons", step.persons)
        writer.extend("lines", _line(step.at, step.length))
        if step.names is not None:
            writer.extend("names", step.names)
        if step.named_anew is not None and len(step.named_anew[0]):
            writer.put("names", *step.named_anew)
        for name, content in step.attached.items():
            _attach(writer, name, content)
        _add_small(writer, dead, step.cuts, step.review)
        writer.finish({**notes, "schema": kept.notes["schema"]})
    finally:
        writer.close()


def fold(kept: Kept, folder: Path, key: StateKey, random: Random) -> None:
    """Write the whole state anew into `folder`: one large part of every index, without what is dead, in files of its own."""
    writer = Writer(folder / STATE_FOLDER, key, random)
    pages, shape = kept.pages, kept.shape
    try:
        for name in ("rows", "named", "persons", "names"):
            if name in pages:
                writer.copy(pages, name)
        held = pages.all("lines").copy()
        held["at"] = kept.cuts.now(held["at"])
        held["at"][kept.dead] = 0
        writer.add("lines", held, _SMALL_BYTES)
        for index in ("registrations", "household", *(f"rules/{number}" for number in range(len(shape.rules)))):
            entries = np.concatenate([pages.all(f"{index}/{part}") for part in indexes.PARTS])
            nodes = rows.nodes_of(entries)
            indexes.begin(writer, index, entries[(nodes != rows.NOBODY) & ~indexes.within(nodes, kept.dead)])
        pairs.begin(writer, pairs.whole(pages, kept.dead))
        _add_small(writer, np.zeros(0, np.int64), lines.NO_CUTS, kept.review())
        for name in pages.arrays:
            if name.startswith("attached/"):
                writer.copy(pages, name)
        writer.finish(kept.notes)
    finally:
        writer.close()


def named(texts: pa.Table) -> pa.Array:
    """Registrations from their two parts; where no hospital is given, the second part is the whole name."""
    site, local = texts.column("site_id"), texts.column("local_patient_id")
    joined = pc.if_else(pc.equal(site, ""), local, pc.binary_join_element_wise(site, local, SEPARATOR))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def value_prefixes(values: Nodes) -> npt.NDArray[np.uint64]:
    """The indexed prefixes of values that a household shares."""
    held = np.zeros(len(values), np.dtype([("value", "<i8")]))
    held["value"] = values
    return rows.prefixes(held, ("value",))[1]


def household_values(held: Rows, household: Sequence[str]) -> Nodes:
    """All values that these rows hold in columns that a household shares, each once."""
    found = [held[column].astype(np.int64)[held[column] != np.iinfo(held[column].dtype).min] for column in household]
    return np.asarray(np.unique(np.concatenate([np.zeros(0, np.int64), *found])))


def _rule_entries(held: Rows, nodes: Nodes, rule: Sequence[str]) -> npt.NDArray[np.uint64]:
    known, prefix = rows.prefixes(held, rule)
    return rows.entries(prefix[known], nodes[known])


def _household_entries(held: Rows, nodes: Nodes, household: Sequence[str]) -> npt.NDArray[np.uint64]:
    parts = [np.zeros(0, np.uint64)]
    for column in household:
        known = held[column] != np.iinfo(held[column].dtype).min
        parts.append(rows.entries(value_prefixes(held[column][known].astype(np.int64)), nodes[known]))
    return np.concatenate(parts)


def _line(at: Nodes, length: Nodes) -> npt.NDArray[np.void]:
    held = np.zeros(len(at), _LINE)
    held["at"], held["length"] = at, length
    return held


def _attach(writer: Writer, name: str, content: bytes) -> None:
    writer.add(f"attached/{name}", np.frombuffer(content, np.uint8), _LARGE_BYTES)


def _add_small(writer: Writer, dead: Nodes, cuts: lines.Cuts, review: npt.NDArray[np.void]) -> None:
    """What is short enough to be written whole each time."""
    writer.add("dead", dead, passing=True)
    writer.add("cuts/at", cuts.at, passing=True)
    writer.add("cuts/length", cuts.length, passing=True)
    writer.add("review", review, passing=True)
