"""受入れ (intake): a submission folder is confirmed, read, gated, and kept or quarantined, with its receipt record (Act 55, 56; Reg 56-58).

All of it becomes visible in one transaction, or none: files that a crash leaves behind have no key and are removed when the same
submission is received again. The same submission sent twice is recognised by its digest and changes nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kiban_operator import (
    buckets,
    deaths,
    hospitals,
    masters,
    people,
    programmes,
    roles,
    sorting,
    stop_matches,
    submissions,
    vault,
    workshop,
)
from kiban_operator.delivered import Delivered
from kiban_operator.guard import relation as guard_relation
from kiban_operator.home import Home
from kiban_operator.incoming import Incoming, Sorting, read_guarded
from kiban_operator.ledger import book, kinds
from kiban_operator.submissions import Receipt, Submission
from kiban_processing.catalogue.items import Table
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.formats import submission as source
from kiban_processing.formats.submission import FileMapping, Manifest, Mapping

RECEIPT = pa.schema([("hospital", pa.string()), ("local_patient_id", pa.string()), ("patient_key", pa.string())])


def receive(home: Home, folder: Path, progress: vault.Progress = vault.silent) -> Receipt:
    """Receive one submission folder.

    Not checked here: whether the sender is who it says (the door's duty). Refuses: what `formats.submission` refuses, hospital-unknown,
    act-not-allowed, programme-unknown, stopped-meanwhile; a damaged table file is quarantined instead, and the rest goes on. Source: Act 55(1)(3), 56(1); Reg 56, 57.
    """
    manifest = source.read_manifest(folder)
    mapping = source.read_mapping(folder, manifest)
    digest = source.digest(folder, manifest, mapping)
    with home.transaction() as session:
        people.require(session, home.circumstances, roles.Act.RECEIVE_SUBMISSION)
        hospitals.get(session, manifest.hospital)
        programmes.get(session, manifest.hospital, manifest.regime)
    submission = f"s-{digest[:16]}"
    with _alone(home, submission):
        with home.reading() as session:
            earlier = session.scalar(sa.select(Submission).where(Submission.digest == digest))
            if earlier is not None:
                return submissions.receipt_of(earlier, repeated=True)
        _clear_away(home, submission)
        receipt = _receive(home, folder, manifest, mapping, digest, progress)
    stop_matches.seek_again(home)  # a request whose person nobody had found may be of somebody who has just come
    return receipt


@contextmanager
def _alone(home: Home, submission: str) -> Iterator[None]:
    """Nobody else receives the same submission meanwhile, or would take this one's unrecorded files for what a crash left.

    The lock is on the submission's own folder, which is never removed; it falls with the process, however that ends.
    """
    place = vault.folder_of(home, vault.Shelf.VAULT) / submission
    place.mkdir(parents=True, exist_ok=True)
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _clear_away(home: Home, submission: str) -> None:
    """Remove what a crash left of this submission: files whose keys were never kept."""
    for shelf in vault.Shelf:
        for path in (vault.folder_of(home, shelf) / submission).glob("*.parquet"):
            path.unlink()


def _receive(home: Home, folder: Path, manifest: Manifest, mapping: Mapping, digest: str, progress: vault.Progress) -> Receipt:
    submission = f"s-{digest[:16]}"
    with workshop.open_workshop(home.receive / "engine", home.settings.memory_limit, home.settings.threads, joins_as_written=True) as con:
        with home.transaction() as session:
            secret = vault.patient_secret(session, home)
            received_at = home.circumstances.now()  # before the registers are read: a stop that comes later is later than the receipt
            _lay_out(con, session, home, manifest)
            known = masters.for_completion(session, home.masters) if mapping.deliveries else {}
        sorted_rows = Sorting(home, con, manifest.hospital, manifest.regime, submission, secret, progress, masters=known)
        try:
            _sort_all(sorted_rows, manifest, mapping, folder)
            return _keep(sorted_rows, manifest, mapping, digest, received_at)
        except IntegrityError:
            sorted_rows.discard()
            with home.transaction() as session:  # on another machine somebody received the same folder, and was first
                first = session.scalar(sa.select(Submission).where(Submission.digest == digest))
                if first is None:
                    raise
                return submissions.receipt_of(first, repeated=True)
        except BaseException:
            sorted_rows.discard()
            raise


def _lay_out(con: duckdb.DuckDBPyConnection, session: Session, home: Home, manifest: Manifest) -> None:
    """What the engine must know before it reads: the guard's facts, and earlier registrations and deaths of the hospital."""
    guard_relation.register_facts(con, session, manifest.hospital, manifest.regime, home.circumstances.today())
    sorting.lay_out_stored(con, session, home, manifest.hospital)


def _sort_all(work: Sorting, manifest: Manifest, mapping: Mapping, folder: Path) -> None:
    by_table: dict[str, list[FileMapping]] = {}
    for entry in mapping.files:
        by_table.setdefault(entry.table, []).append(entry)
    deliveries = [Delivered(work, one, folder, len(mapping.files) + number) for number, one in enumerate(mapping.deliveries)]
    for name in sorting.STAGED:
        sorting.prepare_stage(work, TABLES[name])
        for number, entry in enumerate(by_table.get(name, [])):
            sorting.stage(work, TABLES[name], _incoming(work, TABLES[name], entry, folder, manifest), number)
    for delivery in sorted(deliveries, key=lambda one: not one.registers):  # those that register first, so that the others can check them
        delivery.stage()
    for name in sorting.STAGED:
        sorting.quarantine_repeated(work, TABLES[name])
    sorting.recognise(work)
    work.items = _items(by_table, deliveries)
    rulings = guard_relation.rule(work.con, "known", work.items, also="guard_stops")
    work.died_before = deaths.ruled(work.con, rulings)
    written: dict[str, list[buckets.Keeping]] = {name: [] for name in work.items}
    for name in sorting.STAGED:
        if name in work.items:
            sorting.sort_rows(work, TABLES[name], f"staged_{name}", rulings)
    for name, entries in by_table.items():
        if name not in sorting.STAGED:
            for entry in entries:
                written[name] += _sort_stream(work, TABLES[name], _incoming(work, TABLES[name], entry, folder, manifest), rulings)
    for delivery in deliveries:
        for name, sealings in delivery.sort(rulings).items():
            written[name] += sealings
        work.delivered.append(delivery.count.as_json())
    for name in work.items:
        if name not in sorting.STAGED:
            sorting.withdraw_repeated(work, TABLES[name], written[name])
        sorting.count_held(work, name)
        work.count(name).check(name)


def _incoming(work: Sorting, table: Table, entry: FileMapping, folder: Path, manifest: Manifest) -> Incoming:
    return Incoming(work, table, entry, folder / entry.file, manifest.encoding)


def _items(by_table: dict[str, list[FileMapping]], deliveries: list[Delivered]) -> dict[str, list[str]]:
    """Which items each table brings: what its files map and what its deliveries may give. The guard asks that the person's notice covers every one of them."""
    brought = {name: {item for entry in entries for item in entry.items} for name, entries in by_table.items()}
    for delivery in deliveries:
        for name, items in delivery.items.items():
            brought.setdefault(name, set()).update(items)
    return {name: sorted(items) for name, items in brought.items()}


def _sort_stream(work: Sorting, table: Table, incoming: Incoming, rulings: str) -> list[buckets.Keeping]:
    """Sort one event file as it is read; a file that turns out damaged takes its already sorted rows with it."""
    written: list[buckets.Keeping] = []
    before = len(work.sealings)
    counts = asdict(work.count(table.name))
    shared, work.findings = work.findings, work.begin_findings()

    def use() -> None:
        named = "(SELECT $file AS source_file, * FROM incoming)"
        written.extend(sorting.sort_rows(work, table, named, rulings, file=incoming.mapping.file))

    try:
        if read_guarded(work, incoming, use):
            return written
        for sealing in [each for each in work.sealings[before:] if each is work.findings or each.table == table.name]:
            sealing.discard()
            work.sealings.remove(sealing)
        work.counts[table.name] = submissions.TableCount(**counts)
        return []
    finally:
        work.findings = shared


def _keep(work: Sorting, manifest: Manifest, mapping: Mapping, digest: str, received_at: datetime) -> Receipt:
    """Record files, receipt record and ledger entry in one transaction."""
    home, circumstances = work.home, work.home.circumstances
    _write_receipt_record(work)
    items = sorted(f"{table}.{item}" for table, brought in work.items.items() for item in brought)
    with home.transaction() as session:
        hospital = hospitals.get(session, manifest.hospital)
        programme = programmes.get(session, manifest.hospital, manifest.regime)
        for sealing in work.sealings:
            buckets.record(session, home, sealing)
        row = Submission(
            id=work.submission, digest=digest, hospital=manifest.hospital, regime=manifest.regime,
            period_from=manifest.period_from, period_to=manifest.period_to, sent_by=manifest.sent_by,
            received_at=received_at, received_by=circumstances.actor,
            counts={name: asdict(count) for name, count in work.counts.items()}, damaged_files=work.damaged,
            confirmed={
                "name": hospital.name, "address": hospital.address, "representative": hospital.representative,
                "filing_published_on": programme.ministers_published_on.isoformat() if programme.ministers_published_on else None,
            },
            items=items, deliveries=work.delivered,
        )  # fmt: skip
        session.add(row)
        session.flush()
        deaths.remember(session, circumstances, manifest.hospital, work.died_before)
        book.append(
            session, circumstances, kinds.SUBMISSION_RECEIVED, f"submission/{work.submission}",
            {
                "hospital": manifest.hospital, "regime": manifest.regime, "digest": f"sha256:{digest}",
                "tables": {
                    name: {"in": count.sent, "accepted": count.accepted, "held": count.held, "quarantined": count.quarantined}
                    for name, count in work.counts.items()
                },
                "period_from": manifest.period_from.isoformat(), "period_to": manifest.period_to.isoformat(),
                "files": len(mapping.files) + len(mapping.deliveries), "files_quarantined": len(work.damaged),
            },
        )  # fmt: skip
        accepted = [sealing for sealing in work.sealings if sealing.shelf is vault.Shelf.VAULT]
        sorting.require_no_new_stop(work.con, session, manifest.hospital, manifest.regime, circumstances.today(), accepted)
        return submissions.receipt_of(row)


def _write_receipt_record(work: Sorting) -> None:
    """The persons of the receipt record (Reg 57(1)(iii)): every registration of which a row was accepted; kept apart, so that it outlives them."""
    accepted = [sealing for sealing in work.sealings if sealing.shelf is vault.Shelf.VAULT and sealing.rows]
    if not accepted:
        return
    work.con.register("accepted_rows", buckets.together(accepted, ["patient_key"]))
    record = work.begin(vault.Shelf.RECEIPT, "receipt-record", RECEIPT)
    query = """SELECT ? AS hospital, ids.local_patient_id, ids.patient_key
               FROM (SELECT DISTINCT patient_key FROM accepted_rows) JOIN ids USING (patient_key) ORDER BY ids.local_patient_id"""
    for batch in work.con.execute(query, [work.hospital]).to_arrow_reader(sorting.BATCH_ROWS):
        record.write(batch)
