"""People's decisions win over the model, and contradictions among them are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from kiban_processing.linkage import model
from kiban_processing.linkage.decided import DECISIONS
from kiban_processing.refusals import Refusal

Row = dict[str, object]
MakeTable = Callable[[list[Row]], pa.Table]

HANAKO: Row = {
    "registered_on": date(2021, 4, 1), "name_kanji": "高橋　花子", "name_kana": "タカハシ　ハナコ", "birth_date": date(1971, 5, 3), "sex": "female",
    "postal_code": "220-0012", "address": "神奈川県横浜市西区みなとみらい2丁目3番1号", "phone": "045-123-4567",
}  # fmt: skip
MOVED: Row = {**HANAKO, "postal_code": "980-0811", "address": "宮城県仙台市青葉区一番町1-2-3", "phone": "022-765-4321"}
STRANGER: Row = {**MOVED, "name_kanji": "鈴木　茂", "name_kana": "スズキ　シゲル", "birth_date": date(1950, 1, 30), "sex": "male"}


def linked(con: duckdb.DuckDBPyConnection, make_table: MakeTable, rows: list[Row], decisions: list[tuple[str, str, bool]]) -> model.Linked:
    registered = [{"registration": f"r{place}", "site_id": f"S{place}", **row} for place, row in enumerate(rows)]
    con.register("handed_in", make_table(registered))
    columns = list(zip(*decisions, strict=True)) or [[], [], []]
    return model.link(con, "handed_in", decisions=pa.table([list(column) for column in columns], schema=DECISIONS))


def persons(outcome: model.Linked) -> list[set[str]]:
    found: dict[str, set[str]] = {}
    for registration, cluster in zip(*(outcome.clusters.column(name).to_pylist() for name in ("registration", "cluster")), strict=True):
        found.setdefault(cluster, set()).add(registration)
    return sorted(found.values(), key=min)


def test_a_doubt_settled_as_one_person_joins(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert persons(linked(con, make_table, [HANAKO, MOVED], [])) == [{"r0"}, {"r1"}]
    outcome = linked(con, make_table, [HANAKO, MOVED], [("r1", "r0", True)])
    assert persons(outcome) == [{"r0", "r1"}]
    assert outcome.pairs.column("reasons").to_pylist()[0].count("rule:settled-same") == 1


def test_a_link_settled_as_two_persons_parts(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert persons(linked(con, make_table, [HANAKO, HANAKO], [])) == [{"r0", "r1"}]
    outcome = linked(con, make_table, [HANAKO, HANAKO], [("r0", "r1", False)])
    assert persons(outcome) == [{"r0"}, {"r1"}]
    assert "rule:settled-apart" in outcome.pairs.column("reasons").to_pylist()[0]


def test_a_chain_around_a_settled_pair_does_not_join_it(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    found = persons(linked(con, make_table, [HANAKO, HANAKO, HANAKO], [("r0", "r2", False)]))
    assert not any({"r0", "r2"} <= person for person in found)


def test_a_pair_the_model_never_compared_can_be_settled(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    outcome = linked(con, make_table, [HANAKO, STRANGER], [("r0", "r1", True)])
    assert persons(outcome) == [{"r0", "r1"}]
    pair = outcome.pairs.to_pylist()[0]
    assert sum(pair["weights"]) == pytest.approx(pair["weight"], abs=1e-9)


def test_a_decision_about_a_registration_that_is_gone_does_not_act(con: duckdb.DuckDBPyConnection, make_table: MakeTable) -> None:
    assert persons(linked(con, make_table, [HANAKO, MOVED], [("r0", "r9", True), ("r8", "r9", False)])) == [{"r0"}, {"r1"}]


@pytest.mark.parametrize(
    "decisions",
    [
        [("r0", "r1", True), ("r1", "r0", False)],
        [("r0", "r1", True), ("r1", "r2", True), ("r0", "r2", False)],
    ],
)
def test_contradicting_decisions_are_refused(
    decisions: list[tuple[str, str, bool]], con: duckdb.DuckDBPyConnection, make_table: MakeTable
) -> None:
    with pytest.raises(Refusal) as refused:
        linked(con, make_table, [HANAKO, MOVED, STRANGER], decisions)
    assert refused.value.code == "linkage-decisions-contradict"
    assert con.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
