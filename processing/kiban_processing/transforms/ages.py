"""年齢 (ages): the birth year or age band of the shifted birth date, 90 and over together (Reg 18(i)(iv)).

What it protects: nobody stands out by a great age, and the birth date is gone. What it does not: a year in a small place still narrows
down; that is why both are always quasi-identifiers.
"""

from __future__ import annotations

from datetime import date

from kiban_processing import dialect
from kiban_processing.hierarchies import ages


def birth_year_sql(born: str, reference: date) -> str:
    """SQL of `hierarchies.ages.birth_year_label` over a (shifted) date."""
    year, edge = dialect.year(born), ages.oldest_year(reference)
    return (
        f"CASE WHEN {year} > {ages.newest_year(reference)} THEN NULL WHEN {year} <= {edge} THEN '<={edge}' ELSE CAST({year} AS VARCHAR) END"
    )


def age_band_sql(born: str, reference: date) -> str:
    """SQL of `hierarchies.ages.age_band_label` over a (shifted) date."""
    years = f"greatest({dialect.years_completed(born, f'DATE {dialect.literal(reference.isoformat())}')}, 0)"
    low = f"({years} - {years} % 5)"
    return (
        f"CASE WHEN {born} IS NULL THEN NULL WHEN {years} >= {ages.OLD} THEN '{ages.OLD}+' "
        f"ELSE CAST({low} AS VARCHAR) || '-' || CAST({low} + 4 AS VARCHAR) END"
    )
