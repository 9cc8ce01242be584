"""第五号 その他の措置 (other measures): k over persons by two measurements, suppression, outliers, dates, and nothing unplanned (Reg 18(v)).

Compliance must read every change of this file.
"""

from __future__ import annotations

import math

from kiban_processing import conditions, distributions, measures, outcome
from kiban_processing.dialect import quoted
from kiban_processing.distributions import Question
from kiban_processing.evidence import Rule, Standard, Verdict
from kiban_processing.hierarchies import named
from kiban_processing.language import Text
from kiban_processing.measures import Figures
from kiban_processing.permitted import Treatment
from kiban_processing.plan import PATIENTS
from kiban_processing.recoding import demands
from kiban_processing.recoding.demands import RecursiveDiversity
from kiban_processing.standards import columns
from kiban_processing.standards.finished import Finished, Found
from kiban_processing.statutes import POLICY_SHIFT, REG_18_V, Article

_JUDGED = "gate_persons"  # person, the released quasi-identifiers, s0.. one column per sensitive column that l or t is asked for


def judge(finished: Finished) -> tuple[list[Verdict], tuple[Figures, ...]]:
    """Plan kept, references whole, k, l and t twice, suppression, outliers, dates."""
    verdicts = [_unplanned(finished), *_references(finished)]
    anonymity, figures = _anonymity(finished)
    verdicts += [*anonymity, _suppression(finished)]
    for column in finished.of(Treatment.CLIP):
        verdicts.append(_outliers(finished, column))
    return [*verdicts, *_dates(finished)], figures


def _verdict(
    code: str,
    text: Text,
    subject: str,
    examined: int,
    found: float,
    bound: float = 0,
    rule: Rule = Rule.AT_MOST,
    article: Article = REG_18_V,
) -> Verdict:
    return Verdict(Standard.OTHER_MEASURES, article, code, text, subject, examined, found, bound, rule)


def _unplanned(finished: Finished) -> Verdict:
    text = Text("計画にない列がない", "no column is released that the plan does not name")
    return _verdict("unplanned-column", text, "", len(finished.columns), len(columns.undeclared(finished)))


def _references(finished: Finished) -> list[Verdict]:
    """One row per person among the patients, and every other row of one of them: else k would count some persons and miss others."""
    patients = quoted(outcome.released(PATIENTS))
    text = Text("患者の表は一人一行である", "the table of patients has one row per person")
    verdicts = [
        _verdict(
            "person-twice",
            text,
            PATIENTS,
            finished.rows[PATIENTS],
            finished.rows[PATIENTS] - finished.number(f"SELECT count(DISTINCT person) FROM {patients}"),
        )
    ]
    text = Text("どの行の本人も患者の表にある", "the person of every row is in the table of patients")
    for table in finished.outcome.tables:
        if table != PATIENTS:
            astray = f"SELECT count(*) FROM {quoted(outcome.released(table))} r ANTI JOIN {patients} p ON p.person = r.person"
            verdicts.append(_verdict("row-without-person", text, table, finished.rows[table], finished.number(astray)))
    return verdicts


def _anonymity(finished: Finished) -> tuple[list[Verdict], tuple[Figures, ...]]:
    asked = finished.plan.anonymity
    quasi = [column.released_as for column in finished.plan.quasi]
    sensitive = sorted(asked.sensitive)
    _judged_persons(finished, quasi, sensitive)
    names = [f"s{number}" for number, _ in enumerate(sensitive)]
    called = dict(zip(names, sensitive, strict=True))
    figures = tuple(
        Figures(
            one.source,
            one.persons,
            one.classes,
            one.k,
            {called[name]: value for name, value in one.l.items()},
            {called[name]: round(value, 9) for name, value in one.t.items()},  # the order of a sum must not change the evidence
        )
        for one in (
            measures.measure(finished.con, _JUDGED, quasi, names, bool(asked.t)),
            measures.measure_by_pycanon(finished.con, _JUDGED, quasi, names, bool(asked.t)),
        )
    )
    verdicts = []
    distinct = [one for one in asked.l if one.kind == "distinct"]
    equal = [one for one in asked.t if one.ground == "equal"]
    for one in figures:
        by = Text(f"（{one.source}）", f" ({one.source})")
        text = Text(f"準識別子が一致する人数の最小{by.ja}", f"persons in the smallest class{by.en}")
        verdicts.append(_verdict("k", text, "", one.persons, one.k, asked.k, Rule.AT_LEAST))
        # What lies beyond pycanon's reach is left out of its figures; ours are always there.
        for diversity in distinct:
            text = Text(f"組ごとの主な値の種類の最小{by.ja}", f"distinct principal values in the poorest class{by.en}")
            if diversity.column in one.l:
                verdicts.append(_verdict("l", text, diversity.column, one.persons, one.l[diversity.column], diversity.value, Rule.AT_LEAST))
        for closeness in equal:
            text = Text(f"組と全体の分布の距離の最大{by.ja}", f"largest distance of a class from the whole{by.en}")
            if closeness.column in one.t:
                verdicts.append(_verdict("t", text, closeness.column, one.persons, one.t[closeness.column], closeness.value))
    ours, theirs = figures
    text = Text("二つの測定が一致する", "the two measurements agree")
    verdicts.append(_verdict("k-agrees", text, "", ours.classes, abs(ours.k - theirs.k)))
    return [*verdicts, *_distributions(finished, quasi, sensitive)], figures


def _distributions(finished: Finished, quasi: list[str], sensitive: list[str]) -> list[Verdict]:
    """What pycanon has no right figure for: ours alone, by another way than the search's. Classes that break the model; t and entropy by figure."""
    asked = finished.plan.anonymity
    questions = [
        Question(
            f"s{number}",
            demands.called(model),
            demands.bound(model),
            model.l if isinstance(model, RecursiveDiversity) else 0,
            named.hierarchy_of_values(finished.plan, column),
        )
        for number, column in enumerate(sensitive)
        for model in conditions.of_column((*asked.l, *asked.t, *asked.beta), column)
        if demands.called(model) not in ("l-distinct", "t-equal")
    ]
    verdicts = []
    for answer in distributions.measure(finished.con, _JUDGED, quasi, questions):
        one, subject = answer.question, sensitive[int(answer.question.column[1:])]
        match one.kind:
            case "l-entropy":
                text = Text(
                    "組ごとの主な値の実効種類数の最小（kibanのみ）",
                    "effective number (exp of the entropy) of values in the poorest class (kiban alone)",
                )
                verdicts.append(_verdict(one.kind, text, subject, answer.classes, round(answer.worst, 9), one.bound, Rule.AT_LEAST))
            case "t-ordered" | "t-hierarchical" | "beta-basic":
                text = Text(
                    "組と全体の分布の隔たりの最大（kibanのみ）", "largest distance or gain of a class against the whole (kiban alone)"
                )
                verdicts.append(_verdict(one.kind, text, subject, answer.classes, round(answer.worst, 9), one.bound))
            case _:
                text = Text("求める条件を満たさない組の数（kibanのみ）", "classes that break the model (kiban alone)")
                verdicts.append(_verdict(one.kind, text, subject, answer.classes, answer.failing))
    return verdicts


def _judged_persons(finished: Finished, quasi: list[str], sensitive: list[str]) -> None:
    """One row per released person, from the released tables alone; a person's principal value is what `principal` says."""
    chosen = "".join(f", p.{quoted(name)}" for name in quasi)
    joins = ""
    for number, qualified in enumerate(sensitive):
        table, column = qualified.split(".", 1)
        chosen += f", v{number}.value AS s{number}"
        joins += f" LEFT JOIN ({principal(table, column)}) v{number} ON v{number}.person = p.person"
    finished.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_JUDGED} AS SELECT p.person{chosen} FROM {quoted(outcome.released(PATIENTS))} p{joins}"
    )


def principal(table: str, column: str) -> str:
    """SQL: each person's principal released value of a column: the one on most rows, among equals the first in order."""
    name, relation = quoted(column), quoted(outcome.released(table))
    return (
        f"SELECT person, arg_max(value, (n, -place)) AS value FROM (SELECT person, {name} AS value, count(*) AS n, "
        f"row_number() OVER (ORDER BY {name}) AS place FROM {relation} WHERE {name} IS NOT NULL GROUP BY person, {name}) GROUP BY person"
    )


def _suppression(finished: Finished) -> Verdict:
    """Persons handed in that are not released, for whatever reason: suppression cannot hide under another name."""
    handed_in = finished.number(f"SELECT count(DISTINCT person) FROM {quoted(finished.sources[PATIENTS])}")
    # The limit is a share of persons, rounded down to whole ones; the margin is for the last digit of a decimal share.
    most = math.floor(finished.plan.anonymity.suppression_limit * handed_in + 1e-9)
    text = Text("除かれた人数が上限以下である", "the number of persons left out is within the limit")
    return _verdict("suppression", text, "", handed_in, handed_in - finished.persons, most)


def _outliers(finished: Finished, column: Found) -> Verdict:
    """Groups whose highest or lowest released value is shared by too few persons."""
    clipped = {(one.table, one.column): one.by for one in finished.outcome.measurements}
    groups = clipped.get((column.table, column.name), ())
    name, relation = quoted(column.name), quoted(outcome.released(column.table))
    by = ", ".join(quoted(one) for one in groups)
    over = f"PARTITION BY {by}" if by else ""
    chosen = f"{by}, " if by else ""
    query = (
        f"SELECT count(*), count(*) FILTER (least(low, high) < {finished.plan.clip.tail_persons}) FROM ("
        f"SELECT {chosen}count(DISTINCT person) FILTER ({name} = lowest) AS low, count(DISTINCT person) FILTER ({name} = highest) AS high "
        f"FROM (SELECT *, min({name}) OVER ({over}) AS lowest, max({name}) OVER ({over}) AS highest FROM {relation} WHERE {name} IS NOT NULL) "
        f"{f'GROUP BY {by}' if by else ''})"
    )
    examined, few = finished.row(query)
    text = Text("最大値・最小値を所定の人数以上が共有する", "enough persons share the highest and the lowest value of each group")
    return _verdict("outlier", text, column.place, examined, few if finished.rows[column.table] else 0)


def _dates(finished: Finished) -> list[Verdict]:
    shifted = finished.of(Treatment.SHIFT)
    # A year among the quasi-identifiers is a text, and may stand at a wider level; k judges it.
    years = [column for column in finished.of(Treatment.SHIFT_YEAR) if not column.is_text]
    if not shifted and not finished.of(Treatment.SHIFT_YEAR):
        return []
    secret = quoted(outcome.SECRET_PERSONS)
    window = finished.plan.shift_window_weeks
    verdicts = []
    text = Text("日付は本人ごとに一律にずれている", "every date is a date of the same person, moved by the person's one shift")
    for column in shifted:
        name, source = quoted(column.name), quoted(finished.sources[column.table])
        astray = finished.number(
            f"SELECT count(*) FROM (SELECT p.person, r.{name} - 7 * p.shift_weeks AS day FROM {quoted(outcome.released(column.table))} r "
            f"LEFT JOIN {secret} p ON p.pseudonym = r.person WHERE r.{name} IS NOT NULL) x "
            f"ANTI JOIN {source} s ON s.person = x.person AND s.{name} = x.day"
        )
        verdicts.append(_verdict("date-astray", text, column.place, finished.rows[column.table], astray, article=POLICY_SHIFT))
    for column in years:
        name, source = quoted(column.name), quoted(finished.sources[column.table])
        moved = f"SELECT p.pseudonym, year(s.{name} + 7 * p.shift_weeks) AS year FROM {source} s JOIN {secret} p ON p.person = s.person"
        astray = finished.number(
            f"SELECT count(*) FROM (SELECT person, {name} AS year FROM {quoted(outcome.released(column.table))} WHERE {name} IS NOT NULL) x "
            f"ANTI JOIN ({moved}) s ON s.pseudonym = x.person AND s.year = x.year"
        )
        verdicts.append(_verdict("date-astray", text, column.place, finished.rows[column.table], astray, article=POLICY_SHIFT))
    persons, beyond, unmoved = finished.row(
        f"SELECT count(*), count(*) FILTER (shift_weeks IS NULL OR abs(shift_weeks) > {window}), count(*) FILTER (shift_weeks = 0) FROM {secret}"
    )
    text = Text("ずらす幅が計画の範囲内である", "every shift lies within the plan's window")
    verdicts.append(_verdict("shift-window", text, "", persons, beyond, article=POLICY_SHIFT))
    expected = persons / (2 * window + 1)
    text = Text("日付が動かない人は偶然の範囲である", "no more persons keep their dates than chance explains")
    # Six standard deviations: about one honest release in a milliard is refused.
    most = math.ceil(expected + 6 * math.sqrt(expected) + 1)
    verdicts.append(_verdict("date-unmoved", text, "", persons, unmoved, most, article=POLICY_SHIFT))
    return verdicts
