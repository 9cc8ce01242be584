"""The operator's settings choose the engine; a large table passes to Spark and back in batches; a missing Spark is a refusal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kiban_operator import cluster, home
from kiban_operator.circumstances import Circumstances
from kiban_processing.refusals import Refusal

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark's, where it hands rows to the JVM


@pytest.fixture
def settled(tmp_path: Path) -> home.Home:
    """A home whose file names a Spark."""
    circumstances = Circumstances(lambda: datetime(2026, 11, 21, tzinfo=UTC), lambda count: b"k" * count, "test")
    made = home.create(tmp_path / "home", home.Settings("基盤", "example/kiban", spark_master="local[2]"), circumstances)
    return home.open_home(made.path, circumstances)


def test_without_a_setting_duckdb_carries_out(settled: home.Home) -> None:
    con = duckdb.connect()
    with cluster.open_engine(replace(settled, settings=replace(settled.settings, spark_master=None)), con, ()) as working:
        assert working is con


def test_the_setting_opens_spark_on_the_sources(settled: home.Home, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kiban_processing.scale import session

    asked: list[Any] = []

    @contextmanager
    def opened(*arguments: Any) -> Any:
        asked.extend(arguments)
        yield spark.newSession()

    monkeypatch.setattr(session, "open_session", opened)
    con = duckdb.connect()
    con.execute("CREATE VIEW source_patients AS SELECT i AS person FROM range(7) t(i)")
    with cluster.open_engine(settled, con, ["source_patients"]) as working:
        assert working is not con
        assert working.execute("SELECT count(*), sum(person) FROM source_patients").fetchall() == [(7, 21)]
    assert asked == ["local[2]", settled.core / "engine", "4g", 6]


def test_batches_there_and_back(connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    con, working = duckdb.connect(), connect()
    con.execute("CREATE TABLE given AS SELECT 'P' || i AS person, i::INTEGER AS n, NULL::DATE AS day FROM range(5000) t(i)")
    con.execute("CREATE TABLE empty AS SELECT * FROM given LIMIT 0")
    monkeypatch.setattr(cluster, "_BATCH", 2048)
    cluster.hand_over(con, working, ["given", "empty"])
    assert working.execute("SELECT count(*) FROM empty").fetchall() == [(0,)]
    parts = list(working.batches("given", "person", 1000))
    assert len(parts) == 5 and max(part.num_rows for part in parts) < 1500
    con.execute("CREATE TABLE back (person VARCHAR, n INTEGER, day DATE)")
    for part in parts:
        con.register("part", part)
        con.execute("INSERT INTO back SELECT * FROM part")
    assert con.execute("SELECT * FROM back ORDER BY n").fetchall() == con.execute("SELECT * FROM given ORDER BY n").fetchall()


def test_a_missing_spark_is_named(settled: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiban_processing.scale.spark", None)
    with pytest.raises(Refusal) as refused, cluster.open_engine(settled, duckdb.connect(), ()):
        pass
    assert refused.value.code == "spark-missing"


def test_a_missing_java_is_named_too(settled: home.Home, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark's own word for it; whether it says so is held in test_guards, in a process without Java."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    def exited(builder: Any) -> Any:
        raise PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})

    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", exited)
    with pytest.raises(Refusal) as refused, cluster.open_engine(settled, duckdb.connect(), ()):
        pass
    assert refused.value.code == "spark-missing"


def test_more_rows_than_this_machine_takes_are_a_refusal(settled: home.Home, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kiban_processing.scale import session
    from kiban_processing.scale import spark as scale

    @contextmanager
    def opened(*arguments: Any) -> Any:
        yield spark.newSession()

    monkeypatch.setattr(session, "open_session", opened)
    monkeypatch.setattr(scale, "SparkConnection", partial(scale.SparkConnection, most_rows=6))
    con = duckdb.connect()
    con.execute("CREATE VIEW source_patients AS SELECT i AS person FROM range(7) t(i)")
    with pytest.raises(Refusal, match="7 rows") as refused, cluster.open_engine(settled, con, ["source_patients"]) as working:
        working.execute("SELECT person FROM source_patients").fetchall()
    assert refused.value.code == "spark-driver-full"
