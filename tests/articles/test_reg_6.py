"""Reg 6(i): the authority of each handler is fixed. Reg 6(v): use and security are ensured by contract, to the degree of processing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest

from kiban_applications import conditions
from kiban_applications.conditions import STATUTORY, Condition
from kiban_applications.contract_state import CONTRACT
from kiban_applications.contracts import Terms
from kiban_applications.review.form import Custodian
from kiban_operator import grants, roles
from kiban_operator.people import OrganisationKind
from kiban_operator.release_state import RELEASE
from kiban_operator.roles import OPERATOR_SIDE, RECIPIENT_SIDE, Role
from kiban_processing.permitted import K_FLOORS, DeliveryForm, RecipientClass
from kiban_processing.refusals import Refusal
from kiban_processing.statutes import REG_6_I, REG_6_V

TERMS = Terms(STATUTORY, date(2026, 4, 1), date(2027, 3, 31), (Custodian("p-1", "研究棟", "13"),))


def test_every_role_is_fixed_to_a_side() -> None:
    assert REG_6_I.citation == "Reg 6(i)"
    for role, kind in itertools.product(Role, OrganisationKind):
        expected = {
            True: kind is OrganisationKind.RECIPIENT if role in RECIPIENT_SIDE else kind is OrganisationKind.OPERATOR,
            False: True,
        }[role in RECIPIENT_SIDE | OPERATOR_SIDE]
        assert grants.fits(role, kind.value) is (expected and role is not Role.SYS)


def test_an_administrator_and_an_auditor_hold_no_other_role() -> None:
    for alone, other in itertools.product((Role.AD, Role.AU), set(Role) - {Role.AD, Role.AU}):
        assert grants.clash(other, frozenset({alone})) == {alone}
        assert grants.clash(alone, frozenset({other})) == {other}
    assert not grants.clash(Role.CH, frozenset({Role.CM}))


def test_a_grant_takes_two_administrators() -> None:
    (confirm,) = (step for step in grants.GRANT.transitions if step.command == "confirm")
    assert {"not-self", "not-proposer"} <= set(confirm.guards)
    assert roles.MAY[roles.Act.CONFIRM_ROLE] == {Role.AD}


def test_every_contract_binds_to_the_statutory_conditions() -> None:
    kinds = {each.kind for each in STATUTORY}
    assert kinds >= {"no-reidentification", "purpose-limit", "no-onward-sharing", "named-custodians", "incident-report", "destruction"}
    for left_out in STATUTORY:
        assert conditions.shortfall([each for each in STATUTORY if each != left_out], STATUTORY) == (left_out.kind,)


@pytest.mark.parametrize(("kind", "looser"), [("incident-report", 48), ("destruction", 60)])
def test_a_contract_may_be_stricter_but_not_looser(kind: str, looser: int) -> None:
    (required,) = (each for each in STATUTORY if each.kind == kind)
    assert not conditions.satisfies(replace(required, parameter=looser), required)
    assert conditions.satisfies(replace(required, parameter=1), required)


def test_conditions_that_do_not_suit_are_refused() -> None:
    with pytest.raises(Refusal) as caught:
        conditions.checked([Condition("destruction", 0)])
    assert caught.value.ground.article is REG_6_V


def test_both_sides_sign_one_digest_of_conditions_term_and_custodians() -> None:
    changed = (
        replace(TERMS, conditions=conditions.joined(STATUTORY, [Condition("use-report", 6)])),
        replace(TERMS, term_to=date(2027, 4, 1)),
        replace(TERMS, custodians=(Custodian("p-2", "研究棟", "13"),)),
        replace(TERMS, custodians=(Custodian("p-1", "研究棟", "14"),)),
    )
    assert len({TERMS.digest, *(each.digest for each in changed)}) == 5
    for command in ("agree", "sign", "execute"):
        assert all("same-terms" in step.guards for step in CONTRACT.transitions if step.command == command)


def test_nothing_is_handed_over_without_a_contract_in_force() -> None:
    (deliver,) = (step for step in RELEASE.transitions if step.command == "deliver")
    assert {"contract-active", "within-term", "order-unchanged"} <= set(deliver.guards)


def test_degree_of_processing_is_fixed_for_each_recipient_and_form() -> None:
    assert set(K_FLOORS) == set(itertools.product(RecipientClass, DeliveryForm))
    for recipient in RecipientClass:
        assert K_FLOORS[recipient, DeliveryForm.FILE] >= K_FLOORS[recipient, DeliveryForm.VISITING]
