"""本人ID (persons): clusters of registrations get the person IDs they had before; what changed is said as events.

A person whose registrations stay together keeps the ID. On a merge the older person survives; on a split the part that holds the
person's first registration keeps the ID. IDs come from outside and are never a member's own number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

EventKind = Literal["new", "merge", "split", "gone"]
PERSONS = pa.schema([("registration", pa.string()), ("person", pa.string())])

_Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Event:
    """One change of identity.

    new: `person` came into being. merge: `other` became part of `person` and is no more. split: registrations of `person` went to
    `other`. gone: no registration of `person` is left.
    """

    kind: EventKind
    person: str
    other: str | None = None


@dataclass(frozen=True)
class Assignment:
    """`persons`: registration, person; ordered so that it can be the `previous` of the next run. `events`: what changed, in order."""

    persons: pa.Table
    events: list[Event]


def assign(clusters: pa.Table, previous: pa.Table, new_id: Callable[[], str]) -> Assignment:
    """The person of every registration in `clusters` (registration, cluster).

    `previous`: registration, person, in the order of seniority: persons by their first row, registrations of a person likewise.
    `new_id` is called once for each new person, in the order of their first registration by name.

    >>> clusters = pa.table({"registration": ["A/1", "B/7", "B/9"], "cluster": ["A/1", "A/1", "B/9"]})
    >>> before = pa.table({"registration": ["A/1", "B/7"], "person": ["P-old", "P-young"]})
    >>> outcome = assign(clusters, before, lambda: "P-new")
    >>> outcome.persons.column("person").to_pylist()
    ['P-old', 'P-old', 'P-new']
    >>> [(event.kind, event.person, event.other) for event in outcome.events]
    [('new', 'P-new', None), ('merge', 'P-old', 'P-young')]
    """
    return assign_named(clusters, previous, lambda _first: new_id())


def assign_named(clusters: pa.Table, previous: pa.Table, name: Callable[[str], str]) -> Assignment:
    """As `assign`, where `name` makes the new ID from the first registration (by name) of the new person."""
    ordered = clusters.sort_by("registration")
    registrations = ordered.column("registration").combine_chunks().cast(pa.string())
    cluster = _codes(ordered.column("cluster").combine_chunks().dictionary_encode().indices)
    encoded = previous.column("person").combine_chunks().cast(pa.string()).dictionary_encode()
    seniority = _codes(encoded.indices)
    place = _codes(
        pc.fill_null(pc.index_in(previous.column("registration").combine_chunks().cast(pa.string()), value_set=registrations), -1)
    )
    there = place >= 0
    person_before, cluster_now = seniority[there], cluster[place[there]]

    size = int(cluster.max()) + 1 if len(cluster) else 0
    claimed, first = np.unique(person_before, return_index=True)
    keeper = np.full(size, -1, np.int64)
    claims = cluster_now[first]
    # Claims come by seniority; written in reverse, the oldest person of a cluster is written last and stays.
    keeper[claims[::-1]] = claimed[::-1]

    # Clusters are numbered in the order of their first registration, so new persons are named in that order.
    firsts = np.unique(cluster, return_index=True)[1] if size else np.zeros(0, np.int64)
    fresh = np.flatnonzero(keeper < 0)
    ids = encoded.dictionary.to_pylist()
    known = len(ids)
    ids += [name(registrations[int(at)].as_py()) for at in firsts[fresh]]
    keeper[fresh] = known + np.arange(len(fresh))

    person_now = keeper[cluster]
    rank = np.full(len(cluster), len(place), np.int64)
    rank[place[there]] = np.flatnonzero(there)
    order = np.lexsort((np.arange(len(cluster)), rank, person_now))
    persons = pa.table(
        {"registration": registrations.take(pa.array(order)), "person": pa.array(ids, pa.string()).take(pa.array(person_now[order]))}
    )
    return Assignment(
        persons.cast(PERSONS), _events(ids, known, person_before, keeper[cluster_now], keeper[claims], claimed, fresh, keeper)
    )


def _events(
    ids: list[str], known: int, before: _Codes, now: _Codes, survivor: _Codes, claimed: _Codes, fresh: _Codes, keeper: _Codes
) -> list[Event]:
    merged = claimed != survivor
    into = dict(zip(claimed.tolist(), survivor.tolist(), strict=True))
    left = before != now
    moved = sorted(set(zip(before[left].tolist(), now[left].tolist(), strict=True)))
    return [
        *(Event("new", ids[code]) for code in keeper[fresh].tolist()),
        *(Event("merge", ids[end], ids[start]) for start, end in zip(claimed[merged].tolist(), survivor[merged].tolist(), strict=True)),
        *(Event("split", ids[start], ids[end]) for start, end in moved if into[start] != end),
        *(Event("gone", ids[code]) for code in sorted(set(range(known)) - set(claimed.tolist()))),
    ]


def _codes(indices: pa.Array) -> _Codes:
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
