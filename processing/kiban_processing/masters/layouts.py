"""マスターの様式 (layouts): every kind of master that can be brought, with the columns of its official or own file.

Positions and header names are facts of the published files (claim masters of the payment fund, layout of 2022; postal data of Japan Post;
drug codes of MEDIS). Where there is no official file of this form (JLAC10, K codes, mergers), the operator makes a CSV with the names here.
"""

from __future__ import annotations

import pyarrow as pa

from kiban_processing.catalogue.items import ValueType
from kiban_processing.hierarchies.gazetteer import REGION_OF
from kiban_processing.language import Text
from kiban_processing.masters.kinds import NOT_A_TREE, Field, MasterKind, Misfit

DEEPEST = 12  # wider codes above a code at most
PARTS = ("analyte", "identification", "material", "method", "result")  # 分析物、識別、材料、測定法、結果識別


def _code(
    name: str, ja: str, en: str, pattern: str, position: int | None = None, *headers: str,
    required: bool = False, kept: bool = True, dotted: bool = False,
) -> Field:  # fmt: skip
    return Field(name, Text(ja, en), position, headers, pattern=pattern, required=required, kept=kept, dotted=dotted)


def _name(position: int | None = None, *headers: str) -> Field:
    return Field("name", Text("名称", "name"), position, ("名称", *headers), type=ValueType.TEXT, required=True)


def _words(name: str, ja: str, en: str, position: int | None = None, *headers: str, required: bool = False) -> Field:
    return Field(name, Text(ja, en), position, headers, type=ValueType.TEXT, required=required)


def _day(name: str, ja: str, en: str, position: int | None = None, *headers: str, required: bool = False) -> Field:
    return Field(name, Text(ja, en), position, headers, type=ValueType.DATE, required=required)


def _mark(letter: str) -> Field:
    return _code("mark", "マスター種別", "kind of master", letter, 2, required=True, kept=False)


def _icd10(name: str, ja: str, en: str, position: int | None = None, *headers: str) -> Field:
    return Field(name, Text(ja, en), position, headers, like="diagnoses.icd10")


def _tree(rows: pa.Table) -> list[Misfit]:
    wider = dict(zip(rows["code"].to_pylist(), rows["parent"].to_pylist(), strict=True))
    found = []
    for row, code in enumerate(wider):
        steps, above = 0, wider[code]
        while above is not None and steps <= DEEPEST:
            steps, above = steps + 1, wider.get(above, code)  # a code that is not listed leads back at once
        if steps > DEEPEST:
            found.append(Misfit(row, "parent", NOT_A_TREE))
    return found


_RETIRED = ("retired_on", "廃止年月日", "retired on")
_PREFECTURE = Field("prefecture", Text("都道府県", "prefecture"), None, ("都道府県", "都道府県名"), choices=tuple(REGION_OF), required=True)
_ICD_CODE = r"[A-Z]\d{2}(\.?\d{1,3})?|[A-Z]\d{2}-[A-Z]\d{2}|[IVX]{1,5}"  # code, block, chapter

ICD10 = MasterKind(
    "icd10", Text("ICD-10", "ICD-10 with its hierarchy"),
    (
        _code("code", "コード", "code", _ICD_CODE, None, "コード", required=True, dotted=True),
        _name(),
        _code("parent", "上位コード", "wider code", _ICD_CODE, None, "上位コード", dotted=True),
    ),
    ("code",), ("code",), check=_tree,
)  # fmt: skip
DISEASES = MasterKind(
    "diseases", Text("傷病名マスター(b)", "disease-name master (b)"),
    (
        _mark("B"),
        _code("code", "傷病名コード", "disease code", r"\d{7}", 3, required=True),
        _code("moved_to", "移行先コード", "code it moved to", r"\d{7}", 4),
        _name(6),
        _code("medis_number", "病名管理番号", "MEDIS disease number", r"\d{8}", 11),
        _icd10("icd10_2003", "ICD-10(2003年版)", "ICD-10 (2003)", 14),
        _icd10("icd10_2013", "ICD-10(2013年版)", "ICD-10 (2013)", 16),
        _icd10("icd10_second", "ICD-10その2(2013年版)", "second ICD-10 (2013)", 17),
        _day(*_RETIRED, 24),
    ),
    ("code",), ("code", "medis_number"), width=46,
)  # fmt: skip
MODIFIERS = MasterKind(
    "modifiers", Text("修飾語マスター(z)", "disease modifiers (z)"),
    (_mark("Z"), _code("code", "修飾語コード", "modifier code", r"\d{4}", 3, required=True), _name(7), _day(*_RETIRED, 16)),
    ("code",), ("code",), width=19,
)  # fmt: skip
CLAIM_PROCEDURES = MasterKind(
    "claim-procedures", Text("診療行為マスター(s)", "claim procedures (s)"),
    (
        _mark("S"),
        _code("code", "診療行為コード", "procedure code", r"\d{9}", 3, required=True),
        _name(5),
        _code("section", "コード表用番号(アルファベット部)", "section letter", r"[A-Z*-]", 85),
        _day(*_RETIRED, 88),
        _code("number", "区分番号", "number", r"\d{3}", 92),
        _code("branch", "枝番", "branch", r"\d{2}", 93),
        _code("item", "項番", "item", r"\d{2}", 94),
    ),
    ("code",), ("code",), width=122,
)  # fmt: skip
CLAIM_DRUGS = MasterKind(
    "claim-drugs", Text("医薬品マスター(y)", "claim drugs (y)"),
    (
        _mark("Y"),
        _code("code", "医薬品コード", "drug code", r"\d{9}", 3, required=True),
        _name(5),
        _day(*_RETIRED, 31),
        _code("listing_code", "薬価基準収載医薬品コード", "price-list code", r"\d{7}[A-Z]\d{4}", 32),
    ),
    ("code",), ("code", "listing_code"), width=35,
)  # fmt: skip
CLAIM_DEVICES = MasterKind(
    "claim-devices", Text("特定器材マスター(t)", "claim devices (t)"),
    (_mark("T"), _code("code", "特定器材コード", "device code", r"\d{9}", 3, required=True), _name(5), _day(*_RETIRED, 30)),
    ("code",), ("code",), width=37,
)  # fmt: skip
DRUGS = MasterKind(
    "drugs", Text("医薬品HOTコードマスター", "drug codes (HOT and YJ)"),
    (
        _code("hot_code", "HOTコード", "HOT code", r"\d{9}|\d{13}", None, "基準番号(HOTコード)", "HOTコード", "HOT13", "HOT9", required=True),
        Field("yj_code", Text("YJコード", "YJ code"), None, ("個別医薬品コード", "YJコード", "個別医薬品コード(YJコード)"), like="prescriptions.yj_code"),
        _code("claim_code", "レセプト電算コード", "claim code", r"\d{9}", None, "レセプト電算処理システムコード(1)", "レセプト電算処理システムコード"),
        _name(None, "販売名"),
    ),
    ("hot_code",), ("hot_code", "yj_code", "claim_code"),
)  # fmt: skip
JLAC10 = MasterKind(
    "jlac10", Text("臨床検査項目コード(JLAC10)", "laboratory tests (JLAC10)"),
    (Field("code", Text("JLAC10コード", "JLAC10 code"), None, ("JLAC10", "JLAC10コード"), like="laboratory_results.jlac10", required=True),
     _name(None, "検査名", "検査項目名")),
    ("code",), ("code",),
)  # fmt: skip
JLAC10_PARTS = MasterKind(
    "jlac10-parts", Text("JLAC10の要素コード", "parts of JLAC10"),
    (
        Field("part", Text("要素", "part"), None, ("要素",), choices=PARTS, required=True),
        _code("code", "コード", "code", r"[0-9A-Z]{5}|\d{4}|\d{3}|\d{2}", None, "コード", required=True),
        _name(),
    ),
    ("part", "code"), ("code",),
)  # fmt: skip
K_CODES = MasterKind(
    "k-codes", Text("手術コード(Kコード)", "operations (K codes)"),
    (Field("code", Text("Kコード", "K code"), None, ("Kコード", "コード"), like="procedures.k_code", required=True), _name(None, "手術名")),
    ("code",), ("code",),
)  # fmt: skip
MUNICIPALITIES = MasterKind(
    "municipalities", Text("市区町村", "municipalities"),
    (
        _code("code", "団体コード", "municipality code", r"\d{5,6}", None, "団体コード", "市区町村コード", required=True),
        _PREFECTURE,
        _name(None, "市区町村", "市区町村名"),
    ),
    ("code",), ("code", "name"),
)  # fmt: skip
MERGERS = MasterKind(
    "mergers", Text("市区町村の合併", "mergers of municipalities"),
    (
        _PREFECTURE,
        _words("old", "旧市区町村", "old municipality", None, "旧市区町村", required=True),
        _words("new", "新市区町村", "new municipality", None, "新市区町村", required=True),
        _day("in_force", "施行日", "in force", None, "施行日", required=True),
    ),
    ("prefecture", "old", "new", "in_force"), ("old", "new"),
)  # fmt: skip
POSTAL = MasterKind(
    "postal", Text("郵便番号", "postal codes"),
    (
        _code("municipality", "団体コード", "municipality code", r"\d{5}", 1, required=True),
        Field("code", Text("郵便番号", "postal code"), 3, like="patients.postal_code", required=True),
        Field("prefecture", Text("都道府県", "prefecture"), 7, choices=tuple(REGION_OF), required=True),
        _words("city", "市区町村", "municipality", 8, required=True),
        _words("town", "町域", "town", 9),
    ),
    ("code", "municipality", "city", "town"), ("code",), width=15,
)  # fmt: skip
ORGANISATIONS = MasterKind(
    "postal-organisations", Text("大口事業所個別番号", "postal codes of one organisation"),
    (
        _code("municipality", "団体コード", "municipality code", r"\d{5}", 1, required=True),
        _name(3),
        Field("prefecture", Text("都道府県", "prefecture"), 4, choices=tuple(REGION_OF), required=True),
        _words("city", "市区町村", "municipality", 5, required=True),
        Field("code", Text("郵便番号", "postal code"), 8, like="patients.postal_code", required=True),
    ),
    ("code", "name"), ("code",), width=13,
)  # fmt: skip

KINDS: dict[str, MasterKind] = {
    kind.name: kind
    for kind in (
        ICD10, DISEASES, MODIFIERS, DRUGS, JLAC10, JLAC10_PARTS, K_CODES, CLAIM_PROCEDURES, CLAIM_DRUGS, CLAIM_DEVICES,
        MUNICIPALITIES, MERGERS, POSTAL, ORGANISATIONS,
    )
}  # fmt: skip
