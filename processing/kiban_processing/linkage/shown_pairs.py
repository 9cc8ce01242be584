"""示す組 (shown pairs): of all pairs that an increment has in hand, those that people and reports read, with their reasons."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kiban_processing.linkage import by_model
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.increment import Change
from kiban_processing.linkage.state import indexes, pairs
from kiban_processing.linkage.state.kept import NO_PERSON, named
from kiban_processing.linkage.state.pairs import LINK, VETO

PAIRS = pa.schema(
    [("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("decision", pa.string()),
     ("reasons", pa.list_(pa.string())), ("weights", pa.list_(pa.float64()))]
)  # fmt: skip


def of_change(change: Change, judge: by_model.ByModel) -> pa.Table:
    """What is to be shown of the touched: links within a person, doubts, and vetoes of what is new or newly settled."""
    size, found = change.pool.fresh[0] if len(change.pool.fresh) else np.iinfo(np.int64).max, change.found
    order = np.argsort(change.touched)
    serial = np.full(len(found), NO_PERSON, np.int64), np.full(len(found), NO_PERSON, np.int64)
    for side, nodes in zip(serial, (found.left, found.right), strict=True):
        within = indexes.within(nodes, change.touched[order])
        side[within] = change.persons.serials[order][np.searchsorted(change.touched[order], nodes[within])]
    links = found.where((found.decision == LINK) & (serial[0] == serial[1]) & (serial[0] != NO_PERSON))
    vetoed = found.where(found.decision == VETO)
    fresh = (vetoed.left >= size) | (vetoed.right >= size)
    vetoed = vetoed.where(fresh | change.settled.names(vetoed, change.settled.turned))
    shown = pairs.join(links, vetoed, change.doubtful)
    if not len(shown):
        return PAIRS.empty_table()
    ordered = change.pool.ordered(np.unique(np.concatenate([shown.left, shown.right])))
    place = np.zeros(int(ordered.max()) + 1, np.int64)
    place[ordered] = np.arange(len(ordered))
    one, other = place[shown.left], place[shown.right]
    low, high = np.minimum(one, other), np.maximum(one, other)
    settled = change.settled.names(shown, change.settled.acting)
    doubtful = indexes.within(shown.keys(), np.sort(change.doubtful.keys()))
    parted = doubtful & (shown.decision == LINK)
    explained = judge.explain(change.pool.table(ordered), low, high, shown.weight, shown.decision, settled, parted)
    names = named(change.pool.texts(ordered))
    texts = np.where(doubtful, "review", np.where(shown.decision == LINK, "link", "veto"))
    told = pa.table(
        {
            "left": names.take(pa.array(low)),
            "right": names.take(pa.array(high)),
            "weight": shown.weight,
            "decision": pa.array(texts.astype(str), pa.string()),
            "reasons": explained.column("reasons"),
            "weights": explained.column("weights"),
        }
    )
    notable = explained.column("notable").to_numpy() | settled | (shown.decision != VETO)
    return told.filter(pa.array(notable)).cast(PAIRS)


def between(change: Change, left: Nodes, right: Nodes) -> pa.Table:
    """These pairs by name."""
    names = [named(change.pool.texts(nodes)) for nodes in (left, right)]
    return pa.table({"left": names[0], "right": names[1]})
