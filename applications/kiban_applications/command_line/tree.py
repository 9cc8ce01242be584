"""命令の木 (tree): every command of `kiban` in the language of the person."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from kiban_applications import web
from kiban_applications.command_line import (
    alone,
    applying,
    bookkeeping,
    erasing,
    filing,
    foreseeing,
    masters,
    receiving,
    registering,
    releasing,
    settling,
    stopping,
    tracing,
)
from kiban_applications.command_line.demonstration import story
from kiban_applications.command_line.door import Door


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

    alone.take_no_options(door, app)

    registering.build(door, app)
    filing.build(door, app)
    receiving.build(door, app)
    masters.build(door, app)
    stopping.build(door, app)
    foreseeing.build(door, app)
    erasing.build(door, app)
    settling.build(door, app)
    tracing.build(door, app)
    for build in alone.builders():
        build(door, app)
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
