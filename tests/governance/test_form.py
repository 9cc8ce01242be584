"""The application's form: complete or refused by the field's name; purpose, items and places by rule."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kiban_applications.review import form
from kiban_processing.catalogue.tables import qualified_items
from kiban_processing.permitted import BY_KIND, Treatment
from kiban_processing.refusals import Refusal

ANSWERS: dict[str, Any] = {
    "title": "高血圧の治療実態",
    "purpose": "降圧薬の選択と転帰の関係を明らかにする",
    "purpose_code": "clinical-research",
    "methods": "コホート研究",
    "minimality": "主要な項目だけを用いる",
    "no_harm": "集団を不利に扱わない",
    "items": [{"item": "patients.sex", "reason": "層別"}],
    "period_from": "2020-04-01",
    "period_to": date(2026, 3, 31),
    "recipient_class": "academia",
    "delivery_form": "visiting",
    "custodians": [{"person": "p-1", "place": "研究棟", "prefecture": "13"}],
    "term_from": "2026-04-01",
    "term_to": "2027-03-31",
    "publication": "学術誌",
    "security": list(form.SECURITY),
    "not_disqualified": True,
}


def code(**changed: Any) -> tuple[str, Any]:
    with pytest.raises(Refusal) as caught:
        form.complete({**ANSWERS, **changed})
    return caught.value.code, caught.value.particulars.get("field")


def test_a_complete_form_is_typed() -> None:
    complete = form.complete(ANSWERS)
    assert complete.purpose_code is form.Purpose.CLINICAL_RESEARCH
    assert complete.approved_items == {"patients.sex"}
    assert (complete.period_from, complete.period_to) == (date(2020, 4, 1), date(2026, 3, 31))
    assert set(ANSWERS) == set(form.QUESTIONS)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_each_missing_field_is_named_in_both_languages(name: str) -> None:
    answers = {key: value for key, value in ANSWERS.items() if key != name}
    with pytest.raises(Refusal) as caught:
        form.complete(answers)
    assert (caught.value.code, caught.value.particulars["field"]) == ("form-incomplete", name)
    assert form.QUESTIONS[name].label.ja in caught.value.read("ja")
    assert form.QUESTIONS[name].label.en in caught.value.read("en")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "  "),
        ("purpose_code", "curiosity"),
        ("period_from", "2020/04/01"),
        ("period_to", "2019-01-01"),
        ("term_to", "2020-01-01"),
        ("recipient_class", None),
        ("items", []),
        ("items", "patients.sex"),
        ("security", list(form.SECURITY[:-1])),
        ("not_disqualified", "true"),
        ("custodians", [{}]),
    ],
)
def test_a_wrong_answer_is_refused_by_its_field(name: str, value: Any) -> None:
    refusal, field = code(**{name: value})
    assert refusal == "form-incomplete"
    assert str(field).partition("[")[0] == name


def test_a_row_of_a_list_is_named_by_its_place() -> None:
    rows = [{"item": "patients.sex", "reason": "層別"}, {"item": "patients.birth_date", "reason": ""}]
    assert code(items=rows) == ("form-incomplete", "items[2].reason")


@pytest.mark.parametrize("purpose", sorted(form.NOT_RESEARCH))
def test_what_is_not_medical_research_is_refused(purpose: str) -> None:
    assert code(purpose_code=purpose)[0] == "purpose-not-research"


def test_every_purpose_has_its_name_and_an_answer() -> None:
    assert set(form.PURPOSE_NAMES) == set(form.Purpose)
    for purpose in set(form.Purpose) - form.NOT_RESEARCH:
        assert form.complete({**ANSWERS, "purpose_code": purpose.value}).purpose_code is purpose


def test_every_item_of_the_catalogue_is_open_to_a_wish_or_refused_by_its_kind() -> None:
    for name, item in qualified_items():
        rows = [{"item": name, "reason": "理由"}]
        if BY_KIND[item.kind] == {Treatment.REMOVE}:
            assert code(items=rows)[0] == "item-never-provided"
        else:
            assert form.complete({**ANSWERS, "items": rows}).approved_items == {name}


def test_an_item_outside_the_catalogue_is_refused() -> None:
    assert code(items=[{"item": "patients.shoe_size", "reason": "理由"}])[0] == "undeclared-item"


@pytest.mark.parametrize("prefecture", ["00", "48", "1", "Tokyo"])
def test_places_of_use_are_in_japan(prefecture: str) -> None:
    assert code(custodians=[{"person": "p-1", "place": "研究棟", "prefecture": prefecture}])[0] == "place-outside-japan"


def test_a_draft_may_be_incomplete_but_not_unknown() -> None:
    assert form.draft({"title": "仮", "term_to": date(2026, 1, 1)}) == {"title": "仮", "term_to": "2026-01-01"}
    with pytest.raises(Refusal) as caught:
        form.draft({"colour": "blue"})
    assert caught.value.code == "unknown-question"
