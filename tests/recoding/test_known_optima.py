"""The optima that ARX 3.9.2 finds on the tables of KIBAN_BENCHMARKS (facts measured with ARX; the tables are no part of the project)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kiban_processing.hierarchies import hierarchy
from kiban_processing.recoding import lattice, losses
from kiban_processing.recoding.demands import Closeness, Demand, DistinctDiversity, Model
from kiban_processing.recoding.losses import Metric
from kiban_processing.recoding.tuples import Sensitive, Tuples

FOLDER = os.environ.get("KIBAN_BENCHMARKS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="KIBAN_BENCHMARKS names no folder of benchmark tables")

LOSS = [  # table, limit, node, loss, suppressed
    ("adult", 0.0, (0, 4, 1, 1, 3, 2, 2, 1, 0), 0.5732, 0),
    ("adult", 0.02, (0, 3, 0, 2, 2, 1, 1, 2, 0), 0.3137, 506),
    ("adult", 0.05, (0, 3, 0, 0, 2, 1, 1, 2, 0), 0.2419, 1346),
    ("adult", 0.1, (0, 3, 0, 0, 2, 1, 1, 1, 0), 0.2204, 2553),
    ("fars_int", 0.0, (4, 2, 3, 0, 1, 2, 2, 2), 0.6640, 0),
    ("fars_int", 0.02, (4, 0, 2, 2, 0, 0, 2, 0), 0.2003, 1591),
    ("fars_int", 0.05, (3, 0, 1, 1, 0, 0, 2, 0), 0.1542, 4597),
    ("fars_int", 0.1, (3, 0, 1, 1, 0, 0, 1, 0), 0.1530, 6438),
    ("nhis_syn_300k", 0.05, (3, 0, 0, 1, 3, 1, 0, 0, 1), 0.2436, 12901),
    ("jp_syn_300k", 0.05, (0, 3, 2, 2, 2, 2), 0.1696, 10268),
]
ENTROPY = [
    ("adult", 0.0, 0.5874),
    ("adult", 0.02, 0.3782),
    ("adult", 0.05, 0.3509),
    ("adult", 0.1, 0.3471),
    ("fars_int", 0.0, 0.6818),
    ("fars_int", 0.02, 0.2873),
    ("fars_int", 0.05, 0.2408),
    ("fars_int", 0.1, 0.2408),
]
MODELS = [  # table, sensitive attribute, model, limit, loss
    ("adult", "occupation", DistinctDiversity(2), 0.0, 0.542),
    ("adult", "occupation", DistinctDiversity(2), 0.02, 0.246),
    ("adult", "occupation", DistinctDiversity(2), 0.05, 0.170),
    ("adult", "occupation", DistinctDiversity(2), 0.1, 0.163),
    ("adult", "occupation", DistinctDiversity(3), 0.02, 0.247),
    ("adult", "occupation", DistinctDiversity(3), 0.1, 0.167),
    ("adult", "occupation", Closeness(0.2), 0.0, 0.918),
    ("adult", "occupation", Closeness(0.2), 0.02, 0.815),
    ("fars_int", "iinjury", DistinctDiversity(2), 0.0, 0.675),
    ("fars_int", "iinjury", DistinctDiversity(2), 0.05, 0.500),
    ("fars_int", "iinjury", DistinctDiversity(2), 0.1, 0.440),
    ("fars_int", "iinjury", DistinctDiversity(3), 0.02, 0.513),
    ("fars_int", "iinjury", DistinctDiversity(3), 0.1, 0.450),
    ("fars_int", "iinjury", Closeness(0.2), 0.0, 0.850),
    ("fars_int", "iinjury", Closeness(0.2), 0.02, 0.681),
    ("fars_int", "iinjury", Closeness(0.2), 0.05, 0.578),
    ("fars_int", "iinjury", Closeness(0.2), 0.1, 0.530),
]
_READ: dict[tuple[str, str], Tuples] = {}


def read(name: str, sensitive: str = "") -> Tuples:
    if (name, sensitive) in _READ:
        return _READ[name, sensitive]
    rows = pd.read_csv(Path(FOLDER) / f"{name}.csv", sep=";", dtype=str, keep_default_na=False)
    base = name.removesuffix("_300k")
    paths = {column: Path(FOLDER) / f"{base}_hierarchy_{column}.csv" for column in rows.columns}
    quasi = [column for column in rows.columns if paths[column].exists() and column != sensitive]
    chosen = tuple(hierarchy.read(column, "1", paths[column].read_text(encoding="utf-8")) for column in quasi)
    coded = rows[quasi].copy()
    for column, one in zip(quasi, chosen, strict=True):
        coded[column] = rows[column].str.strip().map({leaf: number for number, leaf in enumerate(one.leaves)}).astype(np.int64)
    if sensitive:
        coded["sensitive"] = pd.factorize(rows[sensitive], sort=True)[0]
    counted = coded.groupby(list(coded.columns)).size().reset_index(name="persons")
    values = (Sensitive(sensitive, counted["sensitive"].to_numpy()),) if sensitive else ()
    tuples = Tuples(chosen, tuple(counted[column].to_numpy() for column in quasi), counted["persons"].to_numpy(), values)
    _READ[name, sensitive] = tuples
    return tuples


@pytest.mark.parametrize(("name", "limit", "node", "loss", "suppressed"), LOSS, ids=[f"{row[0]}-{row[1]}" for row in LOSS])
def test_the_node_and_loss_are_those_of_arx(name: str, limit: float, node: tuple[int, ...], loss: float, suppressed: int) -> None:
    tuples = read(name)
    found = lattice.search(tuples, Demand(5), int(limit * tuples.total + 1e-9))
    assert found is not None
    assert (found.node, found.suppressed) == (node, suppressed)
    assert found.loss_geometric == pytest.approx(loss, abs=5e-5)
    assert found.sizes.min() >= 5
    assert losses.of_recoding(tuples, found.of, found.levels, tuples.total)[0] == pytest.approx(found.loss_geometric, abs=1e-12)


@pytest.mark.parametrize(("name", "limit", "value"), ENTROPY, ids=[f"{row[0]}-{row[1]}" for row in ENTROPY])
def test_the_entropy_is_that_of_arx(name: str, limit: float, value: float) -> None:
    tuples = read(name)
    found = lattice.search(tuples, Demand(5), int(limit * tuples.total + 1e-9), Metric.ENTROPY)
    assert found is not None
    assert found.minimised == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(("name", "attribute", "model", "limit", "loss"), MODELS, ids=[f"{row[0]}-{row[2]}-{row[3]}" for row in MODELS])
def test_the_loss_with_a_sensitive_attribute_is_that_of_arx(name: str, attribute: str, model: Model, limit: float, loss: float) -> None:
    tuples = read(name, attribute)
    asked = replace(tuples, sensitive=(replace(tuples.sensitive[0], models=(model,)),))
    found = lattice.search(asked, Demand(5), int(limit * tuples.total + 1e-9))
    assert found is not None
    assert found.loss_geometric == pytest.approx(loss, abs=6e-4)


@pytest.mark.parametrize("k", [2, 10, 50])
def test_any_k_gives_the_same_with_and_without_numba(k: int) -> None:
    pytest.importorskip("numba")
    tuples = read("adult")
    one, other = (lattice.search(tuples, Demand(k), 900, compiled=compiled) for compiled in (True, False))
    assert one is not None
    assert other is not None
    assert (one.node, one.loss_geometric, one.suppressed) == (other.node, other.loss_geometric, other.suppressed)


def test_a_lattice_that_nobody_can_list_is_not_refused() -> None:
    tuples = read("creditcard_int")
    found = lattice.search(tuples, Demand(5), int(0.05 * tuples.total))
    assert found is not None
    assert found.suppressed <= 0.05 * tuples.total
    assert found.sizes.min() >= 5
    assert not found.optimal
    assert found.loss_geometric < 0.69
