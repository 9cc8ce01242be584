"""One form for all writings of a name: the gate's own folding agrees with Unicode's where both know a character, and goes further."""

from __future__ import annotations

import unicodedata

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.standards.writing import normal

HALF = "".join(chr(code) for code in range(0xFF66, 0xFF9E))
KATAKANA = "".join(chr(code) for code in range(0x30A1, 0x30F5))


def folded(*texts: str) -> list[str]:
    con = duckdb.connect()
    found = [con.execute(f"SELECT {normal('$1')}", [text]).fetchall()[0][0] for text in texts]
    con.close()
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("山田　太郎", "山田太郎"),
        ("やまだ たろう", "ヤマダタロウ"),
        ("ﾔﾏﾀﾞ ﾊﾟｳﾛ", "ヤマダパウロ"),
        ("ヤマタ\u3099", "ヤマダ"),
        ("Ｙａｍａｄａ", "YAMADA"),
        ("０３－１２３４－５６７８", "03-1234-5678"),
        ("yamada@example.jp", "ＹＡＭＡＤＡ＠ｅｘａｍｐｌｅ．ｊｐ"),
        ("1丁目2‐3", "1丁目2−3"),
    ],
)
def test_writings_of_one_name_are_one(one: str, other: str) -> None:
    first, second = folded(one, other)
    assert first == second


def test_different_names_stay_different() -> None:
    assert len(set(folded("ハト", "バト", "パト", "ハド", "髙橋", "高橋", "カー", "カ"))) == 8


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from(list(HALF + KATAKANA + "ﾞﾟ")), min_size=1, max_size=8))
def test_kana_fold_as_unicode_folds_them(text: str) -> None:
    """A mark that has no letter to stand on is written in two ways; there is nothing to compare then."""
    expected = unicodedata.normalize("NFKC", text)
    if any(mark in expected for mark in "\u3099\u309a"):
        return
    assert folded(text) == [expected.replace("・", "")]
