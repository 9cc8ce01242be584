"""Reg 50: after the ministers' publication the hospital publishes promptly; until it has nothing is received."""

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


def test_the_hospital_publishes_after_the_ministers(session: Session, circumstances: Circumstances, hospital: str) -> None:
    programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 1))
    programmes.record(session, circumstances, hospital, "A", "filed", date(2026, 4, 2), "43-1")
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, "A", "own-published", date(2026, 4, 9))
    assert refused.value.code == "programme-step-out-of-order"
    programmes.record(session, circumstances, hospital, "A", "ministers-published", date(2026, 4, 8))
    programme = programmes.record(session, circumstances, hospital, "A", "own-published", date(2026, 4, 9))
    assert programmes.state(programme, TODAY) is State.INSTITUTION_PUBLISHED


def test_with_only_the_ministers_publication_nothing_is_received(adult: Standing) -> None:
    half = replace(adult, programme=replace(adult.programme, own_published_on=None))
    ruling = guard.judge(half, TODAY, {"diagnoses.icd10"})
    assert ruling.ground is not None
    assert ruling.ground.code == "institution-not-published"
