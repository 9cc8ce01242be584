"""可否と見通しの操作 (eligibility): why one registration may or may not be received, and what becomes receivable when."""

import sys
from datetime import datetime
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door
from kiban_operator import findings_report, forecast, personal_eligibility


def build(door: Door, app: typer.Typer) -> None:
    """Add the commands to the application."""
    say, language = door.say, door.language
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name="eligibility", help=say("受入れの可否とその見通し", "what may be received, and what will be"))

    @group.command("show", help=say("一人の登録について可否を条項ごとに示します。患者IDは標準入力から読みます。",
                                    "Show clause by clause whether one registration may be received. The patient ID is read from standard input."))  # fmt: skip
    def show(
        hospital: Annotated[str, typer.Argument(help=say("医療機関のID", "hospital ID"))],
        regime: Annotated[str, typer.Option("--regime", help=say("A(匿名加工)又は P(仮名加工)", "A or P"))] = "A",
        table: Annotated[str, typer.Option("--table", help=say("目録の表", "table of the catalogue"))] = "patients",
        on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("何日の可否か(既定: 今日)", "for which day (default: today)"))] = None,
    ) -> None:  # fmt: skip
        opened = door.open("OD", "HL")
        local_id = sys.stdin.readline().strip()  # an argument would stay in the shell's history
        answer = personal_eligibility.ask(opened, hospital, regime, local_id, table, on.date() if on else None)
        door.tell(answer.sentence("ja"), answer.sentence("en"))
        for notice in answer.notices:
            door.tell(f"通知: 版 {notice.version}、{notice.given_on}", f"Notice: version {notice.version}, {notice.given_on}")
        door.table(
            say("条項", "Clauses"), (say("条項", "clause"), say("根拠", "article"), say("充足", "met"), say("内容と対応", "what and what to do")),
            [(one.code, one.article, "○" if one.holds else "×", "" if one.holds else f"{door.read(one.what)} {door.read(one.remedy)}") for one in answer.clauses],
        )  # fmt: skip
        door.give(answer.as_json(language))

    @group.command("forecast", help=say("保留されている行が、いつ受け入れられるか、何が足りないかを示します。",
                                        "Show when waiting rows become receivable, and what the others lack."))  # fmt: skip
    def foresee(
        hospital: Annotated[str | None, typer.Argument(help=say("医療機関のID(既定: すべて)", "hospital ID (default: all)"))] = None,
    ) -> None:
        opened = door.open("HL", "PR")
        found = forecast.look_ahead(opened, hospital)
        rows: list[tuple[object, ...]] = []
        for one in found:
            for day, due in sorted(one.by_day.items()):
                rows.append((one.hospital, one.regime, day, "", f"{due.persons:,}", f"{due.rows:,}"))
            for ground, due in sorted(one.lacking.items()):
                rule = findings_report.RULES[ground]
                rows.append(
                    (
                        one.hospital,
                        one.regime,
                        say("未定", "no day"),
                        f"{door.read(rule.what)} {door.read(rule.remedy)}",
                        f"{due.persons:,}",
                        f"{due.rows:,}",
                    )
                )
        door.table(
            say("保留分の見通し", "Forecast of held rows"),
            (say("医療機関", "hospital"), say("区分", "regime"), say("受入れ可能日", "receivable"), say("足りないもの", "lacking"), say("人", "persons"), say("行", "rows")),
            rows, say("保留されている行はありません。", "Nothing is held."),
        )  # fmt: skip
        door.give([one.as_json() for one in found])
