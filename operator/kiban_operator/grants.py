"""役割の付与 (grants): proposed by one administrator, confirmed by another, revoked by any; nobody grants to themself (Reg 6(i), P4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import cases, machine, people, roles
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds
from kiban_operator.machine import NEW, rows
from kiban_operator.people import GRANTED, Grant, Organisation, OrganisationKind, Person
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_22, REG_6_I

SELF_GRANT = Ground(
    "self-grant",
    Family.PERMISSION,
    REG_6_I,
    Text("自らに役割を付与することはできません。", "Nobody grants a role to themself."),
    Text("ほかのシステム管理者が行ってください。", "Another administrator has to do it."),
)
SAME_ADMINISTRATOR = Ground(
    "same-administrator",
    Family.PERMISSION,
    REG_6_I,
    Text("起案した人が承認することはできません。", "Whoever proposed the role cannot confirm it."),
    Text("もう一人のシステム管理者が承認してください。", "A second administrator has to confirm."),
)
ROLE_UNFIT = Ground(
    "role-unfit",
    Family.INPUT,
    REG_6_I,
    Text(
        "役割「{role}」は、種別「{kind}」の組織の人には付与できません。",
        "The role {role} is not for people of an organisation of kind {kind}.",
    ),
    Text("役割または所属を確かめてください。", "Check the role and the person's organisation."),
)
ROLES_CLASH = Ground(
    "roles-clash",
    Family.PERMISSION,
    ACT_22,
    Text("役割「{role}」は、すでに持つ役割「{held}」と兼ねられません。", "The role {role} cannot be held together with {held}."),
    Text("別の人に付与するか、先に既存の役割を取り消してください。", "Give it to another person, or revoke the other role first."),
)
ALREADY_FOUNDED = Ground(
    "already-founded",
    Family.STATE,
    REG_6_I,
    Text("事業者はすでに登録されています。", "The operator is registered already."),
    Text("人の追加は登録済みのシステム管理者が行います。", "Its administrators add further people."),
)
TWO_ADMINISTRATORS = Ground(
    "two-administrators-needed",
    Family.INPUT,
    REG_6_I,
    Text("システム管理者は二人以上必要です。", "At least two administrators are needed."),
    Text("二人以上を指定してください。役割の付与は二人で行います。", "Name two or more; granting a role takes two of them."),
)

PROPOSED, REVOKED = "PROPOSED", "REVOKED"

GRANT = machine.Table(
    "grant",
    Text("役割の付与", "role grant"),
    {PROPOSED: Text("起案", "proposed"), GRANTED: Text("付与", "granted"), REVOKED: Text("取消し", "revoked")},
    {
        "propose": Text("起案", "propose"),
        "confirm": Text("承認", "confirm"),
        "reject": Text("却下", "reject"),
        "revoke": Text("取消し", "revoke"),
    },
    (
        *rows(NEW, "propose", Role.AD, PROPOSED, "not-self", "role-fits", entry="case.moved"),
        *rows(PROPOSED, "confirm", Role.AD, GRANTED, "not-self", "not-proposer", "role-fits", "roles-compatible", entry="role.granted"),
        *rows(PROPOSED, "reject", Role.AD, REVOKED, entry="case.moved"),
        *rows(GRANTED, "revoke", Role.AD, REVOKED, "not-self", entry="role.revoked"),
    ),
    frozenset({REVOKED}),
)


def fits(role: Role, kind: str) -> bool:
    """Whether people of an organisation of that kind may hold the role at all.

    >>> fits(Role.CK, "recipient"), fits(Role.CM, "recipient")
    (False, True)
    """
    if role is Role.SYS:
        return False
    if role in roles.RECIPIENT_SIDE:
        return kind == OrganisationKind.RECIPIENT
    return role not in roles.OPERATOR_SIDE or kind == OrganisationKind.OPERATOR


def clash(role: Role, held: frozenset[Role]) -> frozenset[Role]:
    """The held roles that cannot go with the new one."""
    others = held - {role}
    return others if role in roles.ALONE else others & roles.ALONE


def propose_role(session: Session, circumstances: Circumstances, person_id: str, role: Role) -> Grant:
    """One administrator proposes a role. Refuses: move-not-allowed, self-grant, role-unfit, unknown-person."""
    grant = Grant(id=circumstances.token("g"), state=NEW, version=0, person_id=person_id, role=role.value)
    step = people.begin(session, circumstances, GRANT, grant, "propose")
    _judge(step, session, grant)
    step.finish(change={"proposed_by": step.actor.id}, content={"person": person_id, "role": role.value})
    return grant


def confirm_role(session: Session, circumstances: Circumstances, grant_id: str) -> Grant:
    """A second administrator confirms; the role counts from now on.

    Refuses: move-not-allowed, self-grant, same-administrator, role-unfit, roles-clash.
    """
    return _carry_out(session, circumstances, grant_id, "confirm")


def reject_role(session: Session, circumstances: Circumstances, grant_id: str) -> Grant:
    """A proposal is dropped. Refuses: move-not-allowed."""
    return _carry_out(session, circumstances, grant_id, "reject")


def revoke_role(session: Session, circumstances: Circumstances, grant_id: str) -> Grant:
    """The role ends at once, also for cases under way. Refuses: move-not-allowed, self-grant."""
    return _carry_out(session, circumstances, grant_id, "revoke")


def _carry_out(session: Session, circumstances: Circumstances, grant_id: str, command: str) -> Grant:
    grant = cases.load(session, Grant, GRANT, grant_id)
    step = people.begin(session, circumstances, GRANT, grant, command)
    _judge(step, session, grant)
    about = f"person/{grant.person_id}"
    step.finish(content={"person": grant.person_id, "role": grant.role}, facts={"person": grant.person_id, "role": grant.role}, about=about)
    return grant


def _judge(step: cases.Step, session: Session, grant: Grant) -> None:
    step.judge("not-self", step.actor.id != grant.person_id, SELF_GRANT)
    step.judge("not-proposer", step.actor.id != grant.proposed_by, SAME_ADMINISTRATOR)
    of = people.organisation(session, people.person(session, grant.person_id).organisation_id)
    role = Role(grant.role)
    step.judge("role-fits", fits(role, of.kind), ROLE_UNFIT, role=role.value, kind=of.kind)
    clashing = clash(role, people.held(session, grant.person_id))
    step.judge("roles-compatible", not clashing, ROLES_CLASH, role=role.value, held="/".join(sorted(clashing)))


@dataclass(frozen=True)
class Founding:
    """設立: the operator's organisation and its first administrators."""

    operator: Organisation
    administrators: tuple[Person, ...]


def found(
    session: Session,
    circumstances: Circumstances,
    key_folder: Path,
    *,
    name: str,
    address: str,
    identifier: str,
    administrators: Sequence[str],
) -> Founding:
    """The operator comes into being with at least two administrators (their names), who are the only ones nobody else confirmed.

    Refuses: already-founded, two-administrators-needed, organisation-incomplete.
    """
    names = {each.strip() for each in administrators}
    if len(names) < 2 or "" in names:
        raise TWO_ADMINISTRATORS.refuse()
    if session.scalar(sa.select(Organisation.id).where(Organisation.kind == OrganisationKind.OPERATOR).limit(1)) is not None:
        raise ALREADY_FOUNDED.refuse()
    system = circumstances.acting(roles.SYSTEM.id)
    operator = people.enter(session, system, OrganisationKind.OPERATOR, name, address, identifier, None)
    operator.verified_by, operator.verified_at = roles.SYSTEM.id, circumstances.now()
    admitted = tuple(people.admit(session, system, key_folder, each, operator, None) for each in administrators)
    for person in admitted:
        session.add(
            Grant(
                id=circumstances.token("g"),
                state=GRANTED,
                version=1,
                person_id=person.id,
                role=Role.AD.value,
                proposed_by=roles.SYSTEM.id,
            )
        )
        book.append(session, system, kinds.ROLE_GRANTED, f"person/{person.id}", {"person": person.id, "role": Role.AD.value})
    session.flush()
    return Founding(operator, admitted)
