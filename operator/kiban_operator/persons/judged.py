"""INTERIM 人の判定を効かせた名寄せ (judged): stands in for `model.link(..., decisions=)` until the model itself takes people's decisions.

To be replaced, together with this file, by the model's own argument: pairs held to be one person are joined first, pairs held to be two
are vetoed, and a veto of the model between registrations that people joined is dropped.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage import clusters, model

_FIRST = 1e6  # log2 odds: before every edge of the model


def link(con: duckdb.DuckDBPyConnection, relation: str, decisions: pa.Table) -> model.Linked:
    """As `model.link`, where `decisions` (left, right, same) win over the model."""
    linked = model.link(con, relation)
    if decisions.num_rows == 0:
        return linked
    rows = con.execute(f"SELECT registration, site_id FROM {relation} ORDER BY registration").to_arrow_table()
    registrations, sites = rows.column(0).combine_chunks(), pc.dictionary_encode(rows.column(1).combine_chunks()).indices
    pairs = linked.pairs

    def nodes(table: pa.Table, side: str) -> clusters.Nodes:
        return np.asarray(pc.index_in(table.column(side).combine_chunks(), value_set=registrations), np.int64)

    same, apart = (decisions.filter(pc.equal(decisions.column("same"), flag)) for flag in (True, False))
    links, vetoes = (pairs.filter(pc.equal(pairs.column("decision"), word)) for word in ("link", "veto"))
    joined = clusters.components(len(registrations), nodes(same, "left"), nodes(same, "right"))
    foes = (np.concatenate([nodes(vetoes, side), nodes(apart, side)]) for side in ("left", "right"))
    left_foes, right_foes = foes
    standing = joined[left_foes] != joined[right_foes]
    within = same.num_rows
    edges = clusters.Edges(
        np.concatenate([nodes(same, "left"), nodes(links, "left")]), np.concatenate([nodes(same, "right"), nodes(links, "right")]),
        np.concatenate([np.full(within, _FIRST), np.asarray(links.column("weight"), np.float64)]),
        np.concatenate([np.ones(within, np.bool_), [("rule:deterministic" in each) for each in links.column("reasons").to_pylist()]]).astype(np.bool_),
    )  # fmt: skip
    labels = clusters.gather(edges, (left_foes[standing], right_foes[standing]), np.asarray(sites, np.int64))
    cluster = registrations.take(pa.array(labels))
    name = dict(zip(registrations.to_pylist(), cluster.to_pylist(), strict=True))
    fixed = {frozenset((row["left"], row["right"])): row["same"] for row in decisions.to_pylist()}
    decided = [
        ("link" if fixed[pair] else "veto") if (pair := frozenset((row["left"], row["right"]))) in fixed
        else "review" if row["decision"] == "link" and name[row["left"]] != name[row["right"]]
        else row["decision"]
        for row in pairs.to_pylist()
    ]  # fmt: skip
    kept = pairs.set_column(pairs.schema.get_field_index("decision"), "decision", pa.array(decided, pa.string()))
    settled = [
        word != "review" or name[one] != name[other]
        for word, one, other in zip(decided, *(kept.column(s).to_pylist() for s in ("left", "right")), strict=True)
    ]
    return replace(linked, clusters=pa.table({"registration": registrations, "cluster": cluster}), pairs=kept.filter(pa.array(settled)))
