"""退避ファイル (spill): where the engine puts what does not fit its memory, encrypted under a key that lives only in this process (Act 21).

Writing with the engine's cryptography needs its OpenSSL module, which the wheel duckdb-extension-httpfs carries.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import duckdb

_MODULE = f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"

# The module also speaks HTTP: nothing may be fetched or loaded that is not asked for by name here.
CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


def encrypt(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let a connection made with CONFIGURATION spill, encrypted, into `folder`; before it has spilled anything."""
    with resources.as_file(resources.files("duckdb_extension_httpfs") / _MODULE) as module:
        con.load_extension(str(module))
    con.execute(f"SET temp_directory='{folder}'")
    con.execute("SET temp_file_encryption=true")
