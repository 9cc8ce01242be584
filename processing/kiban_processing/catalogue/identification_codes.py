"""個人識別符号: every individual identification code of the law is declared, so that none can ever leave.

Source: APPI Order 1 (1)-(9), APPI Rule 3 and 4. Whole deletion: Reg 18(ii), Reg 33(ii).
"""

from __future__ import annotations

from kiban_processing.catalogue.items import Item, Kind, ValueType
from kiban_processing.language import Text


def _code(name: str, ja: str, en: str) -> Item:
    return Item(name, Text(ja, en), Kind.IDENTIFICATION_CODE, ValueType.TEXT)


HEALTH_INSURANCE = (
    _code("insurer_number", "保険者番号", "insurer number"),
    _code("insured_symbol", "被保険者証等記号", "insured person's symbol"),
    _code("insured_number", "被保険者証等番号", "insured person's number"),
    _code("insured_branch", "枝番", "branch number"),
)

NUMBERS = (
    _code("late_elderly_number", "後期高齢者医療被保険者番号", "late-elderly insured number"),
    _code("care_insurer_number", "介護保険者番号", "care insurer number"),
    _code("care_insured_number", "介護保険被保険者番号", "care insurance insured number"),
    _code("my_number", "個人番号", "individual number (My Number)"),
    _code("basic_pension_number", "基礎年金番号", "basic pension number"),
    _code("passport_number", "旅券番号", "passport number"),
    _code("foreign_passport_number", "外国政府発行旅券番号", "foreign passport number"),
    _code("driving_licence_number", "運転免許証番号", "driver's licence number"),
    _code("licence_record_number", "免許情報記録番号", "licence-information record number"),
    _code("resident_record_code", "住民票コード", "resident-record code"),
    _code("residence_card_number", "在留カード番号", "residence card number"),
    _code("special_resident_number", "特別永住者証明書番号", "special permanent resident certificate number"),
    _code("employment_insurance_number", "雇用保険被保険者番号", "employment-insurance insured number"),
    _code("seamen_insurance_number", "船員保険被保険者番号", "seamen's insurance number"),
    _code("school_mutual_aid_number", "私立学校教職員共済加入者番号", "private-school mutual aid number"),
    _code("state_mutual_aid_number", "国家公務員共済組合員番号", "national civil-servant mutual aid number"),
    _code("local_mutual_aid_number", "地方公務員共済組合員番号", "local civil-servant mutual aid number"),
)

BIOMETRICS = (
    _code("dna_sequence", "塩基配列", "DNA base sequence"),
    _code("face_features", "容貌の特徴", "facial features"),
    _code("iris_pattern", "虹彩の模様", "iris pattern"),
    _code("voice_features", "声の特徴", "voice features"),
    _code("gait_features", "歩行の態様", "gait features"),
    _code("vein_pattern", "手指の静脈の形状", "hand or finger vein pattern"),
    _code("finger_or_palm_print", "指紋・掌紋", "finger or palm print"),
)

ALL = HEALTH_INSURANCE + NUMBERS + BIOMETRICS
