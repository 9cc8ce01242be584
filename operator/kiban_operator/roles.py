"""役割 (roles): who may do what, by role; persons hold roles, and what a role may do to a case stands in the state tables.

Compliance must read every change of this file. Source: Act Art. 22, Reg 6(i)(ii) (authority of each handler is fixed beforehand).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kiban_processing.language import Text


class Role(StrEnum):
    """役割. The code is what is stored and booked; it never changes."""

    AP = "AP"
    AS = "AS"
    CU = "CU"
    SE = "SE"
    CM = "CM"
    CH = "CH"
    CO = "CO"
    PR = "PR"
    CK = "CK"
    DL = "DL"
    SO = "SO"
    OD = "OD"
    HL = "HL"
    AU = "AU"
    AD = "AD"
    SYS = "SYS"


ROLE_NAMES: dict[Role, Text] = {
    Role.AP: Text("申請者", "applicant"),
    Role.AS: Text("申請者の契約締結権者", "applicant's signatory"),
    Role.CU: Text("取扱者", "recipient's custodian"),
    Role.SE: Text("事務局", "secretariat"),
    Role.CM: Text("審査委員", "committee member"),
    Role.CH: Text("審査委員長", "committee chair"),
    Role.CO: Text("契約担当者", "contract officer"),
    Role.PR: Text("作成担当者", "producer"),
    Role.CK: Text("承認者", "checker"),
    Role.DL: Text("提供担当者", "delivery officer"),
    Role.SO: Text("安全管理責任者", "security officer"),
    Role.OD: Text("相談窓口", "opt-out desk"),
    Role.HL: Text("医療機関担当者", "hospital liaison"),
    Role.AU: Text("監査人", "auditor"),
    Role.AD: Text("システム管理者", "system administrator"),
    Role.SYS: Text("システム", "system timer"),
}

RECIPIENT_SIDE = frozenset({Role.AP, Role.AS, Role.CU})
"""Held only by people of a recipient (利用者)."""

OPERATOR_SIDE = frozenset({Role.SE, Role.CO, Role.PR, Role.CK, Role.DL, Role.SO, Role.OD, Role.HL, Role.AD})
"""Held only by people of the accredited operator (操作従業者)."""

ALONE = frozenset({Role.AD, Role.AU})
"""Held together with no other role: an administrator sees no case data, an auditor changes nothing."""


class Act(StrEnum):
    """行為: what is done outside the state tables, and so needs its own answer per role."""

    REGISTER_ORGANISATION = "register-organisation"
    VERIFY_ORGANISATION = "verify-organisation"
    REGISTER_PERSON = "register-person"
    PROPOSE_ROLE = "propose-role"
    CONFIRM_ROLE = "confirm-role"
    REVOKE_ROLE = "revoke-role"
    MANAGE_HOSPITAL = "manage-hospital"
    RECEIVE_SUBMISSION = "receive-submission"
    REGISTER_NOTICE = "register-notice"
    TAKE_STOP = "take-stop"
    LOAD_MASTER = "load-master"
    LINK_PERSONS = "link-persons"
    LOOK_AT_DOUBT = "look-at-doubt"
    READ_IDENTITY = "read-identity"
    WRITE_PLAN = "write-plan"
    APPROVE_PLAN = "approve-plan"
    ORDER_ERASURE = "order-erasure"
    ERASE = "erase"
    PROVE_ERASURE = "prove-erasure"
    READ_ERASURES = "read-erasures"
    READ_LEDGER = "read-ledger"
    SIGN_CHECKPOINT = "sign-checkpoint"


ACT_NAMES: dict[Act, Text] = {
    Act.REGISTER_ORGANISATION: Text("組織の登録", "register an organisation"),
    Act.VERIFY_ORGANISATION: Text("組織の確認", "verify an organisation"),
    Act.REGISTER_PERSON: Text("人の登録", "register a person"),
    Act.PROPOSE_ROLE: Text("役割付与の起案", "propose a role"),
    Act.CONFIRM_ROLE: Text("役割付与の承認", "confirm a role"),
    Act.REVOKE_ROLE: Text("役割の取消し", "revoke a role"),
    Act.MANAGE_HOSPITAL: Text("医療情報取扱事業者の管理", "manage a hospital"),
    Act.RECEIVE_SUBMISSION: Text("医療情報の受領", "receive a submission"),
    Act.REGISTER_NOTICE: Text("通知の登録", "register notices"),
    Act.TAKE_STOP: Text("提供停止の求めの受付", "take a request to stop"),
    Act.LOAD_MASTER: Text("コードマスターの取込み", "load a code master"),
    Act.LINK_PERSONS: Text("名寄せ", "link persons"),
    Act.LOOK_AT_DOUBT: Text("疑わしい組の閲覧", "look at a doubt"),
    Act.READ_IDENTITY: Text("本人の異動の閲覧", "read a person's history"),
    Act.WRITE_PLAN: Text("加工計画の作成", "write a processing plan"),
    Act.APPROVE_PLAN: Text("加工計画の承認", "approve a processing plan"),
    Act.ORDER_ERASURE: Text("消去の起案・試算", "order an erasure and see what it takes"),
    Act.ERASE: Text("消去", "erase"),
    Act.PROVE_ERASURE: Text("不在の証明", "prove that nothing is left"),
    Act.READ_ERASURES: Text("消去の指示の閲覧", "read orders of erasure"),
    Act.READ_LEDGER: Text("帳簿の閲覧・書き出し", "read and export the ledger"),
    Act.SIGN_CHECKPOINT: Text("帳簿の署名", "sign a checkpoint"),
}

MAY: dict[Act, frozenset[Role]] = {
    Act.REGISTER_ORGANISATION: frozenset({Role.AD}),
    Act.VERIFY_ORGANISATION: frozenset({Role.SE}),
    Act.REGISTER_PERSON: frozenset({Role.AD}),
    Act.PROPOSE_ROLE: frozenset({Role.AD}),
    Act.CONFIRM_ROLE: frozenset({Role.AD}),
    Act.REVOKE_ROLE: frozenset({Role.AD}),
    Act.MANAGE_HOSPITAL: frozenset({Role.HL}),
    Act.RECEIVE_SUBMISSION: frozenset({Role.HL, Role.PR}),
    Act.REGISTER_NOTICE: frozenset({Role.HL}),
    Act.TAKE_STOP: frozenset({Role.OD, Role.HL}),
    Act.LOAD_MASTER: frozenset({Role.HL, Role.PR}),
    Act.LINK_PERSONS: frozenset({Role.PR}),
    Act.LOOK_AT_DOUBT: frozenset({Role.PR}),
    Act.READ_IDENTITY: frozenset({Role.AU, Role.PR, Role.SO}),
    Act.WRITE_PLAN: frozenset({Role.PR}),
    Act.APPROVE_PLAN: frozenset({Role.CK}),
    Act.ORDER_ERASURE: frozenset({Role.OD, Role.HL, Role.SO}),
    Act.ERASE: frozenset({Role.SO}),
    Act.PROVE_ERASURE: frozenset({Role.SO, Role.AU}),
    Act.READ_ERASURES: frozenset({Role.OD, Role.HL, Role.SO, Role.AU}),
    Act.READ_LEDGER: frozenset({Role.AU, Role.SE, Role.SO}),
    Act.SIGN_CHECKPOINT: frozenset({Role.SO, Role.SYS}),
}


@dataclass(frozen=True)
class Actor:
    """行為者: the natural person who acts, the organisation they belong to (None for the system) and the roles they hold now."""

    id: str
    organisation: str | None
    roles: frozenset[Role]


SYSTEM = Actor("system", None, frozenset({Role.SYS}))
"""Timers and conductors act under this name; no door may let a person claim it."""


def may(act: Act, held: frozenset[Role]) -> bool:
    """Whether any of the roles held answers for the act; an act without a row is a bug and raises KeyError.

    >>> may(Act.ERASE, frozenset({Role.AD}))
    False
    """
    return bool(MAY[act] & held)
