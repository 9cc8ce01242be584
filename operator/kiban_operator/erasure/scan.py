"""不在の証明 (scan): everything that is left and could hold what was erased is read again, and the old keys and files are looked for.

The scan does not trust the indexes by which the erasure found its files: it reads the key column of every living file of the person's
buckets and of every undivided file, or of all files where it is asked to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import deaths, vault
from kiban_operator.erasure import files, orders, pending, quarantine, reach, whole
from kiban_operator.erasure.orders import Erasure, Scope
from kiban_operator.erasure.reach import Reach, is_of
from kiban_operator.home import Home
from kiban_operator.keys import WrappedKey
from kiban_operator.persons import forgetting, generations
from kiban_operator.vault import Progress, Shelf, VaultFile

ERASED_SHELVES = (Shelf.VAULT, Shelf.HELD, Shelf.RELEASED)


@dataclass
class Scan:
    """What was read, and what was found: `found`: place → rows that should not be there; empty is the proof. `seen`: the files read."""

    files: int = 0
    rows: int = 0
    found: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    @property
    def clean(self) -> bool:
        return not self.found

    def note(self, place: str, number: int) -> None:
        if number:
            self.found[place] = self.found.get(place, 0) + number

    def as_json(self) -> dict[str, Any]:
        return {"clean": self.clean, "files": self.files, "rows": self.rows, "found": dict(sorted(self.found.items()))}


def scan(home: Home, order_id: str, progress: Progress = vault.silent, every: bool = False) -> Scan:
    """Look for what an order erases, wherever it could be; changes nothing. `every`: read files of other buckets as well.

    Refuses: unknown-case, key-missing (the order was rejected).
    """
    with home.reading() as session:
        order = orders.load(session, order_id)
        reached = reach.of(session, home, order)
    told = Scan()
    if reached.keys is not None:
        _scan_persons(home, reached, reached.keys, told, progress, every)
    else:
        _scan_whole(home, reached, told)
    with home.reading() as session:
        gone = files.destroyed(session, order_id)
        names = [f"file/{file.id}" for file in gone]
        told.note("keys", sum(_open(session, names[start : start + 500]) for start in range(0, len(names), 500)))
        told.note("old files", len(files.left(session, home, order_id)))
        told.note("packages", pending.left(home, order.outcome.get("ended", [])))
    return told


def _scan_persons(home: Home, reached: Reach, keys: frozenset[str], told: Scan, progress: Progress, every: bool) -> None:
    goes = is_of(keys)
    with home.reading() as session:
        chosen = [
            file
            for shelf in ERASED_SHELVES
            for file in (vault.files(session, shelf) if every else reach.files(session, home, shelf, keys, trusting=False))
        ]
        pairs = vault.files(session, Shelf.LINKAGE)
        told.note("linkage state", generations.knows(home, session, keys))
        told.note("register", forgetting.traces(session, keys))
        told.note("deaths", deaths.count(session, keys=keys))
    for number, file in enumerate([*chosen, *pairs]):
        progress("scan", number, len(chosen) + len(pairs))
        either = pc.field("left").isin(sorted(keys)) | pc.field("right").isin(sorted(keys))
        held = files.holding(home, file, either, "left") if file in pairs else files.holding(home, file, goes)
        told.files, told.rows = told.files + 1, told.rows + file.rows
        told.seen.add(file.id)
        told.note(file.shelf, held.rows if held else 0)
    rows, damaged = quarantine.naming(home, reached.local_ids)
    told.note("quarantine", sum(held.rows for held in rows) + len(damaged))


def _scan_whole(home: Home, reached: Reach, told: Scan) -> None:
    with home.reading() as session:
        shelves = (Shelf.VAULT, Shelf.HELD, Shelf.QUARANTINE)
        for file in [each for shelf in shelves for each in reach.whole_files(session, reached, shelf)]:
            told.note(file.shelf, file.rows)
        members = vault.files(session, Shelf.RELEASED, table="members")
        if reached.scope is Scope.EVERYTHING:
            told.note("released", sum(file.rows for file in vault.files(session, Shelf.RELEASED)))
            told.note("linkage", sum(file.rows for file in vault.files(session, Shelf.LINKAGE)))
            told.note("linkage state", generations.knows(home, session, None))
            told.note("register", forgetting.traces(session, None))
            told.note("deaths", deaths.count(session))
            told.note("release secrets", len(release_secrets(session)))
            return
        if reached.scope is Scope.HOSPITAL:
            told.note("deaths", deaths.count(session, hospital=reached.hospital))
    still = whole.living(home, reached)
    for file in members:
        told.note("released", len(whole.gone_from_release(home, reached, file, still)))
        told.files, told.rows = told.files + 1, told.rows + file.rows
    told.note("register", len(whole.gone_from_register(home, reached, still)))


def release_secrets(session: Session) -> list[str]:
    """Names of the secrets of releases that can still be opened."""
    query = sa.select(WrappedKey.name).where(WrappedKey.name.startswith("release/"), WrappedKey.wrapped.is_not(None))
    return list(session.scalars(query.order_by(WrappedKey.name)))


def came_since(session: Session, home: Home, order: Erasure, told: Scan) -> bool:
    """Whether a file that may hold what is erased has come since the scan; asked under the ledger's lock."""
    reached = reach.of(session, home, order)
    for shelf in ERASED_SHELVES:
        found: list[VaultFile] = (
            reach.whole_files(session, reached, shelf)
            if reached.keys is None and shelf is not Shelf.RELEASED
            else reach.files(session, home, shelf, reached.keys)
            if reached.keys is not None
            else []
        )
        if any(file.id not in told.seen for file in found):
            return True
    return False


def _open(session: Session, names: list[str]) -> int:
    query = sa.select(sa.func.count()).select_from(WrappedKey).where(WrappedKey.name.in_(names), WrappedKey.wrapped.is_not(None))
    return session.scalar(query) or 0
