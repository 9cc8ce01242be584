"""Reg 12 (with Act 14): the book states, for a provision to a user, the user's name, address and identifiers, the date and the items;
likewise from user to user, for a deletion, and to or from another operator; without delay each time; kept three years from the entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds
from kiban_processing.refusals import Refusal

RECIPIENT = {"recipient_name": "中央製薬", "recipient_address": "東京都千代田区1-1", "recipient_identifier": "1010001000000"}
PROVIDED: dict[str, object] = {
    "contract": "K-1",
    "manifest": "sha256:" + "0" * 64,
    "package": "sha256:" + "1" * 64,
    "provided_on": "2026-11-21",
    "items": ["patients.sex"],
}


def provide(
    session: Session, circumstances: Circumstances, facts: dict[str, object] = PROVIDED, sealed: dict[str, str] = RECIPIENT
) -> book.Entry:
    return book.append(session, circumstances, kinds.RELEASE_DELIVERED, "release/R-1", facts, sealed)


def test_a_provision_states_recipient_date_and_items(session: Session, circumstances: Circumstances) -> None:
    entry = provide(session, circumstances)
    assert book.reveal(session, entry.seq) == RECIPIENT
    assert entry.facts["provided_on"] == "2026-11-21" and entry.facts["items"] == ["patients.sex"]


@pytest.mark.parametrize("item", ["provided_on", "items"])
def test_a_provision_without_date_or_items_cannot_be_entered(session: Session, circumstances: Circumstances, item: str) -> None:
    with pytest.raises(kinds.Undeclared, match=item):
        provide(session, circumstances, {name: value for name, value in PROVIDED.items() if name != item})


@pytest.mark.parametrize("item", RECIPIENT)
def test_a_provision_without_name_address_or_identifier_cannot_be_entered(
    session: Session, circumstances: Circumstances, item: str
) -> None:
    with pytest.raises(kinds.Undeclared, match=item):
        provide(session, circumstances, sealed={name: value for name, value in RECIPIENT.items() if name != item})


def test_from_user_to_user_both_are_stated(session: Session, circumstances: Circumstances) -> None:
    kind = kinds.PROVISION_USER_TO_USER
    facts: dict[str, object] = {"contract": "K-1", "provided_on": "2026-11-21", "items": ["patients.sex"]}
    both = {f"{side}_{item}": "x" for side in ("from", "to") for item in ("name", "address", "identifier")}
    assert book.append(session, circumstances, kind, "release/R-1", facts, both).sealed.keys() == both.keys()
    with pytest.raises(kinds.Undeclared, match="to_name"):
        book.append(session, circumstances, kind, "release/R-1", facts, {k: v for k, v in both.items() if k != "to_name"})


def test_a_deletion_states_date_and_items(session: Session, circumstances: Circumstances) -> None:
    facts: dict[str, object] = {"deleted_on": "2026-11-21", "items": ["patients"]}
    assert book.append(session, circumstances, kinds.DELETION_DONE, "deletion/D-1", facts).facts == facts
    for item in facts:
        with pytest.raises(kinds.Undeclared, match=item):
            book.append(session, circumstances, kinds.DELETION_DONE, "deletion/D-1", {k: v for k, v in facts.items() if k != item})


def test_an_exchange_states_counterpart_date_and_items(session: Session, circumstances: Circumstances) -> None:
    facts: dict[str, object] = {"direction": "from", "exchanged_on": "2026-11-21", "items": ["patients"]}
    counterpart = {"counterpart_name": "別の事業者", "counterpart_address": "京都市", "counterpart_identifier": "2"}
    assert book.append(session, circumstances, kinds.OPERATOR_EXCHANGE, "exchange/X-1", facts, counterpart).sealed
    with pytest.raises(kinds.Undeclared, match="counterpart_name"):
        book.append(session, circumstances, kinds.OPERATOR_EXCHANGE, "exchange/X-1", facts)


def test_texts_are_kept_for_three_years_from_the_entry(session: Session, circumstances: Circumstances) -> None:
    entry = provide(session, circumstances)
    assert book.kept_until(entry) == date(2029, 11, 21)
    last_day = replace(circumstances, clock=lambda: datetime(2029, 11, 21, 14, 59, tzinfo=UTC))
    with pytest.raises(Refusal) as refusal:
        book.erase_reveal(session, last_day, entry.seq, "recipient_name")
    assert (refusal.value.code, refusal.value.ground.article and refusal.value.ground.article.citation) == ("ledger-line-kept", "Reg 12")
    day_after = replace(circumstances, clock=lambda: datetime(2029, 11, 21, 15, 0, tzinfo=UTC))
    book.erase_reveal(session, day_after, entry.seq, "recipient_name")
    assert "recipient_name" not in book.reveal(session, entry.seq)
