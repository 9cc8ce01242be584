"""増分 (increment): a delivery is linked against what was kept, at the cost of what it brings; the outcome is that of linking all anew.

What a delivery touches: the registrations it brings, corrects or withdraws; pairs that its pairs support, or supported; and all
registrations joined to those by links. Everything else keeps its judgement and its person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage import arrivals, clusters
from kiban_processing.linkage.arrivals import Arrival, Delivery
from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.hand import Hand
from kiban_processing.linkage.households import Households
from kiban_processing.linkage.state import indexes, pairs, serials
from kiban_processing.linkage.state.judging import Judge
from kiban_processing.linkage.state.kept import NO_PERSON, Kept
from kiban_processing.linkage.state.local import Local
from kiban_processing.linkage.state.pairs import LINK, Pairs
from kiban_processing.linkage.state.pool import Pool
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.serials import Renumbering
from kiban_processing.linkage.state.settled import Settled, settle

__all__ = ["Arrival", "Change", "Delivery", "judge"]


@dataclass(frozen=True)
class Change:
    """What a delivery does. `touched`: living nodes judged again, in the order of their registrations, with their new `persons`.
    `pairs`: judged anew. `within`: all judged pairs of touched nodes, by place in `touched`. `opened`: pairs that people should now look at (of `pairs` or kept); `closed`: lines of review.csv to take out.

    `doubtful`: all pairs with a touched node that people should look at, listed before or not. `found`: all pairs in hand, as `settled` by
    people: kept ones of touched nodes, compared ones, settled ones; `pairs` are as the model judges them, and so are those that are kept.
    """

    arrival: Arrival
    pool: Pool
    touched: Nodes
    before: Nodes
    persons: Renumbering
    pairs: Pairs
    within: Pairs
    opened: Pairs
    closed: Flags
    prefixes: npt.NDArray[np.uint64]
    compared: int
    doubtful: Pairs
    found: Pairs
    settled: Settled


def judge(kept: Kept, delivery: Delivery, packed: Rows, judge: Judge) -> Change:
    """Judge what a delivery touches. `packed`: the rows of `delivery.keys`."""
    arrival, pool = arrivals.received(kept, delivery, packed)
    settled = settle(kept, delivery.decisions, arrival.dead, delivery.keys.column("registration").combine_chunks(), arrival.fresh)
    hand = Hand(kept, pool, judge, arrival.dead)
    work = _Work(hand, arrival, settled)
    compared = hand.compare(hand.candidates())
    changed = Households(hand).support(compared)
    touched, edges = work.touched(changed)
    inside = work.inside(touched, edges)
    found = settled.over(pairs.join(edges, inside))
    local = Local(touched)
    labels = clusters.gather(judge.edges(local.of(edges)), local.of(found).vetoes(), pool.rows(touched)["site"].astype(np.int64))
    within = local.of(found)
    before, place = work.persons(touched)
    left_over = kept.persons(arrival.dead)
    renumbered = serials.assign(labels, before, place, left_over, int(kept.notes["next_serial"]))
    doubtful, opened, closed = work.review(touched, labels, edges)
    return Change(
        arrival, pool, touched, before, renumbered, changed, within, opened, closed, delivery.prefixes[arrival.fresh],
        len(compared) + len(inside), doubtful, found, settled,
    )  # fmt: skip


class _Work:
    def __init__(self, hand: Hand, arrival: Arrival, settled: Settled) -> None:
        self._hand, self._replaced, self._settled = hand, arrival.replaced, settled

    def touched(self, changed: Pairs) -> tuple[Nodes, Pairs]:
        """All nodes joined by links, as they are now, to what changed, in the order of registrations; and their pairs, as people settled them."""
        among_old = (changed.left < self._hand.kept.size) & (changed.right < self._hand.kept.size)
        turned = changed.where(among_old | (changed.decision == LINK))
        links = self._hand.lost.where(self._hand.lost.decision == LINK)
        reached = np.concatenate([self._hand.fresh, turned.left, turned.right, links.left, links.right, self._settled.turned_ends()])
        reached = np.setdiff1d(reached, self._hand.dead)
        expanded = np.zeros(0, np.int64)
        edges = pairs.join(self._decided(), changed)
        while len(frontier := np.setdiff1d(reached, expanded)):
            # A pair that people settled stands here as it was compared; what was kept of it has its support.
            edges = pairs.join(edges, self._hand.kept_pairs(frontier), changed)
            expanded = np.union1d(expanded, frontier)
            linked = self._settled.over(edges)
            linked = linked.where(linked.decision == LINK)
            near = indexes.within(linked.left, reached) | indexes.within(linked.right, reached)
            reached = np.unique(np.concatenate([reached, linked.left[near], linked.right[near]]))
        return self._hand.pool.ordered(reached), self._settled.over(edges)

    def _decided(self) -> Pairs:
        """Pairs that people settled, compared; those whose settlement is revoked only where the model compares them."""
        acting = self._settled.acting
        left, right = self._settled.left, self._settled.right
        revoked = self._hand.agreeing(left[~acting], right[~acting])
        return self._hand.compare((np.concatenate([left[acting], revoked[0]]), np.concatenate([right[acting], revoked[1]])))

    def inside(self, touched: Nodes, edges: Pairs) -> Pairs:
        """Pairs of touched nodes that links join, directly or not, and that were judged before and left apart: for their vetoes."""
        local = Local(touched)
        linked = local.of(edges.where(edges.decision == LINK))
        groups = clusters.components(len(touched), linked.left, linked.right)
        keys = pairs.among(groups.astype(np.uint64), touched)
        keys = keys[~indexes.within(_undirected(keys), np.sort(edges.keys()))]
        left, right = pairs.unpacked(keys)
        return self._hand.compare(self._hand.agreeing(left, right))

    def persons(self, touched: Nodes) -> tuple[Nodes, Nodes]:
        """Serial until now and seniority of the touched nodes: a corrected registration is whom it was."""
        old = touched.copy()
        new = touched >= self._hand.kept.size
        old[new] = self._replaced[touched[new] - self._hand.kept.size]
        known = old != NO_PERSON
        before, place = np.full(len(touched), serials.NOT_YET, np.int64), np.full(len(touched), np.iinfo(np.int64).max)
        before[known] = self._hand.kept.persons(old[known])
        place[known] = self._hand.kept.line(old[known])[0]
        return before, place

    def review(self, touched: Nodes, labels: Nodes, found: Pairs) -> tuple[Pairs, Pairs, Flags]:
        """Pairs to be looked at; those of them that were not, or not in this way; and the lines that go."""
        inner = Local(touched)
        concerned = found.where(inner.has(found.left) | inner.has(found.right))
        ends = np.unique(np.concatenate([touched, concerned.left, concerned.right]))
        ordered = self._hand.pool.ordered(ends)
        outer = Local(ordered)
        # Whoever lies outside is the person he was; touched groups have numbers of their own.
        group = np.full(len(ordered), NO_PERSON, np.int64)
        group[outer.place(touched)] = -2 - labels
        others = np.flatnonzero(group == NO_PERSON)
        group[others] = self._hand.kept.persons(ordered[others])
        local = outer.of(concerned)
        now = local.where(local.open(group)).numbered(ordered)
        lines = self._hand.kept.review
        left, right = lines["left"].astype(np.int64), lines["right"].astype(np.int64)
        listed = pairs.packed(np.minimum(left, right), np.maximum(left, right))
        closed = indexes.within(left, self._hand.dead) | indexes.within(right, self._hand.dead)
        concern = np.flatnonzero(inner.has(left) | inner.has(right))
        order = np.argsort(now.keys())
        at = order[np.minimum(np.searchsorted(now.keys()[order], listed[concern]), len(now) - 1)] if len(now) else np.zeros(0, np.int64)
        stays = np.zeros(len(concern), np.bool_)
        if len(now):
            stays = (now.keys()[at] == listed[concern]) & (now.weight[at] == lines["weight"][concern])
        closed[concern[~stays]] = True
        return now, now.where(~indexes.within(now.keys(), np.sort(listed[~closed]))), closed


def _undirected(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    high, low = pairs.unpacked(keys)
    return pairs.packed(np.minimum(high, low), np.maximum(high, low))
