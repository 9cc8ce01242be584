"""品質報告 (quality): what a linkage run says of its own quality: estimates, parameters, weights, sizes and suspicious persons, as plain values."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.language import Text
from kiban_processing.linkage.comparisons import COMPARISONS
from kiban_processing.linkage.explaining import estimates, judgements, pairs, samples, suspicious, unproposed
from kiban_processing.linkage.explaining.intervals import Estimate
from kiban_processing.linkage.explaining.judgements import Flags, Judgements, Nodes
from kiban_processing.linkage.explaining.pairs import Bars, Thresholds
from kiban_processing.linkage.parameters import Model

VERSION = 1
_BIN = 2.0  # bits
_LOWEST, _HIGHEST = -40.0, 60.0  # what lies outside is counted in the outermost bins

# Field → level → (m, u), or (m, h, u) where the model knows other members of the household.
Parameters = Mapping[str, Mapping[str, Sequence[float]]]

LIMITS: dict[str, Text] = {
    "model": Text(
        "モデルによる推定は、モデルの確率が正しいとした場合の期待値です。モデルの誤りは含みません。区間は偶然による幅のみで、組どうしは独立とみなしています。",
        "The model's estimates are what is expected if its probabilities are true. They do not hold the model's own error; the interval is chance alone and takes pairs as independent.",
    ),
    "apart-unknown": Text(
        "統合も確認もしなかった組の重みが渡されていないため、モデルによる再現率にはそれらの見落としを含みません。",
        "The weights of pairs neither linked nor reviewed were not handed in, so the model's recall does not hold what was missed among them.",
    ),
    "unproposed": Text(
        "一度も比較されなかった組の数は、二種類の候補抽出が互いに独立に組を見付けるとした推定です。氏名も世帯も変わった人は両方から漏れるため、実際より少なく出ます。",
        "Pairs never compared are estimated as if two kinds of blocks found pairs independently. Who changed both name and household is missed by both, so the estimate is too low.",
    ),
    "unproposed-unknown": Text(
        "一度も比較されなかった組は推定していません。再現率は比較された組についてのものです。",
        "Pairs never compared were not estimated. Recall speaks of compared pairs.",
    ),
    "sample": Text(
        "標本による推定は、担当者の回答を正しいとみなします。誤りのない標本でも、n件を見た場合の誤りの割合の上限は約3.8/nです。",
        "The sample's estimates take people's answers as true. Even without an error among n pairs, the share of errors may be up to about 3.8/n.",
    ),
    "aged": Text(
        "最後に全件を名寄せしたときの報告です。その後の追加の名寄せ（{deliveries}回、登録{changed}件の追加・訂正・取消し）を含みません。",
        "This is the report of the last link of all. It does not hold the {deliveries} deliveries since, which changed {changed} registrations.",
    ),
    "unanswered": Text(
        "回答のない層（{strata}）は、標本による推定に含まれていません。",
        "Strata without answers ({strata}) are not part of the sample's estimates.",
    ),
    "no-sample": Text(
        "担当者による標本の確認がまだありません。モデルの誤りは、標本を確認しなければ分かりません。",
        "People have not looked at a sample yet. Only that would show whether the model is wrong.",
    ),
    "pairs": Text(
        "適合率と再現率は登録の組についての割合です。誤って統合された人の数ではありません。",
        "Precision and recall are shares of pairs of registrations, not numbers of persons wrongly merged.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """Answers of people (left, right, weight, stratum, same) and the pairs of each stratum they were drawn from."""

    answers: pa.Table
    sizes: Mapping[str, samples.Size]


def compose(
    known: Judgements,
    parameters: Parameters,
    registered: suspicious.Members | None = None,
    *,
    thresholds: Thresholds | None = None,
    never_compared: Estimate | None = None,
    sample: Sample | None = None,
    persons: pa.Array | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """The report of a run, ready for `report.json`; holds no registration.

    `registered`: without it nothing is told of suspicious persons. `persons`: the person ID of each node; without it suspicious persons have none.
    `never_compared`: as `unproposed.estimate`. The same run gives the same report.
    """
    thresholds = thresholds or Bars()
    model = estimates.estimate(known, never_compared, seed=seed)
    asked = samples.estimate(sample.answers, sample.sizes, never_compared) if sample else None
    counted = np.bincount(known.decision, minlength=len(pairs.DECISIONS)).tolist()
    size = judgements.sizes(known.labels)
    size = size[size > 0]
    sizes, persons_of_size = (values.tolist() for values in np.unique(size, return_counts=True))
    return {
        "version": VERSION,
        "registrations": len(known.labels),
        "persons": len(size),
        "pairs": dict(zip(pairs.DECISIONS, counted, strict=True)),
        "thresholds": {"link": thresholds.link_weight, "review": thresholds.review_weight},
        "from_model": model.as_json(),
        "from_sample": asked.as_json() if asked else None,
        "parameters": _parameters(parameters),
        "sizes": {str(key): value for key, value in zip(sizes, persons_of_size, strict=True)},
        "registrations_per_person": {
            "mean": len(known.labels) / len(size) if len(size) else 0.0,
            "most": max(sizes, default=0),
            "alone": persons_of_size[0] / len(size) if len(size) and sizes[0] == 1 else 0.0,
        },
        "weights": _weights(known),
        "suspicious": None if registered is None else suspicious.as_json(suspicious.find(known, registered, thresholds), persons),
        "limits": [{"code": code, "ja": text.ja, "en": text.en} for code, text in _limits(counted, never_compared, asked)],
    }


def _parameters(given: Parameters) -> list[dict[str, Any]]:
    rows = []
    for field, levels in given.items():
        for level, values in levels.items():
            m, u = values[0], values[-1]
            rows.append(
                {
                    "field": field,
                    "level": level,
                    "m": m,
                    "household": values[1] if len(values) == 3 else None,
                    "u": u,
                    "weight": _weight(m, u),
                    "against_household": _weight(m, values[1]) if len(values) == 3 else None,
                }
            )
    return rows


def _weight(m: float, other: float) -> float | None:
    return math.log2(m / other) if m > 0 and other > 0 else None


def _weights(known: Judgements) -> list[dict[str, Any]]:
    """Pairs by weight in steps of two bits, empty steps left out."""
    edges = np.arange(_LOWEST, _HIGHEST + _BIN, _BIN)
    place = np.digitize(np.clip(known.weight, _LOWEST, np.nextafter(_HIGHEST, 0)), edges) - 1
    kinds = len(pairs.DECISIONS)
    counted = np.bincount(place * kinds + known.decision, minlength=(len(edges) - 1) * kinds).reshape(-1, kinds)
    return [
        {"from": float(edges[step]), **dict(zip(pairs.DECISIONS, counted[step].tolist(), strict=True))}
        for step in np.flatnonzero(counted.any(axis=1)).tolist()
    ]


def _limits(counted: list[int], never_compared: Estimate | None, asked: samples.SampleEstimates | None) -> list[tuple[str, Text]]:
    told = ["pairs", "model"]
    if not counted[judgements.APART]:
        told.append("apart-unknown")
    told.append("unproposed" if never_compared else "unproposed-unknown")
    told.append("sample" if asked else "no-sample")
    return [(code, LIMITS[code]) for code in told] + (_unanswered(asked) if asked else [])


def of_run(con: duckdb.DuckDBPyConnection, keys: str, judged: str, labels: Nodes, model: Model, seed: int = 1) -> dict[str, Any]:
    """The report of a run that has just ended, from its own tables.

    `keys`: as `keys.normalise_relation` makes it; `judged`: all judged pairs with support and people's decisions (left, right: nodes, weight, decision);
    `labels`: the person of each node. Suspicious persons are named by a registration; `renamed` gives them their IDs, and only then may the
    report be shown.
    """
    known = judgements.of_tables(con, judged, labels)
    own, shared = (unproposed.found_by(con, keys, judged, blocks) for blocks in (unproposed.OWN, unproposed.SHARED))
    names = con.execute(f"SELECT registration FROM {keys} ORDER BY node").to_arrow_table().column(0).combine_chunks()
    return of_judgements(known, own, shared, suspicious.members(con, keys), model, names, seed)


def of_judgements(
    known: Judgements, own: Flags, shared: Flags, registered: suspicious.Members, model: Model, persons: pa.Array, seed: int = 1
) -> dict[str, Any]:
    """The report of all that a run judged. `own`, `shared`: which kind of block proposed each pair; `persons`: what to call the person of each node."""
    same = np.where(known.decision == judgements.VETO, 0.0, 1 - known.doubt)
    parameters = {
        comparison.field: {
            level.name: (found.person, found.household, found.stranger)
            for level in comparison.levels
            if (found := model.rates[comparison.field].get(level.name)) is not None
        }
        for comparison in COMPARISONS
    }
    never = unproposed.estimate(same, own, shared)
    return compose(known, parameters, registered, thresholds=model, never_compared=never, persons=persons, seed=seed)


def renamed(report: dict[str, Any], persons: pa.Table) -> dict[str, Any]:
    """The report with suspicious persons under their IDs. `persons`: registration, person."""
    if report["suspicious"] is None:
        return report
    listed = report["suspicious"]["listed"]
    at = pc.index_in(pa.array([row["person"] for row in listed], pa.string()), persons.column("registration").combine_chunks())
    ids = persons.column("person").take(at).to_pylist()
    named = [{**row, "person": person} for row, person in zip(listed, ids, strict=True)]
    return {**report, "suspicious": {**report["suspicious"], "listed": named}}


def answered(report: dict[str, Any], sample: Sample) -> dict[str, Any]:
    """The report with what people answered since."""
    never = report["from_model"]["expected_unproposed"]
    asked = samples.estimate(sample.answers, sample.sizes, Estimate(**never) if never else None)
    told = [limit for limit in report["limits"] if limit["code"] not in ("sample", "no-sample", "unanswered")]
    said = [("sample", LIMITS["sample"]), *_unanswered(asked)]
    return {
        **report,
        "from_sample": asked.as_json(),
        "limits": told + [{"code": code, "ja": text.ja, "en": text.en} for code, text in said],
    }


def aged(report: dict[str, Any], deliveries: int, changed: int) -> dict[str, Any]:
    """A report of the last link of all, read after deliveries that changed so many registrations."""
    said = LIMITS["aged"].filled({"deliveries": f"{deliveries:,}", "changed": f"{changed:,}"})
    return {**report, "limits": [{"code": "aged", "ja": said.ja, "en": said.en}, *report["limits"]]}


def digest(report: dict[str, Any]) -> str:
    """Names a report without date: equal reports, equal names."""
    return hashlib.sha256(json.dumps(report, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]


def _unanswered(asked: samples.SampleEstimates) -> list[tuple[str, Text]]:
    return [("unanswered", LIMITS["unanswered"].filled({"strata": ", ".join(asked.unanswered)}))] if asked.unanswered else []
