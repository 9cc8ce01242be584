"""到着 (arrivals): what a delivery brings, beside what is kept: what is new, corrected, withdrawn, or known already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import rows
from kiban_processing.linkage.state.kept import NO_PERSON, Kept
from kiban_processing.linkage.state.pool import Pool
from kiban_processing.linkage.state.rows import Rows
from kiban_processing.linkage.state.settled import NOBODY_DECIDED, Decisions


@dataclass(frozen=True)
class Delivery:
    """`keys`: a keys table of the registrations brought or corrected, in the order of their names, with `local_patient_id`; `prefixes` of
    the same. `withdrawn`: registrations to be removed, with their `withdrawn_prefixes`. `decisions`: what people have settled."""

    keys: pa.Table
    prefixes: npt.NDArray[np.uint64]
    withdrawn: pa.Array
    withdrawn_prefixes: npt.NDArray[np.uint64]
    decisions: Decisions = NOBODY_DECIDED


@dataclass(frozen=True)
class Arrival:
    """A delivery beside what is kept. `fresh`: places in the delivery of rows that are new or different; `replaced`: the node each of
    them takes the place of, or NO_PERSON. `erased`: nodes withdrawn. Counts: rows that change nothing, withdrawals of nothing known."""

    fresh: Nodes
    replaced: Nodes
    erased: Nodes
    unchanged: int
    unknown: int

    @property
    def dead(self) -> Nodes:
        return np.asarray(np.unique(np.concatenate([self.erased, self.replaced[self.replaced != NO_PERSON]])))


def arrive(kept: Kept, delivery: Delivery, packed: Rows) -> Arrival:
    """Tell what is new in a delivery. `packed`: the rows of `delivery.keys`."""
    known = kept.find(delivery.keys.column("registration").combine_chunks(), delivery.prefixes)
    at = np.flatnonzero(known != NO_PERSON)
    equal = at[rows.same(packed[at], kept.rows(known[at]))]
    fresh = np.setdiff1d(np.arange(len(packed)), equal)
    withdrawn = kept.find(delivery.withdrawn, delivery.withdrawn_prefixes)
    found = withdrawn[withdrawn != NO_PERSON]
    return Arrival(fresh, known[fresh], np.unique(found), len(equal), len(withdrawn) - len(found))


def received(kept: Kept, delivery: Delivery, packed: Rows) -> tuple[Arrival, Pool]:
    """The arrival, and its new registrations as the first in hand."""
    arrival = arrive(kept, delivery, packed)
    texts = pa.table({"site_id": delivery.keys.column("site_id"), "local_patient_id": delivery.keys.column("local_patient_id")})
    return arrival, Pool(kept, packed[arrival.fresh], texts.take(pa.array(arrival.fresh)))
