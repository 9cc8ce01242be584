"""`kiban link` on files: any hospital's encoding in, the same bytes out, damaged files refused by place and not by value."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import files, registrations
from kiban_processing.refusals import Refusal

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]

HEADER = ",".join(registrations.COLUMNS)
HANAKO = "S1,0001,new,2021-04-01,髙橋 花子,タカハシ ハナコ,S46.5.3,女,220-0012,横浜市西区みなとみらい2-3-1,045-123-4567,06123457,12,345,01"
HANAKO_ELSEWHERE = (
    "S2,A-77,new,20220105,高橋花子,ﾀｶﾊｼ ﾊﾅｺ,1971/05/03,2,2200012,横浜市西区みなとみらい二丁目３番１号,0451234567,6123457,012,000345,1"
)
NAMESAKE = (
    "S3,9,new,2022-01-05,高橋　花子,タカハシ　ハナコ,昭和46年5月3日,F,980-0811,仙台市青葉区一番町1-2-3,022-765-4321,01130012,77,9021,00"
)


def written(folder: Path, name: str, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\r\n".join([header, *lines, ""]).encode(encoding))
    return path


def persons(out: Path) -> dict[tuple[str, str], str]:
    with (out / "persons.csv").open(encoding="utf-8", newline="") as file:
        return {(row["site_id"], row["local_patient_id"]): row["person_id"] for row in csv.DictReader(file)}


def refused(*paths: Path, out: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        files.link_files(paths, out)
    assert not out.exists()
    return caught.value


def test_three_hospitals_three_encodings(tmp_path: Path) -> None:
    paths = [
        written(tmp_path, "a.csv", HANAKO, encoding="utf-8"),
        written(tmp_path, "b.csv", HANAKO_ELSEWHERE, encoding="cp932"),
        written(tmp_path, "c.csv", NAMESAKE, encoding="utf-8-sig"),
    ]
    report = files.link_files(paths, tmp_path / "out")
    found = persons(tmp_path / "out")
    assert found["S1", "0001"] == found["S2", "A-77"] != found["S3", "9"]
    assert (tmp_path / "out" / "persons.csv").read_text(encoding="utf-8").startswith("site_id,local_patient_id,person_id\nS")
    assert [file["encoding"] for file in report["files"]] == ["utf-8", "cp932", "utf-8-bom"]
    assert report["rows"]["birth_date_unreadable"] == 0
    assert report["persons"]["count"] == 2
    assert json.loads((tmp_path / "out" / "report.json").read_bytes()) == report


def test_the_review_file_has_weight_and_reasons_and_no_name(tmp_path: Path) -> None:
    files.link_files([written(tmp_path, "a.csv", HANAKO, NAMESAKE)], tmp_path / "out")
    text = (tmp_path / "out" / "review.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert (row["left_site_id"], row["left_local_patient_id"], row["right_site_id"], row["right_local_patient_id"]) == (
        "S1",
        "0001",
        "S3",
        "9",
    )
    assert float(row["weight"]) > 8
    assert "insurance:contradicts" in row["reasons"]
    assert "被保険者番号が異なり" in row["reasons_ja"]
    assert "花子" not in text
    assert "1971" not in text


def test_same_input_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO, HANAKO_ELSEWHERE, NAMESAKE)
    for out in ("one", "two"):
        files.link_files([path], tmp_path / out)
    for name in ("persons.csv", "review.csv", "report.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_only_the_key_columns_are_needed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "S1,1", "S1,2", header="site_id,local_patient_id")
    assert files.link_files([path], tmp_path / "out")["persons"]["count"] == 2


def test_a_mapping_renames_a_hospitals_own_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "S1,1,佐藤 花子", header="施設,患者番号,氏名", encoding="cp932")
    mapping = {"施設": "site_id", "患者番号": "local_patient_id", "氏名": "name_kanji"}
    files.link_files([path], tmp_path / "out", mapping=mapping)
    assert list(persons(tmp_path / "out")) == [("S1", "1")]


def test_update_replaces_and_delete_removes(tmp_path: Path) -> None:
    wrong = HANAKO_ELSEWHERE.replace("1971/05/03", "1917/05/03").replace("高橋花子", "高橋和子").replace("ﾀｶﾊｼ ﾊﾅｺ", "ﾀｶﾊｼ ｶｽﾞｺ")
    path = written(tmp_path, "a.csv", HANAKO, wrong, HANAKO_ELSEWHERE.replace(",new,", ",update,"), NAMESAKE, "S3,9,delete" + "," * 12)
    report = files.link_files([path], tmp_path / "out")
    found = persons(tmp_path / "out")
    assert set(found) == {("S1", "0001"), ("S2", "A-77")}
    assert len(set(found.values())) == 1
    assert (report["rows"]["rows"], report["rows"]["registrations"], report["rows"]["deleted"]) == (5, 2, 1)


def test_ids_stay_when_more_data_arrive(tmp_path: Path, make_world: MakeWorld) -> None:
    rows, _truth = make_world(31, 300)
    table = rows.sort_by("registration").append_column("local_patient_id", rows.sort_by("registration").column("registration"))
    lines = [
        ",".join(str(row.get(column) or "").replace(",", " ") for column in registrations.COLUMNS)
        for row in ({**row, "op": "new"} for row in table.to_pylist())
    ]
    early = written(tmp_path, "early.csv", *lines[: len(lines) // 2])
    late = written(tmp_path, "late.csv", *lines[len(lines) // 2 :])
    files.link_files([early], tmp_path / "first")
    report = files.link_files([early, late], tmp_path / "second", previous=tmp_path / "first")
    before, after = persons(tmp_path / "first"), persons(tmp_path / "second")
    ended = set(report["persons"]["retired"])
    assert len(after) == len(lines)
    assert any(event["kind"] == "merge" for event in report["events"])
    assert all(after[key] == person for key, person in before.items() if person not in ended)
    again = files.link_files([early, late], tmp_path / "third", previous=tmp_path / "second")
    assert persons(tmp_path / "third") == after
    assert again["events"] == []
    assert set(again["persons"]["retired"]) == ended


def test_a_split_off_person_never_takes_an_id_that_was_in_use(tmp_path: Path) -> None:
    """The new ID comes from the first registration, whose digest may already name the person it leaves."""
    together = written(tmp_path, "a.csv", HANAKO, HANAKO_ELSEWHERE)
    files.link_files([together], tmp_path / "first")
    only = (tmp_path / "first" / "persons.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "first" / "persons.csv").write_text("\n".join([only[0], only[2], only[1], ""]), encoding="utf-8")
    apart = written(tmp_path, "b.csv", HANAKO, NAMESAKE.replace("S3,9", "S2,A-77"))
    files.link_files([apart], tmp_path / "second", previous=tmp_path / "first")
    before, after = persons(tmp_path / "first"), persons(tmp_path / "second")
    assert after["S2", "A-77"] == before["S2", "A-77"]
    assert after["S1", "0001"] != after["S2", "A-77"]


def test_given_ids_and_a_given_connection_are_used(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    path = written(tmp_path, "a.csv", HANAKO)
    files.link_files([path], tmp_path / "out", new_id=lambda first: "ID-" + first.replace("\x1f", "-"), con=con)
    assert persons(tmp_path / "out") == {("S1", "0001"): "ID-S1-0001"}
    assert con.execute("SHOW TABLES").fetchall() == []


@pytest.mark.parametrize("marked", [False, True])
def test_a_damaged_byte_is_refused_with_its_place(tmp_path: Path, marked: bool) -> None:
    path = written(tmp_path, "hurt.csv", HANAKO, HANAKO_ELSEWHERE, encoding="utf-8-sig" if marked else "utf-8")
    raw = path.read_bytes()
    offset = raw.index("高橋花子".encode()) + 1
    path.write_bytes(raw[:offset] + b"\xff" + raw[offset + 1 :])
    refusal = refused(path, out=tmp_path / "out")
    assert refusal.code == "registrations-undecodable"
    assert refusal.particulars["row"] == 3
    assert abs(int(str(refusal.particulars["offset"])) - offset) <= 1
    assert "花子" not in refusal.read("ja")


def test_a_byte_that_is_no_cp932_is_refused_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, "hurt.csv", HANAKO_ELSEWHERE, encoding="cp932")
    raw = path.read_bytes()
    offset = raw.index("高橋".encode("cp932"))
    path.write_bytes(raw[:offset] + b"\xff\xff" + raw[offset + 2 :])
    refusal = refused(path, out=tmp_path / "out")
    assert (refusal.code, refusal.particulars["offset"], refusal.particulars["row"]) == ("registrations-undecodable", offset, 2)


@pytest.mark.parametrize(
    ("content", "code", "row"),
    [
        ("local_patient_id,sex\n1,男\n", "registrations-column-missing", None),
        ("site_id,local_patient_id,blood_type\nS1,1,A\n", "registrations-column-unknown", None),
        ("site_id,local_patient_id,sex,sex\nS1,1,男,男\n", "registrations-column-unknown", None),
        ("site_id,local_patient_id\nS1,1\nS1,\n", "registrations-key-empty", 2),
        ("site_id,local_patient_id,op\nS1,1,new\nS1,2,merge\n", "registrations-operation-unknown", 2),
        ("site_id,local_patient_id\nS1,1\nS1,2,extra\n", "registrations-row-malformed", 3),
        ("", "registrations-malformed", None),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path: Path, content: str, code: str, row: int | None) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content, encoding="utf-8")
    refusal = refused(path, out=tmp_path / "out")
    assert refusal.code == code
    assert refusal.particulars["file"] == "odd.csv"
    assert refusal.particulars.get("row") == row


def test_a_missing_file_no_file_and_a_strange_previous_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere.csv", out=tmp_path / "out").code == "registrations-unreadable"
    assert refused(out=tmp_path / "out").code == "linkage-no-files"
    with pytest.raises(Refusal) as caught:
        files.link_files([written(tmp_path, "a.csv", HANAKO)], tmp_path / "out", previous=tmp_path)
    assert caught.value.code == "linkage-previous-unusable"


def test_an_unreadable_date_is_counted_and_says_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO.replace("S46.5.3", "S99.13.40"), HANAKO_ELSEWHERE)
    assert files.link_files([path], tmp_path / "out")["rows"]["birth_date_unreadable"] == 1
