"""審査委員会 (committee): members, declared and detected conflicts, independent opinions, conditions, votes, decision (Reg 5(vii), 5(xi)).

Opinions are independent: nobody sees another's until a quorum has given theirs and the deliberation is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from kiban_applications import conditions
from kiban_applications.conditions import Condition
from kiban_applications.review import rules, store
from kiban_applications.review.dossier import Dossier
from kiban_applications.review.rules import APPLICATION
from kiban_applications.review.store import Application
from kiban_operator import cases, people
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import shapes
from kiban_operator.release_state import REASON_MISSING
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_VII

QUORUM = 3
"""The fewest members who must give an opinion and vote (policy; the law asks for a review system able to judge, not for a number)."""

CRITERIA: dict[str, Text] = {
    "purpose": Text("目的の適合性", "fitness of the purpose"),
    "science": Text("科学的妥当性", "scientific validity"),
    "minimality": Text("必要最小限", "data minimisation"),
    "safety": Text("安全管理", "security"),
    "benefit": Text("社会への還元", "benefit to society"),
}
SCORES = range(1, 6)

NOT_A_MEMBER = Ground(
    "not-a-member",
    Family.INPUT,
    REG_5_VII,
    Text("「{person}」は審査委員ではありません。", "{person} is not a committee member."),
    Text("委員の役割（CM）を持つ人を割り当ててください。", "Assign persons who hold the role CM."),
)
QUORUM_UNMET = Ground(
    "quorum-unmet",
    Family.STATE,
    REG_5_VII,
    Text("定足数{quorum}人に対し、{count}人です。", "There are {count} of the {quorum} persons that make the quorum."),
    Text("利益相反のない委員を加えるか、提出を待ってください。", "Add members without conflict, or wait for theirs."),
)
QUORUM_TOO_SMALL = Ground(
    "quorum-too-small",
    Family.INPUT,
    REG_5_VII,
    Text("定足数は{least}人以上でなければなりません。", "The quorum is at least {least} persons."),
    Text("定足数を改めてください。", "Correct the quorum."),
)
NOT_ASSIGNED = Ground(
    "not-assigned",
    Family.PERMISSION,
    REG_5_VII,
    Text("{aggregate}の審査に割り当てられていません。", "You are not assigned to the review of {aggregate}."),
    Text("事務局に割当てを確かめてください。", "Ask the secretariat."),
)
ALREADY_DECLARED = Ground(
    "already-declared",
    Family.STATE,
    REG_5_VII,
    Text("利益相反はすでに申告されているか、所属から認められています。", "The conflict is declared already, or follows from the employer."),
    Text("訂正は事務局に申し出てください。", "Tell the secretariat of a correction."),
)
CONFLICTED = Ground(
    "conflict-of-interest",
    Family.PERMISSION,
    REG_5_VII,
    Text("利益相反があるか、その有無が未申告です。", "There is a conflict of interest, or none has been declared yet."),
    Text("先に申告してください。相反のある人は審査に加われません。", "Declare first; who has a conflict takes no part."),
)
OPINION_INVALID = Ground(
    "opinion-invalid",
    Family.INPUT,
    REG_5_VII,
    Text("意見の「{field}」が正しくありません。", "The opinion's {field} is wrong."),
    Text("基準ごとに1〜5の評点と、次のいずれかの結論が必要です: {choices}", "Score each criterion 1 to 5 and recommend one of: {choices}"),
)
ALREADY_GIVEN = Ground(
    "already-given",
    Family.STATE,
    REG_5_VII,
    Text("すでに提出されています。", "It has been given already."),
    Text("独立の意見と投票は一度だけです。", "An independent opinion and a vote are given once."),
)
NO_OPINION = Ground(
    "no-opinion",
    Family.PERMISSION,
    REG_5_VII,
    Text("意見を提出していない委員は投票できません。", "A member who gave no opinion does not vote."),
    Text("意見を提出した委員が投票してください。", "Those who gave an opinion vote."),
)
NO_MAJORITY = Ground(
    "no-majority",
    Family.STATE,
    REG_5_VII,
    Text("この決定は投票の過半数を得ていません。", "The decision lacks a majority of the votes."),
    Text("投票の結果に沿って決定するか、保留としてください。", "Decide as the votes say, or defer."),
)
MINUTES_MISSING = Ground(
    "minutes-missing",
    Family.INPUT,
    REG_5_VII,
    Text("議事録のダイジェスト（sha256:…）がありません。", "The digest of the minutes (sha256:…) is missing."),
    Text("議事録を作成し、そのダイジェストを指定してください。", "Write the minutes and give their digest."),
)
CONDITIONS_UNDRAFTED = Ground(
    "conditions-undrafted",
    Family.STATE,
    REG_5_VII,
    Text("条件案がありません。", "No conditions have been drafted."),
    Text("先に条件案を作成するか、条件なしで承認してください。", "Draft them first, or approve without."),
)
CONDITIONS_DRAFTED = Ground(
    "conditions-drafted",
    Family.STATE,
    REG_5_VII,
    Text("条件案があるため、無条件では承認できません。", "Conditions have been drafted, so approval is not outright."),
    Text("条件付きで承認するか、空の条件案に改めてください。", "Approve with conditions, or draft an empty set."),
)
DRAFTER_DECIDES = Ground(
    "drafter-decides",
    Family.PERMISSION,
    REG_5_VII,
    Text("条件案を作成した人が、その条件を承認することはできません。", "Whoever drafted the conditions does not approve them."),
    Text("別の人が条件案を作成してください。", "Another person has to draft them."),
)


def assign(
    session: Session, circumstances: Circumstances, application_id: str, members: Iterable[str], quorum: int = QUORUM
) -> Application:
    """Members join the review; one of the applicant's own organisation is in conflict at once (P1) and does not count.

    Refuses: move-not-allowed, own-case, not-a-member, quorum-too-small, quorum-unmet.
    """
    application, dossier, step = _begin(session, circumstances, application_id, "assign")
    if quorum < QUORUM:
        raise QUORUM_TOO_SMALL.refuse(least=QUORUM)
    named = sorted(set(members))
    stranger = next((each for each in named if Role.CM not in people.held(session, each)), None)
    step.judge("members-fit", stranger is None, NOT_A_MEMBER, person=stranger)
    detected = {each: people.person(session, each).organisation_id == application.organisation_id for each in named}
    able = {each.person for each in dossier.members.values() if not each.conflict} | {each for each, own in detected.items() if not own}
    needed = max(quorum, dossier.quorum)
    step.judge("quorum-assigned", len(able) >= needed, QUORUM_UNMET, quorum=needed, count=len(able))
    step.finish(content={"members": detected, "quorum": quorum})
    return application


def declare(session: Session, circumstances: Circumstances, application_id: str, conflict: bool, nature: str = "") -> Application:
    """A member says whether there is a conflict of interest, before the dossier opens (P5).

    Refuses: move-not-allowed, not-assigned, already-declared.
    """
    application, dossier, step = _begin(session, circumstances, application_id, "declare")
    member = dossier.members.get(step.actor.id)
    step.judge("undeclared", member is not None and member.conflict is None, ALREADY_DECLARED)
    step.finish(content={"conflict": conflict, "nature": nature})
    return application


def give_opinion(
    session: Session, circumstances: Circumstances, application_id: str, recommendation: str, scores: Mapping[str, int], reason: str
) -> Application:
    """A member's own opinion, once, unseen by the others. Refuses: move-not-allowed, not-assigned, conflict-of-interest, already-given,
    opinion-invalid, reason-missing, own-case."""
    application, dossier, step = _begin(session, circumstances, application_id, "opinion")
    step.judge("first-opinion", step.actor.id not in dossier.opinions, ALREADY_GIVEN)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    if set(scores) != set(CRITERIA) or not all(score in SCORES for score in scores.values()):
        raise OPINION_INVALID.refuse(field="scores", choices=", ".join(rules.VOTES))
    if recommendation not in rules.VOTES:
        raise OPINION_INVALID.refuse(field="recommendation", choices=", ".join(rules.VOTES))
    step.finish(content={"recommendation": recommendation, "scores": dict(scores), "reason": reason})
    return application


def open_deliberation(session: Session, circumstances: Circumstances, application_id: str) -> Application:
    """With a quorum of opinions in, they are shown to all members. Refuses: move-not-allowed, own-case, quorum-unmet."""
    application, dossier, step = _begin(session, circumstances, application_id, "deliberate")
    given = len(dossier.opinions)
    enough = dossier.quorum >= QUORUM and given >= dossier.quorum
    step.judge("opinions-at-quorum", enough, QUORUM_UNMET, quorum=max(QUORUM, dossier.quorum), count=given)
    step.finish()
    return application


def draft_conditions(session: Session, circumstances: Circumstances, application_id: str, wanted: Iterable[Condition]) -> Application:
    """The conditions under which the committee might approve, as rows; the last draft counts, an empty one takes it back.

    Refuses: move-not-allowed, own-case, not-assigned, conflict-of-interest, condition-invalid.
    """
    application, _, step = _begin(session, circumstances, application_id, "draft-conditions")
    rows = conditions.checked(wanted)
    step.finish(content={"conditions": conditions.keep(session, rows) if rows else None})
    return application


def vote(session: Session, circumstances: Circumstances, application_id: str, cast: str) -> Application:
    """One vote per member who gave an opinion. Refuses: move-not-allowed, not-assigned, conflict-of-interest, no-opinion, already-given,
    opinion-invalid, own-case."""
    application, dossier, step = _begin(session, circumstances, application_id, "vote")
    step.judge("gave-opinion", step.actor.id in dossier.opinions, NO_OPINION)
    step.judge("first-vote", step.actor.id not in dossier.votes, ALREADY_GIVEN)
    if cast not in rules.VOTES:
        raise OPINION_INVALID.refuse(field="vote", choices=", ".join(rules.VOTES))
    step.finish(content={"vote": cast})
    return application


def decide(
    session: Session, circumstances: Circumstances, application_id: str, command: str, minutes: str, reason: str = ""
) -> Application:
    """The chair decides as the votes carry: approve, approve-with-conditions, reject, send-back or defer. `minutes`: their digest.

    Refuses: move-not-allowed, own-case, conflict-of-interest, minutes-missing, quorum-unmet, no-majority, conditions-undrafted,
    conditions-drafted, drafter-decides, reason-missing.
    """
    application, dossier, step = _begin(session, circumstances, application_id, command if command in rules.DECISIONS else "approve")
    if command not in rules.DECISIONS:
        raise OPINION_INVALID.refuse(field="decision", choices=", ".join(rules.DECISIONS))
    step.judge("minutes-given", shapes.DIGEST.fits(minutes), MINUTES_MISSING)
    cast = len(dossier.votes)
    step.judge("votes-at-quorum", cast >= max(QUORUM, dossier.quorum), QUORUM_UNMET, quorum=max(QUORUM, dossier.quorum), count=cast)
    step.judge("majority", rules.passes(dossier.tally, command), NO_MAJORITY)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.judge("conditions-drafted", dossier.conditions is not None, CONDITIONS_UNDRAFTED)
    step.judge("no-conditions-drafted", dossier.conditions is None, CONDITIONS_DRAFTED)
    step.judge("drafter-is-not-chair", dossier.drafter != step.actor.id, DRAFTER_DECIDES)
    bound = dossier.conditions if command == "approve-with-conditions" else None
    at: datetime = circumstances.now()
    facts: dict[str, object] = {
        "decision": rules.DECISIONS[command],
        "document": application.document,
        "minutes": minutes,
        "votes": dossier.tally,
        "conflicts": dossier.conflicts,
    }
    if bound is not None:
        facts["conditions"] = bound
    step.finish(
        change={"decided_at": at},
        content={"reason": reason, "minutes": minutes, "votes": dossier.tally, "conditions": bound},
        facts=facts,
    )
    return application


def resume(session: Session, circumstances: Circumstances, application_id: str) -> Application:
    """A deferred case is taken up again, with new votes. Refuses: move-not-allowed, own-case, conflict-of-interest."""
    application, _, step = _begin(session, circumstances, application_id, "resume")
    step.finish()
    return application


def _begin(session: Session, circumstances: Circumstances, application_id: str, command: str) -> tuple[Application, Dossier, cases.Step]:
    """The step with the guards every command of the committee shares: whose case it is, who is assigned, who is free of conflict."""
    application = store.load(session, application_id)
    step = people.begin(session, circumstances, APPLICATION, application, command)
    dossier = store.read(session, application_id)
    step.judge_organisation(application.organisation_id)
    step.judge("assigned", step.actor.id in dossier.members, NOT_ASSIGNED)
    step.judge("declared-unconflicted", step.actor.id in dossier.free, CONFLICTED)
    step.judge("chair-unconflicted", step.actor.id in dossier.free, CONFLICTED)
    return application, dossier, step
