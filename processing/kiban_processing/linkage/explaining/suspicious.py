"""疑わしい本人 (suspicious): persons whose registrations may be two people's, with the grounds and where to cut, for the split queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.language import Text
from kiban_processing.linkage.explaining import graphs, judgements
from kiban_processing.linkage.explaining.judgements import Flags, Judgements, Nodes, Within
from kiban_processing.linkage.explaining.pairs import Bars, Thresholds
from kiban_processing.linkage.state.rows import Rows

LARGE = 8
LISTED = 200
_EXAMINED = 200  # larger persons are told by their size; what lies inside is not taken apart

# In the order of weight: what contradicts itself first.
GROUNDS: dict[str, Text] = {
    "veto": Text("別人と判断した二つの登録を含みます", "holds two registrations judged to be two persons"),
    "bridge": Text("一つのつながりを除くと、互いに矛盾する二つの部分に分かれます", "one link joins two parts that contradict each other"),
    "sexes": Text("性別の異なる登録を含みます", "holds both sexes"),
    "birth-dates": Text("大きく異なる生年月日を含みます", "holds birth dates that differ in more than a slip"),
    "same-hospital": Text("同じ医療機関の登録を二つ以上含みます", "holds several registrations of one hospital"),
    "cross-weight": Text("内部の組の重みが平均して低くなっています", "the pairs inside have a low mean weight"),
    "large": Text(f"登録が{LARGE}件を超えています", f"holds more than {LARGE} registrations"),
}


@dataclass(frozen=True)
class Members:
    """One entry per node. `site`: hospital as a number. `born`: year * 10000 + month * 100 + day, 0 unknown. `sex`: 1 male, 2 female, 0 unknown."""

    site: Nodes
    born: Nodes
    sex: Nodes


def members(con: duckdb.DuckDBPyConnection, keys: str) -> Members:
    """From the table of `keys.normalise_relation`."""
    found = con.execute(f"""
        SELECT site, coalesce(dob_year * 10000 + dob_monthday, 0) AS born, coalesce(sex, 0) AS sex FROM {keys} ORDER BY node""").fetchnumpy()
    return Members(*(np.asarray(found[column], np.int64) for column in ("site", "born", "sex")))


def of_rows(held: Rows) -> Members:
    """From rows as a state keeps them."""
    site, year, monthday, sex = (held[column].astype(np.int64) for column in ("site", "dob_year", "dob_monthday", "sex"))
    born = np.where((year > 0) & (monthday > 0), year * 10000 + monthday, 0)
    return Members(site, born, np.maximum(sex, 0))


def find(known: Judgements, registered: Members, thresholds: Thresholds | None = None) -> pa.Table:
    """Persons with at least one ground, the gravest first.

    Columns: person (its lowest node), registrations, grounds (codes of `GROUNDS`, in their order), mean_weight (of the pairs inside that were
    compared; null where none was), cut_left, cut_right (the link to look at first: the contradicted bridge, else the weakest link of the
    spanning tree; null where a person is held by none), cut_weight. Persons of over 200 registrations are told as large and not looked into.
    """
    thresholds = thresholds or Bars()
    size = judgements.sizes(known.labels)
    inside = judgements.within(known, most=_EXAMINED)
    links = known.together & (known.decision == judgements.LINK)
    places = np.flatnonzero(links)
    bridge, forest = graphs.bridges(len(size), known.left[places], known.right[places], known.weight[places])
    contradicted = _contradicted(known, registered, inside, places, bridge, forest)
    mean = _mean(known)
    flags: Mapping[str, Flags] = {
        "veto": _any(known.labels[known.left[known.together & (known.decision == judgements.VETO)]], len(size)),
        "bridge": _any(known.labels[known.left[contradicted]], len(size)),
        "sexes": _any(known.labels[registered.sex == 1], len(size)) & _any(known.labels[registered.sex == 2], len(size)),
        "birth-dates": _any(known.labels[inside.left[_far(registered.born[inside.left], registered.born[inside.right])]], len(size)),
        "same-hospital": _repeated(known.labels, registered.site),
        "cross-weight": (size >= 3) & (mean < (thresholds.link_weight + thresholds.review_weight) / 2),
        "large": size > LARGE,
    }
    held = np.stack([flags[name] for name in GROUNDS])
    persons = np.flatnonzero(held.any(axis=0))
    grave = (held[:, persons] * (1 << np.arange(len(GROUNDS))[::-1])[:, None]).sum(axis=0)
    persons = persons[np.lexsort((persons, -size[persons], -grave))]
    return _told(known, persons, held, size, mean, _cuts(known, len(size), places[forest.edge[forest.edge >= 0]], contradicted))


def as_json(found: pa.Table, persons: pa.Array | None) -> dict[str, Any]:
    """How many persons have each ground, and the gravest by `persons` (the ID of each node; none without)."""
    grounds = pc.value_counts(pc.list_flatten(found.column("grounds"))).to_pylist()
    by_ground = {row["values"]: row["counts"] for row in grounds}
    listed = found.slice(0, LISTED)
    ids = persons.take(listed.column("person").combine_chunks()).to_pylist() if persons is not None else [None] * listed.num_rows
    return {
        "persons": found.num_rows,
        "by_ground": {name: by_ground.get(name, 0) for name in GROUNDS},
        "listed": [
            {"person": person, **{name: row[name] for name in ("registrations", "grounds", "mean_weight", "cut_weight")}}
            for person, row in zip(ids, listed.to_pylist(), strict=True)
        ],
    }


def _contradicted(known: Judgements, registered: Members, inside: Within, places: Nodes, bridge: Flags, forest: graphs.Rooted) -> Nodes:
    """Bridges (places among the judged pairs) whose two sides, the bridge's own pair aside, contradict each other.

    They do if a pair across is vetoed; if birth dates or sexes differ across and agree nowhere; or if the compared pairs across speak against
    one person on the whole.
    """
    size = judgements.sizes(known.labels)
    below = np.flatnonzero(forest.edge >= 0)
    below = below[bridge[forest.edge[below]]]
    below = below[(size[known.labels[below]] >= 3) & (size[known.labels[below]] <= _EXAMINED)]
    owner = known.labels[inside.left]
    starts = np.searchsorted(owner, known.labels[below], side="left")
    lengths = np.searchsorted(owner, known.labels[below], side="right") - starts
    pair, which = graphs.expanded(starts, lengths), np.repeat(np.arange(len(below)), lengths)
    entry, leave = forest.entry[below][which], forest.leave[below][which]
    left, right = forest.entry[inside.left[pair]], forest.entry[inside.right[pair]]
    across = ((left >= entry) & (left < leave)) != ((right >= entry) & (right < leave))
    edge = places[forest.edge[below]]
    across &= inside.judged[pair] != edge[which]
    pair, which = pair[across], which[across]
    one, other, judged = inside.left[pair], inside.right[pair], inside.judged[pair]

    def counted(flags: Flags) -> Nodes:
        return np.bincount(which[flags], minlength=len(below)).astype(np.int64)

    compared = judged >= 0
    vetoed = counted(compared & (known.decision[judged] == judgements.VETO))
    sexes = registered.sex[one] * registered.sex[other]  # 2 where they differ, 1 or 4 where they agree, 0 where one is unknown
    births = _far(registered.born[one], registered.born[other])
    same_birth = (registered.born[one] == registered.born[other]) & (registered.born[one] > 0)
    against = np.bincount(which[compared], weights=known.weight[judged[compared]], minlength=len(below))
    speak = (
        (vetoed > 0)
        | ((counted(sexes == 2) > 0) & (counted((sexes == 1) | (sexes == 4)) == 0))
        | ((counted(births) > 0) & (counted(same_birth) == 0))
        | (against < 0)
    )
    return np.asarray(edge[speak], np.int64)


def _far(one: Nodes, other: Nodes) -> Flags:
    """Whether two birth dates differ in more than a slip: in more than one of year, month and day, and not by month and day exchanged."""
    known = (one > 0) & (other > 0)
    year, month, day = one // 10000 == other // 10000, one // 100 % 100 == other // 100 % 100, one % 100 == other % 100
    exchanged = year & (one // 100 % 100 == other % 100) & (one % 100 == other // 100 % 100)
    return np.asarray(known & (year.astype(np.int8) + month + day < 2) & ~exchanged)


def _any(labels: Nodes, size: int) -> Flags:
    return np.bincount(labels, minlength=size) > 0


def _repeated(labels: Nodes, sites: Nodes) -> Flags:
    order = np.lexsort((sites, labels))
    again = (labels[order][1:] == labels[order][:-1]) & (sites[order][1:] == sites[order][:-1])
    return _any(labels[order][1:][again], len(labels))


def _mean(known: Judgements) -> npt.NDArray[np.float64]:
    together = known.together
    owner, size = known.labels[known.left[together]], len(known.labels)
    count = np.bincount(owner, minlength=size)
    total = np.bincount(owner, weights=known.weight[together], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def _cuts(known: Judgements, size: int, tree: Nodes, contradicted: Nodes) -> Nodes:
    """For each person the place of the link to look at first, -1 where there is none."""
    cut = np.full(size, -1, np.int64)
    for candidates in (tree, contradicted):
        falling = candidates[np.lexsort((candidates, -known.weight[candidates]))]
        cut[known.labels[known.left[falling]]] = falling  # the last one written is the weakest
    return cut


def _told(known: Judgements, persons: Nodes, held: Flags, size: Nodes, mean: npt.NDArray[np.float64], cut: Nodes) -> pa.Table:
    names = list(GROUNDS)
    grounds = [[name for name, flag in zip(names, flags, strict=True) if flag] for flags in held[:, persons].T.tolist()]
    links = pa.table({"left": known.left, "right": known.right, "weight": known.weight})
    cuts = links.take(pa.array(cut[persons], mask=cut[persons] < 0))
    return pa.table(
        {
            "person": pa.array(persons, pa.int64()),
            "registrations": pa.array(size[persons], pa.int64()),
            "grounds": pa.array(grounds, pa.list_(pa.string())),
            "mean_weight": pa.array(mean[persons], mask=np.isinf(mean[persons])),
            "cut_left": cuts.column("left"),
            "cut_right": cuts.column("right"),
            "cut_weight": cuts.column("weight"),
        }
    )
