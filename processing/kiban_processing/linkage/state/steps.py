"""状態の次 (steps): the state after a delivery, beside what the delivery did not touch; or the same written whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import indexes, lines, pairs, parts, rows
from kiban_processing.linkage.state.kept import DOUBTS, HOUSEHOLD, NAMES, NO_PERSON, STATE_FOLDER, Kept
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.pairs import Pairs
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.writing import Writer


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


@dataclass(frozen=True)
class Standing:
    """How a state stands after a step. `since`: how much has come or gone since the large parts were written, as a share of them.
    `unused`: bytes in its files that nothing needs, for each byte that is needed."""

    since: float
    unused: float


def advance(kept: Kept, folder: Path, key: StateKey, random: Random, step: Step, notes: Mapping[str, Any]) -> Standing:
    """Keep what a delivery changed, beside what it did not touch."""
    before = kept.pages
    writer = Writer(folder / STATE_FOLDER, key, random, before)
    try:
        dead = np.union1d(kept.dead, step.dead)
        _index(kept, writer, step)
        if len(step.erased):
            _erase_pairs(kept, writer, step.erased)
        pairs.extend(writer, before, step.pairs, dead)
        if len(step.dead):
            nothing: dict[str, npt.DTypeLike] = {
                "rows": step.rows.dtype,
                "named": np.uint64,
                "lines": parts.LINE,
                **({"names": NAMES} if "names" in before else {}),
            }
            for name, dtype in nothing.items():
                writer.put(name, step.dead, np.zeros(1, dtype))
            writer.put("persons", step.dead, np.full(1, NO_PERSON))
        if len(step.moved[0]):
            writer.put("persons", *step.moved)
        writer.extend("rows", step.rows)
        writer.extend("named", step.prefixes)
        writer.extend("persons", step.persons)
        writer.extend("lines", parts.line(step.at, step.length))
        if step.names is not None:
            writer.extend("names", step.names)
        if step.named_anew is not None and len(step.named_anew[0]):
            writer.put("names", *step.named_anew)
        for name, content in step.attached.items():
            parts.attach(writer, name, content)
        parts.add_small(writer, dead, step.cuts, step.review)
        came = writer.length("registrations/since") + len(dead)
        unused = writer.finish({**notes, "schema": kept.notes["schema"]})
        return Standing(came / max(writer.length("registrations/base"), 1), unused)
    finally:
        writer.close()


def _index(kept: Kept, writer: Writer, step: Step) -> None:
    """Enter what is new into all indexes, and take out whom nothing may find any more."""
    before, shape = kept.pages, kept.shape
    nodes = kept.size + np.arange(len(step.rows))
    gone = np.sort(step.dead)
    erased = kept.rows(step.erased)
    named = kept.pages.take("named", step.erased)
    household = indexes.by_household(erased, step.erased, shape.household)
    in_doubt = step.pairs.in_doubt()
    known = in_doubt[in_doubt < kept.size]
    doubts = [
        indexes.by_household(kept.rows(known), known, shape.household),
        indexes.by_household(step.rows[in_doubt[len(known) :] - kept.size], in_doubt[len(known) :], shape.household),
    ]
    changes = {
        "registrations": (rows.entries(named, step.erased), rows.entries(step.prefixes, nodes)),
        HOUSEHOLD: (household, indexes.by_household(step.rows, nodes, shape.household)),
        DOUBTS: (household, np.concatenate(doubts)),
        **{
            f"rules/{number}": (indexes.by_rule(erased, step.erased, rule), indexes.by_rule(step.rows, nodes, rule))
            for number, rule in enumerate(shape.rules)
        },
    }
    for index, (old, new) in changes.items():
        indexes.erase(writer, before, index, old)
        indexes.extend(writer, before, index, new, gone)


def _erase_pairs(kept: Kept, writer: Writer, erased: Nodes) -> None:
    old = np.sort(erased)
    near = pairs.of(kept.pages, old, np.zeros(0, np.int64))
    pairs.erase(writer, kept.pages, old, np.setdiff1d(np.concatenate([near.left, near.right]), old))


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
        writer.add("lines", held, parts.SMALL_BYTES)
        judged = pairs.whole(pages, kept.dead)
        for index in ("registrations", HOUSEHOLD, *(f"rules/{number}" for number in range(len(shape.rules)))):
            entries = np.concatenate([pages.all(f"{index}/{part}") for part in indexes.PARTS])
            nodes = rows.nodes_of(entries)
            entries = entries[(nodes != rows.NOBODY) & ~indexes.within(nodes, kept.dead)]
            indexes.begin(writer, index, entries)
            if index == HOUSEHOLD:
                indexes.begin(writer, DOUBTS, indexes.of_nodes(entries, judged.in_doubt()))
        pairs.begin(writer, judged)
        parts.add_small(writer, np.zeros(0, np.int64), lines.NO_CUTS, kept.review)
        for name in pages.arrays:
            if name.startswith("attached/"):
                writer.copy(pages, name)
        writer.finish(kept.notes)
    finally:
        writer.close()
