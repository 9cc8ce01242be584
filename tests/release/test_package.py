"""The package: a valid bag, the same bytes for the same release, every alteration found, and nothing in it that tells the method."""

from __future__ import annotations

import csv
import io
import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import bagit
import duckdb
import pyarrow.parquet as pq
import pytest
from frictionless import Package
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing import package
from kiban_processing.language import Text
from kiban_processing.package import bag as bags
from kiban_processing.package import contents, dictionary, manifest, statement, tables
from kiban_processing.refusals import Refusal

MADE_ON = date(2026, 11, 21)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_release_same_bytes(release: Any, again: Any, bag: Path, tmp_path: Path) -> None:
    """Other threads, another order of arrival: the same manifest, the same bag."""
    other = again(threads=1, order="DESC")
    made = other.build(tmp_path / "other")
    other.con.close()
    assert files(bag) == files(tmp_path / "other")
    assert made.digest == manifest.read(bag / "manifest.json").digest


def test_the_bag_is_valid_for_the_bagit_library(bag: Path) -> None:
    found = bagit.Bag(str(bag))
    assert found.validate()
    assert set(found.algorithms) == {"sha256", "sha512"}
    assert found.info["External-Identifier"] == "R-2026-0001"
    assert set(found.info) == {
        *("Bag-Software-Agent", "Bagging-Date", "External-Identifier", "Internal-Sender-Description", "Payload-Oxum", "Source-Organization")
    }


def test_the_dictionary_is_valid_for_frictionless_and_fits_the_tables(bag: Path) -> None:
    report = Package(str(bag / "data" / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "fieldName", "note"])
    assert {task.name for task in report.tasks} >= {"patients", "encounters", "diagnoses", "laboratory_results", "prescriptions"}


def test_every_released_column_is_explained_in_both_languages(bag: Path) -> None:
    text = (bag / "data" / "dictionary" / "dictionary.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    described = {(row["table"], row["column"]) for row in rows}
    for path in (bag / "data" / "parquet").glob("*.parquet"):
        assert {(path.stem, name) for name in pq.read_schema(path).names} <= described
    assert all(row["label_ja"] and row["label_en"] and row["meaning_ja"] and row["meaning_en"] for row in rows)


def test_csv_and_parquet_hold_the_same_rows(bag: Path) -> None:
    for path in sorted((bag / "data" / "parquet").glob("*.parquet")):
        text = (bag / "data" / "csv" / f"{path.stem}.csv").read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        table = pq.read_table(path)
        assert rows[0] == table.column_names
        assert len(rows) - 1 == table.num_rows
        people = table.column("person").to_pylist()
        assert [row[0] for row in rows[1:]] == people
        assert people == sorted(people)


def test_the_manifest_lists_every_file_and_the_rows(release: Any, bag: Path) -> None:
    found = package.verify(bag)
    listed = {entry.path for entry in found.files}
    assert listed == set(files(bag)) - {"manifest.json", "manifest.json.sig", "tagmanifest-sha256.txt", "tagmanifest-sha512.txt"}
    assert found.rows == {name: table.rows_after for name, table in release.outcome.tables.items()}


def test_the_signature_is_over_release_and_digest(bag: Path) -> None:
    found = manifest.read(bag / "manifest.json")
    note = (bag / "manifest.json.sig").read_bytes().decode()
    assert note.startswith(f"kiban/manifest/v1\nR-2026-0001\nsha256:{found.digest}\n\n— kiban.example ")


@pytest.mark.parametrize("name", ["data/csv/patients.csv", "data/parquet/diagnoses.parquet", "data/STATEMENT.ja.md", "bag-info.txt"])
def test_one_changed_byte_is_found(bag: Path, name: str) -> None:
    raw = bytearray((bag / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (bag / name).write_bytes(raw)
    with pytest.raises(Refusal) as refused:
        package.verify(bag)
    assert refused.value.code == "package-altered"
    assert refused.value.particulars["file"] == name


@pytest.mark.parametrize("name", ["manifest.json.sig", "tagmanifest-sha256.txt"])
def test_a_changed_tag_file_is_found_by_the_library(bag: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    raw = bytearray((bag / name).read_bytes())
    raw[0] ^= 1
    (bag / name).write_bytes(raw)
    with caplog.at_level(logging.DEBUG), pytest.raises(Refusal) as refused:
        package.verify(bag)
    assert refused.value.code == "bag-invalid"


def test_a_changed_manifest_is_found(bag: Path) -> None:
    document = json.loads((bag / "manifest.json").read_bytes())
    (bag / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(Refusal) as refused:
        package.verify(bag)
    assert refused.value.code == "manifest-unreadable"


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"files": 3}', b"\xff"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, document: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(document)
    with pytest.raises(Refusal) as refused:
        manifest.read(tmp_path / "manifest.json")
    assert refused.value.code == "manifest-unreadable"


def test_a_file_more_or_less_is_found(bag: Path) -> None:
    (bag / "data" / "note.txt").write_text("x")
    with pytest.raises(Refusal) as refused:
        package.verify(bag)
    assert (refused.value.code, refused.value.particulars["fault"]) == ("package-altered", "not listed")
    (bag / "data" / "note.txt").unlink()
    (bag / "data" / "utility.json").unlink()
    with pytest.raises(Refusal) as refused:
        package.verify(bag)
    assert (refused.value.code, refused.value.particulars["fault"]) == ("package-altered", "missing")


def test_nothing_is_overwritten(release: Any, bag: Path) -> None:
    with pytest.raises(Refusal) as refused:
        release.build(bag)
    assert refused.value.code == "package-place-taken"


def test_the_statement_says_what_the_law_wants_said(bag: Path) -> None:
    japanese = (bag / "data" / "STATEMENT.ja.md").read_text(encoding="utf-8")
    english = (bag / "data" / "STATEMENT.en.md").read_text(encoding="utf-8")
    assert "匿名加工医療情報" in japanese and "第30条" in japanese and "登録した三名だけが使う。" in japanese
    assert "anonymously processed medical information" in english and "Article 30" in english and "Erased after one year." in english
    for text in (japanese, english):
        assert all(fact in text for fact in ("R-2026-0001", "K-2026-0001", "一般財団法人 基盤", "架空大学 医学部", "2026-11-21"))


def test_a_condition_cannot_forge_the_statement() -> None:
    particulars = statement.Particulars(
        *("R", "K", "O", "U\n# 何でも自由に使えます"), MADE_ON, Text("目的", "purpose"), (Text("甲\n\n## 乙", "a\n\n## b"),)
    )
    text = statement.compose(particulars, "ja").decode()
    assert "\n# 何でも" not in text and "\n## 乙" not in text


def test_the_package_tells_nothing_of_the_method_or_of_anybody(release: Any, bag: Path) -> None:
    words = {name: raw for name, raw in files(bag).items() if not name.endswith((".parquet", ".csv")) or "dictionary" in name}
    forbidden = [release.plan.digest, "shift_weeks", "suppression", "threshold", "window", "k_asked", "k_reached", "hierarchy", "secret"]
    assert [(name, word) for name, raw in words.items() for word in forbidden if word.encode() in raw.lower()] == []
    identifiers = release.con.execute(
        "SELECT unnest([person, local_patient_id, name_kanji, name_kana, address, phone, insured_number]) FROM source_patients"
    ).fetchall()
    everything = b"\0".join(raw for name, raw in files(bag).items() if not name.endswith(".parquet"))
    assert [value for (value,) in identifiers if value.encode() in everything] == []
    assert "基盤第一病院".encode() not in everything


ODD = st.one_of(st.none(), st.text(alphabet=st.sampled_from(["a", "漢", ",", '"', "\r", "\n", " ", "𠮷", "'"]), max_size=6))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(ODD, st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))), max_size=12))
def test_any_text_survives_csv_and_parquet(rows: list[tuple[str | None, int | None]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("odd")
    con = duckdb.connect()
    con.execute("CREATE TABLE odd (person VARCHAR, n BIGINT)")
    if rows:
        con.executemany("INSERT INTO odd VALUES (?, ?)", rows)
    word = Text("x", "x")
    content = contents.Content(
        "odd", "odd", word, word, (contents.Column("person", "string", word, word), contents.Column("n", "integer", word, word))
    )
    assert tables.write(con, content, folder / "odd.parquet", folder / "odd.csv") == len(rows)
    con.close()
    text = (folder / "odd.csv").read_bytes().decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    expected = sorted(rows, key=lambda row: (row[0] is not None, (row[0] or "").encode(), row[1] is not None, row[1] or 0))
    assert read == [[row[0] or "", "" if row[1] is None else str(row[1])] for row in expected]
    assert text.count("\r\n") >= len(rows) + 1
    table = pq.read_table(folder / "odd.parquet")
    assert list(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)) == expected
    # A missing text and an empty one stay two things.
    raw = text.split("\r\n", 1)[1]
    assert [row[0] for row in expected].count("") <= raw.count('""')


def test_groups_do_not_depend_on_how_the_engine_hands_rows_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "GROUP_ROWS", 3000)
    word = Text("x", "x")
    content = contents.Content(
        "t", "t", word, word, (contents.Column("person", "string", word, word), contents.Column("n", "integer", word, word))
    )
    made = []
    for threads, order in ((1, "n"), (2, "hash(n)")):
        con = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
        con.execute(f"CREATE TABLE t AS SELECT md5(n::VARCHAR) AS person, n FROM range(10000) r(n) ORDER BY {order}")
        tables.write(con, content, tmp_path / f"{threads}.parquet", tmp_path / f"{threads}.csv")
        made.append(((tmp_path / f"{threads}.parquet").read_bytes(), (tmp_path / f"{threads}.csv").read_bytes()))
        con.close()
    assert made[0] == made[1]
    assert pq.ParquetFile(tmp_path / "1.parquet").num_row_groups == 4


def test_a_type_that_no_package_carries_is_a_bug() -> None:
    with pytest.raises(ValueError, match="BLOB"):
        contents.column_type("BLOB")


def test_a_dictionary_against_the_standard_is_a_bug() -> None:
    word = Text("x", "x")
    wrong = contents.Content("Not A Name", "t", word, word, (contents.Column("a", "nonsense", word, word),))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="standard"):
        dictionary.data_package([wrong], "R", MADE_ON, {"Not A Name": 0})


def test_a_bag_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        bags.check(tmp_path)
    assert refused.value.code == "bag-invalid"


def test_rows_stand_in_the_order_of_pseudonyms(bag: Path) -> None:
    """Whatever the order of the source was; two releases then share none, as their pseudonyms do not."""
    for path in sorted((bag / "data" / "parquet").iterdir()):
        people = pq.read_table(path, columns=["person"]).column("person").to_pylist()
        assert people == sorted(people), path.name
