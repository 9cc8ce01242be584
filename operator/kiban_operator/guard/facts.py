"""根拠となる事実 (facts): one registration's standing as the registers have it, and the digest that names the state of the registers.

A release or an intake that was judged on these registers names the digest in its evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from kiban_operator import programmes
from kiban_operator.database import Base
from kiban_operator.guard.standing import NoticeGiven, ProgrammeDates, Standing
from kiban_operator.notice_register import Notice
from kiban_operator.notices import NoticeVersion
from kiban_operator.optouts import Stop
from kiban_operator.programmes import Programme, Regime

BATCH = 50_000


def standing_of(
    session: Session,
    hospital: str,
    regime: Regime | str,
    patient_key: str,
    today: date,
    birth_date: date | None,
    death_date: date | None,
    registered: bool = True,
) -> Standing:
    """What the registers say of one registration today; birth and death come from the patient rows, which control data do not hold.

    Refuses: regime-unknown.
    """
    regime = programmes.regime_named(regime)
    programme = session.get(Programme, (hospital, regime.value))
    steps = {column: getattr(programme, column) if programme else None for column in programmes.COLUMNS.values()}
    stops = session.scalars(
        sa.select(Stop).where(
            Stop.hospital == hospital, Stop.patient_key == patient_key, Stop.regimes.in_((regime.value, "both")), Stop.voided.is_(False)
        )
    ).all()
    given = session.execute(
        sa.select(Notice, NoticeVersion)
        .join(
            NoticeVersion,
            sa.and_(
                NoticeVersion.hospital == Notice.hospital, NoticeVersion.regime == Notice.regime, NoticeVersion.version == Notice.version
            ),
        )
        .where(Notice.hospital == hospital, Notice.regime == regime.value, Notice.patient_key == patient_key)
        .order_by(Notice.version, Notice.given_on)
    )
    return Standing(
        programme=ProgrammeDates(**steps),
        registered=registered,
        birth_date=birth_date,
        death_date=death_date,
        stopped=any(stop.withdrawn_on is None or stop.withdrawn_on > today for stop in stops),
        withdrawn_on=max((stop.withdrawn_on for stop in stops if stop.withdrawn_on is not None), default=None),
        notices=tuple(
            NoticeGiven(
                version=notice.version,
                given_on=notice.given_on,
                filed_on=version.filed_on,
                wait_days=version.wait_days,
                covers=frozenset(version.covers),
                guardian_given_on=notice.guardian_given_on,
                lacks_capacity=notice.lacks_capacity,
            )
            for notice, version in given
        ),
    )


# What the guard reads, and nothing else: who typed it in and when does not change a verdict.
@dataclass(frozen=True)
class _Register:
    table: type[Base]
    key: tuple[InstrumentedAttribute[str], ...]
    columns: tuple[str, ...]
    days: tuple[InstrumentedAttribute[date], ...] = ()


_REGISTERS = (
    _Register(Programme, (Programme.hospital, Programme.regime), ("hospital", "regime", *programmes.COLUMNS.values())),
    _Register(
        NoticeVersion,
        (NoticeVersion.hospital, NoticeVersion.regime, NoticeVersion.version),
        ("hospital", "regime", "version", "covers", "wait_days", "filed_on"),
    ),
    _Register(
        Notice,
        (Notice.hospital, Notice.regime, Notice.patient_key, Notice.version),
        ("hospital", "regime", "patient_key", "version", "given_on", "guardian_given_on", "lacks_capacity"),
        (Notice.given_on,),
    ),
    _Register(Stop, (Stop.id,), ("id", "hospital", "patient_key", "regimes", "withdrawn_on", "voided")),
)


def register_digest(session: Session) -> str:
    """`sha256:` and 64 hexadecimal digits over the canonical registers: programmes, notice versions, notices, stops, in that order.

    Canonical: per register its name, then one JSON array per row in the order of its key by code point; the same on every database.
    """
    digest = hashlib.sha256()
    collation = "C" if session.get_bind().dialect.name == "postgresql" else "BINARY"
    for register in _REGISTERS:
        table, columns = register.table, register.columns
        digest.update(orjson.dumps([table.__tablename__, *columns]) + b"\n")
        order = [sa.collate(column, collation) for column in register.key]
        query = sa.select(*(getattr(table, column) for column in columns)).order_by(*order, *register.days)
        for rows in session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH):
            digest.update(b"".join(_lines(rows)))
    return f"sha256:{digest.hexdigest()}"


def _lines(rows: Iterable[sa.Row[tuple[object, ...]]]) -> Iterable[bytes]:
    return (orjson.dumps(tuple(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)
