"""申請の操作 (applying): apply, review, contract: from a researcher's application to a contract in force."""

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from kiban_applications import conditions, contracts
from kiban_applications.command_line import desk
from kiban_applications.command_line.door import Door
from kiban_applications.contract_state import CONTRACT, Contract
from kiban_applications.review import committee, form, rules, store
from kiban_applications.review.store import Application
from kiban_operator import people
from kiban_operator.home import Home
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground

FILE_UNREADABLE = Ground(
    "form-file-unreadable", Family.INPUT, None,
    Text("{file} は TOML として読めません。", "{file} cannot be read as TOML."),
    Text("書式を直してください。UTF-8 で保存します。", "Correct its form and save it as UTF-8."),
)  # fmt: skip


def read_toml(path: Path) -> dict[str, Any]:
    """Refuses: form-file-unreadable."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FILE_UNREADABLE.refuse(file=path.name) from error


def read_answers(home: Home, path: Path) -> dict[str, Any]:
    """An application file; `@label` as a custodian's person stands for whoever sits at this desk under the label."""
    answers = read_toml(path)
    seats = desk.seats(home.path)
    for row in answers.get("custodians", []) if isinstance(answers.get("custodians"), list) else []:
        person = row.get("person") if isinstance(row, dict) else None
        if isinstance(person, str) and person.startswith("@"):
            row["person"] = seats.get(person[1:], person)
    return answers


def read_conditions(path: Path) -> tuple[conditions.Condition, ...]:
    """The conditions of a file (`[[conditions]]` rows). Refuses: form-file-unreadable, condition-invalid."""
    return conditions.read(read_toml(path).get("conditions", []))


def digest_of(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    _build_apply(door, app)
    _build_review(door, app)
    _build_contract(door, app)


def show_case(door: Door, case: Application | Contract) -> None:
    names = rules.APPLICATION.states if isinstance(case, Application) else CONTRACT.states
    label = names.get(case.state)
    word = door.read(label) if label else case.state
    door.tell(f"{case.id}: {word}", f"{case.id}: {word}")
    door.give({"id": case.id, "state": case.state, "version": case.version})


def _build_apply(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="apply", help=say("利用申請", "applications"))

    @group.command("questions", help=say("申請書の設問を表示します。", "Show the questions of the form."))
    def questions() -> None:
        door.table(say("申請書の設問", "Questions"), (say("名前", "name"), say("設問", "question"), say("書き方", "how to answer")),
                   [(q.name, door.read(q.label), door.read(q.help)) for q in form.QUESTIONS.values()])  # fmt: skip
        door.give(
            [
                {"name": q.name, "ja": q.label.ja, "en": q.label.en, "answer": q.answer.value, "choices": q.choices}
                for q in form.QUESTIONS.values()
            ]
        )

    @group.command("draft", help=say("申請書(TOML)を下書きとして登録します。", "Enter an application file (TOML) as a draft."))
    def draft(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
        opened = door.open("AP")
        with opened.transaction() as session:
            made = store.create(session, opened.circumstances, read_answers(opened, file))
        show_case(door, made)

    @group.command("save", help=say("下書きの回答を差し替えます。", "Replace the answers of a draft."))
    def save(application: Annotated[str, typer.Argument()], file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
        opened = door.open("AP")
        with opened.transaction() as session:
            made = store.save(session, opened.circumstances, application, read_answers(opened, file))
        show_case(door, made)

    @group.command("submit", help=say("申請します。", "Submit an application."))
    def submit(application: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("AP")
        with opened.transaction() as session:
            made = store.submit(session, opened.circumstances, application)
        show_case(door, made)

    @group.command("withdraw", help=say("申請を取り下げます。", "Withdraw an application."))
    def withdraw(application: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("AP")
        with opened.transaction() as session:
            made = store.withdraw(session, opened.circumstances, application)
        show_case(door, made)

    @group.command("list", help=say("申請の一覧", "List applications"))
    def list_applications() -> None:
        opened = door.open("SE", "AU", "AP")
        with opened.transaction() as session:
            acting = people.actor(session, opened.circumstances.actor)
            rows = [(a.id, a.state, a.organisation_id) for a in session.query(Application).order_by(Application.id)
                    if not acting.roles & {"AP", "AS", "CU"} or a.organisation_id == acting.organisation]  # fmt: skip
        door.table(say("申請", "Applications"), ("ID", say("状態", "state"), say("組織", "organisation")),
                   [(i, door.read(rules.APPLICATION.states[s]), o) for i, s, o in rows], say("申請はまだありません。", "No application yet."))  # fmt: skip
        door.give([{"id": i, "state": s, "organisation": o} for i, s, o in rows])


def _build_review(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="review", help=say("審査", "review by the committee"))
    case_argument = Annotated[str, typer.Argument(help=say("申請のID", "application ID"))]

    @group.command("accept", help=say("形式を確認し、審査に付します(事務局)。", "Accept the form for review (secretariat)."))
    def accept(application: case_argument) -> None:
        opened = door.open("SE")
        with opened.transaction() as session:
            made = store.accept(session, opened.circumstances, application)
        show_case(door, made)

    @group.command("return", help=say("理由を付して返戻します(事務局)。", "Return it with a reason (secretariat)."))
    def send_back(application: case_argument, reason: Annotated[str, typer.Option("--reason")]) -> None:
        opened = door.open("SE")
        with opened.transaction() as session:
            made = store.send_back(session, opened.circumstances, application, reason)
        show_case(door, made)

    @group.command("assign", help=say("審査委員を割り当てます。", "Assign committee members."))
    def assign(application: case_argument, members: Annotated[list[str], typer.Argument()]) -> None:
        opened = door.open("SE")
        seats = desk.seats(opened.path)
        with opened.transaction() as session:
            made = committee.assign(session, opened.circumstances, application, [seats.get(m, m) for m in members])
        show_case(door, made)

    @group.command(
        "declare",
        help=say("利益相反の有無を申告します(書類を開く前に)。", "Declare whether there is a conflict, before the dossier opens."),
    )
    def declare(
        application: case_argument, conflict: Annotated[bool, typer.Option("--conflict/--no-conflict")],
        nature: Annotated[str, typer.Option("--nature")] = "",
    ) -> None:  # fmt: skip
        opened = door.open("CM")
        with opened.transaction() as session:
            made = committee.declare(session, opened.circumstances, application, conflict, nature)
        show_case(door, made)

    @group.command(
        "opinion",
        help=say("意見を提出します。他の委員の意見は定足数まで見えません。", "Give an opinion; the others' stay hidden until quorum."),
    )
    def opinion(
        application: case_argument, recommendation: Annotated[str, typer.Option("--recommendation", help=", ".join(rules.VOTES))],
        reason: Annotated[str, typer.Option("--reason")],
        score: Annotated[list[str], typer.Option("--score", help="/".join(committee.CRITERIA) + "=1…5")],
    ) -> None:  # fmt: skip
        opened = door.open("CM")
        scores = {name: int(value) for name, _, value in (each.partition("=") for each in score) if value.isdigit()}
        with opened.transaction() as session:
            made = committee.give_opinion(session, opened.circumstances, application, recommendation, scores, reason)
        show_case(door, made)

    @group.command(
        "deliberate", help=say("定足数の意見がそろい、審議に入ります。", "Open the deliberation once a quorum of opinions is in.")
    )
    def deliberate(application: case_argument) -> None:
        opened = door.open("SE")
        with opened.transaction() as session:
            made = committee.open_deliberation(session, opened.circumstances, application)
        show_case(door, made)

    @group.command("conditions", help=say("条件案(TOML)を作成します。", "Draft conditions from a TOML file."))
    def draft_conditions(application: case_argument, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
        opened = door.open("SE", "CM")
        with opened.transaction() as session:
            made = committee.draft_conditions(session, opened.circumstances, application, read_conditions(file))
        show_case(door, made)

    @group.command("vote", help=say("投票します。", "Vote."))
    def vote(application: case_argument, cast: Annotated[str, typer.Argument(help=", ".join(rules.VOTES))]) -> None:
        opened = door.open("CM")
        with opened.transaction() as session:
            made = committee.vote(session, opened.circumstances, application, cast)
        show_case(door, made)

    @group.command("decide", help=say("決定します(委員長)。", "Decide (chair)."))
    def decide(
        application: case_argument, decision: Annotated[str, typer.Argument(help=", ".join(rules.DECISIONS))],
        minutes: Annotated[Path, typer.Option("--minutes", exists=True, dir_okay=False, help=say("議事録のファイル", "file of the minutes"))],
        reason: Annotated[str, typer.Option("--reason")] = "",
    ) -> None:  # fmt: skip
        opened = door.open("CH")
        with opened.transaction() as session:
            made = committee.decide(session, opened.circumstances, application, decision, digest_of(minutes), reason)
        show_case(door, made)


def _build_contract(door: Door, app: typer.Typer) -> None:
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="contract", help=say("利用契約", "contracts"))
    case_argument = Annotated[str, typer.Argument(help=say("契約のID", "contract ID"))]

    @group.command("open", help=say("承認された申請について契約の協議を始めます。", "Open negotiations on an approved application."))
    def open_contract(application: Annotated[str, typer.Argument()]) -> None:
        opened = door.open("CO")
        with opened.transaction() as session:
            made = contracts.open_contract(session, opened.circumstances, application)
        show_case(door, made)

    @group.command(
        "propose",
        help=say("法定の条件と委員会の条件から契約案を示します。", "Propose terms: the statutory, the committee's and further conditions."),
    )
    def propose(
        contract: case_argument, extra: Annotated[Path | None, typer.Option("--conditions", exists=True, dir_okay=False)] = None
    ) -> None:
        opened = door.open("CO")
        with opened.transaction() as session:
            found = contracts.load(session, contract)
            terms = contracts.standard_terms(session, found.application_id, read_conditions(extra) if extra else ())
            made = contracts.propose(session, opened.circumstances, contract, terms)
        show_case(door, made)

    @group.command("show", help=say("契約案の条件を読める文で表示します。", "Show the terms in readable sentences."))
    def show(contract: case_argument) -> None:
        opened = door.open("CO", "AU")
        with opened.transaction() as session:
            found = contracts.load(session, contract)
            terms = contracts.terms_of(session, found)
        door.tell(
            f"{found.id}({found.state}) 利用期間 {terms.term_from} 〜 {terms.term_to}",
            f"{found.id} ({found.state}) term {terms.term_from} to {terms.term_to}",
        )
        door.tell(conditions.render(terms.conditions).ja, conditions.render(terms.conditions).en)
        door.give({"id": found.id, "state": found.state, "terms": terms.digest, "term_from": terms.term_from, "term_to": terms.term_to,
                   "conditions": [each.as_json() for each in terms.conditions]})  # fmt: skip

    def signed(label: str, step: str) -> Any:
        def run(contract: case_argument) -> None:
            opened = door.open(label)
            with opened.transaction() as session:
                terms = str(contracts.load(session, contract).terms)
                if step == "agree":
                    made = contracts.agree(session, opened.circumstances, contract, terms)
                else:
                    key = people.private_key(opened.path / "keys" / "people", opened.circumstances.actor)
                    act = contracts.sign if step == "sign" else contracts.execute
                    made = act(session, opened.circumstances, contract, terms, key)
            show_case(door, made)

        return run

    group.command("agree", help=say("示された契約案に合意します(申請者)。", "Agree to the proposed terms (applicant)."))(
        signed("AP", "agree")
    )
    group.command("sign", help=say("署名します(申請者の締結権者)。", "Sign (recipient's signatory)."))(signed("AS", "sign"))
    group.command("execute", help=say("締結します(起案者と別の担当者)。", "Execute (an officer who did not draft it)."))(
        signed("CO-2", "execute")
    )

    @group.command("activate", help=say("利用期間が始まり、契約を発効させます。", "The term has begun: put the contract into force."))
    def activate(contract: case_argument) -> None:
        opened = door.open("CO")
        with opened.transaction() as session:
            made = contracts.activate(session, opened.circumstances, contract)
        show_case(door, made)

    @group.command("suspend", help=say("契約を停止します。以後の提供は直ちに止まります。", "Suspend the contract; no further delivery."))
    def suspend(contract: case_argument, reason: Annotated[str, typer.Option("--reason")]) -> None:
        opened = door.open("SO")
        with opened.transaction() as session:
            made = contracts.suspend(session, opened.circumstances, contract, reason)
        show_case(door, made)

    @group.command("list", help=say("契約の一覧", "List contracts"))
    def list_contracts() -> None:
        opened = door.open("CO", "AU", "SE")
        with opened.transaction() as session:
            rows = [(c.id, c.state, c.application_id, c.organisation_id) for c in session.query(Contract).order_by(Contract.id)]
        door.table(say("契約", "Contracts"), ("ID", say("状態", "state"), say("申請", "application"), say("組織", "organisation")), rows,
                   say("契約はまだありません。", "No contract yet."))  # fmt: skip
        door.give([{"id": i, "state": s, "application": a, "organisation": o} for i, s, a, o in rows])
