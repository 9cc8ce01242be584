"""Act 53: on a request to stop, provision stops and a document is delivered without delay; an electromagnetic record may replace it only if
the requester agreed beforehand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from kiban_operator import database, guard, home, keys, optouts, vault
from kiban_operator.circumstances import Circumstances
from kiban_operator.optouts import Form, Stop
from kiban_operator.registers import GROUNDS
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
SECRET = bytes(range(32))
HEADER = "local_patient_id,requested_on,channel,requester\n"


def key(local_id: str) -> str:
    return keys.patient_key(SECRET, "H001", local_id)


def stop(session: Session, circumstances: Circumstances, local_id: str = "0001") -> Stop:
    return optouts.register(session, circumstances, "H001", key(local_id), TODAY, "window", "person")


def stopped(session: Session, local_id: str, regime: str = "A", today: date = TODAY) -> bool:
    return guard.standing_of(session, "H001", regime, key(local_id), today, date(1950, 1, 1), None).stopped


def test_a_request_bites_at_once_for_both_regimes_and_that_person_only(
    session: Session, circumstances: Circumstances, hospital: str
) -> None:
    assert not stopped(session, "0001")
    stop(session, circumstances)
    assert stopped(session, "0001", "A")
    assert stopped(session, "0001", "P")
    assert not stopped(session, "0002")


def test_a_request_for_one_regime_leaves_the_other(session: Session, circumstances: Circumstances, hospital: str) -> None:
    optouts.register(session, circumstances, hospital, key("0001"), TODAY, "post", "person", "P")
    assert stopped(session, "0001", "P")
    assert not stopped(session, "0001", "A")


def test_the_document_is_due_and_then_delivered_once(session: Session, circumstances: Circumstances, hospital: str) -> None:
    made = stop(session, circumstances)
    assert [each.id for each in optouts.unacknowledged(session)] == [made.id]
    assert made.acknowledge_by == TODAY + timedelta(days=7)
    optouts.acknowledge(session, circumstances, made.id, TODAY, Form.PAPER)
    assert optouts.unacknowledged(session) == []
    with pytest.raises(Refusal) as refused:
        optouts.acknowledge(session, circumstances, made.id, TODAY, Form.PAPER)
    assert refused.value.code == "acknowledgement-recorded"


@pytest.mark.parametrize("consented_on", [None, TODAY + timedelta(days=1)])
def test_an_electronic_document_needs_consent_given_before(
    session: Session, circumstances: Circumstances, hospital: str, consented_on: date | None
) -> None:
    made = stop(session, circumstances)
    if consented_on is not None:
        made.consented_on = consented_on
    with pytest.raises(Refusal) as refused:
        optouts.acknowledge(session, circumstances, made.id, TODAY, Form.ELECTRONIC)
    assert refused.value.code == "acknowledgement-without-consent"
    assert made.acknowledged_on is None
    optouts.consent(session, circumstances, made.id, TODAY)
    optouts.acknowledge(session, circumstances, made.id, TODAY, Form.ELECTRONIC)
    assert made.acknowledged_on == TODAY


def test_the_same_request_again_is_the_same_request(session: Session, circumstances: Circumstances, hospital: str) -> None:
    assert stop(session, circumstances).id == stop(session, circumstances).id


def test_a_request_after_a_withdrawal_on_the_same_day_stops_again(session: Session, circumstances: Circumstances, hospital: str) -> None:
    optouts.withdraw(session, circumstances, stop(session, circumstances).id, TODAY)
    assert not stopped(session, "0001")
    stop(session, circumstances)
    assert stopped(session, "0001")


def test_a_withdrawal_is_dated_between_the_request_and_today(session: Session, circumstances: Circumstances, hospital: str) -> None:
    made = stop(session, circumstances)
    for on, code in (
        (TODAY - timedelta(days=1), "stop-withdrawn-before-request"),
        (TODAY + timedelta(days=1), "stop-date-future"),
    ):
        with pytest.raises(Refusal) as refused:
            optouts.withdraw(session, circumstances, made.id, on)
        assert refused.value.code == code
    optouts.withdraw(session, circumstances, made.id, TODAY)
    optouts.withdraw(session, circumstances, made.id, TODAY)


def test_one_relative_withdrawing_leaves_the_request_of_another(session: Session, circumstances: Circumstances, hospital: str) -> None:
    first = optouts.register(session, circumstances, hospital, key("0001"), TODAY, "post", "spouse")
    optouts.register(session, circumstances, hospital, key("0001"), TODAY, "post", "child")
    optouts.withdraw(session, circumstances, first.id, TODAY)
    assert stopped(session, "0001")


def test_a_list_of_requests_is_taken_over_and_again_changes_nothing(
    session: Session, circumstances: Circumstances, hospital: str, tmp_path: Path
) -> None:
    path = tmp_path / "stops.csv"
    path.write_text(HEADER + "0001,R8.11.1,window,person\n０００２,2026/11/02,post,spouse\n", encoding="cp932")
    report = optouts.import_stops(session, circumstances, hospital, path, SECRET)
    assert (report.rows, report.added, report.repeated, report.rejected, report.findings.num_rows) == (2, 2, 0, 0, 0)
    assert stopped(session, "0001")
    assert stopped(session, "0002")  # written in full width, the same patient
    again = optouts.import_stops(session, circumstances, hospital, path, SECRET)
    assert (again.rows, again.added, again.repeated) == (2, 0, 2)


def test_a_formal_fault_never_loses_a_request(session: Session, circumstances: Circumstances, hospital: str, tmp_path: Path) -> None:
    path = tmp_path / "stops.csv"
    path.write_text(
        HEADER + "0001,,window,person\n0002,yesterday,window,person\n0003,2027-01-01,fax,uncle\n,2026-11-01,window,person\n0005,x\n",
        encoding="utf-8-sig",
    )
    report = optouts.import_stops(session, circumstances, hospital, path, SECRET)
    assert all(stopped(session, local_id) for local_id in ("0001", "0002", "0003"))
    assert (report.rows, report.added, report.rejected) == (5, 3, 2)
    assert [(line["row"], line["column"], line["rule"]) for line in report.findings.to_pylist()] == [
        (1, "requested_on", "register-date-missing"),
        (2, "requested_on", "register-date-unreadable"),
        (3, "channel", "register-value-unknown"),
        (3, "requested_on", "register-date-future"),
        (3, "requester", "register-value-unknown"),
        (4, "local_patient_id", "register-id-missing"),
        (5, None, "register-row-width"),
    ]
    assert set(report.by_rule()) <= set(GROUNDS)


def test_a_withdrawn_request_in_an_old_list_does_not_come_back_but_an_undated_one_bites(
    session: Session, circumstances: Circumstances, hospital: str, tmp_path: Path
) -> None:
    path = tmp_path / "stops.csv"
    path.write_text(HEADER + "0001,2026-11-01,window,person\n", encoding="utf-8")
    optouts.import_stops(session, circumstances, hospital, path, SECRET)
    made = session.scalars(select(Stop)).one()
    optouts.withdraw(session, circumstances, made.id, date(2026, 11, 10))
    optouts.import_stops(session, circumstances, hospital, path, SECRET)
    assert not stopped(session, "0001")
    path.write_text(HEADER + "0001,,window,person\n", encoding="utf-8")
    optouts.import_stops(session, circumstances, hospital, path, SECRET)
    assert stopped(session, "0001")


def test_the_register_knows_patients_by_key_alone(session: Session, circumstances: Circumstances, hospital: str) -> None:
    with pytest.raises(Refusal) as refused:
        optouts.register(session, circumstances, hospital, "0001", TODAY, "window", "person")
    assert refused.value.code == "patient-key-malformed"
    assert "0001" not in str(refused.value)


def test_an_id_typed_at_the_desk_in_full_width_meets_the_patient(circumstances: Circumstances, tmp_path: Path) -> None:
    opened = home.create(tmp_path / "home", home.Settings("基盤機構", "example.jp/kiban"), circumstances)
    database.Base.metadata.create_all(opened.engine)
    with opened.transaction() as session:
        typed, filed = vault.local_patient_keys(session, opened, "H001", [" ００１２－３ ", "0012-3"])
        with pytest.raises(Refusal) as refused:
            vault.local_patient_keys(session, opened, "H001", ["　"])
    opened.engine.dispose()
    assert typed == filed
    assert refused.value.code == "register-id-missing"
