"""Reg 49: the ministers publish the filing on the internet without delay; until they have nothing is received."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from kiban_operator import guard, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import Standing
from kiban_operator.programmes import State
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)


def test_there_is_no_publication_before_the_filing(session: Session, circumstances: Circumstances, hospital: str) -> None:
    programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 1))
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, "A", "ministers-published", date(2026, 4, 9))
    assert refused.value.code == "programme-step-out-of-order"
    programmes.record(session, circumstances, hospital, "A", "filed", date(2026, 4, 2), "43-1")
    programme = programmes.record(session, circumstances, hospital, "A", "ministers-published", date(2026, 4, 9))
    assert programmes.state(programme, TODAY) is State.MINISTER_PUBLISHED


def test_what_was_filed_but_not_published_opens_nothing(adult: Standing) -> None:
    ruling = guard.judge(replace(adult, programme=replace(adult.programme, ministers_published_on=None)), TODAY, {"diagnoses.icd10"})
    assert ruling.ground is not None
    assert ruling.ground.code == "ministers-not-published"
