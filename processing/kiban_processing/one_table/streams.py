"""表の流れ (streams): batches on their way into the engine; what goes wrong on the way is raised as itself and not as an error of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

ROWS = "table_stream"  # the relation, while a `streamed` block lasts; it can be read once


@contextmanager
def streamed(con: duckdb.DuckDBPyConnection, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[None]:
    """Offer batches as the relation ROWS."""
    failed: list[BaseException] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except GeneratorExit:
            raise
        except BaseException as error:  # a refusal, or the person at the keyboard
            failed.append(error)
            raise

    con.register(ROWS, pa.RecordBatchReader.from_batches(schema, watched()))
    try:
        yield
    except duckdb.Error:
        if failed:
            raise failed[0] from None
        raise
    finally:
        con.unregister(ROWS)
