"""届出と公表の操作 (filing): what a new notice version changes, the form for the ministers, and the hospital's own publication."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import notice_changes, people, publication
from kiban_operator.papers import filings
from kiban_operator.roles import Act


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say, language = door.say, door.language
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="filing", help=say("届出と公表", "filings with the ministers and publication"))
    hospital_help, version_help = say("医療機関のID", "hospital ID"), say("通知の版", "notice version")
    regime_help = say("A(匿名加工)又は P(仮名加工)", "A or P")

    @group.command("changes", help=say("二つの通知の版の違いと、変更に必要な手続を示します。",
                                       "Show what differs between two notice versions and what the change asks for."))  # fmt: skip
    def changes(
        hospital: Annotated[str, typer.Argument(help=hospital_help)],
        older: Annotated[str, typer.Argument(help=say("変更前の版", "version before"))],
        newer: Annotated[str, typer.Argument(help=say("変更後の版", "version after"))],
        regime: Annotated[str, typer.Option("--regime", help=regime_help)] = "A",
    ) -> None:
        opened = door.open("HL", "AU")
        with opened.reading() as session:
            found = notice_changes.compare(session, hospital, regime, older, newer)
        door.table(
            say("変更", "Changes"), (say("号", "item"), say("事項", "entry"), say("必要な手続", "what it asks for")),
            [(one.item, door.read(notice_changes.NAMES[one.entry]), door.read(notice_changes.REQUIREMENTS[one.requirement])) for one in found.changes],
            say("違いはありません。", "They do not differ."),
        )  # fmt: skip
        if found.items_added:
            door.tell(f"加わる項目: {', '.join(found.items_added)}", f"Items added: {', '.join(found.items_added)}")
        if found.items_removed:
            door.tell(f"なくなる項目: {', '.join(found.items_removed)}", f"Items removed: {', '.join(found.items_removed)}")
        if found.changes:
            door.tell(f"改めて通知する人: {found.to_notify:,} 人", f"Persons to notify anew: {found.to_notify:,}")
        door.give(found.as_json(language))

    @group.command("form", help=say("届出書(様式第四十三、代理人によるときは様式第四十四)をPDFで作ります。",
                                    "Make the filing (Form 43; by an agent Form 44) as PDF."))  # fmt: skip
    def form(
        hospital: Annotated[str, typer.Argument(help=hospital_help)],
        version: Annotated[str, typer.Argument(help=version_help)],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, help=say("書き出すPDF", "PDF to write"))],
        regime: Annotated[str, typer.Option("--regime", help=regime_help)] = "A",
        occasion: Annotated[filings.Occasion, typer.Option("--occasion", help=say("届出の事由", "what is filed"))] = filings.Occasion.FIRST,
        older: Annotated[str | None, typer.Option("--older", help=say("変更前の版(変更のとき)", "version before (for a change)"))] = None,
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("届出書の日付(既定: 今日)", "date of the form (default: today)"))] = None,
        agent: Annotated[tuple[str, str] | None, typer.Option("--agent", metavar="NAME ADDRESS", help=say("代理人の氏名と住所", "name and address of the agent"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("HL")
        with opened.transaction() as session:
            people.require(session, opened.circumstances, Act.MANAGE_HOSPITAL)
            day = on.date() if on else opened.circumstances.today()
            made = filings.compose(session, hospital, regime, version, day, occasion, older, filings.Agent(*agent) if agent else None)
        out.write_bytes(made)
        door.tell(f"{out} を書きました。", f"Wrote {out}.")
        door.give({"file": str(out), "bytes": len(made)})

    @group.command("publication", help=say("医療機関が公表するページ(HTML)を作ります。", "Make the page (HTML) that the hospital publishes."))  # fmt: skip
    def publish(
        hospital: Annotated[str, typer.Argument(help=hospital_help)],
        version: Annotated[str, typer.Argument(help=version_help)],
        out: Annotated[Path, typer.Option("--out", dir_okay=False, help=say("書き出すHTML", "HTML to write"))],
        regime: Annotated[str, typer.Option("--regime", help=regime_help)] = "A",
        older: Annotated[str | None, typer.Option("--older", help=say("変更前の版(変更の公表)", "version before (publishing a change)"))] = None,
        draft: Annotated[bool, typer.Option("--draft", help=say("主務大臣による公表の前に案を見る", "see a draft before the ministers have published"))] = False,
    ) -> None:  # fmt: skip
        opened = door.open("HL")
        with opened.reading() as session:
            made = publication.compose(session, hospital, regime, version, language, older, draft)
        out.write_bytes(made)
        door.tell(f"{out} を書きました。", f"Wrote {out}.")
        door.give({"file": str(out), "bytes": len(made)})
