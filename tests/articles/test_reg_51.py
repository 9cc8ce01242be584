"""Reg 51: the document states six items: the request; who asked; when it was received; that it is the document of Act 53(1); when
provision stops; when it is delivered."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from kiban_operator import acknowledgements, hospitals, keys, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.optouts import Requester, Stop
from kiban_processing.refusals import Refusal

TODAY = date(2026, 11, 21)
NAME = "吉田 𠮷子"


@pytest.fixture
def stop(session: Session, circumstances: Circumstances, hospital: str) -> Stop:
    return optouts.register(
        session, circumstances, hospital, keys.patient_key(bytes(32), hospital, "1"), date(2026, 11, 20), "post", "child"
    )


def document(session: Session, stop: Stop, name: str = NAME, particulars: str = "大阪府1-1") -> acknowledgements.Acknowledgement:
    return acknowledgements.build(stop, hospitals.get(session, stop.hospital), name, particulars, TODAY, TODAY)


def test_all_six_items_stand_in_the_document(session: Session, stop: Stop) -> None:
    text = acknowledgements.render(document(session, stop), Requester.CHILD)
    lines = [line for line in text.splitlines() if line[:1].isdigit()]
    assert [line[0] for line in lines] == list("123456")
    assert "停止するよう求めがありました" in lines[0]
    assert NAME in lines[1] and "(子)" in lines[1] and "大阪府1-1" in lines[1]
    assert lines[2].endswith("2026年11月20日")
    assert "法律第53条第1項の書面です" in lines[3]
    assert lines[4].endswith("2026年11月21日") and lines[5].endswith("2026年11月21日")
    assert "北浜病院" in text


@pytest.mark.parametrize(("name", "particulars"), [("", "大阪府1-1"), (NAME, "　")])
def test_a_document_without_an_item_is_not_made(session: Session, stop: Stop, name: str, particulars: str) -> None:
    with pytest.raises(Refusal) as refused:
        document(session, stop, name, particulars)
    assert refused.value.code == "acknowledgement-incomplete"


def test_the_register_has_no_place_for_a_name(stop: Stop) -> None:
    assert not [column.key for column in inspect(Stop).columns if "name" in column.key]
