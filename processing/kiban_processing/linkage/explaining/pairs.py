"""組の説明 (pairs): the sum of weights of one pair, step by step, and what was decided whatever the sum, as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import pyarrow as pa

from kiban_processing.language import Language, Text
from kiban_processing.linkage import reasons
from kiban_processing.linkage.explaining import lettering
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

Decision = Literal["link", "review", "veto", "apart"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
SUM_TOLERANCE = 1e-9

CONCLUSIONS: dict[Decision, Text] = {
    "link": Text("同一人と判定しました", "judged to be one person"),
    "review": Text("自動では統合せず、担当者の確認を待ちます", "not merged by itself, waits for review"),
    "veto": Text("別人と判定しました", "judged to be two persons"),
    "apart": Text("同一人とする根拠が足りません", "not enough evidence for one person"),
}
PAIR_OF_ONE = Ground(
    "linkage-pair-of-one",
    Family.INPUT,
    ACT_18,
    Text("同じ登録が二度指定されています。", "The same registration was named twice."),
    Text("二つの異なる登録の医療機関と患者番号を指定してください。", "Name hospital and local number of two registrations."),
)
WEIGHTS_DISAGREE = Ground(
    "linkage-weights-disagree",
    Family.INTEGRITY,
    ACT_18,
    Text("理由ごとの重みの合計が、記録された重みと一致しません。", "The weights of the reasons do not add up to the recorded weight."),
    Text("記録が書き換えられていないか確かめ、名寄せをやり直してください。", "Check that the records were not altered, and link again."),
)


STANDING: dict[str, Text] = {
    "never-compared": Text("この二つの登録は、候補として挙がるだけの共通点がないため、比較していません。以下は、比較した場合のモデルの判定です。",
                           "The two were never compared, because they share nothing that proposes a pair. Below is what the model says of them."),
    "one-person": Text("この結果では、同じ本人です。", "In this result they are one person."),
    "one-person-by-others": Text("この組を直接には統合していませんが、ほかの登録を介して同じ本人です。",
                                 "Not linked themselves, they are one person by way of other registrations."),
    "two-persons": Text("この結果では、別の本人です。", "In this result they are two persons."),
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One judged pair. `weight`: log2 odds, the sum of `weights`, which stand in the order of `reasons` (codes)."""

    left: str
    right: str
    weight: float
    decision: Decision
    reasons: tuple[str, ...]
    weights: tuple[float, ...]


class Thresholds(Protocol):
    """What a run decided by (log2 odds): its settings or its model."""

    @property
    def link_weight(self) -> float: ...

    @property
    def review_weight(self) -> float: ...


@dataclass(frozen=True)
class Bars:
    """Thresholds as two numbers; by default those of the built-in model before a run has calibrated them."""

    link_weight: float = 14.0
    review_weight: float = 0.0


@dataclass(frozen=True)
class Step:
    """One step of the sum: from `start` to `end`."""

    code: str
    text: Text
    weight: float
    start: float
    end: float


@dataclass(frozen=True)
class Waterfall:
    """The whole sum of a pair. `notes`: reasons without weight (vetoes, rules, facts), in their order. `standing`: codes of `STANDING`."""

    pair: Pair
    steps: tuple[Step, ...]
    notes: tuple[tuple[str, Text], ...]
    link_weight: float
    review_weight: float
    standing: tuple[str, ...] = ()


def read(rows: pa.Table) -> tuple[Pair, ...]:
    """Pairs from a table with columns left, right, weight, decision, reasons, weights; for the few pairs that people look at."""
    return tuple(
        Pair(row["left"], row["right"], row["weight"], row["decision"], tuple(row["reasons"]), tuple(row["weights"]))
        for row in rows.select(["left", "right", "weight", "decision", "reasons", "weights"]).to_pylist()
    )


def standing(decision: Decision, compared: bool, together: bool) -> tuple[str, ...]:
    """Where a pair stands in the result, as codes of `STANDING`: whether it was compared, and whether its registrations are one person."""
    joined = "one-person" if decision == "link" else "one-person-by-others"
    became = joined if together else "two-persons"
    return (became,) if compared else ("never-compared", became)


def explain(pair: Pair, thresholds: Thresholds | None = None, standing: tuple[str, ...] = ()) -> Waterfall:
    """The sum of a pair in the order prior, comparisons, corrections, support; built-in thresholds if none are given.

    Refuses: linkage-weights-disagree.
    """
    thresholds = thresholds or Bars()
    if len(pair.reasons) != len(pair.weights) or abs(math.fsum(pair.weights) - pair.weight) > SUM_TOLERANCE:
        raise WEIGHTS_DISAGREE.refuse()
    given = list(zip(pair.reasons, pair.weights, strict=True))
    steps: list[Step] = []
    for code, weight in sorted((one for one in given if reasons.weighs(*one)), key=lambda one: reasons.place(one[0])):
        start = steps[-1].end if steps else 0.0
        steps.append(Step(code, reasons.TEXTS[code], weight, start, math.fsum([*(step.weight for step in steps), weight])))
    notes = tuple((code, reasons.TEXTS[code]) for code, weight in given if not reasons.weighs(code, weight))
    return Waterfall(pair, tuple(steps), notes, thresholds.link_weight, thresholds.review_weight, standing)


def probability(weight: float) -> float:
    """Probability of one person at a weight (log2 odds).

    >>> probability(0.0), round(probability(10.0), 4)
    (0.5, 0.999)
    """
    return float(1 / (1 + 2.0 ** min(-weight, 1000.0)))


def likelihood(weight: float, language: Language) -> str:
    """The probability as people read it; never 0 % and never 100 %.

    >>> likelihood(16.0, "en"), likelihood(0.0, "en"), likelihood(-40.0, "ja")
    ('over 99.99 %', '50.00 %', '0.01 %未満')
    """
    percent = 100 * probability(weight)
    if percent > 99.99:
        return Text("99.99 %超", "over 99.99 %").read(language)
    if percent < 0.01:
        return Text("0.01 %未満", "under 0.01 %").read(language)
    return f"{percent:.2f} %"


def because(waterfall: Waterfall) -> Text:
    """How sum and rules led to the decision, in one sentence."""
    pair, link, review = waterfall.pair, waterfall.link_weight, waterfall.review_weight
    filled = {"weight": f"{pair.weight:.2f}", "link": f"{link:.2f}", "review": f"{review:.2f}"}
    if pair.decision == "veto":
        return Text("重みの合計（{weight}）にかかわらず、規則又は担当者の判断により別人とします。",
                    "Whatever the sum of weights ({weight}), a rule or people's decision makes them two persons.").filled(filled)  # fmt: skip
    if pair.decision == "link":
        if pair.weight >= link:
            return Text("重みの合計（{weight}）が統合のしきい値（{link}）以上です。",
                        "The sum of weights ({weight}) reaches the threshold for linking ({link}).").filled(filled)  # fmt: skip
        return Text("重みの合計（{weight}）にかかわらず、確定的な条件又は担当者の判断により同一人とします。",
                    "Whatever the sum of weights ({weight}), a deterministic rule or people's decision makes them one person.").filled(filled)  # fmt: skip
    if pair.decision == "review":
        if pair.weight >= link:
            return Text("重みの合計（{weight}）は統合のしきい値（{link}）以上ですが、下記の理由により担当者の確認が必要です。",
                        "The sum of weights ({weight}) reaches the threshold for linking ({link}), but the notes below ask for review.").filled(filled)  # fmt: skip
        if pair.weight >= review:
            return Text("重みの合計（{weight}）が確認のしきい値（{review}）以上、統合のしきい値（{link}）未満です。",
                        "The sum of weights ({weight}) lies between the thresholds for review ({review}) and for linking ({link}).").filled(filled)  # fmt: skip
        return Text("重みの合計（{weight}）は確認のしきい値（{review}）未満ですが、規則により担当者の確認が必要です。",
                    "The sum of weights ({weight}) is below the threshold for review ({review}), but a rule asks for review.").filled(filled)  # fmt: skip
    return Text("重みの合計（{weight}）が確認のしきい値（{review}）未満か、規則により統合しません。",
                "The sum of weights ({weight}) is below the threshold for review ({review}), or a rule keeps them apart.").filled(filled)  # fmt: skip


def as_text(waterfall: Waterfall, language: Language) -> str:
    """Lines for a terminal: each step with its weight and the sum so far, then what has no weight."""
    pair = waterfall.pair
    total = Text("合計", "sum").read(language)
    labels = [step.text.read(language) for step in waterfall.steps]
    wide = max(lettering.columns(label) for label in [*labels, total])
    lines = [
        f"{lettering.named(pair.left)} × {lettering.named(pair.right)}",
        *(STANDING[code].read(language) for code in waterfall.standing),
        f"{CONCLUSIONS[pair.decision].read(language)}{_told(waterfall, language)}",
        because(waterfall).read(language),
        *(
            f"  {lettering.padded(label, wide)}  {lettering.signed(step.weight):>8}  {lettering.signed(step.end):>8}"
            for label, step in zip(labels, waterfall.steps, strict=True)
        ),
        f"  {lettering.padded(total, wide)}  {'':8}  {lettering.signed(pair.weight):>8}",
        *(f"  ・{text.read(language)}" if language == "ja" else f"  - {text.read(language)}" for _code, text in waterfall.notes),
    ]
    return "\n".join(lines) + "\n"


def as_json(waterfall: Waterfall) -> dict[str, Any]:
    """All of it for machines; weights unrounded."""
    pair = waterfall.pair
    return {
        "left": pair.left,
        "right": pair.right,
        "decision": pair.decision,
        "weight": pair.weight,
        "probability": probability(pair.weight),
        "thresholds": {"link": waterfall.link_weight, "review": waterfall.review_weight},
        "because": _both(because(waterfall)),
        "steps": [{"code": step.code, "weight": step.weight, "sum": step.end, **_both(step.text)} for step in waterfall.steps],
        "standing": [{"code": code, **_both(STANDING[code])} for code in waterfall.standing],
        "notes": [{"code": code, **_both(text)} for code, text in waterfall.notes],
    }


def _told(waterfall: Waterfall, language: Language) -> str:
    if waterfall.pair.decision == "veto":
        return ""
    said = likelihood(waterfall.pair.weight, language)
    return Text(f"（モデルによる同一人の見込み {said}）", f" (by the model {said} likely one person)").read(language)


def _both(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}
