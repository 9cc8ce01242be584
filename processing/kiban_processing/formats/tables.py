"""表ファイルの読取り (delimited tables): a hospital's CSV becomes typed rows of a catalogue table and defects, in streams.

Every record after the header ends in exactly one of the two: as a usable row, or as one row defect with its rule and the record as it came.
`source_row` counts these records from 1: a line break inside quotation marks starts no new one, lines without content do not count, and
undecodable or misshapen records do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.formats import encodings, findings, headers, lines, records, values
from kiban_processing.formats.mapping import FileMapping

DEFECTS = pa.schema(
    [
        ("source_row", pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("raw", pa.string()),
    ]
)


@dataclass(frozen=True)
class Batch:
    """Usable rows (source_row and every column of the table) and the defects found on the way (`DEFECTS`)."""

    rows: pa.RecordBatch
    defects: pa.RecordBatch


@dataclass(frozen=True)
class Counts:
    """Records sent = usable + defective (rows); `dropped` values of usable rows were set to null."""

    sent: int = 0
    usable: int = 0
    defective: int = 0
    dropped: int = 0


class Reading:
    """One file being read: `batches()` streams it, `counts` tells the sums once the stream is exhausted."""

    def __init__(self, path: Path, mapping: FileMapping, examined: encodings.Examined, header: tuple[str, ...], longest: int) -> None:
        self.path = path
        self.mapping = mapping
        self.table = TABLES[mapping.table]
        self.header = header
        self.schema = pa.schema([pa.field("source_row", pa.int64()), *arrow.schema(self.table)])
        self._examined = examined
        self._longest = longest
        self._counts: Counts | None = None

    @property
    def counts(self) -> Counts:
        """The sums of the last complete reading; asking before it is complete is a bug."""
        if self._counts is None:
            raise RuntimeError("the file has not been read to its end")
        return self._counts

    def batches(self) -> Iterator[Batch]:
        """The whole file once, in the order sent, in bounded memory; each call reads it anew.

        Of an unusable row the first cause is told: its shape, else its first required column in the order of the catalogue.
        """
        self._counts = None
        columns = {column.item: values.Column(self.table.item(column.item), column.translations) for column in self.mapping.columns}
        counts, header_seen = Counts(), False
        for stretch in records.split(encodings.decode(self._examined, self._longest), self.mapping.delimiter, self._longest):
            body = stretch if header_seen else _from(stretch, 1)
            header_seen = True
            if not len(body):
                continue
            batch = self._batch(body, counts.sent + 1, columns)
            usable = batch.rows.num_rows
            defective = len(body) - usable
            dropped = batch.defects.num_rows - defective
            counts = Counts(counts.sent + len(body), counts.usable + usable, counts.defective + defective, counts.dropped + dropped)
            yield batch
        self._counts = counts

    def _batch(self, body: records.Records, first_row: int, columns: dict[str, values.Column]) -> Batch:
        sound = np.ones(len(body), np.bool_)
        sound[list(body.rules)] = False
        shape_rules = dict(body.rules)
        cells, misshapen = _cells(body, np.flatnonzero(sound), len(self.header), self.mapping.delimiter)
        shape_rules.update(dict.fromkeys(misshapen, findings.COLUMN_COUNT.code))
        sound[misshapen] = False
        places = np.flatnonzero(sound)

        typed = self._typed(cells, columns)
        reason = self._reasons(typed, len(places))
        is_usable = pc.is_null(reason)
        source_rows = pa.array(places + first_row)
        arrays = [source_rows] + [typed[item.name].values for item in self.table.items]
        rows = pa.record_batch(arrays, schema=self.schema).filter(is_usable)
        row_defects: list[tuple[int, str | None, str]] = [(index, None, rule) for index, rule in shape_rules.items()]
        for index in np.flatnonzero(~is_usable.to_numpy(zero_copy_only=False)).tolist():
            column, rule = reason[index].as_py().split("\t")
            row_defects.append((int(places[index]), column, rule))
        defects = [_row_defects(body, sorted(row_defects), first_row)]
        for item in self.table.items:
            rules = typed[item.name].rules
            if rules is not None:
                defects.append(_value_defects(item.name, rules, source_rows, is_usable))
        return Batch(rows, _in_order(defects))

    def _typed(self, cells: pa.Table, columns: dict[str, values.Column]) -> dict[str, values.Typed]:
        places = {name: place for place, name in enumerate(self.header)}
        found: dict[str, values.Typed] = {}
        for column in self.mapping.columns:
            texts = cells.column(f"c{places[column.source]}").combine_chunks()
            if column.form is not None:
                texts = column.form.applied(texts)
            found[column.item] = columns[column.item].read(texts)
        for item in self.table.items:
            if item.name not in found:
                given = pa.scalar(self.mapping.constants.get(item.name), arrow.field(item).type)
                found[item.name] = values.Typed(pa.repeat(given, cells.num_rows), None)
        return found

    def _reasons(self, typed: dict[str, values.Typed], size: int) -> pa.Array:
        """Per row null, or `column TAB rule` of the first required column that has no value."""
        reasons = pa.nulls(size, pa.string())
        for name in self.table.required:
            column = typed[name]
            if not column.values.null_count:
                continue
            rules = column.rules if column.rules is not None else pa.nulls(size, pa.string())
            told = pc.binary_join_element_wise(name, pc.fill_null(rules, findings.REQUIRED_MISSING.code), "\t")
            reasons = pc.if_else(pc.and_(pc.is_null(reasons), pc.is_null(column.values)), told, reasons)
        return reasons


def read(path: Path, mapping: FileMapping, encoding: str, longest: int = lines.LONGEST) -> Reading:
    """Examine the file and its header; what comes back can be streamed. `longest`: bytes of one record.

    Refuses: what `encodings.examine` and `headers.read` refuse.
    """
    examined = encodings.examine(path, encoding, longest)
    header = headers.read(records.split(encodings.decode(examined, longest), mapping.delimiter, longest), mapping)
    return Reading(path, mapping, examined, header, longest)


def _from(stretch: records.Records, first: int) -> records.Records:
    rules = {index - first: rule for index, rule in stretch.rules.items() if index >= first}
    return records.Records(stretch.text, stretch.starts[first:], stretch.ends[first:], rules)


def _cells(body: records.Records, places: npt.NDArray[np.int64], width: int, delimiter: str) -> tuple[pa.Table, list[int]]:
    """Cells `c0…` of the records at `places` that have as many as the header, and the places of those that have not.

    Should the parser ever cut records differently than we do, the halves are read on their own, down to the single record.
    """
    names = [f"c{index}" for index in range(width)]
    if not len(places):
        return pa.schema([(name, pa.string()) for name in names]).empty_table(), []
    text = _text(body, places)
    numbers: list[int] = []

    def note(row: pa.csv.InvalidRow) -> str:
        numbers.append(row.number)
        return "skip"

    cells = pyarrow.csv.read_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(text) + 1),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if b'"' in text else False, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    if cells.num_rows + len(numbers) == len(places):
        return cells, [int(places[number - 1]) for number in numbers]
    if len(places) == 1:
        return cells.slice(0, 0), [int(places[0])]
    half = len(places) // 2
    first, first_bad = _cells(body, places[:half], width, delimiter)
    second, second_bad = _cells(body, places[half:], width, delimiter)
    return pa.concat_tables([first, second]), first_bad + second_bad


def _text(body: records.Records, places: npt.NDArray[np.int64]) -> bytes:
    """The text of these records, joined in runs of neighbours."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    firsts, lasts = places[np.concatenate([[0], cuts])], places[np.concatenate([cuts - 1, [len(places) - 1]])]
    runs = zip(body.starts[firsts].tolist(), body.ends[lasts].tolist(), strict=True)
    return b"".join(body.text[start:end] + b"\n" for start, end in runs)


def _row_defects(body: records.Records, found: list[tuple[int, str | None, str]], first_row: int) -> pa.RecordBatch:
    severity = [findings.ROW] * len(found)
    columns = [
        [index + first_row for index, _, _ in found],
        [column for _, column, _ in found],
        [rule for _, _, rule in found],
        severity,
        [body.raw(index) for index, _, _ in found],
    ]
    return pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, DEFECTS, strict=True)], schema=DEFECTS)


def _value_defects(name: str, rules: pa.Array, source_rows: pa.Array, is_usable: pa.Array) -> pa.RecordBatch:
    told = pc.and_(is_usable, pc.is_valid(rules))
    kept = rules.filter(told)
    size = len(kept)
    fixed = [pa.repeat(name, size), kept, pa.repeat(findings.VALUE, size), pa.nulls(size, pa.string())]
    return pa.record_batch([source_rows.filter(told), *fixed], schema=DEFECTS)


def _in_order(defects: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch by source row; within a row in the order of the catalogue."""
    together = pa.Table.from_batches(defects, DEFECTS)
    order = np.argsort(together.column("source_row").to_numpy(), kind="stable")
    return pa.record_batch([column.combine_chunks() for column in together.take(order).columns], schema=DEFECTS)
