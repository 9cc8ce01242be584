"""採点の検査: scores of tiny cases worked out by hand, and of random ones against counting pair by pair."""

from __future__ import annotations

import csv
import importlib
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
TRUTH = {
    "tags": "", "family_of_birth": "-1", "family_of_marriage": "-1", "twin": "-1", "namesake": "-1", "foreigner": "0", "newborn": "0", "surname": "1",
    "dwelling": "1", "insurer": "1", "name": "0", "birth_date": "2000-01-01",
}  # fmt: skip


@pytest.fixture(scope="module")
def scoring() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("data_examples.linkage_world.scoring")
    sys.path.remove(str(ROOT))


def write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(rows)
    return path


def scored(
    scoring: Any,
    folder: Path,
    rows: Sequence[tuple[str, str, dict[str, str]]],
    items: Sequence[tuple[int, int]] | None = None,
    named: bool = False,
) -> dict[str, Any]:
    """`rows`: person, cluster and marks of each registration; registration n is number n of hospital A. `items`: pairs of registrations."""
    truth = [("A", n, person, *({**TRUTH, "name": person, **marks}.values())) for n, (person, _, marks) in enumerate(rows)]
    write(folder / "truth.csv", ("site_id", "local_patient_id", "person", *TRUTH), truth)
    write(
        folder / "persons.csv",
        ("site_id", "local_patient_id", "person_id"),
        [("A", n, cluster) for n, (_, cluster, _) in enumerate(rows) if cluster],
    )
    review = None
    if items is not None and named:
        review = write(folder / "review.csv", ("left_person_id", "right_person_id"), [(rows[a][1], rows[b][1]) for a, b in items])
    elif items is not None:
        columns = ("left_site_id", "left_local_patient_id", "right_site_id", "right_local_patient_id", "weight")
        review = write(folder / "review.csv", columns, [("A", a, "A", b, 1.0) for a, b in items])
    found: dict[str, Any] = scoring.score(folder / "truth.csv", folder / "persons.csv", review)
    return found


def test_a_perfect_linkage_scores_one(scoring: Any, tmp_path: Path) -> None:
    found = scored(scoring, tmp_path, [("1", "x", {}), ("1", "x", {}), ("2", "y", {})])
    assert (found["precision"], found["recall"], found["f1"]) == (1.0, 1.0, 1.0)
    assert (found["true_pairs"], found["over_per_million"], found["persons_split"], found["unassigned"]) == (1, 0.0, 0, 0)


def test_one_wrong_merge_and_one_split_by_hand(scoring: Any, tmp_path: Path) -> None:
    # person 1 stands in x and y, person 2 is alone in y with a part of 1, person 3 is right, person 4 has one registration
    rows = [("1", "x", {}), ("1", "x", {}), ("1", "y", {}), ("2", "y", {}), ("3", "z", {}), ("3", "z", {}), ("4", "w", {})]
    found = scored(scoring, tmp_path, rows)
    assert (found["true_pairs"], found["claimed_pairs"], found["right_pairs"]) == (4, 3, 2)
    assert (found["precision"], found["recall"]) == (2 / 3, 2 / 4)
    assert (found["over_merged_clusters"], found["persons_over_merged"], found["over_per_million"]) == (1, 2, 500_000.0)
    assert (found["persons_with_several"], found["persons_split"]) == (2, 1)


def test_a_registration_without_a_person_is_alone(scoring: Any, tmp_path: Path) -> None:
    found = scored(scoring, tmp_path, [("1", "", {}), ("1", "", {}), ("2", "x", {})])
    assert (found["unassigned"], found["clusters"], found["claimed_pairs"], found["recall"]) == (2, 3, 0, 0.0)


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        ("twins", {"twin": "7", "family_of_birth": "3"}, {"twin": "7", "family_of_birth": "3"}),
        ("newborn", {"newborn": "1", "family_of_birth": "3"}, {"family_of_marriage": "3"}),
        ("namesakes", {"namesake": "7"}, {"namesake": "7"}),
        ("namesakes", {"name": "same"}, {"name": "same"}),
        ("family", {"family_of_birth": "3"}, {"family_of_birth": "3"}),
        ("family", {"family_of_birth": "3"}, {"family_of_marriage": "3"}),
        ("family", {"family_of_marriage": "3"}, {"family_of_marriage": "3"}),
        ("foreign", {"foreigner": "1"}, {}),
        ("stranger", {"birth_date": "1990-01-01", "name": "same"}, {"name": "same"}),
        ("stranger", {}, {}),
    ],
)
def test_each_cause_of_a_wrong_merge_is_told(scoring: Any, tmp_path: Path, cause: str, one: dict[str, str], other: dict[str, str]) -> None:
    causes = scored(scoring, tmp_path, [("1", "x", one), ("2", "x", other)])["over_merges_by_cause"]
    assert {name for name, count in causes.items() if count["clusters"]} == {cause}
    assert causes[cause] == {"clusters": 1, "person_pairs": 1}


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        ("newborn", {"tags": "newborn"}, {"tags": "swapped"}),
        ("swapped", {"tags": "phone_typo;swapped"}, {}),
        ("alias", {"tags": "alias_bracket", "foreigner": "1"}, {"foreigner": "1"}),
        ("foreign", {"foreigner": "1"}, {"foreigner": "1"}),
        ("birth_date", {}, {"tags": "birth_digit"}),
        ("birth_date", {}, {"tags": "no_birth_date"}),
        ("changed_surname", {"surname": "2"}, {"dwelling": "2"}),
        ("name", {"tags": "no_name_kana"}, {}),
        ("moved_and_new_insurer", {"dwelling": "2", "insurer": "2"}, {}),
        ("moved", {"dwelling": "2"}, {}),
        ("other", {"tags": "no_phone"}, {"tags": "house_typo"}),
    ],
)
def test_each_cause_of_a_miss_is_told(scoring: Any, tmp_path: Path, cause: str, one: dict[str, str], other: dict[str, str]) -> None:
    found = scored(scoring, tmp_path, [("1", "x", one), ("1", "y", other)])
    assert {name for name, count in found["misses_by_cause"].items() if count} == {cause}
    assert tuple(found["misses_by_cause"]) == scoring.MISSES


def test_tags_count_once_for_a_pair(scoring: Any, tmp_path: Path) -> None:
    rows = [("1", "x", {"tags": "swapped;glyph"}), ("1", "x", {"tags": "glyph"}), ("1", "y", {})]
    tags = scored(scoring, tmp_path, rows)["misses_by_tag"]
    assert tags == {
        "glyph": {"true": 3, "missed": 2, "miss_rate": 2 / 3},
        "swapped": {"true": 2, "missed": 1, "miss_rate": 1 / 2},
    }


@pytest.mark.parametrize("named", [False, True])
def test_a_perfect_reviewer_joins_and_refuses(scoring: Any, tmp_path: Path, named: bool) -> None:
    rows = [("1", "a", {}), ("1", "b", {}), ("1", "c", {}), ("2", "d", {})]
    review = scored(scoring, tmp_path, rows, [(0, 1), (1, 2), (2, 3)], named)["review"]
    assert (review["items"], review["confirmed"], review["items_per_1000_persons"]) == (3, 2, 1500.0)
    assert (review["precision"], review["recall"], review["over_per_million"]) == (1.0, 1.0, 0.0)


def test_a_reviewer_who_joins_a_mixed_cluster_joins_the_stranger_too(scoring: Any, tmp_path: Path) -> None:
    rows = [("1", "a", {}), ("1", "b", {}), ("2", "b", {})]
    found = scored(scoring, tmp_path, rows, [(0, 1)])
    assert (found["precision"], found["review"]["precision"], found["review"]["recall"]) == (0.0, 1 / 3, 1.0)


def test_an_item_within_a_cluster_takes_the_other_person_out(scoring: Any, tmp_path: Path) -> None:
    rows = [("1", "a", {}), ("1", "a", {}), ("2", "a", {}), ("2", "a", {})]
    review = scored(scoring, tmp_path, rows, [(0, 2)])["review"]
    assert (review["precision"], review["recall"], review["confirmed"]) == (1.0, 1.0, 0)


def test_items_about_unknown_registrations_are_counted_and_change_nothing(scoring: Any, tmp_path: Path) -> None:
    review = scored(scoring, tmp_path, [("1", "a", {}), ("1", "b", {})], [(0, 77)])["review"]
    assert (review["items"], review["unknown"], review["recall"]) == (1, 1, 0.0)


def quality(people: Sequence[str], groups: Sequence[object]) -> tuple[float, float, float]:
    """Precision, recall and over per million, pair by pair."""
    pairs = list(itertools.combinations(range(len(people)), 2))
    true = {pair for pair in pairs if people[pair[0]] == people[pair[1]]}
    claimed = {pair for pair in pairs if groups[pair[0]] == groups[pair[1]]}
    mixed = {people[n] for pair in claimed - true for n in pair}
    return (
        len(true & claimed) / len(claimed) if claimed else 1.0,
        len(true & claimed) / len(true) if true else 1.0,
        len(mixed) / len(set(people)) * 1e6,
    )


def joined(people: Sequence[str], groups: Sequence[str], items: Sequence[tuple[int, int]]) -> list[object]:
    """What the reviewer leaves, by repainting: confirmed clusters take one colour; who is named apart within a cluster leaves it."""
    colour: dict[object, object] = {group: group for group in groups}
    out = {(groups[a], people[b]) for a, b in items if groups[a] == groups[b] and people[a] != people[b]}
    for a, b in items:
        if people[a] == people[b]:
            old, new = colour[groups[b]], colour[groups[a]]
            colour = {group: new if held == old else held for group, held in colour.items()}
    return [("out", group, person) if (group, person) in out else colour[group] for group, person in zip(groups, people, strict=True)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_scores_equal_counting_pair_by_pair(scoring: Any, tmp_path: Path, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 14))
    people = data.draw(st.lists(st.sampled_from("12345"), min_size=size, max_size=size))
    groups = data.draw(st.lists(st.sampled_from("abcdef"), min_size=size, max_size=size))
    number = st.integers(0, size - 1)
    items = data.draw(st.lists(st.tuples(number, number), max_size=6))
    found = scored(scoring, tmp_path, [(person, group, {}) for person, group in zip(people, groups, strict=True)], items)
    assert (found["precision"], found["recall"], found["over_per_million"]) == pytest.approx(quality(people, groups))
    reviewed = found["review"]
    expected = quality(people, joined(people, groups, items))
    assert (reviewed["precision"], reviewed["recall"], reviewed["over_per_million"]) == pytest.approx(expected)
    assert sum(found["misses_by_cause"].values()) == found["missed_pairs"]
    by_group: dict[str, set[str]] = defaultdict(set)
    for person, group in zip(people, groups, strict=True):
        by_group[group].add(person)
    wrong = sum(len(members) * (len(members) - 1) // 2 for members in by_group.values())
    assert sum(count["person_pairs"] for count in found["over_merges_by_cause"].values()) == wrong
