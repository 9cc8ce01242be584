"""Act 14: the operator keeps books, enters what the ministerial order says, and preserves them: nothing entered is changed or taken out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds


def enter(session: Session, circumstances: Circumstances, hospital: str) -> book.Entry:
    return book.append(session, circumstances, kinds.HOSPITAL_REGISTERED, f"hospital/{hospital}", {"hospital": hospital})


@pytest.mark.parametrize("statement", ["UPDATE ledger_entries SET kind = 'x'", "DELETE FROM ledger_entries"])
def test_what_is_entered_is_not_changed(session: Session, circumstances: Circumstances, statement: str) -> None:
    enter(session, circumstances, "H001")
    with pytest.raises(IntegrityError, match="insert-only"):
        session.execute(sa.text(statement))


def test_a_correction_is_a_further_entry(session: Session, circumstances: Circumstances) -> None:
    wrong = enter(session, circumstances, "H001")
    facts = {"corrects": wrong.seq, "reason": "番号の誤り"}
    corrected = book.append(session, circumstances, kinds.CORRECTION, "hospital/H001", facts)
    assert corrected.prev == wrong.seq
    assert [entry.kind for entry in book.entries(session, aggregate="hospital/H001")] == ["hospital.registered", "correction"]
