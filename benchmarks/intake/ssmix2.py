"""Speed of reading an SS-MIX2 storage beside hl7, hl7apy and a raw read in the same run, on one core.

    python -m benchmarks.intake.ssmix2 [--messages 20000] [--peers 300] [--folder DIR]

Writes a seeded storage (data_examples.ssmix2_world) where the folder has none, reads it once to warm the file cache, and then times:
`raw` (walk, read, decode with Python's euc_jp tables, split into segments and fields), `ours` (rows of the catalogue as text, `pieces`),
`inspect` (ours, typed and judged), and `hl7` and `hl7apy` on the first `--peers` messages (FS stripped, decoded by us: they cannot).
Prints messages per second of wall and of processor time, and ours as a multiple of the others by processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from data_examples import ssmix2_world

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.readers import NO_OPTIONS, Format
from kiban_processing.deliveries.ssmix2 import delivery
from kiban_processing.formats import iso2022jp

_HIGH = bytes(byte | 0x80 if 0x21 <= byte <= 0x7E else byte for byte in range(256))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=20_000)
    asked.add_argument("--peers", type=int, default=300, help="messages that hl7 and hl7apy read")
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not any(folder.iterdir()):
            ssmix2_world.write(folder, given.messages)
        print(json.dumps(measure(folder, given.peers), indent=1))


def measure(folder: Path, peers: int) -> dict[str, object]:
    """Messages per second of each reader, and their mean size in bytes."""
    files = list(_files(str(folder)))
    size = sum(Path(file).stat().st_size for file in files)
    raw(files)
    texts = [iso2022jp.decode(Path(file).read_bytes()).rstrip("\x1c") for file in files[:peers]]
    times = {
        "raw": timed(lambda: raw(_files(str(folder))), len(files)),
        "ours": timed(lambda: ours(folder), len(files)),
        "inspect": timed(lambda: inspection.inspect(folder, Format.SSMIX2), len(files)),
        "hl7": timed(lambda: with_hl7(texts), len(texts)),
        "hl7apy": timed(lambda: with_hl7apy(texts), len(texts)),
    }
    ratios = {name: round(times["ours"]["processor"] / one["processor"], 2) for name, one in times.items() if name != "ours"}
    return {"messages": len(files), "mean_bytes": round(size / len(files)), "messages_per_second": times, "ours_by": ratios}


def timed(work: Callable[[], object], messages: int) -> dict[str, int]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(messages / (time.perf_counter() - wall)), "processor": round(messages / (time.process_time() - processor))}


def ours(folder: Path) -> int:
    return sum(len(piece.sent) for piece in delivery.open_delivery(folder, NO_OPTIONS).pieces())


def raw(files: list[str] | Iterator[str]) -> int:
    """The least that any reader must do, without vendor characters (lost here, so that it is no slower than it must be)."""
    fields = 0
    for file in files:
        with Path(file).open("rb", buffering=0) as opened:
            data = opened.read()
        parts = data.split(b"\x1b")
        texts = [parts[0].decode("ascii")]
        for part in parts[1:]:
            texts.append(
                part[2:].translate(_HIGH).decode("euc_jp", "replace") if part.startswith(b"$B") else part[2:].decode("ascii", "replace")
            )
        fields += sum(len(segment.split("|")) for segment in "".join(texts).split("\r"))
    return fields


def with_hl7(texts: list[str]) -> None:
    import hl7

    for text in texts:
        hl7.parse(text)


def with_hl7apy(texts: list[str]) -> None:
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    for text in texts:
        parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                yield entry.path


if __name__ == "__main__":
    main()
