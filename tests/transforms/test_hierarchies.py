"""Hierarchies built from data cover it, nest, end in one value and survive being written; a wrong one is told by row, never by value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiban_processing.hierarchies import arx_form, calendar, checking, diseases, hierarchy, intervals, ordered, places
from kiban_processing.hierarchies.calendar import Unit
from kiban_processing.hierarchies.checking import Weight
from kiban_processing.hierarchies.hierarchy import Hierarchy
from kiban_processing.refusals import Refusal

numbers = st.lists(st.decimals(-500, 500, places=1).map(str) | st.integers(-50, 50).map(str), min_size=2, max_size=30, unique_by=Decimal)
ICD = st.sampled_from(
    ["E1190", "E119", "E11", "E10-E14", "IV", "I10", "C500", "C509", "C50", "C00-C75", "C00-C97", "C81", "II", "V019", "U071", "unknown"]
)
POSTAL = st.sampled_from(["1000001", "100-0001", "0600001", "9000001", "3300801", "5300001"])
BUILDERS: dict[str, tuple[st.SearchStrategy[list[str]], Callable[[list[str]], Hierarchy]]] = {
    "cut points": (numbers, lambda values: intervals.of_cuts("h", values, [Decimal(-10), Decimal("0.5"), Decimal(7), Decimal(200)])),
    "equal width": (numbers, lambda values: intervals.equal_width("h", values, 5)),
    "quantiles": (numbers, lambda values: intervals.quantiles("h", values, [1 + len(value) for value in values], 4)),
    "dates": (
        st.lists(st.dates().map(date.isoformat), min_size=1, max_size=20, unique=True),
        lambda values: calendar.of_values("h", values),
    ),
    "ordered": (
        st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=12, unique=True),
        lambda values: ordered.neighbours("h", values, 3),
    ),
    "ICD-10": (st.lists(ICD, min_size=1, unique=True), lambda values: diseases.icd10("h", values)),
    "postal codes": (st.lists(POSTAL, min_size=1, unique=True), lambda values: places.postal_codes("h", values)),
}


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_builder_covers_nests_and_ends_in_one_value(name: str, data: st.DataObject) -> None:
    strategy, build = BUILDERS[name]
    values = data.draw(strategy)
    built = build(values)
    assert set(built.leaves) == set(values)
    assert {built.label(value, built.levels - 1) for value in values} == {"*"}
    assert [built.label(value, 0) for value in values] == values
    written = arx_form.write(built)
    again = hierarchy.read(built.name, built.version, written)
    assert again == built
    assert all((one == other).all() for one, other in zip(again.codes, built.codes, strict=True))
    found = checking.check(written, values)
    assert not [one for one in found if one.weight is Weight.ERROR or one.code in ("open-top", "unused")]


def test_intervals_between_given_ages() -> None:
    built = intervals.of_cuts("age", ["0", "19", "20", "64.5", "65", "104"], [Decimal(20), Decimal(40), Decimal(65)])
    assert [built.label(value, 1) for value in built.leaves] == ["< 20", "< 20", "[20, 40[", "[40, 65[", ">= 65", ">= 65"]
    assert [built.label(value, 2) for value in built.leaves] == ["< 40", "< 40", "< 40", ">= 40", ">= 40", ">= 40"]


def test_quantiles_hold_about_equally_many_persons() -> None:
    values = [str(number) for number in range(100)]
    built = intervals.quantiles("days", values, [1] * 100, 4)
    sizes = [sum(built.label(value, 1) == label for value in values) for label in dict.fromkeys(built.label(value, 1) for value in values)]
    assert sizes == [25, 25, 25, 25]
    heavy = intervals.quantiles("days", ["0", "1", "2"], [97, 2, 1], 4)
    assert {heavy.label(value, 1) for value in ("1", "2")} != {heavy.label("0", 1)}


def test_equal_width_names_no_extreme_of_the_data() -> None:
    built = intervals.equal_width("weight", ["41.3", "97.9", "60"], 4)
    assert all(extreme not in str(built.labels[1:]) for extreme in ("41.3", "97.9"))
    assert built.label("41.3", 1) == "< 55.4"


def test_a_period_has_all_its_days() -> None:
    built = calendar.of_range("day", date(2023, 12, 30), date(2024, 3, 2), (Unit.DAY, Unit.MONTH, Unit.YEAR))
    assert built.size == 64
    assert [built.label("2024-02-29", level) for level in range(4)] == ["2024-02-29", "2024-02", "2024", "*"]


def test_categories_stand_at_one_level_whatever_their_blocks() -> None:
    built = diseases.icd10("disease", ["C509", "E1190", "I10", "C00-C97"])
    level = next(level for level in range(built.levels) if built.label("C509", level) == "C50")
    assert [built.label(value, level) for value in ("E1190", "I10")] == ["E11", "I10"]
    widest = next(level for level in range(built.levels) if built.label("C509", level) == "C00-C97")
    assert built.label("C00-C97", widest) == "C00-C97"


REFUSED: dict[str, tuple[Callable[[], Hierarchy], str]] = {
    "no number": (lambda: intervals.of_cuts("age", ["7", "Taro"], [Decimal(5)]), "hierarchy-not-a-number"),
    "cuts not ascending": (lambda: intervals.of_cuts("age", ["7"], [Decimal(5), Decimal(5)]), "hierarchy-cuts-wrong"),
    "no cuts": (lambda: intervals.of_cuts("age", ["7"], []), "hierarchy-cuts-wrong"),
    "one value only": (lambda: intervals.equal_width("age", ["7"], 3), "hierarchy-cuts-wrong"),
    "no date": (lambda: calendar.of_values("day", ["2024-01-01", "Taro"]), "hierarchy-not-a-date"),
    "a date in another form": (lambda: calendar.of_values("day", ["20240101"]), "hierarchy-not-a-date"),
    "no place": (lambda: places.postal_codes("home", ["1000001", "Taro"]), "hierarchy-place-unknown"),
    "no municipality": (lambda: places.municipalities("home", ["東京都千代田区", "Taro"]), "hierarchy-place-unknown"),
    "no values": (lambda: diseases.icd10("disease", []), "hierarchy-malformed"),
}


@pytest.mark.parametrize(("build", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_hierarchy_can_be_made_of_is_refused_without_its_value(build: Callable[[], Hierarchy], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        build()
    assert caught.value.code == code
    assert "Taro" not in str(caught.value)


GOOD = "a;x;*\nb;x;*\nc;y;*\n"
FOUND: dict[str, tuple[str, list[tuple[str, int, int]]]] = {
    "good": (GOOD, []),
    "empty": ("", [("empty", 0, -1)]),
    "ragged": ("a;x;*\nb;*\nc;y;*\n", [("ragged", 2, -1)]),
    "blank": ("a;x;*\nb;;*\nc;y;*\n", [("blank", 2, 1), ("not-wider", 0, 1)]),
    "duplicate leaf": (GOOD + "a;x;*\n", [("duplicate-leaf", 4, 0)]),
    "not nested": ("a;x;1\nb;x;2\nc;y;2\n", [("not-nested", 2, 1), ("not-wider", 0, 2), ("open-top", 0, 2)]),
    "redundant": ("a;a;*\nb;b;*\nc;c;*\n", [("redundant", 0, 1)]),
    "no wider": ("a;1;*\nb;2;*\nc;3;*\n", [("not-wider", 0, 1)]),
    "one label twice": ("a;x;*\nb;x;*\nx;y;*\n", [("two-levels", 1, 1)]),
    "open top": ("a;x\nb;x\nc;y\n", [("open-top", 0, 1)]),
}


@pytest.mark.parametrize(("content", "expected"), FOUND.values(), ids=FOUND.keys())
def test_what_is_wrong_is_told_by_row_and_level(content: str, expected: list[tuple[str, int, int]]) -> None:
    found = checking.check(content)
    assert [(one.code, one.row, one.level) for one in found] == expected
    assert all(one.read("ja") and one.read("en") and one.as_json()["text"]["ja"] for one in found)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "x", "y", "*", ""]), min_size=1, max_size=3), max_size=5))
@settings(max_examples=300)
def test_what_has_no_error_can_be_read_and_only_that(rows: list[list[str]]) -> None:
    content = "".join(";".join(row) + "\n" for row in rows)
    findings = checking.check(content)
    if any(one.weight is Weight.ERROR for one in findings):
        with pytest.raises(Refusal) as caught:
            checking.require("h", findings)
        assert caught.value.code == "hierarchy-malformed"
    else:
        checking.require("h", findings)
        assert hierarchy.read("h", "1", content).size == len([row for row in rows if any(row)])


def test_gaps_are_counted_and_not_named() -> None:
    found = checking.check(GOOD, ["a", "Taro", "Jiro", None])
    assert [(one.code, one.number) for one in found] == [("gap", 2), ("unused", 2)]
    assert all("Taro" not in one.read("en") for one in found)
    assert checking.check(GOOD, ["a", "b", "c", None]) == ()
