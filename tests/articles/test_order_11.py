"""Order 11: the bereaved family who may ask to stop are the spouse (a de facto one included), children, parents, grandchildren,
grandparents and siblings."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from kiban_operator import keys, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.optouts import BEREAVED, REQUESTER_NAMES, Requester
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
KEY = keys.patient_key(bytes(32), "H001", "0001")


def test_the_relatives_are_these_six() -> None:
    assert {requester.value for requester in BEREAVED} == {"spouse", "child", "parent", "grandchild", "grandparent", "sibling"}
    assert set(Requester) - BEREAVED == {Requester.PERSON, Requester.GUARDIAN}
    assert set(REQUESTER_NAMES) == set(Requester)


@pytest.mark.parametrize("requester", sorted(BEREAVED))
def test_each_of_them_may_ask(session: Session, circumstances: Circumstances, hospital: str, requester: Requester) -> None:
    made = optouts.register(session, circumstances, hospital, KEY, TODAY, "post", requester)
    assert made.requester == requester.value


@pytest.mark.parametrize("requester", ["uncle", "friend", "", "Spouse"])
def test_nobody_else_may(session: Session, circumstances: Circumstances, hospital: str, requester: str) -> None:
    with pytest.raises(Refusal) as refused:
        optouts.register(session, circumstances, hospital, KEY, TODAY, "post", requester)
    assert refused.value.code == "stop-requester-unknown"
