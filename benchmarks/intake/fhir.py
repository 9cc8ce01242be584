"""FHIR読取りの速さ (speed of FHIR): pieces and typed pieces of NDJSON beside a raw read, orjson alone and fhir.resources, in MB a second of processor time.

    python -m benchmarks.intake.fhir [--persons 1200] [--rounds 3] [--json FILE]

Made-up data always (`data_examples/fhir_world.py`); the Synthea sample, repeated under fresh ids, where KIBAN_SAMPLES names its folder. One process, Arrow's threads set to one;
the best of the rounds is told. fhir.resources reads the first lines of each file only, for it takes a hundred times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa
from data_examples import fhir_world

from kiban_processing.deliveries import inspection
from kiban_processing.deliveries.fhir.delivery import FhirDelivery
from kiban_processing.deliveries.readers import Format
from kiban_processing.deliveries.typed import Typing

MEGABYTE = 1_000_000
REPEATED = 20
VISITS = 10  # of a made-up patient
MODEL_LINES = 150  # of each file
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-)")


def raw(folder: Path) -> None:
    """Read the bytes."""
    for file in sorted(folder.iterdir()):
        with file.open("rb") as opened:
            while opened.read(1 << 20):
                pass


def parsed(folder: Path) -> None:
    """orjson alone, line by line."""
    for file in sorted(folder.iterdir()):
        with file.open("rb") as opened:
            for line in opened:
                orjson.loads(line)


def pieces(folder: Path) -> None:
    """All text rows."""
    for _ in FhirDelivery(folder).pieces():
        pass


def typed(folder: Path) -> None:
    """All typed rows, as intake has them."""
    delivery = FhirDelivery(folder)
    typing = Typing(delivery.translations)
    for piece in delivery.pieces():
        typing.read(piece)


def inspected(folder: Path) -> None:
    """`kiban inspect`."""
    inspection.inspect(folder, Format.FHIR)


def modelled(folder: Path) -> int:
    """fhir.resources (R4B) on the first lines of each file; the bytes it read."""
    size = 0
    for file in sorted(folder.iterdir()):
        with file.open("rb") as opened:
            for line in islice(opened, MODEL_LINES):
                kind = orjson.loads(line)["resourceType"]
                getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate_json(line)
                size += len(line)
    return size


def repeated(sample: Path, folder: Path) -> Path:
    """The sample again and again, each time under ids of its own, so that no record counts as repeated."""
    folder.mkdir()
    for file in sorted(sample.glob("*.ndjson")):
        content = file.read_text("utf-8")
        with (folder / file.name).open("w", encoding="utf-8") as out:
            for turn in range(REPEATED):
                out.write(_ID.sub(lambda found, turn=turn: f"{turn:08x}" + found[1], content))  # type: ignore[misc]
    return folder


def best(work: Callable[[Path], object], folder: Path, rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work(folder)
        seconds.append(time.process_time() - start)
    return min(seconds)


def measured(folder: Path, rounds: int) -> dict[str, float]:
    size = sum(file.stat().st_size for file in folder.iterdir()) / MEGABYTE
    found = {work.__name__: round(size / best(work, folder, rounds), 1) for work in (raw, parsed, pieces, typed, inspected)}
    modelled(folder)  # the models are built when they are first used
    start = time.process_time()
    read = modelled(folder)
    return {"megabytes": round(size, 1), **found, "fhir.resources": round(read / MEGABYTE / (time.process_time() - start), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pa.set_cpu_count(1)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as work:
        fhir_world.write_bulk(Path(work) / "made-up", given.persons, visits=VISITS)
        found["made-up JP Core"] = measured(Path(work) / "made-up", given.rounds)
        samples = os.environ.get("KIBAN_SAMPLES")
        if samples:
            found["Synthea"] = measured(repeated(Path(samples) / "fhir-bulk-synthea-10", Path(work) / "synthea"), given.rounds)
    for name, figures in found.items():
        print(name, "MB/s:", ", ".join(f"{what} {figure}" for what, figure in figures.items()))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
