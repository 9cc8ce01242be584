"""Reg 56: the hospital declares its name, address and representative; what was confirmed before and is identical need not be confirmed again."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from kiban_operator import hospitals
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger.book import EntryRow
from kiban_processing.refusals import Refusal

PARTICULARS = ("南病院", "京都府京都市南区2-2", "院長 南 花子")


def test_identical_particulars_need_no_second_confirmation(session: Session, circumstances: Circumstances) -> None:
    first = hospitals.register(session, circumstances, "H002", *PARTICULARS)
    assert hospitals.register(session, circumstances, "H002", *PARTICULARS) is first
    assert len(session.scalars(select(EntryRow)).all()) == 1


def test_other_particulars_are_a_change_to_be_confirmed(session: Session, circumstances: Circumstances) -> None:
    hospitals.register(session, circumstances, "H002", *PARTICULARS)
    changed = (*PARTICULARS[:2], "院長 北 次郎")
    with pytest.raises(Refusal) as refused:
        hospitals.register(session, circumstances, "H002", *changed)
    assert refused.value.code == "hospital-differs"
    assert hospitals.amend(session, circumstances, "H002", *changed).representative == "院長 北 次郎"
    assert [hospital.id for hospital in hospitals.list_all(session)] == ["H002"]
