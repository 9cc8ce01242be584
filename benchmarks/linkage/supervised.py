"""教師ありの参照 (supervised reference): how far a judge of pairs gets that learns with the truth of another seed, in the same guarded clusters.

    python -m benchmarks.linkage.supervised TRAIN_WORLD TEST_WORLD... [--work DIR] [--importance] [--json FILE]

Gradient boosting on all that our model weighs and on more (`supervised_features`), trained on one world with its truth and tested on others.
Says what a world allows, and which unused feature would be worth most; it is no part of the linkage, which has no truth to learn from.
Tables of a world are kept in `--work`, where they are found again. `over/M`: persons in a cluster with somebody else, per million persons.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.linkage import quality
from benchmarks.linkage import supervised_features as features
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped, unused-ignore]
from sklearn.inspection import permutation_importance  # type: ignore[import-untyped, unused-ignore]

from kiban_processing.linkage import clusters, keys, model, registrations
from kiban_processing.linkage.clusters import Nodes
from kiban_processing.linkage.settings import LinkageSettings

SETS = {"model": features.MODEL, "pair": features.MODEL + features.PAIR, "group": features.MODEL + features.PAIR + features.GROUP}
LIMITS = (50.0, 64.0, 120.0)  # over/M
_WEIGHTS = np.arange(5.0, 15.5, 0.5)
_CERTAIN = 100.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """One world: features of its judged pairs, what is true of them, and of each registration its person and hospital."""

    columns: dict[str, npt.NDArray[np.float32]]
    left: Nodes
    right: Nodes
    same: npt.NDArray[np.bool_]
    persons: Nodes
    sites: Nodes
    ours: Nodes

    @property
    def open(self) -> npt.NDArray[np.bool_]:
        """Pairs that no rule decides."""
        return np.asarray((self.columns["certain"] == 0) & (self.columns["vetoed"] == 0), np.bool_)

    def matrix(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.stack([self.columns[name] for name in names], axis=1)


def known(world: Path, work: Path) -> Known:
    """Links the world by our model and lays the features of all pairs it judged."""
    file = work / f"{world.name}.duckdb"
    fresh = not file.exists()
    with duckdb.connect(str(file), config={"threads": 2, "memory_limit": "5GB", "temp_directory": str(work / "spill")}) as con:
        if fresh:
            _link(con, world, work)
            features.lay(con)
        found = con.execute(
            f'SELECT "left", "right", same, {", ".join(SETS["group"])} FROM pair_features ORDER BY "left", "right"'
        ).fetchnumpy()
        columns = {name: _floats(found[name]) for name in SETS["group"]}
        rest = con.execute(
            "SELECT hash(person) % 9007199254740881 AS person, site, label FROM truth JOIN keys USING (node) JOIN labels USING (node) ORDER BY node"
        ).fetchnumpy()
        persons, sites, ours = (np.asarray(rest[name], np.int64) for name in ("person", "site", "label"))
        return Known(
            columns,
            np.asarray(found["left"], np.int64),
            np.asarray(found["right"], np.int64),
            np.asarray(found["same"], np.bool_),
            persons,
            sites,
            ours,
        )


def _floats(column: Any) -> npt.NDArray[np.float32]:
    return (
        np.asarray(pa.array(column.data, mask=column.mask).cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)
        if isinstance(column, np.ma.MaskedArray)
        else np.asarray(column, np.float32)
    )


def _link(con: duckdb.DuckDBPyConnection, world: Path, work: Path) -> None:
    def keep(con: duckdb.DuckDBPyConnection, table: str, judged: str, labels: Nodes, *_: object) -> None:
        con.register("kept_labels", pa.table({"node": np.arange(len(labels)), "label": labels}))
        for name, kept in (("keys", table), ("judged", judged), ("labels", "kept_labels")):
            con.execute(f"CREATE TABLE {name} AS SELECT * FROM {kept}")
        con.unregister("kept_labels")

    registrations.lay(con, registrations.read([world / "registrations.csv"]))
    frozen = keys.normalise_and_count(con, "linkage_registrations", "linkage_keys")
    model.link_keys(con, "linkage_keys", frozen, LinkageSettings(), None, None, keep)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        con.read_csv(str(quality.truth_of(world, Path(folder))), all_varchar=True, header=True).create_view("truth_file")
        con.execute("""
            CREATE TABLE truth AS SELECT k.node, t.person, t.tags FROM truth_file t
            JOIN keys k ON k.registration = t.site_id || chr(31) || t.local_patient_id ORDER BY node""")
        con.execute("DROP VIEW truth_file")


def learn(world: Known, names: Sequence[str], seed: int = 1) -> HistGradientBoostingClassifier:
    """A judge of the pairs that no deterministic rule links."""
    judge = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.1,
        max_leaf_nodes=20,
        min_samples_leaf=40,
        l2_regularization=2.0,
        early_stopping=False,
        random_state=seed,
    )
    return judge.fit(world.matrix(names)[world.open], world.same[world.open])


def weights_of(judge: HistGradientBoostingClassifier, world: Known, names: Sequence[str]) -> Floats:
    """Log2 odds of each pair; what the deterministic rules link comes first."""
    weight = np.full(len(world.same), _CERTAIN)
    weight[world.open] = judge.decision_function(world.matrix(names)[world.open]) / np.log(2.0)
    return weight


def clustered(world: Known, weight: Floats, bar: float) -> Nodes:
    at = np.flatnonzero((weight >= bar) & (world.columns["vetoed"] == 0))
    vetoed = np.flatnonzero(world.columns["vetoed"] == 1)
    edges = clusters.Edges(
        world.left[at], world.right[at], weight[at], np.zeros(len(at), np.bool_), np.asarray(weight[at] >= bar + clusters.FIRMER)
    )
    return clusters.gather(edges, (world.left[vetoed], world.right[vetoed]), world.sites)


def figures(persons: Nodes, labels: Nodes) -> dict[str, float]:
    """Precision and recall over all true pairs, and over/M."""
    true, claimed = _pairs(np.unique(persons, return_counts=True)[1]), _pairs(np.unique(labels, return_counts=True)[1])
    both, held = np.unique(np.stack([labels, persons]), axis=1, return_counts=True)
    cluster, several = np.unique(both[0], return_counts=True)
    over = len(np.unique(both[1][np.isin(both[0], cluster[several > 1])]))
    return {"precision": _pairs(held) / claimed, "recall": _pairs(held) / true, "over_per_million": over / len(np.unique(persons)) * 1e6}


def _pairs(held: Nodes) -> float:
    return float((held * (held - 1) // 2).sum())


def sweep(world: Known, weight: Floats) -> Iterator[dict[str, float]]:
    for bar in _WEIGHTS.tolist():
        yield {"weight": bar, **figures(world.persons, clustered(world, weight, bar))}


def at_limits(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """For each limit the row of the most recall that keeps it."""
    best = {}
    for limit in LIMITS:
        kept = [row for row in rows if row["over_per_million"] <= limit]
        if kept:
            best[f"{limit:g}"] = max(kept, key=lambda row: row["recall"])
    return best


def told(world: str, found: dict[str, Any]) -> str:
    lines = [f"\n{world}\n", "| judge | at most over/M | weight | P | R | over/M |", "|---|---|---|---|---|---|"]
    for name, limits in found.items():
        for limit, row in limits.items():
            cells = [name, limit, f"{row['weight']:g}", f"{row['precision']:.6f}", f"{row['recall']:.4f}", f"{row['over_per_million']:.0f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def important(judge: HistGradientBoostingClassifier, world: Known, names: Sequence[str]) -> list[tuple[str, float]]:
    """What each feature is worth among pairs that are not plain: how much worse the likelihood is when it is shuffled."""
    at = np.flatnonzero(world.open & (np.abs(world.columns["weight"]) < 12.0))
    at = at[:: max(len(at) // 30_000, 1)]
    shuffled = permutation_importance(judge, world.matrix(names)[at], world.same[at], scoring="neg_log_loss", n_repeats=1, random_state=1)
    order = np.argsort(-shuffled.importances_mean)
    return [(names[place], float(shuffled.importances_mean[place])) for place in order.tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--importance", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    start = known(given.train, given.work)
    judges = {name: learn(start, columns) for name, columns in SETS.items()}
    found: dict[str, Any] = {}
    for path in given.test:
        world = known(path, given.work)
        unlearnt = world.columns["weight"].astype(np.float64)
        ours = {"weight": float("nan"), **figures(world.persons, world.ours)}
        rows: dict[str, Any] = {"kiban link": {"as it is": ours}, "our weights, bar by truth": at_limits(list(sweep(world, unlearnt)))}
        for name, judge in judges.items():
            rows[f"boosting, {name}"] = at_limits(list(sweep(world, weights_of(judge, world, SETS[name]))))
            if given.importance:
                print(name, ", ".join(f"{feature} {worth:.4f}" for feature, worth in important(judge, world, SETS[name])[:25]), flush=True)
        found[path.name] = rows
        print(told(path.name, rows), flush=True)
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
