"""Papers: set with a Japanese font, the same bytes for the same day, no character silently lost, no text taken for markup."""

from __future__ import annotations

import os
import re
import zlib
from datetime import date
from pathlib import Path

import pytest

from kiban_operator.papers import fonts, typesetting
from kiban_processing.refusals import Refusal

DAY = date(2026, 11, 28)


@pytest.fixture(autouse=True, scope="module")
def japanese_font() -> None:
    """A machine without a Japanese font sets no papers; the checks' own machine has one."""
    try:
        fonts.found()
    except Refusal:
        if os.environ.get("CI"):
            raise
        pytest.skip("no Japanese font on this machine (fonts-noto-cjk)")


LETTER = {
    "title": "医療情報の提供の停止の求めに係る書面", "dated": "令和8年11月28日", "addressee": "髙﨑 桜 様", "sender": ["架空試験病院"],
    "items": [{"name": "求めの内容", "text": "停止するよう求めがありました。"}], "closing": ["以上"],
}  # fmt: skip


def test_the_same_paper_has_the_same_bytes_and_is_tagged_for_keeping() -> None:
    made = typesetting.compose("letter", LETTER, DAY)
    assert made == typesetting.compose("letter", LETTER, DAY)
    assert made.startswith(b"%PDF-") and b"/StructTreeRoot" in _plain(made) and b"pdfaid" in _plain(made)


def test_a_font_lies_inside() -> None:
    assert re.search(rb"/FontFile[23]", _plain(typesetting.compose("letter", LETTER, DAY)))


def _plain(made: bytes) -> bytes:
    """The file with its compressed streams laid open."""
    parts = [made]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(parts)


def test_a_name_that_no_font_can_print_is_refused_and_not_told() -> None:
    with pytest.raises(Refusal) as caught:
        typesetting.compose("letter", LETTER | {"addressee": "\U000e0001\U0001f9ff田 様"}, DAY)
    assert caught.value.code == "glyph-missing"
    assert caught.value.particulars == {"place": "addressee", "count": 1} and "田" not in str(caught.value)


def test_a_rare_character_prints_where_a_font_has_it() -> None:
    letter = LETTER | {"addressee": "𠮷田 様"}
    if any(ord("𠮷") in font.characters for font in fonts.found()):
        assert typesetting.compose("letter", letter, DAY)
    else:
        with pytest.raises(Refusal):
            typesetting.compose("letter", letter, DAY)


def test_text_is_data_and_never_markup() -> None:
    for text in ('#panic("x")', "$1+1$", "= 見出し", '\\ #image("/etc/hostname")', "]"):
        assert typesetting.compose("letter", LETTER | {"addressee": text}, DAY)


def test_without_a_japanese_font_nothing_is_issued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIBAN_FONTS", str(tmp_path))
    with pytest.raises(Refusal) as caught:
        typesetting.compose("letter", LETTER, DAY)
    assert caught.value.code == "font-missing"
