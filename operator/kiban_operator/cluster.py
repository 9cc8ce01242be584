"""計算機群 (cluster): where a plan is carried out: in this process by DuckDB, or on Spark where the operator's settings name one.

The vault stays where it is. Its eligible rows are laid out here, decrypted, and handed to Spark batch by batch; the released rows come back
the same way, for the package is written and sealed here. Both ways this machine is the narrow place (docs/scale.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import duckdb

from kiban_operator.home import Home
from kiban_processing.connection import Connection
from kiban_processing.dialect import quoted
from kiban_processing.language import Text
from kiban_processing.outcome import SECRET_PERSONS, Outcome, released
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_19

if TYPE_CHECKING:
    from kiban_processing.scale.spark import SparkConnection

_BATCH = 500_000  # rows

SPARK_MISSING = Ground(
    "spark-missing",
    Family.INPUT,
    ACT_19,
    Text("設定は Spark を指していますが、この機械に Spark がありません。", "The settings name a Spark, and this machine has none."),
    Text(
        "kiban[spark] と Java 17 を入れるか、設定 spark_master を消してください。",
        "Install kiban[spark] and Java 17, or remove spark_master.",
    ),
)
SPARK_DRIVER_FULL = Ground(
    "spark-driver-full",
    Family.INPUT,
    ACT_19,
    Text(
        "Spark からこの機械に{rows}行を取り寄せることになり、上限の{most}行をこえます。",
        "Spark would bring {rows} rows to this machine, which takes at most {most}.",
    ),
    Text(
        "対象者か日付の列を減らすか、提供を分けてください（docs/scale.md）。",
        "Take fewer persons or fewer columns of dates, or divide the release (docs/scale.md).",
    ),
)


@contextmanager
def open_engine(home: Home, con: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> Iterator[Connection]:
    """The connection that carries plans out: `con` itself, or Spark with these relations of it under their names. Refuses: spark-missing, spark-driver-full."""
    settings, master = home.settings, home.settings.spark_master
    if master is None:
        yield con
        return
    try:
        from kiban_processing.scale import session
        from kiban_processing.scale.spark import SparkConnection as Working
        from kiban_processing.scale.spark import TooManyRows
    except ImportError:
        raise SPARK_MISSING.refuse() from None
    with ExitStack() as opened:
        try:
            spark = opened.enter_context(session.open_session(master, home.core / "engine", settings.spark_memory, 3 * settings.threads))
        except session.JavaMissing:
            raise SPARK_MISSING.refuse() from None
        working = Working(spark)
        hand_over(con, working, relations)
        try:
            yield working
        except TooManyRows as refused:
            raise SPARK_DRIVER_FULL.refuse(rows=refused.rows, most=refused.most) from None
        working.close()


def hand_over(con: duckdb.DuckDBPyConnection, working: SparkConnection, relations: Iterable[str]) -> None:
    """Give Spark DuckDB's relations, batch by batch."""
    for relation in relations:
        working.register(relation, con.execute(f"SELECT * FROM {quoted(relation)}").to_arrow_reader(_BATCH))


def bring_back(working: Connection, con: duckdb.DuckDBPyConnection, outcome: Outcome) -> None:
    """Leave the released tables in DuckDB, where the package is written from, and who is who in them, for the classes that are kept."""
    if working is con:
        return
    for relation in (*(released(table) for table in outcome.tables), SECRET_PERSONS):
        for number, rows in enumerate(working.batches(relation, "person", _BATCH)):  # type: ignore[attr-defined]  # Spark's alone
            con.register("brought_back", rows)
            made = f"INSERT INTO {quoted(relation)}" if number else f"CREATE OR REPLACE TABLE {quoted(relation)} AS"
            con.execute(f"{made} SELECT * FROM brought_back")
            con.unregister("brought_back")
