"""一般化階層 (generalisation hierarchy) of one quasi-identifier: every leaf with its value at every level, nested.

A missing value is a value an attacker may know: it has its own place beside the leaves, merges with nothing below a single top value, and
is released as missing. It never matches other values and is never dropped from a count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18_V

MALFORMED = Ground(
    "hierarchy-malformed",
    Family.INPUT,
    REG_18_V,
    Text("階層「{hierarchy}」の{row}行目に誤りがあります: {rule}。", "The hierarchy “{hierarchy}” is wrong at row {row}: {rule}."),
    Text(
        "1行に1値、左端が元の値、右ほど広い値とし、同じ値の上位が常に同じになるよう直してください。",
        "One row per value, the value itself first, ever wider to the right; equal values must have equal wider values.",
    ),
)
GAP = Ground(
    "hierarchy-gap",
    Family.INPUT,
    REG_18_V,
    Text(
        "列「{column}」の値のうち{values}種類({rows}行)が階層「{hierarchy}」にありません。",
        "{values} distinct values ({rows} rows) of column “{column}” are not in the hierarchy “{hierarchy}”.",
    ),
    Text("その値を階層に加えるか、データを直してください。", "Add the values to the hierarchy, or correct the data."),
)
UNKNOWN = Ground(
    "hierarchy-unknown",
    Family.INPUT,
    REG_18_V,
    Text("列「{column}」の階層「{hierarchy}」がありません。", "Column “{column}” names a hierarchy “{hierarchy}” that is not there."),
    Text(
        "組込みの階層名({built_in})か、計画と同じ場所にあるCSVの名を指定してください。",
        "Name a built-in one ({built_in}) or a CSV file beside the plan.",
    ),
)

Codes = npt.NDArray[np.int32]
_POSTAL_LENGTHS = (7, 8)  # without and with hyphen


@dataclass(frozen=True)
class Hierarchy:
    """Made by `build`. Leaf number `size` stands for the missing value.

    `codes[level][leaf]`: number of the leaf's value at the level; `labels[level][code]`: the value as released (None: missing);
    `shares[level][code]`: share of the leaves that the value covers, the measure of what is lost.
    """

    name: str
    version: str
    size: int
    leaves: tuple[str, ...]
    codes: tuple[Codes, ...] = field(compare=False, repr=False)
    labels: tuple[tuple[str | None, ...], ...] = field(repr=False)
    shares: tuple[npt.NDArray[np.float64], ...] = field(compare=False, repr=False)

    @property
    def levels(self) -> int:
        return len(self.codes)

    def label(self, leaf: str | None, level: int) -> str | None:
        """The value at a level; KeyError-free only for covered leaves (callers refuse gaps before).

        >>> build("sex", "1", [("male", "*"), ("female", "*")]).label("male", 1)
        '*'
        """
        number = self.size if leaf is None else self.leaves.index(leaf)
        return self.labels[level][int(self.codes[level][number])]


def build(name: str, version: str, rows: Iterable[Sequence[str]]) -> Hierarchy:
    """A hierarchy from rows of values, level 0 first. Refuses: hierarchy-malformed."""
    table = [tuple(row) for row in rows]
    if not table:
        raise MALFORMED.refuse(hierarchy=name, row=1, rule="no rows")
    width = len(table[0])
    parents: list[dict[str, str]] = [{} for _ in range(width)]
    seen: set[str] = set()
    for number, row in enumerate(table, start=1):
        if len(row) != width:
            raise MALFORMED.refuse(hierarchy=name, row=number, rule=f"{len(row)} levels instead of {width}")
        if row[0] in seen:
            raise MALFORMED.refuse(hierarchy=name, row=number, rule="value listed twice")
        seen.add(row[0])
        for level in range(width - 1):
            if parents[level].setdefault(row[level], row[level + 1]) != row[level + 1]:
                raise MALFORMED.refuse(hierarchy=name, row=number, rule=f"level {level} does not nest in level {level + 1}")
    codes, labels, shares = [], [], []
    for level in range(width):
        order: dict[str, int] = {}
        of_leaf = [order.setdefault(row[level], len(order)) for row in table]
        merged = len(order) == 1 and level == width - 1  # a single top value takes the missing value in
        of_leaf.append(0 if merged else len(order))
        share = np.bincount(np.asarray(of_leaf[:-1]), minlength=len(order)) / len(table)
        codes.append(np.asarray(of_leaf, dtype=np.int32))
        labels.append(tuple(order) if merged else (*order, None))
        shares.append(share if merged else np.append(share, 1 / len(table)))
    return Hierarchy(name, version, len(table), tuple(row[0] for row in table), tuple(codes), tuple(labels), tuple(shares))


def read(name: str, version: str, content: str) -> Hierarchy:
    """A hierarchy from a CSV in the form of ARX: `;` or `,` between levels, no header, level 0 first.

    The separator is the one of the two that gives the first row more levels. What comes from outside may list postal codes that name one
    organisation; level 0 would release them. Refuses: hierarchy-malformed, hierarchy-organisation.

    >>> read("sex", "1", "male;*\\nfemale;*\\n").levels
    2
    """
    built = build(name, version, rows(content))
    if any(len(leaf) in _POSTAL_LENGTHS and leaf[:3].isdigit() for leaf in built.leaves):
        from kiban_processing.hierarchies import organisations  # loading the postal data takes longer than most hierarchies

        organisations.require_none(name, built.leaves)
    return built


def rows(content: str) -> list[list[str]]:
    """The rows of a CSV in the form of ARX, blank lines left out, as they stand: nothing is checked."""
    lines = content.splitlines()
    first = lines[0] if lines else ""
    separator = max(";,", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(content), delimiter=separator) if row]
