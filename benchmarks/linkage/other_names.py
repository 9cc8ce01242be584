"""名前 (names): surnames, given names by cohort and foreign names of the other world, each with its reading, made from tables and by composition.

The heads of the tables are from general knowledge of Japan; the long tail is composed of the parts that surnames and given names are made of.
A family's own character shape (髙橋 beside 高橋) is a surname of its own here, so that it is inherited and married into like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TOP = """佐藤サトウ147 鈴木スズキ142 高橋タカハシ112 田中タナカ106 伊藤イトウ85 渡辺ワタナベ84 山本ヤマモト83 中村ナカムラ83 小林コバヤシ82 加藤カトウ70"""
LISTED = """吉田ヨシダ 山田ヤマダ 佐々木ササキ 山口ヤマグチ 松本マツモト 井上イノウエ 木村キムラ 林ハヤシ 斎藤サイトウ 清水シミズ 山崎ヤマザキ 森モリ 池田イケダ
橋本ハシモト 阿部アベ 石川イシカワ 山下ヤマシタ 中島ナカジマ 石井イシイ 小川オガワ 前田マエダ 岡田オカダ 長谷川ハセガワ 藤田フジタ 後藤ゴトウ 近藤コンドウ 村上ムラカミ
遠藤エンドウ 青木アオキ 坂本サカモト 福田フクダ 太田オオタ 西村ニシムラ 藤井フジイ 金子カネコ 岡本オカモト 藤原フジワラ 三浦ミウラ 中野ナカノ 中川ナカガワ 原田ハラダ
松田マツダ 竹内タケウチ 小野オノ 田村タムラ 中山ナカヤマ 和田ワダ 石田イシダ 森田モリタ 上田ウエダ 原ハラ 内田ウチダ 柴田シバタ 酒井サカイ 宮崎ミヤザキ 横山ヨコヤマ
高木タカギ 安藤アンドウ 宮本ミヤモト 大野オオノ 小島コジマ 谷口タニグチ 今井イマイ 工藤クドウ 高田タカダ 増田マスダ 丸山マルヤマ 杉山スギヤマ 村田ムラタ 大塚オオツカ
新井アライ 小山コヤマ 平野ヒラノ 藤本フジモト 河野コウノ 上野ウエノ 野口ノグチ 武田タケダ 松井マツイ 千葉チバ 岩崎イワサキ 菅原スガワラ 木下キノシタ 久保クボ 佐野サノ
野村ノムラ 松尾マツオ 市川イチカワ 菊地キクチ 杉本スギモト 古川フルカワ 大西オオニシ 島田シマダ 水野ミズノ 桜井サクライ 渡部ワタナベ 吉川ヨシカワ 山内ヤマウチ 西田ニシダ
菊池キクチ 飯田イイダ 西川ニシカワ 小松コマツ 北村キタムラ 安田ヤスダ 五十嵐イガラシ 川口カワグチ 平田ヒラタ 関セキ 中田ナカタ 久保田クボタ 服部ハットリ 東ヒガシ
岩田イワタ 土屋ツチヤ 川崎カワサキ 福島フクシマ 本田ホンダ 辻ツジ 樋口ヒグチ 秋山アキヤマ 田口タグチ 永井ナガイ 山中ヤマナカ 中西ナカニシ 吉村ヨシムラ 川上カワカミ
石原イシハラ 大橋オオハシ 松岡マツオカ 浅野アサノ 馬場ババ 浜田ハマダ 森本モリモト 矢野ヤノ 熊谷クマガイ 星野ホシノ 片山カタヤマ 広瀬ヒロセ 萩原ハギワラ 野田ノダ 大久保オオクボ
菅野カンノ 尾崎オザキ 岡崎オカザキ 内藤ナイトウ 松下マツシタ 松村マツムラ 堀ホリ 大島オオシマ 荒木アラキ 早川ハヤカワ 大谷オオタニ 栗原クリハラ 黒田クロダ 荒井アライ 木内キウチ
本間ホンマ 吉岡ヨシオカ 小田オダ 永田ナガタ 岡村オカムラ 古田フルタ 西山ニシヤマ 奥村オクムラ 成田ナリタ 中井ナカイ 田辺タナベ 川村カワムラ 望月モチヅキ 三宅ミヤケ 竹田タケダ
小池コイケ 児玉コダマ 須藤ストウ 大石オオイシ 沢田サワダ 関口セキグチ 富田トミタ 松原マツバラ 桑原クワバラ 安部アベ 伊東イトウ 柳沢ヤナギサワ 滝沢タキザワ 篠原シノハラ 渕上フチガミ
館野タテノ 葛西カサイ 長沢ナガサワ 榊原サカキバラ 渡会ワタライ 曽根ソネ 芦田アシダ 辻本ツジモト 桧山ヒヤマ 会田アイダ 国分コクブ 寿山スヤマ 真鍋マナベ 亀井カメイ 峰岸ミネギシ
大内オオウチ 土井ドイ 高野タカノ 高山タカヤマ 高島タカシマ 浜崎ハマサキ 川島カワシマ 沢村サワムラ 黒沢クロサワ 金沢カナザワ 三沢ミサワ 富永トミナガ 徳永トクナガ 瀬戸セト 塩田シオタ
英保アボ 小鳥遊タカナシ 一二三ヒフミ 東海林ショウジ 長曽我部チョウソカベ 勅使河原テシガワラ 武者小路ムシャノコウジ 伊集院イジュウイン 大豆生田オオマミュウダ"""
FRONT = """大オオ 小コ 中ナカ 上カミ 下シモ 東ヒガシ 西ニシ 南ミナミ 北キタ 高タカ 山ヤマ 川カワ 石イシ 岩イワ 松マツ 竹タケ 梅ウメ 杉スギ 桜サクラ 森モリ 藤フジ 青アオ 赤アカ
黒クロ 白シラ 金カネ 水ミズ 清キヨ 池イケ 浅アサ 深フカ 長ナガ 永ナガ 広ヒロ 平ヒラ 新ニイ 古フル 今イマ 前マエ 内ウチ 吉ヨシ 福フク 富トミ 安ヤス 宮ミヤ 神カミ 寺テラ 堀ホリ
村ムラ 町マチ 島シマ 浜ハマ 津ツ 岡オカ 坂サカ 原ハラ 野ノ 田タ 稲イナ 米ヨネ 菅スガ 萩ハギ 柳ヤナギ 桑クワ 栗クリ 柿カキ 楠クス 榎エノキ 鶴ツル 亀カメ 鳥トリ 熊クマ 鹿シカ
滝タキ 沢サワ 谷タニ 奥オク 横ヨコ 塩シオ 荒アラ 若ワカ 早ハヤ 三ミ 二フタ 八ヤ 久ヒサ 柴シバ 相アイ 秋アキ 春ハル 夏ナツ 星ホシ 土ツチ 砂スナ 矢ヤ 武タケ 鎌カマ 鍋ナベ 梶カジ
角カク 笹ササ 沼ヌマ 根ネ 花ハナ 羽ハ 畑ハタ 飯イイ 伊イ 宇ウ 江エ 加カ 佐サ 須ス 多タ 戸ト 保ホ 真マ 市イチ 鷲ワシ 潮ウシオ 園ソノ 乾イヌイ 粕カス 蓮ハス 樋ヒ 湯ユ 芳ヨシ 苗ナエ"""
BACK = """田ダ 川カワ 山ヤマ 野ノ 島シマ 村ムラ 井イ 原ハラ 本モト 沢サワ 崎サキ 木キ 橋ハシ 谷タニ 内ウチ 口グチ 尾オ 部ベ 浦ウラ 岡オカ 塚ヅカ 津ツ 瀬セ 森モリ 林バヤシ 松マツ 倉クラ
屋ヤ 藤トウ 池イケ 坂サカ 見ミ 宮ミヤ 石イシ 水ミズ 町マチ 場バ 戸ド 庭ニワ 子コ 葉バ 根ネ 越コシ 関ゼキ 江エ 羽バ 堀ボリ 垣ガキ 道ミチ 代シロ 丸マル 生オ 米ゴメ 地チ 浜ハマ 辺ベ
条ジョウ 渕ブチ 平ヒラ 元モト 巻マキ 永ナガ 賀ガ 留ドメ 城キ 沼ヌマ 峰ミネ 丘オカ 舘ダテ"""
# Shapes in which families write one and the same character; the first is the one every keyboard offers.
SHAPES = """高髙 崎﨑嵜 斎齋斉齊 辺邊邉 沢澤 島嶋嶌 浜濱濵 広廣 桜櫻 国國 富冨 関關 瀬瀨 吉𠮷 徳德 真眞 恵惠 桑桒 柳栁 館舘 峰峯 渕淵 清淸 静靜 栄榮 竜龍 滝瀧 条條 寿壽 礼禮
亀龜 鉄鐵 聡聰 薫薰 弥彌 亜亞 円圓 会會 黒黑 曽曾 芦蘆 桧檜 土圡 恒恆 伝傳 万萬 実實 園薗 斉齊"""
SHAPE: dict[str, list[str]] = {shapes[0]: list(shapes[1:]) for shapes in SHAPES.split()}
SHAPE |= {plain: [plain + "\U000e0100"] for plain in "辻葛榊英"}  # the same code point, another glyph by a variation selector
SHAPE |= dict(zip("神福隆逸都晴靖", (["\ufa19"], ["\ufa1b"], ["\uf9dc"], ["\ufa67"], ["\ufa26"], ["\ufa12"], ["\ufa1c"]), strict=True))
SHAPED = {shape: plain for plain, shapes in SHAPE.items() for shape in shapes}

# Whole given names, most frequent first: sex and the first and last year of birth in which parents chose them.
WHOLE = {
    (
        1,
        1880,
        1945,
    ): """清キヨシ 正タダシ 勇イサム 茂シゲル 実ミノル 進ススム 弘ヒロシ 博ヒロシ 豊ユタカ 昇ノボル 勝マサル 功イサオ 一ハジメ 明アキラ 貢ミツグ 薫カオル 武タケシ 登ノボル""",
    (
        1,
        1946,
        1979,
    ): """誠マコト 隆タカシ 浩ヒロシ 修オサム 健一ケンイチ 学マナブ 剛ツヨシ 浩二コウジ 哲也テツヤ 直樹ナオキ 英樹ヒデキ 和彦カズヒコ 大輔ダイスケ 健太郎ケンタロウ 聡サトシ
豊ユタカ 明アキラ 徹トオル 秀樹ヒデキ 達也タツヤ 浩一コウイチ 孝タカシ 純ジュン 智トモ 亮リョウ 裕之ヒロユキ 弘之ヒロユキ 博之ヒロユキ 浩之ヒロユキ 裕ユタカ 裕ヒロシ 淳ジュン 淳アツシ 敦アツシ""",
    (
        1,
        1980,
        1999,
    ): """大輔ダイスケ 翔太ショウタ 健太ケンタ 拓也タクヤ 翔ショウ 達也タツヤ 大樹ダイキ 亮リョウ 直人ナオト 和也カズヤ 雄太ユウタ 優太ユウタ 祐太ユウタ 裕太ユウタ 勇太ユウタ
大地ダイチ 航ワタル 匠タクミ 拓海タクミ 涼リョウ 一樹カズキ 和樹カズキ 慎也シンヤ 智也トモヤ 友也トモヤ 将太ショウタ 晃アキラ 駿シュン 駿ハヤオ 純ジュン""",
    (
        1,
        2000,
        2025,
    ): """蓮レン 翔ショウ 陽翔ハルト 大翔ヒロト 大翔ハルト 悠真ユウマ 悠真ハルマ 湊ミナト 颯太ソウタ 樹イツキ 陸リク 海斗カイト 悠斗ユウト 大和ヤマト 碧アオ 碧アオイ 律リツ
朝陽アサヒ 蒼アオ 新アラタ 颯ハヤテ 颯ソウ 結翔ユイト 葵アオイ 陽向ヒナタ 暖ダン 奏カナデ 奏ソウ 晴ハル 凪ナギ 伊織イオリ 琉生ルイ 一颯イブキ 悠ユウ 悠ハルカ""",
    (
        2,
        1880,
        1945,
    ): """ハナ ハル キヨ トメ キク ウメ ミツ フミ ヨシ スエ シゲ トシ タケ ナツ フサ トミ イネ マツ サダ ヨネ きみ ふみ はつ てる 幸子サチコ 和子カズコ 文子フミコ 千代チヨ
久子ヒサコ 節子セツコ 静シズ 貞サダ 静江シズエ 八重ヤエ 勝子カツコ 美代子ミヨコ 芳枝ヨシエ 喜代子キヨコ 千鶴子チヅコ""",
    (
        2,
        1946,
        1979,
    ): """恵子ケイコ 由美子ユミコ 久美子クミコ 幸子サチコ 和子カズコ 洋子ヨウコ 真由美マユミ 明美アケミ 直美ナオミ 裕子ユウコ 裕子ヒロコ 陽子ヨウコ 智子トモコ 純子ジュンコ 恵メグミ
かおり ゆかり めぐみ 香織カオリ 典子ノリコ 佳子ヨシコ 佳子ケイコ 優子ユウコ 美香ミカ 美穂ミホ 真紀マキ 悦子エツコ 京子キョウコ 千恵子チエコ 千津チヅ 加寿子カズコ さつき みどり""",
    (
        2,
        1980,
        1999,
    ): """愛アイ 彩アヤ 美咲ミサキ 麻衣マイ 舞マイ 恵メグミ 沙織サオリ 優ユウ 優香ユウカ 遥ハルカ 千尋チヒロ 茜アカネ 葵アオイ 瞳ヒトミ 美穂ミホ 早紀サキ 萌モエ 菜摘ナツミ
あゆみ まい さやか 友香ユカ 由佳ユカ 由香ユカ 優花ユウカ 優花ユカ 杏奈アンナ 真央マオ 七海ナナミ 未来ミク 未来ミライ 桃子モモコ""",
    (
        2,
        2000,
        2025,
    ): """陽葵ヒマリ 陽葵ヒナタ 凛リン 結菜ユイナ 結菜ユナ 葵アオイ さくら 咲良サクラ 結愛ユア 結愛ユイナ 美桜ミオ 陽菜ヒナ 陽菜ハルナ 莉子リコ 芽依メイ 紬ツムギ 澪ミオ
杏アン 花ハナ 心春コハル 楓カエデ 詩ウタ 琴音コトネ ひなた ひまり 心咲ミサキ 愛莉アイリ 愛梨アイリ 彩葉イロハ 翠スイ 翠ミドリ 一花イチカ 朱莉アカリ 空ソラ 優奈ユウナ 優奈ユナ""",
}
# What the rest is composed of: front pieces, back pieces.
PIECES = {
    (1, 1880, 1945): (
        """正マサ 義ヨシ 清キヨ 忠タダ 武タケ 茂シゲ 幸ユキ 喜ヨシ 善ゼン 金キン 佐サ 勝カツ 常ツネ 虎トラ 寅トラ 辰タツ 亀カメ 松マツ 源ゲン 庄ショウ 与ヨ 久ヒサ 政マサ 藤トウ 惣ソウ
鉄テツ 熊クマ 重シゲ 弥ヤ 銀ギン 留トメ 末スエ 孝タカ 敏トシ 利トシ 昭アキ 光ミツ 節セツ 信ノブ 輝テル 恒ツネ 貞サダ 栄エイ 達タツ 安ヤス 秀ヒデ 国クニ 春ハル 英ヒデ 文フミ""",
        """雄オ 男オ 夫オ 治ジ 次ジ 吉キチ 蔵ゾウ 郎ロウ 一イチ 三ゾウ 助スケ 作サク 之助ノスケ 太郎タロウ 次郎ジロウ 三郎サブロウ 四郎シロウ 造ゾウ 松マツ 平ヘイ 二ジ""",
    ),
    (1, 1946, 1979): (
        """和カズ 正マサ 義ヨシ 隆タカ 英ヒデ 秀ヒデ 敏トシ 俊トシ 孝タカ 幸ユキ 信ノブ 裕ヒロ 博ヒロ 浩ヒロ 弘ヒロ 広ヒロ 康ヤス 靖ヤス 泰ヤス 達タツ 哲テツ 直ナオ 尚ナオ 昌マサ 雅マサ
勝カツ 克カツ 光ミツ 文フミ 明アキ 昭アキ 晃アキ 修ノブ 茂シゲ 重シゲ 久ヒサ 伸ノブ 宏ヒロ 洋ヒロ 道ミチ 良ヨシ 善ヨシ 吉ヨシ 公キミ 邦クニ 国クニ 武タケ 剛タケ 利トシ 清キヨ 千代チヨ""",
        """男オ 夫オ 雄オ 彦ヒコ 之ユキ 行ユキ 幸ユキ 明アキ 樹キ 也ヤ 一カズ 治ハル 春ハル 典ノリ 紀ノリ 則ノリ 文フミ 昭アキ 志シ 人ト 和カズ 弘ヒロ 広ヒロ 美ミ 嗣ツグ 臣オミ 司ジ""",
    ),
    (1, 1980, 1999): (
        """健ケン 翔ショウ 祥ショウ 将ショウ 雄ユウ 優ユウ 裕ユウ 祐ユウ 勇ユウ 悠ユウ 友ユウ 大ダイ 亮リョウ 涼リョウ 諒リョウ 良リョウ 光コウ 孝コウ 康コウ 航コウ 晃コウ 慎シン 真シン 伸シン
新シン 俊シュン 駿シュン 隼シュン 恭キョウ 京キョウ 圭ケイ 啓ケイ 慶ケイ 敬ケイ 賢ケン 謙ケン 憲ケン 純ジュン 淳ジュン 宗ソウ 創ソウ 拓タク 卓タク 哲テツ 徹テツ 文ブン 竜リュウ 隆リュウ""",
        """太タ 太郎タロウ 介スケ 輔スケ 佑スケ 祐スケ 一イチ 市イチ 平ヘイ 也ヤ 矢ヤ 弥ヤ 哉ヤ 人ト 斗ト 士ジ 司ジ 児ジ 吾ゴ 悟ゴ 生セイ 成セイ 真マ 馬マ 希キ 樹キ 貴キ 紀キ 輝キ 基キ""",
    ),
    (1, 2000, 2025): (
        """陽ハル 晴ハル 遥ハル 春ハル 悠ユウ 結ユウ 優ユウ 佑ユウ 勇ユウ 蒼ソウ 颯ソウ 奏ソウ 壮ソウ 想ソウ 湊ソウ 大ダイ 瑛エイ 英エイ 煌コウ 航コウ 琥コ 虎コ 龍リュウ 琉リュウ 隆リュウ 流リュウ
理リ 莉リ 凛リン 琳リン 蓮レン 怜レ 玲レ 朔サク 咲サク 海カイ 櫂カイ 快カイ 旺オウ 桜オウ 和カズ 一カズ 千セン 奈ナ 那ナ 直ナオ 誠セイ 晟セイ 惺セイ 旬シュン 瞬シュン 隼ハヤ""",
        """斗ト 翔ト 人ト 仁ト 登ト 都ト 音ト 飛ト 真マ 馬マ 磨マ 舞マ 太タ 汰タ 多タ 大ダイ 希キ 輝キ 樹キ 貴キ 生キ 喜キ 己キ 成セイ 聖セイ 清セイ 星セイ 介スケ 助スケ 佑スケ 之介ノスケ 之助ノスケ
太郎タロウ 士朗シロウ 心シン 臣シン 吾ゴ 護ゴ 空ア 亜ア 央オ 緒オ""",
    ),
    (2, 1880, 1945): (
        """和カズ 幸サチ 洋ヨウ 節セツ 静シズ 文フミ 芳ヨシ 千チ 美ミ 光ミツ 信ノブ 久ヒサ 照テル 春ハル 秋アキ 夏ナツ 冬フユ 敏トシ 房フサ 澄スミ 清キヨ 富トミ 貞サダ 正マサ 政マサ 昭アキ 昌マサ
栄エイ 英ヒデ 秀ヒデ 道ミチ 満ミツ 君キミ 菊キク 梅ウメ 松マツ 竹タケ 絹キヌ 糸イト 鶴ツル 亀カメ 雪ユキ 花ハナ 初ハツ 末スエ 八重ヤエ 三千ミチ 喜美キミ 登美トミ 佐代サヨ""",
        """子コ 江エ 枝エ 代ヨ 野ノ 乃ノ 美ミ 尾オ 世ヨ 恵エ 栄エ""",
    ),
    (2, 1946, 1979): (
        """恵ケイ 敬ケイ 圭ケイ 啓ケイ 由美ユミ 久美クミ 真理マリ 由紀ユキ 幸サチ 和カズ 洋ヨウ 陽ヨウ 裕ユウ 優ユウ 智トモ 朋トモ 友トモ 知トモ 直ナオ 尚ナオ 典ノリ 法ノリ 紀ノリ 則ノリ 佳ヨシ 良ヨシ
好ヨシ 芳ヨシ 美ヨシ 順ジュン 淳ジュン 純ジュン 悦エツ 京キョウ 恭キョウ 千恵チエ 美智ミチ 美和ミワ 美奈ミナ 奈緒ナオ 加代カヨ 佐和サワ 早苗サナエ 真弓マユミ 弘ヒロ 博ヒロ 浩ヒロ 富士フジ 千鶴チヅ""",
        """子コ 美ミ 江エ 枝エ 恵エ 代ヨ 世ヨ 香カ 佳カ 穂ホ 帆ホ 里リ 理リ 乃ノ 菜ナ 奈ナ 子コ 美ミ""",
    ),
    (2, 1980, 1999): (
        """愛アイ 藍アイ 彩アヤ 綾アヤ 絢アヤ 麻マ 真マ 茉マ 舞マイ 美ミ 実ミ 未ミ 優ユウ 裕ユウ 友ユウ 夕ユウ 由ユ 祐ユ 有ユ 結ユ 佳カ 香カ 加カ 奈ナ 菜ナ 沙サ 紗サ 早サ 里リ 理リ 梨リ 千チ 知チ
智トモ 朋トモ 友トモ 春ハル 遥ハル 瑞ミズ 梓アズ 桃モモ 萌モエ 恵エ 絵エ 江エ 玲レイ 麗レイ 涼リョウ 亜アリ""",
        """香カ 花カ 佳カ 果カ 華カ 歌カ 奈ナ 菜ナ 那ナ 美ミ 実ミ 未ミ 海ミ 子コ 里リ 理リ 梨リ 莉リ 衣イ 依イ 織オリ 紀キ 希キ 季キ 貴キ 穂ホ 帆ホ 絵エ 恵エ 江エ 乃ノ 野ノ 沙サ 紗サ 央オ 緒オ 音ネ 代ヨ 世ヨ""",
    ),
    (2, 2000, 2025): (
        """愛アイ 結ユ 優ユ 柚ユ 悠ユ 心コ 琴コト 陽ヒ 日ヒ 妃ヒ 莉リ 梨リ 理リ 里リ 凛リ 美ミ 実ミ 心ミ 望ミ 彩アヤ 綾アヤ 采アヤ 花ハナ 華ハナ 芽メ 萌モ 桃モモ 百モモ 夏ナツ 菜ナ 奈ナ 咲サ 紗サ 沙サ
朱アカ 明アカ 星セイ 聖セイ 杏アン 桜サク 玲レ 怜レ 瑠ル 琉ル 虹ニジ 空ソラ 天アマ 音オト 詩ウタ 千チ 真マ 茉マ 舞マ""",
        """菜ナ 奈ナ 那ナ 愛ナ 花カ 香カ 華カ 夏カ 佳カ 衣イ 依イ 唯イ 生イ 愛ア 亜ア 彩ア 空ア 月ツキ 葵キ 希キ 妃ヒ 季キ 音ネ 寧ネ 乃ノ 希ノ 莉リ 里リ 梨リ 理リ 李リ 桜オ 央オ 緒オ 音オ 羽ハ 葉ハ 波ハ
美ミ 実ミ 心ミ 海ミ 子コ 瑚コ 心コ 奈子ナコ 々葉ナハ 織オリ""",
    ),
}
TAIL_SURNAMES = 0.52  # of the weight below the top ten, that of composed surnames
COMPOSED = 0.50  # of the given names of a cohort, that of composed ones


def _split(text: str) -> list[tuple[str, str]]:
    """`髙橋タカハシ` as writing and reading; a name all in kana is its own reading. A cut before the last run of katakana."""
    found = []
    for word in text.split():
        cut = len(word)
        while cut and "ァ" <= word[cut - 1] <= "ー":
            cut -= 1
        writing, reading = (word[:cut], word[cut:]) if 0 < cut < len(word) else (word, word)
        found.append((writing, "".join(chr(ord(c) + 96) if "ぁ" <= c <= "ゖ" else c for c in reading)))
    return found


def _shaped(writing: str, random: np.random.Generator) -> str | None:
    """The same name in another shape of one of its characters, where it has one."""
    at = [i for i, c in enumerate(writing) if c in SHAPE]
    if not at:
        return None
    i = at[int(random.integers(len(at)))]
    return writing[:i] + SHAPE[writing[i]][int(random.integers(len(SHAPE[writing[i]])))] + writing[i + 1 :]


@dataclass(frozen=True)
class Names:
    """Writing and reading by number, with weights; `group` numbers names of one reading, `readings` those of one writing."""

    writing: Texts
    reading: Texts
    weight: Floats
    homophones: Ints  # another name of the same reading, or itself
    misread: Ints  # another name of the same writing, or itself
    plain: Ints  # the same name in the shapes every keyboard has
    shaped: Ints  # the same name in another shape, or itself


def _finished(writings: list[str], readings: list[str], weights: list[float]) -> Names:
    number: dict[tuple[str, str], int] = {}
    for i, pair in enumerate(zip(writings, readings, strict=True)):
        number.setdefault(pair, i)

    def next_of(keys: list[str]) -> Ints:
        """Of the names with one key, the heaviest other one: what a clerk takes it for."""
        best: dict[str, list[int]] = {}
        for i, key in enumerate(keys):
            best.setdefault(key, []).append(i)
        heavy = {key: sorted(at, key=lambda i: (-weights[i], i))[:2] for key, at in best.items()}
        return np.array([next((j for j in heavy[key] if j != i), i) for i, key in enumerate(keys)], dtype=np.int64)

    plains = ["".join(SHAPED.get(c, c) for c in w.replace("\U000e0100", "")) for w in writings]
    plain = np.array([number.get((p, r), i) for i, (p, r) in enumerate(zip(plains, readings, strict=True))], dtype=np.int64)
    shaped = np.arange(len(writings))
    shaped[plain[plain != shaped]] = np.flatnonzero(plain != shaped)
    weight = np.array(weights)
    return Names(
        np.array(writings, dtype=object), np.array(readings, dtype=object), weight, next_of(readings), next_of(writings), plain, shaped
    )


def surnames() -> Names:
    """About 12,000 surnames; the ten most frequent carry a tenth of the people."""
    random = np.random.default_rng(20251)
    top = [(w[:-3] if w[-3:].isdigit() else w[:-2], int(w[-3:]) if w[-3:].isdigit() else int(w[-2:])) for w in TOP.split()]
    entries = [(*_split(word)[0], weight / 10_000) for word, weight in top]
    rest = 1 - sum(weight for _, _, weight in entries)
    listed = _split(LISTED)
    falling = 1 / (np.arange(len(listed)) + 12) ** 0.8
    entries += [(w, r, rest * (1 - TAIL_SURNAMES) * f) for (w, r), f in zip(listed, falling / falling.sum(), strict=True)]
    fronts, backs = _split(FRONT), _split(BACK)
    known = {w for w, _, _ in entries}
    tail = [(a + b, x + y) for a, x in fronts for b, y in backs if a != b and a + b not in known]
    tail += [(a + m + b, x + n + y) for a, x in fronts[:12] for m, n in backs[:25] for b, y in backs[:14] if m != b]
    order = random.permutation(len(tail))
    falling = 1 / (np.arange(len(tail)) + 150) ** 0.95
    entries += [(*tail[i], rest * TAIL_SURNAMES * f) for i, f in zip(order, falling / falling.sum(), strict=True)]
    full: list[tuple[str, str, float]] = []
    for writing, reading, weight in entries:
        other = _shaped(writing, random)
        share = 0.12 if other else 0.0
        full += [(writing, reading, weight * (1 - share))] + ([(other, reading, weight * share)] if other else [])
    return _finished(*(list(column) for column in zip(*full, strict=True)))


def given() -> tuple[Names, dict[tuple[int, int, int], tuple[Ints, Floats]]]:
    """All given names, and per sex and years of birth the numbers and weights to draw from."""
    random = np.random.default_rng(20252)
    writings: list[str] = []
    readings: list[str] = []
    weights: list[float] = []
    drawn: dict[tuple[int, int, int], tuple[Ints, Floats]] = {}
    number: dict[tuple[str, str], int] = {}
    for key, text in WHOLE.items():
        whole = _split(text)
        fronts, backs = (_split(part) for part in PIECES[key])
        composed = [(a + b, x + y) for a, x in fronts for b, y in backs if a != b]
        composed = [composed[i] for i in random.permutation(len(composed))]
        head = 1 / (np.arange(len(whole)) + 6) ** 0.8
        tail = 1 / (np.arange(len(composed)) + 25) ** 0.8
        pairs = [(*n, (1 - COMPOSED) * f) for n, f in zip(whole, head / head.sum(), strict=True)]
        pairs += [(*n, COMPOSED * f) for n, f in zip(composed, tail / tail.sum(), strict=True)]
        here: dict[int, float] = {}
        for writing, reading, weight in pairs:
            other = _shaped(writing, random)
            for name, share in ((writing, 0.95 if other else 1.0), (other, 0.05)):
                if name is None:
                    continue
                i = number.setdefault((name, reading), len(writings))
                if i == len(writings):
                    writings.append(name)
                    readings.append(reading)
                    weights.append(0.0)
                weights[i] += weight * share
                here[i] = here.get(i, 0.0) + weight * share
        ids = np.array(list(here), dtype=np.int64)
        chance = np.array(list(here.values()))
        drawn[key] = ids, chance / chance.sum()
    return _finished(writings, readings, weights), drawn


def draw_given(tables: Any, sex: Ints, year: Ints, random: np.random.Generator) -> Ints:
    """A given name for each, by sex and year of birth; one in twelve families chooses what was in fashion a generation before."""
    out = np.zeros(len(sex), dtype=np.int64)
    felt = np.clip(year - np.where(random.random(len(sex)) < 0.08, 25, 0), 1881, 2025)
    for (of, first, last), (ids, chance) in tables.items():
        at = np.flatnonzero((sex == of) & (felt >= first) & (felt <= last))
        out[at] = ids[np.searchsorted(np.cumsum(chance)[:-1], random.random(len(at)))]
    return out
