"""判定の配列 (judgements): all judged pairs and the persons made of them as arrays, so that millions are counted at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.explaining import graphs, pairs
from kiban_processing.linkage.state.pairs import CODES, Pairs

Nodes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Weights = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]

LINK, REVIEW, VETO, APART = range(4)  # places in `pairs.DECISIONS`
_SETTLED = "1000.0e0"  # bits; beyond any sum of weights


@dataclass(frozen=True)
class Judgements:
    """Judged pairs and persons. `left`, `right`, `weight` (log2 odds), `decision` (a place in `pairs.DECISIONS`): one entry per pair, each pair once.

    `labels`: the person of each node, as the lowest node of the person; `left` and `right` are nodes.
    """

    left: Nodes
    right: Nodes
    weight: Weights
    decision: Kinds
    labels: Nodes

    @cached_property
    def together(self) -> Flags:
        """Which pairs lie in one person."""
        return np.asarray(self.labels[self.left] == self.labels[self.right])

    @cached_property
    def doubt(self) -> Weights:
        """Probability that a pair is two persons, by the model."""
        return np.asarray(1 / (1 + np.exp2(np.clip(self.weight, -1000, 1000))), np.float64)


def of_state(judged: Pairs, labels: Nodes) -> Judgements:
    """From pairs as a state keeps them, of nodes whose persons are `labels`."""
    kinds = np.array([pairs.DECISIONS.index(name) for name in sorted(CODES, key=CODES.__getitem__)], np.int8)
    return Judgements(judged.left, judged.right, judged.weight, kinds[judged.decision], labels)


def sizes(labels: Nodes) -> Nodes:
    """For each node the number of registrations of the person it is the lowest node of; 0 at all others."""
    return np.bincount(labels, minlength=len(labels)).astype(np.int64)


@dataclass(frozen=True)
class Within:
    """Every pair of registrations inside one person; `judged`: its place among the judged pairs, -1 where it was not compared."""

    left: Nodes
    right: Nodes
    judged: Nodes


def within(known: Judgements, least: int = 2, most: int = 200) -> Within:
    """All pairs inside persons of `least` to `most` registrations; larger ones would fill the memory and are wrong anyway."""
    size = sizes(known.labels)[known.labels]
    nodes = np.flatnonzero((size >= least) & (size <= most))
    order = nodes[np.argsort(known.labels[nodes], kind="stable")]
    labels = known.labels[order]
    ends = np.searchsorted(labels, labels, side="right")
    place = np.arange(len(order), dtype=np.int64)
    later = (ends - place - 1).astype(np.int64)
    left = np.repeat(order, later)
    right = order[graphs.expanded(place + 1, later)] if len(order) else order
    return Within(left, right, _looked_up(known, left, right))


def _looked_up(known: Judgements, left: Nodes, right: Nodes) -> Nodes:
    size = max(len(known.labels), 1)
    held = np.minimum(known.left, known.right) * size + np.maximum(known.left, known.right)
    asked = np.minimum(left, right) * size + np.maximum(left, right)
    if not len(held):
        return np.full(len(asked), -1, np.int64)
    order = np.argsort(held, kind="stable")
    at = np.minimum(np.searchsorted(held[order], asked), len(held) - 1)
    found = order[at]
    return np.where(held[found] == asked, found, -1)


@dataclass(frozen=True)
class Between:
    """Pairs of persons that were compared: of each its strongest pair (`strongest`, a place among the judged pairs), how many pairs of registrations
    lie between the two (`pairs`), and whether one of the judged ones is vetoed."""

    strongest: Nodes
    pairs: Nodes
    vetoed: Flags


def between(known: Judgements) -> Between:
    """One entry for each two persons with a judged pair between them; if they were one, all pairs between them would be missed."""
    apart = np.flatnonzero(~known.together)
    one, other = known.labels[known.left[apart]], known.labels[known.right[apart]]
    key = np.minimum(one, other) * len(known.labels) + np.maximum(one, other)
    if not len(apart):
        return Between(apart, apart, np.zeros(0, np.bool_))
    order = np.argsort(key)
    key, places = key[order], apart[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    weight = known.weight[places]
    greatest = np.repeat(np.maximum.reduceat(weight, first), np.diff(np.append(first, len(key))))
    strongest = np.minimum.reduceat(np.where(weight == greatest, places, len(known.left)), first)
    vetoed = np.logical_or.reduceat(known.decision[places] == VETO, first)
    size = sizes(known.labels)
    return Between(strongest, size[key[first] // len(known.labels)] * size[key[first] % len(known.labels)], np.asarray(vetoed))


def of_tables(con: duckdb.DuckDBPyConnection, judged: str, labels: Nodes) -> Judgements:
    """From a run's own table of judged pairs (left, right: nodes, weight, decision; settled where people decided) and the person of each node.

    What people settled has no doubt.
    """
    settled = "settled" in {column[0] for column in con.execute(f"SELECT * FROM {judged} LIMIT 0").description or ()}
    weight = f"CASE WHEN settled THEN {_SETTLED} WHEN NOT settled THEN -{_SETTLED} ELSE weight END" if settled else "weight"
    places = " ".join(f"WHEN '{decision}' THEN {place}" for place, decision in enumerate(pairs.DECISIONS))
    found = con.execute(f"""
        SELECT "left", "right", {weight} AS weight, CAST(CASE decision {places} END AS TINYINT) AS decision FROM {judged}
        ORDER BY "left", "right" """).fetchnumpy()
    left, right = (np.asarray(found[side], np.int64) for side in ("left", "right"))
    return Judgements(left, right, np.asarray(found["weight"], np.float64), np.asarray(found["decision"], np.int8), labels)
