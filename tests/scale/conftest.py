"""One Spark for all tests of this kind, as small and quick as it gets; without Java or PySpark they are skipped by name, in CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# How small rows are carried out quickest: planned once, interpreted, in one piece. `production` takes these back.
QUICK = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
}
PRODUCTION = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
}


def lacking() -> str | None:
    """What this machine lacks for Spark."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "PySpark (kiban[spark])"
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    return None if found else "Java 17"


def cpu_seconds(session: Any) -> float:
    """What the JVM has used so far."""
    fields = Path(f"/proc/{session.sparkContext._gateway.proc.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    missing = lacking()
    if missing and os.environ.get("KIBAN_SPARK_REQUIRED"):
        pytest.fail(f"no Spark: {missing} is missing")
    if missing:
        pytest.skip(f"no Spark: {missing} is missing")
    from kiban_processing.scale import session

    with session.open_session("local[2]", tmp_path_factory.mktemp("spark"), "2g", 2, QUICK) as opened:
        yield opened
        print(f"Spark took {cpu_seconds(opened):.0f} s of CPU")


@pytest.fixture
def connect(spark: Any) -> Iterator[Callable[..., Any]]:
    """A connection on a session of its own; `settings` are Spark's, of that session."""
    from kiban_processing.scale.spark import SparkConnection

    made = []

    def open_connection(**settings: str) -> Any:
        own = spark.newSession()
        for name, value in settings.items():
            own.conf.set(name, value)
        made.append(SparkConnection(own))
        return made[-1]

    yield open_connection
    for connection in made:
        connection.close()
