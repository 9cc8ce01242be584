"""状態の始め (beginning): a state made from nothing, as a whole run goes along."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import indexes, lines, pairs, parts, rows
from kiban_processing.linkage.state.kept import DOUBTS, HOUSEHOLD, STATE_FOLDER, Shape
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.pairs import Pairs
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.writing import Writer


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
            self._writer.add("rows", held[:0], parts.ROW_BYTES)
            self._writer.add("named", prefixes[:0], parts.SMALL_BYTES)
            self._named: list[npt.NDArray[np.uint64]] = []
        self._writer.extend("rows", held)
        self._writer.extend("named", prefixes)
        self._named.append(rows.entries(prefixes, nodes))
        for entries, rule in zip(self._rules, self._shape.rules, strict=True):
            entries.append(indexes.by_rule(held, nodes, rule))
        self._household.append(indexes.by_household(held, nodes, self._shape.household))
        self._digest.update(prefixes.tobytes())
        self._digest.update(held.tobytes())
        self._size += len(held)

    def add_pairs(self, judged: Pairs) -> None:
        """After all rows: what was judged."""
        indexes.begin(self._writer, "registrations", np.concatenate(self._named))
        for number, entries in enumerate(self._rules):
            indexes.begin(self._writer, f"rules/{number}", np.concatenate(entries))
            entries.clear()
        household = np.concatenate(self._household)
        self._household.clear()
        indexes.begin(self._writer, HOUSEHOLD, household)
        indexes.begin(self._writer, DOUBTS, indexes.of_nodes(household, judged.in_doubt()))
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
        self._writer.add("persons", persons.astype("<i8"), parts.SMALL_BYTES)
        self._writer.add("lines", parts.line(at, length), parts.SMALL_BYTES)
        if names is not None:
            self._writer.add("names", names, parts.ROW_BYTES)
        parts.add_small(self._writer, nobody, lines.NO_CUTS, review)
        for name, content in attached.items():
            parts.attach(self._writer, name, content)
        self._writer.finish({**notes, "schema": self._schema.serialize().to_pybytes().hex()})

    def close(self) -> None:
        self._writer.close()
