"""The register of persons over many runs: what it says of any earlier run is what was so then, and seniority outlives whoever was first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from kiban_operator.database import Base
from kiban_operator.persons import events, register
from kiban_processing.linkage import model
from kiban_processing.linkage.persons import PERSONS, assign

REGISTRATIONS = [f"r{number}" for number in range(7)]
TABLES = ("linkage_runs", "registrations", "person_memberships", "person_events")
START = datetime(2026, 4, 1, tzinfo=UTC)


class Register:
    """A register in memory, to which runs are handed as registration → cluster."""

    def __init__(self) -> None:
        self.engine = sa.create_engine("sqlite://")
        Base.metadata.create_all(self.engine, [Base.metadata.tables[name] for name in TABLES])
        self.con = duckdb.connect()
        self.numbers = count(1)
        self.runs = 0

    def run(self, clusters: dict[str, str]) -> dict[str, str]:
        """registration → person after the run."""
        found = pa.table({"registration": pa.array(clusters.keys(), pa.string()), "cluster": pa.array(clusters.values(), pa.string())})
        self.runs += 1
        with Session(self.engine) as session, session.begin():
            previous = register.known(session)
            assigned = assign(found, previous, lambda: f"P{next(self.numbers)}")
            self.con.register("assigned", assigned.persons.cast(PERSONS))
            self.con.register("previous", previous)
            places = pa.table({"registration": pa.array(clusters, pa.string()), "site_id": pa.array(["H1"] * len(clusters), pa.string())})
            self.con.register("places", places)
            register.lay_changes(self.con)
            register.write(session, self.con, f"n{self.runs}", self.runs * 10)
            session.add(register.LinkageRun(id=f"n{self.runs}", entry=self.runs * 10, at=START + timedelta(days=self.runs), report={}))
            events.note(session, f"n{self.runs}", START, assigned.events, {}, frozenset())
        return dict(zip(*(assigned.persons.column(name).to_pylist() for name in ("registration", "person")), strict=True))

    def now(self) -> dict[str, str]:
        with Session(self.engine) as session:
            return {row.patient_key: row.person for row in session.scalars(sa.select(register.Registration))}

    def at(self, person: str, run: int) -> list[str]:
        with Session(self.engine) as session:
            return register.as_of(session, person, run * 10)

    def close(self) -> None:
        self.con.close()
        self.engine.dispose()


@pytest.fixture
def kept() -> Iterator[Register]:
    made = Register()
    yield made
    made.close()


run = st.dictionaries(st.sampled_from(REGISTRATIONS), st.integers(0, 3).map(lambda number: f"c{number}"), min_size=1)


@settings(max_examples=80, deadline=None)
@given(history=st.lists(run, min_size=1, max_size=6))
def test_every_run_can_be_told_afterwards_exactly_as_it_was(history: list[dict[str, str]]) -> None:
    kept = Register()
    try:
        snapshots = [kept.run(clusters) for clusters in history]
        assert kept.now() == snapshots[-1]
        for number, snapshot in enumerate(snapshots, 1):
            for person in {person for each in snapshots for person in each.values()}:
                assert kept.at(person, number) == sorted(key for key, owner in snapshot.items() if owner == person), (person, number)
    finally:
        kept.close()


@settings(max_examples=60, deadline=None)
@given(history=st.lists(run, min_size=2, max_size=5))
def test_whoever_is_untouched_keeps_their_id(history: list[dict[str, str]]) -> None:
    """A cluster that has the very registrations it had at the run before is the same person; and no ID ever comes back to somebody else."""
    kept = Register()
    try:
        before: dict[str, str] = {}
        ever: dict[str, set[str]] = {}
        for clusters in history:
            after = kept.run(clusters)
            groups, earlier = grouped(after), grouped(before)
            for members, person in earlier.items():
                assert members not in groups or groups[members] == person
            for person in set(after.values()) - set(before.values()):
                assert person not in ever, "an ID was given twice"
            ever.update({person: set() for person in after.values()})
            before = after
    finally:
        kept.close()


def grouped(persons: dict[str, str]) -> dict[frozenset[str], str]:
    return {frozenset(key for key, owner in persons.items() if owner == person): person for person in set(persons.values())}


def test_a_person_stays_the_elder_when_their_first_registration_has_left(kept: Register) -> None:
    kept.run({"r5": "a"})
    elder = kept.now()["r5"]
    kept.run({"r5": "a", "r1": "b"})
    kept.run({"r5": "a", "r6": "a", "r1": "b"})
    kept.run({"r6": "a", "r1": "b"})
    assert kept.now()["r6"] == elder
    assert set(kept.run({"r6": "a", "r1": "a"}).values()) == {elder}


def test_a_run_that_changes_nothing_writes_nothing(kept: Register) -> None:
    kept.run({"r1": "a", "r2": "a", "r3": "b"})
    kept.run({"r1": "x", "r2": "x", "r3": "y"})
    with Session(kept.engine) as session:
        assert {each.since for each in session.scalars(sa.select(register.Membership))} == {10}
        assert {each.linkage for each in session.scalars(sa.select(register.Registration))} == {"n1"}


def test_merges_splits_and_ends_are_kept_with_their_run(kept: Register) -> None:
    kept.run({"r1": "a", "r2": "b"})
    kept.run({"r1": "a", "r2": "a"})
    kept.run({"r1": "a", "r2": "b"})
    kept.run({"r2": "b"})
    with Session(kept.engine) as session:
        told = [
            (each.linkage, each.kind, each.person, each.other) for each in session.scalars(sa.select(events.PersonEvent).order_by("id"))
        ]
    assert told == [("n2", "merge", "P1", "P2"), ("n3", "split", "P1", "P3"), ("n4", "gone", "P1", None)]


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.02, 0.2, 0.5]))
def test_linking_after_a_removal_equals_linking_without_the_row_ever_there(
    make_world: Callable[..., tuple[pa.Table, dict[str, int]]], seed: int, share: float
) -> None:
    """With the model and the counts kept: nothing of who left stays in anybody's cluster, and the others keep their IDs."""
    table, _ = make_world(seed, 60)
    first = link(table)
    numbers = count()
    persons = assign(first.clusters, register.PREVIOUS.empty_table(), lambda: f"P{next(numbers)}").persons
    rows = table.num_rows
    gone = {number for number in range(rows) if (number * 7919 + seed) % 1000 < share * 1000}
    left = table.take([number for number in range(rows) if number not in gone])
    again = assign(link(left, first).clusters, persons, lambda: f"P{next(numbers)}").persons
    assert set(grouped(mapping(again))) == partition(link(left.take(list(range(left.num_rows))[::-1]), first).clusters)
    before, now = grouped(mapping(persons)), grouped(mapping(again))
    untouched = {members: person for members, person in before.items() if members in now}
    assert untouched and all(now[members] == person for members, person in untouched.items())
    departed = set(table.column("registration").to_pylist()) - set(left.column("registration").to_pylist())
    assert not departed & mapping(again).keys()


def link(table: pa.Table, kept: Any = None) -> Any:
    con = duckdb.connect()
    con.register("registrations", table)
    try:
        return model.link(con, "registrations", frozen=kept.frozen, learnt=kept.model) if kept else model.link(con, "registrations")
    finally:
        con.close()


def partition(clusters: pa.Table) -> set[frozenset[str]]:
    return set(grouped(mapping(clusters.rename_columns(["registration", "person"]))))


def mapping(persons: pa.Table) -> dict[str, str]:
    return dict(zip(persons.column("registration").to_pylist(), persons.column("person").to_pylist(), strict=True))
