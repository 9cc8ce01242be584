"""二度目の停止確認 (eligibility): the operator's second check, made on fresh registers just before, found nobody who may not be provided.

The check itself is the operator's (it alone has the registers); here its result is held against the release.
Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing.dialect import quoted
from kiban_processing.evidence import Eligibility, Rule, Standard, Verdict
from kiban_processing.language import Text
from kiban_processing.plan import PATIENTS
from kiban_processing.standards.finished import Finished
from kiban_processing.statutes import ACT_56_1_I, ACT_56_1_II


def judge(finished: Finished, eligibility: Eligibility) -> list[Verdict]:
    """Nobody ineligible, and the check covered everybody: unknown is no."""
    persons = finished.number(f"SELECT count(DISTINCT person) FROM {quoted(finished.sources[PATIENTS])}")
    return [
        Verdict(
            Standard.ELIGIBILITY,
            ACT_56_1_II,
            "ineligible",
            Text("提供できない登録が含まれない", "no registration is among them that may not be provided"),
            "",
            eligibility.registrations,
            eligibility.ineligible,
            0,
        ),
        Verdict(
            Standard.ELIGIBILITY,
            ACT_56_1_I,
            "check-complete",
            Text("確認が全員に及んでいる", "the check covered every person"),
            "",
            persons,
            eligibility.registrations,
            persons,
            Rule.AT_LEAST,
        ),
    ]
