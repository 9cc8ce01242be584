"""Linking what changed at the vault: the register, the queue, the events and the book are those of linking everything by the same model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from kiban_operator import notice_register, optouts, persons, vault, workshop
from kiban_operator.keys import WrappedKey
from kiban_operator.persons import decisions, generations, judging, links, register, settlement, side_by_side
from kiban_operator.persons.doubts import Answer, Doubt, Kind
from kiban_operator.persons.events import PersonEvent
from kiban_operator.persons.register import Membership, Registration
from kiban_processing.linkage import by_model, model, parameters, vaulted
from kiban_processing.refusals import Refusal

from .conftest import Place, duplicate

REASON = "旧住所と転居先の届出が一致するため"


@pytest.fixture
def pair(copied: Place, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    """The same home twice."""
    other = duplicate(copied, tmp_path / "other")
    yield copied, other
    other.close()


def second_submission(place: Place, data: Path) -> None:
    folder = data / "hospitals" / "h002"
    with workshop.open_workshop(place.home.receive / "engine") as con, place.home.transaction() as session:
        secret = vault.patient_secret(session, place.home)
        notices = folder / "notices-2026-12.csv"
        notice_register.import_register(session, place.by("HL").circumstances, "H002", "A", notices, secret, con=con)
    assert place.receive(folder / "submission-2026-12").counts["patients"].accepted > 0


def stop(place: Place, key: str) -> None:
    home = place.by("OD")
    with home.transaction() as session:
        hospital = session.get_one(Registration, key).hospital
        optouts.register(session, home.circumstances, hospital, key, home.circumstances.today(), "window", "person")


def settle(place: Place, one: str, other: str, answer: Answer) -> str:
    with place.home.transaction() as session:
        made = settlement.blank(place.home.circumstances, Kind.MERGE, sorted((one, other)), "P-1", 1.0)
        made.state, made.version = "OPEN", 1
        session.add(made)
    for seat in ("PR", "PR-2"):
        side_by_side.decide(place.by(seat), made.id, answer, REASON)
    return str(made.id)


def revoke(place: Place, doubt: str) -> None:
    for seat, step in (("PR", settlement.question), ("PR-2", settlement.revoke)):
        with place.home.transaction() as session:
            step(session, place.by(seat).circumstances, doubt, REASON)


def settled_by_story(place: Place) -> set[str]:
    """Whoever the story's people have said something about: to say the contrary would be refused."""
    with place.home.reading() as session:
        return {key for edge in decisions.in_force(session) for key in (edge.left, edge.right)}


def undecided(place: Place) -> tuple[list[str], list[list[str]]]:
    """Registrations that are a person alone, and persons of two registrations, of whom nobody has decided anything."""
    settled = settled_by_story(place)
    groups = [keys for keys in clusters(place).values() if not settled & set(keys)]
    return [keys[0] for keys in groups if len(keys) == 1], [keys for keys in groups if len(keys) == 2]


def clusters(place: Place) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, person in place.persons().items():
        found.setdefault(person, []).append(key)
    return found


def by_all(place: Place, monkeypatch: pytest.MonkeyPatch) -> persons.LinkageOutcome:
    """Link everything, but by the model, the counts and the decisions that an increment uses."""
    with place.home.reading() as session:
        run = register.last_run(session)
        assert run is not None
        state = generations.of(place.home, session, run.id, len(place.persons()))
    assert state is not None
    learnt = parameters.read(state.attached(by_model.MODEL_PART).decode(), "model.json")
    frozen = by_model.frozen_of(state)
    state.close()
    link = model.link
    with monkeypatch.context() as patch:
        patch.setattr(model, "link", lambda *given, **named: link(*given, **named, learnt=learnt, frozen=frozen))
        return persons.link(place.by("PR"), anew=True)


def told(place: Place) -> dict[str, Any]:
    """All that a run writes; persons by their registrations, as their IDs are drawn at random."""
    booked, pairs = place.booked("persons.linked"), pairs_of(place)
    with place.home.transaction() as session:
        memberships = session.scalars(sa.select(Membership).order_by(Membership.patient_key, Membership.since)).all()
        whole: dict[str, list[tuple[str, int]]] = {}
        for each in memberships:
            whole.setdefault(each.person, []).append((each.patient_key, each.since))
        person = {identifier: tuple(sorted(held)) for identifier, held in whole.items()}
        runs = {run.id: run.entry for run in session.scalars(sa.select(register.LinkageRun))}
        doubts = session.scalars(sa.select(Doubt)).all()
        return {
            "memberships":
            [(each.patient_key, each.since, each.until, person[each.person]) for each in memberships],
            "registrations": {
                each.patient_key: (each.hospital, person[each.person], runs[each.linkage]) for each in session.scalars(sa.select(Registration))
            },
            "events": sorted(
                (runs[each.linkage], each.kind, person[each.person], person.get(each.other or "", ()), each.cause, each.doubt is None)
                for each in session.scalars(sa.select(PersonEvent))
            ),
            "doubts": sorted(
                (each.kind, each.state, tuple(sorted(each.registrations)), round(each.weight or 0, 6), tuple(each.reasons), round(each.harm, 6),
                 str(each.outcome), str(each.closed_because))
                for each in doubts
            ),
            "booked": [{name: value for name, value in facts.items() if name != "report"} for facts in booked],
            "pairs": pairs,
        }  # fmt: skip


def pairs_of(place: Place) -> list[tuple[Any, ...]]:
    with workshop.open_workshop(place.home.core / "engine") as con, links.readable(place.home, con) as name:
        rows = con.execute(f'SELECT "left", "right", decision, weight, reasons, weights FROM {name} ORDER BY ALL').fetchall()
    return [
        (left, right, decision, round(weight, 6), reasons, [round(each, 6) for each in weights])
        for left, right, decision, weight, reasons, weights in rows
    ]


def expect_alike(one: Place, other: Place) -> None:
    left, right = told(one), told(other)
    for part in left:
        assert left[part] == right[part], part


def test_an_increment_tells_what_linking_everything_tells(pair: tuple[Place, Place], tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """New registrations, then stops and decisions together, then decisions revoked and a decided person who stops."""
    alone, several = undecided(pair[0])
    doubts: dict[Path, list[str]] = {}
    for number in range(4):
        for place in pair:
            if number == 0:
                second_submission(place, tools.data)
            elif number == 1:
                for key in (alone[7], several[0][0], several[3][1]):
                    stop(place, key)
                doubts[place.path] = [
                    settle(place, alone[0], alone[1], Answer.SAME),
                    settle(place, alone[1], several[5][0], Answer.SAME),
                    settle(place, alone[2], alone[3], Answer.DIFFERENT),
                    settle(place, several[1][0], several[1][1], Answer.DIFFERENT),
                ]
            elif number == 2:
                for doubt in doubts[place.path][1:]:
                    revoke(place, doubt)
                settle(place, alone[4], alone[5], Answer.SAME)
            else:
                stop(place, alone[5])
        before = pair[0].persons()
        outcome = persons.link(pair[0].by("PR"))
        reference = by_all(pair[1], monkeypatch)
        assert (outcome.whole, reference.whole) == (False, True)
        assert outcome.report["changed"]["brought"] > 0 if number == 0 else outcome.report["changed"]["brought"] == 0
        expect_alike(*pair)
        after = pair[0].persons()
        if number == 1:
            assert outcome.merged == 2 and outcome.split == 1 and outcome.left == 3
        if number == 2:
            assert outcome.merged == 2 and outcome.split == 1
        settled = {*alone[:6], *(key for keys in (several[0], several[1], several[3], several[5]) for key in keys)}
        assert {key: after[key] for key in before if key in after and key not in settled} == {
            key: person for key, person in before.items() if key in after and key not in settled
        }


def test_nothing_new_compares_and_writes_nothing(copied: Place) -> None:
    before = told(copied)
    outcome = copied.link()
    assert not outcome.whole and outcome.report["pairs"]["compared"] == 0
    after = told(copied)
    for part in ("memberships", "registrations", "events", "doubts", "pairs"):
        assert after[part] == before[part], part


def test_linking_anew_keeps_ids_and_books_the_differences(copied: Place) -> None:
    before = copied.persons()
    outcome = persons.link(copied.by("PR"), anew=True)
    after = copied.persons()
    assert outcome.whole and (outcome.joined, outcome.parted) == differences(before, after)
    booked = copied.booked("persons.linked")[-1]
    assert (booked["joined"], booked["parted"]) == (outcome.joined, outcome.parted)


def test_differences_are_counted_in_pairs_of_registrations(copied: Place) -> None:
    (one, two, *_), (several, *_) = undecided(copied)
    settle(copied, one, two, Answer.SAME)
    settle(copied, several[0], several[1], Answer.DIFFERENT)
    before = copied.persons()
    outcome = copied.link()
    assert (outcome.joined, outcome.parted) == differences(before, copied.persons()) == (1, 1)


def differences(before: dict[str, str], after: dict[str, str]) -> tuple[int, int]:
    known = sorted(before.keys() & after.keys())
    both = [(one, other) for place, one in enumerate(known) for other in known[place + 1 :]]
    together = [(before[one] == before[other], after[one] == after[other]) for one, other in both]
    return together.count((False, True)), together.count((True, False))


@pytest.mark.parametrize("cause", ["no-state", "no-key", "damaged", "no-pages", "version", "much"])
def test_everything_is_linked_again_where_nothing_can_be_gone_on_from(copied: Place, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder,) = (copied.home.core / generations.FOLDER).iterdir()
    before = copied.persons()
    if cause == "no-state":
        (folder / "state" / "table.bin").unlink()
    elif cause == "no-key":
        with copied.home.transaction() as session:
            copied.home.keyring.destroy(session, f"{generations.FOLDER}/{folder.name}", copied.home.circumstances.now())
    elif cause == "damaged":
        table = folder / "state" / "table.bin"
        table.write_bytes(table.read_bytes()[:-1] + b"x")
    elif cause == "no-pages":
        for pages in (folder / "state").glob("pages-*.bin"):
            pages.write_bytes(b"")
    elif cause == "version":
        monkeypatch.setattr(vaulted, "VERSIONS", {**vaulted.VERSIONS, "keys": "another"})
    else:
        monkeypatch.setattr(judging, "ANEW_FROM", -1.0)
    assert copied.link().whole
    assert copied.persons() == before
    if cause == "much":
        monkeypatch.undo()
    assert not copied.link().whole


def test_an_interrupted_run_leaves_state_and_register_as_they_were(copied: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    known, files = told(copied), copied.files_on_disk()
    stop(copied, next(iter(copied.persons())))
    for place in (register, generations, links):
        with monkeypatch.context() as patch:
            patch.setattr(place, {register: "write", generations: "record", links: "replace"}[place], broken)
            with pytest.raises(KeyboardInterrupt):
                copied.link()
        assert copied.files_on_disk() == files
        assert told(copied) == known
    outcome = copied.link()
    assert not outcome.whole and outcome.left == 1


def broken(*_given: Any) -> None:
    raise KeyboardInterrupt


def test_what_a_crash_left_is_removed_when_it_is_a_day_old(copied: Place) -> None:
    left = copied.home.core / generations.FOLDER / "n-crashed" / "state"
    left.mkdir(parents=True)
    (left / "pages-0.bin").write_bytes(b"noise")
    copied.clock.at = max(copied.clock.at, copied.clock.at.fromtimestamp(left.stat().st_mtime, copied.clock.at.tzinfo))
    copied.link()
    assert left.exists()
    copied.clock.at += timedelta(days=2)
    copied.link()
    assert not left.parent.exists()


def test_a_run_that_another_overtook_changes_nothing(copied: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judging.judge
    key = next(iter(copied.persons()))

    def overtaken(*given: Any) -> judging.Judged:
        monkeypatch.setattr(judging, "judge", judge)
        stop(copied, key)
        copied.link()
        return judge(*given)

    monkeypatch.setattr(judging, "judge", overtaken)
    with pytest.raises(Refusal, match="linkage-overtaken"):
        copied.link()
    assert key not in copied.persons() and not copied.link().whole


def test_the_state_is_sealed_and_its_key_is_nowhere_beside_it(copied: Place) -> None:
    copied.link()
    (folder,) = (copied.home.core / generations.FOLDER).iterdir()
    with copied.home.transaction() as session:
        secret = copied.home.keyring.open(session, f"{generations.FOLDER}/{folder.name}")
        names = session.scalars(
            sa.select(WrappedKey.name).where(WrappedKey.name.startswith(generations.FOLDER), WrappedKey.wrapped.is_not(None))
        ).all()
    assert names == [f"{generations.FOLDER}/{folder.name}"], "the keys of earlier generations are destroyed"
    known = [key.encode() for key in copied.persons()]
    for path in (path for path in copied.path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert secret not in content and secret.hex().encode() not in content, path.name
        if folder in path.parents:
            assert not any(key in content for key in known), path.name
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".bin", ".json"}


def test_the_state_holds_whom_the_register_holds_and_nobody_who_left(copied: Place) -> None:
    """Held, quarantined and stopped registrations are in no state; of whoever leaves, no name, row, pair or index entry remains."""
    key = next(keys[0] for keys in clusters(copied).values() if len(keys) > 1)
    first, node = held(copied, key)
    assert first == set(copied.persons()) and node is not None
    stop(copied, key)
    assert not copied.link().whole
    second, gone = held(copied, key)
    assert second == set(copied.persons()) == first - {key} and gone is None
    with copied.home.reading() as session:
        run = register.last_run(session)
        assert run is not None
        state = generations.of(copied.home, session, run.id, len(second))
    assert state is not None
    pages = state.pages
    assert not pages.take("rows", np.array([node]))[0].tobytes().strip(b"\0")
    assert not pages.take("named", np.array([node]))[0] and not pages.take("names", np.array([node]))[0].tobytes().strip(b"\0")
    for name in pages.arrays:
        if name.endswith(("/base", "/since")) and not name.startswith("judged"):
            entries = pages.all(name)
            assert not (entries & np.uint64(0xFFFFFFFF) == node).any(), name
            near = entries[entries >> np.uint64(32) == node] if name.startswith("pairs") else entries[:0]
            assert (near & np.uint64(0xFFFFFFFF) == 0xFFFFFFFF).all(), "with whom it was paired"
    state.close()


def held(place: Place, key: str) -> tuple[set[str], int | None]:
    """The registrations that the state in force names, and the node of one of them."""
    with place.home.reading() as session:
        run = register.last_run(session)
        assert run is not None
        state = generations.of(place.home, session, run.id, len(place.persons()))
    assert state is not None
    names = [name.decode() for name in state.pages.all("names")["registration"].tolist()]
    state.close()
    return {name for name in names if name}, names.index(key) if key in names else None


def test_a_decision_of_whoever_left_acts_on_nobody(copied: Place) -> None:
    one, two, *_ = undecided(copied)[0]
    settle(copied, one, two, Answer.SAME)
    copied.link()
    joined = copied.persons()
    assert joined[one] == joined[two]
    stop(copied, one)
    outcome = copied.link()
    assert not outcome.whole and copied.persons()[two] == joined[two] and one not in copied.persons()
    with copied.home.transaction() as session:
        assert one in {edge.left for edge in decisions.in_force(session)} | {edge.right for edge in decisions.in_force(session)}
