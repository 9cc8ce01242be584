"""利用申請者 (applicants): organisations that apply and receive, and their people, entered and verified by two different offices.

The administrator enters, the secretariat verifies (Reg 5(xi): the same way for every applicant). Only a verified recipient can apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from kiban_operator import people
from kiban_operator.circumstances import Circumstances
from kiban_operator.people import Organisation, OrganisationKind, Person


@dataclass(frozen=True)
class Applicant:
    """利用申請者の組織: what Reg 12 asks of a user, and the age public key that opens packages sent to it."""

    name: str
    address: str
    identifier: str
    age_recipient: str


def register(session: Session, circumstances: Circumstances, applicant: Applicant) -> Organisation:
    """Enter a recipient organisation, not yet verified. Refuses: act-not-allowed, organisation-incomplete, recipient-key-invalid."""
    return people.register_organisation(
        session,
        circumstances,
        kind=OrganisationKind.RECIPIENT,
        name=applicant.name,
        address=applicant.address,
        identifier=applicant.identifier,
        age_recipient=applicant.age_recipient,
    )


def verify(session: Session, circumstances: Circumstances, organisation_id: str, evidence: str) -> Organisation:
    """The secretariat has seen proof that the organisation is what it says; `evidence`: digest of the document.

    Refuses: act-not-allowed, unknown-organisation, own-case.
    """
    return people.verify_organisation(session, circumstances, organisation_id, evidence)


def register_person(
    session: Session, circumstances: Circumstances, key_folder: Path, organisation_id: str, name: str, email: str | None = None
) -> Person:
    """Enter a person of an applicant; roles are granted afterwards by two administrators. Refuses: act-not-allowed, unknown-organisation."""
    return people.register_person(session, circumstances, key_folder, name=name, organisation_id=organisation_id, email=email)
