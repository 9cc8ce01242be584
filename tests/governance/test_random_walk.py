"""Random people give random commands: no illegal state, no person on two sides, and an audit of the ledger finds nothing."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kiban_applications import contract_state, contracts, delivery, destruction, oversight
from kiban_applications.conditions import Condition
from kiban_applications.contract_state import Contract
from kiban_applications.destruction import Destruction
from kiban_applications.oversight import Obligation
from kiban_applications.review import committee, rules, store
from kiban_applications.review.store import Application
from kiban_operator import approvals, cases, database, people, release_state
from kiban_operator.ledger import book, lives
from kiban_operator.ledger.copies import Line
from kiban_operator.machine import NEW
from kiban_operator.release_state import Release
from kiban_operator.roles import RECIPIENT_SIDE, Role
from kiban_processing.refusals import Refusal

STEPS = 500
SCORES = dict.fromkeys(committee.CRITERIA, 3)
MINUTES = "sha256:" + "1" * 64
TABLES = {
    table.name: (table, row)
    for table, row in (
        (rules.APPLICATION, Application),
        (contract_state.CONTRACT, Contract),
        (release_state.RELEASE, Release),
        (oversight.OBLIGATION, Obligation),
        (destruction.DESTRUCTION, Destruction),
    )
}


@pytest.fixture(scope="module")
def busy(peopled_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A world under way: one case in review, one in deliberation, one in negotiation, one contract in force with releases."""
    before, peopled = peopled_database
    folder = tmp_path_factory.mktemp("busy")
    shutil.copy(before / "control.db", folder / "control.db")
    (folder / "keys").symlink_to(before / "keys")
    engine = database.connect(f"sqlite:///{folder / 'control.db'}")
    story = type(peopled)(engine, folder, type(peopled.clock)(peopled.clock.at), random.Random(3), peopled.ids, peopled.organisations)
    story.under_review()
    story.in_deliberation()
    story.negotiated()
    contract = story.active()
    story.produced(contract)
    story.approved_twice(contract)
    story.committed(contract)
    engine.dispose()
    return story


@settings(max_examples=8, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))  # a seed does not shrink to a shorter walk, so failures are not shrunk
def test_no_sequence_of_commands_breaks_a_rule(busy: Any, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name, walking(busy, Path(name), seed) as walk:
        done = [walk.step() for _ in range(STEPS)]
        assert done.count("done") > STEPS // 20, "the walk must get somewhere"
        assert len(set(done)) > 5, "and meet refusals of many kinds"
        walk.judge()


class Walk:
    def __init__(self, story: Any, seed: int) -> None:
        self.story = story
        self.random = random.Random(seed)
        self.names = [name for name in story.ids if not name.startswith("ad")] + ["system"]
        self.names_of = {story.ids[name]: name for name in story.ids}
        self.held = story.read(lambda session: {name: people.actor(session, story.ids.get(name, name)).roles for name in self.names})

    def step(self) -> str:
        """Any command on any case: half of the time one the table opens in that state, by somebody of the role, else anything."""
        table_name = self.random.choice(["application"] * 3 + ["contract"] + ["release"] * 4 + ["obligation", "destruction"])
        table, row = TABLES[table_name]
        every = self.story.read(lambda session: list(session.scalars(sa.select(row))))
        lively = [each for each in every if each.state not in table.final] if self.random.random() < 0.9 else every
        case = self.random.choice(lively) if lively and self.random.random() < 0.85 else None
        state = NEW if case is None else case.state
        commands, names = list(table.commands), self.names
        opened = [each for each in table.transitions if each.state == state]
        if opened and self.random.random() < 0.7:
            chosen = self.random.choice(opened)
            commands, names = [chosen.command], [name for name in self.names if chosen.role in self.held[name]] or self.names
            names = [*names, *(name for name in names if name == "all")] * 2
        command = self.random.choice(commands)
        self.story.clock.at = self.story.clock.at.replace(microsecond=0)
        try:
            self.carry_out(self.random.choice(names), table_name, command, case.id if case is not None else "none")
        except Refusal as refusal:
            return refusal.code
        return "done"

    def any_id(self, row: Any) -> str:
        found = self.story.read(lambda session: list(session.scalars(sa.select(row.id))))
        return self.random.choice(found) if found and self.random.random() < 0.95 else "none"

    def carry_out(self, name: str, table: str, command: str, case: str) -> None:
        do, story, pick = self.story.do, self.story, self.random.choice
        key = story.key(pick([name, name, name, "cu"])) if name != "system" else bytes(32)
        committed = release_state.RELEASE, Release

        def release() -> Release | None:
            found: Release | None = story.read(lambda session: session.get(committed[1], case))
            return found

        def terms() -> contracts.Terms:
            found: contracts.Terms = story.read(lambda session: contracts.terms_of(session, contracts.load(session, case)))
            return found

        def standard() -> contracts.Terms:
            def ask(session: Any) -> contracts.Terms:
                application = contracts.load(session, case).application_id
                return contracts.standard_terms(session, application, [Condition("small-cells", pick([5, 10]))])

            found: contracts.Terms = story.read(ask)
            return found

        def order() -> Any:
            return story.order(release().contract_id if release() is not None else self.any_id(Contract))  # type: ignore[union-attr]

        members = [story.ids[each] for each in ("chair", "cm1", "cm2", "cm3", "own_cm")]
        manifest = (release().manifest_digest if release() is not None else None) or MINUTES  # type: ignore[union-attr]
        copies = [{"place": "棟", "method": "破棄", "date": "2026-05-01", "witness": story.ids["ap"]}]
        moves: dict[tuple[str, str], Callable[[], Any]] = {
            ("application", "create"): lambda: do(name, store.create, story.answers()),
            ("application", "save"): lambda: do(name, store.save, case, pick([story.answers(), {}])),
            ("application", "submit"): lambda: do(name, store.submit, case),
            ("application", "accept"): lambda: do(name, store.accept, case),
            ("application", "return"): lambda: do(name, store.send_back, case, pick(["不足", ""])),
            ("application", "withdraw"): lambda: do(name, store.withdraw, case) if self.random.random() < 0.2 else None,
            ("application", "assign"): lambda: do(name, committee.assign, case, self.random.sample(members, pick([2, 4, 5]))),
            ("application", "declare"): lambda: do(name, committee.declare, case, pick([False, False, False, True])),
            ("application", "opinion"): lambda: do(name, committee.give_opinion, case, pick(rules.VOTES), SCORES, "理由"),
            ("application", "deliberate"): lambda: do(name, committee.open_deliberation, case),
            ("application", "draft-conditions"): lambda: do(
                name, committee.draft_conditions, case, [Condition("use-report", pick([3, 6]))]
            ),
            ("application", "vote"): lambda: do(name, committee.vote, case, pick(("approve", "approve-with-conditions"))),
            ("application", "resume"): lambda: do(name, committee.resume, case),
            ("application", "lapse"): lambda: do(name, contracts.lapse, case),
            **{
                ("application", decision): lambda decision=decision: do(name, committee.decide, case, decision, MINUTES, "理由")
                for decision in rules.DECISIONS
            },
            ("contract", "open"): lambda: do(name, contracts.open_contract, self.any_id(Application)),
            ("contract", "propose"): lambda: do(name, contracts.propose, case, standard()),
            ("contract", "object"): lambda: do(name, contracts.object_to, case, "異議"),
            ("contract", "agree"): lambda: do(name, contracts.agree, case, terms().digest),
            ("contract", "sign"): lambda: do(name, contracts.sign, case, terms().digest, key),
            ("contract", "execute"): lambda: do(name, contracts.execute, case, terms().digest, key),
            ("contract", "activate"): lambda: do(name, contracts.activate, case),
            ("contract", "suspend"): lambda: do(name, contracts.suspend, case, pick(["調査", "", ""])),
            ("contract", "resume"): lambda: do(name, contracts.resume, case),
            ("contract", "terminate"): lambda: do(name, contracts.terminate, case, pick(["解除"] + [""] * 19)),
            ("contract", "end"): lambda: do(name, destruction.end_contract, case),
            ("release", "plan"): lambda: do(name, release_state.plan, story.order(self.any_id(Contract)), "[plan]\n", MINUTES),
            ("release", "produce"): lambda: do(name, release_state.produce, case, story.product(pick(["甲", "乙"]))),
            ("release", "approve"): lambda: do(name, approvals.approve, case, key),
            ("release", "refuse"): lambda: do(name, release_state.refuse, case, pick(["理由"] + [""] * 9)),
            ("release", "commit"): lambda: do(name, approvals.commit, case, order(), late_stops=pick([0, 0, 0, 1])),
            ("release", "deliver"): lambda: do(name, delivery.deliver, case, late_stops=pick([0, 0, 0, 1])),
            ("release", "receipt"): lambda: do(name, delivery.receipt, case, pick([manifest, manifest, MINUTES]), key),
            ("release", "recall"): lambda: do(name, release_state.recall, case, pick(["回収"] + [""] * 9)),
            ("obligation", "schedule"): lambda: do(name, oversight.schedule, self.any_id(Release)),
            ("obligation", "submit"): lambda: do(name, oversight.submit, case, MINUTES),
            ("obligation", "accept"): lambda: do(name, oversight.accept, case),
            ("obligation", "return"): lambda: do(name, oversight.send_back, case, "不足"),
            ("destruction", "declare"): lambda: do(name, destruction.declare, self.any_id(Release), copies, key),
            ("destruction", "reconcile"): lambda: do(name, destruction.reconcile, case),
            ("destruction", "dispute"): lambda: do(name, destruction.dispute, case, "疑義"),
            ("destruction", "accept"): lambda: do(name, destruction.accept, case),
        }
        moves[table, command]()

    def judge(self) -> None:
        """Read everything that happened and hold it against the rules, said here a second time."""
        story = self.story
        every = story.read(
            lambda session: list(session.scalars(sa.select(cases.Event).order_by(cases.Event.aggregate, cases.Event.version)))
        )
        by_case: dict[str, list[cases.Event]] = {}
        for event in every:
            by_case.setdefault(event.aggregate, []).append(event)
        for aggregate, events in by_case.items():
            self.judge_chain(aggregate, events)
        for application in story.read(lambda session: list(session.scalars(sa.select(Application)))):
            self.judge_application(application, by_case[f"application/{application.id}"])
        for contract in story.read(lambda session: list(session.scalars(sa.select(Contract)))):
            events = by_case[f"contract/{contract.id}"]
            drafters = [event.actor for event in events if event.command == "propose"]
            for event in events:
                assert event.command != "execute" or event.actor != drafters[-1]
        for release in story.read(lambda session: list(session.scalars(sa.select(Release)))):
            self.judge_release(release, by_case[f"release/{release.id}"])
        entries = story.read(lambda session: book.entries(session))
        lines = [Line(e.seq, e.kind, e.at, e.actor, e.aggregate, e.prev, e.facts, e.sealed) for e in entries]
        failing = [finding for finding in lives.replay(lines).findings_of_all() if finding.fails]
        assert failing == []

    def judge_chain(self, aggregate: str, events: list[cases.Event]) -> None:
        name, _, case_id = aggregate.partition("/")
        if name not in TABLES:
            return
        table, row = TABLES[name]
        before = NEW
        for version, event in enumerate(events, 1):
            assert (event.version, event.state_before) == (version, before)
            actor = self.names_of.get(event.actor, "system")
            assert any(
                (step.state, step.command, step.role, step.to) == (before, event.command, event.role, event.state_after)
                for step in table.transitions
            )
            assert Role(event.role) in self.held[actor]
            before = event.state_after
        found = self.story.read(lambda session: session.get(row, case_id))
        assert (found.state, found.version) == (before, len(events))
        owner = getattr(found, "organisation_id", None) or found.recipient_id
        for event in events:
            if event.role != "SYS" and (name, event.command) != ("application", "declare") and event.command != "produce":
                of = self.story.read(lambda session, event=event: people.person(session, event.actor).organisation_id)
                assert (of == owner) == (Role(event.role) in RECIPIENT_SIDE), event

    def judge_application(self, application: Application, events: list[cases.Event]) -> None:
        dossier = self.story.read(lambda session: store.read(session, application.id))
        assert (dossier.state, dossier.version) == (application.state, application.version)
        assert set(dossier.opinions) <= dossier.free and set(dossier.votes) <= set(dossier.opinions)
        assert self.story.ids["own_cm"] not in dossier.free
        decided = dossier.decision
        if decided is not None and application.state in rules.PASSED:
            assert decided.by in dossier.free and decided.by != dossier.drafter
            assert len(dossier.votes) >= committee.QUORUM
            assert rules.passes(dossier.tally, decided.command)

    def judge_release(self, release: Release, events: list[cases.Event]) -> None:
        made = [event for event in events if event.command == "produce"]
        since = [event for event in events if made and event.version > made[-1].version]
        approvers = [event.actor for event in since if event.command == "approve"]
        assert len(set(approvers)) == len(approvers) <= 2
        assert release.preparer not in approvers
        if any(event.command == "commit" for event in events):
            assert len(approvers) == 2
        for event in events:
            if event.command == "deliver":
                assert event.actor not in {release.preparer, *(each.actor for each in events if each.command == "approve")}


class walking:
    """A copy of the busy world that one example may change; not synced to disk, because it is thrown away."""

    def __init__(self, busy: Any, folder: Path, seed: int) -> None:
        shutil.copy(busy.folder / "control.db", folder / "control.db")
        (folder / "keys").symlink_to((busy.folder / "keys").resolve())
        for package in busy.folder.glob("*.age"):
            shutil.copy(package, folder)
        self.engine = database.connect(f"sqlite:///{folder / 'control.db'}")
        sa.event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        clock = type(busy.clock)(busy.clock.at)
        story = type(busy)(self.engine, folder, clock, random.Random(seed), dict(busy.ids), dict(busy.organisations))
        self.walk = Walk(story, seed)

    def __enter__(self) -> Walk:
        return self.walk

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()
