"""名寄せ (linkage): registrations of many hospitals are compared, judged and gathered into persons, every pair with its reasons."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from splink import DuckDBAPI, Linker

from kiban_processing.language import Text
from kiban_processing.linkage import clusters, comparisons, evidence, keys, training
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_18

REPEATED_REGISTRATION = Ground(
    "registration-repeated",
    Family.INPUT,
    ACT_18,
    Text("同じ登録が{count}件重複しています。", "{count} registrations occur more than once."),
    Text("登録ごとに一行にしてから名寄せしてください。", "Hand in one row per registration."),
)

__all__ = ["REPEATED_REGISTRATION", "LinkageSettings", "Linked", "link"]

# Of two people drawn from the towns that hospitals serve, at most this share is one person, however small the file is.
_HIGHEST_PRIOR = 2.0**-14
_RECALL_OF_NAME_AND_BIRTH_DATE = 0.85


@dataclass(frozen=True)
class Linked:
    """Outcome of one run.

    `clusters`: registration, cluster (its first registration by name). `pairs`: left, right (registrations), weight (log2), decision
    (link, review, veto), reasons (codes of `reasons.TEXTS`) and weights (one per reason, their sum is the weight); vetoes only
    where the pair looks like one person or shares a household. `report`: counts, model, digest.
    """

    clusters: pa.Table
    pairs: pa.Table
    report: dict[str, Any]


def link(con: duckdb.DuckDBPyConnection, relation: str, settings: LinkageSettings | None = None) -> Linked:
    """Compares the registrations in `relation` (columns `keys.COLUMNS`) and gathers them into clusters.

    Works on a connection without access to the outside; leaves no table behind. Not checked: whether the rows may be linked at all
    (only gated rows may be handed in), whether dates are plausible.
    Refuses: registration-repeated, linkage-model-insane (only with `train="always"`).
    """
    settings = settings or LinkageSettings()
    before = _tables(con)
    try:
        return _linked(con, keys.normalise_relation(con, relation), settings)
    finally:
        for left_behind in sorted(_tables(con) - before):
            con.execute(f'DROP TABLE IF EXISTS "{left_behind}"')


def _tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def _linked(con: duckdb.DuckDBPyConnection, table: str, settings: LinkageSettings) -> Linked:
    rows, repeated = con.execute(f"SELECT count(*), count(*) - count(DISTINCT registration) FROM {table}").fetchall()[0]
    if repeated:
        raise REPEATED_REGISTRATION.refuse(count=repeated)
    prior = _prior(con, table, rows)
    linker = _linker(con, table, prior)
    trained = _train(con, table, linker, prior, settings, rows)
    linker = trained.linker
    scored = linker.inference.predict()
    candidates = evidence.judge(con, table, scored.physical_name, settings)
    scored.drop_table_from_database_and_remove_from_cache()

    nodes = con.execute(f"SELECT registration, site_id FROM {table} ORDER BY node").to_arrow_table()
    registrations = nodes.column("registration").combine_chunks()
    sites = pc.dictionary_encode(nodes.column("site_id").combine_chunks()).indices.to_numpy(zero_copy_only=False).astype(np.int64)
    edges = _edges(con, candidates)
    labels = clusters.gather(edges, _vetoes(con, candidates), sites)
    clusters_found = pa.table({"registration": registrations, "cluster": registrations.take(pa.array(labels))})
    pairs = _pairs(con, candidates, labels)
    return Linked(clusters_found, pairs, _report(con, candidates, labels, pairs, settings, trained, prior, rows))


@dataclass(frozen=True)
class _Trained:
    linker: Linker
    how: str
    parameters: training.Parameters


def _linker(con: duckdb.DuckDBPyConnection, table: str, prior: float) -> Linker:
    logging.getLogger("splink").setLevel(logging.ERROR)
    return Linker(DuckDBAPI(connection=con).register(table), comparisons.splink_settings(prior), log_level=None)


def _train(con: duckdb.DuckDBPyConnection, table: str, linker: Linker, prior: float, settings: LinkageSettings, rows: int) -> _Trained:
    if settings.train == "never" or (settings.train == "auto" and rows < settings.train_from_rows):
        return _Trained(linker, "built-in", training.parameters(linker))
    training.train(linker, settings.seed)
    learnt = training.parameters(linker)
    try:
        training.check(learnt)
    except Refusal as refusal:
        if settings.train == "always":
            raise
        untouched = _linker(con, table, prior)
        return _Trained(untouched, f"built-in ({refusal.code})", training.parameters(untouched))
    return _Trained(linker, "trained", learnt)


def _prior(con: duckdb.DuckDBPyConnection, table: str, rows: int) -> float:
    same = con.execute(f"""
        SELECT coalesce(sum(held * (held - 1) / 2), 0)
        FROM (SELECT count(*) AS held FROM {table} WHERE kana_wide IS NOT NULL AND dob IS NOT NULL GROUP BY kana_wide, dob)""").fetchall()[
        0
    ][0]
    expected = max(float(same), 1.0) / _RECALL_OF_NAME_AND_BIRTH_DATE / max(rows * (rows - 1) / 2, 1.0)
    return min(expected, _HIGHEST_PRIOR)


def _edges(con: duckdb.DuckDBPyConnection, candidates: str) -> clusters.Edges:
    found = con.execute(
        f'SELECT "left", "right", weight, certain FROM {candidates} WHERE decision = \'link\' ORDER BY "left", "right"'
    ).fetchnumpy()
    left, right = (np.asarray(found[side], np.int64) for side in ("left", "right"))
    return clusters.Edges(left, right, np.asarray(found["weight"], np.float64), np.asarray(found["certain"], np.bool_))


def _vetoes(con: duckdb.DuckDBPyConnection, candidates: str) -> tuple[clusters.Nodes, clusters.Nodes]:
    found = con.execute(f'SELECT "left", "right" FROM {candidates} WHERE decision = \'veto\'').fetchnumpy()
    return np.asarray(found["left"], np.int64), np.asarray(found["right"], np.int64)


def _pairs(con: duckdb.DuckDBPyConnection, candidates: str, labels: clusters.Nodes) -> pa.Table:
    """What the clusters make of the judgements, for people to read.

    A link that would have joined two persons goes to review; a doubt that other links have settled is no longer one.
    """
    con.register("linkage_labels", pa.table({"node": np.arange(len(labels)), "label": labels}))
    try:
        return con.execute(f"""
            SELECT left_registration AS "left", right_registration AS "right", weight,
                   CASE WHEN decision = 'link' AND l.label <> r.label THEN 'review' ELSE decision END AS decision,
                   CASE WHEN decision = 'link' AND l.label <> r.label THEN list_append(reasons, 'rule:cluster') ELSE reasons END AS reasons,
                   CASE WHEN decision = 'link' AND l.label <> r.label THEN list_append(weights, 0.0) ELSE weights END AS weights
            FROM {candidates} c JOIN linkage_labels l ON l.node = c."left" JOIN linkage_labels r ON r.node = c."right"
            WHERE decision = 'link' OR (decision = 'review' AND l.label <> r.label) OR (decision = 'veto' AND notable)
            ORDER BY c."left", c."right" """).to_arrow_table()
    finally:
        con.unregister("linkage_labels")


def _report(
    con: duckdb.DuckDBPyConnection,
    candidates: str,
    labels: clusters.Nodes,
    pairs: pa.Table,
    settings: LinkageSettings,
    trained: _Trained,
    prior: float,
    rows: int,
) -> dict[str, Any]:
    sizes = Counter(np.unique(labels, return_counts=True)[1].tolist())
    decided = {each["values"]: each["counts"] for each in pc.value_counts(pairs.column("decision")).to_pylist()}
    compared = con.execute(f"SELECT count(*), count(*) FILTER (certain) FROM {candidates}").fetchall()[0]
    return {
        "registrations": rows,
        "clusters": sum(sizes.values()),
        "cluster_sizes": {str(size): sizes[size] for size in sorted(sizes)},
        "pairs": {
            "compared": compared[0],
            "deterministic": compared[1],
            **{decision: decided.get(decision, 0) for decision in ("link", "review", "veto")},
        },
        "model": {
            "version": comparisons.VERSION,
            "keys": keys.VERSION,
            "digest": comparisons.digest(),
            "training": trained.how,
            "prior": prior,
            "parameters": {
                field: {level: list(values) for level, values in levels.items()} for field, levels in trained.parameters.items()
            },
        },
        "settings": {"link_weight": settings.link_weight, "review_weight": settings.review_weight, "train": settings.train},
    }
