"""Conditions as rows: one order, one digest, texts in both languages, and an order of strictness."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiban_applications import conditions
from kiban_applications.conditions import KINDS, STATUTORY, Condition, Stricter
from kiban_applications.oversight import dues
from kiban_operator.roles import Role
from kiban_processing.refusals import Refusal


def a_condition(kind: str) -> st.SearchStrategy[Condition]:
    parameter = st.just(0) if KINDS[kind].unit is None else st.integers(1, 400)
    return st.builds(Condition, st.just(kind), parameter, st.sampled_from(sorted(conditions.CHECKERS)))


def sets() -> st.SearchStrategy[tuple[Condition, ...]]:
    kinds = st.lists(st.sampled_from(sorted(KINDS)), unique=True)
    return kinds.flatmap(lambda names: st.tuples(*(a_condition(name) for name in names)))


@given(sets(), st.randoms())
def test_a_set_has_one_digest_whatever_the_order(rows: tuple[Condition, ...], order: Any) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    assert conditions.digest(shuffled) == conditions.digest(rows)


@given(sets(), sets())
def test_joined_sets_fall_short_of_neither_and_are_no_stricter_than_both(left: tuple[Condition, ...], right: tuple[Condition, ...]) -> None:
    both = conditions.joined(left, right)
    assert conditions.shortfall(both, left) == () and conditions.shortfall(both, right) == ()
    assert {each.kind for each in both} == {each.kind for each in (*left, *right)}
    assert all((each.kind, each.parameter) in {(row.kind, row.parameter) for row in (*left, *right)} for each in both)


@given(sets())
def test_what_is_missing_or_looser_is_named(rows: tuple[Condition, ...]) -> None:
    for each in rows:
        others = tuple(row for row in rows if row != each)
        assert conditions.shortfall(others, rows) == (each.kind,)
        looser = {Stricter.LOWER: each.parameter + 1, Stricter.HIGHER: each.parameter - 1}.get(each.declared.stricter)
        if looser is not None:
            assert not conditions.satisfies(Condition(each.kind, looser), each)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_reads_in_both_languages(kind: str) -> None:
    parameter = 0 if KINDS[kind].unit is None else 12
    text = Condition(kind, parameter).text
    assert text.ja != text.en and "{" not in text.ja + text.en
    assert ("12" in text.ja and "12" in text.en) == bool(parameter)


def test_the_contract_s_clauses_are_numbered_and_say_who_checks() -> None:
    rendered = conditions.render([*STATUTORY, Condition("use-report", 6)])
    assert len(rendered.ja.splitlines()) == len(rendered.en.splitlines()) == len(STATUTORY) + 1
    assert "6. " in rendered.en and "（確認: 安全管理責任者）" in rendered.ja


@pytest.mark.parametrize(
    "row",
    [
        {"kind": "no-such-kind"},
        {"kind": "use-report"},
        {"kind": "use-report", "parameter": 0},
        {"kind": "use-report", "parameter": "6"},
        {"kind": "use-report", "parameter": True},
        {"kind": "use-report", "parameter": 99999},
        {"kind": "no-reidentification", "parameter": 3},
        {"kind": "use-report", "parameter": 6, "checker": "AP"},
        {"kind": "use-report", "parameter": 6, "colour": "blue"},
        {},
    ],
)
def test_a_row_that_fits_no_declaration_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        conditions.read([row])
    assert caught.value.code == "condition-invalid"


def test_a_kind_stands_once_in_a_set() -> None:
    with pytest.raises(Refusal):
        conditions.checked([Condition("use-report", 6), Condition("use-report", 3)])


def test_a_file_s_rows_are_read_in_order() -> None:
    read = conditions.read([{"kind": "use-report", "parameter": 6}, {"kind": "destruction", "parameter": 10, "checker": "SO"}])
    assert read == (Condition("destruction", 10, Role.SO), Condition("use-report", 6))


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(1, 24), st.integers(0, 2000))
def test_reports_fall_due_in_order_within_the_term(delivered: date, months: int, days: int) -> None:
    from datetime import timedelta

    end = delivered + timedelta(days=days)
    found = list(dues(Condition("use-report", months), delivered, end))
    assert found == sorted(set(found)) and all(delivered < day <= end for day in found)
    assert all(27 <= (later - earlier).days <= 31 * months + 3 for earlier, later in zip(found, found[1:], strict=False))
    if days >= 31 * months:
        assert found
