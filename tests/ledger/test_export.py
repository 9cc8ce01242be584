"""The export: stands alone, the same bytes each time, in the open forms, and only of what is signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiban_operator import database
from kiban_operator.ledger import audit, book, kinds, merkle, notes, tiles
from kiban_processing.refusals import Refusal


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_folder_holds_everything_in_its_form(story: Path) -> None:
    held = contents(story)
    assert set(held) == {
        "README.txt", "keys.txt", "checkpoint", "checkpoints/00000003", "checkpoints/00000012", "entries.jsonl", "reveals.jsonl",
        "documents/R-1.manifest.json", "documents/R-1.evidence.json", "tile/0/000.p/17", "tile/entries/000.p/17",
    }  # fmt: skip
    assert "kiban audit" in held["README.txt"].decode()
    rows = held["entries.jsonl"].split(b"\n")[:-1]
    assert [json.loads(row)["seq"] for row in rows] == list(range(17))
    assert held["tile/0/000.p/17"] == b"".join(merkle.leaf_hash(row) for row in rows)
    assert held["tile/entries/000.p/17"] == b"".join(len(row).to_bytes(2, "big") + row for row in rows)
    assert len(held["reveals.jsonl"].splitlines()) == 3


def test_names_of_recipients_stand_in_the_reveals_only(story: Path) -> None:
    for name, content in contents(story).items():
        assert ("中央製薬".encode() in content) == (name == "reveals.jsonl"), name


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_same_book_gives_the_same_bytes_on_either_database(desk: Any, story: Path, tmp_path: Path) -> None:
    desk.tell()
    assert contents(desk.export(tmp_path / "again")) == contents(story)
    assert contents(desk.export(tmp_path / "twice")) == contents(story)


def test_nothing_is_overwritten_and_nothing_unsigned_leaves(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("refused")
    desk.receive()
    with pytest.raises(Refusal, match="ledger-not-signed"):
        desk.export(tmp_path / "out", {})
    assert not (tmp_path / "out").exists()
    desk.sign()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    for name in ("full", "file"):
        with pytest.raises(Refusal, match="ledger-export-not-empty"):
            desk.export(tmp_path / name, {})
    (tmp_path / "empty").mkdir()
    assert audit.audit(desk.export(tmp_path / "empty", {})).ok
    desk.receive()
    with pytest.raises(Refusal, match="ledger-not-signed"):
        desk.export(tmp_path / "later", {})
    with pytest.raises(ValueError, match="plain file name"):
        desk.sign()
        desk.export(tmp_path / "outside", {"../x": b""})


def test_empty_book_is_a_book(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("empty")
    desk.sign()
    found = audit.audit(desk.export(tmp_path / "out", {}))
    assert found.ok, found.read("en")
    assert found.size == 0


def test_tiles_of_more_than_one_level(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    desk = new_desk("many")
    with database.transaction(desk.engine) as session:
        for number in range(600):
            facts = {"hospital": f"H{number:03}"}
            book.append(session, desk.circumstances("p-data"), kinds.HOSPITAL_REGISTERED, f"hospital/H{number:03}", facts)
    desk.sign()
    folder = desk.export(tmp_path / "out", {})
    held = contents(folder)
    assert {name for name in held if name.startswith("tile")} == {
        "tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88",
    }  # fmt: skip
    found = audit.audit(folder)
    assert found.ok, found.read("en")
    # the upper tile alone, with the rest of the lowest, leads to the root
    upper = held["tile/1/000.p/2"]
    leaves = [held["tile/0/002.p/88"][i : i + 32] for i in range(0, 88 * 32, 32)]
    table = merkle.levels(leaves)
    tail = merkle.root(88, lambda level, index: table[level][index])
    root = merkle.node_hash(merkle.node_hash(upper[:32], upper[32:]), tail)
    assert notes.open_checkpoint(held["checkpoint"], [desk.signer.verifier])[0].root == root


@pytest.mark.parametrize(("index", "path"), [(0, "000"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")])
def test_tile_numbers(index: int, path: str) -> None:
    assert tiles.number(index) == path


def test_document_that_no_entry_names_is_left_out(new_desk: Callable[[str], Any], tmp_path: Path) -> None:
    """The evidence of a release that was refused lies beside the others, but is no part of the book."""
    desk = new_desk("stray")
    desk.tell()
    folder = desk.export(tmp_path / "out", desk.documents | {"R-9.evidence.json": b"{}"})
    assert sorted(path.name for path in (folder / "documents").iterdir()) == sorted(desk.documents)
    assert audit.audit(folder).ok
