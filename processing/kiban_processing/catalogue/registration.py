"""患者登録 (registration): who the patient is at one hospital; one row per registration."""

from __future__ import annotations

from kiban_processing.catalogue import identification_codes
from kiban_processing.catalogue.items import Item, Kind, Table, ValueType
from kiban_processing.language import Text

LOCAL_PATIENT_ID = Item(
    "local_patient_id",
    Text("患者ID", "local patient ID"),
    Kind.LINKING_CODE,
    ValueType.TEXT,
    required=True,
    meaning=Text("医療機関内の患者番号。先頭の0も意味を持つ。", "The hospital's own number for the patient; leading zeros count."),
)

SEXES = ("male", "female", "other", "unknown")

PATIENTS = Table(
    "patients",
    Text("患者", "patients"),
    Text("医療機関ごとの患者登録1件", "one registration of a patient at one hospital"),
    (
        LOCAL_PATIENT_ID,
        Item("registered_on", Text("登録日", "registered on"), Kind.DATE, ValueType.DATE),
        Item("name_kanji", Text("氏名(漢字)", "name (kanji)"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        Item("name_kana", Text("氏名(カナ)", "name (kana)"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        Item("birth_date", Text("生年月日", "date of birth"), Kind.DATE, ValueType.DATE),
        Item("sex", Text("性別", "sex"), Kind.QUASI_IDENTIFIER, ValueType.CODE, choices=SEXES),
        Item(
            "postal_code",
            Text("郵便番号", "postal code"),
            Kind.PLACE,
            ValueType.CODE,
            pattern=r"\d{7}",
            meaning=Text("大口事業所の番号は一つの組織を示す識別子である。", "A large-user code names one organisation and identifies."),
        ),
        Item("address", Text("住所", "address"), Kind.PLACE, ValueType.TEXT),
        Item("phone", Text("電話番号", "telephone"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        Item("email", Text("電子メール", "e-mail"), Kind.DIRECT_IDENTIFIER, ValueType.TEXT),
        Item("death_date", Text("死亡日", "date of death"), Kind.DATE, ValueType.DATE),
        *identification_codes.ALL,
    ),
    key=("local_patient_id",),
)

DEATHS = Table(
    "deaths",
    Text("死亡", "deaths"),
    Text("患者の死亡1件", "one death"),
    (
        LOCAL_PATIENT_ID,
        Item("death_date", Text("死亡日", "date of death"), Kind.DATE, ValueType.DATE, required=True),
        Item(
            "cause_icd10",
            Text("死因(ICD-10)", "cause of death (ICD-10)"),
            Kind.SENSITIVE_VALUE,
            ValueType.CODE,
            code_system="ICD-10",
            pattern=r"[A-Z]\d{2}(\.?\d{1,3})?",
        ),
        Item("cause_other_code", Text("死因(その他のコード)", "cause of death (other code)"), Kind.SENSITIVE_VALUE, ValueType.CODE),
    ),
    key=("local_patient_id",),
)
