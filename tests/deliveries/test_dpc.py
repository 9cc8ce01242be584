"""DPC survey data are read row by row under the hospital's table of IDs, by the layout of their month, and what identifies is never read."""

import os
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from data_examples import dpc_world
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import inspection, readers, texts
from kiban_processing.deliveries.dpc import form_one_codes, layouts
from kiban_processing.deliveries.recognition import recognise
from kiban_processing.refusals import Refusal
from tests.deliveries import plain_dpc
from tests.deliveries.reading import Read, read

WORLD = dpc_world.World(seed=11, stays=12)
COLUMNS = {"EFn": layouts.EFN_COLUMNS, "EFg": layouts.EFG_COLUMNS, "D": layouts.D_COLUMNS, "H": layouts.H_COLUMNS}
PATIENTS = {stay.data_id: stay.patient for stay in dpc_world.stays(WORLD)}


def put(
    folder: Path,
    kind: str,
    rows: list[list[str]],
    world: dpc_world.World = WORLD,
    header: bool = True,
    encoding: str = "cp932",
    end: str = "\r\n",
) -> Path:
    path = folder / world.name(kind)
    path.write_bytes(dpc_world.written(rows, COLUMNS.get(kind, ()) if header else (), encoding, end))
    return path


def options(folder: Path, world: dpc_world.World = WORLD) -> readers.Options:
    path = folder / "ids"
    path.mkdir(exist_ok=True)
    (path / "ids.csv").write_bytes(dpc_world.identifiers(world).encode("cp932"))
    return readers.Options(identifiers=path / "ids.csv")


def take(folder: Path, kind: str, rows: list[list[str]], world: dpc_world.World = WORLD, **how: Any) -> Read:
    return read(put(folder, kind, rows, world, **how), "dpc", options(folder, world))


def sorted_rows(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[bytes]]:
    return {name: sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows) for name, rows in found.items() if rows}


def test_without_the_table_of_ids_the_delivery_is_refused_and_an_inspection_lets_each_data_id_stand(tmp_path: Path) -> None:
    path = put(tmp_path, "EFn", dpc_world.act_and_detail(WORLD))
    with pytest.raises(Refusal) as refused:
        readers.open_delivery(path, readers.Format.DPC)
    assert refused.value.code == "dpc-identifiers-missing"
    found = inspection.inspect(path)
    assert (found.persons, [remark.rule for remark in found.remarks]) == (12, ["data-ids-stand"])


def test_a_row_whose_data_id_the_table_does_not_name_is_nobodys(tmp_path: Path) -> None:
    rows = dpc_world.nursing(WORLD)
    rows[4][2] = "9999999999"
    found = take(tmp_path, "H", rows)
    assert found.rules == [(5, "person-missing")]
    assert {row["local_patient_id"] for row in found.typed["observations"]} <= set(PATIENTS.values())


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("data_id,patient_id\n1,a\n1,b\n", "dpc-identifiers-contradict"), ("a,b\n1,2\n", "dpc-identifiers-unreadable"),
        ("", "dpc-identifiers-unreadable"), ("data_id,patient_id\n1,\n", "dpc-identifiers-unreadable"),
        ("data_id,patient_id\n1,2,3\n", "dpc-identifiers-unreadable"), ("data_id,patient_id\n", None), ("患者ID,データ識別番号\nP,0000000001\n", None),
    ],
)  # fmt: skip
def test_a_table_of_ids_that_is_none_is_refused(tmp_path: Path, table: str, code: str | None) -> None:
    path = tmp_path / "ids.csv"
    path.write_text(table, encoding="utf-8")
    if code is None:
        readers.open_delivery(tmp_path, readers.Format.DPC, readers.Options(identifiers=path))
        return
    with pytest.raises(Refusal) as refused:
        readers.open_delivery(tmp_path, readers.Format.DPC, readers.Options(identifiers=path))
    assert refused.value.code == code


def test_a_stay_that_goes_on_has_no_end_and_zeros_of_codes_stay(tmp_path: Path) -> None:
    stays = dpc_world.stays(WORLD)
    found = take(tmp_path, "EFn", dpc_world.act_and_detail(WORLD))
    ends = {row["local_patient_id"]: row["ended_on"] for row in found.typed["encounters"]}
    assert any(stay.discharged == "00000000" for stay in stays)
    for stay in stays:
        last = stay.discharged
        assert ends[stay.patient] == (None if last == "00000000" else date(int(last[:4]), int(last[4:6]), int(last[6:])))
    scores = {row["value_code"] for row in take(tmp_path, "FF1", dpc_world.form_one(WORLD)).typed["observations"]}
    assert {"0100220011", "000"} <= scores
    assert ("TAR0010-1", "01") in take(tmp_path, "H", dpc_world.nursing(WORLD)).of("observations", "other_code", "value_code")


@pytest.mark.parametrize(
    ("month", "is_birth"), [("201703", False), ("201803", False), ("201804", True), ("202407", True), ("202606", True)]
)
def test_the_third_column_of_outpatient_files_is_a_birth_date_from_2018_on_and_never_read(
    tmp_path: Path, month: str, is_birth: bool
) -> None:
    world = dpc_world.World(seed=5, stays=6, month=month)
    rows = dpc_world.act_and_detail(world, outpatient=True)
    born = {stay.born for stay in dpc_world.stays(world)}
    columns = layouts.EFG_COLUMNS if int(month) >= layouts.EFG_CHANGED else layouts.EFG_COLUMNS_UNTIL_2017
    assert (columns[2] == "生年月日") is is_birth
    found = take(tmp_path, "EFg", rows, world)
    assert found.count.accepted == len(rows) and not [text for text in born if text in repr((found.rows, found.defects))]
    assert {row["encounter_class"] for row in found.typed["encounters"]} == {"outpatient"}
    assert all(row["ended_on"] is None for row in found.typed["encounters"])
    assert len(found.typed["encounters"]) == 6


def test_diseases_of_outpatient_files_are_diagnoses(tmp_path: Path) -> None:
    rows = dpc_world.act_and_detail(WORLD, outpatient=True)[:3]
    disease = [*rows[1]]
    disease[4:9] = ["SY", "0001", "001", "", "2500013"]
    disease[23] = "20210401"
    found = take(tmp_path, "EFg", [*rows, disease])
    assert found.of("diagnoses", "disease_code", "diagnosed_on") == [("2500013", date(2021, 4, 1))]


def test_words_insurers_doctors_wards_and_names_of_items_are_never_read(tmp_path: Path) -> None:
    found = [
        take(tmp_path, "EFn", dpc_world.act_and_detail(WORLD)), take(tmp_path, "FF1", dpc_world.form_one(WORLD)),
        take(tmp_path, "D", dpc_world.daily_groups(WORLD)), take(tmp_path, "H", dpc_world.nursing(WORLD)),
    ]  # fmt: skip
    values = [
        [{key: value for key, value in row.items() if key != "observation_id"} for made in one.rows.values() for row in made]
        for one in found
    ]
    told = repr((values, [one.defects for one in found]))  # the number of a row of H names its ward, as the key of the row does
    for hidden in ("200055", "W31", "前立腺", "主な病気", "手術の名", dpc_world.FACILITY):
        assert hidden not in told.replace(f"_{dpc_world.FACILITY}_", ""), hidden


def test_groups_of_d_are_observations_and_the_rest_of_it_is_kept_aside(tmp_path: Path) -> None:
    found = take(tmp_path, "D", dpc_world.daily_groups(WORLD))
    assert found.set_aside == {"D": 12}
    assert {(code, system) for code, system in found.of("observations", "other_code", "other_code_system")} == {("040080x099x0xx", "DPC")}
    assert len(found.typed["observations"]) == 12


def test_k_and_forms_three_and_four_are_counted_and_kept_aside_and_nothing_of_them_is_held(tmp_path: Path) -> None:
    for kind in ("K", "FF3", "FF4"):
        found = take(tmp_path, kind, [[dpc_world.FACILITY, "0000000001", "0f3a" * 16], ["kaputt"]])
        assert (found.set_aside, found.rows, found.defects, found.count.accepted) == ({kind: 2}, {}, [], 2)


def test_a_row_told_twice_is_read_once(tmp_path: Path) -> None:
    rows = dpc_world.act_and_detail(WORLD)
    for size in (2048, 8 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(texts.stretches, "__defaults__", (None, size))
            found = take(tmp_path, "EFn", [*rows, rows[3], rows[5]])
        assert found.rules == [(len(rows) + 1, "repeated-record"), (len(rows) + 2, "repeated-record")]


def test_the_same_number_on_another_day_is_another_visit(tmp_path: Path) -> None:
    rows = dpc_world.act_and_detail(WORLD, outpatient=True)[:4]
    later = [[*row] for row in rows]
    for row in later:
        row[3] = row[23] = "20240730"
    assert take(tmp_path, "EFg", [*rows, *later]).rules == []


def test_a_code_of_form_one_that_the_month_does_not_know_is_not_read(tmp_path: Path) -> None:
    rows = dpc_world.form_one(WORLD)
    rows.append([*rows[0][:5], "A004050", "20240601", "0", "", "3"])
    assert take(tmp_path, "FF1", rows).rules == []
    older = dpc_world.World(seed=11, stays=12, month="202405")
    assert take(tmp_path, "FF1", rows, older).rules == [(len(rows), "outside-layout")]


def test_a_payload_that_the_month_does_not_know_is_told_and_left_out(tmp_path: Path) -> None:
    rows = dpc_world.form_one(WORLD)
    rows.append([*rows[0][:5], "JCS0020", "20140401", "0", "", "010", "", "", "777"])
    found = take(tmp_path, "FF1", rows)
    assert [(one["source_row"], one["rule"], one["severity"]) for one in found.defects] == [(len(rows), "outside-layout", "value")]
    assert "777" not in {row["value_code"] for row in found.typed["observations"]}


def test_dates_among_the_payloads_never_become_coded_values(tmp_path: Path) -> None:
    found = take(tmp_path, "FF1", dpc_world.form_one(WORLD))
    admitted = {stay.admitted for stay in dpc_world.stays(WORLD)}
    assert not admitted & {row["value_code"] for row in found.typed["observations"]}


def test_a_file_of_two_layouts_is_told(tmp_path: Path) -> None:
    rows = dpc_world.act_and_detail(WORLD)
    rows[0][23] = rows[1][23] = "20180331"
    (remark,) = take(tmp_path, "EFn", rows).remarks
    assert (remark.rule, dict(remark.particulars)) == ("layouts-mixed", {"periods": "201704, 202406"})
    assert take(tmp_path, "EFn", dpc_world.act_and_detail(WORLD)).remarks == ()


@pytest.mark.parametrize("kind", ["EFn", "EFg", "D", "H"])
def test_files_with_or_without_header_encoding_line_ends_and_official_name_give_the_same_rows(tmp_path: Path, kind: str) -> None:
    rows = {
        "EFn": dpc_world.act_and_detail(WORLD), "EFg": dpc_world.act_and_detail(WORLD, outpatient=True),
        "D": dpc_world.daily_groups(WORLD), "H": dpc_world.nursing(WORLD),
    }[kind]  # fmt: skip
    known = options(tmp_path)
    found = []
    for header in (True, False):
        for encoding, end in (("cp932", "\r\n"), ("utf-8", "\n"), ("utf-8-sig", "\r\n")):
            path = put(tmp_path, kind, rows, header=header, encoding=encoding, end=end)
            for name in (path.name, "data.txt"):
                path = path.rename(tmp_path / name)
                one = read(path, "dpc", known)
                found.append({
                    table: [{key: value for key, value in row.items() if key != "source_file"} for row in made] for table, made in one.rows.items()
                })  # fmt: skip
                assert one.count.accepted == len(rows)
    assert all(one == found[0] for one in found)


@given(st.integers(0, 10**6), st.sampled_from([700, 5000, 8 << 20]))
@settings(max_examples=15, deadline=None)
def test_the_reader_by_arrays_equals_a_plain_one(tmp_path_factory: pytest.TempPathFactory, seed: int, size: int) -> None:
    folder = tmp_path_factory.mktemp("dpc")
    world = dpc_world.World(seed, stays=4)
    patients = {stay.data_id: stay.patient for stay in dpc_world.stays(world)}
    acts, form = dpc_world.act_and_detail(world, each=4), dpc_world.form_one(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts.stretches, "__defaults__", (None, size))
        read_acts, read_form = take(folder, "EFn", acts, world), take(folder, "FF1", form, world)
    assert sorted_rows(read_acts.rows) == sorted_rows(plain_dpc.acts(acts, world.name("EFn"), patients))
    assert sorted_rows(read_form.rows) == sorted_rows(plain_dpc.form_one(form, world.name("FF1"), patients, int(world.month)))


def test_only_files_that_hold_the_tables_asked_for_are_read(tmp_path: Path) -> None:
    put(tmp_path, "EFn", dpc_world.act_and_detail(WORLD))
    form = put(tmp_path, "FF1", dpc_world.form_one(WORLD))
    found = read(tmp_path, "dpc", readers.Options(is_trial=True), only=("patients",))
    assert set(found.rows) == {"patients"} and {row["source_file"] for row in found.rows["patients"]} == {form.name}
    assert found.count.sent == len(dpc_world.form_one(WORLD))


def test_no_layout_reads_a_column_it_lacks_or_an_item_the_catalogue_lacks() -> None:
    from kiban_processing.catalogue import tables

    for kind in layouts.KINDS.values():
        for route in (*kind.routes, *([kind.encounter] if kind.encounter else [])):
            for give in route.gives:
                tables.named(f"{route.table}.{give.item}")
                assert give.place < len(kind.columns)


@pytest.fixture
def folder() -> Path:
    place = os.environ.get("KIBAN_SAMPLES")
    if not place:
        pytest.skip("KIBAN_SAMPLES names no folder with dpc-ef-inpatient")
    return Path(place) / "dpc-ef-inpatient"


@pytest.mark.parametrize(("file", "month"), [("dpc-2024-20240601.json", 202406), ("dpc-2025-20250530.json", 202504)])
def test_every_column_and_code_we_name_agrees_with_the_schemas_of_others(folder: Path, file: str, month: int) -> None:
    theirs = orjson.loads((folder / "open-dpc-jp-schemas" / file).read_bytes())
    assert list(layouts.EFN_COLUMNS) == theirs["ef"]["columns"]
    assert list(layouts.EFG_COLUMNS) == theirs["ef"]["outpatient_columns"]
    widened = [unicodedata.normalize("NFKC", name).split("(")[0] for name in theirs["ff1"]["columns"]]
    assert list(layouts.FF1_COLUMNS) == widened
    ours = form_one_codes.in_force(month)
    assert set(ours) == set(theirs["ff1"]["codes"])
    for code, payloads in ours.items():
        said = theirs["ff1"]["codes"][code]["payloads"]
        named = {int(number): one for number, one in said.items() if one["name"] != "空欄" and int(number) <= 8}
        assert {one.number for one in payloads} == set(named), code
        assert {number for number, one in named.items() if one["type"] == "date"} <= {one.number for one in payloads if one.is_date}, code
    read_of = {
        "A000010": ("生年月日", "性別", "患者住所地域の郵便番号"),
        "A000030": ("退院年月日", None, "退院時転帰"),
        "A007010": ("手術日", "点数表コード", "手術基幹コード"),
    }
    for code, names in read_of.items():
        for number, name in enumerate(names, 1):
            assert name is None or theirs["ff1"]["codes"][code]["payloads"][str(number)]["name"] == name


def test_the_sample_of_others_gives_the_same_rows_as_sent_and_as_hospitals_send_it(folder: Path, tmp_path: Path) -> None:
    sample = folder / "sample_EFn_XXXXXXXXX_2407.txt"
    lines = sample.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines[1:] if line]
    other = tmp_path / sample.name
    other.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp932"))
    trial = readers.Options(is_trial=True)
    first, second = read(sample, "dpc", trial), read(other, "dpc", trial)
    assert recognise(sample) == "dpc"
    assert (first.rows, first.count) == (second.rows, second.count) and first.count.accepted == len(rows)
    assert sorted_rows(first.rows) == sorted_rows(plain_dpc.acts(rows, sample.name, {row[1]: row[1] for row in rows}))


def test_an_inspection_of_the_sample_shows_no_identifier(folder: Path) -> None:
    sample = folder / "sample_EFn_XXXXXXXXX_2407.txt"
    told = orjson.dumps(inspection.inspect(sample).as_json("en")).decode()
    for line in sample.read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split("\t")
        for place in (0, 1, 2, 3, 21, 26):
            value = cells[place].strip() if place < len(cells) else ""
            assert len(value) < 4 or value not in told
