"""名寄せからの消去 (leaving): registrations leave the register, the linkage's pairs and its state for good, and their history with them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import workshop
from kiban_operator.home import Home
from kiban_operator.ledger import book
from kiban_operator.persons import generations, linking, links, register
from kiban_operator.persons.forgetting import forget, parts
from kiban_operator.persons.register import Registration
from kiban_operator.vault import Progress, silent


def registered(session: Session, keys: Iterable[str] | None) -> frozenset[str]:
    """Those of some registrations, or of all (None), that the register knows."""
    if keys is None:
        return frozenset(session.scalars(sa.select(Registration.patient_key)))
    found: set[str] = set()
    for part in parts(keys):
        found.update(session.scalars(sa.select(Registration.patient_key).where(Registration.patient_key.in_(part))))
    return frozenset(found)


def take_out(home: Home, gone: frozenset[str], progress: Progress = silent, judging: bool = True) -> None:
    """Registrations leave the register, the pairs and the linkage's state; splits are events of a run, where there is a state to judge by.

    Without one, or not `judging`, the state is destroyed, the others keep their persons, and the next `kiban link` judges everything again.
    Doing it again changes nothing. Refuses: linkage-overtaken.
    """
    with home.reading() as session:
        known, last = registered(session, gone), register.last_run(session)
    if (judging and not known) or (judging and linking.take_out(home, known, progress) is not None):
        return
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        con.register("leaving", pa.table({"patient_key": pa.array(sorted(known), pa.string())}))
        sealing = links.without(home, con, "leaving")
    try:
        with home.transaction() as session:
            book.lock(session)
            linking.require_newest(session, last)
            for part in parts(known):
                session.execute(sa.delete(Registration).where(Registration.patient_key.in_(part)))
            forget(session, home.circumstances, known)
            folders = generations.destroy_all(session, home)
            old = links.replace(session, home, sealing)
    except BaseException:
        sealing.discard()
        raise
    remove(home, [*old, *folders])


def remove(home: Home, places: Iterable[Path]) -> None:
    """Give back the space of files and folders whose keys are destroyed."""
    for place in places:
        if place.is_dir():
            generations.drop(place)
        else:
            place.unlink(missing_ok=True)
