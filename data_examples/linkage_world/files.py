"""ファイル (files): a world as CSV files of registrations, the truth about them, and what was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from data_examples.linkage_world import lives, visits
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.visits import Visits
from data_examples.linkage_world.writing import Writer

VERSION = 1


@dataclass(frozen=True)
class Settings:
    """What a world is made from."""

    registrations: int = 100_000
    hospitals: int = 12
    seed: int = 1
    noise: float = 1.0


def world_of(settings: Settings) -> tuple[World, Visits]:
    """Lives and visits of a world; founders are added until there are enough registrations."""
    regions = visits.per_region(settings.hospitals)
    founders = settings.registrations // 9 + 60
    while True:
        chance = np.random.default_rng([settings.seed, 1])
        world = lives.live(chance, founders, regions, settings.hospitals)
        made = visits.visit(world, np.random.default_rng([settings.seed, 2]), settings.registrations)
        if len(made.person) >= settings.registrations:
            return world, made
        founders = founders * 5 // 4


def write(out: Path, settings: Settings) -> dict[str, int]:
    """registrations.csv, truth.csv and world.json below `out`; returns the counts that world.json holds."""
    out.mkdir(parents=True, exist_ok=True)
    world, made = world_of(settings)
    writer = Writer(world, settings.seed, settings.noise)
    _tables(out, ("registrations.csv", "truth.csv"), writer.write(made))
    counts = _counts(world, made)
    (out / "world.json").write_text(json.dumps({"version": VERSION, "settings": asdict(settings), "counts": counts}, indent=1) + "\n")
    return counts


def _tables(out: Path, names: tuple[str, str], parts: object) -> None:
    writers: list[pa_csv.CSVWriter] = []
    try:
        for tables in parts:  # type: ignore[attr-defined]
            if not writers:
                writers = [pa_csv.CSVWriter(out / name, table.schema, write_options=pa_csv.WriteOptions(quoting_style="needed")) for name, table in zip(names, tables, strict=True)]
            for target, table in zip(writers, tables, strict=True):
                target.write_table(table)
    finally:
        for target in writers:
            target.close()


def _counts(world: World, made: Visits) -> dict[str, int]:
    persons, times = np.unique(made.person, return_counts=True)
    return {
        "registrations": len(made.person),
        "persons": len(persons),
        "true_pairs": int((times * (times - 1) // 2).sum()),
        "same_site_duplicates": int(made.duplicate.sum()),
        "newborn_registrations": int(made.baby.sum()),
        "twins": int((world.twin[persons] >= 0).sum()),
        "namesakes": int((world.namesake[persons] >= 0).sum()),
        "foreign": int((world.foreign[persons] >= 0).sum()),
        "lives": len(world.sex),
    }
