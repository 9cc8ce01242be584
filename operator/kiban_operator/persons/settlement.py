"""判定と確定 (settlement): two natural persons, each without sight of the other's answer, settle a doubt; a third decides where they differ.

The state table opens the steps to data officers (作成担当者); who may answer beside whom is judged here. State, event, answer and ledger
entry stand or fall together, and steps of one doubt happen one after another, so that two at the same moment give one settlement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import cases, people
from kiban_operator.circumstances import Circumstances
from kiban_operator.machine import NEW
from kiban_operator.persons import decisions, reasons
from kiban_operator.persons.doubts import (
    ANSWERED,
    DISPUTED,
    DOUBT,
    OPEN,
    Answer,
    Doubt,
    DoubtAnswer,
    DoubtReason,
    Kind,
    answers,
    load,
    outcome,
)
from kiban_operator.persons.register import Registration
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18, ACT_56_1_II, REG_6_I

ANSWERED_ALREADY = Ground(
    "doubt-answered-already", Family.PERMISSION, REG_6_I,
    Text("あなたは {aggregate} をすでに判定しています。", "You have answered {aggregate} already."),
    Text("別の人が、あなたの判定を見ずに判定します。", "Somebody else answers it now, without sight of yours."),
)  # fmt: skip
REPORTER_ANSWERS = Ground(
    "doubt-reporter-answers", Family.PERMISSION, REG_6_I,
    Text("{aggregate} を報告した人は判定できません。", "Whoever reported {aggregate} does not answer it."),
    Text("ほかの二人が判定します。", "Two others answer it."),
)  # fmt: skip
REGISTRATION_GONE = Ground(
    "doubt-registration-gone", Family.LAW, ACT_56_1_II,
    Text("{aggregate} の登録には、もう利用できないものがあります。", "{aggregate} concerns a registration that may no longer be used."),
    Text("判定は不要です。次の名寄せ(`kiban link`)で終了します。", "It needs no answer; the next linkage (`kiban link`) closes it."),
)  # fmt: skip
ANSWER_INCOMPLETE = Ground(
    "doubt-answer-incomplete", Family.INPUT, ACT_18,
    Text("別人とした登録の指定が、この判定に合いません。", "The registrations named as somebody else do not fit this answer."),
    Text("誤統合の報告を「別人」とするときに限り、別人である登録の番号(全部ではない)を --apart で指定してください。",
         "Only of a reported person, and only with “different”, name with --apart the numbers of those who are somebody else, and not all of them."),
)  # fmt: skip
QUESTIONER_DECIDES = Ground(
    "doubt-questioner-decides", Family.PERMISSION, REG_6_I,
    Text("{aggregate} の見直しを求めた人は、取消しも維持もできません。", "Whoever asked to revoke {aggregate} neither revokes nor upholds it."),
    Text("別の人が行います。", "Somebody else does."),
)  # fmt: skip
NOT_ONE_PERSON = Ground(
    "person-not-several", Family.INPUT, ACT_18,
    Text("本人 {person} には、分けられる二つ以上の登録がありません。", "Person {person} has no two registrations that could be parted."),
    Text("本人IDを確かめてください(`kiban person history`)。", "Check the person's ID (`kiban person history`)."),
)  # fmt: skip
REPORTED_ALREADY = Ground(
    "person-reported-already", Family.STATE, ACT_18,
    Text("本人 {person} はすでに報告されています({doubt})。", "Person {person} is reported already ({doubt})."),
    Text("その判定を待ってください。", "Wait for its settlement."),
)  # fmt: skip


def decide(
    session: Session, circumstances: Circumstances, doubt_id: str, answer: Answer, reason: str, apart: Iterable[str] = (),
    values: Sequence[str | None] = (),
) -> Doubt:  # fmt: skip
    """Give one's own answer to a doubt; the second equal one settles it, two unequal ones wait for a third.

    `apart`: of a reported person, the registrations that are somebody else; `values`: what the registrations hold, which the reason may
    not quote. Refuses: unknown-case, move-not-allowed, doubt-answered-already, doubt-reporter-answers, doubt-registration-gone,
    doubt-answer-incomplete, doubt-reason-missing, doubt-reason-quotes, doubt-contradicts, case-changed.
    """
    doubt = load(session, doubt_id, lock=True)
    given = answers(session, doubt)
    others = frozenset(apart)
    settled = outcome([*((Answer(one.answer), frozenset(one.apart)) for one in given), (answer, others)])
    step = people.begin(session, circumstances, DOUBT, doubt, _command(doubt.state, settled is not None))
    step.judge("own-answer-only-once", step.actor.id not in {one.person for one in given}, ANSWERED_ALREADY)
    step.judge("not-reporter", doubt.kind != Kind.SPLIT or step.actor.id != doubt.raised_by, REPORTER_ANSWERS)
    step.judge("still-registered", _registered(session, doubt.registrations), REGISTRATION_GONE)
    step.judge("answer-complete", _complete(doubt, answer, others), ANSWER_INCOMPLETE)
    kept = _judged_reason(step, reason, values)
    place = len(given) + 1
    # with a salt, else the digest of an answer could be guessed before the second is given
    entered = DoubtAnswer(
        doubt=doubt.id, round=doubt.round, place=place, version=doubt.version + 1, person=step.actor.id, answer=answer.value,
        apart=sorted(others), salt=circumstances.entropy(16).hex(), at=circumstances.now(),
    )  # fmt: skip
    change: dict[str, object] = {}
    facts: dict[str, object] = {}
    if settled is not None:
        verdict, parted = settled
        fixed = decisions.edges(doubt.id, doubt.kind, doubt.registrations, verdict, parted)
        contradicted = decisions.contradicted(decisions.in_force(session, besides=doubt.id), fixed)
        step.judge("no-contradiction", not contradicted, decisions.CONTRADICTION, others=", ".join(contradicted))
        change = {"outcome": verdict.value, "apart": sorted(parted), "settled_at": circumstances.now()}
        digests = cases.digest([fingerprint(one) for one in (*given, entered)])
        facts = {"about": doubt.kind, "outcome": verdict.value, "answers": place, "pairs": len(fixed), "answers_digest": digests}
    _finish(step, kept, change, {"round": doubt.round, "place": place, "answer": fingerprint(entered)}, facts)
    session.add(entered)
    session.flush()
    return doubt


def fingerprint(answer: DoubtAnswer) -> str:
    """The digest of an answer as its event holds it."""
    return cases.digest({name: getattr(answer, name) for name in ("doubt", "round", "place", "person", "answer", "apart", "salt")})


def reason_fingerprint(salt: str, reason: str) -> str:
    """The digest of a reason as its event holds it."""
    return cases.digest({"salt": salt, "reason": reason})


def _finish(step: cases.Step, reason: str, change: dict[str, object], content: dict[str, object], facts: dict[str, object]) -> None:
    """Take the step, and keep the reason beside it, where it can be erased without touching the event."""
    words = DoubtReason(
        doubt=step.case.id, version=step.case.version + 1, reason=reason, salt=step.circumstances.entropy(16).hex()
    )  # fmt: skip
    step.finish(change, {**content, "reason": reason_fingerprint(words.salt, reason)}, facts)
    step.session.add(words)
    step.session.flush()


def _command(state: str, settles: bool) -> str:
    return {ANSWERED: "agree" if settles else "disagree", DISPUTED: "resolve"}.get(state, "answer")


def _registered(session: Session, keys: Sequence[str]) -> bool:
    found = session.scalar(sa.select(sa.func.count()).select_from(Registration).where(Registration.patient_key.in_(keys)))
    return found == len(keys)


def _complete(doubt: Doubt, answer: Answer, apart: frozenset[str]) -> bool:
    if doubt.kind == Kind.SPLIT and answer is Answer.DIFFERENT:
        return bool(apart) and apart < frozenset(doubt.registrations)
    return not apart


def _judged_reason(step: cases.Step, reason: str, values: Sequence[str | None]) -> str:
    kept = reasons.check(reason, values)
    step.judge("reason-fit", bool(kept), reasons.REASON_MISSING, longest=reasons.LONGEST)
    return kept


def question(session: Session, circumstances: Circumstances, doubt_id: str, reason: str, values: Sequence[str | None] = ()) -> Doubt:
    """Ask for the revocation of what was settled; it acts on until somebody else revokes it.

    Refuses: unknown-case, move-not-allowed, doubt-reason-missing, doubt-reason-quotes, case-changed.
    """
    doubt = load(session, doubt_id, lock=True)
    step = people.begin(session, circumstances, DOUBT, doubt, "question")
    kept = _judged_reason(step, reason, values)
    _finish(step, kept, {"questioned_by": step.actor.id}, {"round": doubt.round}, {})
    return doubt


def uphold(session: Session, circumstances: Circumstances, doubt_id: str, reason: str, values: Sequence[str | None] = ()) -> Doubt:
    """Let the decision stand. Refuses: as `revoke`."""
    doubt, step, kept = _second(session, circumstances, doubt_id, "uphold", reason, values)
    _finish(step, kept, {"questioned_by": None}, {"round": doubt.round}, {})
    return doubt


def revoke(session: Session, circumstances: Circumstances, doubt_id: str, reason: str, values: Sequence[str | None] = ()) -> Doubt:
    """Take the decision back, as the second of two people; the doubt is open again, and its earlier answers stay where they were given.

    Refuses: unknown-case, move-not-allowed, doubt-questioner-decides, doubt-reason-missing, doubt-reason-quotes, case-changed.
    """
    doubt, step, kept = _second(session, circumstances, doubt_id, "revoke", reason, values)
    taken_back = {"about": doubt.kind, "outcome": doubt.outcome}
    change: dict[str, object] = {"round": doubt.round + 1, "outcome": None, "apart": [], "settled_at": None, "questioned_by": None}
    _finish(step, kept, change, {"round": doubt.round, "revoked": doubt.outcome}, dict(taken_back))
    return doubt


def _second(
    session: Session, circumstances: Circumstances, doubt_id: str, command: str, reason: str, values: Sequence[str | None]
) -> tuple[Doubt, cases.Step, str]:
    doubt = load(session, doubt_id, lock=True)
    step = people.begin(session, circumstances, DOUBT, doubt, command)
    step.judge("not-questioner", step.actor.id != doubt.questioned_by, QUESTIONER_DECIDES)
    return doubt, step, _judged_reason(step, reason, values)


def report_split(session: Session, circumstances: Circumstances, person: str, reason: str, values: Sequence[str | None] = ()) -> Doubt:
    """Report that a person's registrations seem to be of several people; two others settle it.

    Its harm is every pair within: a wrong merge is the worse error, so it stands before doubts of two registrations.
    Refuses: move-not-allowed, person-not-several, person-reported-already, doubt-reason-missing, doubt-reason-quotes.
    """
    found = sorted(session.scalars(sa.select(Registration.patient_key).where(Registration.person == person)))
    if len(found) < 2:
        raise NOT_ONE_PERSON.refuse(person=person)
    standing = sa.select(Doubt.id).where(
        Doubt.kind == Kind.SPLIT.value, Doubt.left_person == person, Doubt.state.in_((OPEN, ANSWERED, DISPUTED))
    )
    if (already := session.scalar(standing.limit(1))) is not None:
        raise REPORTED_ALREADY.refuse(person=person, doubt=already)
    doubt = blank(circumstances, Kind.SPLIT, found, person, float(len(found) * (len(found) - 1)))
    step = people.begin(session, circumstances, DOUBT, doubt, "report")
    kept = _judged_reason(step, reason, values)
    _finish(step, kept, {}, {}, {})
    return doubt


def blank(circumstances: Circumstances, kind: Kind, registrations: Sequence[str], person: str, harm: float) -> Doubt:
    """A doubt about one person's registrations that does not exist yet."""
    return Doubt(
        id=circumstances.token("D"), state=NEW, version=0, kind=kind.value, registrations=list(registrations), left_person=person,
        right_person=person, evidence=None, weight=None, reasons=[], weights=[], harm=harm, sample=None, stratum=None,
        raised_by=circumstances.actor, raised_at=circumstances.now(), linkage=None, round=1, outcome=None, apart=[], settled_at=None,
        questioned_by=None, closed_because=None,
    )  # fmt: skip
