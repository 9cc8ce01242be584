"""承認文 (approval statements): what a person signs when checking or approving a release: exactly these bytes leave (Reg 5(vii), 6(v)).

A statement is canonical JSON (RFC 8785) with the digest of the release's manifest, so that one changed byte voids the signature.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiban_operator.ledger import notes, shapes

PURPOSE = "kiban/approve/v1"
PREFIX = "ed25519:"
Decision = Literal["check", "approve"]


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value in bytes. Source: RFC 8785."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def statement(release: str, manifest: str, decision: Decision, by: str, at: datetime) -> dict[str, object]:
    """The approval statement as a JSON object; `manifest` is `sha256:` and 64 digits, `by` the ID of the natural person."""
    if not shapes.DIGEST.fits(manifest) or at.tzinfo is None:
        raise ValueError("a statement needs a manifest's digest and a time with its zone")
    return {
        "v": 1,
        "purpose": PURPOSE,
        "release": release,
        "manifest": manifest,
        "decision": decision,
        "by": by,
        "at": at.isoformat(timespec="seconds"),
    }


def is_statement(value: object) -> bool:
    """Whether it is a whole statement of this version, each field in its shape and none besides."""
    if not isinstance(value, dict) or frozenset(value) != shapes.STATEMENT_FIELDS:
        return False
    return (
        shapes.COUNT.fits(value["v"])
        and value["v"] == 1
        and value["purpose"] == PURPOSE
        and shapes.CODE.fits(value["release"])
        and shapes.DIGEST.fits(value["manifest"])
        and value["decision"] in ("check", "approve")
        and shapes.CODE.fits(value["by"])
        and shapes.is_moment(value["at"])
    )


def public_key_text(public: bytes) -> str:
    """A person's public key as the ledger carries it (`key.registered`)."""
    return PREFIX + b64encode(public).decode()


def sign_statement(private_key: bytes, value: Mapping[str, object]) -> str:
    """The signature text over the statement, with the person's 32-byte Ed25519 seed."""
    return PREFIX + b64encode(Ed25519PrivateKey.from_private_bytes(private_key).sign(canonical(dict(value)))).decode()


def verify_statement(public_key: str, value: object, signature: str) -> bool:
    """Whether the statement is whole and the signature over it is that of the public key. Malformed input is simply no."""
    if not (is_statement(value) and shapes.PUBLIC_KEY.fits(public_key) and shapes.SIGNATURE.fits(signature)):
        return False
    public, raw = b64decode(public_key.removeprefix(PREFIX)), b64decode(signature.removeprefix(PREFIX))
    return notes.verify(public, canonical(value), raw)
