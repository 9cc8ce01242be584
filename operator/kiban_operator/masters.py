"""コードマスターの版 (masters): which versions of which code master this operator has, with digest, day in force, licence and source.

The tables lie in `home/masters` as Parquet, in clear: they are public and of no patient. Who loaded what is booked.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.circumstances import Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import book, kinds
from kiban_processing.language import Text
from kiban_processing.masters import completion, versions
from kiban_processing.masters.reading import Read
from kiban_processing.masters.versions import Master
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_5_X

_VERSION = re.compile(r"[^\s/\\\x00-\x1f]{1,60}")
_LICENCE = 400

VERSION_REFUSED = Ground(
    "master-version-refused", Family.INPUT, REG_5_X,
    Text("版の名は空白を含まない60字以内とし、許諾の記載は400字以内としてください。", "The version is a name of at most 60 characters without blanks; the licence note has at most 400."),
    Text("--version と --licence を直してください。", "Correct --version and --licence."),
)  # fmt: skip
VERSION_TAKEN = Ground(
    "master-version-taken", Family.STATE, REG_5_X,
    Text("「{kind}」の版 {version} は、別の内容又は別の施行日({in_force})ですでにあります。", "Version {version} of {kind} is there already, with other content or another day in force ({in_force})."),
    Text("訂正版であれば、別の版の名で取り込んでください。版は上書きしません。", "Load a correction under another version name; a version is never overwritten."),
)  # fmt: skip
DAY_TAKEN = Ground(
    "master-day-taken", Family.STATE, REG_5_X,
    Text("「{kind}」には {in_force} から有効な版 {version} がすでにあります。", "{kind} has version {version} in force from {in_force} already."),
    Text("どちらが有効かを日付で決められるよう、別の施行日を指定してください。", "Give another day, so that the day tells which one is in force."),
)  # fmt: skip
DAMAGED = Ground(
    "master-damaged", Family.INTEGRITY, REG_5_X,
    Text("「{kind}」の版 {version} の保存内容がないか、取り込んだ時と異なります。", "What is stored of version {version} of {kind} is gone or differs from what was loaded."),
    Text("保管場所の masters フォルダを控えから戻してください。", "Restore the folder `masters` of the home from its copy."),
)  # fmt: skip


class LoadedMaster(Base):
    """One version of one kind. `digest`: SHA-256 of the file as brought; `stored`: that of the Parquet file, which is named by it."""

    __tablename__ = "code_masters"
    __table_args__ = (sa.UniqueConstraint("kind", "in_force"),)
    kind: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    version: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    in_force: Mapped[date] = mapped_column(sa.Date)
    digest: Mapped[str] = mapped_column(sa.String(64))
    stored: Mapped[str] = mapped_column(sa.String(64))
    rows: Mapped[int] = mapped_column(sa.BigInteger)
    encoding: Mapped[str] = mapped_column(sa.String(10))
    licence: Mapped[str | None] = mapped_column(sa.String(400))
    loaded_at: Mapped[datetime] = mapped_column(Moment)
    loaded_by: Mapped[str] = mapped_column(sa.String(100))


def load(
    session: Session, circumstances: Circumstances, folder: Path, read: Read, version: str, in_force: date, licence: str | None = None
) -> tuple[LoadedMaster, bool]:
    """Take a file as a version in force from a day; the second value tells whether it is new. The same again changes nothing.

    `folder`: of the masters (`home/masters`); the table is there before the transaction says so. `licence`: source and terms, as a note.
    Refuses: master-unusable, master-version-refused, master-version-taken, master-day-taken.
    """
    read.require()
    if not _VERSION.fullmatch(version) or len(licence or "") > _LICENCE:
        raise VERSION_REFUSED.refuse()
    kind = read.kind.name
    known = session.get(LoadedMaster, (kind, version))
    if known is not None:
        if (known.digest, known.in_force) != (read.digest, in_force):
            raise VERSION_TAKEN.refuse(kind=kind, version=version, in_force=known.in_force)
        return known, False
    other = session.scalar(sa.select(LoadedMaster).where(LoadedMaster.kind == kind, LoadedMaster.in_force == in_force))
    if other is not None:
        raise DAY_TAKEN.refuse(kind=kind, version=other.version, in_force=in_force)
    made = LoadedMaster(
        kind=kind, version=version, in_force=in_force, digest=read.digest, stored=_store(folder, read), rows=read.rows.num_rows,
        encoding=read.encoding, licence=licence, loaded_at=circumstances.now(), loaded_by=circumstances.actor,
    )  # fmt: skip
    session.add(made)
    session.flush()
    facts = {"version": version, "digest": f"sha256:{read.digest}", "in_force": in_force.isoformat(), "rows": made.rows}
    book.append(session, circumstances, kinds.MASTER_LOADED, f"master/{kind}", facts)
    return made, True


def list_all(session: Session, kind: str | None = None) -> list[LoadedMaster]:
    """All versions, by kind and day in force."""
    chosen = sa.select(LoadedMaster).order_by(LoadedMaster.kind, LoadedMaster.in_force)
    return list(session.scalars(chosen if kind is None else chosen.where(LoadedMaster.kind == kind)))


def opened(session: Session, folder: Path, kind: str) -> list[Master]:
    """Every version of a kind with its rows, what a package holds first. Refuses: master-kind-unknown, master-damaged."""
    found = versions.kind_of(kind)
    return versions.with_installed(found, [_open(folder, one) for one in list_all(session, kind)])


def for_completion(session: Session, folder: Path) -> dict[str, list[Master]]:
    """Every version of the kinds that `completion.complete` looks into. Refuses: master-damaged."""
    return {kind: opened(session, folder, kind) for kind in dict.fromkeys(one.kind for one in completion.COMPLETIONS)}


def in_force(session: Session, folder: Path, kind: str, day: date) -> Master:
    """The version in force on a day. Refuses: master-kind-unknown, master-none-in-force, master-damaged."""
    found = versions.kind_of(kind)
    begun = [one for one in list_all(session, kind) if one.in_force <= day]
    loaded = [_open(folder, begun[-1])] if begun else []
    return versions.in_force(found, loaded or versions.with_installed(found, []), day)


def _store(folder: Path, read: Read) -> str:
    content = io.BytesIO()
    pq.write_table(read.rows, content, compression="zstd")
    stored = hashlib.sha256(content.getvalue()).hexdigest()
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{stored}.parquet"
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(content.getvalue())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return stored


def _open(folder: Path, loaded: LoadedMaster) -> Master:
    try:
        content = (folder / f"{loaded.stored}.parquet").read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != loaded.stored:
        raise DAMAGED.refuse(kind=loaded.kind, version=loaded.version)
    return Master(versions.kind_of(loaded.kind), loaded.version, loaded.in_force, loaded.digest, pq.read_table(io.BytesIO(content)))
