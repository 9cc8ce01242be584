"""Eligibility told ahead: what the forecast says of held rows is what the clock then admits, and one person's answer names the clause."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from kiban_operator import forecast, personal_eligibility
from kiban_processing.refusals import Refusal


@pytest.fixture
def held(place: Any, tools: Any, tmp_path: Path) -> Any:
    """People 0 to 5: 0 notified long ago, 1 and 2 lately on two days, 3 never, 4 a child without guardian, 5 never."""
    people = [tools.small(number) for number in range(6)]
    people[4]["birth_date"] = "2020-01-01"
    given = {0: "2026-06-01", 1: "2026-11-10", 2: "2026-11-20", 4: "2026-06-01"}
    place.notify([{"local_patient_id": people[number]["local_patient_id"], "given_on": day} for number, day in given.items()])
    diagnoses = [tools.diagnosis(number, row["local_patient_id"]) for number, row in enumerate(people)]
    place.receive(tools.write_submission(tmp_path / "sent", {"patients": people, "diagnoses": diagnoses}))
    return place


def test_the_forecast_tells_days_and_what_is_lacking(held: Any) -> None:
    (found,) = forecast.look_ahead(held.by("HL"))
    assert {day: (due.persons, due.rows) for day, due in found.by_day.items()} == {date(2026, 12, 10): (1, 2), date(2026, 12, 20): (1, 2)}
    assert {ground: due.persons for ground, due in found.lacking.items()} == {"guardian-not-notified": 1, "not-notified": 2}


def test_what_was_foretold_is_what_the_clock_admits(held: Any) -> None:
    (found,) = forecast.look_ahead(held.by("HL"))
    for day, due in sorted(found.by_day.items()):
        assert sum(held.day(day - timedelta(days=1)).admit().admitted.values()) == 0
        assert sum(held.day(day).admit().admitted.values()) == due.rows
    assert held.admit().admitted == {}
    (left,) = forecast.look_ahead(held.by("HL"))
    assert not left.by_day and left.lacking == found.lacking


def test_nothing_waits_and_nothing_is_foretold(place: Any) -> None:
    assert forecast.look_ahead(place.by("HL")) == []


def ask(place: Any, tools: Any, number: int, **more: Any) -> personal_eligibility.Answer:
    return personal_eligibility.ask(place.by("OD"), "H900", "A", tools.small(number)["local_patient_id"], **more)


@pytest.mark.parametrize(
    ("number", "lacking"), [(0, None), (1, "waiting"), (4, "guardian-not-notified"), (5, "not-notified"), (99, "not-registered")]
)
def test_one_answer_names_the_first_clause_that_stands_in_the_way(held: Any, tools: Any, number: int, lacking: str | None) -> None:
    answer = ask(held, tools, number)
    assert answer.eligible is (lacking is None)
    assert next((clause.code for clause in answer.clauses if not clause.holds), None) == lacking
    for language in ("ja", "en"):
        assert answer.sentence(language)


def test_a_waiting_person_is_told_the_day_and_is_eligible_on_it(held: Any, tools: Any) -> None:
    answer = ask(held, tools, 1)
    assert answer.eligible_on == date(2026, 12, 10) and "2026-12-10" in answer.sentence("ja")
    assert not ask(held, tools, 1, on=date(2026, 12, 9)).eligible and ask(held, tools, 1, on=date(2026, 12, 10)).eligible


def test_a_stop_is_the_answer_at_once(held: Any, tools: Any) -> None:
    held.stop(tools.small(0)["local_patient_id"])
    answer = ask(held, tools, 0)
    assert [clause.code for clause in answer.clauses if not clause.holds] == ["stopped"]


def test_a_table_that_does_not_exist_is_refused(held: Any, tools: Any) -> None:
    with pytest.raises(Refusal, match="undeclared-item"):
        ask(held, tools, 0, table="letters")
