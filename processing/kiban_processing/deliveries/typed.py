"""読取片の型付け (typed pieces): a reader's text rows become rows of the catalogue, and every record is counted once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries.pieces import DEFECTS, Piece
from kiban_processing.formats import findings, values


@dataclass
class RecordCount:
    """Records: sent = accepted + quarantined + refused. `set_aside` are among the accepted; `rows` came of them; `values_dropped` are single values set to null."""

    sent: int = 0
    accepted: int = 0
    quarantined: int = 0
    refused: int = 0
    set_aside: int = 0
    rows: int = 0
    rows_quarantined: int = 0
    values_dropped: int = 0

    def add(self, other: RecordCount) -> None:
        for name in vars(other):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True)
class TypedPiece:
    """Usable rows by table (`PLACE` and every column of the table, typed), all defects in order of place, and counts by file.

    `defects`: `DEFECTS` and `table`, which is null where the record as a whole is meant.
    """

    rows: Mapping[str, pa.Table]
    defects: pa.Table
    counts: Mapping[str, RecordCount]


@dataclass
class Typing:
    """Types the pieces of one delivery; remembers what each column has judged, for the same few texts come again and again."""

    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _columns: dict[str, values.Column] = field(default_factory=dict, init=False, repr=False)

    def read(self, piece: Piece) -> TypedPiece:
        """The piece, typed.

        A row is unusable where a required item has no value: it is told as a defect of severity "row" with its column. A record is quarantined
        where the reader says so, or where all of its rows are unusable; one that keeps a usable row is accepted.
        """
        rows: dict[str, pa.Table] = {}
        defects = [_named(piece.defects, None)]
        for name, texts in piece.rows.items():
            rows[name], found = self._table(name, texts)
            defects.append(_named(found, name))
        together = pa.concat_tables(defects)
        return TypedPiece(rows, _in_order(together), _counts(piece, rows, together))

    def _table(self, name: str, texts: pa.Table) -> tuple[pa.Table, pa.Table]:
        table = TABLES[name]
        place = [texts.column("source_file").combine_chunks(), texts.column("source_row").combine_chunks()]
        typed = {item.name: self._item(name, item.name, texts) for item in table.items}
        reason = pa.nulls(texts.num_rows, pa.string())
        for column in table.required:
            one = typed[column]
            if one.values.null_count:
                rules = one.rules if one.rules is not None else pa.nulls(texts.num_rows, pa.string())
                told = pc.binary_join_element_wise(column, pc.fill_null(rules, findings.REQUIRED_MISSING.code), "\t")
                reason = pc.if_else(pc.and_(pc.is_null(reason), pc.is_null(one.values)), told, reason)
        usable = pc.is_null(reason)
        schema = pa.schema([DEFECTS.field("source_file"), DEFECTS.field("source_row"), *arrow.schema(table)])
        rows = pa.Table.from_arrays([*place, *(typed[item.name].values for item in table.items)], schema=schema).filter(usable)
        defects = [_unusable(texts, reason)]
        for item in table.items:
            rules = typed[item.name].rules
            if rules is not None:
                told = pc.and_(usable, pc.is_valid(rules))
                kept = rules.filter(told)
                fixed = [pa.repeat(item.name, len(kept)), kept, pa.repeat(findings.VALUE, len(kept)), pa.nulls(len(kept), pa.string())]
                defects.append(pa.Table.from_arrays([*(one.filter(told) for one in place), *fixed], schema=DEFECTS))
        return rows, pa.concat_tables(defects)

    def _item(self, table: str, column: str, texts: pa.Table) -> values.Typed:
        item = TABLES[table].item(column)
        if column not in texts.column_names:
            return values.Typed(pa.nulls(texts.num_rows, arrow.field(item).type), None)
        qualified = f"{table}.{column}"
        if qualified not in self._columns:
            self._columns[qualified] = values.Column(item, self.translations.get(qualified, {}))
        return self._columns[qualified].read(pc.fill_null(texts.column(column).combine_chunks(), ""))


def _named(defects: pa.Table, table: str | None) -> pa.Table:
    return defects.append_column("table", pa.array([table] * defects.num_rows, pa.string()))


def _unusable(texts: pa.Table, reason: pa.Array) -> pa.Table:
    """Rows without a required value, each with its record as JSON: unusable rows are few, so they are written one by one."""
    import orjson

    bad = texts.filter(pc.is_valid(reason))
    told = reason.drop_null().to_pylist()
    raw = [orjson.dumps({key: value for key, value in row.items() if value}).decode() for row in bad.to_pylist()]
    return pa.table(
        [
            bad.column("source_file"), bad.column("source_row"), pa.array([one.split("\t")[0] for one in told], pa.string()),
            pa.array([one.split("\t")[1] for one in told], pa.string()), pa.array([findings.ROW] * len(told), pa.string()), pa.array(raw, pa.string()),
        ],
        schema=DEFECTS,
    )  # fmt: skip


def _counts(piece: Piece, rows: Mapping[str, pa.Table], defects: pa.Table) -> dict[str, RecordCount]:
    counts = {file: RecordCount(sent=number) for file, number in piece.sent.items()}
    unusable = defects.filter(pc.equal(defects.column("severity"), findings.ROW))
    whole = unusable.filter(pc.is_null(unusable.column("column")))
    codes = _Places([*(table for table in rows.values()), unusable])
    usable = np.unique(np.concatenate([codes.of(table) for table in rows.values()] or [np.zeros(0, np.int64)]))
    lost = np.union1d(codes.of(whole), np.setdiff1d(codes.of(unusable), usable))
    for file, number in codes.by_file(lost):
        counts[file].quarantined = number
    for table in rows.values():
        for file, number in codes.by_file(codes.of(table)):
            counts[file].rows += number
    for file, number in codes.by_file(codes.of(unusable.filter(pc.is_valid(unusable.column("column"))))):
        counts[file].rows_quarantined += number
    for entry in defects.filter(pc.equal(defects.column("severity"), findings.VALUE)).column("source_file").value_counts().to_pylist():
        counts[entry["values"]].values_dropped = entry["counts"]
    for file, (_, number) in piece.refused.items():
        counts[file].refused = number
    for count in counts.values():
        count.accepted = count.sent - count.quarantined - count.refused
    return counts


class _Places:
    """The places of a piece's records as integers: file number × 2^40 + record."""

    def __init__(self, tables: list[pa.Table]) -> None:
        names = pc.unique(pa.chunked_array([chunk for table in tables for chunk in table.column("source_file").chunks], pa.string()))
        self.names = names

    def of(self, table: pa.Table) -> npt.NDArray[np.int64]:
        files = pc.index_in(table.column("source_file"), value_set=self.names)
        found: npt.NDArray[np.int64] = (files.to_numpy().astype(np.int64) << 40) + table.column("source_row").to_numpy()
        return found

    def by_file(self, places: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
        files, numbers = np.unique(places >> 40, return_counts=True)
        return [(self.names[int(file)].as_py(), int(number)) for file, number in zip(files, numbers, strict=True)]


def _in_order(defects: pa.Table) -> pa.Table:
    """By place; within a record in the order of the catalogue."""
    if defects.num_rows < 2:
        return defects
    order = pc.sort_indices(
        defects.append_column("turn", pa.array(np.arange(defects.num_rows))),
        [("source_file", "ascending"), ("source_row", "ascending"), ("turn", "ascending")],
    )
    return defects.take(order)
