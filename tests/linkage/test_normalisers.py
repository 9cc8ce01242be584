"""Each field's normaliser: what must become equal, and what must stay apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage import addresses, glyphs, insurance, kana, names, phones, sexes

# Characters that names and addresses are made of, in every width and shape.
JAPANESE = st.text(
    st.one_of(
        st.characters(min_codepoint=0x3040, max_codepoint=0x30FF),
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.characters(min_codepoint=0xFF00, max_codepoint=0xFFEF),
        st.sampled_from("髙﨑𠮷邉濵神 　・-ー一二三123丁目番地号ヶ\U000e0100"),
    ),
    max_size=20,
)


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("髙橋", "高橋"),
        ("山﨑", "山崎"),
        ("𠮷田", "吉田"),
        ("濵田", "浜田"),
        ("濱田", "浜田"),
        ("廣瀨", "広瀬"),
        ("澤", "沢"),
        ("渡邊", "渡辺"),
        ("齋藤", "斎藤"),
        ("齊藤", "斉藤"),
        ("\ufa19田", "神田"),  # CJK compatibility ideograph
        ("葛\U000e0100城", "葛城"),  # variation selector
        ("德永", "徳永"),
    ],
)
def test_shapes_of_one_character_are_strictly_equal(written: str, also: str) -> None:
    assert glyphs.strict(written) == glyphs.strict(also)


@pytest.mark.parametrize(
    ("one", "other"), [("斎藤", "斉藤"), ("中島", "中嶋"), ("渡辺", "渡邉"), ("富田", "冨田"), ("館", "舘"), ("渕", "淵"), ("野", "埜")]
)
def test_what_clerks_mix_is_equal_only_widely(one: str, other: str) -> None:
    assert glyphs.strict(one) != glyphs.strict(other)
    assert glyphs.wide(one) == glyphs.wide(other)


@pytest.mark.parametrize(("one", "other"), [("大崎", "大埼"), ("玉田", "王田"), ("太田", "大田"), ("並木", "並本"), ("安部", "阿部")])
def test_different_characters_stay_apart(one: str, other: str) -> None:
    assert glyphs.wide(one) != glyphs.wide(other)


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("ｻｲﾄｳ", "サイトウ"),
        ("さいとう", "サイトウ"),
        ("サイトー", "サイトウ"),
        ("ｻｲﾄ-", "サイトウ"),
        ("シヨウタ", "ショウタ"),
        ("ミツキ゛", "ミツギ"),
        ("イイヅカ", "イイズカ"),
        ("オーノ", "オオノ"),
        ("コウイチ", "コーイチ"),
        ("ユウコ", "ユーコ"),
        ("サトウ　ハナコ", "サトウハナコ"),
        ("ヴィクター", "ビクター"),
    ],
)
def test_spellings_of_one_reading_are_strictly_equal(written: str, also: str) -> None:
    assert kana.strict(written.replace("キ゛", "ギ")) == kana.strict(also)


@pytest.mark.parametrize(("one", "other"), [("オオノ", "オノ"), ("サトウ", "サイトウ"), ("ケンジ", "ケンシ"), ("ユウコ", "ヨウコ")])
def test_different_readings_stay_apart(one: str, other: str) -> None:
    assert kana.strict(one) != kana.strict(other)


@pytest.mark.parametrize(
    "written",
    [
        "佐藤　花子",
        "佐藤 花子 様",
        "佐藤 花子（旧姓 髙橋）",
        "佐藤花子殿",
        "佐藤 花子 氏",
        "佐藤花子さん".replace("さん", " さん"),
        "佐藤・花子",
    ],
)
def test_spaces_titles_and_brackets_are_no_part_of_a_name(written: str) -> None:
    found = names.read(written, "kanji", {"佐藤": 3})
    assert found is not None
    assert (found.full, found.surname, found.given) == ("佐藤花子", "佐藤", "花子")


def test_an_unspaced_name_is_split_by_the_more_frequent_surname() -> None:
    surnames = names.learn_surnames(["小野 一", "小野 学", "小野田 実"], "kanji", least=1)
    found = names.read("小野花子", "kanji", surnames)
    assert found is not None
    assert found.given == "花子"
    unsplit = names.read("鈴木花子", "kanji", surnames)
    assert unsplit is not None
    assert unsplit.given is None


@pytest.mark.parametrize("written", ["佐藤花子ベビー", "佐藤　花子　ＢＡＢＹ", "佐藤（花子）児", "佐藤花子 第一子", "佐藤 新生児"])
def test_a_newborn_has_no_given_name_yet(written: str) -> None:
    found = names.read(written, "kanji", {"佐藤": 3})
    assert found is not None
    assert found.newborn
    assert found.given is None


@pytest.mark.parametrize("written", ["佐藤 桜子", "佐藤 第二", "児玉 清", "小児 太郎"])
def test_ordinary_names_are_no_newborns(written: str) -> None:
    assert not names.is_newborn(written)


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("埼玉県さいたま市大宮区桜木町１丁目２番３号", "さいたま市大宮区桜木町1-2-3"),
        ("埼玉県さいたま市大宮区桜木町一丁目二番三号", "さいたま市大宮区桜木町1-2-3"),
        ("さいたま市大宮区桜木町1ー2ー3 桜ハイツ201", "さいたま市大宮区桜木町1-2-3"),
        ("さいたま市大宮区桜木町1丁目2番地3", "さいたま市大宮区桜木町1−2−3"),
        ("さいたま市大宮区桜木町1の2の3", "さいたま市大宮区桜木町1-2-3"),
        ("愛知県愛知郡東郷町大字春木字音貝107番地", "東郷町春木字音貝107"),
        ("茨城県龍ヶ崎市3710番地", "竜ケ崎市3710"),
        ("北海道札幌市中央区北二条西三丁目", "札幌市中央区北2条西3丁目"),
        ("東京都千代田区一番町12番地", "千代田区一番町12"),
    ],
)
def test_ways_of_writing_one_address(written: str, also: str) -> None:
    one, other = addresses.read(written), addresses.read(also)
    assert one is not None
    assert other is not None
    assert (one.town, one.numbers) == (other.town, other.numbers)


@pytest.mark.parametrize(
    ("one", "other"),
    [("横浜市西区1-2-3", "横浜市西区1-2-4"), ("八王子市横山町1-2", "立川市横山町1-2"), ("新宿区西新宿2-8", "新宿区西新宿28")],
)
def test_different_addresses_stay_apart(one: str, other: str) -> None:
    assert addresses.read(one) != addresses.read(other)


def test_numerals_inside_place_names_are_names() -> None:
    found = addresses.read("八王子市二ノ宮町五丁目十番地")
    assert found is not None
    assert found.town.startswith("八王子市二")
    assert found.numbers == "5-10"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("06123457", "0012", "000345", "01"), ("6123457", "12", "345", "1")),
        (("６１２３４５７", "１２", "３４５", "１"), ("06123457", "12", "345", "01")),
        (("06123457", "", "12・345", "01"), ("06123457", "12", "345", "1")),
        (("06123457", "", "12-345-01", ""), ("06123457", "12", "345", "1")),
        (("06123457", "", "記号12 番号345 枝番01", ""), ("06123457", "12", "345", "1")),
    ],
)
def test_ways_of_writing_one_insurance_number(one: tuple[str, str, str, str], other: tuple[str, str, str, str]) -> None:
    assert insurance.read(*one) == insurance.read(*other) is not None


def test_a_branch_tells_the_members_of_a_family_apart() -> None:
    father, child = insurance.read("06123457", "12", "345", "00"), insurance.read("06123457", "12", "345", "02")
    assert father is not None
    assert child is not None
    assert father.household == child.household
    assert father.personal != child.personal


def test_without_a_branch_only_late_elderly_numbers_are_personal() -> None:
    family, elderly = insurance.read("138057", "", "345", ""), insurance.read("39131156", "", "345", "")
    assert family is not None
    assert elderly is not None
    assert (family.personal, elderly.personal) == (None, elderly.household)
    assert insurance.read("", "12", "345", "01") is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("045-123-4567", "0451234567"),
        ("０４５（１２３）４５６７", "0451234567"),
        ("451234567", "0451234567"),
        ("+81-90-1234-5678", "09012345678"),
        ("不明", None),
        ("0000000000", None),
        ("123", None),
    ],
)
def test_telephones(written: str, expected: str | None) -> None:
    assert phones.read(written) == expected


def test_sexes() -> None:
    assert [sexes.read(text) for text in ("男", "female", "Ｍ", "2", "その他", "")] == ["male", "female", "male", "female", None, None]


@given(JAPANESE)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert glyphs.strict(glyphs.strict(text)) == glyphs.strict(text)
    assert glyphs.wide(glyphs.wide(text)) == glyphs.wide(text)
    assert kana.strict(kana.strict(text)) == kana.strict(text)
    assert kana.wide(kana.wide(text)) == kana.wide(text)
    assert names.cleaned(names.cleaned(text)) == names.cleaned(text)


@given(JAPANESE, JAPANESE)
def test_strictly_equal_is_widely_equal(one: str, other: str) -> None:
    if glyphs.strict(one) == glyphs.strict(other):
        assert glyphs.wide(one) == glyphs.wide(other)
    assert glyphs.wide(glyphs.strict(one)) == glyphs.wide(one)
    assert kana.wide(kana.strict(one)) == kana.wide(one)


@given(JAPANESE)
def test_no_text_is_too_strange_to_read(text: str) -> None:
    names.read(text, "kanji", {"佐藤": 1})
    names.read(text, "kana", {"サト": 1})
    addresses.read(text)
    insurance.read(text, text, text, text)
    phones.read(text)
    sexes.read(text)
