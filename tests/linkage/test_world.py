"""A generated world with its truth: precision and recall counted pair by pair, without the linkage's own code."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kiban_operator import workshop
from kiban_processing.linkage import learning, model, sanity
from kiban_processing.linkage.comparisons import Rates
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.refusals import Refusal

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]


def pairs_of(groups: Mapping[str, object]) -> set[tuple[str, str]]:
    members: dict[object, list[str]] = defaultdict(list)
    for registration, group in sorted(groups.items()):
        members[group].append(registration)
    return {pair for group in members.values() for pair in itertools.combinations(group, 2)}


def linked(con: duckdb.DuckDBPyConnection, rows: pa.Table, settings: LinkageSettings | None = None) -> model.Linked:
    con.register("world", rows)
    return model.link(con, "world", settings)


def clusters_of(outcome: model.Linked) -> dict[str, object]:
    return dict(zip(outcome.clusters.column("registration").to_pylist(), outcome.clusters.column("cluster").to_pylist(), strict=True))


def quality(truth: Mapping[str, object], found: Mapping[str, object]) -> tuple[float, float]:
    true, claimed = pairs_of(truth), pairs_of(found)
    return len(true & claimed) / len(claimed), len(true & claimed) / len(true)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_precision_and_recall(seed: int, con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, truth = make_world(seed, 900)
    precision, recall = quality(truth, clusters_of(linked(con, rows)))
    assert precision >= 0.999
    assert recall >= 0.9


def test_doubled_errors_cost_recall_and_not_precision(con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, truth = make_world(21, 900, noise=2.0)
    precision, recall = quality(truth, clusters_of(linked(con, rows)))
    assert precision >= 0.999
    assert recall >= 0.85


def test_most_of_what_is_missed_waits_in_review(con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, truth = make_world(14, 900)
    outcome = linked(con, rows)
    cluster = clusters_of(outcome)
    missed = pairs_of(truth) - pairs_of(cluster)
    # An item asks about two clusters, so it settles every pair between them.
    asked = [(pair["left"], pair["right"]) for pair in outcome.pairs.to_pylist() if pair["decision"] == "review"]
    items = {frozenset((cluster[left], cluster[right])) for left, right in asked}
    assert missed
    assert len(items) == len(asked)
    assert sum(frozenset((cluster[left], cluster[right])) in items for left, right in missed) >= 0.6 * len(missed)
    right_to_ask = sum(truth[left] == truth[right] for left, right in asked)
    assert 2 * right_to_ask >= len(asked)


def test_no_true_pair_is_vetoed(con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, truth = make_world(15, 900)
    vetoed = {(pair["left"], pair["right"]) for pair in linked(con, rows).pairs.to_pylist() if pair["decision"] == "veto"}
    assert vetoed
    assert not vetoed & pairs_of(truth)


def test_order_of_rows_and_run_change_nothing(con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, _truth = make_world(16, 300)
    first, second = linked(con, rows), linked(con, rows.sort_by("registration"))
    assert first.clusters.equals(second.clusters)
    assert first.pairs.equals(second.pairs)
    assert first.report == second.report


def test_clusters_hold_no_vetoed_nor_doubtful_pair(con: duckdb.DuckDBPyConnection, make_world: MakeWorld) -> None:
    rows, _truth = make_world(17, 900, noise=3.0)
    outcome = linked(con, rows)
    together = pairs_of(clusters_of(outcome))
    assert together
    assert not together & {(pair["left"], pair["right"]) for pair in outcome.pairs.to_pylist() if pair["decision"] != "link"}


def test_trained_in_the_operators_workshop_the_model_is_sane_and_keeps_precision(tmp_path: Path, make_world: MakeWorld) -> None:
    rows, truth = make_world(18, 4000)
    with workshop.open_workshop(tmp_path) as con:
        outcome = linked(con, rows, LinkageSettings(train="always"))
        assert con.execute("SHOW TABLES").fetchall() == [("world",)]
    assert outcome.report["model"]["learnt"] == "learnt"
    precision, recall = quality(truth, clusters_of(outcome))
    assert precision >= 0.999
    assert recall >= 0.9


def test_the_built_in_model_is_sane() -> None:
    sanity.check(learning.built_in(1_000, 14.0, 0.0))


@pytest.mark.parametrize(
    ("field", "level", "person", "other"),
    [
        ("birth_date", "equal", 0.275, 4e-5),  # what training on a derived column once gave
        ("sex", "equal", 0.6, 0.5),
        ("name", "equal", 0.3, 1e-5),
        ("name", "near", 0.9, 1e-7),
        ("household", "branch-differs", 0.5, 1e-6),
        ("household", "differs", 0.9, 0.1),
    ],
)
def test_an_insane_model_is_refused(field: str, level: str, person: float, other: float) -> None:
    model = learning.built_in(1_000, 14.0, 0.0)
    with pytest.raises(Refusal) as refused:
        sanity.check(model.with_rates(field, level, Rates(person, model.rates[field][level].household, other)))
    assert refused.value.code == "linkage-model-insane"
    assert refused.value.particulars["field"] == field
