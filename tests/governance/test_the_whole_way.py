"""From the registration of an organisation to a receipted delivery, destruction and the end of the contract, and what the ledger says of it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from kiban_applications import contracts, delivery, destruction, oversight
from kiban_applications.review import store
from kiban_applications.review.store import Application
from kiban_operator import cases
from kiban_operator.ledger import book
from kiban_operator.people import Person
from kiban_processing.refusals import Refusal


def test_the_story_of_one_release_is_in_the_ledger_in_order(story: Any) -> None:
    release = story.receipted()
    entries = story.read(lambda session: book.entries(session, aggregate=f"release/{release}"))
    assert [entry.kind for entry in entries] == [
        "release.intended",
        "release.made",
        "release.approved",
        "release.approved",
        "release.committed",
        "release.delivered",
        "release.receipted",
    ]
    assert entries[2].facts["by"] != entries[3].facts["by"]
    assert story.release(release).state == "RECEIPTED"


def test_the_ledger_line_of_a_provision_opens_to_name_address_and_identifier_and_holds_none_of_them(story: Any) -> None:
    release = story.delivered()
    entry = story.read(lambda session: book.entries(session, kind="release.delivered"))[0]
    opened = story.read(lambda session: book.reveal(session, entry.seq))
    assert opened == {"recipient_name": "浪速製薬", "recipient_address": "大阪府大阪市recipient", "recipient_identifier": "id-recipient"}
    assert entry.facts["items"] == ["laboratory_results.value", "patients.sex"]
    assert entry.facts["provided_on"] == story.release(release).delivered_on.isoformat()


def test_no_name_of_a_person_or_organisation_stands_in_any_entry(story: Any) -> None:
    story.receipted()
    bodies = story.read(lambda session: b"\n".join(session.scalars(sa.select(book.EntryRow.body)))).decode()
    names = story.read(lambda session: list(session.scalars(sa.select(Person.name))))
    for name in (*names, "浪速製薬", "大阪府大阪市", "id-recipient"):
        assert name not in bodies


def test_every_event_has_its_entry_but_drafts(story: Any) -> None:
    story.receipted()
    events = story.read(lambda session: list(session.scalars(sa.select(cases.Event))))
    moved = story.read(lambda session: book.entries(session, kind="case.moved"))
    booked = {entry.facts["event"] for entry in moved}
    silent = [event for event in events if cases.fingerprint(event) not in booked]
    kinds = {"application.submitted", "application.decided", "conditions.agreed", "contract.executed", "role.granted"}
    named = sum(len(story.read(lambda session, kind=kind: book.entries(session, kind=kind))) for kind in kinds)
    releases = [event for event in silent if event.aggregate.startswith("release/")]
    drafts = [event for event in silent if event.command in {"create", "save"}]
    founding = 2  # the first two administrators were granted their role by nobody
    assert len(silent) == len(releases) + len(drafts) + named - founding
    assert len(drafts) == 2


def test_a_changed_opinion_no_longer_matches_its_entry(story: Any) -> None:
    application = story.in_deliberation()
    moved = {entry.facts["event"] for entry in story.read(lambda session: book.entries(session, kind="case.moved"))}
    query = sa.select(cases.Event).where(cases.Event.aggregate == f"application/{application}", cases.Event.command == "opinion")
    event = story.read(lambda session: session.scalars(query).first())
    assert cases.fingerprint(event) in moved
    event.content = {**event.content, "recommendation": "reject"}
    assert cases.fingerprint(event) not in moved


def test_the_row_says_the_same_as_the_folded_events(story: Any) -> None:
    application = story.approved()
    row = story.read(lambda session: session.get(Application, application))
    folded = story.read(lambda session: store.read(session, application))
    assert (row.state, row.version, row.organisation_id) == (folded.state, folded.version, folded.organisation)


def test_the_register_of_recipients_lists_the_delivery(story: Any) -> None:
    release = story.receipted()
    (line,) = story.read(delivery.register)
    assert (line.release, line.recipient, line.state) == (release, story.organisations["recipient"], "RECEIPTED")
    assert line.received_on is not None


def test_obligations_follow_from_the_conditions_and_fall_due(story: Any) -> None:
    release = story.receipted()
    entered = story.do("system", oversight.schedule, release)
    assert sorted((each.kind, each.due_on.isoformat()) for each in entered) == [
        ("destruction", "2027-04-30"),
        ("use-report", "2026-10-01"),
    ]
    assert story.do("system", oversight.schedule, release) == ()
    (due,) = story.read(lambda session: oversight.due(session, entered[0].due_on.replace(year=2026, month=12)))
    story.do("ap", oversight.submit, due.id, "sha256:" + "0" * 64)
    story.do("se", oversight.accept, due.id)
    assert story.read(lambda session: oversight.due(session, due.due_on)) == ()


def test_a_contract_ends_only_with_every_copy_destroyed(story: Any) -> None:
    release = story.receipted()
    contract = story.release(release).contract_id
    with pytest.raises(Refusal) as caught:
        story.do("co", destruction.end_contract, contract)
    assert caught.value.code == "copies-unaccounted"
    copies = [{"place": "研究棟3階", "method": "暗号鍵の破棄", "date": "2026-04-01", "witness": story.ids["ap"]}]
    declared = story.do("cu", destruction.declare, release, copies, story.key("cu"))
    story.do("se", destruction.reconcile, declared.id)
    with pytest.raises(Refusal) as caught:
        story.do("se", destruction.accept, declared.id)
    assert caught.value.code == "same-reconciler"
    story.do("so", destruction.accept, declared.id)
    assert story.do("co", destruction.end_contract, contract).state == "ENDED"
    with pytest.raises(Refusal) as caught:
        story.read(lambda session: contracts.order(session, contract, story.system.today()))
    assert caught.value.code == "use-contract-not-active"
