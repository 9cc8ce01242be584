"""増分 (increment): a delivery is linked against what was kept, at the cost of what it brings; the outcome is that of linking all anew.

What a delivery touches: the registrations it brings, corrects or withdraws; pairs that its pairs support, or supported; and all
registrations joined to those by links. Everything else keeps its judgement and its person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import clusters
from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.state import indexes, pairs, rows, serials
from kiban_processing.linkage.state.judging import Judge
from kiban_processing.linkage.state.kept import NO_PERSON, Kept, household_values
from kiban_processing.linkage.state.pairs import LINK, Pairs
from kiban_processing.linkage.state.pool import Pool
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.serials import Renumbering
from kiban_processing.linkage.state.settled import NOBODY_DECIDED, Decisions, Settled, settle

_How = Callable[[pa.Table, Nodes, Nodes], Pairs]


@dataclass(frozen=True)
class Delivery:
    """`keys`: a keys table of the registrations brought or corrected, in the order of their names, with `local_patient_id`; `prefixes` of
    the same. `withdrawn`: registrations to be removed, with their `withdrawn_prefixes`. `decisions`: what people have settled."""

    keys: pa.Table
    prefixes: npt.NDArray[np.uint64]
    withdrawn: pa.Array
    withdrawn_prefixes: npt.NDArray[np.uint64]
    decisions: Decisions = NOBODY_DECIDED


@dataclass(frozen=True)
class Arrival:
    """A delivery beside what is kept. `fresh`: places in the delivery of rows that are new or different; `replaced`: the node each of
    them takes the place of, or NO_PERSON. `erased`: nodes withdrawn. Counts: rows that change nothing, withdrawals of nothing known."""

    fresh: Nodes
    replaced: Nodes
    erased: Nodes
    unchanged: int
    unknown: int

    @property
    def dead(self) -> Nodes:
        return np.asarray(np.unique(np.concatenate([self.erased, self.replaced[self.replaced != NO_PERSON]])))


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


def arrive(kept: Kept, delivery: Delivery, packed: Rows) -> Arrival:
    """Tell what is new in a delivery. `packed`: the rows of `delivery.keys`."""
    known = kept.find(delivery.keys.column("registration").combine_chunks(), delivery.prefixes)
    at = np.flatnonzero(known != NO_PERSON)
    equal = at[rows.same(packed[at], kept.rows(known[at]))]
    fresh = np.setdiff1d(np.arange(len(packed)), equal)
    withdrawn = kept.find(delivery.withdrawn, delivery.withdrawn_prefixes)
    found = withdrawn[withdrawn != NO_PERSON]
    return Arrival(fresh, known[fresh], np.unique(found), len(equal), len(withdrawn) - len(found))


def judge(kept: Kept, delivery: Delivery, packed: Rows, judge: Judge) -> Change:
    """Judge what a delivery touches. `packed`: the rows of `delivery.keys`."""
    arrival, pool = _arrive(kept, delivery, packed)
    settled = settle(kept, delivery.decisions, arrival.dead, delivery.keys.column("registration").combine_chunks(), arrival.fresh)
    work = _Work(kept, arrival, pool, judge, settled)
    compared = work.compare(work.candidates())
    changed = work.support(compared)
    touched, edges = work.touched(changed)
    inside = work.inside(touched, edges)
    found = settled.over(pairs.join(edges, inside))
    local = _Local(touched)
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


class _Local:
    """Touched nodes by their place in the order of registrations."""

    def __init__(self, touched: Nodes) -> None:
        self._order = np.argsort(touched)
        self._sorted = touched[self._order]

    def of(self, found: Pairs) -> Pairs:
        """Those pairs that lie within, by place, the lower first."""
        within = found.where(self.has(found.left) & self.has(found.right))
        left, right = self.place(within.left), self.place(within.right)
        return Pairs(np.minimum(left, right), np.maximum(left, right), within.weight, within.decision, within.certain, within.supports)

    def has(self, nodes: Nodes) -> Flags:
        return indexes.within(nodes, self._sorted)

    def place(self, nodes: Nodes) -> Nodes:
        return self._order[np.searchsorted(self._sorted, nodes)]


class _Work:
    def __init__(self, kept: Kept, arrival: Arrival, pool: Pool, judge: Judge, settled: Settled) -> None:
        self._kept, self._pool, self._judge, self._settled = kept, pool, judge, settled
        self._fresh, self._replaced = pool.fresh, arrival.replaced
        self._dead = arrival.dead
        self._lost = self._once_kept(self._dead)
        self._asked, self._known = np.zeros(0, np.int64), pairs.none()

    def candidates(self) -> tuple[Nodes, Nodes]:
        """Pairs of a new node with an old or a new one that agree in a rule."""
        fresh = self._pool.rows(self._fresh)
        place, node = self._kept.alike(fresh)
        living = ~indexes.within(node, self._dead)
        parts = [pairs.packed(self._fresh[place[living]], node[living])]
        for rule in self._kept.shape.rules:
            known, prefix = rows.prefixes(fresh, rule)
            parts.append(pairs.among(prefix[known], self._fresh[known]))
        keys = np.unique(np.concatenate(parts))
        new, other = pairs.unpacked(keys)
        return self._agreeing(new, other)

    def compare(self, found: tuple[Nodes, Nodes]) -> Pairs:
        return self._judged(*found, self._judge.compare)

    def support(self, compared: Pairs) -> Pairs:
        """`compared` and kept pairs near it, with what households add to each other, as far as the arrival changes it."""
        lost = self._lost.where(self._lost.supports)
        felt = compared.where(compared.supports)
        if not len(felt) and not len(lost):
            return compared
        ends = np.unique(np.concatenate([felt.left, felt.right, lost.left, lost.right]))
        near = np.union1d(self._holders(ends), ends)
        changed = self._supporting(near, felt)
        # What is certain needs no support, and nothing changes it; others change where they are new or a supporter came or went.
        changed = changed.where(~changed.certain)
        changed = changed.where(self._helped(changed, pairs.join(lost, felt)) | indexes.within(changed.keys(), np.sort(felt.keys())))
        if not len(changed):
            return compared
        ends = np.unique(np.concatenate([changed.left, changed.right]))
        evidence = self._supporting(np.union1d(self._holders(ends), ends), felt)
        evidence = evidence.where(self._helped(evidence, changed) | indexes.within(evidence.keys(), np.sort(changed.keys())))
        supported = self._judged(evidence.left, evidence.right, self._judge.support)
        # Of the evidence, only these pairs have all that supports them in hand; of them, old ones count where they say something else now.
        again = supported.where(indexes.within(supported.keys(), np.sort(changed.keys())))
        old = changed.where((changed.left < self._kept.size) & (changed.right < self._kept.size))
        return pairs.join(compared, again.where(~_as_before(again, old)))

    def touched(self, changed: Pairs) -> tuple[Nodes, Pairs]:
        """All nodes joined by links, as they are now, to what changed, in the order of registrations; and their pairs, as people settled them."""
        among_old = (changed.left < self._kept.size) & (changed.right < self._kept.size)
        turned = changed.where(among_old | (changed.decision == LINK))
        links = self._lost.where(self._lost.decision == LINK)
        reached = np.concatenate([self._fresh, turned.left, turned.right, links.left, links.right, self._settled.turned_ends()])
        reached = np.setdiff1d(reached, self._dead)
        expanded = np.zeros(0, np.int64)
        edges = pairs.join(self._decided(), changed)
        while len(frontier := np.setdiff1d(reached, expanded)):
            # A pair that people settled stands here as it was compared; what was kept of it has its support.
            edges = pairs.join(edges, self._kept_pairs(frontier), changed)
            expanded = np.union1d(expanded, frontier)
            linked = self._settled.over(edges)
            linked = linked.where(linked.decision == LINK)
            near = indexes.within(linked.left, reached) | indexes.within(linked.right, reached)
            reached = np.unique(np.concatenate([reached, linked.left[near], linked.right[near]]))
        return self._pool.ordered(reached), self._settled.over(edges)

    def _decided(self) -> Pairs:
        """Pairs that people settled, compared; those whose settlement is revoked only where the model compares them."""
        acting = self._settled.acting
        left, right = self._settled.left, self._settled.right
        revoked = self._agreeing(left[~acting], right[~acting])
        return self.compare((np.concatenate([left[acting], revoked[0]]), np.concatenate([right[acting], revoked[1]])))

    def inside(self, touched: Nodes, edges: Pairs) -> Pairs:
        """Pairs of touched nodes that links join, directly or not, and that were judged before and left apart: for their vetoes."""
        local = _Local(touched)
        linked = local.of(edges.where(edges.decision == LINK))
        groups = clusters.components(len(touched), linked.left, linked.right)
        keys = pairs.among(groups.astype(np.uint64), touched)
        keys = keys[~indexes.within(_undirected(keys), np.sort(edges.keys()))]
        left, right = pairs.unpacked(keys)
        return self.compare(self._agreeing(left, right))

    def persons(self, touched: Nodes) -> tuple[Nodes, Nodes]:
        """Serial until now and seniority of the touched nodes: a corrected registration is whom it was."""
        old = touched.copy()
        new = touched >= self._kept.size
        old[new] = self._replaced[touched[new] - self._kept.size]
        known = old != NO_PERSON
        before, place = np.full(len(touched), serials.NOT_YET, np.int64), np.full(len(touched), np.iinfo(np.int64).max)
        before[known] = self._kept.persons(old[known])
        place[known] = self._kept.line(old[known])[0]
        return before, place

    def review(self, touched: Nodes, labels: Nodes, found: Pairs) -> tuple[Pairs, Pairs, Flags]:
        """Pairs to be looked at; those of them that were not, or not in this way; and the lines that go."""
        inner = _Local(touched)
        concerned = found.where(inner.has(found.left) | inner.has(found.right))
        ends = np.unique(np.concatenate([touched, concerned.left, concerned.right]))
        ordered = self._pool.ordered(ends)
        outer = _Local(ordered)
        # Whoever lies outside is the person he was; touched groups have numbers of their own.
        group = np.full(len(ordered), NO_PERSON, np.int64)
        group[outer.place(touched)] = -2 - labels
        others = np.flatnonzero(group == NO_PERSON)
        group[others] = self._kept.persons(ordered[others])
        local = outer.of(concerned)
        now = local.where(local.open(group)).numbered(ordered)
        lines = self._kept.review()
        left, right = lines["left"].astype(np.int64), lines["right"].astype(np.int64)
        listed = pairs.packed(np.minimum(left, right), np.maximum(left, right))
        closed = indexes.within(left, self._dead) | indexes.within(right, self._dead)
        concern = np.flatnonzero(inner.has(left) | inner.has(right))
        order = np.argsort(now.keys())
        at = order[np.minimum(np.searchsorted(now.keys()[order], listed[concern]), len(now) - 1)] if len(now) else np.zeros(0, np.int64)
        stays = np.zeros(len(concern), np.bool_)
        if len(now):
            stays = (now.keys()[at] == listed[concern]) & (now.weight[at] == lines["weight"][concern])
        closed[concern[~stays]] = True
        return now, now.where(~indexes.within(now.keys(), np.sort(listed[~closed]))), closed

    def _agreeing(self, left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
        agree = rows.agree(self._pool.rows(left), self._pool.rows(right), self._kept.shape.rules)
        return left[agree], right[agree]

    def _judged(self, left: Nodes, right: Nodes, how: _How) -> Pairs:
        if not len(left):
            return pairs.none()
        ordered = self._pool.ordered(np.unique(np.concatenate([left, right])))
        local = _Local(ordered)
        one, other = local.place(left), local.place(right)
        return how(self._pool.table(ordered), np.minimum(one, other), np.maximum(one, other)).numbered(ordered)

    def _once_kept(self, nodes: Nodes) -> Pairs:
        return self._kept.pairs(nodes) if len(nodes) else pairs.none()

    def _kept_pairs(self, nodes: Nodes) -> Pairs:
        """Kept pairs of old nodes with nodes that still live; the state is asked once for each node."""
        nodes = np.unique(nodes[nodes < self._kept.size])
        new = nodes[~indexes.within(nodes, self._asked)]
        if len(new):
            found = self._kept.pairs(new)
            living = ~(indexes.within(found.left, self._dead) | indexes.within(found.right, self._dead))
            self._known = pairs.join(self._known, found.where(living))
            self._asked = np.union1d(self._asked, new)
        return self._known.where(indexes.within(self._known.left, nodes) | indexes.within(self._known.right, nodes))

    def _holders(self, nodes: Nodes) -> Nodes:
        """Living nodes that share with one of these what a household shares."""
        household = self._kept.shape.household
        held = self._pool.rows(nodes)
        values = household_values(held, household)
        old = self._kept.holders(values)
        fresh = self._pool.rows(self._fresh)
        sharing = np.zeros(len(fresh), np.bool_)
        for column in household:
            sharing |= indexes.within(fresh[column].astype(np.int64), values)
        return np.union1d(old[~indexes.within(old, self._dead)], self._fresh[sharing])

    def _helped(self, found: Pairs, others: Pairs) -> Flags:
        """Which pairs join the same two household values as one of the others of another birth date; some that do not, where 64 bits
        collide."""
        if not len(found) or not len(others):
            return np.zeros(len(found), np.bool_)
        places, parts = zip(*self._ways(others), strict=True)
        born = self._pool.rows(others.left)[self._kept.shape.born].astype(np.int64)[np.concatenate(places)]
        order = np.argsort(every := np.concatenate(parts))
        ways, first = np.unique(every[order], return_index=True)
        if not len(ways):
            return np.zeros(len(found), np.bool_)
        youngest, eldest = np.maximum.reduceat(born[order], first), np.minimum.reduceat(born[order], first)
        sharing = np.zeros(len(found), np.bool_)
        born = self._pool.rows(found.left)[self._kept.shape.born].astype(np.int64)
        for at, way in self._ways(found):
            place = np.minimum(np.searchsorted(ways, way), len(ways) - 1)
            another = (youngest[place] != born[at]) | (eldest[place] != born[at])
            sharing[at[(ways[place] == way) & another]] = True
        return sharing

    def _ways(self, found: Pairs) -> Iterator[tuple[Nodes, npt.NDArray[np.uint64]]]:
        """For two columns at a time, the pairs (by place) that differ in them, and a digest of both values."""
        left, right = self._pool.rows(found.left), self._pool.rows(found.right)
        household = self._kept.shape.household
        columns = {
            column: (left[column].astype(np.int64), right[column].astype(np.int64), np.iinfo(left[column].dtype).min)
            for column in household
        }
        for one in household:
            for other in household:
                (here, _, none), (_, there, no_other) = columns[one], columns[other]
                at = np.flatnonzero((here != none) & (there != no_other) & (here != there))
                yield at, rows.digest(np.minimum(here[at], there[at]), np.maximum(here[at], there[at]))

    def _supporting(self, nodes: Nodes, felt: Pairs) -> Pairs:
        """Pairs, kept or new, between these nodes that can support or be supported."""
        found = pairs.join(self._kept_pairs(nodes), felt)
        return found.where(found.supports & indexes.within(found.left, nodes) & indexes.within(found.right, nodes))


def _as_before(now: Pairs, before: Pairs) -> Flags:
    """Which pairs are judged as they were."""
    keys = before.keys()
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], now.keys())
    found = place < len(keys)
    found[found] = keys[order[place[found]]] == now.keys()[found]
    at = order[place[found]]
    found[found] = (before.weight[at] == now.weight[found]) & (before.decision[at] == now.decision[found])
    return found


def _undirected(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    high, low = pairs.unpacked(keys)
    return pairs.packed(np.minimum(high, low), np.maximum(high, low))


def _arrive(kept: Kept, delivery: Delivery, packed: Rows) -> tuple[Arrival, Pool]:
    arrival = arrive(kept, delivery, packed)
    texts = pa.table({"site_id": delivery.keys.column("site_id"), "local_patient_id": delivery.keys.column("local_patient_id")})
    return arrival, Pool(kept, packed[arrival.fresh], texts.take(pa.array(arrival.fresh)))
