"""見出し行 (header): the first record of a file names its columns; each must be mapped or ignored, or the file is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv

from kiban_processing.formats import records
from kiban_processing.formats.mapping import FileMapping
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_52_1, REG_5_X

FILE_EMPTY = Ground(
    "file-empty",
    Family.INPUT,
    REG_5_X,
    Text("{file} は空です。見出し行もありません。", "{file} is empty; it has not even a header."),
    Text(
        "見出し行だけでも入れるか、対応表からこのファイルを除いてください。", "Send at least a header, or take the file out of the mapping."
    ),
)
HEADER_DAMAGED = Ground(
    "header-damaged",
    Family.INPUT,
    REG_5_X,
    Text("{file} の見出し行が破損しています(規則: {rule})。", "The header of {file} is damaged (rule: {rule})."),
    Text("ファイルを書き出し直してください。", "Export the file again."),
)
HEADER_UNRECOGNISED = Ground(
    "header-unrecognised",
    Family.INPUT,
    REG_5_X,
    Text("{file} の1行目に、対応表の列が一つもありません。", "The first line of {file} holds none of the mapped columns."),
    Text("見出し行、区切り文字、対応表の列名を確かめてください。", "Check the header, the delimiter and the column names in the mapping."),
)
COLUMN_MISSING = Ground(
    "column-missing",
    Family.INPUT,
    REG_5_X,
    Text("{file} に、対応表にある列「{columns}」がありません。", "{file} lacks the mapped columns “{columns}”."),
    Text("列を加えるか、対応表を直してください。", "Add them to the file or correct the mapping."),
)
COLUMN_DUPLICATE = Ground(
    "column-duplicate",
    Family.INPUT,
    REG_5_X,
    Text("{file} に列「{column}」が二つ以上あります。", "{file} has more than one column “{column}”."),
    Text("列名を一つずつ違うものにしてください。", "Give each column its own name."),
)
COLUMN_UNDECLARED = Ground(
    "column-undeclared",
    Family.INPUT,
    ACT_52_1,
    Text(
        "{file} の{place}列目「{column}」は、対応表で割り当ても除外もされていません。",
        "Column {place} of {file}, “{column}”, is neither mapped nor ignored.",
    ),
    Text("対応表の columns 又は ignored に加えてください。", "Add it to `columns` or `ignored` in the mapping."),
)


def read(stretches: Iterator[records.Records], mapping: FileMapping) -> tuple[str, ...]:
    """Names of the columns in their order, without surrounding spaces and a spreadsheet's `="..."`.

    Refuses: file-empty, header-damaged, header-unrecognised, column-missing, column-duplicate, column-undeclared.
    """
    first = next(stretches, None)
    if first is None:
        raise FILE_EMPTY.refuse(file=mapping.file)
    if 0 in first.rules:
        raise HEADER_DAMAGED.refuse(file=mapping.file, rule=first.rules[0])
    header = names(first, mapping.delimiter)
    _check(header, mapping)
    return header


def names(first: records.Records, delimiter: str) -> tuple[str, ...]:
    """The cells of the first record, without surrounding spaces and a spreadsheet's `="..."`."""
    line = first.text[first.starts[0] : first.ends[0]] + b"\n"
    row = pyarrow.csv.read_csv(
        pa.BufferReader(line),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=len(line) + 1),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(default_column_type=pa.string()),
    )
    return tuple(_name(column[0].as_py() or "") for column in row.columns)


def _name(cell: str) -> str:
    plain = cell.strip()
    return plain[2:-1].strip() if plain.startswith('="') and plain.endswith('"') else plain


def _check(header: tuple[str, ...], mapping: FileMapping) -> None:
    """A name from the file is only told once all mapped names were found: before that, the line may be a patient's row."""
    mapped = [column.source for column in mapping.columns]
    missing = [name for name in mapped if name not in header]
    if len(missing) == len(mapped):
        raise HEADER_UNRECOGNISED.refuse(file=mapping.file)
    if missing:
        raise COLUMN_MISSING.refuse(file=mapping.file, columns=", ".join(missing))
    for name in mapped:
        if header.count(name) > 1:
            raise COLUMN_DUPLICATE.refuse(file=mapping.file, column=name)
    for place, name in enumerate(header, 1):
        if name not in mapped and name not in mapping.ignored and not mapping.ignores_others:
            raise COLUMN_UNDECLARED.refuse(file=mapping.file, column=name, place=place)
