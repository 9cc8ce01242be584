"""A stop from the request to the kept copy: identity, the hospital told, the paper, a withdrawal, and requests whose person is sought."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kiban_operator import daily_clock, dues, optouts, stop_matches, stop_papers
from kiban_operator.optouts import Channel, Form, IdentityCheck, Requester, Stop
from kiban_operator.papers import fonts
from kiban_operator.stop_matches import Said
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
WHO = stop_papers.Particulars("佐々倉 試0", "千葉県千葉市中央区都町0丁目")


@pytest.fixture
def font() -> None:
    try:
        fonts.found()
    except Refusal:
        pytest.skip("no Japanese font on this machine (fonts-noto-cjk)")


@pytest.fixture
def stored(place: Any, tools: Any, tmp_path: Path) -> Any:
    """People 0 to 4 in the vault, 5 held; 0 and 5 share name and birth date (a namesake or the same person: nobody knows)."""
    people = [tools.small(number) for number in range(5)]
    people.append(tools.small(5) | {name: people[0][name] for name in ("name_kanji", "name_kana", "birth_date", "sex")})
    place.notify([{"local_patient_id": one["local_patient_id"], "given_on": "2026-06-01"} for one in people[:5]])
    place.receive(tools.write_submission(tmp_path / "sent", {"patients": people}))
    return place


def standing(place: Any) -> set[str]:
    with place.home.reading() as session:
        return set(optouts.standing_keys(session, place.home.circumstances.today()))


def keys_of(place: Any, tools: Any, *numbers: int) -> set[str]:
    return {place.key("H900", tools.small(number)["local_patient_id"]) for number in numbers}


def first_stop(place: Any, tools: Any) -> str:
    (stop,) = place.stop(tools.small(0)["local_patient_id"])
    return str(stop)


# the paper


def test_no_paper_without_a_check_of_identity_but_the_stop_is_in_force(stored: Any, tools: Any, font: None) -> None:
    stop = first_stop(stored, tools)
    with pytest.raises(Refusal, match="stop-identity-unchecked"):
        stop_papers.deliver(stored.by("OD"), stop, WHO, TODAY, Form.PAPER)
    assert standing(stored) == keys_of(stored, tools, 0)


def checked(place: Any, tools: Any) -> str:
    stop, home = first_stop(place, tools), place.by("OD")
    with home.transaction() as session:
        optouts.check_identity(session, home.circumstances, stop, IdentityCheck.DOCUMENT)
    return stop


def test_the_paper_is_delivered_once_and_its_copy_kept_sealed_for_three_years(stored: Any, tools: Any, font: None) -> None:
    stop = checked(stored, tools)
    made = stop_papers.deliver(stored.by("OD"), stop, WHO, TODAY, Form.PAPER)
    assert made.startswith(b"%PDF-") and stop_papers.copy(stored.by("OD"), stop) == made
    with stored.home.reading() as session:
        kept = session.get_one(stop_papers.StopPaper, stop)
        assert kept.sealed is not None and b"%PDF" not in kept.sealed and kept.keep_until == date(2029, 11, 21)
    with pytest.raises(Refusal, match="acknowledgement-recorded"):
        stop_papers.deliver(stored.by("OD"), stop, WHO, TODAY, Form.PAPER)


def test_a_name_that_cannot_be_printed_leaves_the_request_unacknowledged(stored: Any, tools: Any, font: None) -> None:
    stop = checked(stored, tools)
    with pytest.raises(Refusal, match="glyph-missing"):
        stop_papers.deliver(stored.by("OD"), stop, stop_papers.Particulars("\U0001f9ff", "千葉県"), TODAY, Form.PAPER)
    with stored.home.reading() as session:
        assert [one.id for one in optouts.unacknowledged(session)] == [stop]


def test_an_electronic_record_needs_consent_stored_before(stored: Any, tools: Any, font: None) -> None:
    stop, home = checked(stored, tools), stored.by("OD")
    with pytest.raises(Refusal, match="acknowledgement-without-consent"):
        stop_papers.deliver(home, stop, WHO, TODAY, Form.ELECTRONIC)
    with home.transaction() as session:
        optouts.consent(session, home.circumstances, stop, TODAY)
    assert stop_papers.deliver(home, stop, WHO, TODAY, Form.ELECTRONIC)


def test_the_copy_is_erased_by_the_daily_clock_when_its_time_is_over(stored: Any, tools: Any, font: None) -> None:
    stop = checked(stored, tools)
    stop_papers.deliver(stored.by("OD"), stop, WHO, TODAY, Form.PAPER)
    assert daily_clock.run(stored.day(date(2029, 11, 21)).by("HL")).copies_erased == 0
    assert daily_clock.run(stored.day(date(2029, 11, 22)).by("HL")).copies_erased == 1
    assert daily_clock.run(stored.by("HL")).copies_erased == 0
    with pytest.raises(Refusal, match="acknowledgement-copy-missing"):
        stop_papers.copy(stored.by("OD"), stop)


# clocks


def due(place: Any) -> dict[str, date]:
    with place.home.reading() as session:
        return {one.clock: one.due_on for one in dues.every(session, place.home.circumstances.today())}


def test_a_request_taken_by_the_operator_starts_two_clocks_and_each_is_stopped_by_its_act(stored: Any, tools: Any, font: None) -> None:
    stop, home = checked(stored, tools), stored.by("OD")
    found = due(stored)
    assert found["acknowledgement"] == TODAY + timedelta(days=7) and found["inform-hospital"] == TODAY + timedelta(days=3)
    with home.transaction() as session:
        optouts.inform(session, home.circumstances, stop, TODAY)
    stop_papers.deliver(home, stop, WHO, TODAY, Form.PAPER)
    assert not {"acknowledgement", "inform-hospital"} & due(stored).keys()


def test_a_hospitals_own_request_need_not_be_told_to_it(stored: Any, tools: Any) -> None:
    home = stored.by("OD")
    with home.transaction() as session:
        (key,) = keys_of(stored, tools, 1)
        optouts.register(session, home.circumstances, "H900", key, TODAY, Channel.WINDOW, Requester.PERSON, by_hospital=True)
    assert "acknowledgement" in due(stored) and "inform-hospital" not in due(stored)


# requests without a patient ID


def said(tools: Any, number: int, **changes: str) -> Said:
    one = tools.small(number)
    return Said(**({name: one[name] for name in ("name_kanji", "name_kana", "birth_date")} | changes))


def take(place: Any, what: Said) -> stop_matches.StopMatch:
    return stop_matches.take(place.by("OD"), what, TODAY, Channel.TELEPHONE, Requester.PERSON)


def test_every_candidate_is_stopped_at_once_until_people_have_decided(stored: Any, tools: Any) -> None:
    match = take(stored, said(tools, 0))
    assert {one["patient_key"] for one in match.candidates} == keys_of(stored, tools, 0, 5)
    assert standing(stored) == keys_of(stored, tools, 0, 5)
    right = next(one["stop"] for one in match.candidates if one["patient_key"] in keys_of(stored, tools, 0))
    with pytest.raises(Refusal, match="stop-match-second-person"):
        stop_matches.settle(stored.by("OD"), match.id, [right], "電話で確認")
    stop_matches.settle(_second(stored), match.id, [right], "電話で確認")
    assert standing(stored) == keys_of(stored, tools, 0)
    with stored.home.reading() as session:
        assert session.get_one(stop_matches.StopMatch, match.id).said is None and stop_matches.open_matches(session) == []


def _second(place: Any) -> Any:
    """Another person who may take stops: the hospital liaison."""
    return place.by("HL")


def test_a_released_candidate_is_as_if_it_had_never_been_stopped(stored: Any, tools: Any) -> None:
    match = take(stored, said(tools, 0))
    stop_matches.settle(_second(stored), match.id, [], "いずれでもない")
    assert standing(stored) == set() and stored.admit().withdrawn == {}
    stored.notify([{"local_patient_id": tools.small(5)["local_patient_id"], "given_on": "2026-10-01"}])
    assert stored.admit().admitted == {"patients": 1}, "no new wait is asked of whoever was never meant"


def test_a_persons_own_request_outlives_the_voiding_of_a_match(stored: Any, tools: Any) -> None:
    stored.stop(tools.small(0)["local_patient_id"])
    match = take(stored, said(tools, 0))
    stop_matches.settle(_second(stored), match.id, [], "別の方")
    assert standing(stored) == keys_of(stored, tools, 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name_kanji": "鬼頭試1", "name_kana": ""}, {1}), ({"name_kana": "ｷﾄｳ ﾀﾒｽ", "name_kanji": ""}, {1}),
        ({"birth_date": "", "phone": "043-000-0001"}, {1}), ({"name_kanji": "別名 花", "name_kana": "ベツメイ ハナ"}, set()),
    ],
)  # fmt: skip
def test_candidates_are_found_in_whatever_writing(stored: Any, tools: Any, changes: dict[str, str], expected: set[int]) -> None:
    match = take(stored, said(tools, 1, **changes))
    assert {one["patient_key"] for one in match.candidates} == keys_of(stored, tools, *expected)


def test_nobody_found_is_kept_open_and_sought_again_when_rows_arrive(stored: Any, tools: Any, tmp_path: Path) -> None:
    match = take(stored, said(tools, 7))
    assert match.candidates == []
    stored.receive(tools.write_submission(tmp_path / "later", {"patients": [tools.small(7)]}))
    assert standing(stored) == keys_of(stored, tools, 7), "as soon as they have arrived"
    assert daily_clock.run(stored.by("HL")).stopped_anew == 0
    assert not keys_of(stored, tools, 7) & {row["patient_key"] for row in stored.rows("held", "patients")}


def test_what_was_said_lies_nowhere_in_clear(stored: Any, tools: Any) -> None:
    take(stored, said(tools, 0))
    with stored.home.engine.connect() as connection:
        rows = connection.execute(sa.select(stop_matches.StopMatch.__table__)).all() + connection.execute(sa.select(Stop.__table__)).all()
    assert "佐々倉" not in repr(rows) and "ササクラ" not in repr(rows)


@pytest.mark.parametrize(
    ("what", "code"),
    [(Said(birth_date="1950-01-01"), "too-little"), (Said("鬼頭"), "too-little"), (Said("鬼頭", birth_date="昔"), "birth-unreadable")],
)
def test_too_little_said_is_refused(stored: Any, what: Said, code: str) -> None:
    with pytest.raises(Refusal, match=f"stop-match-{code}"):
        take(stored, what)
