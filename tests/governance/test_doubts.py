"""Doubtful pairs: no sequence of answers lets one person settle alone, nobody sees another's answer first, settled ones never contradict."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_operator import cases, database, roles
from kiban_operator.ledger import book
from kiban_operator.persons import decisions, doubts, register, settlement
from kiban_operator.persons.decisions import Edge
from kiban_operator.persons.doubts import Answer, Doubt, DoubtAnswer, DoubtReason, Kind
from kiban_operator.roles import Act, Role
from kiban_processing.refusals import Refusal

REASON = "氏名の読みが一致し、住所は転居とみられる"
KEYS = ["a", "b", "c", "d", "e"]
PLAIN = (Answer.SAME, Answer.DIFFERENT, Answer.CANNOT_TELL)


def raise_doubt(story: Any, *keys: str, kind: Kind = Kind.MERGE) -> str:
    """A doubt as a run raises it, between registrations that are in the register."""
    with database.transaction(story.engine) as session:
        for key in keys:
            if session.get(register.Registration, key) is None:
                session.add(register.Registration(patient_key=key, hospital="H1", person=f"P-{key}", linkage="n-1"))
        made = settlement.blank(story.system, kind, keys, "P-1", 1.0)
        made.state, made.version, made.raised_by = doubts.OPEN, 1, roles.SYSTEM.id
        session.add(made)
    return str(made.id)


def decide(story: Any, name: str, doubt: str, answer: Answer, **named: Any) -> Doubt:
    made: Doubt = story.do(name, settlement.decide, doubt, answer, named.pop("reason", REASON), **named)
    return made


def read(story: Any, doubt: str) -> Doubt:
    found: Doubt = story.read(lambda session: doubts.load(session, doubt))
    return found


def refused(code: str) -> Any:
    return pytest.raises(Refusal, match=code)


def test_every_sequence_of_answers_settles_as_two_equal_ones_say() -> None:
    for length in (0, 1, 2, 3):
        for said in itertools.product(PLAIN, repeat=length):
            outcome = doubts.outcome([(answer, frozenset()) for answer in said])
            twice = [answer for answer, times in Counter(said).items() if times >= 2]
            expected = twice[0] if twice else Answer.CANNOT_TELL if length == 3 else None
            assert (outcome and outcome[0]) == expected, said


def test_two_answers_are_equal_only_if_they_part_the_same_registrations() -> None:
    one, other = (Answer.DIFFERENT, frozenset({"a"})), (Answer.DIFFERENT, frozenset({"b"}))
    assert doubts.outcome([one, other]) is None
    assert doubts.outcome([one, other, one]) == one


def test_two_people_settle_and_the_book_holds_counts_and_digests_only(story: Any) -> None:
    doubt = raise_doubt(story, "a", "b")
    assert decide(story, "pr", doubt, Answer.SAME).state == doubts.ANSWERED
    assert story.read(decisions.in_force) == []
    settled = decide(story, "pr2", doubt, Answer.SAME)
    assert (settled.state, settled.outcome) == (doubts.SETTLED, "same")
    assert story.read(decisions.in_force) == [Edge("a", "b", True, doubt)]
    (entry,) = story.read(lambda session: book.entries(session, kind="doubt.settled"))
    assert set(entry.facts) == {"about", "outcome", "answers", "pairs", "answers_digest"}
    said = "".join(str(each.body) for each in story.read(book.entries))
    assert REASON not in said and not any(f'"{key}"' in said for key in "ab")


@pytest.mark.parametrize("second", PLAIN)
@pytest.mark.parametrize("first", PLAIN)
def test_nobody_answers_twice_whatever_they_say(story: Any, first: Answer, second: Answer) -> None:
    doubt = raise_doubt(story, "a", "b")
    decide(story, "pr", doubt, first)
    with refused("doubt-answered-already"):
        decide(story, "pr", doubt, second)
    assert read(story, doubt).state == doubts.ANSWERED
    other = next(answer for answer in PLAIN if answer is not first)
    assert decide(story, "pr2", doubt, other).state == doubts.DISPUTED
    for name in ("pr", "pr2"):
        with refused("doubt-answered-already"):
            decide(story, name, doubt, second)
    assert decide(story, "pr3", doubt, first).outcome == first


@pytest.mark.parametrize("name", ["ck", "so", "se", "dl", "ad1", "chair", "ap"])
def test_only_data_officers_answer(story: Any, name: str) -> None:
    doubt = raise_doubt(story, "a", "b")
    with refused("move-not-allowed"):
        decide(story, name, doubt, Answer.SAME)


def test_nobody_sees_an_answer_before_giving_their_own(story: Any) -> None:
    doubt = raise_doubt(story, "a", "b")
    decide(story, "pr", doubt, Answer.SAME)

    def sees(name: str) -> bool:
        return bool(story.read(lambda s: doubts.may_see(doubts.answers(s, doubts.load(s, doubt)), doubts.load(s, doubt), story.ids[name])))

    assert sees("pr") and not sees("pr2") and not sees("pr3")
    decide(story, "pr2", doubt, Answer.DIFFERENT)
    assert sees("pr2") and not sees("pr3")
    decide(story, "pr3", doubt, Answer.SAME)
    assert sees("pr3") and sees("all")


def test_what_the_events_hold_cannot_be_guessed_and_can_be_checked(story: Any) -> None:
    """Two people who say the same word leave different digests; with the answer at hand the digest is found again."""
    doubt = raise_doubt(story, "a", "b")
    for name in ("pr", "pr2"):
        decide(story, name, doubt, Answer.SAME)
    events = story.read(lambda session: cases.history(session, f"doubt/{doubt}"))
    given = story.read(lambda session: doubts.answers(session, doubts.load(session, doubt)))
    assert [event.content["answer"] for event in events] == [settlement.fingerprint(each) for each in given]
    assert len({event.content["reason"] for event in events}) == 2
    assert not any(word in json.dumps([event.content for event in events]) for word in (*PLAIN, REASON))


def test_a_reporter_does_not_judge_their_own_report(story: Any) -> None:
    for key in "abc":
        raise_doubt(story, key, "z")
    with database.transaction(story.engine) as session:
        session.execute(sa.update(register.Registration).values(person="P-9"))
    made = story.do("pr", settlement.report_split, "P-9", REASON)
    with refused("doubt-reporter-answers"):
        decide(story, "pr", made.id, Answer.DIFFERENT, apart=["c"])
    for apart in ([], ["a", "b", "c", "z"], ["nobody"]):
        with refused("doubt-answer-incomplete"):
            decide(story, "pr2", made.id, Answer.DIFFERENT, apart=apart)
    with refused("doubt-answer-incomplete"):
        decide(story, "pr2", made.id, Answer.SAME, apart=["c"])
    for name in ("pr2", "pr3"):
        decide(story, name, made.id, Answer.DIFFERENT, apart=["c"])
    assert {(edge.left, edge.right, edge.same) for edge in story.read(decisions.in_force)} == {
        ("a", "c", False), ("b", "c", False), ("z", "c", False)
    }  # fmt: skip
    with refused("person-not-several"):
        story.do("pr", settlement.report_split, "P-nobody", REASON)


def test_contradictions_are_refused_with_the_doubts_they_contradict(story: Any) -> None:
    first, second, third = (raise_doubt(story, *pair) for pair in (("a", "b"), ("b", "c"), ("a", "c")))
    for doubt in (first, second):
        for name in ("pr", "pr2"):
            decide(story, name, doubt, Answer.SAME)
    decide(story, "pr", third, Answer.DIFFERENT)
    with refused("doubt-contradicts") as caught:
        decide(story, "pr2", third, Answer.DIFFERENT)
    assert first in caught.value.read("ja") and second in caught.value.read("en")
    assert read(story, third).state == doubts.ANSWERED, "nothing of a refused answer is kept"
    assert len(story.read(lambda session: doubts.answers(session, doubts.load(session, third)))) == 1
    story.do("pr", settlement.question, first, REASON)
    story.do("pr2", settlement.revoke, first, REASON)
    assert decide(story, "pr2", third, Answer.DIFFERENT).state == doubts.SETTLED


def test_revoking_takes_two_people_and_overwrites_nothing(story: Any) -> None:
    doubt = raise_doubt(story, "a", "b")
    for name in ("pr", "pr2"):
        decide(story, name, doubt, Answer.SAME)
    with refused("move-not-allowed"):
        story.do("pr", settlement.revoke, doubt, REASON)
    story.do("pr", settlement.question, doubt, REASON)
    assert len(story.read(decisions.in_force)) == 1, "what is questioned acts on"
    for step in (settlement.revoke, settlement.uphold):
        with refused("doubt-questioner-decides"):
            story.do("pr", step, doubt, REASON)
    story.do("pr3", settlement.uphold, doubt, REASON)
    story.do("pr", settlement.question, doubt, REASON)
    story.do("pr3", settlement.revoke, doubt, REASON)
    again = read(story, doubt)
    assert (again.state, again.round, again.outcome) == (doubts.OPEN, 2, None)
    assert story.read(decisions.in_force) == []
    kept = story.read(lambda session: list(session.scalars(sa.select(DoubtAnswer).where(DoubtAnswer.doubt == doubt))))
    assert [(each.round, each.place, each.answer) for each in sorted(kept, key=lambda one: one.place)] == [(1, 1, "same"), (1, 2, "same")]
    for name in ("pr", "pr2"):
        decide(story, name, doubt, Answer.DIFFERENT)
    assert read(story, doubt).outcome == "different"
    assert [entry.facts["outcome"] for entry in story.read(lambda s: book.entries(s, kind="doubt.settled"))] == ["same", "different"]
    assert [entry.facts["outcome"] for entry in story.read(lambda s: book.entries(s, kind="doubt.revoked"))] == ["same"]


@pytest.mark.parametrize(
    ("reason", "values", "code"),
    [
        ("", [], "doubt-reason-missing"), ("  　", [], "doubt-reason-missing"), ("長" * 1001, [], "doubt-reason-missing"),
        ("電話 0900000 が一致", [], "doubt-reason-quotes"), ("１９６８年の生まれ", [], "doubt-reason-quotes"),
        ("縺患者は同じ人", ["縺患者　之値"], "doubt-reason-quotes"), ("ハナコさんとある", ["ﾔﾏﾀﾞ ﾊﾅｺ"], "doubt-reason-quotes"),
        ("address is Qz7-Cell", [None, "qz7cell"], "doubt-reason-quotes"),
    ],
)  # fmt: skip
def test_a_reason_is_required_and_quotes_no_value(story: Any, reason: str, values: list[str | None], code: str) -> None:
    doubt = raise_doubt(story, "a", "b")
    with refused(code) as caught:
        decide(story, "pr", doubt, Answer.SAME, reason=reason, values=values)
    assert not any(value and value in caught.value.read("ja") for value in values)
    assert story.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(DoubtReason))) == 0


def test_a_registration_that_has_left_is_not_judged(story: Any) -> None:
    doubt = raise_doubt(story, "a", "b")
    with database.transaction(story.engine) as session:
        session.execute(sa.delete(register.Registration).where(register.Registration.patient_key == "b"))
    with refused("doubt-registration-gone"):
        decide(story, "pr", doubt, Answer.SAME)


def test_who_may_look_and_who_may_trace() -> None:
    assert [role for role in Role if roles.may(Act.LOOK_AT_DOUBT, frozenset({role}))] == [Role.PR]
    assert {role for role in Role if roles.may(Act.READ_IDENTITY, frozenset({role}))} == {Role.PR, Role.AU, Role.SO}


edge = st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS), st.booleans()).filter(lambda each: each[0] != each[1])


@settings(max_examples=300, deadline=None)
@given(given_edges=st.lists(edge, max_size=9))
def test_contradictions_are_found_exactly_where_no_partition_satisfies_all(given_edges: list[tuple[str, str, bool]]) -> None:
    """Against the meaning itself: some assignment of five registrations to persons that keeps every pair apart or together as said."""

    def possible(edges: list[tuple[str, str, bool]]) -> bool:
        return any(
            all((person[left] == person[right]) is same for left, right, same in edges)
            for numbers in itertools.product(range(len(KEYS)), repeat=len(KEYS))
            for person in [dict(zip(KEYS, numbers, strict=True))]
        )

    kept: list[tuple[str, str, bool]] = []
    fixed: list[Edge] = []
    for number, each in enumerate(given_edges):
        new = [Edge(*each, f"D-{number}")]
        contradicted = decisions.contradicted(fixed, new)
        assert (not contradicted) == possible([*kept, each])
        if contradicted:
            left_out = [edge for edge in fixed if edge.doubt not in contradicted]
            assert not possible([(e.left, e.right, e.same) for e in fixed if e.doubt in contradicted] + [each])
            assert len(left_out) < len(fixed)
        else:
            kept.append(each)
            fixed += new


@pytest.fixture
def busy(story: Any) -> Iterator[tuple[Any, list[str]]]:
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]
    yield story, [raise_doubt(story, *pair) for pair in pairs]


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_commands_lets_one_person_settle_or_revoke_alone(busy: Any, seed: int) -> None:
    story, open_doubts = busy
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(160):
        doubt, name = chance.choice(open_doubts), chance.choice(["pr", "pr2", "pr3", "all", "ck"])
        step = chance.choice(["decide", "decide", "decide", "question", "revoke", "uphold"])
        try:
            if step == "decide":
                decide(story, name, doubt, chance.choice(PLAIN))
            else:
                story.do(name, getattr(settlement, step), doubt, REASON)
            outcomes["done"] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1
        fixed = story.read(decisions.in_force)
        assert decisions.contradicted(fixed, fixed) == []
    assert outcomes["done"] > 20 and len(outcomes) > 3, outcomes
    for doubt in open_doubts:
        judge(story, doubt)


def judge(story: Any, doubt: str) -> None:
    """Replay what happened to one doubt: who answered, who settled it, who took it back."""
    events = story.read(lambda session: cases.history(session, f"doubt/{doubt}"))
    given = story.read(lambda session: list(session.scalars(sa.select(DoubtAnswer).where(DoubtAnswer.doubt == doubt))))
    by_round: dict[int, list[DoubtAnswer]] = {}
    for each in sorted(given, key=lambda one: (one.round, one.place)):
        by_round.setdefault(each.round, []).append(each)
    for answers in by_round.values():
        assert len({each.person for each in answers}) == len(answers) <= 3
        assert [each.place for each in answers] == list(range(1, len(answers) + 1))
    questioner = None
    for event in events:
        if event.state_after == doubts.SETTLED and event.command != "uphold":
            said = Counter(each.answer for each in by_round[event.content["round"]])
            assert len({each.person for each in by_round[event.content["round"]]}) >= 2
            assert max(said.values()) == 2 or sum(said.values()) == 3
        if event.command == "question":
            questioner = event.actor
        if event.command in ("revoke", "uphold"):
            assert questioner is not None and event.actor != questioner
            questioner = None
    found = read(story, doubt)
    assert found.version == 1 + len(events) and found.round == 1 + sum(event.command == "revoke" for event in events)
