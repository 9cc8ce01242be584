"""本人の名寄せ台帳 (persons): which registrations are of one person, across hospitals; stable as more data arrive (law.md, requirement 16).

Only rows of the vault are linked, and only while the standing query finds no stored row without notice evidence: the 2022 incident was
un-notified people's data linked onto others. Control data know a registration by its `patient_key` alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from kiban_operator import custody, people, roles, rulings, vault, workshop
from kiban_operator.database import Base, Moment
from kiban_operator.home import Home
from kiban_operator.ledger import book, kinds
from kiban_operator.programmes import Regime
from kiban_processing.catalogue import arrow
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.language import Text
from kiban_processing.linkage import model
from kiban_processing.linkage import persons as assignment
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import ACT_18

NOTHING_TO_LINK = Ground(
    "nothing-to-link", Family.STATE, ACT_18,
    Text("保管庫に患者登録がありません。", "The vault holds no registration."),
    Text("先に `kiban submit` で医療情報を受け入れてください。", "Receive a submission first with `kiban submit`."),
)  # fmt: skip

LINKED_COLUMNS = (
    "registered_on", "name_kanji", "name_kana", "birth_date", "sex", "postal_code", "address", "phone",
    "insurer_number", "insured_symbol", "insured_number", "insured_branch",
)  # fmt: skip
WRITE_ROWS = 20_000


class Registration(Base):
    """One registration and the person it belongs to now."""

    __tablename__ = "registrations"
    patient_key: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    hospital: Mapped[str] = mapped_column(sa.String(40), index=True)
    person: Mapped[str] = mapped_column(sa.String(40), index=True)
    linkage: Mapped[str] = mapped_column(sa.String(40))


class DoubtfulPair(Base):
    """疑わしい組: a pair in the grey zone, which waits for two people's decision and is never merged by itself."""

    __tablename__ = "doubtful_pairs"
    left: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    right: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    weight: Mapped[float]
    reasons: Mapped[list[str]] = mapped_column(sa.JSON)
    linkage: Mapped[str] = mapped_column(sa.String(40))


class PersonEvent(Base):
    """A person's identity changed: merged into an older one, or split from it."""

    __tablename__ = "person_events"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    linkage: Mapped[str] = mapped_column(sa.String(40), index=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    person: Mapped[str] = mapped_column(sa.String(40))
    other: Mapped[str | None] = mapped_column(sa.String(40))
    at: Mapped[datetime] = mapped_column(Moment)


@dataclass(frozen=True)
class LinkageOutcome:
    """名寄せの結果: counts of one run."""

    linkage: str
    registrations: int
    persons: int
    across_hospitals: int
    doubtful: int
    vetoed: int
    merged: int
    split: int
    report: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def link(home: Home, progress: vault.Progress = vault.silent) -> LinkageOutcome:
    """Link every registration in the vault, keep person IDs stable, put doubtful pairs aside, book the counts.

    Refuses: act-not-permitted, custody-breach (the standing query found something), nothing-to-link.
    """
    circumstances = home.circumstances
    with home.transaction() as session:
        people.require(session, circumstances, roles.Act.LINK_PERSONS)
    custody.require_clean(home, progress)
    linkage = circumstances.token("n")
    with workshop.open_workshop(home.core / "engine", home.settings.memory_limit, home.settings.threads) as con:
        _lay_registrations(home, con)
        with home.reading() as session:
            previous = pa.Table.from_batches(_known_persons(session), schema=PREVIOUS)
        if con.execute("SELECT count(*) FROM registrations").fetchall() == [(0,)]:
            raise NOTHING_TO_LINK.refuse()
        progress("link", 0, None)
        linked = model.link(con, "registrations", model.LinkageSettings())
        assigned = assignment.assign(linked.clusters, previous, lambda: circumstances.token("P"))
        places = con.execute("SELECT registration, site_id FROM registrations").to_arrow_table()
        con.register("assigned", assigned.persons)
        con.register("places", places)
        numbers = con.execute("""
            SELECT count(*), count(DISTINCT person), (SELECT count(*) FROM (SELECT person FROM assigned JOIN places USING (registration)
            GROUP BY person HAVING count(DISTINCT site_id) > 1)) FROM assigned
        """).fetchall()[0]
        rows = con.execute("SELECT registration, site_id, person FROM assigned JOIN places USING (registration) ORDER BY registration")
        with home.transaction() as session:
            _write(session, rows, linkage)
            doubtful = _put_aside(session, linked.pairs, linkage)
            merged, split = _note_events(session, home, assigned.events, linkage)
            report = json.dumps(linked.report, sort_keys=True, ensure_ascii=False, default=str)
            outcome = LinkageOutcome(
                linkage, int(numbers[0]), int(numbers[1]), int(numbers[2]), doubtful,
                sum(1 for each in linked.pairs.column("decision").to_pylist() if each == "veto"), merged, split, json.loads(report),
            )  # fmt: skip
            book.append(
                session, circumstances, kinds.PERSONS_LINKED, f"linkage/{linkage}",
                {
                    "registrations": outcome.registrations, "persons": outcome.persons, "review": outcome.doubtful,
                    "vetoed": outcome.vetoed, "report": f"sha256:{hashlib.sha256(report.encode()).hexdigest()}",
                },
            )  # fmt: skip
    return outcome


PREVIOUS = pa.schema([("registration", pa.string()), ("person", pa.string())])


def _known_persons(session: Session) -> Iterator[pa.RecordBatch]:
    """Registrations with their persons as they are now, the oldest person first (the older survives a merge)."""
    query = sa.select(Registration.patient_key, Registration.person).order_by(Registration.linkage, Registration.patient_key)
    for rows in session.execute(query).partitions(WRITE_ROWS):
        yield pa.record_batch([[row[0] for row in rows], [row[1] for row in rows]], schema=PREVIOUS)


def _lay_registrations(home: Home, con: duckdb.DuckDBPyConnection) -> None:
    """`registrations`: what is stored and may still be used today; somebody who has asked to stop since is linked to nobody."""
    columns = ", ".join(LINKED_COLUMNS)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE registrations AS SELECT '' AS registration, '' AS site_id, {columns} FROM ({_shape()}) WHERE false"
    )
    for regime in Regime:
        with home.reading() as session:
            for name in ("patients", "deaths"):
                vault.register(con, session, home, TABLES[name], f"vault_{name}", regime=regime.value)
        rulings.rule_stored(home, con, {"patients": set(LINKED_COLUMNS)}, regime, "usable")
        con.execute(f"""
            INSERT INTO registrations SELECT patient_key, hospital, {columns} FROM vault_patients v
            SEMI JOIN usable u ON u.hospital = v.hospital AND u.patient_key = v.patient_key AND u.submission = v.submission
            ANTI JOIN registrations r ON r.registration = v.patient_key
        """)


def _shape() -> str:
    types = {"date32[day]": "DATE"}
    fields = {field.name: types.get(str(field.type), "VARCHAR") for field in arrow.schema(TABLES["patients"])}
    return "SELECT " + ", ".join(f"NULL::{fields[name]} AS {name}" for name in LINKED_COLUMNS)


def _write(session: Session, rows: duckdb.DuckDBPyConnection, linkage: str) -> None:
    """Replace the register by the new assignment, in batches; a registration that kept its person keeps the linkage that made it."""
    before = {
        row[0]: (row[1], row[2]) for row in session.execute(sa.select(Registration.patient_key, Registration.person, Registration.linkage))
    }
    session.execute(sa.delete(Registration))
    while batch := rows.fetchmany(WRITE_ROWS):
        session.execute(
            sa.insert(Registration),
            [
                {
                    "patient_key": key, "hospital": hospital, "person": person,
                    "linkage": before[key][1] if key in before and before[key][0] == person else linkage,
                }
                for key, hospital, person in batch
            ],
        )  # fmt: skip


def _put_aside(session: Session, pairs: pa.Table, linkage: str) -> int:
    session.execute(sa.delete(DoubtfulPair))
    doubtful = [row for row in pairs.to_pylist() if row["decision"] == "review"]
    if doubtful:
        session.execute(
            sa.insert(DoubtfulPair),
            [
                {"left": row["left"], "right": row["right"], "weight": row["weight"], "reasons": row["reasons"], "linkage": linkage}
                for row in doubtful
            ],
        )
    return len(doubtful)


def _note_events(session: Session, home: Home, events: list[assignment.Event], linkage: str) -> tuple[int, int]:
    changes = [event for event in events if event.kind in ("merge", "split")]
    for event in changes:
        session.add(PersonEvent(linkage=linkage, kind=event.kind, person=event.person, other=event.other, at=home.circumstances.now()))
    return sum(event.kind == "merge" for event in changes), sum(event.kind == "split" for event in changes)


LINKED = pa.schema([("hospital", pa.string()), ("patient_key", pa.string()), ("person", pa.string())])


def lay_out(con: duckdb.DuckDBPyConnection, session: Session, name: str) -> None:
    """Make the register readable in the engine as a table `name` (hospital, patient_key, person)."""
    con.register("linked_part", LINKED.empty_table())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM linked_part")
    query = sa.select(Registration.hospital, Registration.patient_key, Registration.person).order_by(Registration.patient_key)
    for rows in session.execute(query.execution_options(yield_per=WRITE_ROWS)).partitions(WRITE_ROWS):
        con.register("linked_part", pa.table([list(values) for values in zip(*rows, strict=True)], schema=LINKED))
        con.execute(f"INSERT INTO {name} SELECT * FROM linked_part")
    con.unregister("linked_part")
