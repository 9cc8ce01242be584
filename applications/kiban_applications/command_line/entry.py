"""`kiban` の入口 (entry): puts the commands together in the language of the person and turns every outcome into an exit code."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import click
import typer
import uvicorn

from kiban_applications import web
from kiban_applications.command_line import applying, bookkeeping, receiving, registering, releasing, tools
from kiban_applications.command_line.demonstration import story
from kiban_applications.command_line.door import Door, report_defect, take_options
from kiban_processing.refusals import Refusal


def assemble(door: Door) -> typer.Typer:
    """The whole command tree, its texts in the door's language."""
    say = door.say
    app = typer.Typer(
        name="kiban", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
        help=say(
            "基盤: 次世代医療基盤法の認定作成事業者の業務を行うシステム。\n\n"
            "全体オプション(どこにでも置けます): --home フォルダ、--lang ja|en、--as 人のIDまたは席、--json",
            "kiban: the system an accredited operator under the Next-Generation Medical Infrastructure Act runs on.\n\n"
            "Global options (anywhere): --home DIR, --lang ja|en, --as PERSON-or-seat, --json",
        ),
        epilog=say(
            "終了コード: 0 完了、1 不具合、2 使い方の誤り、10 法令による拒否、11 入力の拒否、12 状態、13 権限、14 完全性、20 監査で異常",
            "Exit codes: 0 done, 1 defect, 2 wrong use, 10 refused by law, 11 input, 12 state, 13 permission, 14 integrity, 20 audit found",
        ),
    )  # fmt: skip

    @app.callback()
    def options(
        home: Annotated[str | None, typer.Option("--home", help=say("保管場所(環境変数 KIBAN_HOME)", "the home (environment: KIBAN_HOME)"), metavar="DIR")] = None,
        lang: Annotated[str | None, typer.Option("--lang", help=say("表示の言語(環境変数 KIBAN_LANG)", "language (environment: KIBAN_LANG)"), metavar="ja|en")] = None,
        person: Annotated[str | None, typer.Option("--as", help=say("行為者(環境変数 KIBAN_AS)", "who acts (environment: KIBAN_AS)"), metavar="PERSON")] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("結果を JSON で出力", "print the result as JSON"))] = False,
    ) -> None:  # fmt: skip
        """Shown in the help; `take_options` has read them already, wherever they stood."""

    registering.build(door, app)
    receiving.build(door, app)
    tools.build(door, app)
    releasing.build(door, app)
    applying.build(door, app)
    bookkeeping.build(door, app)

    @app.command(
        "demo", help=say("三医療機関の例で業務の全体を一度行います。", "Run the whole business once on the example of three hospitals.")
    )
    def demo(
        data: Annotated[Path | None, typer.Option("--data", exists=True, file_okay=False, help=say("例のデータ(data_examples)", "the example data (data_examples)"))] = None,
    ) -> None:  # fmt: skip
        story.tell(door, data)

    @app.command("serve", help=say("HTTP の窓口(/healthz、/openapi.json)を開きます。", "Open the HTTP door (/healthz, /openapi.json)."))
    def serve(host: Annotated[str, typer.Option("--host")] = "127.0.0.1", port: Annotated[int, typer.Option("--port")] = 8000) -> None:
        served = web.application(door.home_path, door.circumstances().acting("system"))
        uvicorn.run(served, host=host, port=port, log_level="warning", server_header=False)

    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    door, rest = take_options(arguments)
    try:
        outcome = assemble(door)(args=rest, prog_name="kiban", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except Refusal as refusal:
        return door.refuse(refusal)
    except click.exceptions.NoArgsIsHelpError as shown:
        door.out.print(shown.ctx.get_help())
        return 0
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        door.err.print(door.say("中断しました。途中の状態は残りません。", "Interrupted; nothing half-done is kept."))
        return 130
    except Exception as error:
        return report_defect(door, error)


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot show Japanese gets escapes (valid in JSON), not a crash
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
