"""Tampering with an export: one flipped byte anywhere, and every attack on the order of the entries, with and without the ledger's key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiban_operator.ledger import audit, merkle, notes, statements, tiles, verdict
from kiban_operator.ledger.verdict import Check

LOG_SEED = Random(7).randbytes(32)  # as the desks of this folder make it
ORIGIN = "kiban.example.jp/ledger"
WITHIN = settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])


def failed(found: verdict.Verdict) -> set[Check]:
    return {finding.check for finding in found.findings if finding.fails}


def flipped(path: Path, offset: int, bit: int) -> Iterator[None]:
    content = path.read_bytes()
    changed = bytearray(content)
    changed[offset] ^= 1 << bit
    path.write_bytes(bytes(changed))
    yield
    path.write_bytes(content)


def rows_of(folder: Path) -> list[bytes]:
    return (folder / "entries.jsonl").read_bytes().split(b"\n")[:-1]


def rewrite(folder: Path, rows: list[bytes], seed: bytes | None = None) -> None:
    """Replace the entries and make tiles that fit; with the key also the checkpoint, dropping earlier ones that no longer fit."""
    table = merkle.levels([merkle.leaf_hash(row) for row in rows])
    (folder / "entries.jsonl").write_bytes(b"".join(row + b"\n" for row in rows))
    shutil.rmtree(folder / "tile")
    for name, content in tiles.files(rows, table):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if seed is not None:
        root = merkle.root(len(rows), lambda level, index: table[level][index])
        (folder / "checkpoint").write_text(notes.sign(notes.Checkpoint(ORIGIN, len(rows), root).body, ORIGIN, seed), encoding="utf-8")
        shutil.rmtree(folder / "checkpoints")


def edited(row: bytes, **changes: Any) -> bytes:
    return statements.canonical(json.loads(row) | changes)


@WITHIN
@given(data=st.data())
def test_one_flipped_bit_in_entries_tiles_reveals_or_documents_is_found(story: Path, data: st.DataObject) -> None:
    names = sorted(path for path in story.rglob("*") if path.is_file() and path.name != "README.txt" and path.stat().st_size > 0)
    path = data.draw(st.sampled_from(names), label="file")
    offset = data.draw(st.integers(0, path.stat().st_size - 1), label="offset")
    for _ in flipped(path, offset, data.draw(st.integers(0, 7), label="bit")):
        assert not audit.audit(story).ok
    assert audit.audit(story).ok


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints/00000003"])
def test_every_byte_of_a_checkpoint_matters(story: Path, name: str) -> None:
    path = story / name
    for offset in range(path.stat().st_size):
        for _ in flipped(path, offset, offset % 8):
            assert Check.V1 in failed(audit.audit(story)), offset


@WITHIN
@given(data=st.data())
def test_any_garbage_gives_a_verdict_and_never_passes(story: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([story / name for name in ("checkpoint", "entries.jsonl", "reveals.jsonl", "keys.txt")]))
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    put = data.draw(st.binary(max_size=40))
    changed = content[:start] + put + content[end:]
    path.write_bytes(changed)
    try:
        found = audit.audit(story)
        assert found.ok == (changed == content)
        assert audit.UNFINISHED not in [finding.what for finding in found.findings]
        assert found.read("ja")
    finally:
        path.write_bytes(content)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(WITHIN, max_examples=100)
@given(data=st.data())
def test_a_signed_book_of_nonsense_gives_a_verdict(story: Path, data: st.DataObject) -> None:
    """Who holds the key can sign anything: whatever values stand in the entries, the audit ends with a verdict."""
    keep = [(path, path.read_bytes()) for path in story.rglob("*") if path.is_file()]
    rows = rows_of(story)
    at = data.draw(st.integers(0, len(rows) - 1))
    entry = json.loads(rows[at])
    where = data.draw(st.sampled_from([entry, entry["facts"]]))
    name = data.draw(st.sampled_from(sorted(where)))
    where[name] = data.draw(VALUES)
    try:
        rewrite(story, [*rows[:at], statements.canonical(entry), *rows[at + 1 :]], LOG_SEED)
        found = audit.audit(story)
        assert audit.UNFINISHED not in [finding.what for finding in found.findings]
        assert Check.V1 not in failed(found)
        assert Check.V2 not in failed(found)
        assert found.read("en")
    finally:
        shutil.rmtree(story)
        for path, content in keep:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


ATTACKS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edited": lambda rows: [*rows[:4], edited(rows[4], actor="p-x"), *rows[5:]],
    "removed": lambda rows: [*rows[:4], *rows[5:]],
    "removed and renumbered": lambda rows: [edited(row, seq=at) for at, row in enumerate([*rows[:1], *rows[2:]])],
    "inserted": lambda rows: [*rows[:5], edited(rows[4], seq=5), *rows[5:]],
    "swapped": lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]],
    "back-dated": lambda rows: [*rows[:9], edited(rows[9], at="2026-11-20T09:00:00+09:00"), *rows[10:]],
    "truncated": lambda rows: rows[:-2],
    "emptied": lambda rows: [],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_by_who_holds_the_database_is_found(story: Path, attack: str) -> None:
    rewrite(story, ATTACKS[attack](rows_of(story)))
    assert Check.V2 in failed(audit.audit(story))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_by_who_also_holds_the_key_is_found_with_an_earlier_checkpoint(story: Path, attack: str) -> None:
    kept = (story / "checkpoint").read_bytes()
    rewrite(story, ATTACKS[attack](rows_of(story)), LOG_SEED)
    found = audit.audit(story, earlier=kept)
    assert failed(found) >= {Check.V3}
    assert failed(found).isdisjoint({Check.V1, Check.V2})


def test_attack_on_entries_alone_names_the_entry(story: Path) -> None:
    rows = rows_of(story)
    rows[6] = edited(rows[6], actor="p-x")
    (story / "entries.jsonl").write_bytes(b"".join(row + b"\n" for row in rows))
    found = audit.audit(story)
    assert 6 in [finding.seq for finding in found.of(Check.V2)]


@pytest.mark.parametrize("attack", ["removed", "inserted", "swapped", "back-dated"])
def test_broken_order_is_found_even_when_signed(story: Path, attack: str) -> None:
    rewrite(story, ATTACKS[attack](rows_of(story)), LOG_SEED)
    assert Check.V5 in failed(audit.audit(story))


def test_full_rewrite_with_the_key_passes_alone_but_not_beside_an_earlier_checkpoint(
    new_desk: Callable[[str], Any], story: Path, tmp_path: Path
) -> None:
    """Why the auditor keeps checkpoints: an entirely new, well-told story is only betrayed by the old one."""
    liar = new_desk("liar")
    liar.clock = liar.clock.replace(hour=3)
    liar.tell(deliver={"sealed": {"recipient_name": "別の会社", "recipient_address": "大阪市", "recipient_identifier": "2"}})
    other = liar.export(tmp_path / "lie")
    assert audit.audit(other).ok
    for name in ("checkpoint", "checkpoints/00000003", "checkpoints/00000012"):
        assert failed(audit.audit(other, earlier=(story / name).read_bytes())) == {Check.V3}


def test_earlier_checkpoint_that_fits_passes_and_a_foreign_one_does_not(story: Path) -> None:
    assert audit.audit(story, earlier=(story / "checkpoints" / "00000003").read_bytes()).ok
    foreign = notes.sign(notes.Checkpoint(ORIGIN, 0, merkle.EMPTY).body, ORIGIN, bytes(32)).encode()
    assert not audit.audit(story, earlier=foreign).ok
    assert not audit.audit(story, earlier=b"\xff").ok


def test_earlier_checkpoint_under_another_size_is_found(story: Path) -> None:
    (story / "checkpoints" / "00000003").rename(story / "checkpoints" / "00000004")
    assert failed(audit.audit(story)) == {Check.V3}


@pytest.mark.parametrize("name", ["checkpoint", "entries.jsonl", "reveals.jsonl", "keys.txt", "tile/0/000.p/17", "tile/entries/000.p/17"])
def test_missing_file_is_found(story: Path, name: str) -> None:
    (story / name).unlink()
    assert not audit.audit(story).ok


def test_extra_tile_is_found_and_a_stray_file_is_noted(story: Path) -> None:
    (story / "notes.txt").write_bytes(b"x")
    found = audit.audit(story)
    assert found.ok
    assert any("notes.txt" in finding.what.en for finding in found.of(Check.V9))
    (story / "tile" / "0" / "001.p").mkdir()
    (story / "tile" / "0" / "001.p" / "1").write_bytes(bytes(32))
    assert failed(audit.audit(story)) == {Check.V2}


def test_no_folder_at_all_is_a_verdict(tmp_path: Path) -> None:
    found = audit.audit(tmp_path / "nowhere")
    assert failed(found) >= {Check.V1, Check.V2}
    assert found.size is None


def test_names_of_files_cannot_imitate_the_report(story: Path) -> None:
    (story / "x\nV1 signature of the checkpoints: pass").write_bytes(b"")
    (story / "documents" / "y\nV2: pass").write_bytes(b"")
    with (story / "entries.jsonl").open("ab") as file:
        file.write(statements.canonical(json.loads(rows_of(story)[0]) | {"facts": {"hospital": "H001", "a\nV3: pass": 1}}) + b"\n")
    report = audit.audit(story).read("en")
    assert not any(line.startswith(("V1 signature of the checkpoints: pass [", "V2: pass", "V3: pass")) for line in report.splitlines())
    assert report.count("\nV1 ") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prev": 0}, "previous entry"),
        ({"prev": None}, "previous entry"),
        ({"seq": 99}, "not the next one"),
        ({"at": "2026-11-20T08:00:00+09:00"}, "before the previous entry's"),
        ({"at": "2026-11-20T00:30:00+00:00"}, "not Japan's"),
        ({"kind": "release.undone"}, "unknown kind"),
        ({"v": 2}, "frame is wrong"),
        ({"more": 1}, "not framed"),
        ({"actor": ""}, "frame is wrong"),
    ],
)
def test_each_fault_of_a_signed_entry_is_named_at_its_place(story: Path, changes: dict[str, Any], said: str) -> None:
    rows = rows_of(story)
    at = next(number for number, row in enumerate(rows) if json.loads(row)["kind"] == "release.committed")
    rewrite(story, [*rows[:at], edited(rows[at], **changes), *rows[at + 1 :]], LOG_SEED)
    found = [finding for finding in audit.audit(story).of(Check.V5) if said in finding.what.en]
    assert [finding.seq for finding in found][:1] == [at]


def test_entry_in_other_than_canonical_bytes_is_found_even_when_signed(story: Path) -> None:
    rows = rows_of(story)
    rewrite(story, [json.dumps(json.loads(rows[0])).encode(), *rows[1:]], LOG_SEED)
    found = audit.audit(story).of(Check.V5)
    assert (found[0].seq, "canonical" in found[0].what.en) == (0, True)
