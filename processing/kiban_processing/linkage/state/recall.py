"""覚え (recall): what has been asked of the state about a node is not asked again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state.table import Values, whole


class Seats:
    """Which of the things in hand belongs to which node, in the order in which they came to hand."""

    def __init__(self, size: int) -> None:
        """`size`: how many nodes there are, so that a node is found by its number alone."""
        self._seat = np.zeros(size, np.int32)
        self.taken = 0

    def missing(self, nodes: Nodes) -> Nodes:
        """Those of the nodes that have no seat yet, each once."""
        return np.asarray(np.unique(nodes[self._seat[nodes] == 0]))

    def seat(self, nodes: Nodes) -> None:
        self._seat[nodes] = self.taken + 1 + np.arange(len(nodes))
        self.taken += len(nodes)

    def of(self, nodes: Nodes) -> Nodes:
        return np.asarray(self._seat[nodes] - 1)


class Recall:
    """Values by node, each fetched when first asked for."""

    def __init__(self, size: int, ask: Callable[[Nodes], Values]) -> None:
        self._ask, self._seats = ask, Seats(size)
        self._held: Values | None = None

    def know(self, nodes: Nodes, values: Values) -> None:
        """These nodes, none of them known before, have these values."""
        before = self._seats.taken
        self._seats.seat(nodes)
        if self._held is None or len(self._held) < self._seats.taken:
            # Room for as many again, so that not every question copies all answers.
            room = np.empty(2 * self._seats.taken, values.dtype)
            if self._held is not None:
                whole(room)[:before] = whole(self._held)[:before]
            self._held = room
        whole(self._held)[before : self._seats.taken] = whole(values)

    def of(self, nodes: Nodes) -> Values:
        if len(missing := self._seats.missing(nodes)) or self._held is None:
            self.know(missing, self._ask(missing))
        assert self._held is not None
        return self._held.take(self._seats.of(nodes))  # `take` copies whole records, an index their columns one by one
