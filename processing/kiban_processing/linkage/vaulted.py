"""保管庫の名寄せの状態 (vaulted): the linkage of a vault: all registrations at once, or what changed since, with a sealed state and no files.

Beside the state nothing is written: who is whom, and what people should look at, is handed back to whoever keeps the register.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import (
    by_model,
    comparisons,
    folder,
    increment,
    keys,
    parameters,
    relinking,
    row_digests,
    shown_pairs,
    vault_changes,
)
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.increment import Change
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.shown_pairs import PAIRS
from kiban_processing.linkage.state import kept, rows, serials, steps
from kiban_processing.linkage.state.beginning import Beginning
from kiban_processing.linkage.state.kept import NAMES, NO_PERSON, Kept, named
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.steps import Step
from kiban_processing.linkage.vault_changes import Difference, compare

Say = Callable[[str, int, int | None], None]
__all__ = ["PAIRS", "VERSIONS", "Difference", "Linked", "compare", "link_all", "link_changes", "open_state", "usable"]

VERSIONS = {"keys": keys.VERSION, "comparisons": comparisons.VERSION}


@dataclass(frozen=True)
class Linked:
    """What a run says. `clusters`: registration, cluster, of all registrations or of those touched. `gone`: registrations no longer there.

    `pairs`: as of `model.Linked`. Those of an increment take the place of earlier ones: of all pairs of `removed`, of the pairs `single`
    (left, right), and of the links and doubts of everybody in `clusters`.
    """

    clusters: pa.Table
    gone: pa.Array
    pairs: pa.Table
    removed: pa.Array
    single: pa.Table
    model: Model
    report: dict[str, Any]


def open_state(state: Path, key: StateKey) -> Kept:
    """The state of an earlier run. Refuses: linkage-state-damaged, linkage-state-version."""
    return Kept(state, key, by_model.SHAPE)


def usable(state: Kept) -> bool:
    """Whether this version judges as the one that wrote the state did; if not, everything has to be linked again."""
    return state.notes.get("versions") == VERSIONS


def link_all(
    con: duckdb.DuckDBPyConnection, relation: str, decisions: pa.Table, out: Path, key: StateKey, random: Random, say: Say
) -> Linked:
    """Link the registrations of `relation` (`keys.COLUMNS`) by a model and counts of their own, and leave a state in the new folder `out`.

    `decisions`: left, right, same of those that act. Refuses: as `model.link`.
    """
    from kiban_processing.linkage import model  # here, because an increment never needs Splink

    beginning = Beginning(out, key, random, by_model.SHAPE)
    labels: list[Nodes] = []

    def keep(con: duckdb.DuckDBPyConnection, table: str, judged: str, found: Nodes, _model: Model, _frozen: Frozen) -> None:
        relinking.keep_rows(con, f"(SELECT * REPLACE ('' AS site_id) FROM {table})", beginning, len(found), say)
        worth = f"(SELECT * FROM {judged} WHERE decision IN ('link', 'review'))"
        beginning.add_pairs(by_model.read(con, worth, by_model.SUPPORTS))
        labels.append(found)

    try:
        linked = model.link(con, relation, decisions=decisions, keep=keep)
        names = linked.clusters.column("registration").combine_chunks()
        persons = serials.assign(labels[0], np.full(len(names), serials.NOT_YET), np.zeros(len(names), np.int64), np.zeros(0, np.int64), 0)
        review = relinking.with_nodes(linked.pairs.filter(pc.equal(linked.pairs.column("decision"), "review")), names)
        lines = _lines(*(review.column(column).to_numpy() for column in ("left_node", "right_node", "weight")))
        attached = {
            by_model.MODEL_PART: _model_text(linked.model),
            vault_changes.DECISIONS_PART: vault_changes.stream(decisions),
            **relinking.frozen_parts(linked.frozen),
        }
        counts = {**folder.first_counts(persons, 0), "review": len(lines)}
        notes = {**counts, "lineage": beginning.lineage(), "versions": VERSIONS, "model": linked.model.digest()}
        place = np.arange(len(names), dtype=np.int64)
        beginning.finish(persons.serials, place, np.zeros_like(place), lines, attached, notes, row_digests.named_rows(con, relation, names))
    finally:
        beginning.close()
    none = pa.array([], pa.string())
    return Linked(
        linked.clusters, none, linked.pairs.select(PAIRS.names).cast(PAIRS), none, PAIRS.empty_table(), linked.model, linked.report
    )


def link_changes(
    con: duckdb.DuckDBPyConnection, state: Kept, decisions: pa.Table, out: Path, key: StateKey, random: Random, say: Say
) -> Linked:
    """Link `linkage_changed` and take out `linkage_gone` (see `compare`) by the state's model and counts; leave the next state in `out`.

    `decisions`: left, right, same of all that act now; those that turned since the state was written judge their clusters again.
    Refuses: linkage-state-damaged, linkage-model-unusable, linkage-decisions-contradict.
    """
    model = parameters.read(state.attached(by_model.MODEL_PART).decode(), "model.json")
    frozen = by_model.frozen_of(state)
    judge = by_model.ByModel(con, model, frozen.registrations)
    with vault_changes.in_haste(con):
        delivery, digests = vault_changes.delivery(con, state, frozen, decisions)
        change = increment.judge(state, delivery, rows.pack(delivery.keys.drop_columns(["local_patient_id"])), judge)
    say("link", delivery.keys.num_rows, delivery.keys.num_rows)
    counts = _advance(state, out, key, random, change, delivery, digests, decisions)
    touched = named(change.pool.texts(change.touched))
    first = np.unique(change.persons.serials, return_index=True, return_inverse=True)
    clusters = pa.table({"registration": touched, "cluster": touched.take(pa.array(first[1][first[2]]))})
    made = shown_pairs.of_change(change, judge)
    removed = named(state.texts(change.arrival.dead))
    single = shown_pairs.between(change, change.settled.left[change.settled.turned], change.settled.right[change.settled.turned])
    report = {
        "registrations": counts["registrations"],
        "clusters": counts["persons"],
        "cluster_sizes": counts["sizes"],
        "pairs": {"compared": change.compared},
        "model": model.as_json(),
        "settings": {"link_weight": model.link_weight, "review_weight": model.review_weight},
        "changed": {
            "brought": len(change.arrival.fresh), "removed": len(change.arrival.erased), "judged_again": len(change.touched),
            "decisions": int(change.settled.turned.sum()),
        },
    }  # fmt: skip
    return Linked(clusters, delivery.withdrawn, made, removed, single, model, report)


def _advance(
    state: Kept, out: Path, key: StateKey, random: Random, change: Change, delivery: increment.Delivery, digests: npt.NDArray[np.uint64],
    decisions: pa.Table,
) -> dict[str, Any]:  # fmt: skip
    """Write the next state; returns its counts."""
    pool, persons, arrival = change.pool, change.persons, change.arrival
    old = change.touched < state.size
    moved = old & (change.before != persons.serials)
    corrected = arrival.replaced != NO_PERSON
    serial_of = np.zeros(len(pool.fresh), np.int64)
    serial_of[change.touched[~old] - state.size] = persons.serials[~old]
    place = pool.fresh.copy()
    place[corrected] = state.line(arrival.replaced[corrected])[0]
    brought = delivery.keys.column("registration").combine_chunks()
    names = np.zeros(len(brought), NAMES)
    names["registration"], names["digest"] = row_digests.fixed(brought), digests
    # Written otherwise, but the same to every comparison: no new node, only another digest.
    alike = np.setdiff1d(np.arange(len(names)), arrival.fresh)
    renamed = state.find(brought.take(pa.array(alike)), delivery.prefixes[alike])
    opened = change.opened
    review = np.concatenate([state.review[~change.closed], _lines(opened.left, opened.right, opened.weight)])
    step = Step(
        pool.rows(pool.fresh), change.prefixes, serial_of, place, np.zeros_like(place), arrival.dead, arrival.erased,
        (change.touched[moved], persons.serials[moved]), change.pairs, review, state.cuts, names[arrival.fresh], (renamed, names[alike]),
        {vault_changes.DECISIONS_PART: vault_changes.stream(decisions)},
    )  # fmt: skip
    counts = {**folder.next_counts(state, change, int(state.notes["next_serial"])), "review": len(review)}
    standing = steps.advance(state, out, key, random, step, {**state.notes, **counts})
    folder.fold(state, standing, out, key, random)
    return counts


def _lines(left: Nodes, right: Nodes, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
    made = np.zeros(len(left), kept.REVIEW)
    made["left"], made["right"], made["weight"] = left, right, weight
    return made


def _model_text(model: Model) -> bytes:
    return (json.dumps(model.as_json(), ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
