"""手元の番号 (local): nodes by their place among a few, in the order of their registrations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.state import indexes
from kiban_processing.linkage.state.pairs import Pairs


class Local:
    """Nodes by their place in the order given."""

    def __init__(self, touched: Nodes) -> None:
        self._order = np.argsort(touched)
        self._sorted = touched[self._order]

    def of(self, found: Pairs) -> Pairs:
        """Those pairs that lie within, by place, the lower first."""
        within = found.where(self.has(found.left) & self.has(found.right))
        left, right = self.place(within.left), self.place(within.right)
        return replace(within, left=np.minimum(left, right), right=np.maximum(left, right))

    def has(self, nodes: Nodes) -> Flags:
        return indexes.within(nodes, self._sorted)

    def place(self, nodes: Nodes) -> Nodes:
        return self._order[np.searchsorted(self._sorted, nodes)]
