"""作成の指示 (orders): what an active contract asks to be made, and all a release may know of it (Reg 6(v), data minimisation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kiban_operator import cases
from kiban_processing.permitted import DeliveryForm, RecipientClass


@dataclass(frozen=True)
class Order:
    """作成の指示: given out by an ACTIVE contract only. `approved_items`: catalogue names `table.column`; `term_to`: last day of use;
    `period_from`/`period_to`: the records wanted; `conditions`: digest of the agreed condition set; `recipient_key`: age public key."""

    contract: str
    application: str
    recipient: str
    recipient_name: str
    recipient_address: str
    recipient_identifier: str
    recipient_class: RecipientClass
    delivery_form: DeliveryForm
    approved_items: frozenset[str]
    conditions: str
    recipient_key: str
    period_from: date
    period_to: date
    term_from: date
    term_to: date

    def as_json(self) -> dict[str, Any]:
        """A JSON object with the items in order: what is stored beside the release."""
        return {
            "contract": self.contract,
            "application": self.application,
            "recipient": self.recipient,
            "recipient_name": self.recipient_name,
            "recipient_address": self.recipient_address,
            "recipient_identifier": self.recipient_identifier,
            "recipient_class": self.recipient_class.value,
            "delivery_form": self.delivery_form.value,
            "approved_items": sorted(self.approved_items),
            "conditions": self.conditions,
            "recipient_key": self.recipient_key,
            "period_from": self.period_from.isoformat(),
            "period_to": self.period_to.isoformat(),
            "term_from": self.term_from.isoformat(),
            "term_to": self.term_to.isoformat(),
        }

    @property
    def digest(self) -> str:
        """The digest of the terms without the recipient's name, address and identifier, which the ledger must be able to forget."""
        terms = {name: value for name, value in self.as_json().items() if not name.startswith("recipient_") or name in _TERMS}
        return cases.digest(terms)


_TERMS = frozenset({"recipient_class", "recipient_key"})


def read(snapshot: Mapping[str, Any]) -> Order:
    """The order from its stored JSON object."""
    values = dict(snapshot)
    for name in ("period_from", "period_to", "term_from", "term_to"):
        values[name] = date.fromisoformat(values[name])
    values["recipient_class"] = RecipientClass(values["recipient_class"])
    values["delivery_form"] = DeliveryForm(values["delivery_form"])
    values["approved_items"] = frozenset(values["approved_items"])
    return Order(**values)
