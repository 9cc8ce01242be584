"""What the article tests stand on: a register in memory, one hospital that has done everything right, and a person who may be received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from sqlalchemy.orm import Session

from kiban_operator import database, hospitals, notices, programmes
from kiban_operator.circumstances import Circumstances
from kiban_operator.guard import NoticeGiven, ProgrammeDates, Standing

TODAY = date(2026, 11, 21)
ITEMS = frozenset({"diagnoses.icd10"})
HOSPITAL = "H001"
FULL = ProgrammeDates(
    contract_on=date(2025, 4, 1),
    form43_filed_on=date(2025, 5, 1),
    ministers_published_on=date(2025, 5, 20),
    own_published_on=date(2025, 6, 1),
    starts_on=date(2025, 7, 1),
)


def entropy(size: int) -> bytes:
    return sha256(str(size).encode()).digest()[:size]


@pytest.fixture
def circumstances() -> Circumstances:
    return Circumstances(lambda: datetime(2026, 11, 21, 1, 0, tzinfo=UTC), entropy, "U-DESK")


@pytest.fixture
def session() -> Iterator[Session]:
    engine = database.connect("sqlite://")
    database.Base.metadata.create_all(engine)
    with database.transaction(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def hospital(session: Session, circumstances: Circumstances) -> str:
    hospitals.register(session, circumstances, HOSPITAL, "北浜病院", "大阪府大阪市中央区1-1", "理事長 山田 太郎")
    return HOSPITAL


ENTRIES = notices.Entries(
    institution="北浜病院、大阪府大阪市中央区1-1、理事長 山田 太郎",
    purpose="認定匿名加工医療情報作成事業者に提供し、匿名加工医療情報の作成に用います。",
    items="患者、診断",
    acquisition="診療の過程で取得しました。",
    provision="専用回線により提供します。",
    stopping="求めにより提供を停止します。",
    receiving="窓口、電話 06-0000-0000",
    updating="毎月更新します。",
    starting="2025年7月1日",
)


@pytest.fixture
def filed(session: Session, circumstances: Circumstances, hospital: str) -> str:
    """A hospital that provides under regime A with one filed notice version, `v1`, of patients and diagnoses."""
    for step, on in (
        ("contract", FULL.contract_on),
        ("filed", FULL.form43_filed_on),
        ("ministers-published", FULL.ministers_published_on),
        ("own-published", FULL.own_published_on),
        ("starts", FULL.starts_on),
    ):
        assert on is not None
        programmes.record(session, circumstances, hospital, "A", step, on, "43-0001" if step == "filed" else None)
    notices.draft(session, circumstances, hospital, "A", "v1", ENTRIES, ["patients.*", "diagnoses.*"])
    notices.activate(session, circumstances, hospital, "A", "v1", date(2025, 5, 1))
    return hospital


@pytest.fixture
def notice() -> NoticeGiven:
    return NoticeGiven("v1", date(2026, 1, 10), date(2025, 5, 1), 30, frozenset({"diagnoses.*"}))


@pytest.fixture
def adult(notice: NoticeGiven) -> Standing:
    """Notified long ago by a hospital in order: the one standing that is eligible."""
    return Standing(FULL, birth_date=date(1950, 3, 3), notices=(notice,))
