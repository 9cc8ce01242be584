"""Reads a delivery to its end for a test: text rows by table, defects, counts, refusals, remarks."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiban_processing.deliveries import readers
from kiban_processing.deliveries.pieces import Remark
from kiban_processing.deliveries.typed import RecordCount, Typing
from kiban_processing.refusals import Refusal

Row = dict[str, Any]


@dataclass
class Read:
    """What came of a delivery; `rows` as text, without what is null or empty."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    typed: dict[str, list[Row]] = field(default_factory=dict)
    defects: list[Row] = field(default_factory=list)
    count: RecordCount = field(default_factory=RecordCount)
    set_aside: dict[str, int] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()

    @property
    def rules(self) -> list[tuple[int, str]]:
        """Record and rule of each record that was quarantined whole."""
        return [(one["source_row"], one["rule"]) for one in self.defects if one["severity"] == "row" and one["column"] is None]

    def of(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of the typed rows of a table."""
        return [tuple(row[column] for column in columns) for row in self.typed.get(table, [])]


def read(path: Path, kind: str, options: readers.Options = readers.NO_OPTIONS, only: Collection[str] | None = None) -> Read:
    """The whole delivery; checks on the way that every record is counted once."""
    delivery = readers.open_delivery(path, readers.Format(kind), options)
    typing, found = Typing(delivery.translations), Read()
    for piece in delivery.pieces(only):
        for table, rows in piece.rows.items():
            found.rows.setdefault(table, []).extend(
                {key: value for key, value in row.items() if value not in (None, "")} for row in rows.to_pylist()
            )
        typed = typing.read(piece)
        for table, rows in typed.rows.items():
            found.typed.setdefault(table, []).extend(rows.to_pylist())
        found.defects += typed.defects.to_pylist()
        for count in typed.counts.values():
            assert count.sent == count.accepted + count.quarantined + count.refused and count.accepted >= 0
            found.count.add(count)
        for name, number in piece.set_aside.items():
            found.set_aside[name] = found.set_aside.get(name, 0) + number
        found.refused.update({file: why for file, (why, _) in piece.refused.items()})
    found.remarks = delivery.remarks
    return found
