"""束 (buckets): a large table is divided into files by the first bits of the patient key, so that few files hold any one person.

The first rows stand in one file together, so that a small delivery is one file as before; what follows goes into a file per bucket. Rows
are gathered per bucket until they make row groups of a reasonable size; what is gathered at one time is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from sqlalchemy.orm import Session

from kiban_operator import person_index, vault
from kiban_operator.home import Home
from kiban_operator.vault import Sealing, Shelf

UNDIVIDED_ROWS = 200_000
"""So many rows of one table stand in one file together before it is divided."""
GATHERED_BYTES = 256 << 20
"""So much is gathered in memory, over all buckets, before it is written."""


@dataclass
class Spread:
    """What is written of one table for one shelf, in as many files as it takes; to whoever writes, it is like one `Sealing`."""

    shelf: Shelf
    table: str
    schema: pa.Schema
    begin: Callable[[int | None], Sealing]
    rows: int = 0
    parts: list[Sealing] = field(default_factory=list)
    _together: Sealing | None = None
    _of_bucket: dict[int, Sealing] = field(default_factory=dict)
    _gathered: dict[int, list[pa.RecordBatch]] = field(default_factory=dict)
    _bytes: int = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows, whose columns must be those of the schema (order does not matter)."""
        if batch.num_rows == 0:
            return
        self.rows += batch.num_rows
        found = person_index.marks(batch.column("patient_key")) if self.rows > UNDIVIDED_ROWS else None
        if found is None:
            self._undivided().write(batch)
            return
        numbers = person_index.bucket(found).astype(np.uint8)  # of small numbers NumPy sorts without comparing
        order = np.argsort(numbers, kind="stable")
        sorted_rows, cuts = batch.take(pa.array(order)), np.searchsorted(numbers[order], np.arange(person_index.BUCKETS + 1))
        for number, (start, end) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
            if end > start:
                self._gathered.setdefault(number, []).append(sorted_rows.slice(start, end - start))
        self._bytes += sorted_rows.nbytes
        if self._bytes >= GATHERED_BYTES:
            self._write_gathered()

    def _undivided(self) -> Sealing:
        if self._together is None:
            self._together = self._part(None)
        return self._together

    def _part(self, bucket: int | None) -> Sealing:
        self.parts.append(self.begin(bucket))
        return self.parts[-1]

    def _write_gathered(self) -> None:
        for number, batches in sorted(self._gathered.items()):
            if number not in self._of_bucket:
                self._of_bucket[number] = self._part(number)
            for whole in pa.Table.from_batches(batches).combine_chunks().to_batches():
                self._of_bucket[number].write(whole)
        self._gathered, self._bytes = {}, 0

    def close(self) -> None:
        self._write_gathered()
        for part in self.parts:
            part.close()

    def discard(self) -> None:
        """Give up all files; their keys were never kept."""
        self._gathered = {}
        for part in self.parts:
            part.discard()

    def reading(self) -> ds.Dataset:
        """The rows just written; closes the files."""
        self.close()
        return together([self], self.schema.names) if self.rows else ds.dataset(self.schema.empty_table())


Keeping = Sealing | Spread
"""What a writer of rows takes: one file, or a table spread over several."""


def spread(home: Home, shelf: Shelf, *, hospital: str, regime: str, table: str, submission: str, schema: pa.Schema) -> Spread:
    """Begin a table of a shelf. Nothing is on disk until the first row, nothing is readable until `record`."""

    def begin(bucket: int | None) -> Sealing:
        return vault.seal(
            home, shelf, hospital=hospital, regime=regime, table=table, submission=submission, schema=schema, bucket=bucket
        )  # fmt: skip

    return Spread(shelf, table, schema, begin)


def record(session: Session, home: Home, keeping: Keeping) -> None:
    """Close the files and keep their keys and rows in the caller's transaction."""
    keeping.close()
    for part in keeping.parts:
        vault.record(session, home, part)


def together(keepings: Sequence[Keeping], columns: Sequence[str]) -> ds.Dataset:
    """Some columns of several tables just written, which may be of different shelves but have those columns alike."""
    schema = pa.schema([keepings[0].schema.field(name) for name in columns])
    for keeping in keepings:
        keeping.close()
    read = [part.reading() for keeping in keepings for part in keeping.parts]
    return ds.dataset(read, schema=schema) if read else ds.dataset(schema.empty_table())
