"""帳簿の操作 (bookkeeping): ledger, audit: the statutory book, its export, and its verification from the export alone."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import AUDIT_FOUND, Door
from kiban_operator import people, release, release_state
from kiban_operator.circumstances import JAPAN
from kiban_operator.home import Home
from kiban_operator.ledger import audit as auditing
from kiban_operator.ledger import book, kinds, signer
from kiban_operator.ledger import export as exporting
from kiban_operator.roles import Act


def export(home: Home, folder: Path) -> exporting.Export:
    """Sign the book as it stands and write it out, with the evidence and manifest of every release."""
    signing = signer.open_signer(home.path / "keys")
    with home.transaction() as session:
        people.require(session, home.circumstances, Act.READ_LEDGER)
    with home.transaction() as session:
        signer.sign_checkpoint(session, home.circumstances, signing)
    with home.transaction() as session:
        documents: dict[str, bytes] = {}
        for made in release_state.every(session):
            for name in (release.MANIFEST, release.EVIDENCE):
                path = release.folder_of(home, made.id) / name
                if path.is_file():
                    documents[f"{made.id}-{name}"] = path.read_bytes()
        return exporting.export(session, folder, signing.verifier, documents)


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say = door.say
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="ledger", help=say("帳簿(法第14条)", "the statutory ledger (Act 14)"))

    @group.command(
        "export",
        help=say("帳簿を、それだけで検証できるフォルダに書き出します。", "Write the book out as a folder that can be verified by itself."),
    )
    def export_ledger(
        folder: Annotated[Path, typer.Argument()],
        replace: Annotated[bool, typer.Option("--replace", help=say("既存の写しを置き換えます。", "replace an earlier export"))] = False,
    ) -> None:
        opened = door.open("AU", "SE", "SO")
        if replace and (folder / "checkpoint").is_file():
            shutil.rmtree(folder)
        written = export(opened, folder)
        door.tell(f"{written.size} 件の記載を {folder} に書き出しました。検証: kiban audit {folder}",
                  f"Wrote {written.size} entries to {folder}. Verify with: kiban audit {folder}")  # fmt: skip
        door.give({"folder": str(folder), "entries": written.size, "root": written.root.hex(), "files": written.files})

    @group.command(
        "checkpoint", help=say("現在の帳簿に署名し、検証子を表示します。", "Sign the book as it stands and show the checkpoint.")
    )
    def checkpoint() -> None:
        opened = door.open("SO")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.SIGN_CHECKPOINT)
        with opened.transaction() as session:
            note = signer.sign_checkpoint(session, opened.circumstances, signer.open_signer(opened.path / "keys"))
        door.tell(note, note)
        door.give({"checkpoint": note})

    @group.command("list", help=say("記載の一覧", "List entries"))
    def list_entries(
        aggregate: Annotated[
            str | None, typer.Option("--about", help=say("対象(例 release/R-…)", "aggregate, such as release/R-…"))
        ] = None,
        kind: Annotated[str | None, typer.Option("--kind")] = None,
        limit: Annotated[int, typer.Option("--limit")] = 50,
    ) -> None:
        opened = door.open("AU", "SE", "SO")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.READ_LEDGER)
            found = book.entries(session, aggregate, kinds.named(kind) if kind in kinds.KINDS else kind)[-limit:]
        rows = [
            (e.seq, f"{e.at.astimezone(JAPAN):%Y-%m-%d %H:%M:%S}", door.read(kinds.KINDS[e.kind].label), e.aggregate, e.actor)
            for e in found
        ]
        door.table(say("帳簿", "Ledger"), (say("番号", "seq"), say("日時", "at"), say("種類", "kind"), say("対象", "about"), say("行為者", "actor")), rows,
                   say("記載はまだありません。", "No entry yet."))  # fmt: skip
        door.give(
            [
                {"seq": e.seq, "at": e.at.isoformat(), "kind": e.kind, "aggregate": e.aggregate, "actor": e.actor, "facts": e.facts}
                for e in found
            ]
        )

    @app.command(
        "audit",
        help=say(
            "書き出した帳簿をフォルダだけから検証します。終了コード 0 は異常なし、20 は異常あり。",
            "Verify an exported book from its folder alone. Exit code 0: all is well; 20: something was found.",
        ),
    )
    def audit(
        folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
        key: Annotated[str | None, typer.Option("--key", help=say("別途知っている帳簿の公開鍵(name+hash+base64)", "the ledger's key as you know it (name+hash+base64)"))] = None,
        earlier: Annotated[Path | None, typer.Option("--earlier", exists=True, dir_okay=False, help=say("以前に受け取った検証子", "a checkpoint kept from before"))] = None,
    ) -> None:  # fmt: skip
        verdict = auditing.audit(folder, key, earlier.read_bytes() if earlier else None)
        if not door.as_json:
            door.out.print(verdict.read(door.language), end="")
        door.give(verdict.as_json())
        if not verdict.ok:
            raise typer.Exit(AUDIT_FOUND)
