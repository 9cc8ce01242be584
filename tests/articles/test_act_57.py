"""Act 57: provision for pseudonymised information needs its own notice, filing and publication; those under Act 52 do not serve for it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from kiban_operator import guard, keys, notices, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.notice_register import Notice
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
KEY = keys.patient_key(bytes(32), "H001", "0001")
STEPS = ("contract", "filed", "ministers-published", "own-published", "starts")


def notify(session: Session, hospital: str, regime: str, version: str) -> None:
    session.add(
        Notice(
            hospital=hospital,
            regime=regime,
            patient_key=KEY,
            version=version,
            given_on=date(2026, 1, 10),
            means="paper",
            lacks_capacity=False,
            recorded_at=datetime(2026, 1, 11, tzinfo=UTC),
            recorded_by="U",
        )
    )
    session.flush()


def ground(session: Session, hospital: str, regime: str) -> str | None:
    standing = guard.standing_of(session, hospital, regime, KEY, TODAY, date(1950, 1, 1), None)
    ruling = guard.judge(standing, TODAY, ITEMS)
    return ruling.ground.code if ruling.ground else None


def test_a_filing_and_notice_under_the_one_regime_do_not_serve_for_the_other(
    session: Session, circumstances: Circumstances, filed: str
) -> None:
    notify(session, filed, "A", "v1")
    assert ground(session, filed, "A") is None
    assert ground(session, filed, "P") == "contract-not-active"
    for step in STEPS:
        programmes.record(session, circumstances, filed, "P", step, date(2026, 1, 1), "43-0002")
    assert ground(session, filed, "P") == "not-notified"
    filed_entries = notices.Entries(**notices.get(session, filed, "A", "v1").entries)
    notices.draft(session, circumstances, filed, "P", "v1", filed_entries, ["diagnoses.*"])
    notices.activate(session, circumstances, filed, "P", "v1", date(2026, 1, 1))
    assert ground(session, filed, "P") == "not-notified"
    notify(session, filed, "P", "v1")
    assert ground(session, filed, "P") is None


@pytest.mark.parametrize("regime", ["", "L", "a", "AP"])
def test_there_is_no_other_regime(session: Session, circumstances: Circumstances, hospital: str, regime: str) -> None:
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, regime, "contract", TODAY)
    assert refused.value.code == "regime-unknown"
