"""消去の操作 (erasing): erasure: ordered by one, approved by another, carried out and proved; nobody is named on the screen."""

import hashlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import people
from kiban_operator.erasure import orders, preview, reach, running, scan
from kiban_operator.erasure.orders import CAUSE_NAMES, ERASURE, OF_PERSONS, Cause, Erasure, Scope
from kiban_operator.roles import Act
from kiban_processing.language import Text

SCOPES: dict[Scope, Text] = {
    Scope.PERSON: Text("本人(名寄せされた登録すべて)", "a person: all registrations the linkage knows"),
    Scope.REGISTRATION: Text("一つの登録", "one registration"),
    Scope.SUBMISSION: Text("一つの提供", "one submission"),
    Scope.HOSPITAL: Text("医療機関", "a hospital"),
    Scope.EVERYTHING: Text("すべて", "everything"),
}


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="erasure", help=say("消去(指示・承認・実行・不在の証明)", "erasure: order, approve, carry out, prove"))
    order_help = say("消去の指示の番号", "the order's number")

    @group.command("order", help=say(
        "消去を起案します。本人又は登録の患者IDは標準入力から読みます(--person で本人IDを示すときを除く)。承認されるまで何も消去しません。",
        "Order an erasure. The patient ID of a person or registration is read from standard input, unless --person gives the person's ID. "
        "Nothing is erased before it is approved.",
    ))  # fmt: skip
    def order(
        scope: Annotated[Scope, typer.Option("--scope", help=say("範囲", "what is erased"))],
        ground: Annotated[Cause, typer.Option("--ground", help=say("事由", "the ground"))],
        hospital: Annotated[str | None, typer.Option("--hospital", help=say("医療機関のID", "hospital ID"))] = None,
        submission: Annotated[str | None, typer.Option("--submission", help=say("受領番号", "submission"))] = None,
        person: Annotated[str | None, typer.Option("--person", help=say("本人ID(名寄せ台帳の)", "the person's ID in the register"))] = None,
        document: Annotated[Path | None, typer.Option("--document", exists=True, dir_okay=False, help=say("根拠となる文書(要約値だけを記録)", "the document it rests on; its digest is kept"))] = None,
    ) -> None:  # fmt: skip
        needed = {Scope.SUBMISSION: ("--submission", submission), Scope.HOSPITAL: ("--hospital", hospital)}.get(scope)
        if scope in OF_PERSONS and person is None:
            needed = ("--hospital", hospital)
        if needed is not None and needed[1] is None:
            raise typer.BadParameter(say(f"{needed[0]} を指定してください。", f"{needed[0]} is needed."))
        opened = door.open("OD", "HL", "SO")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.ORDER_ERASURE)
        named: list[orders.Registration] = []
        if scope is Scope.PERSON and person is not None:
            named = reach.of_person(opened, person)
        elif scope in OF_PERSONS:
            local_id = sys.stdin.readline().strip()  # an argument would stay in the shell's history
            named = reach.of_registration(opened, str(hospital), local_id, scope is Scope.PERSON)
        digest = f"sha256:{hashlib.sha256(document.read_bytes()).hexdigest()}" if document else None
        place = {"hospital": hospital} if scope is Scope.HOSPITAL else {"submission": submission} if scope is Scope.SUBMISSION else {}
        with opened.transaction() as session:
            made = orders.order(session, opened, scope, ground, registrations=named, document=digest, **place)
        door.tell(f"起案しました: {made.id}(登録 {made.registrations} 件)。`kiban erasure preview {made.id}` で試算し、別の人が承認します。",
                  f"Ordered: {made.id} ({made.registrations} registrations). See `kiban erasure preview {made.id}`; somebody else approves it.")  # fmt: skip
        door.give(made.as_json())

    @group.command(
        "approve",
        help=say("消去を承認します(起案した人以外の安全管理責任者)。", "Approve an erasure, as a security officer who did not order it."),
    )
    def approve(order_id: Annotated[str, typer.Argument(help=order_help)]) -> None:
        opened = door.open("SO")
        with opened.transaction() as session:
            made = orders.approve(session, opened, order_id)
        door.tell(
            f"承認しました: {made.id}。`kiban erasure run {made.id}` で実行します。",
            f"Approved: {made.id}. Carry it out with `kiban erasure run {made.id}`.",
        )
        door.give(made.as_json())

    @group.command("reject", help=say("消去の指示を却下します。何も消去しません。", "Reject an order of erasure; nothing is erased."))
    def reject(order_id: Annotated[str, typer.Argument(help=order_help)]) -> None:
        opened = door.open("SO")
        with opened.transaction() as session:
            made = orders.reject(session, opened, order_id)
        door.tell(f"却下しました: {made.id}。", f"Rejected: {made.id}.")
        door.give(made.as_json())

    @group.command(
        "preview",
        help=say(
            "何を書き換え、破棄することになるかを数で示します。何も変えません。",
            "Show in numbers what would be rewritten or destroyed; changes nothing.",
        ),
    )
    def show_preview(order_id: Annotated[str, typer.Argument(help=order_help)]) -> None:
        opened = door.open("SO", "OD", "HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.ORDER_ERASURE)
        told = preview.preview(opened, order_id)
        rows = [(shelf, table, files, f"{number:,}", f"{size:,}") for (shelf, table), (files, number, size) in sorted(told.places.items())]
        columns = (
            say("棚", "shelf"),
            say("表", "table"),
            say("ファイル", "files"),
            say("消える行", "rows that go"),
            say("書き換えるバイト", "bytes rewritten"),
        )
        door.table(
            say("消去の試算", "What would be erased"), columns, rows, say("保管しているものはありません。", "Nothing of it is stored.")
        )
        for release_id in told.ending:
            door.tell(
                f"作成物 {release_id} は提供前に終了し、作り直しになります。", f"Release {release_id} would end; it has to be made again."
            )
        for release_id in told.delivered:
            door.tell(
                f"作成物 {release_id} は提供済みのため取り戻せません。", f"Release {release_id} was delivered and cannot be recalled."
            )
        door.give(told.as_json())

    @group.command("run", help=say("承認された消去を実行し、不在を証明します。中断したときは同じ命令で続けます。",
                                   "Carry out an approved erasure and prove it. After an interruption, the same command goes on."))  # fmt: skip
    def run(order_id: Annotated[str, typer.Argument(help=order_help)]) -> None:
        opened = door.open("SO")
        with door.progress() as progress:
            made = running.run(opened, order_id, progress)
        _show(door, made)
        door.give(made.as_json())

    @group.command(
        "scan",
        help=say(
            "消去したものがどこにも残っていないことを、残るファイルを読み直して確かめます。",
            "Prove that nothing is left, by reading again every file that could hold it.",
        ),
    )
    def show_scan(
        order_id: Annotated[str, typer.Argument(help=order_help)],
        every: Annotated[bool, typer.Option("--every", help=say("ほかの束も含め、すべてのファイルを読みます。", "read every file, of other buckets too"))] = False,
    ) -> None:  # fmt: skip
        opened = door.open("SO", "AU")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.PROVE_ERASURE)
        with door.progress() as progress:
            told = scan.scan(opened, order_id, progress, every)
        door.table(say("残っているもの", "What is left"), (say("場所", "place"), say("数", "number")), sorted(told.found.items()),
                   say(f"残っていません({told.files:,} ファイル、{told.rows:,} 行を確認)。", f"Nothing is left ({told.files:,} files with {told.rows:,} rows were looked at)."))  # fmt: skip
        door.give({"order": order_id, **told.as_json()})
        if not told.clean:
            raise running.NOT_PROVED.refuse(
                aggregate=f"erasure/{order_id}", found=", ".join(f"{place} {n}" for place, n in sorted(told.found.items()))
            )

    @group.command("list", help=say("消去の指示の一覧", "List orders of erasure"))
    def list_orders() -> None:
        opened = door.open("SO", "OD", "HL", "AU")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.READ_ERASURES)
            found = orders.every(session)
        rows = [
            (each.id, door.read(ERASURE.states[each.state]), door.read(SCOPES[Scope(each.scope)]), door.read(CAUSE_NAMES[Cause(each.cause)]),
             each.hospital, each.registrations, f"{each.ordered_at:%Y-%m-%d}")
            for each in found
        ]  # fmt: skip
        columns = (
            say("番号", "order"),
            say("状態", "state"),
            say("範囲", "scope"),
            say("事由", "ground"),
            say("医療機関", "hospital"),
            say("登録", "registrations"),
            say("起案", "ordered"),
        )
        door.table(
            say("消去の指示", "Orders of erasure"), columns, rows, say("消去の指示はまだありません。", "No erasure has been ordered yet.")
        )
        door.give([each.as_json() for each in found])


def _show(door: Door, made: Erasure) -> None:
    say = door.say
    shelves = made.counted.get("shelves", {})
    rows = [
        (name, counts.get("files", 0), f"{counts.get('rows', 0):,}", f"{counts.get('bytes', 0):,}")
        for name, counts in sorted(shelves.items())
    ]
    columns = (say("棚", "shelf"), say("ファイル", "files"), say("消した行", "rows erased"), say("書き換えたバイト", "bytes rewritten"))
    door.table(
        say(f"消去済み: {made.id}", f"Erased: {made.id}"),
        columns,
        rows,
        say("保管しているものはありませんでした。", "Nothing of it was stored."),
    )
    looked = made.outcome["scan"]
    door.tell(f"不在を確かめました({looked['files']:,} ファイル、{looked['rows']:,} 行)。受領記録・停止の求め・帳簿は残ります。",
              f"Proved absent ({looked['files']:,} files with {looked['rows']:,} rows). Receipt records, stop requests and the book stay.")  # fmt: skip
    for release_id in made.outcome.get("ended", []):
        door.tell(
            f"作成物 {release_id} を提供前に終了しました。作り直してください。",
            f"Release {release_id} has ended before delivery; make it again.",
        )
    for release_id in made.outcome.get("delivered", []):
        door.tell(f"作成物 {release_id} は提供済みのため取り戻せません。", f"Release {release_id} was delivered and cannot be recalled.")
