"""マスターの読取り (reading): a master's file becomes a typed table, or findings by line; one finding, and nothing of the file is taken.

A master that lacks rows would make known codes unknown without anyone seeing it, so a damaged file is never taken in part.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.formats import encodings, findings, lines
from kiban_processing.formats.findings import Finding
from kiban_processing.language import Text
from kiban_processing.masters.kinds import CODE_TWICE, MasterKind
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import REG_5_X

TOLD = 10_000  # findings that a refusal names
LARGEST = 256 << 20  # bytes; the largest official file has some 20 million

TOO_LARGE = Ground(
    "master-too-large", Family.INPUT, REG_5_X,
    Text("{file} は{bytes}バイトで、マスターとしては大きすぎます。", "{file} has {bytes} bytes, which is too large for a master."),
    Text("ファイルが正しいか確かめてください。", "Check whether it is the right file."),
)  # fmt: skip
EMPTY = Ground(
    "master-empty", Family.INPUT, REG_5_X,
    Text("{file} に行がありません。", "{file} has no rows."),
    Text("取得が途中で終わっていないか確かめてください。", "Check whether the download ran to its end."),
)  # fmt: skip
HEADER = Ground(
    "master-header", Family.INPUT, REG_5_X,
    Text("{file} の見出しに必要な列がないか、重複しています: {columns}。", "The header of {file} lacks, or repeats, needed columns: {columns}."),
    Text("1行目を見出しとし、次の列名を使ってください: {expected}。", "Make the first line the header, with these names: {expected}."),
)  # fmt: skip
UNUSABLE = Ground(
    "master-unusable", Family.INPUT, REG_5_X,
    Text(
        "{file} に{findings}件の誤りがあり、取り込みません。最初は{row}行目の列「{column}」です({rule})。",
        "{file} has {findings} defects and is not taken; the first is in line {row}, column {column} ({rule}).",
    ),
    Text(
        "種類の指定が正しいか確かめ、元のファイルを直すか取得し直してください。誤りの全ては --json で見られます。",
        "Check that the kind is the right one, then correct the file or fetch it again; --json lists all defects.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A file as read. `rows`: by the kind's schema, in the order of the file; `repeated`: rows left out because they say the same again.

    `findings`: by line of the file. `digest`: SHA-256 of the file.
    """

    kind: MasterKind
    file: str
    encoding: str
    digest: str
    rows: pa.Table
    repeated: int
    findings: tuple[Finding, ...]

    def require(self) -> Read:
        """Itself, if it has no finding. Refuses: master-unusable."""
        if self.findings:
            raise self.refusal()
        return self

    def refusal(self) -> Refusal:
        first = self.findings[0]
        places = "; ".join(f"{one.row} {one.column or '-'} {one.rule.code}" for one in self.findings[:TOLD])
        return UNUSABLE.refuse(
            file=self.file, findings=len(self.findings), row=first.row, column=first.column or "-", rule=first.rule.code, places=places
        )


def read(path: Path, kind: MasterKind) -> Read:
    """The file at `path`, UTF-8 or CP932, with commas. Wider rows than the layout's are taken: later layouts add columns at the end.

    Not recognised: EUC-JP (its names come out as half-width kana), and a file cut off at the end of a line or within its last cell.

    Refuses: file-unreadable, master-too-large, master-empty, master-header, and what `encodings.examine` refuses.
    """
    text, encoding, damaged, digest = _text(path)
    found = [Finding(path.name, line, None, findings.named(rule)) for line, rule in damaged]
    skipped = {line for line, _ in damaged}
    numbers, columns = _cells(path.name, kind, text, skipped, found)
    if not numbers and not found:
        raise EMPTY.refuse(file=path.name)
    table = _typed(path.name, kind, numbers, columns, found)
    rows, repeated = _distinct(path.name, kind, table, numbers, found)
    if kind.check is not None and not found:
        found += [Finding(path.name, numbers[one.row], one.column, one.rule) for one in kind.check(rows)]
    return Read(kind, path.name, encoding, digest, rows, repeated, tuple(sorted(found, key=lambda one: (one.row, one.column or ""))))


def _text(path: Path) -> tuple[str, str, list[tuple[int, str]], str]:
    """The text, its encoding, the damaged lines with the rule they break, and the digest of the file."""
    with lines.open_file(path) as file:
        size = file.seek(0, io.SEEK_END)
        if size > LARGEST:
            raise TOO_LARGE.refuse(file=path.name, bytes=size)
        file.seek(0)
        raw = file.read()
    digest = hashlib.sha256(raw).hexdigest()
    if not raw.strip():
        raise EMPTY.refuse(file=path.name)
    examined = _examined(path, raw)
    pieces, damaged, line, position = [], [], 1, 0
    for decoded in encodings.decode(examined):
        for damage in decoded.damages:
            damaged.append((line + _ends(decoded.text[: damage.start - position]), damage.rule))
        line += _ends(decoded.text)
        position += len(decoded.text)
        pieces.append(decoded.text)
    return b"".join(pieces).decode("utf-8"), examined.encoding, damaged, digest


def _ends(text: bytes) -> int:
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def _examined(path: Path, raw: bytes) -> encodings.Examined:
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return encodings.examine(path, "cp932")
        except Refusal as refusal:
            if refusal.ground is not encodings.ENCODING_WRONG:
                raise
    return encodings.examine(path, "utf-8")


def _cells(file: str, kind: MasterKind, text: str, skipped: set[int], found: list[Finding]) -> tuple[list[int], list[list[str]]]:
    """Line numbers and, per field, the cells of all rows that have the right number of cells."""
    records = _records(file, text, found)
    if kind.width is None:
        header = next(records, None)
        if header is None:
            raise EMPTY.refuse(file=file)
        places, width = _places(file, kind, header[1]), len(header[1])
    else:
        places, width = [(field.position or 1) - 1 for field in kind.fields], kind.width
    numbers: list[int] = []
    columns: list[list[str]] = [[] for _ in kind.fields]
    for line, cells in records:
        if line in skipped:
            continue
        if len(cells) < width or (kind.width is None and len(cells) > width):
            found.append(Finding(file, line, None, findings.COLUMN_COUNT))
            continue
        numbers.append(line)
        for column, place in zip(columns, places, strict=True):
            column.append(cells[place] if place >= 0 else "")
    return numbers, columns


def _records(file: str, text: str, found: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            found.append(Finding(file, reader.line_num, None, findings.UNCLOSED_QUOTE))
            return
        if cells is None:
            return
        if cells:
            yield reader.line_num, cells


def _places(file: str, kind: MasterKind, header: Sequence[str]) -> list[int]:
    """Where each field stands; -1 for one that the file does not have and need not."""
    places = [[place for place, name in enumerate(header) if field.is_called(name)] for field in kind.fields]
    wrong = [field.name for field, there in zip(kind.fields, places, strict=True) if len(there) > 1 or (field.required and not there)]
    if wrong:
        raise HEADER.refuse(file=file, columns=", ".join(wrong), expected=", ".join(field.name for field in kind.fields))
    return [there[0] if there else -1 for there in places]


def _typed(file: str, kind: MasterKind, numbers: list[int], columns: list[list[str]], found: list[Finding]) -> pa.Table:
    arrays = []
    for field, cells in zip(kind.fields, columns, strict=True):
        typed = field.read(pa.array(cells, pa.string()))
        rules = typed.rules.to_pylist() if typed.rules is not None else [None] * len(cells)
        found += [Finding(file, line, field.name, findings.named(rule)) for line, rule in zip(numbers, rules, strict=True) if rule]
        if field.required and typed.values.null_count:
            gone = zip(numbers, typed.values.is_null().to_pylist(), rules, strict=True)
            found += [Finding(file, line, field.name, findings.REQUIRED_MISSING) for line, is_null, rule in gone if is_null and not rule]
        if field.kept:
            arrays.append(typed.values)
    return pa.Table.from_arrays(arrays, schema=kind.schema)


def _distinct(file: str, kind: MasterKind, table: pa.Table, numbers: list[int], found: list[Finding]) -> tuple[pa.Table, int]:
    """The rows without repetitions (`numbers` likewise); a key that comes again with another meaning is a finding."""
    named = [field.name for field in kind.fields if field.required and field.name in kind.key]
    nameless = set(pc.indices_nonzero(reduce(pc.or_, (pc.is_null(table[name]) for name in named))).to_pylist())
    meant: dict[tuple[object, ...], tuple[object, ...]] = {}
    kept = []
    keys = zip(*(table[name].to_pylist() for name in kind.key), strict=True)
    for row, (key, whole) in enumerate(zip(keys, zip(*(column.to_pylist() for column in table.columns), strict=True), strict=True)):
        if row in nameless:  # has its finding already
            continue
        known = meant.setdefault(key, whole)
        if known is whole:
            kept.append(row)
        elif known != whole:
            found.append(Finding(file, numbers[row], kind.key[0], CODE_TWICE))
    numbers[:] = [numbers[row] for row in kept]
    return table.take(pa.array(kept, pa.int64())), table.num_rows - len(kept)
