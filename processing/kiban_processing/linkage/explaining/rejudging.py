"""判定の再現 (rejudging): what a run judged, told again from its sealed state: rows judged by the stored model, and what it keeps of them.

Links and doubts are kept with their weight, the households' support included; vetoes and pairs left apart are judged again. A judgement
depends on the two rows, the model and the frozen counts alone, so both say what the run said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import by_model, registrations
from kiban_processing.linkage.by_model import ByModel
from kiban_processing.linkage.explaining import judgements, pairs, person, suspicious, unproposed
from kiban_processing.linkage.explaining.judgements import Flags, Judgements, Nodes
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.state import indexes, rows
from kiban_processing.linkage.state import pairs as kept_pairs
from kiban_processing.linkage.state.kept import NO_PERSON, Kept, named
from kiban_processing.linkage.state.pairs import LINK, REVIEW, Pairs
from kiban_processing.linkage.state.pool import Pool, keys_table

_NAMES = pa.array(sorted(kept_pairs.CODES, key=kept_pairs.CODES.__getitem__), pa.string())
_PAIRS_AT_A_TIME = 500_000


@dataclass(frozen=True)
class Everything:
    """All that a run judged. Nodes are places in the order of registrations, as in the run. `own`, `shared`: which kind of block proposed
    each pair (see `unproposed`). `ids`: the person ID of each registration."""

    known: Judgements
    own: Flags
    shared: Flags
    members: suspicious.Members
    registrations: pa.Array
    ids: pa.Array


class Rejudged:
    """The judgements behind an outcome. `con` is left as it was."""

    def __init__(self, con: duckdb.DuckDBPyConnection, kept: Kept) -> None:
        """Refuses: linkage-state-damaged, linkage-model-unusable."""
        self._con, self._kept = con, kept
        self.model: Model = by_model.model_of(kept)
        nobody = pa.table({column: pa.array([], pa.string()) for column in ("site_id", "local_patient_id")})
        self._pool = Pool(kept, kept.rows(np.zeros(0, np.int64)), nobody)

    @cached_property
    def _judge(self) -> ByModel:
        return ByModel(self._con, self.model, by_model.frozen_of(self._kept).registrations)

    def nodes(self, names: pa.Array) -> Nodes:
        """The nodes of registrations (hospital, 0x1F, number).

        Refuses: linkage-registration-unknown.
        """
        self._con.register("linkage_named", pa.table({"place": np.arange(len(names)), "registration": names}))
        try:
            found = self._con.execute(
                f"SELECT {registrations.prefix_sql('registration')} AS prefix FROM linkage_named ORDER BY place"
            ).fetchnumpy()
        finally:
            self._con.unregister("linkage_named")
        nodes = self._kept.find(names, np.asarray(found["prefix"], np.uint64))
        if (nodes == NO_PERSON).any():
            raise person.UNKNOWN_REGISTRATION.refuse()
        return nodes

    def pair(self, one: str, other: str) -> pairs.Waterfall:
        """Why two registrations were judged so; for two that were never compared, what the model says of them.

        Refuses: linkage-registration-unknown, linkage-pair-of-one, linkage-weights-disagree.
        """
        if one == other:
            raise pairs.PAIR_OF_ONE.refuse()
        left, right = (np.array([node]) for node in self.nodes(pa.array([one, other])))
        compared = bool(self._agree(left, right)[0])
        told = pairs.read(self.told(self.judged(left, right)))[0]
        together = bool(self._kept.persons(left)[0] == self._kept.persons(right)[0])
        return pairs.explain(told, self.model, pairs.standing(told.decision, compared, together))

    def person(self, names: pa.Array) -> person.Because:
        """Why these registrations, all of one person, are one; and who was kept apart from it.

        Refuses: linkage-registration-unknown.
        """
        members = self.nodes(names)
        sought = self._kept.rows(members)
        place, found = self._kept.alike(sought)
        keys = np.unique(kept_pairs.packed(np.minimum(members[place], found), np.maximum(members[place], found)))
        left, right = kept_pairs.unpacked(keys)
        left, right = left[left != right], right[left != right]
        agree = self._agree(left, right)
        stored = self._kept.pairs(members)
        both = kept_pairs.join(self.judged(left[agree], right[agree]), stored)
        told = self.told(both)
        inside = np.isin(both.left, members) & np.isin(both.right, members)
        worth = inside | told.column("notable").to_numpy() | np.isin(both.decision, (LINK, REVIEW))
        return person.explain(
            told.filter(pa.array(worth)), pa.table({"registration": names, "cluster": pa.array(["-"] * len(names))}), names[0].as_py()
        )

    def judged(self, left: Nodes, right: Nodes) -> Pairs:
        """Pairs of nodes as the run judged them, each once."""
        if not len(left):
            return kept_pairs.none()
        ends = np.unique(np.concatenate([left, right]))
        ordered = self._pool.ordered(ends)
        one, other = _places(ordered, left), _places(ordered, right)
        again = self._judge.compare(self._pool.table(ordered), np.minimum(one, other), np.maximum(one, other)).numbered(ordered)
        stored = self._kept.pairs(ends)
        return kept_pairs.join(again, stored.where(indexes.within(stored.keys(), np.sort(again.keys()))))

    def told(self, judged: Pairs) -> pa.Table:
        """left, right, weight, decision, reasons, weights of each pair, and whether it is `notable` (see `evidence.judge`).

        A link that would have joined two persons is a doubt, as in review.csv.
        """
        if not len(judged):
            return _NOTHING
        ordered = self._pool.ordered(np.unique(np.concatenate([judged.left, judged.right])))
        one, other = _places(ordered, judged.left), _places(ordered, judged.right)
        low, high = np.minimum(one, other), np.maximum(one, other)
        parted = (judged.decision == LINK) & (self._kept.persons(judged.left) != self._kept.persons(judged.right))
        because = self._judge.explain(self._pool.table(ordered), low, high, judged.weight, np.where(parted, LINK, REVIEW).astype(np.uint8))
        names = named(self._pool.texts(ordered))
        return pa.table(
            {
                "left": names.take(pa.array(low)),
                "right": names.take(pa.array(high)),
                "weight": judged.weight,
                "decision": _NAMES.take(pa.array(np.where(parted, REVIEW, judged.decision))),
                **{column: because.column(column) for column in because.column_names},
            }
        )

    def everything(self) -> Everything:
        """All pairs that the run compared, judged again: takes about as long as judging them did."""
        alive = np.flatnonzero(self._kept.persons(np.arange(self._kept.size)) != NO_PERSON)
        texts = self._kept.texts(alive)
        order = pc.sort_indices(named(texts)).to_numpy()
        nodes, texts = alive[order], texts.take(pa.array(order)).combine_chunks()
        held = self._kept.rows(nodes)
        table = keys_table(texts, held, self._kept.schema)
        left, right = _candidates(held, self._kept.shape.rules)
        parts, own, shared = [kept_pairs.none()], [], []
        for start in range(0, len(left), _PAIRS_AT_A_TIME):
            one, other = (side[start : start + _PAIRS_AT_A_TIME] for side in (left, right))
            here, there = held[one], held[other]
            agree = rows.agree(here, there, self._kept.shape.rules)
            one, other, here, there = one[agree], other[agree], here[agree], there[agree]
            judged = self._judge.compare(table, one, other)
            parts.append(judged.where(np.argsort(judged.keys())))
            own.append(rows.agree(here, there, unproposed.OWN))
            shared.append(rows.agree(here, there, unproposed.SHARED))
        again = Pairs(*(np.concatenate([getattr(part, column) for part in parts]) for column in (each.name for each in fields(Pairs))))
        judged = _overridden(again, kept_pairs.whole(self._kept.pages, self._kept.dead), nodes)
        serial = self._kept.persons(nodes)
        _, first, which = np.unique(serial, return_index=True, return_inverse=True)
        known = judgements.of_state(judged, first[which])
        nothing = [np.zeros(0, np.bool_)]
        return Everything(
            known,
            np.concatenate(nothing + own),
            np.concatenate(nothing + shared),
            suspicious.of_rows(held),
            named(texts),
            texts.column("person_id").combine_chunks(),
        )

    def _agree(self, left: Nodes, right: Nodes) -> Flags:
        return rows.agree(self._kept.rows(left), self._kept.rows(right), self._kept.shape.rules)


_NOTHING = pa.table(
    {
        **{column: pa.array([], pa.string()) for column in ("left", "right", "decision")},
        "weight": pa.array([], pa.float64()),
        "reasons": pa.array([], pa.list_(pa.string())),
        "weights": pa.array([], pa.list_(pa.float64())),
        "notable": pa.array([], pa.bool_()),
    }
)


def _places(ordered: Nodes, nodes: Nodes) -> Nodes:
    by_node = np.argsort(ordered)
    return by_node[np.searchsorted(ordered[by_node], nodes)]


def _candidates(held: rows.Rows, rules: Sequence[Sequence[str]]) -> tuple[Nodes, Nodes]:
    """Pairs of rows, the lower first and in their order, that may agree in a rule."""
    found = [np.zeros(0, np.uint64)]
    for rule in rules:
        known, prefix = rows.prefixes(held, rule)
        found.append(kept_pairs.among(prefix[known], np.flatnonzero(known)))
    return kept_pairs.unpacked(np.unique(np.concatenate(found)))


def _overridden(again: Pairs, stored: Pairs, nodes: Nodes) -> Pairs:
    """Pairs of places in `nodes`, in their order, with what is stored of them."""
    stored = replace(stored, left=_places(nodes, stored.left), right=_places(nodes, stored.right))
    keys = again.keys()
    at = np.minimum(np.searchsorted(keys, stored.keys()), max(len(keys) - 1, 0))
    found = keys[at] == stored.keys() if len(keys) else np.zeros(0, np.bool_)
    weight, decision = again.weight.copy(), again.decision.copy()
    weight[at[found]], decision[at[found]] = stored.weight[found], stored.decision[found]
    return replace(again, weight=weight, decision=decision)
