"""保管庫の変更 (vault changes): what changed at a vault since its last linkage, told by digests of rows, as a delivery and decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.linkage import decided, increment, keys, registrations, row_digests
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.settings import FEW
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.settled import Decisions

DECISIONS_PART = "decisions"


@dataclass(frozen=True)
class Difference:
    """How many registrations came or are otherwise, how many went, and how many the state knows."""

    changed: int
    gone: int
    known: int

    @property
    def share(self) -> float:
        return (self.changed + self.gone) / max(self.known, 1)


def compare(con: duckdb.DuckDBPyConnection, relation: str, state: Kept) -> Difference:
    """Make `linkage_changed` (the rows of `relation` that the state does not know as they are) and `linkage_gone` (registration)."""
    living = np.setdiff1d(np.arange(state.size), state.dead)
    held = state.pages.all("names")[living]
    con.register(
        "linkage_known",
        pa.table({"registration": row_digests.texts(held), "digest": pa.array(held["digest"].astype(np.uint64), pa.uint64())}),
    )
    try:
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE linkage_changed AS
            SELECT r.* FROM {relation} r LEFT JOIN linkage_known k USING (registration) WHERE k.digest IS DISTINCT FROM {row_digests.digest("r")}""")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE linkage_gone AS SELECT registration FROM linkage_known ANTI JOIN {relation} USING (registration)"
        )
    finally:
        con.unregister("linkage_known")
    changed, gone = (con.execute(f"SELECT count(*) FROM linkage_{name}").fetchall()[0][0] for name in ("changed", "gone"))
    return Difference(changed, gone, len(held))


@contextmanager
def in_haste(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Statements about few changed rows run as they stand: thinking about them takes the engine longer."""
    ((changed,),) = con.execute("SELECT count(*) FROM linkage_changed").fetchall()
    if changed > FEW:
        yield
        return
    con.execute("PRAGMA disable_optimizer")
    try:
        yield
    finally:
        con.execute("PRAGMA enable_optimizer")


def delivery(
    con: duckdb.DuckDBPyConnection, state: Kept, frozen: Frozen, decisions: pa.Table
) -> tuple[increment.Delivery, npt.NDArray[np.uint64]]:
    """`linkage_changed` and `linkage_gone` as a delivery, and the digests of its rows."""
    found = _normalised(con, frozen) if con.execute("SELECT 1 FROM linkage_changed LIMIT 1").fetchall() else _nothing(state)
    gone = con.execute("SELECT registration FROM linkage_gone ORDER BY 1").to_arrow_table().column(0).combine_chunks().cast(pa.string())
    brought = increment.Delivery(
        found.drop_columns(["prefix", "digest"]),
        row_digests.numbers(found, "prefix"),
        gone,
        row_digests.prefixes(con, gone),
        _turned(con, state, decisions),
    )
    return brought, row_digests.numbers(found, "digest")


def _normalised(con: duckdb.DuckDBPyConnection, frozen: Frozen) -> pa.Table:
    """The keys table of `linkage_changed`, with prefix and digest."""
    table = keys.normalise_relation(con, "linkage_changed", frozen, "linkage_delivered")
    try:
        return con.execute(f"""
            SELECT k.* REPLACE ('' AS site_id), k.registration AS local_patient_id, {registrations.prefix_sql("k.registration")} AS prefix, {row_digests.digest("r")} AS digest
            FROM {table} k JOIN linkage_changed r USING (registration) ORDER BY k.node""").to_arrow_table()
    finally:
        con.execute(f"DROP TABLE IF EXISTS {table}")


def _nothing(state: Kept) -> pa.Table:
    """The same where nothing changed: the statements that normalise take a fifth of a second for no row as well."""
    further = [("local_patient_id", pa.string()), ("prefix", pa.uint64()), ("digest", pa.uint64())]
    return pa.schema([*state.schema, *(pa.field(*each) for each in further)]).empty_table()


def _turned(con: duckdb.DuckDBPyConnection, state: Kept, decisions: pa.Table) -> Decisions:
    """All that act, and those that acted at the run that left the state and no longer do."""
    before = pa.ipc.open_stream(pa.py_buffer(state.attached(DECISIONS_PART))).read_all()
    con.register("linkage_decided_now", decisions.cast(decided.DECISIONS))
    con.register("linkage_decided_before", before)
    ordered = '(SELECT DISTINCT least("left", "right") AS "left", greatest("left", "right") AS "right", same FROM {})'
    now, then = ordered.format("linkage_decided_now"), ordered.format("linkage_decided_before")
    try:
        found = con.execute(f"""
            SELECT "left", "right", same, true AS acting, NOT EXISTS (SELECT 1 FROM {then} b WHERE b."left" = n."left" AND b."right" = n."right" AND b.same = n.same) AS turned
            FROM {now} n
            UNION ALL
            SELECT "left", "right", same, false, true FROM {then} b
            WHERE NOT EXISTS (SELECT 1 FROM {now} n WHERE b."left" = n."left" AND b."right" = n."right" AND b.same = n.same)
            ORDER BY ALL""").to_arrow_table()
    finally:
        con.unregister("linkage_decided_now")
        con.unregister("linkage_decided_before")
    left, right = (found.column(side).combine_chunks().cast(pa.string()) for side in ("left", "right"))
    flags = (found.column(flag).combine_chunks().to_numpy(zero_copy_only=False) for flag in ("same", "acting", "turned"))
    return Decisions(
        left, right, row_digests.prefixes(con, left), row_digests.prefixes(con, right), *(np.asarray(flag, np.bool_) for flag in flags)
    )


def stream(table: pa.Table) -> bytes:
    """Decisions as a state keeps them."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, decided.DECISIONS) as writer:
        writer.write_table(table.cast(decided.DECISIONS))
    content: bytes = sink.getvalue().to_pybytes()
    return content
