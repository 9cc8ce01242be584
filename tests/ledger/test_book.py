"""The book on SQLite and PostgreSQL: in the caller's transaction, dense, insert-only, and never backwards."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from kiban_operator import database
from kiban_operator.ledger import book, guards, kinds, merkle
from kiban_processing.refusals import Refusal

SEALED = {"counterpart_name": "別の事業者", "counterpart_address": "京都市", "counterpart_identifier": "3"}
EXCHANGE = {"direction": "to", "exchanged_on": "2026-11-20", "items": ["patients"]}


def write(desk: Any, number: int = 1) -> book.Entry:
    return desk.write("p-data", kinds.HOSPITAL_REGISTERED, f"hospital/H{number:03}", {"hospital": f"H{number:03}"})  # type: ignore[no-any-return]


def entries(desk: Any, **choice: Any) -> list[book.Entry]:
    with database.transaction(desk.engine) as session:
        return book.entries(session, **choice)


def test_entry_is_canonical_and_complete(desk: Any) -> None:
    write(desk)
    entry = desk.write("p-data", kinds.OPERATOR_EXCHANGE, "exchange/X-1", EXCHANGE, SEALED)
    value = json.loads(entry.body)
    assert list(value) == ["actor", "aggregate", "at", "facts", "kind", "prev", "seal" + "ed", "seq", "v"]
    assert value["at"] == "2026-11-20T09:02:00+09:00"
    assert (value["seq"], value["prev"], value["v"], value["actor"]) == (1, None, 1, "p-data")
    assert entry.body == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert entry.leaf == sha256(b"\x00" + entry.body).digest()
    assert "別の事業者" not in entry.body.decode()


def test_sealed_texts_open_their_commitments_and_can_be_erased_after_three_years(desk: Any) -> None:
    entry = desk.write("p-data", kinds.OPERATOR_EXCHANGE, "exchange/X-1", EXCHANGE, SEALED)
    with database.transaction(desk.engine) as session:
        assert book.reveal(session, entry.seq) == SEALED
        for row in session.scalars(sa.select(book.RevealRow)):
            assert len(row.salt) == book.SALT_SIZE
            assert entry.sealed[row.field] == row.commitment == f"c:{sha256(row.salt + SEALED[row.field].encode()).hexdigest()}"
    assert len(set(entry.sealed.values())) == 3
    assert book.kept_until(entry) == date(2029, 11, 20)
    desk.clock = datetime(2029, 11, 20, 14, 59, tzinfo=UTC)  # the last minute of the last day in Japan
    with pytest.raises(Refusal, match="ledger-line-kept"), database.transaction(desk.engine) as session:
        book.erase_reveal(session, desk.circumstances("p-data"), entry.seq, "counterpart_name")
    desk.clock += timedelta(minutes=1)
    with database.transaction(desk.engine) as session:
        book.erase_reveal(session, desk.circumstances("p-data"), entry.seq, "counterpart_name")
        assert book.reveal(session, entry.seq).keys() == SEALED.keys() - {"counterpart_name"}
    with pytest.raises(Refusal, match="ledger-nothing-sealed"), database.transaction(desk.engine) as session:
        book.erase_reveal(session, desk.circumstances("p-data"), entry.seq, "counterpart_name")
    assert entries(desk)[0].body == entry.body


def test_text_of_another_entry_can_be_erased_at_once(desk: Any) -> None:
    facts = {"document": "sha256:" + "0" * 64}
    entry = desk.write("p-user", kinds.APPLICATION_SUBMITTED, "application/A-1", facts, {"applicant_name": "申請者"})
    assert book.kept_until(entry) is None
    with database.transaction(desk.engine) as session:
        book.erase_reveal(session, desk.circumstances("p-data"), entry.seq, "applicant_name")
        assert book.reveal(session, entry.seq) == {}


def test_entries_are_chosen_by_aggregate_kind_and_number(desk: Any) -> None:
    for number in (1, 2, 1):
        write(desk, number)
    desk.write("p-data", kinds.STOPS_REGISTERED, "hospital/H001", {"hospital": "H001", "count": 1})
    assert [(e.seq, e.prev) for e in entries(desk)] == [(0, None), (1, None), (2, 0), (3, 2)]
    assert [e.seq for e in entries(desk, aggregate="hospital/H001")] == [0, 2, 3]
    assert [e.seq for e in entries(desk, kind=kinds.STOPS_REGISTERED)] == [3]
    assert [e.seq for e in entries(desk, kind="hospital.registered", since=1)] == [1, 2]


def test_stored_subtrees_give_the_root_of_the_bodies(desk: Any) -> None:
    for number in range(11):
        write(desk, number)
        with database.transaction(desk.engine) as session:
            leaves = [merkle.leaf_hash(entry.body) for entry in book.entries(session)]
            table = merkle.levels(leaves)
            assert merkle.root(number + 1, book.reader(session)) == merkle.root(number + 1, lambda i, j, t=table: t[i][j])  # type: ignore[misc]


def test_rolled_back_change_leaves_no_entry(desk: Any) -> None:
    write(desk)

    class Stop(Exception):
        pass

    with pytest.raises(Stop), database.transaction(desk.engine) as session:
        book.append(session, desk.circumstances("p-data"), kinds.OPERATOR_EXCHANGE, "exchange/X-1", EXCHANGE, SEALED)
        assert book.size(session) == 2
        raise Stop
    with database.transaction(desk.engine) as session:
        assert book.size(session) == 1
        for table in (book.RevealRow, book.NodeRow):
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    assert write(desk).seq == 1


def test_time_never_runs_backwards(desk: Any) -> None:
    write(desk)
    desk.clock -= timedelta(minutes=2)
    with pytest.raises(Refusal) as refusal:
        write(desk)
    assert refusal.value.code == "ledger-clock-back"
    assert "2026" in refusal.value.read("ja")
    desk.clock = entries(desk)[0].at - timedelta(minutes=1)
    assert write(desk).at == entries(desk)[0].at  # the same second is no step back


@pytest.mark.parametrize(
    ("aggregate", "facts", "sealed"),
    [
        ("hospital/H001", {}, None),
        ("hospital/H001", {"hospital": "H001", "patient": "x"}, None),
        ("hospital/H001", {"hospital": ""}, None),
        ("hospital/H001", {"hospital": "H001"}, {"name": "x"}),
        ("release/H001", {"hospital": "H001"}, None),
        ("hospital/", {"hospital": "H001"}, None),
        ("hospital", {"hospital": "H001"}, None),
    ],
)
def test_entry_that_is_not_as_declared_is_a_bug(desk: Any, aggregate: str, facts: dict[str, object], sealed: dict[str, str] | None) -> None:
    with pytest.raises(kinds.Undeclared):
        desk.write("p-data", kinds.HOSPITAL_REGISTERED, aggregate, facts, sealed)
    assert entries(desk) == []


def test_unknown_kind_missing_seal_no_actor_and_too_long_are_bugs(desk: Any) -> None:
    with pytest.raises(kinds.Undeclared):
        desk.write("p-data", "hospital.unheard-of", "hospital/H001", {"hospital": "H001"})
    with pytest.raises(kinds.Undeclared, match="sealed field counterpart_address"):
        desk.write("p-data", kinds.OPERATOR_EXCHANGE, "exchange/X-1", EXCHANGE, {k: v for k, v in SEALED.items() if "address" not in k})
    with pytest.raises(kinds.Undeclared, match="actor"):
        desk.write("", kinds.HOSPITAL_REGISTERED, "hospital/H001", {"hospital": "H001"})
    with pytest.raises(kinds.Undeclared, match="bytes"):
        items = [f"item-{number:06}" for number in range(6000)]
        desk.write("p-data", kinds.OPERATOR_EXCHANGE, "exchange/X-1", EXCHANGE | {"items": items}, SEALED)
    assert entries(desk) == []


CHANGES = [
    "UPDATE ledger_entries SET kind = 'x'",
    "UPDATE ledger_entries SET seq = seq + 10",
    "DELETE FROM ledger_entries",
    "UPDATE ledger_nodes SET level = 9",
    "DELETE FROM ledger_nodes",
    "UPDATE ledger_checkpoints SET note = 'x'",
    "DELETE FROM ledger_checkpoints",
    "INSERT INTO ledger_entries (seq, body, leaf, kind, aggregate) SELECT 9, body, leaf, kind, aggregate FROM ledger_entries WHERE seq = 0",
    "INSERT INTO ledger_entries (seq, body, leaf, kind, aggregate) SELECT 0, body, leaf, kind, aggregate FROM ledger_entries WHERE seq = 1",
    "INSERT INTO ledger_nodes (level, idx, hash) SELECT level, idx, hash FROM ledger_nodes",
    "INSERT INTO ledger_checkpoints (size, note, at) SELECT size, note, at FROM ledger_checkpoints",
]
ONLY = {
    "sqlite": [
        "INSERT OR REPLACE INTO ledger_entries (seq, body, leaf, kind, aggregate) "
        "SELECT 0, body, leaf, 'x', aggregate FROM ledger_entries WHERE seq = 1",
        "INSERT OR REPLACE INTO ledger_nodes (level, idx, hash) SELECT level, idx, hash FROM ledger_nodes",
        "REPLACE INTO ledger_checkpoints (size, note, at) SELECT size, 'x', at FROM ledger_checkpoints",
    ],
    "postgresql": [
        "TRUNCATE ledger_entries",
        "TRUNCATE ledger_nodes, ledger_checkpoints",
        "INSERT INTO ledger_nodes (level, idx, hash) SELECT level, idx, hash FROM ledger_nodes "
        "ON CONFLICT (level, idx) DO UPDATE SET hash = excluded.hash",
    ],
}


def test_triggers_refuse_every_change(desk: Any) -> None:
    for number in range(4):
        write(desk, number)
    desk.sign()
    before = entries(desk)
    for statement in CHANGES + ONLY[desk.engine.dialect.name]:
        with pytest.raises(DatabaseError, match="the ledger"), desk.engine.begin() as connection:
            connection.execute(sa.text(statement))
    assert entries(desk) == before
    assert write(desk).seq == 4


def test_triggers_for_a_migration_are_those_of_the_tables(desk: Any, tmp_path: Path) -> None:
    """The statements of `TRIGGERS`, run by hand on bare tables, protect as `create_all` does."""
    if desk.engine.dialect.name == "postgresql":
        write(desk)
        with desk.engine.begin() as connection:
            for table in guards.INSERT_ONLY:
                for function in ("refuse", "next"):
                    connection.execute(sa.text(f"DROP FUNCTION {table}_{function} CASCADE"))
            connection.execute(sa.text("UPDATE ledger_entries SET kind = kind"))  # nothing protects it now
            for statement in guards.TRIGGERS["postgresql"]:
                connection.exec_driver_sql(statement)
        with pytest.raises(DatabaseError, match="the ledger"), desk.engine.begin() as connection:
            connection.execute(sa.text("UPDATE ledger_entries SET kind = kind"))
        return
    bare = database.connect(f"sqlite:///{tmp_path / 'bare.db'}")
    with bare.begin() as connection, desk.engine.begin() as original:
        made = original.execute(sa.text("SELECT type, sql FROM sqlite_master WHERE name LIKE 'ledger%' AND sql IS NOT NULL")).all()
        for kind, sql in made:
            if kind == "table":
                connection.execute(sa.text(sql))
        for statement in guards.TRIGGERS["sqlite"]:
            connection.exec_driver_sql(statement)
        same = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
    assert sorted(same) == sorted(sql for kind, sql in made if kind == "trigger")
    bare.dispose()


def test_many_writers_give_a_dense_book(desk: Any) -> None:
    threads, each = 6, 8
    failures: list[BaseException] = []
    lock = threading.Lock()

    def clock() -> datetime:
        with lock:
            desk.clock += timedelta(seconds=1)
            return desk.clock  # type: ignore[no-any-return]

    def work(number: int) -> None:
        circumstances = database_circumstances(desk, clock)
        try:
            for _ in range(each):
                with database.transaction(desk.engine) as session:
                    facts = {"hospital": f"H{number:03}"}
                    book.append(session, circumstances, kinds.HOSPITAL_REGISTERED, f"hospital/H{number:03}", facts)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    written = entries(desk)
    assert [entry.seq for entry in written] == list(range(threads * each))
    for number in range(threads):
        own = [entry for entry in written if entry.aggregate == f"hospital/H{number:03}"]
        assert [entry.prev for entry in own] == [None, *(entry.seq for entry in own[:-1])]
    desk.sign()


def database_circumstances(desk: Any, clock: Any) -> Any:
    from dataclasses import replace

    return replace(desk.circumstances("p-data"), clock=clock)
