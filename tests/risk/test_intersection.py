"""Whoever holds two releases must not tell apart fewer persons than k; counted person by person here, by sets in the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.risk import intersection
from kiban_processing.risk.intersection import Earlier, Intersection, Joint

Then = Sequence[tuple[str | None, str, int]]  # person now, person then, class then


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 2})
    yield connection
    connection.close()


def measure(con: duckdb.DuckDBPyConnection, now: Mapping[str, str], *then: Then, k: int = 2, judged: Sequence[bool] = ()) -> Intersection:
    """`now`: person → band of ages released."""
    people = pa.table({"person": list(now), "band": list(now.values())}, pa.schema([("person", pa.string()), ("band", pa.string())]))
    con.register("people_now", people)
    con.execute("CREATE OR REPLACE TABLE released_patients AS SELECT md5(person) AS person, band FROM people_now")
    con.execute(
        "CREATE OR REPLACE TABLE secret_persons AS SELECT person, md5(person) AS pseudonym, CAST(hash(person) % 53 AS INTEGER) - 26 AS shift_weeks, "
        "FALSE AS suppressed FROM people_now"
    )
    earlier = []
    schema = pa.schema([("person", pa.string()), ("person_then", pa.string()), ("class", pa.int64())])
    for number, rows in enumerate(then):
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        con.register(
            "rows_then", pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)
        )
        con.execute(
            f"CREATE OR REPLACE TABLE then_{number} AS SELECT *, sha256(person_then) AS pseudonym_then, "
            "CAST(hash(person_then || 'then') % 53 AS INTEGER) - 26 AS shift_then FROM rows_then"
        )
        earlier.append(Earlier(f"R-{number}", number == 0, judged[number] if judged else True, f"then_{number}"))
    return intersection.measure(con, ["band"], earlier, k)


def alike(rows: Mapping[str, int]) -> Then:
    return [(person, person, number) for person, number in rows.items()]


BANDS = {"a": "40-49", "b": "40-49", "c": "40-49", "d": "50-59", "e": "50-59", "f": "50-59"}


def joint(found: Intersection) -> Joint:
    return found.joints[-1]


def test_two_releases_that_each_keep_k_and_together_do_not(con: duckdb.DuckDBPyConnection) -> None:
    crossing = joint(measure(con, BANDS, alike({"a": 1, "b": 1, "d": 1, "c": 2, "e": 2, "f": 2}), k=3))
    assert (crossing.smallest, crossing.below, crossing.both) == (1, 6, 6)


def test_classes_that_nest_keep_k(con: duckdb.DuckDBPyConnection) -> None:
    assert joint(measure(con, BANDS, alike(dict.fromkeys(BANDS, 1)), k=3)).below == 0
    assert joint(measure(con, dict.fromkeys(BANDS, "*"), alike({"a": 1, "b": 1, "c": 1, "d": 2, "e": 2, "f": 2}), k=3)).below == 0


def test_absence_is_a_value(con: duckdb.DuckDBPyConnection) -> None:
    """One new person in a class of the others: the two releases side by side show who is new."""
    found = joint(measure(con, BANDS, alike({"a": 1, "b": 1, "d": 2, "e": 2, "f": 2}), k=2))
    assert (found.both, found.absent, found.smallest, found.below) == (5, 1, 1, 1)


def test_who_has_left_is_measured_and_not_judged(con: duckdb.DuckDBPyConnection) -> None:
    found = joint(measure(con, BANDS, [*alike({"a": 1, "b": 1, "c": 1, "d": 2, "e": 2, "f": 2}), (None, "x", 1), ("y", "y", 2)], k=3))
    assert (found.below, found.left, found.left_below) == (0, 2, 2)


def test_pairs_keep_k_and_all_together_do_not(con: duckdb.DuckDBPyConnection) -> None:
    now = dict.fromkeys("abcdefgh", "*")
    one = alike({"a": 1, "b": 1, "c": 1, "d": 1, "e": 2, "f": 2, "g": 2, "h": 2})
    other = alike({"a": 1, "b": 1, "e": 1, "f": 1, "c": 2, "d": 2, "g": 2, "h": 2})
    found = measure(con, now, one, other, k=4)
    assert [(each.release, each.below) for each in found.joints] == [("R-0", 0), ("R-1", 0), ("together", 8)]
    assert joint(found).smallest == 2
    alone = measure(con, now, one, other, k=4, judged=[True, False])
    assert [(each.release, each.judged) for each in alone.joints] == [("R-0", True), ("R-1", False)]


def test_two_persons_then_who_are_one_now(con: duckdb.DuckDBPyConnection) -> None:
    """Person a was a1 and a2, in different classes: both her joint classes must hold k."""
    then = [("a", "a1", 1), ("a", "a2", 2), *alike({"b": 1, "c": 1, "d": 3, "e": 3, "f": 3})]
    assert joint(measure(con, BANDS, then, k=2)).below == 1
    assert joint(measure(con, BANDS, [("a", "a1", 1), ("a", "a2", 1), *then[2:]], k=3)).below == 0


def test_one_person_then_who_is_two_now(con: duckdb.DuckDBPyConnection) -> None:
    """Persons a and b were one: the class then held two persons, whatever linkage says now."""
    then = [("a", "ab", 1), ("b", "ab", 1), *alike({"c": 1, "d": 2, "e": 2, "f": 2})]
    found = joint(measure(con, BANDS, then, k=3))
    assert (found.smallest, found.below) == (2, 3)


def test_the_search_gets_one_value_per_person(con: duckdb.DuckDBPyConnection) -> None:
    measure(con, BANDS, [("a", "a1", 1), ("a", "a2", 2), ("b", "b", 1), (None, "x", 1)], alike({"a": 7}))
    earlier = [Earlier("R-0", True, True, "then_0"), Earlier("R-1", True, True, "then_1")]
    relation = intersection.lay_out(con, "people_now", earlier)
    assert dict(con.execute(f"SELECT * FROM {relation} ORDER BY person").fetchall()) == {
        "a": "1+2/7", "b": "1/-", "c": "-/-", "d": "-/-", "e": "-/-", "f": "-/-"
    }  # fmt: skip
    assert intersection.lay_out(con, "people_now", [Earlier("R-0", False, False, "then_0")]) is None


def test_shifts_and_positions_under_one_key_are_found(con: duckdb.DuckDBPyConnection) -> None:
    now = {f"p{number}": "*" for number in range(200)}
    rows = alike(dict.fromkeys(now, 1))
    (honest,) = measure(con, now, rows).links
    assert honest.persons == 200 and honest.shifts < honest.most and honest.positions < honest.most
    con.execute(
        "UPDATE then_0 SET shift_then = s.shift_weeks, pseudonym_then = s.pseudonym FROM secret_persons s WHERE s.person = then_0.person"
    )
    same = intersection.measure(con, ["band"], [Earlier("R-0", True, True, "then_0")], 2).links[0]
    assert same.shifts == same.positions == 1.0 > same.most
    con.execute("UPDATE then_0 SET shift_then = 3")
    assert intersection.measure(con, ["band"], [Earlier("R-0", True, True, "then_0")], 2).links[0].shifts == 1.0
    (few,) = measure(con, BANDS, alike(dict.fromkeys(BANDS, 1))).links
    assert few.persons == 6 and few.shifts <= few.most


PEOPLE = [f"p{number}" for number in range(8)]
NOW = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["x", "y"]), min_size=1)
THEN = st.lists(
    st.tuples(st.sampled_from([*PEOPLE, None]), st.sampled_from(PEOPLE), st.integers(1, 3)), max_size=12, unique_by=lambda row: row[1]
)


@given(now=NOW, one=THEN, other=THEN, k=st.integers(2, 4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sets_count_as_persons_are_counted(con: duckdb.DuckDBPyConnection, now: dict[str, str], one: Then, other: Then, k: int) -> None:
    found = measure(con, now, one, other, k=k)
    for joint, held in zip(found.joints, ([one], [other], [one, other]), strict=True):
        sizes = slowly(now, held)
        assert joint.smallest == min(sizes.values())
        assert joint.below == len({person for (person, *_), size in sizes.items() if size < k})
        assert joint.both == len({person for person in now if any(person == each for rows in held for each, _, _ in rows)})
        assert joint.both + joint.absent == len(now)


def slowly(now: Mapping[str, str], held: Sequence[Then]) -> dict[tuple[object, ...], int]:
    """(person, band, classes then …) → persons of the joint class, as the smallest of all countings."""
    keys: list[tuple[object, ...]] = [(person, band) for person, band in now.items()]
    for rows in held:
        own: dict[str | None, set[int]] = defaultdict(set)
        for person, _, number in rows:
            own[person].add(number)
        keys = [(*key, number) for key in keys for number in (own.get(str(key[0])) or {0})]
    sizes = {}
    for key in keys:
        members = {each[0] for each in keys if each[1:] == key[1:]}
        counts = [len(members)]
        for rows, number in zip(held, key[2:], strict=True):
            if number:
                counts.append(len({then for person, then, of in rows if person in members and of == number}))
        sizes[key] = min(counts)
    return sizes
