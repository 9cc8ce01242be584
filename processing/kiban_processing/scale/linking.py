"""名寄せ (linking): registrations linked on Spark by the same model: DuckDB makes the keys here, Spark compares, the driver gathers.

Normalising is Python over distinct values and stays in this process; the keys, integers but for the registration's own name, are handed
over in batches. Candidates, levels, weights, vetoes, households and reasons are the statements that DuckDB carries out (ADR 0029).
To the driver come counts of level patterns (thousands), and for the clusters the linked and vetoed pairs and one row per registration.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from kiban_processing.linkage import keys, model
from kiban_processing.linkage.keys import Frozen
from kiban_processing.linkage.model import Linked
from kiban_processing.linkage.parameters import Model
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.scale.spark import SparkConnection

_KEYS, _BATCH = "linkage_keys", 500_000
# As DuckDB gives them.
_PAIRS = pa.schema(
    [
        ("left", pa.string()),
        ("right", pa.string()),
        ("weight", pa.float64()),
        ("decision", pa.string()),
        ("reasons", pa.list_(pa.field("l", pa.string()))),
        ("weights", pa.list_(pa.field("l", pa.float64()))),
    ]
)


def link(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    spark: SparkConnection,
    settings: LinkageSettings | None = None,
    *,
    frozen: Frozen | None = None,
    learnt: Model | None = None,
    decisions: pa.Table | None = None,
) -> Linked:
    """`linkage.model.link` on Spark: equal clusters, pairs, decisions and reasons; weights differ by less than 1e-9.

    `relation` is one of `con`. Leaves no table behind on either side. Not checked: as `model.link`.
    Raises and refuses: as `model.link`; `scale.spark.TooManyRows` where linked pairs or registrations pass the connection's `most_rows`.
    """
    here = model.tables(con)
    try:
        if frozen is None:
            frozen = keys.normalise_and_count(con, relation, _KEYS)
        else:
            keys.normalise_relation(con, relation, frozen, _KEYS)
        handed: Any = con.execute(f"SELECT * FROM {_KEYS}").to_arrow_reader(_BATCH)
        before = spark.relations()
        try:
            spark.register(_KEYS, handed)
            on_spark: Any = spark  # the model asks no more of its connection than `connection.Connection`
            found = model.link_keys(on_spark, _KEYS, frozen, settings or LinkageSettings(), learnt, decisions)
            return replace(found, pairs=found.pairs.cast(_PAIRS))
        finally:
            for left_behind in sorted(spark.relations() - before):
                spark.execute(f'DROP TABLE IF EXISTS "{left_behind}"')
    finally:
        for left_behind in sorted(model.tables(con) - here):
            con.execute(f'DROP TABLE IF EXISTS "{left_behind}"')
