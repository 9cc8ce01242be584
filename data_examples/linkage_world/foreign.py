"""外国人住民の氏名 (names of foreign residents): Latin tokens with the ways Japanese desks write their sound, and Japanese aliases (通称名)."""

from __future__ import annotations

from functools import cache

Token = tuple[str, str, str]  # Latin, usual kana, other kana
Group = tuple[float, list[Token], list[Token], list[Token]]  # share, family tokens, given tokens of men, of women

# country, share, family tokens, given tokens of men, given tokens of women; each token: LATIN=カナ/other カナ
_GROUPS = """
VN 30 NGUYEN=グエン/ヌグエン TRAN=チャン/トラン LE=レ/レー PHAM=ファム/パム HOANG=ホアン/ホアング VU=ヴー/ブー DANG=ダン/ダング BUI=ブイ/ブーイ
| ANH=アイン/アン MINH=ミン/ミイン TUAN=トゥアン/ツアン HUNG=フン/フング DUC=ドゥック/ドウク LONG=ロン/ロング NAM=ナム/ナーム QUAN=クアン/クワン
| LINH=リン/リイン HUONG=フオン/フォン THAO=タオ/ターオ TRANG=チャン/トラン MAI=マイ/マーイ NGOC=ゴック/ゴク HA=ハー/ハ LAN=ラン/ラーン
PH 16 SANTOS=サントス/サントース REYES=レイエス/レーエス CRUZ=クルズ/クルス GARCIA=ガルシア/ガルシヤ MENDOZA=メンドーサ/メンドザ RAMOS=ラモス/ラーモス
| JOSE=ホセ/ジョセ MARK=マーク/マルク JOHN=ジョン/ジヨン PAUL=ポール/パウル CARLO=カルロ/カーロ | MARIA=マリア/マリヤ GRACE=グレース/グレイス JOY=ジョイ/ジヨイ ROSE=ローズ/ロース ANGELICA=アンジェリカ/アンヘリカ
BR 16 SILVA=シルバ/シルヴァ SOUZA=ソウザ/ソーザ OLIVEIRA=オリベイラ/オリヴェイラ PEREIRA=ペレイラ/ペレーラ COSTA=コスタ/コースタ LIMA=リマ/リーマ
| CARLOS=カルロス/カーロス PAULO=パウロ/パオロ LUCAS=ルーカス/ルカス RAFAEL=ラファエル/ハファエル MARCELO=マルセロ/マーセロ | ANA=アナ/アンナ JULIANA=ジュリアナ/ジュリアーナ PATRICIA=パトリシア/パトリーシア CAMILA=カミラ/カミーラ LETICIA=レチシア/レティシア
NP 10 SHRESTHA=シュレスタ/シュレスト GURUNG=グルン/グルング RAI=ライ/ラーイ TAMANG=タマン/タマング THAPA=タパ/ターパ
| RAM=ラム/ラーム BISHAL=ビシャル/ビサル SURESH=スレス/スレシュ KIRAN=キラン/キーラン | SITA=シタ/シーター ANITA=アニタ/アニーター SUNITA=スニタ/スニーター PUJA=プジャ/プージャ
CN 18 WANG=ワン/オウ LI=リ/リー ZHANG=チャン/チョウ LIU=リュウ/リウ CHEN=チェン/チン YANG=ヤン/ヨウ ZHAO=ジャオ/チョウ HUANG=ホアン/コウ
| WEI=ウェイ/イ JUN=ジュン/クン LEI=レイ/ライ HAO=ハオ/コウ QIANG=チャン/キョウ | LI=リ/レイ FANG=ファン/ホウ JING=ジン/セイ YAN=ヤン/エン XIA=シャ/カ
KR 10 KIM=キム/キン PARK=パク/ボク LEE=イ/リ CHOI=チェ/サイ JUNG=チョン/テイ
| MINHO=ミンホ/ミノ JIHUN=ジフン/チフン SUNGMIN=ソンミン/スンミン YOUNGSU=ヨンス/ヨンスー | JIYOUNG=ジヨン/チヨン SUJIN=スジン/スーチン MINJI=ミンジ/ミンチ EUNHEE=ウニ/ウンヒ
"""


def _token(text: str) -> Token:
    latin, sounds = text.split("=")
    usual, other = sounds.split("/")
    return latin, usual, other


@cache
def groups() -> tuple[Group, ...]:
    """One entry per country of origin."""
    found = []
    words = _GROUPS.replace("\n", " ").split()
    starts = [i for i, word in enumerate(words) if len(word) == 2 and word.isupper() and i + 1 < len(words) and words[i + 1].isdigit()]
    for start, stop in zip(starts, [*starts[1:], len(words)], strict=True):
        parts: list[list[Token]] = [[]]
        for word in words[start + 2 : stop]:
            if word == "|":
                parts.append([])
            else:
                parts[-1].append(_token(word))
        found.append((float(words[start + 1]), parts[0], parts[1], parts[2]))
    return tuple(found)


def tokens(group: Group, family: int, given: int, sex: int) -> list[Token]:
    """The name of a person, the family's first; one in three has two given names."""
    _, families, men, women = group
    givens = men if sex == 1 else women
    found = [families[family % len(families)], givens[given % len(givens)]]
    second = givens[given // 256 % len(givens)]
    if given // 64 % 3 == 0 and second != found[1]:
        found.append(second)
    return found
