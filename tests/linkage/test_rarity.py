"""Names are judged rare or common by their parts, and only as far as a file of its size can show it."""

from __future__ import annotations

import duckdb
import pytest

from kiban_processing.linkage import namesakes


def carriers(con: duckdb.DuckDBPyConnection, registrations: int, held: int, surname: int | None, given: int | None) -> float:
    sides = ", ".join(
        f"{'NULL' if count is None else count}::INTEGER AS {column}_{side}"
        for column, count in (("kanji_held", held), ("surname_held", surname), ("given_held", given))
        for side in "lr"
    )
    return float(con.execute(f"SELECT {namesakes.carriers('kanji_held', registrations)} FROM (SELECT {sides})").fetchall()[0][0])


def test_a_name_of_rare_parts_is_rare(con: duckdb.DuckDBPyConnection) -> None:
    assert carriers(con, 1_000_000, 1, 12, 30) < 0.01 < 1.0 < carriers(con, 1_000_000, 1, 4_000, 900)


def test_a_second_bearer_counts_for_little_where_the_parts_promise_nobody(con: duckdb.DuckDBPyConnection) -> None:
    rare, common = carriers(con, 1_000_000, 2, 3, 5), carriers(con, 1_000_000, 2, 4_000, 900)
    assert rare < namesakes.CLASSES[0] < 1.0 < common


@pytest.mark.parametrize("registrations", [2, 20, 200])
def test_a_small_file_calls_no_name_rare(con: duckdb.DuckDBPyConnection, registrations: int) -> None:
    assert carriers(con, registrations, 1, 1, 1) > namesakes.CLASSES[0] * namesakes.RAREST * 4


def test_a_name_that_nobody_could_part_is_not_taken_for_rare(con: duckdb.DuckDBPyConnection) -> None:
    assert carriers(con, 1_000_000, 1, None, None) >= namesakes.CLASSES[0]


def test_more_bearers_are_never_fewer_carriers(con: duckdb.DuckDBPyConnection) -> None:
    seen = [carriers(con, 100_000, held, 40, 25) for held in (1, 2, 3, 9, 40)]
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)
