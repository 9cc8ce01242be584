"""Names as hospitals write them: former names, aliases, newborns, foreign names and unreadable characters."""

from __future__ import annotations

import pytest

from kiban_processing.linkage import kana, names
from kiban_processing.linkage.codes import bits, bits_of, text_code

SURNAMES = {"佐藤": 9, "高橋": 9, "サトウ": 9}


def kanji(text: str) -> names.Name:
    found = names.read(text, "kanji", SURNAMES)
    assert found is not None
    return found


def reading(text: str) -> names.Name:
    found = names.read(text, "kana", SURNAMES)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "written",
    [
        "髙橋花子(旧姓佐藤)",
        "高橋 花子（旧 佐藤）",
        "高橋（佐藤） 花子",
        "高橋 花子《佐藤》",
        "高橋 花子【旧姓:佐藤】",
        "高橋(旧姓：佐藤) 花子 様",
        "高橋 花子（佐藤",
    ],
)
def test_a_former_surname_is_kept_beside_the_name(written: str) -> None:
    found = kanji(written)
    assert (found.wide, found.surname, found.given, found.former) == ("高橋花子", "高橋", "花子", "佐藤")


def test_a_former_surname_in_kana() -> None:
    assert reading("ﾀｶﾊｼ ﾊﾅｺ(ｷｭｳｾｲ ｻﾄｳ)").former == kana.wide("サトウ")


@pytest.mark.parametrize(
    "written", ["金 明哲（通称 金田 明）", "金 明哲(金田 明)", "金 明哲/金田 明", "金　明哲 ／ 金田　明", "金 明哲(通称名:金田明)"]
)
def test_an_alias_is_another_full_name(written: str) -> None:
    found = kanji(written)
    assert (found.wide, found.alias, found.former) == ("金明哲", "金田明", None)


@pytest.mark.parametrize(
    "written",
    ["佐藤花子ベビー", "佐藤 花子 べびー", "佐藤花子ベビーガール", "佐藤　花子　ＢＡＢＹ", "佐藤花子の児", "佐藤花子の子", "佐藤 花子の子", "佐藤（花子）児", "佐藤花子 第１子", "佐藤花子　第二子", "佐藤花子 新生児", "佐藤 花子ﾍﾞﾋﾞｰ"],
)  # fmt: skip
def test_a_baby_bears_its_mothers_name_and_no_given_name(written: str) -> None:
    found = kanji(written)
    assert (found.newborn, found.wide, found.surname, found.given) == (True, "佐藤花子", "佐藤", None)


@pytest.mark.parametrize(
    "written", ["ｻﾄｳ ﾊﾅｺﾍﾞﾋﾞｰ", "サトウ ハナコノコ", "サトウ　ハナコ　ノコ", "サトウハナコベビ－", "さとう はなこ べびー"]
)
def test_a_baby_in_kana(written: str) -> None:
    found = reading(written)
    assert (found.newborn, found.wide, found.given) == (True, kana.wide("サトウハナコ"), None)


@pytest.mark.parametrize("written", ["佐藤 美の子", "木下 のの子", "児玉 清", "小児 太郎", "佐藤 第二", "井ノ児 桜", "ベーカー 花"])
def test_names_that_only_look_like_a_babys(written: str) -> None:
    assert not kanji(written).newborn


@pytest.mark.parametrize("written", ["佐藤 花子ベビーＡ", "佐藤花子の子第一子", "佐藤　花子児第二子"])
def test_a_twin_without_a_name_bears_its_mothers(written: str) -> None:
    assert (kanji(written).newborn, kanji(written).wide) == (True, "佐藤花子")


def test_a_reading_in_the_kanji_field_is_a_reading() -> None:
    assert names.in_their_fields("ｻﾄｳ ﾊﾅｺ", "サトウ ハナコ") == ("", "サトウ ハナコ")
    assert names.in_their_fields("さとう はなこ", "") == ("", "さとう はなこ")
    assert names.in_their_fields("佐藤 さくら", "") == ("佐藤 さくら", "")
    assert names.in_their_fields("", "佐藤 花子") == ("佐藤 花子", "")


def test_latin_words_where_no_other_name_is_written_are_the_name() -> None:
    """A surname alone, or with an initial, is that of a whole family; beside a kanji name Latin words are its reading."""
    assert names.in_their_fields("", "Ｎｇｕｙｅｎ　Lan") == ("Ｎｇｕｙｅｎ　Lan", "")
    assert names.in_their_fields("グエン ラン", "NGUYEN, LAN") == ("NGUYEN, LAN", "グエン ラン")
    assert names.in_their_fields("阮 蘭", "NGUYEN LAN") == ("阮 蘭", "NGUYEN LAN")
    for alone in ("NGUYEN", "NGUYEN T.", "O'BRIEN", "JEAN-PAUL", "GARCÍA"):
        assert names.in_their_fields("", alone) == ("", alone)


def test_a_given_name_ending_in_noko_is_a_name() -> None:
    assert not reading("サトウ カノコ").newborn


@pytest.mark.parametrize(
    "written",
    [
        "SANTOS Maria Cristina",
        "Maria Cristina SANTOS",
        "Santos, Maria Cristina",
        "Ms. Maria Cristina Santos",
        "ＳＡＮＴＯＳ　ＭＡＲＩＡ　ＣＲＩＳＴＩＮＡ",
        "Sántos María Cristina",
    ],
)
def test_latin_words_in_any_order_are_one_name(written: str) -> None:
    assert kanji(written).latin == "CRISTINA MARIA SANTOS"


@pytest.mark.parametrize(
    ("one", "other"),
    [("サントス マリア", "マリア サントス"), ("マルティネス ヴィクトル", "マルチネス ビクトル"), ("フィリップ ジョン", "ジヨン フイリプ"), ("グェン ティ ラン", "ラン グエン チ")],
)  # fmt: skip
def test_kana_of_foreign_names_in_another_order_and_spelling(one: str, other: str) -> None:
    assert reading(one).tokens == reading(other).tokens is not None


def test_doubled_consonants_matter_outside_the_tokens() -> None:
    assert reading("マツシタ ハナ").surname != reading("マシタ ハナ").surname


@pytest.mark.parametrize("mark", "〓?■□●")
def test_an_unreadable_character_makes_its_part_say_nothing(mark: str) -> None:
    found = kanji(f"{mark}橋　花子")
    assert (found.full, found.wide, found.surname, found.given) == (None, None, None, "花子")


@pytest.mark.parametrize("written", ["佐藤 花子 さん", "佐藤花子さん", "佐藤花子様", "佐藤 花子 殿", "佐藤　花子　氏"])
def test_titles_are_no_part_of_a_name(written: str) -> None:
    assert kanji(written).given == "花子"


def test_only_surnames_of_several_given_names_are_learnt() -> None:
    many = [f"佐藤 {given}" for given in ("一", "二", "三", "四", "五")]
    assert names.learn_surnames([*many, *[f"鈴木 {given}" for given in "一二三四"], *["高橋 一"] * 9], "kanji") == {"佐藤": 5}


def test_codes_are_stable() -> None:
    """Stored states hold them: these two numbers must never change (SHA-256 of the UTF-8 text, first 15 hexadecimal digits)."""
    assert text_code("abc") == 0xBA7816BF8F01CFE
    assert text_code("") == 0xE3B0C44298FC1C1


def test_bitmaps_of_many_readings_are_those_of_each() -> None:
    readings = ["サトハナコ", "", "ア", "タカハシハナコ", "MARIA"]
    assert bits_of(readings).tolist()[:1] == [bits(readings[0])]
    assert [found for found, text in zip(bits_of(readings).tolist(), readings, strict=True) if text] == [
        bits(text) for text in readings if text
    ]
    assert all(0 <= bits(text) < 2**63 for text in readings)


def test_a_mistyped_reading_is_nearer_than_another() -> None:
    def nearness(one: str, other: str) -> float:
        return 2 * (bits(one) & bits(other)).bit_count() / (bits(one).bit_count() + bits(other).bit_count())

    assert nearness("タカハシハナコ", "タカハシハナカ") > 0.7 > 0.4 > nearness("タカハシハナコ", "ワタナベミツオ")
