"""A judge of few words for tests of the state: written row by row, so that what it says of a pair is plain to see."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa

from kiban_processing.linkage.clusters import Edges
from kiban_processing.linkage.state.kept import Shape
from kiban_processing.linkage.state.pairs import APART, LINK, REVIEW, VETO, Pairs

SHAPE = Shape(rules=(("dob", "name"), ("phone", "given"), ("insurance", "dob")), household=("phone", "insurance"))
VALUES = ("dob", "name", "given", "phone", "insurance")
SCHEMA = pa.schema(
    [
        ("node", pa.int64()), ("registration", pa.string()), ("site_id", pa.string()), ("site", pa.int32()), ("dob", pa.int32()),
        *((column, pa.int64()) for column in VALUES[1:]), ("newborn", pa.bool_()),
    ]
)  # fmt: skip
WEIGHTS = {"dob": 7.0, "name": 8.0, "given": 3.0, "phone": 2.5, "insurance": 2.25}
LINKED, DOUBTFUL, SUPPORT, FIRM = 15.0, 8.0, 6.0, 17.0
Row = dict[str, object]


def judged(left: Row, right: Row) -> tuple[float, int, bool, bool, bool]:
    """weight, decision, certain, supports, doubtful"""
    weight = -1.0
    for column, worth in WEIGHTS.items():
        if left[column] is not None and right[column] is not None:
            weight += worth if left[column] == right[column] else -worth / 4
    named = left["dob"] is not None and left["dob"] == right["dob"] and left["name"] is not None and left["name"] == right["name"]
    differs = left["given"] is not None and right["given"] is not None and left["given"] != right["given"]
    certain = named and left["phone"] is not None and left["phone"] == right["phone"] and not differs
    if left["dob"] == right["dob"] and differs and left["phone"] == right["phone"]:
        return weight, VETO, False, False, False
    decision = LINK if certain or weight >= LINKED else REVIEW if weight >= DOUBTFUL else APART
    return weight, decision, certain, named and decision in (LINK, REVIEW), named and decision == REVIEW


def moves(left: Row, right: Row) -> set[tuple[object, object]]:
    both = [[row[column] for column in SHAPE.household if row[column] is not None] for row in (left, right)]
    return {(min(one, other), max(one, other)) for one, other in product(*both) if one != other}  # type: ignore[type-var]


class PlainJudge:
    """Compares, supports and explains as `state.judging.Judge` asks."""

    shape = SHAPE

    def compare(self, keys: pa.Table, left: np.ndarray, right: np.ndarray) -> Pairs:
        rows = keys.to_pylist()
        assert [row["registration"] for row in rows] == sorted(row["registration"] for row in rows)
        assert (left < right).all()
        found = [judged(rows[one], rows[other]) for one, other in zip(left.tolist(), right.tolist(), strict=True)]
        return _pairs(left, right, found)

    def support(self, keys: pa.Table, left: np.ndarray, right: np.ndarray) -> Pairs:
        rows = keys.to_pylist()
        ends = [(rows[one], rows[other]) for one, other in zip(left.tolist(), right.tolist(), strict=True)]
        alone = [judged(*both) for both in ends]
        found = []
        for (weight, decision, certain, supports, doubtful), (one, other) in zip(alone, ends, strict=True):
            if doubtful:
                ways = moves(one, other)
                helped = any(
                    supporter[3] and mates[0]["dob"] != one["dob"] and moves(*mates) & ways
                    for supporter, mates in zip(alone, ends, strict=True)
                )
                weight += SUPPORT if helped else 0.0
                decision = LINK if weight >= LINKED else decision
            found.append((weight, decision, certain, supports, doubtful))
        return _pairs(left, right, found)

    def edges(self, pairs: Pairs) -> Edges:
        return pairs.edges(FIRM)

    def explain(self, keys: pa.Table, left: np.ndarray, right: np.ndarray, weight: np.ndarray, decision: np.ndarray) -> pa.Table:
        alone = self.compare(keys, left, right).weight
        codes = [["prior:expected", "household:support", *(["rule:cluster"] if each == LINK else [])] for each in decision.tolist()]
        sums = [[own, total - own, 0.0][: len(code)] for own, total, code in zip(alone.tolist(), weight.tolist(), codes, strict=True)]
        return pa.table({"reasons": pa.array(codes, pa.list_(pa.string())), "weights": pa.array(sums, pa.list_(pa.float64()))})


def _pairs(left: np.ndarray, right: np.ndarray, found: list[tuple[float, int, bool, bool, bool]]) -> Pairs:
    weight, decision, *flags = zip(*found, strict=True) if found else ((), (), (), (), ())
    return Pairs(left, right, np.array(weight, np.float64), np.array(decision, np.uint8), *(np.array(flag, np.bool_) for flag in flags))
