"""攻撃の測定 (attacks): attackers of dates and events on invented visits, with and without the treatments that hold them off; table and JSON.

    python benchmarks/anonymisation/attacks.py --persons 100000 [--known 1000000] [--json FILE]

Prints, for each plan of dates, what stays and how far a shift is recovered beyond guessing; then whom known events single out, with the CPU
seconds; then how telling gaps and weekdays are. Five years of collection, hospitals that rest on holidays and at the year end, 1 to 40
visits a person. Everything follows from the seeds. CPU seconds of this process are what to compare; wall time measures the neighbours too.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import hospital_visits
import numpy as np
import numpy.typing as npt

from kiban_processing.risk import events, gap_vectors, known_events, shift_recovery
from kiban_processing.transforms import visits

Numbers = npt.NDArray[np.int64]
GAPS = 1_000_000  # persons
# window in weeks, edges trimmed, margin beyond guessing, days at most, days of a period
PLANS: tuple[tuple[int, bool, float | None, int | None, int], ...] = (
    (26, False, None, None, 1),
    (26, True, None, None, 1),
    (26, True, None, 5, 1),
    (26, True, None, 10, 1),
    (26, False, 0.02, None, 1),
    (26, False, 0.03, None, 1),
    (26, False, 0.04, None, 1),
    (26, False, None, None, 7),
    (26, True, None, None, 7),
    (26, False, 0.02, None, 7),
    (26, True, None, None, 28),
    (26, False, 0.02, None, 28),
    (52, False, None, None, 1),
    (52, True, None, None, 1),
    (52, True, None, 5, 1),
    (52, False, 0.02, None, 1),
    (52, False, 0.03, None, 1),
    (52, True, None, None, 7),
    (52, False, 0.02, None, 7),
    (52, False, 0.02, None, 28),
    (104, False, None, None, 1),
    (104, False, 0.02, None, 1),
)


def recovery(made: hospital_visits.Visits, seed: int) -> list[dict[str, Any]]:
    """One row per plan of dates."""
    counts = hospital_visits.counted(made)
    rows = []
    for window, trimmed, advantage, most, gap in PLANS:
        weeks = np.random.default_rng(seed + window).integers(-window, window + 1, made.persons)
        person, day, period = released(made, weeks, gap)
        before = len(day)
        spent = time.process_time()
        stays = np.ones(len(day), bool)
        if trimmed:
            stays = (day >= made.day.min() + 7 * window) & (day <= made.day.max() - 7 * window)
        if advantage is not None or most is not None:
            calendar = visits.calendar(counts, window, gap) if advantage is not None else None
            chosen = visits.chosen(
                person[stays], events.mixed(seed, person[stays]), day[stays], period[stays], calendar, advantage or 0.0, most
            )
            stays[np.flatnonzero(stays)[~chosen]] = False
        treated = time.process_time() - spent
        spent = time.process_time()
        found = shift_recovery.recover(person[stays], day[stays], weeks, counts, window, gap)
        rows.append(
            {
                "window_weeks": window,
                "edges_trimmed": trimmed,
                "advantage_allowed": advantage,
                "most_days": most,
                "gap_days": gap,
                "days_kept": float(stays.sum() / before),
                "persons_with_days": int(len(np.unique(person[stays]))),
                **found.as_json(),
                "treatment_cpu_seconds": treated,
                "attack_cpu_seconds": time.process_time() - spent,
            }
        )
    return rows


def released(made: hospital_visits.Visits, weeks: Numbers, gap: int) -> tuple[Numbers, Numbers, npt.NDArray[np.bool_]]:
    """Person, released day, and whether the day stands for a period, of distinct days."""
    starts = np.r_[0, np.flatnonzero(np.diff(made.person)) + 1]
    first = np.repeat(made.day[starts], np.diff(np.r_[starts, len(made.day)]))
    cell = made.day - (made.day - first) % gap
    once = np.r_[True, (np.diff(made.person) > 0) | (np.diff(cell) > 0)]
    return made.person[once], (cell + 7 * weeks[made.person])[once], (cell != first)[once]


def singled(made: hospital_visits.Visits, seed: int, window: int) -> list[dict[str, Any]]:
    """Known events on shifted exact dates: with a category of diagnosis each, and as visits alone."""
    weeks = np.random.default_rng(seed).integers(-window, window + 1, made.persons)
    everybody = np.ones(made.persons, bool)
    rows = []
    for knows, kind in (("diagnosis", made.code), ("visit", np.zeros(len(made.code), np.int64))):
        source = events.of(made.persons, made.person, kind, made.day)
        release = events.of(made.persons, made.person, kind, made.day + 7 * weeks[made.person])
        for days in (0, 3, 7):
            spent = time.process_time()
            found = known_events.measure(source, release, everybody, [(m, days) for m in (1, 2, 3, 4)], 10, window, seed)
            spent = time.process_time() - spent
            rows += [{"knows": knows, "cpu_seconds_of_four": spent, **one.as_json()} for one in found]
    return rows


def gaps(seed: int) -> list[dict[str, Any]]:
    """Persons with a given number of visits, uniform in three years, as in the project's first measurement."""
    rows = []
    for number in (3, 4):
        person = np.repeat(np.arange(GAPS), number)
        day = np.random.default_rng(seed).integers(0, 1095, len(person)) + 18_000
        once = np.unique(np.c_[person, day], axis=0)
        for gap in (1, 7, 28):
            for of_class in (None, np.arange(GAPS) % 200):
                found = gap_vectors.unique(once[:, 0], once[:, 1], 10, gap, of_class, number)
                rows.append({"visits": number, **found.as_json()})
    return rows


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--persons", type=int, default=100_000, help="for shift recovery")
    asked.add_argument("--known", type=int, default=200_000, help="for known events")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--json", type=Path)
    options = asked.parse_args()
    shifts = recovery(hospital_visits.generate(options.persons, options.seed), options.seed)
    print(f"shift recovery, {options.persons} persons, 1 to 40 visits")
    print("weeks trim margin most gap | kept  success guess advantage [95 %]          rank attacker  cpu treat/attack")
    for row in shifts:
        low, high = (100 * (bound - row["guessing"]) for bound in row["interval"])
        print(
            f"{row['window_weeks']:5} {'yes' if row['edges_trimmed'] else 'no':>4} {row['advantage_allowed'] or '-':>6} {row['most_days'] or '-':>4} "
            f"{row['gap_days']:3} | {row['days_kept']:5.1%} {row['success']:6.2%} {row['guessing']:6.2%} {100 * row['advantage']:6.2f} points "
            f"[{low:5.2f}, {high:5.2f}] {row['median_rank']:5.1f} {row['attacker']:9} {row['treatment_cpu_seconds']:5.1f} {row['attack_cpu_seconds']:5.1f}"
        )
    known = singled(hospital_visits.generate(options.known, options.seed + 1), options.seed, 26)
    print(f"known events, {options.known} persons, sample {known_events.SAMPLE}, window 26 weeks, k = 10")
    print("knows     events days | before  after [95 %]            below k after | cpu of the four")
    for row in known:
        after = row["after"]
        print(
            f"{row['knows']:9} {row['events']:6} {row['days']:4} | {row['before']['share']:6.1%} {after['share']:6.1%} "
            f"[{after['interval'][0]:.3f}, {after['interval'][1]:.3f}] {after['below_k_share']:13.1%} | {row['cpu_seconds_of_four']:6.1f}"
        )
    told = gaps(options.seed)
    print(f"gap vectors, {GAPS:,} persons, visits uniform in three years\nvisits gap quasi | unique  below 10")
    for row in told:
        print(
            f"{row['visits']:6} {row['gap_days']:3} {'yes' if row['with_quasi'] else 'no':>5} | {row['share']:6.1%} {row['below_k'] / max(row['persons'], 1):8.1%}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory {peak / 1e9:.2f} GB, CPU {time.process_time():.0f} s")
    if options.json:
        options.json.write_text(
            json.dumps({"shift_recovery": shifts, "known_events": known, "gap_vectors": told, "peak_memory_bytes": peak}, indent=1) + "\n",
            "utf-8",
        )


if __name__ == "__main__":
    main()
