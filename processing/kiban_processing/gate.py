"""リスク判定 (gate): the five standards of Reg 18 and the second opt-out check, one by one, on the finished data; fails closed.

Compliance must read every change of this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiban_processing.connection import Connection
from kiban_processing.evidence import Eligibility, Evidence
from kiban_processing.outcome import Outcome
from kiban_processing.plan import Plan
from kiban_processing.risk.intersection import Earlier
from kiban_processing.standards import (
    attacks,
    finished,
    identification_codes,
    identifiers,
    leaks,
    linking_codes,
    other_measures,
    peculiarities,
    risks,
)
from kiban_processing.standards import (
    eligibility as second_check,
)


def judge(
    con: Connection,
    plan: Plan,
    outcome: Outcome,
    sources: Mapping[str, str],
    eligibility: Eligibility,
    earlier_pseudonyms: str | None = None,
    earlier: Sequence[Earlier] = (),
    unknown: Sequence[str] = (),
) -> Evidence:
    """Judge a release on its released tables, read again; nothing is refused here: book the evidence, then `Evidence.require`.

    `sources`: the relations the plan was carried out on (the gate looks for their identifiers in what would leave). Needs the engine's
    table `secret_persons`. `earlier_pseudonyms`: relation with a column `pseudonym` of all earlier releases, None if there was none.
    `earlier`, `unknown`: releases that somebody may hold, and the IDs of those whose classes are not on record; see `risk.intersection`.
    Not checked: parts of a value (a name inside a longer text) in columns whose texts enough persons share.
    Source: Reg 18(i)-(v); Act 56(1).
    """
    data = finished.read(con, plan, outcome, sources)
    leaks.compare(data)
    others, figures = other_measures.judge(data)
    attackers, measured = risks.judge(data, earlier, unknown)
    tried, reached = attacks.judge(data)
    return Evidence(
        plan_name=plan.name,
        plan_version=plan.version,
        plan_digest=plan.digest,
        persons=data.persons,
        rows=dict(data.rows),
        eligibility=eligibility,
        figures=figures,
        risk=risks.settled(measured | reached.as_json()),
        verdicts=(
            *identifiers.judge(data),
            *identification_codes.judge(data),
            *linking_codes.judge(data, earlier_pseudonyms),
            *peculiarities.judge(data),
            *others,
            *attackers,
            *tried,
            *second_check.judge(data, eligibility),
        ),
        suppressed=outcome.suppressed,
    )
