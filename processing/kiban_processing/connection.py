"""接続 (connection): what every engine must be able to do; DuckDB's own connection does it, and so does that of Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:  # loading pandas takes longer than anonymising a small table
    import pandas as pd


class Result(Protocol):
    """The rows of one statement."""

    def fetchone(self) -> tuple[Any, ...] | None: ...

    def fetchall(self) -> list[Any]: ...

    def fetchnumpy(self) -> dict[str, npt.NDArray[Any] | Any]: ...

    def df(self) -> pd.DataFrame: ...

    def to_arrow_table(self) -> pa.Table: ...


class Connection(Protocol):
    """Statements in DuckDB's dialect, parameters by name; Arrow tables can be registered as relations.

    Statements keep to what `scale.translation` carries over: ADR 0023 lists the forms to use and to avoid.
    """

    def execute(self, query: str, parameters: object = ...) -> Result: ...

    def register(self, view_name: str, python_object: object) -> object: ...

    def unregister(self, view_name: str) -> object: ...


def load(con: Connection, name: str, content: pa.Table) -> None:
    """Leave an Arrow table as a working table of the engine: what comes from Python is handed over, never read from a file."""
    con.register("loaded_rows", content)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM loaded_rows")
    con.unregister("loaded_rows")
