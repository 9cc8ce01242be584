"""The workshop: spilled data are unreadable, the outside is closed, nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kiban_operator.workshop import open_workshop

MARK = "架空の患者"


def test_what_spills_is_encrypted(tmp_path: Path) -> None:
    with open_workshop(tmp_path, memory_limit="120MB", threads=2) as con:
        con.execute(f"CREATE TEMP TABLE big AS SELECT '{MARK}' || i AS name, hash(i) AS h FROM range(3000000) t(i)")
        con.execute("CREATE TEMP TABLE sorted AS SELECT * FROM big ORDER BY h")
        spilled = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in spilled) > 10_000_000, "the case does not spill, so it shows nothing"
        assert not [path for path in spilled if MARK.encode() in path.read_bytes()]
    assert list(tmp_path.rglob("*")) == [], "the spill folder goes with the engine"


def test_without_encryption_the_same_case_would_be_found(tmp_path: Path) -> None:
    """The test above can fail: plain DuckDB leaves readable names in its spill files."""
    con = duckdb.connect(config={"temp_directory": str(tmp_path), "memory_limit": "120MB", "threads": 2})
    con.execute("SET temp_file_encryption=false")
    con.execute("PRAGMA disable_checkpoint_on_shutdown")
    con.execute(f"CREATE TEMP TABLE big AS SELECT '{MARK}' || i AS name, hash(i) AS h FROM range(3000000) t(i)")
    con.execute("CREATE TEMP TABLE sorted AS SELECT * FROM big ORDER BY h")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]
    con.close()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{place}/out.csv'",
        "SELECT * FROM read_csv('{place}/in.csv')",
        "ATTACH '{place}/other.db'",
        "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
        "INSTALL spatial",
        "SET enable_external_access=true",
        "SET temp_file_encryption=false",
    ],
)
def test_the_outside_is_closed(tmp_path: Path, statement: str) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n", encoding="utf-8")
    with open_workshop(tmp_path / "engine") as con, pytest.raises(duckdb.Error):
        con.execute(statement.format(place=tmp_path))
    assert not (tmp_path / "out.csv").exists()


def test_tables_handed_over_can_be_read(tmp_path: Path) -> None:
    with open_workshop(tmp_path) as con:
        con.register("given", pa.table({"a": [1, 2]}))
        assert con.execute("SELECT sum(a) FROM given").fetchall() == [(3,)]
