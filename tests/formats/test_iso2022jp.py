"""ISO-2022-JP with vendor characters is read as the tables of JIS, NEC and IBM say, and nothing is guessed."""

import pytest
from data_examples import ssmix2_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.formats import iso2022jp
from kiban_processing.formats.iso2022jp import LOST, Undecodable, decode

# First cell of a run in NEC row 13 → its characters, from the printed table of the row.
NEC_ROW_13 = {
    0x2D21: "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ",
    0x2D40: "㍉㌔㌢㍍㌘㌧㌃㌶㍑㍗㌍㌦㌣㌫㍊㌻㎜㎝㎞㎎㎏㏄㎡",
    0x2D5F: "㍻〝〟№㏍℡㊤㊥㊦㊧㊨㈱㈲㈹㍾㍽㍼≒≡∫∮∑√⊥∠∟⊿∵∩∪",
}
# The same for the IBM extensions as NEC placed them (rows 89 to 92): beginnings and end.
IBM_EXTENSIONS = {0x7921: "纊褜鍈銈蓜俉炻昱棈鋹曻彅丨仡", 0x7975: "﨑", 0x7C62: "髙", 0x7C71: "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹ￢￤＇＂"}
# Where CP932 and the codec of RFC 1468 name the same sign differently; CP932 holds here.
DIFFERENCES = str.maketrans("〜‖−¢£¬—", "～∥－￠￡￢―")
JIS_X_0208 = [
    text for lead in range(0x21, 0x75) for trail in range(0x21, 0x7F)
    if (text := (b"\x1b$B" + bytes((lead, trail)) + b"\x1b(B").decode("iso2022_jp", "replace")) and LOST not in text
]  # fmt: skip

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are busy


def kanji(code: int) -> bytes:
    return b"\x1b$B" + code.to_bytes(2, "big") + b"\x1b(B"


@pytest.mark.parametrize(("first", "characters"), [*NEC_ROW_13.items(), *IBM_EXTENSIONS.items()])
def test_vendor_rows_are_read_by_their_tables(first: int, characters: str) -> None:
    assert "".join(decode(kanji(first + offset)) for offset in range(len(characters))) == characters


def test_as_many_characters_are_known_as_the_standards_have() -> None:
    found = {pair: decode(kanji(pair)) for lead in range(0x21, 0x7F) for pair in range(lead * 256 + 0x21, lead * 256 + 0x7F)}
    rows: dict[str, int] = {"row 13": 0, "rows 89 to 92": 0, "JIS X 0208": 0}
    for pair, text in found.items():
        if text != LOST:
            row = (pair >> 8) - 0x20
            rows["row 13" if row == 13 else "rows 89 to 92" if 89 <= row <= 92 else "JIS X 0208"] += 1
    assert rows == {"row 13": 83, "rows 89 to 92": 374, "JIS X 0208": 6879}


def test_half_width_kana_is_read() -> None:
    run = bytes(range(0x21, 0x60))
    assert decode(b"a\x1b(I" + run + b"\x1b(Bb") == "a" + "".join(chr(0xFF61 + place) for place in range(63)) + "b"


def test_the_older_escape_and_roman_are_read_as_kanji_and_ascii() -> None:
    assert decode(b"\x1b$@0!\x1b(J|\\~") == "亜|\\~"


def test_the_supplement_is_read_as_python_reads_it() -> None:
    assert decode(b"\x1b$(D0!\x1b(B") == b"\x1b$(D0!\x1b(B".decode("iso2022_jp_1") == "丂"


def test_a_line_end_inside_kanji_returns_to_ascii() -> None:
    assert decode(b"\x1b$B0!\rPID|\x1b$B0!\x1b(B\r") == "亜\rPID|亜\r"


def test_a_character_of_the_hospitals_own_is_told_as_lost() -> None:
    assert decode(kanji(0x7521)) == decode(kanji(0x2921)) == LOST


@pytest.mark.parametrize(
    "data",
    [
        b"\xb1", b"\x1b$B0\x1b(B", b"\x1b$B0!0", b"\x1b$B0\x00!\x1b(B", b"\x1b$B0!\xb0\xa1\x1b(B", b"\x1b(I\x60\x1b(B", b"\x1b", b"\x1b$", b"\x1b$A0!\x1b(B",
        b"\x1b$(C0!\x1b(B", b"\x1b(H", b"\x1b.A", b"\x0e1\x0f", b"\x1b$B0! \x1b(B", b"\x1b(B\xe3\x81\x82", b"\x1b$(D\x7e\x7e\x1b(B",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_not_guessed(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


@unhurried
@given(st.text(st.sampled_from(JIS_X_0208) | st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_where_python_knows_the_encoding_both_agree(text: str) -> None:
    assert decode(text.encode("iso2022_jp")) == text.translate(DIFFERENCES)


@unhurried
@given(
    st.text(
        st.sampled_from(sorted(ssmix2_world._PAIRS))
        | st.characters(min_codepoint=0xFF61, max_codepoint=0xFF9F)
        | st.sampled_from("|^~\\&\r Az9"),
        max_size=60,
    )
)
def test_every_character_of_cp932_survives_the_way_through_seven_bits(text: str) -> None:
    assert decode(ssmix2_world.encode(text)) == text


@unhurried
@given(
    st.binary(max_size=80)
    | st.lists(st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b(I", b"\x1b$(D", b"0!", b"|", b"\r", b"\x1b"]), max_size=20).map(b"".join)
)
def test_any_bytes_are_read_or_refused_and_always_alike(data: bytes) -> None:
    def outcome() -> str:
        try:
            return decode(data)
        except Undecodable as why:
            return f"refused: {why}"

    first = outcome()
    iso2022jp._remembered.cache_clear()
    assert outcome() == first
