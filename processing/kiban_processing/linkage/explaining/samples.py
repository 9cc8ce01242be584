"""標本による推定 (samples): which pairs people should look at to learn how good a run is, and what their answers say.

Pairs are drawn by stratum: links by weight, pairs joined by chain, pairs waiting for review, pairs left apart, vetoes. The stratum says what the run
claims; the answers say what is true. Whoever looks must see neither stratum nor weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kiban_processing.linkage.explaining import intervals, judgements
from kiban_processing.linkage.explaining.intervals import Estimate
from kiban_processing.linkage.explaining.judgements import Judgements, Kinds, Nodes, Weights
from kiban_processing.linkage.settings import LinkageSettings

# What the run claims of a stratum: one person, or not.
STRATA: dict[str, bool] = {
    "link-low": True,  # up to 4 bits above the threshold
    "link-middle": True,  # up to 12 bits above it
    "link-high": True,
    "chain": True,  # in one person, but no link itself
    "not-joined": False,  # a link whose persons contradict each other
    "review-high": False,
    "review-low": False,
    "veto": False,
    "apart": False,
}
_NAMES = tuple(STRATA)
_LOW, _MIDDLE = 4.0, 12.0


@dataclass(frozen=True)
class Frame:
    """Every pair that can be drawn. `stratum`: a place in `STRATA`. `sizes`: pairs of each stratum, empty ones left out."""

    left: Nodes
    right: Nodes
    weight: Weights
    stratum: Kinds

    @property
    def sizes(self) -> dict[str, int]:
        counted = np.bincount(self.stratum, minlength=len(_NAMES)).tolist()
        return {name: count for name, count in zip(_NAMES, counted, strict=True) if count}


def frame(known: Judgements, settings: LinkageSettings | None = None) -> Frame:
    """All pairs a run says something about; a pair joined by chain that was never compared has weight NaN."""
    settings = settings or LinkageSettings()
    together, decision, weight = known.together, known.decision, known.weight
    above = weight - settings.link_weight
    linked, review = decision == judgements.LINK, decision == judgements.REVIEW
    middle = (settings.link_weight + settings.review_weight) / 2
    kinds = [
        linked & together & (above < _LOW),
        linked & together & (above < _MIDDLE),
        linked & together,
        together,
        linked,
        review & (weight >= middle),
        review,
        decision == judgements.VETO,
    ]
    stratum = np.select(kinds, range(len(kinds)), len(kinds)).astype(np.int8)
    inside = judgements.within(known, least=3)
    never = inside.judged < 0
    return Frame(
        np.concatenate((known.left, inside.left[never])),
        np.concatenate((known.right, inside.right[never])),
        np.concatenate((weight, np.full(int(never.sum()), math.nan))),
        np.concatenate((stratum, np.full(int(never.sum()), _NAMES.index("chain"), np.int8))),
    )


def draw(drawn_from: Frame, registrations: pa.Array, per_stratum: int, seed: int) -> pa.Table:
    """A sample for people: left, right (registrations), weight, stratum; without putting back, in an order that tells nothing.

    `registrations`: the name of each node. Show people left and right only.
    """
    chance = np.random.default_rng(seed)
    taken: list[Nodes] = []
    for number in range(len(_NAMES)):
        here = np.flatnonzero(drawn_from.stratum == number)
        taken.append(chance.choice(here, min(per_stratum, len(here)), replace=False))
    places = chance.permutation(np.concatenate(taken))
    return pa.table(
        {
            "left": registrations.take(pa.array(drawn_from.left[places])),
            "right": registrations.take(pa.array(drawn_from.right[places])),
            "weight": pa.array(drawn_from.weight[places]),
            "stratum": pa.array([_NAMES[number] for number in drawn_from.stratum[places].tolist()], pa.string()),
        }
    )


@dataclass(frozen=True)
class SampleEstimates:
    """What the answers say. `strata`: for each answered stratum its pairs, answers, answers "one person", and the share with interval.

    `unsure`: answers that were neither; they count as not asked. `unanswered`: strata with pairs but no answer; precision and recall leave them out.
    """

    precision: Estimate
    recall: Estimate
    strata: dict[str, dict[str, Any]]
    unsure: int
    unanswered: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "precision": self.precision.as_json(),
            "recall": self.recall.as_json(),
            "strata": self.strata,
            "unsure": self.unsure,
            "unanswered": list(self.unanswered),
        }


def estimate(answers: pa.Table, sizes: Mapping[str, int], unproposed: Estimate | None = None) -> SampleEstimates:
    """Precision and recall of the run with 95 % intervals from answers (stratum, same; same null where people could not tell).

    `sizes`: pairs of each stratum, from the frame the sample was drawn from. Without `unproposed` the recall speaks of compared pairs only.
    Each answer is taken as the truth; what people get wrong, this gets wrong.
    """
    told = answers.filter(pc.is_valid(answers.column("same")))
    right: list[Estimate] = []
    wrong: list[Estimate] = []
    missed: list[Estimate] = [unproposed] if unproposed else []
    strata: dict[str, dict[str, Any]] = {}
    for name, claims in STRATA.items():
        here = told.filter(pc.equal(told.column("stratum"), name)).column("same")
        size = sizes.get(name, 0)
        if not size or not len(here):
            continue
        same = int(pc.sum(here).as_py())
        share = intervals.share(same, len(here), size)
        strata[name] = {"pairs": size, "answers": len(here), "same": same, "share": share.as_json(), "claims_same": claims}
        if claims:
            right.append(share.scaled(size))
            wrong.append(Estimate(1 - share.value, 1 - share.high, 1 - share.low).scaled(size))
        else:
            missed.append(share.scaled(size))
    claimed = sum(part["pairs"] for part in strata.values() if part["claims_same"])
    found, false = intervals.total(right), intervals.total(wrong)
    precision = (
        Estimate(1 - false.value / claimed, max(1 - false.high / claimed, 0.0), min(1 - false.low / claimed, 1.0))
        if claimed
        else Estimate(math.nan, 0.0, 1.0)
    )
    unanswered = tuple(name for name in STRATA if sizes.get(name) and name not in strata)
    return SampleEstimates(
        precision, intervals.proportion(found, intervals.total(missed)), strata, answers.num_rows - told.num_rows, unanswered
    )


def placed(drawn_from: Frame, registrations: pa.Array, answers: pa.Table) -> pa.Table:
    """Answers (left, right, same) with the stratum of each pair, looked up anew, so that who answers never holds it.

    Pairs that the run says nothing about are left out.
    """
    size = max(len(registrations), 1)
    one = pc.index_in(answers.column("left"), registrations)
    other = pc.index_in(answers.column("right"), registrations)
    answers = answers.select(["left", "right", "same"]).filter(pc.and_(pc.is_valid(one), pc.is_valid(other)))
    left, right = (
        np.asarray(side.drop_null().to_numpy(), np.int64) for side in (one.filter(pc.is_valid(other)), other.filter(pc.is_valid(one)))
    )
    asked = np.minimum(left, right) * size + np.maximum(left, right)
    held = np.minimum(drawn_from.left, drawn_from.right) * size + np.maximum(drawn_from.left, drawn_from.right)
    if not len(held):
        return answers.slice(0, 0).append_column("stratum", pa.array([], pa.string()))
    order = np.argsort(held, kind="stable")
    at = order[np.minimum(np.searchsorted(held[order], asked), len(held) - 1)]
    known = held[at] == asked
    names = [_NAMES[number] for number in drawn_from.stratum[at[known]].tolist()]
    return answers.filter(pa.array(known)).append_column("stratum", pa.array(names, pa.string()))
