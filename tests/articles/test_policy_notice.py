"""Basic Policy on notice: thirty days from notice to provision as a guide; where the person is under 16 or lacks capacity, the guardian is
notified too. An unknown birth date counts as under 16: unknown is no."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kiban_operator import guard
from kiban_operator.guard import NoticeGiven, Standing

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
GIVEN = date(2026, 1, 10)


def ground(standing: Standing, today: date = TODAY) -> str | None:
    ruling = guard.judge(standing, today, ITEMS)
    return ruling.ground.code if ruling.ground else None


@pytest.mark.parametrize(("elapsed", "expected"), [(0, "waiting"), (29, "waiting"), (30, None), (31, None)])
def test_thirty_days_pass_from_the_notice(adult: Standing, elapsed: int, expected: str | None) -> None:
    today = GIVEN + timedelta(days=elapsed)
    assert ground(adult, today) == expected
    assert guard.judge(adult, today, ITEMS).eligible_on == GIVEN + timedelta(days=30)


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        (date(2010, 1, 9), None),
        (date(2010, 1, 10), None),  # sixteen on the very day
        (date(2010, 1, 11), "guardian-not-notified"),
        (date(2020, 5, 5), "guardian-not-notified"),
        (None, "guardian-not-notified"),
    ],
)
def test_under_sixteen_at_the_notice_or_of_unknown_age_needs_the_guardian(adult: Standing, born: date | None, expected: str | None) -> None:
    assert ground(replace(adult, birth_date=born)) == expected


def test_it_is_the_age_at_the_notice_that_counts_and_not_today(adult: Standing, notice: NoticeGiven) -> None:
    turned_sixteen_since = replace(adult, birth_date=date(2010, 3, 1))
    assert ground(turned_sixteen_since) == "guardian-not-notified"
    assert ground(replace(turned_sixteen_since, notices=(replace(notice, given_on=date(2026, 3, 1)),))) is None


def test_without_capacity_the_guardian_is_needed_at_any_age(adult: Standing, notice: NoticeGiven) -> None:
    assert ground(replace(adult, notices=(replace(notice, lacks_capacity=True),))) == "guardian-not-notified"
    assert ground(replace(adult, notices=(replace(notice, lacks_capacity=True, guardian_given_on=GIVEN),))) is None


def test_the_period_runs_from_the_later_of_both_notices(adult: Standing, notice: NoticeGiven) -> None:
    both = replace(notice, guardian_given_on=GIVEN + timedelta(days=50))
    child = replace(adult, birth_date=date(2020, 1, 1), notices=(both,))
    ruling = guard.judge(child, GIVEN + timedelta(days=79), ITEMS)
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.eligible_on) == ("waiting", GIVEN + timedelta(days=80))
    assert ground(child, GIVEN + timedelta(days=80)) is None


def test_a_child_who_died_between_both_notices_was_not_fully_notified(adult: Standing, notice: NoticeGiven) -> None:
    both = replace(notice, guardian_given_on=GIVEN + timedelta(days=50))
    child = replace(adult, birth_date=date(2020, 1, 1), notices=(both,))
    assert ground(replace(child, death_date=GIVEN + timedelta(days=20))) == "died-before-notice"
    assert ground(replace(child, death_date=GIVEN + timedelta(days=51))) is None


def test_a_guardian_notified_without_need_delays_nothing(adult: Standing, notice: NoticeGiven) -> None:
    assert ground(replace(adult, notices=(replace(notice, guardian_given_on=TODAY),))) is None
