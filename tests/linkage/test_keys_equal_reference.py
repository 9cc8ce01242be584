"""The set-based keys say of every row what the row-by-row readers say: names, addresses, numbers, whatever was written."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.linkage import address_columns, addresses, columns, glyphs, insurance, keys, names, phones, sexes
from kiban_processing.linkage.codes import bits, text_code
from kiban_processing.linkage.frozen import Frozen
from kiban_processing.linkage.municipalities import Mergers, read_mergers
from tests.linkage.conftest import table

SURNAMES = {
    "kanji": {"佐藤": 9, "佐": 5, "高橋": 7, "斎藤": 7, "小野": 6, "小野田": 6, "一": 5},
    "kana": {"サトウ": 9, "サト": 5, "タカハシ": 7, "オノ": 6, "オオノ": 6},
}
MERGERS = read_mergers(
    "prefecture,old,new,in_force\n埼玉県,浦和市,さいたま市,2001-05-01\n静岡県,浜松市中区,浜松市中央区,2024-01-01\n"
    "山梨県,石和町,笛吹市,2004-10-12\n埼玉県,小川町,浦和市,1950-01-01\n".encode()
)

KANJI_BITS = st.sampled_from(
    ["佐藤", "髙橋", "高橋", "齋藤", "斉藤", "小野", "田", "花子", "一", "の子", "ノ", "児", "太郎", "邉", "﨑", "神", "辻\U000e0100", "𠮷", "〓", "?", "Ａ", "Lan", "é", "ß", "ﾀﾞ", "ﾞ", "べ"]
)  # fmt: skip
KANA_BITS = st.sampled_from(
    ["サトウ", "ｻﾄｳ", "さとう", "タカハシ", "ﾀｶﾊｼ", "オオノ", "オーノ", "ハナコ", "ﾊﾅｺ", "ｶﾞ", "キ゛", "ヴィ", "ティ", "ッ", "ー", "-", "ﾞ", "ﾞﾞ", "ウウ", "ヅ", "ﾊﾟ", "ノコ", "ジ", "山", "Ann", "NGUYEN", "Ｌｅ", "É", "'", "ﾡ", "が", "か\u3099"]
)  # fmt: skip
MARKS = st.sampled_from(
    [" ", "　", "  ", "", "", "", "・", ",", "(", "（旧姓 ", ")", "）", "/", "様", " 様", " さん", "ベビー", "ベビーガール", "第一子", "の児", "通称", "《", "》", "\n", "\t", "\u200b", "\ufeff", "ﾍﾞﾋﾞｰ", "BABY", "\u3000\u3000"]
)  # fmt: skip
NOISE = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


def pieces(letters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    usual = st.tuples(letters, letters, st.sampled_from(["", " ", "　"]), letters, letters, MARKS).map("".join)
    return st.one_of(usual, st.lists(st.one_of(letters, MARKS, letters, NOISE), max_size=7).map("".join))


PLACES = st.sampled_from(
    [
        "埼玉県浦和市南浦和", "さいたま市桜木町", "埼玉県さいたま市大宮区大字桜木町", "札幌市中央区北二条西", "札幌市中央区北２条西", "京都市中京区寺町通御池上る上本能寺前町",
        "静岡県浜松市中区板屋町", "浜松市板屋町", "府中市", "東京都府中市宮西町", "比企郡小川町大塚", "小川町", "山梨県東八代郡石和町字市部", "みなとみらい", "千代田区一番町",
        "八王子市二ノ宮町", "竜ヶ崎市", "岩手県九戸郡洋野町種市第", "横文字町", "", " ", "三鷹市", "神\ufa19町", "高知市一ツ橋町", "和歌山市三番丁",
    ]
)  # fmt: skip
TAILS = st.sampled_from(
    ["1", "２", "三丁目", "十番地", "2番", "3号", "-", "－", "ー", "の", "ノ", "二", "四の五", "地割", "条", "線", "番町", "丁", " ", "　", "海ビル", "501号室", "３F", "三階", "佐藤様方", "A-12", "番", "号", "①", "\n", "千", "〇", "0012"]
)  # fmt: skip
ADDRESSES = st.one_of(
    st.tuples(PLACES, st.lists(TAILS, max_size=8).map("".join)).map("".join),
    st.lists(st.one_of(PLACES, TAILS, NOISE), max_size=6).map("".join),
)
POSTAL = st.sampled_from(
    [
        "",
        "336-0017",
        "3360017",
        "〒２２０－００１２",
        "2200012",
        "183-0022",
        "4307728",
        "0000000",
        "12",
        "なし",
        "６０４８５７１",
        "1111111",
    ]
)
DIGITS = st.sampled_from(
    [
        "0",
        "00",
        "12",
        "345",
        "０１",
        "-",
        "・",
        " ",
        "記号",
        "番号",
        "市川",
        "枝番",
        "9",
        "39131156",
        "06123457",
        "12131156",
        "１３８０５７",
        "なし",
        "ー",
        "②",
    ]
)
NUMBER = st.lists(DIGITS, max_size=4).map("".join)
PHONES = st.one_of(
    st.tuples(st.sampled_from(["045", "090", "０９０", "0120", "+81 90", "81", "9", "(03)"]), st.sampled_from(["-", "", "(", "－", " "]), st.from_regex(r"[0-9]{3,4}-?[0-9]{4}", fullmatch=True)).map("".join),
    st.sampled_from(["", "なし", "000-0000-0000", "0451234567 夜間", "自宅 045-123-4567", "0800-123-4567", "050-1234-5678", "-", "  "]),
)  # fmt: skip
DAYS = st.one_of(st.none(), st.dates(date(1940, 1, 1), date(2026, 1, 1)))

ROW = st.fixed_dictionaries(
    {
        "registered_on": DAYS, "name_kanji": st.one_of(st.none(), pieces(KANJI_BITS)), "name_kana": st.one_of(st.none(), pieces(KANA_BITS)),
        "birth_date": DAYS, "sex": st.sampled_from([None, "男", "F", "２", "不明", ""]), "postal_code": st.one_of(st.none(), POSTAL),
        "address": st.one_of(st.none(), ADDRESSES), "phone": st.one_of(st.none(), PHONES), "insurer_number": st.one_of(st.none(), NUMBER),
        "insured_symbol": st.one_of(st.none(), NUMBER), "insured_number": st.one_of(st.none(), NUMBER), "insured_branch": st.one_of(st.none(), NUMBER),
    }
)  # fmt: skip


def code(text: str | None) -> int | None:
    return text_code(text) if text else None


def meant(row: dict[str, Any], mergers: Mergers) -> dict[str, Any]:
    """The keys of one row by the readers of single values."""
    written = names.in_their_fields(row["name_kanji"] or "", row["name_kana"] or "")
    kanji, kana = names.read(written[0], "kanji", SURNAMES["kanji"]), names.read(written[1], "kana", SURNAMES["kana"])
    found: dict[str, Any] = {"newborn": bool((kanji and kanji.newborn) or (kana and kana.newborn))}
    for script, name in (("kanji", kanji), ("kana", kana)):
        for column, field in ((script, "full"), (f"{script}_wide", "wide"), (f"surname_{script}", "surname"), (f"given_{script}", "given"), (f"former_surname_{script}", "former"), (f"alias_{script}", "alias")):  # fmt: skip
            found[column] = code(getattr(name, field) if name else None)
    found["latin"] = code((kanji and kanji.latin) or (kana and kana.latin) or None)
    found["tokens_kana"] = code(kana.tokens if kana else None)
    found["kana_bits"] = bits(kana.wide) if kana and kana.wide else None
    found["given_kana_bits"] = bits(kana.given) if kana and kana.given else None
    if found["newborn"]:
        found |= dict.fromkeys(("given_kanji", "given_kana", "given_kana_bits", "tokens_kana"))
    postal = addresses.postal_code(row["postal_code"] or "")
    place = addresses.read(row["address"] or "", postal, mergers, row["registered_on"])
    found["postal"] = code(postal)
    for field in ("prefecture", "municipality", "town", "room"):
        found[field] = code(getattr(place, field) if place else None)
    found["address"] = code(f"{place.town}|{place.numbers}" if place and place.numbers else None)
    phone = phones.read(row["phone"] or "")
    found |= {"phone": code(phone), "mobile": bool(phone and phones.is_mobile(phone))}
    insured = insurance.read(*(row[field] or "" for field in ("insurer_number", "insured_symbol", "insured_number", "insured_branch")))
    found |= {
        "insurer": code(insured and insured.insurer),
        "insurance": code(insured and insured.household),
        "personal": code(insured and insured.personal),
    }
    branch = int(insured.branch) if insured and insured.branch else None
    found |= {"branch": branch if branch is None or branch < 2**15 else None, "elderly": bool(insured and insured.elderly)}
    found["sex"] = {"male": 1, "female": 2, None: None}[sexes.read(row["sex"] or "")]
    return found


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


FROZEN = Frozen(keys.VERSION, 0, SURNAMES)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(ROW, min_size=1, max_size=20))
def test_whole_columns_and_single_values_are_read_alike(engine: duckdb.DuckDBPyConnection, written: list[dict[str, Any]]) -> None:
    rows = [{"registration": f"{place:03d}", "site_id": "S1", **row} for place, row in enumerate(written)]
    engine.register("written", table(rows))
    keys.normalise_relation(engine, "written", FROZEN, mergers=MERGERS)
    made = engine.execute("SELECT * FROM linkage_keys ORDER BY node").to_arrow_table().to_pylist()
    for row, found in zip(rows, made, strict=True):
        expected = meant(row, MERGERS)
        assert {column: found[column] for column in expected} == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ADDRESSES, min_size=1, max_size=30))
def test_addresses_are_cut_alike(engine: duckdb.DuckDBPyConnection, written: list[str]) -> None:
    lines = [address.replace("\n", " ") for address in written]
    engine.register("addresses", pa.table({"address": lines}))
    heads = [row[0] for row in engine.execute(f"SELECT {address_columns.HEAD} FROM addresses").fetchall()]
    assert heads == [addresses.divided(address)[0] for address in written]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(pieces(KANJI_BITS), NOISE), max_size=12), st.integers(1, 4))
def test_a_column_is_folded_as_its_values_are(written: list[str], at_a_time: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_AT_A_TIME", at_a_time)
        folded = columns.folded_column(pa.chunked_array([written[:5], written[5:]], pa.string()), glyphs.strict_lines)
    assert folded.to_pylist() == [glyphs.strict(text) for text in written]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(KANJI_BITS, st.sampled_from([" ", "　", ""]), KANJI_BITS, KANJI_BITS, MARKS).map("".join), min_size=1, max_size=120)
)
def test_surnames_are_learnt_alike(engine: duckdb.DuckDBPyConnection, written: list[str]) -> None:
    rows: list[dict[str, object]] = [
        {"registration": f"{place:03d}", "site_id": "S1", "name_kanji": name} for place, name in enumerate(written)
    ]
    engine.register("written", table(rows))
    assert keys.count(engine, "written").surnames["kanji"] == names.learn_surnames(written, "kanji")
