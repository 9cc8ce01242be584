"""一回の判定 (judging): what one run makes of the registrations that may be used: persons, pairs and counts, of everything or of what changed.

Both ways leave the same tables in the engine, so that nobody who writes the register or the queue has to know which it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kiban_operator import vault
from kiban_operator.home import Home
from kiban_operator.persons import links, usable
from kiban_operator.persons.generations import Generation
from kiban_processing.linkage import persons as assignment
from kiban_processing.linkage import vaulted
from kiban_processing.linkage.state.kept import Kept

ANEW_FROM = 0.15
"""Share of the registrations that came, changed or left from which everything is linked again: the counts by which names are weighed have
grown old by then, and an increment gains little."""


@dataclass(frozen=True)
class Judged:
    """`whole`: whether everything was linked again. `pairs`: as `model.Linked`. `joined`, `parted`: pairs of registrations known before that
    were two persons and are one, or the other way round."""

    whole: bool
    pairs: pa.Table
    events: list[assignment.Event]
    joined: int
    parted: int
    report: dict[str, Any]


def judge(
    home: Home, con: duckdb.DuckDBPyConnection, generation: Generation, state: Kept | None, decisions: pa.Table, previous: pa.Table,
    progress: vault.Progress,
) -> Judged:  # fmt: skip
    """Judge `registrations`, write the next generation, and make `previous`, `places`, `assigned` and `linkage_pairs` in the engine.

    `state`: what the last run left, None to link everything under a newly learnt model. Refuses: as `vaulted.link_all`, `link_changes`.
    """
    changes = state is not None and vaulted.compare(con, "registrations", state).share <= ANEW_FROM
    arguments = (decisions, generation.folder, generation.key, home.circumstances.entropy, progress)
    if state is not None and changes:
        linked = vaulted.link_changes(con, state, *arguments)
    else:
        linked = vaulted.link_all(con, "registrations", *arguments)
    return _told(home, con, linked, previous, not changes)


def take_out(
    home: Home, con: duckdb.DuckDBPyConnection, generation: Generation, state: Kept, gone: pa.Array, decisions: pa.Table, previous: pa.Table,
    progress: vault.Progress,
) -> Judged:  # fmt: skip
    """As `judge`, of what the state knows without the registrations `gone`, reading nothing of the vault; `registrations` gives the places
    (registration, site_id) of those that stay. Refuses: linkage-state-damaged."""
    usable.lay_out_none(con, "linkage_changed")
    con.register("handed_in", pa.table({"registration": gone}))
    con.execute("CREATE OR REPLACE TEMP TABLE linkage_gone AS SELECT registration FROM handed_in")
    con.unregister("handed_in")
    linked = vaulted.link_changes(con, state, decisions, generation.folder, generation.key, home.circumstances.entropy, progress)
    return _told(home, con, linked, previous, False)


def _told(home: Home, con: duckdb.DuckDBPyConnection, linked: vaulted.Linked, previous: pa.Table, whole: bool) -> Judged:
    pairs = linked.pairs
    if not whole:
        with links.readable(home, con, "linkage_pairs_before") as earlier:
            pairs = _renewed(con, linked, earlier)
    persons, events = _assign(linked, previous, whole, lambda: home.circumstances.token("P"))
    con.execute("CREATE OR REPLACE TEMP VIEW places AS SELECT registration, site_id FROM registrations")
    for name, table in (("assigned", persons), ("previous", previous), ("linkage_pairs", pairs)):
        con.register("handed_in", table)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM handed_in")  # of Arrow data the engine knows no size
        con.unregister("handed_in")
    joined, parted = _differences(con)
    weights = {"link": linked.model.link_weight, "review": linked.model.review_weight}
    found = {each["values"]: each["counts"] for each in pc.value_counts(pairs.column("decision")).to_pylist()}
    counted = {**linked.report["pairs"], **{decision: found.get(decision, 0) for decision in ("link", "review", "veto")}}
    return Judged(whole, pairs, events, joined, parted, {**linked.report, "pairs": counted, "thresholds": weights})


def _assign(
    linked: vaulted.Linked, previous: pa.Table, whole: bool, new_id: Callable[[], str]
) -> tuple[pa.Table, list[assignment.Event]]:  # fmt: skip
    """The person of every registration. Persons are touched as a whole or not at all, so that those of an increment are assigned by themselves."""
    if whole:
        assigned = assignment.assign(linked.clusters, previous, new_id)
        return assigned.persons, assigned.events
    concerned = pa.concat_arrays([linked.clusters.column("registration").combine_chunks(), linked.gone])
    within = pc.is_in(previous.column("registration"), value_set=concerned)
    assigned = assignment.assign(linked.clusters, previous.filter(within), new_id)
    return pa.concat_tables([previous.filter(pc.invert(within)), assigned.persons]), assigned.events


def _renewed(con: duckdb.DuckDBPyConnection, linked: vaulted.Linked, earlier: str) -> pa.Table:
    """The newest run's pairs: those of the run before, but for what was judged again."""
    for name, table in {
        "pairs_removed": pa.table({"registration": linked.removed}), "pairs_touched": linked.clusters, "pairs_single": linked.single,
        "pairs_judged": linked.pairs,
    }.items():  # fmt: skip
        con.register(name, table)
    touched = "SELECT registration FROM pairs_touched"
    pairs: pa.Table = con.execute(f"""
        SELECT * FROM (
            SELECT e.* FROM {earlier} e
            ANTI JOIN pairs_removed l ON l.registration = e."left" ANTI JOIN pairs_removed r ON r.registration = e."right"
            ANTI JOIN pairs_single s ON least(s."left", s."right") = e."left" AND greatest(s."left", s."right") = e."right"
            WHERE e.decision = 'veto' OR (e."left" NOT IN ({touched}) AND e."right" NOT IN ({touched}))
            UNION ALL SELECT * FROM pairs_judged)
        ORDER BY "left", "right" """).to_arrow_table()
    for name in ("pairs_removed", "pairs_touched", "pairs_single", "pairs_judged"):
        con.unregister(name)
    return pairs.cast(links.PAIRS)


def _differences(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Pairs of registrations known before and now that were two persons and are one (joined), or the other way round (parted)."""
    ((joined, parted),) = con.execute("""
        WITH cells AS (SELECT p.person AS before, a.person AS now, count(*) AS held FROM previous p JOIN assigned a USING (registration) GROUP BY ALL),
        together AS (SELECT sum(held * (held - 1) // 2) AS pairs FROM cells)
        SELECT (SELECT sum(n * (n - 1) // 2) FROM (SELECT sum(held) AS n FROM cells GROUP BY now)) - pairs,
               (SELECT sum(n * (n - 1) // 2) FROM (SELECT sum(held) AS n FROM cells GROUP BY before)) - pairs FROM together
    """).fetchall()
    return int(joined or 0), int(parted or 0)
