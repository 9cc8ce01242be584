"""入院 (stays): admissions per hundred person-years and days of a stay, before and after; intervals within a person are exact."""

from __future__ import annotations

from kiban_processing.utility import rounding
from kiban_processing.utility.compared import AFTER, BEFORE, Compared


def measure(compared: Compared) -> dict[str, float] | None:
    """Rounded to two digits; None where the release does not tell admissions, or too few persons were admitted.

    A person is observed from the first encounter to the last one, both days included.
    """
    if not compared.has("encounters", "encounter_class", "started_on"):
        return None
    shown: dict[str, float] = {}
    for side, name in ((BEFORE, "before"), (AFTER, "after")):
        kind, started = (compared.names("encounters", item)[side] for item in ("encounter_class", "started_on"))
        ended = compared.names("encounters", "ended_on")[side] if compared.has("encounters", "ended_on") else "NULL::DATE"
        rows = compared.relations("encounters")[side]
        ((admissions, persons, years, days),) = compared.rows(
            f"SELECT coalesce(sum(n), 0), count(*) FILTER (n > 0), sum(observed) / 365.25, sum(length) / nullif(sum(known), 0) FROM ("
            f"SELECT person, count(*) FILTER ({kind} = 'inpatient') AS n, date_diff('day', min({started}), max({started})) + 1 AS observed, "
            f"sum(date_diff('day', {started}, {ended}) + 1) FILTER ({kind} = 'inpatient' AND {ended} >= {started}) AS length, "
            f"count(*) FILTER ({kind} = 'inpatient' AND {ended} >= {started}) AS known "
            f"FROM {rows} WHERE {started} IS NOT NULL GROUP BY person)"
        )
        if persons < rounding.FEWEST or not years:
            return None
        shown[f"admissions_per_100_person_years_{name}"] = rounding.digits(100 * float(admissions) / float(years))
        if days is not None:
            shown[f"days_per_stay_{name}"] = rounding.digits(float(days))
    return shown
