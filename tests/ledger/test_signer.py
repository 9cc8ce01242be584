"""The signer: remembers what it signed and signs nothing that does not continue it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from kiban_operator import database
from kiban_operator.ledger import book, kinds, merkle, notes, signer
from kiban_processing.refusals import Refusal


def write(desk: Any, number: int = 1) -> None:
    desk.write("p-data", kinds.HOSPITAL_REGISTERED, f"hospital/H{number:03}", {"hospital": f"H{number:03}"})


def forge(desk: Any, *statements: str) -> None:
    """What the owner of the database can do: drop the guards, then change rows."""
    with desk.engine.begin() as connection:
        for name in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.execute(sa.text(f"DROP TRIGGER {name}"))
        for statement in statements:
            connection.execute(sa.text(statement))


def test_signs_what_stands_and_keeps_it(desk: Any) -> None:
    assert notes.open_checkpoint(desk.sign().encode(), [desk.signer.verifier])[0].root == merkle.EMPTY
    for number in range(5):
        write(desk, number)
        note = desk.sign()
        checkpoint, _ = notes.open_checkpoint(note.encode(), [desk.signer.verifier])
        assert checkpoint.size == number + 1
        assert desk.sign() == note
    with database.transaction(desk.engine) as session:
        kept = signer.checkpoints(session)
    assert [size for size, _ in kept] == [0, 1, 2, 3, 4, 5]
    assert kept[-1][1] == note


def test_key_is_private_never_overwritten_and_opens_again(tmp_path: Path) -> None:
    made = signer.create(tmp_path / "keys", "example.jp/log", Random(1).randbytes)
    assert signer.open_signer(tmp_path / "keys") == made
    assert stat.S_IMODE((tmp_path / "keys" / "ledger.key").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        signer.create(tmp_path / "keys", "example.jp/log", Random(2).randbytes)
    assert signer.open_signer(tmp_path / "keys") == made
    assert "KEY" not in repr(made)


@pytest.mark.parametrize("origin", ["", "a b", "a+b"])
def test_bad_origin_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(Refusal, match="ledger-origin"):
        signer.create(tmp_path / "keys", origin, Random(1).randbytes)


@pytest.mark.parametrize("name", ["ledger.key", "ledger.signed"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"size": "1", "root": ""}', b"PRIVATE+KEY+a+00000000+AAAA\n"])
def test_missing_or_damaged_key_or_memory_is_refused(new_desk: Callable[[str], Any], name: str, content: bytes | None) -> None:
    desk = new_desk("damaged")
    write(desk)
    path = desk.signer.folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refusal, match="ledger-key-not-usable"):
        desk.sign()


def test_rewritten_or_shortened_book_is_not_signed(new_desk: Callable[[str], Any]) -> None:
    true, other = new_desk("true"), new_desk("other")
    for number in range(6):
        write(true, number)
        write(other, number + (number == 2))
    true.sign()
    rewritten = type(other)(other.engine, true.signer, clock=other.clock)
    with pytest.raises(Refusal, match="ledger-forked"):
        rewritten.sign()
    write(rewritten, 9)
    with pytest.raises(Refusal, match="ledger-forked"):
        rewritten.sign()
    short = new_desk("short")
    write(short, 0)
    with pytest.raises(Refusal, match="ledger-forked"):
        type(short)(short.engine, true.signer, clock=short.clock).sign()


def test_changed_body_or_hash_since_the_last_signature_is_not_signed(new_desk: Callable[[str], Any]) -> None:
    for name, statement in {
        "body": "UPDATE ledger_entries SET body = CAST(replace(body, 'H002', 'H009') AS BLOB) WHERE seq = 2",
        "leaf": "UPDATE ledger_entries SET leaf = zeroblob(32) WHERE seq = 2",
        "node": "UPDATE ledger_nodes SET hash = zeroblob(32) WHERE level = 1 AND idx = 1",
        "missing": "DELETE FROM ledger_entries WHERE seq = 2",
        "missing node": "DELETE FROM ledger_nodes WHERE level = 1 AND idx = 1",
    }.items():
        desk = new_desk(name)
        write(desk, 0)
        desk.sign()
        for number in range(1, 5):
            write(desk, number)
        forge(desk, statement)
        with pytest.raises(Refusal, match="ledger-damaged"):
            desk.sign()


def test_rolled_back_checkpoint_is_signed_again_the_same(new_desk: Callable[[str], Any]) -> None:
    desk = new_desk("rolled")
    write(desk)
    with database.transaction(desk.engine) as session:
        note = signer.sign_checkpoint(session, desk.circumstances("signer"), desk.signer)
        session.rollback()
    assert desk.sign() == note


def test_other_texts_are_signed_but_never_one_like_a_checkpoint(tmp_path: Path) -> None:
    made = signer.create(tmp_path / "keys", "example.jp/log", Random(1).randbytes)
    note = signer.sign_text(made, "kiban/manifest/v1\nR-1\n")
    assert notes.open_note(note.encode(), [made.verifier])[0] == "kiban/manifest/v1\nR-1\n"
    with pytest.raises(notes.Unreadable):
        notes.open_checkpoint(note.encode(), [made.verifier])
    with pytest.raises(ValueError, match="checkpoint"):
        signer.sign_text(made, notes.Checkpoint("example.jp/log", 1, bytes(32)).body)


def test_what_is_not_committed_is_not_signed(new_desk: Callable[[str], Any]) -> None:
    """Else a rollback would leave the signer ahead of the book for ever."""
    desk = new_desk("open")
    with pytest.raises(RuntimeError, match="committed"), database.transaction(desk.engine) as session:
        book.append(session, desk.circumstances("p-data"), kinds.HOSPITAL_REGISTERED, "hospital/H001", {"hospital": "H001"})
        signer.sign_checkpoint(session, desk.circumstances("signer"), desk.signer)
    write(desk)
    assert notes.open_checkpoint(desk.sign().encode(), [desk.signer.verifier])[0].size == 1
