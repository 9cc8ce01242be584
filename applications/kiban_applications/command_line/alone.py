"""単独の道具 (alone): the commands that need nothing else of kiban, or load it only where they do; each loads what it needs and nothing of the rest."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Annotated

import typer

from kiban_applications.command_line.door import Door

Builder = Callable[[Door, typer.Typer], None]

# Command → its module of this folder. Loaded by name when asked for: all of kiban takes 2 CPU seconds to load, most tables less to anonymise.
COMMANDS = {
    "anonymise": "anonymising",
    "risk": "measuring",
    "hierarchy": "hierarchies",
    "link": "linking",
    "link-explain": "explaining_links",
    "link-sample": "explaining_links",
    "link-report": "explaining_links",
    "inspect": "inspecting",
}


def builder(command: str) -> Builder:
    """What adds one of COMMANDS to an application."""
    found: Builder = import_module(f"{__package__}.{COMMANDS[command]}").build
    return found


def builders() -> Iterator[Builder]:
    """All of them, in the order of the help."""
    return (import_module(f"{__package__}.{module}").build for module in dict.fromkeys(COMMANDS.values()))


def assemble(door: Door, command: str) -> typer.Typer:
    """An application that has one of COMMANDS, under the name and with the options that it has in the whole tree."""
    app = typer.Typer(name="kiban", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    take_no_options(door, app)
    builder(command)(door, app)
    return app


def take_no_options(door: Door, app: typer.Typer) -> None:
    """Show the global options in the help."""
    say = door.say

    @app.callback()
    def options(
        home: Annotated[str | None, typer.Option("--home", help=say("保管場所(環境変数 KIBAN_HOME)", "the home (environment: KIBAN_HOME)"), metavar="DIR")] = None,
        lang: Annotated[str | None, typer.Option("--lang", help=say("表示の言語(環境変数 KIBAN_LANG)", "language (environment: KIBAN_LANG)"), metavar="ja|en")] = None,
        person: Annotated[str | None, typer.Option("--as", help=say("行為者(環境変数 KIBAN_AS)", "who acts (environment: KIBAN_AS)"), metavar="PERSON")] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("結果を JSON で出力", "print the result as JSON"))] = False,
    ) -> None:  # fmt: skip
        """Shown in the help; `take_options` has read them already, wherever they stood."""
