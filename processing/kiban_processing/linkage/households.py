"""世帯の裏付けの変化 (households): what an arrival changes of what members of a household add to each other; see `support`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.hand import Hand
from kiban_processing.linkage.state import indexes, pairs, rows
from kiban_processing.linkage.state.kept import DOUBTS, HOUSEHOLD
from kiban_processing.linkage.state.pairs import Pairs


class Households:
    def __init__(self, hand: Hand) -> None:
        self._hand, self._shape = hand, hand.kept.shape

    def support(self, compared: Pairs) -> Pairs:
        """`compared` (the pairs of new nodes) and kept pairs near it, with what households add to each other, as far as the arrival
        changes it."""
        felt, lost = compared.where(compared.supports), self._hand.lost.where(self._hand.lost.supports)
        # Only what is in doubt can be settled by others: where it is new, or a supporter came or went.
        changed = pairs.join(self._in_doubt_near(pairs.join(lost, felt)), felt.where(felt.doubtful))
        if not len(changed):
            return compared
        nodes = np.union1d(self._holders(_ends(changed), HOUSEHOLD), _ends(changed))
        evidence = self._between(pairs.join(self._hand.kept_pairs(nodes), felt), nodes)
        evidence = evidence.where(evidence.supports)
        evidence = evidence.where(self._helped(evidence, changed) | indexes.within(evidence.keys(), np.sort(changed.keys())))
        supported = self._hand.support(evidence)
        # Of the evidence, only these pairs have all that supports them in hand; of them, old ones count where they say something else now.
        again = supported.where(indexes.within(supported.keys(), np.sort(changed.keys())))
        size = self._hand.kept.size
        old = changed.where((changed.left < size) & (changed.right < size))
        return pairs.join(compared, again.where(~_as_before(again, old)))

    def _in_doubt_near(self, supporters: Pairs) -> Pairs:
        """Kept pairs in doubt that one of the supporters may settle."""
        near = self._holders(_ends(supporters), DOUBTS)
        near = near[near < self._hand.kept.size]
        found = self._between(self._hand.kept_pairs(near), near)
        found = found.where(found.doubtful)
        return found.where(self._helped(found, supporters))

    def _holders(self, nodes: Nodes, index: str) -> Nodes:
        """Living nodes that share with one of these what a household shares."""
        household = self._shape.household
        values = indexes.household_values(self._hand.pool.rows(nodes), household)
        old = self._hand.kept.holders(values, index)
        fresh = self._hand.pool.rows(self._hand.fresh)
        sharing = np.zeros(len(fresh), np.bool_)
        for column in household:
            sharing |= indexes.within(fresh[column].astype(np.int64), values)
        return np.union1d(old[~indexes.within(old, self._hand.dead)], self._hand.fresh[sharing])

    def _between(self, found: Pairs, nodes: Nodes) -> Pairs:
        """Those of the pairs that lie between these nodes (sorted)."""
        return found.where(indexes.within(found.left, nodes) & indexes.within(found.right, nodes))

    def _helped(self, found: Pairs, others: Pairs) -> Flags:
        """Which pairs join the same two household values as one of the others of another birth date; some that do not, where 64 bits
        collide."""
        helped = np.zeros(len(found), np.bool_)
        if not len(found) or not len(others):
            return helped
        sought = list(self._ways(found))
        asked = np.unique(np.concatenate([way for _, way in sought]))
        born = self._born(others)
        # Of all ways that the others join, those that one of the pairs joins as well: they are few.
        places, every = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        for at, way in self._ways(others):
            shared = indexes.within(way, asked)
            places.append(at[shared])
            every.append(way[shared])
        order = np.argsort(joined := np.concatenate(every), kind="stable")
        ways, first = np.unique(joined[order], return_index=True)
        if not len(ways):
            return helped
        of_way = born[np.concatenate(places)[order]]
        youngest, eldest = np.maximum.reduceat(of_way, first), np.minimum.reduceat(of_way, first)
        born = self._born(found)
        for at, way in sought:
            place = np.minimum(np.searchsorted(ways, way), len(ways) - 1)
            another = (youngest[place] != born[at]) | (eldest[place] != born[at])
            helped[at[(ways[place] == way) & another]] = True
        return helped

    def _born(self, found: Pairs) -> Nodes:
        return np.asarray(self._hand.pool.rows(found.left)[self._shape.born].astype(np.int64))

    def _ways(self, found: Pairs) -> Iterator[tuple[Nodes, npt.NDArray[np.uint64]]]:
        """For two columns at a time, the pairs (by place) that differ in them, and a digest of both values."""
        left, right = self._hand.pool.rows(found.left), self._hand.pool.rows(found.right)
        household = self._shape.household
        columns = {
            column: (left[column].astype(np.int64), right[column].astype(np.int64), np.iinfo(left[column].dtype).min)
            for column in household
        }
        for one in household:
            for other in household:
                (here, _, none), (_, there, no_other) = columns[one], columns[other]
                at = np.flatnonzero((here != none) & (there != no_other) & (here != there))
                yield at, rows.digest(np.minimum(here[at], there[at]), np.maximum(here[at], there[at]))


def _ends(found: Pairs) -> Nodes:
    return np.asarray(np.unique(np.concatenate([found.left, found.right])))


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
