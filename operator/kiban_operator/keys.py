"""鍵 (keys): the master key, and the named secrets and data keys it wraps (Act 9(2)(iv), 21: method information is regulated).

A secret is 32 random bytes, stored only wrapped (AES key wrap with padding, RFC 5649). Destroying one is destroying its wrapped form;
what was encrypted under it is then gone everywhere, copies and backups of the files included.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding, aes_key_wrap_with_padding
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.database import Base, Moment
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

KEY_MISSING = Ground(
    "key-missing",
    Family.INTEGRITY,
    ACT_21,
    Text("鍵「{name}」がありません。破棄されたか、別の保管場所の鍵です。", "The key “{name}” is not here: destroyed, or of another home."),
    Text(
        "正しい --home を指定しているか確かめてください。破棄済みなら復元できません。",
        "Check that --home is the right one; a destroyed key cannot be brought back.",
    ),
)
KEY_WRONG = Ground(
    "key-wrong",
    Family.INTEGRITY,
    ACT_21,
    Text("主鍵が一致しないか、鍵「{name}」が壊れています。", "The master key does not fit, or the key “{name}” is damaged."),
    Text("主鍵の控えを確かめてください。", "Check the copy of the master key."),
)


_AT_ONCE = 500


class WrappedKey(Base):
    """One secret in wrapped form; `destroyed_at` set and `wrapped` emptied when destroyed."""

    __tablename__ = "wrapped_keys"
    name: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    wrapped: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Moment)
    destroyed_at: Mapped[datetime | None] = mapped_column(Moment)


class Keyring:
    """Opens and makes secrets with the master key, which never leaves this object."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise ValueError("the master key has 32 bytes")
        self._master = master

    def make(self, session: Session, name: str, entropy: Callable[[int], bytes], at: datetime) -> bytes:
        """A new 32-byte secret under `name`; a name is used once (a second use is an IntegrityError)."""
        secret = entropy(32)
        session.add(WrappedKey(name=name, wrapped=aes_key_wrap_with_padding(self._master, secret), created_at=at))
        session.flush()
        return secret

    def open(self, session: Session, name: str) -> bytes:
        """The secret under `name`. Refuses: key-missing, key-wrong."""
        row = session.get(WrappedKey, name)
        return self._unwrap(name, None if row is None else row.wrapped)

    def open_all(self, session: Session, names: Sequence[str]) -> list[bytes]:
        """The secrets under many names, in their order. Refuses: key-missing, key-wrong."""
        wrapped: dict[str, bytes | None] = {}
        for start in range(0, len(names), _AT_ONCE):
            query = sa.select(WrappedKey.name, WrappedKey.wrapped).where(WrappedKey.name.in_(names[start : start + _AT_ONCE]))
            wrapped |= dict(session.execute(query).tuples().all())
        return [self._unwrap(name, wrapped.get(name)) for name in names]

    def _unwrap(self, name: str, wrapped: bytes | None) -> bytes:
        if wrapped is None:
            raise KEY_MISSING.refuse(name=name)
        try:
            return aes_key_unwrap_with_padding(self._master, wrapped)
        except InvalidUnwrap as error:
            raise KEY_WRONG.refuse(name=name) from error

    def obtain(self, session: Session, name: str, entropy: Callable[[int], bytes], at: datetime) -> bytes:
        """The secret under `name`, made on first use."""
        return self.open(session, name) if session.get(WrappedKey, name) else self.make(session, name, entropy, at)

    def destroy(self, session: Session, name: str, at: datetime) -> None:
        """Forget the secret for good (Act 20)."""
        row = session.get(WrappedKey, name)
        if row is None:
            raise KEY_MISSING.refuse(name=name)
        row.wrapped = None
        row.destroyed_at = at

    def seal(self, value: bytes, about: str, entropy: Callable[[int], bytes]) -> bytes:
        """Encrypt a small value for a column of the control data; `about` binds it to its place."""
        nonce = entropy(12)
        return nonce + AESGCM(self._master).encrypt(nonce, value, about.encode())

    def unseal(self, sealed: bytes, about: str) -> bytes:
        return AESGCM(self._master).decrypt(sealed[:12], sealed[12:], about.encode())


def patient_key(secret: bytes, hospital: str, local_patient_id: str) -> str:
    """The control data's name for a registration: HMAC-SHA-256 of hospital and local ID, 128 bits in hexadecimal.

    The set-based form is `vault.patient_key_sql`; a property test proves the two equal.
    """
    return hmac.new(secret, f"{hospital}\x1f{local_patient_id}".encode(), hashlib.sha256).hexdigest()[:32]


def write_private(path: Path, content: bytes) -> None:
    """Write a key file readable by its owner only; an existing file is never overwritten (FileExistsError)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
