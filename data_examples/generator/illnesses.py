"""病気 (illnesses): what people have, with the drugs, tests and operations that go with each; a table of our own, plausible but not clinical.

Codes: ICD-10 for diseases, YJ for drugs, JLAC10 for tests, K codes for operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from generator.dates import age
from generator.people import Person


@dataclass(frozen=True)
class Drug:
    """One drug: YJ code, name, how much a day in which unit, and how it is given."""

    yj_code: str
    name: str
    daily: float
    unit: str
    route: str = "内服"


@dataclass(frozen=True)
class Test:
    """One test: JLAC10 code, unit, mean and spread in the healthy, limits, decimals."""

    jlac10: str
    name: str
    unit: str
    mean: float
    spread: float
    low: float
    high: float
    decimals: int = 0


@dataclass(frozen=True)
class Illness:
    """One illness: whom it strikes, how it is followed, and what it does to test results (`shifts`: name of test → mean, spread)."""

    icd10: str
    name: str
    department: str
    weight: float
    ages: tuple[int, int]
    drugs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    chronic: bool = False
    sex: str = ""
    operation: tuple[str, str] | None = None
    admitted: float = 0.0
    hospitals: str = "123"
    shifts: tuple[tuple[str, float, float], ...] = ()


DRUGS: dict[str, Drug] = {
    drug.name: drug
    for drug in (
        Drug("2171022F2029", "アムロジピン錠5mg", 1, "錠"),
        Drug("2149040F2030", "オルメサルタン錠20mg", 1, "錠"),
        Drug("3962002F2027", "メトホルミン錠250mg", 3, "錠"),
        Drug("3969010F2030", "シタグリプチン錠50mg", 1, "錠"),
        Drug("3969019F1027", "エンパグリフロジン錠10mg", 1, "錠"),
        Drug("2492416G1020", "インスリングラルギン注300単位", 12, "単位", "皮下注"),
        Drug("2189015F2020", "アトルバスタチン錠10mg", 1, "錠"),
        Drug("2189017F1022", "ロスバスタチン錠2.5mg", 1, "錠"),
        Drug("3949003F1024", "フェブキソスタット錠10mg", 1, "錠"),
        Drug("3399007H1021", "アスピリン腸溶錠100mg", 1, "錠"),
        Drug("3399008F2024", "クロピドグレル錠75mg", 1, "錠"),
        Drug("3339004F2022", "アピキサバン錠5mg", 2, "錠"),
        Drug("2123016F1105", "ビソプロロール錠2.5mg", 1, "錠"),
        Drug("2139005F1044", "フロセミド錠20mg", 1, "錠"),
        Drug("2329029M1027", "エソメプラゾールカプセル20mg", 1, "カプセル"),
        Drug("2325003F2120", "ファモチジン錠20mg", 2, "錠"),
        Drug("1149019F1560", "ロキソプロフェン錠60mg", 3, "錠"),
        Drug("1141007F1063", "アセトアミノフェン錠200mg", 6, "錠"),
        Drug("2233002F2030", "カルボシステイン錠500mg", 3, "錠"),
        Drug("6132015F1032", "セフカペンピボキシル錠100mg", 3, "錠"),
        Drug("6241013F2020", "レボフロキサシン錠500mg", 1, "錠"),
        Drug("4490023F2024", "フェキソフェナジン錠60mg", 2, "錠"),
        Drug("4490026F1021", "モンテルカスト錠10mg", 1, "錠"),
        Drug("2290800G1038", "ブデソニド・ホルモテロール吸入剤", 4, "吸入", "吸入"),
        Drug("2456001F1310", "プレドニゾロン錠5mg", 2, "錠"),
        Drug("3999016M1021", "メトトレキサートカプセル2mg", 1, "カプセル"),
        Drug("2431004F1137", "レボチロキシン錠50μg", 1, "錠"),
        Drug("1190012F2032", "ドネペジル錠5mg", 1, "錠"),
        Drug("1169101F1090", "レボドパ・カルビドパ錠", 3, "錠"),
        Drug("1179046F1028", "セルトラリン錠25mg", 2, "錠"),
        Drug("1129009F1025", "ゾルピデム錠5mg", 1, "錠"),
        Drug("3999018F2021", "アレンドロン酸錠35mg", 1, "錠"),
        Drug("2590008M1027", "タムスロシン錠0.2mg", 1, "錠"),
        Drug("4291003F2026", "タモキシフェン錠20mg", 1, "錠"),
        Drug("4291009F1030", "ビカルタミド錠80mg", 1, "錠"),
        Drug("4223005F1023", "カペシタビン錠300mg", 8, "錠"),
        Drug("4291017F1029", "エルロチニブ錠150mg", 1, "錠"),
        Drug("3222007F1050", "クエン酸第一鉄錠50mg", 2, "錠"),
        Drug("6250021M1027", "オセルタミビルカプセル75mg", 2, "カプセル"),
        Drug("2646725M1027", "ベタメタゾン軟膏", 5, "g", "外用"),
        Drug("1319720Q1024", "ラタノプロスト点眼液0.005%", 1, "滴", "点眼"),
        Drug("3929007F1030", "トリエンチン錠250mg", 4, "錠"),
    )
}

TESTS: dict[str, Test] = {
    test.name: test
    for test in (
        Test("3D046000001906202", "HbA1c", "%", 5.5, 0.25, 4.6, 6.2, 1),
        Test("3D010000001926101", "空腹時血糖", "mg/dL", 93, 8, 70, 109),
        Test("3F070000002327101", "HDL", "mg/dL", 60, 12, 40, 100),
        Test("3F077000002327101", "LDL", "mg/dL", 112, 22, 60, 139),
        Test("3F015000002327101", "中性脂肪", "mg/dL", 105, 38, 30, 149),
        Test("3B035000002327201", "AST", "U/L", 22, 5, 13, 30),
        Test("3B045000002327201", "ALT", "U/L", 20, 7, 7, 35),
        Test("3B090000002327101", "γ-GT", "U/L", 28, 13, 9, 64),
        Test("3C015000002327101", "クレアチニン", "mg/dL", 0.78, 0.13, 0.46, 1.07, 2),
        Test("8A065000002391901", "eGFR", "mL/min/1.73m2", 75, 11, 60, 200),
        Test("3C020000002327101", "尿酸", "mg/dL", 5.3, 1.0, 2.6, 7.0, 1),
        Test("2A030000001930101", "ヘモグロビン", "g/dL", 13.7, 1.1, 11.6, 16.8, 1),
        Test("2A010000001930101", "白血球数", "/μL", 5900, 1300, 3300, 8600),
        Test("2A050000001930101", "血小板数", "10*4/μL", 24, 5, 15.8, 34.8, 1),
        Test("5C070000002306201", "CRP", "mg/dL", 0.08, 0.05, 0.0, 0.14, 2),
        Test("3H015000002326101", "カリウム", "mEq/L", 4.2, 0.3, 3.6, 4.8, 1),
        Test("4Z271000002205101", "BNP", "pg/mL", 11, 5, 0, 18.4, 1),
        Test("4A055000002305101", "TSH", "μIU/mL", 1.9, 0.8, 0.5, 5.0, 2),
        Test("5D305000002305101", "PSA", "ng/mL", 1.4, 0.7, 0.0, 4.0, 2),
        Test("5D010000002305101", "CEA", "ng/mL", 2.0, 0.8, 0.0, 5.0, 1),
        Test("3B220000002327101", "セルロプラスミン", "mg/dL", 27, 3, 21, 37, 1),
        Test("5G160000002306101", "リウマトイド因子", "IU/mL", 6, 3, 0, 15),
    )
}

_LIPIDS = ("LDL", "HDL", "中性脂肪")
_LIVER = ("AST", "ALT", "γ-GT")
_BLOOD = ("ヘモグロビン", "白血球数", "血小板数")

# Kept out of the table: one person has it, and nobody else.
RARE = Illness(
    "E83.0", "ウィルソン病", "消化器内科", 0, (0, 99), ("トリエンチン錠250mg",), ("AST", "ALT", "セルロプラスミン"), True,
    admitted=0.5, shifts=(("AST", 58, 12), ("ALT", 71, 15), ("セルロプラスミン", 9, 2)),
)  # fmt: skip

ILLNESSES: tuple[Illness, ...] = (
    Illness("I10", "本態性高血圧症", "循環器内科", 16, (38, 95), ("アムロジピン錠5mg", "オルメサルタン錠20mg"), ("クレアチニン", "eGFR", "カリウム"), True),
    Illness("E11.9", "2型糖尿病", "糖尿病内科", 11, (36, 90), ("メトホルミン錠250mg", "シタグリプチン錠50mg"), ("HbA1c", "空腹時血糖", "eGFR"), True,
            shifts=(("HbA1c", 7.3, 0.8), ("空腹時血糖", 144, 26))),
    Illness("E11.2", "2型糖尿病性腎症", "糖尿病内科", 3, (48, 88), ("エンパグリフロジン錠10mg", "インスリングラルギン注300単位"), ("HbA1c", "クレアチニン", "eGFR"), True,
            admitted=0.3, hospitals="12", shifts=(("HbA1c", 8.1, 1.0), ("クレアチニン", 1.7, 0.4), ("eGFR", 37, 9))),
    Illness("E10.9", "1型糖尿病", "糖尿病内科", 0.8, (8, 45), ("インスリングラルギン注300単位",), ("HbA1c", "空腹時血糖"), True, hospitals="12",
            shifts=(("HbA1c", 7.8, 0.9), ("空腹時血糖", 158, 40))),
    Illness("E78.5", "脂質異常症", "内科", 12, (35, 88), ("アトルバスタチン錠10mg",), _LIPIDS, True, shifts=(("LDL", 148, 26), ("中性脂肪", 168, 60))),
    Illness("E78.0", "高コレステロール血症", "内科", 5, (35, 85), ("ロスバスタチン錠2.5mg",), _LIPIDS, True, shifts=(("LDL", 162, 24),)),
    Illness("E79.0", "高尿酸血症", "内科", 4, (30, 82), ("フェブキソスタット錠10mg",), ("尿酸", "クレアチニン"), True, "male", shifts=(("尿酸", 7.9, 0.9),)),
    Illness("I20.9", "狭心症", "循環器内科", 3, (50, 90), ("アスピリン腸溶錠100mg", "ビソプロロール錠2.5mg"), ("LDL", "BNP"), True,
            operation=("K549", "経皮的冠動脈ステント留置術"), admitted=0.7, hospitals="12"),
    Illness("I48.9", "心房細動", "循環器内科", 3, (55, 95), ("アピキサバン錠5mg", "ビソプロロール錠2.5mg"), ("BNP", "クレアチニン"), True,
            admitted=0.2, shifts=(("BNP", 92, 45),)),
    Illness("I50.9", "慢性心不全", "循環器内科", 2.5, (62, 98), ("フロセミド錠20mg", "ビソプロロール錠2.5mg"), ("BNP", "カリウム", "eGFR"), True,
            admitted=0.7, hospitals="12", shifts=(("BNP", 320, 140), ("eGFR", 48, 12))),
    Illness("I63.9", "脳梗塞", "脳神経内科", 2, (55, 95), ("クロピドグレル錠75mg",), ("LDL", "HbA1c"), True,
            operation=("K178-4", "経皮的脳血栓回収術"), admitted=1.0, hospitals="12"),
    Illness("N18.3", "慢性腎臓病ステージG3", "腎臓内科", 2.5, (50, 92), ("オルメサルタン錠20mg",), ("クレアチニン", "eGFR", "カリウム", "ヘモグロビン"), True,
            hospitals="12", shifts=(("クレアチニン", 1.5, 0.3), ("eGFR", 42, 8))),
    Illness("J45.9", "気管支喘息", "呼吸器内科", 5, (3, 80), ("モンテルカスト錠10mg", "ブデソニド・ホルモテロール吸入剤"), ("白血球数",), True),
    Illness("J30.1", "花粉によるアレルギー性鼻炎", "耳鼻咽喉科", 8, (4, 70), ("フェキソフェナジン錠60mg",), (), True, hospitals="23"),
    Illness("L20.9", "アトピー性皮膚炎", "皮膚科", 4, (1, 45), ("ベタメタゾン軟膏", "フェキソフェナジン錠60mg"), (), True, hospitals="23"),
    Illness("M06.9", "関節リウマチ", "膠原病内科", 2, (32, 85), ("メトトレキサートカプセル2mg", "プレドニゾロン錠5mg"), ("CRP", "リウマトイド因子", "AST"), True,
            hospitals="12", shifts=(("CRP", 1.2, 0.9), ("リウマトイド因子", 85, 40))),
    Illness("M17.9", "変形性膝関節症", "整形外科", 4, (55, 92), ("ロキソプロフェン錠60mg",), ("ヘモグロビン",), True,
            operation=("K082", "人工関節置換術"), admitted=0.25),
    Illness("M81.9", "骨粗鬆症", "整形外科", 4, (55, 98), ("アレンドロン酸錠35mg",), ("クレアチニン",), True, "female"),
    Illness("E03.9", "甲状腺機能低下症", "内科", 2, (25, 80), ("レボチロキシン錠50μg",), ("TSH",), True, "female", shifts=(("TSH", 6.8, 2.6),)),
    Illness("G30.9", "アルツハイマー病", "脳神経内科", 2, (70, 99), ("ドネペジル錠5mg",), ("ヘモグロビン",), True),
    Illness("G20", "パーキンソン病", "脳神経内科", 1, (58, 90), ("レボドパ・カルビドパ錠",), ("AST",), True, admitted=0.2, hospitals="12"),
    Illness("F32.9", "うつ病", "精神科", 3, (18, 75), ("セルトラリン錠25mg", "ゾルピデム錠5mg"), (), True, hospitals="12"),
    Illness("G47.0", "不眠症", "内科", 4, (30, 92), ("ゾルピデム錠5mg",), (), True, hospitals="23"),
    Illness("K21.0", "逆流性食道炎", "消化器内科", 5, (25, 90), ("エソメプラゾールカプセル20mg",), _LIVER, True),
    Illness("K76.0", "脂肪肝", "消化器内科", 3, (30, 75), (), _LIVER, True, shifts=(("AST", 41, 10), ("ALT", 58, 18), ("γ-GT", 84, 40))),
    Illness("N40", "前立腺肥大症", "泌尿器科", 4, (55, 95), ("タムスロシン錠0.2mg",), ("PSA",), True, "male"),
    Illness("H40.1", "開放隅角緑内障", "眼科", 2, (42, 92), ("ラタノプロスト点眼液0.005%",), (), True, hospitals="12"),
    Illness("C50.9", "乳癌", "乳腺外科", 2, (36, 82), ("タモキシフェン錠20mg",), (*_BLOOD, "CEA"), True, "female",
            ("K476", "乳腺悪性腫瘍手術"), 1.0, "1"),
    Illness("C61", "前立腺癌", "泌尿器科", 2, (60, 90), ("ビカルタミド錠80mg",), ("PSA",), True, "male",
            ("K843-4", "腹腔鏡下前立腺悪性腫瘍手術"), 0.6, "1", (("PSA", 9.5, 6.0),)),
    Illness("C18.9", "結腸癌", "消化器外科", 2, (45, 88), ("カペシタビン錠300mg",), (*_BLOOD, "CEA"), True,
            operation=("K719-3", "腹腔鏡下結腸悪性腫瘍切除術"), admitted=1.0, hospitals="12", shifts=(("CEA", 9.0, 6.0), ("ヘモグロビン", 11.4, 1.3))),
    Illness("C34.9", "肺癌", "呼吸器外科", 1.8, (52, 88), ("エルロチニブ錠150mg",), (*_BLOOD, "CEA"), True,
            operation=("K514-2", "胸腔鏡下肺悪性腫瘍手術"), admitted=1.0, hospitals="1", shifts=(("CEA", 12.0, 8.0),)),
    Illness("C16.9", "胃癌", "消化器外科", 1.6, (48, 88), (), (*_BLOOD, "CEA"), False,
            operation=("K655-2", "腹腔鏡下胃切除術"), admitted=1.0, hospitals="12", shifts=(("ヘモグロビン", 11.0, 1.4),)),
    Illness("D50.9", "鉄欠乏性貧血", "内科", 3, (14, 52), ("クエン酸第一鉄錠50mg",), ("ヘモグロビン",), False, "female", shifts=(("ヘモグロビン", 9.6, 0.9),)),
    Illness("D25.9", "子宮筋腫", "産婦人科", 1.8, (32, 52), (), ("ヘモグロビン",), False, "female", ("K872-2", "腹腔鏡下子宮筋腫摘出術"), 0.8, "12"),
    Illness("O82", "帝王切開による分娩", "産婦人科", 1.5, (25, 42), (), ("ヘモグロビン", "血小板数"), False, "female", ("K898", "帝王切開術"), 1.0, "12"),
    Illness("H25.9", "老人性白内障", "眼科", 4, (62, 94), (), (), False, operation=("K282", "水晶体再建術"), admitted=0.8, hospitals="12"),
    Illness("K80.2", "胆嚢結石症", "消化器外科", 2.5, (30, 82), (), (*_LIVER, "CRP"), False,
            operation=("K672-2", "腹腔鏡下胆嚢摘出術"), admitted=1.0, hospitals="12"),
    Illness("K35.8", "急性虫垂炎", "消化器外科", 2, (7, 60), ("レボフロキサシン錠500mg",), ("白血球数", "CRP"), False,
            operation=("K718-2", "腹腔鏡下虫垂切除術"), admitted=1.0, hospitals="12", shifts=(("白血球数", 13200, 2500), ("CRP", 6.1, 3.5))),
    Illness("K63.5", "大腸ポリープ", "消化器内科", 4, (40, 85), (), ("ヘモグロビン",), False, operation=("K721", "内視鏡的大腸ポリープ切除術"), admitted=0.5, hospitals="12"),
    Illness("S72.0", "大腿骨頚部骨折", "整形外科", 2, (68, 99), ("アセトアミノフェン錠200mg",), (*_BLOOD, "CRP"), False,
            operation=("K046", "骨折観血的手術"), admitted=1.0, hospitals="12", shifts=(("ヘモグロビン", 10.5, 1.2), ("CRP", 4.0, 2.2))),
    Illness("J18.9", "肺炎", "呼吸器内科", 4, (2, 99), ("レボフロキサシン錠500mg",), ("白血球数", "CRP"), False,
            admitted=0.6, shifts=(("白血球数", 12400, 2800), ("CRP", 8.5, 4.5))),
    Illness("J10.1", "インフルエンザ", "内科", 7, (2, 75), ("オセルタミビルカプセル75mg", "アセトアミノフェン錠200mg"), (), False, hospitals="23"),
    Illness("J06.9", "急性上気道炎", "内科", 14, (1, 85), ("カルボシステイン錠500mg", "アセトアミノフェン錠200mg"), (), False, hospitals="23"),
    Illness("J20.9", "急性気管支炎", "内科", 6, (1, 88), ("カルボシステイン錠500mg", "セフカペンピボキシル錠100mg"), ("白血球数", "CRP"), False, hospitals="23"),
    Illness("A09.9", "感染性胃腸炎", "内科", 6, (1, 80), ("ファモチジン錠20mg",), (), False, hospitals="23"),
    Illness("M54.5", "腰痛症", "整形外科", 6, (22, 85), ("ロキソプロフェン錠60mg",), (), False),
)  # fmt: skip


def draw(chance: Random, person: Person, hospital: str, count: int) -> tuple[Illness, ...]:
    """Illnesses the person can have had at this hospital in the ten years, without repetition."""
    oldest = age(person.born, person.last_seen)
    fitting = [
        illness
        for illness in ILLNESSES
        if hospital[-1] in illness.hospitals
        and illness.sex in ("", person.sex)
        and illness.ages[0] < oldest
        and age(person.born, person.first_seen) <= illness.ages[1]
    ]
    chosen: list[Illness] = []
    while fitting and len(chosen) < count:
        one = chance.choices(fitting, [illness.weight for illness in fitting])[0]
        chosen.append(one)
        fitting.remove(one)
    return tuple(chosen)
