"""書換えと破棄 (files): a stored file is rewritten under a new key without some rows, or destroyed as a whole, one transaction for each file.

The new file is written first and recorded in the transaction that destroys the old one's key, books the step and counts it; the old file
is unlinked afterwards. Whatever interrupts it, one of the two can be read, and the other is noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kiban_operator import vault
from kiban_operator.erasure.orders import Erasure, load
from kiban_operator.home import Home
from kiban_operator.keys import KEY_MISSING
from kiban_operator.ledger import book, kinds
from kiban_operator.vault import Progress, VaultFile
from kiban_processing.refusals import Refusal

Change = Callable[[pa.RecordBatch], pa.RecordBatch]
"""What becomes of a batch of rows: fewer of them, or the same ones emptied."""


@dataclass(frozen=True)
class Held:
    """What one file holds of what goes: rows, of so many, in so many bytes on disk."""

    file: VaultFile
    rows: int

    @property
    def shelf(self) -> str:
        return self.file.shelf


def without(goes: pc.Expression, home: Home, order_id: str, held: Held, progress: Progress) -> None:
    """Rewrite a file without the rows that go."""
    rewrite(home, order_id, held, ~goes, lambda batch: batch, progress)


def rewrite(home: Home, order_id: str, held: Held, keep: pc.Expression | None, change: Change, progress: Progress) -> None:
    """Rewrite a file with the rows to keep, each batch changed; a file that somebody else has moved meanwhile is left to the next look."""
    file, shelf = held.file, held.shelf
    progress(f"{shelf}:before", 0, None)
    source = readable(home, file)
    if source is None:
        return
    fresh = vault.seal(
        home, vault.Shelf(file.shelf), hospital=file.hospital, regime=file.regime, table=file.table_name, submission=file.submission,
        schema=source.schema.remove_metadata(), bucket=file.bucket,
    )  # fmt: skip
    try:
        for batch in source.scanner(filter=keep).to_batches():
            fresh.write(change(batch))
        fresh.close()
        progress(f"{shelf}:written", 0, None)
        with home.transaction() as session:
            book.lock(session)
            living = session.get(VaultFile, file.id, with_for_update=True, populate_existing=True)
            if living is None or living.destroyed_at is not None:
                fresh.discard()
                return
            vault.record(session, home, fresh)
            path = vault.destroy(session, home, living, order_id)
            _count(session, home, order_id, file.shelf, [held], [path])
            progress(f"{shelf}:booked", 0, None)
    except FileNotFoundError:  # moved while it was being read
        fresh.discard()
        return
    except BaseException:
        fresh.discard()
        raise
    progress(f"{shelf}:committed", 0, None)
    path.unlink(missing_ok=True)
    progress(f"{shelf}:unlinked", 0, None)


def destroy(home: Home, order_id: str, chosen: list[VaultFile], progress: Progress) -> None:
    """Destroy files as a whole, those of one shelf in one transaction."""
    for shelf in sorted({file.shelf for file in chosen}):
        progress(f"{shelf}:before", 0, None)
        with home.transaction() as session:
            book.lock(session)
            found = [
                session.get(VaultFile, file.id, with_for_update=True, populate_existing=True) for file in chosen if file.shelf == shelf
            ]
            living = [file for file in found if file is not None and file.destroyed_at is None]
            paths = [vault.destroy(session, home, file, order_id) for file in living]
            if living:
                _count(session, home, order_id, shelf, [Held(file, file.rows) for file in living], paths)
            progress(f"{shelf}:booked", 0, None)
        progress(f"{shelf}:committed", 0, None)
        for path in paths:
            path.unlink(missing_ok=True)
        progress(f"{shelf}:unlinked", 0, None)


def holding(home: Home, file: VaultFile, goes: pc.Expression, column: str = "patient_key") -> Held | None:
    """How many rows of a file go, from one column of it; None where none does, or the file is gone."""
    source = readable(home, file)
    try:
        rows = source.scanner(columns=[column], filter=goes).count_rows() if source else 0
    except FileNotFoundError:
        return None
    return Held(file, rows) if rows else None


def readable(home: Home, file: VaultFile) -> ds.Dataset | None:
    """The rows of a file as it was written; None where somebody else has moved it since it was listed."""
    try:
        with home.reading() as session:
            return vault.opened(session, home, file)
    except FileNotFoundError:
        return None
    except Refusal as refusal:
        if refusal.code == KEY_MISSING.code:
            return None
        raise


def left(session: Session, home: Home, order_id: str) -> list[Path]:
    """Files whose keys an order destroyed and that still lie on the disk, because something interrupted it."""
    return [path for path in (home.path / file.path for file in destroyed(session, order_id)) if path.exists()]


def destroyed(session: Session, order_id: str) -> list[VaultFile]:
    """The files an order has destroyed."""
    return list(session.scalars(sa.select(VaultFile).where(VaultFile.erasure == order_id)))


def _count(session: Session, home: Home, order_id: str, shelf: str, gone: list[Held], paths: list[Path]) -> None:
    rows = sum(each.rows for each in gone)
    sizes = sum(path.stat().st_size for path in paths if path.exists())
    order = load(session, order_id)
    tally(order, shelf, files=len(gone), rows=rows, bytes=sizes)
    if shelf in ("vault", "held"):
        tables = dict(order.counted.get("tables", {}))
        for each in gone:
            tables[each.file.table_name] = tables.get(each.file.table_name, 0) + each.rows
        order.counted = {**order.counted, "tables": tables}
    facts = {"what": shelf, "files": len(gone), "rows": rows, "keys": len(gone)}
    book.append(session, home.circumstances, kinds.ERASURE_STEPPED, f"erasure/{order_id}", facts)


def tally(order: Erasure, shelf: str, **numbers: int) -> None:
    """Add to what an order has done on a shelf."""
    shelves = {name: dict(counts) for name, counts in order.counted.get("shelves", {}).items()}
    counts = shelves.setdefault(shelf, {})
    for name, number in numbers.items():
        counts[name] = counts.get(name, 0) + number
    order.counted = {**order.counted, "shelves": shelves}
