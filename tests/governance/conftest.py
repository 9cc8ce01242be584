"""The cast of the governance tests: an operator, a recipient, a committee, and the steps from registration to receipt."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
import sqlalchemy as sa

from kiban_applications import applicants, contracts, delivery, destruction, oversight  # noqa: F401  (their tables)
from kiban_applications.conditions import Condition
from kiban_applications.review import committee, store
from kiban_operator import approvals, database, grants, people, release_state
from kiban_operator.circumstances import Circumstances
from kiban_operator.people import OrganisationKind
from kiban_operator.release_state import Product
from kiban_operator.roles import SYSTEM, Role

RECIPIENT_KEY = str(pyrage.x25519.Identity.generate().to_public())
SCORES = dict.fromkeys(committee.CRITERIA, 4)
STAFF = {
    "se": {Role.SE},
    "se2": {Role.SE},
    "co": {Role.CO},
    "co2": {Role.CO},
    "pr": {Role.PR},
    "pr2": {Role.PR},
    "pr3": {Role.PR},
    "ck": {Role.CK},
    "ck2": {Role.CK},
    "dl": {Role.DL},
    "so": {Role.SO},
    "all": {Role.SE, Role.CO, Role.PR, Role.CK, Role.DL, Role.SO},
}
COMMITTEE = {"chair": {Role.CM, Role.CH}, "cm1": {Role.CM}, "cm2": {Role.CM}, "cm3": {Role.CM}}
RECIPIENTS = {
    "ap": {Role.AP},
    "as": {Role.AS},
    "cu": {Role.CU},
    "own_cm": {Role.CM},
}
OTHERS = {"ap_other": {Role.AP, Role.AS, Role.CU}}


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Clock:
    """Time that passes one second at each look."""

    at: datetime = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Story:
    """One operator with its people; each method is one step by the right person, so that a test can replace any of them."""

    engine: sa.Engine
    folder: Path
    clock: Clock = field(default_factory=Clock)
    random: random.Random = field(default_factory=lambda: random.Random(20260401))
    ids: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        return self.folder / "keys" / "people"

    def acting(self, name: str) -> Circumstances:
        return Circumstances(self.clock, self.random.randbytes, self.ids.get(name, name))

    @property
    def system(self) -> Circumstances:
        return self.acting(SYSTEM.id)

    def key(self, name: str) -> bytes:
        return people.private_key(self.keys, self.ids[name])

    def do(self, name: str, command: Any, /, *arguments: Any, **named: Any) -> Any:
        """One command by one person in a transaction of its own."""
        with database.transaction(self.engine) as session:
            return command(session, self.acting(name), *arguments, **named)

    def read(self, query: Any) -> Any:
        with database.transaction(self.engine) as session:
            return query(session)

    def found(self) -> None:
        with database.transaction(self.engine) as session:
            founding = grants.found(
                session,
                self.system,
                self.keys,
                name="基盤機構",
                address="東京都千代田区一丁目",
                identifier="7000012345678",
                administrators=("管理 一郎", "管理 二郎"),
            )
        self.ids["ad1"], self.ids["ad2"] = (each.id for each in founding.administrators)
        self.organisations["operator"] = founding.operator.id

    def grant(self, name: str, role: Role) -> None:
        grant = self.do("ad1", grants.propose_role, self.ids[name], role)
        self.do("ad2", grants.confirm_role, grant.id)

    def enter(self, organisation: str, cast: dict[str, set[Role]]) -> None:
        for name, held in cast.items():
            person = self.do("ad1", applicants.register_person, self.keys, self.organisations[organisation], f"{name} 氏")
            self.ids[name] = person.id
            for role in sorted(held):
                self.grant(name, role)

    def register(self, name: str, title: str) -> None:
        applicant = applicants.Applicant(title, f"大阪府大阪市{name}", f"id-{name}", RECIPIENT_KEY)
        self.organisations[name] = self.do("ad1", applicants.register, applicant).id

    def people(self) -> None:
        self.found()
        self.enter("operator", STAFF)
        outside = self.do(
            "ad1",
            people.register_organisation,
            kind=OrganisationKind.OTHER,
            name="審査会",
            address="京都府京都市",
            identifier="id-committee",
        )
        self.organisations["committee"] = outside.id
        self.enter("committee", COMMITTEE)
        for name, title, cast in (("recipient", "浪速製薬", RECIPIENTS), ("other", "別の大学", OTHERS)):
            self.register(name, title)
            self.enter(name, cast)
            self.do("se", applicants.verify, self.organisations[name], sha("登記簿"))

    def answers(self, **changed: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "title": "糖尿病の治療実態",
            "purpose": "血糖管理と合併症の関係を明らかにする",
            "purpose_code": "epidemiology",
            "methods": "コホート研究",
            "minimality": "主要な項目だけを用いる",
            "no_harm": "集団を不利に扱わない",
            "items": [{"item": "patients.sex", "reason": "層別"}, {"item": "laboratory_results.value", "reason": "主要評価項目"}],
            "period_from": date(2016, 4, 1),
            "period_to": date(2026, 3, 31),
            "recipient_class": "industry",
            "delivery_form": "file",
            "custodians": [{"person": self.ids["cu"], "place": "研究棟3階", "prefecture": "27"}],
            "term_from": date(2026, 4, 1),
            "term_to": date(2027, 3, 31),
            "publication": "学術誌に投稿する",
            "security": list(
                ("controlled-area", "encrypted-storage", "access-log", "named-accounts", "no-open-network", "trained-custodians")
            ),
            "not_disqualified": True,
        }
        return {**given, **changed}

    def submitted(self, **changed: Any) -> str:
        application: str = self.do("ap", store.create).id
        self.do("ap", store.save, application, self.answers(**changed))
        self.do("ap", store.submit, application)
        return application

    def under_review(self) -> str:
        application = self.submitted()
        self.do("se", store.accept, application)
        self.do("se", committee.assign, application, [self.ids[name] for name in COMMITTEE])
        return application

    def in_deliberation(self) -> str:
        application = self.under_review()
        for name in ("chair", "cm1", "cm2", "cm3"):
            self.do(name, committee.declare, application, False)
        for name in ("cm1", "cm2", "cm3"):
            self.do(name, committee.give_opinion, application, "approve-with-conditions", SCORES, "妥当である")
        self.do("chair", committee.open_deliberation, application)
        return application

    def approved(self) -> str:
        application = self.in_deliberation()
        self.do("se", committee.draft_conditions, application, [Condition("use-report", 6)])
        for name in ("cm1", "cm2", "cm3"):
            self.do(name, committee.vote, application, "approve-with-conditions")
        self.do("chair", committee.decide, application, "approve-with-conditions", sha("議事録"))
        return application

    def negotiated(self) -> str:
        application = self.approved()
        contract: str = self.do("co", contracts.open_contract, application).id
        terms = self.read(lambda session: contracts.standard_terms(session, application))
        self.do("co", contracts.propose, contract, terms)
        self.do("ap", contracts.agree, contract, terms.digest)
        self.do("as", contracts.sign, contract, terms.digest, self.key("as"))
        return contract

    def terms(self, contract: str) -> contracts.Terms:
        found: contracts.Terms = self.read(lambda session: contracts.terms_of(session, contracts.load(session, contract)))
        return found

    def active(self) -> str:
        contract = self.negotiated()
        self.do("co2", contracts.execute, contract, self.terms(contract).digest, self.key("co2"))
        self.do("co2", contracts.activate, contract)
        return contract

    def order(self, contract: str) -> Any:
        return self.read(lambda session: contracts.order(session, contract, self.system.today()))

    def product(self, content: str = "一式") -> Product:
        package = self.folder / f"{hashlib.sha256(content.encode()).hexdigest()[:12]}.age"
        package.write_bytes(content.encode())
        return Product(
            manifest_digest=sha(content + "目録"),
            evidence_digest=sha(content + "根拠"),
            package_path=str(package),
            package_digest=sha(content),
            judged_at=self.clock(),
            persons=120,
            tables={"patients": 120},
            k=10,
        )

    def produced(self, contract: str | None = None) -> str:
        order = self.order(contract or self.active())
        release: str = self.do("pr", release_state.plan, order, "[plan]\n", sha("計画")).id
        self.do("pr", release_state.produce, release, self.product())
        return release

    def approved_twice(self, contract: str | None = None) -> str:
        release = self.produced(contract)
        for name in ("ck", "ck2"):
            self.do(name, approvals.approve, release, self.key(name))
        return release

    def committed(self, contract: str | None = None) -> str:
        contract = contract or self.active()
        release = self.approved_twice(contract)
        self.do(SYSTEM.id, approvals.commit, release, self.order(contract), late_stops=0)
        return release

    def delivered(self) -> str:
        release = self.committed()
        self.do("dl", delivery.deliver, release, late_stops=0)
        return release

    def receipted(self) -> str:
        release = self.delivered()
        manifest = self.release(release).manifest_digest
        self.do("cu", delivery.receipt, release, manifest, self.key("cu"))
        return release

    def release(self, release: str) -> release_state.Release:
        found: release_state.Release = self.read(lambda session: release_state.load(session, release))
        return found


def engine_at(path: Path) -> sa.Engine:
    engine = database.connect(f"sqlite:///{path}")
    database.Base.metadata.create_all(engine)
    return engine


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Story]:
    """An empty control database; nobody is registered."""
    engine = engine_at(tmp_path / "control.db")
    yield Story(engine, tmp_path)
    engine.dispose()


@pytest.fixture(scope="session")
def peopled_database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Story]:
    """The people's registration, done once and copied for each test."""
    folder = tmp_path_factory.mktemp("people")
    engine = engine_at(folder / "control.db")
    story = Story(engine, folder)
    story.people()
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder, story


@pytest.fixture
def story(peopled_database: tuple[Path, Story], tmp_path: Path) -> Iterator[Story]:
    """Everybody is registered and has their roles."""
    folder, before = peopled_database
    (tmp_path / "control.db").write_bytes((folder / "control.db").read_bytes())
    (tmp_path / "keys").symlink_to(folder / "keys")
    engine = database.connect(f"sqlite:///{tmp_path / 'control.db'}")
    yield Story(engine, tmp_path, Clock(before.clock.at), random.Random(7), dict(before.ids), dict(before.organisations))
    engine.dispose()
