"""実行例 (examples): the console blocks of the hand-written pages, run for real and compared, or written anew.

A block is fenced as ```console; a line that begins with `$ ` is a command and what follows is what it prints. Identifiers, digests and
times differ from run to run: they are masked when compared, and an identifier shown by one command may be used by a later one of the
same page. All blocks of a page run in order in one folder.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from kiban_applications.command_line import entry

PAGES = ("README.md", "docs/operator.md", "docs/auditor.md", "docs/applicant.md")
WIDTH = "110"

_BLOCK = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"\b[A-Za-z]{1,4}-[0-9a-f]{16}\b|\bsha256:[0-9a-f]{64}\b")
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
    environment: dict[str, str]
    real: dict[str, str] = field(default_factory=dict)
    status: int = 0

    def run(self, command: str) -> str:
        """What a command prints on either stream, trailing spaces left out."""
        for shown, is_really in self.real.items():
            command = command.replace(shown, is_really)
        with _surroundings(self.folder, self.environment):
            text = self._kiban(command) if command.startswith("kiban ") else self._shell(command)
        return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")

    def learn(self, shown: str, printed: str) -> None:
        """Identifiers stand in the same order in what the page shows and in what was printed."""
        self.real.update(zip(_ID.findall(shown), _ID.findall(printed), strict=False))

    def _kiban(self, command: str) -> str:
        command, _, typed = command.partition(" <<< ")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), mock.patch.object(sys, "stdin", io.StringIO(typed.strip("'") + "\n")):
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
            elif found:
                last = found[-1]
                found[-1] = Example(last.line, last.command, f"{last.printed}\n{line}" if last.printed else line)
    return found


def masked(printed: str) -> str:
    """The text without what differs from run to run."""
    for pattern, mark in _MASKS:
        printed = pattern.sub(mark, printed)
    return "\n".join(line.rstrip() for line in printed.splitlines())


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
            lines += [f"$ {command}", *printed.splitlines()]
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


def terminal(root: Path, folder: Path, environment: dict[str, str] | None = None) -> Terminal:
    """A terminal in `folder`, beside which the example data lie as they do in the checkout."""
    beside = folder / "data_examples"
    if not beside.exists():
        beside.symlink_to(root / "data_examples", target_is_directory=True)
    return Terminal(folder, environment or {})


def commands(examples: Sequence[Example]) -> list[str]:
    """The commands alone."""
    return [example.command for example in examples]
