"""診療情報 (clinical tables): encounters, diagnoses, prescriptions, laboratory results, procedures, observations, health checkups."""

from __future__ import annotations

from kiban_processing.catalogue.items import Item, Kind, Table, ValueType
from kiban_processing.catalogue.registration import LOCAL_PATIENT_ID
from kiban_processing.language import Text

_ICD10 = r"[A-Z]\d{2}(\.?\d{1,3})?"


def _link(name: str, ja: str, en: str) -> Item:
    return Item(name, Text(ja, en), Kind.LINKING_CODE, ValueType.TEXT)


def _date(name: str, ja: str, en: str, required: bool = False) -> Item:
    return Item(name, Text(ja, en), Kind.DATE, ValueType.DATE, required=required)


def _code(
    name: str,
    ja: str,
    en: str,
    system: str | None = None,
    pattern: str | None = None,
    choices: tuple[str, ...] = (),
    kind: Kind = Kind.SENSITIVE_VALUE,
) -> Item:
    return Item(name, Text(ja, en), kind, ValueType.CODE, code_system=system, pattern=pattern, choices=choices)


def _number(
    name: str,
    ja: str,
    en: str,
    unit: str | None,
    lowest: float | None = None,
    highest: float | None = None,
    kind: Kind = Kind.SENSITIVE_VALUE,
) -> Item:
    return Item(name, Text(ja, en), kind, ValueType.DECIMAL, unit=unit, lowest=lowest, highest=highest)


def _free(name: str, ja: str, en: str) -> Item:
    return Item(name, Text(ja, en), Kind.FREE_TEXT, ValueType.TEXT)


_ENCOUNTER = _link("encounter_id", "受診番号", "encounter number")
_OTHER_CODE = _code("other_code", "その他のコード", "other code")
_OTHER_SYSTEM = _code("other_code_system", "その他のコード体系", "other code system", kind=Kind.PLAIN_VALUE)

ENCOUNTERS = Table(
    "encounters",
    Text("受診", "encounters"),
    Text("外来受診又は入院1件", "one outpatient visit or one stay"),
    (
        LOCAL_PATIENT_ID,
        _ENCOUNTER,
        _code(
            "encounter_class",
            "受診区分",
            "class of encounter",
            choices=("inpatient", "outpatient", "emergency", "other"),
            kind=Kind.PLAIN_VALUE,
        ),
        _date("started_on", "開始日", "started on", required=True),
        _date("ended_on", "終了日", "ended on"),
        _code("department", "診療科", "department", kind=Kind.PLAIN_VALUE),
        Item("facility_name", Text("医療機関名", "hospital name"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        Item("physician_name", Text("医師名", "physician's name"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        _code(
            "discharge_outcome",
            "転帰",
            "outcome at discharge",
            choices=("cured", "improved", "unchanged", "worse", "transferred", "died", "other"),
        ),
    ),
    key=("encounter_id",),
)

DIAGNOSES = Table(
    "diagnoses",
    Text("病名", "diagnoses"),
    Text("患者に付いた病名1件", "one diagnosis of a patient"),
    (
        LOCAL_PATIENT_ID,
        _link("diagnosis_id", "病名番号", "diagnosis number"),
        _ENCOUNTER,
        _code("icd10", "病名コード(ICD-10)", "diagnosis (ICD-10)", "ICD-10", _ICD10),
        _code("disease_code", "病名管理番号", "disease-name master number", "MEDIS", r"\d{7,8}"),
        _OTHER_CODE,
        _OTHER_SYSTEM,
        _free("disease_name", "病名", "disease name in words"),
        _date("diagnosed_on", "診断日", "diagnosed on", required=True),
        _date("ended_on", "転帰日", "ended on"),
        _code("certainty", "疑い区分", "certainty", choices=("confirmed", "suspected"), kind=Kind.PLAIN_VALUE),
        _code("outcome", "転帰区分", "outcome", choices=("cured", "died", "stopped", "transferred", "continuing", "other")),
    ),
    key=("diagnosis_id",),
)

PRESCRIPTIONS = Table(
    "prescriptions",
    Text("処方", "prescriptions"),
    Text("処方された薬剤1件", "one drug of one prescription"),
    (
        LOCAL_PATIENT_ID,
        _link("prescription_id", "処方番号", "prescription number"),
        _ENCOUNTER,
        _code("yj_code", "YJコード", "YJ code", "YJ", r"\d{7}[A-Z]\d{4}"),
        _code("hot_code", "HOTコード", "HOT code", "HOT", r"\d{7}|\d{9}|\d{13}"),
        _OTHER_CODE,
        _OTHER_SYSTEM,
        _free("drug_name", "薬剤名", "drug name in words"),
        _number("quantity", "数量", "quantity", None, 0, 1_000_000),
        _code("quantity_unit", "数量の単位", "unit of quantity", kind=Kind.PLAIN_VALUE),
        _number("days", "日数", "days of supply", "day", 0, 3650),
        _code("route", "投与経路", "route", kind=Kind.PLAIN_VALUE),
        _code("act", "指示・実施の区分", "ordered or administered", choices=("ordered", "administered"), kind=Kind.PLAIN_VALUE),
        _date("prescribed_on", "処方日", "prescribed on", required=True),
        _date("ended_on", "終了日", "ended on"),
        _free("instructions", "用法コメント", "instructions in words"),
    ),
    key=("prescription_id",),
)

LABORATORY_RESULTS = Table(
    "laboratory_results",
    Text("検体検査結果", "laboratory results"),
    Text("検査項目の結果1件", "one result of one test"),
    (
        LOCAL_PATIENT_ID,
        _link("result_id", "結果番号", "result number"),
        _ENCOUNTER,
        _code(
            "jlac10",
            "検査コード(JLAC10)",
            "test (JLAC10)",
            "JLAC10",
            r"[0-9A-Z]{5}[0-9]{4}[0-9]{3}[0-9]{3}[0-9]{2}|[0-9A-Z]{5}[0-9]{4}[0-9]{6}",
        ),
        _OTHER_CODE,
        _OTHER_SYSTEM,
        _date("sampled_on", "検体採取日", "sampled on", required=True),
        _number("value", "検査値", "value", None, -1e9, 1e9),
        _code("unit", "単位", "unit", kind=Kind.PLAIN_VALUE),
        _code("value_code", "定性値", "coded value", choices=("-", "+-", "+", "2+", "3+", "4+")),
        _code("abnormal", "異常値区分", "abnormal flag", choices=("L", "N", "H")),
        _free("comment", "検査コメント", "comment"),
    ),
    key=("result_id",),
)

PROCEDURES = Table(
    "procedures",
    Text("手術・処置", "procedures"),
    Text("手術又は処置1件", "one operation or procedure"),
    (
        LOCAL_PATIENT_ID,
        _link("procedure_id", "手術番号", "procedure number"),
        _ENCOUNTER,
        _code("k_code", "Kコード", "K code", "K", r"K\d{3}(-\d{1,2})?\d{0,4}"),
        _OTHER_CODE,
        _OTHER_SYSTEM,
        _free("procedure_name", "手術名", "procedure in words"),
        _date("performed_on", "実施日", "performed on", required=True),
        _date("ended_on", "終了日", "ended on"),
    ),
    key=("procedure_id",),
)

OBSERVATIONS = Table(
    "observations",
    Text("観察・問診", "observations"),
    Text("観察又は問診の所見1件", "one observation or answer"),
    (
        LOCAL_PATIENT_ID,
        _link("observation_id", "所見番号", "observation number"),
        _ENCOUNTER,
        _OTHER_CODE,
        _OTHER_SYSTEM,
        _date("observed_on", "観察日", "observed on", required=True),
        _number("value", "値", "value", None, -1e9, 1e9),
        _code("unit", "単位", "unit", kind=Kind.PLAIN_VALUE),
        _free("value_text", "所見", "finding in words"),
    ),
    key=("observation_id",),
)

HEALTH_CHECKUPS = Table(
    "health_checkups",
    Text("健診", "health checkups"),
    Text("健診受診1件", "one checkup"),
    (
        LOCAL_PATIENT_ID,
        _link("checkup_id", "健診番号", "checkup number"),
        _date("checked_on", "健診日", "checked on", required=True),
        _number("height", "身長", "height", "cm", 30, 272),
        _number("weight", "体重", "weight", "kg", 0.3, 500),
        _number("bmi", "BMI", "body mass index", "kg/m2", 5, 200),
        _number("waist", "腹囲", "waist", "cm", 20, 300),
        _number("systolic", "収縮期血圧", "systolic pressure", "mmHg", 30, 350),
        _number("diastolic", "拡張期血圧", "diastolic pressure", "mmHg", 10, 250),
        _number("fasting_glucose", "空腹時血糖", "fasting glucose", "mg/dL", 5, 2000),
        _number("hba1c", "HbA1c(NGSP)", "HbA1c (NGSP)", "%", 2, 25),
        _number("hdl", "HDLコレステロール", "HDL cholesterol", "mg/dL", 1, 300),
        _number("ldl", "LDLコレステロール", "LDL cholesterol", "mg/dL", 1, 1000),
        _number("triglycerides", "中性脂肪", "triglycerides", "mg/dL", 5, 20000),
        _number("ast", "AST", "AST", "U/L", 1, 50000),
        _number("alt", "ALT", "ALT", "U/L", 1, 50000),
        _number("ggt", "γ-GT", "gamma-GT", "U/L", 1, 20000),
        _code("smoking", "喫煙", "smoking", choices=("current", "past", "never", "unknown")),
        _free("findings", "医師の所見", "physician's findings"),
    ),
    key=("checkup_id",),
)
