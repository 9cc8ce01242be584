"""前回との差分 (differences): pairs of known registrations that one linkage put together and another did not, each with the reason why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from kiban_processing.language import Text
from kiban_processing.linkage import evidence
from kiban_processing.linkage.clusters import Flags, Nodes
from kiban_processing.linkage.state import serials

# What the run made of a pair that it joined (the first two) or parted.
BECAUSE: Mapping[str, Text] = {
    "linked": Text("この組を同一人と判断しました", "the two are judged to be one person"),
    "through-others": Text("他の登録とのつながりによります", "by what links both with other registrations"),
    "vetoed": Text("別人と判断しました", "the two are judged to be two persons"),
    "doubtful": Text("統合せず、確認待ちとしました", "the two are doubtful and wait for review"),
    "apart": Text("同一人とみるには足りません", "too little speaks for one person"),
    "contradicted": Text("統合すると、別人と判断した登録どうしが同じ人になります", "would join registrations judged to be two persons"),
    "not-compared": Text(
        "この組は比較しておらず、つないでいた他の組が外れました", "the two were never compared; what had joined them through others is gone"
    ),
}


@dataclass(frozen=True)
class Differences:
    """`left` < `right`: registrations; `parted`: were one person and are two, else joined. `pairs`: of known registrations, those that were or
    are one person."""

    left: Nodes
    right: Nodes
    parted: Flags
    pairs: int

    def agreement(self) -> dict[str, Any]:
        """For the report: how many pairs, how many of them differ, and the share on which both linkages agree."""
        differ = len(self.left)
        return {"pairs": self.pairs, "differ": differ, "share": 1.0 - differ / self.pairs if self.pairs else 1.0}


def find(before: Nodes, now: Nodes) -> Differences:
    """The differences between two groupings of the same registrations; `serials.NOT_YET` in `before` for one that was not there.

    >>> found = find(np.array([1, 1, 2, 3, -1]), np.array([0, 5, 5, 3, 3]))
    >>> found.left.tolist(), found.right.tolist(), found.parted.tolist(), found.pairs
    ([0, 1], [1, 2], [True, False], 2)
    """
    known = np.flatnonzero(before != serials.NOT_YET)
    parted, joined = _split(known, before, now), _split(known, now, before)
    left, right = (np.concatenate([parted[side], joined[side]]) for side in (0, 1))
    held = np.unique(before[known], return_counts=True)[1]
    return Differences(left, right, np.arange(len(left)) < len(parted[0]), int((held * (held - 1) // 2).sum()) + len(joined[0]))


def explain(con: duckdb.DuckDBPyConnection, judged: str, found: Differences) -> pa.Table:
    """For each difference in its order: because (a key of `BECAUSE`), weight, reasons and weights (null where the two were not compared).

    `judged`: the pairs that the run compared, as `support.strengthen` leaves them.
    """
    asked = pa.table({"left": found.left, "right": found.right, "was_one": found.parted, "place": np.arange(len(found.left))})
    con.register("linkage_differences", asked)
    try:
        return con.execute(f"""
            SELECT because, weight, list_transform(why, lambda reason: reason.code) AS reasons, list_transform(why, lambda reason: reason.weight) AS weights
            FROM (SELECT place, weight, CASE WHEN weight IS NOT NULL THEN {evidence.reasons()} END AS why,
                         CASE WHEN NOT was_one THEN if(decision = 'link', 'linked', 'through-others')
                              WHEN decision = 'link' THEN 'contradicted' WHEN decision = 'veto' THEN 'vetoed' WHEN decision = 'review' THEN 'doubtful'
                              WHEN decision = 'apart' THEN 'apart' ELSE 'not-compared' END AS because
                  FROM (SELECT a.place, a.was_one, a.was_one AND j.decision = 'link' AS parted, j.* EXCLUDE ("left", "right")
                        FROM linkage_differences a LEFT JOIN {judged} j ON j."left" = a."left" AND j."right" = a."right"))
            ORDER BY place""").to_arrow_table()
    finally:
        con.unregister("linkage_differences")


def told(found: Differences, explained: pa.Table, texts: pa.Table) -> list[dict[str, Any]]:
    """For the report: kind, both registrations (`texts`: site_id and local_patient_id of every one), because, weight, reasons and weights."""
    ends = [texts.take(pa.array(nodes)).to_pylist() for nodes in (found.left, found.right)]
    return [
        {
            "kind": "parted" if parted else "joined",
            **{f"left_{column}": value for column, value in left.items()},
            **{f"right_{column}": value for column, value in right.items()},
            **why,
        }
        for parted, left, right, why in zip(found.parted.tolist(), *ends, explained.to_pylist(), strict=True)
    ]


def _split(known: Nodes, inner: Nodes, outer: Nodes) -> tuple[Nodes, Nodes]:
    """Pairs of `known` that are together in `inner` and not in `outer`. The loop runs over groups that fall apart only."""
    order = known[np.lexsort((known, inner[known]))]
    if not len(order):
        return order, order
    start = np.flatnonzero(np.diff(inner[order], prepend=inner[order[0]] - 1))
    beside = outer[order]
    torn = np.flatnonzero(np.minimum.reduceat(beside, start) != np.maximum.reduceat(beside, start))
    stop = np.append(start[1:], len(order))
    found = [np.zeros((2, 0), np.int64)]
    for begin, end in zip(start[torn].tolist(), stop[torn].tolist(), strict=True):
        one, other = np.triu_indices(end - begin, 1)
        left, right = order[begin + one], order[begin + other]
        differs = outer[left] != outer[right]
        found.append(np.stack([left[differs], right[differs]]))
    left, right = np.concatenate(found, axis=1)
    return left, right
