"""名寄せ (linkage): registrations of many hospitals are compared, judged and gathered into persons, every pair with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from kiban_processing.language import Text
from kiban_processing.linkage import clusters, comparisons, decided, engines, evidence, keys, learning, sanity, support
from kiban_processing.linkage.keys import Frozen
from kiban_processing.linkage.municipalities import Mergers
from kiban_processing.linkage.parameters import Model
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

__all__ = ["EXPLAINED", "REPEATED_REGISTRATION", "LinkageSettings", "Linked", "link"]

# The decisions whose pairs are handed back with their reasons.
EXPLAINED = ("link", "review", "veto")


# What else to do with a run's tables before they are dropped: connection, keys table, judged table (before decisions), cluster of each node,
# model, frozen counts.
Keep = Callable[[duckdb.DuckDBPyConnection, str, str, clusters.Nodes, Model, Frozen], None]


@dataclass(frozen=True)
class Linked:
    """Outcome of one run.

    `clusters`: registration, cluster (its first registration by name). `pairs`, of the decisions asked for: left, right (registrations), weight (log2 odds), decision
    (link, review, veto), reasons (codes of `reasons.TEXTS`) and weights (one per reason, their sum is the weight); vetoes only
    where the pair looks like one person or shares a household. `model`, `frozen`: what an increment needs to judge alike.
    `report`: counts, model, digest.
    """

    clusters: pa.Table
    pairs: pa.Table
    model: Model
    frozen: Frozen
    report: dict[str, Any]


def link(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    settings: LinkageSettings | None = None,
    *,
    frozen: Frozen | None = None,
    learnt: Model | None = None,
    decisions: pa.Table | None = None,
    mergers: Mergers | None = None,
    keep: Keep | None = None,
    explained: Sequence[str] = EXPLAINED,
) -> Linked:
    """Compares the registrations in `relation` (columns `keys.COLUMNS`) and gathers them into clusters.

    `frozen`, `learnt`: counts and model of an earlier run, else both come from these registrations. `decisions`: left, right
    (registrations), same; they win over the model. `mergers`: what became of municipalities. `explained`: decisions whose pairs are
    handed back; reasons of millions of pairs fill the memory, so ask for those that will be read. Works on a connection without access to the outside; leaves no table behind.
    Not checked: whether the rows may be linked at all (only gated rows may be handed in), whether dates are plausible.
    Refuses: registration-repeated, linkage-model-insane (only with `train="always"`), linkage-decisions-contradict.
    """
    settings = settings or LinkageSettings()
    before = tables(con)
    try:
        if frozen is None:
            frozen = keys.normalise_and_count(con, relation, "linkage_keys", mergers)
        else:
            keys.normalise_relation(con, relation, frozen, "linkage_keys", mergers)
        return link_keys(con, "linkage_keys", frozen, settings, learnt, decisions, keep, explained)
    finally:
        for left_behind in sorted(tables(con) - before):
            con.execute(f'DROP TABLE IF EXISTS "{left_behind}"')


def tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def link_keys(
    con: duckdb.DuckDBPyConnection,
    table: str,
    frozen: Frozen,
    settings: LinkageSettings,
    learnt: Model | None,
    decisions: pa.Table | None,
    keep: Keep | None = None,
    explained: Sequence[str] = EXPLAINED,
) -> Linked:
    """As `link`, from a table of keys that lies on the engine already (see `keys.normalise_relation`); its working tables stay there."""
    rows, repeated = con.execute(f"SELECT count(*), count(*) - count(DISTINCT registration) FROM {table}").fetchall()[0]
    if repeated:
        raise REPEATED_REGISTRATION.refuse(count=repeated)
    model = learnt or _learn(con, table, settings, rows)
    candidates = block(con, table, model)
    judged = evidence.judge(con, table, candidates, model, frozen.registrations)
    con.execute(f"DROP TABLE {candidates}")
    if learnt is None and settings.link_weight is None:
        model = evidence.calibrate(con, judged, model)
        judged = evidence.decide_again(con, judged, model)
    supported = support.strengthen(con, table, judged, model)
    con.execute(f"DROP TABLE {judged}")
    judged = decided.impose(con, table, supported, decisions, model, frozen.registrations)

    nodes = con.execute(f"SELECT registration, site FROM {table} ORDER BY node").to_arrow_table()
    registrations = nodes.column("registration").combine_chunks()
    labels = clusters.gather(_edges(con, judged, model), _vetoes(con, judged), nodes.column("site").to_numpy().astype(np.int64))
    found = pa.table({"registration": registrations, "cluster": registrations.take(pa.array(labels))})
    shown, counts = _shown(con, judged, labels)
    pairs = _explained(con, table, judged, shown, explained)
    if keep is not None:
        keep(con, table, supported, labels, model, frozen)
    return Linked(found, pairs, model, frozen, _report(con, judged, labels, counts, settings, model, rows))


def block(con: duckdb.DuckDBPyConnection, table: str, model: Model, name: str = "linkage_candidates") -> str:
    """Makes the temporary table `name` (left, right: nodes, left < right): each pair that agrees in one block of `comparisons.BLOCKS`."""
    linker = engines.linker(con, table, comparisons.splink_settings(model.persons))
    blocked = linker.inference.compute_blocked_pairs_for_predict()
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT least(join_key_l, join_key_r) AS "left", greatest(join_key_l, join_key_r) AS "right" FROM {blocked.physical_name}""")
    blocked.drop_table_from_database_and_remove_from_cache()
    return name


def _learn(con: duckdb.DuckDBPyConnection, table: str, settings: LinkageSettings, rows: int) -> Model:
    start = learning.built_in(rows, settings.link_weight or evidence.HIGHEST_LINK_WEIGHT, settings.review_weight)
    if settings.train == "never" or (settings.train == "auto" and rows < settings.train_from_rows):
        return start
    model = learning.learn(con, table, start, settings.seed)
    try:
        sanity.check(model)
    except Refusal:
        if settings.train == "always":
            raise
        return start
    return model


def _edges(con: duckdb.DuckDBPyConnection, judged: str, model: Model) -> clusters.Edges:
    found = con.execute(
        f'SELECT "left", "right", weight, certain FROM {judged} WHERE decision = \'link\' ORDER BY "left", "right"'
    ).fetchnumpy()
    left, right = (np.asarray(found[side], np.int64) for side in ("left", "right"))
    weight, certain = np.asarray(found["weight"], np.float64), np.asarray(found["certain"], np.bool_)
    return clusters.Edges(left, right, weight, certain, certain | (weight >= model.link_weight + clusters.FIRMER))


def _vetoes(con: duckdb.DuckDBPyConnection, judged: str) -> tuple[clusters.Nodes, clusters.Nodes]:
    found = con.execute(f'SELECT "left", "right" FROM {judged} WHERE decision = \'veto\'').fetchnumpy()
    return np.asarray(found["left"], np.int64), np.asarray(found["right"], np.int64)


def _shown(con: duckdb.DuckDBPyConnection, judged: str, labels: clusters.Nodes) -> tuple[str, dict[str, int]]:
    """What the clusters make of the judgements: a table (left, right, decision, parted) of the pairs that people may ask about, and
    how many there are of each decision.

    A link that would have joined two persons goes to review; a doubt that other links have settled is no longer one. Between two
    clusters only the strongest doubt is shown: people decide about clusters, not about each pair between them.
    """
    con.register("linkage_labels", pa.table({"node": np.arange(len(labels)), "label": labels}))
    try:
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE linkage_placed AS
            SELECT c."left", c."right", weight, CASE WHEN decision = 'link' AND l.label <> r.label THEN 'review' ELSE decision END AS placed,
                   decision = 'link' AND l.label <> r.label AS parted, least(l.label, r.label) AS one, greatest(l.label, r.label) AS other
            FROM {judged} c JOIN linkage_labels l ON l.node = c."left" JOIN linkage_labels r ON r.node = c."right"
            WHERE decision = 'link' OR (decision = 'veto' AND notable) OR (decision = 'review' AND l.label <> r.label)""")
    finally:
        con.unregister("linkage_labels")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE linkage_shown AS
        SELECT "left", "right", placed, parted FROM linkage_placed WHERE placed <> 'review'
        UNION ALL SELECT "left", "right", placed, parted FROM (
            SELECT "left", "right", placed, parted, row_number() OVER (PARTITION BY one, other ORDER BY weight DESC, "left", "right") AS place
            FROM linkage_placed WHERE placed = 'review')
        WHERE place = 1""")
    con.execute("DROP TABLE linkage_placed")
    counted = con.execute("SELECT placed, count(*) FROM linkage_shown GROUP BY placed").fetchall()
    return "linkage_shown", {decision: int(count) for decision, count in counted}


def _explained(con: duckdb.DuckDBPyConnection, table: str, judged: str, shown: str, decisions: Sequence[str]) -> pa.Table:
    """The pairs of these decisions with their reasons."""
    asked = ", ".join(f"'{decision}'" for decision in decisions)
    found: pa.Table = con.execute(f"""
        WITH explained AS (
            SELECT "left", "right", weight, placed AS decision, {evidence.reasons()} AS because
            FROM (SELECT c.*, s.placed, s.parted FROM {judged} c JOIN {shown} s ON s."left" = c."left" AND s."right" = c."right" WHERE s.placed IN ({asked})))
        SELECT a.registration AS "left", b.registration AS "right", weight, decision,
               list_transform(because, lambda reason: reason.code) AS reasons, list_transform(because, lambda reason: reason.weight) AS weights
        FROM explained c JOIN {table} a ON a.node = c."left" JOIN {table} b ON b.node = c."right"
        ORDER BY c."left", c."right" """).to_arrow_table()
    return found


def _report(
    con: duckdb.DuckDBPyConnection,
    judged: str,
    labels: clusters.Nodes,
    decisions: dict[str, int],
    settings: LinkageSettings,
    model: Model,
    rows: int,
) -> dict[str, Any]:
    sizes = Counter(np.unique(labels, return_counts=True)[1].tolist())
    compared = con.execute(f"SELECT count(*), count(*) FILTER (certain) FROM {judged}").fetchall()[0]
    return {
        "registrations": rows,
        "clusters": sum(sizes.values()),
        "cluster_sizes": {str(size): sizes[size] for size in sorted(sizes)},
        "pairs": {
            "compared": compared[0],
            "deterministic": compared[1],
            **{decision: decisions.get(decision, 0) for decision in ("link", "review", "veto")},
        },
        "model": model.as_json(),
        "settings": {"link_weight": model.link_weight, "review_weight": model.review_weight, "train": settings.train},
    }
