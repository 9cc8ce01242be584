"""帳簿 (the book): the append-only ledger in the control data, written in the same transaction as the change it records (Act 14, Reg 12).

Entries are canonical JSON and the leaves of a hash tree. What may have to be erased (a recipient's name) stands in an entry only as a
salted commitment; text and salt lie in `ledger_reveals`, an ordinary table. A correction is a new entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator.circumstances import JAPAN, Circumstances
from kiban_operator.database import Base, Moment
from kiban_operator.ledger import guards, kinds, merkle, shapes
from kiban_operator.ledger.statements import canonical
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_12

CLOCK_WENT_BACK = Ground(
    "ledger-clock-back",
    Family.INTEGRITY,
    REG_12,
    Text(
        "時計が帳簿の最後の記載（{last}）より前を指しています（{now}）。", "The clock ({now}) is behind the ledger's last entry ({last})."
    ),
    Text("時刻合わせを確かめてから、もう一度行ってください。", "Check the machine's time synchronisation, then try again."),
)
LINE_KEPT = Ground(
    "ledger-line-kept",
    Family.LAW,
    REG_12,
    Text(
        "記載 {seq} の項目「{field}」は {until} まで保存しなければなりません。",
        "The field “{field}” of entry {seq} must be kept until {until}.",
    ),
    Text("保存期間が過ぎてから消去してください。", "Erase it when the period of preservation has passed."),
)
NOTHING_SEALED = Ground(
    "ledger-nothing-sealed",
    Family.STATE,
    REG_12,
    Text("記載 {seq} に封をした項目「{field}」の原文はありません。", "There is no text of a sealed field “{field}” for entry {seq}."),
    Text("`kiban ledger list` で記載番号と項目を確かめてください。", "Check the entry's number and field with `kiban ledger list`."),
)

LONGEST = 65_535  # bytes: the length before an entry in a bundle has two bytes
SALT_SIZE = 16
_OPEN = "ledger-written-in"
_LOCK = 0x6B6962616E  # one advisory lock for the one ledger of a database


class EntryRow(Base):
    """One entry: dense number from 0, its canonical bytes, its leaf hash."""

    __tablename__ = "ledger_entries"
    seq: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False)
    body: Mapped[bytes] = mapped_column(sa.LargeBinary)
    leaf: Mapped[bytes] = mapped_column(sa.LargeBinary)
    kind: Mapped[str] = mapped_column(sa.String(100), index=True)  # copies of what the body says, for finding only
    aggregate: Mapped[str] = mapped_column(sa.String(300), index=True)


class NodeRow(Base):
    """The hash of a complete subtree above the leaves (level 1 and up)."""

    __tablename__ = "ledger_nodes"
    level: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(sa.LargeBinary)


class RevealRow(Base):
    """A sealed field's text and salt; erasable, which leaves every proof valid."""

    __tablename__ = "ledger_reveals"
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    commitment: Mapped[str] = mapped_column(sa.String(66))
    salt: Mapped[bytes] = mapped_column(sa.LargeBinary)
    value: Mapped[str] = mapped_column(sa.Text)


class CheckpointRow(Base):
    """A checkpoint that was signed and may have left the house."""

    __tablename__ = "ledger_checkpoints"
    size: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(Moment)


def _table_of(row: type[Base]) -> sa.Table:
    table = row.__table__
    assert isinstance(table, sa.Table)
    return table


_ENTRIES, _NODES, _REVEALS = _table_of(EntryRow), _table_of(NodeRow), _table_of(RevealRow)
for _table in (_ENTRIES, _NODES, _table_of(CheckpointRow)):
    guards.attach(_table)


@dataclass(frozen=True)
class Entry:
    """記載: one line of the book. `sealed` maps field → commitment; `at` is in Japan's time."""

    seq: int
    kind: str
    at: datetime
    actor: str
    aggregate: str
    prev: int | None
    facts: Mapping[str, object]
    sealed: Mapping[str, str]
    body: bytes
    leaf: bytes


def append(
    session: Session,
    circumstances: Circumstances,
    kind: kinds.Kind | str,
    aggregate: str,
    facts: Mapping[str, object],
    sealed: Mapping[str, str] | None = None,
) -> Entry:
    """Write one entry, in the caller's transaction: it stands if and only if the change it records stands.

    `facts`: JSON without personal data, as the kind declares (else Undeclared, a bug). `sealed`: texts that may have to be erased.
    One writer at a time, until the transaction ends. Refuses: ledger-clock-back.
    """
    declared = kinds.named(kind) if isinstance(kind, str) else kind
    texts = dict(sealed or {})
    faults = declared.faults(aggregate, facts, frozenset(texts))
    if faults or kinds.KINDS.get(declared.name) is not declared or not shapes.CODE.fits(circumstances.actor):
        raise kinds.Undeclared(f"{declared.name}: {'; '.join(fault.en for fault in faults) or 'not a declared kind, or no actor'}")
    lock(session)
    session.flush()
    session.info[_OPEN] = session.get_transaction()
    last = _last(session)
    seq = 0 if last is None else last.seq + 1
    at = circumstances.now().astimezone(JAPAN).replace(microsecond=0)
    if last is not None and at < last.at:
        raise CLOCK_WENT_BACK.refuse(now=at.isoformat(), last=last.at.isoformat())
    prev = session.scalar(sa.select(sa.func.max(EntryRow.seq)).where(EntryRow.aggregate == aggregate))
    salts = {field: circumstances.entropy(SALT_SIZE) for field in sorted(texts)}
    commitments = {field: commitment(salt, texts[field]) for field, salt in salts.items()}
    body = canonical(
        {
            "v": 1,
            "seq": seq,
            "kind": declared.name,
            "at": at.isoformat(timespec="seconds"),
            "actor": circumstances.actor,
            "aggregate": aggregate,
            "prev": prev,
            "facts": dict(facts),
            "sealed": commitments,
        }
    )
    if len(body) > LONGEST:
        raise kinds.Undeclared(f"{declared.name}: the entry has {len(body)} bytes, more than {LONGEST}")
    leaf = merkle.leaf_hash(body)
    grown = merkle.grow(seq, leaf, reader(session))
    session.execute(sa.insert(_ENTRIES).values(seq=seq, body=body, leaf=leaf, kind=declared.name, aggregate=aggregate))
    if len(grown) > 1:
        session.execute(sa.insert(_NODES), [{"level": level, "idx": index, "hash": hash_} for level, index, hash_ in grown[1:]])
    if salts:
        rows = [{"seq": seq, "field": f, "commitment": commitments[f], "salt": salts[f], "value": texts[f]} for f in salts]
        session.execute(sa.insert(_REVEALS), rows)
    return _read(body, leaf)


def commitment(salt: bytes, value: str) -> str:
    """What stands in an entry in place of a sealed text."""
    return f"c:{sha256(salt + value.encode()).hexdigest()}"


def entries(session: Session, aggregate: str | None = None, kind: kinds.Kind | str | None = None, since: int | None = None) -> list[Entry]:
    """Entries in order; `since` is the number of the first one wanted."""
    query = sa.select(EntryRow.body, EntryRow.leaf).order_by(EntryRow.seq)
    if aggregate is not None:
        query = query.where(EntryRow.aggregate == aggregate)
    if kind is not None:
        query = query.where(EntryRow.kind == (kind if isinstance(kind, str) else kind.name))
    if since is not None:
        query = query.where(EntryRow.seq >= since)
    return [_read(body, leaf) for body, leaf in session.execute(query)]


def has_uncommitted(session: Session) -> bool:
    """Whether an entry was written in the transaction that is still open."""
    return session.info.get(_OPEN) is not None and session.info[_OPEN] is session.get_transaction()


def size(session: Session) -> int:
    """How many entries the book has."""
    last = session.scalar(sa.select(sa.func.max(EntryRow.seq)))
    return 0 if last is None else last + 1


def reveal(session: Session, seq: int) -> dict[str, str]:
    """The texts behind an entry's sealed fields, as far as they are not erased: field → text."""
    query = sa.select(RevealRow.field, RevealRow.value).where(RevealRow.seq == seq).order_by(RevealRow.field)
    return {field: value for field, value in session.execute(query)}


def erase_reveal(session: Session, circumstances: Circumstances, seq: int, field: str) -> None:
    """Erase one sealed field's text and salt for good; the entry and every proof stay as they are.

    The lines of Reg 12 keep their texts for three years from the entry. Refuses: ledger-line-kept, ledger-nothing-sealed.
    """
    row = session.execute(sa.select(EntryRow.body, EntryRow.leaf).where(EntryRow.seq == seq)).one_or_none()
    reveal_row = session.get(RevealRow, (seq, field))
    if row is None or reveal_row is None:
        raise NOTHING_SEALED.refuse(seq=seq, field=field)
    entry = _read(*row)
    until = kept_until(entry)
    if until is not None and circumstances.today() <= until:
        raise LINE_KEPT.refuse(seq=seq, field=field, until=until.isoformat())
    session.delete(reveal_row)
    session.flush()


def kept_until(entry: Entry) -> date | None:
    """The last day on which a statutory line's texts must be there (Reg 12(3)); None for other entries."""
    if not kinds.named(entry.kind).statutory:
        return None
    return kinds.retained_until(entry.at.date())


def reader(session: Session) -> merkle.Read:
    """Hashes of complete subtrees as stored."""

    def read(level: int, index: int) -> bytes:
        if level == 0:
            return session.scalars(sa.select(EntryRow.leaf).where(EntryRow.seq == index)).one()
        return session.scalars(sa.select(NodeRow.hash).where(NodeRow.level == level, NodeRow.idx == index)).one()

    return read


def lock(session: Session) -> None:
    """One writer at a time: SQLite holds its write lock from BEGIN on, PostgreSQL takes an advisory lock until the end."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _last(session: Session) -> Entry | None:
    row = session.execute(sa.select(EntryRow.body, EntryRow.leaf).order_by(EntryRow.seq.desc()).limit(1)).one_or_none()
    return None if row is None else _read(*row)


def _read(body: bytes, leaf: bytes) -> Entry:
    value = orjson.loads(body)
    return Entry(
        seq=value["seq"],
        kind=value["kind"],
        at=datetime.fromisoformat(value["at"]),
        actor=value["actor"],
        aggregate=value["aggregate"],
        prev=value["prev"],
        facts=value["facts"],
        sealed=value["sealed"],
        body=body,
        leaf=leaf,
    )
