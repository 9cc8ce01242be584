"""作業場 (workshop): DuckDB as every stage uses it: nothing readable on disk, spilled files included, and no access to the outside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from kiban_processing import spill


@contextmanager
def open_workshop(
    folder: Path, memory_limit: str = "4GB", threads: int = 2, joins_as_written: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills, encrypted, below `folder`; the spill folder is removed at the end.

    Reads Arrow data handed to it; it cannot open files or addresses by itself. `joins_as_written`: the right side of each join is the one
    held in memory. The optimiser knows no number of rows of Arrow data, takes the vault's tables for small, and would hold those.
    """
    folder.mkdir(parents=True, exist_ok=True)
    swap = Path(tempfile.mkdtemp(prefix="engine-", dir=folder))
    con = duckdb.connect(config=spill.CONFIGURATION)
    try:
        spill.encrypt(con, swap)
        con.execute(f"SET memory_limit='{memory_limit}'")
        con.execute(f"SET threads={threads:d}")
        con.execute("SET preserve_insertion_order=false")
        if joins_as_written:
            con.execute("SET disabled_optimizers='join_order,build_side_probe_side'")
        con.execute("SET enable_external_access=false")
        con.execute("SET lock_configuration=true")
        yield con
    finally:
        con.close()
        shutil.rmtree(swap, ignore_errors=True)
