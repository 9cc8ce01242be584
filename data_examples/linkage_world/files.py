"""ファイル (files): a world as CSV files of registrations, the truth about them, and what was asked for; and a later batch of the same world."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from data_examples.linkage_world import lives, namesakes, visits
from data_examples.linkage_world.histories import END
from data_examples.linkage_world.lives import World
from data_examples.linkage_world.profiles import PROFILES
from data_examples.linkage_world.visits import Visits
from data_examples.linkage_world.writing import Writer, local_numbers

VERSION = 4
_UPDATES, _DELETES = 0.10, 0.02  # of a later batch


@dataclass(frozen=True)
class Settings:
    """What a world is made from. `delta`: share of the registrations that come in a later batch."""

    registrations: int = 100_000
    hospitals: int = 12
    seed: int = 1
    noise: float = 1.0
    profile: str = "default"
    delta: float = 0.0


def world_of(settings: Settings) -> tuple[World, Visits]:
    """Lives and visits of a world; founders are added until there are enough registrations."""
    profile, regions = PROFILES[settings.profile], visits.regions_of(settings.hospitals)
    founders = settings.registrations // 10 + 60
    while True:
        world = lives.live(np.random.default_rng([settings.seed, 1]), founders, regions, profile)
        chance = np.random.default_rng([settings.seed, 2])
        made = visits.visit(world, chance, settings.registrations, settings.hospitals, profile)
        if len(made.person) == settings.registrations:
            namesakes.plant(world, made, chance, profile)
            return world, made
        founders = founders * 5 // 4


def write(out: Path, settings: Settings) -> dict[str, int]:
    """registrations.csv, truth.csv and world.json below `out`; with a delta also registrations_delta.csv and truth_after.csv.

    registrations.csv and truth.csv then hold what came before the batch, truth_after.csv all that stands after it. Returns what world.json counts.
    """
    out.mkdir(parents=True, exist_ok=True)
    world, made = world_of(settings)
    writer = Writer(world, settings.hospitals, settings.seed, settings.noise, PROFILES[settings.profile])
    counts = _counts(world, made)
    if settings.delta:
        counts |= _in_two(out, writer, made, settings)
    else:
        _tables((out / "registrations.csv", out / "truth.csv"), writer.write(made))
    told = {"version": VERSION, "settings": asdict(settings), "counts": counts}
    (out / "world.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return counts


def _in_two(out: Path, writer: Writer, made: Visits, settings: Settings) -> dict[str, int]:
    """The last registrations come as a batch, with updates (what the desk would write on the last day) and deletes of earlier ones."""
    ids, chance = local_numbers(made.site), np.random.default_rng([settings.seed, 4])
    later = np.zeros(len(ids), bool)
    later[np.argsort(made.day, kind="stable")[len(ids) - round(settings.delta * len(ids)) :]] = True
    size = int(later.sum())
    earlier = chance.permutation(np.flatnonzero(~later))
    updated, deleted = np.sort(earlier[: round(size * _UPDATES)]), np.sort(earlier[len(earlier) - round(size * _DELETES) :])
    base, batch = np.flatnonzero(~later), np.flatnonzero(later)
    before = list(writer.write(made.only(base), ids=ids[base]))
    _tables((out / "registrations.csv", out / "truth.csv"), before)
    new = list(writer.write(made.only(batch), 1, ids=ids[batch]))
    again = made.only(updated)
    again.day = np.minimum(np.maximum(again.day, writer.world.death[again.person] - 1), END)  # the last day of the world, or of the life
    again.baby = np.zeros(len(updated), bool)
    changed = list(writer.write(again, 2, "update", ids[updated]))
    gone = list(writer.write(made.only(deleted), 3, "delete", ids[deleted]))
    empty = pa.table({name: pa.array([], pa.string()) for name in ("site_id", "local_patient_id")})
    stays = pa.concat_tables([empty, *(truth.select(["site_id", "local_patient_id"]) for _, truth in changed + gone)])
    _tables((out / "registrations_delta.csv",), ((rows,) for rows, _ in new + changed + gone))
    kept = [
        (truth.join(stays, ["site_id", "local_patient_id"], join_type="left anti").sort_by([("local_patient_id", "ascending")]),)
        for _, truth in before
    ]
    _tables((out / "truth_after.csv",), kept + [(truth,) for _, truth in new + changed])
    return {"before": len(base), "new": size, "updates": len(updated), "deletes": len(deleted)}


def _tables(paths: tuple[Path, ...], parts: Iterable[tuple[pa.Table, ...]]) -> None:
    writers: list[pa_csv.CSVWriter] = []
    options = pa_csv.WriteOptions(quoting_style="needed")
    try:
        for tables in parts:
            writers = writers or [
                pa_csv.CSVWriter(path, table.schema, write_options=options) for path, table in zip(paths, tables, strict=True)
            ]
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
        "second_at_one_hospital": int(made.again.sum()),
        "before_naming": int(made.baby.sum()),
        "persons_twins": int((world.families.twin[persons] >= 0).sum()),
        "persons_namesakes": int((world.namesake[persons] >= 0).sum()),
        "persons_foreign": int((world.foreigners.group[persons] >= 0).sum()),
        "lives": world.persons,
    }
