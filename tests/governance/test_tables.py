"""The state tables: exhaustively, a missing row is a denial, and what the tables say keeps the rules about persons."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

import kiban_applications
import kiban_operator
from kiban_applications.contract_state import CONTRACT
from kiban_applications.destruction import DESTRUCTION
from kiban_applications.oversight import OBLIGATION
from kiban_applications.review import store
from kiban_applications.review.rules import APPLICATION, DECISIONS, VOTES, passes
from kiban_operator import machine, people, roles
from kiban_operator.erasure.orders import ERASURE
from kiban_operator.grants import GRANT
from kiban_operator.ledger import book, kinds
from kiban_operator.machine import NEW, Table
from kiban_operator.persons.doubts import DOUBT
from kiban_operator.release_state import RELEASE
from kiban_operator.roles import Role
from kiban_processing.language import Text
from kiban_processing.refusals import Refusal

TABLES = (GRANT, APPLICATION, CONTRACT, RELEASE, OBLIGATION, DESTRUCTION, DOUBT, ERASURE)
PACKAGES = (kiban_operator, kiban_applications)
CASES = (APPLICATION, CONTRACT, RELEASE, OBLIGATION, DESTRUCTION)
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
every_case = pytest.mark.parametrize("table", CASES, ids=lambda table: table.name)

# Who may do what, said a second time by hand: command → roles, per state. The tables must agree in every role × state × command.
EXPECTED: dict[str, dict[str, dict[str, str]]] = {
    "grant": {
        "NEW": {"propose": "AD"},
        "PROPOSED": {"confirm": "AD", "reject": "AD"},
        "GRANTED": {"revoke": "AD"},
        "REVOKED": {},
    },
    "application": {
        "NEW": {"create": "AP"},
        "DRAFT": {"save": "AP", "submit": "AP", "withdraw": "AP"},
        "RETURNED": {"save": "AP", "submit": "AP", "withdraw": "AP"},
        "SUBMITTED": {"accept": "SE", "return": "SE", "withdraw": "AP"},
        "UNDER_REVIEW": {"assign": "SE", "declare": "CM", "opinion": "CM", "deliberate": "CH SE", "withdraw": "AP"},
        "DELIBERATION": {
            "draft-conditions": "SE CM",
            "vote": "CM",
            "approve": "CH",
            "approve-with-conditions": "CH",
            "reject": "CH",
            "send-back": "CH",
            "defer": "CH",
            "withdraw": "AP",
        },
        "DEFERRED": {"resume": "CH", "withdraw": "AP"},
        "APPROVED": {"lapse": "SYS"},
        "COND_APPROVED": {"lapse": "SYS"},
        "REJECTED": {},
        "WITHDRAWN": {},
        "LAPSED": {},
    },
    "contract": {
        "NEW": {"open": "CO"},
        "NEGOTIATING": {"propose": "CO", "object": "AP", "agree": "AP", "terminate": "CO"},
        "AGREED": {"propose": "CO", "object": "AP", "sign": "AS", "terminate": "CO"},
        "SIGNED_RECIPIENT": {"execute": "CO", "terminate": "CO"},
        "EXECUTED": {"activate": "CO SYS", "suspend": "SO", "terminate": "CO"},
        "ACTIVE": {"suspend": "SO", "end": "CO", "terminate": "CO"},
        "SUSPENDED": {"resume": "SO", "end": "CO", "terminate": "CO"},
        "ENDED": {},
        "TERMINATED": {},
    },
    "release": {
        "NEW": {"plan": "PR"},
        "PLANNED": {"produce": "PR", "refuse": "PR SYS"},
        "PRODUCED": {"produce": "PR", "approve": "CK", "refuse": "PR CK SYS"},
        "APPROVED_1": {"produce": "PR", "approve": "CK", "refuse": "CK SYS"},
        "APPROVED_2": {"produce": "PR", "refuse": "CK SYS", "commit": "SYS"},
        "COMMITTED": {"deliver": "DL", "recall": "SO SYS"},
        "DELIVERED": {"receipt": "CU", "recall": "SO"},
        "RECEIPTED": {"recall": "SO"},
        "REFUSED": {},
        "RECALLED": {},
    },
    "obligation": {
        "NEW": {"schedule": "SYS"},
        "SCHEDULED": {"submit": "AP CU"},
        "SUBMITTED": {"accept": "SE SO CO", "return": "SE SO CO"},
        "RETURNED": {"submit": "AP CU"},
        "ACCEPTED": {},
    },
    "destruction": {
        "NEW": {"declare": "CU"},
        "DECLARED": {"reconcile": "SE", "dispute": "SE SO"},
        "RECONCILED": {"dispute": "SE SO", "accept": "SE SO"},
        "DISPUTED": {"declare": "CU"},
        "ACCEPTED": {},
    },
    "doubt": {
        "NEW": {"raise": "SYS", "report": "PR", "draw": "PR"},
        "OPEN": {"answer": "PR", "close": "SYS"},
        "ANSWERED": {"agree": "PR", "disagree": "PR", "close": "SYS"},
        "DISPUTED": {"resolve": "PR", "close": "SYS"},
        "SETTLED": {"question": "PR", "close": "SYS"},
        "QUESTIONED": {"uphold": "PR", "revoke": "PR", "close": "SYS"},
        "CLOSED": {},
    },
    "erasure": {
        "NEW": {"order": "OD HL SO"},
        "ORDERED": {"approve": "SO", "reject": "SO"},
        "APPROVED": {"begin": "SO", "reject": "SO"},
        "RUNNING": {"finish": "SO"},
        "DONE": {},
        "REJECTED": {},
    },
}


@every_table
def test_every_role_state_and_command_is_a_move_or_a_refusal(table: Table) -> None:
    expected = EXPECTED[table.name]
    assert set(expected) == {NEW, *table.states}
    for state, command, role in itertools.product(expected, table.commands, Role):
        if role.value in expected[state].get(command, "").split():
            assert machine.move(table, state, command, role).to in table.states
        else:
            with pytest.raises(Refusal) as caught:
                machine.move(table, state, command, role)
            assert caught.value.code == "move-not-allowed"


@every_table
def test_unknown_states_and_commands_are_denied(table: Table) -> None:
    for state, command in (("NOWHERE", next(iter(table.commands))), (NEW, "no-such-command"), ("", "")):
        with pytest.raises(Refusal):
            machine.choose(table, state, command, frozenset(Role))


@every_table
def test_every_state_can_be_reached_and_every_unfinished_one_can_be_left(table: Table) -> None:
    reached, found = {NEW}, True
    while found:
        further = {step.to for step in table.transitions if step.state in reached} - reached
        found = bool(further)
        reached |= further
    assert reached == {NEW, *table.states}
    for state in table.states:
        assert (state in table.final) == (not any(step.state == state for step in table.transitions))


@every_table
def test_what_is_booked_is_a_kind_of_the_ledger(table: Table) -> None:
    for step in table.transitions:
        if step.entry is None:
            # a draft is nobody's business yet; what a run of linkage raises and closes in bulk, its own entry counts
            assert step.command in {"create", "save"} or (table is DOUBT and step.role is Role.SYS)
        else:
            kind = kinds.named(step.entry)
            assert kind.aggregate in {None, table.name, "person"} or (table is ERASURE and kind is kinds.DELETION_DONE)


@every_table
def test_every_guard_a_table_names_is_judged_somewhere(table: Table) -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for package in PACKAGES for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
    )
    for guard in machine.guards_of(table):
        assert f'judge("{guard}",' in source.replace("judge(\n        ", "judge("), guard


def test_a_step_whose_guards_were_not_judged_does_not_finish(story: Any) -> None:
    """A forgotten guard is a bug that fails closed: nothing is changed and nothing booked."""
    application = story.submitted()
    before = story.read(lambda session: book.size(session))
    with pytest.raises(RuntimeError, match="outside-organisation"), Session(story.engine) as session, session.begin():
        row = store.load(session, application)
        people.begin(session, story.acting("se"), APPLICATION, row, "accept").finish()
    assert story.read(lambda session: store.load(session, application)).state == "SUBMITTED"
    assert story.read(lambda session: book.size(session)) == before


@every_case
def test_recipients_act_on_their_own_cases_and_everybody_else_never_does(table: Table) -> None:
    exempt = {("application", "create"), ("application", "declare")}  # their own by construction; a conflict is detected instead
    for step in table.transitions:
        if step.role is Role.SYS or (table.name, step.command) in exempt or "is-preparer" in step.guards:
            continue
        wanted = "own-organisation" if step.role in roles.RECIPIENT_SIDE else "outside-organisation"
        assert wanted in step.guards, step


def test_nobody_who_prepares_approves_or_delivers() -> None:
    for step in RELEASE.transitions:
        if step.command in {"approve", "deliver"}:
            assert "not-preparer" in step.guards
        if step.command == "deliver":
            assert {"not-approver", "contract-active", "within-term", "no-late-stop", "package-intact"} <= set(step.guards)
    second = machine.move(RELEASE, "APPROVED_1", "approve", Role.CK)
    assert "not-first-approver" in second.guards


def test_there_is_no_way_to_delivered_that_does_not_pass_two_approvals_and_the_commit() -> None:
    """Take any one of the three steps out of the table, and DELIVERED can no longer be reached."""

    def reachable(without: tuple[str, str] | None) -> set[str]:
        reached: set[str] = {NEW}
        while True:
            further = {s.to for s in RELEASE.transitions if s.state in reached and (s.state, s.command) != without} - reached
            if not further:
                return reached
            reached |= further

    assert "DELIVERED" in reachable(None)
    for step in (("PRODUCED", "approve"), ("APPROVED_1", "approve"), ("APPROVED_2", "commit")):
        assert "DELIVERED" not in reachable(step)


@every_case
def test_administrators_auditors_and_desks_have_no_case_data(table: Table) -> None:
    for step in table.transitions:
        assert step.role not in {Role.AD, Role.AU, Role.OD, Role.HL}


def test_every_act_outside_the_tables_has_its_answer_and_its_name() -> None:
    assert set(roles.MAY) == set(roles.Act) == set(roles.ACT_NAMES)
    assert set(roles.ROLE_NAMES) == set(Role)
    for act, held in itertools.product(roles.Act, Role):
        assert roles.may(act, frozenset({held})) == (held in roles.MAY[act])


@every_table
def test_diagram_and_matrix_show_every_row(table: Table) -> None:
    drawn, english, japanese = machine.diagram(table), machine.matrix(table), machine.matrix(table, "ja")
    for step in table.transitions:
        source = "[*]" if step.state == NEW else step.state
        (line,) = [row for row in drawn.splitlines() if row.strip().startswith(f"{source} --> {step.to} : {step.command} (")]
        assert step.role.value in line
    for state, label in table.states.items():
        assert f"{state} {label.en}" in english
        assert f"{state} {label.ja}" in japanese


@every_table
def test_every_word_exists_in_both_languages(table: Table) -> None:
    for text in (table.label, *table.states.values(), *table.commands.values()):
        assert isinstance(text, Text) and text.ja.strip() and text.en.strip()
    assert {step.command for step in table.transitions} == set(table.commands)


def test_a_table_that_contradicts_itself_is_not_built() -> None:
    for wrong in (
        machine.rows("A", "go", Role.SE, "B") * 2,
        machine.rows("A", "go", Role.SE, "C"),
        machine.rows("A", "fly", Role.SE, "B"),
        machine.rows("B", "go", Role.SE, "A"),
    ):
        with pytest.raises(ValueError):
            Table("t", Text("表", "t"), {"A": Text("あ", "a"), "B": Text("い", "b")}, {"go": Text("行", "go")}, wrong, frozenset({"B"}))


@pytest.mark.parametrize("command", VOTES)
def test_votes_carry_by_more_than_half(command: str) -> None:
    other = next(vote for vote in ("reject", "defer") if vote != command)
    assert not passes({}, command)
    assert not passes({command: 1, other: 1}, command)
    assert passes({command: 2, other: 1}, command)
    assert set(DECISIONS) == set(VOTES)
