"""作成と提供の経過 (lives): replays every release from the entries and finds each step that was not allowed (Reg 5(vii), 6(v), 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kiban_operator.ledger import kinds, statements
from kiban_operator.ledger.agreements import Agreements, Findings
from kiban_operator.ledger.copies import Line
from kiban_operator.ledger.verdict import Check, Finding


@dataclass
class Release:
    """作成と提供: what the entries so far say about one release.

    `approvers`: those over the manifest as it now is; `judges`: everyone who ever checked or approved any of its manifests.
    """

    state: str = "none"
    contract: object = None
    application: object = None
    plan: object = None
    order: object = None
    manifest: object = None
    evidence: object = None
    preparers: set[str] = field(default_factory=set)
    approvers: set[str] = field(default_factory=set)
    judges: set[str] = field(default_factory=set)
    made: Line | None = None
    committed: Line | None = None
    delivered: Line | None = None
    receipted: bool = False
    begun: int = 0


@dataclass
class Lives(Findings):
    """Every release the entries tell of, by its ID, and the agreements they rest on."""

    releases: dict[str, Release] = field(default_factory=dict)
    agreements: Agreements = field(default_factory=Agreements)

    def release_intended(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(
            line,
            release.state not in ("committed", "delivered"),
            "確定又は提供の後に作り直しています",
            "begun again after it was committed or provided",
        )
        release.state, release.begun = "intended", line.seq
        release.contract, release.application = line.facts.get("contract"), line.facts.get("application")
        release.plan, release.order = line.facts.get("plan"), line.facts.get("order")
        release.manifest = release.evidence = release.made = release.committed = None
        release.preparers.add(line.actor)
        release.approvers.clear()
        self.agreements.contract_allows(line, release.contract, release.application)
        if release.plan not in self.agreements.plans:
            self.note(line, "加工計画の承認の記載がありません", "no entry that the plan was approved")

    def release_made(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(line, release.state in ("intended", "made"), "着手の記載のない作成です", "made without having been intended")
        self._same(line, release, "contract", "application", "plan")
        release.state, release.begun = "made", line.seq
        release.manifest, release.evidence, release.made = line.facts.get("manifest"), line.facts.get("evidence"), line
        release.preparers.add(line.actor)
        release.approvers.clear()
        self.require(line, line.actor not in release.judges, "承認した人が作成しています", "made by a person who approved it before")

    def release_refused(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(line, release.delivered is None, "提供の後の拒否です", "refused after it was provided")
        release.state, release.begun = "refused", line.seq

    def release_checked(self, line: Line) -> None:
        self._opinion(line, "check").judges.add(line.actor)

    def release_approved(self, line: Line) -> None:
        release = self._opinion(line, "approve")
        self.require(line, line.actor not in release.approvers, "同じ人が二度承認しています", "the same person approved twice")
        release.approvers.add(line.actor)
        release.judges.add(line.actor)

    def _opinion(self, line: Line, decision: str) -> Release:
        release = self.releases.setdefault(line.about, Release())
        facts, statement = line.facts, line.facts.get("statement")
        told: Mapping[str, object] = statement if isinstance(statement, dict) else {}
        self.require(line, release.state == "made", "作成されていないものへの意見です", "an opinion on what is not made, or is past it")
        self._same(line, release, "manifest")
        self.require(line, facts.get("by") == line.actor, "意見の本人と操作した人が異なります", "given by another person than who acted")
        self.require(line, line.actor not in release.preparers, "作成した人が自ら承認しています", "the preparer judged their own release")
        expected = (line.about, facts.get("manifest"), decision, facts.get("by"))
        self.require(
            line,
            statements.is_statement(told) and (told.get("release"), told.get("manifest"), told.get("decision"), told.get("by")) == expected,
            "署名した文が記載と一致しません",
            "the signed statement is not what the entry says",
            Check.V6,
        )
        signed_by = (key for key, person in self.agreements.keys.items() if person == facts.get("by"))
        self.require(
            line,
            any(statements.verify_statement(str(key), told, str(facts.get("signature"))) for key in signed_by),
            "署名が本人の登録済みの鍵によるものではありません",
            "not signed with a key registered to the person before",
            Check.V6,
        )
        return release

    def release_committed(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(line, release.state == "made", "作成されていないものの確定です", "committed without having been made")
        self.require(
            line,
            len(release.approvers) >= 2,
            "異なる二人の承認がありません",
            "two different persons have not approved this manifest",
        )
        self._same(line, release, "contract", "manifest", *_told(line, "order"))
        self.agreements.contract_allows(line, release.contract, release.application)
        release.state, release.begun, release.committed = "committed", line.seq, line

    def release_delivered(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(line, release.state == "committed", "確定していないものの提供です", "provided without having been committed")
        self.require(
            line, len(release.approvers) >= 2, "異なる二人の承認のない提供です", "provided without two different persons' approval"
        )
        self._same(line, release, "contract", "manifest", *_told(line, "application"))
        self.agreements.contract_allows(line, release.contract, release.application)
        self.require(
            line,
            line.actor not in release.preparers | release.judges,
            "作成、点検又は承認をした人が提供しています",
            "the delivery officer also prepared, checked or approved",
        )
        release.state, release.delivered = "delivered", line

    def release_receipted(self, line: Line) -> None:
        release = self.releases.setdefault(line.about, Release())
        self.require(line, release.delivered is not None, "提供のない受領です", "a receipt without a provision")
        self._same(line, release, "manifest")
        release.receipted = True

    def case_moved(self, line: Line) -> None:
        """A recall ends a release before or after its provision; other steps of a case are not judged here."""
        head, _, about = line.aggregate.partition("/")
        if head == "release" and line.facts.get("command") == "recall":
            self.releases.setdefault(about, Release()).state = "recalled"

    def provision_user_to_user(self, line: Line) -> None:
        release = self.releases.get(line.about)
        self.require(
            line,
            release is not None and release.delivered is not None,
            "提供していないものの利用者間の提供です",
            "passed on between users without having been provided",
        )

    def correction(self, line: Line) -> None:
        corrects = line.facts.get("corrects")
        self.require(
            line, isinstance(corrects, int) and corrects < line.seq, "後の記載を訂正しています", "corrects an entry that is not before it"
        )

    def _same(self, line: Line, release: Release, *names: str) -> None:
        for name in names:
            self.require(
                line,
                line.facts.get(name) == getattr(release, name),
                f"{name} がこれまでの記載と異なります",
                f"{name} is not that of the entries before",
            )

    def findings_of_all(self) -> list[Finding]:
        return [*self.agreements.findings, *self.findings]


_AGREEMENT_STEPS: dict[str, Callable[[Agreements, Line], None]] = {
    kinds.APPLICATION_SUBMITTED.name: Agreements.application_submitted,
    kinds.APPLICATION_DECIDED.name: Agreements.application_decided,
    kinds.APPLICATION_WITHDRAWN.name: Agreements.application_withdrawn,
    kinds.PLAN_APPROVED.name: Agreements.plan_approved,
    kinds.CONDITIONS_AGREED.name: Agreements.conditions_agreed,
    kinds.CONTRACT_EXECUTED.name: Agreements.contract_executed,
    kinds.CONTRACT_SUSPENDED.name: Agreements.contract_suspended,
    kinds.CONTRACT_RESUMED.name: Agreements.contract_resumed,
    kinds.CONTRACT_ENDED.name: Agreements.contract_ended,
    kinds.KEY_REGISTERED.name: Agreements.key_registered,
    kinds.KEY_REVOKED.name: Agreements.key_revoked,
}
_RELEASE_STEPS: dict[str, Callable[[Lives, Line], None]] = {
    kinds.RELEASE_INTENDED.name: Lives.release_intended,
    kinds.RELEASE_MADE.name: Lives.release_made,
    kinds.RELEASE_REFUSED.name: Lives.release_refused,
    kinds.RELEASE_CHECKED.name: Lives.release_checked,
    kinds.RELEASE_APPROVED.name: Lives.release_approved,
    kinds.RELEASE_COMMITTED.name: Lives.release_committed,
    kinds.RELEASE_DELIVERED.name: Lives.release_delivered,
    kinds.RELEASE_RECEIPTED.name: Lives.release_receipted,
    kinds.PROVISION_USER_TO_USER.name: Lives.provision_user_to_user,
    kinds.CASE_MOVED.name: Lives.case_moved,
    kinds.CORRECTION.name: Lives.correction,
}


def _told(line: Line, *names: str) -> tuple[str, ...]:
    """Those of the optional facts that the entry carries."""
    return tuple(name for name in names if name in line.facts)


def replay(lines: Iterable[Line]) -> Lives:
    """Follow every application, contract, key and release through the entries; findings of V5 and V6, and notes of V9.

    Takes entries whose facts have their shape; those that have not are findings already.
    """
    lives = Lives()
    for line in lines:
        if line.kind in _AGREEMENT_STEPS:
            _AGREEMENT_STEPS[line.kind](lives.agreements, line)
        elif line.kind in _RELEASE_STEPS:
            _RELEASE_STEPS[line.kind](lives, line)
    return lives
