"""Buckets and person indexes: no row is lost or doubled by dividing a table, and an index never says no of somebody who is in the file."""

from __future__ import annotations

from hashlib import sha256

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_operator import buckets, erased_files, person_index, vault
from kiban_operator.home import Home
from kiban_operator.vault import Shelf
from kiban_processing.catalogue.tables import TABLES

TABLE = TABLES["diagnoses"]


def key(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()[:32]


def rows(first: int, keys: list[str]) -> pa.RecordBatch:
    schema = vault.schema(TABLE)
    values = {"patient_key": keys, "source_row": list(range(first, first + len(keys))), "hospital": ["H1"] * len(keys)}
    return pa.record_batch(
        [pa.array(values[field.name], field.type) if field.name in values else pa.nulls(len(keys), field.type) for field in schema],
        schema=schema,
    )


def spread(home: Home) -> buckets.Spread:
    return buckets.spread(
        home, Shelf.VAULT, hospital="H1", regime="A", table=TABLE.name, submission="s-1", schema=vault.schema(TABLE)
    )  # fmt: skip


@given(st.lists(st.integers(0, 1 << 128), min_size=1, max_size=300, unique=True), st.lists(st.integers(0, 1 << 128), max_size=50))
def test_an_index_never_says_no_of_somebody_in_it(held: list[int], others: list[int]) -> None:
    keys = [f"{each % (1 << 128):032x}" for each in held]
    marks = person_index.marks(pa.array(keys))
    assert marks is not None and [int(key[:16], 16) for key in keys] == marks.tolist()
    index = person_index.build(np.unique(marks))
    assert person_index.may_hold(index, marks).all()
    wanted = person_index.marks(pa.array([f"{each % (1 << 128):032x}" for each in others], pa.string()))
    assert wanted is not None and len(person_index.may_hold(index, wanted)) == len(others)


def test_an_index_seldom_says_yes_of_anybody_else() -> None:
    held, others = ([key(each) for each in numbers] for numbers in (range(20_000), range(50_000, 150_000)))
    marks, wanted = person_index.marks(pa.array(held)), person_index.marks(pa.array(others))
    assert marks is not None and wanted is not None
    index = person_index.build(np.unique(marks))
    assert len(index) == 2 * 20_000
    assert person_index.may_hold(index, wanted).mean() < 0.002


@pytest.mark.parametrize("strange", ["k1", "K" * 32, "g" * 32, "é" * 16])
def test_of_a_key_that_is_no_keyed_hash_nothing_is_told(strange: str) -> None:
    assert person_index.marks(pa.array([key(1), strange])) is None
    collected = person_index.Collected()
    collected.add(pa.array([key(1)]))
    collected.add(pa.array([strange]))
    assert collected.index() is None


def test_slices_of_an_array_are_read_where_they_begin() -> None:
    keys = pa.array([key(each) for each in range(10)])
    whole, part = person_index.marks(keys), person_index.marks(keys.slice(3, 4))
    assert whole is not None and part is not None and part.tolist() == whole[3:7].tolist()


def test_a_small_table_is_one_file(home: Home) -> None:
    made = spread(home)
    made.write(rows(0, [key(each) for each in range(100)]))
    with home.transaction() as session:
        buckets.record(session, home, made)
        (file,) = vault.files(session, Shelf.VAULT)
        assert (file.rows, file.bucket) == (100, None)
        index = vault.index_of(session, home, file)
        assert index is not None and len(index) == 200


def test_a_large_table_is_divided_and_every_row_is_there_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "UNDIVIDED_ROWS", 1_000)
    monkeypatch.setattr(buckets, "GATHERED_BYTES", 100_000)
    made = spread(home)
    for start in range(0, 20_000, 700):
        made.write(rows(start, [key(each % 5_000) for each in range(start, min(start + 700, 20_000))]))
    assert made.rows == 20_000
    assert buckets.together([made], ["source_row"]).count_rows() == 20_000
    with home.transaction() as session:
        buckets.record(session, home, made)
    with home.transaction() as session, duckdb.connect() as con:
        files = vault.files(session, Shelf.VAULT)
        assert {file.bucket for file in files} == {None, *range(person_index.BUCKETS)}
        assert [file.rows for file in files if file.bucket is None] == [700]
        vault.register(con, session, home, TABLE, "seen")
        found = con.execute("SELECT source_row, patient_key FROM seen ORDER BY source_row").fetchall()
        assert found == [(each, key(each % 5_000)) for each in range(20_000)]
        for file in files:
            names = vault.opened(session, home, file).to_table(["patient_key"]).column(0).combine_chunks()
            marks = person_index.marks(names)
            index = vault.index_of(session, home, file)
            assert marks is not None and index is not None and person_index.may_hold(index, marks).all()
            assert file.bucket is None or set(person_index.bucket(marks).tolist()) == {file.bucket}


def test_a_table_given_up_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "UNDIVIDED_ROWS", 10)
    made = spread(home)
    made.write(rows(0, [key(each) for each in range(5)]))
    made.write(rows(5, [key(each) for each in range(500)]))
    made.close()
    assert len(list(home.core.rglob("*.parquet"))) > 10
    made.discard()
    assert not list(home.core.rglob("*.parquet"))


def test_a_destroyed_file_keeps_no_index(home: Home) -> None:
    made = spread(home)
    made.write(rows(0, [key(1)]))
    with home.transaction() as session:
        buckets.record(session, home, made)
    with home.transaction() as session:
        (file,) = vault.files(session, Shelf.VAULT)
        vault.destroy(session, home, file, "E-1")
    with home.transaction() as session:
        kept = session.get_one(vault.VaultFile, file.id)
        assert kept.person_index is None and kept.erasure == "E-1"
        assert erased_files.count(session) == 1
