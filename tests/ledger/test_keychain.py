"""A new key of the ledger: announced by an entry, taken up by a checkpoint that both keys sign, and nothing else accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiban_operator import database
from kiban_operator.ledger import audit, keychain, kinds, notes, signer, statements, verdict
from kiban_operator.ledger.verdict import Check
from kiban_processing.refusals import Refusal


def failed(found: verdict.Verdict) -> set[Check]:
    return {finding.check for finding in found.findings if finding.fails}


def announce(desk: Any) -> notes.Verifier:
    with database.transaction(desk.engine) as session:
        return signer.announce_key(session, desk.circumstances("p-security"), desk.signer)


def take_up(desk: Any) -> None:
    with database.transaction(desk.engine) as session:
        desk.signer = signer.take_up_key(session, desk.circumstances("p-security"), desk.signer)


def test_both_keys_lead_to_the_same_verdict(desk: Any, tmp_path: Path) -> None:
    desk.receive()
    desk.sign()
    old = desk.signer.verifier
    new = announce(desk)
    take_up(desk)
    assert desk.signer.verifier == new != old
    assert signer.open_signer(desk.signer.folder).verifier == new
    assert not (desk.signer.folder / "ledger.key.next").exists()
    assert desk.sign() == desk.sign()  # the note of both keys stays the note of this size
    desk.receive()
    desk.sign()
    folder = desk.export(tmp_path / "out", {})
    for key in (old.text, new.text, None):
        found = audit.audit(folder, trusted_key=key)
        assert found.ok, found.read("en")
    assert failed(audit.audit(folder, trusted_key=notes.Verifier(old.name, notes.public_of(bytes(32))).text)) == {Check.V1}


def test_without_the_checkpoint_of_both_keys_the_old_key_vouches_for_nothing(desk: Any, tmp_path: Path) -> None:
    desk.receive()
    old = desk.signer.verifier
    announce(desk)
    take_up(desk)
    desk.receive()
    desk.sign()
    folder = desk.export(tmp_path / "out", {})
    (folder / "checkpoints" / "00000004").unlink()
    assert failed(audit.audit(folder, trusted_key=old.text)) == {Check.V1}
    assert audit.audit(folder, trusted_key=desk.signer.verifier.text).ok


def test_old_key_after_the_hand_over_and_new_key_before_it_are_found(desk: Any, tmp_path: Path) -> None:
    desk.receive()
    desk.sign()
    stolen = (desk.signer.folder / "ledger.key").read_bytes()
    announce(desk)
    take_up(desk)
    desk.receive()
    fresh = (desk.signer.folder / "ledger.key").read_bytes()
    (desk.signer.folder / "ledger.key").write_bytes(stolen)
    back = desk.sign()
    (desk.signer.folder / "ledger.key").write_bytes(fresh)
    desk.receive()
    desk.sign()
    folder = desk.export(tmp_path / "out", {})
    found = audit.audit(folder)
    assert failed(found) == {Check.V1}
    assert any(keychain.RETURNED.en in finding.what.en for finding in found.findings)
    body, _ = notes.open_note(back.encode(), [notes.Verifier(desk.signer.verifier.name, notes.public_of(_seed(stolen)))])
    assert body
    early = notes.read_checkpoint(notes.open_note((folder / "checkpoints" / "00000003").read_bytes(), _both(stolen, fresh))[0])
    (folder / "checkpoints" / "00000003").write_text(notes.sign(early.body, early.origin, _seed(fresh)), encoding="utf-8")
    assert any(keychain.TOO_EARLY.en in finding.what.en for finding in audit.audit(folder).findings)


def _seed(file: bytes) -> bytes:
    from base64 import b64decode

    return b64decode(file.decode().strip().split("+", 4)[4])[1:]


def _both(*files: bytes) -> list[notes.Verifier]:
    return [notes.Verifier("kiban.example.jp/ledger", notes.public_of(_seed(file))) for file in files]


def test_key_is_taken_up_only_when_announced_and_at_once(desk: Any, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="ledger-key-not-announced"):
        take_up(desk)
    announce(desk)
    desk.sign()
    with pytest.raises(Refusal, match="ledger-key-not-announced"):
        take_up(desk)
    announce(desk)
    take_up(desk)
    assert audit.audit(desk.export(tmp_path / "out", {})).ok


def test_rolled_back_announcement_is_not_taken_up(desk: Any) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), database.transaction(desk.engine) as session:
        signer.announce_key(session, desk.circumstances("p-security"), desk.signer)
        raise Stop
    with pytest.raises(Refusal, match="ledger-key-not-announced"):
        take_up(desk)


OWN, OTHER = (notes.Verifier("a/b", notes.public_of(bytes([number]) * 32)) for number in (1, 2))


def row(old: object, new: object) -> bytes:
    return statements.canonical({"kind": kinds.LEDGER_KEY_ROTATED.name, "facts": {"old": old, "new": new}})


@pytest.mark.parametrize(
    "rows",
    [
        [b'{"kind":"ledger.key-rotated"'],
        [b'[{"kind":"ledger.key-rotated"}]'],
        [b'{"facts":[],"kind":"ledger.key-rotated"}'],
        [row(None, 1)],
        [row(OWN.text, "x")],
        [row(OWN.text, OWN.text)],
        [row(OWN.text, notes.Verifier("a/c", OTHER.public).text)],
        [row(OWN.text, OTHER.text), row(OTHER.text, OWN.text)],
        [row(OTHER.text, notes.Verifier("a/b", notes.public_of(bytes(32))).text)],
    ],
)
def test_wrong_chains_are_faults(rows: list[bytes]) -> None:
    assert not isinstance(keychain.read(rows, OWN), keychain.Keychain)


def test_chain_without_rotation_is_the_own_key(new_desk: Callable[[str], Any]) -> None:
    assert keychain.read([b"{}", b"\xff"], OWN) == keychain.Keychain((OWN,), (-1,))
    assert keychain.read([b"{}", row(OWN.text, OTHER.text)], OTHER) == keychain.Keychain((OWN, OTHER), (-1, 1))
