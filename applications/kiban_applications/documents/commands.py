"""コマンドの一覧 (commands): the help text of every command, in English and in Japanese, exactly as `--help` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import typer.main

from kiban_applications.command_line import entry
from kiban_applications.command_line.door import Door
from kiban_applications.documents import markdown
from kiban_processing.language import LANGUAGES, Language

WIDTH = 100


def tree(language: Language) -> click.Command:
    """The whole command line in one language; nothing is opened and nothing runs."""
    door = Door(language, Path("home"), None, False, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return typer.main.get_command(entry.assemble(door))


def helps(language: Language) -> Iterator[tuple[str, str]]:
    """(command line, help text) of every command and group, in the order of the help."""
    yield from _walk(tree(language), "kiban", None)


def _walk(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    yield context.command_path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _walk(found, below, context)


def compose(_root: Path) -> str:
    english, japanese = (dict(helps(language)) for language in reversed(LANGUAGES))
    parts = [
        "What `--help` prints, first in English (`--lang en`), then in Japanese (`--lang ja`). "
        "Global options may stand anywhere: `--home DIR`, `--lang ja|en`, `--as PERSON`, `--json`. "
        "Exit codes and their meaning: [exit codes](../exit-codes.md).",
    ]
    for path, text in english.items():
        parts.append(f"## {markdown.code(path)}\n\n```text\n{text}\n```\n\n```text\n{japanese[path]}\n```")
    return markdown.page("Commands (コマンド)", *parts)
