"""読取り中のファイル (incoming): one file of a submission as a guarded stream; its defects are noted, a damaged file is quarantined whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from kiban_operator import buckets, vault
from kiban_operator.home import Home
from kiban_operator.submissions import TableCount
from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.items import Table
from kiban_processing.formats import tables as source_tables
from kiban_processing.formats.submission import FileMapping
from kiban_processing.masters.versions import Master
from kiban_processing.refusals import Refusal

FINDINGS = pa.schema(
    [
        ("source_file", pa.string()),
        ("table_name", pa.string()),
        ("source_row", pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("raw", pa.string()),
    ]
)
DAMAGED = pa.schema([("source_file", pa.string()), ("part", pa.int64()), ("content", pa.binary())])
PART_BYTES = 1 << 20


@dataclass
class Sorting:
    """The state of one submission being sorted; `known` and `ids` are engine tables made by `recognise`.

    `items`: table → items brought. `delivered`: counts of records of each delivery in a standard format.
    `masters`: code masters from which standard codes are filled in.
    """

    home: Home
    con: duckdb.DuckDBPyConnection
    hospital: str
    regime: str
    submission: str
    secret: bytes = field(repr=False)
    progress: vault.Progress
    counts: dict[str, TableCount] = field(default_factory=dict)
    sealings: list[buckets.Keeping] = field(default_factory=list)
    damaged: list[dict[str, str]] = field(default_factory=list)
    died_before: list[str] = field(default_factory=list)
    items: dict[str, list[str]] = field(default_factory=dict)
    delivered: list[dict[str, Any]] = field(default_factory=list)
    masters: dict[str, list[Master]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.findings = self.begin_findings()

    def begin_findings(self) -> vault.Sealing:
        return self.begin(vault.Shelf.QUARANTINE, "findings", FINDINGS)

    def begin(self, shelf: vault.Shelf, table: str, schema: pa.Schema) -> vault.Sealing:
        """A file of its own."""
        sealing = vault.seal(
            self.home, shelf, hospital=self.hospital, regime=self.regime, table=table, submission=self.submission, schema=schema
        )
        self.sealings.append(sealing)
        return sealing

    def spread(self, shelf: vault.Shelf, table: str, schema: pa.Schema) -> buckets.Spread:
        """Rows of patients, in as many files as they take."""
        spread = buckets.spread(
            self.home, shelf, hospital=self.hospital, regime=self.regime, table=table, submission=self.submission, schema=schema
        )
        self.sealings.append(spread)
        return spread

    def count(self, table: str) -> TableCount:
        return self.counts.setdefault(table, TableCount())

    def discard(self) -> None:
        for sealing in self.sealings:
            sealing.discard()

    def note(self, file: str, table: str, rows: pa.Array, columns: pa.Array, rules: pa.Array, severities: pa.Array, raw: pa.Array) -> None:
        """Write findings of one file and table, all arrays of one length."""
        size = len(rows)
        self.note_all(pa.array([file] * size, pa.string()), pa.array([table] * size, pa.string()), rows, columns, rules, severities, raw)

    def note_all(
        self, files: pa.Array, tables: pa.Array, rows: pa.Array, columns: pa.Array, rules: pa.Array, severities: pa.Array, raw: pa.Array
    ) -> None:
        """Write findings, all arrays of one length."""
        self.findings.write(pa.record_batch([files, tables, rows, columns, rules, severities, raw], schema=FINDINGS))


class Incoming:
    """One file as a stream of usable rows; its defects are noted on the way, its failure is kept for the caller.

    The engine wraps exceptions of a stream it reads in its own, whose text may quote data: the original is kept in `failure`.
    """

    def __init__(self, sorting: Sorting, table: Table, mapping: FileMapping, path: Path, encoding: str) -> None:
        self.sorting = sorting
        self.table = table
        self.mapping = mapping
        self.path = path
        self.encoding = encoding
        self.failure: Exception | None = None
        self.usable = 0
        self.values_dropped = 0
        self.quarantined_for: dict[str, int] = {}
        self._defective: set[int] = set()
        self._defects: list[pa.RecordBatch] = []

    @property
    def defective(self) -> int:
        return len(self._defective)

    def reader(self) -> pa.RecordBatchReader:
        schema = pa.schema([pa.field("source_row", pa.int64()), *arrow.schema(self.table)])
        return pa.RecordBatchReader.from_batches(schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in source_tables.read(self.path, self.mapping, self.encoding).batches():
                self._take(batch.defects)
                self.usable += batch.rows.num_rows
                self.sorting.progress(f"{self.mapping.file}", self.usable, None)
                if batch.rows.num_rows:
                    yield batch.rows
        except Exception as error:
            self.failure = error
            raise

    def _take(self, defects: pa.RecordBatch) -> None:
        if defects.num_rows == 0:
            return
        self._defects.append(defects)
        unusable = pc.equal(defects.column("severity"), "row")
        self.values_dropped += defects.num_rows - (pc.sum(unusable).as_py() or 0)
        for row, rule in zip(
            defects.column("source_row").filter(unusable).to_pylist(), defects.column("rule").filter(unusable).to_pylist(), strict=True
        ):
            if row not in self._defective:
                self._defective.add(row)
                self.quarantined_for[rule] = self.quarantined_for.get(rule, 0) + 1

    def settle(self) -> None:
        """The file was read to its end: its defects become findings and counts."""
        for defects in self._defects:
            names = ("source_row", "column", "rule", "severity", "raw")
            self.sorting.note(self.mapping.file, self.table.name, *(defects.column(name) for name in names))
        count = self.sorting.count(self.table.name)
        count.sent += self.usable + self.defective
        count.quarantined += self.defective
        count.values_dropped += self.values_dropped
        for rule, number in self.quarantined_for.items():
            count.quarantined_for[rule] = count.quarantined_for.get(rule, 0) + number


def read_guarded(sorting: Sorting, incoming: Incoming, use: Callable[[], None]) -> bool:
    """Register the file's stream as `incoming`, run `use`, settle; a damaged file is quarantined as a whole. True when it was read."""
    try:
        sorting.con.register("incoming", incoming.reader())
        use()
    except Exception as error:
        failure = incoming.failure or error
        if not isinstance(failure, Refusal):
            raise failure from None
        quarantine_file(sorting, incoming.path, incoming.mapping.file, failure)
        return False
    finally:
        sorting.con.unregister("incoming")
    incoming.settle()
    return True


def quarantine_file(sorting: Sorting, path: Path, name: str, why: Refusal) -> None:
    """Keep a damaged file as it came, sealed, and say why (the other files of the submission go on)."""
    with path.open("rb") as file:
        quarantine_content(sorting, file, name, why)


def quarantine_content(sorting: Sorting, content: BinaryIO, name: str, why: Refusal) -> None:
    """Keep what cannot be read as it came, sealed, and say why; what does not unpack any further is kept as far as it goes."""
    sealing = sorting.begin(vault.Shelf.QUARANTINE, "damaged-file", DAMAGED)
    part = 0
    with suppress(Refusal):
        while read := content.read(PART_BYTES):
            sealing.write(pa.record_batch([[name], [part], [read]], schema=DAMAGED))
            part += 1
    sealing.close()
    sorting.damaged.append({"file": name, "code": why.code, "ja": why.read("ja"), "en": why.read("en")})
