"""DPC調査データの様式 (layouts): the columns of each kind of file by period, and what rows give to the catalogue.

Places count from 0. Facts of the official layouts 2014–2026; D and H as the survey's manual has them. Never read into rows: the hospital's own item
names, insurer numbers, doctors, wards (but for the number of a row of H, whose key they are part of), the birth date that stands in column 3 of EFg since April 2018 (before, the day of discharge), and
the linkable hash of K, of which rows are only counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kiban_processing.deliveries import fee_codes


class By(Enum):
    """Where a value comes from. `place` is a column, `text` a fixed text or a code of form 1."""

    CELL = "a column of the row itself"
    PATIENT = "the hospital's patient ID for the data ID"
    ENCOUNTER = "the number of the stay or visit"
    NUMBER = "the number of the row, from the columns that are its key"
    FIXED = "the text itself"
    IF_K_CODE = "the column, where it is a K code"
    IF_BY_MOUTH = "the column, where the row is of drugs taken by mouth"
    OF_CODE = "the column of the stay's first row with the code `text`"
    MODIFIERS = "payloads 5 to 8 of a diagnosis, one after the other"
    IF_MODIFIERS = "the text, where there are modifiers"
    PAYLOAD = "one payload of the row; a row is made for each"
    PAYLOAD_CODE = "the row's code and the number of the payload"


@dataclass(frozen=True)
class Give:
    """One item of the catalogue and what gives it; of several for one item the first with content counts."""

    item: str
    by: By
    place: int = 0
    text: str = ""


@dataclass(frozen=True)
class Route:
    """Rows whose columns match all of `where` (place, regular expression) become rows of a table."""

    table: str
    gives: tuple[Give, ...]
    where: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    `columns`: its names; `least`: how many cells a row needs; `person`: the column of the data ID; `key`: what may occur once in a file;
    `stay`: the columns that name a stay or visit; `day`: the column whose month tells the period; `payloads`: column of payload 1 and their number.
    `is_read`: False for what is counted and kept aside.
    """

    name: str
    columns: tuple[str, ...] = ()
    least: int = 1
    person: int = 1
    key: tuple[int, ...] = ()
    stay: tuple[int, ...] = ()
    day: int = 0
    code: int | None = None
    payloads: tuple[int, int] | None = None
    routes: tuple[Route, ...] = ()
    encounter: Route | None = None
    is_read: bool = True

    @property
    def tables(self) -> frozenset[str]:
        """The tables that its rows may become rows of."""
        return frozenset(route.table for route in (*self.routes, *([self.encounter] if self.encounter else [])))


_EF_HEAD = ("施設コード", "データ識別番号", "退院年月日", "入院年月日")
_EF_BODY = (
    "データ区分", "順序番号", "行為明細番号", "病院点数マスタコード", "レセプト電算処理システム用コード", "解釈番号", "診療明細名称", "使用量", "基準単位",
    "明細点数・金額", "円・点区分", "出来高実績点数", "行為明細区分情報", "行為点数", "行為薬剤料", "行為材料料", "行為回数", "保険者番号", "レセプト種別コード",
)  # fmt: skip
_EF_TAIL = ("レセプト科区分", "診療科区分", "医師コード", "病棟コード", "病棟区分", "入外区分", "施設タイプ")
EFN_COLUMNS = (*_EF_HEAD, *_EF_BODY, "実施年月日", *_EF_TAIL)
EFG_COLUMNS_UNTIL_2017 = EFN_COLUMNS
EFG_COLUMNS = (*_EF_HEAD[:2], "生年月日", "外来受診年月日", *_EF_BODY, "実施年月日・診療開始日", *_EF_TAIL)
EFG_CHANGED = 201804
D_COLUMNS = (
    "施設コード", "データ識別番号", "退院年月日", "入院年月日", "データ区分", "順序番号", "病院点数マスタコード", "レセプト電算処理システム用コード", "解釈番号",
    "診療行為名称", "行為点数", "行為薬剤料", "行為材料料", "円・点区分", "行為回数", "保険者番号", "レセプト種別コード", "実施年月日", *_EF_TAIL,
    "算定開始日", "算定終了日", "算定起算日", "分類番号", "医療機関係数",
)  # fmt: skip
H_COLUMNS = (
    "施設コード", "病棟コード", "データ識別番号", "退院年月日", "入院年月日", "実施年月日", "コード", "バージョン", "連番",
    *(f"ペイロード{number}" for number in range(1, 21)),
)  # fmt: skip
FF1_COLUMNS = (
    "施設コード", "データ識別番号", "入院年月日", "回数管理番号", "統括診療情報番号", "コード", "バージョン", "連番",
    *(f"ペイロード{number}" for number in range(1, 10)),
)  # fmt: skip

_PATIENT, _ENCOUNTER = Give("local_patient_id", By.PATIENT), Give("encounter_id", By.ENCOUNTER)
LINE, WITH_WHOLE_ACTS = 6, ("EFn", "EFg")
_DETAIL = (LINE, r"^0*[1-9][0-9]*$")  # line 000 is the act as a whole (E), 001 and on its parts (F)
_SECTION, _FEE_CODE, _EF_DAY = 4, 8, 23


def _coded(kind: str) -> tuple[Give, Give]:
    return Give("other_code", By.CELL, _FEE_CODE), Give("other_code_system", By.FIXED, text=fee_codes.SYSTEMS[kind])


def _of(kind: str) -> tuple[tuple[int, str], ...]:
    return (_DETAIL, (_FEE_CODE, f"^{kind}[0-9]{{8}}$"))


_EF_ROUTES = (
    Route("procedures", (
        _PATIENT, _ENCOUNTER, Give("procedure_id", By.NUMBER), Give("k_code", By.IF_K_CODE, 9), *_coded(fee_codes.ACT), Give("performed_on", By.CELL, _EF_DAY),
    ), _of(fee_codes.ACT)),
    Route("prescriptions", (
        _PATIENT, _ENCOUNTER, Give("prescription_id", By.NUMBER), *_coded(fee_codes.DRUG), Give("quantity", By.CELL, 11), Give("quantity_unit", By.CELL, 12),
        Give("days", By.IF_BY_MOUTH, 20), Give("prescribed_on", By.CELL, _EF_DAY),
    ), _of(fee_codes.DRUG)),
    Route("observations", (
        _PATIENT, _ENCOUNTER, Give("observation_id", By.NUMBER), *_coded(fee_codes.DEVICE), Give("value", By.CELL, 11), Give("unit", By.CELL, 12),
        Give("observed_on", By.CELL, _EF_DAY),
    ), _of(fee_codes.DEVICE)),
)  # fmt: skip
_EFG_DISEASES = Route("diagnoses", (
    _PATIENT, _ENCOUNTER, Give("diagnosis_id", By.NUMBER), Give("disease_code", By.CELL, _FEE_CODE), Give("diagnosed_on", By.CELL, _EF_DAY),
), (_DETAIL, (_SECTION, "^SY$"), (_FEE_CODE, "^[0-9]{7}$")))  # fmt: skip

_STAY = Route("encounters", (
    _PATIENT, _ENCOUNTER, Give("encounter_class", By.FIXED, text="inpatient"), Give("started_on", By.CELL, 3), Give("ended_on", By.CELL, 2),
))  # fmt: skip
_VISIT = Route("encounters", (
    _PATIENT, _ENCOUNTER, Give("encounter_class", By.FIXED, text="outpatient"),
    Give("started_on", By.CELL, 3), Give("started_on", By.CELL, _EF_DAY), Give("department", By.CELL, 25),
))  # fmt: skip
_FORM_ONE_STAY = Route("encounters", (
    _PATIENT, _ENCOUNTER, Give("encounter_class", By.FIXED, text="inpatient"), Give("started_on", By.CELL, 2),
    Give("ended_on", By.OF_CODE, 8, "A000030"), Give("department", By.OF_CODE, 9, "A000040"), Give("discharge_outcome", By.OF_CODE, 10, "A000030"),
))  # fmt: skip

ROLES = {
    "A006010": "main", "A006020": "admission", "A006030": "resource", "A006031": "second-resource", "A006040": "comorbid", "A006050": "onset-after",
}  # fmt: skip
_BIRTH = Route("patients", (
    _PATIENT, Give("birth_date", By.CELL, 8), Give("sex", By.CELL, 9), Give("postal_code", By.CELL, 10),
), ((5, "^A000010$"),))  # fmt: skip
_OPERATIONS = Route("procedures", (
    _PATIENT, _ENCOUNTER, Give("procedure_id", By.NUMBER), Give("k_code", By.CELL, 9), Give("other_code", By.CELL, 10),
    Give("other_code_system", By.FIXED, text="STEM7"), Give("performed_on", By.CELL, 8),
), ((5, "^A007010$"),))  # fmt: skip
_FORM_ONE_VALUES = Route("observations", (
    _PATIENT, _ENCOUNTER, Give("observation_id", By.NUMBER), Give("other_code", By.PAYLOAD_CODE, 5), Give("other_code_system", By.FIXED, text="DPC-FF1"),
    Give("observed_on", By.CELL, 2), Give("value_code", By.PAYLOAD),
), ((5, "^([B-Z]|A[A-Z]|A00[1-5]|A0000[2-9]|A00606|A008)"),))  # fmt: skip
_NURSING = Route("observations", (
    _PATIENT, _ENCOUNTER, Give("observation_id", By.NUMBER), Give("other_code", By.PAYLOAD_CODE, 6), Give("other_code_system", By.FIXED, text="DPC-H"),
    Give("observed_on", By.CELL, 5), Give("value_code", By.PAYLOAD),
))  # fmt: skip
_GROUP = Route("observations", (
    _PATIENT, _ENCOUNTER, Give("observation_id", By.NUMBER), Give("other_code", By.CELL, 28), Give("other_code_system", By.FIXED, text=fee_codes.DPC),
    Give("observed_on", By.CELL, 17),
), ((28, "[^ 0]"),))  # fmt: skip


def _diagnosis(code: str, role: str) -> Route:
    return Route("diagnoses", (
        _PATIENT, _ENCOUNTER, Give("diagnosis_id", By.NUMBER), Give("icd10", By.CELL, 9), Give("disease_code", By.CELL, 11),
        Give("other_code", By.MODIFIERS, 12), Give("other_code_system", By.IF_MODIFIERS, 12, fee_codes.MODIFIERS),
        Give("diagnosed_on", By.CELL, 2), Give("role", By.FIXED, text=role),
    ), ((5, f"^{code}$"),))  # fmt: skip


_EF_KEY = (0, 1, 3, 4, 5, 6)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (
    Kind("FF1", FF1_COLUMNS, 9, 1, (0, 1, 2, 3, 4, 5, 7), (1, 2), 2, 5, (8, 8),
         (_BIRTH, _OPERATIONS, *(_diagnosis(code, role) for code, role in ROLES.items()), _FORM_ONE_VALUES), _FORM_ONE_STAY),
    Kind("EFn", EFN_COLUMNS, 24, 1, _EF_KEY, (1, 3), _EF_DAY, None, None, _EF_ROUTES, _STAY),
    Kind("EFg", EFG_COLUMNS, 24, 1, (*_EF_KEY, _EF_DAY), (1, 3), 3, None, None, (*_EF_ROUTES, _EFG_DISEASES), _VISIT),
    Kind("D", D_COLUMNS, 26, 1, (0, 1, 3, 4, 5, 17), (1, 3), 17, None, None, (_GROUP,)),
    Kind("H", H_COLUMNS, 10, 2, (0, 1, 2, 4, 5, 6, 8), (2, 4), 5, 6, (9, 20), (_NURSING,)),
    Kind("K", is_read=False), Kind("FF3", is_read=False), Kind("FF4", is_read=False),
)}  # fmt: skip
H_CODE = r"^(ASS00[1-3][0-9]|TAR00[0-9][0-9])$"


def _items() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for kind in KINDS.values():
        for route in (*kind.routes, *([kind.encounter] if kind.encounter else [])):
            found.setdefault(route.table, {}).update(dict.fromkeys(give.item for give in route.gives))
    return {table: tuple(items) for table, items in found.items()}


ITEMS = _items()
"""Table → the items that DPC files may give."""

PERIODS = (
    201404, 201504, 201604, 201704, 201804, 201904, 202004, 202104, 202204, 202304, 202404, 202406, 202504, 202604, 202606,
)  # fmt: skip

TRANSLATIONS = {
    "patients.sex": fee_codes.SEXES,
    "encounters.discharge_outcome": {**fee_codes.DISCHARGE_OUTCOMES, "1": "improved"},  # 治癒・軽快 is one code in form 1
}


def period_of(month: int) -> int:
    """The period (its first month) whose layout holds in a month; 0 before the first."""
    return max((one for one in PERIODS if one <= month), default=0)
