"""表ファイルの読取り: every record becomes one usable row or one row defect; values come back as sent."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.formats import encodings, findings, lines, records, tables, values
from kiban_processing.formats.mapping import ColumnMapping, FileMapping
from kiban_processing.refusals import Refusal

Rows = list[dict[str, Any]]
Read = Callable[..., tuple[Rows, Rows, tables.Counts]]

PATIENTS = FileMapping(
    "patients.csv",
    "patients",
    (
        ColumnMapping("患者番号", "local_patient_id"),
        ColumnMapping("氏名", "name_kanji"),
        ColumnMapping("生年月日", "birth_date"),
        ColumnMapping("性別", "sex", {"1": "male", "2": "female"}),
    ),
)
HEADER = "患者番号,氏名,生年月日,性別\n"
NOTES = FileMapping(
    "notes.csv",
    "diagnoses",
    (ColumnMapping("id", "local_patient_id"), ColumnMapping("on", "diagnosed_on"), ColumnMapping("note", "disease_name")),
)


def read(path: Path, mapping: FileMapping = PATIENTS, encoding: str = "utf-8", **options: int) -> tuple[Rows, Rows, tables.Counts]:
    reading = tables.read(path, mapping, encoding, **options)
    batches = list(reading.batches())
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    defects = [defect for batch in batches for defect in batch.defects.to_pylist()]
    for batch in batches:
        assert batch.rows.schema == reading.schema
        assert batch.defects.schema == tables.DEFECTS
    unusable = [defect["source_row"] for defect in defects if defect["severity"] == "row"]
    told = sorted([row["source_row"] for row in rows] + unusable)
    assert told == list(range(1, len(told) + 1))
    assert reading.counts == tables.Counts(len(told), len(rows), len(unusable), len(defects) - len(unusable))
    assert all(defect["rule"] in findings.RULES for defect in defects)
    assert all((defect["raw"] is not None) == (defect["severity"] == "row") for defect in defects)
    return rows, defects, reading.counts


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def written(content: str | bytes) -> Path:
        path = tmp_path / "patients.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def told(defects: Rows) -> list[tuple[int, str | None, str, str]]:
    return [(one["source_row"], one["column"], one["rule"], one["severity"]) for one in defects]


def test_rows_are_typed_and_complete(file: Callable[[str], Path]) -> None:
    rows, defects, counts = read(file(HEADER + "0001,山田 太郎,S23.04.05,1\n0002,鈴木花子,,2\n"))
    assert [(row["source_row"], row["local_patient_id"], row["birth_date"], row["sex"]) for row in rows] == [
        (1, "0001", date(1948, 4, 5), "male"),
        (2, "0002", None, "female"),
    ]
    assert rows[0]["my_number"] is None
    assert (defects, counts.sent) == ([], 2)


def test_each_kind_of_defect_is_told_in_its_row(file: Callable[[bytes], Path]) -> None:
    lines = [
        HEADER.encode(),
        b"0001,a,2000-01-01,1\n",
        b"0002,a\n",  # too few cells
        b"0003,\xff,2000-01-01,1\n",  # undecodable
        "0004,\ufffd,2000-01-01,1\n".encode(),  # lost before
        b"\n",  # no record
        b",a,2000-01-01,1\n",  # no number
        b"0006,a,2000-02-30,9\n",  # two values dropped
        b'0007,"a\nb",2000-01-01,1\n',  # a line break in a cell
        b"0008,a,2000-01-01,1,x\n",  # too many cells
        b"0009,a,2000-01-01,2\n",
        b'0010,"a,2000-01-01,2\n',  # not closed
        b"0011,a,2000-01-01,2",
    ]
    rows, defects, counts = read(file(b"".join(lines)))
    assert [(row["source_row"], row["local_patient_id"]) for row in rows] == [
        (1, "0001"),
        (6, "0006"),
        (7, "0007"),
        (9, "0009"),
        (11, "0011"),
    ]
    assert told(defects) == [
        (2, None, "column-count", "row"),
        (3, None, "undecodable", "row"),
        (4, None, "mojibake", "row"),
        (5, "local_patient_id", "required-missing", "row"),
        (6, "birth_date", "not-a-date", "value"),
        (6, "sex", "unmapped-value", "value"),
        (8, None, "column-count", "row"),
        (10, None, "unclosed-quote", "row"),
    ]
    assert {one["source_row"]: one["raw"] for one in defects if one["severity"] == "row"} == {
        2: "0002,a",
        3: "0003,\\xff,2000-01-01,1",
        4: "0004,\ufffd,2000-01-01,1",
        5: ",a,2000-01-01,1",
        8: "0008,a,2000-01-01,1,x",
        10: '0010,"a,2000-01-01,2',
    }
    assert counts == tables.Counts(11, 5, 6, 2)


def test_an_invalid_required_value_makes_the_row_unusable(file: Callable[[str], Path]) -> None:
    rows, defects, _ = read(file("id,on,note\n1,2024-01-01,a\n2,2024-02-31,b\n3,,c\n,,d\n"), NOTES)
    assert [row["source_row"] for row in rows] == [1]
    assert told(defects) == [
        (2, "diagnosed_on", "not-a-date", "row"),
        (3, "diagnosed_on", "required-missing", "row"),
        (4, "local_patient_id", "required-missing", "row"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", encodings.ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_line_ends_encodings_and_delimiters(file: Callable[[bytes], Path], end: str, encoding: str, delimiter: str) -> None:
    mapping = FileMapping("f", "patients", PATIENTS.columns, delimiter)
    content = (HEADER + "1,ポ能表ソ,R1.5.1,1\n2,十|,;\t,2019-05-01,2\n").replace("|,;\t", "").replace(",", delimiter).replace("\n", end)
    rows, defects, _ = read(file(content.encode(encoding)), mapping, encoding)
    assert [(row["name_kanji"], row["birth_date"]) for row in rows] == [("ポ能表ソ", date(2019, 5, 1)), ("十", date(2019, 5, 1))]
    assert defects == []


def test_constants_fill_every_row(file: Callable[[str], Path]) -> None:
    mapping = FileMapping("n", "diagnoses", NOTES.columns, constants={"other_code_system": "SNOMED CT", "ended_on": date(2024, 1, 2)})
    rows, _, _ = read(file("id,on,note\n1,2024-01-01,a\n"), mapping)
    assert (rows[0]["other_code_system"], rows[0]["ended_on"]) == ("SNOMED CT", date(2024, 1, 2))


def test_ignored_columns_are_not_taken(file: Callable[[str], Path]) -> None:
    content = 'id,on,備考,note,"",x\n1,2024-01-01,secret,a,,\n'
    for ignored in ({"備考", "", "x"}, {"*"}):
        mapping = FileMapping("n", "diagnoses", NOTES.columns, ignored=frozenset(ignored))
        rows, defects, _ = read(file(content), mapping)
        assert (rows[0]["disease_name"], defects) == ("a", [])
        assert "secret" not in str(rows)


@pytest.mark.parametrize(
    ("content", "code", "part"),
    [
        ("", "file-empty", ""),
        ("\n\r\n\n", "file-empty", ""),
        ("id,on,note,extra\n", "column-undeclared", "extra"),
        ("id,on\n", "column-missing", "note"),
        ("id,on,note,note\n", "column-duplicate", "note"),
        ("0001,2024-01-01,山田太郎\n", "header-unrecognised", ""),
        ("id\ufffd,on,note\n", "header-damaged", "mojibake"),
        ('id,on,"note\n1,2,3\n', "header-damaged", "unclosed-quote"),
        ("id;on;note\n", "header-unrecognised", ""),
    ],
)
def test_files_that_are_refused(file: Callable[[str], Path], content: str, code: str, part: str) -> None:
    with pytest.raises(Refusal) as caught:
        tables.read(file(content), NOTES, "utf-8")
    assert caught.value.code == code
    assert part in caught.value.read("ja")
    assert "山田" not in caught.value.read("ja") + str(caught.value.particulars)


def test_a_header_alone_is_a_file_without_rows(file: Callable[[str], Path]) -> None:
    assert read(file("id,on,note"), NOTES) == ([], [], tables.Counts())
    assert read(file("\ufeffid,on,note\r\n\x1a"), NOTES) == ([], [], tables.Counts())


def test_the_header_may_be_dressed_by_a_spreadsheet(file: Callable[[str], Path]) -> None:
    rows, _, _ = read(file('\n"id", on ,"=""note"""\n1,2024-01-01,a\n'), NOTES)
    assert rows[0]["disease_name"] == "a"


def test_counts_are_not_told_before_the_end(file: Callable[[str], Path]) -> None:
    reading = tables.read(file(HEADER + "1,a,,1\n"), PATIENTS, "utf-8")
    with pytest.raises(RuntimeError):
        _ = reading.counts
    assert [len(list(reading.batches())), len(list(reading.batches()))] == [1, 1]
    assert reading.counts.sent == 1


def test_an_open_quotation_mark_gives_up_one_line_only(file: Callable[[str], Path]) -> None:
    good = "".join(f"{number},a,2000-01-01,1\n" for number in range(2, 100))
    rows, defects, _ = read(file(HEADER + '1,"a,2000-01-01,1\n' + good), longest=100)
    assert told(defects) == [(1, None, "unclosed-quote", "row")]
    assert len(rows) == 98
    rows, defects, _ = read(file(HEADER + '1,"a,2000-01-01,1\n' + good + '100,a"b,2000-01-01,1\n'), longest=100)
    assert told(defects) == [(1, None, "unclosed-quote", "row")]
    assert rows[-1]["name_kanji"] == 'a"b'


def test_a_file_that_changes_after_its_examination_is_still_read_row_by_row(file: Callable[[bytes], Path]) -> None:
    path = file(HEADER + "1,a,2000-01-01,1\n2,b,2000-01-01,1\n")
    reading = tables.read(path, PATIENTS, "utf-8")
    path.write_bytes((HEADER + "1,a,2000-01-01,1\n2,").encode() + b"\xff" + b",2000-01-01,1\n")
    assert [batch.rows.num_rows for batch in reading.batches()] == [1]


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200,000 rows, 14 MB, read in pieces of 256 KiB: what Python and Arrow hold at a time stays a fraction of the file."""
    path = tmp_path / "patients.csv"
    with path.open("w", encoding="cp932") as file:
        file.write(HEADER)
        for block in range(200):
            file.write("".join(f"{block:05d}{row:05d},山田 太郎{'あ' * 20},S{row % 50 + 10}.4.5,{row % 3}\n" for row in range(1000)))
    assert path.stat().st_size > 13 << 20
    monkeypatch.setattr(encodings.decode, "__defaults__", (lines.LONGEST, 256 << 10))
    reading = tables.read(path, PATIENTS, "cp932")
    held = 0
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for batch in reading.batches():
            held = max(held, pa.total_allocated_bytes() - before)
            del batch
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reading.counts == tables.Counts(200_000, 200_000, 0, 66_800)
    assert peak < 8 << 20
    assert held < 8 << 20


NOTE = tables.TABLES["diagnoses"].item("disease_name")
WORDS = st.text(st.characters(codec="cp932", exclude_characters="\0\x1a¢£¬‖−〜"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9999), st.dates(date(1900, 1, 1), date(2100, 12, 31)), WORDS), max_size=30),
    st.sampled_from(encodings.ENCODINGS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 200),
)
def test_what_the_csv_module_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[tuple[int, date, str]],
    encoding: str,
    end: str,
    delimiter: str,
    quoting: Any,
    piece: int,
) -> None:
    text = io.StringIO(newline="")
    if end != "\r\n":
        quoting = csv.QUOTE_ALL  # before Python 3.13 the module leaves the other line end of a cell unquoted
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["id", "on", "note"], *sent])
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    mapping = FileMapping("n", "diagnoses", NOTES.columns, delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings.decode, "__defaults__", (lines.LONGEST, piece))
        try:
            rows, defects, _ = read(path, mapping, encoding)
        except Refusal as refused:
            assert refused.code == "encoding-wrong"
            return
    assert [(row["local_patient_id"], row["diagnosed_on"], row["disease_name"]) for row in rows] == [
        (str(number), day, values.judge(NOTE, words).value) for number, day, words in sent
    ]
    assert defects == []


SIGNS = st.sampled_from(
    [b"1", b"x", b",", b",", b'"', b'"', b"\n", b"\n", b"\r", b" ", "山".encode(), "山".encode("cp932"), b"\xff", b"2024-01-01"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(SIGNS, max_size=60).map(b"".join), st.sampled_from(encodings.ENCODINGS), st.integers(1, 50), st.integers(20, 200))
def test_any_bytes_lose_no_row(tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str, piece: int, longest: int) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_bytes(b"id,on,note\n" + content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings.decode, "__defaults__", (lines.LONGEST, piece))
        try:
            read(path, NOTES, encoding, longest=longest)
        except Refusal:
            return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(encodings.ENCODINGS), st.booleans())
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str, headed: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_bytes((b"id,on,note\n" if headed else b"") + content)
    try:
        read(path, NOTES, encoding)
    except Refusal:
        return


@settings(max_examples=150, deadline=None)
@given(st.lists(SIGNS, max_size=60).map(b"".join).filter(lambda content: b"\xff" not in content))
def test_the_parser_cuts_records_where_we_do(content: bytes) -> None:
    """The bisection in `_cells` is a last resort: on text that decodes, parser and cutter agree on the first try."""
    cells_of = tables._cells

    def bisect(*_: object) -> None:
        pytest.fail("the parser cut records differently")

    text = content.decode("utf-8", "replace").encode() + b"\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_cells", bisect)
        for stretch in records.split([encodings.Decoded(text, ())], ",", 1000):
            sound = np.array([index for index in range(len(stretch)) if index not in stretch.rules], np.int64)
            whole, bad = cells_of(stretch, sound, 3, ",")
            one_by_one = [cells_of(stretch, np.array([index]), 3, ",") for index in sound]
            assert whole.to_pylist() == [row for cells, _ in one_by_one for row in cells.to_pylist()]
            assert bad == [place for _, places in one_by_one for place in places]
