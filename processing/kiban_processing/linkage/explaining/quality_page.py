"""品質報告の頁 (quality page): the quality report as one HTML page for operator and auditor, in Japanese or English, without script."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from kiban_processing.language import Language, Text
from kiban_processing.linkage.explaining import charts, drawing, samples, suspicious
from kiban_processing.reports import pages

_STYLE = (
    drawing.THEMES
    + drawing.STYLE
    + "body{color:var(--ink);background:var(--paper);max-width:68rem}svg.k{max-width:100%;height:auto}.wide{overflow-x:auto}"
)
_FIGURES = ("precision", "recall")
_STRATA: dict[str, Text] = {
    "link-low": Text("統合（重みがしきい値に近い）", "linked, weight near the threshold"),
    "link-middle": Text("統合（重みが中程度）", "linked, middle weight"),
    "link-high": Text("統合（重みが大きい）", "linked, high weight"),
    "chain": Text("他の登録を介した統合", "joined by way of others"),
    "not-joined": Text("矛盾のため統合しなかったもの", "not joined because of a contradiction"),
    "review-high": Text("要確認（見込みが高い）", "to review, likely"),
    "review-low": Text("要確認（見込みが低い）", "to review, less likely"),
    "veto": Text("別人と判断したもの", "vetoed"),
    "apart": Text("統合しなかったもの", "left apart"),
}


def compose(report: Mapping[str, Any], language: Language) -> bytes:
    """The page of a report made by `quality.compose`."""

    def say(ja: str, en: str) -> str:
        return ja if language == "ja" else en

    parts = [
        pages.paragraph(
            say(
                "医療機関ごとの登録を本人ごとに名寄せした結果の品質です。登録の値は載せていません。",
                "How good the linkage of registrations to persons is. No value of a registration is shown.",
            )
        ),
        pages.table(
            say("概要", "Summary"),
            (say("項目", "item"), say("数", "number")),
            [
                (say("登録", "registrations"), report["registrations"]),
                (say("本人", "persons"), report["persons"]),
                *((f"{say('組：', 'pairs: ')}{charts.NAMES[name].read(language)}", count) for name, count in report["pairs"].items()),
            ],
        ),
        pages.heading(say("推定した適合率と再現率", "Estimated precision and recall")),
        _estimates(report, language),
        *_sample(report, language),
        "<ul>" + "".join(f"<li>{escape(limit[language])}</li>" for limit in report["limits"]) + "</ul>",
        pages.heading(say("組の重み", "Weights of pairs")),
        _figure(
            charts.weights(report["weights"], report["thresholds"], language),
            say(
                "判定ごとに縦の尺度が異なります。破線はしきい値です。",
                "Each decision has its own vertical scale. Dashed lines are the thresholds.",
            ),
        ),
        pages.heading(say("モデルの値", "Parameters of the model")),
        _figure(
            charts.levels(report["parameters"], language),
            _parameters_read(report, language),
        ),
        pages.heading(say("本人ごとの登録の数", "Registrations per person")),
        pages.paragraph(_per_person(report["registrations_per_person"], language)),
        _figure(
            charts.counts(
                say("本人ごとの登録の数", "Registrations per person"),
                [(say(f"{size}件", size), count) for size, count in _grouped(report["sizes"])],
            ),
            say("右の数は本人の数です。", "The number at the right counts persons."),
        ),
        pages.heading(say("疑わしい本人", "Suspicious persons")),
        *_suspicious(report["suspicious"], language),
    ]
    return pages.page(language, say("名寄せの品質報告", "Quality of linkage"), parts, _STYLE)


def percent(value: float | None) -> str:
    """A share in percent, cut off and never rounded up to 100 %.

    >>> percent(0.99999996), percent(1.0), percent(0.97125), percent(None)
    ('99.9999 %', '100 %', '97.1250 %', '–')
    """
    if value is None:
        return "–"
    return "100 %" if value >= 1 else f"{math.floor(value * 1e6 + 1e-6) / 1e4:.4f} %"


def _estimates(report: Mapping[str, Any], language: Language) -> str:
    names = {"precision": Text("適合率", "precision"), "recall": Text("再現率", "recall")}
    sources = (("from_model", Text("モデル", "model")), ("from_sample", Text("担当者が見た標本", "sample seen by people")))
    rows = []
    for key, source in sources:
        if report[key] is None:
            continue
        for figure in _FIGURES:
            found = report[key][figure]
            interval = f"{percent(found['low'])} – {percent(found['high'])}"
            rows.append((names[figure].read(language), source.read(language), percent(found["value"]), interval))
    model = report["from_model"]
    unproposed = model["expected_unproposed"]
    expected = [
        (Text("誤って一緒にした組（期待値）", "pairs wrongly together, expected"), model["expected_wrong"]),
        (Text("見落とした組：要確認（期待値）", "pairs missed, waiting for review, expected"), model["expected_missed"]["review"]),
        (
            Text("見落とした組：統合せず（期待値）", "pairs missed, left apart, expected"),
            model["expected_missed"]["apart"] + model["expected_missed"]["link"],
        ),
        (Text("一度も比較されなかった組（推定）", "pairs never compared, estimated"), unproposed["value"] if unproposed else None),
    ]
    head = Text("値", "value").read(language)
    return pages.table(
        Text("95%信頼区間つき", "with 95 % confidence interval").read(language),
        [Text("指標", "figure").read(language), Text("根拠", "from").read(language), head, Text("区間", "interval").read(language)],
        rows,
    ) + pages.table(
        Text("モデルの期待値の内訳", "What the model expects").read(language),
        [Text("組", "pairs").read(language), head],
        [(text.read(language), value) for text, value in expected],
    )


def _sample(report: Mapping[str, Any], language: Language) -> list[str]:
    if report["from_sample"] is None:
        return []
    strata = report["from_sample"]["strata"]
    rows = [
        (
            _STRATA[name].read(language),
            strata[name]["pairs"],
            strata[name]["answers"],
            strata[name]["same"],
            f"{percent(strata[name]['share']['low'])} – {percent(strata[name]['share']['high'])}",
        )
        for name in samples.STRATA
        if name in strata
    ]
    said = (
        ("層", "stratum"),
        ("組", "pairs"),
        ("回答", "answers"),
        ("同一人との回答", "one person"),
        ("同一人の割合の区間", "interval of that share"),
    )
    head = [Text(*words).read(language) for words in said]
    return [pages.table(Text("標本の回答", "Answers by stratum").read(language), head, rows)]


def _per_person(found: Mapping[str, Any], language: Language) -> str:
    return Text(
        f"一人当たり平均 {found['mean']:.2f} 件、最大 {found['most']} 件です。登録が一件のみの本人は {percent(found['alone'])} です。",
        f"{found['mean']:.2f} registrations per person on average, {found['most']} at most; {percent(found['alone'])} of persons have one.",
    ).read(language)


def _grouped(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Each size up to 10, then what is larger."""
    small = [(str(size), sizes[str(size)]) for size in range(1, 11) if str(size) in sizes]
    large = sum(count for size, count in sizes.items() if int(size) > 10)
    return [*small, ("11+", large)] if large else small


def _suspicious(found: Mapping[str, Any] | None, language: Language) -> list[str]:
    if found is None:
        return [pages.paragraph(Text("調べていません。", "Not examined.").read(language))]
    said = (
        ("本人ID", "person"),
        ("登録", "registrations"),
        ("理由", "grounds"),
        ("平均の重み", "mean weight"),
        ("最初に確かめるつながりの重み", "weight of the link to check first"),
    )
    counted = pages.table(
        Text("分割の確認を要する本人の数", "Persons to check for a split").read(language),
        [Text("理由", "ground").read(language), Text("本人", "persons").read(language)],
        [(suspicious.GROUNDS[name].read(language), count) for name, count in found["by_ground"].items()],
    )
    if not found["listed"]:
        return [counted]
    rows = [
        (
            row["person"],
            row["registrations"],
            Text("。", "; ").read(language).join(suspicious.GROUNDS[name].read(language) for name in row["grounds"]),
            row["mean_weight"],
            row["cut_weight"],
        )
        for row in found["listed"]
    ]
    caption = Text(f"一覧（{found['persons']:,}人のうち{len(rows)}人）", f"List ({len(rows)} of {found['persons']:,} persons)").read(
        language
    )
    return [counted, pages.table(caption, [Text(*words).read(language) for words in said], rows)]


def _parameters_read(report: Mapping[str, Any], language: Language) -> str:
    if any(row["household"] is not None for row in report["parameters"]):
        return Text(
            "m は同一人の組、h は同じ世帯の別人の組、u は他人の組のうち、その水準となる割合です。m/u は他人と比べた重み（図の棒）、m/h は同じ世帯の別人と比べた重みです（2を底とする対数）。",
            "m, h and u: share of the level among pairs of one person, of two members of one household, of strangers. m/u and m/h: weight (log2) against strangers (drawn) and against a member of the household.",
        ).read(language)
    return Text(
        "m は同一人の組、u は他人の組のうち、その水準となる割合です。重みは log2(m/u) です。",
        "m and u: share of the level among pairs of one person, of strangers. Weight: log2(m/u).",
    ).read(language)


def _figure(chart: str, caption: str) -> str:
    return f'<figure><div class="wide">{chart}</div><figcaption>{escape(caption)}</figcaption></figure>'
