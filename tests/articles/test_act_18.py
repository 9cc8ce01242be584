"""Act 18: medical information is handled for medical research and development only; an application for anything else is refused."""

from __future__ import annotations

import pytest

from kiban_applications.conditions import STATUTORY
from kiban_applications.review import form
from kiban_processing.refusals import Family
from kiban_processing.statutes import ACT_18


def test_advertising_and_insurance_pricing_are_not_research() -> None:
    assert {form.Purpose.ADVERTISING, form.Purpose.INSURANCE_PRICING} == form.NOT_RESEARCH
    assert form.PURPOSE_REFUSED.article is ACT_18
    assert form.PURPOSE_REFUSED.family is Family.LAW


@pytest.mark.parametrize("purpose", list(form.Purpose))
def test_the_purpose_is_chosen_from_a_closed_list(purpose: form.Purpose) -> None:
    assert purpose.value in form.QUESTIONS["purpose_code"].choices


def test_the_contract_limits_use_to_the_approved_purpose() -> None:
    assert "purpose-limit" in {each.kind for each in STATUTORY}
