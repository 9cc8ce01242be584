"""第五号 攻撃の試み (attacks): what attackers of dates, events and sensitive values reach on the finished data, against the plan's bounds (Reg 18(v)).

The released tables are read again; the true shifts and days come from `secret_persons` and the sources. What is a figure of a sample is judged
by the end of its interval that is worse for the release; recovery of shifts, judged on all persons, by what chance does not explain.

Compliance must read every change of this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kiban_processing import dialect, event_days, outcome
from kiban_processing.catalogue import tables
from kiban_processing.catalogue.items import Kind
from kiban_processing.dialect import quoted
from kiban_processing.evidence import Standard, Verdict
from kiban_processing.language import Text
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS
from kiban_processing.risk import attribute_inference, gap_vectors, known_events, shift_recovery
from kiban_processing.risk.attribute_inference import AttributeInference
from kiban_processing.risk.gap_vectors import GapVectors
from kiban_processing.risk.known_events import KnownEventsRisk
from kiban_processing.risk.shift_recovery import ShiftRecovery
from kiban_processing.standards import attack_events
from kiban_processing.standards.attack_events import PEOPLE
from kiban_processing.standards.finished import Finished
from kiban_processing.standards.other_measures import principal
from kiban_processing.statutes import POLICY_SHIFT, REG_18_V, Article

_VALUES = "gate_attack_values"
USUAL_DAYS = 7
USUAL_EVENTS = (1, 2, 3, 4)  # measured where the plan names no number of known events


@dataclass(frozen=True)
class Attacks:
    """What each attacker reached; None or empty where the release has nothing for him. For the operator and the auditor alone."""

    shift: ShiftRecovery | None
    known_events: tuple[KnownEventsRisk, ...]
    inference: tuple[AttributeInference, ...]
    gaps: tuple[GapVectors, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "shift_recovery": self.shift.as_json() if self.shift else None,
            "known_events": [one.as_json() for one in self.known_events],
            "attribute_inference": [one.as_json() for one in self.inference],
            "gap_vectors": [one.as_json() for one in self.gaps],
        }


def judge(finished: Finished, sample: int = known_events.SAMPLE) -> tuple[list[Verdict], Attacks]:
    """All attacks, and a verdict for each that the plan bounds. `sample`: persons of the known-events attack."""
    attack_events.people(finished)
    shift, gaps = _days(finished)
    events = _known_events(finished, sample)
    inference = _inference(finished)
    finished.con.execute(f"DROP TABLE IF EXISTS {PEOPLE}")
    return [*_shift_verdict(finished, shift), *_event_verdicts(finished, events), *_inference_verdicts(finished, inference)], Attacks(
        shift, events, inference, gaps
    )


def _verdict(code: str, text: Text, subject: str, examined: int, found: float, bound: float, article: Article = REG_18_V) -> Verdict:
    return Verdict(Standard.OTHER_MEASURES, article, code, text, subject, examined, round(found, 9), bound)


def _days(finished: Finished) -> tuple[ShiftRecovery | None, tuple[GapVectors, ...]]:
    columns = [column for column in finished.of(Treatment.SHIFT) if column.table not in (PATIENTS, *event_days.UNCHOSEN)]
    if not columns:
        return None, ()
    released = " UNION ALL ".join(
        f"SELECT person, {quoted(one.name)} AS day FROM {quoted(outcome.released(one.table))} WHERE {quoted(one.name)} IS NOT NULL"
        for one in columns
    )
    found = finished.con.execute(
        f"SELECT DISTINCT p.number, {dialect.day_number('d.day')} AS day FROM ({released}) d JOIN {PEOPLE} p ON p.pseudonym = d.person"
    ).fetchnumpy()
    number, day = np.asarray(found["number"], np.int64), np.asarray(found["day"], np.int64)
    true = " UNION ALL ".join(
        f"SELECT person, {quoted(one.name)} AS day FROM {quoted(finished.sources[one.table])} WHERE {quoted(one.name)} IS NOT NULL"
        for one in columns
    )
    counts = dict(
        finished.con.execute(
            f"SELECT {dialect.day_number('day')} AS day, count(*) FROM (SELECT DISTINCT d.person, d.day FROM ({true}) d "
            f"SEMI JOIN {quoted(outcome.SECRET_PERSONS)} s ON s.person = d.person) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    )
    window = finished.plan.shift_window_weeks
    # Only persons of the release are attacked, and only what a plan can have done: a shift that is missing or beyond the window is a failure
    # of its own (other measures), and would find no place among the shifts that the attacker weighs.
    people = finished.con.execute(f"SELECT weeks, released, class FROM {PEOPLE} ORDER BY number").fetchnumpy()
    missing = getattr(people["weeks"], "mask", False)  # the engine masks what is not there
    weeks = np.where(missing, window + 1, np.asarray(people["weeks"], np.int64))
    there = np.asarray(people["released"], bool) & (np.abs(weeks) <= window)
    number, day = number[there[number]], day[there[number]]
    again = np.cumsum(there) - 1
    k, gap = finished.plan.anonymity.k, finished.plan.visits.gap_days
    recovered = shift_recovery.recover(again[number], day, weeks[there], counts, window, gap)
    classes = np.asarray(people["class"], np.int64)[there]
    gaps = tuple(
        gap_vectors.unique(again[number], day, k, coarse, of_class) for coarse in sorted({gap, 7, 28}) for of_class in (None, classes)
    )
    return recovered, gaps


def _known_events(finished: Finished, sample: int) -> tuple[KnownEventsRisk, ...]:
    asked = [(one.events, one.days) for one in finished.plan.risk.known_events] or [(events, USUAL_DAYS) for events in USUAL_EVENTS]
    both = attack_events.both(finished)
    if both is None:
        return ()
    source, release = both
    released = np.asarray(finished.con.execute(f"SELECT released FROM {PEOPLE} ORDER BY number").fetchnumpy()["released"], bool)
    plan = finished.plan
    # The sample need not be secret, but nobody should choose it: it follows from the plan.
    seed = int(plan.digest[:15] or "0", 16)
    found = known_events.measure(
        source, release, released, asked, plan.anonymity.k, plan.shift_window_weeks, seed, sample, plan.visits.gap_days
    )
    attack_events.clear(finished)
    return found


def _inference(finished: Finished) -> tuple[AttributeInference, ...]:
    asked = {one.column for one in finished.plan.risk.inference}
    columns = [
        column
        for column in finished.columns
        if column.table != PATIENTS
        and column.treatment in (Treatment.KEEP, Treatment.GENERALISE_RARE)
        and (column.place in asked or any(item.kind is Kind.SENSITIVE_VALUE for item in column.items))
    ]
    quasi = [column.released_as for column in finished.plan.quasi]
    chosen = "".join(f", p.{quoted(name)}" for name in quasi)
    found = []
    for column in columns:
        finished.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_VALUES} AS SELECT p.person{chosen}, v.value AS sensitive_value "
            f"FROM {quoted(outcome.released(PATIENTS))} p LEFT JOIN ({principal(column.table, column.name)}) v ON v.person = p.person"
        )
        found.append(attribute_inference.measure(finished.con, _VALUES, quasi, "sensitive_value", column.place))
    finished.con.execute(f"DROP TABLE IF EXISTS {_VALUES}")
    return tuple(found)


def _shift_verdict(finished: Finished, found: ShiftRecovery | None) -> list[Verdict]:
    if found is None:
        return []
    text = Text(
        "日付のずれを当てる攻撃の成功率が、当て推量をこえる分（偶然で説明できる分を除く）",
        "how much better than by guessing a person's shift is told from the dates (beyond what chance explains)",
    )
    return [_verdict("shift-recovery", text, "", found.persons, found.proven, finished.plan.risk.shift_advantage, POLICY_SHIFT)]


def _event_verdicts(finished: Finished, found: tuple[KnownEventsRisk, ...]) -> list[Verdict]:
    verdicts = []
    for asked in finished.plan.risk.known_events:
        one = next((one for one in found if (one.events, one.days) == (asked.events, asked.days)), None)
        if asked.share is None or one is None:
            continue
        text = Text(
            f"{asked.events}件の事象を±{asked.days}日で知る者に一人に絞られる人の割合",
            f"share of persons singled out by {asked.events} events known within ±{asked.days} days",
        )
        # All were tried: the share is a fact. Of a sample it is what the sample cannot exclude.
        share = one.after.share if finished.persons <= known_events.SAMPLE else one.after.interval[1]
        verdicts.append(_verdict("known-events", text, f"{asked.events}/{asked.days}", one.persons, share, asked.share))
    return verdicts


def _inference_verdicts(finished: Finished, found: tuple[AttributeInference, ...]) -> list[Verdict]:
    text = Text(
        "値を当てる攻撃の成功率が、全体の最多値を答える場合をこえる分",
        "how much better than by the most frequent value a person's value is told",
    )
    verdicts = []
    for asked in finished.plan.risk.inference:
        one = next((one for one in found if one.column == asked.column), None)
        # What the plan bounds must be measured: a column that is not there fails closed.
        tables.named(asked.column)
        verdicts.append(
            _verdict("attribute-inference", text, asked.column, one.persons if one else 0, one.advantage if one else 1.0, asked.advantage)
        )
    return verdicts
