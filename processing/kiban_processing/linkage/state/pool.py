"""手元の登録 (pool): the registrations an increment has in hand, old and new, and tables of them for the judge."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.state import rows
from kiban_processing.linkage.state.kept import Kept, named
from kiban_processing.linkage.state.recall import Recall, Seats
from kiban_processing.linkage.state.rows import Rows


class Pool:
    """Rows and names by node, each fetched when first asked for. `fresh`: the rows of new nodes, which follow the old ones; `texts` of the
    same: site_id, local_patient_id."""

    def __init__(self, kept: Kept, fresh: Rows, texts: pa.Table) -> None:
        self._kept = kept
        self.fresh = kept.size + np.arange(len(fresh))
        self._rows = Recall(kept.size + len(fresh), kept.rows)
        self._rows.know(self.fresh, fresh)
        self._seats = Seats(kept.size + len(fresh))
        self._seats.seat(self.fresh)
        texts = texts.select(["site_id", "local_patient_id"])
        self._texts = texts.append_column("person_id", pa.array([""] * len(fresh), pa.string())).combine_chunks()

    def rows(self, nodes: Nodes) -> Rows:
        return self._rows.of(nodes)

    def texts(self, nodes: Nodes) -> pa.Table:
        """site_id, local_patient_id, person_id (empty for new nodes)."""
        if len(missing := self._seats.missing(nodes)):
            self._seats.seat(missing)
            self._texts = pa.concat_tables([self._texts, self._kept.texts(missing)]).combine_chunks()
        return self._texts.take(pa.array(self._seats.of(nodes)))

    def ordered(self, nodes: Nodes) -> Nodes:
        """These nodes in the order of their registrations."""
        order = pc.sort_indices(named(self.texts(nodes))).to_numpy()
        return np.asarray(nodes[order])

    def table(self, ordered: Nodes) -> pa.Table:
        """The keys table of these nodes, numbered 0, 1, ... in the order given."""
        return keys_table(self.texts(ordered), self.rows(ordered), self._kept.schema)


def keys_table(texts: pa.Table, held: Rows, schema: pa.Schema) -> pa.Table:
    """The keys table of these rows, which `texts` (site_id, local_patient_id) name, numbered in their order."""
    unpacked = rows.unpack(held, schema)
    made = {"node": pa.array(np.arange(len(held))), "registration": named(texts), "site_id": texts.column("site_id")}
    return pa.table(
        {field.name: made.get(field.name, unpacked.column(field.name) if field.name in unpacked.column_names else None) for field in schema}
    )
