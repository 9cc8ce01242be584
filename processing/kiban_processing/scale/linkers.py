"""照合 (linkers): Splink on the Spark that holds the registrations' keys, under the same guards as every other statement there.

Splink would keep its tables as Parquet files in a folder for checkpoints, in clear; here they are kept as all tables are (ADR 0023). Its
similarity functions, a jar of its own, are not loaded: the comparisons ask nothing but integers.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from splink import Linker, SettingsCreator
from splink.backends.spark import SparkAPI

from kiban_processing.scale.frames import attempt, kept


def linker(session: SparkSession, table: str, settings: SettingsCreator) -> Linker:
    """Splink's linker on a relation of this session; what it computes carries names that `SparkConnection.execute` can ask for."""
    make: Any = _Guarded  # Splink leaves its arguments untyped
    api = make(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)
    return Linker(api.register(session.table(f"`{table}`")), settings, log_level=None)


class _Guarded(SparkAPI):
    """Its statements run as the connection's do: made once, errors without values, tables dropped where they are views."""

    def _execute_sql_against_backend(self, final_sql: str) -> DataFrame:
        frame: DataFrame = attempt(lambda: self.spark.sql(final_sql))
        return frame

    def _break_lineage_and_repartition(self, spark_df: DataFrame, templated_name: str, physical_name: str) -> DataFrame:
        return kept(spark_df)

    def delete_table_from_database(self, name: str) -> Any:
        return attempt(lambda: self.spark.catalog.dropTempView(name))
