"""The leak test can fail: values planted one by one, in every place and many writings, are found and named by file and kind alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import jaconv
import originals
import persons
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import search
from originals import Originals
from search import Found, Search, report


@dataclass(frozen=True, repr=False)
class Victim:
    """One patient of the source, whose values are planted."""

    row: dict[str, str]

    def __getitem__(self, item: str) -> str:
        return self.row[item]


@pytest.fixture
def victim(given: Originals) -> Victim:
    """Of the first hospital: long enough a name, a building in the address, everything else filled."""
    rows = given.rows["H001", "patients"]
    return Victim(
        next(row for row in rows if len(row["name_kanji"]) >= 5 and "\u3000" in row["address"] and all(row[i] for i in row if i != "*"))
    )


@pytest.fixture
def package(told, tmp_path: Path) -> Path:
    copy = tmp_path / "package"
    shutil.copytree(told.package, copy)
    return copy


def kinds_at(found: set[Found], file: str) -> set[str]:
    return {one.kind for one in found if one.file == file}


def nospace(text: str) -> str:
    return text.replace("\u3000", "").replace(" ", "")


WRITINGS: dict[str, tuple[str, Callable[[Victim], str]]] = {
    "name as sent": (originals.NAME, lambda v: v["name_kanji"]),
    "name without a space": (originals.NAME, lambda v: nospace(v["name_kanji"])),
    "name with a dot between": (originals.NAME, lambda v: v["name_kanji"].replace("\u3000", "・")),
    "kana in half width": (originals.NAME, lambda v: v["name_kana"]),
    "kana in full width": (originals.NAME, lambda v: jaconv.h2z(nospace(v["name_kana"]))),
    "hiragana": (originals.NAME, lambda v: jaconv.kata2hira(jaconv.h2z(v["name_kana"]))),
    "hiragana, decomposed": (originals.NAME, lambda v: unicodedata.normalize("NFD", jaconv.kata2hira(jaconv.h2z(v["name_kana"])))),
    "escaped for JSON": (originals.NAME, lambda v: json.dumps(v["name_kanji"])),
    "phone": (originals.PHONE, lambda v: v["phone"]),
    "phone, digits only": (originals.PHONE, lambda v: v["phone"].replace("-", "")),
    "postal code with a hyphen": (originals.POSTAL, lambda v: f"{v['postal_code'][:3]}-{v['postal_code'][3:]}"),
    "address": (originals.ADDRESS, lambda v: v["address"]),
    "address in other digits": (originals.ADDRESS, lambda v: jaconv.h2z(nospace(v["address"]), digit=True)),
    "building": (originals.ADDRESS, lambda v: v["address"].partition("\u3000")[2]),
    "local patient ID": (originals.PATIENT, lambda v: v["local_patient_id"]),
    "insured number": (originals.INSURANCE, lambda v: v["insured_number"]),
}  # fmt: skip
ANYWHERE = pytest.mark.parametrize("writing", WRITINGS)


@ANYWHERE
def test_in_a_document_of_the_package(package: Path, inside: Search, victim: Victim, writing: str) -> None:
    kind, write = WRITINGS[writing]
    with (package / "data" / "README.md").open("a", encoding="utf-8") as file:
        file.write(f"| {write(victim)} |\n")
    found = inside.file(package / "data" / "README.md", "data/README.md")
    assert kind in kinds_at(found, "data/README.md"), f"not found: {writing}"
    assert write(victim) not in report(found)


@ANYWHERE
def test_in_a_line_of_the_log(around: Search, victim: Victim, tmp_path: Path, writing: str) -> None:
    kind, write = WRITINGS[writing]
    (tmp_path / "log").write_text(f"WARNING:kiban:row 12 of patients: {write(victim)} is not valid\n", encoding="utf-8")
    found = around.folder(tmp_path)
    assert kinds_at(found, "log") == {kind}, f"not found: {writing}"


@pytest.mark.parametrize("day", ["S49.09.17", "1974-09-17", "19740917", "昭和49年9月17日", "1974/9/17"])
def test_birth_date_in_a_log(around: Search, given: Originals, tmp_path: Path, day: str) -> None:
    assert any(row["birth_date"] == "S49.09.17" for row in given.rows["H001", "patients"])
    (tmp_path / "log").write_text(f"INFO born={day};\n", encoding="utf-8")
    assert originals.BIRTH in kinds_at(around.folder(tmp_path), "log")


@pytest.mark.parametrize("encoding", ["cp932", "utf-16-le"])
def test_in_a_forgotten_temporary_file(around: Search, victim: Victim, tmp_path: Path, encoding: str) -> None:
    spilled = b"\x00\xff\x01" + victim["name_kanji"].encode(encoding) + b"\xfe\x02" + victim["address"].encode(encoding)
    (tmp_path / "duckdb_temp_storage-0.tmp").write_bytes(spilled)
    assert kinds_at(around.folder(tmp_path), "duckdb_temp_storage-0.tmp") >= {originals.NAME, originals.ADDRESS}


def test_in_a_revealed_text_of_the_ledger(told, around: Search, victim: Victim, tmp_path: Path) -> None:
    copy = tmp_path / "export"
    shutil.copytree(told.home / "ledger-export", copy)
    (reveals,) = [path for path in copy.rglob("*") if path.is_file() and "reveal" in path.name]
    reveals.write_bytes(reveals.read_bytes() + json.dumps({"seq": 1, "field": "note", "text": victim["name_kana"]}).encode() + b"\n")
    found = around.folder(copy)
    assert kinds_at(found, reveals.name) == {originals.NAME}
    assert victim["name_kana"] not in report(found)


def test_in_the_control_database(told, around: Search, given: Originals, tmp_path: Path) -> None:
    """A local ID of four digits, which only a whole cell can be."""
    shutil.copyfile(told.home / "control.db", tmp_path / "control.db")
    short = given.rows["H003", "patients"][5]["local_patient_id"]
    assert len(short) == 4
    with sqlite3.connect(tmp_path / "control.db") as db:
        db.execute("CREATE TABLE forgotten (patient TEXT)")
        db.execute("INSERT INTO forgotten VALUES (?)", [short])
    db.close()
    assert kinds_at(around.folder(tmp_path), "control.db") == {originals.PATIENT}


def replace_cells(path: Path, column: str, cells: list[object], kind: pa.DataType) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, pa.array(cells, kind)), path, compression="zstd")


@pytest.mark.parametrize(
    ("item", "kind"),
    [("name_kanji", originals.NAME), ("local_patient_id", originals.PATIENT), ("insured_symbol", originals.INSURANCE)],
)
def test_in_a_cell_of_a_released_table(package: Path, inside: Search, victim: Victim, item: str, kind: str) -> None:
    """In a column of codes of a Parquet file, compressed, so that only reading it brings it to light."""
    path = package / "data" / "parquet" / "encounters.parquet"
    cells = pq.read_table(path).column("department").to_pylist()
    replace_cells(path, "department", [victim[item], *cells[1:]], pa.string())
    assert kind in kinds_at(inside.file(path, "data/parquet/encounters.parquet"), "data/parquet/encounters.parquet")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("千葉県船橋市", originals.MUNICIPALITY), ("星霜大学医学部附属病院", originals.HOSPITAL), ("H001", originals.HOSPITAL)],
)
def test_places_and_hospitals_in_a_released_table(package: Path, inside: Search, value: str, kind: str) -> None:
    path = package / "data" / "csv" / "patients.csv"
    header, first, *rest = path.read_text(encoding="utf-8-sig").splitlines()
    cells = first.split(",")
    cells[header.split(",").index("residence")] = value
    path.write_text("\r\n".join([header, ",".join(cells), *rest]), encoding="utf-8-sig")
    assert kind in kinds_at(inside.file(path, "data/csv/patients.csv"), "data/csv/patients.csv")


def test_a_linking_code_that_was_not_replaced(package: Path, inside: Search, given: Originals) -> None:
    path = package / "data" / "parquet" / "diagnoses.parquet"
    cells = pq.read_table(path).column("encounter_id").to_pylist()
    replace_cells(path, "encounter_id", [given.rows["H002", "diagnoses"][0]["encounter_id"], *cells[1:]], pa.string())
    assert originals.LINKING in kinds_at(inside.file(path, "data/parquet/diagnoses.parquet"), "data/parquet/diagnoses.parquet")


@pytest.mark.parametrize("weeks", [None, 1], ids=["true day", "another shift"])
def test_days_of_one_person_that_are_not_moved_as_all_others(told, given: Originals, package: Path, weeks: int | None) -> None:
    people = persons.secret_map(told.home, told.release, given)
    path = package / "data" / "parquet" / "prescriptions.parquet"
    table = pq.read_table(path)
    person = next(one for one in table.column("person").to_pylist() if people[one].weeks not in (0, 1))
    back = timedelta(weeks=weeks if weeks is not None else people[person].weeks)
    days = [
        day - back if one == person else day
        for one, day in zip(table.column("person").to_pylist(), table.column("prescribed_on").to_pylist(), strict=True)
    ]
    assert pc.sum(pc.equal(table.column("person"), person)).as_py()
    replace_cells(path, "prescribed_on", days, pa.date32())
    found, _ = persons.judge(package, people, persons.days_of_source(given))
    assert {one.file for one in found} == {"prescriptions.parquet"}


def test_in_the_name_of_a_file(around: Search, victim: Victim, tmp_path: Path) -> None:
    (tmp_path / f"{victim['local_patient_id']}.csv").write_text("nothing", encoding="utf-8")
    assert originals.PATIENT in kinds_at(around.folder(tmp_path), "a file's name")


def test_a_number_inside_a_digest_is_no_find(around: Search, victim: Victim, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"sha256:9c{victim['local_patient_id']}e41a and f{victim['phone'].replace('-', '')}0\n", encoding="utf-8")
    assert not around.folder(tmp_path)


def test_needles_find_what_a_plain_search_finds(given: Originals) -> None:
    """The fast search against the obvious one, on texts made of pieces of the values."""
    values = sorted(given.values[originals.NAME])[:200] + sorted(given.values[originals.PHONE])[:200]
    kinds = {value.encode(): "x" for value in values if len(value.encode()) >= search.SHORTEST}
    content = " ".join(value[:-1] if number % 3 else value for number, value in enumerate(values)).encode()
    plainly = {value for value in kinds if any(search._stands_alone(content, at, value) for at in places(content, value))}
    assert {value for value, _ in search.Needles(kinds).find(content)} == plainly
    assert len(plainly) > 100


def places(content: bytes, value: bytes) -> list[int]:
    found, at = [], content.find(value)
    while at >= 0:
        found.append(at)
        at = content.find(value, at + 1)
    return found
