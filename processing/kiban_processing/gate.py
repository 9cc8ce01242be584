"""リスク判定 (gate): the five standards of Reg 18 and the second opt-out check, one by one, on the finished data; fails closed.

Compliance must read every change of this file.
"""

from __future__ import annotations

from collections.abc import Mapping

from kiban_processing.connection import Connection
from kiban_processing.evidence import Eligibility, Evidence
from kiban_processing.outcome import Outcome
from kiban_processing.plan import Plan
from kiban_processing.standards import (
    eligibility as second_check,
)
from kiban_processing.standards import (
    finished,
    identification_codes,
    identifiers,
    leaks,
    linking_codes,
    other_measures,
    peculiarities,
)


def judge(
    con: Connection,
    plan: Plan,
    outcome: Outcome,
    sources: Mapping[str, str],
    eligibility: Eligibility,
    earlier_pseudonyms: str | None = None,
) -> Evidence:
    """Judge a release on its released tables, read again; nothing is refused here: book the evidence, then `Evidence.require`.

    `sources`: the relations the plan was carried out on (the gate looks for their identifiers in what would leave). Needs the engine's
    table `secret_persons`. `earlier_pseudonyms`: relation with a column `pseudonym` of all earlier releases, None if there was none.
    Not checked: parts of a value (a name inside a longer text) in columns whose texts enough persons share.
    Source: Reg 18(i)-(v); Act 56(1).
    """
    data = finished.read(con, plan, outcome, sources)
    leaks.compare(data)
    others, figures = other_measures.judge(data)
    return Evidence(
        plan_name=plan.name,
        plan_version=plan.version,
        plan_digest=plan.digest,
        persons=data.persons,
        rows=dict(data.rows),
        eligibility=eligibility,
        figures=figures,
        verdicts=(
            *identifiers.judge(data),
            *identification_codes.judge(data),
            *linking_codes.judge(data, earlier_pseudonyms),
            *peculiarities.judge(data),
            *others,
            *second_check.judge(data, eligibility),
        ),
        suppressed=outcome.suppressed,
    )
