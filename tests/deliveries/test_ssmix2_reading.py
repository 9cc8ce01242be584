"""How SS-MIX2 messages are cut, placed and read, one rule at a time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from data_examples import ssmix2_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import Format, Options
from kiban_processing.deliveries.ssmix2 import masks, messages, places, results
from kiban_processing.deliveries.ssmix2.delivery import Storage, open_delivery
from kiban_processing.deliveries.ssmix2.places import Beside
from kiban_processing.refusals import Refusal
from tests.deliveries.broken.ssmix2 import LAB, OBX, PATIENT, PID, PV1, header, joined, lab, place

WORDS = st.text(st.sampled_from("表構－①髙ソ能予|^~\\&Az09 ｱ"), max_size=8)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are busy


def stored(folder: Path, *files: tuple[str, bytes]) -> Path:
    for name, data in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def rows(path: Path, table: str) -> list[dict[str, str]]:
    return [row for piece in Storage(path).pieces() if table in piece.rows for row in piece.rows[table].to_pylist()]


def escaped(text: str) -> str:
    for mark, letter in (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R")):
        text = text.replace(mark, f"\\{letter}\\")
    return text


@unhurried
@given(
    st.lists(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=5), max_size=5), st.sampled_from(["\r", "\r\n", "\n"])
)
def test_a_message_is_cut_at_its_marks_and_nowhere_else(content: list[list[list[str]]], end: str) -> None:
    lines = [header("ADT^A08"), *("ZZ1|" + "|".join("^".join(map(escaped, field)) for field in segment) for segment in content)]
    message = messages.read(ssmix2_world.encode(end.join(lines) + end))
    found = [[[messages.unescape(part) for part in field.split("^")] for field in segment[1:]] for segment in message.segments[1:]]
    assert found == content


@unhurried
@given(st.permutations("#$%*!"), WORDS)
def test_other_marks_mean_the_same(marks: list[str], word: str) -> None:
    plain = f"{header('ADT^A08')}\rZZ1|a^{escaped(word)}~b&c\r"
    translation = str.maketrans(dict(zip("|^~\\&", marks, strict=True)))
    found = messages.read(ssmix2_world.encode(plain.translate(translation)))
    assert found.segments[1] == messages.read(ssmix2_world.encode(plain)).segments[1]


def test_a_standard_mark_among_the_data_of_other_marks_stays_data() -> None:
    found = messages.read(b"MSH#*!%$#HIS\rZZ1#a|b^c*d\r")
    first, second = found.segments[1][1].split("^")
    assert (messages.unescape(first), second) == ("a|b^c", "d")


def test_a_frame_a_mark_of_utf8_and_line_ends_of_any_kind_are_tolerated() -> None:
    sound = lab()
    texts = {
        messages.read(data).segments[-1][3]
        for data in (sound, b"\x0b" + sound + b"\r", sound.replace(b"\r", b"\r\n"), sound.rstrip(b"\x1c"))
    }
    assert texts == {"3A010000002327101^総蛋白^JC10"}
    assert messages.read(b"\xef\xbb\xbf" + f"{header('ADT^A08', '~UNICODE UTF-8')}\rZZ1|髙\r".encode()).segments[1][1] == "髙"


@pytest.mark.parametrize("charset", ["~ISO IR87", "~ISOIR87", "ISO IR6~ISO IR87", "~ISO IR13~ISO IR87", "", "~ISO IR14~ISO IR87"])
def test_the_character_set_is_read_from_any_repetition(charset: str) -> None:
    assert "総蛋白" in messages.read(lab(head=header("OUL^R22", charset))).text


def test_a_header_with_kanji_still_tells_its_character_set() -> None:
    assert messages.read(joined(header("OUL^R22").replace("SEND", "構構病院"), PID)).segments[0][4] == "構構病院"


def test_eight_bit_bytes_are_read_as_the_sender_says_where_the_message_does_not(tmp_path: Path) -> None:
    text = "\r".join((header("ADT^A08^ADT_A01", ""), PID, PV1)) + "\r"
    stored(tmp_path, (place("ADT-00", "-"), text.encode("cp932")))
    (piece,) = open_delivery(tmp_path, Options(encoding="cp932")).pieces()
    assert piece.rows["patients"].column("name_kanji").to_pylist() == ["髙橋 健"]
    with pytest.raises(Refusal) as caught:
        open_delivery(tmp_path, Options(encoding="utf-7"))
    assert caught.value.code == "encoding-unknown"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("NM", "7.2", ("7.2", "", "")), ("ST", " 7.2", ("7.2", "", "")), ("ST", "< 0.5", ("<0.5", "", "")), ("SN", ">^100", (">100", "", "")), ("SN", "^^+", ("", "+", "")),
        ("SN", "^2^+", ("", "2+", "")), ("ST", " 2 +", ("", "2+", "")), ("ST", "  +-", ("", "+-", "")), ("ST", "（２＋）", ("", "2+", "")), ("ST", "(++)", ("", "2+", "")),
        ("ST", "陰性", ("", "-", "")), ("ST", "±", ("", "+-", "")), ("CWE", "1^(+)^99X", ("", "+", "")), ("CWE", "2001^E.Coli^JANIS", ("", "", "E.Coli")), ("ST", "1-4", ("", "", "1-4")),
        ("TX", "溶血あり", ("", "", "溶血あり")), ("SN", "^1^:^32", ("", "", "1:32")), ("ST", "100以上", ("100以上", "", "")),
    ],
)  # fmt: skip
def test_a_result_is_a_number_a_grade_or_words(kind: str, text: str, expected: tuple[str, str, str]) -> None:
    assert results.sort(kind, text) == expected


def test_a_place_says_whose_of_when_and_of_which_kind() -> None:
    found = places.read(LAB)
    assert isinstance(found, places.Place)
    assert (found.patient, found.day, found.kind, found.order, found.department, found.condition) == (
        PATIENT,
        "20240501",
        "OML-11",
        "000000000000777",
        "01",
        "1",
    )
    assert found.agrees
    assert places.read("x/TR_20240501000000000_00001.DAT") is Beside.TRANSACTIONS
    assert places.read(f"000/000/{PATIENT}/20240501/L^O^9/a_1/main.hl7") is Beside.EXTENDED
    assert places.read("report.pdf") is None


def test_superseded_and_deleted_messages_are_counted_and_not_loaded(tmp_path: Path) -> None:
    path = stored(
        tmp_path,
        (LAB, lab()),
        (place("OML-11", flag="2", time="20240501090000000"), lab()),
        (place("OML-11", order="9", flag="0"), lab()),
        (place("OMG-01"), lab()),
    )
    found = inspection.inspect(path)
    assert found.set_aside == {"superseded": 1, "deleted": 1, "OMG-01": 1}
    assert (found.total.sent, found.total.accepted, found.tables) == (4, 4, {"laboratory_results": 1})


def test_codes_go_to_their_systems_and_others_keep_the_name_of_theirs(tmp_path: Path) -> None:
    drugs = [
        f"RXE||{code}|1||TAB^錠^MR9P|||||3|TAB^錠^MR9P"
        for code in ("108665201^薬^HOT9^777^薬^99ABC", "1124017F2119^薬^YJ", "55^薬^99ABC", "77^薬^99ABC^1124017F2119^薬^YJ")
    ]
    orc = "ORC|NW|777|||||||202405011015"
    path = stored(tmp_path, (place("OMP-01"), joined(header("RDE^O11^RDE_O11"), PID, *(part for drug in drugs for part in (orc, drug)))))
    found = [(row["hot_code"], row["yj_code"], row["other_code"], row["other_code_system"]) for row in rows(path, "prescriptions")]
    assert found == [
        ("108665201", "", "777", "99ABC"),
        ("", "1124017F2119", "", ""),
        ("", "", "55", "99ABC"),
        ("", "1124017F2119", "77", "99ABC"),
    ]


def test_what_follows_a_drug_belongs_to_it_alone(tmp_path: Path) -> None:
    orc, rxe = "ORC|NW|777|||||||202405011015", "RXE||{}^薬^HOT9|1||TAB|||||3|TAB"
    first, second = (rxe.format(code) for code in ("108665201", "110626901"))
    path = stored(
        tmp_path,
        (place("OMP-01"), joined(header("RDE^O11^RDE_O11"), PID, orc, first, "TQ1|1|||||7^d|2024050100", "RXR|PO", orc, second, "RXR|TOP")),
    )
    assert [(row["hot_code"], row["days"], row["route"]) for row in rows(path, "prescriptions")] == [
        ("108665201", "7", "PO"),
        ("110626901", "", "TOP"),
    ]


def test_each_result_takes_the_day_of_its_own_specimen(tmp_path: Path) -> None:
    specimen = "SPM|{0}|||023^血清^JC10|||||||||||||2024043{0}0930"
    message = joined(
        header("OUL^R22^OUL_R22"), PID, specimen.format(0), "OBR|1|777", OBX, specimen.format(1), "OBR|1|777", OBX, "OBR|2|777", OBX
    )
    path = stored(tmp_path, (LAB, message.replace(b"202404310930", b"202404290930")))
    assert [row["sampled_on"] for row in rows(path, "laboratory_results")] == ["20240430", "20240429", "20240429"]
    assert len({row["result_id"] for row in rows(path, "laboratory_results")}) == 3


def test_a_discharge_takes_its_admission_from_the_folder_of_the_same_patient_only(tmp_path: Path) -> None:
    def stay(kind: str, day: str, patient: str, field: int) -> tuple[str, bytes]:
        pid = PID.replace(PATIENT, patient)
        event = {"ADT-22": "ADT^A01^ADT_A01", "ADT-52": "ADT^A03^ADT_A03"}[kind]
        return place(kind, day, patient=patient), joined(header(event), pid, PV1 + "|" * (field - 10) + day + "1000")

    path = stored(
        tmp_path,
        stay("ADT-22", "20240101", PATIENT, 44), stay("ADT-52", "20240110", PATIENT, 45), stay("ADT-52", "20240201", PATIENT, 45),
        stay("ADT-22", "20240301", PATIENT, 44), stay("ADT-52", "20240305", "0000000999", 45),
    )  # fmt: skip
    found = [(row["local_patient_id"][-3:], row["started_on"], row["ended_on"]) for row in rows(path, "encounters")]
    assert found == [
        ("123", "20240101", ""),
        ("123", "20240101", "20240110"),
        ("123", "", "20240201"),
        ("123", "20240301", ""),
        ("999", "", "20240305"),
    ]


def test_a_death_is_taken_where_it_is_said(tmp_path: Path) -> None:
    files = [(place("ADT-00", "-", patient=f"00000000{number}0"), joined(header("ADT^A08^ADT_A01"), PID.replace(PATIENT, f"00000000{number}0") + "|" * 21 + tail, PV1))
             for number, tail in enumerate(("20240203|Y", "20240203|", "20240203|N", "|"))]  # fmt: skip
    assert [(row["local_patient_id"], row["death_date"]) for row in rows(stored(tmp_path, *files), "deaths")] == [
        ("0000000000", "20240203"),
        ("0000000010", "20240203"),
    ]


def test_names_are_told_apart_by_their_representation(tmp_path: Path) -> None:
    kana_first = PID.replace("髙橋^健^^^^^L^I~タカハシ^ケン^^^^^L^P", "タカハシ^ケン^^^^^L^P~髙橋^健^^^^^L^I")
    (row,) = rows(stored(tmp_path, (place("ADT-00", "-"), joined(header("ADT^A08^ADT_A01"), kana_first, PV1))), "patients")
    assert (row["name_kanji"], row["name_kana"]) == ("髙橋 健", "タカハシ ケン")


def test_an_archive_says_what_its_folder_says_and_counts_a_name_given_twice(tmp_path: Path) -> None:
    files = list(ssmix2_world.messages(60, seed=4))
    stored(tmp_path / "tree", *files)
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    tree, packed = (list(Storage(path).pieces()) for path in (tmp_path / "tree", tmp_path / "d.zip"))
    assert [piece.rows for piece in tree] == [piece.rows for piece in packed]
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr(LAB, lab())
        archive.writestr(LAB, lab(obx=OBX.replace("7.2", "9.9")))
    found = inspection.inspect(tmp_path / "twice.zip", Format.SSMIX2)
    assert (found.total.sent, found.total.quarantined, found.by_rule) == (2, 2, {"repeated-record": 2})


def test_only_the_files_that_can_hold_what_is_wanted_are_opened(tmp_path: Path) -> None:
    path = stored(tmp_path, *ssmix2_world.messages(60, seed=5), (place("OML-11", patient="9999999999"), b"broken\r"))
    whole, part = (list(Storage(path).pieces(only)) for only in (None, {"patients", "deaths"}))
    assert {name for piece in part for name in piece.sent} == {name for piece in whole for name in piece.sent if "ADT-00" in name}
    assert [piece.rows["patients"] for piece in part] == [piece.rows["patients"] for piece in whole]


@pytest.mark.parametrize("at_hand", [7, 50_000])
def test_files_are_shown_by_number_kind_and_day_whether_their_number_is_at_hand_or_not(
    at_hand: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masks, "LATEST", at_hand)
    storage = Storage(stored(tmp_path, *ssmix2_world.messages(60, seed=6)))
    files = [name for piece in storage.pieces() for name in piece.sent]
    shown = [storage.shown(file) for file in files]
    assert [one.split(" ")[0] for one in shown] == [f"#{number}" for number in range(1, len(files) + 1)]
    assert not any(part in one for file, one in zip(files, shown, strict=True) for part in (file.split("/")[2], file.split("_")[3]))
    assert storage.shown("unknown") == "#… …"


@pytest.mark.parametrize("form", ["single message", "flat folder", "folder of one patient", "archive"])
def test_a_delivery_of_any_form_is_recognised_and_read(form: str, tmp_path: Path) -> None:
    path = stored(tmp_path, (LAB, lab())) / LAB
    if form == "flat folder":
        path = stored(tmp_path / "flat", (path.name, lab()))
    elif form == "folder of one patient":
        path = path.parents[2]
    elif form == "archive":
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            archive.writestr(LAB, lab())
        path = tmp_path / "d.zip"
    found = inspection.inspect(path)
    assert (found.kind, found.total.sent, found.tables) == (Format.SSMIX2, 1, {"laboratory_results": 1})
