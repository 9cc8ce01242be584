"""Reg 13: plan and budget before the fiscal year, report and accounts within three months of its end, and each is shown as due."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from kiban_operator import dues
from kiban_processing.statutes import REG_13


@pytest.mark.parametrize(
    ("today", "plan", "report"),
    [
        (date(2026, 11, 21), date(2027, 3, 31), date(2027, 6, 30)), (date(2027, 3, 31), date(2027, 3, 31), date(2027, 6, 30)),
        (date(2027, 4, 1), date(2028, 3, 31), date(2027, 6, 30)), (date(2027, 6, 30), date(2028, 3, 31), date(2027, 6, 30)),
        (date(2027, 7, 1), date(2028, 3, 31), date(2028, 6, 30)),
    ],
)  # fmt: skip
def test_plans_and_reports_follow_the_fiscal_year(session: Session, today: date, plan: date, report: date) -> None:
    found = {due.clock: due.due_on for due in dues.every(session, today) if due.article is REG_13}
    assert found == {"business-plan": plan, "business-report": report}
