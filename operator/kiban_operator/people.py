"""人と組織 (people): organisations and natural persons, their approval keys, and who acts now with which roles (Reg 6(i)).

Personal data live here and never in the ledger: an entry names a person by ID and seals a recipient's name and address.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyrage
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import cases, keys, machine, roles
from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds, statements
from kiban_operator.roles import Act, Actor, Role
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21, ACT_22, REG_6_I, REG_12

UNKNOWN_PERSON = Ground(
    "unknown-person",
    Family.PERMISSION,
    REG_6_I,
    Text("「{person}」という人は登録されていないか、すでに離れています。", "No person “{person}” is registered, or they have left."),
    Text("登録済みの人の番号を指定してください。", "Name a registered person by ID."),
)
UNKNOWN_ORGANISATION = Ground(
    "unknown-organisation",
    Family.INPUT,
    REG_6_I,
    Text("「{organisation}」という組織は登録されていません。", "No organisation “{organisation}” is registered."),
    Text("先に組織を登録してください。", "Register the organisation first."),
)
ACT_NOT_ALLOWED = Ground(
    "act-not-allowed",
    Family.PERMISSION,
    REG_6_I,
    Text("「{person}」の役割では「{act}」を行えません。", "The roles of {person} do not cover “{act}”."),
    Text("次の役割を持つ人に依頼してください: {roles}", "Ask a person who holds one of: {roles}"),
)
ORGANISATION_INCOMPLETE = Ground(
    "organisation-incomplete",
    Family.INPUT,
    REG_12,
    Text("組織の「{field}」が空です。", "The organisation's {field} is empty."),
    Text("帳簿の記載事項です。記入してください。", "The ledger needs it; fill it in."),
)
PERSON_UNNAMED = Ground(
    "person-unnamed",
    Family.INPUT,
    ACT_22,
    Text("人の氏名が空です。", "The person's name is empty."),
    Text("氏名を記入してください。", "Fill in the name."),
)
RECIPIENT_KEY_INVALID = Ground(
    "recipient-key-invalid",
    Family.INPUT,
    ACT_21,
    Text("提供先の公開鍵が age の X25519 公開鍵ではありません。", "The recipient's key is not an age X25519 public key."),
    Text("「age1…」で始まる公開鍵を受け取り直してください。", "Ask the recipient for the key that begins with “age1…”."),
)
APPROVAL_KEY_MISSING = Ground(
    "approval-key-missing",
    Family.INTEGRITY,
    ACT_22,
    Text("「{person}」の承認鍵がこの場所にありません。", "The approval key of {person} is not here."),
    Text("本人の鍵ファイルを指定してください。", "Name the person's own key file."),
)


class OrganisationKind(StrEnum):
    """組織の種別."""

    OPERATOR = "operator"
    RECIPIENT = "recipient"
    HOSPITAL = "hospital"
    OTHER = "other"


class Organisation(Base):
    """組織. Name, address and identifier are what Reg 12 asks of a user; `age_recipient` opens packages sent to it."""

    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    name: Mapped[str] = mapped_column(sa.String(200))
    address: Mapped[str] = mapped_column(sa.String(400))
    identifier: Mapped[str] = mapped_column(sa.String(100))
    age_recipient: Mapped[str | None] = mapped_column(sa.String(100))
    registered_at: Mapped[datetime] = mapped_column(Moment)
    verified_by: Mapped[str | None] = mapped_column(sa.String(40))
    verified_at: Mapped[datetime | None] = mapped_column(Moment)
    evidence: Mapped[str | None] = mapped_column(sa.String(71))
    __table_args__ = (sa.CheckConstraint("(verified_by IS NULL) = (verified_at IS NULL)", name="verified_who_and_when"),)


class Person(Base):
    """自然人. `approval_key` is the public half, 32 bytes; the private half lies in the person's own key file."""

    __tablename__ = "persons_registered"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(200))
    organisation_id: Mapped[str] = mapped_column(sa.ForeignKey("organisations.id"))
    approval_key: Mapped[bytes] = mapped_column(sa.LargeBinary)
    registered_at: Mapped[datetime] = mapped_column(Moment)
    left_at: Mapped[datetime | None] = mapped_column(Moment)


class Grant(cases.Case, Base):
    """役割の付与: proposed by one administrator, confirmed by another (P4); counts while its state is GRANTED."""

    __tablename__ = "role_grants"
    person_id: Mapped[str] = mapped_column(sa.ForeignKey("persons_registered.id"), index=True)
    role: Mapped[str] = mapped_column(sa.String(4))
    proposed_by: Mapped[str] = mapped_column(sa.String(40))


GRANTED = "GRANTED"


def person(session: Session, person_id: str) -> Person:
    """The person under that ID, if registered and not left. Refuses: unknown-person."""
    found = session.get(Person, person_id)
    if found is None or found.left_at is not None:
        raise UNKNOWN_PERSON.refuse(person=person_id)
    return found


def organisation(session: Session, organisation_id: str) -> Organisation:
    """Refuses: unknown-organisation."""
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise UNKNOWN_ORGANISATION.refuse(organisation=organisation_id)
    return found


def held(session: Session, person_id: str) -> frozenset[Role]:
    """The roles a person holds now; read anew at each step, so that a revoked role bites at once."""
    rows = session.scalars(sa.select(Grant.role).where(Grant.person_id == person_id, Grant.state == GRANTED))
    return frozenset(Role(row) for row in rows)


def actor(session: Session, person_id: str) -> Actor:
    """Person, organisation and present roles of one who acts. Refuses: unknown-person."""
    if person_id == roles.SYSTEM.id:
        return roles.SYSTEM
    found = person(session, person_id)
    return Actor(found.id, found.organisation_id, held(session, person_id))


def require(session: Session, circumstances: Circumstances, act: Act) -> Actor:
    """The acting person, if a role of theirs covers the act. Refuses: unknown-person, act-not-allowed."""
    acting = actor(session, circumstances.actor)
    if not roles.may(act, acting.roles):
        raise ACT_NOT_ALLOWED.refuse(person=acting.id, act=act.value, roles="/".join(sorted(roles.MAY[act])))
    return acting


def begin(
    session: Session, circumstances: Circumstances, table: machine.Table, case: Any, command: str, version: int | None = None
) -> cases.Step:
    """A step of a case by the acting person, permission checked. Refuses: unknown-person, move-not-allowed, case-changed."""
    return cases.begin(session, circumstances, actor(session, circumstances.actor), table, case, command, version)


def register_organisation(
    session: Session,
    circumstances: Circumstances,
    *,
    kind: OrganisationKind,
    name: str,
    address: str,
    identifier: str,
    age_recipient: str | None = None,
) -> Organisation:
    """Enter an organisation, not yet verified. Refuses: act-not-allowed, organisation-incomplete, recipient-key-invalid."""
    require(session, circumstances, Act.REGISTER_ORGANISATION)
    return enter(session, circumstances, kind, name, address, identifier, age_recipient)


def verify_organisation(session: Session, circumstances: Circumstances, organisation_id: str, evidence: str) -> Organisation:
    """The secretariat confirms that the organisation is what it says; `evidence` is the digest of the document seen.

    Refuses: act-not-allowed, unknown-organisation, own-case.
    """
    acting = require(session, circumstances, Act.VERIFY_ORGANISATION)
    found = organisation(session, organisation_id)
    if acting.organisation == found.id:
        raise cases.OWN_CASE.refuse(aggregate=f"organisation/{found.id}")
    found.verified_by, found.verified_at, found.evidence = acting.id, circumstances.now(), evidence
    session.flush()
    return found


def register_person(
    session: Session, circumstances: Circumstances, key_folder: Path, *, name: str, organisation_id: str, email: str | None = None
) -> Person:
    """Enter a person without any role and make their approval key, whose private half goes to `key_folder/<id>.key` only.

    Refuses: act-not-allowed, unknown-organisation.
    """
    require(session, circumstances, Act.REGISTER_PERSON)
    return admit(session, circumstances, key_folder, name, organisation(session, organisation_id), email)


def private_key(key_folder: Path, person_id: str) -> bytes:
    """The approval key (Ed25519 seed, 32 bytes) of a person from their key file. Refuses: approval-key-missing."""
    path = key_folder / f"{person_id}.key"
    if not path.is_file():
        raise APPROVAL_KEY_MISSING.refuse(person=person_id)
    return path.read_bytes()


def enter(
    session: Session, circumstances: Circumstances, kind: OrganisationKind, name: str, address: str, identifier: str, age: str | None
) -> Organisation:
    """The row of an organisation, without asking who enters it. Refuses: organisation-incomplete, recipient-key-invalid."""
    for field, value in (("name", name), ("address", address), ("identifier", identifier)):
        if not value.strip():
            raise ORGANISATION_INCOMPLETE.refuse(field=field)
    if age is not None:
        try:
            pyrage.x25519.Recipient.from_str(age)
        except pyrage.RecipientError as error:
            raise RECIPIENT_KEY_INVALID.refuse() from error
    entered = Organisation(
        id=circumstances.token("o"),
        kind=kind.value,
        name=name,
        address=address,
        identifier=identifier,
        age_recipient=age,
        registered_at=circumstances.now(),
    )
    session.add(entered)
    session.flush()
    return entered


def admit(session: Session, circumstances: Circumstances, key_folder: Path, name: str, of: Organisation, email: str | None) -> Person:
    """The row and key of a person, without asking who admits them. Refuses: person-unnamed."""
    if not name.strip():
        raise PERSON_UNNAMED.refuse()
    secret = circumstances.entropy(32)
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    admitted = Person(
        id=circumstances.token("p"),
        name=name,
        email=email,
        organisation_id=of.id,
        approval_key=public,
        registered_at=circumstances.now(),
    )
    session.add(admitted)
    session.flush()
    facts = {"person": admitted.id, "key": statements.public_key_text(public), "role": of.kind}
    book.append(session, circumstances, kinds.KEY_REGISTERED, f"person/{admitted.id}", facts)
    keys.write_private(key_folder / f"{admitted.id}.key", secret)
    return admitted
