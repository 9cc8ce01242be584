"""封筒 (envelope): a bag sealed with age to the recipient's key and the operator's archive key (Act 21; house: nothing in clear).

age draws a fresh file key each time, so two envelopes of one bag differ. What is the same for the same release is the bag, its
manifest and the tar inside, whose SHA-256 `Sealed.archive_sha256` names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyrage

from kiban_processing.language import Text
from kiban_processing.package import archive
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_21

RECIPIENT_KEY_UNUSABLE = Ground(
    "recipient-key-unusable",
    Family.INPUT,
    ACT_21,
    Text(
        "提供先の公開鍵（{number}番目）は age の公開鍵として読めません。",
        "The recipient's public key (no. {number}) is not a public key of age.",
    ),
    Text(
        "`age1…` または `ssh-ed25519 …` の形の公開鍵を受け取ってください。", "Ask for a public key of the form `age1…` or `ssh-ed25519 …`."
    ),
)
NO_RECIPIENT = Ground(
    "no-recipient",
    Family.INPUT,
    ACT_21,
    Text("封をする相手の公開鍵がありません。", "There is no public key to seal to."),
    Text("提供先の公開鍵を登録してください。", "Register the recipient's public key."),
)
IDENTITY_UNUSABLE = Ground(
    "identity-unusable",
    Family.INPUT,
    ACT_21,
    Text("秘密鍵を age の鍵として読めません。", "The secret key cannot be read as a key of age."),
    Text("`AGE-SECRET-KEY-…` の行を含む鍵ファイルを指定してください。", "Give the key file that holds the line `AGE-SECRET-KEY-…`."),
)
ENVELOPE_CLOSED = Ground(
    "envelope-closed",
    Family.INTEGRITY,
    ACT_21,
    Text("この鍵では開かないか、封筒が壊れています。", "This key does not open the envelope, or the envelope is damaged."),
    Text(
        "宛先の鍵か確かめ、それでも開かなければ再送を求めてください。",
        "Check that it is the recipient's key; else ask for it to be sent again.",
    ),
)


@dataclass(frozen=True)
class Sealed:
    """A closed envelope: its size and SHA-256, and the SHA-256 of the tar inside."""

    path: Path
    size: int
    sha256: str
    archive_sha256: str


class _Digesting:
    """A file that digests what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def seal(bag_folder: Path, out: Path, recipients: Sequence[str], name: str | None = None) -> Sealed:
    """Close the bag into `out` and remove the clear folder. `name`: the folder's name inside, else that of the bag's folder.

    Nothing readable is written on the way, and `out` appears only when it is whole. On failure the clear folder stays with the caller.
    Refuses: no-recipient, recipient-key-unusable.
    """
    keys = [_recipient(key, number) for number, key in enumerate(recipients, 1)]
    if not keys:
        raise NO_RECIPIENT.refuse()
    stream = archive.Stream(bag_folder, name or bag_folder.name)
    partial = out.with_name(out.name + ".partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            target = _Digesting(file)
            try:
                pyrage.encrypt_io(stream, target, keys)
            except pyrage.EncryptError as error:  # age wraps what reading or writing raised
                raise OSError(f"{out.name} could not be sealed: {error}") from error
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    shutil.rmtree(bag_folder)
    return Sealed(out, target.size, target.sha256, stream.sha256)


def unseal(sealed: Path, identity: str, folder: Path) -> Path:
    """Open an envelope below `folder` and return the bag's folder. `identity`: text of an age key file.

    Does not verify the bag: call `bag.verify` next. Refuses: identity-unusable, envelope-closed, archive-damaged.
    """
    key = _identity(identity)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    clear = folder / ".incoming.tar"
    try:
        with sealed.open("rb") as source, os.fdopen(os.open(clear, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
            try:
                pyrage.decrypt_io(source, target, [key])
            except pyrage.DecryptError as error:
                raise ENVELOPE_CLOSED.refuse() from error
            except OSError as error:
                if error.errno is not None:  # a full disk, say; age reports a damaged block as a read error without number
                    raise
                raise ENVELOPE_CLOSED.refuse() from error
        return archive.unpack(clear, folder)
    finally:
        clear.unlink(missing_ok=True)


def _recipient(key: str, number: int) -> Any:
    for kind in (pyrage.x25519, pyrage.ssh, pyrage.tag, pyrage.tagpq):
        try:
            return kind.Recipient.from_str(key.strip())
        except pyrage.RecipientError:
            continue
    raise RECIPIENT_KEY_UNUSABLE.refuse(number=number)


def _identity(text: str) -> Any:
    for line in text.splitlines():
        if line.strip().startswith("AGE-SECRET-KEY-"):
            try:
                return pyrage.x25519.Identity.from_str(line.strip())
            except pyrage.IdentityError as error:
                raise IDENTITY_UNUSABLE.refuse() from error
    raise IDENTITY_UNUSABLE.refuse()
