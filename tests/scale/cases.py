"""Invented rows for a small plan: everything that the treatments tell apart, awkward values included, drawn from a seed."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

Rows = dict[str, list[dict[str, object]]]

ADDRESSES = (
    None,
    "東京都千代田区丸の内1-1",
    "東京都 八王子市元本郷町",
    "横浜市西区みなとみらい",
    "茨城県龍ヶ崎市3710",
    "北海道当別町",
    "北区王子",
    "?",
)
POSTAL_CODES = (None, "1000001", "301-0000", "0608621", "9999999")
ICD10 = (None, "E11", "E119", "E11.9", "E1190", "E110", "E10", "C001", "C14", "Z999", "U071", "??")
EDGES = (date(1935, 1, 5), date(1935, 7, 1), date(2024, 2, 29), date(1919, 1, 1), date(2025, 3, 31))


def rows(seed: int, people: int = 25, events: int = 60) -> Rows:
    """The tables of one case; some rows are nobody's, some persons have no registration, some have several."""
    draw = Random(seed)
    persons = [f"P{number}" for number in range(people)]
    anyone = [*persons, None, "Q9"]

    def day() -> date:
        return draw.choice(EDGES) if draw.random() < 0.2 else date(1919, 1, 1) + timedelta(days=draw.randrange(38_000))

    def perhaps(value: date) -> date | None:
        return value if draw.random() < 0.7 else None

    def born() -> date | None:
        return perhaps(date(draw.choice((1930, 1960, 1961, 2001)), draw.randint(1, 12), draw.randint(1, 28)))

    return {
        "patients": [
            {
                "person": draw.choice(persons),
                "registered_on": perhaps(day()),
                "sex": draw.choice((None, "male", "female", "unknown")),
                "birth_date": born(),
                "postal_code": draw.choice(POSTAL_CODES),
                "address": draw.choice(ADDRESSES),
                "death_date": perhaps(day()),
            }
            for _ in range(people * 2)
        ],
        "encounters": [
            {
                "person": draw.choice(anyone),
                "hospital": draw.choice(("H1", "H2")),
                "encounter_id": draw.choice((None, "1", "2")),
                "encounter_class": draw.choice(("inpatient", "outpatient")),
                "started_on": day(),
                "ended_on": perhaps(day()),
                "department": draw.choice((None, "01", "02", "03")),
            }
            for _ in range(events)
        ],
        "diagnoses": [
            {
                "person": draw.choice(anyone),
                "encounter_id": draw.choice((None, "1", "2")),
                "icd10": draw.choice(ICD10),
                "disease_code": draw.choice((None, "8830052", "8830053")),
                "diagnosed_on": day(),
                "ended_on": perhaps(day()),
            }
            for _ in range(events)
        ],
        "laboratory_results": [
            {
                "person": draw.choice(anyone),
                "jlac10": draw.choice((None, "3D046000001906202", "3D046000001920402")),
                "value": draw.choice((None, draw.randrange(400) / 10)),
                "unit": draw.choice((None, "%")),
                "sampled_on": day(),
            }
            for _ in range(events)
        ],
    }
