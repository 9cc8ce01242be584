"""読取りの集め (gathering): rows and defects of one stretch of one file, gathered table by table, become a piece."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.deliveries.pieces import DEFECTS, PLACE, Piece
from kiban_processing.formats import findings

Numbers = npt.NDArray[np.int64]


@dataclass
class Gathering:
    """Gathers what one stretch of `file` gives; `only`: the tables that are wanted (None: all)."""

    file: str
    only: Collection[str] | None = None
    _rows: dict[str, list[pa.Table]] = field(default_factory=dict)
    _defects: list[pa.Table] = field(default_factory=list)
    _set_aside: dict[str, int] = field(default_factory=dict)

    def wants(self, table: str) -> bool:
        return self.only is None or table in self.only

    def rows(self, table: str, records: Numbers, columns: Mapping[str, pa.Array]) -> None:
        """Rows of a table, each with the number of its record."""
        if not len(records):
            return
        arrays = [pa.repeat(self.file, len(records)), pa.array(records, pa.int64()), *columns.values()]
        schema = pa.schema([*PLACE, *((name, pa.string()) for name in columns)])
        self._rows.setdefault(table, []).append(pa.Table.from_arrays(arrays, schema=schema))

    def unusable(self, records: list[int], rules: list[str], raws: list[str]) -> None:
        """Records that give no rows, kept as they came. One by one, for they are few."""
        self._tell(records, rules, findings.ROW, raws)

    def told(self, records: list[int], rules: list[str]) -> None:
        """Something of a record was lost, and the rest of it is used."""
        self._tell(records, rules, findings.VALUE, [None] * len(records))

    def _tell(self, records: list[int], rules: list[str], severity: str, raws: list[str] | list[None]) -> None:
        if records:
            number = len(records)
            columns = [[self.file] * number, records, [None] * number, rules, [severity] * number, raws]
            self._defects.append(
                pa.Table.from_arrays([pa.array(one, kind.type) for one, kind in zip(columns, DEFECTS, strict=True)], schema=DEFECTS)
            )

    def aside(self, kind: str, number: int) -> None:
        """Records read, found sound and kept aside."""
        if number:
            self._set_aside[kind] = self._set_aside.get(kind, 0) + number

    def piece(self, sent: int) -> Piece:
        rows = {name: pa.concat_tables(tables, promote_options="default") for name, tables in self._rows.items()}
        defects = pa.concat_tables(self._defects) if self._defects else DEFECTS.empty_table()
        return Piece({self.file: sent}, rows, defects, self._set_aside)
