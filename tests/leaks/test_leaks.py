"""After everything has happened once: no identifier value of any input row stands anywhere but in the sealed vault."""

from __future__ import annotations

import json
from pathlib import Path

import originals
import persons
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import search
from originals import Originals
from search import Search, report


def test_package_holds_no_identifier(told, inside: Search) -> None:
    found = inside.folder(told.package)
    assert not found, report(found)


def test_package_tells_nothing_of_the_method(told) -> None:
    """No word of the plan, the evidence or the operator's report: neither a parameter's name nor a class, a bound or a digest."""
    written = {path: path.read_bytes() for path in told.package.rglob("*") if path.suffix in (".json", ".html", ".md", ".txt")}
    names = {path.name for path in written}
    assert {"utility.json", "utility.ja.html", "utility.en.html"} <= names and not {
        "evidence.json",
        "report.json",
        "report.ja.html",
    } & names
    folder = told.home / "deliver" / "releases" / told.release
    evidence = json.loads((folder / "evidence.json").read_bytes())
    words = [
        "suppress",
        "threshold",
        "prosecutor",
        "marketer",
        "journalist",
        "joint class",
        "known_events",
        "pycanon",
        "k_asked",
        "loss_geometric",
    ]
    words += ["k-匿名", "再識別", "突合", "ずらす幅", "準識別子", "抑制", evidence["plan"]["digest"], *evidence["reports"].values()]
    words += [one["check"] for one in evidence["verdicts"] if "-" in one["check"]]
    assert [(path.name, word) for path, content in written.items() for word in words if word.encode() in content.lower()] == []
    sizes = {one["persons"] for one in evidence["risk"]["reidentification"]["classes"]}
    assert sizes and "classes" not in (told.package / "data" / "utility.json").read_text("utf-8")


def test_sealed_packages_hold_no_identifier_in_clear(told, inside: Search) -> None:
    """Of the release that was delivered and of the one that was refused at the last."""
    sealed = sorted((told.home / "deliver").rglob("package.tar.age"))
    assert len(sealed) == 2
    found = {one for path in sealed for one in inside.file(path, path.name)}
    assert not found, report(found)


def test_log_and_console_hold_no_identifier(told, around: Search) -> None:
    assert (told.said / "log").stat().st_size > 1_000_000  # logging was really on
    assert (told.said / "stdout").stat().st_size > 10_000
    found = around.folder(told.said)
    assert not found, report(found)


@pytest.mark.parametrize("export", ["ledger-export", "second-export"])
def test_exported_ledger_holds_no_identifier(told, around: Search, export: str) -> None:
    found = around.folder(told.home / export)
    assert not found, report(found)


def test_control_database_holds_no_patient(told, around: Search) -> None:
    """Hospitals' particulars and staff stand in it, as the law requires; no value of a patient does."""
    files = sorted(told.home.glob("control.db*"))
    found = {one for path in files for one in around.file(path, path.name)}
    assert not found, report(found)


def test_every_other_file_of_the_home_holds_no_identifier(told, around: Search) -> None:
    found = around.folder(told.home, without=told.home / "recipient")
    assert not found, report(found)


def test_temporary_folders_hold_nothing_at_all(told, around: Search) -> None:
    found = around.folder(told.left)
    assert not found, report(found)
    assert [path.name for path in (told.left / "tmp").rglob("*") if path.is_file()] == []
    assert [path for path in told.home.rglob("engine*/*") if path.is_file()] == []


def test_reports_of_the_stand_alone_linkage_hold_no_more_than_numbers(told, given: Originals) -> None:
    """`persons.csv` and `review.csv` say which registration is whose, by the hospital's own numbers; the report does not say even that."""
    numbers = "\n".join(given.values[originals.PATIENT])  # `0350` may be somebody's insured symbol as well
    of_people = Search(given, numbers, search.BESIDE_THE_TABLES - {originals.PATIENT})
    assert {path.name for path in told.linked.iterdir()} == {"persons.csv", "review.csv", "report.json", "model.json", "state"}
    found = of_people.folder(told.linked)
    assert not found, report(found)
    found = Search(given, "", search.BESIDE_THE_TABLES).file(told.linked / "report.json", "report.json")
    assert not found, report(found)
    assert len((told.linked / "persons.csv").read_text("utf-8").splitlines()) > 800


def test_dates_of_each_person_are_moved_together(told, given: Originals) -> None:
    people = persons.secret_map(told.home, told.release, given)
    found, judged = persons.judge(told.package, people, persons.days_of_source(given))
    assert not found, report(found)
    assert judged > 20_000
    assert sum(person.weeks == 0 for person in people.values()) < 0.06 * len(people)


def test_csv_and_parquet_are_the_same_rows(told) -> None:
    """What was judged in the one form holds for the other."""
    for parquet in sorted((told.package / "data" / "parquet").iterdir()):
        table = pq.read_table(parquet)
        read = pa_csv.read_csv(
            told.package / "data" / "csv" / f"{parquet.stem}.csv",
            convert_options=pa_csv.ConvertOptions(
                column_types=dict(zip(table.schema.names, table.schema.types, strict=True)), strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )  # fmt: skip
        assert read.equals(pa.table(table.columns, names=table.schema.names)), parquet.stem


def test_columns_released_are_those_of_the_plan(told) -> None:
    """A column of an identifier is not there, not even empty."""
    forbidden = {item for item in originals.OF_ITEM if item != "encounter_id"} | {"registered_on", "birth_date"}
    for parquet in sorted((told.package / "data" / "parquet").iterdir()):
        assert not forbidden & set(pq.read_schema(parquet).names), parquet.name
    declared = json.loads((told.package / "data" / "datapackage.json").read_bytes())
    assert not forbidden & {field["name"] for resource in declared["resources"] for field in resource["schema"]["fields"]}


def test_search_leaves_out_next_to_nothing(around: Search, inside: Search) -> None:
    """What the allowed texts excuse: days that are periods or notices as well, and the towns of the hospitals. No name, no number."""
    assert around.permitted <= {originals.DAY, originals.BIRTH, originals.ADDRESS}
    assert not inside.permitted
    assert inside.values > 100_000


def test_vault_is_noise_without_its_keys(told) -> None:
    files: list[Path] = [path for path in told.home.rglob("*.parquet") if told.home / "recipient" not in path.parents]
    assert len(files) > 30
    for path in files:
        with pytest.raises(OSError, match="encrypted|PARE|magic"):
            pq.read_table(path)
