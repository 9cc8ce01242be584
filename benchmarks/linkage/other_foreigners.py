"""外国籍の人 (foreign residents): who arrives from abroad, and in how many ways a reception writes one name.

A name is kept in pieces (family, middle, given; Latin letters or characters, one or two readings), because order, middle names, alphabet and
alias (通称名) differ from counter to counter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import other_places
from other_lives import Ints, Lives, day_of

# family names | middle names | given names of men | of women; writing:reading:other reading
ORIGINS = {
    "vn": """NGUYEN:グエン:グェン TRAN:チャン:トラン LE:レ:レー PHAM:ファム:パム HOANG:ホアン:ホァン VO:ヴォ:ボー DANG:ダン:ダング BUI:ブイ:ブーイ DO:ド:ドー|VAN:ヴァン:バン THI:ティ:ティー
DUC:ドゥック:ドック MINH:ミン:ミン THANH:タイン:タン|ANH:アイン:アン HUNG:フン:フング DUNG:ズン:ドゥン TUAN:トゥアン:ツアン NAM:ナム:ナム LONG:ロン:ロング HAI:ハイ:ハイ QUANG:クアン:クァン
SON:ソン:ソン|LINH:リン:リン HUONG:フオン:フォン LAN:ラン:ラン THAO:タオ:タオ TRANG:チャン:チャング HOA:ホア:ホァ MAI:マイ:マイ NGOC:ゴック:ンゴック""",
    "br": """SILVA:シルバ:シルヴァ SANTOS:サントス:サントス OLIVEIRA:オリベイラ:オリヴェイラ SOUZA:ソウザ:ソーザ PEREIRA:ペレイラ:ペレーラ TANAKA:タナカ:タナカ SUZUKI:スズキ:スズキ YAMADA:ヤマダ:ヤマダ
COSTA:コスタ:コスタ LIMA:リマ:リーマ|APARECIDA:アパレシダ:アパレシーダ AKIRA:アキラ:アキラ EDUARDO:エドゥアルド:エドアルド HIROSHI:ヒロシ:ヒロシ|CARLOS:カルロス:カルロス LUCAS:ルカス:ルーカス
MARCELO:マルセロ:マルセーロ RAFAEL:ラファエル:ハファエル THIAGO:チアゴ:ティアゴ BRUNO:ブルーノ:ブルノ|MARIA:マリア:マリーア ANA:アナ:アンナ JULIANA:ジュリアナ:ジュリアーナ
PATRICIA:パトリシア:パトリーシア FERNANDA:フェルナンダ:フェルナンダ""",
    "ph": """CRUZ:クルーズ:クルス REYES:レイエス:レーエス GARCIA:ガルシア:ガルシャ MENDOZA:メンドーサ:メンドサ BAUTISTA:バウティスタ:バウチスタ RAMOS:ラモス:ラモス VILLANUEVA:ビリャヌエバ:ヴィラヌエヴァ|
DELA:デラ:デ・ラ SANTOS:サントス:サントス LOPEZ:ロペス:ロペズ|JOHN:ジョン:ジョーン MARK:マーク:マルク JOSE:ホセ:ジョセ ANGELO:アンジェロ:アンヘロ|MARICEL:マリセル:マリセール
JENNIFER:ジェニファー:ジェニファ ROSE:ローズ:ロズ GRACE:グレース:グレイス CHRISTINE:クリスティーン:クリスチン MICHELLE:ミシェル:ミッシェル""",
    "np": """SHRESTHA:シュレスタ:スレスタ GURUNG:グルン:グルング THAPA:タパ:タパー RAI:ライ:ラーイ TAMANG:タマン:タマング SHARMA:シャルマ:サルマ ADHIKARI:アディカリ:アデカリ|BAHADUR:バハドゥル:バハドール
KUMAR:クマル:クマール MAYA:マヤ:マーヤ|SURESH:スレス:スレシュ PRAKASH:プラカス:プラカシュ RAM:ラム:ラーム BIKASH:ビカス:ビカシュ|SITA:シタ:シーター GITA:ギタ:ギーター SUNITA:スニタ:スニーター
ANJALI:アンジャリ:アンザリ""",
    "us": """SMITH:スミス:スミス JOHNSON:ジョンソン:ジョンスン BROWN:ブラウン:ブラオン MILLER:ミラー:ミラ WILSON:ウィルソン:ウイルソン TAYLOR:テイラー:テーラー|JAMES:ジェームズ:ジェイムス LEE:リー:リ
MARIE:マリー:マリ|MICHAEL:マイケル:マイクル DAVID:デイビッド:デイヴィッド ROBERT:ロバート:ロバト DANIEL:ダニエル:ダニエール|SARAH:サラ:セーラ EMILY:エミリー:エミリ ANNA:アンナ:アナ
ELIZABETH:エリザベス:エリザベート""",
    "cn": """王:ワン:オウ 李:リ:リー 張:チャン:チョウ 劉:リュウ:リウ 陳:チェン:チン 楊:ヤン:ヨウ 黄:ホアン:コウ 趙:ジャオ:チョウ 周:シュウ:ジョウ 呉:ウー:ゴ|::|偉:ウェイ:イ 強:チャン:キョウ
磊:レイ:ライ 洋:ヤン:ヨウ 勇:ヨン:ユウ 傑:ジエ:ケツ 浩:ハオ:コウ 建国:ジエングオ:ケンコク|芳:ファン:ホウ 娜:ナ:ダ 敏:ミン:ビン 静:ジン:セイ 麗:リー:レイ 秀英:シウイン:シュウエイ 婷:ティン:テイ
雪梅:シュエメイ:セツバイ""",
    "kr": """金:キム:キン 李:イ:リ 朴:パク:ボク 崔:チェ:サイ 鄭:チョン:テイ 姜:カン:キョウ 尹:ユン:イン 張:チャン:チョウ|::|成浩:ソンホ:セイコウ 英洙:ヨンス:エイシュ 民俊:ミンジュン:ミンシュン
智勲:ジフン:チクン 正男:チョンナム:マサオ|英淑:ヨンスク:エイシュク 美京:ミギョン:ミキョウ 恩珠:ウンジュ:オンシュ 明淑:ミョンスク:メイシュク 順子:スンジャ:ジュンコ""",
}
SHARE = (0.24, 0.12, 0.13, 0.08, 0.05, 0.24, 0.14)
ALIAS = {"kr": 0.6, "cn": 0.2, "br": 0.15}


@dataclass(frozen=True)
class Piece:
    writing: str
    reading: str
    other: str


def _pieces() -> list[tuple[str, list[list[Piece]]]]:
    return [
        (origin, [[Piece(*word.split(":")) for word in part.split()] for part in text.replace("\n", " ").split("|")])
        for origin, text in ORIGINS.items()
    ]


PIECES = _pieces()


def pieces_of(number: int, sex: int) -> tuple[str, Piece, Piece, Piece]:
    """Origin, family, middle and given name of a foreign name's number."""
    origin, parts = PIECES[number % 7]
    family, middle, given = parts[0], parts[1], parts[1 + sex]
    rest = number // 7
    return origin, family[rest % len(family)], middle[rest // 16 % len(middle)], given[rest // 256 % len(given)]


def alias_of(number: int) -> bool:
    return (number // 65_536 % 100) / 100 < ALIAS.get(PIECES[number % 7][0], 0.0)


def _numbers(random: np.random.Generator, count: int) -> Ints:
    origin = np.searchsorted(np.cumsum(SHARE)[:-1], random.random(count))
    return np.asarray(origin + 7 * random.integers(0, 2**24, count))


def arrive(lives: Lives, year: int, share: float) -> None:
    """Workers in dormitories, students, families of three; a quarter know no day of birth but the year; each year some go home."""
    random = lives.random
    if year == 1998:
        share *= 5
    gone = np.flatnonzero(lives.living() & (lives.foreign[: lives.people] >= 0) & (random.random(lives.people) < 0.07))
    lives.alive[gone] = False
    count = int(lives.living().sum() * share * np.interp(year, [1998, 2012, 2025], [0.6, 0.9, 1.8]))
    if not count:
        return
    age = np.clip(random.gamma(6, 2.2, count) + 17, 18, 70)
    birth = day_of(year, 4, 1) - (age * 365.25).astype(np.int64)
    unknown = random.random(count) < 0.04
    birth[unknown] = (birth[unknown].astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    sur = lives.family_names(random.integers(0, lives.places.regions, count))  # of the alias, for those who have one
    who = lives.add_people(birth=birth, sex=random.integers(1, 3, count), sur0=sur, sur=sur, foreign=_numbers(random, count))
    lives.given[who] = random.integers(0, len(lives.names.writing), count)
    target = other_places.somewhere(lives.places, random.integers(0, lives.places.regions, count), random)
    dormitory = random.random(count) < 0.4
    lives.house[who] = lives.add_houses(lives.new_addresses(target), lives.new_phones(target, 0.1))
    shared = lives.new_addresses(target[dormitory], pool=lives.blocks[:: max(1, len(lives.blocks) // 12)])
    lives.house_addr[lives.house[who[dormitory]]] = shared
    lives.new_jobs(who, 0.45)
    # A partner and a child follow some; the family name is the first part of the number.
    led = who[~dormitory & (random.random(count) < 0.12)]
    for years in (-2, 26):
        born = np.minimum(lives.birth[led] + int(years * 365.25) + random.integers(-900, 900, len(led)), day_of(year, 3, 31))
        number = lives.foreign[led] % (7 * 16) + 7 * 16 * random.integers(0, 2**20, len(led))
        kin = lives.add_people(birth=born, sex=3 - lives.sex[led] if years < 0 else random.integers(1, 3, len(led)), sur0=lives.sur0[led])
        lives.sur[kin], lives.given[kin] = lives.sur0[led], random.integers(0, len(lives.names.writing), len(led))
        lives.foreign[kin], lives.house[kin], lives.holder[kin] = number, lives.house[led], led


def written(number: int, sex: int, alias: tuple[str, str], way: int, second: bool) -> tuple[str, str, str]:
    """Name, reading and tag of one way of writing: 0 as on the card; then kana, no middle name, other order, alias, alias in brackets."""
    origin, family, middle, given = pieces_of(number, sex)

    def kana(*pieces: Piece) -> str:
        return " ".join(p.other if second else p.reading for p in pieces if p.reading)

    if origin in ("cn", "kr"):
        name, reading = f"{family.writing} {given.writing}", kana(family, given)
    else:
        name, reading = f"{family.writing} {middle.writing} {given.writing}", kana(family, middle, given)
        if way == 2:
            return f"{family.writing} {given.writing}", kana(family, given), "middle-dropped"
        if way == 3:
            return f"{given.writing} {middle.writing} {family.writing}", kana(given, middle, family), "latin-order"
    if way == 1:
        return reading, reading, "kana-for-name"
    if alias_of(number) and way in (4, 5):
        return (alias[0], alias[1], "alias") if way == 4 else (f"{name}({alias[0].replace(' ', '')})", reading, "alias-in-brackets")
    return name, reading, ""
