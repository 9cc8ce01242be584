"""Master files as they are brought: layouts, encodings, duplicates, and broken files of every sort."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.masters import layouts, reading
from kiban_processing.masters.kinds import MasterKind
from kiban_processing.masters.layouts import CLAIM_DRUGS, DISEASES, DRUGS, ICD10, JLAC10_PARTS, KINDS, MERGERS
from kiban_processing.refusals import Refusal
from tests.masters.conftest import Bring, positional, text_of

SICK = {"code": "0000001", "name": "架空病", "medis_number": "99000001", "icd10_2013": "E119", "retired_on": "99999999", "moved_to": "0000001",
        "icd10_2003": "", "icd10_second": ""}  # fmt: skip
OTHER = {
    **SICK,
    "code": "0000002",
    "name": "架空病（慢性）",
    "medis_number": "99000002",
    "icd10_2013": "",
    "icd10_2003": "I10",
    "retired_on": "20200331",
}
HOT = "基準番号（ＨＯＴコード）,個別医薬品コード,レセプト電算処理システムコード（１）,販売名\r\n"


def rules(path: Path, kind: MasterKind) -> list[tuple[int, str | None, str]]:
    return [(one.row, one.column, one.rule.code) for one in reading.read(path, kind).findings]


def test_a_claim_master_is_read_by_position(bring: Bring) -> None:
    path = bring(text_of(positional(DISEASES, SICK, OTHER)))
    read = reading.read(path, DISEASES)
    assert (read.findings, read.encoding, read.repeated) == ((), "cp932", 0)
    assert read.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    first, second = read.rows.to_pylist()
    assert first["icd10_2013"] == "E11.9" and first["retired_on"] is None and first["medis_number"] == "99000001"
    assert second["icd10_2003"] == "I10" and second["retired_on"] == date(2020, 3, 31) and second["name"] == "架空病（慢性）"
    assert "mark" not in read.rows.column_names


def test_later_layouts_with_more_columns_are_read_and_narrower_rows_are_not(bring: Bring) -> None:
    wide, narrow = positional(DISEASES, SICK, OTHER)
    assert rules(bring(text_of([[*wide, "", "1"], narrow[:-1]])), DISEASES) == [(2, None, "column-count")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_headers_are_found_by_their_names_in_any_order_and_encoding(bring: Bring, encoding: str) -> None:
    text = "備考,販売名, 基準番号(HOTコード) ,個別医薬品コード\n①,架空錠,9990001010101,9990001F1011\n"
    read = reading.read(bring(text, encoding), DRUGS).require()
    assert read.rows.to_pylist() == [{"hot_code": "9990001010101", "yj_code": "9990001F1011", "claim_code": None, "name": "架空錠"}]


def test_the_same_row_again_counts_once_and_another_meaning_is_refused(bring: Bring) -> None:
    read = reading.read(bring(text_of(positional(DISEASES, SICK, SICK, OTHER))), DISEASES)
    assert (read.rows.num_rows, read.repeated, read.findings) == (2, 1, ())
    path = bring(text_of(positional(DISEASES, SICK, OTHER, {**SICK, "icd10_2013": "E109"})))
    assert rules(path, DISEASES) == [(3, "code", "code-twice")]
    with pytest.raises(Refusal) as refused:
        reading.read(path, DISEASES).require()
    assert refused.value.code == "master-unusable" and refused.value.particulars["row"] == 3
    assert refused.value.particulars["places"] == "3 code code-twice"
    assert "架空病" not in refused.value.read("ja") and "3行目" in refused.value.read("ja")


def test_a_part_of_a_key_alone_is_no_duplicate(bring: Bring) -> None:
    text = "part,code,name\nmaterial,019,架空材料\nmethod,019,架空測定法\n"
    assert rules(bring(text), JLAC10_PARTS) == []


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", DISEASES, "master-empty"),
        (b"\r\n\r\n", DISEASES, "master-empty"),
        (HOT.encode(), DRUGS, None),  # a header alone
        ("名称,コード\n架空,1\n".encode(), DRUGS, "master-header"),
        ("HOTコード,HOT13,販売名\n9990001010101,9990001010101,a\n".encode(), DRUGS, "master-header"),
        (text_of(positional(DISEASES, SICK)).encode("utf-16"), DISEASES, "encoding-utf16"),
        (text_of(positional(DISEASES, SICK)).encode("iso2022_jp"), DISEASES, "encoding-iso2022jp"),
        (text_of(positional(DISEASES, SICK)).encode("cp932") + b"\0", DISEASES, "nul-bytes"),
        (b"a" * (1 << 21), DISEASES, "line-too-long"),
    ],
    ids=["empty", "blank", "header-alone", "other-header", "repeated-header", "utf-16", "iso-2022-jp", "nul", "one-long-line"],
)  # fmt: skip
def test_what_is_no_master_at_all_is_refused(bring: Bring, content: bytes, kind: MasterKind, code: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        reading.read(bring(content), kind)
    assert refused.value.code == (code or "master-empty")
    assert refused.value.ground.remedy.ja and refused.value.ground.remedy.en


def _cut(text: str) -> str:
    return text[:-60]


def _swapped(text: str) -> str:
    return text.replace('"B"', '"Y"')


def _headed(text: str) -> str:
    return ",".join(["見出し"] * 46) + "\r\n" + text


def _lost(text: str) -> str:
    return text.replace("架空病（", "架空\ufffd（")


def _open(text: str) -> str:
    return text.replace('架空病（慢性）"', "架空病（慢性）")


def _undated(text: str) -> str:
    return text.replace("20200331", "20200231")


@pytest.mark.parametrize(
    ("damage", "encoding", "expected"),
    [
        (_cut, "cp932", {(2, None, "unclosed-quote"), (2, None, "column-count")}),
        (_swapped, "cp932", {(1, "mark", "pattern-mismatch"), (2, "mark", "pattern-mismatch")}),
        (_headed, "cp932", {(1, "code", "pattern-mismatch")}),
        (_lost, "utf-8", {(2, None, "mojibake")}),
        (_open, "cp932", {(2, None, "unclosed-quote")}),
        (_undated, "cp932", {(2, "retired_on", "not-a-date")}),
    ],
    ids=["truncated", "other-master", "header-instead-of-data", "mojibake", "open-quote", "impossible-day"],
)
def test_damage_is_told_by_line(
    bring: Bring, damage: Callable[[str], str], encoding: str, expected: set[tuple[int, str | None, str]]
) -> None:  # fmt: skip
    found = set(rules(bring(damage(text_of(positional(DISEASES, SICK, OTHER))), encoding), DISEASES))
    assert found and (found & expected)
    assert {line for line, *_ in found} <= {line for line, *_ in expected}


def test_a_line_that_cannot_be_decoded_is_told_and_nothing_is_taken(bring: Bring) -> None:
    whole = text_of(positional(DISEASES, *({**SICK, "code": f"{n:07d}", "medis_number": f"9900{n:04d}"} for n in range(1, 40)))).encode(
        "cp932"
    )
    lines = whole.split(b"\r\n")
    lines[6] = lines[6].replace("架空病".encode("cp932"), b"\x85\x39\xff")
    assert rules(bring(b"\r\n".join(lines)), DISEASES) == [(7, None, "undecodable")]


def test_a_tree_must_lead_to_its_top(bring: Bring) -> None:
    text = "code,name,parent\nXX,chapter,\nX00-X09,block,XX\nX01,category,X00-X09\nX011,code,X01\n"
    rows = reading.read(bring(text), ICD10).require().rows.to_pylist()
    assert rows[3]["code"] == "X01.1" and rows[1]["code"] == "X00-X09"
    assert rules(bring(text + "X02,nowhere,X10-X19\n"), ICD10) == [(6, "parent", "not-a-tree")]
    assert rules(bring(text + "X03,round,X04\nX04,round,X03\n"), ICD10) == [(6, "parent", "not-a-tree"), (7, "parent", "not-a-tree")]


def test_mergers_need_a_prefecture_and_a_day(bring: Bring) -> None:
    text = "prefecture,old,new,in_force\n架空県,甲町,乙市,2005-04-01\n茨城県,甲町,乙市,いつか\n茨城県,甲町,,2005-04-01\n"
    assert set(rules(bring(text), MERGERS)) == {
        (2, "prefecture", "not-in-choices"), (3, "in_force", "not-a-date"), (4, "new", "required-missing")
    }  # fmt: skip


def test_every_kind_is_declared_in_order() -> None:
    for kind in KINDS.values():
        names = [field.name for field in kind.kept]
        assert set(kind.key) <= set(names) and set(kind.found_by) <= set(names) and kind.schema.names == names
        assert len(set(names)) == len(names)
        positions = [field.position for field in kind.fields]
        assert (kind.width is None) == all(position is None for position in positions)
        if kind.width is not None:
            assert all(position is not None and position <= kind.width for position in positions)


@pytest.mark.skipif("KIBAN_SAMPLES" not in os.environ, reason="KIBAN_SAMPLES is not set")
@pytest.mark.parametrize(
    ("letter", "kind", "rows", "name"),
    [
        ("b", layouts.DISEASES, 5, "もやもや病"), ("z", layouts.MODIFIERS, 8, "左右"), ("s", layouts.CLAIM_PROCEDURES, 5, "人工呼吸"),
        ("y", CLAIM_DRUGS, 4, "生理食塩液　１．３Ｌ"), ("t", layouts.CLAIM_DEVICES, 6, "半切"),
    ],
)  # fmt: skip
def test_excerpts_of_the_official_masters_are_read(letter: str, kind: MasterKind, rows: int, name: str) -> None:
    folder = Path(os.environ["KIBAN_SAMPLES"]) / "receipt-uke-medical" / "master-excerpt-2022"
    read = reading.read(folder / f"{letter}_ALL00000000.csv", kind).require()
    assert (read.rows.num_rows, read.encoding) == (rows, "cp932")
    row = next(row for row in read.rows.to_pylist() if row["name"] == name)
    wanted = {
        "b": ("icd10_2013", "I67.5"),
        "z": ("code", "2060"),
        "s": ("section", "J"),
        "y": ("listing_code", "3311401H7018"),
        "t": ("code", "700010000"),
    }
    assert row[wanted[letter][0]] == wanted[letter][1]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 2), st.binary(max_size=6)), max_size=6),
    st.sampled_from([DISEASES, DRUGS, ICD10]),
)
def test_no_damage_makes_a_reader_fail_or_take_a_row_it_found_wrong(
    bring: Bring, edits: list[tuple[int, int, bytes]], kind: MasterKind
) -> None:  # fmt: skip
    rows = {
        DISEASES.name: text_of(positional(DISEASES, SICK, OTHER)), DRUGS.name: HOT + "9990001010101,9990001F1011,,架空錠\r\n",
        ICD10.name: "code,name,parent\nXX,chapter,\nX01,category,XX\n",
    }  # fmt: skip
    raw = bytearray(rows[kind.name].encode("cp932"))
    for place, length, put in edits:
        raw[place : place + length] = put
    try:
        read = reading.read(bring(bytes(raw)), kind)
    except Refusal as refusal:
        assert refusal.ground.remedy.ja
        return
    lines = {one.row for one in read.findings}
    assert all(1 <= line <= raw.count(b"\n") + raw.count(b"\r") + 1 for line in lines)
    if not read.findings:
        assert read.rows.num_rows and not any(read.rows[name].null_count for name in kind.key)
        assert len(set(zip(*(read.rows[name].to_pylist() for name in kind.key), strict=True))) == read.rows.num_rows
