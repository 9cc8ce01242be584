"""Three attackers: their success is what playing them out gives, and estimates of the population come out where the population is known."""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from kiban_processing.risk import population, reidentification

sizes_and_populations = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 20)), min_size=1, max_size=8)


@given(sizes_and_populations, st.sampled_from([0.05, 0.2, 1 / 3, 0.5]))
def test_each_attackers_success_is_counted_person_by_person(classes: list[tuple[int, int]], threshold: float) -> None:
    sizes, theirs = (np.array(column, dtype=np.int64) for column in zip(*classes, strict=True))
    found = reidentification.attackers(sizes, threshold, theirs)
    mine = [Fraction(1, size) for size, _ in classes for _ in range(size)]
    abroad = [Fraction(1, max(size, other)) for size, other in classes for _ in range(size)]
    for risk, each in ((found.prosecutor, mine), (found.journalist, abroad)):
        assert risk.highest == pytest.approx(float(max(each)))
        assert risk.average == pytest.approx(float(sum(each) / len(each)))
        assert risk.at_risk == pytest.approx(sum(1 for one in each if one > Fraction(threshold).limit_denominator(100)) / len(each))
        assert risk.average <= risk.highest + 1e-12 and 0 <= risk.at_risk <= 1
    assert found.journalist.highest <= found.prosecutor.highest
    assert found.marketer == pytest.approx(float(sum(abroad) / len(abroad)))
    assert not found.estimated and json.loads(json.dumps(found.as_json()))["prosecutor"]["threshold"] == threshold


def test_a_class_at_the_threshold_is_not_above_it() -> None:
    assert reidentification.prosecutor(np.array([5, 5, 4]), 0.2).at_risk == pytest.approx(4 / 14)


def test_the_prosecutor_of_a_guessing_game() -> None:
    """An attacker who names one record of the right class at random hits as often as the average says."""
    random = np.random.default_rng(7)
    sizes = np.array([1, 2, 2, 5, 10, 40])
    of = np.repeat(np.arange(len(sizes)), sizes)
    hits = np.mean([(random.integers(0, sizes[of]) == 0).mean() for _ in range(4000)])
    assert hits == pytest.approx(reidentification.prosecutor(sizes, 0.2).average, abs=0.005)


def test_without_a_population_table_classes_grow_by_the_fraction() -> None:
    found = reidentification.attackers(np.array([1, 4]), 0.2, fraction=0.1)
    assert found.estimated
    assert found.journalist.highest == pytest.approx(0.1)
    assert found.marketer == pytest.approx((1 / 10 + 4 / 40) / 5)
    whole = reidentification.attackers(np.array([1, 4]), 0.2)
    assert whole.journalist == whole.prosecutor
    with pytest.raises(ValueError, match="fraction"):
        reidentification.attackers(np.array([1]), 0.2, fraction=0)


def test_nobody_is_at_no_risk() -> None:
    found = reidentification.attackers(np.zeros(0, np.int64), 0.2)
    assert (found.persons, found.prosecutor.highest, found.marketer) == (0, 0.0, 0.0)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 60))
def test_zayatz_is_bayes_over_the_hypergeometric_distribution(sizes: list[int], more: int) -> None:
    counts, persons = Counter(sizes), sum(sizes)
    total = persons + more
    shares = {size: number / len(sizes) for size, number in counts.items()}
    drawn = sum(share * hypergeom.pmf(1, total, size, persons) for size, share in shares.items())
    given_alone = shares.get(1, 0) * hypergeom.pmf(1, total, 1, persons) / drawn if drawn else 0
    if drawn:
        assert population.zayatz(counts, total) == pytest.approx(counts.get(1, 0) * given_alone * total / persons, rel=1e-6)


def partitions(of: int, most: int | None = None) -> list[list[int]]:
    if of == 0:
        return [[]]
    return [[size, *rest] for size in range(min(of, most or of), 0, -1) for rest in partitions(of - size, size)]


def chance(sizes: list[int], theta: float, alpha: float) -> float:
    """Pitman's sampling formula: the probability of a partition of people into classes of these sizes."""
    persons = sum(sizes)
    found = (
        math.factorial(persons)
        * math.prod(theta + alpha * j for j in range(1, len(sizes)))
        / math.prod(theta + j for j in range(1, persons))
    )
    for size, number in Counter(sizes).items():
        found *= (math.prod(j - alpha for j in range(1, size)) / math.factorial(size)) ** number / math.factorial(number)
    return found


@pytest.mark.parametrize(("theta", "alpha"), [(1.0, 0.5), (3.0, 0.2), (0.5, 0.8)])
def test_people_alone_in_pitmans_process(theta: float, alpha: float) -> None:
    """The product used for those alone is their expectation over all partitions."""
    persons = 8
    expected = sum(chance(one, theta, alpha) * one.count(1) for one in partitions(persons))
    assert sum(chance(one, theta, alpha) for one in partitions(persons)) == pytest.approx(1)
    product = persons * math.prod((theta + alpha + j - 1) / (theta + j) for j in range(1, persons))
    assert product == pytest.approx(expected)


def test_pitmans_parameters_are_those_of_greatest_likelihood() -> None:
    sizes = [1] * 20 + [2] * 6 + [3] * 3 + [5, 8, 13]
    persons = sum(sizes)

    def likelihood(theta: float, alpha: float) -> float:
        return (
            sum(math.log(theta + alpha * j) for j in range(1, len(sizes)))
            - sum(math.log(theta + j) for j in range(1, persons))
            + sum(math.log(j - alpha) for size in sizes for j in range(1, size))
        )

    best = max((likelihood(theta, alpha), theta, alpha) for theta in np.arange(0.2, 30, 0.1) for alpha in np.arange(0.02, 0.99, 0.01))
    theta, alpha = best[1:]
    total = 1000
    near = total * math.prod((theta + alpha + j - 1) / (theta + j) for j in range(1, total))
    assert population.pitman(Counter(sizes), total) == pytest.approx(near, rel=0.02)


def seated(random: np.random.Generator, persons: int, theta: float, alpha: float) -> np.ndarray:
    """A population that arrives as in Pitman's process: class of each person."""
    of, sizes = [0], [1]
    for before in range(1, persons):
        if random.random() * (theta + before) < theta + alpha * len(sizes):
            of.append(len(sizes))
            sizes.append(1)
            continue
        while True:  # a random person's class, accepted by its discounted size
            one = of[int(random.integers(0, before))]
            if random.random() * sizes[one] < sizes[one] - alpha:
                break
        of.append(one)
        sizes[one] += 1
    return np.array(of)


def sampled(random: np.random.Generator, people: np.ndarray, fraction: float) -> tuple[population.Uniqueness, float]:
    """The estimate of a random sample, and the true share of its uniques that are unique in the population."""
    whole = np.bincount(people)
    sample = np.bincount(random.choice(people, int(len(people) * fraction), replace=False), minlength=len(whole))
    alone = sample == 1
    return population.estimate(sample[sample > 0], fraction), float((whole[alone] == 1).mean())


def test_the_rule_comes_near_the_truth_for_small_samples() -> None:
    random = np.random.default_rng(3)
    people = seated(random, 12_000, 20, 0.6)
    true = int((np.bincount(people) == 1).sum())
    found = [sampled(random, people, 0.08) for _ in range(10)]
    assert all(one.chosen == "pitman" for one, _ in found)
    assert np.mean([one.uniques_chosen for one, _ in found]) == pytest.approx(true, rel=0.1)
    assert np.mean([one.sample_uniques_unique - share for one, share in found]) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("shape", "p"), [(1.0, 0.2), (0.3, 0.05), (3.0, 0.6)])
def test_the_rule_comes_near_the_truth_for_large_samples(shape: float, p: float) -> None:
    """Where classes are as the model has them; Zayatz alone is up to five times too high here, so the rule's smaller one counts."""
    random = np.random.default_rng(5)
    people = np.repeat(np.arange(4000), 1 + random.negative_binomial(shape, p, 4000))
    true = int((np.bincount(people) == 1).sum())
    found = [sampled(random, people, 0.3) for _ in range(10)]
    assert np.mean([one.uniques_chosen for one, _ in found]) == pytest.approx(true, rel=0.12)
    assert all(one.negative_binomial is not None and one.uniques_chosen <= one.zayatz for one, _ in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.sampled_from([0.01, 0.1, 0.3, 0.9, 1.0]))
def test_any_sample_has_an_estimate_that_is_possible(sizes: list[int], fraction: float) -> None:
    found = population.estimate(np.array(sizes, dtype=np.int64), fraction)
    assert 0 <= found.sample_uniques_unique <= 1
    assert 0 <= found.uniques_chosen <= found.population * (1 + 1e-9)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["chosen"] == found.chosen
    if fraction == 1:
        assert found.uniques_chosen == sizes.count(1)


def test_whoever_is_not_alone_in_the_sample_is_not_alone() -> None:
    found = population.estimate(np.array([2, 3, 4]), 0.1)
    assert (found.uniques_chosen, found.sample_uniques_unique, found.chosen) == (0.0, 0.0, "counted")
