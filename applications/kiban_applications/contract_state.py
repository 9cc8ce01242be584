"""利用契約の状態 (contract state): the state table of a contract, its row, and why a step may be refused (Reg 6(v)).

A contract binds at least what the committee and the law ask, for no longer and to no more people than approved. Compliance must read
every change of the table.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kiban_operator import cases, machine
from kiban_operator.database import Base
from kiban_operator.machine import NEW, rows
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20, REG_5_VII, REG_6_V

NEGOTIATING, AGREED, SIGNED_RECIPIENT, EXECUTED = "NEGOTIATING", "AGREED", "SIGNED_RECIPIENT", "EXECUTED"
ACTIVE, SUSPENDED, ENDED, TERMINATED = "ACTIVE", "SUSPENDED", "ENDED", "TERMINATED"

NOT_APPROVED = Ground(
    "application-not-approved",
    Family.STATE,
    REG_5_VII,
    Text("申請は承認されていません。", "The application is not approved."),
    Text("審査委員会の承認を得てから契約してください。", "Conclude a contract only after the committee's approval."),
)
CONTRACT_EXISTS = Ground(
    "contract-exists",
    Family.STATE,
    REG_6_V,
    Text("この申請にはすでに契約があります。", "There is a contract for this application already."),
    Text("既存の契約を用いてください。", "Use the existing contract."),
)
NOTHING_PROPOSED = Ground(
    "nothing-proposed",
    Family.STATE,
    REG_6_V,
    Text("契約案がまだ提示されていません。", "No terms have been proposed yet."),
    Text("契約担当者の提示を待ってください。", "Wait for the contract officer's proposal."),
)
TERMS_DIFFER = Ground(
    "terms-differ",
    Family.INTEGRITY,
    REG_6_V,
    Text("確認した契約案と、現在の契約案が一致しません。", "The terms you read are not the terms proposed now."),
    Text("現在の契約案を確認してください。", "Read the present proposal."),
)
TERM_TOO_LONG = Ground(
    "term-beyond-approval",
    Family.LAW,
    REG_6_V,
    Text("契約の期間が、承認された期間を超えています。", "The contract's term goes beyond the approved term."),
    Text("承認された期間内に改めてください。", "Keep it within the approved term."),
)
CUSTODIANS_BEYOND = Ground(
    "custodians-beyond-approval",
    Family.LAW,
    REG_6_V,
    Text("承認されていない取扱者又は利用場所が含まれています。", "A custodian or place of use was not approved."),
    Text("承認された取扱者と場所だけにしてください。", "Name approved custodians and places only."),
)
DRAFTER_SIGNS = Ground(
    "drafter-signs",
    Family.PERMISSION,
    REG_6_V,
    Text(
        "契約案を作成した契約担当者が、事業者として署名することはできません。",
        "The contract officer who drafted the terms does not sign for the operator.",
    ),
    Text("別の人が署名してください。", "Another person has to sign."),
)
TERM_NOT_NOW = Ground(
    "outside-term",
    Family.STATE,
    REG_6_V,
    Text("本日は契約期間（{term_from}〜{term_to}）の外です。", "Today is outside the contract's term, {term_from} to {term_to}."),
    Text("契約期間を確かめてください。", "Check the contract's term."),
)
RECIPIENT_KEY_MISSING = Ground(
    "recipient-key-missing",
    Family.STATE,
    REG_6_V,
    Text("提供先の公開鍵（age）が登録されていません。", "The recipient has no age public key registered."),
    Text("組織の登録で公開鍵を登録してください。", "Register the key with the organisation."),
)
NOT_ACTIVE = Ground(
    "use-contract-not-active",
    Family.STATE,
    REG_6_V,
    Text("{aggregate}は状態「{state}」であり、有効ではありません。", "{aggregate} is in state {state}, not in force."),
    Text("有効な契約でなければ作成も提供もできません。", "Nothing is made or provided without a contract in force."),
)
COPIES_UNACCOUNTED = Ground(
    "copies-unaccounted",
    Family.LAW,
    ACT_20,
    Text("消去が確認されていない提供物が{count}件あります。", "{count} releases are not confirmed as destroyed."),
    Text("消去の確認を終えてから契約を終了してください。", "Confirm their destruction, then end the contract."),
)
LAPSE_EARLY = Ground(
    "lapse-early",
    Family.STATE,
    REG_5_VII,
    Text("承認から{days}日が過ぎていません。", "{days} days have not passed since the approval."),
    Text("期間の経過を待ってください。", "Wait until they have."),
)

_TERMS = ("conditions-sufficient", "term-within-approval", "custodians-approved")

CONTRACT = machine.Table(
    "contract",
    Text("利用契約", "contract"),
    {
        NEGOTIATING: Text("協議中", "negotiating"),
        AGREED: Text("合意", "agreed"),
        SIGNED_RECIPIENT: Text("利用者署名済み", "signed by the recipient"),
        EXECUTED: Text("締結", "executed"),
        ACTIVE: Text("有効", "in force"),
        SUSPENDED: Text("停止", "suspended"),
        ENDED: Text("終了", "ended"),
        TERMINATED: Text("解除", "terminated"),
    },
    {
        "open": Text("協議の開始", "open"),
        "propose": Text("契約案の提示", "propose terms"),
        "object": Text("異議", "object"),
        "agree": Text("合意", "agree"),
        "sign": Text("利用者の署名", "sign for the recipient"),
        "execute": Text("事業者の署名", "sign for the operator"),
        "activate": Text("発効", "put in force"),
        "suspend": Text("停止", "suspend"),
        "resume": Text("再開", "resume"),
        "end": Text("終了", "end"),
        "terminate": Text("解除", "terminate"),
    },
    (
        *rows(NEW, "open", Role.CO, NEGOTIATING, "outside-organisation", "application-approved", "no-contract", entry="case.moved"),
        *rows((NEGOTIATING, AGREED), "propose", Role.CO, NEGOTIATING, "outside-organisation", *_TERMS, entry="case.moved"),
        *rows((NEGOTIATING, AGREED), "object", Role.AP, NEGOTIATING, "own-organisation", "reason-given", entry="case.moved"),
        *rows(
            NEGOTIATING, "agree", Role.AP, AGREED, "own-organisation", "terms-proposed", "same-terms", *_TERMS, entry="conditions.agreed"
        ),
        *rows(AGREED, "sign", Role.AS, SIGNED_RECIPIENT, "own-organisation", "same-terms", "signature-valid", entry="case.moved"),
        *rows(
            SIGNED_RECIPIENT,
            "execute",
            Role.CO,
            EXECUTED,
            "outside-organisation",
            "signatory-is-not-drafter",
            "application-approved",
            "same-terms",
            "signature-valid",
            *_TERMS,
            entry="contract.executed",
        ),
        *rows(EXECUTED, "activate", Role.CO, ACTIVE, "outside-organisation", "term-now", "recipient-key", entry="case.moved"),
        *rows(EXECUTED, "activate", Role.SYS, ACTIVE, "term-now", "recipient-key", entry="case.moved"),
        *rows((EXECUTED, ACTIVE), "suspend", Role.SO, SUSPENDED, "outside-organisation", "reason-given", entry="contract.suspended"),
        *rows(SUSPENDED, "resume", Role.SO, ACTIVE, "outside-organisation", "term-now", "recipient-key", entry="contract.resumed"),
        *rows(
            (NEGOTIATING, AGREED, SIGNED_RECIPIENT),  # no contract yet, so the ledger has none to end
            "terminate",
            Role.CO,
            TERMINATED,
            "outside-organisation",
            "reason-given",
            entry="case.moved",
        ),
        *rows(
            (EXECUTED, ACTIVE, SUSPENDED),
            "terminate",
            Role.CO,
            TERMINATED,
            "outside-organisation",
            "reason-given",
            entry="contract.ended",
        ),
        *rows((ACTIVE, SUSPENDED), "end", Role.CO, ENDED, "outside-organisation", "copies-accounted", entry="contract.ended"),
    ),
    frozenset({ENDED, TERMINATED}),
)


class Contract(cases.Case, Base):
    """利用契約: `terms` is the digest of everything agreed (conditions, term, custodians); both sides sign that digest."""

    __tablename__ = "contracts"
    application_id: Mapped[str] = mapped_column(sa.ForeignKey("applications.id"), unique=True)
    organisation_id: Mapped[str] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    conditions: Mapped[str | None] = mapped_column(sa.String(71))
    term_from: Mapped[date | None] = mapped_column(sa.Date)
    term_to: Mapped[date | None] = mapped_column(sa.Date)
    custodians: Mapped[list[dict[str, str]] | None] = mapped_column(sa.JSON)
    terms: Mapped[str | None] = mapped_column(sa.String(71))
    drafter: Mapped[str | None] = mapped_column(sa.String(40))
    signatory_recipient: Mapped[str | None] = mapped_column(sa.String(40))
    signatory_operator: Mapped[str | None] = mapped_column(sa.String(40))
