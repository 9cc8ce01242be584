"""An increment beside one link of all: nearly every pair alike under one model, and every difference of another model listed and explained."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from data_examples.linkage_world import files as world

from kiban_processing.linkage import by_model, differences, files, keys, model, registrations, vaulted
from kiban_processing.linkage.decided import DECISIONS
from kiban_processing.linkage.settings import LinkageSettings
from kiban_processing.linkage.state.sealing import StateKey

KEY = StateKey(bytes(range(32)))
# The issue: equal to relinking all in at least 99.99 % of pairs.
ALIKE = 0.9999
Pairs = set[frozenset[str]]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    world.write(folder, world.Settings(2_000, 6, 5))
    return folder / "registrations.csv"


def together(clusters: dict[str, str]) -> Pairs:
    """Pairs of registrations that are one person."""
    members: dict[str, list[str]] = {}
    for registration, cluster in clusters.items():
        members.setdefault(cluster, []).append(registration)
    return {frozenset(pair) for group in members.values() for pair in combinations(group, 2)}


def alike(one: Pairs, other: Pairs) -> float:
    return len(one & other) / len(one | other)


def of(clusters: pa.Table) -> dict[str, str]:
    return dict(zip(clusters.column("registration").to_pylist(), clusters.column("cluster").to_pylist(), strict=True))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as con:
        yield con


def test_new_corrected_and_withdrawn_rows_and_decisions_end_where_a_link_of_all_ends(
    con: duckdb.DuckDBPyConnection, registered: Path, tmp_path: Path
) -> None:
    """By the same model, counts and decisions, which come, stay and are revoked."""
    registrations.lay(con, registrations.read([registered]))
    everybody = con.execute(f"SELECT {', '.join(keys.COLUMNS)} FROM linkage_registrations ORDER BY registration").to_arrow_table()
    rows = everybody.to_pylist()
    chance = random.Random(3)
    chance.shuffle(rows)
    base, coming = rows[:1_850], rows[1_850:]
    con.register("vault", pa.Table.from_pylist(base, schema=everybody.schema))
    first = vaulted.link_all(con, "vault", DECISIONS.empty_table(), tmp_path / "one", KEY, chance.randbytes, lambda *_: None)
    known = of(first.clusters)
    links, doubts = ([row for row in first.pairs.to_pylist() if row["decision"] == decision] for decision in ("link", "review"))
    given: list[tuple[str, str, bool]] = []
    for row, same in [*((row, False) for row in links[:120:6]), *((row, True) for row in doubts[:120:6])]:
        if not {row["left"], row["right"]} & {end for *ends, _ in given for end in ends}:  # no two that might contradict each other
            given.append((row["left"], row["right"], same))
    assert {same for *_, same in given} == {True, False} and len(given) > 20

    state, changed = "one", 0
    for number, acting in ((1, given), (2, given[::2])):
        part = slice((number - 1) * 75, number * 75)
        withdrawn = {row["registration"] for row in base[part]}
        moved = [
            {**row, "address": other["address"], "phone": other["phone"]} for row, other in zip(base[150:190], base[190:], strict=False)
        ]
        corrected = {row["registration"]: row for row in moved[(number - 1) * 20 : number * 20]}
        present = [corrected.get(row["registration"], row) for row in [*base, *coming[part]] if row["registration"] not in withdrawn]
        con.register("vault", pa.Table.from_pylist(present, schema=everybody.schema))
        decisions = pa.table([list(column) for column in zip(*acting, strict=True)], schema=DECISIONS)
        kept = vaulted.open_state(tmp_path / state, KEY)
        vaulted.compare(con, "vault", kept)
        state = f"after-{number}"
        (tmp_path / state).mkdir()
        made = vaulted.link_changes(con, kept, decisions, tmp_path / state, KEY, chance.randbytes, lambda *_: None)
        frozen = by_model.frozen_of(kept)
        kept.close()
        gone = set(made.gone.to_pylist())
        known = {name: cluster for name, cluster in (known | of(made.clusters)).items() if name not in gone}
        all_again = of(model.link(con, "vault", frozen=frozen, learnt=made.model, decisions=decisions).clusters)
        assert known.keys() == all_again.keys() == {row["registration"] for row in present}
        assert alike(together(known), together(all_again)) >= ALIKE
        changed += len(together(known) ^ together(of(first.clusters)))
        base = present
        con.unregister("vault")
    assert changed > 100, "much has changed, or equality shows nothing"


def test_under_a_newly_learnt_model_every_difference_is_listed_and_counted(registered: Path, tmp_path: Path) -> None:
    """Counted here from the two tables of persons, without the code that lists them."""
    lines = registered.read_text("utf-8").splitlines()
    (tmp_path / "base.csv").write_text("\n".join(lines[:1_700]) + "\n", encoding="utf-8")
    made = random.Random(1).randbytes
    files.link_files([tmp_path / "base.csv"], tmp_path / "before", key=KEY, random=made)
    files.link_files([registered], tmp_path / "learnt", key=KEY, random=made, settings=LinkageSettings(train="always"))
    report = files.link_files(
        [registered], tmp_path / "after", previous=tmp_path / "before", model=tmp_path / "learnt" / "model.json", key=KEY, random=made
    )
    before, after = persons(tmp_path / "before"), persons(tmp_path / "after")
    one, other = together(before), together({name: person for name, person in after.items() if name in before})
    listed = {(each["kind"], frozenset(named(each, side) for side in ("left", "right"))) for each in report["differences"]}
    assert listed == {*(("parted", pair) for pair in one - other), *(("joined", pair) for pair in other - one)}
    assert listed, "the models differ, or this shows nothing"
    assert report["agreement"] == {
        "pairs": len(one | other),
        "differ": len(one ^ other),
        "share": pytest.approx(alike(one, other), abs=1e-12),
    }
    for each in report["differences"]:
        assert each["because"] in differences.BECAUSE
        assert (each["weight"] is None) == (each["reasons"] is None)
        if each["because"] == "linked":
            assert each["kind"] == "joined" and sum(each["weights"]) == pytest.approx(each["weight"], abs=1e-9)


def test_the_page_on_linkage_tells_what_each_cause_means() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "linkage.md").read_text("utf-8")
    for code, text in differences.BECAUSE.items():
        assert f"| `{code}` | {text.ja} | {text.en} |" in page


def persons(folder: Path) -> dict[str, str]:
    with (folder / "persons.csv").open(encoding="utf-8", newline="") as file:
        return {f"{row['site_id']}/{row['local_patient_id']}": row["person_id"] for row in csv.DictReader(file)}


def named(difference: dict[str, object], side: str) -> str:
    return f"{difference[f'{side}_site_id']}/{difference[f'{side}_local_patient_id']}"
