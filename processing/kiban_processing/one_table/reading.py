"""表の読取り (reading): a CSV or Parquet file as a stream of batches whose texts are dictionary codes; never the whole table at once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kiban_processing.language import Text
from kiban_processing.one_table import arrays
from kiban_processing.refusals import Family, Ground

TABLE_UNREADABLE = Ground(
    "table-unreadable",
    Family.INPUT,
    None,
    Text("表「{file}」を読めません({why})。", "The table “{file}” cannot be read ({why})."),
    Text(
        "見出し行のあるUTF-8のCSV、又はParquetを指定してください。",
        "Give a CSV in UTF-8 with a header, or a Parquet file.",
    ),
)

_BATCH = 1 << 18  # rows; larger ones read no faster, smaller ones rebuild dictionaries more often
_BLOCK = 1 << 24  # bytes of a CSV
_ERRORS = (OSError, UnicodeDecodeError, pa.ArrowException)

Batches = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]  # names of columns → their batches, from the beginning


@dataclass(frozen=True)
class Source:
    """A table's file. `rows`: None where only reading tells; `coded` columns come as dictionary codes, whatever is missing as null.

    An empty cell of a CSV is a missing value, quoted or not; every other cell is text.
    """

    path: Path
    names: tuple[str, ...]
    rows: int | None
    separator: str | None  # None: Parquet
    schema: pa.Schema | None = None  # of a Parquet file

    def types(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """The type of columns that are read as they are. Refuses: table-unreadable."""
        if self.schema is None:
            return dict.fromkeys(columns, pa.string())
        return {name: _plain(self.schema.field(name).type) for name in columns}

    def counted(self) -> int:
        """Its number of rows. Refuses: table-unreadable."""
        return self.rows if self.rows is not None else sum(batch.num_rows for batch in self.batches(self.names[:1]))

    def batches(self, columns: Sequence[str], coded: Iterable[str] = ()) -> Iterator[pa.RecordBatch]:
        """The named columns, in batches. Refuses: table-unreadable."""
        listed = list(dict.fromkeys(columns))
        wanted = frozenset(coded)
        try:
            yield from self._csv(listed, wanted) if self.separator else self._parquet(listed, wanted)
        except _ERRORS as error:
            raise TABLE_UNREADABLE.refuse(file=self.path.name, why=type(error).__name__) from None

    def _parquet(self, columns: list[str], coded: frozenset[str]) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq  # here and below: what a small CSV does not need, it does not load

        with pq.ParquetFile(self.path, read_dictionary=sorted(coded)) as file:
            yield from file.iter_batches(_BATCH, columns=columns)

    def _csv(self, columns: list[str], coded: frozenset[str]) -> Iterator[pa.RecordBatch]:
        from pyarrow import csv as reader

        types = {name: pa.dictionary(pa.int32(), pa.string()) if name in coded else pa.string() for name in columns}
        opened = reader.open_csv(
            self.path,
            reader.ReadOptions(block_size=_BLOCK),
            reader.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            reader.ConvertOptions(
                column_types=types, include_columns=columns, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        )
        with opened as batches:
            yield from batches


def open_table(path: Path, separator: str | None = None) -> Source:
    """The table at `path`; without `separator`, that of `;`, `,` and tab which parts the header most. Refuses: table-unreadable."""
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                source = Source(path, tuple(file.schema_arrow.names), file.metadata.num_rows, None, file.schema_arrow)
        else:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                head = lines.readline()
            mark = separator or max(";,\t", key=head.count)
            source = Source(path, tuple(next(csv.reader([head], delimiter=mark), [])), None, mark)
    except _ERRORS as error:
        raise TABLE_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from None
    if len(set(source.names)) != len(source.names) or not source.names:
        raise TABLE_UNREADABLE.refuse(file=path.name, why="header")
    return source


def plain(column: pa.Array) -> pa.Array:
    """One column of a batch without dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def codes(column: pa.Array) -> tuple[npt.NDArray[Any], pa.Array]:
    """Of one column of a batch the code of every row and the text of every code; rows without a value have the code after the last.

    Numbers, dates and truth values are the texts that they would be in a CSV.
    """
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    indices, values = column.indices, column.dictionary
    numbers = arrays.content(indices)
    if indices.null_count:
        numbers = np.where(arrays.there(indices), numbers, len(values))
    return numbers, values if pa.types.is_string(values.type) else values.cast(pa.string())


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def text(column: pa.Array) -> pa.Array:
    """One column of a batch as texts."""
    indices, values = codes(column)
    return pa.concat_arrays([values, pa.nulls(1, pa.string())]).take(arrays.numbers(indices.astype(np.int64)))


def distinct(batches: Iterable[pa.RecordBatch], name: str) -> dict[str | None, int]:
    """The values of one column as texts, and how many rows have each."""
    found: dict[str | None, int] = {}
    for batch in batches:
        indices, values = codes(batch.column(name))
        texts = [*values.to_pylist(), None]
        rows = np.bincount(indices, minlength=len(texts))
        for code in np.flatnonzero(rows).tolist():
            found[texts[code]] = found.get(texts[code], 0) + int(rows[code])
    return found
