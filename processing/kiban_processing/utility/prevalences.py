"""有病率 (prevalences): the most common groups of diagnoses, standardised to the cohort's ages and sexes, before and after.

A group is the three-character category of ICD-10. Strata are sex and twenty years of age, as far as the release has them; a released span
of ages counts by its middle. Direct standardisation: shares in each stratum, weighted by the cohort's strata.
"""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa

from kiban_processing.outcome import ReleasedColumn
from kiban_processing.permitted import Treatment
from kiban_processing.utility import distances, rounding
from kiban_processing.utility.compared import AFTER, BEFORE, Compared

MOST = 10  # groups
_YEARS = 20
_STRATA = "utility_strata"  # label, age: the middle of each released span


def measure(compared: Compared) -> list[dict[str, object]]:
    """Per group: standardised share of persons before and after; groups behind which too few persons stand are left out."""
    if not compared.has("diagnoses", "icd10"):
        return []
    strata = _strata(compared)
    held, people = [], []
    for side in (BEFORE, AFTER):
        group = f"substr(replace({compared.names('diagnoses', 'icd10')[side]}, '.', ''), 1, 3)"
        persons = f"SELECT person, {strata[side]} AS stratum FROM {compared.people()[side]}"
        diagnosed = f"SELECT DISTINCT person, {group} AS code FROM {compared.relations('diagnoses')[side]} WHERE {group} SIMILAR TO '[A-Z][0-9]{{2}}'"
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for code, stratum, number in compared.rows(
            f"SELECT d.code, p.stratum, count(*) FROM ({diagnosed}) d JOIN ({persons}) p ON p.person = d.person GROUP BY 1, 2"
        ):
            counts[code][stratum] = number
        held.append(counts)
        people.append(dict(compared.rows(f"SELECT stratum, count(*) FROM ({persons}) GROUP BY 1")))
    before, after = held
    common = sorted(after, key=lambda code: (-sum(after[code].values()), code))
    shown: list[dict[str, object]] = []
    for code in common[:MOST]:
        if min(sum(after[code].values()), sum(before.get(code, {}).values())) < rounding.FEWEST:
            continue
        shares = [_standardised(side[code], own, people[BEFORE]) for side, own in zip(held, people, strict=True)]
        totals = [sum(own.values()) for own in people]
        shown.append(
            {"group": code, **{name: rounding.share(x, n) for name, x, n in zip(("before", "after"), shares, totals, strict=True)}}
        )
    return shown


def _standardised(cases: dict[str, int], people: dict[str, int], standard: dict[str, int]) -> float:
    """The share in each stratum weighted by the standard; strata without anybody are left out of the weights."""
    weights = {stratum: number for stratum, number in standard.items() if people.get(stratum)}
    total = sum(weights.values())
    if not total:  # no stratum in common: ages or sexes are not told apart in the release
        return sum(cases.values()) / max(sum(people.values()), 1)
    return sum(weight / total * cases.get(stratum, 0) / people[stratum] for stratum, weight in weights.items())


def _strata(compared: Compared) -> tuple[str, str]:
    """SQL of the stratum of a person, before and after; what the release does not tell apart is not told apart before either."""
    parts: list[tuple[str, str]] = []
    if compared.has("patients", "sex"):
        before, after = compared.names("patients", "sex")
        told = compared.number(f"SELECT count(DISTINCT {after}) FROM {compared.people()[AFTER]}") > 1
        parts += [(f"coalesce({before}, '')", f"coalesce({after}, '')")] if told else []
    column = compared.column("patients", "birth_date")
    if column is not None and _middles(compared, column):
        day = f"DATE '{compared.outcome.reference_date.isoformat()}'"
        before = f"greatest(date_sub('year', birth_date, {day}), 0)"
        after = f"(SELECT age FROM {_STRATA} m WHERE m.label = {compared.names('patients', 'birth_date')[AFTER]})"
        parts.append((_band(before), _band(after)))
    if not parts:
        return "''", "''"
    return " || '/' || ".join(before for before, _ in parts), " || '/' || ".join(after for _, after in parts)


def _band(age: str) -> str:
    return f"coalesce(CAST(least(CAST({age} AS INTEGER) // {_YEARS}, 4) AS VARCHAR), '')"


def _middles(compared: Compared, column: ReleasedColumn) -> bool:
    """Leave the age of the middle of each released span; False where the release tells no ages apart."""
    labels = [row[0] for row in compared.rows(f'SELECT DISTINCT "{column.name}" FROM {compared.people()[AFTER]}') if row[0] is not None]
    ages: dict[str, float] = {}
    this_year = compared.outcome.reference_date.year
    for label in labels:
        span = distances.span(label)
        if span is None or label == "*":
            continue
        low, high = span
        if column.treatment is Treatment.BIRTH_YEAR:
            low, high = this_year - min(high, this_year), this_year - max(low, this_year - 110)
        ages[label] = (low + min(high, 110)) / 2
    compared.con.register(
        "utility_rows",
        pa.table(
            {"label": list(ages), "age": pa.array(ages.values(), pa.float64())}, pa.schema([("label", pa.string()), ("age", pa.float64())])
        ),
    )
    compared.con.execute(f"CREATE OR REPLACE TEMP TABLE {_STRATA} AS SELECT * FROM utility_rows")
    compared.con.unregister("utility_rows")
    return len({int(age) // _YEARS for age in ages.values()}) > 1
