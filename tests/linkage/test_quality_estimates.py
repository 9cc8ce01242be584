"""Estimates of quality are held against known truths: intervals cover as often as they claim, and each limit that is told is real."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_processing.linkage import clusters, comparisons, keys, model
from kiban_processing.linkage.explaining import estimates, intervals, judgements, pairs, samples, unproposed
from kiban_processing.linkage.explaining.intervals import Estimate

MakeWorld = Callable[..., tuple[pa.Table, dict[str, int]]]
RUNS = 400


@pytest.mark.parametrize(
    ("hits", "drawn", "low", "high"), [(81, 263, 0.255, 0.366), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
)
def test_wilson_as_published(hits: int, drawn: int, low: float, high: float) -> None:
    """Newcombe, Stat. Med. 1998, 17:857, table I, method 3."""
    found = intervals.share(hits, drawn)
    assert found.low == pytest.approx(low, abs=6e-4)
    assert found.high == pytest.approx(high, abs=6e-4)


@given(st.integers(0, 200), st.integers(1, 200), st.integers(0, 5000))
def test_a_share_lies_in_its_interval(hits: int, drawn: int, more: int) -> None:
    found = intervals.share(min(hits, drawn), drawn, drawn + more)
    assert 0 <= found.low <= found.value <= found.high <= 1
    endless = intervals.share(min(hits, drawn), drawn)
    assert endless.low <= found.low + 1e-12
    assert found.high <= endless.high + 1e-12


def test_a_proportion_covers_as_it_claims() -> None:
    chance = np.random.default_rng(5)
    covered = 0
    for _ in range(RUNS):
        part = intervals.share(int(chance.binomial(80, 0.9)), 80).scaled(1000)
        rest = intervals.share(int(chance.binomial(60, 0.3)), 60).scaled(200)
        found = intervals.proportion(part, rest)
        covered += found.low <= 900 / 960 <= found.high
    assert 0.92 <= covered / RUNS <= 0.99


@dataclass(frozen=True)
class Truth:
    """A run on a world of which every pair is known."""

    known: judgements.Judgements
    persons: np.ndarray
    registrations: pa.Array
    pairs: pa.Table
    clusters: pa.Table

    @property
    def true_pairs(self) -> int:
        held = np.bincount(self.persons)
        return int((held * (held - 1) // 2).sum())

    def beyond(self, frame: samples.Frame) -> int:
        """Pairs of one person that no pair of the frame speaks of."""
        same = self.persons[frame.left] == self.persons[frame.right]
        return self.true_pairs - int(frame.stands_for[same].sum())

    def quality(self) -> tuple[float, float]:
        inside = judgements.within(self.known)
        right = int((self.persons[inside.left] == self.persons[inside.right]).sum())
        return right / len(inside.left), right / self.true_pairs


def careless(truth: Truth) -> Truth:
    """The same run, had all that waits for review been merged unseen: twins, namesakes and families become one person."""
    known = truth.known
    merged = (known.decision == judgements.LINK) | (known.decision == judgements.REVIEW)
    labels = clusters.components(len(known.labels), known.left[merged], known.right[merged])
    decision = np.where(merged, judgements.LINK, known.decision).astype(np.int8)
    return dataclasses.replace(truth, known=dataclasses.replace(known, labels=labels, decision=decision))


def read(judged: pa.Table, grouped: pa.Table) -> judgements.Judgements:
    """From the tables of a run: pairs (left, right, weight, decision) and clusters (registration, cluster: its first registration)."""
    registrations = grouped.column("registration").combine_chunks()
    sides = [pc.index_in(judged.column(side), registrations).to_numpy().astype(np.int64) for side in ("left", "right")]
    decided = pc.index_in(judged.column("decision"), pa.array(pairs.DECISIONS)).to_numpy().astype(np.int8)
    labels = pc.index_in(grouped.column("cluster"), registrations).to_numpy().astype(np.int64)
    return judgements.Judgements(*sides, judged.column("weight").to_numpy(), decided, labels)


@pytest.fixture(scope="module")
def run(make_world: MakeWorld) -> Truth:
    rows, truth = make_world(11, 900)
    with duckdb.connect() as con:
        con.register("world", rows)
        outcome = model.link(con, "world")
    registrations = outcome.clusters.column("registration").combine_chunks()
    persons = np.array([truth[one] for one in registrations.to_pylist()])
    return Truth(read(outcome.pairs, outcome.clusters), persons, registrations, outcome.pairs, outcome.clusters)


def asked(truth: Truth, frame: samples.Frame, per_stratum: int, seed: int) -> pa.Table:
    """People who always know the truth answer a sample."""
    sample = samples.draw(frame, truth.registrations, per_stratum, seed)
    person = dict(zip(truth.registrations.to_pylist(), truth.persons.tolist(), strict=True))
    same = [
        person[left] == person[right]
        for left, right in zip(sample.column("left").to_pylist(), sample.column("right").to_pylist(), strict=True)
    ]
    return sample.append_column("same", pa.array(same))


def test_the_samples_intervals_cover_the_true_precision_and_recall(run: Truth) -> None:
    truth = careless(run)
    precision, recall = truth.quality()
    assert precision < 0.995
    frame = samples.frame(truth.known)
    never = truth.beyond(frame)
    hits = np.zeros(2)
    for seed in range(RUNS):
        found = samples.estimate(asked(truth, frame, 40, seed), frame.sizes, Estimate(never, never, never))
        hits += (found.precision.low <= precision <= found.precision.high, found.recall.low <= recall <= found.recall.high)
    assert (hits / RUNS >= 0.93).all(), hits / RUNS


def test_a_stratified_sample_covers_about_as_often_as_it_claims_where_every_stratum_has_errors() -> None:
    chance = np.random.default_rng(8)
    sizes = {"link-low": 2_000, "link-middle": 5_000, "link-high": 20_000, "review-high": 900, "review-low": 1_500}
    held = {name: samples.Size(size, size) for name, size in sizes.items()}
    same = {name: round(size * part) for (name, size), part in zip(sizes.items(), (0.8, 0.93, 0.97, 0.7, 0.3), strict=True)}
    right = same["link-low"] + same["link-middle"] + same["link-high"]
    precision, recall = right / 27_000, right / sum(same.values())
    hits = np.zeros(2)
    for _ in range(2 * RUNS):
        rows = [(name, True) for name in sizes for _ in range(int(chance.hypergeometric(same[name], sizes[name] - same[name], 120)))]
        rows += [(name, False) for name in sizes for _ in range(120 - rows.count((name, True)))]
        answers = pa.table({"stratum": [name for name, _ in rows], "same": [told for _, told in rows]})
        found = samples.estimate(answers, held)
        hits += (found.precision.low <= precision <= found.precision.high, found.recall.low <= recall <= found.recall.high)
    assert ((hits / (2 * RUNS) >= 0.93) & (hits / (2 * RUNS) <= 0.98)).all(), hits / (2 * RUNS)


def test_all_pairs_answered_give_the_truth_itself(run: Truth) -> None:
    truth = careless(run)
    frame = samples.frame(truth.known)
    never = truth.beyond(frame)
    found = samples.estimate(asked(truth, frame, 10**6, 1), frame.sizes, Estimate(never, never, never))
    precision, recall = truth.quality()
    assert found.precision.as_json() == pytest.approx({"value": precision, "low": precision, "high": precision})
    # Of a doubt between two persons of several registrations each the stratum's mean is taken.
    assert found.recall.as_json() == pytest.approx({"value": recall, "low": recall, "high": recall}, abs=2e-3)


def test_the_model_alone_does_not_see_its_own_error_and_the_sample_does(run: Truth) -> None:
    truth = careless(run)
    precision, _ = truth.quality()
    assert estimates.estimate(truth.known).precision.low > precision
    frame = samples.frame(truth.known)
    found = samples.estimate(asked(truth, frame, 60, 3), frame.sizes)
    assert found.precision.low <= precision <= found.precision.high < 0.995


def test_every_pair_inside_a_person_and_every_judged_pair_is_in_one_stratum(run: Truth) -> None:
    frame = samples.frame(run.known)
    listed = set(zip(np.minimum(frame.left, frame.right).tolist(), np.maximum(frame.left, frame.right).tolist(), strict=True))
    assert len(listed) == len(frame.left)
    inside = judgements.within(run.known)
    assert set(zip(inside.left.tolist(), inside.right.tolist(), strict=True)) <= listed
    claimed = sum(size.drawable for name, size in frame.sizes.items() if samples.STRATA[name])
    assert claimed == len(inside.left)


def test_who_answers_sees_no_stratum_and_it_is_found_again(run: Truth) -> None:
    frame = samples.frame(run.known)
    sample = asked(run, frame, 30, 2)
    turned = pa.table({"left": sample.column("right"), "right": sample.column("left"), "same": sample.column("same")})
    again = samples.placed(frame, run.registrations, turned)
    assert again.column("stratum").to_pylist() == sample.column("stratum").to_pylist()
    stranger = pa.table({"left": ["nobody"], "right": [run.registrations[0].as_py()], "same": [True]})
    assert samples.placed(frame, run.registrations, stranger).num_rows == 0


def test_unsure_answers_count_as_not_asked() -> None:
    answers = pa.table({"stratum": ["link-high"] * 4, "same": pa.array([True, True, None, None])})
    found = samples.estimate(answers, {"link-high": samples.Size(1000, 1000), "review-low": samples.Size(50, 80)})
    assert found.unsure == 2
    assert found.unanswered == ("review-low",)
    assert found.strata["link-high"]["answers"] == 2


def _couples(weight: np.ndarray) -> judgements.Judgements:
    count = len(weight)
    left = np.arange(count) * 2
    return judgements.Judgements(left, left + 1, weight, np.zeros(count, np.int8), np.repeat(left, 2))


def test_the_models_interval_covers_where_its_probabilities_are_true() -> None:
    chance = np.random.default_rng(7)
    weight = chance.normal(9, 3, 20_000)
    found = estimates.estimate(_couples(weight)).precision
    really = 1 - (chance.random((RUNS, len(weight))) < 1 / (1 + 2**weight)).mean(axis=1)
    assert 0.92 <= ((really >= found.low) & (really <= found.high)).mean() <= 0.98
    assert found.value == pytest.approx(really.mean(), abs=2e-4)


def test_expected_wrong_and_missed_are_the_sums_of_the_probabilities() -> None:
    labels = np.array([0, 0, 2, 3, 4, 5])
    known = judgements.Judgements(
        np.array([0, 2, 4, 1]), np.array([1, 3, 5, 5]), np.array([10.0, 2.0, -3.0, 30.0]), np.array([0, 1, 3, 2], np.int8), labels
    )
    found = estimates.estimate(known)
    assert found.wrong == pytest.approx(1 / 1025)
    assert found.missed == pytest.approx({"link": 0.0, "review": 0.8, "apart": 1 / 9})
    assert found.precision.value == pytest.approx(1 - 1 / 1025)
    assert found.recall.value == pytest.approx((1 - 1 / 1025) / (1 - 1 / 1025 + 0.8 + 1 / 9))


def test_a_pair_joined_by_chain_is_as_doubtful_as_its_tree() -> None:
    known = judgements.Judgements(np.array([0, 1]), np.array([1, 2]), np.array([5.0, 6.0]), np.zeros(2, np.int8), np.zeros(3, np.int64))
    found = estimates.estimate(known)
    assert (found.together, found.by_chain) == (3, 1)
    assert found.wrong == pytest.approx(2 * (1 / 33 + 1 / 65))


def test_chapman_covers_what_is_missing_where_captures_are_independent() -> None:
    chance = np.random.default_rng(9)
    covered, values = 0, []
    for _ in range(RUNS):
        first, second = chance.random(3000) < 0.9, chance.random(3000) < 0.8
        seen = first | second
        found = unproposed.estimate(np.ones(int(seen.sum())), first[seen], second[seen])
        covered += found.low <= 3000 - seen.sum() <= found.high
        values.append(found.value - (3000 - seen.sum()))
    assert 0.92 <= covered / RUNS <= 0.99
    assert abs(np.mean(values)) < 3


def test_chapman_tells_too_little_where_the_same_pairs_escape_both() -> None:
    chance = np.random.default_rng(10)
    hard = chance.random(20_000) < 0.1
    first, second = chance.random(20_000) < np.where(hard, 0.3, 0.95), chance.random(20_000) < np.where(hard, 0.3, 0.95)
    seen = first | second
    found = unproposed.estimate(np.ones(int(seen.sum())), first[seen], second[seen])
    assert found.high < 20_000 - seen.sum()


def test_blocks_of_the_estimate_are_blocks_of_the_model_and_found_in_the_keys(
    con: duckdb.DuckDBPyConnection, make_world: MakeWorld
) -> None:
    assert {*unproposed.OWN, *unproposed.SHARED} <= set(comparisons.BLOCKS)
    rows, _truth = make_world(12, 300)
    con.register("world", rows)
    keys.normalise_and_count(con, "world", "kept_keys")
    size = rows.num_rows
    pairs = [(a, b) for a in range(size) for b in range(a + 1, size)]
    con.register("asked", pa.table({"left": [a for a, _ in pairs], "right": [b for _, b in pairs]}))
    found = unproposed.found_by(con, "kept_keys", "asked", unproposed.OWN)
    held = con.execute("SELECT node, kana_wide, dob, dob_year, dob_monthday, kanji_wide FROM kept_keys ORDER BY node").fetchall()
    expected = []
    for one, other in pairs:
        a, b = held[one], held[other]
        kana = a[1] is not None and a[1] == b[1]
        kanji = a[5] is not None and a[5] == b[5] and a[2] is not None and a[2] == b[2]
        expected.append((kana and a[2] is not None and b[2] is not None and (a[3] == b[3] or a[4] == b[4])) or kanji)
    assert any(expected)
    assert found.tolist() == expected


def test_two_persons_are_doubtful_by_their_strongest_pair_and_not_at_all_with_a_veto() -> None:
    labels = np.array([0, 0, 2, 2, 4, 5])
    known = judgements.Judgements(
        np.array([0, 2, 0, 1, 0, 1]),
        np.array([1, 3, 2, 3, 4, 4]),
        np.array([30.0, 30.0, 1.0, 3.0, 9.0, 5.0]),
        np.array([0, 0, 3, 1, 1, 2], np.int8),
        labels,
    )
    assert estimates.estimate(known).missed == pytest.approx({"link": 0.0, "review": 4 * 8 / 9, "apart": 0.0})
    sizes = samples.frame(known).sizes
    assert {name: (size.drawable, size.pairs) for name, size in sizes.items()} == {
        "link-high": (2, 2),
        "review-low": (1, 4),
        "veto": (1, 2),
    }


def test_what_people_settled_has_no_doubt(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""CREATE TABLE judged AS SELECT * FROM (VALUES (0, 1, -3.0, 'link', true), (0, 2, 20.0, 'veto', false), (1, 2, 5.0, 'review', NULL))
        AS t("left", "right", weight, decision, settled)""")
    known = judgements.of_tables(con, "judged", np.array([0, 0, 2]))
    assert known.decision.tolist() == [judgements.LINK, judgements.VETO, judgements.REVIEW]
    assert known.doubt.tolist() == pytest.approx([0.0, 1.0, 1 / 33])


def test_answers_about_links_alone_tell_nothing_of_recall() -> None:
    """As when the strata are bands of weight of links that the model made by itself."""
    answers = pa.table({"stratum": ["14-18"] * 50 + ["18-22"] * 50, "same": [True] * 99 + [False]})
    sizes = {"14-18": samples.Size(100, 100), "18-22": samples.Size(900, 900)}
    found = samples.estimate(answers, sizes, claims={"14-18": True, "18-22": True})
    assert found.precision.value == pytest.approx(1 - 0.9 / 50)
    assert math.isnan(found.recall.value)
    assert found.recall.as_json() == {"value": None, "low": 0.0, "high": 1.0}


def test_nothing_linked_is_told_without_a_fault() -> None:
    none = np.zeros(0, np.int64)
    known = judgements.Judgements(none, none, np.zeros(0), np.zeros(0, np.int8), np.arange(3))
    assert estimates.estimate(known).precision.value == 1.0
    frame = samples.frame(known)
    assert frame.sizes == {}
    empty = samples.draw(frame, pa.array(["a", "b", "c"]), 5, 1).append_column("same", pa.array([], pa.bool_()))
    assert math.isnan(samples.estimate(empty, frame.sizes).precision.value)
