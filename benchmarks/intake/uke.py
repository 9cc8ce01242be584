"""レセプト読取りの速さ (speed of claims): the reader's pieces, pieces with typing, a plain csv loop and a raw read of one made-up file, in MB/s of processor time.

Run: `python benchmarks/intake/uke.py [receipts] [rounds]`. One process, one core (Arrow's threads are set to one); the best of the rounds is told.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from data_examples import uke_world

from kiban_processing.deliveries.readers import NO_OPTIONS
from kiban_processing.deliveries.typed import Typing
from kiban_processing.deliveries.uke import delivery

MEGABYTE = 1_000_000


def raw(path: Path) -> int:
    """Read the bytes."""
    return len(path.read_bytes())


def plain(path: Path) -> int:
    """The least a plain reader does: decode, cut with csv, sort lines by their code into receipts."""
    receipts: list[dict[str, list[list[str]]]] = []
    with io.TextIOWrapper(path.open("rb"), "cp932", newline="") as file:
        for cells in csv.reader(file, quoting=csv.QUOTE_NONE):
            if cells[0] == "RE":
                receipts.append({})
            if receipts:
                receipts[-1].setdefault(cells[0], []).append(cells)
    return len(receipts)


def pieces(path: Path) -> int:
    """All text rows."""
    return sum(sum(piece.sent.values()) for piece in delivery.open_delivery(path, NO_OPTIONS).pieces())


def typed(path: Path) -> int:
    """All typed rows, as `kiban inspect` and intake have them."""
    opened = delivery.open_delivery(path, NO_OPTIONS)
    typing = Typing(opened.translations)
    return sum(count.accepted for piece in opened.pieces() for count in typing.read(piece).counts.values())


def best(work: Callable[[Path], int], path: Path, rounds: int) -> float:
    """The fastest of some rounds, in MB for each second of processor time, which other work on the machine does not change."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work(path)
        seconds.append(time.process_time() - start)
    return path.stat().st_size / MEGABYTE / max(min(seconds), 1e-3)


def main(receipts: int = 20_000, rounds: int = 3) -> None:
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "RECEIPTC.UKE"
        world = uke_world.World(seed=7, receipts=receipts, persons=max(receipts // 2, 1), dpc=0.1)
        path.write_bytes(uke_world.written(world))
        told = {work.__name__: round(best(work, path, rounds), 1) for work in (raw, plain, pieces, typed)}
        print(json.dumps({"megabytes": round(path.stat().st_size / MEGABYTE, 1), "receipts": receipts, "megabytes_per_second": told}))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
