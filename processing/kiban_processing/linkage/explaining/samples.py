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
from kiban_processing.linkage.explaining.pairs import Bars, Thresholds

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
_CHOSEN = ("link-low", "link-middle", "link-high", "chain", "not-joined", "veto", "review-high", "review-low")
_LOW, _MIDDLE = 4.0, 12.0


@dataclass(frozen=True)
class Size:
    """Of a stratum: pairs that can be drawn, and pairs of registrations they speak of."""

    drawable: int
    pairs: int


@dataclass(frozen=True)
class Frame:
    """Every pair that can be drawn. `stratum`: a place in `STRATA`. `stands_for`: how many pairs of registrations an answer speaks of."""

    left: Nodes
    right: Nodes
    weight: Weights
    stratum: Kinds
    stands_for: Nodes

    @property
    def sizes(self) -> dict[str, Size]:
        """For each stratum that is not empty."""
        drawable = np.bincount(self.stratum, minlength=len(_NAMES)).tolist()
        spoken_of = np.bincount(self.stratum, weights=self.stands_for, minlength=len(_NAMES)).tolist()
        return {name: Size(count, int(pairs)) for name, count, pairs in zip(_NAMES, drawable, spoken_of, strict=True) if count}


def frame(known: Judgements, thresholds: Thresholds | None = None) -> Frame:
    """All pairs a run says something about.

    In one person every pair is one of its own; one joined by chain that was never compared has weight NaN. Of the pairs between two persons only
    the strongest can be drawn, and stands for all of them: they are one person's or none is.
    """
    thresholds = thresholds or Bars()
    between = judgements.between(known)
    own = np.flatnonzero(known.together)
    chosen = np.concatenate((own, between.strongest))
    together, decision, weight = known.together[chosen], known.decision[chosen], known.weight[chosen]
    above = weight - thresholds.link_weight
    linked, review = decision == judgements.LINK, decision == judgements.REVIEW
    vetoed = np.concatenate((np.zeros(len(own), np.bool_), between.vetoed))
    middle = (thresholds.link_weight + thresholds.review_weight) / 2
    kinds = [
        linked & together & (above < _LOW),
        linked & together & (above < _MIDDLE),
        linked & together,
        together,
        linked,
        vetoed,
        review & (weight >= middle),
        review,
    ]
    stratum = np.select(kinds, [_NAMES.index(name) for name in _CHOSEN], _NAMES.index("apart")).astype(np.int8)
    inside = judgements.within(known, least=3)
    never = inside.judged < 0
    more = int(never.sum())
    return Frame(
        np.concatenate((known.left[chosen], inside.left[never])),
        np.concatenate((known.right[chosen], inside.right[never])),
        np.concatenate((weight, np.full(more, math.nan))),
        np.concatenate((stratum, np.full(more, _NAMES.index("chain"), np.int8))),
        np.concatenate((np.ones(len(own), np.int64), between.pairs, np.ones(more, np.int64))),
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


def estimate(
    answers: pa.Table, sizes: Mapping[str, Size], unproposed: Estimate | None = None, claims: Mapping[str, bool] = STRATA
) -> SampleEstimates:
    """Precision and recall of the run with 95 % intervals from answers (stratum, same; same null where people could not tell).

    `sizes`: of each stratum, from the frame the sample was drawn from. `claims`: strata and what the run claims of them, where they are other
    ones than `STRATA`. Without `unproposed` the recall speaks of compared pairs only; with answers about links alone nothing is known of it.
    Each answer is taken as the truth; what people get wrong, this gets wrong.
    """
    told = answers.filter(pc.is_valid(answers.column("same")))
    right: list[Estimate] = []
    wrong: list[Estimate] = []
    missed: list[Estimate] = []
    strata: dict[str, dict[str, Any]] = {}
    for name, claimed_same in claims.items():
        here = told.filter(pc.equal(told.column("stratum"), name)).column("same")
        size = sizes.get(name)
        if size is None or not len(here):
            continue
        same = int(pc.sum(here).as_py())
        share = intervals.share(same, len(here), size.drawable)
        strata[name] = {"pairs": size.pairs, "answers": len(here), "same": same, "share": share.as_json(), "claims_same": claimed_same}
        if claimed_same:
            right.append(share.scaled(size.pairs))
            wrong.append(Estimate(1 - share.value, 1 - share.high, 1 - share.low).scaled(size.pairs))
        else:
            missed.append(share.scaled(size.pairs))
    return SampleEstimates(
        _precision(intervals.total(wrong), sum(part["pairs"] for part in strata.values() if part["claims_same"])),
        intervals.proportion(intervals.total(right), intervals.total([*missed, unproposed] if unproposed else missed))
        if missed
        else _UNKNOWN,
        strata,
        answers.num_rows - told.num_rows,
        tuple(name for name in claims if name in sizes and name not in strata),
    )


_UNKNOWN = Estimate(math.nan, 0.0, 1.0)


def _precision(wrong: Estimate, claimed: int) -> Estimate:
    if not claimed:
        return _UNKNOWN
    return Estimate(1 - wrong.value / claimed, max(1 - wrong.high / claimed, 0.0), min(1 - wrong.low / claimed, 1.0))


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
