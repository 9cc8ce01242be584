"""Any sequence of deliveries ends where one link of all surviving registrations ends, and whoever is not touched stays who he is."""

from __future__ import annotations

import csv
import hashlib
import random
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_processing.linkage import clusters, folder, increment
from kiban_processing.linkage.state import indexes, pairs, rows
from kiban_processing.linkage.state.beginning import Beginning
from kiban_processing.linkage.state.kept import DOUBTS, SEPARATOR, Kept, named
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.settled import NOBODY_DECIDED, Decisions
from kiban_processing.refusals import Refusal
from tests.linkage.plain_judge import SCHEMA, SHAPE, VALUES, PlainJudge

KEY = StateKey(bytes(range(32)))
JUDGE = PlainJudge()
World = dict[str, tuple[int | None, ...]]  # registration → values of VALUES
Decided = tuple[tuple[str, str, bool], ...]  # two registrations, and whether people held them to be one person


def registered(world: World) -> pa.Table:
    made = []
    for node, (registration, values) in enumerate(sorted(world.items())):
        site = registration.split(SEPARATOR)[0]
        made.append(
            {
                "node": node,
                "registration": registration,
                "site_id": site,
                "site": int(site[1:]),
                "newborn": values[0] == 0,
                **dict(zip(VALUES, values, strict=True)),
            }
        )
    return pa.Table.from_pylist(made, schema=SCHEMA)


def prefixes(registrations: list[str]) -> np.ndarray:
    digests = [hashlib.sha256(each.encode()).digest()[:1] for each in registrations]  # one byte: different ones collide
    return np.array([int.from_bytes(digest, "big") << 32 for digest in digests], np.uint64)


def all_judged(world: World, decided: Decided = ()) -> tuple[pairs.Pairs, pairs.Pairs, np.ndarray]:
    """Every pair that agrees in a rule, judged at once; the same with what people settled, one pair after the other; and the groups."""
    keys = registered(world)
    values = list(dict(sorted(world.items())).values())
    place = {column: at for at, column in enumerate(VALUES)}

    def candidate(one: tuple[int | None, ...], other: tuple[int | None, ...]) -> bool:
        return any(
            all(one[place[column]] is not None and one[place[column]] == other[place[column]] for column in rule) for rule in SHAPE.rules
        )

    found = [(i, j) for i, j in combinations(range(len(values)), 2) if candidate(values[i], values[j])]
    left, right = (np.array([pair[side] for pair in found], np.int64) for side in (0, 1))
    judged = JUDGE.compare(keys, left, right)
    supporting = judged.where(judged.supports)
    judged = pairs.join(judged, JUDGE.support(keys, supporting.left, supporting.right))
    settled = judged
    names = sorted(world)
    for one, other, same in decided:
        if one in world and other in world:
            low, high = sorted((names.index(one), names.index(other)))
            alone = JUDGE.compare(keys, np.array([low]), np.array([high]))
            settled = pairs.join(alone, settled)
            (at,) = np.flatnonzero((settled.left == low) & (settled.right == high))
            settled.decision[at], settled.certain[at] = (pairs.LINK if same else pairs.VETO), same
    return judged, settled, clusters.gather(JUDGE.edges(settled), settled.vetoes(), keys.column("site").to_numpy().astype(np.int64))


def link_whole(out: Path, world: World, decided: Decided = ()) -> None:
    keys = registered(world)
    judged, settled, labels = all_judged(world, decided)
    opened = settled.where(settled.open(labels))
    names = keys.column("registration").combine_chunks()
    review = pa.table(
        {
            "left": names.take(pa.array(opened.left)),
            "right": names.take(pa.array(opened.right)),
            "left_node": opened.left,
            "right_node": opened.right,
            "weight": opened.weight,
        }
    )
    reasons = JUDGE.explain(keys, opened.left, opened.right, opened.weight, opened.decision)
    review = review.append_column("reasons", reasons.column("reasons")).append_column("weights", reasons.column("weights"))
    out.mkdir()
    texts = pa.table(
        {
            "site_id": keys.column("site_id"),
            "local_patient_id": pa.array([name.split(SEPARATOR)[1] for name in names.to_pylist()], pa.string()),
        }
    )
    beginning = Beginning(out, KEY, random.Random(1).randbytes, SHAPE)
    beginning.add_rows(keys, prefixes(names.to_pylist()))
    beginning.add_pairs(judged)
    folder.write_whole(out, KEY, beginning, texts, labels, review, None, lambda _ids: {}, {})
    beginning.close()


def turned(now: Decided, before: Decided) -> Decisions:
    """What acts now, and what acted before and no longer does, as `Decisions`."""
    rows = [(*each, True, each not in before) for each in now] + [(*each, False, True) for each in before if each not in now]
    left, right, same, acting, turned = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    flags = (np.array(flag, np.bool_) for flag in (same, acting, turned))
    return Decisions(
        pa.array(left, pa.string()), pa.array(right, pa.string()), prefixes(list(left)), prefixes(list(right)), *flags
    )  # fmt: skip


def deliver(before: Path, out: Path, brought: World, withdrawn: list[str], decided: Decisions = NOBODY_DECIDED) -> increment.Change:
    kept = Kept(before, KEY, SHAPE)
    keys = registered(brought)
    names = keys.column("registration").to_pylist()
    local = pa.array([name.split(SEPARATOR)[1] for name in names], pa.string())
    delivery = increment.Delivery(
        keys.append_column("local_patient_id", local), prefixes(names), pa.array(withdrawn, pa.string()), prefixes(withdrawn), decided
    )
    change = increment.judge(kept, delivery, rows.pack(keys), JUDGE)
    out.mkdir()
    folder.write_next(kept, out, KEY, random.Random(out.name).randbytes, change, JUDGE, {})
    kept.close()
    return change


def persons(out: Path) -> dict[str, str]:
    with (out / "persons.csv").open(encoding="utf-8", newline="") as file:
        return {row["site_id"] + SEPARATOR + row["local_patient_id"]: row["person_id"] for row in csv.DictReader(file)}


def groups(assigned: dict[str, str]) -> set[frozenset[str]]:
    by_person: dict[str, set[str]] = {}
    for registration, person in assigned.items():
        by_person.setdefault(person, set()).add(registration)
    return {frozenset(each) for each in by_person.values()}


def review(out: Path) -> dict[frozenset[str], tuple[float, str]]:
    with (out / "review.csv").open(encoding="utf-8", newline="") as file:
        lines = [
            (
                frozenset(row[f"{side}_site_id"] + SEPARATOR + row[f"{side}_local_patient_id"] for side in ("left", "right")),
                float(row["weight"]),
                row["reasons"],
            )
            for row in csv.DictReader(file)
        ]
    assert [line[1] for line in lines] == sorted((line[1] for line in lines), reverse=True)
    assert len({line[0] for line in lines}) == len(lines)
    return {pair: (weight, reasons) for pair, weight, reasons in lines}


def expect_equal(out: Path, world: World, decided: Decided = ()) -> None:
    """The files say what one link of the whole world says; so does what is kept of its pairs, whatever people settled."""
    judged, settled, labels = all_judged(world, decided)
    names = sorted(world)
    expected = {frozenset(names[node] for node in np.flatnonzero(labels == label)) for label in np.unique(labels)}
    assert groups(persons(out)) == expected
    open_pairs = settled.where(settled.open(labels))
    wanted = {
        frozenset((names[one], names[other])): weight
        for one, other, weight in zip(open_pairs.left, open_pairs.right, open_pairs.weight, strict=True)
    }
    found = review(out)
    assert found.keys() == wanted.keys()
    for pair, (weight, _reasons) in found.items():
        assert abs(weight - wanted[pair]) < 1e-4
    kept = Kept(out, KEY, SHAPE)
    held = pairs.whole(kept.pages, kept.dead)
    held = held.where((held.decision != pairs.APART) | held.supports)
    registrations = [
        site + SEPARATOR + local
        for site, local, _ in zip(*kept.texts(np.unique([held.left, held.right])).to_pydict().values(), strict=True)
    ]
    name_of = dict(zip(np.unique([held.left, held.right]).tolist(), registrations, strict=True))
    all_kept = judged.kept()
    assert {
        (frozenset((name_of[one], name_of[other])), round(weight, 9), decision)
        for one, other, weight, decision in zip(
            held.left.tolist(), held.right.tolist(), held.weight.tolist(), held.decision.tolist(), strict=True
        )
    } == {
        (frozenset((names[one], names[other])), round(weight, 9), decision)
        for one, other, weight, decision in zip(
            all_kept.left.tolist(), all_kept.right.tolist(), all_kept.weight.tolist(), all_kept.decision.tolist(), strict=True
        )
    }
    in_doubt = held.in_doubt()
    assert {name_of[node] for node in in_doubt.tolist()} == {names[node] for node in all_kept.in_doubt().tolist()}
    # Whoever is in doubt is found by every value of the household.
    for node, row in zip(in_doubt.tolist(), kept.rows(in_doubt), strict=True):
        for value in indexes.household_values(row.reshape(1), SHAPE.household):
            assert node in kept.holders(np.array([value]), DOUBTS)
    sizes = kept.notes["sizes"]
    assert sum(int(size) * count for size, count in sizes.items()) == kept.notes["registrations"] == len(world)
    assert kept.notes["persons"] == len(expected)
    kept.close()


def follow(place: Path, first: World, following: list[tuple[World, list[str]]], settled: Sequence[Decided] = ()) -> None:
    """Link `first`, then each delivery, and compare after each with one link of everything. `settled`: what people have, at each of these."""
    world = dict(first)
    at = place / "0"
    settled = settled or [()] * (len(following) + 1)
    acting = acts(settled[0], world)
    link_whole(at, world, acting)
    expect_equal(at, world, acting)
    for number, (brought, withdrawn) in enumerate(following):
        withdrawn = sorted(set(withdrawn) - brought.keys())
        out = place / str(number + 1)
        before = persons(at)
        world = {name: row for name, row in {**world, **brought}.items() if name not in withdrawn}
        earlier, acting = acting, acts(settled[number + 1], world)
        change = deliver(at, out, brought, withdrawn, turned(acting, earlier))
        expect_equal(out, world, acting)
        touched = set(named(change.pool.texts(change.touched)).to_pylist())
        after = persons(out)
        assert all(after[name] == person for name, person in before.items() if name in world and name not in touched)
        at = out


def acts(decided: Decided, world: World) -> Decided:
    return tuple(each for each in decided if each[0] in world and each[1] in world)


some = st.one_of(st.none(), st.integers(0, 2))
values = st.tuples(some, some, st.one_of(st.none(), st.integers(0, 1)), some, some)
registrations = st.builds(
    lambda site, local: f"S{site}{SEPARATOR}{local}", st.integers(0, 2), st.sampled_from(["a", 'b"', "c,", "d", "e\n", "f"])
)
worlds = st.dictionaries(registrations, values, max_size=14)
deliveries = st.lists(st.tuples(worlds, st.lists(registrations, max_size=4)), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=worlds, following=deliveries, folded=st.booleans())
def test_any_sequence_of_deliveries_equals_one_link_of_all(first: World, following: list[tuple[World, list[str]]], folded: bool) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "FOLD_FROM", 0.0 if folded else 1e9)
        patch.setattr(folder, "UNUSED_FROM", 1e9)
        follow(Path(place), first, following)


@st.composite
def histories(draw: st.DrawFn) -> tuple[World, list[tuple[World, list[str]]], list[Decided]]:
    """A first world, deliveries, and at each what people held: drawn from a truth of their own, so that it does not contradict itself."""
    following: list[tuple[World, list[str]]] = draw(deliveries)
    settled: list[Decided] = []
    for _ in range(len(following) + 1):
        truth = draw(st.dictionaries(registrations, st.integers(0, 3), max_size=8))
        asked = draw(st.lists(st.sampled_from(list(combinations(sorted(truth), 2))), max_size=5, unique=True)) if len(truth) > 1 else []
        again: bool = draw(st.booleans())
        kept = settled[-1] if settled and again else ()
        settled.append(kept or tuple((one, other, truth[one] == truth[other]) for one, other in asked))
    first: World = draw(worlds)
    return first, following, settled


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), folded=st.booleans())
def test_decisions_that_come_and_go_equal_one_link_of_all_with_them(
    history: tuple[World, list[tuple[World, list[str]]], list[Decided]], folded: bool
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "FOLD_FROM", 0.0 if folded else 1e9)
        patch.setattr(folder, "UNUSED_FROM", 1e9)
        follow(Path(place), *history)


def test_decisions_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    one, two, three = (f"S{site}{SEPARATOR}a" for site in range(3))
    link_whole(tmp_path / "0", {each: (1, 1, 1, 1, 1) for each in (one, two, three)})
    with pytest.raises(Refusal, match="linkage-decisions-contradict"):
        deliver(tmp_path / "0", tmp_path / "1", {}, [], turned(((one, two, True), (two, three, True), (one, three, False)), ()))


def town(chance: random.Random, persons: int) -> World:
    """Registrations of families that move: members share telephone and insurance, before the move and after it, and clerks err."""
    world: World = {}
    homes = [(chance.randrange(4 * persons), chance.randrange(4 * persons)) for _ in range(persons // 2)]
    for family in range(persons // 3):
        before, after = chance.sample(homes, 2)
        for _ in range(3):
            born, name, given = chance.randrange(persons // 2), chance.randrange(max(2, persons // 4)), chance.randrange(3)
            for _ in range(chance.choice((1, 2, 2, 3))):
                phone, insurance = (chance.choice((before, after))[side] for side in (0, 1))  # the one may move before the other
                row = (born, name, given, phone, insurance)
                kept = tuple(None if chance.random() < 0.08 else value for value in row)
                world[f"S{chance.randrange(4)}{SEPARATOR}{len(world)}-{family}"] = (
                    *kept[:2],
                    chance.randrange(3) if chance.random() < 0.1 else kept[2],
                    *kept[3:],
                )
    return world


@pytest.mark.parametrize("seed", range(24))
def test_families_that_move_in_several_deliveries(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FOLD_FROM", 1e9 if seed % 3 else 0.3)
    monkeypatch.setattr(folder, "UNUSED_FROM", 1e9)
    chance = random.Random(seed)
    everybody = town(chance, 45)
    names = list(everybody)
    chance.shuffle(names)
    half = len(names) // 2
    first = {name: everybody[name] for name in names[:half]}
    following: list[tuple[World, list[str]]] = []
    for start in range(half, len(names), max(1, half // 3)):
        brought = {name: everybody[name] for name in names[start : start + half // 3]}
        corrected = chance.sample(names[:start], 4)
        brought |= {name: everybody[chance.choice(names)] for name in corrected[:2]} | {corrected[2]: everybody[corrected[2]]}
        following.append((brought, [corrected[3], f"S0{SEPARATOR}never-seen"]))
    settled: list[Decided] = []
    for _ in range(len(following) + 1):
        kept = [each for each in settled[-1] if chance.random() < 0.7] if settled else []
        family = {name: name.rsplit("-", 1)[1] + str(everybody[name][2]) for name in names}  # what people hold, and they hold to it
        asked = [chance.sample(names, 2) for _ in range(3)] + [[one, chance.choice(names)] for one in chance.sample(names, 3)]
        kept += [(min(both), max(both), family[both[0]] == family[both[1]]) for both in asked if both[0] != both[1]]
        alike = [(one, other) for one, other in combinations(names, 2) if family[one] == family[other]]
        kept += [(min(both), max(both), True) for both in chance.sample(alike, 3)]
        settled.append(tuple(dict.fromkeys(kept)))
    follow(tmp_path, first, following, settled if seed % 2 else [()] * (len(following) + 1))
