"""行 (rows): what a statement brings to the driver, in the forms of `connection.Result`; read once, counted by the connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa


class Rows:
    """The rows of one statement, fetched when first asked for. `fetch` gives them as Arrow."""

    def __init__(self, fetch: Callable[[], pa.Table]) -> None:
        self._fetch = fetch
        self._table: pa.Table | None = None
        self._taken = 0

    def arrow(self) -> pa.Table:
        if self._table is None:
            self._table = self._fetch()
        return self._table

    def to_arrow_table(self) -> pa.Table:
        """As DuckDB calls it."""
        return self.arrow()

    def fetchone(self) -> tuple[Any, ...] | None:
        if self._taken >= self.arrow().num_rows:
            return None
        row = self.arrow().slice(self._taken, 1)
        self._taken += 1
        return tuple(column[0].as_py() for column in row.columns)

    def fetchall(self) -> list[Any]:
        rest = self.arrow().slice(self._taken)
        self._taken = self.arrow().num_rows
        return list(zip(*(column.to_pylist() for column in rest.columns), strict=True))

    def fetchnumpy(self) -> dict[str, npt.NDArray[Any] | Any]:
        """Arrays by column; masked where values are missing."""
        return {name: _array(column.combine_chunks()) for name, column in zip(self.arrow().column_names, self.arrow().columns, strict=True)}

    def df(self) -> pd.DataFrame:
        frame: pd.DataFrame = self.arrow().to_pandas()
        return frame


def _array(column: pa.Array) -> npt.NDArray[Any] | Any:
    if not column.null_count:
        return column.to_numpy(zero_copy_only=False)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    present = column.drop_null().to_numpy(zero_copy_only=False)
    values = np.zeros(len(column), dtype=present.dtype)
    values[~missing] = present
    masked: Any = np.ma.masked_array  # numpy's own stubs leave it untyped
    return masked(values, mask=missing)
