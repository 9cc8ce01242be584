"""モデルによる推定 (estimates): precision and recall of a run as the model itself believes them, without anybody's look.

A pair that the model gives the odds 1000 to 1 is wrong once in 1,001. That is true only as far as the model is: these figures find a
threshold set too low, not a model that is wrong. For that, people must look at a sample (`samples`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kiban_processing.linkage.explaining import graphs, judgements
from kiban_processing.linkage.explaining.intervals import Estimate
from kiban_processing.linkage.explaining.judgements import Flags, Judgements, Nodes, Weights

_BINS = np.linspace(0.0, 64.0, 257)  # of bits of doubt
_FEWEST = 1e-300
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class ModelEstimates:
    """`together`: pairs in one person; `wrong`: of these, expected of two persons; `by_chain`: pairs in one person that are not links themselves.

    `missed`: expected pairs of one person not put together, by decision (link stands for links that would have joined two persons);
    `unproposed`: pairs of one person that were never compared, None where not estimated.
    """

    precision: Estimate
    recall: Estimate
    together: int
    by_chain: int
    wrong: float
    missed: dict[str, float]
    unproposed: Estimate | None

    def as_json(self) -> dict[str, Any]:
        return {
            "precision": self.precision.as_json(),
            "recall": self.recall.as_json(),
            "pairs_together": self.together,
            "pairs_by_chain": self.by_chain,
            "expected_wrong": self.wrong,
            "expected_missed": self.missed,
            "expected_unproposed": self.unproposed.as_json() if self.unproposed else None,
        }


def estimate(known: Judgements, unproposed: Estimate | None = None, draws: int = 2000, seed: int = 1) -> ModelEstimates:
    """Expected values and 95 % intervals of a parametric bootstrap (each pair falls by its probability; `seed` makes it repeatable).

    The intervals hold chance only, not the model's own error, and take pairs as independent; a pair joined by chain is wrong at most as
    often as any link of its person's spanning tree. Two persons with a pair between them are one as likely as their strongest pair says, and
    then all pairs between them were missed; with a veto between them they are two.
    """
    chance = np.random.default_rng(seed)
    together, doubt = known.together, known.doubt
    linked = together & (known.decision == judgements.LINK)
    pairs_together, chained, chain_doubt = _chained(known, linked)
    wrong = _drawn(chance, doubt[linked], np.ones(int(linked.sum()), np.int64), draws)
    wrong = wrong + _drawn(chance, chain_doubt, chained, draws)
    between = judgements.between(known)
    likely = np.where(between.vetoed, 0.0, 1 - doubt[between.strongest])
    # Most pairs left apart are all but certainly two persons; what they add is too little to vary.
    vary = likely > _NEGLIGIBLE
    missed_draws = _drawn(chance, likely[vary], between.pairs[vary], draws) + (likely * between.pairs)[~vary].sum()
    missed = {
        name: float((likely * between.pairs)[known.decision[between.strongest] == kind].sum())
        for name, kind in (("link", judgements.LINK), ("review", judgements.REVIEW), ("apart", judgements.APART))
    }
    never = np.zeros(draws) if unproposed is None else _spread(chance, unproposed, draws)
    expected = float(doubt[linked].sum() + (chain_doubt * chained).sum())
    lost = sum(missed.values()) + (unproposed.value if unproposed else 0.0)
    found = pairs_together - expected
    right = np.maximum(pairs_together - wrong, 0)
    return ModelEstimates(
        _limits(_over(found, pairs_together), 1 - wrong / max(pairs_together, 1)),
        _limits(_over(found, found + lost), right / np.maximum(right + missed_draws + never, 1)),
        pairs_together,
        int(chained.sum()),
        expected,
        missed,
        unproposed,
    )


def _chained(known: Judgements, linked: Flags) -> tuple[int, Nodes, Weights]:
    """Pairs in one person; and for each person that has any, pairs that are no links, with the doubt of its tree."""
    size = judgements.sizes(known.labels)
    inside = size * (size - 1) // 2
    missing = inside - np.bincount(known.labels[known.left[linked]], minlength=len(size))
    persons = np.flatnonzero(missing > 0)
    mine = linked & (missing[known.labels[known.left]] > 0)
    left, right, weight, doubt = known.left[mine], known.right[mine], known.weight[mine], known.doubt[mine]
    tree = graphs.spanning(len(size), left, right, weight)
    total = np.bincount(known.labels[left[tree]], weights=doubt[tree], minlength=len(size))
    return int(inside.sum()), missing[persons], np.minimum(total[persons], 1.0)


def _drawn(chance: np.random.Generator, probability: Weights, count: Nodes, draws: int) -> Weights:
    """Draws of the sum of `count` times an event of `probability`; events are binned by bits of doubt and keep their mean in each bin."""
    total = np.zeros(draws)
    bits = np.minimum(-np.log2(np.maximum(probability, _FEWEST)), 63.9)
    for times in np.unique(count).tolist():  # few distinct numbers: pairs of one person
        mine = count == times
        place = np.digitize(bits[mine], _BINS) - 1
        number = np.bincount(place, minlength=len(_BINS))
        share = np.bincount(place, weights=probability[mine], minlength=len(_BINS)) / np.maximum(number, 1)
        held = number > 0
        total += times * chance.binomial(number[held], np.minimum(share[held], 1.0), size=(draws, int(held.sum()))).sum(axis=1)
    return total


def _spread(chance: np.random.Generator, estimate: Estimate, draws: int) -> Weights:
    """Draws around an estimate whose interval is log-normal."""
    if estimate.value <= 0 or estimate.high <= estimate.value:
        return np.full(draws, estimate.value)
    sigma = float(np.log(estimate.high / estimate.value)) / 1.959963984540054
    return estimate.value * np.exp(chance.normal(0.0, sigma, draws))


def _limits(value: float, drawn: Weights) -> Estimate:
    low, high = (float(limit) for limit in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value))


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
