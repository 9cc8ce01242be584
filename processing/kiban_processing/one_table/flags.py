"""指定から計画へ (flags): the options of the command as the document of a plan, so that both are read and refused by the same rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiban_processing import table_plan
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.table_plan import OneTablePlan

OPTION = Ground(
    "table-option",
    Family.INPUT,
    None,
    Text("{option} の{place}番目の指定が正しくありません。", "Number {place} of {option} is not right."),
    Text("次の形で指定してください: {expected}。一つの列は一度だけ挙げてください。", "Write it as {expected}; name a column only once."),
)

_QUASI = re.compile(r"(.+?)=(.+)", re.DOTALL)
_DIVERSITY = re.compile(r"(.+):(?:(distinct|entropy):([0-9.]+)|(recursive):([0-9.]+):([0-9]+))", re.DOTALL)
_CLOSENESS = re.compile(r"(.+?):([0-9.]+)(?::(equal|ordered|hierarchical)(?:=(.+))?)?", re.DOTALL)


@dataclass(frozen=True)
class Flags:
    """What was given beside the table; texts as typed."""

    quasi: Sequence[str]
    k: int
    suppression: float = 0.0
    method: str = "global"
    metric: str = "loss"
    diversity: Sequence[str] = ()
    closeness: Sequence[str] = ()
    sensitive: Sequence[str] = ()
    keep: Sequence[str] = ()
    remove: Sequence[str] = ()
    person: str | None = None
    other: str = "refuse"
    separator: str | None = None
    effort: str = "auto"


@dataclass
class _Columns:
    content: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, option: str, place: int, name: str, what: dict[str, Any], expected: str) -> None:
        if name in self.content:
            raise OPTION.refuse(option=option, place=place, expected=expected)
        self.content[name] = what


def plan_of(flags: Flags, folder: Path) -> OneTablePlan:
    """The plan; hierarchy files are named from `folder`. A column of which l or t is asked is sensitive. Refuses: table-option, as `table_plan`.

    >>> [_diversity("illness:recursive:3:2", 1)["c"], _closeness("illness:0.3:ordered", 1)["ground"]]
    [3.0, 'ordered']
    """
    columns = _Columns()
    for place, one in enumerate(flags.quasi, 1):
        found = _QUASI.fullmatch(one)
        if not found:
            raise OPTION.refuse(option="--qi", place=place, expected="NAME=HIERARCHY.csv")
        columns.add("--qi", place, found[1], {"quasi": True, "hierarchy": found[2]}, "NAME=HIERARCHY.csv")
    for option, names, what in (
        ("--sensitive", flags.sensitive, {"sensitive": True}),
        ("--keep", flags.keep, {"treatment": "keep"}),
        ("--remove", flags.remove, {"treatment": "remove"}),
    ):
        for place, name in enumerate(names, 1):
            columns.add(option, place, name, dict(what), "NAME")
    diversity = [_diversity(one, place) for place, one in enumerate(flags.diversity, 1)]
    closeness = [_closeness(one, place) for place, one in enumerate(flags.closeness, 1)]
    for model in (*diversity, *closeness):
        columns.content.setdefault(model["column"], {"sensitive": True})
    head = {"person": flags.person, "separator": flags.separator}
    document = {
        "table": {name: value for name, value in head.items() if value is not None},
        "anonymity": {
            "k": flags.k, "suppression_limit": flags.suppression, "method": flags.method, "metric": flags.metric,
            "other_columns": flags.other, "effort": flags.effort, "l": diversity, "t": closeness,
        },
        "columns": columns.content,
    }  # fmt: skip
    return table_plan.parse(document, folder)


def _diversity(text: str, place: int) -> dict[str, Any]:
    found = _DIVERSITY.fullmatch(text)
    try:
        if found and found[4]:
            return {"column": found[1], "kind": "recursive", "c": float(found[5]), "value": int(found[6])}
        if found:
            return {"column": found[1], "kind": found[2], "value": int(found[3]) if found[2] == "distinct" else float(found[3])}
    except ValueError:
        pass
    raise OPTION.refuse(option="--l", place=place, expected="NAME:distinct:L, NAME:entropy:L, NAME:recursive:C:L")


def _closeness(text: str, place: int) -> dict[str, Any]:
    found = _CLOSENESS.fullmatch(text)
    try:
        if found:
            content = {"column": found[1], "value": float(found[2]), "ground": found[3], "hierarchy": found[4]}
            return {name: value for name, value in content.items() if value is not None}
    except ValueError:
        pass
    raise OPTION.refuse(option="--t", place=place, expected="NAME:T, NAME:T:ordered, NAME:T:hierarchical=HIERARCHY.csv")
