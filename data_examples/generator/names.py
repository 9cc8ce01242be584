"""氏名 (names): common surnames and given names with the reading that belongs to each, and how often they are met."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Name:
    """One part of a name: how it is written and how it is read (full-width katakana)."""

    kanji: str
    kana: str


_SURNAMES = """
佐藤サトウ18 鈴木スズキ18 高橋タカハシ14 田中タナカ13 渡辺ワタナベ10 伊藤イトウ11 山本ヤマモト10 中村ナカムラ10 小林コバヤシ10 加藤カトウ9
吉田ヨシダ8 山田ヤマダ8 佐々木ササキ7 山口ヤマグチ6 松本マツモト6 井上イノウエ6 木村キムラ6 林ハヤシ5 斎藤サイトウ4 清水シミズ5
山崎ヤマザキ4 森モリ5 池田イケダ5 橋本ハシモト4 阿部アベ4 石川イシカワ4 山下ヤマシタ4 中島ナカジマ4 石井イシイ5 小川オガワ4
前田マエダ3 岡田オカダ3 長谷川ハセガワ4 藤田フジタ3 後藤ゴトウ3 近藤コンドウ3 村上ムラカミ3 遠藤エンドウ3 青木アオキ3 坂本サカモト3
斉藤サイトウ3 福田フクダ3 太田オオタ3 西村ニシムラ2 藤井フジイ2 金子カネコ3 岡本オカモト2 藤原フジワラ2 三浦ミウラ3 中野ナカノ2
中川ナカガワ2 原田ハラダ2 松田マツダ2 竹内タケウチ2 小野オノ2 田村タムラ2 渡邊ワタナベ2 髙橋タカハシ2 山﨑ヤマザキ1 齋藤サイトウ1
鵜澤ウザワ1 鶴岡ツルオカ1 伊東イトウ1 辻ツジ1 東海林ショウジ1 小山田オヤマダ1
"""

# written reading weight, and the years of birth in which the name was mostly given
_MALE = """
清キヨシ6:1915-1949 茂シゲル5:1915-1949 勇イサム4:1915-1945 正一ショウイチ3:1915-1945 三郎サブロウ3:1915-1945 実ミノル4:1918-1955
博ヒロシ5:1930-1965 進ススム4:1930-1960 勝マサル4:1935-1960 隆タカシ4:1940-1970 誠マコト5:1945-1985 和夫カズオ5:1935-1962
幸雄ユキオ3:1935-1960 健一ケンイチ4:1945-1985 浩ヒロシ4:1955-1975 修オサム3:1945-1970 直樹ナオキ4:1960-1995 哲也テツヤ4:1960-1985
英樹ヒデキ3:1962-1980 剛ツヨシ3:1965-1985 大輔ダイスケ5:1972-1995 健太ケンタ4:1980-2000 翔太ショウタ5:1985-2002 拓也タクヤ4:1980-2000
翔ショウ3:1987-2008 達也タツヤ3:1975-1998 蓮レン4:2001-2025 大翔ヒロト4:2003-2022 悠真ユウマ4:2005-2025 陽太ヨウタ3:2000-2022
湊ミナト4:2010-2025 樹イツキ3:2004-2025 颯太ソウタ3:2003-2020 朝陽アサヒ3:2010-2025 陸リク3:1998-2022 碧アオイ2:2012-2025
純一ジュンイチ3:1955-1985 亮リョウ3:1970-1998 優ユウ2:1985-2015 匠タクミ2:1990-2015
"""
_FEMALE = """
ハナハナ3:1912-1932 キヨキヨ3:1912-1930 千代チヨ3:1915-1940 静江シズエ3:1915-1942 文子フミコ4:1920-1955 和子カズコ6:1925-1958
幸子サチコ5:1928-1960 節子セツコ4:1925-1955 洋子ヨウコ5:1932-1965 恵子ケイコ5:1938-1970 京子キョウコ4:1935-1965 美智子ミチコ4:1935-1965
順子ジュンコ4:1940-1968 由美子ユミコ4:1948-1975 明美アケミ4:1952-1978 真由美マユミ4:1955-1980 久美子クミコ4:1950-1978 直美ナオミ4:1955-1982
智子トモコ4:1958-1985 裕子ユウコ4:1955-1982 陽子ヨウコ3:1950-1982 恵メグミ3:1968-1992 愛アイ4:1978-2000 彩アヤ4:1980-2000
美咲ミサキ5:1988-2008 麻衣マイ3:1978-1998 さくらサクラ3:1992-2020 七海ナナミ3:1990-2012 葵アオイ4:1998-2025 結衣ユイ4:2000-2025
陽菜ヒナ4:2000-2022 凛リン4:2003-2025 咲良サクラ3:2005-2025 芽依メイ3:2006-2025 結菜ユイナ3:2003-2022 美月ミツキ3:1998-2022
真理子マリコ3:1950-1985 香織カオリ3:1965-1990 千尋チヒロ2:1975-2010 優ユウ2:1990-2012
"""


def _split(written: str) -> tuple[Name, int]:
    """One entry of a table; a name written in katakana itself stands twice, once as writing and once as reading."""
    text = written.rstrip("0123456789")
    weight = int(written[len(text) :])
    start = next(i for i in range(len(text)) if all("ァ" <= c <= "ヶ" or c == "ー" for c in text[i:]))
    if start == 0:
        start = len(text) // 2
    return Name(text[:start], text[start:]), weight


_SURNAME_TABLE = tuple(_split(entry) for entry in _SURNAMES.split())


def _given(table: str) -> tuple[tuple[Name, int, int, int], ...]:
    found = []
    for entry in table.split():
        name, years = entry.split(":")
        first, last = years.split("-")
        found.append((*_split(name), int(first), int(last)))
    return tuple(found)


_GIVEN_TABLES = {"male": _given(_MALE), "female": _given(_FEMALE)}

SURNAMES: tuple[Name, ...] = tuple(name for name, _ in _SURNAME_TABLE)
GIVEN_NAMES: dict[str, tuple[Name, ...]] = {sex: tuple(entry[0] for entry in table) for sex, table in _GIVEN_TABLES.items()}


def surname(kanji: str) -> Name:
    """The surname of the table that is written so."""
    return next(name for name in SURNAMES if name.kanji == kanji)


def given(sex: str, kanji: str) -> Name:
    """The given name of the table that is written so."""
    return next(name for name in GIVEN_NAMES[sex] if name.kanji == kanji)


def draw_surname(chance: Random) -> Name:
    """A surname, as often as it is met."""
    return chance.choices(SURNAMES, [weight for _, weight in _SURNAME_TABLE])[0]


def draw_given(chance: Random, sex: str, year: int) -> Name:
    """A given name in fashion in the year of birth."""
    fitting = [(name, weight) for name, weight, first, last in _GIVEN_TABLES[sex] if first - 2 <= year <= last + 2]
    return chance.choices([name for name, _ in fitting], [weight for _, weight in fitting])[0]
