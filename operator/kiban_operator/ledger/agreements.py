"""申請・契約・鍵の経過 (agreements): what the entries so far say was decided, concluded and registered, and what of it was not allowed.

Written from the rules (Reg 5(vii), 6(v)) and not from the code that writes the entries, so that a mistake there is found here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from kiban_operator.ledger import kinds
from kiban_operator.ledger.copies import Line
from kiban_operator.ledger.verdict import Check, Finding
from kiban_processing.language import Text


@dataclass
class Findings:
    """Collects findings while entries are replayed."""

    findings: list[Finding] = field(default_factory=list)

    def note(self, line: Line, ja: str, en: str) -> None:
        self.findings.append(Finding(Check.V9, Text(ja, en), line.seq, fails=False))

    def require(self, line: Line, holds: bool, ja: str, en: str, check: Check = Check.V5) -> None:
        if not holds:
            self.findings.append(Finding(check, Text(ja, en), line.seq))


@dataclass
class Contract:
    """契約: what the entries so far say about one contract."""

    application: object = None
    conditions: object = None
    agreed: object = None
    starts_on: date | None = None
    ends_on: date | None = None
    state: str = "none"
    seq: int = 0


@dataclass
class Agreements(Findings):
    """Applications (ID → state), contracts, approved plans, and keys (public key → person, as long as it is registered)."""

    applications: dict[str, str] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    plans: set[object] = field(default_factory=set)

    def application_submitted(self, line: Line) -> None:
        self.applications.setdefault(line.about, "submitted")

    def application_decided(self, line: Line) -> None:
        known = self.applications.get(line.about)
        self.require(line, known is not None, "申請のない決定です", "a decision without an application")
        self.require(line, known != "withdrawn", "取り下げられた申請への決定です", "a decision on a withdrawn application")
        self.applications[line.about] = str(line.facts.get("decision"))

    def application_withdrawn(self, line: Line) -> None:
        self.applications[line.about] = "withdrawn"

    def plan_approved(self, line: Line) -> None:
        self.plans.add(line.facts.get("plan"))

    def conditions_agreed(self, line: Line) -> None:
        self.contracts.setdefault(line.about, Contract()).agreed = line.facts.get("conditions")

    def contract_executed(self, line: Line) -> None:
        contract = self.contracts.setdefault(line.about, Contract())
        self.require(line, contract.state == "none", "締結済みの契約の再度の締結です", "the contract was executed before")
        contract.application, contract.conditions = line.facts.get("application"), line.facts.get("conditions")
        contract.ends_on, contract.state, contract.seq = date.fromisoformat(str(line.facts["ends_on"])), "active", line.seq
        if "starts_on" in line.facts:
            contract.starts_on = date.fromisoformat(str(line.facts["starts_on"]))
        self.require(
            line,
            self._approved(contract.application),
            "承認されていない申請による契約です",
            "the contract's application was not approved",
        )
        if contract.agreed is None:
            self.note(line, "条件の合意の記載がありません", "no entry that the conditions were agreed")
        else:
            self.require(
                line,
                contract.agreed == contract.conditions,
                "合意した条件と契約の条件が異なります",
                "the contract's conditions are not those agreed",
            )

    def contract_suspended(self, line: Line) -> None:
        self._move(line, {"active"}, "suspended")

    def contract_resumed(self, line: Line) -> None:
        self._move(line, {"suspended"}, "active")

    def contract_ended(self, line: Line) -> None:
        self._move(line, {"active", "suspended"}, "ended")

    def _move(self, line: Line, before: set[str], after: str) -> None:
        contract = self.contracts.setdefault(line.about, Contract())
        self.require(line, contract.state in before, "契約の状態から許されない変更です", "the contract's state does not allow this")
        contract.state = after

    def _approved(self, application: object) -> bool:
        return isinstance(application, str) and self.applications.get(application) in kinds.APPROVING_DECISIONS

    def key_registered(self, line: Line) -> None:
        key, person = str(line.facts["key"]), str(line.facts["person"])
        self.require(line, person == line.about, "対象と本人が異なります", "the aggregate is another person", Check.V6)
        self.require(
            line,
            self.keys.get(key, person) == person,
            "同じ鍵が別の人にも登録されています",
            "the key is registered to another person too",
            Check.V6,
        )
        self.keys.setdefault(key, person)

    def key_revoked(self, line: Line) -> None:
        if self.keys.get(str(line.facts["key"])) == line.facts["person"]:
            del self.keys[str(line.facts["key"])]

    def contract_allows(self, line: Line, contract_id: object, application: object) -> None:
        """At this entry the contract must be active, within its term, and of this application, which must be approved."""
        contract = self.contracts.get(str(contract_id), Contract())
        self.require(line, contract.state == "active", "契約が有効ではありません", "the contract is not active at this point")
        self.require(
            line,
            contract.state == "none" or contract.application == application,
            "契約が別の申請のものです",
            "the contract is of another application",
        )
        self.require(line, self._approved(application), "申請が承認されていません", "the application is not approved at this point")
        day = line.at.date()
        in_term = (contract.starts_on is None or contract.starts_on <= day) and (contract.ends_on is None or day <= contract.ends_on)
        self.require(line, in_term, "契約の期間外です", "outside the contract's term")
