"""Text without quotation marks is decoded and cut into cells at once, and equals what splitting line by line gives."""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import sources, texts
from kiban_processing.deliveries.cells import Cells, numbers
from kiban_processing.deliveries.readers import Options
from kiban_processing.formats.encodings import Damage
from kiban_processing.refusals import Refusal
from tests.deliveries.reading import read

CELL = st.text(st.characters(exclude_characters=",\n\r\0\x1a\x1b", exclude_categories=("Cs",)), max_size=5)


@given(st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=12), st.integers(0, 7))
@settings(deadline=None)
def test_cells_by_arrays_equal_cells_by_splitting(lines: list[list[str]], place: int) -> None:
    text = "".join(",".join(line) + "\n" for line in lines)
    cells = Cells(text.encode(), b",")
    kept = [line for line in lines if ",".join(line)]
    every = np.arange(len(kept))
    assert len(cells) == len(kept) and cells.counts.tolist() == [len(line) for line in kept]
    assert cells.column(every, place).to_pylist() == [line[place] if place < len(line) else None for line in kept]
    assert [cells.raw(one, one) for one in range(len(kept))] == [",".join(line) for line in kept]
    found, places, at = cells.filled()
    expected = [(row, column, cell) for row, line in enumerate(kept) for column, cell in enumerate(line) if cell]
    assert list(zip(found.tolist(), places.tolist(), cells.values.take(pa.array(at)).to_pylist(), strict=True)) == expected


def test_a_line_that_is_none_gives_nothing_and_damage_is_found_by_its_place() -> None:
    cells = Cells(b"a,b\n\nc,d\n", b",")
    assert cells.column(np.array([-1, 1]), 1).to_pylist() == [None, "d"]
    assert cells.damaged((Damage(5, 9, "undecodable"), Damage(4, 5, "mojibake"))) == {1: "undecodable"}
    assert cells.letters(2).tolist() == [ord("b"), ord("d")] and cells.letters(3).tolist() == [0, 0]


def test_numbers_are_plain_digits_and_nothing_else() -> None:
    assert numbers(pa.array(["12", "", "-3", "1.5", "９", "9" * 19, None])).tolist() == [12, -1, -1, -1, -1, -1, -1]


@given(
    st.lists(st.text("あ漢ｱa1,\t", max_size=6), max_size=20),
    st.sampled_from(["cp932", "utf-8", "utf-8-sig"]),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.integers(1, 40),
)
@settings(deadline=None)
def test_stretches_are_the_text_again(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], encoding: str, end: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("text") / "file"
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    declared = "cp932" if encoding == "cp932" else "utf-8"
    (source,) = sources.walk(path)
    read = b"".join(one.text for one in texts.stretches(texts.examine(source, declared), size=size))
    assert [line for line in read.decode().split("\n") if line] == [line for line in lines if line]


def test_units_are_never_torn_and_a_file_in_a_zip_reads_the_same(tmp_path: Path) -> None:
    content = b"RE,1\nSI\nSI\nRE,2\nSI\nRE,3\n" * 20
    plain, packed = tmp_path / "a.UKE", tmp_path / "a.zip"
    plain.write_bytes(content)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.UKE", content)
    for path in (plain, packed):
        (source,) = sources.walk(path)
        parts = list(texts.stretches(texts.examine(source), lambda text: text.rfind(b"\nRE,") + 1, 30))
        assert len(parts) > 5 and all(part.text.startswith(b"RE,") for part in parts)
        assert b"".join(part.text for part in parts) == content


def test_damage_keeps_its_place_when_a_unit_goes_on_in_the_next_stretch(tmp_path: Path) -> None:
    path = tmp_path / "a.UKE"
    path.write_bytes(b"RE,1\n" + b"SI,1\n" * 5 + b"SI,\x82\x01\n" + b"SI,1\n" * 5 + b"RE,2\n")
    (source,) = sources.walk(path)
    for size in (6, 20, 1000):
        found = []
        for part in texts.stretches(texts.examine(source), lambda text: text.rfind(b"\nRE,") + 1, size):
            found += [part.text[one.start : one.end] for one in part.damages]
        assert found == [b"SI,\\x82\x01\n"]


def test_a_unit_without_end_is_refused_before_it_fills_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.UKE"
    path.write_bytes(b"RE,1\n" + b"SI,1\n" * 500)
    monkeypatch.setattr(texts, "LARGEST_UNIT", 1000)
    (source,) = sources.walk(path)
    with pytest.raises(Refusal) as refused:
        list(texts.stretches(texts.examine(source), lambda text: text.rfind(b"\nRE,") + 1, 100))
    assert refused.value.code == "line-too-long"


@pytest.mark.parametrize(
    ("content", "declared", "encoding"),
    [
        ("星野".encode("cp932"), None, "cp932"), ("星野".encode(), None, "utf-8"), (b"\xef\xbb\xbfRE", None, "utf-8"), (b"RE", None, "cp932"),
        ("ｱｲｳ".encode("cp932"), None, "cp932"), (b"x\n" * 200_000 + "星野".encode(), None, "utf-8"), ("星野".encode(), "utf-8", "utf-8"),
    ],
)  # fmt: skip
def test_the_encoding_is_told_by_the_bytes_where_it_is_not_declared(
    tmp_path: Path, content: bytes, declared: str | None, encoding: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content + b"\n")
    (source,) = sources.walk(path)
    assert texts.examine(source, declared).encoding == encoding


def test_utf8_declared_as_cp932_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("星野\n".encode())
    (source,) = sources.walk(path)
    with pytest.raises(Refusal) as refused:
        texts.examine(source, "cp932")
    assert refused.value.code == "encoding-wrong"


@pytest.mark.parametrize(("kind", "name"), [("uke", "RECEIPTC.UKE"), ("uke", "a.csv"), ("dpc", "EFn_139999999_2407.txt"), ("dpc", "a.txt")])
def test_a_damaged_entry_of_a_zip_is_refused_alone(tmp_path: Path, kind: str, name: str) -> None:
    receipt = b"IR,1,13,1\r\nRE,1,1112,202404,a,1,19800102,,,,,,,7\r\nGO,1,0\r\n"
    row = (
        b"\t".join([b"139999999", b"0000000001", *[b"20240701"] * 2, b"60", b"0001", b"000", *[b""] * 16, b"20240701", *[b""] * 7])
        + b"\r\n"
    )
    content = receipt if kind == "uke" else row
    path = tmp_path / "delivery.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
        archive.writestr(f"z/{name}", content)
    packed = path.read_bytes()
    path.write_bytes(packed.replace(content, content[:-8] + b"damaged!", 1))
    found = read(path, kind, Options(is_trial=True))
    assert {file: why.code for file, why in found.refused.items()} == {name: "archive-broken"}
    assert (found.count.sent, found.count.accepted, found.count.refused) == (2, 1, 1)
