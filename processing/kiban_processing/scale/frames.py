"""表の保持 (frames): what Spark computes is computed once and kept, and what it says when it fails stays untold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

T = TypeVar("T")


class StatementFailed(Exception):
    """Spark could not carry a statement out. Its own message may hold a patient's value, so only its condition is kept."""


def kept(frame: DataFrame) -> DataFrame:
    """The rows, computed now and never again; rows that Spark already holds as constants stay so."""

    def keep() -> DataFrame:
        if frame._jdf.queryExecution().optimizedPlan().nodeName() == "LocalRelation":
            return frame
        return frame.localCheckpoint(eager=True, storageLevel=StorageLevel.MEMORY_AND_DISK)

    return attempt(keep)


def attempt(act: Callable[[], T]) -> T:
    """Raised outside the handler, so that no traceback carries Spark's message along."""
    try:
        return act()
    except (PySparkException, Py4JError) as error:
        condition = error.getCondition() if isinstance(error, PySparkException) else None
        failed = StatementFailed(condition or type(error).__name__)
    raise failed
