"""Act 56: the operator must not receive medical information that was not notified or filed, or for which a stop was requested; what
slipped in is found (the 2022 incident)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from sqlalchemy.orm import Session

from kiban_operator import guard, keys, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import NoticeGiven, Standing
from kiban_operator.notice_register import Notice

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
SECRET = bytes(range(32))


def ground(standing: Standing) -> tuple[str | None, bool]:
    ruling = guard.judge(standing, TODAY, ITEMS)
    return (ruling.ground.code if ruling.ground else None), ruling.curable


def test_a_stop_bars_whoever_is_otherwise_eligible(adult: Standing) -> None:
    assert ground(replace(adult, stopped=True)) == ("stopped", False)
    assert not guard.judge(replace(adult, stopped=True), TODAY, ITEMS, stored=True).eligible


def test_after_a_withdrawal_an_earlier_notice_does_not_count_nor_one_of_the_same_day(adult: Standing, notice: NoticeGiven) -> None:
    given = notice.given_on
    assert ground(replace(adult, withdrawn_on=given)) == ("notice-before-withdrawal", True)
    assert ground(replace(adult, withdrawn_on=given + timedelta(days=90))) == ("notice-before-withdrawal", True)
    assert ground(replace(adult, withdrawn_on=given - timedelta(days=1))) == (None, True)


def test_a_notice_after_the_withdrawal_starts_a_new_wait(adult: Standing, notice: NoticeGiven) -> None:
    renewed = replace(notice, given_on=TODAY - timedelta(days=29))
    ruling = guard.judge(replace(adult, withdrawn_on=TODAY - timedelta(days=60), notices=(renewed,)), TODAY, ITEMS)
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.eligible_on) == ("waiting", TODAY + timedelta(days=1))


def key(number: int) -> str:
    return keys.patient_key(SECRET, "H001", f"{number:04}")


@pytest.fixture
def vault(session: Session, filed: str) -> duckdb.DuckDBPyConnection:
    """Three patients as the vault would show them; the third was never notified: a loader let it through."""
    now = {"recorded_at": datetime(2026, 1, 1, tzinfo=UTC), "recorded_by": "U"}
    for number in (1, 2):
        session.add(
            Notice(
                hospital=filed,
                regime="A",
                patient_key=key(number),
                version="v1",
                given_on=date(2026, 1, 10),
                means="paper",
                lacks_capacity=False,
                **now,
            )
        )
    session.flush()
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE patients (hospital VARCHAR, regime VARCHAR, submission VARCHAR, patient_key VARCHAR, sex VARCHAR, birth_date DATE, death_date DATE)"
    )
    con.execute("CREATE TABLE diagnoses (hospital VARCHAR, regime VARCHAR, submission VARCHAR, patient_key VARCHAR, icd10 VARCHAR)")
    con.execute("CREATE TABLE deaths (hospital VARCHAR, regime VARCHAR, submission VARCHAR, patient_key VARCHAR, death_date DATE)")
    for number in (1, 2, 3):
        con.execute("INSERT INTO patients VALUES ('H001', 'A', 'S-1', ?, 'male', DATE '1950-01-01', NULL)", [key(number)])
        con.execute("INSERT INTO diagnoses SELECT 'H001', 'A', 'S-1', ?, 'C50' FROM range(?)", [key(number), number])
    return con


STORED = {"patients": "patients", "diagnoses": "diagnoses", "deaths": "deaths"}


def asked(con: duckdb.DuckDBPyConnection, session: Session, today: date = TODAY) -> list[tuple[str, str, int, int, bool]]:
    found = guard.standing_query(con, session, today, STORED)
    return [(each.table, each.ground, each.rows, each.persons, each.breach) for each in found]


def test_rows_of_a_person_never_notified_are_found_in_store(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    assert asked(vault, session) == [("diagnoses", "not-notified", 3, 1, True), ("patients", "not-notified", 1, 1, True)]
    for table in ("patients", "diagnoses"):
        vault.execute(f"DELETE FROM {table} WHERE patient_key = ?", [key(3)])
    assert asked(vault, session) == []


def test_rows_of_a_patient_without_patient_row_are_found_in_store(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    vault.execute("DELETE FROM patients WHERE patient_key IN (?, ?)", [key(2), key(3)])
    assert asked(vault, session) == [("diagnoses", "not-registered", 5, 2, True)]


def test_rows_loaded_under_the_other_regime_are_found_in_store(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    vault.execute("UPDATE diagnoses SET regime = 'P' WHERE patient_key = ?", [key(2)])
    vault.execute("DELETE FROM diagnoses WHERE patient_key = ?", [key(3)])
    vault.execute("DELETE FROM patients WHERE patient_key = ?", [key(3)])
    assert asked(vault, session) == [("diagnoses", "contract-not-active", 2, 1, True)]


def test_a_death_told_later_that_lies_before_the_notice_is_found(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    vault.execute("DELETE FROM diagnoses WHERE patient_key <> ?", [key(1)])
    vault.execute("DELETE FROM patients WHERE patient_key <> ?", [key(1)])
    vault.execute("INSERT INTO deaths VALUES ('H001', 'A', 'S-2', ?, DATE '2025-12-31')", [key(1)])
    assert {(table, ground) for table, ground, *_ in asked(vault, session)} >= {
        ("diagnoses", "died-before-notice"),
        ("patients", "died-before-notice"),
    }


def test_an_item_that_no_notice_names_is_found_by_submission(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    vault.execute("CREATE TABLE procedures (hospital VARCHAR, regime VARCHAR, submission VARCHAR, patient_key VARCHAR, k_code VARCHAR)")
    vault.execute("INSERT INTO procedures VALUES ('H001', 'A', 'S-1', ?, NULL), ('H001', 'A', 'S-2', ?, 'K610')", [key(1), key(2)])
    found = guard.standing_query(
        vault, session, TODAY, {"patients": "patients", "procedures": "procedures"}, {("S-1", "procedures"): ["k_code"]}
    )
    assert ("procedures", "item-not-in-notice", 2) in [(each.table, each.ground, each.rows) for each in found]


@pytest.mark.parametrize("column", ["hospital", "regime", "submission", "patient_key"])
def test_rows_that_do_not_say_where_they_come_from_are_found(session: Session, vault: duckdb.DuckDBPyConnection, column: str) -> None:
    for table in ("patients", "diagnoses"):
        vault.execute(f"DELETE FROM {table} WHERE patient_key = ?", [key(3)])
    assert asked(vault, session) == []
    vault.execute("INSERT INTO diagnoses VALUES ('H001', 'A', 'S-1', ?, NULL)", [key(1)])
    vault.execute(f"UPDATE diagnoses SET {column} = NULL WHERE icd10 IS NULL")
    found = asked(vault, session)
    # A missing submission alone hides nothing: the row is judged on its own columns, of which it has none.
    expected = "item-not-in-notice" if column == "submission" else "not-registered"
    assert found == [("diagnoses", expected, 1, 1, True)]


def test_a_regime_that_does_not_exist_is_found(session: Session, vault: duckdb.DuckDBPyConnection) -> None:
    vault.execute("UPDATE diagnoses SET regime = 'X' WHERE patient_key = ?", [key(1)])
    assert ("diagnoses", "not-registered", 1, 1, True) in asked(vault, session)


def test_a_stop_that_came_later_is_shown_but_is_no_breach(
    session: Session, circumstances: Circumstances, vault: duckdb.DuckDBPyConnection
) -> None:
    optouts.register(session, circumstances, "H001", key(1), TODAY, "telephone", "person")
    assert ("diagnoses", "stopped", 1, 1, False) in asked(vault, session)


def test_the_digest_names_the_state_of_the_registers(session: Session, circumstances: Circumstances, filed: str) -> None:
    before = guard.register_digest(session)
    assert before == guard.register_digest(session)
    made = optouts.register(session, circumstances, filed, key(1), TODAY, "post", "person")
    after = guard.register_digest(session)
    optouts.withdraw(session, circumstances, made.id, TODAY)
    assert len({before, after, guard.register_digest(session)}) == 3
