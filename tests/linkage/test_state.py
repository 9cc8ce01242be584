"""The kept state: sealed, shared between outcomes, refusing what does not fit, and forgetting whom it must forget."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kiban_processing.linkage import folder
from kiban_processing.linkage.state import indexes, lines, table
from kiban_processing.linkage.state.kept import SEPARATOR, Kept
from kiban_processing.linkage.state.pages import Pages
from kiban_processing.linkage.state.recall import Recall
from kiban_processing.linkage.state.sealing import StateKey
from kiban_processing.linkage.state.writing import Writer
from kiban_processing.refusals import Refusal
from tests.linkage.plain_judge import SHAPE
from tests.linkage.test_increment import KEY, deliver, link_whole, persons, town

OTHER = StateKey(bytes(32))


def written(place: Path, values: np.ndarray, before: Pages | None = None) -> Pages:
    writer = Writer(place, KEY, random.Random(place.name).randbytes, before)
    writer.add("values", values, 64)
    writer.finish({"note": "seen"})
    return Pages(place, KEY)


def test_arrays_come_back_whole_and_in_parts(tmp_path: Path) -> None:
    values = np.arange(1000, dtype=np.int64) ** 2
    held = written(tmp_path / "a", values)
    assert held.notes == {"note": "seen"}
    assert held.all("values").tolist() == values.tolist()
    at = np.array([999, 0, 7, 8, 7])
    assert held.take("values", at).tolist() == values[at].tolist()


def test_a_sorted_array_is_searched_across_pages(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    values = np.sort(chance.integers(0, 400, 1000).astype(np.uint64))
    held = written(tmp_path / "a", values)
    low = np.array([0, 10, 399, 500, 200], np.uint64)
    high = np.array([0, 60, 399, 900, 199], np.uint64)
    place, found, at = held.between("values", low, high)
    for number in range(len(low)):
        expected = values[(values >= low[number]) & (values <= high[number])]
        assert found[place == number].tolist() == expected.tolist()
    assert values[at].tolist() == found.tolist()


def test_the_next_state_changes_and_extends_without_touching_the_one_before(tmp_path: Path) -> None:
    values = np.arange(100, dtype=np.int64)
    first = written(tmp_path / "a", values)
    writer = Writer(tmp_path / "b", KEY, random.Random(2).randbytes, first)
    writer.put("values", np.array([3, 99]), np.array([-3, -99]))
    writer.extend("values", np.array([100, 101]))
    writer.put("values", np.array([100, 50]), np.array([-100, -50]))
    writer.finish({})
    expected = np.arange(102)
    expected[[3, 50, 99, 100]] *= -1
    assert Pages(tmp_path / "b", KEY).all("values").tolist() == expected.tolist()
    assert Pages(tmp_path / "a", KEY).all("values").tolist() == values.tolist()
    assert (tmp_path / "a" / "pages-0.bin").stat().st_ino == (tmp_path / "b" / "pages-0.bin").stat().st_ino
    assert (tmp_path / "b" / "pages-1.bin").stat().st_size < (tmp_path / "b" / "pages-0.bin").stat().st_size


@pytest.mark.parametrize("settled", [False, True])
def test_what_was_searched_can_be_changed_and_changed_again(tmp_path: Path, settled: bool) -> None:
    values = np.arange(100, dtype=np.uint64) * 2
    first = written(tmp_path / "a", values)  # pages of eight, and a last one of four
    writer = Writer(tmp_path / "b", KEY, random.Random(3).randbytes, first)
    low = np.array([10, 60, 196], np.uint64)
    _, found, place = first.between("values", low, low + np.uint64(2))
    writer.put("values", place, found + np.uint64(1))
    if settled:
        writer.settle("values")
    writer.put("values", np.array([99, 0]), np.array([199, 1], np.uint64))
    writer.extend("values", np.array([200], np.uint64))
    writer.finish({})
    expected = np.append(values, np.uint64(200))
    expected[[5, 6, 30, 31, 98, 99, 0]] += np.uint64(1)
    assert Pages(tmp_path / "b", KEY).all("values").tolist() == expected.tolist()
    assert first.all("values").tolist() == values.tolist()


def test_what_is_known_of_a_node_is_asked_once() -> None:
    asked: list[int] = []

    def ask(nodes: np.ndarray) -> np.ndarray:
        asked.extend(nodes.tolist())
        return nodes * 10

    known = Recall(100, ask)
    known.know(np.array([99]), np.array([-1]))
    assert known.of(np.array([5, 3, 5])).tolist() == [50, 30, 50]
    assert known.of(np.array([99, 3, 7, 7, 99])).tolist() == [-1, 30, 70, 70, -1]
    assert known.of(np.zeros(0, np.int64)).tolist() == []
    assert sorted(asked) == [3, 5, 7]


def test_nothing_of_an_array_stands_in_the_files(tmp_path: Path) -> None:
    written(tmp_path / "a", np.frombuffer(b"yamada hanako" * 100, np.uint8))
    for file in (tmp_path / "a").iterdir():
        assert b"yamada" not in file.read_bytes()
    assert KEY.secret.hex() not in (tmp_path / "a" / "state.json").read_text()


def test_another_key_and_a_changed_byte_open_nothing(tmp_path: Path) -> None:
    written(tmp_path / "a", np.arange(100, dtype=np.int64))
    with pytest.raises(Refusal, match="linkage-state-damaged"):
        Pages(tmp_path / "a", OTHER)
    file = tmp_path / "a" / "pages-0.bin"
    raw = bytearray(file.read_bytes())
    raw[20] ^= 1
    file.write_bytes(bytes(raw))
    with pytest.raises(Refusal, match="linkage-state-damaged"):
        Pages(tmp_path / "a", KEY).all("values")


def test_another_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    written(tmp_path / "a", np.arange(10, dtype=np.int64))
    (tmp_path / "a" / "state.json").write_text('{"version": 99, "key": "x"}')
    with pytest.raises(Refusal) as caught:
        table.key_name(tmp_path / "a")
    assert caught.value.code == "linkage-state-version"
    assert "--model" in caught.value.read("en")


def test_person_ids_depend_on_key_lineage_and_number_alone() -> None:
    serials = np.arange(2000)
    ids = {row.tobytes() for row in KEY.person_id_bytes(serials, "one")}
    assert len(ids) == 2000
    assert ids == {row.tobytes() for row in KEY.person_id_bytes(serials, "one")}
    assert not ids & {row.tobytes() for row in KEY.person_id_bytes(serials, "two")}
    assert not ids & {row.tobytes() for row in OTHER.person_id_bytes(serials, "one")}


def test_a_withdrawn_registration_leaves_no_trace_in_the_new_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FOLD_FROM", 1e9)
    world = town(random.Random(5), 30)
    link_whole(tmp_path / "first", world)
    gone = sorted(world)[3::7]
    deliver(tmp_path / "first", tmp_path / "second", {}, gone)
    kept = Kept(tmp_path / "second", KEY, SHAPE)
    nodes = np.array([sorted(world).index(name) for name in gone])
    assert kept.dead.tolist() == nodes.tolist()
    assert not kept.rows(nodes).tobytes().strip(b"\0")
    assert (kept.pages.take("named", nodes) == 0).all()
    for name in kept.pages.arrays:
        if name.endswith(("/base", "/since")) and not name.startswith("judged"):
            found = kept.pages.all(name)
            assert not indexes.within((found & np.uint64(0xFFFFFFFF)).astype(np.int64), nodes).any(), name
    whole = (tmp_path / "second" / "persons.csv").read_text() + (tmp_path / "second" / "review.csv").read_text()
    for name in gone:
        assert ",".join(name.split(SEPARATOR)) not in whole
    assert persons(tmp_path / "second").keys() == world.keys() - set(gone)
    # The page of the withdrawn row had a key that only the earlier page table still has.
    first = Pages(tmp_path / "first" / "state", KEY)
    changed = first.arrays["rows"].entries["key"] != kept.pages.arrays["rows"].entries["key"]
    assert changed.any(axis=1).tolist() == [True] * len(changed.any(axis=1))


def test_lines_keep_their_places_when_others_are_cut(tmp_path: Path) -> None:
    ids = KEY.person_id_bytes(np.arange(6), "")
    sites, locals_ = pa.array(["A", 'B"', "C,C", "D\n", "Eé"]), pa.array(["1", "2", "3", "4", "5"])
    at, length = lines.write(tmp_path / "a.csv", sites, locals_, lambda start, stop: ids[start:stop])
    cuts, new_at, new_length = lines.rewrite(
        tmp_path / "a.csv", tmp_path / "b.csv", lines.NO_CUTS, (at[[1, 3]], length[[1, 3]]), (at[[4]], length[[4]], ids[[0]]),
        (pa.array(["F"]), pa.array(["6"]), ids[[5]]),
    )  # fmt: skip
    cuts, _, _ = lines.rewrite(
        tmp_path / "b.csv", tmp_path / "c.csv", cuts, (at[[0]], length[[0]]), (new_at, new_length, ids[[1]]), (sites[:0], locals_[:0], ids[:0])
    )  # fmt: skip
    everything = np.array([at[2], at[4], new_at[0]]), np.array([length[2], length[4], new_length[0]])
    found = lines.read(tmp_path / "c.csv", cuts, *everything)
    assert found.column("site_id").to_pylist() == ["C,C", "Eé", "F"]
    assert found.column("person_id").to_pylist() == [ids[each].tobytes().decode() for each in (2, 0, 1)]
    assert (tmp_path / "c.csv").read_text().count("\n") == 4
