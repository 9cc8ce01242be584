"""値の型付け (values): one cell of text becomes one typed value of a data item, nothing, or a finding; by distinct values for speed.

`judge` is the meaning, one value at a time. `Column.read` gives the same for a whole column: values that a regular expression proves to be
in plain form already are taken over by Arrow, all others are judged once per distinct text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.items import Item, Kind, ValueType
from kiban_processing.formats import dates, findings

Value = str | int | float | date | None

# What stands for "nothing": everywhere; besides for dates and numbers; and 不明 (unknown) outside free text and closed choices, where a
# mapping must say what it means.
ABSENT = frozenset({"", "-", "‐", "–", "—", "―", "－", "NULL", "\\N"})
ABSENT_MEASURE = frozenset({"null", "NA", "N/A", "n/a"})
ABSENT_DATE = frozenset({"0", "00000000", "99999999", "0000-00-00", "0000/00/00", "0000000", "9999999"})
UNKNOWN = "不明"

# No clock here, so the bounds are wide: no living person's record is older, and no export of a record is younger.
EARLIEST = date(1868, 1, 1)
LATEST = date(2100, 12, 31)
REMEMBERED = 100_000  # distinct texts a column keeps judged at a time

_EDGE = "\\x00-\\x20\\x7f-\\xa0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
_EDGES = re.compile(f"\\A[{_EDGE}]+|[{_EDGE}]+\\Z")
_CONTROL = "\\x00-\\x1f\\x7f-\\x9f"
_CONTROLS = re.compile(f"[{_CONTROL}]+")
_CONTROLS_BUT_LINES = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]+")
_CELL = re.compile('="(.*)"', re.DOTALL)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_INEQUALITY = re.compile(r"([<>≤≥≦≧]=?|[<>]) *[+-]?[0-9.,]+|[+-]?[0-9.,]+ *(以上|以下|未満|超|[<>≤≥≦≧])")

# Texts that judge would give back unchanged: what Arrow may take over. First letters of the marks for "nothing" are left to judge.
_PLAIN_TEXT = f"^[^{_EDGE}=\\-‐–—―－N\\\\不]([^{_CONTROL}]*[^{_EDGE}])?$"
_PLAIN_CODE = r"^[0-9A-MO-Za-z]([ -~]*[!-~])?$"
_PLAIN_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
_PLAIN_INTEGER = r"^-?[0-9]{1,15}$"
# A day with a time of day: without the time there are few distinct texts. (Not the marks of ABSENT_DATE, which stand alone.)
_TIMED_DAY = r"^([1-8MTSHR][-/.0-9]{4,9})[ T]([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?$"


@dataclass(frozen=True)
class Judged:
    """What one text says: a value, nothing (both None), or the code of the finding rule it breaks."""

    value: Value = None
    rule: str | None = None


NOTHING = Judged()


def clean(item: Item, text: str) -> str:
    """The text without what only its transport added: spaces and control characters around it, a spreadsheet's `="..."`.

    Codes, identification codes and linking codes are also brought to one width (NFKC) and one dash; leading zeros stay. Runs of control
    characters inside become one space; free text keeps its line ends and tabs.
    """
    plain = _EDGES.sub("", text)
    cell = _CELL.fullmatch(plain)
    if cell is not None:
        plain = _EDGES.sub("", cell[1])
    plain = (_CONTROLS_BUT_LINES if item.kind is Kind.FREE_TEXT else _CONTROLS).sub(" ", plain)
    if _one_width(item):
        plain = _EDGES.sub("", unicodedata.normalize("NFKC", plain).translate(_DASHES))
    return plain


def judge(item: Item, text: str, translations: Mapping[str, str] | None = None) -> Judged:
    """What a text says about an item of the catalogue; `translations` are the mapping's `values`, with cleaned keys.

    >>> from kiban_processing.catalogue import tables
    >>> judge(tables.named("patients.birth_date"), "S23.04.05").value
    datetime.date(1948, 4, 5)
    >>> judge(tables.named("diagnoses.icd10"), "ｅ119"), judge(tables.named("patients.postal_code"), "〒123-4567")
    (Judged(value='E11.9', rule=None), Judged(value='1234567', rule=None))
    >>> judge(tables.named("laboratory_results.value"), "<0.5"), judge(tables.named("laboratory_results.value"), "１，２３４．５")
    (Judged(value=None, rule='inequality'), Judged(value=1234.5, rule=None))
    >>> judge(tables.named("patients.sex"), "1", {"1": "male", "2": "female"}), judge(tables.named("patients.sex"), "3", {"1": "male"})
    (Judged(value='male', rule=None), Judged(value=None, rule='unmapped-value'))
    """
    plain = clean(item, text)
    if translations:
        if plain in translations:
            return judge(item, translations[plain])
        known = plain in item.choices or plain in translations.values()
        if item.type is ValueType.CODE and not known and not _is_absent(item, plain):
            return Judged(rule=findings.UNMAPPED_VALUE.code)
    if plain in item.choices:
        return Judged(plain)
    if _is_absent(item, plain):
        return NOTHING
    return _JUDGES[item.type](item, plain)


def _one_width(item: Item) -> bool:
    return item.type is not ValueType.TEXT or item.kind in (Kind.LINKING_CODE, Kind.IDENTIFICATION_CODE)


def _is_absent(item: Item, plain: str) -> bool:
    if plain in ABSENT:
        return True
    if plain == UNKNOWN:
        return item.kind is not Kind.FREE_TEXT and not item.choices
    if item.type in (ValueType.TEXT, ValueType.CODE):
        return False
    return plain in ABSENT_MEASURE or (item.type is ValueType.DATE and plain in ABSENT_DATE)


def _judge_text(item: Item, plain: str) -> Judged:
    if item.pattern is not None and re.fullmatch(item.pattern, plain, re.ASCII) is None:
        return Judged(rule=findings.PATTERN_MISMATCH.code)
    return Judged(plain)


def _judge_code(item: Item, plain: str) -> Judged:
    if item.choices:
        return Judged(rule=findings.NOT_IN_CHOICES.code)
    canonical = _CANONICAL.get(item.name) or _CANONICAL.get(item.code_system or "")
    return _judge_text(item, canonical(plain) if canonical else plain)


def _judge_date(item: Item, plain: str) -> Judged:
    day = dates.parse_date(plain)
    if day is None:
        return Judged(rule=findings.NOT_A_DATE.code)
    return Judged(day) if EARLIEST <= day <= LATEST else Judged(rule=findings.OUT_OF_RANGE.code)


def _judge_number(item: Item, plain: str) -> Judged:
    digits = plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain
    if _NUMBER.fullmatch(digits) is None:
        return Judged(rule=(findings.INEQUALITY if _INEQUALITY.fullmatch(plain) else findings.NOT_A_NUMBER).code)
    number = float(digits)
    if not math.isfinite(number):
        return Judged(rule=findings.OUT_OF_RANGE.code)
    if (item.lowest is not None and number < item.lowest) or (item.highest is not None and number > item.highest):
        return Judged(rule=findings.OUT_OF_RANGE.code)
    if item.type is ValueType.DECIMAL:
        return Judged(number)
    if not number.is_integer():
        return Judged(rule=findings.NOT_AN_INTEGER.code)
    whole = int(digits) if digits.lstrip("+-").isdecimal() else int(number)
    return Judged(whole) if abs(whole) < 1 << 63 else Judged(rule=findings.OUT_OF_RANGE.code)


_JUDGES: dict[ValueType, Callable[[Item, str], Judged]] = {
    ValueType.TEXT: _judge_text,
    ValueType.CODE: _judge_code,
    ValueType.DATE: _judge_date,
    ValueType.INTEGER: _judge_number,
    ValueType.DECIMAL: _judge_number,
}


def _icd10(text: str) -> str:
    """ICD-10 with its dot after the third character, whether it was sent or not."""
    upper = text.upper()
    return f"{upper[:3]}.{upper[3:]}" if len(upper) > 3 and upper[3] != "." else upper


def _postal_code(text: str) -> str:
    return re.sub(r"\A〒? *([0-9]{3}) ?-? ?([0-9]{4})\Z", r"\1\2", text)


_CANONICAL: dict[str, Callable[[str], str]] = {
    "ICD-10": _icd10,
    "YJ": str.upper,
    "K": str.upper,
    "JLAC10": lambda text: text.upper().replace("-", ""),
    "postal_code": _postal_code,
}


@dataclass(frozen=True)
class Typed:
    """A column once read: values of the item's Arrow type, null where absent or invalid, and beside them the broken rules (or None: all fine)."""

    values: pa.Array
    rules: pa.Array | None


@dataclass
class Column:
    """Reads one source column for one item; remembers what it has judged, for the same few texts come again and again."""

    item: Item
    translations: Mapping[str, str] = field(default_factory=dict)
    _judged: dict[str, Judged] = field(default_factory=dict, init=False, repr=False)

    def read(self, texts: pa.Array) -> Typed:
        """The typed column of an Arrow string array without nulls; equal to `judge` for each text."""
        plain = self._plain()
        if plain is None:
            return self._by_distinct(texts)
        is_plain = pc.match_substring_regex(texts, plain)
        if is_plain.false_count == len(texts):
            return self._by_distinct(texts)
        taken = self._take_over(pc.if_else(is_plain, texts, pa.scalar(None, pa.string())))
        if is_plain.true_count == len(texts):
            return taken
        is_rest = pc.invert(is_plain)
        rest = self._by_distinct(texts.filter(is_rest))
        values = pc.replace_with_mask(taken.values, is_rest, rest.values)
        if taken.rules is None and rest.rules is None:
            return Typed(values, None)
        return Typed(values, pc.replace_with_mask(_rules(taken), is_rest, _rules(rest)))

    def _plain(self) -> str | None:
        item = self.item
        if self.translations or item.pattern or item.choices:
            return None
        if item.type is ValueType.DECIMAL:
            return _PLAIN_NUMBER
        if item.type is ValueType.INTEGER:
            return _PLAIN_INTEGER
        if item.type is ValueType.TEXT:
            return _PLAIN_CODE if _one_width(item) else _PLAIN_TEXT
        return None

    def _take_over(self, texts: pa.Array) -> Typed:
        values = pc.cast(texts, arrow.field(self.item).type)
        outside = None
        if self.item.lowest is not None:
            outside = pc.less(values, self.item.lowest)
        if self.item.highest is not None:
            above = pc.greater(values, self.item.highest)
            outside = above if outside is None else pc.or_(outside, above)
        if outside is None or not pc.any(outside).as_py():
            return Typed(values, None)
        nothing = pa.scalar(None, values.type)
        rule = pc.if_else(outside, pa.scalar(findings.OUT_OF_RANGE.code), pa.scalar(None, pa.string()))
        return Typed(pc.if_else(outside, nothing, values), rule)

    def _by_distinct(self, texts: pa.Array) -> Typed:
        if self.item.type is ValueType.DATE and not self.translations:
            texts = pc.replace_substring_regex(texts, _TIMED_DAY, r"\1")
        encoded = texts.dictionary_encode()
        judged = [self._judge(text) for text in encoded.dictionary.to_pylist()]
        values = pa.array([one.value for one in judged], arrow.field(self.item).type).take(encoded.indices)
        if all(one.rule is None for one in judged):
            return Typed(values, None)
        return Typed(values, pa.array([one.rule for one in judged], pa.string()).take(encoded.indices))

    def _judge(self, text: str) -> Judged:
        found = self._judged.get(text)
        if found is None:
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            found = self._judged[text] = judge(self.item, text, self.translations)
        return found


def _rules(typed: Typed) -> pa.Array:
    return typed.rules if typed.rules is not None else pa.nulls(len(typed.values), pa.string())
