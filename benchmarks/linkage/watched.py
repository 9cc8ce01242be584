"""見張り (watched): one program as a process of its own, with what it spent, and ended if its memory passes a limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNIT = 1 if sys.platform == "darwin" else 1024
KIBAN = (sys.executable, "-c", "from kiban_applications.command_line.entry import main; main()")


@dataclass(frozen=True)
class Spent:
    """Seconds and bytes of one process from its start to its end; `ended`: it passed the limit and was ended."""

    cpu: float
    wall: float
    peak: int
    ended: bool
    out: str


def run(command: Sequence[str], told: Path, limit: int | None = None) -> Spent:
    """Runs a command to its end, its words into the file `told`. `limit`: bytes of resident memory. Leaves with its last words if it fails."""
    start, ended = time.perf_counter(), False
    with told.open("wb") as out, told.with_suffix(".err").open("wb") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        while True:
            done, status, used = os.wait4(process.pid, os.WNOHANG if limit else 0)
            if done:
                break
            if limit and _resident(process.pid) > limit:
                ended = True
                process.kill()
            time.sleep(0.2)
    if status and not ended:
        raise SystemExit(told.with_suffix(".err").read_text("utf-8")[-2000:])
    return Spent(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss * _UNIT, ended, told.read_text("utf-8"))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


class Laps:
    """Wall and CPU seconds of this process, all its threads, by stage."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._since = (time.perf_counter(), time.process_time())

    def lap(self, name: str) -> None:
        """What has passed since the last lap belongs to `name`."""
        now = (time.perf_counter(), time.process_time())
        self.found[name] = {"wall": now[0] - self._since[0], "cpu": now[1] - self._since[1]}
        self._since = now
