"""加工計画の承認 (plan approval): a checker approves a plan for an order, and the book says so before anything is made (Act 19(1), Reg 18).

The audit lists releases whose plan nobody approved; who prepares a release is no checker of it, which the state table of releases sees to.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from kiban_operator import orders, people, roles
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds
from kiban_processing import plan as plans
from kiban_processing.plan import Plan


def approve(session: Session, circumstances: Circumstances, wanted: Plan, order: orders.Order) -> str:
    """Book that the acting checker approves the plan for the order; returns the plan's digest as booked.

    Refuses: act-not-allowed, and what `plan.check` refuses (more asked than approved, k below its floor, a date unshifted …).
    """
    people.require(session, circumstances, roles.Act.APPROVE_PLAN)
    plans.check(wanted, order.approved_items)
    digest = f"sha256:{wanted.digest}"
    facts = {"plan": digest, "contract": order.contract, "application": order.application, "name": wanted.name}
    book.append(session, circumstances, kinds.PLAN_APPROVED, f"plan/{wanted.digest[:16]}", facts)
    return digest
