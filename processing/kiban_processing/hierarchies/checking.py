"""階層の検査 (checking): what is wrong, or unwise, about a hierarchy in ARX form, by row number, before anything is anonymised with it.

A message names the file's row, a level or a number of values, never a value of the data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kiban_processing.hierarchies import hierarchy, organisations
from kiban_processing.language import Language, Text
from kiban_processing.statutes import REG_18_V


class Weight(StrEnum):
    """An error makes the hierarchy unusable; a warning does not, but changes what a level or the loss means."""

    ERROR = "error"
    WARNING = "warning"


_TEXTS: dict[str, tuple[Weight, Text]] = {
    "empty": (Weight.ERROR, Text("行がありません", "there are no rows")),
    "ragged": (Weight.ERROR, Text("水準の数が1行目と異なります", "the number of levels differs from the first row's")),
    "blank": (
        Weight.ERROR,
        Text("空の値があります（欠測は書かずに別に数えます）", "a value is empty (a missing value is not listed; it has its own place)"),
    ),
    "duplicate-leaf": (Weight.ERROR, Text("元の値が前の行と同じです", "the leaf was listed in an earlier row")),
    "not-nested": (
        Weight.ERROR,
        Text("上位の値が、同じ値をもつ前の行と異なります", "the wider value differs from that of an earlier row with the same value"),
    ),
    "gap": (Weight.ERROR, Text("データにある値がありません（種類の数）", "values of the data are not listed (number of distinct ones)")),
    "organisation": (
        Weight.ERROR,
        Text(
            "一つの組織だけを示す郵便番号があります（種類の数）",
            "postal codes of one organisation each are listed (number of distinct ones)",
        ),
    ),
    "not-wider": (
        Weight.WARNING,
        Text("水準が下より広くなっていません（値の種類が減りません）", "the level is no wider than the one below (as many values)"),
    ),
    "redundant": (Weight.WARNING, Text("水準が下と全く同じです", "the level is the same as the one below")),
    "two-levels": (
        Weight.WARNING,
        Text("同じ値が意味の違う二つの水準にあります", "one label stands on two levels and covers different leaves"),
    ),
    "open-top": (Weight.WARNING, Text("最上位が一つの値になっていません", "the last level does not end in one value")),
    "unused": (Weight.WARNING, Text("データにない値があります（種類の数）", "leaves that the data do not have (number)")),
}


@dataclass(frozen=True)
class Finding:
    """`code` is stable; `row`: of the file, from 1 (0: of the whole); `level`: from 0 (-1: none); `number`: how many values or rows."""

    code: str
    row: int = 0
    level: int = -1
    number: int = 1

    @property
    def weight(self) -> Weight:
        return _TEXTS[self.code][0]

    def read(self, language: Language) -> str:
        """One line for a person."""
        place = [Text(f"{self.row}行目", f"row {self.row}").read(language)] if self.row else []
        place += [Text(f"水準{self.level}", f"level {self.level}").read(language)] if self.level >= 0 else []
        told = (
            f"{_TEXTS[self.code][1].read(language)}: {self.number}"
            if self.code in ("gap", "unused", "organisation")
            else _TEXTS[self.code][1].read(language)
        )
        return " ".join([*place, told])

    def as_json(self) -> dict[str, Any]:
        text = _TEXTS[self.code][1]
        return {
            "code": self.code,
            "weight": self.weight.value,
            "row": self.row,
            "level": self.level,
            "number": self.number,
            "article": REG_18_V.citation,
            "text": {"ja": text.ja, "en": text.en},
        }


def check(content: str, values: Iterable[str | None] | None = None) -> tuple[Finding, ...]:
    """What is wrong, errors first, then by row and level. `values`: of the column that is to be recoded; a missing one needs no row.

    Where there is no error, `hierarchy.read` takes the content.
    """
    rows = hierarchy.rows(content)
    found = list(_form(rows))
    if not any(one.code in ("empty", "ragged") for one in found):
        found += _levels(rows)
    if number := organisations.among({row[0] for row in rows if row}):
        found.append(Finding("organisation", number=number))
    if values is not None and rows:
        there, listed = {value for value in values if value is not None}, {row[0] for row in rows if row}
        found += [Finding("gap", number=len(there - listed))] if there - listed else []
        found += [Finding("unused", number=len(listed - there))] if listed - there else []
    return tuple(sorted(found, key=lambda one: (one.weight is not Weight.ERROR, one.row, one.level, one.code)))


def require(name: str, findings: Sequence[Finding]) -> None:
    """Refuse the first error. Refuses: hierarchy-malformed."""
    for one in findings:
        if one.weight is Weight.ERROR:
            raise hierarchy.MALFORMED.refuse(hierarchy=name, row=max(one.row, 1), rule=one.read("en"))


def _form(rows: Sequence[Sequence[str]]) -> Iterator[Finding]:
    if not rows:
        yield Finding("empty")
        return
    seen: set[str] = set()
    parents: dict[tuple[int, str], str] = {}
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            yield Finding("ragged", number)
            continue
        for level, label in enumerate(row):
            if not label:
                yield Finding("blank", number, level)
        if row[0] in seen:
            yield Finding("duplicate-leaf", number, 0)
        seen.add(row[0])
        for level, (label, wider) in enumerate(zip(row, row[1:], strict=False)):
            if parents.setdefault((level, label), wider) != wider:
                yield Finding("not-nested", number, level)


def _levels(rows: Sequence[Sequence[str]]) -> Iterator[Finding]:
    covered: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    first: dict[tuple[str, int], int] = {}
    for number, row in enumerate(rows, start=1):
        for level, label in enumerate(row):
            covered[label][level].add(row[0])
            first.setdefault((label, level), number)
    for label, levels in covered.items():
        known = sorted(levels)
        differing = next((level for level in known[1:] if levels[level] != levels[known[0]]), None)
        if differing is not None:
            yield Finding("two-levels", first[label, differing], differing)
    width = len(rows[0])
    for level in range(1, width):
        below, here = [row[level - 1] for row in rows], [row[level] for row in rows]
        if below == here:
            yield Finding("redundant", level=level)
        elif len(set(here)) >= len(set(below)):
            yield Finding("not-wider", level=level)
    if len({row[-1] for row in rows}) > 1:
        yield Finding("open-top", level=width - 1)
