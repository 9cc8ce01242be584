"""Attribute inference: equal to guessing person by person; a class of one value is told; others' statistics are no disclosure."""

from __future__ import annotations

from collections import Counter, defaultdict

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.risk import attribute_inference

ROWS = st.lists(
    st.tuples(st.sampled_from([None, "20-29", "30-39"]), st.sampled_from(["male", "female"]), st.sampled_from([None, "E11", "I10", "C34"])),
    min_size=1, max_size=30,
)  # fmt: skip


def measured(rows: list[tuple[str | None, str, str | None]]) -> attribute_inference.AttributeInference:
    con = duckdb.connect()
    age, sex, value = zip(*rows, strict=True)
    con.register("judged", pa.table({"age": pa.array(age, pa.string()), "sex": list(sex), "s": pa.array(value, pa.string())}))
    found = attribute_inference.measure(con, "judged", ["age", "sex"], "s", "diagnoses.icd10")
    con.close()
    return found


def chance(counts: Counter[str | None], value: str | None) -> float:
    """Of a guesser who names one of the most frequent values."""
    top = max(counts.values())
    best = [one for one, number in counts.items() if number == top]
    return (value in best) / len(best)


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_it_equals_guessing_person_by_person(rows: list[tuple[str | None, str, str | None]]) -> None:
    classes: dict[object, Counter[str | None]] = defaultdict(Counter)
    for age, sex, value in rows:
        classes[age, sex][value] += 1
    whole = Counter(value for _, _, value in rows)
    success = sum(chance(classes[age, sex], value) for age, sex, value in rows)
    of_others = 0.0
    for age, sex, value in rows:
        others = classes[age, sex] - Counter([value]) or whole - Counter([value])
        of_others += chance(others, value) if others else 0.0
    found = measured(rows)
    assert found.persons == len(rows)
    assert found.success * len(rows) == pytest.approx(success)
    assert found.of_others * len(rows) == pytest.approx(of_others, abs=1e-5)
    assert found.base_rate == pytest.approx(max(whole.values()) / len(rows))
    assert found.values == len(whole)
    alike = sum(counts.total() for counts in classes.values() if len(counts) == 1 and counts.total() > 1)
    assert found.homogeneous == pytest.approx(alike / len(rows))
    assert found.success_interval[0] <= found.success <= found.success_interval[1] + 1e-12


def test_a_class_of_one_value_is_told() -> None:
    rows = [("20-29", "male", "C34")] * 5 + [("30-39", "female", value) for value in ("E11", "I10", "C34", "E11", "I10")]
    found = measured(rows)
    assert found.homogeneous == 0.5
    assert found.success == pytest.approx(0.7)
    assert found.base_rate == pytest.approx(0.6)
    assert found.advantage == pytest.approx(0.1)


def test_what_the_others_tell_is_no_disclosure() -> None:
    """A hundred people alike of whom ninety have the disease: the guess is right nine times in ten, with or without one's own row."""
    found = measured([("30-39", "male", "E11")] * 90 + [("30-39", "male", "I10")] * 10 + [("20-29", "male", "C34")] * 100)
    assert found.success == pytest.approx(0.95)
    assert found.beyond_others == pytest.approx(0.0)
    lone = measured([("20-29", "male", "C34"), ("30-39", "male", "E11"), ("30-39", "female", "I10"), ("20-29", "female", "X")])
    assert lone.beyond_others == pytest.approx(1.0)
    assert lone.as_json()["advantage"] == pytest.approx(0.75)
