"""Act 55(1): on receiving, the operator confirms the hospital's name, address and representative."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from kiban_operator import hospitals, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger.book import EntryRow
from kiban_processing.refusals import Refusal

PARTICULARS = ("南病院", "京都府京都市南区2-2", "院長 南 花子")


@pytest.mark.parametrize("blank", [0, 1, 2])
def test_name_address_and_representative_are_all_needed(session: Session, circumstances: Circumstances, blank: int) -> None:
    given = [" " if number == blank else value for number, value in enumerate(PARTICULARS)]
    with pytest.raises(Refusal) as refused:
        hospitals.register(session, circumstances, "H002", *given)
    assert refused.value.code == "hospital-incomplete"


@pytest.mark.parametrize("id", ["", "H 2", "H/2", "病院", "H" * 21])
def test_the_id_is_one_that_files_and_books_can_carry(session: Session, circumstances: Circumstances, id: str) -> None:
    with pytest.raises(Refusal) as refused:
        hospitals.register(session, circumstances, id, *PARTICULARS)
    assert refused.value.code == "hospital-incomplete"


def test_the_book_does_not_name_the_representative(session: Session, circumstances: Circumstances) -> None:
    hospitals.register(session, circumstances, "H002", *PARTICULARS)
    (entry,) = session.scalars(select(EntryRow)).all()
    assert PARTICULARS[2] not in entry.body.decode()


def test_nothing_is_recorded_for_a_hospital_that_was_not_confirmed(session: Session, circumstances: Circumstances) -> None:
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, "H009", "A", "contract", circumstances.today())
    assert refused.value.code == "hospital-unknown"
