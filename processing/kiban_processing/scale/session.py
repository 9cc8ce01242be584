"""セッション (session): how Spark is started, so that nothing identified lies readable on a disk, crosses a network or stands in a log (Act 21).

Encrypted: shuffles, spilled rows and kept tables in the executors' local folders (a key of this application, never stored), and what
processes say to each other. Silent: no event log, no page, no log line, for Spark's plans hold the secrets of a release as constants and
its errors hold values. Not covered: core dumps and swap of the machines, and files that somebody else's code writes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

# Whoever runs Spark may add to these and may not change them.
GUARDS: dict[str, str] = {
    "spark.io.encryption.enabled": "true",
    "spark.io.encryption.keySizeBits": "256",
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.network.crypto.cipher": "AES/GCM/NoPadding",
    "spark.eventLog.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.executor.syncLogLevel.enabled": "true",
    "spark.redaction.string.regex": "(?s).+",
    "spark.sql.redaction.string.regex": "(?s).+",
    "spark.sql.catalogImplementation": "in-memory",
    # The meaning of statements: refuse what does not fit, instead of making it missing; one clock.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
}
_HERE = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


class GuardsMissing(Exception):
    """A running Spark was found whose configuration lets something identified out; names the settings."""


class JavaMissing(Exception):
    """No Java answered where Spark looked for one."""


@contextmanager
def open_session(
    master: str, folder: Path, memory: str = "4g", partitions: int = 8, settings: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Start Spark, and stop it at the end. `master`: `local[2]`, `yarn`, `k8s://…`, `spark://…`; `memory` of the driver.

    `folder`: where this machine's part may spill, encrypted; on a cluster its nodes have their own. `partitions`: of shuffles (some three
    per core; Spark joins small ones). `settings`: anything else, the guards apart. Raises GuardsMissing where a Spark without guards runs, JavaMissing.
    """
    local = master.startswith("local")
    chosen = {
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.memory": memory,
        "spark.sql.shuffle.partitions": str(partitions),
        **(_HERE if local else {}),
        **(settings or {}),
        **GUARDS,
    }
    # PySpark itself repeats Spark's messages, values and all, through Python's logging.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    builder = SparkSession.builder.master(master).appName("kiban")
    for name, value in chosen.items():
        builder = builder.config(name, value)
    session = _started(builder)
    check(session)  # outside: a Spark that somebody else started is not ours to stop
    try:
        yield session
    finally:
        session.stop()


def _started(builder: SparkSession.Builder) -> SparkSession:
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        if error.getCondition() != "JAVA_GATEWAY_EXITED":
            raise
    raise JavaMissing


def check(session: SparkSession) -> None:
    """Hold a session, whoever started it, against the guards. Raises GuardsMissing."""
    found = dict(session.sparkContext.getConf().getAll())
    missing = sorted(name for name, value in GUARDS.items() if found.get(name) != value)
    if missing:
        raise GuardsMissing(", ".join(missing))
