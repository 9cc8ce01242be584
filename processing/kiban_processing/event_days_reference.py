"""事象の日付の意味 (event days, reference): `event_days` row by row in plain Python; slow, and what it must equal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from kiban_processing import event_days, holidays
from kiban_processing.dialect import HEX_OF_SHIFT
from kiban_processing.outcome import ReleaseSecrets
from kiban_processing.plan import Plan
from kiban_processing.transforms import dates, keys, visits

Rows = Mapping[str, Sequence[Mapping[str, object]]]


def treated(rows: Rows, plan: Plan, secrets: ReleaseSecrets, people: Collection[str]) -> Rows:
    """The tables without the dates that would give a shift away; dates unshifted. `people`: persons with a registration."""
    if not plan.visits.active:
        return rows
    days: dict[str, set[date]] = defaultdict(set)
    for table in event_days.events(plan):
        for row in rows[table.name] if table.name not in event_days.UNCHOSEN else ():
            days[str(row["person"])] |= {day for name in event_days.dated(table) if isinstance(day := row[name], date)}
    counts = Counter(_number(day) for person in people for day in days[person])
    gap, window = plan.visits.gap_days, plan.shift_window_weeks
    known = visits.calendar(counts, window, gap) if counts and plan.visits.advantage is not None else None
    cells: dict[str, dict[date, date]] = {}
    for person in people:
        weeks = dates.shift_weeks(secrets.shift, person, window)
        inside = {day for day in days[person] if dates.inside(day + timedelta(weeks=weeks), plan.visits.period, window)}
        cells[person] = {day: dates.coarse(day, min(inside), gap) for day in inside}
        if plan.visits.chooses and inside:
            seed = int(keys.keyed(secrets.shift, event_days.SEED, person)[:HEX_OF_SHIFT], 16)
            asked = {_number(cell) + 7 * weeks: cell != min(inside) for cell in cells[person].values()}
            stay = visits.chosen_slowly(seed, list(asked.items()), known, plan.visits.advantage or 0.0, plan.visits.most)
            cells[person] = {day: cell for day, cell in cells[person].items() if _number(cell) + 7 * weeks in stay}
    made: dict[str, Sequence[Mapping[str, object]]] = dict(rows)
    for table in event_days.events(plan):
        own, kept = event_days.anchor(table) if plan.visits.rows_go else None, []
        for row in rows[table.name]:
            one, person = dict(row), str(row["person"])
            for name in event_days.dated(table) if row["person"] in people else ():
                day = row[name]
                if not isinstance(day, date):
                    continue
                if table.name in event_days.UNCHOSEN:
                    moved = day + timedelta(weeks=dates.shift_weeks(secrets.shift, person, window))
                    one[name] = day if dates.inside(moved, plan.visits.period, window) else None
                else:
                    one[name] = cells[person].get(day)
            if own is None or row[own] is None or one[own] is not None:
                kept.append(one)
        made[table.name] = kept
    return made


def _number(day: date) -> int:
    return (day - holidays.EPOCH).days
