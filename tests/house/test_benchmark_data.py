"""大規模データの検査: the generated million, at a small size, is stable, joins up, and has the form of a submission."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from kiban_processing.catalogue import tables

ROOT = Path(__file__).resolve().parents[2]
PATIENTS, EVENTS = 3000, 30


@pytest.fixture(scope="module")
def million() -> Iterator[ModuleType]:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield importlib.import_module("generate_million")
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] in ("generator", "generate_million", "million_tables")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def folder(million: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("million")
    million.generate(PATIENTS, EVENTS, 3, 1, out)
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(million: ModuleType, folder: Path, tmp_path: Path) -> None:
    million.generate(PATIENTS, EVENTS, 3, 1, tmp_path / "again")
    assert files(tmp_path / "again") == files(folder)
    million.generate(PATIENTS, EVENTS, 3, 2, tmp_path / "other")
    assert files(tmp_path / "other")["truth.csv"] != files(folder)["truth.csv"]


def test_counts_are_what_was_asked_for(folder: Path) -> None:
    with duckdb.connect() as con:
        registrations, persons = con.execute(
            f"SELECT count(*), count(DISTINCT true_person) FROM read_csv('{folder}/truth.csv', all_varchar=true)"
        ).fetchall()[0]
        events = sum(
            con.execute(f"SELECT count(*) FROM read_csv('{folder}/hospitals/*/submission/{table}.csv', all_varchar=true)").fetchall()[0][0]
            for table in ("encounters", "diagnoses", "prescriptions", "laboratory_results")
        )
    assert persons == PATIENTS
    assert 0.07 < (registrations - persons) / persons < 0.13
    assert abs(events / (PATIENTS * EVENTS) - 1) < 0.1


@pytest.mark.parametrize("hospital", ["h001", "h002", "h003"])
def test_every_row_joins_a_patient_and_keys_are_unique(folder: Path, hospital: str) -> None:
    place = folder / "hospitals" / hospital / "submission"
    with duckdb.connect() as con:
        for path in sorted(place.glob("*.csv")):
            con.execute(f"CREATE TABLE {path.stem} AS FROM read_csv('{path}', all_varchar=true)")
        for table in tables.TABLES.values():
            if not (place / f"{table.name}.csv").exists():
                continue
            rows, keys = con.execute(f"SELECT count(*), count(DISTINCT {table.key[0]}) FROM {table.name}").fetchall()[0]
            assert rows == keys > 0
            for parent in ("local_patient_id", "encounter_id"):
                if parent in table:
                    origin = "patients" if parent == "local_patient_id" else "encounters"
                    orphans = con.execute(f"SELECT count(*) FROM {table.name} ANTI JOIN {origin} USING ({parent})").fetchall()[0][0]
                    assert orphans == 0
        early = con.execute(
            "SELECT count(*) FROM encounters JOIN patients USING (local_patient_id) "
            "WHERE started_on < birth_date OR ended_on > coalesce(death_date, '2025-03-31')"
        ).fetchall()[0][0]
        assert early == 0


@pytest.mark.parametrize("hospital", ["h001", "h002", "h003"])
def test_the_mapping_names_items_of_the_catalogue(folder: Path, hospital: str) -> None:
    place = folder / "hospitals" / hospital
    for entry in tomllib.loads((place / "submission/mapping.toml").read_text("utf-8"))["files"]:
        for item in entry["columns"].values():
            tables.named(f"{entry['table']}.{item}")
    said = tomllib.loads((place / "hospital.toml").read_text("utf-8"))
    assert len(said["notice"]["entries"]) == 9 and all(said["notice"]["entries"].values())
