"""Act 22: those who handle the information are supervised: every step names a person, is signed where it counts, and one person cannot do all."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiban_operator import cases, declarations, roles
from kiban_operator.declarations import Purpose
from kiban_operator.release_state import RELEASE
from kiban_operator.roles import Role
from kiban_processing.refusals import Refusal

AT = datetime(2026, 4, 1, tzinfo=UTC)


def seeds() -> tuple[bytes, bytes]:
    source = random.Random(22)
    return source.randbytes(32), source.randbytes(32)


def public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def test_a_declaration_is_signed_by_the_person_s_own_key() -> None:
    mine, other = seeds()
    value = declarations.declaration(Purpose.RECEIPT, "release/R-1", "sha256:" + "0" * 64, "p-1", AT)
    signature = declarations.signed(mine, public(mine), value)
    assert declarations.verify(public(mine), value, signature)
    assert not declarations.verify(public(other), value, signature)
    with pytest.raises(Refusal) as caught:
        declarations.signed(other, public(mine), value)
    assert caught.value.code == "signature-invalid"


@pytest.mark.parametrize("field", ["purpose", "about", "digest", "by", "at"])
def test_one_changed_field_voids_the_signature(field: str) -> None:
    mine, _ = seeds()
    value = declarations.declaration(Purpose.CONTRACT, "contract/K-1", "sha256:" + "0" * 64, "p-1", AT)
    signature = declarations.sign(mine, value)
    assert not declarations.verify(public(mine), {**value, field: "x"}, signature)
    assert not declarations.verify(public(mine), value, "ed25519:")


def test_preparing_approving_and_delivering_are_three_roles() -> None:
    by = {command: {step.role for step in RELEASE.transitions if step.command == command} for command in ("produce", "approve", "deliver")}
    assert by == {"produce": {Role.PR}, "approve": {Role.CK}, "deliver": {Role.DL}}


def test_who_and_when_are_required_of_every_step() -> None:
    columns = cases.Event.__table__.columns
    assert not columns["actor"].nullable and not columns["at"].nullable


def test_no_person_acts_as_the_system() -> None:
    assert roles.SYSTEM.roles == {Role.SYS}
    assert not any(Role.SYS in holders for act, holders in roles.MAY.items() if act is not roles.Act.SIGN_CHECKPOINT)
