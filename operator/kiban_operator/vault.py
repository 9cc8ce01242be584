"""保管庫 (vault): encrypted Parquet files, one data key per file wrapped by the master key (Act 18, 21).

A file is written first and recorded afterwards, in the transaction that also books it: until then its key exists only in memory, so a
file left behind by a crash is unreadable noise. Destroying the key erases every copy (Act 20). A table of many rows stands in several files
(`buckets`), each with an index, sealed under its own key, of whose rows it may hold (`person_index`). Files stand on shelves:

    vault       rows that passed the transfer guard                      (core zone)
    receipt     the persons whom the receipt record names, Reg 57        (core zone)
    released    which registrations went into which release              (core zone)
    linkage     pairs of registrations as the newest linkage judged them (core zone)
    held        rows that wait for a notice, a guardian or a day         (receive zone)
    quarantine  unusable rows and damaged files, as they came            (receive zone)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import keys, person_index, registers
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_processing import dialect
from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.items import Table
from kiban_processing.catalogue.registration import LOCAL_PATIENT_ID
from kiban_processing.formats import values
from kiban_processing.transforms import keys as pseudonyms

ROWS_PER_GROUP = 250_000
PATIENT_KEY_SECRET = "patient-key"
_INDEX_NONCE = b"person-index"  # one use: a file's key is its own, and the file has one index


class Shelf(StrEnum):
    """Where a file stands; the value is stored."""

    VAULT = "vault"
    RECEIPT = "receipt"
    HELD = "held"
    QUARANTINE = "quarantine"
    RELEASED = "released"
    LINKAGE = "linkage"


class VaultFile(Base):
    """One encrypted file; a file whose key is destroyed keeps its row as proof of the erasure (Reg 12: date of deletion).

    `bucket`: all its rows are of registrations of that bucket, None: of any; `person_index`: whose rows it may hold, sealed, None: anybody's;
    `erasure`: the order that destroyed it.
    """

    __tablename__ = "vault_files"
    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    shelf: Mapped[str] = mapped_column(sa.String(12), index=True)
    hospital: Mapped[str] = mapped_column(sa.String(40), index=True)
    regime: Mapped[str] = mapped_column(sa.String(1))
    table_name: Mapped[str] = mapped_column(sa.String(40), index=True)
    submission: Mapped[str] = mapped_column(sa.String(40), index=True)
    rows: Mapped[int] = mapped_column(sa.BigInteger)
    path: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(Moment)
    destroyed_at: Mapped[datetime | None] = mapped_column(Moment)
    bucket: Mapped[int | None]
    person_index: Mapped[bytes | None] = mapped_column(sa.LargeBinary, deferred=True)
    erasure: Mapped[str | None] = mapped_column(sa.String(40), index=True)


SYSTEM_COLUMNS = (
    pa.field("hospital", pa.string()),
    pa.field("regime", pa.string()),
    pa.field("submission", pa.string()),
    pa.field("source_file", pa.string()),
    pa.field("source_row", pa.int64()),
    pa.field("patient_key", pa.string()),
)
HELD_COLUMNS = (pa.field("ground", pa.string()), pa.field("eligible_on", pa.date32()))


def schema(table: Table, shelf: Shelf = Shelf.VAULT) -> pa.Schema:
    """Columns of a stored table: system columns first; the local patient ID stays only in `patients` (data minimisation)."""
    declared = [f for f in arrow.schema(table) if f.name != "local_patient_id" or table.name == "patients"]
    return pa.schema([*SYSTEM_COLUMNS, *(HELD_COLUMNS if shelf is Shelf.HELD else ()), *declared])


@dataclass
class Sealing:
    """A file being written under a fresh key that nobody else has yet."""

    id: str
    shelf: Shelf
    hospital: str
    regime: str
    table: str
    submission: str
    folder: Path
    schema: pa.Schema
    key: bytes = field(repr=False)
    bucket: int | None = None
    rows: int = 0
    _persons: person_index.Collected = field(default_factory=person_index.Collected, repr=False)
    _writer: pq.ParquetWriter | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.id}.parquet"

    @property
    def parts(self) -> list[Sealing]:
        """The files it consists of: itself."""
        return [self]

    @property
    def sealed_index(self) -> bytes | None:
        """Whose rows it may hold, under the file's own key: with that key it is gone."""
        index = self._persons.index() if "patient_key" in self.schema.names else None
        return None if index is None else AESGCM(self.key).encrypt(_INDEX_NONCE, index, self.id.encode())

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows, whose columns must be those of the schema (order does not matter)."""
        if batch.num_rows == 0:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            properties = pe.create_encryption_properties(self.key, aad_prefix=self.id.encode(), store_aad_prefix=False)
            self._writer = pq.ParquetWriter(self.path, self.schema, compression="zstd", encryption_properties=properties)
        if "patient_key" in self.schema.names:
            self._persons.add(batch.column("patient_key"))
        self._writer.write_table(pa.Table.from_batches([batch]).select(self.schema.names).cast(self.schema), row_group_size=ROWS_PER_GROUP)
        self.rows += batch.num_rows

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def discard(self) -> None:
        """Give up an unrecorded file; its key was never kept."""
        self.close()
        with suppress(FileNotFoundError):
            self.path.unlink()

    def reading(self) -> ds.Dataset:
        """The rows just written, readable while the key is still in hand; closes the file."""
        self.close()
        if self.rows == 0:
            return ds.dataset(self.schema.empty_table())
        return _encrypted(self.path, self.id, self.key, self.schema)


def _encrypted(path: Path, file_id: str, key: bytes, schema: pa.Schema | None) -> ds.Dataset:
    options = ds.ParquetFragmentScanOptions(decryption_properties=pe.create_decryption_properties(key, aad_prefix=file_id.encode()))
    return ds.dataset(path, schema=schema, format=ds.ParquetFileFormat(default_fragment_scan_options=options))


def folder_of(home: Home, shelf: Shelf) -> Path:
    zone = home.receive if shelf in (Shelf.HELD, Shelf.QUARANTINE) else home.core
    return zone / shelf.value


def seal(
    home: Home, shelf: Shelf, *, hospital: str, regime: str, table: str, submission: str, schema: pa.Schema, bucket: int | None = None
) -> Sealing:  # fmt: skip
    """Begin a new file. Nothing is on disk until the first row, nothing is readable until `record`."""
    circumstances = home.circumstances
    folder = folder_of(home, shelf) / submission
    return Sealing(circumstances.token("f"), shelf, hospital, regime, table, submission, folder, schema, circumstances.entropy(32), bucket)


def record(session: Session, home: Home, sealing: Sealing) -> VaultFile | None:
    """Close the file, keep its wrapped key and its row in the caller's transaction; an empty file leaves nothing."""
    sealing.close()
    if sealing.rows == 0:
        return None
    now = home.circumstances.now()
    home.keyring.make(session, f"file/{sealing.id}", lambda _size: sealing.key, now)
    row = VaultFile(
        id=sealing.id, shelf=sealing.shelf.value, hospital=sealing.hospital, regime=sealing.regime, table_name=sealing.table,
        submission=sealing.submission, rows=sealing.rows, path=str(sealing.path.relative_to(home.path)), created_at=now,
        bucket=sealing.bucket, person_index=sealing.sealed_index,
    )  # fmt: skip
    session.add(row)
    return row


def destroy(session: Session, home: Home, file: VaultFile, erasure: str | None = None) -> Path:
    """Destroy the file's key in the caller's transaction; returns the path, to be unlinked once that has committed. `erasure`: by whose order."""
    now = home.circumstances.now()
    home.keyring.destroy(session, f"file/{file.id}", now)
    file.destroyed_at, file.person_index, file.erasure = now, None, erasure
    return home.path / file.path


def sweep(session: Session, home: Home) -> int:
    """Remove what crashes left: files of no record, a day old at least, so that nobody can still be writing them. Returns their number.

    Their keys were never kept, or are destroyed, so they are noise already; this only gives the space back.
    """
    recorded = set(session.scalars(sa.select(VaultFile.path).where(VaultFile.destroyed_at.is_(None))))
    before = home.circumstances.now().timestamp() - timedelta(days=1).total_seconds()
    left = [
        path
        for shelf in Shelf
        for path in folder_of(home, shelf).rglob("*.parquet")
        if str(path.relative_to(home.path)) not in recorded and path.stat().st_mtime < before
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def files(
    session: Session, shelf: Shelf, *, table: str | None = None, hospital: str | None = None, regime: str | None = None
) -> list[VaultFile]:
    """Living files of a shelf, oldest first."""
    query = sa.select(VaultFile).where(VaultFile.shelf == shelf.value, VaultFile.destroyed_at.is_(None))
    for column, wanted in ((VaultFile.table_name, table), (VaultFile.hospital, hospital), (VaultFile.regime, regime)):
        if wanted is not None:
            query = query.where(column == wanted)
    return list(session.scalars(query.order_by(VaultFile.created_at, VaultFile.id)))


def index_of(session: Session, home: Home, file: VaultFile) -> bytes | None:
    """Whose rows a file may hold, for `person_index.may_hold`; None: anybody's, as of files written before there were indexes."""
    sealed = session.scalar(sa.select(VaultFile.person_index).where(VaultFile.id == file.id))
    return None if sealed is None else AESGCM(home.keyring.open(session, f"file/{file.id}")).decrypt(_INDEX_NONCE, sealed, file.id.encode())


def opened(session: Session, home: Home, file: VaultFile) -> ds.Dataset:
    """The rows of one file with the columns it was written with."""
    key = home.keyring.open(session, f"file/{file.id}")
    return _encrypted(home.path / file.path, file.id, key, None)


def dataset(session: Session, home: Home, chosen: Iterable[VaultFile], schema: pa.Schema) -> ds.Dataset:
    """The rows of several files as one Arrow dataset, decrypted as they are read and never on disk."""
    wanted = list(chosen)
    opened = home.keyring.open_all(session, [f"file/{file.id}" for file in wanted])
    children = [_encrypted(home.path / file.path, file.id, key, schema) for file, key in zip(wanted, opened, strict=True)]
    return ds.dataset(children, schema=schema) if children else ds.dataset(schema.empty_table())


def register(
    con: duckdb.DuckDBPyConnection, session: Session, home: Home, table: Table, name: str, *,
    shelf: Shelf = Shelf.VAULT, hospital: str | None = None, regime: str | None = None,
) -> str:  # fmt: skip
    """Make a table's stored rows readable in the engine as `name`; returns `name`.

    Where a hospital sent the same key again (a corrected record), only the row of its latest submission is seen.
    """
    chosen = files(session, shelf, table=table.name, hospital=hospital, regime=regime)
    con.register(f"{name}_all", dataset(session, home, chosen, schema(table, shelf)))
    rounds: dict[str, set[str]] = {}
    for file in chosen:
        rounds.setdefault(file.hospital, set()).add(file.submission)
    again = sorted(hospital for hospital, submissions in rounds.items() if len(submissions) > 1)
    if not again or not table.key:
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {name}_all")
        return name
    con.register(f"{name}_again", pa.table({"hospital": again}))
    order = _rounds(session, {file.submission for file in chosen})
    con.register(f"{name}_rounds", pa.table({"submission": order, "round": list(range(len(order)))}))
    key = ["patient_key" if column == "local_patient_id" else column for column in table.key]
    repeated = f"hospital IN (SELECT hospital FROM {name}_again) AND {' AND '.join(f'{column} IS NOT NULL' for column in key)}"
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW {name} AS
        SELECT * FROM {name}_all WHERE NOT ({repeated})
        UNION ALL
        SELECT v.* FROM (SELECT * FROM {name}_all WHERE {repeated}) v JOIN {name}_rounds r USING (submission)
        QUALIFY row_number() OVER (PARTITION BY v.hospital, {", ".join(f"v.{column}" for column in key)} ORDER BY r.round DESC, v.source_row) = 1
    """)
    return name


def _rounds(session: Session, submissions: Iterable[str]) -> list[str]:
    """Submissions in the order of their receipt: by the first file each ever had, as rows that were held come in later in files of their own."""
    first = sa.func.min(VaultFile.created_at)
    query = sa.select(VaultFile.submission).group_by(VaultFile.submission).order_by(first, VaultFile.submission)
    wanted = set(submissions)
    return [submission for submission in session.scalars(query) if submission in wanted]


def patient_key_parameters(secret: bytes) -> dict[str, bytes]:
    """The secret as the parameters that `patient_key_sql` needs, so that it stands in no statement text."""
    return pseudonyms.pads("key", secret)


def patient_key_sql(hospital: str, local_patient_id: str) -> str:
    """`keys.patient_key` for the engine; both arguments are SQL expressions, parameters are those of `patient_key_parameters`."""
    return f"substr({dialect.hmac('key', f'{hospital} || chr(31) || {local_patient_id}')}, 1, 32)"


def patient_secret(session: Session, home: Home) -> bytes:
    """The secret under which registrations are named in control data; made on first use."""
    return home.keyring.obtain(session, PATIENT_KEY_SECRET, home.circumstances.entropy, home.circumstances.now())


def local_patient_keys(session: Session, home: Home, hospital: str, local_ids: Sequence[str]) -> list[str]:
    """Names of a few registrations, for a desk that has the local IDs at hand.

    An ID is read as in the hospital's files (width, dashes, edges): a stop typed in full width must meet the patient. Refuses: register-id-missing.
    """
    secret = patient_secret(session, home)
    read = [values.judge(LOCAL_PATIENT_ID, local_id).value for local_id in local_ids]
    if not all(read):
        raise registers.ID_MISSING.refuse()
    return [keys.patient_key(secret, hospital, str(local_id)) for local_id in read]


Progress = Callable[[str, int, int | None], None]


def silent(_stage: str, _done: int, _total: int | None) -> None:
    """Progress nobody watches."""
