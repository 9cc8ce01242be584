"""Claims (UKE) are read receipt by receipt: whose they are, what was done on which day, and what of them is never read."""

import csv
import os
import time
from datetime import date
from pathlib import Path

import orjson
import pytest
from data_examples import uke_world
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import inspection, texts
from kiban_processing.deliveries.recognition import recognise
from kiban_processing.deliveries.uke import layouts
from tests.deliveries import plain_uke
from tests.deliveries.reading import Read, read

HEAD = "IR,1,13,1,9999999,,架空病院,202405,00,03-0000-0000"
PERSON = "RE,1,1112,202404,星野　太一,1,19800102,,,,,,,0042"


def claims(folder: Path, *lines: str, name: str = "RECEIPTC.UKE") -> Path:
    path = folder / name
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp932"))
    return path


def sorted_rows(found: dict[str, list[dict[str, object]]]) -> dict[str, list[bytes]]:
    return {name: sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows) for name, rows in found.items() if rows}


def act(*days: int, code: str = "111000110") -> str:
    return ",".join(["SI", "11", "1", code, "", "288", "1", *[""] * 6, *("1" if day in days else "" for day in range(1, 32))])


def test_an_act_becomes_a_row_for_each_of_its_days(tmp_path: Path) -> None:
    found = read(claims(tmp_path, HEAD, PERSON, act(1, 17), "GO,1,0,99"), "uke")
    assert found.of("procedures", "other_code", "performed_on") == [("111000110", date(2024, 4, 1)), ("111000110", date(2024, 4, 17))]


def test_an_act_without_days_is_dated_on_the_first_of_the_month_and_that_is_remarked(tmp_path: Path) -> None:
    found = read(claims(tmp_path, HEAD, PERSON, "SI,11,1,111000110,,288,1", "GO,1,0,99"), "uke")
    assert found.of("procedures", "performed_on") == [(date(2024, 4, 1),)]
    assert [(one.rule, dict(one.particulars)) for one in found.remarks] == [("day-not-given", {"number": 1})]


def test_a_day_that_the_month_lacks_loses_the_row_and_not_the_receipt(tmp_path: Path) -> None:
    found = read(claims(tmp_path, HEAD, PERSON, act(30, 31), "GO,1,0,99"), "uke")
    assert found.of("procedures", "performed_on") == [(date(2024, 4, 30),)]
    assert (found.count.accepted, found.count.rows_quarantined) == (1, 1)


def test_both_date_dialects_are_read(tmp_path: Path) -> None:
    found = read(
        claims(tmp_path, "IR,1,13,1,9999999,,,50605", "RE,1,1112,50604,星野,2,3550102,,,,,,,0042", "SY,2500013,4310401,2", act(5)), "uke"
    )
    assert found.of("patients", "birth_date", "sex") == [(date(1980, 1, 2), "female")]
    assert found.of("encounters", "started_on", "ended_on") == [(date(2024, 4, 1), date(2024, 4, 30))]
    assert found.of("diagnoses", "diagnosed_on", "outcome") == [(date(2019, 4, 1), "cured")]
    assert found.of("procedures", "performed_on") == [(date(2024, 4, 5),)]


def test_a_suspected_disease_is_known_by_a_whole_modifier_and_not_by_digits_across_two(tmp_path: Path) -> None:
    found = read(
        claims(tmp_path, HEAD, PERSON, "SY,2500013,20240401,1,40018002", "SY,2500013,20240401,1,48002001", "SY,2500013,20240401,1"), "uke"
    )
    assert found.of("diagnoses", "certainty") == [("suspected",), ("confirmed",), ("confirmed",)]


def test_an_uncoded_disease_is_words_in_the_item_for_words_alone(tmp_path: Path) -> None:
    found = read(claims(tmp_path, HEAD, PERSON, "SY,0000999,20240401,1,,まれな病,01,長い補足"), "uke")
    assert found.of("diagnoses", "disease_code", "disease_name", "role") == [("0000999", "まれな病", "main")]
    assert "長い補足" not in repr((found.rows, found.defects))


def test_insurance_numbers_go_into_the_items_of_identification_codes_and_comments_nowhere(tmp_path: Path) -> None:
    found = read(
        claims(tmp_path, HEAD, PERSON, "HO,06130012,１２３,７７,3,500", "SN,1,01,,,,05", "CO,99,1,810000001,内緒の話", "SJ,01,症状の話"),
        "uke",
    )
    assert found.of("patients", "insurer_number", "insured_symbol", "insured_number", "insured_branch") == [("06130012", "123", "77", "05")]
    assert "の話" not in repr((found.rows, found.defects))


def test_a_public_fund_stands_for_the_insurer_only_where_there_is_none(tmp_path: Path) -> None:
    second = PERSON.replace("RE,1", "RE,2")
    found = read(claims(tmp_path, HEAD, PERSON, "KO,12131111,1234567", second, "KO,12131111,1234567", "HO,06130012,,"), "uke")
    assert found.of("patients", "insurer_number", "insured_number") == [("12131111", "1234567"), ("06130012", None)]


def test_supply_in_days_is_told_of_drugs_by_mouth_alone(tmp_path: Path) -> None:
    def drug(section: str, code: str) -> str:
        return ",".join(["IY", section, "1", code, "2.5", "9", "7", *[""] * 6, *("14" if day == 3 else "" for day in range(1, 32))])

    found = read(claims(tmp_path, HEAD, PERSON, drug("21", "620098801"), drug("", "620098802"), drug("23", "620098803")), "uke")
    assert found.of("prescriptions", "quantity", "days", "prescribed_on") == [
        (2.5, 14.0, date(2024, 4, 3)), (2.5, 14.0, date(2024, 4, 3)), (2.5, None, date(2024, 4, 3)),
    ]  # fmt: skip


def test_a_dpc_receipt_gives_its_stay_its_group_its_diseases_and_its_daily_codes(tmp_path: Path) -> None:
    found = read(claims(
        tmp_path, HEAD.replace("IR,1,13,1", "IR,1,13,2"), PERSON.replace("1112", "1111"), "BU,040080x099x0xx,20240402,20240420,6",
        "SB,4659007,8002,,J189,01", "SB,2500013,,,E119,41", "KK,1", "CD,20240403,33,0001,001,620098801,2.5,,016,1",
        "CD,20240404,50,0001,001,150183410,,,,1", "CD,20240404,50,0001,002,710010001,2,,003,1", "CD,20240404,50,0001,003,810000001,,,,1", "GT,1",
        name="RECEIPTD.UKE",
    ), "uke")  # fmt: skip
    assert found.of("encounters", "encounter_class", "started_on", "ended_on", "discharge_outcome") == [
        ("inpatient", date(2024, 4, 2), date(2024, 4, 20), "died")
    ]
    assert found.of("diagnoses", "icd10", "role", "certainty", "diagnosed_on") == [
        ("J18.9", "resource", "suspected", date(2024, 4, 2)), ("E11.9", "comorbid", "confirmed", date(2024, 4, 2)),
    ]  # fmt: skip
    assert found.of("prescriptions", "other_code", "quantity", "prescribed_on") == [("620098801", 2.5, date(2024, 4, 3))]
    assert found.of("procedures", "other_code", "performed_on") == [("150183410", date(2024, 4, 4))]
    assert set(found.of("observations", "other_code", "other_code_system", "value", "observed_on")) == {
        ("040080x099x0xx", "DPC", None, date(2024, 4, 2)), ("710010001", "receipt-device", 2.0, date(2024, 4, 4)),
    }  # fmt: skip


def test_totals_that_disagree_are_remarked_with_both_sides_and_stop_nothing(tmp_path: Path) -> None:
    found = read(claims(tmp_path, HEAD, PERSON, "HO,06130012,,,3,500", "GO,140,99999,99"), "uke")
    (remark,) = found.remarks
    assert (remark.rule, dict(remark.particulars)) == (
        "totals-disagree", {"said_receipts": 140, "said_points": 99999, "read_receipts": 1, "read_points": 500, "number": 1},
    )  # fmt: skip
    assert found.count.accepted == 1


def test_totals_that_agree_are_not_remarked_also_of_two_volumes_in_one_file(tmp_path: Path) -> None:
    volume = (HEAD, PERSON, "HO,06130012,,,3,500", PERSON.replace("RE,1", "RE,2"), "KO,12131111,1,,1,30", "GO,2,530,99")
    found = read(claims(tmp_path, *volume, *volume), "uke")
    assert (found.remarks, found.count.accepted, found.rules) == ((), 4, [])


def test_dispensing_and_dental_receipts_are_recognised_and_kept_aside(tmp_path: Path) -> None:
    dispensing = ("YK,1,13,4,9999999,,,202405", "RE,1,4112,202404,星野", "CZ,1,20240401", "GO,1,0,99")
    dental = ("IR,1,13,3,9999999,,,202405", PERSON, "SS,1,x", "GO,1,0,99")
    found = read(claims(tmp_path, *dispensing, *dental), "uke")
    assert (found.set_aside, found.rows, found.count.accepted) == ({"dispensing": 1, "dental": 1}, {}, 2)


def test_only_the_tables_asked_for_are_made(tmp_path: Path) -> None:
    path = claims(tmp_path, HEAD, PERSON, act(1))
    assert set(read(path, "uke", only=("patients",)).rows) == {"patients"}


def test_rows_are_the_same_whatever_the_encoding_the_line_ends_and_the_closing_mark(tmp_path: Path) -> None:
    world = uke_world.World(seed=3, receipts=30, dpc=0.3)
    expected: Read | None = None
    for encoding in ("cp932", "utf-8", "utf-8-sig"):
        for end in ("\r\n", "\n", "\r"):
            for closing_mark in (False, True):
                path = tmp_path / "RECEIPTC.UKE"
                path.write_bytes(uke_world.written(world, encoding, end, closing_mark))
                found = read(path, "uke")
                expected = expected or found
                assert (found.rows, found.count) == (expected.rows, expected.count)
    assert expected is not None and expected.count.accepted == 30


@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 12), st.integers(2020, 2025))
@settings(max_examples=25, deadline=None)
def test_trailing_cells_kept_or_left_out_give_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, seed: int, era: bool, month: int, year: int
) -> None:
    folder = tmp_path_factory.mktemp("claims")
    found = []
    for trailing in (True, False):
        world = uke_world.World(seed, receipts=6, era=era, trailing=trailing, month=f"{year}{month:02d}", dpc=0.3)
        path = folder / "RECEIPTC.UKE"
        path.write_bytes(uke_world.written(world))
        found.append(read(path, "uke"))
    assert found[0].rows == found[1].rows and found[0].count == found[1].count and found[0].count.accepted == 6


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_era_dialect_gives_the_same_typed_rows_as_the_western(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("claims")
    typed = []
    for era in (False, True):
        path = folder / "RECEIPTC.UKE"
        path.write_bytes(uke_world.written(uke_world.World(seed, receipts=6, era=era)))
        found = read(path, "uke").typed
        typed.append({
            table: [{key: value for key, value in row.items() if not key.endswith("_id") or key == "local_patient_id"} for row in rows]
            for table, rows in found.items()
        })  # fmt: skip
    assert typed[0] == typed[1]


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([512, 4096, 1 << 20]))
@settings(max_examples=25, deadline=None)
def test_the_reader_by_arrays_equals_a_plain_one(tmp_path_factory: pytest.TempPathFactory, seed: int, trailing: bool, size: int) -> None:
    path = tmp_path_factory.mktemp("claims") / "RECEIPTC.UKE"
    content = uke_world.written(uke_world.World(seed, receipts=8, trailing=trailing))
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts.stretches, "__defaults__", (None, size))
        found = read(path, "uke")
    assert sorted_rows(found.rows) == sorted_rows(plain_uke.rows(content.decode("cp932"), path.name))


def test_a_receipt_that_spans_two_stretches_keeps_its_number_and_a_repeated_one_is_found_across(tmp_path: Path) -> None:
    path = claims(tmp_path, HEAD, PERSON, *[act(1)] * 9, PERSON.replace("RE,1", "RE,2"), *[act(2)] * 9, PERSON, act(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts.stretches, "__defaults__", (None, 300))
        found = read(path, "uke")
    assert (len(found.rows["procedures"]), found.rules) == (18, [(3, "repeated-record")])


def test_a_file_of_frames_alone_comes_to_an_end_soon(tmp_path: Path) -> None:
    start = time.process_time()
    found = read(claims(tmp_path, *[HEAD, "GO,0,0,99"] * 20_000), "uke")
    assert (found.count.sent, found.remarks) == (0, ()) and time.process_time() - start < 20


def test_no_layout_reads_a_cell_beyond_its_most_or_an_item_the_catalogue_lacks() -> None:
    from kiban_processing.catalogue import tables

    for layout in layouts.LAYOUTS:
        for line in layout.lines:
            for route in line.routes:
                for give in route.gives:
                    tables.named(f"{route.table}.{give.item}")
                    if give.by in (layouts.By.CELL, layouts.By.IF_CELL, layouts.By.SUSPICION):
                        assert give.place < line.most


@pytest.fixture
def sample() -> Path:
    place = os.environ.get("KIBAN_SAMPLES")
    if not place:
        pytest.skip("KIBAN_SAMPLES names no folder with receipt-uke-medical")
    return Path(place) / "receipt-uke-medical" / "RECEIPTC_first37.UKE"


def test_the_sample_of_others_is_read_as_a_plain_count_of_its_lines_has_it(sample: Path) -> None:
    with sample.open(encoding="cp932", newline="") as file:
        lines = list(csv.reader(file))
    charts = {cells[13] for cells in lines if cells[0] == "RE"}
    days = {code: sum(max(1, sum(1 for cell in cells[13:44] if cell)) for cells in lines if cells[0] == code) for code in ("SI", "IY")}
    found = read(sample, "uke")
    assert recognise(sample) == "uke"
    assert (found.count.sent, found.count.accepted, found.count.quarantined) == (37, 37, 0)
    assert {row["local_patient_id"] for row in found.typed["patients"]} == charts and len(charts) == 37
    assert {name: len(rows) for name, rows in found.typed.items()} == {
        "patients": 37, "encounters": 37, "diagnoses": sum(cells[0] == "SY" for cells in lines), "procedures": days["SI"], "prescriptions": days["IY"],
    }  # fmt: skip
    assert [(one.rule, dict(one.particulars)) for one in found.remarks] == [("frame-missing", {"record": "GO"})]
    assert sorted_rows(found.rows) == sorted_rows(plain_uke.rows(sample.read_bytes().decode("cp932"), sample.name))


def test_an_inspection_of_the_sample_shows_no_identifier(sample: Path) -> None:
    told = orjson.dumps(inspection.inspect(sample).as_json("ja")).decode()
    with sample.open(encoding="cp932", newline="") as file:
        for cells in csv.reader(file):
            hidden = {"IR": (4, 9), "RE": (4, 6, 13, 36), "HO": (1,), "KO": (1, 2), "SY": (5, 7), "CO": (4,)}.get(cells[0], ())
            for place in hidden:
                value = cells[place].strip() if place < len(cells) else ""
                if len(value) > 2:
                    assert value not in told, f"cell {place} of {cells[0]}"
