"""Doubtful pairs through the commands: two people settle, linkage obeys, revoking undoes it, and a release stays explainable throughout."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from kiban_applications.command_line import entry, releasing
from kiban_applications.command_line.door import Door
from kiban_operator import earlier_releases, grants, optouts, people, persons, released_persons
from kiban_operator.persons import decisions, doubts, history, samples, settlement, side_by_side
from kiban_operator.persons.doubts import Answer, Doubt, DoubtReason, Kind
from kiban_operator.persons.events import PersonEvent
from kiban_operator.persons.register import Registration
from kiban_operator.roles import Role
from kiban_processing.refusals import Refusal
from kiban_processing.transforms import keys

REASON = "氏名の読みと電話番号が一致し、転居とみる"


class Desk:
    """The commands as people give them, in one home."""

    def __init__(self, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.patch = place, monkeypatch

    def run(self, *words: str, as_json: bool = True, language: str = "en") -> tuple[int, Any]:
        self.patch.setenv("KIBAN_NOW", self.place.clock().isoformat())
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            code = entry.run(["--home", str(self.place.path), "--lang", language, *(["--json"] if as_json else []), *words])
        return code, json.loads(said.getvalue()) if as_json and said.getvalue() else said.getvalue()


@pytest.fixture
def desk(copied: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(copied, monkeypatch)


def held_apart(place: Any) -> str:
    """The doubt that the story settled as two persons."""
    with place.home.transaction() as session:
        return str(session.scalars(sa.select(Doubt.id).where(Doubt.outcome == "different")).first())


def raise_doubt(place: Any, *keys: str) -> str:
    """A doubt as a run raises it, between registrations that the model keeps apart."""
    with place.home.transaction() as session:
        made = settlement.blank(place.home.circumstances, Kind.MERGE, keys, "P-1", 1.0)
        made.state, made.version = doubts.OPEN, 1
        session.add(made)
    return str(made.id)


def settle(place: Any, doubt: str, answer: Answer, **named: Any) -> None:
    for seat in ("PR", "PR-2"):
        side_by_side.decide(place.by(seat), doubt, answer, REASON, **named)


def alone(place: Any, number: int) -> list[str]:
    """The first registration of each of as many hospitals that is a person alone and of whom the story's people have said nothing."""
    owners, settled = place.persons(), settled_registrations(place)
    registered = Counter(owners.values())
    found: dict[str, str] = {}
    for key, person in owners.items():
        if registered[person] == 1 and key not in settled:
            found.setdefault(hospital(place, key), key)
    return list(found.values())[:number]


def test_the_story_settles_its_doubts_and_the_next_run_obeys(agreed: Any) -> None:
    told = agreed.told["settled"]
    assert told["same"] + told["different"] + told["cannot_tell"] == agreed.told["linkage"]["doubtful"] >= 1
    assert told["doubtful"] == 0 and told["merged"] == told["same"]
    assert told["persons"] == agreed.told["linkage"]["persons"] - told["same"]
    with agreed.home.transaction() as session:
        merges = list(session.scalars(sa.select(PersonEvent).where(PersonEvent.kind == "merge")))
        decided = {doubt.id for doubt in doubts.every(session) if doubt.outcome == "same"}
    assert {event.cause for event in merges} <= {"decision"} and {event.doubt for event in merges} == decided


def test_a_whole_settlement_by_the_commands(desk: Desk) -> None:
    doubt = held_apart(desk.place)
    code, rows = desk.run("doubt", "list")
    assert (code, rows) == (0, [])
    assert "Nothing waits" in desk.run("doubt", "list", as_json=False)[1]
    assert "判定を待つ組はありません" in desk.run("doubt", "list", as_json=False, language="ja")[1]
    assert desk.run("doubt", "question", doubt, "--reason", REASON, "--as", "PR")[0] == 0
    assert desk.run("doubt", "revoke", doubt, "--reason", REASON, "--as", "PR")[0] == 13
    assert desk.run("doubt", "revoke", doubt, "--reason", REASON, "--as", "PR-2")[1]["state"] == doubts.OPEN
    (row,) = desk.run("doubt", "list")[1]
    assert (row["doubt"], row["about"], row["answered"]) == (doubt, "pair", False)
    assert desk.run("doubt", "decide", doubt, "--answer", "same", "--reason", REASON)[0] == 13, "an answer takes no seat by default"
    first = desk.run("doubt", "decide", doubt, "--answer", "same", "--reason", REASON, "--as", "PR")[1]
    assert (first["state"], first["outcome"]) == (doubts.ANSWERED, None)
    code, unseen = desk.run("doubt", "show", doubt, "--as", "PR-2")
    assert unseen["answers"] == [] and unseen["model"] is None and "weight" not in json.dumps(unseen)
    assert {field["field"] for field in unseen["fields"]} >= {"name_kanji", "birth_date", "address"}
    assert desk.run("doubt", "show", doubt, "--as", "PR")[1]["model"]["weight"] is not None
    assert desk.run("doubt", "decide", doubt, "--answer", "same", "--reason", REASON, "--as", "PR")[0] == 13
    assert desk.run("doubt", "decide", doubt, "--answer", "same", "--reason", REASON, "--as", "PR-2")[1]["outcome"] == "same"
    assert desk.run("doubt", "show", doubt, "--as", "CK-1")[0] == 13
    before = desk.place.persons()
    linked = desk.run("link")[1]
    assert (linked["merged"], linked["split"]) == (1, 0)
    after = desk.place.persons()
    with desk.place.home.transaction() as session:
        left, right = doubts.load(session, doubt).registrations
    assert after[left] == after[right] and before[left] != before[right]
    assert {key for key in before if before[key] != after[key]} < {left, right}
    told = desk.run("person", "history", after[left])[1]
    assert [(each["kind"], each["cause"], each["doubt"]) for each in told["events"]][-1] == ("merge", "decision", doubt)
    assert sorted(told["consists"]) == sorted(key for key, person in after.items() if person == after[left])


def test_a_quotation_is_refused_and_stands_nowhere(desk: Desk) -> None:
    doubt = raise_doubt(desk.place, *alone(desk.place, 2))
    seen = side_by_side.show(desk.place.by("PR"), doubt)
    name = next(value for field in seen.fields if field.name == "name_kanji" for value in field.values if value)
    code, said = desk.run("doubt", "decide", doubt, "--answer", "same", "--reason", f"{name}とある", "--as", "PR")
    assert code == 11 and said["refused"]["code"] == "doubt-reason-quotes"
    assert name not in json.dumps(said, ensure_ascii=False)
    with desk.place.home.transaction() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DoubtReason).where(DoubtReason.doubt == doubt)) == 0


def test_a_person_reported_as_over_merged_is_parted_by_two_others(desk: Desk) -> None:
    before = desk.place.persons()
    settled = settled_registrations(desk.place)
    person = next(owner for key, owner in before.items() if list(before.values()).count(owner) == 2 and key not in settled)
    members = [key for key, owner in before.items() if owner == person]
    reporter = third_officer(desk.place)
    code, made = desk.run("doubt", "report", person, "--reason", "住所と保険がいずれも異なる", "--as", reporter)
    assert (code, made["about"], made["registrations"]) == (0, "person", 2)
    words = ("doubt", "decide", made["doubt"], "--answer", "different", "--reason", "住所と保険がいずれも異なる")
    assert desk.run(*words, "--apart", "3", "--as", "PR")[0] == 11
    assert desk.run(*words, "--apart", "2", "--as", reporter)[0] == 13
    assert desk.run(*words, "--apart", "2", "--as", "PR")[0] == 0
    assert desk.run(*words, "--apart", "2", "--as", "PR-2")[1]["state"] == doubts.SETTLED
    assert desk.run("link")[1]["split"] == 1
    after = desk.place.persons()
    assert after[members[0]] != after[members[1]] and person in {after[key] for key in members}
    assert {key: owner for key, owner in after.items() if key not in members} == {k: v for k, v in before.items() if k not in members}
    assert desk.run("link")[1]["split"] == 0, "a decision survives every linkage"
    assert desk.place.persons() == after


def settled_registrations(place: Any) -> set[str]:
    """Whoever the story's people have already said something about; to say the contrary would be refused."""
    with place.home.reading() as session:
        return {key for edge in decisions.in_force(session) for key in (edge.left, edge.right)}


def third_officer(place: Any) -> str:
    """One more data officer, granted by two administrators."""
    with place.home.transaction() as session:
        first, second = (place.by(seat).circumstances for seat in ("AD-1", "AD-2"))
        of = session.query(people.Organisation).filter_by(kind="operator").one().id
        made = people.register_person(session, first, place.path / "keys" / "people", name="三木 渉", organisation_id=of)
        grants.confirm_role(session, second, grants.propose_role(session, first, made.id, Role.PR).id)
    return str(made.id)


def test_a_sample_is_drawn_by_seed_shown_like_a_doubt_and_answered_as_a_table(desk: Desk) -> None:
    drawn = desk.run("doubt", "sample", "--each", "2", "--seed", "7")[1]
    assert all(each["drawn"] <= min(2, each["links"]) for each in drawn["strata"])
    assert sum(each["links"] for each in drawn["strata"]) > sum(each["drawn"] for each in drawn["strata"]) > 1
    rows = desk.run("doubt", "list")[1]
    assert len(rows) == sum(each["drawn"] for each in drawn["strata"]) and {row["about"] for row in rows} == {"pair"}
    with desk.place.home.transaction() as session:
        assert samples.answered(session).num_rows == 0
    settle(desk.place, rows[0]["doubt"], Answer.SAME)
    settle(desk.place, rows[1]["doubt"], Answer.CANNOT_TELL)
    with desk.place.home.transaction() as session:
        answered = samples.answered(session, drawn["sample"])
        known = {tuple(doubt.registrations) for doubt in doubts.every(session)}
    assert answered.schema.names == ["left", "right", "weight", "stratum", "same"]
    assert sorted(answered.column("same").to_pylist(), key=str) == [None, True]
    again = desk.run("doubt", "sample", "--each", "2", "--seed", "7")[1]
    with desk.place.home.transaction() as session:
        fresh = [tuple(doubt.registrations) for doubt in doubts.every(session) if doubt.sample == again["sample"]]
    assert fresh and not set(fresh) & known, "what is in the queue or settled is not drawn again"


def test_a_wrong_link_found_by_a_sample_is_undone_at_the_next_run(desk: Desk) -> None:
    desk.run("doubt", "sample", "--each", "1")
    doubt = desk.run("doubt", "list")[1][0]["doubt"]
    settle(desk.place, doubt, Answer.DIFFERENT)
    assert desk.run("link")[1]["split"] == 1
    with desk.place.home.transaction() as session:
        left, right = doubts.load(session, doubt).registrations
    after = desk.place.persons()
    assert after[left] != after[right]


def test_a_bridge_that_asks_to_stop_lets_its_cluster_fall_apart(desk: Desk) -> None:
    """Three hospitals, joined by two decisions through the middle one; whoever leaves is in nobody, and what named them acts no more."""
    place = desk.place
    one, bridge, other = alone(place, 3)
    first, second = raise_doubt(place, one, bridge), raise_doubt(place, bridge, other)
    settle(place, first, Answer.SAME)
    settle(place, second, Answer.SAME)
    persons.link(place.by("PR"))
    joined = place.persons()
    assert joined[one] == joined[bridge] == joined[other]
    waiting = raise_doubt(place, bridge, next(key for key in joined if key not in (one, bridge, other)))
    stop(place, bridge)
    with pytest.raises(Refusal, match="doubt-registration-gone"):
        side_by_side.show(place.by("PR"), waiting)
    outcome = persons.link(place.by("PR"))
    after = place.persons()
    assert bridge not in after and after[one] != after[other] and joined[one] in (after[one], after[other])
    rest = {key: person for key, person in joined.items() if key not in (one, bridge, other)}
    assert {key: after[key] for key in rest} == rest
    assert (outcome.left, outcome.split) == (1, 1)
    with place.home.transaction() as session:
        assert doubts.load(session, waiting).closed_because == "gone"
        events = [event for event in session.scalars(sa.select(PersonEvent)) if event.linkage == outcome.linkage]
        assert [(event.kind, event.cause) for event in events] == [("split", "departure")]
        assert doubts.load(session, first).registrations == [one, bridge], "the decision keeps the key, and no word"
        assert not doubts.reasons_of(session, doubts.load(session, first))
        assert decisions.acting(decisions.in_force(session), frozenset(after)) == [
            edge for edge in decisions.in_force(session) if bridge not in (edge.left, edge.right)
        ]


def stop(place: Any, key: str) -> None:
    home = place.by("OD")
    with home.transaction() as session:
        hospital = session.get_one(Registration, key).hospital
        optouts.register(session, home.circumstances, hospital, key, home.circumstances.today(), "window", "person")


def test_a_released_person_stays_explainable_through_merge_and_split(desk: Desk) -> None:
    place = desk.place
    plan = Path(__file__).resolve().parents[2] / "data_examples" / "plans" / "diabetes-cohort.toml"
    made = releasing.make(Door("en", place.path, None, True, clock=place.clock), place.by("PR"), place.told["contract"], plan).release.id
    released, settled = {row["patient_key"] for row in place.rows("released", "members")}, settled_registrations(place)
    members = [(key, person) for key, person in place.persons().items() if key in released and key not in settled]
    (one, owner), (other, _) = next(
        (a, b) for a in members for b in members if a[1] != b[1] and hospital(place, a[0]) != hospital(place, b[0])
    )
    then = sorted(key for key, person in place.persons().items() if person == owner)
    doubt = raise_doubt(place, one, other)
    settle(place, doubt, Answer.SAME)
    persons.link(place.by("PR"))
    merged = released_persons.explain(place.by("AU"), made, owner)
    assert (merged.person, list(merged.consisted)) == (owner, then)
    assert merged.now == {key: place.persons()[key] for key in then}
    assert [(event.kind, event.doubt) for event in merged.events] == [("merge", doubt)]
    for seat, step in (("PR", settlement.question), ("PR-2", settlement.revoke)):
        with place.home.transaction() as session:
            step(session, place.by(seat).circumstances, doubt, REASON)
    persons.link(place.by("PR"))
    parted = released_persons.explain(place.by("AU"), made, owner)
    assert parted.consisted == merged.consisted and parted.run == merged.run
    assert [event.kind for event in parted.events] == ["merge", "split"]
    with place.home.transaction() as session:
        runs = history.runs(session)
        assert list(history.of(session, place.by("AU").circumstances, owner, runs[-3].id).consists) == then
    by_pseudonym = pseudonym_of(place, made, owner)
    assert released_persons.explain(place.by("AU"), made, by_pseudonym).person == owner
    with pytest.raises(Refusal, match="person-not-released"):
        released_persons.explain(place.by("AU"), made, "P-nobody")
    with pytest.raises(Refusal, match="act-not-allowed"):
        released_persons.explain(place.by("CK-1"), made, owner)


def hospital(place: Any, key: str) -> str:
    with place.home.transaction() as session:
        return str(session.get_one(Registration, key).hospital)


def pseudonym_of(place: Any, release_id: str, person: str) -> str:
    with place.home.reading() as session:
        secret = place.home.keyring.open(session, earlier_releases.secret_of(release_id, "pseudonym"))
    query = f"SELECT {keys.pseudonym_sql('person')} FROM (SELECT '{person}' AS person)"
    return str(duckdb.execute(query, keys.pads("pseudonym", secret)).fetchall()[0][0])


def test_pairs_of_the_newest_run_only_are_kept_and_encrypted(desk: Desk) -> None:
    before = {path for path in desk.place.files_on_disk() if path.startswith("core/linkage/")}
    assert len(before) == 1
    persons.link(desk.place.by("PR"))
    after = {path for path in desk.place.files_on_disk() if path.startswith("core/linkage/")}
    assert len(after) == 1 and not after & before
    content = (desk.place.path / after.pop()).read_bytes()
    assert not any(key.encode() in content for key in desk.place.persons())
