"""計画の記載欄 (plan fields): strict reading of a TOML document; an unknown, missing or ill-typed field is refused by its path."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19

PLAN_UNREADABLE = Ground(
    "plan-unreadable",
    Family.INPUT,
    ACT_19,
    Text("加工計画「{file}」を読めません: {why}。", "The processing plan “{file}” cannot be read: {why}."),
    Text("UTF-8のTOMLとして正しいか確かめてください。", "Check that it is correct TOML in UTF-8."),
)
PLAN_FIELD = Ground(
    "plan-field",
    Family.INPUT,
    ACT_19,
    Text(
        "加工計画の「{field}」が正しくありません。求められるもの: {expected}。", "The plan's “{field}” is not right; expected: {expected}."
    ),
    Text(
        "data_examples/plans にある例と見比べて直してください。",
        "Compare it with the example in data_examples/plans and correct it.",
    ),
)


def load(path: Path) -> dict[str, Any]:
    """The TOML document at `path`. Refuses: plan-unreadable."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PLAN_UNREADABLE.refuse(file=path.name, why=type(error).__name__) from error


def is_file(hierarchy: str) -> bool:
    """Whether a hierarchy is named by a file beside the plan, and not by a built-in name.

    >>> is_file("icd10.csv"), is_file("sex")
    (True, False)
    """
    return hierarchy.endswith(".csv")


class Fields:
    """One table of the document; each field is taken once, and `close` refuses whatever nobody took."""

    def __init__(self, path: str, content: object) -> None:
        if not isinstance(content, Mapping):
            raise PLAN_FIELD.refuse(field=path, expected="a table")
        self.path = path
        self._left: dict[str, Any] = dict(content)

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def refuse(self, key: str, expected: str) -> Exception:
        return PLAN_FIELD.refuse(field=self._name(key), expected=expected)

    def take(self, key: str, default: object = ...) -> Any:
        if key in self._left:
            return self._left.pop(key)
        if default is ...:
            raise self.refuse(key, "a value (it is missing)")
        return default

    def has(self, key: str) -> bool:
        """Whether the field is there and not yet taken."""
        return key in self._left

    def text(self, key: str, default: object = ...) -> str:
        value = self.take(key, default)
        if not isinstance(value, str):
            raise self.refuse(key, "text")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self._left else None

    def integer(self, key: str, lowest: int, highest: int = 10**9, default: object = ...) -> int:
        value = self.take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.refuse(key, f"a whole number from {lowest} to {highest}")
        return value

    def number(self, key: str, lowest: float, highest: float, default: object = ...) -> float:
        value = self.take(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.refuse(key, f"a number from {lowest:g} to {highest:g}")
        return float(value)

    def truth(self, key: str, default: bool = False) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.refuse(key, "true or false")
        return value

    def day(self, key: str) -> date | None:
        value = self.take(key, None)
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            raise self.refuse(key, "a date such as 2025-03-31")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: object = ...) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self.refuse(key, "one of " + ", ".join(choices))
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        value = self.take(key, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.refuse(key, "a list of texts")
        return tuple(value)

    def table(self, key: str, optional: bool = False) -> Fields:
        return Fields(self._name(key), self.take(key, {} if optional else ...))

    def optional_table(self, key: str) -> Fields | None:
        return self.table(key) if key in self._left else None

    def lists(self) -> list[tuple[str, tuple[str, ...]]]:
        """All remaining entries as lists of texts, by name; takes them all."""
        left, self._left = self._left, {}
        one = Fields(self.path, left)
        return [(key, one.texts(key) or ()) for key in left]

    def tables(self, key: str) -> list[Fields]:
        value = self.take(key, [])
        if not isinstance(value, list):
            raise self.refuse(key, "a list of tables")
        return [Fields(f"{self._name(key)}[{number}]", one) for number, one in enumerate(value)]

    def each(self) -> list[tuple[str, Fields]]:
        """All remaining entries as tables, by name; takes them all."""
        left, self._left = self._left, {}
        return [(key, Fields(self._name(key), value)) for key, value in left.items()]

    def close(self) -> None:
        for key in self._left:
            raise self.refuse(key, "no such field here")
