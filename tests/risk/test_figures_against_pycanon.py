"""A second opinion: pycanon's figures of 1,000 small tables are ours wherever it is right, and each known difference is what we say it is."""

from __future__ import annotations

import math
from functools import cache

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pycanon import anonymity
from pycanon.metrics import average_rir

from kiban_processing.hierarchies import hierarchy
from kiban_processing.risk import figures, reidentification
from kiban_processing.risk.figures import RiskFigures

QUASI = ["place", "sex"]


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """One for all tables: opening it takes longer than measuring."""
    return duckdb.connect(config={"threads": 1})


def ours(frame: pd.DataFrame, sensitive: list[str], quasi: list[str] = QUASI) -> RiskFigures:
    engine().register("people", pa.Table.from_pandas(frame, preserve_index=False))
    return figures.measure(engine(), "people", quasi, sensitive)


def table(random: np.random.Generator) -> pd.DataFrame:
    """A table as pycanon needs it: no missing value, rows numbered from 0, a numeric column of at least two values."""
    size = int(random.integers(2, 13))
    grade = random.integers(0, 5, size) * random.integers(1, 4)
    grade[0], grade[-1] = 0, 7
    return pd.DataFrame(
        {
            "place": random.choice(["a", "b", "c"], size),
            "sex": random.choice(["x", "y"], size, p=[0.7, 0.3]),
            "disease": random.choice(["flu", "colitis", "ulcer", "gout"], size, p=[0.5, 0.3, 0.1, 0.1]),
            "grade": grade,
        }
    )


@pytest.mark.parametrize("part", range(10))
def test_a_thousand_tables(part: int) -> None:
    random = np.random.default_rng(20261125 + part)
    for _ in range(100):
        frame = table(random)
        found = ours(frame, ["disease", "grade"])
        disease, grade = found.sensitive
        alpha, k = anonymity.alpha_k_anonymity(frame, QUASI, ["disease"])
        assert found.k == k
        assert disease.alpha == pytest.approx(alpha, abs=1e-9)
        assert disease.l_distinct == anonymity.l_diversity(frame, QUASI, ["disease"])
        assert disease.t_equal == pytest.approx(anonymity.t_closeness(frame, QUASI, ["disease"]), abs=1e-9)
        # For a numeric column pycanon's t is the distance over ranks.
        assert grade.t_ordered == pytest.approx(anonymity.t_closeness(frame, QUASI, ["grade"]), abs=1e-9)
        assert disease.beta == pytest.approx(anonymity.basic_beta_likeness(frame, QUASI, ["disease"]), abs=1e-9)
        delta = anonymity.delta_disclosure(frame, QUASI, ["disease"])
        if math.isfinite(disease.delta):
            assert disease.delta == pytest.approx(delta, abs=1e-9)
        else:  # a value absent from a class: q/p = 0, which pycanon passes over
            assert math.isfinite(delta)
        # Cut to a whole number after a float error, theirs is at most ours, and never more than 1 below it.
        assert -1e-9 <= disease.l_entropy - anonymity.entropy_l_diversity(frame, QUASI, ["disease"]) < 1 + 1e-9


def classes_of(*sizes: int, values: list[str] | None = None) -> pd.DataFrame:
    """Classes of these sizes, told apart by place."""
    places = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return pd.DataFrame({"place": places, "sex": "x", "disease": values or "flu"})


def test_a_missing_quasi_identifier_is_a_class_for_us_and_may_vanish_for_pycanon() -> None:
    frame = classes_of(5, 1)
    frame.loc[5, "place"] = None
    assert ours(frame, [], ["place"]).k == 1
    assert anonymity.k_anonymity(frame, ["place"]) == 5


def test_pycanon_takes_row_labels_for_positions() -> None:
    frame = classes_of(2, 2, values=["flu", "flu", "gout", "colitis"])
    shuffled = frame.iloc[[0, 2, 1, 3]]
    assert ours(shuffled, ["disease"]).sensitive[0].l_distinct == 1
    assert anonymity.l_diversity(shuffled, QUASI, ["disease"]) == 2
    with pytest.raises(IndexError):
        anonymity.l_diversity(frame[frame["place"] == "p1"], QUASI, ["disease"])


@pytest.mark.parametrize(("values", "cut"), [(2, 1), (3, 2), (4, 3), (5, 5)])
def test_pycanon_cuts_the_entropy_to_a_whole_number(values: int, cut: int) -> None:
    frame = classes_of(values, values=[f"v{number}" for number in range(values)])
    assert ours(frame, ["disease"]).sensitive[0].l_entropy == pytest.approx(values)
    assert anonymity.entropy_l_diversity(frame, QUASI, ["disease"]) in (cut, values)  # which of the two is left to its rounding


def test_pycanon_computes_c_from_the_rarest_value() -> None:
    frame = classes_of(10, values=["flu"] * 8 + ["gout", "colitis"])
    assert ours(frame, ["disease"]).sensitive[0].l_recursive[3] == 8  # 8 / 1: diverse for c above 8 only
    assert anonymity.recursive_c_l_diversity(frame, QUASI, ["disease"]) == (1, 3)


def test_pycanon_passes_over_absent_values_in_delta() -> None:
    frame = classes_of(2, 2, values=["flu", "flu", "gout", "gout"])
    assert ours(frame, ["disease"]).sensitive[0].delta == math.inf
    assert anonymity.delta_disclosure(frame, QUASI, ["disease"]) == pytest.approx(math.log(2))


def test_pycanons_enhanced_beta_cuts_at_the_rarest_values_logarithm() -> None:
    """No beta satisfies the definition here; pycanon takes the greatest gain and the bounds of other values together and reports one."""
    frame = classes_of(2, 2, values=["flu", "flu", "gout", "gout"])
    assert ours(frame, ["disease"]).sensitive[0].beta_enhanced == math.inf
    assert anonymity.enhanced_beta_likeness(frame, QUASI, ["disease"]) == pytest.approx(math.log(2))


def test_pycanon_averages_the_risk_over_classes_and_we_over_persons() -> None:
    frame = classes_of(98, 2)
    found = reidentification.prosecutor(ours(frame, []).sizes, 0.2)
    assert found.average == pytest.approx(0.02)
    assert average_rir(frame, QUASI) == pytest.approx((1 / 98 + 1 / 2) / 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_pycanon_cannot_measure_a_constant_number_nor_an_empty_table() -> None:
    frame = classes_of(2, 1)
    frame["disease"] = 7
    assert ours(frame, ["disease"]).sensitive[0].t_ordered == 0
    with pytest.raises(ZeroDivisionError):
        anonymity.t_closeness(frame, QUASI, ["disease"])
    empty = frame.iloc[:0]
    assert ours(empty, []).k == 0
    with pytest.raises(ValueError, match="empty"):
        anonymity.k_anonymity(empty, QUASI)


@pytest.mark.parametrize("seed", range(8))
def test_what_anjana_calls_k_anonymous_is(seed: int) -> None:
    from anjana.anonymity import k_anonymity

    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": random.integers(0, 8, 40).astype(str), "place": random.choice(list("abcd"), 40)})
    trees = {
        "age": hierarchy.build("age", "1", [(str(n), f"{n // 2 * 2}+", f"{n // 4 * 4}++", "*") for n in range(8)]),
        "place": hierarchy.build("place", "1", [(one, "ab" if one in "ab" else "cd", "*") for one in "abcd"]),
    }
    given = {
        name: {level: np.array([tree.label(leaf, level) for leaf in tree.leaves]) for level in range(tree.levels)}
        for name, tree in trees.items()
    }
    made = k_anonymity(frame, [], list(trees), 3, 10, given)
    assert len(made) >= 36
    assert ours(made[list(trees)], [], list(trees)).k >= 3
    # What it left out is not counted: its column `index` leads back to the source rows and is not looked at.
    assert ours(made[list(trees)], [], list(trees)).persons == len(made)
