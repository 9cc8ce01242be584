"""比較対象 (stock Splink): Splink 5 with sensible settings for Japanese registrations, as its users would write them.

Two variants. `aware`: names by parts with term frequencies, birth date, sex, address, telephone and insurance each on its own. `guard`:
address, telephone and insurance are one comparison, and an edge enters the graph only where a given name is equal and no branch number
contradicts. Thresholds were chosen with the truth at hand by those who measured them first; they are stated, not tuned here.

    python -m benchmarks.linkage.stock_splink REGISTRATIONS.csv --out DIR [--guard] [--weights 6,24] [--memory 4GB]

Writes `persons-WEIGHT.csv` for each weight and tells what each stage took, as JSON.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from benchmarks.linkage import stock_rows, watched
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.clustering import cluster_pairwise_predictions_at_threshold
from splink.internals.comparison_creator import ComparisonCreator
from splink.internals.splink_dataframe import SplinkDataFrame

# Match weight → what it was best for: "best F1" at a million rows, "strict", and with the guard.
AWARE_WEIGHTS, GUARD_WEIGHTS = (6.0, 24.0), (14.0, 16.0)
_LOWEST_WEIGHT = -6.0
_U_PAIRS, _EM_PAIRS, _RECALL = 2e7, 3e6, 0.85
_AGREEING = " + ".join(f"CAST(coalesce({column}_l = {column}_r, false) AS INTEGER)" for column in ("address", "phone", "insurance"))
_NOTHING = " AND ".join(f"({column}_l IS NULL OR {column}_r IS NULL)" for column in ("address", "phone", "insurance", "town"))
_PERSONAL = "insurance_l = insurance_r AND (branch_l = branch_r OR (elderly_l AND elderly_r))"
_ANOTHER_BRANCH = "insurance_l = insurance_r AND branch_l <> branch_r"


class Stock:
    """One variant on one table of `stock_rows.make`: train, predict, cluster; each step may be timed on its own."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, guard: bool) -> None:
        logging.getLogger("splink").setLevel(logging.ERROR)
        self._con, self._table, self._guard = con, table, guard
        self._api = DuckDBAPI(connection=con)
        self._linker = Linker(self._api.register(table), _settings(guard), log_level=None)
        self._edges = ""

    def train(self) -> None:
        training = self._linker.training
        exact = [block_on("full_kana", "dob"), block_on("full_kanji", "dob"), block_on("insurance", "dob", "sex")]
        training.estimate_probability_two_random_records_match(exact, recall=_RECALL)
        training.estimate_u_using_random_sampling(max_pairs=_U_PAIRS, seed=1)
        for block in (block_on("dob", "sex"), block_on("surname_kana", "given_kana")):
            training.estimate_parameters_using_expectation_maximisation(block, estimate_without_term_frequencies=True, max_pairs=_EM_PAIRS)

    def predict(self) -> int:
        """Scores every blocked pair and keeps those from the lowest weight up; returns how many."""
        scored: SplinkDataFrame = self._linker.inference.predict(threshold_match_weight=_LOWEST_WEIGHT)
        self._edges = "stock_edges"
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {self._edges} AS {self._kept(scored.physical_name)}")
        scored.drop_table_from_database_and_remove_from_cache()
        return int(self._con.execute(f"SELECT count(*) FROM {self._edges}").fetchall()[0][0])

    def cluster(self, weight: float, name: str = "stock_clusters") -> str:
        """Makes the table `name` (registration, cluster) at a match weight and returns that name."""
        nodes, edges = f"(SELECT unique_id FROM {self._table})", f"(SELECT * FROM {self._edges} WHERE match_weight >= {weight!r})"
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW stock_nodes AS {nodes}")
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE stock_chosen AS {edges}")
        api = DuckDBAPI(connection=self._con)
        found = cluster_pairwise_predictions_at_threshold(
            api.register("stock_nodes"), api.register("stock_chosen"), api, node_id_column_name="unique_id"
        )
        query = f"SELECT unique_id AS registration, cluster_id AS cluster FROM {found.physical_name}"
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        found.drop_table_from_database_and_remove_from_cache()
        return name

    def _kept(self, scored: str) -> str:
        if not self._guard:
            return f"SELECT unique_id_l, unique_id_r, match_weight FROM {scored}"
        return f"""
            SELECT p.unique_id_l, p.unique_id_r, p.match_weight
            FROM {scored} p JOIN {self._table} l ON l.unique_id = p.unique_id_l JOIN {self._table} r ON r.unique_id = p.unique_id_r
            WHERE (coalesce(l.given_kanji = r.given_kanji, false) OR coalesce(l.given_kana = r.given_kana, false))
              AND NOT coalesce(l.insurance = r.insurance AND l.branch <> r.branch, false)"""


def _settings(guard: bool) -> SettingsCreator:
    apart: list[ComparisonCreator] = [_address(), cl.ExactMatch("phone"), _insurance()]
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            _name("surname"),
            _name("given"),
            cl.DateOfBirthComparison("dob", input_is_string=False),
            cl.ExactMatch("sex"),
            *([_household()] if guard else apart),
        ],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in stock_rows.RULES],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def _name(part: str) -> ComparisonCreator:
    kanji, kana = f"{part}_kanji", f"{part}_kana"
    neither = f"({kanji}_l IS NULL OR {kanji}_r IS NULL) AND ({kana}_l IS NULL OR {kana}_r IS NULL)"
    return cl.CustomComparison(
        output_column_name=part,
        comparison_levels=[
            cll.CustomLevel(neither, "missing").configure(is_null_level=True),
            cll.CustomLevel(f"{kanji}_l = {kanji}_r", "kanji").configure(tf_adjustment_column=kanji),
            cll.CustomLevel(f"{kana}_l = {kana}_r", "kana").configure(tf_adjustment_column=kana),
            cll.JaroWinklerLevel(kana, 0.88),
            cll.ElseLevel(),
        ],
    )


def _address() -> ComparisonCreator:
    nothing = "(address_l IS NULL OR address_r IS NULL) AND (town_l IS NULL OR town_r IS NULL) AND (postal_l IS NULL OR postal_r IS NULL)"
    return _custom("address", nothing, "address_l = address_r", "town_l = town_r OR postal_l = postal_r")


def _insurance() -> ComparisonCreator:
    missing = "insurance_l IS NULL OR insurance_r IS NULL"
    return _custom("insurance", missing, "insurance_l = insurance_r AND branch_l = branch_r", _ANOTHER_BRANCH, "insurance_l = insurance_r")


def _household() -> ComparisonCreator:
    agreeing = f"({_AGREEING})"
    return _custom("household", _NOTHING, _PERSONAL, _ANOTHER_BRANCH, f"{agreeing} >= 2", f"{agreeing} = 1", "town_l = town_r")


def _custom(field: str, missing: str, *levels: str) -> ComparisonCreator:
    made = [cll.CustomLevel(level, f"{field} {place}") for place, level in enumerate(levels, 1)]
    null = cll.CustomLevel(missing, "missing").configure(is_null_level=True)
    return cl.CustomComparison(output_column_name=field, comparison_levels=[null, *made, cll.ElseLevel()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("registrations", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--weights", help="match weights to cluster at, with commas")
    parser.add_argument("--memory", default="4GB")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    weights = [float(each) for each in given.weights.split(",")] if given.weights else GUARD_WEIGHTS if given.guard else AWARE_WEIGHTS
    con = duckdb.connect(config={"threads": 2, "memory_limit": given.memory, "temp_directory": str(given.out / "spill")})
    laps = watched.Laps()
    table = stock_rows.make(con, given.registrations)
    laps.lap("normalise")
    stock = Stock(con, table, given.guard)
    stock.train()
    laps.lap("train")
    edges = stock.predict()
    laps.lap("predict")
    for weight in weights:
        stock.cluster(weight)
        laps.lap(f"cluster at {weight:g}")
        con.execute(f"""
            COPY (SELECT split_part(registration, chr(31), 1) AS site_id, split_part(registration, chr(31), 2) AS local_patient_id,
                         cluster AS person_id FROM stock_clusters ORDER BY registration)
            TO '{given.out}/persons-{weight:g}.csv' (HEADER)""")
        laps.lap("write")
    print(json.dumps({"edges": edges, "laps": laps.found}))


if __name__ == "__main__":
    main()
