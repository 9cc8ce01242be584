"""名寄せの状態の世代 (generations): what a linkage run leaves for the next one, sealed in the core zone under a key of its own.

    core/linkage-state/LINKAGE/state/     files of sealed pages; the key `linkage-state/LINKAGE` is wrapped in control data

A generation is in force if it is that of the newest run and its key is recorded. A run writes the next one beside it and records its key, and
destroys the older key, in the transaction that books the run: whatever interrupts it, one of the two stands whole, and the other is noise.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator.home import Home
from kiban_operator.keys import WrappedKey
from kiban_processing.linkage import vaulted
from kiban_processing.linkage.state.kept import Kept
from kiban_processing.linkage.state.sealing import KEY_BYTES, STATE_DAMAGED, STATE_VERSION, StateKey
from kiban_processing.refusals import Refusal

FOLDER = "linkage-state"


@dataclass(frozen=True)
class Generation:
    """A state being written under a fresh key that nobody else has yet; the caller records or discards it."""

    linkage: str
    folder: Path
    key: StateKey = field(repr=False)

    def discard(self) -> None:
        """Give it up; its key was never kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


def begin(home: Home, linkage: str) -> Generation:
    """The next generation's place and key; nothing is on disk before it is written, nothing is readable before `record`."""
    (home.core / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    return Generation(linkage, home.core / FOLDER / linkage, StateKey(home.circumstances.entropy(KEY_BYTES)))


def of(home: Home, session: Session, run: str, registrations: int) -> Kept | None:
    """The state that a run left, if this version can go on from it; the caller closes it. `registrations`: how many the register knows.

    One that is missing, damaged, of another version or of another register is none: everything is linked again, and nothing is lost by that.
    """
    wrapped = session.get(WrappedKey, _name(run))
    if wrapped is None or wrapped.wrapped is None:
        return None
    try:
        state = vaulted.open_state(home.core / FOLDER / run, StateKey(home.keyring.open(session, _name(run))))
    except Refusal as refusal:
        if refusal.code in (STATE_DAMAGED.code, STATE_VERSION.code):
            return None
        raise
    if vaulted.usable(state) and state.notes["registrations"] == registrations:
        return state
    state.close()
    return None


def record(session: Session, home: Home, generation: Generation) -> list[Path]:
    """Keep the key of a written generation and destroy those of all others, in the caller's transaction; returns the folders of these, to
    be removed once that has committed."""
    old = destroy_all(session, home)
    home.keyring.make(session, _name(generation.linkage), lambda _size: generation.key.secret, home.circumstances.now())
    return old


def destroy_all(session: Session, home: Home) -> list[Path]:
    """Destroy the keys of all generations in the caller's transaction: the next run links everything again. Returns their folders."""
    now = home.circumstances.now()
    older = sa.select(WrappedKey.name).where(WrappedKey.name.startswith(f"{FOLDER}/"), WrappedKey.destroyed_at.is_(None))
    names = session.scalars(older).all()
    for name in names:
        home.keyring.destroy(session, name, now)
    return [home.core / name for name in names]


def remove(home: Home, generation: Generation, old: list[Path]) -> None:
    """Remove these folders, and those that interrupted runs left: a day old at least, so that nobody can still be writing them."""
    before = home.circumstances.now().timestamp() - timedelta(days=1).total_seconds()
    for folder in (home.core / FOLDER).iterdir():
        if folder in old or (folder != generation.folder and folder.stat().st_mtime < before):
            shutil.rmtree(folder, ignore_errors=True)


def knows(home: Home, session: Session, gone: frozenset[str] | None) -> int:
    """How many of some registrations (None: of anybody's) the state in force still holds."""
    newest = in_force(session)
    if newest is None:
        return 0
    try:
        state = vaulted.open_state(home.core / newest, StateKey(home.keyring.open(session, newest)))
    except (Refusal, FileNotFoundError):
        return 0  # nobody can open it
    try:
        names = state.pages.all("names")["registration"]
        living = np.setdiff1d(np.arange(state.size), state.dead)
        wanted = np.array([key.encode() for key in sorted(gone)], names.dtype) if gone is not None else names
        return int(np.isin(names[living], wanted).sum())
    finally:
        state.close()


def in_force(session: Session) -> str | None:
    """The name of the key of the generation in force, if there is one."""
    living = sa.select(WrappedKey.name).where(WrappedKey.name.startswith(f"{FOLDER}/"), WrappedKey.destroyed_at.is_(None))
    return session.scalar(living.limit(1))


def drop(folder: Path) -> None:
    """Remove the folder of a generation whose key is destroyed."""
    shutil.rmtree(folder, ignore_errors=True)


def _name(linkage: str) -> str:
    return f"{FOLDER}/{linkage}"
