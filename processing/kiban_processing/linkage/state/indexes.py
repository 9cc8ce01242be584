"""索引 (indexes): where the nodes that carry a value are found: a large sorted array, and a small one with what came since.

An entry is 32 bits of what is looked for and 32 bits of the node. Different values can share the 32 bits, so whoever looks up
compares the rows themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import rows
from kiban_processing.linkage.state.pages import Pages
from kiban_processing.linkage.state.rows import NOBODY, Rows, nodes_of
from kiban_processing.linkage.state.writing import Writer

Entries = npt.NDArray[np.uint64]
PARTS = ("base", "since")


def find(pages: Pages, index: str, prefixes: Entries) -> tuple[Nodes, Nodes]:
    """(place in `prefixes`, node) of each entry under these prefixes, erased ones left out."""
    places, nodes = [], []
    for part in PARTS:
        place, found, _ = pages.between(f"{index}/{part}", prefixes, prefixes | np.uint64(NOBODY))
        node = nodes_of(found)
        named = node != NOBODY
        places.append(place[named])
        nodes.append(node[named])
    return np.concatenate(places), np.concatenate(nodes)


def begin(writer: Writer, index: str, entries: Entries) -> None:
    """A new index."""
    writer.add(f"{index}/base", np.sort(entries))
    writer.add(f"{index}/since", np.zeros(0, np.uint64), passing=True)


def extend(writer: Writer, before: Pages, index: str, entries: Entries, gone: Nodes) -> None:
    """More entries, and none of the nodes `gone` (sorted) in the small part, which alone is written anew."""
    since = before.all(f"{index}/since")
    kept = since[~within(nodes_of(since), gone)]
    if len(entries) or len(kept) < len(since):
        writer.add(f"{index}/since", np.unique(np.concatenate([kept, entries])), passing=True)


def erase(writer: Writer, before: Pages, index: str, entries: Entries) -> None:
    """Make these entries of the large part name nobody."""
    prefixes = entries & ~np.uint64(NOBODY)
    name = f"{index}/base"
    which, found, place = before.between(name, prefixes, prefixes | np.uint64(NOBODY))
    hit = found == entries[which]
    if hit.any():
        # The order below one prefix is of no use to a search by prefix, so the array stays searchable.
        writer.put(name, place[hit], found[hit] | np.uint64(NOBODY))
        writer.settle(name)


def within(values: npt.NDArray[np.integer[Any]], ordered: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Whether each value occurs in a sorted array."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)


def of_nodes(entries: Entries, nodes: Nodes) -> Entries:
    """Those of the entries that name one of these nodes."""
    chosen = np.zeros(int(nodes.max(initial=-1)) + 1, np.bool_)
    chosen[nodes] = True
    named = nodes_of(entries)
    return entries[(named < len(chosen)) & chosen[np.minimum(named, len(chosen) - 1)]] if len(chosen) else entries[:0]


def by_rule(held: Rows, nodes: Nodes, rule: Sequence[str]) -> Entries:
    """The entries of these rows in the index of a blocking rule."""
    known, prefix = rows.prefixes(held, rule)
    return rows.entries(prefix[known], nodes[known])


def by_household(held: Rows, nodes: Nodes, household: Sequence[str]) -> Entries:
    """The entries of these rows in the index of what households share."""
    parts = [np.zeros(0, np.uint64)]
    for column in household:
        known = held[column] != np.iinfo(held[column].dtype).min
        parts.append(rows.entries(value_prefixes(held[column][known].astype(np.int64)), nodes[known]))
    return np.concatenate(parts)


def value_prefixes(values: Nodes) -> Entries:
    """The indexed prefixes of values that a household shares."""
    held = np.zeros(len(values), np.dtype([("value", "<i8")]))
    held["value"] = values
    return rows.prefixes(held, ("value",))[1]


def household_values(held: Rows, household: Sequence[str]) -> Nodes:
    """All values that these rows hold in columns that a household shares, each once."""
    found = [held[column].astype(np.int64)[held[column] != np.iinfo(held[column].dtype).min] for column in household]
    return np.asarray(np.unique(np.concatenate([np.zeros(0, np.int64), *found])))
