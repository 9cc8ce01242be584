"""組の控え (links): the pairs of the newest run with weight and reasons, encrypted in the core zone, for samples and explanations.

Of earlier runs nothing is kept: a pair names registrations, and whoever has left must be in no copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy.orm import Session

from kiban_operator import vault
from kiban_operator.home import Home

TABLE = "pairs"
PAIRS = pa.schema(
    [("left", pa.string()), ("right", pa.string()), ("weight", pa.float64()), ("decision", pa.string()),
     ("reasons", pa.list_(pa.string())), ("weights", pa.list_(pa.float64()))]
)  # fmt: skip


def seal(home: Home, pairs: pa.Table, linkage: str) -> vault.Sealing:
    """Write a run's pairs; the caller records the file in the transaction that books the run."""
    sealing = vault.seal(home, vault.Shelf.LINKAGE, hospital="*", regime="*", table=TABLE, submission=linkage, schema=PAIRS)
    for batch in pairs.select(PAIRS.names).cast(PAIRS).to_batches():
        sealing.write(batch)
    return sealing


def without(home: Home, con: duckdb.DuckDBPyConnection, gone: str) -> vault.Sealing:
    """The newest run's pairs without those of the registrations in the relation `gone` (patient_key), as a file still to be recorded."""
    with readable(home, con) as pairs:
        linkage = f"""SELECT * FROM {pairs} WHERE "left" NOT IN (SELECT patient_key FROM {gone}) AND "right" NOT IN (SELECT patient_key FROM {gone})"""
        return seal(home, con.execute(linkage).to_arrow_table(), home.circumstances.token("n"))


def replace(session: Session, home: Home, sealing: vault.Sealing) -> list[Path]:
    """Record the new file and destroy the keys of the older ones; returns their paths, to be unlinked once that has committed."""
    old = [vault.destroy(session, home, file) for file in vault.files(session, vault.Shelf.LINKAGE, table=TABLE)]
    vault.record(session, home, sealing)
    return old


@contextmanager
def readable(home: Home, con: duckdb.DuckDBPyConnection, name: str = "linkage_pairs") -> Iterator[str]:
    """The newest run's pairs as a relation `name`."""
    with home.reading() as session:
        con.register(name, vault.dataset(session, home, vault.files(session, vault.Shelf.LINKAGE, table=TABLE), PAIRS))
        try:
            yield name
        finally:
            con.unregister(name)
