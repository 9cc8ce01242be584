"""文字コード: strict decoding as declared; one bad line is set apart, a bad file is refused with its first bad byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.formats import encodings, lines
from kiban_processing.refusals import Refusal

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: bytes) -> Path:
        path = tmp_path / "file.csv"
        path.write_bytes(content)
        return path

    return written


def text(path: Path, encoding: str, piece: int = lines.PIECE) -> str:
    return b"".join(part.text for part in encodings.decode(encodings.examine(path, encoding), piece_bytes=piece)).decode()


def damaged(path: Path, encoding: str, piece: int = lines.PIECE) -> list[tuple[str, str]]:
    parts = list(encodings.decode(encodings.examine(path, encoding), piece_bytes=piece))
    whole = b"".join(part.text for part in parts)
    return [(whole[damage.start : damage.end].decode(), damage.rule) for part in parts for damage in part.damages]


def refusal(path: Path, encoding: str, longest: int = lines.LONGEST) -> Refusal:
    with pytest.raises(Refusal) as caught:
        encodings.examine(path, encoding, longest)
    return caught.value


@pytest.mark.parametrize("encoding", encodings.ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("piece", [7, 64, lines.PIECE])
def test_text_is_read_as_declared(write: Write, encoding: str, end: str, piece: int) -> None:
    content = end.join(["患者番号,氏名", "0001,髙橋①", "0002,ﾀﾅｶ ～"]) + end
    assert text(write(content.encode(encoding)), encoding, piece) == content


def test_the_byte_order_mark_is_left_out(write: Write) -> None:
    assert text(write(b"\xef\xbb\xbf" + "患者\n".encode()), "utf-8") == "患者\n"


@pytest.mark.parametrize("tail", [b"\x1a", b"\x1a\x1a", b"\x1a\r\n", b"\x1a\n\x1a"])
def test_a_closing_control_z_is_dropped(write: Write, tail: bytes) -> None:
    assert text(write(b"a,b\r\n1,2\r\n" + tail), "cp932") == "a,b\r\n1,2\r\n"
    assert text(write(b"a,b\r\n1,2\x1a3\r\n"), "cp932") == "a,b\r\n1,2\x1a3\r\n"


@pytest.mark.parametrize("piece", [7, lines.PIECE])
def test_one_undecodable_line_is_set_apart(write: Write, piece: int) -> None:
    path = write("氏名\n山田\n".encode("cp932") + b"x\x81\xff,1\n" + "田中\n".encode("cp932"))
    assert damaged(path, "cp932", piece) == [("x\\x81\\xff,1\n".replace("\\xff", "\uf8f3"), "undecodable")]
    assert text(path, "cp932", piece).startswith("氏名\n山田\nx")
    assert text(path, "cp932", piece).endswith("\n田中\n")
    assert encodings.examine(path, "cp932").first_undecodable == 11


def test_characters_lost_before_are_found(write: Write) -> None:
    path = write("氏名\n山\ufffd\n田中\n".encode())
    assert damaged(path, "utf-8") == [("山\ufffd\n", "mojibake")]


def test_an_undecodable_header_refuses_the_file(write: Write) -> None:
    refused = refusal(write("\n氏名\n1\n".encode("cp932")), "utf-8")
    assert (refused.code, refused.particulars["offset"]) == ("undecodable-header", 1)


def test_too_many_undecodable_lines_refuse_the_file(write: Write) -> None:
    good = b"a\n" + b"1\n" * 100
    assert encodings.examine(write(good + b"\xff\n" * 10), "utf-8").undecodable == 10
    refused = refusal(write(good + b"1\xff\n" * 11), "utf-8")
    assert (refused.code, refused.particulars["offset"], refused.particulars["undecodable"]) == ("undecodable-file", 203, 11)
    assert encodings.examine(write(b"a\n" + b"1\n" * 2000 + b"\xff\n" * 20), "utf-8").undecodable == 20


def test_utf8_declared_as_cp932_is_refused(write: Write) -> None:
    refused = refusal(write("id,氏名\n1,山田\n".encode()), "cp932")
    assert (refused.code, refused.particulars["offset"]) == ("encoding-wrong", 3)
    assert refusal(write("\ufeffid\n1\n".encode()), "cp932").code == "encoding-wrong"


def test_damaged_utf8_declared_as_cp932_is_recognised_too(write: Write) -> None:
    content = "id,name\n1,山田\n2,鈴木\n".encode() + b"3,\xe5\xb1\n"
    assert refusal(write(content), "cp932").code == "encoding-wrong"


def test_half_width_kana_alone_is_no_proof_of_utf8(write: Write) -> None:
    path = write("id\nﾃｱ\n".encode("cp932"))
    assert path.read_bytes().decode("utf-8") == "id\nñ\n"
    assert text(path, "cp932") == "id\nﾃｱ\n"


@pytest.mark.parametrize(("codec", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
@pytest.mark.parametrize("encoding", encodings.ENCODINGS)
def test_utf16_is_refused_with_its_remedy(write: Write, codec: str, mark: bytes, encoding: str) -> None:
    refused = refusal(write(mark + "患者\n".encode(codec)), encoding)
    assert refused.code == "encoding-utf16"
    assert "CSV UTF-8" in refused.read("ja")


def test_nul_bytes_are_refused(write: Write) -> None:
    refused = refusal(write(b"a\n1\n\x00\n"), "utf-8")
    assert (refused.code, refused.particulars["offset"]) == ("nul-bytes", 4)


@pytest.mark.parametrize("encoding", encodings.ENCODINGS)
def test_iso2022jp_is_refused(write: Write, encoding: str) -> None:
    refused = refusal(write(b"id,name\n1," + "山田\n".encode("iso2022_jp")), encoding)
    assert (refused.code, refused.particulars["offset"]) == ("encoding-iso2022jp", 10)


@pytest.mark.parametrize("encoding", ["shift_jis", "UTF-8", "utf_8", "euc-jp", ""])
def test_other_encodings_are_refused(write: Write, encoding: str) -> None:
    assert refusal(write(b"a\n"), encoding).code == "encoding-unknown"


def test_a_line_over_the_limit_is_refused_where_it_starts(write: Write) -> None:
    refused = refusal(write(b"a\n" + b"x" * 101 + b"\n"), "utf-8", 100)
    assert (refused.code, refused.particulars["offset"]) == ("line-too-long", 2)
    assert encodings.examine(write(b"a\n" + b"x" * 99 + b"\n" + b"y" * 100), "utf-8", 100).lines == 3
    assert refusal(write(b"a\n" + b"x" * (9 << 20)), "utf-8").particulars["offset"] == 2


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv", "utf-8").code == "file-unreadable"


def test_an_empty_file_is_no_lines(write: Write) -> None:
    assert encodings.examine(write(b""), "utf-8").lines == 0


LINES = st.lists(st.text(st.characters(codec="cp932", exclude_characters="\r\n\0\x1a¢£¬‖−〜"), max_size=20), min_size=1, max_size=20)


def _is_wide_utf8(line: bytes) -> bool:
    try:
        return any(letter >= "\u0800" for letter in line.decode("utf-8"))
    except UnicodeDecodeError:
        return False


@given(LINES, st.sampled_from(encodings.ENCODINGS), st.integers(1, 40))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, sent: list[str], encoding: str, piece: int) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    content = "header\n" + "\n".join(sent)
    path.write_bytes(content.encode(encoding))
    expected = content.encode(encoding).decode(encoding)
    try:
        assert text(path, encoding, piece) == expected
    except Refusal as refused:
        assert refused.code == "encoding-wrong"
        assert any(_is_wide_utf8(line.encode(encoding)) for line in sent)


@given(st.lists(st.binary(max_size=12), max_size=30), st.sampled_from(encodings.ENCODINGS), st.integers(1, 40))
def test_any_bytes_are_text_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, sent: list[bytes], encoding: str, piece: int) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    path.write_bytes(b"header\n" + b"\n".join(sent))
    try:
        examined = encodings.examine(path, encoding)
    except Refusal:
        return
    parts = list(encodings.decode(examined, piece_bytes=piece))
    whole = b"".join(part.text for part in parts)
    whole.decode("utf-8")
    assert whole.count(b"\n") == path.read_bytes()[: examined.end].count(b"\n")
    assert len([damage for part in parts for damage in part.damages if damage.rule == "undecodable"]) == examined.undecodable
