"""作業場 (workshop): DuckDB as every stage uses it, with nothing readable on disk, spilled swap files included.

Swap files are encrypted with a key that lives only in this process (`temp_file_encryption`); writing with the engine's cryptography
needs its OpenSSL module, which the wheel duckdb-extension-httpfs carries. The module also speaks HTTP, so outside access is
switched off at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import duckdb

_MODULE = f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"


@contextmanager
def open_workshop(folder: Path, memory_limit: str = "4GB", threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that spills, encrypted, below `folder`; the spill folder is removed at the end.

    Reads Arrow data handed to it; it cannot open files or addresses by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    swap = Path(tempfile.mkdtemp(prefix="engine-", dir=folder))
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    try:
        with resources.as_file(resources.files("duckdb_extension_httpfs") / _MODULE) as module:
            con.load_extension(str(module))
        con.execute(f"SET temp_directory='{swap}'")
        con.execute("SET temp_file_encryption=true")
        con.execute(f"SET memory_limit='{memory_limit}'")
        con.execute(f"SET threads={threads:d}")
        con.execute("SET preserve_insertion_order=false")
        con.execute("SET enable_external_access=false")
        con.execute("SET lock_configuration=true")
        yield con
    finally:
        con.close()
        shutil.rmtree(swap, ignore_errors=True)
