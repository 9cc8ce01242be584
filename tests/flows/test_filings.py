"""Filings and publication: what a new version changes, what the law then asks for, and the papers made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import pytest

from kiban_operator import hospitals, notice_changes, notices, programmes, publication
from kiban_operator.notices import Entries
from kiban_operator.papers import filings
from kiban_processing.language import LANGUAGES
from kiban_processing.refusals import Refusal

HOSPITAL, FIRST, SECOND = "H900", "H900-A-1", "H900-A-2"
ON = date(2026, 11, 20)
ENTRIES = Entries(*["試験の通知文"] * 9)
COVERED = ("patients.*", "deaths.*", "encounters.*", "diagnoses.*")


@pytest.fixture
def draft(place: Any) -> Callable[..., Any]:
    """Draft a second version that differs as told from the first."""

    def drafted(covers: tuple[str, ...] = COVERED, wait_days: int = 30, **changes: str) -> Any:
        home = place.by("HL")
        with home.transaction() as session:
            notices.draft(session, home.circumstances, HOSPITAL, "A", SECOND, replace(ENTRIES, **changes), covers, wait_days)
        return home

    return drafted


def compared(home: Any) -> notice_changes.Changes:
    with home.reading() as session:
        return notice_changes.compare(session, HOSPITAL, "A", FIRST, SECOND)


@pytest.mark.parametrize(
    ("entry", "item", "requirement"),
    [
        ("institution", 1, "notify-and-file-after"), ("purpose", 2, "not-changeable"), ("items", 3, "notify-and-file-before"),
        ("acquisition", 4, "notify-and-file-before"), ("provision", 5, "notify-and-file-before"), ("stopping", 6, "not-changeable"),
        ("receiving", 7, "notify-and-file-before"), ("updating", 8, "notify-and-file-before"), ("starting", 8, "notify-and-file-before"),
    ],
)  # fmt: skip
def test_each_of_the_nine_entries_asks_for_what_the_act_says(draft: Callable[..., Any], entry: str, item: int, requirement: str) -> None:
    (change,) = compared(draft(**{entry: "別の文"})).changes
    assert (change.entry, change.item, change.requirement.value) == (entry, item, requirement)


def test_every_entry_has_its_item() -> None:
    assert set(notice_changes.ITEMS) == set(asdict(ENTRIES)) | {"covers", "wait_days"}


def test_one_more_data_item_needs_a_new_notice_to_everybody_who_has_the_old_one(draft: Callable[..., Any], place: Any, tools: Any) -> None:
    place.notify([{"local_patient_id": tools.small(number)["local_patient_id"], "given_on": "2026-06-01"} for number in range(3)])
    home = draft(covers=(*COVERED, "prescriptions.yj_code"))
    place.notify([{"local_patient_id": tools.small(0)["local_patient_id"], "given_on": "2026-11-01"}], version=SECOND)
    changes = compared(home)
    assert changes.needs_notice_before and changes.items_added == ("prescriptions.yj_code",) and changes.to_notify == 2


def test_a_version_that_changes_what_cannot_be_changed_is_not_filed(draft: Callable[..., Any]) -> None:
    home = draft(stopping="停止しません")
    with pytest.raises(Refusal, match="notice-item-unchangeable"), home.transaction() as session:
        notices.activate(session, home.circumstances, HOSPITAL, "A", SECOND, ON)


def test_a_version_that_changes_the_rest_is_filed(draft: Callable[..., Any]) -> None:
    home = draft(receiving="電話でも受け付けます")
    with home.transaction() as session:
        assert notices.activate(session, home.circumstances, HOSPITAL, "A", SECOND, ON).filed_on == ON


# papers


def gathered(home: Any, version: str = FIRST, **more: Any) -> dict[str, Any]:
    with home.reading() as session:
        return filings.gather(session, HOSPITAL, "A", version, ON, **more)


def test_the_form_names_all_nine_entries_and_who_files(place: Any) -> None:
    form = gathered(place.by("HL"))
    assert form["form"].startswith("様式第四十三") and len(form["entries"]) == 10 and "架空試験病院" in "".join(form["sender"])
    assert "第52条第1項" in form["opening"] and form["dated"] == "令和8年11月20日"


def test_an_agent_files_form_44(place: Any) -> None:
    form = gathered(place.by("HL"), agent=filings.Agent("代理人", "東京都"))
    assert form["form"].startswith("様式第四十四") and "代理人氏名　代理人" in form["sender"]


def test_a_change_says_what_changed(draft: Callable[..., Any]) -> None:
    form = gathered(draft(receiving="電話でも"), SECOND, occasion=filings.Occasion.CHANGE, older=FIRST)
    assert form["entries"][0] == {"name": "変更する事項", "text": "求めの受付方法"}


def test_a_change_without_the_version_before_is_refused(draft: Callable[..., Any]) -> None:
    with pytest.raises(Refusal, match="filing-older-missing"):
        gathered(draft(), SECOND, occasion=filings.Occasion.CHANGE)


def test_an_incomplete_version_makes_no_form(draft: Callable[..., Any]) -> None:
    with pytest.raises(Refusal, match="filing-incomplete"):
        gathered(draft(updating=" "), SECOND)


def test_the_page_tells_the_entries_and_how_to_stop_in_both_languages(place: Any) -> None:
    with place.by("HL").reading() as session:
        japanese, english = (publication.compose(session, HOSPITAL, "A", FIRST, language).decode() for language in LANGUAGES)
    assert all(word in japanese for word in ("停止の求め", "試験の通知文", "病名コード"))
    assert all(word in english for word in ("How to stop", "diagnosis (ICD-10)"))
    assert "<script" not in japanese + english


def test_a_changed_page_tells_what_changed_alone(draft: Callable[..., Any]) -> None:
    with draft(receiving="<b>電話</b>でも").reading() as session:
        page = publication.compose(session, HOSPITAL, "A", SECOND, "ja", older=FIRST).decode()
    assert "変更された事項" in page and "&lt;b&gt;電話&lt;/b&gt;でも" in page and "届け出た事項" not in page


def test_nothing_is_published_before_the_ministers_have(place: Any) -> None:
    home = place.by("HL")
    with home.transaction() as session:
        hospitals.register(session, home.circumstances, "H901", "架空第二病院", "千葉県千葉市", "院長 試")
        programmes.record(session, home.circumstances, "H901", "A", "contract", date(2026, 1, 15))
        notices.draft(session, home.circumstances, "H901", "A", FIRST, ENTRIES, COVERED)
    with home.reading() as session:
        with pytest.raises(Refusal, match="publication-too-early"):
            publication.compose(session, "H901", "A", FIRST)
        assert "案" in publication.compose(session, "H901", "A", FIRST, draft=True).decode()
