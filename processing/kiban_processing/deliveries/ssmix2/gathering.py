"""読取片の組立て (gathering): rows, defects and counts of some thousand files become one piece."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kiban_processing.deliveries.pieces import DEFECTS, PLACE, Piece
from kiban_processing.deliveries.ssmix2 import rows
from kiban_processing.formats import findings
from kiban_processing.formats.findings import Rule
from kiban_processing.formats.iso2022jp import LOST
from kiban_processing.refusals import Refusal


class Gathering:
    """Collects until `piece()`. Every file is one record, number 1; only an archive can hold a name twice, and then counts on."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self._rows: dict[str, list[list[str]]] = {}
        self._files: dict[str, list[str]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._defects: list[tuple[str, int, str | None, str, str, str | None]] = []
        self._aside: dict[str, int] = {}
        self._refused: dict[str, tuple[Refusal, int]] = {}

    def begin(self, file: str) -> None:
        """Count a record; what is told of the file from here on is told of it."""
        self.sent[file] = self.sent.get(file, 0) + 1

    def accept(self, file: str, found: Sequence[tuple[str, rows.Row]], is_lossy: bool) -> None:
        """Take a record's rows."""
        for table, row in found:
            if is_lossy and any(LOST in text for text in row):
                self._lose(file, table, row)
            self._rows.setdefault(table, []).append(row)
            self._files.setdefault(table, []).append(file)
            self._numbers.setdefault(table, []).append(self.sent[file])

    def set_aside(self, kind: str) -> None:
        self._aside[kind] = self._aside.get(kind, 0) + 1

    def quarantine(self, file: str, rule: Rule, raw: str) -> None:
        self._defects.append((file, self.sent[file], None, rule.code, findings.ROW, raw))

    def refuse(self, file: str, why: Refusal) -> None:
        _, before = self._refused.get(file, (why, 0))
        self._refused[file] = why, before + 1

    def piece(self) -> Piece:
        tables = {}
        for table, found in self._rows.items():
            names = rows.columns(table)
            arrays = [pa.array(self._files[table], pa.string()), pa.array(self._numbers[table], pa.int64())]
            arrays += [pa.array(column, pa.string()) for column in zip(*found, strict=True)]
            tables[table] = pa.Table.from_arrays(arrays, schema=pa.schema([*PLACE, *((name, pa.string()) for name in names)]))
        defects = [pa.array(column, field.type) for column, field in zip(zip(*self._defects, strict=True), DEFECTS, strict=False)]
        told = pa.Table.from_arrays(defects, schema=DEFECTS) if defects else DEFECTS.empty_table()
        return Piece(self.sent, tables, told, self._aside, self._refused)

    def _lose(self, file: str, table: str, row: rows.Row) -> None:
        """Values with a character that was lost are told and dropped; the rest of the row is sound."""
        for place, name in enumerate(rows.columns(table)):
            if LOST in row[place]:
                self._defects.append((file, self.sent[file], name, findings.CHARACTER_LOST.code, findings.VALUE, None))
                row[place] = ""
