"""行の要約 (row digests): by what a vault's state knows its registrations again: their names, and whether their rows are as they were."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import keys, registrations
from kiban_processing.linkage.state.kept import NAME_BYTES, NAMES


def digest(row: str) -> str:
    """SQL for 64 bits that tell whether a row is as it was."""
    columns = (f"coalesce({row}.{column}::VARCHAR, chr(30))" for column in keys.COLUMNS if column != "registration")
    return f"('0x' || substr(sha256(concat_ws(chr(31), {', '.join(columns)})), 1, 16))::UBIGINT"


def named_rows(con: duckdb.DuckDBPyConnection, relation: str, names: pa.Array) -> npt.NDArray[np.void]:
    """`NAMES` of the rows of `relation`, whose registrations are `names`, in their order."""
    found = con.execute(f"SELECT registration, {digest('r')} AS digest FROM {relation} r ORDER BY registration").to_arrow_table()
    made = np.zeros(len(names), NAMES)
    made["registration"], made["digest"] = fixed(names), numbers(found, "digest")
    return made


def fixed(names: pa.Array) -> npt.NDArray[np.bytes_]:
    """Names as a state keeps them."""
    if len(names) and pc.max(pc.binary_length(names)).as_py() > NAME_BYTES:
        raise ValueError(f"a vault names a registration by at most {NAME_BYTES} bytes")
    fixed: npt.NDArray[np.bytes_] = names.to_numpy(zero_copy_only=False).astype(f"S{NAME_BYTES}")
    return fixed


def texts(held: npt.NDArray[np.void]) -> pa.Array:
    """Names as they were, of `NAMES`."""
    return pa.array(held["registration"].astype(f"U{NAME_BYTES}"), pa.string())


def prefixes(con: duckdb.DuckDBPyConnection, names: pa.Array) -> npt.NDArray[np.uint64]:
    """What finds these registrations in a state."""
    con.register("linkage_sought", pa.table({"place": np.arange(len(names)), "registration": names}))
    try:
        found = con.execute(
            f"SELECT {registrations.prefix_sql('registration')} AS prefix FROM linkage_sought ORDER BY place"
        ).to_arrow_table()
    finally:
        con.unregister("linkage_sought")
    return numbers(found, "prefix")


def numbers(table: pa.Table, column: str) -> npt.NDArray[np.uint64]:
    return np.asarray(table.column(column).to_numpy(), np.uint64)
