"""結果のフォルダー (folder): the files of one outcome, written whole or made from those before it, together with the state.

`persons.csv` in the order of registrations, later ones at the end; `review.csv`, the likeliest pairs first; `state/`, sealed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import review_file
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.increment import Change
from kiban_processing.linkage.state import kept as state
from kiban_processing.linkage.state import lines, serials, steps
from kiban_processing.linkage.state.beginning import Beginning
from kiban_processing.linkage.state.judging import Judge
from kiban_processing.linkage.state.kept import Kept, named
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.steps import Standing, Step

PERSONS_FILE, REVIEW_FILE = "persons.csv", "review.csv"

# Shares of the large parts that came or went, and of unused bytes beside used ones, from which a state is written whole again.
FOLD_FROM, UNUSED_FROM = 0.1, 1.0

Written = Callable[[Nodes], list[str]]
Attached = Callable[[lines.Ids], Mapping[str, bytes]]


@dataclass(frozen=True)
class Earlier:
    """Who registrations were in an earlier outcome whose state is not used. `serials`, `place`: of each registration of the run, serial
    until now or `serials.NOT_YET`, and seniority. `ids`: the IDs of these serials."""

    serials: Nodes
    place: Nodes
    ids: lines.Ids


def write_whole(
    folder: Path, key: StateKey, beginning: Beginning, texts: pa.Table, labels: Nodes, review: pa.Table, earlier: Earlier | None,
    attached: Attached, notes: Mapping[str, Any],
) -> tuple[serials.Renumbering, lines.Ids, dict[str, Any]]:  # fmt: skip
    """Write the outcome of a whole run into the new `folder`; returns who is who, the IDs by serial, and the counts.

    `attached`: what else the state keeps, made when the ID of each registration is known.
    `texts` (site_id, local_patient_id), `labels`: of every registration, in the order of their names. `review`: the pairs for people, with
    `left_node` and `right_node`.
    """
    size = len(labels)
    earlier = earlier or Earlier(np.full(size, serials.NOT_YET), np.zeros(size, np.int64), np.zeros((0, lines.ID_BYTES), np.uint8))
    known = len(earlier.ids)
    persons = serials.assign(labels, earlier.serials, earlier.place, np.arange(known), known)
    lineage = beginning.lineage()
    ids = np.concatenate([earlier.ids, key.person_id_bytes(persons.new, lineage)])
    sites, locals_ = (_whole(texts.column(column)) for column in lines.COLUMNS[:2])
    at, length = lines.write(folder / PERSONS_FILE, sites, locals_, lambda start, stop: ids[persons.serials[start:stop]])
    order = review_file.order(review)
    text, weights = review_file.text(review)
    left, right = (review.column(f"{side}_node").to_numpy()[order] for side in ("left", "right"))
    review_file.write(folder / REVIEW_FILE, text)
    entries = review_file.entries(left, right, np.asarray(weights, np.float64), text)
    counts = {**first_counts(persons, known), "review": len(entries)}
    beginning.finish(persons.serials, at, length, entries, attached(ids[persons.serials]), {**notes, **counts, "lineage": lineage})
    return persons, ids, counts


def write_next(
    kept: Kept, folder: Path, key: StateKey, random: Random, change: Change, judge: Judge, notes: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the outcome of a delivery into the new `folder`; returns the new counts."""
    pool, persons, arrival = change.pool, change.persons, change.arrival
    following = int(kept.notes["next_serial"])
    old = change.touched < kept.size
    moved = old & (change.before != persons.serials)
    corrected = arrival.replaced != state.NO_PERSON
    serial_of = np.zeros(len(pool.fresh), np.int64)
    serial_of[change.touched[~old] - kept.size] = persons.serials[~old]
    ids = Ids(kept, key, change)

    line_at, line_length = np.zeros((2, len(corrected)), np.int64)
    line_at[corrected], line_length[corrected] = kept.line(arrival.replaced[corrected])
    changed = np.concatenate([change.touched[moved], arrival.replaced[corrected]])
    serial_changed = np.concatenate([persons.serials[moved], serial_of[corrected]])
    added = pool.fresh[~corrected]
    named_by = pool.texts(added)
    cuts, at, length = lines.rewrite(
        kept.folder / PERSONS_FILE,
        folder / PERSONS_FILE,
        kept.cuts,
        kept.line(arrival.erased),
        (*kept.line(changed), ids.of(serial_changed)),
        (_whole(named_by.column("site_id")), _whole(named_by.column("local_patient_id")), ids.of(serial_of[~corrected])),
    )
    line_at[~corrected], line_length[~corrected] = at, length

    review = _review(kept, folder, change, judge)
    step = Step(
        pool.rows(pool.fresh), change.prefixes, serial_of, line_at, line_length, arrival.dead, arrival.erased,
        (change.touched[moved], persons.serials[moved]), change.pairs, review, cuts,
    )  # fmt: skip
    counts = {**next_counts(kept, change, following), "review": len(review)}
    standing = steps.advance(kept, folder, key, random, step, {**kept.notes, **notes, **counts})
    fold(kept, standing, folder, key, random)
    return counts


def fold(kept: Kept, standing: Standing, folder: Path, key: StateKey, random: Random) -> None:
    """Write the new state whole where so much has changed that looking it up takes longer, or that its files hold much that is gone."""
    if standing.since <= FOLD_FROM and standing.unused <= UNUSED_FROM:
        return
    made = Kept(folder, key, kept.shape)
    try:
        beside = folder / "folded"
        steps.fold(made, beside, key, random)
    finally:
        made.close()
    shutil.rmtree(folder / state.STATE_FOLDER)
    (beside / state.STATE_FOLDER).rename(folder / state.STATE_FOLDER)
    beside.rmdir()


class Ids:
    """IDs by serial: those until now as they stand in persons.csv, new ones from the key."""

    def __init__(self, kept: Kept, key: StateKey, change: Change) -> None:
        self._key, self._following, self._lineage = key, int(kept.notes["next_serial"]), str(kept.notes["lineage"])
        nodes = np.concatenate([change.touched[change.touched < kept.size], change.arrival.dead])
        serial, first = np.unique(kept.persons(nodes), return_index=True)
        self._serials = serial
        written = change.pool.texts(nodes[first]).column("person_id").to_pylist()
        self._written = np.frombuffer("".join(written).encode(), np.uint8).reshape(-1, lines.ID_BYTES)

    def of(self, sought: Nodes) -> lines.Ids:
        found = self._key.person_id_bytes(sought, self._lineage)
        old = sought < self._following
        found[old] = self._written[np.searchsorted(self._serials, sought[old])]
        return found

    def texts(self, sought: Nodes) -> list[str]:
        return texts(self.of(sought))


def events(persons: serials.Renumbering, written: Written) -> list[dict[str, str | None]]:
    """What became of whom, persons newly made left out. `written`: the IDs of serials."""
    return [
        *({"kind": "merge", "person": into, "other": end} for into, end in zip(*map(written, persons.merged), strict=True)),
        *({"kind": "split", "person": person, "other": off} for person, off in zip(*map(written, persons.split), strict=True)),
        *({"kind": "gone", "person": person, "other": None} for person in written(persons.gone)),
    ]


def ended(persons: serials.Renumbering, written: Written) -> dict[str, Any]:
    """How many persons merged, split and are gone, and the IDs that are no more."""
    return {
        "merge": len(persons.merged[1]),
        "split": len(persons.split[1]),
        "gone": len(persons.gone),
        "retired": sorted(written(np.concatenate([persons.merged[1], persons.gone]))),
    }


def texts(ids: lines.Ids) -> list[str]:
    """IDs as texts."""
    return [each.tobytes().decode() for each in ids]


def _review(kept: Kept, folder: Path, change: Change, judge: Judge) -> npt.NDArray[np.void]:
    opened, pool = change.opened, change.pool
    text: list[bytes] = []
    entries = np.zeros(0, state.REVIEW)
    if len(opened):
        ordered = pool.ordered(np.unique(np.concatenate([opened.left, opened.right])))
        place = np.zeros(int(ordered.max()) + 1, np.int64)
        place[ordered] = np.arange(len(ordered))
        one, other = place[opened.left], place[opened.right]
        low, high = np.minimum(one, other), np.maximum(one, other)
        reasons = judge.explain(pool.table(ordered), low, high, opened.weight, opened.decision)
        names = named(pool.texts(ordered))
        explained = pa.table(
            {
                "left": names.take(pa.array(low)),
                "right": names.take(pa.array(high)),
                "weight": pa.array(opened.weight),
                "reasons": reasons.column("reasons"),
                "weights": reasons.column("weights"),
            }
        )
        order = review_file.order(explained)
        text, weights = review_file.text(explained)
        entries = review_file.entries(ordered[low][order], ordered[high][order], np.asarray(weights, np.float64), text)
    return review_file.rewrite(kept.folder / REVIEW_FILE, folder / REVIEW_FILE, kept.review, change.closed, entries, text)


def first_counts(persons: serials.Renumbering, known: int) -> dict[str, Any]:
    """Counts of a whole run; `known`: how many serials there were before."""
    sizes = Counter(np.unique(persons.serials, return_counts=True)[1].tolist())
    return {
        "next_serial": known + len(persons.new),
        "registrations": len(persons.serials),
        "persons": sum(sizes.values()),
        "sizes": {str(size): sizes[size] for size in sorted(sizes)},
    }


def next_counts(kept: Kept, change: Change, following: int) -> dict[str, Any]:
    """What a delivery makes of the counts. Persons are touched as a whole or not at all, so the others' sizes stay."""
    sizes = Counter({int(size): int(count) for size, count in kept.notes["sizes"].items()})
    held = np.concatenate([change.touched[change.touched < kept.size], change.arrival.dead])
    sizes.subtract(np.unique(kept.persons(held), return_counts=True)[1].tolist())
    sizes.update(np.unique(change.persons.serials, return_counts=True)[1].tolist())
    arrival = change.arrival
    return {
        "next_serial": following + len(change.persons.new),
        "registrations": int(kept.notes["registrations"]) + len(arrival.fresh) - len(arrival.dead),
        "persons": sum(sizes.values()),
        "sizes": {str(size): sizes[size] for size in sorted(sizes) if sizes[size]},
    }


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
