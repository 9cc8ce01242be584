"""署名した意思表示 (declarations): what a person signs besides an approval: a contract's text, the receipt of a package.

A declaration is canonical JSON (RFC 8785) naming its purpose, what it is about and the digest it binds to; one changed byte voids it.
Approvals of releases have their own form in `ledger.statements`, because the audit replays those.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kiban_operator.ledger import shapes, statements
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_22

SIGNATURE_INVALID = Ground(
    "signature-invalid",
    Family.INTEGRITY,
    ACT_22,
    Text("署名が、登録された本人の鍵によるものではありません。", "The signature is not that of the person's registered key."),
    Text("本人の鍵ファイルで署名し直してください。", "Sign again with the person's own key file."),
)


class Purpose(StrEnum):
    """What a declaration is for; part of the signed bytes, so that one cannot be passed off as another."""

    CONTRACT = "kiban/contract/v1"
    RECEIPT = "kiban/receipt/v1"
    DESTRUCTION = "kiban/destruction/v1"


def declaration(purpose: Purpose, about: str, digest: str, by: str, at: datetime) -> dict[str, object]:
    """The declaration as a JSON object; `about` is an aggregate such as `contract/K-…`, `digest` begins with `sha256:`."""
    return {"v": 1, "purpose": purpose.value, "about": about, "digest": digest, "by": by, "at": at.isoformat(timespec="seconds")}


def sign(private_key: bytes, value: dict[str, object]) -> str:
    """The signature text over the declaration, with the person's 32-byte Ed25519 seed."""
    raw = Ed25519PrivateKey.from_private_bytes(private_key).sign(statements.canonical(value))
    return statements.PREFIX + b64encode(raw).decode()


def verify(public_key: bytes, value: dict[str, object], signature: str) -> bool:
    """Whether the signature over the declaration is that of the public key; malformed input is simply no."""
    if not shapes.SIGNATURE.fits(signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            b64decode(signature.removeprefix(statements.PREFIX)), statements.canonical(value)
        )
    except InvalidSignature:
        return False
    return True


def signed(private_key: bytes, public_key: bytes, value: dict[str, object]) -> str:
    """Sign and check against the registered key at once, so that a foreign key is refused here. Refuses: signature-invalid."""
    signature = sign(private_key, value)
    if not verify(public_key, value, signature):
        raise SIGNATURE_INVALID.refuse()
    return signature


def key_text(public_key: bytes) -> str:
    """A public key as the ledger carries it."""
    return statements.public_key_text(public_key)
