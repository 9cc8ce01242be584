"""Reg 5(vii): a review system judges whether each provision is suitable. Reg 5(xi): no unfair discrimination between users."""

from __future__ import annotations

import pytest

from kiban_applications import contract_state
from kiban_applications.review import committee, form, rules
from kiban_operator import machine
from kiban_operator.release_state import RELEASE
from kiban_operator.roles import RECIPIENT_SIDE, Role
from kiban_processing.refusals import Refusal
from kiban_processing.statutes import REG_5_VII, REG_5_XI


def test_a_contract_and_so_a_release_needs_an_approved_application() -> None:
    assert contract_state.NOT_APPROVED.article is REG_5_VII
    for command in ("open", "execute"):
        steps = [step for step in contract_state.CONTRACT.transitions if step.command == command]
        assert steps and all("application-approved" in step.guards for step in steps)


def test_an_application_is_approved_by_deliberation_only() -> None:
    """Every way into an approved state leaves from DELIBERATION, by the chair, with a quorum, a majority and minutes."""
    ways = [step for step in rules.APPLICATION.transitions if step.to in rules.PASSED]
    assert {(step.state, step.role) for step in ways} == {(rules.DELIBERATION, Role.CH)}
    for step in ways:
        assert {"votes-at-quorum", "majority", "minutes-given", "chair-unconflicted"} <= set(step.guards)


def test_deliberation_begins_only_with_a_quorum_of_opinions() -> None:
    (before,) = {
        step.command for step in rules.APPLICATION.transitions if step.to == rules.DELIBERATION and step.state == rules.UNDER_REVIEW
    }
    step = machine.move(rules.APPLICATION, rules.UNDER_REVIEW, before, Role.CH)
    assert "opinions-at-quorum" in step.guards
    assert committee.QUORUM == 3


def test_no_recipient_takes_part_in_judging() -> None:
    judging = {"accept", "assign", "declare", "opinion", "deliberate", "vote", "draft-conditions", "resume", *rules.DECISIONS}
    assert not {step.role for step in rules.APPLICATION.transitions if step.command in judging} & RECIPIENT_SIDE


@pytest.mark.parametrize(
    ("votes", "command", "carried"),
    [
        ({"approve": 3}, "approve", True),
        ({"approve": 2, "reject": 2}, "approve", False),
        ({"approve": 2, "reject": 2}, "reject", False),
        ({"approve": 1, "approve-with-conditions": 2, "reject": 1}, "approve-with-conditions", True),
        ({"approve": 1, "approve-with-conditions": 2}, "approve", False),
        ({"approve": 3}, "reject", False),
        ({}, "approve", False),
    ],
)
def test_the_votes_carry_the_decision(votes: dict[str, int], command: str, carried: bool) -> None:
    assert rules.passes(votes, command) is carried


def test_scientific_validity_is_one_of_the_criteria() -> None:
    assert {"purpose", "science", "minimality"} <= set(committee.CRITERIA)


def test_what_leaves_needs_two_approvals() -> None:
    approved = [step.state for step in RELEASE.transitions if step.command == "approve"]
    assert approved == ["PRODUCED", "APPROVED_1"]
    with pytest.raises(Refusal):
        machine.move(RELEASE, "APPROVED_1", "commit", Role.SYS)


def test_one_table_and_one_form_serve_every_applicant() -> None:
    """Reg 5(xi): no guard and no question asks who the applicant is, beyond the organisation having been verified."""
    assert REG_5_XI.citation == "Reg 5(xi)"
    guards = {guard for step in rules.APPLICATION.transitions if step.role is Role.AP for guard in step.guards}
    assert guards == {"organisation-verified", "own-organisation", "form-complete", "custodians-registered"}
    assert not {name for name in form.QUESTIONS if "name" in name or "company" in name}
