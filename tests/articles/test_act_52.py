"""Act 52: a hospital may provide a person's medical information only if it has notified that person beforehand of the nine entries and has
filed with the ministers; they publish the filing; a change of items is notified and filed before it takes effect; provision may end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from kiban_operator import guard, notices, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import NoticeGiven, ProgrammeDates, Standing
from kiban_operator.notices import Entries
from kiban_operator.programmes import State
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
TOMORROW = TODAY + timedelta(days=1)


def test_a_notified_person_of_a_hospital_in_order_is_eligible(adult: Standing) -> None:
    ruling = guard.judge(adult, TODAY, ITEMS)
    assert (ruling.eligible, ruling.ground, ruling.version) == (True, None, "v1")
    assert ruling.eligible_on == date(2026, 2, 9)


@pytest.mark.parametrize(
    ("step", "ground"),
    [
        ("contract_on", "contract-not-active"),
        ("form43_filed_on", "filing-not-made"),
        ("ministers_published_on", "ministers-not-published"),
        ("own_published_on", "institution-not-published"),
        ("starts_on", "provision-not-started"),
    ],
)
@pytest.mark.parametrize("on", [None, TOMORROW])
def test_nobody_is_eligible_before_every_step_is_reached(adult: Standing, step: str, ground: str, on: date | None) -> None:
    early = replace(adult, programme=replace(adult.programme, **{step: on}))
    ruling = guard.judge(early, TODAY, ITEMS)
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.curable) == (ground, True)
    assert guard.judge(replace(adult, programme=replace(adult.programme, **{step: TODAY})), TODAY, ITEMS).eligible


def test_nothing_at_all_is_known_and_nobody_is_eligible() -> None:
    assert not guard.judge(Standing(ProgrammeDates()), TODAY, ITEMS).eligible


def test_after_the_end_nothing_more_is_received_but_what_is_held_may_be_used(adult: Standing) -> None:
    ended = replace(adult, programme=replace(adult.programme, ended_on=TODAY))
    ruling = guard.judge(ended, TODAY, ITEMS)
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.curable) == ("programme-ended", False)
    assert guard.judge(ended, TODAY, ITEMS, stored=True).eligible
    assert guard.judge(replace(adult, programme=replace(adult.programme, ended_on=TOMORROW)), TODAY, ITEMS).eligible


def test_a_person_without_notice_is_not_eligible(adult: Standing) -> None:
    ruling = guard.judge(replace(adult, notices=()), TODAY, ITEMS)
    assert ruling.ground is not None
    assert ruling.ground.code == "not-notified"


@pytest.mark.parametrize("filed_on", [None, TOMORROW])
def test_a_notice_with_a_version_that_is_not_filed_is_no_notice(adult: Standing, notice: NoticeGiven, filed_on: date | None) -> None:
    ruling = guard.judge(replace(adult, notices=(replace(notice, filed_on=filed_on),)), TODAY, ITEMS)
    assert ruling.ground is not None
    assert ruling.ground.code == "not-notified"


@pytest.mark.parametrize(
    ("died", "eligible"), [(date(2026, 1, 9), False), (date(2026, 1, 10), False), (date(2026, 1, 11), True), (None, True)]
)
def test_who_died_before_the_notice_or_on_its_day_is_never_eligible(adult: Standing, died: date | None, eligible: bool) -> None:
    ruling = guard.judge(replace(adult, death_date=died), TODAY, ITEMS)
    assert ruling.eligible is eligible
    if ruling.ground is not None:
        assert (ruling.ground.code, ruling.curable) == ("died-before-notice", False)


def test_an_item_added_later_needs_a_notice_that_names_it(adult: Standing, notice: NoticeGiven) -> None:
    more = ITEMS | {"prescriptions.yj_code"}
    ruling = guard.judge(adult, TODAY, more)
    assert ruling.ground is not None
    assert (ruling.ground.code, ruling.curable) == ("item-not-in-notice", True)
    renewed = replace(notice, version="v2", given_on=TODAY - timedelta(days=10), covers=frozenset({"diagnoses.*", "prescriptions.*"}))
    waiting = guard.judge(replace(adult, notices=(notice, renewed)), TODAY, more)
    assert waiting.ground is not None
    assert (waiting.ground.code, waiting.version, waiting.eligible_on) == ("waiting", "v2", TODAY + timedelta(days=20))


def test_while_the_new_notice_waits_the_old_one_still_covers_its_own_items(adult: Standing, notice: NoticeGiven) -> None:
    renewed = replace(notice, version="v2", given_on=TODAY, covers=frozenset({"diagnoses.*", "prescriptions.*"}))
    assert guard.judge(replace(adult, notices=(renewed, notice)), TODAY, ITEMS).version == "v1"


def test_of_two_notices_that_make_eligible_the_one_filed_last_counts(adult: Standing, notice: NoticeGiven) -> None:
    later = replace(notice, version="v0", filed_on=date(2026, 1, 1))
    assert guard.judge(replace(adult, notices=(notice, later)), TODAY, ITEMS).version == "v0"


def test_no_items_are_unknown_items_and_not_eligible(adult: Standing) -> None:
    assert not guard.judge(adult, TODAY, ()).eligible


def test_rows_of_a_patient_without_patient_row_are_not_eligible(adult: Standing) -> None:
    ruling = guard.judge(replace(adult, registered=False), TODAY, ITEMS)
    assert ruling.ground is not None
    assert ruling.ground.code == "not-registered"


ORDER = ("contract", "filed", "ministers-published", "own-published", "starts")


def test_the_steps_are_taken_in_the_order_of_the_law(session: Session, circumstances: Circumstances, hospital: str) -> None:
    for number, step in enumerate(ORDER[1:], start=1):
        with pytest.raises(Refusal) as refused:
            programmes.record(session, circumstances, hospital, "A", step, TODAY, "43-1")
        assert refused.value.code == "programme-step-out-of-order"
        programmes.record(session, circumstances, hospital, "A", ORDER[number - 1], date(2026, 1, number), "43-1")
    programmes.record(session, circumstances, hospital, "A", "starts", date(2026, 1, 9))
    assert programmes.state(programmes.get(session, hospital, "A"), TODAY) is State.PROVIDING


def test_a_step_cannot_be_dated_before_the_one_it_follows(session: Session, circumstances: Circumstances, hospital: str) -> None:
    programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 1))
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, "A", "filed", date(2026, 3, 31), "43-1")
    assert refused.value.code == "programme-step-out-of-order"


def test_a_step_is_recorded_once(session: Session, circumstances: Circumstances, hospital: str) -> None:
    programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 1))
    programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 1))
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, hospital, "A", "contract", date(2026, 4, 2))
    assert refused.value.code == "programme-step-recorded"


def test_what_has_not_happened_is_not_recorded_but_start_and_end_may_be_planned(
    session: Session, circumstances: Circumstances, filed: str
) -> None:
    with pytest.raises(Refusal) as refused:
        programmes.record(session, circumstances, filed, "P", "contract", TOMORROW)
    assert refused.value.code == "programme-step-in-future"
    programme = programmes.record(session, circumstances, filed, "A", "ended", TOMORROW)
    assert programmes.state(programme, TODAY) is State.PROVIDING
    assert programmes.state(programme, TOMORROW) is State.ENDED


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (0, State.DRAFT),
        (1, State.CONTRACTED),
        (2, State.FILED),
        (3, State.MINISTER_PUBLISHED),
        (4, State.INSTITUTION_PUBLISHED),
        (5, State.PROVIDING),
    ],
)
def test_the_state_follows_from_the_steps(steps: int, expected: State) -> None:
    columns = list(programmes.COLUMNS.values())[:steps]
    assert programmes.state(programmes.Programme(**dict.fromkeys(columns, TODAY)), TODAY) is expected


def test_a_filed_version_is_never_changed(session: Session, circumstances: Circumstances, filed: str) -> None:
    with pytest.raises(Refusal) as refused:
        notices.draft(session, circumstances, filed, "A", "v1", Entries(), ["patients.*"])
    assert refused.value.code == "notice-version-fixed"
    with pytest.raises(Refusal) as refused:
        notices.activate(session, circumstances, filed, "A", "v1", TODAY)
    assert refused.value.code == "notice-version-fixed"


def test_a_version_covers_declared_items_only(session: Session, circumstances: Circumstances, hospital: str) -> None:
    for name in ("diagnoses.nothing", "nothing.*", "diagnoses"):
        with pytest.raises(Refusal) as refused:
            notices.draft(session, circumstances, hospital, "A", "v1", Entries(), [name])
        assert refused.value.code == "undeclared-item"
