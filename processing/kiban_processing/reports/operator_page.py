"""事業者用の報告書の頁 (operator's page): the operator's report for people, drawn from its JSON alone, with charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiban_processing.language import Language, Text
from kiban_processing.reports import attack_charts, attack_tables, charts, left_out, pages
from kiban_processing.reports.charts import Bar

_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000)  # classes of class sizes, in persons
Say = Callable[[str, str], str]
_NAMES: dict[str, Callable[[Say], str]] = {  # headings of what else is measured; anything without one is shown under its own name
    "sensitive": lambda say: say("機微な値（α、l、t、β、δ）", "Sensitive values (alpha, l, t, beta, delta)"),
    "known_events": lambda say: say("既知の受診による特定", "Known events"),
    "shift_recovery": lambda say: say("日付のずれの推定", "Recovery of the date shift"),
    "attribute_inference": lambda say: say("属性の推定", "Attribute inference"),
    "gap_vectors": lambda say: say("受診間隔の一意性", "Uniqueness of gaps"),
}


def compose(document: Mapping[str, Any], language: Language) -> bytes:
    """The page in one language."""

    def say(ja: str, en: str) -> str:
        return Text(ja, en).read(language)

    plan = document["plan"]
    verdict = say("すべての判定に適合", "all checks passed") if document["passed"] else say("不適合の判定がある", "some checks FAILED")
    parts = [
        pages.paragraph(f"{plan['name']} v{plan['version']} (sha256:{plan['digest']}): {verdict}"),
        pages.paragraph(
            say(
                "加工の方法に関する情報を含む。利用者に渡してはならない（法第30条第1項）。",
                "Holds information on the method of processing. It must not reach a user (Act 30(1)).",
            )
        ),
        pages.heading(say("除いたもの", "What was left out")),
        *left_out.draw(document, say),
        pages.heading(say("匿名性", "Anonymity")),
        *_anonymity(document, say),
        pages.heading(say("再識別のリスク", "Risk of re-identification")),
        *_reidentification(document, say),
        pages.heading(say("過去の提供との突合", "Together with earlier releases")),
        *_intersection(document, say),
        *_attacks(document, say),
        pages.heading(say("判定", "Checks")),
        _verdicts(document, language, say),
    ]
    return pages.page(language, say("作成物の報告書（事業者用）", "Report on a release (operator)"), parts)


def _anonymity(document: Mapping[str, Any], say: Say) -> list[str]:
    anonymity = document["anonymity"]
    levels = [
        Bar(one["column"], one["level"], f"{one['level']} / {one['levels'] - 1}")
        for one in anonymity.get("quasi", ())
        if isinstance(one.get("level"), int)
    ]
    title = say("選ばれた階層の段", "Level chosen of each quasi-identifier")
    shown = [pages.figure(charts.bars(title, say("0 は元のまま", "0: as it was"), levels), title)] if levels else []
    rows = [
        (name, anonymity[name])
        for name in ("method", "k_asked", "k_reached", "classes", "loss_geometric", "loss_arithmetic", "suppression_limit")
        if name in anonymity
    ]
    measured = [
        (one["source"], one["persons"], one["classes"], one["k"], _listed(one["l"]), _listed(one["t"])) for one in document["figures"]
    ]
    return [
        *shown,
        pages.table(say("結果", "Result"), (say("項目", "figure"), say("値", "value")), rows),
        pages.table(
            say("二つの測定: 自前と pycanon", "Two measurements: our own and pycanon"),
            (say("測定", "by"), say("本人", "persons"), say("組", "classes"), "k", "l", "t"),
            measured,
        ),
    ]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {pages.number(value)}" for name, value in sorted(values.items())) or "–"


def _reidentification(document: Mapping[str, Any], say: Say) -> list[str]:
    found = document["risk"].get("reidentification")
    if found is None:
        return []
    bounds = {one["check"]: one["bound"] for one in document["verdicts"]}
    names = {
        "prosecutor": say("検察官モデル（含まれると知る相手）、最大", "prosecutor: known to be in it, highest"),
        "journalist": say("ジャーナリストモデル（含まれるか知らない相手）、最大", "journalist: not known to be in it, highest"),
        "marketer": say("マーケターモデル（全員）、平均", "marketer: everybody, mean"),
    }
    risks = [Bar(name, found[name], pages.number(found[name]), bounds.get(f"{name}-risk")) for name in names if found.get(name) is not None]
    sizes = _histogram(found["classes"])
    risk_title, size_title = say("再識別のリスクと上限", "Risk of re-identification, and its bound"), say("組の大きさ", "Sizes of classes")
    return [
        pages.figure(charts.bars(risk_title, say("線は上限", "the line is the bound"), risks), risk_title),
        pages.table(
            say("リスク", "Risk"),
            (say("攻撃者", "attacker"), say("リスク", "risk"), say("上限", "bound")),
            [(names[name], found.get(name), bounds.get(f"{name}-risk")) for name in names],
        ),
        pages.figure(charts.bars(size_title, say("本人の数ごとの組の数", "classes by persons"), sizes), size_title),
        pages.paragraph(say(f"一人だけの組: {found['uniques']} 人", f"Alone in their class: {found['uniques']} persons")),
    ]


def _histogram(classes: Sequence[Mapping[str, int]]) -> list[Bar]:
    shown = []
    for low, high in zip(_EDGES, (*_EDGES[1:], None), strict=True):
        number = sum(one["classes"] for one in classes if low <= one["persons"] and (high is None or one["persons"] < high))
        if number:
            span = f"{low:,}+" if high is None else str(low) if high == low + 1 else f"{low:,}-{high - 1:,}"
            shown.append(Bar(span, number, f"{number:,}"))
    return shown


def _intersection(document: Mapping[str, Any], say: Say) -> list[str]:
    found = document["risk"].get("intersection")
    if found is None:
        return []
    if not found["releases"] and not found["unknown"]:
        return [pages.paragraph(say("過去の提供はない。", "There is no earlier release."))]
    yes_no = {True: say("対象", "judged"), False: say("測定のみ", "measured")}
    together = say("すべて合わせて", "all together")
    rows = [
        (
            together if one["release"] == "together" else one["release"],
            say("同じ", "same") if one["recipient"] == "same" else say("他", "other"),
            yes_no[one["judged"]],
            one["persons_in_both"],
            one["persons_only_here"],
            one["smallest_joint_class"],
            one["persons_below_k"],
            one["persons_only_there"],
            one["persons_only_there_below_k"],
        )
        for one in found["releases"]
    ]
    head = (
        say("提供", "release"),
        say("提供先", "recipient"),
        say("判定", "judgement"),
        say("両方にいる人", "in both"),
        say("今回だけ", "only here"),
        say("最小の組", "smallest joint class"),
        say("k未満の人", "persons below k"),
        say("過去だけ", "only there"),
        say("そのうちk未満", "of them below k"),
    )
    links = [(one["release"], one["persons"], one["shifts"], one["positions"], one["most"]) for one in found["links"]]
    unknown = [pages.paragraph(say("組の記録のない提供: ", "Releases without record of their classes: ") + ", ".join(found["unknown"]))]
    return [
        pages.table(say("突き合わせた組", "Joint classes"), head, rows),
        pages.table(
            say("結び付き（相関の大きさ）", "Links (size of the correlation)"),
            (
                say("提供", "release"),
                say("本人", "persons"),
                say("ずれ", "shifts"),
                say("順序", "positions"),
                say("偶然の上限", "most by chance"),
            ),
            links,
        ),
        *(unknown if found["unknown"] else []),
    ]


def _attacks(document: Mapping[str, Any], say: Say) -> list[str]:
    """Whatever else was measured; what has no form of its own: a list of like objects is a table, an object two columns."""
    parts: list[str] = []
    bounds = {(one["check"], one["subject"]): one["bound"] for one in document["verdicts"]}
    for name, found in document["risk"].items():
        if name in ("reidentification", "intersection"):
            continue
        tables = attack_tables.draw(name, found, say)
        shown = [*attack_charts.draw(name, found, bounds, say), *(_shown(name, found) if tables is None else tables)]
        if shown:
            parts += [pages.heading(_NAMES[name](say) if name in _NAMES else name), *shown]
    return parts


def _shown(name: str, found: Any) -> list[str]:
    if isinstance(found, list) and found and all(isinstance(one, dict) for one in found):
        head = list(dict.fromkeys(key for one in found for key in one))
        return [pages.table(name, head, [[_flat(one.get(key)) for key in head] for one in found])]
    if isinstance(found, dict):
        plain = [(key, _flat(value)) for key, value in found.items() if not isinstance(value, dict | list)]
        nested = [part for key, value in found.items() if isinstance(value, dict | list) for part in _shown(f"{name}: {key}", value)]
        return [*([pages.table(name, ("", ""), plain)] if plain else []), *nested]
    return [pages.paragraph(str(_flat(found)))] if found not in (None, [], {}) else []


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{key} {pages.number(_flat(one))}" for key, one in value.items())
    if isinstance(value, list):
        return " – ".join(pages.number(_flat(one)) for one in value)
    return value


def _verdicts(document: Mapping[str, Any], language: Language, say: Say) -> str:
    mark = {True: say("適", "pass"), False: say("不適", "FAIL")}
    sign = {"at-most": "≤", "at-least": "≥"}
    rows = [
        (mark[one["passed"]], one["article"], one["checked"][language], one["subject"], one["found"], sign[one["rule"]], one["bound"])
        for one in sorted(document["verdicts"], key=lambda one: one["passed"])
    ]
    head = (
        say("結果", "result"),
        say("条項", "article"),
        say("判定", "check"),
        say("対象", "subject"),
        say("値", "found"),
        "",
        say("上限・下限", "bound"),
    )
    return pages.table(say("判定の一覧（不適合が先）", "All checks, failures first"), head, rows)
