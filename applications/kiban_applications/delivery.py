"""提供 (delivery): a committed release is handed over by a fourth person, entered in the ledger with Reg 12's items, and receipted.

The delivery officer is neither preparer nor approver (P2). Nothing is handed over unless the contract is in force at that moment and the
package on disk is, byte for byte, the one that was approved. The receipt is signed by a named custodian of the recipient.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_applications import contract_state, contracts
from kiban_applications.contract_state import CONTRACT, Contract
from kiban_operator import approvals, cases, declarations, people, release_state
from kiban_operator.approvals import LATE_STOP, ORDER_CHANGED, PREPARER_APPROVES
from kiban_operator.circumstances import Circumstances
from kiban_operator.declarations import Purpose
from kiban_operator.release_state import RELEASE, Release
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_6_V, REG_12

APPROVER_DELIVERS = Ground(
    "approver-delivers",
    Family.PERMISSION,
    REG_6_V,
    Text("{aggregate}を承認した人が提供を行うことはできません。", "Whoever approved {aggregate} does not deliver it."),
    Text("別の提供担当者が行ってください。", "Another delivery officer has to do it."),
)
PACKAGE_ALTERED = Ground(
    "package-not-as-approved",
    Family.INTEGRITY,
    REG_6_V,
    Text(
        "{aggregate}の提供物が見つからないか、承認されたものと異なります。",
        "The package of {aggregate} is missing or not the approved one.",
    ),
    Text("提供せず、安全管理責任者に知らせ、作成をやり直してください。", "Do not deliver; tell the security officer and produce it again."),
)
NOT_CUSTODIAN = Ground(
    "not-custodian",
    Family.PERMISSION,
    REG_12,
    Text("契約で定めた取扱者ではありません。", "You are not a custodian named in the contract."),
    Text("契約の取扱者が受領を確認してください。", "A custodian named in the contract confirms the receipt."),
)
MANIFEST_NOT_RECEIVED = Ground(
    "manifest-not-received",
    Family.INTEGRITY,
    REG_12,
    Text("受け取った目録が、提供した{aggregate}の目録と一致しません。", "The manifest received is not that of the {aggregate} delivered."),
    Text("受領を確認せず、事業者に連絡してください。", "Do not confirm; contact the operator."),
)

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """提供の一件, as the register of recipients (提供先台帳) lists it."""

    release: str
    contract: str
    recipient: str
    state: str
    provided_on: str
    received_on: str | None


def deliver(
    session: Session,
    circumstances: Circumstances,
    release_id: str,
    *,
    late_stops: int,
    folder: Path = Path(),
    means: str = "encrypted-file",
) -> Path:
    """Hand the package over: returns its path, and books recipient, date and items (Reg 12(1)(i)).

    `late_stops`: persons of this release who asked to stop since it was judged, read now; `folder`: what the
    package's path is relative to (the home); `means`: how it travels.

    Refuses: move-not-allowed, own-case, preparer-approves, approver-delivers, use-contract-not-active, outside-term, order-changed,
    order-expired, late-stop, package-not-as-approved.
    """
    release = release_state.load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "deliver")
    step.judge_organisation(release.recipient_id)
    step.judge("not-preparer", step.actor.id != release.preparer, PREPARER_APPROVES)
    step.judge("not-approver", step.actor.id not in approvals.approvers_ever(session, release), APPROVER_DELIVERS)
    today = circumstances.today()
    order = contracts.order(session, release.contract_id, today)
    step.judge("contract-active", True, contract_state.NOT_ACTIVE)  # `order` has refused otherwise, and holds the contract
    step.judge("order-unchanged", order.digest == release.order_digest, ORDER_CHANGED)
    release_state.judge_term(step, order, today)
    step.judge("no-late-stop", late_stops == 0, LATE_STOP, count=late_stops)
    package = folder / str(release.package_path)
    step.judge("package-intact", digest_of(package) == release.package_digest, PACKAGE_ALTERED)
    step.finish(
        change={"delivered_on": today, "delivered_by": step.actor.id},
        content={"package": release.package_digest, "means": means},
        facts={
            "contract": release.contract_id,
            "application": release.application_id,
            "manifest": release.manifest_digest,
            "package": release.package_digest,
            "provided_on": today.isoformat(),
            "items": sorted(order.approved_items),
            "means": means,
            "bytes": package.stat().st_size,
        },
        sealed={
            "recipient_name": order.recipient_name,
            "recipient_address": order.recipient_address,
            "recipient_identifier": order.recipient_identifier,
        },
    )
    return package


def receipt(session: Session, circumstances: Circumstances, release_id: str, manifest: str, private_key: bytes) -> Release:
    """A custodian confirms, signed with their own key, that what arrived has this manifest. Custodians of a suspended contract may do so too.

    Refuses: move-not-allowed, own-organisation-only, not-custodian, manifest-not-received, signature-invalid.
    """
    release = release_state.load(session, release_id)
    step = people.begin(session, circumstances, RELEASE, release, "receipt")
    step.judge_organisation(release.recipient_id)
    contract = cases.load(session, Contract, CONTRACT, release.contract_id)
    named = {each.person for each in contracts.terms_of(session, contract).custodians}
    step.judge("is-custodian", step.actor.id in named, NOT_CUSTODIAN)
    if manifest != release.manifest_digest:
        raise MANIFEST_NOT_RECEIVED.refuse(aggregate=step.aggregate)
    person = people.person(session, step.actor.id)
    at: datetime = circumstances.now()
    value = declarations.declaration(Purpose.RECEIPT, step.aggregate, manifest, person.id, at)
    signature = declarations.signed(private_key, person.approval_key, value)
    step.judge("signature-valid", True, declarations.SIGNATURE_INVALID)  # `signed` has refused otherwise
    today = circumstances.today()
    step.finish(
        change={"received_on": today, "received_by": person.id},
        content={"declaration": value, "signature": signature},
        facts={
            "manifest": manifest,
            "received_on": today.isoformat(),
            "package": release.package_digest,
            "receipt": cases.digest(value),
            "signature": signature,
            "key": declarations.key_text(person.approval_key),
        },
    )
    return release


def register(session: Session) -> tuple[Delivery, ...]:
    """提供先台帳: who received what, in the order of delivery; a release recalled later stays in it."""
    query = sa.select(Release).where(Release.delivered_on.is_not(None)).order_by(Release.delivered_on, Release.id)
    return tuple(
        Delivery(
            each.id,
            each.contract_id,
            each.recipient_id,
            each.state,
            str(each.delivered_on),
            each.received_on.isoformat() if each.received_on else None,
        )
        for each in session.scalars(query)
    )


def digest_of(package: Path) -> str | None:
    """`sha256:` and the digest of the file, read in blocks; None if there is no such file."""
    if not package.is_file():
        return None
    state = hashlib.sha256()
    with package.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return f"sha256:{state.hexdigest()}"
