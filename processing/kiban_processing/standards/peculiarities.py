"""第四号 特異な記述等 (peculiarities): no code that too few persons hold, no age of 90 or more told apart (Reg 18(iv)).

Compliance must read every change of this file.
"""

from __future__ import annotations

from kiban_processing import outcome
from kiban_processing.dialect import quoted
from kiban_processing.evidence import Rule, Standard, Verdict
from kiban_processing.hierarchies.ages import OLD
from kiban_processing.language import Text
from kiban_processing.permitted import Treatment
from kiban_processing.standards.finished import VALUES, Finished, Found
from kiban_processing.standards.leaks import in_vocabulary
from kiban_processing.statutes import REG_18_IV


def judge(finished: Finished) -> list[Verdict]:
    """Persons per released code; closed lists kept closed; ages."""
    verdicts = []
    for column in finished.of(Treatment.GENERALISE_RARE):
        fewest, values = finished.con.execute(f"SELECT min(persons), count(*) FROM {VALUES} WHERE place = ?", [column.place]).fetchall()[0]
        text = Text("どの符号も所定の人数以上が持つ", "every released code is held by enough persons")
        bound = finished.plan.rare_persons
        verdicts.append(_verdict("rare-code", text, column, values, bound if fewest is None else fewest, bound, Rule.AT_LEAST))
    for column in finished.of(Treatment.KEEP):
        if not column.is_text or _quasi(finished, column):
            continue
        found = finished.con.execute(f"SELECT value FROM {VALUES} WHERE place = ? ORDER BY id", [column.place]).fetchall()
        outside = sum(1 for (value,) in found if not all(item.choices and in_vocabulary(item, value) for item in column.items))
        text = Text("そのままの列には目録の選択肢だけがある", "a column kept as it is holds only choices of the catalogue")
        verdicts.append(_verdict("open-value", text, column, len(found), outside, 0))
    for column in finished.of(Treatment.BIRTH_YEAR, Treatment.AGE_BAND):
        text = Text("90歳以上は一括されている", "ages of 90 and over stand together")
        verdicts.append(_verdict("age-told-apart", text, column, finished.persons, _told_apart(finished, column), 0))
    if not verdicts:
        text = Text("特異な記述等になり得る列がない", "no column can hold a peculiar description")
        verdicts.append(Verdict(Standard.PECULIARITIES, REG_18_IV, "no-peculiar-column", text, "", len(finished.columns), 0, 0))
    return verdicts


def _verdict(code: str, text: Text, column: Found, examined: int, found: float, bound: float, rule: Rule = Rule.AT_MOST) -> Verdict:
    return Verdict(Standard.PECULIARITIES, REG_18_IV, code, text, column.place, examined, found, bound, rule)


def _told_apart(finished: Finished, column: Found) -> int:
    """Persons whose released birth year, age or band lies wholly at 90 or over on the reference date.

    A pooled value (`90+`, `<=1935`) is no span of numbers; a span whose younger end is below 90 does not tell an age of 90.
    """
    year = finished.outcome.reference_date.year
    name = quoted(column.name)
    value = f"CAST({name} AS VARCHAR)"
    first, last = (f"TRY_CAST(regexp_extract({value}, '^([0-9]+)(?:-([0-9]+))?$', {number}) AS INTEGER)" for number in (1, 2))
    if column.treatment is Treatment.BIRTH_YEAR:
        told = f"coalesce({last}, {first}) <= {year - OLD}"
    else:
        # An open band above 90 (`95+`) tells as much as a closed one.
        told = f"({first} >= {OLD} OR TRY_CAST(regexp_extract({value}, '^([0-9]+)[+]$', 1) AS INTEGER) > {OLD})"
    return finished.number(f"SELECT count(DISTINCT person) FROM {quoted(outcome.released(column.table))} WHERE {told}")


def _quasi(finished: Finished, column: Found) -> bool:
    """Quasi-identifiers are judged by k (Reg 18(v)); at a higher level they are no choices of the catalogue any more."""
    return any(planned.released_as == column.name for planned in finished.plan.quasi) and column.table == "patients"
