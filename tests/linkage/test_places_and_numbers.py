"""Municipalities that merged, postal codes, rooms, birth dates, telephones and insurance numbers."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from kiban_processing.linkage import addresses, birth_dates, insurance, keys, municipalities, phones
from kiban_processing.linkage.codes import text_code
from kiban_processing.linkage.municipalities import Mergers, Municipality
from kiban_processing.refusals import Refusal
from tests.linkage.conftest import table

# Well-known mergers, as facts.
MERGERS = """prefecture,old,new,in_force
埼玉県,大宮市,さいたま市,2001-05-01
埼玉県,浦和市,さいたま市,2001-05-01
埼玉県,与野市,さいたま市,2001-05-01
埼玉県,岩槻市,さいたま市,2005-04-01
静岡県,清水市,静岡市,2003-04-01
山口県,徳山市,周南市,平成15年4月21日
新潟県,新津市,新潟市,2005-03-21
山梨県,東八代郡石和町,笛吹市,2004-10-12
兵庫県,多紀郡篠山町,篠山市,1999-04-01
兵庫県,篠山市,丹波篠山市,2019-05-01
静岡県,浜松市中区,浜松市中央区,2024-01-01
東京都,田無市,西東京市,2001-01-21
"""


@pytest.fixture(scope="module")
def mergers() -> Mergers:
    return municipalities.read_mergers(MERGERS.encode())


@pytest.mark.parametrize(
    ("written", "postal", "town"),
    [
        ("埼玉県浦和市南浦和2-1", "336-0017", "さいたま市南区南浦和"),
        ("東京都田無市本町2-1", None, "西東京市本町"),
        ("山梨県東八代郡石和町市部1", None, "笛吹市市部"),
        ("兵庫県多紀郡篠山町北新町41", None, "丹波篠山市北新町"),
        ("静岡県浜松市中区板屋町1", None, "浜松市中央区板屋町"),
        ("徳山市銀座1", None, "周南市銀座"),
    ],
)
def test_a_merged_municipality_has_its_present_name(mergers: Mergers, written: str, postal: str | None, town: str) -> None:
    found = addresses.read(written, addresses.postal_code(postal or ""), mergers)
    assert found is not None
    assert found.town == town


def test_without_a_table_the_postal_code_bridges_a_merger() -> None:
    found = addresses.read("埼玉県浦和市南浦和2-1", "3360017")
    assert found is not None
    assert (found.town, found.municipality) == ("さいたま市南区南浦和", "さいたま市南区")


def test_a_name_that_is_borne_again_means_the_old_place_only_before_the_merger() -> None:
    again = municipalities.read_mergers("prefecture,old,new,in_force\n埼玉県,小川町,熊谷市,1990-04-01\n".encode())
    before = addresses.read("埼玉県比企郡小川町大塚55", None, again, date(1989, 12, 31))
    after = addresses.read("埼玉県比企郡小川町大塚55", None, again, date(1990, 4, 1))
    assert before is not None
    assert after is not None
    assert (before.municipality, after.municipality) == ("熊谷市", "小川町")
    assert again.breaks == (date(1990, 4, 1),)


def test_only_what_is_in_force_counts(mergers: Mergers) -> None:
    sasayama = Municipality("兵庫県", "篠山町")
    assert mergers.since(date(2010, 1, 1)).current(sasayama, None).name == "篠山市"
    assert mergers.current(sasayama, None).name == "丹波篠山市"


def test_mergers_in_a_circle_end() -> None:
    circle = municipalities.read_mergers("prefecture,old,new,in_force\n埼玉県,甲市,乙市,2001-01-01\n埼玉県,乙市,甲市,2002-01-01\n".encode())
    assert circle.current(Municipality("埼玉県", "甲市"), None).name in ("甲市", "乙市")


@pytest.mark.parametrize(
    "raw",
    ["a,b\n1,2\n", "prefecture,old,new,in_force\n埼玉県,甲市,乙市,きのう\n", "prefecture,old,new,in_force\n武蔵国,甲市,乙市,2001-01-01\n"],
)
def test_a_table_that_cannot_be_used_is_refused(raw: str) -> None:
    with pytest.raises(Refusal) as refused:
        municipalities.read_mergers(raw.encode())
    assert refused.value.code == "linkage-mergers-unusable"


@pytest.mark.parametrize(
    ("written", "room"),
    [
        ("横浜市西区みなとみらい2-3-1-501", "501"), ("横浜市西区みなとみらい２丁目３番１号　海ビル５０１号室", "501"), ("横浜市西区みなとみらい2-3-1 海ビル501", "501"),
        ("横浜市西区みなとみらい2-3-1 海ビル501 佐藤様方", "501"), ("横浜市西区みなとみらい2-3-1", None), ("横浜市西区みなとみらい2-3-1 海ビル3F", None), ("横浜市西区みなとみらい2-3-1 佐藤方", None),
    ],
)  # fmt: skip
def test_the_room_stands_apart_from_the_numbers(written: str, room: str | None) -> None:
    found = addresses.read(written)
    assert found is not None
    assert (found.town, found.numbers, found.room) == ("横浜市西区みなとみらい", "2-3-1", room)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("京都市中京区寺町通御池上る上本能寺前町488番地", "京都府京都市中京区上本能寺前町488"), ("岩手県九戸郡洋野町種市第23地割27番地", "洋野町種市23-27"),
        ("札幌市中央区北一条西二丁目", "札幌市中央区北1条西2"), ("千代田区一番町二十三番地", "千代田区一番町23"), ("和歌山市三番丁五番地", "和歌山市三番丁5"), ("府中市字小山1-2", "府中市小山1ノ2"),
    ],
)  # fmt: skip
def test_local_ways_of_writing(one: str, other: str) -> None:
    first, second = addresses.read(one), addresses.read(other)
    assert first is not None
    assert second is not None
    assert (first.town, first.numbers) == (second.town, second.numbers)


def test_a_name_of_several_prefectures_waits_for_the_postal_code() -> None:
    alone, placed = addresses.read("府中市宮西町2-24"), addresses.read("府中市宮西町2-24", "1830022")
    assert alone is not None
    assert placed is not None
    assert (alone.prefecture, placed.prefecture, alone.town) == (None, "東京都", placed.town)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("S60.4.3", "1985-04-03"), ("昭和60年4月3日生", "1985-04-03"), ("３６００４０３", "1985-04-03"), ("19850403", "1985-04-03"), ("1985.4.3", "1985-04-03"), ("昭和６０年４月３日（水）", "1985-04-03"),
        ("平成元年1月8日", "1989-01-08"), ("S64.1.8", "1989-01-08"), ("昭和64年3月1日", "1989-03-01"), ("H31.5.1", "2019-05-01"), ("H1.1.7", "1989-01-07"), ("T15.12.26", "1926-12-26"),
        ("60.4.3", None), ("2023-02-29", None), ("S65.1.1", None), ("不明", None), ("00000000", None), ("9999-99-99", None),
    ],
)  # fmt: skip
def test_birth_dates(written: str, day: str | None) -> None:
    found = birth_dates.read(written)
    assert (str(found) if found else None) == day


@pytest.mark.parametrize(
    ("written", "mobile"), [("090-1234-5678", True), ("07012345678", True), ("050-1234-5678", False), ("045-123-4567", False)]
)
def test_mobile_telephones(written: str, mobile: bool) -> None:
    number = phones.read(written)
    assert number is not None
    assert phones.is_mobile(number) is mobile


@pytest.mark.parametrize("written", ["0120-123-456", "0800-123-4567"])
def test_free_dials_are_nobodys(written: str) -> None:
    assert phones.read(written) is None


@pytest.mark.parametrize("payer", ["12131156", "54136015", "80137001", "15131158"])
def test_public_assistance_is_no_household_insurance(payer: str) -> None:
    assert insurance.read(payer, "", "1234567", "") is None


def test_an_employees_insurer_is_no_public_payer() -> None:
    assert insurance.read("01130012", "77", "9021", "00") is not None
    assert insurance.read("138057", "12", "9021", "00") is not None


def test_counts_are_frozen_and_stored(con: duckdb.DuckDBPyConnection) -> None:
    """A later row is judged by the counts of the first run: held, worn out, and the surname that splits its name."""
    first = [
        {
            "registration": f"a{n:02d}",
            "site_id": "S1",
            "name_kanji": f"佐藤 {given}",
            "phone": "045-000-1111",
            "birth_date": date(1940, 1, 1),
        }
        for n, given in enumerate("一二三四五六七" * 6)
    ]
    first += [
        {"registration": f"c{n:02d}", "site_id": "S1", "name_kanji": f"鈴木 {n}子", "birth_date": date(1940, 1, 1)} for n in range(20)
    ]
    con.register("first", table(first))
    frozen = keys.count(con, "first")
    assert keys.Frozen.from_tables(frozen.to_tables()) == frozen
    con.register(
        "later",
        table([{"registration": "b", "site_id": "S2", "name_kanji": "佐藤一", "phone": "0450001111", "birth_date": date(1940, 1, 1)}]),
    )
    keys.normalise_relation(con, "later", frozen)
    found = con.execute("SELECT * FROM linkage_keys").to_arrow_table().to_pylist()[0]
    assert (found["given_kanji"], found["kanji_held"], found["surname_held"], found["given_held"]) == (text_code("一"), 1, 7, 1)
    assert (found["phone"], found["mobile"], found["dob"] is None or found["dob_default"]) == (None, False, True)


def test_frozen_counts_hold_no_name_but_frequent_surnames(con: duckdb.DuckDBPyConnection) -> None:
    rows = [{"registration": f"a{n}", "site_id": "S1", "name_kanji": f"佐藤 {given}"} for n, given in enumerate("一二三四五")]
    con.register("rows", table([*rows, {"registration": "b", "site_id": "S1", "name_kanji": "稀有 花子", "name_kana": "ケウ ハナコ"}]))
    stored = keys.count(con, "rows").to_tables()
    texts = {value for held in stored.values() for column in held.columns for value in column.to_pylist() if isinstance(value, str)}
    assert "佐藤" in texts
    assert not {text for text in texts if "稀有" in text or "花子" in text or "ケウ" in text}


def test_the_order_of_rows_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    rows = [
        {"registration": f"a{n:02d}", "site_id": f"S{n % 3}", "name_kanji": f"佐藤 {given}", "address": f"府中市宮西町{n}"}
        for n, given in enumerate("一二三四五六七一二")
    ]
    con.register("one", table(rows))
    con.register("other", table(rows[::-1]))
    first, second = keys.normalise_and_count(con, "one", "made_one"), keys.normalise_and_count(con, "other", "made_other")
    assert first.digest() == second.digest()
    made = [con.execute(f"SELECT * FROM {name} ORDER BY node").to_arrow_table() for name in ("made_one", "made_other")]
    assert made[0].equals(made[1])
    assert tuple(made[0].column_names) == keys.KEYS
