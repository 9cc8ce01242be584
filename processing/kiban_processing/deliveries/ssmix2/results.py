"""検査値 (results): whether the text of an OBX is a number, a grade such as 2+, or words; told apart by its type and its form.

Source: HL7 v2.5 (NM, SN, ST, TX, CWE); 国立病院機構 writes SN as ST with spaces for the marks between its components.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_NUMERIC = re.compile(r"([<>≤≥≦≧]=?|=[<>])?[+-]?([0-9][0-9,]*(\.[0-9]*)?|\.[0-9]+)(以上|以下|未満|超)?")
_GRADE = re.compile(r"\(?([1-9])\+\)?")
_PLUSES = re.compile(r"\(?(\+{2,})\)?")
_WORDS = {
    "-": "-", "(-)": "-", "陰性": "-", "(-)陰性": "-", "陰性(-)": "-",
    "+": "+", "(+)": "+", "1+": "+", "(1+)": "+", "陽性": "+", "(+)陽性": "+", "陽性(+)": "+",
    "+-": "+-", "(+-)": "+-", "+/-": "+-", "(+/-)": "+-", "±": "+-", "(±)": "+-", "疑陽性": "+-",
}  # fmt: skip
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | {" ": ""})

NUMBER, CODE, WORDS = range(3)


@lru_cache(maxsize=1 << 16)
def sort(kind: str, text: str) -> tuple[str, str, str]:
    """An OBX-5 (first repetition, marks included) of that OBX-2 as (number, grade, words); two of them are "".

    A bounded value (`<0.5`) is given as a number, whose judgement will tell that it is none; a range or ratio is given in words.

    >>> sort("SN", "<^0.5"), sort("SN", "^2^+"), sort("ST", "(2+)"), sort("ST", "7.2 "), sort("CWE", "2001^E.Coli^JANIS")
    (('<0.5', '', ''), ('', '2+', ''), ('', '2+', ''), ('7.2', '', ''), ('', '', 'E.Coli'))
    """
    if kind == "NM":
        return text.strip(), "", ""
    if kind in ("CWE", "CE", "CNE"):
        parts = (*text.split("^"), "", "", "")
        grade = _grade(parts[1]) or _grade(parts[0])
        return ("", grade, "") if grade else ("", "", parts[1] or parts[0])
    plain = text.replace("^", "") if kind == "SN" else text
    close = unicodedata.normalize("NFKC", plain).translate(_DASHES)
    if _NUMERIC.fullmatch(close):
        return close, "", ""
    grade = _grade(close)
    return ("", grade, "") if grade else ("", "", plain)


def _grade(text: str) -> str:
    close = unicodedata.normalize("NFKC", text).translate(_DASHES)
    if close in _WORDS:
        return _WORDS[close]
    if (found := _GRADE.fullmatch(close)) is not None:
        return f"{found[1]}+"
    return f"{len(found[1])}+" if (found := _PLUSES.fullmatch(close)) is not None else ""
