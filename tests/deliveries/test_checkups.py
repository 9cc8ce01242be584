"""Checkups become the values that were put into them, for the patients the hospital's table names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_examples import checkup_world

from kiban_processing.catalogue.tables import TABLES
from kiban_processing.deliveries import inspection, readers, recognition
from kiban_processing.deliveries.checkup import document, items
from kiban_processing.deliveries.readers import Format, Options
from kiban_processing.deliveries.typed import Typing

TRUTH = {
    "9N001000000000001": "height", "9N006000000000001": "weight", "9N011000000000001": "bmi", "9N016160100000001": "waist", "9A751000000000001": "systolic",
    "9A761000000000001": "diastolic", "3D010000001926101": "fasting_glucose", "3D046000001906202": "hba1c", "3F070000002327101": "hdl",
    "3F077000002327101": "ldl", "3F015000002327101": "triglycerides", "3B035000002327201": "ast", "3B045000002327201": "alt", "3B090000002327101": "ggt",
}  # fmt: skip


def rows(path: Path, identifiers: Path | None) -> dict[str, list[dict[str, Any]]]:
    delivery = readers.open_delivery(path, Format.CHECKUP, Options(identifiers=identifiers))
    typing = Typing(delivery.translations)
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in delivery.pieces():
        for table, typed in typing.read(piece).rows.items():
            found.setdefault(table, []).extend(typed.to_pylist())
    return found


def test_every_value_arrives_under_the_hospitals_number(tmp_path: Path) -> None:
    made = {one.local_patient_id: one for one in checkup_world.write(tmp_path / "d.zip", 40)}
    assert recognition.recognise(tmp_path / "d.zip") is Format.CHECKUP
    found = rows(tmp_path / "d.zip", tmp_path / "d.csv")
    assert len(found["patients"]) == len(found["health_checkups"]) == 40
    for row in found["health_checkups"]:
        one = made[row["local_patient_id"]]
        assert row["checked_on"] == one.checked_on
        assert {column: row[column] for column in TRUTH.values()} == {column: float(one.values[code]) for code, column in TRUTH.items()}
        assert row["smoking"] == {"1": "current", "2": "past", "3": "never"}[one.values[checkup_world.SMOKING]]
    for row in found["patients"]:
        one = made[row["local_patient_id"]]
        assert (row["name_kana"], row["birth_date"], row["sex"]) == (one.name_kana, one.birth_date, {"1": "male", "2": "female"}[one.sex])
        assert (row["insurer_number"], row["insured_symbol"], row["insured_number"], row["insured_branch"]) == (
            "00999999",
            "見本",
            str(one.number),
            "01",
        )
        assert (row["postal_code"], row["address"]) == ("1000001", f"見本県見本市{one.number}")


def test_without_a_table_of_ids_nothing_is_accepted(tmp_path: Path) -> None:
    checkup_world.write(tmp_path / "d.zip", 5)
    found = inspection.inspect(tmp_path / "d.zip", Format.CHECKUP)
    assert (found.total.quarantined, found.total.set_aside, found.persons) == (5, 2, 0)
    assert [one.rule for one in found.remarks] == ["identifiers-needed"]


def test_a_folder_is_read_like_its_zip(tmp_path: Path) -> None:
    made = checkup_world.world(3)
    for name, content in checkup_world.files(made).items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(content, "utf-8")
    (tmp_path / "ids.csv").write_text(checkup_world.identifiers(made), "cp932")
    found = inspection.inspect(tmp_path / "d", None, Options(identifiers=tmp_path / "ids.csv"))
    assert (found.kind, found.total.accepted, found.persons, found.set_aside) == (Format.CHECKUP, 5, 3, {"ix08": 1, "su08": 1})


def test_persons_can_be_named_by_file_or_insured_identifier(tmp_path: Path) -> None:
    (one,) = checkup_world.world(1)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "h1.xml").write_text(checkup_world.document(one), "utf-8")
    for table in (
        "local_patient_id,file\nx,h1.xml\n",
        "local_patient_id,file\nx,h1\n",
        "local_patient_id,member_id\nx,00999999:見本:1:01\n",
    ):
        (tmp_path / "ids.csv").write_text(table, "utf-8")
        assert rows(tmp_path / "d", tmp_path / "ids.csv")["patients"][0]["local_patient_id"] == "x"


def test_the_preferred_reading_counts_whatever_its_place() -> None:
    (one,) = checkup_world.world(1)
    first = checkup_world._entry("9A751000000000001", "150")
    second = first.replace("9A751", "9A752").replace("150", "140")
    best = first.replace("9A751", "9A755").replace("150", "130")
    for order in ((first, second, best), (best, second, first), (second, best, first)):
        sent = checkup_world.document(one).replace("<text/>", "<text/>" + "".join(order))
        assert document.read(document.parse(sent.encode(), "x")).checkup["systolic"] == "130"


def test_what_was_not_measured_or_is_of_another_code_system_is_not_taken() -> None:
    (one,) = checkup_world.world(1)
    height = one.values["9N001000000000001"]
    plain = f'<value xsi:type="PQ" value="{height}" unit="cm"/>'
    sent = checkup_world.document(one)
    assert plain in sent
    unmeasured = sent.replace(plain, '<value xsi:type="PQ" nullFlavor="NI"/>')
    foreign = sent.replace(
        '<code code="9N001000000000001" codeSystem="1.2.392.200119.6.1005"/>', '<code code="9N001000000000001" codeSystem="1.2.3"/>'
    )
    for changed in (unmeasured, foreign):
        assert "height" not in document.read(document.parse(changed.encode(), "x")).checkup


def test_every_column_is_declared() -> None:
    assert all(column in TABLES["health_checkups"] for column in items.COLUMNS)
    assert all(len(code) == 17 for code in items.PLACES)
