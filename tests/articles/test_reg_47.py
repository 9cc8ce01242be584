"""Reg 47: a request to stop may be made in writing, orally or by any other method."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from kiban_operator import keys, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.optouts import Channel
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
KEY = keys.patient_key(bytes(32), "H001", "0001")


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_is_accepted(session: Session, circumstances: Circumstances, hospital: str, channel: Channel) -> None:
    assert optouts.register(session, circumstances, hospital, KEY, TODAY, channel, "person").channel == channel.value


def test_a_channel_that_is_none_of_these_is_asked_for_again(session: Session, circumstances: Circumstances, hospital: str) -> None:
    with pytest.raises(Refusal) as refused:
        optouts.register(session, circumstances, hospital, KEY, TODAY, "fax", "person")
    assert refused.value.code == "stop-channel-unknown"


def test_a_request_can_be_received_long_after_it_was_made_but_not_before(
    session: Session, circumstances: Circumstances, hospital: str
) -> None:
    made = optouts.register(session, circumstances, hospital, KEY, TODAY - timedelta(days=400), "post", "person")
    assert optouts.received_on(made) == TODAY - timedelta(days=400)
    with pytest.raises(Refusal) as refused:
        optouts.register(session, circumstances, hospital, KEY, TODAY + timedelta(days=1), "post", "person")
    assert refused.value.code == "stop-date-future"
