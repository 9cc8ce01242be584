"""What Spark keeps on a disk is unreadable, what it says holds no value, what it keeps is let go, and nobody can switch that off."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MARK = "架空の患者"
VALUE = "4711-identified"

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # PySpark's, where it hands rows to the JVM


def test_what_lies_on_disk_is_encrypted(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Shuffle files and tables kept on disk only; the same bytes would be found if they were in clear."""
    from pyspark import StorageLevel

    rows = spark.sql(f"SELECT concat('{MARK}', id) AS name, uuid() AS other FROM range(200000)")
    kept = rows.repartition(2, "other").localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)
    folder = Path(spark.sparkContext.getConf().get("spark.local.dir"))
    written = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    assert {path.name.split("_")[0] for path in written} >= {"rdd", "shuffle"}, "nothing was kept, so this shows nothing"
    assert not [path.name for path in written if MARK.encode() in path.read_bytes()]
    assert kept.count() == 200_000


def test_no_table_becomes_a_file_of_its_own(connect: Callable[..., Any], spark: Any) -> None:
    con = connect()
    con.execute("CREATE OR REPLACE TABLE kept AS SELECT count(*) AS n FROM (SELECT 1 AS a UNION ALL SELECT 2)")
    warehouse = Path(spark.conf.get("spark.sql.warehouse.dir").removeprefix("file:"))
    assert not [path for path in warehouse.rglob("*") if path.is_file()]


def test_errors_hold_no_value(connect: Callable[..., Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    import pyarrow as pa

    from kiban_processing.scale.spark import StatementFailed

    con = connect()
    con.register("given", pa.table({"number": [VALUE]}))
    said = []
    with caplog.at_level(logging.DEBUG):
        for statement in ("SELECT CAST(number AS INTEGER) FROM given", f"SELECT nowhere FROM given WHERE number = '{VALUE}'"):
            with pytest.raises(StatementFailed) as failed:
                con.execute(statement).fetchall()
            assert failed.value.__context__ is None and failed.value.__cause__ is None
            said += traceback.format_exception_only(failed.value)
    assert "CAST_INVALID_INPUT" in said[0]
    assert VALUE not in "".join(said) + capfd.readouterr().err
    assert not [record for record in caplog.records if record.name == "SQLQueryContextLogger"]


def test_secrets_are_not_in_what_is_fetched_or_explained(connect: Callable[..., Any], spark: Any) -> None:
    con = connect()
    con.execute("SELECT sha256($key::BLOB) AS digest", {"key": b"secret of the release"}).fetchall()
    assert "secret" not in con.fetched[0].query
    plan = spark.sql("SELECT :key AS k FROM range(2)", args={"key": bytearray(b"secret of the release")})._jdf.queryExecution()
    assert b"secret of the release".hex().upper() not in str(plan.toString()).upper()


def test_tables_are_let_go(connect: Callable[..., Any], spark: Any) -> None:
    held = spark.sparkContext._jsc.sc().getPersistentRDDs
    before, con = held().size(), connect()
    for _ in range(3):
        con.execute("CREATE OR REPLACE TABLE kept AS SELECT count(*) AS n FROM (SELECT 1 AS a UNION ALL SELECT 2)")
    con.execute("CREATE OR REPLACE TABLE other AS SELECT n, n + 1 AS m FROM kept GROUP BY n")
    con.execute("DROP TABLE IF EXISTS kept")
    assert con.execute("SELECT m FROM other").fetchall() == [(3,)], "what was made of a table outlives it"
    assert held().size() == before + 1
    con.close()
    assert held().size() == before


def test_a_fetch_beyond_aggregates_is_refused(spark: Any) -> None:
    from kiban_processing.scale.spark import SparkConnection, TooManyRows

    con = SparkConnection(spark.newSession(), most_rows=10)
    with pytest.raises(TooManyRows):
        con.execute("SELECT unnest([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) AS n").fetchall()


def test_a_spark_without_guards_is_not_used(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kiban_processing.scale import session

    session.check(spark)
    monkeypatch.setitem(session.GUARDS, "spark.io.encryption.keySizeBits", "512")
    with pytest.raises(session.GuardsMissing, match="spark.io.encryption.keySizeBits"):
        session.check(spark)


def test_a_machine_without_java_says_so(tmp_path: Path) -> None:
    """In a process of its own, where no Spark runs yet."""
    pytest.importorskip("pyspark")
    opened = "from kiban_processing.scale import session; from pathlib import Path\nwith session.open_session('local[1]', Path('.')): pass"
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "nowhere")}
    ended = subprocess.run([sys.executable, "-c", opened], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1 and ended.stderr.rstrip().endswith("JavaMissing")
