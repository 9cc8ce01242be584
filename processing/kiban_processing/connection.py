"""接続 (connection): what every engine must be able to do; DuckDB's own connection does it, and so does that of Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

if TYPE_CHECKING:  # loading pandas takes longer than anonymising a small table
    import pandas as pd


class Result(Protocol):
    """The rows of one statement."""

    def fetchone(self) -> tuple[Any, ...] | None: ...

    def fetchall(self) -> list[Any]: ...

    def fetchnumpy(self) -> dict[str, npt.NDArray[Any] | Any]: ...

    def df(self) -> pd.DataFrame: ...


class Connection(Protocol):
    """Statements in DuckDB's dialect, parameters by name; Arrow tables can be registered as relations.

    Statements keep to what `scale.translation` carries over: ADR 0023 lists the forms to use and to avoid.
    """

    def execute(self, query: str, parameters: object = ...) -> Result: ...

    def register(self, view_name: str, python_object: object) -> object: ...

    def unregister(self, view_name: str) -> object: ...
