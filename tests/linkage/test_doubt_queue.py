"""The queue of doubts after a run: one item per pair of clusters, the worst first; settled ones stay settled, idle ones go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import cases, optouts
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base
from kiban_operator.persons import doubts, links, queue
from kiban_operator.persons.doubts import CLOSED, OPEN, SETTLED, Doubt, DoubtReason

Pairs = list[tuple[str, str, float]]


class Queue:
    """A queue in memory, renewed by runs given as registration → person and doubtful pairs with their weights."""

    def __init__(self) -> None:
        self.engine = sa.create_engine("sqlite://")
        Base.metadata.create_all(self.engine)
        self.con = duckdb.connect()
        self.now = datetime(2026, 4, 1, tzinfo=UTC)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @property
    def circumstances(self) -> Circumstances:
        return Circumstances(self.clock, os.urandom, "p-1")

    def run(self, persons: dict[str, str], pairs: Pairs) -> queue.Queued:
        rows = [
            {"left": left, "right": right, "weight": weight, "decision": "review", "reasons": ["name:equal"], "weights": [weight]}
            for left, right, weight in pairs
        ]
        self.con.register(
            "assigned", pa.table({"registration": pa.array(persons.keys(), pa.string()), "person": pa.array(persons.values(), pa.string())})
        )
        self.con.register("linkage_pairs", pa.Table.from_pylist(rows, schema=links.PAIRS))
        with Session(self.engine) as session, session.begin():
            return queue.renew(session, self.circumstances, self.con, "n-1")

    def waiting(self) -> list[Doubt]:
        with Session(self.engine, expire_on_commit=False) as session:
            return doubts.waiting(session)

    def every(self) -> list[Doubt]:
        with Session(self.engine, expire_on_commit=False) as session:
            return doubts.every(session)

    def settle(self, doubt: Doubt, outcome: str) -> None:
        self.put(doubt, state=SETTLED, outcome=outcome)

    def put(self, doubt: Doubt, **values: object) -> None:
        with Session(self.engine) as session, session.begin():
            session.execute(sa.update(Doubt).where(Doubt.id == doubt.id).values(**values))

    def history(self, doubt: Doubt) -> list[cases.Event]:
        with Session(self.engine, expire_on_commit=False) as session:
            return list(cases.history(session, f"doubt/{doubt.id}"))


@pytest.fixture
def kept() -> Iterator[Queue]:
    made = Queue()
    yield made
    made.con.close()
    made.engine.dispose()


APART = {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "b3": "B", "c1": "C"}


def test_two_clusters_are_one_item_shown_through_their_strongest_pair(kept: Queue) -> None:
    done = kept.run(APART, [("a1", "b2", 9.0), ("b1", "a2", 12.0), ("a1", "b3", 11.0), ("a1", "c1", 10.0)])
    assert (done.waiting, done.raised, done.closed) == (2, 2, 0)
    first, second = kept.waiting()
    assert (first.registrations, first.weight, (first.left_person, first.right_person)) == (["a2", "b1"], 12.0, ("A", "B"))
    assert second.registrations == ["a1", "c1"]
    assert first.harm == pytest.approx(6 / (1 + 2**-12)) and second.harm == pytest.approx(2 / (1 + 2**-10))
    assert [(event.command, event.actor) for event in kept.history(first)] == [("raise", "system")]


def test_items_are_ranked_by_the_harm_of_leaving_them(kept: Queue) -> None:
    """Many likely pairs before one likely pair before one unlikely pair."""
    persons = {**APART, "d1": "D", "e1": "E"}
    kept.run(persons, [("d1", "e1", 3.0), ("c1", "d1", -2.0), ("a1", "b1", 2.0)])
    assert [each.left_person + each.right_person for each in kept.waiting()] == ["AB", "DE", "CD"]


def test_the_same_run_again_changes_nothing(kept: Queue) -> None:
    pairs = [("a1", "b1", 9.0), ("a1", "c1", 10.0)]
    kept.run(APART, pairs)
    before = [(each.id, each.version) for each in kept.waiting()]
    done = kept.run(APART, pairs)
    assert (done.raised, done.closed) == (0, 0)
    assert [(each.id, each.version) for each in kept.waiting()] == before


def test_an_item_keeps_its_number_when_its_persons_are_called_otherwise(kept: Queue) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (before,) = kept.waiting()
    kept.run({**APART, "a1": "Z", "a2": "Z"}, [("a2", "c1", 13.0)])
    (after,) = kept.waiting()
    assert (after.id, after.registrations, {after.left_person, after.right_person}) == (before.id, ["c1", "a2"], {"Z", "C"})


def test_what_somebody_has_answered_stays_as_they_saw_it(kept: Queue) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (before,) = kept.waiting()
    kept.put(before, state=doubts.ANSWERED, version=2)
    kept.run(APART, [("a2", "c1", 13.0)])
    (after,) = kept.waiting()
    assert (after.id, after.registrations, after.weight) == (before.id, ["a1", "c1"], 9.0)


@pytest.mark.parametrize(
    ("persons", "pairs", "because"),
    [
        ({**APART, "c1": "A"}, [], "linked"),
        (APART, [], "no-doubt"),
        ({key: person for key, person in APART.items() if key != "a1"}, [("a2", "c1", 9.0)], "gone"),
    ],
)
def test_an_item_that_is_idle_is_closed_and_says_why(kept: Queue, persons: dict[str, str], pairs: Pairs, because: str) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (before,) = kept.waiting()
    done = kept.run(persons, pairs)
    assert done.closed == 1 and done.raised == len(pairs)
    (closed,) = [each for each in kept.every() if each.id == before.id]
    assert (closed.state, closed.closed_because, closed.version) == (CLOSED, because, 2)
    assert [event.state_after for event in kept.history(before)] == [OPEN, CLOSED]


def test_two_items_of_which_one_remains_when_two_persons_become_one(kept: Queue) -> None:
    kept.run(APART, [("a1", "b1", 9.0), ("a1", "c1", 10.0)])
    done = kept.run({**APART, "c1": "B"}, [("a1", "b1", 9.0), ("a1", "c1", 10.0)])
    assert (done.closed, done.raised, done.waiting) == (1, 0, 1)


def test_two_persons_settled_as_two_are_never_asked_again(kept: Queue) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (doubt,) = kept.waiting()
    kept.settle(doubt, "different")
    assert kept.run({**APART, "a9": "A"}, [("a9", "c1", 15.0), ("a2", "c1", 9.0)]).waiting == 0


def test_what_could_not_be_told_is_asked_again_only_with_new_evidence(kept: Queue) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (doubt,) = kept.waiting()
    kept.settle(doubt, "cannot-tell")
    assert kept.run(APART, [("a1", "c1", 9.0)]).waiting == 0
    assert kept.run({**APART, "c2": "C"}, [("a1", "c1", 9.0)]).raised == 1


def test_a_revoked_item_waits_again_while_the_model_still_doubts(kept: Queue) -> None:
    kept.run(APART, [("a1", "c1", 9.0)])
    (doubt,) = kept.waiting()
    kept.settle(doubt, "different")
    kept.put(doubt, state=OPEN, outcome=None, round=2)
    assert kept.run(APART, [("a1", "c1", 9.0)]).waiting == 1
    assert kept.waiting()[0].id == doubt.id


def test_a_reported_person_is_no_longer_asked_about_when_they_are_parted_or_a_registration_left(kept: Queue) -> None:
    kept.run(APART, [("a1", "b1", 9.0)])
    (doubt,) = kept.waiting()
    kept.put(doubt, kind="split", registrations=["b1", "b2", "b3"], left_person="B", right_person="B")
    assert kept.run(APART, []).waiting == 1
    kept.run({**APART, "b3": "Z"}, [])
    (closed,) = kept.every()
    assert closed.closed_because == "parted"


def test_words_about_whoever_asked_to_stop_are_erased_and_others_kept(kept: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.run(APART, [("a1", "c1", 9.0), ("b1", "c1", 9.0)])
    both = kept.waiting()
    with Session(kept.engine) as session, session.begin():
        for doubt in both:
            session.add(DoubtReason(doubt=doubt.id, version=2, reason="転居とみる", salt="0" * 32))
    monkeypatch.setattr(optouts, "standing_keys", lambda *_: ["a1", "never-linked"])
    with Session(kept.engine) as session, session.begin():
        assert queue.forget_reasons(session, kept.circumstances, frozenset({"b2"})) == 0, "left, but not because of a stop"
        assert queue.forget_reasons(session, kept.circumstances, frozenset({"a1"})) == 1
    with Session(kept.engine) as session:
        left = [each.doubt for each in session.scalars(sa.select(DoubtReason))]
    assert left == [each.id for each in both if "a1" not in each.registrations]
