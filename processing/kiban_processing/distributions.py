"""分布の測定 (distributions): entropy and recursive l, t by every ground distance and beta of finished data, measured again (Reg 18(v)).

Apart from the search on purpose: classes stand against values in full tables with their zeros, and each figure is written out as its paper
has it, where the search works on the cells that are there. pycanon cannot be asked for these: its entropy-l is cut to a whole number, its
(c,l) is computed from the rarest value, its beta-enhanced mixes the bounds of different values, and it has no hierarchical distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.hierarchies.hierarchy import Hierarchy

Table = npt.NDArray[np.float64]  # classes x values
_CELLS = 4_000_000  # of a table that is held at once
_EPSILON = 1e-9
_AT_LEAST = ("l-distinct", "l-entropy")  # the more the better


@dataclass(frozen=True)
class Question:
    """What is asked of one column: `kind` as `demands.called` names it, its bound, and l for the recursive kind."""

    column: str
    kind: str
    bound: float
    l: int = 0  # noqa: E741 - the model's own name
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class Answer:
    """`failing`: classes that break the model; `worst`: the worst figure of a class, infinite where there is no bound to it."""

    question: Question
    classes: int
    failing: int
    worst: float


def measure(con: Connection, relation: str, quasi_identifiers: Sequence[str], questions: Sequence[Question]) -> tuple[Answer, ...]:
    """Answers in the order of the questions. `relation`: `person`, the quasi-identifiers and the columns asked about; a null is a value.

    Persons are counted per class and value, each once; a person's several values in a class count once each.
    """
    return tuple(_answer(con, relation, quasi_identifiers, question) for question in questions)


def _answer(con: Connection, relation: str, quasi_identifiers: Sequence[str], question: Question) -> Answer:
    names = [quoted(name) for name in quasi_identifiers]
    value = f"CAST({quoted(question.column)} AS VARCHAR)"
    key = "".join(f"{name}, " for name in names)
    ranked = f"dense_rank() OVER (ORDER BY {', '.join(names)})" if names else "1"
    frame = con.execute(
        f"SELECT {ranked} AS of, s, n FROM (SELECT {key}{value} AS s, count(DISTINCT person) AS n FROM {quoted(relation)} GROUP BY {key}s)"
    ).df()
    if frame.empty:
        return Answer(question, 0, 0, 0.0)
    if question.hierarchy is not None and not set(frame["s"].dropna()) <= set(question.hierarchy.leaves):
        # A value that has no place in the hierarchy is as far as can be: fail closed.
        return Answer(question, int(frame["of"].max()), int(frame["of"].max()), 1.0)
    values = _arranged(frame["s"], question.hierarchy)
    column = values.get_indexer(pd.Index(frame["s"].astype(object).where(frame["s"].notna(), None), dtype=object))
    persons = frame["n"].to_numpy(np.float64)
    whole = np.bincount(column, weights=persons, minlength=len(values)) / persons.sum()
    failing, worst, classes, least = 0, [], 0, question.kind in _AT_LEAST
    for table in _tables(frame["of"].to_numpy(np.int64) - 1, column, persons, len(values)):
        figures = _figures(table, whole, values, question)
        classes += len(figures)
        failing += int(_fails(figures, question).sum())
        worst.append(float(figures.min() if least else figures.max()))
    return Answer(question, classes, failing, min(worst) if least else max(worst))


def _figures(table: Table, whole: Table, values: pd.Index, question: Question) -> Table:
    shares = table / table.sum(axis=1, keepdims=True)
    match question.kind:
        case "l-distinct":
            return np.asarray((table > 0).sum(axis=1), dtype=np.float64)
        case "l-entropy":
            return np.asarray(np.exp(-np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1)), 0).sum(axis=1)))
        case "l-recursive":
            falling = -np.sort(-table, axis=1)
            rest = falling[:, question.l - 1 :].sum(axis=1)
            return np.asarray(np.divide(falling[:, 0], rest, out=np.full(len(table), np.inf), where=rest > 0))
        case "t-equal":
            return np.asarray(np.abs(shares - whole).sum(axis=1) / 2)
        case "t-ordered":
            return _ordered(shares - whole, values)
        case "t-hierarchical":
            assert question.hierarchy is not None  # the plan refuses this ground without one
            return _hierarchical(shares - whole, values, question.hierarchy)
        case "beta-basic":
            return np.asarray(((shares - whole) / whole).max(axis=1))
        case "beta-enhanced":
            gain = (shares - whole) / whole
            return np.asarray(np.where(gain > -np.log(whole) + _EPSILON, np.inf, gain).max(axis=1))
        case _:
            raise ValueError(question.kind)


def _fails(figures: Table, question: Question) -> npt.NDArray[np.bool_]:
    if question.kind in _AT_LEAST:
        return np.asarray(figures < question.bound - _EPSILON)
    if question.kind == "l-recursive":
        return np.asarray(figures >= question.bound - _EPSILON)
    return np.asarray(figures > question.bound + _EPSILON)


def _ordered(extra: Table, values: pd.Index) -> Table:
    steps = len(values) - 1
    if steps == 0:
        return np.zeros(len(extra))
    last = np.abs(np.cumsum(extra, axis=1)[:, :-1]).sum(axis=1) / steps
    if values[-1] is not None:
        return np.asarray(last)
    first = np.abs(np.cumsum(np.roll(extra, 1, axis=1), axis=1)[:, :-1]).sum(axis=1) / steps
    return np.asarray(np.maximum(last, first))  # the missing value has no place: the end that is farther


def _hierarchical(extra: Table, values: pd.Index, hierarchy: Hierarchy) -> Table:
    """Li et al. 2007, 5.2: at each inner node min(surplus, lack) of its children, times its height over the root's."""
    tops = {hierarchy.label(leaf, hierarchy.levels - 1) for leaf in hierarchy.leaves}
    root = hierarchy.levels - 1 if len(tops) == 1 and hierarchy.levels > 1 else hierarchy.levels
    cost = np.zeros(len(extra))
    children, above = extra, [("leaf", value) for value in values]
    leaf_of = list(values)
    for height in range(1, root + 1):
        parents = [
            ("root", None)
            if height == root
            else ("missing" if leaf is None else "group", None if leaf is None else hierarchy.label(leaf, height))
            for leaf in leaf_of
        ]
        numbers = {parent: number for number, parent in enumerate(dict.fromkeys(parents))}
        member = np.zeros((len(above), len(numbers)))
        member[np.arange(len(above)), [numbers[parent] for parent in parents]] = 1
        cost += height / root * np.minimum(np.maximum(children, 0) @ member, np.maximum(-children, 0) @ member).sum(axis=1)
        children = children @ member
        leaf_of = [leaf_of[parents.index(parent)] for parent in numbers]
        above = list(numbers)
    return np.asarray(cost)


def _arranged(values: pd.Series, hierarchy: Hierarchy | None) -> pd.Index:
    """Distinct values in order, the missing one last: as the hierarchy lists them, as numbers, or as text."""
    there = pd.Series(values.dropna().unique(), dtype=object)
    if hierarchy is not None:
        there = there.sort_values(key=lambda column: column.map({leaf: n for n, leaf in enumerate(hierarchy.leaves)}))
    elif len(there) and there.str.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?").all():
        there = there.sort_values().sort_values(key=pd.to_numeric, kind="stable")
    else:
        there = there.sort_values()
    return pd.Index([*there, None] if values.isna().any() else list(there), dtype=object)


def _tables(of: npt.NDArray[np.int64], column: npt.NDArray[np.int64], persons: Table, values: int) -> Iterator[Table]:
    """The classes against all values, a part of the classes at a time."""
    classes, step = int(of.max()) + 1, max(_CELLS // values, 1)
    order = np.argsort(of, kind="stable")
    of, column, persons = of[order], column[order], persons[order]
    for first in range(0, classes, step):
        low, high = np.searchsorted(of, [first, min(first + step, classes)])
        table = np.zeros((min(step, classes - first), values))
        table[of[low:high] - first, column[low:high]] = persons[low:high]
        yield table
