"""未提供の作成物 (pending releases): a release that holds what is erased and was not handed over ends; a delivered one is told, not recalled."""

from __future__ import annotations

import contextlib

import pyarrow.compute as pc
from sqlalchemy.orm import Session

from kiban_operator import release, release_state, roles, vault
from kiban_operator.erasure.orders import Scope, load
from kiban_operator.erasure.reach import Reach, is_of
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_operator.release_state import APPROVED_1, APPROVED_2, COMMITTED, PRODUCED
from kiban_operator.vault import Progress, Shelf, VaultFile

ENDING = (PRODUCED, APPROVED_1, APPROVED_2, COMMITTED)
_REASON = "消去の指示の対象を含むため、作り直しが必要です / holds what an order erases: make it again"


def concerned(home: Home, reach: Reach) -> tuple[list[str], list[str]]:
    """Releases that hold what is erased: those not handed over yet, and those that somebody was given."""
    with home.reading() as session:
        made = {each.id: each for each in release_state.every(session)}
        holding = [file.submission for file in _members(session) if _holds(session, home, reach, file)]
    ending = [each for each in holding if each in made and made[each].state in ENDING]
    return sorted(ending), sorted(each for each in holding if each in made and made[each].delivered_on is not None)


def end(home: Home, order_id: str, release_id: str, progress: Progress) -> None:
    """Refuse a release, or call it back if it was committed, and remove its package; its state is what it is if it has moved meanwhile."""
    system = home.circumstances.acting(roles.SYSTEM.id)
    progress("release:before", 0, None)
    with home.transaction() as session:
        book.lock(session)
        found = release_state.load(session, release_id)
        if found.state == COMMITTED:
            release_state.recall(session, system, release_id, _REASON)
        elif found.state in ENDING:
            release_state.refuse(session, system, release_id, _REASON)
        else:
            return
        order = load(session, order_id)
        order.outcome = {**order.outcome, "ended": sorted({*order.outcome.get("ended", []), release_id})}
        facts = {"what": "release", "release": release_id}
        book.append(session, home.circumstances, kinds.ERASURE_STEPPED, f"erasure/{order_id}", facts)
        progress("release:booked", 0, None)
    progress("release:committed", 0, None)
    remove_package(home, release_id)


def remove_package(home: Home, release_id: str) -> None:
    """The package that was not handed over leaves the deliver zone."""
    with contextlib.suppress(FileNotFoundError):
        (release.folder_of(home, release_id) / release.PACKAGE).unlink()


def left(home: Home, ended: list[str]) -> int:
    """Packages of ended releases that still lie in the deliver zone."""
    return sum((release.folder_of(home, each) / release.PACKAGE).exists() for each in ended)


def _members(session: Session) -> list[VaultFile]:
    return vault.files(session, Shelf.RELEASED, table="members")


def _holds(session: Session, home: Home, reach: Reach, file: VaultFile) -> bool:
    if reach.scope is Scope.EVERYTHING:
        return True
    rows = vault.opened(session, home, file)
    if reach.keys is not None:
        return bool(rows.scanner(columns=["patient_key"], filter=is_of(reach.keys)).count_rows())
    return bool(rows.scanner(columns=["hospital"], filter=pc.field("hospital") == reach.hospital).count_rows())
