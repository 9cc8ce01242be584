"""人の判断 (decided): pairs that people have settled win over the model, as must-link and cannot-link."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from kiban_processing.language import Text
from kiban_processing.linkage import clusters, evidence, support
from kiban_processing.linkage.parameters import Model
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

DECISIONS = pa.schema([("left", pa.string()), ("right", pa.string()), ("same", pa.bool_())])
CONTRADICTING_DECISIONS = Ground(
    "linkage-decisions-contradict",
    Family.STATE,
    ACT_18,
    Text(
        "確定した判断が互いに矛盾しています（同一人とした組をたどると、別人とした組{count}件が同じ人になります）。",
        "Settled decisions contradict each other ({count} pairs settled as two persons are joined by pairs settled as one).",
    ),
    Text("矛盾する判断を二人で取り消してから、名寄せし直してください。", "Let two people revoke one of the decisions, then link again."),
)


def impose(
    con: duckdb.DuckDBPyConnection,
    keys: str,
    judged: str,
    decisions: pa.Table | None,
    model: Model,
    registrations: int,
    name: str = "linkage_imposed",
) -> str:
    """Makes the temporary table `name`: the rows of `judged` with the decisions imposed (settled: same or not, null where nobody decided),
    pairs that were never compared added; returns that name.

    `decisions`: left, right (registrations), same; those about registrations that are not in `keys` do not act. Returns `judged` where
    there is nothing to impose.
    Refuses: linkage-decisions-contradict.
    """
    if decisions is None or not decisions.num_rows:
        return judged
    con.register("linkage_decisions", decisions.cast(DECISIONS))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_settled AS
        SELECT least(l.node, r.node) AS "left", greatest(l.node, r.node) AS "right", bool_and(d.same) AS same, bool_or(d.same) AS ever
        FROM linkage_decisions d JOIN {keys} l ON l.registration = d."left" JOIN {keys} r ON r.registration = d."right"
        GROUP BY ALL""")
    con.unregister("linkage_decisions")
    _refuse_contradictions(con, keys)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE linkage_never_compared AS
        SELECT "left", "right" FROM linkage_settled ANTI JOIN {judged} USING ("left", "right")""")
    added = support.unsupported(con, evidence.judge(con, keys, "linkage_never_compared", model, registrations, "linkage_added"))
    columns = ", ".join(f'"{row[0]}"' for row in con.execute(f"DESCRIBE {judged}").fetchall())
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT j.* EXCLUDE (settled)
                   REPLACE (CASE WHEN s.same THEN 'link' WHEN NOT s.same THEN 'veto' ELSE decision END AS decision,
                            CASE WHEN s.same IS NULL THEN certain ELSE s.same END AS certain, notable OR s.same IS NOT NULL AS notable),
               s.same AS settled
        FROM (SELECT {columns} FROM {judged} UNION ALL SELECT {columns} FROM {added}) j
        LEFT JOIN linkage_settled s ON s."left" = j."left" AND s."right" = j."right" """)
    con.execute("DROP TABLE linkage_never_compared")
    con.execute("DROP TABLE linkage_settled")
    return name


def _refuse_contradictions(con: duckdb.DuckDBPyConnection, keys: str) -> None:
    found = con.execute('SELECT "left", "right", same, ever FROM linkage_settled').fetchnumpy()
    size = int(con.execute(f"SELECT count(*) FROM {keys}").fetchall()[0][0])
    left, right, ever = np.asarray(found["left"], np.int64), np.asarray(found["right"], np.int64), np.asarray(found["ever"], np.bool_)
    labels = clusters.components(size, left[ever], right[ever])
    apart = ~np.asarray(found["same"], np.bool_)
    contradicting = int((labels[left[apart]] == labels[right[apart]]).sum())
    if contradicting:
        raise CONTRADICTING_DECISIONS.refuse(count=contradicting)
