"""DPC読取りの速さ (speed of DPC data): pieces, pieces with typing, a plain csv loop and a raw read of made-up EFn, H and FF1 files, in MB/s.

Run: `python benchmarks/intake/dpc.py [stays] [rounds]`. As for claims (`uke.py`), whose measure it uses: MB/s of processor time, one core.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from benchmarks.intake.uke import MEGABYTE, best, raw
from data_examples import dpc_world

from kiban_processing.deliveries.dpc import delivery, layouts
from kiban_processing.deliveries.readers import Options
from kiban_processing.deliveries.typed import Typing

TRIAL = Options(is_trial=True)


def plain(path: Path) -> int:
    """The least a plain reader does: decode, cut with csv, gather rows by data ID."""
    stays: dict[str, list[list[str]]] = {}
    with io.TextIOWrapper(path.open("rb"), "cp932", newline="") as file:
        for cells in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            stays.setdefault(cells[1], []).append(cells)
    return len(stays)


def pieces(path: Path) -> int:
    """All text rows."""
    return sum(sum(piece.sent.values()) for piece in delivery.open_delivery(path, TRIAL).pieces())


def typed(path: Path) -> int:
    """All typed rows, as `kiban inspect` and intake have them."""
    opened = delivery.open_delivery(path, TRIAL)
    typing = Typing(opened.translations)
    return sum(count.accepted for piece in opened.pieces() for count in typing.read(piece).counts.values())


def main(stays: int = 3_000, rounds: int = 3) -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    world = dpc_world.World(seed=7, stays=stays)
    files = {
        "EFn": dpc_world.written(dpc_world.act_and_detail(world, each=25), layouts.EFN_COLUMNS),
        "H": dpc_world.written(dpc_world.nursing(world), layouts.H_COLUMNS),
        "FF1": dpc_world.written(dpc_world.form_one(world)),
    }
    with tempfile.TemporaryDirectory() as folder:
        for kind, content in files.items():
            path = Path(folder) / world.name(kind)
            path.write_bytes(content)
            told = {work.__name__: round(best(work, path, rounds), 1) for work in (raw, plain, pieces, typed)}
            print(json.dumps({"file": kind, "megabytes": round(len(content) / MEGABYTE, 1), "megabytes_per_second": told}))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
