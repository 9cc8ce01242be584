"""組 (pairs): judged pairs of nodes as arrays, and how a state keeps those that are linked, doubtful or support others."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.clusters import Edges, Flags, Nodes
from kiban_processing.linkage.state import indexes
from kiban_processing.linkage.state.pages import Pages, spread
from kiban_processing.linkage.state.rows import NOBODY
from kiban_processing.linkage.state.writing import Writer

APART, REVIEW, LINK, VETO = range(4)
CODES = {"apart": APART, "review": REVIEW, "link": LINK, "veto": VETO}
_KEY, _VALUE = "pairs", "judged"
_HELD = np.dtype([("weight", "<f8"), ("decision", "u1"), ("certain", "?"), ("supports", "?"), ("doubtful", "?")])
_COLUMNS = ("weight", "decision", "certain", "supports", "doubtful")
_UPPER = np.uint64(32)


@dataclass(frozen=True)
class Pairs:
    """Judged pairs, all arrays of one length. `decision`: one of APART, REVIEW, LINK, VETO, after the households' support.

    `supports`: whether the pair, as judged by itself, can support others or be supported, so that its coming and going is felt elsewhere.
    `doubtful`: whether it, as judged by itself, can be supported; such a pair supports as well.
    """

    left: Nodes
    right: Nodes
    weight: npt.NDArray[np.float64]
    decision: npt.NDArray[np.uint8]
    certain: Flags
    supports: Flags
    doubtful: Flags

    def __len__(self) -> int:
        return len(self.left)

    def where(self, chosen: Flags | Nodes) -> Pairs:
        return Pairs(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def numbered(self, numbers: Nodes) -> Pairs:
        """The same pairs where node i is called `numbers[i]`."""
        return replace(self, left=numbers[self.left], right=numbers[self.right])

    def keys(self) -> npt.NDArray[np.uint64]:
        """One number for each pair, whichever way round it stands."""
        return packed(np.minimum(self.left, self.right), np.maximum(self.left, self.right))

    def edges(self, firm: float) -> Edges:
        """The links, firm ones from that weight on."""
        links = self.decision == LINK
        low, high = np.minimum(self.left, self.right)[links], np.maximum(self.left, self.right)[links]
        order = np.lexsort((high, low))
        weight, certain = self.weight[links][order], self.certain[links][order]
        return Edges(low[order], high[order], weight, certain, certain | (weight >= firm))

    def vetoes(self) -> tuple[Nodes, Nodes]:
        vetoed = self.decision == VETO
        return self.left[vetoed], self.right[vetoed]

    def open(self, labels: Nodes) -> Nodes:
        """What people should look at: doubts that links have not settled, and links that would join two persons; the strongest of those
        between the same two groups. Nodes are in the order of registrations."""
        one, other = np.minimum(labels[self.left], labels[self.right]), np.maximum(labels[self.left], labels[self.right])
        doubtful = np.flatnonzero((one != other) & ((self.decision == REVIEW) | (self.decision == LINK)))
        low, high = np.minimum(self.left, self.right), np.maximum(self.left, self.right)
        order = doubtful[np.lexsort((high[doubtful], low[doubtful], -self.weight[doubtful], other[doubtful], one[doubtful]))]
        again = (one[order][1:] == one[order][:-1]) & (other[order][1:] == other[order][:-1])
        return np.sort(order[np.concatenate([np.ones(min(1, len(order)), np.bool_), ~again])])

    def in_doubt(self) -> Nodes:
        """The nodes of pairs that can be supported."""
        return np.asarray(np.unique(np.concatenate([self.left[self.doubtful], self.right[self.doubtful]])))

    def kept(self) -> Pairs:
        """What a state keeps; a veto is found again by judging, when the two come near each other."""
        return self.where((self.decision == REVIEW) | (self.decision == LINK) | self.supports)


def none() -> Pairs:
    nodes, flags = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    return Pairs(nodes, nodes, np.zeros(0, np.float64), np.zeros(0, np.uint8), flags, flags, flags)


def join(*parts: Pairs) -> Pairs:
    """All pairs of the parts; of a pair that occurs in several, that of the last one."""
    together = Pairs(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Pairs)))
    keys = together.keys()[::-1]
    last = len(keys) - 1 - np.unique(keys, return_index=True)[1]
    return together.where(last)


def packed(high: Nodes, low: Nodes) -> npt.NDArray[np.uint64]:
    return np.asarray(high.astype(np.uint64) << _UPPER | low.astype(np.uint64))


def unpacked(keys: npt.NDArray[np.uint64]) -> tuple[Nodes, Nodes]:
    return (keys >> _UPPER).astype(np.int64), (keys & np.uint64(NOBODY)).astype(np.int64)


def among(groups: npt.NDArray[np.uint64], nodes: Nodes) -> npt.NDArray[np.uint64]:
    """Each pair of nodes of one group, packed."""
    order = np.argsort(groups, kind="stable")
    groups, nodes = groups[order], nodes[order]
    stop = np.searchsorted(groups, groups, "right")
    here = np.arange(len(nodes))
    following = stop - here - 1
    return packed(nodes[np.repeat(here, following)], nodes[spread(here + 1, following)])


def begin(writer: Writer, pairs: Pairs) -> None:
    """Keep the pairs of a whole run."""
    for part, content in zip(indexes.PARTS, (pairs.kept(), none()), strict=True):
        _add(writer, part, content)


def of(pages: Pages, nodes: Nodes, dead: Nodes) -> Pairs:
    """The kept pairs of these nodes with nodes that are not dead (sorted), each pair once."""
    low = packed(nodes, np.zeros_like(nodes))
    return join(none(), *(_living(_found(pages, part, low), dead) for part in indexes.PARTS))


def extend(writer: Writer, before: Pages, pairs: Pairs, dead: Nodes) -> None:
    """Keep more pairs, or pairs judged anew; those of dead nodes are kept no longer in the small part."""
    since = _whole(before, "since")
    kept = pairs.kept()
    if len(kept) or len(since):
        _add(writer, "since", join(_living(since, dead), _changed_to_nothing(before, pairs, dead), kept))


def erase(writer: Writer, before: Pages, nodes: Nodes, others: Nodes) -> None:
    """Make the pairs of these nodes in the large part, which the nodes `others` have as well, name nobody."""
    for low in (packed(nodes, np.zeros_like(nodes)), packed(others, np.zeros_like(others))):
        _which, found, place = before.between(f"{_KEY}/base", low, low | np.uint64(NOBODY))
        first, second = unpacked(found)
        hit = indexes.within(first, nodes) | indexes.within(second, nodes)
        if hit.any():
            writer.put(f"{_KEY}/base", place[hit], found[hit] | np.uint64(NOBODY))
            writer.put(f"{_VALUE}/base", place[hit], np.zeros(int(hit.sum()), _HELD))


def whole(pages: Pages, dead: Nodes) -> Pairs:
    """All kept pairs of living nodes."""
    return join(none(), *(_living(_whole(pages, part), dead) for part in indexes.PARTS))


def _changed_to_nothing(before: Pages, pairs: Pairs, dead: Nodes) -> Pairs:
    """Pairs once kept and no longer worth keeping: kept as apart, so that the earlier judgement does not count."""
    dropped = pairs.where(~((pairs.decision == REVIEW) | (pairs.decision == LINK) | pairs.supports))
    known = of(before, np.unique(dropped.left), dead).keys() if len(dropped) else np.zeros(0, np.uint64)
    return dropped.where(indexes.within(dropped.keys(), np.sort(known)))


def _add(writer: Writer, part: str, pairs: Pairs) -> None:
    first, second = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    keys = packed(first, second)
    order = np.argsort(keys)
    held = np.zeros(len(keys), _HELD)
    for column in _COLUMNS:
        held[column] = np.tile(getattr(pairs, column), 2)
    writer.add(f"{_KEY}/{part}", keys[order], passing=part == "since")
    writer.add(f"{_VALUE}/{part}", held[order], passing=part == "since")


def _found(pages: Pages, part: str, low: npt.NDArray[np.uint64]) -> Pairs:
    _which, found, place = pages.between(f"{_KEY}/{part}", low, low | np.uint64(NOBODY))
    return _pairs(found, pages.take(f"{_VALUE}/{part}", place))


def _whole(pages: Pages, part: str) -> Pairs:
    return _pairs(pages.all(f"{_KEY}/{part}"), pages.all(f"{_VALUE}/{part}"))


def _pairs(found: npt.NDArray[np.uint64], held: npt.NDArray[np.void]) -> Pairs:
    first, second = unpacked(found)
    return Pairs(np.minimum(first, second), np.maximum(first, second), *(held[column] for column in _COLUMNS))


def _living(pairs: Pairs, dead: Nodes) -> Pairs:
    lost = (pairs.right == NOBODY) | indexes.within(pairs.left, dead) | indexes.within(pairs.right, dead)
    return pairs.where(~lost)
