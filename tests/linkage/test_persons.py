"""Person IDs stay: property by property, against a slow and simple reading of the same rules."""

from __future__ import annotations

from collections import defaultdict
from itertools import count

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage import persons

Grouping = dict[str, str]
REGISTRATIONS = [f"r{number:02d}" for number in range(14)]
GROUPINGS = st.dictionaries(st.sampled_from(REGISTRATIONS), st.sampled_from("abcdef"), max_size=14)


def clusters(grouping: Grouping) -> pa.Table:
    return pa.table({"registration": pa.array(list(grouping), pa.string()), "cluster": pa.array(list(grouping.values()), pa.string())})


def assigned(grouping: Grouping, previous: pa.Table | None = None, prefix: str = "P") -> persons.Assignment:
    numbers = count(1)
    return persons.assign(
        clusters(grouping), persons.PERSONS.empty_table() if previous is None else previous, lambda: f"{prefix}{next(numbers)}"
    )


def by_registration(assignment: persons.Assignment) -> dict[str, str]:
    return dict(zip(assignment.persons.column("registration").to_pylist(), assignment.persons.column("person").to_pylist(), strict=True))


def simple(grouping: Grouping, previous: pa.Table) -> dict[str, str | None]:
    """The rules said one registration at a time; None where a new person is due."""
    claims: dict[str, list[str]] = defaultdict(list)
    claimed: set[str] = set()
    for row in previous.to_pylist():
        if row["registration"] in grouping and row["person"] not in claimed:
            claimed.add(row["person"])
            claims[grouping[row["registration"]]].append(row["person"])
    seniority = list(dict.fromkeys(previous.column("person").to_pylist()))
    return {
        registration: min(claims[cluster], key=seniority.index) if claims[cluster] else None for registration, cluster in grouping.items()
    }


@given(GROUPINGS, GROUPINGS)
def test_the_fast_form_equals_the_simple_rules(before: Grouping, after: Grouping) -> None:
    previous = assigned(before).persons
    found, expected = by_registration(assigned(after, previous, "N")), simple(after, previous)
    assert found.keys() == expected.keys()
    assert {registration: None if person.startswith("N") else person for registration, person in found.items()} == expected


@given(GROUPINGS, GROUPINGS)
def test_one_cluster_is_one_person_and_the_other_way_round(before: Grouping, after: Grouping) -> None:
    found = by_registration(assigned(after, assigned(before).persons, "N"))
    assert (
        len({(after[registration], person) for registration, person in found.items()})
        == len(set(after.values()))
        == len(set(found.values()))
    )


@given(GROUPINGS, GROUPINGS)
def test_assigning_again_changes_nothing(before: Grouping, after: Grouping) -> None:
    once = assigned(after, assigned(before).persons, "N")
    again = assigned(after, once.persons, "X")
    assert again.events == []
    assert again.persons.equals(once.persons)


@given(GROUPINGS, GROUPINGS)
def test_untouched_persons_keep_their_ids(before: Grouping, after: Grouping) -> None:
    first = assigned(before)
    then = by_registration(assigned(after, first.persons, "N"))
    for cluster in set(before.values()):
        members = {registration for registration, at in before.items() if at == cluster}
        if any({registration for registration, at in after.items() if at == label} == members for label in set(after.values())):
            assert all(then[registration] == by_registration(first)[registration] for registration in members)


@given(GROUPINGS, GROUPINGS)
def test_events_tell_every_change(before: Grouping, after: Grouping) -> None:
    first = assigned(before)
    second = assigned(after, first.persons, "N")
    old, new = by_registration(first), by_registration(second)
    told = {
        (event.person, event.other) if event.kind == "split" else (event.other, event.person)
        for event in second.events
        if event.kind in ("split", "merge")
    }
    moved = {(old[registration], new[registration]) for registration in old.keys() & new.keys() if old[registration] != new[registration]}
    assert moved <= told
    gone = {event.person for event in second.events if event.kind == "gone"}
    assert gone == {person for registration, person in old.items() if not any(old[other] == person for other in old.keys() & new.keys())}
    ended = gone | {event.other for event in second.events if event.kind == "merge"}
    born = {event.person for event in second.events if event.kind == "new"}
    assert set(new.values()) == (set(old.values()) - ended) | born


def test_on_a_merge_the_older_survives() -> None:
    previous = pa.table({"registration": ["r09", "r01"], "person": ["older", "younger"]})
    outcome = assigned({"r01": "x", "r09": "x"}, previous)
    assert set(by_registration(outcome).values()) == {"older"}
    assert outcome.events == [persons.Event("merge", "older", "younger")]


def test_on_a_split_the_part_with_the_first_registration_keeps_the_id() -> None:
    previous = pa.table({"registration": ["r05", "r01", "r02"], "person": ["P1", "P1", "P1"]})
    outcome = assigned({"r01": "x", "r02": "x", "r05": "y"}, previous, "N")
    assert by_registration(outcome) == {"r05": "P1", "r01": "N1", "r02": "N1"}
    assert outcome.events == [persons.Event("new", "N1"), persons.Event("split", "P1", "N1")]


def test_an_erased_registration_leaves_the_rest_with_the_person() -> None:
    previous = pa.table({"registration": ["r01", "r02", "r03"], "person": ["P1", "P1", "P2"]})
    outcome = assigned({"r02": "x"}, previous)
    assert by_registration(outcome) == {"r02": "P1"}
    assert outcome.events == [persons.Event("gone", "P2")]


def test_new_persons_are_named_in_the_order_of_their_first_registration() -> None:
    assert by_registration(assigned({"r05": "x", "r02": "y", "r01": "x"})) == {"r01": "P1", "r05": "P1", "r02": "P2"}
    named = persons.assign_named(clusters({"r05": "x", "r01": "x"}), persons.PERSONS.empty_table(), lambda first: f"of-{first}")
    assert set(by_registration(named).values()) == {"of-r01"}
