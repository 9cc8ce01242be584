"""`kiban link` on files: any hospital's encoding in, the same bytes out, damaged files refused by place and not by value."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import by_model, delivering, files, municipalities, parameters, registrations, relinking, review_file
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.refusals import Refusal

KEY = StateKey(bytes(range(32)))
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


def link(paths: list[Path], out: Path, previous: Path | None = None, **options: Any) -> dict[str, Any]:
    return files.link_files(paths, out, previous, **{"key": KEY, "random": random.Random(1).randbytes, **options})


def as_lines(rows: pa.Table) -> list[str]:
    """Registrations of a world as lines of a file."""
    ordered = rows.sort_by("registration")
    table = ordered.append_column("local_patient_id", ordered.column("registration")).to_pylist()
    return [
        ",".join(str(row.get(column) or "").replace(",", " ") for column in registrations.COLUMNS)
        for row in ({**row, "op": "new"} for row in table)
    ]


def groups(out: Path) -> set[frozenset[tuple[str, str]]]:
    by_person: dict[str, set[tuple[str, str]]] = {}
    for registration, person in persons(out).items():
        by_person.setdefault(person, set()).add(registration)
    return {frozenset(each) for each in by_person.values()}


def reviewed(out: Path) -> set[tuple[str, ...]]:
    with (out / "review.csv").open(encoding="utf-8", newline="") as file:
        return {
            tuple(sorted([row["left_local_patient_id"], row["right_local_patient_id"]]) + [row["weight"], row["reasons"]])
            for row in csv.DictReader(file)
        }


def refused(*paths: Path, out: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        link(list(paths), out)
    assert not out.exists()
    return caught.value


def test_three_hospitals_three_encodings(tmp_path: Path) -> None:
    paths = [
        written(tmp_path, "a.csv", HANAKO, encoding="utf-8"),
        written(tmp_path, "b.csv", HANAKO_ELSEWHERE, encoding="cp932"),
        written(tmp_path, "c.csv", NAMESAKE, encoding="utf-8-sig"),
    ]
    report = link(paths, tmp_path / "out")
    found = persons(tmp_path / "out")
    assert found["S1", "0001"] == found["S2", "A-77"] != found["S3", "9"]
    assert (tmp_path / "out" / "persons.csv").read_text(encoding="utf-8").startswith("site_id,local_patient_id,person_id\nS")
    assert [file["encoding"] for file in report["files"]] == ["utf-8", "cp932", "utf-8-bom"]
    assert report["rows"]["birth_date_unreadable"] == 0
    assert report["persons"]["count"] == 2
    assert json.loads((tmp_path / "out" / "report.json").read_bytes()) == report


def test_the_review_file_has_weight_and_reasons_and_no_name(tmp_path: Path) -> None:
    doubtful = NAMESAKE.replace("022-765-4321", "045-123-4567").replace("昭和46年5月3日", "昭和46年5月13日")
    link([written(tmp_path, "a.csv", HANAKO, doubtful)], tmp_path / "out")
    text = (tmp_path / "out" / "review.csv").read_text(encoding="utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert (row["left_site_id"], row["left_local_patient_id"], row["right_site_id"], row["right_local_patient_id"]) == (
        "S1",
        "0001",
        "S3",
        "9",
    )
    assert 0 < float(row["weight"]) < 20
    assert "phone:equal" in row["reasons"]
    assert "電話番号" in row["reasons_ja"]
    assert "花子" not in text
    assert "1971" not in text


def test_same_input_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO, HANAKO_ELSEWHERE, NAMESAKE)
    for out in ("one", "two"):
        link([path], tmp_path / out)
    for name in ("persons.csv", "review.csv", "report.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_only_the_key_columns_are_needed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "S1,1", "S1,2", header="site_id,local_patient_id")
    assert link([path], tmp_path / "out")["persons"]["count"] == 2


def test_a_mapping_renames_a_hospitals_own_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "S1,1,佐藤 花子", header="施設,患者番号,氏名", encoding="cp932")
    mapping = {"施設": "site_id", "患者番号": "local_patient_id", "氏名": "name_kanji"}
    link([path], tmp_path / "out", mapping=mapping)
    assert list(persons(tmp_path / "out")) == [("S1", "1")]


def test_update_replaces_and_delete_removes(tmp_path: Path) -> None:
    wrong = HANAKO_ELSEWHERE.replace("1971/05/03", "1917/05/03").replace("高橋花子", "高橋和子").replace("ﾀｶﾊｼ ﾊﾅｺ", "ﾀｶﾊｼ ｶｽﾞｺ")
    path = written(tmp_path, "a.csv", HANAKO, wrong, HANAKO_ELSEWHERE.replace(",new,", ",update,"), NAMESAKE, "S3,9,delete" + "," * 12)
    report = link([path], tmp_path / "out")
    found = persons(tmp_path / "out")
    assert set(found) == {("S1", "0001"), ("S2", "A-77")}
    assert len(set(found.values())) == 1
    assert (report["rows"]["rows"], report["rows"]["registrations"], report["rows"]["deleted"]) == (5, 2, 1)


def test_a_delivery_equals_linking_all_by_the_same_model(tmp_path: Path, make_world: MakeWorld) -> None:
    """New, corrected and withdrawn registrations, in two deliveries; the counts of names are those of the first run in both ways."""
    lines = as_lines(make_world(31, 400)[0])
    chance = random.Random(4)
    chance.shuffle(lines)
    first, second, third = lines[:500], lines[500:600], lines[600:]
    corrected = [",".join([*old.split(",")[:2], *other.split(",")[2:]]) for old, other in zip(first[:8], third[:8], strict=False)]
    withdrawn = [",".join([*old.split(",")[:2], "delete", *[""] * 12]) for old in first[8:20]]
    link([written(tmp_path, "1.csv", *first)], tmp_path / "one")
    link([written(tmp_path, "2.csv", *second, *corrected)], tmp_path / "two", tmp_path / "one")
    report = link([written(tmp_path, "3.csv", *third, *withdrawn)], tmp_path / "three", tmp_path / "two")
    assert (report["rows"]["added"], report["rows"]["withdrawn"]) == (len(third), 12)
    surviving = [*corrected, *first[20:], *second, *third]
    kept = Kept(tmp_path / "one", KEY, by_model.SHAPE)
    with duckdb.connect() as con:
        received = registrations.read([written(tmp_path, "all.csv", *surviving)])
        (tmp_path / "all").mkdir()
        relinking.link_all(
            con,
            registrations.lay(con, received),
            None,
            tmp_path / "one" / "model.json",
            tmp_path / "all",
            KEY,
            chance.randbytes,
            None,
            lambda *_: None,
            by_model.frozen_of(kept),
        )
    assert groups(tmp_path / "three") == groups(tmp_path / "all")
    assert reviewed(tmp_path / "three") == reviewed(tmp_path / "all")
    assert any(len(group) > 2 for group in groups(tmp_path / "three"))
    assert len(reviewed(tmp_path / "three")) > 3


def test_a_delivery_reads_addresses_by_the_municipalities_of_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "one")
    kept = Kept(tmp_path / "one", KEY, by_model.SHAPE)
    assert delivering.mergers_of(kept).gazetteer == municipalities.installed()
    kept.close()

    def nobody() -> municipalities.Gazetteer:
        raise AssertionError("the installed list was asked")

    monkeypatch.setattr(municipalities, "installed", nobody)
    moved = "S3,9,new,2024-04-01,高橋花子,タカハシハナコ,1971-05-03,2,2200012,神奈川県横浜市西区みなとみらい2-3" + "," * 5
    report = link([written(tmp_path, "b.csv", moved)], tmp_path / "two", tmp_path / "one")
    assert report["rows"]["added"] == 1


def test_handing_in_what_is_known_changes_nothing(tmp_path: Path, make_world: MakeWorld) -> None:
    path = written(tmp_path, "a.csv", *as_lines(make_world(7, 120)[0]))
    link([path], tmp_path / "one")
    report = link([path], tmp_path / "two", tmp_path / "one")
    assert (report["rows"]["added"], report["rows"]["corrected"], report["events"]) == (0, 0, [])
    assert report["rows"]["unchanged"] == report["rows"]["rows"]
    for name in ("persons.csv", "review.csv", "model.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_linking_anew_under_a_model_keeps_ids_and_lists_differences(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO, HANAKO_ELSEWHERE, NAMESAKE)
    link([path], tmp_path / "one")
    strict = replace(parameters.read((tmp_path / "one" / "model.json").read_text(), ""), link_weight=1e6)
    (tmp_path / "model.json").write_text(json.dumps(strict.as_json()))
    apart = written(tmp_path, "b.csv", "S1,0001,new,2021-04-01,髙橋 花子,タカハシ ハナコ,S46.5.3,女" + "," * 7, HANAKO_ELSEWHERE, NAMESAKE)
    report = link([apart], tmp_path / "two", tmp_path / "one", model=tmp_path / "model.json", key=StateKey(bytes(32)))
    before, after = persons(tmp_path / "one"), persons(tmp_path / "two")
    assert after["S1", "0001"] == before["S1", "0001"] == before["S2", "A-77"]
    assert after["S3", "9"] == before["S3", "9"]
    assert after["S2", "A-77"] not in before.values()
    assert [(each["kind"], each["left_local_patient_id"], each["right_local_patient_id"]) for each in report["differences"]] == [
        ("parted", "0001", "A-77")
    ]
    (difference,) = report["differences"]
    assert difference["because"] == "doubtful" and sum(difference["weights"]) == pytest.approx(difference["weight"], abs=1e-9)
    assert report["agreement"] == {"pairs": 1, "differ": 1, "share": 0.0}
    assert [event["kind"] for event in report["events"]] == ["split"]


def test_a_state_needs_its_key_and_an_outcome_its_state(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO)
    link([path], tmp_path / "one")
    with pytest.raises(Refusal, match="linkage-state-key-missing") as caught:
        link([path], tmp_path / "two", tmp_path / "one", key=StateKey(bytes(32)))
    assert "--key-file" in caught.value.read("en")
    shutil.rmtree(tmp_path / "one" / "state")
    with pytest.raises(Refusal, match="linkage-state-missing"):
        link([path], tmp_path / "two", tmp_path / "one")
    assert not (tmp_path / "two").exists()


def test_an_interrupted_run_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.csv", HANAKO)
    link([path], tmp_path / "out")
    before = (tmp_path / "out" / "persons.csv").read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(review_file, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        link([written(tmp_path, "b.csv", NAMESAKE)], tmp_path / "out")
    assert (tmp_path / "out" / "persons.csv").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "b.csv", "out"]


def test_an_outcome_can_take_the_place_of_the_one_before(tmp_path: Path) -> None:
    link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "out")
    link([written(tmp_path, "b.csv", HANAKO_ELSEWHERE)], tmp_path / "out", tmp_path / "out")
    link([written(tmp_path, "c.csv", NAMESAKE)], tmp_path / "out", tmp_path / "out")
    found = persons(tmp_path / "out")
    assert found["S1", "0001"] == found["S2", "A-77"] != found["S3", "9"]


def test_a_given_connection_is_left_as_it_was(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "out", con=con)
    link([written(tmp_path, "b.csv", HANAKO_ELSEWHERE)], tmp_path / "next", tmp_path / "out", con=con)
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
        link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "out", previous=tmp_path)
    assert caught.value.code == "linkage-state-missing"
    link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "out")
    with pytest.raises(Refusal) as caught:
        link([written(tmp_path, "a.csv", HANAKO)], tmp_path / "next", previous=tmp_path, model=tmp_path / "out" / "model.json")
    assert caught.value.code == "linkage-previous-unusable"


def test_an_unreadable_date_is_counted_and_says_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", HANAKO.replace("S46.5.3", "S99.13.40"), HANAKO_ELSEWHERE)
    assert link([path], tmp_path / "out")["rows"]["birth_date_unreadable"] == 1


BEFORE_THE_MERGER = "S1,1,new,2003-04-01,髙橋 花子,タカハシ ハナコ,1971-05-03,女,,埼玉県岩槻市本町3-2-5,048-756-1111,06123457,12,345,"
AFTER_THE_MERGER = "S2,2,new,2016-01-05,高橋花子,ﾀｶﾊｼ ﾊﾅｺ,1971/05/03,2,,さいたま市岩槻区本町三丁目２番５号,048-757-9999,01130012,77,9021,"


def test_a_table_of_mergers_is_kept_for_later_deliveries(tmp_path: Path) -> None:
    table = tmp_path / "mergers.csv"
    table.write_text("prefecture,old,new,in_force\n埼玉県,岩槻市,さいたま市岩槻区,2005-04-01\n", encoding="utf-8")
    first, second = written(tmp_path, "1.csv", BEFORE_THE_MERGER), written(tmp_path, "2.csv", AFTER_THE_MERGER)
    link([first, second], tmp_path / "without")
    link([first, second], tmp_path / "with", mergers=table)
    link([first], tmp_path / "base", mergers=table)
    link([second], tmp_path / "delivered", tmp_path / "base")
    assert len(set(persons(tmp_path / "without").values())) == 2
    assert len(set(persons(tmp_path / "with").values())) == 1
    assert len(set(persons(tmp_path / "delivered").values())) == 1


def test_an_unusable_table_of_mergers_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    table = tmp_path / "mergers.csv"
    table.write_text("prefecture,old,new,in_force\n埼玉県,岩槻市,さいたま市岩槻区,平成の春\n", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        link([written(tmp_path, "1.csv", BEFORE_THE_MERGER)], tmp_path / "out", mergers=table)
    assert refused.value.code == "linkage-mergers-unusable"
    assert not (tmp_path / "out").exists()


def test_a_file_of_many_pieces_is_read_as_one_of_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        f'H1,{place},,2020-01-0{place % 9 + 1},"田中　太郎 ","タナカ\nタロウ",1950-01-01,male,,"東京都, 港区",,,,,' for place in range(300)
    ]
    path = written(tmp_path, "many.csv", *lines)
    broken = written(tmp_path, "broken.csv", *lines, "H1,x,too,short", *lines)
    empty = written(tmp_path, "empty.csv", *lines, ",".join(["H1", "", *[""] * 13]))
    whole, told = registrations.read([path]), [_refusal(file) for file in (broken, empty)]
    monkeypatch.setattr(registrations, "_PIECE", 4096)
    pieces = registrations.read([path])
    assert pieces.rows.column("name_kanji").num_chunks > whole.rows.column("name_kanji").num_chunks
    assert pieces.rows.combine_chunks().equals(whole.rows.combine_chunks()) and pieces.files == whole.files
    assert [_refusal(file) for file in (broken, empty)] == told
    assert [(code, particulars["row"]) for code, particulars in told] == [
        ("registrations-row-malformed", 302),
        ("registrations-key-empty", 301),
    ]


def _refusal(file: Path) -> tuple[str, dict[str, object]]:
    with pytest.raises(Refusal) as caught:
        registrations.read([file])
    return caught.value.code, caught.value.particulars
