"""Runs an erasure in a process that is killed (SIGKILL) at the first step at which none was killed before, again and again.

    python erase_until_killed.py HOME ACTOR ORDER TIME FILE

FILE lists the steps at which one was killed; the step is written there first. Ends when a process ends by itself, with its exit code.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

from kiban_operator import home as homes
from kiban_operator.circumstances import Circumstances
from kiban_operator.erasure import running


def attempt(place: str, actor: str, order: str, begin: datetime, killed: str) -> None:
    at = [begin]

    def clock() -> datetime:
        at[0] += timedelta(seconds=1)
        return at[0]

    def kill(stage: str, _done: int, _total: int | None) -> None:
        file = Path(killed)
        before = file.read_text(encoding="utf-8").split() if file.exists() else []
        if ":" in stage and stage not in before:
            with file.open("a", encoding="utf-8") as added:
                added.write(f"{stage}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    running.run(homes.open_home(Path(place), Circumstances(clock, os.urandom, actor)), order, kill)


def main(place: str, actor: str, order: str, time: str, killed: str) -> int:
    """Processes come from one that has loaded everything and begun nothing."""
    for number in range(80):
        child = os.fork()
        if child == 0:
            attempt(place, actor, order, datetime.fromisoformat(time) + timedelta(minutes=5 * number), killed)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
        if "finish:committed" in Path(killed).read_text(encoding="utf-8").split():
            return 0
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
