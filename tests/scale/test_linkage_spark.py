"""Linked on Spark: the model learnt, the pairs, their decisions and reasons and the persons are those of DuckDB, on a generated world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from data_examples.linkage_world import files as world

from kiban_processing.linkage import engines, keys, model, registrations
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.scale import translation

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # PySpark's, where it hands rows to the JVM
    pytest.mark.timeout(900),
]

REGISTRATIONS = 10_000


SETTINGS = LinkageSettings(train="always")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, pa.Table]:
    """A world laid out as `linkage_registrations`, and what people have decided about two of its pairs."""
    folder = tmp_path_factory.mktemp("world")
    world.write(folder, world.Settings(REGISTRATIONS, 6, 42))
    con = duckdb.connect(config={"threads": 2})
    registrations.lay(con, registrations.read([folder / "registrations.csv"]))
    return con, _decided(model.link(con, "linkage_registrations", SETTINGS).pairs)


def test_spark_can_read_every_statement(given: tuple[duckdb.DuckDBPyConnection, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Found out without any Spark: translation refuses what has no equal meaning there."""
    con, decisions = given
    asked: list[str] = []

    class Translated:
        def execute(self, query: str, *parameters: object) -> Any:
            asked.append(translation.translate(query).query)
            return con.execute(query, *parameters)

        def __getattr__(self, name: str) -> Any:
            return getattr(con, name)

    monkeypatch.setattr(engines, "linker", lambda _, table, settings, make=engines.linker: make(con, table, settings))
    frozen = keys.normalise_and_count(con, "linkage_registrations", "linkage_keys")
    spy: Any = Translated()
    model.link_keys(spy, "linkage_keys", frozen, SETTINGS, None, decisions)
    assert len(asked) > 20


def test_the_same_model_pairs_and_persons(given: tuple[duckdb.DuckDBPyConnection, pa.Table], connect: Callable[..., Any]) -> None:
    from kiban_processing.scale import linking

    con, decisions = given
    expected = model.link(con, "linkage_registrations", SETTINGS, decisions=decisions)
    spark = connect()
    tables, relations = model.tables(con), spark.relations()

    found = linking.link(con, "linkage_registrations", spark, SETTINGS, decisions=decisions)

    assert found.model.learnt == expected.model.learnt == "learnt"
    for field, levels in expected.model.rates.items():
        for level, rates in levels.items():
            ours = found.model.rates[field][level]
            assert (ours.person, ours.household, ours.stranger) == pytest.approx((rates.person, rates.household, rates.stranger), rel=1e-9)
    assert found.clusters.equals(expected.clusters) and found.pairs.schema.equals(expected.pairs.schema)
    assert found.pairs.drop(["weight", "weights"]).equals(expected.pairs.drop(["weight", "weights"]))
    assert found.pairs.column("weight").to_pylist() == pytest.approx(expected.pairs.column("weight").to_pylist(), abs=1e-9)
    decided = set(expected.pairs.column("decision").to_pylist())
    assert decided == {"link", "review", "veto"}, "each decision occurs, or this shows nothing"
    assert expected.clusters.num_rows >= REGISTRATIONS

    assert (model.tables(con), spark.relations()) == (tables, relations), "nothing stays behind"
    assert max(each.rows for each in spark.fetched) <= max(REGISTRATIONS * 1.01, found.pairs.num_rows * 1.5)


def _decided(pairs: pa.Table) -> pa.Table:
    """People have said yes to one doubt and no to one link."""
    rows = pairs.to_pylist()
    yes = next(row for row in rows if row["decision"] == "review")
    no = next(row for row in rows if row["decision"] == "link" and yes["left"] not in (row["left"], row["right"]))
    return pa.table({"left": [yes["left"], no["left"]], "right": [yes["right"], no["right"]], "same": [True, False]})
