"""データ項目 (item): name, type, unit, code system and legal kind of one column, and the table it stands in.

Source: Reg 18 (the five standards decide the kinds); APPI Order 1 (individual identification codes).
Compliance must read every change of this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kiban_processing.language import Text


class Kind(StrEnum):
    """What an item is under Reg 18; it limits the treatments a plan may name for it."""

    DIRECT_IDENTIFIER = "direct-identifier"  # 識別記述等, Reg 18(i)
    IDENTIFICATION_CODE = "identification-code"  # 個人識別符号, Reg 18(ii)
    LINKING_CODE = "linking-code"  # 連結符号, Reg 18(iii)
    QUASI_IDENTIFIER = "quasi-identifier"  # 準識別子, Reg 18(i)(v)
    DATE = "date"  # 日付, Reg 18(v) and Basic Policy
    PLACE = "place"  # 所在, Reg 18(i)
    SENSITIVE_VALUE = "sensitive-value"  # 要配慮の値, Reg 18(iv)(v)
    FREE_TEXT = "free-text"  # 自由記載, Reg 18(i)
    PLAIN_VALUE = "plain-value"  # その他の値


KIND_NAMES: dict[Kind, Text] = {
    Kind.DIRECT_IDENTIFIER: Text("識別記述等", "direct identifier"),
    Kind.IDENTIFICATION_CODE: Text("個人識別符号", "individual identification code"),
    Kind.LINKING_CODE: Text("連結符号", "linking code"),
    Kind.QUASI_IDENTIFIER: Text("準識別子", "quasi-identifier"),
    Kind.DATE: Text("日付", "date"),
    Kind.PLACE: Text("所在", "place"),
    Kind.SENSITIVE_VALUE: Text("要配慮の値", "sensitive value"),
    Kind.FREE_TEXT: Text("自由記載", "free text"),
    Kind.PLAIN_VALUE: Text("その他の値", "plain value"),
}


class ValueType(StrEnum):
    """The type a value has once read; everything arrives as text."""

    TEXT = "text"
    CODE = "code"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"


@dataclass(frozen=True)
class Item:
    """One data item (データ項目).

    `choices` closes a code to a list; `pattern` is a regular expression the whole canonical value must match;
    `lowest`/`highest` bound numbers physically (in `unit`), wider than any clinical range. `required`: a row without it is unusable.
    """

    name: str
    label: Text
    kind: Kind
    type: ValueType
    unit: str | None = None
    code_system: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    lowest: float | None = None
    highest: float | None = None
    required: bool = False
    meaning: Text | None = None


@dataclass(frozen=True)
class Table:
    """One table of the catalogue: one row per what `row` says; `key` names the columns that must be unique within a hospital."""

    name: str
    label: Text
    row: Text
    items: tuple[Item, ...]
    key: tuple[str, ...] = ()
    _by_name: dict[str, Item] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({item.name: item for item in self.items})

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def item(self, name: str) -> Item:
        """The declared item; raises KeyError for an undeclared one (callers refuse before)."""
        return self._by_name[name]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items if item.required)
