"""帳簿の署名者 (the ledger's signer): its Ed25519 key, and what it last signed, kept beside the key and not in the database (Act 14).

Because the signer remembers, whoever rewrites the database cannot get a checkpoint for the rewritten book.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import keys
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, kinds, merkle, notes
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_14

KEY_NOT_USABLE = Ground(
    "ledger-key-not-usable",
    Family.INTEGRITY,
    ACT_14,
    Text(
        "帳簿の署名鍵又は署名の控えが {folder} にないか、壊れています。",
        "The ledger's signing key or memory at {folder} is missing or damaged.",
    ),
    Text(
        "鍵の控えを戻してください。新しい鍵で黙って続けてはいけません。",
        "Restore the copy of the key; never go on silently with a new one.",
    ),
)
FORKED = Ground(
    "ledger-forked",
    Family.INTEGRITY,
    ACT_14,
    Text(
        "帳簿が、前に署名した検証点（{signed} 件）の続きではありません（現在 {size} 件）。",
        "The book ({size} entries) is not a continuation of the checkpoint signed before ({signed} entries).",
    ),
    Text(
        "帳簿が書き換えられたか、古い控えから戻されています。署名せず、監査人の写しと照合してください。",
        "The book was rewritten or restored from an old copy. Nothing is signed: compare with an auditor's copy.",
    ),
)
DAMAGED = Ground(
    "ledger-damaged",
    Family.INTEGRITY,
    ACT_14,
    Text("帳簿の記載 {seq} が、そのハッシュと一致しません。", "Entry {seq} of the book does not match its hash."),
    Text("署名しません。データベースへの直接の変更を調べてください。", "Nothing is signed: look into direct changes of the database."),
)
BAD_ORIGIN = Ground(
    "ledger-origin",
    Family.INPUT,
    ACT_14,
    Text("帳簿の名前に空白や「+」は使えません。", "The ledger's name must have no blanks and no plus sign."),
    Text(
        "example.jp/kiban のような名前を設定の origin に書いてください。",
        "Write a name such as example.jp/kiban as `origin` into the settings.",
    ),
)

NOT_ANNOUNCED = Ground(
    "ledger-key-not-announced",
    Family.STATE,
    ACT_14,
    Text(
        "帳簿に記載された次の鍵がないか、記載の後にもう検証点に署名しています。",
        "There is no next key that the book announces, or a checkpoint was signed after it was announced.",
    ),
    Text("鍵の更新を（もう一度）帳簿に記載し、続けて引き継いでください。", "Enter a new key in the book (again), and take it up at once."),
)

_KEY, _NEXT, _MEMORY = "ledger.key", "ledger.key.next", "ledger.signed"
_FORM = re.compile(r"PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n")


@dataclass(frozen=True)
class Signer:
    """署名者: opened from its folder; the seed shows in no representation."""

    verifier: notes.Verifier
    folder: Path

    def __repr__(self) -> str:
        return f"Signer({self.verifier.name})"


def create(folder: Path, origin: str, entropy: Callable[[int], bytes]) -> Signer:
    """Make the ledger's key in `folder` (a home's `keys`); never overwrites (FileExistsError). Refuses: ledger-origin."""
    if not notes.is_name(origin):
        raise BAD_ORIGIN.refuse()
    verifier = _write_key(folder / _KEY, origin, entropy(32))
    _remember(folder, 0, merkle.EMPTY)
    return Signer(verifier, folder)


def announce_key(session: Session, circumstances: Circumstances, signer: Signer) -> notes.Verifier:
    """Make the ledger's next key and enter it in the book, under the old one still; `take_up_key` follows when that is committed."""
    name, _ = _key(signer.folder)
    (signer.folder / _NEXT).unlink(missing_ok=True)  # of an attempt that was rolled back
    verifier = _write_key(signer.folder / _NEXT, name, circumstances.entropy(32))
    facts = {"old": signer.verifier.text, "new": verifier.text}
    book.append(session, circumstances, kinds.LEDGER_KEY_ROTATED, f"ledger/{name}", facts)
    return verifier


def take_up_key(session: Session, circumstances: Circumstances, signer: Signer) -> Signer:
    """Sign a checkpoint with both keys, by which those who know the old one come to trust the new one; then the old one is gone.

    Refuses: ledger-key-not-announced, ledger-key-not-usable, ledger-forked, ledger-damaged.
    """
    announced = book.entries(session, kind=kinds.LEDGER_KEY_ROTATED)
    if not announced or not (signer.folder / _NEXT).is_file():
        raise NOT_ANNOUNCED.refuse()
    name, seed = _key(signer.folder, _NEXT)
    verifier = notes.Verifier(name, notes.public_of(seed))
    if announced[-1].facts["new"] != verifier.text or session.get(book.CheckpointRow, book.size(session)) is not None:
        raise NOT_ANNOUNCED.refuse()
    sign_checkpoint(session, circumstances, signer, seed)
    (signer.folder / _NEXT).replace(signer.folder / _KEY)
    return Signer(verifier, signer.folder)


def open_signer(folder: Path) -> Signer:
    """The signer whose key lies in `folder`. Refuses: ledger-key-not-usable."""
    name, seed = _key(folder)
    return Signer(notes.Verifier(name, notes.public_of(seed)), folder)


def sign_checkpoint(session: Session, circumstances: Circumstances, signer: Signer, second: bytes | None = None) -> str:
    """Sign the book as it stands and keep the note in it, in a transaction of its own, after what is to be covered is committed.

    In the transaction of an entry it is a bug (RuntimeError): if that were rolled back, the signer would have signed what never was.
    Checks every entry added since the last signature against its hash, and that the tree continues the one signed then. The same
    book signed again gives the note kept. `second`: seed of a key that signs besides (see `take_up_key`). Refuses: ledger-forked, ledger-damaged, ledger-key-not-usable.
    """
    if book.has_uncommitted(session):
        raise RuntimeError("sign in a transaction of its own, after the entries are committed")
    book.lock(session)
    signed_size, signed_root = _memory(signer.folder)
    size = book.size(session)
    read = book.reader(session)
    if size < signed_size:
        raise FORKED.refuse(signed=signed_size, size=size)
    _check_new(session, signed_size, size, read)
    try:
        root = merkle.root(size, read)
        proof = merkle.consistency_proof(signed_size, size, read) if signed_size else []
    except sa.exc.NoResultFound as error:
        raise FORKED.refuse(signed=signed_size, size=size) from error
    if not merkle.verify_consistency(signed_size, size, proof, signed_root, root):
        raise FORKED.refuse(signed=signed_size, size=size)
    name, seed = _key(signer.folder)
    body = notes.Checkpoint(name, size, root).body
    note = notes.sign(body, name, seed) + (notes.signature_line(body, name, second) if second is not None else "")
    stored = session.get(book.CheckpointRow, size)
    if stored is not None:
        note = _kept(stored.note, body, signer.verifier, FORKED.refuse(signed=signed_size, size=size))
    else:
        session.add(book.CheckpointRow(size=size, note=note, at=circumstances.now()))
        session.flush()
    _remember(signer.folder, size, root)
    return note


def _kept(note: str, body: str, verifier: notes.Verifier, otherwise: Refusal) -> str:
    """The note kept for this size, if it is ours and says the same."""
    try:
        if notes.open_note(note.encode(), [verifier])[0] == body:
            return note
    except notes.Unreadable:
        pass
    raise otherwise


def sign_text(signer: Signer, text: str) -> str:
    """The signed note of another text of the operator's (a release's manifest), under the ledger's key.

    A text that could be taken for a checkpoint is a bug (ValueError): only `sign_checkpoint` makes those. Refuses: ledger-key-not-usable.
    """
    name, seed = _key(signer.folder)
    if text.split("\n", 1)[0] == name:
        raise ValueError("a text that begins with the ledger's name could be taken for a checkpoint")
    return notes.sign(text, name, seed)


def checkpoints(session: Session) -> list[tuple[int, str]]:
    """Every checkpoint signed so far, in order: (size, note)."""
    query = sa.select(book.CheckpointRow.size, book.CheckpointRow.note).order_by(book.CheckpointRow.size)
    return [(size, note) for size, note in session.execute(query)]


def _check_new(session: Session, first: int, size: int, read: merkle.Read) -> None:
    """Bodies since the last signature hash to their leaves, and the leaves to the stored nodes above them."""
    query = sa.select(book.EntryRow.seq, book.EntryRow.body, book.EntryRow.leaf).where(book.EntryRow.seq >= first)
    expected = first
    for seq, body, leaf in session.execute(query.order_by(book.EntryRow.seq)):
        if seq != expected or merkle.leaf_hash(body) != leaf:
            raise DAMAGED.refuse(seq=expected)
        try:
            fits = all(read(level, index) == hash_ for level, index, hash_ in merkle.grow(seq, leaf, read))
        except sa.exc.NoResultFound:
            fits = False
        if not fits:
            raise DAMAGED.refuse(seq=seq)
        expected += 1


def _write_key(path: Path, origin: str, seed: bytes) -> notes.Verifier:
    verifier = notes.Verifier(origin, notes.public_of(seed))
    secret = b64encode(notes.ED25519 + seed).decode()
    keys.write_private(path, f"PRIVATE+KEY+{origin}+{verifier.key_id.hex()}+{secret}\n".encode())
    return verifier


def _key(folder: Path, file: str = _KEY) -> tuple[str, bytes]:
    try:
        form = _FORM.fullmatch((folder / file).read_text(encoding="utf-8"))
        raw = b64decode(form[3], validate=True) if form else b""
    except (OSError, ValueError) as error:
        raise KEY_NOT_USABLE.refuse(folder=folder) from error
    if form is None or len(raw) != 33 or raw[:1] != notes.ED25519 or notes.key_id(form[1], notes.public_of(raw[1:])).hex() != form[2]:
        raise KEY_NOT_USABLE.refuse(folder=folder)
    return form[1], raw[1:]


def _memory(folder: Path) -> tuple[int, bytes]:
    try:
        kept = json.loads((folder / _MEMORY).read_text(encoding="utf-8"))
        size, root = kept["size"], bytes.fromhex(kept["root"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KEY_NOT_USABLE.refuse(folder=folder) from error
    if not isinstance(size, int) or size < 0 or len(root) != 32:
        raise KEY_NOT_USABLE.refuse(folder=folder)
    return size, root


def _remember(folder: Path, size: int, root: bytes) -> None:
    """Replace the memory in one step that survives a power cut."""
    fresh = folder / f"{_MEMORY}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"size": size, "root": root.hex()}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / _MEMORY)
