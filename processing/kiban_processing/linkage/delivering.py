"""追加の名寄せ (delivering): what changed since an earlier outcome is linked against its state."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import by_model, folder, increment, keys, registrations
from kiban_processing.linkage.explaining import judgements, suspicious
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.municipalities import Gazetteer, Mergers, read_mergers
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.registrations import Received
from kiban_processing.linkage.state import rows
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.pages import Random
from kiban_processing.linkage.state.sealing import StateKey

PLACES_PART, MERGERS_PART = "municipalities", "mergers"
QUALITY_PART = "quality"


def deliver(
    con: duckdb.DuckDBPyConnection, received: Received, previous: Path, out: Path, key: StateKey, random: Random, say: Any
) -> tuple[dict[str, Any], str]:
    """Link a delivery against the state in `previous` and write the whole outcome into the new folder `out`.

    Returns the report and the model as text. Refuses: linkage-state-damaged, linkage-state-version, linkage-model-unusable.
    """
    kept = Kept(previous, key, by_model.SHAPE)
    try:
        text = kept.attached(by_model.MODEL_PART).decode()
        model, frozen = by_model.model_of(kept), by_model.frozen_of(kept)
        mergers = mergers_of(kept)
        counts = registrations.lay(con, received, withdrawn="linkage_withdrawn")
        delivery = _delivery(con, frozen, mergers)
        judge = by_model.ByModel(con, model, frozen.registrations)
        say("link", 0, delivery.keys.num_rows)
        change = increment.judge(kept, delivery, rows.pack(delivery.keys.drop_columns(["local_patient_id"])), judge)
        say("write", 0, None)
        notes = {
            "deliveries": kept.notes["deliveries"] + 1,
            "changed": kept.notes["changed"] + len(change.arrival.fresh) + len(change.arrival.erased),
        }
        made = folder.write_next(kept, out, key, random, change, judge, notes)
        ids = folder.Ids(kept, key, change)
        arrival = change.arrival
        return {
            "rows": {
                **counts,
                "unchanged": arrival.unchanged,
                "corrected": int((arrival.replaced >= 0).sum()),
                "added": int((arrival.replaced < 0).sum()),
                "withdrawn": len(arrival.erased),
                "withdrawn_unknown": arrival.unknown,
            },
            "persons": {"count": made["persons"], "new": len(change.persons.new), **folder.ended(change.persons, ids.texts)},
            "events": folder.events(change.persons, ids.texts),
            "differences": [],
            "touched": {
                "registrations": len(change.touched),
                "persons": len(np.unique(change.persons.serials)),
                "pairs_compared": change.compared,
                "review_opened": len(change.opened),
                "review_closed": int(change.closed.sum()),
            },
            "linkage": {
                "registrations": made["registrations"],
                "clusters": made["persons"],
                "cluster_sizes": made["sizes"],
                "pairs": {"review": made["review"]},
                "model": model.as_json(),
                "suspicious_of_touched": _suspicious(change, model, ids),
                "quality_of_last_full_run": {**json.loads(kept.attached(QUALITY_PART)), **notes},
            },
        }, text
    finally:
        kept.close()
        for table in ("linkage_registrations", "linkage_withdrawn"):
            con.execute(f"DROP TABLE IF EXISTS {table}")


def _suspicious(change: increment.Change, model: Model, ids: folder.Ids) -> dict[str, Any]:
    """Persons that this delivery touched and that people should check for a split."""
    serial = change.persons.serials
    _, first, which = np.unique(serial, return_index=True, return_inverse=True)
    known = judgements.of_state(change.within, first[which])
    found = suspicious.find(known, suspicious.of_rows(change.pool.rows(change.touched)), model)
    listed = found.column("person").to_numpy()[: suspicious.LISTED]
    named = dict(zip(listed.tolist(), ids.texts(serial[listed]), strict=True))
    return suspicious.as_json(found, pa.array([named.get(node) for node in range(len(serial))], pa.string()))


def mergers_of(kept: Kept) -> Mergers:
    """The municipalities, and their mergers, that an earlier run read addresses by."""
    table = kept.attached(MERGERS_PART)
    return replace(read_mergers(table) if table else Mergers(), today=Gazetteer.read(kept.attached(PLACES_PART).decode()))


def _delivery(con: duckdb.DuckDBPyConnection, frozen: Frozen, mergers: Mergers) -> increment.Delivery:
    table = keys.normalise_relation(con, "linkage_registrations", frozen, "linkage_delivered", mergers)
    try:
        found = con.execute(f"""
            SELECT k.*, r.local_patient_id, {registrations.prefix_sql("k.registration")} AS prefix
            FROM {table} k JOIN linkage_registrations r USING (registration) ORDER BY k.node""").to_arrow_table()
    finally:
        con.execute(f"DROP TABLE IF EXISTS {table}")
    gone = con.execute(
        f"SELECT registration, {registrations.prefix_sql('registration')} AS prefix FROM linkage_withdrawn ORDER BY 1"
    ).to_arrow_table()
    return increment.Delivery(
        found.drop_columns(["prefix"]), _prefixes(found), gone.column("registration").combine_chunks().cast(pa.string()), _prefixes(gone)
    )


def _prefixes(table: pa.Table) -> npt.NDArray[np.uint64]:
    return np.asarray(table.column("prefix").to_numpy(), np.uint64)
