"""利用者用の報告書 (user's page): what the data are good for, drawn from the summary of utility alone; nothing of the method (Act 30(1))."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiban_processing.language import Language, Text
from kiban_processing.reports import charts, pages
from kiban_processing.reports.charts import Bar

Say = Callable[[str, str], str]


def page_file(language: Language) -> str:
    """The page's file name."""
    return f"utility.{language}.html"


def compose(utility: Mapping[str, Any], language: Language) -> bytes:
    """The page in one language. `utility`: `utility.Utility.as_json()`."""

    def say(ja: str, en: str) -> str:
        return Text(ja, en).read(language)

    parts = [pages.paragraph(utility["explanation"][language]), *_counts(utility, language, say)]
    for table in utility["tables"]:
        parts.append(pages.heading(table["label"][language]))
        parts += _columns(table, language, say)
    analyses = utility.get("analyses", {})
    if analyses:
        parts += [
            pages.heading(say("よくある解析", "Usual analyses")),
            pages.paragraph(analyses["explanation"][language]),
            *_analyses(analyses, say),
        ]
    return pages.page(language, say("有用性の概要", "Summary of utility"), parts)


def _counts(utility: Mapping[str, Any], language: Language, say: Say) -> list[str]:
    title = say("残った割合", "Share kept")
    people = 1 - utility["share_of_persons_left_out"]
    bars = [Bar(say("本人", "persons"), people, _percent(people))]
    bars += [Bar(one["label"][language], one["share_of_rows_kept"], _percent(one["share_of_rows_kept"])) for one in utility["tables"]]
    rows = [(say("本人", "persons"), utility["persons"], _percent(people))]
    rows += [(one["label"][language], one["rows"], _percent(one["share_of_rows_kept"])) for one in utility["tables"]]
    return [
        pages.figure(charts.bars(title, say("本人及び表ごとの行", "persons, and rows by table"), bars, 1.0), title),
        pages.table(say("件数", "Counts"), ("", say("提供", "released"), title), rows),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _columns(table: Mapping[str, Any], language: Language, say: Say) -> list[str]:
    title = say("元の集団との距離", "Distance from the cohort")
    bars = [
        Bar(one["label"][language], one["distance"], pages.number(one["distance"]))
        for one in table["columns"]
        if one["distance"] is not None
    ]
    rows = [(one["name"], one["label"][language], _percent(one["filled"]), one["distance"]) for one in table["columns"]]
    drawn = (
        [pages.figure(charts.bars(title, say("0 は同じ、1 は全く別", "0 the same, 1 wholly different"), bars, 1.0), title)] if bars else []
    )
    head = (say("列", "column"), say("意味", "meaning"), say("値のある行", "rows with a value"), title)
    return [*drawn, pages.table(table["name"], head, rows)]


def _analyses(analyses: Mapping[str, Any], say: Say) -> list[str]:
    titles = {
        "prevalences": say("年齢・性別で標準化した有病割合", "Prevalence standardised by age and sex"),
        "laboratory": say("検査値の平均と標準偏差", "Mean and standard deviation of laboratory values"),
        "associations": say("列どうしの関連", "Associations between columns"),
    }
    parts = [_table(title, analyses[name]) for name, title in titles.items() if analyses.get(name)]
    if analyses.get("stays"):
        parts.append(pages.table(say("入院", "Stays"), ("", ""), sorted(analyses["stays"].items())))
    return parts


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    head = list(rows[0])
    return pages.table(title, head, [[row.get(name) for name in head] for row in rows])
