"""降下 (descent): a good node of a lattice too large to be searched whole: down from the top by the best step, then by exchanges.

Never claimed to be optimal. Bounded in work by counts, not by the clock, so that the same input gives the same node.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from kiban_processing.recoding import losses
from kiban_processing.recoding.bounds import Measure
from kiban_processing.recoding.classes import Node
from kiban_processing.recoding.verdicts import Judge

MOST = 6_000  # nodes judged at most


def descend(
    judge: Judge, measure: Measure, allowed: int, digits: int, progress: Callable[[int, int], None] | None
) -> tuple[Node, int] | None:
    """A node that keeps the demand and that no single step down or exchange improves (or the best within MOST), and how many were judged."""
    return _Descent(judge, measure, digits, progress).run()


class _Descent:
    def __init__(self, judge: Judge, measure: Measure, digits: int, progress: Callable[[int, int], None] | None) -> None:
        self.judge, self.measure, self.digits, self.progress = judge, measure, digits, progress
        self.tops = tuple(one.levels - 1 for one in measure.own)
        self.nodes = math.prod(top + 1 for top in self.tops)
        self.ranks: dict[Node, tuple[float, int, Node] | None] = {}

    def run(self) -> tuple[Node, int] | None:
        here = self._start()
        if here is None:
            return None
        while len(self.ranks) < MOST:
            steps = [rank for node in self._below(here) if (rank := self._rank(node))]
            # a step down that still holds is taken even where it loses more through suppression than it gains: what it opens may gain
            better = min((rank for rank in steps if rank < self._known(here)), default=None)
            if better is None:
                better = self._exchange(here)
            if better is None:
                break
            here = better[2]
        return here, len(self.ranks)

    def _start(self) -> Node | None:
        """The top, else the first node on the ways one attribute below it."""
        if self._rank(self.tops):
            return self.tops
        found = [rank for node in self._below(self.tops) if (rank := self._rank(node))]
        return min(found)[2] if found else None

    def _exchange(self, here: Node) -> tuple[float, int, Node] | None:
        """The first exchange of a level up in one attribute for a level down in another that loses less."""
        for up, top in enumerate(self.tops):
            if here[up] == top:
                continue
            raised = (*here[:up], here[up] + 1, *here[up + 1 :])
            for node in self._below(raised):
                if node == here or len(self.ranks) >= MOST or self._bound(node) >= self._known(here)[0]:
                    continue
                rank = self._rank(node)
                if rank and rank < self._known(here):
                    return rank
        return None

    def _below(self, node: Node) -> list[Node]:
        return [(*node[:place], level - 1, *node[place + 1 :]) for place, level in enumerate(node) if level]

    def _bound(self, node: Node) -> float:
        product = math.prod(1 + float(base[level]) for base, level in zip(self.measure.base, node, strict=True))
        return round(losses.root(product, len(node)), self.digits)

    def _known(self, node: Node) -> tuple[float, int, Node]:
        rank = self._rank(node)
        assert rank is not None  # only nodes that hold are stood on
        return rank

    def _rank(self, node: Node) -> tuple[float, int, Node] | None:
        if node not in self.ranks:
            verdict = self.judge.judge(node)
            final = self.judge.final(node, verdict) if verdict.holds else None
            self.ranks[node] = None
            if final is not None:
                product = math.prod(1 + float(term[-1]) for term in self.measure.terms(node, final))
                self.ranks[node] = (round(losses.root(product, len(node)), self.digits), sum(node), node)
            if self.progress:
                self.progress(len(self.ranks), self.nodes)
        return self.ranks[node]
