"""医療機関・提供ごとの消去 (whole): whose registrations are gone once files went as a whole: those of whom no registration row is left."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from kiban_operator import vault
from kiban_operator.erasure.reach import Reach
from kiban_operator.home import Home
from kiban_operator.persons.register import Registration
from kiban_operator.vault import Shelf, VaultFile


def living(home: Home, reach: Reach) -> frozenset[str]:
    """Registrations of the hospital that still have a row in vault or hold."""
    found: set[str] = set()
    for shelf in (Shelf.VAULT, Shelf.HELD):
        with home.reading() as session:
            chosen = vault.files(session, shelf, table="patients", hospital=reach.hospital)
            sources = [vault.opened(session, home, file) for file in chosen if not reach.whole(file)]
        for source in sources:
            found.update(pc.unique(source.to_table(["patient_key"]).column(0)).to_pylist())
    return frozenset(found)


def gone_from_register(home: Home, reach: Reach, still: frozenset[str]) -> frozenset[str]:
    """Registrations of the hospital that the register knows and the vault no longer does."""
    with home.reading() as session:
        known = session.scalars(sa.select(Registration.patient_key).where(Registration.hospital == reach.hospital))
        return frozenset(known) - still


def gone_from_release(home: Home, reach: Reach, members: VaultFile, still: frozenset[str]) -> frozenset[str]:
    """Registrations of the hospital that went into a release and are no longer held."""
    with home.reading() as session:
        source = vault.opened(session, home, members)
    rows: pa.Table = source.to_table(["patient_key"], filter=pc.field("hospital") == reach.hospital)
    return frozenset(rows.column(0).to_pylist()) - still
