"""Households that move together: one member's like move supports the other's, a stranger's does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import model

Row = dict[str, object]
MakeTable = Callable[[list[Row]], pa.Table]

BEFORE: Row = {
    "registered_on": date(2008, 5, 1), "postal_code": "220-0012", "address": "横浜市西区みなとみらい2-3-1", "phone": "045-123-4567",
    "insurer_number": "06123457", "insured_symbol": "12", "insured_number": "345",
}  # fmt: skip
AFTER: Row = {
    "registered_on": date(2016, 5, 1), "postal_code": "980-0811", "address": "仙台市青葉区一番町1-2-3", "phone": "022-765-4321",
    "insurer_number": "01130012", "insured_symbol": "77", "insured_number": "9021",
}  # fmt: skip
ELSEWHERE: Row = {**AFTER, "postal_code": "810-0001", "address": "福岡市中央区天神2-8-1", "phone": "092-711-4111", "insured_number": "55"}
KENJI: Row = {"name_kanji": "佐藤　健二", "name_kana": "サトウ　ケンジ", "birth_date": date(1970, 2, 3), "sex": "male"}
YUMI: Row = {"name_kanji": "佐藤　由美", "name_kana": "サトウ　ユミ", "birth_date": date(1972, 8, 21), "sex": "female"}
SHO: Row = {"name_kanji": "佐藤　翔", "name_kana": "サトウ　ショウ", "birth_date": date(2001, 11, 30), "sex": "male"}


def judged(con: duckdb.DuckDBPyConnection, make_table: MakeTable, *rows: Row) -> dict[tuple[str, str], dict[str, object]]:
    registered = [{"registration": f"r{place}", "site_id": f"S{place}", **row} for place, row in enumerate(rows)]
    con.register("handed_in", make_table(registered))
    return {(pair["left"], pair["right"]): pair for pair in model.link(con, "handed_in").pairs.to_pylist()}


def test_alone_a_move_is_a_doubt(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    pair = judged(con, make_table, {**KENJI, **BEFORE}, {**KENJI, **AFTER})["r0", "r1"]
    assert pair["decision"] == "review"
    assert "household:support" not in list(pair["reasons"])  # type: ignore[call-overload]


def test_two_who_moved_alike_support_each_other(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    found = judged(con, make_table, {**KENJI, **BEFORE}, {**KENJI, **AFTER}, {**YUMI, **BEFORE}, {**YUMI, **AFTER})
    for ends in (("r0", "r1"), ("r2", "r3")):
        assert found[ends]["decision"] == "link"
        assert "household:support" in found[ends]["reasons"]  # type: ignore[operator]
        assert sum(found[ends]["weights"]) == pytest.approx(found[ends]["weight"], abs=1e-9)  # type: ignore[call-overload]


def test_more_members_support_more(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    two = judged(con, make_table, *({**who, **place} for who in (KENJI, YUMI) for place in (BEFORE, AFTER)))
    three = judged(con, make_table, *({**who, **place} for who in (KENJI, YUMI, SHO) for place in (BEFORE, AFTER)))
    assert float(str(three["r0", "r1"]["weight"])) > float(str(two["r0", "r1"]["weight"]))


def test_a_move_to_another_place_supports_nothing(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    found = judged(con, make_table, {**KENJI, **BEFORE}, {**KENJI, **AFTER}, {**YUMI, **BEFORE}, {**YUMI, **ELSEWHERE})
    assert {pair["decision"] for ends, pair in found.items() if ends in (("r0", "r1"), ("r2", "r3"))} == {"review"}


def test_a_person_of_the_same_birth_date_supports_nothing(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    """Twins move alike, and so do two registrations of one person: neither is a second witness."""
    twin = {**KENJI, "name_kanji": "佐藤　健一", "name_kana": "サトウ　ケンイチ"}
    found = judged(con, make_table, {**KENJI, **BEFORE}, {**KENJI, **AFTER}, {**twin, **BEFORE}, {**twin, **AFTER})
    assert found["r0", "r1"]["decision"] == found["r2", "r3"]["decision"] == "review"
