"""登録ファイル (registrations): CSV files of patient registrations become one row per registration, in the shape that `link` reads.

Encodings: UTF-8 with or without BOM, and CP932 (Shift_JIS as Windows writes it); anything else is refused with the byte offset.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kiban_processing.language import Text
from kiban_processing.linkage import birth_dates, keys
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

COLUMNS = (
    "site_id", "local_patient_id", "op", "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
KEY = ("site_id", "local_patient_id")
OPERATIONS = ("new", "update", "delete")
_DATES = ("registered_on", "birth_date")
# Bytes 80, A0 and FD to FF mean nothing in CP932; Python reads them as these characters.
_UNDEFINED_IN_CP932 = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_PIECE = 1 << 24
_SEPARATOR = "\x1f"  # between hospital and local number, so that H1+23 and H12+3 stay apart

UNREADABLE_FILE = Ground(
    "registrations-unreadable", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」を開けません。", "The file “{file}” cannot be opened."),
    Text("パスと読取り権限を確かめてください。", "Check the path and the permission to read it."),
)  # fmt: skip
UNDECODABLE_FILE = Ground(
    "registrations-undecodable", Family.INPUT, REG_5_X,
    Text(
        "ファイル「{file}」の{row}行目、{offset}バイト目はUTF-8でもCP932でも読めません。",
        "Line {row} of “{file}”, byte offset {offset}, can be read neither as UTF-8 nor as CP932.",
    ),
    Text("UTF-8又はCP932（Shift_JIS）で書き出し直してください。", "Write the file again in UTF-8 or CP932 (Shift_JIS)."),
)  # fmt: skip
MISSING_COLUMN = Ground(
    "registrations-column-missing", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」の見出し行に「{column}」列がありません。", "The header of “{file}” has no column “{column}”."),
    Text("列名を対応付けファイルで指定するか、見出しを直してください。", "Name the column in a mapping file or correct the header."),
)  # fmt: skip
UNKNOWN_COLUMN = Ground(
    "registrations-column-unknown", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」の見出し行の{position}列目は、知らない列か重複した列です。", "Column {position} in the header of “{file}” is unknown or occurs twice."),
    Text("使える列: {columns}。不要な列は除いてください。", "Known columns: {columns}. Leave others out."),
)  # fmt: skip
MALFORMED_ROW = Ground(
    "registrations-row-malformed", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」の{row}行目は{found}列あります（{expected}列のはずです）。", "Line {row} of “{file}” has {found} columns instead of {expected}."),
    Text("区切りと引用符を確かめてください。", "Check delimiters and quotation marks."),
)  # fmt: skip
MALFORMED_FILE = Ground(
    "registrations-malformed", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」をCSVとして読めません。", "The file “{file}” cannot be read as CSV."),
    Text("見出し行、区切り、引用符を確かめてください。", "Check the header, the delimiters and the quotation marks."),
)  # fmt: skip
EMPTY_KEY = Ground(
    "registrations-key-empty", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」のデータ{row}行目の「{column}」が空です。", "“{column}” is empty in data row {row} of “{file}”."),
    Text("医療機関と患者番号は全ての行に必要です。", "Every row needs its hospital and its local patient number."),
)  # fmt: skip
UNKNOWN_OPERATION = Ground(
    "registrations-operation-unknown", Family.INPUT, REG_5_X,
    Text("ファイル「{file}」のデータ{row}行目の「op」は new, update, delete のいずれでもありません。", "“op” in data row {row} of “{file}” is none of new, update, delete."),
    Text("値を直してください。空欄は new とみなします。", "Correct the value; an empty one means new."),
)  # fmt: skip


@dataclass(frozen=True)
class Received:
    """`rows`: the columns `COLUMNS` as text, plus `registration` and `position` (order of arrival). `files`: one figure set per file."""

    rows: pa.Table
    files: tuple[dict[str, object], ...]


def read(paths: Sequence[Path], mapping: Mapping[str, str] | None = None) -> Received:
    """All rows of the files, in the order given.

    `mapping`: source column → our column, for files with their own headers.
    Refuses: registrations-unreadable, registrations-undecodable, registrations-column-missing, registrations-column-unknown,
    registrations-row-malformed, registrations-malformed, registrations-key-empty, registrations-operation-unknown.
    """
    tables, files = [], []
    for path in paths:
        table, encoding = _read_file(path, mapping or {})
        tables.append(table)
        files.append({"file": path.name, "encoding": encoding, "rows": table.num_rows})
    rows = pa.concat_tables(tables)
    key = pc.binary_join_element_wise(rows.column("site_id"), rows.column("local_patient_id"), _SEPARATOR)
    rows = rows.append_column("registration", key).append_column("position", pa.array(np.arange(rows.num_rows)))
    return Received(rows, tuple(files))


def lay(
    con: duckdb.DuckDBPyConnection, received: Received, name: str = "linkage_registrations", withdrawn: str | None = None
) -> dict[str, int]:
    """Makes the temporary table `name` (columns `keys.COLUMNS` and local_patient_id): the last row of each registration that was not deleted.

    `withdrawn`: a second table to make, of the registrations whose last row deletes them (column registration).

    Returns counts: rows, registrations, repeated (new for a number already seen; the later row counts), deleted, and dates that
    name no day, per column.
    """
    con.register("linkage_received", received.rows)
    dates = {column: _dates(received.rows, column) for column in _DATES}
    for column, days in dates.items():
        con.register(f"linkage_{column}", days)
    other = ", ".join(f"r.{column}" for column in keys.COLUMNS if column not in ("registration", *_DATES))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT r.registration, r.local_patient_id, a.day AS registered_on, b.day AS birth_date, {other}
        FROM linkage_received r
        SEMI JOIN (SELECT max(position) AS position FROM linkage_received GROUP BY registration) latest ON latest.position = r.position
        LEFT JOIN linkage_registered_on a ON a.written = r.registered_on
        LEFT JOIN linkage_birth_date b ON b.written = r.birth_date
        WHERE op <> 'delete'""")
    if withdrawn:
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE {withdrawn} AS
            SELECT registration FROM linkage_received GROUP BY registration HAVING arg_max(op, position) = 'delete' ORDER BY registration""")
    kept = int(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
    new = received.rows.column("registration").filter(pc.equal(received.rows.column("op"), "new"))
    counts = {
        "rows": received.rows.num_rows,
        "registrations": kept,
        "repeated": len(new) - int(pc.count_distinct(new).as_py()),
        "deleted": int(pc.sum(pc.equal(received.rows.column("op"), "delete"), min_count=0).as_py()),
    }
    for column, days in dates.items():
        unread = days.column("written").filter(pc.is_null(days.column("day")))
        counts[f"{column}_unreadable"] = int(pc.sum(pc.is_in(received.rows.column(column), value_set=unread), min_count=0).as_py())
    for view in ("linkage_received", *(f"linkage_{column}" for column in _DATES)):
        con.unregister(view)
    return counts


def prefix_sql(registration: str) -> str:
    """SQL for what finds a registration in a state: the first 32 bits of its digest, in the upper half of a number."""
    return f"('0x' || substr(sha256({registration}), 1, 8))::UBIGINT * 4294967296::UBIGINT"


def _dates(rows: pa.Table, column: str) -> pa.Table:
    written = [text for text in pc.unique(rows.column(column)).to_pylist() if text]
    return pa.table({"written": pa.array(written, pa.string()), "day": pa.array([birth_dates.read(text) for text in written], pa.date32())})


def _read_file(path: Path, mapping: Mapping[str, str]) -> tuple[pa.Table, str]:
    source, encoding = _utf8(path)
    table = _parsed(source, path.name)
    columns = [mapping.get(column.strip(), column.strip()) for column in table.column_names]
    for position, column in enumerate(columns):
        if column not in COLUMNS or column in columns[:position]:
            raise UNKNOWN_COLUMN.refuse(file=path.name, position=position + 1, columns=", ".join(COLUMNS))
    for column in KEY:
        if column not in columns:
            raise MISSING_COLUMN.refuse(file=path.name, column=column)
    table = table.rename_columns(columns)
    empty = pa.repeat(pa.scalar("", pa.string()), table.num_rows)
    table = pa.table({column: table.column(column) if column in columns else empty for column in COLUMNS})
    for column in KEY:
        _check(pc.equal(table.column(column), ""), EMPTY_KEY, file=path.name, column=column)
    operation = pc.utf8_lower(table.column("op"))
    operation = pc.if_else(pc.equal(operation, ""), "new", operation)
    _check(pc.invert(pc.is_in(operation, value_set=pa.array(OPERATIONS))), UNKNOWN_OPERATION, file=path.name)
    return table.set_column(COLUMNS.index("op"), "op", operation), encoding


def _check(bad: Any, ground: Ground, **particulars: object) -> None:
    at = pc.index(bad, pa.scalar(True)).as_py()
    if at >= 0:
        raise ground.refuse(row=at + 1, **particulars)


def _utf8(path: Path) -> tuple[Callable[[], IO[bytes]], str]:
    """How to open the file as UTF-8 without mark; a file that is UTF-8 already is not held in memory, a pipe, read only once, is."""
    try:
        held = None if path.is_file() else path.read_bytes()
        marked = _is_utf8(path.open("rb") if held is None else io.BytesIO(held))
        raw = path.read_bytes() if marked is None and held is None else held or b""
    except OSError as error:
        raise UNREADABLE_FILE.refuse(file=path.name) from error
    if marked is not None:
        begin = len(codecs.BOM_UTF8) if marked else 0
        return lambda: _opened(path if held is None else held, begin), "utf-8-bom" if marked else "utf-8"
    # A damaged UTF-8 file can be valid CP932 by chance, as garbage; what is nearly all UTF-8 is taken for damaged UTF-8.
    if raw.startswith(codecs.BOM_UTF8) or _mostly_utf8(raw):
        raise _undecodable(raw, _first_error(raw).start, path.name)
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError as error:
        raise _undecodable(raw, error.start, path.name) from None
    if undefined := _UNDEFINED_IN_CP932.search(text):
        raise _undecodable(raw, len(text[: undefined.start()].encode("cp932")), path.name)
    content = text.encode()
    return lambda: io.BytesIO(content), "cp932"


def _is_utf8(source: IO[bytes]) -> bool | None:
    """Whether a file of UTF-8 begins with its mark; None if it is not UTF-8."""
    decoder, marked = codecs.getincrementaldecoder("utf-8")(), None
    try:
        with source:
            while piece := source.read(_PIECE):
                marked = piece.startswith(codecs.BOM_UTF8) if marked is None else marked
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return bool(marked)


def _opened(source: Path | bytes, begin: int) -> IO[bytes]:
    opened: IO[bytes] = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    opened.seek(begin)
    return opened


def _first_error(raw: bytes) -> UnicodeDecodeError:
    """Where the file as a whole stops being UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error
    raise AssertionError("asked only of what is not UTF-8")


def _undecodable(raw: bytes, offset: int, file: str) -> Refusal:
    return UNDECODABLE_FILE.refuse(file=file, row=raw[:offset].count(b"\n") + 1, offset=offset)


def _mostly_utf8(raw: bytes) -> bool:
    shown = raw.decode("utf-8", errors="replace")
    broken = shown.count("\ufffd")
    readable = sum(map(len, (part for part in shown.split("\ufffd") if part))) - sum(character < 0x80 for character in raw)
    return readable > 9 * broken


def _parsed(source: Callable[[], IO[bytes]], file: str) -> pa.Table:
    """The rows as trimmed text, parsed piece by piece."""
    malformed: list[tuple[int | None, int, int]] = []

    def note(row: pa_csv.InvalidRow) -> str:
        malformed.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    try:
        with source() as opened:
            header = pa_csv.open_csv(
                opened, parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _row: "skip")
            ).schema.names
        with source() as opened:
            reader = pa_csv.open_csv(
                opened,
                read_options=pa_csv.ReadOptions(use_threads=False, block_size=_PIECE),
                parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
                convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
            )
            trimmed = [
                pa.record_batch([pc.utf8_trim_whitespace(column) for column in batch.columns], schema=reader.schema) for batch in reader
            ]
        table = pa.Table.from_batches(trimmed, reader.schema)
    except pa.ArrowInvalid:
        # The library's message can quote the file's content.
        raise MALFORMED_FILE.refuse(file=file) from None
    if malformed:
        number, found, expected = malformed[0]
        raise MALFORMED_ROW.refuse(file=file, row=number or "?", found=found, expected=expected)
    return table
