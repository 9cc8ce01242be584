"""人が確定した組 (settled): decisions of people laid over what the model judges. A state keeps the model's judgement, never the decision,
so that a revoked decision leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import clusters
from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.decided import CONTRADICTING_DECISIONS
from kiban_processing.linkage.state import indexes, pairs
from kiban_processing.linkage.state.kept import NO_PERSON, Kept
from kiban_processing.linkage.state.pairs import LINK, VETO, Pairs


@dataclass(frozen=True)
class Decisions:
    """All decisions of people that act, and those that acted at the run before and no longer do.

    `left`, `right`: registrations, with the prefixes that find them. `same`: one person or two. `acting`: whether it acts now.
    `turned`: whether that is otherwise than at the run before.
    """

    left: pa.Array
    right: pa.Array
    left_prefixes: npt.NDArray[np.uint64]
    right_prefixes: npt.NDArray[np.uint64]
    same: Flags
    acting: Flags
    turned: Flags


_NONE, _NO_PREFIX, _NO_FLAG = pa.array([], pa.string()), np.zeros(0, np.uint64), np.zeros(0, np.bool_)
NOBODY_DECIDED = Decisions(_NONE, _NONE, _NO_PREFIX, _NO_PREFIX, _NO_FLAG, _NO_FLAG, _NO_FLAG)


@dataclass(frozen=True)
class Settled:
    """The same by node, the lower first, each pair once, as far as its registrations live; and `lone`: living nodes that a decision named
    together with a registration that is no more."""

    left: Nodes
    right: Nodes
    same: Flags
    acting: Flags
    turned: Flags
    lone: Nodes

    def turned_ends(self) -> Nodes:
        """Nodes whose cluster has to be judged again because of a decision."""
        return np.concatenate([self.left[self.turned], self.right[self.turned], self.lone])

    def over(self, judged: Pairs) -> Pairs:
        """The pairs as people settled them; those that nobody settled stay as they are."""
        acts = np.flatnonzero(self.acting)
        keys = pairs.packed(self.left[acts], self.right[acts])
        order = np.argsort(keys)
        sought = judged.keys()
        found = indexes.within(sought, keys[order])
        if not found.any():
            return judged
        same = self.same[acts[order[np.searchsorted(keys[order], sought[found])]]]
        decision, certain = judged.decision.copy(), judged.certain.copy()
        decision[found] = np.where(same, LINK, VETO)
        certain[found] = same
        return replace(judged, decision=decision, certain=certain)

    def names(self, sought: Pairs, which: Flags) -> Flags:
        """Whether each pair is one of these (`which` of them)."""
        return indexes.within(sought.keys(), np.sort(pairs.packed(self.left[which], self.right[which])))


def settle(kept: Kept, decisions: Decisions, dead: Nodes, brought: pa.Array, fresh: Nodes) -> Settled:
    """Find the nodes of what people settled. `dead`: nodes that are no more; `brought`: registrations of the delivery, of which those at
    `fresh` are new nodes.

    Refuses: linkage-decisions-contradict.
    """
    new = brought.take(pa.array(fresh))
    left = _nodes(kept, decisions.left, decisions.left_prefixes, dead, new)
    right = _nodes(kept, decisions.right, decisions.right_prefixes, dead, new)
    both = (left != NO_PERSON) & (right != NO_PERSON)
    ends = np.concatenate([left[~both], right[~both]])
    low, high = np.minimum(left, right)[both], np.maximum(left, right)[both]
    same, acting, turned = decisions.same[both], decisions.acting[both], decisions.turned[both]
    _refuse_contradictions(low[acting], high[acting], same[acting])
    keys = pairs.packed(low, high)
    # A pair that acts now and acted otherwise before stands here twice: what acts comes last and stays, and it has turned.
    order = np.lexsort((acting, keys))
    last = order[np.append(keys[order][1:] != keys[order][:-1], True)] if len(order) else order
    return Settled(low[last], high[last], same[last], acting[last], turned[last], np.unique(ends[ends != NO_PERSON]))


def _nodes(kept: Kept, registrations: pa.Array, prefixes: npt.NDArray[np.uint64], dead: Nodes, new: pa.Array) -> Nodes:
    if not len(registrations):
        return np.zeros(0, np.int64)
    nodes = kept.find(registrations, prefixes)
    nodes[indexes.within(nodes, dead)] = NO_PERSON
    place = pc.fill_null(pc.index_in(registrations, value_set=new), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    nodes[place >= 0] = kept.size + place[place >= 0]
    return nodes


def _refuse_contradictions(left: Nodes, right: Nodes, same: Flags) -> None:
    ends = np.unique(np.concatenate([left, right]))
    one, other = np.searchsorted(ends, left), np.searchsorted(ends, right)
    labels = clusters.components(len(ends), one[same], other[same])
    contradicting = int((labels[one[~same]] == labels[other[~same]]).sum())
    if contradicting:
        raise CONTRADICTING_DECISIONS.refuse(count=contradicting)
