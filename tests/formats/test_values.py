"""値の型付け: what each text says about an item; the set-based reading equals the one-by-one meaning."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Item, Kind, ValueType
from kiban_processing.formats import values
from kiban_processing.language import Text

INTEGER = Item("count", Text("回数", "count"), Kind.PLAIN_VALUE, ValueType.INTEGER, lowest=0, highest=1e30)


def item(name: str) -> Item:
    return INTEGER if name == "count" else tables.named(name)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("patients.local_patient_id", "０００１２", "00012"),
        ("patients.local_patient_id", '="00012"', "00012"),
        ("patients.local_patient_id", "\u3000A-1 ", "A-1"),
        ("patients.local_patient_id", "12−3", "12-3"),
        ("patients.insured_symbol", "ｱｲ", "アイ"),
        ("patients.name_kanji", "\u3000髙橋\u3000一郎 ", "髙橋\u3000一郎"),
        ("patients.name_kana", "ﾀｶﾊｼ ｲﾁﾛｳ", "ﾀｶﾊｼ ｲﾁﾛｳ"),
        ("patients.name_kanji", "山\r\n田", "山 田"),
        ("patients.name_kanji", "不明", None),
        ("diagnoses.disease_name", "不明", "不明"),
        ("diagnoses.disease_name", " 一行\r\n二行\x01 ", "一行\r\n二行"),
        ("patients.postal_code", "123-4567", "1234567"),
        ("patients.postal_code", "〒１２３－４５６７", "1234567"),
        ("patients.postal_code", "1234567", "1234567"),
        ("diagnoses.icd10", "E119", "E11.9"),
        ("diagnoses.icd10", "e11.9", "E11.9"),
        ("diagnoses.icd10", "I10", "I10"),
        ("diagnoses.icd10", "Ｃ３４１", "C34.1"),
        ("prescriptions.yj_code", "2149039f1023", "2149039F1023"),
        ("laboratory_results.jlac10", "3D045-0000-019-062-02", "3D045000001906202"),
        ("laboratory_results.value", "１２．５", 12.5),
        ("laboratory_results.value", "1,234.5", 1234.5),
        ("laboratory_results.value", "-3", -3.0),
        ("laboratory_results.value", "+.5", 0.5),
        ("laboratory_results.value", "1e3", 1000.0),
        ("laboratory_results.value", "―", None),
        ("laboratory_results.value", "N/A", None),
        ("laboratory_results.value_code", "-", "-"),
        ("laboratory_results.value_code", "＋", "+"),
        ("count", "１２", 12),
        ("count", "12.0", 12),
        ("count", "9007199254740993", 9007199254740993),
        ("patients.birth_date", "5060401", date(2024, 4, 1)),
        ("patients.birth_date", "不明", None),
        ("patients.birth_date", "00000000", None),
        ("patients.birth_date", "", None),
        ("patients.sex", "", None),
        ("patients.sex", "male", "male"),
        ("encounters.department", "ＮＵＬＬ", None),
    ],
)
def test_a_text_is_read(name: str, text: str, value: values.Value) -> None:
    assert values.judge(item(name), text) == values.Judged(value)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("patients.birth_date", "2023-02-29", "not-a-date"),
        ("patients.birth_date", "1066-10-14", "out-of-range"),
        ("patients.death_date", "9999-12-31", "out-of-range"),
        ("patients.sex", "1", "not-in-choices"),
        ("patients.sex", "不明", "not-in-choices"),
        ("patients.postal_code", "123-456", "pattern-mismatch"),
        ("diagnoses.icd10", "糖尿病", "pattern-mismatch"),
        ("diagnoses.icd10", "E1", "pattern-mismatch"),
        ("laboratory_results.value", "<0.5", "inequality"),
        ("laboratory_results.value", "＞100", "inequality"),
        ("laboratory_results.value", "≦ 0.1", "inequality"),
        ("laboratory_results.value", "100以上", "inequality"),
        ("laboratory_results.value", "nan", "not-a-number"),
        ("laboratory_results.value", "inf", "not-a-number"),
        ("laboratory_results.value", "1,23", "not-a-number"),
        ("laboratory_results.value", "12 mg", "not-a-number"),
        ("laboratory_results.value", "1e400", "out-of-range"),
        ("laboratory_results.value", "1e300", "out-of-range"),
        ("health_checkups.height", "1.7", "out-of-range"),
        ("health_checkups.height", "300", "out-of-range"),
        ("count", "1.5", "not-an-integer"),
        ("count", "99999999999999999999", "out-of-range"),
        ("count", "-1", "out-of-range"),
    ],
)
def test_a_text_breaks_a_rule(name: str, text: str, rule: str) -> None:
    assert values.judge(item(name), text) == values.Judged(None, rule)


def test_translations_come_first_and_are_complete() -> None:
    sex = item("patients.sex")
    translations = {"1": "male", "9": "", "": "unknown"}
    assert values.judge(sex, " １ ", translations) == values.Judged("male")
    assert values.judge(sex, "9", translations) == values.NOTHING
    assert values.judge(sex, "", translations) == values.Judged("unknown")
    assert values.judge(sex, "female", translations) == values.Judged("female")
    assert values.judge(sex, "3", translations) == values.Judged(None, "unmapped-value")
    department = item("encounters.department")
    assert values.judge(department, "02", {"01": "内科"}) == values.Judged(None, "unmapped-value")
    assert values.judge(department, "内科", {"01": "内科"}) == values.Judged("内科")
    assert values.judge(item("laboratory_results.value"), "12", {"測定不能": ""}) == values.Judged(12.0)


NAMES = [
    "count",
    "patients.local_patient_id",
    "patients.name_kanji",
    "patients.sex",
    "patients.postal_code",
    "patients.birth_date",
    "diagnoses.disease_name",
    "diagnoses.icd10",
    "encounters.department",
    "laboratory_results.value",
    "health_checkups.height",
]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(codec="ascii"), max_size=8),
    st.text(st.sampled_from("0123456789.-+,eE<>０１．－，　 NUL不明以上"), max_size=8),
    st.sampled_from(
        sorted(values.ABSENT | values.ABSENT_DATE | values.ABSENT_MEASURE) + ["不明", "R6.4.1", "male", "E119", '="01"', "170"]
    ),
    st.floats(-1e6, 1e6).map(repr),
    st.integers(-300, 300).map(str),
    st.dates().map(str),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["2024-04-01", "20240401", "R6.4.1", "2024/4/31", "99999999", "00000000", "5060401", "12345"]),
        st.sampled_from([" ", "T", ""]),
        st.sampled_from(["00:00:00", "9:05", "23:59:59.1234", "24:00", "12:60", "00:00:00Z", ""]),
    ),
)


@given(st.sampled_from(NAMES), st.lists(TEXTS, max_size=30), st.booleans())
def test_the_column_reads_as_each_value(name: str, texts: list[str], translated: bool) -> None:
    translations = {"1": "male", "x": ""} if translated else {}
    typed = values.Column(item(name), translations).read(pa.array(texts, pa.string()))
    expected = [values.judge(item(name), text, translations) for text in texts]
    assert typed.values.to_pylist() == [one.value for one in expected]
    assert (typed.rules.to_pylist() if typed.rules is not None else [None] * len(texts)) == [one.rule for one in expected]


@given(st.sampled_from(NAMES), TEXTS)
def test_reading_a_value_again_changes_nothing(name: str, text: str) -> None:
    first = values.judge(item(name), text)
    if first.value is not None:
        assert values.judge(item(name), str(first.value)) == first


def test_a_column_forgets_rather_than_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "REMEMBERED", 3)
    column = values.Column(replace(item("encounters.department")))
    for start in range(0, 20, 5):
        texts = [f"科{number}" for number in range(start, start + 5)]
        assert column.read(pa.array(texts)).values.to_pylist() == texts
        assert len(column._judged) <= 3
