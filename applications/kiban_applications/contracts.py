"""利用契約 (contracts): negotiated, agreed by both sides on one condition set, signed by two, and only then the source of orders (Reg 6(v))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_applications import conditions
from kiban_applications.conditions import CONDITIONS_TOO_WEAK, Condition
from kiban_applications.contract_state import (
    ACTIVE,
    CONTRACT,
    CONTRACT_EXISTS,
    CUSTODIANS_BEYOND,
    DRAFTER_SIGNS,
    LAPSE_EARLY,
    NOT_ACTIVE,
    NOT_APPROVED,
    NOTHING_PROPOSED,
    RECIPIENT_KEY_MISSING,
    TERM_NOT_NOW,
    TERM_TOO_LONG,
    TERMS_DIFFER,
    Contract,
)
from kiban_applications.review import rules, store
from kiban_applications.review.form import Custodian, Form
from kiban_applications.review.rules import APPLICATION
from kiban_applications.review.store import CUSTODIAN_UNREGISTERED, is_custodian
from kiban_operator import cases, declarations, orders, people
from kiban_operator.circumstances import Circumstances
from kiban_operator.declarations import Purpose
from kiban_operator.machine import NEW
from kiban_operator.release_state import REASON_MISSING

LAPSE_AFTER = timedelta(days=180)
"""An approval without a contract lapses after this time (policy)."""


@dataclass(frozen=True)
class Terms:
    """契約案: the condition set, the days of use (first and last), and who handles the data where."""

    conditions: tuple[Condition, ...]
    term_from: date
    term_to: date
    custodians: tuple[Custodian, ...]

    @property
    def digest(self) -> str:
        return cases.digest(
            {
                "conditions": conditions.digest(self.conditions),
                "term": [self.term_from.isoformat(), self.term_to.isoformat()],
                "custodians": [vars(each) for each in sorted(self.custodians, key=lambda each: (each.person, each.place))],
            }
        )


def load(session: Session, contract_id: str, lock: bool = False) -> Contract:
    """Refuses: unknown-case."""
    return cases.load(session, Contract, CONTRACT, contract_id, lock)


def standard_terms(session: Session, application_id: str, extra: Iterable[Condition] = ()) -> Terms:
    """The terms that follow from the approval: statutory, the committee's and further conditions, the approved term and custodians."""
    form, required = _approval(session, application_id)
    return Terms(conditions.joined(required, extra), form.term_from, form.term_to, form.custodians)


def open_contract(session: Session, circumstances: Circumstances, application_id: str) -> Contract:
    """Negotiation begins on an approved application. Refuses: move-not-allowed, own-case, application-not-approved, contract-exists."""
    contract = Contract(id=circumstances.token("K"), state=NEW, version=0, application_id=application_id)
    application = store.load(session, application_id, lock=True)
    step = people.begin(session, circumstances, CONTRACT, contract, "open")
    step.judge_organisation(application.organisation_id)
    step.judge("application-approved", application.state in rules.PASSED, NOT_APPROVED)
    step.judge("no-contract", _of(session, application_id) is None, CONTRACT_EXISTS)
    step.finish(change={"organisation_id": application.organisation_id}, content={"application": application_id})
    return contract


def propose(session: Session, circumstances: Circumstances, contract_id: str, terms: Terms) -> Contract:
    """The contract officer puts terms on the table and thereby agrees for the operator; an earlier agreement is void.

    Refuses: move-not-allowed, own-case, conditions-too-weak, term-beyond-approval, custodians-beyond-approval, condition-invalid.
    """
    contract, step = _begin(session, circumstances, contract_id, "propose", terms)
    step.finish(
        change={
            "conditions": conditions.keep(session, terms.conditions),
            "term_from": terms.term_from,
            "term_to": terms.term_to,
            "custodians": [dict(vars(each)) for each in terms.custodians],
            "terms": terms.digest,
            "drafter": step.actor.id,
        },
        content={"terms": terms.digest},
    )
    return contract


def object_to(session: Session, circumstances: Circumstances, contract_id: str, reason: str) -> Contract:
    """The applicant does not agree and says why. Refuses: move-not-allowed, own-organisation-only, reason-missing."""
    contract, step = _begin(session, circumstances, contract_id, "object")
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason})
    return contract


def agree(session: Session, circumstances: Circumstances, contract_id: str, terms: str) -> Contract:
    """The applicant agrees to exactly the terms with this digest. Refuses: move-not-allowed, own-organisation-only, nothing-proposed,
    terms-differ, conditions-too-weak, term-beyond-approval, custodians-beyond-approval."""
    contract, step = _begin(session, circumstances, contract_id, "agree")
    step.judge("same-terms", terms == contract.terms, TERMS_DIFFER)
    facts = {"application": contract.application_id, "conditions": contract.conditions}
    step.finish(content={"terms": terms}, facts=facts)
    return contract


def sign(session: Session, circumstances: Circumstances, contract_id: str, terms: str, private_key: bytes) -> Contract:
    """The recipient's signatory signs the terms. Refuses: move-not-allowed, own-organisation-only, terms-differ, signature-invalid."""
    contract, step = _begin(session, circumstances, contract_id, "sign")
    step.judge("same-terms", terms == contract.terms, TERMS_DIFFER)
    content = _signed(session, circumstances, step, terms, private_key)
    step.finish(change={"signatory_recipient": step.actor.id}, content=content)
    return contract


def execute(session: Session, circumstances: Circumstances, contract_id: str, terms: str, private_key: bytes) -> Contract:
    """A second person of the operator signs; every limit of the approval is judged once more.

    Refuses: move-not-allowed, own-case, drafter-signs, application-not-approved, terms-differ, signature-invalid, conditions-too-weak,
    term-beyond-approval, custodians-beyond-approval.
    """
    contract, step = _begin(session, circumstances, contract_id, "execute")
    step.judge("same-terms", terms == contract.terms, TERMS_DIFFER)
    step.judge("signatory-is-not-drafter", step.actor.id != contract.drafter, DRAFTER_SIGNS)
    approved = store.load(session, contract.application_id).state in rules.PASSED
    step.judge("application-approved", approved, NOT_APPROVED)
    content = _signed(session, circumstances, step, terms, private_key)
    of = people.organisation(session, contract.organisation_id)
    form, _ = _approval(session, contract.application_id)
    proposed = terms_of(session, contract)
    step.finish(
        change={"signatory_operator": step.actor.id},
        content=content,
        facts={
            "application": contract.application_id,
            "conditions": contract.conditions,
            "starts_on": proposed.term_from.isoformat(),
            "ends_on": proposed.term_to.isoformat(),
            "document": terms,
            "items": sorted(form.approved_items),
        },
        sealed={"recipient_name": of.name, "recipient_address": of.address, "recipient_identifier": of.identifier},
    )
    return contract


def activate(session: Session, circumstances: Circumstances, contract_id: str) -> Contract:
    """The term has begun: orders may be given. Refuses: move-not-allowed, own-case, outside-term, recipient-key-missing."""
    contract, step = _begin(session, circumstances, contract_id, "activate")
    step.finish()
    return contract


def suspend(session: Session, circumstances: Circumstances, contract_id: str, reason: str) -> Contract:
    """No order and no delivery from this moment. Refuses: move-not-allowed, own-case, reason-missing."""
    return _with_reason(session, circumstances, contract_id, "suspend", reason)


def resume(session: Session, circumstances: Circumstances, contract_id: str) -> Contract:
    """The contract is in force again. Refuses: move-not-allowed, own-case, outside-term, recipient-key-missing."""
    contract, step = _begin(session, circumstances, contract_id, "resume")
    step.finish()
    return contract


def terminate(session: Session, circumstances: Circumstances, contract_id: str, reason: str) -> Contract:
    """The contract is dissolved; what was delivered must still be destroyed. Refuses: move-not-allowed, own-case, reason-missing."""
    return _with_reason(session, circumstances, contract_id, "terminate", reason)


def order(session: Session, contract_id: str, today: date) -> orders.Order:
    """What may be made under the contract: only while it is ACTIVE and within its term; holds the contract until the transaction ends.

    Refuses: unknown-case, use-contract-not-active, outside-term, terms-differ, recipient-key-missing.
    """
    contract = load(session, contract_id, lock=True)
    if contract.state != ACTIVE:
        raise NOT_ACTIVE.refuse(aggregate=f"{CONTRACT.name}/{contract.id}", state=contract.state)
    proposed = terms_of(session, contract)
    if proposed.digest != contract.terms:
        raise TERMS_DIFFER.refuse()
    if not proposed.term_from <= today <= proposed.term_to:
        raise TERM_NOT_NOW.refuse(term_from=proposed.term_from, term_to=proposed.term_to)
    of = people.organisation(session, contract.organisation_id)
    if of.age_recipient is None:
        raise RECIPIENT_KEY_MISSING.refuse()
    form, _ = _approval(session, contract.application_id)
    return orders.Order(
        contract=contract.id,
        application=contract.application_id,
        recipient=of.id,
        recipient_name=of.name,
        recipient_address=of.address,
        recipient_identifier=of.identifier,
        recipient_class=form.recipient_class,
        delivery_form=form.delivery_form,
        approved_items=form.approved_items,
        conditions=conditions.digest(proposed.conditions),
        recipient_key=of.age_recipient,
        period_from=form.period_from,
        period_to=form.period_to,
        term_from=proposed.term_from,
        term_to=proposed.term_to,
    )


def terms_of(session: Session, contract: Contract) -> Terms:
    """The terms as proposed last. Refuses: nothing-proposed."""
    if contract.conditions is None or contract.term_from is None or contract.term_to is None:
        raise NOTHING_PROPOSED.refuse()
    custodians = tuple(Custodian(**row) for row in contract.custodians or [])
    return Terms(conditions.kept(session, contract.conditions), contract.term_from, contract.term_to, custodians)


def lapse(session: Session, circumstances: Circumstances, application_id: str) -> None:
    """An approval without a contract lapses (by the system). Refuses: move-not-allowed, lapse-early, contract-exists."""
    application = store.load(session, application_id, lock=True)
    step = people.begin(session, circumstances, APPLICATION, application, "lapse")
    due = application.decided_at is not None and circumstances.now() - application.decided_at >= LAPSE_AFTER
    step.judge("lapse-due", due, LAPSE_EARLY, days=LAPSE_AFTER.days)
    step.judge("no-contract", _of(session, application_id) is None, CONTRACT_EXISTS)
    step.finish()


def _of(session: Session, application_id: str) -> Contract | None:
    return session.scalar(sa.select(Contract).where(Contract.application_id == application_id))


def _approval(session: Session, application_id: str) -> tuple[Form, tuple[Condition, ...]]:
    """The approved form and the conditions that a contract must at least have."""
    dossier = store.read(session, application_id)
    decided = dossier.decision.conditions if dossier.decision is not None else None
    return dossier.form, conditions.joined(conditions.STATUTORY, conditions.kept(session, decided) if decided else ())


def _begin(
    session: Session, circumstances: Circumstances, contract_id: str, command: str, proposed: Terms | None = None
) -> tuple[Contract, cases.Step]:
    """The step with the guards that read nothing but the contract, its approval and the calendar; `proposed`: terms not stored yet."""
    contract = load(session, contract_id)
    step = people.begin(session, circumstances, CONTRACT, contract, command)
    step.judge_organisation(contract.organisation_id)
    step.judge("terms-proposed", contract.terms is not None, NOTHING_PROPOSED)
    guards = step.transition.guards
    if "conditions-sufficient" in guards:
        _judge_terms(step, session, contract, proposed or terms_of(session, contract))
    if "term-now" in guards:
        terms = terms_of(session, contract)
        today = circumstances.today()
        now = terms.term_from <= today <= terms.term_to
        step.judge("term-now", now, TERM_NOT_NOW, term_from=terms.term_from, term_to=terms.term_to)
        of = people.organisation(session, contract.organisation_id)
        step.judge("recipient-key", of.age_recipient is not None, RECIPIENT_KEY_MISSING)
    return contract, step


def _judge_terms(step: cases.Step, session: Session, contract: Contract, terms: Terms) -> None:
    """Conditions ⊇ the committee's and the law's, term ≤ approved, custodians ⊆ approved and still registered."""
    form, required = _approval(session, contract.application_id)
    missing = conditions.shortfall(terms.conditions, required)
    step.judge("conditions-sufficient", not missing, CONDITIONS_TOO_WEAK, missing=", ".join(missing))
    within = form.term_from <= terms.term_from <= terms.term_to <= form.term_to
    step.judge("term-within-approval", within, TERM_TOO_LONG)
    approved = bool(terms.custodians) and set(terms.custodians) <= set(form.custodians)
    step.judge("custodians-approved", approved, CUSTODIANS_BEYOND)
    for each in terms.custodians:
        if not is_custodian(session, each.person, contract.organisation_id):
            raise CUSTODIAN_UNREGISTERED.refuse(person=each.person)


def _signed(session: Session, circumstances: Circumstances, step: cases.Step, terms: str, private_key: bytes) -> dict[str, Any]:
    person = people.person(session, step.actor.id)
    value = declarations.declaration(Purpose.CONTRACT, step.aggregate, terms, person.id, circumstances.now())
    signature = declarations.signed(private_key, person.approval_key, value)
    step.judge("signature-valid", True, declarations.SIGNATURE_INVALID)  # `signed` has refused otherwise
    return {"declaration": value, "signature": signature}


def _with_reason(session: Session, circumstances: Circumstances, contract_id: str, command: str, reason: str) -> Contract:
    contract, step = _begin(session, circumstances, contract_id, command)
    step.judge("reason-given", bool(reason.strip()), REASON_MISSING)
    step.finish(content={"reason": reason})
    return contract
