"""On the day itself, the day before and the day after, each clause's engine form says what its meaning says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from kiban_operator.guard import Standing, coverage, rules
from kiban_operator.guard.standing import Case
from kiban_operator.programmes import COLUMNS

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
FIELDS = (*COLUMNS.values(), "filed_on", "given_on", "withdrawn_on", "death_date", "guardian_given_on")


def literal(value: object) -> str:
    return "NULL" if value is None else f"DATE '{value}'" if isinstance(value, date) else str(value)


@pytest.mark.parametrize("field", FIELDS)
def test_a_day_more_or_less_is_counted_alike(adult: Standing, field: str) -> None:
    with duckdb.connect() as con:
        for anchor in (TODAY, adult.notices[0].given_on, TODAY - timedelta(days=30)):
            for offset in (-1, 0, 1):
                on = anchor + timedelta(days=offset)
                standing, notice = adult, adult.notices[0]
                if field in COLUMNS.values():
                    standing = replace(standing, programme=replace(standing.programme, **{field: on}))
                elif field in ("withdrawn_on", "death_date"):
                    standing = replace(standing, **{field: on})
                else:
                    notice = replace(notice, lacks_capacity=field == "guardian_given_on", **{field: on})
                row = {column: getattr(standing.programme, column) for column in COLUMNS.values()}
                row |= {name: getattr(standing, name) for name in ("registered", "stopped", "withdrawn_on", "birth_date", "death_date")}
                row |= {
                    name: getattr(notice, name) for name in ("given_on", "guardian_given_on", "lacks_capacity", "filed_on", "wait_days")
                }
                row |= {"today": TODAY, "covered": coverage.covers(notice.covers, ITEMS)}
                told = ", ".join(f"{literal(value)}{'::DATE' if value is None else ''} AS {name}" for name, value in row.items())
                cases = f"SELECT *, {rules.COMPLETE_ON_SQL} AS complete_on FROM (SELECT *, {rules.NEEDS_GUARDIAN_SQL} AS needs_guardian FROM (SELECT {told}))"
                asked = ", ".join(f"coalesce(({rule.sql}), true)" for rule in rules.RULES)
                ruled = con.execute(f"SELECT {asked} FROM ({cases})").fetchall()[0]
                case = Case(standing, notice, ITEMS, TODAY)
                assert ruled == tuple(rule.obstructs(case) for rule in rules.RULES)
