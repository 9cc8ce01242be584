"""判定者 (judging): what an increment asks of the model, and all it asks."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage.clusters import Edges, Nodes
from kiban_processing.linkage.state.kept import Shape
from kiban_processing.linkage.state.pairs import Pairs


class Judge(Protocol):
    """Judges pairs of the rows of a keys table, `node` being 0, 1, ... in the order of registration.

    A judgement depends on the two rows, the model and the frozen counts alone, so that the table may hold any part of the registrations.
    """

    shape: Shape

    def compare(self, keys: pa.Table, left: Nodes, right: Nodes) -> Pairs:
        """Each pair (left < right) judged by itself."""
        ...

    def support(self, keys: pa.Table, left: Nodes, right: Nodes) -> Pairs:
        """The same, with what these pairs add to each other where households moved together.

        A pair that supports is of one birth date (`shape.born`). It adds to another only where that one is doubtful and its birth date is
        another, and both join the same two values, not equal, of `shape.household` (columns may differ).
        """
        ...

    def explain(
        self, keys: pa.Table, left: Nodes, right: Nodes, weight: npt.NDArray[np.float64], decision: npt.NDArray[np.uint8]
    ) -> pa.Table:
        """reasons and weights of each pair that is open, in the order given.

        `weight`: what the weights add up to, support included; a `decision` to link that is open would join two persons.
        """
        ...

    def edges(self, pairs: Pairs) -> Edges:
        """The links among the pairs, as clusters are gathered from them."""
        ...
