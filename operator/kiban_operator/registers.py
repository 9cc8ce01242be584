"""台帳ファイル (register file): reads what a hospital sends about notices and stops, as text, with findings by row and column (Reg 47, 48).

The lines hold local patient IDs, so they live only in the engine's memory; what leaves it names patients by `patient_key`.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from kiban_processing.catalogue import registration
from kiban_processing.formats import dates, values
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_48_1

BATCH = 50_000
_PATIENT = registration.LOCAL_PATIENT_ID
ENCODINGS = ("utf-8", "cp932")

ENCODING_REFUSED = Ground(
    "register-encoding",
    Family.INPUT,
    None,
    Text("{file} は {offset} バイト目から読めません。", "{file} cannot be decoded at byte {offset}."),
    Text("UTF-8 又は CP932 で保存し直してください。", "Save it again as UTF-8 or CP932."),
)
HEADER_REFUSED = Ground(
    "register-header",
    Family.INPUT,
    None,
    # Columns are told by number: where the header is missing, the first line is a patient's.
    Text(
        "{file} の見出しが定めと異なります(知らない又は重複した列: {places} 列目、足りない列: {absent})。",
        "The header of {file} is not as laid down (unknown or repeated: column {places}; missing: {absent}).",
    ),
    Text("見出しは次のとおりとしてください: {expected}。", "The header is to be: {expected}."),
)
LINE_REFUSED = Ground(
    "register-unreadable",
    Family.INPUT,
    None,
    Text("{file} の {line} 行目付近でCSVとして読めません。", "{file} cannot be read as CSV near line {line}."),
    Text("引用符と改行を確かめて送り直してください。", "Check quotes and line ends and send it again."),
)
FILE_MISSING = Ground(
    "register-missing",
    Family.INPUT,
    None,
    Text("{file} がありません。", "There is no file {file}."),
    Text("パスを確かめてください。", "Check the path."),
)


def _finding(code: str, ja: str, en: str, remedy_ja: str, remedy_en: str) -> Ground:
    return Ground(code, Family.INPUT, REG_48_1, Text(ja, en), Text(remedy_ja, remedy_en))


ROW_WIDTH = _finding(
    "register-row-width", "列の数が見出しと異なります。", "The row has another number of columns than the header.",
    "区切りと引用符を直してください。", "Correct delimiters and quotes.",
)  # fmt: skip
ID_MISSING = _finding(
    "register-id-missing", "患者IDがありません。", "The patient ID is missing.",
    "患者IDを記入してください。", "Fill in the patient ID.",
)  # fmt: skip
VERSION_UNKNOWN = _finding(
    "register-version-unknown", "この区分にない通知の版です。", "The notice version is unknown under this regime.",
    "版の名を確かめるか、先に版を登録してください。", "Check the name of the version, or enter the version first.",
)  # fmt: skip
DATE_MISSING = _finding(
    "register-date-missing", "日付がありません。", "The date is missing.",
    "日付を記入してください。", "Fill in the date.",
)  # fmt: skip
DATE_UNREADABLE = _finding(
    "register-date-unreadable", "日付として読めません。", "The value cannot be read as a date.",
    "2026-04-01 や R8.4.1 の形で記入してください。", "Write it like 2026-04-01 or R8.4.1.",
)  # fmt: skip
DATE_FUTURE = _finding(
    "register-date-future", "日付が未来です。", "The date lies in the future.",
    "実際の日付に直してください。", "Give the date on which it happened.",
)  # fmt: skip
VALUE_UNKNOWN = _finding(
    "register-value-unknown", "定められた値ではありません。", "The value is not one of those laid down.",
    "定められた値に直してください。", "Use one of the values laid down.",
)  # fmt: skip
DUPLICATE = _finding(
    "register-duplicate", "同じ患者・版・通知日の行が他にもあり、そちらを採りました。", "Another row of the same patient, version and day was taken instead.",
    "一行だけ残してください。", "Keep one row.",
)  # fmt: skip

GROUNDS: dict[str, Ground] = {value.code: value for value in list(globals().values()) if isinstance(value, Ground)}
FINDINGS = pa.schema([("row", pa.int64()), ("column", pa.string()), ("rule", pa.string())])


@dataclass(frozen=True)
class ImportReport:
    """What became of a register file: rows = added + changed + repeated + rejected. `findings`: row (1 = first data line), column, rule
    (a code of `GROUNDS`), complete and in order, without any value."""

    rows: int
    added: int
    changed: int
    repeated: int
    rejected: int
    findings: pa.Table

    def by_rule(self) -> dict[str, int]:
        """Number of findings of each rule."""
        counted = self.findings.group_by("rule").aggregate([([], "count_all")]).to_pylist()
        return {line["rule"]: line["count_all"] for line in sorted(counted, key=lambda line: str(line["rule"]))}


@contextmanager
def engine(con: duckdb.DuckDBPyConnection | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The given connection, or one in memory that never writes to disk and opens nothing by itself."""
    if con is not None:
        yield con
        return
    own = duckdb.connect(config={"threads": 2})
    try:
        own.execute("SET temp_directory=''")  # no swap file
        own.execute("SET enable_external_access=false")
        yield own
    finally:
        own.close()


def load(con: duckdb.DuckDBPyConnection, path: Path, required: Sequence[str], optional: Sequence[str], encoding: str | None) -> None:
    """Read a register file into `register_lines` (row BIGINT and every column as trimmed text, null where empty) and start
    `register_findings` (row, column, rule) with the rows that have another width than the header.

    `encoding`: utf-8 (with or without BOM) or cp932; None finds out which.
    Refuses: register-missing, register-encoding, register-header, register-unreadable.
    """
    if not path.is_file():
        raise FILE_MISSING.refuse(file=path.name)
    columns = (*required, *optional)
    text = ", ".join(f'"{column}" VARCHAR' for column in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE register_lines (row BIGINT, {text})")
    con.execute('CREATE OR REPLACE TEMP TABLE register_findings (row BIGINT, "column" VARCHAR, rule VARCHAR)')
    with path.open(encoding=_encoding_of(path, encoding), newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            absent = [name for name in required if name not in header]
            if absent or set(header) - set(columns) or len(set(header)) < len(header):
                places = [str(place) for place, name in enumerate(header, 1) if name not in columns or name in header[: place - 1]]
                raise HEADER_REFUSED.refuse(
                    file=path.name, places=", ".join(places) or "-", absent=", ".join(absent) or "-", expected=", ".join(columns)
                )
            _fill(con, reader, header, columns)
        except csv.Error as error:
            raise LINE_REFUSED.refuse(file=path.name, line=reader.line_num) from error


def _fill(con: duckdb.DuckDBPyConnection, reader: Iterator[list[str]], header: list[str], columns: Sequence[str]) -> None:
    # SQL's trim takes plain spaces only, hence the explicit set.
    blank = "' ' || chr(9) || chr(160) || chr(12288)"
    chosen = ", ".join(f"nullif(trim(\"{name}\", {blank}), '')" if name in header else "NULL" for name in columns)
    numbered = enumerate(reader, start=1)
    patients = values.Column(_PATIENT)
    while batch := list(itertools.islice(numbered, BATCH)):
        whole = batch
        if any(len(cells) != len(header) for _, cells in batch):
            whole = [(row, cells) for row, cells in batch if len(cells) == len(header)]
            ragged = [row for row, cells in batch if cells and len(cells) != len(header)]
            if ragged:
                con.executemany("INSERT INTO register_findings VALUES (?, NULL, ?)", [(row, ROW_WIDTH.code) for row in ragged])
        if not whole:
            continue
        rows, lines = zip(*whole, strict=True)
        cells = {name: pa.array(texts, pa.string()) for name, texts in zip(header, zip(*lines, strict=True), strict=True)}
        # The ID as every other file of the hospital is read: a stop for "０１２３" must meet the patient "0123".
        cells[_PATIENT.name] = patients.read(cells[_PATIENT.name]).values
        con.register("register_incoming", pa.table({"row": pa.array(rows, pa.int64()), **cells}))
        con.execute(f"INSERT INTO register_lines SELECT row, {chosen} FROM register_incoming")
    con.unregister("register_incoming")


def read_dates(con: duckdb.DuckDBPyConnection, *columns: str) -> None:
    """Lay out `register_dates` (raw, day): every distinct text of the date columns and the day it names, null where none."""
    union = " UNION ".join(f'SELECT "{column}" AS raw FROM register_lines' for column in columns)
    raw = [text for (text,) in con.execute(f"SELECT DISTINCT raw FROM ({union}) WHERE raw IS NOT NULL ORDER BY raw").fetchall()]
    days: list[date | None] = [dates.parse_date(text) for text in raw]
    con.register("register_incoming", pa.table({"raw": pa.array(raw, pa.string()), "day": pa.array(days, pa.date32())}))
    con.execute("CREATE OR REPLACE TEMP TABLE register_dates AS SELECT * FROM register_incoming")
    con.unregister("register_incoming")


def find(con: duckdb.DuckDBPyConnection, column: str, ground: Ground, where: str, parameters: dict[str, object] | None = None) -> None:
    """Note a finding for every line (alias `l`) for which the SQL condition holds."""
    con.execute(
        f"INSERT INTO register_findings SELECT l.row, '{column}', '{ground.code}' FROM register_lines l WHERE {where}",
        parameters or {},
    )


def find_date(con: duckdb.DuckDBPyConnection, column: str, today: date, needed: bool) -> None:
    """Note the findings of one date column: missing (if needed), unreadable, in the future."""
    if needed:
        find(con, column, DATE_MISSING, f'l."{column}" IS NULL')
    named = f'(SELECT d.day FROM register_dates d WHERE d.raw = l."{column}")'
    find(con, column, DATE_UNREADABLE, f'l."{column}" IS NOT NULL AND {named} IS NULL')
    find(con, column, DATE_FUTURE, f"{named} > $today", {"today": today})


def findings(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """All findings, by row, column and rule."""
    found = con.execute('SELECT row, "column", rule FROM register_findings ORDER BY row, "column" NULLS FIRST, rule').to_arrow_table()
    return found.cast(FINDINGS)


def forget(con: duckdb.DuckDBPyConnection, *further: str) -> None:
    """Drop the lines from the engine's memory."""
    for name in ("register_lines", "register_findings", "register_dates", *further):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _encoding_of(path: Path, declared: str | None) -> str:
    candidates = ENCODINGS if declared is None else (declared,)
    offsets: list[int] = []
    for name in candidates:
        if name not in ENCODINGS:
            raise ENCODING_REFUSED.refuse(file=path.name, offset=0)
        offset = _undecodable(path, name)
        if offset is None:
            return "utf-8-sig" if name == "utf-8" else name
        offsets.append(offset)
    raise ENCODING_REFUSED.refuse(file=path.name, offset=max(offsets))


def _undecodable(path: Path, encoding: str) -> int | None:
    """The offset of the first byte that cannot be decoded, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as file:
        read: Callable[[], bytes] = lambda: file.read(1 << 20)  # noqa: E731
        for chunk in itertools.chain(iter(read, b""), (b"",)):
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return done - (len(error.object) - len(chunk)) + error.start
            done += len(chunk)
    return None
