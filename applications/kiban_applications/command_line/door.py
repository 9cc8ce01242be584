"""入口 (door): what every command shares: language, home, who acts, JSON or words, progress, and how a refusal becomes an exit code.

Exit codes: 0 done · 1 a defect of kiban · 2 wrong use · 10 refused by law · 11 input refused · 12 not in this state ·
13 not permitted · 14 integrity · 20 the audit found something.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kiban_applications.command_line import desk
from kiban_operator.circumstances import Circumstances
from kiban_operator.roles import SYSTEM
from kiban_processing.language import Language, Text, prefer
from kiban_processing.refusals import Family, Ground, Refusal
from kiban_processing.statutes import ACT_22

if TYPE_CHECKING:  # the tools that stand alone have no home and never load what one needs, nor, if they say little, what draws tables
    from rich.console import Console

    from kiban_operator.home import Home

Progress = Callable[[str, int, int | None], None]  # stage, how much is done, of how much if known

AUDIT_FOUND = 20

ACTOR_MISSING = Ground(
    "actor-missing", Family.PERMISSION, ACT_22,
    Text("誰が操作するのかが指定されていません。", "It is not said who acts."),
    Text("--as 人のID または環境変数 KIBAN_AS で指定してください。", "Say it with --as PERSON or the environment variable KIBAN_AS."),
)  # fmt: skip


@dataclass
class Door:
    """One invocation: its options and its two streams. Words go to the terminal, JSON alone goes to standard output."""

    language: Language
    home_path: Path
    actor: str | None
    as_json: bool
    own_process: bool = False  # whether this process ends with the command
    clock: Callable[[], datetime] = field(default_factory=lambda: now)

    @cached_property
    def out(self) -> Console:
        from rich.console import Console

        return Console(highlight=False, markup=False, soft_wrap=True)

    @cached_property
    def err(self) -> Console:
        from rich.console import Console

        return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

    def say(self, ja: str, en: str) -> str:
        return ja if self.language == "ja" else en

    def read(self, text: Text) -> str:
        return text.read(self.language)

    def tell(self, ja: str, en: str) -> None:
        """A line for a person; not printed where a script reads JSON."""
        if not self.as_json:
            print(self.say(ja, en))

    def give(self, value: object) -> None:
        """The command's result for a script; printed only with --json."""
        if self.as_json:
            import orjson

            print(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, default=str).decode())

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "") -> None:
        """Rows for a person; says `empty` where there are none."""
        if self.as_json:
            return
        if not rows:
            self.out.print(empty or self.say("該当はありません。", "There is nothing."))
            return
        from rich.table import Table

        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        self.out.print(table)

    def circumstances(self) -> Circumstances:
        return Circumstances(self.clock, secrets.token_bytes, self.actor or "")

    def open(self, *labels: str) -> Home:
        """The home, opened for the person who acts: `--as`, else whoever sits at this desk under the first of `labels` that is taken.

        Refuses: no-home, actor-missing.
        """
        from kiban_operator import home as homes

        opened = homes.open_home(self.home_path, self.circumstances())
        seats = desk.seats(opened.path)
        named = [self.actor] if self.actor else [label for label in labels if label in seats]
        if not named:
            raise ACTOR_MISSING.refuse()
        actor = seats.get(named[0], named[0])
        if actor == SYSTEM.id:  # timers and conductors act under this name; no door lets a person claim it
            raise ACTOR_MISSING.refuse()
        return homes.open_home(self.home_path, self.circumstances().acting(actor))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on the error stream, only where a person watches."""
        if self.as_json or not sys.stderr.isatty() or not self.err.is_terminal:
            yield lambda stage, done, total: None
            return
        from rich import progress

        columns = (
            progress.SpinnerColumn(), progress.TextColumn("{task.description}"), progress.BarColumn(),
            progress.TextColumn("{task.completed:,}"), progress.TimeElapsedColumn(),
        )  # fmt: skip
        with progress.Progress(*columns, console=self.err, transient=True) as bar:
            task = bar.add_task("", total=None)

            def show(stage: str, done: int, total: int | None) -> None:
                bar.update(task, description=stage, completed=done, total=total)

            yield show

    def refuse(self, refusal: Refusal) -> int:
        """The one place where a Refusal becomes an exit code."""
        if self.as_json:
            import orjson

            print(orjson.dumps({"refused": refusal.as_json(self.language)}, option=orjson.OPT_INDENT_2).decode())
        label = self.say("拒否", "Refused")
        self.err.print(label, style="bold red", end=" ")
        self.err.print(refusal.read(self.language))
        return int(refusal.ground.family)


def now() -> datetime:
    """The clock of the doors. KIBAN_NOW (an ISO time with zone) stands in for it in demonstrations and tests, never in production."""
    fixed = os.environ.get("KIBAN_NOW")
    return datetime.fromisoformat(fixed) if fixed else datetime.now(UTC)


_WITH_VALUE = {"--home": "home", "--lang": "lang", "--as": "actor"}


def take_options(arguments: Sequence[str]) -> tuple[Door, list[str]]:
    """Split off the global options, which may stand anywhere before `--`: --home DIR, --lang ja|en, --as PERSON, --json."""
    values: dict[str, str] = {}
    rest: list[str] = []
    as_json = False
    stream = iter(arguments)
    for argument in stream:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += ["--", *stream]
        elif argument == "--json":
            as_json = True
        elif name in _WITH_VALUE:
            given = value if equals else next(stream, "")
            if not given:
                rest.append(argument)  # the parser says what is missing
            values[_WITH_VALUE[name]] = given
        else:
            rest.append(argument)
    language = prefer(values.get("lang"), os.environ.get("KIBAN_LANG"), os.environ.get("LC_ALL"), os.environ.get("LANG"))
    home_path = Path(values.get("home") or os.environ.get("KIBAN_HOME") or "home")
    return Door(language, home_path, values.get("actor") or os.environ.get("KIBAN_AS"), as_json), rest


def report_defect(door: Door, error: BaseException) -> int:
    """A defect of ours: its kind and place, not its message, which may quote data; KIBAN_DEBUG=1 shows all of it."""
    if os.environ.get("KIBAN_DEBUG"):
        door.err.print_exception()
        return 1
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    door.err.print(
        door.say(
            f"kiban の不具合です({type(error).__name__}、{place})。データを含み得るため内容は表示しません。KIBAN_DEBUG=1 で詳細を表示します。",
            f"A defect of kiban ({type(error).__name__} at {place}). Its message may hold data and is not shown; KIBAN_DEBUG=1 shows it.",
        ),
        style="red",
    )
    return 1
