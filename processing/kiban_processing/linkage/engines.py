"""照合エンジン (engines): Splink on whatever engine holds the keys, DuckDB in this process or Spark, from the same settings."""

from __future__ import annotations

import logging
from typing import Protocol

import duckdb
from splink import DuckDBAPI, Linker, SettingsCreator


class HostOfSplink(Protocol):
    """An engine of another kind that can lend Splink its relations (`scale.spark.SparkConnection`)."""

    def linker(self, table: str, settings: SettingsCreator) -> Linker: ...


def linker(con: duckdb.DuckDBPyConnection | HostOfSplink, table: str, settings: SettingsCreator) -> Linker:
    """Splink's linker on the relation `table` of a connection."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    if isinstance(con, duckdb.DuckDBPyConnection):
        return Linker(DuckDBAPI(connection=con).register(table), settings, log_level=None)
    return con.linker(table, settings)
