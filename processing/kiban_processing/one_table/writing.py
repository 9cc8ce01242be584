"""書出し (writing): the released table as Parquet and CSV, in portions and in the order of its values, never in that of the source.

Where no other column is released the table is each class's values as often as it has rows; nothing is joined back.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.language import Text
from kiban_processing.one_table import arrays
from kiban_processing.one_table.forming import Formed, ReleasedValues
from kiban_processing.refusals import Family, Ground
from kiban_processing.table_plan import OneTablePlan, Use

NOT_TEXT = Ground(
    "table-column-not-text",
    Family.INPUT,
    None,
    Text("列「{column}」(型 {type})はCSVに書けません。", "Column “{column}” (type {type}) cannot be written to a CSV."),
    Text("その列を除くか、--format parquet を指定してください。", "Remove the column, or ask for --format parquet."),
)

_PORTION = 1 << 20  # rows, and rows of a row group
_TO_QUOTE = '[",\r\n]'
_COMMA, _QUOTE, _END, _NOTHING = arrays.word(","), arrays.word('"'), arrays.word("\n"), arrays.word("")
Codes = npt.NDArray[np.int32]


def portions(formed: Formed, rows: npt.NDArray[np.int64], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The values of every class as often as `rows[class]` says, in the order of the classes; columns in the order of `names`."""
    ends = np.cumsum(rows)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, _PORTION):
        stop = min(start + _PORTION, total)
        first, last = (int(one) for one in np.searchsorted(ends, [start, stop - 1], side="right"))
        part = rows[first : last + 1].copy()
        part[0] = min(int(ends[first]), stop) - start
        if last > first:
            part[-1] = stop - int(ends[last - 1])
        columns = [_column(one, np.repeat(one.rank[first : last + 1], part)) for one in formed.values]
        yield pa.RecordBatch.from_arrays(columns, names=list(names))


def columns_of(plan: OneTablePlan) -> list[str]:
    """The released columns, in the plan's order."""
    return [column.name for column in plan.columns if column.use is not Use.REMOVE]


def schema_of(names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Schema:
    """The schema of the batches: what `types` does not name is a quasi-identifier."""
    return pa.schema([(name, types.get(name, pa.dictionary(pa.int32(), pa.string()))) for name in names])


def decorated(batch: pa.RecordBatch, formed: Formed, plan: OneTablePlan, of: str) -> pa.RecordBatch:
    """A batch with the class of every row in column `of`: the released columns, the quasi-identifiers as their class has them."""
    number = arrays.content(batch.column(of))
    values = dict(zip((one.name for one in plan.quasi), formed.values, strict=True))
    names = columns_of(plan)
    return pa.RecordBatch.from_arrays(
        [_column(values[name], values[name].rank[number]) if name in values else batch.column(name) for name in names], names=names
    )


def write(batches: Iterator[pa.RecordBatch], schema: pa.Schema, parquet: Path | None, csv: Path | None, told: Callable[[int], None]) -> int:
    """Write what is asked for; gives the rows written. `told` hears the rows written so far.

    Refuses: table-column-not-text.
    """
    import pyarrow.parquet as pq

    plain = pa.schema([(one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type) for one in schema])
    if csv:
        for one in plain:
            if pa.types.is_nested(one.type) or pa.types.is_binary(one.type) or pa.types.is_large_binary(one.type):
                raise NOT_TEXT.refuse(column=one.name, type=str(one.type))
    rows = 0
    # The readers' own schema would name dictionaries; a reader shall see texts.
    table = pq.ParquetWriter(parquet, schema, compression="zstd", store_schema=False) if parquet else None
    lines = csv.open("wb") if csv else None
    try:
        if lines:
            lines.write((",".join(_quoted(name) for name in plain.names) + "\n").encode())
        for batch in batches:
            rows += batch.num_rows
            if table:
                table.write_batch(batch)
            if lines:
                lines.write(_lines(batch))
            told(rows)
    finally:
        if table:
            table.close()
        if lines:
            lines.close()
    return rows


def settle(made: Path, out_dir: Path, names: Sequence[str], every: Sequence[str]) -> None:
    """Move finished files into place, the last named last; files of `every` that were not made now are of an earlier run and go."""
    for name in every:
        (out_dir / name).unlink(missing_ok=True)
    for name in names:
        (made / name).replace(out_dir / name)
    shutil.rmtree(made)


def _column(values: ReleasedValues, rank: Codes) -> pa.Array:
    absent = rank == values.missing
    return pa.DictionaryArray.from_arrays(arrays.numbers(rank, absent if absent.any() else None), arrays.texts(values.labels))


def _lines(batch: pa.RecordBatch) -> memoryview:
    """The rows as CSV: a comma between cells, a missing value as an empty cell, quotes only where they are needed."""
    cells = [_cells(column) for column in batch.columns]
    ended = pc.binary_join_element_wise(*cells[:-1], pc.binary_join_element_wise(cells[-1], _END, _NOTHING), _COMMA)
    joined = ended.cast(pa.large_string())
    _, offsets, content = joined.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(joined) + 1, joined.offset * 8)
    return memoryview(content)[bounds[0] : bounds[-1]] if len(joined) else memoryview(b"")


def _cells(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        words = _cells(column.dictionary)
        return pc.fill_null(words.take(column.indices), _NOTHING)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    strange = pc.match_substring_regex(column, _TO_QUOTE)
    # An empty text that is no missing value is quoted, so that the two can be told apart.
    strange = pc.or_(strange, pc.equal(column, _NOTHING))
    if pc.any(strange).as_py():
        marked = pc.binary_join_element_wise(_QUOTE, pc.replace_substring(column, '"', '""'), _QUOTE, _NOTHING)
        column = pc.if_else(strange, marked, column)
    return pc.fill_null(column, _NOTHING)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') or not name else name
