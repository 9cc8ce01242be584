"""許される加工 (permitted): which treatment a plan may name for which kind of item, and how low k may be (Reg 18, Reg 6(v)).

The tables are data. Compliance must read every change of this file.
"""

from __future__ import annotations

from enum import StrEnum

from kiban_processing.catalogue.items import Item, Kind, ValueType


class Treatment(StrEnum):
    """加工 (treatment): what becomes of one column; `remove` is the only one that is always allowed."""

    REMOVE = "remove"  # 削除
    REKEY = "rekey"  # 提供ごとの鍵による置換え
    SHIFT = "shift"  # 日付を本人ごとに一律にずらす
    SHIFT_YEAR = "shift_year"  # ずらした日付の年
    BIRTH_YEAR = "birth_year"  # ずらした生年月日の年、90歳以上は一括
    AGE_BAND = "age_band"  # 基準日における5歳階級、90歳以上は一括
    PLACE = "place"  # 都道府県又は市区町村
    KEEP = "keep"  # そのまま
    GENERALISE_RARE = "generalise_rare"  # 少数の値を上位へ丸め、なお少数なら削除
    CLIP = "clip"  # 上下端の丸め
    DERIVED = "derived"  # 事象の行から導いた準識別子; the plan's [derived] names it, no column can


class RecipientClass(StrEnum):
    """利用者の区分: who receives."""

    ACADEMIA = "academia"
    INDUSTRY = "industry"
    PUBLIC = "public"


class DeliveryForm(StrEnum):
    """提供の形態: as a file, or for use inside the operator's visiting environment."""

    FILE = "file"
    VISITING = "visiting"


# The lowest k by recipient and form. The law names no number: a policy value that is recorded with every release (Reg 6(v), Reg 18(v)).
K_FLOORS: dict[tuple[RecipientClass, DeliveryForm], int] = {
    (RecipientClass.ACADEMIA, DeliveryForm.FILE): 10,
    (RecipientClass.ACADEMIA, DeliveryForm.VISITING): 5,
    (RecipientClass.INDUSTRY, DeliveryForm.FILE): 10,
    (RecipientClass.INDUSTRY, DeliveryForm.VISITING): 5,
    (RecipientClass.PUBLIC, DeliveryForm.FILE): 10,
    (RecipientClass.PUBLIC, DeliveryForm.VISITING): 5,
}

BY_KIND: dict[Kind, frozenset[Treatment]] = {
    Kind.DIRECT_IDENTIFIER: frozenset({Treatment.REMOVE}),
    Kind.IDENTIFICATION_CODE: frozenset({Treatment.REMOVE}),
    Kind.FREE_TEXT: frozenset({Treatment.REMOVE}),
    Kind.LINKING_CODE: frozenset({Treatment.REMOVE, Treatment.REKEY}),
    Kind.DATE: frozenset({Treatment.REMOVE, Treatment.SHIFT, Treatment.SHIFT_YEAR}),
    Kind.PLACE: frozenset({Treatment.REMOVE, Treatment.PLACE}),
    Kind.QUASI_IDENTIFIER: frozenset({Treatment.REMOVE, Treatment.KEEP}),
    Kind.SENSITIVE_VALUE: frozenset({Treatment.REMOVE, Treatment.KEEP, Treatment.GENERALISE_RARE, Treatment.CLIP}),
    Kind.PLAIN_VALUE: frozenset({Treatment.REMOVE, Treatment.KEEP, Treatment.GENERALISE_RARE, Treatment.CLIP}),
}

# Items that are narrower than their kind.
BY_ITEM: dict[str, frozenset[Treatment]] = {
    "birth_date": frozenset({Treatment.REMOVE, Treatment.BIRTH_YEAR, Treatment.AGE_BAND}),
    "local_patient_id": frozenset({Treatment.REMOVE}),  # the pseudonym `person` stands for the patient
}

# The name under which a treatment releases a column, where the content is no longer the catalogue's item.
RELEASED_NAMES: dict[Treatment, str] = {
    Treatment.BIRTH_YEAR: "birth_year",
    Treatment.AGE_BAND: "age_band",
    Treatment.PLACE: "residence",
}

# Treatments whose outcome an attacker may know, so that the column must be among the quasi-identifiers.
ALWAYS_QUASI = frozenset({Treatment.BIRTH_YEAR, Treatment.AGE_BAND, Treatment.PLACE})

BUILT_IN_HIERARCHIES: dict[str, str] = {  # released column → hierarchy used when the plan names none
    "sex": "sex",
    "birth_year": "birth_year",
    "age_band": "age_band",
    "residence": "residence",
}


def treatments_of(item: Item) -> frozenset[Treatment]:
    """The treatments that a plan may name for an item.

    An open code may be rare, so it may not merely be kept (Reg 18(iv)); a number may be an outlier, so it must be clipped (Reg 18(v)).

    >>> from kiban_processing.catalogue import tables
    >>> sorted(treatments_of(tables.named("diagnoses.icd10")))
    [<Treatment.GENERALISE_RARE: 'generalise_rare'>, <Treatment.REMOVE: 'remove'>]
    >>> sorted(treatments_of(tables.named("patients.my_number")))
    [<Treatment.REMOVE: 'remove'>]
    """
    allowed = BY_ITEM.get(item.name, BY_KIND[item.kind])
    if item.kind not in (Kind.SENSITIVE_VALUE, Kind.PLAIN_VALUE):
        return allowed
    if item.type in (ValueType.INTEGER, ValueType.DECIMAL):
        return allowed & {Treatment.REMOVE, Treatment.CLIP}
    if item.type is ValueType.CODE and item.choices:
        return allowed & {Treatment.REMOVE, Treatment.KEEP, Treatment.GENERALISE_RARE}
    return allowed & {Treatment.REMOVE, Treatment.GENERALISE_RARE}
