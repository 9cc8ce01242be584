"""健診項目 (checkup items): which item code of seventeen digits fills which column; where several methods were used, the first of the list counts.

Source: the ministry's table of items for specific health checkups (item codes built on JLAC10, OID 1.2.392.200119.6.1005), generations 3 and 4.
Later readings of blood pressure come before earlier ones and one marked as best before both; a measured waist before one told by the person.
"""

from __future__ import annotations

from datetime import date

ITEM_CODES = "1.2.392.200119.6.1005"

_CODES: dict[str, tuple[str, ...]] = {
    "height": ("9N001000000000001",),
    "weight": ("9N006000000000001",),
    "bmi": ("9N011000000000001",),
    "waist": ("9N016160100000001", "9N016160200000001", "9N016160300000001"),
    "systolic": ("9A755000000000001", "9A752000000000001", "9A751000000000001"),
    "diastolic": ("9A765000000000001", "9A762000000000001", "9A761000000000001"),
    "fasting_glucose": ("3D010000001926101", "3D010000002227101", "3D010000001927201", "3D010000001999901"),
    "hba1c": ("3D046000001906202", "3D046000001920402", "3D046000001927102", "3D046000001999902"),
    "hdl": ("3F070000002327101", "3F070000002327201", "3F070000002399901"),
    "ldl": ("3F077000002327101", "3F077000002327201", "3F077000002391901", "3F077000002399901"),
    "triglycerides": ("3F015000002327101", "3F015000002327201", "3F015000002399901"),
    "ast": ("3B035000002327201", "3B035000002399901"),
    "alt": ("3B045000002327201", "3B045000002399901"),
    "ggt": ("3B090000002327101", "3B090000002399901"),
    "smoking": ("9N736000000000011",),
    "findings": ("9N511000000000049",),
}

COLUMNS = tuple(_CODES)
PLACES: dict[str, tuple[str, int]] = {code: (column, rank) for column, codes in _CODES.items() for rank, code in enumerate(codes)}
"""Item code → (column, rank among the codes of that column; 0 is preferred)."""

UNITS: dict[str, frozenset[str]] = {
    "height": frozenset({"cm"}),
    "weight": frozenset({"kg"}),
    "bmi": frozenset({"kg/m2", "kg/m^2", "kg/m²"}),
    "waist": frozenset({"cm"}),
    "systolic": frozenset({"mmHg", "mm[Hg]"}),
    "diastolic": frozenset({"mmHg", "mm[Hg]"}),
    "hba1c": frozenset({"%"}),
    **dict.fromkeys(("fasting_glucose", "hdl", "ldl", "triglycerides"), frozenset({"mg/dl", "mg/dL"})),
    **dict.fromkeys(("ast", "alt", "ggt"), frozenset({"U/L", "U/l", "IU/L", "IU/l"})),
}
"""Units under which a value may come; none at all is taken for the item's own."""

THREE_ANSWERS = date(2024, 4, 1)
"""From the fourth generation on the question about smoking has three answers."""
_SMOKING_TWO = {"1": "current", "2": "unknown"}  # "no" leaves open whether the person ever smoked
_SMOKING_THREE = {"1": "current", "2": "past", "3": "never"}


def smoking(answer: str, checked_on: date | None) -> str:
    """The answer as a choice of the catalogue, or as it came where it is none.

    >>> smoking("2", date(2023, 5, 1)), smoking("2", date(2024, 5, 1)), smoking("9", None)
    ('unknown', 'past', '9')
    """
    answers = _SMOKING_THREE if checked_on is not None and checked_on >= THREE_ANSWERS else _SMOKING_TWO
    return answers.get(answer, answer)
