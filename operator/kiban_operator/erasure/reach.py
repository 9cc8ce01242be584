"""消去の及ぶ範囲 (reach): the registrations an order names, and the stored files that hold what it takes in, found without reading the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import person_index, vault
from kiban_operator.erasure import quarantine
from kiban_operator.erasure.orders import OF_PERSONS, Erasure, Registration, Scope, subject
from kiban_operator.home import Home
from kiban_operator.persons import history
from kiban_operator.persons.register import Registration as Registered
from kiban_operator.vault import Shelf, VaultFile
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_20

NOTHING_HELD = Ground(
    "erasure-nothing-held", Family.INPUT, ACT_20,
    Text("その登録は保管していません。", "Nothing of that registration is held."),
    Text("医療機関と患者IDを確かめてください。停止の求めと受領記録は消去の対象ではありません。",
         "Check the hospital and the patient ID. Requests to stop and receipt records are not erased."),
)  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """What one order takes in. `keys`: registrations by name, None where whole files go; `local_ids`: hospital → IDs its files may use."""

    scope: Scope
    hospital: str | None
    submission: str | None
    registrations: tuple[Registration, ...]

    @property
    def keys(self) -> frozenset[str] | None:
        return frozenset(each.patient_key for each in self.registrations) if self.scope in OF_PERSONS else None

    @property
    def local_ids(self) -> dict[str, list[str]]:
        found: dict[str, set[str]] = {}
        for each in self.registrations:
            found.setdefault(each.hospital, set()).update(each.local_ids)
        return {hospital: sorted(ids) for hospital, ids in sorted(found.items())}

    def whole(self, file: VaultFile) -> bool:
        """Whether a file of vault, held or quarantine goes as it is."""
        if self.scope is Scope.EVERYTHING:
            return True
        if self.scope is Scope.SUBMISSION:
            return file.submission == self.submission
        return self.scope is Scope.HOSPITAL and file.hospital == self.hospital


def of(session: Session, home: Home, found: Erasure) -> Reach:
    """The reach of an order."""
    return Reach(Scope(found.scope), found.hospital, found.submission, subject(session, home, found))


def of_registration(home: Home, hospital: str, local_id: str, whole_person: bool) -> list[Registration]:
    """The registration under a local ID, and, for a whole person, all that the linkage holds to be of the same person.

    Refuses: register-id-missing, erasure-nothing-held.
    """
    with home.transaction() as session:
        (key,) = vault.local_patient_keys(session, home, hospital, [local_id])
    with home.reading() as session:
        person = history.now(session, [key])[key]
        keys = {key: hospital}
        if whole_person and person is not None:
            query = sa.select(Registered.patient_key, Registered.hospital).where(Registered.person == person)
            keys |= dict(session.execute(query).tuples().all())
        return _known(session, home, keys, {key: local_id.strip()})


def of_person(home: Home, person: str) -> list[Registration]:
    """All registrations the linkage holds to be of a person. Refuses: person-unknown."""
    with home.reading() as session:
        query = sa.select(Registered.patient_key, Registered.hospital).where(Registered.person == person)
        keys = dict(session.execute(query).tuples().all())
        if not keys:
            raise history.UNKNOWN.refuse(person=person)
        return _known(session, home, keys, {})


def _known(session: Session, home: Home, keys: dict[str, str], told: dict[str, str]) -> list[Registration]:
    """With every local ID under which receipt records, vault and hold know them. Refuses: erasure-nothing-held."""
    ids: dict[str, set[str]] = {key: {told[key]} if key in told else set() for key in keys}
    held = bool(set(session.scalars(sa.select(Registered.patient_key).where(Registered.patient_key.in_(list(keys))))))
    for shelf, table in ((Shelf.RECEIPT, None), (Shelf.VAULT, "patients"), (Shelf.HELD, "patients")):
        for file in files(session, home, shelf, frozenset(keys), table=table, hospitals=frozenset(keys.values())):
            rows = vault.opened(session, home, file).to_table(["patient_key", "local_patient_id"], filter=is_of(keys))
            held |= rows.num_rows > 0 and shelf is not Shelf.RECEIPT
            for key, local_id in zip(*(rows.column(name).to_pylist() for name in rows.schema.names), strict=True):
                ids[key].add(local_id)
    found = [Registration(hospital, key, tuple(sorted(ids[key]))) for key, hospital in sorted(keys.items())]
    held = held or any(files(session, home, shelf, frozenset(keys)) for shelf in (Shelf.VAULT, Shelf.HELD))
    if not held and not any(quarantine.naming(home, {each.hospital: list(each.local_ids) for each in found})):
        raise NOTHING_HELD.refuse()
    return found


def files(
    session: Session, home: Home, shelf: Shelf, keys: frozenset[str], *, table: str | None = None,
    hospitals: frozenset[str] | None = None, trusting: bool = True,
) -> list[VaultFile]:  # fmt: skip
    """Living files of a shelf that may hold rows of some registrations: by bucket, and by their index unless that is not to be trusted."""
    numbers, marks = person_index.buckets_of(keys), person_index.marks(pa.array(sorted(keys), pa.string()))
    query = sa.select(VaultFile).where(VaultFile.shelf == shelf.value, VaultFile.destroyed_at.is_(None))
    if table is not None:
        query = query.where(VaultFile.table_name == table)
    if hospitals is not None:
        query = query.where(VaultFile.hospital.in_([*hospitals, "*"]))
    if numbers is not None:
        query = query.where(sa.or_(VaultFile.bucket.is_(None), VaultFile.bucket.in_(sorted(numbers))))
    chosen = list(session.scalars(query.order_by(VaultFile.created_at, VaultFile.id)))
    if not trusting or marks is None:
        return chosen
    return [file for file in chosen if _may_hold(session, home, file, marks)]


def _may_hold(session: Session, home: Home, file: VaultFile, marks: person_index.Marks) -> bool:
    index = vault.index_of(session, home, file)
    return index is None or bool(np.any(person_index.may_hold(index, marks)))


def whole_files(session: Session, reach: Reach, shelf: Shelf) -> list[VaultFile]:
    """Living files of a shelf that go as they are."""
    return [file for file in vault.files(session, shelf) if reach.whole(file)]


def is_of(keys: Iterable[str]) -> pc.Expression:
    """The rows of some registrations, as a filter."""
    return pc.field("patient_key").isin(pa.array(sorted(keys), pa.string()))
