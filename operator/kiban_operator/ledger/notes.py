"""署名付き検証点 (signed checkpoints): the short text that fixes the whole ledger: origin, size, root, signed with Ed25519 (Act 14).

The forms are those of the open transparency logs, so that a stranger's tool reads them too.
Source: C2SP signed-note, C2SP tlog-checkpoint; RFC 8032.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
MARK = "\u2014 "  # an em dash and a blank open each signature line
MOST_SIGNATURES = 100


class Unreadable(Exception):
    """A text that is not what it claims to be; the message says why and holds nothing of the text."""


@dataclass(frozen=True)
class Verifier:
    """A public key with the name it signs under."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public)

    @property
    def text(self) -> str:
        """The one-line form `name+hexid+base64`, as other tools read it."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in groups of four digits, to compare by eye with a printed one."""
        digits = sha256(self.public).hexdigest()
        return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))

    def verify(self, message: bytes, signature: bytes) -> bool:
        return verify(self.public, message, signature)


@dataclass(frozen=True)
class Checkpoint:
    """検証点: the ledger named `origin` had `size` entries with this root."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def is_name(name: str) -> bool:
    """Whether it can name a key or a ledger: not empty, no white space, no plus sign."""
    return bool(name) and "+" not in name and not re.search(r"\s", name) and name.isprintable()


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature over the message is that of the raw public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_of(seed: bytes) -> bytes:
    """The raw public key of a 32-byte Ed25519 seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def read_verifier(text: str) -> Verifier:
    """The verifier key in its one-line form. Raises Unreadable if anything in it is off."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]) or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise Unreadable("not a verifier key")
    raw = _decoded(parts[2])
    if len(raw) != 33 or raw[:1] != ED25519:
        raise Unreadable("not an Ed25519 verifier key")
    verifier = Verifier(parts[0], raw[1:])
    if verifier.key_id.hex() != parts[1]:
        raise Unreadable("the key's ID does not belong to its name and key")
    return verifier


def key_sheet(verifier: Verifier) -> str:
    """The text of `keys.txt`: the verifier key on its own line, its fingerprint as a comment."""
    return f"# 帳簿の公開鍵 / public key of the ledger\n{verifier.text}\n# 指紋 / fingerprint (SHA-256): {verifier.fingerprint}\n"


def read_key_sheet(sheet: bytes) -> Verifier:
    """The verifier key in a `keys.txt`, whose every byte must be as `key_sheet` writes it. Raises Unreadable."""
    try:
        rows = [row for row in sheet.decode("utf-8").split("\n") if row and not row.startswith("#")]
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8") from error
    if len(rows) != 1:
        raise Unreadable("not exactly one key")
    verifier = read_verifier(rows[0])
    if key_sheet(verifier).encode() != sheet:
        raise Unreadable("the fingerprint or the form is off")
    return verifier


def sign(body: str, name: str, seed: bytes) -> str:
    """The signed note of a body that ends with a line break."""
    if not body.endswith("\n") or not is_name(name):
        raise ValueError("a note's body ends with a line break, and its signer has a plain name")
    return f"{body}\n{signature_line(body, name, seed)}"


def signature_line(body: str, name: str, seed: bytes) -> str:
    """One more signature of the same body, as a line to append to its note."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    line = key_id(name, public_of(seed)) + private.sign(body.encode())
    return f"{MARK}{name} {b64encode(line).decode()}\n"


def open_note(text: bytes, verifiers: Iterable[Verifier]) -> tuple[str, tuple[Verifier, ...]]:
    """The body of a signed note, and which of the given keys signed it: at least one.

    Lines of unknown signers are ignored, a wrong signature of a known one is not. Raises Unreadable.
    """
    body, lines = _taken_apart(text)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signed: list[Verifier] = []
    for name, raw in lines:
        verifier = known.get((name, raw[:4]))
        if verifier is None or verifier in signed:
            continue
        if not verifier.verify(body.encode(), raw[4:]):
            raise Unreadable("a known key's signature is wrong")
        signed.append(verifier)
    if not signed:
        raise Unreadable("no signature of a known key")
    return body, tuple(signed)


def _taken_apart(text: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8") from error
    if len(text) > 1_000_000 or any(ord(c) < 0x20 and c != "\n" for c in decoded):
        raise Unreadable("too long, or control characters in it")
    head, gap, tail = decoded.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise Unreadable("no signature block")
    rows = tail[:-1].split("\n")
    if len(rows) > MOST_SIGNATURES:
        raise Unreadable("too many signatures")
    lines: list[tuple[str, bytes]] = []
    for row in rows:
        name, blank, encoded = row.removeprefix(MARK).partition(" ")
        if not row.startswith(MARK) or not blank or not is_name(name):
            raise Unreadable("a signature line is malformed")
        raw = _decoded(encoded)
        if len(raw) < 5:
            raise Unreadable("a signature line is too short")
        lines.append((name, raw))
    return head + "\n", lines


def _decoded(encoded: str) -> bytes:
    """Base64 in its only standard spelling: a second spelling of the same bytes would let a flipped byte pass."""
    try:
        raw = b64decode(encoded, validate=True)
    except (Base64Error, ValueError) as error:
        raise Unreadable("not base64") from error
    if b64encode(raw).decode() != encoded:
        raise Unreadable("not canonical base64")
    return raw


def read_checkpoint(body: str) -> Checkpoint:
    """The checkpoint in a note's body; further lines are extensions and are not read. Raises Unreadable."""
    rows = body.split("\n")
    if len(rows) < 4 or rows[-1] != "" or not all(rows[:-1]):
        raise Unreadable("not a checkpoint")
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", rows[1]):
        raise Unreadable("the checkpoint's size is malformed")
    root = _decoded(rows[2])
    if len(root) != 32:
        raise Unreadable("the checkpoint's root is malformed")
    return Checkpoint(rows[0], int(rows[1]), root)


def open_checkpoint(text: bytes, verifiers: Iterable[Verifier]) -> tuple[Checkpoint, tuple[Verifier, ...]]:
    """The signed checkpoint and who signed it, one of them under the ledger's own name. Raises Unreadable."""
    body, signed = open_note(text, verifiers)
    checkpoint = read_checkpoint(body)
    if all(verifier.name != checkpoint.origin for verifier in signed):
        raise Unreadable("not signed under the ledger's name")
    return checkpoint, signed
