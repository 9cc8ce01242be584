"""第五号 リスク (risks): how far an attacker gets with the finished data, against the bounds of the plan (Reg 18(iii)(v)).

What is judged is counted in the released tables by queries of its own and shares no code with the engine's search. Compliance must read
every change of this file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiban_processing import outcome
from kiban_processing.dialect import quoted
from kiban_processing.evidence import Standard, Verdict
from kiban_processing.language import Text
from kiban_processing.plan import PATIENTS
from kiban_processing.risk import figures, intersection
from kiban_processing.risk import population as uniqueness
from kiban_processing.risk.intersection import Earlier, Intersection
from kiban_processing.risk.population import Uniqueness
from kiban_processing.standards import other_measures
from kiban_processing.standards.finished import Finished
from kiban_processing.statutes import REG_18_III, REG_18_V, Article

_DIGITS = 9  # the order of a sum must not change the evidence


@dataclass(frozen=True)
class Reidentification:
    """再識別のリスク. Risks are probabilities; `classes`: size in persons → number of classes; `uniques`: persons alone in their class.

    `prosecutor`: the attacker knows that a person is in the release: 1 / persons of the smallest class. `marketer`: mean over persons, that is
    classes / persons. `journalist`: the attacker does not know it: of `population` persons as many share a class as their share in the
    cohort says (None: the plan names no population). `estimate`: how many who are alone here are alone in the population. Source: El Emam, Dankar 2008 (prosecutor, journalist); Dankar, El Emam 2010 (marketer).
    """

    persons: int
    uniques: int
    prosecutor: float
    marketer: float
    journalist: float | None
    population: int | None
    classes: dict[int, int]
    estimate: Uniqueness | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "persons": self.persons,
            "uniques": self.uniques,
            "prosecutor": self.prosecutor,
            "marketer": self.marketer,
            "journalist": self.journalist,
            "population": self.population,
            "population_uniques": None if self.estimate is None else settled(self.estimate.as_json()),
            "classes": [{"persons": size, "classes": number} for size, number in sorted(self.classes.items())],
        }


def judge(finished: Finished, earlier: Sequence[Earlier], unknown: Sequence[str]) -> tuple[list[Verdict], dict[str, Any]]:
    """Re-identification by one release, and by this one together with earlier ones: verdicts, and what was measured, by name, for the evidence.

    `unknown`: IDs of earlier releases that count and whose classes nobody recorded: nothing can be said of them, so the release fails.
    """
    alone = _reidentification(finished)
    quasi = [column.released_as for column in finished.plan.quasi]
    together = intersection.measure(finished.con, quasi, earlier, finished.plan.anonymity.k, unknown)
    measured = {"reidentification": alone.as_json(), "sensitive": _sensitive(finished), "intersection": together.as_json()}
    return [*_alone(finished, alone), *_together(finished, together)], measured


def _verdict(code: str, text: Text, subject: str, examined: int, found: float, bound: float = 0, article: Article = REG_18_V) -> Verdict:
    standard = Standard.LINKING_CODES if article is REG_18_III else Standard.OTHER_MEASURES
    return Verdict(standard, article, code, text, subject, examined, found, bound)


def _reidentification(finished: Finished) -> Reidentification:
    quasi = ", ".join(quoted(column.released_as) for column in finished.plan.quasi)
    by = f"GROUP BY {quasi}" if quasi else "HAVING count(*) > 0"
    sizes = finished.con.execute(
        f"SELECT n, count(*) FROM (SELECT count(DISTINCT person) AS n FROM {quoted(outcome.released(PATIENTS))} {by}) GROUP BY n ORDER BY n"
    ).fetchall()
    classes = {int(size): int(number) for size, number in sizes}
    persons = sum(size * number for size, number in classes.items())
    smallest = min(classes, default=0)
    population = finished.plan.risk.population
    journalist = None
    if population is not None:
        # A cohort larger than its population is a mistake of the plan; the attacker is then sure of presence.
        journalist = round(min(1.0, persons / population) / smallest, _DIGITS) if smallest else 1.0
    return Reidentification(
        persons,
        classes.get(1, 0),
        round(1 / smallest, _DIGITS) if smallest else 1.0,
        round(sum(classes.values()) / persons, _DIGITS) if persons else 1.0,
        journalist,
        population,
        classes,
        None if population is None or not persons else uniqueness.estimate(_sizes(classes), min(1.0, persons / population)),
    )


def _sizes(classes: dict[int, int]) -> npt.NDArray[np.int64]:
    return np.repeat(np.asarray(list(classes), dtype=np.int64), list(classes.values()))


def _sensitive(finished: Finished) -> list[dict[str, Any]]:
    """alpha, l, t, beta and delta of every sensitive column that the plan asks something of, over principal values; measured, not bounded here."""
    asked = sorted({*finished.plan.anonymity.sensitive, *(one.column for one in finished.plan.risk.inference)})
    if not asked:
        return []
    quasi = [column.released_as for column in finished.plan.quasi]
    chosen = "".join(f", p.{quoted(name)}" for name in quasi)
    chosen += "".join(f", v{number}.value AS {quoted(column)}" for number, column in enumerate(asked))
    joins = " ".join(
        f"LEFT JOIN ({other_measures.principal(*column.split('.', 1))}) v{number} ON v{number}.person = p.person"
        for number, column in enumerate(asked)
    )
    relation = f"(SELECT p.person{chosen} FROM {quoted(outcome.released(PATIENTS))} p {joins})"
    measured = figures.measure(finished.con, relation, quasi, asked, person="person")
    return [settled(one.as_json()) for one in measured.sensitive]


def settled(value: Any) -> Any:
    """Figures to nine digits; what has no bound is null."""
    if isinstance(value, dict):
        return {key: settled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [settled(one) for one in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value


def _alone(finished: Finished, found: Reidentification) -> list[Verdict]:
    risk, k = finished.plan.risk, finished.plan.anonymity.k
    verdicts = [
        _verdict(
            "prosecutor-risk",
            Text("対象者と知られている人の再識別リスクの最大", "highest risk of a person known to be in the release"),
            "",
            found.persons,
            found.prosecutor,
            round(risk.highest(k), _DIGITS),
        )
    ]
    if risk.marketer is not None:
        text = Text("全員を試したときに再識別される割合", "share of persons re-identified when all are tried")
        verdicts.append(_verdict("marketer-risk", text, "", found.persons, found.marketer, risk.marketer))
    if risk.journalist is not None:
        text = Text("対象者と知られていない人の再識別リスクの最大", "highest risk of a person not known to be in the release")
        journalist = 1.0 if found.journalist is None else found.journalist
        verdicts.append(_verdict("journalist-risk", text, "", found.persons, journalist, risk.journalist))
    return verdicts


def _together(finished: Finished, found: Intersection) -> list[Verdict]:
    text = Text("過去の提供の組が記録されている", "the classes of every earlier release are on record")
    verdicts = [_verdict("earlier-unrecorded", text, "", len(found.joints) + len(found.unknown), len(found.unknown))]
    text = Text("過去の提供と突き合わせても組の人数がk以上である", "joint classes with earlier releases hold k persons")
    verdicts += [
        _verdict("joint-class", text, joint.release, joint.both + joint.absent, joint.below) for joint in found.joints if joint.judged
    ]
    for link in found.links:
        text = Text("日付のずれが過去の提供のずれを示さない", "no shift tells that of an earlier release")
        verdicts.append(_verdict("shift-linked", text, link.release, link.persons, link.shifts, round(link.most, _DIGITS), REG_18_III))
        text = Text("行の順序が過去の提供の順序を示さない", "no order of rows tells that of an earlier release")
        verdicts.append(_verdict("order-linked", text, link.release, link.persons, link.positions, round(link.most, _DIGITS), REG_18_III))
    return verdicts
