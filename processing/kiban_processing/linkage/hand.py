"""手元 (hand): what an increment has in hand beside what is kept: the new registrations, those that are no more, and the judge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import indexes, pairs, rows
from kiban_processing.linkage.state.judging import Judge
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.local import Local
from kiban_processing.linkage.state.pairs import Pairs
from kiban_processing.linkage.state.pool import Pool

_How = Callable[[pa.Table, Nodes, Nodes], Pairs]


class Hand:
    """`fresh`: new nodes. `dead`: nodes that are no more (sorted). `lost`: what was kept of their pairs."""

    def __init__(self, kept: Kept, pool: Pool, judge: Judge, dead: Nodes) -> None:
        self.kept, self.pool, self.fresh, self.dead = kept, pool, pool.fresh, dead
        self._judge = judge
        self.lost = kept.pairs(dead) if len(dead) else pairs.none()
        self._asked, self._known = np.zeros(0, np.int64), pairs.none()

    def candidates(self) -> tuple[Nodes, Nodes]:
        """Pairs of a new node with an old or a new one that agree in a rule."""
        fresh = self.pool.rows(self.fresh)
        place, node = self.kept.alike(fresh)
        living = ~indexes.within(node, self.dead)
        parts = [pairs.packed(self.fresh[place[living]], node[living])]
        for rule in self.kept.shape.rules:
            known, prefix = rows.prefixes(fresh, rule)
            parts.append(pairs.among(prefix[known], self.fresh[known]))
        keys = np.unique(np.concatenate(parts))
        new, other = pairs.unpacked(keys)
        return self.agreeing(new, other)

    def compare(self, found: tuple[Nodes, Nodes]) -> Pairs:
        """Each of the pairs judged by itself."""
        return self._judged(*found, self._judge.compare)

    def support(self, found: Pairs) -> Pairs:
        """The pairs with what they add to each other."""
        return self._judged(found.left, found.right, self._judge.support)

    def agreeing(self, left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
        """Those of the pairs that the model compares."""
        agree = rows.agree(self.pool.rows(left), self.pool.rows(right), self.kept.shape.rules)
        return left[agree], right[agree]

    def kept_pairs(self, nodes: Nodes) -> Pairs:
        """Kept pairs of old nodes with nodes that still live; the state is asked once for each node."""
        nodes = np.unique(nodes[nodes < self.kept.size])
        new = nodes[~indexes.within(nodes, self._asked)]
        if len(new):
            found = self.kept.pairs(new)
            living = ~(indexes.within(found.left, self.dead) | indexes.within(found.right, self.dead))
            self._known = pairs.join(self._known, found.where(living))
            self._asked = np.union1d(self._asked, new)
        return self._known.where(indexes.within(self._known.left, nodes) | indexes.within(self._known.right, nodes))

    def _judged(self, left: Nodes, right: Nodes, how: _How) -> Pairs:
        if not len(left):
            return pairs.none()
        ordered = self.pool.ordered(np.unique(np.concatenate([left, right])))
        local = Local(ordered)
        one, other = local.place(left), local.place(right)
        return how(self.pool.table(ordered), np.minimum(one, other), np.maximum(one, other)).numbered(ordered)
