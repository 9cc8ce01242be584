"""残した状態 (kept): what a run leaves for the next one: comparable rows, where equal values lie, judged pairs, persons, lines.

Nodes are numbered in the order of their arrival and never used again; a corrected registration is a new node in the old one's line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import indexes, lines, pairs, rows
from kiban_processing.linkage.state.pages import Pages
from kiban_processing.linkage.state.pairs import Pairs
from kiban_processing.linkage.state.recall import Recall
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.sealing import StateKey

STATE_FOLDER = "state"
SEPARATOR = "\x1f"  # between hospital and local number, so that H1+23 and H12+3 stay apart
NO_PERSON = -1
# Where the values of households lie: of everybody, and of those who are in a pair that others of their households can settle.
HOUSEHOLD, DOUBTS = "household", "doubts"

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
        self._persons, self._lines = (Recall(self.size, partial(self.pages.take, name)) for name in ("persons", "lines"))
        self.cuts = lines.Cuts(self.pages.all("cuts/at"), self.pages.all("cuts/length"))

    @property
    def size(self) -> int:
        """How many nodes there have been."""
        return self.pages.length("rows")

    def rows(self, nodes: Nodes) -> Rows:
        return self.pages.take("rows", nodes)

    def persons(self, nodes: Nodes) -> Nodes:
        return self._persons.of(nodes)

    def line(self, nodes: Nodes) -> tuple[Nodes, Nodes]:
        """Place and length of their lines in persons.csv."""
        found = self._lines.of(nodes)
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

    def holders(self, values: Nodes, index: str = HOUSEHOLD) -> Nodes:
        """Living nodes that may hold one of these values in a column that a household shares; with `DOUBTS`, those that are in doubt."""
        return np.unique(self._living(*indexes.find(self.pages, index, indexes.value_prefixes(values)))[1])

    def attached(self, name: str) -> bytes:
        return self.pages.all(f"attached/{name}").tobytes()

    def pairs(self, nodes: Nodes) -> Pairs:
        return pairs.of(self.pages, nodes, self.dead)

    @cached_property
    def review(self) -> npt.NDArray[np.void]:
        """The lines of review.csv, in their order."""
        return self.pages.all("review")

    def _living(self, places: Nodes, nodes: Nodes) -> tuple[Nodes, Nodes]:
        alive = ~indexes.within(nodes, self.dead)
        return places[alive], nodes[alive]

    def close(self) -> None:
        self.pages.close()


def named(texts: pa.Table) -> pa.Array:
    """Registrations from their two parts; where no hospital is given, the second part is the whole name."""
    site, local = texts.column("site_id"), texts.column("local_patient_id")
    joined = pc.if_else(pc.equal(site, ""), local, pc.binary_join_element_wise(site, local, SEPARATOR))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
