"""Named cases: who is linked, who waits for a person's eye, and who must never be merged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import model, reasons
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.refusals import Refusal

Row = dict[str, object]
MakeTable = Callable[[list[Row]], pa.Table]

HANAKO: Row = {
    "registered_on": date(2021, 4, 1), "name_kanji": "高橋　花子", "name_kana": "タカハシ　ハナコ", "birth_date": date(1971, 5, 3), "sex": "female",
    "postal_code": "220-0012", "address": "神奈川県横浜市西区みなとみらい2丁目3番1号", "phone": "045-123-4567",
    "insurer_number": "06123457", "insured_symbol": "12", "insured_number": "345", "insured_branch": "01",
}  # fmt: skip
ELSEWHERE: Row = {
    "postal_code": "980-0811", "address": "宮城県仙台市青葉区一番町1-2-3", "phone": "022-765-4321",
    "insurer_number": "01130012", "insured_symbol": "77", "insured_number": "9021", "insured_branch": "00",
}  # fmt: skip
NO_HOUSEHOLD: Row = dict.fromkeys(ELSEWHERE)


def judged(con: duckdb.DuckDBPyConnection, make_table: MakeTable, *rows: Row, sites: tuple[str, ...] = ()) -> model.Linked:
    registered = [
        {"registration": f"r{place}", "site_id": (sites or tuple(f"S{n}" for n in range(99)))[place], **row}
        for place, row in enumerate(rows)
    ]
    con.register("handed_in", make_table(registered))
    return model.link(con, "handed_in")


def persons(linked: model.Linked) -> int:
    return len(set(linked.clusters.column("cluster").to_pylist()))


def decisions(linked: model.Linked) -> list[str]:
    return list(linked.pairs.column("decision").to_pylist())


def reasons_of(linked: model.Linked) -> set[str]:
    return {code for codes in linked.pairs.column("reasons").to_pylist() for code in codes}


SAME_PERSON: dict[str, Row] = {
    "another_way_of_writing": {
        "name_kanji": "髙橋花子 様", "name_kana": "ﾀｶﾊｼ ﾊﾅｺ", "sex": "女", "address": "横浜市西区みなとみらい二丁目三番一号 海ビル501", "phone": "０４５(１２３)４５６７",
        "insurer_number": "6123457", "insured_symbol": "", "insured_number": "012-000345", "insured_branch": "1",
    },
    "moved_with_the_same_insurance": {"postal_code": "9800811", "address": "仙台市青葉区一番町1-2-3", "phone": "022-765-4321"},
    "moved_and_changed_insurer_same_mobile": {**ELSEWHERE, "phone": "045-123-4567"},
    "married_with_the_same_insurance": {"name_kanji": "佐藤 花子", "name_kana": "サトウ ハナコ"},
    "kana_missing": {"name_kana": None},
    "kanji_missing": {"name_kanji": None},
    "branch_missing": {"insured_branch": None},
    "birth_date_mistyped_same_number": {"birth_date": date(1971, 5, 8)},
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(SAME_PERSON))
def test_one_person_is_linked(case: str, con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    linked = judged(con, make_table, HANAKO, {**HANAKO, **SAME_PERSON[case]})
    assert decisions(linked) == ["link"]
    assert persons(linked) == 1


NEVER_MERGED: dict[str, Row] = {
    "namesake_with_another_insurance": {**ELSEWHERE},
    "namesake_with_another_insurance_in_the_same_town": {**ELSEWHERE, "postal_code": "2200012", "address": "横浜市西区みなとみらい5-9"},
    "namesake_with_another_family_number": {**ELSEWHERE, "insured_branch": None},
    "name_and_birth_date_alone": {**NO_HOUSEHOLD},
    "twin": {"name_kanji": "高橋 桃子", "name_kana": "タカハシ モモコ", "insured_branch": "02"},
    "twin_without_insurance": {"name_kanji": "高橋 桃子", "name_kana": "タカハシ モモコ", "insurer_number": None, "insured_branch": None},
    "twin_with_a_similar_name": {"name_kanji": "高橋 華奈", "name_kana": "タカハシ ハナ", "insured_branch": None},
    "twin_whose_name_loses_a_small_kana": {"name_kanji": "高橋 花月", "name_kana": "タカハシ ハナッコ", "insured_branch": None},
    "sister_read_alike_with_a_surname_of_her_own": {"name_kanji": "佐藤 華子", "name_kana": "サトウ ハナコ", "insured_branch": None},
    "twin_brother": {"name_kanji": "高橋 太郎", "name_kana": "タカハシ タロウ", "sex": "male", "insured_branch": None},
    "same_name_other_branch": {"insured_branch": "02"},
    "mother_with_the_same_surname": {
        "name_kanji": "高橋 和子",
        "name_kana": "タカハシ カズコ",
        "birth_date": date(1945, 8, 15),
        "insured_branch": "00",
    },
    "married_and_moved": {**ELSEWHERE, "name_kanji": "佐藤 花子", "name_kana": "サトウ ハナコ"},
    "newborn_with_the_mothers_name": {"name_kanji": "高橋花子ベビー", "name_kana": "タカハシハナコベビー", "birth_date": date(2021, 4, 1)},
}


@pytest.mark.parametrize("case", sorted(NEVER_MERGED))
def test_two_persons_or_doubt_is_never_merged(case: str, con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    linked = judged(con, make_table, HANAKO, {**HANAKO, **NEVER_MERGED[case]})
    assert "link" not in decisions(linked)
    assert persons(linked) == 2


@pytest.mark.parametrize(
    ("case", "decision", "reason"),
    [
        ("namesake_with_another_insurance", "review", "contact:both-differ"),
        ("name_and_birth_date_alone", "review", "household:missing"),
        ("same_name_other_branch", "review", "insurance:branch-differs"),
        ("twin", "veto", "rule:twin"),
        ("twin_without_insurance", "veto", "rule:twin"),
    ],
)
def test_doubt_and_veto_say_why(case: str, decision: str, reason: str, con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    linked = judged(con, make_table, HANAKO, {**HANAKO, **NEVER_MERGED[case]})
    assert decisions(linked) == [decision]
    assert reason in reasons_of(linked)


def test_a_newborn_and_the_named_child_wait_for_review(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    born = {**HANAKO, "birth_date": date(2021, 4, 1), "sex": "male", "insured_branch": "02"}
    baby = {**born, "name_kanji": "高橋花子ベビー", "name_kana": "タカハシハナコベビー"}
    named = {**born, "name_kanji": "高橋 蓮", "name_kana": "タカハシ レン"}
    linked = judged(con, make_table, baby, named)
    assert decisions(linked) == ["review"]
    assert "rule:newborn" in reasons_of(linked)


def test_two_registrations_of_one_hospital_need_an_equal_birth_date(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    mistyped = {**HANAKO, "birth_date": date(1971, 5, 8)}
    assert decisions(judged(con, make_table, HANAKO, mistyped, sites=("S1", "S2"))) == ["link"]
    assert decisions(judged(con, make_table, HANAKO, mistyped, sites=("S1", "S1"))) == ["review"]
    assert decisions(judged(con, make_table, HANAKO, HANAKO, sites=("S1", "S1"))) == ["link"]


def test_a_bridge_does_not_join_twins(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    """A registration with one twin's name, and the other's in brackets, would link to both."""
    twin = {**HANAKO, "name_kanji": "高橋 桃子", "name_kana": "タカハシ モモコ", "insured_branch": None}
    first = {**HANAKO, "insured_branch": None}
    bridge = {**first, "name_kanji": "高橋 花子（高橋 桃子）"}
    linked = judged(con, make_table, first, twin, bridge)
    clusters = dict(zip(linked.clusters.column("registration").to_pylist(), linked.clusters.column("cluster").to_pylist(), strict=True))
    assert clusters["r0"] != clusters["r1"]
    assert "rule:cluster" in reasons_of(linked)
    assert sorted(decisions(linked)) == ["link", "review", "veto"]


def test_a_registration_without_birth_date_does_not_join_mother_and_daughter_of_one_name(
    con: duckdb.DuckDBPyConnection, make_table: MakeTable
) -> None:
    """It agrees with both in name and home; their birth years say that they are two."""
    mother = {**HANAKO, "insured_branch": None, "insured_number": HANAKO["insured_number"]}
    daughter = {**mother, "birth_date": date(1998, 3, 10)}
    undated = {**mother, "birth_date": None}
    linked = judged(con, make_table, mother, daughter, undated)
    clusters = dict(zip(linked.clusters.column("registration").to_pylist(), linked.clusters.column("cluster").to_pylist(), strict=True))
    assert clusters["r0"] != clusters["r1"]
    assert "rule:another-generation" in reasons_of(linked)


def test_a_birth_year_that_is_off_by_a_few_is_no_other_generation(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert "rule:another-generation" not in reasons_of(judged(con, make_table, HANAKO, {**HANAKO, "birth_date": date(1974, 11, 20)}))


CHILD: Row = {
    **HANAKO, "name_kanji": "高橋 翔生", "name_kana": "タカハシ ショウキ", "birth_date": date(2015, 10, 21), "sex": "male", "registered_on": date(2021, 9, 1),
    "insured_branch": None,
}  # fmt: skip
READ_ALIKE: Row = {"name_kanji": "高橋 翔樹"}


def test_children_read_alike_and_written_apart_may_be_twins(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    """A slip of the pen looks the same: one branch of the insurance tells, and so does an age at which twins have homes of their own."""
    linked = judged(con, make_table, CHILD, {**CHILD, **READ_ALIKE})
    assert decisions(linked) == ["review"]
    assert "rule:read-alike" in reasons_of(linked)
    grown = {"birth_date": date(1971, 5, 3), "registered_on": date(2021, 4, 1)}
    for certain in ({"insured_branch": "02"}, grown):
        linked = judged(con, make_table, {**CHILD, **certain}, {**CHILD, **READ_ALIKE, **certain})
        assert "rule:read-alike" not in reasons_of(linked)
    undated = judged(con, make_table, {**CHILD, **grown, "registered_on": None}, {**CHILD, **READ_ALIKE, **grown})
    assert "rule:read-alike" in reasons_of(undated), "an unknown age is no proof of one"


def test_names_of_two_twins_that_differ_in_a_small_kana_are_two_names(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    one = {**CHILD, "name_kanji": "中山 里月", "name_kana": "ナカヤマ リツキ"}
    linked = judged(con, make_table, one, {**one, "name_kanji": "中山 里希", "name_kana": "ナカヤマ リキ"})
    assert decisions(linked) == ["veto"] and "rule:twin" in reasons_of(linked)


NGUYEN: Row = {**HANAKO, "name_kanji": None, "name_kana": "NGUYEN THI LAN", "insured_branch": None}


def test_latin_words_in_the_field_of_the_reading_are_a_name(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    """Equal in full, with birth date and home; another given name, another birth date or a surname alone are no certain name."""
    assert decisions(judged(con, make_table, NGUYEN, {**NGUYEN, "name_kana": "Nguyen, Thi Lan"})) == ["link"]
    for other in ({"name_kana": "NGUYEN THI MAI"}, {"birth_date": date(1973, 8, 1)}):
        assert "link" not in decisions(judged(con, make_table, NGUYEN, {**NGUYEN, **other}))
    assert "link" not in decisions(judged(con, make_table, *2 * ({**NGUYEN, "name_kana": "NGUYEN"},)))
    assert "link" not in decisions(judged(con, make_table, *2 * ({**NGUYEN, "name_kana": "NGUYEN T."},)))


def test_weights_of_the_reasons_add_up_and_every_code_is_explained(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    rows = [HANAKO, *({**HANAKO, **changed} for changed in (*SAME_PERSON.values(), *NEVER_MERGED.values()))]
    linked = judged(con, make_table, *rows)
    for pair in linked.pairs.to_pylist():
        assert sum(pair["weights"]) == pytest.approx(pair["weight"], abs=1e-9)
        texts = reasons.explain(pair["reasons"], pair["weights"])
        assert all(text.ja and text.en for text, _ in texts)


def test_reasons_hold_no_value_of_a_patient(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    linked = judged(con, make_table, HANAKO, HANAKO, {**HANAKO, **ELSEWHERE})
    assert reasons_of(linked) <= set(reasons.TEXTS)


def test_nothing_is_left_in_the_connection(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    judged(con, make_table, HANAKO, HANAKO)
    assert con.execute("SHOW TABLES").fetchall() == [("handed_in",)]


def test_no_rows_and_one_row(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert judged(con, make_table).clusters.num_rows == 0
    assert persons(judged(con, make_table, HANAKO)) == 1


def test_fillers_are_no_evidence(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    """One telephone and one birth date on hundreds of registrations say nothing, and must not pair them all."""
    filler: Row = {"phone": "045-000-1111", "birth_date": date(1900, 1, 1), "sex": "male", "postal_code": "2200012"}
    rows: list[Row] = [
        {"registration": f"r{n:04d}", "site_id": f"S{n}", "name_kanji": f"山田 {chr(0x4E00 + n)}", **filler} for n in range(400)
    ]
    con.register("handed_in", make_table(rows))
    linked = model.link(con, "handed_in")
    assert persons(linked) == 400
    assert linked.report["pairs"]["compared"] == 0


def test_empty_registrations_are_persons_of_their_own(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert persons(judged(con, make_table, {}, {}, {})) == 3


def test_a_registration_handed_in_twice_is_refused(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    con.register("handed_in", make_table([{"registration": "r1", "site_id": "S1", **HANAKO}] * 2))
    with pytest.raises(Refusal) as refused:
        model.link(con, "handed_in", LinkageSettings())
    assert refused.value.code == "registration-repeated"
