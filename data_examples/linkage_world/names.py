"""氏名の語彙 (vocabulary of names): surnames and given names put together from elements with readings, with how often each is met.

No list of names is copied: a surname is a first and a last element (山 + 本), a given name a stem and an ending (健 + 一), and how common each
combination is comes from the weights of its parts and a fixed lot. Ranks follow a Zipf–Mandelbrot curve fitted to published shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FORMS = 6  # places kept for the written forms of one name: 0 the plain one, 1 to 5 older or rarer shapes
_LOT = 20_260_101  # the vocabulary is the same in every world; a world's seed draws people from it

# element, reading, weight
_FIRST = """
山ヤマ90 田タ50 中ナカ80 高タカ70 小コ60 大オオ60 松マツ55 上ウエ35 西ニシ35 北キタ25 東ヒガシ12 南ミナミ10 川カワ35 石イシ45 吉ヨシ50
森モリ35 木キ25 村ムラ30 前マエ25 岡オカ35 長ナガ30 藤フジ45 佐サ45 加カ20 伊イ25 安ヤス18 井イ18 池イケ28 橋ハシ16 坂サカ22 清キヨ14
青アオ20 赤アカ10 白シラ14 黒クロ18 金カネ22 野ノ22 原ハラ18 平ヒラ26 福フク28 富トミ16 古フル14 新ニイ14 今イマ16 秋アキ16 春ハル5
夏ナツ3 冬フユ1 杉スギ26 竹タケ28 梅ウメ12 桜サクラ8 柳ヤナギ10 栗クリ10 桑クワ8 萩ハギ7 菊キク10 荒アラ16 水ミズ16 河カワ20 沢サワ12
谷タニ18 島シマ16 浜ハマ14 岩イワ20 土ツチ8 倉クラ9 宮ミヤ30 寺テラ14 神カミ10 鈴スズ14 増マス14 丸マル10 角カド5 飯イイ16 米ヨネ8
稲イナ10 若ワカ12 早ハヤ6 遠エン6 近コン6 内ウチ14 外ホカ1 奥オク12 門カド4 市イチ9 片カタ7 菅スガ12 関セキ12 熊クマ8 亀カメ6 鶴ツル6
鳥トリ5 鷲ワシ2 馬バ3 牛ウシ1 猪イノ2 鹿シカ2 渡ワタ10 浅アサ12 深フカ9 広ヒロ10 細ホソ9 太オオ10 堀ホリ12 塚ツカ6 戸ト7 辻ツジ8 葛クズ3
樋ヒ4 榊サカキ3 久ク14 三ミ22 二フタ3 五イ5 八ヤ12 千チ6 百モモ2 十ト2 日ヒ4 月ツキ2 星ホシ6 矢ヤ14 弓ユミ2 玉タマ10 宝タカラ2 光ミツ3
永ナガ10 徳トク8 栄サカエ2 国クニ6 真マ5 恵エ3 芦アシ3 蒲カマ2 茂シゲ4 柴シバ8 草クサ4 花ハナ5 樫カシ1 椎シイ2 楠クスノキ2 滝タキ8
波ナミ3 磯イソ4 湯ユ5 酒サカ7 塩シオ6 糸イト3 絹キヌ1 笠カサ5 船フナ5 車クルマ1 鎌カマ4 斧オノ1 生イク3 武タケ10 相アイ6 有アリ7 足アシ4
江エ10 尾オ7 織オ3 甲カイ2 瀬セ4 曽ソ4 須ス6 仁ニ2 根ネ4 羽ハ5 浦ウラ5 下シモ10 城シロ4 住スミ3 園ソノ2 立タチ3 津ツ6 手テ2 出デ3 仲ナカ5
成ナリ6 沼ヌマ3 信シン2 初ハツ1 服ハッ3 伏フシ1 星野ホシノ3 本ホン8 牧マキ5 町マチ4 向ムカイ4 室ムロ4 物モノ1 諸モロ2 薬ヤク1 和ワ6 脇ワキ3
佐々ササ9 長谷ハセ8 小笠オガサ3 五十イガ1 大久オオク4 東海ショウ1 宇ウ4 勝カツ4 吾ア1 阿ア8 多タ4 比ヒ2 美ミ2 朝アサ4 香カ2 瓜ウリ1
"""
# element, readings (plain and voiced, one of them usual for a family), weight; an element with * reads オン with 藤-like firsts
_LAST = """
田タ/ダ100 本モト60 村ムラ70 川カワ/ガワ75 口グチ35 木キ/ギ30 野ノ70 山ヤマ55 井イ45 沢サワ/ザワ45 島シマ/ジマ40 崎サキ/ザキ40 原ハラ/バラ55
藤トウ/ドウ25 橋ハシ/バシ22 林バヤシ20 下シタ20 上カミ/ウエ14 中ナカ26 内ウチ28 尾オ22 岡オカ20 谷タニ/ヤ28 森モリ12 池イケ8 倉クラ/グラ12
塚ツカ/ヅカ12 浦ウラ12 瀬セ18 浜ハマ8 坂サカ/ザカ8 辺ベ14 部ベ14 松マツ10 宮ミヤ8 水ミズ6 石イシ6 見ミ8 越コシ/ゴシ5 脇ワキ5 子コ6 屋ヤ8
沼ヌマ6 津ツ/ヅ10 江エ6 根ネ8 城シロ/ギ6 保ホ6 葉バ4 間マ6 戸ト/ド7 堀ホリ/ボリ5 里サト/ザト4 岩イワ4 杉スギ5 竹タケ/ダケ4 畑ハタ/バタ10
地チ/ジ5 場バ6 西ニシ4 東ヒガシ2 平ヒラ/ダイラ6 富トミ2 吉ヨシ4 垣ガキ8 関ゼキ2 舘ダテ2 柳ヤナギ2 条ジョウ2 形カタ/ガタ3 羽ハ/バ2 久ヒサ2 丸マル2
渕フチ/ブチ3 峰ミネ3 門カド2 方カタ/ガタ2 泉イズミ5 園ゾノ3 町マチ3 生ブ/オ2 寺デラ3 目メ2 美ミ1 馬マ2 栄エ1 々木サキ3 波ナミ1 船フネ1 守モリ2
"""
# Older shapes of one character: the plain one, then what registers of families hold. U+E0100 and its kin choose a glyph (IVS).
OLD_SHAPES: dict[str, tuple[str, ...]] = {
    "高": ("髙",), "崎": ("﨑", "嵜"), "辺": ("邊", "邉", "邉\U000e0103"), "斎": ("齋", "斉", "齊"), "沢": ("澤",), "島": ("嶋", "嶌"), "富": ("冨",),
    "桜": ("櫻",), "広": ("廣",), "浜": ("濱", "濵"), "瀬": ("瀨",), "吉": ("𠮷",), "国": ("國",), "真": ("眞",), "恵": ("惠",), "栄": ("榮",),
    "徳": ("德",), "桑": ("桒",), "辻": ("辻\U000e0101",), "葛": ("葛\U000e0100",), "榊": ("榊\U000e0100",), "神": ("神",), "福": ("福",), "滝": ("瀧",),
    "渕": ("淵",), "条": ("條",), "峰": ("峯",), "関": ("關",), "竜": ("龍",), "亀": ("龜",), "館": ("舘",), "黒": ("黑",), "稲": ("稻",), "曽": ("曾",),
    "薬": ("藥",), "実": ("實",), "寿": ("壽",), "隆": ("隆",), "祐": ("祐",), "礼": ("禮",), "秀": ("秀\U000e0101",), "舟": ("舩",), "船": ("舩",), "遠": ("遠\U000e0101",),
    "飯": ("飯\U000e0100",), "樋": ("樋\U000e0100",), "芦": ("芦\U000e0100", "蘆"), "角": ("角\U000e0101",), "平": ("平\U000e0101",),
    "西": ("西\U000e0101",), "青": ("靑", "青\U000e0101"),
    "円": ("圓",), "為": ("爲",), "愛": ("愛\U000e0101",), "塚": ("塚",), "柳": ("栁",), "戸": ("戶",), "野": ("埜",), "万": ("萬",), "弥": ("彌",),
}  # fmt: skip

# stem, reading, centre year, width, weight
_MALE_STEMS = """
正マサ1935:22:10 勝カツ1942:14:6 和カズ1952:16:12 幸ユキ1950:18:9 義ヨシ1942:18:9 昭アキ1938:12:6 清キヨ1932:16:5 茂シゲ1935:16:5 敏トシ1950:14:7
孝タカ1956:16:9 隆タカ1956:16:8 英ヒデ1960:20:9 秀ヒデ1958:20:8 博ヒロ1956:16:8 弘ヒロ1948:16:6 光ミツ1948:18:6 信ノブ1956:20:7 明アキ1956:18:7
康ヤス1960:16:6 哲テツ1964:14:6 健ケン1974:18:9 浩ヒロ1966:10:8 裕ユウ1976:16:6 祐ユウ1982:14:5 雄ユウ1986:16:6 俊トシ1970:20:7 直ナオ1976:14:8 智トモ1978:12:6
友トモ1980:12:4 伸シン1972:14:4 真シン1980:18:6 慎シン1978:14:5 達タツ1974:14:6 竜リュウ1988:16:6 大ダイ1984:14:8 拓タク1986:12:6 翔ショウ1994:12:8 亮リョウ1984:14:5
涼リョウ1994:12:4 優ユウ1996:14:6 悠ユウ2006:12:8 陽ハル2012:9:8 颯ソウ2010:9:6 蒼ソウ2014:8:6 湊ミナ2016:7:4 蓮レン2012:8:5 海カイ2004:12:6 航コウ1998:12:5
啓ケイ1972:16:5 圭ケイ1980:16:4 克カツ1954:14:4 政マサ1946:18:5 雅マサ1968:14:7 将マサ1984:14:6 聖セイ1996:16:4 晴ハル2012:10:5 春ハル1990:30:3 結ユイ2014:9:4
琉リュウ2012:9:4 瑛エイ2012:9:4 奏カナ2013:8:4 朝アサ2014:9:3 律リツ2016:7:3 文フミ1946:26:4 武タケ1946:24:5 忠タダ1938:18:5 重シゲ1936:18:4 久ヒサ1948:20:4 善ヨシ1942:18:4
喜ヨシ1944:18:3 良ヨシ1954:18:5 誠セイ1970:22:4 憲ケン1968:16:4 賢ケン1978:18:4 貴タカ1978:14:6 崇タカ1976:12:3 宏ヒロ1962:14:5 広ヒロ1962:16:4 洋ヨウ1966:16:5 陸リク2006:12:5
太タ1985:25:3 恵ケイ1962:20:2 実ミノ1944:16:2 邦クニ1944:14:4 国クニ1938:14:3 保ヤス1940:16:3 栄エイ1938:18:4 徳トク1938:18:3 龍リュウ1994:16:4 伊イ2010:10:2 千セン1990:30:1
"""
_MALE_ENDS = """
夫オ1940:12:12 雄オ1946:16:12 男オ1940:14:9 一イチ1956:26:14 二ジ1956:16:7 三ゾウ1936:14:4 治ジ1944:16:7 司ジ1956:14:4 次ジ1944:16:3 郎ロウ1944:26:6 太郎タロウ1976:26:4 彦ヒコ1962:14:10
之ユキ1970:16:8 行ユキ1964:16:6 幸ユキ1966:18:6 樹キ1982:16:10 輝テル1984:18:5 也ヤ1984:16:9 哉ヤ1990:16:4 介スケ1986:14:6 輔スケ1986:14:6 太タ1996:18:11 斗ト2006:12:9 人ト1996:20:8
真マ2006:12:6 馬マ2004:12:5 生キ2004:14:4 平ヘイ1990:18:4 吾ゴ1984:16:4 志シ1972:18:6 史シ1974:16:4 朗ロウ1970:20:3 明アキ1962:18:4 弘ヒロ1950:16:4 美ミ1946:12:3 仁ヒト1980:16:3
規ノリ1974:14:3 典ノリ1970:14:3 則ノリ1958:14:4 紀ノリ1974:14:3 征ユキ1972:12:2 晃アキ1976:14:2 成ナリ1980:20:3 翔ト2008:10:5 翼スケ2000:10:1 琉ル2014:8:2 飛ト2008:9:2 央オ1996:14:2 心シン2012:8:3 希キ2006:12:3
"""
_FEMALE_STEMS = """
和カズ1940:14:12 幸サチ1942:16:8 洋ヨウ1950:14:8 恵ケイ1954:14:9 京キョウ1948:16:6 順ジュン1950:14:6 節セツ1938:12:6 文フミ1938:16:6 信ノブ1944:14:5 美ミ1962:22:9 由ユ1962:14:9 裕ユウ1964:12:8
祐ユウ1968:12:3 優ユウ1982:18:6 智トモ1970:14:7 友トモ1978:14:5 真マ1974:16:9 直ナオ1970:14:7 久ヒサ1952:14:6 理リ1972:14:6 里リ1978:14:4 香カ1974:12:8 佳ヨシ1976:16:5 明アケ1962:12:6 千チ1962:26:8 早サ1976:14:5
紗サ1996:14:5 沙サ1988:12:5 亜ア1990:14:4 彩アヤ1990:12:7 綾アヤ1984:12:5 麻マ1982:12:6 愛アイ1994:14:7 結ユ2008:12:9 陽ヒ2008:10:7 莉リ2008:12:7 菜ナ1998:14:5 奈ナ1988:16:5 花ハナ2006:14:6 心ココ2010:9:6
美咲ミサ1996:10:2 桜サクラ2006:12:2 葵アオ2006:12:2 凛リ2010:10:3 芽メ2010:9:4 琴コト2010:12:3 望ノゾ1996:14:2 夏ナツ1990:16:4 春ハル1990:34:3 秋アキ1966:30:2 静シズ1930:16:6 清キヨ1928:14:4 千代チヨ1930:16:3 光ミツ1936:18:4
敏トシ1944:12:5 悦エツ1944:12:5 孝タカ1948:16:3 貞サダ1928:14:3 芳ヨシ1934:16:4 喜キ1938:16:3 栄エイ1936:14:3 照テル1938:14:3 勝カツ1938:12:3 澄スミ1944:16:3 典ノリ1956:14:4 紀ノリ1962:14:5 律リツ1944:14:2 弘ヒロ1950:14:4 博ヒロ1954:12:3 浩ヒロ1960:12:3
英エイ1944:14:3 郁イク1966:16:3 尚ナオ1968:16:3 瑞ミズ1980:16:3 瑠ル2006:14:4 玲レイ1976:18:4 麗レイ1970:16:2 朋トモ1976:14:3 知トモ1970:14:4 朱アカ1990:16:2 茉マ2004:12:3 萌モエ2000:10:4 杏アン2008:10:4 柚ユズ2010:9:4 咲サキ2004:12:4 乃ノ2006:14:3 寧ネ2012:8:2 詩ウタ2012:8:3 音オト2010:10:3
"""
_FEMALE_ENDS = """
子コ1948:18:60 美ミ1964:18:16 江エ1946:18:10 枝エ1942:16:6 恵エ1962:18:6 代ヨ1946:18:8 世ヨ1950:22:3 香カ1976:14:9 佳カ1988:16:4 華カ1992:14:4 里リ1976:14:5 理リ1974:14:3 織オリ1982:14:3 乃ノ1994:18:4 穂ホ1990:16:4
奈ナ1990:16:8 菜ナ2000:12:11 花カ2002:14:7 咲サキ2000:12:4 希キ1992:16:5 紀キ1972:14:4 紗サ2002:12:3 音ネ2008:10:5 月ツキ2004:12:4 衣イ2002:14:4 依イ2006:12:4 愛ア2008:10:5 葉ハ2006:12:3 莉リ2008:12:4 羽ハ2008:10:3 彩サ2002:12:3 絵エ1986:14:3
緒オ1984:16:2 帆ホ2000:14:2 沙サ1998:12:2 波ナミ1994:14:2 海ミ2002:12:3 実ミ2000:14:4 未ミ1996:14:2 加カ1976:12:3 樹ジュ1996:14:1 利リ1972:12:2 津ツ1944:22:2 野ノ1930:22:2 尾オ1926:14:1 々ナ2000:16:1 夏カ2000:14:3 心ミ2012:8:3 桜サ2010:9:2 結ユ2012:8:3
"""
_MALE_SINGLE = """
清キヨシ1932:14:30 茂シゲル1934:14:26 勇イサム1932:14:18 実ミノル1938:14:24 博ヒロシ1950:14:28 進ススム1942:14:22 勝マサル1944:12:24 隆タカシ1956:14:26 誠マコト1964:18:34 浩ヒロシ1964:9:28 修オサム1956:12:24 剛ツヨシ1972:9:18 亮リョウ1984:12:14
翔ショウ1996:10:26 蓮レン2010:8:30 樹イツキ2012:9:20 湊ミナト2017:6:26 碧アオイ2016:7:18 陸リク2006:9:20 匠タクミ2000:10:18 優ユウ1994:14:16 豊ユタカ1942:16:18 昇ノボル1944:16:14 学マナブ1964:12:14 聡サトシ1972:10:16 悟サトル1966:12:12 徹トオル1962:12:16 稔ミノル1940:14:12
弘ヒロシ1944:14:14 明アキラ1950:16:22 薫カオル1950:24:6 仁ヒトシ1964:16:10 均ヒトシ1956:12:8 純ジュン1974:14:10 淳ジュン1972:12:10 潤ジュン1978:12:8 健ケン1980:16:14 大ダイ1988:12:6 翼ツバサ1996:9:10 駿シュン1998:10:10 隼ハヤト2008:9:10 暖ダン2015:6:5 新アラタ2014:7:10 律リツ2017:6:16 蒼アオイ2016:6:14 凪ナギ2018:5:12 渉ワタル1976:14:6 守マモル1950:16:12 努ツトム1952:14:10
"""
_FEMALE_SINGLE = """
恵メグミ1976:12:22 愛アイ1990:12:26 彩アヤ1988:10:18 葵アオイ2008:10:26 凛リン2011:8:26 薫カオル1962:20:6 忍シノブ1972:10:6 瞳ヒトミ1982:12:8 舞マイ1988:9:10 遥ハルカ1996:9:12 楓カエデ2004:10:12 桜サクラ2008:9:8 茜アカネ1990:10:9 翠ミドリ1970:24:4 緑ミドリ1958:14:8 操ミサオ1934:16:4 静シズカ1950:30:6 円マドカ1980:14:3 泉イズミ1964:14:5 渚ナギサ1994:12:4
紬ツムギ2018:4:22 杏アン2012:7:14 澪ミオ2014:6:12 芽メイ2012:7:4 栞シオリ1998:10:6 蘭ラン2004:10:4 雅ミヤビ2000:14:3 咲サキ2000:10:6 詩ウタ2015:6:10 花ハナ2010:10:8 郁イク1940:20:2 幸ユキ1950:22:5 礼アヤ1970:20:2 絢アヤ1990:12:4 萌モエ2000:8:12 優ユウ1996:12:10 直ナオ1976:16:3
さくらサクラ2002:10:16 ひなたヒナタ2010:7:8 あかりアカリ2002:10:10 みなみミナミ1994:10:8 ひかりヒカリ1998:12:7 かおりカオリ1972:10:10 めぐみメグミ1974:10:10 あゆみアユミ1978:10:12 みどりミドリ1958:12:8 ゆかりユカリ1970:10:8 まゆみマユミ1962:10:6 さおりサオリ1978:9:8 ちひろチヒロ1988:14:4 のぞみノゾミ1988:9:6 いずみイズミ1966:12:4 ひとみヒトミ1970:12:6
ハナハナ1920:9:30 キヨキヨ1918:9:26 ハルハル1920:9:26 フミフミ1924:9:24 トミトミ1922:9:20 ヨシヨシ1922:9:24 シズシズ1922:9:18 キミキミ1924:9:20 ミツミツ1922:9:18 スミスミ1924:9:16 チヨチヨ1922:9:22 ツルツル1914:8:8 ウメウメ1914:8:10 マツマツ1914:8:8 サダサダ1920:9:12 タケタケ1918:9:10 イネイネ1916:8:8 トシトシ1924:9:14 カツカツ1922:9:8 ノブノブ1924:8:8
"""


@dataclass(frozen=True)
class Vocabulary:
    """Names by number. `forms` has FORMS written shapes per name (number × FORMS + shape); `shapes` says how many differ.

    `misread`: number of the reading a clerk may take instead (−1: none); `readings` are full-width katakana.
    """

    forms: list[str]
    shapes: NDArray[np.int8]
    readings: list[str]
    reading: NDArray[np.int32]
    misread: NDArray[np.int32]
    weights: NDArray[np.float64]  # surnames: one row; given names: one row per decade from 1900

    def __len__(self) -> int:
        return len(self.shapes)


def _is_kana(character: str) -> bool:
    return "ァ" <= character <= "ヶ" or character == "ー"


def _cut(entry: str) -> tuple[str, str, str]:
    """Writing, reading and the figures behind them; what is written in kana stands twice or in hiragana first."""
    end = next(i for i, c in enumerate(entry) if c.isdigit())
    text, figures = entry[:end], entry[end:]
    start = next((i for i in range(len(text)) if all(_is_kana(c) or c == "/" for c in text[i:])), len(text))
    if start == 0:
        start = len(text) // 2
    return text[:start], text[start:], figures


def shapes_of(written: str) -> list[str]:
    """The written forms of a name, the plain one first; one character at a time is in an older shape."""
    found = [written]
    for i, character in enumerate(written):
        found.extend(written[:i] + shape + written[i + 1 :] for shape in OLD_SHAPES.get(character, ()))
    return found[:FORMS]


def _vocabulary(rows: list[tuple[str, tuple[str, ...]]], weights: NDArray[np.float64]) -> Vocabulary:
    forms: list[str] = []
    number: dict[str, int] = {}
    shapes, reading, misread = [], [], []
    for written, read in rows:
        mine = shapes_of(written)
        shapes.append(len(mine))
        forms.extend(mine + [written] * (FORMS - len(mine)))
        numbers = [number.setdefault(text, len(number)) for text in read]
        reading.append(numbers[0])
        misread.append(numbers[1] if len(numbers) > 1 else -1)
    return Vocabulary(forms, np.array(shapes, np.int8), list(number), np.array(reading, np.int32), np.array(misread, np.int32), weights)


@cache
def surnames() -> Vocabulary:
    """All surnames, the most common first."""
    lot = np.random.default_rng(_LOT)
    firsts = [_cut(entry) for entry in _FIRST.split()]
    lasts = [_cut(entry) for entry in _LAST.split()]
    found: dict[tuple[str, str], float] = {}
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for first, first_reading, first_weight in firsts:
        for last, last_reading, last_weight in lasts:
            if first == last or first.endswith("々") and last.startswith("々"):
                continue
            written = first + last
            options = [first_reading + text for text in last_reading.split("/")]
            weight = float(first_weight) * float(last_weight) * float(np.exp(lot.normal(0, 1.3)))
            if len(options) > 1 and lot.random() < 0.5:
                options.reverse()
            for share, read in zip((0.85, 0.15), options, strict=False):
                rows[(written, read)] = (read, *(other for other in options if other != read))
                found[(written, read)] = found.get((written, read), 0.0) + weight * share
        if first not in ("加", "佐", "伊") and len(first) == 1:
            rows[(first, first_reading)] = (first_reading,)
            found[(first, first_reading)] = float(first_weight) * 8 * float(np.exp(lot.normal(0, 1.3)))
    order = sorted(found, key=lambda key: (-found[key], key))
    rank = np.arange(1, len(order) + 1)
    weights = 1.0 / (rank + 12.0) ** 1.08
    return _vocabulary([(key[0], rows[key]) for key in order], weights / weights.sum())


@cache
def given_names(sex: int) -> Vocabulary:
    """Given names of men (1) or women (2); one row of weights per decade of birth, 1900 to 2020."""
    lot = np.random.default_rng(_LOT + sex)
    stems = [_cut(entry) for entry in (_MALE_STEMS if sex == 1 else _FEMALE_STEMS).split()]
    ends = [_cut(entry) for entry in (_MALE_ENDS if sex == 1 else _FEMALE_ENDS).split()]
    singles = [_cut(entry) for entry in (_MALE_SINGLE if sex == 1 else _FEMALE_SINGLE).split()]
    years = np.arange(1905, 2026, 10, dtype=float)

    def fashion(figures: str) -> NDArray[np.float64]:
        centre, width, weight = (float(figure) for figure in figures.split(":"))
        return np.asarray(weight * np.exp(-((years - centre) ** 2) / (2 * (width * 0.9 + 2) ** 2)) + weight * 0.004)

    weights: dict[tuple[str, str], NDArray[np.float64]] = {}
    for stem, stem_reading, stem_figures in stems:
        for end, end_reading, end_figures in ends:
            if stem != end:
                strength = float(np.exp(lot.normal(0, 1.65)))
                key = (stem + end, stem_reading + end_reading)
                weights[key] = weights.get(key, np.zeros(len(years))) + strength * fashion(stem_figures) * fashion(end_figures)
    scale = sum(weights.values(), np.zeros(len(years)))
    total = sum((fashion(figures) for _, _, figures in singles), np.zeros(len(years)))
    for written, read, figures in singles:
        key = (written, read)
        weights[key] = weights.get(key, np.zeros(len(years))) + 0.22 * scale * fashion(figures) / total
    order = sorted(weights, key=lambda key: (-float(weights[key].sum()), key))
    table = np.array([weights[key] for key in order]).T
    by_writing: dict[str, list[str]] = {}
    for written, read in order:
        by_writing.setdefault(written, []).append(read)
    sounds = {stem: [text for other, text, _ in stems + singles if other == stem] for stem, _, _ in stems}
    rows = []
    for written, read in order:
        others = [text for text in by_writing[written] if text != read]
        others += [text + read[len(sounds[written[0]][0]) :] for text in sounds.get(written[0], ())[1:2] if len(written) > 1]
        rows.append((written, (read, *others[:1])))
    return _vocabulary(rows, table / table.sum(axis=1, keepdims=True))
