"""レセプトの記録様式 (layouts): which lines a claims file may hold in a billing month, how many cells each has, and what they give to the catalogue.

Places count from 0, the record's own code being 0. Facts: 記録条件仕様 (medical and DPC) of the payment fund; the cells of BU, SB and CD stand as
recalled from it, for no licensed sample of a DPC receipt was found. Names of treatments, comments (CO, SJ, the comment cells of SI, IY, TO) and
the numbers of public funds beside an insurance are never read into rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kiban_processing.deliveries import fee_codes


class By(Enum):
    """Where a value comes from. `place` is a cell, `text` a fixed text or the code of another line."""

    CELL = "a cell of the line itself"
    FIRST = "a cell of the receipt's first line with the code `text` (of KO only where there is no HO)"
    RECEIPT = "what was worked out for the receipt under the name `text`"
    FIXED = "the text itself"
    NUMBER = "the number of the row"
    DAY = "the day of the act, from the columns of days or else the first of the month"
    SUPPLY = "days of supply: how often on that day, in the section of drugs taken by mouth"
    SUSPICION = "whether the modifiers in the cell say “suspected”"
    IF_CELL = "the text, where the cell holds something"


@dataclass(frozen=True)
class Give:
    """One item of the catalogue and what gives it; of several for one item the first with content counts."""

    item: str
    by: By
    place: int = 0
    text: str = ""


@dataclass(frozen=True)
class Route:
    """What lines become rows of a table: all, or those whose code in cell `code_place` starts with `kind`."""

    table: str
    gives: tuple[Give, ...]
    kind: str = ""
    code_place: int = 0


@dataclass(frozen=True)
class Line:
    """One kind of line: cells it needs at least and may have at most (empty cells beyond do not count), the first column of days if any."""

    code: str
    least: int
    most: int
    routes: tuple[Route, ...] = ()
    days_from: int | None = None


@dataclass(frozen=True)
class Layout:
    """The lines known for bills of one period, from its first month (YYYYMM) on."""

    since: int
    lines: tuple[Line, ...]


PATIENT = Give("local_patient_id", By.RECEIPT, text="patient")
ENCOUNTER = Give("encounter_id", By.RECEIPT, text="encounter")

REGISTRATION = Route("patients", (
    PATIENT,
    Give("name_kanji", By.CELL, 4), Give("name_kana", By.CELL, 36), Give("birth_date", By.CELL, 6), Give("sex", By.CELL, 5),
    Give("insurer_number", By.FIRST, 1, "HO"), Give("insurer_number", By.FIRST, 1, "KO"),
    Give("insured_symbol", By.FIRST, 2, "HO"),
    Give("insured_number", By.FIRST, 3, "HO"), Give("insured_number", By.FIRST, 2, "KO"),
    Give("insured_branch", By.FIRST, 6, "SN"),
))  # fmt: skip
CLAIM_MONTH = Route("encounters", (
    PATIENT, ENCOUNTER,
    Give("encounter_class", By.RECEIPT, text="class"),
    Give("started_on", By.FIRST, 2, "BU"), Give("started_on", By.RECEIPT, text="admitted"), Give("started_on", By.RECEIPT, text="first_day"),
    Give("ended_on", By.FIRST, 3, "BU"), Give("ended_on", By.RECEIPT, text="last_day"),
    Give("department", By.CELL, 21),
    Give("discharge_outcome", By.FIRST, 4, "BU"),
))  # fmt: skip
DISEASE = Route("diagnoses", (
    PATIENT, ENCOUNTER, Give("diagnosis_id", By.NUMBER),
    Give("disease_code", By.CELL, 1), Give("diagnosed_on", By.CELL, 2), Give("outcome", By.CELL, 3),
    Give("other_code", By.CELL, 4), Give("other_code_system", By.IF_CELL, 4, fee_codes.MODIFIERS),
    Give("disease_name", By.CELL, 5), Give("role", By.IF_CELL, 6, "main"), Give("certainty", By.SUSPICION, 4),
))  # fmt: skip
DPC_DISEASE = Route("diagnoses", (
    PATIENT, ENCOUNTER, Give("diagnosis_id", By.NUMBER),
    Give("disease_code", By.CELL, 1), Give("icd10", By.CELL, 4),
    Give("diagnosed_on", By.FIRST, 2, "BU"), Give("diagnosed_on", By.RECEIPT, text="admitted"), Give("diagnosed_on", By.RECEIPT, text="first_day"),
    Give("other_code", By.CELL, 2), Give("other_code_system", By.IF_CELL, 2, fee_codes.MODIFIERS),
    Give("disease_name", By.CELL, 3), Give("role", By.CELL, 5), Give("certainty", By.SUSPICION, 2),
))  # fmt: skip
GROUP = Route("observations", (
    PATIENT, ENCOUNTER, Give("observation_id", By.NUMBER),
    Give("other_code", By.CELL, 1), Give("other_code_system", By.IF_CELL, 1, fee_codes.DPC),
    Give("observed_on", By.CELL, 2), Give("observed_on", By.RECEIPT, text="first_day"),
))  # fmt: skip


def _act(code: int, day: Give) -> Route:
    return Route("procedures", (
        PATIENT, ENCOUNTER, Give("procedure_id", By.NUMBER),
        Give("other_code", By.CELL, code), Give("other_code_system", By.FIXED, text=fee_codes.SYSTEMS[fee_codes.ACT]), _renamed(day, "performed_on"),
    ), fee_codes.ACT, code)  # fmt: skip


def _drug(code: int, quantity: int, day: Give, *further: Give) -> Route:
    return Route("prescriptions", (
        PATIENT, ENCOUNTER, Give("prescription_id", By.NUMBER),
        Give("other_code", By.CELL, code), Give("other_code_system", By.FIXED, text=fee_codes.SYSTEMS[fee_codes.DRUG]),
        Give("quantity", By.CELL, quantity), _renamed(day, "prescribed_on"), *further,
    ), fee_codes.DRUG, code)  # fmt: skip


def _device(code: int, quantity: int, unit: int, day: Give) -> Route:
    return Route("observations", (
        PATIENT, ENCOUNTER, Give("observation_id", By.NUMBER),
        Give("other_code", By.CELL, code), Give("other_code_system", By.FIXED, text=fee_codes.SYSTEMS[fee_codes.DEVICE]),
        Give("value", By.CELL, quantity), Give("unit", By.CELL, unit), _renamed(day, "observed_on"),
    ), fee_codes.DEVICE, code)  # fmt: skip


def _renamed(give: Give, item: str) -> Give:
    return Give(item, give.by, give.place, give.text)


_DAY = Give("", By.DAY)
_CODED_DAY = Give("", By.CELL, 1)

_MEDICAL = (
    Line("RE", 7, 38, (REGISTRATION, CLAIM_MONTH)),
    Line("HO", 3, 15),
    Line("KO", 2, 12),
    Line("SY", 3, 8, (DISEASE,)),
    Line("SI", 4, 44, (_act(3, _DAY),), 13),
    Line("IY", 4, 44, (_drug(3, 4, _DAY, Give("days", By.SUPPLY)),), 13),
    Line("TO", 4, 48, (_device(3, 4, 7, _DAY),), 17),
    Line("CO", 4, 5), Line("SJ", 2, 3), Line("GR", 1, 44), Line("NI", 1, 44), Line("TI", 1, 60), Line("TR", 1, 60), Line("TS", 1, 60),
    Line("MD", 1, 60), Line("JY", 1, 60), Line("MF", 1, 60), Line("RC", 1, 60), Line("JD", 1, 60),
)  # fmt: skip
_DPC = (
    Line("BU", 3, 8, (GROUP,)),
    Line("SB", 2, 9, (DPC_DISEASE,)),
    Line("KK", 1, 60), Line("SK", 1, 60), Line("GA", 1, 60), Line("HH", 1, 60), Line("GT", 1, 60),
    Line("CD", 6, 11, (_act(5, _CODED_DAY), _drug(5, 6, _CODED_DAY), _device(5, 6, 8, _CODED_DAY))),
)  # fmt: skip
_CONFIRMED = (Line("SN", 2, 9), Line("ON", 1, 60), Line("JR", 1, 60))

LAYOUTS = (Layout(0, (*_MEDICAL, *_DPC)), Layout(202004, (*_MEDICAL, *_DPC, *_CONFIRMED)))
"""Earlier layouts lack the confirmation of insurance (SN with the branch number) and end RE before its later cells; those were never others'."""

OPENS, DISPENSING_OPENS, CLOSES = "IR", "YK", "GO"
ASIDE = ("dental", "dispensing")  # kinds of receipts that are recognised and kept aside
SET_ASIDE_TABLES = {"3": "dental", "4": "dispensing"}  # 点数表 in IR-4
SET_ASIDE_LINES = {"SH": "dispensing", "CZ": "dispensing", "KI": "dispensing", "HS": "dental", "SS": "dental"}

TRANSLATIONS = {
    "patients.sex": fee_codes.SEXES,
    "diagnoses.outcome": {"1": "continuing", "2": "cured", "3": "died", "4": "stopped"},
    "diagnoses.role": {
        "01": "resource", "02": "secondary", "11": "main", "21": "admission", "31": "second-resource",
        "41": "comorbid", "42": "comorbid", "43": "comorbid", "44": "comorbid",
        "51": "onset-after", "52": "onset-after", "53": "onset-after", "54": "onset-after",
    },
    "encounters.discharge_outcome": fee_codes.DISCHARGE_OUTCOMES,
}  # fmt: skip


def _items() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for route in (route for layout in LAYOUTS for line in layout.lines for route in line.routes):
        found.setdefault(route.table, {}).update(dict.fromkeys(give.item for give in route.gives))
    return {table: tuple(items) for table, items in found.items()}


ITEMS = _items()
"""Table → the items that claims may give."""


def in_force(month: int) -> dict[str, Line]:
    """The lines of bills of a month (YYYYMM); where it is unknown (0), the latest, which knows most."""
    layout = [one for one in LAYOUTS if month == 0 or one.since <= month][-1]
    return {line.code: line for line in layout.lines}
