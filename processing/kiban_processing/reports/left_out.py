"""除いたもの (left out): persons, records and cells that the release lacks, as a chart and tables of the operator's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kiban_processing.reports import charts, pages
from kiban_processing.reports.charts import Bar

Say = Callable[[str, str], str]


def draw(document: Mapping[str, Any], say: Say) -> list[str]:
    """Chart and tables: by person, by record, by cell."""
    persons, records, cells = document["persons"], document["records"], document["cells"]
    left_out = [Bar(say("本人", "persons"), *_share(persons["suppressed"], persons["before"]))]
    left_out += [Bar(one["table"], *_share(one["before"] - one["released"] - one["consolidated"], one["before"])) for one in records]
    title = say("除いた割合", "Share left out")
    return [
        pages.figure(charts.bars(title, say("本人及び表ごとの行", "persons, and rows by table"), left_out, 1.0), title),
        pages.table(
            say("本人(人)", "Persons"),
            (say("元", "before"), say("提供", "released"), say("除外", "left out")),
            [(persons["before"], persons["released"], persons["suppressed"])],
        ),
        pages.table(
            say("記録(行)", "Records (rows)"),
            (
                say("表", "table"),
                say("元", "before"),
                say("提供", "released"),
                say("本人に統合", "folded into one person"),
                say("除外された本人の行", "of persons left out"),
                say("患者のない行", "without patient"),
                say("まれな値だけの行", "rare values only"),
                say("日付を失った行", "day had to go"),
            ),
            [
                tuple(
                    one[name]
                    for name in (
                        "table",
                        "before",
                        "released",
                        "consolidated",
                        "of_suppressed_persons",
                        "without_patient",
                        "dropped_rare",
                        "dropped_dates",
                    )
                )
                for one in records
            ],
        ),
        pages.table(
            say("値(セル): 符号", "Cells: codes"),
            (
                say("列", "column"),
                say("上位へ丸めた行", "rows generalised"),
                say("消した行", "rows emptied"),
                say("下限(人)", "persons asked"),
            ),
            [
                (f"{one['table']}.{one['column']}", one["rows_generalised"], one["rows_suppressed"], one["threshold"])
                for one in cells["codes"]
            ],
        ),
        pages.table(
            say("値(セル): 測定値", "Cells: measurements"),
            (say("列", "column"), say("値", "values"), say("丸めた値", "clipped"), say("消した値", "emptied")),
            [
                (f"{one['table']}.{one['column']}", one["values"], one["values_clipped"], one["values_removed"])
                for one in cells["measurements"]
            ],
        ),
        *_days(cells.get("days"), say),
    ]


def _share(part: int, whole: int) -> tuple[float, str]:
    share = part / whole if whole else 0.0
    return share, f"{100 * share:.2f} % ({part:,})"


def _days(days: Mapping[str, int] | None, say: Say) -> list[str]:
    if not days:
        return []
    columns = {
        "days": say("日", "days"),
        "days_inside": say("期間の内", "inside the edges"),
        "days_kept": say("残した日", "kept"),
        "persons": say("本人", "persons"),
        "persons_shortened": say("日を失った人", "persons who lost one"),
        "cells": say("空けた日付", "dates emptied"),
    }
    return [pages.table(say("日付のある日", "Dated days"), list(columns.values()), [[days[name] for name in columns]])]
