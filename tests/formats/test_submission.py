"""提供データ: manifest and mapping say everything or are refused; the digest knows the content and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kiban_processing.formats import submission
from kiban_processing.refusals import Refusal

MANIFEST = """
[submission]
hospital = "H001"
regime = "A"
period_from = 2015-04-01
period_to = 2025-03-31
encoding = "cp932"
sent_by = "医療情報部"
"""
MAPPING = """
[[files]]
file = "患者.csv"
table = "patients"
ignored = ["備考"]
[files.columns]
"患者番号" = "local_patient_id"
"生年月日" = "birth_date"
"性別" = { item = "sex", values = { "1" = "male", "２" = "female", "9" = "" } }

[[files]]
file = "labs/検査.csv"
table = "laboratory_results"
delimiter = "\\t"
ignored = ["*"]
[files.columns]
id = "local_patient_id"
on = "sampled_on"
[files.constants]
other_code_system = "LOINC"
value = "１２"
"""
Change = Callable[..., Path]


@pytest.fixture
def sent(tmp_path: Path) -> Change:
    def folder(manifest: str = MANIFEST, mapping: str = MAPPING, **changes: str) -> Path:
        (tmp_path / "labs").mkdir(exist_ok=True)
        (tmp_path / "manifest.toml").write_text(manifest, "utf-8")
        (tmp_path / "mapping.toml").write_text(mapping, "utf-8")
        (tmp_path / "患者.csv").write_bytes("患者番号\n".encode("cp932"))
        (tmp_path / "labs" / "検査.csv").write_bytes(b"id\ton\n")
        return tmp_path

    return folder


def read(folder: Path) -> tuple[submission.Manifest, submission.Mapping]:
    manifest = submission.read_manifest(folder)
    return manifest, submission.read_mapping(folder, manifest)


def refused(folder: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(folder)
    assert caught.value.read("ja") != caught.value.read("en")
    return caught.value


def test_a_complete_submission_is_read(sent: Change) -> None:
    manifest, mapping = read(sent())
    assert manifest == submission.Manifest("H001", "A", date(2015, 4, 1), date(2025, 3, 31), "cp932", "医療情報部", "mapping.toml")
    patients, labs = mapping.files
    assert patients.items == ("local_patient_id", "birth_date", "sex")
    assert patients.columns[2].translations == {"1": "male", "2": "female", "9": ""}
    assert (patients.delimiter, patients.ignored, patients.ignores_others) == (",", {"備考"}, False)
    assert (labs.delimiter, labs.ignores_others, labs.constants) == ("\t", True, {"other_code_system": "LOINC", "value": 12.0})
    assert labs.items == ("local_patient_id", "other_code_system", "sampled_on", "value")
    assert mapping.paths == ("labs/検査.csv", "患者.csv")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('hospital = "H001"', "", "setting-missing"),
        ('hospital = "H001"', 'hospital = ""', "setting-invalid"),
        ('hospital = "H001"', 'hospital = "../H"', "setting-invalid"),
        ('hospital = "H001"', "hospital = 1", "setting-invalid"),
        ('regime = "A"', 'regime = "B"', "setting-invalid"),
        ('encoding = "cp932"', 'encoding = "shift_jis"', "setting-invalid"),
        ("2015-04-01", '"2015-04-01"', "setting-invalid"),
        ("2015-04-01", "2015-04-01T00:00:00", "setting-invalid"),
        ("2015-04-01", "2025-04-01", "period-reversed"),
        ('sent_by = "医療情報部"', 'sent_by = "a"\nextra = 1', "setting-unknown"),
        ("[submission]", "[other]\n[submission]", "setting-unknown"),
        ("[submission]", "", "setting-unknown"),
        ("[submission]", "[[submission]]", "setting-invalid"),
        ('sent_by = "医療情報部"', 'sent_by = "a"\nsent_by = "b"', "settings-unreadable"),
        ('sent_by = "医療情報部"', 'sent_by = "a"\nmapping = "none.toml"', "submission-incomplete"),
        ('sent_by = "医療情報部"', 'sent_by = "a"\nmapping = "../mapping.toml"', "path-outside"),
        ('sent_by = "医療情報部"', 'sent_by = "a"\nmapping = "labs"', "path-outside"),
    ],
)
def test_a_wrong_manifest_is_refused(sent: Change, old: str, new: str, code: str) -> None:
    assert old in MANIFEST
    assert refused(sent(MANIFEST.replace(old, new))).code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('table = "patients"', 'table = "people"', "table-unknown"),
        ('table = "patients"', "", "setting-missing"),
        ('table = "patients"', 'table = "patients"\nsheet = 1', "setting-unknown"),
        ('"birth_date"', '"birthday"', "undeclared-item"),
        ('"birth_date"', '"sampled_on"', "undeclared-item"),
        ('"birth_date"', '"sex"', "item-mapped-twice"),
        ('"birth_date"', '{ values = { "1" = "x" } }', "setting-missing"),
        ('"birth_date"', '{ item = "birth_date", unit = "x" }', "setting-unknown"),
        ('"birth_date"', "7", "setting-invalid"),
        ('"local_patient_id"\n"生', '"name_kana"\n"生', "item-unmapped"),
        ('"9" = ""', '"9" = "nine"', "mapped-value-invalid"),
        ('"9" = ""', '"9" = 9', "setting-invalid"),
        ('"9" = ""', '"１" = "female"', "value-mapped-twice"),
        ('"備考"', '"性別"', "column-mapped-and-ignored"),
        ('ignored = ["備考"]', 'ignored = "備考"', "setting-invalid"),
        ('"生年月日" =', '" 患者番号" =', "column-mapped-twice"),
        ('"生年月日" =', '"患者番号" =', "settings-unreadable"),
        ('delimiter = "\\t"', 'delimiter = ",,"', "setting-invalid"),
        ('delimiter = "\\t"', "delimiter = 1", "setting-invalid"),
        ('value = "１２"', 'value = "much"', "mapped-value-invalid"),
        ('value = "１２"', 'value = ""', "mapped-value-invalid"),
        ('value = "１２"', "value = 12", "setting-invalid"),
        ('value = "１２"', 'sampled_on = "2024-01-01"', "item-mapped-twice"),
        ('value = "１２"', 'verdict = "x"', "undeclared-item"),
        ('file = "患者.csv"', 'file = "none.csv"', "submission-incomplete"),
        ('file = "患者.csv"', 'file = "/etc/hostname"', "path-outside"),
        ('file = "患者.csv"', 'file = "labs/../患者.csv"', "path-outside"),
        ('file = "患者.csv"', "file = 'labs\\検査.csv'", "path-outside"),
        ('file = "患者.csv"', 'file = "labs"', "path-outside"),
        ('file = "患者.csv"', 'file = "."', "path-outside"),
        ("[[files]]", "[other]\n[[files]]", "setting-unknown"),
        ('file = "患者.csv"', f'file = "{"x" * 5000}"', "path-outside"),
        ('"患者番号" = "local_patient_id"', '"患者番号" = "local_patient_id', "settings-unreadable"),
    ],
)
def test_a_wrong_mapping_is_refused(sent: Change, old: str, new: str, code: str) -> None:
    assert old in MAPPING
    assert refused(sent(mapping=MAPPING.replace(old, new, 1))).code == code


def test_an_empty_mapping_is_refused(sent: Change) -> None:
    assert refused(sent(mapping="")).code == "setting-missing"
    assert refused(sent(mapping="files = []")).code == "setting-invalid"
    assert refused(sent(mapping='[[files]]\nfile = "患者.csv"\ntable = "patients"\n[files.columns]\n')).code == "setting-invalid"


def test_a_file_may_answer_to_two_tables_but_once_to_each(sent: Change) -> None:
    again = '[[files]]\nfile = "患者.csv"\ntable = "deaths"\nignored = ["*"]\n[files.columns]\na = "local_patient_id"\nb = "death_date"\n'
    _, mapping = read(sent(mapping=MAPPING + again))
    assert mapping.paths == ("labs/検査.csv", "患者.csv")
    assert refused(sent(mapping=MAPPING + again + again)).code == "file-mapped-twice"


@pytest.mark.parametrize("missing", ["manifest.toml", "mapping.toml", "患者.csv"])
def test_what_is_missing_is_named(sent: Change, missing: str) -> None:
    folder = sent()
    (folder / missing).unlink()
    found = refused(folder)
    assert (found.code, found.particulars["file"]) == ("submission-incomplete", missing)


@pytest.mark.parametrize("link", ["患者.csv", "labs", "manifest.toml"])
def test_links_are_not_followed(sent: Change, link: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = sent()
    aside = tmp_path_factory.mktemp("aside") / "target"
    (folder / link).rename(aside)
    (folder / link).symlink_to(aside)
    assert refused(folder).code == "path-outside"


def test_a_manifest_that_is_no_text_is_refused(sent: Change) -> None:
    folder = sent()
    (folder / "manifest.toml").write_bytes(b"\xff\xfe\x00")
    assert refused(folder).code == "settings-unreadable"
    (folder / "manifest.toml").write_text("x = " + "[" * 100_000, "utf-8")
    assert refused(folder).code == "settings-unreadable"


def test_the_byte_order_mark_of_an_editor_does_no_harm(sent: Change) -> None:
    assert read(sent("\ufeff" + MANIFEST))[0].hospital == "H001"


def test_the_digest_knows_content_not_times(sent: Change) -> None:
    folder = sent()
    manifest, mapping = read(folder)
    first = submission.digest(folder, manifest, mapping)
    assert len(first) == 64
    os.utime(folder / "患者.csv", (1, 1))
    (folder / "unlisted.txt").write_text("x")
    assert submission.digest(folder, manifest, mapping) == first
    assert submission.unlisted(folder, manifest, mapping) == ("unlisted.txt",)
    for name in ("manifest.toml", "mapping.toml", "患者.csv", "labs/検査.csv"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b"\n")
        assert submission.digest(folder, manifest, mapping) != first
        (folder / name).write_bytes(content)
    assert submission.digest(folder, manifest, mapping) == first


def test_moving_bytes_between_files_changes_the_digest(sent: Change) -> None:
    folder = sent()
    manifest, mapping = read(folder)
    (folder / "患者.csv").write_bytes(b"ab")
    (folder / "labs" / "検査.csv").write_bytes(b"c")
    first = submission.digest(folder, manifest, mapping)
    (folder / "患者.csv").write_bytes(b"a")
    (folder / "labs" / "検査.csv").write_bytes(b"bc")
    assert submission.digest(folder, manifest, mapping) != first
