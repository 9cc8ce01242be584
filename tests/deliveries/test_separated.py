"""Separated values are read as deliveries: a submission, a mapping, a table schema, or a header of the catalogue's own names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from frictionless import Package, Schema

from kiban_processing.deliveries import inspection, readers
from kiban_processing.deliveries.readers import Format, Options
from kiban_processing.deliveries.typed import Typing
from kiban_processing.formats import submission, tables
from tests.deliveries.broken import separated as cases

SUBMISSIONS = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "data_examples" / "hospitals").rglob("manifest.toml"))


def rows(path: Path, options: Options = readers.NO_OPTIONS) -> dict[str, list[dict[str, Any]]]:
    delivery = readers.open_delivery(path, Format.CSV, options)
    typing = Typing(delivery.translations)
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in delivery.pieces():
        typed = typing.read(piece)
        assert not typed.defects.num_rows or set(typed.defects.column("source_file").to_pylist())
        for table, one in typed.rows.items():
            found.setdefault(table, []).extend(one.to_pylist())
    return found


@pytest.mark.parametrize("folder", SUBMISSIONS, ids=lambda folder: folder.parent.name)
def test_a_submission_gives_the_rows_and_counts_of_its_own_reader(folder: Path) -> None:
    manifest = submission.read_manifest(folder)
    expected: dict[str, list[dict[str, Any]]] = {}
    usable = defective = dropped = 0
    for entry in submission.read_mapping(folder, manifest).files:
        reading = tables.read(folder / entry.file, entry, manifest.encoding)
        for batch in reading.batches():
            expected.setdefault(entry.table, []).extend({"source_file": entry.file, **row} for row in batch.rows.to_pylist())
        usable, defective, dropped = usable + reading.counts.usable, defective + reading.counts.defective, dropped + reading.counts.dropped
    assert rows(folder) == expected
    found = inspection.inspect(folder)
    assert (found.kind, found.total.accepted, found.total.quarantined, found.total.values_dropped) == (
        Format.CSV,
        usable,
        defective,
        dropped,
    )


def test_one_file_for_two_tables_counts_its_records_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("患者ID,死亡日\n1,2024-04-01\n2,\n,2024-04-01\n4\n", "utf-8")
    mapping = cases.MAPPING + cases.MAPPING.replace('"deaths"', '"patients"')
    (tmp_path / "m.toml").write_text(mapping, "utf-8")
    found = inspection.inspect(tmp_path / "a.csv", Format.CSV, Options(mapping=tmp_path / "m.toml"))
    assert (found.total.sent, found.total.accepted, found.total.quarantined) == (4, 2, 2)
    assert found.tables == {"deaths": 1, "patients": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ","), ("tsv", "\t"), ("csv", ";")])
def test_a_header_of_the_catalogues_names_needs_no_mapping(tmp_path: Path, encoding: str, suffix: str, delimiter: str) -> None:
    (tmp_path / f"x.{suffix}").write_bytes(
        "\n".join(("local_patient_id,name_kanji,sex", "0001,髙橋 ①,male", "0002,例示 空,female")).replace(",", delimiter).encode(encoding)
    )
    found = rows(tmp_path)["patients"]
    assert [(row["local_patient_id"], row["name_kanji"], row["sex"]) for row in found] == [
        ("0001", "髙橋 ①", "male"),
        ("0002", "例示 空", "female"),
    ]


def described(tmp_path: Path, descriptor: dict[str, Any], content: str, encoding: str = "utf-8") -> list[dict[str, Any]]:
    """Rows of `a.csv` as a schema or package of frictionless itself describes it: its own library has to accept the descriptor."""
    (Package if "resources" in descriptor else Schema).from_descriptor(descriptor)
    (tmp_path / "a.csv").write_bytes(content.encode(encoding))
    (tmp_path / "s.json").write_text(json.dumps(descriptor, ensure_ascii=False), "utf-8")
    (found,) = rows(tmp_path, Options(mapping=tmp_path / "s.json")).values()
    return found


def test_a_table_schema_says_what_its_fields_give(tmp_path: Path) -> None:
    fields = [
        {"name": "ID", "type": "string", "kiban:item": "laboratory_results.local_patient_id"},
        {"name": "日", "type": "date", "format": "%d.%m.%Y", "kiban:item": "sampled_on"},
        {"name": "値", "type": "number", "decimalChar": ",", "groupChar": ".", "kiban:item": "value"},
        {"name": "判定", "type": "string", "kiban:item": "abnormal", "kiban:values": {"高": "H"}},
        {"name": "担当", "type": "string", "kiban:ignored": True},
    ]
    found = described(
        tmp_path,
        {"fields": fields, "missingValues": ["", "未"]},
        'ID,日,値,判定,担当\n0001,02.03.2024,"1.234,5",高,x\n0002,03.03.2024,未,未,x\n',
    )
    assert [(row["local_patient_id"], str(row["sampled_on"]), row["value"], row["abnormal"]) for row in found] == [
        ("0001", "2024-03-02", 1234.5, "H"), ("0002", "2024-03-03", None, None),
    ]  # fmt: skip


def test_fields_of_the_catalogues_names_need_no_property(tmp_path: Path) -> None:
    fields = [{"name": "local_patient_id", "type": "string"}, {"name": "death_date", "type": "datetime"}]
    found = described(
        tmp_path,
        {"fields": fields, "kiban:table": "deaths"},
        "local_patient_id,death_date\n1,2024-05-06T20:00:00Z\n2,2024-05-06T20:00:00+09:00\n",
    )
    assert [str(row["death_date"]) for row in found] == ["2024-05-07", "2024-05-06"]


def test_a_package_says_encoding_and_delimiter(tmp_path: Path) -> None:
    entry = {"name": "deaths", "path": "a.csv", "encoding": "shift_jis", "dialect": {"delimiter": ";"}, "schema": {"fields": cases.FIELDS}}
    found = described(tmp_path, {"name": "x", "resources": [entry]}, "患者ID;死亡日\n0001;2024-04-01\n", "cp932")
    assert [row["local_patient_id"] for row in found] == ["0001"]


def test_a_submission_may_be_described_by_schemas(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(cases.MANIFEST, "utf-8")
    (tmp_path / "mapping.toml").write_text('[[files]]\nfile = "a.csv"\nschema = "s.json"\n', "utf-8")
    (tmp_path / "s.json").write_text(json.dumps({"fields": cases.FIELDS}, ensure_ascii=False), "utf-8")
    (tmp_path / "a.csv").write_text(cases.MAPPED, "utf-8")
    assert [row["local_patient_id"] for row in rows(tmp_path)["deaths"]] == ["0001"]
    manifest = submission.read_manifest(tmp_path)
    mapping = submission.read_mapping(tmp_path, manifest)
    assert submission.unlisted(tmp_path, manifest, mapping) == ()
    before = submission.digest(tmp_path, manifest, mapping)
    (tmp_path / "s.json").write_text(json.dumps({"fields": cases.FIELDS, "title": "x"}, ensure_ascii=False), "utf-8")
    assert submission.digest(tmp_path, manifest, mapping) != before


def test_a_submission_may_be_a_data_package(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(cases.MANIFEST + 'mapping = "datapackage.json"\n', "utf-8")
    entry = {"name": "deaths", "path": "a.csv", "schema": "s.json"}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [entry]}), "utf-8")
    (tmp_path / "s.json").write_text(json.dumps({"fields": cases.FIELDS}, ensure_ascii=False), "utf-8")
    (tmp_path / "a.csv").write_text(cases.MAPPED, "utf-8")
    assert [row["local_patient_id"] for row in rows(tmp_path)["deaths"]] == ["0001"]
    assert inspection.inspect(tmp_path).remarks == ()
