"""The vault: nothing readable without its key, nothing recorded before its transaction, erased by its key alone."""

from __future__ import annotations

import os
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kiban_operator import vault
from kiban_operator.home import Home
from kiban_operator.vault import Shelf
from kiban_operator.workshop import open_workshop
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.refusals import Refusal

NAME = "架空　太郎"
PATIENTS = TABLES["patients"]


def batch(submission: str, rows: list[tuple[int, str, str]], table: str = "patients") -> pa.RecordBatch:
    """Rows (source_row, patient_key, name) of one submission."""
    schema = vault.schema(TABLES[table])
    values = {
        "hospital": ["H1"] * len(rows),
        "regime": ["A"] * len(rows),
        "submission": [submission] * len(rows),
        "source_file": ["a.csv"] * len(rows),
        "source_row": [row[0] for row in rows],
        "patient_key": [row[1] for row in rows],
        "local_patient_id": [row[1] for row in rows],
        "name_kanji": [row[2] for row in rows],
        "birth_date": [date(1960, 1, 2)] * len(rows),
    }
    arrays = [pa.array(values[field.name], field.type) if field.name in values else pa.nulls(len(rows), field.type) for field in schema]
    return pa.record_batch(arrays, schema=schema)


def store(home: Home, submission: str, rows: list[tuple[int, str, str]]) -> vault.VaultFile:
    sealing = vault.seal(
        home, Shelf.VAULT, hospital="H1", regime="A", table="patients", submission=submission, schema=vault.schema(PATIENTS)
    )
    sealing.write(batch(submission, rows))
    with home.transaction() as session:
        kept = vault.record(session, home, sealing)
    assert kept is not None
    return kept


def read(home: Home) -> list[tuple[str, str]]:
    with open_workshop(home.core / "engine") as con, home.transaction() as session:
        vault.register(con, session, home, PATIENTS, "p")
        return [(row[0], row[1]) for row in con.execute("SELECT patient_key, name_kanji FROM p ORDER BY ALL").fetchall()]


def test_what_was_recorded_is_read_back(home: Home) -> None:
    store(home, "s-1", [(1, "a", NAME), (2, "b", NAME)])
    assert read(home) == [("a", NAME), ("b", NAME)]


def test_a_file_is_unreadable_without_its_key(home: Home) -> None:
    kept = store(home, "s-1", [(1, "a", NAME)])
    path = home.path / kept.path
    content = path.read_bytes()
    for encoding in ("utf-8", "cp932", "utf-16-le"):
        assert NAME.encode(encoding) not in content
    assert b"name_kanji" not in content, "the schema is encrypted too"
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(path)


def test_a_file_under_another_name_does_not_open(home: Home) -> None:
    """The key binds the file's own ID: files cannot be swapped for one another."""
    first, second = store(home, "s-1", [(1, "a", NAME)]), store(home, "s-2", [(1, "b", NAME)])
    (home.path / first.path).write_bytes((home.path / second.path).read_bytes())
    with pytest.raises((OSError, duckdb.Error, pa.ArrowException)):
        read(home)


def test_an_unrecorded_file_does_not_exist(home: Home) -> None:
    sealing = vault.seal(home, Shelf.VAULT, hospital="H1", regime="A", table="patients", submission="s-1", schema=vault.schema(PATIENTS))
    sealing.write(batch("s-1", [(1, "a", NAME)]))
    sealing.close()
    assert sealing.path.exists()
    assert read(home) == []
    sealing.discard()
    assert not sealing.path.exists()


def test_a_rolled_back_record_leaves_no_key(home: Home) -> None:
    sealing = vault.seal(home, Shelf.VAULT, hospital="H1", regime="A", table="patients", submission="s-1", schema=vault.schema(PATIENTS))
    sealing.write(batch("s-1", [(1, "a", NAME)]))
    with pytest.raises(RuntimeError), home.transaction() as session:
        vault.record(session, home, sealing)
        raise RuntimeError
    assert read(home) == []
    with home.transaction() as session, pytest.raises(Refusal):
        home.keyring.open(session, f"file/{sealing.id}")


def test_destroying_the_key_erases_every_copy(home: Home) -> None:
    kept = store(home, "s-1", [(1, "a", NAME)])
    with home.transaction() as session:
        path = vault.destroy(session, home, session.merge(kept))
    assert path.exists(), "the bytes may still lie somewhere"
    assert read(home) == []
    with home.transaction() as session, pytest.raises(Refusal) as refused:
        home.keyring.open(session, f"file/{kept.id}")
    assert refused.value.code == "key-missing"


def test_a_corrected_row_of_a_later_submission_is_the_one_that_counts(home: Home) -> None:
    store(home, "s-1", [(1, "a", "旧　姓"), (2, "b", NAME)])
    store(home, "s-2", [(1, "a", "新　姓")])
    assert read(home) == [("a", "新　姓"), ("b", NAME)]


def test_an_empty_file_leaves_nothing(home: Home) -> None:
    sealing = vault.seal(home, Shelf.HELD, hospital="H1", regime="A", table="patients", submission="s-1", schema=vault.schema(PATIENTS))
    with home.transaction() as session:
        assert vault.record(session, home, sealing) is None
    assert not list(home.receive.rglob("*.parquet"))


def test_events_do_not_keep_the_local_patient_id() -> None:
    for name, table in TABLES.items():
        assert ("local_patient_id" in vault.schema(table).names) == (name == "patients")


def test_the_daily_clock_sweeps_what_a_crash_left_and_nothing_else(home: Home) -> None:
    kept = store(home, "s-1", [(1, "a", NAME)])
    left = [vault.folder_of(home, Shelf.HELD) / "s-1" / f"f-{age}.parquet" for age in ("old", "young")]
    now = home.circumstances.now().timestamp()
    for path, seconds in zip(left, (90_000, 3_600), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"noise")
        os.utime(path, (now - seconds, now - seconds))
    os.utime(home.path / kept.path, (now - 90_000, now - 90_000))
    with home.transaction() as session:
        assert vault.sweep(session, home) == 1
    assert [path.exists() for path in left] == [False, True]
    assert read(home) == [("a", NAME)]
