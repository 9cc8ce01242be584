"""The national hospitals' own sample is read whole, its conflicts are found, and hl7apy sees the same in every field."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kiban_processing.deliveries import inspection, recognition
from kiban_processing.deliveries.readers import Format
from kiban_processing.deliveries.ssmix2 import messages, takes
from kiban_processing.deliveries.ssmix2.delivery import Storage
from kiban_processing.deliveries.ssmix2.segment_table import KINDS
from kiban_processing.formats import findings

# What must be in no output, as the sample's own description lists it.
IDENTIFIERS = (
    "患者", "山田", "太郎", "花子", "カンジャ", "ヤマダ", "タロウ", "ハナコ", "9999013", "12345678", "1234567890", "10345678", "0001000052", "3330000333",
    "19480405", "19650415", "19501214", "19470515", "19700405", "19820911", "静岡県", "東京都", "422-8033", "105-0001", "054-000-0000", "054-284-9122",
    "054-999-2455", "03-5999-9999", "03-3599-9993", "03-3506-8010", "03-5569-3150", "鹿ノ門", "67999991", "医師", "123456789012345", "000000011000185",
)  # fmt: skip
BASE_DATATYPES = ("ST", "IS", "ID", "NM", "SI", "DT", "TM", "TX", "FT", "GTS")
CONFLICTING = ("ADT-61", "PPR-01", "OMD", "OMG-01", "OMG-02", "OMG-03", "OMG-11", "OMG-12", "OMG-13", "OML-11")


@pytest.fixture(scope="module")
def sample() -> Path:
    given = os.environ.get("KIBAN_SAMPLES")
    if not given:
        pytest.skip("KIBAN_SAMPLES names no folder with ssmix2-nho")
    folder = Path(given) / "ssmix2-nho" / "standard_root"
    if not folder.is_dir():
        pytest.fail("KIBAN_SAMPLES is set, but ssmix2-nho/standard_root is not in it")
    return folder


def files(sample: Path) -> list[Path]:
    return sorted(path for path in sample.rglob("*") if path.is_file())


def test_all_messages_are_read_and_the_ten_conflicting_ones_are_quarantined(sample: Path) -> None:
    assert recognition.recognise(sample) is Format.SSMIX2
    found = inspection.inspect(sample)
    assert (found.total.sent, found.total.accepted, found.total.quarantined, found.total.refused) == (19, 9, 10, 0)
    assert found.by_rule == {"path-disagrees": 10}
    assert sorted(found.shown(one["source_file"]).split()[1] for one in found.findings) == sorted(CONFLICTING)
    assert found.persons == 1
    assert found.set_aside == {"ADT-42": 1, "OML-01": 1}


def test_no_identifier_is_in_what_people_see(sample: Path) -> None:
    fixed = {text for rule in findings.RULES.values() for words in (rule.what, rule.remedy) for text in (words.ja, words.en)}
    found = inspection.inspect(sample)
    for language in ("ja", "en"):
        told = str(found.as_json(language))
        for text in fixed:
            told = told.replace(text, "")  # our own words say 患者 too
        assert [one for one in IDENTIFIERS if one in told] == []


def test_rows_say_what_the_messages_say(sample: Path) -> None:
    """Read by eye from the sample."""
    (piece,) = Storage(sample).pieces()
    rows = {table: texts.drop_columns(["source_file", "source_row"]).to_pylist() for table, texts in piece.rows.items()}
    (patient,) = rows["patients"]
    assert {name: text for name, text in patient.items() if text} == {
        "local_patient_id": "9999013", "name_kanji": "患者 太郎", "name_kana": "カンジャ タロウ", "birth_date": "19480405", "sex": "M", "postal_code": "422-8033",
        "address": "静岡県静岡市登呂１－３－５", "phone": "054-000-0000", "insurer_number": "67999991",
    }  # fmt: skip
    assert [(row["started_on"], row["ended_on"], row["department"]) for row in rows["encounters"]] == [
        ("20111120", "", "01"),
        ("20111120", "20111220", "08"),
    ]
    drugs = [
        (row["act"], row["hot_code"], row["quantity"], row["quantity_unit"], row["days"], row["route"]) for row in rows["prescriptions"]
    ]
    assert drugs == [
        ("administered", "108665201", "1", "TAB", "", "PO"), ("administered", "110626901", "2", "TAB", "", "PO"),
        ("ordered", "108665201", "15", "TAB", "5", "PO"), ("ordered", "110626901", "30", "TAB", "5", "PO"), ("ordered", "100607002", "1400", "MG", "14", "PO"),
        *[("ordered", "620007329", "1", "HON", "", "IV"), ("ordered", "620002559", "1", "AMP", "", "IV")] * 3,
        ("administered", "620007329", "1", "HON", "", "IV"), ("administered", "620002559", "1", "AMP", "", "IV"),
    ]  # fmt: skip


def test_the_conflicting_laboratory_message_would_be_read_alike_were_its_patient_right(sample: Path, tmp_path: Path) -> None:
    (path,) = [path for path in files(sample) if "OML-11" in path.name]
    target = tmp_path / path.name
    target.write_bytes(path.read_bytes().replace(b"0001000052", b"9999013"))
    (piece,) = Storage(target).pieces()
    results = [(row["jlac10"], row["value"], row["unit"], row["sampled_on"]) for row in piece.rows["laboratory_results"].to_pylist()]
    assert results == [
        ("3A016000002327102", "1.7", "", "20111219"),
        ("3A010000002327101", "7.2", "g/dl", "20111219"),
        ("3A015000002327101", "4.9", "g/dl", "20111219"),
    ]


def oracle(path: Path) -> Any:
    """hl7apy's tree of a message: FS stripped and decoded by Python's own codec, which knows all characters of this sample."""
    pytest.importorskip("hl7apy")
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    text = path.read_bytes().decode("iso2022_jp").rstrip("\x1c")
    return parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)


def repetitions(segment: Any, number: int) -> list[Any]:
    return [field for field in segment.children if field.name == f"{segment.name}_{number}"]


def same(mine: str, theirs: str, datatype: str | None) -> bool:
    """Equal, but for zeros before a number: hl7apy writes numbers anew."""
    return ours(mine) == theirs or (datatype in ("SI", "NM") and float(mine) == float(theirs))


def component_of(field: Any, number: int, sub: int) -> str:
    """A component's (subcomponent's) text by hl7apy's tree; a field of a simple type is its own first component."""
    named = {child.name: child for child in field.children if child.name}
    if field.datatype in BASE_DATATYPES or not any(name[-1].isdigit() for name in named):
        return str(field.to_er7()) if number == 1 and sub < 2 else ""
    found = [child for name, child in named.items() if name.endswith(f"_{number}")]
    if not found or not sub:
        return str(found[0].to_er7()) if found else ""
    parts = [child for child in found[0].children if child.name and child.name.endswith(f"_{sub}")]
    return str(parts[0].to_er7()) if parts else ""


def ours(text: str) -> str:
    """Our text with CP932's names for the two signs that Python's codec names otherwise."""
    return text.replace("－", "−").replace("～", "〜")


def test_every_field_of_every_segment_is_what_hl7apy_gives(sample: Path) -> None:
    compared = 0
    for path in files(sample):
        theirs = oracle(path)
        message = messages.read(path.read_bytes())
        assert [segment[0] for segment in message.segments] == [segment.name for segment in theirs.children], path.parent.name
        for mine, segment in zip(message.segments[1:], list(theirs.children)[1:], strict=True):
            for number, text in enumerate(mine[1:], 1):
                fields = repetitions(segment, number)
                theirs_text = "~".join(field.to_er7() for field in fields)
                assert same(text, theirs_text, fields[0].datatype if fields else None), f"{path.parent.name} {mine[0]}-{number}"
                compared += 1
    assert compared > 3000


def sources() -> list[str]:
    named = {
        source
        for kind in KINDS.values()
        for rows in kind.rows
        for field in rows.fields
        if field.rule in ("text", "day")
        for source in field.sources
    }
    return sorted(source for source in named if not source.startswith("@"))


def test_every_value_that_the_table_takes_is_what_hl7apy_gives_for_the_field(sample: Path) -> None:
    said = 0
    for path in files(sample):
        theirs = list(oracle(path).children)
        for mine, segment in zip(messages.read(path.read_bytes()).segments, theirs, strict=True):
            for source in sources():
                name, number, (component, sub), key = takes._parts(source)
                if name != mine[0]:
                    continue
                chosen = (one for one in repetitions(segment, number) if key is None or component_of(one, key[0], 0) == key[1])
                field = next(chosen, None)
                expected = component_of(field, component, sub) if field is not None else ""
                assert ours(takes.component(source)({name: mine})) == expected, f"{path.parent.name} {source}"
                said += bool(expected)
    assert said > 100
