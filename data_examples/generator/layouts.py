"""様式 (layouts): how each hospital's files look: names, encoding, delimiter, headers, dates, codes; the mapping file follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import jaconv

from generator import dates, places
from generator.records import Row, Value
from generator.registrations import Registration

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True)
class Column:
    """One source column: its header, the item of the catalogue it holds (none: not taken), and how a value is written."""

    header: str
    item: str
    values: tuple[tuple[str, str], ...] = ()  # of the catalogue → of the hospital
    day: Callable[[date], str] | None = None
    shape: Callable[[str], str] | None = None


@dataclass(frozen=True)
class File:
    """One file of a hospital and the table of the catalogue it holds."""

    name: str
    table: str
    columns: tuple[Column, ...]
    delimiter: str = ","
    closed: bool = False  # ends with 0x1A, as old editors end a file


@dataclass(frozen=True)
class Layout:
    """All files of one hospital, with what they have in common."""

    encoding: str
    byte_order_mark: bool
    newline: str
    quoted: bool
    day: Callable[[date], str]
    files: tuple[File, ...]


def write(column: Column, layout: Layout, value: Value) -> str:
    """One cell as the hospital writes it."""
    if value is None or value == "":
        return ""
    if isinstance(value, date):
        return (column.day or layout.day)(value)
    if isinstance(value, float | int):
        return f"{value:g}" if value != int(value) else str(int(value))
    text = dict(column.values)[value] if column.values else value
    return column.shape(text) if column.shape else text


def full_width(text: str) -> str:
    """１２３."""
    return text.translate(_FULL_WIDTH)


def excel(text: str) -> str:
    """="0012", as a spreadsheet keeps leading zeros."""
    return f'="{text}"'


def hyphened(text: str) -> str:
    """273-0021."""
    return f"{text[:3]}-{text[3:]}"


def undotted(text: str) -> str:
    """E119."""
    return text.replace(".", "")


def identity(registration: Registration) -> Row:
    """Name and address as this hospital writes them."""
    person = registration.person
    kanji, kana = (person.surname.kanji, person.given.kanji), (person.surname.kana, person.given.kana)
    if registration.hospital == "H001":
        return {"name_kanji": "　".join(kanji), "name_kana": jaconv.z2h(" ".join(kana)), "address": places.in_words(person.home)}
    if registration.hospital == "H002":
        return {"name_kanji": " ".join(kanji), "name_kana": "　".join(kana), "address": places.in_kanji(person.home)}
    return {"name_kanji": "".join(kanji), "name_kana": " ".join(kana), "address": places.in_short(person.home)}


def _columns(*pairs: str | Column) -> tuple[Column, ...]:
    """Columns from `header=item`; an empty item is a column that is not taken."""
    return tuple(pair if isinstance(pair, Column) else Column(pair.split("=")[0], pair.split("=")[1]) for pair in pairs)


def _values(written: str) -> tuple[tuple[str, str], ...]:
    """`inpatient:1 outpatient:2` as pairs of the catalogue's value and the hospital's."""
    return tuple((pair.split(":")[0], pair.split(":")[1]) for pair in written.split())


_OUTCOME = "cured:治癒 improved:軽快 unchanged:不変 worse:増悪 transferred:転院 died:死亡 other:その他"

H001 = Layout(
    "cp932", False, "\r\n", False, dates.compact,
    (
        File("患者基本.csv", "patients", _columns(
            "患者番号=local_patient_id", "登録日=registered_on", "漢字氏名=name_kanji", "カナ氏名=name_kana",
            Column("生年月日", "birth_date", day=dates.era_dotted), Column("性別", "sex", _values("male:1 female:2")),
            "郵便番号=postal_code", "住所=address", "電話番号=phone", "保険者番号=insurer_number", "記号=insured_symbol", "番号=insured_number", "備考=",
        )),
        File("死亡.csv", "deaths", _columns("患者番号=local_patient_id", "死亡日=death_date", Column("死因コード", "cause_icd10", shape=undotted)), closed=True),
        File("受診.csv", "encounters", _columns(
            "患者番号=local_patient_id", "受診番号=encounter_id", Column("入外区分", "encounter_class", _values("inpatient:1 outpatient:2 emergency:3")),
            "開始日=started_on", "終了日=ended_on", "診療科=department", "施設名=facility_name", "担当医=physician_name",
            Column("転帰", "discharge_outcome", _values(_OUTCOME)),
        )),
        File("病名.csv", "diagnoses", _columns(
            "患者番号=local_patient_id", "病名番号=diagnosis_id", "受診番号=encounter_id", Column("ICD10", "icd10", shape=undotted), "病名=disease_name",
            "診断日=diagnosed_on", "転帰日=ended_on", Column("疑い", "certainty", _values("confirmed:0 suspected:1")),
            Column("転帰区分", "outcome", _values("cured:1 died:2 stopped:3 transferred:4 continuing:9")),
        )),
        File("処方.csv", "prescriptions", _columns(
            "患者番号=local_patient_id", "処方番号=prescription_id", "受診番号=encounter_id", "YJコード=yj_code", "薬剤名=drug_name", "1日量=quantity",
            "単位=quantity_unit", "日数=days", "経路=route", "処方日=prescribed_on", "用法=instructions",
        )),
        File("検体検査.csv", "laboratory_results", _columns(
            "患者番号=local_patient_id", "結果番号=result_id", "受診番号=encounter_id", "JLAC10=jlac10", "採取日=sampled_on", "結果値=value",
            "単位=unit", "判定=abnormal", "コメント=comment",
        )),
        File("手術.csv", "procedures", _columns(
            "患者番号=local_patient_id", "手術番号=procedure_id", "受診番号=encounter_id", "Kコード=k_code", "術式=procedure_name", "実施日=performed_on",
        )),
    ),
)  # fmt: skip

H002 = Layout(
    "utf-8", True, "\r\n", True, dates.slashed,
    (
        File("患者マスタ.csv", "patients", _columns(
            "患者ID=local_patient_id", "新患登録日=registered_on", "氏名=name_kanji", "氏名フリガナ=name_kana", "生年月日=birth_date",
            Column("性別", "sex", _values("male:男 female:女")), Column("郵便番号", "postal_code", shape=hyphened), "住所=address", "電話=phone", "メール=email", "死亡年月日=death_date",
            "保険者番号=insurer_number", Column("被保険者証記号", "insured_symbol", shape=full_width), "被保険者証番号=insured_number", "枝番=insured_branch",
            "主治医メモ=",
        )),
        File("外来入院.csv", "encounters", _columns(
            "患者ID=local_patient_id", "受診ID=encounter_id", Column("区分", "encounter_class", _values("inpatient:入院 outpatient:外来 emergency:救急")),
            "開始=started_on", "終了=ended_on", "科=department", "医師=physician_name", Column("退院時転帰", "discharge_outcome", _values(_OUTCOME)),
        )),
        File("傷病名.csv", "diagnoses", _columns(
            "患者ID=local_patient_id", "傷病ID=diagnosis_id", "受診ID=encounter_id", "ICD-10=icd10", "傷病名=disease_name", "開始日=diagnosed_on",
            "終了日=ended_on", Column("確定疑い", "certainty", _values("confirmed:確定 suspected:疑い")),
            Column("転帰", "outcome", _values("cured:治癒 died:死亡 stopped:中止 transferred:転医 continuing:継続")),
        )),
        File("処方オーダ.csv", "prescriptions", _columns(
            "患者ID=local_patient_id", "処方ID=prescription_id", "受診ID=encounter_id", "YJ=yj_code", "数量=quantity", "単位=quantity_unit",
            "日数=days", "投与経路=route", "処方日=prescribed_on", "コメント=instructions",
        )),
        File("検査結果.csv", "laboratory_results", _columns(
            "患者ID=local_patient_id", "検査ID=result_id", "受診ID=encounter_id", "JLAC10コード=jlac10", "採取日=sampled_on", "値=value", "単位=unit",
            Column("H/L", "abnormal", _values("L:L N:- H:H")),
        )),
        File("手術.csv", "procedures", _columns(
            "患者ID=local_patient_id", "手術ID=procedure_id", "受診ID=encounter_id", "Kコード=k_code", "術式名=procedure_name", "手術日=performed_on",
            "終了日=ended_on",
        )),
        File("健診.csv", "health_checkups", _columns(
            "患者ID=local_patient_id", "健診ID=checkup_id", "健診日=checked_on", "身長=height", "体重=weight", "BMI=bmi", "腹囲=waist", "収縮期=systolic",
            "拡張期=diastolic", "空腹時血糖=fasting_glucose", "HbA1c=hba1c", "HDL=hdl", "LDL=ldl", "中性脂肪=triglycerides", "AST=ast", "ALT=alt", "γ-GT=ggt",
            Column("喫煙", "smoking", _values("current:吸う past:やめた never:吸わない unknown:不明")),
        )),
    ),
)  # fmt: skip

H003 = Layout(
    "utf-8", False, "\n", False, date.isoformat,
    (
        File("patients.csv", "patients", _columns(
            Column("patient_no", "local_patient_id", shape=excel), "first_visit=registered_on", "name=name_kanji", "kana=name_kana",
            Column("birth", "birth_date", day=dates.era_written), Column("sex", "sex", _values("male:M female:F")),
            "zip=postal_code", "address=address", "tel=phone", "mail=email", "died=death_date",
            Column("insurer", "insurer_number", shape=excel), "symbol=insured_symbol", Column("number", "insured_number", shape=excel),
            Column("branch", "insured_branch", shape=excel),
        )),
        File("visits.tsv", "encounters", _columns(
            "patient_no=local_patient_id", "visit_no=encounter_id", Column("kind", "encounter_class", _values("inpatient:I outpatient:O emergency:E")),
            "from=started_on", "to=ended_on", "dept=department", "doctor=physician_name",
        ), "\t"),
        File("diagnoses.tsv", "diagnoses", _columns(
            "patient_no=local_patient_id", "dx_no=diagnosis_id", "visit_no=encounter_id", "icd10=icd10", "name=disease_name", "from=diagnosed_on", "to=ended_on",
            Column("certainty", "certainty", _values("confirmed:C suspected:S")),
            Column("outcome", "outcome", _values("cured:cured died:died stopped:stopped transferred:transferred continuing:continuing")),
        ), "\t"),
        File("prescriptions.tsv", "prescriptions", _columns(
            "patient_no=local_patient_id", "rx_no=prescription_id", "visit_no=encounter_id", "yj=yj_code", "drug=drug_name", "qty=quantity",
            "unit=quantity_unit", "days=days", "date=prescribed_on", "sig=instructions",
        ), "\t"),
        File("labs.tsv", "laboratory_results", _columns(
            "patient_no=local_patient_id", "result_no=result_id", "visit_no=encounter_id", "jlac10=jlac10", "date=sampled_on", "value=value", "unit=unit",
            "flag=abnormal",
        ), "\t"),
        File("checkups.tsv", "health_checkups", _columns(
            "patient_no=local_patient_id", "checkup_no=checkup_id", "date=checked_on", "height=height", "weight=weight", "bmi=bmi", "sbp=systolic",
            "dbp=diastolic", "fpg=fasting_glucose", "hba1c=hba1c", "hdl=hdl", "ldl=ldl", "tg=triglycerides", "ast=ast", "alt=alt", "ggt=ggt",
            Column("smoking", "smoking", _values("current:current past:past never:never unknown:unknown")), "findings=findings",
        ), "\t"),
    ),
)  # fmt: skip

LAYOUTS: dict[str, Layout] = {"H001": H001, "H002": H002, "H003": H003}
