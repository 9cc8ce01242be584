"""申請の経過から見た現在 (dossier): an application as its events tell it, a pure fold; nothing else says what was declared or voted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kiban_applications.review import form, rules
from kiban_operator.cases import Event


@dataclass(frozen=True)
class Member:
    """割り当てられた委員: `conflict` is None until declared; `detected` if it follows from the employer (P1), not from a declaration."""

    person: str
    conflict: bool | None = None
    detected: bool = False


@dataclass(frozen=True)
class Opinion:
    """独立の意見: given before the others' are seen; `scores` per criterion, 1 (poor) to 5 (good)."""

    person: str
    recommendation: str
    scores: Mapping[str, int]
    reason: str


@dataclass(frozen=True)
class Decision:
    """審査の決定. `conditions` and `minutes` are digests; `votes`: vote → count of persons."""

    command: str
    by: str
    at: datetime
    reason: str
    minutes: str
    votes: Mapping[str, int]
    conditions: str | None


@dataclass(frozen=True)
class Dossier:
    """一件の申請. `round` counts the receptions by the secretariat: members, opinions and votes are of the present round only."""

    id: str
    state: str
    version: int
    organisation: str
    applicant: str
    answers: Mapping[str, Any]
    round: int = 0
    quorum: int = 0
    members: Mapping[str, Member] = field(default_factory=dict)
    opinions: Mapping[str, Opinion] = field(default_factory=dict)
    votes: Mapping[str, str] = field(default_factory=dict)
    conditions: str | None = None
    drafter: str | None = None
    decision: Decision | None = None

    @property
    def form(self) -> form.Form:
        """The complete form. Refuses what `form.complete` refuses."""
        return form.complete(self.answers)

    @property
    def free(self) -> frozenset[str]:
        """The members who declared that they have no conflict."""
        return frozenset(each.person for each in self.members.values() if each.conflict is False)

    @property
    def conflicts(self) -> int:
        return sum(1 for each in self.members.values() if each.conflict)

    @property
    def tally(self) -> dict[str, int]:
        """Votes by kind, in the order of the rules."""
        counts = {vote: sum(1 for cast in self.votes.values() if cast == vote) for vote in rules.VOTES}
        return {vote: count for vote, count in counts.items() if count}


def fold(events: Iterable[Event]) -> Dossier | None:
    """The application after all its events; None if there are none."""
    dossier: Dossier | None = None
    for event in events:
        dossier = _begin(event) if dossier is None else _after(dossier, event)
    return dossier


def _begin(event: Event) -> Dossier:
    return Dossier(
        id=event.aggregate.partition("/")[2],
        state=event.state_after,
        version=event.version,
        organisation=event.content["organisation"],
        applicant=event.actor,
        answers=event.content["answers"],
    )


def _after(before: Dossier, event: Event) -> Dossier:
    now = replace(before, state=event.state_after, version=event.version)
    said = event.content
    match event.command:
        case "save":
            return replace(now, answers=said["answers"])
        case "accept":
            return replace(
                now, round=now.round + 1, quorum=0, members={}, opinions={}, votes={}, conditions=None, drafter=None, decision=None
            )
        case "assign":
            added = {
                person: Member(person, True if detected else None, detected)
                for person, detected in said["members"].items()
                if person not in now.members
            }
            return replace(now, quorum=max(now.quorum, said["quorum"]), members={**now.members, **added})
        case "declare":
            return replace(now, members={**now.members, event.actor: Member(event.actor, said["conflict"])})
        case "opinion":
            given = Opinion(event.actor, said["recommendation"], said["scores"], said["reason"])
            return replace(now, opinions={**now.opinions, event.actor: given})
        case "draft-conditions":
            return replace(now, conditions=said["conditions"], drafter=event.actor)
        case "vote":
            return replace(now, votes={**now.votes, event.actor: said["vote"]})
        case "resume":
            return replace(now, votes={}, decision=None)
        case "approve" | "approve-with-conditions" | "reject" | "send-back" | "defer":
            made = Decision(event.command, event.actor, event.at, said["reason"], said["minutes"], said["votes"], said.get("conditions"))
            return replace(now, decision=made)
        case _:
            return now
