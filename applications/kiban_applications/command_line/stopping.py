"""停止の求めの操作 (optout): a request is taken, its person found, the hospital told, the document delivered and its copy kept."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from kiban_applications.command_line.door import Door
from kiban_applications.command_line.receiving import show_import
from kiban_operator import optouts, people, stop_matches, stop_papers, vault
from kiban_operator.home import Home
from kiban_operator.optouts import Channel, Form, IdentityCheck, Requester, Scope
from kiban_operator.roles import Act
from kiban_operator.stop_matches import Said
from kiban_processing.language import Text
from kiban_processing.refusals import Family, Ground
from kiban_processing.statutes import REG_47, REG_51

SAID_WRONG = Ground(
    "stop-match-input", Family.INPUT, REG_47,
    Text("標準入力の内容を読めません。", "What stands on standard input cannot be read."),
    Text('JSON で {fields} を渡してください(空でもよい)。', "Give JSON with {fields}; any may be empty."),
)  # fmt: skip
NAME_MISSING = Ground(
    "acknowledgement-name-missing", Family.INPUT, REG_51,
    Text("求めた方の氏名と、特定するに足りる事項がありません。", "Name and identifying particulars of the requester are missing."),
    Text("標準入力の1行目に氏名、2行目に住所などを渡してください。", "Give the name on the first line of standard input and the address or the like on the second."),
)  # fmt: skip


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="optout", help=door.say("提供停止の求め", "requests to stop provision"))
    _build_taking(door, group)
    _build_following(door, group)
    _build_documents(door, group)
    _build_matches(door, group)


def _day(home: Home, on: datetime | None) -> date:
    return on.date() if on else home.circumstances.today()


def _build_taking(door: Door, group: typer.Typer) -> None:
    say = door.say
    hospital_help = say("医療機関のID", "hospital ID")

    @group.command(
        "import",
        help=say(
            "停止の求めの一覧(CSV)を取り込みます。直ちに効力を持ちます。",
            "Import a hospital's list of stop requests (CSV); effective at once.",
        ),
    )
    def import_stops(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], hospital: Annotated[str, typer.Option("--hospital", help=hospital_help)],
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            secret = vault.patient_secret(session, opened)
            report = optouts.import_stops(session, opened.circumstances, hospital, file, secret)
        show_import(door, report)

    @group.command(
        "register",
        help=say(
            "停止の求めを一件受け付けます。患者IDは標準入力から読みます。", "Take one request; the patient ID is read from standard input."
        ),
    )
    def register_stop(
        hospital: Annotated[str, typer.Option("--hospital", help=hospital_help)],
        channel: Annotated[Channel, typer.Option("--channel")], requester: Annotated[Requester, typer.Option("--requester")],
        requested_on: Annotated[datetime | None, typer.Option("--requested-on", formats=["%Y-%m-%d"])] = None,
        regimes: Annotated[Scope, typer.Option("--regimes", help=say("停止の範囲(既定: 両方)", "what it stops (default: both)"))] = Scope.BOTH,
        identity: Annotated[IdentityCheck | None, typer.Option("--identity", help=say("本人確認の方法(後からでも記録できます)", "how the identity was checked (may follow)"))] = None,
        by_hospital: Annotated[bool, typer.Option("--by-hospital", help=say("医療機関が受け付けた求め(知らせる必要がない)", "the hospital took it and need not be told"))] = False,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        local_id = sys.stdin.readline().strip()  # an argument would stay in the shell's history
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            (key,) = vault.local_patient_keys(session, opened, hospital, [local_id])
            stop = optouts.register(
                session, opened.circumstances, hospital, key, _day(opened, requested_on), channel, requester, regimes, by_hospital
            )
            if identity is not None:
                optouts.check_identity(session, opened.circumstances, stop.id, identity)
        door.tell(f"受け付けました: {stop.id}。以後の受入れ・提供から直ちに除かれます。", f"Taken: {stop.id}. Effective at once.")
        door.give({"stop": stop.id})

    @group.command("identity", help=say("求めた方の本人確認の方法を記録します。", "Record how the requester was identified."))
    def identity(
        stop: Annotated[str, typer.Argument(help=say("求めの番号", "number of the request"))],
        how: Annotated[IdentityCheck, typer.Argument(help=say("方法", "how"))],
    ) -> None:
        opened = door.open("OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            optouts.check_identity(session, opened.circumstances, stop, how)
        door.tell("本人確認を記録しました。", "Recorded.")
        door.give({"stop": stop, "identity": how.value})

    @group.command("withdraw", help=say("求めの撤回を記録します。改めて通知し、期間が経過するまで受け入れません。",
                                        "Record that a request was withdrawn; a new notice and a new wait are needed before anything is received."))  # fmt: skip
    def withdraw(
        stop: Annotated[str, typer.Argument(help=say("求めの番号", "number of the request"))],
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("撤回の日(既定: 今日)", "day of the withdrawal (default: today)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            day = _day(opened, on)
            optouts.withdraw(session, opened.circumstances, stop, day)
        door.tell(
            "撤回を記録しました。新たな通知と期間の経過まで、受け入れません。",
            "Recorded. Nothing is received until a new notice and a new wait.",
        )
        door.give({"stop": stop, "withdrawn_on": day})


def _build_following(door: Door, group: typer.Typer) -> None:
    say = door.say

    @group.command(
        "pending",
        help=say(
            "書面が未交付の求めと、医療機関に知らせていない求めの一覧",
            "Requests whose document is due, or of which the hospital is not told",
        ),
    )
    def pending() -> None:
        opened = door.open("OD", "AU")
        with opened.transaction() as session:
            documents = [(s.id, s.hospital, s.acknowledge_by, s.identity_check) for s in optouts.unacknowledged(session)]
            hospitals = [(s.id, s.hospital, s.inform_by) for s in optouts.uninformed(session)]
        number, place, due = say("番号", "request"), say("医療機関", "hospital"), say("期限", "due")
        door.table(say("書面未交付", "Acknowledgements due"), (number, place, due, say("本人確認", "identity")), documents)
        door.table(say("医療機関への連絡", "Hospitals to be told"), (number, place, due), hospitals)
        door.give({"documents": [{"stop": i, "hospital": h, "due": d, "identity": c} for i, h, d, c in documents],
                   "hospitals": [{"stop": i, "hospital": h, "due": d} for i, h, d in hospitals]})  # fmt: skip

    @group.command("inform", help=say("求めを医療機関に知らせたことを記録します。", "Record that the hospital was told of a request."))
    def inform(
        stop: Annotated[str, typer.Argument(help=say("求めの番号", "number of the request"))],
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("知らせた日(既定: 今日)", "when (default: today)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            day = _day(opened, on)
            optouts.inform(session, opened.circumstances, stop, day)
        door.tell("記録しました。", "Recorded.")
        door.give({"stop": stop, "informed_on": day})


def _build_documents(door: Door, group: typer.Typer) -> None:
    say = door.say
    stop_help = say("求めの番号", "number of the request")

    @group.command("consent", help=say("書面に代えて電磁的記録によることへの承諾を記録します(交付の前に)。",
                                       "Record consent to an electromagnetic record in place of the document, before it is delivered."))  # fmt: skip
    def consent(
        stop: Annotated[str, typer.Argument(help=stop_help)],
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("承諾の日(既定: 今日)", "when (default: today)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.TAKE_STOP)
            day = _day(opened, on)
            optouts.consent(session, opened.circumstances, stop, day)
        door.tell("承諾を記録しました。", "Recorded.")
        door.give({"stop": stop, "consented_on": day})

    @group.command("acknowledge", help=say("書面(PDF)を作り、交付を記録し、写しを保存します。氏名と住所などを標準入力の2行で渡します。",
                                           "Make the document (PDF), record its delivery and keep the copy. Name and address come on two lines of standard input."))  # fmt: skip
    def acknowledge(
        stop: Annotated[str, typer.Argument(help=stop_help)],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, help=say("書き出すPDF", "PDF to write"))],
        form: Annotated[Form, typer.Option("--form", help=say("書面又は電磁的記録", "paper or electronic"))] = Form.PAPER,
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("交付の日(既定: 今日)", "day of delivery (default: today)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        name, identifying = sys.stdin.readline().strip(), sys.stdin.readline().strip()
        if not name or not identifying:
            raise NAME_MISSING.refuse()
        made = stop_papers.deliver(opened, stop, stop_papers.Particulars(name, identifying), _day(opened, on), form)
        out.write_bytes(made)
        door.tell(f"{out} を書きました。写しは三年間保存されます。", f"Wrote {out}. The copy is kept for three years.")
        door.give({"stop": stop, "file": str(out), "bytes": len(made)})

    @group.command("copy", help=say("交付した書面の写しを取り出します。", "Take out the kept copy of a document."))
    def copy(
        stop: Annotated[str, typer.Argument(help=stop_help)],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, help=say("書き出すPDF", "PDF to write"))],
    ) -> None:
        opened = door.open("OD", "HL")
        made = stop_papers.copy(opened, stop)
        out.write_bytes(made)
        door.tell(f"{out} を書きました。", f"Wrote {out}.")
        door.give({"stop": stop, "file": str(out), "bytes": len(made)})


def _build_matches(door: Door, group: typer.Typer) -> None:
    say = door.say

    @group.command("match", help=say("患者IDの分からない求めを受け付け、候補をすべて停止します。聞き取った事項を標準入力に JSON で渡します。",
                                     "Take a request without a patient ID and stop every candidate. What was said comes as JSON on standard input."))  # fmt: skip
    def match(
        channel: Annotated[Channel, typer.Option("--channel")], requester: Annotated[Requester, typer.Option("--requester")],
        requested_on: Annotated[datetime | None, typer.Option("--requested-on", formats=["%Y-%m-%d"])] = None,
        regimes: Annotated[Scope, typer.Option("--regimes")] = Scope.BOTH,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        taken = stop_matches.take(opened, _said(), _day(opened, requested_on), channel, requester, regimes)
        door.tell(
            f"受け付けました: {taken.id}。候補 {len(taken.candidates)} 件を停止しました。誰の求めかは別の担当者が決めます。",
            f"Taken: {taken.id}. {len(taken.candidates)} candidates are stopped; another person decides whose it is.",
        )
        door.give({"match": taken.id, "candidates": _shown(taken)})

    @group.command("matches", help=say("決まっていない突合の一覧", "Matches that wait for a decision"))
    def matches() -> None:
        opened = door.open("OD", "HL", "AU")
        with opened.transaction() as session:
            found = [(one.id, one.requested_on, _shown(one)) for one in stop_matches.open_matches(session)]
        door.table(
            say("突合", "Matches"), (say("突合", "match"), say("求めの日", "requested"), say("医療機関", "hospital"), say("求めの番号", "stop"), say("一致", "agrees")),
            [(i, on, one["hospital"], one["stop"], ", ".join(one["agrees"])) for i, on, shown in found for one in shown or [{"hospital": say("候補なし", "no candidate"), "stop": "", "agrees": []}]],
            say("決まっていない突合はありません。", "None waits."),
        )  # fmt: skip
        door.give([{"match": i, "requested_on": on, "candidates": shown} for i, on, shown in found])

    @group.command("settle", help=say("誰の求めかを決めます。指定した求めだけが残り、ほかの候補は停止が解かれます。",
                                      "Decide whose the request is: the stops named stand, the other candidates are released."))  # fmt: skip
    def settle(
        match: Annotated[str, typer.Argument(help=say("突合の番号", "number of the match"))],
        reason: Annotated[str, typer.Option("--reason", help=say("決めた理由(個人の情報を書かない)", "why (no particulars of anybody)"))],
        stops: Annotated[list[str] | None, typer.Argument(help=say("残す求めの番号(なければ、どの候補でもない)", "stops that stand (none: it is none of them)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        settled = stop_matches.settle(opened, match, stops or [], reason)
        released = len(settled.candidates) - len(stops or [])
        door.tell(f"決めました。停止を解いた候補 {released} 件。", f"Settled; {released} candidates released.")
        door.give({"match": match, "standing": stops or [], "released": released})


def _said() -> Said:
    fields = ", ".join(Said.__dataclass_fields__)
    try:
        told = orjson.loads(sys.stdin.read())
        return Said(**{name: str(value) for name, value in told.items()})
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        raise SAID_WRONG.refuse(fields=fields) from None


def _shown(match: stop_matches.StopMatch) -> list[dict[str, Any]]:
    """The candidates without their keys."""
    return [{"hospital": one["hospital"], "stop": one["stop"], "agrees": one["agrees"]} for one in match.candidates]
