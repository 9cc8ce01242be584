"""Local recoding on public tables: the losses promised, against figures that were measured with other people's tools."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import local
from kiban_processing.recoding.classes import Recoding
from kiban_processing.recoding.demands import Demand
from kiban_processing.recoding.tuples import Tuples

FOLDER = os.environ.get("KIBAN_BENCHMARKS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="KIBAN_BENCHMARKS names no folder of benchmark tables")

FIVE = ["age", "sex", "race", "marital-status", "education"]
# table, quasi-identifiers, k, the most the loss may be: shares of ARX's local recoding, and an earlier prototype's figures
BOUNDS = [
    ("adult", None, 5, 0.0520),
    ("adult", None, 2, 0.026),
    ("adult", None, 10, 0.096),
    ("adult", None, 50, 0.207),
    ("adult", FIVE, 5, 0.0155),
    ("fars_int", None, 5, 0.0370),
    ("fars_int", None, 50, 0.100),
]


def read(table: str, chosen: list[str] | None) -> tuple[Tuples, list[list[list[str]]]]:
    """Distinct tuples, and the hierarchies' rows as they stand in the files."""
    folder = Path(str(FOLDER))
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    names = chosen or list(rows[0])
    counts = Counter(tuple(row[name] for name in names) for row in rows)
    texts = [(folder / f"{table}_hierarchy_{name}.csv").read_text(encoding="utf-8") for name in names]
    trees = tuple(hierarchy.read(name, "1", text) for name, text in zip(names, texts, strict=True))
    places = [{leaf: at for at, leaf in enumerate(tree.leaves)} for tree in trees]
    leaves = tuple(np.array([place[row[at]] for row in counts], dtype=np.int64) for at, place in enumerate(places))
    tables = [[line.split(";") for line in text.splitlines() if line] for text in texts]
    return Tuples(trees, leaves, np.array(list(counts.values()), dtype=np.int64)), tables


def from_texts(tuples: Tuples, tables: list[list[list[str]]], found: Recoding) -> tuple[float, int]:
    """Loss and smallest class from the texts of the release and the hierarchies' files alone."""
    columns, product = [], 1.0
    for attribute, table in enumerate(tables):
        covers = [Counter(row[level].strip() for row in table) for level in range(len(table[0]))]
        level = found.levels[found.of, attribute]
        texts = [table[leaf][own].strip() for leaf, own in zip(tuples.leaves[attribute].tolist(), level.tolist(), strict=True)]
        shares = [covers[own][text] / len(table) for own, text in zip(level.tolist(), texts, strict=True)]
        mean = float(np.dot(shares, tuples.persons)) / tuples.total
        product *= 1 + (mean - 1 / len(table)) / (1 - 1 / len(table))
        columns.append(texts)
    sizes: Counter[tuple[str, ...]] = Counter()
    for texts_, persons in zip(zip(*columns, strict=True), tuples.persons.tolist(), strict=True):
        sizes[texts_] += persons
    return product ** (1 / len(tables)) - 1, min(sizes.values())


@pytest.mark.parametrize(("table", "chosen", "k", "most"), BOUNDS)
def test_the_loss_promised_recounted_from_the_texts(table: str, chosen: list[str] | None, k: int, most: float) -> None:
    tuples, tables = read(table, chosen)
    nothing = Recoding(np.full(len(tuples), -1), np.zeros((0, len(tables)), np.int8), np.zeros(0, np.int64), tuples.total, 1.0, 1.0)
    found = local.recode(tuples, Demand(k), 0, global_optimum=nothing)  # without the help of a global search
    assert found is not None
    assert found.suppressed == 0
    lost, smallest = from_texts(tuples, tables, found)
    assert smallest >= k
    assert lost == pytest.approx(found.loss_geometric, abs=1e-9)
    assert lost <= most
