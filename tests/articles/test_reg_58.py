"""Reg 58: receipt records are kept three years, for repeated provision from the last one on."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from kiban_operator import dues
from kiban_operator.submissions import Submission
from kiban_processing.statutes import REG_58


def received(session: Session, number: int, on: datetime) -> None:
    session.add(
        Submission(
            id=f"s-{number}", digest=str(number), hospital="H001", regime="A", period_from=date(2020, 4, 1), period_to=date(2021, 3, 31),
            sent_by="医療情報部", received_at=on, received_by="U", counts={}, damaged_files=[], confirmed={}, items=[], deliveries=[],
        )
    )  # fmt: skip
    session.flush()


@pytest.mark.parametrize(("today", "due"), [(date(2027, 5, 1), []), (date(2029, 5, 1), []), (date(2029, 5, 2), [date(2029, 5, 1)])])
def test_the_three_years_run_from_the_last_provision(session: Session, today: date, due: list[date]) -> None:
    received(session, 1, datetime(2024, 5, 1, 3, tzinfo=UTC))
    received(session, 2, datetime(2026, 5, 1, 3, tzinfo=UTC))
    assert [one.due_on for one in dues.every(session, today) if one.article is REG_58] == due
