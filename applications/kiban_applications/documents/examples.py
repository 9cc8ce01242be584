"""実行例 (examples): the console blocks of the hand-written pages, run for real and compared, or written anew.

A block is fenced as ```console; a line that begins with `$ ` is a command (`> ` continues it) and what follows is what it prints. Identifiers, digests and
times differ from run to run: they are masked when compared, and an identifier shown by one command may be used by a later one of the
same page. All blocks of a page run in order in one folder.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from kiban_applications.command_line import entry
from kiban_operator.circumstances import JAPAN

PAGES = ("README.md", "docs/operator.md", "docs/auditor.md", "docs/applicant.md", "docs/anonymise.md", "docs/linkage.md")
WIDTH = "110"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=JAPAN)  # after what the demonstration tells; a minute passes with every command

_BLOCK = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"\b[A-Za-z]{1,4}-(?:[0-9a-f]{32}|[0-9a-f]{16})\b|\bsha256:[0-9a-f]{64}\b")
_SUBSTITUTION = re.compile(r"\$\((.+?)\)")
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_ID, "<id>"),
    (re.compile(r"sha256:[0-9a-f]{8,63}(?=…)"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<root>"),
    (re.compile(r"\b(?:[0-9a-f]{4} ){15}[0-9a-f]{4}\b"), "<fingerprint>"),
    (re.compile(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}"), "<key>"),
    (re.compile(r"^— \S+ [A-Za-z0-9+/=]+$", re.MULTILINE), "<signature>"),
    (re.compile(r"^[A-Za-z0-9+/]{43}=$", re.MULTILINE), "<root>"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?"), "<time>"),
    # What a release keeps depends a little on its secret shifts.
    (re.compile(r"\b[\d,]+ persons, (?:k=\d+|all \d+)"), "<persons>"),
    (re.compile(r"(?<=signed the receipt: ).*"), "<rows>"),
    (re.compile(r"[\d.]+ MB"), "<size>"),
    (re.compile(r"[ ─━]{2,}"), "  "),  # a column is as wide as its widest cell
)


@dataclass(frozen=True)
class Example:
    """One command of a page, with what the page says it prints; `line` counts from 1."""

    line: int
    command: str
    printed: str


@dataclass
class Terminal:
    """One page's terminal: a working folder, its environment, and which identifier of the page is which real one."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    clock: datetime = NOW
    real: dict[str, str] = field(default_factory=dict)
    status: int = 0

    def run(self, command: str) -> str:
        """What a command prints on either stream, trailing spaces left out."""
        for shown, is_really in self.real.items():
            command = command.replace(shown, is_really)
        self.clock += timedelta(minutes=1)
        with _surroundings(self.folder, {**self.environment, "KIBAN_NOW": self.clock.isoformat()}):
            text = self._kiban(command) if command.startswith("kiban ") else self._shell(command)
        return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")

    def learn(self, shown: str, printed: str) -> None:
        """Identifiers stand in the same order in what the page shows and in what was printed."""
        for mine, real in zip(_ID.findall(shown), _ID.findall(printed), strict=False):
            self.real.setdefault(mine, real)

    def _kiban(self, command: str) -> str:
        command, _, typed = command.partition(" <<< ")
        command = _SUBSTITUTION.sub(lambda found: self._shell(found[1]).strip(), command)
        out = io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
            mock.patch.object(sys, "stdin", io.StringIO(typed.strip("'") + "\n")),
        ):
            self.status = entry.run(shlex.split(command, comments=True)[1:])
        return out.getvalue()

    def _shell(self, command: str) -> str:
        if command == "echo $?":
            return str(self.status)
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, text=True, check=False)
        self.status = done.returncode
        return done.stdout + done.stderr


def read(text: str) -> list[Example]:
    """The examples of a page, in order."""
    found: list[Example] = []
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start()) + 2
        for number, line in enumerate(block["body"].splitlines()):
            if line.startswith("$ "):
                found.append(Example(first + number, line[2:], ""))
            elif line.startswith("> ") and found and not found[-1].printed:
                found[-1] = Example(found[-1].line, f"{found[-1].command}\n{line[2:]}", "")
            elif found:
                last = found[-1]
                found[-1] = Example(last.line, last.command, f"{last.printed}\n{line}" if last.printed else line)
    return found


def masked(printed: str) -> list[str]:
    """The lines without what differs from run to run; in order of the alphabet, because random identifiers order lists."""
    for pattern, mark in _MASKS:
        printed = pattern.sub(mark, printed)
    return sorted(line.rstrip() for line in printed.splitlines())


def rewritten(text: str, terminal: Terminal) -> str:
    """The page with every output as it is now; identifiers of later commands become those that were printed."""

    def again(block: re.Match[str]) -> str:
        lines: list[str] = []
        for example in read(block.group(0)):
            printed = terminal.run(example.command)
            terminal.learn(example.printed, printed)
            command = example.command
            for shown, is_really in terminal.real.items():
                command = command.replace(shown, is_really)
            lines += ["$ " + command.replace("\n", "\n> "), *printed.splitlines()]
        return "```console\n" + "\n".join(lines) + "\n```"

    return _BLOCK.sub(again, text)


@contextlib.contextmanager
def _surroundings(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, {"COLUMNS": WIDTH, "KIBAN_LANG": "en", "TERM": "dumb", **environment}):
            yield
    finally:
        os.chdir(before)


def terminals(root: Path, folder: Path) -> Iterator[tuple[str, Terminal]]:
    """A terminal for each page, the README's first: it tells the demonstration, whose home the other pages get a copy of."""
    for page in PAGES:
        place = folder / page.replace("/", "-").removesuffix(".md")
        told = folder / PAGES[0].removesuffix(".md") / "home"
        if told.is_dir():
            shutil.copytree(told, place / "home")
        place.mkdir(parents=True, exist_ok=True)
        (place / "data_examples").symlink_to(root / "data_examples", target_is_directory=True)
        yield page, Terminal(place)


def rewrite(root: Path) -> None:
    """Run every page's examples and write down what they print now."""
    with tempfile.TemporaryDirectory(prefix="kiban-") as folder:
        for page, terminal in terminals(root, Path(folder)):
            text = (root / page).read_text(encoding="utf-8")
            (root / page).write_text(rewritten(text, terminal), encoding="utf-8")
