"""表の書出し (tables): released tables become Parquet and CSV in one ordered, bounded pass; same rows, same bytes.

The engine may not write files itself (workshop: no access to the outside), so ordered Arrow batches are taken from it. The order is
that of the values, pseudonym first: it says nothing of the order in which the rows were received (Reg 18(iii)).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kiban_processing.dialect import quoted
from kiban_processing.package.contents import Column, Content

# Rows of one Parquet row group. Fixed, because the bytes of a file depend on where its groups end; at 40 columns of text it is some 60 MB.
GROUP_ROWS = 131_072

_ARROW: dict[str, pa.DataType] = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": pa.date32()}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write(con: duckdb.DuckDBPyConnection, content: Content, parquet: Path, csv: Path) -> int:
    """Write one released table to both files and return its rows.

    Parquet: zstd, typed. CSV: UTF-8 with byte order mark, comma, CRLF, quotes where RFC 4180 asks for them; null is an empty field,
    an empty text is `""`. Memory is bounded by one row group; the engine sorts, spilling where it must.
    """
    schema = pa.schema([pa.field(column.name, _ARROW[column.type]) for column in content.columns])
    rows = 0
    with csv.open("wb") as text, pq.ParquetWriter(parquet, schema, compression="zstd", version="2.6") as table:
        text.write(_BYTE_ORDER_MARK + _header(content.columns))
        for group in _groups(con, content, schema):
            table.write_table(group, row_group_size=GROUP_ROWS)
            _write_lines(text, group)
            rows += group.num_rows
    return rows


def _groups(con: duckdb.DuckDBPyConnection, content: Content, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of exactly GROUP_ROWS rows (the last may be shorter), each column in one chunk, in the order of the values."""
    names = ", ".join(quoted(name) for name in content.names)
    result = con.execute(f"SELECT {names} FROM {quoted(content.relation)} ORDER BY ALL NULLS FIRST")
    waiting: list[pa.Table] = []
    held = 0
    for batch in result.to_arrow_reader(GROUP_ROWS):
        waiting.append(pa.Table.from_batches([batch]).cast(schema))
        held += batch.num_rows
        while held >= GROUP_ROWS:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, GROUP_ROWS).combine_chunks()
            waiting, held = [joined.slice(GROUP_ROWS)], held - GROUP_ROWS
    if held:
        yield pa.concat_tables(waiting).combine_chunks()


def _header(columns: tuple[Column, ...]) -> bytes:
    names = pa.chunked_array([pa.array([column.name for column in columns], pa.string())])
    return ",".join(_fields(names).to_pylist()).encode() + b"\r\n"


def _write_lines(text: BinaryIO, group: pa.Table) -> None:
    if not group.num_rows:
        return
    fields = [_fields(column).cast(pa.large_string()) for column in group.columns]
    lines = pc.binary_join_element_wise(*fields, pa.scalar(",", pa.large_string()))
    closed = pc.binary_join_element_wise(lines, pa.scalar("\r\n", pa.large_string()), pa.scalar("", pa.large_string()))
    # The values of an Arrow text column lie one after the other: the buffer of the closed lines is the file's text.
    for chunk in closed.chunks if isinstance(closed, pa.ChunkedArray) else [closed]:
        whole = chunk if chunk.offset == 0 else pa.concat_arrays([chunk])
        text.write(memoryview(whole.buffers()[2]))


def _fields(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of one column as CSV fields, never null."""
    if not pa.types.is_string(column.type):
        return pc.fill_null(column.cast(pa.string()), "")
    needs = pc.or_(pc.match_substring_regex(column, '[",\r\n]'), pc.equal(column, ""))
    inside = pc.replace_substring(column, '"', '""')
    in_quotes = pc.binary_join_element_wise('"', inside, '"', "")
    return pc.fill_null(pc.if_else(needs, in_quotes, column), "")
