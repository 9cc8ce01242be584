"""判定の証拠 (evidence): one verdict per check of Reg 18 on the finished data, with count, bound and article; no patient's value in it.

Evidence names k, thresholds and figures of the method, so it is the operator's and the auditor's; it never goes into a package (Act 30).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rfc8785

from kiban_processing.language import Language, Text
from kiban_processing.measures import Figures
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_18, Article

FORMAT = "kiban/evidence/v2"  # v1 had neither risk nor reports; `kiban audit` reads both

RELEASE_REFUSED = Ground(
    "release-refused",
    Family.LAW,
    REG_18,
    Text(
        "完成したデータが基準を満たしません（{standards}）: {checks}。",
        "The finished data do not meet the standards ({standards}): {checks}.",
    ),
    Text(
        "提供せずに、判定の証拠を確かめ、計画又は対象者を直して作り直してください。",
        "Do not provide it. Read the evidence, correct the plan or the cohort, and make the release again.",
    ),
)


class Standard(StrEnum):
    """基準: the five standards of Reg 18, and the second opt-out check that comes before them."""

    IDENTIFIERS = "18(i)"
    IDENTIFICATION_CODES = "18(ii)"
    LINKING_CODES = "18(iii)"
    PECULIARITIES = "18(iv)"
    OTHER_MEASURES = "18(v)"
    ELIGIBILITY = "opt-out"


class Rule(StrEnum):
    """How the number found is held against the bound."""

    AT_MOST = "at-most"
    AT_LEAST = "at-least"


@dataclass(frozen=True)
class Eligibility:
    """二度目の停止確認: what the operator's second opt-out check of this release found, just before judging.

    `registrations`: registrations examined, that is all of the release; `ineligible`: those that may not be provided;
    `register_digest`: digest of the registers of notices and stops it was made on.
    """

    checked_at: datetime
    registrations: int
    ineligible: int
    register_digest: str


@dataclass(frozen=True)
class Verdict:
    """One check. `code` is stable; `subject`: table and column it is about, or empty; `examined`: how many things (`unit`) it looked at."""

    standard: Standard
    article: Article
    code: str
    checked: Text
    subject: str
    examined: int
    found: float
    bound: float
    rule: Rule = Rule.AT_MOST

    @property
    def passed(self) -> bool:
        return self.found <= self.bound if self.rule is Rule.AT_MOST else self.found >= self.bound

    def as_json(self) -> dict[str, Any]:
        return {
            "standard": self.standard.value,
            "article": self.article.citation,
            "check": self.code,
            "checked": {"ja": self.checked.ja, "en": self.checked.en},
            "subject": self.subject,
            "examined": self.examined,
            "found": self.found,
            "rule": self.rule.value,
            "bound": self.bound,
            "passed": self.passed,
        }

    def read(self, language: Language) -> str:
        """One line for a person."""
        mark = {True: Text("適", "pass"), False: Text("不適", "FAIL")}[self.passed].read(language)
        sign = "≤" if self.rule is Rule.AT_MOST else "≥"
        subject = f" [{self.subject}]" if self.subject else ""
        return f"{mark} {self.article.citation} {self.checked.read(language)}{subject}: {self.found:g} {sign} {self.bound:g}"


@dataclass(frozen=True)
class Evidence:
    """All verdicts on one release, in a fixed order, with both measurements of anonymity and all of risk.

    `risk`: what was measured, by name (`reidentification`, `intersection`, …), as JSON values; `reports`: file name → SHA-256 of the reports
    drawn from this evidence, so that whoever has the evidence can tell whether a report is the one that was written.
    """

    plan_name: str
    plan_version: int
    plan_digest: str
    persons: int
    rows: dict[str, int]
    eligibility: Eligibility
    figures: tuple[Figures, ...]
    verdicts: tuple[Verdict, ...]
    risk: Mapping[str, Any] = field(default_factory=dict)
    reports: Mapping[str, str] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)  # persons, records, cells given up, as the engine counted them

    @property
    def passed(self) -> bool:
        """Every standard was judged at least once, and every check passed (fail closed)."""
        return {verdict.standard for verdict in self.verdicts} == set(Standard) and not self.failures

    @property
    def failures(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)

    def of(self, standard: Standard) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.standard is standard)

    def require(self) -> None:
        """Refuse the release unless all passed. Refuses: release-refused."""
        if self.passed:
            return
        missing = set(Standard) - {verdict.standard for verdict in self.verdicts}
        standards = sorted({verdict.standard.value for verdict in self.failures} | {standard.value for standard in missing})
        checks = sorted({verdict.code + (f" [{verdict.subject}]" if verdict.subject else "") for verdict in self.failures})
        raise RELEASE_REFUSED.refuse(standards=", ".join(standards), checks=", ".join(checks))

    def as_document(self) -> bytes:
        """Canonical JSON (RFC 8785): same data, same plan, same check: same bytes."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "passed": self.passed,
                "plan": {"name": self.plan_name, "version": self.plan_version, "digest": self.plan_digest},
                "persons": self.persons,
                "rows": dict(self.rows),
                "eligibility": {
                    "checked_at": self.eligibility.checked_at.astimezone(UTC).isoformat(),
                    "registrations": self.eligibility.registrations,
                    "ineligible": self.eligibility.ineligible,
                    "register_digest": self.eligibility.register_digest,
                },
                "figures": [
                    {
                        "source": figures.source,
                        "persons": figures.persons,
                        "classes": figures.classes,
                        "k": figures.k,
                        "l": dict(figures.l),
                        "t": dict(figures.t),
                    }
                    for figures in self.figures
                ],
                "suppressed": dict(self.suppressed),
                "risk": dict(self.risk),
                "verdicts": [verdict.as_json() for verdict in self.verdicts],
                "reports": dict(self.reports),
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the document, in hexadecimal: what the ledger books."""
        return hashlib.sha256(self.as_document()).hexdigest()
